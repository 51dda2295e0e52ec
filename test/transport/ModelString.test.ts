import * as FileSystem from "@effect/platform/FileSystem"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { assert, describe, it } from "@effect/vitest"
import * as Message from "axonal/domain/Message"
import type { ModelInfo } from "axonal/domain/ModelInfo"
import * as ModelString from "axonal/transport/ModelString"
import * as Models from "axonal/transport/Models"
import { request, Transport } from "axonal/transport/Transport"
import type * as ConfigError from "effect/ConfigError"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"

/** The interesting fields of what is read, or what is said to be wrong. */
const parsed = (text: string) =>
  Either.match(ModelString.parse(text), {
    onLeft: messageOf,
    onRight: ({ baseUrl, flags, model, vendor }) => {
      const { can, info, isUnlisted, settings, ...rest } = flags
      const said = { ...rest, ...settings, ...info, ...can, ...(isUnlisted ? { isUnlisted } : {}) }
      return [
        vendor.name,
        model,
        ...(baseUrl === undefined ? [] : [baseUrl]),
        ...(Object.keys(said).length ? [said] : [])
      ]
    }
  })

const messageOf = (error: ConfigError.ConfigError): string =>
  error._op === "InvalidData" || error._op === "MissingData" ? error.message : String(error)

interface Sent {
  readonly url: string
  readonly headers: { readonly [name: string]: string }
  readonly body: { readonly [name: string]: unknown }
}

const keys = {
  ...{ OPENAI_API_KEY: "k-openai", ANTHROPIC_API_KEY: "k-anthropic", GEMINI_API_KEY: "k-google" },
  ...{ OTHER: "k-other", ...Object.fromEntries(["XAI", "GROQ"].map((name) => [`${name}_API_KEY`, `k-${name}`])) }
}

/** What the transport of a model string is and sends, or why there is none. */
const sent = (text: string, more: Layer.Layer<never> = Layer.empty, environment: object = keys) =>
  Effect.gen(function* () {
    const requests: Array<Sent> = []
    const client = HttpClient.make((request, url) => {
      const body = request.body._tag === "Raw" ? JSON.parse(String(request.body.body)) : {}
      requests.push({ url: String(url), headers: request.headers, body })
      return Effect.succeed(HttpClientResponse.fromWeb(request, new Response("{}", { status: 500 })))
    })
    const layer = ModelString.layer(text).pipe(
      Layer.provide(more),
      Layer.provide(Layer.succeed(HttpClient.HttpClient, client))
    )
    const ask = Effect.gen(function* () {
      const { model, open } = yield* Transport
      yield* Effect.flip(Effect.scoped(open(request({ messages: [Message.user("hi")] }))))
      return { model, sent: requests[0] }
    })
    return yield* Effect.provide(ask, layer)
  }).pipe(
    Effect.catchAll((error) => Effect.succeed({ problem: "_op" in error ? messageOf(error) : String(error) })),
    Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(environment))))
  )

