/**
 * Sandbox of a container, by Docker or Podman over the engine's socket: commands see an image and one folder, have no network,
 * no rights and bounded memory, and are gone with the container. Files are seen to by the tools in the image.
 */
import * as Path from "node:path"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Check from "../internal/options.ts"
import * as Command from "./internal/containerCommand.ts"
import { connect, isPodman, unavailable } from "./internal/containerEngine.ts"
import * as Files from "./internal/containerFiles.ts"
import type { Plan } from "./internal/containerLife.ts"
import { acquire } from "./internal/containerLife.ts"
import * as Shells from "./internal/containerShells.ts"
import type { Box } from "./internal/containerStream.ts"
import * as Warden from "./internal/containerWarden.ts"
import * as Watch from "./internal/containerWatch.ts"
import { fault } from "./internal/environment.ts"
import * as Running from "./internal/running.ts"
import type { Limits, Service } from "./Sandbox.ts"
import { Sandbox } from "./Sandbox.ts"
import type { SandboxError } from "./SandboxError.ts"

/**
 * What a container is made of, and what those in it may use.
 *
 * **Details**
 *
 * - `image`: has `/bin/sh` and the usual tools for files, those of busybox or of GNU. `pull`: whether the engine gets it when it
 *   has not got it; `never` unless given.
 * - `socketPath`: of the engine; what `DOCKER_HOST` says, or the first usual place of Docker or Podman, unless given.
 * - `name`: of a container that is found again when it is there. `keep`: whether it stays, stopped, when the scope closes, with
 *   what is in `folder`; otherwise it is removed.
 * - `folder`: where commands run and relative paths begin; `/workspace`. `mount`: a folder of the engine's machine that is seen
 *   there, to be written unless `access` is `"read"`; otherwise it is empty at first, and in memory unless it is kept.
 * - `memoryBytes`: of all commands and the folders in memory together; 1 GiB, at least 6 MiB. `cpus`: processors, or a part of
 *   one; all unless given. `pids`: processes at once; 512. `folderBytes`: of `/tmp`, and of `folder` in memory; 256 MiB each.
 * - `network`: `"none"`, `"bridge"` or the name of one; none unless given.
 * - `readOnlyRoot`: whether all but `/tmp` and `folder` is read-only; yes.
 * - `user`: whom commands run as; `1000:1000`, with `mount` the user of this process unless that is root, with `"image"` that of
 *   the image.
 * - `environment`: variables that commands see besides the image's; nothing of this process's own.
 * - `limits`: of commands that do not say otherwise; none. `labels`: of the container, for whoever looks at the engine.
 * - `mostBytes`: what `read` reads at once; 64 MiB. `shells`: how many see to files at once; 4.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly image: string
  readonly pull?: "never" | "missing" | undefined
  readonly socketPath?: string | undefined
  readonly name?: string | undefined
  readonly keep?: boolean | undefined
  readonly folder?: string | undefined
  readonly mount?: { readonly path: string; readonly access?: "read" | "write" | undefined } | undefined
  readonly memoryBytes?: number | undefined
  readonly cpus?: number | undefined
  readonly pids?: number | undefined
  readonly folderBytes?: number | undefined
  readonly network?: string | undefined
  readonly readOnlyRoot?: boolean | undefined
  readonly user?: string | undefined
  readonly environment?: Readonly<Record<string, string>> | undefined
  readonly limits?: Limits | undefined
  readonly labels?: Readonly<Record<string, string>> | undefined
  readonly mostBytes?: number | undefined
  readonly shells?: number | undefined
}

/**
 * A sandbox of a container.
 *
 * **Details**
 *
 * - The container has no capabilities, can gain no rights, and runs under the engine's default filter of system calls. It ends
 *   with the scope, and with this process however that ends, unless it is kept.
 * - A command and all that it started are found by limits that children inherit and cannot raise; one that lowered them all is
 *   ended with the next command that ends. If the processes of a command cannot be ended, the container is killed.
 * - A command that was ended by a signal is told by its code of 128 and the signal's number, and so is one that exits with such
 *   a code. `out-of-memory` is told of a command that the system killed for want of `memoryBytes` of the container.
 * - Limits of a command are looked after every 50 milliseconds; `fileBytes` is the system's own.
 * - `watch` looks twice a second, on the Clock service, at no more than 50,000 files.
 * - A terminal needs no package. What is sent to it at the end of its input is the key for that.
 * - Errors: `Unavailable` when there is no engine, no right to use it, no image, or no shell and tools in it; `Invalid` when a
 *   container of that name is in use, is no sandbox or has other settings. Needs the optional peer `dockerode`.
 *
 * **Gotchas**
 *
 * The kernel is shared: a hole in it is a hole in this wall. Whoever may use the engine's socket is root on its machine; commands
 * do not see it. A `user` that is root, the image's own say, has no rights either, but can end the container. A `mount` is not
 * bounded by `folderBytes`, nor is a folder that is kept. One process at a time uses a container of a name.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options): Effect.Effect<Service, SandboxError, Scope.Scope> => {
  check(options)
  return Effect.gen(function* () {
    const engine = yield* connect(options.socketPath)
    const plan = planOf(options, yield* isPodman(engine))
    const id = yield* acquire(engine, plan)
    const { folder } = plan
    const user = userOf(options)
    const box: Box = { engine, id, user, folder }
    const warden = yield* Effect.mapError(Warden.make(box), endedAtOnce(options))
    const shells = yield* Shells.make(box, warden, options.shells ?? 4)
    const { below, locate, missing, ...files } = Files.make(shells, {
      folder,
      mostBytes: options.mostBytes ?? 64 * mebibyte
    })
    const absent = yield* missing
    if (absent.length > 0)
      return yield* unavailable(
        "make",
        options.image,
        `the image lacks ${absent.join(", ")}; take one with these tools`
      )
    return {
      ...files,
      folder,
      description: describe(options, folder, user),
      exec: Command.exec({ box, warden, limits: options.limits ?? {}, locate }),
      watch: Watch.watch({ ...files, below, locate, missing }, mostWatched)
    }
  })
}

/**
 * Layer with a sandbox of a container, as `make` makes it.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options): Layer.Layer<Sandbox, SandboxError> => Layer.scoped(Sandbox, make(options))

// internal

const mebibyte = 1024 * 1024
const mostWatched = 50_000

/** A container whose image has no shell ends before anything can be started in it. */
const endedAtOnce =
  ({ image }: Options) =>
  (error: SandboxError): SandboxError =>
    unavailable("make", image, `${error.message}; the image needs /bin/sh, and memoryBytes room for it`)

