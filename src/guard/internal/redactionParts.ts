/**
 * The texts of a part, changed one by one. What did not change keeps its identity, and what did loses what its vendor
 * wrote beside it, which may hold the text as it was.
 */
import type { File, Meta, Part, ResultContent, Text } from "../../domain/Part.ts"

/** What becomes of a text. */
export type Change = (text: string) => string

/** The same array when nothing in it changed. */
export const mapAll = <A>(items: ReadonlyArray<A>, change: (item: A) => A): ReadonlyArray<A> => {
  const next = items.map(change)
  return next.every((item, index) => item === items[index]) ? items : next
}

/** The part with its texts changed. Reasoning is signed, and arguments of calls are for a guard of calls. */
export const mapPart = (part: Part, change: Change): Part => {
  switch (part.type) {
    case "text":
      return mapText(part, change)
    case "file":
      return mapFile(part, change)
    case "tool-result": {
      const content = mapAll(part.content, (item) => mapContent(item, change))
      if (content === part.content) return part
      const { meta, ...rest } = part
      return { ...rest, ...own(meta), content }
    }
    case "source": {
      const title = part.title === undefined ? undefined : change(part.title)
      if (title === undefined || title === part.title) return part
      const { meta, ...rest } = part
      return { ...rest, ...own(meta), title }
    }
    default:
      return part
  }
}

const mapContent = (part: ResultContent, change: Change): ResultContent => {
  switch (part.type) {
    case "text":
      return mapText(part, change)
    case "file":
      return mapFile(part, change)
    case "json": {
      const value = mapJson(part.value, change)
      return value === part.value ? part : { ...part, value }
    }
  }
}

const mapText = (part: Text, change: Change): Text => {
  const text = change(part.text)
  return text === part.text ? part : { type: "text", text, ...own(part.meta) }
}

const mapFile = (part: File, change: Change): File => {
  const name = part.name === undefined ? undefined : change(part.name)
  const text = "text" in part.data ? change(part.data.text) : undefined
  const isSame = text === undefined || ("text" in part.data && part.data.text === text)
  if (name === part.name && isSame) return part
  const { meta, ...rest } = part
  return { ...rest, ...own(meta), data: isSame ? part.data : { text }, ...(name === undefined ? undefined : { name }) }
}

/** Keys are texts as well, and a number whose digits change becomes a text. */
const mapJson = (value: unknown, change: Change): unknown => {
  if (typeof value === "string") return change(value)
  if (typeof value === "number") {
    const digits = String(value)
    const next = change(digits)
    return next === digits ? value : next
  }
  if (Array.isArray(value)) return mapAll<unknown>(value, (item) => mapJson(item, change))
  if (typeof value !== "object" || value === null) return value
  const entries = Object.entries(value)
  const next = entries.map(([key, item]) => [change(key), mapJson(item, change)] as const)
  return next.every(([key, item], index) => key === entries[index]?.[0] && item === entries[index]?.[1])
    ? value
    : Object.fromEntries(next)
}

/** Of what stands beside a part, our own marks. */
const own = (meta: Meta | undefined): { readonly meta?: Meta } =>
  meta?.["axonal"] === undefined ? {} : { meta: { axonal: meta["axonal"] } }
