import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Agent from "../../src/agent/Agent.ts"
import * as Composite from "../../src/agent/Composite.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import { SessionId } from "../../src/domain/Ids.ts"
import * as Approval from "../../src/guard/Approval.ts"
import * as Runner from "../../src/pattern/Runner.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { world } from "../support/runs.ts"

const { call, roles, text } = ScriptedTransport

const session = SessionId.make("s")

const suspending = (script: ScriptedTransport.Script) => Layer.merge(world(script), Approval.layerSuspend)

const act = Agent.tool("act", { needsApproval: true }, () => Effect.succeed("done"))
const asker = Agent.make("asker", { instructions: "You ask", tools: [act] })
const asking = { "You ask": [[call("1", "act")], [text("asked")]] }

const yes = ({ pending }: { readonly pending: ReadonlyArray<{ readonly call: Approval.Decided["call"] }> }) =>
  pending.map(({ call }) => ({ call, approved: true }))

const causeOf = (exit: Exit.Exit<unknown, unknown>): string => (Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "")

/** A pattern that does its part, then waits for a person, and answers with what its part gave. */
const then = <In, Out, E, R>(part: Runner.Runner<In, Out, E, R>) =>
  Composite.make("then", {}, (input: In, parts) =>
    Effect.gen(function* () {
      const first = yield* parts.run("first", part, input)
      yield* parts.run("asks", asker, "may I?")
      return { output: { is: first.output, of: input } }
    })
  )

class Point extends Schema.Class<Point>("Point")({ x: Schema.Number }) {}

describe("What a pattern keeps", () => {
  const values: ReadonlyArray<readonly [name: string, value: unknown, isKept: boolean]> = [
    ["text", "text", true],
    ["nothing", undefined, true],
    ["null", null, true],
    ["a record", { a: [1, "b", { c: null }] }, true],
    ["a date", new Date(0), false],
    ["a big integer", 10n, false],
    ["no number", Number.NaN, false],
    ["a class", new Point({ x: 1 }), false],
    ["a map", new Map([["a", 1]]), false],
    ["a hole", [undefined], false]
  ]
  for (const [name, value, isKept] of values) {
    it.effect(`${name} comes back as it was, or is made again`, () =>
      Effect.gen(function* () {
        let made = 0
        const part = Runner.fromEffect(
          "part",
          (_: unknown) =>
            Effect.sync(() => {
              made++
              return value
            }),
          { output: Schema.Unknown }
        )
        const pattern = then(part)
        const first = yield* Runner.run(pattern, value, { session })
        assert.strictEqual(first.reason, "awaiting-approval")
        if (!isKept) {
          const lost = yield* Effect.flip(Runner.resume(pattern, session, yes(first)))
          assert.strictEqual(lost._tag === "ResumeRejected" && lost.reason, "no-input")
        }
        const again = isKept ? {} : { input: value }
        const result = yield* Runner.resume(pattern, session, yes(first), again)
        assert.strictEqual(result.reason, "completed")
        assert.deepStrictEqual(result.output, { is: value, of: value })
        assert.strictEqual(made, isKept ? 1 : 2)
      }).pipe(Effect.provide(suspending(roles(asking))))
    )
  }

  it.effect("what is remembered happens once, also when nothing comes of it", () =>
    Effect.gen(function* () {
      let sent = 0
      const pattern = Composite.make("sends", {}, (_: string, parts) =>
        Effect.gen(function* () {
          yield* parts.remember(
            "sent",
            Effect.sync(() => void sent++)
          )
          yield* parts.run("asks", asker, "may I?")
          return { output: "sent" }
        })
      )
      const first = yield* Runner.run(pattern, "go", { session })
      const result = yield* Runner.resume(pattern, session, yes(first))
      assert.deepStrictEqual([result.output, sent], ["sent", 1])
      const dates = Composite.make("dates", {}, (_: string, parts) =>
        Effect.map(parts.remember("date", Effect.succeed(new Date(0))), () => ({ output: "" }))
      )
      const exit = yield* Effect.exit(Runner.run(dates, "go"))
      assert.include(causeOf(exit), `What dates remembers at "date" is no JSON`)
    }).pipe(Effect.provide(suspending(roles(asking))))
  )

  it.effect("a mapped output is mapped once, and an input that is nothing is mapped, too", () =>
    Effect.gen(function* () {
      const counted = Runner.fromEffect("one", (input: number) => Effect.succeed(input + 1), { output: Schema.Number })
      const part = counted.pipe(
        Runner.map((n) => n * 10),
        Runner.mapInput((_: undefined) => 1),
        Runner.named("renamed")
      )
      assert.strictEqual((yield* Runner.run(part, undefined)).output, 20)
      const pattern = then(part)
      const first = yield* Runner.run(pattern, undefined, { session })
      const result = yield* Runner.resume(
        Runner.map(pattern, ({ is }) => [is]),
        session,
        yes(first)
      )
      assert.deepStrictEqual(result.output, [20])
    }).pipe(Effect.provide(suspending(roles(asking))))
  )

  it.effect("RUN-6 a limit that ended a part is no success when the others go on", () =>
    Effect.gen(function* () {
      const look = Agent.tool("look", {}, () => Effect.succeed("seen"))
      const short = Agent.make("short", { instructions: "You stop", tools: [look], limits: { turns: 1 } })
      const both = Composite.make("both", {}, (input: string, parts) =>
        Effect.map(Composite.all([parts.run("0", short, input), parts.run("1", asker, input)]), () => ({ output: "" }))
      )
      const first = yield* Runner.run(both, "go", { session })
      assert.strictEqual(first.reason, "awaiting-approval")
      const result = yield* Runner.resume(both, session, yes(first))
      assert.deepStrictEqual([result.reason, result.limit, result.answeredBy], ["limit", "turns", "short"])
      assert.strictEqual(result.usage.inputTokens.total, 10)
    }).pipe(Effect.provide(suspending(roles({ ...asking, "You stop": [[call("1", "look")], [text("so far")]] }))))
  )

  it.effect("an answer that was cut off is given again", () =>
    Effect.gen(function* () {
      const begun = yield* Deferred.make<void>()
      const writer = Agent.make("writer", { instructions: "You write" })
      const pattern = Composite.make("one", {}, (input: string, parts) =>
        Effect.map(parts.run("0", writer, input), ({ output }) => ({ output }))
      )
      const script = roles({
        "You write": [
          [
            text(
              "Half",
              ScriptedTransport.gate(Deferred.succeed(begun, undefined)),
              ScriptedTransport.gate(Effect.never)
            )
          ],
          [text("All of it")]
        ]
      })
      yield* Effect.gen(function* () {
        const fiber = yield* Effect.fork(Runner.run(pattern, "go", { session }))
        yield* Deferred.await(begun)
        yield* Fiber.interrupt(fiber)
        const result = yield* Runner.resume(pattern, session, [])
        assert.strictEqual(result.output, "All of it")
      }).pipe(Effect.provide(world(script)))
    })
  )
})

