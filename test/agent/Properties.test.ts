/**
 * Generated runs against the invariants: whatever the model answers, however tools end, whenever the run is cancelled,
 * the events, the session and the ledger hold together.
 */

import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import * as TestContext from "effect/TestContext"
import * as Agent from "../../src/agent/Agent.ts"
import * as Result from "../../src/agent/Result.ts"
import * as Compaction from "../../src/context/Compaction.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import * as Repair from "../../src/context/Repair.ts"
import type { Summarise } from "../../src/context/Summary.ts"
import { SummaryFailed } from "../../src/context/Summary.ts"
import * as TokenCounter from "../../src/context/TokenCounter.ts"
import type { AgentEvent } from "../../src/domain/AgentEvent.ts"
import type { Stored } from "../../src/domain/Entry.ts"
import { SessionId } from "../../src/domain/Ids.ts"
import type { Message } from "../../src/domain/Message.ts"
import type { FinishReason } from "../../src/domain/Outcome.ts"
import * as Usage from "../../src/domain/Usage.ts"
import * as Guard from "../../src/guard/Guard.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { numRuns, timeoutMillis } from "../support/generated.ts"

/** How a call of a generated script ends. */
type Fate = "ok" | "fail" | "die" | "deny" | "unknown" | "broken" | "mistyped" | "timeout"

interface GeneratedCall {
  readonly fate: Fate
  readonly delayMillis: number
}

interface GeneratedTurn {
  readonly text: string
  readonly calls: ReadonlyArray<GeneratedCall>
  readonly reason: FinishReason
  readonly delayMillis: number
  readonly end: "finish" | "cut" | "error"
}

interface GeneratedRun {
  readonly turns: ReadonlyArray<GeneratedTurn>
  readonly toolConcurrency: number
  /** When to interrupt; never when undefined. */
  readonly interruptMillis: number | undefined
  readonly stopMillis: number | undefined
  /** From how many messages on the conversation is compacted, and how many stay; not at all when undefined. */
  readonly compact: { readonly at: number; readonly keepRecent: number } | undefined
}

const fates: ReadonlyArray<Fate> = ["ok", "ok", "fail", "die", "deny", "unknown", "broken", "mistyped", "timeout"]
const delay = FastCheck.integer({ min: 0, max: 30 })

const generatedCall: FastCheck.Arbitrary<GeneratedCall> = FastCheck.record({
  fate: FastCheck.constantFrom(...fates),
  delayMillis: delay
})

const someCalls = FastCheck.array(generatedCall, { minLength: 1, maxLength: 3 })

const turnOf = { text: FastCheck.constantFrom("", "thinking aloud", "ünï🙂"), delayMillis: delay }

const generatedTurn: FastCheck.Arbitrary<GeneratedTurn> = FastCheck.record({
  ...turnOf,
  calls: FastCheck.array(generatedCall, { maxLength: 5 }),
  reason: FastCheck.constantFrom<Array<FinishReason>>("tool-calls", "tool-calls", "stop", "length", "other"),
  end: FastCheck.constantFrom<Array<GeneratedTurn["end"]>>("finish", "finish", "finish", "finish", "cut", "error")
})

const compact = FastCheck.record({
  at: FastCheck.integer({ min: 1, max: 6 }),
  keepRecent: FastCheck.integer({ min: 0, max: 4 })
})

const generatedRun: FastCheck.Arbitrary<GeneratedRun> = FastCheck.record({
  turns: FastCheck.array(generatedTurn, { maxLength: 4 }),
  toolConcurrency: FastCheck.integer({ min: 1, max: 4 }),
  interruptMillis: FastCheck.option(FastCheck.integer({ min: 0, max: 120 }), { nil: undefined }),
  stopMillis: FastCheck.option(FastCheck.integer({ min: 0, max: 120 }), { nil: undefined }),
  compact: FastCheck.option(compact, { nil: undefined })
})

/** Summaries that say which one they are; every third fails. A message counts as one token. */
const compaction = ({ compact }: GeneratedRun) => {
  if (compact === undefined) return Layer.empty
  let asked = 0
  const costs = [{ model: "small", usage: Usage.make({ input: 1, output: 1 }) }]
  const summarise: Summarise = () =>
    Effect.suspend(() =>
      ++asked % 3 === 0
        ? Effect.fail(new SummaryFailed({ message: "no", costs }))
        : Effect.as(Effect.sleep(asked), { text: `summary ${asked}`, costs })
    )
  return Layer.merge(
    Compaction.layer({ maxTokens: compact.at, keepRecent: compact.keepRecent, summarise }),
    Layer.succeed(TokenCounter.TokenCounter, { count: ({ messages }) => Effect.succeed(messages.length) })
  )
}

