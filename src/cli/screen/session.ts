/**
 * The conversation behind the screen: the assistant put together, its news shown, and what is typed carried out. What goes
 * wrong before there is one ends the screen, and is told after it.
 */
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import { ContextStore } from "../../context/ContextStore.ts"
import type { Options } from "../args.ts"
import * as Assistant from "../assistant/assistant.ts"
import * as Conversation from "../assistant/conversation.ts"
import * as Figures from "../assistant/figures.ts"
import * as Preview from "../assistant/preview/preview.ts"
import * as Told from "../assistant/told.ts"
import { isDebug } from "../environment.ts"
import type { Where } from "../errors.ts"
import { exitCodes, explain } from "../errors.ts"
import { oneLine } from "../internal/words.ts"
import { quietly } from "../logging.ts"
import * as Saved from "../saved.ts"
import * as Sessions from "../sessions/sessions.ts"
import * as Resolving from "../settings.ts"
import * as Asking from "./asking.ts"
import type { Face } from "./host.ts"
import * as Hosting from "./hosting.ts"

/**
 * How a conversation ended: the exit code, and what is to be told on the normal screen.
 *
 * **Details**
 *
 * - `isPlain`: it has not begun, since files of settings say that it is to be held in lines.
 *
 * @category models
 * @since 0.1.0
 */
export interface End {
  readonly code: number
  readonly lines: ReadonlyArray<string>
  readonly isPlain?: boolean
}

/**
 * Holds the conversation until the screen is left. Never rejects.
 *
 * @category constructors
 * @since 0.1.0
 */
export const run = (options: Options, folder: string, face: Face): Promise<End> => {
  const debug = options.debug || isDebug(process.env)
  const where: Mutable = { debug }
  const left = Effect.promise(() => face.left)
  const program = Effect.scoped(
    Effect.flatMap(
      Effect.raceFirst(opened({ ...options, debug }, folder, face, where), Effect.as(left, undefined)),
      (conversation) => {
        if (conversation === undefined) return Effect.succeed(nothing)
        return conversation === "plain" ? Effect.succeed(inLines) : held(conversation, face, left)
      }
    )
  ).pipe(
    Effect.catchAllCause((cause) =>
      Effect.sync((): End => {
        const { code, text } = explain(cause, where)
        return { code, lines: text.split("\n").map((line, index) => (index === 0 ? `axonal: ${line}` : line)) }
      })
    ),
    Effect.provide(quietly(debug))
  )
  return Effect.runPromise(program)
}

// internal

type Mutable = { -readonly [Key in keyof Where]: Where[Key] }

const nothing: End = { code: exitCodes.ok, lines: [] }

const inLines: End = { ...nothing, isPlain: true }

interface Opened {
  readonly asking: Asking.Asking
  readonly conversation: Conversation.Conversation
  readonly problems: ReadonlyArray<string>
}

const opened = (options: Options, folder: string, face: Face, where: Mutable) =>
  Effect.gen(function* () {
    const settings = yield* Resolving.resolve(options, process.env, folder)
    if (settings.plain) return "plain"
    if (!settings.color) face.uncolor()
    const assistant = yield* Assistant.make(settings, folder, (facts) => Object.assign(where, facts))
    const asking = Asking.make(face, (call) => Preview.of(call, assistant.undo.sandbox))
    const session = yield* assistant.within(Sessions.choose(settings, folder))
    const conversation = yield* Conversation.make(assistant, asking.person, session)
    const problems = [...settings.problems, ...assistant.parts.problems]
    return { asking, conversation, problems } satisfies Opened
  })

/** A run that does not stop is left behind with the process. */
const stopMillis = 3000

const held = ({ asking, conversation, problems }: Opened, face: Face, left: Effect.Effect<void>) =>
  Effect.gen(function* () {
    const { knobs, settings } = conversation.assistant
    const run = yield* FiberSet.makeRuntime<never>()
    const fork = (effect: Effect.Effect<void>): void => void run(effect)
    const figures = Figures.make(conversation)
    const host = Hosting.make({ asking, conversation, face, figures, fork })
    const tell = Hosting.teller(conversation)
    const shown = shownOn(face, conversation)
    const refresh = Hosting.complained(
      conversation,
      Effect.tap(figures.refresh, () => Effect.sync(face.refresh))
    )
    conversation.listen((news) => {
      face.news(news)
      if (news._tag !== "Switched") return
      fork(Hosting.complained(conversation, Effect.zipRight(shown, figures.refresh)))
    })
    const goingOn = Told.goingOn(conversation)
    knobs.listen(() => fork(refresh))
    for (const problem of problems) tell(oneLine(problem), "warning")
    face.saveBy(Saved.make(settings, conversation.session))
    if (settings.permission === "yolo") tell(Told.yolo(settings), "error")
    yield* Hosting.complained(conversation, shown)
    yield* Effect.forkScoped(refresh)
    face.ready(host)
    if (settings.prompt !== undefined) host.submit(settings.prompt, "steer")
    yield* left
    yield* Effect.timeoutOption(conversation.stop, stopMillis)
    figures.close()
    const how = goingOn()
    return { code: exitCodes.ok, lines: how === undefined ? [] : [how] } satisfies End
  })

/** What the session has so far. */
const shownOn = (face: Face, { assistant, session }: Conversation.Conversation) =>
  Effect.suspend(() =>
    Effect.map(assistant.within(Effect.flatMap(ContextStore, (store) => store.entries(session()))), face.restore)
  )
