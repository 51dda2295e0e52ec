import { assert, describe, it } from "@effect/vitest"
import { createPatch } from "diff"
import { Effect } from "effect"
import * as FastCheck from "effect/FastCheck"
import * as Regions from "../../src/toolbox/internal/diffRegions.ts"
import * as Encodings from "../../src/toolbox/internal/textEncoding.ts"
import * as Endings from "../../src/toolbox/internal/textEndings.ts"
import { apply, bytesOf, edit, patch, read, withFiles, write } from "../support/fileTools.ts"

const encodings = ["UTF-8", "UTF-8 with BOM", "UTF-16LE", "UTF-16BE", "Latin-1"] as const
const bytes = (text: string, encoding: Encodings.Encoding): Uint8Array => {
  const encoded = Encodings.encode(text, encoding)
  return "bytes" in encoded ? encoded.bytes : assert.fail(encoded.unknown)
}
/** What is in every encoding, with letters that have several bytes. */
const line = FastCheck.string({ unit: FastCheck.constantFrom(..."ab é€\tß".split("")), maxLength: 6 })

/** A file: its lines, the end of each, its encoding; and where it is changed. */
const scene = FastCheck.record({
  encoding: FastCheck.constantFrom(...encodings),
  lines: FastCheck.array(line, { minLength: 1, maxLength: 8 }),
  style: FastCheck.constantFrom("lf", "crlf", "mixed" as const),
  returns: FastCheck.array(FastCheck.boolean(), { minLength: 8, maxLength: 8 }),
  isOpen: FastCheck.boolean(),
  at: FastCheck.nat(7),
  content: FastCheck.array(line, { minLength: 1, maxLength: 3 }),
  tool: FastCheck.constantFrom("edit", "patch", "diff", "write" as const)
})
type Scene = typeof scene extends FastCheck.Arbitrary<infer A> ? A : never

const endOf = ({ isOpen, lines, returns, style }: Scene, index: number): string =>
  isOpen && index === lines.length - 1
    ? ""
    : style === "crlf" || (style === "mixed" && returns[index] === true)
      ? "\r\n"
      : "\n"

describe("EditFile", () => {
  it.effect.prop(
    "bytes outside of an edit stay as they are",
    { scene },
    ({ scene }) =>
      Effect.gen(function* () {
        const { content, encoding, lines, style, tool } = scene
        const at = scene.at % lines.length
        // A line that is there once, and no Latin-1 without a letter that tells it from UTF-8.
        const marked = lines.map((line, index) => (index === at ? `${line}<é>` : `${line}é${index}`))
        const whole = marked.map((line, index) => line + endOf(scene, index))
        const before = whole.slice(0, at).join("")
        const after = whole.slice(at + 1).join("")
        const next = [...content.slice(0, -1), `${content.at(-1)}!`]
        const plain = whole.join("").replaceAll("\r\n", "\n")
        const changed =
          [...marked.slice(0, at), ...next, ...marked.slice(at + 1)].join("\n") + (scene.isOpen ? "" : "\n")
        const run = Effect.gen(function* () {
          yield* read("f")
          const told =
            tool === "edit"
              ? yield* edit("f", { old: marked[at], new: next.join("\n") })
              : tool === "patch"
                ? yield* patch("f", { from: at + 1, to: at + 1, content: next.join("\n") })
                : tool === "diff"
                  ? yield* apply("f", createPatch("f", plain, changed))
                  : yield* write("f", changed)
          assert.match(told, /^Changed f/)
          const found = yield* bytesOf("f")
          const text = Encodings.decode(found.subarray(Encodings.markLength(encoding)), encoding)
          assert.isTrue(text.startsWith(before), "before")
          assert.isTrue(text.endsWith(endOf(scene, at) + after), "after")
          assert.strictEqual(Endings.plain(text).text, changed)
          // In a file with one end of line, new lines have it.
          const all = style === "crlf" ? changed.replaceAll("\n", "\r\n") : style === "lf" ? changed : text
          const isSingle = style === "crlf" && whole.length === 1 && scene.isOpen
          assert.deepStrictEqual(found, bytes(isSingle ? changed : all, encoding))
        })
        yield* run.pipe(withFiles({ f: bytes(whole.join(""), encoding) }))
      }),
    { fastCheck: { numRuns: 60 } }
  )

  it.prop(
    "whatever is text keeps its bytes",
    { bytes: FastCheck.uint8Array({ maxLength: 40 }) },
    ({ bytes: given }) => {
      const text = Encodings.textOf(given)
      if (text === undefined) return
      assert.deepStrictEqual(bytes(text.text, text.encoding), given)
      const plain = Endings.plain(text.text)
      assert.strictEqual(Endings.restored(text.text, plain, plain.text, []), text.text)
    },
    { fastCheck: { numRuns: 1000 } }
  )

  it.prop(
    "regions are where edited texts differ",
    {
      text: FastCheck.string({ unit: FastCheck.constantFrom("a", "b", "\n"), maxLength: 30 }),
      edits: FastCheck.array(
        FastCheck.tuple(
          FastCheck.nat(40),
          FastCheck.nat(6),
          FastCheck.string({ unit: FastCheck.constantFrom("a", "c", "\n"), maxLength: 4 })
        ),
        { maxLength: 6 }
      )
    },
    ({ edits, text }) => {
      let edited: Regions.Edited = { text, regions: [] }
      let expected = text
      for (const [at, length, replacement] of edits) {
        const from = Math.min(at, expected.length)
        const to = Math.min(from + length, expected.length)
        edited = Regions.spliced(edited, [{ from, to, text: replacement }])
        expected = expected.slice(0, from) + replacement + expected.slice(to)
      }
      for (const { regions, text: after } of [edited, Regions.between(text, expected)]) {
        assert.strictEqual(after, expected)
        let [built, at] = ["", 0]
        for (const { from, oldFrom, oldTo, to } of regions) {
          built += text.slice(at, oldFrom) + after.slice(from, to)
          at = oldTo
        }
        assert.strictEqual(built + text.slice(at), expected)
      }
    },
    { fastCheck: { numRuns: 300 } }
  )
})
