import { assert, describe, it } from "@effect/vitest"
import type { Client } from "@modelcontextprotocol/sdk/client/index.js"
import { ToolListChangedNotificationSchema } from "@modelcontextprotocol/sdk/types.js"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Agent from "../../src/agent/Agent.ts"
import * as Part from "../../src/domain/Part.ts"
import * as Approval from "../../src/guard/Approval.ts"
import * as Guard from "../../src/guard/Guard.ts"
import * as Hooks from "../../src/hook/Hooks.ts"
import * as McpServer from "../../src/mcp/McpServer.ts"
import * as Tool from "../../src/tool/Tool.ts"
import * as ToolResult from "../../src/tool/ToolResult.ts"
import { connected, endless } from "./serverSupport.ts"

const Level = Schema.Struct({ sku: Schema.String, pieces: Schema.Number })
const level = Agent.tool(
  "level",
  { description: "Pieces in stock", parameters: { sku: Schema.String }, success: Level, readOnly: true },
  ({ sku }) => Effect.succeed({ sku, pieces: 3 })
)
const add = Agent.tool(
  "add",
  { parameters: { left: Schema.Number, right: Schema.Number }, success: Schema.Number, idempotent: true },
  ({ left, right }) => Effect.succeed(left + right)
)
const broken = Agent.tool("broken", {}, () => Effect.fail(new Error("the shelf is gone")))
const drop = Agent.tool("drop", { destructive: true, success: Schema.String }, () => Effect.succeed("dropped"))
const media = Agent.tool("media", { success: ToolResult.Content }, () =>
  Effect.succeed(
    ToolResult.content(
      Part.text("see"),
      Part.file("image/png", { base64: "AAAA" }),
      Part.file("audio/wav", { base64: "BBBB" }),
      Part.file("application/pdf", { base64: "CCCC" }, "a b.pdf"),
      Part.file("text/csv", { text: "a,b" }),
      Part.file("image/png", { url: "https://example.com/x.png" }, "x")
    )
  )
)
const server = McpServer.make("shop", { tools: [level, add, broken, drop, media] })

const call = (client: Client, name: string, input: Record<string, unknown> = {}) =>
  Effect.promise(() => client.callTool({ name, arguments: input }))
const Texts = Schema.Struct({ content: Schema.Array(Schema.Struct({ text: Schema.String })) })
const textOf = (result: object): ReadonlyArray<string> =>
  Schema.decodeUnknownSync(Texts)(result).content.map(({ text }) => text)

