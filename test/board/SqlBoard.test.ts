import * as Reactivity from "@effect/experimental/Reactivity"
import { SqlClient } from "@effect/sql/SqlClient"
import * as SqliteClient from "@effect/sql-sqlite-node/SqliteClient"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as Board from "../../src/board/Board.ts"
import * as SqlBoard from "../../src/board/SqlBoard.ts"
import { layerSqlite } from "../../src/board/SqliteBoard.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import * as SqlContextStore from "../../src/context/SqlContextStore.ts"
import * as SqliteContextStore from "../../src/context/SqliteContextStore.ts"
import { SessionId } from "../../src/domain/Ids.ts"
import { said } from "../../src/testing/internal/contextStoreFixtures.ts"
import * as Suites from "../../src/testing/Suites.ts"
import * as Processes from "../support/boardProcesses.ts"
import { folderOf, tamper } from "../support/sqliteStore.ts"

const { newFile } = folderOf("board")

const open = (filename: string) =>
  Effect.map(Layer.build(layerSqlite({ filename })), (context) => Context.get(context, Board.Board))

Suites.board("sqlite", layerSqlite({ filename: newFile() }), { schedules: 10 })

describe("SqlBoard", () => {
  it.scoped("two layers on one file are one board", () =>
    Effect.gen(function* () {
      const filename = newFile()
      const [left, right] = [yield* open(filename), yield* open(filename)]
      const ids = Array.from({ length: 30 }, (_, index) => `${index}`)
      yield* left.post(
        "b",
        ids.map((id) => ({ id, title: id }))
      )
      const claims = yield* Effect.forEach(
        ids.flatMap((id) => [[left, id] as const, [right, id] as const]),
        ([board, worker]) => board.claimNext("b", { worker }),
        { concurrency: "unbounded" }
      )
      const claimed = claims.flatMap((claim) => (Option.isSome(claim) ? [claim.value] : []))
      assert.deepStrictEqual(claimed.map(({ task }) => task.id).sort(), [...ids].sort())
      for (const claim of claimed) yield* right.complete(claim, claim.task.id)
      assert.isTrue((yield* left.list("b")).every(({ id, result }) => result === id))
    })
  )

  it.scoped("what another layer does is seen within the interval", () =>
    Effect.gen(function* () {
      const filename = newFile()
      const [left, right] = [yield* open(filename), yield* open(filename)]
      const [posted] = yield* left.post("b", [{ id: "a", title: "A" }])
      const awaited = yield* Effect.fork(left.awaitTasks("b", ["a"]))
      const followed = yield* Effect.fork(Stream.runHead(left.changes("b", { after: posted?.revision })))
      yield* Effect.repeatN(Effect.yieldNow(), 50)
      yield* right.complete(Option.getOrThrow(yield* right.claimNext("b", { worker: "bob" })), "x")
      yield* TestClock.adjust("500 millis")
      assert.strictEqual((yield* Fiber.join(awaited))[0]?.result, "x")
      assert.strictEqual(Option.getOrThrow(yield* Fiber.join(followed))._tag, "TaskChanged")
    })
  )

  it.scoped("a dead worker's task is taken over by another layer", () =>
    Effect.gen(function* () {
      const filename = newFile()
      const board = yield* open(filename)
      yield* board.post("b", [{ id: "a", title: "A" }])
      const dead = yield* Effect.scoped(
        Effect.flatMap(open(filename), (other) => Effect.flatten(other.claimNext("b", { worker: "dead" })))
      ).pipe(Effect.orDie)
      yield* TestClock.adjust("1 minute")
      const claim = Option.getOrThrow(yield* board.claimNext("b", { worker: "ann" }))
      assert.deepStrictEqual([claim.task.attempts, claim.task.claim?.worker], [2, "ann"])
      assert.strictEqual((yield* Effect.flip(board.complete(dead))).reason._tag, "LeaseLost")
    })
  )

  it.scoped("a board lives beside the sessions of a context store", () =>
    Effect.gen(function* () {
      const filename = newFile()
      const session = SessionId.make("s")
      const stores = Layer.mergeAll(layerSqlite({ filename }), SqliteContextStore.layerSqlite({ filename }))
      yield* Effect.gen(function* () {
        const [board, store] = [yield* Board.Board, yield* ContextStore.ContextStore]
        yield* Effect.all(
          Array.from({ length: 20 }, (_, index) => [
            board.post("b", [{ title: `${index}` }]),
            store.append(session, [said(`${index}`)])
          ]).flat(),
          { concurrency: "unbounded" }
        )
      }).pipe(Effect.provide(stores))
      const client = yield* SqliteClient.make({ filename }).pipe(Effect.provide(Reactivity.layer))
      const shared = Layer.provide(Layer.merge(SqlBoard.layer, SqlContextStore.layer), Layer.succeed(SqlClient, client))
      const context = yield* Layer.build(shared)
      assert.strictEqual((yield* Context.get(context, Board.Board).list("b")).length, 20)
      assert.strictEqual((yield* Context.get(context, ContextStore.ContextStore).read(session)).position, 20)
    })
  )

  it.scopedLive(
    "three processes do each task once",
    () => {
      const filename = newFile()
      return Effect.flatMap(open(filename), (board) => Processes.drain(filename, board))
    },
    60_000
  )

  it.scopedLive(
    "the task of a killed process is taken over",
    () => {
      const filename = newFile()
      return Effect.flatMap(open(filename), (board) => Processes.takeOver(filename, board))
    },
    60_000
  )

  describe("what is not as it should be", () => {
    const broken = (statement: string) =>
      Effect.gen(function* () {
        const filename = newFile()
        const board = yield* open(filename)
        yield* board.post("b", [{ id: "a", title: "A" }])
        yield* tamper(filename, statement)
        return { filename, board }
      })

    it.scoped("a damaged task is Corrupt and says so", () =>
      Effect.gen(function* () {
        const { board } = yield* broken("UPDATE axonal_board_tasks SET json = '{}'")
        const { reason } = yield* Effect.flip(board.list("b"))
        assert.strictEqual(reason._tag, "Corrupt")
        assert.include(reason.message, "a task cannot be read")
      })
    )

    it.scoped("tasks and tables of a newer version are not touched", () =>
      Effect.gen(function* () {
        const { board } = yield* broken("UPDATE axonal_board_tasks SET version = 2")
        assert.include((yield* Effect.flip(board.claimNext("b", { worker: "ann" }))).message, "upgrade axonal")
        const { filename } = yield* broken("INSERT INTO axonal_board_schema (migration_id, name) VALUES (2, 'later')")
        const error = yield* Effect.flip(open(filename))
        assert.strictEqual(error.reason._tag, "Corrupt")
        assert.include(error.message, "upgrade axonal")
      })
    )

    it.scoped("a file that cannot be opened is named", () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(open("/nowhere/board.db"))
        assert.deepStrictEqual([error.operation, error.reason._tag], ["open", "Unavailable"])
        assert.include(error.message, "/nowhere/board.db")
        assert.include((yield* Effect.flip(open(""))).message, "the name of the file is empty")
      })
    )

    it.scoped("an operation within a transaction of its client fails at once", () =>
      Effect.gen(function* () {
        const client = yield* SqliteClient.make({ filename: newFile() }).pipe(Effect.provide(Reactivity.layer))
        const context = yield* Layer.build(Layer.provide(SqlBoard.layer, Layer.succeed(SqlClient, client)))
        const board = Context.get(context, Board.Board)
        const within = client.withTransaction(Effect.flip(board.list("b")))
        assert.strictEqual((yield* Effect.orDie(within)).reason._tag, "Unavailable")
      })
    )
  })
})
