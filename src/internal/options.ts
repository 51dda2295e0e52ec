/**
 * Checks of options that the types cannot make: numbers that came from an environment, and words that came from a file. What
 * fails them is a mistake of the program; the error names the option, what it may be and what it was.
 */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"

/** A whole number of at least so many; `Infinity` too where nothing bounds it. */
export const whole = (option: string, value: number | undefined, least: number, infinite = false): void => {
  if (value === undefined || (infinite && value === Number.POSITIVE_INFINITY)) return
  if (Number.isInteger(value) && value >= least) return
  throw wrong(option, `a whole number of at least ${least}${infinite ? ", or Infinity" : ""}`, value)
}

/** A number from 0 on, `Infinity` included. */
export const amount = (option: string, value: number | undefined): void => {
  if (value === undefined || (typeof value === "number" && value >= 0)) return
  throw wrong(option, "a number of at least 0, or Infinity", value)
}

/** A duration that is not negative. */
export const duration = (option: string, value: Duration.DurationInput | undefined): void => {
  if (value === undefined || (isMeant(value) && Option.isSome(Duration.decodeUnknown(value)))) return
  throw wrong(option, 'a duration of 0 or more, such as "5 seconds" or a number of milliseconds', value)
}

/** The milliseconds of a duration that has at least one, and an end. */
export const millis = (option: string, value: Duration.DurationInput | undefined): number | undefined => {
  if (value === undefined) return undefined
  const millis = Option.map(Duration.decodeUnknown(value), Duration.toMillis)
  if (Option.isSome(millis) && millis.value >= 1 && Number.isFinite(millis.value)) return millis.value
  throw wrong(option, 'a duration of at least 1 millisecond, such as "1 day"', value)
}

/** One of a few words, or what `or` tells of. */
export const oneOf = (option: string, value: string | undefined, words: ReadonlyArray<string>, or = ""): void => {
  if (value === undefined || words.includes(value)) return
  throw new TypeError(`${option} must be ${or}${words.map(shown).join(" or ")}, got ${shown(value)}`)
}

// internal

/** What decodes to zero although it is below zero, or is no number. */
const isMeant = (value: Duration.DurationInput): boolean => {
  if (typeof value === "string") return !value.startsWith("-")
  if (typeof value === "number" || typeof value === "bigint") return value >= 0
  return !Array.isArray(value) || value.every((part) => part >= 0)
}

const wrong = (option: string, what: string, value: unknown): RangeError =>
  new RangeError(`${option} must be ${what}, got ${shown(value)}`)

const shown = (value: unknown): string => (typeof value === "string" ? JSON.stringify(value) : String(value))
