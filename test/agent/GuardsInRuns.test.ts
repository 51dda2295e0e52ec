import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Agent from "../../src/agent/Agent.ts"
import * as Usage from "../../src/domain/Usage.ts"
import * as Guard from "../../src/guard/Guard.ts"
import * as MessageGuard from "../../src/guard/MessageGuard.ts"
import * as ModelGuard from "../../src/guard/ModelGuard.ts"
import * as Shadow from "../../src/guard/Shadow.ts"
import type { Turn } from "../../src/testing/ScriptedTransport.ts"
import { call, cut, text, usage } from "../../src/testing/ScriptedTransport.ts"
import { policy, saying } from "../support/judges.ts"
import type { Left } from "../support/messageGuards.ts"
import { left } from "../support/messageGuards.ts"
import { keeping } from "../telemetry/keeping.ts"

const ran: Array<string> = []
const work = Agent.tool("work", { parameters: { at: Schema.String } }, ({ at }) => Effect.sync(() => void ran.push(at)))
const agent = Agent.make("a", { tools: [work] })
const script: ReadonlyArray<Turn> = [
  [call("1", "work", { at: "a" }), call("2", "work", { at: "b" }), call("3", "work", { at: "c" })],
  [text("done")]
]

/** Says something of each call by where it works. */
const byPlace = Guard.make(({ input }) => {
  const { at } = Schema.decodeUnknownSync(Schema.Struct({ at: Schema.String }))(input)
  return Effect.succeed(
    at === "a" ? Guard.Rewrite({ at: "z" }) : at === "b" ? Guard.Deny("not there") : Guard.Ask("there?", "place")
  )
})

const guarded = (guard: Guard.Service, layer: Layer.Layer<never> = Layer.empty, turns = script) =>
  Effect.suspend(() => {
    ran.length = 0
    return Effect.provide(left(agent, MessageGuard.none, turns), [Guard.layer(guard), layer])
  })

const verdicts = ({ events }: Left) =>
  events.flatMap((event) =>
    event._tag === "GuardVerdict" ? [[event.verdict, event.input, event.reason, event.category]] : []
  )

const endOf = ({ events }: Left) => {
  const end = events.at(-1)
  return end?._tag === "RunEnd" ? end : undefined
}

describe("Guards in runs", () => {
  it.effect("every verdict that changes a call is told, in events and on the span of the run", () =>
    Effect.gen(function* () {
      const { layer, spans } = keeping()
      const run = yield* guarded(byPlace, layer)
      assert.deepStrictEqual(verdicts(run), [
        ["rewrite", { at: "z" }, undefined, undefined],
        ["deny", { at: "b" }, "not there", undefined],
        ["ask", { at: "c" }, "there?", "place"]
      ])
      assert.deepStrictEqual(ran, ["z"])
      const [root] = spans.filter(({ name }) => name.startsWith("invoke_agent"))
      assert.lengthOf(
        (root?.events ?? []).filter(([name]) => name === "axonal.guard.verdict"),
        3
      )
    })
  )

  it.effect("a guard that is only watched tells its verdicts elsewhere, and every call runs as it is", () =>
    Effect.gen(function* () {
      const reported: Array<string> = []
      const shadow = Shadow.report(byPlace, (_, { _tag }) => Effect.sync(() => reported.push(_tag)))
      const run = yield* guarded(shadow)
      assert.deepStrictEqual([verdicts(run), reported, ran], [[], ["Rewrite", "Deny", "Ask"], ["a", "b", "c"]])
    })
  )

  it.effect("a messages' guard that is only watched changes nothing, and holds back what the watched one would", () =>
    Effect.gen(function* () {
      const reported: Array<string> = []
      const strict = MessageGuard.make(() => Effect.succeed(MessageGuard.Block("all")))
      const watched = Shadow.reportMessages(strict, ({ direction }, { _tag }) =>
        Effect.sync(() => reported.push(`${direction} ${_tag}`))
      )
      const run = yield* left(agent, watched, [[text("o", "k")]])
      assert.strictEqual(endOf(run)?.reason, "completed")
      assert.deepStrictEqual(reported, ["input Block", "output Block"])
      assert.lengthOf(
        run.events.filter(({ _tag }) => _tag === "TextDelta"),
        1
      )
      const input = Shadow.reportMessages(MessageGuard.forDirection(strict, "input"), () => Effect.void)
      assert.lengthOf(
        (yield* left(agent, input, [[text("o", "k")]])).events.filter(({ _tag }) => _tag === "TextDelta"),
        2
      )
    })
  )

  it.effect("RUN-7 a judge is paid for: in the ledger with its purpose, in the usage, and once per question", () =>
    Effect.gen(function* () {
      const judge = saying((code) => [text(`${code} SAFE`), usage({ input: 100, output: 7 })])
      const twice = [call("1", "work", { at: "a" }), call("2", "work", { at: "b" })]
      const guard = ModelGuard.make({ policy, transport: judge.transport })
      const run = yield* guarded(guard, Layer.empty, [twice, [call("3", "work", { at: "a" })], [text("done")]])
      assert.deepStrictEqual(ran, ["a", "b", "a"])
      const paid = run.entries.flatMap((entry) => (entry._tag === "Usage" ? [entry] : []))
      assert.lengthOf(
        paid.filter(({ purpose }) => purpose === "guard"),
        2
      )
      const sum = paid.reduce((sum, { usage }) => Usage.sum(sum, usage), Usage.zero)
      assert.deepStrictEqual(endOf(run)?.usage, sum)
      assert.strictEqual(sum.inputTokens.total, 3 * 10 + 2 * 100)
      assert.deepStrictEqual(Exit.isSuccess(run.exit) ? run.exit.value.usage : undefined, sum)
    })
  )

  it.effect("RUN-6 what a judge costs counts in the limits, also when it broke off and the call is denied", () =>
    Effect.gen(function* () {
      const judge = saying(() => [text("I think that this is"), cut])
      const guard = ModelGuard.make({ policy, transport: judge.transport })
      ran.length = 0
      const limited = Agent.make("a", { tools: [work], limits: { totalTokens: 50 } })
      const run = yield* Effect.provide(
        left(limited, MessageGuard.none, [[call("1", "work", { at: "a" })], [text("done")]]),
        Guard.layer(guard)
      )
      assert.deepStrictEqual(ran, [])
      assert.strictEqual(endOf(run)?.limit, "totalTokens")
      assert.deepStrictEqual(verdicts(run)[0]?.[0], "deny")
    })
  )
})
