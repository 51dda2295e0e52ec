/**
 * Follows the paths in the arguments of a call to where they lead, and finds what may be a path besides.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fields from "./argumentFields.ts"
import * as Paths from "./paths.ts"

export type Use = "read" | "write" | "entry" | "folder" | "none"

/** A folder, without links on its way, and what may be done in it. */
export interface Root {
  readonly path: string
  readonly access: "read" | "write" | "none"
}

export interface Setup {
  readonly system: Paths.System
  readonly base: string
  /** The innermost first. */
  readonly roots: ReadonlyArray<Root>
  readonly tools: ReadonlyMap<string, ReadonlyArray<readonly [field: string, use: Use]>>
}

/** A path that a call wants, without links, and the folder that an answer would be about. */
export interface Want {
  readonly access: "read" | "write"
  readonly path: string
  readonly folder: string
}

/** `input` is the call's own when every path in it was written as it was judged. */
export type Judgement =
  | { readonly _tag: "Wrong"; readonly problem: string }
  | {
      readonly _tag: "Judged"
      readonly input: unknown
      readonly wants: ReadonlyArray<Want>
      readonly unclear: ReadonlyArray<string>
    }

/** Follows every path of a call, and finds what may be one besides. */
export const judged = (setup: Setup, tool: string, input: unknown): Effect.Effect<Judgement> =>
  Effect.suspend(() => {
    const declared = setup.tools.get(tool)
    const found = Fields.leaves(input).map((leaf) => ({
      ...leaf,
      field: leaf.keys.join("."),
      use: declared?.find(([field]) => Fields.within(field, leaf.keys))?.[1]
    }))
    const unclear = found.filter(({ use, ...leaf }) => mayBePath(leaf, use, declared !== undefined))
    const paths = found.filter(({ use, value }) => use !== undefined && use !== "none" && (value ?? null) !== null)
    const open = distinct(unclear.map(({ field }) => field))
    return paths.length === 0
      ? Effect.succeed({ _tag: "Judged", input, wants: [], unclear: open })
      : followed(setup, input, paths, open)
  })

interface Leaf extends Fields.Leaf {
  readonly field: string
  readonly use: Use | undefined
}

const followed = (
  setup: Setup,
  input: unknown,
  paths: ReadonlyArray<Leaf>,
  unclear: ReadonlyArray<string>
): Effect.Effect<Judgement> =>
  Effect.gen(function* () {
    // Folders come first: the paths beside them may begin there.
    let from = setup.base
    const results: Array<Want & Fields.Leaf> = []
    for (const leaf of [
      ...paths.filter(({ use }) => use === "folder"),
      ...paths.filter(({ use }) => use !== "folder")
    ]) {
      const want = yield* Effect.either(follow(setup, leaf.use === "folder" ? setup.base : from, leaf.value, leaf.use))
      if (Either.isLeft(want)) return { _tag: "Wrong", problem: `${leaf.field} is refused: ${want.left}` }
      if (leaf.use === "folder") from = want.right.path
      results.push({ ...want.right, keys: leaf.keys, value: leaf.value })
    }
    const changes = results.filter(({ path, value }) => path !== value)
    return {
      _tag: "Judged",
      input: Fields.replaced(
        input,
        changes.map(({ keys, path }) => ({ keys, value: path }))
      ),
      wants: results,
      unclear
    }
  })

/** Whether an argument that is not declared may be a path: by its name, and of unknown tools also by its value. */
const mayBePath = (leaf: Fields.Leaf, use: Use | undefined, declared: boolean): boolean => {
  if (leaf.keys.some(Paths.looksLikePath)) return true
  if (use !== undefined || typeof leaf.value !== "string" || leaf.value === "") return false
  return (
    pathWords.has(Fields.words(Fields.nameOf(leaf.keys)).at(-1) ?? "") || (!declared && Paths.looksLikePath(leaf.value))
  )
}

const follow = (setup: Setup, from: string, value: unknown, use: Use | undefined): Effect.Effect<Want, string> =>
  Effect.gen(function* () {
    if (typeof value !== "string") return yield* Effect.fail("a path is a text")
    const { files, path } = setup.system
    const plain = yield* Paths.spelled(setup.system, value)
    const target = yield* Paths.resolved(setup.system, from, plain, use !== "entry")
    const access = use === "read" ? "read" : "write"
    const parent = path.dirname(target)
    const root = rootAccess(setup, target)
    if (root === "none" || root === "write" || root === access) return { access, path: target, folder: parent }
    const isFolder =
      use === "folder" ||
      (yield* Effect.orElseSucceed(
        Effect.map(files.stat(target), ({ type }) => type === "Directory"),
        (): boolean => false
      ))
    return { access, path: target, folder: isFolder || path.dirname(parent) === parent ? target : parent }
  })

/** What the innermost root that holds a path says. Forbidden roots hold it under every spelling. */
export const rootAccess = ({ roots, system: { path } }: Setup, file: string): Root["access"] | undefined => {
  const spelling = path.sep === "\\" ? Paths.folded : (text: string) => text
  return roots.find((root) =>
    root.access === "none"
      ? Paths.isInside(path, Paths.folded(root.path), Paths.folded(file))
      : Paths.isInside(path, spelling(root.path), spelling(file))
  )?.access
}

const pathWords = new Set(
  "path paths file files filename filenames filepath filepaths dir dirs directory directories folder folders cwd workdir"
    .split(" ")
    .concat(["pathname", "dirname", "rootdir", "workspace", "worktree"])
)

export const distinct = (texts: ReadonlyArray<string>): ReadonlyArray<string> => [...new Set(texts)]
