/**
 * What vendors want back as it was, through `@effect/ai`: signatures and encrypted reasoning come out as metadata of the
 * parts, whole or streamed, and go back verbatim when a prompt carries them as options.
 */
import * as AiLanguageModel from "@effect/ai/LanguageModel"
import * as Prompt from "@effect/ai/Prompt"
import type * as Response from "@effect/ai/Response"
import * as Tool from "@effect/ai/Tool"
import * as Toolkit from "@effect/ai/Toolkit"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as LanguageModel from "../../src/transport/LanguageModel.ts"
import * as Transport from "../../src/transport/Transport.ts"
import type { Vendor } from "../support/vendors.ts"
import { vendors } from "../support/vendors.ts"
import * as Wire from "../support/wire.ts"

const toolkit = Toolkit.make(
  Tool.make("weather", { parameters: { city: Schema.String }, success: Schema.Struct({ degrees: Schema.Number }) })
)
const handlers = toolkit.toLayer({ weather: () => Effect.succeed({ degrees: 4 }) })

const signature = "EqQBCgIYAhIMc2lnbmF0dXJlLW9uZQ=="
const redacted = "RW5jcnlwdGVkLXRob3VnaHRzLW9mLXRoZS1tb2RlbA=="

const anthropic = (): string => {
  const usage = { input_tokens: 1, output_tokens: 1 }
  const message = { id: "msg_1", type: "message", role: "assistant", model: "m", content: [], usage }
  const block = (index: number, content_block: object, ...deltas: ReadonlyArray<object>) => [
    { type: "content_block_start", index, content_block },
    ...deltas.map((delta) => ({ type: "content_block_delta", index, delta })),
    { type: "content_block_stop", index }
  ]
  return [
    { type: "message_start", message },
    ...block(
      0,
      { type: "thinking", thinking: "", signature: "" },
      { type: "thinking_delta", thinking: "Look " },
      { type: "thinking_delta", thinking: "outside." },
      { type: "signature_delta", signature }
    ),
    ...block(1, { type: "redacted_thinking", data: redacted }),
    ...block(2, { type: "text", text: "" }, { type: "text_delta", text: "Let me see." }),
    ...block(
      3,
      { type: "tool_use", id: "toolu_01A", name: "weather", input: {} },
      { type: "input_json_delta", partial_json: '{"city":"Oslo"}' }
    ),
    { type: "message_delta", delta: { stop_reason: "tool_use" }, usage },
    { type: "message_stop" }
  ]
    .map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
    .join("")
}

const gemini = (): string =>
  [
    [{ text: "Look outside.", thought: true }],
    [{ text: "Let me see.", thoughtSignature: signature }],
    [{ functionCall: { name: "weather", args: { city: "Oslo" } }, thoughtSignature: redacted }]
  ]
    .map((parts, index) => ({
      candidates: [{ content: { role: "model", parts }, index: 0, ...(index === 2 ? { finishReason: "STOP" } : {}) }]
    }))
    .map((value) => `data: ${JSON.stringify(value)}\r\n\r\n`)
    .join("")

const responses = (): string => {
  const summary = [{ type: "summary_text", text: "Look outside." }]
  const thought = { type: "reasoning", id: "rs_1", summary, encrypted_content: signature }
  const content = [{ type: "output_text", text: "Let me see.", annotations: [] }]
  const said = { type: "message", id: "msg_1", role: "assistant", status: "completed", content }
  const hidden = { type: "reasoning", id: "rs_2", summary: [], encrypted_content: redacted }
  const call = {
    ...{ type: "function_call", id: "fc_1", status: "completed", call_id: "call_1" },
    ...{ name: "weather", arguments: '{"city":"Oslo"}' }
  }
  const output = [thought, said, hidden, call]
  return Wire.events(
    { type: "response.created", response: { id: "resp_1", model: "m", output: [] } },
    ...output.flatMap((item, output_index) => [
      { type: "response.output_item.added", output_index, item },
      { type: "response.output_item.done", output_index, item }
    ]),
    { type: "response.completed", response: { id: "resp_1", status: "completed", output } }
  )
}

const bodies: { readonly [vendor: string]: () => string } = {
  "claude-sonnet-4-5": anthropic,
  "gemini-3-pro": gemini,
  responses
}

/** A vendor that gives this answer to everything, as a language model. */
const answering = (vendor: Vendor, body: string) =>
  Effect.map(
    Wire.server((response) => response.end(body)),
    (server) => {
      const transport = Layer.effect(Transport.Transport, Effect.orDie(vendor.make({ baseUrl: server.url })))
      const model = LanguageModel.layer.pipe(Layer.provide(transport), Layer.provide(FetchHttpClient.layer))
      return { server, layer: Layer.merge(model, handlers) }
    }
  )

type Parts = typeof toolkit.tools
type Answered = ReadonlyArray<Response.AllParts<Parts> | Response.StreamPart<Parts>>

