import { existsSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { afterAll, beforeAll } from "vitest"
import type { Terminal } from "../../support/terminal.ts"
import { atTerminal } from "../../support/terminal.ts"
import type { Model } from "./support.ts"
import { asked, done, golden, modelOf, open, picture, placeOf, setUp } from "./support.ts"

setUp()

const place = placeOf({ "README.md": "# Shop\n\nWe sell tea.\n" })

atTerminal("the screen while a model works", () => {
  let model: Model
  let screen: Terminal
  beforeAll(async () => {
    model = await modelOf()
    screen = open(["--session", "day", ...model.args], { ...place, columns: 100, rows: 30 })
    await screen.until("session day")
  })
  afterAll(() => model.close())

  it("shows an answer as it comes, and what is said meanwhile", async () => {
    screen.type("what do we sell?\r")
    const turn = await model.turn()
    turn.write("# Goods\n\nWe sell **tea**, see `README.md`:\n\n```ts\nconst price = 3 // coins\n```\n\n")
    turn.write("- green 茶 🍵\n- black ☕️ **very** long: ")
    await screen.until("black")
    screen.type("and cups?\r")
    await screen.until("joins next")
    screen.type("thanks, by the way")
    screen.press("altEnter")
    await screen.until("waits")
    await picture(screen, "streaming")

    await screen.resize(44, 16)
    await golden(screen, "narrow")
    await screen.resize(140, 40)
    await golden(screen, "wide")
    await screen.resize(20, 6)
    await golden(screen, "tiny")
    await screen.resize(100, 30)

    turn.write("yes.\n")
    turn.end()
    const second = await model.turn()
    assert.include(JSON.stringify(second.body.messages.at(-1)), "and cups?")
    second.write("Cups, too.")
    second.end()
    const third = await model.turn()
    assert.include(JSON.stringify(third.body.messages.at(-1)), "thanks")
    third.write("You are welcome.")
    third.end()
    await done(screen, "You are welcome.")
    await golden(screen, "joined")
  })

  it("stops a command in the middle, keeps what it wrote, and hears its end", async () => {
    screen.type("run it\r")
    const turn = await model.turn()
    turn.call("call-1", "shell", { command: "echo $((40 + 2)) cups; sleep 300; touch ended" })
    turn.end()
    await asked(screen, "shell")
    await picture(screen, "command")
    screen.type("y")
    await screen.until("42 cups")
    screen.press("escape")
    await done(screen, "interrupted")
    screen.press("ctrlO")
    await screen.until("42 cups")
    await golden(screen, "stopped")
    assert.isFalse(existsSync(join(place.cwd, "ended")))
  })

  it("takes many pasted lines as one piece", async () => {
    screen.paste(Array.from({ length: 40 }, (_, line) => `line ${line} 行`).join("\n"))
    await screen.until("paste #1")
    screen.type(" please\r")
    const turn = await model.turn()
    assert.include(JSON.stringify(turn.body.messages.at(-1)), "line 39 行 please")
    turn.write("Read it.")
    turn.end()
    await done(screen, "Read it.")
    await golden(screen, "pasted")
  })

  it("harmless is what others write", async () => {
    screen.type("be evil\r")
    const turn = await model.turn()
    turn.write("\u001b]0;evil\u0007\u001b[2J\u001b[?1049lred \u202eforwards\u0007 done")
    turn.end()
    await done(screen, "done")
    assert.isTrue(screen.emulator.modes().alternate)
    assert.notInclude(screen.emulator.title(), "evil")
    await golden(screen, "hostile")
  })

  it("shows agents below agents", async () => {
    screen.type("ask around\r")
    const turn = await model.turn()
    turn.call("call-2", "subagent", { agent: "explore", task: "Count the words of README.md" })
    turn.end()
    const inner = await model.turn()
    inner.call("call-3", "read_file", { path: "README.md" })
    inner.end()
    const answer = await model.turn()
    await screen.until("1.3k tokens")
    await picture(screen, "agents")
    answer.write("Five words.")
    answer.end()
    const last = await model.turn()
    last.write("It has five words.")
    last.end()
    await done(screen, "It has five words.")
    await golden(screen, "agents-done")
  })
})
