/**
 * What many tests of runs need: an agent over a scripted model and a memory store, and the results it sent back.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Scope } from "effect/Scope"
import * as Agent from "../../src/agent/Agent.ts"
import type { Result } from "../../src/agent/Result.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import type { AgentEvent } from "../../src/domain/AgentEvent.ts"
import * as Part from "../../src/domain/Part.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import type { Request, Transport } from "../../src/transport/Transport.ts"

/** A scripted model and a fresh memory store. */
export const world = (script: ScriptedTransport.Script, options?: ScriptedTransport.Options) =>
  Layer.merge(ScriptedTransport.layer(script, options), ContextStore.layerMemory)

/** The results in the last message of a request: `outcome: text`, in order. */
export const sentResults = (request: Request | undefined): ReadonlyArray<string> =>
  (request?.messages.at(-1)?.parts ?? []).flatMap((part) =>
    part.type === "tool-result" ? [`${part.outcome}: ${Part.contentToText(part.content)}`] : []
  )

/** One run, its events, and the requests it made. */
export interface Observed {
  readonly result: Result
  readonly events: ReadonlyArray<AgentEvent>
  readonly requests: ReadonlyArray<Request>
}

/** Runs an agent against a script and observes it. */
export const observed = <E, R>(
  agent: Agent.Agent<string, E, R>,
  script: ScriptedTransport.Script
): Effect.Effect<Observed, Agent.AgentError | E, Exclude<R, Transport | ContextStore.ContextStore | Scope>> =>
  Effect.gen(function* () {
    const events: Array<AgentEvent> = []
    const result = yield* Agent.run(agent, "go", { onEvents: (batch) => events.push(...batch) })
    const requests = yield* ScriptedTransport.requests
    return { result, events, requests }
  }).pipe(Effect.provide(world(script))) as Effect.Effect<
    Observed,
    Agent.AgentError | E,
    // The world provides exactly what is excluded here; `Exclude` over a generic `R` cannot be reduced.
    Exclude<R, Transport | ContextStore.ContextStore | Scope>
  >
