import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as AgentEvent from "../../src/domain/AgentEvent.ts"
import { RunId, SessionId } from "../../src/domain/Ids.ts"
import * as Message from "../../src/domain/Message.ts"

const start: AgentEvent.AgentEvent = {
  _tag: "RunStart",
  run: RunId.make("r"),
  turn: 0,
  sequence: 0,
  agent: "a",
  session: SessionId.make("s"),
  input: [Message.user("hi")]
}
const delta: AgentEvent.AgentEvent = {
  _tag: "TextDelta",
  run: RunId.make("r"),
  turn: 1,
  sequence: 1,
  agent: "a",
  index: 0,
  delta: "Hello"
}

describe("AgentEvent", () => {
  it("every event encodes to JSON and back", () => {
    const codec = Schema.parseJson(AgentEvent.AgentEvent)
    const encode = Schema.encodeSync(codec)
    const decode = Schema.decodeSync(codec)
    FastCheck.assert(
      FastCheck.property(Arbitrary.make(AgentEvent.AgentEvent), (event) => {
        // JSON has no `undefined`, so the second text is compared with the first.
        const once = encode(event)
        assert.strictEqual(encode(decode(once)), once)
        assert.strictEqual(decode(once)._tag, event._tag)
      }),
      { numRuns: 300 }
    )
  })

  it("match handles every event that the contract names, and no other", () => {
    const name = AgentEvent.match({
      RunStart: (event) => event.session,
      TurnStart: (event) => event.model,
      TextDelta: (event) => event.delta,
      ReasoningDelta: (event) => event.delta,
      ToolInputStart: (event) => event.name,
      ToolInputDelta: (event) => event.delta,
      ToolInputFieldStart: (event) => event.key,
      ToolInputFieldDelta: (event) => event.delta,
      ToolInputFieldEnd: (event) => event.key,
      OutputDelta: () => "partial",
      OutputRejected: (event) => event.description,
      ToolCall: (event) => event.name,
      ToolStart: (event) => event.name,
      ToolProgress: (event) => event.name,
      ToolEnd: (event) => event.outcome,
      RequestChanged: (event) => event.fields.join(","),
      GuardVerdict: (event) => event.verdict,
      MessageGuarded: (event) => event.direction,
      ApprovalAsked: (event) => event.reason,
      ApprovalDecided: (event) => event.name,
      FileOutput: (event) => event.file.mediaType,
      SourceOutput: (event) => event.source.type,
      Retrying: (event) => event.error.tag,
      TurnRestarted: (event) => event.error.tag,
      Compacted: () => "compacted",
      CompactionFailed: (event) => event.message,
      LimitWarning: (event) => event.limit,
      TurnEnd: (event) => event.reason,
      RunEnd: (event) => event.reason
    })
    assert.deepStrictEqual([name(start), name(delta)], ["s", "Hello"])
    assert.strictEqual(AgentEvent.AgentEvent.members.length, 29)
  })

  it.effect("matchPartial runs the handled tags and nothing else", () =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      yield* Stream.runForEach(
        Stream.make(start, delta),
        AgentEvent.matchPartial({ TextDelta: ({ delta }) => Effect.sync(() => seen.push(delta)) })
      )
      assert.deepStrictEqual(seen, ["Hello"])
    })
  )
})
