import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Agent from "../../src/agent/Agent.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import { common, safe } from "../../src/transport/internal/toolNames.ts"
import * as OpenAiChat from "../../src/transport/OpenAiChat.ts"
import * as Wire from "../support/wire.ts"

const chunk = (delta: object, finish: string | null = null) => ({
  choices: [{ index: 0, delta, finish_reason: finish }]
})

const calling = (name: string) =>
  Wire.events(
    chunk({ tool_calls: [{ index: 0, id: "c1", type: "function", function: { name, arguments: '{"q":"x"}' } }] }),
    chunk({}, "tool_calls")
  )
const done = Wire.events(chunk({ content: "done" }), chunk({}, "stop"))

/** Runs an agent with the tool against a server that calls the name it is told, and then is done. */
const ran = (tool: string, called: (offered: string) => string) =>
  Effect.gen(function* () {
    const server = yield* Wire.server((response, { body }) => {
      const { messages, tools } = JSON.parse(body)
      response.writeHead(200, { "content-type": "text/event-stream" })
      response.end(messages.length > 1 ? done : calling(called(tools[0].function.name)))
    })
    const seen: Array<string> = []
    const search = Agent.tool(tool, { parameters: { q: Schema.String } }, ({ q }) => Effect.sync(() => seen.push(q)))
    const names: Array<string> = []
    yield* Agent.run(Agent.make("a", { tools: [search] }), "go", {
      onEvents: (events) => {
        for (const event of events) if ("name" in event) names.push(`${event._tag} ${event.name}`)
      }
    }).pipe(
      Effect.provide(Layer.merge(OpenAiChat.layer({ model: "m", baseUrl: server.url }), ContextStore.layerMemory))
    )
    const second = JSON.parse(server.requests[1]?.body ?? "{}")
    const sent: string = second.messages[1].tool_calls[0].function.name
    return {
      seen,
      names: new Set(names.map((name) => name.split(" ")[1])),
      sent,
      offered: second.tools[0].function.name
    }
  }).pipe(Effect.scoped, Effect.provide(FetchHttpClient.layer))

describe("toolNames", () => {
  it.prop(
    "TR-28 any two names stay two, in the form that vendors take",
    [FastCheck.string(), FastCheck.string()],
    ([a, b]) => {
      const [left, right] = [safe(a, common), safe(b, common)]
      assert.match(left, /^[a-zA-Z0-9_-]{1,64}$/)
      assert.strictEqual(left === right, a === b)
      assert.strictEqual(safe(left, common), left)
    }
  )

  it.effect.each(["github.search", "a tool with spaces", "ünï", "x".repeat(80)])(
    "TR-28 a tool named %s works under a safe name, and is called by its own",
    (name) =>
      Effect.gen(function* () {
        const { names, offered, seen, sent } = yield* ran(name, (offered) => offered)
        assert.deepStrictEqual(seen, ["x"])
        assert.match(offered, /^[a-zA-Z0-9_-]{1,64}$/)
        assert.notStrictEqual(offered, name)
        assert.strictEqual(sent, offered)
        assert.deepStrictEqual(names, new Set([name.split(" ")[0]]))
      })
  )

  it.effect("TR-5 TR-28 a name that the model made up goes back in a form that the vendor takes", () =>
    Effect.gen(function* () {
      const { seen, sent } = yield* ran("search", () => "web search!")
      assert.deepStrictEqual(seen, [])
      assert.match(sent, /^web_search__[0-9a-f]{8}$/)
    })
  )

  it.effect("a safe name is sent as it is", () =>
    Effect.map(
      ran("search", (offered) => offered),
      ({ offered }) => assert.strictEqual(offered, "search")
    )
  )
})
