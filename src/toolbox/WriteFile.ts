/**
 * The tool `write_file`: a text file made, or replaced as a whole. What was not read is not replaced, and the file keeps its
 * encoding and the ends of its lines.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as PathGuard from "../guard/PathGuard.ts"
import type { Sandbox } from "../sandbox/Sandbox.ts"
import * as Tool from "../tool/Tool.ts"
import * as Regions from "./internal/diffRegions.ts"
import type { Encoding } from "./internal/textEncoding.ts"
import * as Encodings from "./internal/textEncoding.ts"
import * as Endings from "./internal/textEndings.ts"
import * as Seen from "./Seen.ts"
import * as TextFile from "./TextFile.ts"

/**
 * When a file may be replaced.
 *
 * **Details**
 *
 * - `requireRead`: only once the session has read it; yes.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly requireRead?: boolean | undefined
}

/**
 * Makes the tool that writes whole files.
 *
 * **Details**
 *
 * - A new file is UTF-8, as it is given, and the folders on its way are made.
 * - A file that is replaced keeps its encoding and byte order mark, and, if the content has only LF, the ends of its lines:
 *   those of lines that stay, and of their neighbours for new ones. Content with CRLF is written as it is. What Latin-1 does
 *   not have is written in UTF-8, and the answer says so.
 * - A file that the session has not read, or that was changed since, is not replaced: the answer says what to do.
 * - The answer has the diff. Annotated as destructive, so that the default guard asks, and as idempotent.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = ({ requireRead = true }: Options = {}): Tool.WithHandler<Sandbox> =>
  Tool.make(
    "write_file",
    {
      description:
        "Makes a text file, with the folders on its way, or replaces all of it. " +
        `${requireRead ? "Read a file before you replace it. " : ""}To change a part of a file use edit_file.`,
      parameters: {
        path: PathGuard.path("write").annotations({ description: "The file" }),
        content: Schema.String.annotations({ description: "All of its text" })
      },
      success: Schema.String,
      readOnly: false,
      destructive: true,
      idempotent: true
    },
    ({ content, path }) =>
      Effect.gen(function* () {
        const place = yield* TextFile.placeOf(path)
        const seen = yield* Seen.Seen
        const work = Effect.gen(function* () {
          const isThere = yield* TextFile.exists(place)
          const plan = isThere ? yield* replacing(place, requireRead, content) : TextFile.creation(place, content)
          if (plan.before !== undefined && isSame(plan.before.bytes, plan.bytes)) {
            return `${place.shown} has this content already: nothing was written.`
          }
          yield* TextFile.written([plan])
          return TextFile.reply(plan)
        })
        return yield* seen.alone(place.sandbox, [place.path])(work)
      })
  )

// internal

const replacing = (
  place: TextFile.Place,
  requireRead: boolean,
  content: string
): Effect.Effect<TextFile.Plan, string> =>
  Effect.gen(function* () {
    const { content: before, file } = yield* TextFile.opened(place)
    yield* TextFile.unchanged(place, requireRead, before.version, file)
    const text = file?.encoding !== "UTF-8" && content.startsWith("\ufeff") ? content.slice(1) : content
    const { ending, text: plain } = Endings.plain(text)
    const edited = Regions.between(file?.plain.text ?? "", plain)
    const isKept = ending === "LF" || ending === "none"
    const whole =
      file === undefined || !isKept ? text : Endings.restored(file.original, file.plain, plain, edited.regions)
    const { bytes, encoding } = encoded(whole, file?.encoding ?? "UTF-8")
    const notes = [
      ...(file === undefined ? ["it was no text before"] : []),
      ...(file !== undefined && encoding !== file.encoding ? [`it was ${file.encoding} and is ${encoding} now`] : []),
      ...(file !== undefined && !isKept && file.plain.ending !== ending && file.plain.ending !== "none"
        ? [`its lines ended with ${file.plain.ending} and are ${ending} now`]
        : [])
    ]
    return TextFile.planOf(place, before, bytes, file?.plain.text ?? "", edited, notes.join("; "))
  })

const encoded = (text: string, encoding: Encoding): { readonly bytes: Uint8Array; readonly encoding: Encoding } => {
  const found = Encodings.encode(text, encoding)
  return "bytes" in found
    ? { bytes: found.bytes, encoding }
    : { bytes: new TextEncoder().encode(text), encoding: "UTF-8" }
}

const isSame = (one: Uint8Array, other: Uint8Array): boolean => {
  if (one.length !== other.length) return false
  for (let index = 0; index < one.length; index++) if (one[index] !== other[index]) return false
  return true
}
