import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Agent from "../../src/agent/Agent.ts"
import * as Budget from "../../src/agent/Budget.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import * as Message from "../../src/domain/Message.ts"
import * as ModelInfo from "../../src/domain/ModelInfo.ts"
import * as Approval from "../../src/guard/Approval.ts"
import * as Chain from "../../src/pattern/Chain.ts"
import * as Runner from "../../src/pattern/Runner.ts"
import * as RunnerTransport from "../../src/pattern/RunnerTransport.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import * as Suites from "../../src/testing/Suites.ts"
import * as Trace from "../../src/testing/Trace.ts"
import * as Transport from "../../src/transport/Transport.ts"
import { world } from "../support/runs.ts"

const { call, error, finish, gate, reasoning, roles, text } = ScriptedTransport

let looked = 0
const look = Agent.tool("look", {}, () => Effect.sync(() => `seen ${++looked}`))
const inner = Agent.make("inner", { instructions: "You work", tools: [look], retries: 0 })
const outer = Agent.make("outer", { instructions: "You lead", tools: [look], retries: 2 })

/** The outer agent's world: its model is the inner one. The script is the inner one's. */
const within = (script: ScriptedTransport.Script, options?: RunnerTransport.Options) =>
  Layer.provideMerge(RunnerTransport.layer(inner, options), world(script))

/** One request to the inner agent, as a model. */
const asked = (request: Transport.Request) =>
  Effect.scoped(
    Effect.gen(function* () {
      const transport = yield* Transport.Transport
      const pull = yield* transport.open(request)
      return yield* pull
    })
  )

const failing = (request: Transport.Request) =>
  Effect.map(Effect.flip(asked(request)), (failed) => {
    if (failed._tag === "TransportError") return failed
    if (failed._tag === "Some") return failed.value
    return assert.fail("it ended")
  })

const hi = Transport.request({ messages: [Message.user("hi")] })

const suiteScript: ScriptedTransport.Script = ({ messages }) => {
  const said = messages.map(Message.toText).join()
  if (said.includes("fail at once")) return [error("Overloaded")]
  if (said.includes("fail later")) return [text("a"), error("Network")]
  return [text("fine")]
}

const suite = ScriptedTransport.make(suiteScript)

Suites.transport(
  "a runner",
  Layer.provide(
    RunnerTransport.layer(inner),
    Layer.merge(Layer.succeed(Transport.Transport, suite.transport), ContextStore.layerMemory)
  ),
  {
    text: hi,
    failing: [
      Transport.request({ messages: [Message.user("fail at once")] }),
      Transport.request({ messages: [Message.user("fail later")] }),
      Transport.request({
        messages: [Message.user("x")],
        tools: [{ name: "t", inputSchema: {} }],
        toolChoice: "required"
      })
    ],
    openConnections: suite.openConnections
  }
)

