/**
 * How many tokens something is. The default only estimates, by characters, and needs no tokenizer; the runtime uses it
 * where a vendor's own numbers are missing, and marks such usage as estimated.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { Message } from "../domain/Message.ts"
import type { Part, ResultContent } from "../domain/Part.ts"
import type { ToolSpec } from "../transport/Transport.ts"

/**
 * What can be counted: messages, and the tools that are declared with them.
 *
 * @category models
 * @since 0.1.0
 */
export interface Countable {
  readonly messages: ReadonlyArray<Message>
  readonly tools?: ReadonlyArray<ToolSpec> | undefined
}

/**
 * What a token counter does.
 *
 * @category models
 * @since 0.1.0
 */
export interface Service {
  /** Input tokens of the target model: a whole number, 0 for nothing. */
  readonly count: (input: Countable) => Effect.Effect<number>
}

const charactersPerToken = 4
const tokensPerMessage = 4
const tokensPerFile = 765

const ofCharacters = (characters: number): number => Math.ceil(characters / charactersPerToken)

const ofPart = (part: Part | ResultContent): number => {
  switch (part.type) {
    case "text":
    case "reasoning":
      return ofCharacters(part.text.length)
    case "file":
      return "text" in part.data ? ofCharacters(part.data.text.length) : tokensPerFile
    case "json":
      return ofCharacters(JSON.stringify(part.value)?.length ?? 0)
    case "tool-call":
      return ofCharacters(part.name.length + part.input.length)
    case "tool-result":
      return part.content.reduce((sum, content) => sum + ofPart(content), 0)
    case "source":
      return 0
  }
}

/**
 * Counts by characters, synchronously: four are a token, a message costs four more, a picture or document 765.
 *
 * **Gotchas**
 *
 * Off by up to a third for code and by more for scripts without spaces.
 *
 * @category constructors
 * @since 0.1.0
 */
export const estimate = (input: Countable): number => {
  let sum = 0
  for (const message of input.messages) {
    sum += tokensPerMessage
    for (const part of message.parts) sum += ofPart(part)
  }
  for (const tool of input.tools ?? []) {
    sum += ofCharacters(tool.name.length + (tool.description?.length ?? 0) + JSON.stringify(tool.inputSchema).length)
  }
  return sum
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
