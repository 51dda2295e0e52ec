import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Schema from "effect/Schema"
import * as Toml from "smol-toml"
import * as Yaml from "yaml"
import type { Read } from "../../src/internal/document.ts"
import * as Documents from "../../src/internal/document.ts"
import * as Json from "../../src/internal/documentJson.ts"
import * as TomlFile from "../../src/internal/documentToml.ts"
import { AgentFields } from "../../src/team/AgentSpec.ts"
import * as YamlText from "../../src/team/internal/yaml.ts"
import { numRuns } from "../support/generated.ts"
import { read } from "./support.ts"

type Encoded = typeof AgentFields.Encoded

const text = FastCheck.string({ unit: "binary", minLength: 1 }).map((text) => text.replace(/[\0\r\ud800-\udfff]/g, "-"))
const name = FastCheck.constantFrom("read_file", "a.b", "git*", "*", "x y", "é", "null", "true", "1")
const names = FastCheck.array(name, { maxLength: 3 })
const count = FastCheck.oneof(FastCheck.integer({ min: 1, max: 10 ** 9 }), FastCheck.constant("unlimited" as const))
const amount = FastCheck.double({ min: 0, max: 1e9, noNaN: true }).map((number) => (Object.is(number, -0) ? 0 : number))
const json = FastCheck.oneof(text, amount, FastCheck.boolean(), FastCheck.array(FastCheck.integer(), { maxLength: 2 }))
const object = FastCheck.dictionary(FastCheck.oneof(text, FastCheck.constantFrom("a.b", "", "on", "1")), json, {
  maxKeys: 3,
  noNullPrototype: true
})

const settings = FastCheck.record(
  {
    temperature: amount,
    topP: amount,
    maxOutputTokens: FastCheck.integer({ min: 1 }),
    stop: FastCheck.array(text, { maxLength: 2 }),
    seed: FastCheck.integer(),
    reasoningEffort: FastCheck.constantFrom("low", "high"),
    parallelToolCalls: FastCheck.boolean(),
    extra: object
  },
  { requiredKeys: [], noNullPrototype: true }
)

const limits = FastCheck.record(
  {
    turns: count,
    toolCalls: count,
    costUsd: amount,
    wallTime: FastCheck.constantFrom("30 seconds", "1 minute", "1.5 hours", "unlimited"),
    onLimit: FastCheck.constantFrom("answer" as const, "fail" as const),
    lastTurnMessage: text
  },
  { requiredKeys: [], noNullPrototype: true }
)

const rule = FastCheck.record(
  {
    tools: FastCheck.oneof(name, FastCheck.tuple(name, name)),
    arguments: FastCheck.dictionary(
      FastCheck.constantFrom("path", "to.list", "x y"),
      FastCheck.record(
        { exists: FastCheck.boolean(), minimum: amount, pattern: FastCheck.constantFrom("^a+$", "\\.env$", "'\"") },
        { requiredKeys: ["exists"], noNullPrototype: true }
      ),
      { noNullPrototype: true }
    ),
    verdict: FastCheck.constantFrom("allow" as const, "ask" as const, "deny" as const),
    reason: text
  },
  { requiredKeys: ["tools", "verdict"], noNullPrototype: true }
)

const agent: FastCheck.Arbitrary<Encoded> = FastCheck.record(
  {
    description: text,
    instructions: text.map((text) => text.trim()).filter((text) => text !== ""),
    model: FastCheck.constantFrom("offline", "openai:gpt-5-mini;effort=low", "compatible:m@http://127.0.0.1:8080/v1"),
    tools: names,
    agents: FastCheck.constant(["*"]),
    skills: names,
    settings,
    limits,
    guard: FastCheck.record(
      {
        otherwise: FastCheck.constantFrom("allow" as const, "deny" as const),
        rules: FastCheck.array(rule, { maxLength: 3 })
      },
      { requiredKeys: ["rules"], noNullPrototype: true }
    )
  },
  { requiredKeys: [], noNullPrototype: true }
)

const markdown = ({ instructions, ...front }: Readonly<Record<string, unknown>>): string =>
  `---\n${Object.keys(front).length === 0 ? "" : Yaml.stringify(front)}---\n\n${String(instructions ?? "")}\n`

