import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as Message from "../../src/domain/Message.ts"
import type { ModelInfo } from "../../src/domain/ModelInfo.ts"
import * as Part from "../../src/domain/Part.ts"
import * as Encode from "../../src/transport/internal/openAiChatEncode.ts"
import * as Transport from "../../src/transport/Transport.ts"

const encoded = (vendor: string, messages: ReadonlyArray<Message.Message>, more: Partial<ModelInfo> = {}) =>
  Encode.make({ vendor, id: "m1", ...more }).encode(Transport.request({ messages }))
const sent = (vendor: string, messages: ReadonlyArray<Message.Message>) =>
  JSON.parse(Either.getOrThrowWith(encoded(vendor, messages), Error)).messages

/** What a file becomes, or why it is refused. */
const become = (vendor: string, file: Part.File, more?: Partial<ModelInfo>): unknown => {
  const made = encoded(vendor, [Message.user([Part.text("t"), file])], more)
  return Either.isLeft(made) ? made.left : JSON.parse(made.right).messages[0].content[1]
}

const base64 = (mediaType: string, data: string, name?: string): Part.File =>
  Part.file(mediaType, { base64: data }, name)
const url = (mediaType: string): Part.File => Part.file(mediaType, { url: "https://x/y" })
const png = base64("image/png", "iVBORw0KGgo=")
const pdf = base64("application/pdf", "JVBERg==", "a.pdf")
const pdfUrl = "data:application/pdf;base64,JVBERg=="

const call = (id: string): Part.ToolCall => ({ type: "tool-call", id, name: "f", input: "{}" })
const result = (id: string, content: Part.ToolResult["content"]): Part.ToolResult => ({
  type: "tool-result",
  id,
  name: "f",
  outcome: "ok",
  content
})

