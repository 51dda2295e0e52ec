import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { nobody } from "axonal/cli/assistant/parts/person"
import type { AgentEvent } from "axonal/domain/AgentEvent"
import { SessionId } from "axonal/domain/Ids"
import type { Decision } from "axonal/guard/Approval"
import * as Toolkit from "axonal/tool/Toolkit"
import type * as AskUser from "axonal/toolbox/AskUser"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { World } from "./commandsSupport.ts"
import { open } from "./commandsSupport.ts"

/** A run that is answered by rules, with a person who says this to every question. */
const ask = (
  { conversation }: World,
  text: string,
  decision: Decision = { approved: true },
  respond: AskUser.Service = nobody
) =>
  Effect.gen(function* () {
    const person = { approval: { ask: () => Effect.succeed(decision) }, respond }
    const events: Array<AgentEvent> = []
    yield* Stream.runForEach(
      conversation.assistant.stream(text, { session: SessionId.make("parts"), person }),
      (event) => Effect.sync(() => events.push(event))
    )
    const own = events.filter(({ path }) => path === undefined)
    return {
      calls: own.flatMap((event) => (event._tag === "ToolEnd" ? [`${event.name}: ${event.outcome}`] : [])),
      answer: own.flatMap((event) => (event._tag === "TextDelta" ? [event.delta] : [])).join(""),
      agents: events.flatMap((event) => (event._tag === "RunStart" ? [event.agent] : []))
    }
  })

/** The names of the tools that the agent has. */
const toolsOf = ({ conversation, within }: World) =>
  Effect.map(
    within(Toolkit.resolve(conversation.assistant.agent().definition.sources)),
    ({ entries }): ReadonlyArray<string> => [...entries.keys()]
  )

const skill = "---\nname: tea\ndescription: how to make tea\n---\n\nBoil water."

describe("The assistant without a model", () => {
  it.live("edits after a yes, leaves alone after a no, and does all that help tells of", () =>
    Effect.gen(function* () {
      const world = yield* open({ tools: "all", files: { "README.md": "# Lamp\n\nA lamp.\n" } })
      const now = () => readFileSync(join(world.folder, "README.md"), "utf8")
      const edit = 'replace "A lamp" with "Two lamps" in README.md'
      const refused = yield* ask(world, edit, { approved: false, reason: "one is enough" })
      assert.deepStrictEqual(refused.calls, ["edit_file: denied"])
      assert.include(refused.answer, "edit_file (README.md) was denied: one is enough")
      assert.strictEqual(now(), "# Lamp\n\nA lamp.\n")
      assert.include((yield* ask(world, edit)).answer, "+Two lamps.")
      assert.strictEqual(now(), "# Lamp\n\nTwo lamps.\n")
      const told = (yield* ask(world, "help")).answer.matchAll(/^- `(.+)`$/gm)
      for (const [, text = ""] of told) {
        // Nothing of the world is asked for by a test.
        if (text.startsWith("fetch")) continue
        const { calls } = yield* ask(world, text)
        assert.isNotEmpty(calls, text)
        for (const call of calls) assert.match(call, /: ok$/, text)
      }
      const notes = readFileSync(join(world.folder, "notes.txt"), "utf8")
      assert.strictEqual(notes, "good morning\nsee you tomorrow\n")
      assert.deepStrictEqual((yield* ask(world, "show the plan")).calls, ["read_todos: ok"])
    }).pipe(Effect.scoped)
  )

  it.live("a question is put to a person, and there is none where nobody is", () =>
    Effect.gen(function* () {
      const world = yield* open({ tools: "all" })
      const question = 'ask me "Which colour?"'
      const asked: Array<string> = []
      const respond: AskUser.Service = ({ question }) =>
        Effect.sync(() => {
          asked.push(question)
          return Option.some({ other: "green" })
        })
      assert.include((yield* ask(world, question, { approved: true }, respond)).answer, "They said: green")
      assert.deepStrictEqual(asked, ["Which colour?"])
      assert.include((yield* ask(world, question)).answer, "I cannot ask you questions")
    }).pipe(Effect.scoped)
  )
})

