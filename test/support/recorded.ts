/**
 * The tests that every transport has to pass on the recorded responses of its API: fed whole, cut where it hurts, byte by
 * byte and cut at random, through the public transport. What an answer must hold is up to the caller, since the
 * recordings name it in the words of their API.
 */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Layer from "effect/Layer"
import type { Message } from "../../src/domain/Message.ts"
import { user } from "../../src/domain/Message.ts"
import * as Transport from "../../src/transport/Transport.ts"
import * as Wire from "./wire.ts"

/** What differs between APIs. `make` makes the transport for a recording, `check` judges the answer when there is one. */
export interface Api {
  readonly name: string
  readonly api: string
  /** Recordings that cannot be read, each with the reason. */
  readonly leftOut?: { readonly [name: string]: string }
  readonly make: (
    recorded: Wire.Case,
    baseUrl: string
  ) => Effect.Effect<Transport.Service, unknown, HttpClient.HttpClient>
  readonly check: (recorded: Wire.Case, seen: Wire.Seen) => void
}

/** Declares the tests of an API, and says how many of its recordings take part. */
export const suite = (api: Api): void => {
  const every = Wire.cases(api.api)
  const leftOut = api.leftOut ?? {}
  const all = every.filter(({ name }) => leftOut[name] === undefined)
  if (Wire.isPresent) {
    console.log(`${api.name}: ${all.length} of ${every.length} recorded responses`)
    for (const [name, why] of Object.entries(leftOut)) console.log(`  left out: ${name}: ${why}`)
  } else console.log(`${api.name}: skipped, no recordings in ${Wire.folder}; set AXONAL_WIRE to where they are.`)

  const check = (recorded: Wire.Case, seen: Wire.Seen): void => {
    assert.deepStrictEqual(Wire.disorder(seen.deltas), [])
    api.check(recorded, seen)
    checkError(recorded, seen)
  }

  describe.skipIf(!Wire.isPresent)(api.name, () => {
    describe("recorded", () => {
      it.effect.each(all)("$name gives what any client must see, whole", (recorded) =>
        Effect.map(overSocket(api, recorded, [recorded.body]), (seen) => check(recorded, seen))
      )

      it.effect.each(all.filter(({ splitOffsets }) => splitOffsets.length > 0))(
        "WIRE-1 $name is the same when cut where it hurts",
        (recorded) =>
          Effect.gen(function* () {
            const { body, splitOffsets } = recorded
            check(recorded, yield* overSocket(api, recorded, Wire.cut(body, splitOffsets)))
            for (const offset of splitOffsets) {
              check(recorded, yield* overClient(api, recorded, Wire.cut(body, [offset])))
            }
          })
      )

      it.effect.each(all)("WIRE-1 $name is the same byte by byte", (recorded) =>
        Effect.map(overClient(api, recorded, Wire.bytes(recorded.body)), (seen) => check(recorded, seen))
      )

      it.effect.each(all.filter(({ body }) => body.length < 12_000))(
        "WIRE-1 $name is the same however cut",
        (recorded) =>
          Effect.gen(function* () {
            const whole = outcome(yield* overClient(api, recorded, [recorded.body]))
            const cuts = FastCheck.sample(FastCheck.array(FastCheck.nat(recorded.body.length), { maxLength: 60 }), 15)
            for (const offsets of cuts) {
              const pieces = Wire.cut(
                recorded.body,
                [...new Set(offsets)].sort((left, right) => left - right)
              )
              assert.deepStrictEqual(outcome(yield* overClient(api, recorded, pieces)), whole)
            }
          })
      )
    })
  })
}

/**
 * The answers of an API's recordings as messages of a session, read by a transport: those that were complete and not cut.
 * None where the recordings are absent.
 */
export const answers = (
  api: string,
  make: Effect.Effect<Transport.Service, unknown, HttpClient.HttpClient>
): Effect.Effect<ReadonlyArray<Message>> =>
  Effect.forEach(
    Wire.cases(api).filter(({ body, expected }) => expected.outcome === "ok" && body.length < 100_000),
    (recorded) =>
      Effect.map(overClient({ make: () => make }, recorded, [recorded.body]), ({ deltas }): ReadonlyArray<Message> => {
        const end = deltas.at(-1)
        if (end?._tag !== "Finish" || (end.reason !== "stop" && end.reason !== "tool-calls")) return []
        const parts = Wire.parts(deltas).map((part) =>
          (part.type === "tool-call" || part.type === "tool-result") && part.id !== ""
            ? { ...part, wireId: part.id }
            : part
        )
        return [{ role: "assistant", parts }]
      })
  ).pipe(Effect.map((messages) => messages.flat()))

/** The value, or `undefined` for what a recording calls `null`. */
export const orUndefined = <A>(value: A | null): A | undefined => value ?? undefined

// internal

const ask = Transport.request({ messages: [user("hi")] })

const open = (api: Pick<Api, "make">, recorded: Wire.Case, baseUrl: string) =>
  Effect.flatMap(Effect.orDie(api.make(recorded, baseUrl)), (transport) => transport.open(ask))

/** The transport over a server that sends the pieces one by one. */
const overSocket = (api: Api, recorded: Wire.Case, pieces: ReadonlyArray<Uint8Array>) =>
  Effect.gen(function* () {
    const server = yield* Wire.server((response) => {
      response.writeHead(recorded.status, recorded.headers)
      Wire.write(response, pieces)
    })
    return yield* Wire.collect(open(api, recorded, server.url))
  }).pipe(Effect.scoped, Effect.provide(FetchHttpClient.layer))

/** The transport over a client whose response holds the pieces, without a network. */
/** The transport over a client whose response holds the pieces, without a network. */
export const overClient = (api: Pick<Api, "make">, recorded: Wire.Case, pieces: ReadonlyArray<Uint8Array>) => {
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
  return Wire.collect(open(api, recorded, "http://localhost/v1")).pipe(
    Effect.scoped,
    Effect.provide(Layer.succeed(HttpClient.HttpClient, client))
  )
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

const outcome = ({ deltas, error }: Wire.Seen): unknown => [
  Wire.parts(deltas),
  Wire.usage(deltas),
  error && { ...error.reason, replay: error.replay }
]
