/**
 * Objects out of a text that arrives in pieces: one object, several behind each other or on lines of their own, or the
 * elements of one array. Every character is looked at once; an object is handed over as soon as its last brace is there.
 */

/**
 * Finds the objects of one response. Whatever stands between them is skipped.
 *
 * @category models
 * @since 0.1.0
 */
export class JsonValues {
  private readonly onValue: (json: string) => void
  /** What of the current object was in earlier pieces. */
  private rest = ""
  /** Open braces and brackets of the current object, 0 between objects. */
  private depth = 0
  private inString = false
  private escaped = false

  constructor(onValue: (json: string) => void) {
    this.onValue = onValue
  }

  /** Takes the next piece of text, of any size. */
  push(piece: string): void {
    let start = 0
    for (let position = 0; position < piece.length; position++) {
      const character = piece.charCodeAt(position)
      if (this.inString) {
        if (this.escaped) this.escaped = false
        else if (character === backslash) this.escaped = true
        else if (character === quote) this.inString = false
      } else if (this.depth === 0) {
        if (character === openBrace) {
          this.depth = 1
          start = position
        }
      } else if (character === quote) this.inString = true
      else if (character === openBrace || character === openBracket) this.depth++
      else if ((character === closeBrace || character === closeBracket) && --this.depth === 0) {
        const json = this.rest + piece.slice(start, position + 1)
        this.rest = ""
        this.onValue(json)
      }
    }
    if (this.depth > 0) this.rest += start === 0 ? piece : piece.slice(start)
  }
}

const quote = 34
const openBracket = 91
const backslash = 92
const closeBracket = 93
const openBrace = 123
const closeBrace = 125
