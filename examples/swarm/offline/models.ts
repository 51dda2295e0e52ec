/** Models without a network: scripts for the roles, by how their instructions begin, at prices like those of vendors. */
import type { Transport } from "axonal"
import { ScriptedTransport } from "axonal/testing"
import { Effect } from "effect"
import { lead } from "./lead.ts"
import * as Specialists from "./specialists.ts"

export const roles: Readonly<Record<string, ScriptedTransport.Script>> = {
  "You lead": lead,
  "You analyse": Specialists.analyst,
  "You plan": Specialists.planner,
  "You edit": Specialists.worker,
  "You write": Specialists.worker,
  "You review": Specialists.reviewer
}

/** A transport for each model that a file names. */
export const make = (scripts = roles): ((model: string) => Effect.Effect<Transport.Service>) => {
  const play = ScriptedTransport.roles(scripts)
  return (id) => {
    const price = id.endsWith("mini") ? { input: 0.25, output: 2 } : { input: 1.25, output: 10 }
    return Effect.succeed(ScriptedTransport.make(play, { model: { id, price } }).transport)
  }
}
