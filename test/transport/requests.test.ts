/**
 * The validators of requests that other tests rely on: they take what vendors took, and refuse what vendors refuse.
 */
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { anthropic } from "../support/requests/anthropic.ts"
import { chat } from "../support/requests/chat.ts"
import { gemini } from "../support/requests/gemini.ts"
import type { Json } from "../support/requests/report.ts"
import { isJson } from "../support/requests/report.ts"
import { responses } from "../support/requests/responses.ts"
import * as Wire from "../support/wire.ts"

const validators: { readonly [api: string]: (body: unknown) => ReadonlyArray<string> } = {
  "openai-chat": (body) => chat(body),
  "anthropic-messages": anthropic,
  "gemini-generate": gemini,
  "openai-responses": responses
}

/** Bodies of requests that a vendor answered, where the recording has them. */
const taken = (api: string) =>
  Wire.cases(api).flatMap(({ expected, name }) => {
    const paths = ["open", "open-extra"].map((split) => join(Wire.folder, split, name, "request.json"))
    const path = paths.find((path) => existsSync(path))
    if (path === undefined || expected.outcome !== "ok") return []
    const { body } = JSON.parse(readFileSync(path, "utf8"))
    // Large files are cut out of the recordings; one client spells Gemini's fields with underscores, which it takes, too.
    return isJson(body) && !/sha256|"inline_data"/.test(JSON.stringify(body)) ? [{ name, body }] : []
  })

describe.skipIf(!Wire.isPresent)("recorded requests", () => {
  for (const [api, validate] of Object.entries(validators)) {
    it.each(taken(api))(`${api}: $name is taken`, ({ body }) => assert.deepStrictEqual(validate(body), []))
  }
})

const user = { role: "user", content: "hi" }
const parameters = { type: "object", properties: {} }
const thought = { type: "reasoning", summary: [], encrypted_content: "xyz" }

const breaches: ReadonlyArray<readonly [api: string, what: string, body: Json, problem: RegExp]> = [
  ["openai-chat", "a call without its result", chatOf([user, called("c1"), user]), /calls c1 have no result/],
  ["openai-chat", "a call at the end", chatOf([user, called("c1")]), /calls c1 have no result/],
  ["openai-chat", "a result of nothing", chatOf([user, answered("c1")]), /c1, which is not waiting/],
  [
    "openai-chat",
    "two results for one call",
    chatOf([user, called("c1"), answered("c1"), answered("c1")]),
    /not waiting/
  ],
  ["openai-chat", "one id for two calls", chatOf([user, called("c1", "c1"), answered("c1")]), /not unique/],
  ["openai-chat", "a tool with an over-long name", chatOf([user], "x".repeat(65)), /does not match/],
  ["anthropic-messages", "two user messages in a row", claude([user, user]), /must alternate/],
  [
    "anthropic-messages",
    "a first message of the assistant",
    claude([{ role: "assistant", content: "hi" }]),
    /alternate/
  ],
  [
    "anthropic-messages",
    "a call without its result",
    claude([user, used("c1"), user]),
    /without tool_result blocks: c1/
  ],
  [
    "anthropic-messages",
    "a result of nothing",
    claude([{ role: "user", content: [got("c9")] }]),
    /unexpected tool_use_id c9/
  ],
  [
    "anthropic-messages",
    "a result behind text",
    claude([user, used("c1"), { role: "user", content: [{ type: "text", text: "so" }, got("c1")] }]),
    /must come first/
  ],
  [
    "anthropic-messages",
    "an id with a space",
    claude([user, used("c 1"), { role: "user", content: [got("c 1")] }]),
    /match/
  ],
  [
    "anthropic-messages",
    "an empty text",
    claude([{ role: "user", content: [{ type: "text", text: "" }] }]),
    /non-whitespace/
  ],
  ["anthropic-messages", "no max_tokens", { model: "m", messages: [user] }, /Field required/],
  ["anthropic-messages", "a tool with an over-long name", claude([user], "x".repeat(129)), /does not match/],
  [
    "gemini-generate",
    "a call without its response",
    google([said(), asked("f"), said()]),
    /number of function response/
  ],
  [
    "gemini-generate",
    "a first turn of the model",
    google([{ role: "model", parts: [{ text: "hi" }] }, said()]),
    /first turn/
  ],
  [
    "gemini-generate",
    "a call after the model",
    google([said(), spoke(), asked("f"), gave("f")]),
    /comes immediately after/
  ],
  ["gemini-generate", "a response with another name", google([said(), asked("f"), gave("g")]), /another name/],
  ["gemini-generate", "a turn without parts", google([{ role: "user", parts: [] }]), /at least one parts/],
  ["gemini-generate", "a tool with an over-long name", google([said()], "x".repeat(65)), /does not match/],
  ["openai-responses", "a call without its output", input([user, fn("c1")]), /No tool output found.*c1/],
  ["openai-responses", "an output of nothing", input([user, out("c1")]), /No tool call found.*c1/],
  ["openai-responses", "a call twice", input([user, fn("c1"), fn("c1"), out("c1")]), /Duplicate call_id c1/],
  ["openai-responses", "reasoning that nothing follows", input([user, thought, user]), /required following item/],
  ["openai-responses", "a tool with an over-long name", input([user], "x".repeat(65)), /does not match/]
]

describe("validators of requests", () => {
  it.each(breaches)("%s refuses %s", (api, _, body, problem) =>
    assert.match((validators[api]?.(body) ?? []).join("\n"), problem)
  )
})

// What the breaches are made of

function chatOf(messages: ReadonlyArray<Json>, name = "f"): Json {
  return { model: "m", messages, tools: [{ type: "function", function: { name, parameters } }] }
}
function called(...ids: ReadonlyArray<string>): Json {
  const tool_calls = ids.map((id) => ({ id, type: "function", function: { name: "f", arguments: "{}" } }))
  return { role: "assistant", content: null, tool_calls }
}
function answered(id: string): Json {
  return { role: "tool", tool_call_id: id, content: "ok" }
}
function claude(messages: ReadonlyArray<Json>, name = "f"): Json {
  return { model: "m", max_tokens: 10, messages, tools: [{ name, input_schema: parameters }] }
}
function used(id: string): Json {
  return { role: "assistant", content: [{ type: "tool_use", id, name: "f", input: {} }] }
}
function got(id: string): Json {
  return { type: "tool_result", tool_use_id: id, content: "ok" }
}
function google(contents: ReadonlyArray<Json>, name = "f"): Json {
  return { contents, tools: [{ functionDeclarations: [{ name, parameters }] }] }
}
function said(): Json {
  return { role: "user", parts: [{ text: "hi" }] }
}
function spoke(): Json {
  return { role: "model", parts: [{ text: "hi" }] }
}
function asked(name: string): Json {
  return { role: "model", parts: [{ functionCall: { name, args: {} } }] }
}
function gave(name: string): Json {
  return { role: "user", parts: [{ functionResponse: { name, response: {} } }] }
}
function input(items: ReadonlyArray<Json>, name = "f"): Json {
  return { model: "m", store: false, input: items, tools: [{ type: "function", name, parameters }] }
}
function fn(id: string): Json {
  return { type: "function_call", call_id: id, name: "f", arguments: "{}" }
}
function out(id: string): Json {
  return { type: "function_call_output", call_id: id, output: "ok" }
}
