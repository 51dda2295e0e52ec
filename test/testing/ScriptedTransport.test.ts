import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import type { AgentEvent } from "../../src/domain/AgentEvent.ts"
import type { Delta } from "../../src/domain/Delta.ts"
import { CallId, RunId, SessionId } from "../../src/domain/Ids.ts"
import * as Message from "../../src/domain/Message.ts"
import * as Usage from "../../src/domain/Usage.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import * as Suites from "../../src/testing/Suites.ts"
import * as Trace from "../../src/testing/Trace.ts"
import * as Transport from "../../src/transport/Transport.ts"

const { call, cut, delay, error, file, finish, gate, reasoning, source, start, text, usage } = ScriptedTransport

const hi = Transport.request({ messages: [Message.user("hi")] })
const ask = (request: Transport.Request = hi) =>
  Effect.map(Stream.runCollect(Transport.stream(request)), Array.from<Delta>)
const open = Effect.flatMap(Transport.Transport, (transport) => transport.open(hi))
const play = (script: ScriptedTransport.Script, options?: ScriptedTransport.Options) =>
  Effect.provide(ask(), ScriptedTransport.layer(script, options))

const ten = Usage.make({ input: 10, output: 5 })
const responded: Delta = { _tag: "ResponseStart", id: "response_0", model: "scripted" }
const stopped: Delta = { _tag: "Finish", reason: "stop", usage: ten }

const failureOf = <A, E>(exit: Exit.Exit<A, E>): string => (Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "none")

