import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Stream from "effect/Stream"
import * as Agent from "../../src/agent/Agent.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import * as Trace from "../../src/testing/Trace.ts"
import { world } from "../support/runs.ts"

const { call } = ScriptedTransport

/** Reads a run until its tool has started, and leaves. */
const leaving = (cleanup: Effect.Effect<void>) => {
  const work = Agent.tool("work", {}, () => Effect.onInterrupt(Effect.never, () => cleanup))
  const events = Agent.stream(Agent.make("a", { tools: [work] }), "go")
  return Effect.exit(Stream.runDrain(Stream.takeUntil(events, ({ _tag }) => _tag === "ToolStart"))).pipe(
    Effect.provide(world([[call("1", "work")]]))
  )
}

describe("A run whose consumer leaves", () => {
  it.effect("AG-05 is cancelled, and its cleanup awaited", () =>
    Effect.gen(function* () {
      let isClean = false
      const exit = yield* leaving(
        Effect.sync(() => {
          isClean = true
        })
      )
      assert.deepStrictEqual([Exit.isSuccess(exit), isClean], [true, true])
    })
  )

  it.effect("AG-05 tells of a cleanup that died", () =>
    Effect.map(leaving(Effect.dieMessage("the file was gone")), (exit) => {
      assert.isTrue(Exit.isFailure(exit) && Cause.isDie(exit.cause), "it is told")
      assert.include(Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "", "the file was gone")
    })
  )
})

describe("A run that cannot begin", () => {
  it.effect("AG-06 has its end all the same", () =>
    Effect.gen(function* () {
      const agent = Agent.make("a", { toolkit: Effect.fail("no server" as const) })
      const { exit, lines } = yield* Trace.exit(Agent.stream(agent, "go"))
      assert.deepStrictEqual(lines, ["RunStart", "RunEnd:error"])
      assert.deepStrictEqual(exit, Exit.fail("no server"))
    }).pipe(Effect.provide(world([])))
  )
})
