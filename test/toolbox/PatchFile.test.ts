import { assert, describe, it } from "@effect/vitest"
import * as Sandbox from "axonal/sandbox/Sandbox"
import { SandboxError } from "axonal/sandbox/SandboxError"
import { createPatch } from "diff"
import { Effect, Layer } from "effect"
import * as FastCheck from "effect/FastCheck"
import { apply, patch, read, told, withFiles } from "../support/fileTools.ts"

const five = "1\n2\n3\n4\n5\n"
const seen = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.zipRight(read("a"), effect)

describe("PatchFile.lines", () => {
  const rows: ReadonlyArray<readonly [title: string, before: string, patches: ReadonlyArray<object>, after: string]> = [
    ["a line", five, [{ from: 2, to: 2, content: "two" }], "1\ntwo\n3\n4\n5\n"],
    ["the end of the content does not count", five, [{ from: 2, to: 2, content: "two\n" }], "1\ntwo\n3\n4\n5\n"],
    ["an empty line", five, [{ from: 2, to: 2, content: "\n" }], "1\n\n3\n4\n5\n"],
    ["more lines", five, [{ from: 2, to: 3, content: "a\nb\nc" }], "1\na\nb\nc\n4\n5\n"],
    ["nothing instead", five, [{ from: 2, to: 4, content: "" }], "1\n5\n"],
    ["inserted first", five, [{ from: 1, to: 0, content: "0" }], `0\n${five}`],
    ["inserted between", five, [{ from: 3, to: 2, content: "x" }], "1\n2\nx\n3\n4\n5\n"],
    ["inserted last", five, [{ from: 6, to: 5, content: "6" }], `${five}6\n`],
    [
      "numbers of before",
      five,
      [
        { from: 4, to: 4, content: "" },
        { from: 1, to: 1, content: "a\nb" },
        { from: 3, to: 2, content: "x" }
      ],
      "a\nb\n2\nx\n3\n5\n"
    ],
    [
      "twice before one line",
      five,
      [
        { from: 2, to: 1, content: "a" },
        { from: 2, to: 1, content: "b" },
        { from: 2, to: 2, content: "c" }
      ],
      "1\na\nb\nc\n3\n4\n5\n"
    ],
    ["a last line without end", "1\n2", [{ from: 2, to: 2, content: "x\n" }], "1\nx"],
    ["behind a line without end", "1\n2", [{ from: 3, to: 2, content: "3" }], "1\n2\n3"],
    ["all lines", five, [{ from: 1, to: 5, content: "" }], ""],
    ["an empty file", "", [{ from: 1, to: 0, content: "1" }], "1\n"]
  ]
  it.effect.each(rows)("lines are replaced by their numbers: %s", ([, before, patches, after]) =>
    Effect.gen(function* () {
      assert.match(yield* patch("a", ...patches), /^Changed a/)
      assert.strictEqual(yield* Sandbox.readText("a"), after)
    }).pipe(seen, withFiles({ a: before }))
  )

  const refused: ReadonlyArray<readonly [patches: ReadonlyArray<object>, told: RegExp]> = [
    [[{ from: 0, to: 0, content: "x" }], /^failed: 0 to 0 are no lines: to insert before line n/],
    [[{ from: 4, to: 2, content: "x" }], /^failed: 4 to 2 are no lines/],
    [[{ from: 7, to: 7, content: "x" }], /^failed: There is no line 7: the file has 5 lines\. Nothing was changed\./],
    [[{ from: 5, to: 6, content: "x" }], /^failed: There is no line 6/],
    [[{ from: 2, to: 1, content: "" }], /^failed: content is empty/],
    [
      [
        { from: 1, to: 3, content: "x" },
        { from: 3, to: 3, content: "y" }
      ],
      /^failed: Two patches change line 3/
    ],
    [[{ from: 1, to: 1, content: "1" }], /^These lines are in a already/],
    [
      [
        { from: 1, to: 1, content: "x" },
        { from: 9, to: 9, content: "y" }
      ],
      /^failed: patches\[1\]: There is no line 9/
    ]
  ]
  it.effect.each(refused)("what cannot be meant is refused", ([patches, told]) =>
    Effect.gen(function* () {
      assert.match(yield* patch("a", ...patches), told)
      assert.strictEqual(yield* Sandbox.readText("a"), five)
    }).pipe(seen, withFiles({ a: five }))
  )

  it.effect("numbers that were not read are refused", () =>
    Effect.gen(function* () {
      const told = yield* patch("a", { from: 1, to: 1, content: "x" })
      assert.strictEqual(told, "failed: You have not read a: call read_file first. Nothing was written.")
    }).pipe(withFiles({ a: five }))
  )
})

