/** A process that is killed while its run is told words: what it had said yes to is read by the next run, once. */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Agent from "../../src/agent/Agent.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import * as SqlContextStore from "../../src/context/SqlContextStore.ts"
import { layerSqlite } from "../../src/context/SqliteContextStore.ts"
import { SessionId } from "../../src/domain/Ids.ts"
import * as Message from "../../src/domain/Message.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import * as Processes from "../support/processes.ts"
import { folderOf } from "../support/sqliteStore.ts"

const { newFile } = folderOf("steering")
const session = SessionId.make("s")

/** Starts the process, kills it once it has accepted so many words, and answers all that it had. */
const killedAfter = (filename: string, count: number): Effect.Effect<ReadonlyArray<string>> =>
  Effect.flatMap(Processes.start("test/support/steeringProcess.ts", filename, session), (child) =>
    Effect.async<ReadonlyArray<string>>((resume) => {
      let [output, complaints] = ["", ""]
      child.stderr.on("data", (data) => (complaints += data))
      child.stdout.on("data", (data) => {
        output += data
        if (output.split("\n").length > count) child.kill("SIGKILL")
      })
      child.once("close", (_code, signal) => {
        const words = output.split("\n").slice(0, -1)
        resume(signal === "SIGKILL" ? Effect.succeed(words) : Effect.dieMessage(complaints))
      })
    })
  ).pipe(Effect.scoped)

describe("A process that is killed", () => {
  it.live.each([1, 8, 30])("AG-10 TR-29 loses none of %s words that it accepted", (count) =>
    Effect.gen(function* () {
      const filename = newFile()
      const accepted = yield* killedAfter(filename, count)
      assert.isAtLeast(accepted.length, count)
      yield* Effect.gen(function* () {
        const { reason } = yield* Agent.run(Agent.make("a"), "again", { session })
        assert.strictEqual(reason, "completed")
        const log = yield* Effect.flatMap(ContextStore.ContextStore, ({ entries }) => entries(session))
        const heard = log.flatMap((entry) =>
          entry._tag === "Message" && entry.message.role === "user" ? [Message.toText(entry.message)] : []
        )
        // One that was kept when the process died may not have been answered for.
        const said = heard.slice(2).length > accepted.length ? [...accepted, `${accepted.length}.`] : accepted
        const steers = said.filter((_, index) => index % 3 !== 0)
        const followUps = said.filter((_, index) => index % 3 === 0)
        assert.deepStrictEqual(heard, ["go", "again", ...steers, ...followUps])
      }).pipe(
        Effect.provide(ScriptedTransport.layer(() => [ScriptedTransport.text("ok")])),
        Effect.provide(layerSqlite({ filename })),
        Effect.provide(Layer.succeed(SqlContextStore.LeaseDuration, Duration.millis(300)))
      )
    })
  )
})
