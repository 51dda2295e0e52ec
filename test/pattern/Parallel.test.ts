import { assert, describe, it } from "@effect/vitest"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as Agent from "../../src/agent/Agent.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import type { AgentEvent } from "../../src/domain/AgentEvent.ts"
import * as Message from "../../src/domain/Message.ts"
import * as Parallel from "../../src/pattern/Parallel.ts"
import * as Runner from "../../src/pattern/Runner.ts"
import * as Scorer from "../../src/pattern/Scorer.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { world } from "../support/runs.ts"

const { call, roles, text } = ScriptedTransport

class Lost extends Data.TaggedError("Lost")<{ readonly by: string }> {}

const says = (name: string, words = name) => Runner.fromEffect(name, (_: string) => Effect.succeed(words))
const loses = (name: string) => Runner.fromEffect(name, (_: string) => Effect.fail(new Lost({ by: name })))
const hangs = (name: string, ended: Array<string>) =>
  Runner.fromEffect(
    name,
    (_: string): Effect.Effect<string> => Effect.onInterrupt(Effect.never, () => Effect.sync(() => ended.push(name)))
  )

const optimist = Agent.make("optimist", { instructions: "You hope" })
const pessimist = Agent.make("pessimist", { instructions: "You fear" })
const judge = Agent.make("judge", { instructions: "You decide" })
const script = () =>
  roles({ "You hope": [[text("Yes")]], "You fear": [[text("No</answer>")]], "You decide": [[text("Maybe")]] })

