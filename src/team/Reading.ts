/**
 * The files of a team as one: what they say together of each agent, and everything that is wrong with any of them. Whoever
 * makes more of it than a specification adds what it finds wrong, so that a person is told all of it in one go.
 */
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { glob } from "../internal/glob.ts"
import type { AgentSpec, Fragment } from "./AgentSpec.ts"
import { merge } from "./AgentSpec.ts"
import type { Fragments, Named } from "./Fragments.ts"
import * as Read from "./Fragments.ts"
import * as Files from "./internal/files.ts"
import type { Position, Problem } from "./TeamError.ts"
import { TeamError } from "./TeamError.ts"

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
export interface TeamSpec {
  readonly agents: ReadonlyArray<AgentSpec>
  readonly lead: string | undefined
  readonly warnings: ReadonlyArray<Problem>
}

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
export interface Known {
  readonly tools?: ReadonlyArray<string> | undefined
  readonly skills?: ReadonlyArray<string> | undefined
}

/**
 * What was read.
 *
 * **Details**
 *
 * - `isWhole`: whether all agents are there that the files speak of.
 *
 * @category models
 * @since 0.1.0
 */
export interface Gathered {
  readonly spec: TeamSpec
  readonly isWhole: boolean
  readonly paths: string
  readonly files: ReadonlyArray<Fragments>
  readonly problems: ReadonlyArray<Problem>
}

/**
 * Reads the agents of one or more folders, and gathers what is wrong with them.
 *
 * @category constructors
 * @since 0.1.0
 */
export const gather = (
  paths: string | ReadonlyArray<string>,
  known?: Known
): Effect.Effect<Gathered, never, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function* () {
    const folders = yield* Effect.forEach([paths].flat(), readFolder)
    const files = folders.flat()
    const named = files.flatMap(({ named }) => named)
    const { agents, names } = merged(named)
    const lead = files.reduce<Fragments["lead"]>((last, { lead }) => lead ?? last, undefined)
    const isWhole = files.every(({ isWhole }) => isWhole)
    // Of whom nobody could read it cannot be said that they are not there.
    const mates = isWhole ? names : undefined
    const problems = [
      ...files.flatMap(({ problems }) => problems),
      ...agents.flatMap((agent) => unknown(agent, "agents", "agent", mates)),
      ...agents.flatMap((agent) => unknown(agent, "tools", "tool", known?.tools)),
      ...agents.flatMap((agent) => unknown(agent, "skills", "skill", known?.skills)),
      ...(lead === undefined || mates?.includes(lead.name) !== false ? [] : [noLead(lead, names)])
    ]
    const shown = [paths].flat().join(", ")
    if (problems.length === 0 && agents.length === 0) {
      problems.push({ file: shown, problem: "holds no agent: add a .toml, .json or .md file for one" })
    }
    const only = agents.length === 1 ? agents[0]?.name : undefined
    const warnings = [...files.flatMap(({ warnings }) => warnings), ...folders.flatMap(twice), ...undescribed(agents)]
    const spec = { agents, lead: lead?.name ?? only, warnings: distinct(files, warnings) }
    return { spec, isWhole, paths: shown, files, problems }
  })

/**
 * What was read, if nothing is wrong with it.
 *
 * **Details**
 *
 * - `more`: what is wrong besides.
 *
 * @category combinators
 * @since 0.1.0
 */
export const concluded = (
  { files, problems, spec }: Gathered,
  more: ReadonlyArray<Problem> = []
): Effect.Effect<TeamSpec, TeamError> => {
  const [first, ...others] = distinct(files, [...problems, ...more])
  return first === undefined ? Effect.succeed(spec) : Effect.fail(new TeamError({ problems: [first, ...others] }))
}

/**
 * Where a field of an agent stands, or else where the agent begins.
 *
 * @category converters
 * @since 0.1.0
 */
export const placeOf = (agent: AgentSpec, field: string): Position => {
  const [file = agent.name] = agent.files
  return agent.places.get(field) ?? { file, line: 1, column: 1, field }
}

/**
 * The names that patterns of a file stand for, in the order in which they are given.
 *
 * @category combinators
 * @since 0.1.0
 */
