import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Agent from "../../src/agent/Agent.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import * as Identity from "../../src/context/Identity.ts"
import * as Messages from "../../src/domain/Message.ts"
import * as Part from "../../src/domain/Part.ts"
import * as Approval from "../../src/guard/Approval.ts"
import * as McpServer from "../../src/mcp/McpServer.ts"
import * as Runner from "../../src/pattern/Runner.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { connected } from "./serverSupport.ts"

const { call, text } = ScriptedTransport
const Answer = Schema.Struct({
  content: Schema.Array(Schema.Struct({ text: Schema.String })),
  isError: Schema.optional(Schema.Boolean),
  structuredContent: Schema.optional(Schema.Unknown),
  _meta: Schema.Record({ key: Schema.String, value: Schema.Unknown })
})
const answerOf = (result: object) => {
  const { content, ...rest } = Schema.decodeUnknownSync(Answer)(result)
  return { ...rest, text: content.map(({ text }) => text).join("\n") }
}

const look = Agent.tool("look", { success: Schema.String, destructive: true }, () => Effect.succeed("a wall"))
const guide = Agent.make("guide", { description: "Knows the way", instructions: "Say where.", tools: [look] })
const scripted = (script: ScriptedTransport.Script) =>
  Layer.merge(ScriptedTransport.layer(script), ContextStore.layerMemory)

describe("McpServer runners", () => {
  it.scoped("an agent is a tool with an input, and its usage goes with the answer", () =>
    Effect.gen(function* () {
      const client = yield* connected(McpServer.make("museum", { runners: [guide] }))
      const { tools } = yield* Effect.promise(() => client.listTools())
      assert.deepStrictEqual(
        tools.map(({ description, inputSchema, name }) => [
          name,
          description,
          Object.keys(inputSchema.properties ?? {})
        ]),
        [["guide", "Knows the way", ["input"]]]
      )
      const seen: Array<unknown> = []
      const result = yield* Effect.promise(() =>
        client.callTool({ name: "guide", arguments: { input: "Where is Vermeer?" } }, undefined, {
          onprogress: ({ message }) => void seen.push(message)
        })
      )
      const { _meta, isError, text } = answerOf(result)
      assert.deepStrictEqual([isError, text], [undefined, "Room 12."])
      assert.deepStrictEqual(Object.keys(_meta), ["axonal/session", "axonal/usage", "axonal/outcome"])
      assert.deepStrictEqual(seen, ["guide asks whether look may run", "guide: look", "guide: turn 2"])
    }).pipe(Effect.provide([scripted([[call("1", "look")], [text("Room 12.")]]), Approval.layerAllow]))
  )

  it.scoped("a run that waits for a person says so, and where it goes on", () =>
    Effect.gen(function* () {
      const client = yield* connected(McpServer.make("museum", { runners: [guide] }))
      const result = yield* Effect.promise(() => client.callTool({ name: "guide", arguments: { input: "Look" } }))
      const { _meta, isError, text: said } = answerOf(result)
      assert.isTrue(isError)
      assert.strictEqual(_meta["axonal/outcome"], "awaiting-approval")
      assert.include(said, "- look: look may destroy something")
      const session = Schema.decodeUnknownSync(Schema.String)(_meta["axonal/session"])
      assert.include(said, session)
    }).pipe(Effect.provide([scripted([[call("1", "look")]]), Approval.layerSuspend]))
  )

  it.scoped("what a run fails with is an error result in our words", () =>
    Effect.gen(function* () {
      const failing = Runner.fromEffect("failing", (_: string) => Effect.fail(new Error("the museum is closed")))
      const client = yield* connected(McpServer.make("museum", { runners: [failing] }))
      const result = yield* Effect.promise(() => client.callTool({ name: "failing", arguments: { input: "Go" } }))
      const { isError, text } = answerOf(result)
      assert.deepStrictEqual([isError, text], [true, "failing: the museum is closed"])
    }).pipe(Effect.provide(ContextStore.layerMemory))
  )

  it.scoped("typed answers are objects", () =>
    Effect.gen(function* () {
      const Place = Schema.Struct({ room: Schema.Number })
      const typed = Agent.make("typed", { output: Place })
      const client = yield* connected(McpServer.make("museum", { runners: [typed] }))
      const result = yield* Effect.promise(() => client.callTool({ name: "typed", arguments: { input: "Vermeer" } }))
      assert.deepStrictEqual(answerOf(result).structuredContent, { room: 12 })
    }).pipe(Effect.provide(scripted([[text(`{"room":12}`)]])))
  )

  const rounds = (sessions: McpServer.Sessions, name: string | undefined, identity: Identity.Service = {}) =>
    Effect.gen(function* () {
      const server = McpServer.make("museum", { runners: [Agent.make("echo", {})], sessions })
      const client = yield* Effect.provideService(connected(server), Identity.Identity, identity)
      const input = name === undefined ? {} : { session: name }
      const say = (words: string) =>
        Effect.promise(() => client.callTool({ name: "echo", arguments: { input: words, ...input } }))
      return [answerOf(yield* say("one")).text, answerOf(yield* say("two")).text]
    })
  /** Says how many messages of the user it was shown. */
  const counting = ScriptedTransport.layer(({ messages }) => [
    text(String(messages.filter(({ role }) => role === "user").length))
  ])

  it.scoped("conversations are new, of the connection, or by name and identity", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* rounds("fresh", undefined), ["1", "1"])
      assert.deepStrictEqual(yield* rounds("connection", undefined), ["1", "2"])
      assert.deepStrictEqual(yield* rounds("connection", undefined), ["1", "2"])
      assert.deepStrictEqual(yield* rounds("named", "a", { userId: "ann" }), ["1", "2"])
      assert.deepStrictEqual(yield* rounds("named", "a", { userId: "ann" }), ["3", "4"])
      assert.deepStrictEqual(yield* rounds("named", "a", { userId: "bob" }), ["1", "2"])
      assert.deepStrictEqual(yield* rounds("named", "a", { userId: "ann/x" }), ["1", "2"])
      assert.match((yield* rounds("named", "../a"))[0] ?? "", /^Invalid arguments for tool echo:\n- session/)
    }).pipe(Effect.provide([counting, ContextStore.layerMemory]))
  )

  it("two runners of one name throw", () => {
    assert.throws(
      () => McpServer.make("museum", { runners: [guide, Runner.named(guide, "guide")] }),
      /two of the name guide/
    )
  })
})

