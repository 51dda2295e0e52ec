/** `layer`, proven over transports of canned deltas, and both directions put together. */
import * as AiError from "@effect/ai/AiError"
import * as Chat from "@effect/ai/Chat"
import * as AiLanguageModel from "@effect/ai/LanguageModel"
import * as Prompt from "@effect/ai/Prompt"
import * as AiTool from "@effect/ai/Tool"
import * as AiToolkit from "@effect/ai/Toolkit"
import { assert, describe, it } from "@effect/vitest"
import * as LanguageModel from "axonal/transport/LanguageModel"
import * as Transport from "axonal/transport/Transport"
import type { ReasonTag } from "axonal/transport/TransportError"
import { TransportError } from "axonal/transport/TransportError"
import { Effect, Encoding, FastCheck, Layer, Schema, Stream } from "effect"
import type { Delta } from "../../src/domain/Delta.ts"
import type { Message } from "../../src/domain/Message.ts"
import * as Messages from "../../src/domain/Message.ts"
import type * as Part from "../../src/domain/Part.ts"
import * as Usage from "../../src/domain/Usage.ts"
import { fromPrompt, toPrompt } from "../../src/transport/internal/languageModel.ts"
import { numRuns } from "../support/generated.ts"

const model = { vendor: "scripted", id: "one" }

/** Answers each request with the next script and keeps the requests. */
const scripted = (...scripts: ReadonlyArray<ReadonlyArray<Delta> | TransportError>) => {
  const requests: Array<Transport.Request> = []
  const transport = Transport.layerStream(model, (request) => {
    const script = scripts[requests.length] ?? []
    requests.push(request)
    return script instanceof TransportError ? Stream.fail(script) : Stream.fromIterable(script)
  })
  return { requests, transport, layer: Layer.provide(LanguageModel.layer, transport) }
}

const usage = Usage.make({ input: 10, cacheRead: 4, output: 5, reasoning: 2 })
const start: Delta = { _tag: "ResponseStart", id: "r1", model: "one" }
const finish = (reason: "stop" | "tool-calls" | "length"): Delta => ({ _tag: "Finish", reason, usage })
const whole = (index: number, part: Part.Part): ReadonlyArray<Delta> => [
  { _tag: "PartStart", index, kind: part.type },
  ...(part.type === "text" && part.text !== "" ? [{ _tag: "TextDelta", index, delta: part.text } as const] : []),
  ...(part.type === "reasoning" && part.text !== ""
    ? [{ _tag: "ReasoningDelta", index, delta: part.text } as const]
    : []),
  { _tag: "PartEnd", index, part }
]

const text: Part.Part = { type: "text", text: "Hello", meta: { vendor: { item: "t1" } } }
const thought: Part.Part = { type: "reasoning", text: "Hm", meta: { vendor: { signature: "s1" } } }
const call = (input: string, name = "weather"): Part.Part => ({ type: "tool-call", id: "c1", name, input })
const answer = [start, ...whole(0, thought), ...whole(1, text), finish("stop")]
const calling = [start, ...whole(0, call(`{"city":"Oslo"}`)), finish("tool-calls")]

const weather = AiTool.make("weather", {
  description: "The weather of a city",
  parameters: { city: Schema.String },
  success: Schema.Struct({ degrees: Schema.Number })
})
const toolkit = AiToolkit.make(weather)
const handlers = toolkit.toLayer({ weather: ({ city }) => Effect.succeed({ degrees: city.length }) })

const partsOf = (deltas: Iterable<Delta>) =>
  [...deltas].flatMap((delta) => (delta._tag === "PartEnd" ? [delta.part] : []))

