/**
 * Agents of files as runners of the command line: with its tools, its skills, and the models that their files name.
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Skills from "../skill/Skills.ts"
import * as Team from "../team/Team.ts"
import type * as Tool from "../tool/Tool.ts"
import type * as ModelString from "../transport/ModelString.ts"
import * as Offline from "../transport/Offline.ts"
import { UsageError } from "./errors.ts"

/**
 * What files of agents may name.
 *
 * **Details**
 *
 * - `lead`: who is spoken to, instead of whom the files name; whom they name when it says nobody. `offline`: whether the rules stand in for all models.
 * - `allowed`: models besides those at their vendors' own addresses. `transports`: models that plugins bring.
 *
 * @category models
 * @since 0.1.0
 */
export interface Given<R> {
  readonly tools: ReadonlyArray<Tool.WithHandler<R>>
  readonly skills: Skills.Service | undefined
  readonly lead: (spec: Team.TeamSpec) => string | undefined
  readonly offline: boolean
  readonly allowed: ReadonlyArray<string>
  readonly transports: Layer.Layer<ModelString.Registered> | undefined
}

/**
 * Loads a team. The network client is loaded only for one whose files name models.
 *
 * **Details**
 *
 * - Errors: `TeamError` with all that is wrong with the files, `UsageError` for a pattern in `allowed` that is none.
 *
 * @category constructors
 * @since 0.1.0
 */
export const load = <R>(paths: string | ReadonlyArray<string>, given: Given<R>) =>
  Effect.gen(function* () {
    const { offline, skills, tools } = given
    const spec = yield* Team.read(paths)
    const about = { tools, lead: given.lead(spec), skills }
    if (offline) return yield* Team.load(paths, { ...about, models: () => Effect.sync(Offline.make) })
    if (spec.agents.every(({ model }) => model === undefined)) return yield* Team.load(paths, about)
    const { client } = yield* Effect.promise(() => import("./online.ts"))
    const named = given.transports === undefined ? client : Layer.merge(client, given.transports)
    const loaded = Team.load(paths, { ...about, models: ["*", ...given.allowed] })
    return yield* Effect.catchSomeDefect(Effect.provide(loaded, named), badPattern)
  }).pipe(Effect.provide(Layer.merge(NodeFileSystem.layer, NodePath.layer)))

// internal

/** Patterns that are none are a mistake of the program everywhere else. */
const badPattern = (defect: unknown): Option.Option<Effect.Effect<never, UsageError>> => {
  const [, problem] = /^Team option models (has .+)$/.exec(defect instanceof TypeError ? defect.message : "") ?? []
  return problem === undefined
    ? Option.none()
    : Option.some(new UsageError({ message: `--allow-model ${problem}`, see: "axonal run --help" }))
}
