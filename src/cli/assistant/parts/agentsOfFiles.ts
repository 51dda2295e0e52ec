/**
 * Agents of files, for the assistant. Loaded where there are such files.
 */
import { readdirSync } from "node:fs"
import { basename, join } from "node:path"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { render, TeamError } from "../../../team/TeamError.ts"
import { oneLine } from "../../internal/words.ts"
import * as Teams from "../../teams.ts"
import type { Given, OfFile } from "./agents.ts"

/**
 * The agents, and what is wrong with their files, a line each.
 *
 * @category models
 * @since 0.1.0
 */
export interface Found {
  readonly members: ReadonlyArray<OfFile>
  readonly problems: ReadonlyArray<string>
}

/**
 * The agents of these folders, of whose files the later count more. A file with a mistake is left out; where a team file
 * speaks for a folder, the folder.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = (folders: ReadonlyArray<string>, given: Given): Effect.Effect<Found, never, Scope.Scope> =>
  Effect.flatMap(given.skills.service, (skills) => load(folders.flatMap(filesOf), { ...given, skills }))

// internal

type Loading = Omit<Given, "skills"> & Pick<Teams.Given<unknown>, "skills">

const load = (paths: ReadonlyArray<string>, loading: Loading): Effect.Effect<Found, never, Scope.Scope> => {
  if (paths.length === 0) return Effect.succeed({ members: [], problems: [] })
  const { settings, skills, tools, transports } = loading
  return Teams.load(paths, {
    ...{ tools, skills, transports, offline: settings.offline, allowed: [] },
    // Nobody is spoken to: each of them is given tasks.
    lead: ({ agents, lead }) => lead ?? agents[0]?.name
  }).pipe(
    Effect.map(
      ({ members, spec }): Found => ({
        members: spec.agents.flatMap(({ description, files, model, name }) => {
          const runner = members.get(name)
          return runner === undefined
            ? []
            : [{ about: { name, description: description ?? runner.description ?? "", files, model }, runner }]
        }),
        problems: spec.warnings.map((problem) => `agents: ${oneLine(render(problem))}`)
      })
    ),
    Effect.catchAll((error) => {
      const wrong = error instanceof TeamError ? error.problems : []
      const left = paths.filter((path) => !wrong.some(({ file }) => path === file || path.endsWith(`/${file}`)))
      const problems = error instanceof TeamError ? wrong.map(render) : [error.message]
      return Effect.map(
        left.length === paths.length ? noneLeft : load(left, loading),
        (rest): Found => ({
          members: rest.members,
          problems: [...problems.map((problem) => `agents: ${oneLine(problem)}`), ...rest.problems]
        })
      )
    })
  )
}

const noneLeft = Effect.succeed<Found>({ members: [], problems: [] })

const isAgent = /^(?!\.|readme\.md$).*\.(?:md|toml|json)$/i

/** Its files, so that each can be left out by itself; or the folder, when a file speaks for all. */
const filesOf = (folder: string): ReadonlyArray<string> => {
  let names: ReadonlyArray<string> = []
  try {
    names = readdirSync(folder).sort()
  } catch {
    // What cannot be read is told when it is loaded.
    return [folder]
  }
  const files = names.filter((name) => isAgent.test(name))
  return files.some((name) => /^team\.(?:toml|json)$/.test(basename(name)))
    ? [folder]
    : files.map((name) => join(folder, name))
}
