/**
 * What a transport yields while a model answers. Plain objects without codecs: they live for microseconds and there are
 * many. The decoder of a transport assembles whole parts, so the loop reads only `PartEnd` and `Finish`.
 */
import type { ModelInfo } from "./ModelInfo.ts"
import type { FinishReason } from "./Outcome.ts"
import type * as Part from "./Part.ts"
import type { Usage } from "./Usage.ts"
import * as Usages from "./Usage.ts"

/**
 * The vendor accepted the request and named the response.
 *
 * @category models
 * @since 0.1.0
 */
export interface ResponseStart {
  readonly _tag: "ResponseStart"
  readonly id?: string | undefined
  readonly model?: string | undefined
}

/**
 * A part begins. `index` is the decoder's number for it, unique in the response; `name` is the tool's, if known yet.
 *
 * @category models
 * @since 0.1.0
 */
export interface PartStart {
  readonly _tag: "PartStart"
  readonly index: number
  readonly kind: Part.Part["type"]
  readonly name?: string | undefined
}

/**
 * A piece of visible text. Never empty.
 *
 * @category models
 * @since 0.1.0
 */
export interface TextDelta {
  readonly _tag: "TextDelta"
  readonly index: number
  readonly delta: string
}

/**
 * A piece of readable reasoning. Never empty.
 *
 * @category models
 * @since 0.1.0
 */
export interface ReasoningDelta {
  readonly _tag: "ReasoningDelta"
  readonly index: number
  readonly delta: string
}

/**
 * A piece of the JSON text of a call's arguments. Never empty.
 *
 * @category models
 * @since 0.1.0
 */
export interface ToolInputDelta {
  readonly _tag: "ToolInputDelta"
  readonly index: number
  readonly delta: string
}

/**
 * A part is complete. For tool calls `part.id` is the vendor's own id, or `""` where it sent none.
 *
 * @category models
 * @since 0.1.0
 */
export interface PartEnd {
  readonly _tag: "PartEnd"
  readonly index: number
  readonly part: Part.Part
}

/**
 * The answer is complete. A stream that ends without it was cut off.
 *
 * @category models
 * @since 0.1.0
 */
export interface Finish {
  readonly _tag: "Finish"
  readonly reason: FinishReason
  readonly usage: Usage
  readonly meta?: Part.Meta | undefined
}

/**
 * Anything a transport yields.
 *
 * @category models
 * @since 0.1.0
 */
export type Delta = ResponseStart | PartStart | TextDelta | ReasoningDelta | ToolInputDelta | PartEnd | Finish

/**
 * The deltas with what the answer cost in its finish, by the price of the model.
 *
 * @category combinators
 * @since 0.1.0
 */
export const priced = (deltas: ReadonlyArray<Delta>, { price }: ModelInfo): ReadonlyArray<Delta> =>
  price === undefined
    ? deltas
    : deltas.map((delta) => (delta._tag === "Finish" ? { ...delta, usage: Usages.priced(delta.usage, price) } : delta))
