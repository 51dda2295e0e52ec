/**
 * What the screen is about at a moment, and what a key or a happening makes of it: a pure machine. What it cannot do
 * itself (write in the editor, speak to the conversation) it says as acts, in order.
 */
import type { Question as Call, Decision } from "../../guard/Approval.ts"
import type { Answer, Question } from "../../toolbox/AskUser.ts"
import type { How } from "../assistant/conversation.ts"
import type { Preview } from "../assistant/preview/preview.ts"
import * as Approval from "./approval.ts"
import * as Keys from "./keys.ts"
import * as Picker from "./picker.ts"
import * as Asking from "./question.ts"
import * as Viewport from "./viewport.ts"

/**
 * Something that waits for the person: their word on a call, or an answer.
 *
 * @category models
 * @since 0.1.0
 */
export type Ask =
  | {
      readonly _tag: "Approval"
      readonly id: number
      readonly question: Call
      readonly previews: ReadonlyArray<Preview>
    }
  | { readonly _tag: "Question"; readonly id: number; readonly question: Question }

/**
 * What stands above the editor: the first of what waits, a list, or the keys.
 *
 * @category models
 * @since 0.1.0
 */
export type Open =
  | { readonly _tag: "Approval"; readonly ask: Ask & { readonly _tag: "Approval" }; readonly card: Approval.Card }
  | { readonly _tag: "Question"; readonly ask: Ask & { readonly _tag: "Question" }; readonly card: Asking.Card }
  | { readonly _tag: "Picker"; readonly picker: Picker.Picker; readonly chosen: (value: string) => Act }
  | { readonly _tag: "Sheet"; readonly scroll: number }

/**
 * The state.
 *
 * **Details**
 *
 * - `asks`: what waits, oldest first. `open`: a question when there is one, before lists.
 * - `interrupts`: how often Ctrl-C was pressed, each within two seconds of the one before, and when last.
 *
 * @category models
 * @since 0.1.0
 */
export interface State {
  readonly asks: ReadonlyArray<Ask>
  readonly open: Open | undefined
  readonly viewport: Viewport.Viewport
  readonly hint: string | undefined
  readonly interrupts: { readonly count: number; readonly at: number }
}

/**
 * What has to be known of the rest when a key is pressed.
 *
 * **Details**
 *
 * - `isEmpty`: no words are written. `isCompleting`: the editor shows a list. `isSelecting`: a card of the transcript is
 *   selected. `height`, `rows`: of the transcript, and of what is seen of it. `last`: how far the card scrolls.
 *
 * @category models
 * @since 0.1.0
 */
export interface About {
  readonly now: number
  readonly isEmpty: boolean
  readonly isCompleting: boolean
  readonly isWorking: boolean
  readonly isSelecting: boolean
  readonly height: number
  readonly rows: number
  readonly last: number
}

/**
 * What happened: a key, words that were written for a card, something to ask or no longer to ask, something to open, or the
 * end of what a hint was about.
 *
 * @category models
 * @since 0.1.0
 */
export type Event =
  | { readonly _tag: "Key"; readonly data: string; readonly about: About }
  | { readonly _tag: "Written"; readonly text: string; readonly now: number }
  | { readonly _tag: "Asked"; readonly ask: Ask; readonly now: number }
  | { readonly _tag: "Withdrawn"; readonly id: number; readonly now: number }
  | { readonly _tag: "Opened"; readonly open: Open & { readonly _tag: "Picker" | "Sheet" } }
  | { readonly _tag: "Scrolled"; readonly by: number; readonly height: number; readonly rows: number }
  | { readonly _tag: "Followed" }
  | { readonly _tag: "Hinted"; readonly hint: string | undefined }

/**
 * What is to be done.
 *
 * **Details**
 *
 * - `Type`: the key is for the editor. `Write`: another text is written instead of the conversation's words, until `Unwrite`.
 * - `Submit`: the words are sent. `Cards`: something about the cards of the transcript.
 *
 * @category models
 * @since 0.1.0
 */
export type Act =
  | { readonly _tag: "Type"; readonly data: string }
  | { readonly _tag: "Write"; readonly text: string }
  | { readonly _tag: "Unwrite" | "Clear" | "Stop" | "Leave" | "Exit" | "Permission" | "Search" | "Suspend" | "Redraw" }
  | { readonly _tag: "Submit"; readonly how: How }
  | { readonly _tag: "Command"; readonly line: string }
  | { readonly _tag: "Put"; readonly text: string }
  | { readonly _tag: "Cards"; readonly what: "toggle" | "reasoning" | "before" | "next" | "unselect" }
  | { readonly _tag: "Decided"; readonly id: number; readonly decision: Decision }
  | { readonly _tag: "Answered"; readonly id: number; readonly answer: Answer | undefined }

/**
 * The state in which a screen begins.
 *
 * @category constructors
 * @since 0.1.0
 */
