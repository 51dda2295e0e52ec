/**
 * Words that reach a run while it works. Steering joins the conversation before the next model request; follow-ups join
 * when the run would otherwise end. Closing and being empty are one step, so that no message is accepted and lost.
 */
import type { Message } from "../domain/Message.ts"

/**
 * The queues of one run.
 *
 * @category models
 * @since 0.1.0
 */
export interface Steering {
  readonly steer: Array<Message>
  readonly followUp: Array<ReadonlyArray<Message>>
  closed: boolean
}

/**
 * Empty queues.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (): Steering => ({ steer: [], followUp: [], closed: false })

/**
 * Adds steering. Answers whether the run will still read it.
 *
 * @category combinators
 * @since 0.1.0
 */
export const steer = (steering: Steering, messages: ReadonlyArray<Message>): boolean => {
  if (steering.closed) return false
  steering.steer.push(...messages)
  return true
}

/**
 * Adds a follow-up. Answers whether the run will still read it.
 *
 * @category combinators
 * @since 0.1.0
 */
export const followUp = (steering: Steering, messages: ReadonlyArray<Message>): boolean => {
  if (steering.closed) return false
  if (messages.length > 0) steering.followUp.push(messages)
  return true
}

/**
 * Takes everything that should steer the next turn.
 *
 * @category combinators
 * @since 0.1.0
 */
export const take = (steering: Steering): ReadonlyArray<Message> => steering.steer.splice(0)

/**
 * Takes what keeps a run going that would otherwise end: steering that came late, or the oldest follow-up. With neither,
 * the queues are closed.
 *
 * @category combinators
 * @since 0.1.0
 */
export const takeOrClose = (steering: Steering): ReadonlyArray<Message> => {
  const next = steering.steer.length > 0 ? take(steering) : steering.followUp.shift()
  if (next !== undefined) return next
  steering.closed = true
  return []
}
