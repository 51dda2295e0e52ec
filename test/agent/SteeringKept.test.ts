/** Words that were accepted are kept with the session until they have joined: once, in order, whatever ends the run. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Agent from "../../src/agent/Agent.ts"
import * as Compaction from "../../src/context/Compaction.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import { SessionId } from "../../src/domain/Ids.ts"
import * as Message from "../../src/domain/Message.ts"
import * as Part from "../../src/domain/Part.ts"
import * as MessageGuard from "../../src/guard/MessageGuard.ts"
import * as Hooks from "../../src/hook/Hooks.ts"
import { call, error, gate, text, usage } from "../../src/testing/ScriptedTransport.ts"
import { world } from "../support/runs.ts"
import { heardIn, pause, waitingIn } from "../support/steering.ts"

const session = SessionId.make("s")
const agent = Agent.make("a", { retries: 0 })
const store = ContextStore.ContextStore
const heard = (id = session) => heardIn(id)
const waiting = (id = session) => waitingIn(id)

/** Has a run told some words while it answers, and ends it. */
const leaving = (end: (handle: Agent.Handle, scope: Scope.CloseableScope) => Effect.Effect<unknown>) =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const handle = yield* Scope.extend(Agent.start(agent, "go", { session }), scope)
    yield* answering.reached
    assert.isTrue(yield* handle.followUp("one"))
    assert.isTrue(yield* handle.steer([Part.text("two"), Part.file("image/png", { base64: "aGk=" })]))
    assert.isTrue(yield* handle.followUp("three"))
    yield* end(handle, scope)
    assert.deepStrictEqual([yield* handle.steer("late"), yield* handle.followUp("late")], [false, false])
    yield* Scope.close(scope, Exit.void)
  })
let answering = pause()

const unavailable = new ContextStore.StoreError({
  ...{ operation: "append", session },
  reason: { _tag: "Unavailable", message: "not now" }
})

/** A store that is asked before it writes. */
const asking = (
  before: (kinds: ReadonlyArray<string>, id: SessionId) => Effect.Effect<void, ContextStore.StoreError>
) =>
  Layer.effect(
    store,
    Effect.map(store, (real) => ({
      ...real,
      append: (...[id, entries, options]: Parameters<ContextStore.Service["append"]>) =>
        Effect.zipRight(
          before(
            entries.map(({ _tag }) => _tag),
            id
          ),
          real.append(id, entries, options)
        )
    }))
  ).pipe(Layer.provide(ContextStore.layerMemory))

