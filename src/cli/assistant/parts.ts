/**
 * What the assistant is made of besides a model: its tools and instructions, and whatever brings more of them.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type * as Sandbox from "../../sandbox/Sandbox.ts"
import type * as Tool from "../../tool/Tool.ts"
import type * as ModelString from "../../transport/ModelString.ts"
import { attached } from "../attached.ts"
import type { SetupError } from "../errors.ts"
import { oneLine } from "../internal/words.ts"
import type { Settings } from "../settings.ts"
import * as Tools from "../tools.ts"

/**
 * What the assistant's tools need besides a model and a store.
 *
 * @category models
 * @since 0.1.0
 */
export type Needs = Sandbox.Sandbox

/**
 * The parts.
 *
 * **Details**
 *
 * - `context`: what they add to a run: guards and hooks of plugins, jobs in the background.
 * - `transports`, `vendors`: models that plugins bring. `problems`: what of it cannot be used, a line each.
 *
 * @category models
 * @since 0.1.0
 */
export interface Parts {
  readonly tools: ReadonlyArray<Tool.WithHandler<Needs>>
  readonly context: Context.Context<never>
  readonly transports: Layer.Layer<ModelString.Registered> | undefined
  readonly vendors: ReadonlyArray<string>
  readonly problems: ReadonlyArray<string>
}

/**
 * Gathers them, for as long as the scope lives.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (settings: Settings): Effect.Effect<Parts, SetupError, Scope.Scope> =>
  Effect.gen(function* () {
    const own = yield* Tools.make(settings.tools)
    const plugins = yield* attached(settings, own)
    const context = yield* Layer.build(Layer.merge(plugins?.layer ?? Layer.empty, yield* jobs(settings)))
    return {
      tools: [...own, ...(plugins?.tools ?? [])],
      context: Context.merge(Context.empty(), context),
      transports: plugins?.transports,
      vendors: plugins?.vendors ?? [],
      problems: (plugins?.problems ?? []).map((problem) => `plugin ${oneLine(problem.message)}`)
    }
  })

// internal

/** Commands in the background outlive the runs of a conversation. */
const jobs = ({ tools }: Settings): Effect.Effect<Layer.Layer<never>> =>
  tools === "all"
    ? Effect.map(
        Effect.promise(() => import("../../toolbox/ShellJobs.ts")),
        ({ layer }) => layer
      )
    : Effect.succeed(Layer.empty)
