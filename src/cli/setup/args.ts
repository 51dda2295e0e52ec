/**
 * Reads what follows `axonal init`, `axonal doctor` and `axonal trust`, and says what is wrong with it in one line. It loads
 * nothing but Node's parser.
 */
import { parseArgs } from "node:util"
import { explain } from "../internal/flags.ts"

/**
 * The commands about how the program is set up.
 *
 * @category models
 * @since 0.1.0
 */
export type Name = "init" | "doctor" | "trust"

/**
 * What was asked for. `isJson`: for init the format of the file, for the doctor that of its report.
 *
 * @category models
 * @since 0.1.0
 */
export interface Asked {
  readonly isJson: boolean
  readonly isUser: boolean
  readonly isForced: boolean
  readonly isRemoved: boolean
}

/**
 * What `--help` prints for each.
 *
 * @category constructors
 * @since 0.1.0
 */
export const help: Readonly<Record<Name, string>> = {
  init: `Usage: axonal init [flags]

Writes a file of settings in which every key stands with its meaning and its default, commented out: .axonal/config.toml of
this project, at the root of its repository.

      --user           your own, axonal/config.toml in XDG_CONFIG_HOME or in ~/.config
      --json           as JSON, with comments
      --force          instead of the one that is there

What counts: flags, then the environment, then the project's file, then yours. The project's is the first that is found
from the current folder up to the root of the repository. What of it makes anything wider counts once you trust the project:
see axonal trust --help.
`,
  doctor: `Usage: axonal doctor [flags]

Looks whether everything is there that a run needs, and says what to do about what is not: Node, files of settings, keys
(masked), the model that would be chosen and why, servers, sandboxes, programs, sessions, plugins, the terminal.

      --json           one finding a line

Exit codes: 0 all that was asked for works, 1 something does not.
`,
  trust: `Usage: axonal trust [--remove]

Vouches for the files of this project that may make things wider than you have them: .axonal/config.toml (or .json), and the
files that name servers, such as .mcp.json. Read them first: they come with the checkout. Without it they may ask for more
care (lower limits, fewer tools, a narrower sandbox, rules that ask or deny) and tell the model something; servers, rules that
allow, another sandbox, tools, addresses, keys and folders do not count. When one of the files changes, you are asked anew.

      --remove         no longer
`
}

/**
 * Parses the arguments; a text is what is wrong with them. Never throws.
 *
 * @category constructors
 * @since 0.1.0
 */
export const parse = (name: Name, args: ReadonlyArray<string>): Asked | string => {
  const known = flags[name]
  try {
    const { positionals, values } = parseArgs({ args: [...args], options: all, allowPositionals: true, strict: true })
    const wrong = Object.keys(values).find((flag) => !known.includes(flag))
    if (wrong !== undefined)
      return `axonal ${name} knows ${known.map((flag) => `--${flag}`).join(", ")}, not --${wrong}`
    if (positionals.length > 0) return `axonal ${name} takes no words, not "${positionals[0]}"`
    const { force = false, json = false, remove = false, user = false } = values
    return { isJson: json, isUser: user, isForced: force, isRemoved: remove }
  } catch (error) {
    return explain(error, known)
  }
}

// internal

const all = {
  json: { type: "boolean" },
  user: { type: "boolean" },
  force: { type: "boolean" },
  remove: { type: "boolean" }
} as const

const flags: Readonly<Record<Name, ReadonlyArray<string>>> = {
  init: ["user", "json", "force"],
  doctor: ["json"],
  trust: ["remove"]
}