describe("ModelString", () => {
  describe("parse", () => {
    it("AM-33 vendor, model, address and flags", () => {
      assert.deepStrictEqual(
        parsed("compatible:mine@http://localhost:8000/v1;key=MY_KEY;effort=high;temperature=0.2;max=4096;think-tags"),
        [
          ...["compatible", "mine", "http://localhost:8000/v1"],
          { key: "MY_KEY", reasoningEffort: "high", temperature: 0.2, maxOutputTokens: 4096, thinkTags: true }
        ]
      )
      assert.deepStrictEqual(parsed(" OpenAI:gpt-5-mini "), ["openai", "gpt-5-mini"])
      assert.deepStrictEqual(parsed("gemini:gemini-3.8-flash;"), ["google", "gemini-3.8-flash"])
      assert.deepStrictEqual(parsed("offline"), ["offline", ""])
      assert.deepStrictEqual(parsed("offline:"), ["offline", ""])
    })

    it("AM-33 ids keep their colons, slashes and at signs", () => {
      assert.deepStrictEqual(parsed("ollama:llama3.2:1b"), ["ollama", "llama3.2:1b"])
      assert.deepStrictEqual(parsed("together:meta-llama/Llama-3.3-70B"), ["together", "meta-llama/Llama-3.3-70B"])
      assert.deepStrictEqual(parsed("anthropic:claude-haiku-4-5@20251001"), ["anthropic", "claude-haiku-4-5@20251001"])
      assert.deepStrictEqual(parsed("chat:@cf/qwen@https://me:pw@host/v1?a=b"), [
        ...["compatible", "@cf/qwen", "https://me:pw@host/v1?a=b"]
      ])
      assert.deepStrictEqual(parsed("openai:ft:gpt-4.1:me::1"), ["openai", "ft:gpt-4.1:me::1"])
    })

    it("AM-33 flags say what an ad-hoc model is", () => {
      assert.deepStrictEqual(
        parsed("ollama:mine; context=32k; output=1.5k; price=0.5/2; tools; image-input=on; reasoning=off; unlisted"),
        [
          ...["ollama", "mine"],
          {
            ...{ contextWindow: 32_000, outputLimit: 1500, price: { input: 0.5, output: 2 } },
            ...{ tools: true, "image-input": true, reasoning: false, isUnlisted: true }
          }
        ]
      )
      assert.deepStrictEqual(parsed("groq:m;context=1m;think-tags=inside;top-p=0.9;seed=7"), [
        ...["groq", "m"],
        { contextWindow: 1_000_000, thinkTags: "inside", topP: 0.9, seed: 7 }
      ])
    })

    it("AM-33 errors list what is valid", () => {
      const vendors =
        "Vendors: openai, openai-chat, anthropic, google, openrouter, groq, deepseek, mistral, xai, together, cerebras, " +
        "fireworks, moonshot, zai, qwen, ollama, codex, compatible, responses, offline, llamacpp."
      assert.deepStrictEqual(["", "gpt-5-mini", "opnai:gpt-5-mini", "llama3.2:1b@http://h"].map(parsed), [
        `A model is written vendor:model, such as openai:gpt-5-mini. ${vendors}`,
        `"gpt-5-mini" names no vendor: write vendor:gpt-5-mini. ${vendors}`,
        `"opnai" is no vendor. ${vendors}`,
        `"llama3.2" is no vendor. ${vendors}`
      ])
      assert.deepStrictEqual(["openai:", "compatible:m", "offline:m", "openai:m@https://"].map(parsed), [
        "openai: names no model: write openai:model.",
        "compatible needs an address: write compatible:m@http://host/v1.",
        "offline has no model and no address: write offline",
        "The address after @ is none: write openai:model@https://host."
      ])
      assert.strictEqual(parsed("anthropic"), `"anthropic" is a vendor and names no model: write anthropic:model.`)
    })

    it("AM-33 an address without http is no part of the model", () => {
      for (const [text, meant] of [
        ["compatible:m@127.0.0.1:8000/v1", "compatible:m@http://127.0.0.1:8000/v1"],
        ["ollama:llama3.2:1b@localhost:11434", "ollama:llama3.2:1b@http://localhost:11434"],
        ["openai:gpt-5-mini@proxy.example/v1;key=K", "openai:gpt-5-mini@http://proxy.example/v1"],
        ["ollama:m@gpu:11434", "ollama:m@http://gpu:11434"]
      ] as const) {
        assert.strictEqual(parsed(text), `An address begins with http:// or https://: write ${meant}.`)
      }
      for (const model of ["m@20251001", "@cf/qwen", "m@latest", "m@v1.2"]) {
        assert.deepStrictEqual(parsed(`groq:${model}`), ["groq", model])
      }
    })

    it("AM-33 a wrong flag is told with what it takes", () => {
      const flags =
        "Flags: key, effort, temperature, top-p, seed, max, think-tags, context, output, price, unlisted, tools, " +
        "reasoning, structured-output, image-input, audio-input, video-input, file-input, image-output, audio-output."
      assert.deepStrictEqual(
        [
          "temprature=1",
          "temperature=3",
          "max=lots",
          "tools=maybe",
          "effort",
          "max=1;max=2",
          "price=2",
          "unlisted=1"
        ].map((flag) => parsed(`ollama:m;${flag}`)),
        [
          `There is no flag temprature. ${flags}`,
          'The flag temperature takes a number from 0 to 2, not "3".',
          'The flag max takes a number of tokens such as 32000, 32k or 1m, not "lots".',
          'The flag tools takes on or off, not "maybe".',
          "The flag effort takes a word such as low, medium or high.",
          "The flag max is given twice.",
          'The flag price takes two prices per million tokens, input and output, such as 0.5/2, not "2".',
          'The flag unlisted takes no value, not "1".'
        ]
      )
      assert.include(parsed("anthropic:m;think-tags"), "is for vendors of the Chat Completions API")
    })

    it("a key in place of its variable is not repeated", () => {
      for (const key of ["sk-proj-abcdefghijklmnop", "sk_abcdefghijklmnopq", "gsk_abcdefghijklmnop"]) {
        const problem = parsed(`openai:gpt-5-mini;key=${key}`)
        assert.include(problem, "the name of a variable")
        assert.notInclude(problem, key)
      }
    })

    it("AM-34 a model inside the process is refused with guidance", () => {
      const problem = parsed("llamacpp:models/tiny.gguf")
      assert.include(problem, "LlamaCpp.layer({ modelPath })")
      assert.include(problem, "compatible:model@http://127.0.0.1:8080/v1")
    })
  })

  describe("layer", () => {
    const of = (result: Effect.Effect.Success<ReturnType<typeof sent>>) =>
      "problem" in result
        ? result.problem
        : [
            result.sent?.url,
            result.sent?.headers["authorization"] ?? result.sent?.headers["x-api-key"],
            result.model.vendor
          ]

    it.effect("AM-33 each vendor is asked at its address with its key", () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(of(yield* sent("openai:gpt-5-mini")), [
          ...["https://api.openai.com/v1/responses", "Bearer k-openai", "openai"]
        ])
        assert.deepStrictEqual(of(yield* sent("openai-chat:gpt-5-mini")), [
          ...["https://api.openai.com/v1/chat/completions", "Bearer k-openai", "openai"]
        ])
        assert.deepStrictEqual(of(yield* sent("anthropic:claude-haiku-5-5")), [
          ...["https://api.anthropic.com/v1/messages", "k-anthropic", "anthropic"]
        ])
        const google = yield* sent("google:gemini-3.8-flash")
        assert.match(
          String(of(google)[0]),
          /^https:\/\/generativelanguage\.googleapis\.com\/.*gemini-3\.8-flash:stream/
        )
        assert.deepStrictEqual(of(yield* sent("groq:openai/gpt-oss-120b")), [
          ...["https://api.groq.com/openai/v1/chat/completions", "Bearer k-GROQ", "groq"]
        ])
        assert.deepStrictEqual(of(yield* sent("xai:grok-4.7;key=OTHER")), [
          ...["https://api.x.ai/v1/chat/completions", "Bearer k-other", "xai"]
        ])
      })
    )

    it.effect("a key reaches another address only when it is named", () =>
      Effect.gen(function* () {
        const url = "http://localhost:1/v1/chat/completions"
        assert.deepStrictEqual(of(yield* sent("groq:m@http://localhost:1/v1")), [url, undefined, "groq"])
        assert.deepStrictEqual(of(yield* sent("groq:m@http://localhost:1/v1;key=GROQ_API_KEY")), [
          ...[url, "Bearer k-GROQ", "groq"]
        ])
        assert.deepStrictEqual(of(yield* sent("compatible:m@http://localhost:1/v1")), [url, undefined, "localhost"])
      })
    )

    it.effect("flags become settings and what is known of the model", () =>
      Effect.gen(function* () {
        const result = yield* sent("groq:mine;context=32k;tools=off;temperature=0.2;max=9")
        if ("problem" in result) return assert.fail(result.problem)
        const { model, sent: request } = result
        assert.deepStrictEqual([request?.body["temperature"], request?.body["max_completion_tokens"]], [0.2, 9])
        assert.deepStrictEqual([model.contextWindow, model.capabilities?.includes("tools")], [32_000, false])
        assert.isTrue(model.capabilities?.includes("image-input"))
        const known = yield* sent("openai:gpt-5-mini;image-input=off")
        assert.deepStrictEqual("model" in known ? known.model.capabilities : known, [
          ...(["tools", "reasoning", "structured-output", "file-input"] as const)
        ])
        const adHoc = yield* sent("groq:mine;tools")
        assert.deepStrictEqual("model" in adHoc ? adHoc.model.capabilities : adHoc, ["tools"])
      })
    )

    it.effect("AM-33 an unknown id lists the valid ones, and is taken with flags", () =>
      Effect.gen(function* () {
        const problem = of(yield* sent("deepseek:deepseek-v5"))
        assert.strictEqual(
          problem,
          "deepseek has no model deepseek-v5 that is known here. If it is new or your own add ;unlisted, or what you " +
            "know of it, such as ;context=400k. Known: deepseek-flash, deepseek-v4-flash, deepseek-v4-pro."
        )
        assert.include(
          of(yield* sent("openai:claude-sonnet-4-5")),
          "openai has no model claude-sonnet-4-5 that is known here. There is anthropic:claude-sonnet-4-5. If it"
        )
        assert.include(of(yield* sent("openai:groq")), "There is a vendor of that name: groq:model. If it")
        const mine: ModelInfo = { vendor: "openai", id: "gpt-99", contextWindow: 7 }
        for (const [text, layer] of [
          ["openai:gpt-99;unlisted", Layer.empty],
          ["openai:gpt-99;context=400k", Layer.empty],
          ["openai:gpt-99@http://localhost:1/v1", Layer.empty],
          ["openai:gpt-5-mini-2025-08-07", Layer.empty],
          ["openai:gpt-99", Models.layer([mine])],
          ["openai:ft:gpt-4.1:me::1", Layer.empty],
          ["groq:anything/at-all", Layer.empty]
        ] as const) {
          assert.isTrue("sent" in (yield* sent(text, layer)), text)
        }
      })
    )

    it.effect("a missing key names its variable and the flag", () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(
          of(yield* sent("groq:m", Layer.empty, {})),
          "Expected the key of groq. Set GROQ_API_KEY, or name another variable with ;key=NAME."
        )
        assert.include(of(yield* sent("openai:gpt-5-mini", Layer.empty, {})), "OPENAI_API_KEY")
      })
    )

    it.effect("Ollama is asked for the context that a flag names", () =>
      Effect.gen(function* () {
        const result = yield* sent("ollama:llama3.2:1b;context=16k")
        if ("problem" in result) return assert.fail(result.problem)
        assert.deepStrictEqual(
          [result.sent?.url, result.sent?.body["model"]],
          [...["http://127.0.0.1:11434/api/chat", "llama3.2:1b"]]
        )
        assert.deepStrictEqual(
          [result.sent?.body["options"], result.model.contextWindow],
          [{ num_ctx: 16_000 }, 16_000]
        )
      })
    )

    it.effect("offline needs nothing", () =>
      Effect.gen(function* () {
        const { model } = yield* Transport
        assert.strictEqual(model.vendor, "offline")
      }).pipe(Effect.provide(ModelString.layer("offline")), Effect.provide(Layer.succeed(HttpClient.HttpClient, never)))
    )

    it.effect("codex asks for files only when it is named", () =>
      Effect.gen(function* () {
        assert.include(of(yield* sent("codex:gpt-5.3-codex", Layer.empty, { HOME: "/" })), "FileSystem")
        const layer = ModelString.layer("codex:gpt-5.3-codex").pipe(Layer.provide(FileSystem.layerNoop({})))
        const { model } = yield* Effect.provide(
          Transport,
          Layer.provide(layer, Layer.succeed(HttpClient.HttpClient, never))
        )
        assert.deepStrictEqual([model.vendor, model.id], ["codex", "gpt-5.3-codex"])
      }).pipe(Effect.withConfigProvider(ConfigProvider.fromMap(new Map([["HOME", "/"]]))))
    )

    it.effect("configuration names a model", () =>
      Effect.gen(function* () {
        const layer = ModelString.layerConfig(ModelString.config("MODEL"))
        const { model } = yield* Effect.provide(
          Transport,
          Layer.provide(layer, Layer.succeed(HttpClient.HttpClient, never))
        )
        assert.deepStrictEqual([model.vendor, model.id], ["groq", "llama:1"])
      }).pipe(
        Effect.withConfigProvider(
          ConfigProvider.fromMap(
            new Map([
              ["MODEL", "groq:llama:1"],
              ["GROQ_API_KEY", "k"]
            ])
          )
        )
      )
    )
  })
})

const never: HttpClient.HttpClient = HttpClient.make(() => Effect.never)
