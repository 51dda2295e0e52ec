import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Agent from "../../src/agent/Agent.ts"
import * as Nesting from "../../src/agent/Nesting.ts"
import * as Subagent from "../../src/agent/Subagent.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import { SessionId } from "../../src/domain/Ids.ts"
import * as Message from "../../src/domain/Message.ts"
import * as Runner from "../../src/pattern/Runner.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import type { WithHandler } from "../../src/tool/Tool.ts"
import type { Request, Transport } from "../../src/transport/Transport.ts"
import { sentResults, world } from "../support/runs.ts"

const { call, error, roles, text } = ScriptedTransport

const named = <R = never>(name: string, tools: ReadonlyArray<WithHandler<R>> = []) =>
  Agent.make(name, { instructions: `You are ${name}.`, tools, retries: 0 })

/** What a request says, without its instructions. */
const said = ({ messages }: Request): ReadonlyArray<string> =>
  messages.filter(({ role }) => role === "user" || role === "assistant").map((one) => Message.toText(one))

const requestsOf = (name: string) =>
  Effect.map(ScriptedTransport.requests, (requests) =>
    requests.filter(({ messages: [first] }) => first !== undefined && Message.toText(first) === `You are ${name}.`)
  )

type Loop = Transport | ContextStore.ContextStore

const toolsOf = (request: Request | undefined) => request?.tools.map(({ name }) => name)

const propertiesOf = (request: Request | undefined) =>
  Object.keys(JSON.parse(JSON.stringify(request?.tools[0]?.inputSchema)).properties)

const session = SessionId.make("s")

