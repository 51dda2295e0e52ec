import { assert, describe, it } from "@effect/vitest"
import type { Output } from "axonal/sandbox/Sandbox"
import { Deferred, Effect, Exit, Fiber, Queue, Scope, Stream, TestClock } from "effect"
import type { Ended, Spawn, Spawned } from "../../src/sandbox/internal/running.ts"
import * as Running from "../../src/sandbox/internal/running.ts"

/** A command that does what the test says; `deaf` ones end by nothing but being killed. */
const made = (options: { readonly deaf?: boolean } = {}) =>
  Effect.gen(function* () {
    const done: Array<string> = []
    const gone = yield* Deferred.make<void>()
    const written = yield* Queue.unbounded<string | undefined>()
    let end = (_ended: Ended): void => {}
    let isGone = false
    const leave = (ended: Ended) =>
      Effect.suspend(() => {
        isGone = true
        end(ended)
        return Deferred.succeed(gone, undefined)
      })
    const spawned: Spawned = {
      pid: undefined,
      read: Effect.map(Queue.take(written), (text): ReadonlyArray<Output> | undefined =>
        text === undefined ? undefined : [{ from: "stdout", bytes: new TextEncoder().encode(text) }]
      ),
      write: (bytes) => Effect.sync(() => void done.push(`write ${new TextDecoder().decode(bytes)}`)),
      endInput: Effect.sync(() => void done.push("end of input")),
      resize: () => Effect.void,
      signal: (name) => {
        done.push(name)
        return options.deaf === true || isGone ? Effect.void : Effect.asVoid(leave({ signal: name }))
      },
      kill: Effect.suspend(() => {
        done.push("kill")
        return Effect.asVoid(leave({ signal: "SIGKILL" }))
      }),
      isGone: Effect.sync(() => isGone),
      gone: Deferred.await(gone)
    }
    const spawn: Spawn = (onEnded) =>
      Effect.sync(() => {
        end = (ended) => onEnded(Exit.succeed(ended))
        return spawned
      })
    return { spawn, done, leave, say: (text: string | undefined) => Queue.offer(written, text) }
  })

