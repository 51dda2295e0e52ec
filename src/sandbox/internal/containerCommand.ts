/**
 * Commands in a container, each with a shell around it that says when it begins and how it ended, and with a mark by which the
 * warden finds it and all that it started.
 */
import { randomBytes } from "node:crypto"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import type * as Sandbox from "../Sandbox.ts"
import type { SandboxError } from "../SandboxError.ts"
import * as Output from "./containerOutput.ts"
import { around } from "./containerScripts.ts"
import type { Box, Started } from "./containerStream.ts"
import * as Stream from "./containerStream.ts"
import type { Warden } from "./containerWarden.ts"
import * as Environment from "./environment.ts"
import * as Command from "./processCommand.ts"
import type { Ended, Spawn } from "./running.ts"
import * as Running from "./running.ts"
import { bySignal } from "./signals.ts"

/** What the commands of a container have in common. */
export interface Order {
  readonly box: Box
  readonly warden: Warden
  readonly limits: Sandbox.Limits
  /** Looks for the folder, and for the program in it if there is a name of one; answers where the folder is. */
  readonly locate: (
    folder: string,
    program: string | undefined,
    path: string | undefined
  ) => Effect.Effect<string, SandboxError>
}

/** `exec` of a container. */
export const exec =
  (order: Order): Sandbox.Service["exec"] =>
  (command, options = {}) =>
    Effect.gen(function* () {
      Running.check(options)
      const subject = Running.subjectOf(command)
      const environment = options.environment ?? {}
      const launch = Command.launch(command, "")
      const problem = Command.fault(command) ?? Environment.fault(environment) ?? tooLong(launch, environment)
      if (problem !== undefined) return yield* Running.failure(subject, { _tag: "Invalid", problem })
      const program = typeof command === "string" ? undefined : command[0]
      const folder = yield* order.locate(options.folder ?? order.box.folder, program, environment["PATH"])
      const limits = Running.limitsOf(order.limits, options.limits)
      const started = spawn(order, { subject, launch, folder, environment, limits }, options)
      return yield* Running.start(subject, started, { ...options, limits })
    })

// internal

interface Ready {
  readonly subject: string
  readonly launch: Command.Launch
  readonly folder: string
  readonly environment: Readonly<Record<string, string>>
  readonly limits: Sandbox.Limits
}

const spawn =
  (
    { box, warden }: Order,
    { environment, folder, launch, limits, subject }: Ready,
    { input, terminal }: Sandbox.ExecOptions
  ): Spawn =>
  (onEnded) =>
    Effect.gen(function* () {
      const mark = warden.mark()
      const word = `\u0001${randomBytes(12).toString("hex")}`
      const size = terminal === undefined ? "" : `stty rows ${terminal.rows} cols ${terminal.columns} 2>/dev/null;`
      const started = yield* Stream.start(box, subject, {
        words: ["/bin/sh", "-c", around(mark, limits.fileBytes, size), "sh", word, launch.file, ...launch.arguments],
        environment: { ...(terminal === undefined ? {} : { TERM: "xterm-256color" }), ...environment },
        folder,
        hasInput: input !== undefined,
        terminal
      }).pipe(Effect.tapError(() => Effect.sync(() => warden.forget(mark))))
      let isEnded = false
      let reason: Ended["reason"]
      let onBegun = (_: boolean): void => {}
      const end = (how: Exit.Exit<Ended, SandboxError>): void => {
        if (isEnded) return
        isEnded = true
        onEnded(Exit.map(how, (ended) => ({ ...bySignal(ended), reason: reason ?? ended.reason })))
      }
      const lost = yield* Deferred.make<void>()
      const output = Output.make(started.stream, word, terminal !== undefined, {
        onBegun: () => onBegun(true),
        onEnded: (how) => {
          onBegun(false)
          if (how !== undefined) end(Exit.succeed(how))
          else Deferred.unsafeDone(lost, Effect.void)
        }
      })
      const hasBegun = yield* Effect.async<boolean>((resume) => {
        const late = setTimeout(() => started.stream.destroy(), mostMillis)
        onBegun = (so) => {
          clearTimeout(late)
          resume(Effect.succeed(so))
        }
      })
      if (!hasBegun) {
        yield* warden.end(mark)
        return yield* Running.failure(subject, { _tag: "Unavailable", problem: notBegun(output.said()) })
      }
      yield* Effect.forkScoped(
        Deferred.await(lost).pipe(
          Effect.zipRight(Effect.exit(endOf(subject, started))),
          Effect.flatMap((exit) => Effect.sync(() => end(exit))),
          Effect.interruptible
        )
      )
      yield* watch(warden, mark, limits, (exceeded) => {
        reason ??= exceeded
      })
      const isGone = Effect.map(warden.left(mark), (count) => {
        if (count === 0 && !isEnded) output.hurry()
        return count === 0 && isEnded
      })
      const kill = Effect.gen(function* () {
        yield* warden.end(mark)
        for (let tries = 0; !isEnded && tries < mostTries; tries++) {
          output.hurry()
          yield* Effect.sleep(5)
        }
        end(Exit.succeed({ signal: "SIGKILL" }))
      }).pipe(Effect.withClock(Clock.make()))
      const { stream } = started
      const ended = Effect.suspend(() => Running.failure(subject, { _tag: "Ended" }))
      return {
        pid: undefined,
        read: output.read,
        write: (bytes) =>
          Effect.async((resume) => {
            if (isEnded || stream.destroyed || stream.writableEnded) return resume(ended)
            stream.write(bytes, (error) => resume(error == null ? Effect.void : ended))
          }),
        endInput: Effect.sync(() => {
          // A terminal has no end of input but this key.
          if (terminal === undefined) stream.end()
          else if (!isEnded) stream.write("\u0004")
        }),
        resize: (size) => Effect.ignore(started.resize(size)),
        signal: (name) => warden.tell(mark, name),
        kill,
        isGone,
        gone: until(isGone)
      }
    })

