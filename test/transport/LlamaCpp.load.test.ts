import * as fs from "node:fs"
import { join } from "node:path"
import { afterAll, assert, describe, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Message from "../../src/domain/Message.ts"
import * as Loading from "../../src/transport/internal/llamaCpp.ts"
import * as LlamaCpp from "../../src/transport/LlamaCpp.ts"
import * as Transport from "../../src/transport/Transport.ts"
import * as Tiny from "../support/tinyGguf.ts"

const hi = Transport.request({ messages: [Message.user("Hi")] })
const directory = Tiny.directory()
const file = (name: string, content: Uint8Array | string): string => {
  fs.writeFileSync(join(directory, name), content)
  return join(directory, name)
}
const options = { gpu: false, threads: 1, contextLength: 256 } as const

/** A model that stays as long as the tests run, so that they have one engine in common. */
const kept = await Effect.runPromise(Scope.make())
const first = await Effect.runPromise(
  Effect.either(Scope.extend(LlamaCpp.load({ modelPath: Tiny.write(join(directory, "first.gguf")), gpu: false }), kept))
)
if (Either.isLeft(first)) console.warn(`skipped: ${first.left.message}`)
afterAll(() => Effect.runPromise(Scope.close(kept, Exit.void)))

/** Why a layer does not come to be. */
const trouble = (modelPath: string, more: Partial<LlamaCpp.Options> = {}) =>
  Effect.flip(Effect.scoped(Layer.build(LlamaCpp.layer({ ...options, modelPath, ...more }))))

describe.skipIf(Either.isLeft(first))("LlamaCpp loads", () => {
  it.live("a file that is missing is named", () =>
    Effect.gen(function* () {
      const error = yield* trouble(join(directory, "none.gguf"))
      assert.deepStrictEqual([error._tag, "reason" in error && error.reason], ["LlamaCppError", "FileMissing"])
      assert.include(error.message, join(directory, "none.gguf"))
    })
  )

  it.live("a file that is no model is told apart", () =>
    Effect.gen(function* () {
      const whole = Tiny.bytes({ says: ["a"] })
      for (const [name, content] of [
        ["text.gguf", "Once upon a time there was no model."],
        ["empty.gguf", ""],
        ["head.gguf", whole.slice(0, 500)],
        ["cut.gguf", whole.slice(0, whole.length / 2)]
      ] as const) {
        const error = yield* trouble(file(name, content))
        assert.strictEqual("reason" in error && error.reason, "NotAModel", `${name}: ${error.message}`)
      }
    })
  )

  it.live("a directory is no model either", () =>
    Effect.gen(function* () {
      const error = yield* trouble(directory)
      assert.strictEqual("reason" in error && error.reason, "Failed", error.message)
    })
  )

  it.live("an architecture that the engine does not know is named", () =>
    Effect.gen(function* () {
      const path = Tiny.write(join(directory, "future.gguf"), { architecture: "future" })
      const error = yield* trouble(path)
      assert.strictEqual("reason" in error && error.reason, "Unsupported", error.message)
      assert.include(error.message, "future")
    })
  )

  it.live("a window that does not fit is told", () =>
    Effect.gen(function* () {
      const { InsufficientMemoryError, LlamaModel } = yield* Effect.promise(() => import("node-llama-cpp"))
      const model = yield* LlamaCpp.load({ modelPath: Tiny.write(join(directory, "wide.gguf")), gpu: false })
      if (!(model instanceof LlamaModel)) return assert.fail("this is no model")
      // To find out for real takes the library a quarter of a minute.
      model.createContext = () => Promise.reject(new InsufficientMemoryError("A context size of 20000000 is too large"))
      const error = yield* Effect.flip(LlamaCpp.fromModel(model, { contextLength: 20_000_000 }))
      assert.deepStrictEqual([error._tag, "reason" in error && error.reason], ["LlamaCppError", "OutOfMemory"])
    }).pipe(Effect.scoped)
  )

  it.live("options that make no sense are named", () =>
    Effect.gen(function* () {
      const path = Tiny.write(join(directory, "plain.gguf"), { says: ["a"] })
      for (const [wrong, name] of [
        [{ modelPath: " " }, "modelPath"],
        [{ sequences: 0 }, "sequences"],
        [{ contextLength: 1.5 }, "contextLength"],
        [{ threads: -1 }, "threads"]
      ] as const) {
        const error = yield* trouble(path, wrong)
        assert.strictEqual(error._tag, "ConfigError")
        assert.include(String(error), name)
      }
    })
  )

  it.live("something else than a loaded model is refused", () =>
    Effect.gen(function* () {
      const other = { filename: "x", trainContextSize: 1, disposed: false, dispose: async () => {} }
      const error = yield* Effect.flip(Effect.scoped(LlamaCpp.fromModel(other)))
      assert.match(error.message, /no model of node-llama-cpp/)
    })
  )

  it.live("options come from configuration", () =>
    Effect.gen(function* () {
      const path = Tiny.write(join(directory, "configured.gguf"), { says: [..."Hola!"] })
      const layer = LlamaCpp.layerConfig({
        modelPath: Config.string("MODEL"),
        contextLength: Config.integer("WINDOW"),
        threads: Config.succeed(1),
        gpu: Config.succeed(false)
      })
      yield* Effect.gen(function* () {
        assert.strictEqual((yield* Transport.Transport).model.contextWindow, 256)
        const text = Stream.filter(Transport.stream(hi), ({ _tag }) => _tag === "TextDelta")
        assert.strictEqual(yield* Stream.runCount(text), 5)
      }).pipe(
        Effect.provide(layer),
        Effect.withConfigProvider(
          ConfigProvider.fromMap(
            new Map([
              ["MODEL", path],
              ["WINDOW", "256"]
            ])
          )
        )
      )
    })
  )

  it.live("whoever stops waiting for a model leaves nothing behind", () =>
    Effect.gen(function* () {
      const path = Tiny.write(join(directory, "left.gguf"), { says: ["a"] })
      const loading = yield* Effect.fork(Effect.scoped(LlamaCpp.load({ modelPath: path, gpu: false })))
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(loading)
      assert.strictEqual((yield* Fiber.await(loading))._tag, "Failure")
      const again = yield* Effect.scoped(LlamaCpp.load({ modelPath: path, gpu: false }))
      assert.isTrue(again.disposed)
    })
  )
})

describe("LlamaCpp without its peer", () => {
  it.effect("a package that is not installed is named with the command that installs it", () =>
    Effect.gen(function* () {
      const missing = Object.assign(
        new Error("Cannot find package 'node-llama-cpp' imported from /app/dist/LlamaCpp.js"),
        {
          code: "ERR_MODULE_NOT_FOUND"
        }
      )
      const failed = (error: unknown) =>
        Effect.flip(
          Effect.tryPromise({ try: () => Loading.library(() => Promise.reject(error)), catch: (failed) => failed })
        )
      const error = yield* failed(missing)
      assert.instanceOf(error, Loading.Failed)
      if (!(error instanceof Loading.Failed)) return
      assert.deepStrictEqual(
        [error.trouble, error.message],
        ["NotInstalled", "The package node-llama-cpp is not installed: npm install node-llama-cpp"]
      )
      const other = yield* failed(new Error("bad binary"))
      assert.strictEqual(other instanceof Loading.Failed && other.trouble, "Failed")
    })
  )
})
