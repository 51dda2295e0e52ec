/**
 * Which of its tools an agent offers to the model in a turn. Tools are the beginning of every request: fewer of them cost
 * less and mislead less, while a list that changes costs the vendor's cache. So a selector is asked before every turn, and
 * within a run only ever adds. It saves and guides; what may be done is for guards to say, who still judge every call.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Layer from "effect/Layer"
import type { Service as Identity } from "../context/Identity.ts"
import type { Cost } from "../context/Paid.ts"
import type { RunId, SessionId } from "../domain/Ids.ts"
import type { Message } from "../domain/Message.ts"
import type { ToolChoice, ToolSpec } from "../domain/Request.ts"
import type { WithHandler } from "./Tool.ts"

/**
 * The turn that tools are selected for.
 *
 * **Details**
 *
 * - `turn`: 1 for the first of a run. `messages`: the conversation as it will be sent, without the instructions.
 * - `tools`: all that the agent has. `offered`: what was offered in the turn before, in this order; absent in the first turn
 *   of a run, and of one that goes on in another process.
 * - `brought`: names of the tools that services of the run brought along, such as `read_artifact`. They are offered with
 *   every selection that is not empty.
 *
 * @category models
 * @since 0.1.0
 */
export interface About {
  readonly agent: string
  readonly run: RunId
  readonly session: SessionId
  readonly turn: number
  readonly identity: Identity
  readonly messages: ReadonlyArray<Message>
  readonly tools: ReadonlyArray<ToolSpec>
  readonly offered?: ReadonlyArray<string> | undefined
  readonly brought?: ReadonlyArray<string> | undefined
}

/**
 * What was selected.
 *
 * **Details**
 *
 * - `tools`: names, in the order in which they are offered; those that the agent does not have are passed over. None at all
 *   leaves the model without tools.
 * - `toolChoice`: whether the model may or must call; as it would be without a selector when absent.
 * - `costs`: what selecting cost, if a model was asked. `Paid` was told of it before.
 *
 * @category models
 * @since 0.1.0
 */
export interface Selection {
  readonly tools: ReadonlyArray<string> | "all"
  readonly toolChoice?: ToolChoice | undefined
  readonly costs?: ReadonlyArray<Cost> | undefined
}

/**
 * What goes into the request: the tools that a selection stands for, and how the model is to choose among them.
 *
 * @category models
 * @since 0.1.0
 */
export interface Offer {
  readonly tools: ReadonlyArray<ToolSpec>
  readonly toolChoice: ToolChoice | undefined
  readonly costs: ReadonlyArray<Cost>
}

/**
 * What a selector does.
 *
 * @category models
 * @since 0.1.0
 */
export interface Service {
  /**
   * The tools that the selector itself brings along to a run, given how to look up all tools of that run. Asked once per
   * run, before the tools are known: what it is given may be called by handlers only.
   */
  readonly sources: (tools: () => ReadonlyArray<ToolSpec>) => ReadonlyArray<WithHandler>
  /** Selects for one turn. Keeps nothing: the same turn comes to the same, also in another process. */
  readonly select: (about: About) => Effect.Effect<Selection>
}

/**
 * Which tools of those that there are. A function is asked about each.
 *
 * @category models
 * @since 0.1.0
 */
export type Names = ReadonlyArray<string> | "all" | ((tool: ToolSpec, about: About) => boolean)

/**
 * What one run uses in place of what its agent would.
 *
 * **Details**
 *
 * - `tools`: offered in every turn of the run, and besides only what its services brought along; `[]` leaves the model
 *   without any.
 * - `toolChoice`: one that forces a call (`"required"`, `{ tool }`) holds for the first turn of the run, since a model that
 *   has to call in every turn never answers. Others hold for all.
 *
 * @category models
 * @since 0.1.0
 */
export interface Restriction {
  readonly tools?: ReadonlyArray<string> | undefined
  readonly toolChoice?: ToolChoice | undefined
}

const noSources: Service["sources"] = () => []

/**
 * Selects everything, in every turn.
 *
 * @category constructors
 * @since 0.1.0
 */
export const all: Service = { sources: noSources, select: () => Effect.succeed({ tools: "all" }) }

/**
 * The selector in use. Everything is selected unless one is provided.
 *
 * @category references
 * @since 0.1.0
 */
export class ToolSelector extends Context.Reference<ToolSelector>()("axonal/tool/ToolSelector", {
  defaultValue: () => all
}) {}

/**
 * Makes a selector of a function.
 *
 * **Details**
 *
 * - Within a run it only adds: what was offered in the turn before stays, in its place, and what is new comes behind it.
 *   `sticky: false` takes each selection as it is; every change then costs the vendor's cache from the tools on.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  select: Service["select"],
  options: { readonly sticky?: boolean | undefined; readonly sources?: Service["sources"] | undefined } = {}
): Service => ({
  sources: options.sources ?? noSources,
  select:
    options.sticky === false ? select : (about) => Effect.map(select(about), (selection) => extended(about, selection))
})

/**
 * Makes a selector that goes by fixed rules.
 *
 * **Details**
 *
 * - `tools`: of every agent that is not named in `agents`; all when absent. The order is that of the agent's tools.
 * - `toolChoice`: one that forces a call holds for the first turn of a run.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeStatic = (options: {
  readonly tools?: Names | undefined
  readonly agents?: { readonly [agent: string]: Names } | undefined
  readonly toolChoice?: ToolChoice | undefined
}): Service => {
  const agents = new Map(Object.entries(options.agents ?? {}))
  const otherwise = options.tools ?? "all"
  return make((about) =>
    Effect.sync(() => ({
      tools: picked(about, agents.get(about.agent) ?? otherwise),
      toolChoice: choiceAt(options.toolChoice, about.turn)
    }))
  )
}

/**
 * The selector for one run that brings its own tools or its own choice. What is absent is left to the selector.
 *
 * **Details**
 *
 * - With `tools` the selector is not asked, and brings nothing along. A name that the agent does not have is passed over and
 *   logged once, as a warning.
 *
 * @category combinators
 * @since 0.1.0
 */
