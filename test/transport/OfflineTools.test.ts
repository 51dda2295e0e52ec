import { assert, describe, it } from "@effect/vitest"
import * as Message from "axonal/domain/Message"
import type { ToolSpec } from "axonal/transport/Transport"
import * as Effect from "effect/Effect"
import { answer, calls, number, send, string, textOf, tool } from "./offlineCalls.ts"

describe("Offline, over tools for files", () => {
  const box: ReadonlyArray<ToolSpec> = [
    {
      ...tool("find_files", { pattern: string, path: string }, ["pattern"]),
      description: "Finds files: **/*.ts, say"
    },
    { ...tool("read_skill_file", { name: string, path: string }, ["name", "path"]), description: "Reads a file" },
    { ...tool("read_file", { path: string, from: number, to: number }, ["path"]), description: "Reads a file." },
    { ...tool("list_jobs", {}, []), description: "Lists jobs" },
    { ...tool("list_files", { path: string, depth: number }, []), description: "Lists a folder" },
    { ...tool("search_notes", { query: string, board: string }, ["query", "board"]), description: "Finds notes" },
    {
      ...tool("search_files", { pattern: string, path: string, literal: { type: "boolean" } }, ["pattern"]),
      description: "Finds lines in files by a regular expression"
    }
  ]
  const over: ReadonlyArray<readonly [string, unknown]> = [
    ["read README.md and tell me what this is", ["read_file", { path: "README.md" }]],
    ["list the files", ["list_files", {}]],
    ["how many files are in src?", ["find_files", { pattern: "**", path: "src" }]],
    ["find all *.ts files in src", ["find_files", { pattern: "*.ts", path: "src" }]],
    ["where is the file tsconfig.json", ["find_files", { pattern: "tsconfig.json" }]],
    ["search for lamp", ["search_files", { pattern: "lamp" }]],
    ["find a(b in src", ["search_files", { pattern: "a(b", literal: true, path: "src" }]]
  ]
  it.effect("of many tools those are chosen whose words and fields fit", () =>
    Effect.gen(function* () {
      for (const [text, expected] of over) assert.deepStrictEqual(yield* calls(text, { tools: box }), [expected], text)
      const finder = { tools: box.slice(0, 1) }
      assert.include(textOf(yield* send([Message.user("search for lamp")], finder)), "I cannot search")
      const regex = { tools: [{ ...tool("grep", { pattern: string }, ["pattern"]), description: "By a regex" }] }
      assert.deepStrictEqual(yield* calls("search a(b", regex), [["grep", { pattern: "a\\(b" }]])
    })
  )

  it.effect("numbered lines, cut lists and grouped matches are read", () =>
    Effect.gen(function* () {
      const text = "a: 2 lines.md: lines 1 to 2 of 90, CRLF; go on with from: 3\n     1\t# Lamp\n     2\tone"
      assert.strictEqual(yield* answer("how many lines has a.md", text), "a.md has 90 lines.")
      assert.strictEqual(yield* answer("read a.md", text), "a.md:\n\n```\n# Lamp\none\n```")
      assert.strictEqual(yield* answer("how many lines has a.md", "a.md is empty."), "a.md has 0 lines.")
      assert.strictEqual(yield* answer("read a.md", "a.md is empty."), "a.md is empty.")
      const bytes = "a.md: bytes 0-0 of 1\n00000000  00   |.|"
      assert.strictEqual(
        yield* answer("how many lines has a.md", bytes),
        `a.md is no text.\n\n\`\`\`\n${bytes}\n\`\`\``
      )
      assert.strictEqual(yield* answer("how many files are there", "a\nb/c\n… and 40 more"), "42 files in this folder.")
      assert.strictEqual(yield* answer("how many files are there", "No file is in ."), "0 files in this folder.")
      assert.strictEqual(yield* answer("list src", "src is an empty folder."), "src is empty.")
      const found = "a.ts\n    1: x\n    9: x\n\nb.ts\n    3: is empty x"
      assert.include(yield* answer("search x", found), "“x”: 3 matches.")
      assert.include(yield* answer("search x", `${found}\n… and more; only the first 3`), "“x”: the first 3 matches.")
      assert.strictEqual(yield* answer("search x in src", "No line matches in src."), "No match for “x” in src.")
    })
  )
})
