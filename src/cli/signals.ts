/**
 * How the outside asks the program to stop: signals, and a reader of our output that has gone. The first time is a
 * request, which lets the run end well; the second Ctrl-C is an order.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import type * as Scope from "effect/Scope"
import { exitCodes } from "./errors.ts"

/**
 * A request to stop, if there is one.
 *
 * @category models
 * @since 0.1.0
 */
export interface Stopping {
  /** Completes when the program is asked to stop, and with what exit code it should. */
  readonly asked: Effect.Effect<number>
  /** The exit code if it was asked to. */
  readonly code: () => number | undefined
}

const codes = { SIGINT: exitCodes.interrupted, SIGTERM: exitCodes.terminated, SIGHUP: exitCodes.hangup } as const

/**
 * Listens until the scope closes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const listen = (signals: ReadonlyArray<keyof typeof codes>): Effect.Effect<Stopping, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      let code: number | undefined
      const asked = Deferred.unsafeMake<number>(FiberId.none)
      const ask = (next: number): void => {
        code ??= next
        Deferred.unsafeDone(asked, Effect.succeed(code))
      }
      const handlers = signals.map((signal) => {
        const handler = () => (code === undefined ? ask(codes[signal]) : process.exit(codes[signal]))
        process.on(signal, handler)
        return () => process.off(signal, handler)
      })
      // Nobody reads the answer any more, which is no failure: `axonal … | head` is meant so.
      const gone = () => ask(exitCodes.ok)
      process.stdout.on("error", gone)
      return {
        stopping: { asked: Deferred.await(asked), code: () => code },
        off: () => {
          for (const off of handlers) off()
          process.stdout.off("error", gone)
        }
      }
    }),
    ({ off }) => Effect.sync(off)
  ).pipe(Effect.map(({ stopping }) => stopping))

/**
 * Signals as an interruption of what is run with `signal`: the first asks for it, the second ends the process.
 *
 * **Details**
 *
 * - They are heard from `listen` on. `code`: the exit code of the first; absent while there was none.
 *
 * @category constructors
 * @since 0.1.0
 */
export const interruption = (): {
  readonly signal: AbortSignal
  readonly listen: () => void
  readonly code: () => number | undefined
} => {
  const controller = new AbortController()
  let code: number | undefined
  const stop = (next: number) => () => {
    if (code !== undefined) process.exit(code)
    code = next
    controller.abort()
  }
  return {
    signal: controller.signal,
    listen: () => {
      process.on("SIGINT", stop(exitCodes.interrupted))
      process.on("SIGTERM", stop(exitCodes.terminated))
    },
    code: () => code
  }
}