export const restrict: {
  (restriction: Restriction): (self: Service) => Service
  (self: Service, restriction: Restriction): Service
} = dual(2, (self: Service, { toolChoice, tools }: Restriction): Service => {
  if (tools === undefined && toolChoice === undefined) return self
  if (tools !== undefined) {
    return {
      sources: noSources,
      select: (about) =>
        Effect.as(about.turn === 1 ? warnOfUnknown(about, tools) : Effect.void, {
          tools,
          toolChoice: choiceAt(toolChoice, about.turn)
        })
    }
  }
  return {
    sources: self.sources,
    select: (about) =>
      Effect.map(self.select(about), (selection) => ({
        ...selection,
        toolChoice: choiceAt(toolChoice, about.turn) ?? selection.toolChoice
      }))
  }
})

/**
 * Asks a selector for one turn. A selector that dies selects everything: it costs more, and nothing is missing.
 *
 * **Details**
 *
 * - What it answers is JSON, for those who keep a journal; `toOffer` makes of it what goes into the request.
 * - Errors: none. A defect is logged as a warning.
 *
 * @category combinators
 * @since 0.1.0
 */
export const ask = (selector: Service, about: About): Effect.Effect<Selection> =>
  Effect.catchAllCause(
    Effect.suspend(() => selector.select(about)),
    (cause) =>
      Effect.as(
        Effect.logWarning("The selector of tools died; all tools are offered", cause),
        extended(about, { tools: "all" })
      )
  )

/**
 * What a selection stands for, among the tools that there are.
 *
 * **Details**
 *
 * - Names are taken once, in their order, and what was brought along comes last. A selection of everything, in its order,
 *   is the list of tools itself.
 * - A tool that has to be called is offered, too; one that the agent does not have is no choice. Without tools there is no
 *   choice at all.
 *
 * @category converters
 * @since 0.1.0
 */
export const toOffer = (selection: Selection, about: Pick<About, "tools" | "brought">): Offer => {
  const { costs = [], toolChoice, tools: names } = selection
  const { brought = [], tools } = about
  if (names !== "all" && names.length === 0) return { tools: [], toolChoice: undefined, costs }
  const byName = new Map(tools.map((tool) => [tool.name, tool]))
  const forced = typeof toolChoice === "object" ? toolChoice.tool : undefined
  const choice = forced === undefined || byName.has(forced) ? toolChoice : undefined
  if (names === "all") return { tools, toolChoice: choice, costs }
  const wanted = forced === undefined ? names : [...names, forced]
  const own = wanted.filter((name) => byName.has(name))
  if (own.length === 0) return { tools: [], toolChoice: undefined, costs }
  const specs = [...new Set([...own, ...brought])].flatMap((name) => byName.get(name) ?? [])
  const isAll = specs.length === tools.length && specs.every((spec, index) => spec === tools[index])
  return { tools: isAll ? tools : specs, toolChoice: choice, costs }
}

/**
 * What a model is told that calls a tool which it was not offered.
 *
 * **Details**
 *
 * - Such a call is not run: its outcome is `unknown-tool`, as that of a tool that does not exist.
 *
 * @category converters
 * @since 0.1.0
 */
export const refusal = (name: string, offered: Iterable<string>): string => {
  const names = [...offered]
  return names.length === 0
    ? `${name} was not offered, nor is any other tool. Answer without tools.`
    : `${name} was not offered, so it was not called. Offered tools: ${names.join(", ")}.`
}

/**
 * Layer of a selector that is a function.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (select: Service["select"], options?: Parameters<typeof make>[1]): Layer.Layer<ToolSelector> =>
  Layer.succeed(ToolSelector, make(select, options))

/**
 * Layer of a selector that goes by fixed rules.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerStatic = (options: Parameters<typeof makeStatic>[0]): Layer.Layer<ToolSelector> =>
  Layer.sync(ToolSelector, () => makeStatic(options))

// internal

/** What was offered before, and then what is new. */
const extended = (about: About, selection: Selection): Selection => {
  const { offered, tools } = about
  if (offered === undefined) return selection
  const names = selection.tools === "all" ? tools.map(({ name }) => name) : selection.tools
  return { ...selection, tools: [...offered, ...names] }
}

const picked = (about: About, names: Names): Selection["tools"] => {
  if (names === "all") return "all"
  const set = typeof names === "function" ? undefined : new Set(names)
  const isPicked = typeof names === "function" ? names : ({ name }: ToolSpec) => set?.has(name) === true
  return about.tools.filter((tool) => isPicked(tool, about)).map(({ name }) => name)
}

const choiceAt = (choice: ToolChoice | undefined, turn: number): ToolChoice | undefined =>
  choice === "auto" || choice === "none" || turn === 1 ? choice : undefined

const warnOfUnknown = (about: About, names: ReadonlyArray<string>): Effect.Effect<void> => {
  const known = new Set(about.tools.map(({ name }) => name))
  const unknown = names.filter((name) => !known.has(name))
  return unknown.length === 0
    ? Effect.void
    : Effect.logWarning(`Agent ${about.agent} has no tools of these names: ${unknown.join(", ")}`)
}
