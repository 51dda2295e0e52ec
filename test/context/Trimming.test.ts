import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Compaction from "../../src/context/Compaction.ts"
import * as Repair from "../../src/context/Repair.ts"
import * as TokenCounter from "../../src/context/TokenCounter.ts"
import * as Trimming from "../../src/context/Trimming.ts"
import type { Stored } from "../../src/domain/Entry.ts"
import { EntryId } from "../../src/domain/Ids.ts"
import type { Message } from "../../src/domain/Message.ts"
import * as Messages from "../../src/domain/Message.ts"
import { asks, compacted, inputOf, logOf, logs, messagesOf, talk, tells, torn, windowOf } from "../support/logs.ts"

const beginning: Message = {
  ...Messages.user("The beginning of this conversation is not shown any more."),
  meta: { axonal: { note: true } }
}
const model = (contextWindow?: number) => ({ vendor: "v", id: "m", contextWindow })
const go = Messages.user("go")
const sizeOf = (...messages: ReadonlyArray<Message>): number => TokenCounter.estimate({ messages })

/** One question whose answer takes so many calls. */
const work = (calls: number): ReadonlyArray<Message> => [
  go,
  ...Array.from({ length: calls }, (_, index) => [asks(`c${index}`), tells(`c${index}`)]).flat()
]

/** The window that a log has once it is trimmed. */
const trimmed = (
  log: ReadonlyArray<Stored>,
  options: Trimming.Options,
  changes?: Partial<Compaction.Input>
): Effect.Effect<ReadonlyArray<Message>> =>
  Effect.map(Trimming.make(options).compact(inputOf(log, changes)), (outcome) => windowOf(compacted(log, outcome)))

