/** Lines of a text replaced by their numbers, also by numbers that were read before other lines were changed. */
import * as Either from "effect/Either"
import type { Edited, Splice } from "./diffRegions.ts"
import { spliced, trimmed } from "./diffRegions.ts"
import type { LineChange } from "./diffRender.ts"
import { lineStarts } from "./editLines.ts"

/** Lines `from` to `to`, counted from 1, and what stands instead of them. `to` is `from - 1` to insert before `from`. */
export interface LinePatch {
  readonly from: number
  readonly to: number
  readonly content: string
}

/**
 * The text with these lines replaced. All numbers are those of the text before `changes`, which were made one after another.
 */
export const patched = (
  text: string,
  patches: ReadonlyArray<LinePatch>,
  changes: ReadonlyArray<ReadonlyArray<LineChange>>
): Either.Either<Edited, string> => {
  const starts = lineStarts(text)
  const [backwards] = patches.flatMap(({ from, to }, index) =>
    from >= 1 && to >= from - 1
      ? []
      : [said(patches, index)(`${from} to ${to} are no lines: to insert before line n give from: n and to: n - 1.`)]
  )
  if (backwards !== undefined) return Either.left(backwards)
  const moved = Either.all(
    patches.map((patch, index) => Either.mapLeft(translated(patch, changes), said(patches, index)))
  )
  return Either.flatMap(moved, (patches) => {
    const wrong = patches.flatMap((patch, index) => {
      const problem = problemOf(patch, starts.length)
      return problem === undefined ? [] : [said(patches, index)(problem)]
    })
    if (wrong[0] !== undefined) return Either.left(wrong[0])
    const ordered = [...patches].sort((one, other) => one.from - other.from || one.to - other.to)
    const clash = ordered.find((patch, index) => {
      const before = ordered[index - 1]
      // What is removed at the end leaves an end of a line that what is inserted there would need.
      const isAtEnd = before?.content === "" && before.to === starts.length && patch.from === starts.length + 1
      return before !== undefined && (patch.from <= before.to || isAtEnd)
    })
    if (clash !== undefined) {
      return Either.left(`Two patches change line ${clash.from}: put what they do into one. Nothing was changed.`)
    }
    return Either.right(
      spliced(
        { text, regions: [] },
        ordered.map((patch) => trimmed(text, spliceOf(text, starts, patch)))
      )
    )
  })
}

// internal

const said =
  (patches: ReadonlyArray<unknown>, index: number) =>
  (problem: string): string =>
    patches.length === 1 ? `${problem} Nothing was changed.` : `patches[${index}]: ${problem} Nothing was changed.`

const problemOf = ({ content, from, to }: LinePatch, lines: number): string | undefined => {
  const has = `the file has ${lines} ${lines === 1 ? "line" : "lines"}`
  if (from > lines + 1) return `There is no line ${from}: ${has}.`
  if (to > lines) return `There is no line ${to}: ${has}.`
  return content === "" && to < from ? "content is empty, and no line is replaced: there is nothing to do." : undefined
}

const spliceOf = (text: string, starts: ReadonlyArray<number>, { content, from, to }: LinePatch): Splice => {
  const start = starts[from - 1] ?? text.length
  const end = starts[to] ?? text.length
  const plain = content.endsWith("\n") ? content.slice(0, -1) : content
  // The last line keeps having no end if it has none.
  const isOpen = end === text.length && text !== "" && !text.endsWith("\n")
  if (content === "") return { from: start, to: end, text: "" }
  if (isOpen) return { from: start, to: end, text: start === text.length ? `\n${plain}` : plain }
  return { from: start, to: end, text: `${plain}\n` }
}

/** The same lines after other lines were changed. */
const translated = (
  patch: LinePatch,
  changes: ReadonlyArray<ReadonlyArray<LineChange>>
): Either.Either<LinePatch, string> => {
  const { content, from, to } = patch
  const first = to >= from ? after(from, changes) : (after(from, changes) ?? next(after(from - 1, changes)))
  const last = to >= from ? after(to, changes) : first === undefined ? undefined : first - 1
  if (first === undefined || last === undefined || last - first !== to - from) {
    return Either.left(
      `Another call of the same answer has changed lines ${from} to ${Math.max(from, to)}: read them again.`
    )
  }
  return Either.right({ from: first, to: last, content })
}

const next = (line: number | undefined): number | undefined => (line === undefined ? undefined : line + 1)

/** The number that a line has after changes, or nothing if one of them has replaced it. */
const after = (line: number, changes: ReadonlyArray<ReadonlyArray<LineChange>>): number | undefined =>
  changes.reduce<number | undefined>((now, layer) => {
    if (now === undefined || now === 0) return now
    let shift = 0
    for (const { added, line: first, removed } of layer) {
      if (first + removed.length <= now - 1) shift += added.length - removed.length
      else if (first <= now - 1) return undefined
    }
    return now + shift
  }, line)
