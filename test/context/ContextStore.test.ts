import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { withoutCards } from "../../examples/16_your_own_context_store.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import type { Entry } from "../../src/domain/Entry.ts"
import { EntryId, SessionId } from "../../src/domain/Ids.ts"
import * as Message from "../../src/domain/Message.ts"
import type * as Part from "../../src/domain/Part.ts"
import * as Suites from "../../src/testing/Suites.ts"

const session = SessionId.make("session")
const entry = (id: string, message: Message.Message): Entry => ({
  _tag: "Message",
  id: EntryId.make(id),
  at: 0,
  message
})
const call: Part.ToolCall = { type: "tool-call", id: "c", name: "search", input: "{}" }
const result: Part.ToolResult = { type: "tool-result", id: "c", name: "search", outcome: "ok", content: [] }
const turn = [
  entry("user", Message.user("hi")),
  entry("call", Message.assistant([call])),
  entry("result", Message.tool([result]))
]

const test = (
  title: string,
  body: (store: ContextStore.Service) => Effect.Effect<void, ContextStore.StoreError>
): void =>
  it.effect(title, () => Effect.flatMap(ContextStore.ContextStore, body).pipe(Effect.provide(ContextStore.layerMemory)))

describe("ContextStore", () => {
  describe("in memory", () => {
    test("HIST-4 reading what did not change makes nothing new", (store) =>
      Effect.gen(function* () {
        yield* store.append(session, turn)
        assert.strictEqual(yield* store.read(session), yield* store.read(session))
      }))

    test("TURN-2 messages keep their identity as the session grows", (store) =>
      Effect.gen(function* () {
        yield* store.append(session, turn)
        const before = yield* store.read(session)
        yield* store.append(session, [entry("answer", Message.assistant("found"))])
        const after = yield* store.read(session)
        assert.isTrue(before.messages.every((message, index) => message === after.messages[index]))
        assert.strictEqual(before.messages.length, 3)
        assert.strictEqual(after.messages.length, 4)
      }))

    test("a window that was read does not change", (store) =>
      Effect.gen(function* () {
        yield* store.append(session, turn)
        const { messages, position } = yield* store.read(session)
        const entries = yield* store.entries(session)
        yield* store.append(session, [entry("next", Message.user("next"))])
        assert.deepStrictEqual([messages.length, position, entries.length], [3, 3, 3])
      }))

    test("a fork shares messages with its origin", (store) =>
      Effect.gen(function* () {
        yield* store.append(session, turn)
        const child = yield* store.fork(session)
        const [left, right] = [yield* store.read(session), yield* store.read(child)]
        assert.isTrue(left.messages.every((message, index) => message === right.messages[index]))
      }))

    test("RUN-5 a busy session says what to do", (store) =>
      Effect.gen(function* () {
        yield* store.lock(session, "fail")
        const error = yield* Effect.merge(store.lock(session, "fail"))
        if (!(error instanceof ContextStore.StoreError)) return assert.fail("the session is busy")
        assert.strictEqual(
          error.message,
          "lock of session session: SessionBusy: another run has the session; " +
            'wait for it (onBusy: "wait"), stop it, or use or fork to another session'
        )
        assert.isTrue(error.isRetryable)
      }).pipe(
        Effect.scoped,
        Effect.catchTag("StoreError", (error) => Effect.die(error))
      ))

    test("RUN-5 a thousand waiting runs each have the session once", (store) =>
      Effect.gen(function* () {
        let [inside, most, total] = [0, 0, 0]
        const run = Effect.scoped(
          Effect.gen(function* () {
            yield* store.lock(session, "wait")
            most = Math.max(most, ++inside)
            total++
            yield* Effect.ensuring(
              Effect.yieldNow(),
              Effect.sync(() => inside--)
            )
          })
        )
        const fibers = yield* Effect.forEach(Array.from({ length: 1000 }), () => Effect.fork(run))
        yield* Effect.forEach(fibers, (fiber, index) => (index % 2 === 0 ? Fiber.interrupt(fiber) : Effect.void))
        yield* Effect.forEach(fibers, (fiber) => Fiber.await(fiber))
        yield* Effect.scoped(store.lock(session, "fail"))
        assert.deepStrictEqual([inside, most], [0, 1])
        assert.isAtLeast(total, 500)
      }))
  })
})

// Last, because what a suite provides reaches the tests that are declared behind it.
Suites.contextStore("memory", ContextStore.layerMemory)
Suites.contextStore("a store around another one", Layer.provide(withoutCards, ContextStore.layerMemory))
