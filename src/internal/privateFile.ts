/**
 * A file with secrets in it: read, replaced as a whole, and locked among all processes while someone renews what it holds.
 * Nobody but its owner may read it.
 */
import type * as PlatformError from "@effect/platform/Error"
import type * as FileSystem from "@effect/platform/FileSystem"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { randomText } from "./oauth.ts"

/** What went wrong with a file, in words that name it. */
export interface FileProblem {
  readonly _tag: "NotFound" | "Denied" | "Locked"
  readonly message: string
}

/** A file that is its owner's alone. */
export interface PrivateFile<E> {
  readonly path: string
  /** What it holds now. A file that others could read is closed to them, with a warning. */
  readonly read: Effect.Effect<string, E>
  /** Replaces it at once: whoever reads sees the old text or the new one. Creates the folder. */
  readonly write: (text: string) => Effect.Effect<void, E>
  /** Removes it; answers whether it was there. */
  readonly remove: Effect.Effect<boolean, E>
  /** Runs the effect while no other process runs one on the same file. What it does must end within 20 seconds. */
  readonly locked: <A, E2>(effect: Effect.Effect<A, E2>) => Effect.Effect<A, E | E2>
}

/** Makes the access to a file, with problems in the words of the caller. */
export const make = <E>(
  fs: FileSystem.FileSystem,
  path: string,
  failed: (problem: FileProblem) => E
): PrivateFile<E> => {
  const folder = path.replace(/[\\/]?[^\\/]*$/, "")
  const lock = `${path}.lock`

  const denied = (message: string): E => failed({ _tag: "Denied", message })

  const createFolder = folder === "" ? Effect.void : fs.makeDirectory(folder, { recursive: true, mode: 0o700 })

  const close = Effect.gen(function* () {
    const { mode } = yield* fs.stat(path)
    if ((mode & 0o077) === 0) return
    yield* fs.chmod(path, 0o600)
    const after = yield* fs.stat(path)
    // File systems without modes show the same as before, and there is nothing to warn about.
    if (after.mode !== mode)
      yield* Effect.logWarning(`${path} was open to other users of this machine; it is not any more.`)
  })

  const read = Effect.matchEffect(Effect.zipLeft(fs.readFileString(path), Effect.ignore(close)), {
    onFailure: (error) =>
      Effect.fail(
        isReason(error, "NotFound")
          ? failed({ _tag: "NotFound", message: `there is no ${path}` })
          : denied(`${path} cannot be read: ${reasonOf(error)}. Make it readable, or choose another file.`)
      ),
    onSuccess: Effect.succeed
  })

  const write = (text: string) => {
    const temporary = `${path}.${randomText(9)}.tmp`
    return createFolder.pipe(
      Effect.zipRight(fs.writeFileString(temporary, text, { flag: "wx", mode: 0o600 })),
      Effect.zipRight(fs.rename(temporary, path)),
      Effect.onError(() => Effect.ignore(fs.remove(temporary, { force: true }))),
      Effect.mapError((error) => denied(`${path} cannot be written: ${reasonOf(error)}.`)),
      Effect.uninterruptible
    )
  }

  const remove = fs.remove(path).pipe(
    Effect.as(true),
    Effect.catchAll((error) =>
      isReason(error, "NotFound")
        ? Effect.succeed(false)
        : Effect.fail(denied(`${path} cannot be removed: ${reasonOf(error)}.`))
    )
  )

  /** Puts a lock aside whose owner is gone. Of several that try, one moves it; if that was a newer one, it goes back. */
  const breakStale = Effect.gen(function* () {
    const before = yield* fs.stat(lock)
    const age = (yield* Clock.currentTimeMillis) - modified(before)
    if (age < staleMillis) return
    const aside = `${lock}.${randomText(9)}.tmp`
    yield* fs.rename(lock, aside)
    const moved = yield* fs.stat(aside)
    if (modified(moved) !== modified(before)) yield* Effect.ignore(fs.link(aside, lock))
    yield* fs.remove(aside)
  })

  const tryLock = (owner: string): Effect.Effect<boolean, E> =>
    fs.writeFileString(lock, owner, { flag: "wx", mode: 0o600 }).pipe(
      Effect.as(true),
      Effect.catchAll((error) =>
        isReason(error, "AlreadyExists")
          ? Effect.as(Effect.ignore(breakStale), false)
          : Effect.fail(denied(`${lock} cannot be written: ${reasonOf(error)}.`))
      )
    )

  /** It may be interrupted while it waits and only then, so that no lock is left that nobody knows of. */
  const take = (owner: string, until: number): Effect.Effect<void, E> =>
    Effect.flatMap(tryLock(owner), (mine) => {
      if (mine) return Effect.void
      return Effect.flatMap(Clock.currentTimeMillis, (now) =>
        now > until
          ? Effect.fail(
              failed({
                _tag: "Locked",
                message: `${lock} has been held by another process for too long. Remove it if none is running.`
              })
            )
          : Effect.zipRight(Effect.interruptible(Effect.sleep(waitMillis)), take(owner, until))
      )
    })

  const release = (owner: string) =>
    Effect.ignore(
      Effect.flatMap(fs.readFileString(lock), (holder) => (holder === owner ? fs.remove(lock) : Effect.void))
    )

  const locked = <A, E2>(effect: Effect.Effect<A, E2>): Effect.Effect<A, E | E2> =>
    Effect.suspend(() => {
      const owner = randomText(18)
      const folderOrFailure = Effect.mapError(createFolder, (error) =>
        denied(`${folder} cannot be created: ${reasonOf(error)}.`)
      )
      const acquire = Effect.flatMap(Clock.currentTimeMillis, (now) =>
        Effect.zipRight(folderOrFailure, take(owner, now + patienceMillis))
      )
      return Effect.acquireUseRelease(
        acquire,
        () => effect,
        () => release(owner)
      )
    })

  return { path, read, write, remove, locked }
}

// internal

/** Longer than anyone holds a lock who is still there. */
const staleMillis = 30_000
/** How long to wait for the others: long enough to see a stale lock. */
const patienceMillis = 60_000
const waitMillis = 100

const modified = (info: FileSystem.File.Info): number =>
  Option.match(info.mtime, { onNone: () => 0, onSome: (date) => date.getTime() })

const isReason = (error: PlatformError.PlatformError, reason: PlatformError.SystemErrorReason): boolean =>
  error._tag === "SystemError" && error.reason === reason

const reasonOf = (error: PlatformError.PlatformError): string =>
  error._tag === "SystemError" ? error.reason : "BadArgument"
