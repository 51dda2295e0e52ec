/** What the specialists would do. The first version of `unique` has a mistake, which the reviewer finds. */
import type { Transport } from "axonal"
import { ScriptedTransport } from "axonal/testing"
import { edits, tasks } from "./answers.ts"
import { read } from "./reading.ts"

const { call, text } = ScriptedTransport

type Steps = ReadonlyArray<ScriptedTransport.Step>

const file = (path: string) => call(path, "read_file", { path })
const note = (task: string | undefined, tags: ReadonlyArray<string>, words: string) =>
  call(words, "add_note", { ...(task === undefined ? undefined : { task }), tags, text: words })

/** Answers one after the other; the last one is repeated. */
const turns = (request: Transport.Request, ...answers: ReadonlyArray<() => Steps>): Steps =>
  answers[Math.min(read(request).turn, answers.length - 1)]?.() ?? []

export const analyst = (request: Transport.Request): Steps =>
  turns(
    request,
    () => [file("ISSUE.md"), call("files", "list_files"), call("cases", "run_cases")],
    () => [file("src/slugify.ts")],
    () => [
      note(
        undefined,
        ["findings"],
        "src/slugify.ts:1 takes letters with accents for gaps, and keeps hyphens at the ends."
      ),
      note(undefined, ["findings"], `These fail:\n${read(request).of("run_cases")?.text}`)
    ],
    () => [text("slugify treats accents as gaps, and unique is missing. Two notes say more.")]
  )

export const planner = (request: Transport.Request): Steps =>
  turns(
    request,
    () => [call("notes", "read_notes", { tag: "findings" }), file("ISSUE.md")],
    () => [call("post", "post_tasks", { tasks })],
    () => [text("Four tasks: two edits side by side, then the README, then a review.")]
  )

/** Claims, reads, changes what is not changed yet, completes. */
export const worker = (request: Transport.Request): Steps => {
  const { id, last, of } = read(request)
  const { done, ...edit } = edits[id] ?? { path: "", old: "", new: "", done: "" }
  const [result] = last
  if (result === undefined) return [call("claim", "claim_task", { task: id })]
  if (result.name === "complete_task" || of("claim_task")?.isOk !== true) return [text(result.text)]
  if (result.name === "claim_task") return [file(edit.path)]
  const isChanged = of("edit_file") !== undefined || (result.isOk && result.text.includes(edit.new))
  return isChanged ? [call("complete", "complete_task", { task: id, result: done })] : [call("edit", "edit_file", edit)]
}

export const reviewer = (request: Transport.Request): Steps => {
  const { id, last, of } = read(request)
  const [result] = last
  if (result === undefined) return [call("claim", "claim_task", { task: id })]
  if (result.name === "complete_task" || of("claim_task")?.isOk !== true) return [text(result.text)]
  if (result.name === "claim_task") return [call("cases", "run_cases"), file("src/slugify.ts"), file("src/unique.ts")]
  const wrong = of("run_cases")?.text ?? ""
  const isRight = wrong.startsWith("All")
  if (!isRight && of("post_tasks") === undefined) {
    const again = { id: "unique-again", title: "Find the first slug that is free", assignee: "editor", detail: wrong }
    const review = { id: "review-again", title: "Review unique again", assignee: "reviewer", dependsOn: [again.id] }
    return [note(id, ["review"], `Not yet: ${wrong}`), call("post", "post_tasks", { tasks: [again, review] })]
  }
  return [call("complete", "complete_task", { task: id, result: isRight ? "Accepted" : `Sent back: ${wrong}` })]
}
