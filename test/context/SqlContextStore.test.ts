import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Reactivity from "@effect/experimental/Reactivity"
import * as SqliteClient from "@effect/sql-sqlite-node/SqliteClient"
import { afterAll, assert, describe, it, vi } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
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
import * as Suites from "../../src/testing/Suites.ts"
import * as Processes from "../support/contextStoreProcesses.ts"

const folder = mkdtempSync(join(tmpdir(), "axonal-store-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
let files = 0
const newFile = (): string => join(folder, `${files++}.db`)

Suites.contextStore("sqlite", layerSqlite({ filename: newFile() }))

const session = SessionId.make("session")
const said = (id: string, message = Message.user(id)) => ({
  _tag: "Message" as const,
  id: EntryId.make(id),
  at: 0,
  message
})
const lease = (millis: number) => Layer.succeed(SqlContextStore.LeaseDuration, Duration.millis(millis))

/** A connection of its own to a file, for as long as the scope. */
const open = (filename: string, leaseMillis = 15_000) =>
  Effect.map(Layer.build(Layer.provide(layerSqlite({ filename }), lease(leaseMillis))), (context) =>
    Context.get(context, ContextStore.ContextStore)
  )

/** Runs a statement on a file behind the back of the store. */
const tamper = (filename: string, statement: string) =>
  SqliteClient.make({ filename }).pipe(
    Effect.flatMap((sql) => sql.unsafe(statement)),
    Effect.provide(Reactivity.layer),
    Effect.scoped,
    Effect.orDie
  )

const failureOf = <A, R>(effect: Effect.Effect<A, ContextStore.StoreError, R>) =>
  Effect.map(Effect.flip(effect), ({ operation, reason }) => [operation, reason._tag, reason.message])

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

    it.scoped("rewinding keeps rows, removing does not", () =>
      Effect.gen(function* () {
        const filename = newFile()
        const store = yield* open(filename)
        const rows = tamper(filename, "SELECT id, dropped FROM axonal_entries ORDER BY dropped")
        yield* store.append(session, [said("a"), said("b")])
        yield* store.rewind(session, EntryId.make("a"))
        yield* store.append(session, [said("b")])
        yield* store.rewind(session, EntryId.make("a"))
        assert.deepStrictEqual(yield* rows, [
          { id: "a", dropped: 0 },
          { id: "b", dropped: 1 },
          { id: "b", dropped: 2 }
        ])
        yield* store.remove(session)
        assert.deepStrictEqual(yield* rows, [])
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
        assert.strictEqual((yield* store.entries(yield* store.fork(session))).length, 1202)
      })
    )
  })

  describe("damage", () => {
    it.scoped("a corrupt row is named, and the rest is readable", () =>
      Effect.gen(function* () {
        const filename = newFile()
        const store = yield* open(filename)
        const other = SessionId.make("other")
        yield* store.append(session, [said("a"), said("b"), said("c")])
        yield* store.append(other, [said("a")])
        yield* tamper(filename, "UPDATE axonal_entries SET json = '{\"_tag\":' WHERE session = 'session' AND id = 'b'")
        const fresh = yield* open(filename)
        const error = yield* Effect.flip(fresh.read(session))
        assert.deepStrictEqual([error.session, error.reason._tag], [session, "Corrupt"])
        assert.match(
          error.reason.message,
          /^entry b at position 2 cannot be read; rewind to entry a, or clear the session: /
        )
        assert.strictEqual((yield* Effect.flip(fresh.entries(session))).reason._tag, "Corrupt")
        assert.deepStrictEqual((yield* fresh.read(other)).position, 1)
        assert.strictEqual((yield* fresh.list()).sessions.length, 2)
        yield* fresh.rewind(session, EntryId.make("a"))
        assert.deepStrictEqual(yield* fresh.entries(session), [said("a")])
      })
    )

    it.scoped("a row of a newer version is not misread", () =>
      Effect.gen(function* () {
        const filename = newFile()
        yield* Effect.flatMap(open(filename), (store) => store.append(session, [said("a")]))
        yield* tamper(filename, "UPDATE axonal_entries SET version = 2")
        const failure = yield* failureOf(Effect.flatMap(open(filename), (store) => store.read(session)))
        assert.deepStrictEqual(failure, [
          "read",
          "Corrupt",
          "entry a at position 1 cannot be read; clear or remove the session: a newer version wrote it; upgrade axonal"
        ])
      })
    )

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
        yield* left.append(session, [said("a")])
        yield* left.lock(session, "fail")
        // As if the process of `left` had stood still.
        yield* tamper(filename, "UPDATE axonal_leases SET expires_at = -1")
        yield* right.lock(session, "fail")
        assert.deepStrictEqual((yield* failureOf(left.append(session, [said("b")])))[1], "SessionBusy")
        yield* right.append(session, [said("c")])
        assert.strictEqual((yield* left.read(session)).position, 2)
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
