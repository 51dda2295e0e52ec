/**
 * Your own context store
 *
 * Card numbers that customers write are hidden before a conversation is kept, whatever keeps it. All else a store
 * promises is left to the one below.
 *
 *   npx tsx examples/16_your_own_context_store.ts
 */
import { NodeRuntime } from "@effect/platform-node"
import type { Entry } from "axonal"
import { Agent, ContextStore, Ids, Message } from "axonal"
import { ScriptedTransport } from "axonal/testing"
import { Console, Effect, Layer } from "effect"

// #region hiding
const hide = (text: string) => text.replace(/\d(?:[ -]?\d){8,14}(?=[ -]?\d{4}\b)/g, "card ending in")

const hideIn = (message: Message.Message): Message.Message => ({
  ...message,
  parts: message.parts.map((part) => (part.type === "text" ? { ...part, text: hide(part.text) } : part))
})

/** The same entry always becomes the same one, and keeps its id: a repeated append is still stored once. */
const clean = (entry: Entry.Entry): Entry.Entry => {
  if (entry._tag === "Message") return { ...entry, message: hideIn(entry.message) }
  if (entry._tag === "Compaction") return { ...entry, messages: entry.messages.map(hideIn) }
  if (entry._tag === "Artifact") return { ...entry, text: hide(entry.text) }
  return entry
}
// #endregion

// #region store
export const withoutCards = Layer.effect(
  ContextStore.ContextStore,
  Effect.map(ContextStore.ContextStore, (store) => ({
    ...store,
    append: (session, entries, options) => store.append(session, entries.map(clean), options),
    update: (session, { labels, title }) => store.update(session, { labels, title: title && hide(title) })
  }))
)
// #endregion

const session = Ids.SessionId.make("order-7")

export const program = Effect.gen(function* () {
  const store = yield* ContextStore.ContextStore
  const desk = Agent.make("desk", { instructions: "Help customers with their orders." })
  yield* Agent.run(desk, "Charge 4111 1111 1111 1234 again, please.", { session })
  const { messages } = yield* store.read(session)
  for (const message of messages) yield* Console.log(`${message.role}: ${Message.toText(message)}`)
  const { hits } = yield* store.search("4111")
  yield* Console.log(`${hits.length} messages with 4111`)
})

export const layer = Layer.merge(
  // OpenAiChat.layer({ model: "gpt-5-mini" }).pipe(Layer.provide(FetchHttpClient.layer)),
  ScriptedTransport.layer([[ScriptedTransport.text("Done: the card ending in 1234 was charged.")]]),
  Layer.provide(withoutCards, ContextStore.layerMemory)
)

if (process.argv[1] === import.meta.filename) NodeRuntime.runMain(Effect.provide(program, layer))
