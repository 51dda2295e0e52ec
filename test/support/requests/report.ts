/**
 * What the strict validators of requests share: a list of what is wrong, each with its place, and narrowing of JSON.
 * They are written from the vendors' documentation and from their own refusals, and share no code with the encoders.
 */

export type Json = { readonly [name: string]: unknown }

export const isJson = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** Collects problems. Every check answers whether it holds, so that what depends on it can be skipped. */
export class Report {
  readonly problems: Array<string> = []

  ok(holds: boolean, place: string, problem: string): boolean {
    if (!holds) this.problems.push(`${place}: ${problem}`)
    return holds
  }

  object(value: unknown, place: string): Json {
    this.ok(isJson(value), place, "is no object")
    return isJson(value) ? value : {}
  }

  array(value: unknown, place: string): ReadonlyArray<unknown> {
    this.ok(Array.isArray(value), place, "is no array")
    return Array.isArray(value) ? value : []
  }

  text(value: unknown, place: string): string {
    this.ok(typeof value === "string", place, "is no string")
    return typeof value === "string" ? value : ""
  }

  filled(value: unknown, place: string): string {
    const text = this.text(value, place)
    this.ok(text.trim() !== "", place, "is blank")
    return text
  }

  only(value: Json, place: string, names: ReadonlyArray<string>): void {
    for (const name of Object.keys(value)) this.ok(names.includes(name), place, `has an unknown field ${name}`)
  }

  matches(value: unknown, place: string, pattern: RegExp): string {
    const text = this.text(value, place)
    this.ok(pattern.test(text), place, `"${text.slice(0, 80)}" does not match ${pattern}`)
    return text
  }

  base64(value: unknown, place: string): void {
    this.matches(value, place, /^[A-Za-z0-9+/]+={0,2}$/)
  }

  unique(names: ReadonlyArray<string>, place: string): void {
    this.ok(new Set(names).size === names.length, place, "are not unique")
  }

  /** A tool's schema, as all vendors want it. */
  schema(value: unknown, place: string): void {
    const schema = this.object(value, place)
    this.ok(schema["type"] === "object", place, 'is not of type "object"')
    for (const name of ["anyOf", "oneOf", "allOf", "enum", "not", "$ref"]) {
      this.ok(schema[name] === undefined, place, `has ${name} at the top level`)
    }
  }
}

/** Whether the text is a JSON object. */
export const isObjectText = (text: string): boolean => {
  try {
    return isJson(JSON.parse(text))
  } catch {
    return false
  }
}
