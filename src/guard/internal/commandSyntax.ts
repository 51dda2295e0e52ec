/**
 * Reads a command line as POSIX shells do and lists every simple command in it, wherever it stands. What shells read
 * differently, or what this reader does not know, is a problem and not a guess. One pass, nesting bounded.
 */
import { unescaped } from "./commandEscapes.ts"
import { hijacks } from "./commandVariables.ts"

/** A word after quotes are gone. `text` is absent when a part of it is known only at run time. */
export interface Word {
  readonly raw: string
  readonly text: string | undefined
  /** May become several words, or none. */
  readonly splits: boolean
  readonly glob: boolean
}

export interface Redirection {
  /** The number before the operator, or nothing. */
  readonly descriptor: string
  readonly operator: string
  /** The file, the descriptor, or the text of a here-document. */
  target: Word
}

export interface Assignment {
  readonly name: string
  readonly value: Word
}

export interface Command {
  readonly words: ReadonlyArray<Word>
  readonly assignments: ReadonlyArray<Assignment>
  readonly redirections: ReadonlyArray<Redirection>
  /** The functions in whose bodies it stands. */
  readonly functions: ReadonlyArray<string>
}

export interface Script {
  readonly commands: ReadonlyArray<Command>
  readonly problem: string | undefined
}

/** The word that stands for exactly this text. */
export const literal = (text: string): Word => ({ raw: text, text, splits: false, glob: false })

/** A word of which nothing is known before the line runs. */
export const unknown = (raw: string, splits: boolean): Word => ({ raw, text: undefined, splits, glob: false })

/** All commands of a line. After a problem the list is not complete. */
export const parse = (text: string): Script => {
  const reader: Reader = { text, index: 0, problem: undefined, commands: [], depth: 0, functions: [], documents: [] }
  if (hidden.test(text)) fail(reader, "it contains control characters, carriage returns or marks that hide text")
  list(reader, undefined)
  if (reader.documents.length > 0) fail(reader, "a here-document has no end")
  return { commands: reader.commands, problem: reader.problem }
}

// internal

interface Reader {
  readonly text: string
  readonly commands: Array<Command>
  /** Here-documents whose text starts after the next line break. */
  readonly documents: Array<{ delimiter: string; tabs: boolean; quoted: boolean; redirection: Redirection }>
  index: number
  depth: number
  functions: ReadonlyArray<string>
  problem: string | undefined
}

interface Builder {
  text: string
  known: boolean
  splits: boolean
  glob: boolean
}

type Closer = ")" | "}" | "case" | undefined

const [maxDepth, maxCommands] = [40, 1000]

const hidden = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/
const invisible = /[\p{Z}\p{Cf}\p{Cs}\p{Co}]/u
const name = /^[A-Za-z_][A-Za-z0-9_]*$/
const assignment = /^([A-Za-z_][A-Za-z0-9_]*)\+?=/
const skipped = /(?:if|then|elif|else|fi|while|until|do|done|!)(?=[\s;&|()<>]|$)/y
const opened = /(?:for|select|case|function|coproc|\{|\}|esac)(?=[\s;&|()<>]|$)/y

/** The first problem counts; reading ends, because nothing is left to read. */
const fail = (reader: Reader, problem: string): undefined => {
  reader.problem ??= problem
  reader.index = reader.text.length
}

const at = (reader: Reader, text: string): boolean => reader.text.startsWith(text, reader.index)

const accept = (reader: Reader, text: string): boolean => {
  if (!at(reader, text)) return false
  reader.index += text.length
  return true
}

const matched = (reader: Reader, pattern: RegExp): string | undefined => {
  pattern.lastIndex = reader.index
  return pattern.exec(reader.text)?.[0]
}

/** Skips what separates words: blanks, continued lines, comments. */
const blanks = (reader: Reader): undefined => {
  for (;;) {
    const next = reader.text[reader.index]
    if (next === " " || next === "\t") reader.index += 1
    else if (at(reader, "\\\n")) reader.index += 2
    else if (next === "#") {
      const end = reader.text.indexOf("\n", reader.index)
      reader.index = end < 0 ? reader.text.length : end
    } else return
  }
}

