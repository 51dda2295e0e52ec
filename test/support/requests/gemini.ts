/**
 * Judges requests as the Gemini API does.
 */
import type { Json } from "./report.ts"
import { isJson, Report } from "./report.ts"

const name = /^[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}$/
const data = [
  "text",
  "inlineData",
  "fileData",
  "functionCall",
  "functionResponse",
  "executableCode",
  "codeExecutionResult"
]

/** What is wrong with the body of a request; nothing when it would be taken. */
export const gemini = (body: unknown): ReadonlyArray<string> => {
  const report = new Report()
  const request = report.object(body, "body")
  report.only(request, "body", [
    "contents",
    "systemInstruction",
    "tools",
    "toolConfig",
    "safetySettings",
    "generationConfig",
    "cachedContent",
    "labels"
  ])
  if (request["systemInstruction"] !== undefined) {
    const system = report.object(request["systemInstruction"], "systemInstruction")
    const parts = report.array(system["parts"], "systemInstruction.parts")
    for (const part of parts) report.filled(report.object(part, "systemInstruction")["text"], "systemInstruction.text")
  }
  const contents = report.array(request["contents"], "contents")
  report.ok(contents.length > 0, "contents", "contents is not specified")
  let waiting: ReadonlyArray<Json> = []
  let before = ""
  contents.forEach((value, index) => {
    const place = `contents[${index}]`
    const content = report.object(value, place)
    const role = report.text(content["role"], place)
    report.ok(role === "user" || role === "model", place, "Please use a valid role: user, model.")
    const parts = report
      .array(content["parts"], `${place}.parts`)
      .map((part, at) => one(report, part, `${place}.parts[${at}]`))
    report.ok(parts.length > 0, place, "must include at least one parts field")
    const calls = parts.flatMap((part) => (isJson(part["functionCall"]) ? [part["functionCall"]] : []))
    const responses = parts.flatMap((part) => (isJson(part["functionResponse"]) ? [part["functionResponse"]] : []))
    if (role === "model") {
      report.ok(responses.length === 0, place, "a model does not answer functions")
      report.ok(waiting.length === 0, place, "function calls were not answered")
      if (calls.length > 0) {
        report.ok(
          before === "user",
          place,
          "function call turn comes immediately after a user turn or after a function response turn"
        )
      }
      waiting = calls
    } else {
      report.ok(calls.length === 0, place, "a user calls no functions")
      report.ok(
        responses.length === waiting.length,
        place,
        "the number of function response parts is equal to the number of function call parts of the function call turn"
      )
      responses.forEach((response, at) => answers(report, response, waiting, at, place))
      waiting = []
    }
    before = role
  })
  report.ok(waiting.length === 0, "contents", "function calls were not answered")
  const first = contents[0]
  report.ok(isJson(first) && first["role"] === "user", "contents[0]", "the first turn is the user's")
  report.ok(before === "user", "contents", "single turn requests end with a user role")
  tools(report, request)
  return report.problems
}

/** A response has the name of its call, and its id where it has one; without ids the order counts. */
const answers = (report: Report, response: Json, waiting: ReadonlyArray<Json>, at: number, place: string): void => {
  const call = response["id"] === undefined ? waiting[at] : waiting.find((call) => call["id"] === response["id"])
  if (!report.ok(call !== undefined, place, `response ${String(response["id"] ?? at)} answers no call`)) return
  report.ok(call?.["name"] === response["name"], place, "the response has another name than its call")
  report.ok(
    (call?.["id"] === undefined) === (response["id"] === undefined),
    place,
    "the call has an id, or the response"
  )
}

const one = (report: Report, value: unknown, place: string): Json => {
  const part = report.object(value, place)
  const kinds = data.filter((kind) => part[kind] !== undefined)
  report.ok(kinds.length === 1, place, `has ${kinds.length} of the fields of which it needs one`)
  report.only(part, place, [...data, "thought", "thoughtSignature", "videoMetadata", "partMetadata", "mediaResolution"])
  if (part["thoughtSignature"] !== undefined) {
    report.filled(part["thoughtSignature"], `${place}.thoughtSignature`)
  }
  if (part["text"] !== undefined) report.text(part["text"], `${place}.text`)
  if (part["inlineData"] !== undefined) {
    const blob = report.object(part["inlineData"], place)
    report.base64(blob["data"], `${place}.data`)
    report.matches(blob["mimeType"], `${place}.mimeType`, /^[\w.+-]+\/[\w.+-]+/)
  }
  if (part["fileData"] !== undefined)
    report.filled(report.object(part["fileData"], place)["fileUri"], `${place}.fileUri`)
  for (const kind of ["functionCall", "functionResponse"] as const) {
    if (part[kind] === undefined) continue
    const call = report.object(part[kind], place)
    report.matches(call["name"], `${place}.name`, name)
    const body = kind === "functionCall" ? call["args"] : call["response"]
    if (kind === "functionResponse" || body !== undefined) report.object(body, `${place}.${kind}`)
  }
  return part
}

const tools = (report: Report, request: Json): void => {
  const names = (request["tools"] === undefined ? [] : report.array(request["tools"], "tools")).flatMap(
    (value, index) => {
      const tool = report.object(value, `tools[${index}]`)
      if (tool["functionDeclarations"] === undefined) return []
      return report.array(tool["functionDeclarations"], `tools[${index}]`).map((item, at) => {
        const place = `tools[${index}].functionDeclarations[${at}]`
        const declaration = report.object(item, place)
        const schemas = ["parameters", "parametersJsonSchema"].filter((field) => declaration[field] !== undefined)
        report.ok(schemas.length <= 1, place, "has two schemas")
        for (const field of schemas) report.object(declaration[field], `${place}.${field}`)
        return report.matches(declaration["name"], place, name)
      })
    }
  )
  report.unique(names, "tools")
  const config = isJson(request["toolConfig"]) ? request["toolConfig"]["functionCallingConfig"] : undefined
  if (config === undefined) return
  const calling = report.object(config, "functionCallingConfig")
  const mode = report.text(calling["mode"], "functionCallingConfig.mode")
  report.ok(["AUTO", "ANY", "NONE", "VALIDATED"].includes(mode), "functionCallingConfig.mode", "is unknown")
  report.ok(names.length > 0, "functionCallingConfig", "is there without functions")
  const allowed = calling["allowedFunctionNames"]
  if (allowed === undefined) return
  report.ok(mode === "ANY" || mode === "VALIDATED", "allowedFunctionNames", "needs mode ANY")
  for (const item of report.array(allowed, "allowedFunctionNames")) {
    report.ok(
      names.some((known) => known === item),
      "allowedFunctionNames",
      `${String(item)} is no function`
    )
  }
}
