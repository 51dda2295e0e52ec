import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Agent from "../../src/agent/Agent.ts"
import * as Repetition from "../../src/agent/Repetition.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import { EmptyAnswer } from "../../src/domain/AgentError.ts"
import { SessionId } from "../../src/domain/Ids.ts"
import * as Message from "../../src/domain/Message.ts"
import * as Part from "../../src/domain/Part.ts"
import * as Usage from "../../src/domain/Usage.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { call, finish, gate, reasoning, text } from "../../src/testing/ScriptedTransport.ts"
import * as Trace from "../../src/testing/Trace.ts"
import { world } from "../support/runs.ts"

const look = Agent.tool("look", {}, () => Effect.succeed("seen"))
const agent = Agent.make("a", { tools: [look] })
const session = SessionId.make("s")

const nudge: Message.Message = {
  ...Message.user("Your last answer was empty. Continue with the task, or answer with what you have."),
  meta: { axonal: { nudge: true } }
}
const isNudge = (message: Message.Message | undefined) => message?.meta?.["axonal"] !== undefined

/** What a run failed with, as it was made. */
const cause = (exit: Exit.Exit<unknown, unknown>) =>
  Exit.isFailure(exit) ? Cause.originalError(Cause.squash(exit.cause)) : undefined

describe("An empty answer", () => {
  it.effect("TURN-4 AM-05 is nudged once, with tools on, and the plan goes on", () =>
    Effect.gen(function* () {
      const events = yield* Trace.events(Agent.stream(agent, "go", { session }))
      const requests = yield* ScriptedTransport.requests
      const called = ["ToolStart:look", "ToolEnd:look:ok"]
      assert.deepStrictEqual(Trace.lines(events), [
        ...["RunStart", "TurnStart", ...called, "TurnEnd", "TurnStart", "TurnEnd", "TurnStart", ...called, "TurnEnd"],
        ...["TurnStart", "Text:done", "TurnEnd", "RunEnd:completed"]
      ])
      assert.deepStrictEqual(
        events.flatMap((event) => (event._tag === "TurnStart" ? [event.input] : [])),
        [[], [], [nudge], []]
      )
      assert.deepStrictEqual(
        requests.map(
          ({ messages, toolChoice, tools }): ReadonlyArray<unknown> => [
            isNudge(messages.at(-1)),
            toolChoice,
            tools.length
          ]
        ),
        [false, false, true, false].map((nudged): ReadonlyArray<unknown> => [nudged, "auto", 1])
      )
      const stored = yield* Effect.flatMap(ContextStore.ContextStore, (store) => store.read(session))
      assert.deepStrictEqual(
        stored.messages.map(({ role }) => role),
        ["user", "assistant", "tool", "user", "assistant", "tool", "assistant"]
      )
    }).pipe(Effect.provide(world([[call("1", "look")], [], [call("2", "look")], [text("done")]])))
  )

  it.effect.each([
    ["nothing", []],
    ["empty text", [text()]],
    ["reasoning only", [reasoning("Hm.")]]
  ] as const)("TURN-4 AM-06 after a nudge %s is EmptyAnswer", ([, steps]) =>
    Effect.gen(function* () {
      const { exit, lines } = yield* Trace.exit(Agent.stream(agent, "go", { session }))
      const turns = lines.filter((line) => !line.startsWith("Reasoning"))
      assert.deepStrictEqual(turns, ["RunStart", "TurnStart", "TurnEnd", "TurnStart", "TurnEnd", "RunEnd:error"])
      assert.deepStrictEqual(cause(exit), new EmptyAnswer({ cause: "empty", turn: 2 }))
    }).pipe(Effect.provide(world([steps, steps])))
  )

  it.effect("RUN-7 is paid for and not stored", () =>
    Effect.gen(function* () {
      const store = yield* ContextStore.ContextStore
      const result = yield* Agent.run(agent, "go", { session })
      const entries = yield* store.entries(session)
      const once = Usage.make({ input: 10, output: 5 })
      assert.deepStrictEqual(
        entries.map((entry) =>
          entry._tag === "Message" ? entry.message : entry._tag === "Usage" ? entry.usage : entry
        ),
        [Message.user("go"), once, nudge, Message.assistant("done"), once]
      )
      assert.deepStrictEqual(result.usage, [once, once].reduce(Usage.sum, Usage.zero))
      assert.deepStrictEqual(result.messages, [Message.user("go"), nudge, Message.assistant("done")])
    }).pipe(Effect.provide(world([[], [text("done")]])))
  )

  it.effect("TURN-4 a later silence is nudged again", () =>
    Effect.gen(function* () {
      const { messages, output } = yield* Agent.run(agent, "go")
      assert.deepStrictEqual([output, messages.filter(isNudge).length], ["done", 2])
    }).pipe(Effect.provide(world([[], [call("1", "look")], [], [text("done")]])))
  )

  it.effect("AM-07 cut by the length limit is EmptyAnswer at once", () =>
    Effect.gen(function* () {
      const { exit, lines } = yield* Trace.exit(Agent.stream(agent, "go"))
      assert.deepStrictEqual(lines, ["RunStart", "TurnStart", "Reasoning:Hm", "TurnEnd", "RunEnd:error"])
      assert.deepStrictEqual(cause(exit), new EmptyAnswer({ cause: "length", turn: 1 }))
    }).pipe(Effect.provide(world([[reasoning("Hm"), finish("length")]])))
  )

  it.effect("AM-07 an answer cut by the length limit is accepted as such", () =>
    Effect.gen(function* () {
      const { output, reason } = yield* Agent.run(agent, "go")
      assert.deepStrictEqual([output, reason], ["half of it", "length"])
    }).pipe(Effect.provide(world([[text("half of it"), finish("length")]])))
  )

  it.effect("of a content filter is no silence, nor is a pause", () =>
    Effect.gen(function* () {
      const { lines } = yield* Trace.exit(Agent.stream(agent, "go", { session }))
      assert.deepStrictEqual(lines, [
        ...["RunStart", "TurnStart", "TurnEnd", "TurnStart", "TurnEnd", "RunEnd:content-filter"]
      ])
      const { messages } = yield* Effect.flatMap(ContextStore.ContextStore, (store) => store.read(session))
      assert.deepStrictEqual(messages, [Message.user("go")])
    }).pipe(Effect.provide(world([[finish("pause")], [finish("content-filter")]])))
  )

  it.effect("TURN-3 of a pause is taken up by the next request, reasoning and all", () =>
    Effect.gen(function* () {
      const result = yield* Agent.run(agent, "go", { session })
      const requests = yield* ScriptedTransport.requests
      assert.deepStrictEqual(
        requests.map(({ messages }) => messages.at(-1)?.parts.map(({ type }) => type)),
        [["text"], ["reasoning"]]
      )
      assert.strictEqual(result.output, "done")
    }).pipe(Effect.provide(world([[reasoning("Hm."), finish("pause")], [text("done")]])))
  )
})

