/** Answers as the vendors put them on the wire: a text, or a call of a tool. In two pieces, as they stream. */
import { events } from "./wire.ts"

export type Said =
  | { readonly text: string }
  | { readonly call: { readonly id: string; readonly name: string; readonly input: string } }

/** The body of a streamed answer of the API. */
export const answerOf = (api: string, said: Said): string => {
  const all = "text" in said ? said.text : said.call.input
  const middle = Math.floor(all.length / 2)
  const pieces = [all.slice(0, middle), all.slice(middle)].filter((piece) => piece !== "")
  switch (api) {
    case "openai-chat":
      return chat(said, pieces)
    case "openai-responses":
      return responses(said, pieces)
    case "anthropic-messages":
      return anthropic(said, pieces)
    case "gemini-generate":
      return gemini(said, pieces)
    default:
      return ollama(said, pieces)
  }
}

type Pieces = ReadonlyArray<string>

const chat = (said: Said, pieces: Pieces): string => {
  const chunk = (delta: object, more: object = {}) => ({ choices: [{ index: 0, delta, ...more }] })
  if ("text" in said) {
    return events(...pieces.map((content) => chunk({ content })), chunk({}, { finish_reason: "stop" }))
  }
  const { id, name } = said.call
  const first = chunk({ tool_calls: [{ index: 0, id, type: "function", function: { name, arguments: "" } }] })
  const rest = pieces.map((piece) => chunk({ tool_calls: [{ index: 0, function: { arguments: piece } }] }))
  return events(first, ...rest, chunk({}, { finish_reason: "tool_calls" }))
}

const responses = (said: Said, pieces: Pieces): string => {
  const at = { output_index: 0, item_id: "it_1", content_index: 0 }
  const part = { type: "output_text", text: "text" in said ? said.text : "", annotations: [] }
  const item =
    "text" in said
      ? { type: "message", id: "it_1", role: "assistant", status: "completed", content: [part] }
      : {
          ...{ type: "function_call", id: "it_1", status: "completed", call_id: said.call.id },
          ...{ name: said.call.name, arguments: said.call.input }
        }
  const begun = "text" in said ? { ...item, content: [] } : { ...item, arguments: "" }
  const type = "text" in said ? "response.output_text.delta" : "response.function_call_arguments.delta"
  return events(
    { type: "response.created", response: { id: "resp_1", model: "m", output: [] } },
    { type: "response.output_item.added", output_index: 0, item: begun },
    ...("text" in said ? [{ type: "response.content_part.added", ...at, part: { ...part, text: "" } }] : []),
    ...pieces.map((delta) => ({ type, ...at, delta })),
    { type: "response.output_item.done", output_index: 0, item },
    { type: "response.completed", response: { id: "resp_1", status: "completed", output: [item] } }
  )
}

const anthropic = (said: Said, pieces: Pieces): string => {
  const block =
    "text" in said
      ? { type: "text", text: "" }
      : { type: "tool_use", id: said.call.id, name: said.call.name, input: {} }
  const delta = (piece: string): object =>
    "text" in said ? { type: "text_delta", text: piece } : { type: "input_json_delta", partial_json: piece }
  const usage = { input_tokens: 1, output_tokens: 1 }
  const message = { id: "msg_1", type: "message", role: "assistant", model: "m", content: [], usage }
  return [
    { type: "message_start", message },
    { type: "content_block_start", index: 0, content_block: block },
    ...pieces.map((piece) => ({ type: "content_block_delta", index: 0, delta: delta(piece) })),
    { type: "content_block_stop", index: 0 },
    { type: "message_delta", delta: { stop_reason: "text" in said ? "end_turn" : "tool_use" }, usage },
    { type: "message_stop" }
  ]
    .map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
    .join("")
}

const gemini = (said: Said, pieces: Pieces): string => {
  const chunk = (part: object, more: object = {}) => ({
    candidates: [{ content: { role: "model", parts: [part] }, index: 0, ...more }]
  })
  const parts =
    "text" in said
      ? pieces.map((text) => ({ text }))
      : [{ functionCall: { name: said.call.name, args: JSON.parse(said.call.input) } }]
  return [...parts.map((part) => chunk(part)), chunk({ text: "" }, { finishReason: "STOP" })]
    .map((value) => `data: ${JSON.stringify(value)}\r\n\r\n`)
    .join("")
}

const ollama = (said: Said, pieces: Pieces): string => {
  const line = (message: object, more: object = { done: false }) => ({
    model: "m",
    message: { role: "assistant", content: "", ...message },
    ...more
  })
  const lines =
    "text" in said
      ? pieces.map((content) => line({ content }))
      : [line({ tool_calls: [{ function: { name: said.call.name, arguments: JSON.parse(said.call.input) } }] })]
  const end = line({}, { done: true, done_reason: "stop", prompt_eval_count: 1, eval_count: 1 })
  return [...lines, end].map((value) => `${JSON.stringify(value)}\n`).join("")
}
