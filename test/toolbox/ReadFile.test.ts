import { assert, describe, it } from "@effect/vitest"
import * as Sandbox from "axonal/sandbox/Sandbox"
import * as ReadFile from "axonal/toolbox/ReadFile"
import { Effect, Layer } from "effect"
import * as FastCheck from "effect/FastCheck"
import * as Encodings from "../../src/toolbox/internal/textEncoding.ts"
import { read, withFiles } from "../support/fileTools.ts"
import type { Called } from "../support/toolCalls.ts"
import { called } from "../support/toolCalls.ts"

const numbered = (from: number, ...lines: ReadonlyArray<string>) =>
  lines.map((line, index) => `${String(from + index).padStart(6)}\t${line}`).join("\n")
const bytes = (text: string, encoding: Encodings.Encoding): Uint8Array => {
  const encoded = Encodings.encode(text, encoding)
  return "bytes" in encoded ? encoded.bytes : assert.fail(encoded.unknown)
}
const many = Array.from({ length: 5000 }, (_, index) => `line ${index + 1}`)
const ascii = (text: string): Uint8Array => bytes(text, "Latin-1")

describe("ReadFile", () => {
  it.effect("lines have their numbers", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* read("a.txt"), `a.txt: 3 lines\n${numbered(1, "one", "", "three")}`)
      assert.strictEqual(
        yield* read("/work/sub/../a.txt", { from: 2, to: 2 }),
        `a.txt: lines 2 to 2 of 3; go on with from: 3\n${numbered(2, "")}`
      )
      assert.strictEqual(yield* read("one"), `one: 1 line\n${numbered(1, "no end")}`)
      assert.strictEqual(yield* read("empty"), "empty is empty.")
      assert.strictEqual(yield* read("mark"), "mark is empty, but for its byte order mark (UTF-8 with BOM).")
    }).pipe(
      withFiles({ "a.txt": "one\n\nthree\n", one: "no end", empty: "", mark: bytes("", "UTF-8 with BOM"), "sub/x": "" })
    )
  )

  it.effect("what is long is read in parts", () =>
    Effect.gen(function* () {
      const first = yield* read("many.txt")
      assert.isTrue(
        first.startsWith(`many.txt: lines 1 to 2000 of 5000; go on with from: 2001\n${numbered(1, "line 1", "line 2")}`)
      )
      assert.isTrue(first.endsWith(numbered(2000, "line 2000")))
      assert.strictEqual(
        yield* read("many.txt", { from: -2 }),
        `many.txt: lines 4999 to 5000 of 5000\n${numbered(4999, "line 4999", "line 5000")}`
      )
      assert.strictEqual(
        yield* read("many.txt", { from: -3, to: -3 }),
        `many.txt: lines 4998 to 4998 of 5000; go on with from: 4999\n${numbered(4998, "line 4998")}`
      )
      assert.strictEqual(
        yield* read("many.txt", { from: 4999, to: -2 }),
        `many.txt: lines 4999 to 4999 of 5000; go on with from: 5000\n${numbered(4999, "line 4999")}`
      )
      assert.isTrue((yield* read("many.txt", { from: -9999, to: 1 })).startsWith("many.txt: lines 1 to 1 of 5000"))
      assert.strictEqual(
        yield* read("many.txt", { from: 5001 }),
        "failed: many.txt has 5000 lines: there is no line 5001."
      )
      assert.strictEqual(yield* read("many.txt", { from: 9, to: 3 }), "failed: There are no lines from 9 to 3.")
      assert.match(yield* read("many.txt", { from: 0 }), /^failed: Lines are counted from 1/)
      // 51,200 bytes are 25 lines of 2,000 characters, and a bit.
      assert.match(yield* read("wide.txt"), /^wide\.txt: lines 1 to 25 of 50; go on with from: 26\n/)
      assert.strictEqual(
        yield* read("wide.txt", { from: 50 }),
        `wide.txt: lines 50 to 50 of 50\n${numbered(50, `${"y".repeat(2000)} [… cut: the line has 2.0 KB]`)}`
      )
    }).pipe(
      withFiles({ "many.txt": many.join("\n"), "wide.txt": `${`${"x".repeat(2000)}\n`.repeat(49)}${"y".repeat(2001)}` })
    )
  )

  it.effect("encodings and ends of lines are told", () =>
    Effect.gen(function* () {
      const lines = numbered(1, "grün", "a")
      assert.strictEqual(yield* read("utf8"), `utf8: 2 lines\n${lines}`)
      assert.strictEqual(yield* read("mark"), `mark: 2 lines, UTF-8 with BOM, CRLF\n${lines}`)
      assert.strictEqual(yield* read("le"), `le: 2 lines, UTF-16LE, CRLF\n${lines}`)
      assert.strictEqual(yield* read("be"), `be: 2 lines, UTF-16BE\n${lines}`)
      assert.strictEqual(yield* read("be", { from: -1 }), `be: lines 2 to 2 of 2, UTF-16BE\n${numbered(2, "a")}`)
      assert.strictEqual(
        yield* read("latin"),
        `latin: 3 lines, read as Latin-1, CRLF and LF mixed\n${numbered(1, "grün", "a", "“€”")}`
      )
    }).pipe(
      withFiles({
        utf8: "grün\na\n",
        mark: bytes("grün\r\na\r\n", "UTF-8 with BOM"),
        le: bytes("grün\r\na\r\n", "UTF-16LE"),
        be: bytes("grün\na\n", "UTF-16BE"),
        latin: bytes("grün\r\na\n“€”", "Latin-1")
      })
    )
  )

  it.effect("line feeds within wide characters end no line", () =>
    Effect.gen(function* () {
      // U+0A0A and U+0A00 have the byte of a line feed in either half.
      const lines = numbered(1, "\u0a0a\u0a00x", "y\u0a0a", "z")
      assert.strictEqual(yield* read("le"), `le: 3 lines, UTF-16LE\n${lines}`)
      assert.strictEqual(yield* read("be"), `be: 3 lines, UTF-16BE\n${lines}`)
    }).pipe(
      withFiles({
        le: bytes("\u0a0a\u0a00x\ny\u0a0a\nz", "UTF-16LE"),
        be: bytes("\u0a0a\u0a00x\ny\u0a0a\nz", "UTF-16BE")
      })
    )
  )

  it.effect("pictures and documents come as they are", () =>
    Effect.gen(function* () {
      const png = yield* called([ReadFile.make()], "read_file", { path: "a.txt" })
      assert.deepStrictEqual(png.content, [
        { type: "text", text: "a.txt: image/png, 12 bytes" },
        { type: "file", mediaType: "image/png", data: { base64: "iVBORw0KGgoAAAAA" }, name: "a.txt" }
      ])
      const types = yield* Effect.forEach(["a.pdf", "a.mp3", "a.wav", "a.webm"], (path) => read(path))
      assert.deepStrictEqual(
        types.map((text) => /: (\S+),/.exec(text)?.[1]),
        ["application/pdf", "audio/mpeg", "audio/wav", "video/webm"]
      )
      const small = yield* called([ReadFile.make({ mostMediaBytes: 11 })], "read_file", { path: "a.txt" })
      assert.strictEqual(
        small.text,
        "a.txt: image/png, 12 bytes. At most 11 bytes can be shown: make a smaller copy, or read bytes of it with offset and length."
      )
      // What only looks like it is a text, or bytes.
      assert.strictEqual(yield* read("fake.txt"), `fake.txt: 1 line\n${numbered(1, "ID3 tags and GIF89a")}`)
      assert.match(yield* read("broken.png"), /^broken\.png: bytes 0-2 of 3\n00000000 {2}00 01 02/)
    }).pipe(
      withFiles({
        "a.txt": Uint8Array.of(0x89, 80, 78, 71, 13, 10, 26, 10, 0, 0, 0, 0),
        "a.pdf": "%PDF-1.4\n%",
        "a.mp3": Uint8Array.of(0, 0, 0xff, 0xfb),
        "a.wav": ascii("RIFF\0\0\0\0WAVE"),
        "a.webm": ascii("\x1aEß£\0"),
        "fake.txt": "ID3 tags and GIF89a",
        "broken.png": Uint8Array.of(0, 1, 2)
      })
    )
  )

  it.effect("other files come as bytes", () =>
    Effect.gen(function* () {
      assert.strictEqual(
        yield* read("bin", { offset: 14, length: 20 }),
        "bin: bytes 14-33 of 5000; go on with offset: 34\n" +
          "0000000e  0e 0f 10 11 12 13 14 15  16 17 18 19 1a 1b 1c 1d  |................|\n" +
          "0000001e  1e 1f 20 21                                       |.. !|"
      )
      assert.match(yield* read("bin"), /^bin: bytes 0-1023 of 5000; go on with offset: 1024\n/)
      assert.strictEqual(yield* read("bin", { offset: 5000 }), "bin has 4.9 KB; there are none from 5000 on.")
      assert.match(yield* read("a.txt", { offset: 0 }), /^a\.txt: bytes 0-1 of 2\n00000000 {2}68 69 /)
    }).pipe(withFiles({ bin: Uint8Array.from({ length: 5000 }, (_, index) => index % 256), "a.txt": "hi" }))
  )

  it.effect("what cannot be read says what to do", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* read("src/indx.ts"), "failed: There is no file src/indx.ts. In src there is: index.ts.")
      assert.strictEqual(
        yield* read("src/INDEX.js"),
        "failed: There is no file src/INDEX.js. In src there is: index.ts."
      )
      assert.strictEqual(
        yield* read("src/zebra"),
        "failed: There is no file src/zebra: call list_files to see what is in src."
      )
      assert.strictEqual(
        yield* read("lib/x.ts"),
        "failed: There is no file lib/x.ts, and no folder lib either: call list_files to see what there is."
      )
      assert.strictEqual(yield* read("src"), "failed: src is a folder: call list_files to see what is in it.")
      assert.strictEqual(yield* read(" "), "failed: path is empty: give the path of a file.")
    }).pipe(withFiles({ "src/index.ts": "", "src/other": "" }))
  )

  it.effect("a large file is read no further than it has to be", () =>
    Effect.gen(function* () {
      const asked: Array<number> = []
      const size = 2 ** 31
      // Lines of 32 bytes with a number that begins anew after 65,536 of them.
      const line = (index: number) => String((index % 65_536) + 1).padStart(31, "0")
      const lines = bytes(Array.from({ length: 131_072 }, (_, index) => `${line(index)}\n`).join(""), "UTF-8")
      const piece = (from: number, length: number) => lines.subarray(from % 2 ** 21, (from % 2 ** 21) + length)
      const huge = Layer.effect(
        Sandbox.Sandbox,
        Effect.map(Sandbox.Sandbox, (sandbox) => ({
          ...sandbox,
          read: (
            _: string,
            { length = size, offset = 0 }: { offset?: number | undefined; length?: number | undefined } = {}
          ) =>
            Effect.sync(() => {
              asked.push(Math.min(length, size - offset))
              return { bytes: piece(offset, Math.min(length, size - offset)), size, version: "1" }
            })
        }))
      ).pipe(Layer.provide(Sandbox.layerMemory()))
      const of = "of a file of 2.0 GB"
      yield* Effect.gen(function* () {
        assert.strictEqual(
          yield* read("log", { from: 5, to: 5 }),
          `log: lines 5 to 5 ${of}; go on with from: 6\n${numbered(5, line(4))}`
        )
        assert.strictEqual(
          yield* read("log", { from: -2 }),
          `log: lines -2 to -1 ${of}\n${numbered(-2, line(2 ** 26 - 2), line(2 ** 26 - 1))}`
        )
        assert.match(
          yield* read("log", { from: -40_000, to: -39_999 }),
          /^log: lines -40000 to -39999 of a file of 2\.0 GB; go on with from: -39998\n/
        )
        assert.match(yield* read("log", { from: 40_000, to: 40_000 }), /0{26}40000$/)
        assert.match(yield* read("log", { from: 3, to: -3 }), /give from as a negative number, too/)
      }).pipe(Effect.provide(huge))
      assert.isBelow(
        asked.reduce((sum, length) => sum + length, 0),
        16 * 2 ** 20
      )
    })
  )

  it.effect("a line without end is not waited for", () =>
    Effect.gen(function* () {
      const text = yield* read("long")
      assert.match(
        text,
        /^long: lines 1 to 1 of .* MB; see more of the line with offset\n {5}1\tx+ \[… cut: the line has more than \d\.\d MB\]$/
      )
      assert.isBelow(text.length, 2200)
    }).pipe(withFiles({ long: new Uint8Array(9 * 2 ** 20).fill(120) }))
  )

  it("a bound below 1 is refused", () =>
    assert.throws(() => ReadFile.make({ mostLines: 0 }), /ReadFile option mostLines/))

  it.effect.prop(
    "reading in parts gives every line once",
    {
      lines: FastCheck.array(
        FastCheck.string({ unit: "grapheme", maxLength: 9 }).filter((line) => !/[\r\n\0]/.test(line)),
        { minLength: 1, maxLength: 30 }
      ),
      count: FastCheck.integer({ min: 1, max: 7 })
    },
    ({ count, lines }) =>
      Effect.gen(function* () {
        const tools = [ReadFile.make({ mostLines: count })]
        const found: Array<string> = []
        for (let from: number | undefined = 1; from !== undefined; ) {
          const { text }: Called = yield* called(tools, "read_file", { path: "x", from })
          found.push(
            ...text
              .split("\n")
              .slice(1)
              .map((line) => line.slice(line.indexOf("\t") + 1))
          )
          const next: string | undefined = /go on with from: (\d+)/.exec(text.split("\n")[0] ?? "")?.[1]
          from = next === undefined ? undefined : Number(next)
        }
        assert.deepStrictEqual(found, lines)
      }).pipe(withFiles({ x: `${lines.join("\n")}\n` })),
    { fastCheck: { numRuns: 20 } }
  )
})
