/**
 * Bytes of the web as what they are: text in the charset that they say or show, media that models take, or neither.
 */
import * as Part from "../../domain/Part.ts"

/** What bytes turn out to be. `kind` of a text says how it can be read. */
export type Decoded =
  | { readonly _tag: "Text"; readonly kind: "html" | "json" | "plain"; readonly text: string }
  | { readonly _tag: "Media"; readonly mediaType: string }
  | { readonly _tag: "Binary"; readonly mediaType: string }

/** Reads bytes by their content type, and by what they show where that says nothing or is wrong. */
export const decode = (contentType: string | undefined, bytes: Uint8Array): Decoded => {
  const [name = "", ...parameters] = (contentType ?? "").split(";").map((part) => part.trim().toLowerCase())
  const mediaType = /^[\w.+-]{1,80}\/[\w.+-]{1,80}$/.test(name) ? name : ""
  const shown = Part.mediaTypeOf(bytes)
  if (shown !== undefined && !/^text\/|[+/](?:json|xml)$/.test(mediaType)) {
    return media.test(shown) ? { _tag: "Media", mediaType: shown } : { _tag: "Binary", mediaType: shown }
  }
  const isText =
    mediaType === "" || Part.isGeneric(mediaType) ? !bytes.subarray(0, 4096).includes(0) : texts.test(mediaType)
  if (!isText) return { _tag: "Binary", mediaType: mediaType || "application/octet-stream" }
  const charset = parameters
    .find((part) => part.startsWith("charset="))
    ?.slice(8)
    .replace(/^["']|["']$/g, "")
  const text = textOf(bytes, charset)
  const isPage = html.test(mediaType) || (mediaType === "" && /^\s*<(?:!doctype html|html|head|body)/i.test(text))
  if (isPage) return { _tag: "Text", kind: "html", text }
  return { _tag: "Text", kind: /[+/](?:json|manifest)$/.test(mediaType) ? "json" : "plain", text }
}

/** JSON in lines, where that changes nothing but spaces; what else it is, as it is. */
export const pretty = (text: string): string => {
  try {
    const value: unknown = JSON.parse(text)
    // Numbers that do not fit, and names that stand twice, would not come back.
    return JSON.stringify(value) === text.trim() ? JSON.stringify(value, null, 2) : text
  } catch {
    return text
  }
}

/** A text without what is not shown and may hide words: controls, marks that turn the direction, tags. */
export const visible = (text: string): string => text.replace(/\r\n?/g, "\n").replace(unseen, "")

/** A fence that a text cannot close, around it. */
export const fenced = (text: string): string => {
  const longest = (text.match(/`{3,}/g) ?? []).reduce((most, run) => Math.max(most, run.length), 2)
  const fence = "`".repeat(longest + 1)
  return `${fence}\n${text}\n${fence}`
}

// internal

const media = /^(?:image\/(?:png|jpeg|gif|webp)|audio\/.*|application\/pdf)$/

const texts =
  /^text\/|[+/](?:json|xml|yaml|x-yaml|toml|javascript|ecmascript|x-ndjson|ndjson|x-sh|sql|graphql|manifest|x-www-form-urlencoded)$/

const html = /^(?:text\/html|application\/xhtml\+xml)$/

const unseen =
  /[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\u{e0000}-\u{e007f}]/gu

/** A mark of byte order counts most, then the header, then what the text says of itself, then what it can be. */
const textOf = (bytes: Uint8Array, charset: string | undefined): string => {
  const [a, b, c] = bytes
  if (a === 0xef && b === 0xbb && c === 0xbf) return read("utf-8", bytes) ?? ""
  if (a === 0xfe && b === 0xff) return read("utf-16be", bytes) ?? ""
  if (a === 0xff && b === 0xfe) return read("utf-16le", bytes) ?? ""
  const told = charset === undefined ? undefined : read(charset, bytes)
  if (told !== undefined) return told
  const head = String.fromCharCode(...bytes.subarray(0, 1024))
  const own =
    /<meta[^>]{0,200}?charset\s*=\s*["']?([\w-]{1,40})|^<\?xml[^>]{0,100}?encoding\s*=\s*["']([\w-]{1,40})/i.exec(head)
  const named = (own?.[1] ?? own?.[2])?.toLowerCase()
  // What can be read byte by byte is not written in pairs of bytes.
  const meant = named?.startsWith("utf-16") === true ? "utf-8" : named
  return (
    (meant === undefined ? undefined : read(meant, bytes)) ??
    read("utf-8", bytes, true) ??
    read("windows-1252", bytes) ??
    ""
  )
}

/** The text, or nothing when there is no such charset. */
const read = (charset: string, bytes: Uint8Array, fatal = false): string | undefined => {
  try {
    const decoder = new TextDecoder(charset, { fatal })
    const text = decoder.decode(bytes)
    return decoder.encoding === "windows-1252" ? text.replace(/[\x80-\x9f]/g, windows) : text
  } catch {
    return undefined
  }
}

/** Some decoders take this charset for the older one, which has no letters here. */
const windows = (letter: string): string => upper[letter.charCodeAt(0) - 0x80] ?? letter

const upper = "€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ"
