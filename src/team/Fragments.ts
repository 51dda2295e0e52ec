/**
 * One file of a team as what it says of which agents. Whatever is wrong with it is gathered, so that all of a folder can
 * be told at once; of an agent with something wrong only the name is handed on, for others may speak of it.
 */
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as Path from "@effect/platform/Path"
import * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as Rules from "../guard/Rules.ts"
import type { Read } from "../internal/document.ts"
import * as Documents from "../internal/document.ts"
import * as Json from "../internal/documentJson.ts"
import * as Toml from "../internal/documentToml.ts"
import { nearest } from "../internal/nearest.ts"
import type { Issue, Place } from "../internal/problems.ts"
import * as Problems from "../internal/problems.ts"
import * as ModelString from "../transport/ModelString.ts"
import type { AgentFields, Fragment } from "./AgentSpec.ts"
import * as AgentSpec from "./AgentSpec.ts"
import * as Files from "./internal/files.ts"
import * as Markdown from "./internal/markdown.ts"
import type { Position, Problem } from "./TeamError.ts"

/**
 * What a file says of an agent, or of all where `name` is absent.
 *
 * **Details**
 *
 * - `fragment`: of an agent with something wrong only what it names, to be checked as well; absent when nothing is read.
 * - `at`: where it begins.
 *
 * @category models
 * @since 0.1.0
 */
export interface Named {
  readonly name: string | undefined
  readonly fragment: Fragment | undefined
  readonly at: Position
}

/**
 * What a file says.
 *
 * **Details**
 *
 * - `isWhole`: whether all agents are named that it speaks of, as they are not when a team file cannot be read.
 * - `lead`: the agent that is spoken to, and where that is said.
 *
 * @category models
 * @since 0.1.0
 */
export interface Fragments {
  readonly file: string
  readonly isTeam: boolean
  readonly isWhole: boolean
  readonly named: ReadonlyArray<Named>
  readonly lead?: { readonly name: string; readonly at: Position } | undefined
  readonly problems: ReadonlyArray<Problem>
  readonly warnings: ReadonlyArray<Problem>
}

/**
 * Reads a file. What it includes is read, too.
 *
 * @category constructors
 * @since 0.1.0
 */
export const read = (file: Files.Found): Effect.Effect<Fragments, never, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function* () {
    const nothing: Fragments = { file: file.file, isTeam: false, isWhole: true, named: [], problems: [], warnings: [] }
    const format = /\.(toml|json|md)$/i.exec(file.name)?.[1]?.toLowerCase()
    if (format === undefined) {
      const isOdd = /\.(?:ya?ml|jsonc|json5|ini|markdown|mdx)$/i.test(file.name)
      return isOdd ? { ...nothing, warnings: [{ file: file.file, problem: otherFormat }] } : nothing
    }
    const text = yield* Files.read(file.file)
    if (Either.isLeft(text)) return { ...nothing, isWhole: !Files.isTeam(file.name), ...unreadable(file, text.left) }
    if (text.right === undefined) return nothing
    if (format !== "md") return yield* fragments(file, text.right, (format === "toml" ? Toml : Json).read(text.right))
    const parts = Markdown.read(text.right)
    if (parts === undefined) return { ...nothing, warnings: [{ file: file.file, problem: noFrontMatter }] }
    return yield* fragments(file, text.right, parts.front, parts)
  })

/**
 * What to say of a word that is none of those that there are: the one that was probably meant, and all of them.
 *
 * **Details**
 *
 * - `elsewhere`: what may be meant besides, by the word that is probably written for it.
 *
 * @category converters
 * @since 0.1.0
 */
export const instead = (
  word: string,
  known: ReadonlyArray<string>,
  elsewhere: ReadonlyArray<readonly [word: string, meant: string]> = []
): string => {
  if (known.length === 0) return "there are none"
  const names = new Map([...elsewhere, ...known.map((name) => [name, name] as const)].map(([a, b]) => [plain(a), b]))
  const near = names.get(nearest(plain(word), [...names.keys()]) ?? "")
  const shown = known.length > 30 ? [...known.slice(0, 30), `${known.length - 30} more`] : known
  return `${near === undefined ? "" : `did you mean ${near}? `}Known: ${shown.join(", ")}`
}

// internal

const otherFormat = "is passed over: agents are written in .toml, .json or .md"
const noFrontMatter = "is passed over: an agent has front matter, which begins with --- in the first line"

const unreadable = (file: Files.Found, { line, problem }: Files.Unreadable): Partial<Fragments> => {
  const at = { file: file.file, line: line ?? 1, column: 1 }
  const place = line === undefined ? { file: file.file } : at
  return { named: unknown(file, at), problems: [{ ...place, problem }] }
}

/** Others may speak of an agent whose file cannot be read; that it is not there is not their mistake. */
const unknown = (file: Files.Found, at: Position): ReadonlyArray<Named> =>
  Files.isTeam(file.name) ? [] : [{ name: stem(file), fragment: undefined, at }]

