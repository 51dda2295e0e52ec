/**
 * Results of tools that are too long for a conversation: kept whole beside it, as entries of the session's log. The model
 * is shown where they begin and end, and reads or searches the rest with a tool of its own. Off unless provided.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type { ArtifactEntry } from "../domain/Entry.ts"
import type { CallId } from "../domain/Ids.ts"
import { EntryId } from "../domain/Ids.ts"
import * as Part from "../domain/Part.ts"
import { ends } from "../internal/texts.ts"
import * as Tool from "../tool/Tool.ts"
import { ToolContext } from "../tool/ToolContext.ts"
import type { ToolResult } from "../tool/ToolResult.ts"
import { ContextStore } from "./ContextStore.ts"
import * as Ranges from "./internal/ranges.ts"
import * as Reading from "./internal/reading.ts"

/**
 * The call that a result is of.
 *
 * **Details**
 *
 * - `bound`: how many characters of text a result of this tool may have, as its `ResultBound` says.
 *
 * @category models
 * @since 0.1.0
 */
export interface About {
  readonly call: CallId
  readonly tool: string
  readonly bound: number
}

/**
 * A result that was too long: what the model is shown of it, and the whole text to keep as an artifact with this id.
 *
 * @category models
 * @since 0.1.0
 */
export interface Spilled {
  readonly result: ToolResult
  readonly id: EntryId
  readonly text: string
}

/**
 * What becomes of long results.
 *
 * @category models
 * @since 0.1.0
 */
export interface Service {
  /** Whether the model is to be given `read_artifact`. */
  readonly isOn: boolean
  /** What to keep of a result and what to show; `undefined` for one that is short enough. What is shown is in the bound. */
  readonly spill: (result: ToolResult, about: About) => Spilled | undefined
}

/**
 * What becomes of long results. Nothing is kept beside the conversation unless provided.
 *
 * @category references
 * @since 0.1.0
 */
export class Artifacts extends Context.Reference<Artifacts>()("axonal/context/Artifacts", {
  defaultValue: (): Service => ({ isOn: false, spill: () => undefined })
}) {}

/**
 * Which results are kept, and how much of them is shown.
 *
 * **Details**
 *
 * - Units: characters (UTF-16) of all text and JSON of a result together. Files stay in the result.
 * - `above`: longer results are kept; those over their tool's own bound always are, which is the default.
 * - `head`, `tail`: how much of the beginning and of the end is shown; 4,000 and 1,000, or less where the bound wants it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly above?: number | undefined
  readonly head?: number | undefined
  readonly tail?: number | undefined
}

/**
 * The name of the tool that reads artifacts.
 *
 * @category constructors
 * @since 0.1.0
 */
export const toolName = "read_artifact"

/**
 * The id of the artifact that a call's result is kept as.
 *
 * @category constructors
 * @since 0.1.0
 */
export const idOf = (call: CallId): EntryId => EntryId.make(`artifact/${call}`)

/**
 * Decides about results by their length.
 *
 * **Details**
 *
 * - JSON is kept as text. What `read_artifact` gives is never kept again.
 * - Errors: a number out of range throws a `RangeError`: a programming mistake.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): Service => {
  const { above = Number.POSITIVE_INFINITY, head = 4000, tail = 1000 } = options
  for (const [option, value] of Object.entries({ above, head, tail })) Ranges.check("Artifacts", option, value)
  return {
    isOn: true,
    spill: (result, { bound, call, tool }) => {
      if (tool === toolName) return undefined
      const text = Part.contentToText(result.content.filter(({ type }) => type !== "file"))
      const most = Math.min(above, bound)
      if (text.length <= most) return undefined
      const id = idOf(call)
      const room = bound - mark(id, text.length, text.length, text.length).length
      // The mark alone would not fit: the bound will cut the text.
      if (room < 0) return undefined
      const scale = Math.min(1, Math.min(room, most) / Math.max(1, head + tail))
      const shown = ends(text, Math.floor(head * scale), Math.floor(tail * scale))
      const left = `${shown.head}${mark(id, shown.from, shown.to, text.length)}${shown.tail}`
      if (left.length >= text.length) return undefined
      const files = result.content.filter(({ type }) => type === "file")
      return { id, text, result: { outcome: result.outcome, content: [Part.text(left), ...files] } }
    }
  }
}

/**
 * The entry of a session's log that keeps an artifact.
 *
 * @category converters
 * @since 0.1.0
 */