describe("Subagent.tool", () => {
  it("names the tool and says what it is for", () => {
    const { tool } = Subagent.tool(Agent.make("Senior Reviewer (law)", { instructions: "You review.\nStrictly." }))
    assert.deepStrictEqual([tool.name, tool.description], ["Senior_Reviewer_law_", "You review."])
    const other = Subagent.tool(named("a"), { name: "b", description: "Does b" }).tool
    assert.deepStrictEqual([other.name, other.description], ["b", "Does b"])
    assert.throws(() => Subagent.tool(() => named("a")), "name")
  })

  it("AM-30 a depth of 0 is refused where the tool is made", () => {
    assert.throws(() => Subagent.tool(named("a"), { maxDepth: 0 }), "maxDepth must be a whole number of at least 1")
    assert.throws(() => Subagent.menu([named("a")], { maxDepth: 0.5 }), "maxDepth")
  })

  it.effect("typed input reaches the runner, and a typed answer is JSON", () => {
    const sum = Runner.fromEffect(
      "sum",
      ({ a, b }: { readonly a: number; readonly b: number }) => Effect.succeed({ sum: a + b }),
      { output: Schema.Struct({ sum: Schema.Number }) }
    )
    const input = Schema.Struct({ a: Schema.Number, b: Schema.NumberFromString })
    const lead = named("lead", [Subagent.tool(sum, { input, description: "Adds" })])
    return Effect.gen(function* () {
      yield* Agent.run(lead, "go")
      const [first, second] = yield* ScriptedTransport.requests
      assert.deepStrictEqual(sentResults(second), ['ok: {"sum":5}'])
      assert.deepStrictEqual(propertiesOf(first), ["a", "b"])
    }).pipe(Effect.provide(world([[call("1", "sum", { a: 2, b: "3" })], [text("5")]])))
  })

  it.effect("each call has a session of its own", () => {
    const lead = named("lead", [Subagent.tool(named("clerk"))])
    const ask = (task: string) => call(task, "clerk", { task })
    return Effect.gen(function* () {
      yield* Agent.run(lead, "go", { session })
      const clerks = yield* requestsOf("clerk")
      assert.deepStrictEqual(clerks.map(said), [["one"], ["two"]])
      const store = yield* ContextStore.ContextStore
      const { sessions } = yield* store.list()
      assert.deepStrictEqual(sessions.filter(({ id }) => id.startsWith("s/call_")).length, 2)
    }).pipe(
      Effect.provide(
        world(
          roles({ "You are lead": [[ask("one")], [ask("two")], [text("ok")]], "You are clerk": () => [text("done")] })
        )
      )
    )
  })

  it.effect("a shared session remembers, one call at a time", () => {
    const lead = named("lead", [Subagent.tool(named("clerk"), { session: "shared" })])
    const ask = (task: string) => call(task, "clerk", { task })
    return Effect.gen(function* () {
      yield* Agent.run(lead, "go", { session })
      yield* Agent.run(lead, "again", { session })
      const clerks = yield* requestsOf("clerk")
      assert.deepStrictEqual(clerks.map(said), [
        ["one"],
        ["one", "done 0", "two"],
        ["one", "done 0", "two", "done 1", "three"]
      ])
      const store = yield* ContextStore.ContextStore
      assert.strictEqual((yield* store.read(SessionId.make("s/clerk"))).messages.length, 6)
    }).pipe(
      Effect.provide(
        world(
          roles({
            "You are lead": [[ask("one"), ask("two")], [text("ok")], [ask("three")], [text("ok")]],
            "You are clerk": (_, index) => [text(`done ${index}`)]
          })
        )
      )
    )
  })

  it.effect("a forked session begins as the conversation before the call", () => {
    const lead = named("lead", [Subagent.tool(named("clerk"), { session: "forked" })])
    const ask = (task: string) => call(task, "clerk", { task })
    return Effect.gen(function* () {
      yield* Agent.run(lead, "My name is Ada.", { session })
      yield* Agent.run(lead, "Go.", { session })
      const clerks = yield* requestsOf("clerk")
      assert.deepStrictEqual(clerks.map(said), [
        ["My name is Ada.", "Hello Ada.", "Go.one"],
        ["My name is Ada.", "Hello Ada.", "Go.two"],
        ["My name is Ada.", "Hello Ada.", "Go.", "", "three"]
      ])
    }).pipe(
      Effect.provide(
        world(
          roles({
            "You are lead": [[text("Hello Ada.")], [ask("one"), ask("two")], [ask("three")], [text("ok")]],
            "You are clerk": () => [text("done")]
          })
        )
      )
    )
  })

  it.effect("a session that an agent above has is not waited for", () => {
    const clerk = named("clerk")
    const lead = named("lead", [Subagent.tool(clerk, { session: "shared" })])
    return Effect.gen(function* () {
      const taken = { ...Nesting.root, sessions: [SessionId.make("s/clerk")] }
      yield* Effect.provideService(Agent.run(lead, "go", { session }), Nesting.Nesting, taken)
      const requests = yield* ScriptedTransport.requests
      assert.include(sentResults(requests[1])[0], "failed: SubagentFailed: clerk would work in session s/clerk")
    }).pipe(Effect.provide(world([[call("1", "clerk", { task: "x" })], [text("ok")]])))
  })

  it.effect("AG-18 an agent that is at work above is told by identity, not by name", () => {
    const a: Agent.Agent<string, never, Loop> = named("a", [Subagent.tool(() => b, { name: "b" })])
    const namesake = named("a")
    const b: Agent.Agent<string, never, Loop> = named("b", [
      Subagent.tool(() => a, { name: "back" }),
      Subagent.tool(namesake, { name: "other" })
    ])
    return Effect.gen(function* () {
      const result = yield* Agent.run(a, "go")
      assert.strictEqual(result.text, "all done")
      const [, , second] = yield* ScriptedTransport.requests
      const [circular] = sentResults((yield* requestsOf("b"))[1])
      assert.strictEqual(
        circular,
        "failed: SubagentFailed: Circular use of agents: a > b > a. a is already at work above; do this part yourself."
      )
      assert.isDefined(second)
      assert.deepStrictEqual(sentResults((yield* requestsOf("b"))[1])[1], "ok: namesake done")
    }).pipe(
      Effect.provide(
        world([
          [call("1", "b", { task: "x" })],
          [call("2", "back", { task: "x" }), call("3", "other", { task: "x" })],
          [text("namesake done")],
          [text("b done")],
          [text("all done")]
        ])
      )
    )
  })

  it.effect("AM-30 at the deepest level the model is not told of the tool", () => {
    const leaf = named("leaf")
    const clerk = named("clerk", [Subagent.tool(leaf, { maxDepth: 1 })])
    const lead = named("lead", [Subagent.tool(clerk, { maxDepth: 1 })])
    return Effect.gen(function* () {
      yield* Agent.run(lead, "go")
      assert.deepStrictEqual(toolsOf((yield* requestsOf("lead"))[0]), ["clerk"])
      const [first, second] = yield* requestsOf("clerk")
      assert.deepStrictEqual(toolsOf(first), [])
      // One that calls it all the same is told why it may not.
      assert.deepStrictEqual(sentResults(second), [
        "failed: SubagentFailed: Agents may stand 1 deep below the first one, and this would be deeper: " +
          "lead > clerk > leaf. Do this part yourself."
      ])
      // The same agent at the root has its tool.
      yield* Agent.run(clerk, "go")
      assert.deepStrictEqual(toolsOf((yield* requestsOf("clerk"))[2]), ["leaf"])
    }).pipe(
      Effect.provide(
        world([
          [call("1", "clerk", { task: "x" })],
          [call("2", "leaf", { task: "x" })],
          [text("alone")],
          [text("ok")],
          [text("ok")]
        ])
      )
    )
  })

  it.effect("AG-19 five may stand below the first one, and the sixth is told the chain", () => {
    const chain = (depth: number): Agent.Agent<string, never, Loop> =>
      named(`a${depth}`, depth === 6 ? [] : [Subagent.tool(chain(depth + 1))])
    const depths: Array<number> = []
    const script = (request: Request) => {
      const last = request.messages.at(-1)
      const [system] = request.messages
      const depth = Number(system === undefined ? "" : /\d/.exec(Message.toText(system))?.[0])
      if (last?.role === "tool") return [text(sentResults(request).join())]
      depths.push(depth)
      return [call("1", `a${depth + 1}`, { task: "x" })]
    }
    return Effect.gen(function* () {
      const result = yield* Agent.run(chain(0), "go")
      assert.deepStrictEqual(depths, [0, 1, 2, 3, 4, 5])
      assert.include(result.text, "a0 > a1 > a2 > a3 > a4 > a5 > a6")
    }).pipe(Effect.provide(world(script)))
  })

  it.effect("a failure is told with the way to it", () => {
    const lead = named("lead", [Subagent.tool(named("chief", [Subagent.tool(named("clerk"), { fatal: true })]))])
    const script = roles({
      "You are lead": [[call("1", "chief", { task: "x" })], [text("ok")]],
      "You are chief": [[call("1", "clerk", { task: "x" })]],
      "You are clerk": [[error("RateLimited")]]
    })
    return Effect.gen(function* () {
      yield* Agent.run(lead, "go")
      const [told = ""] = sentResults((yield* requestsOf("lead"))[1])
      assert.include(told, "failed: SubagentFailed: lead > chief > clerk: ToolFailed: ")
      assert.include(told, "lead > chief > clerk: TransportError: ")
      assert.include(told, "RateLimited")
    }).pipe(Effect.provide(world(script)))
  })

  it.effect("a fatal one ends the run of its caller, which knows where it failed", () => {
    const lead = named("lead", [Subagent.tool(named("clerk"), { fatal: true })])
    return Effect.gen(function* () {
      const failure = yield* Effect.flip(Agent.run(lead, "go"))
      assert.strictEqual(failure._tag, "ToolFailed")
      const at = Runner.failedAt(failure)
      assert.deepStrictEqual(at && Nesting.wayTo(at), "lead > clerk")
    }).pipe(Effect.provide(world([[call("1", "clerk", { task: "x" })], [error("Authentication")]])))
  })

  it.effect("what one dies of is not told", () => {
    const broken = Runner.fromEffect("broken", (_: string) => Effect.die(new Error("password 1234")))
    const lead = named("lead", [Subagent.tool(broken)])
    return Effect.gen(function* () {
      yield* Agent.run(lead, "go")
      const [, second] = yield* ScriptedTransport.requests
      assert.deepStrictEqual(sentResults(second), [
        "failed: Tool broken failed unexpectedly. The details are in the log of this application."
      ])
    }).pipe(Effect.provide(world([[call("1", "broken", { task: "x" })], [text("ok")]])))
  })

  it.effect("one that reached a limit has no answer, but what it has", () => {
    const clerk = Agent.withLimits(named("clerk"), { totalTokens: 1 })
    const lead = named("lead", [
      Subagent.tool(Agent.withTools(clerk, [Agent.tool("look", {}, () => Effect.succeed(""))]))
    ])
    return Effect.gen(function* () {
      yield* Agent.run(lead, "go")
      const requests = yield* ScriptedTransport.requests
      assert.deepStrictEqual(sentResults(requests.at(-1)), [
        "failed: SubagentFailed: clerk ended without an answer (limit: totalTokens). What it has so far:\nhalf of it"
      ])
    }).pipe(
      Effect.provide(
        world([[call("1", "clerk", { task: "x" })], [call("2", "look")], [text("half of it")], [text("ok")]])
      )
    )
  })
})

