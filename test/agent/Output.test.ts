/**
 * Typed answers: what is valid, what the model is told of what is not, and what a run comes to with either.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as Agent from "../../src/agent/Agent.ts"
import * as Output from "../../src/agent/Output.ts"
import * as Result from "../../src/agent/Result.ts"
import * as StopSignal from "../../src/agent/StopSignal.ts"
import { OutputInvalid } from "../../src/domain/AgentError.ts"
import * as AgentEvent from "../../src/domain/AgentEvent.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import * as ToolResult from "../../src/tool/ToolResult.ts"
import { answered, lastWords, only, resultOf } from "../support/outputs.ts"
import { world } from "../support/runs.ts"

const { call, finish, gate, text } = ScriptedTransport

const Weather = Schema.Struct({ city: Schema.String, degrees: Schema.Number, on: Schema.optional(Schema.Date) })
const weather = Agent.make("weather", { output: Weather })
const valid = `{"city":"Oslo","degrees":4}`
const oslo = { city: "Oslo", degrees: 4 }
const wrong = `{"city":"Oslo","degrees":"cold"}`

const look = Agent.tool("look", {}, () => Effect.succeed("4 degrees"))

describe("Output", () => {
  it.effect("AM-10 a run, its stream and its handle give one typed answer", () =>
    Effect.gen(function* () {
      const script = () => [[text(`{"city":"Oslo",`, `"degrees":4,"on":"2026-01-02"}`)]]
      const ran = yield* Effect.provide(Agent.run(weather, "go"), world(script()))
      const events = yield* Effect.provide(Stream.runCollect(Agent.stream(weather, "go")), world(script()))
      const awaited = yield* Effect.scoped(Effect.flatMap(Agent.start(weather, "go"), (handle) => handle.await)).pipe(
        Effect.provide(world(script()))
      )
      const output = { ...oslo, on: new Date("2026-01-02") }
      assert.deepStrictEqual(ran.output, output)
      assert.deepStrictEqual(awaited.output, output)
      const folded = Result.fromEvents([...events])
      assert.strictEqual(folded?.output, ran.text)
      const [end] = only([...events], "RunEnd")
      assert.deepStrictEqual(end?.value, { ...oslo, on: "2026-01-02T00:00:00.000Z" })
      assert.deepStrictEqual([...events].at(-1), end)
    })
  )

  it.effect("AM-10 the answer is there also for those who look at no other event", () =>
    Effect.gen(function* () {
      const ends = yield* Agent.stream(weather, "go").pipe(
        Stream.filter((event) => event._tag === "RunEnd"),
        Stream.runCollect,
        Effect.provide(world([[text(valid)]]))
      )
      assert.deepStrictEqual(
        [...ends].map(({ value }) => value),
        [oslo]
      )
    })
  )

  it.effect("the last event keeps the answer through JSON", () =>
    Effect.gen(function* () {
      const { events } = yield* answered(weather, [[text(`{"city":"Oslo","degrees":4,"on":"2026-01-02","more":1}`)]])
      const codec = Schema.parseJson(AgentEvent.RunEnd)
      for (const end of only(events, "RunEnd")) {
        const again = yield* Effect.flatMap(Schema.encode(codec)(end), Schema.decode(codec))
        assert.deepStrictEqual(again.value, { ...oslo, on: "2026-01-02T00:00:00.000Z" })
        assert.deepStrictEqual(again.value, end.value)
      }
    })
  )

  it.effect("TR-24 what is said before a call is not the answer", () =>
    Effect.gen(function* () {
      const agent = Agent.make("weather", { output: Weather, tools: [look] })
      const run = yield* answered(agent, [[text(`{"city":"Rome","degrees":30}`), call("1", "look")], [text(valid)]])
      const result = resultOf(run)
      assert.deepStrictEqual([result.reason, result.output, result.turns], ["completed", oslo, 2])
      assert.deepStrictEqual(only(run.events, "OutputRejected"), [])
    })
  )

  it.effect("TR-24 an answer in several texts is read when it is complete", () =>
    Effect.gen(function* () {
      const run = yield* answered(weather, [[text(`{"city":"Oslo",`), text(`"degrees":4}`)]])
      assert.deepStrictEqual(resultOf(run).output, oslo)
    })
  )

  it.effect("TR-25 the turn cap leaves one last answer, whose value counts", () =>
    Effect.gen(function* () {
      const agent = Agent.make("weather", { output: Weather, tools: [look], limits: { turns: 1 } })
      const run = yield* answered(agent, [[call("1", "look")], [text(valid)]])
      const result = resultOf(run)
      assert.deepStrictEqual([result.reason, result.limit, result.output], ["limit", "turns", oslo])
      const [, last] = run.requests
      assert.deepStrictEqual([last?.toolChoice, last?.responseFormat.type], ["none", "json"])
    })
  )

  it.effect("TR-25 a last answer that is invalid leaves its text", () =>
    Effect.gen(function* () {
      const agent = Agent.make("weather", { output: Weather, tools: [look], limits: { turns: 1 } })
      const run = yield* answered(agent, [[call("1", "look")], [text("It is cold.")]])
      const result = resultOf(run)
      assert.deepStrictEqual([result.reason, result.output, result.text], ["limit", undefined, "It is cold."])
      assert.notProperty(run.events.at(-1), "value")
    })
  )

  it.effect("every request carries one format and begins with the request before", () =>
    Effect.gen(function* () {
      const agent = Agent.make("weather", { output: Weather, tools: [look] })
      const { requests } = yield* answered(agent, [[call("1", "look")], [text(wrong)], [text(valid)]])
      assert.lengthOf(requests, 3)
      for (const [index, request] of requests.entries()) {
        assert.strictEqual(request.responseFormat, requests[0]?.responseFormat)
        const before = requests[index - 1]?.messages ?? []
        assert.deepStrictEqual(request.messages.slice(0, before.length), before)
      }
    })
  )
})

describe("Output repairs", () => {
  it.effect("tell the model which fields are wrong", () =>
    Effect.gen(function* () {
      const run = yield* answered(weather, [[text(`{"degrees":"cold"}`)], [text("Oslo")], [text(valid)]])
      const result = resultOf(run)
      assert.deepStrictEqual([result.output, result.turns], [oslo, 3])
      assert.deepStrictEqual(
        only(run.events, "OutputRejected").map(({ description, repair }) => [repair, description]),
        [
          [1, `\n- city: is missing\n- degrees: Expected number, actual "cold"`],
          [2, "it is not JSON"]
        ]
      )
      assert.include(lastWords(run.requests[1]), "- city: is missing")
      assert.include(lastWords(run.requests[2]), "it is not JSON")
    })
  )

  it.effect("tell the schema unless the model is known to see it", () =>
    Effect.gen(function* () {
      const script = [[text("Cold.")], [text(valid)]]
      const unknown = yield* answered(weather, script)
      const native = yield* answered(weather, script, { model: { capabilities: ["structured-output"] } })
      assert.include(lastWords(unknown.requests[1]), `"required":["city","degrees"]`)
      assert.notInclude(lastWords(native.requests[1]), `"required"`)
    })
  )

  it.effect.each([0, 1, 2])("are %d at most, then the run fails with the last text", (repairs) =>
    Effect.gen(function* () {
      const agent = Agent.make("weather", { output: Output.make({ schema: Weather, repairs }) })
      const turns = Array.from({ length: repairs + 1 }, (_, index) => [text(`No, ${index}.`)])
      const run = yield* answered(agent, turns)
      assert.deepStrictEqual(
        run.exit,
        Exit.fail(new OutputInvalid({ description: "it is not JSON", text: `No, ${repairs}.` }))
      )
      const [end] = only(run.events, "RunEnd")
      assert.deepStrictEqual([end?.reason, end?.output, end?.error?.tag], ["error", `No, ${repairs}.`, "OutputInvalid"])
      assert.lengthOf(only(run.events, "OutputRejected"), repairs)
    })
  )

  it.effect("are turns, and end at their limit", () =>
    Effect.gen(function* () {
      const agent = Agent.make("weather", { output: Weather, limits: { turns: 1 } })
      const run = yield* answered(agent, [[text(wrong)], [text(valid)]])
      const result = resultOf(run)
      assert.deepStrictEqual([result.reason, result.output, result.turns], ["limit", oslo, 2])
      // It is told what was wrong also in the last turn.
      assert.include(lastWords(run.requests[1]), "- degrees: Expected number")
    })
  )

  it.effect("are as many again after a valid answer", () =>
    Effect.gen(function* () {
      const agent = Agent.make("weather", { output: Output.make({ schema: Weather, repairs: 1 }) })
      const latch = yield* Deferred.make<void>()
      const result = yield* Effect.scoped(
        Effect.gen(function* () {
          const handle = yield* Agent.start(agent, "go")
          yield* handle.followUp("And Rome?")
          yield* Deferred.succeed(latch, undefined)
          return yield* handle.await
        })
      ).pipe(
        Effect.provide(
          world([[gate(latch), text(wrong)], [text(valid)], [text(wrong)], [text(`{"city":"Rome","degrees":30}`)]])
        )
      )
      assert.deepStrictEqual([result.reason, result.output], ["completed", { city: "Rome", degrees: 30 }])
    })
  )

  it.effect("do not begin for an answer that was cut, whose value still counts", () =>
    Effect.gen(function* () {
      for (const reason of ["length", "content-filter"] as const) {
        const whole = resultOf(yield* answered(weather, [[text(valid), finish(reason)]]))
        assert.deepStrictEqual([whole.reason, whole.output], [reason, oslo])
        const half = resultOf(yield* answered(weather, [[text(valid.slice(0, 9)), finish(reason)]]))
        assert.deepStrictEqual([half.reason, half.output, half.text], [reason, undefined, valid.slice(0, 9)])
      }
    })
  )

  it.effect("are told of every field that is wrong, on lines of their own", () =>
    Effect.gen(function* () {
      const { requests } = yield* answered(weather, [[text(wrong)], [text(valid)]])
      assert.match(lastWords(requests[1]), /^Your answer is not valid:\n- /)
    })
  )

  it.effect("come after the word to a model that said nothing", () =>
    Effect.gen(function* () {
      const run = yield* answered(weather, [[text("")], [text("  ")], [text(valid)]])
      assert.deepStrictEqual(resultOf(run).output, oslo)
      assert.include(lastWords(run.requests[1]), "was empty")
      assert.include(lastWords(run.requests[2]), "Your answer is not valid: it is empty")
    })
  )
})

class Cities extends Context.Tag("test/Cities")<Cities, { readonly has: (city: string) => boolean }>() {}

const validated = <R>(validate: (value: typeof Weather.Type) => Effect.Effect<unknown, string, R>) =>
  Agent.make("weather", { output: Output.make({ schema: Weather, repairs: 1, validate }) })

describe("Output validators", () => {
  it.effect("need what the agent needs, and tell the model in their words", () =>
    Effect.gen(function* () {
      const agent = validated(({ city }) =>
        Effect.flatMap(Cities, ({ has }) => (has(city) ? Effect.void : Effect.fail(`${city} is no city.`)))
      )
      const requests = yield* Effect.gen(function* () {
        const result = yield* Agent.run(agent, "go")
        assert.deepStrictEqual(result.output, oslo)
        return yield* ScriptedTransport.requests
      }).pipe(
        Effect.provide(world([[text(`{"city":"Osl","degrees":4}`)], [text(valid)]])),
        Effect.provideService(Cities, { has: (city) => city === "Oslo" })
      )
      assert.include(lastWords(requests[1]), "Your answer is not valid: Osl is no city.")
    })
  )

  it.effect("see decoded values, and none that do not decode", () =>
    Effect.gen(function* () {
      const seen: Array<unknown> = []
      const agent = validated((value) => Effect.sync(() => seen.push(value.on)))
      yield* answered(agent, [[text(wrong)], [text(`{"city":"Oslo","degrees":4,"on":"2026-01-02"}`)]])
      assert.deepStrictEqual(seen, [new Date("2026-01-02")])
    })
  )

  it.effect("that die or interrupt themselves end the run", () =>
    Effect.gen(function* () {
      const boom = new Error("boom")
      const died = yield* answered(
        validated(() => Effect.die(boom)),
        [[text(valid)]]
      )
      assert.deepStrictEqual(died.exit, Exit.die(boom))
      const interrupted = yield* answered(
        validated(() => Effect.interrupt),
        [[text(valid)]]
      )
      assert.isTrue(Exit.isInterrupted(interrupted.exit))
      for (const { events } of [died, interrupted]) assert.strictEqual(events.at(-1)?._tag, "RunEnd")
    })
  )

  it.effect("that never end can be stopped", () =>
    Effect.gen(function* () {
      const asked = yield* Deferred.make<void>()
      const stop = yield* Deferred.make<void>()
      const agent = validated(() => Effect.zipRight(Deferred.succeed(asked, undefined), Effect.never))
      const fiber = yield* Effect.fork(
        Agent.run(agent, "go", { stopSignal: StopSignal.fromDeferred(stop) }).pipe(
          Effect.provide(world([[text(valid)]]))
        )
      )
      yield* Deferred.await(asked)
      yield* Deferred.succeed(stop, undefined)
      const result = yield* Fiber.join(fiber)
      assert.deepStrictEqual([result.reason, result.output, result.text], ["stopped", undefined, valid])
    })
  )

  it.effect("that never end run out of time", () =>
    Effect.gen(function* () {
      const agent = Agent.make("weather", {
        output: Output.make({ schema: Weather, validate: () => Effect.never }),
        limits: { wallTime: "1 minute" }
      })
      const fiber = yield* Effect.fork(answered(agent, [[text(valid)]]))
      yield* TestClock.adjust("2 minutes")
      const result = resultOf(yield* Fiber.join(fiber))
      assert.deepStrictEqual([result.reason, result.limit, result.text], ["limit", "wallTime", valid])
    })
  )

  it.effect("that say much are cut, but not within a character", () =>
    Effect.gen(function* () {
      const agent = validated(() => Effect.fail(`${"x".repeat(1999)}\u{1F600} and more`))
      const { exit } = yield* answered(agent, [[text(valid)], [text(valid)]])
      assert.deepStrictEqual(exit, Exit.fail(new OutputInvalid({ description: "x".repeat(1999), text: valid })))
    })
  )

  it.effect("can be interrupted", () =>
    Effect.gen(function* () {
      const asked = yield* Deferred.make<void>()
      const agent = validated(() => Effect.zipRight(Deferred.succeed(asked, undefined), Effect.never))
      const fiber = yield* Effect.fork(answered(agent, [[text(valid)]]))
      yield* Deferred.await(asked)
      assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(fiber)))
    })
  )
})

describe("Output and calls that end the run", () => {
  const ending = (value: unknown) =>
    Agent.make("weather", {
      output: Weather,
      tools: [Agent.tool("done", { success: Schema.Unknown }, () => Effect.succeed(ToolResult.end(value)))]
    })

  it.effect("a valid result is the answer", () =>
    Effect.gen(function* () {
      const result = resultOf(yield* answered(ending(oslo), [[call("1", "done")]]))
      assert.deepStrictEqual([result.reason, result.output, result.turns], ["completed", oslo, 1])
    })
  )

  it.effect("a validator that never ends can be stopped here too", () =>
    Effect.gen(function* () {
      const agent = Agent.make("weather", {
        output: Output.make({ schema: Weather, validate: () => Effect.never }),
        tools: [Agent.tool("done", { success: Schema.Unknown }, () => Effect.succeed(ToolResult.end(oslo)))],
        limits: { wallTime: "1 minute" }
      })
      const fiber = yield* Effect.fork(answered(agent, [[call("1", "done")]]))
      yield* TestClock.adjust("2 minutes")
      assert.strictEqual(resultOf(yield* Fiber.join(fiber)).reason, "limit")
    })
  )

  it.effect("an invalid result ends the run with OutputInvalid", () =>
    Effect.gen(function* () {
      for (const value of [{ city: "Oslo" }, "cold", undefined, null]) {
        const run = yield* answered(ending(value), [[call("1", "done")]])
        const error = yield* Effect.flip(run.exit)
        assert.strictEqual(error._tag, "OutputInvalid", String(value))
      }
    })
  )
})

describe("Agent.extract", () => {
  it.effect("gives just the answer", () =>
    Effect.gen(function* () {
      const value = yield* Effect.provide(Agent.extract(Weather, "Four degrees in Oslo"), world([[text(valid)]]))
      assert.deepStrictEqual(value, oslo)
    })
  )

  it.effect("fails when the run ends for another reason, with the last text", () =>
    Effect.gen(function* () {
      const cut = [[text(valid), finish("length" as const)]]
      const error = yield* Effect.flip(Effect.provide(Agent.extract(Weather, "x"), world(cut)))
      assert.deepStrictEqual(error, new OutputInvalid({ description: "the run ended with reason length", text: valid }))
    })
  )
})