export const select = (names: ReadonlyArray<string>, patterns: ReadonlyArray<string>): ReadonlyArray<string> => {
  const matchers = patterns.map(glob)
  return names.filter((name) => matchers.some((matches) => matches(name)))
}

// internal

const readFolder = (path: string): Effect.Effect<ReadonlyArray<Fragments>, never, FileSystem.FileSystem | Path.Path> =>
  Effect.flatMap(Files.list(path), (listed) => {
    if (Either.isRight(listed)) return Effect.forEach(listed.right, Read.read, { concurrency: 8 })
    return Effect.succeed([
      { file: path, isTeam: false, isWhole: false, named: [], problems: [listed.left], warnings: [] }
    ])
  })

/** What is named counts even when nothing could be read of it. */
const merged = (
  named: ReadonlyArray<Named>
): { readonly agents: ReadonlyArray<AgentSpec>; readonly names: ReadonlyArray<string> } => {
  const defaults: Array<Fragment> = []
  const own = new Map<string, Array<Fragment>>()
  for (const { fragment, name } of named) {
    const fragments = name === undefined ? defaults : (own.get(name) ?? [])
    if (name !== undefined) own.set(name, fragments)
    if (fragment !== undefined) fragments.push(fragment)
  }
  return {
    agents: [...own].map(([name, fragments]) => merge(name, [...defaults, ...fragments])),
    names: [...own.keys()]
  }
}

const unknown = (
  agent: AgentSpec,
  field: "agents" | "tools" | "skills",
  what: string,
  known: ReadonlyArray<string> | undefined
): ReadonlyArray<Problem> => {
  if (known === undefined) return []
  return agent[field].flatMap((pattern, index) => {
    const at = placeOf(agent, `${field}[${index}]`)
    if (field === "agents" && pattern === agent.name && at.field?.startsWith("defaults.") !== true) {
      return [{ ...at, problem: "an agent cannot delegate to itself: remove it" }]
    }
    if (pattern === "*" || select(known, [pattern]).length > 0) return []
    const problem = pattern.includes("*")
      ? `no ${what} has a name like ${pattern}: ${Read.instead(pattern, known)}`
      : `there is no ${what} ${pattern}: ${Read.instead(pattern, known)}`
    return [{ ...at, problem }]
  })
}

const noLead = ({ at, name }: NonNullable<Fragments["lead"]>, names: ReadonlyArray<string>): Problem => ({
  ...at,
  problem: `there is no agent ${name}: ${Read.instead(name, names)}`
})

/** Two files of one folder are more often copied than meant. */
const twice = (files: ReadonlyArray<Fragments>): ReadonlyArray<Problem> => {
  const first = new Map<string, string>()
  return files.flatMap(({ file, isTeam, named }) => {
    if (isTeam) return []
    return named.flatMap(({ at, name = "" }) => {
      const before = first.get(name)
      if (before === undefined) first.set(name, file)
      return before === undefined
        ? []
        : [{ ...at, problem: `${name} is in ${before} as well, over which this is laid` }]
    })
  })
}

const undescribed = (agents: ReadonlyArray<AgentSpec>): ReadonlyArray<Problem> =>
  agents.flatMap(({ description, files, name }) => {
    const by = agents.find((agent) => agent.name !== name && select([name], agent.agents).length > 0)
    if (description !== undefined || by === undefined) return []
    const problem = `${name} has no description, by which ${by.name} is to choose it: add one`
    return [{ file: files.at(-1) ?? name, problem }]
  })

/** In the order of the files, and then of lines. What defaults say wrong is wrong for every agent, but told once. */
const distinct = (files: ReadonlyArray<Fragments>, problems: ReadonlyArray<Problem>): ReadonlyArray<Problem> => {
  const order = new Map(files.map(({ file }, index) => [file, index]))
  const rank = ({ file }: Problem): number => order.get(file) ?? order.size
  const sorted = [...new Map(problems.map((problem) => [JSON.stringify(problem), problem])).values()]
  return sorted.sort(
    (left, right) =>
      rank(left) - rank(right) || (left.line ?? 0) - (right.line ?? 0) || (left.column ?? 0) - (right.column ?? 0)
  )
}
