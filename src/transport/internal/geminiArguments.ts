/**
 * Arguments of a call that arrive as pieces of values under JSON paths. They are written down as JSON while they come, as
 * long as they come in order; whatever the order, the whole is right at the end.
 */
import type { Json } from "./json.ts"
import { arrayOf, isJson, textOf } from "./json.ts"

type Segment = string | number

/** An object or an array. Maps keep the order in which the model wrote, also of names that are numbers. */
interface Branch {
  readonly isArray: boolean
  readonly children: Map<Segment, Branch | Leaf>
}

interface Leaf {
  value: unknown
}

/**
 * The arguments of one call.
 *
 * @category models
 * @since 0.1.0
 */
export class Arguments {
  private readonly root: Branch = { isArray: false, children: new Map() }
  /** The way to the value written last; what is on it can still grow. */
  private path: ReadonlyArray<Segment> = []
  private leaf: Leaf | undefined
  private written = 0
  /** A value came that belongs before what is written: nothing more is written until the end. */
  private outOfOrder = false

  /** Takes the pieces of one fragment, and gives what they add to the JSON text, often nothing. */
  push(pieces: unknown): string {
    let delta = ""
    for (const piece of arrayOf(pieces)) if (isJson(piece)) delta += this.piece(piece)
    if (this.outOfOrder) return ""
    this.written += delta.length
    return delta
  }

  /** The whole JSON text, and what of it was not written yet. */
  end(): { readonly text: string; readonly rest: string } {
    const text = textOfBranch(this.root)
    return { text, rest: this.outOfOrder ? "" : text.slice(this.written) }
  }

  private piece(piece: Json): string {
    const path = segmentsOf(textOf(piece["jsonPath"]) ?? "")
    const value = valueOf(piece)
    if (path.length === 0 || value === undefined) return ""
    const { leaf } = this
    if (leaf !== undefined && isSame(path, this.path)) {
      if (typeof leaf.value === "string" && typeof value === "string") {
        leaf.value += value
        return JSON.stringify(value).slice(1, -1)
      }
      leaf.value = value
      this.outOfOrder = true
      return ""
    }
    const delta = this.turnTo(path, value)
    this.path = path
    return delta
  }

  /** Puts a value in its place, and gives the text between the value before and the end of this one. */
  private turnTo(path: ReadonlyArray<Segment>, value: unknown): string {
    const before = this.path
    let common = 0
    while (common < path.length - 1 && common < before.length - 1 && path[common] === before[common]) common++
    let delta = this.leaf === undefined ? "{" : this.close(common)
    let branch = this.root
    for (let depth = 0; depth < path.length; depth++) {
      const segment = path[depth] ?? ""
      const isLast = depth === path.length - 1
      const known = branch.children.get(segment)
      const isOpen = known !== undefined && depth < common && !isLast
      if (known !== undefined && !isOpen) this.outOfOrder = true
      if (branch.isArray && known === undefined && segment !== branch.children.size) this.outOfOrder = true
      if (!isOpen) {
        if (branch.children.size > 0) delta += ","
        if (!branch.isArray) delta += `${JSON.stringify(String(segment))}:`
      }
      if (isLast) {
        this.leaf = { value: joined(known, value) }
        branch.children.set(segment, this.leaf)
        return delta + (typeof value === "string" ? JSON.stringify(value).slice(0, -1) : JSON.stringify(value))
      }
      const isArray = typeof path[depth + 1] === "number"
      if (known !== undefined && "children" in known && known.isArray === isArray) branch = known
      else {
        const made: Branch = { isArray, children: new Map() }
        branch.children.set(segment, made)
        delta += isArray ? "[" : "{"
        branch = made
      }
    }
    return delta
  }

  /** The end of the value written last, and of everything on the way to it below this depth. */
  private close(common: number): string {
    let delta = typeof this.leaf?.value === "string" ? `"` : ""
    for (let depth = this.path.length - 1; depth > common; depth--) {
      delta += typeof this.path[depth] === "number" ? "]" : "}"
    }
    return delta
  }
}

// internal

const step = /\.([^.[\]]+)|\[(\d+)\]|\['((?:[^'\\]|\\.)*)'\]|\["((?:[^"\\]|\\.)*)"\]/g

/** The steps of a path such as `$.a.b[0]['c d']`. */
const segmentsOf = (path: string): ReadonlyArray<Segment> =>
  Array.from(path.matchAll(step), ([, name, index, single, double]) =>
    index !== undefined ? Number(index) : (name ?? (single ?? double ?? "").replace(/\\(.)/g, "$1"))
  )

const isSame = (left: ReadonlyArray<Segment>, right: ReadonlyArray<Segment>): boolean =>
  left.length === right.length && left.every((segment, index) => segment === right[index])

const valueOf = (piece: Json): unknown =>
  piece["stringValue"] ?? piece["numberValue"] ?? piece["boolValue"] ?? ("nullValue" in piece ? null : undefined)

const joined = (known: Branch | Leaf | undefined, value: unknown): unknown =>
  known !== undefined && "value" in known && typeof known.value === "string" && typeof value === "string"
    ? known.value + value
    : value

const textOfBranch = ({ children, isArray }: Branch): string => {
  const text = (child: Branch | Leaf | undefined): string =>
    child === undefined ? "null" : "children" in child ? textOfBranch(child) : JSON.stringify(child.value)
  if (!isArray) {
    return `{${Array.from(children, ([name, child]) => `${JSON.stringify(String(name))}:${text(child)}`).join(",")}}`
  }
  const indexes = [...children.keys()].filter((index) => typeof index === "number")
  const length = Math.min(
    indexes.reduce((most, index) => Math.max(most, index + 1), 0),
    children.size * 2 + 16
  )
  return `[${Array.from({ length }, (_, index) => text(children.get(index))).join(",")}]`
}
