import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Schema from "effect/Schema"
import * as Part from "../../src/domain/Part.ts"
import * as Media from "../../src/media/Media.ts"

const bytesOf = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0))
const png = bytesOf("\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
const jpeg = bytesOf("\xff\xd8\xff\xe0\0\x10JFIF")

/** What a file of this name and content becomes. */
const read = (name: string, content: Uint8Array, options?: Media.Options) =>
  Effect.gen(function* () {
    const system = yield* FileSystem.FileSystem
    const folder = yield* system.makeTempDirectoryScoped()
    yield* system.writeFile(`${folder}/${name}`, content)
    return yield* Media.file(`${folder}/${name}`, options)
  }).pipe(Effect.scoped, Effect.provide(NodeFileSystem.layer))

describe("Media", () => {
  it.effect("a picture is base64 under its name and type", () =>
    Effect.map(read("cat.png", png), (file) =>
      assert.deepStrictEqual(file, {
        type: "file",
        mediaType: "image/png",
        data: { base64: Encoding.encodeBase64(png) },
        name: "cat.png"
      })
    )
  )

  it.effect("a text stays text", () =>
    Effect.map(read("notes.md", new TextEncoder().encode("# Grüße")), (file) =>
      assert.deepStrictEqual(file, {
        type: "file",
        mediaType: "text/markdown",
        data: { text: "# Grüße" },
        name: "notes.md"
      })
    )
  )

  it.effect.each<[string, Uint8Array, Media.Options, string]>([
    ["wrong.png", jpeg, {}, "image/jpeg"],
    ["noextension", png, {}, "image/png"],
    ["UPPER.JPG", jpeg, {}, "image/jpeg"],
    ["a.m4a", bytesOf("\0\0\0\x20ftypmp42"), {}, "audio/mp4"],
    ["a.mkv", bytesOf("\x1aE\xdf\xa3"), {}, "video/x-matroska"],
    ["a.json", bytesOf("{}"), {}, "application/json"],
    ["a.ts", bytesOf("let a"), {}, "text/plain"],
    ["a.constructor", bytesOf("a\0b"), {}, "application/octet-stream"],
    ["a.bin", bytesOf("\xc3\x28"), {}, "application/octet-stream"],
    ["a.bin", png, { mediaType: "image/x-own" }, "image/x-own"],
    ["a.bin", png, { mediaType: "application/octet-stream" }, "image/png"]
  ])("%s is of the type it says or shows", ([name, content, options, mediaType]) =>
    Effect.map(read(name, content, options), (file) => assert.strictEqual(file.mediaType, mediaType))
  )

  it.effect("a file over the limit is refused, with what to do", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* read("a.png", png, { maxBytes: png.length })).mediaType, "image/png")
      const error = yield* Effect.flip(read("a.png", png, { maxBytes: png.length - 1 }))
      assert(error._tag === "MediaError")
      assert.deepStrictEqual(error.reason, { _tag: "TooLarge", bytes: png.length, maxBytes: png.length - 1 })
      assert.include(error.message, "maxBytes")
      const again = Schema.decodeSync(Media.MediaError)(Schema.encodeSync(Media.MediaError)(error))
      assert.strictEqual(again.message, error.message)
    })
  )

  it.effect("a file over the limit is not read", () =>
    Effect.gen(function* () {
      const huge = FileSystem.layerNoop({
        stat: () => Effect.succeed({ type: "File", size: FileSystem.Size(1e12) } as FileSystem.File.Info),
        readFile: () => Effect.dieMessage("It was read.")
      })
      const error = yield* Effect.flip(Effect.provide(Media.file("huge.mp4"), huge))
      assert.strictEqual(error._tag === "MediaError" ? error.reason._tag : undefined, "TooLarge")
    })
  )

  it.effect("a folder and an empty file are refused, and a missing one is named", () =>
    Effect.gen(function* () {
      const system = yield* FileSystem.FileSystem
      const folder = yield* system.makeTempDirectoryScoped()
      const folderError = yield* Effect.flip(Media.file(folder))
      assert.strictEqual(folderError._tag === "MediaError" ? folderError.reason._tag : undefined, "NotAFile")
      const empty = yield* Effect.flip(read("a.png", new Uint8Array()))
      assert.strictEqual(empty._tag === "MediaError" ? empty.reason._tag : undefined, "Empty")
      const missing = yield* Effect.exit(Media.file(`${folder}/none.png`))
      assert.include(Exit.isFailure(missing) ? String(missing.cause) : "", "none.png")
    }).pipe(Effect.scoped, Effect.provide(NodeFileSystem.layer))
  )
})

describe("Part", () => {
  const file = (head: string): string => Part.fileFromBytes("", bytesOf(head)).mediaType

  it.each([
    ["\x89PNG\r\n\x1a\n", "image/png"],
    ["\xff\xd8\xff\xdb", "image/jpeg"],
    ["GIF89a", "image/gif"],
    ["RIFF\n\r\x2a\0WEBPVP8 ", "image/webp"],
    ["RIFF\0\0\0\0WAVEfmt ", "audio/wav"],
    ["BM\x36\0\x0c\0\0\0\0\0", "image/bmp"],
    ["II*\0", "image/tiff"],
    ["\0\0\0\x20ftypavif", "image/avif"],
    ["\0\0\0\x18ftypheic", "image/heic"],
    ["\0\0\0\x20ftypM4A ", "audio/mp4"],
    ["\0\0\0\x14ftypqt  ", "video/quicktime"],
    ["\0\0\0\x20ftypisom", "video/mp4"],
    ["\x1aE\xdf\xa3", "video/webm"],
    ["fLaC", "audio/flac"],
    ["OggS", "audio/ogg"],
    ["ID3\x04", "audio/mpeg"],
    ["\xff\xfb\x90", "audio/mpeg"],
    ["\xff\xf1\x50", "audio/aac"],
    ["FORM\0\0\0\0AIFF", "audio/aiff"],
    ["%PDF-1.7", "application/pdf"],
    ["hello", "text/plain"],
    ["a\0", "application/octet-stream"]
  ])("bytes that begin with %j are %s", (head, mediaType) => {
    assert.strictEqual(file(head), mediaType)
  })

  it("a type that says something is kept, one that does not is replaced", () => {
    const typed = (mediaType: string) => Part.fileFromBytes(mediaType, png).mediaType
    assert.deepStrictEqual(["image/x-own", "", "image/*", "application/octet-stream"].map(typed), [
      "image/x-own",
      "image/png",
      "image/png",
      "image/png"
    ])
  })

  it.prop("bytes come out as they went in", [FastCheck.uint8Array(), FastCheck.string()], ([bytes, mediaType]) => {
    const { data } = Part.fileFromBytes(mediaType, bytes)
    const out = "base64" in data ? Encoding.decodeBase64(data.base64) : undefined
    const back = out?._tag === "Right" ? out.right : new TextEncoder().encode("text" in data ? data.text : "")
    assert.deepStrictEqual([...back], [...bytes])
  })

  it("a byte order mark is kept", () => {
    assert.deepStrictEqual(Part.fileFromBytes("text/plain", bytesOf("\xef\xbb\xbfa")).data, { text: "\ufeffa" })
  })
})
