import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Stream from "effect/Stream"
import * as ContextStore from "../../src/context/ContextStore.ts"
import * as ScopedContextStore from "../../src/context/ScopedContextStore.ts"
import * as SessionFile from "../../src/context/SessionFile.ts"
import type { Entry, Stored } from "../../src/domain/Entry.ts"
import { version } from "../../src/domain/Entry.ts"
import { CallId, EntryId, SessionId } from "../../src/domain/Ids.ts"
import * as Message from "../../src/domain/Message.ts"
import * as Part from "../../src/domain/Part.ts"

const id = SessionId.make("session")
const said = (name: string, text = name, at = 1): Entry => ({
  _tag: "Message",
  id: EntryId.make(name),
  at,
  message: Message.user(text)
})
const text = (session: SessionId) =>
  Effect.map(Stream.runCollect(SessionFile.toLines(session)), (lines) => Chunk.toReadonlyArray(lines).join(""))
const importing = (text: string, options?: Parameters<typeof SessionFile.fromLines>[1]) =>
  SessionFile.fromLines(Stream.make(text), options)

const test = <E>(
  title: string,
  body: (store: ContextStore.Service) => Effect.Effect<void, E, ContextStore.ContextStore>
) =>
  it.effect(title, () => Effect.flatMap(ContextStore.ContextStore, body).pipe(Effect.provide(ContextStore.layerMemory)))

/** A file of two entries, line by line. */
const file = Effect.gen(function* () {
  const store = yield* ContextStore.ContextStore
  yield* store.append(id, [said("a"), said("b")], { owner: "alice", chat: "chat" })
  yield* store.update(id, { title: "Title", labels: ["x"] })
  return (yield* text(id)).split("\n").slice(0, -1)
})

/** Texts of any kind, with what is hard on JSON lines. */
const anyText = FastCheck.oneof(
  FastCheck.string({ unit: "binary", maxLength: 12 }),
  FastCheck.constantFrom("\n", "\r\n", "\u2028", "\uFEFF", "\u0000", '\\n"', "\ud800", "\u{1f600}", " ")
)
const anyPart: FastCheck.Arbitrary<Part.Part> = FastCheck.oneof(
  anyText.map((text) => Part.text(text)),
  anyText.map((input): Part.Part => ({ type: "tool-call", id: "c", name: "n", input, meta: { vendor: { input } } })),
  anyText.map(
    (value): Part.Part => ({
      ...{ type: "tool-result", id: "c", name: "n", outcome: "failed" },
      content: [{ type: "json", value: [value, null, { value }] }]
    })
  ),
  anyText.map((name): Part.Part => Part.file("image/png", { base64: "AAAA" }, name))
)
const anyBody = (id: EntryId, at: number): FastCheck.Arbitrary<Entry> =>
  FastCheck.oneof(
    FastCheck.tuple(
      FastCheck.constantFrom(...(["user", "assistant", "tool", "system"] as const)),
      FastCheck.array(anyPart)
    ).map(([role, parts]): Entry => ({ _tag: "Message", id, at, message: { role, parts } })),
    anyText.map((text): Entry => ({ _tag: "Artifact", id, at, text })),
    anyText.map((tool): Entry => ({ _tag: "Decision", id, at, call: CallId.make("c"), tool, approved: false })),
    anyText.map(
      (text): Entry => ({
        ...{ _tag: "Compaction", id, at, through: EntryId.make("e0"), reason: "demand", dropped: 1 },
        messages: [Message.user(text)]
      })
    ),
    FastCheck.constant<Entry>({ _tag: "Marker", id, at, marker: { type: "restore" } })
  )
const log = FastCheck.array(FastCheck.nat({ max: 1e6 }), { minLength: 1, maxLength: 8 }).chain((times) =>
  FastCheck.tuple(...times.map((at, index) => anyBody(EntryId.make(`e${index}`), at)))
)

