/**
 * `--file`: files that go with a prompt. Texts are written out under their path; pictures, sound, film and PDF go along as
 * they are, to a model that can take them.
 */
import { readFileSync, statSync } from "node:fs"
import { basename } from "node:path"
import * as Effect from "effect/Effect"
import type { ModelInfo } from "../../domain/ModelInfo.ts"
import { can } from "../../domain/ModelInfo.ts"
import * as Part from "../../domain/Part.ts"
import { systemCode, UsageError } from "../errors.ts"
import { mostBytes, neededBy } from "../internal/media.ts"
import { oneLine } from "../internal/words.ts"

const mostText = 1_000_000

/**
 * Reads the files.
 *
 * **Details**
 *
 * - A text has at most a million characters, another file 20 MiB.
 * - Errors: the first file that is not there, too large, or of a kind that nobody reads.
 *
 * @category constructors
 * @since 0.1.0
 */
export const read = (paths: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<Part.Text | Part.File>, UsageError> =>
  Effect.forEach(paths, (path) => Effect.flatMap(bytesOf(path), (bytes) => partOf(path, bytes)))

/**
 * Whether a model takes the files. One that is unknown is given the benefit of the doubt.
 *
 * @category predicates
 * @since 0.1.0
 */
export const check = (
  parts: ReadonlyArray<Part.Text | Part.File>,
  model: ModelInfo
): Effect.Effect<void, UsageError> => {
  const refused = parts.find((part) => {
    const needed = part.type === "file" ? neededBy(part.mediaType) : undefined
    return needed !== undefined && !can(model, needed)
  })
  return refused?.type === "file"
    ? wrong(refused.name ?? "", `is ${refused.mediaType}, which ${oneLine(model.id)} does not take`)
    : Effect.void
}

// internal

const wrong = (path: string, what: string): Effect.Effect<never, UsageError> =>
  new UsageError({ message: `--file ${oneLine(path)} ${what}` })

const partOf = (path: string, bytes: Uint8Array): Effect.Effect<Part.Text | Part.File, UsageError> => {
  const file = Part.fileFromBytes("", bytes, basename(path))
  const text = "text" in file.data ? file.data.text : bytes.length === 0 ? "" : undefined
  if (text === undefined) {
    return neededBy(file.mediaType) === undefined
      ? wrong(path, "is neither text, picture, sound, film nor PDF")
      : Effect.succeed(file)
  }
  return text.length > mostText
    ? wrong(path, `has ${text.length} characters, and ${mostText} is the most`)
    : Effect.succeed(Part.text(`<file path=${JSON.stringify(path)}>\n${text}\n</file>`))
}

const bytesOf = (path: string): Effect.Effect<Uint8Array, UsageError> =>
  Effect.suspend(() => {
    try {
      const info = statSync(path)
      const { size } = info
      if (!info.isFile()) return wrong(path, info.isDirectory() ? "is a folder" : "is no file")
      if (size > mostBytes) return wrong(path, `has ${size} bytes, and ${mostBytes} is the most`)
      return Effect.succeed(readFileSync(path))
    } catch (error) {
      const code = systemCode(error)
      return wrong(path, code === "ENOENT" ? "is not there" : `cannot be read (${code})`)
    }
  })
