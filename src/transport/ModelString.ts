/**
 * A model in one line, for configuration and command lines: `vendor:model@url;flag;flag=value`. `parse` reads it, `layer`
 * makes the transport that it names. Only that transport is loaded.
 */
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import type * as HttpTransport from "./HttpTransport.ts"
import * as ModelFlags from "./internal/modelFlags.ts"
import * as Vendors from "./internal/vendors.ts"
import * as Models from "./Models.ts"
import type { Transport } from "./Transport.ts"

/**
 * A vendor as a model string names it: what it is called, which module speaks to it, and where its key is.
 *
 * @category models
 * @since 0.1.0
 */
export interface Vendor extends Vendors.Vendor {}

/**
 * What the flags of a model string say.
 *
 * @category models
 * @since 0.1.0
 */
export interface Flags extends ModelFlags.Flags {}

/**
 * A model string, read.
 *
 * **Details**
 *
 * - `model`: as the vendor calls it; it may hold `:`, `/` and `@`. Empty for `offline`.
 * - `baseUrl`: where to send requests instead. No key is sent there but one that `key=NAME` names.
 *
 * @category models
 * @since 0.1.0
 */
export interface ModelString {
  readonly vendor: Vendor
  readonly model: string
  readonly baseUrl?: string | undefined
  readonly flags: Flags
}

/**
 * A transport that model strings name by a name of its own, for vendors that are not known here.
 *
 * @category models
 * @since 0.1.0
 */
export interface Registration {
  readonly name: string
  readonly layer: (model: ModelString) => Layer.Layer<Transport, ConfigError.ConfigError, HttpClient.HttpClient>
}

/**
 * The transports that model strings can name besides those of `vendors`, which go before them. None unless provided.
 *
 * @category references
 * @since 0.1.0
 */
export class Registered extends Context.Reference<Registered>()("axonal/transport/ModelString/Registered", {
  defaultValue: (): ReadonlyArray<Registration> => []
}) {}

/**
 * The vendors that a model string can name.
 *
 * @category constructors
 * @since 0.1.0
 */
export const vendors: ReadonlyArray<Vendor> = Vendors.vendors

/**
 * The flags of a model string and what they mean, for people.
 *
 * @category constructors
 * @since 0.1.0
 */
export const flags: ReadonlyArray<readonly [flag: string, meaning: string]> = ModelFlags.help

/**
 * The vendor with this name or alias, in any case.
 *
 * @category constructors
 * @since 0.1.0
 */
export const vendorOf = (name: string): Vendor | undefined => {
  const wanted = name.trim().toLowerCase()
  return vendors.find(({ aliases, name }) => name === wanted || aliases.includes(wanted))
}

/**
 * Reads a model string. The error says what is valid instead.
 *
 * **Details**
 *
 * - The first colon ends the vendor when a vendor is called so. The first `@http://` or `@https://` begins the address, and
 *   the first `;` after these the flags, as listed by `flags`.
 * - `vendor`: whose model it is when the text names no vendor; it then may hold a colon anywhere.
 * - `registered`: names of other vendors that the text may name, as in `Registered`.
 * - Whether the vendor has such a model is not asked here, but when the layer is built.
 *
 * @category constructors
 * @since 0.1.0
 */
export const parse = (
  text: string,
  options?: { readonly vendor?: Vendor | undefined; readonly registered?: ReadonlyArray<string> | undefined }
): Either.Either<ModelString, ConfigError.ConfigError> => {
  const [, head = "", , baseUrl, rest = ""] = /^(.*?)(@(https?:\/\/[^;]*))?(;.*)?$/s.exec(text.trim()) ?? []
  const colon = head.indexOf(":")
  const word = colon < 0 && head.toLowerCase() !== "offline" ? "" : head.slice(0, colon < 0 ? undefined : colon)
  const named = vendorOf(word) ?? registeredAs(word, options?.registered)
  const vendor = named ?? options?.vendor
  if (vendor === undefined) return invalid(withoutVendor(head, colon, options?.registered))
  const model = (named === undefined ? head : colon < 0 ? "" : head.slice(colon + 1)).trim()
  const read = ModelFlags.parse(rest.split(";"))
  const problem = typeof read === "string" ? read : problemOf(vendor, model, baseUrl, read)
  if (typeof read === "string" || problem !== undefined) return invalid(problem ?? "")
  return Either.right({ vendor, model, ...(baseUrl === undefined ? undefined : { baseUrl }), flags: read })
}

