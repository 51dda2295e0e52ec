/**
 * The vendors that take part in tests across all of them: how their transports are made, which of their models stand for
 * the others, and who judges their requests.
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import type { ModelInfo } from "../../src/domain/ModelInfo.ts"
import * as Anthropic from "../../src/transport/Anthropic.ts"
import * as Gemini from "../../src/transport/Gemini.ts"
import * as Ollama from "../../src/transport/Ollama.ts"
import * as OpenAiChat from "../../src/transport/OpenAiChat.ts"
import * as OpenAiResponses from "../../src/transport/OpenAiResponses.ts"
import type * as Transport from "../../src/transport/Transport.ts"
import type { TransportError } from "../../src/transport/TransportError.ts"
import * as Histories from "./histories.ts"
import { anthropic } from "./requests/anthropic.ts"
import { chat } from "./requests/chat.ts"
import { gemini } from "./requests/gemini.ts"
import { ollama } from "./requests/ollama.ts"
import { responses } from "./requests/responses.ts"

export interface Options {
  readonly baseUrl?: string
  readonly model?: string
  readonly modelInfo?: Partial<Omit<ModelInfo, "id" | "vendor">>
  readonly settings?: Transport.Settings
}

export interface Vendor {
  readonly name: string
  /** The API of its recordings. */
  readonly api: string
  /** The key of its data in `meta`. */
  readonly meta: string
  readonly model: string
  readonly make: (options?: Options) => Effect.Effect<Transport.Service, unknown, HttpClient.HttpClient>
  readonly validate: (body: unknown) => ReadonlyArray<string>
}

const apiKey = Redacted.make("sk-test-0123456789")
const local = { baseUrl: "http://localhost/v1", apiKey }

const chatOf = (vendor: string, model: string): Vendor => ({
  name: vendor,
  api: "openai-chat",
  meta: vendor,
  model,
  make: (options) => OpenAiChat.make({ ...local, model, vendor, ...options }),
  validate: (body) => chat(body, { mistral: vendor === "mistral" })
})

export const vendors: ReadonlyArray<Vendor> = [
  chatOf("openai", "gpt-5-mini"),
  chatOf("mistral", "mistral-small-latest"),
  chatOf("openrouter", "google/gemini-2.5-flash"),
  chatOf("deepseek", "deepseek-chat"),
  chatOf("groq", "openai/gpt-oss-120b"),
  chatOf("xai", "grok-4"),
  {
    name: "responses",
    api: "openai-responses",
    meta: "openai",
    model: "gpt-5-mini",
    make: (options) => OpenAiResponses.make({ ...local, model: "gpt-5-mini", vendor: "openai", ...options }),
    validate: responses
  },
  ...["claude-sonnet-4-5", "claude-sonnet-4-6", "claude-opus-4-8", "claude-3-5-haiku-latest"].map(
    (model): Vendor => ({
      name: model,
      api: "anthropic-messages",
      meta: "anthropic",
      model,
      make: (options) => Anthropic.make({ ...local, model, ...options }),
      validate: anthropic
    })
  ),
  ...["gemini-2.5-flash", "gemini-3-pro"].map(
    (model): Vendor => ({
      name: model,
      api: "gemini-generate",
      meta: "google",
      model,
      make: (options) => Gemini.make({ ...local, model, ...options }),
      validate: gemini
    })
  ),
  {
    name: "ollama",
    api: "ollama-chat",
    meta: "ollama",
    model: "qwen3:8b",
    make: (options) => Ollama.make({ baseUrl: "http://localhost", model: "qwen3:8b", ...options }),
    validate: ollama
  }
]

/** What a vendor would get on the wire for one request, or why nothing was sent. */
export const sent = (
  vendor: Vendor,
  request: Transport.Request,
  options?: Options
): Effect.Effect<Either.Either<string, TransportError>> =>
  Effect.flatMap(Histories.bodies(vendor.make(options), [request]), ([first]) =>
    first === undefined ? Effect.dieMessage("nothing was answered") : Effect.succeed(first)
  )

/** The body of a request that the vendor takes; dies when it was refused, or the validator finds a fault in it. */
export const taken = (vendor: Vendor, request: Transport.Request, options?: Options): Effect.Effect<string> =>
  Effect.flatMap(sent(vendor, request, options), (body) => {
    if (Either.isLeft(body)) return Effect.die(new Error(`${vendor.name} refused: ${body.left.message}`))
    const problems = vendor.validate(JSON.parse(body.right))
    return problems.length === 0
      ? Effect.succeed(body.right)
      : Effect.die(new Error(`${vendor.name}: ${problems.join("; ")}\n${body.right}`))
  })
