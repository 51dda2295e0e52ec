/**
 * A pattern of your own
 *
 * A help desk answers what it can, and has two experts look at the rest. What they have said is not asked for again when
 * the vendor fails after that.
 *
 *   npx tsx examples/29_your_own_pattern.ts
 */
import { NodeRuntime } from "@effect/platform-node"
import { Agent, Composite, ContextStore, Ids } from "axonal"
import * as Runner from "axonal/pattern/Runner"
import { ScriptedTransport } from "axonal/testing"
import { Clock, Console, DateTime, Effect, Layer } from "effect"

const desk = Agent.make("desk", { instructions: "You answer, or say that you are unsure." })
const plumber = Agent.make("plumber", { instructions: "You know water." })
const electrician = Agent.make("electrician", { instructions: "You know wires." })
const writer = Agent.make("writer", { instructions: "You write to the customer." })

// #region pattern
const help = Runner.make("help", { description: "Answers customers" }, (question: string, parts) =>
  Effect.gen(function* () {
    const short = yield* parts.run("desk", desk, question)
    if (!short.output.includes("unsure")) return { output: short.output, answeredBy: short.answeredBy }
    const asked = yield* parts.remember("asked", Clock.currentTimeMillis)
    const looks = [plumber, electrician].map((expert) => parts.run(expert.name, expert, question))
    const findings = yield* Composite.all(looks, { concurrency: 2 })
    const said = findings.map(({ agent, output }) => `${agent}: ${output}`)
    const day = DateTime.formatIsoDateUtc(DateTime.unsafeMake(asked))
    const letter = yield* parts.run("letter", writer, [`Asked on ${day}: ${question}`, ...said].join("\n"))
    return { output: letter.output, answeredBy: letter.answeredBy }
  })
)
// #endregion

const session = Ids.SessionId.make("case-7")
export const program = Effect.gen(function* () {
  const quick = yield* Runner.run(help, "When are you open?")
  yield* Console.log(`${quick.answeredBy}: ${quick.text}`)
  const error = yield* Effect.flip(Runner.run(help, "The boiler hums.", { session }))
  yield* Console.log(`${Runner.failedAt(error)?.agent}: ${error._tag}`)
  // Only the letter is missing: neither the desk nor the experts are asked again.
  const letter = yield* Runner.resume(help, session, [])
  yield* Console.log(`${letter.answeredBy}: ${letter.text}`)
})

const { error, roles, text } = ScriptedTransport
const script = roles({
  "You answer": [[text("From eight to five.")], [text("I am unsure.")]],
  "You know water.": [[text("Let the air out.")]],
  "You know wires.": [[text("The pump is loose.")]],
  "You write": [[error("Authentication")], [text("We come and look at the pump.")]]
})
export const layer = Layer.merge(ScriptedTransport.layer(script), ContextStore.layerMemory)

if (process.argv[1] === import.meta.filename) NodeRuntime.runMain(Effect.provide(program, layer))
