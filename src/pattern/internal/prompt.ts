/**
 * What models are told of attempts: a task, and words behind it. What others wrote stands between tags.
 */
import * as Message from "../../domain/Message.ts"
import { ends } from "../../internal/texts.ts"

/** A text between tags, which it cannot close itself. */
export const tagged = (tag: string, text: string): string =>
  `<${tag}>\n${text.replace(new RegExp(`<(?=\\s*/?\\s*${tag}\\b)`, "gi"), "&lt;")}\n</${tag}>`

/** A task and words behind it. Files and images of the task stay in it. */
export const framed = (task: Message.Input, words: string): Message.Input =>
  typeof task === "string" ? `${task}\n\n${words}` : [...Message.fromInput(task), Message.user(words)]

/** The same for one who is not to do the task: a text stands between tags. */
export const shown = (task: Message.Input, words: string): Message.Input =>
  typeof task === "string"
    ? `${tagged("task", task)}\n\n${words}`
    : [Message.user("The task that others were given:"), ...Message.fromInput(task), Message.user(words)]

/** Lines of a list. */
export const listed = (items: ReadonlyArray<string>, mark = (_: number): string => "-"): string =>
  items.map((item, index) => `${mark(index)} ${item}`).join("\n")

/** The beginning and the end of a long text, with a word on what is left out. */
export const shortened = (text: string, most: number): string => {
  if (text.length <= most) return text
  const { from, head, tail, to } = ends(text, Math.ceil(most / 2), Math.floor(most / 2))
  return `${head}\n[${to - from} characters left out]\n${tail}`
}