const lines = (reader: Reader): undefined => {
  blanks(reader)
  while (at(reader, "\n")) {
    newline(reader)
    blanks(reader)
  }
}

const newline = (reader: Reader): undefined => {
  reader.index += 1
  for (const { delimiter, quoted, redirection, tabs } of reader.documents.splice(0)) {
    const start = reader.index
    let end = -1
    while (end < 0 && reader.index < reader.text.length) {
      const stop = reader.text.indexOf("\n", reader.index)
      const line = reader.text.slice(reader.index, stop < 0 ? reader.text.length : stop)
      if ((tabs ? line.replace(/^\t+/, "") : line) === delimiter) end = reader.index
      reader.index = stop < 0 ? reader.text.length : stop + 1
    }
    if (end < 0) return fail(reader, "a here-document has no end")
    const body = reader.text.slice(start, end)
    if (quoted) redirection.target = literal(body)
    else if (body.includes("\\\n")) return fail(reader, "a here-document continues a line; quote its delimiter")
    else {
      const builder = building()
      nested(reader, body, (inner) => quotedText(inner, builder, undefined))
      redirection.target = { raw: body, ...finished(builder) }
    }
  }
}

/** Reads another text as a part of this one. */
const nested = (reader: Reader, text: string, read: (inner: Reader) => unknown): undefined => {
  const inner: Reader = { ...reader, text, index: 0, documents: [], depth: reader.depth + 1 }
  if (inner.depth > maxDepth) return fail(reader, "it nests too deeply")
  read(inner)
  if (inner.documents.length > 0) fail(inner, "a here-document has no end")
  if (inner.problem !== undefined) fail(reader, inner.problem)
}

const list = (reader: Reader, closer: Closer): undefined => {
  reader.depth += 1
  if (reader.depth > maxDepth) fail(reader, "it nests too deeply")
  while (reader.problem === undefined) {
    lines(reader)
    const next = reader.text[reader.index]
    if (next === undefined) {
      if (closer !== undefined) fail(reader, "a group or a substitution has no end")
      break
    }
    if (next === ")") {
      if (closer === ")") reader.index += 1
      else fail(reader, "a parenthesis closes nothing")
      break
    }
    if (next === ";" && /[;&]/.test(reader.text[reader.index + 1] ?? "")) {
      if (closer !== "case") fail(reader, "a case ends that never began")
      break
    }
    if (next === ";" || next === "|" || (next === "&" && reader.text[reader.index + 1] !== ">")) {
      reader.index += 1
      continue
    }
    const word = matched(reader, skipped)
    if (word !== undefined) reader.index += word.length
    else if (accept(reader, "(")) list(reader, ")")
    else {
      const keyword = matched(reader, opened)
      if (keyword === undefined) simple(reader)
      else if (keyword === "}" || keyword === "esac") {
        if (closer === "}" && keyword === "}") reader.index += 1
        else if (closer !== "case" || keyword !== "esac") fail(reader, `${keyword} closes nothing`)
        break
      } else {
        reader.index += keyword.length
        compound(reader, keyword)
      }
    }
  }
  reader.depth -= 1
}

const compound = (reader: Reader, keyword: string): undefined => {
  if (keyword === "{") return list(reader, "}")
  if (keyword === "coproc") return fail(reader, "coproc is not understood")
  blanks(reader)
  if (keyword === "function") {
    const called = word(reader)
    blanks(reader)
    if (accept(reader, "(")) {
      blanks(reader)
      if (!accept(reader, ")")) return fail(reader, "a function is not written as one")
    }
    return define(reader, called)
  }
  if (at(reader, "(")) return fail(reader, `${keyword} with arithmetic is not understood`)
  const subject = word(reader)
  lines(reader)
  const listed = matched(reader, /in(?=\s)/y)
  if (listed !== undefined) reader.index += 2
  if (keyword === "case") return listed === undefined ? fail(reader, "case without in") : cases(reader)
  if (!name.test(subject.raw)) return fail(reader, `${keyword} needs a name`)
  if (hijacks(subject.raw)) return fail(reader, `it changes ${subject.raw}, which decides what programs run`)
  blanks(reader)
  while (listed !== undefined && reader.index < reader.text.length && !/[\n;&|()]/.test(here(reader))) {
    if (/^[{}]?$/.test(word(reader).raw)) return fail(reader, "a list of words is not one")
    blanks(reader)
  }
}

