import { spawnSync } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { answer, endless, folderOf, serve, setUp, start } from "./support.ts"

setUp()

/** `script` gives a program a terminal of its own; where it is missing, or another one, these tests are skipped. */
const hasScript = spawnSync("script", ["--version"], { encoding: "utf8" }).stdout?.includes("util-linux") ?? false

const inTerminal = (command: ReadonlyArray<string>): ReadonlyArray<string> => [
  "script",
  "--quiet",
  "--return",
  "--echo",
  "never",
  "--command",
  command.map((word) => `'${word}'`).join(" "),
  "/dev/null"
]

describe("axonal, in conversation", () => {
  it("lines are runs of one session, also when they come at once", async () => {
    const talk = start(["-i", "--offline"], {
      cwd: folderOf({ "a.txt": "1\n2\n" }),
      stdin: "1+1\n\nhow many lines has a.txt\nwhat did I ask?\n"
    })
    const { code, stderr, stdout } = await talk.ended
    assert.deepStrictEqual(
      [code, stdout],
      [0, "1+1 = 2\na.txt has 2 lines.\nEarlier in this conversation you asked:\n1. 1+1\n2. how many lines has a.txt\n"]
    )
    assert.match(stderr, /\nsession \w+, go on with: axonal --continue\n$/)
  })

  it("commands are not sent to the agent", async () => {
    const stdin = "/help\n/what\n1+1\n/new\nwhat did I ask?\n/quit\n2+2\n"
    const { stderr, stdout } = await start(["-i", "--offline", "--no-save"], { cwd: folderOf(), stdin }).ended
    assert.strictEqual(stdout, "1+1 = 2\nThis conversation has no earlier requests.\n")
    assert.include(stderr, "unknown command /what, try /help\n")
    assert.include(stderr, "Anything else is sent to the agent.")
  })

  it("a failed run leaves the conversation open", async () => {
    const server = await serve(
      (response) =>
        response.writeHead(400, { "content-type": "application/json" }).end('{"error":{"message":"no such thing"}}'),
      answer("Better.")
    )
    const env = { OPENAI_BASE_URL: server.baseUrl, AXONAL_MODEL: "m" }
    const { code, stderr, stdout } = await start(["-i"], { cwd: folderOf(), env, stdin: "one\ntwo\n" }).ended
    assert.deepStrictEqual([code, stdout], [0, "Better.\n"])
    assert.include(stderr, "no such thing")
    server.close()
  })

  it("Ctrl-C stops the run and the next line is answered", async () => {
    const server = await serve(endless("Half an"), answer("Done."))
    const env = { OPENAI_BASE_URL: server.baseUrl, AXONAL_MODEL: "m" }
    const talk = start(["-i"], { cwd: folderOf(), env, stdin: null })
    talk.child.stdin.write("tell me\n")
    await talk.until("Half an")
    talk.child.kill("SIGINT")
    await talk.until("stopped\n")
    talk.child.stdin.write("go on\n")
    await talk.until("Done.")
    talk.child.kill("SIGTERM")
    const { code, stdout } = await talk.ended
    assert.deepStrictEqual([code, stdout], [143, "Half an\nDone.\n"])
    assert.deepStrictEqual(
      server.requests[1]?.messages.slice(1).map(({ content }) => content),
      ["tell me", "Half an", "go on"]
    )
    server.close()
  })

  it.skipIf(!hasScript)("a question takes the terminal and gives it back", async () => {
    const cwd = folderOf()
    const args = ["--offline", "--no-save", "--tools", "all", "--no-color"]
    const talk = start(args, { cwd, env: { TERM: "dumb" }, stdin: null, through: inTerminal })
    await talk.until("› ")
    talk.child.stdin.write('write_file path="a.txt" content="one" and write_file path="b.txt" content="two"\r')
    await talk.until("Allow write_file? [y/N] ")
    talk.child.stdin.write("y\r")
    await talk.until("Allow write_file? [y/N] ", 2)
    talk.child.stdin.write("n not that\r")
    await talk.until("› ", 2)
    talk.child.stdin.write("6*7\r")
    await talk.until("6*7 = 42")
    await talk.until("› ", 3)
    talk.child.stdin.write("\u0004")
    const { code, stdout } = await talk.ended
    assert.deepStrictEqual([code, existsSync(`${cwd}/a.txt`), existsSync(`${cwd}/b.txt`)], [0, true, false])
    assert.include(stdout, "not that")
    // What was typed as an answer is no request.
    assert.notInclude(stdout, "I cannot answer “y”")
  })

  it.skipIf(!hasScript)("a pasted block is one request, and what is typed while it works joins", async () => {
    const server = await serve(endless("Half an"), answer("Done."))
    const env = { OPENAI_BASE_URL: server.baseUrl, AXONAL_MODEL: "m", TERM: "xterm" }
    const cwd = folderOf()
    const talk = start(["--plain"], { cwd, env, stdin: null, through: inTerminal })
    await talk.until("› ")
    talk.child.stdin.write("\u001b[200~one\ntwo\\\n\u001b[201~")
    await talk.until("… ")
    talk.child.stdin.write("\r")
    await talk.until("Half an")
    talk.child.stdin.write("/thinking high\rand this\r& then that\r")
    await talk.until("(waits until the answer is there) then that")
    talk.child.stdin.write("\u0003")
    await talk.until("stopped")
    // What did not come to be read is there with the next request.
    talk.child.stdin.write("go on\r")
    await talk.until("2 turns")
    await talk.until("› ", 3)
    talk.child.stdin.write("\u0003")
    const { code, stdout } = await talk.ended
    assert.strictEqual(code, 0)
    assert.include(stdout, "(joins) and this")
    assert.include(stdout, "thinking: high")
    assert.deepStrictEqual(server.requests[0]?.messages.at(-1)?.content, "one\ntwo\\")
    assert.match(JSON.stringify(server.requests[1]?.messages.at(-1)), /"go on".*"and this"/)
    assert.include(JSON.stringify(server.requests[2]?.messages.at(-1)), '"then that"')
    assert.include(readFileSync(`${cwd}/.data/axonal/history.jsonl`, "utf8"), JSON.stringify("one\ntwo\\"))
    server.close()
  })

  it.skipIf(!hasScript)("a terminal shows a prompt, takes Ctrl-C as a key, and leaves at the prompt", async () => {
    const server = await serve(endless("Half an"), answer("Done."))
    const env = { OPENAI_BASE_URL: server.baseUrl, AXONAL_MODEL: "m", TERM: "dumb" }
    const talk = start(["--plain"], { cwd: folderOf(), env, stdin: null, through: inTerminal })
    await talk.until("› ")
    talk.child.stdin.write("tell me\r")
    await talk.until("Half an")
    talk.child.stdin.write("\u0003")
    await talk.until("stopped")
    await talk.until("› ", 2)
    talk.child.stdin.write("go on\r")
    await talk.until("Done.")
    await talk.until("› ", 3)
    talk.child.stdin.write("\u0003")
    const { code } = await talk.ended
    assert.strictEqual(code, 0)
    server.close()
  })
})
