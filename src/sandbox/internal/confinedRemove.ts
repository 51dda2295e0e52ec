/**
 * Removes files, links and folders by name, and never what a link leads to.
 *
 * A tree is gone through with two handles, however deep it is: the way back up leads through `..`, which has to be the very
 * folder that was left. What is another file system, or a root, stays, and the removal with it.
 */
import * as Fs from "node:fs"
import * as Effect from "effect/Effect"
import type { Service } from "../Sandbox.ts"
import type { Handle } from "./confinedHandles.ts"
import { child, identityOf, lookedAt, namesIn } from "./confinedHandles.ts"
import { joined, native } from "./confinedNames.ts"
import { attempt, codeOf, denied, refused } from "./confinedReasons.ts"
import { pause, sliceFiles } from "./confinedSlices.ts"
import type { World } from "./confinedWalk.ts"
import { startsWith, walk } from "./confinedWalk.ts"

export const remove =
  (world: World): Service["remove"] =>
  (path, { recursive = false } = {}) =>
    Effect.acquireUseRelease(
      attempt("remove", path, () => begin(world, path, recursive)),
      (tree) =>
        tree === undefined
          ? Effect.void
          : Effect.suspend(() => {
              let left = true
              return Effect.whileLoop({
                while: () => left,
                body: () =>
                  Effect.zipRight(
                    pause,
                    attempt("remove", path, () => slice(tree))
                  ),
                step: (more) => {
                  left = more
                }
              })
            }),
      (tree) => Effect.sync(() => tree?.handle.close())
    )

// internal

/** A tree that is being removed. */
interface Tree {
  readonly world: World
  readonly device: bigint
  /** From the folder that the tree is in to the one that is being emptied. */
  readonly levels: Array<Level>
  /** Of the last of them. */
  handle: Handle
}

interface Level {
  readonly name: string
  readonly identity: string
  /** What is left to be removed of what it holds. */
  readonly names: Array<string>
}

/** Answers what is not removed yet. */
const begin = (world: World, path: string, recursive: boolean): Tree | undefined => {
  const target = walk(world, path, { keepLink: true })
  try {
    const [name] = target.names
    const { handle, parent } = target
    if (name === undefined || handle === undefined || parent === undefined)
      throw denied("it is a folder of the sandbox itself")
    if (!target.root.writable) throw denied(`${joined(target.root.at)} may only be read`)
    const place = native(child(parent, name))
    if (!handle.stat.isDirectory()) {
      Fs.unlinkSync(place)
      return undefined
    }
    if (world.places.some(({ at }) => startsWith(at, target.at)))
      throw denied("it holds a folder of the sandbox itself")
    if (recursive) return treeOf(world, parent, name)
    Fs.rmdirSync(place)
    return undefined
  } finally {
    target.close()
  }
}

const treeOf = (world: World, parent: Handle, name: string): Tree | undefined => {
  const level = { name: "", identity: identityOf(parent.stat), names: [name] }
  const tree = { world, device: parent.stat.dev, levels: [level], handle: world.handles.again(parent) }
  try {
    if (slice(tree)) return tree
  } catch (cause) {
    tree.handle.close()
    throw cause
  }
  tree.handle.close()
  return undefined
}

/** Removes some of it, and answers whether there is more. */
const slice = (tree: Tree): boolean => {
  for (let files = 0; files < sliceFiles; files++) {
    const level = tree.levels.at(-1)
    const name = level?.names.pop()
    if (name !== undefined) below(tree, name)
    else if (!above(tree)) return false
  }
  return true
}

/** Removes what is no folder, and enters what is one. */
const below = (tree: Tree, name: string): void => {
  const path = child(tree.handle, name)
  const stat = lookedAt(path)
  if (stat === undefined) return
  if (!stat.isDirectory()) {
    unlessGone(() => Fs.unlinkSync(native(path)))
    return
  }
  const folder = tree.world.handles.open(path)
  try {
    if (!folder.stat.isDirectory()) throw refused("Changed")
    const identity = identityOf(folder.stat)
    if (folder.stat.dev !== tree.device) throw denied(`another file system is mounted at ${name} in it`)
    if (tree.world.roots.some(({ handle }) => identityOf(handle.stat) === identity)) {
      throw denied("it holds a folder of the sandbox itself")
    }
    tree.levels.push({ name, identity, names: [...namesIn(folder)] })
  } catch (cause) {
    folder.close()
    throw cause
  }
  tree.handle.close()
  tree.handle = folder
}

/** Leaves the folder that is empty and removes it. False where there is none any more. */
const above = (tree: Tree): boolean => {
  const level = tree.levels.pop()
  const parent = tree.levels.at(-1)
  if (level === undefined || parent === undefined) return false
  const folder = tree.world.handles.up(tree.handle)
  tree.handle.close()
  tree.handle = folder
  if (identityOf(folder.stat) !== parent.identity) throw refused("Changed")
  unlessGone(() => Fs.rmdirSync(native(child(folder, level.name))))
  return true
}

/** Somebody else may have removed it meanwhile. */
const unlessGone = (body: () => void): void => {
  try {
    body()
  } catch (cause) {
    if (codeOf(cause) !== "ENOENT") throw cause
  }
}