/** Every way to write an agent down. */
const written = (agent: Readonly<Record<string, unknown>>) => ({
  "agent.toml": Toml.stringify(agent),
  "agent.json": JSON.stringify(agent, null, "\t"),
  "agent.md": markdown(agent)
})

const formats = ["agent.toml", "agent.json", "agent.md"] as const

/** Where a text stands in another one, as a problem tells it. */
const position = (text: string, part: string): string => {
  const lines = text.slice(0, text.indexOf(part)).split("\n")
  return `${lines.length}:${(lines.at(-1)?.length ?? 0) + 1}`
}

describe("Formats", () => {
  it.effect.prop(
    "an agent is the same in every format",
    [agent, FastCheck.constantFrom("\n", "\r\n"), FastCheck.constantFrom("", "\uFEFF")],
    ([agent, lineBreak, mark]) =>
      Effect.gen(function* () {
        const {
          instructions,
          guard,
          limits = {},
          settings = {},
          ...others
        } = Schema.decodeUnknownSync(AgentFields)(agent)
        const expected = {
          tools: [],
          agents: [],
          skills: [],
          ...others,
          settings,
          limits,
          guard: guard === undefined ? [] : [guard]
        }
        for (const format of formats) {
          const { problems, spec } = yield* read({
            [format]: mark + written(agent)[format].replaceAll("\n", lineBreak)
          })
          assert.deepStrictEqual(problems, [], format)
          const { files: _, name, places: __, ...fields } = spec?.agents[0] ?? { files: [], places: [], name: "" }
          assert.strictEqual(name, "agent")
          const said = typeof instructions === "string" ? { ...expected, instructions: instructions.trim() } : expected
          assert.deepStrictEqual(fields, said, format)
        }
      }).pipe(Effect.scoped, Effect.provide(NodeContext.layer)),
    { fastCheck: { numRuns: numRuns(20) } }
  )

  it.effect.prop(
    "a mistake is told at its line in every format",
    [
      agent,
      FastCheck.constantFrom(
        { planted: { zzz: 1 }, marks: ["zzz", '"zzz"'], field: "zzz", says: "there is no such field" },
        {
          planted: { settings: { zzz: 1 } },
          marks: ["zzz", '"zzz"'],
          field: "settings.zzz",
          says: "there is no such field"
        },
        { planted: { model: "zzz" }, marks: ['"zzz"', "zzz"], field: "model", says: "names no vendor" },
        {
          planted: { limits: { turns: 987654.5 } },
          marks: ["987654.5"],
          field: "limits.turns",
          says: "a whole number"
        },
        {
          planted: { limits: { wallTime: "zzz" } },
          marks: ['"zzz"', "zzz"],
          field: "limits.wallTime",
          says: "30 seconds"
        },
        {
          planted: { agents: ["*", "zzz"] },
          marks: ['"zzz"', "zzz"],
          field: "agents[1]",
          says: "there is no agent zzz"
        },
        {
          planted: {
            guard: {
              rules: [
                { tools: "t", verdict: "ask" },
                { tools: "t", verdict: "zzz" }
              ]
            }
          },
          marks: ['"zzz"', "zzz"],
          field: "guard.rules[1].verdict",
          says: 'not "zzz"'
        },
        {
          planted: { guard: { rules: [{ tools: "t", verdict: "ask", arguments: { "a.b": { pattern: "(?=zzz)" } } }] } },
          marks: ['"(?=zzz)"', "(?=zzz)"],
          field: "guard.rules[0].arguments.a.b.pattern",
          says: "it looks around"
        }
      )
    ],
    ([agent, { field, marks, planted, says }]) =>
      Effect.gen(function* () {
        const { agents: _, model: __, ...rest } = agent
        const wrong = { ...rest, ...planted }
        for (const format of formats) {
          const text = written(wrong)[format]
          const mark = marks.find((mark) => text.includes(mark)) ?? ""
          const unquoted = format === "agent.json" ? (marks.find((mark) => mark.startsWith('"')) ?? mark) : mark
          const { problems } = yield* read({ [format]: text })
          assert.strictEqual(problems.length, 1, problems.join("\n"))
          const [problem = ""] = problems
          assert.isTrue(problem.startsWith(`${format}:${position(text, unquoted)}: ${field}: `), `${problem}\n${text}`)
          assert.include(problem, says)
        }
      }).pipe(Effect.scoped, Effect.provide(NodeContext.layer)),
    { fastCheck: { numRuns: numRuns(20) } }
  )

  const values = FastCheck.jsonValue({ maxDepth: 4 }).filter((value) => typeof value === "object" && value !== null)
  const valueOf = ({ document, mistakes }: Read): unknown => (mistakes.length > 0 ? mistakes : document?.value)

  it.prop("JSON is read as the platform reads it", [values, FastCheck.constantFrom(0, 2)], ([value, indent]) => {
    const text = JSON.stringify(value, null, indent)
    assert.deepStrictEqual(valueOf(Json.read(text)), JSON.parse(text))
  })

  it.prop(
    "what the platform refuses as JSON is refused",
    [values, FastCheck.nat(), FastCheck.nat()],
    ([value, at, char]) => {
      const text = JSON.stringify(value)
      const place = at % text.length
      const broken = `${text.slice(0, place)}${'{}[],:"\\019ae-. \n'[char % 17]}${text.slice(place + 1)}`
      const platform = (() => {
        try {
          return { value: JSON.parse(broken) }
        } catch {
          return undefined
        }
      })()
      const { document, mistakes } = Json.read(broken)
      // Keys that stand twice and numbers without end are taken by the platform.
      if (platform === undefined) assert.isAbove(mistakes.length, 0, broken)
      else if (mistakes.length === 0) assert.deepStrictEqual(document?.value, platform.value, broken)
      else
        assert.isTrue(
          mistakes.every(({ problem }) => /^(this key stands twice|expected a finite number)/.test(problem)),
          broken
        )
    }
  )

  const tables = FastCheck.dictionary(
    text,
    FastCheck.oneof(json, object, FastCheck.array(object, { maxLength: 3 }), FastCheck.array(FastCheck.array(json))),
    { noNullPrototype: true }
  )

  it.prop("everything in a file has its place", [tables], ([table]) => {
    const within = (value: unknown, place: ReadonlyArray<string | number>): ReadonlyArray<string> => [
      JSON.stringify(place),
      ...(Array.isArray(value)
        ? value.flatMap((item, index) => within(item, [...place, index]))
        : typeof value === "object" && value !== null
          ? Object.entries(value).flatMap(([key, field]) => within(field, [...place, key]))
          : [])
    ]
    for (const { document, mistakes, spots } of [
      TomlFile.read(Toml.stringify(table)),
      Json.read(JSON.stringify(table)),
      YamlText.read(Yaml.stringify(table), 0)
    ]) {
      assert.deepStrictEqual(mistakes, [])
      const places = spots.places().map((place) => JSON.stringify(place))
      assert.deepStrictEqual([...places].sort(), [...within(document?.value, [])].sort())
    }
  })

  it("all ways to write TOML have places", () => {
    const text = [
      '# a comment with [brackets] and "quotes"',
      'title = "a # no comment" # one',
      "'quoted key'.b.\"c d\" = 'C:\\'",
      'long = """',
      '[no.table]""\\"""""',
      "raw = '''",
      "key = 1'''",
      "list = [ # comment ]",
      '  "x", { y = [1, 2], "z z".w = "}" },',
      "]",
      "[ table . inner ] # comment",
      "a = 1",
      "[[many]]",
      "n = 1",
      "[[many]]",
      "n = 2",
      "[many.below]",
      "m = 3",
      "[[many.deep]]",
      "d = 4"
    ].join("\n")
    const { mistakes, spots } = TomlFile.read(text)
    const at = Documents.positions(text)
    const place = (...path: ReadonlyArray<string | number>): string => {
      const { line, column } = at(spots.find(path).value)
      return spots.has(path) ? `${line}:${column}` : "none"
    }
    assert.deepStrictEqual(mistakes, [])
    assert.deepStrictEqual(
      [
        place("title"),
        place("quoted key", "b", "c d"),
        place("long"),
        place("raw"),
        place("list", 0),
        place("list", 1, "y", 1),
        place("list", 1, "z z", "w"),
        place("table", "inner", "a"),
        place("many", 0, "n"),
        place("many", 1, "n"),
        place("many", 1, "below", "m"),
        place("many", 1, "deep", 0, "d")
      ],
      ["2:9", "3:24", "4:8", "6:7", "9:3", "9:18", "9:32", "12:5", "14:5", "16:5", "18:5", "20:5"]
    )
  })
})
