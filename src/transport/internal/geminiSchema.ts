/**
 * JSON schemas in the part of the language that the Gemini API knows. What it has no word for is left out, so a schema
 * only becomes wider; what is decoded is checked against the whole one by its owner.
 *
 * Source: `GenerationConfig.responseJsonSchema`, https://ai.google.dev/api/generate-content, read 2026-11.
 */
import { Unsupported } from "./encoding.ts"
import type { Json } from "./json.ts"
import { arrayOf, isJson, numberOf, textOf } from "./json.ts"
import { everywhere, inlined, referencesOf } from "./jsonSchema.ts"

/**
 * The schema as the API takes it.
 *
 * @category converters
 * @since 0.1.0
 */
export const adapted = (schema: object): object => {
  const references = referencesOf(schema)
  const root = references.every((reference) => ownDefinition.test(reference)) ? schema : inlined(schema)
  const change = (inner: Json): Json => changed(inner, change)
  const made = everywhere(hasReferenceInAllOf(root) ? flat(root) : root, change)
  return isJson(made) ? resolved(made) : {}
}

/**
 * The schema of a tool's arguments, which are an object whatever else the schema would allow.
 *
 * @category converters
 * @since 0.1.0
 */
export const parameters = (schema: object): object => {
  const made = adapted(schema)
  if (!isJson(made) || made["type"] === "object" || made["properties"] !== undefined) return made
  const objects = arrayOf(made["anyOf"]).filter((one) => isJson(one) && (one["$ref"] !== undefined || isObject(one)))
  if (objects.length > 1) return { ...made, anyOf: objects }
  const { anyOf: _, ...rest } = made
  return { ...rest, type: "object", ...objects.find(isJson) }
}

// internal

const ownDefinition = /^#\/(\$defs|definitions)\/[^/]+$/

const kept = [
  "$defs",
  "type",
  "title",
  "description",
  "enum",
  "anyOf",
  "properties",
  "required",
  "propertyOrdering",
  "additionalProperties",
  "items",
  "prefixItems",
  "minItems",
  "maxItems",
  "minimum",
  "maximum"
]

/** The formats that mean something to the API; any other is told in words. */
const formats = new Set(["date-time", "date", "time", "int32", "int64", "float", "double"])

const isObject = (schema: Json): boolean => schema["type"] === "object" || isJson(schema["properties"])

const hasReferenceInAllOf = (schema: object): boolean => {
  let has = false
  everywhere(schema, (inner) => {
    has ||= arrayOf(inner["allOf"]).some((one) => isJson(one) && one["$ref"] !== undefined)
    return inner
  })
  return has
}

/** The schema without references, if it can be written so. */
const flat = (schema: object): object => {
  try {
    return inlined(schema)
  } catch (error) {
    if (error instanceof Unsupported) return schema
    throw error
  }
}

/** A document whose root is but a reference, with what it refers to as its root. */
const resolved = (root: Json): Json => {
  const name = textOf(root["$ref"])?.split("/")[2]
  const definitions = isJson(root["$defs"]) ? root["$defs"] : {}
  const target = name === undefined ? undefined : definitions[decodeURIComponent(name)]
  if (!isJson(target)) return root
  return referencesOf(target).length === 0 ? target : { ...target, $defs: definitions }
}

const changed = (schema: Json, change: (schema: Json) => Json): Json => {
  const definitions = { ...objectOf(schema["definitions"]), ...objectOf(schema["$defs"]) }
  const $defs = Object.keys(definitions).length === 0 ? undefined : { $defs: definitions }
  const reference = textOf(schema["$ref"])
  // Nothing else may stand beside a reference.
  if (reference !== undefined) return { $ref: reference.replace("#/definitions/", "#/$defs/"), ...$defs }
  const whole = withItems(withRest(merged({ ...schema, ...$defs })), change)
  const out: { [name: string]: unknown } = {}
  for (const name of kept) if (whole[name] !== undefined) out[name] = whole[name]
  const anyOf = arrayOf(whole["anyOf"] ?? whole["oneOf"]).flatMap(schemaOf)
  if (anyOf.length > 0) out["anyOf"] = anyOf
  else delete out["anyOf"]
  if (isJson(whole["properties"])) {
    const properties = Object.entries(whole["properties"]).flatMap(([name, item]) =>
      schemaOf(item).map((found) => [name, found] as const)
    )
    out["properties"] = Object.fromEntries(properties)
    const names = new Set(properties.map(([name]) => name))
    const required = arrayOf(whole["required"]).filter((name) => typeof name === "string" && names.has(name))
    if (required.length > 0) out["required"] = required
    else delete out["required"]
  } else delete out["required"]
  const least = numberOf(whole["minimum"]) ?? numberOf(whole["exclusiveMinimum"])
  const most = numberOf(whole["maximum"]) ?? numberOf(whole["exclusiveMaximum"])
  return {
    ...out,
    ...(least === undefined ? {} : { minimum: least }),
    ...(most === undefined ? {} : { maximum: most }),
    ...choice(whole, out),
    ...format(whole)
  }
}

