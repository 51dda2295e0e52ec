/**
 * `axonal models [search]`: what is known about models, as a table. It needs no network and no key.
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
  Effect.fail(new UsageError({ message: "models is not built yet" }))
