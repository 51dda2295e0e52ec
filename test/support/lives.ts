/**
 * Generated lives of a session, for tests of control: what is generated, the world it is played in, and what it leaves.
 */
import { assert } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as Agent from "../../src/agent/Agent.ts"
import * as Budget from "../../src/agent/Budget.ts"
import type * as Result from "../../src/agent/Result.ts"
import * as Compaction from "../../src/context/Compaction.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import * as TokenCounter from "../../src/context/TokenCounter.ts"
import type { AgentEvent } from "../../src/domain/AgentEvent.ts"
import type { Stored } from "../../src/domain/Entry.ts"
import type { RunId } from "../../src/domain/Ids.ts"
import { SessionId } from "../../src/domain/Ids.ts"
import type { FinishReason } from "../../src/domain/Outcome.ts"
import type { Usage } from "../../src/domain/Usage.ts"
import * as Approval from "../../src/guard/Approval.ts"
import * as Guard from "../../src/guard/Guard.ts"
import * as MessageGuard from "../../src/guard/MessageGuard.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { ToolContext } from "../../src/tool/ToolContext.ts"
import * as ToolResult from "../../src/tool/ToolResult.ts"
import type { Request, Transport } from "../../src/transport/Transport.ts"

const fates = [
  ...(["ok", "ok", "fail", "die", "deny", "yes", "no", "later", "later", "unknown", "broken", "timeout"] as const),
  ...(["end", "shows", "steers", "follows", "nested", "stops"] as const)
]
type Fate = (typeof fates)[number]

interface GeneratedTurn {
  readonly text: string
  readonly calls: ReadonlyArray<{ readonly fate: Fate; readonly delayMillis: number }>
  readonly reason: FinishReason
  readonly delayMillis: number
  readonly end: "finish" | "cut" | "error"
}

const delay = FastCheck.integer({ min: 0, max: 20 })
const answers = ["", "thinking aloud", '{"n": 1}', '{"n": "no"}', "the secret", "the poison"]
const turn: FastCheck.Arbitrary<GeneratedTurn> = FastCheck.record({
  text: FastCheck.constantFrom(...answers),
  calls: FastCheck.array(FastCheck.record({ fate: FastCheck.constantFrom(...fates), delayMillis: delay }), {
    maxLength: 4
  }),
  reason: FastCheck.constantFrom<Array<FinishReason>>(
    ...(["tool-calls", "tool-calls", "tool-calls", "stop", "length", "other", "content-filter", "pause"] as const)
  ),
  delayMillis: delay,
  end: FastCheck.constantFrom<Array<GeneratedTurn["end"]>>(
    ...(["finish", "finish", "finish", "finish", "finish", "finish", "cut", "error"] as const)
  )
})

const op = FastCheck.record({
  at: FastCheck.integer({ min: 0, max: 60 }),
  does: FastCheck.constantFrom(...(["steer", "followUp", "steer", "followUp", "stop", "interrupt"] as const))
})

const act = FastCheck.record({
  begins: FastCheck.constantFrom(
    ...(["run", "run", "resume", "resume", "resume", "silent", "compact", "fork"] as const)
  ),
  input: FastCheck.constantFrom("go", "go", "go", "secret", "poison"),
  /** Of the questions that wait, in order. */
  decisions: FastCheck.array(FastCheck.constantFrom(...(["yes", "no", "tool", "leave"] as const)), { maxLength: 4 }),
  ops: FastCheck.array(op, { maxLength: 4 }),
  /** Whether the tools are there in this run. */
  hasTools: FastCheck.constantFrom(true, true, true, true, false)
})

const optional = <A>(arbitrary: FastCheck.Arbitrary<A>, freq = 1) =>
  FastCheck.option(arbitrary, { nil: undefined, freq })
const upTo = (max: number) => FastCheck.integer({ min: 1, max })

