/**
 * What the encoders of all vendors have in common: how a request is refused that an API has no place for, how a message is
 * converted once and remembered, and how files are told apart.
 */
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import type { Message } from "../../domain/Message.ts"
import * as ModelInfo from "../../domain/ModelInfo.ts"
import * as Part from "../../domain/Part.ts"
import type { Request, Settings } from "../../domain/Request.ts"

/**
 * Turns requests into bodies. One per transport, since it remembers messages in the form of its vendor.
 *
 * @category models
 * @since 0.1.0
 */
export interface Encoder {
  /** The JSON text of the body, or what in the request this API has no place for. */
  readonly encode: (request: Request) => Either.Either<string, string>
}

/**
 * Thrown by parts of an encoder, caught by `make`: the request holds something that the API or the model cannot take. The
 * message says what, and what to do.
 *
 * @category errors
 * @since 0.1.0
 */
export class Unsupported extends Error {}

/**
 * Makes an encoder of a function that may throw `Unsupported`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (encode: (request: Request) => string): Encoder => ({
  encode: (request) => {
    try {
      return Either.right(encode(request))
    } catch (error) {
      if (error instanceof Unsupported) return Either.left(error.message)
      throw error
    }
  }
})

/**
 * What a value was converted to before, or is now. Messages and tools never change, so one conversation is converted once,
 * not once a turn.
 *
 * @category combinators
 * @since 0.1.0
 */
export const remembered = <A extends object, B>(memory: WeakMap<A, B>, value: A, encode: (value: A) => B): B => {
  let found = memory.get(value)
  if (found === undefined) {
    found = encode(value)
    memory.set(value, found)
  }
  return found
}

/**
 * The settings of a request over those of its transport. `extra` is merged key by key.
 *
 * @category combinators
 * @since 0.1.0
 */
export const settingsOf = (defaults: Settings, settings: Settings): Settings => ({
  ...defaults,
  ...Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined)),
  ...(defaults.extra === undefined && settings.extra === undefined
    ? undefined
    : { extra: { ...defaults.extra, ...settings.extra } })
})

/**
 * The texts of a system message, one a part. Refuses parts of any other kind.
 *
 * @category converters
 * @since 0.1.0
 */
export const systemTexts = (message: Message): ReadonlyArray<string> =>
  message.parts.map((part) => {
    if (part.type === "text") return part.text
    if (part.type === "file" && "text" in part.data) return part.data.text
    throw new Unsupported(`A system message can only hold text here, not a part of type ${part.type}.`)
  })

/**
 * What a file is to a model.
 *
 * @category converters
 * @since 0.1.0
 */
export const kindOf = (mediaType: string): "image" | "audio" | "video" | "pdf" | "text" | "other" => {
  const [type = ""] = mediaType.toLowerCase().split(";")
  const kind = type.slice(0, Math.max(0, type.indexOf("/")))
  if (kind === "image" || kind === "audio" || kind === "video" || kind === "text") return kind
  if (type === "application/pdf") return "pdf"
  return /^application\/([\w.-]+\+)?(json|xml|yaml|x-yaml|toml|javascript|sql)$/.test(type) ? "text" : "other"
}

/**
 * The file as vendors can be told about it.
 *
 * **Details**
 *
 * - One whose address holds its content (`data:`) has it inline.
 * - One whose media type says nothing (none at all, `application/octet-stream`, `image/*`) has the one that its first bytes
 *   tell. Vendors refuse those.
 *
 * @category converters
 * @since 0.1.0
 */
export const typed = (given: Part.File): Part.File => {
  const file = here(given)
  if (!Part.isGeneric(file.mediaType) || !("base64" in file.data)) return file
  const head = Either.getOrUndefined(Encoding.decodeBase64(file.data.base64.slice(0, headLength)))
  const mediaType = head === undefined ? undefined : Part.mediaTypeOf(head)
  return mediaType === undefined ? file : { ...file, mediaType }
}

/** A file with the content that its address holds. */
const here = (file: Part.File): Part.File => {
  const { data } = file
  const comma = "url" in data && data.url.startsWith("data:") ? data.url.indexOf(",") : -1
  if (!("url" in data) || comma === -1) return file
  const [own, ...parameters] = data.url.slice("data:".length, comma).split(";")
  const mediaType = own || file.mediaType
  const content = data.url.slice(comma + 1)
  if (parameters.includes("base64")) return { ...file, mediaType, data: { base64: content } }
  try {
    return kindOf(mediaType) === "text" ? { ...file, mediaType, data: { text: decodeURIComponent(content) } } : file
  } catch {
    return file
  }
}

/** Whole groups of four characters, enough for every signature. */
const headLength = 64

/**
 * A text of the model's with the name of a file behind it that the model made and the API does not take back.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withName = (text: string, file: Part.File): string =>
  `${text}${text === "" || text.endsWith("\n") ? "" : "\n"}${Part.contentToText([file])}`

/**
 * Refuses a file, with its name and type.
 *
 * @category errors
 * @since 0.1.0
 */
export const refuseFile = (file: Part.File, why: string): never => {
  throw new Unsupported(`File ${file.name === undefined ? "" : `"${file.name}" `}of type ${file.mediaType}: ${why}`)
}

/**
 * Refuses a file of a kind that the model is known not to take.
 *
 * @category combinators
 * @since 0.1.0
 */
export const demand = (model: ModelInfo.ModelInfo, file: Part.File): void => {
  const kind = kindOf(file.mediaType)
  if (kind === "text" || "text" in file.data) return
  const capability = kind === "pdf" || kind === "other" ? "file-input" : (`${kind}-input` as const)
  if (!ModelInfo.can(model, capability))
    refuseFile(file, `model ${model.id} takes no such input; leave it out, or use another model.`)
}

/**
 * The address of a file's content: its own, or one that holds the content.
 *
 * @category converters
 * @since 0.1.0
 */
export const dataUrl = (file: Part.File): string => {
  const { data, mediaType } = file
  if ("url" in data) return data.url
  return `data:${mediaType};base64,${"base64" in data ? data.base64 : Encoding.encodeBase64(data.text)}`
}

/**
 * The content of a file as text, or `undefined` when it is elsewhere or not text.
 *
 * @category converters
 * @since 0.1.0
 */
export const textOfFile = (file: Part.File): string | undefined => {
  const { data } = file
  if ("text" in data) return data.text
  if ("url" in data) return undefined
  return Either.getOrUndefined(Encoding.decodeBase64String(data.base64))
}
