/**
 * Commands at a terminal, by the optional peer `node-pty`, which is loaded when the first is asked for.
 */
import { constants } from "node:os"
import * as Effect from "effect/Effect"
import type { IPty } from "node-pty"
import type * as Sandbox from "../Sandbox.ts"
import { SandboxError } from "../SandboxError.ts"
import type { Host, Order } from "./process.ts"
import * as Process from "./process.ts"
import * as Command from "./processCommand.ts"
import type { Spawn } from "./running.ts"
import * as Running from "./running.ts"

/** How to start a command at a terminal of that size. */
export const spawn = (
  host: Host,
  order: Order,
  size: NonNullable<Sandbox.ExecOptions["terminal"]>
): Effect.Effect<Spawn, SandboxError> =>
  Effect.map(
    peer,
    ({ spawn: fork }): Spawn =>
      (onEnded) =>
        Effect.gen(function* () {
          const start = Process.prepare(host, order)
          const { atEnd, isEnded, output, pty } = yield* Effect.try({
            try: () =>
              listening(
                fork(start.file, [...start.arguments], {
                  name: order.environment.TERM ?? "xterm-256color",
                  cols: size.columns,
                  rows: size.rows,
                  cwd: order.folder,
                  env: start.environment,
                  encoding: null
                })
              ),
            catch: (error) => Command.refused(order.command, order.folder, error)
          })
          const { end, stop, tree } = Process.follow(host, order, pty.pid, start.mark, onEnded)
          yield* Effect.addFinalizer(() => stop)
          atEnd(end)
          const ended = Effect.suspend(() => Running.failure(Running.subjectOf(order.command), { _tag: "Ended" }))
          return {
            ...tree,
            pid: pty.pid,
            read: output.read,
            write: (bytes) =>
              Effect.suspend(() => (isEnded() ? ended : Effect.sync(() => pty.write(Buffer.from(bytes))))),
            // A terminal has no end of input but this key.
            endInput: Effect.sync(() => {
              if (!isEnded()) pty.write("\u0004")
            }),
            resize: ({ columns, rows }) => Effect.sync(() => pty.resize(columns, rows))
          }
        })
  )

// internal

const peer = Effect.tryPromise({
  try: () => import("node-pty"),
  catch: () =>
    new SandboxError({
      operation: "exec",
      subject: "terminal",
      reason: { _tag: "Unavailable", problem: "terminals need an optional package: npm install node-pty" }
    })
})

/** Listens to a terminal from its start on, since it may be over before anything else happens. */
const listening = (pty: IPty) => {
  const output = reading(pty)
  const { atEnd, end } = Process.remembering()
  let isEnded = false
  pty.onExit(({ exitCode, signal }) => {
    isEnded = true
    output.end()
    // The number is 0 for one that ended by itself.
    end(signal === undefined || signal === 0 ? { code: exitCode } : { signal: nameOf(signal) })
  })
  return { pty, output, atEnd, isEnded: () => isEnded }
}

/** So much is kept for a reader. The peer throws away what it cannot hand on at the end, so this is not small. */
const mostKept = 1024 * 1024

const reading = (
  pty: IPty
): { readonly read: Effect.Effect<ReadonlyArray<Sandbox.Output> | undefined>; end: () => void } => {
  let kept: Array<Sandbox.Output> = []
  let keptBytes = 0
  let isOver = false
  let wake = (): void => {}
  pty.onData((data: string | Uint8Array) => {
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : new Uint8Array(data)
    kept.push({ from: "stdout", bytes })
    keptBytes += bytes.length
    if (keptBytes >= mostKept) pty.pause()
    wake()
  })
  const read = Effect.async<ReadonlyArray<Sandbox.Output> | undefined>((resume) => {
    wake = () => {
      if (kept.length === 0 && !isOver) return
      wake = () => {}
      const pieces = kept
      if (keptBytes >= mostKept && !isOver) pty.resume()
      kept = []
      keptBytes = 0
      resume(Effect.succeed(pieces.length === 0 ? undefined : pieces))
    }
    wake()
    return Effect.sync(() => {
      wake = () => {}
    })
  })
  return {
    read,
    end: () => {
      isOver = true
      wake()
    }
  }
}

const nameOf = (signal: number): string =>
  Object.entries(constants.signals).find(([, number]) => number === signal)?.[0] ?? `signal ${signal}`
