/**
 * Two tools that patch texts: `patch_file` replaces lines by their numbers, `apply_patch` applies unified diffs to one file or
 * several. There are two because models know them as two, and because only diffs carry what they expect to find.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as PathGuard from "../guard/PathGuard.ts"
import type { Sandbox } from "../sandbox/Sandbox.ts"
import * as Tool from "../tool/Tool.ts"
import { patched } from "./internal/patchLines.ts"
import * as Unified from "./internal/patchUnified.ts"
import { asIn } from "./internal/textEndings.ts"
import * as Seen from "./Seen.ts"
import * as TextFile from "./TextFile.ts"

/**
 * When a file may be patched.
 *
 * **Details**
 *
 * - `requireRead`: only once the session has read it. Yes for line patches, whose numbers are nothing else's; no for diffs,
 *   whose lines prove that it is known.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly requireRead?: boolean | undefined
}

/**
 * Makes `patch_file`, which replaces, removes and inserts lines by their numbers.
 *
 * **Details**
 *
 * - Lines are counted from 1, and `to` is included; `to: from - 1` inserts before `from`. All numbers of a call, and of the
 *   calls for the same file in one answer of the model, are those of the file before any of them.
 * - A file that was changed since the session read it is not patched: the answer says what changed.
 * - The last line has an end, or none, as it had before.
 * - Annotated as destructive, so that the default guard asks.
 *
 * @category constructors
 * @since 0.1.0
 */
export const lines = ({ requireRead = true }: Options = {}): Tool.WithHandler<Sandbox> =>
  Tool.make(
    "patch_file",
    {
      ...changing,
      description:
        "Replaces lines of a text file by their numbers, as read_file shows them. All numbers are those of the file before " +
        "the call. To insert before line n give from: n and to: n - 1; to remove lines give an empty content.",
      parameters: {
        path: PathGuard.path("write").annotations({ description: "The file" }),
        patches: Schema.NonEmptyArray(
          Schema.Struct({
            from: Schema.Int.annotations({ description: "The first line that is replaced, from 1" }),
            to: Schema.Int.annotations({ description: "The last line that is replaced; from - 1 to insert only" }),
            content: Schema.String.annotations({ description: "The lines instead; empty to remove them" })
          })
        ).annotations({ description: "What to replace, in lines that do not overlap" })
      }
    },
    ({ patches, path }) =>
      Effect.gen(function* () {
        const place = yield* TextFile.placeOf(path)
        const seen = yield* Seen.Seen
        const plan = TextFile.planned(place, requireRead, ({ plain }, changes) =>
          patched(
            plain.text,
            patches.map((patch) => ({ ...patch, content: asIn(plain, patch.content) })),
            changes
          )
        )
        return yield* seen.alone(place.sandbox, [place.path])(
          Effect.flatMap(plan, (plan) =>
            plan.diff.text === ""
              ? Effect.succeed(`These lines are in ${place.shown} already: nothing was changed.`)
              : Effect.as(TextFile.written([plan]), TextFile.reply(plan))
          )
        )
      })
  )

/**
 * Makes `apply_patch`, which applies unified diffs to one file or to several, to all of them or to none.
 *
 * **Details**
 *
 * - Which file a diff is for, its entry says, so that guards can judge it; headers with names are passed over.
 * - A hunk goes where its lines are. Where there are several such places its number decides; otherwise it is refused. Spaces
 *   at the ends of lines may differ, and up to two lines of context at either end.
 * - A diff that only adds makes a file that is not there. Files are neither removed nor renamed.
 * - Before anything is written all diffs are tried. If a write fails, those before it are taken back.
 * - Annotated as destructive, so that the default guard asks.
 *
 * @category constructors
 * @since 0.1.0
 */
export const diffs = ({ requireRead = false }: Options = {}): Tool.WithHandler<Sandbox> =>
  Tool.make(
    "apply_patch",
    {
      ...changing,
      description:
        "Applies unified diffs, one for each file; all of them or none. Each hunk begins with a line @@ -start,count " +
        "+start,count @@, then lines with a space for context, - and +. Give three lines of context around each change.",
      parameters: {
        files: Schema.NonEmptyArray(
          Schema.Struct({
            path: PathGuard.path("write").annotations({ description: "The file; a diff that only adds may make it" }),
            diff: Schema.String.annotations({ description: "The unified diff of this file" })
          })
        ).annotations({ description: "The files and their diffs" })
      }
    },
    ({ files }) =>
      Effect.gen(function* () {
        const seen = yield* Seen.Seen
        const entries = yield* Effect.forEach(files, ({ diff, path }) =>
          Effect.all({ place: TextFile.placeOf(path), hunks: told(path, Unified.parsed(diff)) })
        )
        const paths = entries.map(({ place }) => place.path)
        const [first] = entries
        if (new Set(paths).size < paths.length)
          return yield* Effect.fail("A file is there twice: give it one diff with all its hunks.")
        const work = Effect.gen(function* () {
          const plans = yield* Effect.forEach(entries, ({ hunks, place }) => planned(place, hunks, requireRead))
          yield* TextFile.written(plans)
          return plans.map(TextFile.reply).join("\n\n")
        })
        return yield* seen.alone(first?.place.sandbox ?? files, paths)(work)
      })
  )

// internal

const changing = { success: Schema.String, readOnly: false, destructive: true, idempotent: false } as const

/** A problem of one of several files says which. */
const told = <A>(path: string, result: Either.Either<A, string>): Effect.Effect<A, string> =>
  Effect.mapError(result, (problem) => `${path}: ${problem}`)

const planned = (
  place: TextFile.Place,
  hunks: ReadonlyArray<Unified.Hunk>,
  requireRead: boolean
): Effect.Effect<TextFile.Plan, string> => {
  const change = TextFile.planned(place, requireRead, ({ plain }) =>
    Either.mapBoth(Unified.applied(plain.text, hunks), {
      onLeft: (problem) => `${place.shown}: ${problem}`,
      onRight: ({ edited, notes }) => ({ ...edited, note: notes.join("; ") })
    })
  )
  const text = Unified.created(hunks)
  if (text === undefined) return change
  return Effect.flatMap(TextFile.exists(place), (exists) =>
    exists ? change : Effect.succeed(TextFile.creation(place, text))
  )
}
