/**
 * What is the same for a command wherever it runs: the bound of its output, the time it has, TERM and then KILL, how it ended,
 * and that its scope waits for its end. What differs is a driver's: how bytes come and go, and who belongs to it.
 */
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Options from "../../internal/options.ts"
import type * as Sandbox from "../Sandbox.ts"
import type { Reason } from "../SandboxError.ts"
import { SandboxError } from "../SandboxError.ts"

/** How the command itself ended, and whether that was its driver's doing. */
export interface Ended {
  readonly code?: number | undefined
  readonly signal?: string | undefined
  readonly reason?: "out-of-memory" | "too-many-processes" | undefined
}

/** A command that a driver has started. What it holds open belongs to the scope it was started in. */
export interface Spawned {
  readonly pid: number | undefined
  /**
   * What was written since the last time, as soon as there is something; `undefined` at the end. The end comes soon after
   * that of the command, even if something it left behind holds the outputs. While nobody asks, the command waits.
   */
  readonly read: Effect.Effect<ReadonlyArray<Sandbox.Output> | undefined, SandboxError>
  /** Fails with `Ended` when nobody reads any more. */
  readonly write: (bytes: Uint8Array) => Effect.Effect<void, SandboxError>
  readonly endInput: Effect.Effect<void>
  readonly resize: (size: { readonly columns: number; readonly rows: number }) => Effect.Effect<void>
  /** Sends all that is left of the command a signal. */
  readonly signal: (name: string) => Effect.Effect<void>
  /** Kills all that is left, and waits until nothing is. Gives up only on what cannot be killed. */
  readonly kill: Effect.Effect<void>
  /** Whether nothing is left of it. Cheap, because it is asked at the end of every command. */
  readonly isGone: Effect.Effect<boolean>
  /** Waits until nothing is left of it. */
  readonly gone: Effect.Effect<void>
}

/** Starts a command. `onEnded` hears once of its end; a failure means that how it ended cannot be told. */
export type Spawn = (
  onEnded: (ended: Exit.Exit<Ended, SandboxError>) => void
) => Effect.Effect<Spawned, SandboxError, Scope.Scope>

/** A failure of a command that is known by its program. */
export const failure = (subject: string, reason: Reason): SandboxError =>
  new SandboxError({ operation: "exec", subject, reason })

/** What a command is called in errors. A line may hold what is not for them. */
export const subjectOf = (command: Sandbox.Command): string => (typeof command === "string" ? "/bin/sh" : command[0])

/** Throws for options that the types cannot check. */
export const check = (options: Sandbox.ExecOptions): void => {
  checkLimits("limits", options.limits)
  Options.duration("grace", options.grace)
  Options.whole("terminal.columns", options.terminal?.columns, 1)
  Options.whole("terminal.rows", options.terminal?.rows, 1)
}

/** Throws for limits that the types cannot check. */
export const checkLimits = (option: string, limits: Sandbox.Limits | undefined): void => {
  Options.duration(`${option}.time`, limits?.time)
  Options.whole(`${option}.memoryBytes`, limits?.memoryBytes, 1, true)
  Options.whole(`${option}.outputBytes`, limits?.outputBytes, 0, true)
  Options.whole(`${option}.processes`, limits?.processes, 1, true)
  Options.whole(`${option}.fileBytes`, limits?.fileBytes, 0, true)
}

/** The limits of a command over those of its sandbox. */
export const limitsOf = (own: Sandbox.Limits, asked: Sandbox.Limits | undefined): Sandbox.Limits => ({
  time: asked?.time ?? own.time,
  memoryBytes: asked?.memoryBytes ?? own.memoryBytes,
  outputBytes: asked?.outputBytes ?? own.outputBytes,
  processes: asked?.processes ?? own.processes,
  fileBytes: asked?.fileBytes ?? own.fileBytes
})

