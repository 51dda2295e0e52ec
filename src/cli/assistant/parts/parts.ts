/**
 * What the assistant is made of besides a model: its tools, and whatever brings more of them: plugins, servers, skills, and
 * other agents. What is there only for those who have files of it is loaded only for them.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Agent from "../../../agent/Agent.ts"
import type { Limits } from "../../../agent/Limits.ts"
import type * as Output from "../../../agent/Output.ts"
import type { ContextStore } from "../../../context/ContextStore.ts"
import type { Settings as ModelSettings } from "../../../domain/Request.ts"
import type * as Mcp from "../../../mcp/Mcp.ts"
import type * as Sandbox from "../../../sandbox/Sandbox.ts"
import type * as Skills from "../../../skill/Skills.ts"
import type * as Tool from "../../../tool/Tool.ts"
import type * as ModelString from "../../../transport/ModelString.ts"
import type { Transport } from "../../../transport/Transport.ts"
import type { SetupError } from "../../errors.ts"
import { oneLine } from "../../internal/words.ts"
import { attached } from "../../plugins/plugins.ts"
import type { Settings } from "../../settings.ts"
import * as Tools from "../../tools.ts"
import type * as Agents from "./agents.ts"
import * as Servers from "./servers.ts"
import * as OfSkills from "./skills.ts"

/**
 * What the assistant's tools need.
 *
 * @category models
 * @since 0.1.0
 */
export type Needs = Sandbox.Sandbox | Transport | ContextStore

/**
 * How the assistant's agent is to be.
 *
 * **Details**
 *
 * - `off`: names of tools that it does not have, whatever brings them.
 *
 * @category models
 * @since 0.1.0
 */
export interface How {
  readonly instructions: string
  readonly settings: ModelSettings
  readonly limits: Limits
  readonly off: ReadonlySet<string>
  /** What its answers have to be, if not any text. */
  readonly output?: Output.Output<string> | undefined
}

/**
 * The parts.
 *
 * **Details**
 *
 * - `tools`: those that are always there. What an agent has altogether, `Toolkit.resolve(agent.definition.sources)` tells.
 * - `mcp`: the servers of files; absent when there are none. `agents`: who can be given a task, by the tool `subagent`.
 * - `skills`: those that there are now, with the problems of the others.
 * - `context`: what they add to a run: guards and hooks of plugins, jobs in the background.
 * - `transports`, `vendors`: models that plugins bring. `problems`: what of it cannot be used, a line each.
 * - `notices`: the same of what goes wrong later, each told once.
 *
 * @category models
 * @since 0.1.0
 */
export interface Parts {
  readonly tools: ReadonlyArray<Tool.WithHandler<Needs>>
  readonly mcp: Mcp.Service | undefined
  readonly agents: ReadonlyArray<Agents.About>
  readonly skills: Effect.Effect<Skills.Catalog>
  /** The agent of all that. */
  readonly agent: (how: How) => Agent.Agent<string, never, Needs>
  readonly context: Context.Context<never>
  readonly transports: Layer.Layer<ModelString.Registered> | undefined
  readonly vendors: ReadonlyArray<string>
  readonly problems: ReadonlyArray<string>
  readonly notices: Stream.Stream<string>
}

/**
 * Gathers them, for as long as the scope lives. `folder` is where they work.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (settings: Settings, folder: string): Effect.Effect<Parts, SetupError, Scope.Scope> =>
  Effect.gen(function* () {
    const toolbox = yield* Tools.make(settings.tools)
    const plugins = yield* attached(settings, toolbox)
    const context = yield* Layer.build(Layer.merge(plugins?.layer ?? Layer.empty, yield* jobs(settings)))
    const skills = settings.tools === "none" ? OfSkills.none : yield* OfSkills.make(settings, folder)
    const tools = [...toolbox, ...(yield* besides(settings)), ...(plugins?.tools ?? [])]
    const [servers, agents] = yield* Effect.all(
      [
        settings.tools === "none" ? Effect.succeed(Servers.none) : Servers.make(settings),
        settings.tools === "all"
          ? Effect.flatMap(
              Effect.promise(() => import("./agents.ts")),
              ({ make }) => make({ settings, tools, skills, transports: plugins?.transports })
            )
          : Effect.succeed(noAgents)
      ],
      { concurrency: "unbounded" }
    )
    const { mcp } = servers
    const agent = (how: How): Agent.Agent<string, never, Needs> => {
      const isOn = ({ tool }: Tool.WithHandler<Needs>): boolean => !how.off.has(tool.name)
      const living = mcp === undefined ? [] : [Servers.living(mcp, how.off)]
      const own = tools.filter(isOn)
      const hands = agents.tools({ how, tools: own, living, skills }).filter(isOn)
      const { instructions, limits, output, settings } = how
      return skills.with(
        Agent.make("axonal", { instructions, settings, limits, output, tools: [...own, ...hands, ...living] }),
        how.off
      )
    }
    return {
      tools,
      mcp,
      agents: agents.about,
      skills: skills.catalog,
      agent,
      context: Context.merge(Context.empty(), context),
      transports: plugins?.transports,
      vendors: plugins?.vendors ?? [],
      problems: [
        ...(plugins?.problems ?? []).map((problem) => `plugin ${oneLine(problem.message)}`),
        ...servers.problems,
        ...agents.problems
      ],
      notices: mcp === undefined ? Stream.empty : Servers.notices(mcp)
    }
  })

// internal

const noAgents: Agents.Agents = { about: [], problems: [], tools: () => [] }

/** Commands in the background outlive the runs of a conversation. */
const jobs = ({ tools }: Settings): Effect.Effect<Layer.Layer<never>> =>
  tools === "all"
    ? Effect.map(
        Effect.promise(() => import("../../../toolbox/ShellJobs.ts")),
        ({ layer }) => layer
      )
    : Effect.succeed(Layer.empty)

/** What is of use to those who may ask: questions, plans and pages. */
const besides = ({ tools }: Settings): Effect.Effect<ReadonlyArray<Tool.WithHandler<Needs>>, never, Scope.Scope> =>
  tools === "all"
    ? Effect.flatMap(
        Effect.promise(() => import("./besides.ts")),
        (module) => module.make
      )
    : Effect.succeed([])
