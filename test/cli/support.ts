/**
 * Runs the real command line as a process of its own, bundled, in folders of its own. Tests wait for
 * what it prints and never for time to pass.
 */
import type { ChildProcessWithoutNullStreams } from "node:child_process"
import { spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs"
import type { IncomingMessage, ServerResponse } from "node:http"
import { createServer } from "node:http"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { afterAll, beforeAll } from "vitest"
import * as Processes from "../support/processes.ts"

const folders: Array<string> = []
let command: ReadonlyArray<string> = []
/** What needs most of the command line: an answer, and where it is kept. */
const example = ["--offline", "--session", "example", "1+1"]

/**
 * Bundles for the test file, and cleans up behind it. Call at the top of the file. All in one file, the command line
 * starts in half the time; `shipped`, it is made of modules as its users have it.
 */
export const setUp = (as: "one" | "shipped" = "one"): void => {
  beforeAll(async () => {
    command = as === "one" ? await Processes.program("src/cli/main.ts", example) : await Processes.shipped()
  })
  cleanUp()
}

/** Removes the folders of the test file behind it. */
export const cleanUp = (): void => {
  afterAll(() => {
    for (const folder of folders) rmSync(folder, { recursive: true, force: true })
  })
}

/** A fresh folder with these files. */
export const folderOf = (files: Readonly<Record<string, string | Uint8Array>> = {}): string => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "axonal-cli-")))
  folders.push(folder)
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), content)
  }
  return folder
}

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface Running {
  readonly child: ChildProcessWithoutNullStreams
  readonly ended: Promise<Ended>
  /** Resolves when standard output or error holds the text; rejects when the process ends without it. */
  readonly until: (text: string, count?: number) => Promise<void>
}

export interface Setting {
  readonly cwd: string
  /** Where sessions are kept: `XDG_DATA_HOME`. */
  readonly data?: string | undefined
  readonly env?: Readonly<Record<string, string>> | undefined
  /** Standard input, ended after it. Left open when `null`. */
  readonly stdin?: string | null | undefined
  /** Another program that gets the command line appended. */
  readonly through?: ((command: ReadonlyArray<string>) => ReadonlyArray<string>) | undefined
}

/** The whole of a command: Node, the command line, its arguments. */
export const lineOf = (args: ReadonlyArray<string>): ReadonlyArray<string> => [process.execPath, ...command, ...args]

/** An environment that is empty but for what the command line needs: no keys, no Ollama. */
export const environmentOf = (setting: Setting): Readonly<Record<string, string | undefined>> => ({
  PATH: process.env["PATH"],
  HOME: setting.data ?? setting.cwd,
  XDG_DATA_HOME: setting.data ?? join(setting.cwd, ".data"),
  OLLAMA_HOST: "127.0.0.1:1",
  ...setting.env
})

/** Starts the command line. */
export const start = (args: ReadonlyArray<string>, setting: Setting): Running => {
  const whole = lineOf(args)
  const [file = "", ...rest] = setting.through?.(whole) ?? whole
  const child = spawn(file, rest, {
    cwd: setting.cwd,
    env: environmentOf(setting)
  })
  const seen = { stdout: "", stderr: "" }
  const waiting = new Set<() => void>()
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (chunk: string) => {
      seen[name] += chunk
      for (const look of waiting) look()
    })
  }
  child.stdin.on("error", () => {})
  if (setting.stdin !== null) child.stdin.end(setting.stdin ?? "")
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once("error", reject)
    child.once("close", (code, signal) => resolve({ code, signal, ...seen }))
  })
  const until = (wanted: string, count = 1): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (`${seen.stdout}\0${seen.stderr}`.split(wanted).length <= count) return
        waiting.delete(look)
        resolve()
      }
      waiting.add(look)
      look()
      const tell = (how: string) => reject(new Error(`${how} without "${wanted}":\n${seen.stdout}\n${seen.stderr}`))
      ended.then(() => tell("ended"), tell)
    })
  return { child, ended, until }
}

/** Runs the command line to its end. */
export const run = (args: ReadonlyArray<string>, setting: Setting): Promise<Ended> => start(args, setting).ended

/** A body as the Chat Completions API takes it, as far as tests look. */
export interface Body {
  readonly model: string
  readonly messages: ReadonlyArray<{ readonly role: string; readonly content?: unknown }>
}

export interface Server {
  readonly baseUrl: string
  readonly requests: Array<Body>
  readonly close: () => void
}

/** A local server that answers each request in turn as told; the last answer repeats. */
export const serve = async (
  ...answers: ReadonlyArray<(response: ServerResponse, request: IncomingMessage) => void>
): Promise<Server> => {
  const requests: Array<Body> = []
  const server = createServer((request, response) => {
    let json = ""
    request.setEncoding("utf8").on("data", (part: string) => {
      json += part
    })
    request.on("end", () => {
      requests.push(JSON.parse(json))
      answers[Math.min(requests.length, answers.length) - 1]?.(response, request)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  const port = typeof address === "object" && address !== null ? address.port : 0
  const close = (): void => {
    server.closeAllConnections()
    server.close()
  }
  return { baseUrl: `http://127.0.0.1:${port}/v1`, requests, close }
}

const chunk = (delta: object, reason: string | null): string =>
  `data: ${JSON.stringify({ id: "r", object: "chat.completion.chunk", model: "m", choices: [{ index: 0, delta, finish_reason: reason }] })}\n\n`

/** A piece of an answer. */
export const text = (content: string): string => chunk({ content }, null)

/** Begins an answer and never ends it. */
export const endless =
  (...words: ReadonlyArray<string>) =>
  (response: ServerResponse): void => {
    response.writeHead(200, { "content-type": "text/event-stream" })
    for (const word of words) response.write(text(word))
  }

/** A whole answer. */
export const answer =
  (content: string) =>
  (response: ServerResponse): void => {
    endless(content)(response)
    response.end(`${chunk({}, "stop")}data: [DONE]\n\n`)
  }

/** An error of the server. */
export const refuse =
  (status: number, error: object) =>
  (response: ServerResponse): void => {
    response.writeHead(status, { "content-type": "application/json" })
    response.end(JSON.stringify({ error }))
  }
