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
 * Words that were accepted. `entry` is where the session keeps them, once it does.
 *
 * @category models
 * @since 0.1.0
 */
export interface Words {
  readonly when: QueuedEntry["when"]
  readonly messages: ReadonlyArray<Message>
  entry: EntryId | undefined
}

/**
 * The queues of one run.
 *
 * @category models
 * @since 0.1.0
 */
export interface Steering {
  readonly waiting: Array<Words>
  /** The words that a message which has left the queues came in with. */
  readonly origin: WeakMap<Message, Words>
  closed: boolean
  /** Which of the words a guard lets in. Absent when nobody is asked. */
  screen: ((messages: ReadonlyArray<Message>) => Effect.Effect<ReadonlyArray<Message>>) | undefined
  /** Keeps words with the session. Absent while it is not open. */
  keep: ((words: Words) => Effect.Effect<void>) | undefined
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
 * Accepts words, and keeps them. Answers whether the run will still read them.
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
 * Puts words of an earlier run into the queues, which its session kept.
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
  const isSteer = ({ when }: Words) => when === "steer"
  const first = steering.waiting.findIndex(isSteer)
  if (first === -1) return []
  return taken(steering, mode === "all" ? isSteer : (words) => words === steering.waiting[first])
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
  const oldest = steering.waiting[0]
  if (oldest !== undefined) return taken(steering, (words) => words === oldest)
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
  const steers = taken(steering, ({ when }) => when === "steer")
  return [...steers, ...taken(steering, () => true)]
}

// internal

const enter = (steering: Steering, when: Words["when"], messages: ReadonlyArray<Message>): Effect.Effect<boolean> =>
  Effect.suspend(() => {
    // It may have ended while the words were judged.
    if (steering.closed) return Effect.succeed(false)
    // Messages of their own: what was said twice has joined twice.
    const own = messages.map((message) => ({ ...message }))
    const words = add(steering, when, own, undefined)
    return steering.keep === undefined ? Effect.succeed(true) : Effect.as(steering.keep(words), true)
  })

const add = (
  steering: Steering,
  when: Words["when"],
  messages: ReadonlyArray<Message>,
  entry: EntryId | undefined
): Words => {
  const words: Words = { when, messages, entry }
  steering.waiting.push(words)
  for (const message of messages) steering.origin.set(message, words)
  return words
}

const taken = (steering: Steering, which: (words: Words) => boolean): ReadonlyArray<Message> => {
  const all = steering.waiting.splice(0)
  const out: Array<Message> = []
  const left: Array<Words> = []
  // Judged before the queue is put together again, so that the test may look at where words stand.
  for (const words of all) {
    if (which(words)) out.push(...words.messages)
    else left.push(words)
  }
  steering.waiting.push(...left)
  return out
}
