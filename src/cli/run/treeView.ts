/**
 * The tree of who is doing what, on a terminal where others write as well: it stands below whatever was written last, is
 * drawn anew while something changes, and makes room when it is told to. When it closes, the whole tree stays.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type { AgentEvent } from "../../domain/AgentEvent.ts"
import { widthOf } from "../internal/layout.ts"
import type { Line } from "./tree.ts"
import * as Tree from "./tree.ts"

/**
 * A terminal to draw on, of which the size may change.
 *
 * @category models
 * @since 0.1.0
 */
export interface Window {
  readonly write: (text: string) => void
  readonly columns: () => number
  readonly rows: () => number
  readonly color: boolean
}

/**
 * A tree that is shown.
 *
 * @category models
 * @since 0.1.0
 */
export interface View {
  /** Takes events in, which came at a time in milliseconds since the epoch. They are seen a tenth of a second later at most. */
  readonly add: (events: ReadonlyArray<AgentEvent>, at: number) => void
  /** Takes the tree away, so that others may write, until as many `show` as `hide` were called. */
  readonly hide: () => void
  readonly show: () => void
}

/** Lines of the tree that stays in the end, at most. */
const mostKept = 100

/**
 * Shows a tree until the scope closes, and then what became of it.
 *
 * **Details**
 *
 * - Drawn at most ten times a second, and only when something looks different.
 * - It leaves two lines of the window to others, and the last column, which some terminals wrap at.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = (window: Window): Effect.Effect<View, never, Scope.Scope> =>
  Effect.gen(function* () {
    let tree = Tree.empty
    let hidden = 0
    let frame: Frame = { text: "", widths: [] }
    const put = (next: Frame): void => {
      if (next.text === frame.text && next.widths.length === frame.widths.length) return
      window.write(erased(frame, window) + next.text)
      frame = next
    }
    const draw = (height: number) =>
      Effect.map(Clock.currentTimeMillis, (now) => put(framed(tree, { window, height, now })))
    const drawing = Effect.suspend(() => (hidden > 0 ? Effect.void : draw(Math.max(1, window.rows() - 2))))
    yield* Effect.addFinalizer(() => draw(mostKept))
    yield* Effect.forkScoped(Effect.repeat(drawing, Schedule.spaced("100 millis")))
    return {
      add: (events, at) => {
        tree = events.reduce((tree, event) => Tree.fold(tree, event, at), tree)
      },
      hide: () => {
        hidden++
        put({ text: "", widths: [] })
      },
      show: () => {
        hidden--
      }
    }
  })

// internal

interface Frame {
  readonly text: string
  /** Columns of each line. */
  readonly widths: ReadonlyArray<number>
}

const framed = (
  tree: Tree.Tree,
  { height, now, window }: { readonly window: Window; readonly height: number; readonly now: number }
): Frame => {
  const all = Tree.lines(tree, { height, now, width: Math.max(1, window.columns() - 1) })
  if (all.length === 0) return { text: "", widths: [] }
  const text = all.map((line) => `${styled(line, window)}\n`).join("")
  // What a terminal takes for wider than it is here is cut, and does not make a line two.
  return { text: `\u001b[?7l${text}\u001b[?7h`, widths: all.map((line) => widthOf(line.text)) }
}

/** Takes a frame away. Lines that were drawn in a wider window take several rows by now. */
const erased = ({ widths }: Frame, window: Window): string => {
  if (widths.length === 0) return ""
  const columns = Math.max(1, window.columns())
  const rows = widths.reduce((sum, width) => sum + Math.max(1, Math.ceil(width / columns)), 0)
  return `\u001b[${Math.min(rows, Math.max(1, window.rows() - 1))}A\r\u001b[J`
}

const styles: { readonly [Mood in Line["mood"]]: readonly [on: number, off: number] | undefined } = {
  working: undefined,
  asking: [33, 39],
  done: [2, 22],
  unfinished: [31, 39],
  more: [2, 22]
}

const styled = ({ mood, text }: Line, { color }: Window): string => {
  const style = styles[mood]
  return !color || style === undefined ? text : `\u001b[${style[0]}m${text}\u001b[${style[1]}m`
}
