/**
 * Guards that are only watched. What a guard would have said is reported, and the call goes ahead: to see what a new rule
 * does to real work before it has the power to do it.
 */
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import { jsonText } from "../tool/ToolResult.ts"
import * as Guard from "./Guard.ts"
import * as MessageGuard from "./MessageGuard.ts"

/**
 * Guard that reports what another would have said, and allows every call.
 *
 * **Details**
 *
 * - `onVerdict` gets every verdict, `Allow` included; a guard that dies would have denied. It is told before the call goes
 *   ahead, so keep it short; when it dies, that is logged and nothing else happens.
 * - The call waits for the watched guard. Its rewrites are reported and not made.
 * - A call that another guard asks a person about is judged once more afterwards, and reported twice.
 *
 * @category combinators
 * @since 0.1.0
 */
export const report: {
  (
    onVerdict: (call: Guard.Call, verdict: Guard.Verdict) => Effect.Effect<unknown>
  ): (guard: Guard.Service) => Guard.Service
  (guard: Guard.Service, onVerdict: (call: Guard.Call, verdict: Guard.Verdict) => Effect.Effect<unknown>): Guard.Service
} = dual(
  2,
  (
    guard: Guard.Service,
    onVerdict: (call: Guard.Call, verdict: Guard.Verdict) => Effect.Effect<unknown>
  ): Guard.Service =>
    Guard.make((call) =>
      Effect.flatMap(Guard.judge(guard, call), (verdict) =>
        Effect.as(
          told(() => onVerdict(call, verdict)),
          Guard.Allow
        )
      )
    )
)

/**
 * Guard that enforces one guard, and reports where a candidate for its place would have said something else.
 *
 * **Details**
 *
 * - Both see the call as it is, and at the same time. They differ when the kind of verdict does, or what a rewrite makes of
 *   the arguments; the wording of reasons does not count.
 * - The candidate has no say: when it dies, it would have denied.
 *
 * @category combinators
 * @since 0.1.0
 */
export const compare = (
  guard: Guard.Service,
  candidate: Guard.Service,
  onDifference: (call: Guard.Call, verdict: Guard.Verdict, candidate: Guard.Verdict) => Effect.Effect<unknown>
): Guard.Service =>
  Guard.make((call) =>
    Effect.flatMap(
      Effect.all([Guard.judge(guard, call), Guard.judge(candidate, call)], { concurrency: 2 }),
      ([verdict, other]) =>
        outcome(verdict) === outcome(other)
          ? Effect.succeed(verdict)
          : Effect.as(
              told(() => onDifference(call, verdict, other)),
              verdict
            )
    )
  )

/**
 * Message guard that reports what another would have said, and lets every message pass as it is.
 *
 * **Details**
 *
 * - As `report`: every verdict is told, a guard that dies would have blocked, and a report that dies is logged.
 * - What the watched guard looks at is held back as it would be in force: `judgesAnswers`, `judgesResults`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const reportMessages: {
  (
    onVerdict: (subject: MessageGuard.Subject, verdict: MessageGuard.Verdict) => Effect.Effect<unknown>
  ): (guard: MessageGuard.Service) => MessageGuard.Service
  (
    guard: MessageGuard.Service,
    onVerdict: (subject: MessageGuard.Subject, verdict: MessageGuard.Verdict) => Effect.Effect<unknown>
  ): MessageGuard.Service
} = dual(
  2,
  (
    guard: MessageGuard.Service,
    onVerdict: (subject: MessageGuard.Subject, verdict: MessageGuard.Verdict) => Effect.Effect<unknown>
  ): MessageGuard.Service => ({
    ...guard,
    check: (subject) =>
      Effect.flatMap(MessageGuard.judge(guard, subject), (verdict) =>
        Effect.as(
          told(() => onVerdict(subject, verdict)),
          MessageGuard.Pass
        )
      )
  })
)

// internal

/** A report is heard by nobody who could act on its failure. Interruption stays interruption. */
const told = (report: () => Effect.Effect<unknown>): Effect.Effect<void> =>
  Effect.suspend(report).pipe(
    Effect.asVoid,
    Effect.catchAllDefect((defect) => Effect.logWarning("A report of what a guard would have said died", defect))
  )

/** What a verdict comes to, as text to compare. */
const outcome = (verdict: Guard.Verdict): string => {
  const input = verdict._tag === "Rewrite" || verdict._tag === "Ask" ? verdict.input : undefined
  return input === undefined ? verdict._tag : `${verdict._tag} ${jsonText(input)}`
}
