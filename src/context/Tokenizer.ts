/**
 * Counts tokens exactly, by the vocabulary of the model, through the optional peer `gpt-tokenizer`, which is loaded when
 * the layer is built. Files, and what a request costs beside its texts, are still estimated as `TokenCounter` does.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type { ModelInfo } from "../domain/ModelInfo.ts"
import { Transport } from "../transport/Transport.ts"
import * as Tokens from "./internal/tokens.ts"
import * as Exact from "./internal/tokensExact.ts"
import * as TokenCounter from "./TokenCounter.ts"

/**
 * A vocabulary: `o200k_base` of the OpenAI models since GPT-4o, open ones included, `cl100k_base` of GPT-4 and GPT-3.5.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Encoding = Schema.Literal("o200k_base", "cl100k_base")
export type Encoding = typeof Encoding.Type

/**
 * How to count.
 *
 * **Details**
 *
 * - `encoding`: the vocabulary. Default: that of `model`, and `o200k_base` without one.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly encoding?: Encoding | undefined
  readonly model?: ModelInfo | undefined
}

/**
 * The tokenizer could not be loaded.
 *
 * **Details**
 *
 * - `NotInstalled`: the package is missing. `Failed`: anything else, in its own words.
 *
 * @category errors
 * @since 0.1.0
 */
export class TokenizerError extends Schema.TaggedError<TokenizerError>()("TokenizerError", {
  reason: Schema.Literal("NotInstalled", "Failed"),
  detail: Schema.String
}) {
  override get message(): string {
    return `${packageName}: ${this.reason}: ${this.detail}`
  }
}

/**
 * The vocabulary of a model, by its id. Models whose vocabulary is not public are counted by `o200k_base`.
 *
 * @category converters
 * @since 0.1.0
 */
export const encodingOf = (model: ModelInfo): Encoding =>
  /(^|[/:.])(gpt-4($|[-:@])|gpt-3\.?5)/i.test(model.id) ? "cl100k_base" : "o200k_base"

/**
 * Makes a token counter that is exact for texts.
 *
 * **Details**
 *
 * - Exact means: as many tokens as `gpt-tokenizer` gives for the text, with marks of control such as `<|endoftext|>` taken as
 *   text. More than 512 letters, or signs and spaces, in a row are cut into pieces of that length, because the time of the
 *   encoding grows by the square of it; each piece may cost a token more. Halves of characters count as what replaces them.
 * - Files and overhead: as in `TokenCounter.estimate`. For models of other makers all of it is an estimate.
 * - Long texts are counted in slices, with a rest for other fibers and events every 16 milliseconds.
 * - Peer: `gpt-tokenizer` 3.4 or 4, on Node 20, 22 and 24; older versions cut some scripts up otherwise. Loading takes about
 *   60 MB and a third of a second.
 * - Errors: `NotInstalled` with the command that installs it. Counting never fails.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): Effect.Effect<TokenCounter.Service, TokenizerError> => {
  const encoding = options.encoding ?? (options.model === undefined ? "o200k_base" : encodingOf(options.model))
  return makeWith(libraries[encoding])
}

/**
 * Layer that counts texts exactly.
 *
 * @see {@link make} for what it does
 * @see {@link layerTransport} for the vocabulary of the model in use
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options = {}): Layer.Layer<TokenCounter.TokenCounter, TokenizerError> =>
  Layer.effect(TokenCounter.TokenCounter, make(options))

/**
 * Layer that counts texts by the vocabulary of the model that the transport speaks to.
 *
 * @see {@link make} for what it does
 * @category layers
 * @since 0.1.0
 */
export const layerTransport: Layer.Layer<TokenCounter.TokenCounter, TokenizerError, Transport> = Layer.effect(
  TokenCounter.TokenCounter,
  Effect.flatMap(Transport, ({ model }) => make({ model }))
)

/** @internal A counter over a library that is loaded in another way. */
export const makeWith = (load: () => Promise<Exact.Library>): Effect.Effect<TokenCounter.Service, TokenizerError> =>
  Effect.map(Effect.tryPromise({ try: load, catch: refusal }), (library) => {
    const counting = Tokens.make(Exact.make(library))
    return { count: (input) => Effect.suspend(() => Tokens.runResting(counting(input))) }
  })

// internal

const packageName = "gpt-tokenizer"

const libraries: Readonly<Record<Encoding, () => Promise<Exact.Library>>> = {
  o200k_base: () => import("gpt-tokenizer/encoding/o200k_base"),
  cl100k_base: () => import("gpt-tokenizer/encoding/cl100k_base")
}

const refusal = (error: unknown): TokenizerError => {
  const words = error instanceof Error ? error.message : String(error)
  const code = error instanceof Error && "code" in error ? error.code : undefined
  const isMissing = (code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND") && words.includes(packageName)
  return isMissing
    ? new TokenizerError({
        reason: "NotInstalled",
        detail: `The package ${packageName} is not installed: npm install ${packageName}`
      })
    : new TokenizerError({ reason: "Failed", detail: `The package ${packageName} could not be loaded: ${words}` })
}
