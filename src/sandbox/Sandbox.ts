/**
 * A place in which commands run and files live, for tools that are written once and work on the host, in a namespace or in
 * a container. The port says what happens and what is promised; how strong the walls are is each layer's to say.
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import * as Collecting from "../internal/outputEnds.ts"
import * as Memory from "./internal/memory.ts"
import * as Running from "./internal/running.ts"
import type { SandboxError } from "./SandboxError.ts"

/**
 * What is to run: a program with its arguments, or a line for the sandbox's shell (`/bin/sh`).
 *
 * @category models
 * @since 0.1.0
 */
export type Command = readonly [program: string, ...arguments_: ReadonlyArray<string>] | string

/**
 * What a command may use before it is ended. What is absent is as the sandbox's own limits say.
 *
 * **Details**
 *
 * - `time`: from its start, on the Clock service. `processes`: at once, itself included.
 * - `memoryBytes`: of the command and all that it started, together. `fileBytes`: of one file that it writes.
 * - `outputBytes`: of both outputs together. What is written after that is read and thrown away, and counted in
 *   `Exit.cutBytes`; the command is not ended for it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Limits {
  readonly time?: Duration.DurationInput | undefined
  readonly memoryBytes?: number | undefined
  readonly outputBytes?: number | undefined
  readonly processes?: number | undefined
  readonly fileBytes?: number | undefined
}

/**
 * How a command runs.
 *
 * **Details**
 *
 * - `folder`: where it runs; the sandbox's own unless given. `environment`: added to what the sandbox lets through.
 * - `input`: what it reads. Absent, it finds its input at its end; `"open"` is for `Process.write`.
 * - `grace`: how long it has between TERM and KILL; 2 seconds.
 * - `terminal`: runs it at a terminal of that size, both outputs as one.
 *
 * @category models
 * @since 0.1.0
 */
export interface ExecOptions {
  readonly folder?: string | undefined
  readonly environment?: Readonly<Record<string, string>> | undefined
  readonly input?: string | Uint8Array | "open" | Stream.Stream<Uint8Array, unknown> | undefined
  readonly limits?: Limits | undefined
  readonly grace?: Duration.DurationInput | undefined
  readonly terminal?: { readonly columns: number; readonly rows: number } | undefined
}

/**
 * A piece of what a command wrote, as it was written.
 *
 * @category models
 * @since 0.1.0
 */
export interface Output {
  readonly from: "stdout" | "stderr"
  readonly bytes: Uint8Array
}

/**
 * How a command ended.
 *
 * **Details**
 *
 * - `reason`: `exited` by itself with `code`; `signalled` from within by `signal`; `timed-out`, `killed` (by `kill` or the
 *   end of its scope), `out-of-memory` or `too-many-processes` when the sandbox ended it.
 * - `cutBytes`: what it wrote over its `outputBytes`, which nobody has read.
 *
 * @category models
 * @since 0.1.0
 */
export interface Exit {
  readonly reason: "exited" | "signalled" | "timed-out" | "killed" | "out-of-memory" | "too-many-processes"
  readonly code?: number | undefined
  readonly signal?: string | undefined
  readonly cutBytes: number
  readonly durationMillis: number
}

/**
 * A command that runs. It belongs to the scope it was started in: when that closes, it and all that it started are ended,
 * first by TERM and then by KILL, and the scope waits until none of them is left.
 *
 * @category models
 * @since 0.1.0
 */
export interface Process {
  /** The id that the machine running the sandbox knows it by; absent where there is none. */
  readonly pid: number | undefined
  /**
   * What it writes, as it writes it. Ends soon after the command has, even if something that it left behind still could
   * write. Read once. Who reads slowly makes it wait; who does not want it runs `Stream.runDrain`, or it waits for good.
   */
  readonly output: Stream.Stream<Output, SandboxError>
  /** Waits for the end of the command itself. What it left behind lives until the scope closes. The same answer every time. */
  readonly exit: Effect.Effect<Exit, SandboxError>
  /** Writes to its input, once there is room. Fails with `Ended` when nobody reads any more. */
  readonly write: (bytes: string | Uint8Array) => Effect.Effect<void, SandboxError>
  /** Ends its input. */
  readonly endInput: Effect.Effect<void>
  /** Sends it and all that it started a signal, `SIGINT` say. Nothing happens when it has ended. */
  readonly signal: (name: string) => Effect.Effect<void>
  /** Ends it and all that it started, and waits until none of them is left. Nothing happens when it has ended. */
  readonly kill: Effect.Effect<void>
  /** Tells its terminal another size. Nothing happens without one. */
  readonly resize: (size: { readonly columns: number; readonly rows: number }) => Effect.Effect<void>
}

