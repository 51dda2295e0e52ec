/**
 * What can go wrong in a sandbox, apart from what commands do themselves: a command that fails has an exit code.
 */
import * as Schema from "effect/Schema"

/**
 * Why it went wrong.
 *
 * **Details**
 *
 * - `NotFound`, `NotFile`, `NotFolder`, `NotEmpty`: of the path. `TooLarge`: with the sizes, in bytes.
 * - `Denied`: the walls of the sandbox, or the rights of the file system. `Changed`: the file is not as it was expected.
 * - `Invalid`: a path, a command or an option that means nothing. `NoSpace`: the disk or a quota is full.
 * - `Ended`: the command has ended. `Unavailable`: there is no sandbox to be had; `problem` says what to do.
 *
 * @category models
 * @since 0.1.0
 */
export const Reason = Schema.Union(
  Schema.TaggedStruct("NotFound", {}),
  Schema.TaggedStruct("NotFile", {}),
  Schema.TaggedStruct("NotFolder", {}),
  Schema.TaggedStruct("NotEmpty", {}),
  Schema.TaggedStruct("TooLarge", { size: Schema.Number, most: Schema.Number }),
  Schema.TaggedStruct("Denied", { problem: Schema.String }),
  Schema.TaggedStruct("Changed", {}),
  Schema.TaggedStruct("Invalid", { problem: Schema.String }),
  Schema.TaggedStruct("NoSpace", {}),
  Schema.TaggedStruct("Ended", {}),
  Schema.TaggedStruct("Unavailable", { problem: Schema.String })
)
export type Reason = typeof Reason.Type

/**
 * Something that a sandbox could not do.
 *
 * **Details**
 *
 * - `operation`: the method. `subject`: the path or the program, as it was given.
 *
 * @category errors
 * @since 0.1.0
 */
export class SandboxError extends Schema.TaggedError<SandboxError>()("SandboxError", {
  operation: Schema.String,
  subject: Schema.String,
  reason: Reason
}) {
  override get message(): string {
    return `${this.subject}: ${words(this.reason)}`
  }
  /** Whether trying again may help without anything being changed. */
  get isRetryable(): boolean {
    return this.reason._tag === "Unavailable"
  }
}

// internal

const words = (reason: Reason): string => {
  switch (reason._tag) {
    case "NotFound":
      return "there is no such file or folder"
    case "NotFile":
      return "it is not a regular file"
    case "NotFolder":
      return "it is not a folder"
    case "NotEmpty":
      return "the folder is not empty; removing it with all that is in it has to be asked for"
    case "TooLarge":
      return `it has ${reason.size} bytes, and at most ${reason.most} are read at once; read it in parts`
    case "Changed":
      return "it is not as it was when it was read; read it again"
    case "NoSpace":
      return "there is no space left for it"
    case "Ended":
      return "the command has ended"
    case "Denied":
    case "Invalid":
    case "Unavailable":
      return reason.problem
  }
}
