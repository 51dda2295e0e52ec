import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { SessionId } from "../../src/domain/Ids.ts"
import * as Sandbox from "../../src/sandbox/Sandbox.ts"
import { SandboxError } from "../../src/sandbox/SandboxError.ts"
import * as ToolContext from "../../src/tool/ToolContext.ts"
import { run, showing } from "../../src/toolbox/internal/commandRun.ts"
import * as Shell from "../../src/toolbox/Shell.ts"
import * as ShellJobs from "../../src/toolbox/ShellJobs.ts"
import { called } from "../support/toolCalls.ts"

const tools = Shell.make()
const session = SessionId.make("one")

const call = (name: string, input: object) => Effect.map(called(tools, name, input), ({ text }) => text)
const start = (input: object = {}) => call("shell", { command: "serve", background: true, ...input })
const jobs = call("shell_jobs", {})

const inRun = <A, E, R>(scope: Scope.Scope, use: Effect.Effect<A, E, R>, identity: object = {}) =>
  Effect.provideService(use, ToolContext.ToolContext, { ...ToolContext.outside, session, scope, identity })

/** A character in two pieces, with another output between them. */
const pieces: ReadonlyArray<Sandbox.Output> = [
  { from: "stdout", bytes: Uint8Array.of(97, 0xc3) },
  { from: "stderr", bytes: new TextEncoder().encode("err\n") },
  { from: "stdout", bytes: Uint8Array.of(0xa9, 33, 10) },
  { from: "stderr", bytes: new TextEncoder().encode("b") }
]

const lost = new SandboxError({ operation: "exec", subject: "serve", reason: { _tag: "Unavailable", problem: "lost" } })

/** Says something, so that nobody waits for it, and goes on. */
const saying = Stream.concat(Stream.succeed<Sandbox.Output>({ from: "stdout", bytes: Uint8Array.of(33) }), Stream.never)

/** A sandbox whose commands are this process. */
const playing = (process: Partial<Sandbox.Process>) =>
  Layer.effect(
    Sandbox.Sandbox,
    Effect.map(Sandbox.Sandbox, (sandbox): Sandbox.Service => {
      const made: Sandbox.Process = {
        ...{ pid: undefined, output: saying, exit: Effect.never, write: () => Effect.void, kill: Effect.void },
        ...{ endInput: Effect.void, signal: () => Effect.void, resize: () => Effect.void },
        ...process
      }
      return { ...sandbox, exec: () => Effect.as(Effect.yieldNow(), made) }
    })
  ).pipe(Layer.provide(Sandbox.layerMemory()))

describe("jobs under attack", () => {
  it.scopedLive("starting many at once does not get more than there may be", () =>
    Effect.gen(function* () {
      const scope = yield* Effect.scope
      const many = Effect.all(
        Array.from({ length: 30 }, () => start()),
        { concurrency: "unbounded" }
      )
      const told = yield* inRun(scope, many)
      assert.strictEqual(told.filter((text) => text.startsWith("Started")).length, 20)
      assert.strictEqual((yield* inRun(scope, jobs)).split("\n").length, 20)
    }).pipe(Effect.provide(playing({})))
  )

  it.scopedLive("a run does not see jobs of another of the same name", () =>
    Effect.gen(function* () {
      const [one, other] = [yield* Scope.make(), yield* Scope.make()]
      yield* inRun(one, start())
      assert.strictEqual(yield* inRun(other, jobs), "There are no jobs.")
      assert.match(yield* inRun(other, call("shell_stop", { job: "job_1" })), /There is no job/)
      assert.match(yield* inRun(one, jobs), /^job_1/)
      yield* Effect.forEach([one, other], (scope) => Scope.close(scope, Exit.void))
    }).pipe(Effect.provide(playing({})))
  )

  it.scopedLive("jobs that outlive runs are those of one person", () =>
    Effect.gen(function* () {
      const scope = yield* Effect.scope
      yield* inRun(scope, start(), { userId: "ada" })
      assert.strictEqual(yield* inRun(scope, jobs, { userId: "eve" }), "There are no jobs.")
      assert.match(yield* inRun(scope, jobs, { userId: "ada" }), /^job_1/)
    }).pipe(Effect.provide(ShellJobs.layer), Effect.provide(playing({})))
  )

  it.scopedLive("a run that has ended keeps no job", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      yield* Scope.close(scope, Exit.void)
      yield* inRun(scope, start())
      assert.strictEqual(yield* inRun(scope, jobs), "There are no jobs.")
    }).pipe(Effect.provide(playing({})))
  )

  it.scoped("input that nobody reads keeps nobody waiting", () =>
    Effect.gen(function* () {
      const scope = yield* Effect.scope
      const waiting = (work: Effect.Effect<string, never, Sandbox.Sandbox>) =>
        Effect.gen(function* () {
          const fiber = yield* Effect.fork(inRun(scope, work))
          yield* TestClock.adjust("1 minute")
          return yield* Fiber.join(fiber)
        })
      assert.match(yield* waiting(start({ input: "x" })), /^Started job_1/)
      assert.match(
        yield* waiting(call("shell_input", { job: "job_1", text: "x", end: true })),
        /has not read all of it/
      )
    }).pipe(Effect.provide(playing({ write: () => Effect.never, output: Stream.never })))
  )

  it.scopedLive("a job whose end cannot be told has ended", () =>
    Effect.gen(function* () {
      const scope = yield* Effect.scope
      yield* inRun(scope, start())
      assert.match(
        yield* inRun(scope, call("shell_stop", { job: "job_1" })),
        /it has ended, and how cannot be told: .*lost/
      )
      assert.match(yield* inRun(scope, jobs), /how cannot be told/)
    }).pipe(Effect.provide(playing({ exit: lost, output: Stream.empty })))
  )
})

describe("output under attack", () => {
  it("pieces without end are shown as few events", () => {
    const show = showing()
    const piece = { from: "stdout", bytes: new TextEncoder().encode("x") } as const
    let events = 0
    for (let index = 0; index < 300_000; index++) if (show(piece) !== "") events++
    assert.isBelow(events, 10_000)
  })

  it.scopedLive("a character that comes in two pieces is one, whatever comes between", () =>
    Effect.gen(function* () {
      const { output } = yield* run("say", {}, 1000)
      assert.strictEqual(output, "aerr\né!\nb")
    }).pipe(
      Effect.provide(
        playing({
          exit: Effect.succeed({ reason: "exited", code: 0, cutBytes: 0, durationMillis: 1 }),
          output: Stream.fromIterable(pieces)
        })
      )
    )
  )
})
