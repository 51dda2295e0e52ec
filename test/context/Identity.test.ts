import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Agent from "../../src/agent/Agent.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import * as Identity from "../../src/context/Identity.ts"
import * as ScopedContextStore from "../../src/context/ScopedContextStore.ts"
import type { Entry } from "../../src/domain/Entry.ts"
import { EntryId, SessionId } from "../../src/domain/Ids.ts"
import * as Message from "../../src/domain/Message.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import * as Suites from "../../src/testing/Suites.ts"

const id = SessionId.make("session")
const said = (name: string): Entry => ({ _tag: "Message", id: EntryId.make(name), at: 0, message: Message.user(name) })
const ids = (store: ContextStore.Service, session: SessionId) =>
  Effect.map(store.entries(session), (entries) => entries.map((entry): string => entry.id))

describe("Identity", () => {
  it("is made of a person, a chat and perhaps an organisation", () => {
    const alice = { userId: "alice", chatId: "chat" }
    assert.deepStrictEqual(Identity.make(alice), alice)
    assert.deepStrictEqual(Identity.make({ ...alice, tenant: undefined }), alice)
    assert.deepStrictEqual(Identity.make({ ...alice, tenant: "acme" }), { ...alice, tenant: "acme" })
  })

  for (const field of ["userId", "chatId", "tenant"] as const) {
    it(`a blank ${field} is a mistake in the program`, () => {
      const identity = { userId: "alice", chatId: "chat", tenant: "acme", [field]: " " }
      assert.throws(() => Identity.make(identity), TypeError, `Identity.${field} must be a non-empty string`)
    })
  }

  it.effect("is nobody unless somebody is provided", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* Identity.Identity, {})
      const layer = Identity.layer({ userId: "alice", chatId: "chat", tenant: "acme" })
      assert.strictEqual((yield* Effect.provide(Identity.Identity, layer)).tenant, "acme")
    })
  )

  describe("whoever is asking", () => {
    const layer = Layer.provideMerge(ScopedContextStore.layerIdentity, ContextStore.layerMemory)
    const as = (userId: string, tenant?: string) => Effect.provideService(Identity.Identity, { userId, tenant })

    it.effect("is asked for anew by each operation", () =>
      Effect.gen(function* () {
        const store = yield* ContextStore.ContextStore
        yield* as("alice", "acme")(store.append(id, [said("a")]))
        const seen = (userId: string, tenant?: string) => as(userId, tenant)(ids(store, id))
        assert.deepStrictEqual(yield* seen("alice", "acme"), ["a"])
        assert.deepStrictEqual(yield* seen("alice"), ["a"])
        assert.deepStrictEqual(yield* seen("bob", "acme"), [])
        assert.deepStrictEqual(yield* seen("alice", "globex"), [])
        assert.strictEqual((yield* as("alice")(store.info(id))).owner, "alice")
      }).pipe(Effect.provide(layer))
    )

    it.scoped("is nobody without an identity, and nothing is theirs", () =>
      Effect.gen(function* () {
        const context = yield* Layer.build(ContextStore.layerMemory)
        const base = Context.get(context, ContextStore.ContextStore)
        yield* base.append(id, [said("secret")])
        yield* base.append(SessionId.make("blank"), [said("secret")], { owner: "" })
        const store = yield* Effect.provide(
          ContextStore.ContextStore,
          Layer.provide(ScopedContextStore.layerIdentity, Layer.succeed(ContextStore.ContextStore, base))
        )
        for (const nobody of [Effect.map(store.entries(id), String), as("")(Effect.map(store.entries(id), String))]) {
          assert.strictEqual(yield* nobody, "")
        }
        assert.deepStrictEqual(yield* store.list(), { sessions: [] })
        assert.deepStrictEqual(yield* as("")(store.list()), { sessions: [] })
        assert.strictEqual(yield* store.prune({ before: Number.MAX_SAFE_INTEGER }), 0)
        const error = yield* Effect.flip(store.append(SessionId.make("new"), [said("a")]))
        assert.strictEqual(error.reason.message, "there is nobody to act for; provide an Identity with a userId")
        assert.strictEqual(
          yield* Effect.map(Effect.flip(Effect.scoped(store.lock(id, "fail"))), ({ reason }) => reason._tag),
          "NotFound"
        )
        assert.strictEqual((yield* base.list()).sessions.length, 2)
      })
    )

    it.effect("is the identity of a run, in the run", () =>
      Effect.gen(function* () {
        const store = yield* ContextStore.ContextStore
        const agent = Agent.make("agent", { instructions: "Answer." })
        const run = (userId: string) =>
          Effect.either(as(userId)(Agent.run(agent, "hi", { session: id }))).pipe(Effect.map(Either.isRight))
        assert.deepStrictEqual([yield* run("alice"), yield* run("bob"), yield* run("alice")], [true, false, true])
        const kept = yield* as("alice")(store.read(id))
        assert.strictEqual(kept.messages.length, 4)
      }).pipe(
        Effect.provide(
          Layer.merge(
            layer,
            ScriptedTransport.layer([[ScriptedTransport.text("one")], [ScriptedTransport.text("two")]])
          )
        )
      )
    )
  })
})

// Last, because what a suite provides reaches the tests that are declared behind it.
Suites.contextStore(
  "memory of whoever is asking",
  Layer.merge(
    Layer.provide(ScopedContextStore.layerIdentity, ContextStore.layerMemory),
    Identity.layer({ userId: "alice", chatId: "chat", tenant: "acme" })
  ),
  { only: { owner: "alice", tenant: "acme" } }
)
