/**
 * The calls for wishes that change something. Some take two: a file is read before lines are added to its end, a plan before
 * a line of it is changed.
 */
import type { ToolResult } from "../../../domain/Part.ts"
import type { Change } from "./changes.ts"
import { ofFile, textOf } from "./results.ts"
import type { Declared, Field, Looking, Planned } from "./tools.ts"
import { fieldsOf, planFor, wordsOf } from "./tools.ts"

/** What is known when calls are planned: the tools, and what the calls of this exchange came to so far. */
export interface Known {
  readonly tools: ReadonlyArray<Declared>
  readonly resultOf: (call: Planned) => ToolResult | undefined
  /** The number of lines of files after what was done to them; unknown for those that were changed otherwise. */
  readonly lines: Map<string, number | undefined>
  /** The last that was told of the plan. */
  plan: ToolResult | undefined
}

/** The next call for a wish, and whether its result is what was wished for; or what no declared tool can do. */
export type Next = { readonly call: Planned; readonly isLast: boolean } | { readonly lacking: string }

/** The next call. */
export const next = (wish: Change, known: Known): Next => {
  switch (wish.kind) {
    case "edit":
      return last(editing(wish, known.tools), "change parts of files")
    case "write":
      return last(writing(wish.path, ended(wish.text), known.tools), "write files")
    case "append":
      return appending(wish, known)
    case "delete":
      return last(simple(known.tools, "delete", { path: wish.path }), "delete files")
    case "command":
      return last(simple(known.tools, "command", { command: wish.command }), "run commands")
    case "fetch":
      return last(simple(known.tools, "fetch", { url: wish.url }), "read pages of the web")
    case "delegate":
      return last(delegating(wish, known.tools), "ask other agents")
    case "ask":
      return last(simple(known.tools, "ask", { question: wish.question }), "ask you questions")
    case "propose":
      return last(simple(known.tools, "propose", { plan: wish.plan }), "present plans")
    case "plan":
      return last(
        listing(
          wish.items.map((content) => ({ content, status: "pending" })),
          known.tools
        ),
        "keep a plan"
      )
    case "plans":
      return last(reading(known.tools), "show a plan")
    case "todo":
    case "done":
      return changing(wish, known)
  }
}

/** Whether a call for a wish changes what others may look at. */
export const isChanging = ({ kind }: { readonly kind: string }): boolean =>
  /^(?:edit|write|append|delete|command|propose|plan|todo|done)$/.test(kind)

/** Remembers what a wish has come to. */
export const remember = (wish: Change, result: ToolResult | undefined, known: Known): void => {
  if (result?.outcome !== "ok") return
  const { lines } = known
  switch (wish.kind) {
    case "write":
      lines.set(wish.path, countOf(wish.text))
      break
    case "edit":
      lines.set(wish.path, undefined)
      break
    case "append": {
      const before = lines.get(wish.path)
      lines.set(wish.path, before === undefined ? undefined : before + countOf(wish.text))
      break
    }
    case "plan":
    case "todo":
    case "done":
      known.plan = result
  }
}

/** What tools are called that can do something, and the one parameter by which they take it. */
const kinds = {
  delete: { name: /^(?:delete|remove|rm|unlink|erase)$/, field: /^(?:path|file|file_?name|file_?path)$/i },
  command: { name: /^(?:shell|bash|sh|terminal|command|exec|execute|run)$/, field: /^(?:command|cmd|script)$/i },
  fetch: { name: /^(?:fetch|web|browse|url|http|page|visit|open|read)$/, field: /^(?:url|uri|address)$/i },
  ask: { name: /^(?:ask|question)$/, field: /^question$/i },
  propose: { name: /^(?:present|propose)$/, field: /^plan$/i }
} as const

const path = /^(?:path|file|file_?name|file_?path)$/i
const content = /^(?:content|contents|text|data|body)$/i
const old = /^(?:old|old_?(?:text|string|str)|search|find)$/i
const other = /^(?:new|new_?(?:text|string|str)|replace|replacement)$/i
const all = /^(?:all|replace_?all|everywhere)$/i

