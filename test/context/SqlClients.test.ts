import * as Reactivity from "@effect/experimental/Reactivity"
import { SafeIntegers, SqlClient } from "@effect/sql/SqlClient"
import * as SqliteClient from "@effect/sql-sqlite-node/SqliteClient"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ContextStore from "../../src/context/ContextStore.ts"
import * as Statements from "../../src/context/internal/sqlStatements.ts"
import * as SqlContextStore from "../../src/context/SqlContextStore.ts"
import { SessionId } from "../../src/domain/Ids.ts"
import { at, ids, said, texts } from "../../src/testing/internal/contextStoreFixtures.ts"
import { failureOf, folderOf, open, tamper } from "../support/sqliteStore.ts"

const { newFile } = folderOf("clients")

const session = SessionId.make("session")

/** A client of an application, and a store on it. */
const shared = Effect.gen(function* () {
  const client = yield* SqliteClient.make({ filename: newFile() }).pipe(Effect.provide(Reactivity.layer))
  const layer = Layer.provide(SqlContextStore.layer, Layer.succeed(SqlClient, client))
  return { client, store: Context.get(yield* Layer.build(layer), ContextStore.ContextStore) }
})

describe("A client that an application shares with the store", () => {
  it.scoped("is not waited for within its own transaction", () =>
    Effect.gen(function* () {
      const { client, store } = yield* shared
      const looks = [store.append(session, [said("a")]), store.entries(session), store.lock(session, "wait")]
      for (const look of looks) {
        const within = client.withTransaction(Effect.flip(Effect.asVoid(look)))
        const { reason } = yield* Effect.orDie(within)
        assert.strictEqual(reason._tag, "Unavailable")
        assert.include(reason.message, "use it outside of it")
      }
      assert.strictEqual(yield* store.append(session, [said("a")]), 1)
    })
  )

  it.scoped("serves the store within transactions of other clients", () =>
    Effect.gen(function* () {
      const [{ client }, { store }] = [yield* shared, yield* shared]
      assert.strictEqual(yield* Effect.orDie(client.withTransaction(store.append(session, [said("a")]))), 1)
    })
  )

  it.scoped("may be asked for integers of any size", () =>
    Effect.gen(function* () {
      const { store } = yield* shared
      yield* Effect.provideService(store.append(session, [said("a")]), SafeIntegers, true)
      assert.strictEqual(yield* Effect.provideService(store.append(session, [said("b")]), SafeIntegers, true), 2)
      assert.strictEqual((yield* Effect.provideService(store.read(session), SafeIntegers, true)).position, 2)
      assert.strictEqual((yield* store.info(session)).entries, 2)
    })
  )
})

describe("A store in SQLite", () => {
  it.scoped("takes more entries at once than a statement has values", () =>
    Effect.gen(function* () {
      const store = yield* open(newFile())
      const many = Array.from({ length: 33_000 }, (_, index) => said(`${index}`, ""))
      assert.strictEqual(yield* store.append(session, many.slice(0, 20_000)), 20_000)
      assert.strictEqual(yield* store.append(session, many, { after: 20_000 }), many.length)
      assert.strictEqual(yield* store.append(session, many, { after: 0 }), many.length)
    })
  )

  it.scoped("RUN-5 a session that does not exist yet is taken over, too", () =>
    Effect.gen(function* () {
      const filename = newFile()
      const [left, right] = [yield* open(filename), yield* open(filename)]
      yield* left.lock(session, "fail")
      // As if the process of `left` had stood still.
      yield* tamper(filename, "UPDATE axonal_leases SET expires_at = -1")
      yield* right.lock(session, "fail")
      assert.strictEqual((yield* failureOf(left.append(session, [said("a")])))[1], "SessionBusy")
      assert.strictEqual(yield* right.append(session, [said("b")]), 1)
    })
  )

  it.scoped("reads anew what an older copy of the file replaced", () =>
    Effect.gen(function* () {
      const filename = newFile()
      const store = yield* open(filename)
      yield* store.append(session, [said("a"), said("b"), said("c")])
      assert.deepStrictEqual(yield* texts(store, session), ["abc"])
      yield* tamper(filename, "DELETE FROM axonal_entries WHERE position > 1")
      yield* tamper(filename, "UPDATE axonal_sessions SET position = 1, size = 1")
      assert.deepStrictEqual(yield* texts(store, session), ["a"])
      assert.strictEqual(yield* store.append(session, [said("d")]), 2)
      assert.deepStrictEqual(yield* ids(store, session), ["a", "d"])
    })
  )

  it.scoped("finds an entry by its id, however many branches its path is made of", () =>
    Effect.gen(function* () {
      const filename = newFile()
      yield* Effect.scoped(open(filename))
      const asked: Array<string> = []
      const statements = Statements.make({ isSqlite: true })
      const note = (text: string) => Effect.sync(() => void asked.push(text)).pipe(Effect.as([]))
      const advance = { at: { branch: "", position: 0 }, by: 1, ids: [""], holder: undefined, isLatest: true }
      yield* statements.state(note, session, [""])
      yield* statements.advance(note, session, advance, 0)
      yield* statements.known(note, "", [""])
      yield* statements.find(note, session, at("a"))
      yield* statements.positionOf(note, "", at("a"))
      for (const text of asked) {
        const plan = yield* tamper(filename, `EXPLAIN QUERY PLAN ${text.replaceAll("?", "''")}`)
        const [first] = plan.flatMap(({ detail }) => (/ [eg] USING /.test(`${detail}`) ? [`${detail}`] : []))
        assert.match(first ?? "", /^SEARCH e USING .*axonal_entries_id \(id=\?/, text)
      }
    })
  )
})
