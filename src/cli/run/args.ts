/**
 * Reads what follows `axonal run`, and says what is wrong with it in one line. It loads nothing but Node's parser, so that
 * its help is there at once.
 */
import { parseArgs } from "node:util"
import * as Flags from "../internal/flags.ts"
import * as Hands from "../internal/hands.ts"

/**
 * What was asked for.
 *
 * **Details**
 *
 * - `path`: the folder or file of the team. `input`: absent when it comes from standard input.
 * - `agent`: who is spoken to; the lead when absent.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly path: string
  readonly input: string | undefined
  readonly agent: string | undefined
  readonly model: string | undefined
  readonly baseUrl: string | undefined
  /** Which models files may name besides those at their vendors' own addresses. */
  readonly allowed: ReadonlyArray<string>
  readonly offline: boolean
  readonly json: boolean
  readonly quiet: boolean
  readonly approve: boolean
  readonly sandbox: Hands.Place
  readonly session: string | undefined
  readonly continue: boolean
  readonly dataDir: string | undefined
  readonly save: boolean
  readonly compact: boolean
  readonly color: boolean
}

/**
 * The outcome of parsing.
 *
 * @category models
 * @since 0.1.0
 */
export type Parsed = Flags.Parsed<Options>

/**
 * What `axonal run --help` prints.
 *
 * @category constructors
 * @since 0.1.0
 */
export const help = `Usage: axonal run TEAM [flags] INPUT

Runs agents that are written down in files, and shows who is doing what. TEAM is a folder of agents, its team.toml, or the
file of one agent (.toml, .json, or Markdown with front matter). INPUT is what its lead is asked; - or nothing reads it
from standard input. The files may name the tools read_file, list_files, find_files, search_files and calculate, which only
read, and write_file, edit_file, patch_file, apply_patch, shell, shell_output, shell_input, shell_stop, shell_jobs and run_code.
Calls that write or run something wait for your yes: see --approve.

  axonal run agents/ "what is wrong with this project?"
  axonal run agents/reviewer.md "look at src/main.ts"
  git diff | axonal run team.toml -

      --agent NAME     speak to this agent instead of the lead
      --approve        ask you at the terminal about calls that a guard wants a word on; without, they are denied
      --sandbox KIND   where tools work on this folder: local (this machine, the default), bubblewrap (no network, the rest of
                       the machine read-only), or container[:IMAGE], by Docker or Podman

Sessions
  -s, --session ID     use this session, and begin it if it is new
  -c, --continue       go on with the latest session of this folder
      --data-dir DIR   keep sessions here instead of in your data folder
      --no-save        keep nothing
      --no-compact     do not summarise the beginning of a conversation that grows too long for the model

Model, for the agents whose files name none: see axonal --help
  -m, --model MODEL    vendor:id, or an id alone
      --base-url URL   any server that speaks the OpenAI chat protocol
      --offline        no network and no model for any agent: a few rules that use the tools
      --allow-model MODEL  lets files name this model with another address or key: vendor:id@https://host;key=NAME,
                       where * in vendor and id stands for any characters

Output
  -q, --quiet          the final answer, and nothing else
      --json           events of all agents as JSON lines on standard output, and nothing else there
      --no-color       no colours (also: NO_COLOR)

The answer goes to standard output. The tree of who is doing what goes to standard error: live in a terminal, elsewhere a
line for each run that begins or ends. Ctrl-C asks all agents to stop, a second one ends at once.

Exit codes: 0 answered, 1 the run failed or was cut short, 2 bad usage or files, 130 stopped by Ctrl-C, 143 terminated.
`

/**
 * Parses the arguments after `axonal run`. Never throws.
 *
 * @category constructors
 * @since 0.1.0
 */
export const parse = (args: ReadonlyArray<string>): Parsed => {
  try {
    const { positionals, values } = parseArgs({ args: [...args], options: flags, allowPositionals: true, strict: true })
    if (values.help === true) return { _tag: "Help" }
    const [path = "", ...words] = positionals
    const text = words.join(" ")
    const problem = check(values, path, words)
    if (problem !== undefined) return Flags.invalid(problem)
    return {
      _tag: "Asked",
      options: {
        path,
        input: words.length === 0 || text === "-" ? undefined : text,
        agent: values.agent,
        model: values.model,
        baseUrl: values["base-url"],
        allowed: values["allow-model"] ?? [],
        offline: values.offline ?? false,
        json: values.json ?? false,
        quiet: values.quiet ?? false,
        approve: values.approve ?? false,
        sandbox: Hands.placeOf(values.sandbox),
        session: values.session,
        continue: values.continue ?? false,
        dataDir: values["data-dir"],
        save: values["no-save"] !== true,
        compact: values["no-compact"] !== true,
        color: values["no-color"] !== true
      }
    }
  } catch (error) {
    return Flags.invalid(Flags.explain(error, Object.keys(flags)))
  }
}

// internal

type Values = ReturnType<typeof parseArgs<{ options: typeof flags }>>["values"]

const flags = {
  agent: { type: "string" },
  approve: { type: "boolean" },
  sandbox: Hands.flags.sandbox,
  session: { type: "string", short: "s" },
  continue: { type: "boolean", short: "c" },
  "data-dir": { type: "string" },
  "no-save": { type: "boolean" },
  "no-compact": { type: "boolean" },
  model: { type: "string", short: "m" },
  "base-url": { type: "string" },
  "allow-model": { type: "string", multiple: true },
  offline: { type: "boolean" },
  quiet: { type: "boolean", short: "q" },
  json: { type: "boolean" },
  "no-color": { type: "boolean" },
  help: { type: "boolean", short: "h" }
} as const

const check = (values: Values, path: string, words: ReadonlyArray<string>): string | undefined => {
  if (path.trim() === "") return 'axonal run needs a team and an input: axonal run agents/ "INPUT"'
  if (words.length > 0 && words.join("").trim() === "") return "the input is empty"
  const problem =
    Flags.blankOf(values, ["agent", "session", "model", "base-url", "data-dir"]) ?? Flags.sessionProblemOf(values)
  if (problem !== undefined) return problem
  if (values.quiet === true && values.json === true) return "--quiet and --json exclude each other"
  return Hands.problemOf(values) ?? Flags.modelProblemOf(values)
}
