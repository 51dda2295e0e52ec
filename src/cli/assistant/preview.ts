/**
 * What a call would do, as a person reads it who is asked about it: the change of a file as a diff, a command, a plan, or
 * else its arguments.
 */
import * as Effect from "effect/Effect"
import type * as Guard from "../../guard/Guard.ts"
import type * as Sandbox from "../../sandbox/Sandbox.ts"

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
 * @category constructors
 * @since 0.1.0
 */
export const of = (_call: Guard.Call, _sandbox: Sandbox.Service): Effect.Effect<ReadonlyArray<Preview>> =>
  Effect.succeed([{ kind: "fields", fields: [] }])
