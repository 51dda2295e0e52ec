/**
 * Conditions on JSON values, written as data in the words of JSON Schema. Each is made ready once, so that what is wrong
 * with it is found before the first call, and then asked of many values.
 */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type { Matcher } from "./rulesPattern.ts"
import { pattern } from "./rulesPattern.ts"

export interface Condition {
  readonly exists?: boolean
  readonly type?: typeof Kind.Type | ReadonlyArray<typeof Kind.Type>
  readonly const?: unknown
  readonly enum?: ReadonlyArray<unknown>
  readonly minimum?: number
  readonly maximum?: number
  readonly exclusiveMinimum?: number
  readonly exclusiveMaximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly pattern?: string
  readonly minItems?: number
  readonly maxItems?: number
  readonly items?: Condition
  readonly contains?: Condition
  readonly required?: ReadonlyArray<string>
  readonly properties?: { readonly [name: string]: Condition }
  readonly not?: Condition
  readonly anyOf?: ReadonlyArray<Condition>
  readonly allOf?: ReadonlyArray<Condition>
}

const Kind = Schema.Literal("string", "number", "integer", "boolean", "null", "array", "object")
const Count = Schema.NonNegativeInt
const inner = Schema.suspend((): Schema.Schema<Condition> => Condition)

export const Condition: Schema.Schema<Condition> = Schema.Struct({
  exists: Schema.optionalWith(Schema.Boolean, { exact: true }),
  type: Schema.optionalWith(Schema.Union(Kind, Schema.Array(Kind)), { exact: true }),
  const: Schema.optionalWith(Schema.Unknown, { exact: true }),
  enum: Schema.optionalWith(Schema.Array(Schema.Unknown), { exact: true }),
  minimum: Schema.optionalWith(Schema.Finite, { exact: true }),
  maximum: Schema.optionalWith(Schema.Finite, { exact: true }),
  exclusiveMinimum: Schema.optionalWith(Schema.Finite, { exact: true }),
  exclusiveMaximum: Schema.optionalWith(Schema.Finite, { exact: true }),
  minLength: Schema.optionalWith(Count, { exact: true }),
  maxLength: Schema.optionalWith(Count, { exact: true }),
  pattern: Schema.optionalWith(Schema.String, { exact: true }),
  minItems: Schema.optionalWith(Count, { exact: true }),
  maxItems: Schema.optionalWith(Count, { exact: true }),
  items: Schema.optionalWith(inner, { exact: true }),
  contains: Schema.optionalWith(inner, { exact: true }),
  required: Schema.optionalWith(Schema.Array(Schema.String), { exact: true }),
  properties: Schema.optionalWith(Schema.Record({ key: Schema.String, value: inner }), { exact: true }),
  not: Schema.optionalWith(inner, { exact: true }),
  anyOf: Schema.optionalWith(Schema.Array(inner), { exact: true }),
  allOf: Schema.optionalWith(Schema.Array(inner), { exact: true })
}).annotations({ identifier: "Condition" })

/** Whether a value is as a condition wants it. `undefined` is the value of what is not there. */
export type Check = (value: unknown) => boolean

/** Makes a condition ready, or says what is wrong with it and where. */
export const ready = (condition: Condition, at: string): Either.Either<Check, string> =>
  Either.gen(function* () {
    const { anyOf, allOf, const: constant, contains, items, not, properties, required, type } = condition
    const checks: Array<Check> = [...bounds(condition)]
    if (Object.keys(condition).length === 0) return yield* Either.left(`${at} says nothing: name a condition`)
    if (condition.exists !== undefined) checks.push((value) => (value !== undefined) === condition.exists)
    if (type !== undefined) checks.push((value) => [type].flat().some((kind) => isKind(value, kind)))
    if ("const" in condition) checks.push((value) => isSame(value, constant))
    if (condition.enum !== undefined) checks.push((value) => condition.enum?.some((one) => isSame(value, one)) ?? false)
    if (condition.pattern !== undefined) {
      const test: Matcher = yield* Either.mapLeft(pattern(condition.pattern), (why) => `${at}.pattern: ${why}`)
      checks.push((value) => typeof value === "string" && test(value))
    }
    if (items !== undefined) {
      const check = yield* ready(items, `${at}.items`)
      checks.push((value) => Array.isArray(value) && value.every(check))
    }
    if (contains !== undefined) {
      const check = yield* ready(contains, `${at}.contains`)
      checks.push((value) => Array.isArray(value) && value.some(check))
    }
    if (required !== undefined) checks.push((value) => required.every((name) => property(value, name) !== undefined))
    for (const [name, wanted] of Object.entries(properties ?? {})) {
      const check = yield* ready(wanted, `${at}.properties.${name}`)
      checks.push((value) => check(property(value, name)))
    }
    if (not !== undefined) {
      const check = yield* ready(not, `${at}.not`)
      checks.push((value) => !check(value))
    }
    for (const [index, wanted] of (allOf ?? []).entries()) checks.push(yield* ready(wanted, `${at}.allOf[${index}]`))
    if (anyOf !== undefined) {
      const any = yield* Either.all(anyOf.map((wanted, index) => ready(wanted, `${at}.anyOf[${index}]`)))
      checks.push((value) => any.some((check) => check(value)))
    }
    return (value: unknown) => checks.every((check) => check(value))
  })

/** What stands in an object under a name of its own, or in a list under a number. */
export const property = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null ? Object.getOwnPropertyDescriptor(value, name)?.value : undefined

const bounds = (condition: Condition): ReadonlyArray<Check> => {
  const check = (bound: number | undefined, holds: (value: unknown, bound: number) => boolean): ReadonlyArray<Check> =>
    bound === undefined ? [] : [(value) => holds(value, bound)]
  return [
    ...check(condition.minimum, (value, bound) => typeof value === "number" && value >= bound),
    ...check(condition.maximum, (value, bound) => typeof value === "number" && value <= bound),
    ...check(condition.exclusiveMinimum, (value, bound) => typeof value === "number" && value > bound),
    ...check(condition.exclusiveMaximum, (value, bound) => typeof value === "number" && value < bound),
    ...check(condition.minLength, (value, bound) => typeof value === "string" && lengthOf(value) >= bound),
    ...check(condition.maxLength, (value, bound) => typeof value === "string" && lengthOf(value) <= bound),
    ...check(condition.minItems, (value, bound) => Array.isArray(value) && value.length >= bound),
    ...check(condition.maxItems, (value, bound) => Array.isArray(value) && value.length <= bound)
  ]
}

/** Characters as JSON Schema counts them. */
const lengthOf = (text: string): number => Array.from(text).length

const isKind = (value: unknown, kind: typeof Kind.Type): boolean => {
  switch (kind) {
    case "integer":
      return Number.isInteger(value)
    case "null":
      return value === null
    case "array":
      return Array.isArray(value)
    case "object":
      return typeof value === "object" && value !== null && !Array.isArray(value)
    default:
      return typeof value === kind
  }
}

/** Whether two JSON values are the same, in whatever order the keys of objects stand. */
const isSame = (value: unknown, other: unknown): boolean => {
  if (typeof value !== "object" || value === null || typeof other !== "object" || other === null) return value === other
  if (Array.isArray(value) !== Array.isArray(other)) return false
  const keys = Object.keys(other)
  return (
    Object.keys(value).length === keys.length &&
    keys.every((key) => Object.hasOwn(value, key) && isSame(property(value, key), property(other, key)))
  )
}
