/**
 * Where to trim: at the first place that leaves no more than is wanted, or else at the last there is.
 */
import type { Message } from "../../domain/Message.ts"
import { newest, places } from "./cuts.ts"

/** A conversation and what it weighs. Sizes are tokens. */
export interface Weights {
  readonly messages: ReadonlyArray<Message>
  readonly sizes: ReadonlyArray<number>
  /** What stands for what is not among the messages any more, and the part of it that will stay. */
  readonly previous: number
  readonly summary: ReadonlyArray<Message>
  readonly summarySize: number
  readonly pinned: Message | undefined
  readonly pinnedSize: number
  /** What joins the end, 0 for nothing. */
  readonly note: number
  /** The line that begins a conversation which would begin with an answer. */
  readonly beginning: number
}

/** A place to trim at. `tokens`: what the window holds then. `begins`: it needs a line to begin with. */
export interface Choice {
  readonly place: number
  readonly begins: boolean
  readonly tokens: number
}

/** What the whole window `held` by the best count there is, instructions and tools included, and what it may hold. */
export const choose = (
  weights: Weights,
  held: number,
  most: { readonly tokens: number; readonly messages: number }
): Choice | undefined => {
  const { messages, pinned, summary } = weights
  const upTo = sums(weights.sizes)
  const widthUpTo = sums(widths(messages))
  const [size, width] = [upTo.at(-1) ?? 0, widthUpTo.at(-1) ?? 0]
  const said = newest(messages)
  const total = weights.previous + weights.pinnedSize + size
  // What is more than the window held was counted too high, and so were its parts.
  const scale = total > held ? held / total : 1
  const joins = weights.note > 0 && messages.at(-1)?.role !== "user" ? 1 : 0
  let choice: Choice | undefined
  for (const place of places(messages)) {
    if (place === messages.length) break
    const isPinned = said !== undefined && said.end <= place
    const stays = isPinned
      ? { count: said.end - said.start, size: (upTo[said.end] ?? 0) - (upTo[said.start] ?? 0) }
      : { count: 0, size: said === undefined ? weights.pinnedSize : 0 }
    const hasPinned = isPinned || (said === undefined && pinned !== undefined)
    // Nothing but what the user said last is before this place.
    if (place === stays.count && (pinned === undefined || said === undefined)) continue
    const begins = !hasPinned && summary.length === 0 && messages[place]?.role !== "user"
    const left = weights.summarySize + stays.size + (begins ? weights.beginning : 0) + size - (upTo[place] ?? 0)
    const tokens = Math.max(0, Math.round(held - scale * (total - left) + weights.note))
    const count = summary.length + (hasPinned ? 1 : 0) + (begins ? 1 : 0) + joins + width - (widthUpTo[place] ?? 0)
    choice = { place, begins, tokens }
    if (tokens <= most.tokens && count <= most.messages) break
  }
  return choice
}

const sums = (values: ReadonlyArray<number>): ReadonlyArray<number> => {
  let sum = 0
  return [
    0,
    ...values.map((value) => {
      sum += value
      return sum
    })
  ]
}

/** How many messages each is once the conversation is repaired: an answer with open calls gets one with results. */
const widths = (messages: ReadonlyArray<Message>): ReadonlyArray<number> => {
  const answered = new Set<string>()
  for (const { parts } of messages) for (const part of parts) if (part.type === "tool-result") answered.add(part.id)
  return messages.map(({ parts }) =>
    parts.some((part) => part.type === "tool-call" && part.transportExecuted !== true && !answered.has(part.id)) ? 2 : 1
  )
}
