import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { afterAll, beforeAll } from "vitest"
import * as Emulator from "../../support/emulator.ts"
import { atTerminal } from "../../support/terminal.ts"
import type { Model } from "./support.ts"
import { asked, done, golden, modelOf, open, picture, placeOf, setUp } from "./support.ts"

setUp()

const readme = "# Shop\n\nWe sell tea.\n"
const place = placeOf({ "README.md": readme, "src/price.ts": "export const price = 3\n" })
const now = (): string => readFileSync(join(place.cwd, "README.md"), "utf8")

atTerminal("the first day at the screen", () => {
  let model: Model
  beforeAll(async () => {
    model = await modelOf()
  })
  afterAll(() => model.close())

  it("without a key it says what it is and what can be asked", async () => {
    const screen = open(["--session", "rules"], place)
    await screen.until("session rules")
    await picture(screen, "first")
    screen.type("help\r")
    await done(screen, "1 turn")
    await golden(screen, "help")
    screen.press("ctrlC")
    await screen.until("again")
    screen.press("ctrlC")
    assert.deepStrictEqual(await screen.ended, { code: 0, signal: undefined })
    assert.deepStrictEqual(screen.emulator.modes(), Emulator.untouched)
    assert.include(screen.emulator.normal(), "axonal --continue")
  })

  it("an edit shows its diff, is refused with a reason, approved, and taken back the next day", async () => {
    const screen = open(["--session", "tea", ...model.args], place)
    await screen.until("session tea")
    const edit = async (id: string, to: string): Promise<void> => {
      const turn = await model.turn()
      turn.call(id, "edit_file", { path: "README.md", edits: [{ old: "tea", new: to }] })
      turn.end()
      await asked(screen, "edit_file")
    }
    screen.type("sell something else\r")
    const first = await model.turn()
    first.call("call-0", "read_file", { path: "README.md" })
    first.end()
    await edit("call-1", "coffee")
    await screen.until("We sell coffee")
    await picture(screen, "approval")
    screen.type("n")
    await screen.until("why not?")
    screen.type("we sell cocoa\r")
    await edit("call-2", "cocoa")
    await golden(screen, "denied")
    assert.strictEqual(now(), readme)
    screen.type("y")
    const last = await model.turn()
    assert.include(JSON.stringify(last.body.messages), "we sell cocoa")
    last.write("Now it is cocoa.")
    last.end()
    await done(screen, "Now it is cocoa.")
    assert.strictEqual(now(), readme.replace("tea", "cocoa"))
    await golden(screen, "edited")
    screen.press("ctrlD")
    assert.strictEqual((await screen.ended).code, 0)

    const next = open(["--continue", ...model.args], place)
    await next.until("Now it is cocoa.")
    next.type("/undo\r")
    await next.until((text) => text.split("README.md").length > 3 && now() === readme)
    await picture(next, "undo")
    next.kill("SIGTERM")
    assert.strictEqual((await next.ended).code, 143)
    assert.deepStrictEqual(next.emulator.modes(), Emulator.untouched)
  })
})
