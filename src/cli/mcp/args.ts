/**
 * Reads what follows `axonal mcp`, and says what is wrong with it in one line. It loads nothing but Node's parser.
 */
import { parseArgs } from "node:util"
import { nearest } from "../../internal/nearest.ts"
import * as Flags from "../internal/flags.ts"

/**
 * What is to be served, and how.
 *
 * **Details**
 *
 * - `http`: where to listen; standard input and output when absent. `tools`: some of the command line's own; absent when none
 *   were named. `team`: its folder or file, `agent` whom of it to serve instead of the lead.
 *
 * @category models
 * @since 0.1.0
 */
export interface Serve {
  readonly action: "serve"
  readonly http: { readonly host: string; readonly port: number } | undefined
  readonly tools: ReadonlyArray<string> | undefined
  readonly team: string | undefined
  readonly agent: string | undefined
  readonly sessions: "fresh" | "connection" | "named"
  readonly model: string | undefined
  readonly baseUrl: string | undefined
  readonly allowed: ReadonlyArray<string>
  readonly offline: boolean
  readonly dataDir: string | undefined
  readonly save: boolean
}

/**
 * Which servers of others are meant. `trust`: those of the project that may be used.
 *
 * @category models
 * @since 0.1.0
 */
export type Use = { readonly trust: ReadonlyArray<string> | "all" } & (
  | { readonly action: "list"; readonly json: boolean }
  | { readonly action: "login"; readonly server: string; readonly browser: boolean; readonly port: number }
  | { readonly action: "logout"; readonly server: string }
)

/**
 * The outcome of parsing.
 *
 * @category models
 * @since 0.1.0
 */
export type Parsed =
  | { readonly _tag: "Asked"; readonly options: Serve | Use }
  | { readonly _tag: "Help" }
  | { readonly _tag: "Invalid"; readonly message: string }

/**
 * What `axonal mcp --help` prints.
 *
 * @category constructors
 * @since 0.1.0
 */
export const help = `Usage: axonal mcp [serve | list | login SERVER | logout SERVER] [flags]

The Model Context Protocol, both ways: serves tools and agents to other programs, and shows the servers of others that stand
in mcp.json files, yours and the project's.

  serve            tools that read the current folder and do arithmetic, to the program that starts this one
  list             the servers of mcp.json, how they are, and their tools
  login SERVER     log in to one, with your browser; logout forgets that

Serving
      --http [HOST:]PORT   over HTTP at /mcp, instead of standard input and output; on this machine unless HOST says more.
                       AXONAL_MCP_TOKEN is the token that clients have to bring; hosts other than this machine need one
      --tools NAMES    only these tools: read_file,list_files,find_files,search_files,calculate
      --team PATH      the lead of a team as a tool: a folder, its team.toml, or the file of one agent
      --agent NAME     this agent of the team instead of its lead
      --sessions HOW   which conversation a call goes on with: fresh (a new one), connection, named (the caller names it)
      --data-dir DIR   keep sessions here instead of in your data folder
      --no-save        keep nothing

Model, for the agents whose files name none: see axonal --help
  -m, --model MODEL    vendor:id, or an id alone
      --base-url URL   any server that speaks the OpenAI chat protocol
      --offline        no network and no model for any agent: a few rules that use the tools
      --allow-model MODEL  lets files name this model with another address or key

Servers of others
      --trust NAME     use this server of the project's files, which anybody may have written; more than once for several
      --trust-all      use all of them, as after axonal trust
      --json           one server a line (list)
      --no-browser     paste what the browser got (login)
      --port PORT      where the browser comes back to (login); any that is free

Exit codes: 0 served to the end, 1 failed, 2 bad usage, 130 stopped by Ctrl-C, 143 terminated.
`

/**
 * Parses the arguments after `mcp`. Never throws.
 *
 * @category constructors
 * @since 0.1.0
 */
