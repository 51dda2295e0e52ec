import { createHash } from "node:crypto"
import { assert } from "@effect/vitest"
import * as Redacted from "effect/Redacted"
import type * as Part from "../../src/domain/Part.ts"
import * as OpenAiResponses from "../../src/transport/OpenAiResponses.ts"
import { orUndefined, suite } from "../support/recorded.ts"
import * as Wire from "../support/wire.ts"

type Fields = { readonly [name: string]: unknown }

const isFields = (value: unknown): value is Fields => typeof value === "object" && value !== null

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex")

/** What the vendor wants back with a part. */
const ownOf = (part: Part.Part): Fields => {
  const [own] = Object.values(part.meta ?? {})
  return isFields(own) ? own : {}
}

const itemOf = (part: Part.Part): Fields | undefined => {
  const { item } = ownOf(part)
  return isFields(item) ? item : undefined
}

/** The items behind the parts, each once. */
const itemsOf = (parts: ReadonlyArray<Part.Part>): ReadonlyArray<Fields> => {
  const items: Array<Fields> = []
  for (const part of parts) {
    const item = itemOf(part)
    const last = items[items.length - 1]
    if (item !== undefined && !(last !== undefined && last.type === item.type && last.id === item.id)) items.push(item)
  }
  return items
}

/** What the caller has to run; the vendor's special items are told apart by expected.json as well. */
const isOwn = (part: Part.Part): part is Part.ToolCall =>
  part.type === "tool-call" && ["function_call", "custom_tool_call"].includes(String(itemOf(part)?.type))

const kinds: { readonly [type: string]: string } = { function_call: "function", custom_tool_call: "custom" }

const checkCalls = (expected: Wire.Expected, parts: ReadonlyArray<Part.Part>): void => {
  const calls = parts.filter(isOwn).filter((part) => part.transportExecuted !== true)
  assert.deepStrictEqual(
    calls.map((part) => {
      const kind = kinds[String(itemOf(part)?.type)]
      const input = JSON.parse(part.input)
      const [value, text] = kind === "custom" ? [null, input.input] : [input, part.input]
      return { id: part.id === "" ? null : part.id, name: part.name, arguments: value, argumentsText: text, kind }
    }),
    expected.toolCalls.map(({ argumentsText, id, kind, name, arguments: value }) => ({
      id,
      name,
      arguments: value,
      argumentsText: kind === "function" && argumentsText.trim() === "" ? "{}" : argumentsText,
      kind
    }))
  )
}

const checkItems = (expected: Wire.Expected, parts: ReadonlyArray<Part.Part>): void => {
  const items = itemsOf(parts)
  const plain = new Set(["message", "reasoning", "function_call", "custom_tool_call"])
  assert.deepStrictEqual(
    items.filter(({ type }) => !plain.has(String(type))).map(({ status = null, type }) => ({ type, status })),
    expected.providerTools.map(({ status = null, type }) => ({ type, status }))
  )
  // A message without a word is no part.
  const types = (expected.itemTypes ?? []).filter((type) => type !== "message" || expected.text !== "")
  assert.deepStrictEqual(
    items.map(({ type }) => type),
    types
  )
  assert.deepStrictEqual(
    parts.flatMap((part) => (part.type === "file" && "base64" in part.data ? [sha256(part.data.base64)] : [])),
    (expected.media ?? []).map((media) => media.sha256)
  )
}

const checkAnswer = ({ expected }: Wire.Case, seen: Wire.Seen): void => {
  const { deltas } = seen
  const parts = Wire.parts(deltas)
  assert.strictEqual(Wire.written(deltas, "ReasoningDelta"), expected.reasoning)
  if (expected.outcome !== "ok") {
    assert.strictEqual(Wire.written(deltas, "TextDelta"), expected.text ?? "")
    assert.notInclude(
      deltas.map((delta) => delta._tag),
      "Finish"
    )
    return
  }
  const texts = parts.filter((part) => part.type === "text")
  const refusals = texts.filter((part) => ownOf(part).refusal === true)
  assert.deepStrictEqual(
    texts.filter((part) => !refusals.includes(part)).map(({ text }) => text),
    (expected.textParts ?? []).filter((text) => text !== "")
  )
  assert.strictEqual(refusals.map(({ text }) => text).join(""), expected.refusal ?? "")
  assert.strictEqual(Wire.written(deltas, "TextDelta"), (expected.text ?? "") + (expected.refusal ?? ""))
  assert.deepStrictEqual(
    parts.flatMap((part) => (part.type === "reasoning" && part.text !== "" ? [part.text] : [])),
    expected.reasoningParts
  )
  checkCalls(expected, parts)
  checkItems(expected, parts)
  const sources = parts.flatMap((part) => (part.type === "source" ? [part.url] : []))
  assert.strictEqual(sources.length, expected.citations.count)
  assert.deepStrictEqual([...new Set(sources.filter((url) => url !== undefined))], [...expected.citations.urls])
  // The one of the event that ends the item, where it is not that of the whole answer.
  const hashes = itemsOf(parts).map(({ encrypted_content: opaque }) => typeof opaque === "string" && sha256(opaque))
  assert.deepStrictEqual(
    hashes.filter((hash) => hash !== false),
    expected.opaque.map(({ alsoSha256, sha256 }) => alsoSha256 ?? sha256)
  )
  checkEnd(expected, deltas)
}

const checkEnd = ({ finish, id, tokens, toolCalls }: Wire.Expected, deltas: Wire.Seen["deltas"]): void => {
  const last = deltas[deltas.length - 1]
  const first = deltas[0]
  assert(last?._tag === "Finish", "The answer has no finish.")
  if (first?._tag === "ResponseStart") assert.strictEqual(first.id, orUndefined(id))
  const completed = toolCalls.length > 0 ? "tool-calls" : "stop"
  const incomplete = finish.detail === "max_output_tokens" ? "length" : "content-filter"
  const reasons: { readonly [raw: string]: string } = { completed, incomplete, queued: "other" }
  assert.strictEqual(last.reason, reasons[finish.reason ?? ""])
  const { inputTokens, outputTokens } = last.usage
  assert.deepStrictEqual(
    [inputTokens.total, inputTokens.cacheRead, inputTokens.cacheWrite, outputTokens.total, outputTokens.reasoning],
    [tokens.input, tokens.cacheRead, tokens.cacheWrite, tokens.output, tokens.reasoning].map(orUndefined)
  )
}

suite({
  name: "OpenAiResponses",
  api: "openai-responses",
  make: (recorded, baseUrl) =>
    OpenAiResponses.make({
      model: recorded.model,
      baseUrl,
      vendor: recorded.provider === "openai-responses" ? "openai" : recorded.provider,
      apiKey: Redacted.make("sk-test-0123456789")
    }),
  check: checkAnswer
})
