/**
 * Frames of how things stand: the part of the transcript that is seen, what stands above the editor, and the lines around it.
 * It remembers from one frame to the next where the transcript was, so that what is read stays where it is.
 */
import type { Figures } from "../assistant/figures.ts"
import { oneLine, plural } from "../internal/words.ts"
import * as Approval from "./approval.ts"
import * as Frame from "./frame.ts"
import * as Keys from "./keys.ts"
import * as Picker from "./picker.ts"
import * as Asking from "./question.ts"
import type { About, State } from "./state.ts"
import { isWriting } from "./state.ts"
import * as Status from "./status.ts"
import type { Theme } from "./theme.ts"
import type { Place, Transcript } from "./transcript/transcript.ts"
import * as Viewport from "./viewport.ts"
import * as Welcome from "./welcome.ts"
import { cut, linesOf, rule } from "./words.ts"

/**
 * What a frame is made of besides what is known already.
 *
 * @category models
 * @since 0.1.0
 */
export interface Moment {
  readonly state: State
  readonly status: Figures | undefined
  readonly editor: ReadonlyArray<string>
  readonly width: number
  readonly rows: number
  readonly now: number
}

/**
 * Frames, and what of the last one has to be known when a key is pressed.
 *
 * @category models
 * @since 0.1.0
 */
export interface View {
  readonly frame: (moment: Moment) => ReadonlyArray<string>
  readonly seen: () => Pick<About, "height" | "rows" | "last">
  /** Where the chosen card is seen. */
  readonly showing: (viewport: Viewport.Viewport) => Viewport.Viewport
}

/**
 * Makes it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (setting: {
  readonly transcript: Transcript
  readonly theme: Theme
  readonly folder: string
}): View => {
  const { folder, theme, transcript } = setting
  const seen = { height: 0, rows: 0, last: 0, width: 80, head: 0 }
  /** The first line that was seen, by what it was a line of. */
  let anchor: { readonly top: number; readonly width: number; readonly place: Place } | undefined

  const placed = ({ top }: Viewport.Viewport, width: number): Viewport.Viewport => {
    if (top === undefined || anchor === undefined || anchor.top !== top) return { top }
    return { top: seen.head + transcript.lineOf(width, anchor.place) }
  }
  const passage = (viewport: Viewport.Viewport, width: number, rows: number): ReadonlyArray<string> => {
    const inner = Math.max(20, width)
    const welcome = Welcome.lines(folder, theme, width)
    const height = welcome.length + transcript.height(inner)
    seen.head = welcome.length
    const { from, to, below } = Viewport.seen(placed(viewport, inner), height, rows)
    Object.assign(seen, { height, rows, width: inner })
    const line = from - welcome.length
    const top = viewport.top
    anchor = top === undefined || line < 0 ? undefined : { top, width: inner, place: transcript.placeOf(inner, line) }
    const shown = [
      ...welcome.slice(from, to),
      ...transcript.lines(inner, Math.max(0, line), Math.max(0, to - welcome.length))
    ]
    if (below === 0 || rows < 3) return shown
    return [...shown.slice(0, -1), theme.accent(cut(`  ↓ ${plural(below + 1, "more line")} · Ctrl-End`, width))]
  }
  const card = ({ now, state, width }: Moment): ((rows: number) => ReadonlyArray<string>) | undefined => {
    const { asks, open } = state
    const place = [1, asks.length] as const
    switch (open?._tag) {
      case "Approval":
        return (rows) => {
          const { previews, question } = open.ask
          const { last, lines } = Approval.view(open.card, question, { now, place, previews, rows, theme, width })
          seen.last = last
          return lines
        }
      case "Question":
        return (rows) => Asking.view(open.card, open.ask.question, { now, place, rows, theme, width })
      case "Picker":
        return (rows) => Picker.view(open.picker, { rows: Math.min(rows, 16), theme, width })
      case "Sheet":
        return (rows) => {
          const all = sheet(theme, width)
          seen.last = Math.max(0, all.length - rows + 1)
          const from = Math.min(open.scroll, seen.last)
          return [rule(width, theme.accent, theme.accent("Keys"), "Esc closes"), ...all.slice(from, from + rows - 1)]
        }
      case undefined:
        return undefined
    }
  }
  return {
    frame: (moment) => {
      const { editor, now, rows, state, status, width } = moment
      return Frame.make(
        {
          transcript: (room) => passage(state.viewport, width, room),
          card: card(moment),
          work: Status.working(status, theme, width, now),
          waiting: (room) => Status.waiting(status, theme, width, room),
          hint: state.hint === undefined ? undefined : theme.warning(cut(oneLine(state.hint), width)),
          editor,
          isWriting: isWriting(state),
          status: Status.line(status, theme, width)
        },
        width,
        rows
      )
    },
    seen: () => seen,
    showing: (viewport) => {
      const chosen = transcript.cards.chosen(seen.width)
      if (chosen === undefined) return viewport
      const range = [seen.head + chosen.from, seen.head + chosen.to] as const
      return Viewport.showing(viewport, range, seen.head + transcript.height(seen.width), seen.rows)
    }
  }
}

// internal

const sheet = (theme: Theme, width: number): ReadonlyArray<string> =>
  Keys.places.flatMap(([place, title]) => {
    const rows = Keys.sheet(place)
    const column = Math.min(24, Math.max(0, ...rows.map(([keys]) => keys.length)))
    return [
      theme.bold(cut(title, width)),
      ...rows.flatMap(([keys, does]) =>
        width < 60
          ? [cut(theme.accent(keys), width), ...linesOf(does, width - 2).map((line) => `  ${line}`)]
          : [cut(`  ${theme.accent(keys.padEnd(column))}  ${does}`, width)]
      ),
      ""
    ]
  })
