/**
 * The conversation in plain lines: a line is a request, Ctrl-C stops the run and not the conversation, and a failed run
 * leaves it open. At a terminal, what is typed while a run works joins it; what is piped in is answered one by one.
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Approving from "../approval.ts"
import type { Assistant } from "../assistant/assistant.ts"
import * as Commands from "../assistant/commands/commands.ts"
import * as Conversation from "../assistant/conversation.ts"
import * as History from "../assistant/history.ts"
import * as Mentions from "../assistant/mentions.ts"
import { nobody } from "../assistant/parts/person.ts"
import * as Shell from "../assistant/shell.ts"
import * as Told from "../assistant/told.ts"
import * as Typed from "../assistant/typed.ts"
import { exitCodes } from "../errors.ts"
import { clipboard } from "../internal/layout.ts"
import { oneLine } from "../internal/words.ts"
import type { Output } from "../render.ts"
import * as Saved from "../saved.ts"
import * as Screen from "../sessions/screen.ts"
import * as Sessions from "../sessions/sessions.ts"
import * as Signals from "../signals.ts"
import * as Ask from "./ask.ts"
import * as Show from "./show.ts"
import * as Terminal from "./terminal.ts"

/**
 * Holds a conversation until it is left. Answers the exit code.
 *
 * @category constructors
 * @since 0.1.0
 */
export const converse = (setting: { readonly assistant: Assistant; readonly output: Output }) =>
  Effect.scoped(
    Effect.gen(function* () {
      const { assistant } = setting
      const { folder, settings } = assistant
      const history = History.make(settings.save ? History.fileOf(Sessions.dataFolder(settings)) : undefined)
      let complete: Terminal.Options["complete"] = async (line) => [[], line]
      const terminal = yield* Terminal.open({
        ...{ input: process.stdin, output: process.stdout, sign: "› " },
        ...{ history: history.lines, complete: (line) => complete(line) }
      })
      const output: Output = {
        ...setting.output,
        answer: terminal.over(setting.output.answer),
        note: terminal.over(setting.output.note)
      }
      const stopping = yield* Signals.listen(["SIGTERM", "SIGHUP"])
      const stop = Effect.raceFirst(terminal.interrupt, Effect.asVoid(stopping.asked))
      const asking = yield* Ask.make(output.note)
      const approval = yield* Approving.make(terminal.aside, Approving.showing(assistant.undo.sandbox))
      const person = {
        isThere: Approving.isTerminal(),
        approval,
        respond: terminal.isTerminal ? asking.respond : nobody
      }
      const first = yield* assistant.within(Sessions.choose(settings, folder))
      const conversation = yield* Conversation.make(assistant, person, first)
      const screen = Screen.ofNotes(output, process.env)
      const place: Commands.Place = { conversation, screen, stop }
      complete = (line) => Effect.runPromise(completed(line, place))
      const face: Face = { terminal, output, conversation, place, complain: complainer(output, conversation) }
      let isIdle = false
      const show = Show.news(output, Saved.make(settings, conversation.session))
      output.note("Type a request, or /help.\n")
      conversation.listen((news) => {
        show(news)
        if (news._tag === "Settled" && isIdle) terminal.prompt()
      })
      const goingOn = Told.goingOn(conversation)

      /** Answers whether the conversation goes on. */
      const turn = (typed: string): Effect.Effect<boolean> => {
        const [text, read] = [typed.trim(), Typed.read(typed)]
        if (terminal.isTerminal) history.add(text)
        if (read._tag === "Command") return command(read.line, face)
        if (asking.answered(text) || text === "") return Effect.succeed(true)
        const done =
          read._tag === "Words"
            ? talk(read.text, read.how, face)
            : Effect.raceFirst(Shell.run(read.command, conversation), place.stop)
        return Effect.as(done, true)
      }
      const waits = Effect.suspend(() => {
        if (!conversation.isWorking()) terminal.prompt()
        isIdle = true
        return Effect.raceAll([
          Effect.map(terminal.typed, (typed): Next => ({ typed })),
          Effect.as(terminal.interrupt, "interrupt" as const),
          Effect.as(stopping.asked, "end" as const)
        ])
      })
      const step: Effect.Effect<boolean> = Effect.flatMap(waits, (next) => {
        isIdle = false
        if (next === "interrupt") return conversation.isWorking() ? stopped(face) : Effect.succeed(false)
        if (next === "end") return Effect.succeed(false)
        // What works ends before the conversation does.
        return Option.match(next.typed, { onNone: () => Effect.as(rest(face), false), onSome: turn })
      })
      if (settings.prompt !== undefined) yield* turn(settings.prompt)
      yield* Effect.iterate(true, { while: (goesOn) => goesOn, body: () => step })
      terminal.rest()
      const how = goingOn()
      if (how !== undefined) output.note(`${how}\n`)
      return stopping.code() ?? exitCodes.ok
    })
  )

