/**
 * One message of a conversation: a role and its parts. Immutable; transports rely on that to convert each message to
 * their wire form once.
 */
import * as Schema from "effect/Schema"
import * as Part from "./Part.ts"

/**
 * Who speaks. Results of tools have a role of their own.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Role = Schema.Literal("system", "user", "assistant", "tool")
export type Role = typeof Role.Type

/**
 * A message.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Message = Schema.Struct({
  role: Role,
  parts: Schema.Array(Part.Part),
  meta: Schema.optional(Part.Meta)
})
export interface Message extends Schema.Schema.Type<typeof Message> {}

/**
 * What a person may hand in: text, parts (text and files), one message or several.
 *
 * @category models
 * @since 0.1.0
 */
export type Input = string | ReadonlyArray<Part.Text | Part.File> | Message | ReadonlyArray<Message>

const ofRole =
  (role: Role) =>
  (content: string | ReadonlyArray<Part.Part>): Message => ({
    role,
    parts: typeof content === "string" ? [Part.text(content)] : content
  })

/**
 * Makes a user message from text or parts.
 *
 * @category constructors
 * @since 0.1.0
 */
export const user: (content: string | ReadonlyArray<Part.Part>) => Message = ofRole("user")

/**
 * Makes an assistant message from text or parts.
 *
 * @category constructors
 * @since 0.1.0
 */
export const assistant: (content: string | ReadonlyArray<Part.Part>) => Message = ofRole("assistant")

/**
 * Makes a system message from text or parts.
 *
 * @category constructors
 * @since 0.1.0
 */
export const system: (content: string | ReadonlyArray<Part.Part>) => Message = ofRole("system")

/**
 * Makes the message that carries the results of one turn's calls.
 *
 * @category constructors
 * @since 0.1.0
 */
export const tool = (results: ReadonlyArray<Part.ToolResult>): Message => ({ role: "tool", parts: results })

const isMessages = (input: ReadonlyArray<Part.Part> | ReadonlyArray<Message>): input is ReadonlyArray<Message> =>
  input.length > 0 && input.every((item) => "role" in item)

const isParts = (input: ReadonlyArray<Part.Part> | ReadonlyArray<Message>): input is ReadonlyArray<Part.Part> =>
  !isMessages(input)

/**
 * The messages that an input stands for. Text and parts become one user message.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromInput = (input: Input): ReadonlyArray<Message> => {
  if (typeof input === "string") return [user(input)]
  if ("role" in input) return [input]
  return isParts(input) ? (input.length === 0 ? [] : [user(input)]) : input
}

/**
 * The visible text of a message: its text parts, joined.
 *
 * @category converters
 * @since 0.1.0
 */
export const toText = (message: Message): string => {
  let out = ""
  for (const part of message.parts) if (part.type === "text") out += part.text
  return out
}

/**
 * The calls in a message that the caller has to run, in the order the model made them.
 *
 * @category converters
 * @since 0.1.0
 */
export const toolCalls = (message: Message): ReadonlyArray<Part.ToolCall> =>
  message.parts.filter((part): part is Part.ToolCall => part.type === "tool-call" && part.transportExecuted !== true)

/**
 * The conversation as people read it: user and assistant texts only, without reasoning, calls and results.
 *
 * @category converters
 * @since 0.1.0
 */
export const simplify = (messages: ReadonlyArray<Message>): ReadonlyArray<Message> =>
  messages.flatMap((message) => {
    if (message.role !== "user" && message.role !== "assistant") return []
    const text = toText(message)
    return text === "" ? [] : [{ role: message.role, parts: [Part.text(text)] }]
  })
