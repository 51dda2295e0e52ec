/**
 * Judges requests as the Messages API of Anthropic does.
 */
import type { Json } from "./report.ts"
import { isJson, Report } from "./report.ts"

/** What is wrong with the body of a request; nothing when it would be taken. */
export const anthropic = (body: unknown): ReadonlyArray<string> => {
  const report = new Report()
  const request = report.object(body, "body")
  report.filled(request["model"], "model")
  const most = request["max_tokens"]
  report.ok(typeof most === "number" && most >= 1, "max_tokens", "Field required")
  const system = request["system"]
  if (Array.isArray(system)) {
    system.forEach((block, index) => report.filled(report.object(block, "system")["text"], `system[${index}]`))
  } else if (system !== undefined) report.filled(system, "system")
  tools(report, request)
  thinking(report, request)
  const messages = report.array(request["messages"], "messages")
  report.ok(messages.length > 0, "messages", "at least one message is required")
  const seen = new Set<string>()
  let waiting: ReadonlyArray<string> = []
  let before = "assistant"
  messages.forEach((value, index) => {
    const place = `messages.${index}`
    const message = report.object(value, place)
    const role = report.text(message["role"], place)
    report.ok(role === "user" || role === "assistant", place, `unknown role ${role}`)
    report.ok(role !== before, place, "roles must alternate between user and assistant")
    before = role
    const content =
      typeof message["content"] === "string"
        ? [{ type: "text", text: message["content"] }]
        : report.array(message["content"], `${place}.content`)
    report.ok(content.length > 0, place, "content must be non-empty")
    const blocks = content.map((block, at) => report.object(block, `${place}.content.${at}`))
    if (role === "user") waiting = results(report, blocks, place, waiting)
    else waiting = assistant(report, blocks, place, seen, index === messages.length - 1)
  })
  report.ok(waiting.length === 0, "messages", `tool_use ids were found without tool_result blocks: ${waiting}`)
  report.ok(count(body) <= 4, "cache_control", "A maximum of 4 blocks with cache_control may be provided")
  return report.problems
}

const id = /^[a-zA-Z0-9_-]+$/
const name = /^[a-zA-Z0-9_-]{1,128}$/

/** All breakpoints, wherever they are. */
const count = (value: unknown): number => {
  if (Array.isArray(value)) return value.reduce((sum: number, item) => sum + count(item), 0)
  if (!isJson(value)) return 0
  const own = value["cache_control"] === undefined || value["cache_control"] === null ? 0 : 1
  return Object.values(value).reduce((sum: number, item) => sum + count(item), own)
}

const tools = (report: Report, request: Json): void => {
  const choice = isJson(request["tool_choice"]) ? request["tool_choice"] : undefined
  if (request["tools"] === undefined) {
    report.ok(choice === undefined, "tool_choice", "may only be specified while providing tools")
    return
  }
  const names = report.array(request["tools"], "tools").map((value, index) => {
    const tool = report.object(value, `tools.${index}`)
    if (tool["type"] === undefined || tool["type"] === "custom") {
      report.schema(tool["input_schema"], `tools.${index}.input_schema`)
      const { properties } = report.object(tool["input_schema"], "input_schema")
      for (const key of Object.keys(isJson(properties) ? properties : {})) {
        report.matches(key, `tools.${index}.input_schema.properties: Property keys`, /^[a-zA-Z0-9_.-]{1,64}$/)
      }
    }
    return tool["type"] === "mcp_toolset" ? `mcp ${index}` : report.matches(tool["name"], `tools.${index}.name`, name)
  })
  report.unique(names, "tools")
  if (choice === undefined) return
  const { type } = choice
  report.ok(
    ["auto", "any", "tool", "none"].some((known) => known === type),
    "tool_choice.type",
    "is unknown"
  )
  if (type === "tool")
    report.ok(
      names.some((known) => known === choice["name"]),
      "tool_choice",
      "names no tool"
    )
}

const thinking = (report: Report, request: Json): void => {
  const thought = isJson(request["thinking"]) ? request["thinking"] : undefined
  if (thought === undefined || thought["type"] === "disabled") return
  const choice = isJson(request["tool_choice"]) ? request["tool_choice"]["type"] : "auto"
  const mayThink =
    thought["type"] === "adaptive" && /opus-(4-8|5)|(sonnet|haiku)-5|fable/.test(String(request["model"]))
  report.ok(
    choice === "auto" || choice === "none" || mayThink,
    "tool_choice",
    "Thinking may not be enabled when it forces tool use"
  )
  if (thought["type"] === "enabled") {
    const budget = thought["budget_tokens"]
    const most = request["max_tokens"]
    const fits = typeof budget === "number" && typeof most === "number" && budget >= 1024 && budget < most
    report.ok(fits, "thinking.budget_tokens", "must be at least 1024 and less than max_tokens")
  }
}

