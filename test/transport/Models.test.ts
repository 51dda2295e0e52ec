import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import { assert, describe, it } from "@effect/vitest"
import { blendedPrice, ModelInfo } from "axonal/domain/ModelInfo"
import * as Usage from "axonal/domain/Usage"
import { factsOf } from "axonal/transport/internal/anthropic"
import { table } from "axonal/transport/internal/models"
import * as Models from "axonal/transport/Models"
import * as OpenAiChat from "axonal/transport/OpenAiChat"
import { Transport } from "axonal/transport/Transport"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"

const known = Effect.runSync(Models.Models)
const ids = (models: ReadonlyArray<ModelInfo>) => models.map(({ id, vendor }) => `${vendor}:${id}`)
const decode = Schema.decodeUnknownEither(ModelInfo, { onExcessProperty: "error" })

describe("Models", () => {
  it("every row is read whole", () => {
    const rows = table.split("\n").filter((line) => line !== "" && !line.startsWith("# "))
    assert.strictEqual(known.all.length, rows.length)
    for (const model of known.all) {
      assert.strictEqual(decode(model)._tag, "Right", JSON.stringify(model))
      const { above, cacheRead = 0, input = 0, output = 0 } = model.price ?? {}
      const { cacheRead: cacheReadAbove = 0, input: inputAbove = input, output: outputAbove = output } = above ?? {}
      const plausible =
        cacheRead <= input && cacheReadAbove <= inputAbove && input <= inputAbove && output <= outputAbove
      assert.isTrue(plausible && (model.outputLimit ?? 0) <= (model.contextWindow ?? 0), JSON.stringify(model))
    }
    assert.isTrue(rows.every((row) => /^\S+ (\d+|-) (\d+|-) (none|[trsiavfIA]+)( [\d.]+| -)*$/.test(row)))
  })

  it("says what a model is, can and costs", () => {
    assert.deepStrictEqual(known.find("openai", "gpt-5-mini"), {
      vendor: "openai",
      id: "gpt-5-mini",
      contextWindow: 400_000,
      outputLimit: 128_000,
      capabilities: ["tools", "reasoning", "structured-output", "image-input", "file-input"],
      price: { input: 0.25, output: 2, cacheRead: 0.025 }
    })
  })

  it("has models of every vendor that transports know", () => {
    const vendors = new Set(known.all.map(({ vendor }) => vendor))
    assert.deepStrictEqual(
      [...vendors],
      [
        ...["openai", "anthropic", "google", "xai", "mistral", "deepseek", "groq", "together", "cerebras", "fireworks"],
        ...["moonshot", "zai", "qwen", "openrouter", "ollama"]
      ]
    )
    assert.isTrue(known.all.every(({ price, vendor }) => vendor !== "ollama" || price === undefined))
  })

  it("models of OpenAI that see pictures read PDF, too", () => {
    const openai = known.byPrefix("openai:").filter(({ capabilities }) => capabilities?.includes("image-input"))
    assert.deepStrictEqual(
      openai.filter(({ capabilities }) => !capabilities?.includes("file-input")),
      []
    )
  })

  it("agrees with the transport about answers to a schema", () => {
    for (const { capabilities, id } of known.byPrefix("anthropic:")) {
      assert.strictEqual(capabilities?.includes("structured-output"), factsOf(id).jsonSchema, id)
    }
  })

  it("prices a request as a whole above its threshold", () => {
    const price = known.find("openai", "gpt-5.4")?.price
    if (price === undefined) return assert.fail("unknown")
    const usage = (input: number) => Usage.make({ input, cacheRead: 100_000, cacheWrite: 0, output: 1000 })
    assert.deepStrictEqual(
      [272_000, 272_001].map((input) => Usage.priced(usage(input), price).costUsd),
      [
        (172_000 * 2.5 + 100_000 * 0.25 + 1000 * 15) / 1_000_000,
        (172_001 * 5 + 100_000 * 0.5 + 1000 * 22.5) / 1_000_000
      ]
    )
  })

  describe("find", () => {
    it("a snapshot is the model that it is a snapshot of", () => {
      const found = (
        [
          ["openai", "gpt-5-mini-2025-08-07"],
          ["anthropic", "claude-haiku-4-5-20251001"],
          ["anthropic", "claude-haiku-4-5@20251001"],
          ["google", "gemini-2.5-flash-001"],
          ["google", "gemini-2.5-flash-lite-preview-09-2025"],
          ["google", "gemini-2.5-flash-preview-05-20"],
          ["anthropic", "claude-sonnet-4-5-latest"],
          ["deepseek", "deepseek-v4-pro-0813"],
          ["openai", "gpt-4o-2024-05-13"]
        ] as const
      ).map(([vendor, id]) => known.find(vendor, id)?.id)
      assert.deepStrictEqual(found, [
        ...["gpt-5-mini", "claude-haiku-4-5", "claude-haiku-4-5", "gemini-2.5-flash", "gemini-2.5-flash-lite"],
        ...["gemini-2.5-flash", "claude-sonnet-4-5", "deepseek-v4-pro", "gpt-4o-2024-05-13"]
      ])
    })

    it("another model is not, however alike its name", () => {
      const others = ["gpt-5-mini-super", "gpt-5.4-mini-fast", "gpt-4o-audio-preview", "gpt-5-minimal", "gpt", ""]
      assert.deepStrictEqual(
        others.map((id) => known.find("openai", id)),
        others.map(() => undefined)
      )
      assert.isUndefined(known.find("openrouter", "openai/gpt-5-mini:free"))
      assert.isUndefined(known.find("groq", "gpt-5-mini"))
    })
  })

  it("models are found by prefix, capability and words", () => {
    assert.deepStrictEqual(ids(known.byPrefix("openai:gpt-6")), [
      ...["openai:gpt-6.1-sol", "openai:gpt-6-luna", "openai:gpt-6-sol", "openai:gpt-6-astra"]
    ])
    assert.deepStrictEqual(known.byPrefix("claude-haiku"), known.byPrefix("anthropic:claude-haiku"))
    assert.deepStrictEqual(ids(known.byCapability("tools", "audio-output")), [...["qwen:qwen3-omni-flash"]])
    assert.deepStrictEqual(ids(known.search("Google VIDEO 3.8")), ["google:gemini-3.8-flash"])
    assert.deepStrictEqual(known.search(" "), known.all)
    assert.deepStrictEqual(known.search("no such model"), [])
  })

  it("the cheapest of those that fit has the lowest blended price", () => {
    const wanted = { capabilities: ["tools", "image-input"], contextWindow: 500_000, vendor: "anthropic" } as const
    assert.strictEqual(known.cheapest(wanted)?.id, "claude-haiku-5-5")
    const fitting = known.byCapability("video-input").flatMap(({ price }) => (price ? [blendedPrice(price)] : []))
    const cheapest = known.cheapest({ capabilities: ["video-input"] })?.price
    assert.strictEqual(cheapest && blendedPrice(cheapest), Math.min(...fitting))
    assert.isUndefined(known.cheapest({ vendor: "ollama" }))
    assert.isUndefined(known.cheapest({ contextWindow: 1e9 }))
    assert.strictEqual(blendedPrice({ input: 1, output: 5 }), 2)
  })

  it("of two with the same name the later one counts", () => {
    const models = Models.make([
      { vendor: "v", id: "a", contextWindow: 1 },
      { vendor: "v", id: "b" },
      { vendor: "v", id: "a", contextWindow: 2 }
    ])
    assert.deepStrictEqual(models.all, [
      { vendor: "v", id: "a", contextWindow: 2 },
      { vendor: "v", id: "b" }
    ])
  })

  const modelOf = (id: string, more: Layer.Layer<never>) =>
    Effect.map(Transport, ({ model }) => model).pipe(
      Effect.provide(OpenAiChat.layer({ model: id, apiKey: Redacted.make("k") }).pipe(Layer.provide(more))),
      Effect.provide(FetchHttpClient.layer)
    )

  it.effect("AM-33 a layer adds models and wins over what was known", () =>
    Effect.gen(function* () {
      const mine = { vendor: "openai", id: "gpt-5-mini", price: { input: 1, output: 2 } }
      const layer = Models.layer([mine, { vendor: "openai", id: "mine", contextWindow: 7 }])
      const later = Models.layer([{ vendor: "openai", id: "mine", contextWindow: 8 }]).pipe(Layer.provideMerge(layer))
      assert.deepStrictEqual(yield* modelOf("gpt-5-mini", layer), mine)
      assert.deepStrictEqual(yield* modelOf("mine", later), { vendor: "openai", id: "mine", contextWindow: 8 })
      assert.deepStrictEqual(yield* modelOf("gpt-5-mini-2025-08-07", later), { ...mine, id: "gpt-5-mini-2025-08-07" })
      assert.strictEqual((yield* modelOf("gpt-5-nano", later)).contextWindow, 400_000)
    })
  )

  it.effect("AM-33 an unknown model works, and its price stays unknown", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* modelOf("gpt-99", Layer.empty), { vendor: "openai", id: "gpt-99" })
    })
  )
})
