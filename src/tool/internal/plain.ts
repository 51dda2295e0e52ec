/**
 * JSON that says what it means: an error is its tag and its message and never `{}`, and equal values are the same text.
 */
import { sorted } from "../../domain/Request.ts"

/** What a value looks like as JSON where it is an error. Its other fields stay out: they may hold requests and secrets. */
interface PlainError {
  readonly tag: string
  readonly message: string
}

/** What says for itself how it is written, a date for one, is left alone. */
const isRecord = (value: object): value is { readonly [name: string]: unknown } => !("toJSON" in value)

/** The name by which an error is known: its `_tag`, or else its `name`. */
export const tagOf = (error: object): string | undefined => {
  if ("_tag" in error && typeof error._tag === "string") return error._tag
  return error instanceof Error ? error.name : undefined
}

const plainError = (error: Error): PlainError => ({ tag: tagOf(error) ?? "Error", message: error.message })

/**
 * The value with every error in it as tag and message. The same value when there is none, which is nearly always. The
 * value must have an end: no cycles.
 */
export const plain = (value: unknown): unknown => {
  if (typeof value !== "object" || value === null) return value
  if (value instanceof Error) return plainError(value)
  if (Array.isArray(value)) {
    let out: Array<unknown> | undefined
    for (const [index, item] of value.entries()) {
      const now = plain(item)
      if (now !== item) out ??= value.slice()
      if (out !== undefined) out[index] = now
    }
    return out ?? value
  }
  if (!isRecord(value)) return value
  let out: Record<string, unknown> | undefined
  for (const name of Object.keys(value)) {
    const now = plain(value[name])
    if (now === value[name]) continue
    out ??= { ...value }
    out[name] = now
  }
  return out ?? value
}

/** The value as JSON, or `undefined` when it has none: functions, cycles, big integers. */
export const jsonText = (value: unknown): string | undefined => {
  try {
    const text: string | undefined = JSON.stringify(value)
    // Written out without a cycle, so the walk has an end.
    const said = typeof value === "object" ? plain(value) : value
    return said === value ? text : JSON.stringify(said)
  } catch {
    return undefined
  }
}

/** The value as JSON with its keys in order, so that equal values are the same text. */
export const canonical = (value: unknown): string => JSON.stringify(sorted(value)) ?? "null"
