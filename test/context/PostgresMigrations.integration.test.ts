import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { fixture, keepsEverything, keepsRewound } from "../support/goldenStore.ts"
import * as Postgres from "../support/postgres.ts"

await Postgres.suite("PostgresMigrations", (_server, newDatabase) => {
  describe("A PostgreSQL database of version 1", () => {
    const golden = Effect.gen(function* () {
      const url = yield* newDatabase
      const sql = yield* Postgres.beside(url)
      yield* Effect.orDie(sql.unsafe(readFileSync(fixture("v1.sql"), "utf8")))
      return url
    }).pipe(Effect.scoped)

    it.scoped("is brought up to date with everything in it, by however many clients", () =>
      Effect.gen(function* () {
        const url = yield* golden
        const stores = yield* Effect.all(
          Array.from({ length: 4 }, () => Postgres.open(url)),
          { concurrency: "unbounded" }
        )
        for (const store of stores) yield* keepsEverything(store)
      })
    )

    it.scoped("keeps what was rewound", () =>
      Effect.gen(function* () {
        yield* keepsRewound(yield* Postgres.open(yield* golden))
      })
    )

    it.scoped("becomes what a new database is", () =>
      Effect.gen(function* () {
        const [old, fresh] = [yield* golden, yield* newDatabase]
        const schema = (url: string) =>
          Effect.gen(function* () {
            yield* Postgres.open(url)
            const sql = yield* Postgres.beside(url)
            return yield* Effect.orDie(
              sql.unsafe(`SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns
                WHERE table_schema = 'public' ORDER BY table_name, ordinal_position`)
            )
          }).pipe(Effect.scoped)
        assert.deepStrictEqual(yield* schema(old), yield* schema(fresh))
      })
    )

    it.scoped("of a newer version is not touched", () =>
      Effect.gen(function* () {
        const url = yield* newDatabase
        yield* Effect.scoped(Postgres.open(url))
        const sql = yield* Postgres.beside(url)
        yield* Effect.orDie(sql.unsafe("INSERT INTO axonal_schema (migration_id, name) VALUES (9, 'holograms')"))
        const { reason } = yield* Effect.flip(Postgres.open(url))
        assert.strictEqual(reason._tag, "Corrupt")
        assert.match(reason.message, /a newer version of axonal wrote it .*; upgrade axonal$/)
      })
    )
  })
})