describe("Answers of a person", () => {
  it.effect("TR-13 may be given again after a crash that came between them and the pattern", () => {
    const ran: Array<string> = []
    const tool = Agent.tool("act", { parameters: { what: Schema.String }, needsApproval: true }, ({ what }) =>
      Effect.sync(() => void ran.push(what))
    )
    const both = Agent.make("both", { instructions: "You ask twice", tools: [tool] })
    const pattern = Composite.make("one", {}, (input: string, parts) =>
      Effect.map(parts.run("0", both, input), ({ output }) => ({ output }))
    )
    let appends = Number.POSITIVE_INFINITY
    const dying = Effect.map(
      ContextStore.ContextStore,
      (store): ContextStore.Service => ({
        ...store,
        append: (...given) => Effect.suspend(() => (appends-- > 0 ? store.append(...given) : Effect.die("killed")))
      })
    )
    return Effect.gen(function* () {
      const first = yield* Runner.run(pattern, "go", { session })
      const [one, two] = yes(first)
      if (one === undefined || two === undefined) return assert.fail("two questions")
      appends = 1
      assert.isTrue(Exit.isFailure(yield* Effect.exit(Runner.resume(pattern, session, [two]))))
      appends = Number.POSITIVE_INFINITY
      const result = yield* Runner.resume(pattern, session, [one, { ...two, approved: false }])
      // What was decided first holds.
      assert.deepStrictEqual([result.output, ran.sort()], ["asked", ["1", "2"]])
    }).pipe(
      Effect.provide(Layer.effect(ContextStore.ContextStore, dying)),
      Effect.provide(
        suspending(
          roles({
            "You ask twice": [[call("1", "act", { what: "1" }), call("2", "act", { what: "2" })], [text("asked")]]
          })
        )
      )
    )
  })
})

