import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Agent from "../../src/agent/Agent.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import * as Message from "../../src/domain/Message.ts"
import * as Debate from "../../src/pattern/Debate.ts"
import * as Parallel from "../../src/pattern/Parallel.ts"
import * as Runner from "../../src/pattern/Runner.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { world } from "../support/runs.ts"

const { roles, text } = ScriptedTransport

const ann = Agent.make("ann", { instructions: "You are Ann" })
const bob = Agent.make("bob", { instructions: "You are Bob" })
const judge = Agent.make("judge", { instructions: "You judge" })

const lastOf = ({ messages }: { readonly messages: ReadonlyArray<Message.Message> }) =>
  messages.slice(-1).map(Message.toText).join()

/** Voters that answer these, in turn. */
const voters = (answers: ReadonlyArray<string>) =>
  answers.map((answer, index) => Runner.fromEffect(`v${index}`, (_: Message.Input) => Effect.succeed(answer)))

describe("Debate.make", () => {
  it.effect("lets each hear what the others said last, and a judge all of it", () =>
    Effect.gen(function* () {
      const debate = Debate.make("debate", { debaters: [ann, bob], judge, rounds: 3, concurrency: 1 })
      const result = yield* Runner.run(debate, "Tea or coffee?")
      assert.deepStrictEqual(
        [result.output, result.answeredBy, result.usage.inputTokens.total],
        ["Tea it is", "judge", 70]
      )
      const requests = (yield* ScriptedTransport.requests).map(lastOf)
      assert.deepStrictEqual(requests.slice(0, 2), ["Tea or coffee?", "Tea or coffee?"])
      const [, , second = "", , third = "", , verdict = ""] = requests
      assert.include(second, "This is round 2 of 3 of a debate on that. You said last:")
      assert.include(second, '<argument from="you">\nAnn 1\n</argument>')
      assert.include(second, '<argument from="bob">\nBob 1\n</argument>')
      assert.include(third, "Bob 2")
      assert.notInclude(third, "Bob 1")
      assert.deepStrictEqual(
        Array.from(verdict.matchAll(/from="(.*?)"/g), ([, from]) => from),
        ["ann, round 1", "bob, round 1", "ann, round 2", "bob, round 2", "ann, round 3", "bob, round 3"]
      )
    }).pipe(
      Effect.provide(
        world(
          roles({
            "You are Ann": (_, index) => [text(`Ann ${index + 1}`)],
            "You are Bob": (_, index) => [text(`Bob ${index + 1}`)],
            "You judge": [[text("Tea it is")]]
          })
        )
      )
    )
  )

  it.effect("may end in a vote on what was said last", () =>
    Effect.gen(function* () {
      const cat = Agent.make("cat", { instructions: "You are Cat" })
      const debate = Debate.make("debate", { debaters: { ann, bob, cat }, vote: {} })
      const result = yield* Runner.run(debate, "Tea or coffee?")
      assert.deepStrictEqual([result.output, result.answeredBy], ["**Coffee.**", "bob"])
    }).pipe(
      Effect.provide(
        world(
          roles({
            "You are Ann": [[text("Tea")], [text("Tea")]],
            "You are Bob": [[text("Coffee")], [text("**Coffee.**")]],
            "You are Cat": [[text("Tea")], [text("coffee")]]
          })
        )
      )
    )
  )

  it("names what is wrong with its options", () => {
    assert.throws(() => Debate.make("one", { debaters: [ann], judge }), TypeError, "at least two debaters")
    assert.throws(() => Debate.make("none", { debaters: [ann, bob], judge, rounds: 0 }), RangeError, "option rounds")
  })
})

describe("Debate.vote", () => {
  it.effect("counts texts that differ in nothing but form as one", () =>
    Effect.gen(function* () {
      const vote = Debate.vote("vote", voters(["no", "Yes.", ' "yes" ', "maybe  so", "Maybe so"]))
      const { output } = yield* Runner.run(vote, "Shall we?")
      assert.strictEqual(output, "Yes.")
    }).pipe(Effect.provide(ContextStore.layerMemory))
  )

  it.effect("counts typed choices", () =>
    Effect.gen(function* () {
      const Grade = Schema.Struct({ grade: Schema.Number, why: Schema.String })
      let count = 0
      const grader = Runner.fromEffect(
        "grader",
        (_: string) => Effect.sync(() => ({ grade: [1, 2, 2][count] ?? 0, why: `${++count}` })),
        { output: Grade }
      )
      const vote = Debate.vote("vote", Parallel.times(grader, 3), { choice: ({ grade }) => grade })
      assert.deepStrictEqual((yield* Runner.run(vote, "an essay")).output, { grade: 2, why: "2" })
    }).pipe(Effect.provide(ContextStore.layerMemory))
  )

  it.effect("breaks a tie by who had the votes first", () =>
    Effect.gen(function* () {
      const vote = Debate.vote("vote", voters(["a", "b", "b", "a", "c"]))
      assert.strictEqual((yield* Runner.run(vote, "?")).output, "b")
    }).pipe(Effect.provide(ContextStore.layerMemory))
  )

  it.effect("has a tie broken by a judge, who hears one of each", () =>
    Effect.gen(function* () {
      const vote = Debate.vote("vote", voters(["a", "b", "b", "a", "c"]), { tie: judge })
      const result = yield* Runner.run(vote, "Which?")
      assert.deepStrictEqual([result.output, result.answeredBy], ["a", "judge"])
      const [told = ""] = (yield* ScriptedTransport.requests).map(lastOf)
      assert.include(told, "<task>\nWhich?\n</task>")
      assert.deepStrictEqual(
        Array.from(told.matchAll(/from="(.*?)"/g), ([, from]) => from),
        ["v1", "v0"]
      )
      const clear = Debate.vote("clear", voters(["a", "b", "b"]), { tie: judge })
      assert.strictEqual((yield* Runner.run(clear, "Which?")).output, "b")
    }).pipe(Effect.provide(world(roles({ "You judge": [[text("a")]] }))))
  )
})
