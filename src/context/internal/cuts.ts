/**
 * Where a conversation can be cut: never between a call and its result, never within what a person said in one go. And
 * what a person said last, which stays wherever the cut is.
 */
import type { Message } from "../../domain/Message.ts"
import * as Messages from "../../domain/Message.ts"

/**
 * The messages before `index` and those from it on can live without each other. Ascending; the end is the last one, unless
 * calls wait there for their results.
 */
export const places = (messages: ReadonlyArray<Message>): ReadonlyArray<number> => {
  const calls = new Map<string, number>()
  /** By message: the first one that has a call which is answered here. */
  const answered = messages.map(({ parts }, at) => {
    let first = at
    for (const part of parts) {
      if (part.type === "tool-call") calls.set(part.id, at)
      else if (part.type === "tool-result") first = Math.min(first, calls.get(part.id) ?? at)
    }
    return first
  })
  const last = messages.at(-1)
  const out = last === undefined || Messages.toolCalls(last).length > 0 ? [] : [messages.length]
  let reach = messages.length
  for (let at = messages.length - 1; at > 0; at--) {
    reach = Math.min(reach, answered[at] ?? at)
    if (reach >= at && !(isSpoken(messages[at]) && isSpoken(messages[at - 1]))) out.push(at)
  }
  return out.reverse()
}

/** Whether a person said it. Notes and nudges have the same role, and are the runtime's own. */
export const isSpoken = (message: Message | undefined): boolean => {
  if (message?.role !== "user") return false
  const own = message.meta?.["axonal"]
  return !(typeof own === "object" && own !== null && ("note" in own || "nudge" in own))
}

/** What marks a message as a note of the runtime. */
export const noteMeta = { axonal: { note: true } } as const

/** What a person said last, in one message or in several right behind each other: from `start` up to `end`. */
export interface Newest {
  readonly start: number
  readonly end: number
}

/** The newest words of a person. */
export const newest = (messages: ReadonlyArray<Message>): Newest | undefined => {
  const last = messages.findLastIndex(isSpoken)
  if (last < 0) return undefined
  let start = last
  while (start > 0 && isSpoken(messages[start - 1])) start--
  return { start, end: last + 1 }
}

/** What a cut takes of the messages before it, and what of them stays. `said` is what a person said last, anywhere. */
export interface Parted {
  readonly before: ReadonlyArray<Message>
  readonly system: ReadonlyArray<Message>
  readonly pinned: Message | undefined
  readonly said: Newest | undefined
}

/** Parts the messages before `index`: texts of the system stay, and so does what a person said last. */
export const parted = (messages: ReadonlyArray<Message>, index: number): Parted => {
  const said = newest(messages)
  const isPinned = said !== undefined && said.end <= index
  const others = messages.slice(0, index).filter((_, at) => !isPinned || at < said.start || at >= said.end)
  return {
    before: others.filter((message) => !isSystem(message)),
    system: others.filter(isSystem),
    pinned: isPinned ? joined(messages.slice(said.start, said.end)) : undefined,
    said
  }
}

/** Whether it is a text of the system, which is never dropped. */
export const isSystem = ({ role }: Message): boolean => role === "system"

/** Messages of one role as one. A single one stays the very same. */
export const joined = (messages: ReadonlyArray<Message>): Message | undefined => {
  const [first] = messages
  return first === undefined || messages.length === 1
    ? first
    : { role: first.role, parts: messages.flatMap(({ parts }) => parts) }
}

/** How many messages at the end have no more than so many tokens together. */
export const recent = (
  messages: ReadonlyArray<Message>,
  tokens: number,
  tokensOf: (messages: ReadonlyArray<Message>) => number
): number => {
  let [count, sum] = [0, 0]
  for (const message of messages.toReversed()) {
    sum += tokensOf([message])
    if (sum > tokens) break
    count++
  }
  return count
}
