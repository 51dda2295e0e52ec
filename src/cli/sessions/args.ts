/**
 * Reads what follows `axonal sessions`, and says what is wrong with it in one line. It loads nothing but Node's parser, so
 * that its help is there at once.
 */
import { parseArgs } from "node:util"
import { nearest } from "../../internal/nearest.ts"
import * as Flags from "../internal/flags.ts"

/**
 * What can be done with sessions.
 *
 * @category models
 * @since 0.1.0
 */
export type Action = keyof typeof actions

/**
 * What was asked for. Words are what follows the action and is no flag.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly action: Action
  readonly words: ReadonlyArray<string>
  readonly all: boolean
  readonly json: boolean
  readonly yes: boolean
  readonly entries: boolean
  readonly undo: boolean
  readonly remove: boolean
  readonly color: boolean
  readonly dataDir: string | undefined
  readonly at: string | undefined
  readonly to: string | undefined
  readonly title: string | undefined
  readonly label: string | undefined
  readonly back: number | undefined
  readonly limit: number | undefined
  /** Days. */
  readonly olderThan: number | undefined
}

/**
 * The outcome of parsing.
 *
 * @category models
 * @since 0.1.0
 */
export type Parsed = Flags.Parsed<Options>

/**
 * What `axonal sessions --help` prints.
 *
 * @category constructors
 * @since 0.1.0
 */
export const help = `Usage: axonal sessions [ACTION] [flags]

The sessions of the current folder, or with --all of every folder. No model and no network is needed.

  list                        what there is, latest first; also without a word
  show [ID]                   the conversation; --entries: its whole log, a line each
  search WORDS                messages with all these words
  tree [ID]                   where the session and its forks branch
  fork [ID] [ENTRY]           a new session that begins like this one, up to the entry; --title TEXT names it
  rewind ID ENTRY             go on from that entry; what came after is left, and not lost
         ID --back N          the same, N requests back
         ID --undo            take the last rewind back
  rename ID TITLE             give it a title; "" takes it away
  label ID [NAMES]            add labels, with --remove take them away, or show them
  rm ID...                    erase; asks first, --yes does not
  prune --older-than 90d      erase what was not used for so long; asks first
  export [ID] [FILE]          as JSON lines, to standard output or a file
  import [FILE]               from a file or standard input

ID is an id or the unique beginning of one, or a title; without it, the latest session. ENTRY is a number of show, an
entry's id, or b2 for the end of branch 2 of tree.

  -a, --all            sessions of all folders, and in list those of agents that worked within others
  -n, --limit N        at most N lines (list and search: 50; --json: all)
      --label NAME     list only what has this label
      --json           JSON lines on standard output
  -y, --yes            do not ask
      --data-dir DIR   where sessions are kept
      --no-color       no colours (also: NO_COLOR)

Exit codes: 0 done, 1 not done (no such session, in use, not agreed to), 2 bad usage, 130 stopped by Ctrl-C.
`

/**
 * Parses the arguments after `axonal sessions`. Never throws.
 *
 * @category constructors
 * @since 0.1.0
 */
export const parse = (args: ReadonlyArray<string>): Parsed => {
  try {
    const { positionals, values } = parseArgs({ args: [...args], options: flags, allowPositionals: true, strict: true })
    if (values.help === true) return { _tag: "Help" }
    const [word = "list", ...words] = positionals
    if (!isAction(word)) return Flags.invalid(unknownAction(word))
    const problem = check(word, words, values)
    return problem === undefined ? { _tag: "Asked", options: optionsOf(word, words, values) } : Flags.invalid(problem)
  } catch (error) {
    return Flags.invalid(Flags.explain(error, flagNames))
  }
}

// internal

type Values = ReturnType<typeof parseArgs<{ options: typeof flags }>>["values"]

const flags = {
  all: { type: "boolean", short: "a" },
  limit: { type: "string", short: "n" },
  label: { type: "string" },
  json: { type: "boolean" },
  yes: { type: "boolean", short: "y" },
  entries: { type: "boolean" },
  undo: { type: "boolean" },
  remove: { type: "boolean" },
  back: { type: "string" },
  at: { type: "string" },
  to: { type: "string" },
  title: { type: "string" },
  "older-than": { type: "string" },
  "data-dir": { type: "string" },
  "no-color": { type: "boolean" },
  help: { type: "boolean", short: "h" }
} as const

type Flag = keyof typeof flags

const flagNames: ReadonlyArray<Flag> = [
  ...(["all", "limit", "label", "json", "yes", "entries", "undo", "remove", "back", "at", "to", "title"] as const),
  ...(["older-than", "data-dir", "no-color", "help"] as const)
]

const common: ReadonlyArray<Flag> = ["all", "json", "data-dir", "no-color", "help"]

