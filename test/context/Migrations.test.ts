import { copyFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Entry from "../../src/domain/Entry.ts"
import { EntryId, SessionId } from "../../src/domain/Ids.ts"
import { fixture, keepsEverything, keepsRewound, linesOf } from "../support/goldenStore.ts"
import { failureOf, folderOf, open, tamper } from "../support/sqliteStore.ts"

const { newFile } = folderOf("migrations")
/** A copy of a file that version 1 wrote. */
const golden = (): string => {
  const filename = newFile()
  copyFileSync(fixture("v1.db"), filename)
  return filename
}

describe("Entries of every version", () => {
  for (const version of [1, 2, 3]) {
    const lines = linesOf(`entries-v${version}.jsonl`)

    it(`of ${version} are read whole, and written as they were`, () => {
      for (const line of lines) {
        const entry = Either.getOrThrow(Entry.fromJson(version, line))
        assert.deepStrictEqual(JSON.parse(line), entry)
        assert.deepStrictEqual(JSON.parse(Either.getOrThrow(Entry.toJson(entry))), JSON.parse(line))
      }
    })
  }

  it("of 3 are of every kind there is", () => {
    const kinds: Record<Entry.Entry["_tag"], true> = {
      ...{ Message: true, Usage: true, Compaction: true, Decision: true, Marker: true, Artifact: true },
      ...{ Suspended: true, Queued: true, Checkpoint: true }
    }
    const found = new Set(linesOf("entries-v3.jsonl").map((line) => JSON.parse(line)._tag))
    assert.deepStrictEqual([...found].sort(), Object.keys(kinds).sort())
  })
})

describe("A SQLite file of version 1", () => {
  it.scoped("is brought up to date with everything in it", () =>
    Effect.gen(function* () {
      yield* keepsEverything(yield* open(golden()))
    })
  )

  it.scoped("keeps what was rewound", () =>
    Effect.gen(function* () {
      yield* keepsRewound(yield* open(golden()))
    })
  )

  it.scoped("becomes what a new file is", () =>
    Effect.gen(function* () {
      const [old, fresh] = [golden(), newFile()]
      for (const filename of [old, fresh]) yield* Effect.scoped(open(filename))
      const schema = (filename: string) =>
        Effect.map(tamper(filename, "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name"), (rows) =>
          rows.map((row) => JSON.stringify(row).replace(/(\\n| )+/g, " "))
        )
      assert.deepStrictEqual(yield* schema(old), yield* schema(fresh))
      const versions =
        "SELECT MAX(migration_id) AS version, (SELECT MAX(id) FROM axonal_migrations) AS first FROM axonal_schema"
      assert.deepStrictEqual(yield* tamper(old, versions), [{ version: 3, first: 2 }])
    })
  )

  it.scoped("is migrated once, by however many connections", () =>
    Effect.gen(function* () {
      const filename = golden()
      const stores = yield* Effect.all(
        Array.from({ length: 6 }, () => open(filename)),
        { concurrency: "unbounded" }
      )
      for (const store of stores) yield* keepsEverything(store)
    })
  )

  it.scoped("stays as it is when the migration fails, and says why", () =>
    Effect.gen(function* () {
      const filename = golden()
      yield* tamper(filename, "CREATE TABLE axonal_branches (mine INTEGER)")
      const before = yield* tamper(filename, "SELECT name, sql FROM sqlite_master ORDER BY name")
      const [operation, reason, message] = yield* failureOf(Effect.scoped(open(filename)))
      assert.deepStrictEqual([operation, reason], ["open", "Unavailable"])
      assert.include(message, "table axonal_branches already exists")
      assert.deepStrictEqual(yield* tamper(filename, "SELECT name, sql FROM sqlite_master ORDER BY name"), before)
      yield* tamper(filename, "DROP TABLE axonal_branches")
      yield* keepsEverything(yield* open(filename))
    })
  )

  it.scoped("is opened though a row is of a newer version, until it is asked for", () =>
    Effect.gen(function* () {
      const filename = golden()
      yield* tamper(filename, "UPDATE axonal_entries SET version = 9 WHERE id = 'r5'")
      const store = yield* open(filename)
      yield* keepsEverything(store)
      const [, reason, message] = yield* failureOf(store.entry(SessionId.make("rewound"), EntryId.make("r5")))
      assert.strictEqual(reason, "Corrupt")
      assert.include(message, "upgrade")
    })
  )
})
