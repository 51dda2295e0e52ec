import { execFileSync } from "node:child_process"
import { chmodSync, cpSync, mkdirSync, readFileSync, statSync, symlinkSync } from "node:fs"
import { delimiter, join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Agent from "axonal/agent/Agent"
import * as ContextStore from "axonal/context/ContextStore"
import * as Plugins from "axonal/plugin/Plugins"
import { ScriptedTransport } from "axonal/testing"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { build } from "esbuild"
import { beforeAll, vi } from "vitest"
import { explain } from "../../src/cli/errors.ts"
import * as Command from "../../src/cli/plugins/command.ts"
import { exporting, fits, install, provideAxonal, services, write } from "../plugin/support.ts"
import * as Processes from "../support/processes.ts"
import { root } from "../support/sources.ts"
import type { Ended } from "./support.ts"
import { folderOf, run, setUp } from "./support.ts"

setUp()

const { call, text } = ScriptedTransport

/** Nothing is fetched, and what plugins share is found above their folder. */
const offline = { npm_config_offline: "true", npm_config_legacy_peer_deps: "true", npm_config_loglevel: "error" }
const settings = { AXONAL_TIDES_STATION: "Husum", AXONAL_TIDES_KEY: "secret-key" }

let data = ""
let tarball = ""
/** A folder with something that is called npm: it copies folders, in three steps that others may come between. */
let standIn = ""

const copier = `#!/usr/bin/env node
const { cpSync, existsSync, readFileSync, writeFileSync, rmSync, appendFileSync } = require("node:fs")
const [action, ...rest] = process.argv.slice(2)
const spec = rest.at(-1)
appendFileSync("said", process.argv.slice(2).join(" ") + "\\n")
const manifest = JSON.parse(readFileSync("package.json", "utf8"))
const change = (dependencies) => writeFileSync("package.json", JSON.stringify({ ...manifest, dependencies }))
if (action === "uninstall") {
  rmSync("node_modules/" + spec, { recursive: true })
  const { [spec]: _, ...others } = manifest.dependencies
  change(others)
} else if (!existsSync(spec)) {
  console.error("npm error code E404\\nnpm error 404 Not found")
  process.exitCode = 1
} else {
  const { name } = JSON.parse(readFileSync(spec + "/package.json", "utf8"))
  cpSync(spec, "node_modules/" + name, { recursive: true })
  setTimeout(() => change({ ...manifest.dependencies, [name]: "file:" + spec }), 20)
}
`

beforeAll(async () => {
  data = folderOf()
  standIn = folderOf({ npm: copier })
  chmodSync(join(standIn, "npm"), 0o755)
  const source = folderOf()
  cpSync(join(root, "examples/plugin/package.json"), join(source, "package", "package.json"))
  await Promise.all([
    build({
      absWorkingDir: join(root, "examples/plugin"),
      entryPoints: ["src/tools.ts", "src/guard.ts", "src/command.ts"],
      outdir: join(source, "package", "dist"),
      bundle: true,
      splitting: true,
      packages: "external",
      format: "esm",
      tsconfigRaw: "{}"
    }),
    provideAxonal(data)
  ])
  tarball = join(source, "tides.tgz")
  execFileSync("tar", ["-czf", tarball, "package"], { cwd: source })
})

const axonal = (args: ReadonlyArray<string>, env: Readonly<Record<string, string>> = {}, cwd = folderOf()) =>
  run(args, { cwd, data, env: { ...offline, ...env } })

/** As it is shipped, for what imports modules of plugins: the bundle in one file knows `require` alone. */
const loading = async (
  args: ReadonlyArray<string>,
  env: Readonly<Record<string, string>> = {},
  cwd = folderOf(),
  stdin = ""
) => {
  const shipped = await Processes.shipped()
  return run(args, { cwd, data, env, stdin, through: ([node = ""]) => [node, ...shipped, ...args] })
}

/** The command without a process around it, which would add nothing. */
const plugins = async (
  args: ReadonlyArray<string>,
  { cwd = folderOf(), env = {}, home = data }: Partial<Record<"cwd" | "home", string>> & { env?: object } = {}
): Promise<Omit<Ended, "signal">> => {
  const [before, written]: [string, Array<string>] = [process.cwd(), []]
  const writing = vi.spyOn(process.stdout, "write").mockImplementation((chunk) => written.push(String(chunk)) > 0)
  process.chdir(cwd)
  try {
    const known = { PATH: process.env["PATH"] ?? "", HOME: home, ...offline, ...env }
    const exit = await Command.run([...args, "--data-dir", join(home, "axonal")], known).pipe(
      Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(known)))),
      Effect.runPromiseExit
    )
    const told = Exit.isSuccess(exit) ? { code: 0, text: "" } : explain(exit.cause, { debug: false })
    return { code: told.code, stdout: written.join(""), stderr: told.text }
  } finally {
    process.chdir(before)
    writing.mockRestore()
  }
}

