import { assert, describe, it } from "@effect/vitest"
import * as Sandbox from "axonal/sandbox/Sandbox"
import * as WriteFile from "axonal/toolbox/WriteFile"
import { Effect } from "effect"
import { RunId, SessionId } from "../../src/domain/Ids.ts"
import * as ToolContext from "../../src/tool/ToolContext.ts"
import * as Encodings from "../../src/toolbox/internal/textEncoding.ts"
import { bytesOf, patch, read, withFiles, write } from "../support/fileTools.ts"
import { called } from "../support/toolCalls.ts"

const bytes = (text: string, encoding: Encodings.Encoding): Uint8Array => {
  const encoded = Encodings.encode(text, encoding)
  return "bytes" in encoded ? encoded.bytes : assert.fail(encoded.unknown)
}
const unread = "failed: You have not read a: call read_file first. Nothing was written."

describe("WriteFile", () => {
  it.effect("a file is made, replaced and left as it is", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* write("new/deep/a", "1\n2\n"), "Created new/deep/a: 2 lines, 4 bytes.")
      assert.strictEqual(
        yield* write("new/deep/a", "1\n3\n"),
        "Changed new/deep/a (+1 -1 lines).\n@@ -1,2 +1,2 @@\n 1\n-2\n+3"
      )
      assert.strictEqual(
        yield* write("./new/deep/../deep/a", "1\n3\n"),
        "new/deep/a has this content already: nothing was written."
      )
      assert.strictEqual(yield* write("new/deep/a", ""), "Changed new/deep/a (+0 -2 lines).\n@@ -1,2 +0,0 @@\n-1\n-3")
      assert.strictEqual(yield* write("new", ""), "failed: new is a folder: call list_files to see what is in it.")
    }).pipe(withFiles({}))
  )

  it.effect("what was not read is not replaced", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* write("a", "x"), unread)
      yield* read("a", { to: 1 })
      yield* Sandbox.writeText("a", "other\n")
      assert.match(
        yield* write("a", "x"),
        /^failed: a has changed since you read it\. Nothing was written\. This is what changed:\n@@ -1,1 \+1,1 @@\n-one\n\+other\n/
      )
      assert.strictEqual(yield* Sandbox.readText("a"), "other\n")
      assert.match(yield* write("a", "x"), /^Changed a/)
      const free = yield* called([WriteFile.make({ requireRead: false })], "write_file", { path: "b", content: "x" })
      assert.match(free.text, /^Changed b/)
    }).pipe(withFiles({ a: "one\n", b: "one\n" }))
  )

  it.effect("what one session has read another has not", () =>
    Effect.gen(function* () {
      const as = (session: string, turn = 1) =>
        Effect.provideService(ToolContext.ToolContext, {
          ...ToolContext.outside,
          run: RunId.make("r"),
          session: SessionId.make(session),
          turn
        })
      yield* as("one")(read("a"))
      assert.strictEqual(yield* as("two")(write("a", "x")), unread)
      assert.match(yield* as("one")(write("a", "1\n2\n3\n")), /^Changed a/)
      // In one turn numbers are those of before; in the next those of the answer.
      assert.match(yield* as("one", 2)(patch("a", { from: 1, to: 0, content: "0" })), /^Changed a/)
      assert.match(yield* as("one", 2)(patch("a", { from: 2, to: 2, content: "two" })), /^Changed a/)
      assert.match(
        yield* as("one", 2)(patch("a", { from: 2, to: 2, content: "zwei" })),
        /^failed: Another call of the same answer has changed lines 2 to 2/
      )
      assert.strictEqual(yield* Sandbox.readText("a"), "0\n1\ntwo\n3\n")
      assert.match(yield* as("one", 3)(patch("a", { from: 2, to: 2, content: "eins" })), /^Changed a/)
      assert.strictEqual(yield* Sandbox.readText("a"), "0\neins\ntwo\n3\n")
    }).pipe(withFiles({ a: "one\n" }))
  )

  it.effect("encoding and ends of lines are kept", () =>
    Effect.gen(function* () {
      const replace = (path: string, content: string) => Effect.zipRight(read(path), write(path, content))
      yield* replace("le", "grün\nx\n")
      assert.deepStrictEqual(yield* bytesOf("le"), bytes("grün\r\nx\r\n", "UTF-16LE"))
      yield* replace("mark", "\ufeffgrün\nx\n")
      assert.deepStrictEqual(yield* bytesOf("mark"), bytes("grün\nx\n", "UTF-8 with BOM"))
      yield* replace("latin", "grün\n„x“\n")
      assert.deepStrictEqual(yield* bytesOf("latin"), bytes("grün\n„x“\n", "Latin-1"))
      yield* replace("mixed", "a\nx\nb\ny\nc")
      assert.deepStrictEqual(yield* bytesOf("mixed"), bytes("a\r\nx\nb\ny\nc", "UTF-8"))
    }).pipe(
      withFiles({
        le: bytes("grün\r\na\r\n", "UTF-16LE"),
        mark: bytes("a\n", "UTF-8 with BOM"),
        latin: bytes("grün\n", "Latin-1"),
        mixed: "a\r\nb\nc"
      })
    )
  )

  it.effect("what cannot be kept is told", () =>
    Effect.gen(function* () {
      yield* Effect.forEach(["latin", "lf", "bin"], (path) => read(path))
      assert.match(
        yield* write("latin", "grün →\n"),
        /^Changed latin \(\+1 -1 lines\)\. Note: it was Latin-1 and is UTF-8 now\.\n/
      )
      assert.match(
        yield* write("lf", "a\r\nb\r\n"),
        /^Changed lf \(\+0 -0 lines\)\. Note: its lines ended with LF and are CRLF now\./
      )
      assert.deepStrictEqual(yield* bytesOf("lf"), bytes("a\r\nb\r\n", "UTF-8"))
      assert.match(yield* write("bin", "text\n"), /^Changed bin \(\+1 -0 lines\)\. Note: it was no text before\./)
    }).pipe(withFiles({ latin: bytes("grün\n", "Latin-1"), lf: "a\nb\n", bin: Uint8Array.of(0, 1) }))
  )

  it.effect("a diff is bounded, however much differs", () =>
    Effect.gen(function* () {
      const text = (word: string) =>
        Array.from({ length: 20_000 }, (_, index) => `${word} ${(index * 7919) % 20_000}`).join("\n")
      yield* write("a", text("old"))
      const told = yield* write("a", text("new"))
      assert.isTrue(told.startsWith("Changed a (+20000 -20000 lines).\n@@ -1,20000 +1,20000 @@\n-old 0\n"))
      assert.isTrue(told.endsWith("[… 39883 more lines of the diff …]"))
    }).pipe(withFiles({}))
  )
})
