/**
 * `axonal login`: signs in to a vendor whose models come with a subscription.
 */
import * as Effect from "effect/Effect"
import type { Environment } from "./command.ts"
import { UsageError } from "./errors.ts"

/**
 * Runs the command.
 *
 * @category constructors
 * @since 0.1.0
 */
export const run = (_args: ReadonlyArray<string>, _environment: Environment): Effect.Effect<void, UsageError> =>
  Effect.fail(new UsageError({ message: "login is not built yet" }))