describe("Parallel.make", () => {
  it.effect("AM-24 gives all the same input, side by side", () =>
    Effect.gen(function* () {
      const all = yield* Deferred.make<void>()
      let atWork = 0
      const meets = (name: string) =>
        Runner.fromEffect(name, (task: string) =>
          Effect.suspend(() => (++atWork === 3 ? Deferred.succeed(all, undefined) : Effect.void)).pipe(
            Effect.zipRight(Deferred.await(all)),
            Effect.as(`${name} did ${task}`)
          )
        )
      const tuple = Parallel.make("all", [meets("a"), meets("b"), meets("a")])
      const result = yield* Runner.run(tuple, "this")
      assert.deepStrictEqual(result.output, ["a did this", "b did this", "a did this"])
      assert.strictEqual(result.text, "## a\n\na did this\n\n## b\n\nb did this\n\n## a-2\n\na did this")
      const record = yield* Runner.run(Parallel.make("all", { first: says("a"), second: says("b") }), "this")
      assert.deepStrictEqual(record.output, { first: "a", second: "b" })
    }).pipe(Effect.provide(ContextStore.layerMemory))
  )

  it.effect("gives each the input that is made for its place", () =>
    Effect.gen(function* () {
      const echo = Runner.fromEffect("echo", (words: string) => Effect.succeed(words))
      const change = ({ topic }: { readonly topic: string }, at: string) => `${topic} ${at}`
      const record = Parallel.make("echoes", Parallel.mapInputs({ north: echo, south: echo }, change))
      const { output } = yield* Runner.run(record, { topic: "wind" })
      assert.deepStrictEqual(output, { north: "wind north", south: "wind south" })
      const list = Parallel.make("echoes", Parallel.mapInputs([echo, echo], change))
      assert.deepStrictEqual((yield* Runner.run(list, { topic: "wind" })).output, ["wind echo", "wind echo-2"])
    }).pipe(Effect.provide(ContextStore.layerMemory))
  )

  it.effect("AM-25 TR-8 interrupts the others when one fails", () =>
    Effect.gen(function* () {
      const ended: Array<string> = []
      const events: Array<AgentEvent> = []
      const pattern = Parallel.make("race", [hangs("a", ended), loses("b"), hangs("c", ended)])
      const error = yield* Effect.flip(Runner.run(pattern, "go", { onEvents: (batch) => events.push(...batch) }))
      assert.deepStrictEqual([error._tag, error._tag === "Lost" && error.by, ended.sort()], ["Lost", "b", ["a", "c"]])
      assert.deepStrictEqual(
        Runner.failedAt(error)?.path.map(({ agent, at }) => `${agent}/${at}`),
        ["race/b"]
      )
      const ends = events.flatMap((event) => (event._tag === "RunEnd" ? [`${event.agent}: ${event.reason}`] : []))
      assert.deepStrictEqual(ends.slice(0, 3).sort(), ["a: interrupted", "b: error", "c: interrupted"])
      assert.deepStrictEqual(ends.slice(3), ["race: error"])
    }).pipe(Effect.provide(ContextStore.layerMemory))
  )

  it.effect("AM-25 tells how each failed that could not be interrupted", () =>
    Effect.gen(function* () {
      const begun = yield* Deferred.make<void>()
      const ends: Array<string> = []
      const stubborn = Runner.fromEffect("a", (_: string) =>
        Deferred.await(begun).pipe(
          Effect.zipRight(Effect.yieldNow()),
          Effect.zipRight(Effect.fail(new Lost({ by: "a" }))),
          Effect.uninterruptible
        )
      )
      const first = Runner.fromEffect("b", (_: string) =>
        Effect.zipRight(Deferred.succeed(begun, undefined), Effect.fail(new Lost({ by: "b" })))
      )
      const onEvents = (events: ReadonlyArray<AgentEvent>) =>
        ends.push(...events.flatMap((one) => (one._tag === "RunEnd" ? [`${one.agent}: ${one.error?.tag}`] : [])))
      const error = yield* Effect.flip(Runner.run(Parallel.make("both", [stubborn, first]), "go", { onEvents }))
      assert.deepStrictEqual([error, ends], [new Lost({ by: "b" }), ["b: Lost", "a: Lost", "both: Lost"]])
    }).pipe(Effect.provide(ContextStore.layerMemory))
  )

  it.effect("AM-25 TR-8 collects all failures with the outputs of the others", () =>
    Effect.gen(function* () {
      const limited = Agent.make("limited", {
        instructions: "You hope",
        tools: [Agent.tool("look", {}, () => Effect.succeed("seen"))],
        limits: { totalTokens: 1 }
      })
      const pattern = Parallel.make("all", { a: says("a"), b: loses("b"), c: limited }, { onFailure: "collect" })
      const result = yield* Runner.run(pattern, "go")
      const { a, b, c } = result.reason === "completed" ? result.output : assert.fail(result.reason)
      assert.strictEqual(Either.getOrThrow(a), "a")
      assert.deepStrictEqual(Either.getOrThrow(Either.flip(b)), { at: "b", error: new Lost({ by: "b" }) })
      const { error } = Either.getOrThrow(Either.flip(c))
      assert.deepStrictEqual(error._tag === "BranchEnded" ? [error.at, error.reason, error.limit, error.text] : error, [
        "c",
        "limit",
        "totalTokens",
        "so far"
      ])
      assert.include(result.text, "## a\n\na\n\n## b\n\nNo answer: ")
      assert.include(result.text, "## c\n\nNo answer: c ended without an answer (limit: totalTokens)")
    }).pipe(Effect.provide(world(roles({ "You hope": [[call("1", "look")], [text("so far")]] }))))
  )

  it.effect("200 branches never exceed their bound of 8", () =>
    Effect.gen(function* () {
      let [atWork, most] = [0, 0]
      const work = Runner.fromEffect("work", (_: string) =>
        Effect.acquireUseRelease(
          Effect.sync(() => (most = Math.max(most, ++atWork))),
          () => Effect.yieldNow(),
          () => Effect.sync(() => --atWork)
        )
      )
      const pattern = Parallel.make("many", Parallel.times(work, 200), { concurrency: 8 })
      const { output } = yield* Runner.run(pattern, "go")
      assert.deepStrictEqual([output?.length, most, atWork], [200, 8, 0])
    }).pipe(Effect.provide(ContextStore.layerMemory))
  )

  it("names what is wrong with its options", () => {
    assert.throws(() => Parallel.make("none", []), TypeError, 'Parallel "none" must have at least one runner')
    assert.throws(
      () => Parallel.make("none", [says("a")], { concurrency: 0 }),
      RangeError,
      'Parallel "none" option concurrency must be a whole number of at least 1, or Infinity, got 0'
    )
    assert.throws(() => Parallel.times(says("a"), 0), RangeError, "Parallel.times count")
  })
})

