import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as History from "axonal/cli/assistant/history"
import { afterAll } from "vitest"

const folder = mkdtempSync(join(tmpdir(), "axonal-history-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const fileOf = (name: string) => History.fileOf(join(folder, name))

describe("history", () => {
  it("texts of several lines are kept whole, each once, for its owner alone", () => {
    const file = fileOf("a")
    const first = History.make(file)
    for (const text of ["one", 'two\nlines "and" more', "  one ", "", " \n"]) first.add(text)
    assert.deepStrictEqual(first.lines(), ['two\nlines "and" more', "one"])
    assert.deepStrictEqual(History.make(file).lines(), first.lines())
    assert.strictEqual(statSync(file).mode & 0o777, 0o600)
    assert.strictEqual(statSync(join(folder, "a")).mode & 0o777, 0o700)
  })

  it("processes that share it lose nothing of each other", () => {
    const file = fileOf("b")
    const [left, right] = [History.make(file, 4), History.make(file, 4)]
    for (let index = 0; index < 6; index++) {
      left.add(`left ${index}`)
      right.add(`right ${index}`)
      // Whoever opens it meanwhile shortens it.
      History.make(file, 4)
    }
    assert.sameMembers([...History.make(file, 100).lines()].slice(-4), ["left 4", "left 5", "right 4", "right 5"])
    assert.deepStrictEqual(readdirSync(join(folder, "b")), ["history.jsonl"])
    assert.isBelow(readFileSync(file, "utf8").split("\n").length, 11)
  })

  it("what was put aside by a process that died is still there", () => {
    const file = fileOf("c")
    History.make(file).add("kept")
    renameSync(file, `${file}.1-1`)
    const after = History.make(file)
    after.add("new")
    assert.deepStrictEqual(History.make(file).lines(), ["kept", "new"])
  })

  it("damaged lines are passed over, and no file is no reason to stop", () => {
    const file = fileOf("d")
    History.make(file).add("one")
    writeFileSync(file, `${readFileSync(file, "utf8")}{"at":1,"te\n[]\n`)
    assert.deepStrictEqual(History.make(file).lines(), ["one"])
    const nowhere = History.make("/dev/null/x/history.jsonl")
    nowhere.add("one")
    assert.deepStrictEqual(nowhere.lines(), ["one"])
    const unsaved = History.make(undefined)
    unsaved.add("one")
    assert.deepStrictEqual(unsaved.lines(), ["one"])
  })

  it("only the latest are kept", () => {
    const file = fileOf("e")
    const history = History.make(file, 3)
    for (let index = 0; index < 10; index++) history.add(String(index))
    assert.deepStrictEqual(history.lines(), ["7", "8", "9"])
    assert.deepStrictEqual(History.make(file, 3).lines(), ["7", "8", "9"])
    history.add("x".repeat(70_000))
    assert.deepStrictEqual(History.make(file, 3).lines(), ["7", "8", "9"])
  })
})
