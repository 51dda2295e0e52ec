/**
 * Fields of JSON that a server sent, read without trust in what it is.
 */

/** An object of JSON. */
export type Json = { readonly [name: string]: unknown }

/** Whether a value is an object of JSON, and no list. */
export const isJson = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** The value as an object, empty when it is none. */
export const jsonOf = (value: unknown): Json => (isJson(value) ? value : {})

/** The value as a text, unless it is none. */
export const textOf = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined)

/** The value as a number, unless it is none. */
export const numberOf = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isFinite(value) ? value : undefined

/** The objects of a list, those that are none left out. */
export const objectsOf = (value: unknown): ReadonlyArray<Json> => (Array.isArray(value) ? value.filter(isJson) : [])

/** The texts of a list, those that are none left out. */
export const textsOf = (value: unknown): ReadonlyArray<string> =>
  Array.isArray(value) ? value.filter((item): item is string => typeof item === "string") : []
