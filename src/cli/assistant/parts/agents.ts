/**
 * Other agents that the assistant can give a task to: two that it always has, and those of files.
 */
import { existsSync } from "node:fs"
import { join } from "node:path"
import * as AiTool from "@effect/ai/Tool"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Agent from "../../../agent/Agent.ts"
import * as Subagent from "../../../agent/Subagent.ts"
import type * as Team from "../../../team/Team.ts"
import type * as Tool from "../../../tool/Tool.ts"
import type * as ModelString from "../../../transport/ModelString.ts"
import { userFolder } from "../../config/files.ts"
import type { Settings } from "../../settings.ts"
import type { How, Needs } from "./parts.ts"
import type { OfSkills } from "./skills.ts"

/**
 * What is told of an agent.
 *
 * **Details**
 *
 * - `files`: where it stands; none for those that are always there. `model`: when it has its own.
 *
 * @category models
 * @since 0.1.0
 */
export interface About {
  readonly name: string
  readonly description: string
  readonly files: ReadonlyArray<string>
  readonly model: string | undefined
}

/**
 * The agents.
 *
 * **Details**
 *
 * - `tools`: the tool by which they are given tasks, for an agent that is to be so.
 *
 * @category models
 * @since 0.1.0
 */
export interface Agents {
  readonly about: ReadonlyArray<About>
  readonly problems: ReadonlyArray<string>
  readonly tools: (whole: Whole) => ReadonlyArray<Tool.WithHandler<Needs>>
}

/**
 * What the agents that are always there are made of.
 *
 * @category models
 * @since 0.1.0
 */
export interface Whole {
  readonly how: How
  readonly tools: ReadonlyArray<Tool.WithHandler<Needs>>
  readonly living: ReadonlyArray<Tool.Living>
  readonly skills: OfSkills
}

/**
 * Where agents of files are looked for and what they may use.
 *
 * @category models
 * @since 0.1.0
 */
export interface Given {
  readonly settings: Settings
  readonly tools: ReadonlyArray<Tool.WithHandler<Needs>>
  readonly skills: OfSkills
  readonly transports: Layer.Layer<ModelString.Registered> | undefined
}

/**
 * The agents of the person's files, then of the settings, then of the project; and the two that are always there, unless a
 * file has their name.
 *
 * **Details**
 *
 * - What is wrong with a file is a problem, and the others are used without it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (given: Given): Effect.Effect<Agents, never, Scope.Scope> =>
  Effect.gen(function* () {
    const folders = foldersOf(given).filter((folder) => existsSync(folder))
    const found =
      folders.length === 0
        ? { members: [], problems: [] }
        : yield* Effect.flatMap(
            Effect.promise(() => import("./agentsOfFiles.ts")),
            ({ open }) => open(folders, given)
          )
    const names = new Set(found.members.map(({ about }) => about.name))
    const own = builtIn.filter(({ name }) => !names.has(name))
    return {
      about: [
        ...own.map(({ description, name }) => ({ name, description, files: [], model: undefined })),
        ...found.members.map(({ about }) => about)
      ],
      problems: found.problems,
      tools: (whole) => [
        Subagent.menu(
          [
            ...own.map((one) => ({ ...one, runner: () => worker(one, whole) })),
            ...found.members.map(({ about, runner }) => ({ ...about, runner: () => runner }))
          ],
          { name: "subagent", description, readOnly: true }
        )
      ]
    }
  })

/**
 * An agent of a file that can run.
 *
 * @category models
 * @since 0.1.0
 */
export interface OfFile {
  readonly about: About
  readonly runner: Team.Member<Needs>
}

// internal

/** Reading only: what it does is asked about where it does it. */
const description =
  "Gives a task to another agent that begins afresh, and answers with what it comes to. Say all that it needs to know. " +
  "Several in one answer work side by side."

const builtIn = [
  { name: "general", description: "does a whole task with all your tools", isReading: false, turns: 40 },
  { name: "explore", description: "looks for things in files and changes nothing", isReading: true, turns: 25 }
] as const

const foldersOf = ({ settings }: Given): ReadonlyArray<string> => [
  join(userFolder(process.env), "agents"),
  ...settings.agents,
  join(settings.project, ".axonal", "agents")
]

const task =
  "You work on one task for another agent, who reads your last answer and nothing else: put all that matters into it."

const worker = ({ isReading, name, turns }: (typeof builtIn)[number], { how, living, skills, tools }: Whole) => {
  const { instructions, limits, settings } = how
  const own = isReading ? tools.filter(isReadOnly) : tools
  const hands = isReading ? own : [...own, ...living]
  const most = Math.min(turns, limits.turns ?? turns)
  const agent = Agent.make(name, {
    instructions: `${instructions}\n\n${task}`,
    settings,
    limits: { ...limits, turns: most },
    tools: hands
  })
  return isReading ? agent : skills.with(agent, how.off)
}

/** Whether a tool says that it changes nothing; tools do not unless they are told to. */
const isReadOnly = ({ tool }: Tool.WithHandler<Needs>): boolean =>
  tool.annotations !== undefined && Context.get(tool.annotations, AiTool.Readonly)
