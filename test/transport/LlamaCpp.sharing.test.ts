import { join } from "node:path"
import { afterAll, assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import type { LlamaContext, LlamaContextSequence } from "node-llama-cpp"
import * as LlamaCpp from "../../src/transport/LlamaCpp.ts"
import * as Transport from "../../src/transport/Transport.ts"
import * as Tiny from "../support/tinyGguf.ts"
import { answer, ask, digits, engine, finishOf, hola, layer, textOf } from "./LlamaCppModels.ts"

afterAll(() => engine?.dispose())

const limited = (text: string, maxOutputTokens: number) => ask(text, { settings: { maxOutputTokens } })

/** Opens a request in a scope of its own. */
const opened = (request: Transport.Request) =>
  Effect.gen(function* () {
    const transport = yield* Transport.Transport
    const scope = yield* Scope.make()
    const pull = yield* Scope.extend(transport.open(request), scope)
    return { pull, close: Scope.close(scope, Exit.void) }
  })

/** Pulls until something of the answer is there. */
const begun = (pull: Transport.Pull): Effect.Effect<void> =>
  Effect.orDie(Effect.repeat(pull, { until: (deltas) => deltas.some(({ _tag }) => _tag === "TextDelta") }))

/** A model whose contexts and sequences can be looked at. */
const watched = async () => {
  const model = await Tiny.load(engine, { says: [..."0123456789"], forever: true })
  const contexts: Array<LlamaContext> = []
  const sequences: Array<LlamaContextSequence> = []
  const createContext = model.createContext.bind(model)
  model.createContext = async (options) => {
    const context = await createContext(options)
    contexts.push(context)
    const getSequence = context.getSequence.bind(context)
    context.getSequence = (options) => {
      const sequence = getSequence(options)
      sequences.push(sequence)
      return sequence
    }
    return context
  }
  return { model, contexts, sequences }
}

describe.skipIf(engine === undefined)("LlamaCpp shares a model", () => {
  it.live("many requests at once are all answered", () =>
    Effect.gen(function* () {
      const answers = yield* Effect.forEach(
        Array.from({ length: 12 }, (_, index) => `Request ${index}`),
        (text) => answer(ask(text)),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(
        answers.map(textOf),
        Array.from({ length: 12 }, () => "Hola!")
      )
    }).pipe(Effect.provide(layer(hola, { sequences: 3 })))
  )

  it.live("requests over the bound wait, and are served in turn", () =>
    Effect.gen(function* () {
      const order: Array<string> = []
      const wait = (name: string) =>
        opened(ask(name)).pipe(
          Effect.tap(() => Effect.sync(() => order.push(name))),
          Effect.fork
        )
      const [first, second] = [yield* opened(ask("a")), yield* opened(ask("b"))]
      const third = yield* wait("third")
      yield* begun(first.pull)
      const fourth = yield* wait("fourth")
      yield* begun(second.pull)
      yield* begun(first.pull)
      assert.deepStrictEqual(order, [])
      yield* second.close
      const { close } = yield* Fiber.join(third)
      assert.deepStrictEqual(order, ["third"])
      yield* first.close
      yield* Effect.flatMap(Fiber.join(fourth), ({ close }) => close)
      assert.deepStrictEqual(order, ["third", "fourth"])
      yield* close
    }).pipe(Effect.provide(layer(digits, { sequences: 2 })))
  )

  it.live("an interrupted run stops at once and frees its place", () =>
    Effect.gen(function* () {
      const { contexts, model, sequences } = yield* Effect.promise(watched)
      yield* Effect.gen(function* () {
        const started = yield* Deferred.make<void>()
        const run = yield* Effect.scoped(
          Effect.gen(function* () {
            const transport = yield* Transport.Transport
            const pull = yield* transport.open(ask("Go on"))
            yield* begun(pull)
            yield* Deferred.succeed(started, undefined)
            yield* Effect.forever(pull)
          })
        ).pipe(Effect.fork)
        yield* Deferred.await(started)
        yield* Fiber.interrupt(run)
        const written = sequences[0]?.tokenMeter.usedOutputTokens ?? 0
        // One sequence: this is answered only since the place is free, and by a generation that is alone.
        const next = finishOf(yield* answer(limited("Next", 5)))
        assert.strictEqual((sequences[0]?.tokenMeter.usedOutputTokens ?? 0) - written, 5)
        assert.strictEqual(next.reason, "length")
      }).pipe(Effect.provide(LlamaCpp.layerModel(model, { threads: 1, contextLength: 4096 })))
      assert.deepStrictEqual([contexts.length, sequences.length], [1, 1])
      yield* Effect.promise(() => model.dispose())
    })
  )

  it.live("a long prompt is left in the middle", () =>
    Effect.gen(function* () {
      const { model, sequences } = yield* Effect.promise(watched)
      yield* Effect.gen(function* () {
        const { close } = yield* opened(ask("x".repeat(3900)))
        yield* close
        assert.isBelow(sequences[0]?.tokenMeter.usedInputTokens ?? Number.NaN, 2000)
      }).pipe(Effect.provide(LlamaCpp.layerModel(model, { threads: 1, contextLength: 4096 })))
      yield* Effect.promise(() => model.dispose())
    })
  )

  it.live("an interrupted wait gives its place in the queue away", () =>
    Effect.gen(function* () {
      const first = yield* opened(ask("a"))
      const second = yield* Effect.fork(opened(ask("b")))
      const third = yield* Effect.fork(answer(limited("c", 3)))
      yield* begun(first.pull)
      yield* Fiber.interrupt(second)
      yield* first.close
      assert.strictEqual(textOf(yield* Fiber.join(third)), "012")
    }).pipe(Effect.provide(layer(digits)))
  )

  it.live("two transports over one model have windows of their own", () =>
    Effect.gen(function* () {
      const { contexts, model } = yield* Effect.promise(watched)
      const transport = (options: LlamaCpp.ModelOptions) =>
        Layer.build(LlamaCpp.layerModel(model, { threads: 1, ...options }))
      const inner = yield* Scope.make()
      const small = yield* Scope.extend(transport({ contextLength: 256, id: "small" }), inner)
      yield* Effect.gen(function* () {
        const large = yield* transport({ contextLength: 1024, settings: { maxOutputTokens: 4 } })
        assert.strictEqual(textOf(yield* Effect.provide(answer(ask("x")), large)), "0123")
        assert.strictEqual(finishOf(yield* Effect.provide(answer(ask("x")), small)).reason, "length")
        yield* Scope.close(inner, Exit.void)
        assert.deepStrictEqual(
          contexts.map(({ disposed }) => disposed),
          [true, false]
        )
        assert.strictEqual(textOf(yield* Effect.provide(answer(ask("x")), large)), "0123")
      }).pipe(Effect.scoped)
      // The model is its owner's.
      assert.deepStrictEqual([contexts.every(({ disposed }) => disposed), model.disposed], [true, false])
      yield* Effect.promise(() => model.dispose())
    })
  )

  it.live("the scope's end stops what runs, and frees the window", () =>
    Effect.gen(function* () {
      const { contexts, model } = yield* Effect.promise(watched)
      const scope = yield* Scope.make()
      const transport = yield* Scope.extend(LlamaCpp.fromModel(model, { threads: 1 }), scope)
      const running = yield* opened(ask("a")).pipe(Effect.provideService(Transport.Transport, transport))
      const waiting = yield* Effect.fork(
        Effect.flip(answer(ask("b"))).pipe(Effect.provideService(Transport.Transport, transport))
      )
      yield* begun(running.pull)
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual([contexts[0]?.disposed, model.disposed], [true, false])
      const cut = yield* Effect.flip(Effect.forever(running.pull))
      const errors = [Option.getOrThrow(cut), yield* Fiber.join(waiting)]
      for (const error of errors) assert.match(error.message, /InvalidRequest: The model is closed/)
      assert.deepStrictEqual(
        errors.map(({ replay }) => replay),
        ["acknowledged", "safe"]
      )
      const late = yield* Effect.flip(answer(ask("c"))).pipe(Effect.provideService(Transport.Transport, transport))
      assert.match(late.message, /The model is closed/)
      yield* Effect.promise(() => model.dispose())
    })
  )

  it.live("a model that a layer loaded is freed with it, weights and all", () =>
    Effect.gen(function* () {
      const path = Tiny.write(join(Tiny.directory(), "own.gguf"), { says: [..."Hola!"] })
      const scope = yield* Scope.make()
      const model = yield* Scope.extend(LlamaCpp.load({ modelPath: path, gpu: false }), scope)
      const transport = yield* Scope.extend(LlamaCpp.fromModel(model, { threads: 1, contextLength: 256 }), scope)
      const text = yield* answer(ask("Hi")).pipe(Effect.provideService(Transport.Transport, transport))
      assert.deepStrictEqual([textOf(text), transport.model.id, model.disposed], ["Hola!", "own", false])
      yield* Scope.close(scope, Exit.void)
      assert.isTrue(model.disposed)
    })
  )

  it.live("a model that its owner disposed of fails typed", () =>
    Effect.gen(function* () {
      const { model } = yield* Effect.promise(watched)
      yield* Effect.gen(function* () {
        yield* Effect.promise(() => model.dispose())
        assert.match((yield* Effect.flip(answer(ask("Hi")))).message, /The model is closed/)
      }).pipe(Effect.provide(LlamaCpp.layerModel(model, { threads: 1, contextLength: 256 })))
      const error = yield* Effect.flip(Effect.scoped(LlamaCpp.fromModel(model)))
      assert.deepStrictEqual([error._tag, "reason" in error && error.reason], ["LlamaCppError", "Closed"])
    })
  )
})
