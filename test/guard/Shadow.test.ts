import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { pipe } from "effect/Function"
import * as Logger from "effect/Logger"
import * as Message from "../../src/domain/Message.ts"
import * as Guard from "../../src/guard/Guard.ts"
import * as MessageGuard from "../../src/guard/MessageGuard.ts"
import * as Shadow from "../../src/guard/Shadow.ts"
import * as Suites from "../../src/testing/Suites.ts"
import { callOf } from "../support/judges.ts"

const says = (verdict: Guard.Verdict): Guard.Service => Guard.make(() => Effect.succeed(verdict))
const verdicts: ReadonlyArray<Guard.Verdict> = [
  Guard.Allow,
  Guard.Rewrite({ path: "b" }),
  Guard.Ask("sure?"),
  Guard.Deny("no")
]
const dies: Guard.Service = Guard.make(() => Effect.die(new Error("secret of the guard")))

const call = callOf({ path: "a" })
const { agent, identity, run, session } = call
const subject: MessageGuard.Subject = {
  ...{ agent, identity, run, session },
  message: Message.user("hello"),
  direction: "input"
}

const quiet = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.provide(effect, Logger.replace(Logger.defaultLogger, Logger.none))

Suites.guard("one that only reports", Guard.layer(Shadow.report(Guard.deny("no"), () => Effect.void)), {
  allowed: [call, callOf({ command: "rm" })]
})

describe("Shadow", () => {
  describe("report", () => {
    it.effect("every verdict is reported, and the call goes ahead", () =>
      Effect.gen(function* () {
        const reported: Array<readonly [Guard.Call, Guard.Verdict]> = []
        for (const verdict of verdicts) {
          const watched = Shadow.report(says(verdict), (...report) => Effect.sync(() => reported.push(report)))
          assert.deepStrictEqual(yield* watched.check(call), Guard.Allow)
        }
        assert.deepStrictEqual(
          reported,
          verdicts.map((verdict) => [call, verdict])
        )
      })
    )

    it.effect("a guard that dies is reported as a deny, and the call goes ahead", () =>
      quiet(
        Effect.gen(function* () {
          const reported: Array<string> = []
          const watched = pipe(
            dies,
            Shadow.report((_, { _tag }) => Effect.sync(() => reported.push(_tag)))
          )
          assert.deepStrictEqual([yield* watched.check(call), reported], [Guard.Allow, ["Deny"]])
        })
      )
    )

    it.effect("a report that dies is logged, and the call goes ahead", () =>
      quiet(
        Effect.gen(function* () {
          const throws = (): Effect.Effect<void> => {
            throw new Error("full disk")
          }
          for (const report of [() => Effect.die("full disk"), throws]) {
            assert.deepStrictEqual(yield* Shadow.report(dies, report).check(call), Guard.Allow)
            assert.deepStrictEqual(
              yield* Shadow.reportMessages(MessageGuard.none, report).check(subject),
              MessageGuard.Pass
            )
          }
        })
      )
    )

    it.effect("interruption reaches the guard and the report", () =>
      Effect.gen(function* () {
        for (const step of ["guard", "report"]) {
          const [begun, ended] = yield* Effect.all([Deferred.make<void>(), Deferred.make<void>()])
          const waits = Deferred.succeed(begun, undefined).pipe(
            Effect.zipRight(Effect.never),
            Effect.onInterrupt(() => Deferred.succeed(ended, undefined))
          )
          const guard = step === "guard" ? Guard.make(() => waits) : Guard.allow
          const fiber = yield* Effect.fork(Shadow.report(guard, () => waits).check(call))
          yield* Deferred.await(begun)
          assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(fiber)))
          assert.isTrue(yield* Deferred.isDone(ended))
        }
      })
    )

    it.effect("among other guards it has no say", () =>
      Effect.gen(function* () {
        const watched = Shadow.report(Guard.deny(), () => Effect.void)
        for (const verdict of verdicts) {
          assert.deepStrictEqual(yield* Guard.all(watched, says(verdict), watched).check(call), verdict)
        }
      })
    )
  })

  describe("compare", () => {
    it.effect("the first guard's verdict counts, and differences are reported", () =>
      quiet(
        Effect.gen(function* () {
          const guards = [...verdicts.map(says), says(Guard.Rewrite({ path: "c" })), dies]
          const differences: Array<string> = []
          for (const guard of guards) {
            for (const candidate of guards) {
              const compared = Shadow.compare(guard, candidate, (_, is, would) =>
                Effect.sync(() => differences.push(`${is._tag} ${would._tag}`))
              )
              assert.deepStrictEqual(yield* compared.check(call), yield* Guard.judge(guard, call))
            }
          }
          // Six guards, of which one denies in other words only: each differs from the others.
          assert.lengthOf(differences, 6 * 5 - 2)
          assert.include(differences, "Rewrite Rewrite")
          assert.notInclude(differences, "Deny Deny")
        })
      )
    )

    it.effect("a report that dies changes nothing", () =>
      quiet(
        Effect.gen(function* () {
          const compared = Shadow.compare(Guard.allow, Guard.deny(), () => Effect.die("full disk"))
          assert.deepStrictEqual(yield* compared.check(call), Guard.Allow)
        })
      )
    )
  })

  it.effect("messages pass, and what would have been said is reported", () =>
    quiet(
      Effect.gen(function* () {
        const blocks = MessageGuard.make(() => Effect.succeed(MessageGuard.Block("no")))
        const broken = MessageGuard.make(() => Effect.die("secret of the guard"))
        const reported: Array<string> = []
        for (const guard of [blocks, broken, MessageGuard.none]) {
          const watched = Shadow.reportMessages(guard, (about, { _tag }) =>
            Effect.sync(() => reported.push(`${_tag} ${about.direction}`))
          )
          assert.deepStrictEqual(yield* watched.check(subject), MessageGuard.Pass)
        }
        assert.deepStrictEqual(reported, ["Block input", "Block input", "Pass input"])
      })
    )
  )
})
