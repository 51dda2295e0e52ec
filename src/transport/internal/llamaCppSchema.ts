/**
 * JSON schemas in the form that grammars are made of. A grammar knows types, literals, alternatives, objects and lists; a
 * keyword that it does not know is left out, so that more may be written than the schema takes, and what was decoded is
 * checked against the whole. What a grammar writes is always finite: a schema that contains itself is followed once.
 */
import type { GbnfJsonSchema } from "node-llama-cpp"
import type { Json } from "./json.ts"
import { arrayOf, isJson, numberOf, textOf } from "./json.ts"

/**
 * A schema that grammars can be made of.
 *
 * @category models
 * @since 0.1.0
 */
export type Schema = GbnfJsonSchema

/**
 * The schema for a grammar.
 *
 * **Details**
 *
 * - A grammar writes every property that it names. So that optional ones can be left out, an object with up to four of
 *   them is an alternative of all its subsets; with more, of none, each by itself, and all.
 *
 * @category converters
 * @since 0.1.0
 */
export const grammarOf = (schema: unknown): Schema => convert({ root: schema, path: [], alternatives: true }, schema)

/**
 * The schema as the model is shown it: every property once, and which ones are optional.
 *
 * @category converters
 * @since 0.1.0
 */
export const documentationOf = (schema: unknown): Schema =>
  convert({ root: schema, path: [], alternatives: false }, schema)

/**
 * Whether the schema takes nothing but an empty object.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isEmpty = (schema: object): boolean => {
  if (!isJson(schema) || schema["type"] !== "object") return false
  const properties = schema["properties"]
  const isClosed = schema["additionalProperties"] === false || properties !== undefined
  return isClosed && (properties === undefined || (isJson(properties) && Object.keys(properties).length === 0))
}

/**
 * Any JSON object.
 *
 * @category constructors
 * @since 0.1.0
 */
export const anyObject: Schema = { type: "object", additionalProperties: true }

// internal

/** Where the conversion is: the document, the references that led here, and whether optional properties may be absent. */
interface Place {
  readonly root: unknown
  readonly path: ReadonlyArray<string>
  readonly alternatives: boolean
}

type Basic = "string" | "number" | "integer" | "boolean" | "null"
const basics: ReadonlyArray<string> = ["string", "number", "integer", "boolean", "null"]
const isBasic = (type: unknown): type is Basic => typeof type === "string" && basics.includes(type)

const anything: Schema = {
  oneOf: [{ type: ["string", "number", "boolean", "null"] }, anyObject, { type: "array" }]
}

const convert = (place: Place, schema: unknown): Schema => {
  if (!isJson(schema)) return anything
  const description = textOf(schema["description"])
  const converted = withoutDescription(place, schema)
  return description === undefined ? converted : { ...converted, description }
}

const withoutDescription = (place: Place, schema: Json): Schema => {
  const reference = textOf(schema["$ref"])
  if (reference !== undefined) {
    return place.path.includes(reference)
      ? anything
      : convert({ ...place, path: [...place.path, reference] }, pointedAt(place.root, reference))
  }
  if ("const" in schema) return isLiteral(schema["const"]) ? { const: schema["const"] } : anything
  if (Array.isArray(schema["enum"])) {
    const values: ReadonlyArray<unknown> = schema["enum"]
    return values.length > 0 && values.every(isLiteral) ? { enum: values } : anything
  }
  for (const keyword of ["anyOf", "oneOf"]) {
    const choices = arrayOf(schema[keyword])
    if (choices.length > 0) return oneOf(choices.map((choice) => convert(place, merged(place, schema, choice))))
  }
  const all = arrayOf(schema["allOf"])
  if (all.length > 0) {
    const { allOf: _, ...rest } = schema
    return convert(
      place,
      all.reduce<Json>((sum, part) => merged(place, sum, part), rest)
    )
  }
  const types = Array.isArray(schema["type"]) ? schema["type"] : [schema["type"]]
  if (types.length > 1) return oneOf(types.map((type) => ofType(place, schema, type)))
  return ofType(place, schema, types[0])
}

const ofType = (place: Place, schema: Json, type: unknown): Schema => {
  if (type === "object" || (type === undefined && isJson(schema["properties"]))) return ofObject(place, schema)
  if (type === "array" || (type === undefined && ("items" in schema || "prefixItems" in schema))) {
    return ofArray(place, schema)
  }
  if (type === "string") return ofString(schema)
  return isBasic(type) ? { type } : anything
}

