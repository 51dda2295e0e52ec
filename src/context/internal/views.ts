/**
 * Messages as a model is shown them: with shorter texts, or without calls. What needs no change stays the very same.
 */
import * as Effect from "effect/Effect"
import type { Message } from "../../domain/Message.ts"
import { toolCalls } from "../../domain/Message.ts"
import * as Part from "../../domain/Part.ts"
import { ends } from "../../internal/texts.ts"

/** How many tokens a text has. */
export type Count = (text: string) => Effect.Effect<number>

/** Shortens messages to so many tokens of text, each message once. */
export const shortener = (max: number, count: Count): ((message: Message) => Effect.Effect<Message>) => {
  const known = new WeakMap<Message, Message>()
  return (message) => {
    const before = known.get(message)
    if (before !== undefined) return Effect.succeed(before)
    const texts = message.role === "system" ? [] : textsOf(message)
    // No token is less than a byte, and no character more than three.
    if (texts.reduce((sum, text) => sum + text.length, 0) * 3 <= max) return Effect.succeed(message)
    return Effect.map(shortened(texts, max, count), (short) => {
      const shown = short === texts ? message : withTexts(message, short)
      known.set(message, shown)
      // What is short is not shortened again, though its mark comes on top.
      known.set(shown, shown)
      return shown
    })
  }
}

/**
 * Leaves out the calls, with their results, of all runs but the last ones that ended and the one that has not: a run
 * begins where the user speaks, unless results are what comes before.
 */
export const withoutCalls = (keepRuns: number): ((messages: ReadonlyArray<Message>) => ReadonlyArray<Message>) => {
  const known = new WeakMap<Message, ReadonlyArray<Message>>()
  const shown = (message: Message): ReadonlyArray<Message> => {
    const before = known.get(message)
    if (before !== undefined) return before
    const out = spoken(message)
    known.set(message, out)
    return out
  }
  return (messages) => {
    const starts = messages.flatMap(({ role }, at) => {
      const before = messages[at - 1]?.role
      return role === "user" && before !== "user" && before !== "tool" ? [at] : []
    })
    const last = messages[messages.length - 1]
    const isOpen = last?.role !== "assistant" || toolCalls(last).length > 0
    const kept = Math.floor(keepRuns) + (isOpen ? 1 : 0)
    const end = kept === 0 ? messages.length : (starts[starts.length - kept] ?? 0)
    const old = messages.slice(0, end)
    return old.some(({ parts }) => parts.some(isCallOrResult))
      ? [...old.flatMap(shown), ...messages.slice(end)]
      : messages
  }
}

const isCallOrResult = ({ type }: Part.Part): boolean => type === "tool-call" || type === "tool-result"

/** A message without calls and results. Reasoning led to them, and data of a vendor may speak of them. */
const spoken = (message: Message): ReadonlyArray<Message> => {
  if (!message.parts.some(isCallOrResult)) return [message]
  const parts = message.parts.flatMap((part): ReadonlyArray<Part.Part> => {
    if (isCallOrResult(part) || part.type === "reasoning") return []
    const { meta, ...plain } = part
    return [plain]
  })
  return parts.length === 0 ? [] : [{ ...message, parts }]
}

/** The texts of a message that may be cut. */
const textsOf = (message: Message): ReadonlyArray<string> => {
  const texts: Array<string> = []
  mapTexts(message, (text) => {
    texts.push(text)
    return text
  })
  return texts
}

const withTexts = (message: Message, texts: ReadonlyArray<string>): Message => {
  let at = 0
  return mapTexts(message, (text) => texts[at++] ?? text)
}

const mapTexts = (message: Message, change: (text: string) => string): Message => ({
  ...message,
  parts: message.parts.map((part): Part.Part => {
    if (part.meta !== undefined) return part
    if (part.type === "text") return { ...part, text: change(part.text) }
    if (part.type === "file") return mapFile(part, change)
    if (part.type !== "tool-result" || part.transportExecuted === true) return part
    return { ...part, content: part.content.map((content) => mapContent(content, change)) }
  })
})

const mapFile = (file: Part.File, change: (text: string) => string): Part.File =>
  "text" in file.data ? { ...file, data: { text: change(file.data.text) } } : file

const mapContent = (content: Part.ResultContent, change: (text: string) => string): Part.ResultContent => {
  if (content.type === "file") return mapFile(content, change)
  const text = content.type === "text" ? content.text : (JSON.stringify(content.value) ?? "null")
  const changed = change(text)
  return changed === text ? content : Part.text(changed)
}

/** The texts within so many tokens together, the longest of them cut to the same length. The same array if they are. */
const shortened = (texts: ReadonlyArray<string>, max: number, count: Count): Effect.Effect<ReadonlyArray<string>> =>
  Effect.flatMap(Effect.forEach(texts, count), (sizes) => {
    if (sizes.reduce((sum, size) => sum + size, 0) <= max) return Effect.succeed(texts)
    const level = levelOf(sizes, max)
    return Effect.forEach(texts, (text, index) => {
      const size = sizes[index] ?? 0
      return size <= level ? Effect.succeed(text) : fitted(text, level, Math.floor((text.length * level) / size), count)
    })
  })

/** The length to which the longest have to be cut. */
const levelOf = (sizes: ReadonlyArray<number>, max: number): number => {
  let left = max
  const ascending = sizes.toSorted((a, b) => a - b)
  for (const [index, size] of ascending.entries()) {
    const share = left / (ascending.length - index)
    if (size > share) return Math.floor(share)
    left -= size
  }
  return max
}

/** Head and tail of a text that are no more than so many tokens, about `keep` characters. */
const fitted = (text: string, max: number, keep: number, count: Count): Effect.Effect<string> => {
  const head = Math.ceil(keep * 0.6)
  const parts = ends(text, head, keep - head)
  const cut = `${parts.head}\n[Message cut: ${parts.to - parts.from} of ${text.length} characters left out]\n${parts.tail}`
  // What its mark would make longer is better left whole.
  if (cut.length >= text.length) return Effect.succeed(text)
  if (keep <= 0) return Effect.succeed(cut)
  return Effect.flatMap(
    Effect.zipWith(count(parts.head), count(parts.tail), (a, b) => a + b),
    (size) =>
      size <= max
        ? Effect.succeed(cut)
        : fitted(text, max, Math.min(keep - 1, Math.floor(((keep * max) / size) * 0.98)), count)
  )
}
