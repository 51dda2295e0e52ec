import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as Agent from "../../src/agent/Agent.ts"
import { ToolFailed } from "../../src/domain/AgentError.ts"
import * as Approval from "../../src/guard/Approval.ts"
import * as Guard from "../../src/guard/Guard.ts"
import * as Hooks from "../../src/hook/Hooks.ts"
import { call, text } from "../../src/testing/ScriptedTransport.ts"
import { ToolContext } from "../../src/tool/ToolContext.ts"
import { observed, sentResults } from "../support/runs.ts"

class OutOfStock extends Schema.TaggedError<OutOfStock>()("OutOfStock", { item: Schema.String, left: Schema.Number }) {}

const echo = Agent.tool("echo", { parameters: { text: Schema.String } }, ({ text }) => Effect.succeed(text))
const done = [text("done")]

describe("Tool outcomes", () => {
  it.effect("AX-05 AM-12 AA-09 CALL-4 TR-15 a typed failure is told to the model by tag and message", () =>
    Effect.gen(function* () {
      const errors: Array<unknown> = []
      const tools = [
        Agent.tool("order", { failure: OutOfStock }, () => Effect.fail(new OutOfStock({ item: "tea", left: 0 }))),
        Agent.tool("fetch", {}, () => Effect.fail(new Error("no route to host"))),
        Agent.tool("odd", {}, () => Effect.fail({ _tag: "Odd", code: 7 }))
      ]
      const { requests, result } = yield* observed(Agent.make("a", { tools }), [
        [call("1", "order"), call("2", "fetch"), call("3", "odd"), call("4", "nope")],
        done
      ]).pipe(
        Effect.provide(
          Hooks.layer({
            toolError: ({ call, result, tool }) =>
              Effect.sync(() => errors.push([tool, call.slice(-2), result.outcome]))
          })
        )
      )
      assert.deepStrictEqual(sentResults(requests[1]), [
        'failed: {"item":"tea","left":0,"_tag":"OutOfStock"}',
        "failed: no route to host",
        'failed: Odd: {"code":7}',
        "unknown-tool: Unknown tool: nope. Available tools: order, fetch, odd."
      ])
      assert.strictEqual(result.output, "done")
      assert.deepStrictEqual(errors, [
        ["nope", "_3", "unknown-tool"],
        ["order", "_0", "failed"],
        ["fetch", "_1", "failed"],
        ["odd", "_2", "failed"]
      ])
    })
  )

  it.effect("TR-7 CALL-4 a defect becomes a result without its details, and the siblings run on", () =>
    Effect.gen(function* () {
      const dying = Agent.tool("dying", {}, () => Effect.die(new Error("password=hunter2")))
      const throwing = Agent.tool("throwing", {}, () => {
        throw new Error("password=hunter2")
      })
      const { events, requests } = yield* observed(Agent.make("a", { tools: [dying, throwing, echo] }), [
        [call("1", "dying"), call("2", "throwing"), call("3", "echo", { text: "fine" })],
        done
      ])
      assert.deepStrictEqual(sentResults(requests[1]), [
        "failed: Tool dying failed unexpectedly. The details are in the log of this application.",
        "failed: Tool throwing failed unexpectedly. The details are in the log of this application.",
        "ok: fine"
      ])
      assert.notInclude(JSON.stringify(events), "hunter2")
    })
  )

  it.effect("CALL-4 TR-8 TR-9 a fatal tool ends the run as ToolFailed, and every sibling has a result", () =>
    Effect.gen(function* () {
      const started = yield* Deferred.make<void>()
      let released = false
      const fatal = Agent.tool("fatal", { fatal: true }, () =>
        Effect.zipRight(Deferred.await(started), Effect.fail(new Error("disk full")))
      )
      const slow = Agent.tool("slow", {}, () =>
        Effect.zipRight(Deferred.succeed(started, undefined), Effect.never).pipe(
          Effect.ensuring(Effect.sync(() => (released = true)))
        )
      )
      const queued = Agent.tool("queued", {}, () => Effect.dieMessage("must not start"))
      const agent = Agent.make("a", { tools: [fatal, slow, queued, echo], toolConcurrency: 2 })
      const events: Array<string> = []
      const failure = yield* Effect.flip(
        observed(agent, [[call("1", "fatal"), call("2", "slow"), call("3", "queued"), call("4", "nope")]]).pipe(
          Effect.provide(
            Hooks.layer({
              events: (batch) =>
                Effect.sync(() =>
                  batch.forEach((event) => event._tag === "ToolEnd" && events.push(`${event.name} ${event.outcome}`))
                )
            })
          )
        )
      )
      assert.instanceOf(failure, ToolFailed)
      assert.include(failure.message, "disk full")
      assert.deepStrictEqual(events.toSorted(), [
        "fatal failed",
        "nope unknown-tool",
        "queued skipped",
        "slow interrupted"
      ])
      assert.isTrue(released)
    })
  )

  it.effect("CALL-4 toolFailure fail ends the run for any failing tool, and for no bad arguments", () =>
    Effect.gen(function* () {
      const failing = Agent.tool("failing", {}, () => Effect.fail("no"))
      const agent = Agent.make("a", { tools: [failing, echo], toolFailure: "fail" })
      const ended = yield* Effect.exit(observed(agent, [[call("1", "failing")]]))
      assert.isTrue(Exit.isFailure(ended))
      const { result } = yield* observed(agent, [[call("1", "echo", { text: 5 })], done])
      assert.strictEqual(result.reason, "completed")
    })
  )

  it.effect("CALL-5 a tool over its time is interrupted and timed-out, the others do not wait for it", () =>
    Effect.gen(function* () {
      let interrupted = false
      const stuck = Agent.tool("stuck", { timeout: "5 seconds" }, () =>
        Effect.onInterrupt(
          Effect.zipRight(
            Effect.flatMap(ToolContext, (context) => context.progress("half of it")),
            Effect.never
          ),
          () => Effect.sync(() => (interrupted = true))
        )
      )
      const fiber = yield* Effect.fork(
        observed(Agent.make("a", { tools: [stuck, echo] }), [
          [call("1", "stuck"), call("2", "echo", { text: "fine" })],
          done
        ])
      )
      yield* TestClock.adjust("5 seconds")
      const { requests } = yield* Fiber.join(fiber)
      assert.deepStrictEqual(sentResults(requests[1]), [
        "timed-out: Tool stuck did not finish in time and was stopped.\nIts output so far:\nhalf of it",
        "ok: fine"
      ])
      assert.isTrue(interrupted)
    })
  )

  it.effect("CALL-6 a result over its bound keeps head and tail and says how much was cut", () =>
    Effect.gen(function* () {
      const long = Agent.tool("long", { resultBound: 100 }, () => Effect.succeed(`head${"x".repeat(1000)}tail`))
      const { requests } = yield* observed(Agent.make("a", { tools: [long] }), [[call("1", "long")], done])
      const sent = String(sentResults(requests[1])[0])
      assert.match(sent, /^ok: headx+\n\[… 908 of 1008 characters cut …\]\nx+tail$/)
    })
  )

  it.effect("AX-18 AM-18 CALL-8 progress is an event while the tool runs, plain tools have none", () =>
    Effect.gen(function* () {
      const streaming = Agent.tool("streaming", {}, () =>
        Effect.gen(function* () {
          const { progress } = yield* ToolContext
          yield* progress("one")
          yield* progress({ percent: 50 })
          return "all of it"
        })
      )
      const { events, requests } = yield* observed(Agent.make("a", { tools: [streaming, echo] }), [
        [call("1", "streaming"), call("2", "echo", { text: "plain" })],
        done
      ])
      assert.deepStrictEqual(
        events.flatMap((event) => (event._tag === "ToolProgress" ? [[event.name, event.chunk]] : [])),
        [
          ["streaming", "one"],
          ["streaming", { percent: 50 }]
        ]
      )
      assert.deepStrictEqual(sentResults(requests[1]), ["ok: all of it", "ok: plain"])
    })
  )

  it.effect("a tool that interrupts itself is told so, and the run goes on", () =>
    Effect.gen(function* () {
      const selfish = Agent.tool("selfish", {}, () => Effect.interrupt)
      const { requests, result } = yield* observed(Agent.make("a", { tools: [selfish] }), [
        [call("1", "selfish")],
        done
      ])
      assert.deepStrictEqual(sentResults(requests[1]), ["interrupted: Tool selfish interrupted itself."])
      assert.strictEqual(result.reason, "completed")
    })
  )

  it.effect("a result that is not JSON is a failure, not the end", () =>
    Effect.gen(function* () {
      const big = Agent.tool("big", {}, () => Effect.succeed({ count: 10n }))
      const { requests } = yield* observed(Agent.make("a", { tools: [big] }), [[call("1", "big")], done])
      assert.deepStrictEqual(sentResults(requests[1]), [
        "failed: The tool gave a result that cannot be written as JSON."
      ])
    })
  )
})

