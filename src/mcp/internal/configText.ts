/**
 * Texts of configuration: JSON as people write it, with comments and commas too many, and places in it that are filled in
 * from the environment.
 */
import * as Either from "effect/Either"
import { withoutComments } from "../../internal/documentJson.ts"

/** The value of a text that may have comments and commas before a closing bracket; what is wrong, with its line. */
export const parsed = (text: string): Either.Either<unknown, string> => {
  const plain = withoutComments(text.replace(/^\ufeff/, ""))
  try {
    return Either.right(JSON.parse(plain))
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    const at = /at position (\d+)/.exec(message)?.[1]
    const line = at === undefined ? undefined : plain.slice(0, Number(at)).split("\n").length
    const words = message.replace(/ in JSON at position.*$/s, "").slice(0, 120)
    return Either.left(line === undefined ? `is no JSON: ${words}` : `is no JSON at line ${line}: ${words}`)
  }
}

/** The names that a text wants filled in from the environment. */
export const names = (text: string): ReadonlyArray<string> =>
  Array.from(text.matchAll(places), ([, place = ""]) => nameIn(place)).filter((name) => /^\w+$/.test(name))

/** The text with its places filled in, or what is missing. `known` has the names that are not of the environment. */
export const filled = (
  text: string,
  environment: ReadonlyMap<string, string>,
  known: Readonly<Record<string, string>>
): Either.Either<string, string> => {
  const missing: Array<string> = []
  const whole = text.replace(places, (found, place: string) => {
    const name = nameIn(place)
    if (known[name] !== undefined && !place.startsWith("env:")) return known[name]
    if (!/^\w+$/.test(name)) {
      missing.push(
        place.startsWith("input:")
          ? `${found} asks a person; set an environment variable and write \${NAME} instead`
          : `${found} is not known here; \${NAME} and \${NAME:-otherwise} are`
      )
      return found
    }
    const value = environment.get(name)
    const otherwise = /:-(.*)$/s.exec(place)?.[1]
    // As in a shell, a variable with nothing in it has the default, too.
    if (value !== undefined && (value !== "" || otherwise === undefined)) return value
    if (otherwise !== undefined) return otherwise
    missing.push(`the environment variable ${name} is not set`)
    return found
  })
  return missing.length === 0 ? Either.right(whole) : Either.left([...new Set(missing)].join("; "))
}

// internal

const places = /\$\{([^}]*)\}/g

const nameIn = (place: string): string => place.replace(/^env:/, "").replace(/:-.*$/s, "")