/**
 * What is known of a file.
 *
 * **Details**
 *
 * - `path`: relative to what was asked about in listings, otherwise absolute, as commands in the sandbox see it.
 * - `version`: changes whenever the content does. Compare it, and take nothing else from it.
 *
 * @category models
 * @since 0.1.0
 */
export interface FileInfo {
  readonly path: string
  readonly kind: "file" | "folder" | "link" | "other"
  readonly size: number
  readonly modifiedMillis: number
  readonly mode: number
  readonly version: string
}

/**
 * What was read of a file: a part of it, or all.
 *
 * @category models
 * @since 0.1.0
 */
export interface Content {
  readonly bytes: Uint8Array
  /** The size of the whole file. */
  readonly size: number
  readonly version: string
}

/**
 * How a file is written.
 *
 * **Details**
 *
 * - `expects`: the version it must have, or `"absent"`; otherwise the write fails with `Changed` and nothing is written.
 *
 * @category models
 * @since 0.1.0
 */
export interface WriteOptions {
  readonly expects?: string | undefined
}

/**
 * Something that happened to a file below a folder that is watched.
 *
 * **Details**
 *
 * - `path`: relative to that folder. A folder is told when it is made or removed, with all that it holds.
 *
 * @category models
 * @since 0.1.0
 */
export interface Change {
  readonly path: string
  readonly kind: "created" | "changed" | "removed"
}

/**
 * What a sandbox does. Paths are relative to `folder`, or absolute as commands in the sandbox see them.
 *
 * @category services
 * @since 0.1.0
 */
export interface Service {
  /** The folder in which commands run and relative paths begin, as they see it. Absolute. */
  readonly folder: string
  /** What a model has to know of it in a line or two: the system, the folder, whether there is a network. */
  readonly description: string
  /** Starts a command. Whoever closes the scope has ended it and all that it started. */
  readonly exec: (
    command: Command,
    options?: ExecOptions | undefined
  ) => Effect.Effect<Process, SandboxError, Scope.Scope>
  /**
   * Reads a file: `length` bytes from `offset`, or to its end. What is larger than the sandbox's bound fails with `TooLarge`
   * and names it; ask for parts then. A link inside is followed, one that leads out is `Denied`.
   */
  readonly read: (
    path: string,
    range?: { readonly offset?: number | undefined; readonly length?: number | undefined } | undefined
  ) => Effect.Effect<Content, SandboxError>
  /**
   * Replaces a file with other content, or makes it with the folders on its way. All or nothing: no reader ever sees half of
   * it, and its mode is kept. Answers what the file then is.
   */
  readonly write: (
    path: string,
    bytes: Uint8Array,
    options?: WriteOptions | undefined
  ) => Effect.Effect<FileInfo, SandboxError>
  /** What a folder holds, by name in the order of code units. Links are told as links. */
  readonly list: (path: string) => Effect.Effect<ReadonlyArray<FileInfo>, SandboxError>
  /** What is known of a file or folder. A link is followed. Fails with `NotFound`. */
  readonly stat: (path: string) => Effect.Effect<FileInfo, SandboxError>
  /** Removes a file, a link (never what it leads to), or a folder; a folder that is not empty only if `recursive`. */
  readonly remove: (
    path: string,
    options?: { readonly recursive?: boolean | undefined } | undefined
  ) => Effect.Effect<void, SandboxError>
  /** What happens below a folder from now on. Several changes of one file may be told as one. */
  readonly watch: (path: string) => Stream.Stream<Change, SandboxError>
}

/**
 * The sandbox in use.
 *
 * @category services
 * @since 0.1.0
 */
export class Sandbox extends Context.Tag("axonal/sandbox/Sandbox")<Sandbox, Service>() {}

