import { assert, describe, it } from "@effect/vitest"
import * as Figures from "axonal/cli/assistant/figures"
import { ContextStore } from "axonal/context/ContextStore"
import * as TokenCounter from "axonal/context/TokenCounter"
import type { AgentEvent } from "axonal/domain/AgentEvent"
import { CallId, RunId, SessionId } from "axonal/domain/Ids"
import * as Message from "axonal/domain/Message"
import * as Usage from "axonal/domain/Usage"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { exchange, talk } from "../sessionSupport.ts"
import { open, plan } from "./commandsSupport.ts"

const base = { run: RunId.make("r"), turn: 1, sequence: 0, agent: "axonal" }
const below = { ...base, agent: "explore", path: [{ agent: "explore", run: RunId.make("r"), call: CallId.make("c1") }] }
const used = (input: number, output: number) => Usage.make({ input, output, costUsd: 0.01 })
const call = (name: string, id: string) => ({ call: CallId.make(id), name, input: {} })
const turnEnd = (usage: Usage.Usage, of: typeof base = base): AgentEvent => ({
  ...{ _tag: "TurnEnd", ...of, reason: "stop", usage, messages: [] }
})
const runEnd = (usage: Usage.Usage, of: typeof base = base): AgentEvent => ({
  ...{ _tag: "RunEnd", ...of, reason: "completed", output: "", usage, endedAtMillis: 0 }
})

/** Figures of a conversation that is told these events, and what it says it is doing. */
const figured = Effect.map(open(), (world) => {
  const figures = Figures.make(world.conversation, () => 1000)
  const { tell } = world.conversation
  const events = (...all: ReadonlyArray<AgentEvent>) => tell({ _tag: "Events", events: all })
  const doing = (...all: ReadonlyArray<AgentEvent>) => {
    events(...all)
    return figures.get().work?.doing
  }
  return { ...world, figures, tell, events, doing }
})

