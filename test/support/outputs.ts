/**
 * What tests of typed answers need: a run that is observed however it ends, and the events of one kind.
 */
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Schema from "effect/Schema"
import * as Agent from "../../src/agent/Agent.ts"
import * as Output from "../../src/agent/Output.ts"
import type { Result } from "../../src/agent/Result.ts"
import type * as AgentEvent from "../../src/domain/AgentEvent.ts"
import * as Message from "../../src/domain/Message.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import type { Request } from "../../src/transport/Transport.ts"
import { world } from "./runs.ts"

/** One run of a typed agent: how it ended, its events, and the requests it made. */
export interface Answered<A, E> {
  readonly exit: Exit.Exit<Result<A>, E>
  readonly events: ReadonlyArray<AgentEvent.AgentEvent>
  readonly requests: ReadonlyArray<Request>
}

/** Runs an agent against a script and keeps what it did. */
export const answered = <A, E>(
  agent: Agent.Agent<A, E>,
  script: ScriptedTransport.Script,
  options?: ScriptedTransport.Options
): Effect.Effect<Answered<A, Agent.AgentError | E>> =>
  Effect.gen(function* () {
    const events: Array<AgentEvent.AgentEvent> = []
    const exit = yield* Effect.exit(Agent.run(agent, "go", { onEvents: (batch) => events.push(...batch) }))
    return { exit, events, requests: yield* ScriptedTransport.requests }
  }).pipe(Effect.provide(world(script, options)))

/** The result of such a run, which has to have one. */
export const resultOf = <A, E>({ exit }: Answered<A, E>): Result<A> => {
  if (exit._tag === "Failure") throw new Error(`The run failed: ${exit.cause}`)
  return exit.value
}

/** The typed answer to one text, or what the model would be told of it. */
export const read = <A, I>(schema: Schema.Schema<A, I>, text: string): Effect.Effect<A, string> =>
  Effect.matchEffect(Effect.provide(Agent.extract(once(schema), "go"), world([[ScriptedTransport.text(text)]])), {
    onFailure: (error) => Effect.fail(error._tag === "OutputInvalid" ? error.description : error.message),
    onSuccess: Effect.succeed
  })

const once = <A, I>(schema: Schema.Schema<A, I>) => Output.make({ schema, repairs: 0 })

/** The events of one kind. */
export const only = <Tag extends AgentEvent.AgentEvent["_tag"]>(
  events: ReadonlyArray<AgentEvent.AgentEvent>,
  tag: Tag
): ReadonlyArray<AgentEvent.Of<Tag>> =>
  events.filter((event): event is AgentEvent.Of<Tag> & AgentEvent.AgentEvent => event._tag === tag)

/** What the last message of a request says. */
export const lastWords = (request: Request | undefined): string => {
  const last = request?.messages.at(-1)
  return last === undefined ? "" : Message.toText(last)
}