const here = (reader: Reader): string => reader.text[reader.index] ?? ""

const cases = (reader: Reader): undefined => {
  while (reader.problem === undefined) {
    lines(reader)
    if (matched(reader, opened) === "esac") {
      reader.index += 4
      return
    }
    accept(reader, "(")
    do {
      blanks(reader)
      word(reader)
      blanks(reader)
    } while (accept(reader, "|"))
    if (!accept(reader, ")")) return fail(reader, "a pattern of case has no end")
    list(reader, "case")
    if (accept(reader, ";")) while (/[;&]/.test(here(reader))) reader.index += 1
  }
}

/** The body of a function: a group whose commands are judged where they stand. */
const define = (reader: Reader, called: Word): undefined => {
  if (!/^[A-Za-z0-9_:.+-]+$/.test(called.raw)) return fail(reader, "a function has a name that is not plain")
  lines(reader)
  const outer = reader.functions
  reader.functions = [...outer, called.raw]
  if (accept(reader, "(")) list(reader, ")")
  else if (matched(reader, opened) === "{") {
    reader.index += 1
    list(reader, "}")
  } else fail(reader, "the body of a function is not in braces")
  reader.functions = outer
}

const simple = (reader: Reader): undefined => {
  const words: Array<Word> = []
  const assignments: Array<Assignment> = []
  const redirections: Array<Redirection> = []
  const start = reader.index
  while (reader.problem === undefined) {
    blanks(reader)
    const next = here(reader)
    if (next === "" || /[\n;|)]/.test(next) || (next === "&" && reader.text[reader.index + 1] !== ">")) break
    if (next === "(") {
      const called = words[0]
      if (words.length !== 1 || called === undefined || assignments.length + redirections.length > 0) {
        return fail(reader, "a parenthesis stands where no shell of POSIX has one")
      }
      reader.index += 1
      blanks(reader)
      return accept(reader, ")") ? define(reader, called) : fail(reader, "a parenthesis follows a word")
    }
    if (redirects(reader)) {
      redirections.push(redirection(reader, ""))
      continue
    }
    const read = word(reader)
    if (/^(?:[0-9]+|\{[A-Za-z0-9_[\]]+\})$/.test(read.raw) && /[<>]/.test(here(reader))) {
      if (read.raw.startsWith("{")) return fail(reader, "a descriptor has a name")
      if (redirects(reader)) redirections.push(redirection(reader, read.raw))
      continue
    }
    const assigned = words.length === 0 ? assignment.exec(read.raw) : null
    if (assigned?.[1] === undefined) words.push(read)
    else if (here(reader) === "(") return fail(reader, "arrays are not understood")
    else {
      const value = { ...read, text: read.text?.slice(assigned[0].length) }
      assignments.push({ name: assigned[1], value })
    }
  }
  if (reader.index === start) return fail(reader, "it is not understood")
  if (reader.commands.length >= maxCommands) return fail(reader, `it has more than ${maxCommands} commands`)
  reader.commands.push({ words, assignments, redirections, functions: reader.functions })
}

const redirects = (reader: Reader): boolean =>
  at(reader, "&>") || (/[<>]/.test(here(reader)) && reader.text[reader.index + 1] !== "(")

const operators = ["&>>", "&>", "<<<", "<<-", "<<", "<>", "<&", ">>", ">|", ">&", "<", ">"] as const

