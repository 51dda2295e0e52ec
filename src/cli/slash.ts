/**
 * What can be typed in a conversation instead of a request: about its session, its window, and the way out.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Compaction from "../context/Compaction.ts"
import type { SessionInfo, StoreError } from "../context/ContextStore.ts"
import { ContextStore } from "../context/ContextStore.ts"
import type { SessionId } from "../domain/Ids.ts"
import * as Usage from "../domain/Usage.ts"
import { nearest } from "../internal/nearest.ts"
import type { ToolSpec, Transport } from "../transport/Transport.ts"
import { SetupError } from "./errors.ts"
import { numeral, oneLine, plural } from "./internal/words.ts"
import { ofUsage } from "./render.ts"
import * as Change from "./sessions/change.ts"
import * as Find from "./sessions/find.ts"
import * as List from "./sessions/list.ts"
import type { Screen } from "./sessions/screen.ts"
import * as Sessions from "./sessions.ts"
import * as Window from "./window.ts"

/**
 * What a conversation is made of.
 *
 * **Details**
 *
 * - `compaction`: how it is shortened; absent where no model can summarise. `compacts`: whether that happens by itself.
 *
 * @category models
 * @since 0.1.0
 */
export interface About {
  readonly instructions: string
  readonly tools: Effect.Effect<ReadonlyArray<ToolSpec>>
  readonly compaction: Compaction.Service | undefined
  readonly compacts: boolean
}

/**
 * Where a conversation is when something is typed.
 *
 * @category models
 * @since 0.1.0
 */
export interface Place {
  readonly session: SessionId
  readonly folder: string
  readonly about: About
  readonly screen: Screen
  /** Completes when what takes long is to be given up. */
  readonly stop: Effect.Effect<void>
}

/**
 * What `/help` prints.
 *
 * @category constructors
 * @since 0.1.0
 */
export const help = `/new            begin a new session
/session [ID]   say which session this is, or go on with another
/sessions       the latest sessions of this folder
/rename TITLE   give this session a title
/fork [ENTRY]   go on in a copy of this session, and leave this one as it is
/rewind [N]     go back by N requests (1); /rewind undo takes that back
/compact        summarise the beginning now; /compact undo takes the last summary back
/context        what fills the model's window
/quit           leave (also Ctrl-D, or Ctrl-C at the prompt)
Ctrl-C stops an answer. Anything else is sent to the agent.
`

/**
 * Does what a line that begins with a slash says. Answers the session to go on with, or nothing to leave.
 *
 * @category combinators
 * @since 0.1.0
 */
export const act = (
  line: string,
  place: Place
): Effect.Effect<SessionId | undefined, StoreError | SetupError, ContextStore | Transport> => {
  const [, name = "", rest = ""] = /^\/(\S*)\s*(.*)$/s.exec(line.trim()) ?? []
  const { screen, session } = place
  const stay = (text: string): SessionId => {
    screen.note(text)
    return session
  }
  switch (name) {
    case "quit":
    case "exit":
      return Effect.succeed(undefined)
    case "help":
      return Effect.sync(() => stay(help))
    case "new":
      return Effect.sync(Sessions.fresh).pipe(Effect.tap((fresh) => screen.note(`session ${fresh}\n`)))
    case "session":
      return rest === "" ? Effect.sync(() => stay(`session ${oneLine(session)}\n`)) : switchTo(rest, place)
    case "sessions":
      return Effect.as(latest(place), session)
    case "rename":
      return Effect.map(rename(rest, place), stay)
    case "fork":
      return fork(rest, place)
    case "rewind":
      return Effect.map(rewind(rest, place), stay)
    case "compact":
      return Effect.map(rest === "undo" ? restore(place) : compact(rest, place), stay)
    case "context":
      return Effect.map(context(place), stay)
    default: {
      const near = nearest(name, names)
      const meant = near === undefined ? "try /help" : `did you mean /${near}?`
      return Effect.sync(() => stay(`unknown command /${oneLine(name)}, ${meant}\n`))
    }
  }
}

// internal

const names = Array.from(help.matchAll(/^\/(\w+)/gm), ([, name = ""]) => name)

/** A session exists from its first entry on. */
const begun = (session: SessionId): Effect.Effect<SessionInfo, StoreError | SetupError, ContextStore> =>
  Effect.flatMap(ContextStore, (store) =>
    Effect.catchIf(
      store.info(session),
      ({ reason }) => reason._tag === "NotFound",
      () => new SetupError({ message: "nothing was said in this session yet." })
    )
  )

