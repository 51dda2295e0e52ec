/**
 * Reads a file of settings. All of its mistakes are told at once, each with its line and column; a file with a mistake says
 * nothing at all.
 */
import { basename } from "node:path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as Rules from "../../guard/Rules.ts"
import * as Documents from "../../internal/document.ts"
import * as Json from "../../internal/documentJson.ts"
import * as Toml from "../../internal/documentToml.ts"
import { nearest } from "../../internal/nearest.ts"
import type { Issue, Place } from "../../internal/problems.ts"
import * as Problems from "../../internal/problems.ts"
import { systemCode } from "../errors.ts"
import { textOf } from "../internal/fileText.ts"
import { oneLine } from "../internal/words.ts"
import { Config } from "./config.ts"

/**
 * A file of settings as it was read: what it says, or its mistakes, a line each.
 *
 * @category models
 * @since 0.1.0
 */
export type Read = Either.Either<Config, ReadonlyArray<string>>

/**
 * Reads the file. TOML or JSON by its name; JSON may have comments, and commas at the end.
 *
 * @category constructors
 * @since 0.1.0
 */
export const read = (file: string): Read => {
  try {
    return parse(file, textOf(file))
  } catch (error) {
    const code = systemCode(error)
    return Either.left([`${oneLine(file)}: cannot be read (${code})`])
  }
}

/**
 * Reads the text of a file.
 *
 * @category constructors
 * @since 0.1.0
 */
export const parse = (file: string, text: string): Read => {
  const plain = text.replace(/^\ufeff/, " ")
  const isToml = basename(file).endsWith(".toml")
  const isEmpty = !isToml && Json.withoutComments(plain).trim() === ""
  const { document, mistakes, spots } = isToml
    ? Toml.read(plain)
    : Json.read(isEmpty ? "{}" : Json.withoutComments(plain))
  const position = Documents.positions(plain)
  const told = new Map<number, string>()
  const tell = (offset: number, place: Place, problem: string): void => {
    const { column, line } = position(offset)
    const field = place.length === 0 ? "" : ` ${Problems.path(place)}:`
    if (!told.has(offset)) told.set(offset, oneLine(`${file}:${line}:${column}:${field} ${problem}`))
  }
  for (const { offset, place, problem } of mistakes) tell(offset, place, problem)
  const config = document === undefined ? undefined : decode(document.value)
  if (config !== undefined && Either.isLeft(config)) {
    for (const issue of Problems.issues(config.left)) {
      const { key, value } = spots.find(issue.place)
      tell(issue.known === undefined ? value : (key ?? value), issue.place, worded(issue))
    }
  } else if (config !== undefined) {
    for (const problem of wrongRules(config.right)) {
      const [, index, rest = ""] = /^rules\[(\d+)\]\.?(.*)$/s.exec(problem) ?? []
      const place = index === undefined ? ["rules"] : ["rules", Number(index)]
      tell(spots.find(place).value, place, rest === "" ? problem : rest)
    }
  }
  if (told.size > 0 || config === undefined || Either.isLeft(config)) {
    return Either.left([...told].sort(([one], [other]) => one - other).map(([, line]) => line))
  }
  return Either.right(config.right)
}

// internal

const decode = Schema.decodeUnknownEither(Config, { errors: "all", onExcessProperty: "error" })

const worded = ({ known, place, problem }: Issue): string => {
  if (known === undefined) return problem
  const name = String(place.at(-1))
  if (place.length === 1 && isPermission(name)) return `there is no such key, did you mean permission = "${name}"?`
  const near = nearest(name, known)
  return near === undefined
    ? `there is no such key. Known: ${known.join(", ")}`
    : `there is no such key, did you mean ${near}?`
}

/** What flags of these names set. */
const isPermission = (name: string): boolean => name === "plan" || name === "yolo"

/** What no schema can say of rules, as of their patterns. */
const wrongRules = ({ rules }: Config): ReadonlyArray<string> =>
  rules === undefined
    ? []
    : Either.match(Effect.runSync(Effect.either(Rules.make({ rules }))), {
        onLeft: ({ problems }) => problems,
        onRight: () => []
      })
