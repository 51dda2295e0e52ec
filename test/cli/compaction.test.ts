import type { ServerResponse } from "node:http"
import { assert, describe, it } from "@effect/vitest"
import type { Setting } from "./support.ts"
import { answer, endless, folderOf, refuse, run, serve, setUp, start } from "./support.ts"

setUp()

/** An answer that says how much the model has read: more than may stay of a window whose size is not known. */
const full = (content: string) => (response: ServerResponse) => {
  endless(content)(response)
  const usage = { prompt_tokens: 100_000, completion_tokens: 10, total_tokens: 100_010 }
  response.write(
    `data: ${JSON.stringify({ id: "r", model: "m", choices: [{ index: 0, delta: {}, finish_reason: "stop" }] })}\n\n`
  )
  response.end(`data: ${JSON.stringify({ id: "r", model: "m", choices: [], usage })}\n\ndata: [DONE]\n\n`)
}

const long = "tell me more about it ".repeat(30).trim()
const lines = [`one ${long}`, `two ${long}`, `three ${long}`, "four", "five"]
const settingOf = (baseUrl: string, stdin: string): Setting => ({
  ...{ cwd: folderOf(), env: { OPENAI_BASE_URL: baseUrl, AXONAL_MODEL: "m" }, stdin }
})

describe("axonal, in a conversation that grows too long", () => {
  it("AX-37 the beginning is summarised before the next turn, and shown", async () => {
    const server = await serve(
      answer("1."),
      answer("2."),
      answer("3."),
      full("4."),
      answer("They counted."),
      answer("5.")
    )
    const here = settingOf(server.baseUrl, `${lines.join("\n")}\n/context\n`)
    const { code, stderr, stdout } = await start(["-i", "-s", "plan"], here).ended
    assert.deepStrictEqual([code, stdout], [0, "1.\n2.\n3.\n4.\n5.\n"])
    assert.match(stderr, /… \d+ older messages summarised: 100,\d{3} → \d{2},\d{3} tokens\n/)
    assert.match(stderr, /\nsummary +\d+ +\d+\.\d %/)
    const [, summary] = server.requests.at(-1)?.messages ?? []
    assert.include(String(summary?.content), "They counted.")
    const { stdout: shown } = await run(["sessions", "show", "plan"], here)
    assert.include(shown, `user #1\n${lines[0]}\n`)
    assert.match(shown, /… \d+ older messages summarised: /)
    server.close()
  })

  it("no-compact leaves it as it is, until it is asked for", async () => {
    const server = await serve(
      answer("1."),
      answer("2."),
      answer("3."),
      full("4."),
      answer("5."),
      answer("They counted.")
    )
    const here = settingOf(server.baseUrl, `${lines.join("\n")}\n/context\n/compact\n`)
    const { stderr, stdout } = await start(["-i", "--no-compact"], here).ended
    assert.strictEqual(stdout, "1.\n2.\n3.\n4.\n5.\n")
    assert.include(stderr, "The beginning is not summarised by itself.\n")
    assert.match(stderr, /\n\d+ messages summarised: [\d,]+ → [\d,]+ tokens \(summary tokens unknown\)\n/)
    assert.lengthOf(server.requests, 6)
    server.close()
  })

  it("AX-36 a summary that fails is said, and the answer comes all the same", async () => {
    const no = refuse(400, { message: "not today" })
    const server = await serve(answer("1."), answer("2."), answer("3."), full("4."), no, answer("5."))
    const { code, stderr, stdout } = await start(["-i"], settingOf(server.baseUrl, `${lines.join("\n")}\n`)).ended
    assert.deepStrictEqual([code, stdout], [0, "1.\n2.\n3.\n4.\n5.\n"])
    assert.match(stderr, /… the conversation could not be summarised: .*not today/)
    server.close()
  })

  it("offline, a compaction is refused in plain words", async () => {
    const { stderr, stdout } = await start(["-i", "--offline", "--no-save"], {
      cwd: folderOf(),
      stdin: "1+1\n/compact\n/context\n"
    }).ended
    assert.strictEqual(stdout, "1+1 = 2\n")
    assert.include(
      stderr,
      "axonal: there is no model here that could summarise. Connect one (axonal --help says how), then /compact.\n"
    )
    assert.match(stderr, /\n[\d,]+ tokens, estimated; how many offline holds is not known\n/)
  })
})
