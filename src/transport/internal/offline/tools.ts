/**
 * Finds the declared tool that does what is wished, and writes its arguments. It knows tools by the words of their names and
 * descriptions and by the names of their fields, so that it also works with tools that an application brought.
 */
import type { Wish } from "./words.ts"

/** As much of a declared tool as is looked at. */
export interface Declared {
  readonly name: string
  readonly description?: string | undefined
  readonly inputSchema: object
}

/** A call to make. */
export interface Planned {
  readonly name: string
  readonly input: Readonly<Record<string, unknown>>
}

/** A parameter of a tool. */
export interface Field {
  readonly name: string
  readonly type: string
  readonly required: boolean
  readonly choices: ReadonlyArray<string>
  readonly regex: boolean
  /** The names of what each of its items has, when it is a list of objects. */
  readonly items: ReadonlyArray<string>
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** The parameters of a tool. */
export const fieldsOf = (tool: Declared): ReadonlyArray<Field> => {
  const schema: unknown = tool.inputSchema
  if (!isRecord(schema) || !isRecord(schema["properties"])) return []
  const required = Array.isArray(schema["required"]) ? schema["required"] : []
  return Object.entries(schema["properties"]).map(([name, value]) => {
    const property = isRecord(value) ? value : {}
    const choices = Array.isArray(property["enum"]) ? property["enum"].filter((item) => typeof item === "string") : []
    const described = typeof property["description"] === "string" ? property["description"] : ""
    return {
      name,
      type: typeOf(property),
      required: required.includes(name),
      choices,
      items: itemsOf(property),
      regex: name === "regex" || /^(?:an? )?reg(?:ular )?ex/i.test(described)
    }
  })
}

const itemsOf = ({ items }: Readonly<Record<string, unknown>>): ReadonlyArray<string> =>
  isRecord(items) && isRecord(items["properties"]) ? Object.keys(items["properties"]) : []

/** The first type that is not `null`; references and unions are looked into one level deep. */
const typeOf = (property: Readonly<Record<string, unknown>>): string => {
  const { type } = property
  if (typeof type === "string") return type
  if (Array.isArray(type)) return type.find((item): item is string => typeof item === "string" && item !== "null") ?? ""
  for (const union of [property["anyOf"], property["oneOf"], property["allOf"]]) {
    if (Array.isArray(union)) {
      for (const member of union) {
        if (isRecord(member) && typeof member["type"] === "string" && member["type"] !== "null") return member["type"]
      }
    }
  }
  return "$ref" in property ? "string" : ""
}

/** The words of a name: `readFile`, `read_file` and `read-file` are `read file`. */
export const wordsOf = (name: string): ReadonlyArray<string> =>
  name
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== "")

/** What tools do is called by: the usual word first. */
const names = {
  read: [/^read$/, /^(?:cat|open|view|load)$/],
  list: [/^(?:list|ls|dir)$/, /^tree$/],
  find: [/^(?:find|glob)$/, /^search$/],
  search: [/^(?:search|grep|ripgrep)$/, /^find$/],
  calculate: [/^(?:calc|calculate|calculator|compute|evaluate|arithmetic|math|maths|eval)$/]
} as const

/** What names and descriptions of tools speak of that are meant when nothing else is said. */
const subjects = {
  read: /\bfiles?\b/i,
  list: /\b(?:files?|folders?|director(?:y|ies))\b/i,
  find: /\bfiles?\b/i,
  search: /\b(?:files?|lines?|texts?)\b/i,
  calculate: /\b(?:arithmetic|expressions?)\b/i
} as const

const changing = /^(?:write|edit|patch|delete|remove|move|rename|create|send|run|execute)$/

const keys = {
  path: /^(?:path|file|file_?name|file_?path|folder|dir|directory|location)$/i,
  name: /^(?:pattern|glob|name|query)$/i,
  text: /^(?:pattern|query|text|regex|search|term|needle|q|string)$/i,
  literal: /^(?:literal|plain|fixed|fixed_?strings?)$/i,
  expression: /^(?:expression|expr|formula|input|sum)$/i,
  from: /^(?:from|start|start_?line|from_?line|line_?start)$/i,
  to: /^(?:to|end|end_?line|to_?line|line_?end)$/i,
  recursive: /^(?:recursive|recurse|deep)$/i
} as const

const mains: Readonly<Record<keyof typeof names, RegExp | undefined>> = {
  read: keys.path,
  list: undefined,
  find: keys.name,
  search: keys.text,
  calculate: keys.expression
}

interface Capable {
  readonly tool: Declared
  readonly fields: ReadonlyArray<Field>
  readonly main: Field | undefined
}

