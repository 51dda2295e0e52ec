/**
 * The value that a JSON text is so far. Objects and lists that are still open stand in a stack and are filled in place;
 * nobody else sees them. A snapshot copies these, sets what is being read at their ends, and takes what is finished as
 * it is.
 */
import { codes, isSpace, StringReader } from "./partialJsonString.ts"

/**
 * Reads one value by the rules of `JSON.parse`.
 *
 * @category models
 * @since 0.1.0
 */
export class Values {
  private at: Place = "value"
  private broken = false
  private fence: "possible" | "ticks" | "info" | "inside" | "closed" | "none"
  private ticks = 0
  private readonly strings = new StringReader("strict")
  private readonly frames: Array<Frame> = []
  /** The string, key, number or word that is being read. */
  private text = ""
  private word = nothing
  private root: unknown = undefined
  private snapshot: unknown = undefined
  private changed = false
  /** The entries that the next snapshot copies. */
  private width = 0
  /** The entries that may be copied without costing more than the text. */
  private credit = entriesAtFirst

  constructor(fenced: boolean) {
    this.fence = fenced ? "possible" : "none"
  }

  get state(): "open" | "done" | "broken" {
    if (this.broken) return "broken"
    return this.at === "done" ? "done" : "open"
  }

  get value(): unknown {
    if (this.changed) {
      this.changed = false
      this.credit -= this.width
      this.snapshot = this.copied()
    }
    return this.snapshot
  }

  push(text: string): boolean {
    this.credit += text.length * entriesPerCharacter
    let index = 0
    while (index < text.length && !this.broken && this.fence !== "closed") {
      if (this.at === "string" || this.at === "key") index = this.string(text, index)
      else {
        this.character(text.charCodeAt(index))
        index++
      }
    }
    return this.changed && this.credit >= this.width
  }

  end(): boolean {
    // Within a list or an object more digits may have been cut off.
    if (this.at === "number" && this.frames.length === 0) this.number()
    return this.changed
  }

  private string(text: string, start: number): number {
    const index = this.strings.read(text, start)
    const more = this.strings.drain()
    this.text += more
    if (this.at === "string" && more !== "") this.changed = true
    this.broken = this.strings.broken
    if (!this.strings.closed) return index
    const frame = this.frames.at(-1)
    if (this.at === "string") this.put(this.text)
    else if (frame !== undefined) {
      frame.key = this.text
      this.at = "colon"
    }
    return index
  }

  private character(code: number): void {
    if (this.fence !== "none" && this.fenced(code)) return
    if (this.at === "number") {
      if (isNumeric(code)) {
        this.text += String.fromCharCode(code)
        return
      }
      this.number()
    }
    if (this.at === "word") this.spell(code)
    else if (!isSpace(code)) this.token(code)
  }

  /** Whether the character belongs to the fence. */
  private fenced(code: number): boolean {
    switch (this.fence) {
      case "possible":
        if (code === codes.backtick) this.fence = "ticks"
        else if (!isSpace(code)) this.fence = "none"
        this.ticks = 1
        return code === codes.backtick
      case "ticks":
        if (code === codes.backtick) {
          this.ticks++
          return true
        }
        this.broken = this.ticks < 3
        this.fence = beginsInside(code) ? "inside" : "info"
        return this.fence === "info"
      case "info":
        this.broken = code === codes.backtick
        if (beginsInside(code)) this.fence = "inside"
        return this.fence === "info"
      default:
        if (code !== codes.backtick) return false
        // A number that stands alone ends here too.
        if (this.at === "number" && this.frames.length === 0) this.number()
        this.broken = this.at !== "done"
        this.fence = "closed"
        return true
    }
  }

  private token(code: number): void {
    switch (this.at) {
      case "element":
        if (code === codes.closeList) this.close()
        else this.begin(code)
        break
      case "value":
        this.begin(code)
        break
      case "first":
      case "next":
        if (code === codes.quote) this.open("key")
        else if (code === codes.closeObject && this.at === "first") this.close()
        else this.broken = true
        break
      case "colon":
        this.at = "value"
        this.broken = code !== codes.colon
        break
      case "after":
        this.after(code)
        break
      default:
        this.broken = true
    }
  }

