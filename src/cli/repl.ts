/**
 * The conversation in the terminal: a line is a run, Ctrl-C stops the run and not the conversation, and a failed run
 * leaves it open.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Options } from "./args.ts"
import type { Where } from "./errors.ts"
import { exitCodes, explain } from "./errors.ts"
import type { Ask } from "./program.ts"
import type { Output } from "./render.ts"
import * as Sessions from "./sessions.ts"
import * as Signals from "./signals.ts"
import * as Terminal from "./terminal.ts"

const help = `/new      begin a new session
/session  say which session this is
/quit     leave (also Ctrl-D, or Ctrl-C at the prompt)
Ctrl-C stops an answer. Anything else is sent to the agent.
`

/**
 * Holds a conversation until it is left. Answers the exit code.
 *
 * @category constructors
 * @since 0.1.0
 */
export const converse = (setting: {
  readonly options: Options
  readonly ask: Ask
  readonly output: Output
  readonly folder: string
  readonly where: Where
}) =>
  Effect.scoped(
    Effect.gen(function* () {
      const { ask, folder, options, output, where } = setting
      const terminal = yield* Terminal.open({ input: process.stdin, output: process.stdout, sign: "› " })
      const stopping = yield* Signals.listen(["SIGTERM", "SIGHUP"])
      const stop = Effect.raceFirst(terminal.interrupt, Effect.asVoid(stopping.asked))
      let session = yield* Sessions.choose(options, folder)
      output.note("Type a request, or /help.\n")

      const talk = (line: string) =>
        ask(line, session, stop).pipe(
          Effect.flatMap((end) => Effect.sync(() => end?.reason === "stopped" && output.note("stopped\n"))),
          // A conversation outlives what goes wrong in it.
          Effect.catchAllCause((cause) => Effect.sync(() => output.note(`axonal: ${explain(cause, where).text}\n`)))
        )
      const command = (line: string): boolean => {
        if (line === "/quit" || line === "/exit") return false
        if (line === "/new") session = Sessions.fresh()
        const known = line === "/new" || line === "/session"
        output.note(line === "/help" ? help : known ? `session ${session}\n` : `unknown command ${line}, try /help\n`)
        return true
      }
      const turn = (line: string) => {
        const text = line.trim()
        if (text === "") return Effect.succeed(true)
        return text.startsWith("/") ? Effect.sync(() => command(text)) : Effect.as(talk(text), true)
      }

      const opening = options.prompt === undefined ? Stream.empty : Stream.make(options.prompt)
      yield* Stream.concat(opening, Stream.interruptWhen(terminal.lines, stopping.asked)).pipe(
        Stream.mapEffect(turn),
        Stream.takeWhile((goesOn) => goesOn),
        Stream.runDrain
      )
      if (options.save) output.note(`session ${session}, go on with: axonal --continue\n`)
      return stopping.code() ?? exitCodes.ok
    })
  )