/** The declared tool that has the capability best, and the fields it takes it by. The first of several that are as good. */
const capable = (tools: ReadonlyArray<Declared>, kind: keyof typeof names): Capable | undefined => {
  let best: (Capable & { readonly fit: number }) | undefined
  for (const tool of tools) {
    const words = wordsOf(tool.name)
    const usual = names[kind].findIndex((name) => words.some((word) => name.test(word)))
    if (usual < 0 || words.some((word) => changing.test(word))) continue
    // What finds files by their paths finds no text in them, and the other way round.
    if ((kind === "find" || kind === "search") && isFinder(tool) !== (kind === "find")) continue
    const fields = fieldsOf(tool)
    const main = mains[kind] === undefined ? undefined : fields.find(({ name }) => mains[kind]?.test(name))
    if (mains[kind] !== undefined && main === undefined) continue
    const missing = fields.some((field) => field.required && field !== main && !keys.path.test(field.name))
    const said = [words.join(" "), tool.description ?? ""].filter((text) => subjects[kind].test(text)).length
    const fit = said + (usual === 0 ? 1 : 0) - (missing ? 4 : 0)
    if (best === undefined || fit > best.fit) best = { tool, fields, main, fit }
  }
  return best
}

/** Whether a tool is about paths of files: patterns of them stand in its description, or it says so. */
const isFinder = ({ description = "", name }: Declared): boolean =>
  /\*\*|\*\.\w|\bglob\b|\bby (?:their |its |the )?(?:paths?|names?)\b/i.test(description) ||
  wordsOf(name).includes("glob")

const put = (
  input: Readonly<Record<string, unknown>>,
  fields: ReadonlyArray<Field>,
  key: RegExp,
  value: unknown
): Readonly<Record<string, unknown>> => {
  const field = fields.find(({ name }) => key.test(name))
  return field === undefined || value === undefined ? input : { ...input, [field.name]: value }
}

/** What is said of a wish that no declared tool can do. */
const lacking = {
  read: "read files",
  list: "list files",
  find: "find files",
  search: "search",
  calculate: "calculate"
} as const

/** A wish about files or numbers as they are. */
export type Looking = Extract<Wish, { readonly kind: keyof typeof names }>

/** The call for a wish about files or numbers, or what no declared tool can do. */
export const planFor = (wish: Looking, tools: ReadonlyArray<Declared>): Planned | { readonly lacking: string } => {
  const found = capable(tools, wish.kind)
  if (wish.kind === "list" && wish.want === "count") {
    const finder = found?.fields.some(({ name }) => keys.recursive.test(name)) ? undefined : capable(tools, "find")
    if (finder !== undefined) return finding(finder, "**", wish.path)
  }
  if (found === undefined) return { lacking: lacking[wish.kind] }
  const { fields, main, tool } = found
  const key = main?.name ?? ""
  switch (wish.kind) {
    case "calculate":
      return { name: tool.name, input: { [key]: wish.expression } }
    case "find":
      return finding(found, wish.pattern, wish.path)
    case "search": {
      const isRegex = main?.regex === true || /\bregular expression|\bregex/i.test(tool.description ?? "")
      const literal = fields.find(({ name, type }) => keys.literal.test(name) && type === "boolean")
      const text = isRegex && literal === undefined ? escaped(wish.text) : wish.text
      // Nothing is said where the text means itself anyway.
      const isPlain = escaped(wish.text) === wish.text
      const input = literal === undefined || isPlain ? { [key]: text } : { [key]: text, [literal.name]: true }
      return { name: tool.name, input: put(input, fields, keys.path, wish.path) }
    }
    case "list": {
      const needed = fields.some(({ name, required }) => required && keys.path.test(name))
      const input = put({}, fields, keys.path, wish.path ?? (needed ? "." : undefined))
      return { name: tool.name, input: wish.want === "count" ? put(input, fields, keys.recursive, true) : input }
    }
    case "read":
      return {
        name: tool.name,
        input: put(put({ [key]: wish.path }, fields, keys.from, wish.from), fields, keys.to, wish.to)
      }
  }
}

/** The files below a folder whose paths are of a pattern. */
const finding = ({ fields, main, tool }: Capable, pattern: string, path: string | undefined): Planned => {
  const needed = fields.some(({ name, required }) => required && keys.path.test(name))
  return {
    name: tool.name,
    input: put({ [main?.name ?? ""]: pattern }, fields, keys.path, path ?? (needed ? "." : undefined))
  }
}

const fillers = /^(?:call|use|run|invoke|execute|the|tool|function|get|fetch|me|a|an)$/

