import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import { parse, split } from "../../src/skill/internal/frontMatter.ts"

const line = FastCheck.string({ unit: "grapheme", maxLength: 12 }).map((text) => text.replace(/[\r\n]/g, ""))
const body = FastCheck.array(FastCheck.oneof(line, FastCheck.constantFrom("---", "", " ---", "----"))).map((lines) =>
  lines.join("\n")
)
const yaml = FastCheck.array(
  FastCheck.oneof(line, FastCheck.constantFrom(" ---", "----", "", "- --", "name: a")).filter(
    (text) => !/^---[ \t]*$/.test(text)
  )
).map((lines) => lines.join("\n"))
const end = FastCheck.constantFrom("\n", "\r\n", "\r")
const mark = FastCheck.constantFrom("", "\uFEFF")
const fence = FastCheck.constantFrom("---", "--- ", "---\t")

/** What a front matter of these lines has to say: what is wrong, or that nothing is. */
const problems = (...lines: ReadonlyArray<string>): ReadonlyArray<string> => {
  const { findings, matter } = parse(["---", ...lines, "---", "Body"].join("\n"), "a-skill")
  const told = findings.map(({ kind, line, problem }) => `${kind} ${line ?? "-"}: ${problem}`)
  return matter === undefined ? told : [...told, "usable"]
}
const name = "name: a-skill"
const about = "description: For tests"

