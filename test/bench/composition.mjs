/**
 * What composition costs: a run in a run, a pattern, and many agents at once. `node composition.mjs <id>` prints
 * `{ value }`. But for `nested`, which asks the server, the model is in memory and does nothing, so that what is left is the
 * runtime.
 */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as Agent from "axonal/agent/Agent"
import * as Composite from "axonal/agent/Composite"
import * as Subagent from "axonal/agent/Subagent"
import * as ContextStore from "axonal/context/ContextStore"
import * as Runner from "axonal/pattern/Runner"
import * as OpenAiChat from "axonal/transport/OpenAiChat"
import * as Transport from "axonal/transport/Transport"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"

import { modelOf } from "./scenarios.mjs"

const isQuick = process.env["BENCH_QUICK"] !== undefined
const turns = 20

const usage = { inputTokens: { total: 10 }, outputTokens: { total: 5 }, costUsd: 0.001, estimated: false }
const parts = (...all) =>
  all.flatMap((part, index) => [
    { _tag: "PartStart", index, kind: part.type, ...(part.name === undefined ? undefined : { name: part.name }) },
    { _tag: "PartEnd", index, part }
  ])
const calling = (tool, turn) => [
  { _tag: "ResponseStart", id: "r", model: "m" },
  ...parts({ type: "tool-call", id: `wire_${turn}`, name: tool, input: JSON.stringify({ task: "go" }) }),
  { _tag: "Finish", reason: "tool-calls", usage }
]
const saying = [
  { _tag: "ResponseStart", id: "r", model: "m" },
  ...parts({ type: "text", text: "done" }),
  { _tag: "Finish", reason: "stop", usage }
]

/** Who has instructions that name a tool calls it in each of its turns; who has none answers. */
const transport = Layer.succeed(Transport.Transport, {
  model: { vendor: "bench", id: "m" },
  open: ({ messages }) =>
    Effect.sync(() => {
      const [first] = messages
      const [tool, most] = first?.role === "system" ? first.parts[0].text.split(" ") : []
      const turn = messages.filter(({ role }) => role === "assistant").length
      let left = [tool !== undefined && turn < Number(most) ? calling(tool, turn) : saying]
      return Effect.suspend(() => {
        const [deltas] = left
        left = []
        return deltas === undefined ? Effect.fail(Option.none()) : Effect.succeed(deltas)
      })
    })
})
const world = Layer.merge(transport, ContextStore.layerMemory)

/** A model of the server, which says what its name says. */
const served = (plan) =>
  Layer.provide(
    OpenAiChat.layer({ model: modelOf(plan), apiKey: Redacted.make("key"), baseUrl: process.env["BENCH_URL"] }),
    NodeHttpClient.layerUndici
  )

/** The least CPU that each of two programs takes, in microseconds, by turns in one process. */
const compared = async (world, ...programs) => {
  const cost = async (program) => {
    // A store of its own: sessions that stay would be on the bill of whoever makes more of them.
    const runtime = ManagedRuntime.make(world)
    await runtime.runtime()
    const before = process.cpuUsage()
    for (let index = 0; index < 10; index++) await runtime.runPromise(program)
    const { system, user } = process.cpuUsage(before)
    return (system + user) / 10
  }
  for (let round = 0; round < 8; round++) for (const program of programs) await cost(program)
  const costs = programs.map(() => Number.POSITIVE_INFINITY)
  for (let round = 0; round < (isQuick ? 6 : 30); round++) {
    for (const [index, program] of programs.entries()) costs[index] = Math.min(costs[index], await cost(program))
  }
  return costs
}

const child = Agent.make("child")
const limits = { turns: turns + 5 }

const kinds = {
  /** What a call of a sub-agent that answers in one turn adds, beside a turn with a plain call. */
  nested: async () => {
    const models = ManagedRuntime.make(served({ deltas: 20 }))
    const model = await models.runPromise(Transport.Transport)
    const agent = (handler) =>
      Agent.make("bench", { limits, tools: [Agent.tool("echo", { parameters: { text: Schema.String } }, handler)] })
    const flat = agent(({ text }) => Effect.succeed(text))
    // The server wants its text back, whatever the sub-agent says.
    const nested = agent(({ text }) =>
      Effect.as(Effect.provideService(Subagent.delegate(child, text), Transport.Transport, model), text)
    )
    const world = Layer.merge(served({ turns, calls: 1 }), ContextStore.layerMemory)
    const [without, with_] = await compared(world, Agent.run(flat, "go"), Agent.run(nested, "go"))
    return (with_ - without) / turns / (without / (turns + 1))
  },
  /** What a part of a pattern costs, beside the same agent run alone. */
  pattern: async () => {
    const pattern = Composite.make("pattern", {}, (input, run) =>
      Effect.gen(function* () {
        let output = input
        for (let index = 0; index < turns; index++) output = (yield* run.run(`${index}`, child, output)).output
        return { output }
      })
    )
    const alone = Effect.forEach(Array.from({ length: turns }), () => Agent.run(child, "go"), { discard: true })
    const [without, with_] = await compared(world, alone, Runner.run(pattern, "go"))
    return with_ / without
  },
  /** The peak of a process in which 1,000 sub-agents are in the middle of a call at the same time, in megabytes. */
  agents: async () => {
    const count = 1000
    const all = Deferred.unsafeMake()
    let begun = 0
    const wait = Agent.tool("wait", { parameters: { task: Schema.String } }, () =>
      Effect.zipRight(
        Effect.suspend(() => (++begun === count ? Deferred.succeed(all, undefined) : Effect.void)),
        Effect.as(Deferred.await(all), "go")
      )
    )
    const worker = Agent.make("worker", { instructions: "wait 1", tools: [wait] })
    const swarm = Composite.make("swarm", {}, (input, run) =>
      Effect.map(
        Composite.all(Array.from({ length: count }, (_, index) => run.run(`${index}`, worker, input))),
        (results) => ({ output: results.length })
      )
    )
    const { output } = await Effect.runPromise(Effect.provide(Runner.run(swarm, "go"), world))
    if (output !== count) throw new Error(`${output} agents answered instead of ${count}`)
    return process.resourceUsage().maxRSS / 1024
  }
}

const [kind] = process.argv.slice(2)
process.stdout.write(JSON.stringify({ value: await kinds[kind]() }))
process.exit(0)
