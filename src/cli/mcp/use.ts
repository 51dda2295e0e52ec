/**
 * `axonal mcp list`, `login` and `logout`: the servers of others that stand in files, how they are, and logging in to them.
 */
import { realpathSync } from "node:fs"
import { createServer } from "node:http"
import { createInterface } from "node:readline"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Mcp from "../../mcp/Mcp.ts"
import * as McpClient from "../../mcp/McpClient.ts"
import * as McpConfig from "../../mcp/McpConfig.ts"
import * as McpTokens from "../../mcp/McpTokens.ts"
import * as Files from "../config/files.ts"
import { load } from "../config/load.ts"
import type { Environment } from "../environment.ts"
import { isDebug } from "../environment.ts"
import { SetupError } from "../errors.ts"
import { jsonLine, oneLine, plural } from "../internal/words.ts"
import { quietly } from "../logging.ts"
import { openBrowser } from "../login.ts"
import type { Use } from "./args.ts"

/**
 * Does it with the servers of the files.
 *
 * @category constructors
 * @since 0.1.0
 */
export const use = (options: Use, environment: Environment) =>
  Effect.gen(function* () {
    const { project, trust } = yield* trusting(options.trust, environment, realpathSync(process.cwd()))
    const loaded = yield* McpConfig.read({ project, trust })
    for (const problem of loaded.problems) yield* note(`axonal: ${oneLine(McpConfig.describe(problem))}\n`)
    const work = Effect.flatMap(Mcp.Mcp, (mcp) => {
      switch (options.action) {
        case "list":
          return list(mcp, options.json)
        case "login":
          return logIn(mcp, options, environment)
        case "logout":
          return Effect.flatMap(mcp.logout(options.server), (there) =>
            print(there ? `Logged out of ${oneLine(options.server)}.\n` : "Nobody was logged in.\n")
          )
      }
    })
    // Only the one that is meant is started.
    const { servers, unused } = options.action === "list" ? loaded : only(loaded, options.server)
    const client = Layer.provide(McpClient.layer({ servers, unused }), McpTokens.layerFile())
    return yield* Effect.provide(work, client)
  }).pipe(
    Effect.provide(NodeContext.layer),
    Effect.withConfigProvider(ConfigProvider.fromMap(given(environment))),
    Effect.provide(quietly(isDebug(environment)))
  )

/**
 * The folder of the project, and which of its servers are used: those of the flags, of the settings, and all of them once
 * the project is trusted.
 *
 * @category constructors
 * @since 0.1.0
 */
export const trusting = (flags: Use["trust"], environment: Environment, folder: string) => {
  const found = Files.find(environment, folder)
  return Effect.map(load(found, environment), ({ isTrusted, settings }) => {
    const known = settings.mcp?.trust ?? (isTrusted ? "all" : [])
    const trust: Use["trust"] = flags === "all" || known === "all" ? "all" : [...known, ...flags]
    return { project: found.folder, trust }
  })
}

/**
 * Listens on this machine for the browser to come back from a login, until the scope closes. Port 0 is any that is free.
 *
 * @category constructors
 * @since 0.1.0
 */
export const caught = (port: number) =>
  Effect.acquireRelease(
    Effect.async<Answers & { readonly close: () => void }, SetupError>((resume) => {
      let heard: (url: string) => void = () => {}
      const first = new Promise<string>((resolve) => {
        heard = resolve
      })
      const node = createServer((request, response) => {
        const url = request.url ?? "/"
        const isBack = url.startsWith("/callback?")
        response.writeHead(isBack ? 200 : 404, { "content-type": "text/plain", connection: "close" })
        response.end(isBack ? "You may close this page and go back to the terminal." : "There is nothing here.")
        if (isBack) heard(new URL(url, "http://127.0.0.1").href)
      })
      node.once("error", (error) => {
        resume(new SetupError({ message: `cannot listen on port ${port} for the browser: ${error.message}` }))
      })
      node.listen(port, "127.0.0.1", () => {
        const address = node.address()
        const at = typeof address === "object" && address !== null ? address.port : port
        resume(
          Effect.succeed({
            redirectUrl: `http://127.0.0.1:${at}/callback`,
            answers: Effect.promise(() => first),
            close: () => {
              node.close()
              node.closeAllConnections()
            }
          })
        )
      })
    }),
    ({ close }) => Effect.sync(close)
  )

// internal

const print = (text: string): Effect.Effect<void> => Effect.sync(() => void process.stdout.write(text))
const note = (text: string): Effect.Effect<void> => Effect.sync(() => void process.stderr.write(text))

const given = (environment: Environment): Map<string, string> =>
  new Map(Object.entries(environment).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])))

const only = ({ servers, unused }: McpConfig.Loaded, server: string) => ({
  servers: Object.fromEntries(Object.entries(servers).filter(([name]) => name === server)),
  unused: unused.filter((one) => one.server === server)
})

const list = (mcp: Mcp.Service, json: boolean) =>
  Effect.gen(function* () {
    // Once each of them has been tried.
    yield* mcp.tools
    const all = yield* mcp.status
    if (json) return yield* print(all.map((status) => jsonLine(rowOf(status))).join(""))
    return yield* print(
      all.length === 0
        ? "There are no servers: write them to mcp.json. See axonal mcp --help.\n"
        : all.map(lineOf).join("")
    )
  })

const rowOf = ({ complaints, is, problem, server, title, tools, version }: Mcp.Status) => ({
  ...{ server, is, title, version, tools: tools.map(({ tool }) => tool), complaints },
  ...(problem === undefined ? undefined : { problem: problem.message })
})

const lineOf = ({ complaints, is, problem, server, tools }: Mcp.Status): string => {
  const names = tools.map(({ tool }) => oneLine(tool)).join(" ")
  const what = is === "connected" ? `${plural(tools.length, "tool")}${names === "" ? "" : `: ${names}`}` : ""
  const lines = [what, problem === undefined ? "" : oneLine(problem.message), ...complaints.map(oneLine)]
  const [first = "", ...rest] = lines.filter((line) => line !== "")
  return [`${oneLine(server)}  ${is}  ${first}`.trimEnd(), ...rest.map((line) => `  ${line}`), ""].join("\n")
}

type Login = Extract<Use, { readonly action: "login" }>

const logIn = (mcp: Mcp.Service, { browser, port, server }: Login, environment: Environment) =>
  Effect.gen(function* () {
    const { answers, redirectUrl } = browser ? yield* caught(port) : pasted
    const show = (url: string) =>
      Effect.zipRight(
        note(`Log in with your browser. If none opens, visit this address:\n\n  ${url}\n\n`),
        browser ? openBrowser(url, environment) : note("Then paste the address that you are sent to: ")
      )
    yield* mcp.login(server, { redirectUrl, show, answer: () => answers })
    yield* print(`Logged in to ${oneLine(server)}.\n`)
  }).pipe(Effect.scoped)

interface Answers {
  readonly redirectUrl: string
  readonly answers: Effect.Effect<string>
}

/** Nothing listens there: the address is what is wanted, not the page. */
const pasted: Answers = {
  redirectUrl: "http://127.0.0.1:33418/callback",
  answers: Effect.async((resume) => {
    const reader = createInterface({ input: process.stdin, terminal: false })
    reader.once("line", (line) => resume(Effect.succeed(line.trim())))
    reader.once("close", () => resume(Effect.interrupt))
    return Effect.sync(() => reader.close())
  })
}
