/**
 * The command line's one program: read the settings, and answer once or hold a conversation, on a screen or in plain lines.
 * It ends with the right exit code.
 */

import { realpathSync } from "node:fs"
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type { Options } from "./args.ts"
import * as Assistant from "./assistant/assistant.ts"
import * as Told from "./assistant/told.ts"
import * as Environment from "./environment.ts"
import type { Where } from "./errors.ts"
import { explain, UsageError } from "./errors.ts"
import { oneLine } from "./internal/words.ts"
import { quietly } from "./logging.ts"
import { once } from "./once/once.ts"
import type * as Render from "./render.ts"
import type { Settings } from "./settings.ts"
import * as Resolving from "./settings.ts"
import * as Vendors from "./vendors.ts"

/**
 * Runs the command line and answers its exit code. Never rejects.
 *
 * @category constructors
 * @since 0.1.0
 */
export const run = (options: Options): Promise<number> => {
  const debug = options.debug || Environment.isDebug(process.env)
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
  color: options.color && Environment.hasColor(process.env, process.stderr)
})

const complain = (cause: Cause.Cause<unknown>, where: Where, output: Render.Output): number => {
  const { code, text } = explain(cause, where)
  output.note(`axonal: ${text}\n`)
  return code
}

const main = (options: Options, terminal: Render.Output, where: Mutable) =>
  Effect.gen(function* () {
    const folder = realpathSync(process.cwd())
    const settings = yield* Resolving.resolve(options, process.env, folder)
    const output = { ...terminal, color: terminal.color && settings.color }
    const talks = options.interactive || (options.prompt === undefined && process.stdin.isTTY === true)
    const lonely = talks
      ? ["file" as const, "output-schema" as const].find((flag) => isGiven(options, flag))
      : undefined
    if (lonely !== undefined) {
      return yield* new UsageError({ message: `--${lonely} goes with a prompt that is answered once` })
    }
    for (const problem of settings.problems) output.note(`axonal: ${oneLine(problem)}\n`)
    if (settings.permission === "yolo") output.note(`${warning(settings, output.color)}\n`)
    const assistant = yield* assembled(settings, folder, output, where)
    if (!talks) return yield* once(assistant, output)
    const { converse } = yield* Effect.promise(() => import("./plain/repl.ts"))
    return yield* converse({ assistant, output })
  })

const isGiven = (options: Options, flag: "file" | "output-schema"): boolean =>
  flag === "file" ? options.files.length > 0 : options.outputSchema !== undefined

/** Whoever has switched the asking off is told what that means, every time. */
const warning = (settings: Settings, color: boolean): string => {
  const text = `axonal: ${Told.yolo(settings)}`
  return color ? `\u001b[1;31m${text}\u001b[22;39m` : text
}

const assembled = (settings: Settings, folder: string, output: Render.Output, where: Mutable) =>
  Effect.gen(function* () {
    const assistant = yield* Assistant.make(settings, folder, (facts) => {
      Object.assign(where, facts)
      if ("choice" in facts) output.note(`axonal: ${Vendors.announce(facts.choice)}\n`)
    })
    for (const problem of assistant.parts.problems) output.note(`axonal: ${problem}\n`)
    return assistant
  })
