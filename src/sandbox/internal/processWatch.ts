/**
 * Looks now and then whether a command and all that it started are within their limits, and kills them when they are not. The
 * system's own limits are of one process or of one user.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Sandbox from "../Sandbox.ts"
import type * as ProcessTable from "./processTable.ts"
import type { Ended } from "./running.ts"
import type { Tree } from "./tree.ts"

/**
 * Watches until the scope closes, if there is a limit to watch; `between` processes are not the command's own. Answers which
 * one was exceeded, once one was.
 */
export const start = (
  tree: Tree,
  table: ProcessTable.Table,
  limits: Sandbox.Limits,
  between: number
): Effect.Effect<() => Ended["reason"], never, Scope.Scope> => {
  const mostBytes = limits.memoryBytes ?? Number.POSITIVE_INFINITY
  const mostProcesses = (limits.processes ?? Number.POSITIVE_INFINITY) + between
  let reason: Ended["reason"]
  let possible = 1

  const isOver = (members: ReadonlyArray<ProcessTable.Entry>): boolean =>
    sum(members, (entry) => entry.residentBytes) > mostBytes && sum(members, table.proportionalBytes) > mostBytes

  const look = Effect.gen(function* () {
    // Without a limit of memory it is enough to look when so many ids have been given that there may be too many.
    possible += tree.growth()
    if (mostBytes === Number.POSITIVE_INFINITY && possible <= mostProcesses) return
    const members = yield* tree.members
    possible = members.length
    if (members.length > mostProcesses) reason ??= "too-many-processes"
    else if (isOver(members)) reason ??= "out-of-memory"
    if (reason !== undefined) yield* tree.kill
  })

  const answer = (): Ended["reason"] => reason
  if (!Number.isFinite(mostBytes) && !Number.isFinite(mostProcesses)) return Effect.succeed(answer)
  return Effect.sleep(everyMillis).pipe(
    Effect.zipRight(look),
    Effect.forever,
    // The machine's time, whatever the program takes for it.
    Effect.withClock(Clock.make()),
    Effect.interruptible,
    Effect.forkScoped,
    Effect.as(answer)
  )
}

// internal

const everyMillis = 50

const sum = (members: ReadonlyArray<ProcessTable.Entry>, bytes: (entry: ProcessTable.Entry) => number): number =>
  members.reduce((total, entry) => total + bytes(entry), 0)
