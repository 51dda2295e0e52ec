/**
 * Mends arguments that a model wrote with the right value in the wrong JSON type: `"5"` for a number, `"true"` for a
 * boolean, a JSON text for an object or a list. Tried only when the arguments do not decode as they are, and only where
 * the schema leaves no doubt.
 */

interface JsonSchema {
  readonly type?: string | undefined
  readonly properties?: { readonly [name: string]: JsonSchema } | undefined
  readonly items?: JsonSchema | undefined
}

const isObject = (value: unknown): value is { readonly [name: string]: unknown } =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const numeric = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/

const fromText = (schema: JsonSchema, text: string): unknown => {
  const trimmed = text.trim()
  switch (schema.type) {
    case "number":
      return numeric.test(trimmed) ? Number(trimmed) : text
    case "integer":
      return numeric.test(trimmed) && Number.isInteger(Number(trimmed)) ? Number(trimmed) : text
    case "boolean":
      return trimmed === "true" ? true : trimmed === "false" ? false : text
    case "object":
    case "array":
      try {
        const value: unknown = JSON.parse(trimmed)
        return isObject(value) === (schema.type === "object") && typeof value === "object" ? value : text
      } catch {
        return text
      }
    default:
      return text
  }
}

/**
 * The value, with texts turned into what the JSON schema asks for where that is unambiguous.
 *
 * @category converters
 * @since 0.1.0
 */
export const coerce = (schema: JsonSchema, value: unknown): unknown => {
  const mended = typeof value === "string" ? fromText(schema, value) : value
  const { items, properties } = schema
  if (properties !== undefined && isObject(mended)) {
    return Object.fromEntries(
      Object.entries(mended).map(([name, item]) => {
        const property = Object.hasOwn(properties, name) ? properties[name] : undefined
        return [name, property === undefined ? item : coerce(property, item)]
      })
    )
  }
  if (items !== undefined && Array.isArray(mended)) return mended.map((item) => coerce(items, item))
  return mended
}
