import { readFileSync } from "node:fs"
import { NodeContext } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Either } from "effect"
import { program } from "../../examples/swarm/main.ts"
import * as Part from "../../src/domain/Part.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { root } from "../support/sources.ts"
import type { Scripts } from "./swarmSupport.ts"
import { begun, calls, interrupted, printed, repository, work } from "./swarmSupport.ts"

const { call, text } = ScriptedTransport

const solved = {
  slugify: `export const slugify = (title: string): string =>
  title
    .normalize("NFD")
    .replace(/\\p{Mark}/gu, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "")
`,
  unique: `export const unique = (slug: string, taken: ReadonlyArray<string>): string =>
  taken.includes(slug) ? next(slug, taken, 2) : slug

const next = (slug: string, taken: ReadonlyArray<string>, number: number): string =>
  taken.includes(\`\${slug}-\${number}\`) ? next(slug, taken, number + 1) : \`\${slug}-\${number}\`
`,
  readme: `# slugs

Addresses for articles.

- \`slugify(title)\`: the title in lower case, with hyphens between words.
- \`unique(slug, taken)\`: the slug, with the first free number behind it if it is taken.
`
}
const tasks = ["accents", "unique", "readme", "review", "unique-again", "review-again"].map((id) => `${id} done`)

const files = ({ readme, slugify, unique }: Effect.Effect.Success<ReturnType<typeof work>>) => ({
  slugify,
  unique,
  readme
})

