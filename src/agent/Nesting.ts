/**
 * What a run that begins here is part of: the way to it, who is on that way, where its events go and who pays. Tool calls
 * and patterns provide it to what they start; at the root there is nothing above.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { StoreError } from "../context/ContextStore.ts"
import { failure } from "../context/ContextStore.ts"
import type { PendingQuestion } from "../domain/Entry.ts"
import type { PathStep, RunId, SessionId } from "../domain/Ids.ts"
import type * as Usage from "../domain/Usage.ts"
import type { Decided } from "../guard/Approval.ts"
import type { Sink } from "./Run.ts"

/**
 * What stands around a run.
 *
 * **Details**
 *
 * - `path`: the way from the root to a run that begins here; empty at the root.
 * - `above`: what runs on this way, outermost first: the identities of the runners, not their names.
 * - `sessions`: the sessions that are taken on this way. A nested run that waited for one of them would wait for ever.
 * - `sink`: where the events of the root run go; absent at the root.
 * - `spend`: counts what a nested run has spent.
 * - `scope`: of the run above: what it starts in the background ends with it. Absent at the root.
 * - `resume`: the answers with which a call goes on that waited for a person; absent for calls that begin.
 *
 * @category models
 * @since 0.1.0
 */
export interface Service {
  readonly path: ReadonlyArray<PathStep>
  readonly above: ReadonlyArray<Above>
  readonly sessions: ReadonlyArray<SessionId>
  readonly sink: Sink | undefined
  readonly spend: (usage: Usage.Usage) => void
  readonly scope: Scope.Scope | undefined
  readonly resume: Resume | undefined
}

/**
 * Who runs above, as names are told and identities compared.
 *
 * @category models
 * @since 0.1.0
 */
export interface Above {
  readonly name: string
  readonly identity: object
}

/**
 * How a nested run goes on.
 *
 * @category models
 * @since 0.1.0
 */
export interface Resume {
  readonly session: SessionId
  readonly decided: ReadonlyArray<Decided>
}

/**
 * The root: nothing is above.
 *
 * @category constructors
 * @since 0.1.0
 */
export const root: Service = {
  path: [],
  above: [],
  sessions: [],
  sink: undefined,
  spend: () => undefined,
  scope: undefined,
  resume: undefined
}

/**
 * What stands around a run that another one starts, which itself stands in these surroundings: one part further on the way.
 *
 * @category constructors
 * @since 0.1.0
 */
export const below = (
  { above, path, sessions }: Service,
  run: Above & Pick<Service, "sink" | "spend" | "scope"> & { readonly id: RunId; readonly session: SessionId },
  at: Pick<PathStep, "call" | "at">,
  resume?: Resume
): Service => ({
  path: [...path, { agent: run.name, run: run.id, ...at }],
  above: [...above, { name: run.name, identity: run.identity }],
  sessions: [...sessions, run.session],
  sink: run.sink,
  spend: run.spend,
  scope: run.scope,
  resume
})

/**
 * What a run that begins here is part of.
 *
 * @category references
 * @since 0.1.0
 */
export class Nesting extends Context.Reference<Nesting>()("axonal/agent/Nesting", {
  defaultValue: (): Service => root
}) {}

/**
 * Fails when a run above has this session: to wait for it would be to wait for ever.
 *
 * @category combinators
 * @since 0.1.0
 */
export const busy = ({ above, sessions }: Service, session: SessionId): Effect.Effect<void, StoreError> => {
  const index = sessions.indexOf(session)
  if (index < 0) return Effect.void
  const who = above[index]?.name ?? "a run"
  const message = `${who} has it, in which this run is nested and which waits for it: give this run another session`
  return Effect.fail(failure("lock", session, "SessionBusy", message))
}

/**
 * What a nested run failed with, and where it did: the innermost run that did not end well.
 *
 * @category models
 * @since 0.1.0
 */
export interface FailedAt {
  readonly agent: string
  readonly path: ReadonlyArray<PathStep>
}

const failures = new WeakMap<object, FailedAt>()

/**
 * Notes where an error came from, unless that is known already: the innermost run notes it first. Answers where it was.
 *
 * @category combinators
 * @since 0.1.0
 */
export const failed = (error: unknown, at: FailedAt): FailedAt => {
  if (typeof error !== "object" || error === null) return at
  const known = failures.get(error)
  if (known === undefined) failures.set(error, at)
  return known ?? at
}

/**
 * The run that failed with this error: its agent, and the way to it from the root. Nothing for an error that no run failed
 * with.
 *
 * @category converters
 * @since 0.1.0
 */
export const failedAt = (error: unknown): FailedAt | undefined =>
  typeof error === "object" && error !== null ? failures.get(error) : undefined

/**
 * The names on a way, for people and models: `lead > researcher > reader`.
 *
 * @category converters
 * @since 0.1.0
 */
export const wayTo = ({ agent, path }: FailedAt): string => [...path.map((part) => part.agent), agent].join(" > ")

/**
 * The questions that a nested run waits for, with the way to them.
 *
 * @category converters
 * @since 0.1.0
 */
export const asked = (
  { agent, pending }: { readonly agent: string; readonly pending: ReadonlyArray<PendingQuestion> },
  path: ReadonlyArray<PathStep>
): ReadonlyArray<PendingQuestion> =>
  pending.map((question) => (question.path === undefined ? { ...question, agent, path } : question))
