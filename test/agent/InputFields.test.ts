/**
 * Arguments of calls told field by field, as agents with `inputFields` tell them: every field has a start and an end,
 * however its answer arrives and wherever it breaks off.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as Agent from "../../src/agent/Agent.ts"
import type { AgentEvent } from "../../src/domain/AgentEvent.ts"
import type { Delta } from "../../src/domain/Delta.ts"
import * as Usage from "../../src/domain/Usage.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { world } from "../support/runs.ts"

const { call, cut, delta, error, finish, gate, text } = ScriptedTransport

const write = Agent.tool(
  "write",
  { parameters: { path: Schema.optional(Schema.String), body: Schema.optional(Schema.Unknown) } },
  () => Effect.succeed("written")
)
const writer = Agent.make("writer", { tools: [write], inputFields: true, retries: 0 })

/** What is told of fields, with the deltas of a field joined: `0 path: a.txt`. The number is that of the call. */
const fieldsOf = (events: ReadonlyArray<AgentEvent>): ReadonlyArray<string> => {
  const lines: Array<string> = []
  const calls: Array<string> = []
  const open = new Map<string, string>()
  for (const event of events) {
    switch (event._tag) {
      case "ToolInputFieldStart":
        if (!calls.includes(event.call)) calls.push(event.call)
        assert.isFalse(open.has(event.call), "one field at a time")
        open.set(event.call, `${calls.indexOf(event.call)} ${event.key}: `)
        break
      case "ToolInputFieldDelta":
        assert.isTrue(open.has(event.call))
        open.set(event.call, (open.get(event.call) ?? "") + event.delta)
        break
      case "ToolInputFieldEnd":
        lines.push(open.get(event.call) ?? "ended without a start")
        open.delete(event.call)
        break
    }
  }
  assert.strictEqual(open.size, 0, "every field ends")
  return lines
}

const tagsOf = (events: ReadonlyArray<AgentEvent>): ReadonlyArray<string> =>
  events.filter(({ _tag }) => _tag.startsWith("ToolInputField")).map(({ _tag }) => _tag.slice("ToolInputField".length))

/** The events of a run, however it ends. */
const watched = (script: ScriptedTransport.Script, options?: ScriptedTransport.Options, agent = writer) =>
  Effect.suspend(() => {
    const seen: Array<AgentEvent> = []
    return Agent.stream(agent, "go").pipe(
      Stream.runForEach((event) => Effect.sync(() => seen.push(event))),
      Effect.exit,
      Effect.as(seen),
      Effect.provide(world(script, options))
    )
  })

/** A call as deltas, the way a vendor with its own way of cutting sends it. */
const start = (index: number): ScriptedTransport.Step =>
  delta({ _tag: "PartStart", index, kind: "tool-call", name: "write" })
const piece = (index: number, json: string): ScriptedTransport.Step =>
  delta({ _tag: "ToolInputDelta", index, delta: json })
const end = (index: number, input: string): ScriptedTransport.Step =>
  delta({ _tag: "PartEnd", index, part: { type: "tool-call", id: `w${index}`, name: "write", input } })
const over = (reason: "tool-calls" | "length"): ScriptedTransport.Step => {
  const delta_: Delta = { _tag: "Finish", reason, usage: Usage.make({ input: 1, output: 1 }) }
  return delta(delta_)
}

const done = [text("Done.")]

