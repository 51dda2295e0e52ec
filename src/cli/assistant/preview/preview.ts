/**
 * What a call would do, as a person reads it who is asked about it: the change of a file as a diff, a command, a plan, or
 * else its arguments.
 */
import { structuredPatch } from "diff"
import * as Effect from "effect/Effect"
import type * as Guard from "../../../guard/Guard.ts"
import type * as Sandbox from "../../../sandbox/Sandbox.ts"
import type { Change } from "./changes.ts"

/**
 * A line of a diff, without its end. `@` heads a part, and says in which lines it is.
 *
 * @category models
 * @since 0.1.0
 */
export interface Line {
  readonly sign: " " | "+" | "-" | "@"
  readonly text: string
}

/**
 * A part of what a call would do. Control characters in all texts stand as escapes, but for tabs, and for the ends of lines in
 * `command`, `code` and `plan`.
 *
 * **Details**
 *
 * - `diff`: of a file, with three lines around each change; `more` is how many of its lines are left out.
 * - `command`: a line for the shell, `code`: a program; `limits` says what else is to be known of it.
 * - `fields`: arguments by name. `problem`: why the call cannot work as it is.
 *
 * @category models
 * @since 0.1.0
 */
export type Preview =
  | {
      readonly kind: "diff"
      readonly path: string
      readonly isNew: boolean
      readonly lines: ReadonlyArray<Line>
      readonly more: number
    }
  | { readonly kind: "command"; readonly text: string; readonly folder: string; readonly limits: ReadonlyArray<string> }
  | {
      readonly kind: "code"
      readonly language: string
      readonly text: string
      readonly folder: string
      readonly limits: ReadonlyArray<string>
    }
  | { readonly kind: "plan"; readonly markdown: string }
  | { readonly kind: "fields"; readonly fields: ReadonlyArray<readonly [name: string, value: string]> }
  | { readonly kind: "problem"; readonly text: string }

/**
 * Finds out what a call would do. Never fails, and changes nothing.
 *
 * **Details**
 *
 * - Changes of files are found by making them on a copy of the files that is in memory only. Of a diff 400 lines are shown, and
 *   2,000 characters of a line; of what would be run 100,000 characters, of other texts 4,000. What is left out is said.
 *
 * @category constructors
 * @since 0.1.0
 */
export const of = (call: Guard.Call, sandbox: Sandbox.Service): Effect.Effect<ReadonlyArray<Preview>> => {
  const { input, tool } = call
  const known = tool.origin === "application" ? kinds.get(tool.name) : undefined
  return (known?.(input, sandbox, tool.name) ?? Effect.succeed(undefined)).pipe(
    Effect.catchAllCause(() => Effect.succeed(undefined)),
    Effect.map((previews) => previews ?? [{ kind: "fields", fields: fieldsOf(input) }])
  )
}

// internal

type Find = (
  input: unknown,
  sandbox: Sandbox.Service,
  tool: string
) => Effect.Effect<ReadonlyArray<Preview> | undefined, unknown>

const shell: Find = (input, sandbox) => {
  const { command, folder, ...rest } = recordOf(input)
  return Effect.succeed(
    typeof command === "string"
      ? [
          {
            kind: "command",
            text: blockOf(command, mostRun),
            folder: lineOf(placeOf(folder, sandbox)),
            limits: limitsOf(rest)
          }
        ]
      : undefined
  )
}

const code: Find = (input, sandbox) => {
  const { code, folder, language, ...rest } = recordOf(input)
  return Effect.succeed(
    typeof code === "string" && typeof language === "string"
      ? [
          {
            kind: "code",
            language: lineOf(language),
            text: blockOf(code, mostRun),
            folder: lineOf(placeOf(folder, sandbox)),
            limits: limitsOf(rest)
          }
        ]
      : undefined
  )
}

const plan: Find = (input) => {
  const { plan } = recordOf(input)
  return Effect.succeed(typeof plan === "string" ? [{ kind: "plan", markdown: escaped(plan) }] : undefined)
}

/** The tools themselves do it, to files that nobody else sees; loaded when there is a change to show. */
const change: Find = (input, sandbox, tool) =>
  Effect.gen(function* () {
    const { changesOf } = yield* Effect.promise(() => import("./changes.ts"))
    const { changes, problem } = yield* changesOf(tool, input, sandbox)
    if (problem !== undefined) {
      return [
        { kind: "problem", text: blockOf(`This call would fail: ${problem}`) },
        { kind: "fields", fields: fieldsOf(input) }
      ]
    }
    return changes.length === 0 ? undefined : changes.map(diffOf)
  })

const kinds = new Map<string, Find>([
  ["shell", shell],
  ["run_code", code],
  ["present_plan", plan],
  ...["write_file", "edit_file", "patch_file", "apply_patch"].map((name) => [name, change] as const)
])

