import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import type { Delta } from "../../src/domain/Delta.ts"
import { Decoder } from "../../src/transport/internal/geminiDecode.ts"
import * as Wire from "../support/wire.ts"

const decode = (text: string) => {
  const decoder = new Decoder()
  decoder.push(new TextEncoder().encode(text))
  decoder.end()
  const deltas: ReadonlyArray<Delta> = decoder.take()
  assert.deepStrictEqual(Wire.disorder(deltas), [])
  const finish = deltas[deltas.length - 1]
  return {
    deltas,
    failure: decoder.failure,
    parts: Wire.parts(deltas),
    reason: finish?._tag === "Finish" ? finish.reason : undefined,
    usage: finish?._tag === "Finish" ? finish.usage : undefined,
    meta: finish?._tag === "Finish" ? finish.meta : undefined
  }
}

const event = (value: unknown) => `data: ${JSON.stringify(value)}\r\n\r\n`
const chunk = (parts: ReadonlyArray<object>, more: object = {}) => ({
  candidates: [{ content: { parts, role: "model" }, ...more }]
})
/** An answer whose chunks hold these parts. */
const answer = (...chunks: ReadonlyArray<ReadonlyArray<object>>) =>
  decode([...chunks.map((parts) => event(chunk(parts))), event(chunk([], { finishReason: "STOP" }))].join(""))
const call = (functionCall: object, more: object = {}) => ({ functionCall, ...more })
const piece = (jsonPath: string, value: object, more: object = {}) =>
  call({ partialArgs: [{ jsonPath, ...value, ...more }], willContinue: true })
const toolCall = (name: string, input: string, more: object = {}) => ({
  type: "tool-call",
  id: "",
  name,
  input,
  ...more
})
const signed = (thoughtSignature: string) => ({ meta: { google: { thoughtSignature } } })

