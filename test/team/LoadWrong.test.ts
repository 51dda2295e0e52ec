import * as HttpClient from "@effect/platform/HttpClient"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Agent from "../../src/agent/Agent.ts"
import * as Team from "../../src/team/Team.ts"
import * as TeamError from "../../src/team/TeamError.ts"
import type { Contents } from "./support.ts"
import { folder } from "./support.ts"

const read = Agent.tool("read", {}, () => Effect.succeed("text"))

/** A client that is never used: making a transport sends nothing. */
const client = Layer.succeed(
  HttpClient.HttpClient,
  HttpClient.make(() => Effect.die("a request was sent"))
)
const keys = Layer.setConfigProvider(ConfigProvider.fromMap(new Map([["OPENAI_API_KEY", "sk-secret"]])))

/** What is wrong with a folder, without the folder. */
const wrong = (contents: Contents, load: (root: string) => Effect.Effect<unknown, TeamError.TeamError, Needs>) =>
  Effect.gen(function* () {
    const root = yield* folder(contents)
    const { problems } = yield* Effect.flip(load(root))
    return problems.map((problem) => TeamError.render(problem).replaceAll(`${root}/`, "").replaceAll(root, "."))
  }).pipe(Effect.provide(Layer.mergeAll(client, keys)))

type Needs = HttpClient.HttpClient | Layer.Layer.Success<typeof NodeContext.layer> | Scope.Scope

/** Whether a file may name this model. */
const isAllowed = (model: string, models: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const root = yield* folder({ "a.json": JSON.stringify({ model }) })
    return Exit.isSuccess(yield* Effect.exit(Team.load(root, { models })))
  }).pipe(Effect.provide(Layer.mergeAll(client, keys)))

