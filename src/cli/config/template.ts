/**
 * What is made of the schema of settings: the file that `axonal init` writes, with every key, its meaning and its default,
 * all of it commented out; and the JSON schema by which editors check such files.
 */
import * as JSONSchema from "effect/JSONSchema"
import * as Option from "effect/Option"
import * as AST from "effect/SchemaAST"
import { Config } from "./config.ts"

/**
 * The text of a file of settings in which nothing is set.
 *
 * **Details**
 *
 * - With the marks of comments gone from the lines that set something, it sets everything.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (format: "toml" | "json", whose: "user" | "project"): string => {
  const keys = keysOf(Config.ast)
  const title = `Settings of axonal, ${whose === "user" ? "for you" : "for this project"}. All keys are optional.`
  const order =
    "What counts: flags, then the environment, then the project's file, then the user's. See axonal --help." +
    (whose === "project" ? " What makes anything wider counts once you have said: axonal trust." : "")
  const head = wrapped(`${title} ${order}`)
  return format === "toml" ? toml(head, keys) : json(head, keys)
}

/**
 * The JSON schema of files of settings.
 *
 * @category constructors
 * @since 0.1.0
 */
export const jsonSchema = (): object => ({
  title: "Settings of axonal",
  ...JSONSchema.make(Config)
})

// internal

interface Key {
  readonly name: string
  readonly about: string
  readonly shown: unknown
  /** Of a table, what stands in it. */
  readonly inner: ReadonlyArray<Key>
  readonly isTables: boolean
}

const keysOf = (ast: AST.AST): ReadonlyArray<Key> =>
  AST.isTypeLiteral(ast)
    ? ast.propertySignatures.map((signature) => {
        const { name, type } = signature
        const example = Option.getOrUndefined(AST.getExamplesAnnotation(signature))?.[0]
        const preset = Option.getOrUndefined(AST.getDefaultAnnotation(signature))
        const about = Option.getOrElse(AST.getDescriptionAnnotation(signature), () => "")
        return {
          name: String(name),
          about: preset === undefined ? about : `${about} Default: ${literal(preset)}.`,
          shown: preset ?? example,
          inner: AST.isTypeLiteral(type) ? keysOf(type) : [],
          isTables: AST.isTupleType(type) && typeof first(example) === "object"
        }
      })
    : []

const first = (value: unknown): unknown => (Array.isArray(value) ? value[0] : undefined)

const wrapped = (text: string): ReadonlyArray<string> => {
  const lines = [""]
  for (const word of text.split(" ")) {
    const last = lines.at(-1) ?? ""
    if (last.length + word.length < 100) lines[lines.length - 1] = last === "" ? word : `${last} ${word}`
    else lines.push(word)
  }
  return lines
}

const comments = (mark: string, lines: ReadonlyArray<string>): string =>
  lines.map((line) => `${mark} ${line}\n`).join("")

const toml = (head: ReadonlyArray<string>, keys: ReadonlyArray<Key>): string => {
  const line = ({ about, name, shown }: Key): string =>
    `\n${comments("#", wrapped(about))}#${bare(name)} = ${literal(shown)}\n`
  const table = ({ about, inner, name, shown }: Key): string => {
    const fields = inner.length > 0 ? inner.map(line).join("") : fieldsOf(shown)
    return `\n${comments("#", wrapped(about))}#${inner.length > 0 ? `[${name}]` : `[[${name}]]`}\n${fields}`
  }
  // Behind the head of a table everything is of that table.
  const isTable = ({ inner, isTables }: Key): boolean => inner.length > 0 || isTables
  const [scalars, tables] = [keys.filter((key) => !isTable(key)), keys.filter(isTable)]
  return `${comments("#", head)}${scalars.map(line).join("")}${tables.map(table).join("")}`
}

const fieldsOf = (shown: unknown): string =>
  Object.entries(first(shown) ?? {})
    .map(([name, value]) => `#${name} = ${literal(value)}\n`)
    .join("")

const json = (head: ReadonlyArray<string>, keys: ReadonlyArray<Key>): string => {
  const line = ({ about, inner, name, shown }: Key): string => {
    const value = inner.length > 0 ? Object.fromEntries(inner.map((key) => [key.name, key.shown])) : shown
    const more = inner.map((key) => `${key.name}: ${key.about}`).join(" ")
    const text = JSON.stringify(value, undefined, 2).split("\n").join("\n  //")
    return `\n${comments("  //", wrapped(`${about}${more === "" ? "" : ` ${more}`}`))}  //"${name}": ${text},\n`
  }
  return `${comments("//", head)}{${keys.map(line).join("")}}\n`
}

/** A value as TOML has it, on one line. */
const literal = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`
  if (typeof value !== "object" || value === null) {
    return JSON.stringify(value)
  }
  return `{ ${Object.entries(value)
    .map(([name, inner]) => `${name} = ${literal(inner)}`)
    .join(", ")} }`
}

/** `$schema` is no bare key. */
const bare = (name: string): string => (/^[\w-]+$/.test(name) ? name : JSON.stringify(name))
