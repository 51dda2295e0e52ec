import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Agent from "../../src/agent/Agent.ts"
import * as Message from "../../src/domain/Message.ts"
import * as Part from "../../src/domain/Part.ts"
import * as Approval from "../../src/guard/Approval.ts"
import * as Evaluator from "../../src/pattern/Evaluator.ts"
import * as Runner from "../../src/pattern/Runner.ts"
import * as Score from "../../src/pattern/Score.ts"
import * as Scorer from "../../src/pattern/Scorer.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import * as Trace from "../../src/testing/Trace.ts"
import type { Request } from "../../src/transport/Transport.ts"
import { world } from "../support/runs.ts"

const { call, roles, text } = ScriptedTransport

const writer = Agent.make("writer", { instructions: "You write" })
const critic = Agent.make("critic", { instructions: "You review" })
const poems = Evaluator.make("poems", { generator: writer, judge: Scorer.passWord(critic) })

/** A writer and a critic who answer in turn. */
const drafts = (drafts: ReadonlyArray<string>, reviews: ReadonlyArray<string>) =>
  world(roles({ "You write": drafts.map((draft) => [text(draft)]), "You review": reviews.map((said) => [text(said)]) }))

/** What a request asked, of all that was said in it. */
const asked = (request: Request | undefined): string =>
  (request?.messages ?? [])
    .filter(({ role }) => role === "user")
    .map(Message.toText)
    .join("\n---\n")