export const life = FastCheck.record({
  turns: FastCheck.array(turn, { minLength: 1, maxLength: 6 }),
  acts: FastCheck.array(act, { minLength: 1, maxLength: 4 }),
  concurrency: FastCheck.integer({ min: 1, max: 4 }),
  limits: FastCheck.record({
    turns: FastCheck.constantFrom(2, 5, 50),
    toolCalls: optional(upTo(6)),
    wallTime: optional(upTo(80)),
    totalTokens: optional(upTo(100)),
    repeatedFailures: optional(FastCheck.integer({ min: 2, max: 3 })),
    identicalCalls: optional(FastCheck.integer({ min: 2, max: 3 })),
    onLimit: FastCheck.constantFrom<Array<"answer" | "fail">>("answer", "answer", "fail")
  }),
  budget: optional(FastCheck.record({ requests: upTo(12), toolCalls: upTo(12), wait: FastCheck.boolean() })),
  mode: FastCheck.constantFrom<Array<"all" | "one-at-a-time">>("all", "one-at-a-time"),
  isTyped: FastCheck.boolean(),
  isGuarded: FastCheck.boolean(),
  compact: optional(FastCheck.record({ at: FastCheck.integer({ min: 2, max: 8 }), keep: upTo(4) }))
})
export type Life = typeof life extends FastCheck.Arbitrary<infer A> ? A : never

const session = SessionId.make("life")

/** What a message guard does here: it hides one word and blocks another. */
const guarding = MessageGuard.make(({ message }) => {
  const text = JSON.stringify(message)
  if (text.includes("poison")) return Effect.succeed(MessageGuard.Block("poison"))
  return Effect.delay(
    Effect.succeed(
      text.includes("secret") ? MessageGuard.Rewrite(JSON.parse(text.replaceAll("secret", "***"))) : MessageGuard.Pass
    ),
    text.includes("secret") ? 3 : 0
  )
})

export interface Ran {
  readonly events: ReadonlyArray<AgentEvent>
  readonly exit: Exit.Exit<Result.Result<unknown>, unknown>
}

/** Waits for what must be over by now. */
const over = <A, E>(fiber: Fiber.Fiber<A, E>): Effect.Effect<Exit.Exit<A, E>> =>
  Effect.gen(function* () {
    for (let pass = 0; pass < 30; pass++) {
      yield* TestClock.adjust("1 minute")
      for (let time = 0; time < 20; time++) {
        const exit = yield* Fiber.poll(fiber)
        if (Option.isSome(exit)) return exit.value
        yield* Effect.yieldNow()
      }
    }
    return yield* Effect.dieMessage("it hangs")
  })

export const isInner = (request: Request) => request.messages[0]?.role === "system"