/**
 * What a command wrote and how it ended.
 *
 * **Details**
 *
 * - `stdout`, `stderr`: bytes read as UTF-8. Of what is longer than the bound, the beginning and the end, with a line between
 *   them that says how much is missing.
 *
 * @category models
 * @since 0.1.0
 */
export interface Completed {
  readonly exit: Exit
  readonly stdout: string
  readonly stderr: string
}

/**
 * Runs a command to its end and answers what it wrote, whatever its exit code.
 *
 * **Details**
 *
 * - `keepBytes`: how much of each output is kept; 1 MiB. Memory stays near it, however much is written.
 * - Interrupting it ends the command and all that it started.
 *
 * @category combinators
 * @since 0.1.0
 */
export const run = (
  command: Command,
  options: ExecOptions & { readonly keepBytes?: number | undefined } = {}
): Effect.Effect<Completed, SandboxError, Sandbox> =>
  Effect.flatMap(Sandbox, (sandbox) =>
    Effect.scoped(
      Effect.gen(function* () {
        const started = yield* sandbox.exec(command, options)
        const keep = options.keepBytes ?? defaultKeepBytes
        const [stdout, stderr] = [Collecting.ends(keep), Collecting.ends(keep)]
        yield* Running.forEachOutput(started, (pieces) =>
          Effect.sync(() => pieces.forEach(({ bytes, from }) => (from === "stdout" ? stdout : stderr).add(bytes)))
        )
        const exit = yield* started.exit
        return { exit, stdout: stdout.text(), stderr: stderr.text() }
      })
    )
  )

/**
 * Starts a command in the sandbox in use.
 *
 * @category combinators
 * @since 0.1.0
 */
export const exec = (
  command: Command,
  options?: ExecOptions
): Effect.Effect<Process, SandboxError, Sandbox | Scope.Scope> =>
  Effect.flatMap(Sandbox, (sandbox) => sandbox.exec(command, options))

/** @internal All that a command writes, as it writes it, for those who run many. */
export const forEachOutput = Running.forEachOutput

/**
 * Reads a file of the sandbox in use as UTF-8.
 *
 * @category combinators
 * @since 0.1.0
 */
export const readText = (path: string): Effect.Effect<string, SandboxError, Sandbox> =>
  Effect.flatMap(Sandbox, (sandbox) =>
    Effect.map(sandbox.read(path), ({ bytes }) => new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes))
  )

/**
 * Writes a text to a file of the sandbox in use, as UTF-8.
 *
 * @category combinators
 * @since 0.1.0
 */
export const writeText = (
  path: string,
  text: string,
  options?: WriteOptions
): Effect.Effect<FileInfo, SandboxError, Sandbox> =>
  Effect.flatMap(Sandbox, (sandbox) => sandbox.write(path, new TextEncoder().encode(text), options))

/**
 * What a command that is played writes, and its exit code, 0 unless given.
 *
 * @category models
 * @since 0.1.0
 */
export interface Answer {
  readonly stdout?: string | Uint8Array | undefined
  readonly stderr?: string | Uint8Array | undefined
  readonly code?: number | undefined
}

/**
 * What a sandbox in memory begins with.
 *
 * **Details**
 *
 * - `files`: contents by path, relative to `folder` or absolute. `folder`: `/work` unless given.
 * - `exec`: plays commands. What is written to one while it runs is thrown away; its input as given is in the options.
 *   Limits of time and output hold, and interrupting is killing. Absent, commands fail with `Unavailable`.
 * - `mostBytes`: what `read` reads at once; 64 MiB.
 *
 * @category models
 * @since 0.1.0
 */
export interface MemoryOptions {
  readonly files?: Readonly<Record<string, string | Uint8Array>> | undefined
  readonly folder?: string | undefined
  readonly exec?: ((command: Command, options: ExecOptions) => Effect.Effect<Answer, SandboxError>) | undefined
  readonly mostBytes?: number | undefined
}

/**
 * Layer with a sandbox whose files are in memory and whose commands are played, for tests of what uses a sandbox.
 *
 * **Details**
 *
 * - All absolute paths are inside. There are no links. A folder that is written into is made, as everywhere.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerMemory = (options: MemoryOptions = {}): Layer.Layer<Sandbox> =>
  Layer.effect(Sandbox, Memory.make(options))

// internal

const defaultKeepBytes = 1024 * 1024
