/**
 * Where to trim: at the first place that leaves no more than is wanted, or else at the last there is. A later one at which
 * the user begins to speak is better, unless half of what is left would go for it.
 */
import type { Message } from "../../domain/Message.ts"
import { isSystem, newest, places } from "./cuts.ts"

/** A conversation and what it weighs. Sizes are tokens. */
export interface Weights {
  readonly messages: ReadonlyArray<Message>
  readonly sizes: ReadonlyArray<number>
  /** What stands for what is not among the messages any more, and the part of it that will stay: texts of the system first. */
  readonly previous: number
  readonly systemSize: number
  readonly systemCount: number
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
  const candidates = candidatesOf(weights, held)
  const index = candidates.findIndex(({ count, tokens }) => tokens <= most.tokens && count <= most.messages)
  const first = candidates[index]
  if (first === undefined) return candidates.at(-1)
  if (!first.begins) return first
  const better = candidates.slice(index + 1).find(({ begins }) => !begins)
  return better !== undefined && better.after * 2 >= first.after ? better : first
}

interface Candidate extends Choice {
  /** How many messages there are then, and how many tokens those have that are behind the place. */
  readonly count: number
  readonly after: number
}

const candidatesOf = (weights: Weights, held: number): ReadonlyArray<Candidate> => {
  const { messages, pinned, pinnedSize, summary } = weights
  const upTo = sums(weights.sizes)
  const widthUpTo = sums(widths(messages))
  const [size, width] = [upTo.at(-1) ?? 0, widthUpTo.at(-1) ?? 0]
  const said = newest(messages)
  const systemUpTo = sums(messages.map((message, at) => (isSystem(message) ? (weights.sizes[at] ?? 0) : 0)))
  const systemsUpTo = sums(messages.map((message) => (isSystem(message) ? 1 : 0)))
  const speakers = speakersOf(messages)
  const total = weights.previous + pinnedSize + size
  // What is more than the window held was counted too high, and so were its parts.
  const scale = total > held ? held / total : 1
  const joins = weights.note > 0 && messages.at(-1)?.role !== "user" ? 1 : 0
  return places(messages).flatMap((place) => {
    const isPinned = said !== undefined && said.end <= place
    const stays = isPinned ? said.end - said.start : 0
    const systems = systemsUpTo[place] ?? 0
    const isNothing = place === stays + systems && (pinned === undefined || said === undefined)
    // Something has to go, more than what stays wherever the place is, and something has to be left.
    if (isNothing || place === messages.length) return []
    const isHeld = isPinned || (said === undefined && pinned !== undefined)
    const heldSize = isPinned ? (upTo[said.end] ?? 0) - (upTo[said.start] ?? 0) : isHeld ? pinnedSize : 0
    const begins = !isHeld && summary.length === 0 && speakers[place] !== "user"
    const after = size - (upTo[place] ?? 0)
    const system = weights.systemSize + (systemUpTo[place] ?? 0)
    const left = system + weights.summarySize + heldSize + (begins ? weights.beginning : 0) + after
    return [
      {
        ...{ place, begins, after },
        tokens: Math.max(0, Math.round(held - scale * (total - left) + weights.note)),
        count:
          weights.systemCount +
          systems +
          summary.length +
          (isHeld || begins ? 1 : 0) +
          joins +
          width -
          (widthUpTo[place] ?? 0)
      }
    ]
  })
}

/** Who speaks first from each place on, texts of the system aside. */
const speakersOf = (messages: ReadonlyArray<Message>): ReadonlyArray<Message["role"] | undefined> => {
  let speaker: Message["role"] | undefined
  return messages
    .toReversed()
    .map((message) => {
      if (!isSystem(message)) speaker = message.role
      return speaker
    })
    .reverse()
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