describe("Team", () => {
  it.layer(NodeContext.layer)((it) => {
    describe("load", () => {
      it.scoped("all that is wrong is told at once", () =>
        Effect.gen(function* () {
          const problems = yield* wrong(
            {
              "team.toml": '[defaults]\nmodel = "openai:gpt-5-mini"\n',
              "a.toml": 'tools = ["reed"]\nagents = ["b"]\n',
              "b.md": "---\nskills: [sail]\nlimit: 3\n---\nb",
              "c.json": '{\n  "model": "anthropic:claude-sonnet-4-5"\n}'
            },
            (root) => Team.load(root, { tools: [read] })
          )
          const models = 'remove it, or allow it with the option models, as in models: ["vendor:*"]'
          const own = `the application allows no models but its own: ${models}`
          assert.deepStrictEqual(problems, [
            `team.toml:2:9: defaults.model: ${own}`,
            "a.toml:1:10: tools[0]: there is no tool reed: did you mean read? Known: read",
            "b.md:2:10: skills[0]: there is no skill sail: there are none",
            problems[3],
            `c.json:2:12: model: ${own}`,
            '.: does not say who is spoken to: write lead = "a" into team.toml. Known: a, b, c'
          ])
          assert.match(problems[3] ?? "", /^b\.md:3:1: limit: there is no such field/)
        })
      )

      it.scoped("a model that cannot be had is told where it is named, without its key", () =>
        Effect.gen(function* () {
          const contents = { "a.toml": 'agents = ["b"]\nmodel = "openai:gpt-0"', "b.toml": 'model = "groq:llama"' }
          const problems = yield* wrong(contents, (root) => Team.load(root, { lead: "a", models: ["*"] }))
          assert.match(problems[0] ?? "", /^a\.toml:2:9: model: openai has no model gpt-0 that is known here\./)
          assert.match(problems[1] ?? "", /^b\.toml:1:9: model: .*GROQ_API_KEY/)
          assert.lengthOf(problems, 2)
          assert.notInclude(problems.join(), "sk-secret")
        })
      )

      it.scoped("what a resolver fails with is told where the model is named", () =>
        Effect.gen(function* () {
          const contents = { "a.toml": 'model = "openai:one"' }
          const problems = yield* wrong(contents, (root) =>
            Team.load(root, { models: (model) => Effect.fail(new Error(`not\n  ${model}.`)) })
          )
          assert.deepStrictEqual(problems, ["a.toml:1:9: model: not openai:one"])
        })
      )

      it.scoped("a lead that is not there and tools of one name are told", () =>
        Effect.gen(function* () {
          const contents = { "a.toml": 'tools = ["read", "dele*"]\nagents = ["b"]', "b.toml": 'tools = ["*"]' }
          const own = Agent.tool("delegate", {}, () => Effect.succeed(""))
          const problems = yield* wrong(contents, (root) => Team.load(root, { lead: "c", tools: [read, own] }))
          assert.deepStrictEqual(problems, [
            "a.toml:1:18: tools[1]: delegate is what the tool for its agents is called, too: leave one of the two out, or rename either",
            ".: there is no agent c, who is to be spoken to: did you mean a? Known: a, b"
          ])
          const root = yield* folder(contents)
          yield* Team.load(root, { lead: "a", tools: [read, own], delegate: { name: "ask_mate" } })
        })
      )

      it.scoped("what a file cannot be read of is not missed", () =>
        Effect.gen(function* () {
          const problems = yield* wrong({ "team.toml": "lead = ", "a.toml": "", "b.toml": "" }, (root) =>
            Team.load(root, { lead: "c" })
          )
          assert.match(problems.join(), /^team\.toml:1:\d+: [^,]+$/)
        })
      )

      it.scoped("a star stands for names, never for an address or a key", () =>
        Effect.gen(function* () {
          const local = "compatible:m@http://127.0.0.1:8080/v1"
          const rows: ReadonlyArray<readonly [string, ReadonlyArray<string>, boolean]> = [
            ["openai:gpt-5-mini;effort=low", ["openai:*"], true],
            ["OpenAI:gpt-5-mini", ["openai:gpt-5*"], true],
            ["openai:gpt-5-mini", ["*"], true],
            ["openai:gpt-5-mini", ["anthropic:*", "openai-chat:*"], false],
            ["openai:gpt-5-mini", [], false],
            ["offline", [], true],
            ["openai:gpt-5-mini@https://example.com/v1", ["*", "openai:*"], false],
            [
              "openai:gpt-5-mini@https://example.com/v1;key=OPENAI_API_KEY",
              ["*", "openai:*@https://example.com/v1"],
              false
            ],
            ["openai:gpt-5-mini;key=OPENAI_API_KEY", ["openai:*"], false],
            ["openai:gpt-5-mini;key=OPENAI_API_KEY", ["openai:*;key=OPENAI_API_KEY"], true],
            ["openai:gpt-5-mini", ["openai:*;key=OPENAI_API_KEY"], false],
            [local, ["compatible:*"], false],
            [local, ["compatible:*@http://127.0.0.1:8080/v1"], true],
            [`${local};key=OPENAI_API_KEY`, ["compatible:*@http://127.0.0.1:8080/v1"], false],
            [`${local};key=OPENAI_API_KEY`, ["chat:*@http://127.0.0.1:8080/v1;key=OPENAI_API_KEY"], true]
          ]
          const actual = yield* Effect.forEach(rows, ([model, models]) =>
            Effect.map(isAllowed(model, models), (allowed) => [model, models, allowed] as const)
          )
          assert.deepStrictEqual(actual, rows)
        })
      )

      it.scoped("patterns that are none and bounds out of range are defects", () =>
        Effect.gen(function* () {
          const root = yield* folder({ "a.toml": 'model = "openai:gpt-5-mini"' })
          const died = (load: Effect.Effect<unknown, unknown, Needs>) =>
            Effect.map(Effect.catchAllDefect(Effect.provide(load, client), Effect.succeed), String)
          for (const pattern of ["", "opneai:*", "openai:*;effort=low", "openai:*;key=A;effort=low", "gpt-5"]) {
            const defect = yield* died(Team.load(root, { models: [pattern] }))
            assert.match(defect, /^TypeError: Team option models has ".*", which is none: write vendor:model/)
          }
          const known = yield* folder({ "a.toml": 'model = "offline"' })
          const defect = yield* died(Team.load(known, { delegate: { maxDepth: 0 } }))
          assert.match(defect, /^RangeError: Subagent option maxDepth/)
        })
      )
    })
  })
})
