/**
 * Folds the events of runs into blocks. Each run writes into a lane: the transcript, or the place below the call that started
 * it.
 */
import type { AgentEvent, Of } from "../../../domain/AgentEvent.ts"
import type { Message } from "../../../domain/Message.ts"
import { toText } from "../../../domain/Message.ts"
import type { File } from "../../../domain/Part.ts"
import * as PartialJson from "../../../tool/PartialJson.ts"
import type { How } from "../../assistant/conversation.ts"
import * as Calls from "../../internal/calls.ts"
import { plain } from "../theme.ts"
import type { Block, Call, Run, Sources, Thought, Words } from "./block.ts"
import { fold } from "./block.ts"
import type { Lane, Page, Placed } from "./lane.ts"
import * as Lanes from "./lane.ts"
import type { Look } from "./markdown.ts"
import * as Markdown from "./markdown.ts"
import * as Media from "./media.ts"
import { endOf, noteOf } from "./notes.ts"
import * as Said from "./said.ts"

/**
 * What the folding needs.
 *
 * @category models
 * @since 0.1.0
 */
export interface Setting {
  readonly page: Page
  readonly look: Look
  readonly now: () => number
  readonly save: ((file: File) => string | undefined) | undefined
}

/**
 * The folding.
 *
 * @category models
 * @since 0.1.0
 */
export interface Folding {
  readonly event: (event: AgentEvent) => void
  /** Words that were taken; without `how` they begin a run. */
  readonly said: (messages: ReadonlyArray<Message>, how: How | undefined) => void
  /** Words that were taken before, and that a run will read. They stand below everything until then. */
  readonly expect: (words: Words) => void
  /** Nothing works any more. */
  readonly settled: () => void
  /** Forgets everything. */
  readonly clear: () => void
  /** Blocks that show time that goes by. */
  readonly moving: () => ReadonlyArray<Block>
}

