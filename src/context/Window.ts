/**
 * From a session's log to what a model may see of it: the compaction in force, then the messages it does not cover,
 * repaired. Pure; stores keep windows and extend them by what was appended.
 */

import type { CompactionEntry, QueuedEntry, Stored, SuspendedEntry } from "../domain/Entry.ts"
import { EntryId } from "../domain/Ids.ts"
import type { Message } from "../domain/Message.ts"
import { toText } from "../domain/Message.ts"
import { totalTokens } from "../domain/Usage.ts"
import * as Words from "../internal/words.ts"
import * as Repair from "./Repair.ts"

/**
 * How much a model holds, by its vendor's own count.
 *
 * @category models
 * @since 0.1.0
 */
export interface Measured {
  /** Input and output tokens of the last response. */
  readonly tokens: number
  /** The messages since that response, which are not in the count. */
  readonly added: ReadonlyArray<Message>
}

/**
 * What a model may see of a session, and how far its log had come when it was read.
 *
 * @category models
 * @since 0.1.0
 */
export interface Window {
  readonly messages: ReadonlyArray<Message>
  /** Grows with every change of the session; 0 for one that does not exist yet. */
  readonly position: number
  /** The compaction in force. */
  readonly compaction?: EntryId | undefined
  /** Absent when no response was counted since the compaction in force. */
  readonly measured?: Measured | undefined
  /** Words that were accepted and not read yet, oldest first. Absent when there are none. */
  readonly queued?: ReadonlyArray<QueuedEntry> | undefined
  /** What the last run waits for, if it ended waiting for a person and nothing was said or resumed since. */
  readonly suspended?: SuspendedEntry | undefined
}

/**
 * The window of a session that does not exist yet.
 *
 * @category constructors
 * @since 0.1.0
 */
export const empty: Window = { messages: [], position: 0 }

/**
 * The compaction that is in force at the end of a log: the last one, unless it was restored from, then the one before.
 *
 * @category combinators
 * @since 0.1.0
 */
export const inForce = (log: ReadonlyArray<Stored>): CompactionEntry | undefined => {
  const stack: Array<CompactionEntry> = []
  for (const entry of log) {
    if (entry._tag === "Compaction") stack.push(entry)
    else if (isRestore(entry)) stack.pop()
  }
  return stack[stack.length - 1]
}

/**
 * The part of a log that its window is made of: what the compaction in force does not cover, and that compaction itself.
 *
 * @category combinators
 * @since 0.1.0
 */
export const live = (log: ReadonlyArray<Stored>): ReadonlyArray<Stored> => uncovered(log, inForce(log))

/**
 * Projects a log, or only its live part, to its window.
 *
 * @category constructors
 * @since 0.1.0
 */
export const project = (log: ReadonlyArray<Stored>, position: number): Window => {
  const compaction = inForce(log)
  const entries = uncovered(log, compaction)
  const messages = [...(compaction?.messages ?? [])]
  if (compaction?.pinned !== undefined) messages.push(compaction.pinned)
  for (const entry of entries) if (entry._tag === "Message") messages.push(entry.message)
  // A response that was counted under a compaction that was restored from since measured another window.
  const since = entries.findLastIndex((entry) => entry === compaction || isRestore(entry)) + 1
  return {
    messages: Repair.repair(messages),
    position,
    ...waiting(empty, entries),
    ...optional("compaction", compaction?.id),
    ...optional("measured", measure(undefined, entries.slice(since)))
  }
}

/**
 * The window of a log that grew by these entries, at the cost of the new ones. Messages that stay keep their identity,
 * by which transports know what they converted already. `undefined` when the whole has to be projected anew, because a
 * compaction came or went.
 *
 * @category constructors
 * @since 0.1.0
 */
export const extend = (known: Window, added: ReadonlyArray<Stored>, position: number): Window | undefined => {
  if (added.length === 0) return known.position === position ? known : { ...known, position }
  const messages: Array<Message> = []
  for (const entry of added) {
    if (entry._tag === "Message") messages.push(entry.message)
    else if (entry._tag === "Compaction") return undefined
    else if (isRestore(entry)) return undefined
  }
  return {
    messages: Repair.extend(known.messages, messages),
    position,
    ...waiting(known, added),
    ...optional("compaction", known.compaction),
    ...optional("measured", measure(known.measured, added))
  }
}

/**
 * What a vendor counted last, and what came since, after these entries. What was only estimated is no measure.
 *
 * @category combinators
 * @since 0.1.0
 */
