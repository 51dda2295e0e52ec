/**
 * What tests of the screen share: the real command line at a terminal, in a folder of its own, a model whose words the test
 * says, and golden files of what a person sees.
 */
import type { ServerResponse } from "node:http"
import { expect } from "vitest"
import * as Capture from "../../support/capture.ts"
import * as Terminal from "../../support/terminal.ts"
import * as Cli from "../support.ts"

/** Bundles the command line, and kills and removes what tests leave. Call at the top of the file. */
export const setUp = (): void => {
  Cli.setUp()
  Terminal.cleanUp()
}

export interface Place {
  readonly cwd: string
  readonly data: string
  readonly columns?: number | undefined
  readonly rows?: number | undefined
  readonly env?: Readonly<Record<string, string>> | undefined
}

/** Folders of the same names each time, so that golden files agree. */
export const placeOf = (files: Readonly<Record<string, string | Uint8Array>> = {}): Place => {
  const home = Cli.folderOf(Object.fromEntries(Object.entries(files).map(([path, text]) => [`shop/${path}`, text])))
  return { cwd: `${home}/shop`, data: home }
}

/** Opens the screen. The session has a name, so that it can be gone on with. */
export const open = (args: ReadonlyArray<string>, { columns, rows, ...place }: Place): Terminal.Terminal =>
  Terminal.start({ line: Cli.lineOf(args), cwd: place.cwd, env: Cli.environmentOf(place), columns, rows })

/** Waits until these words are there and nothing works, nor waits for an answer. */
export const done = (terminal: Terminal.Terminal, words: string): Promise<string> =>
  terminal.until((screen) => screen.includes(words) && !/[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] /.test(screen))

/** Waits until the question about a call of this tool stands, and its keys are heard. */
export const asked = (terminal: Terminal.Terminal, tool: string): Promise<string> =>
  terminal.until((screen) => screen.includes(`Allow ${tool}?`) && screen.includes("y yes"))

/** What differs from run to run: times, names that are made up, and the frame of what turns. Widths stay. */
export const mask = (text: string): string =>
  text
    .replaceAll(/[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]/g, "⠋")
    .replaceAll(/[◐◓◑◒]/g, "◐")
    .replaceAll(/\b\d+(\.\d+)?(?= m?s\b)/g, (digits) => digits.replaceAll(/\d/g, "0"))
    // How long a call took is shown once it is long enough.
    .replaceAll(/ {2}[\d.]+ m?s$/gm, (time) => " ".repeat(time.length))
    // What is estimated changes with every word that a model is told of tools.
    .replaceAll(/^.*(\(estimated\)|\d~ ·).*$/gm, (line) => line.replaceAll(/\d/g, "0"))
    .replaceAll(/\bsession [0-9a-f]{10}\b/g, "session XXXXXXXXXX")
    .replaceAll(/axonal-cli-\w{6}/g, "axonal-cli-XXXXXX")

/** Compares the screen with its golden file: `npx vitest run -u` writes it. */
export const golden = async (terminal: Terminal.Terminal, name: string): Promise<void> => {
  await expect(await textOf(terminal, name)).toMatchFileSnapshot(`../../fixtures/screens/${name}.txt`)
}

/** A golden file that is also a picture of the guide. */
export const picture = async (terminal: Terminal.Terminal, name: string): Promise<void> => {
  const text = await textOf(terminal, name)
  const svg = Capture.svg(terminal.emulator, `axonal: ${name}`, mask)
  await expect(text).toMatchFileSnapshot(`../../fixtures/screens/${name}.txt`)
  await expect(svg).toMatchFileSnapshot(`../../../docs/captures/${name}.svg`)
}

/** The screen once its frame is whole. */
const textOf = async (terminal: Terminal.Terminal, name: string): Promise<string> => {
  const screen = await terminal.until(() => true)
  const { columns, rows } = terminal.emulator.size()
  return `${name}, ${columns} × ${rows}\n${"═".repeat(columns)}\n${mask(screen).replaceAll(/ +$/gm, "")}\n`
}

/** One request to the model, answered as the test goes on. */
export interface Turn {
  readonly body: Cli.Body
  readonly write: (text: string) => void
  readonly call: (id: string, name: string, input: object) => void
  readonly end: () => void
}

/** A model that says what the test tells it to, when the test tells it to. */
export interface Model {
  readonly args: ReadonlyArray<string>
  /** The next request. */
  readonly turn: () => Promise<Turn>
  readonly close: () => void
}

export const modelOf = async (): Promise<Model> => {
  const turns: Array<Turn> = []
  const waiting: Array<(turn: Turn) => void> = []
  const next = (): Promise<Turn> =>
    new Promise((resolve, reject) => {
      const miss = (): void => reject(new Error(`the model was asked nothing more:\n${Terminal.screens()}`))
      const timer = setTimeout(miss, Terminal.patienceMillis)
      waiting.push((turn) => {
        clearTimeout(timer)
        resolve(turn)
      })
    })
  const server = await Cli.serve((response) => {
    const body = server.requests.at(-1)
    if (body === undefined) return
    const turn = turnOf(response, body)
    const asked = waiting.shift()
    if (asked === undefined) turns.push(turn)
    else asked(turn)
  })
  return {
    args: ["--base-url", server.baseUrl, "--model", "demo"],
    turn: () => {
      const turn = turns.shift()
      return turn === undefined ? next() : Promise.resolve(turn)
    },
    close: server.close
  }
}

// internal

const turnOf = (response: ServerResponse, body: Cli.Body): Turn => {
  response.writeHead(200, { "content-type": "text/event-stream" })
  const send = (delta: object, reason: string | null = null): void => {
    const choices = [{ index: 0, delta, finish_reason: reason }]
    const piece = { id: "r", object: "chat.completion.chunk", model: "demo", choices }
    response.write(`data: ${JSON.stringify(piece)}\n\n`)
  }
  let [reason, calls] = ["stop", 0]
  return {
    body,
    write: (content) => send({ content }),
    call: (id, name, input) => {
      reason = "tool_calls"
      const open = { index: calls++, id, type: "function", function: { name, arguments: JSON.stringify(input) } }
      send({ tool_calls: [open] })
    },
    end: () => {
      send({}, reason)
      const usage = { prompt_tokens: 1200, completion_tokens: 80, total_tokens: 1280 }
      const last = { id: "r", object: "chat.completion.chunk", model: "demo", choices: [], usage }
      response.end(`data: ${JSON.stringify(last)}\n\ndata: [DONE]\n\n`)
    }
  }
}
