/**
 * A process whose run never gets an answer, on a SQLite file: it is told words, and writes down each that was accepted, until
 * it is killed. Arguments: the file, the session.
 */
import { writeSync } from "node:fs"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Agent from "../../src/agent/Agent.ts"
import * as SqlContextStore from "../../src/context/SqlContextStore.ts"
import { layerSqlite } from "../../src/context/SqliteContextStore.ts"
import { SessionId } from "../../src/domain/Ids.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"

const [, , filename = "", session = ""] = process.argv

const program = Effect.gen(function* () {
  const asked = yield* Effect.makeLatch()
  const layer = ScriptedTransport.layer([[ScriptedTransport.gate(Effect.zipRight(asked.open, Effect.never))]])
  yield* Effect.gen(function* () {
    const handle = yield* Agent.start(Agent.make("a"), "go", { session: SessionId.make(session) })
    yield* asked.await
    for (let index = 0; ; index++) {
      const word = `${index}.`
      // Every third is a follow-up.
      if (yield* index % 3 === 0 ? handle.followUp(word) : handle.steer(word)) writeSync(1, `${word}\n`)
    }
  }).pipe(Effect.provide(layer))
}).pipe(
  Effect.scoped,
  Effect.provide(layerSqlite({ filename })),
  Effect.provideService(SqlContextStore.LeaseDuration, Duration.millis(1000))
)

Effect.runPromise(program).catch((error) => {
  writeSync(2, `${error}\n`)
  process.exit(1)
})
