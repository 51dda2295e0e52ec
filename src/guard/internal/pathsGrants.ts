/**
 * What people have said about folders, by session: which they granted, and which they refused. A refusal wins over every
 * grant, and holds under every spelling of the folder that some file system takes for the same.
 */
import type * as Path from "@effect/platform/Path"
import { folded, isInside } from "./paths.ts"

export type Access = "read" | "write"

/** What a person said about a folder and all that is in it. */
export interface Grant {
  readonly session: string
  readonly folder: string
  readonly access: Access
  readonly granted: boolean
}

/** By session, in the order in which sessions were first spoken of. */
export type Grants = ReadonlyMap<string, ReadonlyArray<Grant>>

export const none: Grants = new Map()

/** How many sessions are remembered. The oldest is forgotten, and then asked about again. */
export const maxSessions = 1000

/** The grants with one more. What was said before about the same folder and access is replaced. */
export const add = (grants: Grants, grant: Grant): Grants => {
  const said = grants.get(grant.session) ?? []
  const others = said.filter(({ access, folder }) => access !== grant.access || folder !== grant.folder)
  const next = new Map(grants).set(grant.session, [...others, grant])
  const [oldest] = next.keys()
  if (next.size > maxSessions && oldest !== undefined) next.delete(oldest)
  return next
}

/**
 * What was said about a file: `true` granted, `false` refused, nothing when nobody was asked. Who may write may read, and
 * who may not read may not write.
 */
export const about = (
  path: Path.Path,
  grants: Grants,
  session: string,
  access: Access,
  file: string
): boolean | undefined => {
  const said = grants.get(session) ?? []
  const refused = said.some(
    (grant) =>
      !grant.granted &&
      (grant.access === "read" || access === "write") &&
      isInside(path, folded(grant.folder), folded(file))
  )
  if (refused) return false
  const granted = said.some(
    (grant) => grant.granted && (grant.access === "write" || access === "read") && isInside(path, grant.folder, file)
  )
  return granted ? true : undefined
}
