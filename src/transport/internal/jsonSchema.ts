/**
 * Adapts JSON schemas to what vendors accept, without changing what is decoded: a schema may become wider for the model
 * (a bound that a vendor does not know is left out), never narrower, and the decoded value is checked against the whole.
 */
import { remembered, Unsupported } from "./encoding.ts"
import type { Json } from "./json.ts"
import { arrayOf, isJson, textOf } from "./json.ts"

/** Where schemas stand in a schema: under names, in a list, or by themselves. */
const named = new Set(["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"])
const listed = new Set(["anyOf", "oneOf", "allOf", "prefixItems"])
const single = new Set([
  "items",
  "additionalProperties",
  "not",
  "if",
  "then",
  "else",
  "contains",
  "propertyNames",
  "unevaluatedProperties",
  "unevaluatedItems"
])

/**
 * Applies a change to a schema and every schema within it, from the inside out. Values that only look like schemas
 * (`const`, `enum`, `default`, `examples`) are left alone.
 *
 * @category combinators
 * @since 0.1.0
 */
export const everywhere = (schema: unknown, change: (schema: Json) => Json): unknown => {
  if (!isJson(schema)) return schema
  const inner = (value: unknown): unknown => everywhere(value, change)
  const out: { [name: string]: unknown } = {}
  for (const [name, value] of Object.entries(schema)) {
    if (named.has(name) && isJson(value)) {
      out[name] = Object.fromEntries(Object.entries(value).map(([key, item]) => [key, inner(item)]))
    } else if (Array.isArray(value) && (listed.has(name) || name === "items")) out[name] = value.map(inner)
    else out[name] = single.has(name) ? inner(value) : value
  }
  return change(out)
}

/**
 * The schema without the keywords.
 *
 * @category combinators
 * @since 0.1.0
 */
export const without = (schema: object, keywords: ReadonlySet<string>): object =>
  asObject(
    everywhere(schema, (inner) => Object.fromEntries(Object.entries(inner).filter(([name]) => !keywords.has(name))))
  )

/**
 * The schema with every object closed to further properties that does not say which further ones it takes.
 *
 * @category combinators
 * @since 0.1.0
 */
export const closed = (schema: object): object =>
  asObject(
    everywhere(schema, (inner) =>
      isObject(inner) && inner["additionalProperties"] === undefined && inner["patternProperties"] === undefined
        ? { ...inner, additionalProperties: false }
        : inner
    )
  )

/**
 * The schema with every `$ref` replaced by what it points at. A schema that contains itself cannot be written so and is
 * refused.
 *
 * @category combinators
 * @since 0.1.0
 */
export const inlined = (schema: object): object => {
  const resolve = (value: unknown, path: ReadonlyArray<string>): unknown => {
    if (Array.isArray(value)) return value.map((item) => resolve(item, path))
    if (!isJson(value)) return value
    const reference = textOf(value["$ref"])
    if (reference === undefined) {
      return Object.fromEntries(
        Object.entries(value).flatMap(([name, item]) =>
          name === "$defs" || name === "definitions" ? [] : [[name, resolve(item, path)]]
        )
      )
    }
    if (path.includes(reference)) {
      throw new Unsupported(`The schema contains itself (${reference}), and this API takes no references.`)
    }
    const target = resolve(pointedAt(schema, reference), [...path, reference])
    const { $ref: _, ...rest } = value
    return isJson(target) ? { ...target, ...rest } : rest
  }
  return asObject(resolve(schema, []))
}

