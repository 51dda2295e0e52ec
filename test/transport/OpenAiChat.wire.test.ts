import { createHash } from "node:crypto"
import { assert } from "@effect/vitest"
import * as Redacted from "effect/Redacted"
import * as OpenAiChat from "../../src/transport/OpenAiChat.ts"
import { orUndefined, suite } from "../support/recorded.ts"
import * as Wire from "../support/wire.ts"

/** Opaque texts in what the vendor wants back. */
const hashes = (value: unknown): ReadonlyArray<string> => {
  if (typeof value === "string") return [createHash("sha256").update(value).digest("hex")]
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(hashes) : []
}

const checkAnswer = ({ expected }: Wire.Case, seen: Wire.Seen): void => {
  const { deltas } = seen
  const parts = Wire.parts(deltas)
  const plain = (refusal: boolean) =>
    parts
      .flatMap((part) =>
        part.type === "text" && Object.values(part.meta ?? {}).some((meta) => hasField(meta, "refusal")) === refusal
          ? [part.text]
          : []
      )
      .join("")
  assert.strictEqual(Wire.written(deltas, "ReasoningDelta"), expected.reasoning)
  if (expected.outcome !== "ok") {
    assert.strictEqual(Wire.written(deltas, "TextDelta"), expected.text ?? "")
    assert.notInclude(
      deltas.map((delta) => delta._tag),
      "Finish"
    )
    assert.deepStrictEqual(
      parts.filter((part) => part.type === "tool-call"),
      []
    )
    return
  }
  assert.strictEqual(plain(false), expected.text ?? "")
  assert.strictEqual(plain(true), expected.refusal ?? "")
  assert.strictEqual(Wire.written(deltas, "TextDelta"), plain(false) + plain(true))
  assert.deepStrictEqual(
    parts.flatMap((part) =>
      part.type === "tool-call" && part.transportExecuted !== true
        ? [{ id: part.id === "" ? null : part.id, name: part.name, arguments: JSON.parse(part.input) }]
        : []
    ),
    expected.toolCalls.map(({ arguments: input, id, name }) => ({ id, name, arguments: input }))
  )
  assert.deepStrictEqual(
    parts.flatMap((part) =>
      part.type === "tool-call" && part.transportExecuted === true
        ? [{ type: part.name, input: JSON.parse(part.input) }]
        : []
    ),
    [...expected.providerTools]
  )
  const sources = parts.flatMap((part) => (part.type === "source" ? [part.url] : []))
  assert.strictEqual(sources.length, expected.citations.count)
  assert.deepStrictEqual([...new Set(sources)], [...expected.citations.urls])
  const opaque = new Set(parts.flatMap((part) => hashes(part.type === "reasoning" ? part.meta : undefined)))
  assert.deepStrictEqual(
    expected.opaque.filter(({ kind, sha256 }) => kind.startsWith("reasoning") && !opaque.has(sha256)),
    []
  )
  checkEnd(expected, deltas)
}

const hasField = (meta: unknown, field: string): boolean =>
  typeof meta === "object" && meta !== null && "field" in meta && meta.field === field

const reasons: { readonly [raw: string]: string } = { tool_calls: "tool-calls", content_filter: "content-filter" }

const checkEnd = ({ finish, id, tokens, toolCalls }: Wire.Expected, deltas: Wire.Seen["deltas"]): void => {
  const last = deltas[deltas.length - 1]
  const first = deltas[0]
  assert(last?._tag === "Finish", "The answer has no finish.")
  assert(first?._tag === "ResponseStart", "The answer has no start.")
  if (id !== null && first.id !== undefined) assert.strictEqual(first.id, id)
  const inferred = toolCalls.length > 0 ? "tool-calls" : "stop"
  assert.strictEqual(last.reason, finish.reason === null ? inferred : (reasons[finish.reason] ?? finish.reason))
  const { inputTokens, outputTokens } = last.usage
  assert.strictEqual(inputTokens.total, orUndefined(tokens.input))
  assert.strictEqual(inputTokens.cacheRead, orUndefined(tokens.cacheRead))
  assert.strictEqual(inputTokens.cacheWrite, orUndefined(tokens.cacheWrite))
  assert.strictEqual(outputTokens.reasoning, orUndefined(tokens.reasoning))
  // xAI alone counts reasoning beside the output; here the output includes it.
  assert.include([tokens.output, (tokens.output ?? 0) + (tokens.reasoning ?? 0)], outputTokens.total ?? null)
}

suite({
  name: "OpenAiChat",
  api: "openai-chat",
  make: (recorded, baseUrl) =>
    OpenAiChat.make({
      model: recorded.model,
      baseUrl,
      vendor: recorded.provider,
      apiKey: Redacted.make("sk-test-0123456789")
    }),
  check: checkAnswer
})
