import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import * as Agent from "../../src/agent/Agent.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import * as Repair from "../../src/context/Repair.ts"
import * as Message from "../../src/domain/Message.ts"
import * as Approval from "../../src/guard/Approval.ts"
import * as Guard from "../../src/guard/Guard.ts"
import * as MessageGuard from "../../src/guard/MessageGuard.ts"
import type * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { call, gate, text } from "../../src/testing/ScriptedTransport.ts"
import * as Trace from "../../src/testing/Trace.ts"
import { ToolContext } from "../../src/tool/ToolContext.ts"
import type { Left } from "../support/messageGuards.ts"
import { blocking, hanging, hiding, left, said, secret, session, stored } from "../support/messageGuards.ts"
import { world } from "../support/runs.ts"

const has = (value: unknown): boolean => JSON.stringify(value).includes(secret)
const find = Agent.tool("find", { parameters: {} }, () => Effect.succeed(secret))
const agent = Agent.make("a", { tools: [find] })
const inSession = Effect.flatMap(ContextStore.ContextStore, (store) => store.entries(session))

/** Places at which a guard that never answers holds a run up, and how the run comes there. */
const places = [
  ["the input", secret, []],
  ["an answer", "go", [[text(secret)]]],
  ["a result", "go", [[call("1", "find")]]]
] as const

