import * as FileSystem from "@effect/platform/FileSystem"
import { NodeFileSystem } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as LocalSandbox from "../../src/sandbox/LocalSandbox.ts"
import * as Sandbox from "../../src/sandbox/Sandbox.ts"
import { isThere } from "../../src/toolbox/internal/searchRipgrep.ts"
import * as ListFiles from "../../src/toolbox/ListFiles.ts"
import * as SearchFiles from "../../src/toolbox/SearchFiles.ts"
import { called } from "../support/toolCalls.ts"

const tools = [ListFiles.list(), ListFiles.find(), SearchFiles.make()]
const own = [SearchFiles.make({ ripgrep: false })]

/** Has a folder of these files, with a sandbox in it. */
const within = <A, E>(files: Readonly<Record<string, string>>, use: Effect.Effect<A, E, Sandbox.Sandbox>) =>
  Effect.scoped(
    Effect.gen(function* () {
      const system = yield* FileSystem.FileSystem
      const folder = yield* system.makeTempDirectoryScoped({ prefix: "axonal-search-" })
      const sandbox = yield* LocalSandbox.make({ folder })
      yield* Effect.forEach(Object.entries(files), ([path, text]) =>
        sandbox.write(path, new TextEncoder().encode(text))
      )
      return yield* Effect.provideService(use, Sandbox.Sandbox, sandbox)
    })
  ).pipe(Effect.provide(NodeFileSystem.layer))

const project = {
  "README.md": "# Title\nread me\n",
  ".gitignore": "dist/\n*.log\n!keep.log\n",
  "src/index.ts": 'export const a = 1\nexport const B = "two"\n',
  "src/deep/util.ts": "const a = 3\r\nconst c = 4\r\n",
  "src/deep/.gitignore": "hidden.ts\n",
  "src/deep/hidden.ts": "const a = 5\n",
  "dist/out.js": "const a = 1\n",
  "x.log": "a = 1\n",
  "keep.log": "a = 1\n",
  "node_modules/p/index.js": "const a = 1\n",
  ".github/ci.yml": "a: 1\n",
  "bin.dat": "a = 1\0\n"
}

const found = (files: Readonly<Record<string, string>>, name: string, input: unknown, with_ = tools) =>
  Effect.map(within(files, called(with_, name, input)), ({ outcome, text }) =>
    outcome === "ok" ? text.split("\n").sort() : [outcome, text]
  )

describe("list_files", () => {
  it.live("a folder is shown whole, with sizes", () =>
    Effect.gen(function* () {
      const { text } = yield* within(project, called(tools, "list_files", {}))
      assert.deepStrictEqual(text.split("\n"), [
        ".github/",
        ".gitignore  22 bytes",
        "README.md  16 bytes",
        "bin.dat  7 bytes",
        "dist/",
        "keep.log  6 bytes",
        "node_modules/",
        "src/",
        "x.log  6 bytes"
      ])
    })
  )

  it.live("levels below are indented, and what tools keep stays closed", () =>
    Effect.gen(function* () {
      const { text } = yield* within(project, called(tools, "list_files", { depth: 3 }))
      assert.include(text, "\n  deep/\n    .gitignore")
      assert.notInclude(text, "  p/")
    })
  )

  it.live("a long folder is cut with a count", () =>
    Effect.gen(function* () {
      const many = Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`f${index}`, ""]))
      const { text } = yield* within(many, called([ListFiles.list({ mostEntries: 10 })], "list_files", {}))
      assert.strictEqual(text.split("\n").at(-1), "… and 20 more")
    })
  )

  it.live("what is no folder is told", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* found(project, "list_files", { path: "README.md" }), [
        "failed",
        "README.md: it is not a folder"
      ])
      assert.deepStrictEqual(yield* found(project, "list_files", { path: "none" }), [
        "failed",
        "none: there is no such file or folder"
      ])
    })
  )
})

describe("find_files", () => {
  const rows: ReadonlyArray<readonly [pattern: string, ReadonlyArray<string>, path?: string]> = [
    ["*.ts", ["src/deep/util.ts", "src/index.ts"]],
    ["src/*.ts", ["src/index.ts"]],
    ["**/*.{ts,yml}", [".github/ci.yml", "src/deep/util.ts", "src/index.ts"]],
    ["*.log", ["keep.log"]],
    ["*.ts", ["src/deep/util.ts"], "src/deep"],
    ["deep/**", ["src/deep/.gitignore", "src/deep/util.ts"], "./src/"],
    ["*.js", ["No file of that pattern is in the working folder."]],
    ["../*", ["failed", "The pattern is relative to path and stays below it: give the folder as path."]],
    ["", ["failed", "The pattern is empty: write ** for all files."]]
  ]
  it.live("AX find: patterns name files, and ignore files are honoured", () =>
    Effect.forEach(
      rows,
      ([pattern, expected, path]) =>
        Effect.map(found(project, "find_files", { pattern, ...(path === undefined ? {} : { path }) }), (lines) =>
          assert.deepStrictEqual(lines, expected, pattern)
        ),
      { discard: true }
    )
  )

  it.live("ignored files are found when they are asked for", () =>
    Effect.gen(function* () {
      const lines = yield* found(project, "find_files", { pattern: "*.js", includeIgnored: true })
      assert.deepStrictEqual(lines, ["dist/out.js", "node_modules/p/index.js"])
    })
  )

  it.live("too many are cut with a count", () =>
    Effect.gen(function* () {
      const few = [ListFiles.find({ mostFound: 2 })]
      const lines = yield* found(project, "find_files", { pattern: "**" }, few)
      assert.include(lines.join("\n"), "more; use a narrower pattern")
      const seen = yield* found(project, "find_files", { pattern: "*.none" }, [ListFiles.find({ mostVisited: 2 })])
      assert.include(seen.join("\n"), "too many files")
    })
  )
})

