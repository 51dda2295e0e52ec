import { assert, describe, it } from "@effect/vitest"
import * as Approval from "axonal/guard/Approval"
import { fieldsOf, filled } from "axonal/mcp/internal/clientForms"
import * as Mcp from "axonal/mcp/Mcp"
import * as McpClient from "axonal/mcp/McpClient"
import * as McpElicitation from "axonal/mcp/McpElicitation"
import * as McpSampling from "axonal/mcp/McpSampling"
import * as ScriptedTransport from "axonal/testing/ScriptedTransport"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Scripting from "../support/mcpServer.ts"

type Json = Scripting.Json

/** What a server is answered that asks all of these when it is called. */
const asking = (requests: ReadonlyArray<readonly [method: string, params: Json]>, provided: Layer.Layer<never>) => {
  const server = Scripting.make({
    "tools/list": () => ({ tools: [Scripting.tool("a")] }),
    "tools/call": (_, { send }) => {
      requests.forEach(([method, params], index) => {
        send({ jsonrpc: "2.0", id: `ask-${index}`, method, params })
      })
      return Scripting.texts("asked")
    }
  })
  return Effect.gen(function* () {
    const mcp = yield* Mcp.Mcp
    yield* mcp.call("s", "a", {})
    const answers = () =>
      requests.map((_, index) =>
        server.received.find(({ id, method }) => id === `ask-${index}` && method === undefined)
      )
    yield* Effect.repeat(
      Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve))),
      {
        until: () => answers().every((answer) => answer !== undefined)
      }
    )
    const [hello] = server.received
    return {
      capabilities: Object(hello?.["params"]).capabilities,
      answers: answers().map((answer): Json => Object(answer?.["result"] ?? answer?.["error"]))
    }
  }).pipe(
    Effect.provide(McpClient.layerRemote({ servers: { s: { channel: server.channel, roots: ["/a b", "xy:z"] } } })),
    Effect.provide(provided)
  )
}

const sample = (more: Json = {}): readonly [string, Json] => [
  "sampling/createMessage",
  { messages: [{ role: "user", content: { type: "text", text: "Who?" } }], maxTokens: 5000, ...more }
]

const form = (properties: Json, required: ReadonlyArray<string> = []): readonly [string, Json] => [
  "elicitation/create",
  { message: "Fill in\u202e this", requestedSchema: { type: "object", properties, required } }
]

const approving = (decision: Approval.Decision, asked: Array<unknown> = []) =>
  Layer.succeed(Approval.Approval, {
    ask: ({ call }) =>
      Effect.as(
        Effect.sync(() => asked.push([call.tool.name, call.input])),
        decision
      )
  })

describe("what servers ask", () => {
  it.effect("is not offered and refused while nobody answers, roots apart", () =>
    Effect.gen(function* () {
      const { answers, capabilities } = yield* asking([sample(), form({}), ["roots/list", {}]], Layer.empty)
      assert.deepStrictEqual(capabilities, { roots: {} })
      assert.deepStrictEqual(
        answers.map(({ code, roots }) => code ?? roots),
        [-32_601, -32_601, [{ uri: "file:///a%20b" }, { uri: "xy:z" }]]
      )
    })
  )

  it.effect("is answered by a model after a person, within bounds, and never with tools", () =>
    Effect.gen(function* () {
      const asked: Array<unknown> = []
      const requests = [
        sample({ systemPrompt: "Short.", temperature: 0.5, stopSequences: ["."] }),
        sample({ tools: [{ name: "shell" }] }),
        sample({ messages: [] }),
        sample(),
        sample()
      ]
      const model = ScriptedTransport.layer([[ScriptedTransport.text("The butler")], [ScriptedTransport.text("again")]])
      const { answers, seen } = yield* Effect.gen(function* () {
        const transport = yield* ScriptedTransport.ScriptedTransport
        const sampling = yield* McpSampling.McpSampling
        const done = yield* asking(requests, Layer.succeed(McpSampling.McpSampling, sampling))
        return { answers: done.answers, seen: yield* transport.requests }
      }).pipe(
        Effect.provide(
          McpSampling.layer({ maxRequests: 2, maxOutputTokens: 100 }).pipe(
            Layer.provideMerge(model),
            Layer.provide(approving({ approved: true }, asked))
          )
        )
      )
      assert.deepStrictEqual(
        answers.map(({ code, content, stopReason }) => code ?? [content, stopReason]),
        [
          [{ type: "text", text: "The butler" }, "endTurn"],
          -32_602,
          -32_602,
          [{ type: "text", text: "again" }, "endTurn"],
          -1
        ]
      )
      assert.deepStrictEqual(
        seen.map(({ settings, toolChoice, tools }) => [settings.maxOutputTokens, settings.stop, toolChoice, tools]),
        [
          [100, ["."], "none", []],
          [100, undefined, "none", []]
        ]
      )
      assert.deepInclude(asked[0], "s__sampling")
    })
  )

  it.effect("costs nothing when the person says no", () =>
    Effect.gen(function* () {
      const layer = McpSampling.layer().pipe(
        Layer.provide([ScriptedTransport.layer([]), approving({ approved: false })])
      )
      const { answers } = yield* asking([sample()], layer)
      assert.deepStrictEqual(answers[0], { code: -1, message: "The request was refused: nobody has approved it." })
    })
  )

  it.effect("is filled in by a person, and only as the form has it", () =>
    Effect.gen(function* () {
      const seen: Array<unknown> = []
      const layer = McpElicitation.layer((question) =>
        Effect.sync(() => {
          seen.push(
            question._tag === "Form" ? [question.message, question.fields.map(({ kind }) => kind)] : question.url
          )
          return { _tag: "Accepted", values: { name: "Eve", age: 200 } }
        })
      )
      const { answers, capabilities } = yield* asking(
        [
          form({ name: { type: "string" } }, ["name"]),
          form({ age: { type: "integer", maximum: 150 } }, ["age"]),
          form({ other: { type: "string" } }, ["other"]),
          ["elicitation/create", { mode: "url", message: "Look", url: "https://example.com/" }],
          ["elicitation/create", { mode: "url", message: "Look", url: "javascript:alert(1)" }]
        ],
        layer
      )
      assert.deepStrictEqual(capabilities.elicitation, { form: {}, url: {} })
      assert.deepStrictEqual(
        answers.map(({ action, code, content }) => code ?? (content === undefined ? action : [action, content])),
        [["accept", { name: "Eve" }], "cancel", "cancel", "accept", -32_602]
      )
      assert.deepStrictEqual(seen[0], ["Fill in this", ["text"]])
    })
  )

  it.effect("is answered by the approver, too", () =>
    Effect.gen(function* () {
      const requests = [
        form({ name: { type: "string" } }, ["name"]),
        form({ sure: { type: "boolean", default: true } })
      ]
      const by = (decision: Approval.Decision) =>
        Effect.map(asking(requests, Layer.provide(McpElicitation.layerApproval, approving(decision))), ({ answers }) =>
          answers.map(({ action, content }) => [action, content])
        )
      assert.deepStrictEqual(yield* by({ approved: false }), [
        ["decline", undefined],
        ["decline", undefined]
      ])
      assert.deepStrictEqual(yield* by({ approved: true, input: { name: "Eve" } }), [
        ["accept", { name: "Eve" }],
        ["accept", { sure: true }]
      ])
      assert.deepStrictEqual(yield* by({ approved: true }), [
        ["cancel", undefined],
        ["accept", { sure: true }]
      ])
    })
  )
})