/** A prompt's parts without the marks that make them parts. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

describe("LanguageModel", () => {
  describe("layer", () => {
    it.effect("generateText runs the toolkit on a call", () =>
      Effect.gen(function* () {
        const { layer, requests } = scripted(calling)
        const response = yield* AiLanguageModel.generateText({ prompt: "hi", toolkit }).pipe(
          Effect.provide([layer, handlers])
        )
        assert.deepStrictEqual(
          response.toolResults.map(({ id, result }) => ({ id, result })),
          [{ id: "c1", result: { degrees: 4 } }]
        )
        assert.strictEqual(response.finishReason, "tool-calls")
        assert.deepStrictEqual(plain(response.usage), {
          inputTokens: 10,
          outputTokens: 5,
          totalTokens: 15,
          reasoningTokens: 2,
          cachedInputTokens: 4
        })
        assert.deepStrictEqual(requests, [
          Transport.request({
            messages: [Messages.user("hi")],
            tools: [
              { name: "weather", description: "The weather of a city", inputSchema: AiTool.getJsonSchema(weather) }
            ]
          })
        ])
      })
    )

    it.effect("streamText yields every part with its metadata", () =>
      Effect.gen(function* () {
        const { layer } = scripted([...answer.slice(0, -1), ...whole(2, call("{ }")), finish("stop")])
        const empty = AiToolkit.make(AiTool.make("weather"))
        const parts = yield* AiLanguageModel.streamText({ prompt: "hi", toolkit: empty }).pipe(
          Stream.runCollect,
          Effect.provide([layer, empty.toLayer({ weather: () => Effect.void })])
        )
        assert.deepStrictEqual(
          [...parts].map((part) => [part.type, plain(part.metadata)]),
          [
            ["response-metadata", {}],
            ["reasoning-start", {}],
            ["reasoning-delta", {}],
            ["reasoning-end", { vendor: { signature: "s1" } }],
            ["text-start", {}],
            ["text-delta", {}],
            ["text-end", { vendor: { item: "t1" } }],
            ["tool-call", {}],
            ["finish", {}],
            ["tool-result", {}]
          ]
        )
      })
    )

    it.effect("generateObject asks for JSON of the schema", () =>
      Effect.gen(function* () {
        const { layer, requests } = scripted([...whole(0, { type: "text", text: `{"degrees":4}` }), finish("stop")])
        const schema = Schema.Struct({ degrees: Schema.Number })
        const response = yield* AiLanguageModel.generateObject({ prompt: "hi", schema, objectName: "weather" }).pipe(
          Effect.provide(layer)
        )
        assert.deepStrictEqual(response.value, { degrees: 4 })
        assert.deepStrictEqual(requests[0]?.responseFormat, {
          type: "json",
          name: "weather",
          schema: AiTool.getJsonSchemaFromSchemaAst(schema.ast)
        })
      })
    )

    it.effect("a chat sends its history and the results of tools", () =>
      Effect.gen(function* () {
        const { layer, requests } = scripted(calling, answer)
        const chat = yield* Chat.fromPrompt([{ role: "system", content: "Be brief." }])
        yield* Effect.provide(chat.generateText({ prompt: "hi", toolkit }), [layer, handlers])
        yield* Effect.provide(chat.generateText({ prompt: "and?", toolkit }), [layer, handlers])
        assert.deepStrictEqual(requests[1]?.messages, [
          Messages.system("Be brief."),
          Messages.user("hi"),
          Messages.assistant([call(`{"city":"Oslo"}`)]),
          Messages.tool([
            {
              type: "tool-result",
              id: "c1",
              name: "weather",
              outcome: "ok",
              content: [{ type: "json", value: { degrees: 4 } }]
            }
          ]),
          Messages.user("and?")
        ])
      })
    )

    it.effect("the choice of a tool is passed on", () =>
      Effect.gen(function* () {
        const choices = ["none", "required", { tool: "weather" }, { mode: "required", oneOf: ["weather"] }] as const
        const { layer, requests } = scripted(...choices.map(() => answer))
        for (const toolChoice of choices) {
          yield* Effect.provide(AiLanguageModel.generateText({ prompt: "hi", toolkit, toolChoice }), [layer, handlers])
        }
        assert.deepStrictEqual(
          requests.map((request) => request.toolChoice),
          ["none", "required", { tool: "weather" }, "required"]
        )
      })
    )

    it.effect("calls without an id are told apart", () =>
      Effect.gen(function* () {
        const nameless: Part.Part = { type: "tool-call", id: "", name: "weather", input: `{"city":"Rom"}` }
        const { layer } = scripted([...whole(0, nameless), ...whole(1, nameless), finish("stop")])
        const response = yield* Effect.provide(AiLanguageModel.generateText({ prompt: "hi", toolkit }), [
          layer,
          handlers
        ])
        const ids = response.toolCalls.map(({ id }) => id)
        assert.strictEqual(new Set(ids).size, 2)
        assert.deepStrictEqual(
          response.toolResults.map(({ id }) => id),
          ids
        )
      })
    )

    it.effect("WIRE-2 a transport's failure is the cause of an AiError", () =>
      Effect.gen(function* () {
        const cases = [
          ["RateLimited", 429, "HttpResponseError"],
          ["Network", undefined, "HttpRequestError"],
          ["Malformed", undefined, "MalformedOutput"],
          ["ContextOverflow", undefined, "MalformedInput"],
          ["Overloaded", undefined, "UnknownError"]
        ] as const
        for (const [tag, status, expected] of cases) {
          const failure = transportError(tag, status)
          const { layer } = scripted(failure)
          const error = yield* Effect.flip(Effect.provide(AiLanguageModel.generateText({ prompt: "hi" }), layer))
          // Effect hands errors on in proxies that know their span: compared as data.
          assert.deepStrictEqual([error._tag, plain("cause" in error && error.cause)], [expected, plain(failure)])
        }
      })
    )

    it.effect("an answer that it cannot say fails with words", () =>
      Effect.gen(function* () {
        const cases = [
          [[...whole(0, call("{", "weather")), finish("stop")], "not JSON"],
          [[...whole(0, call("{}", "other")), finish("stop")], `"other"`],
          [whole(0, text), "finish part"]
        ] as const
        for (const [script, words] of cases) {
          const { layer } = scripted(script)
          const ask = AiLanguageModel.generateText({ prompt: "hi", toolkit, disableToolCallResolution: true })
          const error = yield* Effect.flip(Effect.provide(ask, [layer, handlers]))
          assert.include(AiError.isAiError(error) && error.description, words)
        }
      })
    )
  })

  describe("both ways", () => {
    it.effect("TURN-3 parts, ids and metadata survive a round trip", () =>
      Effect.gen(function* () {
        const search = { id: "s1", name: "search", transportExecuted: true, meta: { vendor: { item: "x" }, bare: "b" } }
        const parts: ReadonlyArray<Part.Part> = [
          thought,
          { type: "reasoning", text: "", meta: { vendor: { encrypted: "e1" } } },
          text,
          { type: "tool-call", input: `{"q":1}`, ...search },
          { type: "tool-result", outcome: "ok", content: [{ type: "json", value: [1] }], ...search },
          { type: "source", url: "https://a.example/", title: "A", meta: { vendor: { start: 1 } } },
          { type: "file", mediaType: "image/png", data: { base64: "AAEC" } },
          { type: "tool-call", id: "c1", name: "weather", input: `{"city":"Oslo"}`, meta: { vendor: { item: "c" } } }
        ]
        const script = [start, ...parts.flatMap((part, index) => whole(index, part)), finish("tool-calls")]
        const { layer, requests } = scripted(script, answer)
        const there = Layer.provide(LanguageModel.layerTransport(), layer)
        const request = Transport.request({
          messages: [Messages.user("hi"), Messages.assistant([thought, text])],
          tools: [
            { name: "weather", description: undefined, inputSchema: { type: "object", properties: {} } },
            { name: "search", description: undefined, inputSchema: { type: "object" } }
          ],
          toolChoice: "required"
        })
        const deltas = yield* Effect.provide(Stream.runCollect(Transport.stream(request)), there)
        assert.deepStrictEqual(partsOf(deltas), parts)
        assert.deepStrictEqual([...deltas].at(-1), finish("tool-calls"))
        assert.deepStrictEqual(requests, [request])
      })
    )

    it.effect("an answer ends with its finish part", () =>
      Effect.gen(function* () {
        const lingering = Transport.layerStream(model, () => Stream.concat(Stream.fromIterable(answer), Stream.never))
        const there = LanguageModel.layerTransport().pipe(Layer.provide(LanguageModel.layer), Layer.provide(lingering))
        const request = Transport.request({ messages: [Messages.user("hi")] })
        const deltas = yield* Effect.provide(Stream.runCollect(Transport.stream(request)), there)
        assert.deepStrictEqual([...deltas].at(-1), finish("stop"))
      })
    )

    it.effect("a failure survives a round trip as it was", () =>
      Effect.gen(function* () {
        const failure = transportError("ContextOverflow", 400)
        const there = Layer.provide(LanguageModel.layerTransport(), scripted(failure).layer)
        const request = Transport.request({ messages: [Messages.user("hi")] })
        const error = yield* Effect.flip(Effect.provide(Stream.runDrain(Transport.stream(request)), there))
        assert.strictEqual(error, failure)
      })
    )

    it.prop(
      "messages survive the way through a prompt",
      [messages()],
      ([history]) => {
        assert.deepStrictEqual(fromPrompt(Prompt.fromMessages(copied(toPrompt(history)))), history)
      },
      { fastCheck: { numRuns: numRuns(40) } }
    )

    it("a prompt carries the rest as well as it can", () => {
      const history: ReadonlyArray<Message> = [
        Messages.system([
          { type: "text", text: "a", meta: { vendor: { cache: true } } },
          { type: "text", text: "b" }
        ]),
        Messages.assistant([{ type: "source", title: "A" }, call("{broken"), call("[1]"), call("")]),
        Messages.tool([
          {
            type: "tool-result",
            id: "ours",
            wireId: "theirs",
            name: "weather",
            outcome: "denied",
            content: [
              { type: "text", text: "No." },
              { type: "file", mediaType: "image/png", data: { base64: "AAEC" }, name: "map" }
            ]
          }
        ])
      ]
      const result = { type: "tool-result", id: "theirs", name: "weather", outcome: "failed" } as const
      assert.deepStrictEqual(fromPrompt(toPrompt(history)), [
        { ...Messages.system("a"), meta: { vendor: { cache: true } } },
        Messages.system("b"),
        Messages.assistant([call(`{"malformed":"{broken"}`), call(`{"malformed":"[1]"}`), call("{}")]),
        Messages.tool([{ ...result, content: [{ type: "text", text: "No.\n[image/png map]" }] }])
      ])
    })
  })
})

function transportError(_tag: ReasonTag, status: number | undefined) {
  return new TransportError({ vendor: "v", model: "m", reason: { _tag, message: "No.", status }, replay: "safe" })
}

/** The prompt as it comes back from a store: other objects, so that nothing is merely remembered. */
function copied(prompt: Prompt.Prompt): ReadonlyArray<Prompt.Message> {
  return prompt.content.map((message) => ({ ...message }))
}

