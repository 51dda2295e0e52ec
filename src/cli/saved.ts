/**
 * Files that a model made, as pictures and sound: kept beside the sessions where they cannot be shown.
 */
import { createHash } from "node:crypto"
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { File } from "../domain/Part.ts"
import { systemCode } from "./errors.ts"
import * as Sessions from "./sessions/sessions.ts"
import type { Settings } from "./settings.ts"

/**
 * Keeps a file, and answers where it is: its path, or its address when it is elsewhere; nothing when it could not be written.
 *
 * @category models
 * @since 0.1.0
 */
export type Save = (file: File) => string | undefined

/**
 * Saves the files of the session that a run or a conversation is in. What is saved twice is there once.
 *
 * **Details**
 *
 * - In `files/<session>` of the data folder, for the user's eyes only; in a temporary folder when nothing is kept.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (settings: Pick<Settings, "dataDir" | "save">, session: () => string): Save => {
  let temporary: string | undefined
  const folderOf = (): string => {
    if (!settings.save) {
      temporary ??= mkdtempSync(join(tmpdir(), "axonal-"))
      return temporary
    }
    const folder = join(Sessions.dataFolder(settings), "files", plain(session()))
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    return folder
  }
  return ({ data, mediaType, name }) => {
    if ("url" in data) return data.url
    const bytes = "text" in data ? Buffer.from(data.text) : Buffer.from(data.base64, "base64")
    try {
      const path = join(folderOf(), nameOf(bytes, mediaType, name))
      return written(path, bytes) ? path : undefined
    } catch {
      return undefined
    }
  }
}

// internal

/** What is there already has the same content, by its name. */
const written = (path: string, bytes: Uint8Array): boolean => {
  try {
    writeFileSync(path, bytes, { mode: 0o600, flag: "wx" })
    return true
  } catch (error) {
    return systemCode(error) === "EEXIST"
  }
}

/** What a model calls a file leads to no other folder. */
const nameOf = (bytes: Uint8Array, mediaType: string, name: string | undefined): string => {
  const stem = createHash("sha256").update(bytes).digest("hex").slice(0, 16)
  return name === undefined || plain(name) === "" ? `${stem}.${endingOf(mediaType)}` : `${stem}-${plain(name)}`
}

const plain = (text: string): string =>
  text
    .replace(/[^\w.-]+/g, "_")
    .replace(/^\.+/, "")
    .slice(-80)

const endingOf = (mediaType: string): string =>
  endings[mediaType] ?? /^[a-z]+\/(?:x-)?([a-z0-9]{1,8})$/.exec(mediaType)?.[1] ?? "bin"

const endings: Readonly<Record<string, string>> = {
  "image/jpeg": "jpg",
  "image/svg+xml": "svg",
  "text/plain": "txt",
  "text/markdown": "md",
  "audio/mpeg": "mp3",
  "audio/wav": "wav"
}