const mostLines = 400
const mostCharacters = 2000
const mostText = 4000
/** Nobody agrees to run what they have not seen, as far as anybody reads. */
const mostRun = 100_000

const diffOf = ({ after, before, path }: Change): Preview => {
  const [old, next] = [textOf(before ?? none), textOf(after)]
  const isNew = before === undefined
  if (old === undefined || next === undefined) {
    const sizes = `${isNew ? "" : `${before.length} bytes become `}${after.length} bytes that are no text`
    return { kind: "diff", path: lineOf(path), isNew, lines: [{ sign: "@", text: sizes }], more: 0 }
  }
  // Where all lines end so, nothing has to be said of it.
  const hasReturns = old.includes("\r\n") && next.includes("\r\n")
  const patch = structuredPatch("", "", old, next, "", "", { context: 3, maxEditLength: mostEdits })
  const hunks = patch?.hunks ?? [wholeOf(old, next)]
  const lines = hunks.flatMap(
    ({ lines, newLines, newStart, oldLines, oldStart }): ReadonlyArray<Line> => [
      { sign: "@", text: `-${startOf(oldStart, oldLines)} +${startOf(newStart, newLines)}` },
      ...lines.map((line) => signed(hasReturns ? line.replace(/\r$/, "") : line))
    ]
  )
  return {
    kind: "diff",
    path: lineOf(path),
    isNew,
    lines: lines.slice(0, mostLines),
    more: Math.max(0, lines.length - mostLines)
  }
}

/** Of no lines, the line before them. */
const startOf = (start: number, lines: number): string => `${lines === 0 ? Math.max(0, start - 1) : start},${lines}`

const none = new Uint8Array()

/** Beyond that many changes comparing takes too long to wait for, and all of it is shown as another text. */
const mostEdits = 4000

const wholeOf = (old: string, next: string) => {
  const [before, after] = [old.split("\n"), next.split("\n")]
  const lines = [...before.map((line) => `-${line}`), ...after.map((line) => `+${line}`)]
  return { oldStart: 1, oldLines: before.length, newStart: 1, newLines: after.length, lines }
}

const signs = [" ", "+", "-"] as const

const signed = (line: string): Line => {
  const sign = signs.find((sign) => line.startsWith(sign))
  // "No newline at end of file" has a sign of its own.
  return sign === undefined ? { sign: "@", text: lineOf(line) } : { sign, text: lineOf(line.slice(1)) }
}

const textOf = (bytes: Uint8Array): string | undefined => {
  const isBinary = bytes.subarray(0, 8192).includes(0)
  return isBinary ? undefined : new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes)
}

const recordOf = (input: unknown): Readonly<Record<string, unknown>> =>
  typeof input === "object" && input !== null && !Array.isArray(input) ? { ...input } : {}

const placeOf = (folder: unknown, sandbox: Sandbox.Service): string =>
  typeof folder === "string" && folder !== "" ? folder : sandbox.folder

/** What else a call says of how it runs. */
const limitsOf = (rest: Readonly<Record<string, unknown>>): ReadonlyArray<string> =>
  Object.entries(rest).flatMap(([name, value]) => {
    if (value === undefined || value === false || value === null) return []
    if (name === "timeoutSeconds") return [`for ${String(value)} s at most`]
    if (name === "background") return ["in the background"]
    if (name === "terminal") return ["at a terminal"]
    return [lineOf(`${name}: ${shownOf(value)}`)]
  })

const fieldsOf = (input: unknown): ReadonlyArray<readonly [string, string]> =>
  typeof input === "object" && input !== null && !Array.isArray(input)
    ? Object.entries(input).map(([name, value]) => [lineOf(name), blockOf(shownOf(value))])
    : [["input", blockOf(shownOf(input))]]

const shownOf = (value: unknown): string => {
  if (typeof value === "string") return value
  try {
    return JSON.stringify(value, undefined, 2) ?? String(value)
  } catch {
    return "arguments that are not JSON"
  }
}

const lineOf = (text: string): string => {
  const whole =
    text.length <= mostCharacters
      ? text
      : `${text.slice(0, mostCharacters)} [… ${text.length - mostCharacters} characters are not shown]`
  return escaped(whole).replaceAll("\n", "\\n")
}

/** A long text without its middle. */
const blockOf = (text: string, most = mostText): string => {
  if (text.length <= most) return escaped(text)
  const half = most / 2
  return escaped(`${text.slice(0, half)}\n[… ${text.length - most} characters are not shown …]\n${text.slice(-half)}`)
}

// Controls but for tabs and ends of lines, and what turns, hides or joins text.
const unsafe = /(?![\t\n])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}]/gu

const escaped = (text: string): string =>
  text.replaceAll("\r\n", "\n").replace(unsafe, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`)
