/**
 * Transport for a model in this process: llama.cpp through the optional peer `node-llama-cpp`, which is loaded when a model
 * is. One model serves many runs at once; its weights, and everything made of them, are freed with the scope.
 */

import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { LlamaModel } from "node-llama-cpp"
import * as Deltas from "../domain/Delta.ts"
import type { ModelInfo } from "../domain/ModelInfo.ts"
import type { Failure } from "./internal/failure.ts"
import * as Loading from "./internal/llamaCpp.ts"
import type { Admitted } from "./internal/llamaCppEngine.ts"
import { Engine } from "./internal/llamaCppEngine.ts"
import { vendor } from "./internal/llamaCppHistory.ts"
import * as Models from "./Models.ts"
import * as Transport from "./Transport.ts"
import type { Replay } from "./TransportError.ts"
import { TransportError } from "./TransportError.ts"

/**
 * How a loaded model is used.
 *
 * **Details**
 *
 * - `sequences`: how many requests are answered at once; the others wait, first come, first served. Default 1. Each has a
 *   window of its own, and each costs memory for it.
 * - `contextLength`: tokens of that window. Default: as many as the model was trained for and memory allows.
 * - `threads`: of the processor, for a model that is not on a graphics card. Default: the library's choice.
 * - `settings`: for requests that do not say otherwise.
 * - `id`: what the model is called. Default: the name of its file without `.gguf`.
 * - `modelInfo`: what is known about the model, over what it tells about itself and the registry of `Models` says.
 *
 * @category models
 * @since 0.1.0
 */
export interface ModelOptions {
  readonly sequences?: number | undefined
  readonly contextLength?: number | undefined
  readonly threads?: number | undefined
  readonly settings?: Transport.Settings | undefined
  readonly id?: string | undefined
  readonly modelInfo?: Partial<Omit<ModelInfo, "id" | "vendor">> | undefined
}

/**
 * Where a model is, and what it runs on.
 *
 * **Details**
 *
 * - `modelPath`: a file in the GGUF format.
 * - `gpu`: what to compute on. `"auto"`, the default, takes the best there is; `false` the processor alone.
 * - `gpuLayers`: how many layers go to the graphics card. Default: as many as fit.
 *
 * @category models
 * @since 0.1.0
 */
export interface LoadOptions {
  readonly modelPath: string
  readonly gpu?: "auto" | "cuda" | "metal" | "vulkan" | false | undefined
  readonly gpuLayers?: "auto" | "max" | number | undefined
}

/**
 * Options of a model that is loaded by its layer.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends LoadOptions, ModelOptions {}

/**
 * A model that is in memory: a `LlamaModel` of `node-llama-cpp`.
 *
 * @category models
 * @since 0.1.0
 */
export interface LoadedModel {
  readonly filename: string | undefined
  readonly trainContextSize: number
  readonly disposed: boolean
  readonly dispose: () => Promise<void>
}

/**
 * Why a model cannot be used.
 *
 * **Details**
 *
 * - `NotInstalled`: the package is missing. `NoBinary`: it has nothing for this machine. `FileMissing`, `NotAModel`: the
 *   file. `Unsupported`: a model that this version of the engine does not know. `OutOfMemory`: weights or window do not fit.
 *   `Closed`: the model was disposed of. `Failed`: anything else, in the library's words.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ErrorReason = Schema.Literal(
  "NotInstalled",
  "NoBinary",
  "FileMissing",
  "NotAModel",
  "Unsupported",
  "OutOfMemory",
  "Closed",
  "Failed"
)
export type ErrorReason = typeof ErrorReason.Type

/**
 * A model could not be loaded.
 *
 * @category errors
 * @since 0.1.0
 */
export class LlamaCppError extends Schema.TaggedError<LlamaCppError>()("LlamaCppError", {
  reason: ErrorReason,
  detail: Schema.String,
  modelPath: Schema.optional(Schema.String)
}) {
  override get message(): string {
    return `${this.modelPath ?? "node-llama-cpp"}: ${this.reason}: ${this.detail}`
  }
}

/**
 * Loads a model, for several transports with settings of their own. It is freed with the scope.
 *
 * @see {@link fromModel} for a transport of it
 * @see {@link layer} when one transport is enough
 * @category constructors
 * @since 0.1.0
 */