/** The parts of an answer as those of a prompt, with their metadata as options. Streamed ones are put together. */
const spoken = (parts: Answered): ReadonlyArray<Prompt.AssistantMessagePart> => {
  const texts = new Map<string, string>()
  return parts.flatMap((part): ReadonlyArray<Prompt.AssistantMessagePart> => {
    switch (part.type) {
      case "text":
      case "reasoning":
        return [Prompt.makePart(part.type, { text: part.text, options: part.metadata })]
      case "text-delta":
      case "reasoning-delta":
        texts.set(part.id, (texts.get(part.id) ?? "") + part.delta)
        return []
      case "text-end":
      case "reasoning-end": {
        const text = texts.get(part.id) ?? ""
        return [Prompt.makePart(part.type === "text-end" ? "text" : "reasoning", { text, options: part.metadata })]
      }
      case "tool-call": {
        const { id, metadata: options, name, params } = part
        return [Prompt.makePart("tool-call", { id, name, params, providerExecuted: false, options })]
      }
      default:
        return []
    }
  })
}

/** The prompt that goes on from an answer. */
const next = (parts: Answered): Prompt.Prompt => {
  const content = spoken(parts)
  const results = content.flatMap((part) =>
    part.type === "tool-call"
      ? [Prompt.makePart("tool-result", { ...part, isFailure: false, result: { degrees: 4 }, options: {} })]
      : []
  )
  return Prompt.fromMessages([
    Prompt.makeMessage("user", { content: [Prompt.makePart("text", { text: "How warm is it?" })] }),
    Prompt.makeMessage("assistant", { content }),
    Prompt.makeMessage("tool", { content: results })
  ])
}

describe("LanguageModel metadata", () => {
  for (const vendor of vendors.filter(({ name }) => bodies[name] !== undefined)) {
    describe(vendor.name, () => {
      const body = bodies[vendor.name]?.() ?? ""
      const question = { prompt: "How warm is it?", toolkit, disableToolCallResolution: true } as const
      const generated = Effect.map(AiLanguageModel.generateText(question), ({ content }): Answered => content)
      const streamed = Effect.map(
        Stream.runCollect(AiLanguageModel.streamText(question)),
        (parts): Answered => [...parts]
      )

      it.effect.each([
        { way: "generateText", ask: generated },
        { way: "streamText", ask: streamed }
      ])("TURN-3 what $way gave as metadata goes back verbatim as options", ({ ask }) =>
        Effect.gen(function* () {
          const { layer, server } = yield* answering(vendor, body)
          const parts = yield* Effect.provide(ask, layer)
          const metadata = parts.flatMap((part) => ("metadata" in part ? [part.metadata] : []))
          assert.isTrue(metadata.some((bag) => bag[vendor.meta] !== undefined))
          for (const secret of [signature, redacted]) assert.include(JSON.stringify(metadata), secret)
          const prompt = next(parts)
          yield* Effect.provide(AiLanguageModel.generateText({ ...question, prompt }), layer)
          const sent = server.requests[1]?.body ?? ""
          assert.deepStrictEqual(vendor.validate(JSON.parse(sent)), [], sent)
          for (const secret of [signature, redacted]) assert.include(sent, secret)
          assert.isBelow(sent.indexOf(signature), sent.indexOf(redacted))
          assert.include(sent, "Let me see.")
          assert.include(sent, "Oslo")
        }).pipe(Effect.scoped)
      )

      it.effect("TURN-3 the same goes back over both directions of the bridge", () =>
        Effect.gen(function* () {
          const { layer, server } = yield* answering(vendor, body)
          const there = Layer.provide(LanguageModel.layerTransport(), layer)
          const tools: ReadonlyArray<Transport.ToolSpec> = [{ name: "weather", inputSchema: { type: "object" } }]
          const user = { role: "user", parts: [{ type: "text", text: "How warm is it?" }] } as const
          const { deltas } = yield* Effect.provide(
            Effect.flatMap(Transport.Transport, (transport) =>
              Wire.collect(transport.open(Transport.request({ messages: [user], tools })))
            ),
            there
          )
          const parts = Wire.parts(deltas)
          const results = parts.flatMap((part) =>
            part.type === "tool-call"
              ? [{ type: "tool-result", id: part.id, name: part.name, outcome: "ok", content: [] } as const]
              : []
          )
          const messages = [user, { role: "assistant", parts } as const, { role: "tool", parts: results } as const]
          yield* Effect.provide(
            Effect.flatMap(Transport.Transport, (transport) =>
              Wire.collect(transport.open(Transport.request({ messages, tools })))
            ),
            there
          )
          const sent = server.requests[1]?.body ?? ""
          assert.deepStrictEqual(vendor.validate(JSON.parse(sent)), [], sent)
          for (const secret of [signature, redacted]) assert.include(sent, secret)
        }).pipe(Effect.scoped)
      )
    })
  }
})
