/**
 * What goes wrong between a client and a server, in plain data: the same fields as the reason of an `McpError`. Errors of the
 * SDK, of the platform and of the network are told apart here.
 */
import type * as PlatformError from "@effect/platform/Error"

/** A failure. `code` is that of JSON-RPC or of HTTP. `permanent`: trying again as it is will not help. */
export interface Failure {
  readonly _tag:
    | "NotInstalled"
    | "Unknown"
    | "Disabled"
    | "Untrusted"
    | "Unavailable"
    | "Unauthorized"
    | "TimedOut"
    | "Disconnected"
    | "Refused"
    | "Malformed"
    | "Closed"
  readonly message: string
  readonly code?: number | undefined
  readonly permanent?: boolean | undefined
}

/** Makes a failure. */
export const failure = (_tag: Failure["_tag"], message: string, code?: number): Failure => ({
  _tag,
  message,
  ...(code === undefined ? undefined : { code })
})

/** Whether the connection may be there again if it is tried again. */
export const isPassing = ({ _tag, permanent }: Failure): boolean =>
  permanent !== true && (_tag === "Unavailable" || _tag === "TimedOut" || _tag === "Disconnected")

/** An error with a code, to be thrown where the SDK makes an answer of it. */
export class Answered extends Error {
  readonly code: number
  constructor(code: number, message: string) {
    super(message)
    this.code = code
  }
}

/** The code of whatever was thrown. */
export const codeOf = (error: unknown): number | undefined =>
  typeof error === "object" && error !== null && "code" in error && typeof error.code === "number"
    ? error.code
    : undefined

/** The words of whatever was thrown, with those of its cause: `fetch` says what happened in there only. */
export const wordsOf = (error: unknown): string => {
  if (!(error instanceof Error)) return bounded(String(error))
  const { cause, message } = error
  const why = cause instanceof Error && cause.message !== "" && !message.includes(cause.message) ? cause.message : ""
  return bounded([message, why].filter((text) => text !== "").join(": ") || error.name)
}

/** What the platform said of a program that it could not start. */
export const ofPlatform = (error: PlatformError.PlatformError, what: string): Failure => {
  const reason = error._tag === "SystemError" ? error.reason : "BadArgument"
  if (reason === "NotFound") {
    return {
      _tag: "Unavailable",
      permanent: true,
      message: `${what} was not found. Install it, give its whole path, and check that its folder exists.`
    }
  }
  return { _tag: "Unavailable", permanent: reason === "PermissionDenied", message: `${what} did not start: ${reason}.` }
}

/** A text of a server in a message of ours: on one line, and short. */
export const bounded = (text: string, most = 500): string => {
  const line = text.replace(/[\p{Cc}\p{Cf}\s]+/gu, " ").trim()
  return line.length > most ? `${line.slice(0, most - 1)}…` : line
}
