/**
 * Texts in the files of a sandbox, as the tools of the box read and change them: whole, in whatever encoding they have, and
 * never over what somebody else has written meanwhile. What cannot be done is told in words for the model.
 */
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import type { Content, Service as SandboxService } from "../sandbox/Sandbox.ts"
import { Sandbox } from "../sandbox/Sandbox.ts"
import type { SandboxError } from "../sandbox/SandboxError.ts"
import * as ToolContext from "../tool/ToolContext.ts"
import type { Edited } from "./internal/diffRegions.ts"
import * as Regions from "./internal/diffRegions.ts"
import type { LineChange } from "./internal/diffRender.ts"
import * as Render from "./internal/diffRender.ts"
import { sizeOf } from "./internal/hexDump.ts"
import type { Encoding } from "./internal/textEncoding.ts"
import * as Encodings from "./internal/textEncoding.ts"
import type { Plain } from "./internal/textEndings.ts"
import * as Endings from "./internal/textEndings.ts"
import { joined } from "./internal/textLines.ts"
import * as Problems from "./internal/textProblems.ts"
import * as Seen from "./Seen.ts"

/**
 * A file of the sandbox in use, named by whoever calls.
 *
 * **Details**
 *
 * - `given`: its path for the sandbox, as it was written. `path`: absolute, to know it again. `shown`: for people and models.
 * - `turn`: the turn of the run that calls; absent outside of runs.
 *
 * @category models
 * @since 0.1.0
 */
export interface Place extends Seen.Place {
  readonly sandbox: SandboxService
  readonly given: string
  readonly shown: string
  readonly turn: string | undefined
}

/**
 * A text that was read whole.
 *
 * @category models
 * @since 0.1.0
 */
export interface TextFile {
  readonly content: Content
  readonly encoding: Encoding
  readonly original: string
  readonly plain: Plain
}

/**
 * A change that is thought out and not yet made.
 *
 * **Details**
 *
 * - `before`: the file as it is, or nothing if there is none. `edited`: the text that it will have.
 *
 * @category models
 * @since 0.1.0
 */
export interface Plan {
  readonly place: Place
  readonly before: Content | undefined
  readonly bytes: Uint8Array
  readonly diff: Render.Diff
  readonly text: string
  readonly lines: number
  readonly note: string
}

/**
 * How a text is changed: what it becomes, or why not. `changes` are those of calls beside this one, which its model has not
 * seen.
 *
 * @category models
 * @since 0.1.0
 */
export type Edit = (
  text: TextFile,
  changes: ReadonlyArray<ReadonlyArray<LineChange>>
) => Either.Either<Edited & { readonly note?: string | undefined }, string>

/**
 * Finds a file by the path of a call.
 *
 * @category constructors
 * @since 0.1.0
 */
export const placeOf = (path: string): Effect.Effect<Place, string, Sandbox> =>
  Effect.gen(function* () {
    const sandbox = yield* Sandbox
    const { run, session, turn } = yield* ToolContext.ToolContext
    if (path.trim() === "") return yield* Effect.fail("path is empty: give the path of a file.")
    const isOutside = run === ToolContext.outside.run
    return {
      sandbox,
      session,
      given: path,
      path: Problems.absolute(sandbox.folder, path),
      shown: Problems.shownPath(sandbox.folder, path),
      turn: isOutside ? undefined : `${run} ${turn}`
    }
  })

/**
 * Says what went wrong with a file, and what to do.
 *
 * @category errors
 * @since 0.1.0
 */
export const refusal =
  (place: Place) =>
  (error: SandboxError): Effect.Effect<string> => {
    const { given, sandbox, shown } = place
    switch (error.reason._tag) {
      case "NotFound":
        return missing(place)
      case "NotFile":
        return Effect.match(sandbox.stat(given), {
          onFailure: () => `${shown} is no file that can be read.`,
          onSuccess: ({ kind }) =>
            kind === "folder"
              ? `${shown} is a folder: call list_files to see what is in it.`
              : `${shown} is a device, a pipe or a socket: it can be neither read nor written here.`
        })
      default:
        return Effect.succeed(`${error.message}.`)
    }
  }

/**
 * Reads a file to be changed, as text if it is one.
 *
 * @category constructors
 * @since 0.1.0
 */
export const opened = (
  place: Place
): Effect.Effect<{ readonly content: Content; readonly file: TextFile | undefined }, string> =>
  Effect.map(Effect.catchAll(whole(place, mostBytes), told(place)), (content) => {
    const text = Encodings.textOf(content.bytes)
    const file = text === undefined ? undefined : { content, encoding: text.encoding, original: text.text }
    return { content, file: file === undefined ? undefined : { ...file, plain: Endings.plain(file.original) } }
  })

