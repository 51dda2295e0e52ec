import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Message from "../../src/domain/Message.ts"
import type * as Part from "../../src/domain/Part.ts"
import { Decoder } from "../../src/transport/internal/openAiChatDecode.ts"
import * as Encode from "../../src/transport/internal/openAiChatEncode.ts"
import * as OpenAiChat from "../../src/transport/OpenAiChat.ts"
import * as Transport from "../../src/transport/Transport.ts"
import * as Wire from "../support/wire.ts"

type Tags = boolean | "inside"

const chunk = (delta: object, more: object = {}) => ({ choices: [{ index: 0, delta, ...more }] })
const stop = chunk({}, { finish_reason: "stop" })

const decoded = (chunks: ReadonlyArray<object>, tags: Tags = true) => {
  const decoder = new Decoder("v", tags)
  decoder.push(new TextEncoder().encode(Wire.events(...chunks, stop)))
  decoder.end()
  const deltas = decoder.take()
  assert.deepStrictEqual(Wire.disorder(deltas), [])
  return deltas
}

/** The parts of an answer whose text came in these pieces. */
const parts = (pieces: ReadonlyArray<string>, tags?: Tags): ReadonlyArray<Part.Part> =>
  Wire.parts(
    decoded(
      pieces.map((content) => chunk({ content })),
      tags
    )
  )

const text = (words: string): Part.Text => ({ type: "text", text: words })
const thought = (words: string, open: string, close?: string): Part.Reasoning => ({
  type: "reasoning",
  text: words,
  meta: { v: { field: "tags", open, ...(close === undefined ? undefined : { close }) } }
})

/** What goes back to the vendor that said this. */
const returned = (said: ReadonlyArray<Part.Part>): string => {
  const encoder = Encode.make({ vendor: "v", id: "m" })
  const body = Either.getOrThrow(encoder.encode(Transport.request({ messages: [Message.assistant(said)] })))
  return JSON.parse(body).messages[0]?.content ?? ""
}

const pieces = FastCheck.array(
  FastCheck.oneof(
    FastCheck.constantFrom("<think>", "</think>", "<thinking>", "</thinking>", "<", "</", "<thi", "\n", " ", "<b>"),
    FastCheck.string({ maxLength: 3 })
  ),
  { maxLength: 12 }
)

