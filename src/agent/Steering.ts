/**
 * Words that reach a run while it works. Steering joins the conversation before the next model request; follow-ups join
 * when the run would otherwise end. Closing and being empty are one step, so that no message is accepted and lost; and what
 * was accepted is kept with the session until it has joined, so that the next run reads what this one did not come to.
 */
import * as Effect from "effect/Effect"
import type { QueuedEntry } from "../domain/Entry.ts"
import type { EntryId } from "../domain/Ids.ts"
import type { Message } from "../domain/Message.ts"

/**
 * Words that were accepted.
 *
 * **Details**
 *
 * - `entry`: where the session keeps them, or is to. `isKept`: whether it does.
 * - `isTaken`: whether they are about to join. They wait until they have.
 *
 * @category models
 * @since 0.1.0
 */
export interface Words {
  readonly when: QueuedEntry["when"]
  readonly messages: ReadonlyArray<Message>
  entry: EntryId | undefined
  isKept: boolean
  isTaken: boolean
}

/**
 * The queues of one run.
 *
 * @category models
 * @since 0.1.0
 */
export interface Steering {
  /** What has not joined yet, oldest first. */
  readonly waiting: Array<Words>
  /** The words that a message came in with. */
  readonly origin: WeakMap<Message, Words>
  closed: boolean
  /** Which of the words a guard lets in. Absent when nobody is asked. */
  screen: ((messages: ReadonlyArray<Message>) => Effect.Effect<ReadonlyArray<Message>>) | undefined
  /** Keeps words with the session, and answers whether somebody will read them. Absent while it is not open. */
  keep: ((words: Words) => Effect.Effect<boolean>) | undefined
}

/**
 * Empty queues.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (): Steering => ({
  waiting: [],
  origin: new WeakMap(),
  closed: false,
  screen: undefined,
  keep: undefined
})

/**
 * Accepts words, and keeps them. Answers whether they will be read: by this run, or by the next one of its session.
 *
 * @category combinators
 * @since 0.1.0
 */
export const accept = (
  steering: Steering,
  when: QueuedEntry["when"],
  messages: ReadonlyArray<Message>
): Effect.Effect<boolean> =>
  Effect.suspend(() => {
    if (steering.closed) return Effect.succeed(false)
    if (messages.length === 0) return Effect.succeed(true)
    if (steering.screen === undefined) return enter(steering, when, messages)
    return Effect.flatMap(steering.screen(messages), (screened) =>
      screened.length === 0 ? Effect.succeed(false) : enter(steering, when, screened)
    )
  })

/**
 * Puts words into the queues that nobody has to judge any more, and keeps them. Answers whether they will be read.
 *
 * @category combinators
 * @since 0.1.0
 */
export const enter = (
  steering: Steering,
  when: Words["when"],
  messages: ReadonlyArray<Message>
): Effect.Effect<boolean> =>
  Effect.suspend(() => {
    // It may have ended while the words were judged.
    if (steering.closed) return Effect.succeed(false)
    // Messages of their own: what was said twice has joined twice.
    const own = messages.map((message) => ({ ...message }))
    const words = add(steering, when, own, undefined)
    return steering.keep === undefined ? Effect.succeed(true) : steering.keep(words)
  })

/**
 * Puts words of an earlier run into the queues, which its session kept, before those that came meanwhile.
 *
 * @category combinators
 * @since 0.1.0
 */
export const recall = (steering: Steering, queued: ReadonlyArray<QueuedEntry>): void => {
  const now = steering.waiting.splice(0)
  for (const { id, messages, when } of queued) add(steering, when, messages, id)
  steering.waiting.push(...now)
}

/**
 * Takes what should steer the next turn: everything, or the oldest words.
 *
 * @category combinators
 * @since 0.1.0
 */
export const take = (steering: Steering, mode: "all" | "one-at-a-time"): ReadonlyArray<Message> => {
  const steers = left(steering).filter(({ when }) => when === "steer")
  return taken(mode === "all" ? steers : steers.slice(0, 1))
}

/**
 * Takes what keeps a run going that would otherwise end: steering that came late, or the oldest follow-up. With neither,
 * the queues are closed.
 *
 * @category combinators
 * @since 0.1.0
 */
export const takeOrClose = (steering: Steering, mode: "all" | "one-at-a-time"): ReadonlyArray<Message> => {
  const late = take(steering, mode)
  if (late.length > 0) return late
  const [oldest] = left(steering)
  if (oldest !== undefined) return taken([oldest])
  steering.closed = true
  return []
}

/**
 * Takes everything there is, and closes the queues.
 *
 * @category combinators
 * @since 0.1.0
 */
export const takeAll = (steering: Steering): ReadonlyArray<Message> => {
  steering.closed = true
  return [...take(steering, "all"), ...taken(left(steering))]
}

/**
 * The words of which these messages are, which wait no longer once the messages have joined.
 *
 * @category converters
 * @since 0.1.0
 */
export const wordsOf = (steering: Steering, messages: ReadonlyArray<Message>): ReadonlySet<Words> => {
  const out = new Set<Words>()
  // Nearly every time nobody has said anything.
  if (steering.waiting.length === 0) return out
  for (const message of messages) {
    const words = steering.origin.get(message)
    if (words !== undefined) out.add(words)
  }
  return out
}

/**
 * The words of these messages of which none has passed.
 *
 * @category converters
 * @since 0.1.0
 */
export const refused = (
  steering: Steering,
  messages: ReadonlyArray<Message>,
  passed: ReadonlyArray<Message>
): ReadonlySet<Words> => {
  const out = new Set(wordsOf(steering, messages))
  for (const words of wordsOf(steering, passed)) out.delete(words)
  return out
}

/**
 * Forgets words that have joined, or may not.
 *
 * @category combinators
 * @since 0.1.0
 */
export const forget = (steering: Steering, joined: ReadonlySet<Words>): void => {
  if (joined.size === 0) return
  const waiting = steering.waiting.filter((words) => !joined.has(words))
  steering.waiting.splice(0, steering.waiting.length, ...waiting)
}

// internal

const add = (
  steering: Steering,
  when: Words["when"],
  messages: ReadonlyArray<Message>,
  entry: EntryId | undefined
): Words => {
  const words: Words = { when, messages, entry, isKept: entry !== undefined, isTaken: false }
  steering.waiting.push(words)
  for (const message of messages) steering.origin.set(message, words)
  return words
}

const left = ({ waiting }: Steering): ReadonlyArray<Words> =>
  waiting.length === 0 ? waiting : waiting.filter(({ isTaken }) => !isTaken)

const taken = (all: ReadonlyArray<Words>): ReadonlyArray<Message> =>
  all.flatMap((words) => {
    words.isTaken = true
    return words.messages
  })
