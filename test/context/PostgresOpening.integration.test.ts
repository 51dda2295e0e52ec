import type { Socket } from "node:net"
import { createServer } from "node:net"
import { inspect } from "node:util"
import { assert, describe, it, vi } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as ContextStore from "../../src/context/ContextStore.ts"
import type { Options } from "../../src/context/PostgresContextStore.ts"
import { layerConfig } from "../../src/context/PostgresContextStore.ts"
import { SessionId } from "../../src/domain/Ids.ts"
import { ids, said } from "../../src/testing/internal/contextStoreFixtures.ts"
import { open, password, suite } from "../support/postgres.ts"

const session = SessionId.make("session")

await suite("PostgresContextStore opening", (server, newDatabase) => {
  describe("PostgresContextStore opening", () => {
    const secrets = [password, encodeURIComponent(password), "wr/ng", "wr%2Fng"]
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

    /** What listens there is no PostgreSQL: its port, for as long as the scope lasts. */
    const another = (answer: (socket: Socket) => void) =>
      Effect.acquireRelease(
        Effect.async<readonly [number, ReturnType<typeof createServer>]>((resume) => {
          const other = createServer(answer).listen(0, "127.0.0.1", () => {
            const address = other.address()
            resume(Effect.succeed([typeof address === "object" && address !== null ? address.port : 0, other]))
          })
        }),
        ([, other]) => Effect.sync(() => other.close())
      ).pipe(Effect.map(([number]) => number))

    it.live("a server that says nothing is given up", () =>
      Effect.gen(function* () {
        const port = yield* another((socket) => socket.unref())
        assert.include(
          yield* opening(`postgresql://axonal:wr%2Fng@127.0.0.1:${port}/db`, { connectTimeout: "200 millis" }),
          "the server does not answer; check the network: "
        )
      }).pipe(Effect.scoped)
    )

    it.live("a server that hangs up is named", () =>
      Effect.gen(function* () {
        for (const hangUp of [(socket: Socket) => socket.end(), (socket: Socket) => socket.resetAndDestroy()]) {
          const port = yield* another(hangUp)
          assert.include(
            yield* opening(`postgresql://axonal:wr%2Fng@127.0.0.1:${port}/db`),
            `127.0.0.1:${port}/db: the server ended the connection; check that it is PostgreSQL and lets this machine in: `
          )
        }
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
})
