import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Agent from "../../src/agent/Agent.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import * as Approval from "../../src/guard/Approval.ts"
import * as Guard from "../../src/guard/Guard.ts"
import * as Runner from "../../src/pattern/Runner.ts"
import * as Team from "../../src/team/Team.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import type * as Tool from "../../src/tool/Tool.ts"
import type { Request } from "../../src/transport/Transport.ts"
import { Transport } from "../../src/transport/Transport.ts"
import { sentResults } from "../support/runs.ts"
import { folder } from "./support.ts"

const { call, gate, roles, text } = ScriptedTransport

const delegate = (id: string, agent: string, task = "go") => call(id, "delegate", { agent, task })

const lead = (agents: ReadonlyArray<string>, more = "") =>
  `---\nagents: ${JSON.stringify(agents)}\n${more}\n---\nYou are the lead.`

const mate = (name: string, more = "") => `---\ndescription: Does ${name}\n${more}\n---\nYou are ${name}.`

const ran: Array<string> = []
const tool = (name: string) =>
  Agent.tool(name, { description: name }, () => Effect.sync(() => `${name} ${ran.push(name)}`))
const tools = [tool("read"), tool("write"), tool("remove")]

const team = { "team.toml": 'lead = "lead"' }

/** The transport of the application, and the store. */
const world = (scripts: Readonly<Record<string, ScriptedTransport.Script>>) => {
  const scripted = ScriptedTransport.make(roles(scripts))
  return { ...scripted, layer: Layer.merge(Layer.succeed(Transport, scripted.transport), ContextStore.layerMemory) }
}

const toolsOf = (request: Request | undefined) => request?.tools.map(({ name }) => name)

