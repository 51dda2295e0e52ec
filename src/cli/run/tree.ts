/**
 * Who is doing what: the events of a run and of all that runs in it, folded to a tree, and the tree as lines for a window
 * of any size. Nothing here knows of terminals or of the clock, so that whatever shows it shows the same.
 */
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import type { AgentEvent, RunEnd } from "../../domain/AgentEvent.ts"
import type { CallId, PathStep, RunId } from "../../domain/Ids.ts"
import { totalTokens } from "../../domain/Usage.ts"
import { fitted } from "../internal/layout.ts"
import { argumentsOf, clip, lasting, oneLine, plural, rounded } from "../internal/words.ts"

/**
 * What a run does between its calls.
 *
 * **Details**
 *
 * - `Working`: nothing of its own that is told, as patterns do. `Writing`: an answer, `words` of it so far. `Calling`: it
 *   writes a call. `Pausing`: it asks its model again after a while, and why.
 *
 * @category models
 * @since 0.1.0
 */
export type Doing =
  | { readonly _tag: "Working" | "Thinking" }
  | { readonly _tag: "Writing"; readonly words: number; readonly isInWord: boolean }
  | { readonly _tag: "Calling"; readonly name: string }
  | { readonly _tag: "Pausing"; readonly why: string }

/**
 * One run.
 *
 * **Details**
 *
 * - `below`: what was started in it, oldest first. `touchedAt`: the number of the last event that told something of it.
 * - `calls`, `asked`: the calls that are at work, and those about which a person is asked, as they might be written.
 *
 * @category models
 * @since 0.1.0
 */
export interface Node {
  readonly agent: string
  readonly below: ReadonlyArray<RunId>
  /** Milliseconds since the epoch. */
  readonly begunAt: number
  readonly touchedAt: number
  readonly doing: Doing
  readonly calls: ReadonlyMap<CallId, string>
  readonly asked: ReadonlyMap<CallId, string>
  readonly end: RunEnd | undefined
}

/**
 * All runs that were heard of. `roots` are those in nothing else.
 *
 * @category models
 * @since 0.1.0
 */
export interface Tree {
  readonly nodes: HashMap.HashMap<RunId, Node>
  readonly roots: ReadonlyArray<RunId>
  /** How many events were folded in. */
  readonly count: number
}

/**
 * A line of the tree, and how it is with what it tells of. `more`: of runs for which there is no room.
 *
 * @category models
 * @since 0.1.0
 */
export interface Line {
  readonly text: string
  readonly mood: "working" | "asking" | "done" | "unfinished" | "more"
}

/**
 * A tree of nothing.
 *
 * @category constructors
 * @since 0.1.0
 */
export const empty: Tree = { nodes: HashMap.empty(), roots: [], count: 0 }

/**
 * Folds an event in that came at a time, in milliseconds since the epoch. Events that tell nothing of who does what, and
 * those that are not known here, change nothing.
 *
 * **Details**
 *
 * - Events may come in any order: a run is there from the first event on that names it, also as part of a way.
 *
 * @category combinators
 * @since 0.1.0
 */
export const fold = (tree: Tree, event: AgentEvent, at: number): Tree => {
  const change = changes.get(event._tag)
  if (change === undefined) return tree
  const known = withRun(tree, event, at)
  const count = tree.count + 1
  const nodes = HashMap.modify(known.nodes, event.run, (node) => ({ ...change(node, event), touchedAt: count }))
  return { ...known, nodes, count }
}

/**
 * The tree as lines: one for each run, each below the one that it runs in.
 *
 * **Details**
 *
 * - `width`: no line takes more columns. `height`: there are no more lines; the last then says how many runs are not shown.
 *   Those that are at work come first then, after them those that ended last.
 * - `now`: the time, in milliseconds since the epoch.
 *
 * @category converters
 * @since 0.1.0
 */
export const lines = (
  tree: Tree,
  { height, now, width }: { readonly height: number; readonly now: number; readonly width: number }
): ReadonlyArray<Line> => {
  const rows = rowsOf(tree)
  if (height < 1) return []
  const shown = rows.length <= height ? rows : mostTelling(rows, height - 1)
  const all = shown.map(({ depth, node }): Line => {
    const mood = moodOf(node)
    const indent = " ".repeat(Math.min(2 * depth, Math.max(0, Math.floor(width / 2))))
    return { mood, text: fitted(`${indent}${signs[mood]} ${saidOf(node, now)}`, width) }
  })
  const hidden = rows.length - shown.length
  if (hidden === 0) return all
  const working = rows.filter((row) => row.node.end === undefined && !shown.includes(row)).length
  const more = `… ${hidden} more${working === 0 ? "" : `, ${working} at work`}`
  return [...all, { mood: "more", text: fitted(more, width) }]
}

