/**
 * Generated runs with a guard that hides a word: whatever says it, a person, the model or a tool, and wherever the run
 * breaks off, nobody reads it.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as TestContext from "effect/TestContext"
import * as Agent from "../../src/agent/Agent.ts"
import * as Result from "../../src/agent/Result.ts"
import * as Compaction from "../../src/context/Compaction.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import * as Repair from "../../src/context/Repair.ts"
import * as TokenCounter from "../../src/context/TokenCounter.ts"
import type { AgentEvent } from "../../src/domain/AgentEvent.ts"
import * as Usage from "../../src/domain/Usage.ts"
import * as MessageGuard from "../../src/guard/MessageGuard.ts"
import * as Telemetry from "../../src/telemetry/Telemetry.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { ToolContext } from "../../src/tool/ToolContext.ts"
import { numRuns, timeoutMillis } from "../support/generated.ts"
import { hiding, secret, session } from "../support/messageGuards.ts"
import { keeping } from "../telemetry/keeping.ts"

const kinds = ["answers", "fails", "dies", "streams", "tells", "hangs", "steers", "follows"] as const

interface Turn {
  readonly text: boolean
  readonly calls: ReadonlyArray<(typeof kinds)[number]>
  readonly end: "finish" | "cut" | "error" | "length" | "slow"
}

const turn: FastCheck.Arbitrary<Turn> = FastCheck.record({
  text: FastCheck.boolean(),
  calls: FastCheck.array(FastCheck.constantFrom(...kinds), { maxLength: 3 }),
  end: FastCheck.constantFrom<Array<Turn["end"]>>("finish", "finish", "finish", "cut", "error", "length", "slow")
})

const generated = FastCheck.record({
  turns: FastCheck.array(turn, { maxLength: 4 }),
  steer: FastCheck.array(FastCheck.integer({ min: 0, max: 60 }), { maxLength: 3 }),
  stopMillis: FastCheck.option(FastCheck.integer({ min: 0, max: 120 }), { nil: undefined }),
  interruptMillis: FastCheck.option(FastCheck.integer({ min: 0, max: 120 }), { nil: undefined }),
  /** How long the guard takes. */
  guardMillis: FastCheck.constantFrom(0, 0, 3),
  compacts: FastCheck.boolean()
})
type Generated = typeof generated extends FastCheck.Arbitrary<infer A> ? A : never

const tool = Agent.tool(
  "work",
  { parameters: { kind: Schema.String, words: Schema.String }, timeout: "30 millis" },
  (given) =>
    Effect.flatMap(ToolContext, ({ followUp, progress, steer }): Effect.Effect<unknown, string> => {
      assert.notInclude(given.words, secret)
      switch (given.kind) {
        case "fails":
          return Effect.fail(secret)
        case "dies":
          // Defects are for the log, which tells them as they are.
          return Effect.dieMessage("bug")
        case "tells":
          return Effect.zipRight(progress(secret), Effect.delay(Effect.succeed(secret), 5))
        case "hangs":
          return Effect.zipRight(progress(secret), Effect.never)
        case "steers":
          return Effect.map(steer(`steered ${secret}`), String)
        case "follows":
          return Effect.map(followUp(`followed ${secret}`), String)
        default:
          return Effect.succeed({ [secret]: [secret] })
      }
    })
)

const streaming = Agent.tool("streams", { parameters: {} }, () => Stream.make(secret, "and", secret))

const steps = ({ calls, end, text }: Turn, index: number): ReadonlyArray<ScriptedTransport.Step> => [
  ...(text ? [ScriptedTransport.text("it is ", secret), ScriptedTransport.delay(2)] : []),
  ...(end === "slow" ? [ScriptedTransport.delay(40)] : []),
  ...calls.map((kind, position) =>
    kind === "streams"
      ? ScriptedTransport.call(`${index}-${position}`, "streams")
      : ScriptedTransport.call(`${index}-${position}`, "work", { kind, words: secret })
  ),
  ...(end === "cut" ? [ScriptedTransport.cut] : []),
  ...(end === "error" ? [ScriptedTransport.error("Overloaded")] : []),
  ...(end === "length" ? [ScriptedTransport.finish("length")] : [])
]

