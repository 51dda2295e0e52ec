import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Compaction from "../../src/context/Compaction.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import * as Summary from "../../src/context/Summary.ts"
import type { Entry } from "../../src/domain/Entry.ts"
import { EntryId, SessionId } from "../../src/domain/Ids.ts"
import * as Messages from "../../src/domain/Message.ts"
import * as Usage from "../../src/domain/Usage.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { logOf, talk } from "../support/logs.ts"

const { finish, text, usage } = ScriptedTransport

const session = SessionId.make("session")
const paid = Usage.make({ input: 9, output: 1 })
const used: Entry = {
  _tag: "Usage",
  id: EntryId.make("used"),
  at: 0,
  model: "scripted",
  usage: Usage.make({ input: 900, output: 90 })
}
const reasonOf = (either: Either.Either<unknown, ContextStore.StoreError>): string =>
  Either.match(either, { onLeft: ({ operation, reason }) => `${operation}: ${reason._tag}`, onRight: () => "done" })

/** A model that plays the script, a store, and a compaction that keeps two messages. */
const world = (script: ScriptedTransport.Script) =>
  Layer.mergeAll(ScriptedTransport.layer(script), ContextStore.layerMemory, Compaction.layer({ keepRecent: 2 }))

/** A store with a session of three questions and answers. */
const begun = Effect.gen(function* () {
  const store = yield* ContextStore.ContextStore
  yield* store.append(session, logOf(talk(3)))
  return store
})

const summarised = Messages.user([...Summary.toMessage("They talked.").parts, ...(talk(1, 2)[0]?.parts ?? [])])

