/**
 * Teams of agents as files: TOML, JSON or Markdown with front matter, one agent each, in folders that are laid over each
 * other. Whatever is wrong with any of them is told at once, with file and line. `read` tells what they say, `load` makes
 * runners of it.
 */
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Subagent from "../agent/Subagent.ts"
import * as Names from "../agent/SubagentOptions.ts"
import type { ContextStore } from "../context/ContextStore.ts"
import type * as Skills from "../skill/Skills.ts"
import type * as Tool from "../tool/Tool.ts"
import type * as Toolkit from "../tool/Toolkit.ts"
import type { Transport } from "../transport/Transport.ts"
import type { AgentSpec } from "./AgentSpec.ts"
import { instead } from "./Fragments.ts"
import * as Members from "./Members.ts"
import * as Reading from "./Reading.ts"
import type { Problem, TeamError } from "./TeamError.ts"
import * as Transports from "./Transports.ts"

/**
 * A team as its files say it.
 *
 * **Details**
 *
 * - `agents`: in the order in which they are first spoken of.
 * - `lead`: the agent that is spoken to: the one that a team file names, or the only one.
 * - `warnings`: what was passed over, and what is probably not meant.
 *
 * @category models
 * @since 0.1.0
 */
export interface TeamSpec extends Reading.TeamSpec {}

/**
 * What there is that files may name.
 *
 * **Details**
 *
 * - `tools`, `skills`: names. Absent, what files name is not checked.
 *
 * @category models
 * @since 0.1.0
 */
export interface Known extends Reading.Known {}

/**
 * An agent of a team: a runner that takes words and answers with text. `R` is what the tools of the application need.
 *
 * @category models
 * @since 0.1.0
 */
export type Member<R = never> = Members.Member<R>

/**
 * A team that can run.
 *
 * **Details**
 *
 * - `lead`: the agent that is spoken to. `members`: all of them by name, the lead among them.
 * - `delegate`: a tool by which an agent of the application gives a task to any of them, and which answers with what it comes
 *   to; `Subagent.menu` makes others of `members`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Team<out R = never> {
  readonly lead: Member<R>
  readonly members: ReadonlyMap<string, Member<R>>
  readonly delegate: Tool.WithHandler<R | Transport | ContextStore>
  readonly spec: TeamSpec
}

/**
 * What an application gives to the agents of its files. Nothing of it is used that they do not name.
 *
 * **Details**
 *
 * - `tools`, `toolkit`: of tools with the same name the last one counts, `tools` after `toolkit`.
 * - `skills`: without them, a file that names one is wrong.
 * - `lead`: who is spoken to, instead of whom the files name.
 * - `delegate`: how agents give tasks to their mates, as of any `Subagent.menu`. The tool is called `delegate` unless given.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options<Kit = never, Tools = ReadonlyArray<never>> {
  readonly tools?: Tools | undefined
  readonly toolkit?: Kit | undefined
  readonly skills?: Skills.Service | undefined
  readonly lead?: string | undefined
  readonly delegate?: Subagent.Options | undefined
}

// biome-ignore lint/suspicious/noExplicitAny: accepts tools with any requirements; they are read off the type below
type AnyTools = ReadonlyArray<Tool.WithHandler<any>>

type RequirementsOf<T> = T extends Tool.WithHandler<infer R> ? R : never

/**
 * Reads the agents of one or more folders.
 *
 * **Details**
 *
 * - A path is a folder or one file; a team file stands for its folder. Folders inside are not looked into.
 * - In a folder `team.toml` or `team.json` comes first, then the other files in the order of their names. Of an agent that
 *   is spoken of more than once the later file counts, field by field, and so does the later folder.
 * - Passed over: hidden files, `README.md`, and with a warning Markdown without front matter.
 * - Bounds: 256 KiB a file, 500 files a folder.
 * - Errors: `TeamError` with all problems of all files; nothing of the team is used then.
 *
 * @category constructors
 * @since 0.1.0
 */
export const read = (
  paths: string | ReadonlyArray<string>,
  known?: Known
): Effect.Effect<TeamSpec, TeamError, FileSystem.FileSystem | Path.Path> =>
  Effect.flatMap(Reading.gather(paths, known), (gathered) => Reading.concluded(gathered))

/**
 * Reads the agents of one or more folders and makes runners of them.
 *
 * **Details**
 *
 * - `models`: which models files may name. `"ambient"` (the default): none but `offline`. A list of patterns such as
 *   `"openai:*"`: those, at the vendor's own address and with its own key; another address or variable has to be in the
 *   pattern as it is in the file. A function: whatever it makes a transport of. Each is made once, in the scope of the load.
 * - An agent without a model uses the transport that is there where the team runs, also when one with a model gives it a task.
 * - Rules of an agent hold besides the guard that is there where the team runs: both have to allow a call. They hold for what
 *   the agent runs itself, and not for its mates.
 * - An agent with `agents` has the tool `delegate` for these. One that would run within itself is told so instead.
 * - Errors: `TeamError` with all problems of all files, models that cannot be had among them.
 *
 * @category constructors
 * @since 0.1.0
 */
