import { existsSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Trust from "axonal/cli/config/trust"
import { trusting } from "axonal/cli/mcp/use"
import * as Effect from "effect/Effect"
import { parse } from "../../src/cli/mcp/args.ts"
import type { Running, Setting } from "./support.ts"
import { endless, folderOf, run, serve, setUp, start } from "./support.ts"

setUp()

const hello = {
  jsonrpc: "2.0",
  id: 0,
  method: "initialize",
  params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "test", version: "1" } }
}
const call = (id: number, name: string, input: object) => ({
  jsonrpc: "2.0",
  id,
  method: "tools/call",
  params: { name, arguments: input }
})
const send = ({ child }: Running, ...messages: ReadonlyArray<object>) =>
  child.stdin.write(messages.map((message) => `${JSON.stringify(message)}\n`).join(""))

const files = { "notes.txt": "one\ntwo\n", "guide.md": "---\nname: guide\n---\nSay where." }
const serving = (args: ReadonlyArray<string>, setting: Partial<Setting> = {}): Running =>
  start(["mcp", "serve", ...args], { cwd: folderOf(files), stdin: null, ...setting })

describe("axonal mcp serve", () => {
  it("tools of the folder are served, and nothing else is written", async () => {
    const server = serving(["--tools", "read_file,list_files"])
    send(server, hello, { jsonrpc: "2.0", id: 1, method: "tools/list" }, call(2, "read_file", { path: "notes.txt" }))
    await server.until('"id":2')
    server.child.stdin.end()
    const { code, stderr, stdout } = await server.ended
    assert.deepStrictEqual([code, stderr], [0, ""])
    const lines = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line))
    assert.deepStrictEqual(lines.map(({ id }) => id).sort(), [0, 1, 2])
    const { result } = lines.find(({ id }) => id === 1)
    assert.deepStrictEqual(
      result.tools.map(({ name }: { name: string }) => name),
      ["read_file", "list_files"]
    )
    assert.include(JSON.stringify(lines), "two")
  })

  it("a team answers, and a client that dies ends its run and the server", async () => {
    let [asked, gone] = [(): void => {}, (): void => {}]
    const isAsked = new Promise<void>((resolve) => {
      asked = resolve
    })
    const left = new Promise<void>((resolve) => {
      gone = resolve
    })
    const model = await serve((response) => {
      endless("Room ")(response)
      response.once("close", () => gone())
      asked()
    })
    const server = serving(["--team", "guide.md", "--base-url", model.baseUrl, "--model", "m", "--no-save"], {
      env: { OPENAI_API_KEY: "key" }
    })
    send(server, hello, call(1, "guide", { input: "Where is Vermeer?" }))
    await isAsked
    server.child.stdin.destroy()
    server.child.stdout.destroy()
    const { code } = await server.ended
    assert.strictEqual(code, 0)
    await left
    model.close()
  })

  it("SIGTERM ends it with 143", async () => {
    const server = serving([])
    send(server, hello)
    await server.until('"id":0')
    server.child.kill("SIGTERM")
    assert.strictEqual((await server.ended).code, 143)
  })

  it("over HTTP a token is wanted that was set", async () => {
    const server = serving(["--http", "0"], { env: { AXONAL_MCP_TOKEN: "secret" } })
    let seen = ""
    server.child.stderr.on("data", (chunk: string) => {
      seen += chunk
    })
    await server.until("/mcp\n")
    const ask = (headers: Record<string, string>) =>
      fetch(/http:\S+/.exec(seen)?.[0] ?? "", {
        method: "POST",
        headers: { accept: "application/json, text/event-stream", "content-type": "application/json", ...headers },
        body: JSON.stringify(hello)
      })
    assert.strictEqual((await ask({})).status, 401)
    assert.strictEqual((await ask({ authorization: "Bearer secret" })).status, 200)
    server.child.kill("SIGTERM")
    const { code, stdout } = await server.ended
    assert.deepStrictEqual([code, stdout], [143, ""])
  })

  it("others are not served without a token", async () => {
    const [none, wrong] = await Promise.all(
      [{}, { AXONAL_MCP_TOKEN: "two words" }].map((env) => serving(["--http", "0.0.0.0:0"], { env }).ended)
    )
    assert.deepStrictEqual([none?.code, none?.stdout, wrong?.code, wrong?.stdout], [2, "", 2, ""])
    assert.include(none?.stderr, "set AXONAL_MCP_TOKEN to what they have to bring. Try axonal mcp --help.")
    assert.include(wrong?.stderr, "AXONAL_MCP_TOKEN has characters that no client can send as a token.")
  })

  it("what cannot be meant is told", () => {
    const cases: ReadonlyArray<readonly [string, string]> = [
      ["", "axonal mcp needs to know what: serve, list, login or logout"],
      ["sevre", "there is no axonal mcp sevre, did you mean serve?"],
      ["serve now", 'axonal mcp serve does not take "now"'],
      ["serve --http x", '--http is a port or HOST:PORT, not "x"'],
      ["serve --http 65536", '--http is a port or HOST:PORT, not "65536"'],
      ["serve --agent a", "--agent is about agents: it needs --team"],
      ["serve --team t --sessions one", '--sessions is fresh, connection or named, not "one"'],
      ["serve --tols read", "unknown flag --tols, did you mean --tools?"],
      ["login", "axonal mcp login needs the name of a server"],
      ["login a --port p", '--port is a number up to 65535, not "p"']
    ]
    for (const [args, message] of cases) {
      assert.deepStrictEqual(parse(args.split(" ").filter((arg) => arg !== "")), { _tag: "Invalid", message })
    }
    const http = (given: string) => {
      const parsed = parse(["serve", "--http", given])
      return parsed._tag === "Asked" && parsed.options.action === "serve" ? parsed.options.http : undefined
    }
    assert.deepStrictEqual(http("[::1]:80"), { host: "::1", port: 80 })
    assert.deepStrictEqual(http("example.org:80"), { host: "example.org", port: 80 })
  })
})