describe("frontMatter", () => {
  it.prop("any front matter and any body are told apart", [yaml, body, end, mark, fence, fence], (drawn) => {
    const [front, after, lineEnd, bom, opening, closing] = drawn
    const text = `${bom}${[opening, ...(front === "" ? [] : [front]), closing, after].join("\n").replaceAll("\n", lineEnd)}`
    assert.deepStrictEqual(split(text), Either.right({ yaml: front, body: after }))
  })

  it.prop("no text whatever makes it throw", [FastCheck.string({ unit: "binary", maxLength: 200 })], ([text]) => {
    for (const whole of [text, `---\n${text}\n---\n`, `---\nname: a-skill\ndescription: x\nmetadata: ${text}\n---\n`]) {
      const { findings, matter } = parse(whole, "a-skill")
      assert.strictEqual(
        matter === undefined,
        findings.some(({ kind }) => kind === "invalid")
      )
    }
  })

  it.prop(
    "a name is taken if and only if it follows the rule",
    [FastCheck.stringMatching(/^[a-zA-Z0-9_-]{1,66}$/)],
    (drawn) => {
      const [name] = drawn
      const isRight = /^(?!-)(?!.*--)[a-z0-9-]+(?<!-)$/.test(name) && name.length <= 64
      assert.strictEqual(parse(`---\nname: '${name}'\ndescription: x\n---\n`, name).matter !== undefined, isRight)
    }
  )

  it("every field is read as it is written", () => {
    const text = [
      "---",
      name,
      "description: >-",
      "  Reads forms.",
      "  Use it for PDFs.",
      "license: Apache-2.0",
      'compatibility: "Requires git: any"',
      "metadata:",
      "  version: 1.0",
      '  author: "Ann"',
      "  off: no",
      "allowed-tools: Bash(git add:*) Read, Grep",
      "---",
      "",
      "# Do it",
      "---",
      "so."
    ]
    for (const lineEnd of ["\n", "\r\n"]) {
      assert.deepStrictEqual(parse(`\uFEFF${text.join(lineEnd)}${lineEnd}`, "a-skill"), {
        matter: {
          name: "a-skill",
          description: "Reads forms. Use it for PDFs.",
          license: "Apache-2.0",
          compatibility: "Requires git: any",
          metadata: { version: "1.0", author: "Ann", off: "no" },
          allowedTools: ["Bash(git add:*)", "Read", "Grep"]
        },
        body: "# Do it\n---\nso.",
        findings: []
      })
    }
    const listed = parse(`---\n${name}\n${about}\nallowed-tools:\n  - Bash(jq:*)\n  - Read\n---`, "a-skill")
    assert.deepStrictEqual(listed.matter?.allowedTools, ["Bash(jq:*)", "Read"])
  })

  it("what is wrong leaves the skill out, with its line", () => {
    const long = "x".repeat(1025)
    const longName = "a".repeat(65)
    const cases: ReadonlyArray<readonly [ReadonlyArray<string>, ReadonlyArray<string>]> = [
      [[name, about], ["usable"]],
      [[about], ["invalid -: the field name is missing"]],
      [[], ["invalid 2: its front matter is no mapping: write lines such as name: my-skill"]],
      [
        ["# only a comment", "other: 1"],
        [
          "invalid -: the field name is missing",
          "invalid -: the field description is missing",
          `warning 3: "other" is no field of a skill: name, description, license, compatibility, metadata, allowed-tools are`
        ]
      ],
      [["- name"], ["invalid 2: its front matter is no mapping: write lines such as name: my-skill"]],
      [["name:", about], ["invalid 2: the field name is empty"]],
      [["name: [a]", about], ["invalid 2: the field name is no text"]],
      [[about, "name: other"], [`invalid 3: the name "other" is not that of its folder, "a-skill"`]],
      [
        [about, "name: A_skill"],
        [`invalid 3: the name "A_skill" is not made of lower-case letters, digits and single hyphens between them`]
      ],
      [[`name: ${longName}`, about], ["invalid 2: the field name has 65 characters: at most 64"]],
      [[name, `description: ${long}`], ["invalid 3: the field description has 1025 characters: at most 1024"]],
      [[name, 'description: "a\\u001bb"'], ["invalid 3: the field description has characters that cannot be seen"]],
      [[name, 'description: "a\\u202Eb"'], ["invalid 3: the field description has characters that cannot be seen"]],
      [[name, "description: |", "  a", "  \tb"], ["usable"]],
      [[name, about, name], ["invalid 4: a key stands twice: remove one of them"]],
      [[name, about, "metadata:", "\ta: b"], ["invalid 5: a line is indented with a tab: use spaces"]],
      [[name, "description: Use it when: a PDF"], ["invalid 3: a text contains a colon and a space: put it in quotes"]],
      [[name, about, "...", "a: b"], ["invalid 5: its front matter is more than one YAML document"]],
      [["name: &n a-skill", "description: *n"], ["invalid 3: the field description is no text"]],
      [
        [name, about, `metadata: ${"x".repeat(17_000)}`],
        ["invalid 1: its front matter has 17047 characters: at most 16384"]
      ]
    ]
    assert.deepStrictEqual(problems(`description: ${"[".repeat(16_000)}`).length, 1)
    assert.deepStrictEqual(problems(name, about, ...Array.from({ length: 50 }, (_, at) => `key${at}: x`)).length, 11)
    for (const [lines, expected] of cases) assert.deepStrictEqual(problems(...lines), expected)
  })

  it("a field that can be done without is passed over", () => {
    const usable = (...lines: ReadonlyArray<string>) => problems(name, about, ...lines)
    assert.deepStrictEqual(usable("compatibility:"), [
      "warning 4: the field compatibility is empty, and is passed over",
      "usable"
    ])
    assert.deepStrictEqual(usable(`compatibility: ${"x".repeat(501)}`), [
      "warning 4: the field compatibility has 501 characters: at most 500, and is passed over",
      "usable"
    ])
    assert.deepStrictEqual(usable("metadata: x"), [
      "warning 4: the field metadata is no mapping, and is passed over",
      "usable"
    ])
    assert.deepStrictEqual(usable("metadata:", "  a: {b: c}"), [
      "warning 4: metadata.a is no text, and is passed over",
      "usable"
    ])
    assert.deepStrictEqual(usable("allowed-tools: {a: b}"), [
      "warning 4: allowed-tools is neither a text nor a list of texts: what is none is passed over",
      "usable"
    ])
    assert.deepStrictEqual(usable("license: !secret MIT"), ["warning 4: Unresolved tag: !secret", "usable"])
  })

  it("front matter has a beginning and an end", () => {
    const problemsOf = (text: string) => parse(text, "a-skill").findings
    const begin = "it does not begin with a line ---: put its front matter there"
    const end = "its front matter has no end: add a line --- behind it"
    for (const text of ["", "# Skill", " ---\nname: a\n---", "----\n---", "\n---\nname: a\n---"]) {
      assert.deepStrictEqual(problemsOf(text), [{ kind: "invalid", line: 1, problem: begin }], text)
    }
    for (const text of ["---", "---\nname: a", "---\nname: a\n ---\n", "---\nname: a\n----"]) {
      assert.deepStrictEqual(problemsOf(text), [{ kind: "invalid", line: 1, problem: end }], text)
    }
  })
})
