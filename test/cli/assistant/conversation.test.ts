import { assert, describe, it } from "@effect/vitest"
import type { Assistant } from "axonal/cli/assistant/assistant"
import type { News } from "axonal/cli/assistant/conversation"
import * as Conversation from "axonal/cli/assistant/conversation"
import { nobody } from "axonal/cli/assistant/parts/person"
import type { AgentEvent } from "axonal/domain/AgentEvent"
import { RunId } from "axonal/domain/Ids"
import * as Message from "axonal/domain/Message"
import * as Usage from "axonal/domain/Usage"
import * as Approval from "axonal/guard/Approval"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import { open, plan } from "./commandsSupport.ts"

const base = { run: RunId.make("r"), turn: 1, sequence: 0, agent: "axonal" }
const begun: AgentEvent = { _tag: "RunStart", ...base, session: plan, input: [Message.user("go")] }
const ended: AgentEvent = {
  ...{ _tag: "RunEnd", ...base, reason: "completed", output: "", usage: Usage.zero, endedAtMillis: 0 }
}

/** A conversation whose runs are played: what they are told, and the events of the one that works. */
const played = Effect.gen(function* () {
  const { assistant } = (yield* open()).conversation
  const events = yield* Queue.unbounded<AgentEvent>()
  const gate = yield* Deferred.make<void>()
  const inputs: Array<string> = []
  const handle = {
    session: plan,
    events: Stream.takeUntil(Stream.fromQueue(events), ({ _tag }) => _tag === "RunEnd"),
    eventsFrom: () => Stream.empty,
    await: Effect.never,
    // It is kept a while after the run may have taken it.
    steer: (input: Message.Input) => {
      const turn: AgentEvent = { _tag: "TurnStart", ...base, model: "m", input: Message.fromInput(input) }
      return Effect.as(Effect.zipRight(Queue.offer(events, turn), turns), true)
    },
    followUp: () => Effect.succeed(false),
    stop: Effect.asVoid(Queue.offer(events, ended)),
    approvals: (yield* Approval.makeQueue).queue
  }
  const start: Assistant["start"] = (input) =>
    Effect.suspend(() => {
      inputs.push(Message.fromInput(input).map(Message.toText).join())
      return Effect.as(Effect.zipRight(Deferred.await(gate), Queue.offer(events, begun)), handle)
    })
  const approval = { ask: () => Effect.succeed({ approved: true }) }
  const conversation = yield* Conversation.make({ ...assistant, start }, { approval, respond: nobody }, plan)
  const told: Array<string> = []
  conversation.listen((news) => told.push(named(news)))
  return { conversation, gate, inputs, told }
})

const turns = Effect.repeatN(Effect.yieldNow(), 50)

const named = (news: News): string => {
  if (news._tag === "Events") return news.events.map(({ _tag }) => _tag).join()
  return news._tag === "Said" ? `Said ${news.how ?? "first"}` : news._tag
}

describe("conversation", () => {
  it.scoped("words are told before the turn that they join", () =>
    Effect.gen(function* () {
      const { conversation, gate, told } = yield* played
      yield* Deferred.succeed(gate, undefined)
      yield* conversation.say("go")
      yield* turns
      yield* conversation.say("and this")
      yield* conversation.stop
      assert.deepStrictEqual(told, ["Said first", "RunStart", "Said steer", "TurnStart", "RunEnd", "Settled"])
    })
  )

  it.scoped("a start can be stopped, and what was to go along goes with the next words", () =>
    Effect.gen(function* () {
      const { conversation, gate, inputs, told } = yield* played
      conversation.join("a note")
      const saying = yield* Effect.fork(conversation.say("go"))
      yield* turns
      assert.isTrue(conversation.isWorking())
      yield* conversation.stop
      yield* Fiber.join(saying)
      assert.isFalse(conversation.isWorking())
      assert.deepStrictEqual(told, ["Said first", "Settled"])
      yield* Deferred.succeed(gate, undefined)
      // A run that has come to no turn has not kept its words, as where another one has the session.
      yield* conversation.say("again")
      yield* conversation.stop
      yield* conversation.say("once more")
      yield* turns
      yield* conversation.say("and this")
      yield* conversation.stop
      yield* conversation.say("last")
      assert.deepStrictEqual(
        inputs.map((input) => input.includes("a note")),
        [true, true, true, false]
      )
    })
  )
})