/**
 * What begins or ends with an event, in one line with the way to it, for where nothing can be drawn anew. Nothing for other
 * events.
 *
 * @category converters
 * @since 0.1.0
 */
export const told = (event: AgentEvent): string | undefined => {
  if (event._tag === "RunStart") return `${wayOf(event)}: started`
  return event._tag === "RunEnd" ? `${wayOf(event)}: ${endOf(event)}` : undefined
}

/**
 * The agents on the way to a run, from the root on: `lead > researcher`.
 *
 * @category converters
 * @since 0.1.0
 */
export const wayOf = ({
  agent,
  path = []
}: {
  readonly agent: string
  readonly path?: ReadonlyArray<PathStep> | undefined
}): string => [...path.map((step) => nameOf(step.agent)), nameOf(agent)].join(" > ")

// internal

type Change = (node: Node, event: AgentEvent) => Node

/** A change for one kind of event. */
const on = <Tag extends AgentEvent["_tag"]>(
  tag: Tag,
  change: (node: Node, event: Extract<AgentEvent, { readonly _tag: Tag }>) => Partial<Node>
): readonly [Tag, Change] => [tag, (node, event) => (isOf(event, tag) ? { ...node, ...change(node, event) } : node)]

const isOf = <Tag extends AgentEvent["_tag"]>(
  event: AgentEvent,
  tag: Tag
): event is Extract<AgentEvent, { readonly _tag: Tag }> => event._tag === tag

const changes: ReadonlyMap<string, Change> = new Map<string, Change>([
  // A run that goes on is at work again.
  on("RunStart", () => ({ end: undefined, doing: { _tag: "Working" }, calls: none, asked: none })),
  on("TurnStart", () => ({ doing: { _tag: "Thinking" } })),
  on("ReasoningDelta", () => ({ doing: { _tag: "Thinking" } })),
  on("TextDelta", ({ doing }, { delta }) => ({ doing: written(doing, delta) })),
  on("OutputDelta", ({ doing }) => ({ doing: written(doing, "") })),
  on("ToolInputStart", (_, { name }) => ({ doing: { _tag: "Calling", name: nameOf(name) } })),
  on("ToolStart", ({ calls }, { call, input, name }) => ({
    doing: { _tag: "Working" },
    calls: new Map(calls).set(call, callOf(name, input))
  })),
  on("ToolEnd", ({ asked, calls }, { call }) => ({ calls: without(calls, call), asked: without(asked, call) })),
  on("ApprovalAsked", ({ asked }, { call, input, name }) => ({
    asked: new Map(asked).set(call, callOf(name, input))
  })),
  on("ApprovalDecided", ({ asked }, { call }) => ({ asked: without(asked, call) })),
  on("Retrying", (_, { error }) => ({ doing: { _tag: "Pausing", why: error.message } })),
  on("TurnRestarted", (_, { error }) => ({ doing: { _tag: "Pausing", why: error.message } })),
  on("TurnEnd", () => ({ doing: { _tag: "Working" }, calls: none })),
  on("RunEnd", (_, end) => ({ end, calls: none, asked: none }))
])

const none: ReadonlyMap<CallId, string> = new Map()

const callOf = (name: string, input: unknown): string => `${nameOf(name)}(${oneLine(argumentsOf(input))})`

/** One more piece of an answer, which may begin or end within a word. */
const written = (doing: Doing, delta: string): Doing => {
  const before = doing._tag === "Writing" ? doing : { words: 0, isInWord: false }
  const begun = delta.match(/\S+/g)?.length ?? 0
  const joins = before.isInWord && /^\S/.test(delta) ? 1 : 0
  const isInWord = delta === "" ? before.isInWord : /\S$/.test(delta)
  return { _tag: "Writing", words: before.words + begun - joins, isInWord }
}

const without = (calls: ReadonlyMap<CallId, string>, call: CallId): ReadonlyMap<CallId, string> => {
  if (!calls.has(call)) return calls
  const rest = new Map(calls)
  rest.delete(call)
  return rest
}

/** The tree with a run, and with all on the way to it. */
const withRun = (tree: Tree, { agent, path = [], run }: AgentEvent, at: number): Tree => {
  if (HashMap.has(tree.nodes, run)) return tree
  let [{ nodes, roots }, above]: [Tree, RunId | undefined] = [tree, undefined]
  for (const step of [...path, { agent, run }]) {
    if (!HashMap.has(nodes, step.run)) {
      nodes = HashMap.set(nodes, step.run, fresh(step.agent, at))
      if (above === undefined) roots = [...roots, step.run]
      else nodes = HashMap.modify(nodes, above, (node) => ({ ...node, below: [...node.below, step.run] }))
    }
    above = step.run
  }
  return { ...tree, nodes, roots }
}

