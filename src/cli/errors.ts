/**
 * Every way in which a run of the command line can fail, as one clear line and an exit code. No stack traces and no
 * secrets; `AXONAL_DEBUG=1` adds the causes.
 */
import * as Cause from "effect/Cause"
import * as ConfigError from "effect/ConfigError"
import * as Data from "effect/Data"
import * as Redacted from "effect/Redacted"
import { StoreError } from "../context/ContextStore.ts"
import { OutputInvalid } from "../domain/AgentError.ts"
import { TransportError } from "../transport/TransportError.ts"
import { withoutSecrets } from "./internal/address.ts"
import type { Choice } from "./vendors.ts"

/**
 * The command was not given right. The message says what to do, without a full stop.
 *
 * @category errors
 * @since 0.1.0
 */
export class UsageError extends Data.TaggedError("UsageError")<{
  readonly message: string
  /** Whose help says more; that of the program when absent. */
  readonly see?: string | undefined
}> {}

/**
 * Something outside of the run is not as it has to be.
 *
 * @category errors
 * @since 0.1.0
 */
export class SetupError extends Data.TaggedError("SetupError")<{
  readonly message: string
  readonly cause?: unknown
}> {}

/**
 * What is said about where a failure happened.
 *
 * @category models
 * @since 0.1.0
 */
export interface Where {
  readonly choice?: Choice | undefined
  readonly database?: string | undefined
  readonly debug: boolean
}

/**
 * Exit codes as people and scripts expect them.
 *
 * **Details**
 *
 * - `limit`: of turns, cost or the answer's length. `unapproved`: it wanted something that nobody was there to approve.
 *   `timeout`: of `--timeout`, as of the program of that name.
 *
 * @category constructors
 * @since 0.1.0
 */
export const exitCodes = {
  ...{ ok: 0, failed: 1, usage: 2, limit: 3, unapproved: 4 },
  ...{ timeout: 124, hangup: 129, interrupted: 130, terminated: 143 }
} as const

/**
 * What the system calls what went wrong, such as `ENOENT`; the error itself when it is none of the system's.
 *
 * @category converters
 * @since 0.1.0
 */
export const systemCode = (error: unknown): string =>
  error instanceof Error && "code" in error ? String(error.code) : String(error)

/**
 * The lines to print for a failure, and the exit code.
 *
 * @category converters
 * @since 0.1.0
 */
export const explain = (
  cause: Cause.Cause<unknown>,
  where: Where
): { readonly text: string; readonly code: number } => {
  const error = Cause.squash(cause)
  const text = hide(line(error, where), where)
  const code = error instanceof UsageError || ConfigError.isConfigError(error) ? exitCodes.usage : exitCodes.failed
  return { text: where.debug ? `${text}\n${hide(Cause.pretty(cause, { renderErrorCause: true }), where)}` : text, code }
}

/**
 * What went wrong with the sessions of a database, and what to do. `instead` is what else can be done about the file.
 *
 * @category converters
 * @since 0.1.0
 */
export const ofStore = (error: StoreError, database: string | undefined, instead = withoutFile): string => {
  const file = database ?? "the session database"
  const reason = oneLine(error.reason.message).replace(`${file}: `, "")
  switch (error.reason._tag) {
    case "SessionBusy":
      return `session ${error.session} is in use by another run. Wait until that ends, or begin another with --session ID.`
    case "Conflict":
      return `session ${error.session} was changed by another process meanwhile. Nothing of it was lost; ask again.`
    case "NotFound":
      // What is missing may also be an entry of a session that is there.
      return /no such session/.test(reason) ? `there is no session ${error.session}.` : ended(reason)
    case "Corrupt": {
      // What a newer version wrote is whole, and nothing to be moved away.
      const first = /\bupgrade\b/i.test(reason) ? "Upgrade" : "Move that file away"
      return `the sessions in ${file} cannot be read: ${ended(reason)} ${first}, ${instead}`
    }
    case "Unavailable": {
      const build = /driver is (missing|not built)/.exec(reason)?.[1]
      // Commands about sessions cannot do without any.
      const or = instead === withoutFile ? ", or add --no-save." : "."
      if (build === "missing") {
        return `saved sessions need the SQLite driver: npm install better-sqlite3 beside axonal (--global if that is)${or}`
      }
      return build === undefined
        ? `the sessions in ${file} cannot be used: ${ended(reason)} Check that it may be written, ${instead}`
        : `saved sessions need the SQLite driver, which is not built for this Node: npm rebuild better-sqlite3 beside axonal${or}`
    }
  }
}

