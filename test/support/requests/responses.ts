/**
 * Judges requests as the Responses API of OpenAI does.
 */
import type { Json } from "./report.ts"
import { isJson, isObjectText, Report } from "./report.ts"

const name = /^[a-zA-Z0-9_-]{1,64}$/
const callId = /^.{1,64}$/

/** What is wrong with the body of a request; nothing when it would be taken. */
export const responses = (body: unknown): ReadonlyArray<string> => {
  const report = new Report()
  const request = report.object(body, "body")
  report.filled(request["model"], "model")
  report.ok(request["messages"] === undefined, "messages", "Unsupported parameter: use input")
  const isStored = request["store"] !== false
  const continues = request["previous_response_id"] !== undefined
  if (continues) report.matches(request["previous_response_id"], "previous_response_id", /^resp_/)
  const input =
    typeof request["input"] === "string"
      ? [{ role: "user", content: request["input"] }]
      : report.array(request["input"], "input")
  report.ok(input.length > 0 || continues, "input", "one of input or previous_response_id must be provided")
  const items = input.map((item, index) => report.object(item, `input[${index}]`))
  const open = new Map<string, string>()
  const ids: Array<string> = []
  items.forEach((item, index) => {
    const place = `input[${index}]`
    if (typeof item["id"] === "string") {
      ids.push(item["id"])
      report.ok(item["id"].length <= 64, place, "id is too long")
    }
    one(report, item, place, { open, continues, isStored, next: items[index + 1] })
  })
  report.unique(ids, "input ids")
  report.ok(open.size === 0, "input", `No tool output found for function call ${[...open.keys()]}`)
  tools(report, request)
  format(report, request)
  return report.problems
}

interface Around {
  /** Calls without their output so far, by id: the type of the output. */
  readonly open: Map<string, string>
  readonly continues: boolean
  readonly isStored: boolean
  readonly next: Json | undefined
}

const outputs: { readonly [type: string]: string } = {
  function_call: "function_call_output",
  custom_tool_call: "custom_tool_call_output",
  local_shell_call: "local_shell_call_output",
  shell_call: "shell_call_output",
  apply_patch_call: "apply_patch_call_output",
  computer_call: "computer_call_output"
}

/** Items that stand alone: what the vendor ran by itself. */
const alone =
  /^(web_search_call|file_search_call|code_interpreter_call|image_generation_call|mcp_call|mcp_list_tools|mcp_approval_request|mcp_approval_response|compaction|tool_search_call|tool_search_output|item_reference)$/

const one = (report: Report, item: Json, place: string, around: Around): void => {
  const type = item["type"] === undefined ? "message" : report.text(item["type"], `${place}.type`)
  if (type === "message") message(report, item, place)
  else if (type === "reasoning") reasoning(report, item, place, around)
  else if (outputs[type] !== undefined) call(report, item, place, outputs[type], around)
  else if (Object.values(outputs).includes(type)) answer(report, item, place, type, around)
  else report.ok(alone.test(type), place, `unknown type ${type}`)
}

const reasoning = (report: Report, item: Json, place: string, { isStored, next }: Around): void => {
  const summary = report.array(item["summary"], `${place}.summary`)
  for (const part of summary) report.ok(isJson(part) && part["type"] === "summary_text", place, "has no summary text")
  if (!isStored) report.filled(item["encrypted_content"], `${place}.encrypted_content`)
  const follows = next !== undefined && next["role"] !== "user" && !/_output$/.test(String(next["type"]))
  report.ok(follows, place, "Item of type 'reasoning' was provided without its required following item.")
}

const call = (report: Report, item: Json, place: string, output: string, { open }: Around): void => {
  const id = report.matches(item["call_id"], `${place}.call_id`, callId)
  report.ok(!open.has(id), place, `Duplicate call_id ${id}`)
  open.set(id, output)
  if (item["type"] === "function_call") {
    report.matches(item["name"], `${place}.name`, name)
    report.ok(isObjectText(report.text(item["arguments"], place)), place, "arguments are no JSON object")
  }
  if (item["type"] === "custom_tool_call") report.text(item["input"], `${place}.input`)
}

const answer = (report: Report, item: Json, place: string, type: string, { continues, open }: Around): void => {
  const id = report.matches(item["call_id"], `${place}.call_id`, callId)
  const isKnown = open.get(id) === type || (continues && !open.has(id))
  report.ok(isKnown, place, `No tool call found for function call output with call_id ${id}`)
  open.delete(id)
  const value = item["output"]
  // A shell answers with a list of what its commands wrote.
  if (type === "shell_call_output") report.array(value, `${place}.output`)
  else if (Array.isArray(value)) content(report, value, `${place}.output`, ["input_text", "input_image", "input_file"])
  else if (type !== "computer_call_output") report.text(value, `${place}.output`)
}

const message = (report: Report, item: Json, place: string): void => {
  const role = report.text(item["role"], `${place}.role`)
  report.ok(["user", "assistant", "system", "developer"].includes(role), place, `unknown role ${role}`)
  const said = item["content"]
  if (typeof said === "string") return
  const list = report.array(said, `${place}.content`)
  report.ok(list.length > 0, place, "says nothing")
  const kinds =
    role === "assistant" ? ["output_text", "refusal"] : ["input_text", "input_image", "input_file", "input_audio"]
  content(report, list, `${place}.content`, kinds)
}

const content = (report: Report, list: ReadonlyArray<unknown>, place: string, kinds: ReadonlyArray<string>): void => {
  list.forEach((value, index) => {
    const at = `${place}[${index}]`
    const part = report.object(value, at)
    const type = report.text(part["type"], at)
    report.ok(kinds.includes(type), at, `Invalid value: '${type}'. Supported values are: ${kinds}`)
    if (type === "input_text" || type === "output_text") report.text(part["text"], at)
    if (type === "input_image" && part["file_id"] === undefined) {
      report.matches(part["image_url"], at, /^(https?:|data:image\/[\w.+-]+;base64,)/)
    }
    if (type === "input_file") {
      const ways = ["file_data", "file_url", "file_id"].filter((field) => part[field] !== undefined)
      report.ok(ways.length === 1, at, "needs one of file_data, file_url, file_id")
    }
  })
}

const tools = (report: Report, request: Json): void => {
  const choice = request["tool_choice"]
  if (request["tools"] === undefined) {
    report.ok(choice === undefined || choice === "auto" || choice === "none", "tool_choice", "is there without tools")
    return
  }
  const names = report.array(request["tools"], "tools").flatMap((value, index) => {
    const tool = report.object(value, `tools[${index}]`)
    const type = report.text(tool["type"], `tools[${index}].type`)
    if (type !== "function" && type !== "custom") return []
    if (type === "function") report.schema(tool["parameters"], `tools[${index}].parameters`)
    return [report.matches(tool["name"], `tools[${index}].name`, name)]
  })
  report.unique(names, "tools")
  if (!isJson(choice)) return
  if (choice["type"] === "function" || choice["type"] === "custom") {
    report.ok(
      names.some((known) => known === choice["name"]),
      "tool_choice",
      "names no tool"
    )
  }
}

const format = (report: Report, request: Json): void => {
  report.ok(request["response_format"] === undefined, "response_format", "Unsupported parameter: use text.format")
  const form = isJson(request["text"]) && isJson(request["text"]["format"]) ? request["text"]["format"] : undefined
  if (form?.["type"] !== "json_schema") return
  report.matches(form["name"], "text.format.name", name)
  report.object(form["schema"], "text.format.schema")
}
