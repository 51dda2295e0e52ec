/**
 * What the assistant may do: a person is asked before anything that changes the world, unless they have said otherwise.
 */
import * as Effect from "effect/Effect"
import type * as ContextStore from "../../context/ContextStore.ts"
import type { SessionId } from "../../domain/Ids.ts"
import type * as Approval from "../../guard/Approval.ts"
import * as Guard from "../../guard/Guard.ts"
import type { Settings } from "../settings.ts"
import type * as Knobs from "./knobs.ts"

/**
 * An answer of a person that holds for more than its call.
 *
 * **Details**
 *
 * - `what`, `of`: the tool or the category that it is about; `of` is absent for all of the session.
 *
 * @category models
 * @since 0.1.0
 */
export interface Remembered {
  readonly id: string
  readonly what: "tool" | "category" | "session"
  readonly of?: string | undefined
  readonly approved: boolean
  readonly reason?: string | undefined
}

/**
 * The permissions in force.
 *
 * @category models
 * @since 0.1.0
 */
export interface Service {
  readonly guard: Guard.Service
  /** Whoever is asked, with answers that hold for all of a session held for the agents below it, too. */
  readonly asking: (approval: Approval.Service) => Approval.Service
  /** What the model has to be told of them with the next words of the person, once. */
  readonly news: (session: SessionId) => string | undefined
  /** What holds in a session, oldest first. */
  readonly remembered: (
    session: SessionId
  ) => Effect.Effect<ReadonlyArray<Remembered>, ContextStore.StoreError, ContextStore.ContextStore>
  /** Has an answer hold no longer, from the next request on. Answers whether there was one. */
  readonly revoke: (
    session: SessionId,
    id: string
  ) => Effect.Effect<boolean, ContextStore.StoreError, ContextStore.ContextStore>
}

/**
 * Makes them, around the guards that plugins bring.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (_settings: Settings, knobs: Knobs.Service, others: Guard.Service): Service => ({
  guard: Guard.make((call) =>
    Effect.suspend(() => {
      switch (knobs.get().permission) {
        case "yolo":
          return Effect.succeed(Guard.Allow)
        case "plan":
          return call.tool.readOnly === true
            ? others.check(call)
            : Effect.succeed(Guard.Deny("nothing is changed before the person has approved a plan"))
        case "ask":
          return others.check(call)
      }
    })
  ),
  asking: (approval) => approval,
  news: () => undefined,
  remembered: () => Effect.succeed([]),
  revoke: () => Effect.succeed(false)
})
