import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import { CallId, RunId, SessionId } from "../../src/domain/Ids.ts"
import * as Message from "../../src/domain/Message.ts"
import * as Hooks from "../../src/hook/Hooks.ts"
import * as ToolResult from "../../src/tool/ToolResult.ts"
import * as Transport from "../../src/transport/Transport.ts"
import { observers, recorder } from "../support/hooks.ts"

const where: Hooks.Where = {
  run: RunId.make("run"),
  session: SessionId.make("session"),
  agent: "agent",
  turn: 1,
  identity: { userId: "ada", chatId: "chat" }
}
const request = Transport.request({ messages: [Message.user("hi")], settings: { seed: 1 } })
const toolStart: Hooks.ToolStart = { ...where, call: CallId.make("call"), tool: "greet", input: { marks: "" } }
const toolEnd: Hooks.ToolEnd = { ...toolStart, result: ToolResult.text("ok", "") }

/** What an interceptor answers with, `undefined` when it changes nothing. */
const turnStarted = (hooks: Hooks.Service): Effect.Effect<unknown> =>
  hooks.turnStart?.({ ...where, request }) ?? Effect.void
const toolStarted = (hooks: Hooks.Service): Effect.Effect<unknown> => hooks.toolStart?.(toolStart) ?? Effect.void
const toolEnded = (hooks: Hooks.Service): Effect.Effect<unknown> => hooks.toolEnd?.(toolEnd) ?? Effect.void

const marksOf = (input: unknown): string =>
  typeof input === "object" && input !== null && "marks" in input ? String(input.marks) : "?"
const rewrite = (letter: string): Hooks.Service => ({
  toolStart: ({ input }) => Effect.succeed({ input: { marks: marksOf(input) + letter } })
})
const answer = (text: string): Hooks.Service => ({
  toolStart: () => Effect.succeed({ answer: ToolResult.text("ok", text) })
})
const silent: Hooks.Service = { turnStart: () => Effect.void, toolStart: () => Effect.void, toolEnd: () => Effect.void }
const forbidden: Hooks.Service = {
  toolStart: () => Effect.die("asked although there was an answer"),
  toolEnd: () => Effect.die("asked")
}

const quiet = Effect.provide(Logger.remove(Logger.defaultLogger))

/** Collects what is logged while the effect runs. */
const logged = (effect: Effect.Effect<unknown>) => {
  const lines: Array<string> = []
  const logger = Logger.make(({ logLevel, message }) => lines.push(`${logLevel.label} ${String(message)}`))
  return Effect.as(Effect.provide(effect, Logger.replace(Logger.defaultLogger, logger)), lines)
}