/**
 * The call of a tool that the text names, or the fields that are missing for it. Nothing when no tool is named.
 */
export const planNamed = (
  text: string,
  tools: ReadonlyArray<Declared>
): Planned | { readonly tool: string; readonly missing: ReadonlyArray<string> } | undefined => {
  const said = new Set(wordsOf(text))
  const named = tools
    .filter(({ name }) => text.includes(name) || meaning(name).every((word) => said.has(word)))
    .sort((left, right) => right.name.length - left.name.length)[0]
  if (named === undefined) return undefined
  const fields = fieldsOf(named)
  const input = argumentsOf(text, named, fields)
  const missing = fields.filter(({ name, required }) => required && !(name in input)).map(({ name }) => name)
  return missing.length > 0 ? { tool: named.name, missing } : { name: named.name, input }
}

/** The words of a name that say what it does; all of them when none does. */
const meaning = (name: string): ReadonlyArray<string> => {
  const words = wordsOf(name)
  const meant = words.filter((word) => !fillers.test(word))
  return meant.length > 0 ? meant : words
}

const argumentsOf = (text: string, tool: Declared, fields: ReadonlyArray<Field>): Readonly<Record<string, unknown>> => {
  const json = /\{[\s\S]*\}/.exec(text)?.[0]
  const object = json === undefined ? undefined : parse(json)
  if (object !== undefined) return object
  const input: Record<string, unknown> = {}
  let rest = without(text, tool)
  for (const field of fields) {
    const pair = new RegExp(`(?<!\\w)${escaped(field.name)}\\s*[=:]\\s*("[^"]*"|'[^']*'|[^\\s,]+),?`, "i").exec(rest)
    if (pair?.[1] !== undefined) {
      input[field.name] = typed(field, pair[1].replace(/^(["'])(.*)\1$/, "$2"))
      rest = rest.replace(pair[0], " ")
    }
  }
  return {
    ...input,
    ...byPosition(
      rest,
      fields.filter(({ name }) => !(name in input))
    )
  }
}

/** The text without the tool's name and the words around it. */
const without = (text: string, tool: Declared): string => {
  const own = new Set(wordsOf(tool.name))
  return text
    .replaceAll(tool.name, " ")
    .split(/\s+/)
    .filter((word, index) => !own.has(word.toLowerCase()) && !(index < 4 && fillers.test(word.toLowerCase())))
    .join(" ")
    .replace(/^(?:what|who|where|when|how)(?:'s| is| are| was| much| many)?\s+/i, "")
    .replace(/^\s*(?:(?:with|for|in|of|to|on|at|about|named|called|from|:)\s+)+/i, "")
    .trim()
}

/** Numbers and choices by what they look like; what text is left goes to the strings. */
const byPosition = (text: string, fields: ReadonlyArray<Field>): Readonly<Record<string, unknown>> => {
  const needed = fields.some(({ required }) => required) ? fields.filter(({ required }) => required) : fields
  const input: Record<string, unknown> = {}
  let rest = text
  for (const field of needed) {
    const found =
      field.type === "number" || field.type === "integer"
        ? /-?\d+(?:\.\d+)?/.exec(rest)?.[0]
        : field.choices.find((choice) => new RegExp(`\\b${escaped(choice)}\\b`, "i").test(rest))
    if (found !== undefined) {
      input[field.name] = typed(field, found)
      rest = rest.replace(found, " ")
    }
  }
  const strings = needed.filter(
    ({ choices, name, type }) => type === "string" && choices.length === 0 && !(name in input)
  )
  const quoted = [...rest.matchAll(/"([^"]*)"|“([^”]*)”/g)].map((match) => match[1] ?? match[2] ?? "")
  const left = rest.replace(/\s+/g, " ").trim()
  const values = quoted.length >= strings.length ? quoted : strings.length === 1 ? [left] : left.split(" ")
  if (values.length === strings.length || quoted.length > 0) {
    strings.forEach((field, index) => {
      const value = values[index]
      if (value !== undefined && value !== "") input[field.name] = value
    })
  }
  return input
}

/** A text as a pattern that matches it and nothing else. */
const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")

const typed = (field: Field, value: string): unknown => {
  if (field.type === "number" || field.type === "integer") return Number.isNaN(Number(value)) ? value : Number(value)
  if (field.type === "boolean") return /^(?:true|yes|on|1)$/i.test(value)
  return value
}

const parse = (json: string): Readonly<Record<string, unknown>> | undefined => {
  try {
    const value: unknown = JSON.parse(json)
    return isRecord(value) ? value : undefined
  } catch {
    return undefined
  }
}
