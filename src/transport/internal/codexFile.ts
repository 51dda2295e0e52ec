/**
 * The file that tokens are kept in, locked among all processes while someone renews them.
 */
import type * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as PrivateFile from "../../internal/privateFile.ts"
import type { Tokens } from "./codexTokens.ts"
import { fromText, toText } from "./codexTokens.ts"
import type { Failure } from "./failure.ts"

/**
 * Tokens in a file.
 *
 * @category models
 * @since 0.1.0
 */
export interface TokenFile {
  readonly path: string
  /** What it holds now. A file that others could read is closed to them, with a warning. */
  readonly read: Effect.Effect<Tokens, Failure>
  /** Replaces it at once: whoever reads sees the old tokens or the new ones. Creates the folder. */
  readonly write: (tokens: Tokens) => Effect.Effect<void, Failure>
  /** Removes it; answers whether it was there. */
  readonly remove: Effect.Effect<boolean, Failure>
  /** Runs the effect while no other process runs one on the same file. What it does must end within 20 seconds. */
  readonly locked: <A>(effect: Effect.Effect<A, Failure>) => Effect.Effect<A, Failure>
}

/**
 * The command that people are sent to.
 *
 * @category constructors
 * @since 0.1.0
 */
export const remedy = "Run axonal login codex."

/**
 * Makes the access to a file.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (fs: FileSystem.FileSystem, path: string): TokenFile => {
  const file = PrivateFile.make(fs, path, failed)
  return {
    path,
    read: Effect.flatMap(file.read, (text) => {
      const tokens = fromText(text)
      return tokens === undefined
        ? Effect.fail(failure(`${path} is damaged, or of another version. ${remedy}`))
        : Effect.succeed(tokens)
    }),
    write: (tokens) => file.write(toText(tokens)),
    remove: file.remove,
    locked: file.locked
  }
}

// internal

const failure = (message: string): Failure => ({ _tag: "Authentication", message })

const failed = ({ _tag, message }: PrivateFile.FileProblem): Failure => {
  switch (_tag) {
    case "NotFound":
      return failure(`Nobody is logged in: ${message}. ${remedy}`)
    case "Denied":
      return failure(message.endsWith("another file.") ? `${message} ${remedy}` : message)
    case "Locked":
      return { _tag: "Timeout", message }
  }
}
