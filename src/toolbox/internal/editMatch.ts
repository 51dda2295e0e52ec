/** Exact replacements in a text: one passage that is there once, or every one; several in order, all or none. */
import * as Either from "effect/Either"
import type { Edited, Splice } from "./diffRegions.ts"
import { spliced, trimmed } from "./diffRegions.ts"
import { lineNumbers } from "./editLines.ts"
import { explain } from "./editNearest.ts"

export interface Replacement {
  readonly old: string
  readonly new: string
  readonly all?: boolean | undefined
}

/** The text with these replacements made in order, each in what the ones before have made. */
export const replaced = (text: string, edits: ReadonlyArray<Replacement>): Either.Either<Edited, string> =>
  edits.reduce<Either.Either<Edited, string>>(
    (edited, edit, index) =>
      Either.flatMap(edited, (so) =>
        Either.mapLeft(one(so, edit), (problem) =>
          edits.length === 1 ? problem : `edits[${index}]: ${problem} None of the edits was made.`
        )
      ),
    Either.right({ text, regions: [] })
  )

// internal

/** So many places are told of. */
const mostTold = 10

const one = (edited: Edited, edit: Replacement): Either.Either<Edited, string> => {
  const { text } = edited
  if (edit.old === "") {
    return Either.left("old is empty: give the text that is replaced, or insert lines with patch_file.")
  }
  if (edit.old === edit.new) return Either.left("old and new are the same: there is nothing to change.")
  const first = text.indexOf(edit.old)
  if (first < 0) return Either.left(explain(text, edit))
  if (edit.all === true) return Either.right(spliced(edited, everywhere(text, edit, first)))
  // One place may overlap with the next.
  if (text.indexOf(edit.old, first + 1) < 0) {
    return Either.right(spliced(edited, [trimmed(text, { from: first, to: first + edit.old.length, text: edit.new })]))
  }
  const places: Array<number> = []
  for (let at = first; at >= 0 && places.length <= mostTold; at = text.indexOf(edit.old, at + 1)) places.push(at)
  const isMore = places.length > mostTold
  const lines = [...new Set(lineNumbers(text, places.slice(0, mostTold)))].join(", ")
  return Either.left(
    `old is in the file ${isMore ? `more than ${mostTold}` : places.length} times, at lines ${lines}${isMore ? " …" : ""}: ` +
      "add lines around the one that is meant to old and new, or give all: true to replace every one."
  )
}

const everywhere = (text: string, edit: Replacement, first: number): ReadonlyArray<Splice> => {
  const splices: Array<Splice> = []
  for (let at = first; at >= 0; at = text.indexOf(edit.old, at + edit.old.length)) {
    splices.push(trimmed(text, { from: at, to: at + edit.old.length, text: edit.new }))
  }
  return splices
}
