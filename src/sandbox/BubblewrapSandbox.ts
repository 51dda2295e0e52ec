/**
 * Sandbox of namespaces on Linux, by the program `bwrap` (bubblewrap): commands see one folder and a read-only system, have no
 * network and no other processes, and are gone with this process. It starts in a few milliseconds and needs no image.
 */
import { randomUUID } from "node:crypto"
import * as Fs from "node:fs"
import { tmpdir } from "node:os"
import * as Path from "node:path"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Confined from "./internal/confined.ts"
import { usualPath } from "./internal/environment.ts"
import * as Process from "./internal/process.ts"
import * as Command from "./internal/processCommand.ts"
import * as Exec from "./internal/processExec.ts"
import * as Walls from "./internal/processWalls.ts"
import * as Running from "./internal/running.ts"
import { bySignal } from "./internal/signals.ts"
import type { Completed, Limits, Service } from "./Sandbox.ts"
import { run, Sandbox } from "./Sandbox.ts"
import type { Reason } from "./SandboxError.ts"
import { SandboxError } from "./SandboxError.ts"

/**
 * What commands see of this machine.
 *
 * **Details**
 *
 * - `folder`: where commands run and relative paths begin; the one folder of this machine that they write. `at`: where they see
 *   it; where it is unless given. `readOnly`: further folders that they read.
 * - `network`: whether they have that of this machine, services that listen on its loopback included. Not unless given.
 * - `environment`: variables that commands see. Of this process's own they see `LANG`, `LANGUAGE`, `LC_*`, `TERM` and `TZ`.
 * - `limits`: of commands that do not say otherwise. Default: 1024 processes at once, and nothing else.
 * - `mostBytes`: what `read` reads at once; 64 MiB. `program`: bubblewrap, looked for on the `PATH` unless given.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly folder: string
  readonly at?: string | undefined
  readonly readOnly?: ReadonlyArray<{ readonly path: string; readonly at?: string | undefined }> | undefined
  readonly network?: boolean | undefined
  readonly hostname?: string | undefined
  readonly environment?: Readonly<Record<string, string>> | undefined
  readonly limits?: Limits | undefined
  readonly mostBytes?: number | undefined
  readonly program?: string | undefined
}

/**
 * A sandbox of namespaces.
 *
 * **Details**
 *
 * - Commands see `/usr` and what belongs to it as they are on this machine, a few settings of `/etc`, `folder`, and `/tmp` and
 *   a home of their own, both empty at first and kept from command to command until the scope closes.
 * - They run without capabilities, as a user who is not root and can become nobody else. What they write belongs to the user
 *   of this process.
 * - What a command left behind ends with it, not with its scope. A command that was ended by a signal is told by its code of
 *   128 and the signal's number, and so is one that exits with such a code.
 * - Limits are as in `LocalSandbox`. Terminals need the optional peer `node-pty`.
 * - Errors: `Unavailable` when there is no bubblewrap or the system does not let it make namespaces; says what to do.
 *
 * **Gotchas**
 *
 * The kernel is shared: a hole in it is a hole in this wall. What any user can read below `/usr` can be read.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options): Effect.Effect<Service, SandboxError, Scope.Scope> => {
  Running.checkLimits("limits", options.limits)
  return Effect.gen(function* () {
    const program = yield* programOf(options.program ?? "bwrap")
    const own = yield* ownFolder
    const roots = rootsOf(options, own)
    yield* Effect.sync(() => makePlaces(roots))
    const {
      enter,
      exact: _,
      ...files
    } = yield* Confined.make({
      roots,
      folder: options.at ?? Path.resolve(options.folder),
      mostBytes: options.mostBytes
    })
    const bound = boundOf(roots)
    const holder = bound.find(({ host }) => own.startsWith(`${host}/`) && !host.startsWith(own))
    if (holder !== undefined)
      return yield* failed(holder.host, { _tag: "Invalid", problem: `${holder.host} ${tooWide}` })
    const host = yield* Process.host
    const environment = { ...Walls.environment(process.env, usualPath), ...options.environment }
    const network = options.network === true
    const hostname = options.hostname ?? "sandbox"
    const sandboxOf = (canDisable: boolean): Service => ({
      ...files,
      description: describe(files.folder, network),
      exec: Exec.make(
        host,
        { folder: files.folder, enter },
        {
          environment,
          limits: { ...defaultLimits, ...options.limits },
          seen: Walls.seen(bound),
          ended: bySignal,
          isBetween: (entry, root) => entry.pid === root || entry.parent === root,
          enclose: enclosed(program, own, Walls.options({ bound, names: own, network, hostname, canDisable }))
        }
      )
    })
    const strict = sandboxOf(true)
    const first = yield* tried(strict)
    if (first.exit.code === 0) return strict
    // Bubblewrap before 0.8 cannot do that.
    if (!first.stderr.includes("--disable-userns")) return yield* forbidden(first.stderr)
    const lax = sandboxOf(false)
    const second = yield* tried(lax)
    return second.exit.code === 0 ? lax : yield* forbidden(second.stderr)
  })
}

/**
 * Layer with a sandbox of namespaces, as `make` makes it.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options): Layer.Layer<Sandbox, SandboxError> => Layer.scoped(Sandbox, make(options))

// internal

const defaultLimits: Limits = { processes: 1024 }

const failed = (subject: string, reason: Reason): SandboxError =>
  new SandboxError({ operation: "make", subject, reason })

const programOf = (program: string): Effect.Effect<string, SandboxError> =>
  Effect.suspend(() => {
    const found = Command.locate(program, process.env.PATH, process.cwd())
    if (typeof found === "string") return Effect.succeed(found)
    const problem =
      process.platform === "linux"
        ? "bubblewrap is not installed; install it (apt install bubblewrap, dnf install bubblewrap)"
        : "bubblewrap needs Linux; use a container"
    return failed(program, { _tag: "Unavailable", problem })
  })

/** Runs nothing, to see whether anything can be run. */
const tried = (sandbox: Service): Effect.Effect<Completed, SandboxError> =>
  Effect.provideService(run(["/bin/true"]), Sandbox, sandbox)

