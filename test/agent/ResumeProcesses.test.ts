import { readFileSync } from "node:fs"
import * as FileSystem from "@effect/platform/FileSystem"
import { NodeContext } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { PendingQuestion } from "../../src/domain/Entry.ts"
import * as Processes from "../support/processes.ts"

interface Ended {
  readonly lines: ReadonlyArray<string>
  readonly complaints: string
}

/** Runs a process to its end, or until it says `stuck`: then it is killed, without a chance to clean up. */
const ran = (...args: ReadonlyArray<string>): Effect.Effect<Ended> =>
  Effect.flatMap(Processes.start("test/support/approvalProcess.ts", ...args), (child) =>
    Effect.async<Ended>((resume) => {
      let [output, complaints] = ["", ""]
      child.stdout.on("data", (data) => {
        output += data
        if (output.includes("stuck\n")) child.kill("SIGKILL")
      })
      child.stderr.on("data", (data) => (complaints += data))
      child.on("close", () =>
        resume(Effect.succeed({ lines: output.split("\n").filter((line) => line !== ""), complaints }))
      )
    })
  ).pipe(Effect.scoped)

const Said = Schema.parseJson(
  Schema.Struct({ reason: Schema.String, text: Schema.String, pending: Schema.Array(PendingQuestion) })
)
const said = (ended: Ended) => Schema.decodeUnknownSync(Said)(ended.lines.at(-1))

const folder = Effect.flatMap(FileSystem.FileSystem, (files) => files.makeTempDirectoryScoped())

describe("Resume in other processes", () => {
  it.scopedLive(
    "AG-15 TR-11 TR-13 a run waits in one process, is decided in others, and dies at most once",
    () =>
      Effect.gen(function* () {
        const database = `${yield* folder}/sessions.db`
        const begun = said(yield* ran("begin", database))
        assert.strictEqual(begun.reason, "awaiting-approval")
        assert.deepStrictEqual(
          begun.pending.map(({ category, input, reason, tool }) => [tool, input, reason, category]),
          [
            ["pay", { to: "Ann" }, "pay costs money", "money"],
            ["pay", { to: "stuck" }, "pay costs money", "money"]
          ]
        )
        const [one, two] = begun.pending.map(({ call }) => JSON.stringify([{ call, approved: true }]))
        const part = said(yield* ran("resume", database, one ?? ""))
        assert.deepStrictEqual([part.reason, part.pending.length], ["awaiting-approval", 1])
        // The last answer is stored, both calls run, and the process is killed before there are results.
        const killed = yield* ran("resume", database, two ?? "")
        assert.deepStrictEqual(killed.lines, ["stuck"], killed.complaints)
        const paid = () => readFileSync(`${database}.paid`, "utf8").split("\n").filter(Boolean).sort()
        assert.deepStrictEqual(paid(), ["Ann", "stuck"])
        const again = yield* ran("resume", database, two ?? "")
        assert.include(again.complaints, "does not wait for an answer")
        const next = said(yield* ran("say", database))
        assert.strictEqual(next.reason, "completed")
        assert.match(next.text, /^interrupted .*It may have run in part.*\|interrupted /)
        assert.deepStrictEqual(paid(), ["Ann", "stuck"])
      }).pipe(Effect.provide(NodeContext.layer)),
    60_000
  )

  it.scopedLive(
    "a no and a yes from another process reach the model in that process",
    () =>
      Effect.gen(function* () {
        const database = `${yield* folder}/sessions.db`
        const { pending } = said(yield* ran("begin", database))
        const answers = pending.map(({ call }, index) => ({ call, approved: index === 0, reason: "not to strangers" }))
        const done = said(yield* ran("resume", database, JSON.stringify(answers)))
        assert.deepStrictEqual(
          [done.reason, done.text],
          ["completed", "ok paid|denied Not approved: not to strangers. Do not try the same call again."]
        )
        assert.strictEqual(readFileSync(`${database}.paid`, "utf8"), "Ann\n")
      }).pipe(Effect.provide(NodeContext.layer)),
    60_000
  )
})
