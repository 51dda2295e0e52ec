/**
 * Says whether a value is valid under a JSON schema, for the keywords that tests use; and whether a schema keeps to the part
 * of the language that a vendor knows, from the vendors' documentation and their own refusals.
 */
import type { Json } from "./requests/report.ts"
import { isJson, Report } from "./requests/report.ts"

const typeOf = (value: unknown): string => (value === null ? "null" : Array.isArray(value) ? "array" : typeof value)

const isOfType = (value: unknown, type: unknown): boolean =>
  type === "integer" ? Number.isInteger(value) : typeOf(value) === type

const equal = (left: unknown, right: unknown): boolean => JSON.stringify(left) === JSON.stringify(right)

const pointed = (root: unknown, reference: string): unknown =>
  reference
    .split("/")
    .slice(1)
    .map((step) => decodeURIComponent(step).replaceAll("~1", "/").replaceAll("~0", "~"))
    .reduce((value: unknown, step) => (isJson(value) ? value[step] : undefined), root)

/** Whether the value is valid. */
export const accepts = (schema: unknown, value: unknown, root: unknown = schema): boolean => {
  if (typeof schema === "boolean") return schema
  if (!isJson(schema)) return false
  const valid = (inner: unknown, item: unknown): boolean => accepts(inner, item, root)
  const every = (name: string, holds: (list: ReadonlyArray<unknown>) => boolean): boolean => {
    const list = schema[name]
    return !Array.isArray(list) || holds(list)
  }
  const { const: only, $ref, type } = schema
  return (
    (typeof $ref !== "string" || valid(pointed(root, $ref), value)) &&
    (type === undefined || (Array.isArray(type) ? type : [type]).some((one) => isOfType(value, one))) &&
    (only === undefined || equal(only, value)) &&
    every("enum", (list) => list.some((one) => equal(one, value))) &&
    every("anyOf", (list) => list.some((inner) => valid(inner, value))) &&
    every("oneOf", (list) => list.filter((inner) => valid(inner, value)).length === 1) &&
    every("allOf", (list) => list.every((inner) => valid(inner, value))) &&
    (typeof value !== "number" || inBounds(schema, value, "minimum", "maximum")) &&
    (typeof value !== "string" || inBounds(schema, [...value].length, "minLength", "maxLength")) &&
    (typeof value !== "string" || typeof schema["pattern"] !== "string" || new RegExp(schema["pattern"]).test(value)) &&
    (!Array.isArray(value) ||
      (inBounds(schema, value.length, "minItems", "maxItems") && areItems(schema, value, valid))) &&
    (!isJson(value) || areProperties(schema, value, valid))
  )
}

const inBounds = (schema: Json, size: number, least: string, most: string): boolean => {
  const [low, high] = [schema[least], schema[most]]
  return (typeof low !== "number" || size >= low) && (typeof high !== "number" || size <= high)
}

type Valid = (schema: unknown, value: unknown) => boolean

const areItems = (schema: Json, list: ReadonlyArray<unknown>, valid: Valid): boolean => {
  const { additionalItems, items, prefixItems } = schema
  const places: ReadonlyArray<unknown> = Array.isArray(items) ? items : Array.isArray(prefixItems) ? prefixItems : []
  const rest = (Array.isArray(items) ? additionalItems : items) ?? true
  return list.every((item, index) => valid(index < places.length ? places[index] : rest, item))
}

const areProperties = (schema: Json, value: Json, valid: Valid): boolean => {
  const { additionalProperties = true, required = [] } = schema
  const properties = isJson(schema["properties"]) ? schema["properties"] : {}
  const patterns = Object.entries(isJson(schema["patternProperties"]) ? schema["patternProperties"] : {})
  return (
    (!Array.isArray(required) || required.every((name) => Object.hasOwn(value, name))) &&
    Object.entries(value).every(([name, item]) => {
      const found = patterns.flatMap(([pattern, inner]) => (new RegExp(pattern).test(name) ? [inner] : []))
      if (Object.hasOwn(properties, name)) found.push(properties[name])
      return found.length === 0 ? valid(additionalProperties, item) : found.every((inner) => valid(inner, item))
    })
  )
}

