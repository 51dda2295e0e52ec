/**
 * From a path to the file that it names, and to nothing outside of the roots.
 *
 * The roots are a small tree of their own: folders of the host, each at a place where commands see it. A path is walked name
 * by name from a root's handle; no name is ever followed by the system. Links are read and walked here, at most 40 of them,
 * as if nothing but the roots existed. `..` starts anew from the root, because a folder may have been moved meanwhile.
 */
import * as Fs from "node:fs"
import type { Handle, Handles } from "./confinedHandles.ts"
import { child, identityOf, lookedAt } from "./confinedHandles.ts"
import { decoded, joined, namesOf, native, parsed } from "./confinedNames.ts"
import { codeOf, denied, invalid, Refused, refused } from "./confinedReasons.ts"

type Names = ReadonlyArray<string>

export interface Root {
  /** Where it is on the host, through no link. */
  readonly host: string
  /** Where commands see it. */
  readonly at: Names
  readonly writable: boolean
  readonly handle: Handle
}

export interface Place {
  readonly at: Names
  readonly root: Root
}

export interface World {
  readonly handles: Handles
  readonly roots: ReadonlyArray<Root>
  /** All places where a root is seen, of which it may have several. */
  readonly places: ReadonlyArray<Place>
  /** Where relative paths begin. */
  readonly folder: Names
  /** Over when the handles of the roots are closed, whose numbers may be those of other folders then. */
  readonly life: { isOver: boolean }
}

/** What a path leads to. Whoever asked closes it. */
export interface Target {
  readonly root: Root
  /** The names that lead there, through no link. */
  readonly at: Names
  /** What is there; undefined when nothing is. */
  readonly handle: Handle | undefined
  /** The folder that it is in; of what is missing, the last one that there is. Undefined for a root. */
  readonly parent: Handle | undefined
  /** Its name in that folder; of what is missing, the names from there on. */
  readonly names: Names
  /** It was asked for as only a folder is. */
  readonly folder: boolean
  readonly close: () => void
}

export interface WalkOptions {
  /** A link at the end is the target, not what it leads to. */
  readonly keepLink?: boolean | undefined
  /** Names at the end may be missing. */
  readonly mayMiss?: boolean | undefined
}

export const walk = (world: World, path: string, options: WalkOptions = {}): Target => {
  if (world.life.isOver) throw new Refused({ _tag: "Unavailable", problem: "the sandbox has been closed" })
  const { absolute, folder, names } = parsed(path)
  const way: Way = { world, options, folder, at: [], todo: [], missing: [], links: 0 }
  try {
    start(way, [], absolute ? names : [...world.folder, ...names])
    for (let walked = 0; walked <= most.names; walked++) {
      const name = way.todo.pop()
      if (name === undefined) return targetOf(way)
      if (name === "..") up(way)
      else down(way, name)
    }
    throw invalid(`the path and its links have more than ${most.names} names`)
  } catch (cause) {
    close(way)
    throw cause
  }
}

export const startsWith = (names: Names, start: Names): boolean =>
  start.length <= names.length && start.every((name, index) => names[index] === name)

// internal

const most = { links: 40, names: 10_000 } as const

/** Where a walk is. It holds three handles of its own at most. */
interface Way {
  readonly world: World
  readonly options: WalkOptions
  at: Names
  /** What is still to be walked, last name first. */
  readonly todo: Array<string>
  readonly missing: Array<string>
  folder: boolean
  links: number
  /** The root that it is in; none while it is above all of them. */
  root?: Root | undefined
  parent?: Handle | undefined
  here?: Handle | undefined
  /** What is no folder, and ends it. */
  end?: Handle | undefined
}

const outside = (names: Names): Refused => denied(`${joined(names)} is outside of the sandbox`)

const close = (way: Way): void => {
  for (const handle of [way.parent, way.here, way.end]) {
    if (handle !== undefined && handle !== way.root?.handle) handle.close()
  }
  way.parent = undefined
  way.here = undefined
  way.end = undefined
}

