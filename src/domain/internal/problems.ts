/**
 * What is wrong with data that is not in the shape it should have, in a line: where, and what was expected there. The
 * formatters of schemas print the whole schema as well, which for an entry of a log is pages.
 */
import * as ParseResult from "effect/ParseResult"

/** The first things that are wrong. `what` is the name of the thing, for when it is another one altogether. */
export const describe = (error: ParseResult.ParseError, what: string): string => {
  const lines = ParseResult.ArrayFormatter.formatErrorSync(error).map(({ message, path }) => {
    // Then the type that was expected is printed field by field; what is there instead says enough.
    const actual = message.startsWith("Expected {") ? message.indexOf(found) : -1
    const problem = actual === -1 ? message : `it is no ${what}: ${message.slice(actual + found.length)}`
    return clip(path.length === 0 ? problem : `${path.map(String).join(".")}: ${problem}`)
  })
  return [...new Set(lines)].slice(0, shown).join("; ")
}

const found = ", actual "

const shown = 3

/** In the middle: a long list of what was expected is followed by what is there. */
const clip = (text: string): string => (text.length > 120 ? `${text.slice(0, 69)}…${text.slice(-50)}` : text)
