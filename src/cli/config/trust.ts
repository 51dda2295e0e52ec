/**
 * Which projects the user vouches for. What a project may widen is kept with its digest in the user's data folder, so that a
 * changed file asks again. Nothing within a checkout can say that it is trusted.
 */
import { createHash, timingSafeEqual } from "node:crypto"
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { files as mcpFiles } from "../../mcp/McpConfig.ts"
import type { Environment } from "../environment.ts"
import { bytesOf } from "../internal/fileText.ts"
import { trustFile } from "./files.ts"

/**
 * Whether a project is trusted: `changed` if it was, before its files became others.
 *
 * @category models
 * @since 0.1.0
 */
export type State = "trusted" | "changed" | "unknown"

/**
 * The files of a project that may widen something: its settings, and those that name servers.
 *
 * @category constructors
 * @since 0.1.0
 */
export const filesOf = (folder: string): ReadonlyArray<string> =>
  [".axonal/config.toml", ".axonal/config.json", ...mcpFiles]
    .map((name) => join(folder, name))
    .filter((file) => existsSync(file))

/**
 * How the user stands to a project. A file of digests that cannot be read vouches for nothing.
 *
 * @category constructors
 * @since 0.1.0
 */
export const stateOf = (environment: Environment, folder: string): State => {
  const known = read(trustFile(environment))[folder]
  const now = digestOf(filesOf(folder))
  if (known === undefined || now === undefined) return "unknown"
  const [one, other] = [Buffer.from(known), Buffer.from(now)]
  return one.length === other.length && timingSafeEqual(one, other) ? "trusted" : "changed"
}

/**
 * Vouches for a project as its files are now, or no longer. Answers whether anything changed. It throws what the file system
 * says.
 *
 * @category constructors
 * @since 0.1.0
 */
export const change = (environment: Environment, folder: string, isTrusted: boolean): boolean => {
  const file = trustFile(environment)
  const { [folder]: before, ...others } = read(file)
  const digest = isTrusted ? digestOf(filesOf(folder)) : undefined
  if (before === digest) return false
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  const text = JSON.stringify(digest === undefined ? others : { ...others, [folder]: digest }, undefined, 2)
  // As a whole, or not at all.
  const next = `${file}.${process.pid}.tmp`
  writeFileSync(next, `${text}\n`, { mode: 0o600 })
  renameSync(next, file)
  return true
}

// internal

const decode = Schema.decodeUnknownEither(Schema.parseJson(Schema.Record({ key: Schema.String, value: Schema.String })))

const read = (file: string): Readonly<Record<string, string>> => {
  try {
    return Either.getOrElse(decode(readFileSync(file, "utf8")), () => ({}))
  } catch {
    return {}
  }
}

const digestOf = (files: ReadonlyArray<string>): string | undefined => {
  if (files.length === 0) return undefined
  const hash = createHash("sha256")
  try {
    for (const file of files) {
      const bytes = bytesOf(file)
      hash.update(`${file}\0${bytes.length}\0`).update(bytes)
    }
  } catch {
    return undefined
  }
  return hash.digest("hex")
}
