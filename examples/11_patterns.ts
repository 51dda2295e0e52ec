/**
 * Patterns
 *
 * A small paper is made by agents in every arrangement that there is: one after the other, side by side, one of several, in
 * a circle, under a lead. All of them are runners, so that each can stand in any other.
 *
 *   npx tsx examples/11_patterns.ts
 */
import { NodeRuntime } from "@effect/platform-node"
import type { Message, Transport } from "axonal"
import { Agent, ContextStore } from "axonal"
import * as Chain from "axonal/pattern/Chain"
import * as Debate from "axonal/pattern/Debate"
import * as Evaluator from "axonal/pattern/Evaluator"
import * as Loop from "axonal/pattern/Loop"
import * as MapReduce from "axonal/pattern/MapReduce"
import * as Orchestrator from "axonal/pattern/Orchestrator"
import * as Parallel from "axonal/pattern/Parallel"
import * as Router from "axonal/pattern/Router"
import * as Runner from "axonal/pattern/Runner"
import * as Scorer from "axonal/pattern/Scorer"
import { ScriptedTransport } from "axonal/testing"
import { Console, Effect, Layer } from "effect"

const reporter = Agent.make("reporter", { instructions: "You report.", description: "Knows what happened" })
const poet = Agent.make("poet", { instructions: "You rhyme.", description: "Makes verses" })
const editor = Agent.make("editor", { instructions: "You shorten." })

// #region patterns
const chain = Chain.make("chain", [reporter, editor])
const parallel = Parallel.join("parallel", [reporter, poet], { separator: " / " })
const byMark = (task: Message.Input) => (String(task).includes("!") ? "poet" : "reporter")
const router = Router.make("router", { routes: { reporter, poet }, route: byMark })
const pages = MapReduce.make("pages", {
  split: (paper: string) => paper.split(" "),
  map: editor,
  reduce: (texts) => texts.join(" + ")
})
const debate = Debate.make("debate", { debaters: [reporter, poet], rounds: 1, judge: editor })
const isShort = Scorer.fromFunction("short", ({ text }) => text.length < 9)
const evaluator = Evaluator.make("evaluator", { generator: editor, judge: isShort })
// #endregion

// #region loop
const loop = Loop.make("loop", { body: editor, until: (text) => text.length < 9, max: 5 })
// #endregion

// #region orchestrator
const lead = Orchestrator.make("lead", {
  instructions: "You lead.",
  workers: [router, { runner: evaluator, description: "Makes a headline" }],
  limits: { turns: 10, lastTurnMessage: "Say what is ready, and what is missing." }
})
// #endregion

type Pattern = Runner.Runner<string, string, unknown, Transport.Transport | ContextStore.ContextStore>
const patterns: ReadonlyArray<Pattern> = [chain, parallel, router, pages, debate, evaluator, loop, lead]
export const program = Effect.forEach(patterns, (pattern) =>
  Effect.flatMap(Runner.run(pattern, "The bridge"), ({ answeredBy, text }) =>
    Console.log(`${pattern.name}: ${text} (${answeredBy})`)
  )
)

const { call, roles, text } = ScriptedTransport
const orders = [call("1", "router", { task: "The bridge!" }), call("2", "evaluator", { task: "The bridge" })]
const shorter = "Bridge open|Bridge|The|Bridge|It opens|Bridge opens|Open|Bridge opens|Opening".split("|")
const script = roles({
  "You report.": () => [text("The bridge is open")],
  "You rhyme.": () => [text("A ridge, a bridge")],
  "You shorten.": (_, index) => [text(shorter[index] ?? "Bridge!")],
  "You lead.": [orders, [text("The paper is ready")]]
})
export const layer = Layer.merge(ScriptedTransport.layer(script), ContextStore.layerMemory)

if (process.argv[1] === import.meta.filename) NodeRuntime.runMain(Effect.provide(program, layer))
