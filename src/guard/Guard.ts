/**
 * Who may do what. A guard looks at one call before it runs and answers with a verdict. Guards are values that compose;
 * they have no error channel, and one that dies means no.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Layer from "effect/Layer"
import type { Service as Identity } from "../context/Identity.ts"
import type { CallId, PathStep, RunId, SessionId } from "../domain/Ids.ts"

/**
 * What a guard is told about a tool.
 *
 * **Details**
 *
 * - `origin`: `application` for tools that the program itself declares, `external` for tools that come from elsewhere.
 * - `readOnly`, `destructive`, `needsApproval`: as annotated; `undefined` when the tool does not say.
 *
 * @category models
 * @since 0.1.0
 */
export interface ToolInfo {
  readonly name: string
  readonly origin: "application" | "external"
  readonly readOnly?: boolean | undefined
  readonly destructive?: boolean | undefined
  readonly needsApproval?: boolean | undefined
}

/**
 * The call to be judged. `input` is what the handler would get, as JSON: decoded, defaults filled in, unknown keys gone.
 * `path` is the way from the root run to this one, absent when it is the root.
 *
 * @category models
 * @since 0.1.0
 */
export interface Call {
  readonly id: CallId
  readonly tool: ToolInfo
  readonly input: unknown
  readonly run: RunId
  readonly session: SessionId
  readonly agent: string
  readonly turn: number
  readonly identity: Identity
  readonly path?: ReadonlyArray<PathStep> | undefined
}

/**
 * What a guard says: go ahead, go ahead with other arguments, no, or ask a person.
 *
 * **Details**
 *
 * - `Ask.input`: the arguments to ask about and to run with, when a guard before rewrote them; absent when nobody did.
 *
 * @category models
 * @since 0.1.0
 */
export type Verdict =
  | { readonly _tag: "Allow" }
  | { readonly _tag: "Rewrite"; readonly input: unknown }
  | { readonly _tag: "Deny"; readonly reason: string }
  | {
      readonly _tag: "Ask"
      readonly reason: string
      readonly category?: string | undefined
      readonly input?: unknown
    }

/**
 * What a guard does.
 *
 * @category models
 * @since 0.1.0
 */
export interface Service {
  /** Judges a call. Must not have effects that a denied call should not have. */
  readonly check: (call: Call) => Effect.Effect<Verdict>
}

/**
 * The verdict that lets a call go ahead as it is.
 *
 * @category constructors
 * @since 0.1.0
 */
export const Allow: Verdict = { _tag: "Allow" }

/**
 * Makes the verdict that refuses a call. The model reads the reason.
 *
 * @category constructors
 * @since 0.1.0
 */
export const Deny = (reason: string): Verdict => ({ _tag: "Deny", reason })

/**
 * Makes the verdict that leaves a call to a person. The category says what kind of question it is.
 *
 * @category constructors
 * @since 0.1.0
 */
export const Ask = (reason: string, category?: string): Verdict =>
  category === undefined ? { _tag: "Ask", reason } : { _tag: "Ask", reason, category }

/**
 * Makes the verdict that lets a call go ahead with other arguments. They are decoded like the model's own.
 *
 * @category constructors
 * @since 0.1.0
 */
export const Rewrite = (input: unknown): Verdict => ({ _tag: "Rewrite", input })

/**
 * The verdict when no guard is provided, by what the tool says of itself.
 *
 * **Details**
 *
 * - A tool that needs approval or is explicitly destructive asks.
 * - A tool from elsewhere asks unless it is explicitly read-only. Anything else runs.
 *
 * @category constructors
 * @since 0.1.0
 */
export const byAnnotations = (tool: ToolInfo): Verdict => {
  if (tool.needsApproval === true) return Ask(`${tool.name} needs approval`)
  if (tool.destructive === true) return Ask(`${tool.name} may destroy something`)
  if (tool.origin === "external" && tool.readOnly !== true) return Ask(`${tool.name} comes from outside this program`)
  return Allow
}

/**
 * The guard when none is provided: it judges by annotations.
 *
 * @category constructors
 * @since 0.1.0
 */
export const standard: Service = { check: (call) => Effect.sync(() => byAnnotations(call.tool)) }

/**
 * The guard of all calls. Without a layer it judges by annotations.
 *
 * @category references
 * @since 0.1.0
 */
export class Guard extends Context.Reference<Guard>()("axonal/guard/Guard", {
  defaultValue: (): Service => standard
}) {}

/**
 * Makes a guard of a function.
 *
 * **Example**
 *
 * ```ts
 * const weekdays = Guard.make((call) =>
 *   Effect.map(DateTime.now, (now) => isWeekend(now) ? Guard.Deny(`${call.tool.name} rests on weekends`) : Guard.Allow)
 * )
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (check: (call: Call) => Effect.Effect<Verdict>): Service => ({ check })

/**
 * Guard that lets every call go ahead.
 *
 * @category constructors
 * @since 0.1.0
 */
export const allow: Service = make(() => Effect.succeed(Allow))

/**
 * Makes a guard that refuses every call.
 *
 * @category constructors
 * @since 0.1.0
 */
export const deny = (reason = "it is not allowed here"): Service => make(() => Effect.succeed(Deny(reason)))

/**
 * Has a guard judge a call, closed to failure: one that dies has said no.
 *
 * **Details**
 *
 * - The reason that the model reads does not name the defect; the log does, as a warning.
 * - Interruption stays interruption.
 *
 * @category combinators
 * @since 0.1.0
 */
export const judge = (guard: Service, call: Call): Effect.Effect<Verdict> =>
  Effect.catchAllCause(
    Effect.suspend(() => guard.check(call)),
    (cause) =>
      Cause.isInterrupted(cause)
        ? Effect.failCause(cause)
        : Effect.as(Effect.logWarning(`The guard of ${call.tool.name} died; the call is denied`, cause), died)
  )

