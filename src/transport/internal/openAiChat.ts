/**
 * The facts in which the many vendors of the Chat Completions API differ. A vendor that is not here is taken for a plain
 * imitation. Nothing here knows of services.
 */
import type { Json } from "./json.ts"

/**
 * In what the vendors of this API differ.
 *
 * **Details**
 *
 * - `limitField`, `seedField`: what they call the output limit and the seed.
 * - `streamUsage`: whether usage has to be asked for; who sends it anyway may refuse the unknown field.
 * - `schema`: how an answer is bound to a schema: by itself, by itself unless tools are offered too, or as the arguments of
 *   a tool that has to be called. `json`: whether a form without a schema is known.
 * - `strict`: whether schemas may be marked as strict.
 * - `effort`: the fields that ask for an amount of reasoning. `unthinking`: those that turn it off where a model that
 *   thinks refuses to be told which tool to call.
 * - `required`: what forces a call of any tool.
 * - `callId`: makes an id of a call acceptable.
 * - `reasoned`: whether a message with calls needs reasoning, even an empty one.
 * - `files`: which files have a place, and how.
 * - `resultImages`: whether pictures may stand in the result of a tool.
 * - `bridged`: whether a user must not speak right after a tool. `named`: whether results repeat the name of the tool.
 *
 * @category models
 * @since 0.1.0
 */
export interface Flavour {
  readonly vendor: string
  readonly limitField: "max_tokens" | "max_completion_tokens"
  readonly seedField: "seed" | "random_seed"
  readonly streamUsage: boolean
  readonly schema: "native" | "native-without-tools" | "tool"
  readonly json: boolean
  readonly strict: boolean
  readonly effort: (effort: string) => Json
  readonly unthinking?: Json | undefined
  readonly required: "required" | "any"
  readonly callId: (id: string) => string
  readonly reasoned: boolean
  readonly files: Files
  readonly resultImages: boolean
  readonly bridged: boolean
  readonly named: boolean
}

/**
 * Which files a vendor has a place for.
 *
 * **Details**
 *
 * - `urls`: whether it fetches pictures and videos; where not, they have to be inline.
 * - `images`: most that one request may hold.
 * - `audio`: as an object with data and format, with a URL in place of the data, as bare base64, or not at all.
 *   `sounds`: the formats, when only these.
 * - `pdf`: the kind of part, if there is one. `pdfUrls`: whether it may be elsewhere.
 *
 * @category models
 * @since 0.1.0
 */
export interface Files {
  readonly urls: boolean
  readonly images?: number | undefined
  readonly audio: "data" | "url" | "base64" | undefined
  readonly sounds?: ReadonlyArray<string> | undefined
  readonly video: boolean
  readonly pdf: "file" | "document_url" | "file_url" | undefined
  readonly pdfUrls: boolean
}

/**
 * The facts about a vendor and one of its models.
 *
 * @category constructors
 * @since 0.1.0
 */
export const flavourOf = (vendor: string, model: string): Flavour => {
  const { files, ...facts } = factsOf(vendor, model)
  return { ...plain, ...facts, vendor, files: { ...plain.files, ...files } }
}

/**
 * The vendor behind a base URL: its name if known, otherwise the host. Ports 11434 and 1234 are those of Ollama and
 * LM Studio.
 *
 * @category converters
 * @since 0.1.0
 */
export const vendorOf = (url: URL): string =>
  hosts.find(([host]) => host.test(url.hostname))?.[1] ?? ports[url.port] ?? url.hostname

// internal

type Known = Partial<Omit<Flavour, "vendor" | "files">> & { readonly files?: Partial<Files> }

/** The effort in the field that most have. */
const effortField = (effort: string): Json => ({ reasoning_effort: effort })

/** The effort, and a switch where there shall be none. */
const orOff =
  (off: Json) =>
  (effort: string): Json =>
    effort === "none" ? off : effortField(effort)

const nested = (effort: string): Json => ({ reasoning: { effort } })
const thinking = (on: boolean): Json => ({ thinking: { type: on ? "enabled" : "disabled" } })
const template = { chat_template_kwargs: { enable_thinking: false } }

