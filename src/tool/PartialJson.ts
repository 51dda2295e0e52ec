/**
 * JSON that arrives in pieces, read while it arrives: the fields of a tool's arguments as events (`makeFields`), and
 * the value that an answer is so far (`makeValue`). Both are plain mutable objects, one per text, that look at each
 * character once, never throw and give the same however the text was cut. Whether the whole is what was asked for is
 * decided elsewhere, when it is there.
 *
 * Own parsers and no library, after a look at the maintained ones (November 2026). `partial-json` 0.1.7 and
 * `best-effort-json-parser` 1.5.1 take the whole text each time: small objects in pieces of 20 characters take 7 s and
 * 42 s for 100 KB. `@streamparser/json` 0.0.26, `jsonriver` 1.1.1 and `stream-json` 3.8.0 are incremental, but end at
 * the first thing that JSON does not allow, such as an unknown escape in a string. None mends lone surrogates, gives
 * nested values as raw text, or gives snapshots of the whole that stay as they are.
 */
import { codes, isHigh, isSpace, StringReader } from "./internal/partialJsonString.ts"
import { Values } from "./internal/partialJsonValue.ts"

/**
 * What the fields of an object are told by: the start of a value, more of it, its end. In the order of the text.
 *
 * **Details**
 *
 * - `text` of a delta is never empty: a piece of the string if the value is one, otherwise a piece of its raw JSON.
 *
 * @category models
 * @since 0.1.0
 */
export type FieldEvent =
  | { readonly _tag: "FieldStart"; readonly key: string }
  | { readonly _tag: "FieldDelta"; readonly key: string; readonly text: string }
  | { readonly _tag: "FieldEnd"; readonly key: string }

/**
 * Tells the fields of one object apart while its text arrives.
 *
 * @category models
 * @since 0.1.0
 */
export interface FieldReader {
  /** Takes the next piece, `""` included. Gives what it brings, with at most one delta per field. */
  readonly push: (text: string) => ReadonlyArray<FieldEvent>
  /** Ends the field that is open, with what there is of it. Gives nothing when called again. */
  readonly end: () => ReadonlyArray<FieldEvent>
  /** Whether the object has been closed. If not after `end`, the text was cut off or is no JSON object. */
  readonly done: boolean
}

/**
 * Knows the largest value that the text so far is sure to begin with.
 *
 * @category models
 * @since 0.1.0
 */
export interface ValueReader {
  /**
   * Takes the next piece, `""` included. Whether `value` is worth a look: it has changed since it was last read, and as
   * much text has come in since then as pays for the copying.
   */
  readonly push: (text: string) => boolean
  /** Ends the text, and with it a number that stands alone. Whether `value` has changed since it was last read. */
  readonly end: () => boolean
  /** A snapshot, `undefined` as long as there is nothing. It never changes; the next shares its finished parts. */
  readonly value: unknown
  /** `done` when the value is whole, `broken` when the text is no JSON, from where on `value` stays as it was. */
  readonly state: "open" | "done" | "broken"
}

/**
 * How a text may differ from plain JSON.
 *
 * @category models
 * @since 0.1.0
 */
export interface ValueOptions {
  /** Whether the value may stand in a Markdown fence, whose opening and all that follows its closing are left out. */
  readonly fenced?: boolean | undefined
}

/**
 * Reads the fields of an object one by one.
 *
 * **Details**
 *
 * - Strings come decoded: a lone surrogate is U+FFFD, the character of an unknown escape stands for itself, line ends
 *   stay as they are. Everything else is the raw JSON text of the value, its inner white space included.
 * - A field starts with the first character of its value. One that is cut off ends with what there is of it.
 * - Only the fields of the outermost object are told. A text that is none, and what follows something that cannot stand
 *   in an object, gives no events.
 *
 * **Gotchas**
 *
 * A key that occurs twice gives two fields.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeFields = (): FieldReader => new Fields()

/**
 * Reads a value as far as it is there.
 *
 * **Details**
 *
 * - Strings are cut (never within a surrogate pair), numbers and words are there when they have ended, objects and
 *   lists as far as they go; a key comes with the beginning of its value.
 * - The rules are those of `JSON.parse`: what it takes is read to the same value, what it refuses is `broken` or never
 *   `done`.
 * - Cost: linear in the text. A snapshot copies the objects and lists that are still open, so `push` asks for one when
 *   there has been a character for every 16 entries to copy. Reading `value` more often is allowed, and costs more.
 *
 * **Gotchas**
 *
 * Of a key that occurs twice the later value counts, so that the earlier one is replaced while it is read.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeValue = (options?: ValueOptions): ValueReader => new Values(options?.fenced === true)

/**
 * The text that stands in a Markdown fence, or the text itself if it does not begin with one.
 *
 * **Details**
 *
 * - White space before the fence is left out, and all that follows its closing. The closing may be missing.
 *
 * @category converters
 * @since 0.1.0
 */
export const withoutFence = (text: string): string => {
  const opening = /^[ \t\r\n]*`{3,}[^ \t\r\n`"{[]*/.exec(text)
  if (opening === null) return text
  const rest = text.slice(opening[0].length)
  // JSON has no line ends in its strings, so the first line that begins like this closes the fence.
  const closing = /[\r\n][ \t]*```/.exec(rest)
  if (closing !== null) return rest.slice(0, closing.index)
  let end = rest.trimEnd().length
  while (rest.charAt(end - 1) === "`") end--
  return rest.slice(0, end)
}

