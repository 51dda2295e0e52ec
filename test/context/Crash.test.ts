import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ContextStore from "../../src/context/ContextStore.ts"
import * as SqlContextStore from "../../src/context/SqlContextStore.ts"
import { layerSqlite } from "../../src/context/SqliteContextStore.ts"
import type { Stored } from "../../src/domain/Entry.ts"
import { SessionId } from "../../src/domain/Ids.ts"
import type { Message } from "../../src/domain/Message.ts"
import { crashing, say } from "../support/crashAgent.ts"
import * as Processes from "../support/crashProcesses.ts"
import { numRuns, timeoutMillis } from "../support/generated.ts"

const folder = mkdtempSync(join(tmpdir(), "axonal-crash-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const leaseMillis = 60
const open = (filename: string) =>
  Effect.map(Layer.build(layerSqlite({ filename })), (context) => Context.get(context, ContextStore.ContextStore)).pipe(
    Effect.provideService(SqlContextStore.LeaseDuration, Duration.millis(leaseMillis))
  )

/** The appends that a process began, and how many of them were acknowledged. */
const parse = (lines: ReadonlyArray<string>) => {
  const begun = lines.filter((line) => line.startsWith("+ ")).map((line) => line.slice(2).split(" "))
  return { begun, acknowledged: lines.filter((line) => line.startsWith("= ")).length }
}

/** Numbers from 0 to below 1 that a seed determines. */
const random = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0
  let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
}

/** Waits for a fraction of the time that an append takes. */
const spin = (micros: number): void => {
  const end = performance.now() + micros / 1000
  while (performance.now() < end);
}

const callsOf = (message: Message | undefined) =>
  (message?.parts ?? []).flatMap((part) => (part.type === "tool-call" ? [part.id] : []))
const resultsOf = (message: Message | undefined) =>
  (message?.parts ?? []).flatMap((part) => (part.type === "tool-result" ? [part.id] : []))

/** Roles alternate, and every call has its result right behind it. */
const assertWellFormed = (messages: ReadonlyArray<Message>): void => {
  const wrong = messages.filter((message, index) => {
    const next = messages[index + 1]
    return message.role === next?.role || callsOf(message).join() !== resultsOf(next).join()
  })
  assert.deepStrictEqual(wrong, [])
}

const runOf = (entry: Stored | undefined) =>
  entry === undefined || entry._tag === "Unreadable" ? undefined : entry.run

/** Every answer was paid for, and every payment is for an answer. */
const assertPaid = (entries: ReadonlyArray<Stored>): void => {
  const turnOf = (entry: Stored) => (entry._tag === "Unreadable" ? entry.id : `${entry.run}/${entry.turn}`)
  const isAnswer = (entry: Stored) => entry._tag === "Message" && entry.message.role === "assistant"
  const isBill = ({ _tag }: Stored) => _tag === "Usage"
  assert.deepStrictEqual(entries.filter(isBill).map(turnOf), entries.filter(isAnswer).map(turnOf))
}

describe("Two processes", () => {
  const runs = 50

  for (const [title, sessions] of [
    ["on one session", ["shared", "shared"]],
    ["on a session each", ["left", "right"]]
  ] as const) {
    it.scopedLive(
      `RUN-5 TR-29 ${title} lose and reorder nothing in 50 runs each`,
      () =>
        Effect.gen(function* () {
          const prepared = yield* Processes.make
          const filename = join(folder, `${sessions.join()}.db`)
          const children = yield* Effect.forEach(sessions, (session) =>
            Effect.map(prepared, (child) => ({ child, session }))
          )
          const appended = yield* Effect.forEach(
            children,
            ({ child, session }, index) =>
              Effect.map(child.run({ filename, session, name: `${index}`, runs, leaseMillis: 15_000 }), (lines) =>
                parse(lines)
              ),
            { concurrency: "unbounded" }
          )
          const store = yield* open(filename)
          for (const session of new Set(sessions)) {
            const own = appended.filter((_, index) => sessions[index] === session)
            const entries = yield* store.entries(SessionId.make(session))
            const stored = entries.map(({ id }): string => id)
            for (const { begun, acknowledged } of own) {
              assert.strictEqual(acknowledged, begun.length)
              const ids = new Set(begun.flat())
              assert.deepStrictEqual(
                stored.filter((id) => ids.has(id)),
                [...ids]
              )
            }
            assert.strictEqual(stored.length, own.flatMap(({ begun }) => begun.flat()).length)
            const turns = entries.map(runOf).filter((run, index, all) => run !== all[index - 1])
            assert.deepStrictEqual([turns.length, new Set(turns).size], [runs * own.length, runs * own.length])
            const { messages, position } = yield* store.read(SessionId.make(session))
            assert.strictEqual(position, entries.length)
            assertWellFormed(messages)
            assertPaid(entries)
          }
        }),
      60_000
    )
  }
})

describe("A crash", () => {
  const [files, roundsPerFile] = [numRuns(9), 5]

  it.scopedLive(
    "of the process at any point of any append loses and breaks nothing",
    () =>
      Effect.gen(function* () {
        const prepared = yield* Processes.make
        const seen = { opening: 0, between: 0, withinStored: 0, withinNotStored: 0 }

        const round = (filename: string, name: string, known: ReadonlyArray<string>, next: () => number) =>
          Effect.gen(function* () {
            const [line, micros] = [Math.floor(next() * 20), next() * 2000]
            const child = yield* prepared
            const task = { filename, session: "s", name, runs: 1000, leaseMillis, most: line + 20 }
            const lines = yield* child.run(task, (count, kill) => {
              if (count < line) return
              spin(line === 0 ? micros * 10 : micros)
              kill()
            })
            const { begun, acknowledged } = parse(lines)
            const store = yield* open(filename)
            const session = SessionId.make("s")
            const entries = yield* store.entries(session)
            const stored = entries.map(({ id }): string => id)
            const surely = [...known, ...begun.slice(0, acknowledged).flat()]
            const perhaps = begun[acknowledged] ?? []
            assert.deepStrictEqual(stored, stored.length === surely.length ? surely : [...surely, ...perhaps])
            if (begun.length === 0) seen.opening++
            else if (perhaps.length === 0) seen.between++
            else if (stored.length === surely.length) seen.withinNotStored++
            else seen.withinStored++

            const window = yield* store.read(session)
            assert.strictEqual(window.position, entries.length)
            assertWellFormed(window.messages)
            assertPaid(entries)

            const result = yield* say(`${name} after`, "s").pipe(
              Effect.provide(crashing),
              Effect.provideService(ContextStore.ContextStore, store)
            )
            assert.strictEqual(result.output, "done")
            const after = (yield* store.entries(session)).map(({ id }): string => id)
            assert.deepStrictEqual(after.slice(0, stored.length), stored)
            assert.isAbove(after.length, stored.length)
            assertWellFormed((yield* store.read(session)).messages)
            return after
          }).pipe(Effect.scoped)

        const rounds = (file: number) =>
          Effect.gen(function* () {
            const next = random(file)
            let known: ReadonlyArray<string> = []
            for (let index = 0; index < roundsPerFile; index++) {
              known = yield* round(join(folder, `${file}.db`), `${file}.${index}`, known, next)
            }
          })
        yield* Effect.forEach(
          Array.from({ length: files }, (_, file) => file),
          rounds,
          { concurrency: 4 }
        )
        for (const count of [seen.between, seen.withinNotStored]) assert.isAbove(count, 0)
      }),
    4 * timeoutMillis
  )
})
