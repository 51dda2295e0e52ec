/**
 * Folders as values: the texts of a folder by their paths, what differs between two of them, and what becomes of one when
 * the work of somebody else is merged into it. Only reading and writing touch the disk.
 */
import { FileSystem } from "@effect/platform"
import { Effect, Either } from "effect"

export type Tree = ReadonlyMap<string, string>

/** All files of a folder. One that is not there has none. */
export const read = (folder: string) =>
  Effect.gen(function* () {
    const files = yield* FileSystem.FileSystem
    const names = (yield* files.exists(folder)) ? yield* files.readDirectory(folder, { recursive: true }) : []
    const tree = new Map<string, string>()
    for (const name of Array.from(names).sort()) {
      if ((yield* files.stat(`${folder}/${name}`)).type === "File") {
        tree.set(name, yield* files.readFileString(`${folder}/${name}`))
      }
    }
    return tree
  })

/** Writes these files, each at once: whoever reads meanwhile, or after a crash, has the old or the new one. */
export const write = (folder: string, tree: Tree) =>
  Effect.gen(function* () {
    const files = yield* FileSystem.FileSystem
    for (const [name, text] of tree) {
      const target = `${folder}/${name}`
      yield* files.makeDirectory(target.slice(0, target.lastIndexOf("/")), { recursive: true })
      yield* files.writeFileString(`${target}.new`, text)
      yield* files.rename(`${target}.new`, target)
    }
  })

/** The files that are new or have another text. */
export const changed = (from: Tree, to: Tree): Tree =>
  new Map([...to].filter(([name, text]) => from.get(name) !== text))

// #region merge
/** What to write into `main`, or which files somebody else has changed since `base`. Merging twice changes nothing. */
export const merge = (main: Tree, base: Tree, branch: Tree): Either.Either<Tree, ReadonlyArray<string>> => {
  const mine = changed(base, branch)
  const conflicts = [...mine].flatMap(([name, text]) =>
    main.get(name) === base.get(name) || main.get(name) === text ? [] : [name]
  )
  return conflicts.length > 0 ? Either.left(conflicts) : Either.right(changed(main, mine))
}
// #endregion

/** Two folders as people compare them: `+` is new, `~` is changed. */
export const diff = (from: Tree, to: Tree): ReadonlyArray<string> =>
  [...changed(from, to)].map(([name, text]) => `${from.has(name) ? "~" : "+"} ${name}: ${text.trim()}`)
