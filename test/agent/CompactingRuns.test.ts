/** Compaction in all shapes of runs: whatever happens around it, the conversation goes on whole. */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Agent from "../../src/agent/Agent.ts"
import type { Limits } from "../../src/agent/Limits.ts"
import * as Compaction from "../../src/context/Compaction.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import * as Repair from "../../src/context/Repair.ts"
import * as Trimming from "../../src/context/Trimming.ts"
import type { AgentEvent } from "../../src/domain/AgentEvent.ts"
import { SessionId } from "../../src/domain/Ids.ts"
import * as Message from "../../src/domain/Message.ts"
import * as Usage from "../../src/domain/Usage.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import * as Transport from "../../src/transport/Transport.ts"
import { interruptedAt } from "../support/interruption.ts"
import { world } from "../support/runs.ts"

const { call, error, text, usage } = ScriptedTransport
const session = SessionId.make("session")
const look = Agent.tool("look", { parameters: {}, success: Schema.String }, () => Effect.succeed("word ".repeat(300)))
const agent = Agent.make("guide", { tools: [look], retries: 0 })
const long = "word ".repeat(300)
const costs = [{ model: "small", usage: Usage.make({ input: 900, output: 10 }) }]
const full = usage({ input: 1500, output: 5 })
const store = ContextStore.ContextStore

const summing = (options: Compaction.Options = {}) => {
  let made = 0
  const summarise = () => Effect.sync(() => ({ text: `summary ${++made}`, costs }))
  return Compaction.layer({ maxTokens: 1000, keepRecent: 1, summarise, ...options })
}

/** Runs an input in the session, and answers what happened as `Compacted:reason` and the like, and how it ended. */
const say = (input: Message.Input, of: Agent.Agent = agent, options: Parameters<typeof Agent.run>[2] = {}) =>
  Effect.gen(function* () {
    const events: Array<AgentEvent> = []
    const onEvents = (batch: ReadonlyArray<AgentEvent>) => events.push(...batch)
    const exit = yield* Effect.either(Agent.run(of, input, { session, ...options, onEvents }))
    const told = events.flatMap((event) =>
      event._tag === "Compacted" || event._tag === "CompactionFailed" ? [`${event._tag}:${event.reason}`] : []
    )
    const end = events.at(-1)
    return { told, events, exit, reason: end?._tag === "RunEnd" ? end.reason : undefined }
  })

const kinds = Effect.flatMap(store, ({ entries }) =>
  Effect.map(entries(session), (log) => log.map(({ _tag }) => _tag).join(" "))
)
const lastRequest = Effect.map(ScriptedTransport.requests, (all) => all.at(-1)?.messages ?? [])
const shown = (messages: ReadonlyArray<Message.Message>) =>
  messages.map(
    ({ parts, role }) => `${role}: ${parts.map((part) => ("text" in part ? part.text : part.type)).join("|")}`
  )

