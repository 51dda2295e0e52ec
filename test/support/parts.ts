/**
 * Parts that tests of encoders are about: a call, its result, and a message that tells how often it is read.
 */
import type { Message } from "../../src/domain/Message.ts"
import * as Part from "../../src/domain/Part.ts"

/** A call of the tool `f`. */
export const call = (input: string, more: Partial<Part.ToolCall> = {}): Part.ToolCall => ({
  type: "tool-call",
  id: "call_1",
  name: "f",
  input,
  ...more
})

/** The result of that call. */
export const result = (content: Part.ToolResult["content"], more: Partial<Part.ToolResult> = {}): Part.ToolResult => ({
  type: "tool-result",
  id: "call_1",
  name: "f",
  outcome: "ok",
  content,
  ...more
})

/** A message of the user, and how often its parts were read. */
export const counted = (): { readonly message: Message; readonly reads: () => number } => {
  let reads = 0
  return {
    message: {
      role: "user",
      get parts() {
        reads++
        return [Part.text("u")]
      }
    },
    reads: () => reads
  }
}
