import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Board from "../../src/board/Board.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { text } from "../../src/testing/ScriptedTransport.ts"
import * as Suites from "../../src/testing/Suites.ts"
import * as Transport from "../../src/transport/Transport.ts"

const { effect, layer, prop, scoped } = it

Suites.board("memory", Board.layerMemory, { schedules: 1 })
Suites.contextStore("memory", ContextStore.layerMemory)
Suites.transport(
  "script",
  ScriptedTransport.layer(() => [text("Hola!")]),
  {
    text: Transport.request({ messages: [] })
  }
)

describe("Suites", () => {
  it.effect("tests that are declared later have the methods of before", () =>
    Effect.sync(() => assert.deepStrictEqual([it.effect, it.layer, it.prop, it.scoped], [effect, layer, prop, scoped]))
  )
})
