import { assert, describe, it } from "@effect/vitest"
import * as Change from "axonal/cli/sessions/change"
import { act } from "axonal/cli/sessions/command"
import * as ContextStore from "axonal/context/ContextStore"
import { EntryId, SessionId } from "axonal/domain/Ids"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as TestClock from "effect/TestClock"
import { exchange, here, optionsOf, screenOf, talk, textsOf } from "./sessionSupport.ts"

const plan = SessionId.make("plan")
const requests = ["one", "two", "three"]
const said = (...texts: ReadonlyArray<string>) => texts.flatMap((text) => [text, `Re: ${text}`])

/** Runs a command line over the store and answers what was printed, and noted. */
const run = (args: ReadonlyArray<string>, screen = screenOf()) =>
  Effect.map(act(optionsOf(...args), here, screen), () => [screen.printed(), screen.noted()] as const)

describe("sessions/change", () => {
  it.effect("AX-34 a fork and its source go their own ways", () =>
    Effect.gen(function* () {
      yield* talk("plan", requests)
      const fork = yield* Change.fork(plan, { at: EntryId.make("plan-1/1/answer"), title: "Other" })
      assert.deepStrictEqual([fork.title, fork.origin, fork.owner], ["Other", "plan", here])
      yield* talk(fork.id, ["four"])
      assert.deepStrictEqual(yield* textsOf(fork.id), said("one", "two", "four"))
      assert.deepStrictEqual(yield* textsOf("plan"), said(...requests))
    }).pipe(Effect.provide(ContextStore.layerMemory))
  )

  it.effect("a rewind says what it left, and can be taken back", () =>
    Effect.gen(function* () {
      yield* talk("plan", requests)
      const [printed] = yield* run(["rewind", "plan", "--back", "2"])
      assert.strictEqual(
        printed,
        "Left “two”, 1 other request and what followed: 4 messages. Take it back: axonal sessions rewind plan --undo\n"
      )
      assert.deepStrictEqual(yield* textsOf("plan"), said("one"))
      assert.deepStrictEqual(yield* run(["rewind", "plan", "--undo"]), [
        "The rewind is taken back. Nothing was left.\n",
        ""
      ])
      assert.deepStrictEqual(yield* textsOf("plan"), said(...requests))
    }).pipe(Effect.provide(ContextStore.layerMemory))
  )

  it.effect("a rewind to a branch that was left tells the way back", () =>
    Effect.gen(function* () {
      yield* talk("plan", requests)
      yield* run(["rewind", "plan", "2"])
      const store = yield* ContextStore.ContextStore
      yield* store.append(plan, exchange("aside", "aside"))
      const [printed] = yield* run(["rewind", "plan", "b1"])
      assert.deepStrictEqual(yield* textsOf("plan"), said(...requests))
      const back = / rewind plan (\S+)\n$/.exec(printed)?.[1] ?? ""
      assert.strictEqual(back, "aside/1/usage")
      yield* run(["rewind", "plan", back])
      assert.deepStrictEqual(yield* textsOf("plan"), said("one", "aside"))
    }).pipe(Effect.provide(ContextStore.layerMemory))
  )

  it.effect.prop(
    "as many undos as rewinds restore the conversation",
    { steps: FastCheck.array(FastCheck.integer({ min: 1, max: 3 }), { maxLength: 4 }) },
    ({ steps }) =>
      Effect.gen(function* () {
        yield* talk("plan", [...requests, ...requests.map((text) => `${text} again`)])
        const before = yield* textsOf("plan")
        let done = 0
        for (const step of steps) {
          const to = yield* Effect.option(Change.stepsBack(plan, step))
          if (to._tag === "None") continue
          yield* Change.rewind(plan, to.value)
          done++
        }
        for (let undo = 0; undo < done; undo++) yield* Change.rewind(plan, yield* Change.undone(plan))
        assert.deepStrictEqual(yield* textsOf("plan"), before)
        const { message } = yield* Effect.flip(Change.undone(plan))
        assert.strictEqual(message, "there is no rewind to take back.")
      }).pipe(Effect.provide(ContextStore.layerMemory)),
    { fastCheck: { numRuns: 30 } }
  )

  it.effect("nothing is before the first request", () =>
    Effect.gen(function* () {
      yield* talk("plan", requests)
      const messages = yield* Effect.forEach([3, 9], (steps) =>
        Effect.map(Effect.flip(Change.stepsBack(plan, steps)), ({ message }) => message)
      )
      const most =
        "this conversation has 3 requests, and the first stays: it goes back by 2 at most. Begin a new session instead."
      assert.deepStrictEqual(messages, [most, most])
      yield* talk("short", ["hi"])
      for (const steps of [1, 9]) {
        const { message } = yield* Effect.flip(Change.stepsBack(SessionId.make("short"), steps))
        assert.strictEqual(
          message,
          "there is nothing before the first request to go back to. Begin a new session instead."
        )
      }
    }).pipe(Effect.provide(ContextStore.layerMemory))
  )

  it.scoped("RUN-5 what a run has is not forked, rewound or erased", () =>
    Effect.gen(function* () {
      const store = yield* ContextStore.ContextStore
      yield* talk("plan", requests)
      yield* talk("free", ["hi"])
      yield* store.lock(plan, "fail")
      const commands = [
        ["fork", "plan"],
        ["rewind", "plan", "2"],
        ["rm", "free", "plan", "--yes"]
      ]
      const messages = yield* Effect.forEach(commands, (args) =>
        Effect.map(Effect.flip(run(args)), ({ message }) => message)
      )
      assert.deepStrictEqual(
        messages,
        ["forked", "rewound", "erased"].map(
          (done) => `session plan is in use by a run and cannot be ${done} now. Try again when that has ended.`
        )
      )
      const { sessions } = yield* store.list({})
      assert.deepStrictEqual(
        sessions.map(({ entries, id }) => [id, entries]),
        [
          ["free", 3],
          ["plan", 9]
        ]
      )
      // What was taken on the way is free again.
      yield* run(["rm", "free", "--yes"])
      yield* run(["rename", "plan", "Mine"])
    }).pipe(Effect.provide(ContextStore.layerMemory))
  )

  it.effect("erasing asks once for all, and no is no", () =>
    Effect.gen(function* () {
      yield* talk("plan", ["one"])
      yield* talk("free", ["hi"])
      const screen = screenOf({ says: false })
      const { message } = yield* Effect.flip(run(["rm", "plan", "free", "plan"], screen))
      assert.strictEqual(message, "nothing was erased.")
      yield* Effect.flip(run(["rm", "plan"], screen))
      assert.deepStrictEqual(screen.asked, [
        "Erase these 2 sessions: plan, free for good?",
        "Erase session plan (one, 3 entries) for good?"
      ])
      assert.deepStrictEqual(yield* run(["rm", "plan", "free"]), ["plan is erased\nfree is erased\n", ""])
      assert.deepStrictEqual(yield* run(["list", "--json"]), ["", ""])
    }).pipe(Effect.provide(ContextStore.layerMemory))
  )

  it.effect("pruning erases what is old, here only", () =>
    Effect.gen(function* () {
      yield* talk("old", ["one"])
      yield* talk("theirs", ["one"], "/other")
      yield* TestClock.adjust("10 days")
      yield* talk("new", ["one"])
      const screen = screenOf()
      assert.deepStrictEqual(yield* run(["prune", "--older-than", "2w"], screen), ["0 erased\n", ""])
      assert.deepStrictEqual(screen.asked, [])
      yield* run(["prune", "--older-than", "9d"], screen)
      assert.deepStrictEqual(screen.asked, ["Erase 1 session for good?"])
      const { sessions } = yield* (yield* ContextStore.ContextStore).list({})
      assert.deepStrictEqual(
        sessions.map(({ id }) => id),
        ["new", "theirs"].map((id) => SessionId.make(id))
      )
    }).pipe(Effect.provide(ContextStore.layerMemory))
  )

  it.effect("names and labels are given and taken away", () =>
    Effect.gen(function* () {
      yield* talk("plan", ["one"])
      const printed = (...args: ReadonlyArray<string>) => Effect.map(run(args), ([text]) => text)
      assert.deepStrictEqual(
        [
          yield* printed("rename", "plan", "My", "trip"),
          yield* printed("label", "my trip", "work", "fun", "work"),
          yield* printed("label", "plan", "work", "--remove"),
          yield* printed("label", "plan"),
          yield* printed("rename", "plan", "")
        ],
        [
          "plan is “My trip” now\n",
          "plan has labels work, fun\n",
          "plan has labels fun\n",
          "plan has labels fun\n",
          "plan has no title now\n"
        ]
      )
    }).pipe(Effect.provide(ContextStore.layerMemory))
  )
})
