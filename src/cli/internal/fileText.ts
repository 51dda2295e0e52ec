/**
 * Reads small files that others may have put there: a checkout may have a device, a pipe or a link to one under any name, which
 * would never end.
 */
import { readFileSync, statSync } from "node:fs"

const most = 4 * 1024 * 1024

/** The bytes of a file of 4 MiB at most. It throws what the file system says, and what is wrong with any other. */
export const bytesOf = (file: string): Buffer => {
  const info = statSync(file)
  if (!info.isFile()) throw wrong("it is no regular file")
  if (info.size > most) throw wrong(`it has more than ${most} bytes`)
  return readFileSync(file)
}

/** Told as the file system tells its own. */
const wrong = (code: string): Error => Object.assign(new Error(code), { code })

/** Its text. */
export const textOf = (file: string): string => bytesOf(file).toString("utf8")
