/**
 * Several hooks as one: observers side by side, each on its own; interceptors one behind the other.
 */
import * as Effect from "effect/Effect"

export type Hook<Event, Change> = (event: Event) => Effect.Effect<Change>

/** Runs an observer so that it cannot break the run; what it dies of is logged with what is said about it. */
export const isolated = (hook: Effect.Effect<unknown>, about: () => Record<string, unknown>): Effect.Effect<void> =>
  // When it is the run that is interrupted, this handler is never asked.
  Effect.catchAllCause(Effect.asVoid(hook), (cause) =>
    Effect.annotateLogs(Effect.logWarning("A hook died; the run goes on without it", cause), about())
  )

/** What the log says about a hook: its name and the run, as far as its event tells. */
export const aboutHook = (name: string, event: unknown): Record<string, unknown> => {
  const [first] = Array.isArray(event) ? event : [event]
  if (typeof first !== "object" || first === null || !("run" in first) || !("agent" in first)) return { hook: name }
  return { hook: name, run: first.run, agent: first.agent }
}

/** Asks an observer about an event, isolated. */
export const told = <Event>(name: string, hook: Hook<Event, unknown>, event: Event): Effect.Effect<void> =>
  isolated(
    Effect.suspend(() => hook(event)),
    () => aboutHook(name, event)
  )

/** All observers of one kind, in order. */
export const observing = <Event>(
  name: string,
  hooks: ReadonlyArray<Hook<Event, void>>
): Hook<Event, void> | undefined =>
  hooks.length < 2 ? hooks[0] : (event) => Effect.forEach(hooks, (hook) => told(name, hook, event), { discard: true })

/** What an interceptor's change means for the event that the next one sees, and for the change of both together. */
export interface Merge<Event, Change> {
  /** Dies of a change that may not be made. */
  readonly check: (change: Change) => Effect.Effect<Change>
  readonly see: (event: Event, change: Change) => Event
  readonly merge: (earlier: Change, later: Change) => Change
  readonly isLast: (change: Change) => boolean
}

/** All interceptors of one kind, in order: each sees what the ones before it changed. */
export const chained = <Event, Change>(
  hooks: ReadonlyArray<Hook<Event, Change | void>>,
  { check, isLast, merge, see }: Merge<Event, Change>
): Hook<Event, Change | void> | undefined => {
  if (hooks.length < 2) return hooks[0]
  const from = (index: number, event: Event, change: Change | undefined): Effect.Effect<Change | void> => {
    const hook = hooks[index]
    if (hook === undefined || (change !== undefined && isLast(change))) return Effect.succeed(change)
    return Effect.flatMap(
      Effect.suspend(() => hook(event)),
      (next) =>
        next === undefined
          ? from(index + 1, event, change)
          : Effect.flatMap(check(next), (checked) =>
              from(index + 1, see(event, checked), change === undefined ? checked : merge(change, checked))
            )
    )
  }
  return (event) => from(0, event, undefined)
}
