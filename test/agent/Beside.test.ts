import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Agent from "../../src/agent/Agent.ts"
import * as Artifacts from "../../src/context/Artifacts.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import * as Trimming from "../../src/context/Trimming.ts"
import type { Stored } from "../../src/domain/Entry.ts"
import { SessionId } from "../../src/domain/Ids.ts"
import * as Message from "../../src/domain/Message.ts"
import * as Approval from "../../src/guard/Approval.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { sentResults, world } from "../support/runs.ts"

const { call, text } = ScriptedTransport
const session = SessionId.make("session")
const entriesOf = Effect.flatMap(ContextStore.ContextStore, (store) => store.entries(session))
const lines = Array.from({ length: 20_000 }, (_, index) => `line ${index}`).join("\n")

const dump = Agent.tool("dump", { parameters: {}, success: Schema.String }, () => Effect.succeed(lines))
const wipe = Agent.tool("wipe", { parameters: { disk: Schema.String }, needsApproval: true }, () =>
  Effect.succeed("done")
)

/** The kinds of entries by the append that wrote them. */
const recording = (appends: Array<string>) =>
  Layer.effect(
    ContextStore.ContextStore,
    Effect.map(ContextStore.ContextStore, (store) => ({
      ...store,
      append: (
        id: SessionId,
        entries: ReadonlyArray<Stored & { _tag: Exclude<Stored["_tag"], "Unreadable"> }>,
        options
      ) => {
        appends.push(entries.map(({ _tag }) => _tag).join(" "))
        return store.append(id, entries, options)
      }
    }))
  )

describe("Beside the conversation", () => {
  it.effect("TR-13 CALL-9 decisions are committed in one append with the results", () => {
    const appends: Array<string> = []
    const answers = ["a", "b"]
    return Effect.gen(function* () {
      yield* Agent.run(Agent.make("agent", { tools: [wipe], toolConcurrency: 1 }), "go", { session })
      assert.deepStrictEqual(appends, ["Message", "Message Usage", "Decision Decision Message", "Message Usage"])
      const decisions = (yield* entriesOf).flatMap((entry) =>
        entry._tag === "Decision" ? [[entry.tool, entry.approved, entry.reason, entry.turn]] : []
      )
      assert.deepStrictEqual(decisions, [
        ["wipe", true, undefined, 1],
        ["wipe", false, "not b", 1]
      ])
    }).pipe(
      Effect.provide(
        Layer.succeed(Approval.Approval, {
          ask: () =>
            Effect.sync(() => (answers.shift() === "a" ? { approved: true } : { approved: false, reason: "not b" }))
        })
      ),
      Effect.provide(
        Layer.provideMerge(
          recording(appends),
          world([[call("1", "wipe", { disk: "a" }), call("2", "wipe", { disk: "b" })], [text("ok")]])
        )
      )
    )
  })

  describe("artifacts", () => {
    const agent = Agent.make("reader", { tools: [dump] })
    const script: ScriptedTransport.Script = [
      [call("1", "dump")],
      (request) => {
        const [, id = ""] = /id "(artifact\/[^"]+)"/.exec(sentResults(request).join()) ?? []
        return [
          call("2", Artifacts.toolName, { id, search: "line 15000" }),
          call("3", Artifacts.toolName, { id, offset: 100_000, length: 100 }),
          call("4", Artifacts.toolName, { id: "artifact/none" })
        ]
      },
      [text("done")]
    ]

    it.effect("CALL-6 a long result is kept whole beside the conversation, and read there", () =>
      Effect.gen(function* () {
        yield* Agent.run(agent, "go", { session })
        const [, second, third] = yield* ScriptedTransport.requests
        const [shown = ""] = sentResults(second)
        assert.isBelow(shown.length, 8000)
        const [found, page, unknown] = sentResults(third)
        assert.match(String(found), /^ok: .*line 15000/s)
        assert.include(page, lines.slice(100_000, 100_100))
        assert.match(String(unknown), /^failed: There is no artifact/)
        const kept = (yield* entriesOf).filter((entry) => entry._tag === "Artifact")
        assert.deepStrictEqual(
          kept.map((entry) => [entry.tool, entry.turn, entry.text === lines]),
          [["dump", 1, true]]
        )
      }).pipe(Effect.provide([world(script), Artifacts.layer()]))
    )

    it.effect("without the layer a long result is cut, and nothing offers to read it", () =>
      Effect.gen(function* () {
        yield* Agent.run(agent, "go", { session })
        const [first, second] = yield* ScriptedTransport.requests
        assert.deepStrictEqual(
          first?.tools.map(({ name }) => name),
          ["dump"]
        )
        assert.isBelow(sentResults(second).join().length, 34_000)
        assert.notInclude(
          (yield* entriesOf).map(({ _tag }) => _tag),
          "Artifact"
        )
      }).pipe(Effect.provide(world([[call("1", "dump")], [text("done")]])))
    )
  })

  describe("views", () => {
    const agent = Agent.make("teller", { tools: [dump] })
    const view = Trimming.layerView({ maxMessageTokens: 50, count: "characters", toolCalls: { keepRuns: 0 } })

    it.effect("AA-14 AA-17 the model is shown less, the log has all, and a run keeps its prefix", () =>
      Effect.gen(function* () {
        const tale = "once upon a time ".repeat(40)
        yield* Agent.run(agent, tale, { session })
        yield* Agent.run(agent, "and then?", { session })
        const requests = yield* ScriptedTransport.requests
        const shown = requests.map(({ messages }) => messages.map(Message.toText))
        assert.isTrue(
          requests.every(({ messages }) => messages.every((message) => Message.toText(message).length < 500))
        )
        // TURN-2 within the run.
        assert.deepStrictEqual(shown[1]?.slice(0, 1), shown[0])
        const kinds = requests[2]?.messages.flatMap(({ parts }) => parts.map(({ type }) => type))
        assert.deepStrictEqual(kinds, ["text", "text", "text"])
        const said = (yield* entriesOf).flatMap((entry) =>
          entry._tag === "Message" ? [Message.toText(entry.message)] : []
        )
        assert.strictEqual(said[0], tale)
      }).pipe(Effect.provide([world([[call("1", "dump")], [text("ever after")], [text("end")]]), view]))
    )
  })
})
