import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { pipe } from "effect/Function"
import * as Schema from "effect/Schema"
import * as Agent from "../../src/agent/Agent.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import type { AgentEvent } from "../../src/domain/AgentEvent.ts"
import { SessionId } from "../../src/domain/Ids.ts"
import type * as Part from "../../src/domain/Part.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { call, error, text } from "../../src/testing/ScriptedTransport.ts"
import * as Middleware from "../../src/transport/Middleware.ts"
import * as Transport from "../../src/transport/Transport.ts"
import { interruptedAt } from "../support/interruption.ts"

const echo = Agent.tool("echo", { description: "Echoes", parameters: { word: Schema.String } }, ({ word }) =>
  Effect.as(Effect.yieldNow(), word)
)

const agent = Agent.make("a", { tools: [echo], instructions: "Be helpful.", restarts: 1 })

/** An answer that breaks off, one with two calls, and the last. */
const script: ScriptedTransport.Script = (_, index) =>
  index === 0
    ? [text("half"), error({ _tag: "Overloaded", message: "x", retryAfterMillis: 1 }, "acknowledged")]
    : index === 1
      ? [text("look"), call("1", "echo", { word: "x" }), call("2", "echo", { word: "y" })]
      : [text("done")]

const ids = (parts: ReadonlyArray<Part.Part>, type: "tool-call" | "tool-result") =>
  parts.flatMap((part) => (part.type === type ? [part.id] : []))

/** What is wrong after a run that was interrupted before its operation number `at`; undefined once it has fewer. */
const troubles = (at: number, wrap: (self: Transport.Service) => Transport.Service) =>
  Effect.gen(function* () {
    const scripted = ScriptedTransport.make(script)
    const store = yield* ContextStore.ContextStore
    const session = SessionId.make(`session-${at}`)
    const events: Array<AgentEvent> = []
    const run = Agent.run(agent, "go", { session, onEvents: (batch) => events.push(...batch) })
    const was = yield* interruptedAt(at, Effect.provideService(run, Transport.Transport, wrap(scripted.transport)))
    const parts = (yield* store.read(session)).messages.flatMap(({ parts }) => parts)
    const ends = events.filter(({ _tag }) => _tag === "RunEnd").length
    const next = yield* Effect.either(
      Effect.provideService(
        Agent.run(agent, "again", { session, onBusy: "fail" }),
        Transport.Transport,
        ScriptedTransport.make(() => [text("ok")]).transport
      )
    )
    const found = {
      history: ids(parts, "tool-call").join() === ids(parts, "tool-result").join(),
      connections: (yield* scripted.openConnections) === 0,
      end: events.length === 0 || (ends === 1 && events.at(-1)?._tag === "RunEnd"),
      session: Either.isRight(next)
    }
    const wrong = Object.entries(found).flatMap(([name, isRight]) => (isRight ? [] : [`${name}@${at}`]))
    return was ? wrong : undefined
  })

/** Before each operation, or before every other one and so on. */
const everywhere = (wrap: (self: Transport.Service) => Transport.Service, every = 1) =>
  Effect.gen(function* () {
    const all: Array<string> = []
    for (let at = 1; ; at += every) {
      const found = yield* troubles(at, wrap)
      if (found === undefined) return { all, operations: at - 1 }
      all.push(...found)
    }
  }).pipe(Effect.provide(ContextStore.layerMemory))

describe("Loop, interrupted anywhere", () => {
  it.live("RUN-3: history, session, connections and the last event are right", () =>
    Effect.gen(function* () {
      const { all, operations } = yield* everywhere((self) => self)
      assert.deepStrictEqual(all, [])
      assert.isAbove(operations, 100)
    })
  )

  it.live("RUN-3: so they are over every kind of middleware", () =>
    Effect.gen(function* () {
      // The loop's own operations are tried one by one above.
      const { all } = yield* everywhere(
        (self) =>
          pipe(
            self,
            Middleware.concurrency(1),
            Middleware.retry(),
            Middleware.rateLimit({ requestsPerMinute: 1e6, tokensPerMinute: 1e9 }),
            Middleware.timeout({ total: "1 hour" }),
            Middleware.circuitBreaker(),
            Middleware.tap({ onEnd: () => Effect.void })
          ),
        2
      )
      assert.deepStrictEqual(all, [])
    })
  )
})
