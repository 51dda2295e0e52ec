import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Layer from "effect/Layer"
import * as Compaction from "../../src/context/Compaction.ts"
import * as Summary from "../../src/context/Summary.ts"
import { EntryId } from "../../src/domain/Ids.ts"
import * as Messages from "../../src/domain/Message.ts"
import * as Part from "../../src/domain/Part.ts"
import * as Usage from "../../src/domain/Usage.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import type * as Transport from "../../src/transport/Transport.ts"
import {
  asks,
  compacted,
  inputOf,
  logOf,
  logs,
  long,
  messagesOf,
  talk,
  tells,
  torn,
  windowOf
} from "../support/logs.ts"

const { error, finish, text, usage } = ScriptedTransport

const cost = { model: "m", usage: Usage.make({ input: 7, output: 3 }) }
const fixed =
  (value: string): Summary.Summarise =>
  () =>
    Effect.succeed({ text: value, costs: [cost] })
const model = (changes: Partial<Transport.Service["model"]> = {}) => ({ vendor: "v", id: "m", ...changes })
const tagOf = (outcome: Compaction.Outcome): string =>
  outcome._tag === "Kept" ? `kept: ${outcome.why}` : `compacted through ${outcome.through}`

describe("Compaction", () => {
  it.effect("AX-37 nothing is compacted unless provided", () =>
    Effect.gen(function* () {
      const { compact, threshold } = yield* Compaction.Compaction
      const infinite = Number.POSITIVE_INFINITY
      assert.deepStrictEqual(threshold(model({ contextWindow: 10 })), { tokens: infinite, messages: infinite })
      assert.deepStrictEqual(
        yield* compact(inputOf(logOf(talk(9)))),
        Compaction.kept("no compaction is configured; provide Compaction.layer")
      )
    })
  )

  describe("threshold", () => {
    const tokens = (options: Compaction.Options, contextWindow?: number) =>
      Compaction.make(options).threshold(model({ contextWindow })).tokens

    it("AX-37 it is a share of the model's window", () => {
      assert.deepStrictEqual([tokens({}, 200_000), tokens({ at: 0.5 }, 1001)], [150_000, 500])
    })

    it("AX-37 a number of tokens wins over the share", () => {
      assert.strictEqual(tokens({ at: 0.5, maxTokens: 70 }, 200_000), 70)
    })

    it("AX-37 an unknown window counts as 128,000 tokens", () => {
      assert.strictEqual(tokens({ at: 0.5 }), 64_000)
    })

    it("options out of range are refused", () => {
      const wrong: ReadonlyArray<Compaction.Options> = [
        ...[0, 1.1, -1, Number.NaN].map((at) => ({ at })),
        ...[0, -1].map((maxTokens) => ({ maxTokens })),
        ...[-1, { tokens: -1 }].map((keepRecent) => ({ keepRecent }))
      ]
      for (const options of wrong) assert.throws(() => Compaction.make(options), RangeError)
    })
  })

  describe("cut", () => {
    it("AX-35 TR-2 a cut moves back until calls and results are together", () => {
      const messages = [...talk(2), Messages.user("go"), asks("a", "b"), tells("a"), tells("b")]
      const log = logOf(messages)
      const copy = structuredClone(log)
      for (const keep of [1, 2, 3]) {
        assert.deepStrictEqual(Compaction.cut(log, keep), {
          through: EntryId.make("m4"),
          system: [],
          previous: [],
          before: messages.slice(0, 4),
          pinned: messages[4],
          after: messages.slice(5)
        })
      }
      assert.deepStrictEqual(log, copy)
    })

    it("TR-2 a cut moves back through calls that overlap", () => {
      const messages = [Messages.user("old"), asks("a"), asks("b"), tells("a"), asks("c"), tells("b"), tells("c")]
      const cut = Compaction.cut(logOf([...messages, Messages.user("new")]), 2)
      assert.deepStrictEqual(cut?.before, [Messages.user("old")])
    })

    it("AX-36 nothing is cut of what is recent", () => {
      assert.isUndefined(Compaction.cut(logOf(talk(3)), 6))
      assert.isUndefined(Compaction.cut([], 0))
      assert.isUndefined(Compaction.cut(logOf([Messages.user("go"), asks("a"), tells("a")]), 2))
    })

    it("TR-23 what the user said last is pinned, in all its messages", () => {
      const newest = [Messages.user("look at"), Messages.user([Part.file("text/plain", { text: "this" })])]
      const log = logOf([...talk(1), ...newest, asks("a"), tells("a"), asks("b"), tells("b")])
      assert.deepStrictEqual(Compaction.cut(log, 3)?.pinned, Messages.user(newest.flatMap(({ parts }) => parts)))
      // A cut within them moves back before them.
      const within = Compaction.cut(log, 5)
      assert.deepStrictEqual([within?.before, within?.pinned, within?.after.length], [talk(1), undefined, 6])
    })

    it("a message that was pinned goes when there is a newer one", () => {
      const question = Messages.user("first")
      const rest = [asks("a"), tells("a"), asks("b"), tells("b")]
      const first = logOf([question, ...rest])
      const outcome = { ...compactedWith(first, 2), messages: [Messages.user("S")] }
      const [done, second] = [Messages.assistant("done"), Messages.user("second")]
      const later = [done, second, Messages.assistant("well")]
      const cut = Compaction.cut([...compacted(first, outcome), ...logOf(later, 5)].slice(3), 1)
      assert.deepStrictEqual(cut?.previous, [Messages.user("S")])
      assert.deepStrictEqual(cut?.before, [question, ...rest.slice(2), done])
      assert.deepStrictEqual(cut?.pinned, second)
    })

    it("notes and nudges are not what the user said", () => {
      const question = Messages.user("do it")
      const nudge: Messages.Message = { ...Messages.user("Go on."), meta: { axonal: { nudge: true } } }
      const first = logOf([question, asks("a"), tells("a"), nudge, asks("b"), tells("b")])
      assert.deepStrictEqual(Compaction.cut(first, 2)?.pinned, question)
      const noted = compacted(first, { ...compactedWith(first, 2), note: "Be brief." })
      const log = [...noted, ...logOf([asks("c"), tells("c")], 6)]
      assert.deepStrictEqual(Compaction.cut(log.slice(4), 2)?.pinned, question)
    })

    it("recent messages can be counted in tokens", () => {
      const log = logOf([...talk(3), Messages.user("go")])
      const kept = (tokens: number) => Compaction.cut(log, { tokens })?.after.length
      // A question or an answer has about 250 tokens.
      assert.deepStrictEqual([kept(0), kept(100), kept(600), kept(1e6)], [0, 1, 3, undefined])
    })

    it.prop(
      "HIST-2 TR-2 no cut splits a call from its result or loses a message",
      [logs, FastCheck.nat(20)],
      ([log, keep]) => {
        const cut = Compaction.cut(log, keep)
        const messages = messagesOf(log)
        if (cut === undefined) return
        assert.deepStrictEqual(torn(messages, cut.after), [])
        assert.deepStrictEqual(messages.slice(messages.length - cut.after.length), cut.after)
        assert.isAtLeast(cut.after.length, Math.min(keep, messages.length))
        const newest = messages.findLast(({ role }) => role === "user")
        if (newest !== undefined && !cut.after.includes(newest)) {
          assert.includeMembers([...(cut.pinned?.parts ?? [])], [...newest.parts])
        }
        const left = messages
          .slice(0, messages.length - cut.after.length)
          .filter((one) => !cut.before.includes(one) && !cut.system.includes(one))
        assert.deepStrictEqual(
          left.flatMap(({ parts }) => parts),
          left.length === 0 ? [] : (cut.pinned?.parts ?? [])
        )
      }
    )
  })

  describe("compact", () => {
    it.effect("AA-18 AX-37 a summary takes the place of what is old", () =>
      Effect.gen(function* () {
        const log = logOf([...talk(5), Messages.user("go on")])
        const copy = structuredClone(log)
        const input = inputOf(log, { tokens: 10_000 })
        const outcome = yield* Compaction.make({ keepRecent: 3, summarise: fixed("They talked.") }).compact(input)
        const summary = Summary.toMessage("They talked.")
        assert.deepStrictEqual(outcome, {
          _tag: "Compacted",
          through: EntryId.make("m7"),
          messages: [summary],
          dropped: talk(4),
          costs: [cost],
          tokensBefore: 10_000,
          tokensAfter: 10_000 - (yield* countOf(talk(4))) + (yield* countOf([summary]))
        })
        assert.deepStrictEqual(windowOf(compacted(log, outcome)), [
          Messages.user([...summary.parts, ...(talk(1, 4)[0]?.parts ?? [])]),
          ...talk(1, 4).slice(1),
          Messages.user("go on")
        ])
        assert.deepStrictEqual(log, copy)
      })
    )

    it.effect("HIST-3 AX-36 TR-23 a summary that failed, is empty or is longer changes nothing", () =>
      Effect.gen(function* () {
        const compact = (summarise: Summary.Summarise) =>
          Compaction.make({ keepRecent: 1, summarise }).compact(inputOf(logOf(talk(2))))
        const failing: Summary.Summarise = () => new Summary.SummaryFailed({ message: "no", costs: [cost] })
        const dying: Summary.Summarise = () => Effect.die("oops")
        const had = yield* countOf(talk(2).slice(0, 2))
        const has = yield* countOf([Summary.toMessage(long("S", 1000))])
        assert.deepStrictEqual(yield* Effect.forEach([failing, dying, fixed(" \n"), fixed(long("S", 1000))], compact), [
          Compaction.kept("no", true, [cost]),
          Compaction.kept("summarising died: oops", true),
          Compaction.kept("the summary is empty", true, [cost]),
          Compaction.kept(`it would take ${has} tokens in place of ${had}`, true, [cost])
        ])
      })
    )

    it.effect("AX-36 a short history is left alone, and no model asked", () =>
      Effect.gen(function* () {
        const { compact } = Compaction.make()
        assert.deepStrictEqual(
          yield* compact(inputOf(logOf(talk(3)))),
          Compaction.kept("there is nothing but what is recent")
        )
      })
    )

    it.effect("after an overflow even what is recent is summarised", () =>
      Effect.gen(function* () {
        const { compact } = Compaction.make({ summarise: fixed("They talked.") })
        const log = logOf([...talk(1), Messages.user("go"), asks("a"), tells("a")])
        const outcome = yield* compact(inputOf(log, { reason: "overflow" }))
        assert.deepStrictEqual(windowOf(compacted(log, outcome)), [
          Messages.user([...Summary.toMessage("They talked.").parts, Part.text("go")])
        ])
      })
    )

    it.effect("TR-23 what was counted too high leaves no less than it did", () =>
      Effect.gen(function* () {
        const log = logOf([...talk(4), Messages.user("go")])
        const whole = yield* countOf(messagesOf(log))
        const left = (tokens: number) =>
          Effect.map(
            Compaction.make({ keepRecent: 5, summarise: fixed("S") }).compact(inputOf(log, { tokens })),
            (outcome) => (outcome._tag === "Compacted" ? outcome.tokensAfter : 0)
          )
        assert.approximately(yield* left(Math.round(whole / 10)), (yield* left(whole)) / 10, 2)
      })
    )

    it.effect("TR-23 a repeated compaction covers only what is new", () =>
      Effect.gen(function* () {
        const sources: Array<Summary.Source> = []
        const summarise: Summary.Summarise = (source) => {
          sources.push(source)
          return Effect.succeed({ text: `Summary ${sources.length}.`, costs: [] })
        }
        const { compact } = Compaction.make({ keepRecent: 2, summarise })
        const first = logOf(talk(3))
        const once = compacted(first, yield* compact(inputOf(first)), "c1")
        // Nothing has happened since: what is left is recent.
        assert.strictEqual(tagOf(yield* compact(inputOf(once.slice(4)))), "kept: there is nothing but what is recent")
        const grown = [...once, ...logOf(talk(2, 3), 6)].slice(4)
        const twice = compacted(grown, yield* compact(inputOf(grown)), "c2")
        assert.deepStrictEqual(
          sources.map(({ messages, previous }) => [previous, messages]),
          [
            [[], talk(2)],
            [[Summary.toMessage("Summary 1.")], talk(2, 2)]
          ]
        )
        assert.deepStrictEqual(windowOf(twice), [
          Messages.user([...Summary.toMessage("Summary 2.").parts, ...(talk(1, 4)[0]?.parts ?? [])]),
          ...talk(1, 4).slice(1)
        ])
      })
    )

    it.effect.prop(
      "HIST-2 what is left of any log is whole and has what the user said last",
      [logs, FastCheck.nat(9)],
      ([log, keepRecent]) =>
        Effect.gen(function* () {
          const outcome = yield* Compaction.make({ keepRecent, summarise: fixed("S") }).compact(inputOf(log))
          const window = windowOf(compacted(log, outcome))
          const before = windowOf(log)
          if (outcome._tag === "Kept") return assert.deepStrictEqual(window, before)
          const system = before.filter(({ role }) => role === "system")
          assert.deepStrictEqual(window.slice(0, system.length), system)
          const said = messagesOf(log).findLast(({ role }) => role === "user")
          const all = window.flatMap(({ parts, role }) => (role === "user" ? parts : []))
          if (said !== undefined) assert.includeMembers(all, [...said.parts])
          // Every result that is left is one that was there: none had to be supplied, none was dropped.
          const results = (messages: ReadonlyArray<Messages.Message>) =>
            messages.flatMap(({ parts }) => parts.filter(({ type }) => type === "tool-result"))
          const left = results(window)
          assert.deepStrictEqual(results(before).slice(results(before).length - left.length), left)
        })
    )
  })

  describe("entries", () => {
    it("costs come first, then the compaction, then its note", () => {
      const outcome: Compaction.Outcome = { ...compactedWith(logOf(talk(2)), 1), costs: [cost], note: "Be brief." }
      const entries = Compaction.entries(outcome, { name: "n", at: 5, reason: "overflow" })
      assert.deepStrictEqual(
        entries.map((entry) => [entry._tag, entry.id]),
        [
          ["Usage", "n/usage-0"],
          ["Compaction", "n"],
          ["Message", "n/note"]
        ]
      )
      assert.deepInclude(entries[0], { ...cost, purpose: "compaction" })
      assert.deepInclude(entries[1], { reason: "overflow", dropped: 2, at: 5 })
    })

    it("what was kept adds its costs alone", () => {
      const entries = Compaction.entries(Compaction.kept("no", true, [cost]), { name: "n", at: 5, reason: "demand" })
      assert.deepStrictEqual(
        entries.map((entry) => entry._tag),
        ["Usage"]
      )
    })
  })

  describe("layers", () => {
    it.effect("summaries are made by the model of the conversation", () =>
      Effect.gen(function* () {
        const own = ScriptedTransport.make([[text("A summary."), usage({ input: 9, output: 1 })]])
        const { compact } = yield* Compaction.Compaction
        const outcome = yield* compact(inputOf(logOf(talk(3)), { transport: own.transport }))
        yield* own.assertDone
        assert.deepStrictEqual(outcome.costs, [{ model: "scripted", usage: Usage.make({ input: 9, output: 1 }) }])
      }).pipe(Effect.provide(Compaction.layer({ keepRecent: 1 })))
    )

    it.effect("another model can summarise, with a prompt of one's own", () =>
      Effect.gen(function* () {
        const own = ScriptedTransport.make([])
        const { compact, threshold } = yield* Compaction.Compaction
        const outcome = yield* compact(inputOf(logOf(talk(3)), { transport: own.transport }))
        const [request] = yield* ScriptedTransport.requests
        assert.strictEqual(tagOf(outcome), "compacted through m4")
        assert.deepStrictEqual(request?.messages[0], Messages.system("Sum it up."))
        assert.strictEqual(request?.settings.maxOutputTokens, 99)
        assert.deepStrictEqual(outcome.costs[0]?.model, "small")
        assert.strictEqual(threshold(model({ contextWindow: 1000 })).tokens, 500)
      }).pipe(
        Effect.provide(
          Layer.provideMerge(
            Compaction.layerTransport({
              at: 0.5,
              keepRecent: 1,
              prompt: "Sum it up.",
              settings: { maxOutputTokens: 99 }
            }),
            ScriptedTransport.layer([[text("A summary.")]], { model: { id: "small" } })
          )
        )
      )
    )

    it.effect("HIST-3 a model that cannot summarise leaves all as it is", () =>
      Effect.gen(function* () {
        const own = ScriptedTransport.make([[error("Authentication")], [text("Half a"), finish("length")]])
        const { compact } = Compaction.make({ keepRecent: 1 })
        const input = inputOf(logOf(talk(3)), { transport: own.transport })
        const outcomes = [yield* compact(input), yield* compact(input)]
        assert.match(
          outcomes.map(tagOf).join(),
          /^kept: .*Authentication.*,kept: the model ended its summary with length$/
        )
      })
    )
  })
})

// A compaction as a run would have made it.
function compactedWith(log: Parameters<typeof Compaction.cut>[0], keep: number) {
  const cut = Compaction.cut(log, keep)
  assert.isDefined(cut)
  return {
    _tag: "Compacted" as const,
    through: cut.through,
    messages: [],
    dropped: cut.before,
    costs: [],
    tokensBefore: 0,
    tokensAfter: 0,
    ...(cut.pinned === undefined ? undefined : { pinned: cut.pinned })
  }
}

function countOf(messages: ReadonlyArray<Messages.Message>) {
  return inputOf([]).counter.count({ messages })
}
