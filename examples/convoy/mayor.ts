/**
 * The mayor: an agent that reads what is to be done, puts it on the board in pieces that wait for each other, and looks at
 * what came of it. Who does a piece, and when, is not its business.
 */
import { Agent } from "axonal"
import * as BoardTools from "axonal/board/BoardTools"
import * as Runner from "axonal/pattern/Runner"
import * as Board from "./board.ts"
import * as Files from "./files.ts"

// #region mayor
const agent = Agent.make("mayor", {
  instructions:
    "You are the mayor. Others work for you: they find on the board what to do, and see nothing else of what you know. " +
    "Post one task for each file, with a short id, and in dependsOn whatever has to be merged before. Leave out the " +
    "assignee: whoever is free takes it. You only read files.",
  tools: [
    ...BoardTools.make({ board: Board.name, only: ["post_tasks", "list_tasks", "read_notes"] }),
    ...Files.reading
  ],
  limits: { turns: 12 }
})

export const make = (folder: string) => Runner.provide(agent, Files.within(`${folder}/main`, "read"))
// #endregion

export const plan = "Plan: read TODO.md and post what it asks for."
export const review =
  "Review: nothing is left that could be done. Read the notes with the tag mayor; where another task would help, post it. " +
  "Then say what came of the work, in two sentences."
