/**
 * Opens a contribution of a plugin: imports its module, reads its settings, builds it, and looks at what came of that.
 * Whatever goes wrong on the way becomes a `PluginError`; nothing that a plugin does fails or kills anything else.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Cause from "effect/Cause"
import type * as ConfigProvider from "effect/ConfigProvider"
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Transport from "../transport/Transport.ts"
import * as Brought from "./Brought.ts"
import { Importer } from "./Importer.ts"
import type { Source, System } from "./internal/discovery.ts"
import { fileOf } from "./internal/discovery.ts"
import * as Manifest from "./internal/manifest.ts"
import * as Settings from "./internal/settings.ts"
import * as Plugin from "./Plugin.ts"
import type { Reason, Setting } from "./PluginError.ts"
import { PluginError } from "./PluginError.ts"

/**
 * Where a contribution is, and what it is.
 *
 * **Details**
 *
 * - `plugin`: the name of its package. `folder`: of that package, without links.
 * - `module` is relative to the folder; `exported` is the name of the export in it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Place {
  readonly plugin: string
  readonly source: Source
  readonly folder: string
  readonly kind: Plugin.Kind
  readonly name: string
  readonly module: string
  readonly exported: string
}

/**
 * What opening goes by.
 *
 * **Details**
 *
 * - `section`: the settings of the plugin that a file has; those of `outer`, mostly the environment, count first.
 * - `importTimeout`, `buildTimeout`: how long each may take.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly section: unknown
  readonly outer: ConfigProvider.ConfigProvider
  readonly importTimeout: Duration.DurationInput
  readonly buildTimeout: Duration.DurationInput
}

/**
 * Opens a contribution. What it holds is released with the scope.
 *
 * **Details**
 *
 * - `check` says what is wrong with what was built, if anything.
 * - Releasing it waits no longer than building it may take, and never fails.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = <A>(
  place: Place,
  options: Options,
  check: (value: unknown) => Effect.Effect<A, string>
): Effect.Effect<A, PluginError, Plugin.Services | Scope.Scope> =>
  Effect.gen(function* () {
    const contribution = yield* Effect.catchAllDefect(imported(place, options), (defect) =>
      Effect.fail(error(place, "WrongExport", `the export ${place.exported} cannot be looked at: ${said(defect)}`))
    )
    const read: Plugin.Read = (config) =>
      Effect.mapError(
        Settings.read(config, { ...options, id: Manifest.idOf(place.plugin) }),
        (wrong) => new WrongSettings({ wrong })
      )
    const value = yield* bounded(
      place,
      Effect.suspend(() => contribution.open(read)),
      options.buildTimeout
    )
    return yield* Effect.suspend(() => check(value)).pipe(
      Effect.catchAllDefect((defect) => Effect.fail(`what it made cannot be looked at: ${said(defect)}`)),
      Effect.mapError((problem) => error(place, "WrongResult", problem))
    )
  })

/**
 * Builds the transport of a plugin for a model, in the scope of whoever asks for it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const transport = (
  place: Pick<Place, "plugin" | "kind" | "name">,
  layer: Effect.Effect<Layer.Layer<Transport.Transport, unknown, Plugin.Services>>,
  buildTimeout: Duration.DurationInput
): Effect.Effect<Transport.Service, PluginError, Plugin.Services | Scope.Scope> =>
  Effect.flatMap(layer, Layer.build).pipe(
    Effect.map((context) => context.unsafeMap.get(Transport.Transport.key)),
    (build) => bounded(place, build, buildTimeout),
    Effect.flatMap((value) =>
      Effect.mapError(Brought.transport(value), (problem) => error(place, "WrongResult", problem))
    )
  )

/**
 * What a plugin is told to be wrong with a contribution.
 *
 * @category constructors
 * @since 0.1.0
 */
export const error = (
  { kind, name, plugin }: Pick<Place, "plugin" | "kind" | "name">,
  reason: Reason,
  detail: string,
  settings?: ReadonlyArray<Setting>
): PluginError => new PluginError({ plugin, reason, detail, contribution: `${kind} ${name}`, settings })

// internal

/** Passes through what the plugin makes of its settings. */
class WrongSettings extends Data.TaggedError("WrongSettings")<{ readonly wrong: ReadonlyArray<Settings.Wrong> }> {}

