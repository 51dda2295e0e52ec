/**
 * What the first version of the SQL store wrote, kept as it was, and what has to be found in it by every later one.
 */
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as ContextStore from "../../src/context/ContextStore.ts"
import * as Entry from "../../src/domain/Entry.ts"
import { SessionId } from "../../src/domain/Ids.ts"
import * as Message from "../../src/domain/Message.ts"
import { at, said } from "../../src/testing/internal/contextStoreFixtures.ts"

/** The path of a file of `test/fixtures/context`. */
export const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/context/${name}`, import.meta.url))
/** The lines of one. */
export const linesOf = (name: string): ReadonlyArray<string> =>
  readFileSync(fixture(name), "utf8").trimEnd().split("\n")

const S = SessionId.make
const ids = (store: ContextStore.Service, session: string) =>
  Effect.map(store.entries(S(session)), (entries) =>
    entries.map((entry): string => (entry._tag === "Marker" ? "marker" : entry.id))
  )
const texts = (store: ContextStore.Service, session: string) =>
  Effect.map(store.read(S(session)), ({ messages }) => messages.map(Message.toText))

/** What everybody finds who opens what version 1 wrote. */
export const keepsEverything = (store: ContextStore.Service) =>
  Effect.gen(function* () {
    const first = linesOf("entries-v1.jsonl").map((line) => Either.getOrThrow(Entry.fromJson(1, line)))
    const run = first.filter(({ id }) => id.startsWith("run_1/"))
    assert.deepStrictEqual(yield* store.entries(S("everything")), run)
    assert.deepStrictEqual(yield* ids(store, "rewound"), ["r1", "r2", "r7", "r3"])
    assert.deepStrictEqual(yield* ids(store, "forked"), ["r1", "r2", "r7", "f1"])
    assert.deepStrictEqual(yield* texts(store, "session \u{1f600} '; DROP"), ["No owner, an odd id"])
    assert.deepStrictEqual(yield* store.read(S("cleared")), { messages: [], position: 0 })
    const { sessions } = yield* store.list()
    assert.deepStrictEqual(
      sessions.map(({ createdAt, entries, id, labels, owner, preview, updatedAt }) => [
        ...[id, owner, entries, preview.slice(0, 14), labels.length, createdAt % 1e6, updatedAt % 1e6]
      ]),
      [
        ["rewound to its first", "u-18", 1, "", 0, 91000, 100000],
        ["cleared", "u-18", 0, "", 0, 76000, 85000],
        ["session \u{1f600} '; DROP", undefined, 1, "No owner, an o", 0, 67000, 67000],
        ["forked", "u-17", 4, "First question", 0, 50000, 60000],
        ["rewound", "u-17", 4, "First question", 0, 7000, 41000],
        ["everything", "u-17", 19, "Look at this: ", 0, 1000, 1000]
      ]
    )
  })

/** What was rewound is on branches that were left, and can be taken back. */
export const keepsRewound = (store: ContextStore.Service) =>
  Effect.gen(function* () {
    const branches = yield* store.branches(S("rewound"))
    const [main] = branches
    assert.deepStrictEqual(
      branches.map(({ entries, isCurrent, last, parent, preview, session }) => [
        ...[session, isCurrent, parent?.branch === main?.id ? parent?.entry : undefined, entries, last, preview]
      ]),
      [
        ["rewound", true, undefined, 4, "r3", "First question"],
        ["rewound", false, "r2", 2, "r6", "Another question"],
        ["rewound", false, "r2", 2, "r4", "Second question"]
      ]
    )
    // One id was dropped and used again: it is meant where the session goes on.
    assert.strictEqual((yield* store.entry(S("rewound"), at("r3")))._tag, "Message")
    yield* store.rewind(S("rewound"), at("r4"))
    assert.deepStrictEqual(yield* texts(store, "rewound"), [
      ...["First question", "First answer", "Second question", "Second answer"]
    ])
    const { position } = yield* store.read(S("rewound"))
    yield* store.append(S("rewound"), [said("new", "A new question")], { after: position })
    assert.deepStrictEqual(yield* ids(store, "rewound"), ["r1", "r2", "r3", "r4", "marker", "new"])
    yield* store.rewind(S("rewound to its first"), at("g2"))
    assert.deepStrictEqual(yield* ids(store, "rewound to its first"), ["g1", "g2", "marker"])
    const { hits } = yield* store.search("question", { owner: "u-17" })
    assert.deepStrictEqual(hits.map((hit): string => `${hit.session.id} ${hit.entry}`).sort(), [
      ...["forked r1", "forked r7", "rewound new", "rewound r1", "rewound r3"]
    ])
    yield* store.remove(S("rewound"))
    assert.deepStrictEqual(yield* ids(store, "forked"), ["r1", "r2", "r7", "f1"])
  })
