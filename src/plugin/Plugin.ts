/**
 * What authors of plugins write: each module that a plugin names in its package.json exports a contribution that is made
 * here, of settings and of a function from these to what it brings. Nothing runs before somebody wants it. How plugins are
 * found and loaded is in `Plugins`.
 */
import type * as AiToolkit from "@effect/ai/Toolkit"
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as Path from "@effect/platform/Path"
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as ContextStore from "../context/ContextStore.ts"
import type { ModelInfo } from "../domain/ModelInfo.ts"
import * as Guard from "../guard/Guard.ts"
import * as Hooks from "../hook/Hooks.ts"
import type * as Tool from "../tool/Tool.ts"
import * as ToolSelector from "../tool/ToolSelector.ts"
import type * as Transport from "../transport/Transport.ts"
import type * as Manifest from "./internal/manifest.ts"

/**
 * What a plugin may bring: `tools`, `transports`, `guards`, `hooks`, `selectors`, `stores`, `commands`.
 *
 * @category models
 * @since 0.1.0
 */
export type Kind = Manifest.Kind

/**
 * What every contribution may use of the program that loads it.
 *
 * @category models
 * @since 0.1.0
 */
export type Services = FileSystem.FileSystem | Path.Path | HttpClient.HttpClient

/**
 * Reads settings for a contribution, from where those of its plugin are.
 *
 * @category models
 * @since 0.1.0
 */
export type Read = <A>(settings: Config.Config<A>) => Effect.Effect<A, unknown>

/**
 * Something that a plugin brings: what a module of it exports.
 *
 * **Details**
 *
 * - `open`: reads the settings and builds it, in the scope of the program that loads it.
 * - It is told by its fields, so that it does not matter which copy of this module made it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Contribution<out K extends Kind, out A> {
  readonly _tag: typeof tag
  readonly kind: K
  readonly open: (read: Read) => Effect.Effect<A, unknown, Services | Scope.Scope>
}

/**
 * Settings, and what is made of them.
 *
 * **Details**
 *
 * - `settings`: names as the plugin knows them, as in `Config.all({ station: Config.string("station") })`. A user sets them
 *   by a variable, `AXONAL_TIDES_STATION` for a plugin `axonal-plugin-tides`, or in the plugin's section of a file; the
 *   variable counts first. Secrets are `Config.redacted`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Settings<S> {
  readonly settings?: Config.Config<S> | undefined
}

/**
 * The model that a transport of a plugin is asked for: what stands behind the plugin's name in a model string.
 *
 * **Details**
 *
 * - `settings`: for requests that do not say otherwise. `modelInfo`: what the flags say about the model.
 * - `baseUrl`: where to send requests instead.
 *
 * @category models
 * @since 0.1.0
 */
export interface Model {
  readonly id: string
  readonly baseUrl: string | undefined
  readonly settings: Transport.Settings
  readonly modelInfo: Partial<Omit<ModelInfo, "id" | "vendor">>
}

/**
 * A command for the command line, ready to run.
 *
 * **Details**
 *
 * - `run`: is given what stands behind the command's name; a number that it ends with is the exit code.
 *
 * @category models
 * @since 0.1.0
 */
export interface Command {
  readonly description: string
  readonly run: (args: ReadonlyArray<string>) => Effect.Effect<number | void, unknown, Services | Scope.Scope>
}

/**
 * How the transport of a plugin is made for a model.
 *
 * @category models
 * @since 0.1.0
 */
export type MakeTransport = (model: Model) => Layer.Layer<Transport.Transport, unknown, Services>

/**
 * What a plugin gives for tools: tools that carry their handlers, or a toolkit of `@effect/ai` with its handlers inside.
 *
 * @category models
 * @since 0.1.0
 */
// biome-ignore lint/suspicious/noExplicitAny: a toolkit is invariant in its tools, so only `any` accepts every toolkit
export type Tools = ReadonlyArray<Tool.WithHandler> | AiToolkit.WithHandler<any>

/**
 * Contributes tools.
 *
 * **Details**
 *
 * - They are tools from elsewhere: the default guard asks a person about each that is not read-only.
 * - `make` may hold resources; they are released when the program ends that loaded the plugin.
 *
 * @category constructors
 * @since 0.1.0
 */
