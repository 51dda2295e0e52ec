/**
 * What is wrong with the files of a team. All of it is told at once, each with its file, line, column and field, so that
 * a person can put it right in one go.
 */
import * as Schema from "effect/Schema"

/**
 * Where something stands in a file. Line and column begin at 1; a column counts UTF-16 units.
 *
 * **Details**
 *
 * - `field`: as the file has it, as in `defaults.tools[1]`; absent for the whole of it.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Position = Schema.Struct({
  file: Schema.String,
  line: Schema.Int,
  column: Schema.Int,
  field: Schema.optional(Schema.String)
})
export interface Position extends Schema.Schema.Type<typeof Position> {}

/**
 * One thing that is wrong, or worth knowing, and what to do about it.
 *
 * **Details**
 *
 * - `line`, `column`: absent where a whole file or folder is meant.
 * - `field`: as in `guard.rules[2].tools`; absent where no field is meant.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Problem = Schema.Struct({
  file: Schema.String,
  line: Schema.optional(Schema.Int),
  column: Schema.optional(Schema.Int),
  field: Schema.optional(Schema.String),
  problem: Schema.String
})
export interface Problem extends Schema.Schema.Type<typeof Problem> {}

/**
 * Files that make no team. Nothing of them is used.
 *
 * **Details**
 *
 * - `problems`: all of them, in the order of folders and files, and then of lines.
 *
 * @category errors
 * @since 0.1.0
 */
export class TeamError extends Schema.TaggedError<TeamError>()("TeamError", {
  problems: Schema.NonEmptyArray(Problem)
}) {
  override get message(): string {
    return `The team cannot be read:\n${this.problems.map((problem) => `- ${render(problem)}`).join("\n")}`
  }
}

/**
 * A problem on one line: `agents/reviewer.toml:4:9: tools[1]: …`.
 *
 * @category converters
 * @since 0.1.0
 */
export const render = ({ column, field, file, line, problem }: Problem): string =>
  [
    [file, line, column].filter((part) => part !== undefined).join(":"),
    ...(field === undefined ? [] : [field]),
    problem
  ].join(": ")
