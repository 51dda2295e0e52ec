/**
 * Reads what follows `axonal plugins`, and says what is wrong with it in one line. It loads nothing but Node's parser.
 */
import { parseArgs } from "node:util"
import { nearest } from "../../internal/nearest.ts"
import * as Flags from "../internal/flags.ts"

/**
 * What was asked for.
 *
 * **Details**
 *
 * - `name`: a package for `remove`, anything that npm installs for `add`.
 *
 * @category models
 * @since 0.1.0
 */
export type Options = { readonly json: boolean; readonly dataDir: string | undefined } & (
  | { readonly action: "list" | "doctor" }
  | {
      readonly action: "add" | "remove"
      readonly name: string
      readonly project: boolean
      readonly scripts: boolean
      readonly yes: boolean
    }
)

/**
 * The outcome of parsing.
 *
 * @category models
 * @since 0.1.0
 */
export type Parsed = Flags.Parsed<Options>

/**
 * What `axonal plugins --help` prints.
 *
 * @category constructors
 * @since 0.1.0
 */
export const help = `Usage: axonal plugins [list | add SPEC | remove NAME | doctor] [flags]

Plugins are npm packages that bring tools, transports, guards, hooks, selectors, stores and commands. Those that are
allowed are loaded; a plugin of a project is loaded only when it is allowed for that project.

  list             the plugins of this project and your own, what they bring, and why one is not loaded
  add SPEC         install into your own folder and allow: a name, a folder or a tarball, as npm install takes them
  add NAME --project
                   allow one that is in the node_modules of this project
  remove NAME      forbid and uninstall; with --project, forbid in this project
  doctor           load every plugin that is allowed and say what is wrong; exit code 1 when something is

      --yes        allow without asking
      --scripts    let npm run the install scripts of the package and of what it needs; they are not run without it
      --json       one plugin a line (list, doctor)
      --data-dir DIR   instead of your data folder
  -h, --help       this text

Settings are variables, AXONAL_<PLUGIN>_<KEY>, or stand in plugins.json of your plugins folder.
`

/**
 * Parses the arguments after `plugins`. Never throws.
 *
 * @category constructors
 * @since 0.1.0
 */
export const parse = (args: ReadonlyArray<string>): Parsed => {
  try {
    const { positionals, values } = parseArgs({ args: [...args], options: flags, allowPositionals: true, strict: true })
    if (values.help === true) return { _tag: "Help" }
    const [action = "list", name, ...more] = positionals
    const common = { json: values.json ?? false, dataDir: values["data-dir"] }
    if (values["data-dir"]?.trim() === "") return Flags.invalid("--data-dir is empty")
    if (action === "list" || action === "doctor") {
      return name === undefined
        ? { _tag: "Asked", options: { action, ...common } }
        : Flags.invalid(`plugins ${action} takes no name, not "${name}"`)
    }
    if (action !== "add" && action !== "remove") return unknown(action)
    if (name === undefined || name.trim() === "") return Flags.invalid(`plugins ${action} needs a plugin`)
    if (more.length > 0)
      return Flags.invalid(`plugins ${action} takes one plugin, not "${positionals.slice(1).join(" ")}"`)
    const { project = false, scripts = false, yes = false } = values
    if (project && scripts) return Flags.invalid("--project installs nothing: leave out --scripts")
    return { _tag: "Asked", options: { action, name, project, scripts, yes, ...common } }
  } catch (error) {
    return Flags.invalid(Flags.explain(error, Object.keys(flags)))
  }
}

// internal

const flags = {
  yes: { type: "boolean", short: "y" },
  scripts: { type: "boolean" },
  project: { type: "boolean" },
  json: { type: "boolean" },
  "data-dir": { type: "string" },
  help: { type: "boolean", short: "h" }
} as const

const unknown = (action: string): Parsed => {
  const near = nearest(action, ["list", "add", "remove", "doctor"])
  return Flags.invalid(
    `plugins knows list, add, remove and doctor, not "${action}"${near === undefined ? "" : `, did you mean ${near}?`}`
  )
}
