/**
 * The agents of a team as runners. Each has its own model and its own rules, and not those of the mate that gives it a task:
 * what holds for an agent holds for what runs in it, but for mates, who have theirs.
 */
import type * as AiTool from "@effect/ai/Tool"
import * as AiToolkit from "@effect/ai/Toolkit"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Agent from "../agent/Agent.ts"
import * as Runnable from "../agent/Runnable.ts"
import * as Subagent from "../agent/Subagent.ts"
import type { ContextStore } from "../context/ContextStore.ts"
import type * as Message from "../domain/Message.ts"
import * as Guard from "../guard/Guard.ts"
import * as Rules from "../guard/Rules.ts"
import * as Runner from "../pattern/Runner.ts"
import * as Skills from "../skill/Skills.ts"
import * as SkillTools from "../skill/SkillTools.ts"
import type * as Tool from "../tool/Tool.ts"
import type * as Toolkit from "../tool/Toolkit.ts"
import * as Transport from "../transport/Transport.ts"
import type { AgentSpec } from "./AgentSpec.ts"
import { select } from "./Reading.ts"

/**
 * An agent of a team. `R` is what the tools of the application need.
 *
 * @category models
 * @since 0.1.0
 */
export type Member<R = never> = Runner.Runner<
  Message.Input,
  string,
  Agent.AgentError,
  R | Transport.Transport | ContextStore
>

/**
 * A toolkit whose tools are known by name: one with its handlers in the context or inside.
 *
 * @category models
 * @since 0.1.0
 */
export type Kit = Toolkit.Any & { readonly tools: AiToolkit.Any["tools"] }

/**
 * What there is to make agents of.
 *
 * **Details**
 *
 * - `transports`: by model string. `delegate`: how agents give tasks to their mates.
 *
 * @category models
 * @since 0.1.0
 */
export interface Given {
  readonly tools: ReadonlyArray<Tool.WithHandler<unknown>>
  readonly toolkit: Kit | undefined
  readonly skills: Skills.Service | undefined
  readonly transports: ReadonlyMap<string, Transport.Service>
  readonly delegate: Subagent.Options
}

/**
 * The names of the tools that there are.
 *
 * @category converters
 * @since 0.1.0
 */
export const toolNames = ({ toolkit, tools }: Pick<Given, "toolkit" | "tools">): ReadonlyArray<string> => [
  ...Object.keys(toolkit?.tools ?? {}),
  ...tools.map(({ tool }) => tool.name)
]

/**
 * The mates to whom an agent may give tasks.
 *
 * @category converters
 * @since 0.1.0
 */
export const matesOf = (agent: AgentSpec, agents: ReadonlyArray<AgentSpec>): ReadonlyArray<AgentSpec> => {
  const names = select(
    agents.map(({ name }) => name),
    agent.agents
  )
  return agents.filter(({ name }) => name !== agent.name && names.includes(name))
}

/**
 * Makes the agents, by name. The caller says what they need.
 *
 * **Details**
 *
 * - Errors: dies of rules that cannot be used, which reading the files has told already.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <R>(
  agents: ReadonlyArray<AgentSpec>,
  given: Given
): Effect.Effect<ReadonlyMap<string, Member<R>>> =>
  Effect.gen(function* () {
    const members = new Map<string, Member<R>>()
    const team = {}
    for (const spec of agents) {
      const rules = yield* Effect.orDie(Effect.forEach(spec.guard, Rules.make))
      const own = { transport: spec.model === undefined ? undefined : given.transports.get(spec.model), rules }
      const mates = matesOf(spec, agents).map(({ description, name }) => ({
        name,
        description,
        // Mates may name each other in circles, so that one of them is made before the other.
        runner: () => memberOf(members, name)
      }))
      const { behavior, description, name } = Runner.provide(agentOf(spec, mates, given), around(team, own))
      members.set(name, Runnable.make(name, description, behavior))
    }
    return members
  })

/**
 * The agent of this name, which is one of them.
 *
 * @category converters
 * @since 0.1.0
 */