export const entry = (
  { id, text }: Spilled,
  about: Pick<About, "call" | "tool"> & Pick<ArtifactEntry, "at" | "run" | "turn">
): ArtifactEntry => ({ _tag: "Artifact", ...about, id, text })

/**
 * The tool with which a model reads what was too long to show. It sees the artifacts of its own session only.
 *
 * **Details**
 *
 * - Units: characters (UTF-16) from 0. A page has 8,000 unless `length` says otherwise, at most 16,000; a pair of surrogates
 *   is never split. `search` finds plain text, upper and lower case aside: the first 40 places from `offset` on.
 * - Errors: an unknown id or an offset behind the end is a failed result that tells what to do instead.
 *
 * @category constructors
 * @since 0.1.0
 */
export const tool: Tool.WithHandler<ContextStore> = Tool.make(
  toolName,
  {
    description:
      "Reads a result that was too long to be shown whole. Gives the text from an offset on, or with search the lines" +
      " that contain a text and the offsets where they are.",
    parameters: {
      id: Schema.String.annotations({ description: "The id of the artifact, as the shortened result gives it" }),
      offset: Schema.optional(Schema.Number.annotations({ description: "The first character to read; 0 when absent" })),
      length: Schema.optional(
        Schema.Number.annotations({ description: "How many characters to read; 8000 when absent, at most 16000" })
      ),
      search: Schema.optional(Schema.String.annotations({ description: "A plain text to find, instead of reading" }))
    },
    success: Schema.String,
    failure: Schema.String,
    readOnly: true,
    resultBound: Reading.longestResult
  },
  ({ id, length, offset = 0, search }) =>
    Effect.flatMap(textOf(id), (text): Effect.Effect<string, string> => {
      const problem = Reading.problemOf(text, offset)
      if (problem !== undefined) return Effect.fail(problem)
      return Effect.succeed(
        search === undefined || search === ""
          ? Reading.page(id, text, offset, length)
          : Reading.found(id, text, offset, search)
      )
    })
)

/**
 * Layer that keeps long results as artifacts.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options?: Options): Layer.Layer<Artifacts> => Layer.sync(Artifacts, () => make(options))

// internal

/** What stands between head and tail. Its length does not grow with smaller numbers. */
const mark = (id: EntryId, from: number, to: number, length: number): string =>
  `\n[… Characters ${from} to ${to} of ${length} are not shown. Use ${toolName} with id "${id}" to read on at an offset or` +
  ` to search in all of it. …]\n`

const textOf = (id: string): Effect.Effect<string, string, ContextStore> =>
  Effect.gen(function* () {
    const unknown = `There is no artifact "${id}" in this conversation. Use an id that stands in a shortened result, such as "artifact/…".`
    if (id === "") return yield* Effect.fail(unknown)
    const store = yield* ContextStore
    const { session } = yield* ToolContext
    const found = yield* Effect.catchTag(store.entry(session, EntryId.make(id)), "StoreError", (error) =>
      Effect.fail(
        error.reason._tag === "NotFound"
          ? unknown
          : `The artifact could not be read now (${error.reason._tag}). Try again later, or go on without it.`
      )
    )
    if (found._tag === "Artifact") return found.text
    return yield* Effect.fail(
      found._tag === "Unreadable"
        ? `The artifact "${id}" is damaged and cannot be read any more. Run the tool again.`
        : unknown
    )
  })
