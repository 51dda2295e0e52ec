import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as Agent from "../../src/agent/Agent.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import type { AgentEvent } from "../../src/domain/AgentEvent.ts"
import { SessionId } from "../../src/domain/Ids.ts"
import * as Message from "../../src/domain/Message.ts"
import * as Part from "../../src/domain/Part.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { call, cut, error, finish, gate, text } from "../../src/testing/ScriptedTransport.ts"
import * as Trace from "../../src/testing/Trace.ts"
import { TransportError } from "../../src/transport/TransportError.ts"
import { world } from "../support/runs.ts"

const session = SessionId.make("s")
const agent = Agent.make("a")
const limited = Agent.make("a", { tools: [Agent.tool("work", {}, () => Effect.void)], limits: { turns: 1 } })
const stored = Effect.flatMap(ContextStore.ContextStore, (store) =>
  Effect.map(store.read(session), ({ messages }) => said(messages))
)

/** What users and the model said, as `role: text`. */
const said = (messages: ReadonlyArray<Message.Message>) =>
  Message.simplify(messages).map((message) => `${message.role}: ${Message.toText(message)}`)
const requests = Effect.map(ScriptedTransport.requests, (all) => all.map(({ messages }) => said(messages)))

/** Where a script or a tool waits: it says that it is there, and goes on when told. */
const pause = () => {
  const [reached, released] = [Effect.unsafeMakeLatch(), Effect.unsafeMakeLatch()]
  return { here: Effect.zipRight(reached.open, released.await), reached: reached.await, release: released.open }
}

/** What a run failed with, as it was made. */
const cause = (exit: Exit.Exit<unknown, unknown>) =>
  Exit.isFailure(exit) ? Cause.originalError(Cause.squash(exit.cause)) : undefined