export const play = (life: Life) =>
  Effect.gen(function* () {
    const store = yield* ContextStore.ContextStore
    let [alive, said, stopping] = [0, 0, Effect.void as Effect.Effect<unknown>]
    const handled: Array<string> = []
    const elsewhere = new Set<Request>()
    const nested: Array<{ readonly run: RunId; readonly usage: Usage }> = []
    const accepted: Array<{ readonly word: string; readonly run: number }> = []
    const inner = Agent.make("inner", { instructions: "inner", retries: 0 })
    const work = Agent.tool(
      "work",
      { parameters: { fate: Schema.String, delayMillis: Schema.Number }, timeout: "40 millis" },
      ({ delayMillis, fate }) =>
        Effect.flatMap(ToolContext, (context) => {
          const word = `${fate}${++said}`
          const noted = (is: boolean) =>
            void (is && context.session === session && accepted.push({ word, run: runs.length }))
          return Effect.acquireUseRelease(
            Effect.sync(() => {
              alive++
              handled.push(context.call)
            }),
            () =>
              Effect.gen(function* () {
                if (fate === "steers") noted(yield* context.steer(word))
                if (fate === "follows") noted(yield* context.followUp(word))
                if (fate === "shows") yield* context.progress("shown")
                if (fate === "stops") yield* stopping
                yield* Effect.sleep(fate === "timeout" ? "1 hour" : delayMillis)
                if (fate === "fail") return yield* Effect.fail("no")
                if (fate === "die") return yield* Effect.dieMessage("bug")
                if (fate === "nested") {
                  const onEvents = (batch: ReadonlyArray<AgentEvent>) => {
                    const end = batch.at(-1)
                    if (end?._tag === "RunEnd") nested.push({ run: context.run, usage: end.usage })
                  }
                  return (yield* Effect.orDie(Agent.run(inner, "sub", { onEvents }))).output
                }
                return fate === "end" ? ToolResult.end('{"n": 2}') : fate
              }),
            () => Effect.sync(() => alive--)
          )
        })
    )
    const runs: Array<Ran> = []
    const { wallTime, ...limits } = life.limits
    const common = {
      limits: { ...limits, ...(wallTime === undefined ? undefined : { wallTime }) },
      toolConcurrency: life.concurrency,
      retries: 0,
      steering: life.mode
    }
    const Number = Schema.Struct({ n: Schema.Number })
    const make = (hasTools: boolean): Agent.Agent<unknown, never, ContextStore.ContextStore | Transport> => {
      const tools = hasTools ? [work] : []
      return life.isTyped
        ? Agent.make("a", { ...common, tools, output: Number })
        : Agent.make("a", { ...common, tools })
    }
    const budget = yield* Budget.Budget
    for (const { begins, decisions, hasTools, input, ops } of life.acts) {
      const agent = make(hasTools)
      if (begins === "compact") {
        yield* over(yield* Effect.fork(Effect.exit(Compaction.compact(session))))
        continue
      }
      if (begins === "fork") {
        // Both go on: what is done in the fork is of no concern to this session.
        const { suspended } = yield* Effect.orDie(store.read(session))
        if (suspended === undefined) continue
        const forked = yield* Effect.orDie(store.fork(session))
        const decided = suspended.questions.map(({ call }) => ({ call, approved: true }))
        const [before, sent] = [handled.length, yield* ScriptedTransport.requests]
        yield* over(yield* Effect.fork(Effect.exit(Agent.resume(agent, forked, decided))))
        handled.splice(before)
        for (const request of (yield* ScriptedTransport.requests).slice(sent.length)) elsewhere.add(request)
        continue
      }
      const asked = yield* Deferred.make<void>()
      const stop = Deferred.succeed(asked, undefined)
      stopping = stop
      const stopSignal = Deferred.await(asked)
      const scope = yield* Scope.make()
      const before = yield* Effect.orDie(store.read(session))
      let events: ReadonlyArray<AgentEvent> = []
      let fiber: Fiber.RuntimeFiber<Result.Result<unknown>, unknown>
      let handle: Agent.Handle<unknown, unknown> | undefined
      if (begins === "resume") {
        const known = before.suspended?.questions ?? []
        const waiting = known.filter(({ call }) => !decidedIn(runs).has(call))
        const decided = waiting.flatMap(({ call }, index): ReadonlyArray<Approval.Decided> => {
          const does = decisions[index] ?? "yes"
          if (does === "leave") return []
          return [{ call, approved: does !== "no", ...(does === "tool" ? { remember: "tool" } : undefined) }]
        })
        const seen: Array<AgentEvent> = []
        events = seen
        const onEvents = (batch: ReadonlyArray<AgentEvent>) => void seen.push(...batch)
        const options = { onEvents, stopSignal, input: input === "go" ? [] : input }
        fiber = yield* Effect.fork(Agent.resume(agent, session, decided, options))
      } else {
        const options = { session, stopSignal }
        const started = yield* Scope.extend(Agent.start(agent, begins === "silent" ? [] : input, options), scope)
        handle = started
        fiber = yield* Effect.forkDaemon(started.await)
      }
      let now = 0
      for (const { at, does } of [...ops].sort((left, right) => left.at - right.at)) {
        yield* TestClock.adjust(at - now)
        now = at
        if (does === "stop") yield* stop
        else if (does === "interrupt") {
          yield* Effect.forkDaemon(handle === undefined ? Fiber.interrupt(fiber) : Scope.close(scope, Exit.void))
        } else if (handle !== undefined) {
          const word = `${does}${++said}`
          const { [does]: say } = handle
          const run = runs.length
          yield* Effect.forkDaemon(Effect.map(say(word), (is) => void (is && accepted.push({ word, run }))))
        }
      }
      const exit = yield* over(fiber)
      if (handle !== undefined) {
        const read: Array<AgentEvent> = []
        yield* Effect.exit(Stream.runForEach(handle.events, (event) => Effect.sync(() => read.push(event))))
        events = read
      }
      yield* Scope.close(scope, Exit.void)
      runs.push({ events, exit })
      const stands = yield* budget.read({ identity: {} })
      for (const { actual, limit, max, reserved } of stands) {
        assert.strictEqual(reserved, 0, `${limit} is still reserved`)
        assert.isAtMost(actual, max, limit)
      }
      assert.strictEqual(alive, 0, "a handler is alive")
    }
    const log = yield* Effect.orElseSucceed(store.entries(session), (): ReadonlyArray<Stored> => [])
    const window = yield* Effect.orDie(store.read(session))
    const requests = (yield* ScriptedTransport.requests).filter((request) => !elsewhere.has(request))
    const connections = yield* ScriptedTransport.openConnections
    const stands = yield* budget.read({ identity: {} })
    return { runs, log, window, requests, connections, handled, accepted, stands, nested }
  })

