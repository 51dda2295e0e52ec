import * as PgClient from "@effect/sql-pg/PgClient"
import { describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Board from "../../src/board/Board.ts"
import * as SqlBoard from "../../src/board/SqlBoard.ts"
import * as Suites from "../../src/testing/Suites.ts"
import * as Processes from "../support/boardProcesses.ts"
import { suite } from "../support/postgres.ts"

const layerOf = (url: string) =>
  Layer.provide(SqlBoard.layer, Layer.orDie(PgClient.layer({ url: Redacted.make(url), maxConnections: 4 })))

await suite("SqlBoard in PostgreSQL", (_server, newDatabase) => {
  Suites.board("postgres", Layer.unwrapEffect(Effect.map(newDatabase, layerOf)), { schedules: 10 })

  describe("SqlBoard in PostgreSQL", () => {
    const opened = Effect.flatMap(newDatabase, (url) =>
      Effect.map(Layer.build(layerOf(url)), (context) => ({ url, board: Context.get(context, Board.Board) }))
    )

    it.scopedLive(
      "three processes do each task once",
      () => Effect.flatMap(opened, ({ board, url }) => Processes.drain(url, board)),
      60_000
    )

    it.scopedLive(
      "the task of a killed process is taken over",
      () => Effect.flatMap(opened, ({ board, url }) => Processes.takeOver(url, board)),
      60_000
    )
  })
})
