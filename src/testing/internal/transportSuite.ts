/**
 * What every transport promises, as tests. They send two requests that its author knows the answers to, and judge the
 * deltas by their order, so that they hold for a script, a recording and a vendor alike.
 */
import { assert, layer as withLayer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import type * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Delta, Finish } from "../../domain/Delta.ts"
import type { Part } from "../../domain/Part.ts"
import * as Transport from "../../transport/Transport.ts"
import { TransportError } from "../../transport/TransportError.ts"
import { suite } from "./suite.ts"

/**
 * What the tests know of a transport.
 *
 * **Details**
 *
 * - `text`: a request that is answered with text and no call. `toolCall`: one that is answered with a call of a tool
 *   that it declares; absent for a transport that takes no tools. Both are sent several times.
 * - `failing`: requests that fail, at once or in the middle of the answer.
 * - `openConnections`: how many connections are open; without it only the transport's own word is taken for it.
 *
 * @category models
 * @since 0.1.0
 */
export interface TransportSuiteOptions {
  readonly text: Transport.Request
  readonly toolCall?: Transport.Request | undefined
  readonly failing?: ReadonlyArray<Transport.Request> | undefined
  readonly openConnections?: Effect.Effect<number> | undefined
}

/**
 * Declares the tests of a transport.
 *
 * **Details**
 *
 * - The tests share one transport and run on the real clock, so that one which speaks to a server can take part.
 * - Needs `@effect/vitest`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const transport = <E>(
  name: string,
  layer: Layer.Layer<Transport.Transport, E>,
  options: TransportSuiteOptions
): void => {
  const openConnections = options.openConnections ?? Effect.succeed(0)
  const { toolCall } = options
  suite(`Transport: ${name}`, () =>
    withLayer(layer, { excludeTestServices: true })((it) => {
      const test = (title: string, body: (transport: Transport.Service) => Effect.Effect<void, TransportError>): void =>
        it.effect(title, () => Effect.flatMap(Transport.Transport, body))

      test("the model has a vendor and an id", ({ model }) =>
        Effect.sync(() => {
          assert.notStrictEqual(model.vendor, "")
          assert.notStrictEqual(model.id, "")
        }))

      test("text arrives in legal order", (transport) =>
        Effect.gen(function* () {
          const deltas = yield* answer(transport, options.text)
          assertLegal(deltas)
          assert.notStrictEqual(textOf(partsOf(deltas)), "")
          assert.deepStrictEqual(callsOf(deltas), [])
          assert.strictEqual(finishOf(deltas)?.reason, "stop")
        }))

      if (toolCall !== undefined) {
        test("calls arrive in legal order", (transport) =>
          Effect.gen(function* () {
            const deltas = yield* answer(transport, toolCall)
            assertLegal(deltas)
            const declared = toolCall.tools.map((tool) => tool.name)
            const calls = callsOf(deltas)
            assert.isAbove(calls.length, 0)
            for (const call of calls) {
              assert.include(declared, call.name)
              const input: unknown = JSON.parse(call.input)
              assert.isTrue(typeof input === "object" && input !== null && !Array.isArray(input), call.input)
            }
            assert.include(["tool-calls", "stop"], finishOf(deltas)?.reason)
          }))
      }

      test("the end of an answer is the end again", (transport) =>
        Effect.scoped(
          Effect.gen(function* () {
            const pull = yield* transport.open(options.text)
            yield* drained(pull)
            const again = yield* Effect.all([Effect.either(pull), Effect.either(pull)])
            for (const end of again) assert.isTrue(Either.isLeft(end) && end.left._tag === "None")
          })
        ))

      test("a scope that closes in the middle closes the connection", (transport) =>
        Effect.gen(function* () {
          const before = yield* openConnections
          const scope = yield* Scope.make()
          const pull = yield* Scope.extend(transport.open(options.text), scope)
          yield* Effect.either(pull)
          yield* Scope.close(scope, Exit.void)
          assert.strictEqual(yield* openConnections, before)
        }))

      test("requests at once have answers of their own", (transport) =>
        Effect.gen(function* () {
          const [first, second] = yield* Effect.all(
            [answer(transport, options.text), answer(transport, toolCall ?? options.text)],
            { concurrency: "unbounded" }
          )
          assertLegal(first)
          assertLegal(second)
          assert.deepStrictEqual(callsOf(first), [])
          assert.strictEqual(callsOf(second).length > 0, toolCall !== undefined)
        }))

      test("the stream of deltas is legal too", (transport) =>
        Effect.gen(function* () {
          const stream = Stream.provideService(Transport.stream(options.text), Transport.Transport, transport)
          assertLegal(Array.from(yield* Stream.runCollect(stream)))
        }))

      test("failures are typed and name the transport's vendor", (transport) =>
        Effect.forEach(
          options.failing ?? [],
          (request) =>
            Effect.map(Effect.either(answer(transport, request)), (result) => {
              assert.isTrue(Either.isLeft(result), "the request did not fail")
              if (Either.isRight(result)) return
              assert.instanceOf(result.left, TransportError)
              assert.strictEqual(result.left.vendor, transport.model.vendor)
            }),
          { discard: true }
        ))

      test("no connection is left open", () => Effect.map(openConnections, (open) => assert.strictEqual(open, 0)))
    }))
}

// internal

const answer = (
  transport: Transport.Service,
  request: Transport.Request
): Effect.Effect<ReadonlyArray<Delta>, TransportError> =>
  Effect.scoped(Effect.flatMap(transport.open(request), drained))

const drained = (pull: Transport.Pull): Effect.Effect<ReadonlyArray<Delta>, TransportError> =>
  Effect.suspend(() => {
    const deltas: Array<Delta> = []
    const next: Effect.Effect<never, Option.Option<TransportError>> = Effect.flatMap(pull, (some) => {
      assert.isAbove(some.length, 0, "a pull is never empty")
      deltas.push(...some)
      return next
    })
    return Effect.catchAll(next, (end) => (end._tag === "Some" ? Effect.fail(end.value) : Effect.succeed(deltas)))
  })

const partsOf = (deltas: ReadonlyArray<Delta>): ReadonlyArray<Part> =>
  deltas.flatMap((delta) => (delta._tag === "PartEnd" ? [delta.part] : []))

const textOf = (parts: ReadonlyArray<Part>): string =>
  parts.map((part) => (part.type === "text" ? part.text : "")).join("")

const callsOf = (deltas: ReadonlyArray<Delta>) =>
  partsOf(deltas).flatMap((part) => (part.type === "tool-call" && part.transportExecuted !== true ? [part] : []))

const finishOf = (deltas: ReadonlyArray<Delta>): Finish | undefined =>
  deltas.find((delta): delta is Finish => delta._tag === "Finish")

const kinds = { TextDelta: "text", ReasoningDelta: "reasoning", ToolInputDelta: "tool-call" } as const

/** Every delta stands within its part, every part ends once and says what its deltas said, and the finish part is last. */
const assertLegal = (deltas: ReadonlyArray<Delta>): void => {
  const open = new Map<number, { readonly kind: Part["type"]; text: string }>()
  const seen = new Set<number>()
  deltas.forEach((delta, position) => {
    switch (delta._tag) {
      case "ResponseStart":
        assert.strictEqual(position, 0, "ResponseStart comes first")
        break
      case "PartStart":
        assert.isFalse(seen.has(delta.index), `part ${delta.index} begins once`)
        seen.add(delta.index)
        open.set(delta.index, { kind: delta.kind, text: "" })
        break
      case "PartEnd": {
        const part = open.get(delta.index)
        assert.strictEqual(part?.kind, delta.part.type, `part ${delta.index} ends as what it began`)
        if (part !== undefined) assertSaid(delta.part, part.text)
        open.delete(delta.index)
        break
      }
      case "Finish":
        assert.strictEqual(position, deltas.length - 1, "Finish comes last, and once")
        assert.strictEqual(open.size, 0, "every part has ended")
        break
      default: {
        const part = open.get(delta.index)
        assert.strictEqual(part?.kind, kinds[delta._tag], `${delta._tag} belongs to an open part of its kind`)
        assert.notStrictEqual(delta.delta, "", "a delta is never empty")
        if (part !== undefined) part.text += delta.delta
      }
    }
  })
  assert.strictEqual(deltas.at(-1)?._tag, "Finish", "the answer has a finish part")
}

const assertSaid = (part: Part, deltas: string): void => {
  if (part.type === "text") assert.strictEqual(part.text, deltas)
  // Vendors give reasoning and arguments piecewise or whole; what they give piecewise must add up.
  if (part.type === "reasoning" && deltas !== "") assert.strictEqual(part.text, deltas)
  if (part.type === "tool-call" && deltas !== "") assert.strictEqual(part.input, deltas)
}
