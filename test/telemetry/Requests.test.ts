import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as TestClock from "effect/TestClock"
import * as Message from "../../src/domain/Message.ts"
import * as Part from "../../src/domain/Part.ts"
import type { Request } from "../../src/domain/Request.ts"
import * as Usage from "../../src/domain/Usage.ts"
import * as Guard from "../../src/guard/Guard.ts"
import * as Telemetry from "../../src/telemetry/Telemetry.ts"
import { attributes, end, keeping, line } from "./keeping.ts"

const model = { vendor: "v", id: "m" }
const secret = "hunter2"
const asking: Request = {
  messages: [
    { role: "system", parts: [Part.text(`Be kind to ${secret}.`)] },
    Message.user([
      Part.text(`My password is ${secret}.`),
      { type: "file", mediaType: "image/png", data: { base64: "aGVsbG8=" } },
      { type: "file", mediaType: "application/pdf", data: { url: `https://example.com/${secret}` } },
      { type: "file", mediaType: "text/plain", data: { text: `note: ${secret}` } }
    ]),
    Message.assistant([
      { type: "reasoning", text: `They said ${secret}.` },
      { type: "tool-call", id: "c1", name: "look", input: `{"at":"${secret}"}` }
    ]),
    {
      role: "tool",
      parts: [
        {
          type: "tool-result",
          id: "c1",
          name: "look",
          outcome: "ok",
          content: [{ type: "json", value: { saw: secret } }]
        }
      ]
    }
  ],
  tools: [{ name: "look", description: "Looks.", inputSchema: { type: "object" } }],
  toolChoice: "auto",
  responseFormat: { type: "json" },
  settings: { temperature: 0.5, topP: 0.9, maxOutputTokens: 100, stop: ["END"], seed: 7 }
}
const usage = Usage.make({ input: 100, cacheRead: 60, cacheWrite: 30, output: 40, reasoning: 25, costUsd: 0.5 })
const answer = { message: Message.assistant(`It is ${secret}.`), reason: "tool-calls", usage } as const

/** The spans of what runs inside. */
const traced = <A, E>(effect: Effect.Effect<A, E>) => {
  const { layer, spans } = keeping()
  return Effect.map(Effect.exit(Effect.provide(effect, layer)), (exit) => ({ exit, spans }))
}
const requested = (capture: boolean | Telemetry.Capture, fails = false) =>
  traced(
    Telemetry.request(
      { traced: true, capture, model, session: "s", request: asking },
      (watch): Effect.Effect<typeof answer, { readonly reason: { readonly _tag: string } }> =>
        fails
          ? Effect.fail({ reason: { _tag: "Timeout" } })
          : Effect.as(
              Effect.sync(() => Telemetry.arrived(watch)),
              answer
            ),
      () => ({ id: "r1", model: "m-2" })
    )
  )

const content = {
  "gen_ai.system_instructions": `[{"type":"text","content":"Be kind to ${secret}."}]`,
  "gen_ai.input.messages": JSON.stringify([
    {
      role: "user",
      parts: [
        { type: "text", content: `My password is ${secret}.` },
        { type: "blob", mime_type: "image/png", modality: "image", content: "", size: 6 },
        { type: "uri", mime_type: "application/pdf", modality: "document", uri: `https://example.com/${secret}` },
        { type: "text", content: `note: ${secret}` }
      ]
    },
    {
      role: "assistant",
      parts: [
        { type: "reasoning", content: `They said ${secret}.` },
        { type: "tool_call", id: "c1", name: "look", arguments: { at: secret } }
      ]
    },
    { role: "tool", parts: [{ type: "tool_call_response", id: "c1", response: `{"saw":"${secret}"}` }] }
  ]),
  "gen_ai.tool.definitions": '[{"type":"function","name":"look","description":"Looks.","parameters":{"type":"object"}}]'
}
const output = {
  "gen_ai.output.messages": JSON.stringify([
    { role: "assistant", parts: [{ type: "text", content: `It is ${secret}.` }], finish_reason: "tool_call" }
  ])
}

