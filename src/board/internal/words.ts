/**
 * What models read of a board: a line for each task, and what to do next.
 */
import { head } from "../../internal/texts.ts"
import type { Note, Refusal, Task } from "./model.ts"
import { statuses } from "./model.ts"

/** Most lines of a list. */
const most = 50

export const line = (task: Task): string => {
  const about = [
    ...(task.priority === 0 ? [] : [`priority ${task.priority}`]),
    ...(task.tags.length === 0 ? [] : [`tags ${task.tags.join(", ")}`]),
    ...(task.assignee === undefined ? [] : [`for ${task.assignee}`]),
    ...(task.attempts === 0 ? [] : [`attempt ${task.attempts} of ${task.maxAttempts}`])
  ]
  return `${task.id} [${task.status}] ${task.title}${about.length === 0 ? "" : ` (${about.join("; ")})`}${state(task)}`
}

/** Everything about a task. */
export const whole = (task: Task): string =>
  [
    line(task),
    ...(task.detail === undefined ? [] : [task.detail]),
    ...(task.result === undefined ? [] : [`Result: ${textOf(task.result)}`])
  ].join("\n")

export const list = (tasks: ReadonlyArray<Task>): string => {
  if (tasks.length === 0) return "There are no such tasks."
  const shown = tasks.slice(0, most).map(line)
  const rest = tasks.length - shown.length
  return [
    counts(tasks),
    ...shown,
    ...(rest === 0 ? [] : [`… and ${rest} more; ask for one status or one tag to see them`])
  ].join("\n")
}

/** How many tasks there are of each status that occurs. */
export const counts = (tasks: ReadonlyArray<Task>): string =>
  statuses
    .flatMap((status) => {
      const count = tasks.filter((task) => task.status === status).length
      return count === 0 ? [] : [`${count} ${status}`]
    })
    .join(", ")

/** What a worker needs to begin: the task, and what came of those that it depends on. */
export const begun = (task: Task, before: ReadonlyArray<Task>): string => {
  const results = before.filter(({ result }) => result !== undefined)
  return [
    `You have task ${task.id}: ${task.title}`,
    ...(task.detail === undefined ? [] : [task.detail]),
    ...(task.reason === undefined ? [] : [`The attempt before yours came to nothing: ${task.reason}`]),
    ...results.map(({ id, result, title }) => `Result of ${id} (${title}): ${textOf(result)}`)
  ].join("\n")
}

export const notes = (found: ReadonlyArray<Note>): string =>
  found.length === 0
    ? "There are no such notes."
    : found
        .map(({ author, tags, task, text }) => {
          const about = [...(task === undefined ? [] : [`on ${task}`]), ...tags.map((tag) => `#${tag}`)]
          return `${author}${about.length === 0 ? "" : ` (${about.join(" ")})`}: ${text}`
        })
        .join("\n")

/** What to do when there is nothing to claim, so that nobody asks again and again. */
export const nothingReady = (tasks: ReadonlyArray<Task>, waitForTasks: string): string => {
  const going = tasks.filter(({ status }) => status === "in-progress").map(({ id }) => id)
  const stuck = tasks.filter(({ stuckOn }) => stuckOn.length > 0).map(({ id }) => id)
  return [
    `No task is ready for you${tasks.length === 0 ? ": the board is empty" : ` (${counts(tasks)})`}.`,
    ...(stuck.length === 0 ? [] : [`${stuck.join(", ")} will never be: what they wait for failed or was cancelled.`]),
    going.length === 0
      ? "Do not claim again; say that there is nothing to do."
      : `Others work on ${going.join(", ")}: call ${waitForTasks} with them, or end your work.`
  ].join(" ")
}

/** What a board refused, and what a model can do about it. */
export const advice = (
  { _tag, message }: { readonly _tag: Refusal["reason"]; readonly message: string },
  claimTask: string,
  listTasks: string
): string => {
  const said = `${message.charAt(0).toUpperCase()}${message.slice(1)}.`
  if (_tag === "LeaseLost") return `${said} Claim another with ${claimTask}.`
  if (_tag === "NotFound") return `${said} Call ${listTasks}.`
  if (_tag === "Unavailable" || _tag === "Corrupt") {
    return `The board cannot be used now: ${message}. Try once more, and then go on without it.`
  }
  return said
}

// internal

const state = ({ claim, reason, result, status, stuckOn, waitsFor }: Task): string => {
  if (status === "in-progress") return claim === undefined ? "" : `: ${claim.worker} works on it`
  if (stuckOn.length > 0) return `: waits in vain for ${stuckOn.join(", ")}`
  if (status === "blocked") return `: waits for ${waitsFor.join(", ")}`
  if (status === "done") return result === undefined ? "" : `: ${clip(textOf(result))}`
  return reason === undefined ? "" : `: ${clip(reason)}`
}

const textOf = (result: unknown): string => (typeof result === "string" ? result : JSON.stringify(result))

const clip = (text: string): string => {
  const line = text.replace(/\s+/g, " ").trim()
  return line.length <= 160 ? line : `${head(line, 159)}…`
}