/** Begins at the top again, for a place and what comes after it. */
const start = (way: Way, at: Names, rest: Names = []): void => {
  const { places } = way.world
  close(way)
  const place = places.reduce<Place | undefined>(
    (best, one) => (startsWith(at, one.at) && one.at.length >= (best?.at.length ?? 0) ? one : best),
    undefined
  )
  if (place === undefined && !places.some((one) => startsWith(one.at, at))) throw outside(at)
  if (place !== undefined) assertThere(place.root)
  way.todo.push(...[...(place === undefined ? [] : at.slice(place.at.length)), ...rest].reverse())
  way.root = place?.root
  way.here = place?.root.handle
  way.at = place?.root.at ?? at
}

const up = (way: Way): void => {
  if (way.missing.length > 0) way.missing.pop()
  else start(way, way.at.slice(0, -1))
}

const down = (way: Way, name: string): void => {
  const at = [...way.at, name]
  if (way.missing.length > 0) way.missing.push(name)
  else if (way.here === undefined || way.world.places.some((place) => isAt(place, at))) start(way, at)
  else {
    const path = child(way.here, name)
    const handle = opened(way, path)
    if (handle === undefined) way.missing.push(name)
    else if (handle.stat.isDirectory()) into(way, handle, at)
    else if (handle.stat.isSymbolicLink() && !(way.options.keepLink === true && isEnd(way))) {
      handle.close()
      follow(way, name, path)
    } else {
      way.end = handle
      way.at = at
      if (!isEnd(way)) throw refused("NotFolder")
    }
  }
}

const isAt = (place: Place, at: Names): boolean => place.at.length === at.length && startsWith(at, place.at)

const isEnd = (way: Way): boolean => way.todo.length === 0 && !way.folder

/** A handle of what is there; nothing where there is nothing and that may be. */
const opened = (way: Way, path: string): Handle | undefined => {
  try {
    return way.world.handles.open(path)
  } catch (cause) {
    if (codeOf(cause) === "ENOENT" && way.options.mayMiss === true) return undefined
    throw cause
  }
}

const into = (way: Way, handle: Handle, at: Names): void => {
  const { roots } = way.world
  // Another name of a root, as where case does not count, gives no other rights.
  const root =
    roots.length === 1 ? undefined : roots.find((one) => identityOf(one.handle.stat) === identityOf(handle.stat))
  if (root !== undefined) {
    handle.close()
    start(way, root.at)
    return
  }
  if (way.parent !== way.root?.handle) way.parent?.close()
  way.parent = way.here
  way.here = handle
  way.at = at
}

const follow = (way: Way, name: string, path: string): void => {
  if (++way.links > most.links) throw invalid(`its links lead in a circle, or there are more than ${most.links}`)
  const text = linkText(path)
  if (text === undefined) {
    way.todo.push(name)
    return
  }
  if (way.todo.length === 0 && /(^|\/)\.{0,2}$/.test(text)) way.folder = true
  const names = namesOf(text)
  if (text.startsWith("/")) start(way, [], names)
  else way.todo.push(...[...names].reverse())
}

/** Nothing when it is no link any more. */
const linkText = (path: string): string | undefined => {
  try {
    return decoded(Fs.readlinkSync(native(path), { encoding: "buffer" }))
  } catch (cause) {
    if (codeOf(cause) === "EINVAL") return undefined
    throw cause
  }
}

const targetOf = (way: Way): Target => {
  const { at, end, folder, here, missing, parent, root } = way
  if (here === undefined || root === undefined) throw outside(at)
  const target = { root, folder, close: () => close(way) }
  if (missing.length > 0) return { ...target, at: [...at, ...missing], handle: undefined, parent: here, names: missing }
  const names = at.slice(-1)
  return end === undefined
    ? { ...target, at, handle: here, parent, names }
    : { ...target, at, handle: end, parent: here, names }
}

/** Fails when the host has something else where a root was. */
const assertThere = (root: Root): void => {
  const stat = lookedAt(root.host)
  if (stat !== undefined && identityOf(stat) === identityOf(root.handle.stat)) return
  throw new Refused({
    _tag: "Unavailable",
    problem: `the folder ${root.host} has been removed or replaced since the sandbox was made; make the sandbox anew`
  })
}
