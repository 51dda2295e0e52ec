import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Agent from "../../src/agent/Agent.ts"
import * as Compaction from "../../src/context/Compaction.ts"
import * as Message from "../../src/domain/Message.ts"
import * as Part from "../../src/domain/Part.ts"
import * as Hooks from "../../src/hook/Hooks.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { call, error, text } from "../../src/testing/ScriptedTransport.ts"
import * as ToolResult from "../../src/tool/ToolResult.ts"
import { agent } from "../support/hookScenes.ts"
import { logged, on, played, session } from "../support/hooks.ts"
import { sentResults } from "../support/runs.ts"

const echoed = [[call("w", "echo", { text: "secret" })], [text("done")]]

/** Hooks as somebody writes them who does not listen to the types. */
const untyped = (hook: Hooks.HookRejected["hook"], change: unknown): Hooks.Service => ({
  [hook]: () => Effect.succeed(change)
})
const request = "messages, tools, toolChoice, responseFormat, settings, or with nothing. Nothing of it was used."
const call_ = "input or answer, or with nothing. Nothing of it was used."
const result = "outcome, content, display, ends, or with nothing. Nothing of it was used."

const rejected: ReadonlyArray<readonly [Hooks.HookRejected["hook"], unknown, ReadonlyArray<string>, string]> = [
  ["turnStart", { model: "other", settings: {} }, ["model"], "answered model"],
  ["turnStart", { apiKey: "k", headers: {} }, ["apiKey", "headers"], "answered apiKey, headers"],
  ["turnStart", "other", [], "answered a string"],
  ["turnStart", null, [], "answered null"],
  ["turnStart", [], [], "answered an array"],
  ["toolStart", { result: "x" }, ["result"], "answered result"],
  ["toolStart", { input: {}, tool: "broken" }, ["tool"], "answered tool"],
  ["toolStart", { input: {}, answer: ToolResult.text("ok", "x") }, ["input", "answer"], "answered both"],
  ["toolStart", {}, [], "answered neither"],
  ["toolStart", { answer: undefined }, [], "answered neither"],
  ["toolEnd", { ...ToolResult.text("ok", "x"), call: "other" }, ["call"], "answered call"],
  ["toolEnd", { outcome: "ok" }, ["content"], "answered without content"],
  ["toolEnd", {}, ["outcome", "content"], "answered without outcome and content"],
  ["toolEnd", "x", [], "answered a string"]
]
const may = { turnStart: request, toolStart: call_, toolEnd: result }

