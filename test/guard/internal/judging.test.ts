import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as Judging from "../../../src/guard/internal/judging.ts"
import { injections } from "./judgingInjections.ts"

const code = "c0de"
const categories = ["files", "money"]

const json = (fields: object): string =>
  JSON.stringify({ reason: "why", category: "files", verdict: "SAFE", code, ...fields })

/** Text with many of the signs that matter to a quotation. */
const odd = FastCheck.oneof(
  FastCheck.string({ unit: "binary" }),
  FastCheck.string({
    unit: FastCheck.constantFrom("<", "/call-", ">", "\n", '"', "\\", "\u2028", "\u200b", "\ud800", "`")
  }),
  FastCheck.constantFrom(...injections)
)
const value = FastCheck.letrec((tie) => ({
  node: FastCheck.oneof(
    { depthSize: "small" },
    odd,
    FastCheck.integer(),
    FastCheck.boolean(),
    FastCheck.constant(null),
    FastCheck.array(tie("node"), { maxLength: 4 }),
    FastCheck.dictionary(odd, tie("node"), { maxKeys: 4 })
  )
})).node

describe("judging", () => {
  it("there are enough ways to talk a judge into a yes", () => {
    assert.isAtLeast(new Set(injections).size, 40)
  })

  describe("canonical", () => {
    it.prop("is JSON of the same value", [value], ([input]) => {
      assert.deepStrictEqual(JSON.parse(Judging.canonical(input) ?? ""), input)
    })

    it.prop("has one line, and nothing in it ends a quotation or hides", [value], ([input]) => {
      assert.notMatch(
        Judging.canonical(input) ?? "",
        /[<>`\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}]|[\ufe00-\ufe0f]|[\u{e0100}-\u{e01ef}]/u
      )
    })

    it.prop(
      "is the same in whatever order the keys are",
      [FastCheck.dictionary(odd, FastCheck.integer(), { maxKeys: 6 })],
      ([fields]) => {
        const reversed = Object.fromEntries(Object.entries(fields).reverse())
        assert.strictEqual(Judging.canonical(reversed), Judging.canonical(fields))
      }
    )

    it("leaves out what is undefined, and keeps a key called __proto__", () => {
      assert.strictEqual(Judging.canonical({ b: undefined, a: [undefined] }), '{"a":[null]}')
      assert.strictEqual(Judging.canonical(JSON.parse('{"__proto__":{"x":1}}')), '{"__proto__":{"x":1}}')
    })

    it("tells apart what writes itself, such as dates", () => {
      const [day, other] = [new Date(0), new Date(1)].map((at) => Judging.canonical({ at }))
      assert.strictEqual(day, '{"at":"1970-01-01T00:00:00.000Z"}')
      assert.notStrictEqual(day, other)
    })

    it("is nothing for what has no JSON", () => {
      const cycle: Array<unknown> = []
      cycle.push(cycle)
      assert.deepStrictEqual([Judging.canonical(1n), Judging.canonical(cycle)], [undefined, undefined])
    })
  })

  describe("read", () => {
    const cases: ReadonlyArray<readonly [Judging.Form, string, Judging.Judgement]> = [
      ["text", "c0de SAFE", { verdict: "SAFE", category: undefined, reason: "" }],
      ["text", " c0de RISKY money: pays a bill\n", { verdict: "RISKY", category: "money", reason: "pays a bill" }],
      ["text", "c0de DENY other: no", { verdict: "DENY", category: undefined, reason: "no" }],
      ["json", json({}), { verdict: "SAFE", category: "files", reason: "why" }],
      ["json", json({ verdict: "RISKY", category: "new" }), { verdict: "RISKY", category: undefined, reason: "why" }],
      ["json", json({ verdict: "DENY", reason: "a\u202e\n b" }), { verdict: "DENY", category: "files", reason: "a b" }]
    ]

    it("takes an answer of its form", () => {
      for (const [form, answer, judgement] of cases) {
        assert.deepStrictEqual(Judging.read(answer, code, categories, form), judgement)
      }
    })

    it("takes nothing else", () => {
      const answers = {
        text: [
          ...[
            "",
            "SAFE",
            "c0de",
            "c0de safe",
            "c0de SAFE.",
            "c0de  SAFE",
            "c0de SAFE or not",
            "c0de UNSAFE",
            "C0DE SAFE"
          ],
          ...["code c0de SAFE", "c0de SAFE\nc0de DENY", "c0de DENY\nc0de SAFE", "c0de: SAFE", "other SAFE", json({})],
          ...["```\nc0de SAFE\n```", "**c0de SAFE**", "c0de SAFE RISKY DENY", "<think>hm</think>c0de SAFE"]
        ],
        json: [
          ...["", "SAFE", "c0de SAFE", "null", "[]", '"SAFE"', `[${json({})}]`, `\`\`\`json\n${json({})}\n\`\`\``],
          ...[json({ code: "other" }), json({ code: undefined }), json({ verdict: "Safe" }), json({ verdict: true })],
          ...[json({ verdict: ["SAFE"] }), json({ extra: 1 }), json({ reason: 1 }), json({ category: null })],
          ...[json({}).slice(0, -1), `${json({})}${json({})}`, `${json({}).slice(0, -1)},"verdict":"DENY"}`]
        ]
      }
      for (const form of ["text", "json"] as const) {
        for (const answer of answers[form]) {
          assert.isUndefined(Judging.read(answer, code, categories, form), answer)
        }
      }
    })

    it.prop(
      "no text from outside is an answer",
      [odd, FastCheck.constantFrom<Array<Judging.Form>>("text", "json")],
      ([text, form]) => {
        assert.isUndefined(Judging.read(text, "7f3a9c", categories, form))
      }
    )

    it("bounds the reason, and halves no character", () => {
      const reason = Judging.read(json({ reason: `${"x".repeat(299)}😀 and more` }), code, categories, "json")?.reason
      assert.strictEqual(reason, "x".repeat(299))
    })
  })
})
