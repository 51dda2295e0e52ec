/**
 * Output that waits to be read. Of what nobody reads, the newest is kept.
 */

import { isInPair } from "../../internal/texts.ts"
import type { Output } from "../../sandbox/Sandbox.ts"
import { plainText } from "./terminalText.ts"

export interface Unread {
  readonly add: (output: Output) => void
  readonly isEmpty: () => boolean
  /** What was not read yet. */
  readonly take: () => string
}

/** Most characters that wait. */
const most = 64 * 1024

export const make = (): Unread => {
  const decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() }
  let [text, lost] = ["", 0]
  return {
    add: ({ bytes, from }) => {
      text += decoders[from].decode(bytes, { stream: true })
      // Cut now and then rather than each time, so that it takes linear time.
      if (text.length > most * 2) {
        const at = text.length - most
        const start = isInPair(text, at) ? at + 1 : at
        lost += start
        text = text.slice(start)
      }
    },
    isEmpty: () => text === "",
    take: () => {
      const over = Math.max(0, text.length - most)
      const start = isInPair(text, over) ? over + 1 : over
      const plain = plainText(text.slice(start)).trimEnd()
      const missing = lost + start
      ;[text, lost] = ["", 0]
      return missing === 0 ? plain : `[… ${missing} characters before this were not kept …]\n${plain}`
    }
  }
}
