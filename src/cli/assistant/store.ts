/**
 * The store of the assistant's sessions: a file that processes share, or memory. What a process that was killed had in use
 * is free again after a moment, and a run that finds it taken waits for that moment.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as ContextStore from "../../context/ContextStore.ts"
import { layerSqlite } from "../../context/SqliteContextStore.ts"

/**
 * Layer of the store in this file, or in memory.
 *
 * **Details**
 *
 * - A session that a living process works in is still taken after 3 seconds; then it fails with `SessionBusy`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (database: string | undefined): Layer.Layer<ContextStore.ContextStore, ContextStore.StoreError> =>
  database === undefined
    ? ContextStore.layerMemory
    : Layer.project(
        Layer.provide(layerSqlite({ filename: database }), leases),
        ContextStore.ContextStore,
        ContextStore.ContextStore,
        patient
      )

// internal

/** Whoever lives renews it three times as often. */
const kept = Duration.seconds(2)
/** Loaded with the database, which runs that keep nothing have no use for. */
const leases = Layer.unwrapEffect(
  Effect.map(
    Effect.promise(() => import("../../context/SqlContextStore.ts")),
    ({ LeaseDuration }) => Layer.succeed(LeaseDuration, kept)
  )
)
const pause = Duration.millis(250)

const patient = (store: ContextStore.Service): ContextStore.Service =>
  ContextStore.ContextStore.of({
    ...store,
    lock: (session, onBusy) =>
      Effect.retry(store.lock(session, onBusy), {
        while: ({ reason }) => reason._tag === "SessionBusy",
        schedule: Schedule.intersect(Schedule.spaced(pause), Schedule.recurUpTo(Duration.seconds(3)))
      })
  })
