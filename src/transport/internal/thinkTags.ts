/**
 * Takes reasoning out of text in which it stands between `<think>` and `</think>` (or `<thinking>`), however the network
 * cut it. Every character is looked at once, and joined again the pieces are what came in.
 */

/**
 * Receives what is found.
 *
 * @category models
 * @since 0.1.0
 */
export interface Sink {
  readonly text: (text: string) => void
  /** Reasoning begins. `tag` is what opened it, with the blanks after it; `""` when the answer began inside. */
  readonly open: (tag: string) => void
  readonly thought: (text: string) => void
  /** Reasoning ended. `tag` is what closed it, with the blanks after it. */
  readonly close: (tag: string) => void
}

/**
 * Splits the text of one answer.
 *
 * **Details**
 *
 * - Blanks after a tag belong to the tag, so that no text begins with them.
 * - A tag is closed by its like only. An answer that begins inside of reasoning (`isInside`) may close it with either.
 *
 * @category models
 * @since 0.1.0
 */
export class ThinkTags {
  private readonly sink: Sink
  /** What may be the beginning of a tag. */
  private rest = ""
  private state: "text" | "opening" | "thought" | "closing"
  /** The tag that is being opened or closed, with the blanks after it. */
  private tag = ""
  private closing: ReadonlyArray<string> = closingTags

  constructor(sink: Sink, isInside: boolean) {
    this.sink = sink
    this.state = isInside ? "opening" : "text"
  }

  /** Takes the next piece of text, of any size. */
  push(piece: string): void {
    const text = this.rest + piece
    this.rest = ""
    let position = 0
    while (position < text.length) {
      if (this.state === "opening" || this.state === "closing") {
        const end = afterBlanks(text, position)
        this.tag += text.slice(position, end)
        position = end
        if (position === text.length) return
      }
      const tags = this.tags
      const found = next(text, position, tags)
      if (found > position) {
        this.words(text.slice(position, found))
        position = found
        // Words change which tags may come next.
        continue
      }
      const tag = tags.find((candidate) => text.startsWith(candidate, position))
      if (tag === undefined) {
        this.rest = text.slice(position)
        return
      }
      this.take(tag)
      position += tag.length
    }
  }

  /** Something else comes, or nothing: what looked like the beginning of a tag was none. */
  flush(): void {
    const { rest } = this
    this.rest = ""
    if (rest !== "") this.words(rest)
    if (this.state === "opening" && this.tag !== "") this.begin()
    if (this.state === "closing") this.end()
  }

  /** What can come next. An answer that began inside may open what is open. */
  private get tags(): ReadonlyArray<string> {
    if (this.state === "text" || this.state === "closing") return openingTags
    return this.state === "opening" && this.tag.trim() === "" ? bothTags : this.closing
  }

  private take(tag: string): void {
    if (openingTags.includes(tag)) {
      if (this.state === "closing") this.end()
      this.tag += tag
      this.closing = [tag.replace("<", "</")]
      this.state = "opening"
    } else {
      if (this.state === "opening") this.begin()
      this.tag = tag
      this.state = "closing"
    }
  }

  private words(words: string): void {
    if (this.state === "opening") this.begin()
    if (this.state === "closing") this.end()
    if (this.state === "text") this.sink.text(words)
    else this.sink.thought(words)
  }

  private begin(): void {
    const { tag } = this
    this.tag = ""
    // First, since the receiver may flush.
    this.state = "thought"
    this.sink.open(tag)
  }

  private end(): void {
    const { tag } = this
    this.tag = ""
    this.state = "text"
    this.sink.close(tag)
  }
}

// internal

const openingTags: ReadonlyArray<string> = ["<think>", "<thinking>"]
const closingTags: ReadonlyArray<string> = ["</think>", "</thinking>"]
const bothTags: ReadonlyArray<string> = [...openingTags, ...closingTags]

/** Where the next tag is, or what may become one; the end when there is none. */
const next = (text: string, from: number, tags: ReadonlyArray<string>): number => {
  for (let at = text.indexOf("<", from); at !== -1; at = text.indexOf("<", at + 1)) {
    const left = text.length - at
    for (const tag of tags) {
      if (left >= tag.length ? text.startsWith(tag, at) : tag.startsWith(text.slice(at))) return at
    }
  }
  return text.length
}

const afterBlanks = (text: string, from: number): number => {
  let at = from
  for (let code = text.charCodeAt(at); code === 32 || code === 10 || code === 13 || code === 9; ) {
    code = text.charCodeAt(++at)
  }
  return at
}
