/**
 * The tool `read_file`: texts with the numbers of their lines, pictures, sound, video and PDF as they are, and anything else
 * as bytes. What it answers is bounded, and says how to go on; of a large file it reads no more than it has to.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Part from "../domain/Part.ts"
import * as PathGuard from "../guard/PathGuard.ts"
import * as Check from "../internal/options.ts"
import type { Content as FileContent, Sandbox } from "../sandbox/Sandbox.ts"
import type { SandboxError } from "../sandbox/SandboxError.ts"
import * as Tool from "../tool/Tool.ts"
import * as ToolResult from "../tool/ToolResult.ts"
import { dump, sizeOf } from "./internal/hexDump.ts"
import { mediaOf } from "./internal/mediaTypes.ts"
import type { Encoding } from "./internal/textEncoding.ts"
import * as Encodings from "./internal/textEncoding.ts"
import * as Endings from "./internal/textEndings.ts"
import type { Collected, Collector } from "./internal/textLines.ts"
import * as Lines from "./internal/textLines.ts"
import * as TextFile from "./TextFile.ts"

/**
 * How much one call of `read_file` answers.
 *
 * **Details**
 *
 * - `mostLines`: 2,000. `mostBytes`: of text, 51,200. `mostLength`: characters of a line before it is cut, 2,000.
 * - `mostMediaBytes`: of a picture, sound, video or PDF, 20 MiB. Larger ones are told of.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly mostLines?: number | undefined
  readonly mostBytes?: number | undefined
  readonly mostLength?: number | undefined
  readonly mostMediaBytes?: number | undefined
}

/**
 * Makes the tool that reads files.
 *
 * **Details**
 *
 * - Texts: UTF-8, UTF-16 with a byte order mark, and Latin-1 (as windows-1252) when the bytes look like text. The head line
 *   says which, unless it is UTF-8, and which ends the lines have, unless it is LF.
 * - `from` and `to` count lines from 1, or from the end if they are negative. Of files above 8 MiB lines are not counted to
 *   their end: those that are asked for from the end have negative numbers.
 * - `offset` and `length` ask for bytes of whatever file.
 * - Annotated as read-only.
 * - Errors: a bound below 1 throws.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): Tool.WithHandler<Sandbox> => {
  const { mostBytes = 51_200, mostLength = 2000, mostLines = 2000, mostMediaBytes = 20 * 1024 * 1024 } = options
  for (const [name, value] of Object.entries({ mostBytes, mostLength, mostLines, mostMediaBytes })) {
    Check.whole(`ReadFile option ${name}`, value, 1)
  }
  const bounds: Bounds = { mostBytes, mostLength, mostLines }
  const whole = (description: string) => Schema.optional(Schema.Int.annotations({ description }))
  return Tool.make(
    "read_file",
    {
      description:
        `Reads a file. A text comes with the numbers of its lines, at most ${mostLines} lines at once; pictures, sound, ` +
        "video and PDF come as they are; any other file comes as bytes in hex.",
      parameters: {
        path: PathGuard.path("read").annotations({ description: "The file" }),
        from: whole("The first line, from 1; negative ones count from the end, -1 being the last"),
        to: whole("The last line, itself included"),
        offset: whole("To see bytes in hex: where they begin, from 0"),
        length: whole(`To see bytes in hex: how many, at most ${mostDump}`)
      },
      success: ToolResult.Content,
      readOnly: true,
      destructive: false,
      idempotent: true,
      // For the numbers of the lines and what stands around them.
      resultBound: mostBytes + mostLines * 10 + 2000
    },
    ({ from = 1, length, offset, path, to }) =>
      Effect.gen(function* () {
        const place = yield* TextFile.placeOf(path)
        const isDump = offset !== undefined || length !== undefined
        const start = isDump ? Math.max(0, offset ?? 0) : 0
        const head = yield* piece(place, start, isDump ? clamped(length) : pieceBytes)
        yield* TextFile.saw(place, head.version)
        if (isDump) return ToolResult.content(Part.text(dumped(place, head, start)))
        const isWhole = head.bytes.length >= head.size
        const encoding = Encodings.encodingOf(head.bytes, isWhole)
        const media = mediaOf(place.path, head.bytes, encoding !== undefined)
        if (media !== undefined) return yield* shownMedia(place, head, media, mostMediaBytes)
        if (encoding === undefined) {
          const part = { ...head, bytes: head.bytes.subarray(0, defaultDump) }
          return ToolResult.content(Part.text(dumped(place, part, 0)))
        }
        if (isWhole) yield* TextFile.saw(place, head.version, seenText(head.bytes))
        const read = { place, encoding, head, bounds }
        return ToolResult.content(Part.text(yield* lines(read, from, to)))
      }).pipe(
        Effect.catchAll((error) =>
          typeof error === "string"
            ? Effect.fail(error)
            : Effect.flatMap(TextFile.refusal(error.place)(error.error), Effect.fail)
        )
      )
  )
}

// internal

const pieceBytes = 1024 * 1024

/** Files up to here are read to their end, to say how many lines they have. */
const countedBytes = 8 * 1024 * 1024

