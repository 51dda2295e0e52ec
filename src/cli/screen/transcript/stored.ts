/**
 * Blocks of what is stored of a session.
 */
import type { Stored } from "../../../domain/Entry.ts"
import type { Message } from "../../../domain/Message.ts"
import type { File } from "../../../domain/Part.ts"
import { plural } from "../../internal/words.ts"
import { ofCompaction } from "../../render.ts"
import type { Block, Call, Words } from "./block.ts"
import { fold } from "./block.ts"
import { newCall } from "./lane.ts"
import type { Look } from "./markdown.ts"
import * as Markdown from "./markdown.ts"
import * as Media from "./media.ts"
import * as Said from "./said.ts"
import * as Telling from "./telling.ts"
import { flat } from "./text.ts"

/**
 * The last part of a session as blocks, and the words that no run has read yet.
 *
 * **Details**
 *
 * - What is before the last 200 messages is one line.
 *
 * @category converters
 * @since 0.1.0
 */
export const blocksOf = (
  entries: ReadonlyArray<Stored>,
  look: Look,
  save: ((file: File) => string | undefined) | undefined
): { readonly blocks: ReadonlyArray<Block>; readonly waiting: ReadonlyArray<Words> } => {
  const start = startOf(entries)
  const before = entries.slice(0, start).filter(({ _tag }) => _tag === "Message").length
  const blocks: Array<Block> = []
  const calls = new Map<string, Call>()
  const waiting = new Map<string, ReadonlyArray<Words>>()
  if (before > 0) note(blocks, `${plural(before, "earlier message")} of this session`)
  for (const entry of entries.slice(start)) {
    switch (entry._tag) {
      case "Message":
        if (entry.queued !== undefined) waiting.delete(entry.queued)
        message(entry.message, { blocks, calls, look, save })
        break
      case "Compaction":
        note(blocks, ofCompaction(entry.dropped, entry.tokensBefore, entry.tokensAfter))
        break
      case "Queued":
        if (entry.again !== undefined) waiting.delete(entry.again)
        waiting.set(
          entry.id,
          entry.messages.map((message) => Said.wordsOf(message, entry.when === "steer" ? "steer" : "queue"))
        )
        break
      case "Decision": {
        const call = calls.get(entry.call)
        if (call !== undefined && !entry.approved) {
          call.remarks = [...call.remarks, `you denied it${entry.reason === undefined ? "" : `: ${entry.reason}`}`]
        }
        break
      }
      case "Marker": {
        // Words are for the conversation in which they were said.
        if (entry.marker.type === "fork" || entry.marker.type === "rewind") waiting.clear()
        const said = markers[entry.marker.type]
        if (said !== undefined) note(blocks, said)
        break
      }
      case "Unreadable":
        note(blocks, `a part of the session cannot be read: ${flat(entry.problem)}`)
        break
    }
  }
  // Of calls without results, nobody knows more.
  for (const call of calls.values()) if (call.state === "waiting") call.state = "interrupted"
  const plans = blocks.flatMap((block) => (block._tag === "Call" && block.name === "write_todos" ? [block] : []))
  const plan = plans.at(-1)
  if (plan !== undefined) plan.fold.isOpen = true
  return { blocks, waiting: [...waiting.values()].flat() }
}

// internal

const shownMessages = 200

/** Where the last messages begin: with words of the person, so that no result is without its call. */
const startOf = (entries: ReadonlyArray<Stored>): number => {
  let messages = 0
  for (let index = entries.length - 1; index >= 0; index--) {
    const entry = entries[index]
    if (entry?._tag !== "Message") continue
    messages++
    if (messages >= shownMessages && (entry.message.role === "user" || messages >= 2 * shownMessages)) return index
  }
  return 0
}

const note = (blocks: Array<Block>, text: string): void => {
  blocks.push({ _tag: "Note", kind: "quiet", text })
}

const markers: { readonly [type: string]: string } = {
  fork: "forked from another session",
  rewind: "rewound to here",
  restore: "the latest summary was taken back",
  resume: "the calls that waited were decided"
}

interface Building {
  readonly blocks: Array<Block>
  readonly calls: Map<string, Call>
  readonly look: Look
  readonly save: ((file: File) => string | undefined) | undefined
}

const message = (message: Message, { blocks, calls, look, save }: Building): void => {
  if (message.role === "system") return
  if (message.role === "user") {
    blocks.push(...Said.blocksOf(message, undefined))
    return
  }
  for (const part of message.parts) {
    switch (part.type) {
      case "text": {
        if (part.text.trim() === "") break
        let [markdown, isMore] = [Markdown.make(look), false]
        for (let at = 0; at < part.text.length; at += pieceSize) {
          markdown.push(part.text.slice(at, at + pieceSize))
          if (!markdown.isFull()) continue
          blocks.push({ _tag: "Answer", markdown, isMore })
          markdown = markdown.next()
          isMore = true
        }
        markdown.end()
        blocks.push({ _tag: "Answer", markdown, isMore })
        break
      }
      case "reasoning":
        if (part.text.trim() === "") break
        blocks.push({
          _tag: "Thought",
          text: part.text,
          since: undefined,
          until: undefined,
          isOver: true,
          fold: fold()
        })
        break
      case "file":
        blocks.push(Media.outputOf(part, look.theme, save))
        break
      case "source":
        blocks.push({ _tag: "Sources", list: [{ title: part.title ?? "", url: part.url ?? "" }] })
        break
      case "tool-call": {
        const call = newCall(part.id, part.name)
        call.state = "waiting"
        call.input = Telling.shortened(parsed(part.input), mostKept)
        call.written = Math.min(part.input.length, 2 * mostKept)
        call.fold.isOpen = part.name === "present_plan"
        calls.set(part.id, call)
        blocks.push(call)
        break
      }
      case "tool-result": {
        const call = calls.get(part.id)
        if (call === undefined) break
        call.state = part.outcome
        call.millis = 0
        call.content = [{ type: "text", text: Telling.resultText(part.content, mostKept) }]
        break
      }
    }
  }
}

const pieceSize = 4096

const mostKept = 32 * 1024

const parsed = (json: string): unknown => {
  try {
    return JSON.parse(json)
  } catch {
    return json
  }
}