describe("ScriptedTransport", () => {
  it.effect("a text is a part between start and finish", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* play([[text("Hel", "lo")]]), [
        responded,
        { _tag: "PartStart", index: 0, kind: "text" },
        { _tag: "TextDelta", index: 0, delta: "Hel" },
        { _tag: "TextDelta", index: 0, delta: "lo" },
        { _tag: "PartEnd", index: 0, part: { type: "text", text: "Hello" } },
        stopped
      ])
    })
  )

  it.effect("a call ends the answer with tool-calls", () =>
    Effect.gen(function* () {
      const part = { type: "tool-call", id: "a", name: "greet", input: `{"name":"Ada"}` } as const
      assert.deepStrictEqual(yield* play([[call("a", "greet", { name: "Ada" })]]), [
        responded,
        { _tag: "PartStart", index: 0, kind: "tool-call", name: "greet" },
        { _tag: "ToolInputDelta", index: 0, delta: part.input },
        { _tag: "PartEnd", index: 0, part },
        { _tag: "Finish", reason: "tool-calls", usage: ten }
      ])
    })
  )

  it.effect("an answer may be empty", () =>
    Effect.map(play([[]]), (deltas) => assert.deepStrictEqual(deltas, [responded, stopped]))
  )

  it.effect("every kind of part keeps its order and its data", () =>
    Effect.gen(function* () {
      const meta = { vendor: { signature: "c2ln" } }
      const deltas = yield* play([
        [reasoning("hm", meta), file("image/png", "AAAA"), source("https://a.org"), text("")]
      ])
      assert.deepStrictEqual(
        deltas.flatMap((delta) => (delta._tag === "PartEnd" ? [delta.part] : [])),
        [
          { type: "reasoning", text: "hm", meta },
          { type: "file", mediaType: "image/png", data: { base64: "AAAA" } },
          { type: "source", url: "https://a.org" },
          { type: "text", text: "" }
        ]
      )
    })
  )

  it.effect("usage, reason and id are as scripted", () =>
    Effect.gen(function* () {
      const deltas = yield* play([[start("resp", "model"), usage({ input: 1 }), finish("length"), text("not played")]])
      assert.deepStrictEqual(deltas, [
        { _tag: "ResponseStart", id: "resp", model: "model" },
        { _tag: "Finish", reason: "length", usage: Usage.make({ input: 1 }) }
      ])
    })
  )

  it.effect("broken arguments go out as they are", () =>
    Effect.map(play([[call("a", "greet", `{"na`)]]), (deltas) =>
      assert.deepInclude(deltas, { _tag: "ToolInputDelta", index: 0, delta: `{"na` })
    )
  )

  it.effect("a pull yields as many deltas as the option says", () =>
    Effect.gen(function* () {
      const sizes = (deltasPerPull: number | undefined) =>
        Effect.scoped(
          Effect.gen(function* () {
            const { transport } = ScriptedTransport.make([[text("abcd")]], { deltaLength: 1, deltasPerPull })
            const pull = yield* transport.open(hi)
            const sizes: Array<number> = []
            yield* Effect.forever(Effect.map(pull, (deltas) => sizes.push(deltas.length))).pipe(Effect.ignore)
            return sizes
          })
        )
      assert.deepStrictEqual(
        [yield* sizes(undefined), yield* sizes(3), yield* sizes(0)],
        [[8], [3, 3, 2], Array(8).fill(1)]
      )
    })
  )

  it.effect("a delay passes on the clock", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.fork(play([[delay("1 minute"), text("ok")]]))
      yield* TestClock.adjust("59 seconds")
      assert.isTrue(Option.isNone(yield* Fiber.poll(fiber)))
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Fiber.join(fiber)).length, 5)
    })
  )

  it.effect("a gate in a part holds back what follows", () =>
    Effect.gen(function* () {
      const reached = yield* Deferred.make<void>()
      const latch = yield* Deferred.make<void>()
      const script = [[text("Hel", gate(Deferred.succeed(reached, undefined)), gate(latch), "lo")]]
      const fiber = yield* Effect.fork(play(script))
      yield* Deferred.await(reached)
      assert.isTrue(Option.isNone(yield* Fiber.poll(fiber)))
      yield* Deferred.succeed(latch, undefined)
      assert.deepInclude(yield* Fiber.join(fiber), {
        _tag: "PartEnd",
        index: 0,
        part: { type: "text", text: "Hello" }
      })
    })
  )

  it.effect("an error before everything refuses the request", () =>
    Effect.gen(function* () {
      const refused = yield* Effect.flip(Effect.scoped(open))
      assert.deepStrictEqual([refused.reason._tag, refused.replay, refused.vendor], ["Overloaded", "safe", "scripted"])
    }).pipe(Effect.provide(ScriptedTransport.layer([[delay(0), error("Overloaded"), text("not played")]])))
  )

  it.effect("an error in the middle follows what came before it", () =>
    Effect.gen(function* () {
      const pull = yield* open
      assert.strictEqual((yield* pull).length, 3)
      const failed = Option.getOrThrow(yield* Effect.flip(pull))
      assert.deepStrictEqual(failed.reason, { _tag: "RateLimited", message: "slow down", retryAfterMillis: 5 })
      assert.strictEqual(failed.replay, "acknowledged")
      assert.isTrue(Option.isNone(yield* Effect.flip(pull)))
    }).pipe(
      Effect.scoped,
      Effect.provide(
        ScriptedTransport.layer([
          [text("par", error({ _tag: "RateLimited", message: "slow down", retryAfterMillis: 5 }), "tial")]
        ])
      )
    )
  )

  it.effect("a cut ends the stream without a finish part", () =>
    Effect.map(play([[text("par", cut)]]), (deltas) => assert.strictEqual(deltas.at(-1)?._tag, "TextDelta"))
  )

  it.effect("requests are recorded and turns follow each other", () =>
    Effect.gen(function* () {
      const other = Transport.request({ messages: [Message.user("again")] })
      yield* ask()
      assert.deepInclude(yield* ask(other), { _tag: "TextDelta", index: 0, delta: "user 1" })
      assert.deepStrictEqual(yield* ScriptedTransport.requests, [hi, other])
      yield* ScriptedTransport.assertDone
    }).pipe(
      Effect.provide(ScriptedTransport.layer([[], (request, index) => [text(`${request.messages[0]?.role} ${index}`)]]))
    )
  )

  it.effect("a function answers any number of requests", () =>
    Effect.gen(function* () {
      yield* ask()
      yield* ask()
      assert.deepInclude(yield* ask(), { _tag: "TextDelta", index: 0, delta: "2" })
    }).pipe(Effect.provide(ScriptedTransport.layer((_, index) => [text(String(index))])))
  )

  it.effect("a request too many dies and quotes its last message", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(play([]))
      assert.include(failureOf(exit), "called 1 time, but its script has 0 turns. The last message was user: hi")
    })
  )

  it.effect("turns that are left fail the test", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(play([[], []]))
      assert.include(failureOf(exit), "called 1 time, and 1 of its turns are left")
    })
  )

  it.effect("turns that are left do not hide the test's own failure", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(Effect.provide(Effect.fail("mine"), ScriptedTransport.layer([[]])))
      assert.deepStrictEqual(exit, Exit.fail("mine"))
    })
  )

  it.effect("AX-15 a scope that closes closes its connection", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const pull = yield* Scope.extend(open, scope)
      yield* pull
      assert.strictEqual(yield* ScriptedTransport.openConnections, 1)
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(yield* ScriptedTransport.openConnections, 0)
    }).pipe(Effect.provide(ScriptedTransport.layer([[text("Hel", delay("1 day"), "lo")]])))
  )

  it.effect("interrupting a consumer closes its connection", () =>
    Effect.gen(function* () {
      const reached = yield* Deferred.make<void>()
      const script = [[text("Hel", gate(Deferred.succeed(reached, undefined)), gate(Effect.never), "lo")]]
      yield* Effect.gen(function* () {
        const fiber = yield* Effect.fork(ask())
        yield* Deferred.await(reached)
        assert.strictEqual(yield* ScriptedTransport.openConnections, 1)
        yield* Fiber.interrupt(fiber)
        assert.strictEqual(yield* ScriptedTransport.openConnections, 0)
      }).pipe(Effect.provide(ScriptedTransport.layer(script)))
    })
  )

  it.effect.prop(
    "any cut of the deltas gives the same parts",
    {
      value: FastCheck.string({ maxLength: 40 }),
      deltaLength: FastCheck.integer({ min: 1, max: 8 }),
      deltasPerPull: FastCheck.integer({ min: 1, max: 5 })
    },
    ({ deltaLength, deltasPerPull, value }) =>
      Effect.gen(function* () {
        const deltas = yield* play([[text(value)]], { deltaLength, deltasPerPull })
        const texts = deltas.flatMap((delta) => (delta._tag === "TextDelta" ? [delta.delta] : []))
        assert.strictEqual(texts.join(""), value)
        assert.isFalse(texts.includes(""))
        assert.deepInclude(deltas, { _tag: "PartEnd", index: 0, part: { type: "text", text: value } })
      })
  )
})

