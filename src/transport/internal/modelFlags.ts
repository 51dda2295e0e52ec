/**
 * The flags of a model string: what they are called, what they take, and what is wrong with one. Pure.
 */
import type { Capability, ModelInfo, Price } from "../../domain/ModelInfo.ts"
import type { Settings } from "../../domain/Request.ts"

/**
 * What the flags of a model string say.
 *
 * **Details**
 *
 * - `key`: the variable that holds the key.
 * - `settings`: for requests that do not say otherwise.
 * - `thinkTags`: reasoning stands between tags in the text.
 * - `info`: what the model is; `can`: what it is able to do and what not.
 * - `isUnlisted`: the model exists although the registry does not know it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Flags {
  readonly key?: string | undefined
  readonly settings: Settings
  readonly thinkTags?: true | "inside" | undefined
  readonly info: { readonly contextWindow?: number; readonly outputLimit?: number; readonly price?: Price }
  readonly can: { readonly [Name in Capability]?: boolean }
  readonly isUnlisted: boolean
}

/**
 * The flags and what they take, for people.
 *
 * @category constructors
 * @since 0.1.0
 */
export const help: ReadonlyArray<readonly [flag: string, meaning: string]> = [
  ["key=NAME", "the variable that holds the key"],
  ["effort=WORD", "how much to think: none, low, medium, high …"],
  ["temperature=0.2", "sampling; also top-p=0.9 and seed=1"],
  ["max=4k", "most tokens of an answer"],
  ["think-tags", "reasoning stands in the text, between tags; think-tags=inside when the first tag is left out"],
  ["context=32k", "the model's context window; also output=8k, its longest answer"],
  ["price=0.5/2", "US dollars per million tokens, input and output"],
  ["tools, tools=off", "the model can, or cannot; also reasoning, structured-output, image-input, audio-input …"],
  ["unlisted", "the model exists although it is not known here"]
]

/**
 * Reads flags, or says in a sentence what is wrong with them.
 *
 * @category constructors
 * @since 0.1.0
 */
export const parse = (flags: ReadonlyArray<string>): Flags | string => {
  const read: Reading = { settings: {}, info: {}, can: {}, isUnlisted: false }
  const seen = new Set<string>()
  for (const flag of flags) {
    const at = flag.indexOf("=")
    const name = (at < 0 ? flag : flag.slice(0, at)).trim().toLowerCase()
    const value = at < 0 ? undefined : flag.slice(at + 1).trim()
    if (name === "" && value === undefined) continue
    const reader = Object.hasOwn(readers, name) ? readers[name] : undefined
    if (reader === undefined) return `There is no flag ${name}. Flags: ${Object.keys(readers).join(", ")}.`
    if (seen.has(name)) return `The flag ${name} is given twice.`
    seen.add(name)
    const expected = reader(read, value)
    // What was given for a key may be the key itself, and is not repeated.
    const given = value && name !== "key" ? `, not "${value}"` : ""
    if (expected !== undefined) return `The flag ${name} takes ${expected}${given}.`
  }
  return read
}

/**
 * What is known of a model when the flags are counted in.
 *
 * **Details**
 *
 * - A capability that is denied is missing from the list. Of a model of which nothing is known the rest is then taken for
 *   granted; one of which only abilities are told has just these.
 *
 * @category combinators
 * @since 0.1.0
 */
export const infoOf = (
  flags: Flags,
  known: ModelInfo | undefined
): Partial<Pick<ModelInfo, "capabilities" | "contextWindow" | "outputLimit" | "price">> => {
  const told = Object.entries(flags.can)
  if (told.length === 0) return flags.info
  const before = known?.capabilities ?? (told.some(([, can]) => can) ? [] : capabilities)
  return {
    ...flags.info,
    capabilities: capabilities.filter((capability) => flags.can[capability] ?? before.includes(capability))
  }
}