describe("Steering", () => {
  const working = pause()
  const work = Agent.tool("work", {}, () => Effect.as(working.here, "worked"))

  it.scoped("AG-10 words during tools reach the next request, all of them, once", () =>
    Effect.gen(function* () {
      const handle = yield* Agent.start(Agent.make("a", { tools: [work] }), "go", { session })
      yield* working.reached
      assert.isTrue(yield* handle.steer("first"))
      assert.isTrue(yield* handle.steer([Part.text("second"), Part.file("image/png", { base64: "aGk=" })]))
      yield* working.release
      const result = yield* handle.await
      const image = [Part.text("second"), Part.file("image/png", { base64: "aGk=" })]
      assert.deepStrictEqual(
        result.messages.map(({ role }) => role),
        ["user", "assistant", "tool", "user", "user", "assistant"]
      )
      assert.deepStrictEqual(result.messages.slice(3, 5), [Message.user("first"), Message.user(image)])
      // Roles alternate on the wire: neighbours of one role are one message.
      const [, second] = yield* ScriptedTransport.requests
      assert.deepStrictEqual(second?.messages.at(-1), Message.user([Part.text("first"), ...image]))
      assert.deepStrictEqual(yield* stored, ["user: go", "user: firstsecond", "assistant: done"])
      const inputs = (yield* Trace.events(handle.events)).flatMap((event) =>
        event._tag === "TurnStart" ? [event.input.length] : []
      )
      assert.deepStrictEqual(inputs, [0, 2])
    }).pipe(Effect.provide(world([[call("1", "work")], [text("done")]])))
  )

  it.scoped("words before the first request go with it", () =>
    Effect.gen(function* () {
      const handle = yield* Agent.start(agent, "go", { session })
      assert.isTrue(yield* handle.steer("and quickly"))
      yield* handle.await
      assert.deepStrictEqual(yield* requests, [["user: goand quickly"]])
    }).pipe(Effect.provide(world([[text("done")]])))
  )

  it.scoped("words during the last answer keep the run going", () => {
    const answering = pause()
    return Effect.gen(function* () {
      const handle = yield* Agent.start(agent, "go", { session })
      yield* answering.reached
      yield* handle.steer("wait")
      yield* answering.release
      const { output, turns } = yield* handle.await
      assert.deepStrictEqual([output, turns], ["then no", 2])
      assert.deepStrictEqual(yield* requests, [["user: go"], ["user: go", "assistant: yes", "user: wait"]])
    }).pipe(Effect.provide(world([[text("y", gate(answering.here), "es")], [text("then no")]])))
  })

  it.scoped("follow-ups join only when the run would end, one at a time", () => {
    const answering = pause()
    const quick = Agent.tool("quick", {}, () => Effect.succeed("quick"))
    return Effect.gen(function* () {
      const handle = yield* Agent.start(Agent.make("a", { tools: [quick] }), "go", { session })
      yield* answering.reached
      yield* handle.followUp("one")
      yield* handle.followUp("two")
      yield* handle.steer("now")
      yield* answering.release
      const { turns } = yield* handle.await
      assert.strictEqual(turns, 4)
      assert.deepStrictEqual(yield* stored, [
        ...["user: go", "user: now", "assistant: 1", "user: one", "assistant: 2", "user: two", "assistant: 3"]
      ])
    }).pipe(Effect.provide(world([[gate(answering.here), call("1", "quick")], [text("1")], [text("2")], [text("3")]])))
  })

  it.scoped("a follow-up joins also after an answer that was cut", () => {
    const answering = pause()
    return Effect.gen(function* () {
      const handle = yield* Agent.start(agent, "go", { session })
      yield* answering.reached
      yield* handle.followUp("go on")
      yield* answering.release
      const { reason } = yield* handle.await
      assert.strictEqual(reason, "completed")
      assert.deepStrictEqual(yield* stored, ["user: go", "assistant: half", "user: go on", "assistant: whole"])
    }).pipe(Effect.provide(world([[text("half", gate(answering.here)), finish("length")], [text("whole")]])))
  })

  it.scoped("at a limit everything waiting joins the last turn, and nothing after it", () => {
    const [calling, answering] = [pause(), pause()]
    return Effect.gen(function* () {
      const handle = yield* Agent.start(limited, "go", { session })
      yield* calling.reached
      yield* handle.followUp("later")
      yield* handle.steer("now")
      yield* calling.release
      yield* answering.reached
      assert.deepStrictEqual([yield* handle.steer("x"), yield* handle.followUp("x")], [false, false])
      yield* answering.release
      yield* handle.await
      assert.deepStrictEqual(yield* stored, ["user: go", "user: nowlater", "assistant: so far"])
    }).pipe(
      Effect.provide(
        world([
          [gate(calling.here), call("1", "work")],
          [gate(answering.here), text("so far")]
        ])
      )
    )
  })

  it.scoped("AG-10 words are logged although the request with them fails", () => {
    const answering = pause()
    return Effect.gen(function* () {
      const handle = yield* Agent.start(agent, "go", { session })
      yield* answering.reached
      yield* handle.steer("wait")
      yield* answering.release
      const exit = yield* Effect.exit(handle.await)
      assert.strictEqual(cause(exit) instanceof TransportError, true)
      assert.deepStrictEqual(yield* stored, ["user: go", "assistant: yes", "user: wait"])
    }).pipe(Effect.provide(world([[text("yes", gate(answering.here))], [error("InvalidRequest")]])))
  })

  it.scoped("words survive a request that is sent again", () =>
    Effect.gen(function* () {
      const handle = yield* Agent.start(agent, "go", { session })
      yield* handle.steer("before")
      const retrying = Stream.takeUntil(handle.events, ({ _tag }) => _tag === "Retrying")
      yield* Stream.runDrain(retrying)
      yield* handle.steer("meanwhile")
      yield* TestClock.adjust("1 second")
      yield* handle.await
      assert.deepStrictEqual(yield* requests, [
        ["user: gobefore"],
        ["user: gobefore"],
        ["user: gobefore", "assistant: 1", "user: meanwhile"]
      ])
    }).pipe(Effect.provide(world([[error("Overloaded")], [text("1")], [text("2")]])))
  )

  it.scoped("TR-29 no word is accepted and lost, whenever it comes", () =>
    Effect.gen(function* () {
      const handle = yield* Agent.start(agent, "go", { session })
      const accepted: Array<string> = []
      const speak = (name: string) =>
        Effect.forEach(Array.from({ length: 20 }), (_, index) =>
          Effect.gen(function* () {
            const word = `${name}${index}.`
            const say = index % 2 === 0 ? handle.steer : handle.followUp
            if (yield* say(word)) accepted.push(word)
            for (let at = 0; at < index; at++) yield* Effect.yieldNow()
          })
        )
      yield* Effect.all([speak("a"), speak("b"), speak("c")], { concurrency: "unbounded" })
      const { messages } = yield* handle.await
      const heard = messages.slice(1).flatMap((message) => (message.role === "user" ? [Message.toText(message)] : []))
      assert.deepStrictEqual([...heard].sort(), [...accepted].sort())
      assert.isAbove(accepted.length, 0)
    }).pipe(Effect.provide(world(() => [text("ok")])))
  )

  it.scoped("TR-29 nothing is accepted once the end is decided, while the session is still held", () => {
    const answers: Array<boolean> = []
    let speak: Effect.Effect<boolean> = Effect.succeed(true)
    const asking = Layer.effect(
      ContextStore.ContextStore,
      Effect.map(ContextStore.ContextStore, (store) => ({
        ...store,
        lock: (id: SessionId, onBusy: ContextStore.OnBusy) =>
          Effect.zipRight(
            store.lock(id, onBusy),
            Effect.addFinalizer(() => Effect.map(speak, (answer) => answers.push(answer)))
          )
      }))
    ).pipe(Layer.provide(ContextStore.layerMemory))
    return Effect.gen(function* () {
      const handle = yield* Agent.start(agent, "go", { session })
      speak = handle.steer("too late")
      yield* handle.await
      assert.deepStrictEqual(answers, [false])
    }).pipe(Effect.provide(asking), Effect.provide(world([[text("done")]])))
  })

  it.scoped.each([
    ["an answer", [text("done")]],
    ["a failure", [text("half", cut)]]
  ] as const)("after %s nobody listens, and the handle says so", ([, steps]) =>
    Effect.gen(function* () {
      const handle = yield* Agent.start(agent, "go", { session })
      yield* Effect.exit(handle.await)
      const before = yield* stored
      assert.deepStrictEqual([yield* handle.steer("x"), yield* handle.followUp("x")], [false, false])
      yield* handle.stop
      assert.deepStrictEqual(yield* stored, before)
    }).pipe(Effect.provide(world([steps])))
  )
})