describe("The fields that hooks may change", () => {
  it.effect.each(rejected)("AG-12 %s that answers %o is refused by name", ([hook, change, fields, what]) =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(Hooks.checked(hook, change))
      const died = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
      assert.instanceOf(died, Hooks.HookRejected)
      const { message } = died
      assert.deepStrictEqual(
        [died.hook, died.fields, message],
        [hook, fields, `The ${hook} hook ${what}; it may answer with ${may[hook]}`]
      )
    })
  )

  it.effect.each([
    ["turnStart", undefined],
    ["turnStart", {}],
    ["turnStart", { messages: [], tools: [], toolChoice: "none", responseFormat: { type: "text" }, settings: {} }],
    ["toolStart", { input: undefined }],
    ["toolStart", { answer: ToolResult.text("ok", "x") }],
    ["toolEnd", { ...ToolResult.text("ok", "x"), display: [], ends: undefined }]
  ] as const)("AG-12 %s may answer %o", ([hook, change]) =>
    Effect.map(Hooks.checked(hook, change), (checked) => assert.strictEqual(checked, change))
  )

  it("AG-12 the types say the same", () => {
    const hooks: ReadonlyArray<Hooks.Service> = [
      // @ts-expect-error: the model is not the request's
      { turnStart: () => Effect.succeed({ model: "other", settings: {} }) },
      // @ts-expect-error: no field of a request
      { turnStart: () => Effect.succeed({ headers: {} }) },
      // @ts-expect-error: what a call came to is not there yet
      { toolStart: () => Effect.succeed({ input: {}, result: ToolResult.text("ok", "x") }) },
      // @ts-expect-error: either the one or the other
      { toolStart: () => Effect.succeed({ input: {}, answer: ToolResult.text("ok", "x") }) },
      // @ts-expect-error: a result is whole
      { toolEnd: () => Effect.succeed({ outcome: "ok" }) },
      // @ts-expect-error: an observer answers nothing that counts, and cannot fail
      { runEnd: () => Effect.fail("critical") }
    ]
    assert.lengthOf(hooks, 6)
  })

  describe("in a run", () => {
    it.effect("AG-12 AG-13 a turnStart hook that goes beyond them: nothing is sent, and the run says why", () =>
      Effect.gen(function* () {
        const { events, exit, lines } = yield* played(agent, untyped("turnStart", { model: "other" }))
        assert.deepStrictEqual([yield* ScriptedTransport.requests, lines], [[], ["RunStart", "RunEnd:error"]])
        const [end] = events.slice(-1)
        const { message } = new Hooks.HookRejected({ hook: "turnStart", fields: ["model"], what: "answered model" })
        assert.deepStrictEqual(end?._tag === "RunEnd" ? end.error : undefined, { tag: "HookRejected", message })
        assert.isTrue(Exit.isFailure(exit) && Cause.isDie(exit.cause))
      }).pipe(Effect.provide(on(() => assert.fail("asked"))))
    )

    it.effect.each([
      ["toolStart", { result: "x" }, "failed: Tool echo was not run: a check of this application failed."],
      ["toolEnd", { outcome: "ok" }, "failed: The result of echo is withheld: a check of this application failed."]
    ] as const)("AG-12 AG-13 a %s hook that goes beyond them fails closed, the run goes on", ([hook, change, sent]) =>
      Effect.gen(function* () {
        const { lines, value } = yield* logged(played(agent, untyped(hook, change)))
        assert.deepStrictEqual(sentResults((yield* ScriptedTransport.requests)[1]), [sent])
        assert.strictEqual(value.lines.at(-1), "RunEnd:completed")
        assert.deepStrictEqual(
          lines.map((line) => line.slice(0, 5)),
          ["ERROR"]
        )
        assert.notInclude(JSON.stringify(value.events.slice(4)), "HookRejected")
      }).pipe(Effect.provide(on(echoed)))
    )

    it.effect.each([
      [
        "toolStart",
        { result: "x" },
        { input: { text: "fine" } },
        "failed: Tool echo was not run: a check of this application failed."
      ],
      [
        "toolEnd",
        { outcome: "ok" },
        ToolResult.text("ok", "fine"),
        "failed: The result of echo is withheld: a check of this application failed."
      ]
    ] as const)("AG-12 a later %s hook does not make good what an earlier one did", ([hook, change, good, sent]) =>
      Effect.gen(function* () {
        yield* logged(played(agent, Hooks.combine(untyped(hook, change), untyped(hook, good))))
        assert.deepStrictEqual(sentResults((yield* ScriptedTransport.requests)[1]), [sent])
      }).pipe(Effect.provide(on(echoed)))
    )
  })

  describe("RequestChanged", () => {
    const turnStart = (change: Hooks.TurnStartChange | undefined): Hooks.Service => ({
      turnStart: ({ turn }) => (turn === 1 && change !== undefined ? Effect.succeed(change) : Effect.void)
    })

    it.effect("AG-14 the model gets the rewrite, and an event says so behind the start of its turn", () =>
      Effect.gen(function* () {
        const { events, lines } = yield* played(
          agent,
          Hooks.combine(turnStart({ settings: { seed: 1 } }), turnStart({ messages: [Message.user("hidden")] }))
        )
        const [first] = yield* ScriptedTransport.requests
        assert.deepStrictEqual([first?.messages, first?.settings], [[Message.user("hidden")], { seed: 1 }])
        assert.deepStrictEqual(lines.slice(0, 3), ["RunStart", "TurnStart", "RequestChanged:messages,settings"])
        assert.lengthOf(
          events.filter(({ _tag }) => _tag === "RequestChanged"),
          1
        )
        assert.notInclude(JSON.stringify(events), "hidden")
      }).pipe(Effect.provide(on(echoed)))
    )

    it.effect.each([undefined, {}])("AG-14 nothing is said of %o", (change) =>
      Effect.gen(function* () {
        const { lines } = yield* played(agent, turnStart(change))
        assert.deepStrictEqual(
          lines.filter((line) => line.startsWith("RequestChanged")),
          []
        )
      }).pipe(Effect.provide(on(echoed)))
    )

    it.effect("AG-14 a request that is made anew because it was too long is told of anew", () =>
      Effect.gen(function* () {
        yield* Agent.run(Agent.make("a"), "before ".repeat(300), { session })
        const { lines } = yield* played(Agent.make("a"), turnStart({ settings: { seed: 1 } }))
        assert.deepStrictEqual(
          lines.filter((line) => /^(Turn|Req|Comp)/.test(line)),
          [...["TurnStart", "RequestChanged:settings", "Compacted:2", "RequestChanged:settings", "TurnEnd"]]
        )
        assert.deepStrictEqual(
          (yield* ScriptedTransport.requests).map(({ settings }) => settings),
          [{}, { seed: 1 }, { seed: 1 }]
        )
      }).pipe(
        Effect.provide([
          on([[text("a")], [error("ContextOverflow")], [text("b")]]),
          Compaction.layer({
            maxTokens: 100_000,
            keepRecent: 1,
            summarise: () => Effect.succeed({ text: "so far", costs: [] })
          })
        ])
      )
    )
  })

  it.effect("AG-14 hooks before and after a call change its arguments and its result", () =>
    Effect.gen(function* () {
      const { events } = yield* played(agent, {
        toolStart: () => Effect.succeed({ input: { text: "public" } }),
        toolEnd: ({ result }) => Effect.succeed(ToolResult.text("ok", `${Part.contentToText(result.content)}!`))
      })
      assert.deepStrictEqual(
        events.flatMap((event) =>
          event._tag === "ToolStart"
            ? [event.input]
            : event._tag === "ToolEnd"
              ? [Part.contentToText(event.content)]
              : []
        ),
        [{ text: "public" }, "public!"]
      )
      assert.deepStrictEqual(sentResults((yield* ScriptedTransport.requests)[1]), ["ok: public!"])
    }).pipe(Effect.provide(on(echoed)))
  )
})
