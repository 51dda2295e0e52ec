/**
 * How many tokens something is. The default only estimates, by characters and by script, and needs no tokenizer; the
 * runtime uses it where a vendor's own numbers are missing, and marks such usage as estimated. `Tokenizer` counts exactly,
 * and `measured` takes a vendor at its word.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { Message } from "../domain/Message.ts"
import type { ResponseFormat, ToolSpec } from "../domain/Request.ts"
import * as Tokens from "./internal/tokens.ts"
import { estimateText } from "./internal/tokensText.ts"

/**
 * What can be counted: messages, and the tools and the form of the answer that are declared with them. A request is one.
 *
 * @category models
 * @since 0.1.0
 */
export interface Countable {
  readonly messages: ReadonlyArray<Message>
  readonly tools?: ReadonlyArray<ToolSpec> | undefined
  readonly responseFormat?: ResponseFormat | undefined
}

/**
 * What a token counter does.
 *
 * @category models
 * @since 0.1.0
 */
export interface Service {
  /**
   * Input tokens of the target model: a whole number, 0 for nothing. The count of several messages is the sum of theirs.
   */
  readonly count: (input: Countable) => Effect.Effect<number>
}

/**
 * The token counter in use. Estimates unless another one is provided.
 *
 * @category references
 * @since 0.1.0
 */
export class TokenCounter extends Context.Reference<TokenCounter>()("axonal/context/TokenCounter", {
  defaultValue: (): Service => ({ count: (input) => Effect.sync(() => estimate(input)) })
}) {}

/**
 * Makes a counter of a function that counts a text, such as a model's own tokenizer. Everything but texts is counted as
 * `estimate` does.
 *
 * **Details**
 *
 * - Messages and tools are remembered by identity, as long as they live: each is counted once.
 * - What is not a positive number counts as nothing. A function that throws is a defect.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (countText: (text: string) => number): Service => {
  const counting = Tokens.make(Tokens.atOnce(countText))
  return { count: (input) => Effect.sync(() => Tokens.run(counting(input))) }
}

/**
 * Counts without a tokenizer, synchronously and in one pass, by the kinds of the characters and by their script.
 *
 * **Details**
 *
 * - Units: tokens of `o200k_base`. An English word is about one, a number one for every three digits; a letter of Cyrillic,
 *   Arabic or an Indic script costs 0.1 to 0.3, Han, Kana and Hangul 0.65 to 1.
 * - Measured on texts of 30 languages and formats: off by 10% on average; prose and code of western languages within 12%,
 *   others within 30%, short Chinese texts up to 45% too many. One megabyte of TypeScript: 9% too many.
 * - A message costs 4 more, a call 6, a result 4, a tool and a schema of the answer 8 beside their JSON.
 * - Pictures: scaled down to fit 2048 by 2048 and then to a shorter side of 768, 85 and 170 more for each begun tile of 512
 *   by 512, so 255 to 1445. When the header of a PNG, JPEG, GIF or WebP does not tell the size, and for every file behind
 *   a URL, 765.
 * - PDF: 2,000 for every 50 kB begun, at most 200,000. Sound: 32 a second, at 16 kB a second or 48 kB uncompressed.
 *   Video: 300 a second, at 250 kB. Text in base64: a third of its bytes. Other files: a tenth.
 * - Messages and tools are remembered by identity, as long as they live: each is counted once.
 * - Errors: none. A value that has no JSON costs nothing.
 *
 * **Gotchas**
 *
 * Models of other makers cut texts up in their own way, some into a third more tokens.
 *
 * @category constructors
 * @since 0.1.0
 */
export const estimate = (input: Countable): number => Tokens.run(estimating(input))

/**
 * The tokens that a context holds: by the vendor's own count of the last response, and ours of what was added since; or
 * ours of the whole, when the vendor has not counted.
 *
 * **Details**
 *
 * - `measured`: input and output of the last response, as a window of `ContextStore` tells them. Reasoning is in it, although
 *   some vendors leave it out of the next request: the number may be too high, not too low.
 *
 * @category combinators
 * @since 0.1.0
 */
export const held = (
  counter: Service,
  measured: { readonly tokens: number; readonly added: ReadonlyArray<Message> } | undefined,
  whole: () => Countable
): Effect.Effect<number> =>
  measured === undefined
    ? Effect.suspend(() => counter.count(whole()))
    : Effect.map(counter.count({ messages: measured.added }), (added) => measured.tokens + added)

// internal

const estimating = Tokens.make(Tokens.atOnce(estimateText))
