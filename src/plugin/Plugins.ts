/**
 * The plugins of a program: found in the project and in the user's own folder, held against what the user allows, and
 * opened when somebody wants what they bring. A broken one is reported and skipped, and changes nothing for the others.
 */
import * as Arrays from "effect/Array"
import * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as ContextStore from "../context/ContextStore.ts"
import * as Guard from "../guard/Guard.ts"
import * as Hooks from "../hook/Hooks.ts"
import * as Check from "../internal/options.ts"
import type * as Tool from "../tool/Tool.ts"
import * as ToolSelector from "../tool/ToolSelector.ts"
import * as ModelString from "../transport/ModelString.ts"
import * as Transport from "../transport/Transport.ts"
import * as Brought from "./Brought.ts"
import * as Found from "./Found.ts"
import { once } from "./internal/once.ts"
import * as Opening from "./Opening.ts"
import type * as Plugin from "./Plugin.ts"
import { PluginError } from "./PluginError.ts"

/**
 * Where plugins are looked for, which of them are loaded, and how long that may take.
 *
 * **Details**
 *
 * - The places, what is allowed there and the settings are those of `Found.Options`.
 * - `importTimeout`, `buildTimeout`: for each module and for each thing that is built of it; 10 seconds each.
 * - `taken`: names that the program itself has, which no plugin can have, too: tools and commands.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends Found.Options {
  readonly importTimeout?: Duration.DurationInput | undefined
  readonly buildTimeout?: Duration.DurationInput | undefined
  readonly taken?: { readonly tools?: ReadonlyArray<string>; readonly commands?: ReadonlyArray<string> } | undefined
}

/**
 * How opening one contribution went; `problem` is absent when it went well.
 *
 * @category models
 * @since 0.1.0
 */
export interface Checked {
  readonly plugin: string
  readonly kind: Plugin.Kind
  readonly name: string
  readonly problem: PluginError | undefined
}

/**
 * What plugins give to a program.
 *
 * **Details**
 *
 * - What is given is opened at the first request for it, once, and held until the scope ends that the plugins were made in.
 * - Of things with the same name the first that can be opened counts, in the order of `found`; the others are problems.
 *
 * @category services
 * @since 0.1.0
 */
export interface Service {
  /** Every plugin that there is, those of the project first, each place by name. Nothing was imported to find them. */
  readonly found: ReadonlyArray<Found.Found>
  /** What is wrong with plugins that are allowed, as far as it has come out until now. */
  readonly problems: Effect.Effect<ReadonlyArray<PluginError>>
  /** All tools, marked as coming from elsewhere. Never fails: what cannot be had is a problem. */
  readonly tools: Effect.Effect<ReadonlyArray<Tool.WithHandler>>
  /** All guards. One that is broken denies every call instead, because nobody knows what it would have denied. */
  readonly guards: Effect.Effect<ReadonlyArray<Guard.Service>>
  /** All hooks. Never fails: what cannot be had is a problem. */
  readonly hooks: Effect.Effect<ReadonlyArray<Hooks.Service>>
  /** The selector of a name. */
  readonly selector: (name: string) => Effect.Effect<ToolSelector.Service, PluginError>
  /** The context store of a name. */
  readonly store: (name: string) => Effect.Effect<ContextStore.Service, PluginError>
  /** A transport to a model of the vendor of a name. It is the caller's, and closed with his scope. */
  readonly transport: (name: string, model: Plugin.Model) => Effect.Effect<Transport.Service, PluginError, Scope.Scope>
  /** The command of a name. */
  readonly command: (name: string) => Effect.Effect<Plugin.Command, PluginError>
  /** The names there are of a kind, without those that are taken. Nothing is opened for it. */
  readonly names: (kind: Plugin.Kind) => ReadonlyArray<string>
  /** Opens everything, and says how that went, in order. For people who look for what is wrong. */
  readonly check: Effect.Effect<ReadonlyArray<Checked>>
}

/**
 * The plugins in use.
 *
 * @category services
 * @since 0.1.0
 */
export class Plugins extends Context.Tag("axonal/plugin/Plugins")<Plugins, Service>() {}