describe("OpenAiChat thinkTags", () => {
  it.each<[string, string, ReadonlyArray<Part.Part>]>([
    ["nothing but text", "a < b", [text("a < b")]],
    ["reasoning first", "<think>\nhm\n</think>\n\nyes", [thought("hm\n", "<think>\n", "</think>\n\n"), text("yes")]],
    [
      "the longer tag",
      "<thinking>h</think>m</thinking>a",
      [thought("h</think>m", "<thinking>", "</thinking>"), text("a")]
    ],
    [
      "reasoning between texts",
      "a<think>h</think>b<think>m</think>",
      [text("a"), thought("h", "<think>", "</think>"), text("b"), thought("m", "<think>", "</think>")]
    ],
    [
      "reasoning twice in a row",
      "<think>h</think> <think>m</think>a",
      [thought("h", "<think>", "</think> "), thought("m", "<think>", "</think>"), text("a")]
    ],
    ["no reasoning between tags", "<think>\n\n</think>\n\na", [thought("", "<think>\n\n", "</think>\n\n"), text("a")]],
    ["reasoning that never ends", "<think>hm", [thought("hm", "<think>")]],
    ["an end without a beginning", "hm</think>a", [text("hm</think>a")]],
    ["half a tag at the end", "a<thin", [text("a<thin")]],
    ["half a closing tag at the end", "<think>a</th", [thought("a</th", "<think>")]],
    ["a tag in capitals", "<Think>a", [text("<Think>a")]]
  ])("splits %s", (_, said, expected) => {
    assert.deepStrictEqual(parts([said]), expected)
    assert.deepStrictEqual(parts([...said]), expected)
  })

  it.each<[string, string, ReadonlyArray<Part.Part>]>([
    ["only ends", "hm</think>\na", [thought("hm", "", "</think>\n"), text("a")]],
    ["ends with the longer tag", "hm</thinking>a", [thought("hm", "", "</thinking>"), text("a")]],
    ["begins all the same", "\n<think>\nhm</think>a", [thought("hm", "\n<think>\n", "</think>"), text("a")]],
    ["never ends", "hm", [thought("hm", "")]],
    ["is nothing", "", []]
  ])("an answer that begins inside and %s is split", (_, said, expected) => {
    assert.deepStrictEqual(parts([said], "inside"), expected)
    assert.deepStrictEqual(parts([...said], "inside"), expected)
  })

  it("is off unless asked for", () => {
    assert.deepStrictEqual(parts(["<think>a</think>b"], false), [text("<think>a</think>b")])
  })

  it.prop(
    "WIRE-1 reasoning in tags is the same however it is cut",
    [pieces, FastCheck.constantFrom<Tags>(true, "inside")],
    ([said, tags]) => {
      const whole = said.join("")
      const expected = parts([whole], tags)
      assert.deepStrictEqual(parts(said, tags), expected)
      for (let cut = 0; cut <= whole.length; cut++) {
        assert.deepStrictEqual(parts([whole.slice(0, cut), whole.slice(cut)], tags), expected)
      }
    }
  )

  it.prop(
    "TURN-3 reasoning in tags goes back as it came",
    [pieces, FastCheck.constantFrom<Tags>(true, "inside")],
    ([said, tags]) => {
      assert.strictEqual(returned(parts(said, tags)), said.join(""))
    }
  )

  it("goes to no other vendor", () => {
    const messages = [Message.assistant([thought("hm", "<think>", "</think>"), text("a")])]
    const body = Either.getOrThrow(Encode.make({ vendor: "w", id: "m" }).encode(Transport.request({ messages })))
    assert.deepStrictEqual(JSON.parse(body).messages, [{ role: "assistant", content: "a" }])
  })

  it("a call ends what looked like a tag", () => {
    const call = { index: 0, id: "c", function: { name: "f", arguments: "{}" } }
    const deltas = decoded([
      chunk({ content: "<think>hm<" }),
      chunk({ tool_calls: [call] }),
      chunk({ content: "m</think>" })
    ])
    assert.deepStrictEqual(Wire.parts(deltas), [
      thought("hm<", "<think>"),
      { type: "tool-call", id: "c", name: "f", input: "{}" },
      { type: "reasoning", text: "m", meta: { v: { field: "tags", close: "</think>" } } }
    ])
  })

  it("WIRE-1 a long text of what may be tags is split in one go", () => {
    const long = "<thin".repeat(200_000)
    const found = parts([`<think>${long}</think>`, ...[..."<".repeat(20_000)]])
    assert.deepStrictEqual(found, [thought(long, "<think>", "</think>"), text("<".repeat(20_000))])
  })

  it.skipIf(!Wire.isPresent)("TURN-3 a recorded answer with tags goes back as it came", () => {
    const recorded = Wire.cases("openai-chat").find(({ name }) => name === "compat/together-think-tags-stream")
    assert(recorded !== undefined)
    const decoder = new Decoder("v", true)
    decoder.push(recorded.body)
    decoder.end()
    const said = Wire.parts(decoder.take())
    // Its middle is missing in the recording, and with it the closing tag.
    assert.deepStrictEqual(
      said.map(({ type }) => type),
      ["reasoning"]
    )
    assert.strictEqual(returned(said), recorded.expected.text)
  })

  it.effect("is an option of the layer", () =>
    Effect.gen(function* () {
      const server = yield* Wire.server((response) =>
        response.writeHead(200).end(Wire.events(chunk({ content: "hm</think>a" }), stop))
      )
      const service = yield* OpenAiChat.make({ model: "m", vendor: "v", baseUrl: server.url, thinkTags: "inside" })
      const seen = yield* Wire.collect(service.open(Transport.request({ messages: [Message.user("hi")] })))
      assert.deepStrictEqual(Wire.parts(seen.deltas), [thought("hm", "", "</think>"), text("a")])
    }).pipe(Effect.scoped, Effect.provide(FetchHttpClient.layer))
  )

  it("TURN-3 sealed reasoning beside the text goes back", () => {
    const said = Wire.parts(
      decoded([chunk({ reasoning_text: "hm" }), chunk({ reasoning_opaque: "sealed" }), chunk({ content: "a" })])
    )
    const body = Either.getOrThrow(
      Encode.make({ vendor: "v", id: "m" }).encode(Transport.request({ messages: [Message.assistant(said)] }))
    )
    assert.deepStrictEqual(JSON.parse(body).messages, [
      { role: "assistant", content: "a", reasoning_text: "hm", reasoning_opaque: "sealed" }
    ])
  })
})