const objectOf = (value: unknown): Json => (isJson(value) ? value : {})

/** `true` is any value; `false` is none, and left out. */
const schemaOf = (value: unknown): ReadonlyArray<Json> => (value === true ? [{}] : isJson(value) ? [value] : [])

/** All members in one. Where they say different things about the same, the first is kept: each alone is wider than all. */
const merged = (schema: Json): Json => {
  let out = schema
  for (const member of arrayOf(schema["allOf"])) {
    if (!isJson(member)) continue
    if (member["$ref"] !== undefined) {
      // A schema that contains itself. What it asks for is not known here, so the rest must not forbid it.
      const { additionalProperties: _, ...open } = out
      out = open
      continue
    }
    const both = isJson(out["properties"]) || isJson(member["properties"])
    out = {
      ...member,
      ...out,
      ...(both ? { properties: { ...objectOf(member["properties"]), ...objectOf(out["properties"]) } } : undefined),
      required: [...arrayOf(out["required"]), ...arrayOf(member["required"])]
    }
  }
  return out
}

/** Properties whose names follow a pattern are among the further ones here. */
const withRest = (schema: Json): Json => {
  const rest = schema["additionalProperties"]
  const patterns = objectOf(schema["patternProperties"])
  // The empty pattern is found in every name.
  const every = patterns[""]
  if (rest === undefined && isJson(every)) return { ...schema, additionalProperties: every }
  const named = Object.values(patterns).flatMap(schemaOf)
  if (named.length === 0 || rest === undefined || rest === true) return schema
  const all = [...named, ...schemaOf(rest)]
  return { ...schema, additionalProperties: all.length === 1 ? all[0] : { anyOf: all } }
}

/** A list of places, in the spelling of 2020. */
const withItems = (schema: Json, change: (schema: Json) => Json): Json => {
  const { additionalItems, items, prefixItems, ...others } = schema
  const places = Array.isArray(items) ? items : prefixItems
  const rest = Array.isArray(items) ? everywhere(additionalItems, change) : items
  if (!Array.isArray(places)) return isJson(items) ? { ...others, items } : others
  const prefix = places.map((place) => schemaOf(place)[0] ?? {})
  return {
    ...others,
    prefixItems: prefix,
    ...(isJson(rest) ? { items: rest } : undefined),
    ...(rest === false ? { maxItems: numberOf(schema["maxItems"]) ?? prefix.length } : undefined)
  }
}

/** Choices may be texts and numbers; of others only their types are told. */
const choice = (schema: Json, out: Json): Json => {
  const values = "const" in schema ? [schema["const"]] : schema["enum"]
  if (!Array.isArray(values) || values.length === 0) return {}
  const types = [...new Set(values.map(typeOf))]
  const type = out["type"] ?? (types.length === 1 ? types[0] : types)
  const isTold = types.every((name) => name === "string" || name === "number")
  return { type, enum: isTold ? values : undefined }
}

const typeOf = (value: unknown): string => (value === null ? "null" : Array.isArray(value) ? "array" : typeof value)

const format = (schema: Json): Json => {
  const name = textOf(schema["format"])
  if (name === undefined) return {}
  if (formats.has(name)) return { format: name }
  const description = textOf(schema["description"])
  return { description: description === undefined ? `Format: ${name}` : `${description} (format: ${name})` }
}
