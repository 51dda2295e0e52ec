/**
 * What every guard promises, as tests. They judge calls that the guard's author names, and the same calls with arguments
 * that nobody expects.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Layer from "effect/Layer"
import * as Guard from "../../guard/Guard.ts"

/**
 * What the tests know of a guard.
 *
 * **Details**
 *
 * - `allowed`, `denied`, `asked`: calls by what the guard has to say about them. At least one call in all.
 * - `effects`: a picture of the world that the guard could change; judging must leave it as it is.
 *
 * @category models
 * @since 0.1.0
 */
export interface GuardSuiteOptions {
  readonly allowed?: ReadonlyArray<Guard.Call> | undefined
  readonly denied?: ReadonlyArray<Guard.Call> | undefined
  readonly asked?: ReadonlyArray<Guard.Call> | undefined
  readonly effects?: Effect.Effect<unknown> | undefined
}

/**
 * Declares the tests of a guard.
 *
 * **Details**
 *
 * - Every test builds the layer anew and runs on the test clock.
 * - Needs `@effect/vitest`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const guard = <E>(name: string, layer: Layer.Layer<Guard.Guard, E>, options: GuardSuiteOptions): void => {
  const { allowed = [], asked = [], denied = [], effects = Effect.void } = options
  const calls = [...allowed, ...denied, ...asked]
  const test = (title: string, body: (guard: Guard.Service) => Effect.Effect<void>): void =>
    it.effect(title, () => Effect.provide(Effect.flatMap(Guard.Guard, body), layer))

  describe(`Guard: ${name}`, () => {
    test("a call has the verdict that its author names", (guard) =>
      Effect.gen(function* () {
        assert.isAbove(calls.length, 0, "the suite needs calls to judge")
        for (const call of allowed) assert.include(["Allow", "Rewrite"], (yield* guard.check(call))._tag)
        for (const call of denied) assert.strictEqual((yield* guard.check(call))._tag, "Deny")
        for (const call of asked) assert.strictEqual((yield* guard.check(call))._tag, "Ask")
      }))

    test("any arguments get a verdict and no defect", (guard) =>
      Effect.forEach(calls.flatMap(strange), (call) => Effect.map(guard.check(call), assertVerdict), { discard: true }))

    test("the same call has the same verdict again", (guard) =>
      Effect.forEach(
        calls,
        (call) =>
          Effect.map(Effect.all([guard.check(call), guard.check(call)]), ([first, second]) =>
            assert.deepStrictEqual(first, second)
          ),
        { discard: true }
      ))

    test("calls judged at once have the verdicts of calls judged in turn", (guard) =>
      Effect.gen(function* () {
        const inTurn = yield* Effect.forEach(calls, guard.check)
        assert.deepStrictEqual(yield* Effect.forEach(calls, guard.check, { concurrency: "unbounded" }), inTurn)
      }))

    test("the call and its arguments are left as they are", (guard) =>
      Effect.forEach(
        calls,
        (call) => {
          const copy = frozen(structuredClone(call))
          return Effect.map(guard.check(copy), () => assert.deepStrictEqual(copy, call))
        },
        { discard: true }
      ))

    test("judging changes nothing", (guard) =>
      Effect.gen(function* () {
        const before = yield* effects
        yield* Effect.forEach(calls, guard.check, { discard: true })
        assert.deepStrictEqual(yield* effects, before)
      }))

    test("a check that is interrupted does not block the next", (guard) =>
      Effect.gen(function* () {
        for (const call of calls) {
          const verdict = yield* guard.check(call)
          for (const steps of [0, 1, 2, 3]) {
            const fiber = yield* Effect.fork(guard.check(call))
            yield* Effect.repeatN(Effect.yieldNow(), steps)
            yield* Fiber.interrupt(fiber)
            assert.deepStrictEqual(yield* guard.check(call), verdict)
          }
        }
      }))
  })
}

// internal

const assertVerdict = (verdict: Guard.Verdict): void => {
  assert.include(["Allow", "Rewrite", "Deny", "Ask"], verdict._tag)
  if (verdict._tag === "Deny" || verdict._tag === "Ask") {
    assert.notStrictEqual(verdict.reason.trim(), "", `a ${verdict._tag} says why`)
  }
  if (verdict._tag === "Rewrite" || (verdict._tag === "Ask" && verdict.input !== undefined)) {
    // What is rewritten is decoded like the model's own arguments, which are JSON.
    assert.deepStrictEqual(JSON.parse(JSON.stringify(verdict.input)), verdict.input)
  }
}

const oddities: ReadonlyArray<unknown> = [
  {},
  { path: null, command: 0, url: [] },
  { path: "", command: "", url: "" },
  { path: "\u0000", command: "\n\u001b[2J", url: "\ud800" },
  { path: "x".repeat(100_000), command: "x ".repeat(50_000), url: `https://${"x".repeat(100_000)}` },
  { nested: Array.from({ length: 100 }).reduce<unknown>((inner) => ({ inner }), "deep") },
  JSON.parse('{"__proto__":{"polluted":true},"constructor":1}')
]

/** The call as it is, and with arguments that its tool does not take, each alone and mixed into its own. */
const strange = (call: Guard.Call): ReadonlyArray<Guard.Call> => [
  call,
  ...oddities.map((input) => ({ ...call, input })),
  // Spreading takes any value; only its type wants an object.
  ...oddities.map((input) => ({ ...call, input: { ...(call.input as object), ...(input as object) } })),
  ...[null, undefined, [], "text", 0].map((input) => ({ ...call, input }))
]

const frozen = <A>(value: A): A => {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const key of Object.keys(value)) frozen(value[key as keyof A & string])
  }
  return value
}
