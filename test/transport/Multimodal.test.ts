/**
 * Every kind of file in every place with every vendor: it is on the wire, or it is refused before anything is sent, with
 * its name and what to do. In the result of a tool a file that nobody takes is named.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Message from "../../src/domain/Message.ts"
import type { Capability } from "../../src/domain/ModelInfo.ts"
import * as Part from "../../src/domain/Part.ts"
import * as Transport from "../../src/transport/Transport.ts"
import type { TransportError } from "../../src/transport/TransportError.ts"
import { image } from "../support/histories.ts"
import type { Vendor } from "../support/vendors.ts"
import { sent, taken, vendors } from "../support/vendors.ts"

const png = "base64" in image.data ? image.data.base64 : ""
const words = "Kolumne;Größe\n1;2"

interface Kind {
  readonly file: Part.File
  /** What of it has to be on the wire. */
  readonly needle: string
}

const kind = (mediaType: string, name: string, data: Part.FileData, needle?: string): Kind => ({
  file: Part.file(mediaType, data, name),
  needle: needle ?? ("base64" in data ? data.base64 : "url" in data ? data.url : data.text)
})

const quoted = JSON.stringify(words).slice(1, -1)

const kinds = {
  image: kind("image/png", "dot.png", { base64: png }),
  imageUrl: kind("image/png", "far.png", { url: "https://example.com/far.png" }),
  imageDataUrl: kind("image/png", "data.png", { url: `data:image/png;base64,${png}` }, png),
  imageUntyped: kind("application/octet-stream", "blob", { base64: png }),
  audio: kind("audio/wav", "said.wav", { base64: "UklGRiQAAABXQVZFZm10" }),
  video: kind("video/mp4", "film.mp4", { base64: "AAAAGGZ0eXBtcDQy" }),
  pdf: kind("application/pdf", "page.pdf", { base64: "JVBERi0xLjQK" }),
  pdfUrl: kind("application/pdf", "far.pdf", { url: "https://example.com/far.pdf" }),
  text: kind("text/csv", "table.csv", { text: words }, quoted),
  textBase64: kind("text/csv", "coded.csv", { base64: Encoding.encodeBase64(words) }, quoted),
  textDataUrl: kind("text/csv", "link.csv", { url: `data:text/csv;base64,${Encoding.encodeBase64(words)}` }, quoted),
  binary: kind("application/x-thing", "thing.bin", { base64: "AAECAwQFBgc=" })
} satisfies { readonly [name: string]: Kind }

const every: ReadonlyArray<Capability> = [
  ...(["tools", "reasoning", "structured-output", "image-input", "audio-input", "video-input", "file-input"] as const)
]
const able = { modelInfo: { capabilities: every } }

const call = (id: string): Part.ToolCall => ({ type: "tool-call", id, name: "look", input: "{}" })
const result = (
  id: string,
  content: ReadonlyArray<Part.ResultContent>,
  outcome: Part.ToolResult["outcome"] = "ok"
): Part.ToolResult => ({ type: "tool-result", id, name: "look", outcome, content })

const tools: ReadonlyArray<Transport.ToolSpec> = [{ name: "look", inputSchema: { type: "object", properties: {} } }]
const ask = (...messages: ReadonlyArray<Message.Message>) => Transport.request({ messages, tools })
const shown = (file: Part.File) => ask(Message.user([Part.text("What is this?"), file]))
const handed = (...results: ReadonlyArray<Part.ToolResult>) =>
  ask(Message.user("Look."), Message.assistant(results.map(({ id }) => call(id))), Message.tool(results))

/** What a person may show to a vendor's model. */
const common = "image imageUrl imageDataUrl imageUntyped text textBase64 textDataUrl"
const rows: { readonly [vendor: string]: string } = {
  openai: `${common} audio pdf`,
  mistral: `${common} audio pdf pdfUrl`,
  openrouter: `${common} audio video pdf pdfUrl`,
  deepseek: common,
  groq: common,
  xai: common,
  responses: `${common} pdf pdfUrl`,
  "claude-sonnet-4-5": `${common} pdf pdfUrl`,
  "claude-sonnet-4-6": `${common} pdf pdfUrl`,
  "claude-opus-4-8": `${common} pdf pdfUrl`,
  "claude-3-5-haiku-latest": `${common} pdf pdfUrl`,
  "gemini-2.5-flash": `${common} audio video pdf pdfUrl`,
  "gemini-3-pro": `${common} audio video pdf pdfUrl`,
  ollama: common.replace(" imageUrl", "")
}

