import { assert, describe, expect, it } from "@effect/vitest"
import * as Message from "axonal/domain/Message"
import * as Part from "axonal/domain/Part"
import * as ModelString from "axonal/transport/ModelString"
import * as Models from "axonal/transport/Models"
import type { Settings, ToolSpec } from "axonal/transport/Transport"
import * as Effect from "effect/Effect"
import type { Probe } from "./probe.ts"
import { probeOf } from "./probe.ts"

/** A model of each vendor, since what an API takes can depend on it. */
const models: { readonly [vendor: string]: string } = {
  openai: "gpt-6-luna",
  "openai-chat": "gpt-6-luna",
  anthropic: "claude-haiku-5-5",
  google: "gemini-3.8-flash",
  openrouter: "openai/gpt-5-mini",
  groq: "openai/gpt-oss-120b",
  deepseek: "deepseek-flash",
  mistral: "mistral-large-4",
  xai: "grok-4.7",
  together: "openai/gpt-oss-120b",
  cerebras: "gpt-oss-120b",
  fireworks: "accounts/fireworks/models/gpt-oss-120b",
  moonshot: "kimi-k3",
  zai: "glm-5.2",
  qwen: "qwen3.7-plus",
  ollama: "gpt-oss:20b",
  codex: "gpt-5.3-codex",
  compatible: "any",
  responses: "any"
}

const marker = "iVBORw0KGgo"
const words = "readable words"
const address = "https://example.com/file"
const hello = Message.user("hi")
const tool: ToolSpec = { name: "look", inputSchema: { type: "object", properties: {}, additionalProperties: false } }
const schema = {
  type: "object",
  properties: { marker_field: { type: "string" } },
  required: ["marker_field"],
  additionalProperties: false
}

const yes = "yes"
const no = "–"

/** Whether a file goes out whole: inline, by its address, or both. */
const fileIn = (probe: Probe, mediaType: string) =>
  Effect.gen(function* () {
    const send = (data: Part.FileData) =>
      probe({ messages: [Message.user([Part.text("look"), Part.file(mediaType, data, "file")])] })
    const base64 = mediaType === "text/plain" ? btoa(words) : marker
    const body = yield* send({ base64 })
    const inline = [words, base64].some((text) => body?.includes(text))
    const byAddress = (yield* send({ url: address }))?.includes(address) === true
    return inline && byAddress ? "inline, URL" : inline ? "inline" : byAddress ? "URL" : no
  })

/** Where a picture from the result of a tool goes: into the result, or behind it. */
const resultImage = (probe: Probe) =>
  Effect.gen(function* () {
    const call: Part.ToolCall = { type: "tool-call", id: "call12345", name: "look", input: "{}" }
    const result: Part.ToolResult = {
      ...{ type: "tool-result", id: "call12345", name: "look", outcome: "ok" },
      content: [Part.text("seen"), Part.file("image/png", { base64: marker })]
    }
    const messages = [hello, Message.assistant([call]), Message.tool([result])]
    const body = (yield* probe({ messages, tools: [tool] })) ?? ""
    return !body.includes(marker) ? no : smallest(JSON.parse(body)).includes("seen") ? "in it" : "after it"
  })

/** The smallest object of a turn with the picture in it: one with a role or a type, and no list of such. */
const smallest = (value: unknown): string => {
  const within = typeof value === "object" && value !== null ? Object.values(value) : []
  const inner = within.map(smallest).find((text) => text !== "")
  if (inner !== undefined) return inner
  const text = JSON.stringify(value) ?? ""
  const isTurn =
    typeof value === "object" &&
    value !== null &&
    ("role" in value || "tool_use_id" in value || "call_id" in value || "functionResponse" in value)
  return isTurn && text.includes(marker) ? text : ""
}

/** How an answer is bound to a schema. */
const bound = (probe: Probe, tools: ReadonlyArray<ToolSpec>) =>
  Effect.map(probe({ messages: [hello], tools, responseFormat: { type: "json", name: "answer", schema } }), (body) => {
    if (body === undefined) return no
    const { tools, ...rest }: { readonly tools?: unknown } = JSON.parse(body)
    if (JSON.stringify(tools ?? "").includes("marker_field")) return "a tool"
    const { messages, system, contents, input, systemInstruction, ...head }: { readonly [name: string]: unknown } = rest
    return JSON.stringify(head).includes("marker_field") ? "native" : "in words"
  })