const fresh = (agent: string, at: number): Node => ({
  agent: nameOf(agent),
  below: [],
  begunAt: at,
  touchedAt: 0,
  doing: { _tag: "Working" },
  calls: none,
  asked: none,
  end: undefined
})

interface Row {
  readonly node: Node
  readonly depth: number
  /** How it is with it and all that runs in it: what is at work there, and when something was heard of it last. */
  readonly isAtWork: boolean
  readonly touchedAt: number
}

/** The runs from top to bottom. */
const rowsOf = ({ nodes, roots }: Tree): ReadonlyArray<Row> => {
  const below = (runs: ReadonlyArray<RunId>, depth: number): ReadonlyArray<ReadonlyArray<Row>> =>
    runs.flatMap((run) => {
      const node = Option.getOrUndefined(HashMap.get(nodes, run))
      if (node === undefined) return []
      const children = below(node.below, depth + 1)
      const heads = children.flatMap(([head]) => (head === undefined ? [] : [head]))
      const isAtWork = node.end === undefined || heads.some((head) => head.isAtWork)
      const touchedAt = heads.reduce((latest, head) => Math.max(latest, head.touchedAt), node.touchedAt)
      return [[{ node, depth, isAtWork, touchedAt }, ...children.flat()]]
    })
  return below(roots, 0).flat()
}

/** What matters most, still from top to bottom. Whatever a run runs in matters at least as much, so that ways stay whole. */
const mostTelling = (rows: ReadonlyArray<Row>, most: number): ReadonlyArray<Row> => {
  const ranked = rows.map((row, place) => ({ row, place }))
  ranked.sort(
    (left, right) =>
      Number(right.row.isAtWork) - Number(left.row.isAtWork) ||
      right.row.touchedAt - left.row.touchedAt ||
      left.place - right.place
  )
  return ranked
    .slice(0, most)
    .sort((left, right) => left.place - right.place)
    .map(({ row }) => row)
}

const signs: { readonly [Mood in Line["mood"]]: string } = {
  working: "●",
  asking: "?",
  done: "✓",
  unfinished: "✗",
  more: "…"
}

const moodOf = ({ asked, end }: Node): Line["mood"] => {
  if (end === undefined) return asked.size > 0 ? "asking" : "working"
  return end.reason === "completed" ? "done" : end.reason === "awaiting-approval" ? "asking" : "unfinished"
}

const saidOf = (node: Node, now: number): string => {
  const { agent, begunAt, end } = node
  if (end === undefined) return `${agent} ${lasting(now - begunAt)}: ${doingOf(node)}`
  return `${agent}: ${endOf(end)}, ${lasting(end.endedAtMillis - begunAt)}`
}

const doingOf = ({ asked, calls, doing }: Node): string => {
  const [question] = asked.values()
  if (question !== undefined) return `waiting for a person: ${question}${others(asked)}`
  const [call] = calls.values()
  if (call !== undefined) return `${call}${others(calls)}`
  switch (doing._tag) {
    case "Working":
      return "at work"
    case "Thinking":
      return "thinking"
    case "Writing":
      return doing.words === 0 ? "writing" : `writing, ${plural(doing.words, "word")}`
    case "Calling":
      return `${doing.name}(…)`
    case "Pausing":
      return `asking again: ${clip(oneLine(doing.why), 200)}`
  }
}

const others = ({ size }: ReadonlyMap<CallId, string>): string => (size > 1 ? ` and ${size - 1} more` : "")

const endOf = ({ error, limit, reason, turn, usage }: RunEnd): string => {
  const tokens = totalTokens(usage)
  return [
    reason === "error" ? `failed${error === undefined ? "" : `: ${clip(oneLine(error.message), 200)}`}` : undefined,
    reason === "error" ? undefined : (endings[reason] ?? reason) + (limit === undefined ? "" : ` of ${limit}`),
    turn === 0 ? undefined : plural(turn, "turn"),
    tokens === undefined ? "tokens unknown" : tokens === 0 ? undefined : `${rounded(tokens)} tokens`,
    usage.costUsd === undefined || usage.costUsd === 0 ? undefined : `$${usage.costUsd.toFixed(4)}`
  ]
    .filter((part) => part !== undefined)
    .join(", ")
}

const endings: { readonly [reason: string]: string } = {
  length: "cut by the output limit",
  "content-filter": "cut by the content filter",
  "awaiting-approval": "waits for a person",
  blocked: "blocked by a guard"
}

/** A name as it is shown. Runs are told from each other by their place, so that it may be cut. */
const nameOf = (name: string): string => clip(oneLine(name), 64)