describe("Hooks", () => {
  describe("observe", () => {
    it.effect("TR-19 an observer that dies is logged and forgotten", () =>
      Effect.gen(function* () {
        const lines = yield* logged(Hooks.observe(Effect.die("boom")))
        assert.deepStrictEqual(lines, ["WARN A hook died; the run goes on without it"])
      })
    )

    it.effect("interruption stays interruption", () =>
      Effect.gen(function* () {
        const fiber = yield* Effect.fork(Hooks.observe(Effect.never))
        yield* Effect.yieldNow()
        assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(fiber)))
      })
    )
  })

  describe("combine", () => {
    it("a hook that no record has is absent", () => {
      assert.deepStrictEqual(Object.values(Hooks.combine()).filter(Boolean), [])
      assert.deepStrictEqual(Object.values(Hooks.combine({}, {})).filter(Boolean), [])
    })

    it("a hook that one record has is that very hook", () => {
      const { toolStart } = rewrite("a")
      assert.strictEqual(Hooks.combine({}, { toolStart }, {}).toolStart, toolStart)
    })

    it.effect("AA-12 observers run in order and see the event", () =>
      Effect.gen(function* () {
        const seen: Array<string> = []
        const observer = (name: string): Hooks.Service => ({
          stop: ({ agent, identity }) =>
            Effect.sync(() => void seen.push([name, agent, identity.userId, identity.chatId].join(" ")))
        })
        yield* Hooks.combine(observer("first"), observer("second")).stop?.(where) ?? Effect.void
        assert.deepStrictEqual(seen, ["first agent ada chat", "second agent ada chat"])
      })
    )

    it.effect("AA-12 an observer that dies does not keep the next from its event", () =>
      Effect.gen(function* () {
        const seen: Array<string> = []
        const throws: Hooks.Service = {
          stop: () => {
            throw new Error("boom")
          }
        }
        const dies: Hooks.Service = { stop: () => Effect.die("boom") }
        const tells: Hooks.Service = { stop: () => Effect.sync(() => void seen.push("told")) }
        const exit = yield* Effect.exit(Hooks.combine(throws, dies, tells).stop?.(where) ?? Effect.void)
        assert.deepStrictEqual([Exit.isSuccess(exit), seen], [true, ["told"]])
      }).pipe(quiet)
    )

    it.effect("every kind of observer is told", () =>
      Effect.gen(function* () {
        const { hooks, seen } = recorder(observers)
        for (const [name, hook] of Object.entries(Hooks.combine(hooks, hooks))) {
          if (hook === undefined) continue
          // The observers of this test do not look at their event.
          const tell = hook as (event: unknown) => Effect.Effect<void>
          yield* tell(name === "events" ? [] : where)
        }
        assert.deepStrictEqual(seen.map(([name]) => name).sort(), [...observers, ...observers].sort())
      })
    )

    it.effect("a later turnStart sees the request as changed", () =>
      Effect.gen(function* () {
        const seen: Array<Transport.Request> = []
        const messages = [Message.user("changed")]
        const change = yield* turnStarted(
          Hooks.combine({ turnStart: () => Effect.succeed({ messages, settings: { seed: 2 } }) }, silent, {
            turnStart: ({ request }) => {
              seen.push(request)
              return Effect.succeed({ settings: { ...request.settings, topP: 1 } })
            }
          })
        )
        assert.deepStrictEqual(seen, [{ ...request, messages, settings: { seed: 2 } }])
        assert.deepStrictEqual(change, { messages, settings: { seed: 2, topP: 1 } })
      })
    )

    it.effect("AG-14 rewrites of arguments compose", () =>
      Effect.gen(function* () {
        const change = yield* toolStarted(Hooks.combine(rewrite("a"), silent, rewrite("b")))
        assert.deepStrictEqual(change, { input: { marks: "ab" } })
      })
    )

    it.effect("the first answer wins and ends it", () =>
      Effect.gen(function* () {
        const change = yield* toolStarted(Hooks.combine(rewrite("a"), answer("one"), answer("two"), forbidden))
        assert.deepStrictEqual(change, { answer: ToolResult.text("ok", "one") })
      })
    )

    it.effect("AG-14 replaced results compose", () =>
      Effect.gen(function* () {
        const append = (text: string): Hooks.Service => ({
          toolEnd: ({ result }) =>
            Effect.succeed({ outcome: "failed", content: [...result.content, { type: "text", text }] })
        })
        const change = yield* toolEnded(Hooks.combine(append("a"), silent, append("b")))
        assert.deepStrictEqual(change, {
          outcome: "failed",
          content: [...toolEnd.result.content, { type: "text", text: "a" }, { type: "text", text: "b" }]
        })
      })
    )

    it.effect("interceptors that change nothing change nothing together", () =>
      Effect.gen(function* () {
        const hooks = Hooks.combine(silent, silent)
        const changes = yield* Effect.all([turnStarted(hooks), toolStarted(hooks), toolEnded(hooks)])
        assert.deepStrictEqual(changes, [undefined, undefined, undefined])
      })
    )

    it.effect("an interceptor that dies fails the whole closed", () =>
      Effect.gen(function* () {
        const dies: Hooks.Service = {
          toolStart: () => {
            throw new Error("boom")
          }
        }
        const exit = yield* Effect.exit(toolStarted(Hooks.combine(rewrite("a"), dies, answer("late"))))
        assert.isTrue(Exit.isFailure(exit))
      })
    )

    const records: Record<string, Hooks.Service> = { a: rewrite("a"), b: rewrite("b"), answer: answer("x"), silent }
    const several = FastCheck.array(FastCheck.constantFrom("a", "b", "answer", "silent"), { maxLength: 4 })
    const named = (names: ReadonlyArray<string>) => names.map((name) => records[name] ?? {})

    it.effect.prop("grouping changes nothing", { left: several, right: several }, (names) =>
      Effect.gen(function* () {
        const [left, right] = [named(names.left), named(names.right)]
        const flat = yield* toolStarted(Hooks.combine(...left, ...right))
        const grouped = yield* toolStarted(Hooks.combine(Hooks.combine(...left), {}, Hooks.combine(...right)))
        assert.deepStrictEqual(grouped, flat)
      })
    )
  })

  it.effect("without a layer there are no hooks", () =>
    Effect.map(Hooks.Hooks, (hooks) => assert.deepStrictEqual(hooks, {}))
  )

  it.effect("layer provides a record", () =>
    Effect.map(Hooks.Hooks, (hooks) => assert.strictEqual(hooks.toolEnd, silent.toolEnd)).pipe(
      Effect.provide(Hooks.layer(silent))
    )
  )
})
