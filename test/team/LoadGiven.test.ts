import * as AiTool from "@effect/ai/Tool"
import * as AiToolkit from "@effect/ai/Toolkit"
import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Agent from "../../src/agent/Agent.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import * as Message from "../../src/domain/Message.ts"
import * as Runner from "../../src/pattern/Runner.ts"
import * as Skills from "../../src/skill/Skills.ts"
import * as Team from "../../src/team/Team.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { Transport } from "../../src/transport/Transport.ts"
import { sentResults } from "../support/runs.ts"
import { folder } from "./support.ts"

const { call, text } = ScriptedTransport

const world = (script: ScriptedTransport.Script) => {
  const scripted = ScriptedTransport.make(script)
  return { ...scripted, layer: Layer.merge(Layer.succeed(Transport, scripted.transport), ContextStore.layerMemory) }
}

const Greet = AiTool.make("greet", { parameters: { name: Schema.String }, success: Schema.String })
const Leave = AiTool.make("leave", { success: Schema.String })
const kit = AiToolkit.make(Greet, Leave)
const handlers = kit.toLayer({
  greet: ({ name }) => Effect.succeed(`Hello, ${name}!`),
  leave: () => Effect.succeed("")
})

const skill = (name: string) => ({
  [`skills/${name}/SKILL.md`]: `---\nname: ${name}\ndescription: How to ${name}.\n---\nDo ${name}.\n`
})

describe("Team", () => {
  it.layer(NodeContext.layer)((it) => {
    describe("load", () => {
      it.scoped("a toolkit gives its tools, with handlers in the context or inside", () =>
        Effect.gen(function* () {
          const root = yield* folder({ "a.toml": 'tools = ["greet"]' })
          for (const toolkit of [kit, yield* Effect.provide(kit, handlers)]) {
            const { layer, requests } = world([[call("1", "greet", { name: "Ada" }), call("2", "leave")], [text("ok")]])
            const { lead } = yield* Team.load(root, { toolkit })
            yield* Effect.provide(Runner.run(lead, "go"), Layer.merge(layer, handlers))
            const [first, second] = yield* requests
            assert.deepStrictEqual(
              first?.tools.map(({ name }) => name),
              ["greet"]
            )
            assert.match(sentResults(second).join("\n"), /^ok: Hello, Ada!\nunknown-tool: /)
          }
        })
      )

      it.scoped("an agent knows the skills that its file allows, also later ones", () =>
        Effect.gen(function* () {
          const files = yield* FileSystem.FileSystem
          const root = yield* folder({ ...skill("sail"), ...skill("row"), ...skill("sink") })
          const agents = yield* folder({
            "a.md": '---\nskills: ["s*l*"]\n---\nYou are a.',
            "b.md": "---\n---\nYou are b."
          })
          const skills = yield* Skills.make({ project: root, home: false, folders: ["skills"] })
          const team = yield* Team.load(agents, { skills, lead: "a" })
          const told = (name: string) =>
            Effect.gen(function* () {
              const { layer, requests } = world([
                [call("1", "activate_skill", { name: "row" }), call("2", "activate_skill", { name: "sail" })],
                [text("ok")]
              ])
              yield* Effect.provide(Runner.run(team.members.get(name) ?? team.lead, "go"), layer)
              const [first, second] = yield* requests
              const instructions = (first?.messages ?? []).map(Message.toText).join()
              const known = Array.from(instructions.matchAll(/How to (\w+)/g), ([, skill]) => skill)
              return [known, sentResults(second).map((result) => result.slice(0, 14))] as const
            })
          const results = ["failed: There ", "ok: <skill nam"]
          assert.deepStrictEqual(yield* told("a"), [["sail"], results])
          assert.deepStrictEqual(yield* told("b"), [[], ["unknown-tool: ", "unknown-tool: "]])
          yield* files.makeDirectory(`${root}/skills/slip`)
          yield* files.writeFileString(
            `${root}/skills/slip/SKILL.md`,
            "---\nname: slip\ndescription: How to slip.\n---\n."
          )
          assert.deepStrictEqual(yield* told("a"), [["sail", "slip"], results])
        })
      )

      it.scoped("delegate gives a task to any of them for an agent of the application", () =>
        Effect.gen(function* () {
          const { layer, requests } = world([
            [call("1", "delegate", { agent: "b", task: "Look" })],
            [text("seen")],
            [text("done")]
          ])
          const root = yield* folder({ "a.md": "---\n---\nYou are a.", "b.md": "---\n---\nYou are b." })
          const { delegate } = yield* Team.load(root, { lead: "a" })
          const { output } = yield* Effect.provide(Agent.run(Agent.make("app", { tools: [delegate] }), "go"), layer)
          assert.strictEqual(output, "done")
          assert.deepStrictEqual((yield* requests)[1]?.messages.map(Message.toText), ["You are b.", "Look"])
        })
      )

      it.scoped("tools are one for each agent, with a conversation of its own in each call", () =>
        Effect.gen(function* () {
          const { layer, requests } = world([
            [call("1", "ask_b_2", { task: "Look" })],
            [text("seen")],
            [call("2", "ask_b_2", { task: "Again" })],
            [text("seen again")],
            [text("done")]
          ])
          const root = yield* folder({ "a.md": "---\ndescription: is a\n---\n", "b.2.md": "---\n---\nYou are b." })
          const team = yield* Team.load(root, { lead: "a" })
          const app = Agent.make("app", { tools: Team.tools(team, { prefix: "ask_" }) })
          yield* Effect.provide(Agent.run(app, "go"), layer)
          const [first, second, , fourth] = yield* requests
          assert.deepStrictEqual(
            first?.tools.map(({ description, name }) => [name, description]),
            [
              ["ask_a", "is a"],
              ["ask_b_2", "You are b."]
            ]
          )
          assert.deepStrictEqual(second?.messages.map(Message.toText), ["You are b.", "Look"])
          assert.deepStrictEqual(fourth?.messages.map(Message.toText), ["You are b.", "Again"])
        })
      )
    })
  })
})
