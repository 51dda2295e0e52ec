/**
 * What is wrong with data that a person wrote, one line for each problem: its place, what is expected there, and what
 * stands there instead.
 */
import * as Option from "effect/Option"
import type * as ParseResult from "effect/ParseResult"
import * as AST from "effect/SchemaAST"

/** Where something stands in data: keys of objects and indexes of lists, from the outside in. */
export type Place = ReadonlyArray<PropertyKey>

/** What is wrong at a place. `known` are the keys that there may be where one is that may not. */
export interface Issue {
  readonly place: Place
  readonly problem: string
  readonly known?: ReadonlyArray<string> | undefined
}

/** The issues in the order in which they stand. */
export const issues = ({ issue }: ParseResult.ParseError): ReadonlyArray<Issue> => found(issue, [])

/** The problems in the order in which they stand, none twice. */
export const problems = (error: ParseResult.ParseError): ReadonlyArray<string> => [
  ...new Set(issues(error).map(({ place, problem }) => (place.length === 0 ? problem : `${path(place)}: ${problem}`)))
]

/** A place in words, as in `rules[2].arguments.amount`. */
export const path = (place: Place): string =>
  place
    .map((key, index) => {
      if (typeof key === "number") return `[${key}]`
      const name = String(key)
      if (!/^[^\s[\]"]+$/.test(name)) return `[${JSON.stringify(name)}]`
      return index === 0 ? name : `.${name}`
    })
    .join("")

// internal

/** `whole` is what the value belongs to, which knows the keys that there may be. */
const found = (issue: ParseResult.ParseIssue, place: Place, whole?: AST.AST): ReadonlyArray<Issue> => {
  switch (issue._tag) {
    case "Pointer":
      return found(issue.issue, [...place, ...[issue.path].flat()], whole)
    case "Unexpected":
      return [unexpected(place, keys(whole))]
    case "Missing":
      return [{ place, problem: `is missing, expected ${expected(issue.ast.type)}` }]
    case "Composite":
      return AST.isUnion(issue.ast)
        ? choice(issue.ast, [issue.issues].flat(), issue.actual, place)
        : [issue.issues].flat().flatMap((inner) => found(inner, place, issue.ast))
    case "Refinement":
      return issue.kind === "From" && !isOther(issue.issue)
        ? found(issue.issue, place)
        : [wrong(issue.ast, issue.actual, place)]
    case "Transformation":
      return found(issue.issue, place)
    default:
      return [wrong(issue.ast, issue.actual, place)]
  }
}

/** Of several shapes only the one that was meant counts: what is no such thing at all was not. */
const choice = (
  ast: AST.Union,
  issues: ReadonlyArray<ParseResult.ParseIssue>,
  actual: unknown,
  place: Place
): ReadonlyArray<Issue> => {
  const meant = issues.filter((issue) => !isOther(issue))
  const [first, ...more] = meant.map((issue) => found(issue, place)).sort((one, other) => one.length - other.length)
  return first === undefined || (more.length > 0 && !same(meant)) ? [wrong(ast, actual, place)] : first
}

/** Lists and objects go on inside, and so may be told apart by how little is wrong with them. */
const same = (issues: ReadonlyArray<ParseResult.ParseIssue>): boolean =>
  issues.every(({ _tag }) => _tag === "Composite")

/** Whether a value is another kind of thing than was expected. */
const isOther = (issue: ParseResult.ParseIssue): boolean =>
  issue._tag === "Type" ||
  (issue._tag === "Refinement" && issue.kind === "From" && isOther(issue.issue)) ||
  (issue._tag === "Composite" && AST.isUnion(issue.ast) && [issue.issues].flat().every(isOther))

const wrong = (ast: AST.AST, actual: unknown, place: Place): Issue => ({
  place,
  problem: `expected ${expected(ast)}, not ${shown(actual)}`
})

const unexpected = (place: Place, known: ReadonlyArray<string>): Issue => ({
  place,
  problem: `is unexpected, expected ${known.length === 0 ? "nothing more" : either(known)}`,
  known
})

const expected = (ast: AST.AST): string => either(alternatives(ast))

const alternatives = (ast: AST.AST): ReadonlyArray<string> => {
  switch (ast._tag) {
    case "Union":
      return ast.types.flatMap(alternatives)
    case "UndefinedKeyword":
      return []
    case "Suspend":
      return alternatives(ast.f())
    case "Transformation":
      return alternatives(ast.from)
    case "Literal":
      return [JSON.stringify(ast.literal) ?? String(ast.literal)]
    case "StringKeyword":
      return ["a text"]
    case "NumberKeyword":
      return ["a number"]
    case "BooleanKeyword":
      return ["true or false"]
    case "TupleType":
      return ["a list"]
    case "TypeLiteral":
      return [object(ast)]
    case "Refinement":
      return Option.match(AST.getDescriptionAnnotation(ast), {
        onNone: () => alternatives(ast.from),
        onSome: (description) => [description]
      })
    default:
      return [String(ast)]
  }
}

const object = ({ propertySignatures }: AST.TypeLiteral): string => {
  const names = propertySignatures.flatMap(({ isOptional, name }) => (isOptional ? [] : [String(name)]))
  return names.length === 0 ? "an object" : `an object with ${joined(names, "and")}`
}

const keys = (whole: AST.AST | undefined): ReadonlyArray<string> =>
  whole !== undefined && AST.isTypeLiteral(whole)
    ? [
        ...whole.propertySignatures.map(({ name }) => String(name)),
        ...whole.indexSignatures.flatMap(({ parameter }) => alternatives(parameter))
      ]
    : []

const either = (texts: ReadonlyArray<string>): string => joined([...new Set(texts)], "or")

const joined = (texts: ReadonlyArray<string>, word: string): string =>
  texts.length < 2 ? texts.join("") : `${texts.slice(0, -1).join(", ")} ${word} ${texts.at(-1)}`

/** On one line and short, whatever it is. */
const shown = (value: unknown): string => {
  const text = json(value)
  return text.length > 60 ? `${text.slice(0, 59)}…` : text
}

const json = (value: unknown): string => {
  try {
    return JSON.stringify(value) ?? String(value)
  } catch {
    return typeof value
  }
}
