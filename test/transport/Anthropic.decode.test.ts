import { assert, describe, it } from "@effect/vitest"
import type { Delta } from "../../src/domain/Delta.ts"
import { Decoder } from "../../src/transport/internal/anthropicDecode.ts"
import * as Wire from "../support/wire.ts"

const decode = (text: string, names?: ReadonlyMap<string, string>) => {
  const decoder = new Decoder(names)
  decoder.push(new TextEncoder().encode(text))
  decoder.end()
  const deltas: ReadonlyArray<Delta> = decoder.take()
  assert.deepStrictEqual(Wire.disorder(deltas), [])
  return { deltas, failure: decoder.failure, parts: Wire.parts(deltas), finish: deltas[deltas.length - 1] }
}

const event = (value: { readonly type: string }): string => `event: ${value.type}\ndata: ${JSON.stringify(value)}\n\n`
const events = (...values: ReadonlyArray<{ readonly type: string }>): string => values.map(event).join("")
const start = (more: object = {}) => ({
  type: "message_start",
  message: { id: "msg_1", model: "m", content: [], ...more }
})
const begin = (index: number, content_block: object) => ({ type: "content_block_start", index, content_block })
const delta = (index: number, type: string, more: object) => ({
  type: "content_block_delta",
  index,
  delta: { type, ...more }
})
const stop = (index: number) => ({ type: "content_block_stop", index })
const text = (index: number, words: string) => delta(index, "text_delta", { text: words })
const input = (index: number, partial_json: string) => delta(index, "input_json_delta", { partial_json })
const end = (stop_reason: string | null, usage?: object) => ({ type: "message_delta", delta: { stop_reason }, usage })
const over = { type: "message_stop" }
const call = (id: string, more: object = {}) => ({ type: "tool_use", id, name: "f", input: {}, ...more })

const reasonOf = (delta: Delta | undefined) => (delta?._tag === "Finish" ? delta.reason : undefined)
const usageOf = (delta: Delta | undefined) => (delta?._tag === "Finish" ? delta.usage : undefined)