export const load = (
  options: LoadOptions
): Effect.Effect<LoadedModel, LlamaCppError | ConfigError.ConfigError, Scope.Scope> => loaded(options)

/**
 * Makes a transport of a model that is loaded already, by `load` or by `node-llama-cpp` itself. The weights are shared and
 * stay whose they are; the window is the transport's own and freed with the scope.
 *
 * **Details**
 *
 * - A prompt whose beginning was evaluated before is not evaluated again, as long as its sequence was not needed otherwise.
 *   Usage counts what was known as read from the cache.
 * - `settings.extra` takes `topK`, `minP`, `repeatPenalty`, `dryRepeatPenalty`, `xtc` and `thoughtTokens`; anything else is
 *   refused. `reasoningEffort` knows `"none"`; other efforts leave it to the model.
 * - Arguments of tools and structured answers are bound by a grammar, so that they always decode; `toolChoice` is obeyed.
 * - Errors: `ContextOverflow` before anything is evaluated. Nothing of a conversation is dropped in silence; an answer that
 *   reaches the end of the window ends with reason `length`. After the scope requests fail with `InvalidRequest`.
 *
 * **Gotchas**
 *
 * A grammar knows no numeric bounds, no patterns and no formats but those of dates. A model that has to call a tool or to
 * answer in a form does not think first.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromModel = (
  model: LoadedModel,
  options: ModelOptions = {}
): Effect.Effect<Transport.Service, LlamaCppError | ConfigError.ConfigError, Scope.Scope> =>
  Effect.gen(function* () {
    const library = yield* attempt(undefined, () => Loading.library())
    if (!(model instanceof library.LlamaModel)) {
      return yield* new LlamaCppError({
        reason: "Failed",
        detail: "This is no model of node-llama-cpp, or one of another copy of it than the one that is found here."
      })
    }
    return yield* serve(library, model, options)
  })

/**
 * Makes a transport of a model that is loaded for it.
 *
 * @see {@link fromModel} for what it does
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  options: Options
): Effect.Effect<Transport.Service, LlamaCppError | ConfigError.ConfigError, Scope.Scope> =>
  Effect.flatMap(loaded(options), (model) => fromModel(model, options))

/**
 * Layer of a transport with a model of its own. The model is loaded with the layer and freed with it.
 *
 * @see {@link make} for what it does
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options): Layer.Layer<Transport.Transport, LlamaCppError | ConfigError.ConfigError> =>
  Layer.scoped(Transport.Transport, make(options))

/**
 * Layer of a transport that shares a loaded model with others.
 *
 * @see {@link fromModel} for what it does
 * @category layers
 * @since 0.1.0
 */
export const layerModel = (
  model: LoadedModel,
  options?: ModelOptions | undefined
): Layer.Layer<Transport.Transport, LlamaCppError | ConfigError.ConfigError> =>
  Layer.scoped(Transport.Transport, fromModel(model, options))