const check = (options: Options): void => {
  Check.whole("memoryBytes", options.memoryBytes, 6 * mebibyte)
  Check.whole("pids", options.pids, 8)
  Check.whole("folderBytes", options.folderBytes, 1)
  Check.whole("mostBytes", options.mostBytes, 1)
  Check.whole("shells", options.shells, 1)
  Check.amount("cpus", options.cpus)
  Check.oneOf("pull", options.pull, ["never", "missing"])
  Check.oneOf("mount.access", options.mount?.access, ["read", "write"])
  Running.checkLimits("limits", options.limits)
  const wrong = (option: string, what: string): TypeError => new TypeError(`${option} must be ${what}`)
  if (options.image === "") throw wrong("image", "the name of an image")
  const { folder = "/workspace", name, network } = options
  if (Path.posix.resolve("/", folder) !== folder || folder === "/" || folder === "/tmp")
    throw wrong("folder", "an absolute path without . and .., and neither / nor /tmp")
  if (name !== undefined && !/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(name))
    throw wrong("name", "letters, digits and _.- of at least two characters")
  if (options.keep === true && name === undefined) throw wrong("name", "given for a container that is kept")
  if (network === "host" || network?.startsWith("container:") === true)
    throw wrong("network", '"none", "bridge" or the name of a network, not that of the machine or of another container')
  const problem = fault(options.environment ?? {})
  if (problem !== undefined) throw new TypeError(`environment: ${problem}`)
}

const userOf = ({ mount, user }: Options): string | undefined => {
  if (user !== undefined) return user === "image" ? undefined : user
  const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0]
  return mount !== undefined && uid !== 0 ? `${uid}:${gid}` : "1000:1000"
}

const planOf = (options: Options, isAnyones: boolean): Plan => {
  const { environment, folder = "/workspace", image, keep = false, labels = {}, mount, name, pull = "never" } = options
  const memory = options.memoryBytes ?? 1024 * mebibyte
  const user = userOf(options)
  const bytes = options.folderBytes ?? 256 * mebibyte
  const [uid, gid = uid] = (user ?? "").split(":")
  const isNumber = /^\d+(:\d+)?$/.test(user ?? "")
  // Podman gives folders in memory to root.
  const rights = isNumber && !isAnyones ? `uid=${uid},gid=${gid},mode=0755` : "mode=1777"
  const inMemory = `rw,exec,nosuid,nodev,size=${bytes},${rights}`
  return {
    image,
    name,
    keep,
    pull,
    folder,
    owner: mount === undefined ? (user ?? "0:0") : undefined,
    labels,
    settings: {
      // Whoever holds the container is another user than those in it, who cannot end it so.
      User: user === undefined ? "" : "0:0",
      WorkingDir: folder,
      Env: Object.entries({ HOME: "/tmp", ...environment }).map(([variable, value]) => `${variable}=${value}`),
      HostConfig: {
        NetworkMode: options.network ?? "none",
        Memory: memory,
        MemorySwap: memory,
        PidsLimit: options.pids ?? 512,
        ...(options.cpus === undefined || options.cpus === 0 ? {} : { NanoCpus: Math.round(options.cpus * 1e9) }),
        ReadonlyRootfs: options.readOnlyRoot ?? true,
        CapDrop: ["ALL"],
        SecurityOpt: ["no-new-privileges"],
        Privileged: false,
        Init: true,
        IpcMode: "private",
        Tmpfs: { "/tmp": inMemory, ...(mount === undefined && !keep ? { [folder]: inMemory } : {}) },
        ...(mount === undefined
          ? {}
          : {
              Mounts: [
                {
                  Type: "bind",
                  Source: Path.resolve(mount.path),
                  Target: folder,
                  ReadOnly: mount.access === "read",
                  BindOptions: { Propagation: "rprivate" }
                }
              ]
            })
      }
    }
  }
}

const describe = ({ image, network = "none" }: Options, folder: string, user: string | undefined): string =>
  `Commands run on Linux in ${folder}, in a container of ${image}, as user ${user ?? "of the image"}, ` +
  `${network === "none" ? "without a network" : `with the network ${network}`}. ` +
  "They are lines for /bin/sh or programs with arguments."