describe("Gemini decode", () => {
  it("yields deltas in the order in which they came", () => {
    const text = [
      event({ ...chunk([{ text: "hm", thought: true }]), responseId: "r", modelVersion: "m" }),
      event(chunk([{ text: "a" }])),
      event(chunk([{ text: "b" }, call({ name: "f", args: { x: 1 } })], { finishReason: "STOP" }))
    ]
    assert.deepStrictEqual(decode(text.join("")).deltas.slice(0, -1), [
      { _tag: "ResponseStart", id: "r", model: "m" },
      { _tag: "PartStart", index: 0, kind: "reasoning", name: undefined },
      { _tag: "ReasoningDelta", index: 0, delta: "hm" },
      { _tag: "PartEnd", index: 0, part: { type: "reasoning", text: "hm" } },
      { _tag: "PartStart", index: 1, kind: "text", name: undefined },
      { _tag: "TextDelta", index: 1, delta: "a" },
      { _tag: "TextDelta", index: 1, delta: "b" },
      { _tag: "PartEnd", index: 1, part: { type: "text", text: "ab" } },
      { _tag: "PartStart", index: 2, kind: "tool-call", name: "f" },
      { _tag: "ToolInputDelta", index: 2, delta: '{"x":1}' },
      { _tag: "PartEnd", index: 2, part: { type: "tool-call", id: "", name: "f", input: '{"x":1}' } }
    ])
  })

  describe("signatures", () => {
    it("TURN-3 stay on the part they came on", () => {
      const { parts } = answer(
        [{ text: "t", thought: true, thoughtSignature: "s1" }],
        [{ text: "a" }, { text: "b", thoughtSignature: "s2" }, { text: "c" }],
        [{ text: "", thoughtSignature: "s3" }, { text: "" }],
        [{ inlineData: { mimeType: "image/png", data: "iVBO" }, thoughtSignature: "s4" }],
        [call({ name: "f" }, { thoughtSignature: "s5" }), call({ name: "g", id: "g1" })]
      )
      assert.deepStrictEqual<unknown>(parts, [
        { type: "reasoning", text: "t", ...signed("s1") },
        { type: "text", text: "a" },
        { type: "text", text: "b", ...signed("s2") },
        { type: "text", text: "c" },
        { type: "text", text: "", ...signed("s3") },
        { type: "file", mediaType: "image/png", data: { base64: "iVBO" }, ...signed("s4") },
        toolCall("f", "{}", signed("s5")),
        toolCall("g", "{}", { id: "g1" })
      ])
    })

    it("a picture of a thought is no part of the answer", () => {
      const sketch = { inlineData: { mimeType: "image/png", data: "iVBO" }, thought: true }
      const part = { ...sketch, thoughtSignature: "s" }
      assert.deepStrictEqual<unknown>(answer([sketch, part, { text: "a" }]).parts, [
        { type: "reasoning", text: "", meta: { google: { part } } },
        { type: "text", text: "a" }
      ])
    })
  })

  describe("arguments in pieces", () => {
    const inputs = (...parts: ReadonlyArray<object>) =>
      answer(...parts.map((part) => [part])).parts.flatMap((part) => (part.type === "tool-call" ? [part.input] : []))
    const writtenOf = (deltas: ReadonlyArray<Delta>) =>
      deltas.map((delta) => (delta._tag === "ToolInputDelta" ? delta.delta : "")).join("")
    const begin = call({ name: "f", willContinue: true })
    const end = call({})

    it("are put together under their paths", () => {
      const found = inputs(
        begin,
        piece("$.a", { stringValue: "x\n" }, { willContinue: true }),
        piece("$.a", { stringValue: 'y"' }),
        piece("$.b.c[0].d", { numberValue: 1.5 }),
        piece("$.b.c[0]['e f']", { boolValue: false }),
        piece("$.b.c[1]", { stringValue: "" }),
        piece("$.b.g", { nullValue: "NULL_VALUE" }),
        piece('$["2"]', { stringValue: "z" }),
        piece("$.__proto__", { numberValue: 0 }),
        end
      )
      assert.deepStrictEqual(found, [
        '{"a":"x\\ny\\"","b":{"c":[{"d":1.5,"e f":false},""],"g":null},"2":"z","__proto__":0}'
      ])
    })

    const one = piece("$.a", { numberValue: 1 })
    const two = piece("$.a.b", { numberValue: 2 })

    it("may come out of order, end without an end, or be none", () => {
      const late = inputs(
        begin,
        piece("$.a.b", { numberValue: 1 }),
        piece("$.c", { numberValue: 2 }),
        piece("$.a.d", { numberValue: 3 })
      )
      assert.deepStrictEqual(late, ['{"a":{"b":1,"d":3},"c":2}'])
      assert.deepStrictEqual(inputs(begin, begin, end, end), ["{}", "{}"])
      assert.deepStrictEqual(inputs(begin, piece("$.a[1]", { numberValue: 1 }), piece("", { numberValue: 1 })), [
        '{"a":[null,1]}'
      ])
      assert.deepStrictEqual(inputs(begin, piece("$.a", { stringValue: "x" }), call({ args: {} })), ['{"a":"x"}'])
      assert.deepStrictEqual(inputs(begin, call({ args: { a: 1 } })), ['{"a":1}'])
      assert.deepStrictEqual(inputs(begin, one, begin, two), ['{"a":1}', '{"a":{"b":2}}'])
      assert.deepStrictEqual(inputs(begin, one, two), ['{"a":{"b":2}}'])
      assert.deepStrictEqual(inputs(call({ name: "f", args: { a: 1 } }), call({ args: { b: 2 } })), ['{"a":1}'])
    })

    it.each([
      [[one, piece("$.c", { numberValue: 2 }), one], '{"a":1,"c":2'],
      [[one, two, one], '{"a":1'],
      [[piece("$.a[0]", { numberValue: 1 }), piece("$.a[2]", { numberValue: 1 })], '{"a":[1'],
      [[piece("$.a.b", { numberValue: 1 }), piece("$.c", { numberValue: 1 }), two], '{"a":{"b":1},"c":1']
    ])("out of order are not written before they are whole: %j", (parts, text) => {
      assert.strictEqual(writtenOf(answer(...[begin, ...parts, end].map((part) => [part])).deltas), text)
    })

    const leaf = FastCheck.oneof(FastCheck.string(), FastCheck.integer(), FastCheck.boolean(), FastCheck.constant(null))
    const tree = FastCheck.letrec((tie) => ({
      object: FastCheck.dictionary(FastCheck.stringMatching(/^[a-z0-9]{1,3}$/), tie("value"), {
        minKeys: 1,
        maxKeys: 4
      }),
      array: FastCheck.array(tie("value"), { minLength: 1, maxLength: 4 }),
      value: FastCheck.oneof({ depthSize: "small", withCrossShrink: true }, leaf, tie("object"), tie("array"))
    }))

    /** The pieces of a value, its texts cut in two. */
    const cut = (value: unknown, path: string): ReadonlyArray<object> => {
      if (typeof value === "string") {
        const half = Math.floor(value.length / 2)
        const more = { willContinue: true }
        return [
          piece(path, { stringValue: value.slice(0, half) }, more),
          piece(path, { stringValue: value.slice(half) })
        ]
      }
      if (value === null) return [piece(path, { nullValue: "NULL_VALUE" })]
      if (Array.isArray(value)) return value.flatMap((item, index) => cut(item, `${path}[${index}]`))
      if (typeof value === "object")
        return Object.entries(value).flatMap(([name, item]) => cut(item, `${path}.${name}`))
      return [piece(path, typeof value === "number" ? { numberValue: value } : { boolValue: value })]
    }

    it.prop("give the arguments back, and are written as they come", [tree.object], ([value]) => {
      const { deltas } = answer(...[begin, ...cut(value, "$"), end].map((part) => [part]))
      const whole = JSON.stringify(value)
      assert.strictEqual(writtenOf(deltas), whole)
      assert.deepStrictEqual<unknown>(Wire.parts(deltas), [toolCall("f", whole)])
    })

    it("out of any order are the same arguments", () => {
      FastCheck.assert(
        FastCheck.property(tree.object, FastCheck.infiniteStream(FastCheck.nat()), (value, random) => {
          // Names may come in any order; the places of an array and the halves of a text keep theirs.
          const groups = Object.entries(Object(value)).map(([name, item]) => cut(item, `$.${name}`))
          const shuffled: Array<object> = []
          for (let left = groups.filter((group) => group.length > 0); left.length > 0; ) {
            const at = (random.next().value ?? 0) % left.length
            const [first, ...rest] = left[at] ?? []
            if (first !== undefined) shuffled.push(first)
            left = [...left.slice(0, at), ...(rest.length > 0 ? [rest] : []), ...left.slice(at + 1)]
          }
          assert.deepStrictEqual(
            inputs(begin, ...shuffled, end).map((text) => JSON.parse(text)),
            [value]
          )
        })
      )
    })
  })

  it("shows what Google ran itself, found and read", () => {
    const code = { executableCode: { language: "PYTHON", code: "1" }, thoughtSignature: "s" }
    const late = { codeExecutionResult: { outcome: "OUTCOME_DEADLINE_EXCEEDED" } }
    const search = { toolCall: { id: "x", toolType: "GOOGLE_SEARCH_WEB", args: { queries: ["q"] } } }
    const found = { toolResponse: { id: "x", toolType: "GOOGLE_SEARCH_WEB", response: { a: 1 } } }
    const ran = (part: object) => ({ transportExecuted: true, meta: { google: { part } } })
    const grounding = (...titles: ReadonlyArray<string>) => ({
      groundingMetadata: { groundingChunks: titles.map((title) => ({ web: { uri: `u:${title}`, title } })) }
    })
    const pages = {
      urlMetadata: [{ retrievedUrl: "u:b" }, { retrievedUrl: "p", urlRetrievalStatus: "FAILED" }, { retrievedUrl: "q" }]
    }
    const { meta, parts } = decode(
      event(chunk([code, late, search, found], { groundingMetadata: {} })) +
        event(chunk([{ text: "a" }], grounding("a"))) +
        event(chunk([], { ...grounding("a", "b"), urlContextMetadata: pages, finishReason: "STOP" }))
    )
    const source = (title: string) => ({ type: "source", url: `u:${title}`, title })
    assert.deepStrictEqual<unknown>(
      parts.map((part) => (part.type === "source" ? { ...part, meta: undefined } : part)).slice(0, 5),
      [
        {
          type: "tool-call",
          id: "executed_1",
          name: "code_execution",
          input: '{"language":"PYTHON","code":"1"}',
          ...ran(code)
        },
        {
          type: "tool-result",
          id: "executed_1",
          name: "code_execution",
          outcome: "timed-out",
          content: [{ type: "text", text: "" }],
          ...ran(late)
        },
        { type: "tool-call", id: "x", name: "google_search_web", input: '{"queries":["q"]}', ...ran(search) },
        {
          type: "tool-result",
          id: "x",
          name: "google_search_web",
          outcome: "ok",
          content: [{ type: "json", value: { a: 1 } }],
          ...ran(found)
        },
        { type: "text", text: "a" }
      ]
    )
    assert.deepStrictEqual<unknown>(
      parts.slice(5).map(({ meta: _, ...part }) => part),
      [source("a"), source("b"), { type: "source", url: "q" }]
    )
    assert.deepStrictEqual(Object.keys(Object(meta?.["google"])), [
      "finishReason",
      "usage",
      "groundingMetadata",
      "urlContextMetadata"
    ])
  })

  describe("finish", () => {
    const ended = (finishReason: string | undefined, parts: ReadonlyArray<object> = [], more: object = {}) =>
      decode(event({ ...chunk(parts, { finishReason }), ...more }))

    it.each([
      ["STOP", "stop"],
      ["MAX_TOKENS", "length"],
      ["SAFETY", "content-filter"],
      ["SPII", "content-filter"],
      ["MODEL_ARMOR", "content-filter"],
      ["IMAGE_SAFETY", "content-filter"],
      ["MALFORMED_FUNCTION_CALL", "error"],
      ["UNEXPECTED_TOOL_CALL", "error"],
      ["LANGUAGE", "other"],
      ["SOMETHING_NEW", "other"]
    ])("%s is %s, with calls or without", (raw, reason) => {
      assert.strictEqual(ended(raw).reason, reason)
      assert.strictEqual(ended(raw, [call({ name: "f" })]).reason, raw === "STOP" ? "tool-calls" : reason)
    })

    it("a blocked prompt is filtered, and an answer without a reason is cut off", () => {
      assert.strictEqual(decode(event({ promptFeedback: { blockReason: "JAILBREAK" } })).reason, "content-filter")
      const cut = ended(undefined, [call({ name: "f" })])
      assert.deepStrictEqual([cut.failure?._tag, cut.reason, cut.parts], ["Network", undefined, []])
      assert.strictEqual(decode(event({ usageMetadata: { promptTokenCount: 1 } })).failure?._tag, "Network")
    })

    it("skips other candidates and what it does not know", () => {
      const candidates = [
        { index: 1, content: { parts: [{ text: "no" }] } },
        { index: 0, content: null, finishReason: "STOP" }
      ]
      const unknown = { future: {}, functionCall: "?", text: 1 }
      assert.deepStrictEqual(decode(event({ candidates: [...candidates, 1] })).parts, [])
      assert.deepStrictEqual([ended("STOP", [unknown]).parts, ended("STOP", [unknown]).reason], [[], "stop"])
    })

    it("counts thoughts as output and the prompts of tools as input, by the latest of each count", () => {
      const early = event({
        ...chunk([]),
        usageMetadata: { promptTokenCount: 1, cachedContentTokenCount: 4, thoughtsTokenCount: 2 }
      })
      const last = event({
        ...chunk([], { finishReason: "STOP" }),
        usageMetadata: {
          promptTokenCount: 10,
          toolUsePromptTokenCount: 5,
          candidatesTokenCount: 3,
          cachedContentTokenCount: null
        }
      })
      assert.deepStrictEqual<unknown>(decode(early + last).usage, {
        inputTokens: { total: 15, uncached: 11, cacheRead: 4, cacheWrite: undefined },
        outputTokens: { total: 5, text: 3, reasoning: 2 },
        costUsd: undefined,
        estimated: false
      })
      assert.strictEqual(
        ended("STOP", [], { usageMetadata: { trafficType: "ON_DEMAND" } }).usage?.outputTokens.total,
        undefined
      )
    })
  })

  describe("errors", () => {
    const error = { error: { code: 503, message: "The model is overloaded: try later.", status: "UNAVAILABLE" } }
    const failure = { _tag: "Overloaded", status: 503, message: error.error.message, type: "UNAVAILABLE", code: "503" }
    const good = chunk([{ text: "a" }], { finishReason: "STOP" })

    it("are found in every framing", () => {
      for (const text of [
        event(good) + event(error),
        `${event(good)}${JSON.stringify(error, null, 2)}`,
        `${event(good)}${JSON.stringify(error, null, 2).replaceAll("\n", "\r\n")}\r\n\r\n`,
        `${event(good)}event: error\ndata: ${JSON.stringify(error)}\n\n`,
        JSON.stringify([good, error]),
        JSON.stringify([error]),
        JSON.stringify(error, null, 2)
      ]) {
        const { failure: found, reason } = decode(text)
        assert.deepStrictEqual<unknown>([found, reason], [failure, undefined])
      }
    })

    it("cut in the middle are no end", () => {
      const { failure: found, reason } = decode(event(good) + JSON.stringify(error, null, 2).slice(0, 40))
      assert.deepStrictEqual([found?._tag, reason], ["Network", undefined])
    })

    it("something else is malformed", () => {
      for (const text of ["", "nonsense", "data: [1]\n\n", '{"hello":1}', "[]"]) {
        assert.strictEqual(decode(text).failure?._tag, "Malformed")
      }
    })
  })

  it("WIRE-1 reads a large answer in linear time", () => {
    const decoder = new Decoder()
    const text = new TextEncoder().encode(event(chunk([{ text: "x".repeat(8 << 20) }], { finishReason: "STOP" })))
    for (let start = 0; start < text.length; start += 1 << 14) decoder.push(text.subarray(start, start + (1 << 14)))
    decoder.end()
    assert.strictEqual(Wire.written(decoder.take(), "TextDelta").length, 8 << 20)
  })
})
