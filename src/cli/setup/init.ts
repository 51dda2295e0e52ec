/**
 * `axonal init` writes a file of settings with everything in it commented out; `axonal trust` vouches for the project's.
 */
import { existsSync, mkdirSync, realpathSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import * as Effect from "effect/Effect"
import * as Files from "../config/files.ts"
import { make } from "../config/template.ts"
import * as Trust from "../config/trust.ts"
import type { Environment } from "../environment.ts"
import { SetupError, systemCode, UsageError } from "../errors.ts"
import { oneLine } from "../internal/words.ts"
import { parse } from "./args.ts"

/**
 * Writes the file.
 *
 * **Details**
 *
 * - Errors: one that is there already, also in the other format, unless it is to be replaced.
 *
 * @category constructors
 * @since 0.1.0
 */
export const init = (
  args: ReadonlyArray<string>,
  environment: Environment
): Effect.Effect<void, UsageError | SetupError> =>
  Effect.suspend((): Effect.Effect<void, UsageError | SetupError> => {
    const asked = parse("init", args)
    if (typeof asked === "string") return new UsageError({ message: asked, see: "axonal init --help" })
    const { isForced, isJson, isUser } = asked
    const found = Files.find(environment, realpathSync(process.cwd()))
    const folder = isUser ? Files.userFolder(environment) : join(found.folder, ".axonal")
    const [file, other] = [`config.${isJson ? "json" : "toml"}`, `config.${isJson ? "toml" : "json"}`].map((name) =>
      join(folder, name)
    )
    if (file === undefined || other === undefined) return Effect.void
    // Two files would be a mistake, of which none could be taken.
    if (existsSync(other)) return new SetupError({ message: `${oneLine(other)} is there already: remove it first.` })
    if (existsSync(file) && !isForced) {
      return new SetupError({ message: `${oneLine(file)} is there already: --force writes a new one in its place.` })
    }
    return Effect.try({
      try: () => {
        mkdirSync(dirname(file), { recursive: true, ...(isUser ? { mode: 0o700 } : {}) })
        const text = make(isJson ? "json" : "toml", isUser ? "user" : "project")
        writeFileSync(file, text, { flag: isForced ? "w" : "wx", ...(isUser ? { mode: 0o600 } : {}) })
        process.stdout.write(`${oneLine(file)}\n`)
      },
      catch: (cause) => new SetupError({ message: `${oneLine(file)} cannot be written (${systemCode(cause)}).`, cause })
    })
  })

/**
 * Vouches for the project of the current folder, or no longer.
 *
 * @category constructors
 * @since 0.1.0
 */
export const trust = (
  args: ReadonlyArray<string>,
  environment: Environment
): Effect.Effect<void, UsageError | SetupError> =>
  Effect.suspend((): Effect.Effect<void, UsageError | SetupError> => {
    const asked = parse("trust", args)
    if (typeof asked === "string") return new UsageError({ message: asked, see: "axonal trust --help" })
    const { folder } = Files.find(environment, realpathSync(process.cwd()))
    const files = Trust.filesOf(folder)
    if (files.length === 0 && !asked.isRemoved) {
      return new SetupError({
        message: `there is nothing to trust in ${oneLine(folder)}: no settings, and no servers.`
      })
    }
    return Effect.try({
      try: () => {
        const isChanged = Trust.change(environment, folder, !asked.isRemoved)
        const words = asked.isRemoved
          ? `${isChanged ? "No longer trusted" : "It was not trusted"}: ${oneLine(folder)}\n`
          : `Trusted as ${files.length === 1 ? "it is" : "they are"} now:\n${files.map((file) => `  ${oneLine(file)}\n`).join("")}`
        process.stdout.write(words)
      },
      catch: (cause) =>
        new SetupError({ message: `${Files.trustFile(environment)} cannot be written (${systemCode(cause)}).`, cause })
    })
  })
