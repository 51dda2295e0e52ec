/**
 * What happens on the way of a call, in a few words for whoever waits for it.
 */
import type { AgentEvent } from "../../domain/AgentEvent.ts"
import { head } from "../../internal/texts.ts"

/** Words for an event, or nothing for one that nobody has to be told. */
export const progressOf = (event: AgentEvent): string | undefined => {
  const depth = event.path?.length ?? 0
  switch (event._tag) {
    case "ToolProgress":
      return short(typeof event.chunk === "string" ? event.chunk : (JSON.stringify(event.chunk) ?? ""))
    case "RunStart":
      return depth > 1 ? `${event.agent} begins` : undefined
    case "TurnStart":
      return event.turn > 1 ? `${event.agent}: turn ${event.turn}` : undefined
    case "ToolStart":
      return depth > 0 ? `${event.agent}: ${event.name}` : undefined
    case "ToolEnd":
      return depth > 0 && event.outcome !== "ok" ? `${event.agent}: ${event.name} ${event.outcome}` : undefined
    case "ApprovalAsked":
      return `${event.agent} asks whether ${event.name} may run`
    case "Retrying":
      return `${event.agent} tries again`
    default:
      return undefined
  }
}

// internal

const most = 2000

const short = (text: string): string => (text.length <= most ? text : `${head(text, most)}…`)
