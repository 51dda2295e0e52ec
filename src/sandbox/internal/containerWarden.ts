/**
 * Ends the commands of a container, and looks what they use. The engine can start processes there and cannot end them, so this
 * is a shell that is there before any command, and needs no other process to do its work.
 */
import { constants } from "node:os"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type { SandboxError } from "../SandboxError.ts"
import { ask } from "./containerEngine.ts"
import * as Scripts from "./containerScripts.ts"
import * as Shell from "./containerShell.ts"
import type { Box } from "./containerStream.ts"

export interface Warden {
  /** A mark for a command, until it is known that nothing of it is left. */
  readonly mark: () => number
  readonly forget: (mark: number) => void
  /** Sends all of a mark a signal. */
  readonly tell: (mark: number, name: string) => Effect.Effect<void>
  readonly left: (mark: number) => Effect.Effect<number>
  /** Kills all of a mark, with the whole container if nothing else helps. */
  readonly end: (mark: number) => Effect.Effect<void>
  /** How many there are and what memory they have, shared memory divided if it is more than so much. */
  readonly used: (
    mark: number,
    mostBytes: number
  ) => Effect.Effect<{ readonly processes: number; readonly bytes: number }>
}

/** The warden of a container, as long as the scope. */
export const make = (box: Box): Effect.Effect<Warden, SandboxError, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const turn = Effect.unsafeMakeSemaphore(1)
    const live = new Set<number>()
    let last = 1_000_000_000 + Math.floor(Math.random() * 15_000_000_000)
    let isLost = false

    const begin = Effect.flatMap(Scope.fork(scope, ExecutionStrategy.sequential), (own) =>
      Effect.map(Scope.extend(Shell.open(box, Scripts.loop(Scripts.warden)), own), (shell) => ({ own, shell }))
    )
    let current = yield* begin

    /** The numbers that it answers; none when the container has ended. */
    const numbers = (request: Shell.Request, attempts: number): Effect.Effect<ReadonlyArray<number>> =>
      Effect.gen(function* () {
        if (isLost) return []
        if (!current.shell.isOpen()) {
          yield* Scope.close(current.own, Exit.void)
          current = yield* begin
        }
        const { parts } = yield* current.shell.ask({ ...request, mostMillis })
        return (parts[0]?.toString() ?? "").trim().split(" ").map(Number)
      }).pipe(Effect.catchAll(() => (attempts > 1 ? numbers(request, attempts - 1) : Effect.as(giveUp, []))))
    const giveUp = Effect.suspend(() => {
      isLost = true
      const { engine, id } = box
      return Effect.zipRight(
        Effect.logWarning("A container was killed with all its commands, one of which could not be ended alone"),
        Effect.ignore(ask(engine, "exec", id, (options) => engine.docker.getContainer(id).kill(options)))
      )
    })
    /** Which other commands are under way is known when its turn has come; those that begin later have greater marks. */
    const asked = (mark: number, name: string, ...words: ReadonlyArray<string | number>) =>
      turn.withPermits(1)(
        Effect.uninterruptible(
          Effect.suspend(() => {
            const others = [...live].filter((other) => other !== mark).join(" ")
            return numbers({ name, words: [mark, others, last, ...words] }, 3)
          })
        )
      )
    const counted = (mark: number, name: string): Effect.Effect<number> =>
      Effect.map(asked(mark, name), ([count = 0]) => {
        if (count === 0) live.delete(mark)
        return count
      })

    return {
      mark: () => {
        live.add(++last)
        return last
      },
      forget: (mark) => {
        live.delete(mark)
      },
      tell: (mark, name) => Effect.asVoid(asked(mark, "tell", signalOf(name))),
      left: (mark) => counted(mark, "left"),
      end: (mark) => Effect.flatMap(counted(mark, "end"), (count) => (count === 0 ? Effect.void : giveUp)),
      used: (mark, mostBytes) =>
        Effect.map(asked(mark, "used", Math.floor(mostBytes / 1024)), ([processes = 0, kibibytes = 0]) => ({
          processes,
          bytes: kibibytes * 1024
        }))
    }
  })

// internal

/** The shell's name of a signal. One that it would not know is none. */
const signalOf = (name: string): string => (name in constants.signals ? name.replace(/^SIG/, "") : "0")

const mostMillis = 30_000
