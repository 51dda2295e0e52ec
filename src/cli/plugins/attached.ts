/**
 * What plugins add to the agent of the command line: tools, guards and hooks, and transports that a model string names.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type * as Guard from "../../guard/Guard.ts"
import type * as Hooks from "../../hook/Hooks.ts"
import type { PluginError } from "../../plugin/PluginError.ts"
import * as Plugins from "../../plugin/Plugins.ts"
import type * as Tool from "../../tool/Tool.ts"
import type * as ModelString from "../../transport/ModelString.ts"
import * as Host from "./host.ts"

/**
 * What is added, and what is wrong with plugins that are allowed.
 *
 * @category models
 * @since 0.1.0
 */
export interface Attached {
  readonly tools: ReadonlyArray<Tool.WithHandler>
  readonly layer: Layer.Layer<Guard.Guard | Hooks.Hooks>
  readonly transports: Layer.Layer<ModelString.Registered>
  readonly vendors: ReadonlyArray<string>
  readonly problems: ReadonlyArray<PluginError>
}

/**
 * Loads them, for as long as the scope lives.
 *
 * @category constructors
 * @since 0.1.0
 */
export const attach = (options: {
  readonly dataDir: string | undefined
  readonly tools: ReadonlyArray<string>
}): Effect.Effect<Attached, never, Scope.Scope> =>
  Effect.gen(function* () {
    const plugins = Context.get(yield* Layer.build(Host.layer(options)), Plugins.Plugins)
    const given = Layer.succeed(Plugins.Plugins, plugins)
    const inForce = yield* Layer.build(Layer.provide(Layer.merge(Plugins.layerGuard, Plugins.layerHooks), given))
    const tools = yield* plugins.tools
    return {
      tools,
      layer: Layer.succeedContext(inForce),
      transports: Layer.provide(Plugins.layerTransports, given),
      vendors: plugins.names("transports"),
      problems: yield* plugins.problems
    }
  })
