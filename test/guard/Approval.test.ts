import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { CallId } from "../../src/domain/Ids.ts"
import * as Approval from "../../src/guard/Approval.ts"
import { ask, question } from "../support/calls.ts"

/** Waits until so many questions wait. */
const waiting = (count: number) =>
  Effect.flatMap(Approval.ApprovalQueue, (queue) =>
    Stream.runHead(Stream.filter(queue.changes, (questions) => questions.length === count))
  )

describe("Approval", () => {
  it.effect("nobody to ask means no", () =>
    Effect.map(ask(question("a")), (decision) => assert.isFalse(decision.approved))
  )

  it.effect("layerAllow says yes to all", () =>
    Effect.map(ask(question("a")), (decision) => assert.isTrue(decision.approved)).pipe(
      Effect.provide(Approval.layerAllow)
    )
  )

  describe("layerQueue", () => {
    it.effect("TR-10 an answer reaches the call it is for", () =>
      Effect.gen(function* () {
        const queue = yield* Approval.ApprovalQueue
        const a = yield* Effect.fork(ask(question("a")))
        const b = yield* Effect.fork(ask(question("b")))
        yield* waiting(2)
        yield* queue.decide(CallId.make("b"), { approved: false, reason: "not b" })
        yield* queue.decide(CallId.make("a"), { approved: true })
        assert.deepStrictEqual(yield* Fiber.join(a), { approved: true })
        assert.deepStrictEqual(yield* Fiber.join(b), { approved: false, reason: "not b" })
        assert.deepStrictEqual(yield* queue.pending, [])
      }).pipe(Effect.provide(Approval.layerQueue))
    )

    it.effect("questions are listed oldest first", () =>
      Effect.gen(function* () {
        const queue = yield* Approval.ApprovalQueue
        for (const [index, id] of ["b", "a", "c"].entries()) {
          yield* Effect.fork(ask(question(id)))
          yield* waiting(index + 1)
        }
        assert.deepStrictEqual(
          (yield* queue.pending).map((question) => question.call.id),
          ["b", "a", "c"]
        )
      }).pipe(Effect.provide(Approval.layerQueue))
    )

    it.effect("TR-12 the second answer fails typed and changes nothing", () =>
      Effect.gen(function* () {
        const queue = yield* Approval.ApprovalQueue
        const id = CallId.make("a")
        const asking = yield* Effect.fork(ask(question("a")))
        yield* waiting(1)
        yield* queue.decide(id, { approved: false })
        const again = yield* Effect.either(queue.decide(id, { approved: true }))
        assert.deepStrictEqual(again, Either.left(new Approval.UnknownQuestion({ call: id })))
        assert.deepStrictEqual(yield* Fiber.join(asking), { approved: false })
      }).pipe(Effect.provide(Approval.layerQueue))
    )

    it.effect("of two answers at once one wins", () =>
      Effect.gen(function* () {
        const queue = yield* Approval.ApprovalQueue
        const asking = yield* Effect.fork(ask(question("a")))
        yield* waiting(1)
        const answers = [true, false].map((approved) => Effect.either(queue.decide(CallId.make("a"), { approved })))
        const results = yield* Effect.all(answers, { concurrency: "unbounded" })
        assert.deepStrictEqual(results.filter(Either.isRight).length, 1)
        assert.strictEqual((yield* Fiber.join(asking)).approved, results[0]?._tag === "Right")
      }).pipe(Effect.provide(Approval.layerQueue))
    )

    it.effect("an unknown id fails and names itself", () =>
      Effect.gen(function* () {
        const queue = yield* Approval.ApprovalQueue
        const error = yield* Effect.flip(queue.decide(CallId.make("nobody"), { approved: true }))
        assert.include(error.message, "nobody")
        const encoded = yield* Schema.encode(Approval.UnknownQuestion)(error)
        assert.deepStrictEqual(encoded, { _tag: "UnknownQuestion", call: "nobody" })
      }).pipe(Effect.provide(Approval.layerQueue))
    )

    it.effect("an interrupted ask withdraws its question", () =>
      Effect.gen(function* () {
        const queue = yield* Approval.ApprovalQueue
        const gone = yield* Effect.fork(ask(question("gone")))
        const stays = yield* Effect.fork(ask(question("stays")))
        yield* waiting(2)
        yield* Fiber.interrupt(gone)
        assert.deepStrictEqual(yield* queue.pending, [question("stays")])
        const error = yield* Effect.flip(queue.decide(CallId.make("gone"), { approved: true }))
        assert.strictEqual(error.call, "gone")
        yield* Fiber.interrupt(stays)
      }).pipe(Effect.provide(Approval.layerQueue))
    )

    it.effect("a call that already waits is not asked about twice", () =>
      Effect.gen(function* () {
        const queue = yield* Approval.ApprovalQueue
        const first = yield* Effect.fork(ask(question("a", { path: "mine" })))
        yield* waiting(1)
        assert.isFalse((yield* ask(question("a", { path: "yours" }))).approved)
        assert.deepStrictEqual(yield* queue.pending, [question("a", { path: "mine" })])
        yield* queue.decide(CallId.make("a"), { approved: true })
        assert.isTrue((yield* Fiber.join(first)).approved)
      }).pipe(Effect.provide(Approval.layerQueue))
    )

    it.effect("changes tell what waits now and after every change", () =>
      Effect.gen(function* () {
        const queue = yield* Approval.ApprovalQueue
        const counts = yield* Effect.fork(
          Stream.runCollect(
            Stream.take(
              Stream.map(queue.changes, (questions) => questions.length),
              3
            )
          )
        )
        yield* Effect.yieldNow()
        const asking = yield* Effect.fork(ask(question("a")))
        yield* waiting(1)
        yield* queue.decide(CallId.make("a"), { approved: true })
        yield* Fiber.join(asking)
        assert.deepStrictEqual(Array.from(yield* Fiber.join(counts)), [0, 1, 0])
      }).pipe(Effect.provide(Approval.layerQueue))
    )
  })
})
