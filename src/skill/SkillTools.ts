/**
 * Skills as tools: one that activates a skill, one that reads its files, and one for each of its scripts. What the tools
 * do is for `Skills` to know; who runs scripts, for its `ScriptRunner`.
 */
import * as AiTool from "@effect/ai/Tool"
import * as AiToolkit from "@effect/ai/Toolkit"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Tool from "../tool/Tool.ts"
import { largestSkill } from "./internal/model.ts"
import * as Words from "./internal/words.ts"
import * as Skills from "./Skills.ts"

/**
 * The toolkit of the skills that there are when a run begins: `activate_skill`, `read_skill_file`, and a tool for each
 * script, named `{skill}__{file}`. It has no tools when there are no skills.
 *
 * **Details**
 *
 * - Skills that come while a run lasts can be activated in it, and have their scripts as tools in the next one. What is gone
 *   by then is refused, with the names of those that there are.
 * - Reading gives pages of 30,000 characters (UTF-16). Instructions are never cut.
 * - A script has 30 seconds. Scripts are `external` tools, unless the runner is `Skills.refusing`, which runs nothing.
 * - The same toolkit is answered as long as the skills stay the same.
 *
 * @see {@link Skills.instructions} for the part of the prompt that tells of the skills
 * @category constructors
 * @since 0.1.0
 */
export const toolkit: Effect.Effect<AiToolkit.WithHandler<Tools>, never, Skills.Skills> = Effect.gen(function* () {
  const skills = yield* Skills.Skills
  const run = yield* Skills.ScriptRunner
  const catalog = yield* skills.catalog
  const known = toolkits.get(catalog)
  if (known?.skills === skills && known.run === run) return known.toolkit
  const toolkit = yield* built(skills, catalog, run)
  toolkits.set(catalog, { skills, run, toolkit })
  return toolkit
})

/**
 * The tools of a toolkit of skills, by name. Their handlers need nothing.
 *
 * @category models
 * @since 0.1.0
 */
export type Tools = {
  readonly [name: string]: ReturnType<typeof activateTool> | ReturnType<typeof readTool> | ReturnType<typeof scriptTool>
}

// internal

interface Kept {
  readonly skills: Skills.Service
  readonly run: Skills.RunScript
  readonly toolkit: AiToolkit.WithHandler<Tools>
}

/** So that schemas are derived once, as long as the skills stay the same. */
const toolkits = new WeakMap<Skills.Catalog, Kept>()

const built = (
  skills: Skills.Service,
  catalog: Skills.Catalog,
  run: Skills.RunScript
): Effect.Effect<AiToolkit.WithHandler<Tools>> => {
  if (catalog.skills.length === 0) return handled([])
  const name = Schema.String.annotations({
    jsonSchema: { type: "string", description: "The name of the skill", enum: catalog.skills.map(({ name }) => name) }
  })
  const activate = activateTool(Words.activateName, name)
  const read = readTool(Words.readName, name)
  const scripts = catalog.skills.flatMap((skill) =>
    skill.scripts.map((script): Handled => {
      const tool = scriptTool(script, run === Skills.refusing)
      return [tool, taking(tool.parametersSchema, (given) => runScript(skills, run, script, given.arguments ?? []))]
    })
  )
  return handled([
    [activate, taking(activate.parametersSchema, ({ name }) => told(activated(skills, name)))],
    [
      read,
      taking(read.parametersSchema, ({ name, offset = 0, path }) =>
        Effect.map(told(skills.read(name, path)), (text) => Words.page(text, offset))
      )
    ],
    ...scripts
  ])
}

type Handler = (parameters: unknown) => Effect.Effect<string, string>

type Handled = readonly [tool: Tools[string], handler: Handler]

const handled = (tools: ReadonlyArray<Handled>): Effect.Effect<AiToolkit.WithHandler<Tools>> => {
  const toolkit = AiToolkit.make(...tools.map(([tool]) => tool))
  const handlers = Object.fromEntries(tools.map(([tool, handler]) => [tool.name, handler]))
  return Effect.flatMap(toolkit.toContext(handlers), (context) => Effect.provide(toolkit, context))
}

/** The toolkit has decoded the parameters, but its type no longer knows which tool's they are. */
const taking =
  <A, I>(schema: Schema.Schema<A, I>, handler: (parameters: A) => Effect.Effect<string, string>): Handler =>
  (parameters) =>
    Effect.flatMap(Effect.orDie(Schema.validate(schema)(parameters)), handler)

const told = <A>(effect: Effect.Effect<A, Skills.SkillError>): Effect.Effect<A, string> =>
  Effect.mapError(effect, ({ message }) => message)

const activated = (skills: Skills.Service, name: string): Effect.Effect<string, Skills.SkillError> =>
  Effect.map(skills.activate(name), ({ files, instructions, skill }) => Words.activated(skill, instructions, files))

/** The script as it is now: it may have changed since the run began, or be gone. */
const runScript = (
  skills: Skills.Service,
  run: Skills.RunScript,
  { path, skill, tool }: Skills.Script,
  arguments_: ReadonlyArray<string>
): Effect.Effect<string, string> =>
  Effect.flatMap(told(skills.scripts(skill)), (scripts) => {
    const script = scripts.find((script) => script.tool === tool)
    return script === undefined
      ? Effect.fail(`The skill ${skill} has no ${path} any more.`)
      : told(run(script, arguments_))
  })

const answers = { success: Schema.String, failure: Schema.String, failureMode: "return" } as const

const activateTool = (toolName: string, name: Schema.Schema<string>) =>
  AiTool.make(toolName, {
    ...answers,
    description: "Gives the instructions of a skill. Call it before you begin a task that a skill is for.",
    parameters: { name }
  })
    .annotate(AiTool.Readonly, true)
    .annotate(Tool.ResultBound, largestSkill * 2)

const readTool = (toolName: string, name: Schema.Schema<string>) =>
  AiTool.make(toolName, {
    ...answers,
    description: "Reads a text file of a skill, such as one that its instructions speak of.",
    parameters: {
      name,
      path: Schema.String.annotations({ description: "The path from the skill's folder, such as references/guide.md" }),
      offset: Schema.optional(
        Schema.NonNegativeInt.annotations({ description: "The first character to read; 0 when absent" })
      )
    }
  })
    .annotate(AiTool.Readonly, true)
    .annotate(Tool.ResultBound, Words.longestPage + 200)

const scriptTool = ({ path, skill, tool }: Skills.Script, isRefused: boolean) =>
  AiTool.make(tool, {
    ...answers,
    description: `Runs ${path} of the skill ${skill}. Activate the skill first: it tells when to, and with which arguments.`,
    parameters: {
      arguments: Schema.optional(
        Schema.Array(Schema.String).annotations({
          description: "The arguments, in order, one text each; no shell reads them"
        })
      )
    }
  })
    .annotate(Tool.Timeout, "30 seconds")
    .annotate(Tool.Origin, isRefused ? "application" : "external")
