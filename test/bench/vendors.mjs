/**
 * The wires of the vendors, as small as a bare loop sees them: where a request goes, what it holds, how a text answer is
 * framed, and what text a value of the stream adds. The server and the raw loop share this; Axonal has its own.
 */

const sse = (value, name) => `${name === undefined ? "" : `event: ${name}\n`}data: ${JSON.stringify(value)}\n\n`

const chat = {
  path: () => "/chat/completions",
  body: (model, prompt) => ({ model, stream: true, messages: [{ role: "user", content: prompt }] }),
  frames: (pieces) => {
    const chunk = (delta, finish = null) =>
      sse({
        id: "chatcmpl-0",
        object: "chat.completion.chunk",
        created: 1_760_000_000,
        model: "bench",
        choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }]
      })
    return [
      chunk({ role: "assistant", content: "" }),
      ...pieces.map((content) => chunk({ content })),
      chunk({}, "stop"),
      "data: [DONE]\n\n"
    ]
  },
  textOf: (value) => value.choices?.[0]?.delta?.content
}

const responses = {
  path: () => "/responses",
  body: (model, prompt) => ({ model, stream: true, store: false, input: [{ role: "user", content: prompt }] }),
  frames: (pieces) => {
    let sequence = 0
    const event = (type, rest) => sse({ type, sequence_number: sequence++, ...rest }, type)
    const place = { item_id: "msg_0", output_index: 0, content_index: 0 }
    const text = pieces.join("")
    const part = (text) => ({ type: "output_text", text, annotations: [] })
    const item = (status, content) => ({ id: "msg_0", type: "message", status, role: "assistant", content })
    const response = (status, output) => ({ id: "resp_0", object: "response", model: "bench", status, output })
    const usage = { input_tokens: 10, output_tokens: pieces.length, total_tokens: 10 + pieces.length }
    return [
      event("response.created", { response: response("in_progress", []) }),
      event("response.output_item.added", { output_index: 0, item: item("in_progress", []) }),
      event("response.content_part.added", { ...place, part: part("") }),
      ...pieces.map((delta) => event("response.output_text.delta", { ...place, delta, logprobs: [] })),
      event("response.output_text.done", { ...place, text, logprobs: [] }),
      event("response.content_part.done", { ...place, part: part(text) }),
      event("response.output_item.done", { output_index: 0, item: item("completed", [part(text)]) }),
      event("response.completed", { response: { ...response("completed", [item("completed", [part(text)])]), usage } })
    ]
  },
  textOf: (value) => (value.type === "response.output_text.delta" ? value.delta : undefined)
}

const anthropic = {
  path: () => "/messages",
  body: (model, prompt) => ({ model, max_tokens: 64_000, stream: true, messages: [{ role: "user", content: prompt }] }),
  frames: (pieces) => {
    const event = (value) => sse(value, value.type)
    const message = { id: "msg_0", type: "message", role: "assistant", model: "bench", content: [], stop_reason: null }
    return [
      event({ type: "message_start", message: { ...message, usage: { input_tokens: 10, output_tokens: 1 } } }),
      event({ type: "content_block_start", index: 0, content_block: { type: "text", text: "" } }),
      ...pieces.map((text) => event({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text } })),
      event({ type: "content_block_stop", index: 0 }),
      event({ type: "message_delta", delta: { stop_reason: "end_turn" }, usage: { output_tokens: pieces.length } }),
      event({ type: "message_stop" })
    ]
  },
  textOf: (value) => (value.delta?.type === "text_delta" ? value.delta.text : undefined)
}

const gemini = {
  path: (model) => `/models/${encodeURIComponent(model)}:streamGenerateContent?alt=sse`,
  body: (_model, prompt) => ({ contents: [{ role: "user", parts: [{ text: prompt }] }] }),
  frames: (pieces) =>
    pieces.map((text, index) => {
      const end = index === pieces.length - 1 ? { finishReason: "STOP" } : undefined
      return sse({
        candidates: [{ content: { parts: [{ text }], role: "model" }, index: 0, ...end }],
        usageMetadata: { promptTokenCount: 10, candidatesTokenCount: index + 1, totalTokenCount: index + 11 },
        modelVersion: "bench",
        responseId: "r0"
      })
    }),
  textOf: (value) => value.candidates?.[0]?.content?.parts?.[0]?.text
}

const ollama = {
  path: () => "/api/chat",
  body: (model, prompt) => ({ model, stream: true, messages: [{ role: "user", content: prompt }] }),
  /** Lines of JSON, no events. */
  isLines: true,
  frames: (pieces) => {
    const line = (content, rest) =>
      `${JSON.stringify({ model: "bench", created_at: "2026-01-01T00:00:00Z", message: { role: "assistant", content }, done: false, ...rest })}\n`
    const end = { done: true, done_reason: "stop", prompt_eval_count: 10, eval_count: pieces.length }
    return [...pieces.map((content) => line(content)), line("", end)]
  },
  textOf: (value) => value.message?.content
}

/** The wires by name. */
export const vendors = { chat, responses, anthropic, gemini, ollama }

/** The wire that a path belongs to. */
export const vendorAt = (path) =>
  path.includes(":streamGenerateContent")
    ? gemini
    : (Object.values(vendors).find((vendor) => vendor !== gemini && path.endsWith(vendor.path())) ?? chat)