/**
 * The schema with what it describes at its root, where it only referred to that: `{ $ref: "#/$defs/City", $defs }`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const rooted = (schema: object): object => {
  let root: Json = isJson(schema) ? schema : {}
  const seen = new Set<string>()
  for (let reference = textOf(root["$ref"]); reference !== undefined; reference = textOf(root["$ref"])) {
    if (seen.has(reference)) throw new Unsupported(`The schema is nothing but a reference to itself (${reference}).`)
    seen.add(reference)
    const { $ref: _, ...beside } = root
    const target = pointedAt(schema, reference)
    root = { ...(isJson(target) ? target : undefined), ...beside }
  }
  if (seen.size === 0) return schema
  const { $defs: _, definitions: __, ...alone } = root
  return referencesOf(alone).length === 0 ? alone : root
}

/**
 * The schema of a tool's arguments, whose root has to be one object. Alternatives at the root are refused by vendors and
 * become one object in which all of their properties may stand: "schema must have type 'object' and not have
 * 'oneOf'/'anyOf'/'allOf'/'enum'/'not' at the top level".
 *
 * @category converters
 * @since 0.1.0
 */
export const objectRoot = (schema: object): Json => {
  const root: Json = { ...rooted(schema) }
  const { $defs, definitions } = root
  const alternatives = combinators.flatMap((name) => arrayOf(root[name]).filter(isJson))
  if (alternatives.length === 0) return textOf(root["type"]) === undefined ? { ...root, type: "object" } : root
  const rest = Object.fromEntries(Object.entries(root).filter(([name]) => !combinators.includes(name)))
  const properties: { [name: string]: unknown } = {}
  for (const one of [root, ...alternatives.map((other) => asObject(rooted({ ...other, $defs, definitions })))]) {
    const named = isJson(one) ? one["properties"] : undefined
    for (const [name, property] of Object.entries(isJson(named) ? named : {})) {
      const known = properties[name]
      properties[name] = known === undefined || isSame(known, property) ? property : { anyOf: [known, property] }
    }
  }
  // What the alternatives name has to be allowed.
  const { additionalProperties: _, ...open } = rest
  return { ...open, type: "object", properties }
}

/**
 * All references in a schema.
 *
 * @category converters
 * @since 0.1.0
 */
export const referencesOf = (schema: object): ReadonlyArray<string> => {
  const references: Array<string> = []
  everywhere(schema, (inner) => {
    const reference = textOf(inner["$ref"])
    if (reference !== undefined) references.push(reference)
    return inner
  })
  return references
}

/**
 * Whether a vendor's strict decoding takes the schema as it is: every object is closed and requires all it names.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isStrict = (schema: object): boolean => {
  let strict = true
  everywhere(schema, (inner) => {
    if (!isObject(inner)) return inner
    const names = isJson(inner["properties"]) ? Object.keys(inner["properties"]) : []
    const required = arrayOf(inner["required"])
    strict &&= inner["additionalProperties"] === false && names.every((name) => required.includes(name))
    return inner
  })
  return strict
}

/**
 * The schema as a vendor's strict decoding takes it: closed, without the bounds it does not know, or `undefined` where it
 * cannot be written so. Strict decoding then only accepts what the schema accepts, bounds aside.
 *
 * **Details**
 *
 * - Values say of what type they are, one of several is any of several, and nothing stands beside a reference: "$ref cannot
 *   have keywords". Formats are those that are known: "'uri' is not a valid format".
 * - Which keywords are unknown follows OpenAI's rules for strict schemas as commonly known; they were not read again for
 *   this. A keyword too many here costs a bound, one too few a refused request.
 *
 * @category combinators
 * @since 0.1.0
 */
export const strictForm = (schema: object): object | undefined =>
  remembered(strictForms, schema, (schema) => ({ form: strictly(schema) })).form

// internal

/** Of answers' schemas, which are asked for anew in every turn. */
const strictForms = new WeakMap<object, { readonly form: object | undefined }>()

const strictly = (schema: object): object | undefined => {
  const plain = asObject(everywhere(without(schema, unknownToStrict), plainly))
  // An object of anything, closed, would be an object of nothing.
  if (isOpen(plain)) return undefined
  const form = closed(asObject(everywhere(plain, complete)))
  return isJson(form) && form["type"] === "object" && isStrict(form) && isPlain(form) ? form : undefined
}

const combinators: ReadonlyArray<string> = ["anyOf", "oneOf", "allOf"]

