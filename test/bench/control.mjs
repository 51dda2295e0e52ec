/**
 * What control costs: the same run with and without a guard, hooks, a budget or spans, by turns in one process. `node
 * control.mjs <id>` prints `{ value }`: the microseconds of CPU that it adds to a call, or to a turn for what a turn pays.
 * The model and the tool are in memory and do nothing, so that what is left is the runtime.
 */
import * as Agent from "axonal/agent/Agent"
import * as Budget from "axonal/agent/Budget"
import * as ContextStore from "axonal/context/ContextStore"
import * as CommandGuard from "axonal/guard/CommandGuard"
import * as Guard from "axonal/guard/Guard"
import * as MessageGuard from "axonal/guard/MessageGuard"
import * as Rules from "axonal/guard/Rules"
import * as UrlGuard from "axonal/guard/UrlGuard"
import * as Hooks from "axonal/hook/Hooks"
import * as ToolSelector from "axonal/tool/ToolSelector"
import * as Transport from "axonal/transport/Transport"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Tracer from "effect/Tracer"

const isQuick = process.env["BENCH_QUICK"] !== undefined
const turns = 20
const calls = 4

const usage = { inputTokens: { total: 10 }, outputTokens: { total: 5 }, costUsd: 0.001, estimated: false }
const input = JSON.stringify({ text: "git status --short", url: "https://example.com/a?b=c" })
const answer = (turn) => {
  const deltas = [{ _tag: "ResponseStart", id: "r", model: "m" }]
  for (let index = 0; turn < turns && index < calls; index++) {
    const part = { type: "tool-call", id: `wire_${turn}_${index}`, name: "echo", input }
    deltas.push({ _tag: "PartStart", index, kind: "tool-call", name: "echo" }, { _tag: "PartEnd", index, part })
  }
  if (turn === turns) {
    const part = { type: "text", text: "done" }
    deltas.push({ _tag: "PartStart", index: 0, kind: "text" }, { _tag: "PartEnd", index: 0, part })
  }
  return [...deltas, { _tag: "Finish", reason: turn < turns ? "tool-calls" : "stop", usage }]
}

const transport = Layer.succeed(Transport.Transport, {
  model: { vendor: "bench", id: "m" },
  open: ({ messages }) =>
    Effect.sync(() => {
      let left = [answer(messages.filter(({ role }) => role === "assistant").length)]
      return Effect.suspend(() => {
        const [deltas] = left
        left = []
        return deltas === undefined ? Effect.fail(Option.none()) : Effect.succeed(deltas)
      })
    })
})

const parameters = { text: Schema.String, url: Schema.String }
const echo = Agent.tool("echo", { description: "Echoes", parameters }, ({ text }) => Effect.succeed(text))
const agent = Agent.make("bench", { tools: [echo], limits: { turns: turns + 5 } })

/** Spans that are made and ended and go nowhere. */
const tracer = Tracer.make({
  context: (execution) => execution(),
  span: (name, parent, context, links, startTime, kind) => ({
    ...{ _tag: "Span", spanId: "1", traceId: "2", sampled: true, status: { _tag: "Started", startTime } },
    ...{ name, parent, context, links, kind, attributes: new Map() },
    end: () => undefined,
    attribute: () => undefined,
    event: () => undefined,
    addLinks: () => undefined
  })
})

const seen = () => Effect.void
const watching = ["runStart", "runEnd", "turnEnd", "toolStart", "toolEnd", "modelStart", "modelEnd"]
const rules = { rules: [{ tools: ["echo"], arguments: { text: { pattern: "^git " } }, verdict: "allow" }] }

/** What is compared with nothing at all, and what pays for it. */
const kinds = {
  guard: ["call", () => Guard.layer(Guard.make(() => Effect.succeed(Guard.Allow)))],
  rules: ["call", () => Layer.unwrapEffect(Effect.map(Rules.decode(rules), Rules.layer))],
  commands: [
    "call",
    () => Guard.layer(CommandGuard.make({ tools: { echo: { line: "text" } }, allow: ["git status **"] }))
  ],
  urls: ["call", () => UrlGuard.layer({ allow: ["example.com"], tools: { echo: ["url"] } })],
  hooks: ["call", () => Hooks.layer(Object.fromEntries(watching.map((name) => [name, seen])))],
  spans: ["call", () => Layer.setTracer(tracer)],
  budget: ["turn", () => Budget.layer({ limits: { tokens: 1e12, toolCalls: 1e9 }, per: "total" })],
  messages: ["turn", () => MessageGuard.layer(MessageGuard.make(() => Effect.succeed(MessageGuard.Pass)))],
  selector: ["turn", () => ToolSelector.layerStatic({ tools: ["echo"] })]
}

const [kind] = process.argv.slice(2)
const [per, layer] = kinds[kind]
const world = Layer.merge(transport, ContextStore.layerMemory)
const plain = ManagedRuntime.make(world)
const controlled = ManagedRuntime.make(Layer.merge(world, layer()))

const rounds = isQuick ? 7 : 25
const cost = async (runtime) => {
  const before = process.cpuUsage()
  for (let index = 0; index < 10; index++) {
    const { output, reason } = await runtime.runPromise(Agent.run(agent, "go"))
    if (output !== "done") throw new Error(`${kind}: the run ended ${reason}`)
  }
  const { system, user } = process.cpuUsage(before)
  return (system + user) / 10 / (turns + 1)
}
for (let round = 0; round < 8; round++) for (const runtime of [plain, controlled]) await cost(runtime)
const costs = [[], []]
for (let round = 0; round < rounds; round++) {
  for (const [index, runtime] of [plain, controlled].entries()) costs[index].push(await cost(runtime))
}
// The least that was seen is what the machine's other work disturbed least.
const [without, with_] = costs.map((all) => Math.min(...all))
const added = (with_ - without) / (per === "call" ? calls : 1)
process.stdout.write(JSON.stringify({ value: Math.max(0, added) }))
process.exit(0)