describe("McpServer prompts and resources", () => {
  const server = McpServer.make("desk", {
    prompts: {
      greet: {
        description: "Greets somebody",
        arguments: { name: { description: "Whom", required: true } },
        get: ({ name }) =>
          Effect.succeed([
            Messages.user([Part.text(`Greet ${name}`), Part.file("image/png", { base64: "AAAA" })]),
            Messages.assistant([Part.text("Hello")])
          ])
      }
    },
    resources: {
      "desk://rules": { name: "rules", mimeType: "text/plain", read: Effect.succeed("be kind") },
      "desk://logo": { name: "logo", read: Effect.succeed(new Uint8Array([1, 2, 3])) },
      "desk://gone": { name: "gone", read: Effect.fail("it is gone") }
    }
  })

  it.scoped("what is offered is declared, listed and read", () =>
    Effect.gen(function* () {
      const client = yield* connected(server)
      const send = <A>(ask: () => Promise<A>) => Effect.promise(ask)
      assert.deepStrictEqual(client.getServerCapabilities(), { prompts: {}, resources: {} })
      const { prompts } = yield* send(() => client.listPrompts())
      assert.deepStrictEqual(prompts[0]?.arguments, [{ name: "name", description: "Whom", required: true }])
      const { messages } = yield* send(() => client.getPrompt({ name: "greet", arguments: { name: "Ann" } }))
      assert.deepStrictEqual(
        messages.map(({ content, role }) => [role, content.type]),
        [
          ["user", "text"],
          ["user", "image"],
          ["assistant", "text"]
        ]
      )
      const { resources } = yield* send(() => client.listResources())
      assert.deepStrictEqual(
        resources.map(({ uri }) => uri),
        ["desk://rules", "desk://logo", "desk://gone"]
      )
      const rules = yield* send(() => client.readResource({ uri: "desk://rules" }))
      assert.deepStrictEqual(rules.contents, [{ uri: "desk://rules", mimeType: "text/plain", text: "be kind" }])
      const logo = yield* send(() => client.readResource({ uri: "desk://logo" }))
      assert.deepStrictEqual(logo.contents, [{ uri: "desk://logo", blob: "AQID" }])
      assert.deepStrictEqual(yield* send(() => client.listResourceTemplates()), { resourceTemplates: [] })
    })
  )

  it.scoped("what is not there, or cannot be read, is told by its code", () =>
    Effect.gen(function* () {
      const client = yield* connected(server)
      const code = (ask: () => Promise<unknown>) =>
        Effect.promise(() =>
          ask().then(
            () => "fine",
            (error: unknown) => (error instanceof Error && "code" in error ? error.code : error)
          )
        )
      assert.deepStrictEqual(
        [
          yield* code(() => client.getPrompt({ name: "greet" })),
          yield* code(() => client.getPrompt({ name: "toString" })),
          yield* code(() => client.readResource({ uri: "desk://none" })),
          yield* code(() => client.readResource({ uri: "desk://gone" }))
        ],
        [-32602, -32602, -32002, -32603]
      )
    })
  )
})
