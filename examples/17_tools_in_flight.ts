/**
 * Tools in flight
 *
 * A cinema's assistant: one tool streams what it writes, one is tried again and remembered, one shows people more than the
 * model, and one ends the run. Whatever they say of themselves holds for every call, and costs nothing where nothing is said.
 *
 *   npx tsx examples/17_tools_in_flight.ts
 */
import { NodeRuntime } from "@effect/platform-node"
import { Agent, AgentEvent, ContextStore, Part, ToolResult } from "axonal"
import { ScriptedTransport } from "axonal/testing"
import { Console, Effect, Layer, Schedule, Schema, Stream } from "effect"

// #region stream
const Review = Schema.Struct({ film: Schema.String, words: Schema.Number })
const review = Agent.tool("review", { parameters: { film: Schema.String }, success: Review }, ({ film }) => {
  const words = ["A quiet film ", "about the sea."]
  const written = Stream.map(Stream.fromIterable(words), (text) => ToolResult.progress({ key: "review", text }))
  return Stream.concat(written, Stream.succeed({ film, words: 6 }))
})
// #endregion

// #region again
let asked = 0
const seats = Agent.tool(
  "seats",
  {
    parameters: { film: Schema.String },
    success: Schema.Number,
    readOnly: true,
    timeout: "2 seconds",
    retry: Schedule.recurs(2),
    cache: { capacity: 100, timeToLive: "30 seconds" },
    maxCalls: 3
  },
  () => Effect.suspend(() => (++asked === 1 ? Effect.fail("the box office is busy") : Effect.succeed(12)))
)
// #endregion

// #region answers
const plan = Agent.tool("plan", { success: ToolResult.Content }, () =>
  Effect.succeed(
    ToolResult.make({ model: "rows 1 to 4 are free", user: [Part.text("1 ....\n2 ....\n3 ....\n4 ....\n5 xxxx")] })
  )
)
const reserve = Agent.tool("reserve", { parameters: { seats: Schema.Int }, success: Schema.String }, ({ seats }) =>
  Effect.succeed(ToolResult.end(`${seats} seats are yours until seven.`, "reserved"))
)
// #endregion

const cinema = Agent.make("cinema", { tools: [review, seats, plan, reserve], toolsTimeout: "10 seconds" })

export const program = Agent.stream(cinema, "Two seats for the one about the sea, please").pipe(
  Stream.runForEach(
    AgentEvent.matchPartial({
      ToolProgress: ({ chunk }) => Console.log(`  ${JSON.stringify(chunk)}`),
      ToolEnd: ({ content, display, name, outcome }) =>
        Console.log(`${outcome} ${name}: ${Part.contentToText(display ?? content)}`),
      RunEnd: ({ output, reason }) => Console.log(`${reason}: ${output}`)
    })
  )
)

const { call } = ScriptedTransport

export const layer = Layer.merge(
  // OpenAiChat.layer({ model: "gpt-5-mini" }).pipe(Layer.provide(FetchHttpClient.layer)),
  ScriptedTransport.layer([
    [call("1", "review", { film: "Harbour" }), call("2", "seats", { film: "Harbour" })],
    [call("3", "seats", { film: "Harbour" }), call("4", "plan")],
    [call("5", "reserve", { seats: 2 })]
  ]),
  ContextStore.layerMemory
)

if (process.argv[1] === import.meta.filename) NodeRuntime.runMain(Effect.provide(program, layer))
