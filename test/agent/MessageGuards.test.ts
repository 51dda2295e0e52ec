import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import * as Agent from "../../src/agent/Agent.ts"
import * as Result from "../../src/agent/Result.ts"
import * as MessageGuard from "../../src/guard/MessageGuard.ts"
import { call, cut, error, text, usage } from "../../src/testing/ScriptedTransport.ts"
import * as Trace from "../../src/testing/Trace.ts"
import type { Left } from "../support/messageGuards.ts"
import { blocking, dying, hiding, kinds, left, secret, stored, told } from "../support/messageGuards.ts"
import { world } from "../support/runs.ts"

let ran: Array<string> = []
const work = Agent.tool("work", { parameters: {} }, () => Effect.sync(() => void ran.push("work")))
const agent = Agent.make("a", { tools: [work] })

const has = (value: unknown): boolean => JSON.stringify(value).includes(secret)

/** Nothing that the run left behind holds the secret; requests are looked at from the first on. */
const isClean = ({ entries, events, exit, requests }: Left): void => {
  assert.deepStrictEqual(events.filter(has), [])
  assert.deepStrictEqual(entries.filter(has), [])
  assert.deepStrictEqual(requests.filter(has), [])
  assert.isFalse(has(exit))
  if (Exit.isSuccess(exit)) assert.deepStrictEqual(Result.fromEvents(events), exit.value)
}

const reason = ({ exit }: Left): string => (Exit.isSuccess(exit) ? exit.value.reason : "failed")

