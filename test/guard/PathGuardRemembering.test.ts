import * as FileSystem from "@effect/platform/FileSystem"
import { assert, describe } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import * as Approval from "../../src/guard/Approval.ts"
import * as Guard from "../../src/guard/Guard.ts"
import * as PathGuard from "../../src/guard/PathGuard.ts"
import { callOf, guarded, guardedWith, optionsOf, test, world } from "../support/pathWorld.ts"

describe("PathGuard.remembering", () => {
  test(
    "AX-32 a yes to a file holds for its folder and all below",
    Effect.gen(function* () {
      const { asked, root, runs } = yield* guarded({ approved: true })
      assert.strictEqual(yield* runs("write", { path: `${root}/outside/f` }), "approved")
      assert.strictEqual(yield* runs("write", { path: `${root}/outside/c/g` }), "Allow")
      assert.strictEqual(yield* runs("read", { path: `../outside/secret.txt` }), "Rewrite")
      assert.strictEqual(asked.length, 1)
      assert.include(asked[0]?.reason ?? "", `there: write ${root}/outside)`)
    })
  )

  test(
    "AX-32 a no sticks, for the folder and in every spelling",
    Effect.gen(function* () {
      const { asked, root, runs } = yield* guarded({ approved: false }, { approved: true })
      assert.strictEqual(yield* runs("read", { path: `${root}/outside/f` }), "rejected")
      for (const path of ["outside/f", "outside/c/g", "outside", "OUTSIDE/f", "work/link-out/x"]) {
        assert.strictEqual(yield* runs("read", { path: `${root}/${path}` }), "Deny", path)
      }
      assert.strictEqual(yield* runs("write", { path: `${root}/outside/f` }), "Deny")
      assert.strictEqual(asked.length, 1)
    })
  )

  test(
    "a yes to reading is none to writing, and a no to writing none to reading",
    Effect.gen(function* () {
      const { root, runs } = yield* guarded({ approved: true }, { approved: false })
      assert.strictEqual(yield* runs("read", { path: `${root}/outside/f` }), "approved")
      assert.strictEqual(yield* runs("write", { path: `${root}/outside/f` }), "rejected")
      assert.strictEqual(yield* runs("read", { path: `${root}/outside/g` }), "Allow")
      assert.strictEqual(yield* runs("write", { path: `${root}/outside/g` }), "Deny")
    })
  )

  test(
    "a refused folder stays refused inside of a granted one",
    Effect.gen(function* () {
      const { root, runs } = yield* guarded({ approved: false }, { approved: true })
      assert.strictEqual(yield* runs("write", { path: `${root}/outside/folder/x` }), "rejected")
      assert.strictEqual(yield* runs("write", { path: `${root}/outside/y` }), "approved")
      assert.strictEqual(yield* runs("write", { path: `${root}/outside/folder/x` }), "Deny")
    })
  )

  test(
    "a grant holds for its session only",
    Effect.gen(function* () {
      const { root, runs } = yield* guarded({ approved: true })
      assert.strictEqual(yield* runs("read", { path: `${root}/outside/f` }, "mine"), "approved")
      assert.strictEqual(yield* runs("read", { path: `${root}/outside/f` }, "yours"), "rejected")
    })
  )

  test(
    "a yes that is put off or changes the arguments grants nothing",
    Effect.gen(function* () {
      const { guard, root, runs } = yield* guarded({ _tag: "Later" }, { approved: true, input: { path: "/etc/x" } })
      assert.strictEqual(yield* runs("read", { path: `${root}/outside/f` }), "later")
      assert.strictEqual(yield* runs("read", { path: `${root}/outside/f` }), "approved")
      assert.deepStrictEqual(yield* guard.grants, [])
    })
  )

  test(
    "an answer that nobody gave is about its call only",
    Effect.gen(function* () {
      const root = yield* world
      const guard = yield* PathGuard.make(optionsOf(root))
      const call = callOf("read", { path: `${root}/outside/f` })
      const question = { call, reason: "because" }
      const asked = yield* Deferred.make<void>()
      const silent: Approval.Service = { ask: () => Effect.zipRight(Deferred.succeed(asked, undefined), Effect.never) }
      const waiting = yield* Effect.fork(guard.remembering(Approval.expiring(silent, "1 minute")).ask(question))
      // The path is looked up in real time.
      yield* Deferred.await(asked)
      yield* TestClock.adjust("1 minute")
      const late = yield* Fiber.join(waiting)
      const nobody = yield* guard.remembering(yield* Approval.Approval).ask(question)
      const { approval } = yield* Approval.makeQueue
      yield* Effect.fork(approval.ask(question))
      yield* Effect.yieldNow()
      const twice = yield* guard.remembering(approval).ask(question)
      assert.deepStrictEqual(
        [late, nobody, twice],
        [
          { approved: false, reason: "nobody answered in time" },
          { approved: false, reason: "nobody is there to approve it" },
          { approved: false, reason: "the same call is already waiting for an answer" }
        ]
      )
      assert.deepStrictEqual(yield* guard.grants, [])
      assert.strictEqual((yield* guard.check(call))._tag, "Ask")
    })
  )

  test(
    "where answers are marked, the others hold for their call",
    Effect.gen(function* () {
      const { asked, root, runs } = yield* guardedWith(
        { remembers: "marked" },
        { approved: true },
        { approved: true, remember: "category" }
      )
      const outcomes = [1, 2, 3].map(() => runs("read", { path: `${root}/outside/f` }))
      assert.deepStrictEqual(yield* Effect.all(outcomes), ["approved", "approved", "Allow"])
      assert.notInclude(asked[0]?.reason ?? "", "session")
    })
  )

  test(
    "an answer that came another way is remembered, too",
    Effect.gen(function* () {
      const { guard, root, runs } = yield* guarded()
      yield* guard.decided(callOf("read", { path: `${root}/outside/f` }), { approved: true })
      assert.strictEqual(yield* runs("read", { path: `${root}/outside/c/g` }), "Allow")
    })
  )

  test(
    "a yes to a file at the root does not cover the system",
    Effect.gen(function* () {
      const { guard, runs } = yield* guarded({ approved: true })
      assert.strictEqual(yield* runs("read", { path: "/vmlinuz-x" }), "approved")
      assert.deepStrictEqual(yield* guard.grants, [
        { session: "session", folder: "/vmlinuz-x", access: "read", granted: true }
      ])
    })
  )

  test(
    "a link that moved since the question is not granted",
    Effect.gen(function* () {
      const files = yield* FileSystem.FileSystem
      const root = yield* world
      const guard = yield* PathGuard.make(optionsOf(root))
      const call = callOf("write", { path: `${root}/outside/folder/x` })
      yield* files.remove(`${root}/outside/folder`, { recursive: true })
      yield* files.symlink("/etc", `${root}/outside/folder`)
      const approval = guard.remembering({ ask: () => Effect.succeed({ approved: true }) })
      yield* approval.ask({ call, reason: "because" })
      assert.deepStrictEqual(yield* guard.grants, [])
    })
  )

  test(
    "questions of other guards pass through unchanged",
    Effect.gen(function* () {
      const root = yield* world
      const guard = yield* PathGuard.make(optionsOf(root))
      const asked: Array<Approval.Question> = []
      const approval = guard.remembering({
        ask: (question) => Effect.sync(() => ({ approved: asked.push(question) > 0 }))
      })
      const questions = ["write", "mystery"].map((tool) => ({
        call: callOf(tool, { path: `${root}/work/a.txt` }),
        reason: "money"
      }))
      for (const question of questions) yield* approval.ask(question)
      assert.deepStrictEqual(asked, questions)
      assert.deepStrictEqual(yield* guard.grants, [])
    })
  )

  test(
    "the layer wraps the approver that it is given",
    Effect.gen(function* () {
      const root = yield* world
      const layer = Layer.provideMerge(PathGuard.layer(optionsOf(root)), Approval.layerAllow)
      const call = callOf("read", { path: `${root}/outside/f` })
      const tags = yield* Effect.provide(
        Effect.gen(function* () {
          const guard = yield* Guard.Guard
          const approval = yield* Approval.Approval
          const before = yield* guard.check(call)
          yield* approval.ask({ call, reason: "because" })
          return [before._tag, (yield* guard.check(call))._tag]
        }),
        layer
      )
      assert.deepStrictEqual(tags, ["Ask", "Allow"])
    })
  )
})
