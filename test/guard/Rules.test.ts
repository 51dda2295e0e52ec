import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Layer from "effect/Layer"
import * as Guard from "../../src/guard/Guard.ts"
import { pattern } from "../../src/guard/internal/rulesPattern.ts"
import * as Rules from "../../src/guard/Rules.ts"
import { glob } from "../../src/internal/glob.ts"
import * as Suites from "../../src/testing/Suites.ts"
import stored from "../fixtures/guard/rules.json" with { type: "json" }
import { callOf } from "../support/calls.ts"

const storedText = JSON.stringify(stored)
const storedLayer = Layer.effect(Guard.Guard, Rules.fromJson(storedText))

/** The verdict of one rule about one argument, where everything else is denied. */
const holds = (condition: Rules.Condition, ...value: ReadonlyArray<unknown>) =>
  Rules.make({ otherwise: "deny", rules: [{ tools: "t", arguments: { x: condition }, verdict: "allow" }] }).pipe(
    Effect.flatMap((guard) => guard.check(callOf("t", value.length === 0 ? {} : { x: value[0] }))),
    Effect.map(({ _tag }) => _tag === "Allow")
  )

const problemsOf = (input: unknown) =>
  Effect.map(Effect.flip(Rules.fromJson(typeof input === "string" ? input : JSON.stringify(input))), ({ problems }) =>
    problems.join("\n")
  )

