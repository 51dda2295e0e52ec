/**
 * Streaming
 *
 * `Agent.start` runs in the background of a scope and answers a handle, through which any number of readers watch the
 * run and anybody may steer it. Every reader gets all events from the first on, whenever it comes.
 *
 *   npx tsx examples/03_streaming.ts
 */
import { NodeRuntime } from "@effect/platform-node"
import { Agent, AgentEvent, ContextStore, ToolContext } from "axonal"
import { ScriptedTransport } from "axonal/testing"
import { Console, Effect, Fiber, Layer, Schema, Stream } from "effect"

const chapters = ["Harbour", "Storm", "Island"]

// #region progress
const readBook = Agent.tool("read_book", { success: Schema.Number }, () =>
  Effect.gen(function* () {
    const { progress } = yield* ToolContext.ToolContext
    for (const chapter of chapters) yield* progress(chapter)
    return chapters.length
  })
)
// #endregion

// #region limits
const reader = Agent.make("reader", {
  instructions: "You summarise books.",
  tools: [readBook],
  limits: { turns: 8, wallTime: "2 minutes", lastTurnMessage: "Answer with what you have." }
})
// #endregion

// #region show
const show = AgentEvent.matchPartial({
  ReasoningDelta: ({ delta }) => Console.log(`(${delta})`),
  ToolStart: ({ name }) => Console.log(`> ${name}`),
  ToolProgress: ({ chunk }) => Console.log(`> ${chunk}`),
  TextDelta: ({ delta }) => Console.log(delta),
  RunEnd: ({ reason, turn }) => Console.log(`[${reason} after ${turn} turns]`)
})
// #endregion

// #region start
export const program = Effect.scoped(
  Effect.gen(function* () {
    const run = yield* Agent.start(reader, "What is the book about?")
    const shown = yield* Effect.forkScoped(Stream.runForEach(run.events, show))
    yield* run.followUp("And how many chapters has it?")
    const result = yield* run.await
    yield* Fiber.join(shown)
    // A reader that comes late misses nothing.
    const events = yield* Stream.runCount(run.events)
    yield* Console.log(`${events} events, and the last answer was: ${result.output}`)
    return yield* run.steer("Thanks!")
  })
)
// #endregion

// #region script
const { call, reasoning, text } = ScriptedTransport

export const layer = Layer.merge(
  // OpenAiChat.layer({ model: "gpt-5-mini" }).pipe(Layer.provide(FetchHttpClient.layer)),
  ScriptedTransport.layer([
    [reasoning("I have to read it first"), call("1", "read_book")],
    [text("A sailor ", "loses his ship ", "and finds an island.")],
    [text("Three.")]
  ]),
  ContextStore.layerMemory
)
// #endregion

if (process.argv[1] === import.meta.filename) NodeRuntime.runMain(Effect.provide(program, layer))
