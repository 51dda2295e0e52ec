/**
 * On whose behalf a run acts. Tools, hooks and spans read it from here and never from what a model wrote, so a model
 * cannot speak for another user.
 */
import * as Context from "effect/Context"
import * as Layer from "effect/Layer"

/**
 * The person and the chat behind a run. Both are absent until the application provides them.
 *
 * @category models
 * @since 0.1.0
 */
export interface Service {
  readonly tenant?: string | undefined
  readonly userId?: string | undefined
  readonly chatId?: string | undefined
}

/**
 * The identity of the current run. Anonymous by default; `Agent.requireIdentity` makes forgetting it a compile error.
 *
 * @category references
 * @since 0.1.0
 */
export class Identity extends Context.Reference<Identity>()("axonal/context/Identity", {
  defaultValue: (): Service => ({})
}) {}

/**
 * Makes an identity.
 *
 * **Details**
 *
 * - Errors: throws a `TypeError` that names the field when one is missing or blank.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (identity: { readonly userId: string; readonly chatId: string }): Service => {
  for (const field of ["userId", "chatId"] as const) {
    const value: unknown = identity[field]
    if (typeof value !== "string" || value.trim() === "") {
      throw new TypeError(`Identity.${field} must be a non-empty string`)
    }
  }
  return { userId: identity.userId, chatId: identity.chatId }
}

/**
 * Layer that runs everything on behalf of this person and chat.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (identity: { readonly userId: string; readonly chatId: string }): Layer.Layer<Identity> =>
  Layer.succeed(Identity, make(identity))
