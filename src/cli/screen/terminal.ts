/**
 * The terminal of the screen: its other buffer while the screen is shown, and everything as it was before when it is not,
 * however the process ends.
 */
import { writeSync } from "node:fs"
import type { Terminal } from "@earendil-works/pi-tui"
import { ProcessTerminal } from "@earendil-works/pi-tui"
import { oneLine } from "../internal/words.ts"

/**
 * A terminal with a screen of ours.
 *
 * **Details**
 *
 * - `onWheel` is told of turns of the mouse wheel, in lines, downwards positive, as `wheel` finds them; so the mouse stays free
 *   to select text.
 *
 * @category models
 * @since 0.1.0
 */
export interface Screen extends Terminal {
  readonly onWheel: (listener: (by: number) => void) => void
  readonly onResize: (listener: () => void) => void
}

/**
 * Takes the terminal of the process. Nothing happens before it is started.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (title: string, inner: Terminal = new ProcessTerminal()): Screen => {
  let isShown = false
  let off = (): void => {}
  let turned: (by: number) => void = () => {}
  let resized = (): void => {}
  // Whatever ends the process: the terminal of its user is whole again.
  const restore = (): void => {
    if (!isShown) return
    isShown = false
    try {
      process.stdin.setRawMode?.(false)
      writeSync(1, `\u001b[?2026l\u001b[?2004l\u001b[<u${leaving}`)
    } catch {
      // The terminal is gone.
    }
  }
  const turns = wheel()
  return {
    start: (onInput, onResize) => {
      isShown = true
      process.once("exit", restore)
      inner.write(`${entering}\u001b]0;${oneLine(title)}\u0007`)
      const startedAt = Date.now()
      let swallowed = 0
      const first = (data: Buffer | string): void => {
        const by = turns(String(data), Date.now())
        swallowed = Math.abs(by)
        if (by !== 0) turned(by)
      }
      // Before what splits input into keys.
      process.stdin.on("data", first)
      inner.start(
        (data) => {
          if (swallowed > 0 && arrow.test(data)) swallowed -= 1
          // What was typed before the terminal was ours has line ends in place of the Enter key.
          else onInput(data === "\n" && Date.now() - startedAt < earlyMillis ? "\r" : data)
        },
        () => {
          onResize()
          resized()
        }
      )
      off = () => process.stdin.off("data", first)
    },
    stop: () => {
      off()
      inner.stop()
      if (isShown) inner.write(leaving)
      isShown = false
      process.off("exit", restore)
    },
    onWheel: (listener) => {
      turned = listener
    },
    onResize: (listener) => {
      resized = listener
    },
    drainInput: (most, idle) => inner.drainInput(most, idle),
    // What the terminal keeps above belongs to its user, and is not erased.
    write: (data) => inner.write(data.replaceAll("\u001b[3J", "")),
    get columns() {
      return inner.columns
    },
    get rows() {
      return inner.rows
    },
    get kittyProtocolActive() {
      return inner.kittyProtocolActive
    },
    moveBy: (lines) => inner.moveBy(lines),
    hideCursor: () => inner.hideCursor(),
    showCursor: () => inner.showCursor(),
    clearLine: () => inner.clearLine(),
    clearFromCursor: () => inner.clearFromCursor(),
    clearScreen: () => inner.clearScreen(),
    setTitle: (text) => inner.setTitle(oneLine(text)),
    setProgress: (isActive) => inner.setProgress(isActive)
  }
}

/**
 * Makes what tells the mouse wheel from keys of arrows, as which terminals send its turns: of what has come in at once, by how
 * many lines it was turned, or 0.
 *
 * **Details**
 *
 * - A turn is three arrows or more at once, which hands do not press. A key that is held repeats, and of a slow connection
 *   several of these come at once, but the first has come alone a moment before.
 *
 * @category constructors
 * @since 0.1.0
 */
export const wheel = (): ((text: string, now: number) => number) => {
  let pressedAt = Number.NEGATIVE_INFINITY
  return (text, now) => {
    const [, arrow] = arrows.exec(text) ?? []
    if (arrow === undefined) return 0
    const count = text.length / 3
    if (count < 3 || now - pressedAt < heldMillis) {
      pressedAt = now
      return 0
    }
    return arrow === "A" ? -count : count
  }
}

// internal

/** Longer than keys wait before they repeat. */
const heldMillis = 700

const earlyMillis = 300

const arrows = /^(?:\u001b[[O]([AB]))(?:\u001b[[O]\1)*$/

const arrow = /^\u001b[[O][AB]$/

/** The other buffer, the window's title put by, and the wheel as keys of arrows there. */
const entering = "\u001b[?1049h\u001b[22;2t\u001b[?1007h\u001b[2J\u001b[H"

const leaving = "\u001b[>4;0m\u001b[?1007l\u001b[0m\u001b[?25h\u001b[23;2t\u001b[?1049l"
