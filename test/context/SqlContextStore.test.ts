import * as Reactivity from "@effect/experimental/Reactivity"
import { SqlClient } from "@effect/sql/SqlClient"
import * as SqliteClient from "@effect/sql-sqlite-node/SqliteClient"
import { assert, describe, it, vi } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import * as ContextStore from "../../src/context/ContextStore.ts"
import * as SqlContextStore from "../../src/context/SqlContextStore.ts"
import { layerSqlite } from "../../src/context/SqliteContextStore.ts"
import { EntryId, SessionId } from "../../src/domain/Ids.ts"
import * as Message from "../../src/domain/Message.ts"
import { compacted } from "../../src/testing/internal/contextStoreFixtures.ts"
import * as Suites from "../../src/testing/Suites.ts"
import * as Processes from "../support/contextStoreProcesses.ts"
import { failureOf, folderOf, open, tamper } from "../support/sqliteStore.ts"

const { newFile } = folderOf("store")

Suites.contextStore("sqlite", layerSqlite({ filename: newFile() }))

const session = SessionId.make("session")
const said = (id: string, message = Message.user(id)) => ({
  _tag: "Message" as const,
  id: EntryId.make(id),
  at: 0,
  message
})

describe("SqlContextStore", () => {
  describe("one file", () => {
    it.scoped("keeps what was appended when it is opened again", () =>
      Effect.gen(function* () {
        const filename = newFile()
        yield* Effect.scoped(Effect.flatMap(open(filename), (store) => store.append(session, [said("a"), said("b")])))
        const store = yield* open(filename)
        assert.deepStrictEqual(yield* store.entries(session), [said("a"), said("b")])
        assert.strictEqual(yield* store.append(session, [said("b"), said("c")], { after: 2 }), 3)
      })
    )

    it.scoped("HIST-4 TURN-2 messages keep their identity as the session grows", () =>
      Effect.gen(function* () {
        const store = yield* open(newFile())
        const mine = said("a")
        yield* store.append(session, [mine])
        const first = yield* store.read(session)
        assert.strictEqual(yield* store.read(session), first)
        yield* store.append(session, [said("b", Message.assistant("b"))])
        const second = yield* store.read(session)
        assert.strictEqual(second.messages[0], first.messages[0])
        assert.strictEqual(first.messages[0], mine.message)
      })
    )

    it.scoped("two connections see each other's changes", () =>
      Effect.gen(function* () {
        const filename = newFile()
        const [left, right] = [yield* open(filename), yield* open(filename)]
        const texts = Effect.map(right.read(session), ({ messages }) => messages.map(Message.toText).join())
        yield* left.append(session, [said("a"), said("b")])
        assert.strictEqual(yield* texts, "ab")
        yield* left.append(session, [said("c")])
        assert.strictEqual(yield* texts, "abc")
        yield* left.rewind(session, EntryId.make("b"))
        yield* left.append(session, [said("d")])
        assert.strictEqual(yield* texts, "abd")
        yield* left.remove(session)
        yield* left.append(session, [said("x"), said("y"), said("z")])
        assert.strictEqual(yield* texts, "xyz")
        yield* left.clear(session)
        assert.strictEqual(yield* texts, "")
      })
    )

    it.scoped("AX-34 forks and rewinds copy no entry, and the last to go takes them", () =>
      Effect.gen(function* () {
        const filename = newFile()
        const store = yield* open(filename)
        const rows = Effect.map(tamper(filename, "SELECT id FROM axonal_entries WHERE kind = 'Message'"), (found) =>
          found.map(({ id }) => id)
        )
        yield* store.append(session, [said("a"), said("b"), said("c")])
        const child = yield* store.fork(session, EntryId.make("b"))
        const grandchild = yield* store.fork(child)
        yield* store.rewind(session, EntryId.make("a"))
        yield* store.append(session, [said("d")])
        assert.deepStrictEqual(yield* rows, ["a", "b", "c", "d"])
        yield* store.remove(session)
        assert.deepStrictEqual(yield* rows, ["a", "b"])
        yield* store.remove(child)
        assert.deepStrictEqual((yield* store.entries(grandchild)).map(({ id }): string => id).slice(0, 2), ["a", "b"])
        yield* store.clear(grandchild)
        const left = yield* tamper(
          filename,
          `SELECT (SELECT COUNT(*) FROM axonal_entries) AS entries, (SELECT COUNT(*) FROM axonal_segments) AS segments,
            (SELECT COUNT(*) FROM axonal_branches) AS branches`
        )
        assert.deepStrictEqual(left, [{ entries: 0, segments: 1, branches: 1 }])
      })
    )

    it.scoped("HIST-4 the read of a compacted session looks at its window only", () =>
      Effect.gen(function* () {
        const filename = newFile()
        const store = yield* open(filename)
        const many = Array.from({ length: 50 }, (_, index) => said(`${index}`))
        yield* store.append(session, [...many, compacted("c", "47")])
        const child = yield* store.fork(session)
        // What the window does not need may even be of a version that nobody can read.
        yield* tamper(filename, "UPDATE axonal_entries SET version = 99 WHERE position < 48")
        for (const id of [session, child]) {
          const fresh = yield* open(filename)
          const { messages } = yield* fresh.read(id)
          assert.deepStrictEqual(messages.map(Message.toText), ["c4849"])
          const live = yield* fresh.live(id)
          assert.deepStrictEqual(
            live.slice(0, 3).map(({ id }): string => id),
            ["48", "49", "c"]
          )
        }
      })
    )

    it.scoped("HIST-4 TURN-2 a fork goes on with the messages that its origin knows", () =>
      Effect.gen(function* () {
        const store = yield* open(newFile())
        yield* store.append(session, [said("a"), said("b", Message.assistant("b"))])
        const { messages } = yield* store.read(session)
        const child = yield* store.read(yield* store.fork(session))
        assert.strictEqual(child.messages[0], messages[0])
        assert.strictEqual(child.messages[1], messages[1])
      })
    )

    it.scoped("ids with halves of characters and NULs are told apart", () =>
      Effect.gen(function* () {
        const store = yield* open(newFile())
        const names = ["a\u0000", "a", "a\ud800", "a\udc00", "a\ufffd", "\u0001", '\u0001"a"']
        for (const name of names) yield* store.append(SessionId.make(name), [said(name)], { owner: name })
        for (const name of names) {
          assert.deepStrictEqual(yield* store.entries(SessionId.make(name)), [said(name)])
          const { sessions } = yield* store.list({ owner: name })
          assert.deepStrictEqual(
            sessions.map(({ id, owner }) => [id, owner]),
            [[name, name]]
          )
        }
      })
    )

    it.scoped("a client that others use, too, stays usable", () =>
      Effect.gen(function* () {
        const filename = newFile()
        const client = yield* SqliteClient.make({ filename }).pipe(Effect.provide(Reactivity.layer))
        const layer = Layer.provide(SqlContextStore.layer, Layer.succeed(SqlClient, client))
        const store = Context.get(yield* Layer.build(layer), ContextStore.ContextStore)
        yield* Effect.orDie(client.unsafe("CREATE TABLE mine (id INTEGER)"))
        const theirs = client.withTransaction(
          Effect.zipRight(client.unsafe("INSERT INTO mine VALUES (1)"), Effect.fail("rolled back" as const))
        )
        yield* Effect.all([Effect.ignore(theirs), store.append(session, [said("a")]), Effect.ignore(theirs)], {
          concurrency: "unbounded"
        })
        assert.deepStrictEqual(yield* Effect.orDie(client.unsafe("SELECT * FROM mine")), [])
        assert.strictEqual((yield* store.entries(session)).length, 1)
      })
    )

    it.scoped("an entry that could not be read back is refused whole", () =>
      Effect.gen(function* () {
        const store = yield* open(newFile())
        const bad = { ...said("b"), at: Number.NaN }
        const [operation, reason] = yield* failureOf(store.append(session, [said("a"), bad]))
        assert.deepStrictEqual([operation, reason], ["append", "Corrupt"])
        assert.deepStrictEqual(yield* store.read(session), { messages: [], position: 0 })
      })
    )

    it.scoped("a thousand entries append and fork at once", () =>
      Effect.gen(function* () {
        const store = yield* open(newFile())
        const many = Array.from({ length: 1201 }, (_, index) => said(`${index}`))
        assert.strictEqual(yield* store.append(session, many), 1201)
        assert.strictEqual(yield* store.append(session, [...many, said("last")]), 1202)
        assert.strictEqual((yield* store.entries(yield* store.fork(session))).length, 1203)
      })
    )
  })

  describe("opening", () => {
    it.scoped("a missing driver names the command that installs it", () =>
      Effect.gen(function* () {
        const driver = "@effect/sql-sqlite-node/SqliteClient"
        vi.doMock(driver, () => Promise.reject(new Error("Cannot find package")))
        const [, reason, message] = yield* failureOf(open(newFile())).pipe(
          Effect.ensuring(Effect.sync(() => vi.doUnmock(driver)))
        )
        assert.strictEqual(reason, "Unavailable")
        assert.include(message, "npm install @effect/sql@^0.52.1 @effect/sql-sqlite-node@^0.53.0")
      })
    )
  })

  describe("several connections", () => {
    it.scoped("RUN-5 a session is busy across connections, and free after", () =>
      Effect.gen(function* () {
        const filename = newFile()
        const [left, right] = [yield* open(filename), yield* open(filename)]
        yield* Effect.scoped(
          Effect.gen(function* () {
            yield* left.lock(session, "fail")
            assert.deepStrictEqual(yield* failureOf(right.lock(session, "fail")), [
              "lock",
              "SessionBusy",
              "another run, perhaps of another process, has the session; " +
                'wait for it (onBusy: "wait"), stop it, or use or fork to another session'
            ])
          })
        )
        yield* right.lock(session, "fail")
      })
    )

    it.scoped("a locked file is waited for, whatever the program's clock says", () =>
      Effect.gen(function* () {
        const filename = newFile()
        const store = yield* open(filename)
        const other = yield* SqliteClient.make({ filename }).pipe(Effect.provide(Reactivity.layer))
        yield* Effect.orDie(other.unsafe("BEGIN IMMEDIATE"))
        const append = yield* Effect.fork(store.append(session, [said("a")]))
        yield* Effect.yieldNow()
        yield* Effect.orDie(other.unsafe("COMMIT"))
        assert.strictEqual(yield* Fiber.join(append), 1)
      })
    )

    it.scoped("TR-29 what another connection did meanwhile is noticed", () =>
      Effect.gen(function* () {
        const filename = newFile()
        const [left, right] = [yield* open(filename), yield* open(filename)]
        const ids = (id = session) =>
          Effect.map(left.entries(id), (entries) =>
            entries.map((entry): string => (entry._tag === "Marker" ? "-" : entry.id))
          )
        yield* left.append(session, [said("a"), said("b")])
        yield* left.append(session, [said("c")], { after: 2 })
        assert.strictEqual(yield* right.append(session, [said("b"), said("d")]), 4)
        assert.strictEqual(yield* left.append(session, [said("d"), said("e")]), 5)
        assert.strictEqual(yield* right.append(session, [said("e")], { after: 4 }), 5)
        assert.strictEqual((yield* failureOf(right.append(session, [said("f")], { after: 4 })))[1], "Conflict")
        yield* right.append(session, [said("g")])
        assert.strictEqual(yield* left.append(session, [said("h")]), 7)
        yield* right.rewind(session, EntryId.make("b"))
        yield* left.append(session, [said("d")])
        assert.deepStrictEqual(yield* ids(), ["a", "b", "-", "d"])
        const child = yield* left.fork(session)
        const position = yield* left.append(child, [said("e")])
        assert.strictEqual(yield* left.append(child, [said("a"), said("d")]), position)
        assert.deepStrictEqual(yield* ids(child), ["a", "b", "-", "d", "-", "e"])
        yield* right.remove(session)
        assert.strictEqual(yield* left.append(session, [said("a")]), 1)
      })
    )

    it.scoped("the order of a listing follows the last append, whoever made it", () =>
      Effect.gen(function* () {
        const filename = newFile()
        const [left, right] = [yield* open(filename), yield* open(filename)]
        const [one, two] = [SessionId.make("one"), SessionId.make("two")]
        const order = Effect.map(left.list(), ({ sessions }) => sessions.map(({ id }): string => id))
        for (const index of [0, 1, 2]) yield* left.append(one, [said(`${index}`)])
        for (const index of [0, 1, 2]) yield* right.append(two, [said(`${index}`)])
        assert.deepStrictEqual(yield* order, ["two", "one"])
        yield* left.append(one, [said("3")])
        assert.deepStrictEqual(yield* order, ["one", "two"])
        yield* right.append(two, [said("3")])
        assert.deepStrictEqual(yield* order, ["two", "one"])
      })
    )

    it.scoped("RUN-5 a living holder renews its lease", () =>
      Effect.gen(function* () {
        const filename = newFile()
        const [left, right] = [yield* open(filename), yield* open(filename)]
        yield* left.lock(session, "fail")
        yield* TestClock.adjust("4 seconds").pipe(Effect.repeatN(30))
        assert.strictEqual((yield* failureOf(right.lock(session, "fail")))[1], "SessionBusy")
      })
    )

    it.scoped("RUN-5 a waiting connection comes after the release", () =>
      Effect.gen(function* () {
        const filename = newFile()
        const [left, right] = [yield* open(filename), yield* open(filename)]
        const holder = yield* Scope.make()
        const taken = yield* Deferred.make<void>()
        yield* Scope.extend(left.lock(session, "fail"), holder)
        const waiter = yield* right
          .lock(session, "wait")
          .pipe(Effect.zipRight(Deferred.succeed(taken, undefined)), Effect.scoped, Effect.fork)
        yield* TestClock.adjust("2 seconds")
        assert.isFalse(yield* Deferred.isDone(taken))
        yield* Scope.close(holder, Exit.void)
        yield* TestClock.adjust("1 second")
        yield* Fiber.join(waiter)
      })
    )

    it.scoped("RUN-5 a holder that was taken over can no longer append", () =>
      Effect.gen(function* () {
        const filename = newFile()
        const [left, right] = [yield* open(filename), yield* open(filename)]
        for (const id of ["a", "b", "c"]) yield* left.append(session, [said(id)])
        yield* left.lock(session, "fail")
        // As if the process of `left` had stood still.
        yield* tamper(filename, "UPDATE axonal_leases SET expires_at = -1")
        yield* right.lock(session, "fail")
        assert.deepStrictEqual((yield* failureOf(left.append(session, [said("d")])))[1], "SessionBusy")
        yield* right.append(session, [said("e")])
        assert.strictEqual((yield* left.read(session)).position, 4)
      })
    )
  })

  describe("several processes", () => {
    it.scopedLive(
      "open, append and lock one new file at once",
      () => {
        const filename = newFile()
        return Processes.appendAndLock(filename, open(filename))
      },
      60_000
    )

    it.scopedLive(
      "RUN-5 the lease of a killed process is taken over",
      () => {
        const filename = newFile()
        return Processes.takeOver(filename, session, open(filename))
      },
      60_000
    )
  })
})
