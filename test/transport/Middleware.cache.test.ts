import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import type { Delta } from "../../src/domain/Delta.ts"
import * as Message from "../../src/domain/Message.ts"
import type { FinishReason } from "../../src/domain/Outcome.ts"
import * as Usage from "../../src/domain/Usage.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { call, cut, delay, error, finish, gate, reasoning, text } from "../../src/testing/ScriptedTransport.ts"
import * as Middleware from "../../src/transport/Middleware.ts"
import * as Transport from "../../src/transport/Transport.ts"
import { answered, asked, hello, words } from "../support/middleware.ts"

const hour = Middleware.cache({ capacity: 2, timeToLive: "1 hour" })

/** Answers with the number of the request. */
const counting = () => ScriptedTransport.make((_, index) => [text(String(index))])

const asking = (content: string) => Transport.request({ messages: [Message.user(content)] })

const textOf = (self: Transport.Service, request: Transport.Request) =>
  Effect.map(asked(self, request), (deltas) => deltas.flatMap((one) => (one._tag === "TextDelta" ? [one.delta] : [])))

describe("Middleware.cache", () => {
  it.effect("the same answer again, its pieces joined, for nothing", () =>
    Effect.gen(function* () {
      const turn = [reasoning("Hm.", { scripted: { signature: "s" } }), text("Hel", "lo"), call("1", "look", { a: 1 })]
      const { requests, transport } = ScriptedTransport.make([turn], { deltaLength: 2 })
      const self = hour(transport)
      const first = yield* asked(self)
      const second = yield* asked(self)
      const parts = (deltas: typeof first) => deltas.flatMap((one) => (one._tag === "PartEnd" ? [one.part] : []))
      assert.deepStrictEqual(parts(second), parts(first))
      assert.deepStrictEqual(words(second), [
        "ResponseStart:scripted",
        "PartStart:reasoning",
        "ReasoningDelta:Hm.",
        "PartEnd:reasoning",
        "PartStart:text",
        "TextDelta:Hello",
        "PartEnd:text",
        "PartStart:tool-call",
        'ToolInputDelta:{"a":1}',
        "PartEnd:tool-call",
        "Finish:tool-calls"
      ])
      assert.deepStrictEqual(second.at(-1), {
        _tag: "Finish",
        reason: "tool-calls",
        usage: Usage.zero,
        meta: { axonal: { cached: true } }
      })
      assert.strictEqual((yield* requests).length, 1)
    })
  )

  it.effect("what the vendor said of its finish is kept", () =>
    Effect.gen(function* () {
      const meta = { vendor: { tier: "x" }, axonal: { note: 1 } }
      const done: Delta = { _tag: "Finish", reason: "stop", usage: Usage.unknown, meta }
      const self = hour(Transport.fromStream({ vendor: "v", id: "m" }, () => Stream.succeed(done)))
      yield* asked(self)
      const last = (yield* asked(self)).at(-1)
      assert.deepStrictEqual(last?._tag === "Finish" ? last.meta : undefined, {
        vendor: { tier: "x" },
        axonal: { note: 1, cached: true }
      })
    })
  )

  it.effect("requests that say the same are the same; any other difference counts", () =>
    Effect.gen(function* () {
      const self = Middleware.cache(counting().transport, { capacity: 100, timeToLive: "1 hour" })
      const of = (id: string, wireId?: string) =>
        Transport.request({
          messages: [
            Message.assistant([{ type: "tool-call", id, name: "a", input: "{}", ...(wireId && { wireId }) }]),
            Message.tool([{ type: "tool-result", id, name: "a", outcome: "ok", content: [] }])
          ]
        })
      const answers = yield* Effect.forEach(
        [
          hello,
          { ...hello, settings: { temperature: undefined } },
          { ...hello, settings: { temperature: 0 } },
          { ...hello, tools: [{ name: "a", inputSchema: { type: "object", title: "t" } }] },
          { ...hello, tools: [{ inputSchema: { title: "t", type: "object" }, name: "a" }] },
          of("ours1"),
          of("ours2"),
          of("ours3", "theirs")
        ],
        (request) => textOf(self, request)
      )
      assert.deepStrictEqual(answers.flat(), ["0", "0", "1", "2", "2", "3", "3", "4"])
    })
  )

  it.effect("answers grow old, and the least recently used goes first", () =>
    Effect.gen(function* () {
      const self = hour(counting().transport)
      const ask = (...contents: ReadonlyArray<string>) =>
        Effect.map(
          Effect.forEach(contents, (content) => textOf(self, asking(content))),
          (all) => all.flat().join("")
        )
      assert.strictEqual(yield* ask("a", "b", "a", "c", "a", "b"), "010203")
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(yield* ask("a", "a"), "44")
    })
  )

  it.effect.each<readonly [string, ReadonlyArray<ScriptedTransport.Step>]>([
    ...(["length", "content-filter", "pause", "error", "other"] satisfies ReadonlyArray<FinishReason>).map(
      (reason) => [reason, [text("half"), finish(reason)]] as const
    ),
    ["cut", [text("half"), cut]],
    ["failed", [text("half"), error("Network")]],
    ["refused", [error("Overloaded")]]
  ])("an answer that ended with %s is not kept", ([, steps]) =>
    Effect.gen(function* () {
      const self = hour(ScriptedTransport.make([steps, [text("whole")]]).transport)
      yield* Effect.either(asked(self))
      assert.strictEqual(yield* answered(self), "whole")
    })
  )

  it.effect("equal requests at once have answers of their own", () =>
    Effect.gen(function* () {
      const { requests, transport } = ScriptedTransport.make((_, index) => [delay("1 second"), text(String(index))])
      const self = hour(transport)
      const fiber = yield* Effect.fork(Effect.all([answered(self), answered(self)], { concurrency: 2 }))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual([yield* Fiber.join(fiber), (yield* requests).length], [["0", "1"], 2])
    })
  )
})

