/**
 * Commands as processes of this machine, each in a session of its own and marked, so that all it starts can be found.
 */
import * as Child from "node:child_process"
import type { Readable, Writable } from "node:stream"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import type * as Sandbox from "../Sandbox.ts"
import type { SandboxError } from "../SandboxError.ts"
import type { Launch } from "./processCommand.ts"
import * as Command from "./processCommand.ts"
import * as Output from "./processOutput.ts"
import * as Pipes from "./processPipes.ts"
import * as ProcessTable from "./processTable.ts"
import * as Watch from "./processWatch.ts"
import type { Ended, Spawn } from "./running.ts"
import * as Running from "./running.ts"
import * as Tree from "./tree.ts"

/** What all commands of a sandbox are started with. */
export interface Host {
  readonly table: ProcessTable.Table
  readonly pipes: Pipes.Pool
  isOpen: boolean
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
export const host: Effect.Effect<Host, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync((): Host => {
    if (hosts++ === 0) {
      pipes = Pipes.make()
      process.off("exit", endAll)
      process.on("exit", endAll)
    }
    return { table: ProcessTable.make(), pipes, isOpen: true }
  }),
  (host) =>
    Effect.promise(async () => {
      host.isOpen = false
      if (--hosts > 0) return
      // A command may outlive its sandbox, in a scope of its own.
      if (roots.size === 0) process.off("exit", endAll)
      await pipes.close()
    })
)

/** What a command is started as: marked by limits, where processes carry them, and by its environment. */
export interface Start extends Launch {
  readonly mark: ProcessTable.Mark
  readonly environment: Readonly<Record<string, string>>
}

/** A start of an order, with a mark of its own. */
export const prepare = (host: Host, order: Order): Start => {
  const limit = 1_000_000_000 + Math.floor(Math.random() * 15_000_000_000)
  const word = `${process.pid}-${limit}`
  const words = Command.limitWords(host.table.hasLimits ? limit : undefined, order.limits.fileBytes)
  // Commands of a command keep the marks of the outer ones.
  const outer = process.env[ProcessTable.variable]
  const marks = { [ProcessTable.variable]: outer === undefined ? word : `${outer} ${word}` }
  return { ...order.launch(words), mark: { limit, word }, environment: { ...marks, ...order.environment } }
}

/** What is known of a process from its start on, what is to be told of its end, and what to do when it is over for good. */
export const follow = (
  host: Host,
  order: Order,
  pid: number,
  mark: ProcessTable.Mark,
  onEnded: Parameters<Spawn>[0]
): { readonly tree: Tree.Tree; readonly end: (ended: Ended) => void; readonly stop: Effect.Effect<void> } => {
  let isEnded = false
  const tree = Tree.make(host.table, { pid, mark, isEnded: () => isEnded, isBetween: order.isBetween })
  roots.set(pid, { table: host.table, mark, isEnded: () => isEnded })
  const watch = Watch.start(tree, host.table, order.limits, order.isBetween === undefined ? 0 : 2)
  const end = (ended: Ended): void => {
    isEnded = true
    onEnded(Exit.succeed({ ...(order.ended?.(ended) ?? ended), reason: watch.exceeded() }))
  }
  const stop = Effect.suspend(() => {
    roots.delete(pid)
    const doing = watch.stop()
    return doing === undefined ? Effect.void : Effect.promise(() => doing)
  })
  return { tree, end, stop }
}

/** Starts a command with pipes. */
export const spawn =
  (host: Host, order: Order): Spawn =>
  (onEnded) =>
    Effect.flatMap(begin(host, order), ({ atEnd, mark, output, pid, stdin, streams }) => {
      const { end, stop, tree } = follow(host, order, pid, mark, onEnded)
      atEnd(end)
      const ended = Effect.suspend(() => Running.failure(Running.subjectOf(order.command), { _tag: "Ended" }))
      const close = Effect.zipRight(
        Effect.sync(() => streams.forEach((stream) => stream?.destroy())),
        stop
      )
      return Effect.as(
        Effect.addFinalizer(() => close),
        {
          ...tree,
          pid,
          read: output.read,
          write: (bytes) =>
            Effect.async((resume) => {
              if (stdin === null || stdin.destroyed || stdin.writableEnded) return resume(ended)
              stdin.write(bytes, (error) => resume(error == null ? Effect.void : ended))
            }),
          endInput: Effect.sync(() => {
            stdin?.end()
          }),
          resize: () => Effect.void
        }
      )
    })