export const measure = (known: Measured | undefined, added: ReadonlyArray<Stored>): Measured | undefined => {
  let tokens = known?.tokens
  let since = known === undefined ? [] : [...known.added]
  for (const entry of added) {
    if (entry._tag === "Message") {
      if (tokens !== undefined) since.push(entry.message)
    } else if (entry._tag === "Usage" && entry.purpose === undefined && !entry.usage.estimated) {
      const total = totalTokens(entry.usage)
      if (total === undefined) continue
      tokens = total
      since = []
    }
  }
  return tokens === undefined ? undefined : { tokens, added: since }
}

/**
 * What an entry gives a listing to show: the start of a user's text, at most 80 characters, or nothing. The preview of
 * a session is the first one in its log that is not empty.
 *
 * @category converters
 * @since 0.1.0
 */
export const preview = (entry: Stored): string => {
  if (entry._tag !== "Message" || entry.message.role !== "user") return ""
  const start = toText(entry.message).trimStart().slice(0, previewLength)
  // Not half a character at the end.
  return /[\uD800-\uDBFF]$/.test(start) ? start.slice(0, -1) : start
}

/**
 * What searches look at: the text of a message of a user or an assistant. Nothing of any other entry.
 *
 * @category converters
 * @since 0.1.0
 */
export const searched = (entry: Stored): string =>
  entry._tag === "Message" && (entry.message.role === "user" || entry.message.role === "assistant")
    ? toText(entry.message)
    : ""

/**
 * Makes the search for a text: of an entry it gives the excerpt to show when that is a message of a user or an assistant in
 * which every word of the text is found, or begins a word, and nothing otherwise. `undefined` for a text without words.
 *
 * @category constructors
 * @since 0.1.0
 */
export const searching = (text: string): ((entry: Stored) => string | undefined) | undefined => {
  const terms = Words.termsOf(text)
  if (terms.length === 0) return undefined
  return (entry) => {
    const said = searched(entry)
    return Words.matches(Words.wordsOf(said), terms) ? Words.excerpt(said, terms) : undefined
  }
}

/**
 * How many entries of a log a cut behind the one at this index keeps: an answer takes the results of its calls along, also
 * when the cut is behind what was written between the two.
 *
 * @category combinators
 * @since 0.1.0
 */
export const keptBy = (log: ReadonlyArray<Stored>, index: number): number => {
  let asking = index
  while (asking >= 0 && log[asking]?._tag !== "Message") asking--
  const entry = log[asking]
  if (entry?._tag !== "Message" || !entry.message.parts.some(({ type }) => type === "tool-call")) return index + 1
  for (let next = index + 1; next < log.length; next++) {
    const behind = log[next]
    if (behind?._tag !== "Message") continue
    return behind.message.role === "tool" ? next + 1 : index + 1
  }
  return index + 1
}

/**
 * Entries that keep the words of others from here on: what is before a compaction is not read any more.
 *
 * @category converters
 * @since 0.1.0
 */
export const requeued = (queued: ReadonlyArray<QueuedEntry>, name: string, at: number): ReadonlyArray<QueuedEntry> =>
  queued.map((entry, index) => ({
    ...entry,
    ...{ id: EntryId.make(`${name}/queued-${index}`, { disableValidation: true }), at, again: entry.id }
  }))

// internal

const uncovered = (log: ReadonlyArray<Stored>, compaction: CompactionEntry | undefined): ReadonlyArray<Stored> => {
  if (compaction === undefined) return log
  const through = log.findIndex(({ id }) => id === compaction.through)
  // It can only stand for what was there before it.
  return log.slice(through < log.indexOf(compaction) ? through + 1 : 0)
}

const previewLength = 80

const isRestore = (entry: Stored): boolean => entry._tag === "Marker" && entry.marker.type === "restore"

/** What waits in a session after these entries. */
const waiting = (known: Window, added: ReadonlyArray<Stored>): Pick<Window, "queued" | "suspended"> => {
  let { queued, suspended } = known
  for (const entry of added) {
    if (entry._tag === "Queued") {
      const others = queued?.filter(({ id }) => id !== entry.again) ?? []
      queued = entry.messages.length === 0 ? others : [...others, entry]
    } else if (entry._tag === "Suspended") suspended = entry
    else if (entry._tag === "Marker") {
      const { type } = entry.marker
      if (type === "resume") suspended = undefined
      // Words are for the conversation in which they were said.
      else if (type === "fork" || type === "rewind") queued = undefined
    } else if (entry._tag === "Message") {
      suspended = undefined
      if (entry.queued !== undefined) queued = queued?.filter(({ id }) => id !== entry.queued)
    }
  }
  return { ...optional("queued", queued?.length === 0 ? undefined : queued), ...optional("suspended", suspended) }
}

const optional = <Key extends string, A>(key: Key, value: A | undefined): { readonly [K in Key]?: A } =>
  // One key, which TypeScript takes for any of them.
  (value === undefined ? {} : { [key]: value }) as { readonly [K in Key]?: A }