describe("Subagent.menu", () => {
  const [painter, scribe] = [named("painter"), named("scribe")]
  const menu = Subagent.menu([painter, { name: "writer", description: "Writes", runner: () => scribe }])

  it("is one tool that names its agents", () => {
    assert.throws(() => Subagent.menu([]), "at least one")
    assert.throws(() => Subagent.menu([named("a"), named("a")]), 'Two agents of a menu have the name "a"')
  })

  it.effect("AM-30 runs the agent of a name, and tells the names for one that is not there", () =>
    Effect.gen(function* () {
      yield* Agent.run(named("lead", [menu]), "go")
      const [first] = yield* requestsOf("lead")
      assert.deepStrictEqual(JSON.parse(JSON.stringify(first?.tools[0]?.inputSchema)).properties.agent, {
        type: "string",
        enum: ["painter", "writer"],
        description: "The agent:\npainter: You are painter.\nwriter: Writes"
      })
      assert.deepStrictEqual(sentResults((yield* requestsOf("lead"))[1]), [
        "ok: a poem",
        "ok: a picture",
        "invalid: Invalid arguments for tool delegate:\n" +
          '- agent: Expected "painter", actual "cook"\n- agent: Expected "writer", actual "cook"\n' +
          "Call it again with arguments that match its schema."
      ])
    }).pipe(
      Effect.provide(
        world(
          roles({
            "You are lead": [
              [
                call("1", "delegate", { agent: "writer", task: "x" }),
                call("2", "delegate", { agent: "painter", task: "y" }),
                call("3", "delegate", { agent: "cook", task: "z" })
              ],
              [text("ok")]
            ],
            "You are scribe": [[text("a poem")]],
            "You are painter": [[text("a picture")]]
          })
        )
      )
    )
  )

  it.effect("AG-24 an agent has what it was made with, whatever the model asks for", () => {
    const spy = Agent.tool("spy", {}, () => Effect.succeed("seen"))
    const lead = Agent.make("lead", { instructions: "You are lead.", tools: [menu, spy] })
    return Effect.gen(function* () {
      yield* Agent.run(lead, "go")
      assert.deepStrictEqual(toolsOf((yield* requestsOf("painter"))[0]), [])
    }).pipe(
      Effect.provide(
        world(
          roles({
            "You are lead": [
              [call("1", "delegate", { agent: "painter", task: "x", tools: ["*", "spy"] })],
              [text("ok")]
            ],
            "You are painter": [[text("ok")]]
          })
        )
      )
    )
  })
})
