/**
 * `axonal login`: logs in to a vendor whose models come with a subscription, or shows who is logged in. The person agrees
 * in a browser; what comes back is caught here or pasted by hand.
 */
import { spawn } from "node:child_process"
import { createServer } from "node:http"
import { createInterface } from "node:readline"
import { parseArgs } from "node:util"
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as ConfigError from "effect/ConfigError"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Codex from "../transport/Codex.ts"
import type { Environment } from "./environment.ts"
import { SetupError, UsageError } from "./errors.ts"

/**
 * Runs the command. Fails when nobody has logged in at the end.
 *
 * @category constructors
 * @since 0.1.0
 */
export const run = (
  args: ReadonlyArray<string>,
  environment: Environment
): Effect.Effect<void, UsageError | SetupError | Codex.LoginError> => {
  const given = Object.entries(environment).flatMap(
    ([name, value]): ReadonlyArray<readonly [string, string]> => (value === undefined ? [] : [[name, value]])
  )
  return Effect.flatMap(parse(args), (options) => {
    if (options.vendor === undefined) return list(options)
    return options.remove ? remove(options) : logIn(options, environment)
  }).pipe(
    Effect.catchIf(ConfigError.isConfigError, (error) =>
      Effect.fail(new UsageError({ message: reasonOf("message" in error ? String(error.message) : String(error)) }))
    ),
    Effect.withConfigProvider(ConfigProvider.fromMap(new Map(given))),
    Effect.provide(Layer.merge(NodeFileSystem.layer, NodeHttpClient.layer))
  )
}

// internal

interface Options {
  readonly vendor: "codex" | undefined
  readonly browser: boolean
  readonly remove: boolean
  readonly tokens: string | undefined
  readonly issuer: string | undefined
  readonly port: number | undefined
}

const flags = {
  "no-browser": { type: "boolean" },
  remove: { type: "boolean" },
  tokens: { type: "string" },
  issuer: { type: "string" },
  port: { type: "string" }
} as const

const parse = (args: ReadonlyArray<string>): Effect.Effect<Options, UsageError> =>
  Effect.try({
    try: () => {
      const { positionals, values } = parseArgs({
        args: [...args],
        options: flags,
        allowPositionals: true,
        strict: true
      })
      const [vendor, ...more] = positionals
      if (vendor !== undefined && vendor !== "codex")
        throw new Error(`there is no login for "${vendor}", only for codex`)
      if (more.length > 0) throw new Error(`login takes one name, not "${positionals.join(" ")}"`)
      const { port } = values
      if (port !== undefined && !(/^\d{1,5}$/.test(port) && Number(port) < 65_536)) {
        throw new Error(`--port is a number up to 65535, not "${port}"`)
      }
      return {
        vendor,
        browser: values["no-browser"] !== true,
        remove: values.remove === true,
        tokens: values.tokens,
        issuer: values.issuer,
        port: port === undefined ? undefined : Number(port)
      }
    },
    // Node's messages are sentences with an explanation after the first.
    catch: (error) => new UsageError({ message: reasonOf(error instanceof Error ? error.message : String(error)) })
  })

const reasonOf = (message: string): string => (message.split(/\.(?: |$)/)[0] ?? message).trim()

/** What can be logged in to, and who is. */
const list = (options: Options) =>
  Effect.flatMap(Effect.option(Codex.account(options)), (account) =>
    print(`codex  a ChatGPT subscription, ${Option.match(account, { onNone: () => "not logged in", onSome: nameOf })}`)
  )

const nameOf = ({ accountId, email, plan }: Codex.Account): string =>
  `logged in as ${email ?? accountId}${plan === undefined ? "" : ` (plan ${plan})`}`

type LoggedIn<R> = Effect.Effect<Codex.Account, Codex.LoginError | ConfigError.ConfigError | SetupError, R>

const remove = (options: Options) =>
  Effect.flatMap(Codex.logout(options), (there) => print(there ? "Logged out." : "Nobody was logged in."))

