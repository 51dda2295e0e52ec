/**
 * Who may do what. A guard looks at one call before it runs and answers with a verdict. Guards are values that compose;
 * they have no error channel, and one that dies means no.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { CallId, RunId, SessionId } from "../domain/Ids.ts"
import type { Service as Identity } from "../context/Identity.ts"

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
}

/**
 * What a guard says: go ahead, go ahead with other arguments, no, or ask a person.
 *
 * @category models
 * @since 0.1.0
 */
export type Verdict =
  | { readonly _tag: "Allow" }
  | { readonly _tag: "Rewrite"; readonly input: unknown }
  | { readonly _tag: "Deny"; readonly reason: string }
  | { readonly _tag: "Ask"; readonly reason: string; readonly category?: string | undefined }

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

/** @category constructors @since 0.1.0 */
export const Allow: Verdict = { _tag: "Allow" }
/** @category constructors @since 0.1.0 */
export const Deny = (reason: string): Verdict => ({ _tag: "Deny", reason })
/** @category constructors @since 0.1.0 */
export const Ask = (reason: string, category?: string): Verdict => ({ _tag: "Ask", reason, category })
/** @category constructors @since 0.1.0 */
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
 * The guard of all calls. Without a layer it judges by annotations.
 *
 * @category references
 * @since 0.1.0
 */
export class Guard extends Context.Reference<Guard>()("axonal/guard/Guard", {
  defaultValue: (): Service => ({ check: (call) => Effect.succeed(byAnnotations(call.tool)) })
}) {}

/**
 * Layer of one guard.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (guard: Service): Layer.Layer<Guard> => Layer.succeed(Guard, guard)
