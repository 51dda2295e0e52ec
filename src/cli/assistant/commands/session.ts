/**
 * Commands about the session: which it is, going on in another, copies, going back, and summaries.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Compaction from "../../../context/Compaction.ts"
import type { SessionInfo } from "../../../context/ContextStore.ts"
import { ContextStore } from "../../../context/ContextStore.ts"
import { toText } from "../../../domain/Message.ts"
import * as Usage from "../../../domain/Usage.ts"
import { SetupError } from "../../errors.ts"
import { ago, numeral, oneLine, plural } from "../../internal/words.ts"
import { ofUsage } from "../../render.ts"
import * as Change from "../../sessions/change.ts"
import * as Find from "../../sessions/find.ts"
import * as List from "../../sessions/list.ts"
import * as Sessions from "../../sessions/sessions.ts"
import * as Notes from "../notes.ts"
import type { Entry, Item, Outcome, Place } from "./place.ts"
import { among, atRest, begun, refused, said, within } from "./place.ts"

/**
 * The commands.
 *
 * @category constructors
 * @since 0.1.0
 */
export const entries: ReadonlyArray<Entry> = [
  {
    ...{ name: "new", aliases: [], words: "", summary: "begin a new session" },
    act: (_, place) =>
      atRest(
        place,
        "new",
        Effect.suspend(() => Effect.map(begin(place), (fresh) => said(`session ${fresh}`)))
      )
  },
  {
    ...{ name: "clear", aliases: [], words: "", summary: "begin a new session, and empty the screen" },
    act: (_, place) => atRest(place, "clear", Effect.as(begin(place), { _tag: "Cleared" }))
  },
  {
    ...{ name: "session", aliases: ["resume"], words: "[ID]" },
    summary: "say which session this is, or go on with another",
    act: (words, place) =>
      words === "" ? Effect.map(within(place, current(place)), said) : atRest(place, "session", open(words, place)),
    complete: (_, place) =>
      within(
        place,
        Effect.map(latest(place), ({ items }) => items)
      )
  },
  {
    ...{ name: "sessions", aliases: [], words: "", summary: "the latest sessions of this folder" },
    act: (_, place) => within(place, choice(place))
  },
  {
    ...{ name: "rename", aliases: [], words: "[TITLE]", summary: "give this session a title" },
    act: (words, place) => Effect.map(within(place, rename(words, place)), said)
  },
  {
    ...{ name: "fork", aliases: [], words: "[ENTRY]" },
    summary: "go on in a copy of this session, and leave this one as it is",
    act: (words, place) => atRest(place, "fork", Effect.map(fork(words, place), said))
  },
  {
    ...{ name: "rewind", aliases: [], words: "[N|undo]" },
    summary: "go back by N requests (1); undo takes that back",
    act: (words, place) => atRest(place, "rewind", rewind(words, place)),
    complete: (_, place) => within(place, requests(place))
  },
  {
    ...{ name: "compact", aliases: [], words: "[undo]" },
    summary: "summarise the beginning now; undo takes the last summary back",
    act: (words, place) =>
      atRest(place, "compact", Effect.map(words === "undo" ? restore(place) : compact(words, place), said)),
    complete: among([["undo", "take the last summary back"]])
  }
]

// internal

const begin = ({ conversation }: Place) => {
  const fresh = Sessions.fresh()
  return Effect.as(conversation.switchTo(fresh), fresh)
}

const current = (place: Place) =>
  Effect.gen(function* () {
    const id = oneLine(place.conversation.session())
    const info = yield* Effect.option(begun(place))
    if (info._tag === "None") return `session ${id}, nothing said yet`
    return `session ${id}${nameOf(info.value)}, ${plural(info.value.entries, "entry", "entries")}`
  })

const nameOf = (info: SessionInfo): string => {
  const name = Find.nameOf(info)
  return name === "" ? "" : `: ${name}`
}

const open = (reference: string, place: Place) =>
  Effect.gen(function* () {
    const { assistant, switchTo } = place.conversation
    const info = yield* within(place, Find.session(reference, { owner: assistant.folder }))
    yield* switchTo(info.id)
    return said(`session ${oneLine(info.id)}${nameOf(info)}, ${plural(info.entries, "entry", "entries")}`)
  })

const latest = ({ conversation }: Place) =>
  Effect.gen(function* () {
    const { isWhole, items } = yield* List.latest({ owner: conversation.assistant.folder }, 30)
    const now = yield* Clock.currentTimeMillis
    return {
      isWhole,
      items: items.map((info): Item => {
        const detail = `${Find.nameOf(info)} · ${ago(info.updatedAt, now)}, ${plural(info.entries, "entry", "entries")}`
        const id = oneLine(info.id)
        return { value: info.id, label: id, detail, isCurrent: info.id === conversation.session() }
      })
    }
  })

const choice = (place: Place) =>
  Effect.map(latest(place), ({ isWhole, items }): Outcome => {
    if (items.length === 0) return said("there is no session in this folder yet")
    const title = isWhole ? "the sessions of this folder" : "the latest sessions; more with: axonal sessions list"
    return { _tag: "Choose", title, command: "session", items }
  })

