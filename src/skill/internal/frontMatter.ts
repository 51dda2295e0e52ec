/**
 * Reads a `SKILL.md`: YAML between two lines `---`, then the instructions. Every scalar is taken as it is written, so that
 * a version `1.0` stays one; what has no plain reading (aliases, keys that stand twice, a second document) is a problem,
 * with its line.
 */
import * as Either from "effect/Either"
import * as Yaml from "yaml"
import type { FrontMatter, Problem } from "./model.ts"
import { isName, longestCompatibility, longestDescription, longestMatter, longestName } from "./model.ts"

/** What is wrong, and where, if the skill itself is known. */
export type Finding = Pick<Problem, "line" | "problem"> & { readonly kind: "invalid" | "warning" }

/** A file that was read: `matter` is absent when one of the findings is `invalid`. */
export interface Parsed {
  readonly matter: FrontMatter | undefined
  readonly body: string
  readonly findings: ReadonlyArray<Finding>
}

/** What stands between the lines `---`, and what follows them. A byte order mark is dropped, and lines end with `\n`. */
export const split = (text: string): Either.Either<{ readonly yaml: string; readonly body: string }, Finding> => {
  const lines = text.replace(/^\uFEFF/, "").replace(/\r\n?/g, "\n")
  const opening = /^---[ \t]*(?:\n|$)/.exec(lines)
  if (opening === null) return Either.left(invalid(1, "it does not begin with a line ---: put its front matter there"))
  const rest = lines.slice(opening[0].length)
  const closing = /^---[ \t]*(?:\n|$)/m.exec(rest)
  if (closing === null) return Either.left(invalid(1, "its front matter has no end: add a line --- behind it"))
  return Either.right({
    yaml: rest.slice(0, closing.index).replace(/\n$/, ""),
    body: rest.slice(closing.index + closing[0].length)
  })
}

/** Reads and checks the text of a skill in a folder of this name. */
export const parse = (text: string, folder: string): Parsed =>
  Either.match(
    Either.flatMap(split(text), ({ body, yaml }) => Either.map(mapping(yaml), (pairs) => ({ body, ...pairs }))),
    {
      onLeft: (found): Parsed => ({ matter: undefined, body: "", findings: bounded([found].flat()) }),
      onRight: ({ body, findings, pairs }) => {
        const reading = new Reading(pairs, findings)
        const matter = reading.matter(folder)
        return { matter, body: body.trim(), findings: bounded(reading.findings) }
      }
    }
  )

// internal

const known = ["name", "description", "license", "compatibility", "metadata", "allowed-tools"]

const invalid = (line: number | undefined, problem: string): Finding => ({ kind: "invalid", line, problem })
const warning = (line: number | undefined, problem: string): Finding => ({ kind: "warning", line, problem })

/** What matters most, and one for each line: a missing bracket may be a problem thousands of times. */
const bounded = (findings: ReadonlyArray<Finding>): ReadonlyArray<Finding> =>
  ["invalid", "warning"].flatMap((kind) => {
    const seen = new Set<number>()
    return findings
      .filter((finding) => finding.kind === kind)
      .filter(({ line }) => line === undefined || (!seen.has(line) && seen.add(line)))
      .slice(0, mostFindings)
  })

const mostFindings = 10

interface Entry {
  readonly value: unknown
  readonly line: number
}

interface Pairs {
  readonly pairs: ReadonlyMap<string, Entry>
  readonly findings: ReadonlyArray<Finding>
}

/** The first line of the YAML is the second one of the file. */
const mapping = (yaml: string): Either.Either<Pairs, ReadonlyArray<Finding>> => {
  if (yaml.length > longestMatter) {
    return Either.left([invalid(1, `its front matter has ${yaml.length} characters: at most ${longestMatter}`)])
  }
  const lines = new Yaml.LineCounter()
  const lineOf = (offset: number): number => lines.linePos(offset).line + 1
  const parsed = Either.try(() =>
    Yaml.parseDocument(yaml, { schema: "failsafe", lineCounter: lines, prettyErrors: false })
  )
  // The parser goes down as deep as brackets are nested.
  if (Either.isLeft(parsed)) return Either.left([invalid(2, "its front matter is nested too deep")])
  const { contents, errors, warnings } = parsed.right
  if (errors.length > 0) {
    return Either.left(errors.map(({ code, message, pos }) => invalid(lineOf(pos[0]), yamlProblem(code, message))))
  }
  if (!Yaml.isMap(contents)) {
    return Either.left([invalid(2, "its front matter is no mapping: write lines such as name: my-skill")])
  }
  const pairs = new Map<string, Entry>()
  const findings = warnings.map(({ message, pos }) => warning(lineOf(pos[0]), message))
  for (const { key, value } of contents.items) {
    const line = Yaml.isNode(key) ? lineOf(key.range?.[0] ?? 0) : 2
    if (!Yaml.isScalar(key)) findings.push(invalid(line, "a key of its front matter is no text"))
    else if (known.includes(String(key.value))) pairs.set(String(key.value), { value, line })
    else findings.push(warning(line, `${JSON.stringify(key.value)} is no field of a skill: ${known.join(", ")} are`))
  }
  return Either.right({ pairs, findings })
}