const text = (report: Report, block: Json, place: string): void => {
  report.ok(
    report.text(block["text"], place).trim() !== "",
    place,
    "text content blocks must contain non-whitespace text"
  )
}

const source = (report: Report, block: Json, place: string): void => {
  const from = report.object(block["source"], `${place}.source`)
  switch (from["type"]) {
    case "base64":
      report.base64(from["data"], `${place}.source.data`)
      report.matches(
        from["media_type"],
        `${place}.source.media_type`,
        block["type"] === "image" ? /^image\/(jpeg|png|gif|webp)$/ : /^application\/pdf$/
      )
      break
    case "url":
      report.matches(from["url"], `${place}.source.url`, /^https?:\/\//)
      break
    case "text":
      report.ok(block["type"] === "document" && from["media_type"] === "text/plain", place, "has a text source")
      report.text(from["data"], `${place}.source.data`)
      break
    case "file":
      break
    default:
      report.ok(false, place, `unknown source ${String(from["type"])}`)
  }
}

/** A user message: results of the calls before it come first, one for each. */
const results = (
  report: Report,
  blocks: ReadonlyArray<Json>,
  place: string,
  waiting: ReadonlyArray<string>
): ReadonlyArray<string> => {
  let over = false
  const answered: Array<string> = []
  blocks.forEach((block, index) => {
    const at = `${place}.content.${index}`
    switch (block["type"]) {
      case "tool_result": {
        report.ok(!over, at, "tool_result blocks must come first in the message")
        const answers = report.matches(block["tool_use_id"], at, id)
        report.ok(
          waiting.includes(answers),
          at,
          `unexpected tool_use_id ${answers}: no tool_use in the previous message`
        )
        answered.push(answers)
        if (Array.isArray(block["content"])) {
          block["content"].forEach((inner, inside) => {
            const part = report.object(inner, `${at}.${inside}`)
            if (part["type"] === "text") text(report, part, `${at}.${inside}`)
            else if (part["type"] === "image" || part["type"] === "document") source(report, part, `${at}.${inside}`)
            else report.ok(part["type"] === "search_result", at, `may not hold ${String(part["type"])}`)
          })
        } else if (block["content"] !== undefined) report.text(block["content"], at)
        return
      }
      case "text":
        text(report, block, at)
        break
      case "image":
      case "document":
        source(report, block, at)
        break
      default:
        report.ok(false, at, `a user message may not hold ${String(block["type"])}`)
    }
    over = true
  })
  report.unique(answered, `${place} tool_result`)
  const missing = waiting.filter((call) => !answered.includes(call))
  report.ok(missing.length === 0, place, `tool_use ids were found without tool_result blocks: ${missing}`)
  return []
}

const assistant = (
  report: Report,
  blocks: ReadonlyArray<Json>,
  place: string,
  seen: Set<string>,
  isLast: boolean
): ReadonlyArray<string> => {
  const calls: Array<string> = []
  const served = new Map<string, boolean>()
  blocks.forEach((block, index) => {
    const at = `${place}.content.${index}`
    const type = report.text(block["type"], at)
    if (type === "text") text(report, block, at)
    else if (type === "thinking") {
      report.filled(block["signature"], `${at}.signature`)
      report.text(block["thinking"], `${at}.thinking`)
    } else if (type === "redacted_thinking") report.filled(block["data"], `${at}.data`)
    else if (type === "tool_use" || type === "server_tool_use" || type === "mcp_tool_use") {
      const call = report.matches(block["id"], at, id)
      report.matches(block["name"], `${at}.name`, name)
      report.object(block["input"], `${at}.input`)
      report.ok(!seen.has(call), at, "tool_use ids must be unique")
      seen.add(call)
      if (type === "tool_use") calls.push(call)
      else served.set(call, false)
    } else if (/_tool_result$/.test(type)) {
      // A paused answer goes on in the next message, so that a result may stand in another one than its call.
      const answers = report.matches(block["tool_use_id"], at, id)
      report.ok(seen.has(answers), at, `answers ${answers}, which nobody called`)
      served.set(answers, true)
    } else
      report.ok(type === "container_upload" || type === "compaction", at, `an assistant message may not hold ${type}`)
  })
  const last = blocks.at(-1)
  report.ok(
    last?.["type"] !== "thinking" && last?.["type"] !== "redacted_thinking",
    place,
    "final block cannot be thinking"
  )
  if (isLast && last?.["type"] === "text") {
    report.ok(!/\s$/.test(String(last["text"])), place, "final assistant content cannot end with trailing whitespace")
  }
  return calls
}
