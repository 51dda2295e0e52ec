/**
 * Lanes: where a run writes its blocks, which is the transcript for the outermost one, and a place below a call for those that
 * calls started.
 */
import type { AgentEvent, Of } from "../../../domain/AgentEvent.ts"
import type { File } from "../../../domain/Part.ts"
import { totalTokens } from "../../../domain/Usage.ts"
import * as Calls from "../../internal/calls.ts"
import type { Answer, Block, Call, Run, Thought } from "./block.ts"
import { fold } from "./block.ts"
import { doing, timeOf } from "./card.ts"
import * as Media from "./media.ts"
import * as Telling from "./telling.ts"
import { clean } from "./text.ts"

/**
 * Where blocks of the outermost run go. `last` ones stay below all others.
 *
 * @category models
 * @since 0.1.0
 */
export interface Page {
  readonly add: (block: Block, last?: boolean) => void
  readonly remove: (block: Block) => void
  readonly touch: (block: Block) => void
}

/**
 * A call of which nothing but its name is known.
 *
 * @category constructors
 * @since 0.1.0
 */
export const newCall = (id: string, name: string): Call => ({
  _tag: "Call",
  id,
  name,
  state: "writing",
  arguments: undefined,
  input: undefined,
  written: 0,
  output: "",
  since: undefined,
  millis: undefined,
  content: [],
  display: undefined,
  remarks: [],
  files: [],
  runs: [],
  fold: fold()
})

/**
 * A call, and the block of the transcript that it is in.
 *
 * @category models
 * @since 0.1.0
 */
export interface Placed {
  readonly call: Call
  readonly top: Block
}

/**
 * Where a run writes, and what it is writing.
 *
 * @category models
 * @since 0.1.0
 */
export interface Lane {
  /** Absent for the outermost run. */
  readonly run: Run | undefined
  /** The call that a nested run is below, and the block of the transcript that it is drawn in. */
  readonly call: Call | undefined
  readonly top: Block | undefined
  readonly add: (block: Block) => void
  readonly touch: (block: Block) => void
  readonly remove: (block: Block) => void
  /** What is being written. */
  answer: { readonly index: number; block: Answer } | undefined
  thought: { readonly index: number; readonly block: Thought } | undefined
  /** The note about the last attempt. */
  retry: Block | undefined
  /** What the turn has brought so far. */
  turn: Array<Block>
}

/**
 * The lane of the outermost run.
 *
 * @category constructors
 * @since 0.1.0
 */
export const outermost = (page: Page): Lane => ({
  run: undefined,
  call: undefined,
  top: undefined,
  add: page.add,
  touch: page.touch,
  remove: page.remove,
  answer: undefined,
  thought: undefined,
  retry: undefined,
  turn: []
})

/**
 * The lane of a run below a call, of which the last 100 blocks are kept.
 *
 * @category constructors
 * @since 0.1.0
 */
export const nested = (run: Run, call: Call, top: Block, page: Page): Lane => ({
  run,
  call,
  top,
  add: (block) => {
    run.blocks.push(block)
    if (run.blocks.length > mostNested) {
      run.blocks.shift()
      run.dropped++
    }
  },
  touch: () => page.touch(top),
  remove: (block) => {
    const at = run.blocks.indexOf(block)
    if (at >= 0) run.blocks.splice(at, 1)
  },
  answer: undefined,
  thought: undefined,
  retry: undefined,
  turn: []
})

/**
 * Where what runs below a nested run is shown: in the same call.
 *
 * @category converters
 * @since 0.1.0
 */
export const placeOf = (lane: Lane | undefined): Placed | undefined =>
  lane?.call === undefined || lane.top === undefined ? undefined : { call: lane.call, top: lane.top }

/**
 * Whether a block shows time that goes by.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isMoving = (block: Block): boolean =>
  block._tag === "Thought"
    ? !block.isOver
    : block._tag === "Call" && (block.state === "working" || block.runs.some(({ end }) => end === undefined))

/**
 * A text with more at its end; of one that is too long, the end.
 *
 * @category combinators
 * @since 0.1.0
 */
export const grown = (text: string, more: string): string => {
  const all = text + more
  return all.length > most ? all.slice(-most / 2) : all
}

/**
 * Adds a remark to a call.
 *
 * @category combinators
 * @since 0.1.0
 */
export const remark = (call: Call, text: string): void => {
  call.remarks = [...call.remarks, clean(text)]
}

/**
 * Gives a call the arguments that it has. Nothing instead of some is no news.
 *
 * **Details**
 *
 * - A path that has become that of the same file from the root of all on is shown as the model wrote it.
 *
 * @category combinators
 * @since 0.1.0
 */
export const take = (call: Call, input: unknown): void => {
  const [before, next] = [Calls.record(call.input), Calls.record(input)]
  if (call.input !== undefined && (input === undefined || (next !== undefined && Object.keys(next).length === 0)))
    return
  const [was, is] = [before?.["path"], next?.["path"]]
  const isSame = typeof was === "string" && typeof is === "string" && is.endsWith(`/${was.replace(/^\.\//, "")}`)
  call.input = Telling.shortened(isSame ? { ...next, path: was } : input, mostKept)
  call.arguments = undefined
  call.written = (JSON.stringify(call.input) ?? "").length
}

/**
 * Gives a call its result. Files among it are told apart from it; those that only people are shown are kept by `save`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const end = (call: Call, event: Of<"ToolEnd">, save: ((file: File) => string | undefined) | undefined): void => {
  const words = (parts: Call["content"]) =>
    parts.flatMap((part) =>
      part.type === "file" ? [] : [{ type: "text" as const, text: Telling.resultText([part], mostKept) }]
    )
  take(call, event.input)
  call.state = event.outcome
  call.content = words(event.content)
  call.display = event.display === undefined ? undefined : words(event.display)
  for (const part of event.display ?? []) if (part.type === "file") call.files.push(Media.kept(part, save))
  call.output = ""
  // Of a call that was never begun, nobody wants the time.
  call.millis = call.since === undefined ? 0 : event.durationMillis
}

/**
 * Ends a call that has no end when its run has one.
 *
 * @category combinators
 * @since 0.1.0
 */
export const interrupt = (call: Call): void => {
  for (const run of call.runs) run.end ??= "interrupted"
  if (call.state === "writing" || call.state === "waiting" || call.state === "asking" || call.state === "working")
    call.state = "interrupted"
}

/**
 * Keeps what a nested run does at the moment, in a few words.
 *
 * @category combinators
 * @since 0.1.0
 */
export const tellRun = (run: Run, event: AgentEvent): void => {
  switch (event._tag) {
    case "TurnStart":
      run.doing = "asks the model"
      return
    case "ReasoningDelta":
      run.doing = "thinking"
      return
    case "TextDelta":
      run.doing = "writing"
      return
    case "ToolStart":
      run.doing = doing(event.name, event.input)
      return
    case "ApprovalAsked":
      run.doing = `asks: ${doing(event.name, event.input)}`
      return
    case "Retrying":
      run.doing = `again in ${timeOf(event.delayMillis)}`
      return
    case "TurnEnd":
      run.tokens += totalTokens(event.usage) ?? 0
      return
    case "RunEnd":
      run.end = event.reason
      return
  }
}

// internal

const mostNested = 100

/** Of a text of a call, and of what it shows while it works. */
const mostKept = 32 * 1024

const most = 2 * mostKept