/** 53 bits of a text, told apart well enough for the calls of one conversation. */
const digest = (text: string): string => {
  let high = 0xdeadbeef
  let low = 0x41c6ce57
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    high = Math.imul(high ^ code, 0x9e3779b1)
    low = Math.imul(low ^ code, 0x5f356495)
  }
  high = Math.imul(high ^ (high >>> 16), 0x85ebca6b) ^ Math.imul(low ^ (low >>> 13), 0xc2b2ae35)
  low = Math.imul(low ^ (low >>> 16), 0x85ebca6b) ^ Math.imul(high ^ (high >>> 13), 0xc2b2ae35)
  return (4294967296 * (2097151 & low) + (high >>> 0)).toString(36).padStart(9, "0")
}

/** Keeps an id that is short and clean enough; another one is cut and told apart by its digest. */
const limited =
  (max: number, unsafe?: RegExp) =>
  (id: string): string => {
    const clean = unsafe === undefined ? id : id.replace(unsafe, "_")
    return clean === id && id.length <= max ? id : `${clean.slice(0, max - 10)}_${digest(id).slice(-9)}`
  }

/** "Tool call id … must be a-z, A-Z, 0-9, with a length of 9." */
const nineAlphanumeric = (id: string): string => (/^[a-zA-Z0-9]{9}$/.test(id) ? id : digest(id).slice(-9))

/** "String should match pattern '^[a-zA-Z0-9_-]+$'", wherever Anthropic's models are behind this API. */
const forClaude = limited(40, /[^a-zA-Z0-9_-]/g)

const plain: Omit<Flavour, "vendor"> = {
  limitField: "max_tokens",
  seedField: "seed",
  streamUsage: true,
  schema: "native",
  json: true,
  strict: true,
  effort: effortField,
  required: "required",
  callId: limited(40),
  reasoned: false,
  files: { urls: true, audio: "data", video: false, pdf: "file", pdfUrls: false },
  resultImages: false,
  bridged: false,
  named: false
}

const textAndImages: Partial<Files> = { audio: undefined, pdf: undefined }
const original: Known = {
  limitField: "max_completion_tokens",
  files: { sounds: ["wav", "mp3"] }
}

/**
 * Where the facts come from: what is quoted is a vendor's answer that others reported; fields were compared with public
 * clients of these vendors in November 2026. Which files the smaller vendors take, and which of them exclude tools beside a
 * form (Cerebras), is common knowledge that nobody checked here. No fact was tried on a live vendor.
 */