const compacting: Layer.Layer<never> = Layer.merge(
  Compaction.layer({
    maxTokens: 3,
    keepRecent: 1,
    summarise: (given) => Effect.succeed({ text: `summary of ${JSON.stringify(given)}`, costs: [] })
  }),
  Layer.succeed(TokenCounter.TokenCounter, { count: ({ messages }) => Effect.succeed(messages.length) })
)

const play = (run: Generated) => {
  const tracing = keeping()
  const guard: MessageGuard.Service = {
    ...hiding,
    check: (subject) => Effect.delay(hiding.check(subject), run.guardMillis)
  }
  return Effect.gen(function* () {
    const agent = Agent.make("a", { tools: [tool, streaming], restarts: 1, inputFields: true })
    const events: Array<AgentEvent> = []
    const scope = yield* Scope.make()
    const handle = yield* Scope.extend(
      Agent.start(agent, `my word is ${secret}`, {
        session,
        stopSignal: run.stopMillis === undefined ? undefined : Effect.sleep(run.stopMillis)
      }),
      scope
    )
    const told = Stream.runForEach(handle.events, (event) => Effect.sync(() => events.push(event)))
    const reading = yield* Effect.fork(told)
    for (const millis of run.steer) yield* Effect.fork(Effect.delay(handle.steer(`please ${secret}`), millis))
    const awaited = yield* Effect.fork(handle.await)
    if (run.interruptMillis !== undefined) {
      yield* TestClock.adjust(run.interruptMillis)
      yield* Scope.close(scope, Exit.void)
    }
    yield* TestClock.adjust("10 minutes")
    const exit = yield* Fiber.await(awaited)
    yield* Fiber.await(reading)
    const store = yield* ContextStore.ContextStore
    const none: ReadonlyArray<never> = []
    return {
      exit,
      events,
      requests: yield* ScriptedTransport.requests,
      entries: yield* Effect.orElseSucceed(store.entries(session), () => none),
      window: yield* Effect.orElseSucceed(
        Effect.map(store.read(session), ({ messages }) => messages),
        () => none
      ),
      spans: tracing.spans.map(({ attributes, events, name }) => [
        name,
        [...attributes],
        events.map(([event, , about]) => [event, about])
      ])
    }
  }).pipe(
    Effect.provide(
      Layer.mergeAll(
        ScriptedTransport.layer((_request, index) => {
          const turn = run.turns[index]
          return turn === undefined ? [ScriptedTransport.text("the end, ", secret)] : steps(turn, index)
        }),
        ContextStore.layerMemory,
        MessageGuard.layer(guard),
        run.compacts ? compacting : Layer.empty,
        tracing.layer,
        Layer.succeed(Telemetry.CaptureContent, true),
        Logger.remove(Logger.defaultLogger)
      )
    ),
    Effect.provide(TestContext.TestContext)
  )
}

describe("Generated runs with a guard of messages", () => {
  it(
    "RUN-1 RUN-2 RUN-7 CALL-1 HIST-1 hold, and nobody reads what it hides",
    async () => {
      await FastCheck.assert(
        FastCheck.asyncProperty(generated, async (run) => {
          const { entries, events, exit, requests, spans, window } = await Effect.runPromise(play(run))
          // Nothing has it, be it shown, kept, sent or traced.
          for (const all of [events, entries, requests, spans]) {
            assert.deepStrictEqual(
              all.filter((one) => JSON.stringify(one).includes(secret)),
              []
            )
          }
          assert.notInclude(JSON.stringify(exit), secret)
          assert.deepStrictEqual(
            events.map(({ sequence }) => sequence),
            events.map((_, index) => index)
          )
          assert.deepStrictEqual(
            events.flatMap(({ _tag }, index) => (_tag === "RunEnd" ? [index] : [])),
            [events.length - 1]
          )
          if (Exit.isSuccess(exit)) assert.deepStrictEqual(Result.fromEvents(events), exit.value)
          assert.strictEqual(Repair.repair(window), window)
          const ended = events.flatMap((event) => (event._tag === "ToolEnd" ? [event.call] : []))
          assert.strictEqual(new Set(ended).size, ended.length)
          const paid = entries.flatMap((entry) => (entry._tag === "Usage" ? [entry.usage] : []))
          const end = events.at(-1)
          assert.deepStrictEqual(paid.reduce(Usage.sum, Usage.zero), end?._tag === "RunEnd" ? end.usage : undefined)
        }),
        { numRuns: numRuns(60) }
      )
    },
    timeoutMillis
  )
})
