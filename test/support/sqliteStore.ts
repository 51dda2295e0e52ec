/**
 * SQLite files for tests of the store, and what is done to them behind its back.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Reactivity from "@effect/experimental/Reactivity"
import * as SqliteClient from "@effect/sql-sqlite-node/SqliteClient"
import { afterAll } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ContextStore from "../../src/context/ContextStore.ts"
import * as SqlContextStore from "../../src/context/SqlContextStore.ts"
import { layerSqlite } from "../../src/context/SqliteContextStore.ts"

/** A folder that goes with the tests of a file, and names of files in it. */
export const folderOf = (name: string): { readonly folder: string; readonly newFile: () => string } => {
  const folder = mkdtempSync(join(tmpdir(), `axonal-${name}-`))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  let files = 0
  return { folder, newFile: () => join(folder, `${files++}.db`) }
}

/** A connection of its own to a file, for as long as the scope. */
export const open = (filename: string, leaseMillis = 15_000) => {
  const lease = Layer.succeed(SqlContextStore.LeaseDuration, Duration.millis(leaseMillis))
  return Effect.map(Layer.build(Layer.provide(layerSqlite({ filename }), lease)), (context) =>
    Context.get(context, ContextStore.ContextStore)
  )
}

/** Runs a statement on a file behind the back of the store. */
export const tamper = (filename: string, statement: string) =>
  SqliteClient.make({ filename }).pipe(
    Effect.flatMap((sql) => sql.unsafe<Readonly<Record<string, unknown>>>(statement)),
    Effect.provide(Reactivity.layer),
    Effect.scoped,
    Effect.orDie
  )

export const failureOf = <A, R>(effect: Effect.Effect<A, ContextStore.StoreError, R>) =>
  Effect.map(Effect.flip(effect), ({ operation, reason }) => [operation, reason._tag, reason.message])
