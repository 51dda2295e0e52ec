/**
 * What the guard of a run says of a call, and what that means: it runs, it is refused, it runs otherwise, or a person is
 * asked.
 */
import * as Effect from "effect/Effect"
import * as Guard from "../guard/Guard.ts"
import * as Telemetry from "../telemetry/Telemetry.ts"
import type { Ready, Rejected, Soon } from "./Arguments.ts"
import * as Arguments from "./Arguments.ts"
import * as Run from "./Run.ts"

/**
 * A call about which a person has to be asked.
 *
 * @category models
 * @since 0.1.0
 */
export interface Asking {
  readonly _tag: "Asking"
  readonly ready: Ready
  readonly reason: string
  readonly category: string | undefined
}

/**
 * What a guard is told of a call.
 *
 * @category converters
 * @since 0.1.0
 */
export const callOf = (run: Run.Run, ready: Ready): Guard.Call => ({
  id: ready.id,
  tool: ready.entry.info,
  input: ready.input,
  run: run.id,
  session: run.session,
  agent: run.agent,
  turn: run.turn,
  identity: run.identity,
  ...(run.path === undefined ? undefined : { path: run.path })
})

/**
 * The verdict of the run's guard on a call.
 *
 * @category combinators
 * @since 0.1.0
 */
export const judged = (run: Run.Run, ready: Ready): Effect.Effect<Guard.Verdict> =>
  Run.paying(
    run,
    "guard",
    Telemetry.judged(
      run.traced,
      run.captureContent,
      { id: ready.id, tool: ready.name },
      Guard.judge(run.guard, callOf(run, ready))
    )
  )

/**
 * Writes a verdict as an event, unless the call goes ahead as it is.
 *
 * @category combinators
 * @since 0.1.0
 */
export const tell = (run: Run.Run, ready: Ready, verdict: Guard.Verdict): Effect.Effect<unknown> => {
  if (verdict._tag === "Allow") return Effect.void
  const { id, input, name } = ready
  const about = { call: id, name, verdict: words[verdict._tag], input: rewritten(verdict) ?? input }
  const why = verdict._tag === "Rewrite" ? undefined : { reason: verdict.reason }
  const category = verdict._tag === "Ask" && verdict.category !== undefined ? { category: verdict.category } : undefined
  return Run.emit(run, () => [Run.event(run, "GuardVerdict", { ...about, ...why, ...category })])
}

/**
 * The call after its guard. A guard that only reads annotations is not waited for.
 *
 * @category combinators
 * @since 0.1.0
 */
export const guard = (run: Run.Run, ready: Ready): Soon<Ready | Rejected | Asking> =>
  run.guard === Guard.standard
    ? judgement(ready, Guard.byAnnotations(ready.entry.info))
    : Effect.flatMap(judged(run, ready), (verdict) =>
        Effect.zipRight(tell(run, ready, verdict), Arguments.toEffect(judgement(ready, verdict)))
      )

/**
 * The arguments with which a verdict would have the call run, when they are others.
 *
 * @category converters
 * @since 0.1.0
 */
export const rewritten = (verdict: Guard.Verdict): unknown => ("input" in verdict ? verdict.input : undefined)

// internal

const words = { Rewrite: "rewrite", Deny: "deny", Ask: "ask" } as const

const judgement = (ready: Ready, verdict: Guard.Verdict): Soon<Ready | Rejected | Asking> => {
  switch (verdict._tag) {
    case "Allow":
      return ready
    case "Deny":
      return Arguments.reject(ready, ready.input, "denied", `Denied: ${verdict.reason}`)
    case "Rewrite":
      return Arguments.decode(ready.id, ready.entry, ready.execute, verdict.input)
    case "Ask": {
      const { category, reason } = verdict
      if (verdict.input === undefined) return { _tag: "Asking", ready, reason, category }
      return Effect.map(
        Arguments.toEffect(Arguments.decode(ready.id, ready.entry, ready.execute, verdict.input)),
        (next) => (next._tag === "Ready" ? { _tag: "Asking", ready: next, reason, category } : next)
      )
    }
  }
}
