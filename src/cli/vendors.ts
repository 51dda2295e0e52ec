/**
 * Finds out which model to talk to: from the flags, else from the environment in a fixed order, else a local Ollama,
 * else none at all. It always knows why, and never falls back in silence from what was asked for.
 */
import * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import { distance } from "../internal/nearest.ts"
import * as ModelString from "../transport/ModelString.ts"
import * as Models from "../transport/Models.ts"
import type { Options } from "./args.ts"
import type { Environment } from "./environment.ts"
import { UsageError } from "./errors.ts"
import { isHttp, withoutSecrets } from "./internal/address.ts"

/**
 * The model that was chosen, and why.
 *
 * @category models
 * @since 0.1.0
 */
export type Choice =
  | { readonly _tag: "Offline"; readonly why: string }
  | {
      readonly _tag: "Online"
      /** A word for messages: `openai`, `groq` … */
      readonly vendor: string
      readonly model: string
      /** Where it is, if not where the vendor always is. */
      readonly baseUrl: string | undefined
      readonly key: Redacted.Redacted | undefined
      /** The variable that the key came from, or should. */
      readonly variable: string | undefined
      readonly why: string
      /** What the transport is made of. */
      readonly named: ModelString.ModelString
    }

/** The vendors that are looked for, in order, with the model that is asked when none is named. */
const detected: ReadonlyArray<readonly [vendor: string, model: string]> = [
  ["openai", "gpt-6-luna"],
  ["anthropic", "claude-haiku-5-5"],
  ["google", "gemini-3.8-flash"],
  ["openrouter", "openai/gpt-5-mini"],
  ["groq", "openai/gpt-oss-120b"],
  ["deepseek", "deepseek-flash"],
  ["mistral", "mistral-small-latest"],
  ["xai", "grok-4.7"],
  ["together", "openai/gpt-oss-120b"],
  ["cerebras", "gpt-oss-120b"],
  ["fireworks", "accounts/fireworks/models/gpt-oss-120b"],
  ["moonshot", "kimi-k2.6"],
  ["zai", "glm-5.2"],
  ["qwen", "qwen3.7-plus"]
]

/** Where something was asked for, if not by its flag. */
interface Said {
  readonly said?: { readonly baseUrl?: string | undefined; readonly offline?: string | undefined } | undefined
}

type Read = (name: string) => string | undefined

/**
 * Chooses the model.
 *
 * **Details**
 *
 * - Order: `--offline`; a vendor named in `--model vendor:id`; `--base-url` or `OPENAI_BASE_URL`; the first key that is
 *   set, or for a model without a vendor the first whose vendor is known to have it; a local Ollama; offline.
 * - `registered`: names of transports of plugins, which `--model` may name, too.
 * - Looks at the network only for an Ollama (100 ms, or a second when `OLLAMA_HOST` names one) and for the models of a
 *   server of one's own when none is named.
 *
 * @category constructors
 * @since 0.1.0
 */
export const choose = (
  options: Pick<Options, "baseUrl" | "model" | "offline"> & Said,
  environment: Environment,
  registered: ReadonlyArray<string> = []
): Effect.Effect<Choice, UsageError> =>
  Effect.gen(function* () {
    const { said = {} } = options
    if (options.offline) return { _tag: "Offline", why: `as asked by ${said.offline ?? "--offline"}` }
    const read: Read = (name) => environment[name]?.trim() || undefined
    const text = options.model ?? read("AXONAL_MODEL")
    const other = text === undefined ? undefined : Either.getOrUndefined(ModelString.parse(text, { registered }))
    if (other?.vendor.transport === "Registered") return online(other, read, "a plugin has it")
    if (text !== undefined && isNamed(text)) return yield* named(yield* parse(text), options.baseUrl, read)
    // An address without a vendor is that of any server that speaks the usual protocol.
    if (text !== undefined && /@https?:/.test(text)) {
      return yield* named(yield* parse(`compatible:${text}`), options.baseUrl, read)
    }
    const baseUrl = options.baseUrl ?? read("OPENAI_BASE_URL")
    if (baseUrl !== undefined) {
      const source = options.baseUrl === undefined ? "OPENAI_BASE_URL" : (said.baseUrl ?? "--base-url")
      return yield* custom(baseUrl, text, read, source)
    }
    const present = detected.flatMap(([name, model]) => {
      const vendor = ModelString.vendorOf(name)
      const variable = vendor?.variables.find((variable) => read(variable) !== undefined)
      return vendor === undefined || variable === undefined ? [] : [{ vendor, variable, model }]
    })
    const models = yield* Models.Models
    if (text !== undefined) yield* refuseTypo(text, models)
    const id = text?.split(";")[0]
    const knowing = id === undefined ? undefined : present.find(({ vendor }) => models.find(vendor.name, id))
    const chosen = knowing ?? present[0]
    if (chosen === undefined) return yield* local(read("OLLAMA_HOST"), text, false)
    return online(yield* parse(text ?? chosen.model, chosen.vendor), read, `${chosen.variable} is set`)
  })

