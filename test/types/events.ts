/**
 * Events narrow by their tag, and the effects of their handlers are seen.
 */
import { Agent, AgentEvent } from "axonal"
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Fails, Needs, Same } from "./assert.ts"
import { holds } from "./assert.ts"

class Screen extends Context.Tag("test/Screen")<Screen, { readonly show: (text: string) => Effect.Effect<void> }>() {}

const handle = AgentEvent.matchPartial({
  TextDelta: ({ delta }) => {
    holds<Same<typeof delta, string>>()
    return Effect.flatMap(Screen, ({ show }) => show(delta))
  },
  ToolEnd: (event) => {
    holds<Same<typeof event, AgentEvent.ToolEnd>>()
    return event.outcome === "ok" ? Effect.void : Effect.fail("no" as const)
  }
})
const handled = handle({} as AgentEvent.AgentEvent)
holds<Same<Needs<typeof handled>, Screen>>()
holds<Same<Fails<typeof handled>, "no">>()

// Without handlers nothing is needed and nothing fails.
const ignored = AgentEvent.matchPartial({})({} as AgentEvent.AgentEvent)
holds<Same<typeof ignored, Effect.Effect<void>>>()

// In a stream, as it is used.
const watched = Agent.stream(Agent.make("talker"), "hi").pipe(
  Stream.runForEach(AgentEvent.matchPartial({ TextDelta: ({ delta }) => Console.log(delta) }))
)
holds<Same<Fails<typeof watched>, Agent.AgentError>>()

// @ts-expect-error: no such event
AgentEvent.matchPartial({ TextDetla: () => Effect.void })
// @ts-expect-error: `match` wants every tag
AgentEvent.match({ TextDelta: ({ delta }) => delta })
