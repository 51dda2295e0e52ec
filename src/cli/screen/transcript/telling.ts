/**
 * What calls say in a few words: the argument that tells them apart, what they changed.
 */
import type { ResultContent } from "../../../domain/Part.ts"
import { contentToText } from "../../../domain/Part.ts"
import { list, record } from "../../internal/calls.ts"
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
