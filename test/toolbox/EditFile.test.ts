import { assert, describe, it } from "@effect/vitest"
import * as Sandbox from "axonal/sandbox/Sandbox"
import { Effect, Layer } from "effect"
import * as Agent from "../../src/agent/Agent.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import * as Part from "../../src/domain/Part.ts"
import * as Approval from "../../src/guard/Approval.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { edit, fileTools, read, withFiles, write } from "../support/fileTools.ts"

const { call, text } = ScriptedTransport
const source = 'export const f = () => {\n  if (a) {\n    b()\n  }\n}\nconst y = "3"\nconst z = "3"\n'
const files = { "x.ts": source }

/** Lets others run before it reads and before it writes. */
const slow = Layer.effect(
  Sandbox.Sandbox,
  Effect.map(Sandbox.Sandbox, (sandbox) => ({
    ...sandbox,
    read: (...given: Parameters<typeof sandbox.read>) => Effect.zipRight(Effect.yieldNow(), sandbox.read(...given)),
    write: (...given: Parameters<typeof sandbox.write>) => Effect.zipRight(Effect.yieldNow(), sandbox.write(...given))
  }))
)

describe("EditFile", () => {
  it.effect("a passage is replaced and shown", () =>
    Effect.gen(function* () {
      assert.strictEqual(
        yield* edit("x.ts", { old: "    b()\n", new: "    b(1)\n    c()\n" }, { old: "b(1)", new: "b(2)" }),
        'Changed x.ts (+2 -1 lines).\n@@ -1,6 +1,7 @@\n export const f = () => {\n   if (a) {\n-    b()\n+    b(2)\n+    c()\n   }\n }\n const y = "3"'
      )
      assert.strictEqual(yield* Sandbox.readText("x.ts"), source.replace("    b()\n", "    b(2)\n    c()\n"))
      assert.strictEqual(
        yield* edit("x.ts", { old: '"3"', new: "3", all: true }),
        'Changed x.ts (+2 -2 lines).\n@@ -5,4 +5,4 @@\n   }\n }\n-const y = "3"\n-const z = "3"\n+const y = 3\n+const z = 3'
          .replace("-5,4 +5,4", "-4,5 +4,5")
          .replace("   }\n }", "     c()\n   }\n }")
      )
    }).pipe(withFiles(files))
  )

  const problems: ReadonlyArray<readonly [title: string, edit: object, told: RegExp]> = [
    ["several", { old: '"3"', new: "4" }, /^failed: old is in the file 2 times, at lines 6, 7: add lines around/],
    ["overlapping", { old: "  ", new: "" }, /^failed: old is in the file \d+ times/],
    ["the same", { old: "b", new: "b" }, /^failed: old and new are the same/],
    ["empty", { old: "", new: "b" }, /^failed: old is empty/],
    [
      "indentation",
      { old: "if (a) {\n  b()\n}", new: "" },
      /differ in indentation are:\n {5}2\t {2}if \(a\) \{\n {5}3\t {4}b\(\)\n {5}4\t {2}\}\n/
    ],
    ["ends of lines", { old: "if (a) {\r\n    b()", new: "" }, /differ in the ends of lines are:\n {5}2\t/],
    ["spaces at the end", { old: "b()  \n  }", new: "" }, /differ in spaces at the ends of lines are:\n {5}3\t/],
    ["spaces", { old: 'const  y= "3"', new: "" }, /differ in spaces are:\n {5}6\t/],
    [
      "quotes",
      { old: "const y = ”3”", new: "" },
      /differ in quotes, dashes or other characters that look alike are:\n {5}6\t/
    ],
    ["escapes", { old: 'const y = \\"3\\"', new: "" }, /differ in escapes/],
    ["case", { old: 'CONST Y = "3"', new: "" }, /differ in upper and lower case are:\n {5}6\t/],
    ["line numbers", { old: "     2\t  if (a) {\n     3\t    b()", new: "" }, /line numbers of read_file/],
    [
      "a line that differs",
      { old: "  if (a) {\n    bb()\n  }", new: "" },
      /The nearest lines are:\n {5}2\t {2}if \(a\) \{\n {5}3\t {4}b\(\)\n {5}4\t/
    ],
    ["words that are alike", { old: "const x = 3", new: "" }, /The nearest lines are:\n {5}6\tconst y = "3"\n/],
    ["nothing alike", { old: "purple", new: "" }, /and nothing like it\. Read the file again/],
    ["done before", { old: "const q = 1", new: 'const y = "3"' }, /new is in the file already/]
  ]
  it.effect.each(problems)("a passage that is not there once is explained: %s", ([, change, told]) =>
    Effect.gen(function* () {
      assert.match(yield* edit("x.ts", change), told)
      assert.strictEqual(yield* Sandbox.readText("x.ts"), source)
    }).pipe(withFiles(files))
  )

  it.effect("edits are made all or none", () =>
    Effect.gen(function* () {
      assert.match(
        yield* edit("x.ts", { old: "a", new: "aa", all: true }, { old: "purple", new: "" }),
        /^failed: edits\[1\]: .*None of the edits was made\.$/s
      )
      assert.strictEqual(yield* Sandbox.readText("x.ts"), source)
      assert.strictEqual(
        yield* edit("x.ts", { old: "b()", new: "c()" }, { old: "c()", new: "b()" }),
        "The edits undo each other: x.ts stays as it is."
      )
    }).pipe(withFiles(files))
  )

  it.effect("a file that changed since it was read is not edited", () =>
    Effect.gen(function* () {
      yield* read("x.ts")
      yield* Sandbox.writeText("x.ts", source.replace("b()", "c()"))
      assert.strictEqual(
        yield* edit("x.ts", { old: "const z", new: "const w" }),
        "failed: x.ts has changed since you read it. Nothing was written. This is what changed:\n@@ -1,6 +1,6 @@\n export const f = () => {\n   if (a) {\n" +
          '-    b()\n+    c()\n   }\n }\n const y = "3"\nIf your change still fits, make it again.'
      )
      // It has seen the change by that.
      assert.match(yield* edit("x.ts", { old: "const z", new: "const w" }), /^Changed x\.ts/)
      yield* Sandbox.writeText("x.ts", "entirely\n".repeat(100))
      const refused =
        "failed: x.ts has changed since you read it (+100 -7 lines): call read_file again. Nothing was written."
      assert.strictEqual(yield* edit("x.ts", { old: "entirely", new: "", all: true }), refused)
      assert.strictEqual(yield* edit("x.ts", { old: "entirely", new: "", all: true }), refused)
      yield* read("x.ts")
      assert.match(yield* edit("x.ts", { old: "entirely", new: "", all: true }), /^Changed x\.ts \(\+100 -100 lines\)/)
    }).pipe(withFiles(files))
  )

  it.effect("edits of one file at once all count", () =>
    Effect.gen(function* () {
      const lines = Array.from({ length: 12 }, (_, index) => `line <${index}>`)
      yield* write("many", lines.join("\n"))
      const told = yield* Effect.forEach(
        lines,
        (_, index) => edit(index % 2 === 0 ? "many" : "./many", { old: `<${index}>`, new: `[${index}]\n` }),
        { concurrency: "unbounded" }
      )
      assert.isTrue(
        told.every((text) => text.startsWith("Changed many")),
        told.join("\n")
      )
      assert.strictEqual(yield* Sandbox.readText("many"), lines.map((_, index) => `line [${index}]\n`).join("\n"))
    }).pipe(Effect.provide(slow), withFiles({}))
  )

  it.effect("what is no text is not edited", () =>
    Effect.gen(function* () {
      assert.strictEqual(
        yield* edit("bin", { old: "a", new: "b" }),
        "failed: bin is no text: look at it with read_file."
      )
      assert.match(
        yield* edit("latin", { old: "r", new: "→" }),
        /^failed: latin is written in Latin-1, which has no "→"/
      )
      assert.match(yield* edit("x.tss", { old: "r", new: "" }), /There is no file x\.tss\. In \/work there is: x\.ts\./)
    }).pipe(withFiles({ ...files, bin: Uint8Array.of(0, 97), latin: Uint8Array.of(0x67, 0x72, 0xfc) }))
  )

  it.effect("a model reads, edits and is told", () =>
    Effect.gen(function* () {
      const agent = Agent.make("coder", { tools: fileTools })
      const { messages } = yield* Agent.run(agent, "go").pipe(
        Effect.provide(
          ScriptedTransport.layer([
            [call("1", "write_file", { path: "x.ts", content: "" })],
            [call("2", "read_file", { path: "x.ts", from: 6 })],
            [
              call("3", "edit_file", { path: "x.ts", edits: [{ old: "b()", new: "b()\n    c()" }] }),
              call("4", "patch_file", { path: "x.ts", patches: [{ from: 6, to: 6, content: "let y" }] })
            ],
            [text("done")]
          ])
        ),
        Effect.provide([ContextStore.layerMemory, Approval.layerAllow])
      )
      const results = messages.flatMap(({ parts }) =>
        parts.flatMap((part) =>
          part.type === "tool-result" ? [`${part.outcome}: ${Part.contentToText(part.content)}`] : []
        )
      )
      assert.strictEqual(results[0], "failed: You have not read x.ts: call read_file first. Nothing was written.")
      assert.strictEqual(results[1], 'ok: x.ts: lines 6 to 7 of 7\n     6\tconst y = "3"\n     7\tconst z = "3"')
      assert.match(results[2] ?? "", /^ok: Changed x\.ts \(\+1 -0 lines\)/)
      // Line 6 is what the model saw as line 6, though the edit beside it has moved it.
      assert.strictEqual(
        yield* Sandbox.readText("x.ts"),
        source.replace("b()", "b()\n    c()").replace('const y = "3"', "let y")
      )
    }).pipe(withFiles(files))
  )

  it.effect("nobody asked, nothing is changed", () =>
    Effect.gen(function* () {
      const calls = [
        call("1", "write_file", { path: "new", content: "" }),
        call("2", "edit_file", { path: "x.ts", edits: [{ old: "b", new: "c" }] }),
        call("3", "patch_file", { path: "x.ts", patches: [{ from: 1, to: 1, content: "" }] }),
        call("4", "apply_patch", { files: [{ path: "new", diff: "@@ -0,0 +1 @@\n+x\n" }] }),
        call("5", "read_file", { path: "x.ts" })
      ]
      const { messages } = yield* Agent.run(Agent.make("coder", { tools: fileTools }), "go").pipe(
        Effect.provide(ScriptedTransport.layer([calls, [text("done")]])),
        Effect.provide(ContextStore.layerMemory)
      )
      const outcomes = messages.flatMap(({ parts }) =>
        parts.flatMap((part) => (part.type === "tool-result" ? [part.outcome] : []))
      )
      assert.deepStrictEqual(outcomes, ["denied", "denied", "denied", "denied", "ok"])
      assert.strictEqual(yield* Sandbox.readText("x.ts"), source)
    }).pipe(withFiles(files))
  )
})