describe("Telemetry.request", () => {
  it.effect("tells of the request, of the answer and of all tokens", () =>
    Effect.gen(function* () {
      const { spans } = yield* requested(false)
      const { "gen_ai.response.time_to_first_chunk": first, ...rest } = attributes(spans[0])
      assert.deepStrictEqual(spans.map(line), ["- > chat m (client)"])
      assert.isTrue(typeof first === "number" && first >= 0 && first < 10)
      assert.deepStrictEqual(rest, {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "v",
        "gen_ai.request.model": "m",
        "gen_ai.conversation.id": "s",
        "gen_ai.output.type": "json",
        "gen_ai.request.stream": true,
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.top_p": 0.9,
        "gen_ai.request.max_tokens": 100,
        "gen_ai.request.stop_sequences": ["END"],
        "gen_ai.request.seed": 7,
        "gen_ai.response.finish_reasons": ["tool-calls"],
        "gen_ai.response.id": "r1",
        "gen_ai.response.model": "m-2",
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 40,
        "gen_ai.usage.cache_read.input_tokens": 60,
        "gen_ai.usage.cache_creation.input_tokens": 30,
        "gen_ai.usage.reasoning.output_tokens": 25,
        "axonal.usage.cost_usd": 0.5
      })
      assert.notInclude(JSON.stringify([rest, spans[0]?.events]), secret)
    })
  )

  it.effect("carries content as the conventions write it", () =>
    Effect.gen(function* () {
      const { spans } = yield* requested(true)
      const all = attributes(spans[0])
      const shown = Object.fromEntries(Object.keys({ ...content, ...output }).map((name) => [name, all[name]]))
      assert.deepStrictEqual(shown, { ...content, ...output })
    })
  )

  it.effect("carries content as one event when asked to", () =>
    Effect.gen(function* () {
      yield* TestClock.adjust("1 second")
      const { spans } = yield* requested({ as: "event" })
      const about = { "gen_ai.operation.name": "chat", ...content }
      const name = "gen_ai.client.inference.operation.details"
      assert.deepStrictEqual(spans[0]?.events, [[name, 1_000_000_000n, { ...about, ...output }]])
      assert.notInclude(JSON.stringify(attributes(spans[0])), secret)
      const failed = yield* requested({ as: "event" }, true)
      assert.deepStrictEqual(failed.spans[0]?.events, [[name, 1_000_000_000n, about]])
    })
  )

  it.effect.each(["attributes", "event"] as const)("redacts every text, as %s", (as) =>
    Effect.gen(function* () {
      const redact = (text: string) => text.replaceAll(secret, "***")
      const { spans } = yield* requested({ as, redact })
      const shown = JSON.stringify([attributes(spans[0]), spans[0]?.events.map(([name, , about]) => [name, about])])
      assert.notInclude(shown, secret)
      assert.strictEqual(shown.split("***").length - 1, 8)
    })
  )

  it.effect.each([
    ["answers nothing", () => undefined],
    ["dies", () => assert.fail("no")]
  ] satisfies ReadonlyArray<readonly [string, Telemetry.Capture["redact"]]>)(
    "withholds a text when its redaction %s",
    ([, redact]) =>
      Effect.gen(function* () {
        const { exit, spans } = yield* requested({ redact })
        assert.strictEqual(exit._tag, "Success")
        assert.notInclude(JSON.stringify(attributes(spans[0])), secret)
        assert.include(attributes(spans[0])["gen_ai.output.messages"], '"content":"[withheld]"')
      })
  )

  it.effect("is an error span with the reason of its failure", () =>
    Effect.gen(function* () {
      const { exit, spans } = yield* requested(false, true)
      assert.strictEqual(exit._tag, "Failure")
      assert.deepStrictEqual([spans[0]?.exit?._tag, attributes(spans[0])["error.type"]], ["Failure", "Timeout"])
    })
  )
})

