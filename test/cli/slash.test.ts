import { assert, describe, it } from "@effect/vitest"
import * as Slash from "axonal/cli/slash"
import * as Window from "axonal/cli/window"
import * as Compaction from "axonal/context/Compaction"
import * as ContextStore from "axonal/context/ContextStore"
import type { Entry } from "axonal/domain/Entry"
import { CallId, EntryId, SessionId } from "axonal/domain/Ids"
import * as Message from "axonal/domain/Message"
import { file } from "axonal/domain/Part"
import * as Usage from "axonal/domain/Usage"
import * as ScriptedTransport from "axonal/testing/ScriptedTransport"
import * as Offline from "axonal/transport/Offline"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { widthOf } from "../../src/cli/internal/layout.ts"
import { here, screenOf, talk, textsOf } from "./sessionSupport.ts"

const plan = SessionId.make("plan")
const requests = Array.from({ length: 6 }, (_, index) => `${index}: ${"many words ".repeat(20)}`)

const about: Slash.About = {
  instructions: "Be brief.",
  tools: Effect.succeed([{ name: "read", description: "Reads", inputSchema: { type: "object" } }]),
  compaction: Compaction.make(),
  compacts: true
}

/** Types a line in a session, and answers what is noted and the session to go on with. */
const type = (
  line: string,
  setting: { readonly session?: SessionId; readonly about?: Slash.About; readonly stop?: Effect.Effect<void> } = {}
) => {
  const screen = screenOf()
  const place = { session: plan, folder: here, about, stop: Effect.never, ...setting, screen }
  return Effect.map(Slash.act(line, place), (session) => ({ session, noted: screen.noted() }))
}
const problem = (line: string, setting = {}) => Effect.map(Effect.flip(type(line, setting)), ({ message }) => message)

const world = (script: ScriptedTransport.Script = []) =>
  Layer.merge(ScriptedTransport.layer(script, { model: { contextWindow: 10_000 } }), ContextStore.layerMemory)

