/**
 * Where the commands about sessions write, and how they ask. Results go to standard output, everything said about them to
 * standard error; only what a person looks at is coloured and cut to the width of the window.
 */
import { createInterface } from "node:readline"
import * as Effect from "effect/Effect"
import type { Environment } from "../environment.ts"
import { hasColor } from "../environment.ts"
import { UsageError } from "../errors.ts"

/**
 * What a command writes to.
 *
 * **Details**
 *
 * - `width`: in columns; infinite where lines are not cut. `home`: the user's folder, written as `~`.
 * - `confirm`: whether a person agrees; fails where there is nobody to ask.
 *
 * @category models
 * @since 0.1.0
 */
export interface Screen {
  readonly print: (text: string) => void
  readonly note: (text: string) => void
  readonly color: boolean
  readonly width: number
  readonly home: string
  readonly confirm: (question: string) => Effect.Effect<boolean, UsageError>
}

/**
 * The screen of this process.
 *
 * @category constructors
 * @since 0.1.0
 */
export const ofProcess = (options: { readonly color: boolean }, environment: Environment): Screen => {
  const { stderr, stdin, stdout } = process
  const isTerminal = stdout.isTTY === true
  const canAsk = stdin.isTTY === true && stderr.isTTY === true
  return {
    print: (text) => stdout.write(text),
    note: (text) => stderr.write(text),
    color: options.color && hasColor(environment, stdout),
    // A window that does not tell its width is an old one.
    width: isTerminal ? stdout.columns || 80 : Number.POSITIVE_INFINITY,
    home: homeOf(environment),
    confirm: (question) => (canAsk ? asked(question) : Effect.fail(noTerminal))
  }
}

/**
 * The screen of a conversation, where commands have nothing to pipe on and ask nothing.
 *
 * @category constructors
 * @since 0.1.0
 */
export const ofNotes = (
  { color, note }: { readonly color: boolean; readonly note: (text: string) => void },
  environment: Environment
): Screen => ({
  print: note,
  note,
  color,
  width: process.stderr.isTTY === true ? process.stderr.columns || 80 : Number.POSITIVE_INFINITY,
  home: homeOf(environment),
  confirm: () => Effect.fail(noTerminal)
})

/**
 * The styles that a screen has, or none.
 *
 * @category constructors
 * @since 0.1.0
 */
export const stylesOf = ({ color }: Pick<Screen, "color">) => {
  const style = (on: number, off: number) => (text: string) => (color ? `\u001b[${on}m${text}\u001b[${off}m` : text)
  return { bold: style(1, 22), dim: style(2, 22), accent: style(36, 39) }
}

/**
 * The path as people write it: from their own folder on.
 *
 * @category converters
 * @since 0.1.0
 */
export const pathOf = ({ home }: Pick<Screen, "home">, path: string): string =>
  home.length > 1 && (path === home || path.startsWith(`${home}/`)) ? `~${path.slice(home.length)}` : path

// internal

const homeOf = (environment: Environment): string => environment["HOME"] ?? environment["USERPROFILE"] ?? ""

const noTerminal = new UsageError({
  message: "this erases sessions, and there is no terminal to ask on: add --yes if it is meant",
  see: "axonal sessions --help"
})

/** Without readline's own terminal, so that Ctrl-C stays a signal. The end of the input is no. */
const asked = (question: string): Effect.Effect<boolean> =>
  Effect.async((resume) => {
    const reader = createInterface({ input: process.stdin, terminal: false })
    const answer = (line: string) => resume(Effect.succeed(/^\s*y(es)?\s*$/i.test(line)))
    reader.once("line", answer).once("close", () => answer(""))
    process.stderr.write(`${question} [y/N] `)
    return Effect.sync(() => reader.close())
  })
