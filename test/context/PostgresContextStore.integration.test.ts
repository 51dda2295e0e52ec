import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type * as ContextStore from "../../src/context/ContextStore.ts"
import { layerPostgres } from "../../src/context/PostgresContextStore.ts"
import * as SqlContextStore from "../../src/context/SqlContextStore.ts"
import { SessionId } from "../../src/domain/Ids.ts"
import { ids, said } from "../../src/testing/internal/contextStoreFixtures.ts"
import * as Suites from "../../src/testing/Suites.ts"
import * as Processes from "../support/contextStoreProcesses.ts"
import { beside, open, password, suite } from "../support/postgres.ts"

const session = SessionId.make("session")

type Failed = readonly [operation: string, reason: string, message: string]
const failureOf = <A, R>(effect: Effect.Effect<A, ContextStore.StoreError, R>): Effect.Effect<Failed, A, R> =>
  Effect.map(Effect.flip(effect), ({ operation, reason }) => [operation, reason._tag, reason.message])

const lease = Effect.provideService(SqlContextStore.LeaseDuration, Duration.millis(150))

await suite("PostgresContextStore", (server, newDatabase) => {
  Suites.contextStore(
    "postgres",
    Layer.unwrapEffect(Effect.map(newDatabase, (url) => layerPostgres({ url: Redacted.make(url) })))
  )

  describe("PostgresContextStore", () => {
    describe("several clients", () => {
      const batches = 25
      const names = ["a", "b", "c", "d"]

      it.scoped("TR-29 appends to one session lose and reorder nothing", () =>
        Effect.gen(function* () {
          const url = yield* newDatabase
          const stores = yield* Effect.forEach(names, (name) => Effect.map(open(url), (store) => ({ name, store })))
          const appended = yield* Effect.forEach(
            stores,
            ({ name, store }) =>
              Effect.forEach(
                Array.from({ length: batches }, (_, index) => `${name}.${index}`),
                (id) => store.append(session, [said(`${id}.0`), said(`${id}.1`)])
              ),
            { concurrency: "unbounded" }
          )
          const positions = appended.flat()
          assert.deepStrictEqual(
            positions.sort((left, right) => left - right),
            Array.from({ length: names.length * batches }, (_, index) => 2 * (index + 1))
          )
          const found = yield* ids(yield* open(url), session)
          for (const name of names) {
            const own = found.filter((id) => id.startsWith(name))
            assert.deepStrictEqual(
              own,
              Array.from({ length: batches }, (_, i) => [`${name}.${i}.0`, `${name}.${i}.1`]).flat()
            )
          }
          for (let at = 0; at < found.length; at += 2)
            assert.strictEqual(found[at]?.slice(0, -1), found[at + 1]?.slice(0, -1))
        })
      )

      it.scoped("of clients that append after one position, one wins", () =>
        Effect.gen(function* () {
          const url = yield* newDatabase
          const stores = yield* Effect.forEach(names, () => open(url))
          for (let after = 0; after < 10; after++) {
            const results = yield* Effect.forEach(
              stores,
              (store, index) => Effect.either(store.append(session, [said(`${after}.${index}`)], { after })),
              { concurrency: "unbounded" }
            )
            const lost = results.flatMap((result) => (result._tag === "Left" ? [result.left.reason._tag] : []))
            assert.deepStrictEqual(lost, ["Conflict", "Conflict", "Conflict"])
          }
        })
      )

      it.scoped("one connection serves many fibers", () =>
        Effect.gen(function* () {
          const store = yield* open(yield* newDatabase, { maxConnections: 1 })
          const all = Array.from({ length: 50 }, (_, index) => `${index}`)
          yield* Effect.forEach(all, (id) => store.append(session, [said(id)]), { concurrency: "unbounded" })
          assert.deepStrictEqual([...(yield* ids(store, session))].sort(), [...all].sort())
        })
      )

      it.scoped("RUN-5 a session is busy for other clients, and free after", () =>
        Effect.gen(function* () {
          const url = yield* newDatabase
          const [left, right] = [yield* open(url), yield* open(url)]
          yield* Effect.scoped(
            Effect.gen(function* () {
              yield* left.lock(session, "fail")
              assert.strictEqual((yield* failureOf(right.lock(session, "fail")))[1], "SessionBusy")
            })
          )
          yield* right.lock(session, "fail")
        })
      )

      it.scopedLive("RUN-5 a living holder keeps its session past the lease", () =>
        Effect.gen(function* () {
          const url = yield* newDatabase
          const [left, right] = [yield* lease(open(url)), yield* lease(open(url))]
          const waiter = yield* Effect.scoped(
            Effect.gen(function* () {
              yield* left.lock(session, "fail")
              const waiter = yield* Effect.forkDaemon(Effect.scoped(right.lock(session, "wait")))
              assert.deepStrictEqual(yield* Effect.timeoutOption(Fiber.join(waiter), "600 millis"), Option.none())
              yield* left.append(session, [said("a")])
              return waiter
            })
          )
          yield* Fiber.join(waiter)
        })
      )
    })

    describe("several processes", () => {
      it.scopedLive(
        "open, append and lock one new database at once",
        () => Effect.flatMap(newDatabase, (url) => Processes.appendAndLock(url, open(url))),
        60_000
      )

      it.scopedLive(
        "RUN-5 the lease of a killed process is taken over",
        () => Effect.flatMap(newDatabase, (url) => Processes.takeOver(url, session, open(url))),
        60_000
      )
    })

    describe("a server that fails", () => {
      /** An append that waits for another transaction, and the process of the server that it waits in. */
      const blocked = Effect.gen(function* () {
        const url = yield* newDatabase
        const store = yield* open(url)
        const sql = yield* beside(url)
        yield* store.append(session, [said("a")])
        const [locked, released] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
        const holding = yield* sql`LOCK TABLE axonal_sessions IN ACCESS EXCLUSIVE MODE`.pipe(
          Effect.zipRight(Deferred.succeed(locked, undefined)),
          Effect.zipRight(Deferred.await(released)),
          sql.withTransaction,
          Effect.orDie,
          Effect.fork
        )
        yield* Deferred.await(locked)
        const appending = yield* Effect.fork(failureOf(store.append(session, [said("b"), said("c")])))
        const waiting = sql<{ readonly pid: number }>`SELECT pid FROM pg_stat_activity
          WHERE wait_event_type = 'Lock' AND datname = current_database()`
        const [row] = yield* waiting.pipe(Effect.repeat({ until: (rows) => rows.length > 0 }), Effect.orDie)
        const release = Effect.zipRight(Deferred.succeed(released, undefined), Fiber.join(holding))
        return { store, sql, appending, pid: row?.pid ?? 0, release }
      })

      for (const [signal, code] of [
        ["pg_terminate_backend", "57P01"],
        ["pg_cancel_backend", "57014"]
      ] as const) {
        it.scoped(`${signal} fails the append typed and whole, and the next one works`, () =>
          Effect.gen(function* () {
            const { store, sql, appending, pid, release } = yield* blocked
            yield* Effect.orDie(sql`SELECT ${sql.literal(signal)}(${pid}::int)`)
            const [operation, reason, message] = yield* Fiber.join(appending)
            assert.deepStrictEqual([operation, reason], ["append", "Unavailable"])
            assert.include(message, code)
            yield* release
            assert.deepStrictEqual(yield* ids(store, session), ["a"])
            assert.strictEqual(yield* store.append(session, [said("b"), said("c")], { after: 1 }), 3)
          })
        )
      }

      it.scoped("a restart between operations goes unnoticed", () =>
        Effect.gen(function* () {
          const store = yield* open(yield* newDatabase)
          yield* store.append(session, [said("a")])
          yield* store.lock(session, "fail")
          yield* Effect.promise(server.restart)
          assert.strictEqual(yield* store.append(session, [said("b")], { after: 1 }), 2)
          assert.strictEqual((yield* store.read(session)).position, 2)
        })
      )

      it.scoped("a restart during appends loses nothing that was acknowledged", () =>
        Effect.gen(function* () {
          const url = yield* newDatabase
          const store = yield* open(url)
          const acknowledged: Array<string> = []
          let stop = false
          const failures: Array<Failed> = []
          const appending = (name: string) =>
            Effect.gen(function* () {
              for (let index = 0; !stop || index === 0; index++) {
                const id = `${name}.${index}`
                const append = Effect.zipRight(
                  store.append(SessionId.make(name), [said(id), said(`${id}+`)]),
                  Effect.sync(() => acknowledged.push(id, `${id}+`))
                )
                // Repeated with the same entries: whether they arrived the first time is not known.
                yield* Effect.retry(append, {
                  while: ({ operation, reason }) => {
                    failures.push([operation, reason._tag, reason.message])
                    return reason._tag === "Unavailable"
                  }
                })
              }
            })
          const fibers = yield* Effect.forEach(["a", "b", "c"], (name) => Effect.fork(appending(name)))
          yield* Effect.promise(server.restart)
          yield* Effect.promise(server.restart)
          stop = true
          yield* Fiber.joinAll(fibers)
          for (const [operation, reason, message] of failures) {
            assert.deepStrictEqual([operation, reason], ["append", "Unavailable"])
            assert.notInclude(message, password)
          }
          const fresh = yield* open(url)
          for (const name of ["a", "b", "c"]) {
            assert.deepStrictEqual(
              yield* ids(fresh, SessionId.make(name)),
              acknowledged.filter((id) => id.startsWith(name))
            )
          }
          assert.isAbove(failures.length, 0)
        })
      )
    })
  })
})
