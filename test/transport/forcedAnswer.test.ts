import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import type { Delta } from "../../src/domain/Delta.ts"
import * as Message from "../../src/domain/Message.ts"
import type * as Part from "../../src/domain/Part.ts"
import type { ResponseFormat, ToolChoice, ToolSpec } from "../../src/domain/Request.ts"
import * as Usage from "../../src/domain/Usage.ts"
import type { Failure } from "../../src/transport/internal/failure.ts"
import * as ForcedAnswer from "../../src/transport/internal/forcedAnswer.ts"
import { request } from "../../src/transport/Transport.ts"
import * as Wire from "../support/wire.ts"

const schema = { type: "object" }
const json: ResponseFormat = { type: "json", schema }
const tool = (name: string): ToolSpec => ({ name, inputSchema: schema })
const answer: ToolSpec = { name: "answer", inputSchema: schema }

const asked = (
  tools: ReadonlyArray<ToolSpec>,
  toolChoice: ToolChoice = "auto",
  responseFormat: ResponseFormat = json
) => request({ messages: [Message.user("u")], tools, toolChoice, responseFormat })

/** The deltas of parts, in pieces of one character. */
const written = (parts: ReadonlyArray<Part.Part>): ReadonlyArray<Delta> =>
  parts.flatMap((part, index): ReadonlyArray<Delta> => {
    const text =
      part.type === "tool-call" ? part.input : part.type === "text" || part.type === "reasoning" ? part.text : ""
    const tag = part.type === "tool-call" ? "ToolInputDelta" : part.type === "text" ? "TextDelta" : "ReasoningDelta"
    const name = part.type === "tool-call" ? part.name : undefined
    return [
      { _tag: "PartStart", index, kind: part.type, name },
      ...[...text].map((delta): Delta => ({ _tag: tag, index, delta })),
      { _tag: "PartEnd", index, part }
    ]
  })

const finish: Delta = { _tag: "Finish", reason: "tool-calls", usage: Usage.unknown }

/** What becomes of deltas that are taken in portions, and of a failure after them. */
const unforced = (deltas: ReadonlyArray<Delta>, portion = 1, failure?: Failure): ReadonlyArray<Delta> => {
  let at = 0
  const decoder = ForcedAnswer.unforced(
    {
      get failure() {
        return at >= deltas.length ? failure : undefined
      },
      finished: false,
      started: true,
      push: () => {},
      end: () => {},
      take: () => {
        const taken = deltas.slice(at, at + portion)
        at += portion
        return taken
      }
    },
    answer
  )
  const out: Array<Delta> = []
  while (at < deltas.length) out.push(...decoder.take())
  assert.deepStrictEqual(Wire.disorder(out), [])
  return out
}

const call = (name: string, input: string): Part.ToolCall => ({ type: "tool-call", id: "c", name, input })
const text = (words: string): Part.Text => ({ type: "text", text: words })
const hm: Part.Reasoning = { type: "reasoning", text: "hm" }