const choices = (probe: Probe) =>
  Effect.map(
    Effect.all([
      probe({ messages: [hello], tools: [tool] }),
      probe({ messages: [hello], tools: [tool], toolChoice: "required" }),
      probe({ messages: [hello], tools: [tool], toolChoice: { tool: "look" } })
    ]),
    ([plain, any, one]) => (any === undefined || any === plain ? no : one === undefined || one === plain ? "any" : yes)
  )

const settings: Required<Omit<Settings, "extra">> = {
  temperature: 0.5,
  topP: 0.5,
  maxOutputTokens: 77,
  stop: ["END"],
  seed: 7,
  reasoningEffort: "high",
  parallelToolCalls: false
}

/** The settings that change nothing, and those with which nothing is sent. */
const without = (probe: Probe) =>
  Effect.gen(function* () {
    const plain = yield* probe({ messages: [hello], tools: [tool] })
    const [left, refused]: [Array<string>, Array<string>] = [[], []]
    for (const [name, value] of Object.entries(settings)) {
      const body = yield* probe({ messages: [hello], tools: [tool], settings: { [name]: value } })
      if (body === plain) left.push(`\`${name}\``)
      if (body === undefined) refused.push(`\`${name}\``)
    }
    return [left, refused].map((names) => names.join(" ") || no)
  })

const online = ModelString.vendors.filter(({ transport }) => transport !== "Offline" && transport !== "LlamaCpp")

const rowsOf = (vendor: ModelString.Vendor) =>
  Effect.gen(function* () {
    const probe = yield* probeOf(vendor, models[vendor.name] ?? "any")
    const { all } = yield* Models.Models
    const known = all.filter((model) => model.vendor === (vendor.vendor ?? vendor.name)).length
    const name = `\`${vendor.name}\``
    assert.isDefined(yield* probe({ messages: [hello] }), vendor.name)
    const files = yield* Effect.forEach(
      ["image/png", "audio/wav", "video/mp4", "application/pdf", "text/plain"],
      (mediaType) => fileIn(probe, mediaType)
    )
    return {
      names: [
        [name, ...vendor.aliases.map((alias) => `\`${alias}\``)].join(" "),
        `\`${vendor.transport}\``,
        vendor.variables.map((variable) => `\`${variable}\``).join(" or ") || no,
        vendor.baseUrl ?? (vendor.address === "required" ? "you say where" : "its own"),
        known === 0 ? no : String(known),
        `\`${models[vendor.name]}\``
      ],
      files: [name, ...files, yield* resultImage(probe)],
      answers: [
        ...[name, yield* bound(probe, []), yield* bound(probe, [tool]), yield* choices(probe)],
        ...(yield* without(probe))
      ]
    }
  })

const table = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string =>
  [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n")

describe("docs/vendors.md", () => {
  it.effect("is what the transports do when they are asked", () =>
    Effect.gen(function* () {
      const rows = yield* Effect.forEach(online, rowsOf)
      const page = `# Vendors

<!-- Written by test/docs/vendors.test.ts from what each transport does with requests. After a change that is meant:
npx vitest run -u test/docs/vendors.test.ts -->

What a [model string](models.md) can name, and what the transport behind each name does. The tables are made by sending
requests for one model through every transport: they say what it sends, not what each of a vendor's models makes of it.

## Names

${table(
  ["Name", "Module", "Key", "Address", "Known models", "Asked here"],
  rows.map(({ names }) => names)
)}

\`offline\` is there, too: rules in place of a model. \`llamacpp\`, a model in this process, has no name that could be
looked up: its layer is made once and shared. With an address in the model string no key is sent but a named one.

## Files

What a message of the user may hold: \`inline\` as base64, \`URL\` as an address that the vendor fetches. What is not
taken fails before the request, as \`InvalidRequest\`. The last column is where pictures from the result of a tool go.

${table(
  ["Name", "Images", "Audio", "Video", "PDF", "Text", "Images of results"],
  rows.map(({ files }) => files)
)}

## Answers and settings

How an answer is bound to a schema, alone and while tools are offered: \`native\`, as the arguments of \`a tool\` that has to
be called, or \`in words\`. Whether a call can be forced. Settings that have no counterpart: those that are left out, and
those that are refused before the request, as \`InvalidRequest\`.

${table(
  ["Name", "Schema", "Schema beside tools", "Forced call", "Left out", "Refused"],
  rows.map(({ answers }) => answers)
)}
`
      yield* Effect.promise(() => expect(page).toMatchFileSnapshot("../../docs/vendors.md"))
    })
  )

  it("every vendor that can be named is asked", () => {
    assert.deepStrictEqual(
      Object.keys(models),
      online.map(({ name }) => name)
    )
  })
})
