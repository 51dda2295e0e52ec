import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as TokenCounter from "../../src/context/TokenCounter.ts"
import * as Message from "../../src/domain/Message.ts"
import * as Part from "../../src/domain/Part.ts"
import type { ToolSpec } from "../../src/domain/Request.ts"
import { samples } from "../support/writing.ts"

const perMessage = 4
const estimateOf = (...messages: ReadonlyArray<Message.Message>) => TokenCounter.estimate({ messages })
const textTokens = (text: string) => estimateOf(Message.user(text)) - perMessage
const fileTokens = (mediaType: string, data: Part.FileData) =>
  estimateOf(Message.user([Part.file(mediaType, data)])) - perMessage

/** Any UTF-16 at all, halves of characters included, and texts of every sample. */
const anyText = FastCheck.oneof(
  FastCheck.array(FastCheck.integer({ min: 0, max: 0xffff }), { maxLength: 200 }).map((codes) =>
    String.fromCharCode(...codes)
  ),
  FastCheck.string({ maxLength: 200 }),
  FastCheck.tuple(FastCheck.constantFrom(...samples.flatMap(({ texts }) => [...texts])), FastCheck.nat(300)).map(
    ([text, length]) => text.slice(0, length)
  )
)

/** A counter that keeps what it was asked. */
const recording = () => {
  const asked: Array<string> = []
  const counter = TokenCounter.make((text) => {
    asked.push(text)
    return text.length
  })
  return { asked, count: (input: TokenCounter.Countable) => Effect.runSync(counter.count(input)) }
}

const search: ToolSpec = { name: "search", description: "Finds", inputSchema: { type: "object" } }

