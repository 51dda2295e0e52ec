/**
 * What may happen to a task, as functions of it and of the time: leases that run out, attempts that are used up, tasks
 * that wait and tasks that wait in vain. Nothing here knows where tasks are kept.
 */
import { present } from "../../internal/present.ts"
import type { NewTask, Stored, Task, TaskChange } from "./model.ts"
import { Refusal } from "./model.ts"

export const defaultMaxAttempts = 3

/** The task as it is at this time: a lease that ran out is over, whether somebody has looked since or not. */
export const at = (task: Stored, now: number): Stored => {
  const { held } = task
  if (task.state !== "claimed" || held === undefined || held.expiresAt > now) return task
  const why = `the lease of ${held.worker} ran out (attempt ${task.attempts} of ${task.maxAttempts})`
  return failedOnce(task, why, held.worker, held.expiresAt)
}

/** The task after an attempt that failed: open for another, or failed when there is none left. */
export const failedOnce = (task: Stored, reason: string, by: string, now: number, final = false): Stored =>
  final || task.attempts >= task.maxAttempts
    ? ended(task, "failed", { reason, endedBy: by, endedAt: now })
    : { ...without(task, "held"), state: "open", reason }

/** The task in a state from which it goes nowhere by itself. Waiting is over. */
export const ended = (
  task: Stored,
  state: "done" | "failed" | "cancelled",
  how: Partial<Pick<Stored, "reason" | "endedBy" | "endedAt" | "result" | "endedWith">>
): Stored => ({ ...without(task, "held", "reason"), ...present(how), state })

export const isEnded = ({ state }: Stored): boolean => state === "done" || state === "failed" || state === "cancelled"

/** The task ready for as many attempts as it ever had. */
export const reopened = (task: Stored, waiting: number): Stored => ({
  ...without(task, "held", "reason", "endedAt", "endedBy", "endedWith"),
  ...{ state: "open", attempts: 0, waiting }
})

/** Shows tasks, given these and those that they wait for. */
export const viewing = (known: ReadonlyMap<string, Stored>): ((task: Stored) => Task) => {
  const lost = hopeless(known)
  return (task) => view(task, known, lost)
}

const view = (task: Stored, known: ReadonlyMap<string, Stored>, lost: (id: Stored) => ReadonlyArray<string>): Task => {
  const isOpen = task.state === "open"
  const waitsFor = isOpen ? task.dependsOn.filter((id) => known.get(id)?.state !== "done") : []
  const { held, endedWith: _, sequence: __, state, waiting: ___, ...shown } = task
  return {
    ...shown,
    status: state === "claimed" ? "in-progress" : state !== "open" ? state : waitsFor.length > 0 ? "blocked" : "open",
    waitsFor,
    stuckOn: isOpen ? lost(task) : [],
    ...(held === undefined ? undefined : { claim: { worker: held.worker, since: held.since, until: held.expiresAt } })
  }
}

const none: ReadonlyArray<string> = []

/** Tells the failed and cancelled tasks that a task waits for, through all that wait for them; each is asked once. */
const hopeless = (known: ReadonlyMap<string, Stored>): ((task: Stored) => ReadonlyArray<string>) => {
  const isLost = (task: Stored): boolean => task.state === "failed" || task.state === "cancelled"
  if (!Array.from(known.values()).some(isLost)) return () => none
  const found = new Map<string, ReadonlyArray<string>>()
  const openOf = ({ dependsOn }: Stored): ReadonlyArray<Stored> =>
    dependsOn.flatMap((id) => {
      const task = known.get(id)
      return task?.state === "open" ? [task] : []
    })
  return (task) => {
    const stack = [task]
    for (let last = stack[stack.length - 1]; last !== undefined; last = stack[stack.length - 1]) {
      const before = found.has(last.id) ? [] : openOf(last).filter(({ id }) => !found.has(id))
      stack.push(...before)
      if (before.length > 0) continue
      stack.pop()
      const lost = last.dependsOn.flatMap((id) => {
        const dependency = known.get(id)
        return dependency !== undefined && isLost(dependency) ? [id] : (found.get(id) ?? none)
      })
      found.set(last.id, lost.length === 0 ? none : [...new Set(lost)])
    }
    return found.get(task.id) ?? none
  }
}

/** Whether nothing will happen to it by itself any more. */
export const isSettled = ({ status, stuckOn }: Task): boolean =>
  status === "done" || status === "failed" || status === "cancelled" || stuckOn.length > 0

/** A circle of dependencies that goes through these tasks: its ids, the first one again at its end. */
export const cycle = (
  ids: Iterable<string>,
  dependenciesOf: (id: string) => ReadonlyArray<string>
): ReadonlyArray<string> | undefined => {
  const done = new Set<string>()
  for (const start of ids) {
    const path = [{ id: start, rest: dependenciesOf(start), at: 0 }]
    const above = new Set([start])
    for (let last = path[path.length - 1]; last !== undefined; last = path[path.length - 1]) {
      const next = last.rest[last.at++]
      if (next === undefined) {
        done.add(last.id)
        above.delete(last.id)
        path.pop()
      } else if (above.has(next)) {
        const ids = path.map(({ id }) => id)
        return [...ids.slice(ids.indexOf(next)), next]
      } else if (!done.has(next)) {
        path.push({ id: next, rest: dependenciesOf(next), at: 0 })
        above.add(next)
      }
    }
  }
  return undefined
}

/** What is wrong with what somebody wants a task to be. */
export const problem = (task: NewTask | TaskChange): string | undefined => {
  const name = task.title === undefined ? "the task" : `the task ${JSON.stringify(task.title.slice(0, 60))}`
  if (task.title !== undefined && isBlank(task.title)) return "a task has no title; give it one"
  if ("id" in task && task.id !== undefined && isBlank(task.id))
    return `${name} has an empty id; leave it out or name it`
  if (task.priority !== undefined && !Number.isFinite(task.priority)) {
    return `the priority of ${name} is ${task.priority}; give a number, higher ones are claimed first`
  }
  if (task.maxAttempts !== undefined && !(Number.isSafeInteger(task.maxAttempts) && task.maxAttempts >= 1)) {
    return `maxAttempts of ${name} is ${task.maxAttempts}; give a whole number of at least 1`
  }
  return undefined
}

export const isBlank = (text: string): boolean => text.trim() === ""

/** JSON, as any board gives it back; `undefined` for what has none. */
export const plain = (value: unknown): unknown => {
  if (value === undefined) return undefined
  try {
    const json: string | undefined = JSON.stringify(value)
    return json === undefined ? invalidResult : JSON.parse(json)
  } catch {
    return invalidResult
  }
}

export const invalidResult: unique symbol = Symbol("axonal/board/internal/invalidResult")

/** Why a worker has not, or no longer, what it believes to have. */
export const lost = (task: Stored, token: string): Refusal => {
  const { held, id, state } = task
  const what =
    state === "claimed" && held !== undefined && held.token !== token
      ? `${held.worker} has it now`
      : state === "claimed"
        ? "its lease ran out"
        : state === "open"
          ? `it is open again${task.reason === undefined ? "" : `: ${task.reason}`}`
          : `it is ${state}${task.reason === undefined ? "" : `: ${task.reason}`}`
  return new Refusal("LeaseLost", `this claim of task ${id} does not hold any more: ${what}. Stop working on it`, [id])
}

// internal

/** Only the fields that are there, and not these. */
const without = <Key extends keyof Stored>(task: Stored, ...keys: ReadonlyArray<Key>): Omit<Stored, Key> => {
  const rest = { ...task }
  for (const key of keys) Reflect.deleteProperty(rest, key)
  return rest
}
