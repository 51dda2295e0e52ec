import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as Agent from "../../src/agent/Agent.ts"
import * as Subagent from "../../src/agent/Subagent.ts"
import type * as ContextStore from "../../src/context/ContextStore.ts"
import * as Runner from "../../src/pattern/Runner.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import * as Trace from "../../src/testing/Trace.ts"
import { Transport } from "../../src/transport/Transport.ts"
import { sentResults, world } from "../support/runs.ts"

const { call, text } = ScriptedTransport

class Place extends Context.Tag("test/Place")<Place, string>() {}

const where = Runner.fromEffect("where", (input: string) => Effect.map(Place, (place) => `${input} ${place}`))

describe("Runner.provide", () => {
  it.effect("a context or a service goes before what is there", () =>
    Effect.gen(function* () {
      const near = Runner.provideService(where, Place, "here")
      const nearer = Runner.provide(near, Context.make(Place, "elsewhere"))
      const outputs = yield* Effect.forEach(
        [near, nearer, where.pipe(Runner.provideService(Place, "piped"))],
        (runner) => Effect.map(Runner.run(runner, "is"), ({ output }) => output)
      )
      assert.deepStrictEqual(outputs, ["is here", "is here", "is piped"])
      assert.strictEqual(near.behavior.identity, where.behavior.identity)
    })
  )

  it.effect("a layer lives as long as each run", () =>
    Effect.gen(function* () {
      const lives: Array<string> = []
      const place = Layer.scoped(
        Place,
        Effect.acquireRelease(
          Effect.sync(() => `place ${lives.push("+")}`),
          () => Effect.sync(() => lives.push("-"))
        )
      )
      const runner = Runner.provide(where, place)
      const { output } = yield* Runner.run(runner, "at")
      const events = yield* Trace.of(Runner.stream(runner, "at"))
      assert.strictEqual(output, "at place 1")
      assert.deepStrictEqual(events, ["RunStart", "RunEnd:completed"])
      assert.deepStrictEqual(lives, ["+", "-", "+", "-"])
    })
  )

  it.effect("a layer that fails fails the runner", () =>
    Effect.gen(function* () {
      const runner = Runner.provide(where, Layer.fail("no place" as const).pipe(Layer.merge(Layer.succeed(Place, ""))))
      const exit = yield* Effect.exit(Stream.runDrain(Runner.stream(runner, "at")))
      assert.deepStrictEqual(exit, Exit.fail("no place"))
    })
  )

  it.effect("a layer that does not come is interrupted", () =>
    Effect.gen(function* () {
      const begun = yield* Deferred.make<void>()
      const never = Layer.effect(Place, Effect.zipRight(Deferred.succeed(begun, undefined), Effect.never))
      const fiber = yield* Effect.fork(Stream.runDrain(Runner.stream(Runner.provide(where, never), "at")))
      yield* Deferred.await(begun)
      const exit = yield* Fiber.interrupt(fiber)
      assert.isTrue(Exit.isFailure(exit) && Cause.isInterruptedOnly(exit.cause))
    })
  )

  it.effect("it is the same runner to those that look for circles", () =>
    Effect.gen(function* () {
      const own = ScriptedTransport.make([[call("2", "lead", { task: "again" })], [text("I did it.")]])
      const again = (): Runner.Runner<string, unknown, unknown> => lead
      const helper: Runner.Runner<string, unknown, unknown, ContextStore.ContextStore> = Runner.provideService(
        Agent.make("helper", { tools: [Subagent.tool(again, { name: "lead" })] }),
        Transport,
        own.transport
      )
      const lead: Runner.Runner<string, unknown, unknown> = Runner.provide(
        Agent.make("lead", { tools: [Subagent.tool(helper)] }),
        world([[call("1", "helper", { task: "go" })], [text("done")]])
      )
      const { text: answer } = yield* Runner.run(lead, "go")
      assert.strictEqual(answer, "done")
      const [, second] = yield* own.requests
      assert.match(sentResults(second).join(), /Circular use of agents: lead > helper > lead/)
    })
  )
})
