import { assert } from "@effect/vitest"
import * as Ollama from "../../src/transport/Ollama.ts"
import { orUndefined, suite } from "../support/recorded.ts"
import * as Wire from "../support/wire.ts"

const checkAnswer = ({ expected }: Wire.Case, { deltas }: Wire.Seen): void => {
  assert.strictEqual(Wire.written(deltas, "TextDelta"), expected.text ?? "")
  assert.strictEqual(Wire.written(deltas, "ReasoningDelta"), expected.reasoning)
  const calls = Wire.parts(deltas).flatMap((part) => (part.type === "tool-call" ? [part.name] : []))
  assert.deepStrictEqual(
    calls,
    expected.toolCalls.map(({ name }) => name)
  )
  const last = deltas[deltas.length - 1]
  assert(last?._tag === "Finish", "The answer has no finish.")
  assert.strictEqual(last.reason, calls.length > 0 ? "tool-calls" : expected.finish.reason)
  assert.strictEqual(last.usage.inputTokens.total, orUndefined(expected.tokens.input))
  assert.strictEqual(last.usage.outputTokens.total, orUndefined(expected.tokens.output))
}

suite({
  name: "Ollama",
  api: "ollama-chat",
  make: (recorded, baseUrl) => Ollama.make({ model: recorded.model, baseUrl }),
  check: checkAnswer
})
