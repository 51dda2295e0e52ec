import { existsSync, statSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import type { Body, Setting } from "./support.ts"
import { answer, endless, folderOf, run, serve, setUp, start, text } from "./support.ts"

setUp()

const rolesOf = (body: Body | undefined) => body?.messages.map(({ role }) => role)
const textsOf = (body: Body | undefined) =>
  body?.messages
    .slice(1)
    .map(({ content, role }) => `${role}: ${typeof content === "string" ? content : JSON.stringify(content)}`)

describe("axonal sessions", () => {
  it("continue goes on with the latest session of the folder", async () => {
    const data = folderOf()
    const here: Setting = { cwd: folderOf(), data }
    await run(["--offline", "1+1"], here)
    await run(["--offline", "--session", "second", "2+2"], here)
    await run(["--offline", "3+3"], { cwd: folderOf(), data })
    const { code, stderr, stdout } = await run(["--offline", "--continue", "what did I ask before?"], here)
    assert.deepStrictEqual([code, stdout], [0, "Earlier in this conversation you asked:\n1. 2+2\n"])
    assert.match(stderr, /\nsession second\n$/)
  })

  it("a named session is found again from anywhere", async () => {
    const data = folderOf()
    await run(["--offline", "--session", "plan", "1+1"], { cwd: folderOf(), data })
    const { stdout } = await run(["--offline", "-s", "plan", "what did I say?"], { cwd: folderOf(), data })
    assert.strictEqual(stdout, "Earlier in this conversation you asked:\n1. 1+1\n")
  })

  it("nothing to continue is an error", async () => {
    const cwd = folderOf()
    const { code, stderr } = await run(["--offline", "--continue", "hi"], { cwd })
    assert.strictEqual(code, 2)
    assert.include(stderr, `axonal: there is no session in ${cwd} yet, so nothing to continue.`)
  })

  it("sessions lie in a folder that only the user may read, and files of the project are as they would be", async () => {
    const cwd = folderOf()
    const folder = join(cwd, "kept", "here")
    const words = 'create notes.txt with "hello" and run echo > made'
    const { code } = await run(["--offline", "--tools", "all", "--yolo", words, "--data-dir", folder], { cwd })
    assert.strictEqual(code, 0)
    const usual = 0o666 & ~process.umask()
    assert.deepStrictEqual(
      [folder, join(folder, "sessions.db"), join(cwd, "notes.txt"), join(cwd, "made")].map(
        (path) => statSync(path).mode & 0o777
      ),
      [0o700, 0o600, usual, usual]
    )
  })

  it("no-save writes nothing", async () => {
    const data = folderOf()
    await run(["--offline", "--no-save", "1+1"], { cwd: folderOf(), data })
    assert.isFalse(existsSync(join(data, "axonal")))
  })

  it("a file that is no database is named and left alone", async () => {
    const folder = folderOf({ "sessions.db": "this is a diary and not a database, ".repeat(20) })
    const { code, stderr } = await run(["--offline", "1+1", "--data-dir", folder], { cwd: folderOf() })
    assert.strictEqual(code, 1)
    const said = stderr.trimEnd().split("\n").at(-1) ?? ""
    assert.match(said, /^axonal: the sessions in \S+sessions\.db cannot be read: /)
    assert.match(said, /Move that file away, choose another folder with --data-dir, or add --no-save\.$/)
    assert.notInclude(stderr, "    at ")
    assert.strictEqual(statSync(join(folder, "sessions.db")).size, 36 * 20)
  })

  it("a data folder that cannot be made is an error", async () => {
    const cwd = folderOf({ file: "" })
    const { code, stderr } = await run(["--offline", "1+1", "--data-dir", join(cwd, "file", "below")], { cwd })
    assert.strictEqual(code, 1)
    assert.include(stderr, "for sessions cannot be made (ENOTDIR). Choose another with --data-dir, or add --no-save.")
  })

  it("a session in use by another process is busy, other sessions are not", async () => {
    const server = await serve(endless("Working"), answer("Done."))
    const setting: Setting = { cwd: folderOf(), env: { OPENAI_BASE_URL: server.baseUrl, AXONAL_MODEL: "m" } }
    const first = start(["--session", "shared", "begin"], setting)
    await first.until("Working")
    const [second, other] = await Promise.all([
      run(["--session", "shared", "me too"], setting),
      run(["--session", "mine", "me too"], setting)
    ])
    assert.deepStrictEqual([second.code, second.stdout, other.code, other.stdout], [1, "", 0, "Done.\n"])
    assert.include(second.stderr, "axonal: session shared is in use by another run.")
    first.child.kill("SIGINT")
    assert.strictEqual((await first.ended).code, 130)
    const again = await run(["--session", "shared", "again"], setting)
    assert.deepStrictEqual([again.code, again.stdout], [0, "Done.\n"])
    server.close()
  })

  it("two processes that start at once share a new database", async () => {
    const setting: Setting = { cwd: folderOf() }
    const ended = await Promise.all(["a", "b", "c"].map((id) => run(["--offline", "-s", id, "1+1"], setting)))
    assert.deepStrictEqual(
      ended.map(({ code, stdout }) => [code, stdout]),
      ended.map(() => [0, "1+1 = 2\n"])
    )
  })

  it("Ctrl-C stops the run and keeps the history whole", async () => {
    const server = await serve(endless("Half an"), answer("Done."))
    const setting: Setting = { cwd: folderOf(), env: { OPENAI_BASE_URL: server.baseUrl, AXONAL_MODEL: "m" } }
    const first = start(["tell me"], setting)
    await first.until("Half an")
    first.child.kill("SIGINT")
    const { code, stderr, stdout } = await first.ended
    assert.deepStrictEqual([code, stdout], [130, "Half an\n"])
    assert.match(stderr, /\naxonal: stopped\. Session \w+ is kept, go on with: axonal --continue\n$/)
    const next = await run(["--continue", "go on"], setting)
    assert.deepStrictEqual([next.code, next.stdout], [0, "Done.\n"])
    assert.deepStrictEqual(rolesOf(server.requests[1]), ["system", "user", "assistant", "user"])
    assert.deepStrictEqual(textsOf(server.requests[1]), ["user: tell me", "assistant: Half an", "user: go on"])
    server.close()
  })

  it("a termination signal stops the run as well", async () => {
    const server = await serve(endless("Half an"))
    const setting: Setting = { cwd: folderOf(), env: { OPENAI_BASE_URL: server.baseUrl, AXONAL_MODEL: "m" } }
    const first = start(["tell me", "--json"], setting)
    await first.until("Half an")
    first.child.kill("SIGTERM")
    const { code, stdout } = await first.ended
    const last: unknown = JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "")
    assert.deepInclude(last, { _tag: "RunEnd", reason: "stopped" })
    assert.strictEqual(code, 143)
    server.close()
  })

  it("a reader that leaves ends the run in silence", async () => {
    const words = await serve((response) => {
      endless("First")(response)
      const more = setInterval(() => response.write(text("more ")), 5)
      response.on("close", () => clearInterval(more))
    })
    const first = start(["tell me", "--no-save"], {
      cwd: folderOf(),
      env: { OPENAI_BASE_URL: words.baseUrl, AXONAL_MODEL: "m" }
    })
    await first.until("First")
    first.child.stdout.destroy()
    const { code, stderr } = await first.ended
    assert.strictEqual(code, 0)
    assert.notInclude(stderr, "EPIPE")
    assert.notInclude(stderr, "    at ")
    words.close()
  })
})
