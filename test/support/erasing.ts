/**
 * Random changes through several connections, beside the store in memory: what no session has any more is in no table,
 * what one has is there, and the index finds it.
 */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import type * as ContextStore from "../../src/context/ContextStore.ts"
import type { Stored } from "../../src/domain/Entry.ts"
import { SessionId } from "../../src/domain/Ids.ts"
import type { Store } from "../../src/testing/internal/contextStoreFixtures.ts"
import { answered, compacted, said } from "../../src/testing/internal/contextStoreFixtures.ts"

/** Numbers choose among what there is by then. `at` 0 is the end. */
interface Change {
  readonly type: "append" | "compact" | "fork" | "rewind" | "clear" | "remove" | "prune" | "search"
  readonly by: number
  readonly session: number
  readonly at: number
}

const types = [
  ...(["append", "append", "append", "compact", "fork", "fork", "fork", "rewind", "rewind"] as const),
  ...(["clear", "remove", "remove", "prune", "search"] as const)
]

export const changes = FastCheck.array(
  FastCheck.record<Change>({
    type: FastCheck.constantFrom(...types),
    by: FastCheck.nat({ max: 1 }),
    session: FastCheck.nat({ max: 9 }),
    at: FastCheck.nat({ max: 30 })
  }),
  { minLength: 6, maxLength: 24 }
)

/** Rows that nothing leads to, by the table they are in; each of them counts to 0. */
export const unreachable = (isSqlite: boolean): ReadonlyArray<string> => {
  const covered = (row: string) => `EXISTS (SELECT 1 FROM axonal_segments g WHERE g.source = ${row}.branch
    AND ${row}.position BETWEEN g.first AND g.last)`
  return [
    "FROM axonal_branches b WHERE NOT EXISTS (SELECT 1 FROM axonal_sessions s WHERE s.id = b.session)",
    "FROM axonal_sessions s WHERE NOT EXISTS (SELECT 1 FROM axonal_branches b WHERE b.id = s.branch)",
    "FROM axonal_segments g WHERE NOT EXISTS (SELECT 1 FROM axonal_branches b WHERE b.id = g.branch)",
    `FROM axonal_entries e WHERE NOT ${covered("e")}`,
    `FROM axonal_words w WHERE NOT EXISTS
      (SELECT 1 FROM axonal_entries e WHERE e.branch = w.branch AND e.position = w.position)`,
    ...(isSqlite ? ["FROM axonal_words_index WHERE rowid NOT IN (SELECT id FROM axonal_words)"] : [])
  ].map((rest) => `SELECT COUNT(*) AS count ${rest}`)
}

const labels = (log: ReadonlyArray<Stored>) =>
  log.map((entry): string => (entry._tag === "Marker" ? entry.marker.type : entry.id))

/** Takes the changes, and answers when all stores agree. The sessions are told apart by their owner. */
export const agree = (
  stores: readonly [Store, ...ReadonlyArray<Store>],
  memory: Store,
  changes: ReadonlyArray<Change>
) =>
  Effect.gen(function* () {
    const mine = { owner: crypto.randomUUID() }
    const [origin, twin] = [SessionId.make(`origin ${mine.owner}`), SessionId.make(`twin ${mine.owner}`)]
    /** Every session by its id in the stores, and in memory. */
    const sessions: Array<readonly [SessionId, SessionId]> = [
      [origin, origin],
      [twin, twin]
    ]
    let made = 0
    for (const change of changes) {
      const store = stores[change.by % stores.length] ?? stores[0]
      const [id, twin] = sessions[change.session % sessions.length] ?? [origin, origin]
      const both = <A>(use: (store: Store, id: SessionId) => Effect.Effect<A, ContextStore.StoreError>) =>
        Effect.all([Effect.either(use(store, id)), Effect.either(use(memory, twin))])
      const messages = (yield* memory.entries(twin)).filter(({ _tag }) => _tag === "Message")
      const at = messages[change.at % Math.max(1, messages.length)]?.id
      if (change.type === "append") {
        const [first, second] = [said(`e${++made}`, `common word${made}`, made), answered(`e${++made}`, "common", made)]
        yield* both((store, id) => store.append(id, [first, second], mine))
      } else if (change.type === "compact" && at !== undefined) {
        const entry = compacted(`e${++made}`, at)
        yield* both((store, id) => store.append(id, [entry], mine))
      } else if (change.type === "fork") {
        const [left, right] = yield* both((store, id) => store.fork(id, change.at === 0 ? undefined : at))
        assert.strictEqual(left._tag, right._tag)
        if (left._tag === "Right" && right._tag === "Right") sessions.push([left.right, right.right])
      } else if (change.type === "rewind" && at !== undefined) {
        yield* both((store, id) => store.rewind(id, at))
      } else if (change.type === "clear" || change.type === "remove") {
        const { type } = change
        yield* both((store, id) => store[type](id))
      } else if (change.type === "prune" && change.at === 1) {
        yield* both((store) => store.prune({ ...mine, before: Number.POSITIVE_INFINITY }))
      } else if (change.type === "search") {
        const found = (store: Store) =>
          Effect.map(store.search("common", mine), ({ hits }) => hits.map(({ entry }): string => entry).sort())
        assert.deepStrictEqual(yield* found(store), yield* found(memory))
      }
      for (const [id, twin] of sessions) {
        const expected = yield* memory.entries(twin)
        const window = (yield* memory.read(twin)).messages
        for (const store of stores) {
          assert.deepStrictEqual(labels(yield* store.entries(id)), labels(expected))
          assert.deepStrictEqual((yield* store.read(id)).messages, window)
        }
      }
    }
  })
