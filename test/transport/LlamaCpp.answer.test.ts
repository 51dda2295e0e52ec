import { afterAll, assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type { Delta } from "../../src/domain/Delta.ts"
import * as Message from "../../src/domain/Message.ts"
import * as Part from "../../src/domain/Part.ts"
import { transport as suite } from "../../src/testing/internal/transportSuite.ts"
import * as Transport from "../../src/transport/Transport.ts"
import {
  answer,
  ask,
  digits,
  engine,
  finishOf,
  hola,
  layer,
  model,
  paint,
  partsOf,
  random,
  textOf
} from "./LlamaCppModels.ts"

const bytes = model("bytes", { says: ["<0xC3>", "<0xA9>", "!", "<0xF0>", "<0x9F>", "<0x98>", "<0x80>"] })

/** A template of its own, in which thoughts have a place. */
const thinking =
  "{% for message in messages %}{{ '[' + message['role'] + ']' }}" +
  "{% if message['role'] == 'assistant' and message['reasoning_content'] %}" +
  "{{ '<think>' + message['reasoning_content'] + '</think>' }}{% endif %}{{ message['content'] }}" +
  "{% if message['role'] == 'assistant' %}{{ '<|im_end|>' }}{% endif %}{{ '\\n' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '[assistant]\\n' }}{% endif %}"
const pensive = model("pensive", {
  says: ["<think>", "h", "m", "</think>", "O", "k"],
  after: "]",
  template: thinking
})

afterAll(() => engine?.dispose())

if (engine !== undefined) {
  suite("llama.cpp", layer(hola, { sequences: 2, contextLength: 2048 }), {
    text: ask("Hello"),
    toolCall: ask("Hello", { tools: [paint], toolChoice: "required" }),
    failing: [ask("x".repeat(5000)), ask("Hi", { toolChoice: "required" })]
  })
}

describe.skipIf(engine === undefined)("LlamaCpp answers", () => {
  it.live("text arrives token by token, with every token counted", () =>
    Effect.gen(function* () {
      const deltas = yield* answer(ask("Hello"))
      assert.deepStrictEqual(
        deltas.flatMap((delta) => (delta._tag === "TextDelta" ? [delta.delta] : [])),
        ["H", "o", "l", "a", "!"]
      )
      // <s><|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n, where the four marks are one token each.
      const prompt = 4 + "user\nHello\nassistant\n".length
      assert.deepStrictEqual(finishOf(deltas), {
        _tag: "Finish",
        reason: "stop",
        usage: {
          inputTokens: { total: prompt, uncached: prompt, cacheRead: 0, cacheWrite: 0 },
          outputTokens: { total: 6, text: 6, reasoning: 0 },
          costUsd: 0,
          estimated: false
        }
      })
    }).pipe(Effect.provide(layer(hola)))
  )

  it.live("the model tells of itself", () =>
    Effect.gen(function* () {
      const { model } = yield* Transport.Transport
      assert.deepStrictEqual(model, {
        vendor: "llamacpp",
        id: "tiny",
        contextWindow: 512,
        capabilities: ["tools", "structured-output"],
        price: { input: 0, output: 0 }
      })
    }).pipe(Effect.provide(layer(hola)))
  )

  it.live("a second turn evaluates only what is new", () =>
    Effect.gen(function* () {
      const first = yield* answer(ask("Hello"))
      const messages = [Message.user("Hello"), Message.assistant(textOf(first)), Message.user("Again")]
      const second = yield* answer(Transport.request({ messages }))
      const { cacheRead, uncached } = finishOf(second).usage.inputTokens
      // The first prompt and the answer to it are known; its end mark was chosen but never evaluated.
      assert.strictEqual(cacheRead, (finishOf(first).usage.inputTokens.total ?? 0) + "Hola!".length)
      assert.strictEqual(uncached, 4 + "\nuser\nAgain\nassistant\n".length)
    }).pipe(Effect.provide(layer(hola)))
  )

  it.live("conversations keep sequences of their own", () =>
    Effect.gen(function* () {
      yield* answer(ask("Hello there, this is one."))
      yield* answer(ask("Something else entirely."))
      const again = yield* answer(ask("Hello there, this is one."))
      const { total, uncached } = finishOf(again).usage.inputTokens
      assert.deepStrictEqual([uncached, total], [1, 4 + "user\nHello there, this is one.\nassistant\n".length])
    }).pipe(Effect.provide(layer(hola, { sequences: 2 })))
  )

  it.live("stop strings end the answer and do not show", () =>
    Effect.gen(function* () {
      const deltas = yield* answer(ask("Count", { settings: { stop: ["45"] } }))
      assert.deepStrictEqual([textOf(deltas), finishOf(deltas).reason], ["0123", "stop"])
    }).pipe(Effect.provide(layer(digits)))
  )

  it.live("an output limit ends the answer with length", () =>
    Effect.gen(function* () {
      const deltas = yield* answer(ask("Count", { settings: { maxOutputTokens: 12 } }))
      assert.deepStrictEqual([textOf(deltas), finishOf(deltas).reason], ["012345678901", "length"])
      assert.strictEqual(finishOf(deltas).usage.outputTokens.total, 12)
    }).pipe(Effect.provide(layer(digits)))
  )

  it.live("an answer that reaches the end of the window ends with length", () =>
    Effect.gen(function* () {
      const finish = finishOf(yield* answer(ask("Count")))
      const { inputTokens, outputTokens } = finish.usage
      assert.strictEqual(finish.reason, "length")
      assert.strictEqual((inputTokens.total ?? 0) + (outputTokens.total ?? 0), 255)
    }).pipe(Effect.provide(layer(digits, { contextLength: 256 })))
  )

  it.live("a conversation that is too long fails before anything is evaluated", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(answer(ask("x".repeat(600))))
      assert.strictEqual(error.reason._tag, "ContextOverflow")
      assert.strictEqual(error.replay, "safe")
      assert.match(error.message, /The request has 620 tokens, and the context window has room for 510\./)
      const next = yield* answer(ask("x"))
      assert.strictEqual(finishOf(next).usage.inputTokens.cacheRead, 0)
    }).pipe(Effect.provide(layer(hola)))
  )

  it.live("the same seed gives the same answer, another one another", () =>
    Effect.gen(function* () {
      const say = (seed: number) =>
        Effect.map(
          answer(
            ask("Hi", { settings: { seed, temperature: 1, topP: 0.9, maxOutputTokens: 24, extra: { topK: 40 } } })
          ),
          textOf
        )
      const [first, second, other] = [yield* say(1), yield* say(1), yield* say(2)]
      assert.strictEqual(first, second)
      assert.notStrictEqual(first, other)
    }).pipe(Effect.provide(layer(random)))
  )

  it.live("a character of several tokens arrives whole", () =>
    Effect.gen(function* () {
      const deltas = yield* answer(ask("Hi"))
      assert.deepStrictEqual(
        deltas.flatMap((delta) => (delta._tag === "TextDelta" ? [delta.delta] : [])),
        ["é", "!", "😀"]
      )
    }).pipe(Effect.provide(layer(bytes)))
  )

  it.live("bytes that are no text do no harm", () =>
    Effect.gen(function* () {
      for (const seed of [1, 2, 3, 4]) {
        const deltas = yield* answer(ask("Hi", { settings: { seed, temperature: 2, maxOutputTokens: 40 } }))
        const pieces = deltas.flatMap((delta) => (delta._tag === "TextDelta" ? [delta.delta] : []))
        assert.strictEqual(textOf(deltas), pieces.join(""))
        assert.isFalse(pieces.includes(""))
        assert.isAtMost(finishOf(deltas).usage.outputTokens.total ?? 0, 40)
      }
    }).pipe(Effect.provide(layer(random)))
  )

  it.live("thoughts arrive as reasoning, and go back", () =>
    Effect.gen(function* () {
      const { model } = yield* Transport.Transport
      assert.include(model.capabilities ?? [], "reasoning")
      const deltas = yield* answer(ask("Hi"))
      const parts = partsOf(deltas)
      assert.deepStrictEqual(parts, [
        { type: "reasoning", text: "hm", meta: { llamacpp: { segment: "thought" } } },
        { type: "text", text: "Ok" }
      ])
      assert.isAbove(finishOf(deltas).usage.outputTokens.reasoning ?? 0, 0)
      const messages = [Message.user("Hi"), Message.assistant(parts), Message.user("More")]
      const next = finishOf(yield* answer(Transport.request({ messages })))
      assert.isAbove(next.usage.inputTokens.cacheRead ?? 0, finishOf(deltas).usage.inputTokens.total ?? 0)
    }).pipe(Effect.provide(layer(pensive)))
  )

  it.live("images are refused before anything is evaluated", () =>
    Effect.gen(function* () {
      const image = Part.file("image/png", { base64: "AAAA" }, "cat.png")
      const request = Transport.request({ messages: [Message.user([Part.text("Look"), image])] })
      const error = yield* Effect.flip(answer(request))
      assert.deepStrictEqual([error.reason._tag, error.replay], ["InvalidRequest", "safe"])
      assert.include(error.message, 'File "cat.png" of type image/png')
    }).pipe(Effect.provide(layer(hola)))
  )

  it.live("text files stand in the prompt", () =>
    Effect.gen(function* () {
      const file = Part.file("text/plain", { base64: "YWJj" }, "a.txt")
      const finish = finishOf(yield* answer(Transport.request({ messages: [Message.user([Part.text("Look"), file])] })))
      assert.strictEqual(finish.usage.inputTokens.total, 4 + "user\nLook\n\na.txt:\nabc\nassistant\n".length)
    }).pipe(Effect.provide(layer(hola)))
  )

  it.live("settings that nobody knows are refused", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(answer(ask("Hi", { settings: { extra: { mirostat: 2 } } })))
      assert.match(error.message, /extra\.mirostat: known are topK, minP/)
    }).pipe(Effect.provide(layer(hola)))
  )

  it.live("the end of an answer is told at once, and only then", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const transport = yield* Transport.Transport
        const pull = yield* transport.open(ask("Hello"))
        let last: Either.Either<ReadonlyArray<Delta>, Option.Option<unknown>> = Either.right([])
        while (Either.isRight(last)) last = yield* Effect.either(pull)
        assert.isTrue(Option.isNone(last.left))
      })
    ).pipe(Effect.provide(layer(hola)))
  )
})
