import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Agent from "../../src/agent/Agent.ts"
import * as Artifacts from "../../src/context/Artifacts.ts"
import { Paid } from "../../src/context/Paid.ts"
import * as Part from "../../src/domain/Part.ts"
import * as Usage from "../../src/domain/Usage.ts"
import * as MessageGuard from "../../src/guard/MessageGuard.ts"
import { call, part, text } from "../../src/testing/ScriptedTransport.ts"
import { ToolContext } from "../../src/tool/ToolContext.ts"
import * as ToolResult from "../../src/tool/ToolResult.ts"
import type { Left } from "../support/messageGuards.ts"
import { blocking, dying, hiding, left, secret, stored, told } from "../support/messageGuards.ts"

const has = (value: unknown): boolean => JSON.stringify(value).includes(secret)
const isClean = ({ entries, events, exit, requests }: Left): void => {
  for (const all of [events, entries, requests]) assert.deepStrictEqual(all.filter(has), [])
  assert.isFalse(has(exit))
}
const reason = ({ exit }: Left): string => (Exit.isSuccess(exit) ? exit.value.reason : "failed")

const find = Agent.tool("find", { parameters: {} }, () => Effect.succeed({ found: secret }))
const other = Agent.tool("other", { parameters: {} }, () => Effect.succeed("fine"))
const script = [[call("1", "find"), call("2", "other")], [text("done")]]

describe("MessageGuards", () => {
  describe("results", () => {
    it.effect("that are rewritten are so for events, store and model", () =>
      Effect.gen(function* () {
        const run = yield* left(Agent.make("a", { tools: [find, other] }), hiding, script)
        isClean(run)
        assert.strictEqual(reason(run), "completed")
        assert.include(stored(run)[2], '{"found":"***"}')
        assert.deepStrictEqual(told(run), ["input rewrite"])
      })
    )

    it.effect("that are blocked are withheld, the others stay, and the run ends", () =>
      Effect.gen(function* () {
        for (const guard of [blocking, dying]) {
          const run = yield* left(Agent.make("a", { tools: [find, other] }), guard, script.slice(0, 1))
          isClean(run)
          assert.strictEqual(reason(run), "blocked")
          const [, , results] = stored(run)
          assert.match(results ?? "", /^tool: ok \[.*This result is withheld: i.*\] ok \[.*fine.*\]$/)
          assert.lengthOf(
            run.events.filter(({ _tag }) => _tag === "ToolEnd"),
            2
          )
        }
      })
    )

    it.effect("that failed are judged, also when that ends the run", () =>
      Effect.gen(function* () {
        const fails = Agent.tool("find", { parameters: {}, failure: Schema.String }, () => Effect.fail(secret))
        const run = yield* left(Agent.make("a", { tools: [fails], toolFailure: "fail" }), hiding, [[call("1", "find")]])
        isClean(run)
        const end = run.events.at(-1)
        assert.include(end?._tag === "RunEnd" ? end.error?.message : "", "***")
      })
    )

    it.effect("with which the run ends are judged, and so is what people are shown", () =>
      Effect.gen(function* () {
        const ends = Agent.tool("find", { parameters: {}, endsRun: true }, () =>
          Effect.succeed(ToolResult.make({ value: "v", model: `for you: ${secret}`, user: `for them: ${secret}` }))
        )
        const run = yield* left(Agent.make("a", { tools: [ends] }), hiding, [[call("1", "find")]])
        isClean(run)
        assert.deepStrictEqual(Exit.isSuccess(run.exit) ? run.exit.value.output : undefined, "for you: ***")
        const shown = run.events.flatMap((event) => (event._tag === "ToolEnd" ? [event.display] : []))
        assert.deepStrictEqual(shown, [[Part.text("for them: ***")]])
      })
    )

    it.effect("are not shown while they are made", () =>
      Effect.gen(function* () {
        const streams = Agent.tool("find", { parameters: {} }, () => Stream.make("so far ", secret))
        const tells = Agent.tool("other", { parameters: {} }, () =>
          Effect.flatMap(ToolContext, ({ progress }) => progress(secret))
        )
        const run = yield* left(Agent.make("a", { tools: [streams, tells] }), hiding, script)
        isClean(run)
        const live = yield* left(
          Agent.make("a", { tools: [streams, tells] }),
          MessageGuard.forRoles(hiding, ["user"]),
          script
        )
        assert.isTrue(live.events.some(({ _tag }) => _tag === "ToolProgress"))
        assert.isFalse(run.events.some(({ _tag }) => _tag === "ToolProgress"))
      })
    )

    it.effect("are put aside as they were judged", () =>
      Effect.gen(function* () {
        const long = Agent.tool("find", { parameters: {} }, () => Effect.succeed(`${"x".repeat(80_000)} ${secret}`))
        const run = yield* Effect.provide(
          left(Agent.make("a", { tools: [long] }), hiding, [[call("1", "find")], [text("done")]]),
          Artifacts.layer()
        )
        isClean(run)
        assert.isTrue(run.entries.some(({ _tag }) => _tag === "Artifact"))
      })
    )

    it.effect("of a vendor's own tools are shown as they were judged", () =>
      Effect.gen(function* () {
        const own: Part.Part = { type: "tool-call", id: "v", name: "web", input: "{}", transportExecuted: true }
        const said: Part.ToolResult = {
          type: "tool-result",
          id: "v",
          name: "web",
          outcome: "ok",
          content: [Part.text(secret)]
        }
        const run = yield* left(Agent.make("a"), hiding, [[part(own), part(said), text("done")]])
        isClean(run)
        assert.deepStrictEqual(
          run.events.flatMap(
            (event): ReadonlyArray<unknown> =>
              event._tag === "ToolCall" ? [event.name] : event._tag === "ToolEnd" ? event.content : []
          ),
          ["web", Part.text("***")]
        )
      })
    )
  })

  describe("costs", () => {
    it.effect("of a guard that asks a model are in the ledger, the limits and the result", () =>
      Effect.gen(function* () {
        const paid = MessageGuard.make(() =>
          Effect.flatMap(Paid, ({ tell }) =>
            Effect.sync(() => {
              tell({ model: "small", usage: Usage.make({ input: 1000, output: 1 }) })
              return MessageGuard.Pass
            })
          )
        )
        const run = yield* left(Agent.make("a", { tools: [other] }), paid, [[call("1", "other")], [text("done")]])
        const costs = run.entries.flatMap((entry) =>
          entry._tag === "Usage" && entry.purpose === "guard" ? [entry.usage] : []
        )
        // The input, two answers, one result.
        assert.lengthOf(costs, 4)
        const all = run.entries.flatMap((entry) => (entry._tag === "Usage" ? [entry.usage] : []))
        const end = run.events.at(-1)
        assert.deepStrictEqual(all.reduce(Usage.sum, Usage.zero), end?._tag === "RunEnd" ? end.usage : undefined)
        const limited = Agent.make("a", { tools: [other], limits: { totalTokens: 1500 } })
        const ended = yield* left(limited, paid, [[call("1", "other")], [text("done")]])
        assert.strictEqual(reason(ended), "limit")
      })
    )
  })
})
