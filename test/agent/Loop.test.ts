import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { Activities, direct } from "../../src/agent/Activities.ts"
import * as Agent from "../../src/agent/Agent.ts"
import * as Result from "../../src/agent/Result.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import type { AgentEvent } from "../../src/domain/AgentEvent.ts"
import { RunId, SessionId } from "../../src/domain/Ids.ts"
import * as Message from "../../src/domain/Message.ts"
import type { FinishReason } from "../../src/domain/Outcome.ts"
import * as Part from "../../src/domain/Part.ts"
import * as Usage from "../../src/domain/Usage.ts"
import * as Hooks from "../../src/hook/Hooks.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { call, cut, error, finish, part, reasoning, text, usage } from "../../src/testing/ScriptedTransport.ts"
import * as Trace from "../../src/testing/Trace.ts"
import * as Transport from "../../src/transport/Transport.ts"
import { TransportError } from "../../src/transport/TransportError.ts"
import { world } from "../support/runs.ts"

/** Ids that count, so that runs can be compared whole. */
const ids = Layer.sync(Activities, () => {
  let next = 0
  return { ...direct, id: (prefix) => Effect.sync(() => `${prefix}_${++next}`) }
})

const seen: Array<unknown> = []
const echo = Agent.tool("echo", { parameters: { text: Schema.String } }, (input) =>
  Effect.sync(() => {
    seen.push(input)
    return input.text
  })
)
const agent = Agent.make("a", { tools: [echo] })
const said = (text: string) => call("wire", "echo", { text })
const bill = (times: number) =>
  Array.from({ length: times }, () => Usage.make({ input: 10, output: 5 })).reduce(Usage.sum, Usage.zero)
const on = (script: ScriptedTransport.Script, options?: ScriptedTransport.Options) =>
  Layer.merge(world(script, options), ids)
const failure = (reason: "Network" | "Overloaded", message: string) =>
  new TransportError({
    vendor: "scripted",
    model: "scripted",
    reason: { _tag: reason, message },
    replay: "acknowledged"
  })
/** What a run failed or died with, as it was made. */
const cause = (exit: Exit.Exit<unknown, unknown>) =>
  Exit.isFailure(exit) ? Cause.originalError(Cause.squash(exit.cause)) : undefined
/** The call and its result as they are stored and sent, for the nth call of a turn. */
const exchange = (turn: number, words: string, run = "run_1"): ReadonlyArray<Message.Message> => {
  const about = { id: `call_${run}_${turn}_0`, name: "echo", wireId: "wire" }
  return [
    Message.assistant([{ type: "tool-call", ...about, input: JSON.stringify({ text: words }) }]),
    Message.tool([{ type: "tool-result", ...about, outcome: "ok", content: [Part.text(words)] }])
  ]
}
const meta = { v: { thought: [1, null] } }
const wire: Part.ToolCall = { type: "tool-call", id: "wire", name: "echo", input: '{"text":"x"}', meta }
/** An answer of which every part has something that only its vendor understands. */
const signed = [
  reasoning("Hm.", { v: { signature: "s" } }),
  reasoning("", { v: { encrypted: "…" } }),
  part({ type: "text", text: "So.", meta: { v: { item: 1 } } }),
  part(wire)
]
/** Durations are measured and differ; everything else of an event must not. */
const still = (event: AgentEvent) => (event._tag === "ToolEnd" ? { ...event, durationMillis: 0 } : event)