const user = (home = data) => join(home, "axonal", "plugins")
const fileOf = (home = data): unknown => JSON.parse(readFileSync(join(user(home), "plugins.json"), "utf8"))

/** A home of its own, where npm is the one that copies. */
const copying = () => {
  const home = folderOf()
  return { home, env: { PATH: `${standIn}${delimiter}${process.env["PATH"]}` } }
}

/** A package that brings a tool, which nobody opens. */
const packageOf = (name: string, more: object = {}): string => {
  const folder = folderOf({ "t.js": "" })
  const manifest = { name, version: "1.0.0", peerDependencies: fits, axonal: { tools: "./t.js" }, ...more }
  write(folder, { "package.json": manifest })
  return folder
}

describe("axonal plugins", () => {
  it("a packed plugin is installed, examined, used and removed", async () => {
    const first = await axonal(["plugins", "add", tarball])
    assert.deepStrictEqual(
      [first.code, first.stderr],
      [1, "axonal: axonal-plugin-tides is not allowed, and not loaded. --yes allows it.\n"]
    )
    assert.match(first.stdout, /^axonal-plugin-tides 1\.2\.0 brings tools tides, guards harbour, commands tides\n/)
    assert.match(
      (await plugins([])).stdout,
      /^blocked {2}axonal-plugin-tides 1\.2\.0 \(user\) .* axonal plugins add axonal-plugin-tides allows it\n$/
    )

    // Without npm, which would look for the name where everybody publishes.
    const added = await plugins(["add", "axonal-plugin-tides", "--yes"], { env: { PATH: "" } })
    assert.match(added.stdout, /\naxonal-plugin-tides is allowed\.\n$/)
    assert.deepStrictEqual(fileOf(), { allow: ["axonal-plugin-tides"] })
    assert.strictEqual(statSync(join(user(), "plugins.json")).mode & 0o777, 0o600)

    const sick = await plugins(["doctor"])
    assert.deepStrictEqual([sick.code, sick.stderr], [1, "3 problems with plugins."])
    assert.match(
      sick.stdout,
      /tools tides\): its settings are not right: station \(AXONAL_TIDES_STATION\): it is missing; key/
    )
    const healthy = await plugins(["doctor"], { env: settings })
    assert.deepStrictEqual(
      [healthy.code, healthy.stderr, healthy.stdout.split("\n")],
      [
        ...[0, ""],
        ["tools tides", "guards harbour", "commands tides"]
          .map((what) => `ok       axonal-plugin-tides ${what}`)
          .concat("")
      ]
    )
    const command = await loading(["tides", "6", "12"], settings)
    assert.deepStrictEqual([command.code, command.stdout], [0, "Husum 6:00 0.9 m\nHusum 12:00 3.2 m\n"])

    assert.deepStrictEqual(await asked(), ["tide ok", "log_tide denied"])

    const removed = await plugins(["remove", "axonal-plugin-tides"])
    assert.deepStrictEqual([removed.code, removed.stdout, removed.stderr], [0, "axonal-plugin-tides is removed.\n", ""])
    assert.deepStrictEqual(fileOf(), { allow: [] })
    assert.match((await plugins(["list"])).stdout, /^There are no plugins\./)
  })

  it("a plugin of a project runs once it is allowed there", async () => {
    const project = folderOf()
    const module = exporting(`Plugin.command({ description: "Shouts", run: (args) =>
      Effect.as(Effect.sync(() => console.log(args.join(" ").toUpperCase())), 3) })
      const usage = { inputTokens: 1, outputTokens: 1 }
      export const echo = Plugin.transport({ layer: ({ id }) => Transport.layerStream({ vendor: "echo", id }, ({ tools }) =>
        Stream.make(
          { _tag: "ResponseStart", id: "r", model: id },
          { _tag: "PartStart", index: 0, kind: "text" },
          { _tag: "TextDelta", index: 0, delta: tools.map(({ name }) => name).join() },
          { _tag: "PartEnd", index: 0, part: { type: "text", text: tools.map(({ name }) => name).join() } },
          { _tag: "Finish", reason: "stop", usage }
        )) })
      export const guard = Plugin.guard({ layer: () => Layer.succeed(Guard.Guard, Guard.make(({ tool }) =>
        Effect.succeed(tool.name === "calculate" ? Guard.Deny("no sums here") : Guard.Allow))) })
      export const call = Plugin.tools({ make: () => Effect.succeed([Agent.tool("call", {}, () => Effect.void)]) })`)
    mkdirSync(join(project, "node_modules"))
    for (const name of ["axonal", "effect", "@effect"]) {
      symlinkSync(join(data, "node_modules", name), join(project, "node_modules", name), "dir")
    }
    install(
      project,
      "axonal-plugin-shout",
      {
        commands: { shout: "./c.js" },
        transports: { echo: "./c.js#echo" },
        tools: "./c.js#call",
        guards: "./c.js#guard"
      },
      { "c.js": module }
    )
    const here = (...args: ReadonlyArray<string>) => plugins(args, { cwd: project })
    const before = await axonal(["shout", "hey", "--offline", "--no-save"], {}, project)
    assert.include(before.stdout, "shout hey")
    assert.include((await here("add", "axonal-plugin-shout", "--project", "--yes")).stdout, `is allowed in ${project}.`)
    write(project, { "guide.md": "---\nname: guide\ntools: [call]\n---\nSay who hears." })
    const calculate = { name: "calculate", arguments: { expression: "1+1" } }
    const request = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: calculate })
    const [after, elsewhere, talk, team, served] = await Promise.all([
      loading(["shout", "hey", "--unknown"], {}, project),
      axonal(["shout"], {}, folderOf()),
      loading(["--no-save", "-m", "echo:one", "who hears me?"], {}, project),
      loading(["run", "guide.md", "--no-save", "-m", "echo:one", "who hears me?"], {}, project),
      loading(["mcp", "serve"], {}, project, `${request}\n`)
    ])
    assert.deepStrictEqual([after.code, after.stdout], [3, "HEY --UNKNOWN\n"])
    assert.match(elsewhere.stdout, /shout/)
    const own = ["read_file", "list_files", "find_files", "search_files", "calculate"]
    assert.deepStrictEqual([talk.code, talk.stdout], [0, `${[...own, "call"].join()}\n`])
    assert.include(talk.stderr, "axonal: echo one (a plugin has it)")
    assert.deepStrictEqual([team.code, team.stdout], [0, "call\n"])
    assert.include(served.stdout, "no sums here")
    const row = JSON.parse((await here("--json")).stdout)
    assert.deepStrictEqual(row, {
      ...{ name: "axonal-plugin-shout", version: "1.0.0", source: "project", state: "ready" },
      ...{
        folder: join(project, "node_modules", "axonal-plugin-shout"),
        brings: { tools: ["shout"], transports: ["echo"], guards: ["shout"], commands: ["shout"] }
      }
    })
    await here("remove", "axonal-plugin-shout", "--project")
    assert.match((await here("list")).stdout, /^blocked/)
  })

  it("what does not fit is not kept, nor what it takes the place of", async () => {
    const { env, home } = copying()
    const before = packageOf("axonal-plugin-late")
    assert.strictEqual((await plugins(["add", before, "--yes"], { env, home })).code, 0)
    const broken = packageOf("axonal-plugin-late", { peerDependencies: {} })
    const { code, stderr } = await plugins(["add", broken, "--yes"], { env, home })
    assert.strictEqual(code, 1)
    assert.match(stderr, /^axonal-plugin-late is not installed: it does not say which axonal it is for/)
    assert.deepStrictEqual(fileOf(home), { allow: [] })
    assert.match((await plugins(["list"], { home })).stdout, /^There are no plugins\./)
    const said = readFileSync(join(user(home), "said"), "utf8")
    assert.match(said, /^(?:(?:install|uninstall) --ignore-scripts .*-- \S+\n){3}$/)
  })

  it("several that are added at once are all there", async () => {
    const { env, home } = copying()
    const names = ["axonal-plugin-a", "axonal-plugin-b", "axonal-plugin-c"]
    const cwd = folderOf()
    const added = await Promise.all(
      names.map((name) => run(["plugins", "add", packageOf(name), "--yes"], { cwd, data: home, env }))
    )
    assert.deepStrictEqual(
      added.map(({ code, stderr }) => [code, stderr]),
      names.map(() => [0, ""])
    )
    const rows = (await plugins(["--json"], { home })).stdout.trim().split("\n")
    assert.deepStrictEqual(
      rows.map((row) => [JSON.parse(row).name, JSON.parse(row).state]),
      names.map((name) => [name, "ready"])
    )
  })

  it("a package that nobody allowed writes nothing to the terminal but words", async () => {
    const cwd = folderOf()
    const lurid = "1.0\u001b[31m\u009b31m\u202e"
    install(cwd, "axonal-plugin-lurid", { tools: "./t.js" }, { "t.js": "" }, { version: lurid })
    install(cwd, "axonal-plugin-many", Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [index, 1])))
    install(cwd, "axonal-plugin-odd", { ["\u001b[2J".repeat(1000)]: 1 }, {}, { version: "9".repeat(100_000) })
    for (const args of [["list"], ["list", "--json"], ["doctor"]]) {
      const { stdout } = await plugins(args, { cwd })
      assert.isBelow(stdout.length, 4000)
      assert.notMatch(stdout, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/)
      assert.include(stdout, "axonal-plugin-many")
    }
  })

  it("what cannot be done is told", async () => {
    const { env, home } = copying()
    const nowhere = await plugins(["add", "axonal-plugin-that-is-nowhere"], { env, home })
    assert.strictEqual(nowhere.stderr, "npm install failed: code E404 404 Not found")
    await plugins(["add", packageOf("axonal-plugin-tides"), "--yes"], { env, home })
    const other = await plugins(["remove", "axonal-plugin-tide"], { env, home })
    assert.deepStrictEqual(
      [other.code, other.stderr],
      [1, "there is no plugin axonal-plugin-tide of your own, did you mean axonal-plugin-tides?"]
    )
    assert.deepStrictEqual(fileOf(home), { allow: ["axonal-plugin-tides"] })
    const unknown = await plugins(["lst"])
    assert.deepStrictEqual(
      [unknown.code, unknown.stderr],
      [2, 'plugins knows list, add, remove and doctor, not "lst", did you mean list? Try axonal plugins --help.']
    )
    assert.match((await plugins(["--help"])).stdout, /^Usage: axonal plugins/)
  })
})

/** What an agent with the tools of the installed plugin is answered. */
const asked = () =>
  Effect.gen(function* () {
    const agent = Agent.make("mate", { instructions: "Sail.", tools: yield* Plugins.tools })
    const { messages } = yield* Agent.run(agent, "May we?")
    const parts = messages.flatMap(({ parts }) => parts)
    return parts.flatMap((part) => (part.type === "tool-result" ? [`${part.name} ${part.outcome}`] : []))
  }).pipe(
    Effect.provide(
      ScriptedTransport.layer([[call("a", "tide", { hour: 6 }), call("b", "log_tide", { line: "out" })], [text("No.")]])
    ),
    Effect.provide(ContextStore.layerMemory),
    Effect.provide(Plugins.layer({ project: false, user: user() })),
    Effect.provide(services),
    Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(settings)))),
    Effect.runPromise
  )
