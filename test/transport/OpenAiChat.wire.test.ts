import { createHash } from "node:crypto"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { user } from "../../src/domain/Message.ts"
import * as OpenAiChat from "../../src/transport/OpenAiChat.ts"
import * as Transport from "../../src/transport/Transport.ts"
import * as Wire from "../support/wire.ts"

const all = Wire.cases("openai-chat")
if (!Wire.isPresent) console.log(`Skipped: no recordings in ${Wire.folder}; set AXONAL_WIRE to where they are.`)

const ask = Transport.request({ messages: [user("hi")] })

const open = (recorded: Wire.Case, baseUrl: string) =>
  Effect.flatMap(
    Effect.orDie(
      OpenAiChat.make({
        model: recorded.model,
        baseUrl,
        vendor: recorded.provider,
        apiKey: Redacted.make("sk-test-0123456789")
      })
    ),
    (transport) => transport.open(ask)
  )

/** The transport over a server that sends the pieces one by one. */
const overSocket = (recorded: Wire.Case, pieces: ReadonlyArray<Uint8Array>) =>
  Effect.gen(function* () {
    const server = yield* Wire.server((response) => {
      response.writeHead(recorded.status, recorded.headers)
      Wire.write(response, pieces)
    })
    return yield* Wire.collect(open(recorded, server.url))
  }).pipe(Effect.scoped, Effect.provide(FetchHttpClient.layer))

/** The transport over a client whose response holds the pieces, without a network. */
const overClient = (recorded: Wire.Case, pieces: ReadonlyArray<Uint8Array>) => {
  const client = HttpClient.make((request) =>
    Effect.sync(() => {
      let next = 0
      const body = new ReadableStream<Uint8Array>({
        pull: (controller) => {
          const piece = pieces[next++]
          if (piece === undefined) controller.close()
          else controller.enqueue(piece)
        }
      })
      const { headers, status } = recorded
      return HttpClientResponse.fromWeb(request, new Response(body, { status, headers }))
    })
  )
  return Wire.collect(open(recorded, "http://localhost/v1")).pipe(
    Effect.scoped,
    Effect.provide(Layer.succeed(HttpClient.HttpClient, client))
  )
}

const orUndefined = <A>(value: A | null): A | undefined => value ?? undefined

/** Opaque texts in what the vendor wants back. */
const hashes = (value: unknown): ReadonlyArray<string> => {
  if (typeof value === "string") return [createHash("sha256").update(value).digest("hex")]
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(hashes) : []
}

const checkAnswer = ({ expected }: Wire.Case, seen: Wire.Seen): void => {
  const { deltas } = seen
  assert.deepStrictEqual(Wire.disorder(deltas), [])
  const parts = Wire.parts(deltas)
  const plain = (refusal: boolean) =>
    parts
      .flatMap((part) =>
        part.type === "text" && Object.values(part.meta ?? {}).some((meta) => hasField(meta, "refusal")) === refusal
          ? [part.text]
          : []
      )
      .join("")
  assert.strictEqual(Wire.written(deltas, "ReasoningDelta"), expected.reasoning)
  if (expected.outcome !== "ok") {
    assert.strictEqual(Wire.written(deltas, "TextDelta"), expected.text ?? "")
    assert.notInclude(
      deltas.map((delta) => delta._tag),
      "Finish"
    )
    assert.deepStrictEqual(
      parts.filter((part) => part.type === "tool-call"),
      []
    )
    return
  }
  assert.strictEqual(plain(false), expected.text ?? "")
  assert.strictEqual(plain(true), expected.refusal ?? "")
  assert.strictEqual(Wire.written(deltas, "TextDelta"), plain(false) + plain(true))
  assert.deepStrictEqual(
    parts.flatMap((part) =>
      part.type === "tool-call" && part.transportExecuted !== true
        ? [{ id: part.id === "" ? null : part.id, name: part.name, arguments: JSON.parse(part.input) }]
        : []
    ),
    expected.toolCalls.map(({ arguments: input, id, name }) => ({ id, name, arguments: input }))
  )
  assert.deepStrictEqual(
    parts.flatMap((part) =>
      part.type === "tool-call" && part.transportExecuted === true
        ? [{ type: part.name, input: JSON.parse(part.input) }]
        : []
    ),
    expected.providerTools
  )
  const sources = parts.flatMap((part) => (part.type === "source" ? [part.url] : []))
  assert.strictEqual(sources.length, expected.citations.count)
  assert.deepStrictEqual([...new Set(sources)], [...expected.citations.urls])
  const opaque = new Set(parts.flatMap((part) => hashes(part.type === "reasoning" ? part.meta : undefined)))
  assert.deepStrictEqual(
    expected.opaque.filter(({ kind, sha256 }) => kind.startsWith("reasoning") && !opaque.has(sha256)),
    []
  )
  checkEnd(expected, deltas)
}

