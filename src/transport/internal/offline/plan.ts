/**
 * What one request asks for and how far it is: the wishes of the current exchange, the calls that were made for them,
 * and the calls that are still to make.
 */
import type { Message } from "../../../domain/Message.ts"
import type { ToolCall, ToolResult } from "../../../domain/Part.ts"
import type { Known } from "./actions.ts"
import { isChanging, looking, next, remember } from "./actions.ts"
import type { Declared, Planned } from "./tools.ts"
import { planFor, planNamed } from "./tools.ts"
import type { Said } from "./words.ts"
import { wishes } from "./words.ts"

/** As much of a request as is looked at. */
export interface Asked {
  readonly messages: ReadonlyArray<Message>
  readonly tools: ReadonlyArray<Declared & { readonly provider?: unknown }>
  readonly toolChoice: "auto" | "none" | "required" | { readonly tool: string }
}

/** A wish with the call that serves it, or the reason why none does. */
export type Task =
  | {
      readonly _tag: "Call"
      readonly wish: Said
      readonly call: Planned
      readonly result?: ToolResult | undefined
      /** Whether it only finds out what the call takes that does what is wished. */
      readonly isLooking?: boolean | undefined
    }
  | { readonly _tag: "Lacking"; readonly wish: Said; readonly what: string }
  | { readonly _tag: "Missing"; readonly tool: string; readonly fields: ReadonlyArray<string> }
  | { readonly _tag: "Attached"; readonly text: string }
  | { readonly _tag: "Recall"; readonly asked: ReadonlyArray<string> }
  | { readonly _tag: "Introduce" }
  | { readonly _tag: "Unknown"; readonly text: string }

/** The tasks of a request, in the order in which they were asked for. */
export const tasks = (request: Asked): ReadonlyArray<Task> => {
  const begin = exchangeStart(request.messages)
  const exchange = request.messages.slice(begin)
  const before = request.messages.slice(0, begin)
  const tools = usable(request)
  const results = resultsOf(exchange)
  const names = (clause: string): boolean => planNamed(clause, tools) !== undefined
  const asked = exchange.flatMap((message) =>
    message.role === "user" ? requestsOf(message).flatMap((text) => wishes(text, names)) : []
  )
  const attached = exchange.flatMap((message) => (message.role === "user" ? attachmentsOf(message) : [])).join("\n")
  const known: Known = { tools, resultOf: (call) => results.get(keyOf(call)), lines: new Map(), plan: undefined }
  return settle(asked, attached, lastRead(before)).map((wish) => toTask(wish, known, attached, before))
}

/** The next calls, each once: those that only look, or one that changes something, in the order in which they were wished. */
export const pending = (all: ReadonlyArray<Task>): ReadonlyArray<Planned> => {
  const calls = new Map<string, Planned>()
  for (const task of all) {
    if (task._tag !== "Call" || task.result !== undefined) continue
    const isAlone = isChanging(task.wish) && !task.isLooking
    if (isAlone && calls.size > 0) break
    calls.set(keyOf(task.call), task.call)
    if (isAlone) break
  }
  return [...calls.values()]
}

/**
 * The exchange begins after the last answer, or after the last call that was cut off: who asks anew after that does not
 * want the old request done. Requests that joined while tools ran belong to the exchange.
 */
const exchangeStart = (messages: ReadonlyArray<Message>): number => {
  for (let index = messages.length - 1; index >= 0; index--) {
    const message = messages[index]
    if (message === undefined) continue
    const answered = message.role === "assistant" && !message.parts.some(({ type }) => type === "tool-call")
    const cutOff =
      message.role === "tool" &&
      message.parts.some((part) => part.type === "tool-result" && /^(?:interrupted|skipped)$/.test(part.outcome))
    if (answered || (cutOff && messages.slice(index + 1).some(({ role }) => role === "user"))) return index + 1
  }
  return 0
}

/** Vendor-defined tools run elsewhere, and a named choice leaves only that tool. */
const usable = ({ toolChoice, tools }: Asked): ReadonlyArray<Declared> =>
  tools.filter(
    ({ name, provider }) => provider === undefined && (typeof toolChoice === "string" || toolChoice.tool === name)
  )

const attachment = /^\s*<stdin>\n?([\s\S]*?)\n?<\/stdin>\s*$/

/** A text that is whole in marks of two words or more: what a program adds to the words of a person. */
const aside = /^<([a-z]+(?:-[a-z]+)+)>\n[\s\S]*\n<\/\1>$/

const requestsOf = (message: Message): ReadonlyArray<string> =>
  message.parts.flatMap((part) =>
    part.type === "text" && !attachment.test(part.text) && !aside.test(part.text) ? [part.text] : []
  )

