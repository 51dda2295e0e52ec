/**
 * How runners become tools: what `Subagent` takes, checked and filled in.
 */
import type * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import * as Check from "../internal/options.ts"
import type * as Tool from "../tool/Tool.ts"
import type * as Runnable from "./Runnable.ts"
import * as Call from "./SubagentCall.ts"

/**
 * A runner, or how to get at it, for agents that refer to each other.
 *
 * @category models
 * @since 0.1.0
 */
export type Source<In, Out, E, R> = Runnable.Runner<In, Out, E, R> | (() => Runnable.Runner<In, Out, E, R>)

/**
 * What stands, in an error of the compiler, for a runner that takes no text: it needs the option `input`.
 *
 * @category models
 * @since 0.1.0
 */
export interface TakesNoText<in Taken> {
  readonly needsTheOptionInput: (input: Taken) => void
}

/**
 * How a runner becomes a tool. What is not named here is as of any tool.
 *
 * **Details**
 *
 * - `name`: the name of the runner unless given, with `_` for what vendors do not take. It has to be given for a runner that
 *   is only known later. `description`: that of the runner unless given.
 * - `session`: `"fresh"` (the default) for a conversation of its own in each call, `"forked"` for a copy of the caller's up to
 *   the answer that makes the call, `"shared"` for one that all calls of the tool go on with, one after the other.
 * - `maxDepth`: how many runs may stand below the root, of whatever kind; 5. Where that is reached, the model is not told of
 *   the tool.
 * - `concurrency`: how many calls of one answer run at once, below the bound of the agent. `timeout`: of a call.
 * - `fatal`: a sub-agent that fails ends the run of its caller with `ToolFailed`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly name?: string | undefined
  readonly description?: string | undefined
  readonly session?: Call.SessionMode | undefined
  readonly maxDepth?: number | undefined
  readonly concurrency?: number | undefined
  readonly timeout?: Duration.DurationInput | undefined
  readonly needsApproval?: boolean | undefined
  readonly readOnly?: boolean | undefined
  readonly resultBound?: number | undefined
  readonly fatal?: boolean | undefined
}

/**
 * An agent of a menu: a runner that takes text, or one that is only known later.
 *
 * @category models
 * @since 0.1.0
 */
export type Entry = Text<unknown> | Later<unknown>

/**
 * A runner that takes text.
 *
 * @category models
 * @since 0.1.0
 */
export type Text<R> = Runnable.Runner<string, unknown, unknown, R>

/**
 * A runner that is only known later, and what a model is told of it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Later<out R> {
  readonly name: string
  readonly description?: string | undefined
  readonly runner: () => Text<R>
}

/**
 * What an agent of a menu needs.
 *
 * @category models
 * @since 0.1.0
 */
export type Needs<T> = T extends Later<infer R> ? R : T extends Text<infer R> ? R : never

/**
 * The agents of a menu, by name.
 *
 * @category models
 * @since 0.1.0
 */
export type Menu = ReadonlyMap<
  string,
  { readonly description: string | undefined; readonly runner: () => Runnable.Any }
>

/**
 * How many runs may stand below the root unless a tool says otherwise.
 *
 * @category constructors
 * @since 0.1.0
 */
export const maxDepth = 5

/**
 * The options of the tool, without its name and parameters.
 *
 * @category converters
 * @since 0.1.0
 */
export const toolOptions = ({
  concurrency,
  description,
  fatal,
  needsApproval,
  readOnly,
  resultBound,
  timeout
}: Options) => ({ concurrency, description, fatal, needsApproval, readOnly, resultBound, timeout })

/**
 * How the runner of a tool runs; checked.
 *
 * **Details**
 *
 * - Errors: throws for a depth below 1 and an unknown mode of sessions.
 *
 * @category converters
 * @since 0.1.0
 */
export const termsOf = (options: Pick<Options, "maxDepth" | "session">, shared: string): Call.Terms => {
  Check.whole("Subagent option maxDepth", options.maxDepth, 1)
  Check.oneOf("Subagent option session", options.session, ["fresh", "forked", "shared"])
  return { session: options.session ?? "fresh", maxDepth: options.maxDepth ?? maxDepth, shared }
}

/**
 * The tool, which models are told of only where its runs would not stand too deep.
 *
 * @category combinators
 * @since 0.1.0
 */
export const offered = <R>(made: Tool.WithHandler<R>, maxDepth: number): Tool.WithHandler<R> => ({
  ...made,
  offered: Call.isOffered(maxDepth)
})

/**
 * The name of a tool after that of a runner, as vendors take it.
 *
 * @category converters
 * @since 0.1.0
 */
export const toolName = (name: string): string =>
  name
    .trim()
    .replace(/[^a-zA-Z0-9_-]+/g, "_")
    .slice(0, 64)

/**
 * The agents by name.
 *
 * **Details**
 *
 * - Errors: throws when there are none, and when two have the same name.
 *
 * @category converters
 * @since 0.1.0
 */
export const menuOf = (entries: ReadonlyArray<Entry>): Menu => {
  if (entries.length === 0) throw new TypeError("A menu of agents must have at least one")
  const menu = new Map<string, { readonly description: string | undefined; readonly runner: () => Runnable.Any }>()
  for (const entry of entries) {
    const { description, name } = entry
    if (menu.has(name)) throw new TypeError(`Two agents of a menu have the name ${JSON.stringify(name)}: name one anew`)
    menu.set(name, { description, runner: "behavior" in entry ? () => entry : entry.runner })
  }
  return menu
}

/**
 * The agent of this name. It is one of the menu: the schema of the parameter has been asked.
 *
 * @category converters
 * @since 0.1.0
 */
export const runnerOf = (menu: Menu, name: string): Runnable.Any => {
  const found = menu.get(name)
  if (found === undefined) throw new Error(`No agent of the menu is called ${JSON.stringify(name)}`)
  return found.runner()
}

/**
 * The parameter with which a model names an agent of a menu.
 *
 * @category schemas
 * @since 0.1.0
 */
export const agentParameter = (menu: Menu) => {
  const lines = [...menu].map(([name, { description }]) =>
    description === undefined ? name : `${name}: ${description}`
  )
  return Schema.Literal(...menu.keys()).annotations({ description: `The agent:\n${lines.join("\n")}` })
}

/**
 * The parameter in which a model writes a task.
 *
 * @category schemas
 * @since 0.1.0
 */
export const task = Schema.String.annotations({ description: "The task, with all that is needed to do it" })