describe("forcedAnswer", () => {
  it("asks with a tool of the form's name, unlike all others", () => {
    assert.strictEqual(ForcedAnswer.toolOf(asked([], "auto", { type: "text" })), undefined)
    assert.strictEqual(ForcedAnswer.toolOf(asked([], "auto", { type: "json" })), undefined)
    assert.strictEqual(ForcedAnswer.toolOf(asked([]))?.name, "answer")
    const named: ResponseFormat = { type: "json", name: "city", schema }
    assert.strictEqual(ForcedAnswer.toolOf(asked([tool("city"), tool("city_2")], "auto", named))?.name, "city_3")
    const long: ResponseFormat = { type: "json", name: "n".repeat(64), schema }
    const name = ForcedAnswer.toolOf(asked([tool("n".repeat(64))], "auto", long))?.name ?? ""
    assert.match(name, /^n{58}_2$/)
  })

  it.each<[string, ReadonlyArray<ToolSpec>, ToolChoice, ToolChoice]>([
    ["alone", [], "auto", { tool: "answer" }],
    ["with tools", [tool("f")], "auto", "required"],
    ["with tools of which one has to be called", [tool("f")], "required", "required"],
    ["with tools that must not be called", [tool("f")], "none", { tool: "answer" }],
    ["with a tool that has to be called first", [tool("f")], { tool: "f" }, { tool: "f" }]
  ])("%s the choice is forced", (_, tools, toolChoice, forced) => {
    const request = ForcedAnswer.forced(asked(tools, toolChoice), answer)
    assert.deepStrictEqual(request.toolChoice, forced)
    assert.deepStrictEqual(request.tools, [...tools, answer])
    assert.deepStrictEqual(request.responseFormat, { type: "text" })
  })

  it.each<[string, ReadonlyArray<Part.Part>, ReadonlyArray<Part.Part>, string]>([
    ["is text again", [hm, call("answer", "{}")], [hm, text("{}")], "stop"],
    ["stands alone", [text("Here:"), call("answer", "{}"), text("Bye")], [text("{}")], "stop"],
    ["is given once", [call("answer", "{}"), call("answer", "[]")], [text("{}")], "stop"],
    ["leaves calls as they are", [call("f", "1")], [call("f", "1")], "tool-calls"],
    ["leaves text before calls", [text("I call"), call("f", "1")], [text("I call"), call("f", "1")], "tool-calls"],
    [
      "may come with calls",
      [call("f", "1"), text("t"), call("answer", "{}")],
      [call("f", "1"), text("{}")],
      "tool-calls"
    ],
    ["may be plain text", [hm, text("{}")], [hm, text("{}")], "tool-calls"]
  ])("an answer %s", (_, parts, seen, reason) => {
    for (const portion of [1, 3, 1000]) {
      const deltas = unforced([...written(parts), finish], portion)
      assert.deepStrictEqual(Wire.parts(deltas), seen)
      const last = deltas[deltas.length - 1]
      assert.strictEqual(last?._tag === "Finish" ? last.reason : undefined, reason)
    }
  })

  it("streams an answer as it comes", () => {
    const deltas = unforced(written([call("answer", "{}")]))
    assert.deepStrictEqual(
      deltas.map(({ _tag }) => _tag),
      ["PartStart", "TextDelta", "TextDelta", "PartEnd"]
    )
  })

  it("a text that broke off is heard", () => {
    const broken = written([text("half")]).slice(0, -1)
    const failure: Failure = { _tag: "Network", message: "m" }
    for (const portion of [1, 1000]) {
      assert.strictEqual(Wire.written(unforced(broken, portion, failure), "TextDelta"), "half")
    }
  })

  const part = FastCheck.oneof(
    FastCheck.string({ minLength: 1 }).map(text),
    FastCheck.constant(hm),
    FastCheck.tuple(FastCheck.constantFrom("answer", "f"), FastCheck.json()).map(([name, input]) => call(name, input))
  )

  it.prop("nobody sees the tool, and the text is the first answer", [FastCheck.array(part)], ([parts]) => {
    const seen = Wire.parts(unforced([...written(parts), finish]))
    const first = parts.find((part) => part.type === "tool-call" && part.name === "answer")
    const others = (list: ReadonlyArray<Part.Part>) =>
      list.filter((part) => part.type === "reasoning" || (part.type === "tool-call" && part.name === "f"))
    assert.deepStrictEqual(others(seen), others(parts))
    assert.isFalse(seen.some((part) => part.type === "tool-call" && part.name === "answer"))
    const texts = seen.filter((part) => part.type === "text")
    if (first?.type === "tool-call") assert.deepStrictEqual(texts, [text(first.input)])
    else
      assert.deepStrictEqual(
        texts,
        parts.filter((part) => part.type === "text")
      )
  })

  it.prop(
    "it does not matter in which portions the deltas come",
    [FastCheck.array(part), FastCheck.integer({ min: 1, max: 9 })],
    ([parts, portion]) => {
      const deltas = [...written(parts), finish]
      assert.deepStrictEqual(unforced(deltas, portion), unforced(deltas, deltas.length))
    }
  )
})
