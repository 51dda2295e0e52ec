/**
 * Takes back what requests did to files. Before a file is changed through the sandbox, what it was is kept beside the
 * sessions, so that it needs no repository.
 */
import * as Effect from "effect/Effect"
import type { SessionId } from "../../domain/Ids.ts"
import type * as Sandbox from "../../sandbox/Sandbox.ts"
import type { SetupError } from "../errors.ts"

/**
 * What became of a file: it was brought back, removed again because it was new, or left alone because somebody else has
 * changed it since.
 *
 * @category models
 * @since 0.1.0
 */
export interface Undone {
  readonly path: string
  readonly what: "restored" | "removed" | "kept"
}

/**
 * The memory of changes.
 *
 * @category models
 * @since 0.1.0
 */
export interface Service {
  /** The sandbox, whose changes are kept by the session and the request that make them. */
  readonly sandbox: Sandbox.Service
  /** A request of a person begins: what follows in this session, and in those below it, is undone together. */
  readonly begin: (session: SessionId) => Effect.Effect<void>
  /** The files that the last request of the session has changed. */
  readonly changed: (session: SessionId) => Effect.Effect<ReadonlyArray<string>>
  /** Takes back the last request that changed files, and after it the one before. */
  readonly undo: (session: SessionId) => Effect.Effect<ReadonlyArray<Undone>, SetupError>
}

/**
 * Remembers nothing.
 *
 * @category constructors
 * @since 0.1.0
 */
export const none = (sandbox: Sandbox.Service): Service => ({
  sandbox,
  begin: () => Effect.void,
  changed: () => Effect.succeed([]),
  undo: () => Effect.succeed([])
})