describe("Compaction", () => {
  describe("on demand", () => {
    it.effect("AA-18 a session goes on with a summary, and its log has everything", () =>
      Effect.gen(function* () {
        const store = yield* begun
        const outcome = yield* Compaction.compact(session)
        assert.strictEqual(outcome._tag, "Compacted")
        assert.deepStrictEqual((yield* store.read(session)).messages, [summarised, ...talk(1, 2).slice(1)])
        const log = yield* store.entries(session)
        assert.deepStrictEqual(log.slice(0, 6), [...logOf(talk(3))])
        assert.deepStrictEqual(
          log.slice(6).map((entry) => [entry._tag, entry.id.replace(/[-\da-f]{36}/, "id")]),
          [
            ["Usage", "compaction/id/usage-0"],
            ["Compaction", "compaction/id"]
          ]
        )
        assert.deepInclude(log[6], { purpose: "compaction", usage: paid, model: "scripted" })
        assert.deepInclude(log[7], { reason: "demand", dropped: 4, through: EntryId.make("m3") })
      }).pipe(Effect.provide(world([[text("They talked."), usage({ input: 9, output: 1 })]])))
    )

    it.effect("TR-23 what was measured before a compaction counts no longer", () =>
      Effect.gen(function* () {
        const store = yield* begun
        yield* store.append(session, [used])
        const outcome = yield* Compaction.compact(session)
        assert.deepInclude(outcome, { tokensBefore: 990 })
        assert.isUndefined((yield* store.read(session)).measured)
      }).pipe(Effect.provide(world([[text("They talked.")]])))
    )

    it.effect("HIST-3 a summary that fails is paid for and changes nothing", () =>
      Effect.gen(function* () {
        const store = yield* begun
        const before = yield* store.read(session)
        const outcome = yield* Compaction.compact(session)
        assert.deepInclude(outcome, { _tag: "Kept", failed: true })
        const after = yield* store.read(session)
        assert.deepStrictEqual([after.messages, after.compaction], [before.messages, undefined])
        assert.deepInclude((yield* store.entries(session)).at(-1), {
          _tag: "Usage",
          purpose: "compaction",
          usage: paid
        })
      }).pipe(Effect.provide(world([[text("They"), usage({ input: 9, output: 1 }), finish("length")]])))
    )

    it.effect("TR-23 asking again does nothing until something is new", () =>
      Effect.gen(function* () {
        const store = yield* begun
        yield* Compaction.compact(session)
        const before = yield* store.read(session)
        assert.deepStrictEqual(
          yield* Compaction.compact(session),
          Compaction.kept("there is nothing but what is recent")
        )
        assert.strictEqual(yield* store.read(session), before)
        yield* store.append(session, logOf(talk(1, 3), 6))
        assert.strictEqual((yield* Compaction.compact(session))._tag, "Compacted")
        const [, second] = yield* ScriptedTransport.requests
        const asked = second?.messages.map(Messages.toText).join("\n") ?? ""
        assert.include(asked, `<summary-so-far>\nThey talked.\n</summary-so-far>`)
        assert.deepStrictEqual(asked.match(/(question|answer) \d/g), ["question 2", "answer 2"])
      }).pipe(Effect.provide(world([[text("They talked.")], [text("They talked more.")]])))
    )

    it.effect("a session that a run has, or that is none, is not compacted", () =>
      Effect.gen(function* () {
        const store = yield* begun
        assert.strictEqual(
          reasonOf(yield* Effect.either(Compaction.compact(SessionId.make("other")))),
          "info: NotFound"
        )
        yield* store.lock(session, "fail")
        const done = [
          yield* Effect.either(Compaction.compact(session)),
          yield* Effect.either(Compaction.restore(session))
        ]
        assert.deepStrictEqual(done.map(reasonOf), ["lock: SessionBusy", "lock: SessionBusy"])
      }).pipe(Effect.scoped, Effect.provide(world([])))
    )

    it.effect("the session is free again after a compaction", () =>
      Effect.gen(function* () {
        const store = yield* begun
        yield* Compaction.compact(session)
        yield* store.lock(session, "fail")
      }).pipe(Effect.scoped, Effect.provide(world([[text("They talked.")]])))
    )
  })

  describe("restore", () => {
    it.effect("a session goes on with what was compacted, one compaction at a time", () =>
      Effect.gen(function* () {
        const store = yield* begun
        const windows = [(yield* store.read(session)).messages]
        yield* Compaction.compact(session)
        yield* store.append(session, logOf(talk(1, 3), 6))
        windows.push((yield* store.read(session)).messages)
        yield* Compaction.compact(session)
        yield* Compaction.restore(session)
        assert.deepStrictEqual((yield* store.read(session)).messages, windows[1])
        yield* Compaction.restore(session)
        assert.deepStrictEqual((yield* store.read(session)).messages, talk(4))
        const { position } = yield* store.read(session)
        yield* Compaction.restore(session)
        assert.strictEqual((yield* store.read(session)).position, position)
      }).pipe(Effect.provide(world([[text("They talked.")], [text("They talked more.")]])))
    )

    it.effect("what was restored can be compacted again", () =>
      Effect.gen(function* () {
        const store = yield* begun
        yield* Compaction.compact(session)
        yield* Compaction.restore(session)
        yield* Compaction.compact(session)
        assert.deepStrictEqual((yield* store.read(session)).messages, [summarised, ...talk(1, 2).slice(1)])
      }).pipe(Effect.provide(world([[text("Wrong.")], [text("They talked.")]])))
    )

    it.effect("AX-34 a fork of a session that went back often is compacted and restored like any other", () =>
      Effect.gen(function* () {
        const store = yield* begun
        // Positions grow with every change; the fork counts from its own entries on, and comes by the same ones again.
        yield* Compaction.compact(session)
        yield* Compaction.restore(session)
        for (let times = 0; times < 3; times++) {
          yield* store.rewind(session, EntryId.make("m5"))
          yield* Compaction.compact(session)
          yield* Compaction.restore(session)
        }
        const child = yield* store.fork(session)
        for (let turn = 3; turn < 9; turn++) {
          yield* store.append(child, logOf(talk(1, turn), 100 * turn))
          const before = (yield* store.entries(child)).length
          assert.strictEqual((yield* Compaction.compact(child))._tag, "Compacted")
          assert.strictEqual((yield* store.entries(child)).length, before + 2)
          yield* Compaction.restore(child)
          assert.strictEqual((yield* store.entries(child)).length, before + 3)
        }
        assert.deepStrictEqual((yield* store.read(child)).messages, talk(9))
        assert.deepStrictEqual((yield* store.read(session)).messages, talk(3))
      }).pipe(Effect.provide(world((_, index) => [text(`Summary ${index}.`)])))
    )

    it.effect("restoring a session that is none does nothing", () =>
      Effect.gen(function* () {
        const store = yield* ContextStore.ContextStore
        yield* Compaction.restore(session)
        assert.deepStrictEqual(yield* store.entries(session), [])
      }).pipe(Effect.provide(ContextStore.layerMemory))
    )
  })
})