const logIn = (options: Options, environment: Environment) =>
  Effect.flatMap(options.browser ? withBrowser(options, environment) : byHand(options), (account) =>
    print(`Codex: ${nameOf(account)}. The tokens are in ${account.tokens}.`)
  )

/** On the first port that is free among those the vendor sends people back to. */
const withBrowser = (options: Options, environment: Environment) => {
  const paste = process.stdin.isTTY === true ? Effect.map(lines, ({ paste }) => paste) : Effect.succeed(undefined)
  const show = (url: string) =>
    Effect.zipRight(
      note(`Log in with your browser. If none opens, visit this address:\n\n  ${url}\n\n`),
      openBrowser(url, environment)
    )
  const on = (port: number) => {
    const server = createServer()
    return Effect.flatMap(paste, (paste) => Codex.login({ ...options, show, paste })).pipe(
      // Browsers keep connections open on which they ask for nothing.
      Effect.ensuring(Effect.sync(() => server.closeAllConnections())),
      Effect.provide(NodeHttpServer.layerServer(() => server, { port, host: "127.0.0.1" })),
      Effect.scoped
    )
  }
  const ports = options.port === undefined ? Codex.ports : [options.port]
  const taken = new SetupError({
    message:
      `something else listens on port ${ports.join(" and ")} of this machine. ` +
      "End it, or use axonal login codex --no-browser."
  })
  const onFirst = ([port, ...others]: ReadonlyArray<number>): LoggedIn<
    HttpClient.HttpClient | FileSystem.FileSystem
  > => (port === undefined ? Effect.fail(taken) : Effect.catchTag(on(port), "ServeError", () => onFirst(others)))
  return onFirst(ports)
}

const byHand = (options: Options) =>
  Effect.scoped(
    Effect.flatMap(lines, ({ ended, paste }) =>
      Effect.raceFirst(
        Codex.loginByHand({
          ...options,
          paste,
          show: (url) =>
            note(
              `Visit this address in any browser and log in:\n\n  ${url}\n\n` +
                "You are then sent to a page of localhost that cannot be shown. Copy its address.\n"
            )
        }),
        Effect.zipRight(ended, Effect.fail(new SetupError({ message: "nothing was pasted, so nobody is logged in." })))
      )
    )
  )

/** The lines of standard input. Without readline's own terminal, so that Ctrl-C stays a signal. */
const lines = Effect.gen(function* () {
  const typed = yield* Queue.unbounded<string>()
  const end = yield* Queue.unbounded<void>()
  yield* Effect.acquireRelease(
    Effect.sync(() => {
      const reader = createInterface({ input: process.stdin, terminal: false })
      reader.on("line", (line) => Queue.unsafeOffer(typed, line))
      reader.on("close", () => Queue.unsafeOffer(end, undefined))
      return reader
    }),
    (reader) =>
      Effect.sync(() => {
        reader.close()
        process.stdin.unref()
      })
  )
  const paste = (problem: string | undefined) =>
    Effect.zipRight(
      note(`${problem === undefined ? "" : `${problem} `}Paste the address you were sent back to: `),
      Queue.take(typed)
    )
  return { paste, ended: Queue.take(end) }
})

/** As well as it goes: the address stands in the terminal, too. */
export const openBrowser = (url: string, environment: Environment): Effect.Effect<void> =>
  Effect.sync(() => {
    const { platform } = process
    const hasScreen = ["BROWSER", "DISPLAY", "WAYLAND_DISPLAY"].some((name) => environment[name])
    // Over a remote shell the command would start a browser for text in this very terminal.
    if (platform !== "darwin" && platform !== "win32" && !hasScreen) return
    const [command, ...args] =
      platform === "darwin"
        ? ["open"]
        : platform === "win32"
          ? ["rundll32", "url.dll,FileProtocolHandler"]
          : ["xdg-open"]
    const child = spawn(command ?? "", [...args, url], { detached: true, stdio: "ignore" })
    child.on("error", () => {})
    child.unref()
  })

const print = (text: string) => Effect.sync(() => process.stdout.write(`${text}\n`))

const note = (text: string) => Effect.sync(() => process.stderr.write(text))