describe("PatchFile.diffs", () => {
  const source = "fn a() {\n  one\n}\n\nfn b() {\n  two\n}\n\nfn c() {\n  two\n}\n"
  const rows: ReadonlyArray<readonly [title: string, diff: string, after: string, note: string]> = [
    [
      "as it should be",
      "--- a/a\n+++ b/a\n@@ -1,3 +1,3 @@\n fn a() {\n-  one\n+  1\n }\n",
      source.replace("one", "1"),
      ""
    ],
    ["without names", "@@ -1,3 +1,3 @@\n fn a() {\n-  one\n+  1\n }", source.replace("one", "1"), ""],
    ["in a fence", "```diff\n@@ -1,3 +1,3 @@\n fn a() {\n-  one\n+  1\n }\n```", source.replace("one", "1"), ""],
    ["without numbers", "@@\n fn b() {\n-  two\n+  2\n }\n", source.replace("two", "2"), ""],
    ["with wrong counts", "@@ -1,9 +1,1 @@\n fn a() {\n-  one\n+  1\n }\n", source.replace("one", "1"), ""],
    [
      "at the wrong line",
      "@@ -7,3 +7,3 @@\n fn a() {\n-  one\n+  1\n }\n",
      source.replace("one", "1"),
      "hunk 1 was found at line 1 instead of 7"
    ],
    [
      "one of two, by its number",
      "@@ -10,2 +10,2 @@\n-  two\n+  2\n }\n",
      source.replace("c() {\n  two", "c() {\n  2"),
      ""
    ],
    [
      "other spaces at the ends",
      "@@ -1,3 +1,3 @@\n fn a() { \n-  one \n+  1\n }\n",
      source.replace("one", "1"),
      "spaces differ"
    ],
    [
      "context that differs",
      "@@ -1,3 +1,3 @@\n fn aa() {\n-  one\n+  1\n }\n",
      source.replace("one", "1"),
      "lines around the change differ"
    ],
    [
      "empty lines without a space",
      "@@ -3,3 +3,3 @@\n }\n\n-fn b() {\n+fn bb() {\n",
      source.replace("b()", "bb()"),
      ""
    ],
    [
      "several hunks",
      "@@ -1,1 +1,2 @@\n-fn a() {\n+fn a(\n+) {\n@@ -9,1 +10,1 @@\n-fn c() {\n+fn d() {\n",
      source.replace("a() {", "a(\n) {").replace("c()", "d()"),
      ""
    ],
    ["only inserted, by its number", "@@ -11,0 +12,1 @@\n+end\n", `${source}end\n`, ""],
    [
      "no end at the end",
      "@@ -10,2 +10,2 @@\n   two\n-}\n+};\n\\ No newline at end of file\n",
      `${source.slice(0, -2)}};`,
      ""
    ]
  ]
  it.effect.each(rows)("a diff is applied: %s", ([, diff, after, note]) =>
    Effect.gen(function* () {
      const told = yield* apply("a", diff)
      assert.match(told, /^Changed a/)
      if (note === "") assert.notInclude(told, "Note")
      else assert.include(told.split("\n")[0], note)
      assert.strictEqual(yield* Sandbox.readText("a"), after)
    }).pipe(withFiles({ a: source }))
  )

  const refused: ReadonlyArray<readonly [diff: string, told: RegExp]> = [
    ["@@ -3,2 +3,2 @@\n-  two\n+  2\n }\n", /Its lines are in the file 2 times, at lines 6, 10: add more lines/],
    [
      "@@ -1,2 +1,2 @@\n fn a() {\n-  uno\n+  1\n",
      /Hunk 1 \(at line 1\): It does not fit: the file has no line " {2}uno"\. The file has there:\n {5}1\tfn a\(\) \{\n(?: *\d+\t.*\n)*Nothing/
    ],
    ["@@ -1,2 +1,2 @@\n fn a() {\n-  two\n+  2\n", /Its lines are in the file 2 times, at lines 6, 10/],
    ["@@\n+x\n", /no line that is in the file already/],
    ["nothing", /The diff has no hunks/],
    ["@@ -1 +1 @@\n fn a() {\n", /A hunk of the diff changes nothing/],
    ["@@ -1 +1 @@\nfn a() {\n", /Line 2 of the diff begins with neither/],
    ["*** Begin Patch\n*** Update File: a\n@@\n-x\n", /no unified diff/],
    ["--- a/a\n+++ /dev/null\n@@ -1 +0,0 @@\n-fn a() {\n", /removes the file/],
    ["rename from a\nrename to b\n@@ -1 +1 @@\n-x\n+y\n", /renames the file/],
    ["--- a/a\n+++ b/a\n@@ -1 +1 @@\n-fn a() {\n+x\n--- a/b\n+++ b/b\n@@ -1 +1 @@\n-x\n+y\n", /about several files/]
  ]
  it.effect.each(refused)("what does not fit in one place is refused", ([diff, told]) =>
    Effect.gen(function* () {
      assert.match(yield* apply("a", diff), told)
      assert.strictEqual(yield* Sandbox.readText("a"), source)
    }).pipe(withFiles({ a: source }))
  )

  const two = {
    files: [
      { path: "a", diff: "@@ -1 +1 @@\n-1\n+one\n" },
      { path: "new/b", diff: "--- /dev/null\n+++ b/new/b\n@@ -0,0 +1,2 @@\n+x\n+y\n" }
    ]
  }

  it.effect("several files are changed together", () =>
    Effect.gen(function* () {
      assert.match(
        yield* told("apply_patch", two),
        /^Changed a \(\+1 -1 lines\)\.\n@@ [\s\S]*\n\nCreated new\/b: 2 lines, 4 bytes\.$/
      )
      assert.strictEqual(yield* Sandbox.readText("new/b"), "x\ny\n")
      assert.match(yield* told("apply_patch", two), /^failed: a: Hunk 1/)
      assert.match(
        yield* told("apply_patch", { files: [two.files[0], { ...two.files[0], path: "./a" }] }),
        /^failed: A file is there twice/
      )
    }).pipe(withFiles({ a: five }))
  )

  it.effect("what was written is taken back when a write fails", () =>
    Effect.gen(function* () {
      const full = Layer.effect(
        Sandbox.Sandbox,
        Effect.map(Sandbox.Sandbox, (sandbox) => ({
          ...sandbox,
          write: (path: string, bytes: Uint8Array, options?: Sandbox.WriteOptions) =>
            path === "new/b"
              ? Effect.fail(new SandboxError({ operation: "write", subject: path, reason: { _tag: "NoSpace" } }))
              : sandbox.write(path, bytes, options)
        }))
      )
      yield* Effect.gen(function* () {
        assert.strictEqual(yield* told("apply_patch", two), "failed: new/b: there is no space left for it.")
        assert.strictEqual(yield* Sandbox.readText("a"), five)
        assert.match(yield* apply("a", "@@ -1 +1 @@\n-1\n+one\n"), /^Changed a/)
      }).pipe(Effect.provide(full))
    }).pipe(withFiles({ a: five }))
  )

  it.effect.prop(
    "diffs of other programs give what they were made of",
    { before: texts(), after: texts(), context: FastCheck.integer({ min: 1, max: 4 }) },
    ({ after, before, context }) =>
      Effect.gen(function* () {
        if (before === after) return
        const diff = createPatch("a", before, after, undefined, undefined, { context })
        const answer = yield* apply("a", diff)
        assert.match(answer, /^Changed a/, diff)
        assert.strictEqual(yield* Sandbox.readText("a"), after, diff)
      }).pipe(withFiles({ a: before })),
    { fastCheck: { numRuns: 40 } }
  )
})

/** Texts with many lines that are alike, with an end or without. */
function texts() {
  const line = FastCheck.constantFrom("a", "b", "c", "", " a", "-x", "+y", "\t")
  return FastCheck.tuple(FastCheck.array(line, { minLength: 1, maxLength: 12 }), FastCheck.boolean()).map(
    ([lines, ends]) => lines.join("\n") + (ends ? "\n" : "")
  )
}
