/**
 * The terminal as a stream of lines, over Node's readline. Lines that arrive while nobody reads wait their turn, whether
 * they are typed ahead or piped in, and Ctrl-C is a value instead of the end of the process.
 */

import type { Interface } from "node:readline"
import { createInterface } from "node:readline"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

/**
 * A terminal in use.
 *
 * @category models
 * @since 0.1.0
 */
export interface Terminal {
  /** Shows the prompt sign and waits for a line, again and again. Ends with the input, and with Ctrl-C at the prompt. */
  readonly lines: Stream.Stream<string>
  /** Completes at the next Ctrl-C. */
  readonly interrupt: Effect.Effect<void>
  /** Lets something else have the terminal meanwhile. What was being typed is there again afterwards. */
  readonly aside: <A>(effect: Effect.Effect<A>) => Effect.Effect<A>
}

/**
 * Opens the terminal until the scope closes.
 *
 * **Details**
 *
 * - In a terminal Ctrl-C is a key; elsewhere it is the signal `SIGINT`. Both are heard.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = (options: {
  readonly input: NodeJS.ReadStream
  readonly output: NodeJS.WriteStream
  readonly sign: string
}): Effect.Effect<Terminal, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { input, output, sign } = options
    const isTerminal = input.isTTY === true && output.isTTY === true
    const typed = yield* Queue.unbounded<Option.Option<string>>()
    const interrupts = yield* Queue.sliding<void>(1)
    const onInterrupt = () => Queue.unsafeOffer(interrupts, undefined)
    let history: Array<string> = []
    let closed = false
    let reader: Interface | undefined
    const listen = (): Interface => {
      const made = createInterface({
        ...{ input, output, terminal: isTerminal, prompt: sign, historySize: 1000 },
        history
      })
      made.on("line", (line) => Queue.unsafeOffer(typed, Option.some(line)))
      made.on("history", (lines) => {
        history = lines
      })
      made.on("close", () => {
        if (reader !== made) return
        closed = true
        Queue.unsafeOffer(typed, Option.none())
      })
      made.on("SIGINT", onInterrupt)
      reader = made
      return made
    }
    const leave = (): string => {
      const left = reader
      reader = undefined
      left?.close()
      return left?.line ?? ""
    }
    yield* Effect.acquireRelease(Effect.sync(listen), () => Effect.sync(leave))
    yield* Effect.acquireRelease(
      Effect.sync(() => process.on("SIGINT", onInterrupt)),
      () => Effect.sync(() => process.off("SIGINT", onInterrupt))
    )
    const interrupt = Queue.take(interrupts)
    const ask = Effect.suspend(() => {
      // Ctrl-D during a run has closed it already.
      if (isTerminal && !closed) reader?.prompt()
      return Effect.raceFirst(Queue.take(typed), Effect.as(interrupt, Option.none<string>()))
    })
    const left = Effect.suspend(() => {
      if (isTerminal) output.write("\n")
      return Effect.fail(Option.none())
    })
    return {
      // A second Ctrl-C during a run that already stops is still there at the prompt, and leaves.
      lines: Stream.repeatEffectOption(
        Effect.flatMap(ask, Option.match({ onNone: () => left, onSome: Effect.succeed }))
      ),
      interrupt,
      aside: (effect) =>
        Effect.acquireUseRelease(
          Effect.sync(leave),
          () => effect,
          (line) =>
            Effect.sync(() => {
              if (!closed) listen().write(line)
            })
        )
    }
  })
