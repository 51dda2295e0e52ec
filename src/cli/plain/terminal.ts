/**
 * The terminal as requests that are typed, over Node's readline. What arrives while nobody reads waits its turn, whether it is
 * typed ahead or piped in; Ctrl-C is a value instead of the end of the process; a pasted block is one request.
 */

import type { Interface } from "node:readline"
import { createInterface } from "node:readline"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Environment from "../environment.ts"
import * as Lines from "./lines.ts"

/**
 * A terminal in use.
 *
 * @category models
 * @since 0.1.0
 */
export interface Terminal {
  /** Whether a person sits there, and not a pipe. */
  readonly isTerminal: boolean
  /** Waits for what is typed next. None at the end of the input. */
  readonly typed: Effect.Effect<Option.Option<string>>
  /** Completes at the next Ctrl-C that had nothing to drop of what was begun. */
  readonly interrupt: Effect.Effect<void>
  /** Shows the prompt sign, unless it is there. */
  readonly prompt: () => void
  /**
   * Has something write texts above what is being typed. A line that is not whole yet waits as long as somebody types: it
   * would stand where they do.
   */
  readonly over: (write: (text: string) => void) => (text: string) => void
  /** Shows no prompt sign any more. */
  readonly rest: () => void
  /** Puts a text where it can be changed before it is sent. Nothing happens where nobody types. */
  readonly edit: (text: string) => void
  /** Lets something else have the terminal meanwhile. What was being typed is there again afterwards. */
  readonly aside: <A>(effect: Effect.Effect<A>) => Effect.Effect<A>
}

/**
 * How it is opened.
 *
 * **Details**
 *
 * - `history`: what the arrow keys go through, oldest first, as it is at each time. `complete`: what the line may become at
 *   Tab, and which part of it that replaces.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly input: NodeJS.ReadStream
  readonly output: NodeJS.WriteStream
  readonly sign: string
  readonly history: () => ReadonlyArray<string>
  readonly complete: (line: string) => Promise<readonly [values: ReadonlyArray<string>, of: string]>
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
export const open = (options: Options): Effect.Effect<Terminal, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { input, output, sign } = options
    const isTerminal = input.isTTY === true && output.isTTY === true
    const isCapable = isTerminal && Environment.isCapable(process.env, output)
    const typed = yield* Queue.unbounded<Option.Option<string>>()
    const interrupts = yield* Queue.sliding<void>(1)
    let reader: Interface | undefined
    let [closed, isShown, isPasting] = [false, false, false]
    let pasted: ReadonlyArray<string> = []
    let begun: Lines.Open | undefined

    let known: Array<string> | undefined
    const begin = (shown: string): void => {
      // A request of several lines is one text there, and not its lines.
      known?.splice(0, known.length, ...[...options.history()].reverse())
      reader?.setPrompt(shown)
      reader?.prompt(true)
      isShown = true
    }
    const onInterrupt = (): void => {
      if (begun === undefined && pasted.length === 0) return void Queue.unsafeOffer(interrupts, undefined)
      begun = undefined
      pasted = []
      output.write("\n")
      begin(sign)
    }
    const onLine = (line: string): void => {
      if (isPasting) {
        pasted = [...pasted, line]
        return
      }
      isShown = false
      // What was pasted is as it is: backslashes and quotes in it mean nothing.
      const read: Lines.Read =
        pasted.length > 0
          ? { _tag: "Whole", text: [...(begun?.lines ?? []), ...pasted, line].join("\n") }
          : Lines.next(begun, line)
      pasted = []
      begun = read._tag === "More" ? read.open : undefined
      if (read._tag === "Whole") Queue.unsafeOffer(typed, Option.some(read.text))
      else if (isTerminal) begin("… ")
    }
    const onKey = (_: unknown, key: { readonly name?: string | undefined } | undefined): void => {
      if (key?.name === "paste-start") isPasting = true
      if (key?.name !== "paste-end") return
      isPasting = false
      if (pasted.length > 0) begin("… ")
    }
    const listen = (line = ""): void => {
      const made = createInterface({
        ...{ input, output, terminal: isTerminal, prompt: sign, historySize: 5000, removeHistoryDuplicates: true },
        history: [...options.history()].reverse(),
        ...(isTerminal ? { completer: completer(options) } : {})
      })
      made.on("line", onLine)
      made.on("close", () => {
        if (reader !== made) return
        closed = true
        // What was begun and never ended is a request all the same.
        if (begun !== undefined) Queue.unsafeOffer(typed, Option.some(begun.lines.join("\n")))
        Queue.unsafeOffer(typed, Option.none())
      })
      made.on("SIGINT", onInterrupt)
      made.on("history", (lines) => {
        known = lines
      })
      reader = made
      if (isTerminal) input.on("keypress", onKey)
      if (isCapable) output.write(pasting.on)
      if (line !== "") made.write(line)
    }
    const leave = (): string => {
      const left = reader
      reader = undefined
      if (isTerminal) input.off("keypress", onKey)
      if (isCapable) output.write(pasting.off)
      left?.close()
      return left?.line ?? ""
    }
    yield* Effect.acquireRelease(
      Effect.sync(() => listen()),
      () => Effect.sync(leave)
    )
    yield* Effect.acquireRelease(
      Effect.sync(() => process.on("SIGINT", onInterrupt)),
      () => Effect.sync(() => process.off("SIGINT", onInterrupt))
    )
    return {
      isTerminal,
      typed: Queue.take(typed),
      interrupt: Queue.take(interrupts),
      prompt: () => {
        if (isTerminal && !closed && !isShown) begin(sign)
      },
      over: (write) => {
        let held = ""
        return (text) => {
          const whole = held + text
          const cut = isCapable && isShown ? whole.lastIndexOf("\n") + 1 : whole.length
          held = whole.slice(cut)
          if (cut === 0) return
          if (isCapable && isShown) output.write("\r\u001b[K")
          write(whole.slice(0, cut))
          if (isCapable && isShown) reader?.prompt(true)
        }
      },
      rest: () => {
        if (isShown) output.write("\n")
        isShown = false
      },
      edit: (text) => {
        if (!isTerminal || closed) return
        if (!isShown) begin(sign)
        // Lines end a request: these are one, to be changed.
        reader?.write(text.replace(/\s*\n\s*/g, " "))
      },
      aside: (effect) =>
        Effect.acquireUseRelease(
          Effect.sync(leave),
          () => effect,
          (line) =>
            Effect.sync(() => {
              if (!closed) listen(line)
            })
        )
    }
  })

// internal

/** Has the terminal mark what is pasted. */
const pasting = { on: "\u001b[?2004h", off: "\u001b[?2004l" }

const completer =
  ({ complete }: Options) =>
  (line: string, done: (problem: null, result: [Array<string>, string]) => void): void => {
    complete(line).then(
      ([values, of]) => done(null, [[...values], of]),
      () => done(null, [[], line])
    )
  }
