/**
 * On whose behalf a run acts. Tools, hooks and spans read it from here and never from what a model wrote, so a model
 * cannot speak for another user.
 */
import * as Context from "effect/Context"
import * as Layer from "effect/Layer"

/**
 * The person and the chat behind a run, and the organisation for which they act. All are absent until the application
 * provides them.
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
 * What an identity is made of.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly userId: string
  readonly chatId: string
  readonly tenant?: string | undefined
}

/**
 * Makes an identity.
 *
 * **Details**
 *
 * - Errors: throws a `TypeError` that names the field when one is missing or blank. `tenant` may be missing, not blank.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (identity: Options): Service => {
  for (const field of ["userId", "chatId", "tenant"] as const) {
    const value: unknown = identity[field]
    if (field === "tenant" && value === undefined) continue
    if (typeof value !== "string" || value.trim() === "") {
      throw new TypeError(`Identity.${field} must be a non-empty string`)
    }
  }
  const { chatId, tenant, userId } = identity
  return tenant === undefined ? { userId, chatId } : { tenant, userId, chatId }
}

/**
 * Layer that runs everything on behalf of this person and chat.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (identity: Options): Layer.Layer<Identity> => Layer.succeed(Identity, make(identity))
