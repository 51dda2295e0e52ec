/**
 * Logs of sessions for tests that shorten them: written down by hand, generated, and compacted as a run would do it.
 */
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Compaction from "../../src/context/Compaction.ts"
import * as TokenCounter from "../../src/context/TokenCounter.ts"
import * as Window from "../../src/context/Window.ts"
import type { Entry, Stored } from "../../src/domain/Entry.ts"
import { EntryId } from "../../src/domain/Ids.ts"
import type { Message } from "../../src/domain/Message.ts"
import * as Messages from "../../src/domain/Message.ts"
import * as Part from "../../src/domain/Part.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { conversations } from "./histories.ts"

export const call = (id: string, input = "{}"): Part.ToolCall => ({ type: "tool-call", id, name: "look", input })

export const result = (id: string, text = "found"): Part.ToolResult => ({
  type: "tool-result",
  id,
  name: "look",
  outcome: "ok",
  content: [Part.text(text)]
})

export const asks = (...ids: ReadonlyArray<string>): Message => Messages.assistant(ids.map((id) => call(id)))
export const tells = (...ids: ReadonlyArray<string>): Message => Messages.tool(ids.map((id) => result(id)))

/** Messages as entries `m0`, `m1` and so on. */
export const logOf = (messages: ReadonlyArray<Message>, from = 0): ReadonlyArray<Entry> =>
  messages.map((message, index) => ({ _tag: "Message", id: EntryId.make(`m${from + index}`), at: 0, message }))

/** A text of about so many tokens. */
export const long = (name: string, tokens = 200): string => `${name} ${"word ".repeat(tokens)}`

/** So many questions with long answers. */
export const talk = (turns: number, from = 0): ReadonlyArray<Message> =>
  Array.from({ length: turns }, (_, index) => [
    Messages.user(long(`question ${from + index}`)),
    Messages.assistant(long(`answer ${from + index}`))
  ]).flat()

/** Logs of any conversation, of which a part may have been compacted before, in one way or another. */
export const logs: FastCheck.Arbitrary<ReadonlyArray<Stored>> = FastCheck.tuple(
  conversations([]),
  FastCheck.nat(8),
  FastCheck.nat(12),
  FastCheck.boolean()
).map(([messages, keep, after, drops]) => {
  const early = messages.slice(0, after)
  const log = logOf(early)
  const cut = Compaction.cut(log, keep)
  if (cut === undefined) return logOf(messages)
  const compaction: Entry = {
    _tag: "Compaction",
    id: EntryId.make("c0"),
    at: 0,
    through: cut.through,
    messages: drops ? [] : [Messages.user("A summary.")],
    reason: "demand",
    dropped: cut.before.length,
    ...(cut.pinned === undefined ? undefined : { pinned: cut.pinned })
  }
  return Window.live([...log, compaction, ...logOf(messages.slice(after), after)])
})

export const messagesOf = (log: ReadonlyArray<Stored>): ReadonlyArray<Message> =>
  log.flatMap((entry) => (entry._tag === "Message" ? [entry.message] : []))

/** Results behind a place whose call is before it. */
export const torn = (all: ReadonlyArray<Message>, after: ReadonlyArray<Message>): ReadonlyArray<string> => {
  const calls = new Map<string, Message>()
  const kept = new Set(after)
  return all.flatMap((message) =>
    message.parts.flatMap((part) => {
      if (part.type === "tool-call") calls.set(part.id, message)
      if (part.type !== "tool-result" || !kept.has(message)) return []
      const asking = calls.get(part.id)
      return asking === undefined || kept.has(asking) ? [] : [part.id]
    })
  )
}

const nobody = ScriptedTransport.make([]).transport

/** What a compaction is given of a log. Tokens are estimated unless said. */
export const inputOf = (log: ReadonlyArray<Stored>, changes?: Partial<Compaction.Input>): Compaction.Input => ({
  log,
  reason: "threshold",
  tokens: TokenCounter.estimate({ messages: Window.project(log, 0).messages }),
  transport: nobody,
  counter: { count: (input) => Effect.sync(() => TokenCounter.estimate(input)) },
  ...changes
})

/** The log with the entries of an outcome, as a run appends them. */
export const compacted = (
  log: ReadonlyArray<Stored>,
  outcome: Compaction.Outcome,
  name = "c"
): ReadonlyArray<Stored> => [...log, ...Compaction.entries(outcome, { name, at: 0, reason: "threshold" })]

/** What a model sees of a log. */
export const windowOf = (log: ReadonlyArray<Stored>): ReadonlyArray<Message> => Window.project(log, 0).messages
