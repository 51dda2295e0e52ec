import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Agent from "../../src/agent/Agent.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import { SessionId } from "../../src/domain/Ids.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import * as TodoList from "../../src/toolbox/TodoList.ts"

const { call, text } = ScriptedTransport
const session = SessionId.make("s")
const planner = Agent.make("planner", { tools: TodoList.make() })

const run = (script: ScriptedTransport.Script) =>
  Agent.run(planner, "go", { session }).pipe(Effect.provide(ScriptedTransport.layer(script)))

const results = (result: Effect.Effect.Success<ReturnType<typeof run>>) =>
  result.messages
    .flatMap(({ parts }) => [...parts])
    .flatMap((part) => (part.type === "tool-result" ? [part] : []))
    .map(({ content, outcome }) => [outcome, content[0]?.type === "text" ? content[0].text : ""])

const todo = (content: string, status: TodoList.Todo["status"] = "pending"): TodoList.Todo => ({ content, status })

describe("TodoList", () => {
  it.effect("a plan is written whole, shown and kept by session", () =>
    Effect.gen(function* () {
      const todos = [todo("Buy\npaint", "completed"), todo("Paint", "in_progress"), todo("Look", "in_progress")]
      const result = yield* run([
        [call("1", "write_todos", { todos })],
        [call("2", "write_todos", { todos: [todo("Rest")] }), call("3", "read_todos"), call("4", "write_todos", {})],
        [text("done")]
      ])
      const plan = "The plan, 1 of 3 done:\n[x] Buy paint\n[>] Paint\n[>] Look"
      const [first, second, third, fourth] = results(result)
      assert.deepStrictEqual(first, [
        "ok",
        `${plan}\n2 are in progress: keep one, and make the others pending or completed.`
      ])
      assert.deepStrictEqual(second, ["ok", "The plan, 0 of 1 done:\n[ ] Rest"])
      assert.strictEqual(third?.[0], "ok")
      assert.strictEqual(fourth?.[0], "invalid")
      const list = yield* TodoList.TodoList
      assert.deepStrictEqual(yield* list.get(session), [todo("Rest")])
      assert.deepStrictEqual(yield* list.get(SessionId.make("other")), [])
      assert.deepStrictEqual(yield* list.all, { [session]: [todo("Rest")] })
    }).pipe(Effect.provide(Layer.merge(TodoList.layer, ContextStore.layerMemory)))
  )

  it.effect("a session that goes on elsewhere goes on with its plan", () =>
    Effect.gen(function* () {
      const written = [todo("a", "in_progress"), todo("b")]
      yield* run([
        [call("1", "write_todos", { todos: written })],
        [call("2", "write_todos", { todos: [{ content: "" }] })],
        [text("ok")]
      ]).pipe(Effect.provide(TodoList.layer))
      const later = yield* run([[call("1", "read_todos")], [text("ok")]]).pipe(Effect.provide(TodoList.layerStored))
      assert.deepStrictEqual(results(later).at(-1), ["ok", "The plan, 0 of 2 done:\n[>] a\n[ ] b"])
      const list = yield* Effect.provide(TodoList.TodoList, TodoList.layerStored)
      assert.deepStrictEqual(yield* list.get(session), written)
      assert.deepStrictEqual(yield* list.get(SessionId.make("none")), [])
      // What was written since counts, also when nothing is left of it.
      yield* list.set(session, [])
      assert.deepStrictEqual(yield* list.get(session), [])
    }).pipe(Effect.provide(ContextStore.layerMemory))
  )

  it.effect("a plan that is written while an old one is looked for stays", () =>
    Effect.gen(function* () {
      const store = yield* ContextStore.ContextStore
      const [asked, found] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const slow: ContextStore.Service = {
        ...store,
        read: (session) =>
          Deferred.succeed(asked, undefined).pipe(
            Effect.zipRight(Deferred.await(found)),
            Effect.zipRight(store.read(session))
          )
      }
      const list = yield* Effect.provideService(
        Effect.provide(TodoList.TodoList, TodoList.layerStored),
        ContextStore.ContextStore,
        slow
      )
      const reading = yield* Effect.fork(list.get(session))
      yield* Deferred.await(asked)
      yield* list.set(session, [todo("new")])
      yield* Deferred.succeed(found, undefined)
      assert.deepStrictEqual([yield* Fiber.join(reading), yield* list.get(session)], [[todo("new")], [todo("new")]])
    }).pipe(Effect.provide(ContextStore.layerMemory))
  )

  it.effect("a session may be called like what every object has", () =>
    Effect.gen(function* () {
      const list = yield* TodoList.TodoList
      for (const name of ["constructor", "__proto__", "toString"]) {
        const odd = SessionId.make(name)
        assert.deepStrictEqual(yield* list.get(odd), [])
        yield* list.set(odd, [todo(name)])
        assert.deepStrictEqual(yield* list.get(odd), [todo(name)])
      }
      assert.deepStrictEqual(Object.keys(yield* list.all), ["constructor", "__proto__", "toString"])
    }).pipe(Effect.provide(TodoList.layer))
  )

  it.scoped("changes of a session are told as they happen", () =>
    Effect.gen(function* () {
      const list = yield* TodoList.TodoList
      const seen = yield* Effect.fork(Stream.runCollect(Stream.take(list.changes(session), 3)))
      yield* Effect.repeatN(Effect.yieldNow(), 20)
      yield* list.set(SessionId.make("other"), [todo("x")])
      yield* list.set(session, [todo("a")])
      yield* Effect.repeatN(Effect.yieldNow(), 20)
      yield* list.set(session, [])
      assert.deepStrictEqual(Chunk.toReadonlyArray(yield* Fiber.join(seen)), [[todo("kept")], [todo("a")], []])
      const plans = yield* Schema.encode(TodoList.Plans)(yield* list.all)
      assert.deepStrictEqual(plans, { other: [todo("x")] })
    }).pipe(Effect.provide(TodoList.layerFrom({ [session]: [todo("kept")] })))
  )
})
