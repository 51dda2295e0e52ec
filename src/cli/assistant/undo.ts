/**
 * Takes back what requests did to files. Before a file is changed through the sandbox, what it was is kept beside the
 * sessions, so that it needs no repository.
 */
import * as Effect from "effect/Effect"
import type { SessionId } from "../../domain/Ids.ts"
import type * as Sandbox from "../../sandbox/Sandbox.ts"
import type { SetupError } from "../errors.ts"

/**
 * What became of a file: it was brought back, removed again because it was new, or left alone, and why.
 *
 * @category models
 * @since 0.1.0
 */
export interface Undone {
  readonly path: string
  readonly what: "restored" | "removed" | "kept"
  readonly why?: string | undefined
}

/**
 * What was taken back, or done again.
 *
 * **Details**
 *
 * - `commands`: those that ran in the request, a line each. What they changed by themselves was not seen and stays.
 *
 * @category models
 * @since 0.1.0
 */
export interface Taken {
  readonly files: ReadonlyArray<Undone>
  readonly commands: ReadonlyArray<string>
}

/**
 * The record of changes.
 *
 * @category models
 * @since 0.1.0
 */
export interface Service {
  /** The sandbox, whose changes are kept by the session and the request that make them. */
  readonly sandbox: Sandbox.Service
  /** A request of a person begins: what follows in this session, and in those below it, is undone together. */
  readonly begin: (session: SessionId) => Effect.Effect<void>
  /** The files that the last request of the session has changed, of those that were not taken back. */
  readonly changed: (session: SessionId) => Effect.Effect<ReadonlyArray<string>>
  /** Takes back the last request that changed files, and after it the one before. Nothing when there is none. */
  readonly undo: (session: SessionId) => Effect.Effect<Taken | undefined, SetupError>
  /** Does again what was taken back last. Nothing when there is none, or something was changed since. */
  readonly redo: (session: SessionId) => Effect.Effect<Taken | undefined, SetupError>
  /** What the model has to be told of it, once. */
  readonly news: (session: SessionId) => Effect.Effect<string | undefined>
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
  undo: () => Effect.succeed(undefined),
  redo: () => Effect.succeed(undefined),
  news: () => Effect.succeed(undefined)
})
