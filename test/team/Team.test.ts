import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { AgentSpec } from "../../src/team/AgentSpec.ts"
import * as Team from "../../src/team/Team.ts"
import type { Contents } from "./support.ts"
import { folder, read } from "./support.ts"

const bytes = (...values: ReadonlyArray<number>): Uint8Array => new Uint8Array(values)

/** The agents of a team that has nothing wrong, by name and without where they come from. */
const agents = (contents: Contents | ReadonlyArray<Contents>) =>
  Effect.map(read(contents), ({ problems, spec }) => {
    assert.deepStrictEqual(problems, [])
    const bare = ({ files: _, name, places: __, ...fields }: AgentSpec) => [name, fields] as const
    return Object.fromEntries((spec?.agents ?? []).map(bare))
  })

const none = { tools: [], agents: [], skills: [], settings: {}, limits: {}, guard: [] }

describe("Team", () => {
  it.layer(NodeContext.layer)((it) => {
    describe("read", () => {
      it.scoped("the name falls back to the file's", () =>
        Effect.gen(function* () {
          const found = yield* agents({
            "Reviewer.md": "---\ndescription: reviews\n---\n\n\nReview it.\n\nTwice.\n",
            "b.toml": 'name = "writer"\n',
            "c.json": "{}"
          })
          assert.deepStrictEqual(found, {
            Reviewer: { ...none, description: "reviews", instructions: "Review it.\n\nTwice." },
            writer: none,
            c: none
          })
        })
      )

      it.scoped("later files and folders count, field by field", () =>
        Effect.gen(function* () {
          const rules = { rules: [{ tools: "rm", verdict: "deny" }] } as const
          const found = yield* agents([
            {
              "team.toml": [
                'lead = "writer"',
                "[defaults]",
                'tools = ["a"]',
                'limits = { turns = 3, wallTime = "2 minutes" }',
                "[agents.writer]",
                'description = "first"',
                'model = "offline"',
                'tools = ["b", "c"]',
                "settings = { temperature = 1, seed = 1 }",
                '[[defaults.guard.rules]]\ntools = "rm"\nverdict = "deny"'
              ].join("\n"),
              "writer.toml": 'description = "second"\n[limits]\nturns = "unlimited"',
              "x.json": '{"settings": {"seed": 7}}'
            },
            { "writer.md": "---\ntools: []\nsettings: {seed: 2}\nguard: {otherwise: allow, rules: []}\n---\nWrite." }
          ])
          const wallTime = Duration.minutes(2)
          assert.deepStrictEqual(found, {
            writer: {
              ...none,
              description: "second",
              instructions: "Write.",
              model: "offline",
              settings: { temperature: 1, seed: 2 },
              limits: { turns: Number.POSITIVE_INFINITY, wallTime },
              guard: [rules, { otherwise: "allow", rules: [] }]
            },
            x: { ...none, tools: ["a"], settings: { seed: 7 }, limits: { turns: 3, wallTime }, guard: [rules] }
          })
        })
      )

      it.scoped("every field knows the file it comes from", () =>
        Effect.gen(function* () {
          const { spec } = yield* read([
            { "team.toml": '[defaults]\ntools = ["a", "b"]\nguard.rules = []' },
            { "x.toml": 'description = "x"', "y.toml": 'tools = ["c"]\n[[guard.rules]]\ntools = "*"\nverdict = "ask"' }
          ])
          const [x, y] = spec?.agents ?? []
          const shown = (agent: AgentSpec | undefined, ...fields: ReadonlyArray<string>) =>
            fields.map((name) => {
              const { column, field, file, line } = agent?.places.get(name) ?? {}
              return file === undefined ? undefined : `${file.replace(/^.*\//, "")}:${line}:${column} ${field}`
            })
          assert.deepStrictEqual(shown(x, "tools[1]", "description"), [
            "team.toml:2:15 defaults.tools[1]",
            "x.toml:1:15 description"
          ])
          assert.deepStrictEqual(shown(y, "tools[0]", "tools[1]", "guard[0].rules", "guard[1].rules[0].verdict"), [
            "y.toml:1:10 tools[0]",
            undefined,
            "team.toml:3:15 defaults.guard.rules",
            "y.toml:4:11 guard.rules[0].verdict"
          ])
          assert.deepStrictEqual(
            y?.files.map((file) => file.replace(/^.*\//, "")),
            ["team.toml", "y.toml"]
          )
        })
      )

      it.scoped("the lead is named, or the only agent", () =>
        Effect.gen(function* () {
          const lead = (contents: Contents | ReadonlyArray<Contents>) =>
            Effect.map(read(contents), ({ spec }) => spec?.lead)
          assert.strictEqual(yield* lead({ "a.toml": "" }), "a")
          assert.strictEqual(yield* lead({ "a.toml": "", "b.toml": "" }), undefined)
          const named = { "team.json": '{"lead": "b"}', "a.toml": "", "b.toml": "" }
          assert.strictEqual(yield* lead(named), "b")
          assert.strictEqual(yield* lead([named, { "team.toml": 'lead = "a"' }]), "a")
        })
      )

      it.scoped("a path of a file means that one", () =>
        Effect.gen(function* () {
          const root = yield* folder({ "team.toml": 'lead = "a"', "a.md": "---\n---\nA", "b.toml": "" })
          const names = (path: string) => Effect.map(Team.read(path), ({ agents }) => agents.map(({ name }) => name))
          assert.deepStrictEqual(yield* names(`${root}/a.md`), ["a"])
          assert.deepStrictEqual(yield* names(`${root}/team.toml`), ["a", "b"])
        })
      )

      it.scoped("instructions come from a file below the folder", () =>
        Effect.gen(function* () {
          const found = yield* agents({
            "a.toml": '[instructions]\nfile = "texts/a.txt"',
            "b.md": "---\ninstructions: {file: ./texts/../texts/a.txt}\n---\n",
            "texts/a.txt": "\uFEFFDo it.\r\nWell.\r\n"
          })
          assert.deepStrictEqual(
            [found["a"], found["b"]].map((agent) => agent?.instructions),
            ["Do it.\nWell.", "Do it.\nWell."]
          )
        })
      )

      it.scoped("what is no agent is passed over", () =>
        Effect.gen(function* () {
          const { problems, spec, warnings } = yield* read({
            "a.toml": "",
            "README.md": "# Agents",
            "notes.md": "\n---\nname: late\n---\n",
            ".b.toml": "wrong",
            "c.yaml": "name: c",
            "d.txt": "text",
            "inner/e.toml": "wrong",
            "folder.toml/f.toml": "wrong"
          })
          assert.deepStrictEqual(problems, [])
          assert.deepStrictEqual(
            spec?.agents.map(({ name }) => name),
            ["a"]
          )
          assert.deepStrictEqual(warnings, [
            "c.yaml: is passed over: agents are written in .toml, .json or .md",
            "notes.md: is passed over: an agent has front matter, which begins with --- in the first line"
          ])
        })
      )

      it.scoped("what is probably not meant is a warning", () =>
        Effect.gen(function* () {
          const { warnings } = yield* read({
            "team.toml": '[agents.a]\ndescription = "a"',
            "a.toml": 'agents = ["*"]',
            "b.md": "---\nname: a\n---\n",
            "c.json": "{}"
          })
          assert.deepStrictEqual(warnings, [
            "b.md:2:1: a is in a.toml as well, over which this is laid",
            "c.json: c has no description, by which a is to choose it: add one"
          ])
        })
      )
    })

    describe("problems", () => {
      it.scoped("those of all files are told at once, in order", () =>
        Effect.gen(function* () {
          const { problems } = yield* read(
            [
              {
                "team.toml": 'lead = "wirter"\n[defaults]\ntools = ["grip"]\nname = "x"\n[agents."a b"]\n',
                "a.json": '{\n  "tools": ["x",]\n}',
                "reviewer.md": "---\nmax_output_tokens: 3\nmodel: gpt\nagents: [writer, nobody]\n---\n"
              },
              {
                "writer.toml":
                  'agents = ["writer"]\ninstructions = { file = "../a" }\n[limits]\nturns = 0\nwallTime = 5\n',
                "z.toml": "a = 1\na = 2"
              }
            ],
            { tools: ["grep"] }
          )
          const known = "Known: a b, a, reviewer, writer, z"
          const fields = "Known: name, description, instructions, model, tools, agents, skills, settings, limits, guard"
          assert.deepStrictEqual(
            problems.map((problem) => problem.replace(/ Vendors: .*/, "")),
            [
              `1/team.toml:1:8: lead: there is no agent wirter: did you mean writer? ${known}`,
              "1/team.toml:3:10: defaults.tools[0]: there is no tool grip: did you mean grep? Known: grep",
              `1/team.toml:4:1: defaults.name: there is no such field: ${fields.replace("name, description, ", "")}`,
              '1/team.toml:5:9: agents["a b"]: no name for an agent: use letters, digits, dots, hyphens and underscores',
              "1/a.json:2:16: tools: nothing follows the last comma: remove it",
              `1/reviewer.md:2:1: max_output_tokens: there is no such field: did you mean settings.maxOutputTokens? ${fields}`,
              '1/reviewer.md:3:8: model: "gpt" names no vendor: write vendor:gpt.',
              `1/reviewer.md:4:18: agents[1]: there is no agent nobody: ${known}`,
              "2/writer.toml:1:11: agents[0]: an agent cannot delegate to itself: remove it",
              "2/writer.toml:2:25: instructions.file: ../a is outside of 2: only files below it can be included",
              "2/writer.toml:4:9: limits.turns: expected a whole number from 1 on, not 0",
              '2/writer.toml:5:12: limits.wallTime: expected a time with its unit, such as "30 seconds", or "unlimited", not 5',
              "2/z.toml:2:1: no TOML: trying to redefine an already defined table or value"
            ]
          )
        })
      )

      it.scoped("a wrong list of an agent does not tell those of the defaults again", () =>
        Effect.gen(function* () {
          const { problems } = yield* read(
            { "team.toml": '[defaults]\ntools = ["grip"]\n', "a.toml": 'tools = "grep"\n' },
            { tools: ["grep"] }
          )
          assert.deepStrictEqual(problems, [
            "team.toml:2:10: defaults.tools[0]: there is no tool grip: did you mean grep? Known: grep",
            'a.toml:1:9: tools: expected a list, not "grep"'
          ])
        })
      )

      it.scoped("bytes that are no text are told with their line", () =>
        Effect.gen(function* () {
          const { problems } = yield* read({
            "a.toml": bytes(...Buffer.from('a = "é"\nb = "'), 0xe9, 0x22),
            "b.toml": bytes(0xff, 0xfe, 0x61, 0),
            "c.toml": "x = 1\n\n\0",
            "d.toml": "#".repeat(257 * 1024)
          })
          assert.deepStrictEqual(problems, [
            "a.toml:2:1: is not UTF-8: save it as UTF-8",
            "b.toml:1:1: is UTF-16: save it as UTF-8",
            "c.toml:3:1: has a NUL character: it is no text",
            "d.toml: is larger than 256 KiB: keep long texts out of it"
          ])
        })
      )

      it.scoped("text that is none of its format is told with its line", () =>
        Effect.gen(function* () {
          const { problems } = yield* read({
            "a.json": '{\n  // why\n  "name": "a"\n}',
            "b.json": '{"name": "b",\n "name": "c",\n "tools": [1e999]\n}',
            "c.md": "---\nname: c\n",
            "d.md": "---\ntools: [a\nname: d\n---\n",
            "e.md": "---\nname: &e e\nmodel: *e\nname: f\n---\n",
            "f.md": "---\ninstructions: one\n---\ntwo",
            "g.toml": "[settings]\nseed = 2020-01-01\ntemperature = nan",
            "h.json": "[]",
            "i.json": `${"[".repeat(10_000)}`,
            "j.md": `---\na: ${"[".repeat(10_000)}\n---\n`,
            "k.toml": `a = ${"[".repeat(10_000)}`,
            "ü.toml": ""
          })
          const cut = problems.map((problem) => problem.slice(0, 120).replace(/(no YAML: [A-Z][a-z]+ [a-z]+).*/, "$1"))
          assert.deepStrictEqual(cut, [
            "a.json:2:3: expected a key in double quotes, not a comment, which JSON has not",
            "b.json:2:2: name: this key stands twice: remove one",
            'b.json:3:12: tools[0]: expected a finite number: for a limit that is none write "unlimited"',
            "c.md:1:1: the front matter has no end: write --- on a line of its own below it",
            "d.md:3:1: no YAML: Flow sequence",
            "e.md:3:8: model: an alias: write out what *e stands for",
            "e.md:4:1: name: this key stands twice: remove one",
            "f.md:2:1: instructions: there is a text below the front matter as well: keep one of the two",
            'g.toml:2:8: settings.seed: expected a text, not a date: write "2020-01-01"',
            'g.toml:3:15: settings.temperature: expected a finite number: for a limit that is none write "unlimited"',
            "h.json:1:1: expected an object, not []",
            "i.json:1:66: more than 64 levels deep: make it flatter",
            "j.md:2:1: more than 64 levels deep: make it flatter",
            "k.toml:1:69: more than 64 levels deep: make it flatter",
            "ü.toml:1:1: the name of the file is none for an agent: add a name of letters, digits, dots, hyphens and underscores"
          ])
        })
      )

      it.scoped("nothing outside of the folder is included", () =>
        Effect.gen(function* () {
          const files = yield* FileSystem.FileSystem
          const outside = yield* folder({ "secret.txt": "secret" })
          const include = (file: string) => `instructions.file = ${JSON.stringify(file)}`
          const root = yield* folder({
            "a.toml": include("link.txt"),
            "b.toml": include(`${outside}/secret.txt`),
            "c.toml": include(".env"),
            "d.toml": include("texts"),
            "e.toml": include("gone.txt"),
            "f.toml": include("linked/secret.txt"),
            ".env": "KEY=1",
            "texts/x": ""
          })
          yield* files.symlink(`${outside}/secret.txt`, `${root}/link.txt`)
          yield* files.symlink(outside, `${root}/linked`)
          const { problems } = yield* Effect.flip(Team.read(root))
          assert.deepStrictEqual(
            problems.map(({ problem }) => problem.replaceAll(root, "R").replaceAll(outside, "O")),
            [
              "link.txt is outside of R: only files below it can be included",
              "O/secret.txt is outside of R: only files below it can be included",
              ".env is hidden: give the file a name without a dot at the beginning",
              "texts is no file: name one",
              "gone.txt does not exist: create it, or correct the path",
              "linked/secret.txt is outside of R: only files below it can be included"
            ]
          )
        })
      )

      it.scoped("folders that hold nothing, are not there or hold too much are told", () =>
        Effect.gen(function* () {
          const many = yield* folder(
            Object.fromEntries(Array.from({ length: 501 }, (_, index) => [`${index}.txt`, ""]))
          )
          const problems = (path: string) =>
            Effect.map(Effect.flip(Team.read(path)), ({ problems }) => problems.map(({ problem }) => problem))
          assert.deepStrictEqual(yield* problems(yield* folder({})), [
            "holds no agent: add a .toml, .json or .md file for one"
          ])
          assert.deepStrictEqual(yield* problems("/nowhere/at/all"), ["does not exist: create it, or correct the path"])
          assert.deepStrictEqual(yield* problems(many), [
            "holds 501 files, at most 500 are read: keep agents in a folder of their own"
          ])
        })
      )

      it.scoped("of very many problems the first are told", () =>
        Effect.gen(function* () {
          const { problems } = yield* read({ "a.json": `{"tools": [${"1,".repeat(5_000)}1]}`, "b.toml": "x = 1" })
          assert.strictEqual(problems.length, 52)
          assert.deepStrictEqual(
            problems.slice(49).map((problem) => problem.slice(0, 80)),
            [
              "a.json:1:110: tools[49]: expected a text that is not empty, not 1",
              "a.json:1:112: tools[50]: and more is wrong from here on: correct this first",
              "b.toml:1:1: x: there is no such field: Known: name, description, instructions, m"
            ]
          )
        })
      )

      it.scoped("agents of a team file that cannot be read are not missed", () =>
        Effect.gen(function* () {
          const { problems } = yield* read({ "team.toml": "lead = \n", "a.toml": 'agents = ["b"]' })
          assert.strictEqual(problems.length, 1, problems.join("\n"))
        })
      )
    })

    it.scoped("an error reads as a list", () =>
      Effect.gen(function* () {
        const root = yield* folder({ "a.toml": "modle = 1\n" })
        const error = yield* Effect.flip(Team.read(root))
        assert.match(
          error.message,
          /^The team cannot be read:\n- .*a\.toml:1:1: modle: there is no such field: did you/
        )
      })
    )
  })

  it("patterns choose names in their order", () => {
    const names = ["read_file", "write_file", "read_lines"]
    assert.deepStrictEqual(Team.select(names, ["read_*", "write_file", "none"]), names)
    assert.deepStrictEqual(Team.select(names, ["*_lines"]), ["read_lines"])
    assert.deepStrictEqual(Team.select(names, []), [])
  })
})
