/**
 * A lead and its workers: an agent whose tools are other runners. It cuts a task into parts, gives them away, several at once,
 * and puts the answers together. For tasks whose parts are not known beforehand.
 */
import * as Agent from "../agent/Agent.ts"
import type { Options as AgentOptions } from "../agent/Definition.ts"
import type * as Outputs from "../agent/Output.ts"
import * as Subagent from "../agent/Subagent.ts"
import type * as Tool from "../tool/Tool.ts"
import type * as Toolkit from "../tool/Toolkit.ts"
import type { Requirements, Runner } from "./Runner.ts"

/**
 * A runner that takes a task in words: an agent, a pattern.
 *
 * @category models
 * @since 0.1.0
 */
export type Text = Runner<string, unknown, unknown, unknown>

/**
 * A worker: a runner that takes text, one with options of its tool, or a tool that was made of one by `Subagent.tool`, as for
 * runners that take no text.
 *
 * @category models
 * @since 0.1.0
 */
export type Worker = Text | (Subagent.Options & { readonly runner: Text }) | Tool.WithHandler<unknown>

/**
 * What a worker needs.
 *
 * @category models
 * @since 0.1.0
 */
export type WorkerRequirements<W> =
  W extends Tool.WithHandler<infer R>
    ? R
    : W extends { readonly runner: infer Own }
      ? Requirements<Own>
      : Requirements<W>

/**
 * Makes an agent whose tools are its workers.
 *
 * **Details**
 *
 * - `workers`: each is a tool of its name and description. What each needs stands in the agent's `R`.
 * - All other options are those of an agent. `toolConcurrency` is how many workers are at work at once; 8.
 *   `limits.lastTurnMessage` is what it is told when a limit leaves it one last answer to wrap up with.
 * - A worker that fails, or ends without an answer, is a failed call: the lead is told, and decides. One that waits for a person
 *   makes the lead wait, and goes on alone when `Agent.resume` brings the answer.
 * - Its tools: `workers` after `toolkit` and `tools`.
 * - Errors: throws without workers, and when two of them have the same name.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <
  const Workers extends ReadonlyArray<Worker>,
  Kit extends Toolkit.Any = never,
  const Tools extends ReadonlyArray<Tool.WithHandler<unknown> | Tool.Living<unknown>> = [],
  Out extends Outputs.Any = never
>(
  name: string,
  { workers, ...options }: AgentOptions<Kit, Tools, Out> & { readonly workers: Workers }
): Agent.Agent<
  Outputs.Type<Out>,
  Toolkit.Failure<Kit>,
  | Toolkit.Requirements<Kit>
  | Tool.HandlerRequirements<Tools[number]>
  | WorkerRequirements<Workers[number]>
  | Outputs.Requirements<Out>
> => withWorkers(Agent.make<Kit, Tools, Out>(name, options), workers)

/**
 * The agent with more workers, after its own tools.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withWorkers = <Output, E, R, const Workers extends ReadonlyArray<Worker>>(
  self: Agent.Agent<Output, E, R>,
  workers: Workers
): Agent.Agent<Output, E, R | WorkerRequirements<Workers[number]>> => {
  if (workers.length === 0) throw new TypeError(`Orchestrator ${self.name} needs at least one worker`)
  const tools: ReadonlyArray<Tool.WithHandler<WorkerRequirements<Workers[number]>>> = workers.map(toolOf)
  const names = tools.map(({ tool }) => tool.name)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) {
    throw new TypeError(`Orchestrator ${self.name} has two workers of the name ${twice}: give one of them another name`)
  }
  return Agent.withTools(self, tools)
}

// internal

const toolOf = (worker: Worker): Tool.WithHandler<never> => {
  const made = "handler" in worker ? worker : "runner" in worker ? ofOptions(worker) : Subagent.tool(worker)
  // What it needs is read off the workers' types.
  return made as Tool.WithHandler<never>
}

const ofOptions = ({ runner, ...options }: Subagent.Options & { readonly runner: Text }) =>
  Subagent.tool(runner, options)
