/**
 * The facts in which the vendors of the Responses API differ. Nothing here knows of services.
 */
import type { Request } from "../../domain/Request.ts"
import { kindOf } from "./encoding.ts"

/**
 * In what the vendors of this API differ.
 *
 * **Details**
 *
 * - `systemRole`: what they call the role of an application; `instructions`: whether its first message has a field of its
 *   own (xAI refuses the field beside a reference to an earlier answer).
 * - `encrypted`: whether reasoning can be asked for in a form that they read again later; `readable`: whether they read
 *   plain reasoning again.
 * - `stored`: whether they keep answers that later requests can refer to.
 * - `schema`: how an answer is bound to a schema: by itself, or as the arguments of a tool that has to be called.
 * - `unthinking`: whether a model that thinks refuses to be told which tool to call, and must not think then.
 * - `limits`: whether output limit and sampling are the caller's to set.
 * - `richResults`: whether results of tools may hold pictures and documents.
 * - `runsCustom`: calls of custom tools that nobody offered are their own, and they ran them (xAI's searches).
 *
 * @category models
 * @since 0.1.0
 */
export interface Flavour {
  readonly vendor: string
  readonly systemRole: "developer" | "system"
  readonly instructions: boolean
  readonly encrypted: boolean
  readonly readable: boolean
  readonly stored: boolean
  readonly schema: "native" | "tool"
  readonly unthinking: boolean
  readonly limits: boolean
  readonly richResults: boolean
  readonly runsCustom: boolean
}

const own = new Set(["openai", "azure", "github", "copilot", "codex"])

/**
 * The facts about a vendor. An unknown one is taken for a plain imitation of the API that remembers nothing.
 *
 * @category constructors
 * @since 0.1.0
 */
export const flavourOf = (vendor: string): Flavour => ({
  vendor,
  systemRole: own.has(vendor) ? "developer" : "system",
  instructions: vendor !== "xai",
  encrypted: own.has(vendor) || vendor === "xai" || vendor === "openrouter",
  readable: !own.has(vendor) && vendor !== "xai",
  stored: !["openrouter", "deepseek", "copilot", "codex"].includes(vendor),
  schema: vendor === "deepseek" ? "tool" : "native",
  // "Thinking mode does not support this tool_choice."
  unthinking: vendor === "deepseek",
  limits: vendor !== "codex",
  richResults: own.has(vendor) || vendor === "openrouter",
  runsCustom: vendor === "xai"
})

/**
 * Whether a model is known not to reason. Asking such a model for encrypted reasoning is an error.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isPlain = (model: string): boolean =>
  /^(gpt-3|gpt-4|chatgpt|ft:gpt-[34]|gpt-5[\w.]*-chat)|non-reasoning/.test(model.slice(model.lastIndexOf("/") + 1))

/**
 * What a vendor wants in the headers beside the key. GitHub refuses requests that do not name the editor they come from.
 *
 * @category constructors
 * @since 0.1.0
 */
export const headersOf = (vendor: string): { readonly [name: string]: string } =>
  vendor === "copilot"
    ? { "copilot-integration-id": "vscode-chat", "editor-version": "axonal/0.1", "openai-intent": "conversation-edits" }
    : {}

/**
 * What a vendor wants in the headers of one request: GitHub counts what a person asked for, and not what an agent goes on
 * to do, and wants to know of pictures.
 *
 * @category constructors
 * @since 0.1.0
 */
export const requestHeadersOf = (vendor: string, { messages }: Request): { readonly [name: string]: string } => {
  if (vendor !== "copilot") return {}
  const seen = messages.some(({ parts }) =>
    parts.some((part) => part.type === "file" && kindOf(part.mediaType) === "image")
  )
  return {
    "x-initiator": messages[messages.length - 1]?.role === "user" ? "user" : "agent",
    ...(seen ? { "copilot-vision-request": "true" } : undefined)
  }
}