export const tools = <S>(
  options: Settings<S> & {
    readonly make: (settings: S) => Effect.Effect<Tools, unknown, Services | Scope.Scope>
  }
): Contribution<"tools", Tools> => contribution("tools", options, options.make)

/**
 * Contributes a transport, which a model string names by the name that it has in the package.json, as in `tidal:model`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const transport = <S>(
  options: Settings<S> & {
    readonly layer: (model: Model, settings: S) => Layer.Layer<Transport.Transport, unknown, Services>
  }
): Contribution<"transports", MakeTransport> =>
  contribution("transports", options, (settings) => Effect.succeed((model: Model) => options.layer(model, settings)))

/**
 * Contributes a guard. It is asked beside the one in force, and the strictest wins.
 *
 * @category constructors
 * @since 0.1.0
 */
export const guard = <S>(
  options: Settings<S> & { readonly layer: (settings: S) => Layer.Layer<Guard.Guard, unknown, Services> }
): Contribution<"guards", Guard.Service> => service("guards", options, Guard.Guard)

/**
 * Contributes hooks, which run after those in force.
 *
 * @category constructors
 * @since 0.1.0
 */
export const hooks = <S>(
  options: Settings<S> & { readonly layer: (settings: S) => Layer.Layer<Hooks.Hooks, unknown, Services> }
): Contribution<"hooks", Hooks.Service> => service("hooks", options, Hooks.Hooks)

/**
 * Contributes a selector of tools, which programs choose by its name.
 *
 * @category constructors
 * @since 0.1.0
 */
export const selector = <S>(
  options: Settings<S> & { readonly layer: (settings: S) => Layer.Layer<ToolSelector.ToolSelector, unknown, Services> }
): Contribution<"selectors", ToolSelector.Service> => service("selectors", options, ToolSelector.ToolSelector)

/**
 * Contributes a context store, which programs choose by its name.
 *
 * @category constructors
 * @since 0.1.0
 */
export const store = <S>(
  options: Settings<S> & { readonly layer: (settings: S) => Layer.Layer<ContextStore.ContextStore, unknown, Services> }
): Contribution<"stores", ContextStore.Service> => service("stores", options, ContextStore.ContextStore)

/**
 * Contributes a command, `axonal <name>`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const command = <S>(
  options: Settings<S> & {
    readonly description: string
    readonly run: (
      args: ReadonlyArray<string>,
      settings: S
    ) => Effect.Effect<number | void, unknown, Services | Scope.Scope>
  }
): Contribution<"commands", Command> =>
  contribution("commands", options, (settings) =>
    Effect.succeed({ description: options.description, run: (args) => options.run(args, settings) })
  )

/**
 * Whether a value is a contribution of this kind.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isContribution = <K extends Kind>(value: unknown, kind: K): value is Contribution<K, unknown> =>
  typeof value === "object" &&
  value !== null &&
  Reflect.get(value, "_tag") === tag &&
  Reflect.get(value, "kind") === kind &&
  typeof Reflect.get(value, "open") === "function"

// internal

const tag = "axonal/plugin/Contribution"

const contribution = <K extends Kind, S, A>(
  kind: K,
  { settings }: Settings<S>,
  make: (settings: S) => Effect.Effect<A, unknown, Services | Scope.Scope>
): Contribution<K, A> => {
  if (typeof make !== "function") throw new TypeError(`Plugin.${kind} needs a function that makes what it brings`)
  // Without settings nobody has said what their type is.
  const read = settings ?? (Config.succeed({}) as Config.Config<S>)
  return { _tag: tag, kind, open: (reader) => Effect.flatMap(reader(read), make) }
}

/** A layer that has nothing of what it says is built all the same: what is then missing is undefined. */
const service = <K extends Kind, S, I, A>(
  kind: K,
  options: Settings<S> & { readonly layer: (settings: S) => Layer.Layer<I, unknown, Services> },
  key: Context.Tag<I, A>
): Contribution<K, A> =>
  contribution(kind, options, (settings) =>
    Effect.flatMap(Layer.build(options.layer(settings)), (context) =>
      context.unsafeMap.has(key.key)
        ? Effect.succeed(Context.get(context, key))
        : Effect.die(new Error(`its layer does not provide ${key.key}`))
    )
  )