describe("forms", () => {
  const fields = fieldsOf({
    required: ["text"],
    properties: {
      text: { type: "string", minLength: 2, maxLength: 4 },
      mail: { type: "string", format: "email" },
      page: { type: "string", format: "uri" },
      day: { type: "string", format: "date" },
      time: { type: "string", format: "date-time" },
      one: { type: "string", enum: ["a", "b"], enumNames: ["A"] },
      titled: { type: "string", oneOf: [{ const: "x", title: "X" }] },
      some: { type: "array", items: { anyOf: [{ const: "p", title: "P" }, { const: "q" }] }, minItems: 1, maxItems: 2 },
      whole: { type: "integer", minimum: 1 },
      number: { type: "number", maximum: 9, default: 7 },
      sure: { type: "boolean" },
      broken: 7
    }
  })
  const cases: ReadonlyArray<readonly [values: Json, wrong: string]> = [
    [{}, "text is missing"],
    [{ text: "x" }, "text is not a text of from 2 to 4 characters"],
    [{ text: 7 }, "text is not a text of from 2 to 4 characters"],
    [{ text: "ok", mail: "eve" }, "mail is not a text of format email"],
    [{ text: "ok", page: "not one" }, "page is not a text of format uri"],
    [{ text: "ok", day: "2026-13-40" }, "day is not a text of format date"],
    [{ text: "ok", time: "today" }, "time is not a text of format date-time"],
    [{ text: "ok", one: "c" }, "one is not one of a, b"],
    [{ text: "ok", titled: "y" }, "titled is not one of x"],
    [{ text: "ok", some: [] }, "some is not a list from 1 to 2 of p, q"],
    [{ text: "ok", some: ["p", 7] }, "some is not a list from 1 to 2 of p, q"],
    [{ text: "ok", whole: 1.5 }, "whole is not a whole number from 1"],
    [{ text: "ok", number: 10 }, "number is not a number to 9"],
    [{ text: "ok", sure: "yes" }, "sure is not true or false"]
  ]
  it("say what does not fit", () => {
    assert.deepStrictEqual(
      cases.map(([values]) => filled(fields, values)),
      cases.map(([, wrong]) => wrong)
    )
  })

  it("keep what fits, fill in what they begin with, and leave out the rest", () => {
    const values = { text: "ok", mail: "a@b", some: ["q"], one: "b", sure: false, whole: 1, day: "2026-02-03" }
    assert.deepStrictEqual(filled(fields, { ...values, more: "x" }), { ...values, number: 7 })
    assert.deepStrictEqual(fields.find(({ name }) => name === "one")?.options, [
      { value: "a", title: "A" },
      { value: "b", title: "b" }
    ])
  })
})
