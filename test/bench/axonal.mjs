/**
 * Axonal as an application uses it, with everything on: an agent with one tool, the Chat Completions transport, sessions
 * in memory, guards and hooks at their defaults, all events through `Agent.stream`. It reads the built package by its own
 * name and in single modules, which is how a program that has to start fast imports it.
 */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as Agent from "axonal/agent/Agent"
import * as ContextStore from "axonal/context/ContextStore"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"

const transports = {
  chat: "OpenAiChat",
  responses: "OpenAiResponses",
  anthropic: "Anthropic",
  gemini: "Gemini",
  ollama: "Ollama"
}

const partsOf = ({ role, call, text }) => {
  if (call === undefined) return [{ type: "text", text }]
  const about = { id: call, wireId: call, name: "echo" }
  return role === "tool"
    ? [{ type: "tool-result", ...about, outcome: "ok", content: [{ type: "text", text }] }]
    : [{ type: "tool-call", ...about, input: JSON.stringify({ text }) }]
}

const toEntry = (message, index) => ({
  _tag: "Message",
  id: `past-${index}`,
  at: 0,
  message: { role: message.role, parts: partsOf(message) }
})

/** What is wrong with what a session holds: a call has exactly one result, and nothing else is a result. */
const problemOf = (entries) => {
  const open = new Set()
  for (const entry of entries) {
    for (const part of entry._tag === "Message" ? entry.message.parts : []) {
      if (part.type === "tool-call") open.add(part.id)
      if (part.type === "tool-result" && !open.delete(part.id)) return `a result without its call: ${part.id}`
    }
  }
  return open.size > 0 ? `calls without results: ${[...open].join(", ")}` : undefined
}

/** The contender: made once, run once per conversation. `session` continues one conversation instead of a new one. */
export const make = async ({ url, model, tool, past, vendor = "chat" }) => {
  const echo = Agent.tool(
    "echo",
    { description: "Repeats the text", parameters: { text: Schema.String }, success: Schema.String },
    ({ text }) => Effect.promise((signal) => tool(text, signal))
  )
  const agent = Agent.make("bench", { tools: [echo], limits: { turns: 1000 } })
  // Imported here, so that start-up is measured with the one transport that a program has.
  const { layer } = await import(`axonal/transport/${transports[vendor]}`)
  const transport = layer({ model, apiKey: Redacted.make("key"), baseUrl: url })
  const runtime = ManagedRuntime.make(
    Layer.merge(Layer.provide(transport, NodeHttpClient.layerUndici), ContextStore.layerMemory)
  )
  const store = await runtime.runPromise(ContextStore.ContextStore)
  if (past.length > 0) await runtime.runPromise(store.append("past", past.map(toEntry)))
  const begin = past.length > 0 ? store.fork("past") : Effect.succeed(undefined)

  const run = ({ prompt, onDelta, signal, session }) => {
    let output
    const watch = (events) => {
      for (const event of events) {
        if (event._tag === "TextDelta") onDelta(event.delta)
        else if (event._tag === "RunEnd") output = event.output
      }
    }
    const watched = Effect.flatMap(session === undefined ? begin : Effect.succeed(session), (session) =>
      process.env.BENCH_VIEW === "run"
        ? Agent.run(agent, prompt, { session, onEvents: watch })
        : Stream.runForEachChunk(Agent.stream(agent, prompt, { session }), (events) => Effect.sync(() => watch(events)))
    )
    return runtime.runPromise(
      Effect.map(watched, () => output),
      { signal }
    )
  }
  const problem = async (session) => problemOf(await runtime.runPromise(store.entries(session)))
  return { run, problem }
}
