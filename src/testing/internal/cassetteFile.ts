/**
 * What a cassette is on disk: JSON with its keys in order and one delta per line, so that a new recording shows in a
 * diff what has changed. Version 1. The form is public: a change of it needs a new number and a reader of the old one.
 */
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import type { Delta } from "../../domain/Delta.ts"
import { ModelInfo } from "../../domain/ModelInfo.ts"
import { sorted } from "../../domain/Request.ts"
import { TransportError } from "../../transport/TransportError.ts"
import type { Scrub } from "./cassetteSecrets.ts"

/** One request and what came of it. `opened` is false when the request itself failed. */
export interface Interaction {
  readonly request: unknown
  readonly opened: boolean
  readonly deltas: ReadonlyArray<Delta>
  readonly error?: TransportError | undefined
}

export interface Tape {
  readonly model: ModelInfo
  readonly interactions: ReadonlyArray<Interaction>
}

const tags: ReadonlySet<unknown> = new Set<Delta["_tag"]>([
  "ResponseStart",
  "PartStart",
  "TextDelta",
  "ReasoningDelta",
  "ToolInputDelta",
  "PartEnd",
  "Finish"
])

const DeltaOnTape = Schema.declare(
  (value): value is Delta => typeof value === "object" && value !== null && "_tag" in value && tags.has(value._tag),
  { identifier: "Delta" }
)

const Version1 = Schema.Struct({
  version: Schema.Literal(1),
  model: ModelInfo,
  interactions: Schema.Array(
    Schema.Struct({
      request: Schema.Unknown,
      opened: Schema.optionalWith(Schema.Boolean, { default: () => true }),
      deltas: Schema.Array(DeltaOnTape),
      error: Schema.optional(TransportError)
    })
  )
})

const decode = Schema.decodeUnknownEither(Schema.parseJson(Version1))

/** The recording in a file, or what is wrong with the text, without the whole of what was expected. */
export const parse = (text: string): Either.Either<Tape, string> =>
  Either.mapLeft(decode(text), (error) => {
    const [{ message = "", path = [] } = {}] = ParseResult.ArrayFormatter.formatErrorSync(error)
    return `it is no recording of version 1: ${path.length === 0 ? "" : `${path.join(".")}: `}${message}.`
  })

const encodeError = Schema.encodeSync(TransportError)

/** The text of the file. */
export const render = ({ interactions, model }: Tape): string =>
  [
    "{",
    `  "version": 1,`,
    `  "model": ${line(model)},`,
    `  "interactions": [`,
    interactions
      .map(({ deltas, error, opened, request }) =>
        [
          "    {",
          `      "request": ${pretty(request).replaceAll("\n", "\n      ")},`,
          ...(opened ? [] : [`      "opened": false,`]),
          ...(error === undefined ? [] : [`      "error": ${line(encodeError(error))},`]),
          deltas.length === 0 ? `      "deltas": []` : `      "deltas": [`,
          ...deltas.map((delta, index) => `        ${line(delta)}${index === deltas.length - 1 ? "" : ","}`),
          ...(deltas.length === 0 ? [] : ["      ]"]),
          "    }"
        ].join("\n")
      )
      .join(",\n"),
    "  ]",
    "}",
    ""
  ].join("\n")

/** The same failure without secrets in what the vendor said. */
export const scrubError = (scrub: Scrub, { model, reason, replay, vendor }: TransportError): TransportError =>
  new TransportError({ vendor, model, replay, reason: scrub(reason) })

/** By this requests are told apart. */
export const keyOf = (request: unknown): string => line(request)

/** A request as people read it: texts of several lines on several lines. */
export const linesOf = (request: unknown): ReadonlyArray<string> =>
  pretty(request)
    .split("\n")
    .flatMap((text) => {
      const [first = "", ...rest] = text.split(/(?<=[^\\]\\n)/)
      const indent = /^ */.exec(text)?.[0] ?? ""
      return [first, ...rest.map((more) => `${indent}  ${more}`)]
    })

// internal

const line = (value: unknown): string => JSON.stringify(sorted(value))

const pretty = (value: unknown): string => JSON.stringify(sorted(value), undefined, 2)
