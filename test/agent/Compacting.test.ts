import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Agent from "../../src/agent/Agent.ts"
import * as Compaction from "../../src/context/Compaction.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import * as Repair from "../../src/context/Repair.ts"
import * as Summary from "../../src/context/Summary.ts"
import { SummaryFailed } from "../../src/context/Summary.ts"
import * as TokenCounter from "../../src/context/TokenCounter.ts"
import type { AgentEvent } from "../../src/domain/AgentEvent.ts"
import { SessionId } from "../../src/domain/Ids.ts"
import * as Message from "../../src/domain/Message.ts"
import * as Usage from "../../src/domain/Usage.ts"
import * as Hooks from "../../src/hook/Hooks.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import * as Trace from "../../src/testing/Trace.ts"
import type { Request } from "../../src/transport/Transport.ts"
import { world } from "../support/runs.ts"

const { call, error, text, usage } = ScriptedTransport
const session = SessionId.make("session")
const look = Agent.tool("look", { parameters: { at: Schema.String } }, ({ at }) => Effect.succeed(`saw ${at}`))
const agent = Agent.make("guide", { instructions: "Be brief.", tools: [look], retries: 0 })

const long = "a long story ".repeat(30)
const cost = Usage.make({ input: 70, output: 7 })
const costs = [{ model: "small", usage: cost }]

/** Summaries that only say what they were made of, and how often they were asked for. */
const summaries = () => {
  const sources: Array<Summary.Source> = []
  const summarise: Summary.Summarise = (source) =>
    Effect.sync(() => {
      sources.push(source)
      return { text: `summary ${sources.length}`, costs }
    })
  return { sources, summarise }
}

const compaction = (options: Compaction.Options = {}) =>
  Compaction.layer({ maxTokens: 1000, keepRecent: 1, ...summaries(), ...options })

/** Something to say that is worth a summary. */
const tale = (word: string): string => `${word} ${long}`
const short = (message: Message.Message): string => Message.toText(message).replaceAll(long, "…")

const texts = (request: Request | undefined): ReadonlyArray<string> =>
  (request?.messages ?? []).map((message) => {
    const other = message.parts.flatMap((part) => (part.type === "text" ? [] : [part.type]))
    return [message.role, ...other, short(message)].join(":")
  })

const counted = (words: string): number => TokenCounter.estimate({ messages: [Message.user(words)] })

const entriesOf = Effect.flatMap(ContextStore.ContextStore, (store) => store.entries(session))
const summary = (text: string): string => Message.toText(Summary.toMessage(text))

/** Runs once for each input, in the same session. */
const talk = (...inputs: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const events: Array<AgentEvent> = []
    for (const input of inputs) {
      yield* Agent.run(agent, input, { session, onEvents: (batch) => events.push(...batch) })
    }
    return { events, requests: yield* ScriptedTransport.requests }
  })

const compacted = (events: ReadonlyArray<AgentEvent>) =>
  events.flatMap((event) =>
    event._tag === "Compacted"
      ? [`${event.reason} ${event.messages}`]
      : event._tag === "CompactionFailed"
        ? [`${event.reason} ${event.message}`]
        : []
  )

