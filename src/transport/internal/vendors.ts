/**
 * The names that a model string may begin with, and where each leads. Data only: the choice among transports is made in
 * `ModelString`.
 */

/**
 * A vendor as a model string names it.
 *
 * **Details**
 *
 * - `name`, `aliases`: what stands before the colon.
 * - `transport`: the module that speaks to it. `vendor`: its name in the registry of models and in usage, if another.
 * - `variables`: where its key is looked for, the first that is set; none when it needs none.
 * - `baseUrl`: where it is, when the transport does not know that by itself. `address`: whether a model string may, must
 *   or must not say where.
 * - `isListed`: whether the registry has all of its models, so that another id is taken for a mistake.
 *
 * @category models
 * @since 0.1.0
 */
export interface Vendor {
  readonly name: string
  readonly aliases: ReadonlyArray<string>
  readonly transport:
    | "Anthropic"
    | "Codex"
    | "Gemini"
    | "LlamaCpp"
    | "Offline"
    | "Ollama"
    | "OpenAiChat"
    | "OpenAiResponses"
    | "Registered"
  readonly vendor?: string | undefined
  readonly variables: ReadonlyArray<string>
  readonly baseUrl?: string | undefined
  readonly address: "optional" | "required" | "none"
  readonly isListed: boolean
}

const common = { aliases: [], variables: [], address: "optional", isListed: false } as const

/** A vendor of the Chat Completions API at an address of its own. */
const chat = (name: string, variable: string, baseUrl: string, more?: Partial<Vendor>): Vendor => ({
  ...common,
  name,
  transport: "OpenAiChat",
  variables: [variable],
  baseUrl,
  ...more
})

/**
 * All of them, in the order in which they are listed to people.
 *
 * @category constructors
 * @since 0.1.0
 */
export const vendors: ReadonlyArray<Vendor> = [
  { ...common, name: "openai", transport: "OpenAiResponses", variables: ["OPENAI_API_KEY"], isListed: true },
  {
    ...common,
    name: "openai-chat",
    transport: "OpenAiChat",
    vendor: "openai",
    variables: ["OPENAI_API_KEY"],
    isListed: true
  },
  {
    ...common,
    name: "anthropic",
    aliases: ["claude"],
    transport: "Anthropic",
    variables: ["ANTHROPIC_API_KEY"],
    isListed: true
  },
  {
    ...common,
    name: "google",
    aliases: ["gemini"],
    transport: "Gemini",
    variables: ["GEMINI_API_KEY", "GOOGLE_API_KEY"],
    isListed: true
  },
  chat("openrouter", "OPENROUTER_API_KEY", "https://openrouter.ai/api/v1"),
  chat("groq", "GROQ_API_KEY", "https://api.groq.com/openai/v1"),
  chat("deepseek", "DEEPSEEK_API_KEY", "https://api.deepseek.com/v1", { isListed: true }),
  chat("mistral", "MISTRAL_API_KEY", "https://api.mistral.ai/v1", { isListed: true }),
  chat("xai", "XAI_API_KEY", "https://api.x.ai/v1", { aliases: ["grok"], isListed: true }),
  chat("together", "TOGETHER_API_KEY", "https://api.together.xyz/v1"),
  chat("cerebras", "CEREBRAS_API_KEY", "https://api.cerebras.ai/v1"),
  chat("fireworks", "FIREWORKS_API_KEY", "https://api.fireworks.ai/inference/v1"),
  chat("moonshot", "MOONSHOT_API_KEY", "https://api.moonshot.ai/v1", { aliases: ["kimi"], isListed: true }),
  chat("zai", "ZAI_API_KEY", "https://api.z.ai/api/paas/v4", { aliases: ["z.ai"], isListed: true }),
  chat("qwen", "DASHSCOPE_API_KEY", "https://dashscope-intl.aliyuncs.com/compatible-mode/v1"),
  { ...common, name: "ollama", transport: "Ollama" },
  { ...common, name: "codex", transport: "Codex" },
  { ...common, name: "compatible", aliases: ["chat"], transport: "OpenAiChat", address: "required" },
  { ...common, name: "responses", transport: "OpenAiResponses", address: "required" },
  { ...common, name: "offline", transport: "Offline", address: "none" },
  { ...common, name: "llamacpp", transport: "LlamaCpp", address: "none" }
]
