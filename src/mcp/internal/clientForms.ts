/**
 * Forms that servers ask people to fill in: from their JSON schema to fields, and whether what was filled in fits.
 */
import { bounded } from "./clientFailure.ts"
import type { Json } from "./clientJson.ts"
import { isJson, jsonOf, numberOf, objectsOf, textOf, textsOf } from "./clientJson.ts"

/** What a field may hold. */
export type Value = string | number | boolean | ReadonlyArray<string>

/** One field of a form. `least` and `most` are characters of a text, the range of a number, or how many are chosen. */
export interface Field {
  readonly name: string
  readonly title: string | undefined
  readonly description: string | undefined
  readonly required: boolean
  readonly kind: "text" | "number" | "integer" | "boolean" | "choice" | "choices"
  /** Of a text: `email`, `uri`, `date` or `date-time`. */
  readonly format: string | undefined
  readonly options: ReadonlyArray<{ readonly value: string; readonly title: string }>
  readonly least: number | undefined
  readonly most: number | undefined
  readonly initial: Value | undefined
}

/** The fields of a form; none for a field that is of no kind that a form may have. */
export const fieldsOf = (schema: Json): ReadonlyArray<Field> => {
  const required = textsOf(schema["required"])
  return Object.entries(jsonOf(schema["properties"])).flatMap(([name, property]) =>
    isJson(property) ? [fieldOf(name, property, required.includes(name))] : []
  )
}

/** The values that fit, or what is wrong with the first that does not. What is not filled in has its initial value. */
export const filled = (
  fields: ReadonlyArray<Field>,
  content: Readonly<Record<string, unknown>>
): Readonly<Record<string, Value>> | string => {
  const values: Record<string, Value> = {}
  for (const field of fields) {
    const given = content[field.name] ?? field.initial
    if (given === undefined) {
      if (field.required) return `${field.name} is missing`
      continue
    }
    const value = valueOf(field, given)
    if (value === undefined) return `${field.name} is not ${expected(field)}`
    values[field.name] = value
  }
  return values
}

// internal

const fieldOf = (name: string, property: Json, required: boolean): Field => {
  const items = jsonOf(property["items"])
  const isList = property["type"] === "array"
  const options = optionsOf(isList ? items : property)
  const [least, most] = isList
    ? [property["minItems"], property["maxItems"]]
    : [property["minimum"] ?? property["minLength"], property["maximum"] ?? property["maxLength"]]
  const field: Field = {
    name,
    title: words(property["title"]),
    description: words(property["description"]),
    required,
    kind: kindOf(property, options.length > 0),
    format: textOf(property["format"]),
    options,
    least: numberOf(least),
    most: numberOf(most),
    initial: undefined
  }
  return { ...field, initial: valueOf(field, property["default"]) }
}

const words = (value: unknown): string | undefined => {
  const text = textOf(value)
  return text === undefined ? undefined : bounded(text)
}

const kindOf = (property: Json, hasOptions: boolean): Field["kind"] => {
  switch (property["type"]) {
    case "array":
      return "choices"
    case "boolean":
    case "integer":
    case "number":
      return property["type"]
    default:
      return hasOptions ? "choice" : "text"
  }
}

/** `enum` with names beside it or without, or constants with titles. */
const optionsOf = (property: Json): Field["options"] => {
  const names = textsOf(property["enumNames"])
  const plain = textsOf(property["enum"]).map((value, index) => ({ value, title: bounded(names[index] ?? value) }))
  const titled = [...objectsOf(property["oneOf"]), ...objectsOf(property["anyOf"])].flatMap((option) => {
    const value = textOf(option["const"])
    return value === undefined ? [] : [{ value, title: bounded(textOf(option["title"]) ?? value) }]
  })
  return [...plain, ...titled]
}

const valueOf = (field: Field, value: unknown): Value | undefined => {
  const isWithin = (size: number) => size >= (field.least ?? -Infinity) && size <= (field.most ?? Infinity)
  switch (field.kind) {
    case "boolean":
      return typeof value === "boolean" ? value : undefined
    case "integer":
    case "number": {
      const number = numberOf(value)
      const isFit = number !== undefined && isWithin(number) && (field.kind === "number" || Number.isInteger(number))
      return isFit ? number : undefined
    }
    case "choices": {
      const chosen = textsOf(value)
      const isFit = Array.isArray(value) && chosen.length === value.length && isWithin(chosen.length)
      return isFit && chosen.every((one) => isOption(field, one)) ? chosen : undefined
    }
    case "choice":
      return typeof value === "string" && isOption(field, value) ? value : undefined
    case "text":
      return typeof value === "string" && isWithin(value.length) && hasFormat(value, field.format) ? value : undefined
  }
}

const isOption = ({ options }: Field, value: string): boolean =>
  options.length === 0 || options.some((option) => option.value === value)

const hasFormat = (value: string, format: string | undefined): boolean => {
  switch (format) {
    case "email":
      return /^[^\s@]+@[^\s@]+$/.test(value)
    case "uri":
      return URL.canParse(value)
    case "date":
      return /^\d{4}-\d{2}-\d{2}$/.test(value) && !Number.isNaN(Date.parse(value))
    case "date-time":
      return /^\d{4}-\d{2}-\d{2}T/.test(value) && !Number.isNaN(Date.parse(value))
    default:
      return true
  }
}

const expected = ({ format, kind, least, most, options }: Field): string => {
  const range = [least === undefined ? "" : ` from ${least}`, most === undefined ? "" : ` to ${most}`].join("")
  switch (kind) {
    case "text":
      return format === undefined
        ? `a text${range === "" ? "" : ` of${range} characters`}`
        : `a text of format ${format}`
    case "boolean":
      return "true or false"
    case "choice":
      return `one of ${options.map(({ value }) => value).join(", ")}`
    case "choices":
      return `a list${range} of ${options.map(({ value }) => value).join(", ") || "texts"}`
    default:
      return `${kind === "integer" ? "a whole number" : "a number"}${range}`
  }
}