export const first: State = {
  asks: [],
  open: undefined,
  viewport: Viewport.end,
  hint: undefined,
  interrupts: { count: 0, at: 0 }
}

/**
 * What an event makes of the state, and what is to be done.
 *
 * @category combinators
 * @since 0.1.0
 */
export const step = (state: State, event: Event): Step => {
  switch (event._tag) {
    case "Key":
      return key(state, event.data, event.about)
    case "Written":
      return written(state, event.text, event.now)
    case "Asked":
      return reopened({ ...state, asks: [...state.asks, event.ask] }, event.now)
    case "Withdrawn":
      return reopened({ ...state, asks: state.asks.filter(({ id }) => id !== event.id) }, event.now)
    case "Opened":
      return isAsking(state) ? [state, []] : [{ ...state, open: event.open }, []]
    case "Scrolled":
      return [{ ...state, viewport: Viewport.scrolled(state.viewport, event.by, event.height, event.rows) }, []]
    case "Followed":
      return [{ ...state, viewport: Viewport.end }, []]
    case "Hinted":
      return [{ ...state, hint: event.hint }, []]
  }
}

/**
 * What a step answers.
 *
 * @category models
 * @since 0.1.0
 */
export type Step = readonly [State, ReadonlyArray<Act>]

/**
 * Whether another text than the conversation's words is being written.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isWriting = ({ open }: State): boolean =>
  (open?._tag === "Approval" && open.card.writing !== undefined) || (open?._tag === "Question" && open.card.isWriting)

// internal

const isAsking = ({ asks }: State): boolean => asks.length > 0

const interruptMillis = 2000

/** The first of what waits stands above the editor. One that stands there already stays as it is. */
const reopened = (state: State, now: number): Step => {
  const [ask] = state.asks
  const { open } = state
  const standing = open?._tag === "Approval" || open?._tag === "Question" ? open.ask.id : undefined
  if (ask === undefined ? standing === undefined : ask.id === standing) return [state, []]
  const acts: Array<Act> = isWriting(state) ? [{ _tag: "Unwrite" }] : []
  if (ask === undefined) return [{ ...state, open: undefined }, acts]
  if (ask._tag === "Approval") return [{ ...state, open: { _tag: "Approval", ask, card: Approval.make(now) } }, acts]
  const card = Asking.make(ask.question, now, Approval.quietMillis)
  if (card.isWriting) acts.push({ _tag: "Write", text: "" })
  return [{ ...state, open: { _tag: "Question", ask, card } }, acts]
}

const key = (state: State, data: string, about: About): Step => {
  const { open } = state
  if (Keys.lookup("talk", data) === "interrupt") return interrupted(state, about)
  if (isWriting(state)) return inWriting(state, data, about)
  switch (open?._tag) {
    case "Approval": {
      const [card, act] = Approval.pressed(open.card, open.ask.question, data, {
        ...about,
        previews: open.ask.previews
      })
      return ofCard({ ...state, open: { ...open, card } }, open.ask.id, act, data, about.now)
    }
    case "Question": {
      const setting = { now: about.now, quietMillis: Approval.quietMillis }
      const [card, act] = Asking.pressed(open.card, open.ask.question, data, setting)
      return ofCard({ ...state, open: { ...open, card } }, open.ask.id, act, data, about.now)
    }
    case "Picker": {
      const [picker, act] = Picker.pressed(open.picker, data)
      if (act._tag === "Closed") return [{ ...state, open: undefined }, []]
      if (act._tag === "Chosen") return [{ ...state, open: undefined }, [open.chosen(act.item.value)]]
      return [{ ...state, open: { ...open, picker } }, general(data)]
    }
    case "Sheet":
      return inSheet(state, open.scroll, data, about)
    case undefined:
      return inTalk(state, data, about)
  }
}

const general = (data: string): ReadonlyArray<Act> => {
  const id = Keys.lookup("sheet", data)
  return id === "suspend" ? [{ _tag: "Suspend" }] : id === "redraw" ? [{ _tag: "Redraw" }] : []
}

/** Only words typed before a card stood belong to the editor, not keys that would send or change them as a whole. */
const typing = (data: string): ReadonlyArray<Act> =>
  /^[^\u0000-\u001f\u007f]+$/.test(data) ? [{ _tag: "Type", data }] : general(data)

const ofCard = (state: State, id: number, act: Approval.Act | Asking.Act, data: string, now: number): Step => {
  switch (act._tag) {
    case "None":
      return [state, general(data)]
    case "Type":
      return [state, typing(data)]
    case "Write":
      return [state, [act]]
    case "Decide":
      return settled(state, id, { _tag: "Decided", id, decision: act.decision }, now)
    case "Answer":
      return settled(state, id, { _tag: "Answered", id, answer: act.answer }, now)
  }
}

const settled = (state: State, id: number, act: Act, now: number): Step => {
  const [next, acts] = reopened({ ...state, asks: state.asks.filter((ask) => ask.id !== id) }, now)
  return [next, [act, ...acts]]
}

