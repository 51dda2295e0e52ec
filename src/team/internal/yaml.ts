/**
 * YAML with positions, as it stands above a Markdown text. Only what the other formats have is read: no aliases, no tags,
 * and no words for true and false but these.
 */
import { isAlias, isMap, isScalar, isSeq, parseDocument } from "yaml"
import type { Mistake, Read } from "../../internal/document.ts"
import { maxDepth, notFinite, Spots, tooDeep, twice } from "../../internal/document.ts"
import type { Place } from "../../internal/problems.ts"

/** Reads a YAML document. Offsets are told as if `from` characters stood before it. */
export const read = (text: string, from: number): Read => {
  const spots = new Spots()
  const parsed = documentOf(text)
  if (parsed === undefined) {
    return { document: undefined, spots, mistakes: [{ offset: from, place: [], problem: tooDeep }] }
  }
  // What follows the first mistake is most often for its sake.
  const [wrong] = [...parsed.errors, ...parsed.warnings]
  if (wrong !== undefined) {
    const problem = `no YAML: ${wrong.message}`
    return { document: undefined, spots, mistakes: [{ offset: from + wrong.pos[0], place: [], problem }] }
  }
  const mistakes: Array<Mistake> = []
  const value = walk({ from, spots, mistakes }, parsed.contents, [], from)
  return { document: { value: value ?? {} }, spots, mistakes }
}

// internal

const options = {
  version: "1.2",
  schema: "core",
  stringKeys: true,
  // The parser compares every key with every other.
  uniqueKeys: false,
  prettyErrors: false,
  logLevel: "silent"
} as const

/** What exhausts the parser is nested without measure. */
const documentOf = (text: string): ReturnType<typeof parseDocument> | undefined => {
  try {
    const parsed = parseDocument(text, options)
    return parsed.errors.some(({ code }) => code === "RESOURCE_EXHAUSTION") ? undefined : parsed
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

interface Walker {
  readonly from: number
  readonly spots: Spots
  readonly mistakes: Array<Mistake>
}

/** `around` is where a value stands that is left out. */
const walk = (walker: Walker, node: unknown, place: Place, around: number, key?: number): unknown => {
  const isNode = isMap(node) || isSeq(node) || isScalar(node) || isAlias(node)
  const offset = isNode && node.range ? walker.from + node.range[0] : around
  walker.spots.add(place, offset, key)
  const refuse = (problem: string, named = place): void => {
    walker.mistakes.push({ offset, place: named, problem })
  }
  if (place.length > maxDepth) return refuse(tooDeep, [])
  if (isAlias(node)) return refuse(`an alias: write out what *${node.source} stands for`)
  if (isSeq(node)) return node.items.map((item, index) => walk(walker, item, [...place, index], offset))
  if (isScalar(node)) {
    return typeof node.value === "number" && !Number.isFinite(node.value) ? refuse(notFinite) : node.value
  }
  if (!isMap(node)) return null
  const names = new Set<string>()
  return Object.fromEntries(
    node.items.map((pair) => {
      const name = isScalar(pair.key) ? String(pair.key.value) : ""
      const at = isScalar(pair.key) && pair.key.range ? walker.from + pair.key.range[0] : offset
      const inner = [...place, name]
      if (names.has(name)) walker.mistakes.push({ offset: at, place: inner, problem: twice })
      names.add(name)
      return [name, walk(walker, pair.value, inner, at, at)]
    })
  )
}
