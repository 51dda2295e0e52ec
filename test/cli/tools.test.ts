import { symlinkSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { evaluate } from "../../src/cli/internal/arithmetic.ts"
import { list, read, search } from "../../src/cli/internal/folder.ts"
import { cleanUp, folderOf } from "./support.ts"

cleanUp()

const { signal } = new AbortController()
const names = { recursive: false, signal }
const all = { recursive: true, signal }
const whole = { from: 1, to: undefined }

const refusal = (attempt: Promise<string>): Promise<string> =>
  attempt.then(
    (text) => `no refusal: ${text}`,
    (error: unknown) => (error instanceof Error ? error.message : String(error))
  )

describe("tools of the command line", () => {
  describe("calculate", () => {
    it("follows precedence and brackets", () => {
      const cases: ReadonlyArray<readonly [string, number]> = [
        ["2*(3+4)", 14],
        ["2+3*4-1", 13],
        ["-2^2", -4],
        ["2^3^2", 512],
        ["2**-1", 0.5],
        ["10 % 4 / 2", 1],
        ["0.1+0.2", 0.3],
        ["1e3 + .5", 1000.5],
        ["sqrt(16) + max(1, 2, 3) - abs(-1)", 6],
        ["--3", 3],
        ["round(pi*100)/100", 3.14]
      ]
      assert.deepStrictEqual(
        cases.map(([expression]) => evaluate(expression)),
        cases.map(([, value]) => ({ value }))
      )
    })

    it("says what is wrong and where", () => {
      const cases: ReadonlyArray<readonly [string, string]> = [
        ["", "the expression is empty"],
        ["1 +", "the expression ends too early"],
        ["(1", 'a ")" is missing'],
        ["1 2", 'unexpected "2" at character 3'],
        ["1 + process", 'unexpected "process" at character 5'],
        ["constructor(1)", 'unexpected "constructor" at character 1'],
        ["1; 2", 'unexpected ";" at character 2'],
        ["1/0", "division by zero"],
        ["sqrt(0-1)", "the result is not a finite number"],
        ["(".repeat(200), "more than 100 brackets within each other"],
        ["1".repeat(2000), "the expression is longer than 1000 characters"]
      ]
      assert.deepStrictEqual(
        cases.map(([expression]) => evaluate(expression)),
        cases.map(([, error]) => ({ error }))
      )
    })
  })

  describe("list", () => {
    const files = { "b.txt": "", "a/c.txt": "", "a/d/e.txt": "", ".git/config": "", "node_modules/x/y.js": "" }

    it("names files and folders without what nobody asks for", async () => {
      const root = folderOf(files)
      assert.strictEqual(await list(root, ".", names), "a/\nb.txt")
      assert.strictEqual(await list(root, "a", names), "c.txt\nd/")
      assert.strictEqual(await list(root, ".", all), "b.txt\na/c.txt\na/d/e.txt")
      assert.strictEqual(await list(folderOf(), ".", names), "[empty]")
    })

    it("shows a part of many and says so", async () => {
      const root = folderOf(Object.fromEntries(Array.from({ length: 1005 }, (_, index) => [`f${index}`, ""])))
      const lines = (await list(root, ".", all)).split("\n")
      assert.deepStrictEqual(
        [lines.length, lines.at(-1)],
        [1001, "[1000 of 1005 files shown; list a folder below for the rest]"]
      )
    })

    it("refuses files and follows no links", async () => {
      const root = folderOf({ "a/b.txt": "" })
      symlinkSync("..", join(root, "a", "up"))
      symlinkSync("/", join(root, "rest"))
      assert.strictEqual(await list(root, ".", all), "a/b.txt")
      assert.strictEqual(await refusal(list(root, "a/b.txt", names)), "a/b.txt is a file, not a folder.")
      assert.strictEqual(
        await refusal(list(root, "rest", names)),
        `rest is outside of ${root}; only files below it may be read.`
      )
    })
  })

  describe("read", () => {
    const hundred = Array.from({ length: 1234 }, (_, index) => `line ${index + 1}\n`).join("")

    it("gives a short file as it is", async () => {
      const root = folderOf({ "a.txt": "\uFEFFone\r\ntwo", "b.txt": "one\n", empty: "" })
      assert.deepStrictEqual(await Promise.all(["a.txt", "b.txt", "empty"].map((path) => read(root, path, whole))), [
        "one\ntwo",
        "one\n",
        ""
      ])
    })

    it("gives a long file in pieces", async () => {
      const root = folderOf({ "a.txt": hundred })
      const lines = (await read(root, "a.txt", whole)).split("\n")
      assert.deepStrictEqual(
        [lines[0], lines.at(-2), lines.at(-1)],
        ["line 1", "line 500", "[lines 1-500 of 1234 shown; read on with from: 501]"]
      )
      assert.strictEqual(
        await read(root, "a.txt", { from: 1233, to: 9999 }),
        "line 1233\nline 1234\n[lines 1233-1234 of 1234 shown]"
      )
    })

    it("refuses with a sentence", async () => {
      const root = folderOf({ "a.txt": "a\n", "b.png": new Uint8Array([137, 0]) })
      const cases: ReadonlyArray<readonly [string, number, string]> = [
        ["none", 1, "none does not exist."],
        ["a.txt/b", 1, "a.txt/b is not below a folder."],
        [".", 1, ". is a folder; list it instead."],
        ["b.png", 1, "b.png is a binary file (2 bytes)."],
        ["a.txt", 9, "a.txt has 1 lines, there is no line 9."],
        ["/etc/hostname", 1, `/etc/hostname is outside of ${root}; only files below it may be read.`],
        ["x/../../y", 1, `x/../../y is outside of ${root}; only files below it may be read.`],
        ["a\0b", 1, "A path cannot contain a NUL character."]
      ]
      const told = await Promise.all(cases.map(([path, from]) => refusal(read(root, path, { from, to: undefined }))))
      assert.deepStrictEqual(
        told,
        cases.map(([, , message]) => message)
      )
    })
  })

  describe("search", () => {
    it("finds plain text in files and folders", async () => {
      const root = folderOf({
        "a.txt": "One (1)\ntwo\n",
        "b/c.txt": "one.\n",
        "b/d.bin": new Uint8Array([111, 110, 101, 0])
      })
      assert.strictEqual(await search(root, "one", ".", signal), "a.txt:1: One (1)\nb/c.txt:1: one.")
      assert.strictEqual(await search(root, "One", ".", signal), "a.txt:1: One (1)")
      assert.strictEqual(await search(root, "(1)", "a.txt", signal), "a.txt:1: One (1)")
      assert.strictEqual(await search(root, "three", "b", signal), 'No match for "three".')
      assert.strictEqual(await refusal(search(root, "", ".", signal)), "The text to search for is empty.")
    })
  })
})