const stem = ({ name }: Files.Found): string => name.replace(/\.[^.]*$/, "")

/** Problems of one file, before the last. */
const most = 50

/** `_` and `-` and capitals are how words are joined in one format or another. */
const plain = (word: string): string => word.toLowerCase().replace(/[-_ ]/g, "")

/** A file as it is being read. */
interface Reading {
  readonly file: Files.Found
  readonly at: (place: Place, part: "key" | "value") => Position
  readonly spots: Documents.Spots
  readonly problems: Array<Problem>
}

const fragments = (
  file: Files.Found,
  text: string,
  read: Read,
  body?: { readonly body: string; readonly from: number }
): Effect.Effect<Fragments, never, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function* () {
    const position = Documents.positions(text)
    const isTeam = Files.isTeam(file.name)
    const { document, mistakes, spots } = read
    const at = (offset: number, place: Place): Position => ({
      file: file.file,
      ...position(offset),
      ...(place.length === 0 ? undefined : { field: Problems.path(place) })
    })
    const reading: Reading = {
      file,
      spots,
      at: (place, part) => {
        const { key, value } = spots.find(place)
        return at(part === "key" ? (key ?? value) : value, place)
      },
      problems: mistakes.slice(0, most).map(({ offset, place, problem }) => ({ ...at(offset, place), problem }))
    }
    const isWhole = !isTeam || document !== undefined
    const told = { file: file.file, isTeam, isWhole, problems: reading.problems, warnings: [] }
    if (document === undefined) return { ...told, named: unknown(file, { file: file.file, line: 1, column: 1 }) }
    const content = withBody(reading, document.value, body)
    const named = isTeam ? yield* ofTeam(reading, content) : [yield* ofAgent(reading, content)]
    const lead = isTeam ? leadOf(reading, content) : undefined
    return { ...told, named, lead }
  })

/** The text below the front matter is the instructions. */
const withBody = (
  reading: Reading,
  value: unknown,
  body: { readonly body: string; readonly from: number } | undefined
): unknown => {
  if (body === undefined || body.body === "" || !isObject(value)) return value
  if ("instructions" in value) {
    tell(reading, ["instructions"], "key", "there is a text below the front matter as well: keep one of the two")
    return value
  }
  reading.spots.add(["instructions"], body.from)
  return { ...value, instructions: body.body }
}

const ofAgent = (reading: Reading, content: unknown) =>
  Effect.gen(function* () {
    const own = isObject(content) ? content["name"] : undefined
    const name = typeof own === "string" ? own : stem(reading.file)
    if (own === undefined && !AgentSpec.isName(name)) {
      tell(reading, [], "value", `the name of the file is none for an agent: add a name of ${nameForm}`)
    }
    const fields = decoded(reading, [], content, AgentSpec.AgentFile)
    return yield* named(reading, [], name, content, fields)
  })

const nameForm = "letters, digits, dots, hyphens and underscores"

const ofTeam = (reading: Reading, content: unknown) =>
  Effect.gen(function* () {
    // What stands inside is looked at piece by piece, so that each has its own problems.
    decoded(reading, [], content, Team)
    if (!isObject(content)) return []
    const out: Array<Named> = []
    const { agents, defaults } = content
    if (isObject(defaults)) {
      const place = ["defaults"]
      out.push(yield* named(reading, place, undefined, defaults, decoded(reading, place, defaults, AgentSpec.Defaults)))
    }
    for (const [name, agent] of isObject(agents) ? Object.entries(agents) : []) {
      const place = ["agents", name]
      if (!AgentSpec.isName(name)) tell(reading, place, "key", `no name for an agent: use ${nameForm}`)
      out.push(yield* named(reading, place, name, agent, decoded(reading, place, agent, AgentSpec.AgentFields)))
    }
    return out
  })

const Team = Schema.Struct({
  ...AgentSpec.TeamFile.fields,
  defaults: Schema.optional(Schema.Record({ key: Schema.String, value: Schema.Unknown })),
  agents: Schema.optional(Schema.Record({ key: Schema.String, value: Schema.Unknown }))
})

const leadOf = (reading: Reading, content: unknown): Fragments["lead"] => {
  const name = isObject(content) ? content["lead"] : undefined
  return typeof name === "string" ? { name, at: reading.at(["lead"], "value") } : undefined
}

/** Checks what schemas cannot, and puts what was found together. */
const named = (
  reading: Reading,
  place: Place,
  name: string | undefined,
  content: unknown,
  fields: AgentFields | undefined
): Effect.Effect<Named, never, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function* () {
    if (isObject(content)) {
      checkModel(reading, place, content["model"])
      yield* checkGuard(reading, [...place, "guard"], content["guard"])
    }
    const instructions = yield* instructionsOf(reading, place, isObject(content) ? content["instructions"] : undefined)
    const at = reading.at(place, "key")
    const places = placesOf(reading, place)
    if (fields === undefined) return { name, fragment: { file: reading.file.file, fields: lists(content), places }, at }
    const { instructions: _, ...others } = fields
    const told = instructions === undefined ? others : { ...others, instructions }
    return { name, fragment: { file: reading.file.file, fields: told, places }, at }
  })

