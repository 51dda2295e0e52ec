/**
 * A process that uses a SQL context store, for tests of several processes at once. Arguments: what to do, the file or
 * the URL of the database, the session, a name, a number.
 */

import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as ContextStore from "../../src/context/ContextStore.ts"
import { layerPostgres } from "../../src/context/PostgresContextStore.ts"
import * as SqlContextStore from "../../src/context/SqlContextStore.ts"
import { layerSqlite } from "../../src/context/SqliteContextStore.ts"
import type { Entry } from "../../src/domain/Entry.ts"
import { EntryId, SessionId } from "../../src/domain/Ids.ts"
import * as Message from "../../src/domain/Message.ts"

const [, , task, filename = "", id = "", name = "", count = "0"] = process.argv
const session = SessionId.make(id)
const said = (index: number, part: number): Entry => ({
  _tag: "Message",
  id: EntryId.make(`${name}.${index}.${part}`),
  at: Date.now(),
  message: Message.user(`${name}.${index}.${part}`)
})
const times = Array.from({ length: Number(count) }, (_, index) => index)

const tasks: Readonly<Record<string, (store: ContextStore.Service) => Effect.Effect<void, ContextStore.StoreError>>> = {
  /** Appends pairs of entries as fast as it can, without a lock. */
  append: (store) =>
    Effect.forEach(times, (index) => store.append(session, [said(index, 0), said(index, 1)]), { discard: true }),
  /** Reads and appends under the lock: without mutual exclusion the append conflicts. */
  lock: (store) =>
    Effect.forEach(
      times,
      (index) =>
        Effect.gen(function* () {
          yield* store.lock(session, "wait")
          const { position } = yield* store.read(session)
          yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
          yield* store.append(session, [said(index, 0)], { after: position })
        }).pipe(Effect.scoped),
      { discard: true }
    ),
  /** Takes the lock, says so and stays. */
  hold: (store) =>
    store
      .lock(session, "wait")
      .pipe(
        Effect.zipRight(Effect.sync(() => process.stdout.write("locked\n"))),
        Effect.zipRight(Effect.never),
        Effect.scoped
      )
}

const store = filename.startsWith("postgresql:")
  ? layerPostgres({ url: Redacted.make(filename) })
  : layerSqlite({ filename })
const lease = Layer.succeed(SqlContextStore.LeaseDuration, Duration.millis(name === "short" ? Number(count) : 15_000))
// In this process the program's clock is the real one, and an unfinished fiber keeps nothing alive.
setInterval(() => {}, 60_000).unref()
const keepAlive = task === "hold" ? setInterval(() => {}, 1000) : undefined

Effect.runPromise(
  Effect.flatMap(ContextStore.ContextStore, (store) => tasks[task ?? ""]?.(store) ?? Effect.void).pipe(
    Effect.provide(Layer.provide(store, lease)),
    Effect.ensuring(Effect.sync(() => clearInterval(keepAlive)))
  )
).catch((error) => {
  process.stderr.write(`${error}\n`)
  process.exitCode = 1
})