/** Messages of all that a prompt has a place for. */
function messages() {
  const { array, boolean, constant, constantFrom, dictionary, jsonValue, oneof, option, record, string, uint8Array } =
    FastCheck
  const key = string({ minLength: 1 }).filter((name) => name !== "__proto__" && name !== "@effect/ai")
  // JSON has no negative zero, and a key named like the prototype's is refused as an attack.
  const value = jsonValue().map((json) => JSON.parse(JSON.stringify(json).replaceAll("__proto__", "_")))
  const filled = dictionary(key, oneof(dictionary(key, value, { noNullPrototype: true }), string()), {
    minKeys: 1,
    noNullPrototype: true
  })
  const meta = option(filled, { nil: undefined })
  const flag = boolean().map((yes) => yes || undefined)
  const lean = <A extends object>(arbitrary: FastCheck.Arbitrary<A>) =>
    arbitrary.map((fields) => Object.fromEntries(Object.entries(fields).filter(([, field]) => field !== undefined)))
  const textPart = lean(record({ type: constant("text"), text: string(), meta }))
  const reasoning = lean(record({ type: constant("reasoning"), text: string(), meta }))
  const bytes = uint8Array().map((data) => ({ base64: Encoding.encodeBase64(data) }))
  const url = constantFrom({ url: "https://a.example/x?y=1" }, { url: "data:image/png;base64,AAEC" })
  const name = option(string(), { nil: undefined })
  const file = oneof(
    lean(record({ type: constant("file"), mediaType: constant("image/png"), data: oneof(bytes, url), name, meta })),
    lean(
      record({ type: constant("file"), mediaType: constant("text/plain"), data: constant({ text: "t" }), name, meta })
    )
  )
  const common = { id: key, name: key, transportExecuted: flag, meta }
  const input = dictionary(key, value, { noNullPrototype: true }).map((params) => JSON.stringify(params))
  const toolCall = lean(record({ type: constant("tool-call"), input, ...common }))
  const content = oneof(
    string().map((text) => [{ type: "text", text }]),
    value.filter((json) => typeof json !== "string").map((json) => [{ type: "json", value: json }])
  )
  const outcome = constantFrom("ok", "failed")
  const toolResult = lean(record({ type: constant("tool-result"), outcome, content, ...common }))
  const message = (role: string, parts: FastCheck.Arbitrary<unknown>) =>
    lean(record({ role: constant(role), parts, meta }))
  return array(
    oneof(
      message(
        "system",
        string().map((text) => [{ type: "text", text }])
      ),
      message("user", array(oneof(textPart, file))),
      message("assistant", array(oneof(textPart, reasoning, file, toolCall, toolResult))),
      message("tool", array(toolResult))
    )
    // The pieces above are typed by what varies in them; together they are messages, as the codec confirms.
  ).map((history) => Schema.validateSync(Schema.Array(Messages.Message))(history))
}
