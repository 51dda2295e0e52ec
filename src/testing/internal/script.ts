/**
 * From the steps of a scripted answer to the deltas, waits and failures that it consists of, and from those to pulls.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Delta } from "../../domain/Delta.ts"
import type { ModelInfo } from "../../domain/ModelInfo.ts"
import type { FinishReason } from "../../domain/Outcome.ts"
import type { Part } from "../../domain/Part.ts"
import * as Usage from "../../domain/Usage.ts"

export interface Wait {
  readonly _tag: "Wait"
  readonly until: Effect.Effect<unknown>
}

/** `failure` makes the error for this model; `begun` when part of the answer has gone out. */
export type Break<E> =
  | { readonly _tag: "Cut" }
  | { readonly _tag: "Error"; readonly failure: (model: ModelInfo, begun: boolean) => E }

export type Piece<E> = string | Wait | Break<E>

export type Step<E> =
  | Wait
  | Break<E>
  | { readonly _tag: "Part"; readonly part: Part; readonly pieces?: ReadonlyArray<Piece<E>> | undefined }
  | { readonly _tag: "Delta"; readonly delta: Delta }
  | { readonly _tag: "Usage"; readonly usage: Usage.Usage }
  | { readonly _tag: "Finish"; readonly reason: FinishReason }

export type Instruction<E> = Delta | Wait | { readonly _tag: "Fail"; readonly error: E }

export interface Options {
  readonly id: string
  readonly model: ModelInfo
  readonly deltaLength?: number | undefined
}

/** What a turn consists of, in wire order. Nothing stands after its finish part, its cut or its failure. */
export const compile = <E>(steps: ReadonlyArray<Step<E>>, options: Options): ReadonlyArray<Instruction<E>> => {
  const writer: Writer<E> = { options, program: [], parts: 0, begun: false }
  let usage = Usage.make({ input: 10, output: 5 })
  let calls = false
  for (const step of steps) {
    switch (step._tag) {
      case "Usage":
        usage = step.usage
        break
      case "Delta":
        emit(writer, step.delta)
        break
      case "Finish":
        emit(writer, { _tag: "Finish", reason: step.reason, usage: priced(usage, options.model) })
        return writer.program
      case "Part":
        if (step.part.type === "tool-call" && step.part.transportExecuted !== true) calls = true
        if (write(writer, step.part, step.pieces ?? piecesOf(step.part))) return writer.program
        break
      default:
        if (happens(writer, step)) return writer.program
    }
  }
  emit(writer, { _tag: "Finish", reason: calls ? "tool-calls" : "stop", usage: priced(usage, options.model) })
  return writer.program
}

/** An open answer: refused at once when nothing but waits stands before its failure, pulled otherwise. */
export const play = <E>(
  program: ReadonlyArray<Instruction<E>>,
  deltasPerPull: number = Number.POSITIVE_INFINITY
): Effect.Effect<Effect.Effect<ReadonlyArray<Delta>, Option.Option<E>>, E> => {
  let at = 0
  const most = Math.max(1, deltasPerPull)
  const pull: Effect.Effect<ReadonlyArray<Delta>, Option.Option<E>> = Effect.suspend(() => {
    const deltas: Array<Delta> = []
    let next = program[at]
    while (next !== undefined && next._tag !== "Wait" && next._tag !== "Fail" && deltas.length < most) {
      deltas.push(next)
      next = program[++at]
    }
    if (deltas.length > 0) return Effect.succeed(deltas)
    if (next?._tag === "Wait") {
      // The step is over when it has waited: a pull that was interrupted waits again.
      return Effect.flatMap(next.until, () => {
        at++
        return pull
      })
    }
    at = program.length
    return Effect.fail(next?._tag === "Fail" ? Option.some(next.error) : Option.none())
  })
  const first = program.find((instruction) => instruction._tag !== "Wait")
  return first?._tag === "Fail"
    ? Effect.catchAll(Effect.as(pull, pull), () => Effect.fail(first.error))
    : Effect.succeed(pull)
}

const priced = (usage: Usage.Usage, { price }: ModelInfo): Usage.Usage =>
  price === undefined ? usage : Usage.priced(usage, price)

interface Writer<E> {
  readonly options: Options
  readonly program: Array<Instruction<E>>
  /** How many parts have begun. */
  parts: number
  /** Whether a delta has gone out. */
  begun: boolean
}

const emit = <E>(writer: Writer<E>, delta: Delta): void => {
  const { id, model } = writer.options
  if (!writer.begun && delta._tag !== "ResponseStart") {
    writer.program.push({ _tag: "ResponseStart", id, model: model.id })
  }
  writer.begun = true
  writer.program.push(delta)
}

/** Writes what happens between deltas, and tells whether it is the end. */
const happens = <E>(writer: Writer<E>, step: Wait | Break<E>): boolean => {
  if (step._tag === "Wait") {
    writer.program.push(step)
    return false
  }
  if (step._tag === "Error") {
    writer.program.push({ _tag: "Fail", error: step.failure(writer.options.model, writer.begun) })
  }
  return true
}

/** Writes a part, and tells whether something in it is the end. */
const write = <E>(writer: Writer<E>, part: Part, pieces: ReadonlyArray<Piece<E>>): boolean => {
  const index = writer.parts++
  const name = part.type === "tool-call" ? { name: part.name } : undefined
  emit(writer, { _tag: "PartStart", index, kind: part.type, ...name })
  for (const piece of pieces) {
    if (typeof piece !== "string") {
      if (happens(writer, piece)) return true
    } else {
      for (const delta of slices(piece, writer.options.deltaLength)) emit(writer, deltaOf(part, index, delta))
    }
  }
  emit(writer, { _tag: "PartEnd", index, part })
  return false
}

const piecesOf = (part: Part): ReadonlyArray<string> => {
  if (part.type === "text" || part.type === "reasoning") return [part.text]
  return part.type === "tool-call" ? [part.input] : []
}

const deltaOf = (part: Part, index: number, delta: string): Delta => {
  if (part.type === "tool-call") return { _tag: "ToolInputDelta", index, delta }
  return { _tag: part.type === "reasoning" ? "ReasoningDelta" : "TextDelta", index, delta }
}

/** Never an empty one: an empty delta is none. */
const slices = (value: string, length: number = Number.POSITIVE_INFINITY): ReadonlyArray<string> => {
  const step = Math.max(1, length)
  if (value.length <= step) return value === "" ? [] : [value]
  const out: Array<string> = []
  for (let at = 0; at < value.length; at += step) out.push(value.slice(at, at + step))
  return out
}