describe("Team", () => {
  it.layer(NodeContext.layer)((it) => {
    describe("load", () => {
      it.scoped("the lead gives tasks to two mates side by side", () =>
        Effect.gen(function* () {
          const [a, b] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
          const meets = (own: Deferred.Deferred<void>, other: Deferred.Deferred<void>) =>
            gate(Effect.zipRight(Deferred.succeed(own, undefined), Deferred.await(other)))
          const { layer, requests } = world({
            "You are the lead": [[delegate("1", "a", "cut"), delegate("2", "b", "sew")], [text("A coat.")]],
            "You are a": [[meets(a, b), text("Cut.")]],
            "You are b": [[meets(b, a), text("Sewn.")]]
          })
          const root = yield* folder({ ...team, "lead.md": lead(["*"]), "a.md": mate("a"), "b.md": mate("b") })
          const loaded = yield* Team.load(root)
          const result = yield* Effect.provide(Runner.run(loaded.lead, "A coat, please"), layer)
          assert.deepStrictEqual(
            [result.reason, result.output, result.usage.inputTokens.total],
            ["completed", "A coat.", 40]
          )
          assert.deepStrictEqual(sentResults((yield* requests).at(-1)), ["ok: Cut.", "ok: Sewn."])
          assert.deepStrictEqual([...loaded.members.keys()], ["a", "b", "lead"])
        })
      )

      it.scoped("a mate has the tools that its file names, and no others", () =>
        Effect.gen(function* () {
          ran.length = 0
          const { layer, requests } = world({
            "You are the lead": [[delegate("1", "a")], [text("done")]],
            "You are a": [[call("2", "read"), call("3", "remove")], [text("read")]]
          })
          const root = yield* folder({ ...team, "lead.md": lead(["a"]), "a.md": mate("a", "tools: ['re*d', write]") })
          const loaded = yield* Team.load(root, { tools })
          yield* Effect.provide(Runner.run(loaded.lead, "go"), layer)
          const [first, second, third] = yield* requests
          assert.deepStrictEqual([toolsOf(first), toolsOf(second)], [["delegate"], ["read", "write"]])
          assert.match(sentResults(third).join("\n"), /^ok: read 1\nunknown-tool: /)
          assert.deepStrictEqual(ran, ["read"])
        })
      )

      it.scoped("each has its own model, or that of the application", () =>
        Effect.gen(function* () {
          const { layer, requests } = world({ "You are plain": [[text("by the application")]] })
          const one = ScriptedTransport.make(
            roles({
              "You are the lead": [
                [delegate("1", "same"), delegate("2", "plain"), delegate("3", "other")],
                [text("ok")]
              ],
              "You are same": [[text("by one")]]
            })
          )
          const two = ScriptedTransport.make([[text("by two")]])
          const asked: Array<string> = []
          const models = (model: string) =>
            Effect.sync(() => {
              asked.push(model)
              return model === "openai:one" ? one.transport : two.transport
            })
          const root = yield* folder({
            ...team,
            "lead.md": lead(["*"], "model: openai:one"),
            "same.md": mate("same", "model: openai:one"),
            "other.md": mate("other", "model: openai:two"),
            "plain.md": mate("plain")
          })
          const loaded = yield* Team.load(root, { models })
          yield* Effect.provide(Runner.run(loaded.lead, "go"), layer)
          assert.deepStrictEqual(asked, ["openai:one", "openai:two"])
          assert.deepStrictEqual(sentResults((yield* one.requests).at(-1)), [
            "ok: by one",
            "ok: by the application",
            "ok: by two"
          ])
          assert.lengthOf(yield* requests, 1)
        })
      )

      it.scoped("rules hold for their agent besides those of the application", () =>
        Effect.gen(function* () {
          ran.length = 0
          const all = [call("2", "read"), call("3", "write"), call("4", "remove")]
          const { layer, requests } = world({
            "You are the lead": [[...all, delegate("1", "a")], [text("done")]],
            "You are a": [all, [text("did it")]]
          })
          const rules = (tool: string) =>
            `tools: ["*"]\nguard: {otherwise: allow, rules: [{tools: ${tool}, verdict: deny, reason: no ${tool}}]}`
          const root = yield* folder({
            ...team,
            "lead.md": lead(["a"], rules("write")),
            "a.md": mate("a", rules("read"))
          })
          const loaded = yield* Team.load(root, { tools })
          const guard = Guard.forTools(Guard.deny("not here"), ["remove"])
          yield* Runner.run(loaded.lead, "go").pipe(Effect.provide(layer), Effect.provide(Guard.layer(guard)))
          const [, , ofMate, ofLead] = yield* requests
          const outcomes = (request: Request | undefined) =>
            sentResults(request).map((result) => result.replace(/^(\w+): .*?(no \w+|not here|did it)?[^ ]*$/s, "$1 $2"))
          assert.deepStrictEqual(outcomes(ofMate), ["denied no read", "ok ", "denied not here"])
          assert.deepStrictEqual(outcomes(ofLead), ["ok ", "denied no write", "denied not here", "ok did it"])
          assert.deepStrictEqual(ran.toSorted(), ["read", "write"])
        })
      )

      it.scoped("what is put between mates holds for the inner one", () =>
        Effect.gen(function* () {
          ran.length = 0
          const { layer, requests } = world({
            "You are a": [[call("1", "ask")], [text("asked")]],
            "You are b": [[call("2", "write")], [text("wrote")]]
          })
          const rules = "guard: {otherwise: allow, rules: []}"
          const root = yield* folder({
            "a.md": mate("a", `tools: [ask]\n${rules}`),
            "b.md": mate("b", "tools: [write]")
          })
          const ask: Tool.WithHandler = Agent.tool("ask", {}, () =>
            Effect.provide(Effect.orDie(Runner.run(inner(), "go")), Layer.merge(layer, Guard.layerDeny))
          )
          const loaded = yield* Team.load(root, { lead: "a", tools: [...tools, ask] })
          const inner = () => loaded.members.get("b") ?? loaded.lead
          yield* Effect.provide(Runner.run(loaded.lead, "go"), layer)
          const told = (yield* requests).flatMap(sentResults)
          assert.match(told.join("\n"), /^denied: .*not allowed here/)
          assert.deepStrictEqual(ran, [])
        })
      )

      it.scoped("limits hold for their agent", () =>
        Effect.gen(function* () {
          const { layer, requests } = world({
            "You are the lead": [[delegate("1", "a")], [text("then not")]],
            "You are a": () => [call("2", "read")]
          })
          const limits = "tools: [read]\nlimits: {turns: 2, onLimit: fail}\nsettings: {temperature: 0.5}"
          const root = yield* folder({ ...team, "lead.md": lead(["a"]), "a.md": mate("a", limits) })
          const loaded = yield* Team.load(root, { tools })
          const { reason } = yield* Effect.provide(Runner.run(loaded.lead, "go"), layer)
          const all = yield* requests
          assert.deepStrictEqual([reason, all.length], ["completed", 4])
          assert.match(sentResults(all.at(-1)).join(), /^failed: .*lead > a: LimitExceeded/)
          assert.deepStrictEqual(
            all.map(({ settings }) => settings.temperature),
            [undefined, 0.5, 0.5, undefined]
          )
        })
      )

      it.scoped("circles are told, and so are agents that are not on the list", () =>
        Effect.gen(function* () {
          const { layer, requests } = world({
            "You are a": [[delegate("1", "c"), delegate("2", "b")], [text("done")]],
            "You are b": [[delegate("3", "a")], [text("I did it.")]]
          })
          const root = yield* folder({
            "a.md": mate("a", "agents: [b]"),
            "b.md": mate("b", 'agents: ["*"]'),
            "c.md": mate("c")
          })
          const loaded = yield* Team.load(root, { lead: "a" })
          yield* Effect.provide(Runner.run(loaded.lead, "go"), layer)
          const [, , third, fourth] = yield* requests
          assert.match(sentResults(third).join(), /Circular use of agents: a > b > a/)
          const [stranger = "", ofMate] = sentResults(fourth)
          assert.match(stranger, /^invalid: [\s\S]*b: Does b, actual "c"/)
          assert.strictEqual(ofMate, "ok: I did it.")
        })
      )

      it.scoped("a mate waits for a person with the lead, and goes on", () =>
        Effect.gen(function* () {
          ran.length = 0
          const { layer } = world({
            "You are the lead": [[delegate("1", "a")], [text("done")]],
            "You are a": [[call("2", "write")], [text("wrote")]]
          })
          const rules = "tools: [write]\nguard: {rules: [{tools: write, verdict: ask}]}"
          const root = yield* folder({ ...team, "lead.md": lead(["a"]), "a.md": mate("a", rules) })
          const loaded = yield* Team.load(root, { tools })
          const result = yield* Effect.gen(function* () {
            const { pending, reason, session } = yield* Runner.run(loaded.lead, "go")
            assert.deepStrictEqual([reason, pending.map(({ agent }) => agent), ran], ["awaiting-approval", ["a"], []])
            // Loaded again, as in another process.
            const again = yield* Team.load(root, { tools })
            const decided = pending.map(({ call }) => ({ call, approved: true }))
            return yield* Runner.resume(again.lead, session, decided)
          }).pipe(Effect.provide(Layer.merge(layer, Approval.layerSuspend)))
          assert.deepStrictEqual([result.reason, result.text, ran], ["completed", "done", ["write"]])
        })
      )

      it.scoped("a later folder goes before an earlier one", () =>
        Effect.gen(function* () {
          const { layer, requests } = world({ "You are the lead": [[text("ok")]] })
          const shipped = yield* folder({ "lead.md": lead([], "tools: [read, write]\nsettings: {seed: 1}") })
          const project = yield* folder({ "lead.toml": 'tools = ["read"]\n' })
          const loaded = yield* Team.load([shipped, project], { tools })
          yield* Effect.provide(Runner.run(loaded.lead, "go"), layer)
          const [request] = yield* requests
          assert.deepStrictEqual([toolsOf(request), request?.settings.seed], [["read"], 1])
        })
      )
    })
  })
})