describe("Compacting", () => {
  describe("what is shown counts", () => {
    const view = (options: Trimming.ViewOptions) => Trimming.layerView({ count: "characters", ...options })
    const little = usage({ input: 100, output: 5 })

    it.effect("a long message that the view cuts fills no window", () =>
      Effect.gen(function* () {
        yield* say("hello")
        assert.deepStrictEqual((yield* say("big ".repeat(20_000))).told, [])
        assert.deepStrictEqual((yield* say("and now?")).told, [])
      }).pipe(Effect.provide([world(() => [text("well"), little]), summing(), view({ maxMessageTokens: 50 })]))
    )

    it.effect("calls that the view leaves out fill no window", () =>
      Effect.gen(function* () {
        yield* say("look")
        assert.deepStrictEqual((yield* say("and now?")).told, [])
        assert.deepStrictEqual(shown(yield* lastRequest), ["user: look", "assistant: seen", "user: and now?"])
      }).pipe(
        Effect.provide([
          world([
            [call("1", "look"), little],
            [text("seen"), full],
            [text("end"), little]
          ]),
          summing(),
          view({ toolCalls: { keepRuns: 0 } })
        ])
      )
    )
  })

  describe("a refusal", () => {
    /** A vendor that takes so many characters. */
    const taking =
      (most: number, answer: ScriptedTransport.Turn): ScriptedTransport.Script =>
      (request, index) =>
        JSON.stringify(request.messages).length > most
          ? [error("ContextOverflow")]
          : typeof answer === "function"
            ? answer(request, index)
            : answer

    it.effect("TR-22 of what is recent for the most part compacts that, too", () => {
      const huge = Agent.tool("huge", { parameters: {}, success: Schema.String }, () =>
        Effect.succeed("h".repeat(20_000))
      )
      const script = taking(12_000, (_, index) => (index === 2 ? [call("1", "huge")] : [text("well")]))
      return Effect.gen(function* () {
        const reader = Agent.make("reader", { tools: [huge], retries: 0 })
        yield* say(long)
        yield* say(long)
        const { reason, told } = yield* say("read", reader)
        assert.deepStrictEqual([told, reason], [["Compacted:overflow"], "completed"])
        assert.match(shown(yield* lastRequest).join("\n"), /^user: This is a summary.*summary 1.*\|read$/s)
      }).pipe(Effect.provide([world(script), summing({ maxTokens: 100_000, keepRecent: 3 })]))
    })

    it.effect("TR-22 of the newest message alone fails typed, and a shorter one works again", () =>
      Effect.gen(function* () {
        yield* say(long)
        const failed = yield* say("x".repeat(20_000))
        assert.strictEqual(failed.reason, "error")
        // It is told by its name, and the conversation is as short as it gets.
        assert.match(failed.exit._tag === "Left" ? failed.exit.left.message : "", /ContextOverflow/)
        const again = yield* say("x".repeat(20_000))
        assert.strictEqual(again.reason, "error")
        const { position } = yield* (yield* store).read(session)
        assert.isAbove(position, 0)
        // Going back to before the long message is the way out.
        const log = yield* (yield* store).entries(session)
        const answer = log.find((entry) => entry._tag === "Message" && entry.message.role === "assistant")
        yield* (yield* store).rewind(session, answer?.id ?? assert.fail("no answer"))
        assert.strictEqual((yield* say("short")).reason, "completed")
      }).pipe(Effect.provide([world(taking(12_000, [text("well")])), summing({ maxTokens: 100_000 })]))
    )

    it.effect("after an answer that was begun anew is compacted as well", () =>
      Effect.gen(function* () {
        yield* say(long)
        const restarting = Agent.make("guide", { retries: 0, restarts: 1 })
        const fiber = yield* Effect.fork(say("go", restarting))
        const { reason, told } = yield* Effect.zipRight(Effect.yieldNow(), Fiber.join(fiber))
        assert.deepStrictEqual([told, reason], [["Compacted:overflow"], "completed"])
        assert.strictEqual(yield* kinds, "Message Message Usage Message Usage Compaction Message Usage Usage")
      }).pipe(
        Effect.provide([
          world([
            [text("one")],
            [text("half", error({ _tag: "Overloaded", message: "busy", retryAfterMillis: 0 }))],
            [error("ContextOverflow")],
            [text("two")]
          ]),
          summing({ maxTokens: 100_000 })
        ])
      )
    )
  })

  describe("limits", () => {
    const dear = (limits: Limits) => Agent.make("guide", { tools: [look], limits })

    it.effect("RUN-6 RUN-7 what a summary cost is noticed before the next turn", () =>
      Effect.gen(function* () {
        yield* say(long)
        const { exit, reason } = yield* say("go", dear({ inputTokens: 900 }))
        assert.deepStrictEqual([reason, exit._tag === "Right" ? exit.right.turns : 0], ["limit", 2])
        const failed = yield* say(long, dear({ inputTokens: 900, onLimit: "fail" }))
        assert.strictEqual(failed.exit._tag === "Left" ? failed.exit.left._tag : "", "LimitExceeded")
      }).pipe(
        Effect.provide([
          world([
            [text("one"), full],
            [call("1", "look"), usage({ input: 10, output: 5 })],
            [text("that is all"), full],
            [call("2", "look"), usage({ input: 10, output: 5 })]
          ]),
          summing()
        ])
      )
    )

    it.effect("the last turn of a limit is compacted like any other", () =>
      Effect.gen(function* () {
        const { exit, told } = yield* say(long, dear({ turns: 1 }))
        assert.deepStrictEqual(
          [told, exit._tag === "Right" ? exit.right.output : ""],
          [["Compacted:threshold"], "done"]
        )
        const [, last] = yield* ScriptedTransport.requests
        assert.strictEqual(last?.toolChoice, "none")
      }).pipe(
        Effect.provide([
          world([[call("1", "look"), call("2", "look"), full], [text("done")]]),
          summing({ keepRecent: 0 })
        ])
      )
    )
  })

  describe("cancelled", () => {
    const stuck = (at: Deferred.Deferred<void>) =>
      summing({ summarise: () => Effect.zipRight(Deferred.succeed(at, undefined), Effect.never) })

    it.effect("RUN-3 by a reader that is gone, a summary ends and the next run works", () =>
      Effect.gen(function* () {
        const at = yield* Deferred.make<void>()
        yield* say(long)
        const reading = Stream.runDrain(Agent.stream(agent, "go", { session }))
        const reader = yield* Effect.fork(Effect.provide(reading, stuck(at)))
        yield* Deferred.await(at)
        yield* Fiber.interrupt(reader)
        assert.strictEqual(yield* kinds, "Message Message Usage Message")
        const { reason, told } = yield* say("again")
        assert.deepStrictEqual([told, reason], [["Compacted:threshold"], "completed"])
      }).pipe(Effect.provide(world([[text("one"), full], [text("two")]])), Effect.provide(summing()))
    )

    it.effect("AA-06 by a stop, a summary ends and the run with it", () =>
      Effect.gen(function* () {
        const at = yield* Deferred.make<void>()
        yield* say(long)
        const stopSignal = Deferred.await(at)
        const { reason } = yield* say("go", agent, { stopSignal }).pipe(Effect.provide(stuck(at)))
        assert.strictEqual(reason, "stopped")
        assert.strictEqual(yield* kinds, "Message Message Usage Message")
      }).pipe(Effect.provide(world([[text("one"), full]])))
    )

    it.live("RUN-3 RUN-7 HIST-3 anywhere, the session is whole, its ledger true, and the next run works", () =>
      Effect.gen(function* () {
        const { entries, read } = yield* store
        for (let at = 1, was = true; was; at++) {
          const id = SessionId.make(`session ${at}`)
          const scripted = ScriptedTransport.make([
            [text("one"), full],
            [call("1", "look"), full],
            [error("ContextOverflow")],
            [text("two")]
          ])
          const by = Effect.provideService(Transport.Transport, scripted.transport)
          const events: Array<AgentEvent> = []
          yield* by(Agent.run(agent, long, { session: id }))
          const before = (yield* entries(id)).length
          was = yield* interruptedAt(
            at,
            by(Agent.run(agent, "go", { session: id, onEvents: (batch) => events.push(...batch) }))
          )
          const { messages } = yield* read(id)
          assert.strictEqual(Repair.repair(messages), messages)
          const log = (yield* entries(id)).slice(before)
          const paid = log.flatMap((entry) => (entry._tag === "Usage" ? [entry.usage] : []))
          const end = events.at(-1)
          if (end?._tag === "RunEnd") assert.deepStrictEqual(paid.reduce(Usage.sum, Usage.zero), end.usage)
          const compactions = log.filter(({ _tag }) => _tag === "Compaction").length
          const summaries = log.filter((entry) => entry._tag === "Usage" && entry.purpose === "compaction").length
          assert.strictEqual(summaries, compactions)
          if (!was) assert.strictEqual(compactions, 2)
          const next = ScriptedTransport.make([[text("three")]])
          const { output } = yield* Agent.run(agent, "again", { session: id, onBusy: "fail" }).pipe(
            Effect.provideService(Transport.Transport, next.transport)
          )
          assert.strictEqual(output, "three")
          assert.isAbove(at, 0)
        }
      }).pipe(Effect.provide([ContextStore.layerMemory, summing()]))
    )
  })

  describe("a session", () => {
    it.effect("of tool turns only keeps the user's words and goes on", () =>
      Effect.gen(function* () {
        const { reason, told } = yield* say("find it")
        assert.strictEqual(reason, "completed")
        assert.isAtLeast(told.length, 2)
        for (const { messages } of yield* ScriptedTransport.requests) {
          assert.strictEqual(Repair.repair(messages), messages)
          assert.include(shown(messages)[0], "find it")
        }
      }).pipe(
        Effect.provide([
          world((_, index) =>
            index === 8
              ? [text("found")]
              : [call("a", "look"), call("b", "look"), usage({ input: 700 * (1 + (index % 3)), output: 5 })]
          ),
          summing({ keepRecent: 0 })
        ])
      )
    )

    it.effect("TR-23 goes on with the next message after a compaction, and the one after that", () =>
      Effect.gen(function* () {
        yield* say(long)
        assert.deepStrictEqual((yield* say("second")).told, ["Compacted:threshold"])
        const { events, reason } = yield* say("third")
        assert.strictEqual(reason, "completed")
        assert.isTrue(events.some((event) => event._tag === "ToolEnd" && event.outcome === "ok"))
        const sent = yield* lastRequest
        assert.deepStrictEqual(shown(sent).slice(1), [
          "assistant: two",
          "user: third",
          "assistant: tool-call",
          "tool: tool-result"
        ])
      }).pipe(
        Effect.provide([world([[text("one"), full], [text("two")], [call("1", "look")], [text("three")]]), summing()])
      )
    )

    it.effect("of two models is compacted by the window of the one that is asked", () => {
      const models = (contextWindow: number | undefined) =>
        ScriptedTransport.layer([[text("well"), full]], { model: { id: `of ${contextWindow}`, contextWindow } })
      const share = summing({ at: 0.5, maxTokens: undefined })
      const as = (contextWindow: number | undefined) => say("go", agent).pipe(Effect.provide(models(contextWindow)))
      return Effect.gen(function* () {
        yield* say(long).pipe(Effect.provide(models(200_000)))
        assert.deepStrictEqual((yield* as(200_000)).told, [])
        // One that does not say how much it takes counts as one of 128,000 tokens.
        assert.deepStrictEqual((yield* as(undefined)).told, [])
        assert.deepStrictEqual((yield* as(2000)).told, ["Compacted:threshold"])
      }).pipe(Effect.provide([ContextStore.layerMemory, share]))
    })

    it.effect("that is all recent is left alone, however full", () =>
      Effect.gen(function* () {
        yield* say(long)
        assert.deepStrictEqual((yield* say("go")).told, [])
      }).pipe(Effect.provide([world(() => [text("well"), full]), summing({ keepRecent: 1e9 })]))
    )

    it.effect("AX-34 is as it was when its fork is compacted, and both go on", () =>
      Effect.gen(function* () {
        const { entries, fork, read } = yield* store
        yield* say(long)
        const before = [yield* read(session), yield* entries(session)]
        const child = yield* fork(session)
        const forked = yield* say("in the fork", agent, { session: child })
        assert.deepStrictEqual(forked.told, ["Compacted:threshold"])
        assert.deepStrictEqual([yield* read(session), yield* entries(session)], before)
        assert.deepStrictEqual((yield* say("here")).told, ["Compacted:threshold"])
        assert.match(shown((yield* read(child)).messages)[0] ?? "", /summary 1.*in the fork$/s)
        assert.match(shown((yield* read(session)).messages)[0] ?? "", /summary 2.*here$/s)
      }).pipe(Effect.provide([world([[text("one"), full], [text("two")], [text("three")]]), summing()]))
    )

    it.effect("that goes back to before a compaction has its messages again, and is measured anew", () =>
      Effect.gen(function* () {
        const { entries, read, rewind } = yield* store
        yield* say(long)
        yield* say("second")
        const answer = (yield* entries(session)).filter(({ _tag }) => _tag === "Message")[1]
        yield* rewind(session, answer?.id ?? assert.fail("no answer"))
        assert.deepStrictEqual(shown((yield* read(session)).messages), [`user: ${long}`, "assistant: one"])
        assert.strictEqual((yield* say("another way")).reason, "completed")
      }).pipe(Effect.provide([world([[text("one"), full], [text("two")], [text("three")]]), summing()]))
    )

    it.effect("AA-15 keeps the texts of the system that are in its log", () =>
      Effect.gen(function* () {
        yield* say([Message.system("Never swear."), Message.user(long)])
        yield* say([Message.user("second"), Message.system("Rhyme."), Message.user(long)])
        yield* say("third")
        const sent = shown(yield* lastRequest)
        assert.deepStrictEqual(sent.slice(0, 2), ["system: Never swear.", "system: Rhyme."])
        assert.match(sent[2] ?? "", /summary 2.*third$/s)
      }).pipe(Effect.provide([world(() => [text("well"), full]), summing()]))
    )
  })

  it.effect("AM-21 instructions that change are the one text of the system, and older ones are gone", () =>
    Effect.gen(function* () {
      const told = (instructions: string) => Agent.make("guide", { instructions })
      yield* say("one", told("Be brief."))
      yield* say("two", told("Be kind."))
      yield* (yield* store).clear(session)
      yield* say("three", told("Be kind."))
      const requests = yield* ScriptedTransport.requests
      assert.deepStrictEqual(
        requests.map(({ messages }) => shown(messages.filter(({ role }) => role === "system"))),
        [["system: Be brief."], ["system: Be kind."], ["system: Be kind."]]
      )
      const roles = requests.map(({ messages }) => messages.map(({ role }) => role).join(" "))
      assert.deepStrictEqual(roles, ["system user", "system user assistant user", "system user"])
      // They are the agent's, and no part of what a session keeps.
      const log = yield* (yield* store).entries(session)
      assert.isFalse(log.some((entry) => entry._tag === "Message" && entry.message.role === "system"))
    }).pipe(Effect.provide(world(() => [text("well")])))
  )
})
