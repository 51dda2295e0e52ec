/**
 * `--output-schema`: the JSON schema of a file that a single answer has to fit. Whoever asks with one gets JSON that fits it,
 * or an exit code.
 */
import type { AnySchemaObject, ValidateFunction } from "ajv"
import { Ajv } from "ajv"
import { Ajv2019 } from "ajv/dist/2019.js"
import { Ajv2020 } from "ajv/dist/2020.js"
import formats from "ajv-formats"
import * as Effect from "effect/Effect"
import type * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as Output from "../../agent/Output.ts"
import { systemCode, UsageError } from "../errors.ts"
import { textOf } from "../internal/fileText.ts"
import { oneLine } from "../internal/words.ts"

/**
 * The output of a file with a JSON schema. The answer is the text of the JSON.
 *
 * **Details**
 *
 * - Drafts 6, 7, 2019-09 and 2020-12, as `$schema` says; 2020-12 when it says nothing. References lead within the file.
 * - Errors: a file that cannot be read, is no JSON, or holds no schema.
 *
 * @category constructors
 * @since 0.1.0
 */
export const load = (file: string): Effect.Effect<Output.Output<string>, UsageError> =>
  Effect.try({
    try: () => {
      const schema: unknown = JSON.parse(textOf(file).replace(/^\ufeff/, ""))
      if (!isObject(schema)) throw new TypeError("a JSON schema is an object")
      return make(schema)
    },
    catch: (error) => {
      if (systemCode(error) === "ENOENT")
        return new UsageError({ message: oneLine(`--output-schema ${file} is not there`) })
      const words = error instanceof Error ? error.message : String(error)
      return new UsageError({ message: oneLine(`--output-schema ${file} is no schema to answer by: ${words}`) })
    }
  })

// internal

const isObject = (value: unknown): value is AnySchemaObject =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const make = (schema: AnySchemaObject): Output.Output<string> => {
  const { $schema, ...rest } = schema
  const draft = String($schema ?? "")
  const options = { strict: false, allErrors: true, logger: false, validateFormats: true } as const
  const ajv = /2019-09/.test(draft)
    ? new Ajv2019(options)
    : /draft-0\d/.test(draft)
      ? new Ajv(options)
      : new Ajv2020(options)
  formats.default(ajv)
  const isValid = ajv.compile(rest)
  const Fitting = Schema.declare((value: unknown): value is unknown => isValid(value) === true, {
    jsonSchema: { type: "object" },
    message: ({ actual }: ParseResult.ParseIssue) => problemsOf(isValid, actual)
  })
  const Answer = Schema.transform(Fitting, Schema.String.pipe(Schema.brand("Json")), {
    strict: false,
    decode: (value) => JSON.stringify(value),
    encode: (text): unknown => JSON.parse(text)
  })
  const output = Output.make({ schema: Answer })
  // As the file has it, in place of what stands for it above.
  return { ...output, format: { ...output.format, type: "json", schema: rest } }
}

/** What is wrong with a value, for the model. */
const problemsOf = (isValid: ValidateFunction, value: unknown): string => {
  isValid(value)
  const problems = (isValid.errors ?? []).slice(0, 20).map(({ instancePath, message = "is wrong", params }) => {
    const more = Object.values(params).filter((param) => typeof param === "string" || Array.isArray(param))
    return `${instancePath === "" ? "it" : instancePath} ${message}${more.length === 0 ? "" : ` (${more.join(", ")})`}`
  })
  return problems.join("; ")
}