const isSame = (left: unknown, right: unknown): boolean => JSON.stringify(left) === JSON.stringify(right)

const unknownToStrict = new Set([
  ...["$schema", "$id", "$comment", "default", "examples", "minLength", "maxLength", "uniqueItems", "contains"],
  ...["minContains", "maxContains", "minProperties", "maxProperties", "propertyNames", "unevaluatedItems"],
  ...["unevaluatedProperties", "contentEncoding", "contentMediaType", "contentSchema"]
])

/** The formats of OpenAI's "Structured outputs", section "Supported properties". */
const knownToStrict = new Set(["date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"])

/** The same schema or a wider one, in fewer words. */
const plainly = (schema: Json): Json => {
  const reference = textOf(schema["$ref"])
  const { $defs, definitions } = schema
  if (reference !== undefined) {
    return {
      $ref: reference,
      ...($defs === undefined ? {} : { $defs }),
      ...(definitions === undefined ? {} : { definitions })
    }
  }
  const { allOf, format, oneOf, ...rest } = schema
  const [only, ...others] = arrayOf(allOf)
  const out: { [name: string]: unknown } = { ...rest }
  if (knownToStrict.has(textOf(format) ?? "")) out["format"] = format
  if (oneOf !== undefined && out["anyOf"] === undefined) out["anyOf"] = oneOf
  else if (oneOf !== undefined) out["oneOf"] = oneOf
  // A reference with a description, in the spelling of drafts where nothing may stand beside one.
  if (others.length === 0 && isJson(only) && Object.keys(rest).every((name) => words.has(name))) return plainly(only)
  if (allOf !== undefined) out["allOf"] = allOf
  const values = "const" in out ? [out["const"]] : arrayOf(out["enum"])
  const types = [...new Set(values.map(typeOf))]
  return types.length === 0 || out["type"] !== undefined ? out : { type: types.length === 1 ? types[0] : types, ...out }
}

/** Whether there are objects in it whose properties have no names. */
const isOpen = (schema: object): boolean => {
  let open = false
  everywhere(schema, (inner) => {
    open ||= inner["type"] === "object" && !isJson(inner["properties"]) && inner["additionalProperties"] !== false
    return inner
  })
  return open
}

/** Objects name their properties, and which are required, even if there are none. */
const complete = (schema: Json): Json =>
  schema["type"] === "object" ? { properties: {}, required: [], ...schema } : schema

const words = new Set(["description", "title"])

const typeOf = (value: unknown): string => (value === null ? "null" : Array.isArray(value) ? "array" : typeof value)

/** Whether everything in it has a type or stands for something that has, and nothing is put together in unknown ways. */
const isPlain = (schema: object): boolean => {
  let plain = true
  everywhere(schema, (inner) => {
    plain &&=
      ["type", "anyOf", "$ref", "enum", "const"].some((name) => name in inner) &&
      (inner["type"] !== "array" || isJson(inner["items"])) &&
      !["allOf", "oneOf", "not", "if", "patternProperties", "dependentSchemas", "prefixItems"].some(
        (name) => name in inner
      )
    return inner
  })
  return plain
}

const isObject = (schema: Json): boolean => schema["type"] === "object" || isJson(schema["properties"])

const asObject = (value: unknown): object => (isJson(value) ? value : {})

/** What a reference within the document points at: `#`, `#/$defs/Name` … */
const pointedAt = (root: unknown, reference: string): unknown => {
  if (!reference.startsWith("#")) {
    throw new Unsupported(`The schema refers to ${reference}, and only references within it can be followed.`)
  }
  let value = root
  for (const step of reference
    .slice(1)
    .split("/")
    .filter((step) => step !== "")) {
    const name = decodeURIComponent(step).replaceAll("~1", "/").replaceAll("~0", "~")
    value = isJson(value) ? value[name] : Array.isArray(value) ? value[Number(name)] : undefined
  }
  if (value === undefined) throw new Unsupported(`The schema refers to ${reference}, which is not in it.`)
  return value
}