describe("Anthropic decode", () => {
  it("yields deltas in the order in which they came", () => {
    const answer = events(
      start(),
      begin(0, { type: "thinking", thinking: "", signature: "" }),
      delta(0, "thinking_delta", { thinking: "hm" }),
      delta(0, "signature_delta", { signature: "s1" }),
      delta(0, "signature_delta", { signature: "s2" }),
      stop(0),
      begin(1, { type: "text", text: "" }),
      text(1, "a"),
      stop(1),
      begin(2, call("toolu_1")),
      input(2, ""),
      input(2, '{"a":'),
      input(2, "1}"),
      stop(2),
      end("tool_use"),
      over
    )
    const meta = { anthropic: { type: "thinking", signature: "s1s2" } }
    assert.deepStrictEqual(decode(answer).deltas.slice(0, -1), [
      { _tag: "ResponseStart", id: "msg_1", model: "m" },
      { _tag: "PartStart", index: 0, kind: "reasoning", name: undefined },
      { _tag: "ReasoningDelta", index: 0, delta: "hm" },
      { _tag: "PartEnd", index: 0, part: { type: "reasoning", text: "hm", meta } },
      { _tag: "PartStart", index: 1, kind: "text", name: undefined },
      { _tag: "TextDelta", index: 1, delta: "a" },
      { _tag: "PartEnd", index: 1, part: { type: "text", text: "a" } },
      { _tag: "PartStart", index: 2, kind: "tool-call", name: "f" },
      { _tag: "ToolInputDelta", index: 2, delta: '{"a":' },
      { _tag: "ToolInputDelta", index: 2, delta: "1}" },
      { _tag: "PartEnd", index: 2, part: { type: "tool-call", id: "toolu_1", name: "f", input: '{"a":1}' } }
    ])
  })

  it("skips what it does not know", () => {
    const answer = events(
      start(),
      { type: "ping" },
      { type: "weather_report" },
      begin(0, { type: "hologram", data: "x" }),
      delta(0, "hologram_delta", { data: "y" }),
      stop(0),
      begin(1, { type: "text", text: "" }),
      delta(1, "sparkle_delta", { sparkle: 1 }),
      text(1, "a"),
      stop(1),
      stop(7),
      text(7, "nowhere"),
      end("end_turn"),
      over
    )
    assert.deepStrictEqual(decode(answer).parts, [{ type: "text", text: "a" }])
  })

  it.each([
    ["end_turn", "stop"],
    ["stop_sequence", "stop"],
    ["tool_use", "tool-calls"],
    ["max_tokens", "length"],
    ["model_context_window_exceeded", "length"],
    ["refusal", "content-filter"],
    ["pause_turn", "pause"],
    ["compaction", "pause"],
    ["coffee_break", "other"],
    [null, "stop"]
  ])("stop reason %s means %s", (reason, expected) => {
    assert.strictEqual(reasonOf(decode(events(start(), end(reason), over)).finish), expected)
  })

  it("keeps what is said of the answer as a whole", () => {
    const container = { id: "c1" }
    const first = { input_tokens: 1, cache_read_input_tokens: 5, output_tokens: 1, service_tier: "standard" }
    const details = { thinking_tokens: 3 }
    const last = {
      input_tokens: null,
      output_tokens: 9,
      output_tokens_details: details,
      iterations: [{ type: "message" }]
    }
    const ended = {
      ...end("stop_sequence", last),
      delta: { stop_reason: "stop_sequence", stop_sequence: "x", container }
    }
    const { finish } = decode(events(start({ usage: first }), ended, over))
    assert.deepStrictEqual(finish, {
      _tag: "Finish",
      reason: "stop",
      usage: {
        inputTokens: { total: 6, uncached: 1, cacheRead: 5, cacheWrite: undefined },
        outputTokens: { total: 9, text: 6, reasoning: 3 },
        costUsd: undefined,
        estimated: false
      },
      meta: {
        anthropic: {
          stopReason: "stop_sequence",
          stopSequence: "x",
          stopDetails: undefined,
          usage: { ...first, ...last, input_tokens: 1 },
          container
        }
      }
    })
  })

  it("does not make up a usage that nobody reported", () => {
    assert.deepStrictEqual(usageOf(decode(events(start(), end("end_turn"), over)).finish)?.inputTokens.total, undefined)
  })

  describe("calls", () => {
    const calls = (...values: ReadonlyArray<{ readonly type: string }>) => decode(events(start(), ...values))

    it("of no arguments have an empty object", () => {
      const { parts } = calls(begin(0, call("a")), input(0, ""), stop(0), end("tool_use"), over)
      assert.deepStrictEqual(parts, [{ type: "tool-call", id: "a", name: "f", input: "{}" }])
    })

    it("whose arguments come with their beginning are whole", () => {
      const { parts } = calls(begin(0, call("a", { input: { b: 1 } })), stop(0), end("tool_use"), over)
      assert.deepStrictEqual(parts, [{ type: "tool-call", id: "a", name: "f", input: '{"b":1}' }])
    })

    it("that a limit cut off keep what there is, and are no reason to act", () => {
      const { finish, parts } = calls(begin(0, call("a")), input(0, '{"b": "half'), end("max_tokens"), over)
      assert.deepStrictEqual(parts, [{ type: "tool-call", id: "a", name: "f", input: '{"b": "half' }])
      assert.strictEqual(reasonOf(finish), "length")
    })

    it("in pieces that are no JSON are handed over as they came", () => {
      const { parts } = calls(
        begin(0, call("a")),
        input(0, '{"b": tru'),
        input(0, "}}"),
        stop(0),
        end("tool_use"),
        over
      )
      assert.deepStrictEqual(parts, [{ type: "tool-call", id: "a", name: "f", input: '{"b": tru}}' }])
    })

    it("end where the next block begins, if nothing says so, even under one number", () => {
      const { parts } = calls(
        begin(0, call("a")),
        input(0, "{}"),
        begin(0, call("b")),
        begin(1, call("c")),
        end(null),
        over
      )
      assert.deepStrictEqual(
        parts.map((part) => part.type === "tool-call" && [part.id, part.input]),
        [
          ["a", "{}"],
          ["b", "{}"],
          ["c", "{}"]
        ]
      )
    })

    it("keep who called, and carry our name for a tool of the vendor", () => {
      const caller = { caller: { type: "code_execution_20260120", tool_id: "srvtoolu_1" } }
      const answer = events(start(), begin(0, call("a", { ...caller, name: "bash" })), stop(0), end("tool_use"), over)
      const { deltas, parts } = decode(answer, new Map([["bash", "Shell"]]))
      assert.deepStrictEqual(parts, [
        { type: "tool-call", id: "a", name: "Shell", input: "{}", meta: { anthropic: { ...caller, name: "bash" } } }
      ])
      assert.deepStrictEqual(deltas[1], { _tag: "PartStart", index: 0, kind: "tool-call", name: "Shell" })
    })
  })

  describe("tools of the vendor", () => {
    const use = { type: "server_tool_use", id: "srvtoolu_1", name: "web_search", input: {} }
    const results = (content: unknown, more: object = {}) => {
      const block = { type: "web_search_tool_result", tool_use_id: "srvtoolu_1", content, ...more }
      const answer = events(
        start(),
        begin(0, use),
        input(0, "{}"),
        stop(0),
        begin(1, block),
        stop(1),
        end("end_turn"),
        over
      )
      const { parts } = decode(answer)
      assert.deepStrictEqual(parts[0], {
        type: "tool-call",
        id: "srvtoolu_1",
        name: "web_search",
        input: "{}",
        transportExecuted: true,
        meta: { anthropic: use }
      })
      return { block, part: parts[1] }
    }

    it("show what can be read of a result, and keep all of it", () => {
      const found = { type: "web_search_result", title: "t", url: "u", encrypted_content: "x" }
      const { block, part } = results([found])
      assert.deepStrictEqual(part, {
        type: "tool-result",
        id: "srvtoolu_1",
        name: "web_search",
        outcome: "ok",
        content: [{ type: "json", value: [{ type: "web_search_result", title: "t", url: "u" }] }],
        transportExecuted: true,
        meta: { anthropic: block }
      })
    })

    it("say when they failed", () => {
      const failed = [
        results({ type: "web_search_tool_result_error", error_code: "unavailable" }),
        results([], { is_error: true })
      ]
      assert.deepStrictEqual(
        failed.map(({ part }) => part?.type === "tool-result" && part.outcome),
        ["failed", "failed"]
      )
    })

    it("are called by our name, even when the call was in an earlier answer", () => {
      const block = { type: "web_search_tool_result", tool_use_id: "srvtoolu_1", content: [] }
      const names = new Map([["web_search", "Search"]])
      const { parts } = decode(events(start(), begin(0, block), begin(1, use), end("end_turn"), over), names)
      assert.deepStrictEqual(
        parts.map((part) => "name" in part && part.name),
        ["Search", "Search"]
      )
    })

    it("keep blocks that nobody reads", () => {
      const answer = events(
        start(),
        begin(0, { type: "compaction", content: null }),
        delta(0, "compaction_delta", { content: "a", encrypted_content: "x" }),
        delta(0, "compaction_delta", { content: "b" }),
        stop(0),
        begin(1, { type: "redacted_thinking", data: "d" }),
        stop(1),
        end("end_turn"),
        over
      )
      const reasoning = (anthropic: object) => ({ type: "reasoning", text: "", meta: { anthropic } }) as const
      assert.deepStrictEqual(decode(answer).parts, [
        reasoning({ type: "compaction", content: "ab", encrypted_content: "x" }),
        reasoning({ type: "redacted_thinking", data: "d" })
      ])
    })
  })

  it("names the sources of a text behind it", () => {
    const page = { type: "web_search_result_location", url: "u", title: "t", encrypted_index: "x" }
    const document = { type: "page_location", document_title: "d", document_index: 0 }
    const answer = events(
      start(),
      begin(0, { type: "text", text: "", citations: [] }),
      delta(0, "citations_delta", { citation: page }),
      text(0, "a"),
      delta(0, "citations_delta", { citation: document }),
      stop(0),
      end("end_turn"),
      over
    )
    assert.deepStrictEqual(decode(answer).parts, [
      { type: "text", text: "a", meta: { anthropic: { citations: [page, document] } } },
      { type: "source", url: "u", title: "t" },
      { type: "source", title: "d" }
    ])
  })

  describe("endings", () => {
    const half = [start(), begin(0, { type: "text", text: "" }), text(0, "a")]
    const failed = (...values: ReadonlyArray<{ readonly type: string }>) => decode(events(...values)).failure

    it("WIRE-2 an error in the stream says what the vendor said", () => {
      const error = (type: string, message: string) => ({ type: "error", error: { type, message } })
      const tags = (...[type, message]: Parameters<typeof error>) => {
        const failure = failed(...half, error(type, message))
        return [failure?._tag, failure?.type, failure?.message]
      }
      assert.deepStrictEqual(tags("overloaded_error", "Overloaded"), ["Overloaded", "overloaded_error", "Overloaded"])
      assert.strictEqual(tags("api_error", "Internal server error")[0], "Overloaded")
      assert.strictEqual(tags("rate_limit_error", "Slow down")[0], "RateLimited")
      assert.strictEqual(tags("authentication_error", "invalid x-api-key")[0], "Authentication")
      assert.strictEqual(
        tags("invalid_request_error", "prompt is too long: 2 tokens > 1 maximum")[0],
        "ContextOverflow"
      )
      assert.strictEqual(tags("invalid_request_error", "max_tokens: too many")[0], "InvalidRequest")
    })

    it("an answer without an end was cut off, unless it says why it stopped", () => {
      assert.strictEqual(failed(...half)?._tag, "Network")
      const { finish, parts } = decode(events(...half, end("end_turn")))
      assert.deepStrictEqual([reasonOf(finish), parts], ["stop", [{ type: "text", text: "a" }]])
    })

    it("nothing that is no answer is taken for one", () => {
      assert.strictEqual(decode('{"hello":1}').failure?._tag, "Malformed")
      assert.strictEqual(decode("event: ping\ndata: {}\n\n").failure?._tag, "Malformed")
      assert.strictEqual(
        decode('{"type":"error","error":{"type":"overloaded_error","message":"o"}}').failure?._tag,
        "Overloaded"
      )
    })
  })

  it("reads an answer in one piece", () => {
    const content = [
      { type: "thinking", thinking: "hm", signature: "s" },
      { type: "text", text: "a", citations: [{ type: "char_location", document_title: "d" }] },
      call("b", { input: { c: 1 } })
    ]
    const message = {
      type: "message",
      id: "msg_1",
      model: "m",
      content,
      stop_reason: "tool_use",
      usage: { input_tokens: 1 }
    }
    const { finish, parts } = decode(JSON.stringify(message))
    assert.deepStrictEqual(
      parts.map(({ type }) => type),
      ["reasoning", "text", "source", "tool-call"]
    )
    assert.deepStrictEqual([reasonOf(finish), usageOf(finish)?.inputTokens.total], ["tool-calls", 1])
  })
})
