import { assert, describe, it } from "@effect/vitest"
import type { Delta } from "../../src/domain/Delta.ts"
import type { ToolSpec } from "../../src/domain/Request.ts"
import { flavourOf } from "../../src/transport/internal/openAiResponses.ts"
import { Decoder } from "../../src/transport/internal/openAiResponsesDecode.ts"
import * as Wire from "../support/wire.ts"

const decode = (text: string, vendor = "v", tools: ReadonlyArray<ToolSpec> = [], remembers = false) => {
  const decoder = new Decoder(flavourOf(vendor), tools, remembers)
  decoder.push(new TextEncoder().encode(text))
  decoder.end()
  const deltas: ReadonlyArray<Delta> = decoder.take()
  assert.deepStrictEqual(Wire.disorder(deltas), [])
  return { deltas, failure: decoder.failure, parts: Wire.parts(deltas), finish: deltas[deltas.length - 1] }
}

const event = (type: string, more: object = {}) => ({ type: `response.${type}`, ...more })
const created = event("created", { response: { id: "resp_1", model: "m" } })
const added = (output_index: number, item: object) => event("output_item.added", { output_index, item })
const done = (output_index: number, item: object) => event("output_item.done", { output_index, item })
const completed = event("completed", { response: { id: "resp_1", status: "completed" } })
const output = (...items: ReadonlyArray<object>) =>
  JSON.stringify({ object: "response", status: "completed", output: items })

const reasonOf = (delta: Delta | undefined) => (delta?._tag === "Finish" ? delta.reason : undefined)

const call = { type: "function_call", id: "fc_1", call_id: "c1", name: "f", arguments: "{}" }
const message = (...content: ReadonlyArray<object>) => ({ type: "message", id: "msg_1", role: "assistant", content })
const text = (text: string, more: object = {}) => ({ type: "output_text", text, ...more })

