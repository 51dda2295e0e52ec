/**
 * The shape of the project, checked over source text. The rules stand in the table below; the rest reads it.
 * A pure function over `{ path: source }`, so that a test can plant a breach and see it reported.
 */
import type { Imported } from "./sources.ts"
import { parse } from "./sources.ts"

/** Paths are relative to the project, with forward slashes. */
export type Files = Readonly<Record<string, string>>

export interface Breach {
  readonly rule: Rule
  readonly file: string
  readonly detail: string
}

// ---------------------------------------------------------------------------------------------------------------------
// The rules
// ---------------------------------------------------------------------------------------------------------------------

/** A file imports its own rank or lower. The first line that matches a path below `src/` decides its rank. */
export const ranks: ReadonlyArray<readonly [rank: number, name: string, pattern: RegExp]> = [
  [6, "barrel", /^index\.ts$/],
  // The parts of the test kit speak the ports' types; what they may not do is serve others.
  [3, "testing", /^testing\//],
  // What adapters of one folder share speaks the ports' types.
  [1, "internal", /^(sandbox|toolbox|mcp|plugin)\/internal\//],
  [0, "internal", /(^|\/)internal\//],
  [0, "domain", /^domain\//],
  [2, "agent", /^agent\//],
  [4, "composition", /^(pattern|durable|plugin|team)\//],
  // Serving agents is above them, whatever speaks the protocol.
  [4, "composition", /^mcp\/McpServer[A-Za-z]*\.ts$/],
  // The tools of the box, written over a port of another folder; its namesake puts them together.
  [3, "toolbox", /^toolbox\//],
  [5, "application", /^(cli|console)\//],
  // Ports: the namesake of its folder, and the parts of a port that have a file of their own.
  [1, "port", /^tool\//],
  [
    1,
    "port",
    /^(hook\/(Hooks|Phase)|skill\/Skills|context\/ContextStore|guard\/(Approval|MessageGuard)|transport\/TransportError|sandbox\/SandboxError)\.ts$/
  ],
  [1, "port", /^context\/(Repair|TokenCounter|Identity|Window|Compaction|Summary|Paid|Trimming|Artifacts)\.ts$/],
  [1, "port", /^transport\/(HttpTransport|Models|Ask)\.ts$/],
  [1, "port", /^mcp\/Mcp(Elicitation|Sampling|Tokens|Tools)\.ts$/],
  [1, "port", /^([a-z]+)\/\1\.ts$/i],
  // What remains in a port's folder.
  [3, "adapter", /^[a-z]+\//]
]

export const rules = {
  rank: "a file imports its own rank or lower",
  adapters: "adapters import neither each other nor the agent",
  internal: "internal files serve their own folder only",
  resolve: "a file of src imports others by a relative path that exists",
  vendor: "vendor names appear only where vendors are spoken to",
  node: "node:* is imported only by sandbox, cli and console",
  cycle: "no import cycles",
  barrel: "inside src Effect is imported by deep paths",
  peers: "the core and the test kit load no optional peer",
  size: "files stay short"
} as const
export type Rule = keyof typeof rules

/** Exceptions to `rank` and `adapters`, each with its reason. Keep this list short. */
export const allowances: ReadonlyArray<{ readonly from: RegExp; readonly to: RegExp; readonly why: string }> = [
  {
    from: /^testing\/((ScriptedTransport|Cassette|Trace|Suites|index)\.ts$|internal\/)/,
    to: /^(agent|testing)\//,
    why: "the public test kit watches whole agents, and its files build on each other"
  },
  {
    from: /^(context|board)\/(Sqlite|Postgres)(ContextStore|Board)\.ts$/,
    to: /^(context|board)\/Sql(ContextStore|Board)\.ts$/,
    why: "there is one of them for all SQL databases; these files add nothing but a driver"
  },
  {
    from: /^toolbox\/[A-Za-z]+\.ts$/,
    to: /^toolbox\/[A-Za-z]+\.ts$/,
    why: "they are one kit: tools share what they know of files, and the box is made of all of them"
  },
  {
    from: /^toolbox\/[A-Za-z]+\.ts$/,
    to: /^guard\/(Path|Command)Guard\.ts$/,
    why: "tools say what they do with paths and commands in the words of the guards that judge it"
  },
  {
    from: /^transport\/ModelString\.ts$/,
    to: /^transport\/[A-Za-z]+\.ts$/,
    why: "it chooses among the transports by name"
  }
]

/** Compared with the words of a name, a text or a path: `openAi`, `OPENAI_API_KEY` and "open-ai" are all `openai`. */
export const vendors: ReadonlySet<string> = new Set([
  ...["openai", "anthropic", "claude", "gemini", "gpt", "chatgpt", "codex", "mistral", "deepseek", "grok", "xai"],
  ...["ollama", "groq", "openrouter", "bedrock", "vertexai", "cohere", "qwen", "moonshot", "kimi", "cerebras"]
])
/** The command line detects vendors from the environment; the barrel names the modules that it re-exports; vocabularies are vendors' own, and so are folders of skills. */
export const vendorHomes = /^((transport|media|realtime|cli|skill)\/|context\/Tokenizer\.ts$|index\.ts$)/

export const nodeHomes = /^(sandbox|cli|console)\//

/** A bare package name is its barrel. `@effect/vitest` has nothing else. */
export const barrels = /^(effect|@effect\/(?!vitest$)[^/]+)$/

/** Must list the optional peers of package.json; a test compares the two. */
export const optionalPeers: ReadonlyArray<string> = [
  "@effect/opentelemetry",
  "@effect/platform-node",
  "@effect/sql",
  "@effect/sql-pg",
  "@effect/sql-sqlite-node",
  "@modelcontextprotocol/sdk",
  "dockerode",
  "gpt-tokenizer",
  "node-llama-cpp",
  "node-pty"
]
/** Files that every user loads, so that nothing they import statically may need a peer that is optional, or a test runner. */
export const lean: ReadonlyArray<string> = ["index.ts", "testing/index.ts"]
const testRunners: ReadonlyArray<string> = ["vitest", "@effect/vitest"]

/** Most lines of a file; the first line that matches decides. */
export const sizes: ReadonlyArray<readonly [lines: number, pattern: RegExp]> = [
  [250, /^src\/agent\/Loop\.ts$/],
  [500, /^src\/domain\//],
  [500, /^src\/([a-z]+\/)?internal\//],
  [400, /^src\//],
  [400, /^test\//],
  [80, /^examples\//]
]

// ---------------------------------------------------------------------------------------------------------------------
// The check
// ---------------------------------------------------------------------------------------------------------------------

export const check = (files: Files): ReadonlyArray<Breach> => {
  const modules = new Map<string, Module>()
  for (const [path, source] of Object.entries(files)) {
    if (path.startsWith("src/") && path.endsWith(".ts")) {
      const file = path.slice("src/".length)
      modules.set(file, { file, ...rankOf(file), ...parse(path, source) })
    }
  }
  return [
    ...Object.entries(files).flatMap(([path, source]) => checkSize(path, source)),
    ...[...modules.values()].flatMap((module) => [
      ...module.imports.flatMap((imported) => checkImport(modules, module, imported)),
      ...checkVendor(module)
    ]),
    ...checkCycles(modules),
    ...lean.flatMap((entry) => checkPeers(modules, entry))
  ]
}

/** The rank of a path below `src/`. */
export const rankOf = (file: string): { readonly rank: number; readonly kind: string } => {
  for (const [rank, kind, pattern] of ranks) {
    if (pattern.test(file)) {
      return { rank, kind }
    }
  }
  return { rank: Number.NaN, kind: "unknown" }
}

export const render = (breaches: ReadonlyArray<Breach>): string =>
  breaches.map(({ rule, file, detail }) => `${file}: ${detail} (${rule}: ${rules[rule]})`).join("\n")

// internal

interface Module {
  readonly file: string
  readonly rank: number
  readonly kind: string
  readonly imports: ReadonlyArray<Imported>
  readonly texts: ReadonlyArray<string>
}

const checkSize = (path: string, source: string): ReadonlyArray<Breach> => {
  const cap = sizes.find(([, pattern]) => pattern.test(path))?.[0]
  const lines = source.replace(/\n$/, "").split("\n").length
  return cap === undefined || lines <= cap
    ? []
    : [{ rule: "size", file: path, detail: `${lines} lines, at most ${cap}` }]
}

const checkImport = (
  modules: ReadonlyMap<string, Module>,
  module: Module,
  { specifier }: Imported
): ReadonlyArray<Breach> => {
  const breach = (rule: Rule): ReadonlyArray<Breach> => [{ rule, file: module.file, detail: `imports ${specifier}` }]
  if (specifier.startsWith("node:")) {
    return nodeHomes.test(module.file) ? [] : breach("node")
  }
  if (barrels.test(specifier)) {
    return breach("barrel")
  }
  if (specifier === "axonal" || specifier.startsWith("axonal/")) {
    return breach("resolve")
  }
  if (!specifier.startsWith(".")) {
    return []
  }
  const target = modules.get(resolve(module.file, specifier))
  if (target === undefined) {
    return breach("resolve")
  }
  if (target.kind === "internal") {
    const home = target.file.slice(0, target.file.indexOf("internal/"))
    return module.file.startsWith(home) ? [] : breach("internal")
  }
  if (allowances.some(({ from, to }) => from.test(module.file) && to.test(target.file))) {
    return []
  }
  if (module.rank === 3 && (target.rank === 2 || target.rank === 3)) {
    return breach("adapters")
  }
  return target.rank <= module.rank ? [] : breach("rank")
}

const checkVendor = (module: Module): ReadonlyArray<Breach> => {
  if (vendorHomes.test(module.file)) {
    return []
  }
  const found = new Set([module.file, ...module.texts].flatMap(vendorsIn))
  return [...found].map((name) => ({ rule: "vendor", file: module.file, detail: `names ${name}` }))
}

/** The vendors a text names, by words and by pairs of words. */
const vendorsIn = (text: string): ReadonlyArray<string> => {
  const words = text
    .replace(/([a-z])([A-Z])/g, "$1 $2")
    .replace(/([A-Z])([A-Z][a-z])/g, "$1 $2")
    .toLowerCase()
    .split(/[^a-z]+/)
  return words.flatMap((word, index) => [word, word + (words[index + 1] ?? "")].filter((name) => vendors.has(name)))
}

/** Types vanish at run time and `import()` waits for it, so that neither closes a cycle. */
const loads = (modules: ReadonlyMap<string, Module>, file: string): ReadonlyArray<string> =>
  (modules.get(file)?.imports ?? [])
    .filter(({ kind }) => kind === "value")
    .map(({ specifier }) => (specifier.startsWith(".") ? resolve(file, specifier) : specifier))

const checkCycles = (modules: ReadonlyMap<string, Module>): ReadonlyArray<Breach> => {
  const breaches: Array<Breach> = []
  const done = new Set<string>()
  const path: Array<string> = []
  const visit = (file: string): void => {
    const start = path.indexOf(file)
    if (start >= 0) {
      breaches.push({ rule: "cycle", file, detail: [...path.slice(start), file].join(" → ") })
    }
    if (start >= 0 || done.has(file) || !modules.has(file)) {
      return
    }
    path.push(file)
    loads(modules, file).forEach(visit)
    path.pop()
    done.add(file)
  }
  for (const file of modules.keys()) {
    visit(file)
  }
  return breaches
}

const checkPeers = (modules: ReadonlyMap<string, Module>, entry: string): ReadonlyArray<Breach> => {
  const unwanted = [...optionalPeers, ...testRunners]
  const loaded = new Set([entry])
  // A set yields what is added while it is walked.
  for (const file of loaded) {
    for (const next of loads(modules, file)) {
      loaded.add(next)
    }
  }
  return [...loaded]
    .filter((name) => unwanted.some((peer) => name === peer || name.startsWith(`${peer}/`)))
    .map((name) => ({ rule: "peers", file: entry, detail: `loads ${name}` }))
}

const resolve = (from: string, specifier: string): string => {
  const parts = from.split("/").slice(0, -1)
  for (const part of specifier.split("/")) {
    if (part === "..") {
      if (parts.pop() === undefined) {
        return specifier
      }
    } else if (part !== ".") {
      parts.push(part)
    }
  }
  return parts.join("/")
}
