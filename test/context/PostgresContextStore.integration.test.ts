import { createServer } from "node:net"
import { inspect } from "node:util"
import * as PgClient from "@effect/sql-pg/PgClient"
import { afterAll, assert, describe, it, vi } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as ContextStore from "../../src/context/ContextStore.ts"
import type { Options } from "../../src/context/PostgresContextStore.ts"
import { layerConfig, layerPostgres } from "../../src/context/PostgresContextStore.ts"
import * as SqlContextStore from "../../src/context/SqlContextStore.ts"
import { SessionId } from "../../src/domain/Ids.ts"
import { ids, said } from "../../src/testing/internal/contextStoreFixtures.ts"
import * as Suites from "../../src/testing/Suites.ts"
import * as Processes from "../support/contextStoreProcesses.ts"
import * as Postgres from "../support/postgres.ts"

const session = SessionId.make("session")

type Failed = readonly [operation: string, reason: string, message: string]
const failureOf = <A, R>(effect: Effect.Effect<A, ContextStore.StoreError, R>): Effect.Effect<Failed, A, R> =>
  Effect.map(Effect.flip(effect), ({ operation, reason }) => [operation, reason._tag, reason.message])

/** A client of its own to a database, for as long as the scope. */
const open = (url: string, options?: Partial<Options> & { readonly leaseMillis?: number }) => {
  const lease = Layer.succeed(SqlContextStore.LeaseDuration, Duration.millis(options?.leaseMillis ?? 15_000))
  const store = layerPostgres({ ...options, url: Redacted.make(url) })
  return Effect.map(Layer.build(Layer.provide(store, lease)), (context) =>
    Context.get(context, ContextStore.ContextStore)
  )
}

/** A connection beside the store. */
const beside = (url: string) =>
  Effect.map(Layer.build(PgClient.layer({ url: Redacted.make(url), maxConnections: 2 })), (context) =>
    Context.get(context, PgClient.PgClient)
  ).pipe(Effect.orDie)

