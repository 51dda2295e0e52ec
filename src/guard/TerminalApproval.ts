/**
 * Asks the person at the terminal. One question at a time, with everything that is to be approved in plain sight, and
 * only an explicit yes is a yes: an empty line, a typing error, the end of the input all mean no.
 */
import * as Terminal from "@effect/platform/Terminal"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type { Decision, Question, Service } from "./Approval.ts"
import { Approval } from "./Approval.ts"
import { unanswered } from "./internal/unanswered.ts"

/**
 * How questions are put.
 *
 * **Details**
 *
 * - `show`: the lines that say what a call would do, instead of its arguments. They are shown whole, with control characters as
 *   escapes; one that dies has the arguments shown.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly show?: ((question: Question) => Effect.Effect<ReadonlyArray<string>>) | undefined
}

/**
 * Makes an approver of a terminal.
 *
 * **Details**
 *
 * - `y` or `yes` approves. `n` and anything else does not; what follows an `n` is the reason that the model is told.
 * - `a` or `always` approves every call of this tool in the session, `c` everything of the question's category, when it has
 *   one, and `s` or `session` all calls. `never` and `never c` refuse the same, and may be followed by a reason, too.
 * - `e` or `edit` has the arguments changed, as JSON on one line, and approves what they then are. An empty line does not.
 * - Shown: the agent with the way to it, the tool, its arguments and the guard's reason, with control characters as escapes,
 *   so that nothing a model wrote moves the cursor or hides a line. Long arguments lose their middle, and the question says
 *   how much.
 * - Several questions wait for each other; an interrupted run withdraws its question. A terminal that is not
 *   interactive, cannot be written to, or is quit (Ctrl-C, Ctrl-D) says no.
 *
 * **Gotchas**
 *
 * A platform's terminal does not report the end of a piped standard input: bound the run's time when there may be one.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (terminal: Terminal.Terminal, options: Options = {}): Service => {
  const turnstile = Effect.unsafeMakeSemaphore(1)
  return {
    ask: (question) =>
      turnstile.withPermits(1)(
        Effect.zipRight(
          heard,
          Effect.flatMap(terminal.isTTY, (isTTY) =>
            isTTY ? converse(terminal, question, options) : Effect.succeed(nobody)
          )
        )
      )
  }
}

/**
 * Layer that asks at the terminal.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<Approval, never, Terminal.Terminal> = Layer.effect(
  Approval,
  Effect.map(Terminal.Terminal, (terminal) => make(terminal))
)

// internal

const nobody = unanswered("nobody is at the terminal")

const quit = unanswered("the question was left unanswered")

const maxShown = 2000

/** Lets the answer before be heard: one that sticks may settle this question as well, which is then withdrawn unseen. */
const heard = Effect.repeatN(Effect.yieldNow(), 5)

const converse = (terminal: Terminal.Terminal, question: Question, { show }: Options): Effect.Effect<Decision> =>
  Effect.scoped(
    Effect.gen(function* () {
      const { input } = question.call
      const lines =
        show === undefined
          ? shown(input)
          : yield* Effect.catchAllCause(Effect.suspend(() => show(question)).pipe(Effect.map(indented)), () =>
              Effect.succeed(shown(input))
            )
      yield* terminal.display(render(question, lines))
      const keys = yield* terminal.readInput
      const line = yield* readLine(terminal, keys)
      yield* terminal.display("\n")
      return /^\s*e(?:dit)?\s*$/i.test(line)
        ? yield* edited(terminal, keys, input)
        : decide(line, question.category !== undefined)
    })
  ).pipe(
    Effect.catchTags({
      NoSuchElementException: () => Effect.as(Effect.ignore(terminal.display("\n")), quit),
      BadArgument: () => Effect.succeed(nobody),
      SystemError: () => Effect.succeed(nobody)
    })
  )

type Keys = Effect.Effect.Success<Terminal.Terminal["readInput"]>

/** Arguments as the person writes them, asked for until they are JSON. */
const edited = (
  terminal: Terminal.Terminal,
  keys: Keys,
  input: unknown
): Effect.Effect<Decision, Effect.Effect.Error<ReturnType<typeof readLine>>> =>
  Effect.gen(function* () {
    // What was a control character stays one: JSON has escapes for all that are shown so here.
    const before = escape(json(input, 0))
    yield* terminal.display(`Arguments, as JSON; an empty line is a no:\n${before}`)
    let line = yield* readLine(terminal, keys, before)
    while (line.trim() !== "") {
      yield* terminal.display("\n")
      const read = parsed(line)
      if (Option.isSome(read)) return { approved: true, input: read.value }
      yield* terminal.display(`That is no JSON:\n${line}`)
      line = yield* readLine(terminal, keys, line)
    }
    yield* terminal.display("\n")
    return { approved: false }
  })