/**
 * Thinks out how a text is changed. The file must be as the session has seen it, if it has.
 *
 * **Details**
 *
 * - `requireRead`: whether the session must have seen the file.
 * - Errors: words for the model, about the file or from `edit`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const planned = (place: Place, requireRead: boolean, edit: Edit): Effect.Effect<Plan, string> =>
  Effect.gen(function* () {
    const { content, file } = yield* opened(place)
    if (file === undefined) return yield* Effect.fail(`${place.shown} is no text: look at it with read_file.`)
    const sight = yield* unchanged(place, requireRead, content.version, file)
    const changes = sight?.turn !== undefined && sight.turn === place.turn ? (sight.changes ?? []) : []
    const edited = yield* edit(file, changes)
    const encoded = Encodings.encode(
      Endings.restored(file.original, file.plain, edited.text, edited.regions),
      file.encoding
    )
    if ("unknown" in encoded) {
      const unknown = JSON.stringify(encoded.unknown)
      return yield* Effect.fail(
        `${place.shown} is written in ${file.encoding}, which has no ${unknown}: use other characters, or convert the file first.`
      )
    }
    return planOf(place, content, encoded.bytes, file.plain.text, edited, edited.note)
  })

/**
 * Puts a plan together.
 *
 * @category constructors
 * @since 0.1.0
 */
export const planOf = (
  place: Place,
  before: Content | undefined,
  bytes: Uint8Array,
  text: string,
  edited: Edited,
  note = ""
): Plan => ({
  ...{ place, before, bytes, note, text: edited.text },
  diff: Render.diff(text, edited),
  lines: Regions.linesOf(edited.text).length
})

/**
 * The plan of a file that is not there yet, in UTF-8.
 *
 * @category constructors
 * @since 0.1.0
 */
export const creation = (place: Place, text: string): Plan =>
  planOf(place, undefined, new TextEncoder().encode(text), "", Regions.between("", text))

/**
 * Whether there is anything at a path.
 *
 * @category predicates
 * @since 0.1.0
 */
export const exists = (place: Place): Effect.Effect<boolean, string> =>
  Effect.matchEffect(place.sandbox.stat(place.given), {
    onSuccess: () => Effect.succeed(true),
    onFailure: (error) =>
      error.reason._tag === "NotFound" ? Effect.succeed(false) : Effect.flatMap(refusal(place)(error), Effect.fail)
  })

/**
 * What a model is told of a change that was made.
 *
 * @category converters
 * @since 0.1.0
 */
export const reply = ({ before, bytes, diff, lines, note, place }: Plan): string => {
  const many = `${lines} ${lines === 1 ? "line" : "lines"}`
  const noted = note === "" ? "" : ` Note: ${note}.`
  return before === undefined
    ? `Created ${place.shown}: ${many}, ${sizeOf(bytes.length)}.${noted}`
    : `Changed ${place.shown} (${Render.counted(diff)}).${noted}\n${diff.text}`
}

/**
 * Makes planned changes: all of them, or none if one cannot be made.
 *
 * **Details**
 *
 * - A file that is no longer as it was when its change was thought out is not written.
 *
 * @category combinators
 * @since 0.1.0
 */
export const written = (plans: ReadonlyArray<Plan>): Effect.Effect<void, string> =>
  Effect.suspend(() => {
    const done: Array<Effect.Effect<void, SandboxError>> = []
    const write = (plan: Plan): Effect.Effect<void, string> => {
      const { before, bytes, place } = plan
      const expects = before?.version ?? "absent"
      return place.sandbox.write(place.given, bytes, { expects }).pipe(
        Effect.catchAll((error) =>
          Effect.flatMap(
            error.reason._tag === "Changed" ? Effect.succeed(meanwhile(place)) : refusal(place)(error),
            Effect.fail
          )
        ),
        Effect.flatMap(({ version }) => {
          done.push(undone(plan, version))
          return changedBy(plan, version)
        })
      )
    }
    return Effect.onError(Effect.forEach(plans, write, { discard: true }), () =>
      Effect.forEach(done.reverse(), Effect.ignore, { discard: true })
    )
  })

/**
 * Keeps that a session has seen a file.
 *
 * @category combinators
 * @since 0.1.0
 */
export const saw = (place: Place, version: string, text?: string): Effect.Effect<void> =>
  Effect.flatMap(Seen.Seen, (seen) =>
    Effect.flatMap(seen.last(place), (sight) =>
      sight?.version === version && text === undefined
        ? Effect.void
        : seen.saw(place, { ...(sight?.version === version ? sight : {}), version, text })
    )
  )

/**
 * Fails unless a session has seen the file as it is.
 *
 * @category combinators
 * @since 0.1.0
 */
