/**
 * Plugins that are broken, each in its own way, and what is told of them. They claim names of the healthy ones and stand
 * before them, so that whatever a broken one took away would be missed.
 */
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Reason } from "axonal/plugin/PluginError"
import { exporting, fits, install, toolModule, write } from "./support.ts"

export interface Broken {
  readonly title: string
  readonly reason: Reason
  /** What the message says, whatever else it does. */
  readonly says: RegExp
  readonly make: (root: string, name: string) => void
}

const manifest = (
  title: string,
  axonal: unknown,
  says: RegExp,
  reason: Reason = "InvalidManifest",
  more: object = {}
): Broken => ({
  ...{ title, reason, says },
  make: (root, name) => void install(root, name, axonal, { "t.js": toolModule("tide", "stolen") }, more)
})

const module = (title: string, reason: Reason, says: RegExp, source: string, kind = "tools"): Broken => ({
  ...{ title, reason, says },
  make: (root, name) => void install(root, name, { [kind]: { tides: "./t.js" } }, { "t.js": source })
})

const made = (title: string, reason: Reason, says: RegExp, make: string): Broken =>
  module(title, reason, says, exporting(`Plugin.tools({ make: () => ${make} })`))

const text = (title: string, says: RegExp, content: string, reason: Reason = "Unreadable"): Broken => ({
  ...{ title, reason, says },
  make: (root, name) => write(join(root, "node_modules", name), { "package.json": content })
})

const peers = (peerDependencies: unknown) => ({ peerDependencies })

