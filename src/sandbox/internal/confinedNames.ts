/**
 * Names and paths as texts. A name whose bytes are no UTF-8 is told with a lone surrogate, U+DC80 to U+DCFF, in the place of
 * each byte that is none, and such a text leads back to it.
 */
import { invalid } from "./confinedReasons.ts"

/** A path as it was given, in its names. `.` and empty ones are left out. */
export interface Parsed {
  readonly absolute: boolean
  readonly names: ReadonlyArray<string>
  /** It ends as only a folder's does. */
  readonly folder: boolean
}

export const parsed = (path: string): Parsed => {
  if (path === "") throw invalid('the path is empty; the folder itself is "."')
  if (path.length > most.characters) throw invalid(`the path is longer than ${most.characters} characters`)
  if (path.includes("\0")) throw invalid("a path cannot contain a NUL character")
  if (surrogate.test(path) && surrogate.test(path.replace(escapedBytes, ""))) {
    throw invalid("the path is no well-formed text")
  }
  return { absolute: path.startsWith("/"), names: namesOf(path), folder: /(^|\/)\.{0,2}$/.test(path) }
}

export const namesOf = (path: string): ReadonlyArray<string> =>
  path.split("/").filter((name) => name !== "" && name !== ".")

export const joined = (names: ReadonlyArray<string>): string => `/${names.join("/")}`

/** A path as the system takes it. */
export const native = (path: string): string | Buffer =>
  surrogate.test(path)
    ? Buffer.concat(
        path
          .split(/([\udc80-\udcff])/u)
          .map((part, index) =>
            index % 2 === 0 ? Buffer.from(part) : Buffer.from([part.charCodeAt(0) - firstEscape + 0x80])
          )
      )
    : path

/** The name that the system gave. */
export const decoded = (bytes: Uint8Array): string => {
  const whole = utf8(bytes)
  if (whole !== undefined) return whole
  let [text, at] = ["", 0]
  while (at < bytes.length) {
    const character = [1, 2, 3, 4]
      .map((length) => bytes.subarray(at, at + length))
      .find((part) => utf8(part) !== undefined)
    text += character === undefined ? String.fromCharCode(firstEscape + (bytes[at] ?? 0) - 0x80) : utf8(character)
    at += character?.length ?? 1
  }
  return text
}

// internal

const most = { characters: 65_536 } as const

const firstEscape = 0xdc80

/** Lone ones only: a pair is one character. */
const surrogate = /\p{Surrogate}/u
const escapedBytes = /[\udc80-\udcff]/gu

const utf8 = (bytes: Uint8Array): string | undefined => {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}
