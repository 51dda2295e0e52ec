/**
 * Tells news in order. That of words which are being taken comes before what they may have joined.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { News } from "./conversation.ts"

/**
 * A way to tell news, and to hear them.
 *
 * **Details**
 *
 * - `taking`: has words taken, which may join at once. They are told of when they were, before everything that they may have
 *   joined.
 *
 * @category models
 * @since 0.1.0
 */
export interface Telling {
  readonly tell: (news: News) => void
  readonly listen: (listener: (news: News) => void) => () => void
  readonly taking: (said: News, take: Effect.Effect<boolean>) => Effect.Effect<boolean>
}

/**
 * Makes it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (): Telling => {
  const listeners = new Set<(news: News) => void>()
  let behind: Array<News> | undefined
  let isTaking = false
  const spread = (news: News): void => {
    for (const listener of listeners) listener(news)
  }
  const tell = (news: News): void => {
    if (isTaking && joins(news)) behind ??= []
    if (behind === undefined) spread(news)
    else behind.push(news)
  }
  const taking = (said: News, take: Effect.Effect<boolean>): Effect.Effect<boolean> =>
    Effect.suspend(() => {
      isTaking = true
      return Effect.onExit(take, (taken) =>
        Effect.sync(() => {
          const held = behind ?? []
          isTaking = false
          behind = undefined
          if (Exit.isSuccess(taken) && taken.value) spread(said)
          held.forEach(spread)
        })
      )
    })
  const listen = (listener: (news: News) => void): (() => void) => {
    listeners.add(listener)
    return () => listeners.delete(listener)
  }
  return { listen, taking, tell }
}

// internal

/** Whether words may have joined with it. */
const joins = (news: News): boolean =>
  news._tag === "Settled" ||
  (news._tag === "Events" &&
    news.events.some(
      (event) =>
        (event._tag === "TurnStart" || event._tag === "RunStart") && event.path === undefined && event.input.length > 0
    ))
