import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import { pipe } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as TestClock from "effect/TestClock"
import * as Guard from "../../src/guard/Guard.ts"
import * as Suites from "../../src/testing/Suites.ts"
import { callOf } from "../support/calls.ts"

const call = callOf("read", { path: "a" })

const says = (verdict: Guard.Verdict): Guard.Service => Guard.make(() => Effect.succeed(verdict))
const ask = (reason: string, category?: string): Guard.Service => says(Guard.Ask(reason, category))
/** Appends a mark to what it is given, so that an input tells who rewrote it, in which order. */
const mark = (letter: string): Guard.Service =>
  Guard.make(({ input }) => Effect.succeed(Guard.Rewrite({ marks: marksOf(input) + letter })))
const marksOf = (input: unknown): string =>
  typeof input === "object" && input !== null && "marks" in input ? String(input.marks) : ""
const dies: Guard.Service = Guard.make(() => Effect.die(new Error("secret of the guard")))
const throws: Guard.Service = Guard.make(() => {
  throw new Error("secret of the guard")
})

/** A guard that counts how often it was asked. */
const counted = (guard: Guard.Service) => {
  const seen: Array<unknown> = []
  const counting = Guard.make((call) => {
    seen.push(call.input)
    return guard.check(call)
  })
  return { seen, guard: counting }
}

/** Collects what is logged while the effect runs. */
const logged = <A, E, R>(effect: Effect.Effect<A, E, R>) => {
  const lines: Array<string> = []
  const logger = Logger.make(({ logLevel, message }) => lines.push(`${logLevel.label} ${String(message)}`))
  return Effect.map(Effect.provide(effect, Logger.replace(Logger.defaultLogger, logger)), (value) => ({ value, lines }))
}

