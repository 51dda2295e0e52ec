/**
 * Sessions out of the store and into it: as JSON lines, to and from files and pipes.
 */
import { createReadStream } from "node:fs"
import type { FileHandle } from "node:fs/promises"
import { open, rm } from "node:fs/promises"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { SessionInfo, StoreError } from "../../context/ContextStore.ts"
import { ContextStore } from "../../context/ContextStore.ts"
import * as SessionFile from "../../context/SessionFile.ts"
import type { SessionId } from "../../domain/Ids.ts"
import { SetupError, systemCode, UsageError } from "../errors.ts"
import { oneLine, plural } from "../internal/words.ts"
import type { Screen } from "./screen.ts"

/**
 * Writes a session to a new file, or to standard output when none is named, or `-`.
 *
 * **Details**
 *
 * - A file that is there already is left as it is. What could not be written whole is removed.
 *
 * @category combinators
 * @since 0.1.0
 */
export const toFile = (
  id: SessionId,
  file: string | undefined,
  screen: Screen
): Effect.Effect<void, StoreError | SetupError, ContextStore> => {
  const lines = SessionFile.toLines(id)
  if (file === undefined || file === "-") {
    return Stream.runForEach(lines, (line) => Effect.sync(() => screen.print(line)))
  }
  return Effect.acquireUseRelease(
    attempt(file, "written", () => open(file, "wx", 0o600)),
    (handle) =>
      Stream.runForEachChunk(lines, (chunk) =>
        attempt(file, "written", () => handle.writeFile([...chunk].join("")))
      ).pipe(Effect.onError(() => Effect.promise(() => rm(file, { force: true })))),
    (handle) => Effect.promise(() => close(handle))
  ).pipe(Effect.map(() => screen.note(`${oneLine(id)} is in ${oneLine(file)}\n`)))
}

/**
 * Makes a session of a file, or of standard input when none is named, or `-`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromFile = (
  file: string | undefined,
  owner: string,
  screen: Screen
): Effect.Effect<SessionInfo, StoreError | SetupError | UsageError, ContextStore> =>
  Effect.gen(function* () {
    const isPiped = file === undefined || file === "-"
    if (isPiped && process.stdin.isTTY === true) {
      return yield* new UsageError({
        message: "there is nothing to import: name a file, or pipe one in",
        see: "axonal sessions --help"
      })
    }
    const name = isPiped ? "standard input" : oneLine(file)
    const { session, unreadable } = yield* SessionFile.fromLines(
      Stream.fromAsyncIterable<Uint8Array, SetupError>(isPiped ? process.stdin : createReadStream(file), (cause) =>
        failed(name, "read", cause)
      ),
      { owner }
    ).pipe(
      Effect.catchTag(
        "SessionFileError",
        (error) =>
          new SetupError({ message: `${name}, ${oneLine(error.message)}. Nothing was imported.`, cause: error })
      )
    )
    if (unreadable > 0)
      screen.note(`axonal: ${plural(unreadable, "entry", "entries")} had been lost before the export\n`)
    return yield* (yield* ContextStore).info(session)
  })

// internal

const attempt = <A>(file: string, done: string, run: () => Promise<A>): Effect.Effect<A, SetupError> =>
  Effect.tryPromise({ try: run, catch: (cause) => failed(oneLine(file), done, cause) })

const close = (handle: FileHandle): Promise<void> => handle.close().catch(() => undefined)

const reasons: Readonly<Record<string, string>> = {
  EISDIR: ": it is a folder",
  EACCES: ": permission denied",
  EPERM: ": permission denied",
  ENOSPC: ": the disk is full"
}

const failed = (name: string, done: string, cause: unknown): SetupError => {
  const code = systemCode(cause)
  const missing = done === "read" ? ": it does not exist" : ": its folder does not exist"
  return new SetupError({
    message:
      code === "EEXIST"
        ? `${name} is there already. Choose another name, or remove it.`
        : `${name} cannot be ${done}${code === "ENOENT" ? missing : (reasons[code] ?? "")} (${code}).`,
    cause
  })
}