describe("The parts of the assistant", () => {
  it.live("agents of files are given tasks; one with a mistake keeps no other away", () =>
    Effect.gen(function* () {
      const world = yield* open({
        tools: "all",
        files: {
          "a.txt": "alpha\n",
          ".axonal/agents/reader.md": "---\ndescription: reads\ntools: [read_file]\n---\nRead.",
          ".axonal/agents/broken.md": "---\ntools: [read_fil]\n---\nRead.",
          ".axonal/agents/explore.md": "---\ndescription: ours\ntools: [list_files]\n---\nLook."
        }
      })
      const { agents, problems } = world.conversation.assistant.parts
      assert.deepStrictEqual(
        agents.map(({ description, name }) => [name, description]),
        [
          ["general", "does a whole task with all your tools"],
          ["explore", "ours"],
          ["reader", "reads"]
        ]
      )
      assert.lengthOf(problems, 1)
      assert.match(problems[0] ?? "", /broken\.md:2:\d+: tools\[0\]: there is no tool read_fil: did you mean read_file/)
      const { agents: ran, answer } = yield* ask(world, "ask reader to read a.txt")
      assert.include(answer, "reader answers:\n\na.txt:\n\n```\nalpha\n```")
      assert.deepStrictEqual(ran, ["axonal", "reader"])
      assert.include((yield* ask(world, "ask reader to list the files")).answer, "I cannot list files")
    }).pipe(Effect.scoped)
  )

  it.live("agents of its own have its tools but for themselves, and one of them only reads", () =>
    Effect.gen(function* () {
      const world = yield* open({ tools: "all", files: { "a.txt": "alpha\n" } })
      assert.include((yield* ask(world, 'ask an agent to create b.txt with "b"')).answer, "Created b.txt")
      assert.include((yield* ask(world, 'ask explore to create c.txt with "c"')).answer, "I cannot write files")
      assert.include((yield* ask(world, "ask explore to run ls")).answer, "I cannot run commands")
      assert.include(
        (yield* ask(world, "ask an agent to ask an agent to list the files")).answer,
        "I cannot ask other agents"
      )
    }).pipe(Effect.scoped)
  )

  it.live("skills are there once there is a folder, and off when they are", () =>
    Effect.gen(function* () {
      const world = yield* open({ tools: "all" })
      const { assistant } = world.conversation
      assert.notInclude(yield* toolsOf(world), "activate_skill")
      assert.deepStrictEqual((yield* assistant.parts.skills).skills, [])
      mkdirSync(join(world.folder, ".agents/skills/tea"), { recursive: true })
      writeFileSync(join(world.folder, ".agents/skills/tea/SKILL.md"), skill)
      assert.deepStrictEqual(
        (yield* assistant.parts.skills).skills.map(({ name }) => name),
        ["tea"]
      )
      assert.include((yield* ask(world, 'activate_skill {"name":"tea"}')).answer, "Boil water.")
      assistant.knobs.change({ off: new Set(["activate_skill", "subagent"]) })
      const left = yield* toolsOf(world)
      assert.include(left, "read_skill_file")
      assert.notInclude(left, "activate_skill")
      assert.notInclude(left, "subagent")
    }).pipe(Effect.scoped)
  )

  it.live("servers of a project are not used untrusted; those that fail are told of once", () =>
    Effect.gen(function* () {
      const command = "axonal-there-is-no-such-program"
      const files = { ".mcp.json": JSON.stringify({ mcpServers: { lamp: { command } } }) }
      const untrusted = (yield* open({ tools: "all", files })).conversation.assistant.parts
      assert.match(untrusted.problems.join("\n"), /the project's servers lamp are not used/)
      assert.deepStrictEqual(
        (yield* untrusted.mcp?.status ?? Effect.succeed([])).map(({ is, server }) => [server, is]),
        [["lamp", "untrusted"]]
      )
      const trusted = (yield* open({ tools: "all", files, trust: "all" })).conversation
      const told = yield* Stream.runHead(trusted.assistant.parts.notices)
      assert.match(
        Option.getOrElse(told, () => ""),
        /^server lamp: Unavailable/
      )
      assert.deepStrictEqual(trusted.assistant.parts.problems, [])
    }).pipe(Effect.scoped, Logger.withMinimumLogLevel(LogLevel.None))
  )
})
