/**
 * The conversation as the screen uses it: what is typed there is carried out, and what comes of it is shown.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Commands from "../assistant/commands/commands.ts"
import type * as Conversation from "../assistant/conversation.ts"
import type { Service as Figures } from "../assistant/figures.ts"
import * as History from "../assistant/history.ts"
import * as Mentions from "../assistant/mentions.ts"
import * as Shell from "../assistant/shell.ts"
import * as Typed from "../assistant/typed.ts"
import * as Screen from "../sessions/screen.ts"
import * as Sessions from "../sessions/sessions.ts"
import type { Asking } from "./asking.ts"
import * as Attachments from "./attachments.ts"
import * as Files from "./files.ts"
import type { Face, Host } from "./host.ts"

/**
 * What it is made of. `fork` has something done beside all else, until the screen is left.
 *
 * @category models
 * @since 0.1.0
 */
export interface Setting {
  readonly asking: Asking
  readonly conversation: Conversation.Conversation
  readonly face: Face
  readonly figures: Figures
  readonly fork: (effect: Effect.Effect<void>) => void
}

/**
 * Tells something on the screen that is no news of a run.
 *
 * @category constructors
 * @since 0.1.0
 */
export const teller =
  (conversation: Conversation.Conversation) =>
  (text: string, kind: "info" | "warning" | "error" = "info"): void =>
    conversation.tell({ _tag: "Note", text, kind })

/**
 * Does something whose failure is told on the screen.
 *
 * @category combinators
 * @since 0.1.0
 */
export const complained = <A>(
  conversation: Conversation.Conversation,
  effect: Effect.Effect<A, unknown>
): Effect.Effect<void> =>
  Effect.catchAllCause(Effect.asVoid(effect), (cause) =>
    Effect.sync(() => teller(conversation)(conversation.explain(cause), "error"))
  )

/**
 * Makes the host of the screen.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (setting: Setting): Host => {
  const { asking, conversation, face, figures, fork } = setting
  const { folder, knobs, settings, undo } = conversation.assistant
  const tell = teller(conversation)
  const history = History.make(settings.save ? History.fileOf(Sessions.dataFolder(settings)) : undefined)
  const files = Files.make(undo.sandbox, Date.now)
  const attachments = Attachments.make({
    folder,
    resolve: (text, paths) => Mentions.attach(text, paths, conversation)
  })
  const { isAny, stopAll, stoppable } = stops(face.refresh)
  const place = placeOf(conversation, face)
  const command = (line: string): void =>
    fork(
      stoppable((stop) => {
        const acted = Effect.map(Commands.act(line, place(stop)), (outcome) => came(outcome, face, tell))
        return complained(conversation, acted)
      })
    )
  const say = (text: string, how: Conversation.How) =>
    Effect.flatMap(attachments.input(text), ({ input, notes }) => {
      for (const note of notes) tell(note, "warning")
      return conversation.say(input, how)
    })
  return {
    status: figures.get,
    isWorking: () => conversation.isWorking() || isAny(),
    submit: (text, how) => {
      const typed = Typed.read(text)
      if (typed._tag === "Command") command(typed.line)
      else if (typed._tag === "Words") fork(complained(conversation, say(typed.text, typed.how ?? how)))
      else fork(stoppable((stop) => Effect.raceFirst(Shell.run(typed.command, conversation), stop)))
    },
    command,
    stop: () => {
      stopAll()
      fork(complained(conversation, conversation.stop))
    },
    permission: () => {
      knobs.change({ permission: knobs.get().permission === "ask" ? "plan" : "ask" })
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
}

// internal

/** What takes long and is no run, each with its stop: the same key ends all of them. */
const stops = (ended: () => void) => {
  const all = new Set<Deferred.Deferred<void>>()
  return {
    isAny: () => all.size > 0,
    stopAll: () => {
      for (const stop of all) Deferred.unsafeDone(stop, Effect.void)
    },
    stoppable: (effect: (stop: Effect.Effect<void>) => Effect.Effect<void>): Effect.Effect<void> =>
      Effect.flatMap(Deferred.make<void>(), (stop) => {
        all.add(stop)
        return Effect.ensuring(
          effect(Deferred.await(stop)),
          Effect.sync(() => {
            all.delete(stop)
            ended()
          })
        )
      })
  }
}

const placeOf =
  (conversation: Conversation.Conversation, face: Face) =>
  (stop: Effect.Effect<void>): Commands.Place => {
    const note = (text: string) => teller(conversation)(text.trimEnd())
    const width = Math.max(20, face.size().columns - 2)
    return {
      conversation,
      stop,
      screen: { ...Screen.ofNotes({ color: face.hasColor(), note }, process.env), width }
    }
  }

const came = (outcome: Commands.Outcome, face: Face, tell: (text: string) => void): void => {
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
