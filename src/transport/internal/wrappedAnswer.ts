/**
 * Answers that are no object (a list, a text, one of several kinds), for vendors whose forms and tools have to be objects:
 * the answer is asked for as the only property of one, and taken out of it again on the way in. Nobody else sees it.
 */
import type { Delta } from "../../domain/Delta.ts"
import type { Request } from "../../domain/Request.ts"
import { remembered } from "./encoding.ts"
import type { Decoder } from "./exchange.ts"
import { changed } from "./exchange.ts"
import { isJson, parseJson } from "./json.ts"
import { inlined, referencesOf, rooted } from "./jsonSchema.ts"

/**
 * The schema of an object: the given one, or one that holds it. The same for the same schema.
 *
 * @category converters
 * @since 0.1.0
 */
export const objectOf = (schema: object): object =>
  remembered(objects, schema, (schema) => {
    const root = rooted(schema)
    if (isJson(root) && (root["type"] === "object" || (root["type"] === undefined && isJson(root["properties"])))) {
      return root
    }
    const object = wrapped(root)
    wraps.add(object)
    return object
  })

/**
 * Whether it is a schema that `objectOf` made to hold another one.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isWrap = (schema: object): boolean => wraps.has(schema)

/**
 * A decoder that takes the answer out again, if the form of the request had to be put into an object.
 *
 * @category combinators
 * @since 0.1.0
 */
export const taking = (decoder: Decoder, { responseFormat: format }: Request): Decoder =>
  format.type === "json" && format.schema !== undefined && isWrap(objectOf(format.schema))
    ? unwrapped(decoder)
    : decoder

/**
 * A decoder that takes what texts hold out of their object.
 *
 * **Details**
 *
 * - A text is held back until it is whole. One that is no such object (the model says something before it calls a tool)
 *   is given as it is.
 *
 * @category combinators
 * @since 0.1.0
 */
export const unwrapped = (decoder: Decoder): Decoder => {
  const held = new Map<number, string>()
  const change = (delta: Delta, out: Array<Delta>): void => {
    if (delta._tag === "TextDelta") held.set(delta.index, (held.get(delta.index) ?? "") + delta.delta)
    else if (delta._tag === "PartEnd" && delta.part.type === "text") {
      const { index, part } = delta
      const text = valueIn(part.text)
      held.delete(index)
      if (text !== "") out.push({ _tag: "TextDelta", index, delta: text })
      out.push({ ...delta, part: { ...part, text } })
    } else out.push(delta)
  }
  return changed(decoder, (deltas, hasFailed) => {
    const out: Array<Delta> = []
    for (const delta of deltas) change(delta, out)
    if (hasFailed) {
      for (const [index, text] of held) out.push({ _tag: "TextDelta", index, delta: text })
      held.clear()
    }
    return out
  })
}

// internal

const objects = new WeakMap<object, object>()
const wraps = new WeakSet<object>()

const wrapped = (schema: object): object => {
  const ownDefinitions = referencesOf(schema).every((reference) => /^#\/(\$defs|definitions)\//.test(reference))
  const root = ownDefinitions ? schema : inlined(schema)
  const { $defs, $id: _id, $schema: _schema, definitions, ...value } = isJson(root) ? root : {}
  return {
    type: "object",
    properties: { value },
    required: ["value"],
    additionalProperties: false,
    ...($defs === undefined ? undefined : { $defs }),
    ...(definitions === undefined ? undefined : { definitions })
  }
}

/** The text between the braces, so that numbers stay as they were written. */
const valueIn = (text: string): string => {
  const object = parseJson(text)
  if (!isJson(object) || !("value" in object) || Object.keys(object).length !== 1) return text
  const start = /^\s*\{\s*"value"\s*:\s*/.exec(text)
  const end = text.lastIndexOf("}")
  return start === null ? JSON.stringify(object["value"]) : text.slice(start[0].length, end).trimEnd()
}
