/**
 * Patterns that models write, as matchers whose time grows with the text alone: a pattern of paths, and a regular expression.
 * The engine of the language itself may take for ever, and would stop every agent of the process meanwhile.
 */
import * as Either from "effect/Either"
import { RE2JS } from "re2js"

/** Reads a pattern of paths: `*`, `**`, `?`, `[ab]`, `[!ab]`, `{a,b}`. Without a slash it is about the last name of a path. */
export const glob = (pattern: string): Either.Either<(path: string) => boolean, string> => {
  const plain = pattern.replace(/^(?:\.\/)+/, "")
  if (plain.trim() === "") return Either.left("The pattern is empty: write ** for all files.")
  if (plain.length > mostPattern) return Either.left(`The pattern is longer than ${mostPattern} characters.`)
  if (plain.startsWith("/") || plain.split("/").includes("..")) {
    return Either.left("The pattern is relative to path and stays below it: give the folder as path.")
  }
  const whole = plain.endsWith("/") ? `${plain}**` : plain
  return Either.mapLeft(
    compiled(`^${plain.includes("/") ? "" : "(?:.*/)?"}${translated(whole)}$`, RE2JS.DOTALL),
    () => "The pattern cannot be read: use *, **, ?, [ab] and {a,b}."
  )
}

/** What finds the first match of an expression in a line, or whether there is one in a text. */
export interface Expression {
  readonly test: (text: string) => boolean
  /** Where the first match begins and ends. */
  readonly find: (line: string) => readonly [start: number, end: number] | undefined
}

/** Reads an expression, or says what is wrong with it. `literal` takes every character as itself. */
export const expression = (
  pattern: string,
  options: { readonly literal: boolean; readonly ignoreCase: boolean }
): Either.Either<Expression, string> => {
  if (pattern === "") return Either.left("The pattern is empty.")
  if (pattern.length > mostPattern) return Either.left(`The pattern is longer than ${mostPattern} characters.`)
  const source = options.literal ? RE2JS.quote(pattern) : pattern
  const flags = RE2JS.MULTILINE | (options.ignoreCase ? RE2JS.CASE_INSENSITIVE : 0)
  return Either.try({
    try: () => {
      const made = RE2JS.compile(source, flags)
      return {
        test: (text) => made.test(text),
        find: (line) => {
          const matcher = made.matcher(line)
          return matcher.find() ? ([matcher.start(), matcher.end()] as const) : undefined
        }
      }
    },
    catch: (error) =>
      `The pattern is no regular expression that is supported (${wrongIn(error)}). ` +
      "There are no look-arounds and no back-references; set literal to search for the very text."
  })
}

// internal

const mostPattern = 1000

/** What is wrong, in words that quote the pattern as it was given, without the flags that were put before it. */
const wrongIn = (error: unknown): string =>
  error instanceof Error ? error.message.replace(/`(?:\(\?[ims]+\))+/, "`") : "unknown"

const compiled = (source: string, flags: number): Either.Either<(text: string) => boolean, unknown> =>
  Either.try(() => {
    const made = RE2JS.compile(source, flags)
    return (text: string) => made.test(text)
  })

const tokens = /\*\*\/|\/\*\*$|\*+|\?|\[!?\]?[^\]/]*\]|[{},]|\\?./gsu

const translated = (pattern: string): string => {
  let depth = 0
  const parts = (pattern.match(tokens) ?? []).map((token) => {
    if (token === "**/") return "(?:.*/)?"
    if (token === "/**") return "/.*"
    if (token === "*") return "[^/]*"
    if (token.startsWith("*")) return ".*"
    if (token === "?") return "[^/]"
    if (token === "{") {
      depth++
      return "(?:"
    }
    if (token === "}" && depth > 0) {
      depth--
      return ")"
    }
    if (token === "," && depth > 0) return "|"
    if (token.length > 1 && token.startsWith("[")) return characters(token)
    return RE2JS.quote(token.length > 1 && token.startsWith("\\") ? token.slice(1) : token)
  })
  return parts.join("")
}

/** `[ab]` and `[a-z]`, never a slash. */
const characters = (token: string): string => {
  const isNot = token.startsWith("[!")
  const inside = token.slice(isNot ? 2 : 1, -1).replace(/[\\[\]^&~]/g, "\\$&")
  return isNot ? `[^/${inside}]` : `[${inside}]`
}