describe("Telemetry", () => {
  const call = { id: "c1", tool: "rm" }

  it.effect("arguments and results of tools are redacted", () =>
    Effect.gen(function* () {
      const kinds: Array<Telemetry.Content> = []
      const redact = (text: string, content: Telemetry.Content) => {
        kinds.push(content)
        return text.replaceAll(secret, "***")
      }
      const { spans } = yield* traced(
        Telemetry.executeTool(true, { name: "look", call: "c1", description: "Looks." }, (span) =>
          Effect.sync(() => {
            Telemetry.called(span, { redact }, "look", { pin: secret })
            Telemetry.returned(span, { redact }, "look", [
              Part.text(`saw ${secret}`),
              { type: "json", value: [secret] }
            ])
          })
        )
      )
      assert.deepStrictEqual(attributes(spans[0]), {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "look",
        "gen_ai.tool.call.id": "c1",
        "gen_ai.tool.type": "function",
        "gen_ai.tool.description": "Looks.",
        "gen_ai.tool.call.arguments": '{"pin":"***"}',
        "gen_ai.tool.call.result": 'saw ***\n["***"]'
      })
      assert.deepStrictEqual(kinds, [
        { kind: "arguments", tool: "look" },
        { kind: "result", tool: "look" }
      ])
    })
  )

  it.effect.each([
    [false, undefined],
    [true, `touches ${secret}`],
    [{ redact: () => "why" }, "why"]
  ] as const)("verdicts and decisions are events, their reasons content: %j", ([capture, reason]) =>
    Effect.gen(function* () {
      const why = `touches ${secret}`
      const judge = Telemetry.judged(true, capture, call, Effect.succeed(Guard.Ask(why, "files")))
      const ask = Telemetry.decided(true, capture, call, { approved: false, reason: why })
      const { spans } = yield* traced(Effect.withSpan(Effect.zipRight(judge, ask), "run"))
      const about = { "gen_ai.tool.name": "rm", "gen_ai.tool.call.id": "c1" }
      const said = (name: string) => (reason === undefined ? {} : { [name]: reason })
      assert.deepStrictEqual(
        spans[0]?.events.map(([name, , about]) => [name, about]),
        [
          [
            "axonal.guard.verdict",
            {
              ...about,
              "axonal.guard.verdict": "ask",
              "axonal.guard.category": "files",
              ...said("axonal.guard.reason")
            }
          ],
          [
            "axonal.approval.decided",
            { ...about, "axonal.approval.approved": false, ...said("axonal.approval.reason") }
          ]
        ]
      )
    })
  )

  it.effect("a verdict without a span around it goes through", () =>
    Effect.gen(function* () {
      const judge = Telemetry.judged(true, true, call, Effect.succeed(Guard.Deny("no")))
      assert.deepStrictEqual(yield* judge, Guard.Deny("no"))
    })
  )

  const about = { name: "a", vendor: "v", model: "m", session: "s", reason: "threshold", tokens: 900 }
  const costs = [
    { model: "m", usage: Usage.make({ input: 80, output: 20 }) },
    { model: "m", usage: Usage.make({ input: 20, output: 10 }) }
  ]

  it.effect("a compaction is a span with what it saved and cost", () =>
    Effect.gen(function* () {
      const outcome = { _tag: "Compacted", dropped: [1, 2, 3], tokensAfter: 100, costs } as const
      const { exit, spans } = yield* traced(Telemetry.compact(true, about, Effect.succeed(outcome)))
      assert.isTrue(exit._tag === "Success" && exit.value === outcome)
      assert.deepStrictEqual([spans.map(line), spans.map(end)], [["- > compact a (internal)"], ["compact a: ok"]])
      assert.deepStrictEqual(attributes(spans[0]), {
        "gen_ai.operation.name": "compact",
        "gen_ai.agent.name": "a",
        "gen_ai.conversation.id": "s",
        "axonal.compaction.reason": "threshold",
        "axonal.compaction.tokens_before": 900,
        "gen_ai.conversation.compacted": true,
        "axonal.compaction.outcome": "compacted",
        "axonal.compaction.messages": 3,
        "axonal.compaction.tokens_after": 100,
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 30
      })
    })
  )

  it.effect("a compaction that failed is an error on the span, and its value", () =>
    Effect.gen(function* () {
      const outcome = { _tag: "Kept", why: `it said ${secret}`, failed: true, costs: [] } as const
      const { exit, spans } = yield* traced(Telemetry.compact(true, about, Effect.succeed(outcome)))
      assert.isTrue(exit._tag === "Success" && exit.value === outcome)
      assert.deepStrictEqual(spans.map(end), ["compact a: nothing was compacted"])
      assert.strictEqual(attributes(spans[0])["error.type"], "CompactionFailed")
      assert.notInclude(JSON.stringify(attributes(spans[0])), secret)
    })
  )

  it.effect("a run tells what all of it cost, however it ends", () =>
    Effect.gen(function* () {
      const identity = { userId: undefined, chatId: undefined }
      const run = { name: "a", vendor: "v", model: "m", session: "s", run: "r", identity }
      const { spans } = yield* traced(
        Telemetry.invokeAgent(true, run, (span) => Telemetry.spent(span, () => usage, Effect.fail("no")))
      )
      const { "gen_ai.request.model": id, "gen_ai.usage.reasoning.output_tokens": reasoning } = attributes(spans[0])
      assert.deepStrictEqual([id, reasoning, end(spans[0] ?? assert.fail())], ["m", 25, "invoke_agent a: no"])
    })
  )

  it.prop(
    "redaction sees every text that is shown",
    [FastCheck.array(FastCheck.string({ minLength: 1 }))],
    ([texts]) => {
      const { layer, spans } = keeping()
      const request = { ...asking, messages: texts.map((text) => Message.user(text)) }
      Effect.runSync(
        Telemetry.request(
          { traced: true, capture: { redact: () => "gone" }, model, session: "s", request },
          () => Effect.succeed(answer),
          () => undefined
        ).pipe(Effect.provide(layer))
      )
      const shown = attributes(spans[0])["gen_ai.input.messages"]
      const parts = texts.map(() => ({ role: "user", parts: [{ type: "text", content: "gone" }] }))
      assert.strictEqual(shown, JSON.stringify(parts))
    }
  )
})
