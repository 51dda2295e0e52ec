/**
 * Compaction
 *
 * A conversation that grows too long goes on with a summary of its beginning, made by a model of one's choice. Nothing is
 * erased: the log keeps every message, and a compaction can be taken back.
 *
 *   npx tsx examples/06_compaction.ts
 */
import { NodeRuntime } from "@effect/platform-node"
import { Agent, AgentEvent, Compaction, ContextStore, Hooks, Ids, Message } from "axonal"
import { ScriptedTransport } from "axonal/testing"
import { Console, Effect, Layer, Stream } from "effect"

const session = Ids.SessionId.make("kitchen-7")
const planner = Agent.make("planner", { instructions: "You plan kitchens." })

// #region compaction
const small = ScriptedTransport.layer([
  [
    ScriptedTransport.text(
      '{"goal":"a kitchen","decisions":["oak fronts"],"facts":[],"openWork":["a sink"],"files":[]}'
    )
  ]
]) // OpenAiChat.layer({ model: "gpt-5-nano" })

const compaction = Compaction.layerTransport({ maxTokens: 1000, keepRecent: 2 }).pipe(Layer.provide(small))
// #endregion

// #region watch
const show = AgentEvent.matchPartial({
  TextDelta: ({ delta }) => Console.log(`planner: ${delta}`),
  Compacted: ({ messages, tokensBefore }) => Console.log(`(${messages} messages summarised, at ${tokensBefore} tokens)`)
})
const hooks = Hooks.layer({
  messageDropped: ({ messages }) =>
    Console.log(`(out of sight: ${messages.map(Message.toText).join(" | ").slice(0, 40)}…)`)
})
// #endregion

// #region restore
const undo = Compaction.restore(session)
// #endregion

const look = Effect.gen(function* () {
  const store = yield* ContextStore.ContextStore
  const [entries, { messages }] = yield* Effect.all([store.entries(session), store.read(session)])
  yield* Console.log(`${entries.length} entries in the log, ${messages.length} messages in the window`)
})

export const program = Effect.gen(function* () {
  for (const words of ["I want oak fronts.", "What about the floor?", "And now?"]) {
    yield* Console.log(`user: ${words}`)
    yield* Stream.runForEach(Agent.stream(planner, words, { session }), show)
  }
  yield* look
  yield* undo
  yield* look
})

const { text, usage } = ScriptedTransport

export const layer = Layer.mergeAll(
  // OpenAiChat.layer({ model: "gpt-5-mini" }).pipe(Layer.provide(FetchHttpClient.layer)),
  ScriptedTransport.layer([
    [text(`Oak it is. ${"Oak is hard and warm. ".repeat(20)}`), usage({ input: 120, output: 130 })],
    [text("Stone, I would say."), usage({ input: 980, output: 25 })],
    [text("Now we choose a sink.")]
  ]),
  compaction,
  hooks,
  ContextStore.layerMemory
)

if (process.argv[1] === import.meta.filename) NodeRuntime.runMain(Effect.provide(program, layer))