const yamlProblem = (code: string, message: string): string => {
  switch (code) {
    case "DUPLICATE_KEY":
      return "a key stands twice: remove one of them"
    case "TAB_AS_INDENT":
      return "a line is indented with a tab: use spaces"
    case "MULTIPLE_DOCS":
      return "its front matter is more than one YAML document"
    case "BLOCK_AS_IMPLICIT_KEY":
      return "a text contains a colon and a space: put it in quotes"
    default:
      return `its front matter is no valid YAML: ${message}`
  }
}

/** Text that stands as it is written, or `undefined` for a list, a mapping or an alias. */
const textOf = (value: unknown): string | undefined =>
  value === null ? "" : Yaml.isScalar(value) ? String(value.value ?? "") : undefined

/** Characters that change what a person sees of a text, or that cannot be seen: controls, turns of direction, tags. */
const unseen = /[\p{Cc}\u202A-\u202E\u2066-\u2069\u{E0000}-\u{E007F}]/u

class Reading {
  readonly findings: Array<Finding>
  private readonly pairs: ReadonlyMap<string, Entry>
  constructor(pairs: ReadonlyMap<string, Entry>, findings: ReadonlyArray<Finding>) {
    this.pairs = pairs
    this.findings = [...findings]
  }

  matter(folder: string): FrontMatter | undefined {
    const matter = {
      name: this.name(folder),
      description: this.required("description", longestDescription),
      license: this.optional("license", Number.POSITIVE_INFINITY),
      compatibility: this.optional("compatibility", longestCompatibility),
      metadata: this.metadata(),
      allowedTools: this.allowedTools()
    }
    return this.findings.some(({ kind }) => kind === "invalid") ? undefined : matter
  }

  private name(folder: string): string {
    const name = this.required("name", longestName)
    const { line } = this.pairs.get("name") ?? { line: undefined }
    if (name === "") return name
    if (!isName(name)) {
      const rule = "lower-case letters, digits and single hyphens between them"
      this.findings.push(invalid(line, `the name ${quoted(name)} is not made of ${rule}`))
    } else if (name !== folder) {
      this.findings.push(invalid(line, `the name ${quoted(name)} is not that of its folder, ${quoted(folder)}`))
    }
    return name
  }

  /** Empty when there is a problem with it. */
  private required(field: string, longest: number): string {
    const entry = this.pairs.get(field)
    if (entry === undefined) {
      this.findings.push(invalid(undefined, `the field ${field} is missing`))
      return ""
    }
    const { problem, text } = checked(entry, longest)
    if (problem !== undefined) this.findings.push(invalid(entry.line, `the field ${field} ${problem}`))
    return problem === undefined ? text : ""
  }

  /** What a skill can do without is left out when there is a problem with it. */
  private optional(field: string, longest: number): string | undefined {
    const entry = this.pairs.get(field)
    if (entry === undefined) return undefined
    const { problem, text } = checked(entry, longest)
    if (problem === undefined) return text
    this.findings.push(warning(entry.line, `the field ${field} ${problem}, and is passed over`))
    return undefined
  }

  private metadata(): Readonly<Record<string, string>> {
    const entry = this.pairs.get("metadata")
    if (entry === undefined) return {}
    if (!Yaml.isMap(entry.value)) {
      this.findings.push(warning(entry.line, "the field metadata is no mapping, and is passed over"))
      return {}
    }
    return Object.fromEntries(
      entry.value.items.flatMap(({ key, value }) => {
        const [name, text] = [textOf(key), textOf(value)]
        if (name !== undefined && text !== undefined) return [[name, text]]
        this.findings.push(warning(entry.line, `metadata.${name ?? "?"} is no text, and is passed over`))
        return []
      })
    )
  }

  private allowedTools(): ReadonlyArray<string> {
    const entry = this.pairs.get("allowed-tools")
    if (entry === undefined) return []
    const texts = Yaml.isSeq(entry.value) ? entry.value.items.map(textOf) : [textOf(entry.value)]
    if (texts.includes(undefined)) {
      this.findings.push(
        warning(entry.line, "allowed-tools is neither a text nor a list of texts: what is none is passed over")
      )
    }
    // Spaces in brackets belong to a tool.
    return texts.flatMap((text = "") => text.match(/(?:[^\s,()]|\([^()]*\))+/g) ?? [])
  }
}

const checked = (
  { value }: Entry,
  longest: number
): { readonly text: string; readonly problem: string | undefined } => {
  const text = textOf(value)?.trim()
  const problem = (): string | undefined => {
    if (text === undefined) return "is no text"
    if (text === "") return "is empty"
    if (text.length > longest) return `has ${text.length} characters: at most ${longest}`
    return unseen.test(text.replace(/[\t\n]/g, "")) ? "has characters that cannot be seen" : undefined
  }
  return { text: text ?? "", problem: problem() }
}

const quoted = (text: string): string => JSON.stringify(text.length > 80 ? `${text.slice(0, 79)}…` : text)
