import { SqlClient } from "@effect/sql/SqlClient"
import * as PgClient from "@effect/sql-pg/PgClient"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as ContextStore from "../../src/context/ContextStore.ts"
import * as SqlContextStore from "../../src/context/SqlContextStore.ts"
import { SessionId } from "../../src/domain/Ids.ts"
import { at, ids, said } from "../../src/testing/internal/contextStoreFixtures.ts"
import * as Erasing from "../support/erasing.ts"
import { numRuns } from "../support/generated.ts"
import { beside, open, suite } from "../support/postgres.ts"

const session = SessionId.make("session")

await suite("PostgresLimits", (_server, newDatabase) => {
  /** What a statement that counts finds. */
  const counted = (url: string, count: string) =>
    Effect.flatMap(beside(url), (sql) => Effect.orDie(sql.unsafe<{ readonly count: string }>(count))).pipe(
      Effect.map(([row]) => Number(row?.count)),
      Effect.scoped
    )

  describe("A PostgreSQL database", () => {
    it.scoped("takes more entries at once than a statement has values", () =>
      Effect.gen(function* () {
        const store = yield* open(yield* newDatabase)
        const many = Array.from({ length: 66_000 }, (_, index) => said(`${index}`, ""))
        assert.strictEqual(yield* store.append(session, many.slice(0, 10)), 10)
        assert.strictEqual(yield* store.append(session, many, { after: 10 }), many.length)
      })
    )

    it.scoped("names an id that is too long for its index, which is not tried again", () =>
      Effect.gen(function* () {
        const store = yield* open(yield* newDatabase)
        const long = Array.from({ length: 300 }, () => crypto.randomUUID()).join()
        for (const append of [
          store.append(SessionId.make(long), [said("a")]),
          store.append(session, [said(long)]),
          store.append(session, [said("a")], { owner: long })
        ]) {
          const error = yield* Effect.flip(append)
          assert.deepStrictEqual([error.reason._tag, error.isRetryable], ["Corrupt", false])
          assert.include(error.reason.message, "use one of at most 2,000 bytes")
        }
        assert.strictEqual(yield* store.append(session, [said("a")]), 1)
      })
    )

    it.scoped("finds what is in a text of more words than an index holds", () =>
      Effect.gen(function* () {
        const store = yield* open(yield* newDatabase)
        // Three bytes a letter.
        const words = Array.from({ length: 60_000 }, (_, index) =>
          String.fromCharCode(...Array.from(`${index}`.padStart(7, "0"), (digit) => 0x10d0 + Number(digit)))
        )
        yield* store.append(session, [said("long", words.join(" "))])
        const { hits } = yield* store.search(words.at(-1) ?? "")
        assert.deepStrictEqual(
          hits.map(({ entry }): string => entry),
          ["long"]
        )
      })
    )

    it.scoped("refuses cursors that were changed", () =>
      Effect.gen(function* () {
        const store = yield* open(yield* newDatabase)
        yield* store.append(session, [said("a")])
        for (const look of [
          Effect.asVoid(store.list({ cursor: "1.\u0000" })),
          Effect.asVoid(store.list({ cursor: "1.\ud800" })),
          Effect.asVoid(store.search("a", { cursor: '[1,2,"\\u0000"]' })),
          Effect.asVoid(store.search("a", { cursor: '[1,9999999999,"a"]' }))
        ]) {
          assert.strictEqual((yield* Effect.flip(look)).reason._tag, "NotFound")
        }
      })
    )

    it.scoped("RUN-5 a lease may be of any duration", () =>
      Effect.gen(function* () {
        const url = yield* newDatabase
        for (const duration of [Duration.zero, Duration.millis(150.5), Duration.infinity]) {
          const store = yield* Effect.provideService(open(url), SqlContextStore.LeaseDuration, duration)
          yield* Effect.scoped(store.lock(session, "fail"))
        }
      })
    )

    it.scoped("lists sessions that were used at once in the order of their last use", () =>
      Effect.gen(function* () {
        const url = yield* newDatabase
        const [left, right] = [yield* open(url), yield* open(url)]
        const [one, two] = [SessionId.make("one"), SessionId.make("two")]
        yield* left.append(one, [said("a")])
        yield* right.append(two, [said("a")])
        // As if neither had seen the other.
        const sql = yield* beside(url)
        yield* Effect.orDie(sql.unsafe("UPDATE axonal_sessions SET sequence = 9"))
        yield* right.append(two, [said("b")])
        yield* left.append(one, [said("b")])
        const { sessions } = yield* right.list()
        assert.deepStrictEqual(
          sessions.map(({ id }) => id),
          [one, two]
        )
      })
    )
  })

  describe("Erasing from a PostgreSQL database", () => {
    const database = Effect.runSync(Effect.cached(newDatabase))

    it.scoped.prop(
      "AM-20 leaves what a session has, and nothing else, in any order",
      [Erasing.changes],
      ([changes]) =>
        Effect.gen(function* () {
          const url = yield* database
          const [left, right] = [yield* open(url), yield* open(url)]
          yield* Erasing.agree([left, right], yield* ContextStore.ContextStore, changes)
          for (const count of Erasing.unreachable(false)) assert.strictEqual(yield* counted(url, count), 0, count)
        }).pipe(Effect.scoped, Effect.provide(ContextStore.layerMemory)),
      { fastCheck: { numRuns: numRuns(3) } }
    )

    for (const isolation of ["read committed", "repeatable read", "serializable"]) {
      it.scoped(`AM-20 sessions that share entries go at once, where the default is ${isolation}`, () =>
        Effect.gen(function* () {
          const url = yield* newDatabase
          const name = new URL(url).pathname.slice(1)
          yield* Effect.orDie(
            Effect.flatMap(beside(url), (sql) =>
              sql.unsafe(`ALTER DATABASE ${name} SET default_transaction_isolation = '${isolation}'`)
            )
          ).pipe(Effect.scoped)
          const stores = yield* Effect.forEach(["a", "b", "c", "d"], () => open(url))
          const [first] = stores
          if (first === undefined) return assert.fail("a store")
          for (let round = 0; round < 5; round++) {
            yield* first.append(session, [said("a"), said("b")])
            const forks = yield* Effect.forEach(stores, () => first.fork(session, at("a")))
            const doomed = [session, ...forks]
            yield* Effect.forEach(doomed, (id, index) => stores[index % stores.length]?.remove(id) ?? Effect.void, {
              concurrency: "unbounded"
            })
            for (const table of ["sessions", "branches", "segments", "entries"]) {
              assert.strictEqual(yield* counted(url, `SELECT COUNT(*) AS count FROM axonal_${table}`), 0, table)
            }
          }
        })
      )
    }
  })

  describe("A statement that is given up", () => {
    it.scopedLive("leaves no half transaction to the next one", () =>
      Effect.gen(function* () {
        const url = yield* newDatabase
        const store = yield* open(`${url}?query_timeout=300`, { maxConnections: 1 })
        yield* store.append(session, [said("a", "a")])
        const locking = yield* beside(url)
        const held = locking.withTransaction(
          Effect.gen(function* () {
            yield* locking.unsafe("LOCK TABLE axonal_entries IN EXCLUSIVE MODE")
            return yield* Effect.flip(store.append(session, [said("b")]))
          })
        )
        const { reason } = yield* Effect.orDie(held)
        assert.strictEqual(reason._tag, "Unavailable")
        assert.include(reason.message, "the server does not answer")
        yield* store.append(SessionId.make("another"), [said("a")])
        const { entries } = yield* store.info(session)
        assert.deepStrictEqual([entries, yield* ids(store, session)], [1, ["a"]])
      })
    )
  })

  describe("A client with one connection, and names of its own", () => {
    it.scoped("serves many fibers", () =>
      Effect.gen(function* () {
        const upper = (name: string) => name.toUpperCase()
        const client = yield* Layer.build(
          PgClient.layer({
            ...{ url: Redacted.make(yield* newDatabase), maxConnections: 1 },
            ...{ transformQueryNames: upper, transformResultNames: upper }
          })
        ).pipe(Effect.orDie, Effect.map(Context.get(PgClient.PgClient)))
        const layer = Layer.provide(SqlContextStore.layer, Layer.succeed(SqlClient, client))
        const store = Context.get(yield* Layer.build(layer), ContextStore.ContextStore)
        const names = Array.from({ length: 12 }, (_, index) => SessionId.make(`${index}`))
        const done = yield* Effect.forEach(names, (id) => Effect.either(store.append(id, [said("a")])), {
          concurrency: "unbounded"
        })
        assert.isTrue(done.every(Either.isRight))
        assert.strictEqual((yield* store.list()).sessions.length, names.length)
        assert.strictEqual((yield* store.branches(session)).length, 0)
      })
    )
  })
})