/** The first tool of such a name that has these parameters and needs no others. */
const tooled = <Key extends string>(
  tools: ReadonlyArray<Declared>,
  name: RegExp,
  shape: Readonly<Record<Key, RegExp>>
): { readonly tool: Declared; readonly fields: Readonly<Record<Key, Field>> } | undefined => {
  for (const tool of tools) {
    if (!wordsOf(tool.name).some((word) => name.test(word))) continue
    const fields = fieldsOf(tool)
    const found: Record<string, Field> = {}
    for (const [key, form] of Object.entries<RegExp>(shape)) {
      const field = fields.find((one) => form.test(one.name))
      if (field !== undefined) found[key] = field
    }
    const names = Object.values(found).map((field) => field.name)
    const isEnough = fields.every((field) => !field.required || names.includes(field.name))
    if (isEnough && isWhole(found, shape)) return { tool, fields: found }
  }
  return undefined
}

const isWhole = <Key extends string>(
  found: Readonly<Record<string, Field>>,
  shape: Readonly<Record<Key, RegExp>>
): found is Readonly<Record<Key, Field>> => Object.keys(shape).every((key) => key in found)

const last = (call: Planned | undefined, lacking: string): Next =>
  call === undefined ? { lacking } : { call, isLast: true }

const simple = (
  tools: ReadonlyArray<Declared>,
  kind: keyof typeof kinds,
  value: Readonly<Record<string, string>>
): Planned | undefined => {
  const found = tooled(tools, kinds[kind].name, { main: kinds[kind].field })
  return found === undefined
    ? undefined
    : { name: found.tool.name, input: { [found.fields.main.name]: Object.values(value)[0] } }
}

const named = (names: ReadonlyArray<string>, form: RegExp): string | undefined => names.find((name) => form.test(name))

const editing = (
  { from, isEverywhere, path: file, to }: Extract<Change, { readonly kind: "edit" }>,
  tools: ReadonlyArray<Declared>
): Planned | undefined => {
  for (const tool of tools) {
    const fields = fieldsOf(tool)
    const names = fields.map((field) => field.name)
    const [at, list] = [named(names, path), fields.find(({ items }) => named(items, old) && named(items, other))]
    const [before, after, every] = [old, other, all].map((form) => named(list?.items ?? names, form))
    if (at === undefined || before === undefined || after === undefined) continue
    const edit = { [before]: from, [after]: to, ...(isEverywhere && every !== undefined ? { [every]: true } : {}) }
    return { name: tool.name, input: { [at]: file, ...(list === undefined ? edit : { [list.name]: [edit] }) } }
  }
  return undefined
}

const writing = (file: string, text: string, tools: ReadonlyArray<Declared>): Planned | undefined => {
  const found = tooled(tools, /^(?:write|create|save|put)$/, { path, content })
  return found === undefined
    ? undefined
    : { name: found.tool.name, input: { [found.fields.path.name]: file, [found.fields.content.name]: text } }
}

const appending = (wish: Extract<Change, { readonly kind: "append" }>, known: Known): Next => {
  const { tools } = known
  const lacking = "add lines to files"
  const own = tooled(tools, /^append$/, { path, content })
  if (own !== undefined) {
    const input = { [own.fields.path.name]: wish.path, [own.fields.content.name]: ended(wish.text) }
    return { call: { name: own.tool.name, input }, isLast: true }
  }
  const patching = tools.find((tool) => listOf(tool, ["from", "to", "content"]) !== undefined)
  const list = patching === undefined ? undefined : listOf(patching, ["from", "to", "content"])
  if (patching === undefined || list === undefined) return { lacking }
  let lines = known.lines.get(wish.path)
  if (lines === undefined) {
    const call = looking({ kind: "read", path: wish.path, want: "content" }, known)
    if (call === undefined) return { lacking }
    const result = known.resultOf(call)
    if (result === undefined) return { call, isLast: false }
    if (result.outcome !== "ok") {
      const created = writing(wish.path, ended(wish.text), tools)
      const isAbsent =
        result.outcome === "failed" && /\bno (?:such )?file\b|not (?:there|exist)|no such/i.test(textOf(result))
      return isAbsent && created !== undefined ? { call: created, isLast: true } : { call, isLast: true }
    }
    const file = ofFile(result, wish.path)
    if (file.isOther) return { call, isLast: true }
    lines = file.lines ?? countOf(file.text)
    known.lines.set(wish.path, lines)
  }
  const patch = { from: lines + 1, to: lines, content: wish.text }
  return { call: { name: patching.name, input: { path: wish.path, [list.name]: [patch] } }, isLast: true }
}