const redirection = (reader: Reader, descriptor: string): Redirection => {
  const operator = operators.find((text) => accept(reader, text)) ?? ">"
  blanks(reader)
  const target = word(reader)
  if (target.raw === "") fail(reader, "a redirection has no target")
  const made: Redirection = { descriptor, operator, target }
  if (operator === "<<" || operator === "<<-") {
    if (target.text === undefined || target.text === "" || target.text.includes("\n")) {
      fail(reader, "a here-document has no plain delimiter")
    } else {
      const quoted = target.raw !== target.text
      reader.documents.push({ delimiter: target.text, tabs: operator === "<<-", quoted, redirection: made })
    }
  }
  return made
}

const building = (): Builder => ({ text: "", known: true, splits: false, glob: false })

const finished = (builder: Builder) => ({
  text: builder.known ? builder.text : undefined,
  splits: builder.splits,
  glob: builder.glob
})

const opaque = (builder: Builder, splits: boolean): undefined => {
  builder.known = false
  builder.splits ||= splits
}

const word = (reader: Reader): Word => {
  const start = reader.index
  const builder = building()
  let brace = false
  while (reader.index < reader.text.length) {
    const next = here(reader)
    if (/[ \t\n;&|()]/.test(next)) break
    if (next === "<" || next === ">") {
      if (reader.text[reader.index + 1] !== "(") break
      reader.index += 2
      substitution(reader)
      opaque(builder, false)
    } else if (next === "'") {
      const end = reader.text.indexOf("'", reader.index + 1)
      if (end < 0) fail(reader, "a quote has no end")
      else {
        builder.text += reader.text.slice(reader.index + 1, end)
        reader.index = end + 1
      }
    } else if (next === '"') {
      reader.index += 1
      quotedText(reader, builder, '"')
    } else if (next === "\\") {
      const escaped = reader.text[reader.index + 1]
      if (escaped === undefined) fail(reader, "a backslash ends it")
      else if (escaped !== "\n") builder.text += escaped
      reader.index += 2
    } else if (next === "$") dollar(reader, builder, false)
    else if (next === "`") backquoted(reader, builder, false)
    else {
      const whole = String.fromCodePoint(reader.text.codePointAt(reader.index) ?? 0)
      if (next > "~" && invisible.test(whole)) fail(reader, "it contains a space or mark that only looks like nothing")
      builder.glob ||= next === "*" || next === "?" || next === "["
      if (brace && (next === "," || at(reader, ".."))) opaque(builder, true)
      brace ||= next === "{"
      builder.text += whole
      reader.index += whole.length
    }
  }
  const raw = reader.text.slice(start, reader.index)
  if (reader.documents.length > 0 && raw.includes("\n"))
    fail(reader, "a line breaks inside a word before a here-document")
  return { raw, ...finished(builder) }
}

