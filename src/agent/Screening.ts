/**
 * What the guard of messages says of those that a run is about to keep: the words that go in, the answers that come out, and
 * the results that the model is to read. Nothing is kept, and no answer is shown, before it has said so.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as AgentEvent from "../domain/AgentEvent.ts"
import { CallId } from "../domain/Ids.ts"
import type { Message } from "../domain/Message.ts"
import * as Messages from "../domain/Message.ts"
import * as Part from "../domain/Part.ts"
import * as MessageGuard from "../guard/MessageGuard.ts"
import * as ToolResult from "../tool/ToolResult.ts"
import * as Commits from "./Commits.ts"
import * as Halt from "./Halt.ts"
import * as Run from "./Run.ts"
import * as Steering from "./Steering.ts"

/**
 * Messages after the guard has seen them. `blocked` is why the run ends; the messages are then those that may be kept.
 *
 * @category models
 * @since 0.1.0
 */
export interface Screened {
  readonly messages: ReadonlyArray<Message>
  readonly told: ReadonlyArray<Pick<AgentEvent.MessageGuarded, "direction" | "verdict" | "reason">>
  readonly blocked: string | undefined
}

/**
 * Messages that nobody has to see.
 *
 * @category constructors
 * @since 0.1.0
 */
export const unscreened = (messages: ReadonlyArray<Message>): Screened => ({ messages, told: [], blocked: undefined })

/**
 * Has the messages judged, in order, until one is blocked.
 *
 * @category combinators
 * @since 0.1.0
 */
export const screen = (
  run: Run.Run,
  messages: ReadonlyArray<Message>,
  direction: MessageGuard.Direction
): Effect.Effect<Screened> =>
  run.messageGuard === MessageGuard.none
    ? Effect.succeed(unscreened(messages))
    : Effect.gen(function* () {
        const kept: Array<Message> = []
        const told: Array<Screened["told"][number]> = []
        const { agent, id, identity, session } = run
        for (const message of messages) {
          const subject = { message, direction, agent, run: id, session, identity }
          const verdict = yield* Run.paying(run, "guard", MessageGuard.judge(run.messageGuard, subject))
          if (verdict._tag === "Block") {
            const { reason } = verdict
            return { messages: kept, told: [...told, { direction, verdict: "block", reason }], blocked: reason }
          }
          if (verdict._tag === "Rewrite") told.push({ direction, verdict: "rewrite" })
          kept.push(verdict._tag === "Rewrite" ? verdict.message : message)
        }
        return { messages: kept, told, blocked: undefined }
      })

/**
 * Has the input of a run judged, which can be halted meanwhile.
 *
 * @category combinators
 * @since 0.1.0
 */
export const input = (
  run: Run.Run,
  halt: Halt.Halt,
  messages: ReadonlyArray<Message>
): Effect.Effect<Screened, Halt.Halted> =>
  run.messageGuard === MessageGuard.none
    ? screen(run, messages, "input")
    : Halt.haltable(halt, screen(run, messages, "input"))

/**
 * Writes what the guard said as events.
 *
 * @category combinators
 * @since 0.1.0
 */
export const tell = (run: Run.Run, { told }: Pick<Screened, "told">): Effect.Effect<unknown> =>
  told.length === 0 ? Effect.void : Run.emit(run, () => told.map((about) => Run.event(run, "MessageGuarded", about)))

/**
 * The words that may join the conversation while it goes on. One that is blocked is left out, and the run goes on.
 *
 * @category combinators
 * @since 0.1.0
 */
export const words = (run: Run.Run, messages: ReadonlyArray<Message>): Effect.Effect<ReadonlyArray<Message>> =>
  run.messageGuard === MessageGuard.none || messages.length === 0
    ? Effect.succeed(messages)
    : Effect.map(
        Effect.forEach(messages, (message) =>
          Effect.map(
            Effect.tap(screen(run, [message], "input"), (screened) => tell(run, screened)),
            (screened) => {
              const [passed] = screened.messages
              const origin = run.steering.origin.get(message)
              if (passed !== undefined && origin !== undefined) run.steering.origin.set(passed, origin)
              return screened.messages
            }
          )
        ),
        (all) => {
          const passed = all.flat()
          Commits.dismiss(run, Steering.refused(run.steering, messages, passed))
          return passed
        }
      )

/**
 * The words that may wait for the run to read them. What they come to is told while somebody may still read them.
 *
 * @category combinators
 * @since 0.1.0
 */
export const accepted = (run: Run.Run, messages: ReadonlyArray<Message>): Effect.Effect<ReadonlyArray<Message>> =>
  Effect.map(
    Effect.forEach(messages, (message) =>
      Effect.tap(screen(run, [message], "input"), (screened) =>
        // Nothing is told of a run after its last event.
        Effect.suspend(() => (run.steering.closed ? Effect.void : tell(run, screened)))
      )
    ),
    (all) => all.flatMap((screened) => screened.messages)
  )

