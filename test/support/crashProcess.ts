/**
 * A process that runs an agent with tools on a SQLite file until it is killed, or for a number of runs. It says `ready`
 * once everything is loaded and warm, and then reads what to do as one line of JSON. Every append is written down before
 * it begins (`+ ids`) and when it is acknowledged (`= position`), each at once and as one line.
 */
import { writeSync } from "node:fs"
import { createInterface } from "node:readline"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ContextStore from "../../src/context/ContextStore.ts"
import * as SqlContextStore from "../../src/context/SqlContextStore.ts"
import { layerSqlite } from "../../src/context/SqliteContextStore.ts"
import { crashing, say } from "./crashAgent.ts"

/** What to do: `name` begins the inputs of the runs. */
export interface Task {
  readonly filename: string
  readonly session: string
  readonly name: string
  readonly runs: number
  readonly leaseMillis: number
  /** After so many lines there are no more appends: whoever is slow to kill it does not find ever longer sessions. */
  readonly most?: number
}

/** A pipe that is full for the moment is tried again: what is written must be out before anything else happens. */
const write = (line: string): void => {
  for (;;) {
    try {
      writeSync(1, `${line}\n`)
      return
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EAGAIN")) throw error
    }
  }
}

const told = (most: number) =>
  Layer.effect(
    ContextStore.ContextStore,
    Effect.map(ContextStore.ContextStore, (store) => {
      let lines = 0
      return {
        ...store,
        append: (...[session, entries, options]: Parameters<ContextStore.Service["append"]>) =>
          Effect.suspend(() => {
            lines += 2
            if (lines > most) return Effect.never
            write(`+ ${entries.map(({ id }) => id).join(" ")}`)
            return store.append(session, entries, options)
          }).pipe(Effect.tap((position) => Effect.sync(() => write(`= ${position}`))))
      }
    })
  )

const perform = ({ filename, leaseMillis, most = Number.POSITIVE_INFINITY, name, runs, session }: Task) =>
  Effect.gen(function* () {
    for (let index = 0; index < runs; index++) {
      yield* say(`${name}.${index}`, session)
      // Others get a turn at the session.
      yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, index % 4)))
    }
  }).pipe(
    Effect.provide(crashing),
    Effect.provide(
      filename === ":memory:" ? layerSqlite({ filename }) : Layer.provide(told(most), layerSqlite({ filename }))
    ),
    Effect.provideService(SqlContextStore.LeaseDuration, Duration.millis(leaseMillis))
  )

const main = async (): Promise<void> => {
  await Effect.runPromise(
    perform({ filename: ":memory:", session: "warm", name: "warm", runs: 1, leaseMillis: 15_000 })
  )
  const lines = createInterface({ input: process.stdin })
  write("ready")
  for await (const line of lines) {
    await Effect.runPromise(perform(JSON.parse(line)))
    write("done")
    break
  }
  lines.close()
}

main().catch((error) => {
  writeSync(2, `${error}\n`)
  process.exit(1)
})
