/**
 * The tool that runs a program which the model writes, in Python or JavaScript. The program is given to the language on its
 * input, so that nothing is left behind in the sandbox.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as PathGuard from "../guard/PathGuard.ts"
import * as Check from "../internal/options.ts"
import type * as Sandbox from "../sandbox/Sandbox.ts"
import type { SandboxError } from "../sandbox/SandboxError.ts"
import * as Tool from "../tool/Tool.ts"
import { isEnd, told } from "./internal/commandResult.ts"
import * as Run from "./internal/commandRun.ts"

/**
 * A language that programs may be written in.
 *
 * @category models
 * @since 0.1.0
 */
export type Language = "python" | "node"

/**
 * How programs run.
 *
 * **Details**
 *
 * - `languages`: the program of each with the arguments that come first; `python3` and `node` unless given. What is left out
 *   cannot be used.
 * - `timeout`: of a program that does not ask for another; 1 minute. `mostTimeout`: what it may ask for; 10.
 * - `keepBytes`: how much of the output the model reads, half of it from each end; 30,000.
 * - `limits`, `environment`: as of `Sandbox.ExecOptions`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly languages?: Partial<Readonly<Record<Language, readonly [string, ...ReadonlyArray<string>]>>> | undefined
  readonly timeout?: Duration.DurationInput | undefined
  readonly mostTimeout?: Duration.DurationInput | undefined
  readonly keepBytes?: number | undefined
  readonly limits?: Omit<Sandbox.Limits, "time"> | undefined
  readonly environment?: Readonly<Record<string, string>> | undefined
}

/**
 * Makes `run_code`.
 *
 * **Details**
 *
 * - JavaScript is a module: `import` and `await` are there. What is to be seen is printed; there is no last value.
 * - A program that ran is a result, whatever its exit code. One that was out of time or other bounds is a failed result.
 * - Destructive, so that the default guard asks: a program may do whatever its sandbox lets it.
 * - Errors: no language at all throws.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): Tool.WithHandler<Sandbox.Sandbox> => {
  const timeout = Check.millis("RunCode option timeout", options.timeout) ?? 60_000
  const most = Math.max(timeout, Check.millis("RunCode option mostTimeout", options.mostTimeout) ?? 600_000)
  Check.whole("RunCode option keepBytes", options.keepBytes, 1000)
  const { environment, keepBytes = 30_000, languages = programs, limits } = options
  const [first, ...more] = names.filter((name) => languages[name] !== undefined)
  if (first === undefined) throw new TypeError("RunCode option languages must have at least one language")
  return Tool.make(
    "run_code",
    {
      description:
        "Runs a program and answers what it printed. Each call is a program of its own; nothing is kept between calls. " +
        "JavaScript is a module: import, not require.",
      parameters: {
        language: Schema.Literal(first, ...more),
        code: Schema.String.annotations({ description: "The whole program; print what you want to see" }),
        input: Schema.optional(Schema.String.annotations({ description: "What it reads from its standard input" })),
        folder: Schema.optional(
          PathGuard.path("folder").annotations({ description: "Where it runs; the working folder unless given" })
        ),
        timeoutSeconds: Schema.optional(
          Schema.Number.pipe(Schema.between(0.1, most / 1000)).annotations({
            description: `How long it may take, in seconds; ${timeout / 1000} unless given`
          })
        )
      },
      success: Schema.String,
      failure: Schema.String,
      destructive: true,
      resultBound: Number.POSITIVE_INFINITY
    },
    ({ code, folder, input, language, timeoutSeconds }) =>
      Effect.gen(function* () {
        const program = languages[language]
        if (program === undefined) return yield* Effect.fail(`${language} cannot be used here.`)
        const timeMillis = timeoutSeconds === undefined ? timeout : timeoutSeconds * 1000
        const command = yield* commandOf(language, program, code, input)
        const how = { folder, environment, input: command.input, limits: { ...limits, time: timeMillis } }
        const ran = yield* Effect.mapError(Run.run(command.argv, how, keepBytes), (error) =>
          isMissing(error, program[0])
            ? `There is no ${program[0]} in this sandbox: use another language.`
            : error.message
        )
        const words = told(ran.output, ran.exit, { timeMillis })
        return yield* isEnd(ran.exit) ? Effect.succeed(words) : Effect.fail(words)
      })
  )
}

// internal

const names = ["python", "node"] as const

const programs: Readonly<Record<Language, readonly [string, ...ReadonlyArray<string>]>> = {
  python: ["python3"],
  node: ["node"]
}

/** What a program on the command line may have: systems bound one argument to 128 KB, in bytes. */
const mostArgument = 120 * 1024

const flags = {
  python: { fromInput: ["-u", "-"], fromArgument: ["-u", "-c"] },
  node: { fromInput: ["--input-type=module", "-"], fromArgument: ["--input-type=module", "-e"] }
} as const

/** The program on the input of its language, unless it has an input of its own. */
const commandOf = (
  language: Language,
  program: readonly [string, ...ReadonlyArray<string>],
  code: string,
  input: string | undefined
): Effect.Effect<{ readonly argv: Sandbox.Command; readonly input: string | undefined }, string> => {
  const { fromArgument, fromInput } = flags[language]
  if (input === undefined) return Effect.succeed({ argv: [...program, ...fromInput], input: code })
  return new TextEncoder().encode(code).length > mostArgument
    ? Effect.fail("A program with an input of its own may have 120 KB at most; have it read a file instead.")
    : Effect.succeed({ argv: [...program, ...fromArgument, code], input })
}

const isMissing = ({ reason, subject }: SandboxError, program: string): boolean =>
  reason._tag === "NotFound" && subject === program
