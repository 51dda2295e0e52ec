/**
 * What came of a convoy, as text: who did which item in how many attempts, what the witness saw, what it cost, and what is
 * different about the project.
 */
import { FileSystem } from "@effect/platform"
import type * as Result from "axonal/agent/Result"
import { Board as Tag } from "axonal/board/Board"
import { Effect } from "effect"
import * as Board from "./board.ts"
import * as Tree from "./tree.ts"

const original = `${import.meta.dirname}/project`

/** Gets the project to work on, unless it is there already. */
export const checkOut = (folder: string) =>
  Effect.gen(function* () {
    const files = yield* FileSystem.FileSystem
    if (!(yield* files.exists(`${folder}/main`))) yield* Tree.write(`${folder}/main`, yield* Tree.read(original))
  })

export const of = (folder: string, { output = "", usage }: Result.Outcome<string>) =>
  Effect.gen(function* () {
    const board = yield* Tag
    const items = (yield* board.list(Board.name)).filter(({ tags }) => !tags.includes("merge"))
    const notes = yield* board.notes(Board.name, { author: "witness" })
    const changes = Tree.diff(yield* Tree.read(original), yield* Tree.read(`${folder}/main`))
    return [
      output,
      ...items.map(
        ({ attempts, endedBy = "nobody", id, status }) => `${id}: ${status} by ${endedBy} (attempts: ${attempts})`
      ),
      ...notes.map(({ text }) => `witness: ${text}`),
      `${usage.inputTokens.total} tokens in, ${usage.outputTokens.total} out, ${usage.costUsd?.toFixed(6)} dollars`,
      ...changes
    ].join("\n")
  })
