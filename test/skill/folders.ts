/** Real folders of skills: a project and a home below a temporary folder that has no links on its way. */
import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import type * as Path from "@effect/platform/Path"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import type * as Scope from "effect/Scope"
import type * as Skills from "../../src/skill/Skills.ts"

/** The text of a `SKILL.md`. */
export const skillText = (name: string, description = `About ${name}`, body = `How to ${name}.`, more = ""): string =>
  `---\nname: ${name}\ndescription: ${description}\n${more}---\n${body}\n`

export interface World {
  readonly root: string
  readonly project: string
  readonly home: string
  readonly options: Skills.Options
  readonly files: FileSystem.FileSystem
  /** Writes a file below the root, with its folders. */
  readonly write: (path: string, text: string) => Effect.Effect<void>
  /** Writes a skill into a folder below the root. */
  readonly skill: (folder: string, name: string, ...text: TextOf) => Effect.Effect<void>
  /** Has a file or folder last changed long ago, so that its time tells whether it changes again. */
  readonly age: (path: string, seconds: number) => Effect.Effect<void>
  readonly link: (target: string, path: string) => Effect.Effect<void>
  readonly remove: (path: string) => Effect.Effect<void>
}

type TextOf = Parameters<typeof skillText> extends [string, ...infer Rest] ? Rest : never

export const world: Effect.Effect<World, PlatformError, FileSystem.FileSystem | Scope.Scope> = Effect.gen(function* () {
  const files = yield* FileSystem.FileSystem
  const root = yield* Effect.flatMap(files.makeTempDirectoryScoped(), files.realPath)
  yield* files.makeDirectory(`${root}/project`)
  yield* files.makeDirectory(`${root}/home`)
  const within = (path: string) => `${root}/${path.slice(0, path.lastIndexOf("/"))}`
  const write = (path: string, text: string) =>
    Effect.orDie(
      Effect.zipRight(
        files.makeDirectory(within(path), { recursive: true }),
        files.writeFileString(`${root}/${path}`, text)
      )
    )
  return {
    root,
    project: `${root}/project`,
    home: `${root}/home`,
    options: { project: `${root}/project`, home: `${root}/home` },
    files,
    write,
    skill: (folder, name, ...text) => write(`${folder}/${name}/SKILL.md`, skillText(name, ...text)),
    age: (path, seconds) => Effect.orDie(files.utimes(`${root}/${path}`, seconds, seconds)),
    link: (target, path) =>
      Effect.orDie(
        Effect.zipRight(
          files.makeDirectory(within(path), { recursive: true }),
          files.symlink(target, `${root}/${path}`)
        )
      ),
    remove: (path) => Effect.orDie(files.remove(`${root}/${path}`, { recursive: true }))
  } satisfies World
})

/** The skills, by name and where they are from, and the problems as `kind place: problem`, without the root. */
export const told = ({ root }: World, { problems, skills }: Skills.Catalog): ReadonlyArray<string> => [
  ...skills.map(({ description, name, scope }) => `${scope} ${name}: ${description}`),
  ...problems.map(({ file, kind, line, problem }) =>
    `${kind} ${file}${line === undefined ? "" : `:${line}`}: ${problem}`.replaceAll(`${root}/`, "")
  )
]

/** A test over real files, which logs nothing. */
export const test = <A, E>(
  title: string,
  effect: Effect.Effect<A, E, FileSystem.FileSystem | Path.Path | Scope.Scope>,
  kind: "effect" | "live" = "effect"
) => {
  const run = () => effect.pipe(Effect.scoped, Effect.provide(NodeContext.layer), Effect.provide(quiet))
  return kind === "live" ? it.live(title, run) : it.effect(title, run)
}

const quiet = Logger.remove(Logger.defaultLogger)