const defaultDump = 1024
const mostDump = 8192

interface Bounds {
  readonly mostLines: number
  readonly mostBytes: number
  readonly mostLength: number
}

/** A text that is being read. */
interface Read {
  readonly place: TextFile.Place
  readonly encoding: Encoding
  readonly head: FileContent
  readonly bounds: Bounds
}

interface Failed {
  readonly place: TextFile.Place
  readonly error: SandboxError
}

const piece = (place: TextFile.Place, offset: number, length: number): Effect.Effect<FileContent, Failed> =>
  Effect.mapError(place.sandbox.read(place.given, { offset, length }), (error) => ({ place, error }))

const clamped = (length: number | undefined): number => Math.max(1, Math.min(length ?? defaultDump, mostDump))

const seenText = (bytes: Uint8Array): string | undefined => {
  const text = Encodings.textOf(bytes)
  return text === undefined ? undefined : Endings.plain(text.text).text
}

const dumped = ({ shown }: TextFile.Place, { bytes, size }: FileContent, offset: number): string => {
  if (bytes.length === 0) return `${shown} has ${sizeOf(size)}; there are none from ${offset} on.`
  const end = offset + bytes.length
  const more = end < size ? `; go on with offset: ${end}` : ""
  return `${shown}: bytes ${offset}-${end - 1} of ${size}${more}\n${dump(bytes, offset)}`
}

const shownMedia = (
  place: TextFile.Place,
  head: FileContent,
  mediaType: string,
  most: number
): Effect.Effect<ToolResult.Content, Failed | string> =>
  Effect.gen(function* () {
    const about = `${place.shown}: ${mediaType}, ${sizeOf(head.size)}`
    if (head.size > most) {
      return yield* Effect.fail(
        `${about}. At most ${sizeOf(most)} can be shown: make a smaller copy, or read bytes of it with offset and length.`
      )
    }
    const pieces = [head.bytes]
    let length = head.bytes.length
    while (length < head.size) {
      const { bytes } = yield* piece(place, length, pieceBytes)
      if (bytes.length === 0) break
      pieces.push(bytes)
      length += bytes.length
    }
    const name = place.path.slice(place.path.lastIndexOf("/") + 1)
    const file = Part.fileFromBytes(mediaType, Lines.joined(pieces, length), name)
    return ToolResult.content(Part.text(about), file)
  })

const lines = (read: Read, from: number, to: number | undefined): Effect.Effect<string, Failed | string> =>
  Effect.gen(function* () {
    const { encoding, head, place } = read
    const { shown } = place
    const mark = Encodings.markLength(encoding)
    if (head.size <= mark) return `${shown} is empty${mark > 0 ? `, but for its byte order mark (${encoding})` : ""}.`
    if (from === 0 || to === 0)
      return yield* Effect.fail("Lines are counted from 1, or from -1 at the end: there is no line 0.")
    const isCounted = head.size <= countedBytes
    const isBackwards = from < 0 || (to !== undefined && to < 0)
    if (!isBackwards) return yield* forwards(read, { at: mark, first: 1 }, from, to ?? Number.POSITIVE_INFINITY)
    if (isCounted) {
      const { passed } = yield* scanned(read, mark, collectorOf(read, 1, 1, 0))
      const [first, last] = [fromStart(from, passed), fromStart(to ?? -1, passed)]
      return yield* forwards(read, { at: mark, first: 1 }, Math.max(1, first), last)
    }
    if (from > 0) return yield* Effect.fail(`${shown} has ${sizeOf(head.size)}: give from as a negative number, too.`)
    const start = yield* backwards(read, -from)
    return yield* forwards(read, start, start.first < 0 ? from : 1, to ?? Number.POSITIVE_INFINITY)
  })

