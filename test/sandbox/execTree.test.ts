import { spawn } from "node:child_process"
import { once } from "node:events"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as ProcessTable from "../../src/sandbox/internal/processTable.ts"
import * as Tree from "../../src/sandbox/internal/tree.ts"
import * as Alive from "../support/processTable.ts"

const mark = { limit: 1, word: "nobody-has-it" }

/** A process in a session of its own, killed with the scope. */
const begun = (line: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const child = spawn("/bin/sh", ["-c", line], { detached: true, stdio: "ignore" })
      const ended = once(child, "exit")
      let isEnded = false
      child.once("exit", () => {
        isEnded = true
      })
      return { pid: child.pid ?? 0, child, ended, isEnded: () => isEnded }
    }),
    ({ child }) => Effect.sync(() => child.kill("SIGKILL"))
  )

describe("tree", () => {
  it.scopedLive("AG-17: an id that is another's now is not signalled", () =>
    Effect.gen(function* () {
      const word = Alive.word()
      const other = yield* begun(`exec sleep ${word}`)
      yield* Alive.until(word, 1)
      const table = ProcessTable.fromProc()
      const found = (yield* Effect.promise(() => table.all())).filter(({ pid }) => pid === other.pid)
      // As the table was a moment ago, when the id was that of one of ours.
      const before = found.map((entry) => ({ ...entry, started: entry.started - 1 }))
      const tree = Tree.make(
        { ...table, startOf: () => 0, all: () => Promise.resolve(before), isMarked: () => true },
        { pid: 1, mark, isEnded: () => true }
      )
      assert.deepStrictEqual(yield* tree.members, before)
      yield* tree.signal("SIGKILL")
      other.child.kill("SIGTERM")
      assert.deepStrictEqual(yield* Effect.promise(() => other.ended), [null, "SIGTERM"])
    })
  )

  it.scopedLive("processes are found by ps where there is no better", () =>
    Effect.gen(function* () {
      const word = Alive.word()
      const root = yield* begun(`sleep ${word} & (sleep ${word} &); trap '' TERM; sleep ${word}`)
      const all = yield* Alive.until(word, 3)
      const tree = Tree.make(ProcessTable.fromPs(), { pid: root.pid, mark, isEnded: root.isEnded })
      const found = (yield* tree.members).map(({ pid }) => pid)
      assert.sameMembers(found, [root.pid, ...all])
      yield* tree.kill
      assert.deepStrictEqual(yield* Alive.running(word), [])
      assert.isTrue(yield* tree.isGone)
    })
  )

  it.scopedLive("what this process started otherwise is nobody's", () =>
    Effect.gen(function* () {
      const [word, otherWord] = [Alive.word(), Alive.word()]
      const root = yield* begun(`sleep ${word} & wait`)
      const others = yield* begun(`sleep ${otherWord} & wait`)
      yield* Alive.until(otherWord, 1)
      const tree = Tree.make(ProcessTable.fromProc(), { pid: root.pid, mark, isEnded: root.isEnded })
      yield* Alive.until(word, 1)
      yield* tree.kill
      assert.deepStrictEqual(yield* Alive.running(word), [])
      assert.strictEqual((yield* Alive.running(otherWord)).length, 1)
      process.kill(-others.pid, "SIGKILL")
    })
  )

  it("a signal that there is not is a mistake", () => {
    const tree = Tree.make(ProcessTable.fromProc(), { pid: 1, mark, isEnded: () => true })
    assert.throws(() => tree.signal("SIGNOTHING"), "a signal must be one that this system has")
  })
})
