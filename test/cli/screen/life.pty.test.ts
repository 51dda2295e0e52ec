import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { afterAll, beforeAll } from "vitest"
import * as Emulator from "../../support/emulator.ts"
import { atTerminal } from "../../support/terminal.ts"
import type { Model } from "./support.ts"
import { asked, done, golden, modelOf, open, picture, placeOf, setUp } from "./support.ts"

setUp()

const place = placeOf({ "README.md": "# Shop\n\nWe sell tea.\n", "shot.png": Buffer.from("iVBORw0KGgo=", "base64") })

atTerminal("the screen from day to day", () => {
  let model: Model
  beforeAll(async () => {
    model = await modelOf()
  })
  afterAll(() => model.close())

  it("plans first, changes nothing, and works once the plan is approved", async () => {
    const screen = open(["--session", "plan", ...model.args], place)
    await screen.until("session plan")
    screen.press("shiftTab")
    await screen.until("plan ·")
    screen.type("sell cups\r")
    const turn = await model.turn()
    turn.call("call-1", "write_file", { path: "cups.md", content: "cups\n" })
    turn.end()
    const next = await model.turn()
    assert.include(JSON.stringify(next.body.messages.at(-1)), "plan")
    next.call("call-2", "present_plan", { plan: "1. Write **cups.md**\n2. Tell the shop" })
    next.end()
    await screen.until("Carry out this plan?")
    await screen.until("y yes")
    await picture(screen, "plan")
    screen.type("y")
    const last = await model.turn()
    last.call("call-3", "write_file", { path: "cups.md", content: "cups\n" })
    last.end()
    await asked(screen, "write_file")
    screen.type("c")
    const end = await model.turn()
    end.write("Done.")
    end.end()
    await done(screen, "Done.")
    assert.strictEqual(readFileSync(join(place.cwd, "cups.md"), "utf8"), "cups\n")
    await golden(screen, "planned")
    // Node alone would abort here.
    screen.hangUp()
    assert.deepStrictEqual(await screen.ended, { code: 0, signal: 1 })
  })

  it("loses nothing when it is killed, and goes on", async () => {
    const killed = open(["--session", "plan", ...model.args], place)
    // Typed ahead: the terminal is not yet as the screen wants it.
    killed.type("a long story\r")
    await killed.until("Done.")
    const turn = await model.turn()
    turn.write("Once upon a time")
    await killed.until("upon a time")
    killed.kill("SIGKILL")
    await killed.ended

    const screen = open(["--continue", ...model.args], place)
    await screen.until("a long story")
    await golden(screen, "resumed")
    screen.type("go on\r")
    const next = await model.turn()
    assert.include(JSON.stringify(next.body.messages), "a long story")
    next.write("there was a shop.")
    next.end()
    await done(screen, "there was a shop.")

    screen.type("/new\r")
    await screen.until((text) => !text.includes("session plan"))
    screen.type("/sessions\r")
    await screen.until("sell cups")
    await golden(screen, "sessions")
    screen.type("cups")
    screen.press("enter")
    await screen.until("session plan")
    await screen.until("there was a shop")

    screen.paste(join(place.cwd, "shot.png"))
    await screen.until("shot.png")
    await golden(screen, "picture")
    screen.press("ctrlU")
    await screen.gone("shot.png")
    screen.type("?")
    await screen.until("a new line")
    await golden(screen, "keys")
    screen.press("escape")
    await screen.gone("a new line")
    screen.press("ctrlD")
    assert.deepStrictEqual(await screen.ended, { code: 0, signal: undefined })
    assert.deepStrictEqual(screen.emulator.modes(), Emulator.untouched)
  })
})
