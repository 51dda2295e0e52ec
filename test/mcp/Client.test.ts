import { assert, describe, it } from "@effect/vitest"
import * as Agent from "axonal/agent/Agent"
import * as ContextStore from "axonal/context/ContextStore"
import * as Approval from "axonal/guard/Approval"
import * as Mcp from "axonal/mcp/Mcp"
import * as McpClient from "axonal/mcp/McpClient"
import * as ScriptedTransport from "axonal/testing/ScriptedTransport"
import type * as Tool from "axonal/tool/Tool"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import type { Answers } from "../support/mcpServer.ts"
import * as Scripting from "../support/mcpServer.ts"

const { texts, tool, withServer } = Scripting

const listing = (...tools: ReadonlyArray<Scripting.Json>): Answers => ({ "tools/list": () => ({ tools }) })

describe("McpClient", () => {
  it("AM-35: a server has exactly one source", () => {
    const wrong: ReadonlyArray<readonly [object, RegExp]> = [
      [{}, /servers\.s must have exactly one of command, url and channel, got none/],
      [{ command: "x", url: "http://x" }, /got command and url/],
      [{ url: "ftp://x" }, /servers\.s\.url must be an http or https URL, got "ftp:\/\/x"/],
      [{ command: " " }, /servers\.s\.command must not be blank/],
      [{ command: "x", timeout: "soon" }, /servers\.s\.timeout/],
      [{ command: "x", retries: -1 }, /servers\.s\.retries/]
    ]
    for (const [server, message] of wrong) {
      // @ts-expect-error what the types refuse
      assert.throws(() => McpClient.layer({ servers: { s: server } }), message)
    }
  })

  it.effect("AM-35: a call before it is connected waits for that", () =>
    Effect.gen(function* () {
      const open = yield* Deferred.make<void>()
      const result = yield* withServer(
        {
          initialize: (params) => Effect.as(Deferred.await(open), Scripting.hello()(params)),
          ...listing(tool("a")),
          "tools/call": () => texts("fine")
        },
        (mcp) =>
          Effect.gen(function* () {
            const call = yield* Effect.fork(mcp.call("s", "a", {}))
            yield* Effect.zipRight(Effect.yieldNow(), Deferred.succeed(open, undefined))
            return yield* Fiber.join(call)
          })
      )
      assert.deepStrictEqual(result.content, [{ type: "text", text: "fine" }])
    })
  )

  it.effect("AM-35: closing twice is fine, and afterwards calls say so", () =>
    Effect.gen(function* () {
      const server = Scripting.make(listing(tool("a")))
      const layer = McpClient.layerRemote({ servers: { s: { channel: server.channel } } })
      const mcp = yield* Effect.scoped(
        Effect.gen(function* () {
          const mcp = yield* Effect.provide(Mcp.Mcp, yield* Layer.build(layer))
          yield* mcp.connect("s")
          yield* mcp.disconnect("s")
          yield* mcp.disconnect("s")
          return mcp
        })
      )
      const after = yield* Effect.flip(mcp.call("s", "a", {}))
      assert.strictEqual(after.reason._tag, "Closed")
    })
  )

  it.effect("AM-35: an error, another one, and a result each reach their call", () => {
    const said: Array<Scripting.Answer> = [
      { error: { code: -32_000, message: "no" } },
      { content: [{ type: "text", text: "bad" }], isError: true },
      texts("fine")
    ]
    return withServer({ ...listing(tool("a")), "tools/call": () => said.shift() }, (mcp) =>
      Effect.gen(function* () {
        const refused = yield* Effect.flip(mcp.call("s", "a", {}))
        assert.deepStrictEqual([refused.reason._tag, refused.reason.code], ["Refused", -32_000])
        assert.deepInclude(yield* mcp.call("s", "a", {}), { failed: true, content: [{ type: "text", text: "bad" }] })
        assert.deepInclude(yield* mcp.call("s", "a", {}), { failed: false, content: [{ type: "text", text: "fine" }] })
      })
    )
  })

  it.effect("AM-35: empty answers of all kinds are answers", () => {
    const said: Array<Scripting.Answer> = [null, {}, { content: null }, { content: [] }]
    return withServer({ ...listing(tool("a")), "tools/call": () => said.shift() }, (mcp) =>
      Effect.gen(function* () {
        while (said.length > 0) {
          const { content, failed } = yield* mcp.call("s", "a", {})
          assert.deepStrictEqual([failed, content.length], [false, 1])
        }
      })
    )
  })

  it.effect("what is no answer of the protocol ends its request", () =>
    withServer(
      {
        ...listing(tool("a")),
        "tools/call": (_, { send }, id) => {
          for (const garbage of [undefined, null, 7, "text", [], {}, { jsonrpc: "2.0" }]) send(garbage)
          send({ jsonrpc: "2.0", id, result: 7 })
          return undefined
        }
      },
      (mcp) => Effect.map(Effect.flip(mcp.call("s", "a", {})), ({ reason }) => assert.strictEqual(reason.code, -32_603))
    )
  )

  it.effect("interruption of a call is told to the server", () =>
    withServer({ ...listing(tool("a")), "tools/call": () => undefined }, (mcp, { arrived }) =>
      Effect.gen(function* () {
        const call = yield* Effect.fork(mcp.call("s", "a", {}))
        const { id } = yield* arrived("tools/call")
        yield* Fiber.interrupt(call)
        const { params } = yield* arrived("notifications/cancelled")
        assert.strictEqual(Reflect.get(Object(params), "requestId"), id)
      })
    )
  )

  it.effect("progress is shown in order, and puts the end of the time off", () =>
    withServer({ ...listing(tool("a")), "tools/call": () => undefined }, (mcp, { arrived, connections, received }) =>
      Effect.gen(function* () {
        const shown: Array<Mcp.Progress> = []
        const call = yield* Effect.fork(
          mcp.call("s", "a", {}, { onProgress: (progress) => Effect.sync(() => void shown.push(progress)) })
        )
        const { id, params } = yield* arrived("tools/call")
        const progressToken = Reflect.get(Object(Reflect.get(Object(params), "_meta")), "progressToken")
        for (const progress of [1, 2, 3]) {
          yield* TestClock.adjust("45 seconds")
          const message = `part ${progress}`
          connections[0]?.send({
            jsonrpc: "2.0",
            method: "notifications/progress",
            params: { progressToken, progress, total: 3, message }
          })
          yield* Effect.repeat(Effect.yieldNow(), { until: () => shown.length === progress })
        }
        connections[0]?.send({ jsonrpc: "2.0", id, result: texts("done") })
        assert.deepInclude(yield* Fiber.join(call), { failed: false })
        assert.deepStrictEqual(
          shown,
          [1, 2, 3].map((progress) => ({ progress, total: 3, message: `part ${progress}` }))
        )
        const silent = yield* Effect.fork(Effect.flip(mcp.call("s", "a", {})))
        yield* arrived("tools/call", 2)
        yield* TestClock.adjust("60 seconds")
        assert.strictEqual((yield* Fiber.join(silent)).reason._tag, "TimedOut")
        assert.strictEqual(received.at(-1)?.["method"], "notifications/cancelled")
      })
    )
  )

  it.effect("tools that change are there at the next look, and the same list otherwise", () => {
    const tools = [tool("a")]
    return withServer({ "tools/list": () => ({ tools: [...tools] }) }, (mcp, { arrived, connections }) =>
      Effect.gen(function* () {
        const names = (all: ReadonlyArray<Tool.WithHandler>) => all.map(({ tool }) => tool.name)
        const first = yield* mcp.tools
        assert.deepStrictEqual(names(first), ["s__a"])
        assert.strictEqual(yield* mcp.tools, first)
        tools.push(tool("b"), tool("a", { description: "another" }), { name: "c" }, { inputSchema: {} })
        connections[0]?.send({ jsonrpc: "2.0", method: "notifications/tools/list_changed" })
        const then = yield* Effect.repeat(mcp.tools, { until: (all) => all !== first })
        assert.deepStrictEqual(names(then), ["s__a", "s__b"])
        yield* arrived("tools/list", 2)
        assert.deepStrictEqual((yield* mcp.status)[0]?.complaints, [
          "tool a is there twice; the first one counts",
          "tool c has no input schema and was left out",
          "a tool without a name was left out"
        ])
      })
    )
  })

  it.effect("pages are read to their end, but not for ever", () => {
    const pages: Answers = {
      "tools/list": ({ cursor }) => ({
        tools: [tool(`t${cursor ?? 0}`)],
        nextCursor: cursor === "2" ? undefined : String(Number(cursor ?? 0) + 1)
      })
    }
    const endless: Answers = { "tools/list": ({ cursor }) => ({ tools: [tool("t")], nextCursor: `${cursor ?? ""}x` }) }
    return Effect.gen(function* () {
      yield* withServer(pages, (mcp) => Effect.map(mcp.tools, (all) => assert.strictEqual(all.length, 3)))
      yield* withServer(endless, (mcp, { received }) =>
        Effect.map(mcp.tools, () => assert.isBelow(received.length, 110))
      )
    })
  })

  it.effect("a server that hangs or is none keeps no other waiting", () =>
    Effect.gen(function* () {
      const hanging = Scripting.make({ initialize: () => undefined })
      const broken = Effect.fail(new Error("no way"))
      const fine = Scripting.make(listing(tool("a")))
      const old = Scripting.make({
        initialize: () => ({ protocolVersion: "1999-01-01", capabilities: {}, serverInfo: {} })
      })
      const common = { retries: 0, connectTimeout: "5 seconds" } as const
      const layer = McpClient.layerRemote({
        servers: {
          hanging: { channel: hanging.channel, ...common },
          broken: { channel: broken, ...common },
          old: { channel: old.channel, ...common },
          fine: { channel: fine.channel },
          off: { url: "http://localhost:1", enabled: false }
        },
        unused: [{ server: "foreign", reason: "Untrusted", message: "It is the project's." }]
      })
      yield* Effect.gen(function* () {
        const mcp = yield* Mcp.Mcp
        assert.deepInclude(yield* Effect.either(mcp.call("fine", "b", {})), { _tag: "Left" })
        const tools = yield* Effect.fork(mcp.tools)
        yield* hanging.arrived("initialize")
        yield* TestClock.adjust("5 seconds")
        assert.deepStrictEqual(
          (yield* Fiber.join(tools)).map(({ tool }) => tool.name),
          ["fine__a"]
        )
        assert.deepStrictEqual(
          (yield* mcp.status).map(({ is, problem, server }) => [server, is, problem?.reason._tag]),
          [
            ["hanging", "error", "TimedOut"],
            ["broken", "error", "Unavailable"],
            ["old", "error", "Malformed"],
            ["fine", "connected", undefined],
            ["off", "disabled", "Disabled"],
            ["foreign", "untrusted", "Untrusted"]
          ]
        )
        const reasons = yield* Effect.forEach(["off", "foreign", "nobody"], (name) =>
          Effect.map(Effect.flip(mcp.call(name, "a", {})), ({ reason }) => reason._tag)
        )
        assert.deepStrictEqual(reasons, ["Disabled", "Untrusted", "Unknown"])
      }).pipe(Effect.provide(layer))
    })
  )

  it.effect("resources, prompts, completions and the log are there when the server has them", () =>
    Effect.gen(function* () {
      const nothing = (mcp: Mcp.Service) =>
        Effect.all([
          mcp.resources("s"),
          mcp.templates("s"),
          mcp.prompts("s"),
          mcp.complete("s", { of: { prompt: "p" }, argument: "a", value: "" })
        ])
      yield* withServer({ initialize: Scripting.hello({}) }, (mcp) =>
        Effect.gen(function* () {
          assert.deepStrictEqual(yield* nothing(mcp), [[], [], [], []])
          assert.strictEqual((yield* Effect.flip(mcp.read("s", "x:y"))).reason._tag, "Unknown")
        })
      )
      const all = { tools: {}, resources: {}, prompts: {}, logging: {}, completions: {} }
      yield* withServer(
        {
          initialize: Scripting.hello(all, { instructions: "Be nice." }),
          ...listing(tool("list_resources")),
          "resources/list": () => ({ resources: [{ uri: "x:1", name: "one" }, { name: "none" }] }),
          "prompts/list": () => ({ prompts: [{ name: "p", arguments: [{ name: "a", required: true }] }] }),
          "prompts/get": () => ({ messages: [{ role: "assistant", content: { type: "text", text: "hi" } }] }),
          "resources/read": ({ uri }) => ({
            contents: [
              { uri, text: "words" },
              { uri, blob: "AA==" }
            ]
          }),
          "logging/setLevel": (params, { send }) => {
            send({ jsonrpc: "2.0", method: "notifications/message", params: { ...params, data: "said" } })
            return {}
          }
        },
        (mcp) =>
          Effect.gen(function* () {
            assert.deepStrictEqual(
              (yield* mcp.resources("s")).map(({ name, uri }) => [name, uri]),
              [["one", "x:1"]]
            )
            assert.deepStrictEqual(yield* mcp.templates("s"), [])
            assert.deepStrictEqual(
              (yield* mcp.prompts("s")).map(({ arguments: wanted }) =>
                wanted.map(({ name, required }) => [name, required])
              ),
              [[["a", true]]]
            )
            assert.deepStrictEqual(yield* mcp.prompt("s", "p"), [
              { role: "assistant", parts: [{ type: "text", text: "hi" }] }
            ])
            assert.deepStrictEqual(yield* mcp.read("s", "x:1"), [
              { type: "file", mediaType: "text/plain", data: { text: "words" }, name: "x:1" },
              { type: "file", mediaType: "application/octet-stream", data: { base64: "AA==" }, name: "x:1" }
            ])
            const names = (yield* mcp.tools).map(({ tool }) => tool.name)
            assert.strictEqual(new Set(names).size, 3)
            assert.include(names, "s__list_resources")
            assert.include(names, "s__read_resource")
            const heard = yield* Effect.fork(Stream.runHead(mcp.notices))
            yield* Effect.yieldNow()
            yield* mcp.logLevel("s", "debug")
            const notice = yield* Fiber.join(heard)
            assert.deepStrictEqual(notice._tag === "Some" ? notice.value : undefined, {
              ...{ _tag: "Log", server: "s", level: "debug", data: "said" }
            })
            assert.strictEqual((yield* mcp.status)[0]?.instructions, "Be nice.")
          })
      )
    })
  )

  it.effect("an agent calls a tool with the server's schema, and a guard asks first", () => {
    const schema = {
      type: "object",
      properties: { q: { $ref: "#/$defs/q" } },
      $defs: { q: { type: ["string", "null"] } }
    }
    const asked: Array<string> = []
    const server = Scripting.make({
      ...listing(
        tool("find", { inputSchema: schema, annotations: { readOnlyHint: true } }),
        tool("known"),
        tool("bad")
      ),
      "tools/call": ({ arguments: input, name }) =>
        name === "bad" ? { content: [{ type: "text", text: "nope" }], isError: true } : texts(JSON.stringify(input))
    })
    const { call, text } = ScriptedTransport
    return Effect.gen(function* () {
      const transport = yield* ScriptedTransport.ScriptedTransport
      const agent = Agent.make("a", { instructions: "", tools: [Mcp.tools] })
      const events = yield* Stream.runCollect(Agent.stream(agent, "go"))
      const ends = [...events].flatMap((event) =>
        event._tag === "ToolEnd"
          ? [[event.name, event.outcome, ...event.content.map((part) => ("text" in part ? part.text : ""))]]
          : []
      )
      assert.deepStrictEqual(ends, [
        ["s__find", "ok", '{"q":null,"more":1}'],
        ["s__known", "ok", "{}"],
        ["s__bad", "failed", "nope"]
      ])
      assert.deepStrictEqual(asked, ["s__find", "s__bad"])
      const [request] = yield* transport.requests
      assert.deepStrictEqual(request?.tools.find(({ name }) => name === "s__find")?.inputSchema, schema)
    }).pipe(
      Effect.provide([
        McpClient.layerRemote({ servers: { s: { channel: server.channel, allow: ["known"] } } }),
        ContextStore.layerMemory,
        ScriptedTransport.layer([
          [call("1", "s__find", { q: null, more: 1 })],
          [call("2", "s__known", {})],
          [call("3", "s__bad", {})],
          [text("done")]
        ]),
        Layer.succeed(Approval.Approval, {
          ask: ({ call }) =>
            Effect.as(
              Effect.sync(() => asked.push(call.tool.name)),
              { approved: true }
            )
        })
      ])
    )
  })

  it.effect("hints count for the better only from a trusted server", () => {
    const hints = { readOnlyHint: true, idempotentHint: true, destructiveHint: true }
    const seen = (usage: Mcp.Usage) =>
      withServer(
        listing(tool("a", { annotations: hints }), tool("b", { annotations: { destructiveHint: true } })),
        (mcp) =>
          Effect.map(mcp.tools, (all) =>
            all.map(({ tool }) =>
              [...tool.annotations.unsafeMap.keys()]
                .map((key) => key.replace(/^.*[/]/, ""))
                .sort()
                .join(" ")
            )
          ),
        usage
      )
    return Effect.gen(function* () {
      const plain = yield* seen({})
      const trusted = yield* seen({ trusted: true })
      assert.deepStrictEqual(plain, ["InputSchema Origin", "Destructive InputSchema Origin"])
      assert.deepStrictEqual(trusted, ["Idempotent InputSchema Origin Readonly", "Destructive InputSchema Origin"])
      assert.deepStrictEqual(yield* seen({ exclude: ["a"], allow: ["*"] }), ["InputSchema Origin"])
    })
  })
})
