/**
 * Looks now and then whether a command and all that it started are within their limits, and kills them when they are not. The
 * system's own limits are of one process or of one user.
 */
import * as Effect from "effect/Effect"
import type * as Sandbox from "../Sandbox.ts"
import type * as ProcessTable from "./processTable.ts"
import type { Ended } from "./running.ts"
import type { Tree } from "./tree.ts"

/** A watch that goes on until it is stopped, and then tells what it still does, if anything. */
export interface Watch {
  /** Which limit was exceeded, once one was. */
  readonly exceeded: () => Ended["reason"]
  readonly stop: () => Promise<void> | undefined
}

/** Watches, if there is a limit to watch; `between` processes are not the command's own. */
export const start = (tree: Tree, table: ProcessTable.Table, limits: Sandbox.Limits, between: number): Watch => {
  const mostBytes = limits.memoryBytes ?? Number.POSITIVE_INFINITY
  const mostProcesses = (limits.processes ?? Number.POSITIVE_INFINITY) + between
  let reason: Ended["reason"]
  let possible = 1

  const isOver = (members: ReadonlyArray<ProcessTable.Entry>): boolean =>
    sum(members, (entry) => entry.residentBytes) > mostBytes && sum(members, table.proportionalBytes) > mostBytes

  const look = Effect.gen(function* () {
    const members = yield* tree.members
    possible = members.length
    if (members.length > mostProcesses) reason ??= "too-many-processes"
    else if (isOver(members)) reason ??= "out-of-memory"
    if (reason !== undefined) yield* tree.kill
  })

  const exceeded = (): Ended["reason"] => reason
  if (!Number.isFinite(mostBytes) && !Number.isFinite(mostProcesses)) return { exceeded, stop: () => undefined }
  // Without a limit of memory it is enough to look when so many ids have been given that there may be too many.
  const isDue = (): boolean => {
    possible += tree.growth()
    return mostBytes !== Number.POSITIVE_INFINITY || possible > mostProcesses
  }
  // A timer rather than a fiber, since nearly all commands are over before it is due.
  return { exceeded, stop: repeatedly(isDue, () => Effect.runPromise(look)) }
}

// internal

const everyMillis = 50

/** Does it now and then, one at a time, until it is stopped; which answers what is still being done. */
const repeatedly = (isDue: () => boolean, task: () => Promise<void>): (() => Promise<void> | undefined) => {
  let doing: Promise<void> | undefined
  const timer = setInterval(() => {
    if (doing !== undefined || !isDue()) return
    // The table may not be there to be read for once; the next time comes soon.
    const done = (): void => {
      doing = undefined
    }
    doing = task().then(done, done)
  }, everyMillis)
  return () => {
    clearInterval(timer)
    return doing
  }
}

const sum = (members: ReadonlyArray<ProcessTable.Entry>, bytes: (entry: ProcessTable.Entry) => number): number =>
  members.reduce((total, entry) => total + bytes(entry), 0)
