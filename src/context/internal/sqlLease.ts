/**
 * Who has a session, among processes: a row with a holder and an expiry, renewed while the holder lives and free for
 * all once it is late. Within the process a queue comes first, so that only one fiber at a time asks the database.
 */
import type { SqlError } from "@effect/sql/SqlError"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type { Database } from "../../internal/sqlDatabase.ts"
import * as SessionQueue from "./sessionQueue.ts"
import { toWhole } from "./sqlRows.ts"

export interface Leases {
  /** Takes a session until the scope closes. When it is taken, "wait" waits and "fail" answers false. */
  readonly take: (session: string, onBusy: "wait" | "fail") => Effect.Effect<boolean, SqlError, Scope.Scope>
  /** Whether this process believes to have a session whose lease says otherwise. */
  readonly isLost: (session: string, holder: string | null) => boolean
  /** Who this process is to a session that it believes to have. */
  readonly holderOf: (session: string) => string | undefined
}

const pollMillis = { shortest: 20, longest: 250 }

/** A lease that is shorter would be renewed all the time. */
const shortestMillis = 100

export const make = ({ run }: Database, duration: Duration.Duration): Leases => {
  const queue = SessionQueue.make<string>()
  const held = new Map<string, string>()
  const millis = Math.max(shortestMillis, Duration.toMillis(duration))

  /** One statement, so that of two processes that ask at once one gets it. */
  const claim = (session: string, holder: string): Effect.Effect<boolean, SqlError> =>
    Effect.flatMap(Clock.currentTimeMillis, (now) =>
      run(
        `INSERT INTO axonal_leases (session, holder, expires_at) VALUES (?, ?, ?)
        ON CONFLICT (session) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at
        WHERE axonal_leases.expires_at <= ? RETURNING holder`,
        [session, holder, toWhole(now + millis), toWhole(now)]
      )
    ).pipe(Effect.map((rows) => rows.length > 0))

  const poll = (session: string, holder: string, pause: number): Effect.Effect<void, SqlError> =>
    Effect.flatMap(Effect.zipRight(Effect.sleep(pause), claim(session, holder)), (isClaimed) =>
      isClaimed ? Effect.void : poll(session, holder, Math.min(pollMillis.longest, pause * 1.5))
    )

  const renew = (session: string, holder: string): Effect.Effect<void> =>
    Effect.sleep(millis / 3).pipe(
      Effect.zipRight(Clock.currentTimeMillis),
      Effect.flatMap((now) =>
        run("UPDATE axonal_leases SET expires_at = ? WHERE session = ? AND holder = ? RETURNING holder", [
          ...[toWhole(now + millis), session, holder]
        ])
      ),
      Effect.matchEffect({
        onFailure: (error) => Effect.as(Effect.logWarning("Could not renew the lease of a session", error), true),
        onSuccess: ([row]) =>
          row === undefined
            ? Effect.as(Effect.logWarning(`Another run took session ${session} over after its lease ran out`), false)
            : Effect.succeed(true)
      }),
      Effect.flatMap((goesOn) => (goesOn ? renew(session, holder) : Effect.void))
    )

  const acquire = (session: string, onBusy: "wait" | "fail"): Effect.Effect<boolean, SqlError, Scope.Scope> =>
    Effect.gen(function* () {
      if (!(yield* queue.take(session, onBusy))) return false
      const holder = crypto.randomUUID()
      // Before the claim, so that an interruption right behind it leaves no lease. A lease left anyway runs out.
      yield* Effect.addFinalizer(() =>
        run("DELETE FROM axonal_leases WHERE session = ? AND holder = ?", [session, holder]).pipe(
          Effect.ignore,
          Effect.zipRight(Effect.sync(() => held.delete(session)))
        )
      )
      if (!(yield* claim(session, holder))) {
        if (onBusy === "fail") return false
        yield* poll(session, holder, pollMillis.shortest)
      }
      held.set(session, holder)
      yield* Effect.forkScoped(renew(session, holder))
      return true
    })

  const take: Leases["take"] = (session, onBusy) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        // A scope of its own: what was not taken is let go at once, not when the caller's scope closes.
        const scope = yield* Scope.fork(yield* Effect.scope, ExecutionStrategy.sequential)
        return yield* restore(Scope.extend(acquire(session, onBusy), scope)).pipe(
          Effect.onExit((exit) => (Exit.isSuccess(exit) && exit.value ? Effect.void : Scope.close(scope, exit)))
        )
      })
    )

  return {
    take,
    holderOf: (session) => held.get(session),
    isLost: (session, holder) => held.has(session) && held.get(session) !== holder
  }
}
