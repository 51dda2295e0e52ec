/**
 * The shells that see to files in a container: started when they are needed, kept for the next who asks, and no more than so
 * many at once.
 */
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type { SandboxError } from "../SandboxError.ts"
import * as Scripts from "./containerScripts.ts"
import * as Shell from "./containerShell.ts"
import type { Box } from "./containerStream.ts"
import type { Warden } from "./containerWarden.ts"

export interface Shells {
  /** Asks one of them. Another one is asked, once, if that one was ended and `again` allows it. */
  readonly ask: (
    operation: string,
    subject: string,
    request: Shell.Request,
    again?: boolean
  ) => Effect.Effect<Shell.Answer, SandboxError>
}

/** At most so many shells, as long as the scope. */
export const make = (box: Box, warden: Warden, most: number): Effect.Effect<Shells, never, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const permits = Effect.unsafeMakeSemaphore(most)
    const idle: Array<Kept> = []

    const begin: Effect.Effect<Kept, SandboxError> = Effect.gen(function* () {
      const own = yield* Scope.fork(scope, ExecutionStrategy.sequential)
      const mark = warden.mark()
      const shell = yield* Scope.extend(Shell.open(box, Scripts.loop(Scripts.files(mark))), own).pipe(
        Effect.tapError(() =>
          Effect.zipRight(
            Effect.sync(() => warden.forget(mark)),
            Scope.close(own, Exit.void)
          )
        )
      )
      return { shell, mark, own }
    })
    /** One that was broken off may wait for something that never comes. */
    const leave = (kept: Kept): Effect.Effect<void> =>
      kept.shell.isOpen()
        ? Effect.sync(() => {
            idle.push(kept)
          })
        : Effect.zipRight(Scope.close(kept.own, Exit.void), warden.end(kept.mark))
    const take: Effect.Effect<Kept, SandboxError> = Effect.suspend(() => {
      const kept = idle.pop()
      if (kept === undefined) return begin
      return kept.shell.isOpen() ? Effect.succeed(kept) : Effect.zipRight(leave(kept), take)
    })

    const ask: Shells["ask"] = (operation, subject, request, again = true) =>
      permits
        .withPermits(1)(Effect.acquireUseRelease(take, ({ shell }) => shell.ask(request), leave))
        .pipe(
          Effect.catchTag("Broken", (broken) =>
            again ? ask(operation, subject, request, false) : Effect.fail(Shell.brokenOff(operation, subject, broken))
          )
        )
    return { ask }
  })

// internal

interface Kept {
  readonly shell: Shell.Shell
  readonly mark: number
  readonly own: Scope.CloseableScope
}
