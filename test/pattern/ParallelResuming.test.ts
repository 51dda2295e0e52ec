import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Agent from "../../src/agent/Agent.ts"
import * as Budget from "../../src/agent/Budget.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import type { AgentEvent } from "../../src/domain/AgentEvent.ts"
import { SessionId } from "../../src/domain/Ids.ts"
import * as Message from "../../src/domain/Message.ts"
import * as Approval from "../../src/guard/Approval.ts"
import * as Chain from "../../src/pattern/Chain.ts"
import * as Debate from "../../src/pattern/Debate.ts"
import * as MapReduce from "../../src/pattern/MapReduce.ts"
import * as Parallel from "../../src/pattern/Parallel.ts"
import * as Runner from "../../src/pattern/Runner.ts"
import type * as Scorer from "../../src/pattern/Scorer.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import type { Request, Transport } from "../../src/transport/Transport.ts"
import { world } from "../support/runs.ts"

const { call, roles, text } = ScriptedTransport

/** What a part answers follows from what it is and what it is given. */
const answerOf = (name: string, words: string) => `${name} ${words.length}`

/** Parts that write down who is at work: agents and functions, by turns. */
const workshop = (ran: Array<string>) => {
  const part = (kind: "agent" | "function", index: number) => {
    const name = `p${index}`
    return kind === "agent"
      ? Agent.make(name, { instructions: `You are ${name}.` })
      : Runner.fromEffect(
          name,
          (input: Message.Input) =>
            Effect.sync(() => {
              ran.push(name)
              return answerOf(name, Message.fromInput(input).map(Message.toText).join())
            }),
          { output: Schema.String }
        )
  }
  const script: ScriptedTransport.Script = ({ messages }) => {
    const [name = ""] = /p\d/.exec(messages.slice(0, 1).map(Message.toText).join()) ?? []
    ran.push(name)
    return [text(answerOf(name, messages.slice(-1).map(Message.toText).join()))]
  }
  return { part, script }
}

const kinds = FastCheck.constantFrom("agent" as const, "function" as const)

type Part = ReturnType<ReturnType<typeof workshop>["part"]>

const patterns = {
  chain: ([a, b, c]: readonly [Part, Part, Part]) => Chain.make("pattern", [a, b, c]),
  join: (parts: readonly [Part, Part, Part]) => Parallel.join("pattern", parts, { concurrency: 2 }),
  aggregate: ([a, b, c]: readonly [Part, Part, Part]) => Parallel.aggregate("pattern", [a, b], { by: c }),
  best: (parts: readonly [Part, Part, Part]) =>
    Parallel.best("pattern", parts, { judge: ({ text }) => Number(text.slice(1, 2)) / 10 }),
  mapReduce: ([a, , c]: readonly [Part, Part, Part]) =>
    MapReduce.make("pattern", {
      split: (input: Message.Input) => [input, "more", "and more"],
      map: a,
      reduce: Runner.mapInput(c, (all: ReadonlyArray<string>) => all.join())
    }),
  debate: ([a, b, c]: readonly [Part, Part, Part]) => Debate.make("pattern", { debaters: [a, b], judge: c }),
  vote: (parts: readonly [Part, Part, Part]) => Debate.vote("pattern", parts),
  nested: ([a, b, c]: readonly [Part, Part, Part]) =>
    Chain.make("pattern", [Parallel.join("inner", [a, b]), Runner.named(c, "last")])
}

const session = SessionId.make("work")

/** How often each part has answered, and is in a journal. */
const finished = (places: Readonly<Record<string, string>>) =>
  Effect.gen(function* () {
    const store = yield* ContextStore.ContextStore
    const { sessions } = yield* store.list({ limit: 100 })
    const own = sessions.filter(({ id }) => id === session || id.startsWith(`${session}/`))
    const logs = yield* Effect.forEach(own, ({ id }) => store.entries(id))
    return logs.flat().flatMap((entry) => {
      const [, at] = (entry._tag === "Checkpoint" && /^1\/part\/(.*)$/.exec(entry.key)) || []
      return at === undefined ? [] : [/^(?:round-\d-)?(p\d)/.exec(at)?.[1] ?? places[at] ?? at]
    })
  })

const count = (names: ReadonlyArray<string>, name: string) => names.filter((one) => one === name).length

