import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as ContextStore from "../../src/context/ContextStore.ts"
import * as ScopedContextStore from "../../src/context/ScopedContextStore.ts"
import type { Entry } from "../../src/domain/Entry.ts"
import { EntryId, SessionId } from "../../src/domain/Ids.ts"
import * as Message from "../../src/domain/Message.ts"
import * as Suites from "../../src/testing/Suites.ts"

const alice = { owner: "alice", tenant: "acme" }
const bob = { owner: "bob", tenant: "acme" }
const narrowed = (owner: ScopedContextStore.Owner) =>
  Layer.provide(ScopedContextStore.layer(owner), ContextStore.layerMemory)

const id = SessionId.make("session")
const at = EntryId.make
const said = (name: string): Entry => ({ _tag: "Message", id: at(name), at: 0, message: Message.user(name) })

interface Views {
  readonly base: ContextStore.Service
  readonly alice: ContextStore.Service
  readonly bob: ContextStore.Service
}

type Change = (store: ContextStore.Service) => Partial<ContextStore.Service>

/** A test of two narrowed views of one store, which may be changed for the purpose. */
const test = (
  title: string,
  body: (views: Views) => Effect.Effect<void, ContextStore.StoreError, Scope.Scope>,
  change: Change = () => ({})
) =>
  it.scoped(title, () =>
    Effect.gen(function* () {
      const context = yield* Layer.build(ContextStore.layerMemory)
      const memory = Context.get(context, ContextStore.ContextStore)
      const base = { ...memory, ...change(memory) }
      const view = (owner: ScopedContextStore.Owner) => ScopedContextStore.make(base, Effect.succeed(owner))
      yield* body({ base: memory, alice: view(alice), bob: view(bob) })
    })
  )

const outcomeOf = <A, R>(effect: Effect.Effect<A, ContextStore.StoreError, R>): Effect.Effect<unknown, never, R> =>
  Effect.map(Effect.either(effect), (result) => (Either.isLeft(result) ? result.left.reason._tag : result.right))

const ids = (store: ContextStore.Service, session: SessionId) =>
  Effect.map(store.entries(session), (entries) => entries.map((entry): string => entry.id))

/** What each method says of a session, all but the id and the message of failures. */
const everything = (store: ContextStore.Service, session: SessionId) =>
  Effect.all({
    read: outcomeOf(store.read(session)),
    live: outcomeOf(store.live(session)),
    entries: outcomeOf(store.entries(session)),
    entry: outcomeOf(store.entry(session, at("a"))),
    info: outcomeOf(store.info(session)),
    update: outcomeOf(store.update(session, { title: "mine now", labels: ["mine"] })),
    fork: outcomeOf(store.fork(session)),
    forkAt: outcomeOf(store.fork(session, at("a"))),
    rewind: outcomeOf(store.rewind(session, at("a"))),
    branches: outcomeOf(store.branches(session)),
    clear: outcomeOf(store.clear(session)),
    remove: outcomeOf(store.remove(session)),
    nothing: outcomeOf(store.append(session, [])),
    list: outcomeOf(store.list()),
    search: outcomeOf(store.search("secret")),
    prune: outcomeOf(store.prune({ before: Number.MAX_SAFE_INTEGER }))
  })