const steps = (turn: GeneratedTurn, index: number): ReadonlyArray<ScriptedTransport.Step> => [
  ...(turn.text === "" ? [] : [ScriptedTransport.text(turn.text.slice(0, 2), turn.text.slice(2) || ".")]),
  ScriptedTransport.delay(turn.delayMillis),
  ...turn.calls.map(({ delayMillis, fate }, position) => {
    const id = `${index}-${position}`
    if (fate === "unknown") return ScriptedTransport.call(id, "invented")
    if (fate === "broken") return ScriptedTransport.call(id, "work", '{"fate":')
    if (fate === "mistyped") return ScriptedTransport.call(id, "work", { fate, delayMillis: "soon" })
    return ScriptedTransport.call(id, "work", { fate, delayMillis })
  }),
  turn.end === "cut"
    ? ScriptedTransport.cut
    : turn.end === "error"
      ? ScriptedTransport.error("InvalidRequest")
      : ScriptedTransport.finish(turn.reason)
]

interface Outcome {
  readonly events: ReadonlyArray<AgentEvent>
  readonly exit: Exit.Exit<Result.Result, Agent.AgentError>
  readonly requests: ReadonlyArray<{ readonly messages: ReadonlyArray<Message> }>
  readonly entries: ReadonlyArray<Stored>
  readonly window: ReadonlyArray<Message>
  readonly peak: number
  readonly alive: number
  readonly connections: number
}

const session = SessionId.make("generated")

const play = (generated: GeneratedRun): Effect.Effect<Outcome> =>
  Effect.gen(function* () {
    let running = 0
    let peak = 0
    const work = Agent.tool(
      "work",
      { parameters: { fate: Schema.String, delayMillis: Schema.Number }, timeout: "40 millis" },
      ({ delayMillis, fate }) =>
        Effect.acquireUseRelease(
          Effect.sync(() => {
            peak = Math.max(peak, ++running)
          }),
          () =>
            Effect.zipRight(
              Effect.sleep(fate === "timeout" ? "1 hour" : delayMillis),
              fate === "fail" ? Effect.fail("no") : fate === "die" ? Effect.dieMessage("bug") : Effect.succeed(fate)
            ),
          () => Effect.sync(() => running--)
        )
    )
    const agent = Agent.make("generated", { tools: [work], toolConcurrency: generated.toolConcurrency })
    const events: Array<AgentEvent> = []
    const { stopMillis } = generated
    const fiber = yield* Effect.fork(
      Agent.run(agent, "go", {
        session,
        onEvents: (batch) => events.push(...batch),
        stopSignal: stopMillis === undefined ? undefined : Effect.sleep(stopMillis)
      })
    )
    const { interruptMillis } = generated
    if (interruptMillis !== undefined) {
      yield* TestClock.adjust(interruptMillis)
      yield* Fiber.interrupt(fiber)
    }
    yield* TestClock.adjust("1 minute")
    const exit = yield* Fiber.await(fiber)
    const store = yield* ContextStore.ContextStore
    return {
      events,
      exit,
      requests: yield* ScriptedTransport.requests,
      entries: yield* Effect.orDie(store.entries(session)),
      window: (yield* Effect.orDie(store.read(session))).messages,
      peak,
      alive: running,
      connections: yield* ScriptedTransport.openConnections
    }
  }).pipe(
    Effect.provide(
      Layer.mergeAll(
        ScriptedTransport.layer((_request, index) => {
          const turn = generated.turns[index]
          const said = turn === undefined ? [ScriptedTransport.text("the end")] : steps(turn, index)
          // The vendor counts nothing: what is counted are messages.
          return generated.compact === undefined ? said : [ScriptedTransport.usage({}), ...said]
        }),
        compaction(generated),
        ContextStore.layerMemory,
        Logger.remove(Logger.defaultLogger),
        Guard.layer(
          Guard.make((call) =>
            Effect.succeed(JSON.stringify(call.input).includes("deny") ? Guard.Deny("no") : Guard.Allow)
          )
        ),
        TestContext.TestContext
      )
    )
  )