describe("Approvals in a run", () => {
  const remove = Agent.tool("remove", { parameters: { path: Schema.String }, destructive: true }, ({ path }) =>
    Effect.succeed(`removed ${path}`)
  )
  const two = [call("1", "remove", { path: "a" }), call("2", "remove", { path: "b" })]

  it.effect("AM-17 CALL-1 with nobody to ask, asking is denying", () =>
    Effect.gen(function* () {
      const { events, requests } = yield* observed(Agent.make("a", { tools: [remove] }), [two.slice(0, 1), done])
      assert.deepStrictEqual(sentResults(requests[1]), [
        "denied: Not approved: nobody is there to approve it. Do not try the same call again."
      ])
      assert.deepStrictEqual(
        events.flatMap((event) => (event._tag.startsWith("Approval") ? [event._tag] : [])),
        ["ApprovalAsked", "ApprovalDecided"]
      )
    })
  )

  it.effect("TR-10 answers go to the call they name, in whatever order they come", () =>
    Effect.gen(function* () {
      const queue = yield* Approval.ApprovalQueue
      const fiber = yield* Effect.fork(observed(Agent.make("a", { tools: [remove] }), [two, done]))
      const both = yield* queue.changes.pipe(
        Stream.filter((questions) => questions.length === 2),
        Stream.runHead,
        Effect.flatten
      )
      const decide = (path: string, decision: Approval.Decision) =>
        Effect.forEach(both, ({ call }) =>
          JSON.stringify(call.input) === JSON.stringify({ path }) ? queue.decide(call.id, decision) : Effect.void
        )
      yield* decide("b", { approved: true })
      yield* decide("a", { approved: false, reason: "keep it" })
      const { requests } = yield* Fiber.join(fiber)
      assert.deepStrictEqual(sentResults(requests[1]), [
        "denied: Not approved: keep it. Do not try the same call again.",
        "ok: removed b"
      ])
    }).pipe(Effect.provide(Approval.layerQueue))
  )
})