const hasField = (meta: unknown, field: string): boolean =>
  typeof meta === "object" && meta !== null && "field" in meta && meta.field === field

const reasons: { readonly [raw: string]: string } = { tool_calls: "tool-calls", content_filter: "content-filter" }

const checkEnd = ({ finish, id, tokens, toolCalls }: Wire.Expected, deltas: Wire.Seen["deltas"]): void => {
  const last = deltas[deltas.length - 1]
  const first = deltas[0]
  assert(last?._tag === "Finish", "The answer has no finish.")
  assert(first?._tag === "ResponseStart", "The answer has no start.")
  if (id !== null && first.id !== undefined) assert.strictEqual(first.id, id)
  const inferred = toolCalls.length > 0 ? "tool-calls" : "stop"
  assert.strictEqual(last.reason, finish.reason === null ? inferred : (reasons[finish.reason] ?? finish.reason))
  const { inputTokens, outputTokens } = last.usage
  assert.strictEqual(inputTokens.total, orUndefined(tokens.input))
  assert.strictEqual(inputTokens.cacheRead, orUndefined(tokens.cacheRead))
  assert.strictEqual(inputTokens.cacheWrite, orUndefined(tokens.cacheWrite))
  assert.strictEqual(outputTokens.reasoning, orUndefined(tokens.reasoning))
  // xAI alone counts reasoning beside the output; here the output includes it.
  assert.include([tokens.output, (tokens.output ?? 0) + (tokens.reasoning ?? 0)], outputTokens.total ?? null)
}

const checkError = ({ expected, status }: Wire.Case, { deltas, error }: Wire.Seen): void => {
  assert.strictEqual(error === undefined, expected.outcome === "ok")
  if (error === undefined) return
  const told = deltas.some((delta) => delta._tag === "PartStart")
  if (told) assert.strictEqual(error.replay, "acknowledged")
  if (expected.error === null) {
    assert.strictEqual(error.reason._tag, "Network")
    return
  }
  const { code, message, type } = expected.error
  assert.include(error.reason.message, message)
  assert.strictEqual(error.reason.type, orUndefined(type))
  assert.strictEqual(error.reason.code, code === null ? undefined : String(code))
  if (expected.error.where === "http") assert.strictEqual(error.reason.status, status)
}

const check = (recorded: Wire.Case, seen: Wire.Seen): void => {
  checkAnswer(recorded, seen)
  checkError(recorded, seen)
}

const outcome = ({ deltas, error }: Wire.Seen): unknown => [
  Wire.parts(deltas),
  Wire.usage(deltas),
  error && { ...error.reason, replay: error.replay }
]

describe.skipIf(!Wire.isPresent)("OpenAiChat", () => {
  describe("recorded", () => {
    it.effect.each(all)("$name gives what any client must see, whole", (recorded) =>
      Effect.map(overSocket(recorded, [recorded.body]), (seen) => check(recorded, seen))
    )

    it.effect.each(all.filter(({ splitOffsets }) => splitOffsets.length > 0))(
      "WIRE-1 $name is the same when cut where it hurts",
      (recorded) =>
        Effect.map(overSocket(recorded, Wire.cut(recorded.body, recorded.splitOffsets)), (seen) =>
          check(recorded, seen)
        )
    )

    it.effect.each(all)("WIRE-1 $name is the same byte by byte", (recorded) =>
      Effect.map(overClient(recorded, Wire.bytes(recorded.body)), (seen) => check(recorded, seen))
    )

    it.effect.each(all.filter(({ body }) => body.length < 12_000))("WIRE-1 $name is the same however cut", (recorded) =>
      Effect.gen(function* () {
        const whole = outcome(yield* overClient(recorded, [recorded.body]))
        const cuts = FastCheck.sample(FastCheck.array(FastCheck.nat(recorded.body.length), { maxLength: 60 }), 15)
        for (const offsets of cuts) {
          const pieces = Wire.cut(
            recorded.body,
            [...new Set(offsets)].sort((left, right) => left - right)
          )
          assert.deepStrictEqual(outcome(yield* overClient(recorded, pieces)), whole)
        }
      })
    )
  })
})
