/**
 * The beginning and the end of output of any length, in little more memory than is kept of it.
 */

/** Keeps half of the bytes from the beginning and half from the end. */
export interface Ends {
  readonly add: (bytes: Uint8Array) => void
  /** Everything, or both ends with a line between them that counts what is missing. Characters that were cut are left out. */
  readonly text: () => string
}

export const ends = (keepBytes: number): Ends => {
  const most = Math.ceil(keepBytes / 2)
  const head: Array<Uint8Array> = []
  let headBytes = 0
  let tail: Array<Uint8Array> = []
  let tailBytes = 0
  let lost = 0

  let gone = 0

  /** Lets go of what has fallen out of the tail. The list is shortened now and then, so that adding stays linear. */
  const trim = (): void => {
    let first = tail[gone]
    while (first !== undefined && tailBytes - first.length >= most) {
      tailBytes -= first.length
      lost += first.length
      first = tail[++gone]
    }
    if (gone * 2 <= tail.length) return
    tail = tail.slice(gone)
    gone = 0
  }

  return {
    add: (bytes) => {
      const room = Math.min(most - headBytes, bytes.length)
      if (room > 0) {
        head.push(room === bytes.length ? bytes : bytes.slice(0, room))
        headBytes += room
      }
      if (room === bytes.length) return
      // A copy, because a small rest would keep the whole piece.
      const rest = room === 0 ? bytes : bytes.slice(room)
      tail.push(rest.length > most ? rest.slice(rest.length - most) : rest)
      if (rest.length > most) lost += rest.length - most
      tailBytes += Math.min(rest.length, most)
      trim()
    },
    text: () => {
      const last = joined(tail.slice(gone), tailBytes)
      const over = Math.max(0, last.length - most)
      const missing = lost + over
      const first = joined(head, headBytes)
      if (missing === 0) return decoded(joined([first, last], first.length + last.length))
      return `${decoded(withoutHalfEnd(first))}\n[… ${missing} bytes left out …]\n${decoded(withoutHalfStart(last.subarray(over)))}`
    }
  }
}

/** Bytes of UTF-8 up to where their last character is whole. */
export const withoutHalfEnd = (bytes: Uint8Array): Uint8Array => {
  let start = bytes.length - 1
  while (start > 0 && bytes.length - start < 4 && goesOn(bytes[start])) start--
  const first = bytes[start]
  if (first === undefined || first < 0xc0) return bytes
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2
  return bytes.length - start < length ? bytes.subarray(0, start) : bytes
}

// internal

const joined = (pieces: ReadonlyArray<Uint8Array>, length: number): Uint8Array => {
  const whole = new Uint8Array(length)
  let at = 0
  for (const piece of pieces) {
    whole.set(piece, at)
    at += piece.length
  }
  return whole
}

const decoded = (bytes: Uint8Array): string => new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes)

/** Bytes 10xxxxxx go on with a character. */
const goesOn = (byte: number | undefined): boolean => byte !== undefined && (byte & 0xc0) === 0x80

const withoutHalfStart = (bytes: Uint8Array): Uint8Array => {
  let start = 0
  while (start < 3 && goesOn(bytes[start])) start++
  return bytes.subarray(start)
}