describe("swarm", () => {
  it.scoped("works until files, board and cases are as asked", () =>
    Effect.gen(function* () {
      const folder = yield* repository
      const before = yield* interrupted(folder, 1)
      const done = yield* work(folder)
      const result = Either.getOrThrow(done.result)
      assert.deepStrictEqual(
        [result.reason, result.output, result.answeredBy],
        ["completed", "The issue is solved and reviewed.", "lead"]
      )
      assert.deepStrictEqual(files(done), solved)
      assert.strictEqual(done.cases, before.cases)
      assert.deepStrictEqual(done.tasks, tasks)
      assert.deepStrictEqual(done.notes, [
        ["analyst", undefined],
        ["analyst", undefined],
        ["reviewer", "review"]
      ])
      const who = "swarm lead analyst planner editor editor writer reviewer editor reviewer cases"
      assert.deepStrictEqual(begun(done.events), who.split(" "))
      const ends = done.events.flatMap((event) => (event._tag === "RunEnd" && event.agent !== "swarm" ? [event] : []))
      const lead = ends.find(({ agent }) => agent === "lead")
      assert.strictEqual(result.usage.costUsd, lead?.usage.costUsd)
      assert.isAbove(result.usage.costUsd ?? 0, 0.002)
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it.scoped("edits side by side, and again what a review sends back", () =>
    Effect.gen(function* () {
      const { events } = yield* work(yield* repository)
      const editors = events.flatMap((event) =>
        event.agent === "editor" && (event._tag === "RunStart" || event._tag === "RunEnd") ? [event._tag] : []
      )
      assert.deepStrictEqual(editors, ["RunStart", "RunStart", "RunEnd", "RunEnd", "RunStart", "RunEnd"])
      const inOrder = events.flatMap((event) => {
        if (event._tag !== "ToolEnd" || event.outcome !== "ok") return []
        const { path } = Object(event.input)
        if (event.name === "edit_file" && path.endsWith("unique.ts"))
          return [`edit: ${Part.contentToText(event.content)}`]
        return event.agent === "reviewer" && event.name === "run_cases" ? [Part.contentToText(event.content)] : []
      })
      assert.deepStrictEqual(inOrder, [
        "edit: Written.",
        'unique("tea", ["tea","tea-2","tea-3"]) is tea-2 and not tea-4',
        "edit: Changed.",
        "All cases pass."
      ])
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it.scoped("each role is kept from what is not its own", () =>
    Effect.gen(function* () {
      const edit = (path: string) => call(path, "edit_file", { path, old: "", new: "mine" })
      const once = (...steps: ReadonlyArray<ScriptedTransport.Step>) => [steps, [text("I tried.")], [text("Again.")]]
      const wrong: Scripts = {
        "You lead": [
          ["analyst", "editor", "writer", "reviewer"].map((agent) =>
            call(agent, "delegate", { agent, task: "Task x" })
          ),
          [text("They tried.")],
          [text("They tried.")]
        ],
        "You analyse": once(edit("src/a.ts")),
        "You review": once(edit("src/b.ts")),
        "You edit": once(
          ...["cases.json", "src/../ISSUE.md", "NEW.md", ".swarm/work.db", "../c.ts", "/etc/d.ts", "src/e.ts"].map(edit)
        ),
        "You write": once(edit("src/f.ts"), edit("src/../src/g.js"), edit("GUIDE.md"))
      }
      const { events } = yield* work(yield* repository, { scripts: wrong })
      const outcomes = calls(events, "edit_file").map(({ agent, input, outcome }) => {
        const file = String(Object(input).path ?? "")
          .split("/")
          .at(-1)
        return `${agent} ${outcome} ${file}`.trim()
      })
      assert.deepStrictEqual(outcomes.sort(), [
        "analyst unknown-tool",
        "editor denied ISSUE.md",
        "editor denied NEW.md",
        "editor denied c.ts",
        "editor denied cases.json",
        "editor denied d.ts",
        "editor denied work.db",
        "editor ok e.ts",
        "reviewer unknown-tool",
        "writer denied f.ts",
        "writer denied g.js",
        "writer ok GUIDE.md"
      ])
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it.scoped("the cases have the last word, not the review", () =>
    Effect.gen(function* () {
      const accepts: ScriptedTransport.Script = [
        [call("claim", "claim_task", { task: "review" })],
        [call("complete", "complete_task", { task: "review", result: "Accepted" })],
        [text("Fine.")]
      ]
      const done = yield* work(yield* repository, { scripts: { "You review": accepts } })
      const { reason } = Either.getOrThrow(done.result)
      const who = "swarm lead analyst planner editor editor writer reviewer cases lead editor cases"
      assert.deepStrictEqual([reason, begun(done.events)], ["completed", who.split(" ")])
      assert.deepStrictEqual(files(done), solved)
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it.scoped("RUN-6 a budget holds for all together, and more of it goes on", () =>
    Effect.gen(function* () {
      const folder = yield* repository
      // A request reserves what the longest answer would cost, so that the last cents are not spent.
      const costUsd = 0.042
      const poor = yield* work(folder, { costUsd })
      const { limit, reason, usage } = Either.getOrThrow(poor.result)
      assert.deepStrictEqual([reason, limit], ["limit", "budgetCostUsd"])
      assert.isBelow(usage.costUsd ?? Number.NaN, costUsd)
      assert.deepStrictEqual(poor.tasks, ["accents done", "unique done", "readme done", "review open"])
      const told = calls(poor.events, "delegate").at(-1)?.content ?? []
      assert.match(
        Part.contentToText(told),
        /reviewer ended without an answer \(limit: budgetCostUsd\)\. Its budget is used up/
      )
      const rich = yield* work(folder)
      assert.deepStrictEqual(begun(rich.events), ["swarm", "lead", "reviewer", "editor", "reviewer", "cases"])
      assert.deepStrictEqual([files(rich), rich.tasks], [solved, tasks])
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it.scoped("prints who does what, and then the board; done, it is done", () =>
    Effect.gen(function* () {
      const folder = yield* repository
      const first = yield* printed(program(folder))
      assert.deepStrictEqual(first.slice(0, 3), ["swarm begins", "  lead begins", "  > read_file ISSUE.md"])
      assert.deepStrictEqual(
        first.filter((line) => line.startsWith("[")),
        [
          "[x] accents (editor): Accents are taken off their letters, and hyphens off the ends.",
          "[x] unique (editor): Written: a slug that is taken gets a number.",
          "[x] readme (writer): One line about unique.",
          '[x] review (reviewer): Sent back: unique("tea", ["tea","tea-2","tea-3"]) is tea-2 and not tea-4',
          "[x] unique-again (editor): It counts on to the first that is free.",
          "[x] review-again (reviewer): Accepted"
        ]
      )
      assert.include(first, "    editor: completed, 75 tokens, $0.00006")
      assert.include(first, "swarm: completed, 780 tokens, $0.00205")
      assert.include(first, `  ${solved.unique.split("\n")[1]?.trim()}`)
      const again = yield* printed(program(folder))
      assert.deepStrictEqual(again.slice(0, 9), [
        "swarm begins",
        "  lead begins",
        "  > read_file ISSUE.md",
        "  > list_tasks ",
        "  > read_notes ",
        "  lead: completed, 30 tokens, $0.00013",
        "  cases begins",
        "  cases: completed, 0 tokens, $0.00000",
        "swarm: completed, 30 tokens, $0.00013"
      ])
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it("files of the team stand in the docs as they are", () => {
    const page = readFileSync(`${root}/docs/swarm.md`, "utf8")
    const blocks = Array.from(page.matchAll(/<!-- file: (\S+) -->\n```\w+\n([\s\S]*?)```/g))
    assert.isAbove(blocks.length, 1)
    for (const [, file = "", text] of blocks) assert.strictEqual(text, readFileSync(`${root}/${file}`, "utf8"))
  })
})
