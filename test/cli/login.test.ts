import { chmodSync, existsSync, statSync } from "node:fs"
import { createServer } from "node:http"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { explain } from "axonal/cli/errors"
import * as Login from "axonal/cli/login"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Authorization from "../support/authorizationServer.ts"
import * as Subscription from "../support/subscription.ts"
import type { Ended } from "./support.ts"
import { folderOf, run, setUp, start } from "./support.ts"

setUp()

/** A folder with what opens a browser on this platform, which goes where it is sent, and an environment that uses it. */
const withBrowser = (cwd: string) => {
  const script = `#!${process.execPath}\nfetch(process.argv[2]).then((response) => response.text())\n`
  const folder = folderOf({ open: script, "xdg-open": script })
  for (const name of ["open", "xdg-open"]) chmodSync(join(folder, name), 0o755)
  return { cwd, env: { PATH: `${folder}:${process.env["PATH"]}`, DISPLAY: ":0" } }
}

/** Secrets that were printed. The address that is shown holds the state. */
const printed = (authorization: Authorization.Authorization, ends: ReadonlyArray<Ended>): ReadonlyArray<string> => {
  const text = ends.map(({ stderr, stdout }) => stdout + stderr).join()
  const shown = new Set([...text.matchAll(/[?&]state=([^&\s]+)/g)].map(([, state]) => state))
  return [...authorization.secrets].filter((secret) => !shown.has(secret) && text.includes(secret))
}

const addressIn = (text: string): string => /https?:\S+authorize\S+/.exec(text)?.[0] ?? "no address"

/** Starts a login and waits for its address. */
const begin = async (args: ReadonlyArray<string>, cwd: string) => {
  const running = start(["login", "codex", ...args], { cwd, stdin: null })
  let text = ""
  running.child.stderr.on("data", (data: string) => {
    text += data
  })
  await running.until("originator=axonal")
  return { running, url: addressIn(text) }
}

const withServers = (use: (authorization: Authorization.Authorization) => Promise<void>) =>
  Effect.runPromise(
    Effect.scoped(Effect.flatMap(Authorization.make, (authorization) => Effect.promise(() => use(authorization))))
  )

