/**
 * Writes the answer of a request from the results of its calls, and says what was not done and why. It adds nothing
 * that no result says.
 */

import type { ToolResult } from "../../../domain/Part.ts"
import type { Task } from "./plan.ts"
import { quote } from "./quote.ts"
import { ofFile, ofList, ofSearch, textOf } from "./results.ts"
import type { Wish } from "./words.ts"

/** What this transport says of itself. */
export const introduction = [
  "I am the offline transport: a few rules, no language model and no network. I can read what is asked in plain words,",
  "call the tools of this program, and answer from their results. Try:"
].join(" ")

const abilities = [
  "read README.md and tell me what this is",
  "list src, or: how many files are there",
  "search TODO in src",
  "how many lines has package.json",
  "2*(3+4)"
]

const connecting =
  "For real answers connect a model: set OPENAI_API_KEY (or OPENAI_BASE_URL for any server that speaks the same" +
  " protocol), or start Ollama on this machine."

/** The answer. Never empty. */
export const answer = (tasks: ReadonlyArray<Task>, tools: ReadonlyArray<string>): string => {
  const known = tasks.filter((task) => task._tag !== "Unknown")
  const unknown = tasks.flatMap((task) => (task._tag === "Unknown" ? [clip(task.text, 120)] : []))
  const parts = known.map((task) => say(task, tools))
  if (unknown.length > 0 && known.length > 0) {
    parts.push(
      `I did not do this, because there is no model here to do it: ${unknown.map((text) => `“${text}”`).join(", ")}.`
    )
  }
  if (known.length === 0) {
    const what = unknown[0]
    if (what !== undefined) parts.push(`I cannot answer “${what}”.`)
    parts.push(introduce(tools))
  }
  return parts.join("\n\n")
}

const introduce = (tools: ReadonlyArray<string>): string =>
  [
    introduction,
    abilities.map((line) => `- ${line}`).join("\n"),
    tools.length === 0 ? "No tools are declared in this request." : `Tools declared here: ${tools.join(", ")}.`,
    connecting
  ].join("\n\n")

const say = (task: Exclude<Task, { readonly _tag: "Unknown" }>, tools: ReadonlyArray<string>): string => {
  switch (task._tag) {
    case "Introduce":
      return introduce(tools)
    case "Lacking":
      return `I cannot ${task.what}: no tool of this program does that. ${toolNames(tools)}`
    case "Missing":
      return `To call ${task.tool} I need ${task.fields.join(", ")}. For example: ${task.tool} ${task.fields
        .map((name) => `${name}=…`)
        .join(" ")}`
    case "Attached":
      return task.text === ""
        ? "Nothing is attached that I could describe."
        : about("the attached text", "stdin", task.text)
    case "Recall":
      return task.asked.length === 0
        ? "This conversation has no earlier requests."
        : [
            "Earlier in this conversation you asked:",
            ...task.asked.map((text, index) => `${index + 1}. ${clip(text, 200)}`)
          ].join("\n")
    case "Call":
      return task.result === undefined ? `I did not get to call ${task.call.name}.` : sayResult(task, task.result)
  }
}

const toolNames = (tools: ReadonlyArray<string>): string =>
  tools.length === 0 ? "No tools are declared at all." : `It declares: ${tools.join(", ")}.`

const failure: { readonly [outcome: string]: string } = {
  failed: "failed",
  invalid: "was refused because of its arguments",
  "unknown-tool": "is not a tool of this program",
  denied: "was denied",
  "timed-out": "took too long and was stopped",
  interrupted: "was interrupted",
  skipped: "was not started"
}

const sayResult = (task: Extract<Task, { readonly _tag: "Call" }>, result: ToolResult): string => {
  const { call, wish } = task
  const text = textOf(result)
  if (result.outcome !== "ok") {
    const given = Object.values(call.input)
      .map((value) => (typeof value === "string" ? value : JSON.stringify(value)))
      .join(", ")
    return `${call.name} (${given}) ${failure[result.outcome] ?? result.outcome}: ${clip(text, 400) || "no reason given"}`
  }
  switch (wish.kind) {
    case "read":
      return sayFile(wish, result)
    case "list":
      return sayList(wish, text)
    case "find": {
      const { entries, more } = ofList(text)
      const where = wish.path === undefined ? "" : ` in ${wish.path}`
      if (entries.length === 0) return `No file is called ${wish.pattern}${where}.`
      return `${plural(entries.length + more, "file")} called ${wish.pattern}${where}:\n\n${block(text)}`
    }
    case "search": {
      const { hits, isMore } = ofSearch(text)
      const where = wish.path === undefined ? "" : ` in ${wish.path}`
      if (hits === 0) return `No match for “${wish.text}”${where}.`
      return wish.want === "count"
        ? `“${wish.text}” is on ${isMore ? "at least " : ""}${plural(hits, "line")}${where}.`
        : `“${wish.text}”${where}: ${isMore ? "the first " : ""}${plural(hits, "match", "matches")}.\n\n${block(text)}`
    }
    case "calculate":
      return `${wish.expression} = ${text}`
    default:
      return `${call.name}: ${clip(text, 4000)}`
  }
}

const sayFile = (wish: Extract<Wish, { readonly kind: "read" }>, result: ToolResult): string => {
  const { path } = wish
  const { isOther, lines, text } = ofFile(result, path)
  if (isOther) return text.includes("\n") ? `${path} is no text.\n\n${block(text)}` : text
  if (wish.want === "about") return about(path, path, text)
  if (wish.want === "content") return text === "" ? `${path} is empty.` : `${path}:\n\n${block(text)}`
  const came = text === "" ? 0 : text.replace(/\n$/, "").split("\n").length
  return lines === undefined && /\[… \d+ of \d+ characters cut …\]/.test(text)
    ? `${path} is too long to count: only a part of it came back.`
    : `${path} has ${plural(lines ?? came, "line")}.`
}

const sayList = (wish: Extract<Wish, { readonly kind: "list" }>, text: string): string => {
  const where = wish.path ?? "this folder"
  const { entries, more } = ofList(text)
  if (wish.want === "names") return entries.length === 0 ? `${where} is empty.` : `In ${where}:\n\n${block(text)}`
  return `${plural(entries.filter((line) => !/\/$/.test(line)).length + more, "file")} in ${where}.`
}

const about = (name: string, path: string, text: string): string => {
  const { paragraph, title } = quote(path, text)
  if (text.trim() === "") return `${name} is empty.`
  const named = title === undefined ? "" : ` is titled “${title}”.`
  if (paragraph === undefined) {
    return named === ""
      ? `${name} does not say in words what it is. It begins:\n\n${block(text, 10)}`
      : `${name}${named}`
  }
  const says = named === "" ? `${name} says of itself:` : `${name}${named} It says:`
  return `${says}\n\n> ${paragraph}\n\n(Quoted from the file. Offline there is no model to say more.)`
}

const block = (text: string, most = 60): string => {
  const lines = text.replace(/\n$/, "").split("\n")
  const shown = lines.slice(0, most).map((line) => clip(line, 300))
  const rest = lines.length > most ? `\n(${lines.length - most} more lines came back and are not repeated here.)` : ""
  const fence = text.includes("```") ? "````" : "```"
  return `${fence}\n${shown.join("\n")}\n${fence}${rest}`
}

const clip = (text: string, most: number): string => (text.length <= most ? text : `${text.slice(0, most)} …`)

const plural = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`
