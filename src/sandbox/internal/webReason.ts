/**
 * Why a request over the web went wrong, as data.
 */
import * as Schema from "effect/Schema"

const problem = { problem: Schema.String }

export const Reason = Schema.Union(
  Schema.TaggedStruct("Refused", problem),
  Schema.TaggedStruct("Unresolved", { host: Schema.String, ...problem }),
  Schema.TaggedStruct("Redirected", problem),
  Schema.TaggedStruct("TimedOut", { phase: Schema.Literal("connect", "whole"), millis: Schema.Number }),
  Schema.TaggedStruct("TooLarge", { what: Schema.Literal("body", "headers"), most: Schema.Number }),
  Schema.TaggedStruct("Malformed", problem),
  Schema.TaggedStruct("Network", { code: Schema.String, ...problem }),
  Schema.TaggedStruct("Invalid", problem)
)
export type Reason = typeof Reason.Type

/** The reason in a sentence, with what to do. */
export const words = (reason: Reason): string => {
  switch (reason._tag) {
    case "Unresolved":
      return `the name ${reason.host} was not found (${reason.problem}); check how it is spelled`
    case "TimedOut":
      return reason.phase === "connect"
        ? `no connection within ${reason.millis} ms; try later, or raise the option connectTimeout`
        : `not done within ${reason.millis} ms; try later, or raise the option timeout`
    case "TooLarge":
      return `its ${reason.what} ${reason.what === "body" ? "has" : "have"} more than ${reason.most} bytes; ${
        reason.what === "body"
          ? "ask for less of it, or raise the option maxBodyBytes"
          : "raise the option maxHeaderBytes"
      }`
    case "Network":
      return `${reason.problem} (${reason.code})`
    default:
      return reason.problem.replace(/\.$/, "")
  }
}

/** What an error of a socket, of TLS or of the parser of HTTP means. */
export const ofError = (error: unknown, maxHeaderBytes: number): Reason => {
  const code = codeOf(error)
  if (code === "HPE_HEADER_OVERFLOW") return { _tag: "TooLarge", what: "headers", most: maxHeaderBytes }
  if (code.startsWith("HPE_")) return { _tag: "Malformed", problem: `its answer is not HTTP (${code})` }
  if (code.startsWith("Z_") || code.startsWith("ERR_BROTLI") || code.startsWith("ERR__ERROR_FORMAT")) {
    return { _tag: "Malformed", problem: `its body cannot be decompressed (${code})` }
  }
  if (/^ERR_(?:INVALID|UNESCAPED|HTTP_INVALID)/.test(code)) {
    return { _tag: "Invalid", problem: "a header or the path has characters that HTTP does not allow; encode them" }
  }
  if (/CERT|SELF_SIGNED|TLS|SSL|EPROTO/.test(code)) {
    return { _tag: "Network", code, problem: "its identity could not be verified; check its certificate" }
  }
  return { _tag: "Network", code, problem: troubles.get(code) ?? "the connection failed; try later" }
}

// internal

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "UNKNOWN"

const troubles: ReadonlyMap<string, string> = new Map([
  ["ECONNREFUSED", "nothing listens there; check the port"],
  ["ECONNRESET", "the connection was cut; try later"],
  ["EHOSTUNREACH", "no way leads there; try later"],
  ["ENETUNREACH", "no way leads there; check the network"]
])