/**
 * One line for the person: which vendor, which model, and why.
 *
 * @category converters
 * @since 0.1.0
 */
export const announce = (choice: Choice): string =>
  choice._tag === "Offline" ? `offline, no model (${choice.why})` : `${choice.vendor} ${choice.model} (${choice.why})`

// internal

/** `groq:llama` names a vendor; `llama3.2:1b` does not, because no vendor is called so. */
const isNamed = (text: string): boolean => {
  const word = text.split(/[:;]/)[0] ?? ""
  const vendor = ModelString.vendorOf(word)
  return vendor !== undefined && (text.includes(":") || vendor.name === "offline")
}

/** Reads a model string; its problem is one of usage. */
const parse = (text: string, vendor?: ModelString.Vendor): Effect.Effect<ModelString.ModelString, UsageError> =>
  Either.match(ModelString.parse(text, { vendor }), {
    onLeft: (error) => new UsageError({ message: problemOf(error) }),
    onRight: Effect.succeed
  })

/** What is wrong with a model, without the full stop that the line of an error adds. */
const problemOf = (error: ConfigError.ConfigError): string =>
  (ConfigError.isInvalidData(error) ? error.message : String(error)).replace(/\.$/, "")

/** `opnai:gpt-5-mini` is a vendor misspelled and no model of anybody's; `qwen3:8b` is a model. */
const refuseTypo = (text: string, { all }: Models.Service): Effect.Effect<void, UsageError> => {
  const [, word, model] = /^([a-z.]+):([^;@]+)/i.exec(text) ?? []
  if (word === undefined || model === undefined) return Effect.void
  const isNear = ModelString.vendors.some(({ name }) => distance(word.toLowerCase(), name) === 1)
  return isNear || all.some(({ id }) => id === model) ? Effect.asVoid(parse(text)) : Effect.void
}

/** A model with an address between its name and its flags. */
const withAddress = (model: string, url: string): string => {
  const flags = model.includes(";") ? model.indexOf(";") : model.length
  return `${model.slice(0, flags)}@${url.replaceAll(";", "%3B")}${model.slice(flags)}`
}

/** What is known about a model string whose key is in place. */
const online = (
  named: ModelString.ModelString,
  read: Read,
  why: string,
  vendor = named.vendor.name
): Choice & { readonly _tag: "Online" } => {
  const { flags, model } = named
  const ours = named.vendor.variables.find((variable) => read(variable) !== undefined) ?? named.vendor.variables[0]
  const variable = flags.key ?? ours
  const text = named.baseUrl !== undefined && flags.key === undefined ? undefined : variable && read(variable)
  const key = text === undefined ? undefined : Redacted.make(text)
  return { _tag: "Online", vendor, model, baseUrl: named.baseUrl, key, variable, why, named }
}

/** A vendor that somebody named: it is asked, or it is said why not. */
const named = (
  parsed: ModelString.ModelString,
  baseUrl: string | undefined,
  read: Read
): Effect.Effect<Choice, UsageError> =>
  Effect.gen(function* () {
    const { flags, vendor } = parsed
    if (vendor.name === "offline") return { _tag: "Offline", why: "as asked by the model" }
    if (baseUrl !== undefined && parsed.baseUrl !== undefined) {
      return yield* new UsageError({ message: "the model has an address already: leave out --base-url" })
    }
    const key = flags.key ?? vendor.variables.find((variable) => read(variable) !== undefined)
    // Whoever names both a vendor and a server of his own on the command line wants the vendor's key to go there.
    const at =
      baseUrl === undefined ? parsed : { ...parsed, baseUrl, flags: key === undefined ? flags : { ...flags, key } }
    const wanted = flags.key ?? (at.baseUrl === undefined ? vendor.variables[0] : undefined)
    if (wanted !== undefined && (key === undefined || read(key) === undefined)) {
      return yield* new UsageError({ message: `${vendor.name} needs a key: set ${wanted}` })
    }
    if (vendor.name === "ollama") return yield* local(at.baseUrl ?? read("OLLAMA_HOST"), at, true)
    const where = at.baseUrl === undefined ? "as named" : `at ${withoutSecrets(at.baseUrl)}`
    const isSent = key !== undefined && (at.baseUrl === undefined || at.flags.key !== undefined)
    return online(at, read, isSent ? `${key} is set` : where)
  })