describe("Middleware.tap", () => {
  const watching = (log: Array<string>) =>
    Middleware.tap({
      onRequest: ({ request }) => Effect.sync(() => log.push(`request:${request.messages.length}`)),
      onDeltas: ({ deltas }) => Effect.sync(() => log.push(`deltas:${deltas.length}`)),
      onEnd: ({ finish }) => Effect.sync(() => log.push(`end:${finish?.reason}`)),
      onError: ({ error }) => Effect.sync(() => log.push(`error:${error.reason._tag}`))
    })

  it.effect.each<readonly [string, ReadonlyArray<ScriptedTransport.Step>, ReadonlyArray<string>]>([
    ["an answer", [text("a", "b")], ["deltas:6", "end:stop"]],
    ["a refused request", [error("Filtered")], ["error:Filtered"]],
    ["a broken answer", [text("a", error("Network"))], ["deltas:3", "error:Network"]],
    ["an answer without an end", [text("a"), cut], ["deltas:4", "end:undefined"]]
  ])("sees %s as it goes by, and its end once", ([, steps, expected]) =>
    Effect.gen(function* () {
      const log: Array<string> = []
      yield* Effect.either(asked(watching(log)(ScriptedTransport.make([steps]).transport)))
      assert.deepStrictEqual(log, ["request:1", ...expected])
    })
  )

  it.effect("sees that an answer was let go of, before and after it began", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const turns = [[text("a", gate(Effect.never))], [gate(Effect.never), error("Network")]]
      const self = watching(log)(ScriptedTransport.make(turns).transport)
      for (const _ of turns) {
        const fiber = yield* Effect.fork(answered(self))
        yield* TestClock.adjust(0)
        yield* Fiber.interrupt(fiber)
      }
      assert.deepStrictEqual(log, ["request:1", "deltas:3", "end:undefined", "request:1", "end:undefined"])
    })
  )

  it.effect("a tap that dies is logged, and the answer goes on", () =>
    Effect.gen(function* () {
      const logged: Array<string> = []
      const logger = Logger.make(({ cause }) => logged.push(Cause.pretty(cause).split("\n")[0] ?? ""))
      const dies = (name: string) => () => Effect.die(name)
      const throws = (): never => {
        throw new Error("onDeltas")
      }
      const taps = { onRequest: dies("onRequest"), onDeltas: throws, onEnd: dies("onEnd") }
      const self = Middleware.tap(ScriptedTransport.make([[text("fine")]]).transport, taps)
      const run = Effect.provide(answered(self), Logger.replace(Logger.defaultLogger, logger))
      assert.strictEqual(yield* run, "fine")
      assert.deepStrictEqual(logged, ["Error: onRequest", "Error: onDeltas", "Error: onEnd"])
    })
  )
})
