import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Agent from "../../src/agent/Agent.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import type { AgentEvent } from "../../src/domain/AgentEvent.ts"
import { SessionId } from "../../src/domain/Ids.ts"
import * as Message from "../../src/domain/Message.ts"
import * as Part from "../../src/domain/Part.ts"
import * as Approval from "../../src/guard/Approval.ts"
import * as Chain from "../../src/pattern/Chain.ts"
import * as Runner from "../../src/pattern/Runner.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { world } from "../support/runs.ts"

const { call, roles, text } = ScriptedTransport

const drafter = Agent.make("drafter", { instructions: "You draft" })
const editor = Agent.make("editor", { instructions: "You edit" })
const counter = Runner.fromEffect("counter", (words: string) => Effect.succeed(words.length), { output: Schema.Number })

const script = () => roles({ "You draft": [[text("a draft")]], "You edit": [[text("an article")]] })

const wayOf = ({ agent, path = [] }: AgentEvent) => [...path.map(({ at }) => at), agent].join(" > ")

const said = (messages: ReadonlyArray<Message.Message>) =>
  messages.flatMap((message) => (message.role === "system" ? [] : [`${message.role}: ${Message.toText(message)}`]))

describe("Chain", () => {
  it.effect("AM-22 hands each output on, in histories of their own", () =>
    Effect.gen(function* () {
      const events: Array<AgentEvent> = []
      const chain = Chain.make("desk", [drafter, editor, counter])
      const session = SessionId.make("desk-1")
      const result = yield* Runner.run(chain, "On tea", { session, onEvents: (batch) => events.push(...batch) })
      assert.deepStrictEqual(
        [result.reason, result.output, result.answeredBy, result.usage.inputTokens.total],
        ["completed", 10, "counter", 20]
      )
      const requests = yield* ScriptedTransport.requests
      assert.deepStrictEqual(
        requests.map(({ messages }) => said(messages)),
        [["user: On tea"], ["user: a draft"]]
      )
      const store = yield* ContextStore.ContextStore
      const { sessions } = yield* store.list({ limit: 10 })
      assert.deepStrictEqual(sessions.map(({ id }) => id).sort(), ["desk-1", "desk-1/1/drafter", "desk-1/1/editor"])
      assert.deepStrictEqual(said((yield* store.read(SessionId.make("desk-1/1/editor"))).messages), [
        "user: a draft",
        "assistant: an article"
      ])
      assert.deepStrictEqual(
        [...new Set(events.map(wayOf))],
        ["desk", "drafter > drafter", "editor > editor", "counter > counter"]
      )
    }).pipe(Effect.provide(world(script())))
  )

  it.effect("gives images to its first link only", () =>
    Effect.gen(function* () {
      const image = Part.file("image/png", { url: "https://example.com/tea.png" })
      yield* Runner.run(Chain.make("desk", [drafter, editor]), [Part.text("On this"), image])
      const requests = yield* ScriptedTransport.requests
      assert.deepStrictEqual(
        requests.map(({ messages }) => messages.at(-1)?.parts.map(({ type }) => type)),
        [["text", "file"], ["text"]]
      )
    }).pipe(Effect.provide(world(script())))
  )

  it.effect("names the places of links of one name apart", () =>
    Effect.gen(function* () {
      const places = new Set<string | undefined>()
      const add = (more: string) => Runner.fromEffect("add", (words: string) => Effect.succeed(`${words}${more}`))
      const result = yield* Runner.run(Chain.make("adding", [add("b"), add("c"), add("d")]), "a", {
        onEvents: (events) => events.forEach(({ path }) => void places.add(path?.at(-1)?.at))
      })
      assert.deepStrictEqual([result.output, [...places]], ["abcd", [undefined, "add", "add-2", "add-3"]])
    }).pipe(Effect.provide(ContextStore.layerMemory))
  )

  it.effect("ends as its link ends, and does not begin the next", () =>
    Effect.gen(function* () {
      const limited = Agent.withLimits(drafter, { totalTokens: 1 })
      const look = Agent.tool("look", {}, () => Effect.succeed("seen"))
      const result = yield* Runner.run(Chain.make("desk", [Agent.withTools(limited, [look]), editor]), "On tea")
      assert.deepStrictEqual([result.reason, result.limit, result.output], ["limit", "totalTokens", undefined])
    }).pipe(Effect.provide(world(roles({ "You draft": [[call("1", "look")], [text("so far")]], "You edit": [] }))))
  )

  it.effect("TR-11 goes on at the link that waited", () =>
    Effect.gen(function* () {
      const ran: Array<string> = []
      const send = Agent.tool("send", { needsApproval: true }, () => Effect.sync(() => void ran.push("send")))
      const sender = Agent.make("sender", { instructions: "You send", tools: [send] })
      const chain = Chain.make("desk", [drafter, sender, editor])
      const first = yield* Runner.run(chain, "On tea")
      assert.deepStrictEqual(
        [first.reason, first.pending.map(({ path }) => path?.map(({ at }) => at)), ran],
        ["awaiting-approval", [["sender"]], []]
      )
      const decided = first.pending.map((question) => ({ call: question.call, approved: true }))
      const result = yield* Runner.resume(chain, first.session, decided)
      assert.deepStrictEqual([result.reason, result.output, ran], ["completed", "an article", ["send"]])
      assert.lengthOf(yield* ScriptedTransport.requests, 4)
    }).pipe(
      Effect.provide(
        Layer.merge(
          world(
            roles({
              "You draft": [[text("a draft")]],
              "You send": [[call("1", "send")], [text("sent")]],
              "You edit": [[text("an article")]]
            })
          ),
          Approval.layerSuspend
        )
      )
    )
  )

  it("without links throws, and says so", () => {
    const none: ReadonlyArray<typeof drafter> = []
    // What is not typed may be empty.
    assert.throws(() => Chain.make("none", none as never), TypeError, 'Chain "none" must have at least one runner')
  })
})
