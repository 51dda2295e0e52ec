/**
 * Server-sent events: text in, events out, one mutable decoder per response. Lines end with LF, CRLF or CR, wherever the
 * network cut them; every character is looked at once, however small the pieces are. What an event means is up to the
 * `Sink`; what the specification ignores (unknown fields) is handed over too, because some servers hide errors there.
 */

/**
 * Receives what a decoder finds. `name` is `""` for events without a name.
 *
 * @category models
 * @since 0.1.0
 */
export interface Sink {
  /** An event is complete. */
  readonly onEvent: (data: string, name: string) => void
  /** A field that the specification does not know. */
  readonly onField: (field: string, value: string) => void
}

/**
 * Decodes one response.
 *
 * **Details**
 *
 * - Source: "Server-sent events", HTML Living Standard, section 9.2.6, https://html.spec.whatwg.org. We deviate in one
 *   point: `end` dispatches an event that lacks its final blank line, since several servers never send it.
 * - An own parser and not a library: `eventsource-parser` 3.1 costs the same per event, but it is quadratic in the size
 *   of a piece that holds a single CR among LFs (a proxy's CRLF comment: 300 ms for 1.6 MB), which WIRE-1 forbids.
 *
 * @category models
 * @since 0.1.0
 */
export class Decoder {
  private readonly sink: Sink
  /** The beginning of a line whose end has not arrived. */
  private rest = ""
  private data = ""
  private hasData = false
  private name = ""
  /** The last character was CR: an LF that follows belongs to it. */
  private afterCarriageReturn = false
  private atStart = true

  constructor(sink: Sink) {
    this.sink = sink
  }

  /** Takes the next piece of text, of any size. */
  push(piece: string): void {
    if (piece.length === 0) return
    let position = 0
    if (this.atStart) {
      this.atStart = false
      if (piece.charCodeAt(0) === 0xfeff) position = 1
    }
    if (this.afterCarriageReturn && position < piece.length) {
      this.afterCarriageReturn = false
      if (piece.charCodeAt(position) === 10) position++
    }
    let carriageReturn = piece.indexOf("\r", position)
    let lineFeed = piece.indexOf("\n", position)
    while (carriageReturn !== -1 || lineFeed !== -1) {
      const byCarriageReturn = carriageReturn !== -1 && (lineFeed === -1 || carriageReturn < lineFeed)
      const end = byCarriageReturn ? carriageReturn : lineFeed
      if (this.rest === "") this.line(piece, position, end)
      else {
        const line = this.rest + piece.slice(position, end)
        this.rest = ""
        this.line(line, 0, line.length)
      }
      position = end + 1
      // Each of the two is searched for again only when it was passed: one of them may be missing for a long way.
      if (byCarriageReturn) {
        if (position === piece.length) this.afterCarriageReturn = true
        else if (lineFeed === position) position++
        carriageReturn = piece.indexOf("\r", position)
      }
      if (lineFeed !== -1 && lineFeed < position) lineFeed = piece.indexOf("\n", position)
    }
    if (position < piece.length) this.rest += position === 0 ? piece : piece.slice(position)
  }

  /** No more text will come: completes the last line and the last event. */
  end(): void {
    const line = this.rest
    this.rest = ""
    if (line !== "") this.line(line, 0, line.length)
    this.dispatch()
  }

  /** Reads the line between `start` and `end` of `text`. */
  private line(text: string, start: number, end: number): void {
    if (start === end) {
      this.dispatch()
    } else if (text.startsWith("data:", start)) {
      const value = text.slice(text.charCodeAt(start + 5) === 32 ? start + 6 : start + 5, end)
      this.data = this.hasData ? `${this.data}\n${value}` : value
      this.hasData = true
    } else if (text.charCodeAt(start) !== 58) {
      this.field(text.slice(start, end))
    }
  }

  /** Any line but a blank one, a comment and `data: …`. */
  private field(line: string): void {
    const colon = line.indexOf(":")
    const field = colon === -1 ? line : line.slice(0, colon)
    const value = colon === -1 ? "" : line.slice(line.charCodeAt(colon + 1) === 32 ? colon + 2 : colon + 1)
    if (field === "event") this.name = value
    else if (field === "data") {
      this.data = this.hasData ? `${this.data}\n${value}` : value
      this.hasData = true
    } else if (field !== "id" && field !== "retry") this.sink.onField(field, value)
  }

  private dispatch(): void {
    const { data, hasData, name } = this
    this.name = ""
    if (!hasData) return
    this.data = ""
    this.hasData = false
    this.sink.onEvent(data, name)
  }
}

/**
 * Decodes the bytes of one response to text. A character cut between two pieces appears with the second.
 *
 * **Details**
 *
 * - A piece that ends with an ASCII byte (all but a few) is decoded without keeping state, which is twice as fast.
 *
 * @category models
 * @since 0.1.0
 */
export class TextPieces {
  private readonly streaming = new TextDecoder("utf-8", { ignoreBOM: true })
  private pending = false

  /** The text of the next bytes. */
  decode(bytes: Uint8Array): string {
    const last = bytes.length - 1
    if (last < 0) return ""
    // Index `last` exists; only the type does not know it.
    const whole = (bytes[last] ?? 0) < 0x80
    if (whole && !this.pending) return stateless.decode(bytes)
    this.pending = !whole
    return this.streaming.decode(bytes, { stream: !whole })
  }

  /** What is left of a character that never arrived whole: a replacement character, or nothing. */
  end(): string {
    return this.pending ? this.streaming.decode() : ""
  }
}

const stateless = new TextDecoder("utf-8", { ignoreBOM: true })