/** The inside of double quotes, or the text of a here-document when nothing closes it. */
const quotedText = (reader: Reader, builder: Builder, closer: '"' | undefined): undefined => {
  while (reader.index < reader.text.length) {
    const next = here(reader)
    if (next === closer) {
      reader.index += 1
      return
    }
    if (next === "\\") {
      const escaped = reader.text[reader.index + 1] ?? ""
      if (/[$`\\]/.test(escaped) || (escaped !== "" && escaped === closer)) builder.text += escaped
      else if (escaped !== "\n") builder.text += next + escaped
      reader.index += 2
    } else if (next === "$") dollar(reader, builder, true)
    else if (next === "`") backquoted(reader, builder, closer !== undefined)
    else {
      builder.text += next
      reader.index += 1
    }
  }
  if (closer !== undefined) fail(reader, "a quote has no end")
}

/** `$(…)`, `<(…)` and `>(…)`, from after the parenthesis. */
const substitution = (reader: Reader): undefined => {
  if (reader.documents.length > 0) return fail(reader, "a substitution follows a here-document on its line")
  list(reader, ")")
  if (reader.documents.length > 0) fail(reader, "a here-document has no end")
}

const backquoted = (reader: Reader, builder: Builder, quoted: boolean): undefined => {
  let inner = ""
  reader.index += 1
  while (reader.index < reader.text.length && !at(reader, "`")) {
    const next = here(reader)
    const escaped = reader.text[reader.index + 1] ?? ""
    if (next === "\\" && (/[$`\\]/.test(escaped) || (quoted && escaped === '"'))) {
      inner += escaped
      reader.index += 2
    } else {
      inner += next
      reader.index += 1
    }
  }
  if (!accept(reader, "`")) return fail(reader, "a backquote has no end")
  opaque(builder, !quoted)
  nested(reader, inner, (within) => list(within, undefined))
}

const dollar = (reader: Reader, builder: Builder, quoted: boolean): undefined => {
  reader.index += 1
  if (accept(reader, "((")) {
    // Names in arithmetic are evaluated again, commands in them included: only numbers are harmless.
    let open = 2
    while (open > 0 && /[-0-9+*/%<>=!&|^~?:, \t()]/.test(here(reader))) {
      open += at(reader, "(") ? 1 : at(reader, ")") ? -1 : 0
      if (open === 1 && at(reader, ")") && reader.text[reader.index + 1] !== ")") break
      reader.index += 1
    }
    return open > 0 ? fail(reader, "arithmetic is not understood unless it is of numbers") : opaque(builder, false)
  }
  if (accept(reader, "(")) {
    opaque(builder, !quoted)
    return substitution(reader)
  }
  if (accept(reader, "{")) return parameter(reader, builder, quoted)
  if (at(reader, "[")) return fail(reader, "arithmetic is not understood unless it is of numbers")
  if (!quoted && at(reader, "'")) return escapes(reader, builder)
  if (!quoted && at(reader, '"')) return opaque(builder, false)
  const called = matched(reader, /[A-Za-z_][A-Za-z0-9_]*|[@*#?$!0-9-]/y)
  if (called === undefined) builder.text += "$"
  else {
    reader.index += called.length
    variable(builder, called, quoted)
  }
}

const variable = (builder: Builder, called: string, quoted: boolean): undefined => {
  if (called === "HOME" && builder.text === "" && builder.known) builder.text = "~"
  else opaque(builder, !quoted || called === "@")
}

const parameter = (reader: Reader, builder: Builder, quoted: boolean): undefined => {
  const called = matched(reader, /#?(?:[A-Za-z_][A-Za-z0-9_]*|[@*#?$!-]|[0-9]+)(?=[}:=+?#%/^,-])/y)
  if (called === undefined) return fail(reader, "an expansion is not understood")
  reader.index += called.length
  if (accept(reader, "}")) return variable(builder, called, quoted)
  const operator = matched(reader, /:?[-=+?]|##?|%%?|\/\/?|\^\^?|,,?/y)
  if (operator === undefined) return fail(reader, "an expansion is not understood")
  if (operator.endsWith("=") && hijacks(called)) return fail(reader, `it changes ${called}`)
  reader.index += operator.length
  const inner = building()
  while (reader.index < reader.text.length && !at(reader, "}")) {
    const next = here(reader)
    // Shells differ about quotes in here.
    if (/['"\\{\n<>()]/.test(next)) return fail(reader, "quotes, braces or escapes stand inside an expansion")
    if (next === "$") dollar(reader, inner, true)
    else if (next === "`") backquoted(reader, inner, true)
    else reader.index += 1
  }
  if (!accept(reader, "}")) return fail(reader, "an expansion has no end")
  opaque(builder, !quoted || called === "@")
}

/** `$'…'`. Shells without it end it at the first quote, so an escaped quote is refused. */
const escapes = (reader: Reader, builder: Builder): undefined => {
  const end = reader.text.indexOf("'", reader.index + 1)
  if (end < 0) return fail(reader, "a quote has no end")
  const text = unescaped(reader.text.slice(reader.index + 1, end))
  reader.index = end + 1
  if (text === undefined) fail(reader, "an escape in $'…' is not understood")
  else builder.text += text
}