const check = ({ alive, connections, entries, events, exit, peak, requests, window }: Outcome, bound: number): void => {
  // RUN-2 exactly one terminal event, and it is the last; numbers without gaps.
  assert.deepStrictEqual(
    events.map((event) => event.sequence),
    events.map((_, index) => index)
  )
  assert.strictEqual(events.filter((event) => event._tag === "RunEnd").length, 1)
  assert.strictEqual(events.at(-1)?._tag, "RunEnd")
  // RUN-1 the result is the fold of the events.
  if (Exit.isSuccess(exit)) assert.deepStrictEqual(Result.fromEvents(events), exit.value)
  // RUN-3 nothing is left running.
  assert.deepStrictEqual({ alive, connections }, { alive: 0, connections: 0 })
  // CALL-3 the bound holds.
  assert.isAtMost(peak, bound)
  // CALL-1 every committed call has exactly one result, right behind it, in order.
  const committed = entries.flatMap((entry) => (entry._tag === "Message" ? [entry.message] : []))
  for (const [index, message] of committed.entries()) {
    const calls = message.parts.flatMap((part) => (part.type === "tool-call" ? [part.id] : []))
    if (calls.length === 0) continue
    const results = committed[index + 1]?.parts.flatMap((part) => (part.type === "tool-result" ? [part.id] : []))
    assert.deepStrictEqual(results, calls)
  }
  assert.strictEqual(
    committed.filter((message) => message.role === "tool").length,
    committed.filter((message) => message.parts.some((part) => part.type === "tool-call")).length
  )
  // Every call of a committed answer ends once in the events, too.
  const ended = events.flatMap((event) => (event._tag === "ToolEnd" ? [event.call] : []))
  assert.strictEqual(new Set(ended).size, ended.length)
  // HIST-1 the session is well formed: repair finds nothing to do.
  assert.strictEqual(Repair.repair(window), window)
  // TURN-2 each request begins with the one before. Compared by parts: what a person adds to their own unanswered words
  // joins the same message, because roles alternate.
  const said = (messages: ReadonlyArray<Message>) =>
    messages.flatMap(({ parts, role }) => parts.map((part) => ({ role, part })))
  const summaryOf = (messages: ReadonlyArray<Message> = []) => /summary \d+/.exec(JSON.stringify(messages))?.[0]
  let compactions = 0
  for (const [index, request] of requests.entries()) {
    const before = requests[index - 1]?.messages ?? []
    const isCompacted = summaryOf(request.messages) !== summaryOf(before)
    if (isCompacted) compactions++
    else assert.deepStrictEqual(said(request.messages).slice(0, said(before).length), said(before))
    // HIST-1 HIST-2 what is sent is well formed, and says what the user wants.
    assert.strictEqual(Repair.repair(request.messages), request.messages)
    assert.include(JSON.stringify(request.messages), '"go"')
  }
  // A run may be cut off between a compaction and its request.
  const announced = events.filter(({ _tag }) => _tag === "Compacted").length
  assert.isTrue(announced === compactions || announced === compactions + 1, `${announced} and ${compactions}`)
  // RUN-7 the ledger adds up to the usage of the run.
  const paid = entries.flatMap((entry) => (entry._tag === "Usage" ? [entry.usage] : []))
  const end = events.at(-1)
  assert.deepStrictEqual(paid.reduce(Usage.sum, Usage.zero), end?._tag === "RunEnd" ? end.usage : undefined)
  // TURN-1 an answer that was cut off never runs anything.
  const turns = new Map(events.flatMap((event) => (event._tag === "TurnEnd" ? [[event.turn, event.reason]] : [])))
  for (const event of events) {
    if (event._tag === "ToolStart") assert.include(["stop", "tool-calls"], turns.get(event.turn))
  }
}

describe("Generated runs", () => {
  it(
    "RUN-1 RUN-2 RUN-3 RUN-7 TURN-1 TURN-2 CALL-1 CALL-3 HIST-1 hold whatever happens",
    async () => {
      await FastCheck.assert(
        FastCheck.asyncProperty(generatedRun, async (generated) => {
          check(await Effect.runPromise(play(generated)), generated.toolConcurrency)
        }),
        { numRuns: numRuns(45) }
      )
    },
    timeoutMillis
  )

  it(
    "HIST-2 HIST-3 TURN-2 RUN-7 hold for long runs that are compacted again and again",
    async () => {
      const long = FastCheck.record({
        turns: FastCheck.array(
          FastCheck.record({ ...turnOf, calls: someCalls }).map((turn) => ({
            ...turn,
            reason: "tool-calls" as const,
            end: "finish" as const
          })),
          { minLength: 3, maxLength: 8 }
        ),
        toolConcurrency: FastCheck.constant(4),
        interruptMillis: FastCheck.option(FastCheck.integer({ min: 50, max: 400 }), { nil: undefined, freq: 5 }),
        stopMillis: FastCheck.constant(undefined),
        compact
      })
      await FastCheck.assert(
        FastCheck.asyncProperty(long, async (generated) => {
          check(await Effect.runPromise(play(generated)), generated.toolConcurrency)
        }),
        { numRuns: numRuns(15) }
      )
    },
    timeoutMillis
  )
})