const parsed = Option.liftThrowable((line: string): unknown => JSON.parse(line))

/** One line, key by key, shown as it is typed: the terminal is in raw mode and shows nothing by itself. */
const readLine = (terminal: Terminal.Terminal, keys: Keys, before = "") => {
  const next = (line: string): Effect.Effect<string, Effect.Effect.Error<ReturnType<typeof terminal.display>> | End> =>
    Effect.flatMap(keys.take, ({ input, key }) => {
      if (key.name === "return" || key.name === "enter") return Effect.succeed(line)
      if (key.name === "backspace") {
        if (line === "") return next(line)
        const shorter = Array.from(line).slice(0, -1).join("")
        return Effect.zipRight(terminal.display("\b \b"), next(shorter))
      }
      const typed = key.ctrl || key.meta ? "" : printable(Option.getOrElse(input, () => ""))
      return typed === "" ? next(line) : Effect.zipRight(terminal.display(typed), next(line + typed))
    })
  return next(before)
}

type End = Effect.Effect.Error<Effect.Effect.Success<Terminal.Terminal["readInput"]>["take"]>

const decide = (line: string, hasCategory: boolean): Decision => {
  const answer = line.trim()
  if (/^y(es)?$/i.test(answer)) return { approved: true }
  if (/^a(lways)?$/i.test(answer)) return { approved: true, remember: "tool" }
  if (/^s(ession)?$/i.test(answer)) return { approved: true, remember: "session" }
  if (hasCategory && /^c$/i.test(answer)) return { approved: true, remember: "category" }
  const [, no = "", kind, why] = /^(never|no?)\b(?:\s+(c)(?=$|\s|[,:;.]))?[\s,:;.-]*(.*)$/i.exec(answer) ?? []
  if (no.toLowerCase() !== "never") return refusal([no === "" ? undefined : kind, why])
  return hasCategory && kind !== undefined
    ? { ...refusal([why]), remember: "category" }
    : { ...refusal([kind, why]), remember: "tool" }
}

const refusal = (words: ReadonlyArray<string | undefined>): Decision => {
  const reason = words.filter((word) => word !== undefined && word !== "").join(" ")
  return reason === "" ? { approved: false } : { approved: false, reason }
}

const render = ({ call, category, reason }: Question, lines: ReadonlyArray<string>): string => {
  const tool = escape(call.tool.name)
  const [all, none] =
    category === undefined
      ? [`e: other arguments, a: every ${tool}, s: everything from now on`, `never: no ${tool} again`]
      : [
          `e: other arguments, a: every ${tool}, c: all of this kind, s: everything from now on`,
          `never, never c: none of them again`
        ]
  return [
    "",
    `${escape(wayTo(call))} wants to call ${tool}:`,
    ...lines,
    `Why you are asked: ${escape(bound(reason))}${category === undefined ? "" : ` [${escape(category)}]`}`,
    `y: this call, ${all}; n: no, ${none}; say why behind it`,
    `Allow ${tool}? [y/N] `
  ].join("\n")
}

const wayTo = ({ agent, path = [] }: Question["call"]): string => [...path.map((part) => part.agent), agent].join(" > ")

/** The arguments as indented lines. Line breaks inside values stay escapes, so every line shown is one of ours. */
const shown = (input: unknown): ReadonlyArray<string> => indented(bound(json(input, 2)).split("\n"))

const indented = (lines: ReadonlyArray<string>): ReadonlyArray<string> => lines.map((line) => `  ${escape(line)}`)

const json = (input: unknown, indent: number): string => {
  try {
    return JSON.stringify(input, undefined, indent) ?? "nothing"
  } catch {
    return "arguments that are not JSON"
  }
}

const bound = (value: string): string => {
  if (value.length <= maxShown) return value
  const half = maxShown / 2
  return `${value.slice(0, half)}\n… ${value.length - maxShown} characters are not shown …\n${value.slice(-half)}`
}

// Controls, and what rearranges or hides text: bidirectional marks, zero-width characters, line separators.
const unsafe = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}]/gu

const escape = (value: string): string =>
  value.replace(unsafe, (char) => {
    const code = (char.codePointAt(0) ?? 0).toString(16)
    return code.length <= 4 ? `\\u${code.padStart(4, "0")}` : `\\u{${code}}`
  })

const printable = (value: string): string => value.replace(unsafe, "")
