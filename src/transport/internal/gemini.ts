/**
 * The facts in which the models behind the Gemini API differ, by their names. Ids are open-ended: one that is not known to
 * be older is taken for one of the newest. Nothing here knows of services.
 */
import { Unsupported } from "./encoding.ts"

/**
 * Whose meta it is.
 *
 * @category models
 * @since 0.1.0
 */
export const vendor = "google"

/**
 * What a model takes.
 *
 * **Details**
 *
 * - `isModern`: Gemini 3 and later. They want a signature on the first call of every answer, take files inside of results,
 *   functions next to Google's own tools, and JSON answers next to tools.
 * - `thinking`: how much they think is set as a level, as a number of tokens, or not at all.
 * - `leastLevel`, `leastBudget`, `mostBudget`: the ends of the scale.
 * - `hasInstruction`: whether there is a place for the system message.
 *
 * @category models
 * @since 0.1.0
 */
export interface Dialect {
  readonly isModern: boolean
  readonly thinking: "level" | "budget" | "none"
  readonly leastLevel: "MINIMAL" | "LOW"
  readonly leastBudget: number
  readonly mostBudget: number
  readonly hasInstruction: boolean
}

/**
 * The facts about a model.
 *
 * @category constructors
 * @since 0.1.0
 */
export const dialectOf = (model: string): Dialect => {
  const name = bareName(model)
  const version = /^gemini-(\d+)(?:\.(\d+))?/.exec(name)
  const major = Number(version?.[1] ?? Number.POSITIVE_INFINITY)
  const minor = Number(version?.[2] ?? 0)
  const isOlder = major < 3 || /^gemini-(pro(-vision)?$|exp|robotics-er-1)/.test(name)
  const isModern = name.startsWith("gemini-") && !isOlder
  const isPro = name.includes("pro") && !name.includes("flash")
  const speaks = /image|tts|audio|live/.test(name)
  const startsAtLow =
    isPro || name === "gemini-flash-latest" || (isLater(major, minor) && name.includes("flash") && !/lite/.test(name))
  return {
    isModern,
    thinking: isModern
      ? name.startsWith("gemini-3-pro-image")
        ? "none"
        : "level"
      : /^gemini-(2\.5|robotics-er)/.test(name) && !speaks
        ? "budget"
        : "none",
    leastLevel: startsAtLow ? "LOW" : "MINIMAL",
    leastBudget: isPro ? 128 : 0,
    mostBudget: isPro ? 32_768 : 24_576,
    hasInstruction: !/^gemma-[123]/.test(name)
  }
}

/**
 * The `thinkingConfig` for an effort, or `undefined` for a model that does not think.
 *
 * **Details**
 *
 * - Summaries of thoughts are asked for unless the effort is `none`.
 * - `none` and `minimal` are the least that the model takes; some cannot be kept from thinking. `auto` leaves it to the
 *   model. A number is a number of tokens.
 * - Source: "OpenAI compatibility", section "Thinking", https://ai.google.dev/gemini-api/docs/openai, read 2026-11: low is
 *   1,024 tokens, medium 8,192, high 24,576.
 *
 * @category converters
 * @since 0.1.0
 */
export const thinkingConfig = (effort: string | undefined, dialect: Dialect): object | undefined => {
  if (effort === undefined || dialect.thinking === "none") return undefined
  const includeThoughts = effort === "none" ? undefined : true
  if (/^\d+$/.test(effort)) return { thinkingBudget: Number(effort), includeThoughts }
  return dialect.thinking === "level"
    ? { thinkingLevel: levelOf(effort, dialect), includeThoughts }
    : { thinkingBudget: budgetOf(effort, dialect), includeThoughts }
}

/**
 * The id of a model without the folder that all ids may be written with.
 *
 * @category converters
 * @since 0.1.0
 */
export const idOf = (model: string): string => model.trim().replace(/^models\//, "")

/**
 * Where requests for a model go, below the base URL. An id with a folder of its own (`tunedModels/x`) keeps it.
 *
 * @category converters
 * @since 0.1.0
 */
export const pathOf = (model: string): string => {
  const id = idOf(model)
  const folder = id.includes("/") ? "" : "models/"
  return `/${folder}${id.split("/").map(encodeURIComponent).join("/")}:streamGenerateContent?alt=sse`
}

// internal

const bareName = (model: string): string => model.slice(model.lastIndexOf("/") + 1).toLowerCase()

/** From 3.7 on no Flash takes the least level. */
const isLater = (major: number, minor: number): boolean =>
  Number.isFinite(major) && (major > 3 || (major === 3 && minor >= 7))

const levelOf = (effort: string, { leastLevel }: Dialect): string | undefined => {
  switch (effort) {
    case "auto":
      return undefined
    case "none":
    case "minimal":
      return leastLevel
    case "xhigh":
    case "max":
      return "HIGH"
    default:
      return effort.toUpperCase()
  }
}

const budgetOf = (effort: string, { leastBudget, mostBudget }: Dialect): number => {
  switch (effort) {
    case "auto":
      return -1
    case "none":
      return leastBudget
    case "minimal":
    case "low":
      return 1024
    case "medium":
      return 8192
    case "high":
      return 24_576
    case "xhigh":
    case "max":
      return mostBudget
    default:
      throw new Unsupported(
        `The reasoning effort "${effort}" is unknown here: give none, minimal, low, medium, high, max, auto or a number of tokens.`
      )
  }
}
