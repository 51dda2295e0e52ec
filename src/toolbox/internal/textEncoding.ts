/**
 * How bytes are text: which encoding they have, and the way there and back without a loss. What is decoded here and encoded
 * again unchanged has the same bytes.
 */

/** The byte order mark is no part of the text. `windows-1252` is what is commonly meant by Latin-1. */
export type Encoding = "UTF-8" | "UTF-8 with BOM" | "UTF-16LE" | "UTF-16BE" | "Latin-1"

/** How many bytes stand before the text. */
export const markLength = (encoding: Encoding): number => marks[encoding].length

/** How many bytes a unit of the text has, and so a line feed. */
export const unitOf = (encoding: Encoding): 1 | 2 => (encoding === "UTF-16LE" || encoding === "UTF-16BE" ? 2 : 1)

/** How many bytes of a file are looked at to tell what it is. */
export const sampleBytes = 64 * 1024

/** The encoding of a file that begins so, or nothing if it is no text. `isWhole` when these are all of its bytes. */
export const encodingOf = (bytes: Uint8Array, isWhole: boolean): Encoding | undefined => {
  const head = bytes.subarray(0, sampleBytes)
  if (begins(head, marks["UTF-8 with BOM"])) return isUtf8(head) ? "UTF-8 with BOM" : undefined
  const wide = begins(head, marks["UTF-16LE"]) ? "UTF-16LE" : begins(head, marks["UTF-16BE"]) ? "UTF-16BE" : undefined
  if (wide !== undefined) {
    const isUtf32 = wide === "UTF-16LE" && head.length >= 4 && head[2] === 0 && head[3] === 0
    return isUtf32 || (isWhole && bytes.length % 2 === 1) ? undefined : wide
  }
  if (head.includes(0)) return undefined
  if (isWhole && head.length === bytes.length ? decodedUtf8(head) !== undefined : isUtf8(head)) return "UTF-8"
  return head.some(isControl) ? undefined : "Latin-1"
}

/** The text of a whole file and the encoding that gives the same bytes back, or nothing if it is no text. */
export const textOf = (bytes: Uint8Array): { readonly text: string; readonly encoding: Encoding } | undefined => {
  const encoding = encodingOf(bytes, true)
  if (encoding === undefined) return undefined
  const rest = bytes.subarray(markLength(encoding))
  if (encoding !== "UTF-8" && encoding !== "UTF-8 with BOM") return { text: decode(rest, encoding), encoding }
  const text = decodedUtf8(rest)
  // What looks like UTF-8 at first and is not: byte by byte, which loses nothing. The mark is then three characters.
  return text === undefined ? { text: decode(bytes, "Latin-1"), encoding: "Latin-1" } : { text, encoding }
}

/** The text of some bytes behind the mark. In UTF-8, what is none becomes U+FFFD. */
export const decode = (bytes: Uint8Array, encoding: Encoding): string => {
  switch (encoding) {
    case "UTF-8":
    case "UTF-8 with BOM":
      return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes)
    case "Latin-1":
      return fromUnits(bytes).replace(/[\x80-\x9f]/g, (unit) => upper[unit.charCodeAt(0) - 0x80] ?? unit)
    default:
      return fromUnits(units(bytes, encoding))
  }
}

/** The bytes of a text with the mark, or the first character that the encoding does not have. */
export const encode = (
  text: string,
  encoding: Encoding
): { readonly bytes: Uint8Array } | { readonly unknown: string } => {
  if (encoding === "UTF-8") return { bytes: new TextEncoder().encode(text) }
  if (encoding === "UTF-8 with BOM") return { bytes: marked(marks[encoding], new TextEncoder().encode(text)) }
  if (encoding === "Latin-1") return narrow(text)
  const bytes = new Uint8Array(2 + text.length * 2)
  bytes.set(marks[encoding])
  const [low, high] = encoding === "UTF-16LE" ? [2, 3] : [3, 2]
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index)
    bytes[low + index * 2] = unit & 0xff
    bytes[high + index * 2] = unit >> 8
  }
  return { bytes }
}

// internal

const marks = {
  "UTF-8": [],
  "UTF-8 with BOM": [0xef, 0xbb, 0xbf],
  "UTF-16LE": [0xff, 0xfe],
  "UTF-16BE": [0xfe, 0xff],
  "Latin-1": []
} satisfies Record<Encoding, ReadonlyArray<number>>

const begins = (bytes: Uint8Array, mark: ReadonlyArray<number>): boolean =>
  bytes.length >= mark.length && mark.every((byte, index) => bytes[index] === byte)

const marked = (mark: ReadonlyArray<number>, bytes: Uint8Array): Uint8Array => {
  const whole = new Uint8Array(mark.length + bytes.length)
  whole.set(mark)
  whole.set(bytes, mark.length)
  return whole
}

const decodedUtf8 = (bytes: Uint8Array): string | undefined => {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}

/** Whether bytes may be UTF-8 of which the last character is cut. */
const isUtf8 = (bytes: Uint8Array): boolean => {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true })
    return true
  } catch {
    return false
  }
}

/** What stands in no text: all control characters but those from bell to carriage return, and escape. */
const isControl = (byte: number): boolean => (byte < 32 && !(byte >= 7 && byte <= 13) && byte !== 27) || byte === 127

/** The characters of 0x80 to 0x9f in windows-1252. Those that it leaves out stand for themselves. */
const upper = [..."€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ"]

const bytesOfUpper = new Map(upper.map((character, index) => [character.charCodeAt(0), 0x80 + index]))

const narrow = (text: string): { readonly bytes: Uint8Array } | { readonly unknown: string } => {
  const bytes = new Uint8Array(text.length)
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index)
    const byte = unit < 0x80 || (unit >= 0xa0 && unit <= 0xff) ? unit : bytesOfUpper.get(unit)
    if (byte === undefined) return { unknown: String.fromCodePoint(text.codePointAt(index) ?? unit) }
    bytes[index] = byte
  }
  return { bytes }
}

const fromUnits = (units: Uint8Array | Uint16Array): string => {
  let text = ""
  for (let at = 0; at < units.length; at += 8192) text += String.fromCharCode(...units.subarray(at, at + 8192))
  return text
}

const units = (bytes: Uint8Array, encoding: "UTF-16LE" | "UTF-16BE"): Uint16Array => {
  const length = bytes.length >> 1
  const found = new Uint16Array(length)
  const [low, high] = encoding === "UTF-16LE" ? [0, 1] : [1, 0]
  for (let index = 0; index < length; index++) {
    found[index] = (bytes[index * 2 + low] ?? 0) | ((bytes[index * 2 + high] ?? 0) << 8)
  }
  return found
}
