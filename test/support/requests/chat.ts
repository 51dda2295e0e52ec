/**
 * Judges requests as a strict server of the Chat Completions API does.
 */
import type { Json } from "./report.ts"
import { isJson, isObjectText, Report } from "./report.ts"

/** Where servers of this API are stricter than its first one. */
export interface Strictness {
  /** Mistral: ids of calls are nine letters and digits, and no user follows a tool. */
  readonly mistral?: boolean
}

const name = /^[a-zA-Z0-9_-]{1,64}$/

/** What is wrong with the body of a request; nothing when it would be taken. */
export const chat = (body: unknown, strictness: Strictness = {}): ReadonlyArray<string> => {
  const report = new Report()
  const request = report.object(body, "body")
  report.filled(request["model"], "model")
  const messages = report.array(request["messages"], "messages")
  report.ok(messages.length > 0, "messages", "are none")
  const callId = strictness.mistral === true ? /^[a-zA-Z0-9]{9}$/ : /^.{1,40}$/
  let waiting: Array<string> = []
  let last = ""
  messages.forEach((value, index) => {
    const place = `messages[${index}]`
    const message = report.object(value, place)
    const role = report.text(message["role"], `${place}.role`)
    if (role !== "tool") report.ok(waiting.length === 0, place, `calls ${waiting} have no result`)
    if (role !== "tool") waiting = []
    switch (role) {
      case "system":
      case "developer":
        if (Array.isArray(message["content"])) parts(report, message["content"], `${place}.content`, ["text"])
        else report.filled(message["content"], `${place}.content`)
        break
      case "user":
        if (strictness.mistral === true) report.ok(last !== "tool", place, "Unexpected role 'user' after role 'tool'")
        user(report, message["content"], `${place}.content`)
        break
      case "assistant":
        waiting = assistant(report, message, place, callId)
        break
      case "tool": {
        const id = report.matches(message["tool_call_id"], `${place}.tool_call_id`, callId)
        report.ok(waiting.includes(id), place, `answers ${id}, which is not waiting`)
        waiting = waiting.filter((other) => other !== id)
        if (typeof message["content"] !== "string")
          parts(report, message["content"], `${place}.content`, ["text", "image_url"])
        break
      }
      default:
        report.ok(false, place, `unknown role ${role}`)
    }
    last = role
  })
  report.ok(waiting.length === 0, "messages", `calls ${waiting} have no result`)
  report.ok(last !== "assistant" || strictness.mistral !== true, "messages", "end with the assistant")
  tools(report, request)
  format(report, request["response_format"])
  return report.problems
}

const user = (report: Report, content: unknown, place: string): void => {
  if (typeof content === "string") return
  const kinds = ["text", "image_url", "input_audio", "file", "video_url", "document_url"]
  report.ok(report.array(content, place).length > 0, place, "is empty")
  parts(report, content, place, kinds)
}

const parts = (report: Report, content: unknown, place: string, kinds: ReadonlyArray<string>): void => {
  report.array(content, place).forEach((value, index) => {
    const at = `${place}[${index}]`
    const part = report.object(value, at)
    const type = report.text(part["type"], `${at}.type`)
    report.ok(kinds.includes(type), at, `a part of type ${type} has no place here`)
    if (type === "text") report.text(part["text"], `${at}.text`)
    if (type === "image_url" || type === "video_url") {
      report.matches(
        report.object(part[type], at)["url"],
        `${at}.url`,
        /^(https?:|data:(image|video)\/[\w.+-]+;base64,)/
      )
    }
    if (type === "input_audio") {
      // Mistral has the bare content.
      if (typeof part["input_audio"] === "string") return report.base64(part["input_audio"], at)
      const sound = report.object(part["input_audio"], at)
      report.base64(sound["data"], `${at}.data`)
      report.text(sound["format"], `${at}.format`)
    }
  })
}

const assistant = (report: Report, message: Json, place: string, callId: RegExp): Array<string> => {
  const calls = message["tool_calls"] === undefined ? [] : report.array(message["tool_calls"], `${place}.tool_calls`)
  if (message["tool_calls"] !== undefined) report.ok(calls.length > 0, place, "has an empty list of calls")
  const { content } = message
  const says = (typeof content === "string" || Array.isArray(content)) && content.length > 0
  const other = ["refusal", "audio", "images", "reasoning_content", "reasoning", "reasoning_details"]
  report.ok(
    says || calls.length > 0 || other.some((field) => message[field] !== undefined),
    place,
    "says nothing and calls nothing"
  )
  const ids = calls.map((value, index) => {
    const at = `${place}.tool_calls[${index}]`
    const call = report.object(value, at)
    report.ok(call["type"] === "function", at, "is no function")
    const definition = report.object(call["function"], at)
    report.matches(definition["name"], `${at}.name`, name)
    report.ok(isObjectText(report.text(definition["arguments"], at)), at, "arguments are no JSON object")
    return report.matches(call["id"], `${at}.id`, callId)
  })
  report.unique(ids, `${place}.tool_calls`)
  return ids
}

const tools = (report: Report, request: Json): void => {
  const choice = request["tool_choice"]
  if (request["tools"] === undefined) {
    report.ok(choice === undefined, "tool_choice", "is there without tools")
    report.ok(request["parallel_tool_calls"] === undefined, "parallel_tool_calls", "is there without tools")
    return
  }
  const list = report.array(request["tools"], "tools")
  report.ok(list.length <= 128, "tools", "are too many")
  const names = list.flatMap((value, index) => {
    const tool = report.object(value, `tools[${index}]`)
    // Tools that a vendor runs by itself have types and fields of their own.
    if (tool["type"] !== "function") return []
    const definition = report.object(tool["function"], `tools[${index}].function`)
    report.schema(definition["parameters"], `tools[${index}].parameters`)
    return [report.matches(definition["name"], `tools[${index}].name`, name)]
  })
  report.unique(names, "tools")
  if (isJson(choice)) {
    const chosen = report.object(choice["function"], "tool_choice.function")["name"]
    report.ok(
      names.some((known) => known === chosen),
      "tool_choice",
      `names ${String(chosen)}, which is no tool`
    )
  } else if (choice !== undefined) {
    report.ok(
      ["auto", "none", "required", "any"].some((known) => known === choice),
      "tool_choice",
      "is unknown"
    )
  }
}

const format = (report: Report, value: unknown): void => {
  if (value === undefined) return
  const form = report.object(value, "response_format")
  if (form["type"] !== "json_schema") return
  const schema = report.object(form["json_schema"], "response_format.json_schema")
  report.matches(schema["name"], "response_format.json_schema.name", name)
  report.object(schema["schema"], "response_format.json_schema.schema")
}
