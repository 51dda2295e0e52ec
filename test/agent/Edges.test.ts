import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Tracer from "effect/Tracer"
import * as Agent from "../../src/agent/Agent.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import type { AgentEvent } from "../../src/domain/AgentEvent.ts"
import { SessionId } from "../../src/domain/Ids.ts"
import * as Message from "../../src/domain/Message.ts"
import * as Hooks from "../../src/hook/Hooks.ts"
import type * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { call, error, gate, text } from "../../src/testing/ScriptedTransport.ts"
import * as Trace from "../../src/testing/Trace.ts"
import { TransportError } from "../../src/transport/TransportError.ts"
import { world } from "../support/runs.ts"

const session = SessionId.make("s")
const agent = Agent.make("a")

/** Rejections, as values. */
const rejected = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => "resolved",
    (reason) => reason
  )

/** A world, what happened to its layers and runs, and where its model waits. */
const watched = (steps: (here: ScriptedTransport.Wait) => ReadonlyArray<ReadonlyArray<ScriptedTransport.Step>>) => {
  const log: Array<string> = []
  let arrive: () => void = () => {}
  const reached = new Promise<void>((resolve) => {
    arrive = resolve
  })
  const here = gate(
    Effect.zipRight(
      Effect.sync(() => arrive()),
      Effect.never
    )
  )
  const closing = Layer.scopedDiscard(Effect.addFinalizer(() => Effect.sync(() => log.push("layer closed"))))
  const hooks = Hooks.layer({ runEnd: ({ reason }) => Effect.sync(() => log.push(reason)) })
  // A script that is left unfinished on purpose: nothing of it may be missed.
  const script: ScriptedTransport.Script = (_, index) => steps(here)[index] ?? []
  return { layer: Layer.mergeAll(world(script), hooks, closing), log, reached }
}