const greet = { name: "greet", inputSchema: { type: "object", properties: {} } }
const conformant = ScriptedTransport.make(
  ({ settings, tools }) => {
    if (settings.seed === 1) return [error("Overloaded")]
    if (settings.seed === 2) return [text("par", error("Network"))]
    return tools.length > 0
      ? [reasoning("hm"), call("a", "greet", { name: "Ada" }), call("b", "greet")]
      : [text("Hello")]
  },
  { deltaLength: 2, deltasPerPull: 2 }
)
Suites.transport("scripted", Layer.succeed(Transport.Transport, conformant.transport), {
  text: hi,
  toolCall: { ...hi, tools: [greet] },
  failing: [1, 2].map((seed) => ({ ...hi, settings: { seed } })),
  openConnections: conformant.openConnections
})

describe("Trace", () => {
  const base = { run: RunId.make("run"), turn: 1, sequence: 0, agent: "root" }
  const named = { ...base, call: CallId.make("call"), name: "greet" }
  const path = [{ agent: "root", run: base.run, call: named.call }]
  const events: ReadonlyArray<AgentEvent> = [
    { ...base, _tag: "RunStart", session: SessionId.make("session"), input: [] },
    { ...base, _tag: "TurnStart", model: "scripted", input: [] },
    { ...base, _tag: "ReasoningDelta", index: 0, delta: "hm" },
    { ...base, _tag: "TextDelta", index: 1, delta: "Hel" },
    { ...named, _tag: "ToolInputDelta", delta: "{}" },
    { ...base, _tag: "TextDelta", index: 1, delta: "lo" },
    { ...base, _tag: "TextDelta", index: 2, delta: "!" },
    { ...named, _tag: "ToolStart", input: {} },
    { ...named, _tag: "ToolProgress", chunk: { done: 1 } },
    { ...base, _tag: "TurnStart", agent: "child", path, model: "scripted", input: [] },
    { ...named, _tag: "ToolEnd", input: {}, outcome: "failed", content: [], durationMillis: 1 },
    { ...base, _tag: "RunEnd", reason: "limit", limit: "turns", output: "", usage: ten, endedAtMillis: 1 }
  ]
  const lines = [
    "RunStart",
    "TurnStart",
    "Reasoning:hm",
    "Text:Hello",
    "Text:!",
    "ToolStart:greet",
    `ToolProgress:greet:{"done":1}`,
    "root/child: TurnStart",
    "ToolEnd:greet:failed",
    "RunEnd:limit:turns"
  ]

  it.effect("events become lines, and deltas of a part one line", () =>
    Effect.map(Trace.of(Stream.fromIterable(events)), (trace) => assert.deepStrictEqual(trace, lines))
  )

  it.effect("events are kept as they are", () =>
    Effect.map(Trace.events(Stream.fromIterable(events)), (seen) => assert.deepStrictEqual(seen, events))
  )

  it.effect("a failure keeps what came before it", () =>
    Effect.gen(function* () {
      const stream = Stream.concat(Stream.fromIterable(events), Stream.fail("boom"))
      assert.deepStrictEqual(yield* Trace.exit(stream), { events, lines, exit: Exit.fail("boom") })
      assert.deepStrictEqual(yield* Effect.either(Trace.of(stream)), Either.left("boom"))
    })
  )
})
