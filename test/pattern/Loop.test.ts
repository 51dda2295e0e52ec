import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Agent from "../../src/agent/Agent.ts"
import * as Message from "../../src/domain/Message.ts"
import * as Loop from "../../src/pattern/Loop.ts"
import * as Runner from "../../src/pattern/Runner.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import * as Trace from "../../src/testing/Trace.ts"
import { world } from "../support/runs.ts"

const { gate, text } = ScriptedTransport

const shorten = Agent.make("shorten", { instructions: "Say it in fewer words" })

const Working = Schema.TaggedStruct("Working", { notes: Schema.String })
const Done = Schema.TaggedStruct("Done", { answer: Schema.Number })
type State = typeof Working.Type | typeof Done.Type
const solver = Agent.make("solver", { output: Schema.Union(Working, Done) })

const json = (value: State) => [text(JSON.stringify(value))]

describe("Loop", () => {
  it.effect("feeds its output to the next round until the condition holds", () =>
    Effect.gen(function* () {
      const brief = Loop.make("brief", { body: shorten, until: (words) => words.length < 6 })
      const events = yield* Trace.events(Runner.stream(brief, "a very long text"))
      assert.deepStrictEqual(
        events.flatMap((event) => (event._tag === "RunEnd" ? [[event.output, event.path?.[0]?.at]] : [])),
        [
          ["a long text", "round-1"],
          ["a text", "round-2"],
          ["text", "round-3"],
          ["text", undefined]
        ]
      )
      const requests = yield* ScriptedTransport.requests
      assert.deepStrictEqual(
        requests.map(({ messages }) => messages.slice(1).map(Message.toText)),
        [["a very long text"], ["a long text"], ["a text"]]
      )
      const end = events.at(-1)
      assert(end?._tag === "RunEnd")
      assert.deepStrictEqual([end.answeredBy, end.usage.inputTokens.total], ["shorten", 30])
    }).pipe(Effect.provide(world([[text("a long text")], [text("a text")], [text("text")]])))
  )

  it.effect("narrows its output by a refinement", () =>
    Effect.gen(function* () {
      const solved = Loop.make("solved", {
        body: solver,
        until: (state): state is typeof Done.Type => state._tag === "Done",
        next: (state, task) => `${task}\n\nNotes so far: ${state._tag === "Working" ? state.notes : ""}`
      })
      const result = yield* Runner.run(solved, "6 * 7")
      assert(result.reason === "completed")
      const answer: number = result.output.answer
      assert.strictEqual(answer, 42)
      const [, second] = yield* ScriptedTransport.requests
      assert.strictEqual(Message.toText(second?.messages[0] ?? Message.user("")), "6 * 7\n\nNotes so far: 6 * 6 is 36")
    }).pipe(
      Effect.provide(world([json({ _tag: "Working", notes: "6 * 6 is 36" }), json({ _tag: "Done", answer: 42 })]))
    )
  )

  it.effect("fails typed when the condition never holds", () =>
    Effect.gen(function* () {
      const rounds: Array<number> = []
      const double = Runner.fromEffect("double", (n: number) => Effect.succeed(n * 2))
      const until = (_: number, round: number) => rounds.push(round) < 0
      const error = yield* Effect.flip(Runner.run(Loop.make("never", { body: double, until, max: 3 }), 1))
      assert(error._tag === "NotReached")
      assert.deepStrictEqual([error.pattern, error.rounds, error.text, rounds], ["never", 3, "8", [1, 2, 3]])
      const last = yield* Runner.run(Loop.make("last", { body: double, until, max: 1, onMax: "last" }), 1)
      assert.deepStrictEqual([last.output, last.reason], [2, "completed"])
      assert.include(last.why, "last was not done after 1 round.")
    }).pipe(Effect.provide(world([])))
  )

  it.effect("a thousand rounds take no stack", () =>
    Effect.gen(function* () {
      const count = Runner.fromEffect("count", (n: number) => Effect.succeed(n + 1))
      const result = yield* Runner.run(Loop.make("count", { body: count, until: (n) => n === 1000, max: 1000 }), 0)
      assert.strictEqual(result.output, 1000)
    }).pipe(Effect.provide(world([])))
  )

  it.effect("RUN-3 ends as one when it is interrupted", () =>
    Effect.gen(function* () {
      const reached = yield* Deferred.make<void>()
      const script = world([
        [text("one")],
        [gate(Effect.zipRight(Deferred.succeed(reached, undefined), Effect.never)), text("two")]
      ])
      yield* Effect.gen(function* () {
        const fiber = yield* Effect.fork(Runner.run(Loop.make("l", { body: shorten, until: () => false }), "go"))
        yield* Deferred.await(reached)
        yield* Fiber.interrupt(fiber)
        assert.strictEqual(yield* ScriptedTransport.openConnections, 0)
      }).pipe(Effect.provide(script))
    })
  )

  it("refuses a bound that is none", () => {
    assert.throws(() => Loop.make("l", { body: shorten, until: () => true, max: 0 }), "Loop option max")
  })
})
