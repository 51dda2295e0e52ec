/**
 * The facts in which the models of the Messages API differ, read from their ids, and what the headers and stop reasons of
 * the API are. Nothing here knows of services.
 *
 * Source: "Models overview", "Thinking", "Effort", "Structured outputs" and the "What's new" pages of
 * https://platform.claude.com/docs, and the types of the vendor's TypeScript SDK 0.120; read in November 2026.
 */
import type { FinishReason } from "../../domain/Outcome.ts"
import type { ToolSpec } from "../../domain/Request.ts"

/**
 * The vendor, and the key under which its data is kept in `meta`.
 *
 * @category models
 * @since 0.1.0
 */
export const vendor = "anthropic"

/**
 * In what models differ.
 *
 * **Details**
 *
 * - `maxTokens`: what is sent where neither the caller nor the registry of models knows a limit.
 * - `thinking`: whether it takes no thinking, a budget of tokens, or decides by itself how much.
 * - `efforts`: which levels of effort it takes, from the lowest to the highest.
 * - `off`: how thinking is turned off: by not asking for it, by this word, or not at all.
 * - `display`: whether readable thinking has to be asked for.
 * - `sampling`: whether it takes temperature and top_p, one of them, or neither.
 * - `forces`: whether it can be made to call a tool. `jsonSchema`: whether an answer can be bound to a schema.
 * - `signs`: whether thinking that goes back has to be signed.
 * - `thinksForced`: whether it may think when it is made to call a tool. "Thinking may not be enabled when tool_choice forces
 *   tool use."
 * - `binds`: whether thinking is bound to the conversation before it, and refused when that has changed.
 *
 * @category models
 * @since 0.1.0
 */
export interface Facts {
  readonly maxTokens: number
  readonly thinking: "none" | "budget" | "adaptive"
  readonly efforts: ReadonlyArray<string>
  readonly off: "omit" | "disabled" | "between_tools" | "never"
  readonly display: boolean
  readonly sampling: "both" | "one" | "none"
  readonly forces: boolean
  readonly jsonSchema: boolean
  readonly signs: boolean
  readonly thinksForced: boolean
  readonly binds: boolean
}

type Family = "opus" | "sonnet" | "haiku" | "fable" | "mythos"

/** Since which version (major times 100 plus minor) a family has something; never when it is not named. */
type Since = { readonly [F in Family]?: number }

const never = Number.POSITIVE_INFINITY

const newest: Since = { opus: 407, sonnet: 500, haiku: 500, fable: 0, mythos: 0 }
const adaptive: Since = { ...newest, opus: 406, sonnet: 406 }
const effort: Since = { ...adaptive, opus: 405 }
const budget: Since = { ...adaptive, opus: 400, sonnet: 307, haiku: 405 }
const byDefault: Since = { ...newest, opus: 500 }
const alwaysOn: Since = { opus: 505, fable: 0, mythos: 0 }
const betweenTools: Since = { sonnet: 505 }
const oneSampler: Since = { ...newest, opus: 401, sonnet: 405, haiku: 405 }
const jsonSchema: Since = { ...newest, opus: 401, sonnet: 405, haiku: 405 }
const unforced: Since = { opus: 505, sonnet: 505, fable: 501, mythos: 501 }
/** As a public client of the vendor's models on Bedrock found out (langchain-aws, July 2026). */
const thinkingForced: Since = { ...newest, opus: 408 }
const binding: Since = { opus: 505, sonnet: 505, haiku: 505, fable: 501 }

/** Servers of others that speak this API: what all of them can be expected to take. */
const foreign: Facts = {
  maxTokens: 8192,
  thinking: "budget",
  efforts: [],
  off: "omit",
  display: false,
  sampling: "both",
  forces: true,
  jsonSchema: false,
  signs: false,
  thinksForced: false,
  binds: false
}

/** `claude-opus-4-5-20251101`, `claude-3-5-sonnet-20240620`, `anthropic.claude-sonnet-5` … */
const pattern =
  /claude-(?:(\d)(?:[-.](\d))?-)?(opus|sonnet|haiku|fable|mythos)(?:[-.](\d{1,2})(?!\d)(?:[-.](\d{1,2})(?!\d))?)?/

