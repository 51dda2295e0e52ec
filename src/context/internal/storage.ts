/**
 * What every store of this package does and says alike.
 */
export { present } from "../../internal/present.ts"

/** Sessions on a page of a listing when its caller does not say. */
export const pageLength = 50

/** The id of a session that a store makes. */
export const mintSession = (): string => `session_${crypto.randomUUID().replaceAll("-", "")}`

/** The id of a branch. */
export const mintBranch = (): string => `branch_${crypto.randomUUID().replaceAll("-", "")}`

/** The id of an entry that a store writes itself. */
export const mintEntry = (): string => `marker_${crypto.randomUUID().replaceAll("-", "")}`

/** The entries that a log does not have yet, each id once, in order. */
export const freshOf = <Entry extends { readonly id: string }>(
  entries: ReadonlyArray<Entry>,
  known: { readonly has: (id: string) => boolean }
): ReadonlyArray<Entry> => {
  const seen = new Set<string>()
  return entries.filter(({ id }) => {
    if (known.has(id) || seen.has(id)) return false
    seen.add(id)
    return true
  })
}

export const noSession = "there is no such session; list the sessions to see their ids"

export const noEntry = (id: string): string => `the session's log has no entry ${id}`

export const unknownCursor = "this is no cursor of a listing; pass on `next` of the page before, unchanged"

export const conflict = (expected: number, actual: number): string =>
  `the log is at position ${actual}, not ${expected}: the session moved on; read it again and decide anew`

export const busy = (holder: string): string =>
  `${holder} has the session; wait for it (onBusy: "wait"), stop it, or use or fork to another session`
