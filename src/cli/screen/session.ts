/**
 * The conversation behind the screen: the assistant put together, its news shown, and what is typed carried out. What goes
 * wrong before there is one ends the screen, and is told after it.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import { ContextStore } from "../../context/ContextStore.ts"
import type { Options } from "../args.ts"
import * as Assistant from "../assistant/assistant.ts"
import * as Commands from "../assistant/commands/commands.ts"
import * as Conversation from "../assistant/conversation.ts"
import * as Figures from "../assistant/figures.ts"
import * as History from "../assistant/history.ts"
import * as Mentions from "../assistant/mentions.ts"
import * as Preview from "../assistant/preview/preview.ts"
import * as Shell from "../assistant/shell.ts"
import * as Told from "../assistant/told.ts"
import { isDebug } from "../environment.ts"
import type { Where } from "../errors.ts"
import { exitCodes, explain } from "../errors.ts"
import { oneLine } from "../internal/words.ts"
import { quietly } from "../logging.ts"
import * as Saved from "../saved.ts"
import * as Screen from "../sessions/screen.ts"
import * as Sessions from "../sessions/sessions.ts"
import * as Resolving from "../settings.ts"
import * as Asking from "./asking.ts"
import * as Attachments from "./attachments.ts"
import * as Files from "./files.ts"
import type { Face, Host } from "./host.ts"

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
    const { assistant } = conversation
    const { knobs, settings } = assistant
    const fork = yield* FiberSet.makeRuntime<never>()
    const figures = Figures.make(conversation)
    const history = History.make(settings.save ? History.fileOf(Sessions.dataFolder(settings)) : undefined)
    const files = Files.make(assistant.undo.sandbox, Date.now)
    const attachments = Attachments.make({
      folder: assistant.folder,
      resolve: (text, paths) => Mentions.attach(text, paths, conversation)
    })
    const stops = new Set<Deferred.Deferred<void>>()
    const tell = (text: string, kind: "info" | "warning" | "error" = "info") =>
      conversation.tell({ _tag: "Note", text, kind })
    const complained = <A>(effect: Effect.Effect<A, unknown>): Effect.Effect<void> =>
      Effect.catchAllCause(Effect.asVoid(effect), (cause) =>
        Effect.sync(() => tell(conversation.explain(cause), "error"))
      )
    const refresh = complained(Effect.tap(figures.refresh, () => Effect.sync(face.refresh)))
    const shown = Effect.suspend(() =>
      Effect.map(
        assistant.within(Effect.flatMap(ContextStore, (store) => store.entries(conversation.session()))),
        face.restore
      )
    )
    /** What takes long and is no run: stopped by the same key. */
    const stoppable = (effect: (stop: Effect.Effect<void>) => Effect.Effect<void>): Effect.Effect<void> =>
      Effect.flatMap(Deferred.make<void>(), (stop) => {
        stops.add(stop)
        return Effect.ensuring(
          effect(Deferred.await(stop)),
          Effect.sync(() => {
            stops.delete(stop)
            face.refresh()
          })
        )
      })
    const place = (stop: Effect.Effect<void>): Commands.Place => ({
      conversation,
      stop,
      screen: {
        ...Screen.ofNotes({ color: face.hasColor(), note: (text) => tell(text.trimEnd()) }, process.env),
        width: Math.max(20, face.size().columns - 2)
      }
    })
    const came = (outcome: Commands.Outcome): void => {
      switch (outcome._tag) {
        case "Said":
          tell(outcome.text.trimEnd())
          break
        case "Choose":
          face.choose(outcome.title, outcome.command, outcome.items)
          break
        case "Edit":
          face.edit(outcome.text)
          break
        case "Copy":
          face.copy(outcome.text)
          tell(outcome.told)
          break
        case "Cleared":
          face.clear()
          break
        case "Left":
          face.leave()
          break
      }
    }
    const command = (line: string): void => {
      fork(stoppable((stop) => complained(Effect.map(Commands.act(line, place(stop)), came))))
    }
    const say = (text: string, how: Conversation.How) =>
      Effect.flatMap(attachments.input(text), ({ input, notes }) => {
        for (const note of notes) tell(note, "warning")
        return conversation.say(input, how)
      })
    const host: Host = {
      status: figures.get,
      isWorking: () => conversation.isWorking() || stops.size > 0,
      submit: (text, how) => {
        if (text.startsWith("/")) return command(text)
        if (!text.startsWith("!")) return void fork(complained(say(text, how)))
        const run = Shell.run(text.slice(1).trim(), conversation)
        fork(stoppable((stop) => Effect.raceFirst(run, stop)))
      },
      command,
      stop: () => {
        for (const stop of stops) Deferred.unsafeDone(stop, Effect.void)
        fork(complained(conversation.stop))
      },
      permission: () => {
        const { permission } = knobs.get()
        knobs.change({ permission: permission === "ask" ? "plan" : "ask" })
        face.refresh()
      },
      decided: asking.decided,
      answered: asking.answered,
      history: history.lines,
      remember: history.add,
      completions: (line) => Effect.runPromise(Commands.completions(line, place(Effect.never))),
      files: () => Effect.runPromise(files),
      attach: attachments.attach
    }
    conversation.listen((news) => {
      face.news(news)
      if (news._tag === "Switched") fork(complained(Effect.zipRight(shown, figures.refresh)))
    })
    const goingOn = Told.goingOn(conversation)
    knobs.listen(() => void fork(refresh))
    for (const problem of problems) tell(oneLine(problem), "warning")
    face.saveBy(Saved.make(settings, conversation.session))
    if (settings.permission === "yolo") tell(Told.yolo(settings), "error")
    yield* complained(shown)
    yield* Effect.forkScoped(refresh)
    face.ready(host)
    if (settings.prompt !== undefined) host.submit(settings.prompt, "steer")
    yield* left
    yield* Effect.timeoutOption(conversation.stop, stopMillis)
    figures.close()
    const how = goingOn()
    return { code: exitCodes.ok, lines: how === undefined ? [] : [how] } satisfies End
  })
