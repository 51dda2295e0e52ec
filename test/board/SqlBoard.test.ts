import { layerSqlite } from "../../src/board/SqliteBoard.ts"
import * as Suites from "../../src/testing/Suites.ts"

Suites.board("sqlite", layerSqlite({ filename: ":memory:" }))
