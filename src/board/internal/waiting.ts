/**
 * Waiting on a board: until it changes, or until a lease on it runs out, which nobody else would tell.
 */
import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { Pulse } from "./driver.ts"
import type { Change, Claim, Task } from "./model.ts"
import { Refusal } from "./model.ts"
import type { ClaimOptions, Operations } from "./operations.ts"
import * as Rules from "./rules.ts"

export type OnEmpty = "answer" | "wait" | "drain"

export const make = <F>(operations: Operations<F>) => {
  /** How far the board is, once every lease that ran out is put down as such. */
  const steady = (board: string): Effect.Effect<Pulse, F> =>
    Effect.flatMap(Effect.zip(operations.pulse(board), Clock.currentTimeMillis), ([pulse, now]) =>
      pulse.expiresAt === undefined || pulse.expiresAt > now
        ? Effect.succeed(pulse)
        : Effect.zipRight(operations.tend(board), operations.pulse(board))
    )

  const changed = (board: string, { expiresAt, revision }: Pulse): Effect.Effect<unknown> =>
    expiresAt === undefined
      ? operations.changed(board, revision)
      : Effect.flatMap(Clock.currentTimeMillis, (now) =>
          Effect.timeoutOption(operations.changed(board, revision), Math.max(1, expiresAt - now))
        )

  /** Looks, again after every change, until there is something. */
  const until = <A, E>(
    board: string,
    look: (pulse: Pulse) => Effect.Effect<A | undefined, E>
  ): Effect.Effect<A, E | F> =>
    Effect.flatMap(steady(board), (pulse) =>
      Effect.flatMap(look(pulse), (found) =>
        found === undefined ? Effect.zipRight(changed(board, pulse), until(board, look)) : Effect.succeed(found)
      )
    )

  const awaitTasks = (board: string, ids: ReadonlyArray<string>, mode: "all" | "any") => {
    if (ids.length === 0) return mode === "all" ? Effect.succeed<ReadonlyArray<Task>>([]) : Effect.fail(anyOfNone)
    return until(board, () =>
      Effect.map(operations.views(board, ids), (tasks) =>
        (mode === "all" ? tasks.every(Rules.isSettled) : tasks.some(Rules.isSettled)) ? tasks : undefined
      )
    )
  }

  const claimNext = (
    board: string,
    tag: string | undefined,
    onEmpty: OnEmpty,
    options: ClaimOptions
  ): Effect.Effect<Option.Option<Claim>, F> => {
    const now = operations.claimNext(board, tag, options)
    if (onEmpty === "answer") return Effect.map(now, Option.fromNullable)
    return until(board, () =>
      Effect.flatMap(now, (claim) => {
        if (claim !== undefined || onEmpty === "wait") return Effect.succeed(claim && Option.some(claim))
        return Effect.map(operations.list(board, {}), (tasks) =>
          tasks.every(Rules.isSettled) ? Option.none<Claim>() : undefined
        )
      })
    )
  }

  const changes = (board: string, after: number | undefined): Stream.Stream<Change, F> => {
    const start = after === undefined ? Effect.map(steady(board), ({ revision }) => revision) : Effect.succeed(after)
    const following = (seen: number) =>
      until(board, ({ revision }) => (revision > seen ? changesAfter(board, seen) : Effect.succeed(undefined)))
    return Stream.unwrap(
      Effect.map(start, (first) =>
        Stream.unfoldChunkEffect(first, (seen) =>
          Effect.map(following(seen), (found) =>
            Option.some([Chunk.unsafeFromArray(found), found[found.length - 1]?.revision ?? seen] as const)
          )
        )
      )
    )
  }

  const changesAfter = (board: string, seen: number) =>
    Effect.map(operations.changedAfter(board, seen), ({ notes, tasks }) => {
      const found: ReadonlyArray<Change> = [
        ...tasks.map((task) => ({ _tag: "TaskChanged", revision: task.revision, task }) as const),
        ...notes.map((note) => ({ _tag: "NoteAdded", revision: note.revision, note }) as const)
      ].sort((left, right) => left.revision - right.revision)
      return found.length === 0 ? undefined : found
    })

  return { awaitTasks, claimNext, changes }
}

// internal

const anyOfNone = new Refusal("Invalid", "waiting for any of no tasks would never end; name at least one")