/** Starts a command by a driver and gives it what all commands have. The options are those of the sandbox and of the call. */
export const start = (
  subject: string,
  spawn: Spawn,
  options: Pick<Sandbox.ExecOptions, "grace" | "input" | "limits">
): Effect.Effect<Sandbox.Process, SandboxError, Scope.Scope> =>
  Effect.gen(function* () {
    const clock = yield* Effect.clock
    const scope = yield* Effect.scope
    const startedAt = clock.unsafeCurrentTimeMillis()
    const ended = yield* Deferred.make<Ended & { readonly durationMillis: number }, SandboxError>()
    let because: "timed-out" | "killed" | undefined
    let isEnded = false
    const spawned = yield* spawn((exit) => {
      isEnded = true
      const durationMillis = clock.unsafeCurrentTimeMillis() - startedAt
      Deferred.unsafeDone(
        ended,
        Exit.map(exit, (how) => ({ ...how, durationMillis }))
      )
    })

    const turn = Effect.unsafeMakeSemaphore(1)
    const grace = Duration.decode(options.grace ?? defaultGrace)
    const unlessGone = <A>(then: Effect.Effect<A>) =>
      Effect.flatMap(spawned.isGone, (isGone) => (isGone ? Effect.void : Effect.asVoid(then)))
    const end = (reason: "timed-out" | "killed"): Effect.Effect<void> => {
      const ending = Effect.gen(function* () {
        if (!isEnded) because ??= reason
        yield* spawned.signal("SIGTERM")
        if (!(yield* within(spawned.gone, grace))) yield* spawned.kill
      })
      // One that is being ended by another may be gone by the time that it is this one's turn.
      return unlessGone(turn.withPermits(1)(unlessGone(ending)))
    }
    yield* Scope.addFinalizer(scope, end("killed"))

    const { time } = options.limits ?? {}
    if (time !== undefined && Duration.isFinite(Duration.decode(time))) {
      yield* Effect.sleep(time).pipe(
        Effect.zipRight(Effect.suspend(() => (isEnded ? Effect.void : end("timed-out")))),
        Effect.interruptible,
        Effect.forkIn(scope)
      )
    }
    const output = bounded(spawned.read, options.limits?.outputBytes ?? Number.POSITIVE_INFINITY, scope)
    if (options.input !== undefined && options.input !== "open") {
      yield* feed(subject, options.input, spawned, (error) =>
        Effect.zipRight(Deferred.fail(ended, error), Effect.forkIn(end("killed"), scope))
      ).pipe(Effect.interruptible, Effect.forkIn(scope))
    }
    const process: Sandbox.Process = {
      pid: spawned.pid,
      output: Stream.repeatEffectChunkOption(Effect.map(output.pull, Chunk.unsafeFromArray)),
      exit: Effect.map(
        Effect.zipLeft(Deferred.await(ended), output.cut),
        ({ code, durationMillis, reason, signal }) => ({
          reason: reason ?? because ?? (signal === undefined ? ("exited" as const) : ("signalled" as const)),
          ...(code === undefined ? {} : { code }),
          ...(signal === undefined ? {} : { signal }),
          cutBytes: output.cutBytes(),
          durationMillis
        })
      ),
      write: (bytes) =>
        options.input === "open"
          ? spawned.write(toBytes(bytes))
          : Effect.suspend(() =>
              failure(subject, { _tag: "Invalid", problem: 'it was not started with input: "open"' })
            ),
      endInput: options.input === "open" ? spawned.endInput : Effect.void,
      signal: (name) => Effect.suspend(() => (isEnded ? Effect.void : spawned.signal(name))),
      kill: end("killed"),
      resize: (size) => Effect.suspend(() => (isEnded ? Effect.void : spawned.resize(size)))
    }
    pulls.set(process, output.pull)
    return process
  }).pipe(Effect.uninterruptible)

/** Does something with all that a command writes, as it writes it: its output without what a stream costs. */
export const forEachOutput = <E, R>(
  process: Sandbox.Process,
  use: (pieces: ReadonlyArray<Sandbox.Output>) => Effect.Effect<void, E, R>
): Effect.Effect<void, E | SandboxError, R> => {
  const pull = pulls.get(process)
  if (pull === undefined) return Stream.runForEachChunk(process.output, (chunk) => use(Chunk.toReadonlyArray(chunk)))
  const rest: Effect.Effect<void, E | SandboxError, R> = Effect.matchEffect(pull, {
    onFailure: Option.match({ onNone: () => Effect.void, onSome: (error) => Effect.fail(error) }),
    onSuccess: (pieces) => Effect.zipRight(use(pieces), rest)
  })
  return rest
}

// internal

