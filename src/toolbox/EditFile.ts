/**
 * The tool `edit_file`: passages of a text replaced by others, exactly and only where they are meant. Encoding, byte order
 * mark and the ends of all other lines stay as they are.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as PathGuard from "../guard/PathGuard.ts"
import type { Sandbox } from "../sandbox/Sandbox.ts"
import * as Tool from "../tool/Tool.ts"
import { replaced } from "./internal/editMatch.ts"
import { asIn } from "./internal/textEndings.ts"
import * as Seen from "./Seen.ts"
import * as TextFile from "./TextFile.ts"

/**
 * When a file may be edited.
 *
 * **Details**
 *
 * - `requireRead`: only once the session has read it; no, because a passage that is found proves that it is known.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly requireRead?: boolean | undefined
}

/**
 * Makes the tool that replaces passages of a text.
 *
 * **Details**
 *
 * - `old` must be in the file once, or `all` be given. Several edits are made in order, all of them or none.
 * - A file that was changed since the session read it is not edited: the answer says what changed.
 * - In a file with CRLF, `old` and `new` may have either end of line, and new lines get that of their neighbours.
 * - The answer has the diff. Calls for the same file wait for each other.
 * - Annotated as destructive, so that the default guard asks.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = ({ requireRead = false }: Options = {}): Tool.WithHandler<Sandbox> =>
  Tool.make(
    "edit_file",
    {
      description:
        "Replaces passages of a text file. Each old must be in the file exactly once, with all its spaces and without line " +
        "numbers; add lines around it until it is. The edits are made in order, all or none.",
      parameters: {
        path: PathGuard.path("write").annotations({ description: "The file" }),
        edits: Schema.NonEmptyArray(
          Schema.Struct({
            old: Schema.String.annotations({ description: "The text that is there" }),
            new: Schema.String.annotations({ description: "The text instead of it; empty to remove it" }),
            all: Schema.optional(
              Schema.Boolean.annotations({ description: "true to replace it wherever it is, instead of in one place" })
            )
          })
        ).annotations({ description: "What to replace" })
      },
      success: Schema.String,
      readOnly: false,
      destructive: true,
      idempotent: false
    },
    ({ edits, path }) =>
      Effect.gen(function* () {
        const place = yield* TextFile.placeOf(path)
        const seen = yield* Seen.Seen
        return yield* seen.alone(place.sandbox, [place.path])(
          Effect.gen(function* () {
            const plan = yield* TextFile.planned(place, requireRead, ({ plain }) =>
              replaced(
                plain.text,
                edits.map((edit) => ({ ...edit, old: asIn(plain, edit.old), new: asIn(plain, edit.new) }))
              )
            )
            if (plan.diff.text === "") {
              return `The edits undo each other: ${place.shown} stays as it is.`
            }
            yield* TextFile.written([plan])
            return TextFile.reply(plan)
          })
        )
      })
  )
