/**
 * Makes a conversation one that every vendor accepts: each call has exactly one result right behind it, and roles
 * alternate. What a crash, a cancellation or a cut left behind is mended here, before every request, and nowhere else.
 */
import type { Message } from "../domain/Message.ts"
import * as Part from "../domain/Part.ts"

/**
 * The conversation in a form that can be sent.
 *
 * **Details**
 *
 * - A call without a result gets one with outcome `interrupted`. A result without a call before it, and every further
 *   result of a call, is dropped. Results stand right behind the message with their calls, in the order of the calls.
 * - A result answers the latest call with its id, so that an id may be used again in a later answer.
 * - Neighbours that are both of the user or both of the assistant become one message; messages without parts go.
 * - Calls and results that the vendor executed itself, and arguments cut short, are left as they are.
 * - Cost: linear. Deterministic, without a clock, and idempotent.
 *
 * **Gotchas**
 *
 * Identity is kept: the very same array when nothing needs repair, the very same messages wherever they are untouched.
 *
 * @category combinators
 * @since 0.1.0
 */
export const repair = (messages: ReadonlyArray<Message>): ReadonlyArray<Message> =>
  isSound(messages) ? messages : emit(pair(messages))

/**
 * The repair of a conversation that grew: `extend(repair(a), b)` has the messages of `repair([...a, ...b])`, and costs
 * what `b` and one copy of the array cost.
 *
 * @category combinators
 * @since 0.1.0
 */
export const extend = (repaired: ReadonlyArray<Message>, added: ReadonlyArray<Message>): ReadonlyArray<Message> => {
  if (added.length === 0) return repaired
  const last = repaired[repaired.length - 1]
  // Only the last turn can still change: text joins its message, results replace those that repair supplied.
  const from = Math.max(0, repaired.length - (last?.role === "tool" ? 2 : 1))
  const tail = [...withdraw(repaired.slice(from)), ...added]
  return answersOnlyItself(tail)
    ? [...repaired.slice(0, from), ...repair(tail)]
    : repair([...withdraw(repaired), ...added])
}

// internal

const interrupted: ReadonlyArray<Part.ResultContent> = [
  Part.text("The call was interrupted before it had a result. It may have run in part; check before repeating it.")
]

const isCall = (part: Part.Part): part is Part.ToolCall => part.type === "tool-call" && part.transportExecuted !== true

const isResult = (part: Part.Part): part is Part.ToolResult =>
  part.type === "tool-result" && part.transportExecuted !== true

const mayMerge = (left: Message | undefined, right: Message): boolean =>
  left !== undefined && left.role === right.role && left.role !== "system"

/** Whether there is nothing to repair. Allocates nothing: this is what almost every request asks. */
const isSound = (messages: ReadonlyArray<Message>): boolean => {
  let previous: Message | undefined
  let hasOpenCalls = false
  for (const message of messages) {
    if (message.parts.length === 0 || mayMerge(previous, message)) return false
    if (message.role === "tool") {
      if (!isAnswer(previous, message)) return false
      hasOpenCalls = false
    } else {
      if (hasOpenCalls || message.parts.some(isResult)) return false
      hasOpenCalls = message.parts.some(isCall)
      if (hasOpenCalls && message.role !== "assistant") return false
    }
    previous = message
  }
  return !hasOpenCalls
}

/** Whether a tool message has the results of these calls first, in their order, and no other results or calls. */
const isAnswer = (asking: Message | undefined, answer: Message): boolean => {
  let index = 0
  for (const call of asking?.role === "assistant" ? asking.parts : []) {
    if (!isCall(call)) continue
    const result = answer.parts[index++]
    if (result === undefined || !isResult(result) || result.id !== call.id) return false
  }
  for (; index < answer.parts.length; index++) {
    const part = answer.parts[index]
    if (part !== undefined && (isResult(part) || isCall(part))) return false
  }
  return true
}

/** A call, and the result that answers it once it is found, with the message it was found in. */
interface Slot {
  readonly call: Part.ToolCall
  result?: Part.ToolResult
  source?: Message
}