/** What is new of an output, by whose it is; fails with nothing at its end. */
type Pull = Effect.Effect<ReadonlyArray<Sandbox.Output>, Option.Option<SandboxError>>

const pulls = new WeakMap<Sandbox.Process, Pull>()

const defaultGrace = Duration.seconds(2)

const toBytes = (bytes: string | Uint8Array): Uint8Array =>
  typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes

/** Whether it came about in that time. Can be interrupted even where the rest cannot, for a scope waits in it. */
const within = (done: Effect.Effect<void>, time: Duration.Duration): Effect.Effect<boolean> =>
  Effect.raceFirst(
    Effect.interruptible(Effect.as(done, true)),
    Effect.interruptible(Effect.as(Effect.sleep(time), false))
  )

/** Writes what is given as input, and ends it. A command need not read it; a stream that fails is told by the command. */
const feed = (
  subject: string,
  input: string | Uint8Array | Stream.Stream<Uint8Array, unknown>,
  spawned: Spawned,
  onFailure: (error: SandboxError) => Effect.Effect<unknown>
): Effect.Effect<void> => {
  if (typeof input === "string" || input instanceof Uint8Array) {
    const bytes = toBytes(input)
    const written = bytes.length === 0 ? Effect.void : Effect.ignore(spawned.write(bytes))
    return Effect.zipRight(written, spawned.endInput)
  }
  let isRead = true
  const all = Stream.runForEachWhile(input, (bytes) =>
    spawned.write(bytes).pipe(
      Effect.as(true),
      Effect.catchAll(() => Effect.sync(() => (isRead = false)))
    )
  )
  return Effect.matchCauseEffect(all, {
    onSuccess: () => spawned.endInput,
    onFailure: (cause) =>
      Cause.isInterruptedOnly(cause) || !isRead
        ? spawned.endInput
        : onFailure(failure(subject, { _tag: "Invalid", problem: `its input failed: ${told(cause)}` }))
  })
}

const told = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.squash(cause)
  return error instanceof Error ? error.message : "the stream that was given ended with a failure"
}

interface Bounded {
  readonly pull: Pull
  readonly cutBytes: () => number
  /** Waits for the rest of what is thrown away, if anything is. */
  readonly cut: Effect.Effect<void>
}

/** Hands on so many bytes. From then on the rest is read by itself, thrown away and counted, so that nothing waits for it. */
const bounded = (read: Spawned["read"], most: number, scope: Scope.Scope): Bounded => {
  let handed = 0
  let cutBytes = 0
  let isOver = false
  let rest: Deferred.Deferred<void> | undefined

  const keep = (pieces: ReadonlyArray<Sandbox.Output>): ReadonlyArray<Sandbox.Output> => {
    const kept: Array<Sandbox.Output> = []
    for (const piece of pieces) {
      const room = Math.min(most - handed, piece.bytes.length)
      handed += room
      cutBytes += piece.bytes.length - room
      if (room > 0) kept.push(room === piece.bytes.length ? piece : { ...piece, bytes: piece.bytes.slice(0, room) })
    }
    return kept
  }
  const discard: Effect.Effect<void> = Effect.flatMap(
    Effect.orElseSucceed(read, () => undefined),
    (pieces) => {
      if (pieces === undefined) return Effect.void
      keep(pieces)
      return discard
    }
  )
  const waitForRest = Effect.suspend(() => (rest === undefined ? Effect.void : Deferred.await(rest)))
  const pull: Pull = Effect.suspend(() => {
    if (rest !== undefined) return Effect.zipRight(waitForRest, Effect.fail(Option.none()))
    if (isOver) return Effect.fail(Option.none())
    return Effect.flatMap(Effect.mapError(read, Option.some), (pieces) => {
      if (pieces === undefined) {
        isOver = true
        return Effect.fail(Option.none())
      }
      const kept = keep(pieces)
      if (cutBytes === 0) return Effect.succeed(kept)
      const done = Deferred.unsafeMake<void>(FiberId.none)
      rest = done
      const discarding = Effect.ensuring(Effect.interruptible(discard), Deferred.succeed(done, undefined))
      const kepts = kept.length === 0 ? pull : Effect.succeed(kept)
      return Effect.zipRight(Effect.forkIn(discarding, scope), kepts)
    })
  })
  return {
    pull,
    cutBytes: () => cutBytes,
    cut: waitForRest
  }
}
