/**
 * The skills of the project and of the person, for whatever runs on the command line. A look at their folders says whether
 * there are any; what reads them is loaded then.
 */
import { existsSync } from "node:fs"
import { homedir } from "node:os"
import { isAbsolute, relative, resolve, sep } from "node:path"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Sandbox from "../sandbox/Sandbox.ts"
import type * as Skills from "../skill/Skills.ts"

/**
 * Folders of skills, below the project and below the home of the person.
 *
 * @category constructors
 * @since 0.1.0
 */
export const folders: ReadonlyArray<string> = [".axonal/skills", ".agents/skills", ".claude/skills"]

/**
 * Whether there may be skills, also in `others`, which are absolute. Costs a look at each folder.
 *
 * @category predicates
 * @since 0.1.0
 */
export const areThere = (project: string, others: ReadonlyArray<string> = []): boolean =>
  [...folders, ...others].some(
    (folder) => existsSync(resolve(project, folder)) || existsSync(resolve(homedir(), folder))
  )

/**
 * The skills, and what makes tools of them.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = (project: string, others: ReadonlyArray<string> = []) =>
  Effect.gen(function* () {
    const { FileSystem, Path, ...loaded } = yield* Effect.promise(load)
    const files = Layer.merge(FileSystem.layer, Path.layer)
    // Without a list of names that have to be there nothing can be wrong with them.
    const service = yield* Effect.orDie(
      Effect.provide(loaded.Skills.make({ project, home: homedir(), folders: [...folders, ...others] }), files)
    )
    return { ...loaded, service }
  })

/**
 * Runs their scripts in a sandbox, which may have the files of the project elsewhere.
 *
 * @category constructors
 * @since 0.1.0
 */
export const runner = (sandbox: Sandbox.Service, project: string): Effect.Effect<Skills.RunScript> =>
  Effect.map(
    Effect.promise(() => import("../skill/SandboxScripts.ts")),
    ({ make }) =>
      make(sandbox, {
        pathOf: ({ file }) => {
          const path = relative(project, file)
          const isOutside = path.startsWith("..") || isAbsolute(path)
          return isOutside ? file : `${sandbox.folder}/${path.split(sep).join("/")}`
        }
      })
  )

// internal

const load = async () => ({
  FileSystem: await import("@effect/platform-node/NodeFileSystem"),
  Path: await import("@effect/platform-node/NodePath"),
  Skills: await import("../skill/Skills.ts"),
  SkillTools: await import("../skill/SkillTools.ts")
})
