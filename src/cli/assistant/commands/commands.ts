/**
 * What can be typed in a conversation instead of a request, for both faces: the commands, what they do, and how a line may go
 * on.
 */
import * as Effect from "effect/Effect"
import { nearest } from "../../../internal/nearest.ts"
import { oneLine } from "../../internal/words.ts"
import * as Of from "./place.ts"
import * as Table from "./table.ts"

/**
 * A command, as it is told to people.
 *
 * @category models
 * @since 0.1.0
 */
export interface Command extends Of.Command {}

/**
 * Where a command is typed.
 *
 * @category models
 * @since 0.1.0
 */
export interface Place extends Of.Place {}

/**
 * Something to choose, or what a line may become.
 *
 * @category models
 * @since 0.1.0
 */
export interface Item extends Of.Item {}

/**
 * What came of a command.
 *
 * @category models
 * @since 0.1.0
 */
export type Outcome = Of.Outcome

/**
 * Why a command could not be done.
 *
 * @category errors
 * @since 0.1.0
 */
export type Failure = Of.Failure

/**
 * The commands, in the order in which they are told.
 *
 * @category constructors
 * @since 0.1.0
 */
export const all: ReadonlyArray<Command> = Table.entries()

/**
 * Does what a line that begins with a slash says.
 *
 * **Details**
 *
 * - Errors: what went wrong, for `errors.explain`. Nothing has changed then.
 *
 * @category combinators
 * @since 0.1.0
 */
export const act = (line: string, place: Place): Effect.Effect<Outcome, Failure> => {
  const { name, words } = read(line)
  const entry = Table.find(name)
  if (entry !== undefined) return entry.act(words, place)
  const near = nearest(
    name,
    all.flatMap(({ aliases, name }) => [name, ...aliases])
  )
  const meant = near === undefined ? "try /help" : `did you mean /${near}?`
  return Effect.succeed(Of.said(`unknown command /${oneLine(name)}, ${meant}`))
}

/**
 * What a line that begins with a slash may go on as. The values are whole lines.
 *
 * @category constructors
 * @since 0.1.0
 */
export const completions = (line: string, place: Place): Effect.Effect<ReadonlyArray<Item>> =>
  Effect.suspend(() => {
    const { hasWords, name, words } = read(line)
    if (!hasWords) return Effect.succeed(ofNames(name))
    const complete = Table.find(name)?.complete
    if (complete === undefined) return Effect.succeed([])
    return complete(words, place).pipe(
      Effect.map((items) => fitting(items, words).map((item) => ({ ...item, value: `/${name} ${item.value}` }))),
      // Who types wants no words about what could not be looked up.
      Effect.catchAllCause(() => Effect.succeed([]))
    )
  })

// internal

const read = (line: string) => {
  const [, name = "", gap = "", words = ""] = /^\/(\S*)(\s*)(.*)$/s.exec(line.trimStart()) ?? []
  return { name: name.toLowerCase(), hasWords: gap !== "", words: words.trim() }
}

/** A name that is begun; one whose words may follow ends with a space. Aliases only where no name begins so. */
const ofNames = (begun: string): ReadonlyArray<Item> => {
  const named = all.filter(({ name }) => name.startsWith(begun))
  const found = named.length > 0 ? named : all.filter(({ aliases }) => aliases.some((alias) => alias.startsWith(begun)))
  return found.map(({ name, summary, words }) => ({
    value: `/${name}${words === "" ? "" : " "}`,
    label: `/${name}${words === "" ? "" : ` ${words}`}`,
    detail: summary
  }))
}

const most = 200

/** Those that begin so first, then those that have the words anywhere. */
const fitting = (items: ReadonlyArray<Item>, words: string): ReadonlyArray<Item> => {
  const word = words.toLowerCase()
  const has = ({ label, value }: Item) => value.toLowerCase().includes(word) || label.toLowerCase().includes(word)
  const begins = ({ value }: Item) => value.toLowerCase().startsWith(word)
  const found = items.filter(has)
  return [...found.filter(begins), ...found.filter((item) => !begins(item))].slice(0, most)
}