const mostMillis = 60_000
/** Of five milliseconds each: so long a command that was killed has until its end is told. */
const mostTries = 1000

/** How a command ended whose own shell did not live to tell it. The engine may hear of that later than we do. */
const endOf = (subject: string, started: Started, tries: number = mostTries / 20): Effect.Effect<Ended, SandboxError> =>
  Effect.flatMap(started.state, ({ code, running }) => {
    if (!running && code !== undefined) return Effect.succeed({ code })
    if (tries > 0) return Effect.zipRight(Effect.sleep(100), endOf(subject, started, tries - 1))
    return Running.failure(subject, {
      _tag: "Unavailable",
      problem: "the container engine has broken off the connection to the command, which may still run"
    })
  }).pipe(Effect.withClock(Clock.make()))

const notBegun = (said: string): string =>
  /temporarily unavailable|cannot fork|procReady|starting container process caused/i.test(said)
    ? `the container has no room for another command now (${said}); end some, or raise its pids or memoryBytes`
    : `the container has not started it${said === "" ? "" : ` (${said})`}`

const until = (so: Effect.Effect<boolean>): Effect.Effect<void> =>
  Effect.gen(function* () {
    for (let wait = 5; !(yield* so); wait = Math.min(wait * 2, 80)) yield* Effect.sleep(wait)
  }).pipe(Effect.withClock(Clock.make()))

/** Looks now and then whether a command is within limits that are its own, and kills all of it when it is not. */
const watch = (
  warden: Warden,
  mark: number,
  { memoryBytes = Number.POSITIVE_INFINITY, processes = Number.POSITIVE_INFINITY }: Sandbox.Limits,
  onExceeded: (reason: NonNullable<Ended["reason"]>) => void
): Effect.Effect<void, never, Scope.Scope> => {
  if (!Number.isFinite(memoryBytes) && !Number.isFinite(processes)) return Effect.void
  const most = Number.isFinite(memoryBytes) ? memoryBytes : Number.MAX_SAFE_INTEGER
  const look = Effect.gen(function* () {
    const used = yield* warden.used(mark, most)
    if (used.processes > processes) onExceeded("too-many-processes")
    else if (used.bytes > memoryBytes) onExceeded("out-of-memory")
    else return
    yield* warden.end(mark)
  })
  return Effect.sleep(everyMillis).pipe(
    Effect.zipRight(look),
    Effect.forever,
    // The machine's time, whatever the program takes for it.
    Effect.withClock(Clock.make()),
    Effect.interruptible,
    Effect.forkScoped,
    Effect.asVoid
  )
}

const everyMillis = 50

/** The system takes no longer words, and no more of them, and the engine would not say so. */
const tooLong = (launch: Command.Launch, environment: Readonly<Record<string, string>>): string | undefined => {
  const sizes = [
    launch.file,
    ...launch.arguments,
    ...Object.entries(environment).map(([n, value]) => `${n}=${value}`)
  ].map((word) => Buffer.byteLength(word) + 1)
  return sizes.some((size) => size > 131_072) || sizes.reduce((sum, size) => sum + size, 0) > 1_500_000
    ? "its line or its arguments and environment are longer than the system takes; give it a file, or input"
    : undefined
}