describe("inputFields", () => {
  it.effect("AX-38 tells fields in the order of the text, before the call is complete", () =>
    Effect.gen(function* () {
      const latch = yield* Deferred.make<void>()
      const seen: Array<AgentEvent> = []
      const steps = [start(0), piece(0, `{"path":"a.t`), piece(0, `xt","body":`), gate(latch), piece(0, `[1,`)]
      const script = [[...steps, piece(0, "2]}"), end(0, `{"path":"a.txt","body":[1,2]}`), over("tool-calls")], done]
      const ended = yield* Deferred.make<void>()
      const fiber = yield* Agent.stream(writer, "go").pipe(
        Stream.runForEach((event) => {
          seen.push(event)
          return event._tag === "ToolInputFieldEnd" ? Deferred.succeed(ended, undefined) : Effect.void
        }),
        Effect.provide(world(script, { deltasPerPull: 1 })),
        Effect.fork
      )
      yield* Deferred.await(ended)
      assert.deepStrictEqual(tagsOf(seen), ["Start", "Delta", "Delta", "End"])
      yield* Deferred.succeed(latch, undefined)
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(fieldsOf(seen), ["0 path: a.txt", "0 body: [1,2]"])
      assert.deepStrictEqual(tagsOf(seen).slice(4), ["Start", "Delta", "Delta", "End"])
    })
  )

  it.effect.prop(
    "AX-38 tells the same however the arguments are cut",
    [
      FastCheck.dictionary(FastCheck.string(), FastCheck.jsonValue({ maxDepth: 2 }), { maxKeys: 4 }),
      FastCheck.integer({ min: 1, max: 7 }),
      FastCheck.integer({ min: 1, max: 4 })
    ],
    ([input, deltaLength, deltasPerPull]) =>
      Effect.gen(function* () {
        const json = JSON.stringify(input)
        const whole = fieldsOf(yield* watched([[call("1", "write", json)], done]))
        assert.deepStrictEqual(
          whole,
          Object.entries<unknown>(JSON.parse(json)).map(
            ([key, value]) => `0 ${key}: ${typeof value === "string" ? value : JSON.stringify(value)}`
          )
        )
        const events = yield* watched([[call("1", "write", json)], done], { deltaLength, deltasPerPull })
        assert.deepStrictEqual(fieldsOf(events), whole)
      }),
    { fastCheck: { numRuns: 40 } }
  )

  it.effect("tells a call that arrives at once", () =>
    Effect.gen(function* () {
      const input = `{"path":"a","body":{"n":1}}`
      for (const steps of [[start(0), end(0, input)], [end(0, input)], [start(0), piece(0, input), end(0, input)]]) {
        const events = yield* watched([[...steps, over("tool-calls")], done])
        assert.deepStrictEqual(fieldsOf(events), ["0 path: a", `0 body: {"n":1}`])
        assert.deepStrictEqual(tagsOf(events), ["Start", "Delta", "End", "Start", "Delta", "End"])
      }
    })
  )

  it.effect("tells parallel calls apart", () =>
    Effect.gen(function* () {
      const steps = [
        ...[start(0), start(1), piece(0, `{"path":"a`), piece(1, `{"path":"b`), piece(0, `1","body":`)],
        ...[piece(1, `2"}`), piece(0, "3}"), end(1, `{"path":"b2"}`), end(0, `{"path":"a1","body":3}`)]
      ]
      const events = yield* watched([[...steps, over("tool-calls")], done], { deltasPerPull: 1 })
      assert.deepStrictEqual(fieldsOf(events), ["0 path: a1", "1 path: b2", "0 body: 3"])
      const calls = new Set(events.flatMap((event) => (event._tag === "ToolCall" ? [event.call] : [])))
      const told = new Set(events.flatMap((event) => (event._tag === "ToolInputFieldEnd" ? [event.call] : [])))
      assert.deepStrictEqual(told, calls)
    })
  )

  it.effect("AX-39 ends the fields of an answer that is cut", () =>
    Effect.gen(function* () {
      const half = [start(0), start(1), piece(0, `{"path":"a`), piece(1, `{"body":[1`)]
      const fields = ["0 path: a", "1 body: [1"]
      assert.deepStrictEqual(fieldsOf(yield* watched([[...half, cut]])), fields)
      assert.deepStrictEqual(fieldsOf(yield* watched([[...half, error("Network")]])), fields)
      assert.deepStrictEqual(fieldsOf(yield* watched([[...half, over("length")]])), fields)
      const calls = [call("1", "write", `{"path":"a`), finish("length")]
      assert.deepStrictEqual(fieldsOf(yield* watched([calls])), ["0 path: a"])
    })
  )

  it.effect("AX-39 ends the fields before a turn is begun anew", () =>
    Effect.gen(function* () {
      const agent = Agent.make("writer", { tools: [write], inputFields: true, retries: 0, restarts: 1 })
      const script = [[start(0), piece(0, `{"path":"a`), cut], [call("1", "write", `{"path":"b"}`)], done]
      const fiber = yield* Effect.fork(watched(script, {}, agent))
      yield* TestClock.adjust("1 minute")
      const events = yield* Fiber.join(fiber)
      assert.deepStrictEqual(fieldsOf(events), ["0 path: a", "1 path: b"])
      const order = events.map(({ _tag }) => _tag)
      assert.isBelow(order.indexOf("ToolInputFieldEnd"), order.indexOf("TurnRestarted"))
    })
  )

  it.effect("AX-39 ends the fields of a run that is interrupted or stopped", () =>
    Effect.gen(function* () {
      for (const how of ["stop", "interrupt"] as const) {
        const begun = yield* Deferred.make<void>()
        const steps = [start(0), piece(0, `{"path":"a`), gate(Deferred.succeed(begun, undefined)), gate(Effect.never)]
        const seen: Array<AgentEvent> = []
        const stop = yield* Deferred.make<void>()
        const fiber = yield* Agent.run(writer, "go", {
          onEvents: (batch) => seen.push(...batch),
          stopSignal: how === "stop" ? Deferred.await(stop) : undefined
        }).pipe(Effect.provide(world([steps])), Effect.fork)
        yield* Deferred.await(begun)
        yield* how === "stop" ? Deferred.succeed(stop, undefined) : Fiber.interrupt(fiber)
        yield* Fiber.await(fiber)
        assert.deepStrictEqual(fieldsOf(seen), ["0 path: a"], how)
        assert.strictEqual(seen.at(-1)?._tag, "RunEnd")
      }
    })
  )

  it.effect("AX-39 tells what it can of arguments that are no JSON", () =>
    Effect.gen(function* () {
      const told = (json: string) => Effect.map(watched([[call("1", "write", json)], done]), fieldsOf)
      assert.deepStrictEqual(yield* told(`{"path":"a\\qb","body":"\\ud800"}`), ["0 path: aqb", "0 body: \ufffd"])
      assert.deepStrictEqual(yield* told(`[1]`), [])
      assert.deepStrictEqual(yield* told(`{"path" "a"}`), [])
      assert.deepStrictEqual(yield* told(`{}`), [])
    })
  )

  it.effect("is off unless asked for, and changes nothing else", () =>
    Effect.gen(function* () {
      const script = [[call("1", "write", { path: "a" })], done]
      const plain = yield* watched(script, {}, Agent.make("writer", { tools: [write], retries: 0 }))
      assert.deepStrictEqual(tagsOf(plain), [])
      const told = yield* watched(script)
      assert.deepStrictEqual(
        told.filter(({ _tag }) => !_tag.startsWith("ToolInputField")).map(({ _tag }) => _tag),
        plain.map(({ _tag }) => _tag)
      )
      assert.deepStrictEqual(
        told.map(({ sequence }) => sequence),
        told.map((_, index) => index)
      )
    })
  )
})