/**
 * Finds plugins. Nothing of them is imported yet.
 *
 * **Details**
 *
 * - What is opened later is released with this scope, however late that is asked for.
 * - Errors: none. What is wrong with a plugin, or with the user's file, is in `problems`. Options that cannot be meant throw.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): Effect.Effect<Service, never, Plugin.Services | Scope.Scope> => {
  const { buildTimeout = "10 seconds", importTimeout = "10 seconds" } = options
  Check.millis("Plugins option importTimeout", importTimeout)
  Check.millis("Plugins option buildTimeout", buildTimeout)
  return Effect.gen(function* () {
    const { found, problems, settings } = yield* Found.find(options)
    const services = yield* Effect.context<Plugin.Services>()
    const scope = yield* Effect.scope
    const outer = yield* Effect.configProviderWith(Effect.succeed)
    const told = new Map(problems.map((problem) => [problem.message, problem]))
    const tell: Tell = (problem) => {
      told.set(problem.message, told.get(problem.message) ?? problem)
    }
    const open: Open = (place, check) =>
      Opening.open(place, { section: settings[place.plugin], outer, importTimeout, buildTimeout }, check).pipe(
        Effect.tapError((problem) => Effect.sync(() => tell(problem))),
        Effect.provide(services),
        Scope.extend(scope),
        (opening) => once(opening, scope)
      )
    const all = openingsOf(found, open)
    const { isFree, tools } = names(all, options.taken ?? {}, tell)
    const transport: Service["transport"] = (name, model) =>
      Effect.flatMap(first("transports", all.transports.filter(isFree), name, tell), ({ place, value }) => {
        const layer = Effect.sync(() => value(model))
        return Effect.provide(Opening.transport(place, layer, buildTimeout), services)
      })
    return {
      found,
      problems: Effect.sync(() => [...told.values()]),
      tools,
      guards: Effect.map(
        Effect.forEach(all.guards, ({ open }) => Effect.merge(Effect.mapError(open, standIn)), concurrently),
        (guards) => [...guards, ...lost(found).map(standIn)]
      ),
      hooks: Effect.map(
        Effect.forEach(all.hooks, ({ open }) => Effect.option(open), concurrently),
        Arrays.getSomes
      ),
      selector: (name) => Effect.map(first("selectors", all.selectors, name, tell), valueOf),
      store: (name) => Effect.map(first("stores", all.stores, name, tell), valueOf),
      transport,
      command: (name) => Effect.map(first("commands", all.commands.filter(isFree), name, tell), valueOf),
      names: (kind) => [...new Set(all[kind].flatMap((opening) => (isFree(opening) ? [opening.place.name] : [])))],
      check: Effect.zipRight(tools, Effect.forEach(Object.values(all).flat(), checked, concurrently))
    }
  })
}

/**
 * Layer of the plugins.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options?: Options): Layer.Layer<Plugins, never, Plugin.Services> =>
  Layer.scoped(
    Plugins,
    Effect.suspend(() => make(options))
  )

/**
 * The tools of all plugins, for an agent of one run.
 *
 * @category constructors
 * @since 0.1.0
 */
export const tools: Effect.Effect<ReadonlyArray<Tool.WithHandler>, never, Plugins> = Effect.flatMap(
  Plugins,
  ({ tools }) => tools
)

/**
 * Layer of the guard in force with those of plugins beside it: the strictest wins.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerGuard: Layer.Layer<Guard.Guard, never, Plugins> = Layer.effect(
  Guard.Guard,
  Effect.gen(function* () {
    const { guards } = yield* Plugins
    return Guard.all(yield* Guard.Guard, ...(yield* guards))
  })
)

/**
 * Layer of the hooks in force, and then those of plugins.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerHooks: Layer.Layer<Hooks.Hooks, never, Plugins> = Layer.effect(
  Hooks.Hooks,
  Effect.gen(function* () {
    const { hooks } = yield* Plugins
    return Hooks.combine(yield* Hooks.Hooks, ...(yield* hooks))
  })
)

/**
 * Layer of the selector of tools that has this name.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerSelector = (name: string): Layer.Layer<ToolSelector.ToolSelector, PluginError, Plugins> =>
  Layer.effect(
    ToolSelector.ToolSelector,
    Effect.flatMap(Plugins, ({ selector }) => selector(name))
  )

/**
 * Layer of the context store that has this name.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerStore = (name: string): Layer.Layer<ContextStore.ContextStore, PluginError, Plugins> =>
  Layer.effect(
    ContextStore.ContextStore,
    Effect.flatMap(Plugins, ({ store }) => store(name))
  )

/**
 * Layer with which model strings name the transports of plugins, too, as in `tidal:model`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerTransports: Layer.Layer<ModelString.Registered, never, Plugins> = Layer.effect(
  ModelString.Registered,
  Effect.gen(function* () {
    const plugins = yield* Plugins
    const registered = plugins.names("transports").map((name) => ({
      name,
      layer: ({ baseUrl, flags, model }: ModelString.ModelString) =>
        Layer.scoped(
          Transport.Transport,
          Effect.mapError(
            plugins.transport(name, { id: model, baseUrl, settings: flags.settings, modelInfo: flags.info }),
            ({ message }) => ConfigError.InvalidData(["model"], message)
          )
        )
    }))
    return [...(yield* ModelString.Registered), ...registered]
  })
)

// internal

const concurrently = { concurrency: 4 } as const

type Tell = (problem: PluginError) => void

type Open = <A>(
  place: Opening.Place,
  check: (value: unknown) => Effect.Effect<A, string>
) => Effect.Effect<A, PluginError>

/** Something that can be opened. It opens once, however often it is asked for. */
interface Opened<out A> {
  readonly place: Opening.Place
  readonly open: Effect.Effect<A, PluginError>
}