describe("axonal login", () => {
  it("logs in with the browser, is used by a run, and is forgotten", () =>
    withServers(async (authorization) => {
      const cwd = folderOf()
      const tokens = join(cwd, ".config", "axonal", "codex.json")
      const flags = ["--issuer", authorization.issuer, "--port", "0"]
      const first = await run(["login"], { cwd })
      assert.deepStrictEqual([first.code, first.stdout], [0, "codex  a ChatGPT subscription, not logged in\n"])

      const login = await run(["login", "codex", ...flags], withBrowser(cwd))
      const who = "logged in as ada@example.com (plan plus)"
      assert.deepStrictEqual([login.code, login.stdout], [0, `Codex: ${who}. The tokens are in ${tokens}.\n`])
      assert.strictEqual(statSync(tokens).mode & 0o777, 0o600)
      const listed = await run(["login"], { cwd })
      assert.strictEqual(listed.stdout, `codex  a ChatGPT subscription, ${who}\n`)

      authorization.behaviour.answers.push(Subscription.says("Hello there."))
      const args = ["hi", "--no-save", "--model", "codex:gpt-5.3-codex", "--base-url", authorization.baseUrl]
      const answered = await run(args, { cwd })
      assert.deepStrictEqual([answered.code, answered.stdout], [0, "Hello there.\n"])

      const removed = [
        await run(["login", "codex", "--remove"], { cwd }),
        await run(["login", "codex", "--remove"], { cwd })
      ]
      assert.deepStrictEqual(
        removed.map(({ stdout }) => stdout),
        ["Logged out.\n", "Nobody was logged in.\n"]
      )
      assert.isFalse(existsSync(tokens))
      const none = await run(args, { cwd })
      assert.deepStrictEqual([none.code, none.stderr.includes("Run axonal login codex.")], [1, true])

      assert.deepStrictEqual(authorization.violations, [])
      assert.deepStrictEqual(printed(authorization, [first, login, listed, answered, none]), [])
    }))

  it("a person can log in elsewhere and paste the address", () =>
    withServers(async (authorization) => {
      const cwd = folderOf()
      const tokens = join(cwd, "tokens.json")
      const flags = ["--no-browser", "--issuer", authorization.issuer, "--tokens", tokens]
      const { running, url } = await begin(flags, cwd)
      assert.strictEqual(new URL(url).searchParams.get("redirect_uri"), "http://localhost:1455/auth/callback")
      running.child.stdin.write("no idea\n")
      await running.until("This is neither an address nor a code.")
      running.child.stdin.write(`${await Authorization.visit(url)}\n`)
      const ended = await running.ended
      assert.deepStrictEqual([ended.code, existsSync(tokens)], [0, true])
      assert.deepStrictEqual(authorization.violations, [])
      assert.deepStrictEqual(printed(authorization, [ended]), [])
    }))

  it("a person who pastes nothing is not logged in", () =>
    withServers(async (authorization) => {
      const args = ["login", "codex", "--no-browser", "--issuer", authorization.issuer]
      const { code, stderr } = await run(args, { cwd: folderOf() })
      assert.strictEqual(code, 1)
      assert.include(stderr, "axonal: nothing was pasted, so nobody is logged in.\n")
    }))

  it("a person who declines is told so", () =>
    withServers(async (authorization) => {
      authorization.behaviour.person = "denies"
      const flags = ["--issuer", authorization.issuer, "--port", "0"]
      const { code, stderr } = await run(["login", "codex", ...flags], withBrowser(folderOf()))
      assert.strictEqual(code, 1)
      assert.include(stderr, "axonal: The login was denied: access_denied: The person <b>declined</b>\n")
    }))

  it("Ctrl-C ends the wait, and nothing is kept", () =>
    withServers(async (authorization) => {
      const cwd = folderOf()
      // Without a screen no browser is opened.
      const { running, url } = await begin(["--issuer", authorization.issuer, "--port", "0"], cwd)
      const { port } = new URL(new URL(url).searchParams.get("redirect_uri") ?? "")
      assert.strictEqual((await fetch(`http://127.0.0.1:${port}/`)).status, 404)
      running.child.kill("SIGINT")
      const { code } = await running.ended
      assert.deepStrictEqual([code, existsSync(join(cwd, ".config", "axonal", "codex.json"))], [130, false])
      assert.isTrue(
        await fetch(`http://127.0.0.1:${port}/`).then(
          () => false,
          () => true
        )
      )
    }))

  it("a port that is taken is told, with what to do", async () => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    const address = server.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    const { code, stderr } = await run(["login", "codex", "--port", String(port)], { cwd: folderOf() })
    server.close()
    const message =
      `axonal: something else listens on port ${port} of this machine. ` +
      "End it, or use axonal login codex --no-browser.\n"
    assert.deepStrictEqual([code, stderr], [1, message])
  })

  it.each([
    [["claude"], 'there is no login for "claude", only for codex'],
    [["codex", "now"], 'login takes one name, not "codex now"'],
    [["codex", "--port", "http"], '--port is a number up to 65535, not "http"'],
    [["codex", "--fast"], "Unknown option '--fast'"],
    [["codex", "--issuer", "http://example.com"], "Expected issuer to be an https URL"],
    [["codex", "--tokens", " "], "Expected tokens to be a text that is not blank"]
  ])("%j is a mistake", (args, message) =>
    Effect.runPromise(
      Effect.map(Effect.exit(Login.run(args, {})), (exit) => {
        const { code, text } = explain(Exit.isFailure(exit) ? exit.cause : Cause.empty, { debug: false })
        assert.deepStrictEqual([code, text], [2, `${message}. Try axonal --help.`])
      })
    )
  )
})
