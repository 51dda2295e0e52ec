import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as Agent from "../../src/agent/Agent.ts"
import * as Composite from "../../src/agent/Composite.ts"
import * as Subagent from "../../src/agent/Subagent.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import * as SessionFile from "../../src/context/SessionFile.ts"
import { layerSqlite } from "../../src/context/SqliteContextStore.ts"
import { SessionId } from "../../src/domain/Ids.ts"
import * as Approval from "../../src/guard/Approval.ts"
import * as Runner from "../../src/pattern/Runner.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { folderOf } from "../support/sqliteStore.ts"
import { play } from "../support/trees.ts"
import { life } from "../support/treesGenerated.ts"

const { call, roles, text } = ScriptedTransport

const { newFile } = folderOf("lives")

const session = SessionId.make("s")

describe("Trees of runners and their stores", () => {
  it("come to the same in memory and in SQLite, however they are cut short", async () => {
    const tame = life.filter(({ cuts }) => cuts.every(({ by }) => by !== "interrupt"))
    for (const sample of FastCheck.sample(tame, { numRuns: 6, seed: 28 })) {
      const memory = await Effect.runPromise(play(sample))
      const sqlite = await Effect.runPromise(play(sample, layerSqlite({ filename: newFile() })))
      assert.deepStrictEqual(sqlite.world.problems, [])
      assert.strictEqual(sqlite.outcome?.output, memory.outcome?.output)
      assert.deepStrictEqual([...sqlite.logs.keys()].length, [...memory.logs.keys()].length)
    }
  }, 60_000)

  it.effect("go on where their sessions were taken in files", () => {
    const ran: Array<string> = []
    const act = Agent.tool("act", { needsApproval: true }, () => Effect.sync(() => void ran.push("act")))
    const asker = Agent.make("asker", { instructions: "You ask", tools: [act] })
    const lead = Agent.make("lead", { instructions: "You lead", tools: [Subagent.tool(asker)] })
    const first = Agent.make("first", { instructions: "You begin" })
    const pattern = Composite.make("pattern", {}, (input: string, parts) =>
      Effect.gen(function* () {
        const { output } = yield* parts.run("a/b", first, input)
        yield* parts.remember("nothing", Effect.void)
        return { output: (yield* parts.run("%", lead, output)).output }
      })
    )
    const script = roles({
      "You begin": [[text("begun")]],
      "You lead": [[call("1", "asker", { task: "act" })], [text("led")]],
      "You ask": [[call("1", "act")], [text("acted")]]
    })
    const scripted = ScriptedTransport.layer(script)
    return Effect.gen(function* () {
      const [pending, files] = yield* Effect.gen(function* () {
        const { pending } = yield* Runner.run(pattern, "go", { session })
        const { sessions } = yield* (yield* ContextStore.ContextStore).list()
        const files = yield* Effect.forEach(sessions, ({ id }) => Stream.runCollect(SessionFile.toLines(id)))
        return [pending, files] as const
      }).pipe(Effect.provide(layerSqlite({ filename: newFile() })))
      assert.lengthOf(files, 4)
      const result = yield* Effect.gen(function* () {
        for (const lines of files) {
          yield* SessionFile.fromLines(Stream.fromIterable(Chunk.toReadonlyArray(lines).map((line) => line)))
        }
        const decided = pending.map(({ call }) => ({ call, approved: true }))
        return yield* Runner.resume(pattern, session, decided)
      }).pipe(Effect.provide(ContextStore.layerMemory))
      assert.deepStrictEqual([result.output, ran], ["led", ["act"]])
    }).pipe(Effect.provide(Layer.merge(scripted, Approval.layerSuspend)))
  })
})
