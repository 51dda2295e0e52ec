/**
 * A model behind a socket: the smallest OpenAI-compatible server that a loop can be measured against. It runs in its own
 * process, keeps no state between requests and says the same bytes for the same request. What it says is in the name of
 * the model, written like a query: `turns=20&calls=4` is twenty answers of four calls each and then a text. It refuses a
 * conversation in which any call lacks its result, so that nobody gets faster by forgetting.
 */
import { createServer } from "node:http"
import { vendorAt, vendors } from "./vendors.mjs"

/** The text that call `call` of turn `turn` asks a tool to repeat. */
const spoken = (turn, call) => `turn ${turn} call ${call}: ${"the quick brown fox jumps over the lazy dog ".repeat(2)}`

/** Delta `index` of an answer: always four characters. */
const piece = (index, lines = 0) =>
  `${lines > 0 && index % lines === lines - 1 ? "\n\n" : " "}${(index % 46_656).toString(36).padStart(3, "0")}`.slice(
    0,
    4
  )

const callId = (turn, call) => `call-${turn}-${call}`

/** What a model of this name does. A conversation that ends with the word "continue" gets a short text from any model. */
const planOf = (body, vendor) => {
  const wish = new URLSearchParams(body.model)
  const number = (key, otherwise) => Number(wish.get(key) ?? otherwise)
  const [deltas, size] = [number("deltas", 20), number("size", 4)]
  if (vendor !== vendors.chat || size !== 4) return { vendor, deltas, size, isPaced: false, everyMillis: 0 }
  const turn = body.messages.filter((message) => message.tool_calls?.[0]?.id.startsWith("call-")).length
  const isContinued = body.messages.at(-1)?.content === "continue"
  const calls = !isContinued && turn < number("turns", 0) ? number("calls", 1) : 0
  return {
    turn,
    calls,
    deltas: isContinued ? 20 : number("deltas", 20),
    past: number("past", 0),
    lines: number("lines", 0),
    said: wish.has("answers") ? `answer to ${body.messages.at(-1)?.content}` : undefined,
    isPaced: wish.get("write") === "each",
    everyMillis: calls > 0 ? 0 : number("every", 0)
  }
}

const frame = (turn, delta, finish = null) => {
  const choices = [{ index: 0, delta, logprobs: null, finish_reason: finish }]
  const head = { id: `chatcmpl-${turn}`, object: "chat.completion.chunk", created: 1_760_000_000, model: "bench" }
  return `data: ${JSON.stringify({ ...head, system_fingerprint: "fp_bench", choices })}\n\n`
}

const callFrames = (turn, call) => {
  const text = JSON.stringify({ text: spoken(turn, call) })
  const open = { index: call, id: callId(turn, call), type: "function", function: { name: "echo", arguments: "" } }
  const frames = [frame(turn, { tool_calls: [open] })]
  for (let start = 0; start < text.length; start += 24) {
    const fragment = { index: call, function: { arguments: text.slice(start, start + 24) } }
    frames.push(frame(turn, { tool_calls: [fragment] }))
  }
  return frames
}

const prepared = new Map()

/** The texts of an answer of one wire: short ones, or long ones. */
const texts = (deltas, size) =>
  Array.from({ length: deltas }, (_, index) => (size === 4 ? piece(index) : piece(index).repeat(size / 4)))

/** The events of an answer, and the same cut as a busy network delivers them: 16 KiB at a time. */
const answerOf = (plan) => {
  const { calls, deltas, lines = 0, said, size, turn, vendor } = plan
  const key = `${vendor?.path("") ?? turn} ${calls} ${deltas} ${size} ${lines} ${said}`
  const known = prepared.get(key)
  if (known !== undefined) return known
  if (vendor !== undefined) return prepare(key, vendor.frames(texts(deltas, size)))
  const events = [frame(turn, { role: "assistant", content: calls > 0 ? null : "" })]
  for (let call = 0; call < calls; call++) events.push(...callFrames(turn, call))
  if (calls === 0)
    for (let index = 0; index < deltas; index++) events.push(frame(turn, { content: piece(index, lines) }))
  if (said !== undefined) events.push(frame(turn, { content: said }))
  events.push(frame(turn, {}, calls > 0 ? "tool_calls" : "stop"))
  const usage = { prompt_tokens: 100, completion_tokens: deltas, total_tokens: 100 + deltas }
  const last = { id: `chatcmpl-${turn}`, object: "chat.completion.chunk", created: 1_760_000_000, model: "bench" }
  events.push(`data: ${JSON.stringify({ ...last, choices: [], usage })}\n\n`, "data: [DONE]\n\n")
  return prepare(key, events)
}

