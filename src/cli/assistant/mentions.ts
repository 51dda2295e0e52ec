/**
 * `@path` in what a person types: a text file is a name, which the model reads when it wants to; a picture, a sound, a film
 * or a PDF goes along where the model can take it.
 */
import * as Effect from "effect/Effect"
import type { Input } from "../../domain/Message.ts"
import type { ModelInfo } from "../../domain/ModelInfo.ts"
import { can } from "../../domain/ModelInfo.ts"
import * as Part from "../../domain/Part.ts"
import type { SandboxError } from "../../sandbox/SandboxError.ts"
import { Transport } from "../../transport/Transport.ts"
import type { Taking } from "../internal/media.ts"
import { mostBytes, neededBy } from "../internal/media.ts"
import { oneLine } from "../internal/words.ts"
import type { Conversation } from "./conversation.ts"

/**
 * Words with what goes along, and what could not, a line each.
 *
 * @category models
 * @since 0.1.0
 */
export interface Resolved {
  readonly input: Input
  readonly notes: ReadonlyArray<string>
}

/**
 * The paths that a text mentions: `@src/a.ts`, `@"a file.png"`. What ends a sentence is no part of them.
 *
 * @category converters
 * @since 0.1.0
 */
export const pathsOf = (text: string): ReadonlyArray<string> => [
  ...new Set(
    Array.from(text.matchAll(mention), ([, quoted, bare]) => pathOf(quoted, bare)).filter((path) => path !== "")
  )
]

/**
 * Reads what is mentioned in the sandbox. Names of nothing that is there are only words.
 *
 * @category constructors
 * @since 0.1.0
 */
export const resolve = (text: string, conversation: Conversation): Effect.Effect<Resolved> =>
  attach(text, pathsOf(text), conversation)

/**
 * The same, with files whose paths are known otherwise, as those that were pasted.
 *
 * **Details**
 *
 * - A file that goes along has at most 20 MiB.
 *
 * @category constructors
 * @since 0.1.0
 */
export const attach = (
  text: string,
  paths: ReadonlyArray<string>,
  conversation: Conversation
): Effect.Effect<Resolved> =>
  Effect.gen(function* () {
    const looked = yield* Effect.forEach(paths, (path) => look(path, conversation))
    const files = looked.flatMap((one) => (typeof one === "object" ? [one] : []))
    const notes = looked.filter((one) => typeof one === "string")
    const known = new Set(paths.filter((_, index) => looked[index] !== undefined))
    // The model gets the path as tools take it.
    const words = text.replace(mention, (whole: string, quoted?: string, bare?: string) =>
      known.has(pathOf(quoted, bare)) ? whole.slice(1) : whole
    )
    return { input: files.length === 0 ? words : [Part.text(words), ...files], notes }
  })

// internal

const pathOf = (quoted: string | undefined, bare = ""): string => quoted ?? bare.replace(/[.,;:!?)\]]+$/, "")

const mention = /(?<=^|\s)@(?:"([^"\n]+)"|(\S+))/g

/** A file that goes along, why it does not, whether it is only named, or nothing when there is none. */
const look = (path: string, conversation: Conversation): Effect.Effect<Part.File | string | true | undefined> => {
  const { sandbox } = conversation.assistant.undo
  const name = path.slice(path.lastIndexOf("/") + 1)
  return Effect.gen(function* () {
    const { kind, size } = yield* sandbox.stat(path)
    if (kind !== "file") return true
    const head = (yield* sandbox.read(path, { length: headBytes })).bytes
    const mediaType = Part.mediaTypeOf(head)
    // Texts may begin with the letters that some formats begin with; of these only a PDF may be all text.
    if (mediaType === undefined || (isText(head) && mediaType !== "application/pdf")) return true
    const capability = neededBy(mediaType) ?? "file-input"
    const model = yield* modelOf(conversation)
    if (model !== undefined && !can(model, capability)) {
      return `${oneLine(model.id)} takes no ${words[capability]}: ${oneLine(path)} is only named`
    }
    if (size > mostBytes)
      return `${oneLine(path)} is too large to go along: ${size} bytes, and ${mostBytes} is the most`
    const { bytes } = yield* sandbox.read(path)
    return Part.fileFromBytes(mediaType, bytes, name)
  }).pipe(
    Effect.catchAll((error: SandboxError) =>
      Effect.succeed(
        error.reason._tag === "NotFound" ? undefined : `${oneLine(path)} is only named: ${oneLine(error.message)}`
      )
    )
  )
}

const headBytes = 4096

/** As far as its beginning tells. A character may be cut at the end of that. */
const isText = (head: Uint8Array): boolean =>
  !head.includes(0) && !new TextDecoder().decode(head).slice(0, -1).includes("\ufffd")

/** What a model does not take, in a word. */
const words: { readonly [_ in Taking]: string } = {
  "image-input": "pictures",
  "audio-input": "sound",
  "video-input": "video",
  "file-input": "files"
}

/** Nothing when it cannot be had; the run will say why. */
const modelOf = ({ assistant }: Conversation): Effect.Effect<ModelInfo | undefined> =>
  assistant.within(Effect.map(Transport, ({ model }) => model)).pipe(Effect.catchAll(() => Effect.succeed(undefined)))
