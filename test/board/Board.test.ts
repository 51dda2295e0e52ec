import * as Board from "../../src/board/Board.ts"
import * as Suites from "../../src/testing/Suites.ts"
import { numRuns } from "../support/generated.ts"

Suites.board("memory", Board.layerMemory, { schedules: numRuns(60) })