const prepare = (key, events) => {
  const buffers = events.map((event) => Buffer.from(event))
  const whole = Buffer.concat(buffers)
  const slices = []
  for (let start = 0; start < whole.length; start += 16_384) slices.push(whole.subarray(start, start + 16_384))
  const answer = { buffers, slices }
  prepared.set(key, answer)
  return answer
}

/** What is wrong with a conversation, or nothing. */
const problemWith = (body, plan) => {
  if (body.stream !== true) return "only streams are measured"
  const spokenMessages = body.messages.filter((message) => message.role !== "system")
  if (spokenMessages.length <= plan.past) return `${plan.past} past messages are needed, got ${spokenMessages.length}`
  if (plan.calls > 0 && body.tools?.[0]?.function?.name !== "echo") return "the tool echo is not declared"
  const open = new Map()
  for (const message of body.messages) {
    if (message.role === "tool") {
      const wanted = open.get(message.tool_call_id)
      if (wanted === undefined) return `a result without its call: ${message.tool_call_id}`
      // A call that was cut off has another text for a result; only a new user message may follow such a turn.
      if (!String(message.content).includes(wanted) && body.messages.at(-1).content !== "continue") {
        return `a result that is not the tool's: ${message.tool_call_id}`
      }
      open.delete(message.tool_call_id)
    } else {
      if (open.size > 0) return `calls without results: ${[...open.keys()].join(", ")}`
      for (const call of message.tool_calls ?? []) open.set(call.id, JSON.parse(call.function.arguments).text)
    }
  }
  return open.size > 0 ? `calls without results: ${[...open.keys()].join(", ")}` : undefined
}

const nowMillis = () => performance.timeOrigin + performance.now()
const fresh = () => ({ requests: [], rejected: [], closedEarly: [] })
let log = fresh()

/** Writes with regard for the reader: `next` is called when the socket has room again. */
const write = (response, buffer, next) => (response.write(buffer) ? next() : response.once("drain", next))

const send = (response, plan) => {
  const { buffers, slices } = answerOf(plan)
  const isBurst = !plan.isPaced && plan.everyMillis === 0
  const pieces = isBurst ? slices : buffers
  let index = 0
  const step = () => {
    if (response.destroyed) return
    if (index === pieces.length) return response.end()
    write(response, pieces[index++], () => {
      if (plan.everyMillis > 0) setTimeout(step, plan.everyMillis)
      else if (plan.isPaced) setImmediate(step)
      else step()
    })
  }
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" })
  response.on("close", () => {
    if (!response.writableFinished) log.closedEarly.push(nowMillis())
  })
  step()
}

const answer = (response, path, text) => {
  const vendor = vendorAt(path)
  const body = JSON.parse(text)
  // One vendor names its model in the path.
  body.model ??= decodeURIComponent(/models\/([^:]+):/.exec(path)?.[1] ?? "")
  const plan = planOf(body, vendor)
  log.requests.push(nowMillis())
  const problem = plan.vendor === undefined ? problemWith(body, plan) : undefined
  if (problem === undefined) return send(response, plan)
  log.rejected.push(problem)
  response.writeHead(400, { "content-type": "application/json" })
  response.end(JSON.stringify({ error: { message: problem, type: "invalid_request_error", code: null } }))
}

const server = createServer((request, response) => {
  if (request.method === "GET") {
    response.end(JSON.stringify(log))
    log = fresh()
    return
  }
  const chunks = []
  request.on("data", (chunk) => chunks.push(chunk))
  request.on("end", () => answer(response, request.url, Buffer.concat(chunks).toString()))
})
server.keepAliveTimeout = 120_000
server.listen({ port: 0, host: "127.0.0.1", backlog: 1024 }, () => process.stdout.write(`${server.address().port}\n`))
process.stdin.resume().on("end", () => process.exit(0))