const fromStart = (line: number, count: number): number => (line < 0 ? count + 1 + line : line)

const collectorOf = ({ bounds, encoding }: Read, first: number, from: number, to: number): Collector =>
  Lines.collector({ ...bounds, encoding, first, from, to })

/** Gives a collector the file from a place on, until it has enough. Small files go to their end, to be counted. */
const scanned = (
  { head, place }: Read,
  start: number,
  collector: Collector
): Effect.Effect<Collected & { readonly isEnd: boolean }, Failed> =>
  Effect.gen(function* () {
    let at = start
    if (start < head.bytes.length) {
      collector.add(head.bytes.subarray(start))
      at = head.bytes.length
    }
    while (at < head.size && (head.size <= countedBytes || !collector.isFull())) {
      const { bytes } = yield* piece(place, at, pieceBytes)
      if (bytes.length === 0) break
      collector.add(bytes)
      at += bytes.length
    }
    const isEnd = at >= head.size
    if (isEnd) collector.end()
    return { ...collector.collected(), isEnd }
  })

/** Where the last so many lines begin, and the number of the first. */
const backwards = (
  { encoding, head, place }: Read,
  count: number
): Effect.Effect<{ readonly at: number; readonly first: number }, Failed> =>
  Effect.gen(function* () {
    const mark = Encodings.markLength(encoding)
    let end = head.size - ((head.size - mark) % Encodings.unitOf(encoding))
    let wanted = count
    while (end > mark) {
      const start = Math.max(mark, end - pieceBytes)
      const { bytes } = yield* piece(place, start, end - start)
      const found = Lines.lastLines(bytes, encoding, wanted, end + 1 >= head.size)
      if ("at" in found) return { at: start + found.at, first: -count }
      wanted -= found.lines
      end = start
    }
    return { at: mark, first: 1 }
  })

const forwards = (
  read: Read,
  start: { readonly at: number; readonly first: number },
  from: number,
  to: number
): Effect.Effect<string, Failed | string> =>
  Effect.flatMap(scanned(read, start.at, collectorOf(read, start.first, from, to)), (collected) => {
    const { head, place } = read
    const [first, last] = [collected.lines[0], collected.lines.at(-1)]
    // Lines that are counted from the end have no number that says how many there are.
    const count = collected.isEnd && start.first > 0 ? collected.passed : undefined
    const of = count === undefined ? `a file of ${sizeOf(head.size)}` : `${count}`
    if (first === undefined || last === undefined) {
      return Effect.fail(
        from > to
          ? `There are no lines from ${from} to ${to}.`
          : `${place.shown} has ${count === undefined ? sizeOf(head.size) : `${count} ${count === 1 ? "line" : "lines"}`}: there is no line ${from}.`
      )
    }
    const next = last.number + 1
    const isMore = count === undefined ? !collected.isEnd || (start.first < 0 && next < 0) : next <= count
    const range =
      first.number === 1 && !isMore
        ? `${of} ${count === 1 ? "line" : "lines"}`
        : `lines ${first.number} to ${last.number} of ${of}`
    const facts = [range, ...factsOf(read, collected)].join(", ")
    const rest = last.isEndless ? "; see more of the line with offset" : `; go on with from: ${next}`
    const onwards = isMore ? rest : ""
    return Effect.succeed(`${place.shown}: ${facts}${onwards}\n${collected.lines.map(numbered).join("\n")}`)
  })

const factsOf = ({ encoding }: Read, { crlf, lf, lines }: Collected): ReadonlyArray<string> => [
  ...(encoding === "UTF-8" ? [] : [encoding === "Latin-1" ? "read as Latin-1" : encoding]),
  ...(crlf === 0 ? [] : [lf === 0 ? "CRLF" : "CRLF and LF mixed"]),
  ...(encoding.startsWith("UTF-8") && lines.some(({ text }) => text.includes("\ufffd"))
    ? ["\ufffd where it is not UTF-8"]
    : [])
]

const numbered = ({ isCut, isEndless, length, number, text }: Lines.Line): string => {
  const cut = isCut ? ` [… cut: the line has ${isEndless ? "more than " : ""}${sizeOf(length)}]` : ""
  return `${String(number).padStart(6)}\t${text}${cut}`
}
