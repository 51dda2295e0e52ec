import { assert, describe, it } from "@effect/vitest"
import * as Emulator from "../../support/emulator.ts"
import * as Terminal from "../../support/terminal.ts"

const columnsOf = async (text: string): Promise<number> => {
  const emulator = Emulator.make(40, 2, () => {})
  await emulator.write(text)
  return emulator.cursor().column
}

describe("the emulator of tests", () => {
  it("counts columns as today's terminals do", async () => {
    const widths = { abc: 3, 漢字: 4, é: 1, "🙂": 2, "👩‍👩‍👧": 2, "👍🏽": 2, "🇩🇪🇫🇷": 4, "❤️": 2, 한글: 4, ｱ: 1, "→": 1 }
    for (const [text, width] of Object.entries(widths)) assert.strictEqual(await columnsOf(text), width, text)
  })

  it("knows colours and modes", async () => {
    const emulator = Emulator.make(20, 3, () => {})
    await emulator.write("\x1b[?1049h\x1b[?25l\x1b[?2004h\x1b[>1u\x1b[1;31ma\x1b[0m\x1b[44m漢\x1b[0m\x1b[38;2;1;2;3mz")
    assert.deepStrictEqual(emulator.cells(0), [
      { text: "a", column: 0, width: 1, color: 1, bold: true },
      { text: "漢", column: 1, width: 2, background: 4 },
      { text: "z", column: 3, width: 1, color: "#010203" }
    ])
    const modes = { alternate: true, cursor: false, paste: true, mouse: false, wraps: true, keys: 1 }
    assert.deepStrictEqual(emulator.modes(), modes)
    await emulator.write("\x1b[<u\x1b[?2004l\x1b[?25h\x1b[?1049lback")
    assert.deepStrictEqual([emulator.modes(), emulator.screen()], [Emulator.untouched, "back"])
  })
})

Terminal.cleanUp()
Terminal.atTerminal("a program at a terminal", () => {
  it("sees what is typed, its size, and how it ends", async () => {
    const script = `
      process.stdin.setRawMode(true)
      const tell = () => console.log(process.stdout.columns + "x" + process.stdout.rows)
      process.stdout.on("resize", tell)
      process.stdin.on("data", (data) => (data.includes("q") ? process.exit(3) : console.log(JSON.stringify(String(data)))))
      tell()`
    const terminal = Terminal.start({ line: [process.execPath, "-e", script], cwd: "/", env: {}, columns: 30, rows: 5 })
    await terminal.until("30x5")
    terminal.press("shiftTab")
    await terminal.until('"\\u001b[Z"')
    void terminal.resize(40, 6).catch(() => {})
    await terminal.until("40x6")
    const missing = terminal.until("never").then(
      () => "found",
      (error: Error) => error.message.split("\n")[0]
    )
    terminal.type("q")
    assert.deepStrictEqual(await terminal.ended, { code: 3, signal: undefined })
    assert.strictEqual(await missing, "The program ended without never:")
  })
})
