/**
 * Files whose paths are pasted or dragged onto the screen: a word stands for each among the words that are written, and the
 * file goes along when they are sent.
 */
import { statSync } from "node:fs"
import { basename, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import type * as Effect from "effect/Effect"
import * as Mentions from "../assistant/mentions.ts"
import { oneLine } from "../internal/words.ts"

/**
 * The files that were pasted.
 *
 * @category models
 * @since 0.1.0
 */
export interface Attachments {
  /** The words for what was pasted, when that is paths of files that can be sent, and nothing else. */
  readonly attach: (pasted: string) => string | undefined
  /** The words that are sent, with the files that they name, and why others could not go along. */
  readonly input: (text: string) => Effect.Effect<Mentions.Resolved>
}

/**
 * Makes them. `folder` is where paths begin that are not absolute, `resolve` reads the files that go along with words.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (setting: {
  readonly folder: string
  readonly resolve: (text: string, paths: ReadonlyArray<string>) => Effect.Effect<Mentions.Resolved>
}): Attachments => {
  const paths = new Map<string, string>()
  const named = (path: string): string => {
    const what = `${kindOf(path) ?? "file"} ${oneLine(basename(path)).replaceAll(/[[\]]/g, "")}`
    for (let count = 1; ; count++) {
      const word = count === 1 ? `[${what}]` : `[${what} #${count}]`
      if ((paths.get(word) ?? path) !== path) continue
      paths.set(word, path)
      return word
    }
  }
  return {
    attach: (pasted) => {
      const found = pathsOf(pasted).map((path) => resolve(setting.folder, path))
      return found.length > 0 && found.every((path) => kindOf(path) !== undefined && isFile(path))
        ? found.map(named).join(" ")
        : undefined
    },
    input: (text) => {
      const pasted = [...paths].filter(([word]) => text.includes(word)).map(([, path]) => path)
      return setting.resolve(text, [...new Set([...Mentions.pathsOf(text), ...pasted])])
    }
  }
}

/**
 * The paths in what was pasted, as terminals write those of files that are dragged there: quoted, with backslashes, or as
 * addresses.
 *
 * @category converters
 * @since 0.1.0
 */
export const pathsOf = (pasted: string): ReadonlyArray<string> => {
  const text = pasted.trim()
  if (text === "" || text.length > 4096 || text.includes("\n")) return []
  // One path may have spaces that nobody has marked.
  if (/^(?:\/|~\/|\.{1,2}\/)[^'"\\]*\.\w+$/.test(text) && !/\s(?:\/|file:)/.test(text)) return [homed(text)]
  const words = text.match(/'[^']*'|"[^"]*"|(?:\\.|[^\s\\])+/g) ?? []
  return words.map((word) =>
    homed(addressed(/^(['"]).*\1$/.test(word) ? word.slice(1, -1) : word.replace(/\\(.)/g, "$1")))
  )
}

// internal

const homed = (path: string): string => (path.startsWith("~/") ? `${process.env["HOME"] ?? "~"}${path.slice(1)}` : path)

const addressed = (word: string): string => {
  if (!word.startsWith("file://")) return word
  try {
    return fileURLToPath(word)
  } catch {
    return word
  }
}

const kinds: ReadonlyArray<readonly [kind: string, pattern: RegExp]> = [
  ["image", /\.(?:png|jpe?g|gif|webp|bmp|heic|avif|tiff?)$/i],
  ["audio", /\.(?:mp3|wav|ogg|flac|m4a|aac|opus)$/i],
  ["video", /\.(?:mp4|mov|webm|mkv|avi)$/i],
  ["pdf", /\.pdf$/i]
]

const kindOf = (path: string): string | undefined => kinds.find(([, pattern]) => pattern.test(path))?.[0]

const isFile = (path: string): boolean => {
  try {
    return statSync(path).isFile()
  } catch {
    return false
  }
}