// internal

class Fields implements FieldReader {
  done = false
  private state: "before" | "next" | "key" | "colon" | "value" | "string" | "nested" | "scalar" | "after" | "over" =
    "before"
  private readonly strings = new StringReader("lenient")
  private key = ""
  /** Of raw values: the open brackets, and whether a string and an escape in it are being read. */
  private depth = 0
  private quoted = false
  private escaped = false
  /** The first half of a surrogate pair in a raw value. */
  private held = ""

  push(text: string): ReadonlyArray<FieldEvent> {
    const events: Array<FieldEvent> = []
    let index = 0
    while (index < text.length && this.state !== "over") {
      switch (this.state) {
        case "key":
          index = this.strings.read(text, index)
          if (this.strings.closed) {
            this.key = this.strings.drain()
            this.state = "colon"
          }
          break
        case "string":
          index = this.strings.read(text, index)
          this.tell(events, this.strings.drain())
          if (this.strings.closed) this.finish(events, "after")
          break
        case "nested":
          index = this.nested(text, index, index, events)
          break
        case "scalar":
          index = this.scalar(text, index, index, events)
          break
        default:
          index = this.between(text, index, events)
      }
    }
    return events
  }

  end(): ReadonlyArray<FieldEvent> {
    const events: Array<FieldEvent> = []
    if (this.state === "string") {
      this.strings.settle()
      this.tell(events, this.strings.drain())
      this.finish(events, "over")
    } else if (this.state === "nested" || this.state === "scalar") {
      this.tell(events, this.held)
      this.finish(events, "over")
    }
    this.state = "over"
    return events
  }

  /** One character that is no part of a string and no further part of a value. Returns the index to go on from. */
  private between(text: string, index: number, events: Array<FieldEvent>): number {
    const code = text.charCodeAt(index)
    if (isSpace(code)) return index + 1
    switch (this.state) {
      case "before":
        this.state = code === codes.openObject ? "next" : "over"
        break
      case "next":
        if (code === codes.quote) {
          this.strings.open()
          this.state = "key"
        } else this.close(code)
        break
      case "colon":
        this.state = code === codes.colon ? "value" : "over"
        break
      case "value":
        return this.begin(text, index, code, events)
      default:
        if (code === codes.comma) this.state = "next"
        else this.close(code)
    }
    return index + 1
  }

  private begin(text: string, index: number, code: number, events: Array<FieldEvent>): number {
    if (noValue.has(code)) {
      this.close(code)
      return index + 1
    }
    events.push({ _tag: "FieldStart", key: this.key })
    this.held = ""
    if (code === codes.quote) {
      this.strings.open()
      this.state = "string"
      return index + 1
    }
    if (code === codes.openObject || code === codes.openList) {
      this.depth = 1
      this.state = "nested"
      return this.nested(text, index, index + 1, events)
    }
    this.state = "scalar"
    return this.scalar(text, index, index + 1, events)
  }

  /** Reads on in an object or a list. What has been read of it in this piece starts at `from`. */
  private nested(text: string, from: number, start: number, events: Array<FieldEvent>): number {
    let last = 0
    for (let index = start; index < text.length; index++) {
      last = text.charCodeAt(index)
      if (this.quoted) {
        if (this.escaped) this.escaped = false
        else if (last === codes.backslash) this.escaped = true
        else if (last === codes.quote) this.quoted = false
      } else if (last === codes.quote) this.quoted = true
      else if (last === codes.openObject || last === codes.openList) this.depth++
      else if (last === codes.closeObject || last === codes.closeList) {
        this.depth--
        if (this.depth === 0) {
          this.tell(events, this.held + text.slice(from, index + 1))
          this.finish(events, "after")
          return index + 1
        }
      }
    }
    return this.suspend(text, from, last, events)
  }

  /** Reads on in a number or a word, to the character behind it. */
  private scalar(text: string, from: number, start: number, events: Array<FieldEvent>): number {
    let last = 0
    for (let index = start; index < text.length; index++) {
      last = text.charCodeAt(index)
      if (last === codes.comma || last === codes.closeObject || isSpace(last)) {
        this.tell(events, this.held + text.slice(from, index))
        this.finish(events, last === codes.comma ? "next" : "after")
        if (last === codes.closeObject) this.close(last)
        return index + 1
      }
    }
    return this.suspend(text, from, last, events)
  }

  /** Tells what the piece holds of a raw value that goes on in the next one. */
  private suspend(text: string, from: number, last: number, events: Array<FieldEvent>): number {
    const to = isHigh(last) ? text.length - 1 : text.length
    this.tell(events, this.held + text.slice(from, to))
    this.held = text.slice(to)
    return text.length
  }

  private tell(events: Array<FieldEvent>, text: string): void {
    if (text !== "") events.push({ _tag: "FieldDelta", key: this.key, text })
  }

  private finish(events: Array<FieldEvent>, state: "next" | "after" | "over"): void {
    events.push({ _tag: "FieldEnd", key: this.key })
    this.state = state
  }

  private close(code: number): void {
    this.done = code === codes.closeObject
    this.state = "over"
  }
}

const noValue: ReadonlySet<number> = new Set([codes.comma, codes.colon, codes.closeObject, codes.closeList])