export const load: {
  <Kit extends Members.Kit = never, const Tools extends AnyTools = []>(
    paths: string | ReadonlyArray<string>,
    options: Options<Kit, Tools> & { readonly models: ReadonlyArray<string> }
  ): Effect.Effect<
    Team<Toolkit.Requirements<Kit> | RequirementsOf<Tools[number]>>,
    TeamError,
    FileSystem.FileSystem | Path.Path | HttpClient.HttpClient | Scope.Scope
  >
  <Kit extends Members.Kit = never, const Tools extends AnyTools = [], R = never>(
    paths: string | ReadonlyArray<string>,
    options?: Options<Kit, Tools> & { readonly models?: "ambient" | Transports.Resolve<R> | undefined }
  ): Effect.Effect<
    Team<Toolkit.Requirements<Kit> | RequirementsOf<Tools[number]>>,
    TeamError,
    FileSystem.FileSystem | Path.Path | R
  >
} = (
  paths: string | ReadonlyArray<string>,
  options: Options<Members.Kit, ReadonlyArray<Tool.WithHandler<unknown>>> & {
    readonly models?: Transports.Models<unknown> | undefined
  } = {}
) => loaded(paths, options)

/**
 * The agents of a team as tools, one each, for an agent of the application.
 *
 * **Details**
 *
 * - `prefix`: what their names begin with; nothing unless given. All other options are those of `Subagent.tool`: each tool
 *   takes a `task`, and each call has a conversation of its own unless `session` says otherwise.
 *
 * @category converters
 * @since 0.1.0
 */
export const tools = <R>(
  { members }: Team<R>,
  {
    prefix = "",
    ...options
  }: Omit<Subagent.Options, "name" | "description"> & { readonly prefix?: string | undefined } = {}
): ReadonlyArray<Tool.WithHandler<R | Transport | ContextStore>> =>
  Array.from(members.values(), (member) =>
    Subagent.tool(member, { ...options, name: Names.toolName(`${prefix}${member.name}`) })
  )

/**
 * The names that patterns of a file stand for, in the order in which they are given.
 *
 * @category combinators
 * @since 0.1.0
 */
export const select = Reading.select

// internal

type Erased = Options<Members.Kit, ReadonlyArray<Tool.WithHandler<unknown>>> & {
  readonly models?: Transports.Models<unknown> | undefined
}

const loaded = (
  paths: string | ReadonlyArray<string>,
  options: Erased
): Effect.Effect<Team, TeamError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function* () {
    const { skills, toolkit, tools = [] } = options
    const delegate = { ...options.delegate, name: options.delegate?.name ?? "delegate" }
    const names = Members.toolNames({ toolkit, tools })
    const gathered = yield* Reading.gather(paths, { tools: names, skills: yield* skillNames(skills) })
    const { problems, transports } = yield* Transports.resolve(gathered.spec.agents, options.models ?? "ambient")
    const lead = leadOf(gathered, options.lead)
    const taken = takenIn(gathered.spec.agents, names, delegate.name)
    const spec = yield* Reading.concluded(gathered, [...problems, ...taken, ...lead.problems])
    const members = yield* Members.make<never>(spec.agents, { tools, toolkit, skills, transports, delegate })
    return {
      lead: Members.memberOf(members, lead.name),
      members,
      delegate: Subagent.menu([...members.values()], delegate),
      spec: { ...spec, lead: lead.name }
    }
  })

/** Skills that are there but broken are reported by those who look for them. */
const skillNames = (skills: Skills.Service | undefined): Effect.Effect<ReadonlyArray<string>> =>
  skills === undefined
    ? Effect.succeed([])
    : Effect.map(skills.catalog, ({ problems, skills }) => [
        ...skills.map(({ name }) => name),
        ...problems.flatMap(({ kind, skill }) => (kind === "invalid" && skill !== undefined ? [skill] : []))
      ])

/** Who is spoken to. Of whom nobody could read it cannot be said that they are not there. */
const leadOf = (
  { isWhole, paths, spec }: Reading.Gathered,
  wanted: string | undefined
): { readonly name: string; readonly problems: ReadonlyArray<Problem> } => {
  const names = spec.agents.map(({ name }) => name)
  const name = wanted ?? spec.lead ?? ""
  if (!isWhole || names.length === 0) return { name, problems: [] }
  if (wanted !== undefined && !names.includes(wanted)) {
    const problem = `there is no agent ${wanted}, who is to be spoken to: ${instead(wanted, names)}`
    return { name, problems: [{ file: paths, problem }] }
  }
  if (name !== "") return { name, problems: [] }
  const problem = `does not say who is spoken to: write lead = "${names[0]}" into team.toml. Known: ${names.join(", ")}`
  return { name, problems: [{ file: paths, problem }] }
}

/** Where an agent has two tools of one name: that of the application, and the one for its mates. */
const takenIn = (
  agents: ReadonlyArray<AgentSpec>,
  names: ReadonlyArray<string>,
  taken: string
): ReadonlyArray<Problem> => {
  if (!names.includes(taken)) return []
  return agents.flatMap((agent) => {
    const index = agent.tools.findIndex((pattern) => Reading.select([taken], [pattern]).length > 0)
    if (index < 0 || Members.matesOf(agent, agents).length === 0) return []
    const problem = `${taken} is what the tool for its agents is called, too: leave one of the two out, or rename either`
    return [{ ...Reading.placeOf(agent, `tools[${index}]`), problem }]
  })
}
