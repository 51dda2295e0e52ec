import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Importer from "axonal/plugin/Importer"
import type { PluginError } from "axonal/plugin/PluginError"
import * as Plugins from "axonal/plugin/Plugins"
import * as Toolkit from "axonal/tool/Toolkit"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { beforeAll } from "vitest"
import { broken } from "./brokenPlugins.ts"
import { cleanUp, exporting, folder, install, ofProject, provideAxonal, services, toolModule } from "./support.ts"

cleanUp()

const healthy = ["axonal-plugin-tides", "axonal-plugin-winds"]
const nameOf = (index: number): string => `axonal-plugin-broken-${String(index).padStart(2, "0")}`
let root = ""
let told: ReadonlyArray<PluginError> = []

beforeAll(async () => {
  root = folder()
  await provideAxonal(root)
  install(
    root,
    "axonal-plugin-tides",
    { tools: { tides: "./t.js" }, stores: { tides: "./more.js#store" } },
    {
      "t.js": toolModule("tide", "high"),
      "more.js": exporting(`undefined
      export const store = Plugin.store({ layer: () => ContextStore.layerMemory })`)
    }
  )
  install(
    root,
    "axonal-plugin-winds",
    { tools: "./t.js", commands: { tides: "./c.js" }, selectors: { tides: "./s.js" } },
    {
      "t.js": toolModule("wind", "west"),
      "c.js": exporting(`Plugin.command({ description: "Tides", run: () => Effect.succeed(7) })`),
      "s.js": exporting(`Plugin.selector({ layer: () => ToolSelector.layerStatic({ tools: [] }) })`)
    }
  )
  for (const [index, { make }] of broken.entries()) make(root, nameOf(index))
  told = await Effect.gen(function* () {
    const plugins = yield* open(broken.map((_, index) => nameOf(index)))
    yield* plugins.check
    return yield* plugins.problems
  }).pipe(Effect.scoped, Effect.provide(services), Effect.runPromise)
})

const open = (names: ReadonlyArray<string>) => ofProject(root, { allow: { project: names } })

/** What the plugins give, used. */
const given = (names: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const { command, hooks, selector, store, tools } = yield* open(names)
    const { entries } = yield* Toolkit.resolve(yield* tools)
    const answers = yield* Effect.forEach(entries.values(), ({ execute }) => execute?.({}) ?? Effect.void)
    const { list } = yield* store("tides")
    return {
      tools: [...entries.keys()],
      answers,
      exitCode: yield* Effect.scoped(Effect.flatMap(command("tides"), ({ run }) => run([]))),
      sessions: (yield* list()).sessions,
      hooks: yield* hooks,
      selects: (yield* selector("tides")).select === undefined
    }
  }).pipe(Effect.scoped, Effect.provide(services))

