/**
 * Regular expressions whose time grows with the text only, whatever the text is: a model writes it. They have no
 * backreferences and do not look around; all else reads as in JavaScript with the `u` flag.
 */
import * as Either from "effect/Either"

/** Whether a text has a match. */
export type Matcher = (text: string) => boolean

/** Most steps of one expression, counted repetitions written out. */
const maxSteps = 500

/** Makes the matcher of an expression, which may match anywhere in a text, or says what is wrong with it. */
export const pattern = (source: string): Either.Either<Matcher, string> => {
  try {
    new RegExp(source, "u")
  } catch {
    return Either.left("it is no valid regular expression")
  }
  return Either.flatMap(read(source), (node) =>
    sizeOf(node) > maxSteps
      ? Either.left(`it is too long: at most ${maxSteps} steps, counted repetitions written out`)
      : Either.right(matcher(compile(node)))
  )
}

type Node =
  | { readonly _tag: "Char"; readonly test: Matcher }
  | { readonly _tag: "Start" | "End" }
  | { readonly _tag: "All" | "One"; readonly nodes: ReadonlyArray<Node> }
  | { readonly _tag: "Repeat"; readonly node: Node; readonly min: number; readonly max: number | undefined }

type Step =
  | { readonly _tag: "Char"; readonly test: Matcher }
  | { readonly _tag: "Start" | "End" | "Match" }
  | { readonly _tag: "Go"; readonly to: ReadonlyArray<number> }

const tokens =
  /\\(?:[pP]\{[^}]*\}|u\{[0-9a-fA-F]+\}|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|[\s\S])|\[(?:\\[\s\S]|[^\]\\])*\]|\((?:\?(?:[:=!]|<[=!]?))?|[*+?]\??|\{\d+(?:,\d*)?\}\??|[\s\S]/gu

const read = (source: string): Either.Either<Node, string> => {
  const open: Array<Array<Array<Node>>> = [[[]]]
  for (const [token] of source.matchAll(tokens)) {
    const branches = open.at(-1) ?? []
    const nodes = branches.at(-1) ?? []
    if (/^\((?:\?[=!<])/.test(token))
      return Either.left("it looks around or names a group, which is not supported: use (…)")
    if (/^\\[bBk1-9]/.test(token)) return Either.left(`${token} is not supported`)
    if (token.startsWith("(")) open.push([[]])
    else if (token === ")") {
      open.pop()
      open.at(-1)?.at(-1)?.push(oneOf(branches))
    } else if (token === "|") branches.push([])
    else if (token === "^" || token === "$") nodes.push({ _tag: token === "^" ? "Start" : "End" })
    else if (/^(?:[*+?]|\{\d)/.test(token)) {
      const node = nodes.pop()
      if (node !== undefined) nodes.push({ _tag: "Repeat", node, ...timesOf(token) })
    } else nodes.push({ _tag: "Char", test: charOf(token) })
  }
  return Either.right(oneOf(open[0] ?? []))
}

const oneOf = (branches: ReadonlyArray<ReadonlyArray<Node>>): Node => ({
  _tag: "One",
  nodes: branches.map((nodes) => ({ _tag: "All", nodes }))
})

const timesOf = (token: string): { readonly min: number; readonly max: number | undefined } => {
  if (token.startsWith("*")) return { min: 0, max: undefined }
  if (token.startsWith("+")) return { min: 1, max: undefined }
  if (token.startsWith("?")) return { min: 0, max: 1 }
  const [, min = "0", comma, max] = /^\{(\d+)(,)?(\d*)/.exec(token) ?? []
  return { min: Number(min), max: comma === undefined ? Number(min) : max === "" ? undefined : Number(max) }
}

/** One character, a class or an escape, all of which the language's own expressions test in no time. */
const charOf = (token: string): Matcher => {
  if (token !== "." && !/^[\\[]/.test(token)) return (char) => char === token
  const expression = new RegExp(`^${token}$`, "u")
  // Most characters are of these; what the expression says of them is asked once.
  const usual = Array.from({ length: 128 }, (_, code) => expression.test(String.fromCharCode(code)))
  return (char) => usual[char.length === 1 ? char.charCodeAt(0) : 128] ?? expression.test(char)
}

const sizeOf = (node: Node): number => {
  switch (node._tag) {
    case "All":
    case "One":
      return node.nodes.reduce((sum, inner) => sum + sizeOf(inner), 1)
    case "Repeat":
      return 2 + sizeOf(node.node) * Math.max(1, node.min + 1, node.max ?? 0)
    default:
      return 1
  }
}

const compile = (node: Node): ReadonlyArray<Step> => {
  const steps: Array<Step> = []
  const write = (node: Node): void => {
    switch (node._tag) {
      case "All":
        for (const inner of node.nodes) write(inner)
        return
      case "One": {
        const fork = steps.push({ _tag: "Go", to: [] }) - 1
        const starts: Array<number> = []
        const ends: Array<number> = []
        for (const branch of node.nodes) {
          starts.push(steps.length)
          write(branch)
          ends.push(steps.push({ _tag: "Go", to: [] }) - 1)
        }
        steps[fork] = { _tag: "Go", to: starts }
        for (const end of ends) steps[end] = { _tag: "Go", to: [steps.length] }
        return
      }
      case "Repeat": {
        for (let times = 0; times < node.min; times++) write(node.node)
        const optional = node.max === undefined ? 1 : node.max - node.min
        const forks: Array<number> = []
        for (let times = 0; times < optional; times++) {
          forks.push(steps.push({ _tag: "Go", to: [] }) - 1)
          write(node.node)
        }
        const [again] = forks
        if (node.max === undefined && again !== undefined) steps.push({ _tag: "Go", to: [again] })
        for (const fork of forks) steps[fork] = { _tag: "Go", to: [fork + 1, steps.length] }
        return
      }
      default:
        steps.push(node)
    }
  }
  write(node)
  steps.push({ _tag: "Match" })
  return steps
}

/** Follows all ways through the steps at once, each at most once per character. */
const matcher =
  (steps: ReadonlyArray<Step>): Matcher =>
  (text) => {
    const final = steps.length - 1
    /** For each step the character before which it was last reached, from 1. */
    const reached = new Uint32Array(steps.length)
    let position = 0
    let ways: Array<number> = [0]
    let next: Array<number> = []
    for (let from = 0, char = ""; from <= text.length; from += char.length || 1) {
      char = from < text.length ? String.fromCodePoint(text.codePointAt(from) ?? 0) : ""
      const isStart = position === 0
      position++
      const waiting = ways
      next.push(0)
      for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
        if (reached[at] === position) continue
        reached[at] = position
        const step = steps[at]
        if (step?._tag === "Go") for (const to of step.to) waiting.push(to)
        else if (step?._tag === "Start" ? isStart : step?._tag === "End" && char === "") waiting.push(at + 1)
        else if (step?._tag === "Char" && char !== "" && step.test(char)) next.push(at + 1)
      }
      if (reached[final] === position) return true
      // What waited is used up, and becomes the next.
      ways = next
      next = waiting
    }
    return false
  }
