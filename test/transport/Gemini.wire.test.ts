import { createHash } from "node:crypto"
import { assert } from "@effect/vitest"
import * as Redacted from "effect/Redacted"
import type * as Part from "../../src/domain/Part.ts"
import * as Gemini from "../../src/transport/Gemini.ts"
import { orUndefined, suite } from "../support/recorded.ts"
import * as Wire from "../support/wire.ts"

const hash = (text: string): string => createHash("sha256").update(text).digest("hex")

const record = (value: unknown): { readonly [name: string]: unknown } =>
  typeof value === "object" && value !== null ? { ...value } : {}

const meta = (part: Part.Part) => record(part.meta?.["google"])

/** The raw part behind what Google ran itself. */
const raw = (part: Part.Part) => record(meta(part)["part"])

/** What a signature is on, in the words of the recordings. */
const place = (part: Part.Part): string => {
  if (part.type === "tool-call") return part.transportExecuted === true ? "executableCode" : "functionCall"
  return part.type === "reasoning" ? "thought" : part.type
}

const signatures = (parts: ReadonlyArray<Part.Part>) =>
  parts.flatMap((part) => {
    const signature = meta(part)["thoughtSignature"] ?? raw(part)["thoughtSignature"]
    return typeof signature === "string"
      ? [{ kind: "thoughtSignature", on: place(part), length: signature.length, sha256: hash(signature) }]
      : []
  })

const executed = (parts: ReadonlyArray<Part.Part>) =>
  parts.flatMap((part): ReadonlyArray<object> => {
    const { codeExecutionResult, executableCode } = raw(part)
    if (executableCode !== undefined) {
      const { code, language } = record(executableCode)
      return [{ type: "executableCode", language, code }]
    }
    if (codeExecutionResult === undefined) return []
    const { outcome, output } = record(codeExecutionResult)
    return [{ type: "codeExecutionResult", outcome, output }]
  })

const media = (parts: ReadonlyArray<Part.Part>) =>
  parts.flatMap((part) =>
    part.type === "file" && "base64" in part.data
      ? [
          {
            kind: "inlineData",
            mimeType: part.mediaType,
            length: part.data.base64.length,
            sha256: hash(part.data.base64)
          }
        ]
      : []
  )

const checkAnswer = ({ expected }: Wire.Case, { deltas }: Wire.Seen): void => {
  const parts = Wire.parts(deltas)
  assert.strictEqual(Wire.written(deltas, "TextDelta"), expected.text ?? "")
  assert.strictEqual(Wire.written(deltas, "ReasoningDelta"), expected.reasoning)
  const calls = parts.filter((part) => part.type === "tool-call" && part.transportExecuted !== true)
  if (expected.outcome !== "ok") {
    assert.deepStrictEqual(calls, [])
    assert.notInclude(
      deltas.map((delta) => delta._tag),
      "Finish"
    )
    return
  }
  const joined = (type: "text" | "reasoning") =>
    parts.flatMap((part) => (part.type === type ? [part.text] : [])).join("")
  assert.deepStrictEqual([joined("text"), joined("reasoning")], [expected.text ?? "", expected.reasoning])
  assert.deepStrictEqual(
    calls.flatMap((part) =>
      part.type === "tool-call"
        ? [{ id: part.id === "" ? null : part.id, name: part.name, arguments: JSON.parse(part.input) }]
        : []
    ),
    expected.toolCalls.map(({ arguments: input, id, name }) => ({ id, name, arguments: input }))
  )
  assert.deepStrictEqual<unknown>(signatures(parts), expected.opaque)
  assert.deepStrictEqual<unknown>(executed(parts), expected.providerTools)
  assert.deepStrictEqual<unknown>(media(parts), expected.media)
  const sources = parts.flatMap((part) => (part.type === "source" ? [part.url] : []))
  assert.strictEqual(sources.length, expected.citations.count)
  assert.deepStrictEqual([...new Set(sources)], [...expected.citations.urls])
  checkArguments(deltas)
  checkEnd(expected, deltas)
}

/** What was written of a call is its arguments, however they came. */
const checkArguments = (deltas: Wire.Seen["deltas"]): void => {
  const inputs = new Map<number, string>()
  for (const delta of deltas) {
    if (delta._tag === "ToolInputDelta") inputs.set(delta.index, (inputs.get(delta.index) ?? "") + delta.delta)
    if (delta._tag === "PartEnd" && delta.part.type === "tool-call" && delta.part.transportExecuted !== true) {
      assert.strictEqual(inputs.get(delta.index), delta.part.input)
    }
  }
}

const reasons: { readonly [raw: string]: string } = {
  STOP: "stop",
  MAX_TOKENS: "length",
  RECITATION: "content-filter",
  SAFETY: "content-filter"
}

const checkEnd = ({ finish, id, tokens, toolCalls, usage }: Wire.Expected, deltas: Wire.Seen["deltas"]): void => {
  const last = deltas[deltas.length - 1]
  const first = deltas[0]
  assert(last?._tag === "Finish", "The answer has no finish.")
  if (id !== null) assert.strictEqual(first?._tag === "ResponseStart" ? first.id : undefined, id)
  const reason = reasons[finish.reason ?? finish.detail ?? ""] ?? "other"
  assert.strictEqual(last.reason, reason === "stop" && toolCalls.length > 0 ? "tool-calls" : reason)
  const said = record(last.meta?.["google"])
  assert.strictEqual(said["finishReason"], orUndefined(finish.reason))
  assert.strictEqual(said["finishMessage"], finish.native ?? undefined)
  assert.deepStrictEqual(said["usage"], usage ?? undefined)
  // What Google's own tools put into the prompt is paid for as input, and thoughts as output.
  const fromTools = record(usage)["toolUsePromptTokenCount"]
  const plus = (left: number | null, right: unknown) =>
    left === null && typeof right !== "number" ? undefined : (left ?? 0) + (typeof right === "number" ? right : 0)
  const { inputTokens, outputTokens } = last.usage
  assert.strictEqual(inputTokens.total, plus(tokens.input, fromTools))
  assert.strictEqual(inputTokens.cacheRead, orUndefined(tokens.cacheRead))
  assert.strictEqual(outputTokens.total, plus(tokens.output, tokens.reasoning))
  assert.strictEqual(outputTokens.reasoning, orUndefined(tokens.reasoning))
}

suite({
  name: "Gemini",
  api: "gemini-generate",
  make: (recorded, baseUrl) =>
    Gemini.make({ model: recorded.model, baseUrl, apiKey: Redacted.make("gk-test-0123456789") }),
  check: checkAnswer
})