/**
 * Layer of a transport whose options are read from configuration, each on its own.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  options: { readonly [Name in keyof Options]: Config.Config<Options[Name]> }
): Layer.Layer<Transport.Transport, LlamaCppError | ConfigError.ConfigError> =>
  Layer.scoped(
    Transport.Transport,
    // `Config.all` keeps the names and loses which of them are optional.
    Effect.flatMap(Config.all(options) as Config.Config<Options>, make)
  )

// internal

const loaded = (
  options: LoadOptions
): Effect.Effect<LlamaModel, LlamaCppError | ConfigError.ConfigError, Scope.Scope> =>
  Effect.gen(function* () {
    const modelPath = options.modelPath
    if (modelPath.trim() === "") {
      return yield* invalid("modelPath", "Expected modelPath to be the path of a GGUF file.")
    }
    const library = yield* attempt(modelPath, () => Loading.library())
    const gpu = options.gpu ?? "auto"
    const engine = yield* Effect.acquireRelease(
      attempt(modelPath, () => Loading.start(library, gpu)),
      () => Effect.promise(() => Loading.stop(gpu))
    )
    return yield* held(attempt(modelPath, (signal) => Loading.load(library, engine, options, signal)))
  })

const serve = (
  library: Loading.Library,
  model: LlamaModel,
  options: ModelOptions
): Effect.Effect<Transport.Service, LlamaCppError | ConfigError.ConfigError, Scope.Scope> =>
  Effect.gen(function* () {
    const path = model.filename
    const contextLength = yield* count("contextLength", options.contextLength)
    const sequences = (yield* count("sequences", options.sequences)) ?? 1
    const threads = yield* count("threads", options.threads)
    const context = yield* held(
      attempt(path, (signal) => Loading.contextOf(library, model, { contextLength, sequences, threads }, signal))
    )
    const wrapper = yield* attempt(path, async () => Loading.wrapperOf(library, model))
    const info = yield* Models.resolve(vendor, options.id ?? nameOf(path), {
      contextWindow: context.contextSize,
      capabilities: [
        "tools",
        "structured-output",
        ...(wrapper.settings.segments?.thought === undefined ? [] : (["reasoning"] as const))
      ],
      price: { input: 0, output: 0 },
      ...options.modelInfo
    })
    const engine = yield* Effect.acquireRelease(
      Effect.sync(
        () => new Engine({ library, model, context, wrapper, settings: options.settings ?? {}, name: info.id })
      ),
      (engine) => Effect.promise(() => engine.close())
    )
    return { model: info, open: (request) => open(engine, info, request) }
  })

/** What takes long to get, and may be given up meanwhile; once it is there it is disposed of with the scope. */
const held = <A extends { readonly dispose: () => Promise<void> }>(
  acquire: Effect.Effect<A, LlamaCppError>
): Effect.Effect<A, LlamaCppError, Scope.Scope> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.tap(restore(acquire), (held) => Effect.addFinalizer(() => Effect.promise(() => held.dispose())))
  )

const open = (
  engine: Engine,
  info: ModelInfo,
  request: Transport.Request
): Effect.Effect<Transport.Pull, TransportError, Scope.Scope> =>
  Effect.gen(function* () {
    const plan = yield* Effect.promise(() => engine.plan(request))
    if ("_tag" in plan) return yield* errorOf(info, plan, "safe")
    // In this order, so that a place in the queue or a sequence is given back however this ends.
    const admitted = yield* Effect.acquireRelease(
      Effect.sync(() => engine.admit(plan)),
      ({ left }) => Effect.promise(left)
    )
    yield* Effect.async<void>((resume) => {
      admitted.answer.onNews = () => resume(Effect.void)
      admitted.start(() => resume(Effect.void))
    })
    return pullOf(engine, info, admitted)
  })

const pullOf = (engine: Engine, info: ModelInfo, { answer }: Admitted): Transport.Pull => {
  const news = Effect.async<void>((resume) => {
    answer.onNews = () => resume(Effect.void)
    if (answer.hasNews) resume(Effect.void)
  })
  const pull: Transport.Pull = Effect.suspend(() => {
    const deltas = answer.take()
    if (deltas.length > 0) return Effect.succeed(Deltas.priced(deltas, info))
    if (!answer.isDone) return Effect.zipRight(news, pull)
    if (answer.failure === undefined) return Effect.fail(Option.none())
    const replay = answer.started ? "acknowledged" : "safe"
    return Effect.fail(Option.some(errorOf(info, engine.failureOf(answer.failure), replay)))
  })
  return pull
}

const errorOf = (info: ModelInfo, reason: Failure, replay: Replay): TransportError =>
  new TransportError({ vendor: info.vendor, model: info.id, reason, replay })

const attempt = <A>(
  modelPath: string | undefined,
  evaluate: (signal: AbortSignal) => Promise<A>
): Effect.Effect<A, LlamaCppError> =>
  Effect.tryPromise({
    try: evaluate,
    catch: (error) =>
      new LlamaCppError({
        reason: error instanceof Loading.Failed ? error.trouble : "Failed",
        detail: Loading.wordsOf(error),
        modelPath
      })
  })

const invalid = (field: string, message: string): Effect.Effect<never, ConfigError.ConfigError> =>
  Effect.fail(ConfigError.InvalidData([field], message))

const count = (field: string, value: number | undefined): Effect.Effect<number | undefined, ConfigError.ConfigError> =>
  value === undefined || (Number.isInteger(value) && value > 0)
    ? Effect.succeed(value)
    : invalid(field, `Expected ${field} to be a whole number above 0.`)

const nameOf = (path: string | undefined): string => (path ?? "model").replace(/^.*[\\/]/, "").replace(/\.gguf$/i, "")
