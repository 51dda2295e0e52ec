/**
 * What has been said and done in a conversation, as lines for a window of any width. News is folded into blocks; a block is
 * drawn when its lines are asked for, and again only when it has changed.
 */
import type { Stored } from "../../../domain/Entry.ts"
import type { File } from "../../../domain/Part.ts"
import type { News } from "../../assistant/conversation.ts"
import type { Theme } from "../theme.ts"

/**
 * How a transcript is kept.
 *
 * **Details**
 *
 * - `now`: milliseconds since the epoch. `changed`: is told of changes that no news brought: what colours code was loaded.
 * - `save`: keeps a file that cannot be shown, and answers its path; without it files are only named.
 * - `mostBlocks`, `mostCharacters`: what is kept, and dropped from the top beyond; 1,000 blocks and 4 million characters.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly theme: Theme
  readonly now?: (() => number) | undefined
  readonly changed?: (() => void) | undefined
  readonly save?: ((file: File) => string | undefined) | undefined
  readonly mostBlocks?: number | undefined
  readonly mostCharacters?: number | undefined
}

/**
 * A place in the transcript that stays what it is while lines come and go around it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Place {
  readonly block: number
  readonly offset: number
}

/**
 * The transcript.
 *
 * **Details**
 *
 * - Lines are counted from 0, have no line ends, end their styles, and are at most `width` columns wide; `width` at least 20.
 *
 * @category models
 * @since 0.1.0
 */
export interface Transcript {
  /** Takes news. `Switched` empties the transcript: what the session has comes by `restore`. */
  readonly push: (news: News) => void
  /** Adds the last part of a stored session. */
  readonly restore: (entries: ReadonlyArray<Stored>) => void
  readonly clear: () => void
  /** How many lines there are. */
  readonly height: (width: number) => number
  /** The lines from one to before another. */
  readonly lines: (width: number, from: number, to: number) => ReadonlyArray<string>
  /** Counts up from one drawing to the next whenever something has changed. */
  readonly version: () => number
  /** Draws anew what shows time that goes by. Whether there is any. */
  readonly tick: () => boolean
  readonly placeOf: (width: number, line: number) => Place
  readonly lineOf: (width: number, place: Place) => number
  readonly cards: Cards
}

/**
 * What opens and closes in a transcript: calls, thoughts, agents below calls.
 *
 * @category models
 * @since 0.1.0
 */
export interface Cards {
  /** Chooses the one above, the last one when none is. Whether there is one. */
  readonly previous: () => boolean
  /** Chooses the one below. Whether there is one; otherwise none is chosen. */
  readonly next: () => boolean
  readonly none: () => void
  readonly isChosen: () => boolean
  /** Where the chosen one is, `to` not included. */
  readonly chosen: (width: number) => { readonly from: number; readonly to: number } | undefined
  /** Opens or closes the chosen one, or the last one when none is. */
  readonly toggle: () => void
  /** Opens all, or closes all when the last one is open. */
  readonly toggleAll: () => void
}
