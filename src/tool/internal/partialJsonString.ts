/**
 * Decodes a JSON string of which the pieces arrive one by one: from behind its opening quote to its closing quote. Each
 * character is looked at once. Half of a surrogate pair is kept back until its other half is there.
 */

/**
 * What a reader does with a string that JSON does not allow: decode what can be decoded, or stop.
 *
 * @category models
 * @since 0.1.0
 */
export type Manner = "lenient" | "strict"

/**
 * Reads one JSON string after the other.
 *
 * **Details**
 *
 * - `lenient`: a lone surrogate becomes U+FFFD, as does a `\u` without four digits; the character of an unknown escape
 *   stands for itself, and so do control characters.
 * - `strict`: lone surrogates stay, as `JSON.parse` has it, and every other fault sets `broken`.
 *
 * @category models
 * @since 0.1.0
 */
export class StringReader {
  /** Whether the closing quote has been read. */
  closed = false
  /** Whether the string is none that JSON knows. Only strict readers tell. */
  broken = false
  private readonly manner: Manner
  private decoded = ""
  /** -1 outside an escape, 0 when its letter is next, else how many hexadecimal digits are. */
  private awaited = -1
  private unit = 0
  /** The first half of a surrogate pair, 0 for none. */
  private high = 0

  constructor(manner: Manner) {
    this.manner = manner
  }

  /** Begins a new string. */
  open(): void {
    this.closed = false
    this.broken = false
    this.decoded = ""
    this.awaited = -1
    this.high = 0
  }

  /** Reads on from an index. Returns the index behind the closing quote, or of the fault, or the end of the piece. */
  read(piece: string, start: number): number {
    let from = start
    for (let index = start; index < piece.length; index++) {
      const code = piece.charCodeAt(index)
      if (this.awaited >= 0) {
        from = index + 1
        if (this.escaped(code)) continue
        if (this.broken) return index
        from = index
      }
      if (code === quote) {
        this.take(piece, from, index)
        this.settle()
        this.closed = true
        return index + 1
      }
      if (code === backslash) {
        this.take(piece, from, index)
        this.awaited = 0
        from = index + 1
      } else if (isSurrogate(code)) {
        this.take(piece, from, index)
        this.add(code)
        from = index + 1
      } else if (code < space && this.manner === "strict") {
        this.take(piece, from, index)
        this.broken = true
        return index
      }
    }
    this.take(piece, from, piece.length)
    return piece.length
  }

  /** What has been decoded since the last call. */
  drain(): string {
    const text = this.decoded
    this.decoded = ""
    return text
  }

  /** Gives up waiting for the other half of a pair. */
  settle(): void {
    if (this.high === 0) return
    this.decoded += this.lone(this.high)
    this.high = 0
  }

  /** Whether the character belongs to the escape that is being read. */
  private escaped(code: number): boolean {
    if (this.awaited === 0) {
      this.awaited = -1
      if (code === letterU) {
        this.awaited = 4
        this.unit = 0
        return true
      }
      const meant = escapes.get(code)
      if (meant === undefined) {
        this.broken = this.manner === "strict"
        if (this.broken) return false
      }
      this.add(meant ?? code)
      return true
    }
    const digit = digitOf(code)
    if (digit < 0) {
      this.awaited = -1
      this.broken = this.manner === "strict"
      if (!this.broken) this.add(replacement)
      return false
    }
    this.unit = this.unit * 16 + digit
    this.awaited--
    if (this.awaited === 0) {
      this.awaited = -1
      this.add(this.unit)
    }
    return true
  }

  private take(piece: string, from: number, to: number): void {
    if (from >= to) return
    this.settle()
    this.decoded += piece.slice(from, to)
  }

  private add(code: number): void {
    if (this.high !== 0 && isLow(code)) {
      this.decoded += String.fromCharCode(this.high, code)
      this.high = 0
      return
    }
    this.settle()
    if (isHigh(code)) this.high = code
    else this.decoded += isLow(code) ? this.lone(code) : String.fromCharCode(code)
  }

  private lone(code: number): string {
    return String.fromCharCode(this.manner === "strict" ? code : replacement)
  }
}

/**
 * Whether a code unit is the first half of a surrogate pair.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isHigh = (code: number): boolean => (code & 0xfc00) === 0xd800

/**
 * Whether a code unit is white space between the tokens of JSON.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isSpace = (code: number): boolean =>
  code === space || code === lineFeed || code === carriageReturn || code === tab

/**
 * The code units that JSON is built of.
 *
 * @category models
 * @since 0.1.0
 */
export const codes = {
  quote: 0x22,
  comma: 0x2c,
  colon: 0x3a,
  backslash: 0x5c,
  backtick: 0x60,
  openList: 0x5b,
  closeList: 0x5d,
  openObject: 0x7b,
  closeObject: 0x7d
} as const

// internal

const { quote, backslash } = codes
const tab = 0x09
const lineFeed = 0x0a
const carriageReturn = 0x0d
const space = 0x20
const letterU = 0x75
const replacement = 0xfffd

const escapes: ReadonlyMap<number, number> = new Map([
  [quote, quote],
  [backslash, backslash],
  [0x2f, 0x2f],
  [0x62, 0x08],
  [0x66, 0x0c],
  [0x6e, lineFeed],
  [0x72, carriageReturn],
  [0x74, tab]
])

const isLow = (code: number): boolean => (code & 0xfc00) === 0xdc00
const isSurrogate = (code: number): boolean => (code & 0xf800) === 0xd800

const digitOf = (code: number): number => {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  const letter = code | 0x20
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1
}
