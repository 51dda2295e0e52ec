/**
 * Selects the tools that have words in common with what the user said last. Asks nobody and costs microseconds; it finds
 * what is called by its name, and not what is only meant.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Selecting from "./internal/selecting.ts"
import { matching } from "./internal/selectingWords.ts"
import * as ToolSelector from "./ToolSelector.ts"

/**
 * How tools are selected by their words.
 *
 * **Details**
 *
 * - `most`: how many tools are selected for their words; 10. An agent that has no more is offered all of them.
 * - `always`: names of tools that are offered whatever is said.
 * - `messages`: how many of the user's last messages are looked at; 3.
 * - `otherwise`: what is offered in a run that begins without any word in common: `"all"`, or `"always"` for these only.
 *   `"all"` when absent.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly most?: number | undefined
  readonly always?: ReadonlyArray<string> | undefined
  readonly messages?: number | undefined
  readonly otherwise?: "all" | "always" | undefined
}

/**
 * Makes a selector that goes by words.
 *
 * **Details**
 *
 * - Compared are the words of a tool's name, of its parameters' names and of its description, in this order of weight; rare
 *   words count more. Case, accents and `camelCase` make no difference, and words that begin alike count a little. Scripts
 *   that do not part words are compared by pairs of characters.
 * - Tools that the conversation shows as called stay offered. The order is that of the agent's tools.
 * - Errors: a number out of range throws a `RangeError`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): ToolSelector.Service => {
  const { messages: count = 3, most = 10, otherwise = "all" } = options
  Selecting.check("KeywordToolSelector", "most", most, 1)
  Selecting.check("KeywordToolSelector", "messages", count, 1)
  const always = new Set(options.always)
  return ToolSelector.make(({ messages, offered, tools }) =>
    Effect.sync(() => {
      if (tools.length <= most) return { tools: "all" }
      const shown = Selecting.shown(messages)
      const open = matching(tools, Selecting.lastWords(messages, count)).filter(({ name }) => !always.has(name))
      const found = new Set(open.slice(0, most).map(({ name }) => name))
      const known = Selecting.inOrder(tools, shown, found)
      if (known.length === 0 && offered === undefined && otherwise === "all") return { tools: "all" }
      return { tools: Selecting.inOrder(tools, always, shown, found) }
    })
  )
}

/**
 * Layer that selects tools by their words.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options?: Options): Layer.Layer<ToolSelector.ToolSelector> =>
  Layer.sync(ToolSelector.ToolSelector, () => make(options))