/**
 * Makes a folding.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (setting: Setting): Folding => {
  const { look, now, page, save } = setting
  const lanes = new Map<string, Lane>()
  const calls = new Map<string, Placed>()
  const moving = new Set<Block>()
  let waiting: Array<Words> = []
  let plan: Call | undefined
  let isBeginning = false
  let begunAt = 0

  const laneOf = (event: AgentEvent): Lane => {
    const known = lanes.get(event.run)
    if (known !== undefined) return known
    const step = event.path?.at(-1)
    const above =
      step === undefined ? undefined : (calls.get(`${step.run} ${step.call}`) ?? Lanes.placeOf(lanes.get(step.run)))
    const lane = above === undefined ? Lanes.outermost(page) : below(above, event)
    lanes.set(event.run, lane)
    return lane
  }
  const below = ({ call, top }: Placed, event: AgentEvent): Lane => {
    const run: Run = {
      id: event.run,
      agent: event.agent,
      doing: "begins",
      calls: 0,
      tokens: 0,
      end: undefined,
      blocks: [],
      dropped: 0,
      fold: fold()
    }
    call.runs.push(run)
    page.touch(top)
    return Lanes.nested(run, call, top, page)
  }
  const close = (lane: Lane): void => {
    if (lane.answer !== undefined) {
      lane.answer.block.markdown.end()
      lane.touch(lane.answer.block)
      lane.answer = undefined
    }
    if (lane.thought !== undefined) {
      lane.thought.block.isOver = true
      lane.thought.block.until = now()
      lane.touch(lane.thought.block)
      lane.thought = undefined
      move(lane)
    }
  }
  /** Whether the outermost block of a lane shows time that goes by. */
  const move = (lane: Lane, block: Block | undefined = lane.top): void => {
    if (block === undefined) return
    if (Lanes.isMoving(block)) moving.add(block)
    else moving.delete(block)
  }
  const add = (lane: Lane, block: Block): void => {
    if (block._tag !== "Answer" && block._tag !== "Thought") close(lane)
    lane.turn.push(block)
    // Of an endless turn, the beginning is no longer kept anyway.
    if (lane.turn.length > mostOfTurn) lane.turn.splice(0, mostOfTurn / 4)
    lane.add(block)
    move(lane, lane.top ?? block)
  }
  /** What is to be said of an event besides. Of attempts, the last one. */
  const tell = (lane: Lane, event: AgentEvent): void => {
    const note = noteOf(event)
    if (note === undefined) return
    const before = lane.turn.at(-1)
    if (event._tag === "Retrying" && before !== undefined && before === lane.retry) {
      lane.turn.pop()
      lane.remove(before)
    }
    add(lane, note)
    if (event._tag === "Retrying") lane.retry = note
  }

  const onText = (event: Of<"TextDelta">, lane: Lane): void => {
    if (lane.answer?.index !== event.index) {
      close(lane)
      lane.answer = { index: event.index, block: { _tag: "Answer", markdown: Markdown.make(look), isMore: false } }
      add(lane, lane.answer.block)
    }
    const { markdown } = lane.answer.block
    markdown.push(event.delta)
    lane.touch(lane.answer.block)
    if (markdown.isFull()) {
      lane.answer.block = { _tag: "Answer", markdown: markdown.next(), isMore: true }
      add(lane, lane.answer.block)
    }
  }
  const onReasoning = (event: Of<"ReasoningDelta">, lane: Lane): void => {
    if (lane.thought?.index !== event.index) {
      close(lane)
      const block: Thought = { _tag: "Thought", text: "", since: now(), until: undefined, isOver: false, fold: fold() }
      lane.thought = { index: event.index, block }
      add(lane, block)
    }
    const { block } = lane.thought
    block.text = Lanes.grown(block.text, event.delta)
    lane.touch(block)
  }
  const callOf = (event: { readonly run: string; readonly call: string; readonly name: string }, lane: Lane): Call => {
    const key = `${event.run} ${event.call}`
    const known = calls.get(key)
    if (known !== undefined) return known.call
    const call = Lanes.newCall(event.call, event.name)
    add(lane, call)
    calls.set(key, { call, top: lane.top ?? call })
    if (lane.run !== undefined) lane.run.calls++
    if (event.name === "present_plan") call.fold.isOpen = true
    if (event.name === "write_todos" && lane.run === undefined) {
      if (plan !== undefined) {
        plan.fold.isOpen = false
        page.touch(plan)
      }
      plan = call
      call.fold.isOpen = true
    }
    return call
  }
  const update = (lane: Lane, call: Call): void => {
    lane.touch(call)
    move(lane, lane.top ?? call)
  }
  const onEnd = (event: Of<"ToolEnd">, lane: Lane): void => {
    const call = callOf(event, lane)
    Lanes.end(call, event, save)
    update(lane, call)
  }
  /** Words that were taken join here; others are told as they come. */
  const joined = (messages: ReadonlyArray<Message>, lane: Lane): void => {
    for (const message of messages) {
      if (message.role !== "user") continue
      const text = toText(message)
      const index = waiting.findIndex((words) => text.endsWith(words.text))
      const found = index < 0 ? undefined : waiting.splice(index, 1)[0]
      if (found !== undefined) {
        page.remove(found)
        found.how = undefined
        lane.add(found)
      } else if (isBeginning) isBeginning = false
      else for (const block of Said.blocksOf(message, undefined)) lane.add(block)
    }
  }

  const event = (event: AgentEvent): void => {
    const lane = laneOf(event)
    const { run } = lane
    if (run !== undefined) Lanes.tellRun(run, event)
    switch (event._tag) {
      case "RunStart":
        if (run === undefined) {
          begunAt = now()
          joined(event.input, lane)
          isBeginning = false
        }
        break
      case "TurnStart":
        close(lane)
        if (run === undefined) joined(event.input, lane)
        lane.turn = []
        break
      case "TextDelta":
        onText(event, lane)
        break
      case "ReasoningDelta":
        onReasoning(event, lane)
        break
      case "ToolInputStart": {
        const call = callOf(event, lane)
        call.arguments = PartialJson.makeValue()
        update(lane, call)
        break
      }
      case "ToolInputDelta": {
        const call = callOf(event, lane)
        call.written += event.delta.length
        // Nobody reads so much, and everything of it comes again with the call.
        if (call.written < mostWritten) call.arguments?.push(event.delta)
        lane.touch(call)
        break
      }
      case "ToolCall": {
        const call = callOf(event, lane)
        Lanes.take(call, event.input)
        if (call.state === "writing") call.state = "waiting"
        update(lane, call)
        break
      }
      case "ToolStart": {
        const call = callOf(event, lane)
        call.state = "working"
        call.since = now()
        Lanes.take(call, event.input)
        update(lane, call)
        break
      }
      case "ToolProgress": {
        const call = callOf(event, lane)
        const text = typeof event.chunk === "string" ? event.chunk : `${JSON.stringify(event.chunk)}\n`
        call.output = Lanes.grown(call.output, text)
        lane.touch(call)
        break
      }
      case "ToolEnd":
        onEnd(event, lane)
        break
      case "GuardVerdict": {
        if (event.verdict === "ask") break
        const what = event.verdict === "deny" ? "a guard denied it" : "a guard changed its arguments"
        Lanes.remark(callOf(event, lane), `${what}${event.reason === undefined ? "" : `: ${event.reason}`}`)
        update(lane, callOf(event, lane))
        break
      }
      case "ApprovalAsked": {
        const call = callOf(event, lane)
        call.state = "asking"
        update(lane, call)
        break
      }
      case "ApprovalDecided": {
        const call = callOf(event, lane)
        if (call.state === "asking") call.state = "waiting"
        const why = event.reason === undefined ? "" : `: ${event.reason}`
        if (!event.approved) Lanes.remark(call, event.remembered ? `denied as before${why}` : `you denied it${why}`)
        else if (event.remembered) Lanes.remark(call, `allowed as before${why}`)
        update(lane, call)
        break
      }
      case "FileOutput": {
        const call = event.call === undefined ? undefined : calls.get(`${event.run} ${event.call}`)?.call
        // A file of the project is where it is; below calls, pictures would be in the way.
        const isOwn = Calls.record(call?.input)?.["path"] !== undefined
        const output = Media.outputOf(event.file, run === undefined ? look.theme : plain, isOwn ? undefined : save)
        if (call === undefined || output.image !== 0) add(lane, output)
        else {
          call.files.push(output.file)
          update(lane, call)
        }
        break
      }
      case "SourceOutput": {
        const last = lane.turn.at(-1)
        const source = { title: event.source.title ?? "", url: event.source.url ?? "" }
        if (last?._tag === "Sources") last.list.push(source)
        else add(lane, { _tag: "Sources", list: [source] } satisfies Sources)
        if (last !== undefined) lane.touch(last)
        break
      }
      case "TurnRestarted":
        close(lane)
        for (const block of lane.turn) lane.remove(block)
        for (const block of lane.turn) if (block._tag === "Call") calls.delete(`${event.run} ${block.id}`)
        for (const block of lane.turn) moving.delete(block)
        lane.turn = []
        tell(lane, event)
        break
      case "TurnEnd":
        close(lane)
        break
      case "RunEnd":
        close(lane)
        lanes.delete(event.run)
        for (const [key, { call, top }] of calls) {
          if (!key.startsWith(`${event.run} `)) continue
          calls.delete(key)
          Lanes.interrupt(call)
          page.touch(top)
          if (Lanes.isMoving(top)) moving.add(top)
          else moving.delete(top)
        }
        if (run === undefined) for (const block of endOf(event, now() - begunAt)) lane.add(block)
        break
      default:
        tell(lane, event)
    }
    if (run !== undefined && lane.top !== undefined) {
      page.touch(lane.top)
      move(lane)
    }
  }
  const settled = (): void => {
    for (const lane of lanes.values()) close(lane)
    for (const { call, top } of calls.values()) {
      Lanes.interrupt(call)
      page.touch(top)
    }
    for (const block of moving) page.touch(block)
    lanes.clear()
    calls.clear()
    moving.clear()
    isBeginning = false
  }
  return {
    event,
    said: (messages, how) => {
      for (const message of messages) {
        // Words that wait are shown where they join.
        if (how !== undefined) waiting.push(Said.wordsOf(message, how))
        else for (const block of Said.blocksOf(message, undefined)) page.add(block)
      }
      if (how === undefined) isBeginning = true
    },
    expect: (words) => {
      waiting.push(words)
      page.add(words, true)
    },
    settled,
    clear: () => {
      settled()
      waiting = []
      plan = undefined
    },
    moving: () => [...moving]
  }
}

// internal

/** Of arguments, while they are written. */
const mostWritten = 256 * 1024

/** Blocks of a turn that can still be taken back. */
const mostOfTurn = 400