export const unchanged = (
  place: Place,
  requireRead: boolean,
  version: string,
  file: TextFile | undefined
): Effect.Effect<Seen.Sight | undefined, string> =>
  Effect.gen(function* () {
    const seen = yield* Seen.Seen
    const sight = yield* seen.last(place)
    if (sight === undefined) {
      return requireRead
        ? yield* Effect.fail(`You have not read ${place.shown}: call read_file first. Nothing was written.`)
        : undefined
    }
    if (sight.version === version) return sight
    const diff =
      sight.text === undefined || file === undefined
        ? undefined
        : Render.diff(sight.text, Regions.between(sight.text, file.plain.text), 40)
    if (diff === undefined || diff.isCut) {
      const much = diff === undefined ? "" : ` (${Render.counted(diff)})`
      return yield* Effect.fail(
        `${place.shown} has changed since you read it${much}: call read_file again. Nothing was written.`
      )
    }
    yield* saw(place, version, file?.plain.text)
    return yield* Effect.fail(
      diff.text === ""
        ? `${place.shown} was written again since you read it, with the same lines. Nothing was written: call again.`
        : `${place.shown} has changed since you read it. Nothing was written. This is what changed:\n${diff.text}\n` +
            "If your change still fits, make it again."
    )
  })

// internal

/** How many bytes of a file are read at most to change it. */
const mostBytes = 64 * 1024 * 1024

/** The words for a file that could not be read whole. */
const told =
  (place: Place) =>
  (error: SandboxError | Large): Effect.Effect<never, string> =>
    error._tag === "Large"
      ? Effect.fail(`${place.shown} has ${sizeOf(error.size)}, and at most ${sizeOf(mostBytes)} are changed at once.`)
      : Effect.flatMap(refusal(place)(error), Effect.fail)

/** A file that is larger than it may be. */
interface Large {
  readonly _tag: "Large"
  readonly size: number
}

/** A whole file, in parts if the sandbox wants that. */
const whole = ({ given, sandbox }: Place, most: number): Effect.Effect<Content, SandboxError | Large> =>
  Effect.gen(function* () {
    const first = yield* Effect.catchIf(sandbox.read(given, { length: most }), isTooLarge, ({ reason }) =>
      sandbox.read(given, { length: reason._tag === "TooLarge" ? Math.min(most, reason.most) : most })
    )
    if (first.size > most) return yield* Effect.fail<Large>({ _tag: "Large", size: first.size })
    const pieces = [first.bytes]
    let length = first.bytes.length
    while (length < first.size) {
      const { bytes } = yield* sandbox.read(given, { offset: length, length: first.bytes.length })
      if (bytes.length === 0) break
      pieces.push(bytes)
      length += bytes.length
    }
    return { ...first, bytes: joined(pieces, length) }
  })

const isTooLarge = (error: SandboxError): boolean => error.reason._tag === "TooLarge"

const meanwhile = ({ shown }: Place): string =>
  `${shown} was changed by somebody else at this moment. Nothing was written: call read_file again.`

/** What a session has written it has seen. */
const changedBy = ({ diff, place, text }: Plan, version: string): Effect.Effect<void> =>
  Effect.flatMap(Seen.Seen, (seen) =>
    Effect.flatMap(seen.last(place), (sight) => {
      const earlier = sight?.turn !== undefined && sight.turn === place.turn ? (sight.changes ?? []) : []
      return seen.saw(place, { version, text, turn: place.turn, changes: [...earlier, diff.changes] })
    })
  )

/** Puts back what was there before a change, unless somebody has changed it since. */
const undone = ({ before, place }: Plan, version: string): Effect.Effect<void, SandboxError> =>
  before === undefined
    ? place.sandbox.remove(place.given)
    : Effect.flatMap(place.sandbox.write(place.given, before.bytes, { expects: version }), ({ version }) =>
        Effect.flatMap(Seen.Seen, (seen) => seen.saw(place, { version }))
      )

const missing = ({ path, sandbox, shown }: Place): Effect.Effect<string> => {
  const { folder, name } = Problems.parentOf(path)
  return Effect.match(sandbox.list(folder), {
    onFailure: () =>
      `There is no file ${shown}, and no folder ${Problems.shownPath(sandbox.folder, folder)} either: call list_files to see what there is.`,
    onSuccess: (found) => {
      const near = Problems.nearNames(
        name,
        found.map(({ path }) => path)
      )
      const where = Problems.shownPath(sandbox.folder, folder)
      return near.length === 0
        ? `There is no file ${shown}: call list_files to see what is in ${where}.`
        : `There is no file ${shown}. In ${where} there is: ${near.join(", ")}.`
    }
  })
}
