/**
 * The real command line at a terminal: a process of its own behind a pseudo-terminal, and an emulator that knows what a
 * person would see. Tests wait for what is on the screen, never for time to pass.
 */
import { createRequire } from "node:module"
import { describe, it } from "@effect/vitest"
import type { IPty } from "node-pty"
import { afterAll } from "vitest"
import * as Emulator from "./emulator.ts"

/** What is run, and where. */
export interface Setting {
  readonly line: ReadonlyArray<string>
  readonly cwd: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly columns?: number | undefined
  readonly rows?: number | undefined
}

export interface Ended {
  readonly code: number
  readonly signal: number | undefined
}

/** What a test waits for: words on the screen, how they look, or anything that can be said of it. */
export type Wanted = string | RegExp | ((screen: string, emulator: Emulator.Emulator) => boolean)

export interface Terminal {
  readonly emulator: Emulator.Emulator
  readonly pid: number
  readonly type: (text: string) => void
  readonly press: (...keys: ReadonlyArray<Key>) => void
  /** Gives text as a terminal does that knows what was pasted. */
  readonly paste: (text: string) => void
  /** Changes the size, and waits until everything is drawn anew. */
  readonly resize: (columns: number, rows: number) => Promise<string>
  /** Waits until the screen is as wanted, and answers it. Rejects with the screen when that does not come. */
  readonly until: (wanted: Wanted) => Promise<string>
  /** Waits until something is no longer there. */
  readonly gone: (words: string) => Promise<string>
  readonly screen: () => string
  /** All that was written, as it was written. */
  readonly written: () => string
  readonly ended: Promise<Ended>
  readonly kill: (signal?: NodeJS.Signals) => void
  /** Takes the terminal away, as who closes its window. */
  readonly hangUp: () => void
}

export type Key = keyof typeof keys

/** What terminals send without a protocol of their own for keys. */
const keys = {
  enter: "\r",
  altEnter: "\x1b\r",
  shiftEnter: "\x1b[13;2u",
  tab: "\t",
  shiftTab: "\x1b[Z",
  escape: "\x1b",
  backspace: "\x7f",
  up: "\x1b[A",
  down: "\x1b[B",
  right: "\x1b[C",
  left: "\x1b[D",
  altUp: "\x1b[1;3A",
  altDown: "\x1b[1;3B",
  pageUp: "\x1b[5~",
  pageDown: "\x1b[6~",
  home: "\x1b[H",
  end: "\x1b[F",
  ctrlA: "\x01",
  ctrlC: "\x03",
  ctrlD: "\x04",
  ctrlE: "\x05",
  ctrlO: "\x0f",
  ctrlR: "\x12",
  ctrlT: "\x14",
  ctrlU: "\x15",
  ctrlZ: "\x1a"
} as const

const load = (): typeof import("node-pty") | string => {
  try {
    return createRequire(import.meta.url)("node-pty")
  } catch (error) {
    return `node-pty cannot be loaded: ${String(error).split("\n")[0]}`
  }
}

const pty = load()
if (typeof pty === "string") console.warn(`Tests at a terminal are skipped: ${pty}`)

/** Declares tests at a terminal, or that they are skipped. */
export const atTerminal = (name: string, declare: () => void): void => {
  if (typeof pty !== "string") describe(name, declare)
  else describe.skip(name, () => it("needs node-pty", () => {}))
}

const open = new Map<IPty, Emulator.Emulator>()

/** What all terminals of the test file show: for messages of what fails elsewhere. */
export const screens = (): string => Array.from(open.values(), framed).join("\n")

/** Kills what a test file left running. Call at its top. */
export const cleanUp = (): void => {
  afterAll(() => {
    for (const child of open.keys()) child.kill("SIGKILL")
  })
}

/** Less than a test may take, so that a test that fails can say what was on the screen. */
export const patienceMillis = 30_000

/** Starts the program at a terminal of 80 × 24, or as told. */
export const start = ({ columns = 80, cwd, env, line, rows = 24 }: Setting): Terminal => {
  if (typeof pty === "string") throw new Error(pty)
  const [file = "", ...args] = line
  const child = pty.spawn(file, args, {
    ...{ name: "xterm-256color", cols: columns, rows, cwd },
    env: { TERM: "xterm-256color", COLORTERM: "", LANG: "C.UTF-8", ...env }
  })
  let isOpen = true
  const send = (data: string): void => {
    if (isOpen) child.write(data)
  }
  const emulator = Emulator.make(columns, rows, send)
  open.set(child, emulator)
  const waiting = new Set<() => void>()
  let written = ""
  let shown = Promise.resolve()
  const look = (): void => {
    for (const one of waiting) one()
  }
  child.onData((data) => {
    written += data
    shown = emulator.write(data).then(look)
  })
  const ended = new Promise<Ended>((resolve) => {
    child.onExit(({ exitCode, signal }) => {
      isOpen = false
      open.delete(child)
      shown.then(() => resolve({ code: exitCode, signal: signal === 0 ? undefined : signal }))
    })
  })
  const until = (wanted: Wanted): Promise<string> =>
    new Promise((resolve, reject) => {
      const settle = (finish: () => void): void => {
        waiting.delete(check)
        clearTimeout(timer)
        finish()
      }
      const check = (): void => {
        // Half a frame is nothing that a person sees.
        if (emulator.isDrawing()) return
        const screen = emulator.screen()
        if (isAs(wanted, screen, emulator)) settle(() => resolve(screen))
      }
      const miss = (how: string): void => {
        const told = typeof wanted === "function" ? "what was waited for" : String(wanted)
        settle(() => reject(new Error(`${how} without ${told}:\n${framed(emulator)}`)))
      }
      const timer = setTimeout(() => miss(`${patienceMillis / 1000} s`), patienceMillis)
      waiting.add(check)
      check()
      void ended.then(() => miss("The program ended"))
    })
  return {
    ...{ emulator, pid: child.pid, until, ended, type: send },
    press: (...names) => {
      for (const name of names) send(keys[name])
    },
    paste: (text) => send(`\x1b[200~${text.replaceAll("\n", "\r")}\x1b[201~`),
    resize: (columns, rows) => {
      const from = written.length
      emulator.resize(columns, rows)
      child.resize(columns, rows)
      return until(() => isAnew(written.slice(from)))
    },
    gone: (words) => until((screen) => !screen.includes(words)),
    screen: emulator.screen,
    written: () => written,
    kill: (signal = "SIGKILL") => child.kill(signal),
    hangUp: () => {
      // It is not among what the package declares.
      if ("destroy" in child && typeof child.destroy === "function") child.destroy()
    }
  }
}

// internal

const isAs = (wanted: Wanted, screen: string, emulator: Emulator.Emulator): boolean =>
  typeof wanted === "string"
    ? screen.includes(wanted)
    : wanted instanceof RegExp
      ? wanted.test(screen)
      : wanted(screen, emulator)

/** Whether all of a screen was drawn: emptied, and drawn to the end. */
const isAnew = (written: string): boolean => {
  const [, ...frames] = written.split("\u001b[2J")
  return frames.at(-1)?.includes("\u001b[?2026l") ?? false
}

const framed = (emulator: Emulator.Emulator): string => {
  const { columns } = emulator.size()
  const line = "─".repeat(columns)
  return `┌${line}\n${emulator.screen().replaceAll(/^/gm, "│")}\n└${line}`
}