  private begin(code: number): void {
    if (code === codes.quote) {
      this.changed = true
      this.open("string")
    } else if (code === codes.openList || code === codes.openObject) {
      const isList = code === codes.openList
      this.frames.push({ target: isList ? [] : {}, isList, key: "", size: 1 })
      this.width++
      this.changed = true
      this.at = isList ? "element" : "first"
    } else {
      this.text = String.fromCharCode(code)
      const word = words.find(({ spelling }) => spelling.startsWith(this.text))
      this.word = word ?? nothing
      this.at = word === undefined ? "number" : "word"
      this.broken = word === undefined && !isNumeric(code)
    }
  }

  private open(place: "key" | "string"): void {
    this.strings.open()
    this.text = ""
    this.at = place
  }

  private spell(code: number): void {
    this.text += String.fromCharCode(code)
    if (this.text === this.word.spelling) this.put(this.word.value)
    else this.broken = !this.word.spelling.startsWith(this.text)
  }

  private number(): void {
    if (numeric.test(this.text)) this.put(Number(this.text))
    else this.broken = true
  }

  private after(code: number): void {
    const isList = this.frames.at(-1)?.isList === true
    if (code === codes.comma) this.at = isList ? "value" : "next"
    else if (code === (isList ? codes.closeList : codes.closeObject)) this.close()
    else this.broken = true
  }

  private close(): void {
    const frame = this.frames.pop()
    if (frame === undefined) return
    const { changed } = this
    this.width -= frame.size
    this.put(frame.target)
    this.changed = changed
  }

  /** Sets a finished value where it belongs. */
  private put(value: unknown): void {
    // A string that is finished is no news: what there was of it has been told.
    if (this.at !== "string") this.changed = true
    const frame = this.frames.at(-1)
    if (frame === undefined) {
      this.root = value
      this.at = "done"
      return
    }
    attach(frame.target, frame.key, value)
    frame.size++
    this.width++
    this.at = "after"
  }

  private copied(): unknown {
    if (this.at === "done") return this.root
    let inner: unknown = this.at === "string" ? this.text : undefined
    for (const { target, key } of this.frames.toReversed()) {
      const copy = Array.isArray(target) ? target.slice() : { ...target }
      if (inner !== undefined) attach(copy, key, inner)
      inner = copy
    }
    return inner
  }
}

// internal

/** What is read next: a value or its rest, a key or its rest, or what may stand between them. */
type Place =
  | ("value" | "element" | "string" | "number" | "word")
  | ("first" | "next" | "key" | "colon")
  | ("after" | "done")

type Container = Array<unknown> | { [key: string]: unknown }

/** An object or a list that is open, with the key of what is being read in it. The size counts it and its entries. */
interface Frame {
  readonly target: Container
  readonly isList: boolean
  key: string
  size: number
}

const entriesPerCharacter = 16
const entriesAtFirst = 1024

interface Word {
  readonly spelling: string
  readonly value: boolean | null
}
const nothing: Word = { spelling: "null", value: null }
const words: ReadonlyArray<Word> = [nothing, { spelling: "true", value: true }, { spelling: "false", value: false }]

const numeric = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/

const isNumeric = (code: number): boolean =>
  (code >= 0x30 && code <= 0x39) || code === 0x2b || code === 0x2d || code === 0x2e || (code | 0x20) === 0x65

const beginsInside = (code: number): boolean =>
  isSpace(code) || code === codes.quote || code === codes.openList || code === codes.openObject

const attach = (target: Container, key: string, value: unknown): void => {
  if (Array.isArray(target)) target.push(value)
  // A plain assignment to this key would set the prototype.
  else if (key === "__proto__") {
    Object.defineProperty(target, key, { value, configurable: true, enumerable: true, writable: true })
  } else target[key] = value
}
