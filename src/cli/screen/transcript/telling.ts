/**
 * What calls say in a few words: the argument that tells them apart, what they changed.
 */
import type { ResultContent } from "../../../domain/Part.ts"
import { contentToText } from "../../../domain/Part.ts"
import { bounded, flat } from "./text.ts"

/**
 * The argument that tells what a call does, in a line; empty when there is none. The arguments may be incomplete.
 *
 * @category converters
 * @since 0.1.0
 */
export const summaryOf = (input: unknown): string => {
  const fields = record(input)
  if (fields === undefined) return input === undefined || input === null ? "" : flat(String(JSON.stringify(input)))
  const text = (name: string): string => (typeof fields[name] === "string" ? flat(fields[name]) : "")
  const path = text("path")
  const pattern = text("pattern")
  if (pattern !== "") return path === "" || path === "." ? pattern : `${pattern} in ${path}`
  if (path !== "") return `${path}${rangeOf(fields)}`
  const files = list(fields["files"]).flatMap((file) => flat(String(record(file)?.["path"] ?? "")) || [])
  if (files.length > 0) return files.join(", ")
  if (Array.isArray(fields["todos"])) return todosLine(fields["todos"])
  const agent = text("agent")
  if (agent !== "") return [agent, text("task")].filter((word) => word !== "").join(": ")
  // What is shown whole below needs no summary.
  if (typeof fields["plan"] === "string") return ""
  for (const name of tellingNames) if (text(name) !== "") return text(name)
  const first = Object.values(fields).find((value) => typeof value === "string" && value.trim() !== "")
  if (typeof first === "string") return flat(first)
  const all = Object.entries(fields)
  return all.length === 0 ? "" : flat(all.map(([name, value]) => `${name}: ${JSON.stringify(value)}`).join(", "))
}

/**
 * A thing to be done, as far as it has arrived.
 *
 * @category models
 * @since 0.1.0
 */
export interface Todo {
  readonly content: string
  readonly status: string
}

/**
 * The plan that a call writes, if it writes one.
 *
 * @category converters
 * @since 0.1.0
 */
export const todosOf = (name: string, input: unknown): ReadonlyArray<Todo> | undefined => {
  const todos = record(input)?.["todos"]
  if (name !== "write_todos" || !Array.isArray(todos)) return undefined
  return list(todos).flatMap((todo) => {
    const content = record(todo)?.["content"]
    return typeof content === "string"
      ? [{ content: flat(content), status: String(record(todo)?.["status"] ?? "") }]
      : []
  })
}

/**
 * The plan in Markdown that a call presents to the person, if it does.
 *
 * @category converters
 * @since 0.1.0
 */
export const planOf = (name: string, input: unknown): string | undefined => {
  const plan = record(input)?.["plan"]
  return name === "present_plan" && typeof plan === "string" ? plan : undefined
}

/**
 * How many lines a change added and removed.
 *
 * @category models
 * @since 0.1.0
 */
export interface Changed {
  readonly added: number
  readonly removed: number
}

/**
 * What a result says that was changed, if it is that of a change.
 *
 * @category converters
 * @since 0.1.0
 */
export const changedBy = (input: unknown, text: string): Changed | undefined => {
  let [added, removed, isDiff] = [0, 0, false]
  for (const line of diffLines(text)) {
    if (line.sign === "@") isDiff = true
    else if (line.sign === "+") added++
    else if (line.sign === "-") removed++
  }
  if (isDiff) return { added, removed }
  const content = record(input)?.["content"]
  if (typeof content !== "string" || !text.startsWith("Created ")) return undefined
  return { added: content === "" ? 0 : content.replace(/\n$/, "").split("\n").length, removed: 0 }
}

/**
 * A line of a text with diffs in it. `sign` is what it is in a diff, and empty outside of any.
 *
 * @category models
 * @since 0.1.0
 */
export interface Line {
  readonly sign: "" | " " | "+" | "-" | "@"
  readonly text: string
}

/**
 * The lines of a text in which there may be diffs.
 *
 * @category converters
 * @since 0.1.0
 */
export const diffLines = (text: string): ReadonlyArray<Line> => {
  // Of the hunk that is open, the lines that are still to come.
  let [before, after] = [0, 0]
  return text.split("\n").map((line): Line => {
    const hunk = /^@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@/.exec(line)
    if (hunk !== null) {
      before = Number(hunk[1] ?? 1)
      after = Number(hunk[2] ?? 1)
      return { sign: "@", text: line }
    }
    const sign = line[0] ?? " "
    if (before <= 0 && after <= 0) return { sign: "", text: line }
    if (sign === "-") before--
    else if (sign === "+") after--
    else if (sign === " ") {
      before--
      after--
    } else return { sign: "", text: line }
    return { sign, text: line.slice(1) }
  })
}

/**
 * The text of a result as people read it, no longer than so many characters. Values stand as JSON in lines.
 *
 * @category converters
 * @since 0.1.0
 */
export const resultText = (content: ReadonlyArray<ResultContent>, most: number): string =>
  bounded(
    content
      .map((part) =>
        part.type === "json" ? (JSON.stringify(part.value, undefined, 2) ?? "null") : contentToText([part])
      )
      .join("\n"),
    most
  )

/**
 * Arguments of which no text is longer than so many characters. What nests too deeply is left out.
 *
 * @category converters
 * @since 0.1.0
 */
export const shortened = (value: unknown, most: number, depth = 6): unknown => {
  if (typeof value === "string") return bounded(value, most)
  if (typeof value !== "object" || value === null) return value
  if (depth === 0) return "…"
  if (Array.isArray(value)) return value.slice(0, 200).map((item) => shortened(item, most, depth - 1))
  return Object.fromEntries(
    Object.entries(value)
      .slice(0, 200)
      .map(([name, item]) => [name, shortened(item, most, depth - 1)])
  )
}

/**
 * The fields of an object, of anything else nothing.
 *
 * @category converters
 * @since 0.1.0
 */
export const record = (value: unknown): Readonly<Record<string, unknown>> | undefined =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value))
    : undefined

/**
 * The items of a list, of anything else none.
 *
 * @category converters
 * @since 0.1.0
 */
export const list = (value: unknown): ReadonlyArray<unknown> => (Array.isArray(value) ? value : [])

// internal

/** By how much they tell, the most first. */
const tellingNames = [
  "command",
  "query",
  "url",
  "expression",
  "task",
  "question",
  "name",
  "code",
  "prompt",
  "id",
  "job"
]

const rangeOf = ({ from, limit, offset, to }: Readonly<Record<string, unknown>>): string => {
  const first = from ?? offset
  if (typeof first !== "number") return ""
  const last = typeof to === "number" ? to : typeof limit === "number" ? first + limit - 1 : undefined
  return last === undefined ? `:${first}` : `:${first}-${last}`
}

const todosLine = (todos: unknown): string => {
  const all = list(todos).map((todo) => record(todo))
  const done = all.filter((todo) => todo?.["status"] === "completed").length
  return `${done} of ${all.length} done`
}