describe("ScopedContextStore", () => {
  describe("another's session", () => {
    for (const [whose, ownership] of [
      ["another owner", bob],
      ["the same name in another tenant", { owner: "alice", tenant: "globex" }],
      ["nobody", {}],
      ["nobody in a tenant", { tenant: "acme" }]
    ] as const) {
      test(`of ${whose} is as if it did not exist`, ({ alice, base }) =>
        Effect.gen(function* () {
          yield* base.append(id, [said("a"), said("secret")], ownership)
          yield* base.update(id, { title: "secret", labels: ["label"] })
          const before = [yield* base.info(id), yield* base.entries(id), yield* base.branches(id)]
          assert.deepStrictEqual(yield* everything(alice, id), yield* everything(alice, SessionId.make("not there")))
          for (const after of [undefined, 0, 2, 99]) {
            assert.strictEqual(yield* outcomeOf(alice.append(id, [said("mine")], { after, ...ownership })), "NotFound")
          }
          assert.strictEqual(yield* outcomeOf(Effect.scoped(alice.lock(id, "wait"))), "NotFound")
          assert.deepStrictEqual([yield* base.info(id), yield* base.entries(id), yield* base.branches(id)], before)
          assert.strictEqual((yield* base.list()).sessions.length, 1)
        }))
    }

    test("failures do not tell it from one that does not exist", ({ alice, base }) =>
      Effect.gen(function* () {
        yield* base.append(id, [said("a")], bob)
        const messages = (session: SessionId) =>
          Effect.forEach(
            [alice.info(session), alice.entry(session, at("a")), alice.fork(session), alice.rewind(session, at("a"))],
            (effect) => Effect.map(Effect.flip(Effect.asVoid(effect)), ({ reason }) => reason.message)
          ).pipe(Effect.orDie)
        assert.deepStrictEqual(yield* messages(id), yield* messages(SessionId.make("not there")))
      }))

    test("does not stand in a tree of one's own", ({ alice, base }) =>
      Effect.gen(function* () {
        yield* alice.append(id, [said("a")])
        const foreign = SessionId.make("foreign")
        yield* base.append(foreign, [said("b")], bob)
        const view = ScopedContextStore.make(
          {
            ...base,
            branches: (session) =>
              Effect.map(Effect.all([base.branches(foreign), base.branches(session)]), ([theirs, own]) => [
                ...theirs,
                ...own.map((branch) => ({ ...branch, parent: { branch: theirs[0]?.id ?? "", entry: at("b") } }))
              ])
          },
          Effect.succeed({ owner: "alice" })
        )
        assert.deepStrictEqual(yield* view.branches(id), yield* base.branches(id))
      }))

    test(
      "that cannot be read tells nobody what is wrong with it",
      ({ alice, base }) =>
        Effect.gen(function* () {
          yield* base.append(id, [said("secret")], { ...bob })
          const { reason } = yield* Effect.orDie(Effect.flip(Effect.asVoid(alice.append(id, [said("mine")]))))
          assert.deepStrictEqual([reason._tag, reason.message.includes("secret")], ["NotFound", false])
        }),
      () => ({ read: (id) => ContextStore.failure("read", id, "Corrupt", "entry secret cannot be read") })
    )
  })

  describe("whose", () => {
    test("what begins is its owner's, whatever the append says", ({ alice, base, bob }) =>
      Effect.gen(function* () {
        yield* alice.append(id, [said("a")], { owner: "bob", tenant: "globex", chat: "chat" })
        const { chat, owner, tenant } = yield* base.info(id)
        assert.deepStrictEqual([tenant, owner, chat], ["acme", "alice", "chat"])
        yield* alice.append(yield* alice.fork(id), [said("b")])
        assert.deepStrictEqual((yield* bob.list()).sessions, [])
        assert.strictEqual((yield* alice.list()).sessions.length, 2)
      }))

    test("listings, searches and pruning stay narrow, whatever they ask for", ({ alice, base, bob }) =>
      Effect.gen(function* () {
        const theirs = SessionId.make("theirs")
        yield* alice.append(id, [said("secret")], { chat: "here" })
        yield* bob.append(theirs, [said("secret")], { chat: "here" })
        for (const query of [{}, { chat: "here" }, { owner: "alice" }, { owner: "alice", tenant: "acme" }]) {
          assert.deepStrictEqual(
            (yield* alice.list(query)).sessions.map((info): string => info.id),
            [id]
          )
          assert.deepStrictEqual(
            (yield* alice.search("secret", query)).hits.map((hit) => hit.session.id),
            [id]
          )
        }
        for (const query of [
          { owner: "bob" },
          { tenant: "globex" },
          { owner: "alice", tenant: "globex" },
          { owner: "" }
        ]) {
          assert.deepStrictEqual(yield* alice.list(query), { sessions: [] })
          assert.deepStrictEqual(yield* alice.search("secret", query), { hits: [] })
          assert.strictEqual(yield* alice.prune({ ...query, before: Number.MAX_SAFE_INTEGER }), 0)
        }
        assert.strictEqual(yield* alice.prune({ before: Number.MAX_SAFE_INTEGER }), 1)
        assert.deepStrictEqual(
          (yield* base.list()).sessions.map((info): string => info.id),
          [theirs]
        )
      }))

    test("without a tenant, the owner's sessions of all tenants are theirs", ({ alice, base, bob }) =>
      Effect.gen(function* () {
        const everywhere = ScopedContextStore.make(base, Effect.succeed({ owner: "alice" }))
        yield* alice.append(id, [said("a")])
        yield* bob.append(SessionId.make("bob's"), [said("a")])
        yield* base.append(SessionId.make("globex"), [said("a")], { owner: "alice", tenant: "globex" })
        assert.strictEqual((yield* everywhere.list()).sessions.length, 2)
        assert.strictEqual((yield* everywhere.list({ tenant: "globex" })).sessions.length, 1)
        assert.deepStrictEqual(yield* ids(everywhere, id), ["a"])
      }))

    it("a blank owner or tenant is a mistake in the program", () => {
      assert.throws(() => ScopedContextStore.layer({ owner: " " }), TypeError, "owner must be a non-empty string")
      assert.throws(() => ScopedContextStore.layer({ owner: "a", tenant: "" }), TypeError, "tenant")
    })
  })

  describe("races", () => {
    /** Does something once, right behind the first look at whose a session is. */
    const behindLook =
      (act: (store: ContextStore.Service) => Effect.Effect<unknown, ContextStore.StoreError>): Change =>
      (store) => {
        let isDone = false
        return {
          info: (session) =>
            Effect.flatMap(Effect.either(store.info(session)), (result) => {
              const now = isDone ? Effect.void : act(store)
              isDone = true
              return Effect.zipRight(now, result)
            })
        }
      }
    const begin = behindLook((store) => store.append(id, [said("a"), said("b")], bob))

    for (const after of [undefined, 0]) {
      test(
        `a session that another begins meanwhile is not joined (after ${after})`,
        ({ alice, base }) =>
          Effect.gen(function* () {
            assert.strictEqual(yield* outcomeOf(alice.append(id, [said("mine")], { after })), "NotFound")
            assert.deepStrictEqual(yield* ids(base, id), ["a", "b"])
          }),
        begin
      )
      test(
        `nor one with entries of the same ids (after ${after})`,
        ({ alice, base }) =>
          Effect.gen(function* () {
            assert.strictEqual(yield* outcomeOf(alice.append(id, [said("a"), said("b")], { after })), "NotFound")
            assert.deepStrictEqual(yield* ids(base, id), ["a", "b"])
          }),
        begin
      )
      test(
        `nor one that took the place of one's own (after ${after})`,
        ({ alice, base }) =>
          Effect.gen(function* () {
            yield* base.append(id, [said("mine")], { owner: "alice", tenant: "acme" })
            assert.strictEqual(yield* outcomeOf(alice.append(id, [said("more")], { after: after && 1 })), "NotFound")
            assert.deepStrictEqual(yield* ids(base, id), ["a", "b"])
          }),
        behindLook((store) => Effect.zipRight(store.remove(id), store.append(id, [said("a"), said("b")], bob)))
      )
    }

    test(
      "what took the place of one's own is not read",
      ({ alice, base }) =>
        Effect.gen(function* () {
          yield* base.append(id, [said("mine")], { owner: "alice", tenant: "acme" })
          assert.deepStrictEqual(yield* alice.entries(id), [])
        }),
      behindLook((store) => Effect.zipRight(store.remove(id), store.append(id, [said("a")], bob)))
    )

    test(
      "an append that says nothing of its position looks again",
      ({ alice }) =>
        Effect.gen(function* () {
          yield* alice.append(id, [said("mine")])
          assert.deepStrictEqual(yield* ids(alice, id), ["meanwhile", "mine"])
        }),
      behindLook((store) => store.append(id, [said("meanwhile")], { owner: "alice", tenant: "acme" }))
    )

    test(
      "an append that says its position conflicts",
      ({ alice }) =>
        Effect.gen(function* () {
          assert.strictEqual(yield* outcomeOf(alice.append(id, [said("mine")], { after: 0 })), "Conflict")
        }),
      behindLook((store) => store.append(id, [said("meanwhile")], { owner: "alice", tenant: "acme" }))
    )

    test(
      "a store that always conflicts is given up",
      ({ alice }) =>
        Effect.gen(function* () {
          assert.strictEqual(yield* outcomeOf(alice.append(id, [said("mine")])), "Conflict")
        }),
      () => ({ append: (session) => Effect.fail(ContextStore.failure("append", session, "Conflict", "always")) })
    )

    test("another's session is not waited for", ({ alice, base }) =>
      Effect.gen(function* () {
        yield* base.append(id, [said("a")], bob)
        yield* base.lock(id, "fail")
        for (const onBusy of ["fail", "wait"] as const) {
          assert.strictEqual(yield* outcomeOf(Effect.scoped(alice.lock(id, onBusy))), "NotFound")
        }
      }))

    test("a session that became another's is let go at once", ({ alice, base }) =>
      Effect.gen(function* () {
        const holder = yield* Scope.make()
        yield* Scope.extend(base.lock(id, "fail"), holder)
        const open = yield* Scope.make()
        const waiting = yield* Effect.fork(Effect.either(Scope.extend(alice.lock(id, "wait"), open)))
        yield* Effect.yieldNow()
        yield* base.append(id, [said("a")], bob)
        yield* Scope.close(holder, Exit.void)
        assert.isTrue(Either.isLeft(yield* Fiber.join(waiting)))
        yield* base.lock(id, "fail")
      }))

    it.effect.prop(
      "no view ever meets what is another's, however they interleave",
      [FastCheck.array(FastCheck.array(FastCheck.nat({ max: 9 }), { maxLength: 12 }), { minLength: 4, maxLength: 4 })],
      ([scripts]) =>
        Effect.gen(function* () {
          const memory = yield* ContextStore.ContextStore
          const base = hesitant(memory)
          let next = 0
          const run = (index: number, script: ReadonlyArray<number>) => {
            const owner = index % 2 === 0 ? "alice" : "bob"
            const store = ScopedContextStore.make(base, Effect.succeed({ owner }))
            const isOwn = (entries: ReadonlyArray<{ readonly id: string; readonly _tag: string }>) =>
              assert.isTrue(entries.every((entry) => entry._tag === "Marker" || entry.id.startsWith(owner)))
            const own = () => store.append(id, [said(`${owner} ${next++}`)])
            const steps: ReadonlyArray<() => Effect.Effect<unknown, ContextStore.StoreError>> = [
              own,
              own,
              () => store.append(id, [said(`${owner} ${next++}`)], { after: 0 }),
              () => Effect.map(store.entries(id), isOwn),
              () => Effect.map(store.live(id), isOwn),
              () =>
                Effect.map(store.list(), ({ sessions }) =>
                  assert.isTrue(sessions.every((info) => info.owner === owner))
                ),
              () => store.remove(id),
              () => store.clear(id),
              () => Effect.scoped(Effect.zipRight(store.lock(id, "wait"), own())),
              () => Effect.flatMap(store.fork(id), (child) => Effect.map(store.entries(child), isOwn))
            ]
            return Effect.forEach(script, (step) => Effect.ignore(steps[step]?.() ?? Effect.void))
          }
          yield* Effect.forEach(scripts, (script, index) => run(index, script), { concurrency: "unbounded" })
          for (const info of (yield* memory.list({ limit: 1000 })).sessions) {
            const entries = yield* memory.entries(info.id)
            const isTheirs = entries.every((entry) => entry._tag === "Marker" || entry.id.startsWith(info.owner ?? "?"))
            assert.isTrue(isTheirs, `${info.owner}: ${entries.map((entry) => entry.id).join()}`)
          }
        }).pipe(Effect.provide(ContextStore.layerMemory))
    )
  })
})

/** The store with pauses around all it does, in which other fibers come in between. */
const hesitant = (store: ContextStore.Service): ContextStore.Service => {
  const slow = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.zipRight(Effect.yieldNow(), Effect.zipLeft(effect, Effect.yieldNow()))
  return {
    ...store,
    append: (session, entries, options) => slow(store.append(session, entries, options)),
    read: (session) => slow(store.read(session)),
    live: (session) => slow(store.live(session)),
    entries: (session) => slow(store.entries(session)),
    info: (session) => slow(store.info(session)),
    fork: (session, entry) => slow(store.fork(session, entry)),
    clear: (session) => slow(store.clear(session)),
    remove: (session) => slow(store.remove(session)),
    list: (query) => slow(store.list(query)),
    lock: (session, onBusy) => slow(store.lock(session, onBusy))
  }
}

// Last, because what a suite provides reaches the tests that are declared behind it.
Suites.contextStore("memory of one owner", narrowed({ owner: "alice" }), { only: { owner: "alice" } })
Suites.contextStore("memory of one owner of a tenant", narrowed(alice), { only: alice })
