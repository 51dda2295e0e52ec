import type { Terminal } from "@earendil-works/pi-tui"
import { assert, describe, it } from "@effect/vitest"
import * as App from "axonal/cli/screen/app"
import type { Host } from "axonal/cli/screen/host"
import * as ScreenTerminal from "axonal/cli/screen/terminal"
import * as Theme from "axonal/cli/screen/theme"
import * as Transcript from "axonal/cli/screen/transcript/transcript"
import { CallId, RunId, SessionId } from "axonal/domain/Ids"
import * as Usage from "axonal/domain/Usage"
import * as Emulator from "../../support/emulator.ts"

/** A screen in an emulator, with hands to type and eyes to see. */
const open = (options: { readonly columns?: number; readonly rows?: number; readonly color?: boolean } = {}) => {
  let size = { columns: options.columns ?? 60, rows: options.rows ?? 16 }
  const emulator = Emulator.make(size.columns, size.rows, () => {})
  const waiting = new Set<() => void>()
  const written: Array<string> = []
  let type: (data: string) => void = () => {}
  let resized = (): void => {}
  let now = 1000
  const write = (data: string): void => {
    written.push(data)
    void emulator.write(data).then(() => {
      for (const look of waiting) look()
    })
  }
  const terminal: Terminal = {
    start: (onInput, onResize) => {
      type = onInput
      resized = onResize
    },
    ...{ stop: () => {}, drainInput: async () => {}, write, kittyProtocolActive: false },
    get columns() {
      return size.columns
    },
    get rows() {
      return size.rows
    },
    moveBy: (lines) => write(lines > 0 ? `\u001b[${lines}B` : lines < 0 ? `\u001b[${-lines}A` : ""),
    hideCursor: () => write("\u001b[?25l"),
    showCursor: () => write("\u001b[?25h"),
    clearLine: () => write("\u001b[K"),
    clearFromCursor: () => write("\u001b[J"),
    clearScreen: () => write("\u001b[2J\u001b[H"),
    setTitle: () => {},
    setProgress: () => {}
  }
  const told: Array<string> = []
  const app = App.make({
    terminal: ScreenTerminal.make("test", terminal),
    theme: Theme.make({ color: options.color ?? false }),
    folder: "~/project",
    transcript: Transcript.make,
    now: () => now,
    suspend: () => told.push("suspend"),
    exit: () => told.push("exit")
  })
  const host = (besides: Partial<Host> = {}): Host => ({
    status: () => ({
      ...{ model: "m", vendor: "v", session: SessionId.make("s1"), permission: "ask", usage: Usage.zero, waiting: [] }
    }),
    isWorking: () => false,
    submit: (text, how) => told.push(`${how}: ${text}`),
    command: (line) => told.push(`command: ${line}`),
    stop: () => told.push("stop"),
    permission: () => told.push("permission"),
    decided: (id, decision) => told.push(`decided: ${id} ${JSON.stringify(decision)}`),
    answered: (id, answer) => told.push(`answered: ${id} ${JSON.stringify(answer)}`),
    history: () => ["an earlier thing"],
    remember: () => {},
    completions: async (line) =>
      ["/model", "/mcp"].filter((value) => value.startsWith(line)).map((value) => ({ value, label: value })),
    files: async () => ["src/a.ts", "README.md"],
    attach: (pasted) => (pasted.endsWith(".png") ? "[image shot.png]" : undefined),
    ...besides
  })
  const until = (wanted: string | ((screen: string) => boolean)): Promise<string> =>
    new Promise((resolve) => {
      const look = (): void => {
        const screen = emulator.screen()
        if (typeof wanted === "string" ? !screen.includes(wanted) : !wanted(screen)) return
        waiting.delete(look)
        resolve(screen)
      }
      waiting.add(look)
      look()
    })
  app.start()
  return {
    ...{ app, emulator, host, told, until, written },
    press: (...keys: ReadonlyArray<string>) => keys.forEach((key) => type(key)),
    resize: (columns: number, rows: number) => {
      size = { columns, rows }
      emulator.resize(columns, rows)
      resized()
    },
    wait: (millis: number) => {
      now += millis
      app.face.refresh()
    },
    close: () => {
      app.stop()
      emulator.dispose()
    }
  }
}

const question = {
  call: {
    ...{ id: CallId.make("c"), input: { command: "ls" }, agent: "axonal", turn: 1, identity: {} },
    ...{ run: RunId.make("r"), session: SessionId.make("s") },
    tool: { name: "shell", origin: "application" as const }
  },
  reason: "it runs a command"
}