const named = ({ mediaType, name }: Part.File): string => `[${mediaType} ${name}]`

const takes = (vendor: Vendor, name: string): boolean => (rows[vendor.name] ?? "").split(" ").includes(name)

/** Refused before anything was sent, with its name and what to do. */
const assertRefused = (body: Either.Either<string, TransportError>, file: Part.File): void => {
  if (Either.isRight(body)) assert.fail(body.right)
  else assertAdvised(body.left, file)
}

const assertAdvised = (error: TransportError, file: Part.File): void => {
  assert.deepStrictEqual([error.reason._tag, error.replay], ["InvalidRequest", "safe"])
  assert.include(error.reason.message, file.name ?? file.mediaType)
  assert.match(error.reason.message, /send |leave |use |takes? |has to be inline|OpenAiChat/i)
}

describe("Multimodal", () => {
  for (const vendor of vendors) {
    describe(vendor.name, () => {
      for (const [name, { file, needle }] of Object.entries(kinds)) {
        it.effect(`${name} of a person is ${takes(vendor, name) ? "sent" : "refused before it is sent"}`, () =>
          Effect.gen(function* () {
            if (takes(vendor, name)) assert.include(yield* taken(vendor, shown(file), able), needle)
            else assertRefused(yield* sent(vendor, shown(file), able), file)
          })
        )

        it.effect.each(["ok", "failed"] as const)(`${name} in a result (%s) is sent or named`, (outcome) =>
          Effect.gen(function* () {
            const body = yield* taken(vendor, handed(result("call_1", [Part.text("There:"), file], outcome)), able)
            if (takes(vendor, name)) assert.include(body, needle)
            else assert.include(body, named(file))
            assert.include(body, "There:")
          })
        )
      }

      it.effect("files of several results stand in the order of the calls", () =>
        Effect.gen(function* () {
          const images = ["AAAA", "BBBB", "CCCC"].map((base64) => Part.file("image/png", { base64 }, `${base64}.png`))
          const body = yield* taken(
            vendor,
            handed(...images.map((file, at) => result(`call_${at}`, [Part.text(`Text ${at}.`), file, kinds.pdf.file]))),
            able
          )
          const places = images.map((file) => body.indexOf("base64" in file.data ? file.data.base64 : ""))
          assert.deepStrictEqual(
            places,
            [...places].sort((left, right) => left - right)
          )
          assert.isAbove(places[0] ?? -1, 0)
        })
      )

      it.effect("a model that is known to take no such input refuses it, and results name it", () =>
        Effect.gen(function* () {
          const blind = { modelInfo: { capabilities: ["tools"] } } as const
          for (const [name, { file, needle }] of Object.entries(kinds)) {
            const body = yield* sent(vendor, shown(file), blind)
            if (name.startsWith("text")) assert.include(Either.getOrThrow(body), needle)
            else assertRefused(body, file)
            const after = yield* taken(vendor, handed(result("call_1", [file])), blind)
            assert.include(after, name.startsWith("text") ? needle : named(file))
          }
        })
      )

      it.effect("files that any vendor's model made go back or are named", () =>
        Effect.gen(function* () {
          const metas: ReadonlyArray<Part.Meta | undefined> = [
            undefined,
            { google: { thoughtSignature: "sig-google" } },
            { openrouter: { field: "images" } },
            { openai: { item: { type: "image_generation_call", id: "ig_1", status: "completed" }, file: true } },
            { openai: { field: "audio", id: "audio_1" } }
          ]
          for (const meta of metas) {
            for (const made of [kinds.image, kinds.imageUrl, kinds.audio, kinds.binary]) {
              const file: Part.File = meta === undefined ? made.file : { ...made.file, meta }
              for (const parts of [[file], [Part.text("Here."), file], [file, call("call_1")]]) {
                const results = parts.length > 1 && parts[1] !== file ? [Message.tool([result("call_1", [])])] : []
                const body = yield* taken(
                  vendor,
                  ask(Message.user("Draw."), Message.assistant(parts), ...results, Message.user("More.")),
                  able
                )
                const own = meta !== undefined && Object.keys(meta).includes(vendor.meta)
                const found = [made.needle, made.file.name ?? "", ...(own ? ["audio_1", "ig_1"] : [])]
                assert.isTrue(
                  found.some((text) => body.includes(text)),
                  body
                )
              }
            }
          }
        })
      )
    })
  }
})
