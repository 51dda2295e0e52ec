/**
 * Sandbox on this machine: commands run on the host itself, files are confined to folders. It keeps tools from going astray
 * and leaves nothing running; it is no wall against a command that means harm, which may do whatever this process may.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Confined from "./internal/confined.ts"
import * as Environment from "./internal/environment.ts"
import * as Process from "./internal/process.ts"
import * as Exec from "./internal/processExec.ts"
import * as Running from "./internal/running.ts"
import type { Limits, Service } from "./Sandbox.ts"
import { Sandbox } from "./Sandbox.ts"
import { SandboxError } from "./SandboxError.ts"

/**
 * Where commands run, and what they and the files' methods may use.
 *
 * **Details**
 *
 * - `folder`: where commands run and relative paths begin; read and written. `roots`: further folders for files, and for
 *   commands to be started in.
 * - `environment`: variables that commands see. `inherit`: names of this process's own that they see besides `PATH`, `HOME`,
 *   `LANG`, `LANGUAGE`, `LC_*`, `TERM`, `TZ`, `TMPDIR`, `USER`, `LOGNAME` and `SHELL`; with a star at its end one stands for
 *   all that begin so.
 * - `limits`: of commands that do not say otherwise. Default: 1024 processes at once, and nothing else.
 * - `mostBytes`: what `read` reads at once; 64 MiB.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly folder: string
  readonly roots?: ReadonlyArray<{ readonly path: string; readonly access: "read" | "write" }> | undefined
  readonly environment?: Readonly<Record<string, string>> | undefined
  readonly inherit?: ReadonlyArray<string> | undefined
  readonly limits?: Limits | undefined
  readonly mostBytes?: number | undefined
}

/**
 * A sandbox on this machine.
 *
 * **Details**
 *
 * - A command and all that it started are found by limits that children inherit and cannot raise (of processor time and of
 *   resident memory, so high that they bound nothing), by parents, sessions and a variable of the environment, whatever else
 *   they did to get away. This needs `/proc`; without it, on macOS, one that leaves both its parent and its session is lost.
 * - `memoryBytes` and `processes` are looked after every 50 milliseconds, and can be exceeded in between. `fileBytes` is the
 *   system's own limit: who exceeds it is ended by `SIGXFSZ`.
 * - A program that is not there is `NotFound` with its name as subject, a folder that is not there with that folder.
 * - Terminals need the optional peer `node-pty`.
 * - Errors: `Unavailable` on Windows.
 *
 * **Gotchas**
 *
 * A command may lower those limits, clear its environment, begin a session and lose its parent, all of it: then it is not
 * found, nor is what it has others do (a service of the machine, a container engine). Commands can write wherever this
 * process can. Use another sandbox for commands that nobody has looked at.
 *
 * Commands end with a process that exits, and with one that closes its scopes on a signal, as `NodeRuntime.runMain` has it do.
 * One that is ended by a signal that nobody handles, by `SIGKILL` say, leaves them running.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options): Effect.Effect<Service, SandboxError, Scope.Scope> => {
  Running.checkLimits("limits", options.limits)
  return Effect.gen(function* () {
    if (process.platform === "win32") return yield* onWindows
    const roots = [{ path: options.folder, access: "write" as const }, ...(options.roots ?? [])]
    const { enter, exact: _, ...files } = yield* Confined.make({ roots, mostBytes: options.mostBytes })
    const exec = Exec.make(
      yield* Process.host,
      { folder: files.folder, enter },
      {
        environment: Environment.environment(process.env, options.inherit ?? [], options.environment ?? {}),
        limits: { ...defaultLimits, ...options.limits }
      }
    )
    return { ...files, description: describe(files.folder), exec }
  })
}

/**
 * Layer with a sandbox on this machine, as `make` makes it.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options): Layer.Layer<Sandbox, SandboxError> => Layer.scoped(Sandbox, make(options))

// internal

const defaultLimits: Limits = { processes: 1024 }

const onWindows = Effect.suspend(
  () =>
    new SandboxError({
      operation: "make",
      subject: "LocalSandbox",
      reason: { _tag: "Unavailable", problem: "it needs Linux or macOS; on Windows use a container or WSL" }
    })
)

const describe = (folder: string): string =>
  `Commands run on this ${process.platform === "darwin" ? "macOS" : "Linux"} machine itself, in ${folder}, with its network. ` +
  "They are lines for /bin/sh or programs with arguments."
