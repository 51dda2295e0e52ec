import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as cl100k from "gpt-tokenizer/encoding/cl100k_base"
import * as o200k from "gpt-tokenizer/encoding/o200k_base"
import type { Library } from "../../src/context/internal/tokensExact.ts"
import * as TokenCounter from "../../src/context/TokenCounter.ts"
import * as Tokenizer from "../../src/context/Tokenizer.ts"
import * as Message from "../../src/domain/Message.ts"
import type { ModelInfo } from "../../src/domain/ModelInfo.ts"
import * as Part from "../../src/domain/Part.ts"
import * as Transport from "../../src/transport/Transport.ts"
import { samples } from "../support/writing.ts"

const perMessage = 4
const stretch = 512
const slice = 2048
const model = (id: string): ModelInfo => ({ vendor: "someone", id })
const all = samples.flatMap(({ texts }) => [...texts])

const tokensOf = (counter: TokenCounter.Service, text: string) =>
  Effect.map(counter.count({ messages: [Message.user(text)] }), (tokens) => tokens - perMessage)

const anyText = FastCheck.array(FastCheck.integer({ min: 0, max: 0xffff }), { maxLength: 400 }).map((codes) =>
  String.fromCharCode(...codes)
)

/** Texts as they occur: samples in any order and number, whole or cut off. */
const written = FastCheck.array(FastCheck.tuple(FastCheck.constantFrom(...all), FastCheck.nat(500)), {
  maxLength: 40
}).map((parts) => parts.map(([text, length]) => text.slice(0, length)).join("\n\n"))

/** A library that keeps what it was given, and counts characters. */
const recording = (count: (text: string) => number = (text) => text.length) => {
  const given: Array<string> = []
  let cleared = 0
  const library: Library = {
    countTokens: (text) => {
      given.push(text)
      return count(text)
    },
    clearMergeCache: () => {
      cleared++
    }
  }
  const counter = Effect.runSync(Effect.cached(Tokenizer.makeWith(() => Promise.resolve(library))))
  return { given, counter, cleared: () => cleared }
}

/** The longest stretch in a row that a pattern matches. */
const longest = (text: string, pattern: RegExp) =>
  Math.max(0, ...Array.from(text.matchAll(pattern), ([match]) => match.length))

