/**
 * Combinators together: what they take and give, that a healthy answer goes through any two of them unchanged, and that
 * no attempt shows what another had shown.
 */

import type { HttpClient } from "@effect/platform/HttpClient"
import { assert, describe, it } from "@effect/vitest"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import { identity, pipe } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as TestContext from "effect/TestContext"
import * as Agent from "../../src/agent/Agent.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import type { Delta } from "../../src/domain/Delta.ts"
import type { Step } from "../../src/testing/ScriptedTransport.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { call, cut, error, finish, reasoning, source, start, text } from "../../src/testing/ScriptedTransport.ts"
import * as Middleware from "../../src/transport/Middleware.ts"
import * as OpenAiChat from "../../src/transport/OpenAiChat.ts"
import * as Transport from "../../src/transport/Transport.ts"
import type { Replay } from "../../src/transport/TransportError.ts"
import { numRuns } from "../support/generated.ts"
import { answered, hello } from "../support/middleware.ts"

const all = {
  retry: Middleware.retry(),
  fallback: Middleware.fallback([ScriptedTransport.make([]).transport]),
  rateLimit: Middleware.rateLimit({ requestsPerMinute: 100, tokensPerMinute: 10_000 }),
  concurrency: Middleware.concurrency(1),
  circuitBreaker: Middleware.circuitBreaker(),
  timeout: Middleware.timeout({
    connect: "1 second",
    firstDelta: "1 second",
    betweenDeltas: "1 second",
    total: "1 minute"
  }),
  cache: Middleware.cache({ capacity: 10, timeToLive: "1 hour" }),
  tap: Middleware.tap({
    onRequest: () => Effect.void,
    onDeltas: () => Effect.void,
    onEnd: () => Effect.void,
    onError: () => Effect.void
  })
}
type Name = keyof typeof all
const names = Object.keys(all) as ReadonlyArray<Name>

const step = FastCheck.oneof(
  FastCheck.string({ minLength: 1, maxLength: 8 }).map((value) => text(value)),
  FastCheck.string({ minLength: 1, maxLength: 8 }).map((value) => reasoning(value)),
  FastCheck.constant(call("1", "look", { where: "here" })),
  FastCheck.constant(source("https://example.org"))
)
const healthy = FastCheck.record({
  steps: FastCheck.array(step, { maxLength: 6 }),
  deltasPerPull: FastCheck.integer({ min: 1, max: 5 })
})

/** What one attempt says before it ends. */
interface Attempt {
  readonly pieces: ReadonlyArray<string>
  readonly reasons: boolean
  readonly end: "ok" | "refused" | "broken" | "cut" | "error"
  readonly replay: Replay
  readonly retryable: boolean
}
const attempt: FastCheck.Arbitrary<Attempt> = FastCheck.record({
  pieces: FastCheck.array(FastCheck.string({ minLength: 1, maxLength: 4 }), { maxLength: 4 }),
  reasons: FastCheck.boolean(),
  end: FastCheck.constantFrom<Array<Attempt["end"]>>("ok", "refused", "broken", "cut", "error"),
  replay: FastCheck.constantFrom<Array<Replay>>("safe", "unknown", "acknowledged"),
  retryable: FastCheck.boolean()
})
const refused: Attempt = { pieces: [], reasons: false, end: "refused", replay: "safe", retryable: false }

const stepsOf = ({ end, pieces, reasons, replay, retryable }: Attempt): ReadonlyArray<Step> => {
  const failure = error(retryable ? "Overloaded" : "Authentication", replay)
  if (end === "refused") return [failure]
  const ends = { ok: finish("stop"), broken: failure, cut, error: finish("error") }
  return [start("r"), ...(reasons ? [reasoning("")] : []), text(...pieces), ends[end]]
}

/** What is seen of the answer, however long it takes and however it ends. */
const played = (self: Transport.Service): Effect.Effect<ReadonlyArray<Delta>> =>
  Effect.gen(function* () {
    const deltas: Array<Delta> = []
    const seen = Stream.runForEach(Transport.stream(hello), (delta) => Effect.sync(() => deltas.push(delta)))
    const fiber = yield* Effect.fork(Effect.either(Effect.provideService(seen, Transport.Transport, self)))
    yield* TestClock.adjust("1 hour")
    yield* Fiber.join(fiber)
    return deltas
  }).pipe(Effect.provide(TestContext.TestContext))

const textOf = (deltas: ReadonlyArray<Delta>): string =>
  deltas.flatMap((delta) => (delta._tag === "TextDelta" ? [delta.delta] : [])).join("")