describe("A pattern that is killed", () => {
  it.effect.prop(
    "TR-11 comes to the same, and does nothing again that was finished",
    {
      kind: FastCheck.constantFrom(
        ...Object.keys(patterns).filter((key): key is keyof typeof patterns => key in patterns)
      ),
      parts: FastCheck.tuple(kinds, kinds, kinds),
      kills: FastCheck.array(FastCheck.nat(12), { minLength: 1, maxLength: 3 })
    },
    ({ kills, kind, parts: [first, second, third] }) =>
      Effect.gen(function* () {
        const ran: Array<string> = []
        const { part, script } = workshop(ran)
        const three = [part(first, 0), part(second, 1), part(third, 2)] as const
        const pattern: Runner.Runner<
          Message.Input,
          string,
          Agent.AgentError | Scorer.ScoreInvalid,
          Transport | ContextStore.ContextStore
        > = patterns[kind](three)
        const places = { 0: "p0", 1: "p0", 2: "p0", reduce: "p2", aggregate: "p2", judge: "p2", last: "p2" }
        const left = { writes: Number.POSITIVE_INFINITY }
        const killable = Layer.effect(
          ContextStore.ContextStore,
          Effect.map(ContextStore.ContextStore, (store) => ({
            ...store,
            append: (...[id, entries, options]: Parameters<ContextStore.Service["append"]>) =>
              Effect.suspend(() => (left.writes-- > 0 ? store.append(id, entries, options) : Effect.die("killed")))
          }))
        ).pipe(Layer.provide(ContextStore.layerMemory))
        yield* Effect.gen(function* () {
          const whole = yield* Runner.run(pattern, "Begin")
          assert.strictEqual(whole.reason, "completed")
          const inAll = ran.splice(0)
          let done: ReadonlyArray<string> = []
          for (const writes of [...kills, Number.POSITIVE_INFINITY]) {
            left.writes = writes
            const store = yield* ContextStore.ContextStore
            const isBegun = (yield* store.entries(session)).length > 0
            const exit = yield* Effect.exit(
              isBegun ? Runner.resume(pattern, session, []) : Runner.run(pattern, "Begin", { session })
            )
            const again = ran.splice(0)
            for (const name of new Set(inAll)) {
              const most = count(inAll, name) - count(done, name)
              assert.isAtMost(count(again, name), most, `${kind}: ${name} after ${done}`)
            }
            done = yield* finished(places)
            if (Exit.isSuccess(exit)) {
              assert.deepStrictEqual([exit.value.reason, exit.value.output], ["completed", whole.output])
              return
            }
          }
          return assert.fail("it never ended")
        }).pipe(Effect.provide(Layer.merge(ScriptedTransport.layer(script), killable)))
      }),
    { fastCheck: { numRuns: 60 } }
  )
})

/** Agents that may do their thing when a person says so. */
const askers = (done: Array<string>) => {
  const act = Agent.tool("act", { parameters: { what: Schema.String }, needsApproval: true }, ({ what }) =>
    Effect.sync(() => {
      done.push(what)
      return "done"
    })
  )
  const asker = (name: string) => Agent.make(name, { instructions: `You are ${name}.`, tools: [act] })
  const turns = (what: string) => [[call("1", "act", { what })], ({ messages }: Request) => [text(resultOf(messages))]]
  return { asker, turns }
}

const resultOf = (messages: ReadonlyArray<Message.Message>) =>
  messages
    .at(-1)
    ?.parts.flatMap((part) => (part.type === "tool-result" ? [part.outcome] : []))
    .join() ?? ""

