/**
 * Tool selection
 *
 * A town hall's desk has more tools than a request should carry, so each run is offered a few: those that the model searches
 * for, those that the words of the citizen or a small model select. What is printed is what each request offers.
 *
 *   npx tsx examples/18_tool_selection.ts
 */
import { NodeRuntime } from "@effect/platform-node"
import { Agent, ContextStore, Hooks, Ids } from "axonal"
import { ScriptedTransport } from "axonal/testing"
import * as KeywordToolSelector from "axonal/tool/KeywordToolSelector"
import * as ModelToolSelector from "axonal/tool/ModelToolSelector"
import * as ToolSearch from "axonal/tool/ToolSearch"
import * as ToolSelector from "axonal/tool/ToolSelector"
import { Console, Effect, Layer } from "effect"

const tool = (name: string, description: string) => Agent.tool(name, { description }, () => Effect.succeed("done"))
const desk = Agent.make("desk", {
  tools: [
    tool("opening_hours", "When the offices are open"),
    tool("renew_passport", "Starts the renewal of a passport"),
    tool("parking_permit", "Issues a permit to park in one's own street"),
    tool("report_noise", "Reports noise to the night service"),
    tool("admin_reset", "Resets the queue of the desk")
  ]
})

// #region search
const search = ToolSearch.layer({ always: ["opening_hours"] })
// #endregion

// #region words
const words = KeywordToolSelector.layer({ most: 2, always: ["opening_hours"] })
// #endregion

const { call, text } = ScriptedTransport
const answers = (answer: string) => ScriptedTransport.layer([[text(answer)]])

// #region model
const small = answers('{"tools": ["report_noise"]}') // OpenAiChat.layer({ model: "gpt-5-nano" })
const model = ModelToolSelector.layer({ most: 2 }).pipe(Layer.provide(small))
// #endregion

// #region rules
const rules = ToolSelector.layerStatic({
  tools: ({ name }, { identity }) => identity.userId === "admin" || !name.startsWith("admin_")
})
// #endregion

const session = Ids.SessionId.make("counter-3")
// #region once
const only = { session, tools: ["opening_hours"] }
const short = Agent.run(desk, "When are you open?", only)
// #endregion

const show = Hooks.layer({
  turnStart: ({ request }) => Console.log(`  ${request.tools.map(({ name }) => name).join(", ")}`)
})
const ask = (title: string, input: string, selector: Layer.Layer<never>) =>
  Effect.zipRight(Console.log(`${title}: ${input}`), Effect.provide(Agent.run(desk, input), selector))

export const program = Effect.gen(function* () {
  yield* ask("search", "May I park here?", search)
  yield* ask("words", "My passport, and a parking permit", words)
  yield* ask("model", "They are so loud!", model)
  yield* ask("rules", "Good morning", rules)
  yield* Effect.zipRight(Console.log("only"), short)
})

const found = [[call("1", "search_tools", { query: "park in a street" })], [call("2", "parking_permit")]]

export const layer = Layer.mergeAll(
  // OpenAiChat.layer({ model: "gpt-5-mini" }).pipe(Layer.provide(FetchHttpClient.layer)),
  ScriptedTransport.layer([...found, ...Array.from({ length: 5 }, () => [text("There you are.")])]),
  show,
  ContextStore.layerMemory
)

if (process.argv[1] === import.meta.filename) NodeRuntime.runMain(Effect.provide(program, layer))
