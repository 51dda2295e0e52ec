/**
 * What a connection is to those that use it, whoever made it.
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type { Failure } from "./clientFailure.ts"
import type { Json } from "./clientJson.ts"

/** What a server told of itself. */
export interface About {
  readonly name: string
  readonly version: string
  readonly instructions: string | undefined
  readonly capabilities: Json
}

/** How long a request may go without a sign of life, and who is told of its progress. */
export interface RequestOptions {
  readonly timeout: Duration.DurationInput
  readonly onProgress?: ((progress: Json) => Effect.Effect<void>) | undefined
}

/** A connection that is open. */
export interface Connection {
  readonly about: About
  readonly request: (method: string, params: Json, options: RequestOptions) => Effect.Effect<Json, Failure>
  /** Completes when the connection has ended, with why. */
  readonly ended: Effect.Effect<Failure>
}

/** What we do for a server, and what is done with what it tells. */
export interface Answers {
  /** What we declare that we can do. */
  readonly capabilities: Json
  readonly requests: Readonly<Record<string, (params: Json) => Effect.Effect<Json, Failure>>>
  readonly notified: (method: string, params: Json) => Effect.Effect<void>
}

/** A failure that says that a session is not known any more: whatever was asked was not done. */
export const isForgotten = ({ code }: Failure): boolean => code === 404
