/**
 * Recorded answers, damaged: bytes lost, repeated, changed, pieces of one answer in the middle of another. Whatever
 * arrives, a transport ends with a finish or with a typed error, its deltas are in legal order, and nothing is thrown.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Redacted from "effect/Redacted"
import * as Anthropic from "../../src/transport/Anthropic.ts"
import * as Gemini from "../../src/transport/Gemini.ts"
import * as Ollama from "../../src/transport/Ollama.ts"
import * as OpenAiChat from "../../src/transport/OpenAiChat.ts"
import * as OpenAiResponses from "../../src/transport/OpenAiResponses.ts"
import type { Api } from "../support/recorded.ts"
import { overClient } from "../support/recorded.ts"
import * as Wire from "../support/wire.ts"

const apiKey = Redacted.make("key-0123456789")

const apis: Readonly<Record<string, Api["make"]>> = {
  "openai-chat": ({ model, provider }, baseUrl) => OpenAiChat.make({ model, baseUrl, vendor: provider, apiKey }),
  "openai-responses": ({ model, provider }, baseUrl) =>
    OpenAiResponses.make({ model, baseUrl, vendor: provider, apiKey }),
  "anthropic-messages": ({ model }, baseUrl) => Anthropic.make({ model, baseUrl, apiKey }),
  "gemini-generate": ({ model }, baseUrl) => Gemini.make({ model, baseUrl, apiKey }),
  "ollama-chat": ({ model }, baseUrl) => Ollama.make({ model, baseUrl, apiKey })
}

type Damage =
  | { readonly kind: "lose" | "repeat"; readonly at: number; readonly length: number }
  | { readonly kind: "write"; readonly at: number; readonly text: string }
  | { readonly kind: "cut"; readonly at: number }

/** Positions are fractions of the body. */
const position = FastCheck.double({ min: 0, max: 1, noNaN: true })
const junk = FastCheck.constantFrom(
  '"',
  "{",
  "}",
  "\n\n",
  "\r",
  "null",
  "[]",
  "\\u",
  "data: {}\n\n",
  "data: [1]\n\n",
  "ÿ",
  "\0",
  "[DONE]",
  "-1"
)

const damages: FastCheck.Arbitrary<ReadonlyArray<Damage>> = FastCheck.array(
  FastCheck.oneof(
    FastCheck.record({
      kind: FastCheck.constantFrom<Array<"lose" | "repeat">>("lose", "repeat"),
      at: position,
      length: FastCheck.nat(400)
    }),
    FastCheck.record({ kind: FastCheck.constant("write" as const), at: position, text: junk }),
    FastCheck.record({ kind: FastCheck.constant("cut" as const), at: position })
  ),
  { minLength: 1, maxLength: 4 }
)

const damaged = (body: Uint8Array, list: ReadonlyArray<Damage>): Uint8Array =>
  list.reduce((bytes: Uint8Array, damage) => {
    const at = Math.floor(damage.at * bytes.length)
    switch (damage.kind) {
      case "lose":
        return joined(bytes.subarray(0, at), bytes.subarray(at + damage.length))
      case "repeat":
        return joined(bytes.subarray(0, at + damage.length), bytes.subarray(at))
      case "write":
        return joined(bytes.subarray(0, at), new TextEncoder().encode(damage.text), bytes.subarray(at))
      case "cut":
        return bytes.subarray(0, at)
    }
  }, body)

const joined = (...pieces: ReadonlyArray<Uint8Array>): Uint8Array => {
  const whole = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0))
  let at = 0
  for (const piece of pieces) {
    whole.set(piece, at)
    at += piece.length
  }
  return whole
}

const judge = ({ deltas, error }: Wire.Seen): void => {
  const last = deltas.at(-1)
  assert.deepStrictEqual(Wire.disorder(deltas), [])
  assert.strictEqual(last?._tag === "Finish", error === undefined, "a finish, or else an error")
}

describe.skipIf(!Wire.isPresent)("damaged answers", () => {
  for (const [api, make] of Object.entries(apis)) {
    const recorded = Wire.cases(api).filter(({ body }) => body.length < 30_000)
    it.effect(`WIRE-1 RUN-4 ${api}: whatever arrives, it ends, in order`, () =>
      Effect.promise(() =>
        FastCheck.assert(
          FastCheck.asyncProperty(
            FastCheck.nat(Math.max(0, recorded.length - 1)),
            damages,
            FastCheck.array(position, { maxLength: 5 }),
            async (index, list, cuts) => {
              const found = recorded[index]
              if (found === undefined) return
              const body = damaged(found.body, list)
              const offsets = [...new Set(cuts.map((cut) => Math.floor(cut * body.length)))].sort((a, b) => a - b)
              const seen = await Effect.runPromise(
                overClient({ make }, { ...found, body }, Wire.cut(body, offsets)).pipe(Effect.timeout("5 seconds"))
              )
              judge(seen)
            }
          ),
          { numRuns: Number(process.env["AXONAL_FUZZ"] ?? 200) }
        )
      )
    )
  }
})
