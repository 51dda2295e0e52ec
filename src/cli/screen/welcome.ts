/**
 * What a new screen says: what this is, what can be typed, and where the rest is told.
 */
import type { Theme } from "./theme.ts"
import { cut, linesOf } from "./words.ts"

/**
 * The lines.
 *
 * @category constructors
 * @since 0.1.0
 */
export const lines = (folder: string, theme: Theme, width: number): ReadonlyArray<string> => {
  const row = ([keys, does]: readonly [string, string]): ReadonlyArray<string> =>
    width < 50
      ? [cut(`${theme.accent(keys)} ${does}`, width)]
      : [cut(`  ${theme.accent(keys)}${" ".repeat(Math.max(1, 18 - keys.length))}${does}`, width)]
  return [
    cut(`${theme.bold("axonal")} ${theme.dim(folder)}`, width),
    "",
    ...linesOf("Ask about this folder, or say what to change. You are asked before anything changes.", width),
    "",
    ...rows.flatMap(row),
    ""
  ]
}

// internal

const rows: ReadonlyArray<readonly [string, string]> = [
  ["@file", "names a file"],
  ["/", "commands: /model, /sessions, /undo, /help …"],
  ["!command", "runs a command yourself"],
  ["?", "all keys"],
  ["Shift-Tab", "plan first, change nothing"],
  ["Esc", "stops an answer"],
  ["Ctrl-C twice", "leaves"]
]
