import * as Board from "../../src/board/Board.ts"
import * as Suites from "../../src/testing/Suites.ts"

Suites.board("memory", Board.layerMemory, { schedules: 200 })