describe("McpServer tools", () => {
  it.scoped("tools are listed with schemas and what they say of themselves", () =>
    Effect.gen(function* () {
      const client = yield* connected(server)
      const { tools } = yield* Effect.promise(() => client.listTools())
      assert.deepStrictEqual(
        tools.map(({ annotations, name }) => [name, annotations]),
        [
          ["level", { readOnlyHint: true }],
          ["add", { idempotentHint: true }],
          ["broken", undefined],
          ["drop", { destructiveHint: true }],
          ["media", undefined]
        ]
      )
      assert.deepStrictEqual(tools[0]?.inputSchema, {
        type: "object",
        required: ["sku"],
        properties: { sku: { type: "string" } },
        additionalProperties: false
      })
      assert.deepStrictEqual(tools[0]?.outputSchema?.required, ["sku", "pieces"])
      assert.isUndefined(tools[1]?.outputSchema)
      assert.isUndefined(tools[4]?.outputSchema)
    })
  )

  it.scoped("results are text, objects and media", () =>
    Effect.gen(function* () {
      const client = yield* connected(server)
      yield* Effect.promise(() => client.listTools())
      const levels = yield* call(client, "level", { sku: "TEA" })
      assert.deepStrictEqual(levels.structuredContent, { sku: "TEA", pieces: 3 })
      assert.deepStrictEqual(textOf(levels), [`{"sku":"TEA","pieces":3}`])
      assert.deepStrictEqual(textOf(yield* call(client, "add", { left: 2, right: 3 })), ["5"])
      const { content } = yield* call(client, "media")
      assert.deepStrictEqual(
        Schema.decodeUnknownSync(Schema.Array(Schema.Struct({ type: Schema.String })))(content).map(({ type }) => type),
        ["text", "image", "audio", "resource", "resource", "resource_link"]
      )
    })
  )

  it.scoped("CALL-2 wrong arguments come back with what to fix", () =>
    Effect.gen(function* () {
      const client = yield* connected(server)
      const result = yield* call(client, "add", { left: "much" })
      assert.isTrue(result.isError)
      const [text = ""] = textOf(result)
      assert.include(text, "- left: Expected number")
      assert.include(text, "- right: is missing")
      assert.deepStrictEqual(textOf(yield* call(client, "add", { left: "2", right: 3 })), ["5"])
    })
  )

  it.scoped("CALL-4 a failing tool is an error result, not one of the protocol", () =>
    Effect.gen(function* () {
      const client = yield* connected(server)
      const result = yield* call(client, "broken")
      assert.isTrue(result.isError)
      assert.deepStrictEqual(textOf(result), ["the shelf is gone"])
      assert.deepStrictEqual(result._meta, { "axonal/outcome": "failed" })
    })
  )

  it.scoped("a destructive call is denied when nobody is there to ask", () =>
    Effect.gen(function* () {
      const client = yield* connected(server)
      const result = yield* call(client, "drop")
      assert.isTrue(result.isError)
      assert.include(textOf(result)[0], "nobody is there to approve it")
      assert.deepStrictEqual(result._meta, { "axonal/outcome": "denied" })
    })
  )

  it.scoped("a yes that holds for the session holds for the connection", () =>
    Effect.gen(function* () {
      let asked = 0
      const ask = () => Effect.sync(() => ({ approved: ++asked > 0, remember: "tool" as const }))
      const client = yield* Effect.provideService(connected(server), Approval.Approval, { ask })
      assert.deepStrictEqual(textOf(yield* call(client, "drop")), ["dropped"])
      assert.deepStrictEqual(textOf(yield* call(client, "drop")), ["dropped"])
      assert.strictEqual(asked, 1)
    })
  )

  it.scoped("a call that a person will decide about later is not run, and says so", () =>
    Effect.gen(function* () {
      const client = yield* connected(server).pipe(Effect.provide(Approval.layerSuspend))
      const result = yield* call(client, "drop")
      assert.isTrue(result.isError)
      assert.include(textOf(result)[0], "was not run")
      assert.deepStrictEqual(result._meta, { "axonal/outcome": "awaiting-approval" })
    })
  )

  it.scoped("guards see decoded arguments and may rewrite them", () =>
    Effect.gen(function* () {
      const guard = Guard.forTools(
        Guard.make(() => Effect.succeed(Guard.Rewrite({ left: 40, right: 2 }))),
        ["add"]
      )
      const client = yield* Effect.provideService(connected(server), Guard.Guard, guard)
      assert.deepStrictEqual(textOf(yield* call(client, "add", { left: 1, right: 1 })), ["42"])
    })
  )

  it.scoped("CALL-6 long results keep head and tail, and are not taken for whole ones", () =>
    Effect.gen(function* () {
      const long = Agent.tool("long", { success: Schema.Struct({ text: Schema.String }), resultBound: 100 }, () =>
        Effect.succeed({ text: "x".repeat(1000) })
      )
      const big = Agent.tool("big", { success: ToolResult.Content }, () =>
        Effect.succeed(ToolResult.content(Part.file("image/png", { base64: "A".repeat(2000) })))
      )
      const client = yield* connected(McpServer.make("shop", { tools: [long, big], fileBound: 1000 }))
      yield* Effect.promise(() => client.listTools())
      const result = yield* call(client, "long")
      assert.isTrue(result.isError)
      assert.include(textOf(result)[0], "of 1011 characters cut")
      assert.deepStrictEqual(textOf(yield* call(client, "big")), [
        "[image/png: its 1500 bytes are too many to be sent]"
      ])
    })
  )

  it.scoped("CALL-8 progress is told in order, growing, before the result", () =>
    Effect.gen(function* () {
      const steps = Agent.tool("steps", { success: Schema.String }, () =>
        Stream.concat(
          Stream.map(Stream.fromIterable(["one", { two: 2 }, "three"]), ToolResult.progress),
          Stream.succeed("done")
        )
      )
      const client = yield* connected(McpServer.make("steps", { tools: [steps] }))
      const seen: Array<unknown> = []
      const result = yield* Effect.promise(() =>
        client.callTool({ name: "steps" }, undefined, {
          onprogress: ({ message, progress }) => void seen.push([progress, message])
        })
      )
      assert.deepStrictEqual(textOf(result), ["done"])
      assert.deepStrictEqual(seen, [
        [1, "one"],
        [2, `{"two":2}`],
        [3, "three"]
      ])
    })
  )

  it.scoped("tools that come and go are told of", () =>
    Effect.gen(function* () {
      let now: ReadonlyArray<Tool.WithHandler> = [add]
      const all = McpServer.make("living", { tools: [broken, Tool.living(Effect.sync(() => now))] })
      const client = yield* connected(all)
      const names = Effect.map(
        Effect.promise(() => client.listTools()),
        ({ tools }) => tools.map(({ name }) => name)
      )
      assert.deepStrictEqual(client.getServerCapabilities(), { tools: { listChanged: true } })
      assert.deepStrictEqual(yield* names, ["broken", "add"])
      const heard = yield* Deferred.make<void>()
      client.setNotificationHandler(ToolListChangedNotificationSchema, () => Deferred.unsafeDone(heard, Effect.void))
      now = [level]
      assert.deepStrictEqual(textOf(yield* call(client, "level", { sku: "a" })), [`{"sku":"a","pieces":3}`])
      yield* Deferred.await(heard)
      assert.deepStrictEqual(yield* names, ["broken", "level"])
    })
  )

  it.scoped("a cancelled call is interrupted, and hooks are told", () =>
    Effect.gen(function* () {
      const { begun, interrupted, work } = yield* endless
      const outcome = yield* Deferred.make<string>()
      const wait = Agent.tool("wait", {}, () => work)
      const toolEnd = ({ result }: Hooks.ToolEnd) => Effect.as(Deferred.succeed(outcome, result.outcome), undefined)
      const client = yield* Effect.provideService(connected(McpServer.make("wait", { tools: [wait] })), Hooks.Hooks, {
        toolEnd
      })
      const controller = new AbortController()
      const called = client.callTool({ name: "wait" }, undefined, { signal: controller.signal }).catch(() => "gone")
      yield* begun
      controller.abort()
      yield* interrupted
      assert.strictEqual(yield* Effect.promise(() => called), "gone")
      assert.strictEqual(yield* Deferred.await(outcome), "interrupted")
    })
  )

  it.scoped("CALL-3 no more calls run at once than were meant, exclusive ones alone", () =>
    Effect.gen(function* () {
      let [running, alones, most, beside] = [0, 0, 0, 0]
      const change = (by: number, exclusive: boolean) =>
        Effect.sync(() => {
          running += by
          if (exclusive) alones += by
          most = Math.max(most, running)
          if (alones > 0) beside = Math.max(beside, running - 1)
        })
      const within = (exclusive: boolean) =>
        Effect.acquireUseRelease(
          change(1, exclusive),
          () => Effect.repeatN(Effect.yieldNow(), 5),
          () => change(-1, exclusive)
        )
      const each = Agent.tool("each", {}, () => within(false))
      const alone = Agent.tool("alone", { exclusive: true }, () => within(true))
      const client = yield* connected(McpServer.make("bounds", { tools: [each, alone], concurrency: 4 }))
      yield* Effect.promise(() =>
        Promise.all(
          Array.from({ length: 40 }, (_, index) => client.callTool({ name: index % 8 === 0 ? "alone" : "each" }))
        )
      )
      assert.deepStrictEqual([most, beside], [4, 0])
    })
  )

  it("options that cannot be meant throw", () => {
    assert.throws(() => McpServer.make(" ", {}), /name must be a non-empty string/)
    assert.throws(() => McpServer.make("a", { concurrency: 0 }), /McpServer option concurrency/)
  })
})