describe("MessageGuards", () => {
  describe("a guard that never answers", () => {
    const endings = [
      ["is stopped", "stopped"],
      ["is interrupted", "interrupted"],
      ["runs out of time", "limit"]
    ] as const

    for (const [place, input, script] of places) {
      for (const [what, reason] of endings) {
        it.effect(`at ${place} of a run that ${what}: it ends, and nothing unjudged is left`, () =>
          Effect.gen(function* () {
            const { asked, guard } = hanging()
            const stop = yield* Deferred.make<void>()
            const limited = Agent.make("a", {
              tools: [find],
              limits: reason === "limit" ? { wallTime: "1 minute" } : {}
            })
            const run: Left = yield* left(limited, guard, script, {
              input,
              stopSignal: Deferred.await(stop),
              meanwhile: (fiber) =>
                Effect.zipRight(
                  asked,
                  reason === "stopped"
                    ? Deferred.succeed(stop, undefined)
                    : reason === "interrupted"
                      ? Fiber.interrupt(fiber)
                      : TestClock.adjust("1 minute")
                )
            })
            const end = run.events.at(-1)
            assert.strictEqual(end?._tag === "RunEnd" ? end.reason : undefined, reason)
            for (const all of [run.events, run.entries, run.requests]) assert.deepStrictEqual(all.filter(has), [])
            const messages = run.entries.flatMap((entry) => (entry._tag === "Message" ? [entry.message] : []))
            assert.strictEqual(Repair.repair(messages), messages)
            if (place === "a result") {
              assert.deepStrictEqual(stored(run).slice(2), [
                'tool: ok [{"type":"text","text":"This result is withheld: it was not checked."}]'
              ])
            }
          })
        )
      }
    }

    it.scoped("at steering holds up neither its run for ever nor a stop", () =>
      Effect.gen(function* () {
        const { asked, guard } = hanging()
        yield* Effect.gen(function* () {
          const here = yield* Deferred.make<void>()
          yield* Deferred.succeed(here, undefined)
          const handle = yield* Agent.start(agent, "go", { session })
          // Before there is anybody to judge it.
          assert.isTrue(yield* handle.steer(secret))
          yield* asked
          yield* handle.stop
          const result = yield* handle.await
          assert.strictEqual(result.reason, "stopped")
          assert.isFalse(has(yield* Effect.orElseSucceed(inSession, () => [])))
        }).pipe(Effect.provide([world([]), MessageGuard.layer(guard)]))
      })
    )
  })

  describe("steering", () => {
    it.scoped("that came before the run began is judged before it is kept", () =>
      Effect.gen(function* () {
        const handle = yield* Agent.start(agent, "go", { session })
        assert.isTrue(yield* handle.steer(`early ${secret}`))
        const events = yield* Trace.events(handle.events)
        const entries = yield* inSession
        assert.deepStrictEqual([events.filter(has), entries.filter(has)], [[], []])
        assert.deepStrictEqual((yield* handle.await).messages.map(said), [
          "user: go",
          "user: early ***",
          "assistant: ok"
        ])
      }).pipe(Effect.provide([world([[text("ok")]]), MessageGuard.layer(hiding)]))
    )

    it.scoped("that is blocked is left out, and the run goes on", () =>
      Effect.gen(function* () {
        const reached = yield* Deferred.make<void>()
        const go = yield* Deferred.make<void>()
        yield* Effect.gen(function* () {
          const handle = yield* Agent.start(agent, "go", { session })
          assert.isTrue(yield* handle.followUp(`early ${secret}`))
          yield* Deferred.await(reached)
          assert.isFalse(yield* handle.steer(secret))
          assert.isFalse(yield* handle.followUp(secret))
          assert.isTrue(yield* handle.followUp("and more"))
          yield* Deferred.succeed(go, undefined)
          const result = yield* handle.await
          assert.deepStrictEqual(result.messages.map(said), [
            "user: go",
            "assistant: one",
            "user: and more",
            "assistant: two"
          ])
          const events = yield* Trace.events(handle.events)
          const entries = yield* inSession
          assert.deepStrictEqual([events.filter(has), entries.filter(has)], [[], []])
          assert.strictEqual(events.at(-1)?._tag, "RunEnd")
        }).pipe(
          Effect.provide([
            world([[gate(Deferred.succeed(reached, undefined)), gate(go), text("one")], [text("two")]]),
            MessageGuard.layer(blocking)
          ])
        )
      })
    )

    it.effect("from tools is judged", () =>
      Effect.gen(function* () {
        const steers = Agent.tool("find", { parameters: {} }, () =>
          Effect.map(
            Effect.flatMap(ToolContext, ({ steer }) => steer(secret)),
            String
          )
        )
        const run = yield* left(Agent.make("a", { tools: [steers] }), hiding, [[call("1", "find")], [text("ok")]])
        assert.deepStrictEqual(stored(run).slice(3), ["user: ***", "assistant: ok"])
        assert.isFalse(has(run.entries))
      })
    )

    it.scoped("that is judged when the run has ended is told of no more", () =>
      Effect.gen(function* () {
        const [asked, answer] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
        const [reached, go] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
        const slow = MessageGuard.make(({ message }) =>
          Message.toText(message) === "late"
            ? Deferred.succeed(asked, undefined).pipe(
                Effect.zipRight(Deferred.await(answer)),
                Effect.as(MessageGuard.Block("no"))
              )
            : Effect.succeed(MessageGuard.Pass)
        )
        yield* Effect.gen(function* () {
          const handle = yield* Agent.start(agent, "go", { session })
          yield* Deferred.await(reached)
          const steering = yield* Effect.fork(handle.steer("late"))
          yield* Deferred.await(asked)
          yield* Deferred.succeed(go, undefined)
          yield* handle.await
          yield* Deferred.succeed(answer, undefined)
          assert.isFalse(yield* Fiber.join(steering))
          const events = yield* Trace.events(handle.events)
          assert.deepStrictEqual(Trace.lines(events).slice(-1), ["RunEnd:completed"])
        }).pipe(
          Effect.provide([
            world([[gate(Deferred.succeed(reached, undefined)), gate(go), text("one")]]),
            MessageGuard.layer(slow)
          ])
        )
      })
    )
  })

  describe("resume", () => {
    const asks = Guard.layer(Guard.make(() => Effect.succeed(Guard.Ask("sure?"))))
    const waiting = (guard: MessageGuard.Service, script: ScriptedTransport.Script) =>
      [world(script), asks, Approval.layerSuspend, MessageGuard.layer(guard)] as const
    const suspended = Effect.map(Agent.run(agent, "go", { session }), ({ pending }) =>
      pending.map(({ call }) => ({ call, approved: true }))
    )

    it.effect("judges its words", () =>
      Effect.gen(function* () {
        const decided = yield* suspended
        const result = yield* Agent.resume(agent, session, decided, { input: `also ${secret}` })
        const entries = yield* inSession
        assert.deepStrictEqual(
          entries.flatMap((entry) => (entry._tag === "Message" ? [said(entry.message)] : [])).slice(-2),
          ["user: also ***", "assistant: ok"]
        )
        assert.isFalse(has([entries, result]))
      }).pipe(Effect.provide(waiting(hiding, [[call("1", "find")], [text("ok")]])))
    )

    it.effect("with words that are blocked changes nothing: the session waits on", () =>
      Effect.gen(function* () {
        const decided = yield* suspended
        const before = yield* inSession
        const result = yield* Agent.resume(agent, session, decided, { input: secret })
        assert.strictEqual(result.reason, "blocked")
        assert.deepStrictEqual(yield* inSession, before)
        assert.strictEqual((yield* Agent.resume(agent, session, decided)).reason, "blocked")
      }).pipe(Effect.provide(waiting(blocking, [[call("1", "find")]])))
    )
  })

  it.scoped("RUN-1 run, stream and start agree", () =>
    Effect.gen(function* () {
      const script = [[text(secret), call("1", "find")], [text("done")]]
      const given = () => [world(script), MessageGuard.layer(hiding)] as const
      const run = yield* left(agent, hiding, script)
      const streamed = yield* Effect.provide(Trace.of(Agent.stream(agent, "go")), given())
      const started = yield* Effect.provide(
        Effect.flatMap(Agent.start(agent, "go"), (handle) => Effect.zip(handle.await, Trace.of(handle.events))),
        given()
      )
      assert.deepStrictEqual(streamed, Trace.lines(run.events))
      assert.deepStrictEqual(started[1], streamed)
      assert.isTrue(Exit.isSuccess(run.exit))
      assert.deepStrictEqual(
        started[0].messages.map(said),
        Exit.isSuccess(run.exit) ? run.exit.value.messages.map(said) : []
      )
    })
  )
})
