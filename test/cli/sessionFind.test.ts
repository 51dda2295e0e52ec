import { assert, describe, it } from "@effect/vitest"
import * as Find from "axonal/cli/sessions/find"
import * as ContextStore from "axonal/context/ContextStore"
import { EntryId, SessionId } from "axonal/domain/Ids"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import { here, talk } from "./sessionSupport.ts"

const scope = { owner: here }
const idOf = (reference: string | undefined, where: Find.Scope = scope) =>
  Effect.map(Find.session(reference, where), ({ id }) => id)
const failing = <A, E extends { readonly message: string }, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(effect), ({ message }) => message)

const stocked = Effect.gen(function* () {
  const store = yield* ContextStore.ContextStore
  yield* talk("a1b2c3", ["Where is Oslo?"])
  yield* talk("a1b9", ["1+1"])
  yield* talk("trip", ["Pack"])
  yield* talk("elsewhere", ["hi"], "/other")
  yield* store.update(SessionId.make("a1b2c3"), { title: "Trip" })
})

describe("sessions/find", () => {
  it.effect("an id, a title and a unique beginning find a session", () =>
    Effect.gen(function* () {
      yield* stocked
      assert.deepStrictEqual(
        yield* Effect.forEach(["a1b9", "a1b2", "trip", "tri", " TRIP "], (reference) => idOf(reference)),
        ["a1b9", "a1b2c3", "trip", "trip", "a1b2c3"].map((id) => SessionId.make(id))
      )
      assert.strictEqual(yield* idOf(undefined), "a1b2c3")
    }).pipe(Effect.provide(ContextStore.layerMemory))
  )

  it.effect("what could be several names them, what is nothing what is near", () =>
    Effect.gen(function* () {
      yield* stocked
      assert.deepStrictEqual(
        yield* Effect.forEach(["a1", "a1b3", "tripp", "zzz"], (reference) => failing(idOf(reference))),
        [
          '"a1" could be a1b2c3 (Trip), a1b9 (1+1). Give more of the id.',
          'there is no session "a1b3" in this folder. Nearest: a1b2c3 (Trip), a1b9 (1+1).',
          'there is no session "tripp" in this folder. Nearest: a1b2c3 (Trip), trip (Pack).',
          'there is no session "zzz" in this folder. axonal sessions list shows what there is.'
        ]
      )
    }).pipe(Effect.provide(ContextStore.layerMemory))
  )

  it.effect("sessions of other folders are found with all only", () =>
    Effect.gen(function* () {
      yield* stocked
      assert.strictEqual(
        yield* failing(idOf("elsewhere")),
        "session elsewhere belongs to /other, not to this one: add --all."
      )
      assert.include(yield* failing(idOf("else")), 'there is no session "else" in this folder.')
      assert.strictEqual(yield* idOf("else", { owner: undefined }), "elsewhere")
      assert.strictEqual(
        yield* failing(idOf(undefined, { owner: "/empty" })),
        "there is no session in /empty yet. Those of other folders are found with --all."
      )
    }).pipe(Effect.provide(ContextStore.layerMemory))
  )

  it.effect("more sessions than a page has are all looked at", () =>
    Effect.gen(function* () {
      const ids = Array.from({ length: 1203 }, (_, index) => `s${index}-x`)
      yield* Effect.forEach(ids, (id) => talk(id, ["hi"]), { discard: true })
      assert.strictEqual(yield* idOf("s0-"), "s0-x")
      assert.lengthOf(yield* Find.every(scope), 1203)
    }).pipe(Effect.provide(ContextStore.layerMemory))
  )

  it("short ids are beginnings of theirs and of no other", () => {
    const id = FastCheck.string({ unit: FastCheck.constantFrom("a", "b"), minLength: 1, maxLength: 24 })
    FastCheck.assert(
      FastCheck.property(FastCheck.uniqueArray(id, { maxLength: 12 }), (ids) => {
        for (const [id, short] of Find.shortIds(ids)) {
          assert.isTrue(id.startsWith(short))
          assert.isTrue(short === id || ids.every((other) => other === id || !other.startsWith(short)))
        }
      })
    )
  })

  it.effect("entries are named by number, id, beginning and end, or branch", () =>
    Effect.gen(function* () {
      const store = yield* ContextStore.ContextStore
      const id = SessionId.make("plan")
      yield* talk("plan", ["one", "two"])
      const find = (reference: string) => Find.entry(id, reference)
      assert.deepStrictEqual(
        yield* Effect.forEach(["2", "#4", "plan-1/1/answer", "plan-1…/usage"], find),
        ["plan-0/1/answer", "plan-1/0/input-0", "plan-1/1/answer", "plan-1/1/usage"].map((id) => EntryId.make(id))
      )
      const fork = yield* store.fork(id)
      assert.strictEqual(
        yield* failing(find("b2")),
        `branch b2 is one of session ${fork}: name that one in place of plan.`
      )
      yield* store.remove(fork)
      yield* store.rewind(id, EntryId.make("plan-0/1/usage"))
      assert.strictEqual(yield* find("b1"), "plan-1/1/usage")
      assert.strictEqual(yield* find("plan-1/1/answer"), "plan-1/1/answer")
      assert.deepStrictEqual(yield* Effect.forEach(["5", "b3", "plan-9"], (reference) => failing(find(reference))), [
        "session plan has no entry #5; its log has 4 entries. axonal sessions show plan --entries shows them.",
        "there is no branch b3; there are 2 branches. axonal sessions tree shows them.",
        "session plan has no entry plan-9; its log has 4 entries. axonal sessions show plan --entries shows them."
      ])
    }).pipe(Effect.provide(ContextStore.layerMemory))
  )

  it.effect("a long id that a listing cut short goes on with its session", () =>
    Effect.gen(function* () {
      yield* talk("session_0123456789abcdef", ["hi"])
      const goOn = (id: string) => Find.continued(id, scope)
      assert.strictEqual(yield* goOn("session_012345"), "session_0123456789abcdef")
      assert.strictEqual(yield* goOn("session_9"), "session_9")
    }).pipe(Effect.provide(ContextStore.layerMemory))
  )
})
