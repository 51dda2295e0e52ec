/**
 * Everything that happens to a call before its handler may see it: it is found, parsed, decoded, guarded and, if the
 * guard asks, approved. Whatever goes wrong becomes a short result that tells the model what to do better.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as AgentEvent from "../domain/AgentEvent.ts"
import type * as Part from "../domain/Part.ts"
import * as ToolResult from "../tool/ToolResult.ts"
import type { Pending } from "./Approving.ts"
import * as Approving from "./Approving.ts"
import type { Ready, Rejected, Soon } from "./Arguments.ts"
import * as Arguments from "./Arguments.ts"
import type { Asking } from "./Judging.ts"
import * as Judging from "./Judging.ts"
import * as Run from "./Run.ts"

/**
 * A call after preparation.
 *
 * @category models
 * @since 0.1.0
 */
export type Prepared = Ready | Rejected | Pending

/**
 * Prepares all calls of an answer, in order. Questions to a person are asked together once all calls are judged. Those that
 * will not run are noted by position as soon as that is known.
 *
 * @category combinators
 * @since 0.1.0
 */
export const prepare = (
  run: Run.Run,
  calls: ReadonlyArray<Part.ToolCall>,
  rejected: Array<Rejected | undefined>
): Effect.Effect<ReadonlyArray<Prepared>> =>
  Effect.suspend(() => {
    const parsed = calls.map((call) => ({ call, input: Arguments.parse(call.input) }))
    // Calls that waited for a person were announced by the run that made them.
    const wait =
      run.resumed !== undefined
        ? undefined
        : run.write(() =>
            parsed.map(
              ({ call, input }): AgentEvent.AgentEvent =>
                Run.event(run, "ToolCall", {
                  call: Arguments.idOf(call),
                  name: call.name,
                  input: Either.getOrElse(input, () => ({}))
                })
            )
          )
    const judged = parsed.map(({ call, input }) => one(run, call, input))
    return Run.after(wait, judged.every(isPrepared) ? Effect.succeed(judged) : inOrder(run, judged, rejected))
  })

/**
 * Decodes new arguments of a call that is ready, and has the guard judge them again. For hooks that rewrite. Arguments that
 * are the same are not judged again, nor is anybody asked about them again.
 *
 * @category combinators
 * @since 0.1.0
 */
export const again = (run: Run.Run, ready: Ready, input: unknown): Effect.Effect<Ready | Rejected> =>
  Effect.flatMap(Arguments.toEffect(Arguments.decode(ready.id, ready.entry, ready.execute, input)), (next) =>
    next._tag === "Rejected" || ToolResult.jsonText(next.input) === ToolResult.jsonText(ready.input)
      ? Effect.succeed(next)
      : Effect.flatMap(Arguments.toEffect(Judging.guard(run, next)), (item) =>
          Effect.map(settled(run, 2)(item), (settled) =>
            settled._tag === "Pending"
              ? Arguments.reject(
                  settled,
                  settled.input,
                  "denied",
                  "Denied: its arguments were changed when it was about to run."
                )
              : settled
          )
        )
  )

// internal

const isPrepared = (soon: Soon<Ready | Rejected | Asking>): soon is Ready | Rejected =>
  !Effect.isEffect(soon) && soon._tag !== "Asking"

const inOrder = (
  run: Run.Run,
  judged: ReadonlyArray<Soon<Ready | Rejected | Asking>>,
  rejected: Array<Rejected | undefined>
): Effect.Effect<ReadonlyArray<Prepared>> => {
  const noted = <A extends Prepared | Asking>(item: A, index: number): A => {
    if (item._tag === "Rejected") rejected[index] = item
    return item
  }
  return Effect.flatMap(
    Effect.forEach(judged, (soon, index) => Effect.map(Arguments.toEffect(soon), (item) => noted(item, index))),
    (items) => {
      const questions = items.filter((item) => item._tag === "Asking").length
      return Effect.forEach(
        items,
        (item, index) => Effect.map(settled(run, 1)(item), (prepared) => noted(prepared, index)),
        { concurrency: questions > 1 ? "unbounded" : 1 }
      )
    }
  )
}

const one = (
  run: Run.Run,
  call: Part.ToolCall,
  parsed: Either.Either<object, string>
): Soon<Ready | Rejected | Asking> => {
  const given = run.resumed?.get(Arguments.idOf(call))
  // A no stands whatever has become of the tool and its guard.
  if (given?.decision?.approved === false) return Approving.refused(given.question, given.decision)
  const decoded = Arguments.read(run, call, parsed)
  const next = (ready: Ready): Soon<Ready | Rejected | Asking> =>
    given?.decision === undefined
      ? Judging.guard(run, ready)
      : Approving.approved(run, ready, given.question.input, given.decision)
  if (!Effect.isEffect(decoded)) return decoded._tag === "Rejected" ? decoded : next(decoded)
  return Effect.flatMap(decoded, (item) =>
    item._tag === "Rejected" ? Effect.succeed(item) : Arguments.toEffect(next(item))
  )
}

const settled =
  (run: Run.Run, attempt: 1 | 2) =>
  (item: Ready | Rejected | Asking): Effect.Effect<Prepared> =>
    item._tag === "Asking" ? Approving.approve(run, item, attempt) : Effect.succeed(item)
