/**
 * What the file system says and what it means for whoever asked.
 */
import * as Effect from "effect/Effect"
import type { Reason } from "../SandboxError.ts"
import { SandboxError } from "../SandboxError.ts"

/** Thrown where a path goes wrong; `attempt` makes a typed error of it. */
export class Refused extends Error {
  readonly reason: Reason
  constructor(reason: Reason) {
    super(reason._tag)
    this.reason = reason
  }
}

export const denied = (problem: string): Refused => new Refused({ _tag: "Denied", problem })

export const invalid = (problem: string): Refused => new Refused({ _tag: "Invalid", problem })

export const refused = (_tag: "NotFound" | "NotFile" | "NotFolder" | "NotEmpty" | "Changed"): Refused =>
  new Refused({ _tag })

/** The code of an error of the system, `ENOENT` say. */
export const codeOf = (cause: unknown): string | undefined =>
  cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : undefined

/** Runs what asks the system, at once. What is neither refused nor an error of the system is a defect. */
export const attempt = <A>(operation: string, subject: string, body: () => A): Effect.Effect<A, SandboxError> =>
  Effect.suspend(() => {
    try {
      return Effect.succeed(body())
    } catch (cause) {
      return failure(operation, subject, cause)
    }
  })

export const failure = (operation: string, subject: string, cause: unknown): Effect.Effect<never, SandboxError> => {
  const reason = reasonOf(cause)
  return reason === undefined ? Effect.die(cause) : Effect.fail(new SandboxError({ operation, subject, reason }))
}

// internal

const reasonOf = (cause: unknown): Reason | undefined => {
  if (cause instanceof Refused) return cause.reason
  const code = codeOf(cause)
  if (code === undefined || code.startsWith("ERR_")) return undefined
  return reasons[code] ?? { _tag: "Unavailable", problem: `the system could not do it (${code})` }
}

const reasons: Readonly<Record<string, Reason>> = {
  ENOENT: { _tag: "NotFound" },
  ENOTDIR: { _tag: "NotFolder" },
  EISDIR: { _tag: "NotFile" },
  ENXIO: { _tag: "NotFile" },
  ENOTEMPTY: { _tag: "NotEmpty" },
  EEXIST: { _tag: "NotEmpty" },
  ENOSPC: { _tag: "NoSpace" },
  EDQUOT: { _tag: "NoSpace" },
  EFBIG: { _tag: "NoSpace" },
  EACCES: { _tag: "Denied", problem: "the file system denies it" },
  EPERM: { _tag: "Denied", problem: "the file system denies it" },
  EROFS: { _tag: "Denied", problem: "it lies on a file system that cannot be written" },
  EBUSY: { _tag: "Denied", problem: "it is in use by the system; another file system may be mounted there" },
  EXDEV: { _tag: "Denied", problem: "it would cross to another file system" },
  ENAMETOOLONG: { _tag: "Invalid", problem: "a name in the path is longer than the file system allows" },
  EILSEQ: { _tag: "Invalid", problem: "a name in the path has bytes that the file system does not allow" },
  EAGAIN: { _tag: "Unavailable", problem: "another program holds the file; try again later" },
  EMFILE: { _tag: "Unavailable", problem: "this process has too many files open; try again when some are closed" },
  ENFILE: { _tag: "Unavailable", problem: "the system has too many files open; try again later" }
}