/**
 * The facts about a model. One without a version is taken for the newest of its family, and one that is no Claude for a
 * plain imitation of the API.
 *
 * @category constructors
 * @since 0.1.0
 */
export const factsOf = (id: string): Facts => {
  const found = pattern.exec(id)
  if (found === null) return foreign
  const [, early, earlyMinor, family, late, lateMinor] = found
  const major = late ?? early
  const version = major === undefined ? never : Number(major) * 100 + Number((late ? lateMinor : earlyMinor) ?? 0)
  const has = (since: Since): boolean => version >= (since[family as Family] ?? never)
  const isNewest = has(newest)
  const thinking = has(adaptive) ? "adaptive" : has(budget) ? "budget" : "none"
  return {
    maxTokens: version < 305 ? 4096 : version < 307 ? 8192 : 32_000,
    thinking,
    efforts: !has(effort)
      ? []
      : thinking === "budget"
        ? ["low", "medium", "high"]
        : isNewest
          ? ["low", "medium", "high", "xhigh", "max"]
          : ["low", "medium", "high", "max"],
    off: has(alwaysOn) ? "never" : has(betweenTools) ? "between_tools" : has(byDefault) ? "disabled" : "omit",
    display: isNewest,
    sampling: isNewest ? "none" : has(oneSampler) ? "one" : "both",
    forces: !has(unforced),
    jsonSchema: has(jsonSchema),
    signs: true,
    thinksForced: has(thinkingForced),
    binds: has(binding)
  }
}

/** Tools of the vendor that are behind a header; the others are for everybody. */
const betaOfTool: ReadonlyArray<readonly [RegExp, string]> = [
  [/^(computer|bash|text_editor)_20241022$/, "computer-use-2024-10-22"],
  [/^computer_20250124$/, "computer-use-2025-01-24"],
  [/^computer_20251124$/, "computer-use-2025-11-24"],
  [/^advisor_20260301$/, "advisor-tool-2026-03-01"],
  [/^mcp_toolset$/, "mcp-client-2025-11-20"]
]

/**
 * The type of a tool that this vendor defines, `undefined` for any other.
 *
 * @category converters
 * @since 0.1.0
 */
export const typeOfTool = ({ provider }: ToolSpec): string | undefined =>
  provider?.id.startsWith(`${vendor}.`) === true ? provider.id.slice(vendor.length + 1) : undefined

/**
 * What a tool is called on the wire: as the vendor calls it when the vendor defines it.
 *
 * @category converters
 * @since 0.1.0
 */
export const wireName = (tool: ToolSpec): string =>
  typeOfTool(tool) === undefined ? tool.name : (tool.provider?.name ?? tool.name)

/**
 * The names behind which features stand that have to be asked for in a header, each once.
 *
 * @category converters
 * @since 0.1.0
 */
export const betasOf = (tools: ReadonlyArray<ToolSpec>, facts: Facts, isOfficial: boolean): ReadonlyArray<string> => {
  const betas = tools.flatMap((tool) => {
    const type = typeOfTool(tool)
    return type === undefined ? [] : betaOfTool.flatMap(([name, beta]) => (name.test(type) ? [beta] : []))
  })
  return facts.binds && isOfficial ? [...betas, "thinking-binding-controls-2026-08-01"] : betas
}

/**
 * Why the model stopped. Without a reason the calls say what it wants.
 *
 * @category converters
 * @since 0.1.0
 */
export const finishReason = (reason: string | undefined, hasCalls: boolean): FinishReason => {
  switch (reason) {
    case undefined:
      return hasCalls ? "tool-calls" : "stop"
    case "end_turn":
    case "stop_sequence":
      return "stop"
    case "tool_use":
      return "tool-calls"
    case "max_tokens":
    case "model_context_window_exceeded":
      return "length"
    case "refusal":
      return "content-filter"
    // The vendor goes on when it gets its own words back.
    case "pause_turn":
    case "compaction":
      return "pause"
    default:
      return "other"
  }
}
