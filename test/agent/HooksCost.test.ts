import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { Answer } from "../../src/agent/Answer.ts"
import * as Observing from "../../src/agent/Observing.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import type { AgentEvent } from "../../src/domain/AgentEvent.ts"
import { RunId } from "../../src/domain/Ids.ts"
import type * as Hooks from "../../src/hook/Hooks.ts"
import { names, session } from "../support/hooks.ts"

const about = { run: RunId.make("run_1"), turn: 1, agent: "a" }
const here = (): Hooks.Where => ({ ...about, session, identity: {} })
const text = (sequence: number): AgentEvent => ({ ...about, _tag: "TextDelta", sequence, index: 0, delta: "x" })
const warning = (sequence: number): AgentEvent => ({
  ...about,
  _tag: "LimitWarning",
  sequence,
  limit: "turns",
  max: 5,
  actual: 4
})
const none = () => assert.fail("asked")

/** A record in which every hook is there but these. */
const but = (...left: ReadonlyArray<keyof Hooks.Service>): Hooks.Service =>
  Object.fromEntries(names.flatMap((name) => (left.includes(name) ? [] : [[name, none]])))

/** Where events go, which is at once. */
const sink = () => {
  const written: Array<number> = []
  const write = (events: ReadonlyArray<AgentEvent>): undefined => {
    written.push(...events.map(({ sequence }) => sequence))
  }
  return { written, write }
}

describe("Hooks that are not there", () => {
  const named = ["guardVerdict", "messageGuarded", "approvalAsked", "approvalDecided", "outputRejected"] as const
  const others = ["compacted", "compactionFailed", "limitWarning", "retrying", "turnRestarted", "events"] as const

  it("events go where they go, and nothing is waited for", () => {
    const { write, written } = sink()
    const writer = Observing.writer(write, but(...named, ...others), here)
    assert.isUndefined(writer(() => [text(0), warning(1)]))
    assert.deepStrictEqual(written, [0, 1])
  })

  it("a hook of one event is not in the way of the others", () => {
    const { write, written } = sink()
    const hooks: Hooks.Service = { limitWarning: () => Effect.void }
    const writer = Observing.writer(write, hooks, here)
    assert.isUndefined(writer(() => [text(0), text(1)]))
    assert.isDefined(writer(() => [warning(2)]))
    assert.deepStrictEqual(written, [0, 1, 2])
  })

  it("a request is sent as it is", () => {
    const receive: Effect.Effect<Answer> = Effect.never
    assert.strictEqual(Observing.model(but("modelStart", "modelEnd", "modelError"), none, receive), receive)
  })

  it.effect("a store is that very store", () =>
    Effect.map(ContextStore.ContextStore, (store) => {
      assert.strictEqual(Observing.store(store, but("storeRead", "storeWrite"), none), store)
    }).pipe(Effect.provide(ContextStore.layerMemory))
  )

  it.effect("a store that is observed reads and writes as before", () =>
    Effect.gen(function* () {
      const store = yield* ContextStore.ContextStore
      const observed = Observing.store(store, { storeRead: () => Effect.void, storeWrite: () => Effect.void }, here)
      assert.deepStrictEqual(Object.keys(observed).sort(), Object.keys(store).sort())
      assert.deepStrictEqual(yield* observed.read(session), yield* store.read(session))
    }).pipe(Effect.provide(ContextStore.layerMemory))
  )
})

describe("Hooks of an event", () => {
  it.effect("are told of what was written, even when the run is interrupted meanwhile", () =>
    Effect.gen(function* () {
      const [asked, answer] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const told: Array<number> = []
      const hooks: Hooks.Service = {
        limitWarning: ({ sequence }) =>
          Deferred.succeed(asked, undefined).pipe(
            Effect.zipRight(Deferred.await(answer)),
            Effect.zipRight(Effect.sync(() => void told.push(sequence)))
          )
      }
      const writer = Observing.writer(() => undefined, hooks, here)
      const fiber = yield* Effect.fork(Effect.suspend(() => writer(() => [warning(0), warning(1)]) ?? Effect.void))
      yield* Deferred.await(asked)
      const interrupting = yield* Effect.fork(Fiber.interrupt(fiber))
      yield* Effect.yieldNow()
      yield* Deferred.succeed(answer, undefined)
      yield* Fiber.join(interrupting)
      assert.deepStrictEqual(told, [0, 1])
    })
  )

  it.effect("are told behind those of all events, once for each", () =>
    Effect.gen(function* () {
      const order: Array<string> = []
      const hooks: Hooks.Service = {
        events: (events) => Effect.sync(() => void order.push(`events ${events.length}`)),
        limitWarning: ({ sequence }) => Effect.sync(() => void order.push(`limitWarning ${sequence}`))
      }
      const write = (): undefined => {
        order.push("written")
      }
      const writer = Observing.writer(write, hooks, here)
      yield* writer(() => [text(0), warning(1), warning(2)]) ?? Effect.void
      assert.deepStrictEqual(order, ["events 3", "written", "limitWarning 1", "limitWarning 2"])
    })
  )
})
