/**
 * `axonal models [words]`: what is known about models, as a table. It needs no network and no key.
 */
import { parseArgs } from "node:util"
import * as Effect from "effect/Effect"
import type { ModelInfo } from "../domain/ModelInfo.ts"
import * as ModelString from "../transport/ModelString.ts"
import * as Models from "../transport/Models.ts"
import type { Environment } from "./environment.ts"
import { UsageError } from "./errors.ts"

/**
 * Runs the command.
 *
 * **Details**
 *
 * - Words: each must be in vendor, id or capabilities; a vendor with a colon, with or without an id, is one word.
 * - `--json`: one model a line on standard output.
 *
 * @category constructors
 * @since 0.1.0
 */
export const run = (args: ReadonlyArray<string>, _environment: Environment): Effect.Effect<void, UsageError> =>
  Effect.map(answer(args), ({ isFound, text }) => {
    if (isFound) process.stdout.write(text)
    else process.stderr.write(`axonal: ${text}`)
  })

/**
 * What is to be said of the models that are asked for: a table of them, or that there are none.
 *
 * @category converters
 * @since 0.1.0
 */
export const answer = (
  args: ReadonlyArray<string>
): Effect.Effect<{ readonly isFound: boolean; readonly text: string }, UsageError> =>
  Effect.gen(function* () {
    const { positionals, values } = yield* read(args)
    const models = (yield* Models.Models).search(positionals.map(canonical).join(" "))
    if (models.length === 0) {
      const vendors = ModelString.vendors.map(({ name }) => name).join(", ")
      return { isFound: false, text: `no known model matches. Vendors: ${vendors}. Unknown models work, too.\n` }
    }
    const lines = values.json === true ? models.map((model) => `${JSON.stringify(model)}\n`) : [tableOf(models)]
    return { isFound: true, text: lines.join("") }
  })

// internal

const read = (args: ReadonlyArray<string>) =>
  Effect.try({
    try: () => parseArgs({ args: [...args], options: { json: { type: "boolean" } }, allowPositionals: true }),
    catch: () => {
      const flag = args.find((arg) => arg.startsWith("-") && arg !== "--json") ?? "--json"
      return new UsageError({ message: `axonal models knows words and --json, not ${flag}` })
    }
  })

/** `gemini:` and `openai-chat:` are vendors by other names. */
const canonical = (word: string): string => {
  const [, name, id = ""] = /^([^:]+):(.*)$/.exec(word) ?? []
  const vendor = name === undefined ? undefined : ModelString.vendorOf(name)
  return vendor === undefined ? word : `${vendor.vendor ?? vendor.name}:${id}`
}

const tableOf = (models: ReadonlyArray<ModelInfo>): string => {
  const rows = [["model", "context", "output", "$ per million, in/out", "can"], ...models.map(rowOf)]
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? []
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join("  ")
          .trimEnd()}\n`
    )
    .join("")
}

const rowOf = ({
  capabilities = [],
  contextWindow,
  id,
  outputLimit,
  price,
  vendor
}: ModelInfo): ReadonlyArray<string> => [
  `${vendor}:${id}`,
  count(contextWindow),
  count(outputLimit),
  price === undefined
    ? "-"
    : `${price.input}/${price.output}${price.above === undefined ? "" : `, above ${count(price.above.tokens)} ${price.above.input}/${price.above.output}`}`,
  capabilities.map((capability) => capability.replace("-input", "")).join(" ")
]

/** Tokens for people: `128k`, `1.05M`. */
const count = (tokens: number | undefined): string =>
  tokens === undefined
    ? "-"
    : tokens < 1_000_000
      ? `${Math.round(tokens / 1000)}k`
      : `${Number((tokens / 1_000_000).toFixed(2))}M`
