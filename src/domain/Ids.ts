/**
 * Branded identifiers. They are strings on the wire and in stores, and different types in code, so that a session id
 * never lands where a run id belongs. Minting them is the business of `Activities`, not of this module.
 */
import * as Schema from "effect/Schema"

/**
 * Identifies one run: one input to its end.
 *
 * @category schemas
 * @since 0.1.0
 */
export const RunId = Schema.NonEmptyString.pipe(Schema.brand("RunId"))
export type RunId = typeof RunId.Type

/**
 * Identifies one stored conversation. Chosen by the application, or minted when a run names none.
 *
 * @category schemas
 * @since 0.1.0
 */
export const SessionId = Schema.NonEmptyString.pipe(Schema.brand("SessionId"))
export type SessionId = typeof SessionId.Type

/**
 * Identifies one tool call. Minted by the runtime and unique within a session; a vendor's own id travels as `wireId`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const CallId = Schema.NonEmptyString.pipe(Schema.brand("CallId"))
export type CallId = typeof CallId.Type

/**
 * One part of the way from the root run to a nested one: the run that is above, and what in it started the one below.
 *
 * **Details**
 *
 * - `call`: the tool call that did, when the run above is one of an agent. `at`: the place in a pattern, as the pattern names
 *   it: `"0"`, `"judge-2"`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const PathStep = Schema.Struct({
  agent: Schema.String,
  run: RunId,
  call: Schema.optional(CallId),
  at: Schema.optional(Schema.String)
})
export interface PathStep extends Schema.Schema.Type<typeof PathStep> {}

/**
 * Identifies one entry of a session's log. Appending the same id twice stores it once.
 *
 * @category schemas
 * @since 0.1.0
 */
export const EntryId = Schema.NonEmptyString.pipe(Schema.brand("EntryId"))
export type EntryId = typeof EntryId.Type
