/**
 * The port as middleware sees it, whatever the type of its errors: what comes in, what goes out, and what of it a
 * person would notice.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type { Delta, Finish } from "../../../domain/Delta.ts"
import type { ModelInfo } from "../../../domain/ModelInfo.ts"
import type { Request } from "../../../domain/Request.ts"
import type { Failure } from "../failure.ts"

export type Replay = "safe" | "unknown" | "acknowledged"

/** What middleware reads of an error. */
export interface Failed {
  readonly vendor: string
  readonly model: string
  readonly reason: Failure
  readonly replay: Replay
  readonly isRetryable: boolean
}

export type Pull<E> = Effect.Effect<ReadonlyArray<Delta>, Option.Option<E>>

export interface Service<E> {
  readonly model: ModelInfo
  readonly open: (request: Request) => Effect.Effect<Pull<E>, E, Scope.Scope>
}

/** Makes an error of its own for a model. */
export type ErrorOf<E> = (
  model: Pick<Failed, "vendor"> & { readonly id: string },
  failure: Failure,
  replay: Replay
) => E

/** The end of an answer. */
export const ended: Effect.Effect<never, Option.Option<never>> = Effect.fail(Option.none())

/** Whether it is something to see or to act upon: text, reasoning, a call, a file. Never the mere beginning of it. */
export const isShown = (delta: Delta): boolean => {
  switch (delta._tag) {
    case "ResponseStart":
    case "PartStart":
    case "Finish":
      return false
    case "PartEnd":
      return (delta.part.type !== "reasoning" && delta.part.type !== "text") || delta.part.text !== ""
    default:
      return true
  }
}

/** The finish part, if this is the last of the answer. It never stands anywhere else. */
export const finishOf = (deltas: ReadonlyArray<Delta>): Finish | undefined => {
  const last = deltas.at(-1)
  return last?._tag === "Finish" ? last : undefined
}

/** The failure behind an answer that ended with an error, or without a word. */
export const failureOfEnd = (finish: Finish | undefined): Failure =>
  finish === undefined
    ? { _tag: "Network", message: "The answer ended before anything of it had arrived." }
    : { _tag: "Overloaded", message: "The vendor ended the answer with an error." }

/** The number, which is an option of this name, unless it is too small to mean anything. */
export const atLeast = (name: string, value: number, least: number): number => {
  if (!(value >= least)) throw new TypeError(`${name} must be at least ${least}, and is ${value}`)
  return value
}
