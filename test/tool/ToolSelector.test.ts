import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as ToolSelector from "../../src/tool/ToolSelector.ts"
import { about, logged, names, namesOf, offers, spec } from "../support/selecting.ts"

const tools = ["a", "b", "c", "d"].map((name) => spec(name))
const plan = (...turns: ReadonlyArray<ToolSelector.Selection["tools"]>) =>
  ToolSelector.make(({ turn }) => Effect.succeed({ tools: turns[turn - 1] ?? [] }))

const someNames = FastCheck.array(FastCheck.constantFrom("a", "b", "c", "d", "unknown"), { maxLength: 8 })
const selections = FastCheck.oneof(someNames, FastCheck.constant("all" as const))

describe("ToolSelector", () => {
  it.effect("everything is offered unless a selector is provided", () =>
    Effect.gen(function* () {
      const selector = yield* ToolSelector.ToolSelector
      assert.strictEqual(selector, ToolSelector.all)
      const [offer] = yield* offers(selector, tools, ["hi"])
      assert.strictEqual(offer?.tools, tools)
      assert.deepStrictEqual([offer?.toolChoice, offer?.costs, selector.sources(() => tools)], [undefined, [], []])
    })
  )

  describe("make", () => {
    it.effect("TURN-2 what is new comes behind what was offered", () =>
      Effect.gen(function* () {
        const made = yield* names(plan(["c"], ["a"], [], ["b", "c"], "all"), tools, ["1", "2", "3", "4", "5"])
        assert.deepStrictEqual(made, [["c"], ["c", "a"], ["c", "a"], ["c", "a", "b"], ["c", "a", "b", "d"]])
      })
    )

    it.effect("a run that begins with everything keeps the list as it is", () =>
      Effect.gen(function* () {
        const made = yield* offers(plan("all", ["a"], "all"), tools, ["1", "2", "3"])
        assert.deepStrictEqual(
          made.map((offer) => offer.tools === tools),
          [true, true, true]
        )
      })
    )

    it.effect("without sticking each selection is taken as it is", () =>
      Effect.gen(function* () {
        const loose = ToolSelector.make(plan(["a"], ["b"]).select, { sticky: false })
        const free = ToolSelector.make(({ turn }) => Effect.succeed({ tools: turn === 1 ? ["a"] : ["b"] }), {
          sticky: false
        })
        assert.deepStrictEqual(yield* names(free, tools, ["1", "2"]), [["a"], ["b"]])
        assert.deepStrictEqual(yield* names(loose, tools, ["1", "2"]), [["a"], ["a", "b"]])
      })
    )

    it.prop(
      "TURN-2 every offer begins with the one before",
      [FastCheck.array(selections, { maxLength: 6 })],
      ([turns]) => {
        const made = Effect.runSync(
          names(
            plan(...turns),
            tools,
            turns.map(() => "more")
          )
        )
        made.reduce((before, now) => {
          assert.deepStrictEqual(now.slice(0, before.length), before)
          assert.strictEqual(new Set(now).size, now.length)
          return now
        }, [])
      }
    )
  })

  describe("ask", () => {
    it.effect("a selector that dies offers everything, and says so", () =>
      Effect.gen(function* () {
        const dying: ReadonlyArray<ToolSelector.Service["select"]> = [
          () => Effect.dieMessage("gone"),
          () => {
            throw new Error("gone")
          }
        ]
        for (const select of dying) {
          const [[first], lines] = yield* logged(offers(ToolSelector.make(select), tools, ["hi"]))
          assert.strictEqual(first?.tools, tools)
          assert.deepStrictEqual(lines.length, 1)
          assert.include(lines[0], "WARN The selector of tools died; all tools are offered")
        }
      })
    )

    it.effect("a selector that dies later keeps what was offered in front", () =>
      Effect.gen(function* () {
        const dying = ToolSelector.make(({ turn }) =>
          turn === 1 ? Effect.succeed({ tools: ["c"] }) : Effect.dieMessage("gone")
        )
        const [made] = yield* logged(names(dying, tools, ["1", "2"]))
        assert.deepStrictEqual(made, [["c"], ["c", "a", "b", "d"]])
      })
    )
  })

  describe("toOffer", () => {
    const offered = (selection: ToolSelector.Selection, brought?: ReadonlyArray<string>) =>
      ToolSelector.toOffer(selection, { tools, brought })

    it("unknown and repeated names are passed over", () => {
      assert.deepStrictEqual(namesOf(offered({ tools: ["b", "x", "b", "a"] })), ["b", "a"])
    })

    it("what was brought along joins every selection but an empty one", () => {
      assert.deepStrictEqual(namesOf(offered({ tools: ["b"] }, ["d"])), ["b", "d"])
      assert.deepStrictEqual(namesOf(offered({ tools: [] }, ["d"])), [])
      assert.deepStrictEqual(namesOf(offered({ tools: ["x"] }, ["d"])), [])
    })

    it("a tool that has to be called is offered", () => {
      const made = offered({ tools: ["b"], toolChoice: { tool: "a" } })
      assert.deepStrictEqual([namesOf(made), made.toolChoice], [["b", "a"], { tool: "a" }])
    })

    it("a tool that is not there cannot be required", () => {
      assert.strictEqual(offered({ tools: ["b"], toolChoice: { tool: "x" } }).toolChoice, undefined)
      assert.strictEqual(offered({ tools: "all", toolChoice: { tool: "x" } }).toolChoice, undefined)
    })

    it("without tools there is no choice", () => {
      for (const toolChoice of ["required", "none", { tool: "a" }] as const) {
        assert.deepStrictEqual(offered({ tools: [], toolChoice }), { tools: [], toolChoice: undefined, costs: [] })
      }
    })

    it.prop("only tools of the agent are offered, each once", [selections, someNames], ([selected, brought]) => {
      const made = namesOf(offered({ tools: selected }, brought))
      assert.strictEqual(new Set(made).size, made.length)
      assert.isTrue(made.every((name) => tools.some((tool) => tool.name === name)))
    })
  })

  describe("makeStatic", () => {
    it.effect("names and predicates select in the order of the agent's tools", () =>
      Effect.gen(function* () {
        const byName = ToolSelector.makeStatic({ tools: ["d", "x", "b"] })
        const byRule = ToolSelector.makeStatic({ tools: ({ name }, { identity }) => name !== identity.userId })
        assert.deepStrictEqual(yield* names(byName, tools, ["1", "2"]), [
          ["b", "d"],
          ["b", "d"]
        ])
        assert.deepStrictEqual(yield* names(byRule, tools, ["1"], { identity: { userId: "c" } }), [["a", "b", "d"]])
      })
    )

    it.effect("an agent with rules of its own goes by these", () =>
      Effect.gen(function* () {
        const selector = ToolSelector.makeStatic({ agents: { desk: ["a"], clerk: "all" }, tools: ["b"] })
        const of = (agent: string) => names(selector, tools, ["1"], { agent })
        assert.deepStrictEqual(yield* of("desk"), [["a"]])
        assert.deepStrictEqual(yield* of("clerk"), [["a", "b", "c", "d"]])
        assert.deepStrictEqual(yield* of("toString"), [["b"]])
      })
    )

    it.effect("a choice that forces a call holds for the first turn", () =>
      Effect.gen(function* () {
        for (const toolChoice of ["required", { tool: "a" }] as const) {
          const made = yield* offers(ToolSelector.makeStatic({ toolChoice }), tools, ["1", "2"])
          assert.deepStrictEqual(
            made.map((offer) => offer.toolChoice),
            [toolChoice, undefined]
          )
        }
        const made = yield* offers(ToolSelector.makeStatic({ toolChoice: "none" }), tools, ["1", "2"])
        assert.deepStrictEqual(
          made.map((offer) => offer.toolChoice),
          ["none", "none"]
        )
      })
    )

    it.effect("the layer provides it", () =>
      Effect.gen(function* () {
        const selector = yield* ToolSelector.ToolSelector
        assert.deepStrictEqual(yield* names(selector, tools, ["1"]), [["c"]])
      }).pipe(Effect.provide(ToolSelector.layerStatic({ tools: ["c"] })))
    )
  })

  describe("restrict", () => {
    const unasked = ToolSelector.make(() => Effect.dieMessage("asked"), {
      sources: () => assert.fail("brought tools along")
    })

    it.effect("AM-09 tools of a run are used for every turn of it", () =>
      Effect.gen(function* () {
        const selector = ToolSelector.restrict(unasked, { tools: ["d", "a"] })
        assert.deepStrictEqual(yield* names(selector, tools, ["1", "2"], { brought: ["b"] }), [
          ["d", "a", "b"],
          ["d", "a", "b"]
        ])
        assert.deepStrictEqual(
          selector.sources(() => tools),
          []
        )
      })
    )

    it.effect("AM-09 an empty list disables all tools", () =>
      Effect.gen(function* () {
        const selector = ToolSelector.restrict(unasked, { tools: [], toolChoice: "required" })
        assert.deepStrictEqual(yield* names(selector, tools, ["1", "2"], { brought: ["b"] }), [[], []])
      })
    )

    it("AM-09 without a restriction the selector is kept", () => {
      assert.strictEqual(ToolSelector.restrict(unasked, {}), unasked)
      assert.strictEqual(ToolSelector.restrict({})(unasked), unasked)
    })

    it.effect("a choice alone leaves the tools to the selector", () =>
      Effect.gen(function* () {
        const selector = ToolSelector.restrict(ToolSelector.makeStatic({ tools: ["b"], toolChoice: "none" }), {
          toolChoice: "required"
        })
        const made = yield* offers(selector, tools, ["1", "2"])
        assert.deepStrictEqual(
          made.map((offer) => [namesOf(offer), offer.toolChoice]),
          [
            [["b"], "required"],
            [["b"], "none"]
          ]
        )
      })
    )

    it.effect("names of tools that are not there are logged once", () =>
      Effect.gen(function* () {
        const selector = ToolSelector.restrict(ToolSelector.all, { tools: ["a", "x", "y"] })
        const [made, lines] = yield* logged(names(selector, tools, ["1", "2"]))
        assert.deepStrictEqual(made, [["a"], ["a"]])
        assert.deepStrictEqual(lines, ["WARN Agent desk has no tools of these names: x, y"])
      })
    )
  })

  it("a call that was not offered is told what was", () => {
    assert.strictEqual(
      ToolSelector.refusal("c", new Set(["a", "b"])),
      "c was not offered, so it was not called. Offered tools: a, b."
    )
    assert.strictEqual(ToolSelector.refusal("c", []), "c was not offered, nor is any other tool. Answer without tools.")
  })

  it.effect("defaults of what is told can be left out", () =>
    Effect.gen(function* () {
      const { offered: _, ...bare } = about({ tools })
      assert.deepStrictEqual(yield* ToolSelector.ask(ToolSelector.all, bare), { tools: "all" })
    })
  )
})
