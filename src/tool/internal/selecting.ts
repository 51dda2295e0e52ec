/**
 * Which tools a conversation shows: those that were called in it, and those that a search for tools has found. What a
 * model has seen it expects to find again, so that a selection that follows the conversation needs no memory of its own:
 * a run that is replayed, or goes on in another process, comes to the same.
 */
import type { Message } from "../../domain/Message.ts"
import { toText } from "../../domain/Message.ts"
import type { ResultContent } from "../../domain/Part.ts"
import type { ToolSpec } from "../../domain/Request.ts"

/** The name of the tool that searches tools. */
export const searchName = "search_tools"

/** The first line of what a search says: which tools were found of how many, in a form that can be read back. */
export const foundLine = (names: ReadonlyArray<string>, of: number): string =>
  `Found ${names.length} of ${of} tools. You can call these from now on: ${JSON.stringify(names)}`

/** A whole number that an option has to be, or a `RangeError`. */
export const check = (module: string, option: string, value: number, least: number): void => {
  if (!(Number.isInteger(value) && value >= least)) {
    throw new RangeError(`${module} option ${option} must be a whole number of at least ${least}, got ${value}`)
  }
}

/** The names of the tools that a conversation shows, in the order of their coming. */
export const shown = (messages: ReadonlyArray<Message>): ReadonlySet<string> => {
  const names = new Set<string>()
  for (const message of messages) {
    if (message.role !== "assistant" && message.role !== "tool") continue
    for (const name of namesIn(message)) names.add(name)
  }
  return names
}

/** Whether somebody said this, and not the runtime in their place. */
export const isOfUser = ({ meta, role }: Message): boolean => role === "user" && meta?.["axonal"] === undefined

/** What was said last by the user, the newest first. */
export const lastWords = (messages: ReadonlyArray<Message>, count: number): string => {
  const texts: Array<string> = []
  for (let index = messages.length - 1; index >= 0 && texts.length < count; index--) {
    const message = messages[index]
    if (message !== undefined && isOfUser(message)) texts.push(toText(message))
  }
  return texts.join("\n")
}

/** The names of these tools, in their order, as far as they are in one of the sets. */
export const inOrder = (
  tools: ReadonlyArray<ToolSpec>,
  ...sets: ReadonlyArray<ReadonlySet<string>>
): ReadonlyArray<string> => tools.flatMap(({ name }) => (sets.some((set) => set.has(name)) ? [name] : []))

// internal

/** Messages do not change, so that each is read once. */
const known = new WeakMap<Message, ReadonlyArray<string>>()

const nothing: ReadonlyArray<string> = []

const namesIn = (message: Message): ReadonlyArray<string> => {
  const before = known.get(message)
  if (before !== undefined) return before
  const names = message.parts.flatMap((part) =>
    part.type === "tool-call"
      ? [part.name]
      : part.type === "tool-result" && part.name === searchName && part.outcome === "ok"
        ? foundIn(part.content)
        : []
  )
  const found = names.length === 0 ? nothing : names
  known.set(message, found)
  return found
}

const foundIn = ([first]: ReadonlyArray<ResultContent>): ReadonlyArray<string> => {
  if (first?.type !== "text") return nothing
  const line = /^Found \d+ of \d+ tools\. You can call these from now on: (\[[^\n]*\])(?:\n|$)/.exec(first.text)?.[1]
  if (line === undefined) return nothing
  try {
    const names: unknown = JSON.parse(line)
    return Array.isArray(names) ? names.filter((name) => typeof name === "string") : nothing
  } catch {
    return nothing
  }
}
