/**
 * Skills of the assistant: those of the project and of the person.
 */
import type * as AiToolkit from "@effect/ai/Toolkit"
import * as Effect from "effect/Effect"
import * as Agent from "../../../agent/Agent.ts"
import * as Sandbox from "../../../sandbox/Sandbox.ts"
import type * as Skills from "../../../skill/Skills.ts"
import type * as SkillTools from "../../../skill/SkillTools.ts"
import type { Settings } from "../../settings.ts"
import * as Found from "../../skills.ts"

/**
 * The skills.
 *
 * **Details**
 *
 * - `service`: as soon as there is a folder for them, also one that came while the assistant lives.
 * - `with`: the agent that is told of them, and can activate them, as they are where each of its runs begins.
 *
 * @category models
 * @since 0.1.0
 */
export interface OfSkills {
  readonly service: Effect.Effect<Skills.Service | undefined>
  readonly catalog: Effect.Effect<Skills.Catalog>
  readonly with: <R>(
    agent: Agent.Agent<string, never, R>,
    off: ReadonlySet<string>
  ) => Agent.Agent<string, never, R | Sandbox.Sandbox>
}

/**
 * No skills.
 *
 * @category constructors
 * @since 0.1.0
 */
export const none: OfSkills = {
  service: Effect.succeed(undefined),
  catalog: Effect.succeed({ skills: [], problems: [] }),
  with: (agent) => agent
}

/**
 * The skills that are found. Their scripts run where commands may; `folder` is that of the sandbox on this machine.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (settings: Settings, folder: string): Effect.Effect<OfSkills> =>
  Effect.gen(function* () {
    const opened = yield* Effect.cached(Found.open(settings.project, settings.skills))
    const runner = yield* Effect.cachedFunction((sandbox: Sandbox.Service) => Found.runner(sandbox, folder))
    const service = Effect.suspend(() =>
      Found.areThere(settings.project, settings.skills)
        ? Effect.map(opened, (skills) => skills.service)
        : Effect.succeed(undefined)
    )
    const kit = (off: ReadonlySet<string>): Kit =>
      Effect.gen(function* () {
        const { service, Skills, SkillTools: Made } = yield* opened
        const given = Effect.provideService(Made.toolkit, Skills.Skills, service)
        const whole = yield* settings.tools === "all"
          ? Effect.provideServiceEffect(given, Skills.ScriptRunner, Effect.flatMap(Sandbox.Sandbox, runner))
          : given
        const left = Object.entries(whole.tools).filter(([name]) => !off.has(name))
        const tools: SkillTools.Tools = Object.fromEntries(left)
        return { ...whole, tools }
      })
    const told = Effect.flatMap(opened, ({ service, Skills }) =>
      Effect.provideService(Skills.instructions, Skills.Skills, service)
    )
    return {
      service,
      catalog: Effect.flatMap(service, (skills) => skills?.catalog ?? none.catalog),
      with: <R>(agent: Agent.Agent<string, never, R>, off: ReadonlySet<string>) =>
        Found.areThere(settings.project, settings.skills)
          ? Agent.addInstructions(Agent.withToolkit(agent, kit(off)), told)
          : agent
    }
  })

// internal

type Kit = Effect.Effect<AiToolkit.WithHandler<SkillTools.Tools>, never, Sandbox.Sandbox>