const attachmentsOf = (message: Message): ReadonlyArray<string> =>
  message.parts.flatMap((part) => {
    if (part.type === "text") return attachment.exec(part.text)?.[1] ?? []
    return part.type === "file" && "text" in part.data ? [part.data.text] : []
  })

const callsOf = (messages: ReadonlyArray<Message>): ReadonlyArray<ToolCall> =>
  messages.flatMap(({ parts }) => parts.filter((part): part is ToolCall => part.type === "tool-call"))

/** Field order is ours, so equal calls have equal text. */
const keyOf = (call: Planned): string => `${call.name} ${JSON.stringify(call.input)}`

const compact = (json: string): string => {
  try {
    return JSON.stringify(JSON.parse(json))
  } catch {
    return json
  }
}

const resultsOf = (exchange: ReadonlyArray<Message>): ReadonlyMap<string, ToolResult> => {
  const results = new Map<string, ToolResult>()
  for (const message of exchange) {
    for (const part of message.parts) if (part.type === "tool-result") results.set(part.id, part)
  }
  return new Map(
    callsOf(exchange).flatMap((call) => {
      const result = results.get(call.id)
      return result === undefined ? [] : [[`${call.name} ${compact(call.input)}`, result] as const]
    })
  )
}

/** The path of the last file that the earlier conversation read. */
const lastRead = (messages: ReadonlyArray<Message>): string | undefined => {
  for (const message of messages.slice().reverse()) {
    if (message.role !== "user") continue
    const read = requestsOf(message)
      .flatMap((text) => wishes(text))
      .reverse()
      .find((wish) => wish.kind === "read")
    if (read?.kind === "read") return read.path
  }
  return undefined
}

/** "Tell me what this is" is about the files that are read, else what is attached, else the file of the talk so far. */
const settle = (asked: ReadonlyArray<Said>, attached: string, earlier: string | undefined): ReadonlyArray<Said> => {
  const about = asked.some(({ kind }) => kind === "about")
  const reads = asked.some(({ kind }) => kind === "read")
  if (!about || (!reads && attached !== "")) return asked
  if (reads) {
    return asked.flatMap((wish) => {
      if (wish.kind === "about") return []
      return wish.kind === "read" && wish.want === "content" ? [{ ...wish, want: "about" as const }] : [wish]
    })
  }
  const read: Said = { kind: "read", path: earlier ?? "README.md", want: "about", said: "" }
  return asked.map((wish) => (wish.kind === "about" ? read : wish))
}

const toTask = (wish: Said, known: Known, attached: string, before: ReadonlyArray<Message>): Task => {
  const { resultOf, tools } = known
  switch (wish.kind) {
    case "introduce":
      return { _tag: "Introduce" }
    case "recall":
      return {
        _tag: "Recall",
        asked: before.flatMap((message) => (message.role === "user" ? requestsOf(message) : []))
      }
    case "about":
      return { _tag: "Attached", text: attached }
    case "unknown":
      return toNamed(wish, known) ?? { _tag: "Unknown", text: wish.text }
    case "read":
    case "list":
    case "find":
    case "search":
    case "calculate": {
      const call = looking(wish, known)
      if (call !== undefined) return { _tag: "Call", wish, call, result: resultOf(call) }
      const planned = planFor(wish, tools)
      return byName(wish, known) ?? { _tag: "Lacking", wish, what: "lacking" in planned ? planned.lacking : "do that" }
    }
    default: {
      // "run greet Alice" is about a tool, if there is one of the name.
      const called = wish.kind === "command" ? wish.command.split(/\s/)[0] : undefined
      const meant = tools.some(({ name }) => name === called) ? byName(wish, known) : undefined
      if (meant !== undefined) return meant
      const planned = next(wish, known)
      if ("lacking" in planned) {
        const lacking: Task = { _tag: "Lacking", wish, what: planned.lacking }
        if (wish.kind !== "delegate") return byName(wish, known) ?? lacking
        return wish.agent === undefined ? lacking : { _tag: "Unknown", text: wish.said }
      }
      const result = resultOf(planned.call)
      if (planned.isLast) remember(wish, result, known)
      return { _tag: "Call", wish, call: planned.call, result, isLooking: !planned.isLast }
    }
  }
}

const byName = ({ said }: Said, known: Known): Task | undefined => toNamed({ kind: "unknown", text: said, said }, known)

/** A wish by the name of a tool. */
const toNamed = (wish: Said & { readonly kind: "unknown" }, { resultOf, tools }: Known): Task | undefined => {
  const named = planNamed(wish.text, tools)
  if (named === undefined) return undefined
  return "missing" in named
    ? { _tag: "Missing", tool: named.tool, fields: named.missing }
    : { _tag: "Call", wish, call: named, result: resultOf(named) }
}