describe("figures", () => {
  it.scoped("what it does is told in a word or two", () =>
    Effect.gen(function* () {
      const { doing, figures, tell } = yield* figured
      assert.isUndefined(figures.get().work)
      tell({ _tag: "Said", input: "go" })
      assert.deepStrictEqual(figures.get().work, { sinceMillis: 1000, turn: 0, doing: "asking the model" })
      assert.deepStrictEqual(
        [
          doing({ _tag: "RunStart", ...base, turn: 0, session: plan, input: [Message.user("go")] }),
          doing(
            { _tag: "TurnStart", ...base, model: "m", input: [] },
            { _tag: "ReasoningDelta", ...base, index: 0, delta: "" }
          ),
          doing({ _tag: "TextDelta", ...base, index: 0, delta: "" }),
          doing({ _tag: "ToolInputStart", ...base, ...call("grep", "c1") }),
          doing({ _tag: "ToolStart", ...base, ...call("subagent", "c1") }),
          doing({ _tag: "TextDelta", ...below, index: 0, delta: "" }),
          doing({ _tag: "ToolStart", ...base, ...call("shell", "c2") }),
          doing({ _tag: "ApprovalAsked", ...below, ...call("write_file", "c3"), reason: "it writes" }),
          doing({ _tag: "ApprovalDecided", ...below, ...call("write_file", "c3"), approved: true }),
          doing({ _tag: "ToolEnd", ...base, ...call("subagent", "c1"), outcome: "ok", content: [], durationMillis: 1 }),
          doing({ _tag: "ToolEnd", ...base, ...call("shell", "c2"), outcome: "ok", content: [], durationMillis: 1 }),
          doing({ _tag: "Retrying", ...base, attempt: 1, delayMillis: 2100, error: { tag: "x", message: "y" } })
        ],
        [
          ...["asking the model", "thinking", "writing", "grep", "subagent", "subagent", "subagent and 1 more"],
          ...["waiting for you", "subagent and 1 more", "shell", "asking the model", "again in 3 s"]
        ]
      )
      assert.strictEqual(figures.get().work?.turn, 1)
      tell({ _tag: "Settled", end: undefined })
      assert.isUndefined(figures.get().work)
      figures.close()
      tell({ _tag: "Said", input: "go" })
      assert.isUndefined(figures.get().work)
    })
  )

  it.scoped("nested runs count once, while they run and after", () =>
    Effect.gen(function* () {
      const { events, figures, tell } = yield* figured
      const spent = () => [figures.get().usage.inputTokens.total, figures.get().contextTokens]
      tell({ _tag: "Said", input: "go" })
      events(turnEnd(used(100, 10)))
      assert.deepStrictEqual(spent(), [100, 110])
      events(turnEnd(used(50, 5), below), runEnd(used(50, 5), below))
      assert.deepStrictEqual(spent(), [150, 110])
      events(turnEnd(used(200, 20)), runEnd(used(350, 35)))
      tell({ _tag: "Settled", end: undefined })
      assert.deepStrictEqual(spent(), [350, 220])
      // A run that did not come to its end has cost what its turns have.
      tell({ _tag: "Said", input: "go" })
      events(turnEnd(used(1, 1)))
      tell({ _tag: "Settled", end: undefined, problem: "broken" })
      assert.deepStrictEqual(spent(), [351, 2])
      events({ _tag: "Compacted", ...base, reason: "demand", messages: 3, tokensBefore: 220, tokensAfter: 40 })
      assert.deepStrictEqual(spent(), [351, 40])
    })
  )

  it.scoped("a session that goes on begins with what it has cost", () =>
    Effect.gen(function* () {
      const { conversation, figures, folder, within } = yield* figured
      yield* within(talk("plan", ["one", "two"], folder))
      const store = yield* within(ContextStore)
      yield* store.append(SessionId.make("plan/call"), exchange("below", "three"), { owner: folder, chat: "plan" })
      yield* figures.refresh
      const { contextTokens = 0, contextWindow, session, usage } = figures.get()
      assert.deepStrictEqual([usage.inputTokens.total, usage.outputTokens.total], [30, 6])
      assert.deepStrictEqual([contextWindow, session], [10_000, plan])
      assert.isAbove(contextTokens, 10)
      yield* conversation.switchTo(SessionId.make("other"))
      yield* figures.refresh
      assert.deepInclude(figures.get(), { contextTokens: undefined, session: SessionId.make("other") })
      assert.strictEqual(Usage.totalTokens(figures.get().usage), 0)
    })
  )

  it.scoped("what nobody has counted is estimated as a whole", () =>
    Effect.gen(function* () {
      const { conversation, within } = yield* open({ tools: "all" })
      const figures = Figures.make(conversation)
      const store = yield* within(ContextStore)
      const messages = [Message.user("hello")]
      yield* store.append(plan, exchange("plan", "hello").slice(0, 1))
      yield* figures.refresh
      // Instructions and tools are most of it.
      assert.isAbove(figures.get().contextTokens ?? 0, 1000 + TokenCounter.estimate({ messages }))
    })
  )

  it.scoped("what a run has stored while the figures are read counts once", () =>
    Effect.gen(function* () {
      const { events, figures, folder, tell, within } = yield* figured
      tell({ _tag: "Said", input: "go" })
      yield* within(talk("plan", ["one", "two"], folder))
      events(turnEnd(used(10, 2)))
      const reading = yield* Effect.fork(figures.refresh)
      yield* Effect.yieldNow()
      events(turnEnd(used(10, 2)), runEnd(used(20, 4)))
      tell({ _tag: "Settled", end: undefined })
      yield* Fiber.join(reading)
      assert.strictEqual(figures.get().usage.inputTokens.total, 20)
    })
  )

  it.scoped("words wait until they have joined", () =>
    Effect.gen(function* () {
      const { events, figures, tell } = yield* figured
      const waiting = () => figures.get().waiting.map(({ how, text }) => `${how} ${text}`)
      tell({ _tag: "Said", input: "go" })
      tell({ _tag: "Said", input: "and\nthis", how: "steer" })
      tell({ _tag: "Said", input: "later", how: "queue" })
      assert.deepStrictEqual(waiting(), ["steer and this", "queue later"])
      events({ _tag: "TurnStart", ...base, turn: 2, model: "m", input: [Message.user("and\nthis")] })
      assert.deepStrictEqual(waiting(), ["queue later"])
      // What a run did not come to joins the next.
      tell({ _tag: "Settled", end: undefined })
      assert.deepStrictEqual(waiting(), ["queue later"])
      events({ _tag: "RunStart", ...base, turn: 0, session: plan, input: [Message.user("later"), Message.user("x")] })
      assert.deepStrictEqual(waiting(), [])
    })
  )

  it.scoped("the knobs are told as they stand", () =>
    Effect.gen(function* () {
      const { figures, type } = yield* figured
      yield* type("/thinking high")
      yield* type("/plan")
      assert.deepInclude(figures.get(), { vendor: "offline", model: "offline", thinking: "high", permission: "plan" })
    })
  )
})
