/**
 * What is to be said of a run besides what it says itself: attempts, limits, summaries; why it ended, and what it cost.
 */
import type { AgentEvent, Of } from "../../../domain/AgentEvent.ts"
import { totalTokens } from "../../../domain/Usage.ts"
import { numeral, plural } from "../../internal/words.ts"
import { ofCompaction, ofEnding, ofLimit } from "../../render.ts"
import type { Block, Note } from "./block.ts"
import { timeOf } from "./card.ts"
import { flat } from "./text.ts"

/**
 * The note on an event, if there is one.
 *
 * @category converters
 * @since 0.1.0
 */
export const noteOf = (event: AgentEvent): Note | undefined => {
  switch (event._tag) {
    case "OutputRejected":
      return quiet(`the answer is not what was asked for (${event.repair}): ${flat(event.description)}`)
    case "MessageGuarded": {
      const what = event.direction === "input" ? "what was said" : "the answer"
      const why = event.reason === undefined ? "" : `: ${flat(event.reason)}`
      return warning(event.verdict === "block" ? `a guard stopped ${what}${why}` : `a guard changed ${what}${why}`)
    }
    case "Retrying":
      return quiet(
        `again in ${timeOf(event.delayMillis)} (attempt ${event.attempt} failed): ${flat(event.error.message)}`
      )
    case "TurnRestarted":
      return quiet(`the answer broke off and begins anew in ${timeOf(event.delayMillis)}: ${flat(event.error.message)}`)
    case "Compacted":
      return quiet(ofCompaction(event.messages, event.tokensBefore, event.tokensAfter))
    case "CompactionFailed":
      return warning(`the conversation could not be summarised: ${flat(event.message)}`)
    case "LimitWarning":
      return warning(ofLimit(event))
    default:
      return undefined
  }
}

/**
 * The blocks that a run ends with, after so many milliseconds.
 *
 * @category converters
 * @since 0.1.0
 */
export const endOf = (event: Of<"RunEnd">, millis: number): ReadonlyArray<Block> => {
  const { reason, turn, usage, why } = event
  const said = endings[reason] ?? ofEnding(event)
  const words = said === undefined ? why : why === undefined ? said : `${said} ${why}`
  const { costUsd, estimated, inputTokens, outputTokens } = usage
  const cached =
    inputTokens.cacheRead === undefined || inputTokens.cacheRead === 0
      ? ""
      : ` (${numeral(inputTokens.cacheRead)} cached)`
  const count = (tokens: number | undefined): string => (tokens === undefined ? "?" : numeral(tokens))
  const facts = [
    plural(turn, "turn"),
    ...(inputTokens.total === undefined && outputTokens.total === undefined
      ? ["tokens unknown"]
      : [
          `${count(inputTokens.total)} in${cached}`,
          `${count(outputTokens.total)} out${estimated ? " (estimated)" : ""}`
        ]),
    ...(costUsd === undefined || costUsd === 0 ? [] : [`$${costUsd.toFixed(4)}`]),
    timeOf(millis)
  ]
  const isSilent = reason === "error" && totalTokens(usage) === 0
  return [
    ...(words === undefined ? [] : [{ _tag: "Note", kind: "warning", text: words } satisfies Note]),
    ...(isSilent ? [] : [{ _tag: "Footer", text: facts.join(" · ") } satisfies Block])
  ]
}

// internal

const quiet = (text: string): Note => ({ _tag: "Note", kind: "quiet", text })

const warning = (text: string): Note => ({ _tag: "Note", kind: "warning", text })

/** Plain lines tell of these elsewhere. */
const endings: { readonly [reason: string]: string } = { stopped: "Stopped.", interrupted: "Interrupted." }