describe("TokenCounter", () => {
  describe("estimate", () => {
    it("nothing has no tokens", () => {
      assert.strictEqual(TokenCounter.estimate({ messages: [], tools: [], responseFormat: { type: "text" } }), 0)
    })

    it("English words are about a token each", () => {
      assert.strictEqual(textTokens("The cat sat on the mat"), 7)
    })

    it("scripts differ in what a character costs", () => {
      const perCharacter = (text: string) => textTokens(text) / text.length
      const [latin, cyrillic, han] = ["English", "Russian", "Chinese, traditional"].map((name) =>
        perCharacter(samples.find((sample) => sample.name === name)?.texts[1] ?? "")
      )
      assert.isBelow(latin ?? 0, 0.26)
      assert.isAbove(cyrillic ?? 0, 0.22)
      assert.isAbove(han ?? 0, 0.8)
    })

    it("a run of one letter costs an eighth of its length", () => {
      assert.approximately(textTokens("a".repeat(50_000)), 6250, 10)
      assert.approximately(textTokens("A".repeat(50_000)), 6250, 10)
    })

    it("noise costs more than words", () => {
      const noise = samples.find(({ name }) => name === "Base64")?.texts[0] ?? ""
      assert.isAbove(textTokens(noise) / noise.length, 0.5)
    })

    it.prop(
      "any text has a whole number of tokens, nothing none, and no more than three a character",
      [anyText],
      ([text]) => {
        const tokens = textTokens(text)
        assert.isTrue(Number.isSafeInteger(tokens) && tokens >= 0 && tokens <= 1 + 3 * text.length)
      }
    )

    it.prop("a longer text never has fewer tokens", [anyText, anyText], ([text, more]) => {
      assert.isAtLeast(textTokens(text + more), textTokens(text))
    })

    it.prop("texts together cost about what they cost apart", [anyText, anyText], ([left, right]) => {
      assert.approximately(textTokens(left + right), textTokens(left) + textTokens(right), 30)
    })

    it.prop(
      "the repeated text costs as many times as much",
      [anyText, FastCheck.integer({ min: 1, max: 50 })],
      ([text, times]) => {
        // Where chains of letters or runs of signs grow past their limits, a character costs up to one token more or less.
        const most = times * (textTokens(text) + text.length)
        assert.isAtMost(textTokens(text.repeat(times)), most + 1)
      }
    )

    it.prop("the count of messages is the sum of their counts", [FastCheck.array(anyText)], ([texts]) => {
      const messages = texts.map((text, index) => (index % 2 === 0 ? Message.user(text) : Message.assistant(text)))
      assert.strictEqual(
        estimateOf(...messages),
        messages.reduce((sum, message) => sum + estimateOf(message), 0)
      )
    })
  })

  describe("what counts", () => {
    it("calls and results count with their names, arguments and content", () => {
      const { asked, count } = recording()
      const call: Part.ToolCall = { type: "tool-call", id: "1", name: "search", input: '{"q":1}' }
      const content: ReadonlyArray<Part.ResultContent> = [Part.text("found"), { type: "json", value: { a: [1] } }]
      const result: Part.ToolResult = { type: "tool-result", id: "1", name: "search", outcome: "ok", content }
      const tokens = count({ messages: [Message.assistant([call]), Message.tool([result])] })
      assert.deepStrictEqual(asked, ["search", '{"q":1}', "found", '{"a":[1]}'])
      assert.strictEqual(tokens, 2 * perMessage + 6 + 13 + 4 + 14)
    })

    it("reasoning and files of text count by their text", () => {
      const { asked, count } = recording()
      const parts: ReadonlyArray<Part.Part> = [
        { type: "reasoning", text: "hm" },
        Part.file("text/plain", { text: "notes" }),
        { type: "source", url: "https://example.com" }
      ]
      assert.strictEqual(count({ messages: [Message.assistant(parts)] }), perMessage + 7)
      assert.deepStrictEqual(asked, ["hm", "notes"])
    })

    it("tools count with name, description and schema", () => {
      const { asked, count } = recording()
      assert.strictEqual(count({ messages: [], tools: [search] }), 8 + 6 + 5 + 17)
      assert.deepStrictEqual(asked, ["search", "Finds", '{"type":"object"}'])
    })

    it("the schema of the answer counts", () => {
      const { count } = recording()
      const responseFormat = { type: "json", name: "answer", schema: { type: "object" } } as const
      assert.strictEqual(count({ messages: [], responseFormat }), 8 + 6 + 17)
      assert.strictEqual(count({ messages: [], responseFormat: { type: "json" } }), 0)
    })

    it("what has no JSON costs nothing", () => {
      const loop: Record<string, unknown> = {}
      loop["self"] = loop
      const { count } = recording()
      const values = [loop, 1n, undefined]
      const content = values.map((value): Part.ResultContent => ({ type: "json", value }))
      const result: Part.ToolResult = { type: "tool-result", id: "1", name: "x", outcome: "ok", content }
      assert.strictEqual(count({ messages: [Message.tool([result])] }), perMessage + 4)
      assert.strictEqual(count({ messages: [], tools: [{ name: "x", inputSchema: loop }] }), 8 + 1)
    })

    it("a count that is none counts as nothing", () => {
      for (const broken of [Number.NaN, -5, Number.POSITIVE_INFINITY]) {
        const counter = TokenCounter.make(() => broken)
        assert.strictEqual(Effect.runSync(counter.count({ messages: [Message.user("hi")] })), perMessage)
      }
    })
  })

  describe("work", () => {
    it("a message, a tool and a schema are counted once", () => {
      const { asked, count } = recording()
      const messages = Array.from({ length: 500 }, (_, index) => Message.user(`message ${index}`))
      const responseFormat = { type: "json", schema: search.inputSchema } as const
      const input: TokenCounter.Countable = { messages, tools: [search], responseFormat }
      const first = count(input)
      const work = asked.length
      assert.strictEqual(count(input), first)
      assert.strictEqual(asked.length, work + 1)
      count({ ...input, messages: [...messages, Message.user("new")], tools: [{ ...search }] })
      assert.deepStrictEqual(asked.slice(work + 1), ["new", "search", "Finds", ""])
    })

    it("work grows with the messages and not with their square", () => {
      const work = (length: number) => {
        const { asked, count } = recording()
        count({ messages: Array.from({ length }, () => Message.user("hello")) })
        return asked.length
      }
      assert.deepStrictEqual([10, 100, 1000].map(work), [10, 100, 1000])
    })

    it("counters remember apart", () => {
      const message = Message.user("hello")
      const count = (each: number) => Effect.runSync(TokenCounter.make(() => each).count({ messages: [message] }))
      assert.deepStrictEqual([count(1), count(2)], [perMessage + 1, perMessage + 2])
    })
  })

  describe("files", () => {
    const base64 = (...bytes: ReadonlyArray<number>) => Buffer.from(bytes).toString("base64")
    const u16 = (value: number) => [value >> 8, value & 255]
    const u16le = (value: number) => [value & 255, value >> 8]
    const zeros = (length: number) => Array.from({ length }, () => 0)
    const ascii = (text: string) => [...Buffer.from(text, "latin1")]
    const png = (width: number, height: number) =>
      base64(0x89, ...ascii("PNG\r\n\x1a\n"), ...zeros(8), 0, 0, ...u16(width), 0, 0, ...u16(height), ...zeros(20))
    const gif = (width: number, height: number) => base64(...ascii("GIF89a"), ...u16le(width), ...u16le(height))
    const jpeg = (width: number, height: number, before = 40) =>
      base64(
        ...[0xff, 0xd8, 0xff, 0xe1, ...u16(before + 2), ...zeros(before), 0xff, 0xff, 0xdb, ...u16(4), 0, 0],
        ...[0xff, 0xc2, ...u16(11), 8, ...u16(height), ...u16(width), 1, 0, 0, 0]
      )
    const webp = (kind: string, ...bytes: ReadonlyArray<number>) =>
      base64(...ascii("RIFF"), ...zeros(4), ...ascii(`WEBP${kind}`), ...zeros(4), ...bytes)
    const lossless = (width: number, height: number) => {
      const bits = (width - 1) | ((height - 1) << 14)
      return webp("VP8L", 0x2f, bits & 255, (bits >> 8) & 255, (bits >> 16) & 255, (bits >>> 24) & 255)
    }

    it.prop(
      "pictures of every format cost by their tiles",
      [FastCheck.integer({ min: 1, max: 9000 }), FastCheck.integer({ min: 1, max: 9000 }), FastCheck.nat(60_000)],
      ([width, height, before]) => {
        const scale = Math.min(1, 2048 / Math.max(width, height), 768 / Math.min(width, height))
        const tiles = [width, height].map((side) => Math.max(1, Math.ceil(Math.round(side * scale) / 512)))
        const expected = 85 + 170 * tiles.reduce((left, right) => left * right, 1)
        const u24 = (value: number) => [...u16le(value & 0xffff), value >> 16]
        const actual = {
          png: fileTokens("image/png", { base64: png(width, height) }),
          gif: fileTokens("image/gif", { base64: gif(width, height) }),
          jpeg: fileTokens("image/jpeg", { base64: jpeg(width, height, before) }),
          lossy: fileTokens("image/webp", { base64: webp("VP8 ", ...zeros(6), ...u16le(width), ...u16le(height)) }),
          lossless: fileTokens("image/webp", { base64: lossless(width, height) }),
          extended: fileTokens("image/webp", {
            base64: webp("VP8X", ...zeros(4), ...u24(width - 1), ...u24(height - 1))
          }),
          url: fileTokens("image/png", { url: `data:image/png;base64,${png(width, height)}` })
        }
        assert.deepStrictEqual(actual, {
          png: expected,
          gif: expected,
          jpeg: expected,
          lossy: expected,
          lossless: expected,
          extended: expected,
          url: expected
        })
      }
    )

    it("1024 by 1024 costs 765 and nothing more than 1445", () => {
      assert.strictEqual(fileTokens("image/png", { base64: png(1024, 1024) }), 765)
      assert.strictEqual(fileTokens("image/png", { base64: png(65_000, 24_000) }), 1445)
      assert.strictEqual(fileTokens("image/png", { base64: png(1, 1) }), 255)
    })

    it("a picture that does not tell its size costs 765, and so does a URL", () => {
      const broken = ["", "=", "!", base64(0x89), png(0, 5), jpeg(10, 10).slice(0, 60), base64(...ascii("BM"), 1, 2)]
      for (const data of broken) assert.strictEqual(fileTokens("image/png", { base64: data }), 765, data)
      assert.strictEqual(fileTokens("application/pdf", { url: "https://example.com/a.pdf" }), 765)
    })

    it.prop("bytes of any kind are files, too", [FastCheck.uint8Array({ maxLength: 80 }), anyText], ([bytes, text]) => {
      const headers = [[], [0xff, 0xd8], [0x89, 0x50], [0x52, 0x49, 0x46, 0x46], [0x47, 0x49]]
      for (const header of headers) {
        for (const data of [{ base64: base64(...header, ...bytes) }, { base64: text }, { url: text }]) {
          const tokens = fileTokens("image/jpeg", data)
          assert.isTrue(tokens >= 255 && tokens <= 1445)
        }
      }
    })

    it("other files cost by their size", () => {
      const sized = (bytes: number) => ({ base64: Buffer.alloc(bytes).toString("base64") })
      const actual = [
        fileTokens("application/pdf", sized(1)),
        fileTokens("application/pdf", sized(120_000)),
        fileTokens("application/pdf", sized(9_000_000)),
        fileTokens("audio/mpeg", sized(160_000)),
        fileTokens("audio/wav", sized(480_000)),
        fileTokens("video/mp4", sized(500_000)),
        fileTokens("text/csv", sized(3000)),
        fileTokens("application/json", sized(3000)),
        fileTokens("application/zip", sized(3000))
      ]
      assert.deepStrictEqual(actual, [2000, 6000, 200_000, 320, 320, 600, 1000, 1000, 300])
    })
  })

  it.effect("what is held is what the vendor counted and what was added, or the whole by our count", () =>
    Effect.gen(function* () {
      const counter = TokenCounter.make((text) => text.length)
      const words = [Message.user("12345")]
      const held = (added: ReadonlyArray<Message.Message>) =>
        TokenCounter.held(counter, { tokens: 1050, added }, () => assert.fail("it was counted by the vendor"))
      assert.strictEqual(yield* held([]), 1050)
      assert.strictEqual(yield* held(words), 1050 + perMessage + 5)
      const whole = TokenCounter.held(counter, undefined, () => ({ messages: words }))
      assert.strictEqual(yield* whole, perMessage + 5)
    })
  )

  it.effect("the default is the estimate", () =>
    Effect.gen(function* () {
      const counter = yield* TokenCounter.TokenCounter
      const input = { messages: [Message.user("Hello there")], tools: [search] }
      assert.strictEqual(yield* counter.count(input), TokenCounter.estimate(input))
    })
  )
})