describe("A runner as a model", () => {
  it.effect("AM-28 AX-14 TR-24 each request is a whole run, of which the final answer is told", () =>
    Effect.gen(function* () {
      const events = yield* Trace.events(Agent.stream(outer, "What is there?"))
      assert.deepStrictEqual(Trace.lines(events), [
        "RunStart",
        "TurnStart",
        "Text:A tree.",
        "TurnEnd",
        "RunEnd:completed"
      ])
      const end = events.at(-1)
      assert.deepStrictEqual(
        end?._tag === "RunEnd" && [end.usage.inputTokens.total, end.usage.outputTokens.total],
        [20, 10]
      )
      const requests = yield* ScriptedTransport.requests
      assert.deepStrictEqual(
        requests[0]?.messages.map(({ role, parts }) => [role, parts.length]),
        [
          ["system", 1],
          ["system", 1],
          ["user", 1]
        ]
      )
      assert.deepStrictEqual(requests[0]?.messages.map(Message.toText), ["You work", "You lead", "What is there?"])
      assert.deepStrictEqual(
        requests[0]?.tools.map(({ name }) => name),
        ["look"]
      )
    }).pipe(
      Effect.provide(
        within([
          [reasoning("hm"), text("I look."), call("1", "look")],
          [reasoning("ah"), text("A ", "tree.")]
        ])
      )
    )
  )

  it.effect("it is named, and takes no tools", () =>
    Effect.gen(function* () {
      const { model } = yield* Transport.Transport
      assert.deepStrictEqual(model, { vendor: "axonal", id: "inner", contextWindow: 9, capabilities: [] })
      assert.isFalse(ModelInfo.can(model, "tools"))
      const forced = yield* failing({ ...hi, tools: [{ name: "t", inputSchema: {} }], toolChoice: { tool: "t" } })
      assert.deepStrictEqual([forced.reason._tag, forced.replay], ["InvalidRequest", "safe"])
      assert.include(forced.message, "inner is a runner and calls tools of its own only")
    }).pipe(Effect.provide(within([], { model: { contextWindow: 9 } })))
  )

  it.effect("its events are for those who ask for them", () => {
    const lines: Array<string> = []
    return Effect.gen(function* () {
      yield* Agent.run(outer, "hi")
      assert.deepStrictEqual(lines, ["RunStart", "TurnStart", "Text:ok", "TurnEnd", "RunEnd:completed"])
    }).pipe(Effect.provide(within([[text("ok")]], { onEvents: (events) => lines.push(...Trace.lines(events)) })))
  })

  it.effect("a typed agent gets its JSON", () =>
    Effect.gen(function* () {
      const typed = Agent.make("typed", { output: Schema.Struct({ size: Schema.Number }) })
      const result = yield* Agent.run(typed, "How big?")
      assert.deepStrictEqual(result.value, { size: 3 })
      const [request] = yield* ScriptedTransport.requests
      assert.include(Message.toText(request?.messages.at(-1) ?? Message.user("")), '"size":{"type":"number"}')
    }).pipe(Effect.provide(within([[text('{"size": 3}')]])))
  )

  it.effect("patterns are models too", () =>
    Effect.gen(function* () {
      const chain = Chain.make("chain", [inner, Agent.make("second", { instructions: "You polish" })])
      const transport = yield* RunnerTransport.make(chain)
      const result = yield* Effect.provideService(Agent.run(outer, "hi"), Transport.Transport, transport)
      assert.deepStrictEqual([result.text, result.usage.inputTokens.total], ["polished", 20])
    }).pipe(Effect.provide(world(roles({ "You work": [[text("rough")]], "You polish": [[text("polished")]] }))))
  )

  it.effect("what it spends is paid once out of a budget", () =>
    Effect.gen(function* () {
      const budget = yield* Budget.make({ limits: { requests: 10, tokens: 100_000 }, per: "total" })
      // Also where it was there when the transport was made.
      const asking = Effect.flatMap(RunnerTransport.make(inner), (transport) =>
        Effect.provideService(Agent.run(outer, "hi"), Transport.Transport, transport)
      )
      yield* Effect.provideService(asking, Budget.Budget, budget)
      const left = yield* Effect.provideService(Budget.remaining({}), Budget.Budget, budget)
      assert.deepStrictEqual([left.requests, left.tokens], [9, 100_000 - 30])
    }).pipe(Effect.provide(world([[call("1", "look")], [text("ok")]])))
  )

  it.effect("a failure of its model keeps its reason, and passes by itself", () =>
    Effect.gen(function* () {
      const failed = yield* failing(hi)
      assert.deepStrictEqual(
        [failed.vendor, failed.model, failed.reason._tag, failed.replay, failed.isRetryable],
        ["axonal", "inner", "Overloaded", "safe", true]
      )
    }).pipe(Effect.provide(within([[error("Overloaded")]])))
  )

  it.effect("WIRE-3 once a tool has run, nobody sends the request again", () =>
    Effect.gen(function* () {
      const before = looked
      const failed = yield* Effect.flip(Agent.run(outer, "hi"))
      assert.deepStrictEqual(
        [failed._tag, failed._tag === "TransportError" && failed.replay],
        ["TransportError", "unknown"]
      )
      assert.strictEqual(looked - before, 1)
    }).pipe(Effect.provide(within([[call("1", "look")], [error("Overloaded")]])))
  )

  it.effect("what ended without an answer is a failure and says how", () =>
    Effect.gen(function* () {
      const remove = Agent.tool("remove", { needsApproval: true }, () => Effect.succeed("gone"))
      const asker = yield* RunnerTransport.make(Agent.withTools(inner, [remove]))
      const waiting = yield* Effect.provideService(failing(hi), Transport.Transport, asker)
      assert.strictEqual(waiting.reason._tag, "InvalidRequest")
      assert.include(
        waiting.message,
        "inner ended without an answer (awaiting-approval). A person is asked about remove"
      )
      const short = yield* RunnerTransport.make(Agent.withLimits(inner, { turns: 1 }))
      const limited = yield* Effect.provideService(failing(hi), Transport.Transport, short)
      assert.include(limited.message, "inner ended without an answer (limit: turns). What it had by then: so far")
      const strict = yield* RunnerTransport.make(Agent.withLimits(inner, { turns: 1, onLimit: "fail" }))
      const exceeded = yield* Effect.provideService(failing(hi), Transport.Transport, strict)
      assert.deepStrictEqual(exceeded.reason._tag, "InvalidRequest")
      assert.include(exceeded.message, "LimitExceeded: The run reached its limit of 1 turns")
    }).pipe(
      Effect.provide(
        Layer.merge(
          world([[call("1", "remove")], [call("2", "look")], [text("so far")], [call("3", "look")]]),
          Approval.layerSuspend
        )
      )
    )
  )

  it.effect("an answer that was cut is told as one", () =>
    Effect.gen(function* () {
      const result = yield* Agent.run(outer, "hi")
      assert.deepStrictEqual([result.reason, result.text], ["length", "half"])
    }).pipe(Effect.provide(within([[text("half"), finish("length")]])))
  )

  it.effect("RUN-3 closing the scope interrupts the run", () => {
    const begun = Deferred.unsafeMake<void>(FiberId.none)
    const ends: Array<string> = []
    const onEvents: RunnerTransport.Options["onEvents"] = (events) =>
      ends.push(...Trace.lines(events.filter(({ _tag }) => _tag === "RunEnd")))
    return Effect.gen(function* () {
      const transport = yield* Transport.Transport
      const scope = yield* Scope.make()
      const pull = yield* Scope.extend(transport.open(hi), scope)
      const pulling = yield* Effect.fork(pull)
      yield* Deferred.await(begun)
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(ends, ["RunEnd:interrupted"])
      assert.isTrue(Exit.isInterrupted(yield* Fiber.await(pulling)))
      assert.strictEqual(yield* ScriptedTransport.openConnections, 0)
    }).pipe(
      Effect.provide(
        within([[gate(Effect.zipRight(Deferred.succeed(begun, undefined), Effect.never)), text("late")]], { onEvents })
      )
    )
  })

  it.effect("a mistake in it is a mistake of the whole", () =>
    Effect.gen(function* () {
      const broken = Runner.fromEffect("broken", (_: ReadonlyArray<Message.Message>) => Effect.die("oh"))
      const transport = yield* RunnerTransport.make(broken)
      const exit = yield* Effect.exit(Effect.provideService(asked(hi), Transport.Transport, transport))
      assert.deepStrictEqual(exit, Exit.die("oh"))
    })
  )

  it.effect("messages of a session go to it whole, and nothing is remembered besides", () =>
    Effect.gen(function* () {
      const first = yield* Agent.run(outer, "one")
      yield* Agent.run(outer, "two", { session: first.session })
      const requests = yield* ScriptedTransport.requests
      assert.deepStrictEqual(requests.at(-1)?.messages.map(Message.toText), [
        "You work",
        "You lead",
        "one",
        "answer 0",
        "two"
      ])
    }).pipe(Effect.provide(within((_, index) => [text(`answer ${index}`)])))
  )
})
