/**
 * Patterns that judge and repeat, cut short at any write to their store and resumed: they come to the same, and what had
 * answered is not asked again.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Agent from "../../src/agent/Agent.ts"
import { ContextStore, layerMemory, StoreError } from "../../src/context/ContextStore.ts"
import { SessionId } from "../../src/domain/Ids.ts"
import * as Message from "../../src/domain/Message.ts"
import * as Evaluator from "../../src/pattern/Evaluator.ts"
import * as Loop from "../../src/pattern/Loop.ts"
import * as Orchestrator from "../../src/pattern/Orchestrator.ts"
import * as Planner from "../../src/pattern/Planner.ts"
import * as Runner from "../../src/pattern/Runner.ts"
import * as Scorer from "../../src/pattern/Scorer.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import type { Request, Transport } from "../../src/transport/Transport.ts"
import { sentResults } from "../support/runs.ts"

const { call, text } = ScriptedTransport

/** How a process ends at a write: before it, after it, or interrupted after it. */
type Ending = "lost" | "kept" | "interrupted"

/** A memory store of a process that ends at a write; nothing is written any more until another one begins. */
const ending = (at: number, how: Ending) => {
  const state = { writes: 0, isEnded: false, isOver: false }
  const gone = (operation: string) =>
    new StoreError({ operation, reason: { _tag: "Unavailable", message: "the process has ended" } })
  const layer = Layer.map(layerMemory, (context) => {
    const store = Context.get(context, ContextStore)
    const service = ContextStore.of({
      ...store,
      append: (session, entries, options) =>
        Effect.suspend(() => {
          if (state.isEnded) return Effect.fail(gone("append"))
          state.writes++
          state.isEnded = !state.isOver && state.writes === at
          if (!state.isEnded) return store.append(session, entries, options)
          if (how === "lost") return Effect.fail(gone("append"))
          const end = how === "kept" ? Effect.fail(gone("append")) : Effect.interrupt
          return Effect.zipRight(store.append(session, entries, options), end)
        })
    })
    return Context.make(ContextStore, service)
  })
  const begin = () => Object.assign(state, { isEnded: false, isOver: true })
  return { layer, begin, state }
}

/** A model that answers as its conversation tells, so that asking it twice is the same. */
const model = (request: Request) => {
  const words = request.messages.map(Message.toText).join("\n")
  const isRole = (role: string) => words.startsWith(role)
  const tries = Number(/number (\d)/.exec(words)?.[1] ?? 0)
  if (isRole("You plan")) return [text(JSON.stringify({ steps: [`step ${tries + 1}`], criteria: ["good"] }))]
  if (isRole("You write")) return [text(`number ${tries + 1}`)]
  if (isRole("You work")) return [text(`number ${/step (\d)(?![\s\S]*step)/.exec(words)?.[1]}`)]
  if (isRole("You review")) return [text(tries >= 2 ? "PASS" : "More.")]
  if (isRole("You score")) return [text(JSON.stringify({ feedback: "More.", score: tries / 2 }))]
  const [sent] = sentResults(request)
  if (sent?.startsWith("ok")) return [text(`led: ${sent}`)]
  // A call that was cut short is told to its model, which decides.
  return [call(sent === undefined ? "first" : "again", "poems", { task: "A poem" })]
}

const writer = Agent.make("writer", { instructions: "You write" })
const scorer = Scorer.judge("scorer", { rubric: "You score" })
const graded: Array<string> = []
const own = Scorer.fromFunction("own", ({ text }) => {
  graded.push(text)
  return 0.9
})
const poems = Evaluator.make("poems", {
  generator: writer,
  judge: Scorer.all("both", [Scorer.passWord(Agent.make("critic", { instructions: "You review" })), scorer, own], {
    concurrency: 1
  }),
  onCap: "best"
})
const plans = Planner.judged("plans", {
  planner: Agent.make("planner", { instructions: "You plan", output: Planner.Plan }),
  executor: Agent.make("worker", { instructions: "You work" }),
  scorer
})
const loop = Loop.make("loop", { body: poems, until: (words) => words.includes("number"), max: 2 })
const led = Loop.make("led", {
  body: Orchestrator.make("lead", { instructions: "You lead", workers: [poems] }),
  until: (words) => words.startsWith("led")
})