describe("Compacting", () => {
  describe("before a turn", () => {
    it.effect("AX-37 AA-18 a window over the threshold goes on as summary and recent messages", () =>
      Effect.gen(function* () {
        const { events, requests } = yield* talk(tale("hello"), tale("my"), "and now?")
        assert.deepStrictEqual(compacted(events), ["threshold 4"])
        assert.deepStrictEqual(texts(requests[2]), ["system:Be brief.", `user:${summary("summary 1")}and now?`])
        // The log has everything: nothing is erased.
        const kinds = (yield* entriesOf).map(({ _tag }) => _tag)
        const turn = ["Message", "Message", "Usage"]
        assert.deepStrictEqual(kinds, [...turn, ...turn, "Message", "Usage", "Compaction", "Message", "Usage"])
      }).pipe(
        Effect.provide([
          world([
            [text("hi"), usage({ input: 10, output: 5 })],
            [text("oh"), usage({ input: 1200, output: 5 })],
            [text("end")]
          ]),
          compaction()
        ])
      )
    )

    it.effect("TR-23 what the vendor counted decides, with what was added since", () =>
      Effect.gen(function* () {
        // The first answer is counted as little, however long it is; the second as much.
        const { events } = yield* talk("a", tale("b"), "c")
        assert.deepStrictEqual(
          events.flatMap((event) => (event._tag === "Compacted" ? [`in run with ${event.tokensBefore} tokens`] : [])),
          [`in run with ${1056 + counted("c")} tokens`]
        )
      }).pipe(
        Effect.provide([
          world([
            [text(long), usage({ input: 20, output: 2 })],
            [text("short"), usage({ input: 1050, output: 6 })],
            [text("end"), usage({ input: 20, output: 6 })]
          ]),
          compaction()
        ])
      )
    )

    it.effect("TR-23 without the vendor's count the whole request counts, tools and instructions too", () =>
      Effect.gen(function* () {
        const { events } = yield* talk("a", "b")
        assert.deepStrictEqual(compacted(events), ["threshold 2"])
      }).pipe(
        Effect.provide([world([[text("x y ".repeat(400)), usage({})], [text("end")]]), compaction({ maxTokens: 300 })])
      )
    )

    it.effect("a window below the threshold is left alone", () =>
      Effect.gen(function* () {
        const { events } = yield* talk("a", "b")
        assert.deepStrictEqual(compacted(events), [])
      }).pipe(
        Effect.provide([
          world([
            [text("x"), usage({ input: 990, output: 1 })],
            [text("end"), usage({ input: 990, output: 1 })]
          ]),
          compaction()
        ])
      )
    )

    it.effect("RUN-7 what a summary cost is in the run's usage and in the ledger", () =>
      Effect.gen(function* () {
        const once = { input: 1500, output: 5 }
        yield* Agent.run(agent, long, { session })
        const result = yield* Agent.run(agent, "next", { session })
        assert.deepStrictEqual(result.usage, [cost, Usage.make(once)].reduce(Usage.sum, Usage.zero))
        const ledger = (yield* entriesOf).flatMap((entry) =>
          entry._tag === "Usage" ? [[entry.model, entry.purpose, entry.usage.inputTokens.total]] : []
        )
        assert.deepStrictEqual(ledger, [
          ["scripted", undefined, 1500],
          ["small", "compaction", 70],
          ["scripted", undefined, 1500]
        ])
      }).pipe(
        Effect.provide([
          world([
            [text("a"), usage({ input: 1500, output: 5 })],
            [text("b"), usage({ input: 1500, output: 5 })]
          ]),
          compaction()
        ])
      )
    )

    it.effect("HIST-2 TR-2 within a long run calls stay with their results, and the request of the user stays", () => {
      const script: ScriptedTransport.Script = (_, index) =>
        index === 6
          ? [text("done")]
          : [
              text(`${index}`),
              call(`${index}`, "look", { at: `${index}` }),
              usage({ input: 600 + 200 * (index % 4), output: 5 })
            ]
      return Effect.gen(function* () {
        const { events, requests } = yield* talk("look everywhere")
        assert.isAtLeast(compacted(events).length, 1)
        for (const { messages } of requests) {
          assert.strictEqual(Repair.repair(messages), messages)
          assert.isTrue(messages.some((message) => Message.toText(message).includes("look everywhere")))
        }
      }).pipe(Effect.provide([world(script), compaction({ keepRecent: 2 })]))
    })

    it.effect("TR-23 a repeated compaction covers what is new, with the summary before", () => {
      const told = summaries()
      return Effect.gen(function* () {
        yield* talk(tale("one"), tale("two"), tale("three"))
        assert.deepStrictEqual(
          told.sources.map(({ messages, previous }) => [...previous, ...messages].map(short)),
          [
            ["one …", "a"],
            [summary("summary 1"), "two …", "b"]
          ]
        )
      }).pipe(
        Effect.provide([
          world(["a", "b", "c"].map((word) => [text(word), usage({ input: 1500, output: 5 })])),
          Compaction.layer({ maxTokens: 1000, keepRecent: 1, summarise: told.summarise })
        ])
      )
    })

    it.effect("TR-23 what is full after a compaction is not compacted again before it grew", () => {
      const told = summaries()
      return Effect.gen(function* () {
        yield* Agent.run(agent, "go", { session })
        assert.isAtMost(told.sources.length, 1)
      }).pipe(
        Effect.provide([
          // The vendor always says that it is full: five turns in a row.
          world((_, index) =>
            index < 5 ? [call(`${index}`, "look", { at: "x" }), usage({ input: 5000, output: 1 })] : [text("end")]
          ),
          Compaction.layer({ maxTokens: 1000, keepRecent: 4, summarise: told.summarise })
        ])
      )
    })
  })

  describe("a summary that comes to nothing", () => {
    const failing = (summarise: Summary.Summarise) =>
      Effect.gen(function* () {
        const { events, requests } = yield* talk(long, "next")
        const [failed] = compacted(events)
        assert.deepStrictEqual(texts(requests[1]), ["system:Be brief.", "user:…", "assistant:a", "user:next"])
        assert.notInclude(
          (yield* entriesOf).map(({ _tag }) => _tag),
          "Compaction"
        )
        return failed
      }).pipe(
        Effect.provide([
          world([[text("a"), usage({ input: 1500, output: 5 })], [text("b")]]),
          compaction({ summarise })
        ])
      )

    it.effect("HIST-3 AX-36 a failed one leaves the history as it was, and is paid for", () =>
      Effect.gen(function* () {
        const failed = yield* failing(() => Effect.fail(new SummaryFailed({ message: "overloaded", costs })))
        assert.strictEqual(failed, "threshold overloaded")
      })
    )

    it.effect("HIST-3 an empty one leaves the history as it was", () =>
      Effect.gen(function* () {
        assert.strictEqual(
          yield* failing(() => Effect.succeed({ text: " \n", costs })),
          "threshold the summary is empty"
        )
      })
    )

    it.effect("HIST-3 TR-23 one that is longer than its source leaves the history as it was", () =>
      Effect.gen(function* () {
        const failed = yield* failing(() => Effect.succeed({ text: long + long, costs }))
        assert.match(String(failed), /^threshold it would take \d+ tokens in place of \d+$/)
      })
    )

    it.effect("HIST-3 one that dies leaves the history as it was", () =>
      Effect.gen(function* () {
        assert.match(String(yield* failing(() => Effect.die("bug"))), /^threshold summarising died/)
      })
    )

    it.effect("RUN-3 an interrupted one leaves the history as it was, and the next run works", () =>
      Effect.gen(function* () {
        const begun = yield* Deferred.make<void>()
        const stuck = compaction({
          summarise: () => Effect.zipRight(Deferred.succeed(begun, undefined), Effect.never)
        })
        const before = yield* Effect.zipRight(Agent.run(agent, long, { session }), entriesOf)
        const fiber = yield* Effect.fork(Effect.provide(Agent.run(agent, "next", { session }), stuck))
        yield* Deferred.await(begun)
        yield* Fiber.interrupt(fiber)
        const kinds = (yield* entriesOf).slice(before.length).map(({ _tag }) => _tag)
        assert.deepStrictEqual(kinds, ["Message"])
        const result = yield* Agent.run(agent, "again", { session })
        assert.strictEqual(result.output, "b")
      }).pipe(Effect.provide(world([[text("a"), usage({ input: 1500, output: 5 })], [text("b")]])))
    )
  })

  describe("at a vendor's refusal", () => {
    it.effect("TR-22 the conversation is compacted and asked again, once", () =>
      Effect.gen(function* () {
        const { events, requests } = yield* talk(long, "next")
        assert.deepStrictEqual(compacted(events), ["overflow 2"])
        assert.deepStrictEqual(texts(requests[2]), ["system:Be brief.", `user:${summary("summary 1")}next`])
        assert.deepStrictEqual(Trace.lines(events).slice(-6), [
          ...["RunStart", "TurnStart", "Compacted:2", "Text:b", "TurnEnd", "RunEnd:completed"]
        ])
      }).pipe(
        Effect.provide([
          world([[text("a")], [error("ContextOverflow")], [text("b")]]),
          compaction({ maxTokens: 100_000 })
        ])
      )
    )

    it.effect("HIST-3 TR-22 a second one after the compaction fails typed, and nothing hangs", () =>
      Effect.gen(function* () {
        yield* Agent.run(agent, long, { session })
        const failed = yield* Effect.flip(Agent.run(agent, "next", { session }))
        assert.strictEqual(failed._tag === "TransportError" ? failed.reason._tag : failed._tag, "ContextOverflow")
        assert.strictEqual((yield* ScriptedTransport.requests).length, 3)
      }).pipe(
        Effect.provide([
          world([[text("a")], [error("ContextOverflow")], [error("ContextOverflow")]]),
          compaction({ maxTokens: 100_000 })
        ])
      )
    )

    it.effect("one that comes in the middle of an answer is not asked again", () =>
      Effect.gen(function* () {
        yield* Agent.run(agent, long, { session })
        const failed = yield* Effect.flip(Agent.run(agent, "next", { session }))
        assert.strictEqual(failed._tag === "TransportError" ? failed.reason._tag : failed._tag, "ContextOverflow")
        assert.strictEqual((yield* ScriptedTransport.requests).length, 2)
      }).pipe(
        Effect.provide([
          world([[text("a")], [text("half of"), error("ContextOverflow")]]),
          compaction({ maxTokens: 100_000 })
        ])
      )
    )

    it.effect("one with nothing to compact fails typed at once", () =>
      Effect.gen(function* () {
        const failed = yield* Effect.flip(Agent.run(agent, long, { session }))
        assert.strictEqual(failed._tag === "TransportError" ? failed.reason._tag : failed._tag, "ContextOverflow")
      }).pipe(Effect.provide([world([[error("ContextOverflow")]]), compaction({ maxTokens: 100_000 })]))
    )
  })

  it.effect("AA-15 contextOverflow and messageDropped tell what is full and what is gone", () => {
    const told: Array<unknown> = []
    const hooks = Hooks.layer({
      contextOverflow: ({ error, max, tokens }) => Effect.sync(() => told.push([error?.reason._tag, tokens, max])),
      messageDropped: ({ messages, reason }) => Effect.sync(() => told.push([reason, ...messages.map(short)]))
    })
    return Effect.gen(function* () {
      yield* talk(tale("one"), "two")
      assert.deepStrictEqual(told, [
        [undefined, 1505 + counted("two"), 1000],
        ["threshold", "one …", "a"]
      ])
    }).pipe(
      Effect.provide([
        world([[text("a"), usage({ input: 1500, output: 5 })], [text("b")]]),
        Layer.merge(compaction(), hooks)
      ])
    )
  })

  it.effect("TR-29 words that come while a summary is made are in the next request", () =>
    Effect.gen(function* () {
      const [begun, finish] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const slow = compaction({
        summarise: () =>
          Effect.zipRight(Deferred.succeed(begun, undefined), Deferred.await(finish)).pipe(
            Effect.as({ text: "so far", costs: [] })
          )
      })
      yield* Agent.run(agent, long, { session })
      yield* Effect.gen(function* () {
        const handle = yield* Agent.start(agent, "next", { session })
        yield* Deferred.await(begun)
        assert.isTrue(yield* handle.steer("hurry"))
        yield* Deferred.succeed(finish, undefined)
        yield* handle.await
      }).pipe(Effect.scoped, Effect.provide(slow))
      const requests = yield* ScriptedTransport.requests
      assert.deepStrictEqual(texts(requests.at(-1)).slice(-2), ["tool:tool-result:", "user:hurry"])
    }).pipe(
      Effect.provide(
        world([[text("a"), usage({ input: 1500, output: 5 })], [call("1", "look", { at: "x" })], [text("b")]])
      )
    )
  )
})
