/**
 * Commands that take words out of the conversation: into a file, or to the clipboard.
 */
import { writeFile } from "node:fs/promises"
import { resolve } from "node:path"
import * as Effect from "effect/Effect"
import { ContextStore } from "../../../context/ContextStore.ts"
import type { Stored } from "../../../domain/Entry.ts"
import type { Message } from "../../../domain/Message.ts"
import { toText } from "../../../domain/Message.ts"
import type { Part } from "../../../domain/Part.ts"
import { contentToText } from "../../../domain/Part.ts"
import { SetupError, systemCode } from "../../errors.ts"
import { clip, oneLine, printable, timeOf } from "../../internal/words.ts"
import * as Find from "../../sessions/find.ts"
import * as Transfer from "../../sessions/transfer.ts"
import type { Entry, Failure, Outcome, Place } from "./place.ts"
import { begun, said, within } from "./place.ts"

/**
 * The commands.
 *
 * @category constructors
 * @since 0.1.0
 */
export const entries: ReadonlyArray<Entry> = [
  {
    ...{ name: "export", aliases: [], words: "[FILE]" },
    summary: "write this session to a file: Markdown to read, or .jsonl to import again",
    act: (words, place) => within(place, exported(words, place))
  },
  {
    ...{ name: "copy", aliases: [], words: "[FILE]", summary: "copy the last answer to the clipboard, or into a file" },
    act: (words, place) => within(place, copied(words, place))
  }
]

/**
 * A session as Markdown, for people to read: what was asked and answered, calls and their results folded.
 *
 * @category converters
 * @since 0.1.0
 */
export const toMarkdown = (title: string, log: ReadonlyArray<Stored>): string => {
  const sections = log.flatMap((entry) => {
    switch (entry._tag) {
      case "Message":
        return sectionOf(entry.message, entry.at)
      case "Compaction":
        return ["> What stands above was summarised from here on."]
      default:
        return []
    }
  })
  return `${[`# ${title}`, ...sections].join("\n\n")}\n`
}

// internal

const exported = (words: string, place: Place) =>
  Effect.gen(function* () {
    const { id, ...info } = yield* begun(place)
    const name = words === "" ? `axonal-${id.replace(/[^\w.-]/g, "_")}.md` : words
    const file = resolve(place.conversation.assistant.folder, name)
    if (/\.jsonl$/i.test(name)) {
      yield* Transfer.toFile(id, file, { ...place.screen, note: () => {} })
    } else {
      const log = yield* (yield* ContextStore).entries(id)
      yield* written(file, toMarkdown(Find.nameOf(info) || oneLine(id), log))
    }
    return said(`session ${oneLine(id)} is in ${oneLine(name)}`)
  })

const copied = (words: string, place: Place): Effect.Effect<Outcome, Failure, ContextStore> =>
  Effect.gen(function* () {
    const { messages } = yield* (yield* ContextStore).read(place.conversation.session())
    const text = messages
      .filter(({ role }) => role === "assistant")
      .map(toText)
      .findLast((text) => text.trim() !== "")
    if (text === undefined) return yield* new SetupError({ message: "there is no answer to copy yet." })
    if (words !== "") {
      yield* written(resolve(place.conversation.assistant.folder, words), `${text.trimEnd()}\n`)
      return said(`the last answer is in ${oneLine(words)}`)
    }
    return {
      _tag: "Copy",
      text: printable(text),
      told: `${text.length} characters are on the clipboard, if the terminal allows it`
    }
  })

/** A file that is there already is left as it is. */
const written = (file: string, text: string): Effect.Effect<void, SetupError> =>
  Effect.tryPromise({
    try: () => writeFile(file, text, { flag: "wx", mode: 0o600 }),
    catch: (cause) => {
      const code = systemCode(cause)
      return new SetupError({
        message:
          code === "EEXIST"
            ? `${oneLine(file)} is there already. Choose another name, or remove it.`
            : `${oneLine(file)} cannot be written (${code}).`,
        cause
      })
    }
  })

const sectionOf = (message: Message, at: number): ReadonlyArray<string> => {
  const texts = message.parts.map(partOf).filter((text) => text !== "")
  if (texts.length === 0) return []
  const heads = { user: "You", assistant: "Assistant", system: "System" } as const
  // Results stand below their calls.
  return message.role === "tool" ? texts : [`## ${heads[message.role]} · ${timeOf(at)}`, ...texts]
}

const partOf = (part: Part): string => {
  switch (part.type) {
    case "text":
      return printable(part.text).trim()
    case "reasoning":
      return part.text.trim() === "" ? "" : folded("Reasoning", printable(part.text).trim())
    case "file":
      return `*[file ${oneLine(part.name ?? "")} ${oneLine(part.mediaType)}]*`
    case "tool-call":
      return folded(`${oneLine(part.name)} ${clip(oneLine(part.input), 80)}`, fenced(printable(part.input)))
    case "tool-result":
      return folded(
        `${oneLine(part.name)}: ${part.outcome}`,
        fenced(clip(printable(contentToText(part.content)), 20_000))
      )
    case "source":
      return `- ${oneLine(part.title ?? "")} ${oneLine(part.url ?? "")}`
  }
}

const folded = (title: string, text: string): string =>
  `<details><summary>${title.replaceAll("&", "&amp;").replaceAll("<", "&lt;")}</summary>\n\n${text}\n\n</details>`

/** A fence that is longer than any in the text. */
const fenced = (text: string): string => {
  const longest = Math.max(2, ...Array.from(text.matchAll(/`+/g), ([ticks]) => ticks.length))
  const fence = "`".repeat(longest + 1)
  return `${fence}\n${text}\n${fence}`
}