const session = SessionId.make("s")

interface Seen {
  readonly output: unknown
  readonly requests: number
  readonly writes: number
  readonly graded: ReadonlyArray<string>
}

/** Runs a pattern that ends at a write, then resumes it. */
const live = <Out, E>(
  runner: Runner.Runner<string, Out, E, Transport | ContextStore>,
  at: number,
  how: Ending
): Effect.Effect<Seen, unknown> => {
  const process = ending(at, how)
  graded.length = 0
  return Effect.gen(function* () {
    const first = yield* Effect.exit(Runner.run(runner, "A poem", { session }))
    const { writes } = process.state
    process.begin()
    const done = (output: unknown) =>
      Effect.map(ScriptedTransport.requests, (all) => ({ output, requests: all.length, writes, graded: [...graded] }))
    if (Exit.isSuccess(first)) return yield* done(first.value.output)
    const again = yield* Effect.either(Runner.resume(runner, session, []))
    if (again._tag === "Right") return yield* done(again.right.output)
    // Nothing had been written, or everything.
    assert.propertyVal(again.left, "_tag", "ResumeRejected")
    return at === 1 ? yield* done((yield* Runner.run(runner, "A poem", { session })).output) : yield* done("ended")
  }).pipe(Effect.provide(Layer.merge(ScriptedTransport.layer(model), process.layer)))
}

const endings: ReadonlyArray<Ending> = ["lost", "kept", "interrupted"]

/** Lives of a pattern that end at each of its writes, in these ways by turns. What is cut short in a call may be done again. */
const holds = <Out, E>(
  runner: Runner.Runner<string, Out, E, Transport | ContextStore>,
  writes: number,
  isCalling = false
): Effect.Effect<void, unknown> =>
  Effect.gen(function* () {
    const whole = yield* live(runner, Number.POSITIVE_INFINITY, "lost")
    assert.strictEqual(whole.writes, writes)
    for (let at = 1; at <= writes; at++) {
      const how = endings[at % endings.length] ?? "lost"
      const seen = yield* live(runner, at, how)
      const what = `${how} at ${at} of ${writes}`
      assert.deepStrictEqual(seen.output, at === writes && how !== "lost" ? "ended" : whole.output, what)
      if (isCalling) continue
      // An answer that was kept is not asked for again; one that was lost is, once.
      assert.include(how === "lost" ? [whole.requests, whole.requests + 1] : [whole.requests], seen.requests, what)
      assert.include([whole.graded.length, whole.graded.length + (how === "lost" ? 1 : 0)], seen.graded.length, what)
    }
  })

describe("Patterns that judge and repeat", () => {
  it.effect("an evaluator goes on from any write", () => holds(poems, 26))
  it.effect("a planner goes on from any write", () => holds(plans, 20))
  it.effect("a loop goes on from any write", () => holds(loop, 28))
  it.effect("an orchestrator in a loop goes on from any write", () => holds(led, 33, true))

  it.effect("keep typed outputs over a restart", () =>
    Effect.gen(function* () {
      const clock = Runner.fromEffect("clock", (at: Date) => Effect.succeed(new Date(at.getTime() + 1000)), {
        output: Schema.Date
      })
      const until = (at: Date) => at.getTime() === 3000
      const { begin, layer } = ending(4, "kept")
      yield* Effect.gen(function* () {
        const ticking = Loop.make("ticking", { body: clock, until })
        yield* Effect.exit(Runner.run(ticking, new Date(0), { session }))
        begin()
        const result = yield* Runner.resume(ticking, session, [], { input: new Date(0) })
        assert.deepStrictEqual(result.output, new Date(3000))
      }).pipe(Effect.provide(layer))
    })
  )
})
