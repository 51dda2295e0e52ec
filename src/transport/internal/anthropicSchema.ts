/**
 * JSON schemas as the Messages API takes them: those of tools, whose arguments have names of few characters, and those that
 * an answer or strict arguments are bound to, for which only a part of JSON Schema is known.
 */
import { Unsupported } from "./encoding.ts"
import type { Json } from "./json.ts"
import { arrayOf, isJson, numberOf, textOf } from "./json.ts"
import { closed, everywhere, inlined, objectRoot } from "./jsonSchema.ts"

/**
 * The name of a property that a tool may not have, if there is one: "Property keys should match pattern
 * '^[a-zA-Z0-9_.-]{1,64}$'".
 *
 * @category converters
 * @since 0.1.0
 */
export const oddName = (schema: object): string | undefined => {
  const { properties } = objectRoot(schema)
  return Object.keys(isJson(properties) ? properties : {}).find((name) => !/^[a-zA-Z0-9_.-]{1,64}$/.test(name))
}

/**
 * The schema of an answer, `undefined` when it cannot be said in what the API knows without ruling answers out: objects
 * with properties of any name, values of any kind, a schema that contains itself.
 *
 * **Details**
 *
 * - Bounds and patterns are left out, objects are closed, references replaced by what they point at.
 * - Source: "Structured outputs", section "JSON Schema limitations", https://platform.claude.com/docs, and the SDK's own
 *   transformation; read in November 2026.
 *
 * @category converters
 * @since 0.1.0
 */
export const ofAnswer = (schema: object): object | undefined => {
  try {
    let isKnown = true
    const known = everywhere(inlined(schema), (inner) => {
      const typed = withType(inner)
      isKnown &&= isNamed(inner)
      isKnown &&= typed["type"] !== undefined || typed["anyOf"] !== undefined || typed["allOf"] !== undefined
      return Object.fromEntries(Object.entries(typed).filter(([name, value]) => isTaken(name, value)))
    })
    return isKnown && isJson(known) ? closed(known) : undefined
  } catch (error) {
    if (error instanceof Unsupported) return undefined
    throw error
  }
}

const keywords = new Set([
  "type",
  "description",
  "title",
  "properties",
  "required",
  "additionalProperties",
  "items",
  "anyOf",
  "allOf",
  "enum",
  "const",
  "default"
])

const formats = new Set(["date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"])

/** Whether the properties of an object are those that have names. */
const isNamed = (schema: Json): boolean => {
  const further = schema["additionalProperties"]
  if ((further !== undefined && further !== false) || schema["patternProperties"] !== undefined) return false
  return schema["type"] !== "object" || further === false || isJson(schema["properties"])
}

const isTaken = (name: string, value: unknown): boolean =>
  (keywords.has(name) && (name !== "items" || isJson(value))) ||
  (name === "format" && formats.has(textOf(value) ?? "")) ||
  (name === "minItems" && (numberOf(value) ?? 2) <= 1)

/** One of several is any of several, and values say of what type they are. */
const withType = (schema: Json): Json => {
  const { oneOf, ...rest } = schema
  const out = oneOf === undefined || schema["anyOf"] !== undefined ? schema : { ...rest, anyOf: oneOf }
  if (out["type"] !== undefined || out["anyOf"] !== undefined || out["allOf"] !== undefined) return out
  const values = "const" in out ? [out["const"]] : arrayOf(out["enum"])
  const types = [...new Set(values.map(typeOf))]
  return types.length === 0 ? out : { type: types.length === 1 ? types[0] : types, ...out }
}

const typeOf = (value: unknown): string =>
  value === null ? "null" : Array.isArray(value) ? "array" : typeof value === "object" ? "object" : typeof value