describe("Guards after an approval", () => {
  const remove = Agent.tool("remove", { parameters: { path: Schema.String } }, ({ path }) =>
    Effect.succeed(`removed ${path}`)
  )
  const judge = (...verdicts: ReadonlyArray<Guard.Verdict>) => {
    const left = [...verdicts]
    return Effect.map(
      observed(Agent.make("a", { tools: [remove] }), [[call("1", "remove", { path: "a" })], done]),
      ({ requests }) => sentResults(requests[1])
    ).pipe(
      Effect.provide(Guard.layer(Guard.make(() => Effect.sync(() => left.shift() ?? Guard.Allow)))),
      Effect.provide(Approval.layerAllow)
    )
  }

  it.effect("CALL-9 the guard judges once more, and its no counts more than the approval", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* judge(Guard.Ask("sure?"), Guard.Deny("too late")), ["denied: Denied: too late"])
      assert.deepStrictEqual(yield* judge(Guard.Ask("sure?"), Guard.Rewrite({ path: "b" })), [
        "denied: Denied: its arguments would no longer be those that were approved"
      ])
      assert.deepStrictEqual(yield* judge(Guard.Ask("sure?"), Guard.Ask("sure?")), ["ok: removed a"])
      assert.deepStrictEqual(yield* judge(Guard.Rewrite({ path: "b" })), ["ok: removed b"])
      const malformed = yield* judge(Guard.Rewrite({ path: 7 }))
      assert.match(String(malformed[0]), /^invalid: /)
    })
  )
})

describe("Hooks around calls", () => {
  it.effect("toolStart rewrites arguments, which are decoded again, or answers in the tool's place", () =>
    Effect.gen(function* () {
      const hooks = Hooks.layer({
        toolStart: ({ input }) =>
          Effect.succeed(
            JSON.stringify(input).includes("cached")
              ? { answer: { outcome: "ok", content: [{ type: "text", text: "from the cache" }] } }
              : { input: { text: "rewritten", extra: true } }
          )
      })
      const { requests } = yield* observed(Agent.make("a", { tools: [echo] }), [
        [call("1", "echo", { text: "x" }), call("2", "echo", { text: "cached" })],
        done
      ]).pipe(Effect.provide(hooks))
      assert.deepStrictEqual(sentResults(requests[1]), ["ok: rewritten", "ok: from the cache"])
    })
  )

  it.effect("an intercepting hook that dies fails closed, and the run goes on", () =>
    Effect.gen(function* () {
      const script = [[call("1", "echo", { text: "secret" })], done]
      const before = yield* observed(Agent.make("a", { tools: [echo] }), script).pipe(
        Effect.provide(Hooks.layer({ toolStart: () => Effect.dieMessage("boom") }))
      )
      const after = yield* observed(Agent.make("a", { tools: [echo] }), script).pipe(
        Effect.provide(Hooks.layer({ toolEnd: () => Effect.dieMessage("boom") }))
      )
      assert.deepStrictEqual(sentResults(before.requests[1]), [
        "failed: Tool echo was not run: a check of this application failed."
      ])
      assert.deepStrictEqual(sentResults(after.requests[1]), [
        "failed: The result of echo is withheld: a check of this application failed."
      ])
    })
  )
})