describe("broken plugins", () => {
  it.each(broken.map((one, index) => ({ ...one, index })))("$title", ({ index, reason, says }) => {
    const [problem, ...more] = told.filter(({ plugin }) => plugin === nameOf(index))
    assert.deepStrictEqual([problem?.reason, more], [reason, []])
    assert.match(problem?.detail ?? "", says)
  })

  it.effect("any of them change nothing of what the healthy ones give", () =>
    Effect.gen(function* () {
      const expected = yield* given(healthy)
      assert.deepStrictEqual(expected.tools, ["tide", "wind"])
      const subsets = FastCheck.sample(FastCheck.subarray(broken.map((_, index) => nameOf(index))), {
        numRuns: 5,
        seed: 7
      })
      for (const names of [broken.map((_, index) => nameOf(index)), ...subsets]) {
        assert.deepStrictEqual(yield* given([...names, ...healthy]), expected)
      }
    })
  )

  it.scoped("an import that never ends is given up", () =>
    Effect.gen(function* () {
      const asked = yield* Deferred.make<void>()
      const load: Importer.Import = (url) => {
        if (!url.includes("winds")) return import(/* @vite-ignore */ url)
        Effect.runSync(Deferred.succeed(asked, undefined))
        return new Promise(() => {})
      }
      const plugins = yield* open(healthy)
      const fiber = yield* Effect.fork(Effect.provideService(plugins.command("tides"), Importer.Importer, load))
      yield* Deferred.await(asked)
      yield* TestClock.adjust("10 seconds")
      const error = yield* Effect.flip(Fiber.join(fiber))
      assert.deepStrictEqual(
        [error.reason, error.message],
        ["ImportTimeout", "axonal-plugin-winds (commands tides): importing ./c.js took too long, and was given up"]
      )
    }).pipe(Effect.provide(services))
  )

  it.scoped("building and releasing that never end are given up, interruptible or not", () =>
    Effect.gen(function* () {
      const slow = folder()
      install(slow, "axonal-plugin-slow", { stores: { stuck: "./s.js", sticky: "./s.js#sticky" } }, { "s.js": "" })
      const asked = yield* Deferred.make<void>()
      const released = yield* Deferred.make<void>()
      const contribution = (open: Effect.Effect<unknown, never, Scope.Scope>) => ({
        ...{ _tag: "axonal/plugin/Contribution", kind: "stores" },
        open: () => open
      })
      const never = Effect.zipRight(Deferred.succeed(asked, undefined), Effect.uninterruptible(Effect.never))
      const finalizing = Effect.addFinalizer(() => Effect.zipRight(Deferred.succeed(released, undefined), Effect.never))
      const load: Importer.Import = () =>
        Promise.resolve({ default: contribution(never), sticky: contribution(Effect.as(finalizing, {})) })
      const scope = yield* Scope.make()
      const plugins = yield* Scope.extend(ofProject(slow, { project: slow }), scope)
      const stuck = yield* Effect.fork(Effect.provideService(plugins.store("stuck"), Importer.Importer, load))
      yield* Deferred.await(asked)
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual((yield* Effect.flip(Fiber.join(stuck))).reason, "BuildTimeout")
      yield* Effect.flip(Effect.provideService(plugins.store("sticky"), Importer.Importer, load))
      const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
      yield* Deferred.await(released)
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(closing)
    }).pipe(Effect.provide(services))
  )

  it.scoped("whoever asked first and left takes nothing from the next", () =>
    Effect.gen(function* () {
      const [asked, goOn] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const load: Importer.Import = async (url) => {
        Effect.runSync(Deferred.succeed(asked, undefined))
        await Effect.runPromise(Deferred.await(goOn))
        return import(/* @vite-ignore */ url)
      }
      const plugins = yield* open(healthy)
      const ask = Effect.provideService(plugins.command("tides"), Importer.Importer, load)
      const first = yield* Effect.fork(ask)
      yield* Deferred.await(asked)
      yield* Fiber.interrupt(first)
      const second = yield* Effect.fork(ask)
      yield* Deferred.succeed(goOn, undefined)
      assert.strictEqual((yield* Fiber.join(second)).description, "Tides")
    }).pipe(Effect.provide(services))
  )

  it.scoped("a name that only broken ones have tells why the first is", () =>
    Effect.gen(function* () {
      const bad = folder()
      for (const name of ["a", "b"]) {
        install(bad, `axonal-plugin-${name}`, { stores: { box: "./s.js" } }, { "s.js": `throw new Error("${name}")` })
      }
      const { store } = yield* ofProject(bad)
      assert.include((yield* Effect.flip(store("box"))).message, "Error: a")
      assert.include((yield* Effect.flip(store("bix"))).message, "of stores there is box")
      const { problems } = yield* Plugins.make({
        project: join(bad, "nowhere"),
        user: false,
        allow: { project: ["x"] }
      })
      assert.strictEqual((yield* problems).length, 1)
    }).pipe(Effect.provide(services))
  )
})