describe("Guard", () => {
  describe("judge", () => {
    it.effect("AX-25 a guard that dies has denied", () =>
      Effect.gen(function* () {
        for (const guard of [dies, throws]) {
          const { lines, value } = yield* logged(Guard.judge(guard, call))
          assert.strictEqual(value._tag, "Deny")
          assert.notInclude(JSON.stringify(value), "secret")
          assert.deepStrictEqual(lines, ["WARN The guard of read died; the call is denied"])
        }
      })
    )

    it.effect("interruption stays interruption", () =>
      Effect.gen(function* () {
        const fiber = yield* Effect.fork(
          Guard.judge(
            Guard.make(() => Effect.never),
            call
          )
        )
        yield* Effect.yieldNow()
        assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(fiber)))
      })
    )

    it.effect("a verdict passes unchanged", () =>
      Effect.gen(function* () {
        const verdict = Guard.Ask("sure?", "files")
        assert.strictEqual(yield* Guard.judge(says(verdict), call), verdict)
      })
    )
  })

  describe("all", () => {
    it.effect("without guards everything is allowed", () =>
      Effect.map(Guard.all().check(call), (verdict) => assert.deepStrictEqual(verdict, Guard.Allow))
    )

    it.effect("AX-24 the strictest verdict wins", () =>
      Effect.gen(function* () {
        const of = (...guards: ReadonlyArray<Guard.Service>) => Guard.all(...guards).check(call)
        assert.deepStrictEqual(yield* of(Guard.allow, Guard.allow), Guard.Allow)
        assert.deepStrictEqual(yield* of(Guard.allow, mark("a")), Guard.Rewrite({ marks: "a" }))
        assert.deepStrictEqual(yield* of(ask("why", "files"), Guard.allow), Guard.Ask("why", "files"))
        assert.deepStrictEqual(yield* of(ask("why"), mark("a"), Guard.deny("no")), Guard.Deny("no"))
      })
    )

    it.effect("AX-24 rewrites compose from left to right", () =>
      Effect.gen(function* () {
        const last = counted(Guard.allow)
        const verdict = yield* Guard.all(mark("a"), mark("b"), Guard.allow, last.guard).check(call)
        assert.deepStrictEqual(verdict, Guard.Rewrite({ marks: "ab" }))
        assert.deepStrictEqual(last.seen, [{ marks: "ab" }])
      })
    )

    it.effect("a question keeps the rewrites around it", () =>
      Effect.gen(function* () {
        const asked = { _tag: "Ask", reason: "why", category: "files" } as const
        const before = yield* Guard.all(mark("a"), ask("why", "files")).check(call)
        const around = yield* Guard.all(mark("a"), ask("why", "files"), mark("b")).check(call)
        assert.deepStrictEqual(before, { ...asked, input: { marks: "a" } })
        assert.deepStrictEqual(around, { ...asked, input: { marks: "ab" } })
      })
    )

    it.effect("several questions become one", () =>
      Effect.gen(function* () {
        const same = yield* Guard.all(ask("one", "files"), ask("two", "files")).check(call)
        const different = yield* Guard.all(ask("one", "files"), ask("two", "money")).check(call)
        assert.deepStrictEqual([same, different], [Guard.Ask("one; two", "files"), Guard.Ask("one; two")])
      })
    )

    it.effect("nobody is asked after a denial", () =>
      Effect.gen(function* () {
        const later = counted(Guard.allow)
        yield* Guard.all(Guard.deny(), later.guard).check(call)
        assert.deepStrictEqual(later.seen, [])
      })
    )

    it.effect("AX-25 one guard that dies denies for all", () =>
      Effect.map(Guard.all(Guard.allow, dies, Guard.allow).check(call), ({ _tag }) => assert.strictEqual(_tag, "Deny"))
    )

    const verdicts = FastCheck.constantFrom("allow", "deny", "ask", "other ask", "rewrite", "other rewrite", "die")
    const guards: Record<string, Guard.Service> = {
      allow: Guard.allow,
      deny: Guard.deny("no"),
      ask: ask("one", "files"),
      "other ask": ask("two", "money"),
      rewrite: mark("a"),
      "other rewrite": mark("b"),
      die: dies
    }
    const named = (names: ReadonlyArray<string>) => names.map((name) => guards[name] ?? dies)
    const several = FastCheck.array(verdicts, { maxLength: 5 })

    it.effect.prop("the strictest wins in any order", { names: several }, ({ names }) =>
      Effect.gen(function* () {
        const { _tag } = yield* Guard.all(...named(names)).check(call)
        const has = (...some: ReadonlyArray<string>) => names.some((name) => some.includes(name))
        const strictest = has("deny", "die")
          ? "Deny"
          : has("ask", "other ask")
            ? "Ask"
            : has("rewrite", "other rewrite")
              ? "Rewrite"
              : "Allow"
        assert.strictEqual(_tag, strictest)
      }).pipe(Effect.provide(Logger.remove(Logger.defaultLogger)))
    )

    it.effect.prop("grouping changes nothing", { left: several, middle: several, right: several }, (names) =>
      Effect.gen(function* () {
        const [left, middle, right] = [named(names.left), named(names.middle), named(names.right)]
        const flat = yield* Guard.all(...left, ...middle, ...right).check(call)
        const first = yield* Guard.all(Guard.all(...left, ...middle), ...right).check(call)
        const last = yield* Guard.all(...left, Guard.all(...middle, ...right)).check(call)
        assert.deepStrictEqual(first, flat)
        assert.deepStrictEqual(last, flat)
      }).pipe(Effect.provide(Logger.remove(Logger.defaultLogger)))
    )
  })

  describe("any", () => {
    it.effect("without guards nothing is allowed", () =>
      Effect.map(Guard.any().check(call), ({ _tag }) => assert.strictEqual(_tag, "Deny"))
    )

    it.effect("the first guard that allows wins", () =>
      Effect.gen(function* () {
        const later = counted(Guard.allow)
        const verdict = yield* Guard.any(Guard.deny(), ask("why"), mark("a"), later.guard).check(call)
        assert.deepStrictEqual(verdict, Guard.Rewrite({ marks: "a" }))
        assert.deepStrictEqual(later.seen, [])
      })
    )

    it.effect("a question wins over denials", () =>
      Effect.gen(function* () {
        const verdict = yield* Guard.any(Guard.deny("no"), ask("one"), ask("two"), Guard.deny("never")).check(call)
        assert.deepStrictEqual(verdict, Guard.Ask("one"))
      })
    )

    it.effect("denials join their reasons", () =>
      Effect.map(Guard.any(Guard.deny("no"), Guard.deny("never")).check(call), (verdict) =>
        assert.deepStrictEqual(verdict, Guard.Deny("no; never"))
      )
    )

    it.effect("AX-25 a guard that dies leaves the word to the others", () =>
      Effect.map(Guard.any(dies, Guard.allow).check(call), (verdict) => assert.deepStrictEqual(verdict, Guard.Allow))
    )
  })

  describe("forTools", () => {
    it.effect("other tools are allowed", () =>
      Effect.gen(function* () {
        const guard = Guard.forTools(Guard.deny("no"), ["rm", "mv"])
        assert.deepStrictEqual(yield* guard.check(callOf("rm")), Guard.Deny("no"))
        assert.deepStrictEqual(yield* guard.check(callOf("ls")), Guard.Allow)
      })
    )

    it.effect("a predicate sees what is known of the tool", () =>
      Effect.gen(function* () {
        const guard = pipe(
          Guard.deny("no"),
          Guard.forTools((tool) => tool.origin === "external")
        )
        assert.deepStrictEqual(yield* guard.check(callOf("a", {}, { tool: { origin: "external" } })), Guard.Deny("no"))
        assert.deepStrictEqual(yield* guard.check(callOf("a")), Guard.Allow)
      })
    )
  })

  describe("serialized", () => {
    it.effect("AX-31 parallel checks run one at a time", () =>
      Effect.gen(function* () {
        let now = 0
        let most = 0
        const guard = Guard.serialized(
          Guard.make(() =>
            Effect.acquireUseRelease(
              Effect.sync(() => {
                most = Math.max(most, ++now)
              }),
              () => Effect.as(Effect.sleep("1 second"), Guard.Allow),
              () => Effect.sync(() => now--)
            )
          )
        )
        const fiber = yield* Effect.fork(
          Effect.all(
            [1, 2, 3].map(() => guard.check(call)),
            { concurrency: 3 }
          )
        )
        yield* TestClock.adjust("3 seconds")
        assert.deepStrictEqual(yield* Fiber.join(fiber), [Guard.Allow, Guard.Allow, Guard.Allow])
        assert.strictEqual(most, 1)
      })
    )

    it.effect("AX-31 a check that dies gives its place to the next", () =>
      Effect.gen(function* () {
        let first = true
        const guard = Guard.serialized(
          Guard.make(() => {
            if (!first) return Effect.succeed(Guard.Allow)
            first = false
            throw new Error("boom")
          })
        )
        assert.isTrue(Exit.isFailure(yield* Effect.exit(guard.check(call))))
        assert.deepStrictEqual(yield* guard.check(call), Guard.Allow)
      })
    )

    it.effect("AX-31 a check that is interrupted gives its place to the next", () =>
      Effect.gen(function* () {
        const entered = yield* Deferred.make<void>()
        const guard = Guard.serialized(
          Guard.make(({ input }) =>
            input === "wait"
              ? Effect.zipRight(Deferred.succeed(entered, undefined), Effect.never)
              : Effect.succeed(Guard.Allow)
          )
        )
        const holder = yield* Effect.fork(guard.check(callOf("a", "wait")))
        yield* Deferred.await(entered)
        const waiter = yield* Effect.fork(guard.check(call))
        yield* Fiber.interrupt(holder)
        assert.deepStrictEqual(yield* Fiber.join(waiter), Guard.Allow)
      })
    )
  })

  describe("layers", () => {
    const verdict = Effect.flatMap(Guard.Guard, (guard) =>
      guard.check(callOf("rm", {}, { tool: { destructive: true } }))
    )

    it.effect("without a layer tools are judged by their annotations", () =>
      Effect.map(verdict, (verdict) => assert.deepStrictEqual(verdict, Guard.Ask("rm may destroy something")))
    )

    it.effect("layerAllow and layerDeny say the same to all", () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* Effect.provide(verdict, Guard.layerAllow), Guard.Allow)
        assert.strictEqual((yield* Effect.provide(verdict, Guard.layerDeny))._tag, "Deny")
      })
    )
  })
})

Suites.guard("default", Layer.effect(Guard.Guard, Guard.Guard), {
  allowed: [callOf("read", { path: "a" }), callOf("find", {}, { tool: { origin: "external", readOnly: true } })],
  asked: [
    callOf("rm", { path: "a" }, { tool: { destructive: true } }),
    callOf("pay", {}, { tool: { needsApproval: true } }),
    callOf("mcp", {}, { tool: { origin: "external" } })
  ]
})

Suites.guard(
  "composed",
  Guard.layer(
    Guard.serialized(Guard.all(Guard.forTools(mark("a"), ["write"]), Guard.any(Guard.forTools(Guard.deny(), ["rm"]))))
  ),
  { allowed: [callOf("write", { path: "a" }), callOf("read")], denied: [callOf("rm", { path: "/" })] }
)
