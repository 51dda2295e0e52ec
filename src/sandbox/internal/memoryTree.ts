/**
 * A tree of folders and files in memory.
 */
import type { FileInfo } from "../Sandbox.ts"
import { refused } from "./confinedReasons.ts"

export interface File {
  readonly kind: "file"
  readonly bytes: Uint8Array
  readonly modifiedMillis: number
  readonly mode: number
}

export interface Folder {
  readonly kind: "folder"
  readonly entries: Map<string, Node>
  readonly modifiedMillis: number
  readonly mode: number
}

export type Node = File | Folder

type Names = ReadonlyArray<string>

export const emptyFolder = (modifiedMillis: number): Folder => ({
  kind: "folder",
  entries: new Map(),
  modifiedMillis,
  mode: 0o755
})

/** What is there; fails when the way leads through a file. */
export const at = (top: Folder, names: Names): Node | undefined => {
  let node: Node | undefined = top
  for (const name of names) {
    if (node === undefined) return undefined
    if (node.kind === "file") throw refused("NotFolder")
    node = node.entries.get(name)
  }
  return node
}

/** Puts something there, and makes the folders on its way, which are told. */
export const put = (top: Folder, names: Names, node: Node, made: (names: Names) => void = () => {}): void => {
  let folder = top
  names.slice(0, -1).forEach((name, index) => {
    const next: Node = folder.entries.get(name) ?? emptyFolder(node.modifiedMillis)
    if (next.kind === "file") throw refused("NotFolder")
    if (!folder.entries.has(name)) {
      folder.entries.set(name, next)
      made(names.slice(0, index + 1))
    }
    folder = next
  })
  const name = names.at(-1)
  if (name !== undefined) folder.entries.set(name, node)
}

/** Takes away what is there, and tells of all that was in it, the innermost first. */
export const take = (top: Folder, names: Names, taken: (names: Names) => void): void => {
  const folder = at(top, names.slice(0, -1))
  const node = at(top, names)
  if (folder?.kind !== "folder" || node === undefined) return
  if (node.kind === "folder") for (const name of [...node.entries.keys()]) take(top, [...names, name], taken)
  folder.entries.delete(names.at(-1) ?? "")
  taken(names)
}

export const infoOf = (path: string, node: Node): FileInfo => ({
  path,
  kind: node.kind,
  size: node.kind === "file" ? node.bytes.length : 0,
  modifiedMillis: node.modifiedMillis,
  mode: node.mode,
  version: versionOf(node)
})

// internal

/** Every content is a value of its own, so that each can have a number. */
const versions = new WeakMap<Node, string>()
let last = 0

const versionOf = (node: Node): string => {
  const known = versions.get(node)
  if (known !== undefined) return known
  const version = `v${++last}`
  versions.set(node, version)
  return version
}
