/**
 * Skills
 *
 * Two skills lie in a folder beside this file, and an agent activates the one that fits. A third one is written while the
 * session lives, is there in its next run, and is broken by an edit.
 *
 *   npx tsx examples/23_skills.ts
 */
import { FileSystem } from "@effect/platform"
import { NodeContext, NodeRuntime } from "@effect/platform-node"
import { Agent, AgentEvent, ContextStore, Ids, Part } from "axonal"
import * as Skills from "axonal/skill/Skills"
import * as SkillTools from "axonal/skill/SkillTools"
import { ScriptedTransport } from "axonal/testing"
import { Console, Effect, Layer, Logger, LogLevel, Stream } from "effect"

// #region agent
const maintainer = Agent.make("maintainer", { instructions: "You look after a library, now at 0.4.2." }).pipe(
  Agent.withToolkit(SkillTools.toolkit),
  Agent.addInstructions(Skills.instructions)
)
// #endregion

// #region layer
const shipped = `${import.meta.dirname}/skills`
const skillsOf = (project: string) =>
  Skills.layer({ project, home: false, folders: [".agents/skills", shipped], deny: ["incident-report"] })
// #endregion

const ask = (input: string) =>
  Agent.stream(maintainer, input, { session: Ids.SessionId.make("library") }).pipe(
    Stream.runForEach(
      AgentEvent.matchPartial({
        ToolEnd: ({ content, outcome }) => Console.log(`${outcome}: ${Part.contentToText(content).split("\n")[0]}`),
        TextDelta: ({ delta }) => Console.log(delta)
      })
    )
  )

// #region catalog
const list = Effect.gen(function* () {
  const { problems, skills } = yield* Effect.flatMap(Skills.Skills, ({ catalog }) => catalog)
  yield* Console.log(`[${skills.map(({ name }) => name).join(", ")}]`)
  for (const { line, problem, skill } of problems) yield* Console.log(`${skill}, line ${line}: ${problem}`)
})
// #endregion

export const program = Effect.gen(function* () {
  const files = yield* FileSystem.FileSystem
  const project = yield* files.makeTempDirectoryScoped()
  const folder = `${project}/.agents/skills/farewell`
  const write = (about: string) =>
    files.writeFileString(`${folder}/SKILL.md`, `---\nname: farewell\ndescription: ${about}\n---\nSay: Fair winds!\n`)
  yield* Effect.gen(function* () {
    yield* ask("We renamed `open` to `connect`. What goes into the changelog?")
    yield* files.makeDirectory(folder, { recursive: true })
    yield* write("How we say goodbye.")
    yield* list
    yield* ask("Thank you, goodbye.")
    yield* write("How we say: goodbye.")
    yield* list
  }).pipe(Effect.provide(skillsOf(project)))
}).pipe(Effect.scoped, Logger.withMinimumLogLevel(LogLevel.Error))

const { call, text } = ScriptedTransport
export const layer = Layer.mergeAll(
  // OpenAiChat.layer({ model: "gpt-5-mini" }).pipe(Layer.provide(FetchHttpClient.layer)),
  ScriptedTransport.layer([
    [call("1", "activate_skill", { name: "changelog-entry" })],
    [call("2", "read_skill_file", { name: "changelog-entry", path: "references/kinds.md" })],
    [call("3", "changelog-entry__next-version", { arguments: ["0.4.2", "breaking"] })],
    [text("0.5.0, breaking: Rename `open` to `connect`; call `connect` instead.")],
    [call("4", "activate_skill", { name: "farewell" })],
    [text("Fair winds!")]
  ]),
  ContextStore.layerMemory,
  NodeContext.layer
)

if (process.argv[1] === import.meta.filename) NodeRuntime.runMain(Effect.provide(program, layer))
