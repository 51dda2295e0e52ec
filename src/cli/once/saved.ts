/**
 * Files that a model made, as pictures and sound: kept beside the sessions, since a terminal in plain lines cannot show them.
 */
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import type { File } from "../../domain/Part.ts"
import * as Sessions from "../sessions/sessions.ts"
import type { Settings } from "../settings.ts"

/**
 * Saves the files of a session, each under a name of its own. Answers the path, or where the file is when it is elsewhere;
 * nothing when it could not be written.
 *
 * **Details**
 *
 * - In `files/<session>` of the data folder, for the user's eyes only; in a temporary folder when nothing is kept.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  settings: Pick<Settings, "dataDir" | "save">,
  session: string
): ((file: File) => string | undefined) => {
  let folder: string | undefined
  let count = 0
  return ({ data, mediaType, name }) => {
    if ("url" in data) return data.url
    const bytes = "text" in data ? data.text : Either.getOrUndefined(Encoding.decodeBase64(data.base64))
    if (bytes === undefined) return undefined
    try {
      folder ??= folderOf(settings, session)
      const path = join(folder, nameOf(++count, mediaType, name))
      writeFileSync(path, bytes, { mode: 0o600, flag: "wx" })
      return path
    } catch {
      return undefined
    }
  }
}

// internal

const folderOf = (settings: Pick<Settings, "dataDir" | "save">, session: string): string => {
  if (!settings.save) return mkdtempSync(join(tmpdir(), "axonal-"))
  const folder = join(Sessions.dataFolder(settings), "files", plain(session))
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  return folder
}

/** What a model calls a file leads to no other folder. Later runs of a session overwrite nothing. */
const nameOf = (count: number, mediaType: string, name: string | undefined): string => {
  const stem = `${Date.now().toString(36)}-${count}`
  if (name !== undefined && plain(name) !== "") return `${stem}-${plain(name)}`
  const end = plain(mediaType.replace(/^.*\//, "").replace(/\+.*$/, "")) || "bin"
  return `${stem}.${end === "jpeg" ? "jpg" : end === "plain" ? "txt" : end}`
}

const plain = (text: string): string =>
  text
    .replace(/[^\w.-]+/g, "_")
    .replace(/^\.+/, "")
    .slice(-80)
