import { execFileSync } from "node:child_process"
import { cpSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Agent from "axonal/agent/Agent"
import * as ContextStore from "axonal/context/ContextStore"
import * as Plugins from "axonal/plugin/Plugins"
import { ScriptedTransport } from "axonal/testing"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import { build } from "esbuild"
import { beforeAll } from "vitest"
import { exporting, install, provideAxonal, services, write } from "../plugin/support.ts"
import * as Processes from "../support/processes.ts"
import { root } from "../support/sources.ts"
import { folderOf, run, setUp } from "./support.ts"

setUp()

const { call, text } = ScriptedTransport

/** Nothing is fetched, and what plugins share is found above their folder. */
const offline = { npm_config_offline: "true", npm_config_legacy_peer_deps: "true", npm_config_loglevel: "error" }
const settings = { AXONAL_TIDES_STATION: "Husum", AXONAL_TIDES_KEY: "secret-key" }

let data = ""
let tarball = ""

beforeAll(async () => {
  data = folderOf()
  const source = folderOf()
  cpSync(join(root, "examples/plugin/package.json"), join(source, "package.json"))
  await build({
    absWorkingDir: join(root, "examples/plugin"),
    entryPoints: ["src/tools.ts", "src/guard.ts", "src/command.ts"],
    outdir: join(source, "dist"),
    bundle: true,
    splitting: true,
    packages: "external",
    format: "esm",
    tsconfigRaw: "{}"
  })
  const packed = execFileSync("npm", ["pack", "--ignore-scripts", "--silent"], {
    cwd: source,
    env: { ...process.env, ...offline }
  })
  tarball = join(source, packed.toString().trim())
  await provideAxonal(data)
})

const axonal = (args: ReadonlyArray<string>, env: Readonly<Record<string, string>> = {}, cwd = folderOf()) =>
  run(args, { cwd, data, env: { ...offline, ...env } })

/** As it is shipped, for what imports modules of plugins: the bundle in one file knows `require` alone. */
const loading = async (args: ReadonlyArray<string>, env: Readonly<Record<string, string>> = {}, cwd = folderOf()) => {
  const shipped = await Processes.shipped()
  return run(args, { cwd, data, env, through: ([node = ""]) => [node, ...shipped, ...args] })
}

const user = () => join(data, "axonal", "plugins")
const fileOf = (): unknown => JSON.parse(readFileSync(join(user(), "plugins.json"), "utf8"))

describe("axonal plugins", () => {
  it("a packed plugin is installed, examined, used and removed", async () => {
    const first = await axonal(["plugins", "add", tarball])
    assert.deepStrictEqual(
      [first.code, first.stderr],
      [1, "axonal: axonal-plugin-tides is not allowed, and not loaded. --yes allows it.\n"]
    )
    assert.match(first.stdout, /^axonal-plugin-tides 1\.2\.0 brings tools tides, guards harbour, commands tides\n/)
    const blocked = await axonal(["plugins"])
    assert.match(
      blocked.stdout,
      /^blocked {2}axonal-plugin-tides 1\.2\.0 \(user\) .* axonal plugins add axonal-plugin-tides allows it\n$/
    )

    const added = await axonal(["plugins", "add", tarball, "--yes"])
    assert.match(added.stdout, /\naxonal-plugin-tides is allowed\.\n$/)
    assert.deepStrictEqual(fileOf(), { allow: ["axonal-plugin-tides"] })
    assert.strictEqual(statSync(join(user(), "plugins.json")).mode & 0o777, 0o600)

    const [sick, healthy, command] = await Promise.all([
      loading(["plugins", "doctor"]),
      loading(["plugins", "doctor"], settings),
      loading(["tides", "6", "12"], settings)
    ])
    assert.deepStrictEqual([sick.code, sick.stderr], [1, "axonal: 3 problems with plugins.\n"])
    assert.match(
      sick.stdout,
      /tools tides\): its settings are not right: station \(AXONAL_TIDES_STATION\): it is missing; key/
    )
    assert.deepStrictEqual(
      [healthy.code, healthy.stderr, healthy.stdout.split("\n")],
      [
        ...[0, ""],
        ["tools tides", "guards harbour", "commands tides"]
          .map((what) => `ok       axonal-plugin-tides ${what}`)
          .concat("")
      ]
    )
    assert.deepStrictEqual([command.code, command.stdout], [0, "Husum 6:00 0.9 m\nHusum 12:00 3.2 m\n"])

    assert.deepStrictEqual(await asked(), ["tide ok", "log_tide denied"])

    const removed = await axonal(["plugins", "remove", "axonal-plugin-tides"])
    assert.deepStrictEqual([removed.code, removed.stdout, removed.stderr], [0, "axonal-plugin-tides is removed.\n", ""])
    assert.deepStrictEqual(fileOf(), { allow: [] })
    assert.match((await axonal(["plugins", "list"])).stdout, /^There are no plugins\./)
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
      export const call = Plugin.tools({ make: () => Effect.succeed([Agent.tool("call", {}, () => Effect.void)]) })`)
    await provideAxonal(project)
    install(
      project,
      "axonal-plugin-shout",
      { commands: { shout: "./c.js" }, transports: { echo: "./c.js#echo" }, tools: "./c.js#call" },
      { "c.js": module }
    )
    const here = (...args: ReadonlyArray<string>) => axonal(args, {}, project)
    const before = await here("shout", "hey", "--offline", "--no-save")
    assert.include(before.stdout, "shout hey")
    assert.include(
      (await here("plugins", "add", "axonal-plugin-shout", "--project", "--yes")).stdout,
      `is allowed in ${project}.`
    )
    const after = await loading(["shout", "hey", "--unknown"], {}, project)
    assert.deepStrictEqual([after.code, after.stdout], [3, "HEY --UNKNOWN\n"])
    assert.match((await axonal(["shout"], {}, folderOf())).stdout, /shout/)
    const talk = await loading(["--no-save", "-m", "echo:one", "who hears me?"], {}, project)
    assert.deepStrictEqual([talk.code, talk.stdout], [0, "read_file,list_files,find_files,search_files,calculate,call\n"])
    assert.include(talk.stderr, "axonal: echo one (a plugin has it)")
    const row = JSON.parse((await here("plugins", "--json")).stdout)
    assert.deepStrictEqual(row, {
      ...{ name: "axonal-plugin-shout", version: "1.0.0", source: "project", state: "ready" },
      ...{
        folder: join(project, "node_modules", "axonal-plugin-shout"),
        brings: { tools: ["shout"], transports: ["echo"], commands: ["shout"] }
      }
    })
    await here("plugins", "remove", "axonal-plugin-shout", "--project")
    assert.match((await here("plugins", "list")).stdout, /^blocked/)
  })

  it("what does not fit is not kept", async () => {
    const broken = folderOf()
    write(broken, { "package.json": { name: "axonal-plugin-late", version: "1.0.0", axonal: { tools: "./t.js" } } })
    const { code, stderr } = await axonal(["plugins", "add", broken, "--yes"])
    assert.deepStrictEqual([code, stderr.split(":")[1]], [1, " axonal-plugin-late is not installed"])
    const [nowhere, unknown, help] = await Promise.all([
      axonal(["plugins", "add", "axonal-plugin-that-is-nowhere"]),
      axonal(["plugins", "lst"]),
      axonal(["plugins", "--help"])
    ])
    assert.match(nowhere.stderr, /^axonal: npm install failed: /)
    assert.deepStrictEqual(
      [unknown.code, unknown.stderr],
      [
        2,
        'axonal: plugins knows list, add, remove and doctor, not "lst", did you mean list? Try axonal plugins --help.\n'
      ]
    )
    assert.match(help.stdout, /^Usage: axonal plugins/)
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
