/**
 * A server that is a program of this machine: messages are lines of its standard input and output. The program and all that
 * it started in its process group end with the scope: first its input is closed, then it is asked, then it is killed.
 */
import * as Command from "@effect/platform/Command"
import type * as CommandExecutor from "@effect/platform/CommandExecutor"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Channel } from "./clientChannel.ts"
import { apart } from "./clientEnding.ts"
import type { Failure } from "./clientFailure.ts"
import { bounded, failure, ofPlatform } from "./clientFailure.ts"
import { visible } from "./clientWords.ts"

/** Which program, and how long it may take to end at each of the three stages. */
export interface Program {
  readonly command: string
  readonly args: ReadonlyArray<string>
  /** All of its environment. */
  readonly environment: Readonly<Record<string, string>>
  readonly folder: string | undefined
  readonly grace: Duration.DurationInput
  /** Bytes of one message. */
  readonly largest: number
}

/** Starts the program. */
export const open = (
  executor: CommandExecutor.CommandExecutor,
  program: Program
): Effect.Effect<Channel, Failure, Scope.Scope> =>
  Effect.gen(function* () {
    const command = Command.make(program.command, ...program.args).pipe(
      Command.env(program.environment, { extendEnv: false }),
      program.folder === undefined ? (same) => same : Command.workingDirectory(program.folder)
    )
    const process = yield* Effect.mapError(executor.start(command), (error) => ofPlatform(error, program.command))
    const input = yield* Queue.unbounded<string>()
    const complaints = new Tail()
    const writing = Stream.fromQueue(input).pipe(
      Stream.takeWhile((line) => line !== end),
      Stream.encodeText,
      Stream.run(process.stdin),
      Effect.ignore
    )
    yield* Effect.forkScoped(writing)
    yield* Effect.forkScoped(
      process.stderr.pipe(
        Stream.decodeText(),
        Stream.splitLines,
        Stream.runForEach((line) =>
          Effect.zipRight(
            Effect.sync(() => complaints.add(line)),
            Effect.logDebug(visible(line).slice(0, longestLine))
          )
        ),
        Effect.ignore
      )
    )
    yield* Effect.addFinalizer(() => Effect.zipRight(Queue.offer(input, end), ended(process, program.grace)))
    const receive = process.stdout.pipe(
      Stream.mapError((error) => ofPlatform(error, program.command)),
      Stream.mapConcatEffect(lines(program.largest))
    )
    return {
      send: (message) => Effect.asVoid(Queue.offer(input, `${JSON.stringify(message)}\n`)),
      receive,
      why: Effect.map(
        // It has closed its output; its end is told at the same time or a little later.
        Effect.timeoutOption(Effect.either(process.exitCode), "250 millis"),
        (exit) => {
          const code = Option.match(exit, {
            onNone: () => "closed its output",
            onSome: (exit) => (exit._tag === "Right" ? `ended with code ${exit.right}` : "was ended by a signal")
          })
          return `${program.command} ${code}.${complaints.words}`
        }
      )
    }
  })

// internal

/** No line of JSON is empty. */
const end = ""

const longestLine = 1000

/** The last lines of what a program complained of. */
class Tail {
  readonly #lines: Array<string> = []

  add(line: string): void {
    const text = bounded(visible(line), 200)
    if (text === "") return
    this.#lines.push(text)
    if (this.#lines.length > 8) this.#lines.shift()
  }

  get words(): string {
    return this.#lines.length === 0 ? "" : ` Its last words: ${this.#lines.join(" | ")}`
  }
}

/** Bytes to the JSON of their lines. What is no JSON is left out: programs print banners. */
const lines = (largest: number): ((bytes: Uint8Array) => Effect.Effect<ReadonlyArray<unknown>, Failure>) => {
  let pieces: Array<Uint8Array> = []
  let size = 0
  const taken = (last: Uint8Array): unknown => {
    const decoder = new TextDecoder()
    const text = [...pieces, last].map((piece) => decoder.decode(piece, { stream: true })).join("") + decoder.decode()
    pieces = []
    size = 0
    try {
      return JSON.parse(text)
    } catch {
      return undefined
    }
  }
  return (bytes) =>
    Effect.suspend(() => {
      const values: Array<unknown> = []
      let start = 0
      for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, start)) {
        const value = taken(bytes.subarray(start, at))
        if (typeof value === "object" && value !== null) values.push(value)
        start = at + 1
      }
      if (start < bytes.length) {
        pieces.push(bytes.slice(start))
        size += bytes.length - start
      }
      return size > largest
        ? Effect.fail(failure("Malformed", `it sent a message of more than ${largest} bytes`))
        : Effect.succeed(values)
    })
}

/** Waits until the program has ended, and ends it when it does not. What it has left behind in its group ends as well. */
const ended = (process: CommandExecutor.Process, grace: Duration.DurationInput): Effect.Effect<void> => {
  const over = Effect.ignore(process.exitCode)
  const within = Effect.timeoutOption(over, grace)
  // Answers whether there was anybody left to hear it; the program itself may still be running then.
  const told = (signal: "SIGTERM" | "SIGKILL") =>
    Effect.timeoutTo(Effect.isSuccess(process.kill(signal)), {
      duration: grace,
      onSuccess: (heard) => heard,
      onTimeout: () => true
    })
  const pause = Effect.sleep(Duration.min(grace, "20 millis"))
  const rest = Effect.zipRight(pause, told("SIGKILL"))
  return apart(
    within.pipe(
      Effect.zipRight(told("SIGTERM")),
      Effect.flatMap((heard) => (heard ? rest : Effect.void)),
      Effect.asVoid
    )
  )
}
