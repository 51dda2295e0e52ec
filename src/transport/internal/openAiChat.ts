/**
 * The facts in which the many vendors of the Chat Completions API differ. Nothing here knows of services.
 */

/**
 * In what the vendors of this API differ.
 *
 * **Details**
 *
 * - `limitField`, `seedField`: what they call the output limit and the seed.
 * - `streamUsage`: whether usage has to be asked for; who sends it anyway may refuse the unknown field.
 * - `jsonSchema`: whether an answer can be bound to a schema; otherwise only to JSON.
 * - `callId`: makes an id of a call acceptable.
 *
 * @category models
 * @since 0.1.0
 */
export interface Flavour {
  readonly vendor: string
  readonly limitField: "max_tokens" | "max_completion_tokens"
  readonly seedField: "seed" | "random_seed"
  readonly streamUsage: boolean
  readonly jsonSchema: boolean
  readonly callId: (id: string) => string
}

const upTo40 = (id: string): string => (id.length > 40 ? id.slice(-40) : id)

/** "Tool call id … must be a-z, A-Z, 0-9, with a length of 9." */
const nineAlphanumeric = (id: string): string => {
  const clean = id.replace(/[^a-zA-Z0-9]/g, "")
  return clean.length === 9 ? clean : clean.slice(-9).padStart(9, "0")
}

/**
 * The facts about a vendor. An unknown one is taken for a plain imitation of the API.
 *
 * @category constructors
 * @since 0.1.0
 */
export const flavourOf = (vendor: string): Flavour => ({
  vendor,
  limitField: ["openai", "azure", "groq", "cerebras"].includes(vendor) ? "max_completion_tokens" : "max_tokens",
  seedField: vendor === "mistral" ? "random_seed" : "seed",
  streamUsage: vendor !== "mistral",
  jsonSchema: vendor !== "deepseek",
  callId: vendor === "mistral" ? nineAlphanumeric : vendor === "openai" || vendor === "azure" ? upTo40 : (id) => id
})

const vendors: ReadonlyArray<readonly [host: RegExp, vendor: string]> = [
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
  [/(^|\.)ollama\.com$/, "ollama"]
]

/**
 * The vendor behind a base URL: its name if known, otherwise the host. Port 11434 is Ollama's.
 *
 * @category converters
 * @since 0.1.0
 */
export const vendorOf = (url: URL): string =>
  vendors.find(([host]) => host.test(url.hostname))?.[1] ?? (url.port === "11434" ? "ollama" : url.hostname)