type All = ReturnType<typeof openingsOf>

const openingsOf = (found: ReadonlyArray<Found.Found>, open: Open) => {
  const of = <A>(kind: Plugin.Kind, check: (value: unknown) => Effect.Effect<A, string>): ReadonlyArray<Opened<A>> =>
    found.flatMap((plugin) => Found.placesOf(plugin, kind)).map((place) => ({ place, open: open(place, check) }))
  return {
    tools: of("tools", Brought.tools),
    transports: of("transports", Brought.makeTransport),
    guards: of("guards", Brought.guard),
    hooks: of("hooks", Brought.hooks),
    selectors: of("selectors", Brought.selector),
    stores: of("stores", Brought.store),
    commands: of("commands", Brought.command)
  }
}

/** Who has which name: the program before all plugins, and of these the first. */
const names = (all: All, taken: NonNullable<Options["taken"]>, tell: Tell) => {
  const isFree = ({ place: { kind, name } }: Pick<Opened<unknown>, "place">): boolean =>
    !(kind === "transports" && ModelString.vendorOf(name) !== undefined) &&
    !(kind === "commands" && taken.commands?.includes(name) === true)
  for (const opening of [...all.transports, ...all.commands]) {
    if (!isFree(opening)) tell(clash(opening.place, opening.place.name, "axonal itself"))
  }
  const opened = Effect.forEach(
    all.tools,
    ({ open, place }) =>
      Effect.map(
        Effect.orElseSucceed(open, () => []),
        (tools) => ({ place, tools })
      ),
    concurrently
  )
  const tools = Effect.map(opened, (parts) => {
    const owners = new Map((taken.tools ?? []).map((name) => [name, "the program itself"]))
    return parts.flatMap(({ place, tools }) =>
      tools.filter(({ tool: { name } }) => {
        const owner = owners.get(name)
        if (owner === undefined) owners.set(name, place.plugin)
        else tell(clash(place, name, owner))
        return owner === undefined
      })
    )
  })
  return { isFree, tools }
}

/** The first of a name that can be opened. Those behind it are clashes. */
const first = <A>(
  kind: Plugin.Kind,
  among: ReadonlyArray<Opened<A>>,
  name: string,
  tell: Tell
): Effect.Effect<{ readonly place: Opening.Place; readonly value: A }, PluginError> => {
  const wanted = among.filter(({ place }) => place.name === name)
  const [head, ...rest] = wanted.map(({ open, place }, index) =>
    Effect.map(open, (value) => {
      for (const other of wanted.slice(index + 1)) tell(clash(other.place, name, place.plugin))
      return { place, value }
    })
  )
  if (head !== undefined) {
    // When none can be opened, the first says why.
    return rest.reduce((tried, next) => Effect.catchAll(tried, (error) => Effect.mapError(next, () => error)), head)
  }
  const known = [...new Set(among.map(({ place }) => place.name))].join(", ")
  const detail = `no plugin that is loaded brings it; of ${kind} there ${known === "" ? "are none" : `is ${known}`}`
  return new PluginError({ plugin: name, reason: "Unknown", detail })
}

const valueOf = <A>({ value }: { readonly value: A }): A => value

const clash = (place: Opening.Place, name: string, owner: string): PluginError =>
  Opening.error(place, "NameTaken", `the name ${name} is that of ${owner}, which goes before it`)

/** Problems of plugins that have guards, as one that is too old for this program, and that no other stands in for. */
const lost = (found: ReadonlyArray<Found.Found>): ReadonlyArray<PluginError> =>
  found.flatMap((plugin) =>
    plugin.state === "broken" &&
    plugin.isAllowed &&
    plugin.problem !== undefined &&
    Found.kindsOf(plugin).includes("guards") &&
    !found.some(({ name, state }) => name === plugin.name && state === "ready")
      ? [plugin.problem]
      : []
  )

/** Nobody knows what it would have denied. */
const standIn = (problem: PluginError): Guard.Service => Guard.deny(`a guard is missing: ${problem.message}`)

const checked = ({ open, place: { kind, name, plugin } }: Opened<unknown>): Effect.Effect<Checked> =>
  Effect.match(open, {
    onFailure: (problem) => ({ plugin, kind, name, problem }),
    onSuccess: () => ({ plugin, kind, name, problem: undefined })
  })