export const broken: ReadonlyArray<Broken> = [
  text("a package.json that is no JSON", /is no JSON/, `{ "axonal": { "tools": "./t.js" }, `),
  text("a package.json that is a list", /it is no plugin/, `["axonal"]`, "InvalidManifest"),
  text("a package.json that is empty", /is no JSON/, ""),
  text("no field axonal", /it is no plugin/, `{ "keywords": ["axonal"] }`, "InvalidManifest"),
  text(
    "more things than anybody brings",
    /has more than 20000 char/,
    `{"axonal":{"x":"${"x".repeat(20_000)}"}}`,
    "InvalidManifest"
  ),
  text(
    "a field that is endlessly deep",
    /has more than/,
    `{"axonal":${"[".repeat(99_999)}${"]".repeat(99_999)}}`,
    "InvalidManifest"
  ),
  text("a package.json of two megabytes", /cannot be read/, `{"axonal":{},"x":"${"x".repeat(2_000_000)}"}`),
  {
    ...{ title: "a package.json that is a folder", reason: "Unreadable", says: /cannot be read/ },
    make: (root, name) => void mkdirSync(join(root, "node_modules", name, "package.json"), { recursive: true })
  },
  {
    ...{ title: "a folder without a package.json", reason: "Unreadable", says: /cannot be read/ },
    make: (root, name) => void mkdirSync(join(root, "node_modules", name), { recursive: true })
  },
  {
    ...{ title: "a file where the package should be", reason: "Unreadable", says: /cannot be read/ },
    make: (root, name) => writeFileSync(join(root, "node_modules", name), "")
  },
  {
    ...{ title: "a link to nowhere", reason: "Unreadable", says: /cannot be read/ },
    make: (root, name) => symlinkSync(join(root, "nowhere"), join(root, "node_modules", name))
  },
  {
    ...{ title: "a link to itself", reason: "Unreadable", says: /cannot be read/ },
    make: (root, name) => symlinkSync(join(root, "node_modules", name), join(root, "node_modules", name))
  },
  manifest("a manifest that is a text", "./t.js", /axonal: expected an object, not "\.\/t\.js"/),
  manifest("a manifest that names nothing", {}, /names nothing that the plugin brings/),
  manifest("a kind that there is not", { tool: "./t.js" }, /axonal\.tool: is unexpected.*did you mean tools\?/),
  manifest("a manifest of a later form", { version: 2, tools: "./t.js" }, /axonal\.version: expected 1, not 2/),
  manifest("a path that is a number", { tools: 1 }, /axonal\.tools: expected a text, a list or/),
  manifest("a list with a hole", { tools: [null] }, /axonal\.tools/),
  manifest("a name that is none", { tools: { "../tides": "./t.js" } }, /"\.\.\/tides" is no name/),
  manifest("a name twice", { tools: ["./t.js", "./a/t.js"] }, /has two of the name t/),
  manifest("a path without its beginning", { tools: "t.js" }, /it begins with \.\//),
  manifest("an empty path", { tools: "" }, /it begins with \.\//),
  manifest("an export without a name", { tools: "./t.js#" }, /leave out the #/),
  manifest("a path above", { tools: "./../other/t.js" }, /leads out of the package/, "OutsidePackage"),
  manifest("an absolute path", { tools: "/etc/passwd" }, /leads out of the package/, "OutsidePackage"),
  manifest("an address", { tools: "https://example.com/t.js" }, /leads out of the package/, "OutsidePackage"),
  manifest("data in place of a path", { tools: "data:text/javascript,1" }, /leads out/, "OutsidePackage"),
  manifest("backslashes", { tools: ".\\..\\t.js" }, /leads out of the package/, "OutsidePackage"),
  manifest("a file that is not there", { tools: "./gone.js" }, /there is no file \.\/gone\.js/, "FileMissing"),
  manifest("a folder in place of a file", { tools: "./." }, /there is no file|leads out/, "OutsidePackage"),
  {
    ...{ title: "a link that leads out", reason: "OutsidePackage", says: /leads out of the package/ },
    make: (root, name) => {
      const folder = install(root, name, { tools: "./t.js" })
      write(root, { "outside.js": toolModule("tide", "stolen") })
      symlinkSync(join(root, "outside.js"), join(folder, "t.js"))
    }
  },
  manifest("no range", { tools: "./t.js" }, /does not say which axonal/, "WrongVersion", peers(undefined)),
  manifest("another axonal", { tools: "./t.js" }, /for axonal \^7/, "WrongVersion", peers({ axonal: "^7.0.0" })),
  manifest(
    ...(["another effect", { tools: "./t.js" }, /for effect \^4/, "WrongVersion"] as const),
    peers({ ...fits, effect: "^4.0.0" })
  ),
  manifest("a range that is none", { tools: "./t.js" }, /cannot be read/, "WrongVersion", peers({ axonal: "soon" })),
  manifest("a range that is a list", { tools: "./t.js" }, /cannot be read/, "WrongVersion", peers({ axonal: [1] })),
  module(
    "a module that throws",
    "ImportFailed",
    /importing \.\/t\.js failed: Error: no luck/,
    `throw new Error("no luck")`
  ),
  module("a module that throws nothing", "ImportFailed", /failed: undefined/, `throw undefined`),
  module("a module that throws what has no text", "ImportFailed", /nothing that could/, `throw Object.create(null)`),
  module("a module that does not parse", "ImportFailed", /SyntaxError/, `export default {{`),
  module("a module that needs another", "ImportFailed", /Cannot find package 'nowhere'/, `import "nowhere"`),
  module("a module of CommonJS in a package of modules", "ImportFailed", /not defined/, `module.exports = {}`),
  module("no export", "WrongExport", /is missing. It exports nothing/, `const a = 1`),
  module("another export", "WrongExport", /It exports tools/, `export const tools = 1`),
  module("an export that is a function", "WrongExport", /is not made by Plugin\.tools/, `export default () => {}`),
  module(
    "an export of another kind",
    "WrongExport",
    /is not made by Plugin\.tools/,
    exporting(`Plugin.hooks({ layer: () => Layer.empty })`)
  ),
  module(
    "an export that resists",
    "WrongExport",
    /cannot be looked at: Error: no/,
    `export default new Proxy({}, {
    get(_, key) { if (key === "_tag") throw new Error("no") }
  })`
  ),
  made("a failure", "BuildFailed", /building it failed: shut/, `Effect.fail("shut")`),
  made("a defect", "BuildDied", /failed unexpectedly: Error: boom/, `Effect.die(new Error("boom"))`),
  made("a throw", "BuildDied", /failed unexpectedly: TypeError: oh/, `{ throw new TypeError("oh") }`),
  made("no effect", "BuildDied", /failed unexpectedly/, `undefined`),
  made("an interruption", "BuildDied", /failed unexpectedly/, `Effect.interrupt`),
  made("no list", "WrongResult", /no list of tools/, `Effect.succeed({ tide: 1 })`),
  made("a list of something else", "WrongResult", /no tool with a handler/, `Effect.succeed([{ name: "tide" }])`),
  made(
    "a tool without a name",
    "WrongResult",
    /which is no name/,
    `Effect.succeed([
    { handler: () => Effect.void, tool: { name: "" } }
  ])`
  ),
  made(
    "a tool with a wrong bound",
    "WrongResult",
    /tool tide is not right/,
    `Effect.succeed([
    { handler: () => Effect.void, tool: Agent.tool("tide", {}, () => Effect.void).tool.annotate(Concurrency, -1) }
  ]) }); const Concurrency = { key: "axonal/tool/Concurrency" }; ({`
  ),
  made("nothing", "WrongResult", /no list of tools/, `Effect.succeed(null)`),
  module(
    "a setting that is missing",
    "InvalidSettings",
    /station \(AXONAL_\w+_STATION\): it is missing/,
    exporting(
      `Plugin.tools({ settings: Config.all({ station: Config.string("station") }), make: () => Effect.succeed([]) })`
    )
  ),
  module(
    "a layer without its service",
    "BuildDied",
    /does not provide axonal\/context/,
    exporting(`Plugin.store({ layer: () => Layer.empty })`),
    "stores"
  ),
  module(
    "a store that is none",
    "WrongResult",
    /no context store/,
    exporting(`Plugin.store({ layer: () => Layer.succeed(ContextStore.ContextStore, {}) })`),
    "stores"
  ),
  module(
    "a selector that is none",
    "WrongResult",
    /no selector/,
    exporting(`Plugin.selector({ layer: () => Layer.succeed(ToolSelector.ToolSelector, null) })`),
    "selectors"
  ),
  module(
    "hooks that are none",
    "WrongResult",
    /no hooks/,
    exporting(`Plugin.hooks({ layer: () => Layer.succeed(Hooks.Hooks, { runStart: 1 }) })`),
    "hooks"
  ),
  module(
    "a command without a description",
    "WrongResult",
    /no command/,
    exporting(`Plugin.command({ run: () => Effect.void })`),
    "commands"
  )
]