interface Form {
  readonly flags: ReadonlyArray<Flag>
  /** How many words at least and at most. */
  readonly words: readonly [least: number, most: number]
  readonly needs: string
}

const many = Number.POSITIVE_INFINITY

const actions = {
  list: { flags: ["limit", "label"], words: [0, 0], needs: "" },
  show: { flags: ["entries"], words: [0, 1], needs: "" },
  search: { flags: ["limit", "label"], words: [1, many], needs: "words to look for" },
  tree: { flags: [], words: [0, 1], needs: "" },
  fork: { flags: ["at", "title"], words: [0, 2], needs: "" },
  rewind: { flags: ["to", "back", "undo"], words: [0, 2], needs: "" },
  rename: { flags: [], words: [2, many], needs: 'a session and its title: axonal sessions rename ID "TITLE"' },
  label: { flags: ["remove"], words: [1, many], needs: "a session: axonal sessions label ID NAME" },
  rm: { flags: ["yes"], words: [1, many], needs: "the sessions to erase: axonal sessions rm ID" },
  prune: { flags: ["yes", "older-than"], words: [0, 0], needs: "" },
  export: { flags: [], words: [0, 2], needs: "" },
  import: { flags: [], words: [0, 1], needs: "" }
} as const satisfies Readonly<Record<string, Form>>

const isAction = (word: string): word is Action => Object.hasOwn(actions, word)

const optionsOf = (action: Action, words: ReadonlyArray<string>, values: Values): Options => ({
  action,
  words,
  all: values.all ?? false,
  json: values.json ?? false,
  yes: values.yes ?? false,
  entries: values.entries ?? false,
  undo: values.undo ?? false,
  remove: values.remove ?? false,
  color: values["no-color"] !== true,
  dataDir: values["data-dir"],
  at: values.at,
  to: values.to,
  title: values.title,
  label: values.label,
  back: numberOf(values.back),
  limit: numberOf(values.limit),
  olderThan: daysOf(values["older-than"] ?? "")
})

const check = (action: Action, words: ReadonlyArray<string>, values: Values): string | undefined => {
  const form: Form = actions[action]
  const foreign = flagNames.find((flag) => values[flag] !== undefined && ![...common, ...form.flags].includes(flag))
  if (foreign !== undefined) return `axonal sessions ${action} does not take --${foreign}`
  const blank = Flags.blankOf(values, ["at", "to", "label", "data-dir"])
  if (blank !== undefined) return blank
  for (const name of ["back", "limit"] as const) {
    const value = values[name]
    if (value !== undefined && !/^[1-9]\d{0,5}$/.test(value)) return `--${name} is a number from 1 on, not "${value}"`
  }
  const [least, most] = form.words
  if (words.length < least) return `axonal sessions ${action} needs ${form.needs}`
  if (words.length > most) return `axonal sessions ${action} does not take "${words.slice(most).join(" ")}"`
  const ids = action === "rename" ? words.slice(0, 1) : words
  if (ids.some((word) => word.trim() === "")) return `axonal sessions ${action} was given an empty word`
  return checkMore(action, words, values)
}

const checkMore = (action: Action, words: ReadonlyArray<string>, values: Values): string | undefined => {
  switch (action) {
    case "fork":
      return words.length > 1 && values.at !== undefined ? "the entry is given twice" : undefined
    case "rewind": {
      const ways = [words[1], values.to, values.back, values.undo].filter((way) => way !== undefined)
      if (ways.length > 1) return "axonal sessions rewind takes one of an entry, --back and --undo"
      return ways.length === 1
        ? undefined
        : "axonal sessions rewind needs to know where to: an entry behind the id, --back N, or --undo"
    }
    case "prune": {
      const age = values["older-than"]
      if (age === undefined) return "axonal sessions prune needs an age: --older-than 90d"
      return daysOf(age) === undefined ? `--older-than is an age such as 12h, 90d, 8w or 1y, not "${age}"` : undefined
    }
    default:
      return undefined
  }
}

const numberOf = (value: string | undefined): number | undefined => (value === undefined ? undefined : Number(value))

const daysIn: Readonly<Record<string, number>> = { h: 1 / 24, d: 1, w: 7, y: 365 }

const daysOf = (age: string): number | undefined => {
  const [, count = "", unit = ""] = /^([1-9]\d{0,4})([hdwy])$/.exec(age) ?? []
  const days = daysIn[unit]
  return days === undefined ? undefined : Number(count) * days
}

/** What other programs call it. */
const otherNames = new Map([
  ["ls", "list"],
  ["remove", "rm"],
  ["delete", "rm"],
  ["branches", "tree"]
])

const unknownAction = (word: string): string => {
  const near = otherNames.get(word) ?? nearest(word, Object.keys(actions))
  return `there is no axonal sessions ${word}${near === undefined ? "" : `, did you mean ${near}?`}`
}
