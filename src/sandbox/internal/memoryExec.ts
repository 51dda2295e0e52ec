/**
 * Commands that a function answers, as the processes that sandboxes have.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type { Answer, Command, ExecOptions, MemoryOptions, Output, Service } from "../Sandbox.ts"
import type { SandboxError } from "../SandboxError.ts"
import * as Running from "./running.ts"

export const exec =
  (answer: MemoryOptions["exec"]): Service["exec"] =>
  (command, options = {}) => {
    Running.check(options)
    const subject = Running.subjectOf(command)
    return answer === undefined
      ? Effect.fail(Running.failure(subject, { _tag: "Unavailable", problem: "no commands run in this sandbox" }))
      : Running.start(subject, spawn(answer, command, options), options)
  }

// internal

const spawn =
  (answer: NonNullable<MemoryOptions["exec"]>, command: Command, options: ExecOptions): Running.Spawn =>
  (onEnded) =>
    Effect.gen(function* () {
      const written = yield* Deferred.make<ReadonlyArray<Output>, SandboxError>()
      let isRead = false
      let isEnded = false
      const end = (how: Exit.Exit<Running.Ended, SandboxError>, output: ReadonlyArray<Output>): Effect.Effect<void> =>
        Effect.suspend(() => {
          if (isEnded) return Effect.void
          isEnded = true
          onEnded(how)
          return Deferred.done(written, Exit.as(how, output))
        })
      const fiber = yield* Effect.forkScoped(
        answer(command, options).pipe(
          Effect.interruptible,
          Effect.exit,
          Effect.flatMap((exit) =>
            end(
              Exit.map(exit, ({ code = 0 }) => ({ code })),
              Exit.match(exit, { onFailure: () => [], onSuccess: outputOf })
            )
          )
        )
      )
      const stop = (signal: string) => Effect.zipRight(end(Exit.succeed({ signal }), []), Fiber.interrupt(fiber))
      return {
        pid: undefined,
        read: Effect.suspend(() => {
          if (isRead) return Effect.succeed(undefined)
          isRead = true
          return Deferred.await(written)
        }),
        write: () =>
          isEnded ? Effect.fail(Running.failure(Running.subjectOf(command), { _tag: "Ended" })) : Effect.void,
        endInput: Effect.void,
        resize: () => Effect.void,
        signal: (name) => (ending.has(name) ? stop(name) : Effect.void),
        kill: stop("SIGKILL"),
        isGone: Effect.sync(() => isEnded),
        gone: Effect.ignore(Deferred.await(written))
      }
    })

const ending: ReadonlySet<string> = new Set(["SIGTERM", "SIGKILL", "SIGINT", "SIGHUP", "SIGQUIT"])

const outputOf = ({ stderr, stdout }: Answer): ReadonlyArray<Output> =>
  [
    { from: "stdout" as const, bytes: bytesOf(stdout) },
    { from: "stderr" as const, bytes: bytesOf(stderr) }
  ].filter(({ bytes }) => bytes.length > 0)

const bytesOf = (text: string | Uint8Array = ""): Uint8Array =>
  typeof text === "string" ? new TextEncoder().encode(text) : text
