import { assert, describe, it } from "@effect/vitest"
import * as Window from "axonal/cli/assistant/commands/window"
import * as Compaction from "axonal/context/Compaction"
import * as ContextStore from "axonal/context/ContextStore"
import type { Entry } from "axonal/domain/Entry"
import { CallId, EntryId, SessionId } from "axonal/domain/Ids"
import * as Message from "axonal/domain/Message"
import { file } from "axonal/domain/Part"
import * as Usage from "axonal/domain/Usage"
import * as ScriptedTransport from "axonal/testing/ScriptedTransport"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { widthOf } from "../../src/cli/internal/layout.ts"
import { screenOf, talk } from "./sessionSupport.ts"

const plan = SessionId.make("plan")
const requests = Array.from({ length: 6 }, (_, index) => `${index}: ${"many words ".repeat(20)}`)

const about = {
  instructions: "Be brief.",
  tools: Effect.succeed([{ name: "read", description: "Reads", inputSchema: { type: "object" } }]),
  compaction: Compaction.make(),
  compacts: true
}

const world = (script: ScriptedTransport.Script = []) =>
  Layer.merge(ScriptedTransport.layer(script, { model: { contextWindow: 10_000 } }), ContextStore.layerMemory)

const call = CallId.make("c")
const mixed: ReadonlyArray<Entry> = [
  Message.user([{ type: "text", text: "x".repeat(400) }, file("image/png", { base64: "" })]),
  Message.assistant([
    { type: "reasoning", text: "r".repeat(200) },
    { type: "tool-call", id: call, name: "read", input: "{}" }
  ]),
  Message.tool([
    { type: "tool-result", id: call, name: "read", outcome: "ok", content: [{ type: "text", text: "y".repeat(800) }] }
  ]),
  Message.assistant("done")
].map((message, index) => ({ _tag: "Message", id: EntryId.make(`m${index}`), at: 0, message }))

const measured = Effect.flatMap(about.tools, (tools) =>
  Window.measure(plan, { ...about, tools, compaction: about.compaction })
)

describe("window", () => {
  it.effect("every kind of what fills it is counted", () =>
    Effect.gen(function* () {
      const store = yield* ContextStore.ContextStore
      yield* store.append(plan, mixed)
      const fill = yield* measured
      assert.deepStrictEqual(
        fill.kinds.map(([kind]) => kind),
        ["instructions", "tools", "user", "assistant", "reasoning", "tool calls", "tool results", "files"]
      )
      assert.strictEqual(
        fill.kinds.reduce((sum, [, tokens]) => sum + tokens, 0),
        fill.tokens
      )
      assert.deepInclude(fill, { isMeasured: false, window: 10_000, compactsAt: 7500 })
    }).pipe(Effect.provide(world()))
  )

  it.effect("the vendor's count wins, and the parts add up to it", () =>
    Effect.gen(function* () {
      const store = yield* ContextStore.ContextStore
      const used = Usage.make({ input: 5000, output: 100 })
      yield* store.append(plan, [...mixed, { _tag: "Usage", id: EntryId.make("used"), at: 0, model: "m", usage: used }])
      const fill = yield* measured
      assert.deepInclude(fill, { isMeasured: true, tokens: 5100 })
      const sum = fill.kinds.reduce((total, [, tokens]) => total + tokens, 0)
      assert.approximately(sum, 5100, fill.kinds.length)
    }).pipe(Effect.provide(world()))
  )

  it.effect("a summary is a kind of its own", () =>
    Effect.gen(function* () {
      yield* talk("plan", requests)
      yield* Effect.provideService(Compaction.compact(plan), Compaction.Compaction, about.compaction)
      const fill = yield* measured
      assert.include(
        fill.kinds.map(([kind]) => kind),
        "summary"
      )
      assert.isFalse(fill.isMeasured)
    }).pipe(Effect.provide(world([[ScriptedTransport.text("Short.")]])))
  )

  it("the picture fits the window and says what is estimated", () => {
    const fill: Window.Fill = {
      ...{ model: "m", tokens: 5100, isMeasured: true, window: 10_000, compactsAt: 7500 },
      kinds: [
        ["tools", 100],
        ["user", 5000]
      ]
    }
    assert.deepStrictEqual(Window.draw(fill, { color: false, width: 40 }).split("\n"), [
      "5,100 of the 10,000 tokens that m holds (51.0 %), as the vendor counted; the parts are estimates",
      `▕${"█".repeat(19)}▍${" ".repeat(18)}▏`,
      "",
      "tools    100    1.0 %  ▍",
      "user   5,000   50.0 %  █████████████████",
      "free   4,900   49.0 %",
      "",
      "From 7,500 tokens on the beginning is summarised.",
      ""
    ])
    const unknown = Window.draw(
      { ...fill, isMeasured: false, window: undefined, compactsAt: undefined },
      screenOf({ width: 60 })
    )
    assert.match(unknown, /^5,100 tokens, estimated; how many m holds is not known\n\ntools/)
    assert.deepStrictEqual(
      unknown.split("\n").filter((line) => widthOf(line) > 60),
      []
    )
  })
})