describe("Middleware", () => {
  describe("types", () => {
    it("of a layer it makes a layer with the same errors and requirements", () => {
      const layer: Layer.Layer<Transport.Transport, ConfigError, HttpClient> = OpenAiChat.layer({ model: "m" }).pipe(
        Middleware.retry({ times: 2 }),
        Middleware.timeout({ connect: "10 seconds" }),
        Middleware.fallback([ScriptedTransport.layer([]), OpenAiChat.layer({ model: "n" })]),
        Middleware.concurrency(4),
        Middleware.circuitBreaker()
      )
      assert.isTrue(Layer.isLayer(layer))
    })

    it("of a layer it keeps what else that provides, and of a service it makes a service", () => {
      const layer: Layer.Layer<Transport.Transport | ScriptedTransport.ScriptedTransport> = Middleware.retry(
        ScriptedTransport.layer([])
      )
      const service: Transport.Service = Middleware.concurrency(ScriptedTransport.make([]).transport, 2)
      assert.deepStrictEqual([Layer.isLayer(layer), service.model.id], [true, "scripted"])
    })

    it("fallback of a layer adds what the others may fail with and need", () => {
      const layer: Layer.Layer<Transport.Transport | ScriptedTransport.ScriptedTransport, ConfigError, HttpClient> =
        ScriptedTransport.layer([]).pipe(Middleware.fallback([OpenAiChat.layer({ model: "n" })]))
      // @ts-expect-error the key of the second may be missing
      const wrong: Layer.Layer<Transport.Transport, never, HttpClient> = layer
      assert.isTrue(Layer.isLayer(wrong))
    })

    it("AM-32 an empty list and what is no transport are rejected", () => {
      const { transport } = ScriptedTransport.make([])
      // @ts-expect-error nothing to fall back on
      assert.throws(() => Middleware.fallback(transport, []), "at least one")
      // @ts-expect-error nothing to fall back on
      assert.throws(() => transport.model && Middleware.fallback([])(transport), "at least one")
      // @ts-expect-error an effect is no transport
      assert.isFunction(() => Middleware.retry(Effect.void))
    })
  })

  it.each(names)("%s and any other, in any order, leave a healthy answer as it is", async (inner) => {
    for (const outer of names) {
      await FastCheck.assert(
        FastCheck.asyncProperty(healthy, async ({ deltasPerPull, steps }) => {
          const run = (wrap: (self: Transport.Service) => Transport.Service) => {
            const { openConnections, transport } = ScriptedTransport.make([steps], { deltasPerPull })
            return Effect.runPromise(Effect.zip(played(wrap(transport)), openConnections))
          }
          assert.deepStrictEqual(await run((self) => pipe(self, all[inner], all[outer])), await run(identity), outer)
        }),
        { numRuns: 3 }
      )
    }
  })

  it("TR-20 WIRE-3 whatever attempts are cut off where, one attempt's text is seen", async () => {
    const around = FastCheck.constantFrom("retry", "fallback", "both" as const)
    await FastCheck.assert(
      FastCheck.asyncProperty(
        FastCheck.array(attempt, { minLength: 1, maxLength: 5 }),
        around,
        FastCheck.integer({ min: 1, max: 4 }),
        async (attempts, kind, deltasPerPull) => {
          const scripted = ScriptedTransport.make((_, index) => stepsOf(attempts[index] ?? refused), { deltasPerPull })
          const { transport } = scripted
          const retried = Middleware.retry(transport, { times: 4, replay: "unknown" })
          const self =
            kind === "retry"
              ? retried
              : Middleware.fallback(kind === "both" ? retried : transport, [transport, transport])
          const deltas = await Effect.runPromise(played(self))
          const seen = textOf(deltas)
          const asked = (await Effect.runPromise(scripted.requests)).length
          const whole = attempts.slice(0, asked).map(({ end, pieces }) => (end === "refused" ? "" : pieces.join("")))
          // All of what the last attempt said, and nothing of those before.
          assert.strictEqual(seen, whole[asked - 1] ?? "")
          assert.isTrue(seen === "" || whole.slice(0, -1).every((said) => said === ""), JSON.stringify(whole))
          assert.isAtMost(deltas.filter(({ _tag }) => _tag === "ResponseStart").length, 1)
          assert.strictEqual(await Effect.runPromise(scripted.openConnections), 0)
        }
      ),
      { numRuns: numRuns(80) }
    )
  })

  it.effect("an agent runs over all of them, in the order that the documentation recommends", () =>
    Effect.gen(function* () {
      const look = Agent.tool("look", {}, () => Effect.succeed("a cat"))
      const agent = Agent.make("a", { tools: [look], retries: 0 })
      const script = [[error("Overloaded")], [call("1", "look")], [start("r"), finish("error")], [text("A cat.")]]
      const model = ScriptedTransport.layer(script).pipe(
        all.tap,
        all.timeout,
        all.rateLimit,
        all.concurrency,
        all.retry,
        all.circuitBreaker,
        all.fallback,
        all.cache,
        all.tap
      )
      const fiber = yield* Effect.fork(
        Effect.provide(Agent.run(agent, "What is there?"), Layer.merge(model, ContextStore.layerMemory))
      )
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* Fiber.join(fiber)).output, "A cat.")
    })
  )

  it.effect("what it keeps is made anew with each layer", () =>
    Effect.gen(function* () {
      const layer = Middleware.cache(ScriptedTransport.layer([[text("once")]]), { capacity: 1, timeToLive: "1 hour" })
      const ask = Effect.flatMap(Transport.Transport, answered).pipe(
        Effect.zipRight(Effect.flatMap(Transport.Transport, answered)),
        Effect.zipRight(ScriptedTransport.requests),
        Effect.provide(layer)
      )
      assert.deepStrictEqual([(yield* ask).length, (yield* ask).length], [1, 1])
    })
  )
})