describe("axonal mcp list", () => {
  it.effect("servers of a project are used where flags, settings or axonal trust say so", () =>
    Effect.gen(function* () {
      const folder = folderOf({ ".git/HEAD": "", "mcp.json": "{}", "deep/a.txt": "" })
      const home = folderOf({ "axonal/config.toml": '[mcp]\ntrust = ["a"]\n' })
      const environment = { XDG_CONFIG_HOME: folderOf(), XDG_DATA_HOME: home }
      const trusted = (flags: ReadonlyArray<string>, more: { readonly [name: string]: string } = {}) =>
        trusting(flags, { ...environment, ...more }, join(folder, "deep"))
      assert.deepStrictEqual(yield* trusted(["b"]), { project: folder, trust: ["b"] })
      assert.deepStrictEqual((yield* trusted(["b"], { XDG_CONFIG_HOME: home })).trust, ["a", "b"])
      Trust.change(environment, folder, true)
      assert.deepStrictEqual((yield* trusted([])).trust, "all")
    })
  )

  it("servers are shown with their tools, those of the project only when they are trusted", async () => {
    let command: ReadonlyArray<string> = []
    const cwd = folderOf({ "notes.txt": "one" })
    const through = (whole: ReadonlyArray<string>): ReadonlyArray<string> => {
      command = whole
      return whole
    }
    await run(["mcp", "--help"], { cwd, through })
    const [file, ...args] = command.slice(0, -1)
    const config = folderOf({
      "axonal/mcp.json": JSON.stringify({ mcpServers: { files: { command: file, args: [...args, "serve"] } } })
    })
    const project = folderOf({
      "mcp.json": JSON.stringify({ servers: { other: { command: "touch", args: ["here"] } } })
    })
    const { code, stdout } = await run(["mcp", "list"], { cwd: project, env: { XDG_CONFIG_HOME: config } })
    assert.strictEqual(code, 0)
    assert.include(stdout, "files  connected  5 tools: read_file list_files find_files search_files calculate\n")
    assert.match(stdout, /^other {2}untrusted {2}/m)
    assert.isFalse(existsSync(`${project}/here`))
  })
})