describe("MessageGuards", () => {
  describe("input", () => {
    it.effect("that is blocked is stored nowhere, sent nowhere and shown nowhere", () =>
      Effect.gen(function* () {
        for (const [guard, why] of [
          [blocking, "it has the word"],
          [dying, "its guard failed, and what could not be checked is not let through"]
        ] as const) {
          const run = yield* left(agent, guard, [], { input: `my word is ${secret}` })
          isClean(run)
          assert.strictEqual(reason(run), "blocked")
          assert.deepStrictEqual(kinds(run), [])
          assert.lengthOf(run.requests, 0)
          assert.deepStrictEqual(told(run), [`input block ${why}`])
          assert.deepStrictEqual(Trace.lines(run.events).slice(-1), ["RunEnd:blocked"])
        }
      })
    )

    it.effect("that is rewritten is so in store, request, events and result", () =>
      Effect.gen(function* () {
        const run = yield* left(agent, hiding, [[text("ok")]], { input: `my word is ${secret}` })
        isClean(run)
        assert.strictEqual(reason(run), "completed")
        assert.deepStrictEqual(stored(run), ["user: my word is ***", "assistant: ok"])
        assert.deepStrictEqual(told(run), ["input rewrite"])
      })
    )

    it.effect("alone is judged by a guard for input, and answers arrive live", () =>
      Effect.gen(function* () {
        const guard = MessageGuard.forDirection(hiding, "input")
        const run = yield* left(agent, guard, [[text("o", "k")]], { input: secret })
        isClean(run)
        assert.lengthOf(
          run.events.filter(({ _tag }) => _tag === "TextDelta"),
          2
        )
        assert.isFalse(guard.judgesAnswers)
      })
    )
  })

  describe("answers", () => {
    it.effect("that are blocked are kept nowhere but in the ledger, and their calls do not run", () =>
      Effect.gen(function* () {
        ran = []
        const answer = [text(`it is ${secret}`), call("1", "work"), usage({ input: 100, output: 7 })]
        const run = yield* left(agent, blocking, [answer])
        isClean(run)
        assert.strictEqual(reason(run), "blocked")
        assert.deepStrictEqual(ran, [])
        assert.deepStrictEqual(kinds(run), ["Message", "Usage"])
        assert.deepStrictEqual(told(run), ["output block it has the word"])
        const end = run.events.at(-1)
        assert.strictEqual(end?._tag === "RunEnd" ? end.usage.outputTokens.total : undefined, 7)
        assert.strictEqual(Exit.isSuccess(run.exit) ? run.exit.value.text : undefined, "")
      })
    )

    it.effect("that are rewritten are shown once, stored so, and their calls are those of the rewrite", () =>
      Effect.gen(function* () {
        const seen: Array<string> = []
        const say = Agent.tool("say", { parameters: { words: Schema.String } }, ({ words }) =>
          Effect.sync(() => {
            seen.push(words)
            return words
          })
        )
        const script = [[text("it ", "is ", secret), call("1", "say", { words: secret })], [text("done")]]
        const run = yield* left(Agent.make("a", { tools: [say] }), hiding, script)
        isClean(run)
        assert.deepStrictEqual(seen, ["***"])
        assert.deepStrictEqual(
          run.events.flatMap((event) => (event._tag === "TextDelta" ? [event.delta] : [])),
          ["it is ***", "done"]
        )
        assert.deepStrictEqual(stored(run).slice(1, 2), ['assistant: it is *** say({"words":"***"})'])
        assert.deepStrictEqual(
          run.events.map((event) => event.sequence),
          run.events.map((_, index) => index)
        )
      })
    )

    it.effect("whose calls are taken away run none, and end the run with their text", () =>
      Effect.gen(function* () {
        ran = []
        const harmless = MessageGuard.make(({ direction, message }) =>
          Effect.succeed(
            direction === "output"
              ? MessageGuard.Rewrite({ ...message, parts: message.parts.filter(({ type }) => type !== "tool-call") })
              : MessageGuard.Pass
          )
        )
        const run = yield* left(agent, harmless, [[text("I would"), call("1", "work")]])
        assert.deepStrictEqual([reason(run), ran, stored(run)], ["completed", [], ["user: go", "assistant: I would"]])
      })
    )

    it.effect("that break off while they are held leave nothing of them", () =>
      Effect.gen(function* () {
        for (const end of [cut, error("InvalidRequest")]) {
          const run = yield* left(agent, hiding, [[text(secret), end]])
          isClean(run)
          assert.deepStrictEqual(kinds(run), ["Message", "Usage"])
          assert.deepStrictEqual(Trace.lines(run.events), ["RunStart", "TurnStart", "TurnEnd", "RunEnd:error"])
        }
      })
    )

    it.effect("that are begun anew while they are held are shown once", () =>
      Effect.gen(function* () {
        const again = Agent.make("a", { restarts: 1 })
        const script = [[text(secret), error("Network")], [text(`so: ${secret}`)]]
        const run = yield* left(again, hiding, script, {
          meanwhile: () => TestClock.adjust("1 minute")
        })
        isClean(run)
        assert.deepStrictEqual(stored(run), ["user: go", "assistant: so: ***"])
        assert.deepStrictEqual(Trace.lines(run.events).slice(2, 5), [
          "TurnRestarted:Network",
          "Message:output:rewrite",
          "Text:so: ***"
        ])
      })
    )

    it.effect("of a type are held back, too", () =>
      Effect.gen(function* () {
        const typed = Agent.make("a", { output: Schema.Struct({ word: Schema.String }) })
        const events = yield* Trace.events(Agent.stream(typed, "go"))
        assert.deepStrictEqual(events.filter(has), [])
        assert.deepStrictEqual(
          events.filter(({ _tag }) => _tag === "OutputDelta"),
          []
        )
        assert.deepStrictEqual(Result.fromEvents(events)?.text, '{"word":"***"}')
      }).pipe(Effect.provide([world([[text(`{"word":"${secret}"}`)]]), MessageGuard.layer(hiding)]))
    )

    it.effect("and the fields of their calls are held back", () =>
      Effect.gen(function* () {
        const fields = Agent.make("a", { tools: [work], inputFields: true })
        const run = yield* left(fields, hiding, [[call("1", "work", { word: secret })], [text("ok")]])
        isClean(run)
        assert.deepStrictEqual(
          run.events.filter(({ _tag }) => _tag.startsWith("ToolInput")),
          []
        )
      })
    )
  })
})
