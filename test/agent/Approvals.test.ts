import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as Agent from "../../src/agent/Agent.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import { CallId } from "../../src/domain/Ids.ts"
import * as Approval from "../../src/guard/Approval.ts"
import * as Guard from "../../src/guard/Guard.ts"
import * as Hooks from "../../src/hook/Hooks.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { text } from "../../src/testing/ScriptedTransport.ts"
import * as Trace from "../../src/testing/Trace.ts"
import { answering, byAmount, collecting, denied, lend, pay, results, session, shop } from "../support/approvals.ts"
import { callOf } from "../support/pathWorld.ts"
import { world } from "../support/runs.ts"

const asking = Guard.layer(byAmount)

/** Waits until so many questions wait. */
const waitingIn = (queue: Approval.Queue, count: number) =>
  Effect.asVoid(Stream.runHead(Stream.filter(queue.changes, (questions) => questions.length === count)))

describe("Approvals", () => {
  it.effect("AX-24 AM-12 TR-14 one batch may have all ends, and the model is told each in its words", () => {
    const { agent, ran } = shop()
    const { asked, layer } = answering((amount) => ({
      approved: amount !== 30,
      reason: amount === 30 ? "not today" : ""
    }))
    return Effect.gen(function* () {
      const { events, onEvents } = collecting()
      yield* Agent.run(agent, "go", { session, onEvents })
      assert.deepStrictEqual(asked, [20, 30])
      assert.deepStrictEqual(ran, ["pay 5 shop", "pay 20 shop"])
      assert.deepStrictEqual(
        (yield* results).map((line) => line.split("\n")[0]),
        [
          "ok: 5 to shop",
          "ok: 20 to shop",
          denied("not today"),
          "denied: Denied: that is too much",
          "invalid: Invalid arguments for tool pay:",
          "unknown-tool: Unknown tool: steal. Available tools: pay, lend."
        ]
      )
      assert.deepStrictEqual(Trace.lines(events).slice(2, 11), [
        ...["Guard:pay:ask", "Guard:pay:ask", "Guard:pay:deny"],
        ...["ApprovalAsked:pay", "ApprovalAsked:pay", "ApprovalDecided:pay:yes", "ApprovalDecided:pay:no"],
        ...["ToolEnd:pay:denied", "ToolEnd:pay:denied"]
      ])
    }).pipe(
      Effect.provide([
        world([
          [
            ...[pay("1", 5), pay("2", 20), pay("3", 30), pay("4", 2000)],
            ScriptedTransport.call("5", "pay", { amount: "x" }),
            ScriptedTransport.call("6", "steal")
          ],
          [text("done")]
        ]),
        asking,
        layer
      ])
    )
  })

  it.effect("AX-26 TR-6 AM-17 the person sees decoded arguments with defaults and without extra keys", () => {
    const { agent } = shop()
    const seen: Array<unknown> = []
    const { layer } = answering((_, { call, category, reason }) => {
      seen.push([call.input, call.tool.name, category, reason, call.session, call.agent, call.path])
      return { approved: true }
    })
    return Effect.gen(function* () {
      yield* Agent.run(agent, "go", { session })
      assert.deepStrictEqual(seen, [
        [{ amount: 20, to: "shop" }, "pay", "money", "20 is a lot", session, "clerk", undefined]
      ])
    }).pipe(
      Effect.provide([
        world([
          [ScriptedTransport.call("1", "pay", { amount: 20, sudo: true }), ScriptedTransport.call("2", "pay", "{")],
          [text("done")]
        ]),
        asking,
        layer
      ])
    )
  })

  it.effect("AX-25 TR-9 a guard that dies and an approver that dies deny their call and no other", () => {
    const { agent, ran } = shop()
    const { layer } = answering((amount) => {
      if (amount === 20) throw new Error("secret")
      return { approved: true }
    })
    const dying = Guard.make((call) =>
      JSON.stringify(call.input).includes("30") ? Effect.die("secret") : byAmount.check(call)
    )
    return Effect.gen(function* () {
      yield* Agent.run(agent, "go", { session })
      const [one, two, three] = yield* results
      assert.deepStrictEqual([one, three, ran], [denied("the approver failed"), "ok: 40 to shop", ["pay 40 shop"]])
      assert.match(two ?? "", /^denied: Denied: (?!.*secret)/)
    }).pipe(
      Effect.provide([world([[pay("1", 20), pay("2", 30), pay("3", 40)], [text("done")]]), Guard.layer(dying), layer])
    )
  })

  it.effect("an approver that answers nothing, something else or interrupts itself has not said yes", () => {
    const { agent, ran } = shop()
    const odd: ReadonlyArray<Effect.Effect<Approval.Answer>> = [
      ...[undefined, null, "yes", {}, { approved: "true" }, { approved: 1 }].map((answer) =>
        Effect.sync((): Approval.Answer => JSON.parse(JSON.stringify({ answer })).answer)
      ),
      Effect.interrupt
    ]
    let next = 0
    const approver = Layer.succeed(Approval.Approval, { ask: () => odd[next++] ?? Effect.die("asked too often") })
    return Effect.gen(function* () {
      yield* Agent.run(agent, "go", { session })
      assert.deepStrictEqual(ran, [])
      assert.isTrue((yield* results).every((line) => line.startsWith("denied: Not approved")))
    }).pipe(
      Effect.provide([world([odd.map((_, index) => pay(`${index}`, 20 + index)), [text("done")]]), asking, approver])
    )
  })

  it.effect("AG-15 a guard that denies stops execution with a text of permission", () => {
    const { agent, ran } = shop()
    return Effect.gen(function* () {
      yield* Agent.run(agent, "go", { session })
      assert.deepStrictEqual([ran, yield* results], [[], ["denied: Denied: it is not allowed here"]])
    }).pipe(Effect.provide([world([[pay("1", 5)], [text("done")]]), Guard.layerDeny]))
  })

  it.effect("policy that changed while the person thought is the policy", () => {
    const { agent, ran } = shop()
    let isOpen = true
    const guard = Guard.make((call) => (isOpen ? byAmount.check(call) : Effect.succeed(Guard.Deny("closed"))))
    const { layer } = answering(() => {
      isOpen = false
      return { approved: true }
    })
    return Effect.gen(function* () {
      const { events, onEvents } = collecting()
      yield* Agent.run(agent, "go", { session, onEvents })
      assert.deepStrictEqual([ran, yield* results], [[], ["denied: Denied: closed"]])
      assert.include(Trace.lines(events), "Guard:pay:deny")
    }).pipe(Effect.provide([world([[pay("1", 20)], [text("done")]]), Guard.layer(guard), layer]))
  })

  it.scoped("TR-10 the handle lists its questions and answers each, in any order, once", () => {
    const { agent, ran } = shop()
    return Effect.gen(function* () {
      const { approvals, await: ended } = yield* Agent.start(agent, "go", { session, approver: "handle" })
      yield* waitingIn(approvals, 3)
      const ids = (yield* approvals.pending).map(({ call }) => call.id)
      const [a, b, c] = ids.map((id) => CallId.make(id))
      if (a === undefined || b === undefined || c === undefined) return assert.fail("three questions")
      yield* approvals.decide(c, { approved: true })
      yield* approvals.decide(a, { approved: false, reason: "a" })
      assert.strictEqual((yield* Effect.flip(approvals.decide(a, { approved: true })))._tag, "UnknownQuestion")
      assert.strictEqual((yield* Effect.flip(approvals.decide(CallId.make("x"), { approved: true }))).call, "x")
      assert.deepStrictEqual(ran, [])
      yield* approvals.decide(b, { approved: true, input: { amount: 1, to: "Bob" } })
      assert.strictEqual((yield* ended).reason, "completed")
      assert.deepStrictEqual(ran, ["pay 1 Bob", "lend 40 shop"])
      assert.deepStrictEqual(yield* results, [denied("a"), "ok: 1 to Bob", "ok: 40 to shop"])
    }).pipe(
      // Whoever else may answer is not asked.
      Effect.provide([
        world([[pay("1", 20), pay("2", 30), lend("3", 40)], [text("done")]]),
        asking,
        Approval.layerAllow
      ])
    )
  })

  it.effect("questions that nobody answers expire on the Clock, in the queue too", () => {
    const { agent, ran } = shop()
    return Effect.gen(function* () {
      const queue = yield* Approval.ApprovalQueue
      const running = yield* Effect.fork(Agent.run(agent, "go", { session }))
      yield* waitingIn(queue, 2)
      const [first] = yield* queue.pending
      yield* TestClock.adjust("59 seconds")
      yield* queue.decide(first?.call.id ?? CallId.make("none"), { approved: true })
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(running)
      assert.deepStrictEqual([ran, yield* queue.pending], [["pay 20 shop"], []])
      assert.deepStrictEqual(yield* results, ["ok: 20 to shop", denied("nobody answered in time")])
    }).pipe(
      Effect.provide([
        world([[pay("1", 20), pay("2", 30)], [text("done")]]),
        asking,
        Approval.layerExpiring(Approval.layerQueue, "1 minute")
      ])
    )
  })

  it.effect("the shorter of two expiries counts", () =>
    Effect.gen(function* () {
      const later = (after: Duration.DurationInput) => Approval.expiring(Approval.expiring(put, after), "1 minute")
      const put: Approval.Service = { ask: () => Effect.succeed({ _tag: "Later" }) }
      const question = { call: callOf("pay", {}), reason: "" }
      assert.deepStrictEqual(yield* later("1 second").ask(question), { _tag: "Later", expiresAt: 1000 })
      assert.deepStrictEqual(yield* later("1 hour").ask(question), { _tag: "Later", expiresAt: 60_000 })
    })
  )

  for (const [how, halt] of [
    ["interrupted", "RunEnd:interrupted"],
    ["stopped", "RunEnd:stopped"]
  ] as const) {
    it.effect(`TR-3 what was decided when the run is ${how} while it asks is told as it was`, () => {
      const { agent, ran } = shop()
      return Effect.gen(function* () {
        const queue = yield* Approval.ApprovalQueue
        const signal = yield* Deferred.make<void>()
        const running = yield* Effect.fork(
          Trace.exit(Agent.stream(agent, "go", { session, stopSignal: Deferred.await(signal) }))
        )
        yield* waitingIn(queue, 2)
        const [first] = yield* queue.pending
        yield* queue.decide(first?.call.id ?? CallId.make("none"), { approved: false, reason: "no" })
        yield* Effect.repeatN(Effect.yieldNow(), 20)
        if (how === "stopped") {
          yield* Deferred.succeed(signal, undefined)
          assert.strictEqual((yield* Fiber.join(running)).lines.at(-1), halt)
        } else yield* Fiber.interrupt(running)
        assert.deepStrictEqual([ran, yield* queue.pending], [[], []])
        const [one, two, three] = yield* results
        assert.strictEqual(one, denied("no"))
        assert.match(two ?? "", /^skipped: This call was not started/)
        assert.strictEqual(three, "denied: Denied: that is too much")
      }).pipe(Effect.provide([world([[pay("1", 20), pay("2", 30), pay("3", 2000)]]), asking, Approval.layerQueue]))
    })
  }

  describe("toolStart hook", () => {
    const rewriting = (input: object | undefined) =>
      Layer.succeed(Hooks.Hooks, { toolStart: () => Effect.succeed(input === undefined ? undefined : { input }) })
    const run = (input: object | undefined, answer: (amount: number) => Approval.Answer) => {
      const { agent, ran } = shop()
      const { asked, layer } = answering(answer)
      return Effect.gen(function* () {
        const { reason } = yield* Agent.run(agent, "go", { session })
        const log = yield* Effect.flatMap(ContextStore.ContextStore, (store) => store.entries(session))
        const decisions = log.flatMap((entry) => (entry._tag === "Decision" ? [entry.asked] : []))
        return { asked, ran, reason, decisions, results: yield* results }
      }).pipe(Effect.provide([world([[pay("1", 20)], [text("done")]]), asking, layer, rewriting(input)]))
    }
    const yes = () => ({ approved: true })

    it.effect("arguments that stay are not asked about again", () =>
      Effect.gen(function* () {
        const { asked, ran } = yield* run({ to: "shop", amount: 20, more: 1 }, yes)
        assert.deepStrictEqual([asked, ran], [[20], ["pay 20 shop"]])
      })
    )

    it.effect("arguments that it puts in the place of approved ones are judged, and asked about", () =>
      Effect.gen(function* () {
        const small = yield* run({ amount: 1 }, yes)
        assert.deepStrictEqual([small.asked, small.ran], [[20], ["pay 1 shop"]])
        const large = yield* run({ amount: 2000 }, yes)
        assert.deepStrictEqual(
          [large.asked, large.ran, large.results],
          [[20], [], ["denied: Denied: that is too much"]]
        )
        const asks = yield* run({ amount: 50 }, (amount) => ({ approved: amount === 20 }))
        assert.deepStrictEqual([asks.asked, asks.ran, asks.results], [[20, 50], [], [denied()]])
        const twice = yield* run({ amount: 50 }, yes)
        assert.deepStrictEqual([twice.asked, twice.ran], [[20, 50], ["pay 50 shop"]])
        assert.deepStrictEqual(twice.decisions, [
          { amount: 20, to: "shop" },
          { amount: 50, to: "shop" }
        ])
      })
    )

    it.effect("nobody can be asked later about a call that is about to run", () =>
      Effect.gen(function* () {
        const later = yield* run({ amount: 50 }, (amount) => (amount === 20 ? { approved: true } : { _tag: "Later" }))
        assert.deepStrictEqual([later.reason, later.ran], ["completed", []])
        assert.match(later.results[0] ?? "", /^denied: Denied: its arguments were changed/)
      })
    )
  })
})