describe("Sessions of parts", () => {
  it.effect("no place looks like a place within another, whatever it is called", () =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      const leaf = (name: string) => Agent.make(name, { instructions: "You are" })
      const note = <Out>(result: { readonly session: string; readonly output: Out }) => void seen.push(result.session)
      const inner = Composite.make("inner", {}, (input: string, parts) =>
        Effect.gen(function* () {
          note(yield* parts.run("b", leaf("b"), input))
          note(yield* parts.run("1/b", leaf("c"), input, { session: "continued" }))
          return { output: "" }
        })
      )
      const outer = Composite.make("outer", {}, (input: string, parts) =>
        Effect.gen(function* () {
          for (const at of ["a/1/b", "a%2F1%2Fb", "1", "", "/"]) note(yield* parts.run(at, leaf("a"), input))
          for (const at of ["1/a", "x", "1", "a/1"])
            note(yield* parts.run(`${at} `, leaf("a"), input, { session: "continued" }))
          for (const at of ["a", "a/1"]) note(yield* parts.run(`in ${at}`, inner, input))
          note(yield* parts.run("s", leaf("a"), input, { session: { shared: "x " } }))
          note(yield* parts.run("a", inner, input))
          return { output: "" }
        })
      )
      yield* Runner.run(outer, "go", { session })
      assert.lengthOf(new Set(seen), seen.length)
      const twice = Composite.make("twice", {}, (input: string, parts) =>
        Effect.zipRight(parts.run("a", inner, input), Effect.as(parts.run("a", inner, input), { output: "" }))
      )
      const exit = yield* Effect.exit(Runner.run(twice, "go"))
      assert.include(causeOf(exit), `Place "a" of twice is taken`)
    }).pipe(Effect.provide(world(() => [text("x")])))
  )

  it.effect("a part whose session another run has fails as a whole run would", () =>
    Effect.gen(function* () {
      const store = yield* ContextStore.ContextStore
      const part = Agent.make("part", { instructions: "You are" })
      const pattern = Composite.make("pattern", {}, (input: string, parts) =>
        Effect.as(parts.run("0", part, input), { output: "" })
      )
      yield* store.lock(SessionId.make("s/1/0"), "wait")
      const error = yield* Effect.flip(Runner.run(pattern, "go", { session, onBusy: "fail" }))
      assert.strictEqual(error._tag === "StoreError" && error.reason._tag, "SessionBusy")
    }).pipe(Effect.scoped, Effect.provide(world([])))
  )

  it.effect("agents do not resume what patterns left, nor the other way round", () =>
    Effect.gen(function* () {
      const pattern = then(Runner.fromEffect("part", (input: string) => Effect.succeed(input)))
      const first = yield* Runner.run(pattern, "go", { session })
      const wrong = yield* Effect.flip(Agent.resume(asker, session, yes(first)))
      assert.strictEqual(wrong._tag === "ResumeRejected" && wrong.reason, "other")
      const own = yield* Agent.run(asker, "go")
      const also = yield* Effect.flip(Runner.resume(pattern, own.session, yes(own)))
      assert.strictEqual(also._tag === "ResumeRejected" && also.reason, "other")
      assert.strictEqual((yield* Runner.resume(pattern, session, yes(first))).reason, "completed")
      assert.strictEqual((yield* Agent.resume(asker, own.session, yes(own))).reason, "completed")
    }).pipe(
      Effect.provide(
        suspending(
          roles({
            "You ask": ({ messages }) => (messages.at(-1)?.role === "tool" ? [text("asked")] : [call("1", "act")])
          })
        )
      )
    )
  )
})

describe("Parts side by side", () => {
  it.effect("RUN-3 TR-8 have all ended when one has failed, also when others had not begun", () =>
    Effect.gen(function* () {
      let alive = 0
      const work = Effect.acquireUseRelease(
        Effect.sync(() => alive++),
        () => Effect.never,
        () =>
          Effect.zipRight(
            Effect.repeatN(Effect.yieldNow(), 50),
            Effect.sync(() => void alive--)
          )
      )
      const fails = Effect.zipRight(Effect.yieldNow(), Effect.fail("no" as const))
      const exit = yield* Effect.exit(Composite.all<never, "no", never>([work, fails, work, work], { concurrency: 2 }))
      assert.isTrue(Exit.isFailure(exit))
      assert.strictEqual(alive, 0)
      assert.deepStrictEqual(
        yield* Composite.all<number | undefined, never, never>([Effect.succeed(undefined), Effect.succeed(1)], {
          concurrency: 1
        }),
        [undefined, 1]
      )
    })
  )
})