const decidedIn = (runs: ReadonlyArray<Ran>) =>
  new Set(
    runs.flatMap(({ events }) => events.flatMap((event) => (event._tag === "ApprovalDecided" ? [event.call] : [])))
  )

export const worldOf = (life: Life) => {
  let asked = 0
  let index = 0
  const script: ScriptedTransport.Script = (request) => {
    if (isInner(request)) return [ScriptedTransport.delay(3), ScriptedTransport.text("inner")]
    const number = index++
    const turn = life.turns[number]
    if (turn === undefined) return [ScriptedTransport.text('{"n": 3}')]
    return [
      ...(turn.text === "" ? [] : [ScriptedTransport.text(turn.text.slice(0, 2), turn.text.slice(2))]),
      ScriptedTransport.delay(turn.delayMillis),
      ...turn.calls.map(({ delayMillis, fate }, position) => {
        const id = `${number}-${position}`
        if (fate === "unknown") return ScriptedTransport.call(id, "invented")
        if (fate === "broken") return ScriptedTransport.call(id, "work", '{"fate":')
        return ScriptedTransport.call(id, "work", { fate, delayMillis })
      }),
      turn.end === "cut"
        ? ScriptedTransport.cut
        : turn.end === "error"
          ? ScriptedTransport.error("InvalidRequest")
          : ScriptedTransport.finish(turn.reason)
    ]
  }
  const fateOf = (input: unknown) => /"fate":"(\w+)"/.exec(JSON.stringify(input))?.[1]
  const guard = Guard.make(({ input }) => {
    const fate = fateOf(input)
    if (fate === "deny") return Effect.succeed(Guard.Deny("no"))
    return Effect.succeed(fate === "yes" || fate === "no" || fate === "later" ? Guard.Ask("sure?") : Guard.Allow)
  })
  const approval = {
    ask: ({ call }: Approval.Question): Effect.Effect<Approval.Answer> => {
      const fate = fateOf(call.input)
      return fate === "later"
        ? Effect.succeed({ _tag: "Later" })
        : Effect.delay(Effect.succeed({ approved: fate === "yes" }), 5)
    }
  }
  const compaction =
    life.compact === undefined
      ? Layer.empty
      : Compaction.layer({
          maxTokens: life.compact.at,
          keepRecent: life.compact.keep,
          summarise: () =>
            Effect.delay(
              Effect.sync(() => ({ text: `summary ${++asked}`, costs: [] })),
              1
            )
        })
  const { budget } = life
  return Layer.mergeAll(
    ScriptedTransport.layer(script),
    ContextStore.layerMemory,
    Guard.layer(guard),
    Layer.succeed(Approval.Approval, approval),
    compaction,
    Layer.succeed(TokenCounter.TokenCounter, { count: ({ messages }) => Effect.succeed(messages.length) }),
    life.isGuarded ? MessageGuard.layer(guarding) : Layer.empty,
    budget === undefined
      ? Layer.empty
      : Budget.layer({
          limits: { requests: budget.requests, toolCalls: budget.toolCalls },
          whenExhausted: budget.wait ? "wait" : "fail"
        }),
    Logger.remove(Logger.defaultLogger)
  )
}