const suite = (server: Postgres.Server): void => {
  afterAll(server.stop)
  let databases = 0
  const newDatabase = Effect.gen(function* () {
    const name = `test_${databases++}`
    const sql = yield* beside(server.url("postgres"))
    yield* Effect.orDie(sql.unsafe(`CREATE DATABASE ${name}`))
    return server.url(name)
  }).pipe(Effect.scoped)

  Suites.contextStore(
    "postgres",
    Layer.unwrapEffect(Effect.map(newDatabase, (url) => layerPostgres({ url: Redacted.make(url) })))
  )

  describe("PostgresContextStore", () => {
    describe("opening", () => {
      const secrets = [Postgres.password, encodeURIComponent(Postgres.password), "wr/ng", "wr%2Fng"]
      /** The failure to open, of which nothing shows a password. */
      const opening = (url: string, options?: Partial<Options>) =>
        Effect.map(Effect.exit(Effect.scoped(open(url, options))), (exit): string => {
          if (Exit.isSuccess(exit)) return assert.fail("it opened")
          const [error] = [...Cause.failures(exit.cause)]
          const shown = [inspect(exit, { depth: 20 }), Cause.pretty(exit.cause), JSON.stringify(error)].join()
          for (const secret of secrets) assert.notInclude(shown, secret)
          assert.deepStrictEqual([error?.operation, error?.reason._tag], ["open", "Unavailable"])
          return error?.reason.message ?? ""
        })

      it.effect("a wrong password is named and not shown", () =>
        Effect.gen(function* () {
          const message = yield* opening(`postgresql://axonal:wr%2Fng@127.0.0.1:${server.port}/postgres`)
          assert.strictEqual(
            message,
            `127.0.0.1:${server.port}/postgres: the server does not let this user in; ` +
              `check user and password of the URL: password authentication failed for user "axonal" (28P01)`
          )
          const none = yield* opening(`postgresql://axonal@127.0.0.1:${server.port}/postgres`)
          assert.include(none, "the server asks for a password; add it to the URL")
        })
      )

      it.effect("a missing database is named", () =>
        Effect.gen(function* () {
          assert.strictEqual(
            yield* opening(server.url("nothing")),
            `127.0.0.1:${server.port}/nothing: there is no such database; make it with createdb, or correct the URL: ` +
              `database "nothing" does not exist (3D000)`
          )
        })
      )

      it.effect("a server that does not run is named", () =>
        Effect.gen(function* () {
          const advice = "no server listens there; start it, or correct host and port of the URL: "
          assert.strictEqual(
            yield* opening("postgresql://axonal:wr%2Fng@127.0.0.1:1/db"),
            `127.0.0.1:1/db: ${advice}connect ECONNREFUSED 127.0.0.1:1`
          )
          assert.include(yield* opening("postgresql://axonal:wr%2Fng@localhost:1/db"), `localhost:1/db: ${advice}`)
          assert.include(yield* opening("postgresql://axonal@/db?host=/nowhere"), `/nowhere/db: ${advice}`)
        })
      )

      it.live("a server that says nothing is given up", () =>
        Effect.gen(function* () {
          const port = yield* Effect.acquireRelease(
            Effect.async<readonly [number, ReturnType<typeof createServer>]>((resume) => {
              const mute = createServer((socket) => socket.unref()).listen(0, "127.0.0.1", () => {
                const address = mute.address()
                resume(Effect.succeed([typeof address === "object" && address !== null ? address.port : 0, mute]))
              })
            }),
            ([, mute]) => Effect.sync(() => mute.close())
          ).pipe(Effect.map(([number]) => number))
          assert.include(
            yield* opening(`postgresql://axonal:wr%2Fng@127.0.0.1:${port}/db`, { connectTimeout: "200 millis" }),
            "the server does not answer; check the network: "
          )
        }).pipe(Effect.scoped)
      )

      it.effect("a malformed URL is refused before it is used", () =>
        Effect.gen(function* () {
          const urls = [
            "",
            "axonal",
            "mysql://axonal:wr%2Fng@127.0.0.1/db",
            "postgresql://axonal:wr/ng@127.0.0.1/db",
            "postgresql://axonal:12/wr%2Fng@127.0.0.1/db",
            "postgresql://axonal:12?wr%2Fng@127.0.0.1/db",
            "postgresql://axonal:12#wr%2Fng@127.0.0.1/db",
            "postgresql://axonal:wr%2Fng@127.0.0.1:many/db"
          ]
          for (const url of urls) {
            assert.strictEqual(
              yield* opening(url),
              "the URL of the database is malformed; write postgresql://user:password@host:port/database, " +
                "with the special characters of the password percent-encoded"
            )
          }
        })
      )

      it.effect("a missing driver names the command that installs it", () =>
        Effect.gen(function* () {
          const driver = "@effect/sql-pg/PgClient"
          vi.doMock(driver, () => Promise.reject(new Error("Cannot find package")))
          const message = yield* opening(server.url("postgres")).pipe(
            Effect.ensuring(Effect.sync(() => vi.doUnmock(driver)))
          )
          assert.include(message, "npm install @effect/sql@^0.52.1 @effect/sql-pg@^0.53.0")
        })
      )

      it.scoped("the URL is read from DATABASE_URL, or from where one says", () =>
        Effect.gen(function* () {
          const url = yield* newDatabase
          const build = (variables: Record<string, string>) =>
            Layer.build(layerConfig()).pipe(
              Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(variables))))
            )
          const store = Context.get(yield* build({ DATABASE_URL: url }), ContextStore.ContextStore)
          assert.strictEqual(yield* store.append(session, [said("a")]), 1)
          const missing = yield* Effect.flip(build({ OTHER_URL: url }))
          assert.include(`${missing}`, "DATABASE_URL")
        })
      )

      it.scoped("a socket of a folder is a host, too", () =>
        Effect.gen(function* () {
          const name = new URL(yield* newDatabase).pathname.slice(1)
          const store = yield* open(server.socketUrl(name))
          assert.strictEqual(yield* store.append(session, [said("a")]), 1)
        })
      )

      it.scoped("many clients open one new database at once", () =>
        Effect.gen(function* () {
          const url = yield* newDatabase
          const stores = yield* Effect.all(
            Array.from({ length: 6 }, () => open(url)),
            { concurrency: "unbounded" }
          )
          yield* Effect.forEach(stores, (store, index) => store.append(session, [said(`${index}`)]))
          assert.deepStrictEqual(yield* Effect.forEach(stores, (store) => ids(store, session)), [
            ...stores.map(() => ["0", "1", "2", "3", "4", "5"])
          ])
        })
      )
    })

    describe("several clients", () => {
      const batches = 25
      const names = ["a", "b", "c", "d"]

      it.scoped("TR-29 appends to one session lose and reorder nothing", () =>
        Effect.gen(function* () {
          const url = yield* newDatabase
          const appending = (name: string) =>
            Effect.flatMap(open(url), (store) =>
              Effect.forEach(
                Array.from({ length: batches }, (_, index) => `${name}.${index}`),
                (id) => store.append(session, [said(`${id}.0`), said(`${id}.1`)])
              )
            )
          const positions = (yield* Effect.forEach(names, appending, { concurrency: "unbounded" })).flat()
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
          const [left, right] = [yield* open(url, { leaseMillis: 150 }), yield* open(url, { leaseMillis: 150 })]
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
            assert.notInclude(message, Postgres.password)
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
}

if (Postgres.missing === undefined) suite(await Postgres.start())
else {
  console.warn(`PostgresContextStore is not tested: ${Postgres.missing}`)
  describe.skip("PostgresContextStore", () => it("needs a PostgreSQL server", () => {}))
}