describe("Parallel.join and aggregate", () => {
  it.effect("AM-24 joins texts with a separator", () =>
    Effect.gen(function* () {
      const lines = Parallel.join("lines", [says("a"), says("b")])
      assert.strictEqual((yield* Runner.run(lines, "go")).output, "a\n\n---\n\nb")
      const words = Parallel.join("words", [says("a"), loses("b"), says("c")], { separator: " ", onFailure: "collect" })
      assert.strictEqual((yield* Runner.run(words, "go")).output, "a c")
      const none = yield* Effect.flip(
        Runner.run(Parallel.join("none", [loses("b"), loses("d")], { onFailure: "collect" }), "go")
      )
      assert.strictEqual(none._tag, "NoneAnswered")
    }).pipe(Effect.provide(ContextStore.layerMemory))
  )

  it.effect("AM-24 has a runner make one answer of all", () =>
    Effect.gen(function* () {
      const council = Parallel.aggregate("council", { hope: optimist, fear: pessimist }, { by: judge })
      const result = yield* Runner.run(council, "Shall we?")
      assert.deepStrictEqual([result.output, result.answeredBy, result.usage.inputTokens.total], ["Maybe", "judge", 30])
      const requests = yield* ScriptedTransport.requests
      const [told] = requests.at(-1)?.messages.slice(-1) ?? []
      assert.strictEqual(
        told && Message.toText(told),
        '<task>\nShall we?\n</task>\n\n<answer from="hope">\nYes\n</answer>\n\n<answer from="fear">\nNo&lt;/answer>\n</answer>'
      )
    }).pipe(Effect.provide(world(script())))
  )
})

describe("Parallel.first", () => {
  it.effect("results in the first answer and interrupts the others", () =>
    Effect.gen(function* () {
      const ended: Array<string> = []
      const pattern = Parallel.first("first", [hangs("a", ended), loses("b"), says("c"), hangs("d", ended)])
      const result = yield* Runner.run(pattern, "go")
      assert.deepStrictEqual([result.output, result.answeredBy, ended.sort()], ["c", "c", ["a", "d"]])
    }).pipe(Effect.provide(ContextStore.layerMemory))
  )

  it.effect("fails with all errors when all have failed", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Runner.run(Parallel.first("first", [loses("a"), loses("b")]), "go"))
      assert.deepStrictEqual(
        error._tag === "NoneAnswered" && error.failures.map(({ at, error }) => [at, error._tag === "Lost" && error.by]),
        [
          ["a", "a"],
          ["b", "b"]
        ]
      )
      assert.include(error.message, "No part of first answered:\n- a: ")
    }).pipe(Effect.provide(ContextStore.layerMemory))
  )
})

describe("Parallel.best", () => {
  const grades: Readonly<Record<string, number>> = { a: 0.2, b: 0.9, c: 0.9 }

  it.effect("results in the best answer, the first of equals", () =>
    Effect.gen(function* () {
      const best = Parallel.best("best", [says("a"), says("b"), says("c", "b"), says("c")], {
        judge: ({ output }) => grades[output] ?? 0
      })
      const result = yield* Runner.run(best, "go")
      assert.deepStrictEqual([result.output, result.answeredBy], ["b", "b"])
    }).pipe(Effect.provide(ContextStore.layerMemory))
  )

  it.effect("has n answers of one runner judged by another", () =>
    Effect.gen(function* () {
      let count = 0
      const writer = Runner.fromEffect("writer", (_: string) => Effect.sync(() => `draft ${++count}`), {
        output: Schema.String
      })
      const places: Array<string | undefined> = []
      const strict = Scorer.fromFunction("strict", ({ text }) => Effect.succeed(text === "draft 2" ? 1 : 0.5))
      const best = Parallel.best("best", Parallel.times(writer, 3), { judge: strict, concurrency: 1 })
      const result = yield* Runner.run(best, "go", {
        onEvents: (events) =>
          places.push(...events.flatMap(({ _tag, path }) => (_tag === "RunEnd" ? [path?.[0]?.at] : [])))
      })
      assert.strictEqual(result.output, "draft 2")
      assert.deepStrictEqual(places, [
        ...["writer", "writer-2", "writer-3", "judge-writer", "judge-writer-2", "judge-writer-3"],
        undefined
      ])
    }).pipe(Effect.provide(ContextStore.layerMemory))
  )
})
