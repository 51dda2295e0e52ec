import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Layer from "effect/Layer"
import * as Hooks from "../../src/hook/Hooks.ts"
import { interceptors, names, observers } from "../support/hooks.ts"

const seen: Array<string> = []
const tells = (name: string): Hooks.Service => ({ events: () => Effect.sync(() => void seen.push(name)) })
const layer = (name: string, options?: Hooks.LayerOptions) => Hooks.layer(tells(name), options)

/** The names of the records in use, in the order in which they are asked. */
const asked = Effect.flatMap(Hooks.Hooks, (hooks) =>
  Effect.suspend(() => {
    seen.length = 0
    return Effect.map(hooks.events?.([]) ?? Effect.void, () => [...seen])
  })
)
const inUse = (hooks: Layer.Layer<Hooks.Hooks>) => Effect.provide(asked, hooks)

const groups = ["system", "plugin", "user"] as const
const place = FastCheck.record(
  {
    group: FastCheck.constantFrom(...groups),
    order: FastCheck.constantFrom(Number.NEGATIVE_INFINITY, -1, 0, 1, 2.5, Number.POSITIVE_INFINITY)
  },
  { requiredKeys: [] }
)
const places = FastCheck.array(place, { maxLength: 8 })

describe("Layers of hooks", () => {
  it.effect.prop("AG-11 are asked by group, then by order, then as they were registered", { places }, ({ places }) =>
    Effect.gen(function* () {
      const named = places.map((place, index) => ({ group: 2, order: 0, ...place, index, name: `${index}` }))
      const expected = named
        .map(({ group, name, ...rest }) => ({
          ...rest,
          name,
          group: typeof group === "number" ? group : groups.indexOf(group)
        }))
        .sort((a, b) => a.group - b.group || (a.order < b.order ? -1 : a.order > b.order ? 1 : a.index - b.index))
        .map(({ name }) => name)
      const several = places.map((options, index) => layer(`${index}`, options))
      const within = several.reduceRight((inner, outer) => Effect.provide(inner, outer), asked)
      const merged = several.reduce(
        (before, next) => Layer.provideMerge(next, before),
        Layer.effect(Hooks.Hooks, Hooks.Hooks)
      )
      assert.deepStrictEqual(yield* within, expected)
      assert.deepStrictEqual(yield* inUse(merged), expected)
      assert.deepStrictEqual(yield* inUse(Hooks.layers(...several)), expected)
    })
  )

  it.effect("AG-11 one that a plugin brings along comes before the user's, wherever it is provided", () =>
    Effect.gen(function* () {
      const plugin = layer("plugin", { group: "plugin" })
      const orders = [
        yield* inUse(Layer.provideMerge(layer("user"), plugin)),
        yield* inUse(Layer.provideMerge(plugin, layer("user"))),
        yield* inUse(Layer.provide(plugin, layer("user"))),
        yield* inUse(plugin).pipe(Effect.provide(layer("user")))
      ]
      assert.deepStrictEqual(
        orders,
        Array.from({ length: 4 }, () => ["plugin", "user"])
      )
    })
  )

  it.effect("side by side the last one is left, as for every service", () =>
    Effect.map(inUse(Layer.mergeAll(layer("a"), layer("b"))), (order) => assert.deepStrictEqual(order, ["b"]))
  )

  it.effect("a record that is provided itself replaces them, and layers within add to it", () =>
    Effect.gen(function* () {
      const replaced = Effect.provideService(asked, Hooks.Hooks, tells("own"))
      assert.deepStrictEqual(yield* Effect.provide(replaced, layer("outer")), ["own"])
      const added = Effect.provideService(inUse(layer("plugin", { group: "plugin" })), Hooks.Hooks, tells("own"))
      assert.deepStrictEqual(yield* Effect.provide(added, layer("outer")), ["plugin", "own"])
    })
  )

  it.effect("one record stays what it is, and what it does not have is absent", () =>
    Effect.gen(function* () {
      const record = tells("a")
      const hooks = yield* Effect.provide(Hooks.Hooks, Hooks.layer(record))
      assert.strictEqual(hooks.events, record.events)
      assert.deepStrictEqual(
        Object.entries(hooks).filter(([, hook]) => hook !== undefined),
        [["events", record.events]]
      )
      assert.deepStrictEqual(yield* Hooks.Hooks, {})
    })
  )

  it("a place that does not exist is refused at once", () => {
    // @ts-expect-error: the types say so, too
    const options: Hooks.LayerOptions = { group: "critical" }
    const refusal = "group must be one of system, plugin, user; it is critical"
    assert.throws(() => Hooks.layer({}, options), TypeError, refusal)
    assert.throws(() => Hooks.layer({}, { order: Number.NaN }), TypeError, "order must be a number")
  })

  it("AG-13 there are interceptors, which fail closed, and observers; nothing else can be claimed", () => {
    const combined = Object.keys(Hooks.combine())
    assert.deepStrictEqual([...combined].sort(), [...names].sort())
    assert.deepStrictEqual([interceptors.length, observers.length], [3, 26])
    // @ts-expect-error: no record says of itself that it is critical
    const claims: Hooks.Service = { critical: true, runEnd: () => Effect.void }
    assert.notProperty(Hooks.combine(claims), "critical")
  })
})