describe("Evaluator", () => {
  it.effect("AM-26 passes at once without a revision", () =>
    Effect.gen(function* () {
      const result = yield* Runner.run(poems, "A poem")
      assert.deepStrictEqual(
        [result.reason, result.output, result.text, result.answeredBy, result.why],
        ["completed", "one", "one", "writer", undefined]
      )
      assert.deepStrictEqual([result.usage.inputTokens.total, (yield* ScriptedTransport.requests).length], [20, 2])
    }).pipe(Effect.provide(drafts(["one"], ["PASS"])))
  )

  it.effect("AM-26 revises once, told its draft and the feedback", () =>
    Effect.gen(function* () {
      const result = yield* Runner.run(poems, "A poem")
      assert.strictEqual(result.output, "two")
      const [first, judged, second, again, ...more] = yield* ScriptedTransport.requests
      assert.strictEqual(asked(first), "A poem")
      assert.strictEqual(
        asked(judged),
        "<task>\nA poem\n</task>\n\n<attempt>\none\n</attempt>\n\n" +
          "If nothing has to change, answer with PASS alone on the first line. Otherwise say what has to change."
      )
      assert.strictEqual(
        asked(second),
        "A poem\n\nYou have tried this before. Your last version:\n\n<attempt>\none\n</attempt>\n\n" +
          "It is not good enough yet. What was said of it:\n\n<feedback>\nMore sea.\n</feedback>\n\n" +
          "Do the task again with this taken in. Answer with the new version only."
      )
      assert.include(asked(again), "<attempt>\ntwo\n</attempt>")
      assert.lengthOf(more, 0)
    }).pipe(Effect.provide(drafts(["one", "two"], ["More sea.", "**Pass.**\nLovely."])))
  )

  it.effect("AM-26 fails with the best draft when none passes", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Runner.run(poems, "A poem"))
      assert(error._tag === "NotPassed")
      assert.deepStrictEqual([error.pattern, error.rounds, error.text], ["poems", 3, "three"])
      assert.deepStrictEqual(
        error.attempts.map(({ round, score, text }) => [round, text, score.feedback]),
        [
          [1, "one", "do not PASS"],
          [2, "two", "PASSABLE"],
          [3, "three", "This will never PASS"]
        ]
      )
      assert.include(error.message, "No attempt passed in 3 rounds; the best was given 0 of 1 (This will never PASS).")
    }).pipe(Effect.provide(drafts(["one", "two", "three"], ["do not PASS", "PASSABLE", "This will never PASS"])))
  )

  it.effect("AM-26 takes another pass word", () =>
    Effect.gen(function* () {
      const options = { generator: writer, judge: Scorer.passWord(critic, "Ship it!"), rounds: 2 }
      const result = yield* Runner.run(Evaluator.judged("poems", options), "A poem")
      assert.deepStrictEqual([result.output?.passed, result.output?.rounds, result.text], [true, 2, "two"])
    }).pipe(Effect.provide(drafts(["one", "two"], ["PASS", "SHIP IT"])))
  )

  it.effect("AM-26 streams all events, and ends with the final draft only", () =>
    Effect.gen(function* () {
      const events = yield* Trace.events(Runner.stream(poems, "A poem"))
      assert.deepStrictEqual(
        Trace.lines(events).filter((line) => line.includes("Text") || line.includes("RunEnd")),
        [
          "poems/writer: Text:one",
          "poems/writer: RunEnd:completed",
          "poems/critic: Text:Longer.",
          "poems/critic: RunEnd:completed",
          "poems/writer: Text:two",
          "poems/writer: RunEnd:completed",
          "poems/critic: Text:PASS",
          "poems/critic: RunEnd:completed",
          "RunEnd:completed"
        ]
      )
      const end = events.at(-1)
      assert(end?._tag === "RunEnd")
      assert.deepStrictEqual([end.output, "value" in end, end.answeredBy], ["two", false, "writer"])
      assert.strictEqual(end.usage.inputTokens.total, 40)
      assert.deepStrictEqual(
        events.flatMap((event) => (event._tag === "RunEnd" ? [event.path?.at(-1)?.at] : [])),
        ["draft-1", "judge-1", "draft-2", "judge-2", undefined]
      )
    }).pipe(Effect.provide(drafts(["one", "two"], ["Longer.", "PASS"])))
  )

  it.effect("answers with the draft of the highest value at the cap", () =>
    Effect.gen(function* () {
      const values = [0.2, 0.6, 0.5]
      const judge = Scorer.fromFunction("values", () => values.shift() ?? 0)
      const best = Evaluator.make("best", { generator: writer, judge, onCap: "best" })
      const result = yield* Runner.run(best, "A poem")
      assert.deepStrictEqual(
        [result.reason, result.output, result.why],
        ["completed", "two", "No attempt passed in 3 rounds; the best was given 0.6 of 1."]
      )
      assert.include(asked((yield* ScriptedTransport.requests)[1]), "It was given 0.2 of 1, which is not enough.")
    }).pipe(Effect.provide(drafts(["one", "two", "three"], [])))
  )

  it.effect("answers with the last draft at the cap when all were judged alike", () =>
    Effect.gen(function* () {
      const judge = Scorer.fromFunction("never", () => false)
      const result = yield* Runner.run(Evaluator.judged("all", { generator: writer, judge, rounds: 2 }), "A poem")
      assert(result.reason === "completed")
      assert.deepStrictEqual(result.output, {
        output: "two",
        passed: false,
        rounds: 2,
        attempts: ["one", "two"].map((draft, index) => ({
          ...{ round: index + 1, output: draft, text: draft, answeredBy: "writer" },
          ...{ score: { value: 0, passed: false }, passed: false }
        }))
      })
    }).pipe(Effect.provide(drafts(["one", "two"], [])))
  )

  it.effect("keeps the images of a task for writer and judge", () =>
    Effect.gen(function* () {
      const image = Part.file("image/png", { base64: "AAAA" })
      yield* Runner.run(poems, [Part.text("Describe it"), image])
      const requests = yield* ScriptedTransport.requests
      const images = requests.map(({ messages }) =>
        messages.flatMap(({ parts }) => parts.filter((one) => one === image))
      )
      assert.deepStrictEqual(
        images.map(({ length }) => length),
        [1, 1, 1, 1]
      )
      assert.include(asked(requests[2]), "<feedback>\nNo.\n</feedback>")
    }).pipe(Effect.provide(drafts(["one", "two"], ["No.", "PASS"])))
  )

  it.effect("revises what is no text by a function", () =>
    Effect.gen(function* () {
      const double = Runner.fromEffect("double", (input: { readonly from: number }) => Effect.succeed(input.from * 2))
      const large = Evaluator.make("large", {
        generator: double,
        judge: Scorer.fromFunction("large", ({ output }: Scorer.Attempt<number>) => output > 10),
        revise: ({ before }) => ({ from: before.output }),
        rounds: 9
      })
      const result = yield* Runner.run(large, { from: 1 })
      assert.strictEqual(result.output, 16)
    }).pipe(Effect.provide(drafts([], [])))
  )

  it.effect("a limit of a part is its own end, never a draft", () =>
    Effect.gen(function* () {
      const short = Agent.make("short", { instructions: "You write", tools: [look], limits: { turns: 1 } })
      const result = yield* Runner.run(Evaluator.make("e", { generator: short, judge: Scorer.passWord(critic) }), "go")
      assert.deepStrictEqual([result.reason, result.limit, result.text], ["limit", "turns", "half"])
    }).pipe(Effect.provide(world(roles({ "You write": [[call("1", "look")], [text("half")]] }))))
  )

  it.effect("a score out of range fails, with the way to it", () =>
    Effect.gen(function* () {
      const judge = Scorer.fromRunner(critic, () => 7)
      const error = yield* Effect.flip(Runner.run(Evaluator.make("e", { generator: writer, judge }), "go"))
      assert(error._tag === "ScoreInvalid")
      assert.deepStrictEqual([error.scorer, error.value], ["critic", "7"])
      const broken = Scorer.fromFunction("broken", () => Number.NaN)
      const other = yield* Effect.flip(Runner.run(Evaluator.make("e", { generator: writer, judge: broken }), "go"))
      assert.deepStrictEqual([other._tag, Runner.failedAt(other)?.path.at(-1)?.at], ["ScoreInvalid", "judge-1"])
    }).pipe(Effect.provide(drafts(["one", "one"], ["fine"])))
  )

  it.effect("TR-10 goes on where a draft waited for a person", () =>
    Effect.gen(function* () {
      const cook = Agent.make("cook", { instructions: "You write", tools: [remove] })
      const careful = Evaluator.make("careful", { generator: cook, judge: Scorer.passWord(critic) })
      const first = yield* Runner.run(careful, "go")
      assert.deepStrictEqual(
        [first.reason, first.pending[0]?.path?.map(({ at }) => at)],
        ["awaiting-approval", ["draft-2"]]
      )
      const decided = first.pending.map(({ call }) => ({ call, approved: true }))
      const result = yield* Runner.resume(careful, first.session, decided)
      assert.deepStrictEqual([result.reason, result.output], ["completed", "two"])
      // Two drafts, the second in two turns, and two reviews: nothing twice.
      assert.lengthOf(yield* ScriptedTransport.requests, 5)
    }).pipe(
      Effect.provide(
        Layer.merge(
          Approval.layerSuspend,
          world(
            roles({
              "You write": [[text("one")], [call("1", "remove")], [text("two")]],
              "You review": [[text("No.")], [text("PASS")]]
            })
          )
        )
      )
    )
  )

  it("refuses bounds that are none", () => {
    const judge = Scorer.passWord(critic)
    assert.throws(() => Evaluator.make("e", { generator: writer, judge, rounds: 0 }), "Evaluator option rounds")
    assert.throws(() => Evaluator.make("e", { generator: writer, judge, threshold: 70 }), "Evaluator option threshold")
  })
})

describe("A pass word", () => {
  it("is alone on the first line", () => {
    const words = ["PASS", "pass", "PASS.", "**PASS**", " `Pass!` \n but shorter next time", '"PASS"\r\n', "# PASS"]
    for (const word of words) assert.isTrue(Score.isPassed(word, "PASS"), word)
    const others = ["do not PASS", "PASSABLE", "PASS?", "PASS, but", "FAIL\nPASS", "This does not\nPASS", "", "PAS S"]
    for (const word of others) assert.isFalse(Score.isPassed(word, "PASS"), word)
    assert.throws(() => Scorer.passWord(critic, " ** "), "pass word")
  })
})

const look = Agent.tool("look", {}, () => Effect.succeed("seen"))
const remove = Agent.tool("remove", { needsApproval: true }, () => Effect.succeed("gone"))