const ofObject = (place: Place, schema: Json): Schema => {
  const properties = isJson(schema["properties"]) ? schema["properties"] : {}
  const required = arrayOf(schema["required"])
  const names = Object.keys(properties)
  const optional = names.filter((name) => !required.includes(name))
  const more = furtherOf(place, schema, names.length === 0)
  const of = (chosen: ReadonlyArray<string>): Schema => ({
    type: "object",
    properties: Object.fromEntries(
      chosen.map((name) => [name, propertyOf(place, properties[name], !place.alternatives && optional.includes(name))])
    ),
    ...(place.alternatives ? undefined : { required: names.filter((name) => required.includes(name)) }),
    ...(more === undefined ? undefined : { additionalProperties: more })
  })
  if (!place.alternatives || optional.length === 0) return of(names)
  // The first is what the model sees first: everything there is.
  return oneOf(subsetsOf(optional).map((left) => of(names.filter((name) => !left.includes(name)))))
}

const propertyOf = (place: Place, schema: unknown, isOptional: boolean): Schema => {
  const converted = convert(place, schema)
  if (!isOptional) return converted
  return { ...converted, description: ["Optional.", converted.description ?? ""].join(" ").trim() }
}

/** What an object may hold beyond its properties: nothing when it names some, unless it says otherwise. */
const furtherOf = (place: Place, schema: Json, isOpen: boolean): boolean | Schema | undefined => {
  const further = schema["additionalProperties"]
  if (further === false) return undefined
  if (isJson(further)) return Object.keys(further).length === 0 ? true : convert(place, further)
  return further === true || isJson(schema["patternProperties"]) || (isOpen && !isJson(schema["properties"]))
    ? true
    : undefined
}

const manyOptional = 4

/** The sets of properties to leave out, the empty one first. */
const subsetsOf = (names: ReadonlyArray<string>): ReadonlyArray<ReadonlyArray<string>> => {
  if (names.length > manyOptional) return [[], ...names.map((kept) => names.filter((name) => name !== kept)), names]
  const sets: Array<ReadonlyArray<string>> = [[]]
  for (const name of names) sets.push(...sets.map((set) => [...set, name]))
  return sets
}

/** Longer repetitions make a grammar slow to load, and are refused at some length. */
const longest = 200

const countOf = (name: string, value: unknown): { readonly [name: string]: number } | undefined => {
  const count = numberOf(value)
  return count === undefined || !Number.isInteger(count) || count < 0 || count > longest ? undefined : { [name]: count }
}

const ofArray = (place: Place, schema: Json): Schema => {
  const first = Array.isArray(schema["prefixItems"]) ? arrayOf(schema["prefixItems"]) : arrayOf(schema["items"])
  const rest = Array.isArray(schema["items"]) ? schema["additionalItems"] : schema["items"]
  // A tuple ends where its elements do, and so does one whose further elements nobody describes.
  const isTuple = first.length > 0 && !isJson(rest)
  return {
    type: "array",
    ...(first.length === 0 ? undefined : { prefixItems: first.map((item) => convert(place, item)) }),
    ...(isJson(rest) ? { items: convert(place, rest) } : undefined),
    ...countOf("minItems", schema["minItems"]),
    ...(isTuple ? { maxItems: first.length } : countOf("maxItems", schema["maxItems"]))
  }
}

const ofString = (schema: Json): Schema => {
  const format = schema["format"]
  if (format === "date-time" || format === "date" || format === "time") return { type: "string", format }
  return {
    type: "string",
    ...countOf("minLength", schema["minLength"]),
    ...countOf("maxLength", schema["maxLength"])
  }
}

const oneOf = (choices: ReadonlyArray<Schema>): Schema => {
  const [only] = choices
  return choices.length === 1 && only !== undefined ? only : { oneOf: choices }
}

/** Two schemas that both hold, as far as their keywords can be put together. */
const merged = (place: Place, left: Json, right: unknown): Json => {
  const { anyOf: _, oneOf: __, ...base } = left
  if (!isJson(right)) return base
  const reference = textOf(right["$ref"])
  if (reference !== undefined) {
    if (Object.keys(base).every((name) => name === "description" || name.startsWith("$"))) return right
    const target = place.path.includes(reference) ? {} : pointedAt(place.root, reference)
    return merged(place, base, target)
  }
  const properties = [base["properties"], right["properties"]].filter(isJson)
  const required = [...arrayOf(base["required"]), ...arrayOf(right["required"])]
  return {
    ...base,
    ...right,
    ...(properties.length < 2 ? undefined : { properties: Object.assign({}, ...properties) }),
    ...(required.length === 0 ? undefined : { required })
  }
}

type Literal = string | number | boolean | null

const isLiteral = (value: unknown): value is Literal =>
  value === null || typeof value === "string" || typeof value === "number" || typeof value === "boolean"

/** What a reference within the document points at, or `undefined`, which anything fits. */
const pointedAt = (root: unknown, reference: string): unknown => {
  if (!reference.startsWith("#")) return undefined
  const steps = reference
    .slice(1)
    .split("/")
    .filter((step) => step !== "")
  return steps.reduce<unknown>((value, step) => {
    const name = decodeURIComponent(step).replaceAll("~1", "/").replaceAll("~0", "~")
    return isJson(value) ? value[name] : Array.isArray(value) ? value[Number(name)] : undefined
  }, root)
}