export const parse = (args: ReadonlyArray<string>): Parsed => {
  try {
    const { positionals, values } = parseArgs({ args: [...args], options: flags, allowPositionals: true, strict: true })
    if (values.help === true) return { _tag: "Help" }
    const [action, server, ...more] = positionals
    if (action === undefined) return Flags.invalid("axonal mcp needs to know what: serve, list, login or logout")
    const trust = values["trust-all"] === true ? "all" : (values.trust ?? [])
    const blank = Flags.blankOf(values, blanks)
    if (blank !== undefined) return Flags.invalid(blank)
    if (more.length > 0 || (server !== undefined && (action === "serve" || action === "list"))) {
      return Flags.invalid(`axonal mcp ${action} does not take "${positionals.at(-1)}"`)
    }
    switch (action) {
      case "serve":
        return serve(values)
      case "list":
        return { _tag: "Asked", options: { action, trust, json: values.json ?? false } }
      case "login":
      case "logout": {
        if (server === undefined) return Flags.invalid(`axonal mcp ${action} needs the name of a server`)
        if (action === "logout") return { _tag: "Asked", options: { action, trust, server } }
        const port = portOf(values.port ?? "0")
        if (port === undefined) return Flags.invalid(`--port is a number up to 65535, not "${values.port}"`)
        return { _tag: "Asked", options: { action, trust, server, browser: values["no-browser"] !== true, port } }
      }
      default: {
        const near = nearest(action, ["serve", "list", "login", "logout"])
        return Flags.invalid(`there is no axonal mcp ${action}${near === undefined ? "" : `, did you mean ${near}?`}`)
      }
    }
  } catch (error) {
    return Flags.invalid(Flags.explain(error, Object.keys(flags)))
  }
}

// internal

type Values = ReturnType<typeof parseArgs<{ options: typeof flags }>>["values"]

const flags = {
  http: { type: "string" },
  tools: { type: "string" },
  team: { type: "string" },
  agent: { type: "string" },
  sessions: { type: "string" },
  "data-dir": { type: "string" },
  "no-save": { type: "boolean" },
  model: { type: "string", short: "m" },
  "base-url": { type: "string" },
  "allow-model": { type: "string", multiple: true },
  offline: { type: "boolean" },
  trust: { type: "string", multiple: true },
  "trust-all": { type: "boolean" },
  json: { type: "boolean" },
  "no-browser": { type: "boolean" },
  port: { type: "string" },
  help: { type: "boolean", short: "h" }
} as const

const blanks = ["http", "tools", "team", "agent", "data-dir", "model", "base-url"] as const

const portOf = (text: string): number | undefined =>
  /^\d{1,5}$/.test(text) && Number(text) < 65_536 ? Number(text) : undefined

const serve = (values: Values): Parsed => {
  const [, host = "127.0.0.1", digits = ""] = /^(?:(\[[^\]]+\]|[^:]+):)?(\d+)$/.exec(values.http ?? "0") ?? []
  const port = portOf(digits)
  if (port === undefined) return Flags.invalid(`--http is a port or HOST:PORT, not "${values.http}"`)
  const { sessions = "fresh", team } = values
  if (sessions !== "fresh" && sessions !== "connection" && sessions !== "named") {
    return Flags.invalid(`--sessions is fresh, connection or named, not "${sessions}"`)
  }
  const problem = Flags.modelProblemOf(values)
  if (problem !== undefined) return Flags.invalid(problem)
  if (team === undefined) {
    const lonely = (["agent", "sessions", "model", "base-url", "offline", "allow-model"] as const).find(
      (name) => values[name] !== undefined
    )
    if (lonely !== undefined) return Flags.invalid(`--${lonely} is about agents: it needs --team`)
  }
  return {
    _tag: "Asked",
    options: {
      action: "serve",
      http: values.http === undefined ? undefined : { host: host.replace(/^\[|\]$/g, ""), port },
      tools: values.tools?.split(",").map((name) => name.trim()),
      team,
      agent: values.agent,
      sessions,
      model: values.model,
      baseUrl: values["base-url"],
      allowed: values["allow-model"] ?? [],
      offline: values.offline ?? false,
      dataDir: values["data-dir"],
      save: values["no-save"] !== true
    }
  }
}