// internal

const withoutFile = "choose another folder with --data-dir, or add --no-save."

const line = (error: unknown, where: Where): string => {
  if (error instanceof UsageError) {
    return `${error.message}${error.message.endsWith("?") ? "" : "."} Try ${error.see ?? "axonal --help"}.`
  }
  // These list what is valid, which may be long.
  if (ConfigError.isConfigError(error)) return "message" in error ? String(error.message) : String(error)
  if (error instanceof SetupError) return error.message
  if (error instanceof TransportError) return ofTransport(error, where.choice)
  if (error instanceof StoreError) return ofStore(error, where.database)
  if (error instanceof OutputInvalid) {
    const problems = oneLine(error.description.replace(/^\s*- /gm, "; ").replace(/^[\s;]+/, ""))
    return (
      `the answer does not fit its schema, also after the model was told: ${ended(problems)} Describe the fields in the ` +
      `schema, or use another model. The answer was: ${oneLine(error.text)}`
    )
  }
  // The typed errors of a run say in their message what happened and what to do.
  if (error instanceof Error && "_tag" in error) return oneLine(error.message)
  const what = error instanceof Error ? error.message : String(error)
  return `something went wrong inside: ${oneLine(what)} (AXONAL_DEBUG=1 shows where)`
}

const oneLine = (text: string): string =>
  text
    .trim()
    .replace(/\s*\n\s*/g, " ")
    .slice(0, 600)

const ended = (text: string): string => (/[.!?…:;,]$/.test(text) ? text : `${text}.`)

const ofTransport = (error: TransportError, choice: Choice | undefined): string => {
  const { reason } = error
  const said = oneLine(reason.message)
  const detail = ended(said)
  if (choice?._tag !== "Online") return detail
  const server = choice.baseUrl === undefined ? choice.vendor : withoutSecrets(choice.baseUrl)
  const status = reason.status === undefined ? "" : ` (${reason.status})`
  switch (reason._tag) {
    case "Authentication":
      if (choice.variable === undefined) return `${server} does not know who asks${status}: ${detail}`
      return choice.key === undefined
        ? `${server} wants a key${status}: ${detail} Set ${choice.variable}.`
        : `${server} refused the key of ${choice.variable}${status}: ${detail} Check that it is right and may use ${choice.model}.`
    case "Network":
      return error.replay === "acknowledged"
        ? `the connection to ${server} broke off: ${detail} Try again, or go on with axonal --continue.`
        : `cannot reach ${server} (${reason.code ?? detail}). Is ${choice.baseUrl === undefined ? "there a network" : "the server running and the address right"}?`
    case "Timeout":
      return `${server} did not answer in time: ${detail} Try again.`
    case "RateLimited":
      return `${server} limits requests${status}: ${detail} Wait a little, or use another model.`
    case "Overloaded":
      return `${server} has trouble${status}: ${detail} Try again later.`
    case "Malformed":
      return `${server} sent something that is no answer of this protocol: ${detail} Check the base URL.`
    case "ContextOverflow":
      return `the conversation is too long for ${choice.model}: ${detail} Start a new session, or use a larger model.`
    default:
      return `${server} refused the request${status}: ${detail}`
  }
}

/** A key that a server repeats in its message is not printed. */
const hide = (text: string, { choice }: Where): string => {
  const key = choice?._tag === "Online" && choice.key !== undefined ? Redacted.value(choice.key) : ""
  // A few letters are no secret, and would be found in words.
  return key.length < 4 ? text : text.replaceAll(key, "[key]")
}