describe("Trimming", () => {
  describe("threshold", () => {
    const threshold = (options: Trimming.Options, contextWindow?: number) =>
      Trimming.make(options).threshold(model(contextWindow))
    const infinite = Number.POSITIVE_INFINITY

    it("AX-37 tokens are limited by a share of the model's window or a number", () => {
      assert.deepStrictEqual(
        [threshold({}, 1000), threshold({ at: 0.5 }), threshold({ at: 0.5, maxTokens: 70 }, 1000)],
        [750, 64_000, 70].map((tokens) => ({ tokens, messages: infinite }))
      )
    })

    it("AA-17 messages are limited when they are told to be", () => {
      assert.deepStrictEqual(
        [threshold({ maxMessages: 9 }), threshold({ maxMessages: 9, at: 0.5 }, 1000)],
        [
          { tokens: infinite, messages: 9 },
          { tokens: 500, messages: 9 }
        ]
      )
    })

    it("options out of range are refused", () => {
      const wrong: ReadonlyArray<Trimming.Options> = [
        ...[0, 1.1, Number.NaN].flatMap((share) => [{ at: share }, { keep: share }]),
        ...[0, -1].flatMap((most) => [{ maxMessages: most }, { maxTokens: most }])
      ]
      for (const options of wrong) assert.throws(() => Trimming.make(options), RangeError)
    })
  })

  describe("make", () => {
    it.effect("AA-15 the oldest go first, to a share of the maximum", () =>
      Effect.gen(function* () {
        const messages = [...talk(10), go]
        const log = logOf(messages)
        const tokens = sizeOf(...messages)
        const outcome = yield* Trimming.make({ maxTokens: tokens, keep: 0.5 }).compact(inputOf(log))
        assert.deepStrictEqual(outcome, {
          _tag: "Compacted",
          through: EntryId.make("m11"),
          messages: [],
          dropped: talk(6),
          costs: [],
          tokensBefore: tokens,
          tokensAfter: tokens - sizeOf(...talk(6))
        })
        assert.deepStrictEqual(windowOf(compacted(log, outcome)), messages.slice(12))
      })
    )

    it.effect("AA-15 texts of the system stay, wherever they are, and count", () =>
      Effect.gen(function* () {
        const [kind, brief] = [Messages.system("Be kind."), Messages.system("Be brief.")]
        const messages = [kind, ...talk(3), brief, ...talk(3, 3), go]
        const log = logOf(messages)
        const tokens = sizeOf(...messages)
        const { compact } = Trimming.make({ maxTokens: tokens, keep: 0.5 })
        const outcome = yield* compact(inputOf(log))
        const window = [kind, brief, ...talk(2, 4), go]
        const once = compacted(log, outcome)
        assert.deepStrictEqual(windowOf(once), window)
        assert.deepInclude(outcome, { dropped: talk(4), tokensAfter: sizeOf(...window) })
        // And so they do when it is trimmed again.
        const grown = [...once.slice(10), ...logOf([Messages.assistant("well"), ...talk(4, 6), go], 14)]
        const again = compacted(grown, yield* compact(inputOf(grown)), "c2")
        assert.deepStrictEqual(windowOf(again).slice(0, 2), [kind, brief])
        assert.isAtMost(sizeOf(...windowOf(again)), tokens / 2)
        // They are among the messages that may be shown.
        for (const maxMessages of [4, 5, 6]) {
          assert.isAtMost((yield* trimmed(log, { maxMessages, keep: 1 })).length, maxMessages)
        }
        // Nothing but these and what was said last: there is nothing to drop.
        const least = yield* compact(inputOf(logOf([kind, go, brief])))
        assert.strictEqual(least._tag, "Kept")
      })
    )

    it.effect("AA-15 calls go together with their results", () =>
      Effect.gen(function* () {
        const messages = [go, asks("a", "b"), tells("a", "b"), Messages.assistant("done"), ...talk(2)]
        for (let maxMessages = 1; maxMessages < 9; maxMessages++) {
          const window = yield* trimmed(logOf(messages), { maxMessages, keep: 1 })
          const parts = window.flatMap((message) => message.parts.map(({ type }) => type))
          const count = (type: string) => parts.filter((one) => one === type).length
          assert.strictEqual(count("tool-call"), count("tool-result"))
        }
      })
    )

    it.effect("AA-17 what is told and what has to be supplied counts", () =>
      Effect.gen(function* () {
        const count = (messages: ReadonlyArray<Message>, maxMessages: number, note?: string) =>
          Effect.map(trimmed(logOf(messages), { maxMessages, keep: 1, note }), (window) => window.length)
        // The note is one more behind results, and joins what the user said last.
        assert.deepStrictEqual([yield* count(work(4), 5), yield* count(work(4), 5, "Ask.")], [5, 4])
        assert.strictEqual(yield* count([...talk(4), go], 5, "Ask."), 5)
        // A call that has no result gets one in every request.
        const lost = Array.from({ length: 4 }, (_, index) => [go, asks(`d${index}`)]).flat()
        assert.deepStrictEqual([yield* count([...lost, go], 3), yield* count([...lost, go], 4)], [1, 4])
      })
    )

    it.effect("what the user said last and the answer in the works are left", () =>
      Effect.gen(function* () {
        for (const options of [{ maxMessages: 1 }, { maxTokens: 1 }]) {
          assert.deepStrictEqual(yield* trimmed(logOf([...talk(3), ...work(4)]), options), [
            go,
            asks("c3"),
            tells("c3")
          ])
          assert.deepStrictEqual(yield* trimmed(logOf([...talk(3), go]), options), [go])
        }
      })
    )

    it.effect("there is nothing to trim of one question and its answer", () =>
      Effect.gen(function* () {
        const { compact } = Trimming.make({ maxMessages: 1 })
        for (const messages of [[], [go], work(1), talk(1)]) {
          assert.strictEqual((yield* compact(inputOf(logOf(messages))))._tag, "Kept")
        }
      })
    )

    it.effect("it is cut where the user speaks, unless that is half of what is left", () =>
      Effect.gen(function* () {
        const trim = (maxMessages: number, ...messages: ReadonlyArray<Message>) =>
          trimmed(logOf(messages), { maxMessages, keep: 1 })
        // Six messages would do, the first of them an answer.
        assert.deepStrictEqual(yield* trim(6, ...talk(4), go), [...talk(2, 2), go])
        const works = [...work(4), Messages.assistant("1")]
        assert.deepStrictEqual(yield* trim(7, ...talk(1), ...works, go), [beginning, ...works.slice(-5), go])
      })
    )

    it.effect("AA-16 a note joins the newest message, once for every trim", () =>
      Effect.gen(function* () {
        const options = { maxMessages: 5, note: "Ask again for what you miss." }
        const log = logOf([...talk(3), go])
        const outcome = yield* Trimming.make(options).compact(inputOf(log))
        const window = windowOf(compacted(log, outcome))
        assert.deepStrictEqual(
          window.at(-1)?.parts,
          Messages.user([...go.parts, ...Messages.user(options.note).parts]).parts
        )
        assert.strictEqual(window.filter((message) => Messages.toText(message).includes("Ask again")).length, 1)
      })
    )

    it.effect("a note is not what the user said last", () =>
      Effect.gen(function* () {
        const { compact } = Trimming.make({ maxMessages: 4, note: "Ask again." })
        const first = logOf(work(3))
        const noted = compacted(first, yield* compact(inputOf(first)))
        const log = [...noted.slice(noted.findIndex(({ id }) => id === "m4") + 1), ...logOf([asks("d"), tells("d")], 7)]
        const window = windowOf(compacted(log, yield* compact(inputOf(log)), "d"))
        assert.deepStrictEqual(window.slice(0, 3), [go, asks("d"), tells("d")])
      })
    )

    it.effect("a summary from before goes, unless it is to stay", () =>
      Effect.gen(function* () {
        const summary = Messages.user("A summary.")
        const old = logOf(talk(2))
        const outcome = { ...(yield* Trimming.make({ maxMessages: 1 }).compact(inputOf(old))), messages: [summary] }
        const log = [...compacted(old, outcome).slice(3), ...logOf([...talk(3, 2), go], 4)]
        const dropped = yield* trimmed(log, { maxMessages: 5 })
        const kept = yield* trimmed(log, { maxMessages: 5, keepSummary: true })
        assert.deepStrictEqual(dropped, [...talk(1, 4), go])
        assert.deepStrictEqual(kept[0]?.parts[0], summary.parts[0])
        assert.isAtMost(kept.length, 5)
      })
    )

    it.effect("after an overflow and on demand it goes by what there is", () =>
      Effect.gen(function* () {
        const log = logOf([...talk(10), go])
        const tokens = sizeOf(...talk(10), go)
        for (const reason of ["overflow", "demand"] as const) {
          const window = yield* trimmed(log, { maxTokens: 1e9, keep: 0.5 }, { reason })
          assert.deepStrictEqual(window, [...talk(4, 6), go])
          assert.isAtMost(sizeOf(...window), tokens / 2)
        }
      })
    )

    it.effect("what is counted beside the messages counts", () =>
      Effect.gen(function* () {
        const log = logOf([...talk(10), go])
        const tokens = sizeOf(...talk(10), go)
        // Tools and instructions are half of it: to come to half of all, all messages would have to go.
        const window = yield* trimmed(
          log,
          { maxTokens: tokens, keep: 0.75 },
          { tokens: tokens * 2, reason: "overflow" }
        )
        assert.deepStrictEqual(window, [go])
        // The vendor counts half of what we do.
        const half = yield* trimmed(log, { maxTokens: tokens / 2, keep: 0.5 }, { tokens: tokens / 2 })
        assert.deepStrictEqual(half, [...talk(4, 6), go])
      })
    )

    it.effect("TURN-2 the beginning stays as it is for many turns", () =>
      Effect.gen(function* () {
        const trimming = Trimming.make({ maxMessages: 50 })
        let log: ReadonlyArray<Stored> = []
        let [trims, most] = [0, 0]
        for (let turn = 0; turn < 500; turn++) {
          log = [...log, ...logOf([go], turn * 2)]
          if (windowOf(log).length > 50) {
            const outcome = yield* trimming.compact(inputOf(log))
            assert.strictEqual(outcome._tag, "Compacted")
            if (outcome._tag === "Compacted") {
              const through = log.findIndex(({ id }) => id === outcome.through)
              log = compacted(log, outcome, `c${turn}`).slice(through + 1)
            }
            trims++
          }
          most = Math.max(most, windowOf(log).length)
          log = [...log, ...logOf([Messages.assistant("well")], turn * 2 + 1)]
        }
        // It is 51 messages every eleven turns, and 29 then.
        assert.deepStrictEqual([most, trims], [49, 44])
      })
    )

    it.effect.prop(
      "HIST-2 AA-15 AA-17 what is left of any log is whole and within its bounds",
      [
        logs,
        FastCheck.integer({ min: 1, max: 12 }),
        FastCheck.constantFrom(0.1, 0.6, 1),
        FastCheck.boolean(),
        FastCheck.boolean()
      ],
      ([log, maxMessages, keep, hasNote, keepSummary]) =>
        Effect.gen(function* () {
          const options = { maxMessages, keep, keepSummary, ...(hasNote ? { note: "Ask again." } : undefined) }
          const messages = messagesOf(log)
          const outcome = yield* Trimming.make(options).compact(inputOf(log))
          if (outcome._tag === "Kept") return
          const after = messages.slice(messages.findIndex((_, at) => logIndex(log, at) === outcome.through) + 1)
          assert.deepStrictEqual(torn(messages, after), [])
          assert.isAbove(after.length, 0)
          const window = windowOf(compacted(log, outcome))
          assert.strictEqual(Repair.repair(window), window)
          assert.include(["user", "system"], window[0]?.role)
          const system = windowOf(log).filter(({ role }) => role === "system")
          assert.includeMembers([...window], system)
          const said = messages.findLast(({ role }) => role === "user")
          const words = window.flatMap(({ parts, role }) => (role === "user" ? parts : []))
          if (said !== undefined) assert.includeMembers(words, [...said.parts])
          // The bound holds, unless what may not go is all that is left.
          const least =
            (outcome.pinned === undefined ? 0 : 1) + after.length + (hasNote ? 1 : 0) + outcome.messages.length
          if (Compaction.cut(log, 1)?.after.length !== after.length) assert.isAtMost(window.length, maxMessages)
          assert.isAtMost(window.length, Math.max(maxMessages, least + open(after)))
        })
    )
  })

  describe("layer", () => {
    it.effect("it is the compaction of runs", () =>
      Effect.gen(function* () {
        const { threshold } = yield* Compaction.Compaction
        assert.strictEqual(threshold(model()).messages, 7)
      }).pipe(Effect.provide(Trimming.layer({ maxMessages: 7 })))
    )
  })
})

function logIndex(log: ReadonlyArray<Stored>, at: number): EntryId | undefined {
  return log.filter(({ _tag }) => _tag === "Message")[at]?.id
}

/** How many answers have calls without a result. */
function open(messages: ReadonlyArray<Message>): number {
  const answered = new Set(
    messages.flatMap(({ parts }) => parts.flatMap((part) => (part.type === "tool-result" ? [part.id] : [])))
  )
  return messages.filter(({ parts }) => parts.some((part) => part.type === "tool-call" && !answered.has(part.id)))
    .length
}
