import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as Agent from "../../src/agent/Agent.ts"
import * as EventLog from "../../src/agent/EventLog.ts"
import type { AgentEvent } from "../../src/domain/AgentEvent.ts"
import { call, text } from "../../src/testing/ScriptedTransport.ts"
import { world } from "../support/runs.ts"

/** An agent with a tool that says when it begins, and answers when it may. */
const blocked = Effect.gen(function* () {
  const [began, gate] = yield* Effect.all([Deferred.make<void>(), Deferred.make<void>()])
  const work = Agent.tool("work", {}, () => Effect.zipRight(Deferred.succeed(began, undefined), Deferred.await(gate)))
  return { agent: Agent.make("worker", { tools: [work] }), began, gate }
})
const script = [[call("1", "work")], [text("done")]]
/** What a reader sees, by tag. */
const tags = <E>(events: Stream.Stream<AgentEvent, E>) =>
  Effect.map(Stream.runCollect(events), (all) => Array.from(all, ({ _tag }) => _tag))

describe("A handle's events", () => {
  it.scoped("AG-07 a reader that comes back goes on where it left, while the run went on", () =>
    Effect.gen(function* () {
      const { agent, began, gate } = yield* blocked
      const run = yield* Agent.start(agent, "go")
      const first: Array<string> = []
      const reader = yield* Effect.fork(
        Stream.runForEach(run.events, ({ _tag }) => Effect.sync(() => void first.push(_tag)))
      )
      yield* Deferred.await(began)
      yield* Effect.repeatN(Effect.yieldNow(), 9)
      // Disconnecting is not stopping.
      yield* Fiber.interrupt(reader)
      yield* Deferred.succeed(gate, undefined)
      assert.strictEqual((yield* run.await).reason, "completed")
      const rest = yield* tags(run.eventsFrom({ from: first.length }))
      assert.deepStrictEqual([...first, ...rest], yield* tags(run.events))
      assert.isAbove(rest.length, 0)
    }).pipe(Effect.provide(world(script)))
  )

  it.scoped("AG-04 stopping ends the run for every reader, with all of its events", () =>
    Effect.gen(function* () {
      const { agent, began } = yield* blocked
      const run = yield* Agent.start(agent, "go")
      const readers = yield* Effect.fork(Effect.all(Effect.replicate(tags(run.events), 3), { concurrency: 3 }))
      yield* Deferred.await(began)
      yield* run.stop
      const all = yield* tags(run.events)
      assert.deepStrictEqual(yield* Fiber.join(readers), [all, all, all])
      assert.deepStrictEqual([all.at(-1), (yield* run.await).reason], ["RunEnd", "stopped"])
    }).pipe(Effect.provide(world(script.slice(0, 1))))
  )

  it.scoped("TR-30 a run that keeps few events ends as well, and its result is whole", () =>
    Effect.gen(function* () {
      const { agent, gate } = yield* blocked
      yield* Deferred.succeed(gate, undefined)
      const run = yield* Agent.start(agent, "go", { retain: 2 })
      const result = yield* run.await
      assert.deepStrictEqual([result.output, result.messages.length], ["done", 4])
      assert.instanceOf(yield* Effect.flip(Stream.runDrain(run.events)), EventLog.EventsLagged)
      assert.deepStrictEqual(yield* tags(run.eventsFrom({ onLag: "skip" })), ["TurnEnd", "RunEnd"])
    }).pipe(Effect.provide(world(script)))
  )
})
