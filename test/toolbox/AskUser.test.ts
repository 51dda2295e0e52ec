import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as Agent from "../../src/agent/Agent.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import { CallId } from "../../src/domain/Ids.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import * as AskUser from "../../src/toolbox/AskUser.ts"

const { call, text } = ScriptedTransport
const colours = { question: "Which colour?", options: [{ label: "red" }, { label: "blue", description: "as the sea" }] }

/** What the calls of one answer come to. */
const asking = (
  inputs: ReadonlyArray<object>,
  respondent?: Layer.Layer<AskUser.Respondent>,
  options?: AskUser.Options
) =>
  Effect.gen(function* () {
    const calls = inputs.map((input, index) => call(String(index), "ask_user", input))
    const agent = Agent.make("painter", { tools: [AskUser.make(options)] })
    const { messages } = yield* Agent.run(agent, "go").pipe(
      Effect.provide(ScriptedTransport.layer([calls, [text("done")]])),
      (run) => (respondent === undefined ? run : Effect.provide(run, respondent))
    )
    return messages
      .flatMap(({ parts }) => [...parts])
      .flatMap((part) => (part.type === "tool-result" ? [part] : []))
      .map(({ content, outcome }) => [outcome, content[0]?.type === "text" ? content[0].text : ""])
  }).pipe(Effect.provide(ContextStore.layerMemory))

const none = CallId.make("none")

/** Waits until so many questions wait. */
const pendingOf = (queue: AskUser.Queue, count: number) =>
  Effect.map(Stream.runHead(Stream.filter(queue.changes, ({ length }) => length === count)), (found) =>
    Option.getOrElse(found, (): ReadonlyArray<AskUser.Question> => [])
  )

const saying = (answer: AskUser.Answer) => AskUser.layer(() => Effect.succeed(answer))

describe("AskUser", () => {
  it.effect("answers are held against what may be answered", () =>
    Effect.gen(function* () {
      const cases: ReadonlyArray<readonly [input: object, answer: AskUser.Answer, outcome: string, told: string]> = [
        [colours, { chosen: ["blue"] }, "ok", "They chose: blue."],
        [colours, { other: " green " }, "ok", "They said: green"],
        [colours, { chosen: ["red"], other: "but dark" }, "ok", "They chose: red.\nThey said: but dark"],
        [colours, { chosen: ["red", "blue"] }, "failed", "No answer that fits: only one option may be chosen."],
        [{ ...colours, multiple: true }, { chosen: ["red", "blue"] }, "ok", "They chose: red; blue."],
        [{ ...colours, multiple: true }, { chosen: ["red", "red"] }, "failed", "an option was chosen twice"],
        [colours, { chosen: ["green"] }, "failed", '"green" is none of the options'],
        [{ ...colours, allowOther: false }, { other: "green" }, "failed", "it has to be one of the options"],
        [colours, {}, "failed", "nothing was chosen or said"],
        [{ question: "Why?" }, { other: "because" }, "ok", "They said: because"],
        [{ question: "Why?", allowOther: false }, { other: "because" }, "ok", "They said: because"],
        [{ question: "?", options: [{ label: "a" }, { label: "a" }] }, {}, "failed", "Two options have the same label"]
      ]
      for (const [input, answer, outcome, told] of cases) {
        const [[got, words] = []] = yield* asking([input], saying(answer))
        assert.strictEqual(got, outcome, told)
        assert.include(words ?? "", told)
      }
    })
  )

  it.effect("without anybody the model decides itself", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* asking([colours], AskUser.layerNone), [
        ["ok", "Nobody is there to answer. Decide yourself, and say what you assumed."]
      ])
    })
  )

  it.effect("somebody who does not answer in time is not waited for", () =>
    Effect.gen(function* () {
      const silent = AskUser.layer(() => Effect.never)
      const asked = yield* Effect.fork(asking([colours], silent, { timeout: "1 minute" }))
      while (asked.unsafePoll() === null) yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(yield* Fiber.join(asked), [
        ["ok", "Nobody answered in time. Decide yourself, and say what you assumed."]
      ])
      assert.throws(() => AskUser.make({ timeout: 0 }), /AskUser option timeout/)
    })
  )

  it.scoped("questions wait in a queue until their answers fit", () =>
    Effect.gen(function* () {
      const queue = yield* AskUser.UserQuestions
      const asked = yield* Effect.fork(asking([colours, { question: "Why?" }, { question: "When?" }]))
      const waiting = yield* pendingOf(queue, 3)
      assert.deepStrictEqual(
        waiting.map(({ allowOther, from, multiple, options, question }) => [
          question,
          options.length,
          multiple,
          allowOther,
          from.agent
        ]),
        [
          ["Which colour?", 2, false, true, "painter"],
          ["Why?", 0, false, true, "painter"],
          ["When?", 0, false, true, "painter"]
        ]
      )
      const [colour = none, why = none, when = none] = waiting.map(({ id }) => id)
      const wrong = yield* Effect.flip(queue.answer(colour, { chosen: ["green"] }))
      assert.include(wrong.message, '"green" is none of the options')
      yield* queue.answer(when, { other: "now" })
      yield* queue.answer(colour, { chosen: ["red"] })
      assert.strictEqual((yield* Effect.flip(queue.answer(colour, { chosen: ["red"] })))._tag, "NotWaiting")
      yield* queue.dismiss(why)
      assert.strictEqual((yield* Effect.flip(queue.dismiss(why)))._tag, "NotWaiting")
      assert.deepStrictEqual(yield* Fiber.join(asked), [
        ["ok", "They chose: red."],
        ["ok", "Nobody is there to answer. Decide yourself, and say what you assumed."],
        ["ok", "They said: now"]
      ])
    }).pipe(Effect.provide(AskUser.layerQueue))
  )

  it.scoped("a run that is interrupted withdraws its question", () =>
    Effect.gen(function* () {
      const queue = yield* AskUser.UserQuestions
      const asked = yield* Effect.fork(asking([colours]))
      const [question] = yield* pendingOf(queue, 1)
      yield* Fiber.interrupt(asked)
      assert.deepStrictEqual(yield* queue.pending, [])
      assert.strictEqual((yield* Effect.flip(queue.answer(question?.id ?? none, { other: "x" })))._tag, "NotWaiting")
    }).pipe(Effect.provide(AskUser.layerQueue))
  )
})