describe("A handle", () => {
  const collect = (handle: Agent.Handle) => Trace.exit(handle.events)

  it.scoped("AG-04 readers early, late and after the end see every event", () => {
    const answering = pause()
    return Effect.gen(function* () {
      const handle = yield* Agent.start(agent, "go", { session })
      const early = yield* Effect.fork(collect(handle))
      yield* answering.reached
      const late = yield* Effect.forEach([1, 2, 3], () => Effect.fork(collect(handle)))
      yield* answering.release
      const all = yield* Effect.forEach([early, ...late], (fiber) => Fiber.join(fiber))
      const after = yield* collect(handle)
      assert.deepStrictEqual(after.lines, ["RunStart", "TurnStart", "Text:Hello", "TurnEnd", "RunEnd:completed"])
      for (const { events } of all) assert.deepStrictEqual(events, after.events)
      assert.strictEqual(after.events[0]?._tag === "RunStart" ? after.events[0].session : "", handle.session)
    }).pipe(Effect.provide(world([[text("Hel", gate(answering.here), "lo")]])))
  })

  it.scoped("AG-04 awaiting twice gives the same, before and after the end", () =>
    Effect.gen(function* () {
      const handle = yield* Agent.start(agent, "go")
      const [first, second] = yield* Effect.all([handle.await, handle.await], { concurrency: 2 })
      assert.deepStrictEqual([second, yield* handle.await], [first, first])
    }).pipe(Effect.provide(world([[text("done")]])))
  )

  it.scoped("RUN-4 every reader of a failed run gets its events and its failure", () =>
    Effect.gen(function* () {
      const handle = yield* Agent.start(agent, "go")
      const awaited = yield* Effect.exit(handle.await)
      const [one, two] = yield* Effect.all([collect(handle), collect(handle)])
      assert.deepStrictEqual(one.lines, ["RunStart", "TurnStart", "Text:half", "TurnEnd", "RunEnd:error"])
      assert.deepStrictEqual([one, one], [two, { ...one, exit: Exit.asVoid(awaited) }])
    }).pipe(Effect.provide(world([[text("half", error("Network"))]])))
  )

  it.scoped("AG-04 a slow reader misses nothing, and holds nobody back", () => {
    const held = pause()
    return Effect.gen(function* () {
      const handle = yield* Agent.start(agent, "go")
      const slow: Array<AgentEvent> = []
      const reading = yield* Effect.fork(
        Stream.runForEach(handle.events, (event) =>
          Effect.zipRight(
            Effect.sync(() => slow.push(event)),
            held.here
          )
        )
      )
      yield* held.reached
      const { output } = yield* handle.await
      assert.strictEqual(output.length, 10_000)
      assert.strictEqual(slow.length, 1)
      yield* held.release
      yield* Fiber.join(reading)
      assert.deepStrictEqual(slow, (yield* collect(handle)).events)
    }).pipe(Effect.provide(world([[text("x".repeat(10_000))]], { deltaLength: 1, deltasPerPull: 100 })))
  })

  it.scoped("a reader that leaves takes nothing with it", () =>
    Effect.gen(function* () {
      const handle = yield* Agent.start(agent, "go")
      const first = yield* Stream.runHead(handle.events)
      assert.strictEqual(first._tag === "Some" ? first.value._tag : "", "RunStart")
      assert.strictEqual((yield* handle.await).output, "done")
    }).pipe(Effect.provide(world([[text("done")]])))
  )
})
