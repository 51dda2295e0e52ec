/**
 * Branches: each attempt at an item has a folder of its own with a copy of the project to work in, and another copy to tell
 * later what was changed. What a worker left that died stays, and is in nobody's way.
 */
import { Effect } from "effect"
import * as Tree from "./tree.ts"

/** Begins a branch of the project as it is now, and answers the folder to work in. */
export const open = (folder: string, name: string) =>
  Effect.gen(function* () {
    const main = yield* Tree.read(`${folder}/main`)
    const branch = `${folder}/work/${name}`
    yield* Tree.write(`${branch}.base`, main)
    yield* Tree.write(branch, main)
    return branch
  })

/** A branch: what it began with, and what it is now. */
export const read = (folder: string, name: string) =>
  Effect.all([Tree.read(`${folder}/work/${name}.base`), Tree.read(`${folder}/work/${name}`)])
