/**
 * What a person types in a conversation: a command of it, one for the shell, or words for the model. Both faces read it so.
 */
import type { How } from "./conversation.ts"

/**
 * What was typed.
 *
 * **Details**
 *
 * - `Command`: with its slash. `Shell`: without the mark before it, which may leave nothing. `how` is absent where nobody said
 *   that the words are to wait.
 *
 * @category models
 * @since 0.1.0
 */
export type Typed =
  | { readonly _tag: "Command"; readonly line: string }
  | { readonly _tag: "Shell"; readonly command: string }
  | { readonly _tag: "Words"; readonly text: string; readonly how: How | undefined }

/**
 * Reads it: `/command`, `!command for the shell`, `& words that wait`, words.
 *
 * @category constructors
 * @since 0.1.0
 */
export const read = (typed: string): Typed => {
  const text = typed.trim()
  if (text.startsWith("/")) return { _tag: "Command", line: text }
  if (text.startsWith("!")) return { _tag: "Shell", command: text.slice(1).trim() }
  const queued = text.startsWith("&") ? text.slice(1).trim() : ""
  return queued === "" ? { _tag: "Words", text, how: undefined } : { _tag: "Words", text: queued, how: "queue" }
}
