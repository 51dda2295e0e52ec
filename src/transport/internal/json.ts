/**
 * Narrowing of JSON that nobody has checked: what a vendor sends is looked at field by field, and what is not there or of
 * another type is treated as absent.
 */

/**
 * A JSON object whose fields nobody has checked.
 *
 * @category models
 * @since 0.1.0
 */
export type Json = { readonly [name: string]: unknown }

/**
 * Whether the value is a JSON object.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isJson = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/**
 * The value if it is a string with something in it.
 *
 * @category converters
 * @since 0.1.0
 */
export const textOf = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? value : undefined

/**
 * The value if it is a finite number.
 *
 * @category converters
 * @since 0.1.0
 */
export const numberOf = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isFinite(value) ? value : undefined

/**
 * The value if it is an array, otherwise nothing to walk over.
 *
 * @category converters
 * @since 0.1.0
 */
export const arrayOf = (value: unknown): ReadonlyArray<unknown> => (Array.isArray(value) ? value : [])

/**
 * The JSON value of a text, or `undefined` when it is none.
 *
 * @category converters
 * @since 0.1.0
 */
export const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
