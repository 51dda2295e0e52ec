/**
 * A command and all that it started, whatever these did to get away: leave its group and session, lose their parent, clear
 * their environment. They are known by marks that children inherit, by being children, and by the sessions of those known.
 */
import { constants } from "node:os"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as ProcessTable from "./processTable.ts"

export interface Tree {
  /** Those that run, as they were found. */
  readonly members: Effect.Effect<ReadonlyArray<ProcessTable.Entry>>
  readonly signal: (name: string) => Effect.Effect<void>
  /** Kills until none is left. Says so in the log when one cannot be. */
  readonly kill: Effect.Effect<void>
  readonly isGone: Effect.Effect<boolean>
  readonly gone: Effect.Effect<void>
  /** How many processes there can be more than when this was asked last: ids given since then, to anybody. */
  readonly growth: () => number
}

export interface Root {
  readonly pid: number
  readonly mark: ProcessTable.Mark
  /** Whether its end has been told, so that its id may be another's. */
  readonly isEnded: () => boolean
  /** Those that stand between us and the command, and hear KILL alone: ended by another signal they would take it along. */
  readonly isBetween?: ((entry: ProcessTable.Entry, root: number) => boolean) | undefined
}

/** The tree of a process that has just been started, in a session of its own. */
export const make = (table: ProcessTable.Table, root: Root): Tree => {
  const { isBetween, isEnded, mark, pid } = root
  const started = table.startOf(pid)
  const startedAt = performance.now()
  // By id, when they were started. None loses its marks once it has been seen with them, and no other gets them.
  const known = new Map<number, number>()
  // Its own was the last, or nearly so. Where it is not known which that is, it never is.
  let last = pid

  const isOurs = (entry: ProcessTable.Entry): boolean => {
    if (entry.pid === pid && entry.started === started) return true
    if (known.get(entry.pid) === entry.started) return true
    if (entry.started < started) return false
    if (entry.pid === pid && !isEnded()) return true
    return table.isMarked(entry, mark)
  }

  const members = Effect.map(
    Effect.promise(() => table.all()),
    (all) => {
      const found = new Map<number, ProcessTable.Entry>()
      const sessions = new Set<number>()
      const own = all.find((entry) => entry.pid === process.pid)?.session
      const add = (entry: ProcessTable.Entry): void => {
        found.set(entry.pid, entry)
        // Begun by one of ours, since commands begin in a session of their own; a terminal's a moment after its start.
        if (entry.session !== own) sessions.add(entry.session)
      }
      const others = all.filter((entry) => {
        if (!entry.isRunning || entry.started < started || entry.pid === process.pid) return false
        if (!isOurs(entry)) return true
        add(entry)
        return false
      })
      for (let before = -1; before !== found.size; ) {
        before = found.size
        for (const entry of others) if (found.has(entry.parent) || sessions.has(entry.session)) add(entry)
      }
      known.clear()
      for (const entry of found.values()) known.set(entry.pid, entry.started)
      return [...found.values()]
    }
  )

  const send = (entry: ProcessTable.Entry, name: NodeJS.Signals): void => {
    if (table.isStill(entry)) tell(entry.pid, name)
  }

  const signal = (name: string): Effect.Effect<void> => {
    const asked = signalOf(name)
    return Effect.map(members, (found) => {
      const spared = (entry: ProcessTable.Entry): boolean => isBetween?.(entry, pid) ?? false
      // All at once where that is possible: one that is told alone may start another before that is told.
      const asGroup = isBetween === undefined && !isEnded() && tell(-pid, asked)
      for (const entry of found) {
        if (!(asGroup && entry.group === pid) && !spared(entry)) send(entry, asked)
      }
      // One that is stopped hears of its end when it goes on.
      if (asked !== "SIGTERM") return
      if (asGroup) tell(-pid, "SIGCONT")
      for (const entry of found) if (!spared(entry)) send(entry, "SIGCONT")
    })
  }

  const isGone = Effect.suspend(() => {
    if (!isEnded()) return Effect.succeed(false)
    // Ids are given in turn. A command that was short cannot have seen all of them used up.
    const since = performance.now() - startedAt < shortMillis ? table.since(pid) : undefined
    if (since?.every((entry) => !entry.isRunning || !isOurs(entry)) === true) return Effect.succeed(true)
    return Effect.map(members, (found) => found.length === 0)
  })

  const gone = Effect.gen(function* () {
    for (let wait = 1; !(yield* isGone); wait = Math.min(wait * 2, mostWaitMillis)) yield* Effect.sleep(wait)
  }).pipe(Effect.withClock(Clock.make()))

  const kill = Effect.gen(function* () {
    const giveUpAt = performance.now() + killMillis
    for (let empty = 0, wait = 1; empty < 2; wait = Math.min(wait * 2, mostWaitMillis)) {
      if (!isEnded()) tell(-pid, "SIGKILL")
      const found = yield* members
      for (const entry of found) send(entry, "SIGKILL")
      empty = found.length === 0 && isEnded() ? empty + 1 : 0
      if (empty >= 2) return
      if (performance.now() > giveUpAt) {
        const pids = found.map((entry) => entry.pid).join(", ")
        return yield* Effect.logWarning(`Processes of a command could not be killed: ${pids}`)
      }
      if (empty === 0) yield* Effect.sleep(wait)
    }
  }).pipe(Effect.withClock(Clock.make()))

  return {
    members,
    signal,
    kill,
    isGone,
    gone,
    growth: () => {
      const before = last
      last = table.last()
      return last >= before ? last - before : Number.POSITIVE_INFINITY
    }
  }
}

// internal

const shortMillis = 1000
const mostWaitMillis = 32
const killMillis = 10_000

const isSignal = (name: string): name is NodeJS.Signals => Object.hasOwn(constants.signals, name)

const signalOf = (name: string): NodeJS.Signals => {
  if (isSignal(name)) return name
  throw new TypeError(`a signal must be one that this system has, such as "SIGINT", got ${JSON.stringify(name)}`)
}

/** Whether it was there to hear. One that may not be told by us runs with other rights. */
export const tell = (pid: number, name: NodeJS.Signals): boolean => {
  try {
    return process.kill(pid, name)
  } catch {
    return false
  }
}