describe("OpenAiChat files", () => {
  it.each<[string, Part.File, unknown]>([
    ["openai", png, { type: "image_url", image_url: { url: "data:image/png;base64,iVBORw0KGgo=" } }],
    ["openai", url("image/png"), { type: "image_url", image_url: { url: "https://x/y" } }],
    ["openai", base64("audio/mpeg", "SUQz"), { type: "input_audio", input_audio: { data: "SUQz", format: "mp3" } }],
    [
      "openai",
      base64("audio/x-wav", "UklGRg=="),
      { type: "input_audio", input_audio: { data: "UklGRg==", format: "wav" } }
    ],
    ["openai", pdf, { type: "file", file: { filename: "a.pdf", file_data: pdfUrl } }],
    ["openrouter", url("video/mp4"), { type: "video_url", video_url: { url: "https://x/y" } }],
    [
      "openrouter",
      base64("audio/flac", "ZkxhQw=="),
      { type: "input_audio", input_audio: { data: "ZkxhQw==", format: "flac" } }
    ],
    [
      "openrouter",
      url("application/pdf"),
      { type: "file", file: { filename: "document.pdf", file_data: "https://x/y" } }
    ],
    ["mistral", pdf, { type: "document_url", document_url: pdfUrl }],
    ["mistral", base64("audio/mpeg", "SUQz"), { type: "input_audio", input_audio: "SUQz" }],
    ["qwen", url("video/mp4"), { type: "video_url", video_url: { url: "https://x/y" } }],
    [
      "qwen",
      base64("audio/mpeg", "SUQz"),
      { type: "input_audio", input_audio: { data: "data:audio/mpeg;base64,SUQz", format: "mp3" } }
    ],
    ["moonshot", base64("video/mp4", "AAAA"), { type: "video_url", video_url: { url: "data:video/mp4;base64,AAAA" } }],
    ["moonshot", Part.file("image/png", { url: "ms://file" }), { type: "image_url", image_url: { url: "ms://file" } }],
    ["zai", url("application/pdf"), { type: "file_url", file_url: { url: "https://x/y" } }],
    ["perplexity", pdf, { type: "file_url", file_url: { url: pdfUrl } }],
    ["groq", Part.file("text/csv", { text: "a,b" }, "a.csv"), { type: "text", text: "a.csv:\n\na,b" }],
    ["groq", base64("application/json", "e30=", "a.json"), { type: "text", text: "a.json:\n\n{}" }]
  ])("%s gets %j as it takes it", (vendor, file, part) => {
    assert.deepStrictEqual(become(vendor, file), part)
  })

  it.each<[string, Part.File, string]>([
    ["openai", base64("audio/flac", "ZkxhQw=="), "wav or mp3"],
    ["openai", url("audio/wav"), "inline"],
    ["openai", url("application/pdf"), "inline"],
    ["openai", url("video/mp4"), "video"],
    ["openai", url("text/plain"), "inline"],
    ["openai", base64("text/plain", "%%%"), "base64"],
    ["openai", base64("application/zip", "UEs=", "a.zip"), "a.zip"],
    ["groq", pdf, "documents"],
    ["groq", base64("audio/mpeg", "SUQz"), "sound"],
    ["ollama", url("image/png"), "inline"],
    ["moonshot", url("image/png"), "inline"]
  ])("%s does not get %j, and the error says why", (vendor, file, why) => {
    const refusal = become(vendor, file)
    assert(typeof refusal === "string")
    assert.include(refusal, why)
    assert.include(refusal, file.mediaType)
  })

  it("a file of a kind that the model is known not to take is refused", () => {
    const capabilities = ["tools", "audio-input"] as const
    assert.include(String(become("openai", png, { capabilities })), "m1")
    assert.isObject(become("openai", base64("audio/mpeg", "SUQz"), { capabilities }))
    assert.isObject(become("openai", Part.file("text/plain", { text: "a" }), { capabilities }))
  })

  it.each(["", "application/octet-stream", "image/*"])("a picture of type %j is sent as what it is", (mediaType) => {
    assert.deepStrictEqual(become("openai", base64(mediaType, "/9j/4AAQSkZJRg==")), {
      type: "image_url",
      image_url: { url: "data:image/jpeg;base64,/9j/4AAQSkZJRg==" }
    })
  })

  it("more pictures than the vendor takes at once are refused", () => {
    const some = (count: number) => Message.user(Array.from({ length: count }, () => png))
    const quoted = Message.user('{"type":"image_url"')
    assert.isTrue(Either.isRight(encoded("groq", [some(3), quoted, some(2)])))
    const refused = Either.flip(encoded("groq", [some(3), some(3)]))
    assert.include(Either.getOrThrow(refused), "6 pictures")
    assert.isTrue(Either.isRight(encoded("openai", [some(100)])))
  })

  describe("in results", () => {
    const turn = [Message.user("u"), Message.assistant([call("c1"), call("c2")])]
    const roles = (vendor: string, messages: ReadonlyArray<Message.Message>): ReadonlyArray<string> =>
      sent(vendor, messages).map(({ role }: { readonly role: string }) => role)

    it("follow all results of the turn, also when those are several messages", () => {
      const both = Message.tool([result("c1", [png]), result("c2", [Part.text("r")])])
      const apart = [Message.tool([result("c1", [png])]), Message.tool([result("c2", [Part.text("r")])])]
      const order = ["user", "assistant", "tool", "tool", "user"]
      assert.deepStrictEqual(roles("openai", [...turn, both]), order)
      assert.deepStrictEqual(roles("openai", [...turn, ...apart]), order)
      assert.deepStrictEqual(sent("openai", [...turn, ...apart]), sent("openai", [...turn, both]))
      assert.deepStrictEqual(roles("openai", [...turn, ...apart, Message.assistant("a")]), [...order, "assistant"])
    })

    it("stand in the result where the vendor takes them there", () => {
      const messages = [...turn, Message.tool([result("c1", [Part.text("see"), png]), result("c2", [pdf])])]
      const [, , first, second, bridge, after] = sent("mistral", messages)
      assert.deepStrictEqual(first.content, [
        { type: "text", text: "see\n[image/png]" },
        { type: "image_url", image_url: { url: "data:image/png;base64,iVBORw0KGgo=" } }
      ])
      assert.strictEqual(second.content, "[application/pdf a.pdf]")
      assert.strictEqual(bridge.role, "assistant")
      assert.deepStrictEqual(after.content, [
        { type: "text", text: "Files from the result of f:" },
        { type: "document_url", document_url: pdfUrl }
      ])
    })

    it("are only named where the vendor takes none", () => {
      const messages = [...turn, Message.tool([result("c1", [pdf]), result("c2", [url("video/mp4")])])]
      assert.deepStrictEqual(roles("groq", messages), ["user", "assistant", "tool", "tool"])
    })

    it("TURN-2 stay where they are when the conversation goes on", () => {
      const results = Message.tool([result("c1", [png]), result("c2", [pdf])])
      const texts = ["openai", "mistral", "groq"].map((vendor) => {
        const earlier = Either.getOrThrow(encoded(vendor, [...turn, results]))
        const later = Either.getOrThrow(encoded(vendor, [...turn, results, Message.assistant("a"), Message.user("v")]))
        return later.slice(0, earlier.length - 2) === earlier.slice(0, -2)
      })
      assert.deepStrictEqual(texts, [true, true, true])
    })
  })
})
