/**
 * Runners as tools: an agent gives a task to another one and reads its answer. The other one runs inside the call, so that
 * its events, costs, questions and its end are those of the run that called it.
 */
import type * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import type { ContextStore } from "../context/ContextStore.ts"
import * as Tool from "../tool/Tool.ts"
import type * as ToolResult from "../tool/ToolResult.ts"
import type * as Runnable from "./Runnable.ts"
import * as Background from "./SubagentBackground.ts"
import * as Call from "./SubagentCall.ts"
import * as Settings from "./SubagentOptions.ts"

/**
 * How a runner becomes a tool: its name and description, its sessions, how deep runs may stand in each other, and the bounds
 * of any tool.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends Settings.Options {}

/**
 * An agent of a menu: a runner that takes text, or `{ name, description, runner: () => … }` for one that is only known later.
 *
 * @category models
 * @since 0.1.0
 */
export type Entry = Settings.Entry

/**
 * A sub-agent that was not run, failed, or ended without an answer, in words for the model that called it.
 *
 * @category errors
 * @since 0.1.0
 */
export type SubagentFailed = Call.SubagentFailed

/**
 * How many runs may stand below the root unless a tool says otherwise.
 *
 * @category constructors
 * @since 0.1.0
 */
export const maxDepth = Settings.maxDepth

/**
 * Makes a tool of a runner. The model that calls it writes a task, or what `input` describes.
 *
 * **Details**
 *
 * - `input`: the parameters of the tool, for a runner that takes no text.
 * - The call answers with the text of the runner, or with its JSON when it has a typed answer.
 * - What a run fails with, that it ended without an answer, that it would stand too deep or in itself: all that is told to
 *   the model, with the names on the way.
 * - A run that waits for a person makes the call wait, and the run of its caller; `Agent.resume` goes on with that call alone.
 * - Errors: throws when a runner that is only known later has no `name`, and for numbers out of range.
 *
 * @category constructors
 * @since 0.1.0
 */
export const tool: {
  <Fields extends Schema.Struct.Fields, Out, E, R>(
    runner: Settings.Source<NoInfer<Schema.Struct.Type<Fields>>, Out, E, R>,
    options: Options & { readonly input: Schema.Struct<Fields> }
  ): Tool.WithHandler<R | ContextStore | Schema.Struct.Context<Fields>>
  <In, Out, E, R>(
    runner: Settings.Source<In, Out, E, R> & (string extends In ? unknown : Settings.TakesNoText<In>),
    options?: Options & { readonly input?: undefined }
  ): Tool.WithHandler<R | ContextStore>
} = (source: Runnable.Any | (() => Runnable.Any), options: Options & Input = {}) => {
  const { input } = options
  const isLater = typeof source === "function"
  const name = options.name ?? (isLater ? undefined : Settings.toolName(source.name))
  if (name === undefined)
    throw new TypeError("Subagent option name must be given for a runner that is only known later")
  const description = options.description ?? (isLater ? undefined : source.description)
  const terms = Settings.termsOf(options, name)
  const runner = () => (isLater ? source() : source)
  const made = Tool.make(
    name,
    { ...Settings.toolOptions(options), description, parameters: fieldsOf(input) },
    (given) => Call.delegate(runner(), input === undefined ? given["task"] : given, terms)
  )
  return Settings.offered(made, terms.maxDepth)
}

/**
 * Makes one tool of several agents: the model says which one, and writes a task. Its name is `delegate` unless given.
 *
 * **Details**
 *
 * - The model reads the names and descriptions in the parameter `agent`. One that is not there is told the names.
 * - `session: "shared"`: one for each agent. All other options hold for all calls of the tool together.
 * - Errors: throws when there are no agents, and when two have the same name.
 *
 * @category constructors
 * @since 0.1.0
 */
export const menu = <const Entries extends ReadonlyArray<Entry>>(
  entries: Entries,
  options: Options = {}
): Tool.WithHandler<Settings.Needs<Entries[number]> | ContextStore> => {
  const agents = Settings.menuOf(entries)
  const name = options.name ?? "delegate"
  const parameters = { agent: Settings.agentParameter(agents), task: Settings.task }
  const description = options.description ?? "Gives a task to another agent, and answers with what it comes to."
  const terms = Settings.termsOf(options, name)
  const made = Tool.make(name, { ...Settings.toolOptions(options), description, parameters }, ({ agent, task }) =>
    Call.delegate(Settings.runnerOf(agents, agent), task, { ...terms, shared: `${name}/${agent}` })
  )
  return Settings.offered(made, terms.maxDepth)
}

/**
 * Makes the tools with which an agent has others work in the background, and goes on meanwhile.
 *
 * @category constructors
 * @since 0.1.0
 */
export const background: typeof Background.make = Background.make

/**
 * Runs a runner within the current call, and answers it with what it answers: what `Subagent.tool` does, for handlers of your
 * own.
 *
 * **Details**
 *
 * - Return the answer as it is: it may be one that waits for a person, and the same call is then made again with the answers.
 *   So a handler delegates at most once in a call, and does nothing before that which must not happen twice.
 *
 * @category combinators
 * @since 0.1.0
 */
export const delegate = <In, Out, E, R>(
  runner: Runnable.Runner<In, Out, E, R>,
  input: In,
  options: Pick<Options, "session" | "maxDepth"> = {}
): Effect.Effect<ToolResult.Answer<unknown>, SubagentFailed, R | ContextStore> =>
  Call.delegate(runner, input, Settings.termsOf(options, Settings.toolName(runner.name)))

// internal

interface Input {
  readonly input?: Schema.Struct<Schema.Struct.Fields> | undefined
}

/** The parameters of a tool. What their schemas need is part of the tool's type. */
const fieldsOf = (input: Input["input"]) => {
  const fields: Schema.Struct.Fields = input === undefined ? { task: Settings.task } : input.fields
  return fields as Readonly<Record<string, typeof Schema.Unknown>>
}