describe("SessionFile", () => {
  describe("toLines", () => {
    test("a file is a header and a line for each entry", () =>
      Effect.gen(function* () {
        const [header, ...lines] = yield* file
        assert.deepStrictEqual(JSON.parse(header ?? ""), {
          ...{ format: "axonal-session", version: 1, id, title: "Title", labels: ["x"] },
          ...{ createdAt: 0, updatedAt: 0, entries: 2 }
        })
        assert.deepStrictEqual(
          lines.map((line) => JSON.parse(line)),
          [
            { version: version, entry: said("a") },
            { version: version, entry: said("b") }
          ]
        )
      }))

    test("a session that does not exist is not found", () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(text(id))
        assert.strictEqual(error.reason._tag, "NotFound")
      }))

    it.effect("an entry that cannot be read is told of and passed over", () =>
      Effect.gen(function* () {
        const memory = yield* ContextStore.ContextStore
        yield* memory.append(id, [said("a"), said("b"), said("c", "c", Number.NaN)])
        const lost: Stored = { _tag: "Unreadable", id: EntryId.make("b"), at: 5, problem: "torn" }
        const entries = (session: SessionId) =>
          Effect.map(memory.entries(session), (all) => all.map((entry) => (entry.id === "b" ? lost : entry)))
        const written = yield* Effect.provideService(text(id), ContextStore.ContextStore, { ...memory, entries })
        const lines = written
          .trimEnd()
          .split("\n")
          .map((line) => JSON.parse(line))
        assert.deepStrictEqual(lines[2], { unreadable: { id: "b", at: 5, problem: "torn" } })
        assert.deepStrictEqual([lines[0].entries, lines[3].unreadable.id, lines[3].unreadable.at], [3, "c", 0])
        const imported = yield* importing(written)
        assert.deepStrictEqual([imported.entries, imported.unreadable], [1, 2])
        assert.deepStrictEqual(yield* memory.entries(imported.session), [said("a")])
      }).pipe(Effect.provide(ContextStore.layerMemory))
    )
  })

  describe("fromLines", () => {
    it.effect.prop(
      "what is exported is imported unchanged, in pieces of any size",
      [log, FastCheck.array(FastCheck.nat({ max: 300 }), { maxLength: 5 }), FastCheck.boolean()],
      ([entries, cuts, isBytes]) =>
        Effect.gen(function* () {
          const store = yield* ContextStore.ContextStore
          yield* store.append(id, entries)
          yield* store.update(id, { title: "Title \u2028", labels: ["x", "y"] })
          const written = yield* text(id)
          const whole = isBytes ? new TextEncoder().encode(written) : written
          const places = [0, ...cuts.sort((left, right) => left - right), whole.length]
          const pieces = places.slice(1).map((end, index) => whole.slice(places[index], end))
          const { session } = yield* SessionFile.fromLines(Stream.fromIterable<string | Uint8Array>(pieces))
          assert.notStrictEqual(session, id)
          assert.deepStrictEqual(yield* store.entries(session), entries)
          const { labels, preview, title } = yield* store.info(session)
          const before = yield* store.info(id)
          assert.deepStrictEqual([title, labels, preview], [before.title, before.labels, before.preview])
          const again = (yield* text(session)).split("\n")
          assert.deepStrictEqual(again.slice(1), written.split("\n").slice(1))
        }).pipe(Effect.provide(ContextStore.layerMemory))
    )

    test("a session keeps its id where that is free", (store) =>
      Effect.gen(function* () {
        const lines = yield* file
        yield* store.remove(id)
        const imported = yield* importing(lines.join("\n"), { owner: "bob", tenant: "acme" })
        assert.deepStrictEqual(imported, { session: id, entries: 2, unreadable: 0 })
        const { chat, labels, owner, tenant, title } = yield* store.info(id)
        assert.deepStrictEqual([tenant, owner, chat, title, labels], ["acme", "bob", undefined, "Title", ["x"]])
      }))

    test("a session whose id is taken gets a new one", (store) =>
      Effect.gen(function* () {
        const lines = yield* file
        const first = yield* importing(lines.join("\n"))
        const second = yield* importing(lines.join("\n"))
        assert.strictEqual(new Set([id, first.session, second.session]).size, 3)
        yield* store.append(first.session, [said("c")])
        assert.strictEqual((yield* store.entries(id)).length, 2)
        assert.strictEqual((yield* store.entries(second.session)).length, 2)
      }))

    test("an id that is asked for and taken is a conflict", (store) =>
      Effect.gen(function* () {
        const lines = yield* file
        const named = yield* importing(lines.join("\n"), { session: SessionId.make("named") })
        assert.strictEqual(named.session, "named")
        yield* store.update(id, { title: "Mine" })
        const error = yield* Effect.flip(importing(lines.join("\n"), { session: id }))
        assert.strictEqual(error._tag === "StoreError" && error.reason._tag, "Conflict")
        assert.strictEqual((yield* store.info(id)).title, "Mine")
      }))

    test("an id that is taken in the last moment gets a new one", (store) =>
      Effect.gen(function* () {
        const lines = yield* file
        const late = { ...store, read: () => Effect.succeed({ messages: [], position: 0 }) }
        yield* store.rewind(id, EntryId.make("a"))
        const imported = yield* Effect.provideService(importing(lines.join("\n")), ContextStore.ContextStore, late)
        assert.notStrictEqual(imported.session, id)
        assert.strictEqual((yield* store.entries(id)).length, 2)
        assert.deepStrictEqual(yield* store.entries(imported.session), [said("a"), said("b")])
      }))

    it.effect("an id that somebody else has is taken", () =>
      Effect.gen(function* () {
        const lines = yield* file
        const imported = yield* Effect.provide(importing(lines.join("\n")), ScopedContextStore.layer({ owner: "bob" }))
        const store = yield* ContextStore.ContextStore
        assert.notStrictEqual(imported.session, id)
        assert.strictEqual((yield* store.info(imported.session)).owner, "bob")
        assert.deepStrictEqual(
          (yield* store.list({ owner: "bob" })).sessions.map((info) => info.id),
          [imported.session]
        )
      }).pipe(Effect.provide(ContextStore.layerMemory))
    )

    for (const [what, change] of [
      ["Windows' line ends", (lines: ReadonlyArray<string>) => `${lines.join("\r\n")}\r\n`],
      ["no last line break", (lines: ReadonlyArray<string>) => lines.join("\n")],
      ["blank lines", (lines: ReadonlyArray<string>) => `\n${lines.join("\n\n  \n")}\n\n\n`],
      ["a byte order mark", (lines: ReadonlyArray<string>) => `\uFEFF${lines.join("\n")}\n`]
    ] as const) {
      test(`${what} do no harm`, (store) =>
        Effect.gen(function* () {
          const changed = change(yield* file)
          for (const piece of [changed, new TextEncoder().encode(changed)]) {
            const { session } = yield* SessionFile.fromLines(Stream.make<[string | Uint8Array]>(piece))
            assert.deepStrictEqual(yield* store.entries(session), [said("a"), said("b")])
          }
        }))
    }

    const newer = "a newer version of axonal wrote this; upgrade to import it"
    const damages: ReadonlyArray<
      readonly [what: string, change: (lines: Array<string>) => void, problem: string | RegExp]
    > = [
      ["an empty file", (lines) => lines.splice(0), "line 1: the file is empty"],
      ["another format", (lines) => (lines[0] = '{"format":"other"}'), /^line 1: no exported session begins like this/],
      ["no header", (lines) => lines.shift(), /^line 1: no exported session begins like this/],
      [
        "a header without an id",
        (lines) => (lines[0] = '{"format":"axonal-session","version":1}'),
        "line 1: id: is missing"
      ],
      ["a newer file", (lines) => (lines[0] = '{"format":"axonal-session","version":2}'), `line 1: ${newer}`],
      [
        "a newer entry",
        (lines) => (lines[2] = `{"version":${version + 1},"entry":{"_tag":"Dream"}}`),
        `line 3: ${newer}`
      ],
      ["no JSON", (lines) => (lines[1] = lines[1]?.slice(0, -9) ?? ""), /^line 2: this is no JSON: /],
      ["no entry", (lines) => (lines[2] = "[1]"), "line 3: this is no line of a session"],
      ["a number", (lines) => (lines[2] = "1"), "line 3: this is no line of a session"],
      [
        "an unknown kind of entry",
        (lines) => (lines[2] = '{"version":2,"entry":{"_tag":"Dream"}}'),
        /^line 3: .*"Dream"/s
      ],
      [
        "an entry without its message",
        (lines) => (lines[1] = lines[1]?.replace("message", "letter") ?? ""),
        "line 2: message: is missing"
      ],
      [
        "an id twice",
        (lines) => (lines[2] = lines[1] ?? ""),
        "line 3: its entry has the id a, as line 2 has; ids are unique in a session"
      ],
      [
        "an end that is missing",
        (lines) => lines.pop(),
        "line 2: the file has 1 of 2 entries: it was cut off; export it again"
      ],
      [
        "a line too many",
        (lines) => lines.push('{"version":2,"entry":{"_tag":"Artifact","id":"z","at":1,"text":""}}'),
        /^line 4: the file has 3 of 2/
      ],
      [
        "nothing but what was lost",
        (lines) =>
          lines.splice(1, 2, ...["a", "b"].map((id) => JSON.stringify({ unreadable: { id, at: 1, problem: "torn" } }))),
        /^line 3: there is no entry to import/
      ]
    ]
    for (const [what, change, problem] of damages) {
      test(`${what} is named by line, and nothing is written`, (store) =>
        Effect.gen(function* () {
          const lines = yield* file
          yield* store.remove(id)
          change(lines)
          const error = yield* Effect.flip(importing(lines.join("\n")))
          assert.strictEqual(error._tag, "SessionFileError")
          if (typeof problem === "string") assert.strictEqual(error.message, problem)
          else assert.match(error.message, problem)
          assert.deepStrictEqual(yield* store.list(), { sessions: [] })
        }))
    }

    test("bytes that are no text are named by line", () =>
      Effect.gen(function* () {
        const bytes = new TextEncoder().encode(`${(yield* file).join("\n")}`)
        for (const [end, pieces] of [
          [bytes.length, [bytes.fill(0xff, -9)]],
          [1, [Uint8Array.of(0xe2)]]
        ] as const) {
          const error = yield* Effect.flip(SessionFile.fromLines(Stream.fromIterable<Uint8Array>(pieces)))
          assert.strictEqual(error._tag, "SessionFileError")
          assert.include(error.message, "no UTF-8", `${end}`)
        }
      }))

    test("a name that cannot be written takes the session with it", (store) =>
      Effect.gen(function* () {
        const lines = yield* file
        yield* store.remove(id)
        const fail = ContextStore.failure("update", id, "Unavailable", "disk full")
        const result = yield* importing(lines.join("\n")).pipe(
          Effect.provideService(ContextStore.ContextStore, { ...store, update: () => Effect.fail(fail) }),
          Effect.either
        )
        assert.deepStrictEqual(result, Either.left(fail))
        assert.deepStrictEqual(yield* store.list(), { sessions: [] })
      }))

    test("ten thousand lines are read and written in one append", (store) =>
      Effect.gen(function* () {
        const entries = Array.from({ length: 10_000 }, (_, index) => said(`${index}`, `text ${index}`.repeat(10)))
        yield* store.append(id, entries)
        let appends = 0
        const counting = {
          ...store,
          append: (...all: Parameters<typeof store.append>) => store.append(...all).pipe(Effect.tap(() => appends++))
        }
        const imported = yield* SessionFile.fromLines(SessionFile.toLines(id)).pipe(
          Effect.provideService(ContextStore.ContextStore, counting)
        )
        assert.deepStrictEqual([appends, imported.entries], [1, 10_000])
        assert.deepStrictEqual(yield* store.entries(imported.session), entries)
      }))
  })
})