const forbidden = (complaint: string): SandboxError =>
  failed("bwrap", {
    _tag: "Unavailable",
    problem:
      `the system does not let bubblewrap make its namespaces (${complaint.trim()}); allow user namespaces ` +
      "(sysctl kernel.unprivileged_userns_clone=1; on Ubuntu an AppArmor profile for bwrap, or sysctl " +
      "kernel.apparmor_restrict_unprivileged_userns=0), and in a container give it the right to make them"
  })

const tooWide = "holds the temporary files of this process, which commands must not change; give a smaller folder"

/** A folder for what commands call their own, and for what bubblewrap reads; the latter they do not see. */
const ownFolder = Effect.acquireRelease(
  Effect.sync(() => {
    const folder = Fs.realpathSync(Fs.mkdtempSync(Path.join(tmpdir(), "axonal-")))
    for (const name of ["tmp", "home", "orders"]) Fs.mkdirSync(Path.join(folder, name))
    for (const [name, text] of Object.entries(Walls.nameFiles())) Fs.writeFileSync(Path.join(folder, name), text)
    return folder
  }),
  (folder) => Effect.promise(() => Fs.promises.rm(folder, { recursive: true, force: true }))
)

/** What files and commands both see. What is given counts over what is the sandbox's own. */
const rootsOf = ({ at, folder, readOnly = [] }: Options, own: string): ReadonlyArray<Root> => {
  const given: ReadonlyArray<Root> = [
    { path: folder, at, access: "write" },
    ...readOnly.map((root) => ({ ...root, access: "read" as const }))
  ]
  const places = new Set(given.map(({ at, path }) => at ?? Path.resolve(path)))
  const mine = [
    { path: Path.join(own, "tmp"), at: "/tmp", access: "write" as const },
    { path: Path.join(own, "home"), at: Walls.home, access: "write" as const }
  ]
  return [...given, ...mine.filter(({ at }) => !places.has(at))]
}
type Root = Confined.FilesOptions["roots"][number]

/** Makes the folders on which others are seen: bubblewrap would, but only with the first command. */
const makePlaces = (roots: ReadonlyArray<Root>): void => {
  const places = roots.map(({ at, path }) => at ?? Path.resolve(path))
  for (const { access, at, path } of roots) {
    if (at === undefined || access === "read") continue
    for (const place of places)
      if (place.startsWith(`${at}/`)) Fs.mkdirSync(path + place.slice(at.length), { recursive: true })
  }
}

/** Folders in folders come last, on top. */
const boundOf = (roots: ReadonlyArray<Root>): ReadonlyArray<Walls.Bound> =>
  roots
    .map(({ access, at, path }) => {
      const host = Fs.realpathSync(path)
      return { host, at: at ?? host, isWritable: access === "write" }
    })
    .sort((one, other) => one.at.length - other.at.length)

/** Bubblewrap reads most of its options from a file: nobody else sees what is in the environment of a command. */
const enclosed =
  (program: string, own: string, walls: ReadonlyArray<string>): NonNullable<Exec.Walls["enclose"]> =>
  (launch, folder, environment, isTerminal) =>
    Effect.map(
      Effect.acquireRelease(
        Effect.sync(() => {
          const path = Path.join(own, "orders", randomUUID())
          const variables = Object.entries(environment).flatMap(([name, value]) => ["--setenv", name, value])
          Fs.writeFileSync(path, [...walls, "--clearenv", ...variables].join("\0"), { mode: 0o600 })
          return path
        }),
        (path) => Effect.sync(() => Fs.rmSync(path, { force: true }))
      ),
      (orders) => (words) => ({
        file: Command.shell,
        arguments: [
          ...["-c", `${words}exec "$@" 9<"$0"`, orders, program, "--args", "9", "--chdir", folder],
          // A terminal of its own needs no other session, and would not be at hand in one.
          ...(isTerminal ? [] : ["--new-session"]),
          ...["--", launch.file, ...launch.arguments]
        ]
      })
    )

const describe = (folder: string, network: boolean): string =>
  `Commands run on Linux in ${folder}, as a user without rights, and see a read-only system ` +
  `${network ? "with its network" : "without a network"}. They are lines for /bin/sh or programs with arguments.`