describe("slash", () => {
  it.effect("compact summarises, says what that did, and can be undone", () =>
    Effect.gen(function* () {
      yield* talk("plan", requests)
      const before = yield* textsOf("plan")
      const { noted, session } = yield* type("/compact")
      assert.strictEqual(session, plan)
      assert.match(noted, /^6 messages summarised: [\d,]+ → [\d,]+ tokens \(summary tokens: 90 in, 5 out\)\n$/)
      const [first = "", ...rest] = yield* textsOf("plan")
      assert.include(first, "They counted.")
      assert.lengthOf(rest, 5)
      const undone = "the summary is taken back; the conversation goes on with what it stood for\n"
      assert.strictEqual((yield* type("/compact undo")).noted, undone)
      assert.deepStrictEqual(yield* textsOf("plan"), before)
      assert.strictEqual(yield* problem("/compact undo"), "there is no summary to take back.")
      assert.strictEqual(yield* problem("/compact und"), '/compact stands alone, or takes undo, not "und".')
      yield* ScriptedTransport.assertDone
    }).pipe(
      Effect.provide(
        world([[ScriptedTransport.text("They counted."), ScriptedTransport.usage({ input: 90, output: 5 })]])
      )
    )
  )

  it.effect("AX-36 compact leaves the conversation alone when there is no use or it fails", () =>
    Effect.gen(function* () {
      yield* talk("plan", ["one"])
      assert.strictEqual((yield* type("/compact")).noted, "nothing to compact: there is nothing but what is recent\n")
      yield* talk("long", requests)
      const before = yield* textsOf("long")
      const { noted } = yield* type("/compact", { session: SessionId.make("long") })
      assert.match(noted, /^that did not work, and the conversation is as it was: /)
      assert.deepStrictEqual(yield* textsOf("long"), before)
    }).pipe(Effect.provide(world([[ScriptedTransport.error("InvalidRequest")]])))
  )

  it.effect("compact is refused where no model can summarise", () =>
    Effect.gen(function* () {
      yield* talk("plan", requests)
      assert.strictEqual(
        yield* problem("/compact", { about: { ...about, compaction: undefined } }),
        "there is no model here that could summarise. Connect one (axonal --help says how), then /compact."
      )
    }).pipe(Effect.provide(Layer.merge(Offline.layer, ContextStore.layerMemory)))
  )

  it.effect("Ctrl-C gives a compaction up", () =>
    Effect.gen(function* () {
      const [asked, stop] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const script = [[ScriptedTransport.gate(Effect.zipRight(Deferred.succeed(asked, undefined), Effect.never))]]
      yield* Effect.gen(function* () {
        yield* talk("plan", requests)
        const before = yield* textsOf("plan")
        const fiber = yield* Effect.fork(type("/compact", { stop: Deferred.await(stop) }))
        yield* Deferred.await(asked)
        yield* Deferred.succeed(stop, undefined)
        assert.strictEqual((yield* Fiber.join(fiber)).noted, "stopped; the conversation is as it was\n")
        assert.deepStrictEqual(yield* textsOf("plan"), before)
        assert.strictEqual(yield* ScriptedTransport.openConnections, 0)
      }).pipe(Effect.provide(world(script)))
    })
  )

  it.effect("rewind goes back, and undo takes it back", () =>
    Effect.gen(function* () {
      yield* talk("plan", ["one", "two", "three"])
      assert.strictEqual(
        (yield* type("/rewind 2")).noted,
        "back by 2 requests. Left “two”, 1 other request and what followed: 4 messages. /rewind undo takes it back.\n"
      )
      assert.deepStrictEqual(yield* textsOf("plan"), ["one", "Re: one"])
      assert.strictEqual((yield* type("/rewind undo")).noted, "the rewind is taken back\n")
      assert.lengthOf(yield* textsOf("plan"), 6)
      assert.strictEqual(yield* problem("/rewind undo"), "there is no rewind to take back.")
      assert.strictEqual(yield* problem("/rewind 0"), '/rewind takes a number from 1 on, or undo, not "0".')
    }).pipe(Effect.provide(world()))
  )

  it.effect("fork goes on in the copy, and session goes back", () =>
    Effect.gen(function* () {
      yield* talk("plan", ["one", "two"])
      const { noted, session = plan } = yield* type("/fork 2")
      assert.strictEqual(noted, `session ${session}, a fork of plan; /session plan goes back\n`)
      assert.deepStrictEqual(yield* textsOf(session), ["one", "Re: one"])
      assert.deepStrictEqual(yield* type("/session pl", { session }), {
        session: plan,
        noted: "session plan: one, 6 entries\n"
      })
      assert.match(
        (yield* type("/sessions")).noted,
        /\nsession_\w+ +just now +3 {2}one\nplan \* +just now +6 {2}one\n\/session ID goes on with another\n$/
      )
    }).pipe(Effect.provide(world()))
  )

  it.effect("a session without a word has nothing to name, fork, rewind or compact", () =>
    Effect.gen(function* () {
      const lines = ["/rename x", "/fork", "/rewind", "/compact"]
      assert.deepStrictEqual(
        yield* Effect.forEach(lines, (line) => problem(line)),
        lines.map(() => "nothing was said in this session yet.")
      )
    }).pipe(Effect.provide(world()))
  )

  it.effect("every command of the help is known, and near misses are named", () =>
    Effect.gen(function* () {
      yield* talk("plan", ["one"])
      const names = Array.from(Slash.help.matchAll(/^\/(\w+)/gm), ([, name]) => name)
      for (const name of names) {
        const { noted } = yield* Effect.catchAll(type(`/${name}`), () => Effect.succeed({ noted: "" }))
        assert.notInclude(noted, "unknown")
      }
      assert.strictEqual((yield* type("/compct")).noted, "unknown command /compct, did you mean /compact?\n")
      assert.strictEqual((yield* type("/what now")).noted, "unknown command /what, try /help\n")
      assert.isUndefined((yield* type("/quit")).session)
    }).pipe(Effect.provide(world()))
  )
})

