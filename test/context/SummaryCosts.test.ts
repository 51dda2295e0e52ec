/** What summaries cost is known whatever becomes of them, also when nobody is left to answer it to. */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import * as Agent from "../../src/agent/Agent.ts"
import * as Compaction from "../../src/context/Compaction.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import * as Summary from "../../src/context/Summary.ts"
import type { AgentEvent } from "../../src/domain/AgentEvent.ts"
import { SessionId } from "../../src/domain/Ids.ts"
import * as Usage from "../../src/domain/Usage.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { logOf, long, talk } from "../support/logs.ts"

const { cut, error, gate, text, usage } = ScriptedTransport
const session = SessionId.make("session")

/** What the ledger says summaries cost: input tokens, and whether they are estimated. */
const ledger = Effect.flatMap(ContextStore.ContextStore, ({ entries }) =>
  Effect.map(entries(session), (log) =>
    log.flatMap((entry) =>
      entry._tag === "Usage" && entry.purpose === "compaction"
        ? [[entry.usage.estimated, (entry.usage.inputTokens.total ?? 0) > 0, (entry.usage.outputTokens.total ?? 0) > 0]]
        : []
    )
  )
)
const [told, guessed] = [
  [false, true, true],
  [true, true, true]
]

/** A model that summarises the first part and is stuck in the second. */
const stuckIn = (begun: Deferred.Deferred<void>) =>
  ScriptedTransport.make(
    [
      [text("S1"), usage({ input: 70, output: 7 })],
      [text("and th", gate(Effect.zipRight(Deferred.succeed(begun, undefined), Effect.never)))]
    ],
    { model: { contextWindow: 1500 }, deltasPerPull: 1 }
  ).transport

describe("What summaries cost", () => {
  it.effect("RUN-7 is in the ledger and in the usage of a run that was interrupted in one", () =>
    Effect.gen(function* () {
      const begun = yield* Deferred.make<void>()
      const summarise = Summary.byModel({ transport: stuckIn(begun) })
      const compaction = Compaction.layer({ maxTokens: 1000, keepRecent: 1, summarise })
      const { append } = yield* ContextStore.ContextStore
      yield* append(session, logOf(talk(4)))
      const events: Array<AgentEvent> = []
      const run = Agent.run(Agent.make("a"), "go", { session, onEvents: (batch) => events.push(...batch) })
      const fiber = yield* Effect.fork(Effect.provide(run, compaction))
      yield* Deferred.await(begun)
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(yield* ledger, [told, guessed])
      const end = events.at(-1)
      assert.isAbove(end?._tag === "RunEnd" ? (end.usage.inputTokens.total ?? 0) : 0, 70)
      // The conversation is as it was.
      assert.strictEqual((yield* Agent.run(Agent.make("a"), "again", { session })).output, "well")
    }).pipe(Effect.provide([ScriptedTransport.layer([[text("well")]]), ContextStore.layerMemory]))
  )

  it.effect("RUN-7 is in the ledger of a session whose compaction on demand was interrupted", () =>
    Effect.gen(function* () {
      const begun = yield* Deferred.make<void>()
      const summarise = Summary.byModel({ transport: stuckIn(begun) })
      const { append, read } = yield* ContextStore.ContextStore
      yield* append(session, logOf(talk(4)))
      const before = yield* read(session)
      const fiber = yield* Effect.fork(
        Effect.provide(Compaction.compact(session), Compaction.layer({ keepRecent: 1, summarise }))
      )
      yield* Deferred.await(begun)
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(yield* ledger, [told, guessed])
      assert.deepStrictEqual((yield* read(session)).messages, before.messages)
    }).pipe(Effect.provide([ScriptedTransport.layer([]), ContextStore.layerMemory]))
  )

  it.effect("RUN-7 is estimated of answers that broke off, and of none that never began", () =>
    Effect.gen(function* () {
      const own = ScriptedTransport.make([
        [error("Overloaded")],
        [text("half ", "of", error("Network"))],
        [text("S"), usage({ input: 5, output: 1 })],
        [text("half ", cut)]
      ])
      const source = { previous: [], messages: talk(1), transport: own.transport }
      const fiber = yield* Effect.fork(Summary.byModel()(source))
      yield* TestClock.adjust("1 minute")
      const { costs } = yield* Fiber.join(fiber)
      assert.deepStrictEqual(
        costs.map(({ usage }) => usage.estimated),
        [true, false]
      )
      assert.deepStrictEqual(costs[1]?.usage, Usage.make({ input: 5, output: 1 }))
      const failed = yield* Effect.flip(Summary.byModel()(source))
      assert.deepStrictEqual(
        failed.costs.map(({ usage }) => usage.estimated),
        [true]
      )
    })
  )

  it.effect("RUN-7 is nothing when a run is interrupted before an answer began", () =>
    Effect.gen(function* () {
      const begun = yield* Deferred.make<void>()
      const { transport } = ScriptedTransport.make([
        [gate(Effect.zipRight(Deferred.succeed(begun, undefined), Effect.never)), text(long("S"))]
      ])
      const compaction = Compaction.layer({ keepRecent: 1, summarise: Summary.byModel({ transport }) })
      const { append, read } = yield* ContextStore.ContextStore
      const position = yield* append(session, logOf(talk(4)))
      const fiber = yield* Effect.fork(Effect.provide(Compaction.compact(session), compaction))
      yield* Deferred.await(begun)
      yield* Fiber.interrupt(fiber)
      assert.strictEqual((yield* read(session)).position, position)
    }).pipe(Effect.provide(Layer.merge(ScriptedTransport.layer([]), ContextStore.layerMemory)))
  )
})
