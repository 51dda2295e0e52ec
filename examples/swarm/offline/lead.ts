/** What the lead would do: look at the board, and give away what is open. */
import type { Transport } from "axonal"
import { ScriptedTransport } from "axonal/testing"
import { read } from "./reading.ts"

const { call, text } = ScriptedTransport

const delegate = (agent: string, task: string) => call(`${agent}-${task}`, "delegate", { agent, task })

const look = [call("tasks", "list_tasks"), call("notes", "read_notes")]

export const lead = (request: Transport.Request): ReadonlyArray<ScriptedTransport.Step> => {
  const { last, of, task, turn } = read(request)
  if (turn === 0) return [call("issue", "read_file", { path: "ISSUE.md" }), ...look]
  if (!last.some(({ name }) => name === "list_tasks")) return look
  const board = of("list_tasks")?.text ?? ""
  if (board.startsWith("There are no")) {
    return of("read_notes")?.text.includes("#findings") === true
      ? [delegate("planner", "Plan the work on ISSUE.md.")]
      : [delegate("analyst", "Find the causes of what ISSUE.md tells.")]
  }
  const open = Array.from(board.matchAll(/^(\S+) \[open\] .*\bfor (\w+)/gm), ([, id = "", agent = ""]) =>
    delegate(agent, `Task ${id} of the board is yours.`)
  )
  if (open.length > 0) return open
  const going = Array.from(board.matchAll(/^(\S+) \[in-progress\]/gm), ([, id = ""]) => id)
  if (going.length > 0) return [call("wait", "wait_for_tasks", { tasks: going })]
  if (task.includes("still fails") && of("post_tasks") === undefined) {
    const again = { id: "unique-again", title: "Find the first slug that is free", assignee: "editor", detail: task }
    return [call("post", "post_tasks", { tasks: [again] })]
  }
  return [text("The issue is solved and reviewed.")]
}