describe("Edges", () => {
  describe("toPromise", () => {
    it("runs with a layer that is built for this run and closed after it", async () => {
      const { layer, log } = watched(() => [[text("done")]])
      const result = await Agent.toPromise(agent, "go", layer, { session })
      assert.deepStrictEqual(
        [result.output, result.reason, result.session, log],
        [...["done", "completed", session], ["completed", "layer closed"]]
      )
    })

    it("runs with a runtime that stays, its sessions with it", async () => {
      const { layer, log } = watched(() => [[text("1")], [text("2")]])
      const runtime = ManagedRuntime.make(layer)
      await Agent.toPromise(agent, "one", runtime, { session })
      await Agent.toPromise(agent, "two", runtime, { session })
      const read = Effect.flatMap(ContextStore.ContextStore, (store) => store.read(session))
      const { messages } = await runtime.runPromise(read)
      assert.deepStrictEqual(messages.map(Message.toText), ["one", "1", "two", "2"])
      assert.deepStrictEqual(log, ["completed", "completed"])
      await runtime.dispose()
      assert.deepStrictEqual(log.at(-1), "layer closed")
    })

    const edges = ["promise", "stream"].flatMap((edge) => ["layer", "runtime"].map((kind) => [edge, kind] as const))
    it.each(edges)("a %s keeps the tracer and the loggers of a %s", async (edge, kind) => {
      const spans: Array<string> = []
      const logs: Array<unknown> = []
      const native = Tracer.Tracer.of
      const tracer = Effect.map(Effect.tracer, (inner) =>
        Layer.setTracer(
          native({
            ...inner,
            [Tracer.TracerTypeId]: Tracer.TracerTypeId,
            context: (f, fiber) => inner.context(f, fiber),
            span: (...args) => {
              spans.push(args[0])
              return inner.span(...args)
            }
          })
        )
      )
      const logger = Logger.replace(
        Logger.defaultLogger,
        Logger.make(({ message }) => logs.push(message))
      )
      const tool = Agent.tool("work", {}, () => Effect.log("working"))
      const script = world([[call("1", "work")], [text("done")]])
      const layer = Layer.mergeAll(script, Layer.unwrapEffect(tracer), logger)
      const provided = kind === "layer" ? layer : ManagedRuntime.make(layer)
      const worker = Agent.make("a", { tools: [tool] })
      if (edge === "promise") await Agent.toPromise(worker, "go", provided)
      else for await (const _ of Agent.toReadableStream(worker, "go", provided));
      assert.deepStrictEqual(spans, ["invoke_agent a", "chat scripted", "execute_tool work", "chat scripted"])
      assert.deepStrictEqual(logs, [["working"]])
    })

    it("RUN-4 rejects with the typed error itself", async () => {
      const { layer, log } = watched(() => [[error("InvalidRequest")]])
      const reason = await rejected(Agent.toPromise(agent, "go", layer))
      assert.deepStrictEqual(reason instanceof TransportError ? reason.reason._tag : reason, "InvalidRequest")
      assert.deepStrictEqual(log, ["error", "layer closed"])
    })

    it("RUN-4 rejects with the error of a layer that cannot be built", async () => {
      const broken = Layer.fail(
        new ContextStore.StoreError({ operation: "open", reason: { _tag: "Unavailable", message: "" } })
      )
      const reason = await rejected(Agent.toPromise(agent, "go", Layer.merge(world([]), broken)))
      assert.instanceOf(reason, ContextStore.StoreError)
    })

    it("RUN-3 AX-15 an aborted signal interrupts the run, finalizers first", async () => {
      const { layer, log, reached } = watched((here) => [[text("half", here)]])
      const abort = new AbortController()
      const run = rejected(Agent.toPromise(agent, "go", layer, { signal: abort.signal }))
      await reached
      abort.abort()
      assert.notStrictEqual(await run, "resolved")
      assert.deepStrictEqual(log, ["interrupted", "layer closed"])
    })

    it("TR-16 a signal that was aborted before rejects, and asks nothing", async () => {
      const { layer, log } = watched(() => [[text("done")]])
      const run = Agent.toPromise(agent, "go", layer, { signal: AbortSignal.abort() })
      assert.notStrictEqual(await rejected(run), "resolved")
      assert.notInclude(log, "completed")
    })
  })

  describe("toReadableStream", () => {
    it("RUN-1 gives the events of the run, then closes", async () => {
      const { layer, log } = watched(() => [[text("done")]])
      const events: Array<AgentEvent> = []
      for await (const event of Agent.toReadableStream(agent, "go", layer)) events.push(event)
      assert.deepStrictEqual(Trace.lines(events), ["RunStart", "TurnStart", "Text:done", "TurnEnd", "RunEnd:completed"])
      assert.deepStrictEqual(log, ["completed", "layer closed"])
    })

    it("RUN-4 gives the events of a failed run, then its typed error", async () => {
      const { layer } = watched(() => [[error("InvalidRequest")]])
      const reader = Agent.toReadableStream(agent, "go", layer).getReader()
      const events: Array<AgentEvent> = []
      const reason = await rejected(
        (async () => {
          for (;;) {
            const { done, value } = await reader.read()
            if (done) return
            events.push(value)
          }
        })()
      )
      assert.instanceOf(reason, TransportError)
      assert.deepStrictEqual(Trace.lines(events), ["RunStart", "TurnStart", "TurnEnd", "RunEnd:error"])
    })

    it("RUN-3 TR-17 cancelling it interrupts the run, and waits for its end", async () => {
      const { layer, log, reached } = watched((here) => [[text("half", here)]])
      const reader = Agent.toReadableStream(agent, "go", layer).getReader()
      assert.deepStrictEqual((await reader.read()).value?._tag, "RunStart")
      await reached
      await reader.cancel()
      assert.deepStrictEqual(log, ["interrupted", "layer closed"])
    })

    it("runs with a runtime that stays", async () => {
      const { layer, log } = watched(() => [[text("1")], [text("2")]])
      const runtime = ManagedRuntime.make(layer)
      const lines = async (input: string) => {
        const events: Array<AgentEvent> = []
        for await (const event of Agent.toReadableStream(agent, input, runtime, { session })) events.push(event)
        return Trace.lines(events)[2]
      }
      assert.deepStrictEqual([await lines("one"), await lines("two")], ["Text:1", "Text:2"])
      await runtime.dispose()
      assert.deepStrictEqual(log, ["completed", "completed", "layer closed"])
    })
  })
})

describe("An agent", () => {
  const tool = (name: string) => Agent.tool(name, {}, () => Effect.succeed(name))

  it("AX-17 combinators take the agent first or last, and leave it as it was", () => {
    const [one, two] = [tool("one"), tool("two")]
    const base = Agent.make("base", { tools: [one], limits: { turns: 3 }, settings: { seed: 1 } })
    const before = { ...base.definition }
    const piped = base.pipe(
      Agent.withTools([two]),
      Agent.withInstructions("Be brief."),
      Agent.withLimits({ toolCalls: 5 }),
      Agent.withSettings({ temperature: 0 }),
      Agent.requireIdentity
    )
    const direct = Agent.withSettings(
      Agent.withLimits(Agent.withInstructions(Agent.withTools(base, [two]), "Be brief."), { toolCalls: 5 }),
      { temperature: 0 }
    )
    assert.deepStrictEqual(piped.definition, {
      ...before,
      instructions: "Be brief.",
      sources: [one, two],
      limits: { turns: 3, toolCalls: 5 },
      settings: { seed: 1, temperature: 0 }
    })
    assert.deepStrictEqual(direct.definition, piped.definition)
    assert.deepStrictEqual(base.definition, before)
    assert.deepStrictEqual(Agent.withoutTools(piped).definition.sources, [])
  })

  it("AA-03 options below their bounds throw, naming the option", () => {
    assert.throws(() => Agent.make(" "), TypeError, "Agent name must be a non-empty string")
    const bad = [
      ["toolConcurrency", { toolConcurrency: 0 }],
      ["retries", { retries: -1 }],
      ["limits.turns", { limits: { turns: 1.5 } }]
    ] as const
    for (const [option, options] of bad) assert.throws(() => Agent.make("a", options), RangeError, option)
  })
})
