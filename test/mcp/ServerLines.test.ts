import { assert, describe, it } from "@effect/vitest"
import { SUPPORTED_PROTOCOL_VERSIONS } from "@modelcontextprotocol/sdk/types.js"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import * as Agent from "../../src/agent/Agent.ts"
import * as Lines from "../../src/mcp/internal/serverLines.ts"
import * as McpServer from "../../src/mcp/McpServer.ts"
import { ToolContext } from "../../src/tool/ToolContext.ts"
import { call, endless, hello, over, refusal } from "./serverSupport.ts"

const echo = Agent.tool("echo", { parameters: { text: Schema.String }, success: Schema.String }, ({ text }) =>
  Effect.succeed(text)
)
const server = McpServer.make("echo", { version: "3", title: "Echo", instructions: "Say something.", tools: [echo] })

const Answered = Schema.Struct({ id: Schema.Number })
const idOf = (message: unknown): number => Schema.decodeUnknownSync(Answered)(message).id
const ping = (id: number) => ({ jsonrpc: "2.0", id, method: "ping" })
const pong = (id: number) => ({ jsonrpc: "2.0", id, result: {} })

describe("McpServer over streams", () => {
  it.scoped("every version is spoken, and the newest to those of another", () =>
    Effect.gen(function* () {
      const { next, send } = yield* over(server)
      for (const [index, version] of [...SUPPORTED_PROTOCOL_VERSIONS, "1999-01-01"].entries()) {
        send(hello(index, version))
        assert.deepStrictEqual(yield* next, {
          jsonrpc: "2.0",
          id: index,
          result: {
            protocolVersion: version === "1999-01-01" ? "2025-11-25" : version,
            capabilities: { tools: {} },
            serverInfo: { name: "echo", version: "3", title: "Echo" },
            instructions: "Say something."
          }
        })
      }
    })
  )

  it.scoped("what is no message is refused with the code of the protocol", () =>
    Effect.gen(function* () {
      const { next, raw, send } = yield* over(server)
      raw("{nonsense\n\r\n  \n")
      assert.deepStrictEqual(refusal(yield* next), { id: null, code: -32700 })
      for (const message of [1, {}, { jsonrpc: "1.0", id: 1, method: "ping" }, { jsonrpc: "2.0", id: 1 }]) {
        send(message)
        assert.strictEqual(refusal(yield* next).code, -32600)
      }
      const ignored: ReadonlyArray<readonly [id: number, rest: object]> = [
        [7, { method: "ping", params: [] }],
        [8, { method: "ping", params: { _meta: "x" } }],
        [9, { method: "ping", params: { _meta: { progressToken: {} } } }],
        [10, { method: "ping", more: 1 }],
        [11, { method: "ping", result: {} }],
        [2 ** 60, { method: "ping" }]
      ]
      for (const [id, rest] of ignored) {
        send({ jsonrpc: "2.0", id, ...rest })
        assert.deepStrictEqual(refusal(yield* next), { id, code: -32600 }, JSON.stringify(rest))
      }
      send(ping(8))
      assert.deepStrictEqual(yield* next, pong(8))
    })
  )

  it.scoped("what is not there is told by its code", () =>
    Effect.gen(function* () {
      const { next, send } = yield* over(server)
      const cases = [
        ["nothing/here", {}, -32601],
        ["prompts/list", {}, -32601],
        ["resources/read", { uri: "a:b" }, -32601],
        ["logging/setLevel", { level: "info" }, -32601],
        ["completion/complete", {}, -32601],
        ["tools/call", { name: "ecco" }, -32602],
        ["tools/call", {}, -32602],
        ["tools/call", { name: "echo", arguments: [] }, -32602],
        ["tools/list", { cursor: "next" }, -32602]
      ] as const
      for (const [id, [method, params, code]] of cases.entries()) {
        send({ jsonrpc: "2.0", id, method, params })
        assert.deepStrictEqual(refusal(yield* next), { id, code }, method)
      }
    })
  )

  it.scoped("batches are answered together, in versions that have them", () =>
    Effect.gen(function* () {
      const { next, send } = yield* over(server)
      send(hello(0, "2025-03-26"))
      yield* next
      send([ping(1), { jsonrpc: "2.0", method: "notifications/initialized" }, call(2, "echo", { text: "a" }), 5])
      const answers = Schema.decodeUnknownSync(Schema.Array(Schema.Struct({ id: Schema.NullOr(Schema.Number) })))(
        yield* next
      )
      assert.deepStrictEqual(
        answers.map(({ id }) => id),
        [null, 1, 2]
      )
      send([])
      assert.strictEqual(refusal(yield* next).code, -32600)
      send(hello(3))
      yield* next
      send([ping(4)])
      assert.strictEqual(refusal(yield* next).code, -32600)
    })
  )

  it.scoped("a batch does not wait for what was taken back", () =>
    Effect.gen(function* () {
      const { begun, interrupted, work } = yield* endless
      const wait = Agent.tool("wait", {}, () => work)
      const { next, send } = yield* over(McpServer.make("wait", { tools: [wait] }))
      send([call(1, "wait"), ping(2)])
      yield* begun
      send({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 1 } })
      assert.deepStrictEqual(yield* next, [pong(2)])
      yield* interrupted
    })
  )

  it.scoped("200 calls at once are answered once each, by their own id", () =>
    Effect.gen(function* () {
      const { next, send } = yield* over(server)
      const ids = Array.from({ length: 200 }, (_, index) => index)
      for (const id of ids) send(call(id, "echo", { text: `#${id}` }))
      const answers = yield* Effect.replicateEffect(next, 200)
      assert.deepStrictEqual(
        answers.map(idOf).sort((left, right) => left - right),
        ids
      )
      for (const answer of answers) {
        assert.include(JSON.stringify(answer), `{"type":"text","text":"#${idOf(answer)}"}`)
      }
    })
  )

  it.scoped("progress is told only to those who asked", () =>
    Effect.gen(function* () {
      const show = Agent.tool("show", {}, () => Effect.flatMap(ToolContext, ({ progress }) => progress("half")))
      const { next, send } = yield* over(McpServer.make("show", { tools: [show] }))
      send(call(1, "show"))
      assert.strictEqual(idOf(yield* next), 1)
      send(call(2, "show", {}, "token"))
      assert.deepStrictEqual(yield* next, {
        jsonrpc: "2.0",
        method: "notifications/progress",
        params: { progressToken: "token", progress: 1, message: "half" }
      })
      assert.strictEqual(idOf(yield* next), 2)
    })
  )

  it.scoped("the end of the input interrupts what runs, and ends the server", () =>
    Effect.gen(function* () {
      const { begun, interrupted, work } = yield* endless
      const wait = Agent.tool("wait", {}, () => work)
      const { end, fiber, send } = yield* over(McpServer.make("wait", { tools: [wait] }))
      send(call(1, "wait"))
      yield* begun
      yield* end
      // It has a second, from whenever it notices.
      yield* Effect.race(interrupted, Effect.forever(TestClock.adjust("1 second")))
      assert.isTrue(Exit.isSuccess(yield* Fiber.await(fiber)))
    })
  )

  it.prop(
    "any cut of the bytes gives the same messages",
    [
      FastCheck.array(FastCheck.string({ unit: "grapheme", maxLength: 20 }), { maxLength: 5 }),
      FastCheck.array(FastCheck.nat(40))
    ],
    ([texts, cuts]) => {
      const heard: Array<unknown> = []
      const { push, transport } = Lines.make({
        write: () => Promise.resolve(),
        close: () => {},
        isMessage: () => true
      })
      transport.onmessage = (message) => void heard.push(message)
      const messages = texts.map((text, id) => call(id, "echo", { text }))
      let bytes = new TextEncoder().encode(messages.map((message) => `${JSON.stringify(message)}\r\n`).join(""))
      for (const cut of cuts) {
        push(bytes.subarray(0, cut))
        bytes = bytes.subarray(cut)
      }
      push(bytes)
      assert.deepStrictEqual(heard, messages)
    }
  )

  it("lines that are too long are skipped, and the next one is read", () => {
    const [heard, written]: [Array<unknown>, Array<string>] = [[], []]
    const { push, transport } = Lines.make({
      write: async (line) => void written.push(line),
      close: () => {},
      isMessage: () => true
    })
    transport.onmessage = (message) => void heard.push(message)
    const much = new TextEncoder().encode("x".repeat(1024 * 1024))
    for (let count = 0; count < 12; count++) push(much)
    push(new TextEncoder().encode(`\n${JSON.stringify(ping(1))}\n`))
    assert.deepStrictEqual(heard, [ping(1)])
    assert.deepStrictEqual(
      written.map((line) => refusal(JSON.parse(line)).code),
      [-32600]
    )
  })
})
