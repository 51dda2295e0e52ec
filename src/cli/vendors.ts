/**
 * Finds out which model to talk to: from the flags, else from the environment in a fixed order, else a local Ollama,
 * else none at all. It always knows why, and never falls back in silence from what was asked for.
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { Options } from "./args.ts"
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
      readonly baseUrl: string
      readonly key: Redacted.Redacted | undefined
      /** The variable that the key came from, or should. */
      readonly variable: string
      readonly why: string
    }

interface Vendor {
  readonly name: string
  readonly variable: string
  readonly baseUrl: string
  readonly model: string
}

const openai: Vendor = {
  name: "openai",
  variable: "OPENAI_API_KEY",
  baseUrl: "https://api.openai.com/v1",
  model: "gpt-5-mini"
}

/** In the order in which they are looked for. */
const vendors: ReadonlyArray<Vendor> = [
  openai,
  {
    name: "openrouter",
    variable: "OPENROUTER_API_KEY",
    baseUrl: "https://openrouter.ai/api/v1",
    model: "openai/gpt-5-mini"
  },
  {
    name: "groq",
    variable: "GROQ_API_KEY",
    baseUrl: "https://api.groq.com/openai/v1",
    model: "llama-3.3-70b-versatile"
  },
  { name: "deepseek", variable: "DEEPSEEK_API_KEY", baseUrl: "https://api.deepseek.com/v1", model: "deepseek-chat" },
  {
    name: "mistral",
    variable: "MISTRAL_API_KEY",
    baseUrl: "https://api.mistral.ai/v1",
    model: "mistral-small-latest"
  },
  { name: "xai", variable: "XAI_API_KEY", baseUrl: "https://api.x.ai/v1", model: "grok-4" },
  {
    name: "together",
    variable: "TOGETHER_API_KEY",
    baseUrl: "https://api.together.xyz/v1",
    model: "meta-llama/Llama-3.3-70B-Instruct-Turbo"
  }
]

const ollama = "ollama"

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Chooses the model.
 *
 * **Details**
 *
 * - Order: `--offline`; a vendor named in `--model vendor:id`; `--base-url` or `OPENAI_BASE_URL`; the first key that is
 *   set; a local Ollama; offline.
 * - Looks at the network only for an Ollama (100 ms, or a second when `OLLAMA_HOST` names one) and for the models of a
 *   server of one's own when none is named.
 *
 * @category constructors
 * @since 0.1.0
 */
export const choose = (
  options: Pick<Options, "baseUrl" | "model" | "offline">,
  environment: Environment
): Effect.Effect<Choice, UsageError> =>
  Effect.gen(function* () {
    if (options.offline) return { _tag: "Offline", why: "as asked by --offline" }
    const read = (name: string): string | undefined => environment[name]?.trim() || undefined
    const wanted = split(options.model ?? read("AXONAL_MODEL"))
    if (wanted.vendor === ollama) return yield* local(read("OLLAMA_HOST"), wanted.model, true)
    const baseUrl = options.baseUrl ?? (wanted.vendor === undefined ? read("OPENAI_BASE_URL") : undefined)
    if (baseUrl !== undefined && wanted.vendor === undefined) {
      return yield* custom(baseUrl, wanted.model, read(openai.variable), options.baseUrl !== undefined)
    }
    const vendor = vendors.find(({ name, variable }) =>
      wanted.vendor === undefined ? read(variable) !== undefined : name === wanted.vendor
    )
    const key = vendor === undefined ? undefined : read(vendor.variable)
    if (vendor !== undefined && key === undefined) {
      return yield* new UsageError({ message: `${vendor.name} needs a key: set ${vendor.variable}` })
    }
    if (vendor === undefined || key === undefined) return yield* local(read("OLLAMA_HOST"), wanted.model, false)
    return {
      _tag: "Online",
      vendor: vendor.name,
      model: wanted.model ?? vendor.model,
      baseUrl: options.baseUrl ?? vendor.baseUrl,
      key: Redacted.make(key),
      variable: vendor.variable,
      why: `${vendor.variable} is set`
    }
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
const split = (model: string | undefined): { readonly vendor?: string; readonly model?: string | undefined } => {
  const colon = model?.indexOf(":") ?? -1
  const vendor = model?.slice(0, Math.max(colon, 0)) ?? ""
  return vendor === ollama || vendors.some(({ name }) => name === vendor)
    ? { vendor, model: model?.slice(colon + 1) || undefined }
    : { model }
}

/** A server that somebody named. Asked for its models when no model is named. */
const custom = (
  baseUrl: string,
  model: string | undefined,
  key: string | undefined,
  byFlag: boolean
): Effect.Effect<Choice, UsageError> =>
  Effect.gen(function* () {
    const source = byFlag ? "--base-url" : "OPENAI_BASE_URL"
    if (!isHttp(baseUrl)) return yield* new UsageError({ message: `${source} is not an http or https address` })
    const url = baseUrl.replace(/\/+$/, "")
    const found = model ?? (yield* Effect.promise(() => modelsOf(`${url}/models`, key, 2000)))?.[0]
    if (found === undefined) {
      return yield* new UsageError({
        message: `no model is named and ${withoutSecrets(url)} does not list any: add --model ID, or check that the server runs`
      })
    }
    return {
      _tag: "Online",
      vendor: "openai-compatible",
      model: found,
      baseUrl: url,
      key: key === undefined ? undefined : Redacted.make(key),
      variable: openai.variable,
      why: `${source} is ${withoutSecrets(url)}`
    }
  })

/** An Ollama on this machine, or where `OLLAMA_HOST` says; offline when there is none, unless something was asked for. */
const local = (
  host: string | undefined,
  model: string | undefined,
  named: boolean
): Effect.Effect<Choice, UsageError> =>
  Effect.gen(function* () {
    const url = address(host)
    const models = yield* Effect.promise(() => modelsOf(`${url}/v1/models`, undefined, host === undefined ? 100 : 1000))
    const found = model ?? models?.[0]
    if (models !== undefined && found !== undefined) {
      const baseUrl = `${url}/v1`
      const why = `Ollama runs at ${withoutSecrets(url)}`
      return { _tag: "Online", vendor: ollama, model: found, baseUrl, key: undefined, variable: "OLLAMA_HOST", why }
    }
    const none =
      models === undefined ? `no Ollama at ${withoutSecrets(url)}` : "Ollama has no model; ollama pull gets one"
    if (named) return yield* new UsageError({ message: none })
    if (model !== undefined) {
      return yield* new UsageError({
        message: `there is nobody to ask for the model ${model}: no key is set (see --help) and there is ${none}`
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
  return url.href.replace(/\/+$/, "")
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
