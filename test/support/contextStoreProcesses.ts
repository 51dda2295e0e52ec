/**
 * What several processes do with one context store, as tests of any store that processes can share: each names its
 * database as `contextStoreProcess.ts` does, and how to open it here.
 */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Service, StoreError } from "../../src/context/ContextStore.ts"
import { SessionId } from "../../src/domain/Ids.ts"
import { ids, reasonOf, said } from "../../src/testing/internal/contextStoreFixtures.ts"
import * as Processes from "./processes.ts"

const start = (...args: ReadonlyArray<string>) => Processes.start("test/support/contextStoreProcess.ts", ...args)

/** Runs a process to its end and answers what it complained about. */
const complaints = (...args: ReadonlyArray<string>): Effect.Effect<string, never, Scope.Scope> =>
  Effect.flatMap(start(...args), (child) =>
    Effect.async<string>((resume) => {
      let text = ""
      child.stderr.on("data", (data) => (text += data))
      child.on("close", (code) => resume(Effect.succeed(code === 0 ? text : `exit ${code}: ${text}`)))
    })
  )

/** Four processes open a new database at once; two append pairs to a session freely, two take turns at another one. */
export const appendAndLock = <E>(
  database: string,
  open: Effect.Effect<Service, E, Scope.Scope>
): Effect.Effect<void, E | StoreError, Scope.Scope> =>
  Effect.gen(function* () {
    const done = yield* Effect.all(
      [
        complaints("append", database, "free", "a", "60"),
        complaints("append", database, "free", "b", "60"),
        complaints("lock", database, "turns", "c", "40"),
        complaints("lock", database, "turns", "d", "40")
      ],
      { concurrency: "unbounded" }
    )
    assert.deepStrictEqual(done, ["", "", "", ""])
    const store = yield* open
    const free = yield* ids(store, SessionId.make("free"))
    const pairs = Array.from({ length: 120 }, (_, index) => free.slice(2 * index, 2 * index + 2))
    assert.isTrue(pairs.every(([first, second]) => first?.replace(/0$/, "1") === second))
    for (const name of ["a", "b"]) {
      assert.deepStrictEqual(
        free.filter((id) => id.startsWith(name) && id.endsWith("0")),
        Array.from({ length: 60 }, (_, index) => `${name}.${index}.0`)
      )
    }
    const turns = yield* ids(store, SessionId.make("turns"))
    assert.deepStrictEqual([free.length, turns.length], [240, 80])
  })

/** A process takes a session for a short lease and is killed: it is busy, then taken over. */
export const takeOver = <E>(
  database: string,
  session: SessionId,
  open: Effect.Effect<Service, E, Scope.Scope>
): Effect.Effect<void, E | StoreError, Scope.Scope> =>
  Effect.gen(function* () {
    const child = yield* start("hold", database, session, "short", "2500")
    yield* Effect.async<void>((resume) => {
      child.stdout.once("data", () => resume(Effect.void))
    })
    const store = yield* open
    yield* Effect.async<void>((resume) => {
      child.once("close", () => resume(Effect.void))
      child.kill("SIGKILL")
    })
    assert.strictEqual((yield* reasonOf(store.lock(session, "fail")))[0], "SessionBusy")
    yield* store.lock(session, "wait")
    yield* store.append(session, [said("a")])
  })
