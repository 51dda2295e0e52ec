import { existsSync, readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import type * as ContextStore from "../../src/context/ContextStore.ts"
import { version } from "../../src/domain/Entry.ts"
import { EntryId, SessionId } from "../../src/domain/Ids.ts"
import * as Message from "../../src/domain/Message.ts"
import { at, compacted, paid, restored, said } from "../../src/testing/internal/contextStoreFixtures.ts"
import { failureOf, folderOf, open, tamper } from "../support/sqliteStore.ts"

const { newFile } = folderOf("damage")
const session = SessionId.make("session")

const texts = (store: ContextStore.Service, id = session) =>
  Effect.map(store.read(id), ({ messages }) => messages.map(Message.toText))

/** What an effect warns of. */
const warnings = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const lines: Array<string> = []
    const logger = Logger.make(({ logLevel, message }) => lines.push(`${logLevel.label} ${String(message)}`))
    return Effect.as(Effect.provide(effect, Logger.replace(Logger.defaultLogger, logger)), lines)
  })

/** A file with a session, parts of which are damaged then, and a connection that has not read it before. */
const damaged = (entries: Parameters<ContextStore.Service["append"]>[1], ...statements: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const filename = newFile()
    yield* Effect.flatMap(open(filename), (store) => store.append(session, entries))
    for (const statement of statements) yield* tamper(filename, statement)
    return { filename, store: yield* open(filename) }
  })

const broken = (id: string) => `UPDATE axonal_entries SET json = '{"_tag":' WHERE id = '${id}'`

describe("A row that cannot be read any more", () => {
  it.scoped("is left out of the window, with a warning", () =>
    Effect.gen(function* () {
      const { store } = yield* damaged([said("a"), said("b"), said("c")], broken("b"))
      const warned = yield* warnings(store.read(session))
      assert.strictEqual(warned.length, 1)
      assert.match(warned[0] ?? "", /^WARN Entry b of session session cannot be read and is left out: /)
      assert.deepStrictEqual(yield* texts(store), ["ac"])
      assert.deepStrictEqual(yield* warnings(store.read(session)), [])
    })
  )

  it.scoped("says so in its place in the log", () =>
    Effect.gen(function* () {
      const { store } = yield* damaged([said("a"), said("b"), paid("c")], broken("b"))
      const entry = yield* store.entry(session, at("b"))
      assert.deepStrictEqual([entry._tag, entry.id, entry.at], ["Unreadable", "b", 1])
      const log = [said("a"), entry, paid("c")]
      assert.deepStrictEqual(yield* store.entries(session), log)
      assert.deepStrictEqual(yield* store.live(session), log)
    })
  )

  it.scoped("does not keep a session from going on, forking and rewinding", () =>
    Effect.gen(function* () {
      const { store } = yield* damaged([said("a"), said("b"), said("c")], broken("b"))
      assert.strictEqual(yield* store.append(session, [said("d")], { after: 3 }), 4)
      assert.deepStrictEqual(yield* texts(store, yield* store.fork(session, at("b"))), ["a"])
      yield* store.rewind(session, at("c"))
      assert.deepStrictEqual(yield* texts(store), ["ac"])
      const { hits } = yield* store.search("c")
      assert.deepStrictEqual(
        hits.map(({ entry }) => entry),
        ["c"]
      )
    })
  )

  it.scoped("was a compaction: the one before is in force", () =>
    Effect.gen(function* () {
      const log = [said("a"), said("b"), compacted("C", "a"), said("c"), said("d"), compacted("D", "c"), said("e")]
      const { store } = yield* damaged(log, broken("D"))
      assert.deepStrictEqual(yield* texts(store), ["Cbcde"])
      assert.deepStrictEqual(
        (yield* store.live(session)).map(({ id }) => id),
        ["b", "C", "c", "d", "D", "e"]
      )
      yield* store.append(session, [restored("R")])
      assert.deepStrictEqual(yield* texts(store), ["abcde"])
    })
  )
})

