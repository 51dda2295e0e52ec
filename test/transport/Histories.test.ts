/**
 * Whatever a session holds, each vendor takes the request: the repaired history meets its rules of order and of ids. And a
 * later request begins as an earlier one did, so that the vendors' caches stay warm.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Redacted from "effect/Redacted"
import { repair } from "../../src/context/Repair.ts"
import type { Message } from "../../src/domain/Message.ts"
import * as Anthropic from "../../src/transport/Anthropic.ts"
import * as Gemini from "../../src/transport/Gemini.ts"
import * as OpenAiChat from "../../src/transport/OpenAiChat.ts"
import * as OpenAiResponses from "../../src/transport/OpenAiResponses.ts"
import type * as Transport from "../../src/transport/Transport.ts"
import { numRuns } from "../support/generated.ts"
import * as Histories from "../support/histories.ts"
import { answers } from "../support/recorded.ts"
import { anthropic } from "../support/requests/anthropic.ts"
import { chat } from "../support/requests/chat.ts"
import { gemini } from "../support/requests/gemini.ts"
import { responses } from "../support/requests/responses.ts"

interface Vendor {
  readonly name: string
  /** The API of the recordings whose answers take part. */
  readonly api: string
  readonly make: (options: { readonly baseUrl: string; readonly model: string }) => Histories.Make
  readonly model: string
  readonly settings?: Transport.Settings
  /** The field of the body that grows. */
  readonly grows: string
  readonly validate: (body: unknown) => ReadonlyArray<string>
  /** What moves from request to request and is no part of the prefix. */
  readonly moving?: RegExp
}

const apiKey = Redacted.make("sk-test-0123456789")

const vendors: ReadonlyArray<Vendor> = [
  {
    name: "openai-chat",
    api: "openai-chat",
    make: (options) => OpenAiChat.make({ ...options, vendor: "openai", apiKey }),
    model: "gpt-5-mini",
    grows: "messages",
    validate: chat
  },
  {
    name: "mistral",
    api: "openai-chat",
    make: (options) => OpenAiChat.make({ ...options, vendor: "mistral", apiKey }),
    model: "mistral-small-latest",
    grows: "messages",
    validate: (body) => chat(body, { mistral: true })
  },
  {
    name: "openai-responses",
    api: "openai-responses",
    make: (options) => OpenAiResponses.make({ ...options, vendor: "openai", apiKey }),
    model: "gpt-5-mini",
    grows: "input",
    validate: responses
  },
  {
    name: "anthropic",
    api: "anthropic-messages",
    make: (options) => Anthropic.make({ ...options, apiKey }),
    model: "claude-sonnet-4-5",
    grows: "messages",
    validate: anthropic,
    moving: /,"cache_control":\{[^}]*\}/g
  },
  {
    name: "anthropic, thinking",
    api: "anthropic-messages",
    make: (options) => Anthropic.make({ ...options, apiKey }),
    model: "claude-opus-4-8",
    settings: { reasoningEffort: "high" },
    grows: "messages",
    validate: anthropic,
    moving: /,"cache_control":\{[^}]*\}/g
  },
  {
    name: "gemini, signed",
    api: "gemini-generate",
    make: (options) => Gemini.make({ ...options, apiKey }),
    model: "gemini-3-pro",
    settings: { reasoningEffort: "low" },
    grows: "contents",
    validate: gemini
  },
  {
    name: "deepseek",
    api: "openai-chat",
    make: (options) => OpenAiChat.make({ ...options, vendor: "deepseek", apiKey }),
    model: "deepseek-chat",
    grows: "messages",
    validate: chat
  },
  {
    name: "openrouter",
    api: "openai-chat",
    make: (options) => OpenAiChat.make({ ...options, vendor: "openrouter", apiKey }),
    model: "anthropic/claude-sonnet-4.5",
    grows: "messages",
    validate: chat
  },
  {
    name: "gemini",
    api: "gemini-generate",
    make: (options) => Gemini.make({ ...options, apiKey }),
    model: "gemini-2.5-flash",
    grows: "contents",
    validate: gemini
  }
]

/** Where a request may have been sent: behind a person's words or behind results, before an answer. */
const requests = (messages: ReadonlyArray<Message>): ReadonlyArray<ReadonlyArray<Message>> =>
  messages.flatMap((message, index) => {
    const next = messages[index + 1]
    const isAsked = message.role === "user" || message.role === "tool"
    return isAsked && (next === undefined || next.role === "assistant") ? [messages.slice(0, index + 1)] : []
  })

/** The body up to the last thing said in the field that grows; its message may still be added to. */
const prefix = (body: string, field: string): string => {
  const items: ReadonlyArray<unknown> = JSON.parse(body)[field]
  const last = JSON.stringify(items.at(-1))
  const at = body.lastIndexOf(last)
  assert.isAbove(at, 0, "the last item stands in the body as it is")
  return body.slice(0, at + last.length).replace(/[\]}]+$/, "")
}

describe("Histories", () => {
  for (const vendor of vendors) {
    describe(vendor.name, () => {
      it.effect(
        "HIST-1 TURN-2 TURN-3 whatever a session holds, the vendor takes it, and each request extends the last",
        () =>
          Effect.gen(function* () {
            const baseUrl = "http://localhost/v1"
            const make = vendor.make({ baseUrl, model: vendor.model })
            const pool = yield* answers(vendor.api, make)
            yield* Effect.promise(() =>
              FastCheck.assert(
                FastCheck.asyncProperty(Histories.conversations(pool), async (history) => {
                  const asked = requests(repair(history)).map((messages) =>
                    Histories.requestOf(messages, vendor.settings === undefined ? {} : { settings: vendor.settings })
                  )
                  const sent = await Effect.runPromise(Histories.bodies(make, asked))
                  const again = await Effect.runPromise(Histories.bodies(make, asked))
                  assert.deepStrictEqual(sent, again)
                  let before = ""
                  for (const body of sent) {
                    const text = Either.getOrThrowWith(body, (error) => new Error(error.message))
                    assert.deepStrictEqual(vendor.validate(JSON.parse(text)), [], text)
                    const still = vendor.moving === undefined ? text : text.replace(vendor.moving, "")
                    assert.isTrue(still.startsWith(before), `${before}\n${still}`)
                    before = prefix(still, vendor.grows)
                  }
                }),
                { numRuns: numRuns(60) }
              )
            )
          })
      )
    })
  }
})
