/**
 * Tools that run commands: a line for the sandbox's shell, in the foreground or as a job that goes on while the model does
 * other things. What was started ends with the run, or where the application says.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as CommandGuard from "../guard/CommandGuard.ts"
import * as PathGuard from "../guard/PathGuard.ts"
import * as Check from "../internal/options.ts"
import type * as Sandbox from "../sandbox/Sandbox.ts"
import * as Tool from "../tool/Tool.ts"
import { isEnd, told } from "./internal/commandResult.ts"
import * as Run from "./internal/commandRun.ts"
import * as Jobs from "./ShellJobs.ts"

/**
 * How commands run.
 *
 * **Details**
 *
 * - `timeout`: of a command in the foreground that does not ask for another; 2 minutes. `mostTimeout`: what it may ask for; 10.
 * - `keepBytes`: how much of the output the model reads, half of it from the beginning and half from the end; 30,000.
 * - `limits`, `environment`: as of `Sandbox.ExecOptions`.
 * - `unsafe`: whether commands run that no rule of a guard allows, such as `rm -rf /`; they are refused unless set, guard or not.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly timeout?: Duration.DurationInput | undefined
  readonly mostTimeout?: Duration.DurationInput | undefined
  readonly keepBytes?: number | undefined
  readonly limits?: Omit<Sandbox.Limits, "time"> | undefined
  readonly environment?: Readonly<Record<string, string>> | undefined
  readonly unsafe?: boolean | undefined
}

/**
 * Makes `shell`, and for its jobs `shell_output`, `shell_input`, `shell_stop` and `shell_jobs`.
 *
 * **Details**
 *
 * - A command that ran is a result, whatever its exit code, which stands below what it wrote. One that was out of time or
 *   other bounds is a failed result, with what it had written.
 * - `shell` and `shell_input` are destructive, so that the default guard asks; the others only see and end what was started.
 * - What a command writes is shown as it comes.
 *
 * @see {@link Jobs.layer} for jobs that outlive the run
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): ReadonlyArray<Tool.WithHandler<Sandbox.Sandbox>> => {
  const timeout = Check.millis("Shell option timeout", options.timeout) ?? 120_000
  const most = Math.max(timeout, Check.millis("Shell option mostTimeout", options.mostTimeout) ?? 600_000)
  Check.whole("Shell option keepBytes", options.keepBytes, 1000)
  const { environment, keepBytes = 30_000, limits, unsafe = false } = options
  const shell = Tool.make(
    "shell",
    {
      description:
        "Runs a line in a shell (/bin/sh) in the working folder, and answers what it wrote and its exit code. Each call is " +
        "a shell of its own: folders and variables are not kept. What is to go on while you do other things, such as a " +
        "server, runs in the background.",
      parameters: {
        command: Schema.String.annotations({ description: "The line" }),
        folder: Schema.optional(
          PathGuard.path("folder").annotations({ description: "Where it runs; the working folder unless given" })
        ),
        timeoutSeconds: Schema.optional(
          Schema.Number.pipe(Schema.between(0.1, most / 1000)).annotations({
            description: `How long it may take, in seconds; ${timeout / 1000} unless given`
          })
        ),
        input: Schema.optional(Schema.String.annotations({ description: "What it reads from its standard input" })),
        background: Schema.optional(flag("Whether to go on without waiting for its end; answers the id of its job")),
        terminal: Schema.optional(flag("Whether it needs a terminal, as programs do that ask questions"))
      },
      success: Schema.String,
      failure: Schema.String,
      destructive: true,
      resultBound: Number.POSITIVE_INFINITY
    },
    ({ background = false, command, folder, input, terminal = false, timeoutSeconds }) =>
      Effect.gen(function* () {
        if (command.trim() === "") return yield* Effect.fail("The command is empty.")
        if (!unsafe) yield* refused(command, folder)
        const timeMillis = timeoutSeconds === undefined ? timeout : timeoutSeconds * 1000
        const how: Sandbox.ExecOptions = {
          folder,
          environment,
          ...(terminal ? { terminal: { columns: 120, rows: 40 } } : {})
        }
        if (background) {
          const time = timeoutSeconds === undefined ? undefined : timeMillis
          return yield* Jobs.start(command, { ...how, input: "open", limits: { ...limits, time } }, input)
        }
        const ran = yield* Run.run(command, { ...how, input, limits: { ...limits, time: timeMillis } }, keepBytes)
        const words = told(ran.output, ran.exit, { timeMillis })
        return yield* isEnd(ran.exit) ? Effect.succeed(words) : Effect.fail(words)
      }).pipe(Effect.mapError((error) => (typeof error === "string" ? error : error.message)))
  )
  return [shell, ...Jobs.tools]
}

/**
 * Where the commands of these tools are, for `CommandGuard`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const commands: Readonly<Record<string, CommandGuard.Field>> = { shell: { line: "command", folder: "folder" } }

// internal

const flag = (description: string) => Schema.Boolean.annotations({ description })

/** Refuses what no rule allows, also where no guard was asked. What cannot be seen through is for a guard to judge. */
const refused = (command: string, folder: string | undefined): Effect.Effect<void, string> => {
  const verdict = CommandGuard.judge(command, { opaque: "ask", writes: "allow" }, folder ?? "")
  return verdict._tag === "Deny" ? Effect.fail(`The command was not run: ${verdict.reason}`) : Effect.void
}