describe("Words that were accepted", () => {
  const ends = [
    ["a stop", (handle: Agent.Handle) => handle.stop],
    ["an interruption", (_: Agent.Handle, scope: Scope.CloseableScope) => Scope.close(scope, Exit.void)],
    ["a failure", (handle: Agent.Handle) => Effect.zipRight(answering.release, Effect.exit(handle.await))]
  ] as const
  it.effect.each(ends)("AG-10 survive %s, and join once in the next run, in order", ([, end]) => {
    answering = pause()
    return Effect.gen(function* () {
      yield* leaving(end)
      assert.deepStrictEqual(yield* waiting(), ["one", "two", "three"])
      const next = yield* Agent.run(agent, "again", { session })
      assert.strictEqual(next.reason, "completed")
      assert.deepStrictEqual(yield* heard(), ["go", "again", "two", "one", "three"])
      const { messages } = yield* Effect.flatMap(store, ({ read }) => read(session))
      const files = messages.flatMap(({ parts }) => parts.filter(({ type }) => type === "file"))
      assert.deepStrictEqual(files, [Part.file("image/png", { base64: "aGk=" })])
      assert.deepStrictEqual(yield* waiting(), [])
      yield* Agent.run(agent, "more", { session })
      assert.deepStrictEqual(yield* heard(), ["go", "again", "two", "one", "three", "more"])
    }).pipe(
      Effect.provide(
        world((_, index) => (index === 0 ? [gate(answering.here), error("InvalidRequest")] : [text("ok")]))
      )
    )
  })

  it.effect.each([1, 2, 3])("TR-29 are read after a compaction, once, with %s messages kept", (keepRecent) => {
    const [summing, working] = [pause(), pause()]
    const look = Agent.tool("look", {}, () => Effect.as(working.here, "word ".repeat(300)))
    const looking = Agent.make("a", { tools: [look] })
    const summarise = () => Effect.as(summing.here, { text: "summary", costs: [] })
    return Effect.gen(function* () {
      yield* Agent.run(looking, "before ".repeat(900), { session })
      const handle = yield* Agent.start(looking, "go", { session })
      yield* working.reached
      yield* handle.followUp("one")
      yield* working.release
      yield* summing.reached
      yield* handle.followUp("two")
      yield* summing.release
      yield* handle.followUp("three")
      yield* handle.await
      const log = yield* Effect.flatMap(store, ({ entries }) => entries(session))
      assert.isTrue(log.some(({ _tag }) => _tag === "Compaction"))
      assert.deepStrictEqual((yield* heard()).slice(-4), ["go", "one", "two", "three"])
      assert.deepStrictEqual(yield* waiting(), [])
      yield* Compaction.restore(session)
      assert.deepStrictEqual(yield* waiting(), [])
    }).pipe(
      Effect.scoped,
      Effect.provide([
        world((_, index) => (index === 1 ? [call("1", "look"), usage({ input: 1500, output: 5 })] : [text("ok ok")])),
        Compaction.layer({ maxTokens: 1000, keepRecent, summarise })
      ])
    )
  })

  it.effect("TR-29 wait in order behind a compaction in the middle of a run that is then stopped", () => {
    const [working, next] = [pause(), pause()]
    const look = Agent.tool("look", {}, () => Effect.as(working.here, "word ".repeat(300)))
    const looking = Agent.make("a", { tools: [look], steering: "one-at-a-time" })
    const summarise = () => Effect.succeed({ text: "summary", costs: [] })
    return Effect.gen(function* () {
      const handle = yield* Agent.start(looking, "go", { session })
      yield* working.reached
      for (const word of ["one", "two", "three"]) yield* handle.followUp(word)
      yield* working.release
      yield* next.reached
      yield* handle.followUp("four")
      yield* handle.stop
      assert.deepStrictEqual(yield* waiting(), ["one", "two", "three", "four"])
      yield* Compaction.restore(session)
      assert.deepStrictEqual(yield* waiting(), ["one", "two", "three", "four"])
    }).pipe(
      Effect.scoped,
      Effect.provide([
        world((_, index) =>
          index === 0 ? [call("1", "look"), usage({ input: 1500, output: 5 })] : [gate(next.here), text("ok")]
        ),
        Compaction.layer({ maxTokens: 1000, keepRecent: 1, summarise })
      ])
    )
  })

  it.effect("TR-29 survive a compaction between runs, and its restoration", () => {
    answering = pause()
    const summarise = () => Effect.succeed({ text: "summary", costs: [] })
    return Effect.gen(function* () {
      yield* Agent.run(agent, "word ".repeat(900), { session })
      yield* leaving((handle) => handle.stop)
      const { _tag } = yield* Compaction.compact(session)
      assert.strictEqual(_tag, "Compacted")
      assert.deepStrictEqual(yield* waiting(), ["one", "two", "three"])
      yield* Compaction.restore(session)
      assert.deepStrictEqual(yield* waiting(), ["one", "two", "three"])
      yield* Agent.run(agent, "again", { session })
      assert.deepStrictEqual((yield* heard()).slice(-4), ["again", "two", "one", "three"])
    }).pipe(
      Effect.provide([
        world((_, index) => (index === 1 ? [gate(answering.here)] : [text("ok")])),
        Compaction.layer({ maxTokens: 100_000, keepRecent: 1, summarise })
      ])
    )
  })

  it.effect("are for their own session, not for its forks, nor for one that was rewound", () => {
    answering = pause()
    return Effect.gen(function* () {
      yield* leaving((handle) => handle.stop)
      const { entries, fork, rewind } = yield* store
      const forked = yield* fork(session)
      assert.deepStrictEqual([yield* waiting(), yield* waiting(forked)], [["one", "two", "three"], []])
      yield* Agent.run(agent, "again", { session })
      yield* Agent.run(agent, "other", { session: forked })
      assert.deepStrictEqual(yield* heard(forked), ["go", "other"])
      const last = (yield* entries(session)).findLast(({ _tag }) => _tag === "Queued")
      yield* rewind(session, last?.id ?? assert.fail("nothing was kept"))
      assert.deepStrictEqual(yield* waiting(), [])
    }).pipe(Effect.provide(world((_, index) => (index === 0 ? [gate(answering.here)] : [text("ok")]))))
  })

  it.effect("wait when the store cannot keep them, and are kept as soon as it can", () => {
    answering = pause()
    let isDown = true
    return Effect.gen(function* () {
      yield* leaving((handle) => {
        isDown = false
        return handle.stop
      })
      assert.deepStrictEqual(yield* waiting(), ["one", "two", "three"])
    }).pipe(
      Effect.provide(asking((kinds) => (isDown && kinds.includes("Queued") ? Effect.fail(unavailable) : Effect.void))),
      Effect.provide(world([[gate(answering.here)]]))
    )
  })

  it.scoped("that fifty fibers say at once join once each, with few writes", () => {
    answering = pause()
    let appends = 0
    const slow = asking(() =>
      Effect.zipRight(
        Effect.yieldNow(),
        Effect.sync(() => void appends++)
      )
    )
    return Effect.gen(function* () {
      const handle = yield* Agent.start(agent, "go", { session })
      yield* answering.reached
      const words = Array.from({ length: 50 }, (_, index) => `${index}.`)
      const accepted = yield* Effect.forEach(words, handle.steer, { concurrency: "unbounded" })
      assert.isTrue(accepted.every((is) => is))
      assert.deepStrictEqual(yield* waiting(), words)
      assert.isAtMost(appends, 4)
      yield* answering.release
      yield* handle.await
      assert.deepStrictEqual(yield* heard(), ["go", ...words])
    }).pipe(Effect.provide(slow), Effect.provide(world([[gate(answering.here), text("1")], [text("2")]])))
  })

  it.scoped("may come from a hook that is told of a write", () => {
    answering = pause()
    const left = ["word 1", "word 2"]
    let speak: ((word: string) => Effect.Effect<boolean>) | undefined
    const hooks = Hooks.layer({
      storeWrite: () =>
        Effect.suspend(() => {
          const word = speak === undefined ? undefined : left.shift()
          return word === undefined || speak === undefined ? Effect.void : Effect.asVoid(speak(word))
        })
    })
    return Effect.gen(function* () {
      const handle = yield* Agent.start(agent, "go", { session })
      yield* answering.reached
      speak = handle.followUp
      yield* answering.release
      yield* handle.await
      assert.deepStrictEqual(yield* heard(), ["go", "word 1", "word 2"])
    }).pipe(
      Effect.provide(hooks),
      Effect.provide(world((_, i) => (i === 0 ? [gate(answering.here), text("1")] : [text("2")])))
    )
  })

  it.effect("that a guard does not let in later do not come back in every run", () => {
    answering = pause()
    let asked = 0
    const strict = MessageGuard.layer(
      MessageGuard.make(({ message }) =>
        Effect.sync(() => {
          if (Message.toText(message) !== "one") return MessageGuard.Pass
          asked++
          return MessageGuard.Block("not this")
        })
      )
    )
    return Effect.gen(function* () {
      yield* leaving((handle) => handle.stop)
      yield* Effect.provide(Agent.run(agent, "again", { session }), strict)
      assert.deepStrictEqual([asked, yield* waiting()], [1, []])
      assert.deepStrictEqual(yield* heard(), ["go", "again", "two", "three"])
    }).pipe(Effect.provide(world((_, index) => (index === 0 ? [gate(answering.here)] : [text("ok")]))))
  })
})

describe("The session of words", () => {
  it.effect("goes to the next run only when nothing is accepted any more", () => {
    answering = pause()
    const late: Array<boolean> = []
    let speak: Effect.Effect<boolean> = Effect.succeed(true)
    const asking = Layer.effect(
      store,
      Effect.map(store, (real) => ({
        ...real,
        lock: (id: SessionId, onBusy: ContextStore.OnBusy) =>
          Effect.zipRight(
            real.lock(id, onBusy),
            Effect.addFinalizer(() => Effect.map(speak, (answer) => late.push(answer)))
          )
      }))
    ).pipe(Layer.provide(ContextStore.layerMemory))
    return Effect.gen(function* () {
      const handle = yield* Agent.start(agent, "go", { session })
      yield* answering.reached
      speak = handle.steer("too late")
      yield* handle.stop
      assert.deepStrictEqual([late, yield* waiting()], [[false], []])
    }).pipe(Effect.scoped, Effect.provide(asking), Effect.provide(world([[gate(answering.here)]])))
  })
})