/**
 * Guard that asks all guards, and the strictest wins: `Deny` over `Ask` over `Rewrite` and `Allow`.
 *
 * **Details**
 *
 * - In order, one after the other: a guard sees the arguments as the ones before it rewrote them, and the last rewrite
 *   is the verdict's. The first `Deny` ends it, and no later guard is asked.
 * - Several `Ask`: one question with all reasons. It has a category when they all name the same.
 * - Associative, with `allow` as its neutral element; without guards it is `allow`. A guard that dies has denied.
 *
 * @category combinators
 * @since 0.1.0
 */
export const all = (...guards: ReadonlyArray<Service>): Service =>
  make((call) => {
    const from = (index: number, verdict: Verdict): Effect.Effect<Verdict> => {
      const guard = guards[index]
      if (guard === undefined || verdict._tag === "Deny") return Effect.succeed(verdict)
      const input = rewritten(verdict)
      return Effect.flatMap(judge(guard, input === undefined ? call : { ...call, input }), (next) =>
        from(index + 1, both(verdict, next))
      )
    }
    return from(0, Allow)
  })

/**
 * Guard that asks guards until one lets the call go ahead; if none does, an `Ask` wins over every `Deny`.
 *
 * **Details**
 *
 * - In order, one after the other. Every guard sees the arguments of the call; rewrites do not compose.
 * - `Allow` and `Rewrite` go ahead, and the first of them ends it. Otherwise the first `Ask` is the verdict, and if all
 *   deny, a `Deny` with their reasons joined.
 * - Without guards nobody allows anything. A guard that dies has denied.
 *
 * @category combinators
 * @since 0.1.0
 */
export const any = (...guards: ReadonlyArray<Service>): Service =>
  make((call) => {
    const from = (index: number, best: Verdict | undefined): Effect.Effect<Verdict> => {
      const guard = guards[index]
      if (guard === undefined) return Effect.succeed(best ?? Deny("no guard allows it"))
      return Effect.flatMap(judge(guard, call), (next) =>
        next._tag === "Allow" || next._tag === "Rewrite" ? Effect.succeed(next) : from(index + 1, either(best, next))
      )
    }
    return from(0, undefined)
  })

/**
 * Restricts a guard to some tools, by name or by what is known of them. Calls of other tools are allowed.
 *
 * @category combinators
 * @since 0.1.0
 */
export const forTools: {
  (tools: ReadonlyArray<string> | ((tool: ToolInfo) => boolean)): (guard: Service) => Service
  (guard: Service, tools: ReadonlyArray<string> | ((tool: ToolInfo) => boolean)): Service
} = dual(2, (guard: Service, tools: ReadonlyArray<string> | ((tool: ToolInfo) => boolean)): Service => {
  const applies = typeof tools === "function" ? tools : named(tools)
  return make((call) => (applies(call.tool) ? guard.check(call) : Effect.succeed(Allow)))
})

/**
 * Guard that judges one call at a time, for guards with a conversation of their own or a shared budget.
 *
 * **Details**
 *
 * - The others wait in order. A check that dies or is interrupted gives its place to the next.
 * - One line per guard value, shared by all runs that use it.
 *
 * @category combinators
 * @since 0.1.0
 */
export const serialized = (guard: Service): Service => {
  const turnstile = Effect.unsafeMakeSemaphore(1)
  return make((call) => turnstile.withPermits(1)(Effect.suspend(() => guard.check(call))))
}

/**
 * Layer of one guard.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (guard: Service): Layer.Layer<Guard> => Layer.succeed(Guard, guard)

/**
 * Layer that lets every call go ahead, whatever tools say of themselves. For tests and for sandboxes.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerAllow: Layer.Layer<Guard> = layer(allow)

/**
 * Layer that refuses every call.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerDeny: Layer.Layer<Guard> = layer(deny())

// internal

const died: Verdict = Deny("its guard failed, and what could not be checked does not run")

const named = (names: ReadonlyArray<string>): ((tool: ToolInfo) => boolean) => {
  const known = new Set(names)
  return (tool) => known.has(tool.name)
}

const rewritten = (verdict: Verdict): unknown =>
  verdict._tag === "Rewrite" || verdict._tag === "Ask" ? verdict.input : undefined

/** The stricter of two verdicts, where `next` judged the arguments that `verdict` left. */
const both = (verdict: Verdict, next: Verdict): Verdict => {
  if (next._tag === "Deny" || verdict._tag === "Allow") return next
  if (verdict._tag === "Ask") {
    const input = rewritten(next) ?? verdict.input
    if (next._tag !== "Ask") return asked(verdict.reason, verdict.category, input)
    const category = verdict.category === next.category ? verdict.category : undefined
    return asked(`${verdict.reason}; ${next.reason}`, category, input)
  }
  return next._tag === "Ask"
    ? asked(next.reason, next.category, rewritten(next) ?? rewritten(verdict))
    : next._tag === "Rewrite"
      ? next
      : verdict
}

const asked = (reason: string, category: string | undefined, input: unknown): Verdict => ({
  _tag: "Ask",
  reason,
  ...(category === undefined ? undefined : { category }),
  ...(input === undefined ? undefined : { input })
})

/** The more lenient of two verdicts of which neither lets the call go ahead. */
const either = (best: Verdict | undefined, next: Verdict): Verdict => {
  if (best === undefined || (best._tag === "Deny" && next._tag === "Ask")) return next
  return best._tag === "Deny" && next._tag === "Deny" ? Deny(`${best.reason}; ${next.reason}`) : best
}
