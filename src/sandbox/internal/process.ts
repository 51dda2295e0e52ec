/**
 * Commands as processes of this machine, each in a session of its own and marked, so that all it starts can be found.
 */
import type { ChildProcess } from "node:child_process"
import * as Child from "node:child_process"
import type { Writable } from "node:stream"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import type * as Sandbox from "../Sandbox.ts"
import type { SandboxError } from "../SandboxError.ts"
import type { Launch } from "./processCommand.ts"
import * as Command from "./processCommand.ts"
import * as Output from "./processOutput.ts"
import * as ProcessTable from "./processTable.ts"
import * as Watch from "./processWatch.ts"
import type { Ended, Spawn, Spawned } from "./running.ts"
import * as Running from "./running.ts"
import * as Tree from "./tree.ts"

/** What all commands of a sandbox are started with. */
export interface Host {
  readonly table: ProcessTable.Table
  /** The processes to end at once when this one exits without closing its scopes. */
  readonly roots: Set<number>
}

/** One command, ready to start. Its folder and program have been looked at. */
export interface Order {
  readonly command: Sandbox.Command
  /** The command as it is run once the words for limits are known. */
  readonly launch: (words: string) => Launch
  readonly folder: string
  readonly environment: Readonly<Record<string, string>>
  readonly limits: Sandbox.Limits
  readonly hasInput: boolean
  readonly isBetween?: Tree.Root["isBetween"]
  /** The end of the command as its process tells it, where that is another's. */
  readonly ended?: ((ended: Ended) => Ended) | undefined
}

/** What is around the commands of one sandbox, until its scope closes. */
export const host: Effect.Effect<Host, never, Scope.Scope> = Effect.gen(function* () {
  const roots = new Set<number>()
  const killAll = (): void => {
    for (const pid of roots) Tree.tell(-pid, "SIGKILL")
  }
  process.on("exit", killAll)
  yield* Effect.addFinalizer(() => Effect.sync(() => process.off("exit", killAll)))
  return { table: ProcessTable.make(), roots }
})

/** A mark that no other command has. */
export const newMark = (): ProcessTable.Mark => {
  const limit = 1_000_000_000 + Math.floor(Math.random() * 15_000_000_000)
  return { limit, word: `${process.pid}-${limit}` }
}

/** The environment of a command with its mark, and with those of the commands that this process runs in. */
export const marked = (
  environment: Readonly<Record<string, string>>,
  mark: ProcessTable.Mark
): Readonly<Record<string, string>> => {
  const outer = process.env[ProcessTable.variable]
  return { [ProcessTable.variable]: outer === undefined ? mark.word : `${outer} ${mark.word}`, ...environment }
}

/** Starts a command with pipes. */
export const spawn =
  (host: Host, order: Order): Spawn =>
  (onEnded) =>
    Effect.gen(function* () {
      const mark = newMark()
      const words = Command.limitWords(host.table.hasLimits ? mark.limit : undefined, order.limits.fileBytes)
      const launch = order.launch(words)
      const child = yield* begin(order, launch, marked(order.environment, mark))
      const { pid, stderr, stdin, stdout } = child
      yield* Effect.addFinalizer(() =>
        Effect.sync(() => [stdin, stdout, stderr].forEach((stream) => stream?.destroy()))
      )
      if (pid === undefined || stdout === null || stderr === null)
        return yield* Effect.dieMessage("started without pipes")
      let isEnded = false
      const tree = Tree.make(host.table, { pid, mark, isEnded: () => isEnded, isBetween: order.isBetween })
      const exceeded = yield* Watch.start(tree, host.table, order.limits)
      const output = Output.make([
        { from: "stdout", stream: stdout },
        { from: "stderr", stream: stderr }
      ])
      host.roots.add(pid)
      child.once("exit", (code, signal) => {
        isEnded = true
        host.roots.delete(pid)
        output.end()
        const ended = { ...(code === null ? {} : { code }), ...(signal === null ? {} : { signal }) }
        onEnded(Exit.succeed({ ...(order.ended?.(ended) ?? ended), reason: exceeded() }))
      })
      return spawned(Running.subjectOf(order.command), pid, stdin, output, tree)
    })

// internal

const begin = (
  order: Order,
  { arguments: arguments_, file }: Launch,
  env: Readonly<Record<string, string>>
): Effect.Effect<ChildProcess, SandboxError> =>
  Effect.async((resume) => {
    const refuse = (error: unknown): void => resume(Effect.fail(Command.refused(order.command, order.folder, error)))
    try {
      const child = Child.spawn(file, arguments_, {
        cwd: order.folder,
        env,
        detached: true,
        stdio: [order.hasInput ? "pipe" : "ignore", "pipe", "pipe"]
      })
      child.stdin?.on("error", () => {})
      // Errors after its start are those of `kill`, which is not used.
      child.on("error", refuse)
      if (child.pid !== undefined) resume(Effect.succeed(child))
    } catch (error) {
      refuse(error)
    }
  })

const spawned = (
  subject: string,
  pid: number,
  stdin: Writable | null,
  output: Output.Reading,
  tree: Tree.Tree
): Spawned => ({
  pid,
  read: output.read,
  write: (bytes) =>
    Effect.async((resume) => {
      const ended = Effect.fail(Running.failure(subject, { _tag: "Ended" }))
      if (stdin === null || stdin.destroyed || stdin.writableEnded) return resume(ended)
      stdin.write(bytes, (error) => resume(error == null ? Effect.void : ended))
    }),
  endInput: Effect.sync(() => {
    stdin?.end()
  }),
  resize: () => Effect.void,
  signal: tree.signal,
  kill: tree.kill,
  isGone: tree.isGone,
  gone: tree.gone
})