/** A server that somebody named. Asked for its models when no model is named. */
const custom = (
  baseUrl: string,
  text: string | undefined,
  read: Read,
  source: string
): Effect.Effect<Choice, UsageError> =>
  Effect.gen(function* () {
    if (!isHttp(baseUrl)) return yield* new UsageError({ message: `${source} is not an http or https address` })
    const url = baseUrl.replace(/\/+$/, "")
    const variable = "OPENAI_API_KEY"
    const key = read(variable)
    const found = text ?? (yield* Effect.promise(() => modelsOf(`${url}/models`, key, 2000)))?.[0]
    if (found === undefined) {
      return yield* new UsageError({
        message: `no model is named and ${withoutSecrets(url)} does not list any: add --model ID, or check that the server runs`
      })
    }
    const parsed = yield* parse(`compatible:${withAddress(found, url)}`)
    // The key of a server of one's own is in the usual place, unless the model says otherwise.
    const flags = key === undefined ? parsed.flags : { key: variable, ...parsed.flags }
    return online({ ...parsed, flags }, read, `${source} is ${withoutSecrets(url)}`, "openai-compatible")
  })

/** An Ollama on this machine, or where `OLLAMA_HOST` says; offline when there is none, unless something was asked for. */
const local = (
  host: string | undefined,
  model: string | ModelString.ModelString | undefined,
  named: boolean
): Effect.Effect<Choice, UsageError> =>
  Effect.gen(function* () {
    const url = address(host)
    const models = yield* Effect.promise(() => modelsOf(`${url}/v1/models`, undefined, host === undefined ? 100 : 1000))
    const found = model ?? models?.[0]
    if (models !== undefined && found !== undefined) {
      const parsed = typeof found === "string" ? yield* parse(found, ModelString.vendorOf("ollama")) : found
      const choice = online({ ...parsed, baseUrl: url }, () => undefined, `Ollama runs at ${withoutSecrets(url)}`)
      return { ...choice, variable: "OLLAMA_HOST" }
    }
    const none =
      models === undefined ? `no Ollama at ${withoutSecrets(url)}` : "Ollama has no model; ollama pull gets one"
    if (named) return yield* new UsageError({ message: none })
    if (model !== undefined) {
      return yield* new UsageError({
        message: `there is nobody to ask for the model ${typeof model === "string" ? model : model.model}: no key is set (see --help) and there is ${none}`
      })
    }
    return { _tag: "Offline", why: `no key is set and ${models === undefined ? "there is " : ""}${none}` }
  })

const address = (host: string | undefined): string => {
  const port = 11_434
  if (host === undefined) return `http://127.0.0.1:${port}`
  const text = /^https?:\/\//.test(host) ? host : `http://${host}`
  if (!isHttp(text)) return text
  const url = new URL(text)
  if (url.hostname === "0.0.0.0") url.hostname = "127.0.0.1"
  if (url.port === "" && url.protocol === "http:") url.port = String(port)
  return url.href.replace(/\/+$/, "").replace(/\/v1$/, "")
}

/** The models that a server lists, or nothing when it does not answer in time. */
const modelsOf = async (
  url: string,
  key: string | undefined,
  timeoutMillis: number
): Promise<ReadonlyArray<string> | undefined> => {
  const { get } = await (url.startsWith("https:") ? import("node:https") : import("node:http"))
  return new Promise((resolve) => {
    const fail = () => resolve(undefined)
    if (!URL.canParse(url)) return fail()
    const headers = key === undefined ? {} : { authorization: `Bearer ${key}` }
    const request = get(url, { headers, agent: false, signal: AbortSignal.timeout(timeoutMillis) }, (response) => {
      let text = ""
      response.setEncoding("utf8")
      response.on("data", (chunk: string) => {
        text += chunk
      })
      response.on("error", fail)
      response.on("end", () => resolve(response.statusCode === 200 ? idsOf(text) : undefined))
    })
    request.on("error", fail)
  })
}

const idsOf = (text: string): ReadonlyArray<string> | undefined => {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== "object" || value === null || !("data" in value)) return undefined
    const data: unknown = value.data
    if (!Array.isArray(data)) return data === null ? [] : undefined
    return data.flatMap((item: unknown) =>
      typeof item === "object" && item !== null && "id" in item && typeof item.id === "string" ? [item.id] : []
    )
  } catch {
    return undefined
  }
}