const switchTo = (reference: string, { folder, screen }: Place) =>
  Effect.map(Find.session(reference, { owner: folder }), (info) => {
    const name = Find.nameOf(info)
    screen.note(
      `session ${oneLine(info.id)}${name === "" ? "" : `: ${name}`}, ${plural(info.entries, "entry", "entries")}\n`
    )
    return info.id
  })

const latest = ({ folder, screen, session }: Place) =>
  Effect.gen(function* () {
    const { isWhole, items: sessions } = yield* List.latest({ owner: folder }, 10)
    if (sessions.length === 0) return screen.note("there is no session in this folder yet\n")
    screen.note(List.tableOf(sessions, yield* Clock.currentTimeMillis, screen, { folders: false, current: session }))
    screen.note(`${isWhole ? "" : "more with: axonal sessions list; "}/session ID goes on with another\n`)
  })

const rename = (title: string, { session }: Place) =>
  Effect.gen(function* () {
    const { title: known } = yield* begun(session)
    if (title === "")
      return `${known === undefined ? "no title yet" : `“${oneLine(known)}”`}; /rename TITLE gives one\n`
    const named = yield* Change.rename(session, title)
    return `this session is “${oneLine(named.title ?? "")}” now\n`
  })

const fork = (reference: string, { screen, session }: Place) =>
  Effect.gen(function* () {
    yield* begun(session)
    const at = reference === "" ? undefined : yield* Find.entry(session, reference)
    const { id } = yield* Change.fork(session, { at })
    screen.note(`session ${id}, a fork of ${oneLine(session)}; /session ${oneLine(session)} goes back\n`)
    return id
  })

const rewind = (words: string, { session }: Place) =>
  Effect.gen(function* () {
    yield* begun(session)
    if (words === "undo") {
      const rewound = yield* Change.rewind(session, yield* Change.undone(session))
      return `the rewind is taken back${rewound.left.length === 0 ? "" : `. ${Change.leftOf(rewound)}`}\n`
    }
    if (words !== "" && !/^[1-9]\d{0,5}$/.test(words)) {
      return yield* new SetupError({ message: `/rewind takes a number from 1 on, or undo, not "${oneLine(words)}".` })
    }
    const steps = words === "" ? 1 : Number(words)
    const rewound = yield* Change.rewind(session, yield* Change.stepsBack(session, steps))
    return `back by ${plural(steps, "request")}. ${Change.leftOf(rewound)} /rewind undo takes it back.\n`
  })

const compact = (words: string, { about: { compaction }, session, stop }: Place) =>
  Effect.gen(function* () {
    if (words !== "") {
      return yield* new SetupError({ message: `/compact stands alone, or takes undo, not "${oneLine(words)}".` })
    }
    if (compaction === undefined) {
      return yield* new SetupError({
        message: "there is no model here that could summarise. Connect one (axonal --help says how), then /compact."
      })
    }
    yield* begun(session)
    const outcome = yield* Effect.raceFirst(
      Effect.provideService(Compaction.compact(session), Compaction.Compaction, compaction),
      Effect.as(stop, undefined)
    )
    if (outcome === undefined) return "stopped; the conversation is as it was\n"
    const cost = outcome.costs.reduce((sum, { usage }) => Usage.sum(sum, usage), Usage.zero)
    const paid = outcome.costs.length === 0 ? "" : ` (summary ${ofUsage(cost)})`
    if (outcome._tag === "Kept") {
      const how = outcome.failed ? "that did not work, and the conversation is as it was" : "nothing to compact"
      return `${how}: ${oneLine(outcome.why)}${paid}\n`
    }
    const { dropped, tokensAfter, tokensBefore } = outcome
    return `${plural(dropped.length, "message")} summarised: ${numeral(tokensBefore)} → ${numeral(tokensAfter)} tokens${paid}\n`
  })

const restore = ({ session }: Place) =>
  Effect.gen(function* () {
    yield* begun(session)
    const { compaction } = yield* (yield* ContextStore).read(session)
    if (compaction === undefined) return yield* new SetupError({ message: "there is no summary to take back." })
    yield* Compaction.restore(session)
    return "the summary is taken back; the conversation goes on with what it stood for\n"
  })

const context = ({ about, screen, session }: Place) =>
  Effect.gen(function* () {
    const tools = yield* about.tools
    const compaction = about.compacts ? about.compaction : undefined
    return Window.draw(yield* Window.measure(session, { ...about, tools, compaction }), screen)
  })