describe("the screen", () => {
  it("is drawn before there is a conversation, and what is typed meanwhile is said then", async () => {
    const { app, close, host, press, told, until } = open()
    await until("starting…")
    press(..."hello", "\r")
    await until("starting…")
    assert.deepStrictEqual(told, [])
    assert.deepStrictEqual(app.unsent(), ["hello"])
    app.face.ready(host())
    await until("asks · m")
    assert.deepStrictEqual(told, ["steer: hello"])
    assert.deepStrictEqual(app.unsent(), [])
    close()
  })

  it("shows news, follows its end, and stays where it is read", async () => {
    const { app, close, host, press, until } = open({ rows: 12 })
    app.face.ready(host())
    const note = (text: string) => app.face.news({ _tag: "Note", text, kind: "info" })
    for (let at = 0; at < 50; at++) note(`note ${at}.`)
    await until("note 49.")
    press("\u001b[5~")
    const before = await until("more lines")
    note("note 50.")
    const [first = ""] = before.split("\n")
    const after = await until((screen) => screen !== before)
    assert.strictEqual(after.split("\n")[0], first)
    press("\u001b[1;5F")
    await until("note 50.")
    close()
  })

  it("asks about a call, and what was being written is there again after it", async () => {
    const { app, close, host, press, told, until, wait } = open()
    app.face.ready(host())
    press(..."dra")
    await until("dra")
    app.face.ask({ _tag: "Approval", id: 3, question, previews: [{ kind: "fields", fields: [["command", "ls"]] }] })
    await until("Allow shell?")
    press("f", "t")
    await until("draft")
    wait(1000)
    await until("y yes")
    press("n")
    await until("why not?")
    press(..."no thanks", "\r")
    await until((screen) => !screen.includes("Allow") && screen.includes("draft"))
    assert.deepStrictEqual(told, ['decided: 3 {"approved":false,"reason":"no thanks"}'])
    close()
  })

  it("completes commands and files, and names what was pasted", async () => {
    const { app, close, host, press, told, until } = open()
    app.face.ready(host())
    press("/", "m", "o")
    await until("→ /model")
    press("\r")
    press(..."see @rea")
    await until("→ README.md")
    press("\t")
    await until("see @README.md")
    press("\u001b[200~/tmp/shot.png\u001b[201~")
    await until("[image shot.png]")
    const lines = Array.from({ length: 30 }, (_, at) => `line ${at}`)
    press(`\u001b[200~${lines.join("\r")}\u001b[201~`)
    await until("[paste #1 +30 lines]")
    press("\r")
    assert.deepStrictEqual(told, ["steer: /model", `steer: see @README.md [image shot.png] ${lines.join("\n")}`])
    close()
  })

  it("offers choices, and earlier words", async () => {
    const { app, close, host, press, told, until } = open()
    app.face.ready(host())
    app.face.choose("model: m", "model", [
      { value: "a:one", label: "one" },
      { value: "b:two", label: "two" }
    ])
    await until("model: m")
    press("t", "w", "\r")
    await until((screen) => !screen.includes("model: m"))
    press("\u0012")
    await until("an earlier thing")
    press("\r")
    await until((screen) => screen.includes("an earlier thing") && !screen.includes("Earlier words"))
    assert.deepStrictEqual(told, ["command: /model b:two"])
    close()
  })

  it("fits windows of any size, also one row, and does not erase what was above", async () => {
    const { app, close, host, press, resize, until, written } = open()
    app.face.ready(host())
    press(..."日本語 👩‍👩‍👧 words")
    await until("words")
    for (const [columns, rows] of [
      [300, 50],
      [30, 8],
      [7, 2],
      [2, 1]
    ] as const) {
      const count = written.length
      resize(columns, rows)
      await until(() => written.slice(count).some((data) => data.includes("\u001b[2J")))
    }
    // Back and forth before anything is drawn.
    resize(10, 3)
    resize(60, 16)
    await until("asks · m")
    assert.isFalse(written.some((data) => data.includes("\u001b[3J")))
    close()
  })

  it("writes no colours where there are to be none", async () => {
    const { app, close, host, press, until, written } = open()
    app.face.ready(host({ isWorking: () => true }))
    app.face.news({ _tag: "Note", text: "a **note**", kind: "error" })
    press("/", "m")
    await until("→ /model")
    assert.notMatch(written.join(""), /\u001b\[(?!0?m)[\d;]+m/)
    close()
  })

  it("goes on when something cannot be drawn", async () => {
    const { app, close, host, until } = open()
    let isBroken = true
    app.face.ready(
      host({
        status: () => {
          if (isBroken) throw new Error("no status")
          return host().status()
        }
      })
    )
    await until("could not be drawn: no status")
    isBroken = false
    app.face.refresh()
    await until("asks · m")
    close()
  })

  it("leaves at Ctrl-C twice, and at once the third time", async () => {
    const { app, close, host, press, told, until } = open()
    app.face.ready(host())
    press(..."words", "\u0003")
    await until((screen) => screen.includes("Ctrl-C again leaves") && !screen.includes("words"))
    press("\u0003")
    await app.face.left
    press("\u0003")
    assert.deepStrictEqual(told, ["exit"])
    close()
  })
})