const call = CallId.make("c")
const mixed: ReadonlyArray<Entry> = [
  Message.user([{ type: "text", text: "x".repeat(400) }, file("image/png", { base64: "" })]),
  Message.assistant([
    { type: "reasoning", text: "r".repeat(200) },
    { type: "tool-call", id: call, name: "read", input: "{}" }
  ]),
  Message.tool([
    { type: "tool-result", id: call, name: "read", outcome: "ok", content: [{ type: "text", text: "y".repeat(800) }] }
  ]),
  Message.assistant("done")
].map((message, index) => ({ _tag: "Message", id: EntryId.make(`m${index}`), at: 0, message }))

const measured = Effect.flatMap(about.tools, (tools) =>
  Window.measure(plan, { ...about, tools, compaction: about.compaction })
)

describe("window", () => {
  it.effect("every kind of what fills it is counted", () =>
    Effect.gen(function* () {
      const store = yield* ContextStore.ContextStore
      yield* store.append(plan, mixed)
      const fill = yield* measured
      assert.deepStrictEqual(
        fill.kinds.map(([kind]) => kind),
        ["instructions", "tools", "user", "assistant", "reasoning", "tool calls", "tool results", "files"]
      )
      assert.strictEqual(
        fill.kinds.reduce((sum, [, tokens]) => sum + tokens, 0),
        fill.tokens
      )
      assert.deepInclude(fill, { isMeasured: false, window: 10_000, compactsAt: 7500 })
    }).pipe(Effect.provide(world()))
  )

  it.effect("the vendor's count wins, and the parts add up to it", () =>
    Effect.gen(function* () {
      const store = yield* ContextStore.ContextStore
      const used = Usage.make({ input: 5000, output: 100 })
      yield* store.append(plan, [...mixed, { _tag: "Usage", id: EntryId.make("used"), at: 0, model: "m", usage: used }])
      const fill = yield* measured
      assert.deepInclude(fill, { isMeasured: true, tokens: 5100 })
      const sum = fill.kinds.reduce((total, [, tokens]) => total + tokens, 0)
      assert.approximately(sum, 5100, fill.kinds.length)
    }).pipe(Effect.provide(world()))
  )

  it.effect("a summary is a kind of its own", () =>
    Effect.gen(function* () {
      yield* talk("plan", requests)
      yield* type("/compact")
      const fill = yield* measured
      assert.include(
        fill.kinds.map(([kind]) => kind),
        "summary"
      )
      assert.isFalse(fill.isMeasured)
    }).pipe(Effect.provide(world([[ScriptedTransport.text("Short.")]])))
  )

  it("the picture fits the window and says what is estimated", () => {
    const fill: Window.Fill = {
      ...{ model: "m", tokens: 5100, isMeasured: true, window: 10_000, compactsAt: 7500 },
      kinds: [
        ["tools", 100],
        ["user", 5000]
      ]
    }
    assert.deepStrictEqual(Window.draw(fill, { color: false, width: 40 }).split("\n"), [
      "5,100 of the 10,000 tokens that m holds (51.0 %), as the vendor counted; the parts are estimates",
      `▕${"█".repeat(19)}▍${" ".repeat(18)}▏`,
      "",
      "tools    100    1.0 %  ▍",
      "user   5,000   50.0 %  █████████████████",
      "free   4,900   49.0 %",
      "",
      "From 7,500 tokens on the beginning is summarised.",
      ""
    ])
    const unknown = Window.draw(
      { ...fill, isMeasured: false, window: undefined, compactsAt: undefined },
      screenOf({ width: 60 })
    )
    assert.match(unknown, /^5,100 tokens, estimated; how many m holds is not known\n\ntools/)
    assert.deepStrictEqual(
      unknown.split("\n").filter((line) => widthOf(line) > 60),
      []
    )
  })
})