const checkModel = (reading: Reading, place: Place, model: unknown): void => {
  if (typeof model !== "string" || model === "") return
  const read = ModelString.parse(model)
  if (Either.isRight(read)) return
  const problem = ConfigError.isInvalidData(read.left) ? read.left.message : String(read.left)
  tell(reading, [...place, "model"], "value", problem.replace(/\.$/, ""))
}

/** What the schema says of it is told already; this is about what is in the texts. */
const checkGuard = (reading: Reading, place: Place, guard: unknown): Effect.Effect<void> =>
  Effect.gen(function* () {
    if (guard === undefined) return
    const rules = yield* Effect.option(Rules.decode(guard))
    if (rules._tag === "None") return
    const made = yield* Effect.either(Rules.make(rules.value))
    if (Either.isRight(made)) return
    for (const problem of made.left.problems) {
      const inner = innermost(reading.spots, place, problem)
      tell(reading, inner.place, "value", inner.problem)
    }
  })

/** Rules tell the places of their problems in words. The longest that is one of the document's is meant. */
const innermost = (spots: Documents.Spots, place: Place, text: string): { place: Place; problem: string } => {
  const meant = spots.places().flatMap((other) => {
    const isBelow = other.length > place.length && place.every((key, index) => other[index] === key)
    const said = `${dotted(other.slice(place.length))}: `
    return isBelow && text.startsWith(said) ? [{ place: other, problem: text.slice(said.length) }] : []
  })
  return meant[0] ?? { place, problem: text }
}

const dotted = (place: Place): string =>
  place.reduce<string>((text, key) => {
    if (typeof key === "number") return `${text}[${key}]`
    return text === "" ? String(key) : `${text}.${String(key)}`
  }, "")

const instructionsOf = (reading: Reading, place: Place, told: unknown) =>
  Effect.gen(function* () {
    if (typeof told === "string") return told
    const file = isObject(told) ? told["file"] : undefined
    if (typeof file !== "string" || file === "") return undefined
    const text = yield* Files.include(reading.file.folder, file)
    if (Either.isRight(text)) return text.right.trim()
    tell(reading, [...place, "instructions", "file"], "value", text.left)
    return undefined
  })

const placesOf = ({ at, spots }: Reading, place: Place): ReadonlyMap<string, Position> =>
  new Map(
    spots.places().flatMap((inner) => {
      if (inner.length <= place.length || place.some((key, index) => inner[index] !== key)) return []
      return [[Problems.path(inner.slice(place.length)), at(inner, "value")] as const]
    })
  )

const decoded = <A, I>(
  reading: Reading,
  place: Place,
  content: unknown,
  schema: Schema.Schema<A, I>
): A | undefined => {
  const read = Schema.decodeUnknownEither(schema, { onExcessProperty: "error", errors: "all" })(content)
  if (Either.isRight(read)) return read.right
  for (const issue of Problems.issues(read.left)) tellIssue(reading, place, issue)
  return undefined
}

/** What is a list of names, whatever else is wrong. */
const lists = (content: unknown): Fragment["fields"] => {
  if (!isObject(content)) return {}
  const { agents, skills, tools } = content
  return Object.fromEntries(Object.entries({ agents, skills, tools }).filter(([, list]) => isNames(list)))
}

const isNames = Schema.is(Schema.Array(Schema.NonEmptyString))

const tellIssue = (reading: Reading, around: Place, { known, place, problem }: Issue): void => {
  const whole = [...around, ...place]
  if (known === undefined) tell(reading, whole, /^is missing/.test(problem) ? "key" : "value", problem)
  else {
    const elsewhere = known.includes("settings") ? nested : []
    tell(reading, whole, "key", `there is no such field: ${instead(String(whole.at(-1)), known, elsewhere)}`)
  }
}

/** What is often written beside the object that it belongs into. */
const nested = (["settings", "limits"] as const).flatMap((outer) =>
  AgentSpec.innerNames[outer].map((name) => [name, `${outer}.${name}`] as const)
)

const tell = ({ at, problems }: Reading, place: Place, part: "key" | "value", problem: string): void => {
  if (problems.length > most) return
  const position = at(place, part)
  if (problems.length === most) {
    problems.push({ ...position, problem: "and more is wrong from here on: correct this first" })
    return
  }
  // What the reader refused is not there any more, for which it is not to be blamed again.
  const isTold = problems.some(
    ({ column, field, line }) => line === position.line && column === position.column && field === position.field
  )
  if (!isTold) problems.push({ ...position, problem })
}

const isObject = (value: unknown): value is { readonly [key: string]: unknown } =>
  typeof value === "object" && value !== null && !Array.isArray(value)