export const memberOf = <R>(members: ReadonlyMap<string, Member<R>>, name: string): Member<R> => {
  const member = members.get(name)
  if (member === undefined) throw new Error(`The team has no agent ${name}`)
  return member
}

// internal

const agentOf = (
  spec: AgentSpec,
  mates: ReadonlyArray<Subagent.Entry>,
  { delegate, skills, toolkit, tools }: Given
): Agent.Any => {
  const wanted = new Set(select(toolNames({ toolkit, tools }), spec.tools))
  const delegating = mates.length === 0 ? [] : [Subagent.menu(mates, delegate)]
  const agent = Agent.make(spec.name, {
    description: spec.description,
    instructions: spec.instructions,
    settings: spec.settings,
    limits: spec.limits,
    toolkit: toolkit === undefined ? AiToolkit.empty : partOf(toolkit, wanted),
    tools: [...tools.filter(({ tool }) => wanted.has(tool.name)), ...delegating]
  })
  if (skills === undefined || spec.skills.length === 0) return agent
  const narrowed = narrowedTo(skills, spec.skills)
  return agent.pipe(
    Agent.withToolkit(Effect.flatMap(narrowed, (own) => Effect.provideService(SkillTools.toolkit, Skills.Skills, own))),
    Agent.addInstructions(
      Effect.flatMap(narrowed, (own) => Effect.provideService(Skills.instructions, Skills.Skills, own))
    )
  )
}

/** Handlers in the context are found by the tools that they are for. */
const partOf = (toolkit: Kit, names: ReadonlySet<string>): Toolkit.Any => {
  const wanted = Object.entries<AiTool.Any>(toolkit.tools).filter(([name]) => names.has(name))
  return "handle" in toolkit
    ? { tools: Object.fromEntries(wanted), handle: (name, parameters) => toolkit.handle(name, parameters) }
    : AiToolkit.make(...wanted.map(([, tool]) => tool))
}

/** Those that there are when a run begins, for skills come and go. The same as long as their names are. */
const narrowedTo = (
  skills: Skills.Service,
  patterns: ReadonlyArray<string>
): Effect.Effect<Skills.Service, Skills.SkillError> => {
  let last: { readonly names: string; readonly skills: Skills.Service } | undefined
  return Effect.flatMap(skills.catalog, (catalog) => {
    const found = select(
      catalog.skills.map(({ name }) => name),
      patterns
    )
    const names = found.join()
    if (last?.names === names) return Effect.succeed(last.skills)
    return Effect.tap(Skills.narrow(skills, found), (narrowed) => {
      last = { names, skills: narrowed }
    })
  })
}

/** What a member runs with, by what was there before any member of the team ran. */
interface Around {
  readonly team: object
  readonly inside: Surroundings
  readonly outside: Surroundings
}

interface Surroundings {
  readonly transport: Transport.Service
  readonly guard: Guard.Service
}

/** The innermost member of a team above. */
class Above extends Context.Reference<Above>()("axonal/team/Above", {
  defaultValue: (): Around | undefined => undefined
}) {}

/** What somebody put in place between two members holds for the inner one, too. What the outer one brought does not. */
const around = (
  team: object,
  own: { readonly transport: Transport.Service | undefined; readonly rules: ReadonlyArray<Guard.Service> }
) =>
  Layer.effectContext(
    Effect.gen(function* () {
      const transport = yield* Transport.Transport
      const guard = yield* Guard.Guard
      const above = yield* Above
      const mate = above?.team === team ? above : undefined
      const outside: Surroundings = {
        transport: mate?.inside.transport === transport ? mate.outside.transport : transport,
        guard: mate?.inside.guard === guard ? mate.outside.guard : guard
      }
      const inside: Surroundings = {
        transport: own.transport ?? outside.transport,
        guard: own.rules.length === 0 ? outside.guard : Guard.all(outside.guard, ...own.rules)
      }
      return Context.make(Transport.Transport, inside.transport).pipe(
        Context.add(Guard.Guard, inside.guard),
        Context.add(Above, { team, inside, outside })
      )
    })
  )