/** The call that looks at a file. One that was changed meanwhile is looked at anew, by a call that is another. */
export const looking = (wish: Looking, { lines, tools }: Known): Planned | undefined => {
  const isChanged = wish.kind === "read" && lines.has(wish.path) && wish.from === undefined
  const planned = planFor(isChanged ? { ...wish, from: 1 } : wish, tools)
  return "lacking" in planned ? undefined : planned
}

const listOf = (tool: Declared, names: ReadonlyArray<string>): Field | undefined =>
  fieldsOf(tool).find(({ items }) => items.length > 0 && names.every((name) => items.includes(name)))

const delegating = (
  { agent, task }: Extract<Change, { readonly kind: "delegate" }>,
  tools: ReadonlyArray<Declared>
): Planned | undefined => {
  for (const tool of tools) {
    const fields = fieldsOf(tool)
    const who = fields.find(({ choices, name }) => name === "agent" && choices.length > 0)
    const what = fields.find(({ name }) => /^(?:task|prompt)$/.test(name))
    const chosen = agent === undefined ? who?.choices[0] : who?.choices.find((name) => name === agent)
    if (who === undefined || what === undefined || chosen === undefined) continue
    return { name: tool.name, input: { [who.name]: chosen, [what.name]: task } }
  }
  return undefined
}

interface Todo {
  readonly content: string
  readonly status: string
}

const listing = (todos: ReadonlyArray<Todo>, tools: ReadonlyArray<Declared>): Planned | undefined => {
  for (const tool of tools) {
    const list = listOf(tool, ["content", "status"])
    if (list !== undefined) return { name: tool.name, input: { [list.name]: todos } }
  }
  return undefined
}

const reading = (tools: ReadonlyArray<Declared>): Planned | undefined => {
  const tool = tools.find(
    (tool) =>
      /\b(?:read|show|list|get)\b.*\b(?:todos?|plan)\b/.test(wordsOf(tool.name).join(" ")) &&
      fieldsOf(tool).every(({ required }) => !required)
  )
  return tool === undefined ? undefined : { name: tool.name, input: {} }
}

const changing = (wish: Extract<Change, { readonly kind: "todo" | "done" }>, known: Known): Next => {
  const read = reading(known.tools)
  const told = known.plan ?? (read === undefined ? undefined : known.resultOf(read))
  if (told === undefined) return read === undefined ? { lacking: "keep a plan" } : { call: read, isLast: false }
  const todos = todosOf(textOf(told))
  if (wish.kind === "todo") {
    return last(listing([...todos, { content: wish.item, status: "pending" }], known.tools), "keep a plan")
  }
  const words = wish.item.toLowerCase()
  const done = todos.map((todo) =>
    todo.content.toLowerCase().includes(words) ? { ...todo, status: "completed" } : todo
  )
  // There is none: the plan is shown as it is.
  if (read !== undefined && done.every((todo, index) => todo === todos[index])) return { call: read, isLast: true }
  return last(listing(done, known.tools), "keep a plan")
}

const statuses: Readonly<Record<string, string>> = { " ": "pending", ">": "in_progress", x: "completed" }

const todosOf = (text: string): ReadonlyArray<Todo> =>
  [...text.matchAll(/^\[([ >x])\] (.+)$/gm)].map(([, mark = " ", content = ""]) => ({
    content,
    status: statuses[mark] ?? "pending"
  }))

/** Files end with the end of a line. */
const ended = (text: string): string => (text === "" || text.endsWith("\n") ? text : `${text}\n`)

const countOf = (text: string): number => (text === "" ? 0 : text.replace(/\n$/, "").split("\n").length)