describe("Branches that wait for a person", () => {
  it.effect("TR-9 TR-10 TR-11 get the answers to their own questions", () => {
    const done: Array<string> = []
    const { asker, turns } = askers(done)
    return Effect.gen(function* () {
      const calls: Array<string> = []
      const other = Runner.fromEffect(
        "other",
        (_: Message.Input) => Effect.sync(() => `other ${calls.push("other")}`),
        {
          output: Schema.String
        }
      )
      const pattern = Parallel.make("three", { a: asker("a"), b: asker("b"), other, c: asker("c") })
      const first = yield* Runner.run(pattern, "go")
      assert.deepStrictEqual(
        [first.reason, first.pending.map(({ path }) => path?.at(-1)?.at), done, calls],
        ["awaiting-approval", ["a", "b", "c"], [], ["other"]]
      )
      const [a, b, c] = first.pending.map((question) => question.call)
      if (a === undefined || b === undefined || c === undefined) return assert.fail("three questions")
      // The last first, and one of them denied.
      const second = yield* Runner.resume(pattern, first.session, [{ call: c, approved: true }])
      assert.deepStrictEqual(
        [second.reason, second.pending.map(({ path }) => path?.at(-1)?.at), done],
        ["awaiting-approval", ["a", "b"], ["c"]]
      )
      const [again, alsoAgain] = second.pending.map((question) => question.call)
      assert.deepStrictEqual([again, alsoAgain], [a, b])
      const result = yield* Runner.resume(pattern, first.session, [
        { call: b, approved: true },
        { call: a, approved: false }
      ])
      assert.deepStrictEqual(result.output, { a: "denied", b: "ok", other: "other 1", c: "ok" })
      assert.deepStrictEqual([done, calls], [["c", "b"], ["other"]])
      assert.lengthOf(yield* ScriptedTransport.requests, 6)
    }).pipe(
      Effect.provide(
        Layer.merge(
          world(roles({ "You are a": turns("a"), "You are b": turns("b"), "You are c": turns("c") })),
          Approval.layerSuspend
        )
      )
    )
  })

  it.effect("TR-9 keep their question when another fails", () => {
    const done: Array<string> = []
    const { asker, turns } = askers(done)
    return Effect.gen(function* () {
      let tries = 0
      const asked = yield* Deferred.make<void>()
      const flaky = Runner.fromEffect("flaky", (_: Message.Input) =>
        Effect.zipRight(
          Deferred.await(asked),
          Effect.suspend(() => (++tries === 1 ? Effect.fail("lost" as const) : Effect.succeed("found")))
        )
      )
      const pattern = Parallel.make("two", { a: asker("a"), flaky })
      const onEvents = (events: ReadonlyArray<AgentEvent>) => {
        if (events.some((event) => event._tag === "RunEnd" && event.agent === "a"))
          Deferred.unsafeDone(asked, Exit.void)
      }
      const error = yield* Effect.flip(Runner.run(pattern, "go", { session, onEvents }))
      assert.strictEqual(error, "lost")
      const first = yield* Runner.resume(pattern, session, [])
      assert.deepStrictEqual([first.reason, tries, done], ["awaiting-approval", 2, []])
      const decided = first.pending.map((question) => ({ call: question.call, approved: true }))
      const result = yield* Runner.resume(pattern, session, decided)
      assert.deepStrictEqual([result.output, done], [{ a: "ok", flaky: "found" }, ["a"]])
    }).pipe(Effect.provide(Layer.merge(world(roles({ "You are a": turns("a") })), Approval.layerSuspend)))
  })

  it.effect("stand back where another answers first", () => {
    const done: Array<string> = []
    const { asker } = askers(done)
    return Effect.gen(function* () {
      const ready = Runner.fromEffect("ready", (_: Message.Input) => Effect.succeed("ready"))
      const pattern = Parallel.first("first", [asker("a"), ready], { concurrency: 1 })
      assert.strictEqual((yield* Runner.run(pattern, "go")).output, "ready")
      const waiting = yield* Runner.run(Parallel.first("first", [asker("a"), asker("a")]), "go")
      assert.deepStrictEqual([waiting.reason, waiting.pending.length], ["awaiting-approval", 2])
    }).pipe(
      Effect.provide(
        Layer.merge(world(roles({ "You are a": () => [call("1", "act", { what: "a" })] })), Approval.layerSuspend)
      )
    )
  })
})

describe("Branches", () => {
  it.effect("TR-26 never overshoot the budget that they share", () =>
    Effect.gen(function* () {
      const agent = Agent.make("agent")
      const pattern = Parallel.make("nine", Parallel.times(agent, 9), { onFailure: "collect" })
      const { output } = yield* Runner.run(pattern, "go")
      assert.lengthOf(output?.filter(Either.isRight) ?? [], 5)
      assert.lengthOf(yield* ScriptedTransport.requests, 5)
    }).pipe(
      Effect.provide(
        Layer.merge(
          world(() => [text("done")]),
          Budget.layer({ limits: { requests: 5 }, per: "total" })
        )
      )
    )
  )

  it.effect("stop as one", () =>
    Effect.gen(function* () {
      const stop = yield* Deferred.make<void>()
      let atWork = 0
      const hang = Agent.tool("hang", {}, () =>
        Effect.zipRight(
          Effect.suspend(() => (++atWork === 3 ? Deferred.succeed(stop, undefined) : Effect.void)),
          Effect.never
        )
      )
      const pattern = Parallel.make("three", Parallel.times(Agent.make("agent", { tools: [hang] }), 3))
      const ends: Array<string> = []
      const onEvents = (events: ReadonlyArray<AgentEvent>) =>
        ends.push(...events.flatMap((one) => (one._tag === "RunEnd" ? [`${one.agent}: ${one.reason}`] : [])))
      const result = yield* Runner.run(pattern, "go", { stopSignal: Deferred.await(stop), onEvents })
      assert.strictEqual(result.reason, "stopped")
      assert.deepStrictEqual(ends, [
        ...["agent", "agent", "agent"].map((name) => `${name}: interrupted`),
        "three: stopped"
      ])
    }).pipe(Effect.provide(world(() => [call("1", "hang")])))
  )
})