describe("OpenAiResponses decode", () => {
  it("yields deltas in the order in which they came", () => {
    const reasoning = { type: "reasoning", id: "rs_1", summary: [{ type: "summary_text", text: "hm" }] }
    const stream = Wire.events(
      created,
      added(0, { type: "reasoning", id: "rs_1", summary: [], encrypted_content: "short" }),
      event("reasoning_summary_text.delta", { output_index: 0, summary_index: 0, delta: "hm" }),
      done(0, { ...reasoning, encrypted_content: "long" }),
      added(1, { ...call, arguments: "" }),
      event("function_call_arguments.delta", { output_index: 1, delta: '{"a":' }),
      event("function_call_arguments.delta", { output_index: 1, delta: "1}" }),
      done(1, { ...call, arguments: '{"a":1}' }),
      completed
    )
    assert.deepStrictEqual(decode(stream).deltas.slice(0, -1), [
      { _tag: "ResponseStart", id: "resp_1", model: "m" },
      { _tag: "PartStart", index: 0, kind: "reasoning", name: undefined },
      { _tag: "ReasoningDelta", index: 0, delta: "hm" },
      {
        _tag: "PartEnd",
        index: 0,
        part: { type: "reasoning", text: "hm", meta: { v: { item: { ...reasoning, encrypted_content: "long" } } } }
      },
      { _tag: "PartStart", index: 1, kind: "tool-call", name: "f" },
      { _tag: "ToolInputDelta", index: 1, delta: '{"a":' },
      { _tag: "ToolInputDelta", index: 1, delta: "1}" },
      {
        _tag: "PartEnd",
        index: 1,
        part: {
          type: "tool-call",
          id: "c1",
          name: "f",
          input: '{"a":1}',
          meta: { v: { item: { type: "function_call", id: "fc_1" } } }
        }
      }
    ])
  })

  it("tells items apart by number, whatever their ids", () => {
    const delta = (output_index: number, item_id: string, delta: string) =>
      event("function_call_arguments.delta", { output_index, item_id, delta })
    const stream = Wire.events(
      added(0, { ...call, arguments: "" }),
      added(1, { ...call, id: "x", call_id: "c2", arguments: "" }),
      delta(1, "a", "[2]"),
      delta(0, "b", "[1]"),
      done(1, { ...call, id: "y", call_id: "c2", arguments: "[2]" }),
      done(0, { ...call, id: "z", arguments: "[1]" }),
      completed
    )
    const calls = decode(stream).parts.map((part) => (part.type === "tool-call" ? [part.id, part.input] : part))
    assert.deepStrictEqual(calls, [
      ["c1", "[1]"],
      ["c2", "[2]"]
    ])
  })

  it("assembles calls of servers that only send them at the end, or without an end", () => {
    const only = { output_index: 0, arguments: '{"a":1}' }
    const streams = [
      [
        added(0, { ...call, arguments: "" }),
        event("function_call_arguments.done", only),
        done(0, { ...call, ...only })
      ],
      [done(0, { ...call, arguments: '{"a":1}' })],
      [
        added(0, { ...call, arguments: "" }),
        event("function_call_arguments.delta", { output_index: 0, delta: '{"a":1}' })
      ],
      [added(0, { ...call, arguments: { a: 1 } })]
    ]
    for (const stream of streams) {
      const { deltas, finish, parts } = decode(Wire.events(...stream, completed))
      assert.deepInclude(parts[0], { id: "c1", name: "f", input: '{"a":1}' })
      assert.strictEqual(
        deltas.map((delta) => (delta._tag === "ToolInputDelta" ? delta.delta : "")).join(""),
        '{"a":1}'
      )
      assert.strictEqual(reasonOf(finish), "tool-calls")
    }
  })

  it("wraps the free text of a custom tool, however it is cut", () => {
    const words = 'a "b"\n\\ 🙂'
    const item = { type: "custom_tool_call", id: "ctc_1", call_id: "c1", name: "patch", input: words }
    const pieces = [...words.split(""), ""].map((delta) =>
      event("custom_tool_call_input.delta", { output_index: 0, delta })
    )
    const { deltas, parts } = decode(Wire.events(added(0, { ...item, input: "" }), ...pieces, done(0, item), completed))
    const meta = { v: { item: { type: "custom_tool_call", id: "ctc_1", name: "patch" } } }
    assert.deepStrictEqual(parts, [
      { type: "tool-call", id: "c1", name: "patch", input: JSON.stringify({ input: words }), meta }
    ])
    const fragments = deltas.flatMap((delta) => (delta._tag === "ToolInputDelta" ? [delta.delta] : [])).join("")
    assert.isTrue(fragments.startsWith('{"input":"a \\"b\\"\\n'))
    const cut = [added(0, { ...item, input: "" }), ...pieces.slice(0, 3)]
    const incomplete = { status: "incomplete", incomplete_details: { reason: "max_output_tokens" } }
    const ended = decode(Wire.events(...cut, event("incomplete", { response: incomplete })))
    assert.deepInclude(ended.parts[0], { input: '{"input":"a \\""}' })
    assert.strictEqual(reasonOf(ended.finish), "length")
  })

  it("gives tools that the vendor defines the names they have here", () => {
    const spec = (name: string, id: string, own: string): ToolSpec => ({
      name,
      inputSchema: {},
      provider: { id, name: own, args: {} }
    })
    const tools = [
      spec("OpenAiWebSearch", "openai.web_search_preview", "web_search_preview"),
      spec("OpenAiPatch", "openai.custom", "patch"),
      spec("OpenAiShell", "openai.local_shell", "local_shell")
    ]
    const text = output(
      { type: "web_search_call", id: "ws_1", status: "completed", action: { type: "search", query: "q" } },
      { type: "custom_tool_call", call_id: "c1", name: "patch", input: "x" },
      { type: "local_shell_call", id: "lsh_1", call_id: "c2", action: { type: "exec", command: ["ls"] } },
      { ...call, call_id: "c3" }
    )
    const names = decode(text, "openai", tools).parts.map((part) => ("name" in part ? [part.type, part.name] : part))
    assert.deepStrictEqual(names, [
      ["tool-call", "OpenAiWebSearch"],
      ["tool-result", "OpenAiWebSearch"],
      ["tool-call", "OpenAiPatch"],
      ["tool-call", "OpenAiShell"],
      ["tool-call", "f"]
    ])
  })

  const special: ReadonlyArray<readonly [string, object, boolean, string]> = [
    ["local_shell_call", { call_id: "c1", action: { command: ["ls"] } }, false, '{"command":["ls"]}'],
    ["apply_patch_call", { call_id: "c1", operation: { type: "delete_file", path: "a" } }, false, ""],
    ["computer_call", { call_id: "c1", action: { type: "wait" } }, false, '{"action":{"type":"wait"}}'],
    ["mcp_approval_request", { name: "f", arguments: "{}", server_label: "s" }, false, ""],
    ["shell_call", { call_id: "c1", environment: { type: "local" }, action: {} }, false, "{}"],
    ["shell_call", { call_id: "c1", environment: { type: "container_reference" }, action: {} }, true, "{}"],
    ["tool_search_call", { call_id: "c1", execution: "client", arguments: { q: 1 } }, false, '{"q":1}'],
    ["tool_search_call", { call_id: null, execution: "server", arguments: { q: 1 } }, true, '{"q":1}'],
    ["file_search_call", { queries: ["q"], results: [{ text: "t" }] }, true, '{"queries":["q"]}'],
    ["code_interpreter_call", { code: "1", container_id: "k" }, true, '{"code":"1","container_id":"k"}']
  ]

  it.each(special)("knows who runs a %s: %j", (type, more, executed, input) => {
    const item = { type, id: "i1", status: "completed", ...more }
    const { finish, parts } = decode(output(item))
    const [part] = parts
    assert(part?.type === "tool-call")
    assert.deepStrictEqual([part.transportExecuted === true, part.meta], [executed, { v: { item } }])
    if (input !== "") assert.strictEqual(part.input, input)
    assert.strictEqual(reasonOf(finish), executed ? "stop" : "tool-calls")
  })

  it("leaves the searches of xAI to xAI, and custom tools to us", () => {
    const item = { type: "custom_tool_call", id: "i", call_id: "c", name: "x_keyword_search", input: "{}" }
    const tools = [
      { name: "x_keyword_search", inputSchema: {}, provider: { id: "xai.custom", name: item.name, args: {} } }
    ]
    const executed = (vendor: string, tools?: ReadonlyArray<ToolSpec>) =>
      decode(output(item), vendor, tools).parts.some((part) => part.type === "tool-call" && part.transportExecuted)
    assert.deepStrictEqual([executed("xai"), executed("xai", tools), executed("openai")], [true, false, false])
  })

  it("hands over what came of the tools that the vendor ran", () => {
    const ran = (type: string, more: object) => ({ type, id: "i", status: "completed", ...more })
    const text = output(
      ran("mcp_call", { name: "f", arguments: "{}", output: "found" }),
      ran("mcp_call", { name: "f", arguments: "{}", error: "no such page", status: "failed" }),
      ran("code_interpreter_call", {
        code: "1",
        outputs: [
          { type: "logs", logs: "1" },
          { type: "image", url: "u" }
        ]
      }),
      ran("tool_search_call", { execution: "server", arguments: {} }),
      ran("tool_search_output", { call_id: null, tools: [] })
    )
    const results = decode(text).parts.flatMap((part) =>
      part.type === "tool-result" ? [[part.name, part.outcome, part.content]] : []
    )
    assert.deepStrictEqual(results, [
      ["f", "ok", [{ type: "text", text: "found" }]],
      ["f", "failed", [{ type: "text", text: "no such page" }]],
      [
        "code_interpreter",
        "ok",
        [
          { type: "text", text: "1" },
          { type: "file", mediaType: "image/*", data: { url: "u" } }
        ]
      ],
      ["tool_search", "ok", []]
    ])
  })

  it("makes one part of each thought, and keeps the item with the first", () => {
    const item = {
      type: "reasoning",
      id: "rs_1",
      summary: [text("a"), text("b")],
      content: [{ type: "reasoning_text", text: "c" }],
      encrypted_content: "e"
    }
    assert.deepStrictEqual(decode(output(item)).parts, [
      { type: "reasoning", text: "a", meta: { v: { item } } },
      { type: "reasoning", text: "b", meta: { v: { continues: true } } },
      { type: "reasoning", text: "c", meta: { v: { continues: true } } }
    ])
  })

  it("keeps nothing of a thought that broke off", () => {
    const short = { type: "reasoning", id: "rs_1", summary: [], encrypted_content: "short" }
    const delta = event("reasoning_summary_text.delta", { output_index: 0, summary_index: 0, delta: "hm" })
    const incomplete = event("incomplete", { response: { incomplete_details: { reason: "content_filter" } } })
    const { finish, parts } = decode(Wire.events(added(0, short), delta, incomplete))
    assert.deepStrictEqual(parts, [{ type: "reasoning", text: "hm", meta: { v: { continues: true } } }])
    assert.strictEqual(reasonOf(finish), "content-filter")
  })

  it("marks refusals, and names sources", () => {
    const url = { type: "url_citation", url: "u", title: "t", start_index: 0, end_index: 1 }
    const file = { type: "file_citation", file_id: "f", filename: "a.pdf" }
    const item = message(text("a", { annotations: [url, file] }), { type: "refusal", refusal: "no" })
    const kept = { item: { type: "message", id: "msg_1" } }
    assert.deepStrictEqual(decode(output(item)).parts, [
      { type: "text", text: "a", meta: { v: { ...kept, annotations: [url, file] } } },
      { type: "text", text: "no", meta: { v: { ...kept, refusal: true } } },
      { type: "source", url: "u", title: "t" },
      { type: "source", title: "a.pdf", meta: { v: { annotation: file } } }
    ])
    const refused = decode(
      Wire.events(
        added(0, message()),
        event("refusal.delta", { output_index: 0, content_index: 0, delta: "n" }),
        event("refusal.delta", { output_index: 0, content_index: 0, delta: "o" }),
        completed
      )
    )
    assert.deepStrictEqual(refused.parts, [{ type: "text", text: "no", meta: { v: { ...kept, refusal: true } } }])
  })

  it("keeps a picture once", () => {
    const item = { type: "image_generation_call", id: "ig_1", status: "completed", output_format: "webp" }
    const { parts } = decode(output({ ...item, result: "UklGRg==" }))
    const about = { id: "ig_1", name: "image_generation", transportExecuted: true }
    assert.deepStrictEqual(parts, [
      { type: "tool-call", ...about, input: "{}", meta: { v: { item, file: true } } },
      { type: "file", mediaType: "image/webp", data: { base64: "UklGRg==" }, meta: { v: { item } } },
      { type: "tool-result", ...about, outcome: "ok", content: [] }
    ])
  })

  it("carries unknown items along and skips unknown events", () => {
    const item = { type: "compaction", id: "cmp_1", encrypted_content: "e" }
    const stream = Wire.events({ type: "response.new.thing" }, { type: "ping" }, done(0, item), completed)
    assert.deepStrictEqual(decode(stream).parts, [{ type: "reasoning", text: "", meta: { v: { item } } }])
  })

  it("reads streams that were resumed in the middle, from what they say as a whole", () => {
    const rest = [
      event("output_text.delta", { output_index: 1, content_index: 0, delta: "b" }),
      event("output_text.delta", { output_index: 1, content_index: 0, delta: "c" }),
      done(1, message(text("abc"))),
      event("function_call_arguments.delta", { output_index: 2, delta: "1}" }),
      done(2, { ...call, arguments: '{"a":1}' })
    ]
    const all = [{ type: "reasoning", id: "rs_1", summary: [text("hm")] }, message(text("abc")), call]
    const last = event("completed", { response: { id: "resp_1", status: "completed", output: all } })
    const { deltas, parts } = decode(Wire.events(...rest, last))
    assert.deepStrictEqual(
      parts.map((part) => ("text" in part ? part.text : part.type === "tool-call" && part.input)),
      ["abc", '{"a":1}', "hm"]
    )
    assert.strictEqual(Wire.written(deltas, "TextDelta"), "abc")
    const unsaid = decode(Wire.events(...rest.slice(0, 2), completed))
    assert.strictEqual(Wire.written(unsaid.deltas, "TextDelta"), "bc")
  })

  it("tells nothing twice that events have told, though the whole counts otherwise", () => {
    const all = [message(text("a")), { ...call, id: "other" }]
    const last = event("completed", { response: { status: "completed", output: all } })
    const { parts } = decode(Wire.events(created, done(0, call), last))
    assert.deepStrictEqual(
      parts.map((part) => part.type),
      ["tool-call"]
    )
  })

  it("reads streams that neither count nor announce their items", () => {
    const { parts } = decode(
      Wire.events(
        created,
        event("output_text.done", { text: "a" }),
        event("output_item.done", { item: message(text("a")) }),
        event("output_item.done", { item: call }),
        completed
      )
    )
    assert.deepStrictEqual(
      parts.map((part) => part.type),
      ["text", "tool-call"]
    )
  })

  it("names the answer in its parts when it is to be referred to", () => {
    const { parts } = decode(Wire.events(created, done(0, call), completed), "v", [], true)
    assert.deepStrictEqual(parts[0]?.type === "tool-call" && parts[0].meta, {
      v: { item: { type: "function_call", id: "fc_1" }, response: "resp_1" }
    })
  })

  describe("end", () => {
    it("an answer without its last event was cut off", () => {
      const { failure, finish } = decode(Wire.events(created, done(0, call)))
      assert.deepStrictEqual([failure?._tag, finish?._tag], ["Network", "PartEnd"])
    })

    it("says why it ended", () => {
      const ended = (response: object) => reasonOf(decode(JSON.stringify({ object: "response", ...response })).finish)
      assert.deepStrictEqual(
        [
          ended({ status: "completed", output: [] }),
          ended({ status: "incomplete", incomplete_details: { reason: "max_output_tokens" }, output: [call] }),
          ended({ status: "incomplete", incomplete_details: { reason: "new" } }),
          ended({ status: "queued" })
        ],
        ["stop", "length", "other", "other"]
      )
    })

    it("counts what it cost, in dollars where the vendor says so", () => {
      const usage = (usage: object) => {
        const { finish } = decode(JSON.stringify({ object: "response", status: "completed", usage }))
        return finish?._tag === "Finish" ? finish.usage.costUsd : undefined
      }
      assert.deepStrictEqual(
        [usage({ cost: 0.5 }), usage({ cost_in_usd_ticks: 5_000_000_000 }), usage({})],
        [0.5, 0.5, undefined]
      )
    })
  })

  const errors: ReadonlyArray<readonly [string, object, string, string]> = [
    ["nested", { type: "error", error: { type: "t", code: "server_error", message: "m" } }, "Overloaded", "t"],
    ["flat", { type: "error", code: "rate_limit_exceeded", message: "m", param: null }, "RateLimited", ""],
    [
      "failed",
      event("failed", { response: { error: { code: "invalid_prompt", message: "m" } } }),
      "InvalidRequest",
      ""
    ],
    ["policy", event("failed", { response: { error: { code: "cyber_policy", message: "m" } } }), "Filtered", ""],
    ["bare", event("failed", { response: { status: "failed", error: null } }), "Overloaded", ""],
    [
      "quota",
      { type: "error", error: { type: "insufficient_quota", message: "m" } },
      "RateLimited",
      "insufficient_quota"
    ]
  ]

  it.each(errors)("WIRE-2 reads an error that is %s", (_, value, tag, type) => {
    const { failure } = decode(Wire.events(created, value))
    assert.deepStrictEqual([failure?._tag, failure?.type ?? ""], [tag, type])
    assert.strictEqual(failure?.permanent === true, type === "insufficient_quota")
  })
})