describe("A statement that could not be prepared", () => {
  it.scoped("is prepared anew once the tables are whole again", () =>
    Effect.gen(function* () {
      const filename = newFile()
      const store = yield* open(filename)
      const rename = (from: string, to: string) => tamper(filename, `ALTER TABLE ${from} RENAME TO ${to}`)
      yield* rename("axonal_entries", "hidden")
      for (const effect of [store.append(session, [said("a")]), store.read(session), store.entries(session)]) {
        const [, reason, message] = yield* failureOf<unknown, never>(effect)
        assert.deepStrictEqual([reason, message], ["Unavailable", "no such table: axonal_entries (SQLITE_ERROR)"])
      }
      yield* rename("hidden", "axonal_entries")
      yield* store.append(session, [said("a")])
      assert.deepStrictEqual(yield* texts(store), ["a"])
      assert.deepStrictEqual(yield* store.entries(session), [said("a")])
    })
  )
})

describe("A row of a newer version", () => {
  it.scoped("fails what needs it, and says to upgrade", () =>
    Effect.gen(function* () {
      const { store } = yield* damaged(
        [said("a"), said("b")],
        `UPDATE axonal_entries SET version = ${version + 1} WHERE id = 'b'`,
        // As a newer version may write it.
        "UPDATE axonal_entries SET json = '{\"_tag\":\"Hologram\"}' WHERE id = 'b'"
      )
      const message = "entry b cannot be read: a newer version of axonal wrote it; upgrade to read it"
      for (const [operation, effect] of [
        ["read", store.read(session)],
        ["live", store.live(session)],
        ["entries", store.entries(session)],
        ["entry", store.entry(session, at("b"))]
      ] as const) {
        assert.deepStrictEqual(yield* failureOf<unknown, never>(effect), [operation, "Corrupt", message])
      }
      assert.deepStrictEqual(yield* store.entry(session, at("a")), said("a"))
      assert.strictEqual((yield* store.list()).sessions.length, 1)
      yield* store.rewind(session, at("a"))
      assert.deepStrictEqual(yield* texts(store), ["a"])
    })
  )
})

describe("Deletion", () => {
  const secret = "Rumpelstiltskin"
  /** In which of the files of a database a text is, as it was written or as searches know it. */
  const found = (filename: string) =>
    ["", "-wal", "-shm", "-journal"].filter((suffix) => {
      if (!existsSync(filename + suffix)) return false
      const bytes = readFileSync(filename + suffix).toString("latin1")
      return bytes.includes(secret) || bytes.includes(secret.toLowerCase())
    })
  const long = Array.from({ length: 2000 }, (_, index) => `${secret}${index}`).join(" ")

  it.scoped("leaves nothing of a session in the files, however it goes", () =>
    Effect.gen(function* () {
      const filename = newFile()
      const store = yield* open(filename)
      const erase: ReadonlyArray<Effect.Effect<unknown, ContextStore.StoreError>> = [
        store.remove(session),
        Effect.zipRight(store.update(session, { title: "", labels: [] }), store.clear(session)),
        store.prune({ before: Number.MAX_SAFE_INTEGER, owner: "o" })
      ]
      for (const [index, gone] of erase.entries()) {
        yield* store.append(SessionId.make(`kept${index}`), [said("a", "harmless")])
        yield* store.append(session, [said("a", secret), said("b", long), said("c", long)], { owner: "o" })
        yield* store.update(session, { title: secret, labels: [secret] })
        yield* store.rewind(session, EntryId.make("a"))
        assert.strictEqual((yield* store.search(secret)).hits.length, 1)
        assert.notDeepEqual(found(filename), [])
        yield* gone
        assert.deepStrictEqual(found(filename), [])
      }
      assert.strictEqual((yield* store.search("harmless")).hits.length, 3)
      assert.deepStrictEqual((yield* store.search(secret)).hits, [])
    })
  )

  it.scoped("keeps what forks share, until they go as well", () =>
    Effect.gen(function* () {
      const filename = newFile()
      const store = yield* open(filename)
      yield* store.append(session, [said("a", secret), said("b", "later")])
      const child = yield* store.fork(session, at("a"))
      yield* store.search(secret)
      yield* store.remove(session)
      assert.deepStrictEqual(
        (yield* store.search(secret)).hits.map((hit) => hit.session.id),
        [child]
      )
      assert.deepStrictEqual((yield* store.search("later")).hits, [])
      yield* store.remove(child)
      assert.deepStrictEqual(found(filename), [])
    })
  )
})