describe("Loop", () => {
  describe("a run", () => {
    it.effect("AX-01 AM-01 AA-05 a text answer is one request and a whole result", () =>
      Effect.gen(function* () {
        const result = yield* Agent.run(agent, "hi")
        assert.deepStrictEqual(result, {
          ...{ output: "Hello", text: "Hello", pending: [], reason: "completed", limit: undefined },
          usage: bill(1),
          turns: 1,
          agent: "a",
          answeredBy: "a",
          run: RunId.make("run_1"),
          session: SessionId.make("session_2"),
          messages: [Message.user("hi"), Message.assistant("Hello")],
          endedAt: "1970-01-01T00:00:00.000Z"
        })
      }).pipe(Effect.provide(on([[text("Hel", "lo")]])))
    )

    it.effect("AX-02 AM-01 AM-04 results are in history before the next request, nothing unsaid", () =>
      Effect.gen(function* () {
        seen.length = 0
        const result = yield* Agent.run(Agent.withLimits(agent, { lastTurnMessage: "Wrap up." }), "hi")
        const requests = yield* ScriptedTransport.requests
        const stored = yield* Effect.flatMap(ContextStore.ContextStore, (store) => store.read(result.session))
        const messages = [Message.user("hi"), ...exchange(1, "x"), ...exchange(2, "y"), Message.assistant("done")]
        assert.deepStrictEqual(seen, [{ text: "x" }, { text: "y" }])
        assert.deepStrictEqual(
          requests.map((request) => request.messages),
          [messages.slice(0, 1), messages.slice(0, 3), messages.slice(0, 5)]
        )
        assert.deepStrictEqual([result.output, result.turns, result.usage], ["done", 3, bill(3)])
        assert.deepStrictEqual([result.messages, stored.messages], [messages, messages])
      }).pipe(Effect.provide(on([[said("x")], [said("y")], [text("done")]])))
    )

    it.effect("AX-08 calls are run although the model says it stopped", () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* Trace.of(Agent.stream(agent, "hi")), [
          ...["RunStart", "TurnStart", "ToolStart:echo", "ToolEnd:echo:ok", "TurnEnd"],
          ...["TurnStart", "Text:done", "TurnEnd", "RunEnd:completed"]
        ])
      }).pipe(Effect.provide(on([[said("x"), finish("stop")], [text("done")]])))
    )

    it.effect.each([
      [["reasoning"], []],
      [[], []],
      [undefined, ["echo"]]
    ] as const)("AX-14 with capabilities %j the model is sent tools %j", ([capabilities, names]) =>
      Effect.gen(function* () {
        yield* Agent.run(agent, "hi")
        const [request] = yield* ScriptedTransport.requests
        assert.deepStrictEqual(
          request?.tools.map(({ name }) => name),
          [...names]
        )
      }).pipe(Effect.provide(on([[text("ok")]], { model: { capabilities } })))
    )

    it.effect("AX-17 AM-09 a changed copy runs on its own, the original as before", () =>
      Effect.gen(function* () {
        const other = Agent.tool("other", {}, () => Effect.succeed("other"))
        const copies = [
          agent,
          agent.pipe(Agent.withTools([other]), Agent.withInstructions("Be brief."), Agent.withSettings({ seed: 1 })),
          Agent.withoutTools(agent)
        ]
        // "Even on failure": an agent is a value, so there is nothing to restore.
        yield* Effect.forEach(copies, (copy) => Effect.exit(Agent.run(copy, "hi")))
        yield* Agent.run(agent, "hi")
        assert.deepStrictEqual(
          (yield* ScriptedTransport.requests).map(({ messages, settings, tools }) => [
            messages[0]?.role,
            settings,
            tools.map(({ name }) => name)
          ]),
          [
            ["user", {}, ["echo"]],
            ["system", { seed: 1 }, ["echo", "other"]],
            ["user", {}, []],
            ["user", {}, ["echo"]]
          ]
        )
      }).pipe(Effect.provide(on([[text("1")], [error("InvalidRequest")], [text("3")], [text("4")]])))
    )

    it.effect("AM-08 TR-24 text before a call is no answer; every event says its turn", () =>
      Effect.gen(function* () {
        const events = yield* Trace.events(Agent.stream(agent, "hi"))
        assert.deepStrictEqual(
          events.map(({ _tag, agent, sequence, turn }) => `${sequence} ${agent} ${turn} ${_tag}`),
          [
            ...["0 a 0 RunStart", "1 a 1 TurnStart", "2 a 1 TextDelta", "3 a 1 ToolInputStart", "4 a 1 ToolInputDelta"],
            ...["5 a 1 ToolCall", "6 a 1 ToolStart", "7 a 1 ToolEnd", "8 a 1 TurnEnd"],
            ...["9 a 2 TurnStart", "10 a 2 TextDelta", "11 a 2 TurnEnd", "12 a 2 RunEnd"]
          ]
        )
        assert.strictEqual(Result.fromEvents(events)?.output, "It is x.")
      }).pipe(Effect.provide(on([[text("Let me look."), said("x")], [text("It is x.")]])))
    )

    it.effect("AM-02 a call seen through Transport.stream is not executed", () =>
      Effect.gen(function* () {
        seen.length = 0
        const request = Transport.request({ messages: [Message.user("hi")] })
        const deltas = Chunk.toReadonlyArray(yield* Stream.runCollect(Transport.stream(request)))
        assert.deepStrictEqual(
          deltas.flatMap((delta) => (delta._tag === "PartEnd" ? [delta.part] : [])),
          [{ type: "tool-call", id: "wire", name: "echo", input: '{"text":"x"}' }]
        )
        assert.deepStrictEqual(seen, [])
      }).pipe(Effect.provide(on([[said("x")]])))
    )
  })

  describe("run, stream and start", () => {
    const scripts: ReadonlyArray<readonly [string, ScriptedTransport.Script]> = [
      [
        "an answer after calls",
        [
          [reasoning("Hm."), text("So."), said("x")],
          [usage({}), text("done")]
        ]
      ],
      ["an answer cut by its length", [[text("half"), finish("length")]]],
      ["a dropped connection", [[said("x")], [text("half", cut)]]],
      ["a refused request", [[error("InvalidRequest")]]]
    ]
    it.effect.each(scripts)("RUN-1 RUN-2 RUN-4 run, stream and start agree on %s", ([, script]) =>
      Effect.gen(function* () {
        const fresh = Effect.provide(on(script))
        const told: Array<AgentEvent> = []
        const onEvents = (batch: ReadonlyArray<AgentEvent>) => told.push(...batch)
        const run = yield* fresh(Effect.exit(Agent.run(agent, "hi", { session: SessionId.make("s"), onEvents })))
        const watched = yield* fresh(Trace.exit(Agent.stream(agent, "hi", { session: SessionId.make("s") })))
        const started = yield* fresh(
          Effect.scoped(
            Effect.gen(function* () {
              const handle = yield* Agent.start(agent, "hi", { session: SessionId.make("s") })
              return { ended: yield* Trace.exit(handle.events), exit: yield* Effect.exit(handle.await) }
            })
          )
        )
        assert.deepStrictEqual(started.exit, run)
        assert.deepStrictEqual(watched.exit, Exit.asVoid(run))
        assert.deepStrictEqual(started.ended.exit, Exit.asVoid(run))
        if (Exit.isSuccess(run)) assert.deepStrictEqual(Result.fromEvents(watched.events), run.value)
        assert.deepStrictEqual(watched.events.map(still), told.map(still))
        assert.deepStrictEqual(started.ended.events.map(still), told.map(still))
        assert.deepStrictEqual(
          told.flatMap(({ _tag }, index) => (_tag === "RunEnd" ? [index] : [])),
          [told.length - 1]
        )
      })
    )
  })

  describe("failures", () => {
    it.effect("AX-13 AX-20 RUN-4 a broken answer ends the run, then fails with its cause", () =>
      Effect.gen(function* () {
        const { events, exit, lines } = yield* Trace.exit(Agent.stream(agent, "hi"))
        assert.deepStrictEqual(cause(exit), failure("Overloaded", "scripted"))
        assert.deepStrictEqual(lines, ["RunStart", "TurnStart", "Text:half", "TurnEnd", "RunEnd:error"])
        const end = events.at(-1)
        assert.deepStrictEqual(end?._tag === "RunEnd" ? [end.output, end.error, end.usage.estimated] : [], [
          "half",
          { tag: "TransportError", message: failure("Overloaded", "scripted").message },
          true
        ])
        assert.strictEqual(Result.fromEvents(events.slice(0, -1)), undefined)
      }).pipe(Effect.provide(on([[text("half", error("Overloaded"))]])))
    )

    it.effect.each([
      ["with a pending call", [said("x"), cut], ["TurnEnd"]],
      ["with output", [text("half", cut)], ["Text:half", "TurnEnd"]],
      ["without output", [cut], ["TurnEnd"]]
    ] as const)("AX-21 TR-4 an answer that ends unfinished %s fails typed", ([, steps, lines]) =>
      Effect.gen(function* () {
        seen.length = 0
        const store = yield* ContextStore.ContextStore
        const ended = yield* Trace.exit(Agent.stream(Agent.make("a", { tools: [echo], retries: 0 }), "hi"))
        const { messages } = yield* store.read(SessionId.make("session_2"))
        assert.deepStrictEqual(
          cause(ended.exit),
          failure("Network", "The answer ended without its finish part; what had arrived of it was not acted upon.")
        )
        assert.deepStrictEqual(ended.lines, ["RunStart", "TurnStart", ...lines, "RunEnd:error"])
        assert.deepStrictEqual(seen, [])
        assert.strictEqual(
          messages.some(({ parts }) => parts.some(({ type }) => type === "tool-call")),
          false
        )
      }).pipe(Effect.provide(on([steps])))
    )

    it.effect("AA-13 TR-16 the error hook fires, then runEnd once, then the error", () =>
      Effect.gen(function* () {
        const log: Array<string> = []
        const hooks = Hooks.layer({
          error: (event) => Effect.sync(() => log.push(`error ${(event.error as TransportError).reason._tag}`)),
          runEnd: (event) => Effect.sync(() => log.push(`runEnd ${event.reason}`))
        })
        const exit = yield* Effect.exit(Agent.run(agent, "hi")).pipe(Effect.provide(hooks))
        log.push(exit._tag)
        assert.deepStrictEqual(log, ["error InvalidRequest", "runEnd error", "Failure"])
      }).pipe(Effect.provide(on([[error("InvalidRequest")]])))
    )

    it.effect("TR-18 a defect of a transport ends every view of the run, and nothing hangs", () =>
      Effect.gen(function* () {
        const bug = new Error("bug")
        const broken = Layer.succeed(Transport.Transport, {
          model: { vendor: "v", id: "m" },
          open: () => Effect.die(bug)
        })
        const handle = yield* Agent.start(agent, "hi").pipe(Effect.provide(broken))
        const watched = yield* Trace.exit(Agent.stream(agent, "hi")).pipe(Effect.provide(broken))
        const exits = [watched.exit, (yield* Trace.exit(handle.events)).exit, yield* Effect.exit(handle.await)]
        assert.deepStrictEqual(watched.lines, ["RunStart", "TurnStart", "TurnEnd", "RunEnd:error"])
        assert.deepStrictEqual(exits.map(cause), [bug, bug, bug])
        assert.notInclude(JSON.stringify(watched.events), "bug")
      }).pipe(Effect.scoped, Effect.provide(on([])))
    )

    it.effect("hooks that throw do not break a run that only they observe", () =>
      Effect.gen(function* () {
        const hook = () => Effect.die(new Error("hook"))
        const thrower = (): never => assert.fail("hook")
        const hooks = { runStart: hook, runEnd: thrower, turnEnd: hook, toolError: hook, events: thrower }
        const result = yield* Agent.run(agent, "hi").pipe(Effect.provide(Hooks.layer(hooks)))
        assert.deepStrictEqual([result.reason, result.output, result.turns], ["completed", "done", 2])
      }).pipe(Effect.provide(on([[call("1", "no-such-tool")], [text("done")]])))
    )
  })

  describe("a turn", () => {
    const next = ["TurnEnd", "TurnStart", "Text:next", "TurnEnd", "RunEnd:completed"]
    const ran: Outcome = [1, "ToolStart:echo", "ToolEnd:echo:ok", ...next]
    type Outcome = readonly [calls: number, ...lines: ReadonlyArray<string>]
    const outcomes: { readonly [reason in FinishReason]: Outcome } = {
      stop: ran,
      "tool-calls": ran,
      length: [0, "ToolEnd:echo:skipped", "TurnEnd", "RunEnd:length"],
      "content-filter": [0, "ToolEnd:echo:skipped", "TurnEnd", "RunEnd:content-filter"],
      pause: [0, "ToolEnd:echo:skipped", ...next],
      other: [0, "ToolEnd:echo:skipped", "TurnEnd", "RunEnd:completed"],
      error: [0, "TurnEnd", "RunEnd:error"]
    }
    it.effect.each(Object.keys(outcomes) as ReadonlyArray<FinishReason>)(
      "TURN-1 TR-4 calls run after a complete answer only: %s",
      (reason) =>
        Effect.gen(function* () {
          seen.length = 0
          const { lines } = yield* Trace.exit(Agent.stream(agent, "hi"))
          assert.deepStrictEqual([seen.length, ...lines.slice(3)], [...outcomes[reason]])
        }).pipe(
          Effect.provide(on((_, index) => (index === 0 ? [text("So."), said("x"), finish(reason)] : [text("next")])))
        )
    )

    it.effect("TURN-2 request n+1 begins with the very messages and tools of request n", () =>
      Effect.gen(function* () {
        const instructed = Agent.withInstructions(agent, "Be brief.")
        const { session } = yield* Agent.run(instructed, "hi")
        yield* Agent.run(instructed, "and now?", { session })
        const requests = yield* ScriptedTransport.requests
        assert.deepStrictEqual(
          requests.map(({ messages }) => messages.length),
          [2, 4, 6, 8]
        )
        for (const [index, { messages, settings, toolChoice, tools }] of requests.slice(1).entries()) {
          const before = requests[index]
          assert.isTrue(before?.messages.every((message, at) => message === messages[at]))
          assert.deepStrictEqual([before?.tools, before?.settings, before?.toolChoice], [tools, settings, toolChoice])
        }
      }).pipe(Effect.provide(on([[said("x")], [said("y")], [text("done")], [text("still done")]])))
    )

    it.effect("TURN-3 AX-11 reasoning is yielded, is no output, and goes back verbatim", () =>
      Effect.gen(function* () {
        const events = yield* Trace.events(Agent.stream(agent, "hi"))
        const requests = yield* ScriptedTransport.requests
        assert.deepStrictEqual(Trace.lines(events).slice(2, 4), ["Reasoning:Hm.", "Text:So."])
        assert.strictEqual(Result.fromEvents(events)?.output, "done")
        assert.deepStrictEqual(requests[1]?.messages[1]?.parts, [
          { type: "reasoning", text: "Hm.", meta: { v: { signature: "s" } } },
          { type: "reasoning", text: "", meta: { v: { encrypted: "…" } } },
          { type: "text", text: "So.", meta: { v: { item: 1 } } },
          { ...wire, id: "call_run_1_1_0", wireId: "wire" }
        ])
      }).pipe(Effect.provide(on([signed, [text("done")]])))
    )

    it.effect("TURN-1 calls that the vendor ran itself are kept and not run again", () =>
      Effect.gen(function* () {
        seen.length = 0
        const { messages, output, turns } = yield* Agent.run(agent, "hi")
        const types = messages.map(({ parts }) => parts.map(({ type }) => type))
        assert.deepStrictEqual([seen, output, turns], [[], "found", 1])
        assert.deepStrictEqual(types, [["text"], ["tool-call", "tool-result", "text"]])
      }).pipe(
        Effect.provide(
          on([
            [
              part({ ...wire, transportExecuted: true }),
              part({
                type: "tool-result",
                id: "wire",
                name: "echo",
                outcome: "ok",
                content: [],
                transportExecuted: true
              }),
              text("found")
            ]
          ])
        )
      )
    )
  })
})
