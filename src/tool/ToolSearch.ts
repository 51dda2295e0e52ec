/**
 * For agents with more tools than a request should carry: the model is offered a few, and one that searches the others. What
 * it finds it may call from the next turn on. Their schemas are deferred until then.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type { ToolSpec } from "../domain/Request.ts"
import * as Selecting from "./internal/selecting.ts"
import { matching } from "./internal/selectingWords.ts"
import * as Tool from "./Tool.ts"
import * as ToolSelector from "./ToolSelector.ts"

/**
 * What is offered from the beginning, and how much a search finds.
 *
 * **Details**
 *
 * - `always`: names of tools that need no search.
 * - `most`: how many tools one search finds; 5.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly always?: ReadonlyArray<string> | undefined
  readonly most?: number | undefined
}

/**
 * The name of the tool that searches tools.
 *
 * @category constructors
 * @since 0.1.0
 */
export const toolName: string = Selecting.searchName

/**
 * Makes a selector that offers `always` and `search_tools`, and what was found.
 *
 * **Details**
 *
 * - Found is what results of `search_tools` in the conversation name, and what was called in it: nothing is kept elsewhere,
 *   so that a run that is replayed or resumed goes on with the same tools, and the next run of the session has those that
 *   its window still shows.
 * - A call of a tool that was not found is not run; it is offered from the next turn on.
 * - A result has the name, the description and the schema of each tool, in at most 16,000 characters: what does not fit is
 *   left out of it, and offered all the same. A search that finds nothing names the tools that there are.
 * - Errors: a number out of range throws a `RangeError`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): ToolSelector.Service => {
  const { most = 5 } = options
  Selecting.check("ToolSearch", "most", most, 1)
  const always = new Set([...(options.always ?? []), toolName])
  return ToolSelector.make(
    ({ messages, tools }) =>
      Effect.sync(() => ({ tools: Selecting.inOrder(tools, always, Selecting.shown(messages)) })),
    {
      sources: (tools) => [
        {
          tool: declared.tool,
          handler: ({ query }: { readonly query: string }) => Effect.sync(() => answer(tools(), query, most))
        }
      ]
    }
  )
}

/**
 * Layer that has the model search for tools.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options?: Options): Layer.Layer<ToolSelector.ToolSelector> =>
  Layer.sync(ToolSelector.ToolSelector, () => make(options))

// internal

const longest = 16_000
const longestList = 2000

/** Declared once, so that its schema is derived once; each run has a handler of its own. */
const declared = Tool.make(
  Selecting.searchName,
  {
    description:
      "Finds more tools. There are tools that are not offered yet: search for what you need to do before you say that" +
      " you cannot. What is found can be called from your next answer on.",
    parameters: {
      query: Schema.String.annotations({ description: "What the tool has to do in a few words, or its name" })
    },
    success: Schema.String,
    readOnly: true,
    resultBound: longest + longestList
  },
  () => Effect.dieMessage(`${Selecting.searchName} runs within a run of an agent only.`)
)

const answer = (all: ReadonlyArray<ToolSpec>, query: string, most: number): string => {
  const tools = all.filter(({ name }) => name !== toolName)
  const words = new Set(query.split(/[\s,;"'`]+/).filter((word) => word !== ""))
  const named = tools.filter(({ name }) => words.has(name))
  // Names alone ask for these tools, and for none that merely speak of the same.
  const more = named.length === words.size ? [] : matching(tools, query)
  const found = [...new Set([...named, ...more])].slice(0, most)
  if (found.length === 0) {
    return `No tool matches ${JSON.stringify(query.slice(0, 200))}. Search in other words. There are: ${list(tools)}.`
  }
  const lines = [
    Selecting.foundLine(
      found.map(({ name }) => name),
      tools.length
    )
  ]
  let left = longest
  for (const tool of found) {
    const line = [schemaOf(tool), aboutOf(tool)].find((text) => text.length <= left)
    if (line === undefined) continue
    lines.push(line)
    left -= line.length
  }
  return lines.join("\n")
}

const schemaOf = ({ description, inputSchema, name }: ToolSpec): string =>
  JSON.stringify({ name, description, parameters: inputSchema })

const aboutOf = ({ description, name }: ToolSpec): string => JSON.stringify({ name, description })

const list = (tools: ReadonlyArray<ToolSpec>): string => {
  const names: Array<string> = []
  let length = 0
  for (const { name } of tools) {
    length += name.length + 2
    if (length > longestList) return `${names.join(", ")} and ${tools.length - names.length} more`
    names.push(name)
  }
  return names.length === 0 ? "none" : names.join(", ")
}
