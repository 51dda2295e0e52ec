/**
 * The end of a run in words: why it ended, when that is worth saying, and what it cost.
 */
import type { Of } from "../../../domain/AgentEvent.ts"
import { totalTokens } from "../../../domain/Usage.ts"
import { numeral, plural } from "../../internal/words.ts"
import type { Block, Note } from "./block.ts"
import { timeOf } from "./card.ts"

/**
 * The blocks that a run ends with, after so many milliseconds.
 *
 * @category converters
 * @since 0.1.0
 */
export const endOf = (event: Of<"RunEnd">, millis: number): ReadonlyArray<Block> => {
  const { limit, reason, turn, usage, why } = event
  const said = endings[reason]?.(limit ?? "")
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

const endings: { readonly [reason: string]: (limit: string) => string } = {
  length: () => "The model reached its output limit; the answer is cut.",
  "content-filter": () => "The vendor's content filter cut the answer.",
  limit: (limit) => `The run reached its limit of ${limit}.`,
  blocked: () => "A guard of messages ended the run.",
  stopped: () => "Stopped.",
  interrupted: () => "Interrupted.",
  "awaiting-approval": () => "The run waits for a person to approve its calls."
}