const imported = (
  place: Place,
  { importTimeout }: Options
): Effect.Effect<Plugin.Contribution<Plugin.Kind, unknown>, PluginError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function* () {
    const system: System = { files: yield* FileSystem.FileSystem, path: yield* Path.Path }
    const load = yield* Importer
    const file = yield* Effect.mapError(fileOf(system, place.folder, place), ({ detail, reason }) =>
      error(place, reason, detail)
    )
    const url = yield* Effect.orDie(system.path.toFileUrl(file))
    const module = yield* Effect.tryPromise({
      try: () => load(url.href),
      catch: (cause) => error(place, "ImportFailed", `importing ${place.module} failed: ${said(cause)}`)
    }).pipe(
      Effect.timeoutFail({
        duration: importTimeout,
        onTimeout: () => error(place, "ImportTimeout", `importing ${place.module} took too long, and was given up`)
      })
    )
    const wrong = (what: string) =>
      error(place, "WrongExport", `the export ${place.exported} of ${place.module} ${what}`)
    const value = yield* Effect.try({
      try: (): unknown => Reflect.get(module, place.exported),
      catch: (cause) => wrong(`cannot be read: ${said(cause)}`)
    })
    if (value === undefined) {
      const others = Object.keys(module).join(", ")
      return yield* wrong(`is missing. ${others === "" ? "It exports nothing" : `It exports ${others}`}`)
    }
    if (!Plugin.isContribution(value, place.kind)) return yield* wrong(`is not made by Plugin.${makers[place.kind]}`)
    return value
  })

/** Builds in a scope of its own, so that what it holds is released without fail. Whatever goes wrong is told. */
const bounded = <A, R>(
  place: Pick<Place, "plugin" | "kind" | "name">,
  build: Effect.Effect<A, unknown, R>,
  buildTimeout: Duration.DurationInput
): Effect.Effect<A, PluginError, Exclude<R, Scope.Scope> | Scope.Scope> =>
  Effect.flatMap(
    Effect.acquireRelease(Scope.make(), (scope, exit) => released(scope, exit, buildTimeout)),
    (scope) =>
      Scope.extend(build, scope).pipe(
        // Whatever cannot be interrupted is left behind.
        Effect.disconnect,
        Effect.interruptible,
        Effect.timeoutFail({
          duration: buildTimeout,
          onTimeout: () => error(place, "BuildTimeout", "building it took too long, and was given up")
        }),
        Effect.catchAllCause((cause) => Effect.fail(failure(place, cause)))
      )
  )

const makers: Readonly<Record<Plugin.Kind, string>> = {
  tools: "tools",
  transports: "transport",
  guards: "guard",
  hooks: "hooks",
  selectors: "selector",
  stores: "store",
  commands: "command"
}

const released = (
  scope: Scope.CloseableScope,
  exit: Exit.Exit<unknown, unknown>,
  buildTimeout: Duration.DurationInput
) =>
  Scope.close(scope, exit).pipe(
    Effect.disconnect,
    // Releasing cannot be interrupted by itself, and so would not end in time.
    Effect.interruptible,
    Effect.timeoutOption(buildTimeout),
    Effect.catchAllCause((cause) => Effect.logWarning("A plugin failed to release what it held", cause))
  )

const failure = (place: Pick<Place, "plugin" | "kind" | "name">, cause: Cause.Cause<unknown>): PluginError => {
  const problem = Cause.squash(cause)
  if (problem instanceof PluginError) return problem
  if (problem instanceof WrongSettings) {
    const detail = problem.wrong.map(({ expected, key, variable }) => `${key} (${variable}): ${expected}`).join("; ")
    return error(place, "InvalidSettings", `its settings are not right: ${detail}`, problem.wrong)
  }
  return Cause.isFailure(cause) && !Cause.isDie(cause)
    ? error(place, "BuildFailed", `building it failed: ${said(problem)}`)
    : error(place, "BuildDied", `building it failed unexpectedly: ${said(problem)}`)
}

/** In one line, and not for ever. Whatever was thrown. */
const said = (cause: unknown): string => {
  try {
    const text = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause)
    return text.replace(/\s+/g, " ").trim().slice(0, 300)
  } catch {
    return "nothing that could be told"
  }
}
