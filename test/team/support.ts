/** Folders of files for the tests of teams, on a real file system. */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Team from "../../src/team/Team.ts"
import * as TeamError from "../../src/team/TeamError.ts"

export type Contents = Readonly<Record<string, string | Uint8Array>>

/** A new folder with these files. Those of folders inside have slashes in their names. */
export const folder = (contents: Contents) =>
  Effect.gen(function* () {
    const files = yield* FileSystem.FileSystem
    const paths = yield* Path.Path
    const root = yield* files.makeTempDirectoryScoped()
    yield* write(root, contents, files, paths)
    return root
  })

const write = (root: string, contents: Contents, files: FileSystem.FileSystem, paths: Path.Path) =>
  Effect.forEach(
    Object.entries(contents),
    ([name, content]) =>
      Effect.gen(function* () {
        const path = paths.join(root, name)
        yield* files.makeDirectory(paths.dirname(path), { recursive: true })
        yield* typeof content === "string" ? files.writeFileString(path, content) : files.writeFile(path, content)
      }),
    { discard: true, concurrency: 16 }
  )

/** What reading these folders gives; its problems or warnings as lines without the folder. */
export const read = (contents: Contents | ReadonlyArray<Contents>, known?: Team.Known) =>
  Effect.gen(function* () {
    const folders = yield* Effect.forEach([contents].flat(), folder)
    const result = yield* Effect.either(Team.read(folders, known))
    const lines = (problems: ReadonlyArray<TeamError.Problem>): ReadonlyArray<string> =>
      problems.map((problem) =>
        folders.reduce((line, root, index) => {
          const name = folders.length === 1 ? "" : `${index + 1}/`
          return line.replaceAll(`${root}/`, name).replaceAll(root, name === "" ? "." : `${index + 1}`)
        }, TeamError.render(problem))
      )
    return Either.match(result, {
      onLeft: ({ problems }) => ({ problems: lines(problems), warnings: [], spec: undefined }),
      onRight: (spec) => ({ problems: [], warnings: lines(spec.warnings), spec })
    })
  })
