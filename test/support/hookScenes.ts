/**
 * Short runs in which, between them, every hook is asked.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Agent from "../../src/agent/Agent.ts"
import * as Compaction from "../../src/context/Compaction.ts"
import { SummaryFailed } from "../../src/context/Summary.ts"
import * as Message from "../../src/domain/Message.ts"
import * as Approval from "../../src/guard/Approval.ts"
import * as Guard from "../../src/guard/Guard.ts"
import * as MessageGuard from "../../src/guard/MessageGuard.ts"
import type * as Hooks from "../../src/hook/Hooks.ts"
import type * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { call, error, gate, text, usage } from "../../src/testing/ScriptedTransport.ts"
import type { Name } from "./hooks.ts"
import * as Support from "./hooks.ts"

export const disk = new Error("disk full")
const broken = Agent.tool("broken", {}, () => Effect.fail(disk))
export const echo = Agent.tool("echo", { parameters: { text: Schema.String } }, (input) => Effect.succeed(input.text))
export const agent = Agent.make("a", { tools: [broken, echo] })

export interface Scene {
  readonly script: ScriptedTransport.Script
  /** The hooks that are asked in it, of which the other scenes do not ask all. */
  readonly asks: ReadonlyArray<Name>
  readonly agent?: Agent.Agent<unknown>
  readonly layer?: Layer.Layer<never>
  /** The run is asked to stop while it is answered; there is no script. */
  readonly stops?: boolean
}

const compaction = (summarise: Compaction.Options["summarise"]) =>
  Compaction.layer({ maxTokens: 1000, keepRecent: 1, summarise })
const full = [
  [call("1", "echo", { text: "word ".repeat(300) })],
  [call("2", "echo", { text: "x" }), usage({ input: 1500, output: 5 })],
  [text("done")]
]

export const scenes: { readonly [name: string]: Scene } = {
  "a failing tool": {
    script: [[call("w", "broken")], [text("done")]],
    asks: [
      ...(["runStart", "runEnd", "turnStart", "turnEnd", "modelStart", "modelEnd", "toolStart", "toolEnd"] as const),
      ...(["toolError", "storeRead", "storeWrite", "events"] as const)
    ]
  },
  "a question to a person": {
    script: [[call("w", "echo", { text: "x" })], [text("done")]],
    asks: ["guardVerdict", "approvalAsked", "approvalDecided"],
    layer: Layer.merge(
      Guard.layer(Guard.make(() => Effect.succeed(Guard.Ask("it writes", "writes")))),
      Approval.layerAllow
    )
  },
  "an input in other words": {
    script: [[text("done")]],
    asks: ["messageGuarded"],
    layer: MessageGuard.layer(
      MessageGuard.forDirection(
        MessageGuard.make(() => Effect.succeed(MessageGuard.Rewrite(Message.user("come")))),
        "input"
      )
    )
  },
  "a retry": { script: [[error("Overloaded")], [text("done")]], asks: ["retrying", "modelError"] },
  "a restart": {
    script: [[text("half"), error("Overloaded")], [text("whole")]],
    asks: ["turnRestarted"],
    agent: Agent.make("a", { restarts: 1 })
  },
  "a limit": {
    script: (_, turn) => [turn < 5 ? call(`${turn}`, "echo", { text: `${turn}` }) : text("done")],
    asks: ["limitWarning", "limitReached"],
    agent: Agent.make("a", { tools: [echo], limits: { turns: 5 } })
  },
  "a summary": {
    script: full,
    asks: ["contextOverflow", "compactionStart", "compacted", "messageDropped"],
    layer: compaction(() => Effect.succeed({ text: "so far", costs: [] }))
  },
  "a summary that fails": {
    script: full,
    asks: ["compactionFailed"],
    layer: compaction(() => Effect.fail(new SummaryFailed({ message: "no", costs: [] })))
  },
  "an answer of the wrong type": {
    script: [[text("one")], [text('{"n":1}')]],
    asks: ["outputRejected"],
    agent: Agent.make("a", { output: Schema.Struct({ n: Schema.Number }) })
  },
  "a failure": { script: [[error("Authentication")]], asks: ["error"] },
  "a stop": { script: [], asks: ["stop"], stops: true }
}

/** Plays a scene with these hooks in a world of its own. */
export const play = ({ layer = Layer.empty, agent: who = agent, script, stops }: Scene, hooks: Hooks.Service) => {
  const asked = Effect.unsafeMakeLatch()
  const stopping = [[text("half", gate(Effect.zipRight(asked.open, Effect.never)))]]
  const world = Layer.merge(Support.on(stops === true ? stopping : script), layer)
  return Effect.provide(Support.played(who, hooks, stops === true ? { stopSignal: asked.await } : {}), world)
}