describe("Tokenizer", () => {
  describe("exactness", () => {
    it.effect("counts of all scripts and forms are those of the library", () =>
      Effect.gen(function* () {
        for (const [encoding, library] of [["o200k_base", o200k] as const, ["cl100k_base", cl100k] as const]) {
          const counter = yield* Tokenizer.make({ encoding })
          for (const text of all) assert.strictEqual(yield* tokensOf(counter, text), library.encode(text).length, text)
        }
      })
    )

    it.effect("a text longer than a slice is counted as a whole", () =>
      Effect.gen(function* () {
        for (const [encoding, library] of [["o200k_base", o200k] as const, ["cl100k_base", cl100k] as const]) {
          const counter = yield* Tokenizer.make({ encoding })
          for (const joint of ["\n\n", " ", "'s ", "\n/", "。", "1 "]) {
            const text = all.join(joint).repeat(3)
            assert.strictEqual(yield* tokensOf(counter, text), library.encode(text).length, joint)
          }
        }
      })
    )

    it.effect("words are not cut from their endings", () =>
      Effect.gen(function* () {
        const text = `${"don't".repeat(400)} `.repeat(5)
        assert.strictEqual(yield* tokensOf(yield* Tokenizer.make(), text), o200k.encode(text).length)
      })
    )

    it.effect.prop("any such text is", [written], ([text]) =>
      Effect.gen(function* () {
        assert.strictEqual(yield* tokensOf(yield* Tokenizer.make(), text), o200k.encode(text).length)
      })
    )

    it.effect("marks of control in a text are text", () =>
      Effect.gen(function* () {
        const counter = yield* Tokenizer.make()
        const text = "<|endoftext|><|im_start|>system<|im_sep|> <|endofprompt|>"
        const expected = o200k.encode(text, { disallowedSpecial: new Set() }).length
        assert.strictEqual(yield* tokensOf(counter, text), expected)
      })
    )

    it.effect("the estimate of every script is within its bounds", () =>
      Effect.gen(function* () {
        const counter = yield* Tokenizer.make()
        const near = ["English", "German", "French", "Spanish", "TypeScript", "Python", "Markdown", "Log", "Russian"]
        let sum = 0
        for (const { name, texts } of samples) {
          for (const text of texts) {
            const input = { messages: [Message.user(text)] }
            const off = TokenCounter.estimate(input) / (yield* counter.count(input)) - 1
            sum += Math.abs(off)
            assert.isAtLeast(off, near.includes(name) ? -0.12 : -0.3, name)
            assert.isAtMost(off, near.includes(name) ? 0.12 : name.startsWith("Chinese") ? 0.45 : 0.3, name)
          }
        }
        assert.isAtMost(sum / all.length, 0.1)
      })
    )

    it.effect("files and tools cost what they cost by estimate, beside their texts", () =>
      Effect.gen(function* () {
        const counter = yield* Tokenizer.make()
        const messages = [Message.user([Part.file("image/png", { url: "https://example.com/a.png" })])]
        const tools = [{ name: "search", description: "Finds a page", inputSchema: { type: "object" } }]
        const words = ["search", "Finds a page", '{"type":"object"}'].map((text) => o200k.encode(text).length)
        const expected = perMessage + 765 + 8 + words.reduce((left, right) => left + right)
        assert.strictEqual(yield* counter.count({ messages, tools }), expected)
      })
    )
  })

  describe("pathological texts", () => {
    it.effect.prop("any UTF-16 is counted", [anyText, FastCheck.integer({ min: 1, max: 40 })], ([text, times]) =>
      Effect.gen(function* () {
        const tokens = yield* tokensOf(yield* Tokenizer.make(), text.repeat(times))
        assert.isTrue(Number.isSafeInteger(tokens) && tokens <= 3 * times * text.length)
        assert.strictEqual(tokens === 0, text === "")
      })
    )

    it.effect("one letter fifty thousand times is an eighth as many tokens", () =>
      Effect.gen(function* () {
        assert.strictEqual(yield* tokensOf(yield* Tokenizer.make(), "a".repeat(50_000)), 6250)
      })
    )

    const bad = [
      "a",
      "A",
      "é",
      "字",
      "é́",
      "=",
      " ",
      "\n",
      "\t",
      " \n",
      "!\n/",
      "🎉",
      "🏳️‍🌈",
      "\ud800",
      "1",
      "ก็",
      "a字A",
      ". "
    ]
    const pathological = FastCheck.tuple(
      FastCheck.array(FastCheck.tuple(FastCheck.constantFrom(...bad), FastCheck.integer({ min: 1, max: 3000 })), {
        minLength: 1,
        maxLength: 4
      }),
      anyText
    ).map(([runs, text]) => runs.map(([unit, times]) => unit.repeat(times)).join("") + text)

    it.effect.prop("the library never sees a long stretch, and sees all of the text", [pathological], ([text]) =>
      Effect.gen(function* () {
        const { given, counter } = recording()
        assert.strictEqual(yield* tokensOf(yield* counter, text), text.length)
        assert.strictEqual(given.join(""), text)
        for (const piece of given) {
          assert.isAtMost(piece.length, slice)
          assert.isAtMost(longest(piece, /[\p{L}\p{M}]+/gu), stretch)
          assert.isAtMost(longest(piece, /[^\p{L}\p{N}]+/gu), stretch)
        }
        for (let index = 1; index < given.length; index++) {
          const joint = `${given[index - 1]?.slice(-1)}${given[index]?.charAt(0)}`
          assert.isFalse(/^[\ud800-\udbff][\udc00-\udfff]$/.test(joint))
        }
      })
    )

    it.effect("work grows with the text and not with its square", () =>
      Effect.gen(function* () {
        const work = (length: number) =>
          Effect.gen(function* () {
            const { given, counter } = recording()
            yield* tokensOf(yield* counter, "a".repeat(length))
            return given.reduce((sum, piece) => sum + piece.length ** 2, 0)
          })
        const [small, large] = [yield* work(10 * stretch), yield* work(100 * stretch)]
        assert.strictEqual(large, 10 * small)
      })
    )
  })

  describe("a library", () => {
    it.effect("that throws leaves the estimate", () =>
      Effect.gen(function* () {
        const { counter } = recording(() => {
          throw new Error("Disallowed special token found")
        })
        const input = { messages: [Message.user("The cat sat on the mat")] }
        assert.strictEqual(yield* (yield* counter).count(input), TokenCounter.estimate(input))
      })
    )

    it.effect("is asked once about a message", () =>
      Effect.gen(function* () {
        const { given, counter } = recording()
        const input = { messages: [Message.user("one"), Message.user("two")] }
        const counts = [yield* (yield* counter).count(input), yield* (yield* counter).count(input)]
        assert.deepStrictEqual(
          [given, counts],
          [
            ["one", "two"],
            [14, 14]
          ]
        )
      })
    )

    it.effect("forgets the words it has seen every four million characters", () =>
      Effect.gen(function* () {
        const { counter, cleared } = recording()
        for (let times = 0; times < 9; times++) yield* tokensOf(yield* counter, "word ".repeat(200_000))
        assert.strictEqual(cleared(), 2)
      })
    )

    it.effect("that takes long lets others run, whatever the clock says", () =>
      Effect.gen(function* () {
        let isFree = false
        const seen: Array<boolean> = []
        const { counter } = recording((text) => {
          const end = performance.now() + 20
          while (performance.now() < end);
          seen.push(isFree)
          return text.length
        })
        const service = yield* counter
        setTimeout(() => {
          isFree = true
        }, 0)
        yield* tokensOf(service, "a".repeat(3 * stretch))
        assert.deepStrictEqual(seen, [false, true, true])
      })
    )

    it.effect("that is missing is a typed error with the command that installs it", () =>
      Effect.gen(function* () {
        const missing = Object.assign(new Error("Cannot find package 'gpt-tokenizer' imported from here"), {
          code: "ERR_MODULE_NOT_FOUND"
        })
        const error = yield* Effect.flip(Tokenizer.makeWith(() => Promise.reject(missing)))
        assert.deepStrictEqual([error._tag, error.reason], ["TokenizerError", "NotInstalled"])
        assert.include(error.message, "npm install gpt-tokenizer")
      })
    )

    it.effect("that fails to load tells why", () =>
      Effect.gen(function* () {
        for (const failure of [new Error("Unexpected token"), "Unexpected token"]) {
          const exit = yield* Effect.exit(Tokenizer.makeWith(() => Promise.reject(failure)))
          const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
          assert.instanceOf(error, Tokenizer.TokenizerError)
          assert.include(String(error), "Failed: The package gpt-tokenizer could not be loaded: Unexpected token")
        }
      })
    )
  })

  describe("encodings", () => {
    it("follow from the id of the model", () => {
      const older = [
        "gpt-4",
        "gpt-4-turbo",
        "gpt-4-0613",
        "gpt-3.5-turbo",
        "gpt-35-turbo",
        "openai/gpt-4",
        "ft:gpt-4:me"
      ]
      const newer = [
        "gpt-4o",
        "gpt-4.1-mini",
        "gpt-4.5",
        "gpt-5-mini",
        "o3",
        "openai/gpt-oss-20b",
        "claude",
        "not-gpt-4",
        ""
      ]
      assert.deepStrictEqual(new Set(older.map((id) => Tokenizer.encodingOf(model(id)))), new Set(["cl100k_base"]))
      assert.deepStrictEqual(new Set(newer.map((id) => Tokenizer.encodingOf(model(id)))), new Set(["o200k_base"]))
    })

    const text = samples.find(({ name }) => name === "Hindi")?.texts[0] ?? ""
    const counted = Effect.flatMap(TokenCounter.TokenCounter, (counter) => tokensOf(counter, text))
    const [new200, old100] = [o200k.encode(text).length, cl100k.encode(text).length]
    const transport = (id: string) =>
      Layer.succeed(
        Transport.Transport,
        Transport.fromStream(model(id), () => Stream.empty)
      )

    it.effect("are that of the option, of the model, and o200k_base, in this order", () =>
      Effect.gen(function* () {
        const layers: ReadonlyArray<Tokenizer.Options | undefined> = [
          undefined,
          { model: model("gpt-4") },
          { model: model("gpt-4"), encoding: "o200k_base" }
        ]
        const counts = yield* Effect.forEach(layers, (options) => Effect.provide(counted, Tokenizer.layer(options)))
        assert.deepStrictEqual(counts, [new200, old100, new200])
      })
    )

    it.effect("are those of the transport's model, when asked for", () =>
      Effect.gen(function* () {
        const count = (id: string) => Effect.provide(counted, Layer.provide(Tokenizer.layerTransport, transport(id)))
        assert.deepStrictEqual([yield* count("gpt-4-turbo"), yield* count("gpt-5")], [old100, new200])
      })
    )
  })
})