/** Every schema in a schema, with where it stands. */
const within = (schema: unknown, place = "#"): ReadonlyArray<readonly [place: string, schema: Json]> => {
  if (!isJson(schema)) return []
  const all: Array<readonly [string, Json]> = [[place, schema]]
  for (const [name, value] of Object.entries(schema)) {
    const at = `${place}/${name}`
    if (["properties", "patternProperties", "$defs", "definitions"].includes(name) && isJson(value)) {
      for (const [key, inner] of Object.entries(value)) all.push(...within(inner, `${at}/${key}`))
    } else if (["anyOf", "oneOf", "allOf", "prefixItems", "items"].includes(name) && Array.isArray(value)) {
      value.forEach((inner, index) => all.push(...within(inner, `${at}/${index}`)))
    } else if (["items", "additionalProperties"].includes(name)) all.push(...within(value, at))
  }
  return all
}

/** What OpenAI refuses in a schema that is marked as strict. */
export const strictly = (schema: unknown): ReadonlyArray<string> => {
  const report = new Report()
  const formats = ["date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid", undefined]
  const refused = [
    "allOf",
    "oneOf",
    "not",
    "if",
    "patternProperties",
    "prefixItems",
    "minLength",
    "maxLength",
    "default"
  ]
  report.ok(isJson(schema) && schema["type"] === "object", "#", 'schema must be a JSON Schema of type "object"')
  for (const [place, inner] of within(schema)) {
    const names = Object.keys(inner).filter((name) => name !== "$defs" && name !== "definitions")
    if (names.includes("$ref")) report.ok(names.length === 1, place, `$ref cannot have keywords ${names}`)
    else report.ok(names.includes("type") || names.includes("anyOf"), place, "schema must have a 'type' key")
    for (const name of refused) report.ok(!names.includes(name), place, `'${name}' is not permitted`)
    report.ok(
      formats.some((known) => known === inner["format"]),
      place,
      `'${inner["format"]}' is not a valid format`
    )
    if (inner["type"] !== "object") continue
    report.ok(inner["additionalProperties"] === false, place, "'additionalProperties' is required to be false")
    const named = isJson(inner["properties"]) ? Object.keys(inner["properties"]) : []
    const { required } = inner
    report.ok(Array.isArray(required) && named.every((name) => required.includes(name)), place, "'required' lacks some")
  }
  return report.problems
}

/** What Anthropic refuses in the schema of an answer. */
export const boundly = (schema: unknown): ReadonlyArray<string> => {
  const report = new Report()
  for (const [place, inner] of within(schema)) {
    report.only(inner, place, [
      ...["type", "description", "title", "properties", "required", "additionalProperties", "items", "minItems"],
      ...["anyOf", "allOf", "enum", "const", "default", "format"]
    ])
    if (inner["type"] === "object") report.ok(inner["additionalProperties"] === false, place, "has to be closed")
  }
  return report.problems
}

/** What Gemini refuses in a JSON schema, and what it would not find. */
export const googly = (schema: unknown): ReadonlyArray<string> => {
  const report = new Report()
  for (const [place, inner] of within(schema)) {
    const { $defs: _, ...own } = inner
    report.only(own, place, [
      ...["$ref", "type", "title", "description", "enum", "anyOf", "properties", "required", "propertyOrdering"],
      ...["additionalProperties", "items", "prefixItems", "minItems", "maxItems", "minimum", "maximum", "format"]
    ])
    if (own["$ref"] === undefined) continue
    report.ok(Object.keys(own).length === 1, place, "has something beside $ref")
    report.ok(isJson(pointed(schema, String(own["$ref"]))), place, `does not find ${own["$ref"]}`)
  }
  return report.problems
}