const rename = (title: string, place: Place) =>
  Effect.gen(function* () {
    const { title: known } = yield* begun(place)
    if (title === "") {
      return `${known === undefined ? "no title yet" : `“${oneLine(known)}”`}; /rename TITLE gives one`
    }
    const named = yield* Change.rename(place.conversation.session(), title)
    return `this session is “${oneLine(named.title ?? "")}” now`
  })

const fork = (reference: string, place: Place) =>
  Effect.gen(function* () {
    const session = place.conversation.session()
    const { id } = yield* within(
      place,
      Effect.gen(function* () {
        yield* begun(place)
        const at = reference === "" ? undefined : yield* Find.entry(session, reference)
        return yield* Change.fork(session, { at })
      })
    )
    yield* place.conversation.switchTo(id)
    return `session ${id}, a fork of ${oneLine(session)}; /session ${oneLine(session)} goes back`
  })

/** What was asked, latest first, as what `/rewind` takes. The first stays. */
const requests = ({ conversation }: Place) =>
  Effect.map(
    Effect.flatMap(ContextStore, (store) => store.entries(conversation.session())),
    (log) =>
      log
        .flatMap((entry) => (entry._tag === "Message" && entry.message.role === "user" ? [wordsOf(entry.message)] : []))
        .slice(1)
        .reverse()
        .map((text, index): Item => ({ value: String(index + 1), label: String(index + 1), detail: oneLine(text) }))
  )

/** What was typed, without what only goes with it. */
const wordsOf = (message: Parameters<typeof toText>[0]): string =>
  toText({
    ...message,
    parts: message.parts.filter((part) => part.type !== "text" || Notes.fromText(part.text) === undefined)
  })

const rewind = (words: string, place: Place) =>
  Effect.gen(function* () {
    const session = place.conversation.session()
    const steps = words === "" ? 1 : Number(words)
    if (words !== "" && words !== "undo" && !/^[1-9]\d{0,5}$/.test(words)) {
      return yield* refused("rewind", "a number from 1 on, or undo", words)
    }
    const rewound = yield* within(
      place,
      Effect.gen(function* () {
        yield* begun(place)
        const to = words === "undo" ? Change.undone(session) : Change.stepsBack(session, steps)
        return yield* Change.rewind(session, yield* to)
      })
    )
    yield* place.conversation.switchTo(session)
    if (words === "undo") {
      return said(`the rewind is taken back${rewound.left.length === 0 ? "" : `. ${Change.leftOf(rewound)}`}`)
    }
    const files = yield* place.conversation.assistant.undo.changed(session)
    const hint = files.length === 0 ? "" : " Files are as they are; /undo takes back what the last request did to them."
    place.screen.note(
      `back by ${plural(steps, "request")}. ${Change.leftOf(rewound)} /rewind undo takes it back.${hint}\n`
    )
    const asked = rewound.left.find(({ message }) => message.role === "user")
    return { _tag: "Edit", text: asked === undefined ? "" : wordsOf(asked.message) } satisfies Outcome
  })

const compact = (words: string, place: Place) =>
  Effect.gen(function* () {
    const { conversation, screen, stop } = place
    if (words !== "") {
      return yield* new SetupError({ message: `/compact stands alone, or takes undo, not "${oneLine(words)}".` })
    }
    const compaction = conversation.assistant.compaction()
    if (compaction === undefined) {
      return yield* new SetupError({
        message: "there is no model here that could summarise. Connect one (axonal --help says how), then /compact."
      })
    }
    const session = conversation.session()
    yield* within(place, begun(place))
    screen.note("summarising …\n")
    const outcome = yield* Effect.raceFirst(
      within(place, Effect.provideService(Compaction.compact(session), Compaction.Compaction, compaction)),
      Effect.as(stop, undefined)
    )
    return outcome === undefined ? "stopped; the conversation is as it was" : toWords(outcome)
  })

const toWords = (outcome: Compaction.Outcome): string => {
  const cost = outcome.costs.reduce((sum, { usage }) => Usage.sum(sum, usage), Usage.zero)
  const paid = outcome.costs.length === 0 ? "" : ` (summary ${ofUsage(cost)})`
  if (outcome._tag === "Kept") {
    const how = outcome.failed ? "that did not work, and the conversation is as it was" : "nothing to compact"
    return `${how}: ${oneLine(outcome.why)}${paid}`
  }
  const { dropped, tokensAfter, tokensBefore } = outcome
  return `${plural(dropped.length, "message")} summarised: ${numeral(tokensBefore)} → ${numeral(tokensAfter)} tokens${paid}`
}

const restore = (place: Place) =>
  within(
    place,
    Effect.gen(function* () {
      const session = place.conversation.session()
      yield* begun(place)
      const { compaction } = yield* (yield* ContextStore).read(session)
      if (compaction === undefined) return yield* new SetupError({ message: "there is no summary to take back." })
      yield* Compaction.restore(session)
      return "the summary is taken back; the conversation goes on with what it stood for"
    })
  )