/**
 * A model string from configuration.
 *
 * @category constructors
 * @since 0.1.0
 */
export const config = (name: string): Config.Config<ModelString> =>
  Config.mapOrFail(Config.string(name), (text) => parse(text))

/**
 * Layer of the transport that a model string names.
 *
 * **Details**
 *
 * - Flags that say what a model is count for more than the registry. For Ollama `context` is also asked for.
 * - Key: from the variable that `key=NAME` names, else from the vendor's own; with an address only from the former.
 * - A model that the registry of `Models` does not have is taken for a mistake where the registry has all models of the
 *   vendor, unless the text says where it is, something of what it is, or `;unlisted`.
 * - A name of `Registered` leads to the transport that is registered so, which reads flags and addresses as it likes.
 * - `codex` keeps its tokens in a file, and fails unless a `FileSystem` is provided, too.
 *
 * **Gotchas**
 *
 * A model inside this process (`llamacpp`) cannot be named: load it once and share its layer.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  model: string | ModelString
): Layer.Layer<Transport, ConfigError.ConfigError, HttpClient.HttpClient> =>
  Layer.unwrapEffect(
    Effect.gen(function* () {
      const others = yield* Registered
      const registered = others.map(({ name }) => name)
      const parsed = typeof model === "string" ? yield* parse(model, { registered }) : model
      const { transport } = parsed.vendor
      if (transport === "Registered") {
        const other = others.find(({ name }) => name === parsed.vendor.name)
        return other === undefined
          ? yield* Effect.fail(refused(withoutVendor(`${parsed.vendor.name}:`, parsed.vendor.name.length, registered)))
          : other.layer(parsed)
      }
      if (transport === "Offline") return (yield* load(() => import("./Offline.ts"))).layer
      if (transport === "LlamaCpp") return yield* Effect.fail(refused(inProcess))
      const options = yield* optionsOf(parsed)
      // Whose dialect it is follows from the name, or else from the address.
      const { address, name, vendor = name } = parsed.vendor
      const named = { ...options, vendor: address === "required" ? undefined : vendor }
      switch (transport) {
        case "Anthropic":
          return (yield* load(() => import("./Anthropic.ts"))).layer(options)
        case "Codex":
          return Layer.provide((yield* load(() => import("./Codex.ts"))).layer(options), yield* load(files))
        case "Gemini":
          return (yield* load(() => import("./Gemini.ts"))).layer(options)
        case "Ollama": {
          const contextLength = parsed.flags.info.contextWindow
          return (yield* load(() => import("./Ollama.ts"))).layer({ ...options, contextLength })
        }
        case "OpenAiResponses":
          return (yield* load(() => import("./OpenAiResponses.ts"))).layer(named)
        case "OpenAiChat":
          return (yield* load(() => import("./OpenAiChat.ts"))).layer({ ...named, thinkTags: parsed.flags.thinkTags })
      }
    })
  )

/**
 * Layer of the transport that a variable or another source of configuration names.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  model: Config.Config<string | ModelString>
): Layer.Layer<Transport, ConfigError.ConfigError, HttpClient.HttpClient> =>
  Layer.unwrapEffect(Effect.map(model, layer))

// internal

const refused = (message: string): ConfigError.ConfigError => ConfigError.InvalidData(["model"], message)

const invalid = (message: string): Either.Either<never, ConfigError.ConfigError> => Either.left(refused(message))

const names = vendors.map(({ name }) => name).join(", ")

const registeredAs = (word: string, registered: ReadonlyArray<string> = []): Vendor | undefined => {
  const name = registered.find((name) => name.toLowerCase() === word.trim().toLowerCase())
  const vendor = { aliases: [], transport: "Registered", variables: [], address: "optional", isListed: false } as const
  return name === undefined ? undefined : { name, ...vendor }
}

const withoutVendor = (head: string, colon: number, registered: ReadonlyArray<string> = []): string => {
  const valid = [names, ...registered].join(", ")
  if (head === "") return `A model is written vendor:model, such as openai:gpt-5-mini. Vendors: ${valid}.`
  if (colon >= 0) return `"${head.slice(0, colon)}" is no vendor. Vendors: ${valid}.`
  return vendorOf(head) === undefined
    ? `"${head}" names no vendor: write vendor:${head}. Vendors: ${valid}.`
    : `"${head}" is a vendor and names no model: write ${head}:model.`
}

const inProcess =
  "A model inside this process cannot be named, since its weights are loaded once and shared: make one " +
  "LlamaCpp.layer({ modelPath }) and provide it to all that use it. For a llama.cpp server write " +
  "compatible:model@http://127.0.0.1:8080/v1."

/** `@localhost:8000/v1` and the like. What else follows an at sign belongs to the model. */
const withoutScheme = /^(.*)@((?:localhost|\d+(?:\.\d+){3}|[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}|[\w.-]+(?=:\d))(?:[:/].*)?)$/i

