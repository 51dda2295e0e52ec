/**
 * The floor: the loop that somebody writes who needs nothing but this. Plain `fetch`, a parser for just these events, an
 * array of messages. No session, no limits, no guard, no retry, no event but the text; whatever a runtime costs above
 * this is the price of what it adds.
 */

const tools = [
  {
    type: "function",
    function: {
      name: "echo",
      description: "Repeats the text",
      parameters: { type: "object", properties: { text: { type: "string" } }, required: ["text"] }
    }
  }
]

/** One request: streams the text to `onDelta`, answers the whole text and the calls. */
const turn = async (url, body, signal, onDelta) => {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: "Bearer key" },
    body: JSON.stringify(body),
    signal
  })
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`)
  const decoder = new TextDecoder()
  const calls = []
  let buffer = ""
  let text = ""
  for await (const chunk of response.body) {
    buffer += decoder.decode(chunk, { stream: true })
    let start = 0
    for (let end = buffer.indexOf("\n\n"); end !== -1; end = buffer.indexOf("\n\n", start)) {
      const data = buffer.slice(start + "data: ".length, end)
      start = end + 2
      if (data === "[DONE]") continue
      const delta = JSON.parse(data).choices[0]?.delta
      if (delta?.content) {
        text += delta.content
        onDelta(delta.content)
      }
      for (const { index, id, function: part } of delta?.tool_calls ?? []) {
        calls[index] ??= { id, type: "function", function: { name: part.name, arguments: "" } }
        calls[index].function.arguments += part.arguments
      }
    }
    buffer = buffer.slice(start)
  }
  return { text, calls }
}

const toWire = (message) =>
  message.call === undefined
    ? { role: message.role, content: message.text }
    : message.role === "tool"
      ? { role: "tool", tool_call_id: message.call, content: message.text }
      : {
          role: "assistant",
          content: null,
          tool_calls: [
            {
              id: message.call,
              type: "function",
              function: { name: "echo", arguments: JSON.stringify({ text: message.text }) }
            }
          ]
        }

/** The contender: made once, run once per conversation. */
export const make = async ({ url, model, tool, past, vendor }) => {
  if (vendor !== undefined) {
    const { run } = await import("./raw-vendor.mjs")
    return { run: (options) => run({ url, model, vendor, ...options }) }
  }
  const before = past.map(toWire)
  const run = async ({ prompt, onDelta, signal }) => {
    const messages = [...before, { role: "user", content: prompt }]
    for (;;) {
      const body = { model, stream: true, stream_options: { include_usage: true }, messages, tools }
      const { text, calls } = await turn(`${url}/chat/completions`, body, signal, onDelta)
      if (calls.length === 0) return text
      messages.push({ role: "assistant", content: text || null, tool_calls: calls })
      const results = await Promise.all(calls.map((call) => tool(JSON.parse(call.function.arguments).text, signal)))
      for (const [index, call] of calls.entries()) {
        messages.push({ role: "tool", tool_call_id: call.id, content: results[index] })
      }
      signal?.throwIfAborted()
    }
  }
  return { run }
}
