/** Generated lives of a session that is steered: whatever happens to its runs, every word is heard once, in order. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as TestContext from "effect/TestContext"
import * as Agent from "../../src/agent/Agent.ts"
import * as Compaction from "../../src/context/Compaction.ts"
import { SessionId } from "../../src/domain/Ids.ts"
import type * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { error, gate, text } from "../../src/testing/ScriptedTransport.ts"
import { numRuns, timeoutMillis } from "../support/generated.ts"
import { world } from "../support/runs.ts"
import { heardIn, pause, waitingIn } from "../support/steering.ts"

const session = SessionId.make("s")

interface Step {
  readonly does: "steer" | "followUp" | "stop" | "interrupt" | "answer" | "fail" | "compact" | "again"
}
const steps = FastCheck.array(
  FastCheck.constantFrom<Step["does"]>(
    ...([
      "steer",
      "followUp",
      "steer",
      "followUp",
      "stop",
      "interrupt",
      "answer",
      "answer",
      "fail",
      "compact",
      "again"
    ] as const)
  ),
  { minLength: 1, maxLength: 24 }
)

/** Plays a session: says words, lets the model answer or fail, ends runs and compacts, and begins a run when there is none. */
const play = (actions: ReadonlyArray<Step["does"]>, mode: "all" | "one-at-a-time"): Effect.Effect<void, unknown> =>
  Effect.gen(function* () {
    const accepted: Array<string> = []
    let [number, isFailing] = [0, false]
    let at = pause()
    const script: ScriptedTransport.Script = () => {
      const here = at
      return [gate(here.here), ...(isFailing ? [error("InvalidRequest")] : [text("ok ".repeat(40))])]
    }
    const talker = Agent.make("a", { retries: 0, steering: mode, limits: { turns: 1000 } })
    const layer = Layer.merge(
      world(script),
      Compaction.layer({ maxTokens: 1e9, keepRecent: 1, summarise: () => Effect.succeed({ text: "sum", costs: [] }) })
    )
    yield* Effect.gen(function* () {
      let run: { readonly handle: Agent.Handle; readonly scope: Scope.CloseableScope } | undefined
      const begin = Effect.gen(function* () {
        at = pause()
        isFailing = false
        const scope = yield* Scope.make()
        run = { scope, handle: yield* Scope.extend(Agent.start(talker, `go ${++number}`, { session }), scope) }
        yield* at.reached
        return run
      })
      const over = Effect.suspend(() => {
        const ended = run
        run = undefined
        return ended === undefined ? Effect.void : Scope.close(ended.scope, Exit.void)
      })
      for (const action of actions) {
        if (action === "compact") {
          yield* over
          yield* Effect.exit(Compaction.compact(session))
          continue
        }
        const { handle, scope } = run ?? (yield* begin)
        switch (action) {
          case "steer":
          case "followUp": {
            const word = `${action}${++number}`
            if (yield* handle[action](word)) accepted.push(word)
            break
          }
          case "stop":
            yield* handle.stop
            yield* over
            break
          case "interrupt":
            yield* Scope.close(scope, Exit.void)
            run = undefined
            break
          case "answer":
          case "fail": {
            isFailing = action === "fail"
            const before = at
            at = pause()
            const next = at
            // The answer of the request that waits was decided when it was asked; a failure comes with the next one.
            yield* before.release
            yield* Effect.raceFirst(next.reached, Effect.exit(handle.await))
            if (yield* Effect.map(handle.steer([]), (is) => !is)) yield* over
            break
          }
          case "again":
            yield* over
            break
        }
      }
      yield* over
      // The last run reads what is left.
      at = { ...pause(), here: Effect.void }
      isFailing = false
      yield* Agent.run(talker, "last", { session })
      const words = (yield* heardIn(session)).filter((word) => !word.includes(" ") && word !== "last")
      for (const when of ["steer", "followUp"]) {
        const of = (all: ReadonlyArray<string>) => all.filter((word) => word.startsWith(when))
        assert.deepStrictEqual(of(words), of(accepted))
      }
      assert.strictEqual(words.length, accepted.length)
      assert.deepStrictEqual(yield* waitingIn(session), [])
    }).pipe(Effect.provide(layer))
  }).pipe(Effect.provide(TestContext.TestContext))

describe("Sessions that are steered, stopped, failed, compacted and gone on with", () => {
  it.each(["all", "one-at-a-time"] as const)(
    "TR-29 AG-10 lose no word, and hear none twice: %s",
    async (mode) => {
      await FastCheck.assert(
        FastCheck.asyncProperty(steps, (actions) => Effect.runPromise(play(actions, mode) as Effect.Effect<void>)),
        { numRuns: numRuns(80) }
      )
    },
    timeoutMillis
  )
})