const problemOf = (
  { address, name, transport }: Vendor,
  model: string,
  baseUrl: string | undefined,
  flags: Flags
): string | undefined => {
  if (transport === "LlamaCpp") return inProcess
  if (transport === "Offline") {
    return model === "" && baseUrl === undefined ? undefined : "offline has no model and no address: write offline"
  }
  if (model === "") return `${name}: names no model: write ${name}:model.`
  if (baseUrl !== undefined && !URL.canParse(baseUrl))
    return `The address after @ is none: write ${name}:model@https://host.`
  const [, id, host] = withoutScheme.exec(model) ?? []
  if (baseUrl === undefined && host !== undefined) {
    return `An address begins with http:// or https://: write ${name}:${id}@http://${host}.`
  }
  if (baseUrl === undefined && address === "required") {
    return `${name} needs an address: write ${name}:${model}@http://host/v1.`
  }
  if (flags.thinkTags !== undefined && transport !== "OpenAiChat") {
    return "The flag think-tags is for vendors of the Chat Completions API; others tell reasoning apart by themselves."
  }
  return undefined
}

const load = <A>(module: () => Promise<A>): Effect.Effect<A> => Effect.promise(module)

/** Loaded and asked for only by who needs it: most programs that name a model have no use for files. */
const files = async (): Promise<Layer.Layer<FileSystem.FileSystem, ConfigError.ConfigError>> => {
  const { FileSystem } = await import("@effect/platform/FileSystem")
  return Layer.effect(
    FileSystem,
    Effect.flatMap(
      Effect.serviceOption(FileSystem),
      Option.match({
        onNone: () => Effect.fail(refused("codex keeps its tokens in a file: provide a FileSystem too.")),
        onSome: Effect.succeed
      })
    )
  )
}

/** Models that were trained further have ids of their own. */
const isTuned = /^(ft:|tunedModels\/)/

const optionsOf = (parsed: ModelString): Effect.Effect<HttpTransport.Options, ConfigError.ConfigError> =>
  Effect.gen(function* () {
    const { flags, model, vendor } = parsed
    const { all, find } = yield* Models.Models
    const registered = vendor.vendor ?? vendor.name
    const known = find(registered, model)
    const isOdd = known === undefined && vendor.isListed && !isTuned.test(model)
    if (isOdd && parsed.baseUrl === undefined && !ModelFlags.describes(flags)) {
      const elsewhere = all.filter(({ id }) => id === model).map(({ vendor }) => `${vendor}:${model}`)
      if (vendorOf(model) !== undefined) elsewhere.push(`a vendor of that name: ${model}:model`)
      const hint = elsewhere.length > 0 ? `There is ${elsewhere.join(" and ")}. ` : ""
      const valid = all.flatMap(({ id, vendor }) => (vendor === registered ? [id] : []))
      return yield* Effect.fail(
        refused(
          `${vendor.name} has no model ${model} that is known here. ${hint}If it is new or your own add ;unlisted, or what you ` +
            `know of it, such as ;context=400k. Known: ${valid.join(", ")}.`
        )
      )
    }
    const apiKey = yield* keyOf(parsed)
    return {
      model,
      settings: flags.settings,
      modelInfo: ModelFlags.infoOf(flags, known),
      baseUrl: parsed.baseUrl ?? vendor.baseUrl,
      apiKey
    }
  })

const keyOf = ({
  baseUrl,
  flags,
  vendor
}: ModelString): Effect.Effect<Redacted.Redacted | undefined, ConfigError.ConfigError> => {
  // Without an address of ours the transport looks for the key by itself.
  const own = baseUrl === undefined && vendor.baseUrl !== undefined ? vendor.variables[0] : undefined
  const variable = flags.key ?? own
  if (variable === undefined) return Effect.succeed(undefined)
  return Effect.mapError(Config.redacted(variable), (error) =>
    ConfigError.isMissingDataOnly(error)
      ? ConfigError.MissingData(
          [variable],
          `Expected the key of ${vendor.name}. Set ${variable}, or name another variable with ;key=NAME.`
        )
      : error
  )
}
