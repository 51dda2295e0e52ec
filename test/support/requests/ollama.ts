/**
 * Judges requests as Ollama's chat API does, and more strictly where it forgives.
 */
import type { Json } from "./report.ts"
import { isJson, Report } from "./report.ts"

/** What is wrong with the body of a request; nothing when it would be taken. */
export const ollama = (body: unknown): ReadonlyArray<string> => {
  const report = new Report()
  const request = report.object(body, "body")
  report.only(request, "body", [
    ...["model", "stream", "truncate", "shift", "think", "keep_alive", "options", "messages", "tools", "format"]
  ])
  report.filled(request["model"], "model")
  const { format, think } = request
  if (format !== undefined) report.ok(format === "json" || isJson(format), "format", "is neither json nor a schema")
  const efforts: ReadonlyArray<unknown> = [undefined, true, false, "low", "medium", "high", "max"]
  report.ok(efforts.includes(think), "think", "invalid think value")
  const messages = report.array(request["messages"], "messages")
  report.ok(messages.length > 0, "messages", "are none")
  let waiting: Array<unknown> = []
  messages.forEach((value, index) => {
    const place = `messages[${index}]`
    const said = report.object(value, place)
    const role = report.text(said["role"], place)
    report.ok(["system", "user", "assistant", "tool"].includes(role), place, `unknown role ${role}`)
    report.text(said["content"], `${place}.content`)
    if (said["images"] !== undefined) {
      for (const image of report.array(said["images"], `${place}.images`)) report.base64(image, `${place}.images`)
    }
    if (role === "tool") {
      report.ok(waiting.includes(said["tool_call_id"]), place, "answers nothing")
      waiting = waiting.filter((id) => id !== said["tool_call_id"])
      return
    }
    report.ok(waiting.length === 0, place, `calls ${waiting} have no result`)
    waiting = said["tool_calls"] === undefined ? [] : calls(report, said["tool_calls"], place)
  })
  report.ok(waiting.length === 0, "messages", `calls ${waiting} have no result`)
  for (const value of request["tools"] === undefined ? [] : report.array(request["tools"], "tools")) {
    const definition = report.object(report.object(value, "tools")["function"], "tools.function")
    report.filled(definition["name"], "tools.name")
    report.schema(definition["parameters"], "tools.parameters")
  }
  return report.problems
}

const calls = (report: Report, value: unknown, place: string): Array<unknown> =>
  report.array(value, place).map((item, at) => {
    const call: Json = report.object(item, `${place}.tool_calls[${at}]`)
    const definition = report.object(call["function"], `${place}.tool_calls[${at}].function`)
    report.filled(definition["name"], `${place}.tool_calls[${at}].name`)
    report.object(definition["arguments"], `${place}.tool_calls[${at}].arguments`)
    return call["id"]
  })
