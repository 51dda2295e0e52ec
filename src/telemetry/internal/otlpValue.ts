/**
 * Values of attributes in the JSON form of OTLP: one field that names the type, and 64-bit integers as text.
 */
import * as Inspectable from "effect/Inspectable"

/**
 * A value with its type.
 *
 * @category models
 * @since 0.1.0
 */
export type AnyValue =
  | { readonly stringValue: string }
  | { readonly boolValue: boolean }
  | { readonly intValue: string }
  | { readonly doubleValue: number }
  | { readonly arrayValue: { readonly values: ReadonlyArray<AnyValue> } }

/**
 * An attribute.
 *
 * @category models
 * @since 0.1.0
 */
export interface KeyValue {
  readonly key: string
  readonly value: AnyValue
}

/**
 * Who sends, once per request.
 *
 * @category models
 * @since 0.1.0
 */
export interface Source {
  readonly resource: { readonly attributes: ReadonlyArray<KeyValue> }
  readonly scope: { readonly name: string }
}

/**
 * Makes attributes of entries. Those without a value are left out.
 *
 * @category converters
 * @since 0.1.0
 */
export const attributes = (entries: Iterable<readonly [string, unknown]>): Array<KeyValue> => {
  const made: Array<KeyValue> = []
  for (const [key, value] of entries)
    if (value !== undefined && value !== null) made.push({ key, value: anyValue(value) })
  return made
}

/**
 * Makes a value. What has no type of its own there becomes text: a secret as its placeholder, an object as JSON.
 *
 * @category converters
 * @since 0.1.0
 */
export const anyValue = (value: unknown): AnyValue => {
  switch (typeof value) {
    case "string":
      return { stringValue: value }
    case "boolean":
      return { boolValue: value }
    case "number":
      if (Number.isSafeInteger(value)) return { intValue: String(value) }
      return Number.isFinite(value) ? { doubleValue: value } : { stringValue: String(value) }
    case "bigint":
      return BigInt.asIntN(64, value) === value ? { intValue: String(value) } : { stringValue: String(value) }
    default:
      return Array.isArray(value)
        ? { arrayValue: { values: value.map(anyValue) } }
        : { stringValue: Inspectable.toStringUnknown(value, 0) }
  }
}