const written = (state: State, text: string, now: number): Step => {
  const { open } = state
  if (open?._tag === "Approval") {
    const [card, act] = Approval.written(open.card, open.ask.question, text)
    // What cannot be taken is there to be put right.
    const again: ReadonlyArray<Act> = card.problem === undefined ? [] : [{ _tag: "Write", text }]
    const [next, acts] = ofCard({ ...state, open: { ...open, card } }, open.ask.id, act, "", now)
    return [next, [...again, ...acts]]
  }
  if (open?._tag === "Question") {
    const [card, act] = Asking.written(open.card, open.ask.question, text)
    return ofCard({ ...state, open: { ...open, card } }, open.ask.id, act, "", now)
  }
  return [state, []]
}

const inWriting = (state: State, data: string, about: About): Step => {
  const { open } = state
  if (Keys.lookup("talk", data) !== "stop") return [state, [{ _tag: "Type", data }]]
  if (open?._tag === "Approval") {
    return [{ ...state, open: { ...open, card: Approval.unwritten(open.card) } }, [{ _tag: "Unwrite" }]]
  }
  if (open?._tag !== "Question") return [state, []]
  const [card, act] = Asking.unwritten(open.card, open.ask.question)
  const [next, acts] = ofCard({ ...state, open: { ...open, card } }, open.ask.id, act, "", about.now)
  return [next, acts.some(({ _tag }) => _tag === "Unwrite") ? acts : [{ _tag: "Unwrite" }, ...acts]]
}

const inSheet = (state: State, scroll: number, data: string, { last }: About): Step => {
  const to = (by: number): Step => [
    { ...state, open: { _tag: "Sheet", scroll: Math.max(0, Math.min(last, scroll + by)) } },
    []
  ]
  switch (Keys.lookup("sheet", data)) {
    case "up":
      return to(-1)
    case "down":
      return to(1)
    case "pageUp":
      return to(-10)
    case "pageDown":
      return to(10)
    case "dismiss":
      return [{ ...state, open: undefined }, []]
    default:
      return [state, general(data)]
  }
}

const inTalk = (state: State, data: string, about: About): Step => {
  const { height, isCompleting, isEmpty, isSelecting, isWorking, rows } = about
  const type: Step = [state, [{ _tag: "Type", data }]]
  const scroll = (by: number): Step => step(state, { _tag: "Scrolled", by, height, rows })
  const act = (...acts: ReadonlyArray<Act>): Step => [state, acts]
  if (isEmpty && data === "?") return [{ ...state, open: { _tag: "Sheet", scroll: 0 } }, []]
  if (isEmpty && isSelecting && (data === "\r" || data === "\n")) return act({ _tag: "Cards", what: "toggle" })
  switch (Keys.lookup("talk", data)) {
    case "queue":
      if (isWorking && !isEmpty) return act({ _tag: "Submit", how: "queue" })
      // While nothing works, Alt-Enter is a new line.
      return type
    case "stop":
      if (isCompleting) return type
      if (isSelecting) return act({ _tag: "Cards", what: "unselect" })
      return isWorking ? act({ _tag: "Stop" }) : [{ ...state, hint: undefined }, []]
    case "leave":
      return isEmpty ? act({ _tag: "Leave" }) : type
    case "permission":
      return act({ _tag: "Permission" })
    case "sheet":
      return [{ ...state, open: { _tag: "Sheet", scroll: 0 } }, []]
    case "search":
      return act({ _tag: "Search" })
    case "pageUp":
      return scroll(-Math.max(1, rows - 2))
    case "pageDown":
      return scroll(Math.max(1, rows - 2))
    case "lineUp":
      return scroll(-1)
    case "lineDown":
      return scroll(1)
    case "top":
      return scroll(-height)
    case "bottom":
      return [{ ...state, viewport: Viewport.end }, []]
    case "toggle":
      return act({ _tag: "Cards", what: "toggle" })
    case "reasoning":
      return act({ _tag: "Cards", what: "reasoning" })
    case "cardBefore":
      return act({ _tag: "Cards", what: "before" })
    case "cardNext":
      return act({ _tag: "Cards", what: "next" })
    case "suspend":
      return act({ _tag: "Suspend" })
    case "redraw":
      return act({ _tag: "Redraw" })
    default:
      return type
  }
}

const interrupted = (state: State, { now }: About): Step => {
  const { at, count } = state.interrupts
  const times = now - at <= interruptMillis ? count + 1 : 1
  const next = { ...state, interrupts: { count: times, at: now }, hint: "Ctrl-C again leaves" }
  const closed = state.open?._tag === "Picker" || state.open?._tag === "Sheet" ? { ...next, open: undefined } : next
  return [closed, [{ _tag: times === 1 ? "Clear" : times === 2 ? "Leave" : "Exit" }]]
}
