/**
 * Everything that happens to a call before its handler may see it: it is found, parsed, decoded, guarded and, if the
 * guard asks, approved. Whatever goes wrong becomes a short result that tells the model what to do better.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as AgentEvent from "../domain/AgentEvent.ts"
import type * as Part from "../domain/Part.ts"
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
 * Prepares all calls of an answer, in order. Questions to a person are asked together once all calls are judged.
 *
 * @category combinators
 * @since 0.1.0
 */
export const prepare = (run: Run.Run, calls: ReadonlyArray<Part.ToolCall>): Effect.Effect<ReadonlyArray<Prepared>> =>
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
    return Run.after(wait, judged.every(isPrepared) ? Effect.succeed(judged) : inOrder(run, judged))
  })

/**
 * Decodes new arguments of a call that is ready, and has the guard judge them again. For hooks that rewrite.
 *
 * @category combinators
 * @since 0.1.0
 */
export const again = (run: Run.Run, ready: Ready, input: unknown): Effect.Effect<Ready | Rejected> =>
  Effect.flatMap(Arguments.toEffect(Arguments.decode(ready.id, ready.entry, ready.execute, input)), (next) =>
    next._tag === "Rejected"
      ? Effect.succeed(next)
      : Effect.flatMap(Arguments.toEffect(Judging.guard(run, next)), (item) =>
          Effect.map(settled(run)(item), (settled) =>
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
  judged: ReadonlyArray<Soon<Ready | Rejected | Asking>>
): Effect.Effect<ReadonlyArray<Prepared>> =>
  Effect.flatMap(Effect.forEach(judged, Arguments.toEffect), (items) => {
    const questions = items.filter((item) => item._tag === "Asking").length
    return Effect.forEach(items, settled(run), { concurrency: questions > 1 ? "unbounded" : 1 })
  })

const one = (
  run: Run.Run,
  call: Part.ToolCall,
  parsed: Either.Either<object, string>
): Soon<Ready | Rejected | Asking> => {
  const decoded = Arguments.read(run, call, parsed)
  if (!Effect.isEffect(decoded)) return decoded._tag === "Rejected" ? decoded : Judging.guard(run, decoded)
  return Effect.flatMap(decoded, (next) =>
    next._tag === "Rejected" ? Effect.succeed(next) : Arguments.toEffect(Judging.guard(run, next))
  )
}

const settled =
  (run: Run.Run) =>
  (item: Ready | Rejected | Asking): Effect.Effect<Prepared> =>
    item._tag === "Asking" ? Approving.approve(run, item) : Effect.succeed(item)
