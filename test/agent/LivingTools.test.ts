import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import * as Agent from "../../src/agent/Agent.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import * as Tool from "../../src/tool/Tool.ts"
import * as ToolSearch from "../../src/tool/ToolSearch.ts"
import * as ToolSelector from "../../src/tool/ToolSelector.ts"

const { call, text } = ScriptedTransport

class Word extends Context.Tag("test/Word")<Word, string>() {}

const named = (name: string) =>
  Tool.make(name, { description: `Says ${name}`, success: Schema.String, readOnly: true }, () =>
    Effect.map(Word, (word) => `${name} ${word}`)
  )

/** A shelf of tools, and one tool that puts another list of them on it. */
const shelf = (first: ReadonlyArray<Tool.WithHandler<Word>>, next: ReadonlyArray<Tool.WithHandler<Word>>) =>
  Effect.map(Ref.make(first), (tools) => ({
    living: Tool.living(Ref.get(tools)),
    swap: Tool.make("swap", { success: Schema.String }, () => Effect.as(Ref.set(tools, next), "swapped"))
  }))

const layers = (script: Parameters<typeof ScriptedTransport.layer>[0]) =>
  Layer.mergeAll(ScriptedTransport.layer(script), ContextStore.layerMemory, Layer.succeed(Word, "yes"))

const offered = Effect.map(ScriptedTransport.requests, (requests) =>
  requests.map(({ tools }) => tools.map(({ name }) => name))
)

describe("living tools", () => {
  it.effect("the model is offered what there is at each turn, and its calls find it", () =>
    Effect.gen(function* () {
      const { living, swap } = yield* shelf([named("a")], [named("b"), named("c")])
      const agent = Agent.make("clerk", { tools: [living, swap] })
      const result = yield* Agent.run(agent, "go")
      assert.deepStrictEqual(yield* offered, [
        ["a", "swap"],
        ["b", "c", "swap"],
        ["b", "c", "swap"]
      ])
      const outcomes = result.messages.flatMap(({ parts }) =>
        parts.flatMap((part) => (part.type === "tool-result" ? [`${part.name} ${part.outcome}`] : []))
      )
      assert.deepStrictEqual(outcomes, ["swap ok", "a unknown-tool", "b ok"])
    }).pipe(Effect.provide(layers([[call("1", "swap")], [call("2", "a"), call("3", "b")], [text("done")]])))
  )

  it.effect("calls of one answer find the tools that it was offered", () =>
    Effect.gen(function* () {
      const { living, swap } = yield* shelf([named("a")], [named("b")])
      const agent = Agent.make("clerk", { tools: [living, swap], toolConcurrency: 1 })
      const { messages } = yield* Agent.run(agent, "go")
      const results = messages.flatMap(({ parts }) => parts.filter((part) => part.type === "tool-result"))
      assert.deepStrictEqual(
        results.map(({ outcome }) => outcome),
        ["ok", "ok"]
      )
    }).pipe(Effect.provide(layers([[call("1", "swap"), call("2", "a")], [text("done")]])))
  )

  it.effect("TURN-2 the same list by reference leaves the request as it was", () =>
    Effect.gen(function* () {
      const agent = Agent.make("clerk", { tools: [Tool.living(Effect.succeed(list))] })
      yield* Agent.run(agent, "go")
      const [one, two] = yield* ScriptedTransport.requests
      assert.isDefined(one)
      assert.strictEqual(one.tools, two?.tools)
    }).pipe(Effect.provide(layers([[call("1", "a")], [text("done")]])))
  )

  it.effect("the last tool of a name counts, wherever the living ones stand", () =>
    Effect.gen(function* () {
      const mine = Tool.make("a", { success: Schema.String }, () => Effect.succeed("mine"))
      const before = Agent.make("clerk", { tools: [Tool.living(Effect.succeed(list)), mine] })
      const { messages } = yield* Agent.run(before, "go")
      assert.include(JSON.stringify(messages), "mine")
    }).pipe(Effect.provide(layers([[call("1", "a")], [text("done")]])))
  )

  it.effect("the search for tools finds those that came later", () =>
    Effect.gen(function* () {
      const { living, swap } = yield* shelf([named("a")], [named("weather")])
      const agent = Agent.make("clerk", { tools: [living, swap] })
      const { messages } = yield* Agent.run(agent, "go").pipe(
        Effect.provideService(ToolSelector.ToolSelector, ToolSearch.make({ always: ["swap"] }))
      )
      assert.include(JSON.stringify(messages), "Says weather")
    }).pipe(
      Effect.provide(
        layers([[call("1", "swap")], [call("2", ToolSearch.toolName, { query: "weather" })], [text("done")]])
      )
    )
  )
})

const list = [named("a")]