describe("A repetition", () => {
  const passage = "All work and no play makes Jack a dull boy. "
  const loop = passage.repeat(100)
  const mark = "\n[Output cut: it repeated itself]"

  it.effect("TURN-4 is cut, and the connection with it", () =>
    Effect.gen(function* () {
      const careful = Agent.make("a", { cutRepetition: true })
      const { events, lines } = yield* Trace.exit(Agent.stream(careful, "go", { session }))
      const kept = loop.slice(0, 600)
      assert.deepStrictEqual(lines, ["RunStart", "TurnStart", `Text:${kept}`, "TurnEnd", "RunEnd:completed"])
      const end = events.at(-1)
      assert.strictEqual(end?._tag === "RunEnd" ? end.output : "", kept + mark)
      const { messages } = yield* Effect.flatMap(ContextStore.ContextStore, (store) => store.read(session))
      const cut = { axonal: { cut: true } }
      assert.deepStrictEqual(messages[1], Message.assistant([{ ...Part.text(kept + mark), meta: cut }]))
      assert.strictEqual(yield* ScriptedTransport.openConnections, 0)
    }).pipe(Effect.provide(world([[text(loop), gate(Effect.never)]], { deltaLength: 10 })))
  )

  it.effect("RUN-7 the tokens of a cut answer are estimated, not unknown", () =>
    Effect.gen(function* () {
      const { usage } = yield* Agent.run(Agent.make("a", { cutRepetition: true }), "go")
      assert.isTrue(usage.estimated)
      assert.isAbove(Usage.totalTokens(usage) ?? 0, 100)
    }).pipe(Effect.provide(world([[text(loop)]], { deltaLength: 10 })))
  )

  it.effect("TURN-4 is left alone unless asked for", () =>
    Effect.gen(function* () {
      const { output } = yield* Agent.run(Agent.make("a"), "go")
      assert.strictEqual(output, loop)
    }).pipe(Effect.provide(world([[text(loop)]], { deltaLength: 10 })))
  )

  it.effect("TURN-4 a long text that only resembles itself is kept", () =>
    Effect.gen(function* () {
      const list = Array.from({ length: 400 }, (_, index) => `- item ${index} of the list\n`).join("")
      const agent = Agent.make("a", { cutRepetition: true })
      const scripted = Effect.provide(world([[text(list)]], { deltaLength: 7 }))
      assert.strictEqual((yield* scripted(Agent.run(agent, "go"))).output, list)
    })
  )

  it("TURN-4 is found by the end of the text, at a cost linear in it", () => {
    /** How many characters are read until a passage of so many characters is found. */
    const found = (length: number, prefix = 0) => {
      const detector = Repetition.make()
      const unlike = Array.from({ length: prefix }, (_, index) => String.fromCharCode(0x4e00 + index)).join("")
      const passage = Array.from({ length }, (_, index) => String.fromCharCode(0x3400 + index)).join("")
      let most = 0
      for (const [index, char] of [...(unlike + passage.repeat(6000 / length + 1)).slice(0, prefix + 6000)].entries()) {
        if (Repetition.push(detector, char)) return { at: index + 1, most }
        most = Math.max(most, detector.tail.length)
      }
      return { at: undefined, most }
    }
    const cases = [found(1), found(150), found(151), found(150, 5000)]
    assert.deepStrictEqual(
      cases.map(({ at }) => at),
      [600, 600, undefined, 5600]
    )
    // What is kept and compared is bounded, whatever went before.
    assert.isBelow(Math.max(...cases.map(({ most }) => most)), 800)
  })
})
