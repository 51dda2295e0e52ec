import { symlinkSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Agent from "axonal/agent/Agent"
import * as ContextStore from "axonal/context/ContextStore"
import * as Guard from "axonal/guard/Guard"
import * as Importer from "axonal/plugin/Importer"
import * as Plugins from "axonal/plugin/Plugins"
import { ScriptedTransport } from "axonal/testing"
import * as Toolkit from "axonal/tool/Toolkit"
import * as ToolSelector from "axonal/tool/ToolSelector"
import * as ModelString from "axonal/transport/ModelString"
import * as Transport from "axonal/transport/Transport"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { beforeAll } from "vitest"
import * as Manifest from "../../src/plugin/internal/manifest.ts"
import { callOf } from "../support/calls.ts"
import {
  cleanUp,
  counting,
  exporting,
  folder,
  install,
  ofProject,
  provideAxonal,
  services,
  toolModule
} from "./support.ts"

cleanUp()

const { call, text } = ScriptedTransport

/** A plugin with one of everything. */
const everything = {
  tools: "./tools.js",
  transports: { tidal: "./more.js#transport" },
  guards: "./more.js#guard",
  hooks: "./more.js#hooks",
  selectors: { few: "./more.js#selector" },
  stores: { drawer: "./more.js#store" },
  commands: { tides: "./more.js#command" }
}

const more = exporting(`undefined
export const transport = Plugin.transport({
  layer: ({ id }) => Transport.layerStream({ vendor: "tidal", id }, () => Stream.empty)
})
export const guard = Plugin.guard({ layer: () => Guard.layer(Guard.forTools(Guard.deny("ebb"), ["sail"])) })
export const hooks = Plugin.hooks({ layer: () => Hooks.layer({ runStart: () => Effect.log("hooked") }) })
export const selector = Plugin.selector({ layer: () => ToolSelector.layerStatic({ tools: [] }) })
export const store = Plugin.store({ layer: () => ContextStore.layerMemory })
export const command = Plugin.command({ description: "Tells tides", run: (args) => Effect.succeed(args.length) })
`)

let whole = ""

beforeAll(async () => {
  whole = folder()
  await provideAxonal(whole)
  install(whole, "axonal-plugin-tides", everything, { "tools.js": toolModule("tide", "high"), "more.js": more })
})

const names = (tools: ReadonlyArray<{ readonly tool: { readonly name: string } }>) => tools.map(({ tool }) => tool.name)
const states = ({ found }: Plugins.Service) => found.map(({ name, source, state }) => `${name} ${source} ${state}`)
const said = (problems: ReadonlyArray<Error>) => problems.map(({ message }) => message)

describe("Plugins", () => {
  it.scoped("finding plugins imports nothing, using one thing imports its module", () =>
    Effect.gen(function* () {
      const { load, urls } = counting()
      const plugins = yield* ofProject(whole).pipe(Effect.provideService(Importer.Importer, load))
      assert.deepStrictEqual(
        plugins.found.map(({ contributions, name, version }) => [name, version, contributions.map(({ kind }) => kind)]),
        [["axonal-plugin-tides", "1.0.0", [...Manifest.kinds]]]
      )
      assert.deepStrictEqual(urls, [])
      const tools = yield* Effect.provideService(plugins.tools, Importer.Importer, load)
      yield* Effect.provideService(plugins.tools, Importer.Importer, load)
      assert.deepStrictEqual([names(tools), urls.length], [["tide"], 1])
    }).pipe(Effect.provide(services))
  )

  it.scoped("every kind of contribution works", () =>
    Effect.gen(function* () {
      const plugins = yield* ofProject(whole)
      assert.deepStrictEqual(
        (yield* plugins.check).map(({ kind, name, problem }) => [kind, name, problem?.message]),
        [
          ["tools", "tides", undefined],
          ["transports", "tidal", undefined],
          ["guards", "tides", undefined],
          ["hooks", "tides", undefined],
          ["selectors", "few", undefined],
          ["stores", "drawer", undefined],
          ["commands", "tides", undefined]
        ]
      )
      const { description, run } = yield* plugins.command("tides")
      assert.deepStrictEqual([description, yield* run(["a", "b"])], ["Tells tides", 2])
      const model = { id: "m", baseUrl: undefined, settings: {}, modelInfo: {} }
      assert.deepStrictEqual((yield* plugins.transport("tidal", model)).model, { vendor: "tidal", id: "m" })
      assert.strictEqual((yield* plugins.hooks).length, 1)
      assert.deepStrictEqual(yield* plugins.problems, [])
    }).pipe(Effect.provide(services))
  )

  it.scoped("layers put them in force", () =>
    Effect.gen(function* () {
      const trying = (tool: string) =>
        Effect.flatMap(Guard.Guard, ({ check }) => {
          return Effect.map(check(callOf(tool)), ({ _tag }) => _tag)
        })
      assert.deepStrictEqual(yield* Effect.all([trying("sail"), trying("row")]), ["Deny", "Allow"])
      const { model } = yield* Effect.flatMap(
        Layer.build(ModelString.layer("Tidal:spring;temperature=0.5")),
        (context) => Effect.provide(Transport.Transport, context)
      )
      assert.deepStrictEqual(model.id, "spring")
      const unknown = yield* Effect.flip(Effect.scoped(Layer.build(ModelString.layer("tidle:spring"))))
      assert.include(String(unknown), ", tidal.")
      const { list } = yield* ContextStore.ContextStore
      assert.deepStrictEqual((yield* list()).sessions, [])
      assert.notStrictEqual(yield* ToolSelector.ToolSelector, ToolSelector.all)
    }).pipe(
      Effect.provide(
        Layer.mergeAll(
          Plugins.layerGuard,
          Plugins.layerHooks,
          Plugins.layerTransports,
          Plugins.layerStore("drawer"),
          Plugins.layerSelector("few")
        ).pipe(Layer.provide(Plugins.layer({ project: whole, user: false, allow: { project: "all" } })))
      ),
      Effect.provide(services)
    )
  )

  it.scoped("their tools come from elsewhere, and an agent calls them", () =>
    Effect.gen(function* () {
      install(
        join(whole, "inner"),
        "axonal-plugin-sly",
        { tools: "./tools.js" },
        {
          "tools.js": exporting(`Plugin.tools({ make: () => Effect.succeed([
          Agent.tool("wreck", {}, () => Effect.succeed("done"))
        ]) })`)
        }
      )
      const plugins = yield* ofProject(join(whole, "inner"))
      const tools = yield* plugins.tools
      const { entries } = yield* Toolkit.resolve(tools)
      assert.deepStrictEqual(
        Array.from(entries.values(), ({ info }) => [info.name, info.origin, info.readOnly]),
        [
          ["wreck", "external", undefined],
          ["tide", "external", true]
        ]
      )
      const agent = Agent.make("sailor", { instructions: "Sail.", tools })
      const outcomes = yield* Agent.run(agent, "Go").pipe(
        Effect.map(({ messages }) => messages.flatMap(({ parts }) => parts)),
        Effect.map((parts) =>
          parts.flatMap((part) => (part.type === "tool-result" ? [`${part.name} ${part.outcome}`] : []))
        ),
        Effect.provide(ScriptedTransport.layer([[call("a", "tide"), call("b", "wreck")], [text("ok")]])),
        Effect.provide(ContextStore.layerMemory)
      )
      assert.deepStrictEqual(outcomes, ["tide ok", "wreck denied"])
    }).pipe(Effect.provide(services))
  )

  it.scoped("nothing is loaded that nobody allowed", () =>
    Effect.gen(function* () {
      const { load, urls } = counting()
      const plugins = yield* Effect.provideService(
        Plugins.make({ project: whole, user: false }),
        Importer.Importer,
        load
      )
      const given = yield* Effect.all([plugins.tools, plugins.guards, plugins.hooks, plugins.check])
      const command = yield* Effect.flip(plugins.command("tides"))
      assert.deepStrictEqual(
        [states(plugins), given, urls],
        [["axonal-plugin-tides project blocked"], [[], [], [], []], []]
      )
      assert.strictEqual(command.message, "tides: no plugin that is loaded brings it; of commands there are none")
    }).pipe(Effect.provide(services))
  )

  it.scoped("the project goes before the user, and a blocked one shadows nobody", () =>
    Effect.gen(function* () {
      const [project, user] = [folder(), folder()]
      for (const root of [project, user]) {
        install(root, "axonal-plugin-a", { tools: "./t.js" }, { "t.js": "" })
        install(root, "@acme/axonal-b", { tools: "./t.js" }, { "t.js": "" })
      }
      const find = (allow: Plugins.Options["allow"]) => Effect.map(Plugins.make({ project, user, allow }), states)
      assert.deepStrictEqual(yield* find({ project: "all", user: "all" }), [
        "@acme/axonal-b project ready",
        "axonal-plugin-a project ready",
        "@acme/axonal-b user shadowed",
        "axonal-plugin-a user shadowed"
      ])
      assert.deepStrictEqual(yield* find({ project: ["@acme/axonal-b"], user: ["axonal-plugin-a"] }), [
        "@acme/axonal-b project ready",
        "axonal-plugin-a project blocked",
        "@acme/axonal-b user blocked",
        "axonal-plugin-a user ready"
      ])
    }).pipe(Effect.provide(services))
  )

  it.scoped("linked packages are followed, and folders above are looked at up to the repository", () =>
    Effect.gen(function* () {
      const [root, elsewhere] = [folder(), folder()]
      install(root, "axonal-plugin-above", { tools: "./t.js" }, { "t.js": "" })
      const linked = install(elsewhere, "axonal-plugin-linked", { tools: "./t.js" }, { "t.js": "" })
      const inner = join(root, "apps", "shop")
      install(inner, "axonal-plugin-near", { tools: "./t.js" }, { "t.js": "" })
      symlinkSync(linked, join(inner, "node_modules", "axonal-plugin-linked"), "dir")
      symlinkSync(join(root, "gone"), join(inner, "node_modules", "axonal-plugin-dangling"), "dir")
      const before = yield* ofProject(inner)
      assert.deepStrictEqual(
        before.found.map(({ folder, name }) => [name, folder]),
        [
          ["axonal-plugin-linked", linked],
          ["axonal-plugin-near", join(inner, "node_modules", "axonal-plugin-near")],
          ["axonal-plugin-above", join(root, "node_modules", "axonal-plugin-above")]
        ]
      )
      install(inner, "../.git/x", {})
      assert.deepStrictEqual(
        (yield* ofProject(inner)).found.map(({ name }) => name),
        ["axonal-plugin-linked", "axonal-plugin-near"]
      )
    }).pipe(Effect.provide(services))
  )

  it.scoped("of tools with the same name the first counts, and the program's before all", () =>
    Effect.gen(function* () {
      const root = join(whole, "clashing")
      const both = exporting(`Plugin.tools({ make: () => Effect.succeed(["read", "swim", "swim"].map((name) =>
        Agent.tool(name, {}, () => Effect.succeed("")))) })`)
      install(root, "axonal-plugin-a", { tools: "./t.js", commands: { run: "./t.js" } }, { "t.js": both })
      install(root, "axonal-plugin-b", { tools: "./t.js" }, { "t.js": toolModule("swim") })
      const plugins = yield* Plugins.make({
        ...{ project: root, user: false, allow: { project: ["axonal-plugin-a", "axonal-plugin-b"] } },
        taken: { tools: ["read"], commands: ["run"] }
      })
      assert.deepStrictEqual(names(yield* plugins.tools), ["swim"])
      assert.deepStrictEqual(said(yield* plugins.problems), [
        "axonal-plugin-a (commands run): the name run is that of axonal itself, which goes before it",
        "axonal-plugin-a (tools a): the name read is that of the program itself, which goes before it",
        "axonal-plugin-a (tools a): the name swim is that of axonal-plugin-a, which goes before it",
        "axonal-plugin-b (tools b): the name swim is that of axonal-plugin-a, which goes before it"
      ])
    }).pipe(Effect.provide(services))
  )

  it.scoped("a guard that cannot be opened denies every call", () =>
    Effect.gen(function* () {
      const root = folder()
      install(root, "axonal-plugin-g", { guards: "./g.js" }, { "g.js": "throw new Error('lost')" })
      const [guard] = yield* Effect.flatMap(ofProject(root), ({ guards }) => guards)
      const verdict = yield* (guard ?? Guard.allow).check(callOf("any"))
      assert.deepStrictEqual(verdict, {
        _tag: "Deny",
        reason: "a guard is missing: axonal-plugin-g (guards g): importing ./g.js failed: Error: lost"
      })
    }).pipe(Effect.provide(services))
  )

  it.scoped("so does one of a plugin that is too old, unless another stands in for it", () =>
    Effect.gen(function* () {
      const root = folder()
      const old = { peerDependencies: { axonal: "^0.0.1" } }
      const manifest = { guards: "./more.js#guard" }
      install(root, "axonal-plugin-tides", manifest, { "more.js": more }, old)
      const verdicts = (options: Plugins.Options) =>
        Effect.flatMap(ofProject(root, options), ({ guards }) =>
          Effect.flatMap(
            guards,
            Effect.forEach(({ check }) => Effect.map(check(callOf("row")), ({ _tag }) => _tag))
          )
        )
      assert.deepStrictEqual(yield* verdicts({}), ["Deny"])
      assert.deepStrictEqual(yield* verdicts({ user: whole, allow: { project: "all", user: "all" } }), ["Allow"])
      assert.deepStrictEqual(yield* verdicts({ allow: {} }), [])
    }).pipe(Effect.provide(services))
  )

  it.scoped("allowed and not installed is a problem", () =>
    Effect.gen(function* () {
      const plugins = yield* Plugins.make({ project: folder(), user: folder(), allow: { user: ["axonal-plugin-x"] } })
      assert.deepStrictEqual(said(yield* plugins.problems), [
        "axonal-plugin-x: it is allowed and not installed: install it, or forbid it"
      ])
    }).pipe(Effect.provide(services))
  )

  it("options that cannot be meant throw", () => {
    assert.throws(() => Plugins.make({ importTimeout: 0 }), /Plugins option importTimeout must be/)
  })
})
