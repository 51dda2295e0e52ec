import { assert, describe, it } from "@effect/vitest"
import { told } from "../../src/toolbox/internal/commandResult.ts"
import { plainText } from "../../src/toolbox/internal/terminalText.ts"
import * as Unread from "../../src/toolbox/internal/unread.ts"

const exit = { reason: "exited", code: 0, cutBytes: 0, durationMillis: 1 } as const
// So long that anything but linear time is out of the time of a test.
const long = 600_000

describe("text of terminals", () => {
  it("of a line that was written over, the last is left", () => {
    const lines = ["a\rb", "a\rb\r\r", "\r\r", "\ra", "a\r\r\rb", "", "a"]
    assert.deepStrictEqual(lines.map(plainText), ["b", "b", "", "a", "b", "", "a"])
  })

  it("floods of returns, spaces and commands take linear time", () => {
    assert.strictEqual(plainText(`${"\r".repeat(long)}x`), "x")
    assert.strictEqual(told(`${" ".repeat(long)}x`, exit, {}).length, long + 1)
    const unread = Unread.make()
    unread.add({ from: "stdout", bytes: new TextEncoder().encode(`${"\n".repeat(long)}x`) })
    assert.match(unread.take(), /were not kept …\]\n+x$/)
    for (const flood of ["\u001b[", "\u001b]", "\u001bP", "\u001b[1;", "\u001b[ ", "\u001b "]) {
      assert.isAtMost(plainText(flood.repeat(long / 4)).length, long)
      assert.isAtMost(plainText(flood + "1 ".repeat(long)).length, long * 2 + 4)
    }
  })
})
