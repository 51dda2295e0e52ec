/**
 * The conversation in the terminal: a line is a run, Ctrl-C stops the run and not the conversation, and a failed run
 * leaves it open.
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Approval from "../guard/Approval.ts"
import * as Approving from "./approval.ts"
import type { Options } from "./args.ts"
import type { Where } from "./errors.ts"
import { exitCodes, explain } from "./errors.ts"
import type { Ask } from "./program.ts"
import type { Output } from "./render.ts"
import * as Screen from "./sessions/screen.ts"
import * as Sessions from "./sessions.ts"
import * as Signals from "./signals.ts"
import * as Slash from "./slash.ts"
import * as Terminal from "./terminal.ts"

/**
 * Holds a conversation until it is left. Answers the exit code.
 *
 * @category constructors
 * @since 0.1.0
 */
export const converse = (setting: {
  readonly options: Options
  readonly ask: Ask
  readonly about: Slash.About
  readonly output: Output
  readonly folder: string
  readonly where: Where
}) =>
  Effect.scoped(
    Effect.gen(function* () {
      const { about, ask, folder, options, output, where } = setting
      const terminal = yield* Terminal.open({ input: process.stdin, output: process.stdout, sign: "› " })
      const stopping = yield* Signals.listen(["SIGTERM", "SIGHUP"])
      const stop = Effect.raceFirst(terminal.interrupt, Effect.asVoid(stopping.asked))
      const approval = yield* Approving.make(terminal.aside)
      const screen = Screen.ofNotes(output, process.env)
      let session = yield* Sessions.choose(options, folder)
      let isLatest = true
      output.note("Type a request, or /help.\n")

      // A conversation outlives what goes wrong in it.
      const complain = (cause: Cause.Cause<unknown>) =>
        Effect.sync(() => {
          output.note(`axonal: ${explain(cause, where).text}\n`)
          return true
        })
      const talk = (line: string) =>
        ask(line, session, stop).pipe(
          Effect.provideService(Approval.Approval, approval),
          Effect.map((end) => {
            if (end?.reason === "stopped") output.note("stopped\n")
            isLatest = true
            return true
          }),
          Effect.catchAllCause(complain)
        )
      const command = (line: string) =>
        Slash.act(line, { session, folder, about, screen, stop }).pipe(
          Effect.map((next) => {
            if (next !== undefined && next !== session) {
              session = next
              isLatest = false
            }
            return next !== undefined
          }),
          Effect.catchAllCause(complain)
        )
      const turn = (line: string) => {
        const text = line.trim()
        if (text === "") return Effect.succeed(true)
        return text.startsWith("/") ? command(text) : talk(text)
      }

      const opening = options.prompt === undefined ? Stream.empty : Stream.make(options.prompt)
      yield* Stream.concat(opening, Stream.interruptWhen(terminal.lines, stopping.asked)).pipe(
        Stream.mapEffect(turn),
        Stream.takeWhile((goesOn) => goesOn),
        Stream.runDrain
      )
      const how = isLatest ? "--continue" : `--session ${session}`
      if (options.save) output.note(`session ${session}, go on with: axonal ${how}\n`)
      return stopping.code() ?? exitCodes.ok
    })
  )
