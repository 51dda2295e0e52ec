/**
 * Where logins to servers are kept: tokens and registered clients, as texts that only the client reads, each under the URL of
 * its server. In memory unless provided.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as PrivateFile from "../internal/privateFile.ts"

/**
 * Logins cannot be read or kept.
 *
 * @category errors
 * @since 0.1.0
 */
export class TokensError extends Schema.TaggedError<TokensError>()("TokensError", { message: Schema.String }) {}

/**
 * What a store of logins does.
 *
 * @category models
 * @since 0.1.0
 */
export interface Service {
  /** What is kept for a server, or nothing. */
  readonly read: (url: string) => Effect.Effect<Redacted.Redacted | undefined, TokensError>
  /** Replaces it at once: whoever reads sees the old text or the new one. */
  readonly write: (url: string, value: Redacted.Redacted) => Effect.Effect<void, TokensError>
  /** Answers whether there was anything. */
  readonly remove: (url: string) => Effect.Effect<boolean, TokensError>
  /** Runs the effect while nobody else runs one for the same server, so that a token is renewed once. */
  readonly locked: <A, E>(url: string, effect: Effect.Effect<A, E>) => Effect.Effect<A, E | TokensError>
}

const makeMemory = (): Service => {
  const kept = new Map<string, Redacted.Redacted>()
  const locks = new Map<string, Effect.Semaphore>()
  return {
    read: (url) => Effect.sync(() => kept.get(url)),
    write: (url, value) => Effect.sync(() => void kept.set(url, value)),
    remove: (url) => Effect.sync(() => kept.delete(url)),
    locked: (url, effect) =>
      Effect.suspend(() => {
        const lock = locks.get(url) ?? Effect.unsafeMakeSemaphore(1)
        locks.set(url, lock)
        return lock.withPermits(1)(effect)
      })
  }
}

/**
 * The store of logins. In memory unless another one is provided, so that logins end with the process.
 *
 * @category references
 * @since 0.1.0
 */
export class McpTokens extends Context.Reference<McpTokens>()("axonal/mcp/McpTokens", {
  defaultValue: makeMemory
}) {}

/**
 * Layer of a store in memory of its own.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerMemory: Layer.Layer<McpTokens> = Layer.sync(McpTokens, makeMemory)

/**
 * Layer that keeps every login in a file of its own that nobody but its owner may read.
 *
 * **Details**
 *
 * - `folder`: where. Default `axonal/mcp` in `XDG_CONFIG_HOME` or in `.config` of the home.
 * - Files are replaced as a whole and locked among processes.
 * - Errors: `ConfigError` when there is no home and no folder is given.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerFile = (
  options: { readonly folder?: string | undefined } = {}
): Layer.Layer<McpTokens, ConfigError.ConfigError, FileSystem.FileSystem> =>
  Layer.effect(
    McpTokens,
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = options.folder ?? (yield* usual)
      const fileOf = (url: string) =>
        Effect.map(nameOf(url), (name) => PrivateFile.make(fs, `${folder}/${name}.json`, (problem) => problem))
      const failed = ({ message }: PrivateFile.FileProblem) => new TokensError({ message })
      const service: Service = {
        read: (url) =>
          Effect.flatMap(fileOf(url), ({ read }) => Effect.map(read, Redacted.make)).pipe(
            Effect.catchIf(
              ({ _tag }) => _tag === "NotFound",
              () => Effect.succeed(undefined)
            ),
            Effect.mapError(failed)
          ),
        write: (url, value) =>
          Effect.flatMap(fileOf(url), (file) => Effect.mapError(file.write(Redacted.value(value)), failed)),
        remove: (url) => Effect.flatMap(fileOf(url), (file) => Effect.mapError(file.remove, failed)),
        locked: (url, effect) =>
          Effect.flatMap(fileOf(url), (file) =>
            Effect.flatMap(Effect.mapError(file.locked(Effect.either(effect)), failed), (either) => either)
          )
      }
      return service
    })
  )

// internal

const usual: Effect.Effect<string, ConfigError.ConfigError> = Effect.gen(function* () {
  const set = (name: string) => Config.withDefault(Config.string(name), "")
  const home = (yield* set("HOME")) || (yield* set("USERPROFILE"))
  const folder = (yield* set("XDG_CONFIG_HOME")) || (home === "" ? "" : `${home}/.config`)
  return folder === ""
    ? yield* Effect.fail(ConfigError.MissingData(["HOME"], "Expected HOME to be set, or folder to be given."))
    : `${folder}/axonal/mcp`
})

/** Readable, and one for each URL. */
const nameOf = (url: string): Effect.Effect<string> =>
  Effect.promise(async () => {
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(url)))
    const hash = Array.from(digest.subarray(0, 8), (byte) => byte.toString(16).padStart(2, "0")).join("")
    const host = URL.canParse(url) ? new URL(url).hostname.replace(/[^a-z0-9.-]/gi, "_").slice(0, 60) : "server"
    return `${host}-${hash}`
  })