describe("running", () => {
  it.effect("a command that has the time ends by itself", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { done, leave, spawn } = yield* made()
        const process = yield* Running.start("it", spawn, { limits: { time: "1 minute" } })
        yield* TestClock.adjust("59 seconds")
        yield* leave({ code: 3 })
        yield* TestClock.adjust("1 hour")
        assert.deepStrictEqual(yield* process.exit, { reason: "exited", code: 3, cutBytes: 0, durationMillis: 59_000 })
        assert.deepStrictEqual(done, [])
      })
    )
  )

  it.effect("a command over its time hears TERM, then KILL", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { done, spawn } = yield* made({ deaf: true })
        const process = yield* Running.start("it", spawn, { limits: { time: "1 minute" }, grace: "5 seconds" })
        yield* TestClock.adjust("59999 millis")
        assert.deepStrictEqual(done, [])
        yield* TestClock.adjust("1 millis")
        assert.deepStrictEqual(done, ["SIGTERM"])
        yield* TestClock.adjust("4999 millis")
        assert.deepStrictEqual(done, ["SIGTERM"])
        yield* TestClock.adjust("1 millis")
        assert.deepStrictEqual(done, ["SIGTERM", "kill"])
        const { durationMillis, reason, signal } = yield* process.exit
        assert.deepStrictEqual([reason, signal, durationMillis], ["timed-out", "SIGKILL", 65_000])
      })
    )
  )

  it.effect("a command that obeys TERM is not killed", () =>
    Effect.gen(function* () {
      const { done, spawn } = yield* made()
      const process = yield* Effect.scoped(Running.start("it", spawn, {}))
      assert.deepStrictEqual(done, ["SIGTERM"])
      const { reason, signal } = yield* process.exit
      assert.deepStrictEqual([reason, signal], ["killed", "SIGTERM"])
    })
  )

  it.effect("a scope waits for the grace of a deaf command", () =>
    Effect.gen(function* () {
      const { done, spawn } = yield* made({ deaf: true })
      const scope = yield* Scope.make()
      yield* Scope.extend(Running.start("it", spawn, { grace: "5 seconds" }), scope)
      const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
      yield* TestClock.adjust("4 seconds")
      assert.isNull(closing.unsafePoll())
      yield* TestClock.adjust("1 seconds")
      yield* Fiber.join(closing)
      assert.deepStrictEqual(done, ["SIGTERM", "kill"])
    })
  )

  it.effect("killing twice at once tells a command once", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { done, spawn } = yield* made()
        const process = yield* Running.start("it", spawn, {})
        yield* Effect.all([process.kill, process.kill], { concurrency: 2 })
        yield* process.kill
        assert.deepStrictEqual(done, ["SIGTERM"])
      })
    )
  )

  it.effect("a driver's reason counts over ours", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { leave, spawn } = yield* made()
        const process = yield* Running.start("it", spawn, {})
        yield* leave({ signal: "SIGKILL", reason: "out-of-memory" })
        assert.strictEqual((yield* process.exit).reason, "out-of-memory")
      })
    )
  )

  it.effect("output over the bound is counted, not kept", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { leave, say, spawn } = yield* made()
        const process = yield* Running.start("it", spawn, { limits: { outputBytes: 5 } })
        yield* Effect.forEach(["abc", "def", "ghi", undefined], say)
        const pieces = yield* Stream.runCollect(process.output)
        yield* leave({ code: 0 })
        assert.deepStrictEqual(
          [...pieces].map(({ bytes }) => new TextDecoder().decode(bytes)),
          ["abc", "de"]
        )
        assert.strictEqual((yield* process.exit).cutBytes, 4)
      })
    )
  )

  it.effect("output over the bound is read when nobody asks", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { leave, say, spawn } = yield* made()
        const process = yield* Running.start("it", spawn, { limits: { outputBytes: 1 } })
        yield* Effect.forEach(["abc", "def", undefined], say)
        yield* Stream.runHead(process.output)
        yield* leave({ code: 0 })
        assert.strictEqual((yield* process.exit).cutBytes, 5)
      })
    )
  )

  it.effect("what was read of an output is not read again", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { say, spawn } = yield* made()
        const process = yield* Running.start("it", spawn, {})
        yield* Effect.forEach(["abc", "def", undefined], say)
        const { output } = process
        const reads = [Stream.take(output, 1), output, output]
        const counts = yield* Effect.forEach(reads, Stream.runCount)
        assert.deepStrictEqual(counts, [1, 1, 0])
      })
    )
  )

  it.effect("input that fails ends the command and says so", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { done, spawn } = yield* made()
        const input = Stream.concat(Stream.make(new TextEncoder().encode("half")), Stream.fail(new Error("no more")))
        const process = yield* Running.start("it", spawn, { input })
        const { reason } = yield* Effect.flip(process.exit)
        assert.deepStrictEqual(reason, { _tag: "Invalid", problem: "its input failed: no more" })
        yield* process.kill
        assert.deepStrictEqual(done, ["write half", "SIGTERM"])
      })
    )
  )

  it.effect("limits of a call count over those of its sandbox", () =>
    Effect.sync(() => {
      const limits = Running.limitsOf({ time: "1 minute", processes: 5 }, { processes: 7, fileBytes: 0 })
      assert.deepStrictEqual(limits, {
        time: "1 minute",
        memoryBytes: undefined,
        outputBytes: undefined,
        processes: 7,
        fileBytes: 0
      })
      assert.throws(() => Running.checkLimits("limits", { memoryBytes: 0 }), "limits.memoryBytes")
      assert.throws(() => Running.check({ grace: -1 }), "grace")
    })
  )
})