/** Remembers an end until it is known whom to tell, and then tells. */
export const remembering = () => {
  let ended: Ended | undefined
  let tell: ((ended: Ended) => void) | undefined
  return {
    end: (how: Ended): void => {
      ended = how
      tell?.(how)
    },
    atEnd: (listener: (ended: Ended) => void): void => {
      tell = listener
      if (ended !== undefined) listener(ended)
    }
  }
}

// internal

// This process may end without its scopes. A few sandboxes more are no further listeners.
let hosts = 0
let pipes = Pipes.make()
interface Left {
  readonly table: ProcessTable.Table
  readonly mark: ProcessTable.Mark
  readonly isEnded: () => boolean
}

/** By the ids of commands, what may be there of them. */
const roots = new Map<number, Left>()

/** There is no time to wait for anything. Twice, for those that one of them has started meanwhile. */
const endAll = (): void => {
  void pipes.close()
  for (const [pid, { isEnded }] of roots) if (!isEnded()) Tree.tell(-pid, "SIGKILL")
  for (let time = 0; time < 2; time++) {
    const all = [...roots.values()][0]?.table.now() ?? []
    for (const { mark, table } of roots.values()) {
      for (const entry of all)
        if (entry.pid !== process.pid && table.isMarked(entry, mark)) Tree.tell(entry.pid, "SIGKILL")
    }
  }
}

const closed = { _tag: "Unavailable", problem: "the sandbox has been closed" } as const

interface Begun {
  readonly pid: number
  readonly mark: ProcessTable.Mark
  readonly stdin: Writable | null
  readonly streams: ReadonlyArray<Readable | Writable | null>
  readonly output: Output.Reading
  readonly atEnd: (listener: (ended: Ended) => void) => void
}

/** Starts it and listens to it in one go, since it may be over before anything else happens. */
const begin = (host: Host, order: Order): Effect.Effect<Begun, SandboxError> =>
  Effect.suspend(() => {
    const filling = host.pipes.fill()
    if (filling !== undefined)
      return Effect.zipRight(
        Effect.promise(() => filling),
        begin(host, order)
      )
    // The folder that was entered is gone with the sandbox, which may have been closed while this waited.
    if (!host.isOpen) return Running.failure(Running.subjectOf(order.command), closed)
    return Effect.async((resume) => {
      const refuse = (error: unknown): void => resume(Effect.fail(Command.refused(order.command, order.folder, error)))
      try {
        const begun = started(host, order, refuse)
        if (begun !== undefined) resume(Effect.succeed(begun))
      } catch (error) {
        refuse(error)
      }
    })
  })

/** Throws or refuses what the system says when it does not start. */
const started = (host: Host, order: Order, refuse: (error: unknown) => void): Begun | undefined => {
  const start = prepare(host, order)
  const pipes = host.pipes.open()
  try {
    const child = Child.spawn(start.file, start.arguments, {
      cwd: order.folder,
      env: start.environment,
      detached: true,
      stdio: [order.hasInput ? "pipe" : "ignore", ...(pipes?.command ?? (["pipe", "pipe"] as const))]
    })
    const { stdin } = child
    const { stderr, stdout } = pipes ?? child
    // What cannot be written is told by its write. Errors after the start are those of `kill`, which is not used.
    stdin?.on("error", () => {})
    child.on("error", refuse)
    const { pid } = child
    if (pid === undefined || stdout === null || stderr === null) {
      destroy(pipes)
      return undefined
    }
    const output = Output.make([
      { from: "stdout", stream: stdout },
      { from: "stderr", stream: stderr }
    ])
    const { atEnd, end } = remembering()
    child.once("exit", (code, signal) => {
      output.end()
      end({ code: code ?? undefined, signal: signal ?? undefined })
    })
    return { pid, mark: start.mark, stdin, streams: [stdin, stdout, stderr], output, atEnd }
  } catch (error) {
    destroy(pipes)
    throw error
  } finally {
    pipes?.handOver()
  }
}

const destroy = (pipes: Pipes.Pipes | undefined): void => {
  for (const stream of [pipes?.stdout, pipes?.stderr]) stream?.destroy()
}
