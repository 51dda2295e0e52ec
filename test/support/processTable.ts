/**
 * Which processes of this machine are there: tests give theirs an argument that no other has.
 */
import { readdirSync, readFileSync } from "node:fs"
import * as Effect from "effect/Effect"

let words = 0

/** Seconds to sleep that nobody else sleeps, by which a process is found. */
export const word = (): string => `${86_000 + (process.pid % 400)}.${process.pid}${++words}`

/** The processes that have the word among their arguments, without what is left of ended ones. */
export const running = (word: string): Effect.Effect<ReadonlyArray<number>> =>
  Effect.sync(() =>
    readdirSync("/proc").flatMap((name) => {
      const pid = Number(name)
      if (!Number.isInteger(pid)) return []
      return text(`/proc/${pid}/cmdline`).split("\0").includes(word) ? [pid] : []
    })
  )

/** Waits until so many processes have the word among their arguments. */
export const until = (word: string, count: number): Effect.Effect<ReadonlyArray<number>> =>
  Effect.flatMap(running(word), (pids) =>
    pids.length === count
      ? Effect.succeed(pids)
      : Effect.zipRight(
          Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 5))),
          until(word, count)
        )
  )

/** What a process has written so far, in bytes. */
export const written = (pid: number): number => Number(/^wchar: (\d+)$/m.exec(text(`/proc/${pid}/io`))?.[1] ?? 0)

const text = (path: string): string => {
  try {
    return readFileSync(path, "utf8")
  } catch {
    return ""
  }
}
