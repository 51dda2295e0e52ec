/**
 * The command line's one program: read the settings, and answer once or hold a conversation, on a screen or in plain lines.
 * It ends with the right exit code.
 */

import { realpathSync } from "node:fs"
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { RunEnd } from "../domain/AgentEvent.ts"
import * as Approving from "./approval.ts"
import type { Options } from "./args.ts"
import * as Assistant from "./assistant/assistant.ts"
import { nobody } from "./assistant/partsPerson.ts"
import type { Where } from "./errors.ts"
import { exitCodes, explain } from "./errors.ts"
import * as Prompt from "./input.ts"
import { oneLine } from "./internal/words.ts"
import { quietly } from "./logging.ts"
import * as Render from "./render.ts"
import * as Sessions from "./sessions.ts"
import type { Settings } from "./settings.ts"
import * as Resolving from "./settings.ts"
import * as Signals from "./signals.ts"
import * as Vendors from "./vendors.ts"

/**
 * Runs the command line and answers its exit code. Never rejects.
 *
 * @category constructors
 * @since 0.1.0
 */
export const run = (options: Options): Promise<number> => {
  const debug = options.debug || Boolean(process.env["AXONAL_DEBUG"])
  const output = terminalOutput(options)
  const where: Mutable = { debug }
  const program = Effect.scoped(main({ ...options, debug }, output, where)).pipe(
    Effect.catchAllCause((cause) => Effect.sync(() => complain(cause, where, output))),
    Effect.provide(quietly(debug))
  )
  return Effect.runPromise(program)
}

// internal

/** Filled in as far as the program gets, for what has to be said when it gets no further. */
type Mutable = { -readonly [Key in keyof Where]: Where[Key] }

const terminalOutput = (options: Options): Render.Output => ({
  answer: (text) => process.stdout.write(text),
  note: (text) => process.stderr.write(text),
  color: options.color && !process.env["NO_COLOR"] && process.stderr.isTTY === true && process.env["TERM"] !== "dumb"
})

const complain = (cause: Cause.Cause<unknown>, where: Where, output: Render.Output): number => {
  const { code, text } = explain(cause, where)
  output.note(`axonal: ${text}\n`)
  return code
}

const main = (options: Options, output: Render.Output, where: Mutable) =>
  Effect.gen(function* () {
    const folder = realpathSync(process.cwd())
    const settings = yield* Resolving.resolve(options, process.env, folder)
    const talks = options.interactive || (options.prompt === undefined && process.stdin.isTTY === true)
    for (const problem of settings.problems) output.note(`axonal: ${oneLine(problem)}\n`)
    const assistant = yield* assembled(settings, folder, output, where)
    if (!talks) return yield* once(assistant, output)
    const { converse } = yield* Effect.promise(() => import("./repl.ts"))
    return yield* converse({ assistant, output, where })
  })

const assembled = (settings: Settings, folder: string, output: Render.Output, where: Mutable) =>
  Effect.gen(function* () {
    const assistant = yield* Assistant.make(settings, folder, (facts) => {
      Object.assign(where, facts)
      if ("choice" in facts) output.note(`axonal: ${Vendors.announce(facts.choice)}\n`)
    })
    for (const problem of assistant.parts.problems) output.note(`axonal: ${problem}\n`)
    return assistant
  })

const once = (assistant: Assistant.Assistant, output: Render.Output) =>
  Effect.scoped(
    Effect.gen(function* () {
      const { folder, settings } = assistant
      const stopping = yield* Signals.listen(["SIGINT", "SIGTERM", "SIGHUP"])
      const stopSignal = Effect.asVoid(stopping.asked)
      const input = yield* Effect.raceFirst(Prompt.read(settings.prompt, process.stdin), stopSignal)
      if (input === undefined) return stopping.code() ?? exitCodes.failed
      const session = yield* assistant.within(Sessions.choose(settings, folder))
      const person = { approval: yield* Approving.make(), respond: nobody }
      const warn = (text: string) => Effect.sync(() => output.note(`axonal: ${text}\n`))
      yield* Effect.forkScoped(Stream.runForEach(assistant.parts.notices, warn))
      const render = settings.json ? Render.json(output) : Render.text(output)
      let end: RunEnd | undefined
      yield* Stream.runForEachChunk(assistant.stream(input, { session, person, stopSignal }), (events) =>
        Effect.sync(() => {
          for (const event of events) {
            render(event)
            if (event._tag === "RunEnd") end = event
          }
        })
      )
      const code = stopping.code()
      if (end?.reason === "stopped" && code !== exitCodes.ok) {
        output.note(
          `axonal: stopped.${settings.save ? ` Session ${oneLine(session)} is kept, go on with: axonal --continue` : ""}\n`
        )
      } else if (!settings.json && settings.save) output.note(`session ${oneLine(session)}\n`)
      return code ?? (end?.reason === "completed" ? exitCodes.ok : exitCodes.failed)
    })
  )