/**
 * Has those words judged that came before there was anybody to judge them, and leaves out what is blocked.
 *
 * @category combinators
 * @since 0.1.0
 */
export const early = (run: Run.Run): Effect.Effect<void> =>
  Effect.suspend(() => {
    const { messageGuard, steering } = run
    if (messageGuard === MessageGuard.none || steering.waiting.length === 0) return Effect.void
    const judged = Effect.forEach(steering.waiting.splice(0), (early) =>
      Effect.map(words(run, early.messages), (messages) => ({ ...early, messages }))
    )
    return Effect.map(judged, (all) => {
      const passed = all.filter(({ messages }) => messages.length > 0)
      for (const words of passed) for (const message of words.messages) steering.origin.set(message, words)
      steering.waiting.unshift(...passed)
    })
  })

/**
 * What keeps a run going that would otherwise end: the next words that pass. With none, its queues are closed.
 *
 * @category combinators
 * @since 0.1.0
 */
export const next = (run: Run.Run): Effect.Effect<ReadonlyArray<Message>> =>
  Effect.suspend(() => {
    const taken = Steering.takeOrClose(run.steering, run.definition.steering)
    if (taken.length === 0 || run.messageGuard === MessageGuard.none) return Effect.succeed(taken)
    return Effect.flatMap(words(run, taken), (passed) => (passed.length > 0 ? Effect.succeed(passed) : next(run)))
  })

/**
 * The result of a call as anybody may see it. What a tool says to people alone is judged as well, and so is the value with
 * which it ends the run.
 *
 * @category combinators
 * @since 0.1.0
 */
export const result = (
  run: Run.Run,
  { id, name }: { readonly id: string; readonly name: string },
  raw: ToolResult.ToolResult
): Effect.Effect<
  Pick<Screened, "told"> & { readonly result: ToolResult.ToolResult; readonly blocked: string | undefined }
> => {
  const { display, ends, outcome } = raw
  const value = ends?.value === undefined ? undefined : ToolResult.fromEncoded("ok", ends.value).content
  const said = [raw.content, ...(display === undefined ? [] : [display]), ...(value === undefined ? [] : [value])]
  const asked = said.map((content): Message => Messages.tool([{ type: "tool-result", id, name, outcome, content }]))
  return Effect.map(screen(run, asked, "input"), ({ blocked, messages, told }) => {
    if (blocked !== undefined) return { result: withheld(raw, blocked), told, blocked }
    const passed = messages.map(contentOf)
    const content = passed[0] ?? []
    const isKept = value === undefined || messages.at(-1) === asked.at(-1)
    const result = {
      ...raw,
      content,
      ...(display === undefined ? undefined : { display: passed[1] ?? [] }),
      // A value that was judged to be another one is no value any more, but words.
      ...(isKept ? undefined : { ends: { ...ends, value: Part.contentToText(passed.at(-1) ?? []) } })
    }
    return { result, told, blocked: undefined }
  })
}

/**
 * The result with nothing in it, for a model that may not read it. It ends no run.
 *
 * @category converters
 * @since 0.1.0
 */
export const withheld = ({ outcome }: ToolResult.ToolResult, why: string): ToolResult.ToolResult =>
  ToolResult.text(outcome, `This result is withheld: ${why}.`)

/**
 * The events of an answer that was held back until it was judged.
 *
 * @category converters
 * @since 0.1.0
 */
export const shown = (run: Run.Run, { parts }: Message): ReadonlyArray<AgentEvent.AgentEvent> =>
  parts.flatMap((part, index): ReadonlyArray<AgentEvent.AgentEvent> => {
    switch (part.type) {
      case "text":
        return part.text === "" ? [] : [Run.event(run, "TextDelta", { index, delta: part.text })]
      case "reasoning":
        return part.text === "" ? [] : [Run.event(run, "ReasoningDelta", { index, delta: part.text })]
      case "tool-call":
        return part.transportExecuted === true ? [called(run, part)] : []
      case "tool-result": {
        const { content, id, name, outcome } = part
        const call = CallId.make(id, { disableValidation: true })
        return [Run.event(run, "ToolEnd", { call, name, input: {}, outcome, content, durationMillis: 0 })]
      }
      case "file":
        return [Run.event(run, "FileOutput", { file: part })]
      case "source":
        return [Run.event(run, "SourceOutput", { source: part })]
      default:
        return []
    }
  })

// internal

const contentOf = ({ parts }: Message): ReadonlyArray<Part.ResultContent> =>
  parts.flatMap((part) => (part.type === "tool-result" ? part.content : []))

/** A call that the vendor ran itself. */
const called = (run: Run.Run, { id, input, name }: Part.ToolCall): AgentEvent.AgentEvent => {
  const call = CallId.make(id, { disableValidation: true })
  return Run.event(run, "ToolCall", {
    call,
    name,
    input: Option.getOrElse(Option.liftThrowable((): unknown => JSON.parse(input))(), () => ({}))
  })
}