/** Both ways of searching. */
const both = (input: unknown, files: Readonly<Record<string, string>> = project) =>
  within(
    files,
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      const ours = yield* called(own, "search_files", input)
      if (!(yield* isThere(sandbox))) return { ours, theirs: ours }
      return { ours, theirs: yield* called(tools, "search_files", input) }
    })
  )

describe("search_files", () => {
  const rows: ReadonlyArray<readonly [input: Readonly<Record<string, unknown>>, expected: string]> = [
    [{ pattern: "const a" }, "src/deep/util.ts\n    1: const a = 3\n\nsrc/index.ts\n    1: export const a = 1"],
    [{ pattern: "CONST" }, "No line matches in the working folder."],
    [{ pattern: "const b", path: "src" }, 'src/index.ts\n    2: export const B = "two"'],
    [{ pattern: "const b", matchCase: true }, "No line matches in the working folder."],
    [{ pattern: "a = \\d$", files: "*.ts", path: "src/deep" }, "src/deep/util.ts\n    1: const a = 3"],
    [{ pattern: "a.=", literal: true }, "No line matches in the working folder."],
    [{ pattern: "read", context: 1 }, "README.md\n    1- # Title\n    2: read me"],
    [{ pattern: "= ", onlyPaths: true }, "keep.log (1)\nsrc/deep/util.ts (2)\nsrc/index.ts (2)"],
    [{ pattern: "a = 1", path: "dist/out.js" }, "dist/out.js\n    1: const a = 1"],
    [
      { pattern: "a = 1", files: "*.js", includeIgnored: true },
      "dist/out.js\n    1: const a = 1\n\nnode_modules/p/index.js\n    1: const a = 1"
    ]
  ]
  it.live("lines are found by ripgrep and without it alike", () =>
    Effect.forEach(
      rows,
      ([input, expected]) =>
        Effect.map(both(input), ({ ours, theirs }) => {
          const plain = (text: string) => text.replace(/ Only files of .*$/, "")
          assert.strictEqual(plain(ours.text), expected, JSON.stringify(input))
          assert.strictEqual(plain(theirs.text), expected, `ripgrep ${JSON.stringify(input)}`)
        }),
      { discard: true }
    )
  )

  it.live("what is no expression, or needs more than linear time, is told", () =>
    Effect.gen(function* () {
      for (const pattern of ["(a", "a(?=b)", "(a)\\1", ""]) {
        const { ours, theirs } = yield* both({ pattern })
        assert.strictEqual(ours.outcome, "failed", pattern)
        assert.deepStrictEqual(theirs, ours, pattern)
      }
      const { ours } = yield* both({ pattern: "(a" })
      assert.include(ours.text, "missing closing ): `(a`")
    })
  )

  it.live("an expression that would take for ever elsewhere is answered", () =>
    Effect.gen(function* () {
      const { ours } = yield* both({ pattern: "(a+)+$" }, { "a.txt": `${"a".repeat(50_000)}b\n` })
      assert.strictEqual(ours.outcome, "ok")
    })
  )

  it.live("long lines are shown around their match, and many matches are cut", () =>
    Effect.gen(function* () {
      const line = `${"x".repeat(5000)}needle${"y".repeat(5000)}`
      const { ours, theirs } = yield* both({ pattern: "needle" }, { "a.txt": `${line}\n`.repeat(120) })
      assert.deepStrictEqual(theirs, ours)
      assert.isBelow(ours.text.length, 120 * 320)
      assert.include(ours.text, "…x")
      assert.include(ours.text, "only the first 100 matches are shown")
    })
  )

  const word = FastCheck.constantFrom("a", "b", "ab", "*.a", "dist", "c.a", "!b", "b/", "/a", "a/**")
  const name = FastCheck.constantFrom("a", "b", "ab", "dist", "c.a", "x.a", ".h")
  const path = FastCheck.array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join("/"))
  const tree = FastCheck.record({
    files: FastCheck.uniqueArray(path, { maxLength: 8 }),
    rules: FastCheck.array(
      FastCheck.tuple(FastCheck.option(path, { nil: "" }), FastCheck.array(word, { maxLength: 3 })),
      {
        maxLength: 2
      }
    )
  })

  it.live("of any tree with ignore files both find the same", () =>
    Effect.promise(() =>
      FastCheck.assert(
        FastCheck.asyncProperty(tree, ({ files, rules }) => {
          const all: Record<string, string> = {}
          const isFree = (path: string) =>
            !Object.keys(all).some(
              (other) => other.startsWith(`${path}/`) || path.startsWith(`${other}/`) || other === path
            )
          for (const [folder, lines] of rules) {
            const at = folder === "" ? ".gitignore" : `${folder}/.gitignore`
            if (isFree(at)) all[at] = lines.join("\n")
          }
          for (const file of files) if (isFree(file)) all[file] = "needle\n"
          return Effect.runPromise(
            Effect.map(both({ pattern: "needle" }, all), ({ ours, theirs }) =>
              assert.strictEqual(theirs.text, ours.text)
            )
          )
        }),
        { numRuns: 12 }
      )
    )
  )
})