const known: { readonly [vendor: string]: Known | ((model: string) => Known) } = {
  openai: original,
  azure: original,
  github: original,
  copilot: (model) => (/claude/.test(model) ? { callId: forClaude, files: textAndImages } : original),
  cerebras: { limitField: "max_completion_tokens", schema: "native-without-tools", files: textAndImages },
  // "Thinking mode does not support this tool_choice." "The reasoning_content in the thinking mode must be passed back."
  deepseek: {
    schema: "tool",
    effort: (effort) => ({
      ...thinking(effort !== "none"),
      ...(effort === "none" ? undefined : effortField(effort === "xhigh" ? "max" : effort))
    }),
    unthinking: thinking(false),
    reasoned: true,
    files: textAndImages
  },
  // "Function calling with a response mime type: 'application/json' is unsupported."
  google: { schema: "native-without-tools" },
  // "json mode cannot be combined with tool/function calling."
  groq: (model) => ({
    limitField: "max_completion_tokens",
    schema: /gpt-oss|llama-4|kimi-k2/.test(model) ? "native-without-tools" : "tool",
    files: { ...textAndImages, images: 5 }
  }),
  huggingface: { files: { video: true } },
  // "Cannot use custom grammar constraints with tools."
  llamacpp: { schema: "native-without-tools", effort: orOff(template), files: { pdf: undefined } },
  // "'response_format.type' must be 'json_schema' or 'text'."
  lmstudio: { json: false, files: { ...textAndImages, urls: false } },
  // "Unexpected role 'user' after role 'tool'." Unknown fields are refused, too.
  mistral: {
    seedField: "random_seed",
    streamUsage: false,
    required: "any",
    callId: nineAlphanumeric,
    files: { images: 8, audio: "base64", pdf: "document_url", pdfUrls: true },
    resultImages: true,
    bridged: true,
    named: true
  },
  // Files at other addresses are not fetched. Ids of calls (`functions.name:0`) are read by the model.
  moonshot: {
    strict: false,
    callId: (id) => id,
    effort: orOff(thinking(false)),
    unthinking: thinking(false),
    files: { ...textAndImages, urls: false, video: true }
  },
  nvidia: { strict: false, effort: orOff(template), files: { video: true } },
  ollama: { files: { ...textAndImages, urls: false } },
  openrouter: (model) => ({
    effort: nested,
    ...(/claude/.test(model) ? { callId: forClaude } : undefined),
    files: { video: true, pdfUrls: true }
  }),
  perplexity: { json: false, files: { audio: undefined, pdf: "file_url", pdfUrls: true } },
  qwen: {
    effort: (effort) => ({ enable_thinking: effort !== "none" }),
    unthinking: { enable_thinking: false },
    files: { audio: "url", video: true, pdf: undefined }
  },
  snowflake: { effort: nested, callId: forClaude },
  fireworks: { files: textAndImages },
  together: {
    strict: false,
    effort: (effort) => ({
      reasoning: { enabled: effort !== "none" },
      ...(effort === "none" ? undefined : effortField(effort))
    }),
    files: { ...textAndImages, video: true }
  },
  vllm: { effort: orOff(template), files: { video: true, pdf: undefined } },
  xai: { limitField: "max_completion_tokens", files: textAndImages },
  zai: {
    schema: "tool",
    strict: false,
    effort: (effort) => thinking(effort !== "none"),
    files: { audio: undefined, video: true, pdf: "file_url", pdfUrls: true }
  }
}

const factsOf = (vendor: string, model: string): Known => {
  const facts = Object.hasOwn(known, vendor) ? known[vendor] : undefined
  return typeof facts === "function" ? facts(model.toLowerCase()) : (facts ?? {})
}

const ports: { readonly [port: string]: string } = { 11434: "ollama", 1234: "lmstudio" }

const hosts: ReadonlyArray<readonly [host: RegExp, vendor: string]> = [
  [/^models\.github\.ai$|^models\.inference\.ai\.azure\.com$/, "github"],
  [/(^|\.)githubcopilot\.com$/, "copilot"],
  [/(^|\.)openai\.azure\.com$|(^|\.)services\.ai\.azure\.com$/, "azure"],
  [/(^|\.)openai\.com$/, "openai"],
  [/(^|\.)mistral\.ai$/, "mistral"],
  [/(^|\.)deepseek\.com$/, "deepseek"],
  [/(^|\.)groq\.com$/, "groq"],
  [/(^|\.)openrouter\.ai$/, "openrouter"],
  [/(^|\.)x\.ai$/, "xai"],
  [/(^|\.)cerebras\.ai$/, "cerebras"],
  [/(^|\.)perplexity\.ai$/, "perplexity"],
  [/(^|\.)together\.(xyz|ai)$/, "together"],
  [/(^|\.)fireworks\.ai$/, "fireworks"],
  [/(^|\.)googleapis\.com$/, "google"],
  [/(^|\.)z\.ai$|(^|\.)bigmodel\.cn$/, "zai"],
  [/(^|\.)moonshot\.(ai|cn)$|(^|\.)kimi\.com$/, "moonshot"],
  [/(^|\.)aliyuncs\.com$/, "qwen"],
  [/(^|\.)nvidia\.com$/, "nvidia"],
  [/(^|\.)huggingface\.co$/, "huggingface"],
  [/(^|\.)snowflakecomputing\.com$/, "snowflake"],
  [/(^|\.)ollama\.com$/, "ollama"]
]