/** What is left of a message after its results went to their calls, and the calls in it. */
interface Turn {
  readonly message: Message | undefined
  readonly slots: ReadonlyArray<Slot>
}

/** The slots of one id within one message, and how many of them have their result. */
interface Waiting {
  readonly turn: ReadonlyArray<Slot>
  readonly slots: Array<Slot>
  answered: number
}

const pair = (messages: ReadonlyArray<Message>): ReadonlyArray<Turn> => {
  const waiting = new Map<string, Waiting>()
  return messages.map((message) => {
    const slots: Array<Slot> = []
    const parts: Array<Part.Part> = []
    for (const part of message.parts) {
      if (isResult(part)) {
        answer(waiting.get(part.id), part, message)
      } else if (!isCall(part)) {
        parts.push(part)
      } else if (message.role === "assistant") {
        parts.push(part)
        enlist(waiting, slots, { call: part })
      }
    }
    const isWhole = parts.length === message.parts.length
    return { message: parts.length === 0 ? undefined : isWhole ? message : { ...message, parts }, slots }
  })
}

const enlist = (waiting: Map<string, Waiting>, turn: Array<Slot>, slot: Slot): void => {
  turn.push(slot)
  const known = waiting.get(slot.call.id)
  if (known?.turn === turn) known.slots.push(slot)
  else waiting.set(slot.call.id, { turn, slots: [slot], answered: 0 })
}

const answer = (waiting: Waiting | undefined, result: Part.ToolResult, source: Message): void => {
  const slot = waiting?.slots[waiting.answered]
  if (waiting === undefined || slot === undefined) return
  slot.result = result
  slot.source = source
  waiting.answered++
}

const emit = (turns: ReadonlyArray<Turn>): ReadonlyArray<Message> => {
  const out: Array<Message> = []
  /** The parts of the last message when it is one that was put together here. */
  let open: Array<Part.Part> | undefined
  const push = (message: Message): void => {
    const last = out[out.length - 1]
    if (last === undefined || !mayMerge(last, message)) {
      out.push(message)
      open = undefined
      return
    }
    if (open === undefined) {
      open = [...last.parts]
      out[out.length - 1] = { ...last, parts: open }
    }
    for (const part of message.parts) open.push(part)
    if (message.meta !== undefined) {
      out[out.length - 1] = { ...last, parts: open, meta: { ...last.meta, ...message.meta } }
    }
  }
  for (const { message, slots } of turns) {
    if (message !== undefined) push(message)
    if (slots.length > 0) push(resultsOf(slots))
  }
  return out
}

const resultsOf = (slots: ReadonlyArray<Slot>): Message => {
  const parts = slots.map(({ call, result }) => result ?? supply(call))
  const source = slots.find((slot) => slot.source?.role === "tool")?.source
  if (source === undefined) return { role: "tool", parts }
  const isSame = source.parts.length === parts.length && source.parts.every((part, index) => part === parts[index])
  return isSame ? source : { ...source, parts }
}

const supply = (call: Part.ToolCall): Part.ToolResult => ({
  type: "tool-result",
  id: call.id,
  name: call.name,
  outcome: "interrupted",
  content: interrupted,
  ...(call.wireId === undefined ? undefined : { wireId: call.wireId })
})

/** The messages without the results that repair supplied, so that late ones can take their place. */
const withdraw = (messages: ReadonlyArray<Message>): ReadonlyArray<Message> => {
  const isSupplied = (part: Part.Part): boolean => part.type === "tool-result" && part.content === interrupted
  return messages.map((message) =>
    message.role === "tool" && message.parts.some(isSupplied)
      ? { ...message, parts: message.parts.filter((part) => !isSupplied(part)) }
      : message
  )
}

/** Whether all results in these messages answer a call in them that stands before. */
const answersOnlyItself = (messages: ReadonlyArray<Message>): boolean => {
  const called = new Set<string>()
  return messages.every(({ role, parts }) =>
    parts.every((part) => {
      if (isCall(part) && role === "assistant") called.add(part.id)
      return !isResult(part) || called.has(part.id)
    })
  )
}
