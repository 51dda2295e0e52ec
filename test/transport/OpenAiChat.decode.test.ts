import { assert, describe, it } from "@effect/vitest"
import type { Delta } from "../../src/domain/Delta.ts"
import { Decoder } from "../../src/transport/internal/openAiChatDecode.ts"
import * as Wire from "../support/wire.ts"

const decode = (text: string, vendor = "v") => {
  const decoder = new Decoder(vendor)
  decoder.push(new TextEncoder().encode(text))
  decoder.end()
  const deltas: ReadonlyArray<Delta> = decoder.take()
  assert.deepStrictEqual(Wire.disorder(deltas), [])
  return { deltas, failure: decoder.failure, parts: Wire.parts(deltas), finish: deltas[deltas.length - 1] }
}

const chunk = (delta: object, more: object = {}) => ({ choices: [{ index: 0, delta, ...more }] })
const fragment = (index: number | undefined, id: string | null, name: string | null, input: string | null) =>
  chunk({ tool_calls: [{ index, id, function: { name, arguments: input } }] })
const end = (reason: string | null) => chunk({}, { finish_reason: reason })

const reasonOf = (delta: Delta | undefined) => (delta?._tag === "Finish" ? delta.reason : undefined)

describe("OpenAiChat decode", () => {
  it("yields deltas in the order in which they came", () => {
    const call = fragment(0, "c1", "f", '{"a":')
    const text = Wire.events(
      { id: "r", model: "m", ...chunk({ role: "assistant", content: "" }) },
      chunk({ reasoning_content: "hm" }),
      chunk({ content: "a" }),
      call,
      fragment(0, null, null, "1}"),
      end("tool_calls")
    )
    const meta = { v: { field: "reasoning_content" } }
    assert.deepStrictEqual(decode(text).deltas.slice(0, -1), [
      { _tag: "ResponseStart", id: "r", model: "m" },
      { _tag: "PartStart", index: 0, kind: "reasoning", name: undefined },
      { _tag: "ReasoningDelta", index: 0, delta: "hm" },
      { _tag: "PartEnd", index: 0, part: { type: "reasoning", text: "hm", meta } },
      { _tag: "PartStart", index: 1, kind: "text", name: undefined },
      { _tag: "TextDelta", index: 1, delta: "a" },
      { _tag: "PartEnd", index: 1, part: { type: "text", text: "a" } },
      { _tag: "PartStart", index: 2, kind: "tool-call", name: "f" },
      { _tag: "ToolInputDelta", index: 2, delta: '{"a":' },
      { _tag: "ToolInputDelta", index: 2, delta: "1}" },
      { _tag: "PartEnd", index: 2, part: { type: "tool-call", id: "c1", name: "f", input: '{"a":1}' } }
    ])
  })

  const calls: ReadonlyArray<
    readonly [string, ReadonlyArray<object>, ReadonlyArray<readonly [string, string, string]>]
  > = [
    [
      "interleaved (AG-09)",
      [fragment(0, "a", "f", "{"), fragment(1, "b", "g", "["), fragment(0, null, null, "}"), fragment(1, "", "", "]")],
      [
        ["a", "f", "{}"],
        ["b", "g", "[]"]
      ]
    ],
    ["counted from 1", [fragment(1, "a", "f", ""), fragment(1, null, null, "{}")], [["a", "f", "{}"]]],
    ["with repeated ids and names", [fragment(0, "a", "f", "{"), fragment(0, "a", "f", "}")], [["a", "f", "{}"]]],
    ["with a name that comes late", [fragment(0, "a", "", ""), fragment(0, "", "f", "")], [["a", "f", "{}"]]],
    [
      "without ids",
      [fragment(0, null, "f", "{}"), fragment(1, "", "g", "{}")],
      [
        ["", "f", "{}"],
        ["", "g", "{}"]
      ]
    ],
    [
      "all under number 0",
      [fragment(0, "a", "f", "{}"), fragment(0, "b", "f", '{"b":1}')],
      [
        ["a", "f", "{}"],
        ["b", "f", '{"b":1}']
      ]
    ],
    [
      "without numbers",
      [fragment(undefined, "a", "f", "{"), fragment(undefined, "", "", "}"), fragment(undefined, "b", "f", "{}")],
      [
        ["a", "f", "{}"],
        ["b", "f", "{}"]
      ]
    ],
    ["cut off by the limit", [fragment(0, "a", "f", '{"a":')], [["a", "f", '{"a":']]]
  ]

  it.each(calls)("assembles calls %s", (_, chunks, expected) => {
    const { parts } = decode(Wire.events(...chunks, end("tool_calls")))
    assert.deepStrictEqual(
      parts,
      expected.map(([id, name, input]) => ({ type: "tool-call", id, name, input }))
    )
  })

  it("takes arguments that are an object", () => {
    const whole = {
      choices: [{ message: { tool_calls: [{ id: "a", function: { name: "f", arguments: { b: 1 } } }] } }]
    }
    const { finish, parts } = decode(JSON.stringify(whole))
    assert.deepStrictEqual(parts, [{ type: "tool-call", id: "a", name: "f", input: '{"b":1}' }])
    assert.strictEqual(reasonOf(finish), "tool-calls")
  })

  it("keeps a thought signature with its call", () => {
    const extra = { google: { thought_signature: "s" } }
    const signed = chunk({ tool_calls: [{ index: 0, function: { name: "f", arguments: "{}" }, extra_content: extra }] })
    assert.deepStrictEqual(decode(Wire.events(signed, end("stop"))).parts, [
      { type: "tool-call", id: "", name: "f", input: "{}", meta: { v: { extra_content: extra } } }
    ])
  })

  it("counts reasoning once when it is sent twice, and keeps its signature", () => {
    const text = (words: string, more: object = {}) =>
      chunk({
        reasoning: words,
        reasoning_content: words,
        reasoning_details: [{ type: "reasoning.text", text: words, index: 0, ...more }]
      })
    const signature = chunk({ reasoning_details: [{ type: "reasoning.text", index: 0, signature: "s" }] })
    const late = chunk({ reasoning_details: [{ type: "reasoning.encrypted", data: "d" }] })
    const { deltas, parts } = decode(
      Wire.events(text("a"), text("b"), signature, chunk({ content: "x" }), late, chunk({ content: "y" }), end("stop"))
    )
    assert.strictEqual(Wire.written(deltas, "ReasoningDelta"), "ab")
    const details = [{ type: "reasoning.text", text: "ab", index: 0, signature: "s" }]
    const hidden = [{ type: "reasoning.encrypted", data: "d" }]
    assert.deepStrictEqual(parts, [
      { type: "reasoning", text: "ab", meta: { v: { field: "reasoning_content", details } } },
      { type: "text", text: "xy" },
      { type: "reasoning", text: "", meta: { v: { field: "reasoning_details", details: hidden } } }
    ])
  })

  it("keeps <think> in the text", () => {
    const { parts } = decode(Wire.events(chunk({ content: "<think>a</think>" }), chunk({ content: "b" }), end("eos")))
    assert.deepStrictEqual(parts, [{ type: "text", text: "<think>a</think>b" }])
  })

  it("marks a refusal", () => {
    const { finish, parts } = decode(Wire.events(chunk({ content: null, refusal: "no" }), end("stop")))
    assert.deepStrictEqual(parts, [{ type: "text", text: "no", meta: { v: { field: "refusal" } } }])
    assert.strictEqual(reasonOf(finish), "stop")
  })

  it("hands out pictures, sound with its words, and sources", () => {
    const image = { type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } }
    const annotation = { type: "url_citation", url_citation: { url: "https://a", title: "A" } }
    const { parts } = decode(
      Wire.events(
        chunk({ content: "t", images: [image] }),
        chunk({ audio: { id: "au", data: "UklGRg==", transcript: "w" } }),
        chunk({ audio: { data: "AAAA" }, annotations: [annotation] }),
        { ...end("stop"), citations: ["https://a", "https://b"], search_results: [{ url: "https://b", title: "B" }] }
      )
    )
    assert.deepStrictEqual(parts, [
      { type: "text", text: "t" },
      { type: "file", mediaType: "image/png", data: { base64: "AAAA" }, meta: { v: { field: "images" } } },
      { type: "text", text: "w", meta: { v: { field: "transcript" } } },
      {
        type: "file",
        mediaType: "audio/wav",
        data: { base64: "UklGRgAAAA==" },
        meta: { v: { field: "audio", id: "au" } }
      },
      { type: "source", url: "https://a", title: "A" },
      { type: "source", url: "https://b", title: "B" }
    ])
  })

  it("hands parts over in the order in which they began", () => {
    const image = { image_url: { url: "https://i" } }
    const { parts } = decode(
      Wire.events(
        chunk({ content: "a", images: [image] }),
        chunk({ content: "b" }),
        fragment(0, "c", "f", "{"),
        chunk({ content: "x" }),
        chunk({ reasoning: "hm" }),
        fragment(0, null, null, "}"),
        end("tool_calls")
      )
    )
    assert.deepStrictEqual(parts, [
      { type: "text", text: "ab" },
      { type: "file", mediaType: "image/*", data: { url: "https://i" }, meta: { v: { field: "images" } } },
      { type: "tool-call", id: "c", name: "f", input: "{}" },
      { type: "text", text: "x" },
      { type: "reasoning", text: "hm", meta: { v: { field: "reasoning" } } }
    ])
  })

  const reasons: ReadonlyArray<readonly [string | null, string]> = [
    ["stop", "stop"],
    ["length", "length"],
    ["model_length", "length"],
    ["tool_calls", "tool-calls"],
    ["content_filter", "content-filter"],
    ["error", "error"],
    ["abort", "other"],
    [null, "stop"]
  ]

  it.each(reasons)("finish reason %s means %s", (raw, reason) => {
    assert.strictEqual(reasonOf(decode(Wire.events(chunk({ content: "a" }), end(raw))).finish), reason)
  })

  it("TR-22 a finish that names the window is an overflow when nothing was said, else a cut", () => {
    const full = end("model_context_window_exceeded")
    const nothing = decode(Wire.events(chunk({ content: "" }), full))
    assert.deepStrictEqual([nothing.failure?._tag, nothing.deltas], ["ContextOverflow", []])
    const some = decode(Wire.events(chunk({ content: "a" }), full))
    assert.deepStrictEqual([some.failure, reasonOf(some.finish)], [undefined, "length"])
  })

  it("xAI's reasoning beside the completion is part of the output", () => {
    const usage = {
      prompt_tokens: 5,
      completion_tokens: 2,
      total_tokens: 10,
      completion_tokens_details: { reasoning_tokens: 3 }
    }
    assert.deepStrictEqual(
      Wire.usage(decode(Wire.events(chunk({ content: "a" }), { ...end("stop"), usage })).deltas)?.outputTokens,
      {
        total: 5,
        text: 2,
        reasoning: 3
      }
    )
  })

  it("usage of an earlier chunk is not erased by a later null", () => {
    const usage = { prompt_tokens: 1, completion_tokens: 2, cost: 0.5 }
    const { deltas } = decode(Wire.events({ ...end("stop"), usage }, { choices: [], usage: null }))
    assert.deepStrictEqual(
      [Wire.usage(deltas)?.inputTokens.total, Wire.usage(deltas)?.outputTokens.total, Wire.usage(deltas)?.costUsd],
      [1, 2, 0.5]
    )
  })

  describe("failures", () => {
    const begun = `data: ${JSON.stringify(chunk({ content: "a" }))}\n\n`
    const failures: ReadonlyArray<readonly [string, string, object]> = [
      [
        "an error object",
        `${begun}data: {"error":{"message":"m","type":"server_error","code":null}}\n\n`,
        { _tag: "Overloaded", message: "m", type: "server_error" }
      ],
      [
        "an event named error",
        `${begun}event: error\ndata: {"message":"m","code":"rate_limit_exceeded"}\n\n`,
        { _tag: "RateLimited", message: "m", code: "rate_limit_exceeded" }
      ],
      [
        "an event named error that is text",
        `${begun}event: error\ndata: broken\n\n`,
        { _tag: "Overloaded", message: "broken" }
      ],
      [
        "the field error of llama-box",
        `${begun}error: {"code":500,"message":"m","type":"server_error"}\n\n`,
        { _tag: "Overloaded", message: "m", status: 500, type: "server_error", code: "500" }
      ],
      [
        "an error beside choices, after the finish",
        `${begun}data: ${JSON.stringify({ ...end("stop"), error: { code: 429, message: "m" } })}\n\ndata: [DONE]\n\n`,
        { _tag: "RateLimited", message: "m", status: 429, code: "429" }
      ],
      [
        "an overflow",
        `data: {"error":{"message":"maximum context length is 5 tokens"}}\n\n`,
        { _tag: "ContextOverflow", message: "maximum context length is 5 tokens" }
      ],
      [
        "an error that is a whole JSON body",
        `{"error":{"message":"m","status_code":503}}`,
        { _tag: "Overloaded", message: "m", status: 503 }
      ],
      [
        "broken JSON",
        `${begun}data: {"choices":[\n\ndata: [DONE]\n\n`,
        { _tag: "Malformed", message: 'The server sent broken JSON: {"choices":[' }
      ],
      [
        "an end without an end",
        begun,
        { _tag: "Network", message: "The connection ended before the answer was complete." }
      ],
      [
        "an end in an event",
        `${begun}data: {"choices":[{"index":0,"delta":{"con`,
        { _tag: "Network", message: "The connection ended before the answer was complete." }
      ]
    ]

    it.each(failures)("WIRE-2 %s is a failure", (_, text, failure) => {
      const decoded = decode(text)
      assert.deepStrictEqual({ ...decoded.failure }, failure)
      assert.deepStrictEqual(decoded.parts, [])
      assert.strictEqual(reasonOf(decoded.finish), undefined)
    })
  })

  it("TURN-1 an answer is complete with a finish reason and no end marker", () => {
    const { failure, finish } = decode(
      Wire.events(chunk({ content: "a" }), end("stop")).replace("data: [DONE]\n\n", "")
    )
    assert.deepStrictEqual([failure, reasonOf(finish)], [undefined, "stop"])
  })

  it("skips what it does not know", () => {
    const { failure, parts } = decode(
      `data: ping\n\nevent: ping\ndata: {"type":"ping"}\n\n${Wire.events([], 1, null, { object: "other" }, { choices: [null, { index: 1, delta: { content: "x" } }, { index: 0 }] }, chunk({ content: "a", tool_calls: null, refusal: "", audio: null, images: null }), end("stop"))}`
    )
    assert.deepStrictEqual([failure, parts], [undefined, [{ type: "text", text: "a" }]])
  })
})
