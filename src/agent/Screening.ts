/**
 * What the guard of messages says of those that a run is about to keep: the words that go in, the answers that come out, and
 * the results that the model is to read. Nothing is kept, and no answer is shown, before it has said so.
 */
import * as Effect from "effect/Effect"
import type * as AgentEvent from "../domain/AgentEvent.ts"
import type { Message } from "../domain/Message.ts"
import * as Part from "../domain/Part.ts"
import * as MessageGuard from "../guard/MessageGuard.ts"
import * as Run from "./Run.ts"

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
    ? Effect.succeed({ messages, told: [], blocked: undefined })
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
 * Writes what the guard said as events.
 *
 * @category combinators
 * @since 0.1.0
 */
export const tell = (run: Run.Run, { told }: Screened): Effect.Effect<unknown> =>
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
          Effect.tap(screen(run, [message], "input"), (screened) => tell(run, screened))
        ),
        (all) =>
          all.flatMap((screened, index) => {
            const [message] = screened.messages
            const words = messages[index]
            const origin = words === undefined ? undefined : run.steering.origin.get(words)
            if (message !== undefined && origin !== undefined) run.steering.origin.set(message, origin)
            return screened.messages
          })
      )

/**
 * The results with nothing in them, for a model that may not read them.
 *
 * @category converters
 * @since 0.1.0
 */
export const withheld = (message: Message, why: string): Message => ({
  ...message,
  parts: message.parts.map((part) =>
    part.type === "tool-result" ? { ...part, content: [Part.text(`This result is withheld: ${why}.`)] } : part
  )
})

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
      case "file":
        return [Run.event(run, "FileOutput", { file: part })]
      case "source":
        return [Run.event(run, "SourceOutput", { source: part })]
      default:
        return []
    }
  })