// internal

type Next = { readonly typed: Option.Option<string> } | "interrupt" | "end"

interface Face {
  readonly terminal: Terminal.Terminal
  readonly output: Output
  readonly conversation: Conversation.Conversation
  readonly place: Commands.Place
  readonly complain: (cause: Cause.Cause<unknown>) => Effect.Effect<void>
}

/** A conversation outlives what goes wrong in it. */
const complainer =
  (output: Output, { explain }: Conversation.Conversation): Face["complain"] =>
  (cause) =>
    Effect.sync(() => output.note(`axonal: ${explain(cause)}\n`))

/** Waits for the run, as long as nobody stops it. */
const rest = ({ conversation, place }: Face): Effect.Effect<void> =>
  Effect.raceFirst(conversation.settled, Effect.zipRight(place.stop, conversation.stop))

/** Who presses Ctrl-C again while it stops, leaves. */
const stopped = ({ conversation, terminal }: Face): Effect.Effect<boolean> =>
  Effect.raceFirst(Effect.as(conversation.stop, true), Effect.as(terminal.interrupt, false))

/** A pipe has nobody to steer: its lines are requests, one after the other. */
const talk = (text: string, how: Conversation.How | undefined, face: Face): Effect.Effect<void> => {
  const { conversation, output, terminal } = face
  return Effect.gen(function* () {
    const { input, notes } = yield* Mentions.resolve(text, conversation)
    for (const note of notes) output.note(`axonal: ${note}\n`)
    yield* conversation.say(input, how)
    if (!terminal.isTerminal) yield* rest(face)
  }).pipe(Effect.catchAllCause(face.complain))
}

const command = (line: string, { complain, output, place, terminal }: Face): Effect.Effect<boolean> =>
  Commands.act(line, place).pipe(
    Effect.map((outcome) => {
      const isCopied = outcome._tag === "Copy" && terminal.isTerminal
      if (outcome._tag === "Copy" && !isCopied) output.note("there is no clipboard here; /copy FILE writes a file\n")
      else output.note(Show.outcome(outcome, place.screen))
      if (isCopied) process.stdout.write(clipboard(outcome.text))
      if (outcome._tag === "Edit") terminal.edit(outcome.text)
      if (outcome._tag === "Cleared") {
        if (terminal.isTerminal) process.stdout.write("\u001b[2J\u001b[H")
        output.note(`session ${oneLine(place.conversation.session())}\n`)
      }
      return outcome._tag !== "Left"
    }),
    Effect.catchAllCause((cause) => Effect.as(complain(cause), true))
  )

/** At Tab: of a command the whole line, of a mention its path. */
const completed = (line: string, place: Commands.Place): Effect.Effect<readonly [ReadonlyArray<string>, string]> => {
  if (line.startsWith("/")) {
    return Effect.map(Commands.completions(line, place), (items) => [items.map(({ value }) => value), line])
  }
  const begun = /(?:^|\s)@(\S*)$/.exec(line)?.[1]
  if (begun === undefined) return Effect.succeed([[], line])
  const folder = begun.slice(0, begun.lastIndexOf("/") + 1)
  return place.conversation.assistant.undo.sandbox.list(folder === "" ? "." : folder).pipe(
    Effect.map((files) =>
      files
        .map(({ kind, path }) => `${folder}${path}${kind === "folder" ? "/" : ""}`)
        .filter((path) => path.startsWith(begun) && !/\s/.test(path))
    ),
    Effect.catchAll(() => Effect.succeed([])),
    Effect.map((paths) => [paths, begun] as const)
  )
}
