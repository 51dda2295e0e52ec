import { createHash } from "node:crypto"
import { assert } from "@effect/vitest"
import * as Redacted from "effect/Redacted"
import type * as Part from "../../src/domain/Part.ts"
import * as Anthropic from "../../src/transport/Anthropic.ts"
import { orUndefined, suite } from "../support/recorded.ts"
import * as Wire from "../support/wire.ts"

type Own = { readonly [name: string]: unknown }

const own = (part: Part.Part): Own => {
  const meta = part.meta?.["anthropic"]
  return typeof meta === "object" && meta !== null ? { ...meta } : {}
}

const isThinking = (part: Part.Part) => part.type === "reasoning" && own(part)["type"] === "thinking"

/** What a part is on the wire; sources are ours. */
const blockType = (part: Part.Part): ReadonlyArray<unknown> => {
  if (part.type === "text") return ["text"]
  if (part.type === "source") return []
  return part.type === "tool-call" && part.transportExecuted !== true ? ["tool_use"] : [own(part)["type"]]
}

/** Without what is absent, as JSON is. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

const executed = (part: Part.Part): ReadonlyArray<unknown> => {
  if (part.type === "tool-call" && part.transportExecuted === true) {
    return [{ type: own(part)["type"], id: part.id, name: part.name, input: JSON.parse(part.input) }]
  }
  if (part.type !== "tool-result") return []
  assert.strictEqual(part.transportExecuted, true)
  return [{ type: own(part)["type"], id: part.id, errorCode: part.outcome === "ok" ? null : part.outcome }]
}

const sha256 = (value: unknown) => createHash("sha256").update(String(value)).digest("hex")

const opaque = (part: Part.Part): ReadonlyArray<unknown> => {
  const { data, signature } = own(part)
  if (part.type !== "reasoning") return []
  return [signature, data].flatMap((text) => (typeof text === "string" ? [sha256(text)] : []))
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

const check = ({ expected }: Wire.Case, { deltas }: Wire.Seen): void => {
  const parts = Wire.parts(deltas)
  assert.strictEqual(Wire.written(deltas, "TextDelta"), expected.text ?? "")
  assert.strictEqual(Wire.written(deltas, "ReasoningDelta"), expected.reasoning)
  if (expected.outcome !== "ok") {
    assert.isTrue(deltas.every((delta) => delta._tag !== "Finish"))
    return
  }
  const texts = parts.flatMap((part) => (part.type === "text" ? [part.text] : []))
  const thoughts = parts.flatMap((part) => (part.type === "reasoning" && isThinking(part) ? [part.text] : []))
  const calls = parts.flatMap((part) => (part.type === "tool-call" && part.transportExecuted !== true ? [part] : []))
  const sources = parts.flatMap((part) => (part.type === "source" ? [part.url] : []))
  assert.deepStrictEqual(texts, [...(expected.textParts ?? [])])
  assert.deepStrictEqual(thoughts, [...(expected.reasoningParts ?? [])])
  assert.deepStrictEqual(parts.flatMap(blockType), [...(expected.blockTypes ?? parts.flatMap(blockType))])
  assert.deepStrictEqual(
    calls.map(({ id, input, name }) => ({ id, name, arguments: parsed(input), text: input })),
    expected.toolCalls.map(({ arguments: input, argumentsText, id, name }, index) => ({
      id: id ?? "",
      name,
      arguments: input,
      // An answer in one piece has no text of its own for them.
      text: argumentsText === "" ? "{}" : (argumentsText ?? calls[index]?.input)
    }))
  )
  assert.deepStrictEqual(plain(parts.flatMap(executed)), plain(expected.providerTools))
  assert.deepStrictEqual(
    parts.flatMap(opaque),
    expected.opaque.map((item) => item.sha256)
  )
  assert.strictEqual(sources.length, expected.citations.count)
  assert.deepStrictEqual([...new Set(sources.filter((url) => url !== undefined))], [...expected.citations.urls])
  checkEnd(expected, deltas)
}

const reasons: { readonly [raw: string]: string } = {
  end_turn: "stop",
  stop_sequence: "stop",
  tool_use: "tool-calls",
  max_tokens: "length",
  refusal: "content-filter",
  pause_turn: "pause"
}

const checkEnd = (expected: Wire.Expected, deltas: Wire.Seen["deltas"]): void => {
  const first = deltas[0]
  const last = deltas[deltas.length - 1]
  assert(first?._tag === "ResponseStart" && last?._tag === "Finish")
  const { finish, tokens } = expected
  assert.strictEqual(first.id, orUndefined(expected.id))
  assert.strictEqual(last.reason, reasons[finish.reason ?? ""])
  const meta = { ...(last.meta?.["anthropic"] as Own & { readonly stopDetails?: { readonly category?: string } }) }
  assert.strictEqual(meta["stopReason"], finish.reason)
  assert.strictEqual(meta["stopSequence"] ?? meta.stopDetails?.category ?? null, finish.detail ?? null)
  const { inputTokens, outputTokens } = last.usage
  assert.strictEqual(inputTokens.uncached ?? inputTokens.total, orUndefined(tokens.input))
  assert.strictEqual(
    inputTokens.total,
    (tokens.input ?? Number.NaN) + (tokens.cacheRead ?? 0) + (tokens.cacheWrite ?? 0)
  )
  assert.strictEqual(inputTokens.cacheRead, orUndefined(tokens.cacheRead))
  assert.strictEqual(inputTokens.cacheWrite, orUndefined(tokens.cacheWrite))
  assert.strictEqual(outputTokens.total, orUndefined(tokens.output))
  assert.strictEqual(outputTokens.reasoning, orUndefined(tokens.reasoning))
  if (expected.usage !== undefined) assert.deepStrictEqual(meta["usage"], expected.usage)
}

suite({
  name: "Anthropic",
  api: "anthropic-messages",
  make: (recorded, baseUrl) =>
    Anthropic.make({ model: recorded.model, baseUrl, apiKey: Redacted.make("sk-ant-test-0123456789") }),
  check
})
