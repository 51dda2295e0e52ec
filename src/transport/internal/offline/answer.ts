/**
 * Writes the answer of a request from the results of its calls, and says what was not done and why. It adds nothing
 * that no result says.
 */

import type { ToolResult } from "../../../domain/Part.ts"
import { next } from "./actions.ts"
import { introduce } from "./help.ts"
import type { Task } from "./plan.ts"
import { quote } from "./quote.ts"
import { ofFile, ofList, ofSearch, textOf } from "./results.ts"
import type { Declared } from "./tools.ts"
import type { Said, Wish } from "./words.ts"

/** The answer. Never empty. */
export const answer = (tasks: ReadonlyArray<Task>, tools: ReadonlyArray<Declared>): string => {
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

const say = (task: Exclude<Task, { readonly _tag: "Unknown" }>, tools: ReadonlyArray<Declared>): string => {
  switch (task._tag) {
    case "Introduce":
      return introduce(tools)
    case "Lacking":
      return `I cannot ${task.what}: no tool of this program does that. ${instead(task.wish, tools)}`
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

/** What can be asked for instead, or what there is. */
const instead = (wish: Said, tools: ReadonlyArray<Declared>): string => {
  const command = wish.kind === "delete" ? `rm ${wish.path}` : undefined
  const known = { tools, resultOf: () => undefined, lines: new Map<string, number>(), plan: undefined }
  if (command !== undefined && !("lacking" in next({ kind: "command", command }, known)))
    return `Ask for: run ${command}`
  const names = tools.map(({ name }) => name)
  return names.length === 0 ? "No tools are declared at all." : `It declares: ${names.join(", ")}.`
}

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
      .filter((value) => typeof value !== "object")
      .map((value) => clip(String(value), 80))
      .join(", ")
    const why = result.outcome === "denied" ? text.replace(/^(?:Denied|Not approved): /, "") : text
    return `${call.name}${given === "" ? "" : ` (${given})`} ${failure[result.outcome] ?? result.outcome}: ${clip(why, 400) || "no reason given"}`
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
    case "edit":
    case "write":
    case "append":
      return sayChange(text)
    case "command":
      return `${wish.command}:\n\n${block(text)}`
    case "fetch":
      return `${wish.url}:\n\n${block(text, 40)}`
    case "plan":
    case "plans":
    case "todo":
    case "done":
      return block(text)
    case "delegate":
      return `${String(call.input["agent"] ?? "The agent")} answers:\n\n${clip(text, 4000)}`
    case "ask":
      return `You were asked “${wish.question}”. ${clip(text, 1000)}`
    default:
      return `${call.name}: ${clip(text, 4000)}`
  }
}

/** The first line says what was done; what follows is the difference. */
const sayChange = (text: string): string => {
  const [head = "", ...diff] = text.split("\n")
  return diff.length === 0 ? head : `${head}\n\n${block(diff.join("\n"), 60, "diff")}`
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

const block = (text: string, most = 60, language = ""): string => {
  const lines = text.replace(/\n$/, "").split("\n")
  const shown = lines.slice(0, most).map((line) => clip(line, 300))
  const rest = lines.length > most ? `\n(${lines.length - most} more lines came back and are not repeated here.)` : ""
  const fence = text.includes("```") ? "````" : "```"
  return `${fence}${language}\n${shown.join("\n")}\n${fence}${rest}`
}

const clip = (text: string, most: number): string => (text.length <= most ? text : `${text.slice(0, most)} …`)

const plural = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`
