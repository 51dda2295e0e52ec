/**
 * What tests of selectors need: tools, turns, and what a selector offers in one turn after another of a run.
 */
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import { RunId, SessionId } from "../../src/domain/Ids.ts"
import type { Message } from "../../src/domain/Message.ts"
import * as Messages from "../../src/domain/Message.ts"
import type { ToolSpec } from "../../src/domain/Request.ts"
import * as ToolSelector from "../../src/tool/ToolSelector.ts"

export const spec = (name: string, description = "", parameters: ReadonlyArray<string> = []): ToolSpec => ({
  name,
  description,
  inputSchema: { type: "object", properties: Object.fromEntries(parameters.map((it) => [it, { type: "string" }])) }
})

/** So many tools that have nothing to do with anything. */
export const fillers = (count: number): ReadonlyArray<ToolSpec> =>
  Array.from({ length: count }, (_, index) => spec(`filler_${index}`))

export const about = (change: Partial<ToolSelector.About>): ToolSelector.About => ({
  agent: "desk",
  run: RunId.make("run_1"),
  session: SessionId.make("session"),
  turn: 1,
  identity: {},
  messages: [],
  tools: [],
  ...change
})

export const namesOf = ({ tools }: ToolSelector.Offer): ReadonlyArray<string> => tools.map(({ name }) => name)

/** What is offered in the turns of one run, each after what was said in it. */
export const offers = (
  selector: ToolSelector.Service,
  tools: ReadonlyArray<ToolSpec>,
  said: ReadonlyArray<string | ReadonlyArray<Message>>,
  change: Partial<ToolSelector.About> = {}
): Effect.Effect<ReadonlyArray<ToolSelector.Offer>> =>
  Effect.gen(function* () {
    const made: Array<ToolSelector.Offer> = []
    let messages: ReadonlyArray<Message> = []
    let offered: ReadonlyArray<string> | undefined
    for (const words of said) {
      messages = [...messages, ...Messages.fromInput(words)]
      const turn = made.length + 1
      const asked = about({ ...change, tools, messages, turn, offered })
      const offer = ToolSelector.toOffer(yield* ToolSelector.ask(selector, asked), asked)
      offered = namesOf(offer)
      made.push(offer)
    }
    return made
  })

/** The names of what is offered, turn by turn. */
export const names = (...given: Parameters<typeof offers>): Effect.Effect<ReadonlyArray<ReadonlyArray<string>>> =>
  Effect.map(offers(...given), (made) => made.map(namesOf))

/** What an effect comes to, and what it logged meanwhile. */
export const logged = <A, E, R>(
  effect: Effect.Effect<A, E, R>
): Effect.Effect<readonly [A, ReadonlyArray<string>], E, R> => {
  const lines: Array<string> = []
  const logger = Logger.make(({ logLevel, message }) => void lines.push(`${logLevel.label} ${String(message)}`))
  return effect.pipe(
    Effect.map((made) => [made, lines] as const),
    Effect.provide(Logger.replace(Logger.defaultLogger, logger))
  )
}