describe("Rules", () => {
  it.effect("AX-24 calls have the verdicts of a stored set", () =>
    Effect.gen(function* () {
      const guard = yield* Rules.fromJson(storedText)
      const verdicts: ReadonlyArray<readonly [Guard.Call, Guard.Verdict]> = [
        [callOf("read_file", { path: "src/a.ts" }), Guard.Allow],
        [callOf("read_file", { path: "app/.env" }), Guard.Deny("secrets stay where they are")],
        [callOf("read_file", { path: ".env.local" }), Guard.Deny("secrets stay where they are")],
        [callOf("read_file", { path: "src/environment.ts" }), Guard.Allow],
        [callOf("refund", { amount: 50 }), Guard.Allow],
        [callOf("refund", { amount: 51 }), Guard.Ask("it is more than 50", "money")],
        [callOf("refund", { amount: 1001 }), Guard.Deny("a rule forbids refund with these arguments")],
        [callOf("refund", { amount: "10" }), Guard.Deny("a rule forbids refund with these arguments")],
        [callOf("refund", {}), Guard.Deny("a rule forbids refund with these arguments")],
        [callOf("mail", { to: ["a@example.com"] }), Guard.Allow],
        [
          callOf("mail", { to: ["a@example.com", "all@example.com"] }),
          Guard.Deny("a rule forbids mail with these arguments")
        ],
        [callOf("mail", { to: ["a@example.com\n"] }), Guard.Ask("no rule is about mail with these arguments")],
        [
          callOf("mail", { to: ["a@example.com"], options: { attachments: [] } }),
          Guard.Ask("no rule is about mail with these arguments")
        ],
        [callOf("crm__admin__drop"), Guard.Deny("administration is done by hand")],
        [callOf("readfile"), Guard.Ask("no rule is about readfile with these arguments")]
      ]
      for (const [call, verdict] of verdicts) {
        assert.deepStrictEqual(yield* guard.check(call), verdict, JSON.stringify(call))
      }
    })
  )

  it.effect.prop(
    "the strictest rule wins in every order",
    [FastCheck.shuffledSubarray(["allow", "ask", "deny"] as const, { minLength: 1 })],
    ([verdicts]) =>
      Effect.gen(function* () {
        const guard = yield* Rules.make({ rules: verdicts.map((verdict) => ({ tools: "*", verdict })) })
        const strictest = verdicts.includes("deny") ? "Deny" : verdicts.includes("ask") ? "Ask" : "Allow"
        assert.strictEqual((yield* guard.check(callOf("t")))._tag, strictest)
      })
  )

  it.effect("calls that no rule is about are asked about unless said otherwise", () =>
    Effect.gen(function* () {
      for (const [otherwise, tag] of [
        ["allow", "Allow"],
        ["ask", "Ask"],
        ["deny", "Deny"],
        [undefined, "Ask"]
      ] as const) {
        const guard = yield* Rules.make({ rules: [], otherwise })
        assert.strictEqual((yield* guard.check(callOf("t")))._tag, tag)
      }
    })
  )

  it.effect("AX-27 every word holds for what it says and nothing else", () =>
    Effect.gen(function* () {
      const table: ReadonlyArray<readonly [Rules.Condition, ReadonlyArray<unknown>, ReadonlyArray<unknown>]> = [
        [{ type: "string" }, ["", "a"], [0, null, [], {}, true]],
        [{ type: "integer" }, [0, 10, 1e3], [1.5, "1", true, null]],
        [{ type: "number" }, [0, 1.5], ["1", true]],
        [{ type: ["boolean", "null"] }, [true, false, null], [0, "", {}]],
        [{ type: "object" }, [{}, { a: 1 }], [[], null, "{}"]],
        [{ type: "array" }, [[], [1]], [{ length: 0 }, "[]"]],
        [
          { const: { a: [1], b: null } },
          [{ b: null, a: [1] }],
          [{ a: [1] }, { a: [1], b: null, c: 1 }, { a: ["1"], b: null }]
        ],
        [{ enum: ["x", 1, null] }, ["x", 1, null], ["1", true, "X", undefined]],
        [{ minimum: 10 }, [10, 11], [9, "11", null, [11], true]],
        [{ maximum: 10 }, [10, -1], [11, "9", null]],
        [{ exclusiveMinimum: 10 }, [10.1], [10, "11"]],
        [{ exclusiveMaximum: 10 }, [9.9], [10, "9"]],
        [{ minLength: 2 }, ["ab", "😀a"], ["a", "😀", ["a", "b"]]],
        [{ maxLength: 1 }, ["", "😀"], ["ab", []]],
        [{ pattern: "^a+$" }, ["a", "aaa"], ["", "ab", "a\n", 1, ["a"]]],
        [{ minItems: 1 }, [[0]], [[], "a", { 0: 1 }]],
        [{ maxItems: 1 }, [[], [0]], [[0, 1], ""]],
        [{ items: { type: "string" } }, [[], ["a"]], [["a", 1], "a", {}]],
        [{ contains: { const: 1 } }, [[0, 1]], [[], [0], 1]],
        [{ required: ["a"] }, [{ a: null }], [{}, [], null, "a"]],
        [{ required: ["constructor"] }, [{ constructor: 1 }], [{}]],
        [{ properties: { a: { const: 1 } } }, [{ a: 1, b: 2 }], [{}, { a: 2 }, null]],
        [{ not: { const: 1 } }, [2, "1", null], [1]],
        [{ anyOf: [{ const: 1 }, { minimum: 5 }] }, [1, 5], [2, "1"]],
        [{ anyOf: [] }, [], [1]],
        [{ allOf: [{ minimum: 1 }, { maximum: 2 }] }, [1, 2], [0, 3]],
        [{ exists: true }, [null, 0, ""], []],
        [{ exists: false }, [], [null, 0, ""]],
        [{ type: "number", minimum: 1 }, [1], [0, "1"]]
      ]
      for (const [condition, yes, no] of table) {
        for (const value of yes) assert.isTrue(yield* holds(condition, value), JSON.stringify([condition, value]))
        for (const value of no) assert.isFalse(yield* holds(condition, value), JSON.stringify([condition, value]))
      }
    })
  )

  it.effect("of what is absent only absence and negation hold", () =>
    Effect.gen(function* () {
      assert.isTrue(yield* holds({ exists: false }))
      assert.isTrue(yield* holds({ not: { const: 1 } }))
      const words: ReadonlyArray<Rules.Condition> = [
        ...[
          { exists: true },
          { type: "object" as const },
          { minimum: 0 },
          { maxLength: 5 },
          { maxItems: 5 },
          { pattern: "" }
        ],
        ...[{ items: { const: 1 } }, { required: ["a"] }, { properties: { a: { const: 1 } } }, { enum: [null] }]
      ]
      for (const condition of words) assert.isFalse(yield* holds(condition), JSON.stringify(condition))
    })
  )

  it.effect("fields lead into objects and lists by own keys only", () =>
    Effect.gen(function* () {
      const guard = yield* Rules.make({
        otherwise: "deny",
        rules: [{ tools: "t", arguments: { "a.0.b": { const: 1 } }, verdict: "allow" }]
      })
      const tags = [{ a: [{ b: 1 }] }, { a: { 0: { b: 1 } } }, { a: [] }, { a: "x" }, { "a.0.b": 1 }, null, []]
      assert.deepStrictEqual(
        (yield* Effect.forEach(tags, (input) => guard.check(callOf("t", input)))).map(({ _tag }) => _tag),
        ["Allow", "Allow", "Deny", "Deny", "Deny", "Deny", "Deny"]
      )
      assert.isFalse(yield* holds({ properties: { toString: { exists: true } } }, {}))
    })
  )

  describe("fromJson", () => {
    const ruleOf = (more: object) => ({
      rules: [
        { tools: "t", verdict: "allow" },
        { tools: "t", verdict: "deny", ...more }
      ]
    })

    it.effect("what is wrong is named with its place", () =>
      Effect.gen(function* () {
        const wrong: ReadonlyArray<readonly [unknown, string]> = [
          ["{", "they are no JSON"],
          ["[]", "expected an object"],
          [{}, "rules: is missing"],
          [{ rules: [], version: 2 }, "version"],
          [{ rules: [], otherwize: "deny" }, "otherwize: is unexpected"],
          [ruleOf({ verdict: "forbid" }), "rules[1].verdict"],
          [ruleOf({ tools: [] }), "rules[1].tools"],
          [ruleOf({ tools: "" }), "rules[1].tools"],
          [ruleOf({ when: {} }), "rules[1].when: is unexpected"],
          [ruleOf({ arguments: { x: { minimun: 1 } } }), "rules[1].arguments.x.minimun: is unexpected"],
          [ruleOf({ arguments: { x: { minimum: "1" } } }), "rules[1].arguments.x.minimum"],
          [ruleOf({ arguments: { x: { not: { items: { type: "text" } } } } }), "rules[1].arguments.x.not.items.type"],
          [ruleOf({ arguments: { x: {} } }), "rules[1].arguments.x says nothing"],
          [ruleOf({ arguments: { x: { pattern: "(" } } }), "rules[1].arguments.x.pattern: it is no valid"],
          [
            ruleOf({ arguments: { x: { anyOf: [{ pattern: "(?=a)" }] } } }),
            "rules[1].arguments.x.anyOf[0].pattern: it looks"
          ],
          [ruleOf({ arguments: { x: { pattern: "(a)\\1" } } }), "pattern: \\1 is not supported"],
          [ruleOf({ arguments: { x: { pattern: "(a{1,200}){1,200}" } } }), "it is too long"]
        ]
        for (const [input, problem] of wrong) assert.include(yield* problemsOf(input), problem)
      })
    )

    it.effect("every problem is one line, with its place and what is expected", () =>
      Effect.gen(function* () {
        const kinds = '"string", "number", "integer", "boolean", "null", "array"'
        const at = "rules[1].arguments.x"
        const lines: ReadonlyArray<readonly [unknown, string]> = [
          [[], "expected an object with rules, not []"],
          [{ rules: {} }, "rules: expected a list, not {}"],
          [{ rules: [3] }, "rules[0]: expected an object with tools and verdict, not 3"],
          [{ rules: [], version: 2 }, "version: expected 1, not 2"],
          [ruleOf({ verdict: "forbid" }), 'rules[1].verdict: expected "allow", "ask" or "deny", not "forbid"'],
          [ruleOf({ tools: "" }), 'rules[1].tools: expected a non empty string, not ""'],
          [ruleOf({ tools: 3 }), "rules[1].tools: expected a non empty string or a list, not 3"],
          [ruleOf({ tools: ["a", 3] }), "rules[1].tools[1]: expected a non empty string, not 3"],
          [ruleOf({ tools: [] }), "rules[1].tools[0]: is missing, expected a non empty string"],
          [ruleOf({ reason: 3 }), "rules[1].reason: expected a non empty string, not 3"],
          [ruleOf({ when: 1 }), "rules[1].when: is unexpected, expected tools, arguments, verdict, reason or category"],
          [ruleOf({ arguments: 3 }), "rules[1].arguments: expected an object, not 3"],
          [ruleOf({ arguments: { x: 3 } }), `${at}: expected an object, not 3`],
          [
            ruleOf({ arguments: { "": { const: 1 } } }),
            'rules[1].arguments[""]: is unexpected, expected a non empty string'
          ],
          [
            ruleOf({ arguments: { x: { type: "text" } } }),
            `${at}.type: expected ${kinds}, "object" or a list, not "text"`
          ],
          [
            ruleOf({ arguments: { x: { type: ["text"] } } }),
            `${at}.type[0]: expected ${kinds} or "object", not "text"`
          ],
          [
            ruleOf({ arguments: { x: { not: { minimum: "1" } } } }),
            `${at}.not.minimum: expected a finite number, not "1"`
          ],
          [ruleOf({ arguments: { x: { minLength: -1 } } }), `${at}.minLength: expected a non-negative number, not -1`]
        ]
        for (const [input, line] of lines) assert.strictEqual(yield* problemsOf(input), line)
      })
    )

    it.effect("rules that are made of values are checked, too", () =>
      Effect.gen(function* () {
        const rules = JSON.parse('{"rules":[{"tools":"t","verdict":"allow","argument":{"x":{"const":1}}}]}')
        const { problems } = yield* Effect.flip(Rules.make(rules))
        assert.include(problems.join("\n"), "rules[0].argument: is unexpected")
      })
    )

    it.effect("all that is wrong is named at once", () =>
      Effect.gen(function* () {
        const both = { x: { pattern: "(" }, y: { pattern: "[" } }
        assert.strictEqual((yield* problemsOf(ruleOf({ arguments: both }))).split("\n").length, 2)
        assert.strictEqual((yield* problemsOf({ ...ruleOf({ a: 1, b: 2 }), c: 3 })).split("\n").length, 3)
      })
    )
  })

  describe("fromFile", () => {
    it.scoped("rules are read from a file, and errors name it", () =>
      Effect.gen(function* () {
        const files = yield* FileSystem.FileSystem
        const folder = yield* files.makeTempDirectoryScoped()
        yield* files.writeFileString(`${folder}/rules.json`, storedText)
        yield* files.writeFileString(`${folder}/wrong.json`, `{"rules":1}`)
        const verdict = Effect.flatMap(Guard.Guard, (guard) => guard.check(callOf("read_file", { path: ".env" })))
        assert.strictEqual((yield* Effect.provide(verdict, Rules.layerFile(`${folder}/rules.json`)))._tag, "Deny")
        const error = yield* Effect.flip(Rules.fromFile(`${folder}/wrong.json`))
        assert.include(error.message, `The rules of ${folder}/wrong.json cannot be used:\n- rules: `)
        assert.strictEqual((yield* Effect.flip(Rules.fromFile(`${folder}/none.json`)))._tag, "SystemError")
      }).pipe(Effect.provide(NodeContext.layer))
    )
  })

  describe("patterns", () => {
    const atom = FastCheck.constantFrom("a", "b", ".", "[ab]", "[^a]", "\\w", "\\n", "\\u0061", "^", "$", "\\.", "😀")
    const { source } = FastCheck.letrec<{ source: string }>((tie) => ({
      source: FastCheck.oneof(
        { depthSize: "small", withCrossShrink: true },
        atom,
        FastCheck.tuple(tie("source"), tie("source")).map(([one, other]) => one + other),
        FastCheck.tuple(tie("source"), tie("source")).map(([one, other]) => `(${one}|${other})`),
        FastCheck.tuple(tie("source"), FastCheck.constantFrom("*", "+", "?", "{2}", "{1,}", "{0,2}", "*?")).map(
          ([inner, times]) => `(?:${inner})${times}`
        )
      )
    }))
    const text = FastCheck.array(FastCheck.constantFrom("a", "b", "\n", ".", "😀", "é"), { maxLength: 8 })

    it.prop("say what the language's own expressions say", [source, text], ([source, chars]) => {
      const value = chars.join("")
      const own = Either.getOrThrow(pattern(source))(value)
      assert.strictEqual(own, new RegExp(source, "u").test(value), `${source} of ${JSON.stringify(value)}`)
    })

    it("take time that grows with the text only", () => {
      const value = `${"a".repeat(20_000)}!`
      for (const source of ["^(a+)+$", "^(a|a)*$", "^(a|aa)+$", "a*a*a*a*b", "(.*)*x", "^(a?){50}a{50}$"]) {
        assert.isFalse(Either.getOrThrow(pattern(source))(value), source)
      }
    })

    it.prop(
      "a star in a name stands for any characters",
      [FastCheck.array(FastCheck.constantFrom("a", "b", "*"), { maxLength: 6 }), text],
      ([parts, chars]) => {
        const [source, value] = [parts.join(""), chars.join("")]
        const same = new RegExp(`^${source.replaceAll("*", "[^]*")}$`, "u").test(value)
        assert.strictEqual(glob(source)(value), same, `${source} of ${JSON.stringify(value)}`)
      }
    )
  })
})

Suites.guard("rules", storedLayer, {
  allowed: [callOf("read_file", { path: "a" }), callOf("refund", { amount: 1 })],
  asked: [callOf("refund", { amount: 100 }), callOf("unknown")],
  denied: [callOf("read_file", { path: ".env" }), callOf("a__admin__b")]
})
