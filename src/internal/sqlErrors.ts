/**
 * What goes wrong in a database, in words that say what to do.
 */
import { SqlError } from "@effect/sql/SqlError"

/** Why a store refuses what it was asked, when the database did not fail. */
export class Refusal {
  readonly _tag = "Refusal"
  readonly reason: "NotFound" | "Conflict" | "Corrupt" | "SessionBusy"
  readonly message: string
  constructor(reason: Refusal["reason"], message: string) {
    this.reason = reason
    this.message = message
  }
}

const codeOf = (error: unknown): string => {
  if (typeof error !== "object" || error === null) return ""
  if ("code" in error && typeof error.code === "string") return error.code
  return "cause" in error ? codeOf(error.cause) : ""
}

const messageOf = (error: unknown): string => {
  if (error instanceof SqlError && error.cause !== undefined) return messageOf(error.cause)
  return error instanceof Error ? error.message : String(error)
}

/** Another process has the lock or was faster; of PostgreSQL also deadlocks, and keys and tables made meanwhile. */
export const isContention = (error: unknown): boolean =>
  /^(SQLITE_BUSY|SQLITE_LOCKED|40001|40P01|55P03|23505|42P07)/.test(codeOf(error))

/** The driver of PostgreSQL waits no longer for an answer. The statement goes on. */
export const isGivenUp = (error: unknown): boolean => messageOf(error) === "Query read timeout"

const advice: ReadonlyArray<readonly [code: RegExp, reason: "Corrupt" | "Unavailable", advice: string]> = [
  [/^SQLITE_NOTADB/, "Corrupt", "it is no SQLite database; name another file or move this one away"],
  [/^SQLITE_CORRUPT/, "Corrupt", "the database is damaged; restore a backup or move the file away"],
  [/^SQLITE_(BUSY|LOCKED)/, "Unavailable", "another process keeps the database locked; try again or end that process"],
  [/^SQLITE_FULL/, "Unavailable", "the disk is full; make room and try again"],
  [/^SQLITE_(READONLY|PERM)/, "Unavailable", "it cannot be written; check the permissions of the file and its folder"],
  [/^SQLITE_IOERR/, "Unavailable", "the file cannot be read or written; check the disk, and its free space"],
  [
    /^SQLITE_CANTOPEN|^Cannot open database/,
    "Unavailable",
    "it cannot be opened; check that its folder exists and may be written"
  ],
  [/^53100/, "Unavailable", "the disk of the server is full; make room and try again"],
  [/^(57P0|08|ECONN|EPIPE)/, "Unavailable", "the connection to the server broke; try again"],
  [/^57014/, "Unavailable", "the server was told to stop the statement; try again"],
  [/^(25006|42501)/, "Unavailable", "this user may not write there; grant it the tables axonal_*"],
  [/^54000/, "Corrupt", "an id or an owner is too long for an index of PostgreSQL; use one of at most 2,000 bytes"],
  [/^Query read timeout/, "Unavailable", "the server does not answer; try again, or end what keeps the rows locked"]
]

/** Why a statement failed, and what to do about it. */
export const explain = (error: unknown): { readonly reason: "Corrupt" | "Unavailable"; readonly message: string } => {
  const code = codeOf(error)
  const known = advice.find(([pattern]) => pattern.test(code === "" ? messageOf(error) : code))
  const cause = messageOf(error) + (code === "" ? "" : ` (${code})`)
  return known === undefined
    ? { reason: "Unavailable", message: cause }
    : { reason: known[1], message: `${known[2]}: ${cause}` }
}
