/**
 * Where the command line keeps its sessions, and which of them it goes on with.
 */

import { closeSync, mkdirSync, openSync } from "node:fs"
import { homedir } from "node:os"
import { dirname, join } from "node:path"
import * as Effect from "effect/Effect"
import type { SessionInfo, StoreError } from "../../context/ContextStore.ts"
import { ContextStore } from "../../context/ContextStore.ts"
import { SessionId } from "../../domain/Ids.ts"
import type { Options } from "../args.ts"
import type { Environment } from "../environment.ts"
import { SetupError, systemCode, UsageError } from "../errors.ts"

/** Ids of this length and less are listed whole. */
const shortest = 14

/**
 * The folder for the user's data on this platform.
 *
 * @category constructors
 * @since 0.1.0
 */
export const dataDir = (environment: Environment, platform: string, home: string): string => {
  const set = (name: string): string | undefined => environment[name]?.trim() || undefined
  const xdg = set("XDG_DATA_HOME")
  if (xdg !== undefined) return join(xdg, "axonal")
  if (platform === "darwin") return join(home, "Library", "Application Support", "axonal")
  if (platform === "win32") return join(set("LOCALAPPDATA") ?? join(home, "AppData", "Local"), "axonal")
  return join(home, ".local", "share", "axonal")
}

/**
 * The folder for the user's data, or the one that was named instead.
 *
 * @category constructors
 * @since 0.1.0
 */
export const dataFolder = (options: Pick<Options, "dataDir">): string =>
  options.dataDir ?? dataDir(process.env, process.platform, homedir())

/**
 * Where the database file is, or would be.
 *
 * @category constructors
 * @since 0.1.0
 */
export const databasePath = (options: Pick<Options, "dataDir">): string => join(dataFolder(options), "sessions.db")

/**
 * The database file, in a folder that only the user may read. The folder is made when it is missing.
 *
 * @category constructors
 * @since 0.1.0
 */
export const databaseFile = (options: Pick<Options, "dataDir">): Effect.Effect<string, SetupError> =>
  Effect.suspend(() => {
    const file = databasePath(options)
    const folder = dirname(file)
    return Effect.try({
      try: () => {
        mkdirSync(folder, { recursive: true, mode: 0o700 })
        claim(file)
        return file
      },
      catch: (cause) =>
        new SetupError({
          message: `the folder ${folder} for sessions cannot be made (${systemCode(cause)}). Choose another with --data-dir, or add --no-save.`,
          cause
        })
    })
  })

/**
 * The session to use: the named one, the latest of this folder, a new one, or a fork of the named or latest one.
 *
 * @category constructors
 * @since 0.1.0
 */
export const choose = (
  options: Pick<Options, "continue" | "fork" | "session">,
  owner: string
): Effect.Effect<SessionId, StoreError | UsageError | SetupError, ContextStore> => {
  if (options.fork) return forked(options.session, owner)
  if (options.session !== undefined) return named(options.session, owner)
  return options.continue ? latest(owner) : Effect.sync(fresh)
}

/**
 * A new session id, short enough to type.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fresh = (): SessionId => SessionId.make(crypto.randomUUID().replaceAll("-", "").slice(0, 10))

/**
 * Whether a session is that of an agent that worked within another: their ids begin with that of the session above.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isNested = ({ chat, id }: Pick<SessionInfo, "chat" | "id">): boolean =>
  chat !== undefined && id.startsWith(`${chat}/`)

/**
 * The latest session of an owner, or of all, that is no nested one.
 *
 * @category constructors
 * @since 0.1.0
 */
export const latestOf = (owner: string | undefined): Effect.Effect<SessionInfo | undefined, StoreError, ContextStore> =>
  Effect.flatMap(ContextStore, (store) => {
    const from = (cursor: string | undefined, limit: number): Effect.Effect<SessionInfo | undefined, StoreError> =>
      Effect.flatMap(store.list({ owner, limit, cursor }), ({ next, sessions }) => {
        const found = sessions.find((info) => !isNested(info))
        return found !== undefined || next === undefined ? Effect.succeed(found) : from(next, 500)
      })
    return from(undefined, 1)
  })

// internal

/**
 * What is said in a session is nobody else's business, also in a folder that others may read: the file is the user's alone
 * from its beginning, and so are those that the database keeps beside it. A file that cannot be made is told by the store.
 */
const claim = (file: string): void => {
  try {
    closeSync(openSync(file, "a", 0o600))
  } catch {
    // The store says why.
  }
}

/** Listings cut long ids short. Who goes on with one of those does not mean a new session of that name. */
const named = (id: string, owner: string): Effect.Effect<SessionId, StoreError | SetupError, ContextStore> =>
  id.length < shortest
    ? Effect.succeed(SessionId.make(id))
    : Effect.flatMap(
        Effect.promise(() => import("./find.ts")),
        ({ continued }) => continued(id, { owner })
      )

const latest = (owner: string): Effect.Effect<SessionId, StoreError | UsageError, ContextStore> =>
  Effect.flatMap(latestOf(owner), (latest) =>
    latest === undefined
      ? Effect.fail(new UsageError({ message: `there is no session in ${owner} yet, so nothing to continue` }))
      : Effect.succeed(latest.id)
  )

/** Loaded for those who ask for it. */
const forked = (reference: string | undefined, owner: string) =>
  Effect.gen(function* () {
    const [Change, Find] = yield* Effect.promise(() => Promise.all([import("./change.ts"), import("./find.ts")]))
    const source = reference === undefined ? yield* latest(owner) : (yield* Find.session(reference, { owner })).id
    return (yield* Change.fork(source)).id
  })