/**
 * Whether the flags say anything of the model, so that it is no mistake when nobody else knows it.
 *
 * @category predicates
 * @since 0.1.0
 */
export const describes = (flags: Flags): boolean =>
  flags.isUnlisted || Object.keys(flags.info).length > 0 || Object.values(flags.can).includes(true)

// internal

type Mutable<A> = { -readonly [Key in keyof A]: A[Key] }

type Reading = Mutable<Omit<Flags, "can" | "info" | "settings">> & {
  readonly settings: Mutable<Settings>
  readonly info: Mutable<Flags["info"]>
  readonly can: Mutable<Flags["can"]>
}

/** Notes the value, or answers what it takes. */
type Reader = (read: Reading, value: string | undefined) => string | undefined

const capabilities: ReadonlyArray<Capability> = [
  ...(["tools", "reasoning", "structured-output", "image-input", "audio-input", "video-input"] as const),
  ...(["file-input", "image-output", "audio-output"] as const)
]

/** A number of tokens: `32768`, `32k`, `1m`. */
const tokensOf = (value: string | undefined): number | undefined => {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)([km]?)$/i.exec(value ?? "") ?? []
  const tokens = Number(digits) * (unit === undefined || unit === "" ? 1 : /k/i.test(unit) ? 1000 : 1_000_000)
  return Number.isSafeInteger(tokens) && tokens > 0 ? tokens : undefined
}

const tokens =
  (note: (read: Reading, tokens: number) => void): Reader =>
  (read, value) => {
    const count = tokensOf(value)
    if (count === undefined) return "a number of tokens such as 32000, 32k or 1m"
    note(read, count)
    return undefined
  }

const number =
  (name: "temperature" | "topP" | "seed", expected: string, fits: (value: number) => boolean): Reader =>
  (read, value) => {
    const parsed = Number(value)
    if (value === undefined || value === "" || !fits(parsed)) return expected
    read.settings[name] = parsed
    return undefined
  }

const can =
  (capability: Capability): Reader =>
  (read, value) => {
    if (value !== undefined && !/^(on|off)$/i.test(value)) return "on or off"
    read.can[capability] = value?.toLowerCase() !== "off"
    return undefined
  }

const readers: { readonly [name: string]: Reader } = {
  key: (read, value) => {
    if (value === undefined || !/^[A-Za-z_]\w*$/.test(value) || /^(sk|gsk|xai|AIza)[-_]?\w{12,}/.test(value)) {
      return "the name of a variable that holds the key, such as OPENAI_API_KEY, and never the key"
    }
    read.key = value
    return undefined
  },
  effort: (read, value) => {
    if (!value) return "a word such as low, medium or high"
    read.settings.reasoningEffort = value
    return undefined
  },
  temperature: number("temperature", "a number from 0 to 2", (value) => value >= 0 && value <= 2),
  "top-p": number("topP", "a number above 0 and up to 1", (value) => value > 0 && value <= 1),
  seed: number("seed", "a whole number", Number.isSafeInteger),
  max: tokens((read, count) => {
    read.settings.maxOutputTokens = count
  }),
  "think-tags": (read, value) => {
    if (value !== undefined && value !== "inside") return `nothing, or "inside"`
    read.thinkTags = value ?? true
    return undefined
  },
  context: tokens((read, count) => {
    read.info.contextWindow = count
  }),
  output: tokens((read, count) => {
    read.info.outputLimit = count
  }),
  price: (read, value) => {
    const [, input, output] = /^(\d*\.?\d+)\/(\d*\.?\d+)$/.exec(value ?? "") ?? []
    if (input === undefined) return "two prices per million tokens, input and output, such as 0.5/2"
    read.info.price = { input: Number(input), output: Number(output) }
    return undefined
  },
  unlisted: (read, value) => {
    if (value !== undefined) return "no value"
    read.isUnlisted = true
    return undefined
  },
  ...Object.fromEntries(capabilities.map((capability) => [capability, can(capability)]))
}
