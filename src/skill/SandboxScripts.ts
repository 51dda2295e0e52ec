/**
 * Runs scripts of skills in a sandbox: by the program that their first line names, or else by what their name ends with. What
 * they may do is for the sandbox to say; that they are asked about first, for the guard.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Check from "../internal/options.ts"
import * as Sandbox from "../sandbox/Sandbox.ts"
import type { SandboxError } from "../sandbox/SandboxError.ts"
import * as Skills from "./Skills.ts"

/**
 * How scripts run.
 *
 * **Details**
 *
 * - `timeout`: of a script; 25 seconds. A call of its tool has 30.
 * - `keepBytes`: how much of each of its outputs the model reads, half of it from each end; 15,000.
 * - `limits`, `environment`: as of `Sandbox.ExecOptions`.
 * - `pathOf`: where the sandbox has the file, if it is not where it is here, as in a container.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly timeout?: Duration.DurationInput | undefined
  readonly keepBytes?: number | undefined
  readonly limits?: Omit<Sandbox.Limits, "time"> | undefined
  readonly environment?: Readonly<Record<string, string>> | undefined
  readonly pathOf?: ((script: Skills.Script) => string) | undefined
}

/**
 * Makes a runner of scripts over a sandbox.
 *
 * **Details**
 *
 * - A script runs in the working folder of the sandbox, without input. One that ran is an answer, whatever its exit code.
 * - Errors: `SkillError` with reason `File` for a script that is not inside of the sandbox, whose program is not there, or that
 *   was ended by a limit. An option that is out of bounds throws.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (sandbox: Sandbox.Service, options: Options = {}): Skills.RunScript => {
  const time = Check.millis("SandboxScripts option timeout", options.timeout) ?? 25_000
  Check.whole("SandboxScripts option keepBytes", options.keepBytes, 1000)
  const { environment, keepBytes = 15_000, limits, pathOf = ({ file }) => file } = options
  return (script, arguments_) => {
    const failed = (problem: string) =>
      new Skills.SkillError({ reason: { _tag: "File", name: script.skill, path: script.path, problem } })
    return Effect.gen(function* () {
      const file = pathOf(script)
      const head = yield* Effect.mapError(sandbox.read(file, { length: mostLine }), (error) =>
        failed(absent(error, sandbox))
      )
      const program = programOf(head.bytes, script.path)
      if (program === undefined) {
        return yield* failed("no program is known for it: begin it with a line such as #!/usr/bin/env python3")
      }
      const how = { environment, keepBytes, limits: { ...limits, time } }
      const ran = yield* Sandbox.run([...program, file, ...arguments_], how).pipe(
        Effect.provideService(Sandbox.Sandbox, sandbox),
        Effect.mapError((error) => failed(unstarted(error, program[0])))
      )
      const { reason } = ran.exit
      return reason === "exited" || reason === "signalled" ? told(ran) : yield* failed(`${ends[reason]}\n${told(ran)}`)
    })
  }
}

/**
 * Layer by which scripts of skills run in the sandbox in use.
 *
 * @see {@link Skills.ScriptRunner} for what happens without one
 * @category layers
 * @since 0.1.0
 */
export const layerWith = (options?: Options): Layer.Layer<never, never, Sandbox.Sandbox> =>
  Layer.effect(
    Skills.ScriptRunner,
    Effect.map(Sandbox.Sandbox, (sandbox) => make(sandbox, options))
  )

/**
 * Layer by which scripts of skills run in the sandbox in use, with the usual bounds.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<never, never, Sandbox.Sandbox> = layerWith()

// internal

type Program = readonly [program: string, ...arguments_: ReadonlyArray<string>]

/** Of a first line that names a program; systems read no more of it either. */
const mostLine = 256

const byEnding: Readonly<Record<string, Program>> = {
  sh: ["sh"],
  bash: ["bash"],
  py: ["python3"],
  js: ["node"],
  mjs: ["node"],
  cjs: ["node"],
  ts: ["node"],
  mts: ["node"],
  rb: ["ruby"],
  pl: ["perl"],
  ps1: ["pwsh", "-File"]
}

/** As systems read the first line: the program, and all that follows as one argument. */
const programOf = (head: Uint8Array, path: string): Program | undefined => {
  const [line = ""] = new TextDecoder().decode(head).split(/\r?\n/)
  const [, program, argument] = /^#![ \t]*(\S+)(?:[ \t]+(.*?))?[ \t]*$/.exec(line) ?? []
  if (program !== undefined) return argument === undefined || argument === "" ? [program] : [program, argument]
  return byEnding[path.slice(path.lastIndexOf(".") + 1)]
}

const absent = ({ message, reason }: SandboxError, { folder }: Sandbox.Service): string =>
  reason._tag === "NotFound" || reason._tag === "Denied"
    ? `it is not inside of the sandbox, whose folder is ${folder}: keep the skill below that, or let the sandbox read its folder`
    : message

const unstarted = ({ message, reason, subject }: SandboxError, program: string): string =>
  reason._tag === "NotFound" && subject === program
    ? `it needs ${program}, which is not in the sandbox: install that there, or do without the script`
    : `it could not be run: ${message}`

const ends = {
  "timed-out": "it took too long, and was ended with all that it had started",
  killed: "it was ended, with all that it had started",
  "out-of-memory": "it used more memory than it may, and was ended",
  "too-many-processes": "it started more processes than it may, and was ended with them"
} as const

const told = ({ exit, stderr, stdout }: Sandbox.Completed): string => {
  const code = exit.reason === "exited" && exit.code !== 0 ? `[exit code ${exit.code}]` : ""
  const signal = exit.reason === "signalled" ? `[ended by ${exit.signal ?? "a signal"}]` : ""
  const errors = stderr.trim() === "" ? "" : `[standard error]\n${stderr.trimEnd()}`
  return [stdout.trimEnd(), errors, code, signal].filter((part) => part !== "").join("\n") || "(It wrote nothing.)"
}
