/**
 * Calls as cards: a line each, which opens to the arguments, the output and the result; below it the agents that it set to
 * work.
 */

import * as Calls from "../../internal/calls.ts"
import { lasting, plural, rounded } from "../../internal/words.ts"
import type { Style, Theme } from "../theme.ts"
import type { Block, Call, Fold, Run, Shell, State } from "./block.ts"
import * as Colors from "./colors.ts"
import type { Look } from "./markdown.ts"
import * as Markdown from "./markdown.ts"
import * as Telling from "./telling.ts"
import { clean, fitted, flat, headOf, hung, tailOf, wrapped } from "./text.ts"

/**
 * What drawing needs besides what is drawn. `draw` draws blocks in others.
 *
 * @category models
 * @since 0.1.0
 */
export interface Setting {
  readonly look: Look
  readonly now: () => number
  readonly draw: (blocks: ReadonlyArray<Block>, width: number, line: number) => ReadonlyArray<string>
  /** A file that is kept, in a line. */
  readonly file: (file: Call["files"][number]) => string
}

/**
 * Draws a call. `line` is where its head comes to stand in its block.
 *
 * @category converters
 * @since 0.1.0
 */
export const drawCall = (call: Call, setting: Setting, width: number, line: number): Array<string> => {
  const { theme } = setting.look
  const out = [headLine(call, setting, width)]
  call.fold.line = line
  for (const remark of call.remarks) out.push(fitted(`  ${theme.dim(`└ ${flat(remark)}`)}`, width))
  const todos = Calls.todosOf(call.name, call.input ?? call.arguments?.value)
  const plan = Calls.planOf(call.name, call.input ?? call.arguments?.value)
  if (call.fold.isOpen && plan !== undefined) {
    for (const row of Markdown.draw(plan, setting.look, width - 2))
      out.push(row === "" ? row : fitted(`  ${row}`, width))
  } else if (call.fold.isOpen && todos !== undefined && !failures.has(call.state)) {
    for (const todo of todos) out.push(...drawTodo(todo, theme, width))
  } else if (call.fold.isOpen) {
    for (const row of opened(call, setting, width - 2)) out.push(`  ${row}`)
  } else {
    for (const row of glimpse(call, theme, width - 4)) out.push(`  ${theme.dim("│")} ${row}`)
  }
  for (const file of call.files) out.push(fitted(`  ${setting.file(file)}`, width))
  call.runs.forEach((run, index) => {
    for (const row of drawRun(run, setting, width, line + out.length, index === call.runs.length - 1)) out.push(row)
  })
  return out
}

/**
 * Draws a command of the person.
 *
 * @category converters
 * @since 0.1.0
 */
export const drawShell = (shell: Shell, { look: { theme } }: Setting, width: number): Array<string> => {
  const { command, fold, isOk, outcome, output } = shell
  fold.line = 0
  const sign = chosen(
    fold,
    theme,
    outcome === undefined ? theme.accent("!") : isOk ? theme.success("!") : theme.error("!")
  )
  const out = hung(`${sign} `, theme.bold(clean(command)), width)
  const text = clean(output).trimEnd()
  const [tail, before] = fold.isOpen ? tailOf(text, 500) : tailOf(text, 12)
  if (before > 0) out.push(fitted(theme.dim(`  … ${plural(before, "more line")} above`), width))
  if (tail !== "") for (const row of wrapped(tail, width - 2)) out.push(`  ${row}`)
  if (outcome !== undefined) out.push(fitted(`  ${(isOk ? theme.dim : theme.error)(flat(outcome))}`, width))
  return out
}

/**
 * What a call does at the moment, in a few words.
 *
 * @category converters
 * @since 0.1.0
 */
export const doing = (name: string, input: unknown): string => `${flat(name)} ${Telling.summaryOf(input)}`.trim()

/**
 * The sign before a fold: the one it has, unless it is the chosen one.
 *
 * @category converters
 * @since 0.1.0
 */
export const chosen = (fold: Fold, theme: Theme, sign: string): string =>
  fold.isChosen ? theme.accent(theme.bold("❯")) : sign

/**
 * How long something took or has taken so far: tenths of seconds as long as they matter.
 *
 * @category converters
 * @since 0.1.0
 */
export const timeOf = (millis: number): string =>
  millis < 9950 ? `${(Math.max(0, millis) / 1000).toFixed(1)} s` : lasting(millis)

// internal

/** The sign of what works, at a time. */
const spinner = (now: number): string => frames[Math.floor(now / 125) % frames.length] ?? "◐"

const frames = ["◐", "◓", "◑", "◒"]

const failures: ReadonlySet<State> = new Set(["failed", "invalid", "unknown-tool", "timed-out"])

const headLine = (call: Call, setting: Setting, width: number): string => {
  const { look, now } = setting
  const { theme } = look
  const [sign, style] = signOf(call.state, theme, now())
  const input = call.input ?? call.arguments?.value
  const facts = factsOf(call, theme, now())
  const tail = facts.length === 0 ? "" : `  ${facts.join("  ")}`
  const plainTail = facts.length === 0 ? 0 : tail.replace(/\u001b\[[\d;]*m/g, "").length
  const told = Telling.summaryOf(input)
  const head = `${chosen(call.fold, theme, style(sign))} ${theme.bold(flat(call.name))}${told === "" ? "" : ` ${told}`}`
  // What it does matters more than how.
  return width - plainTail < 24 ? fitted(head, width) : fitted(`${fitted(head, width - plainTail)}${tail}`, width)
}

const signOf = (state: State, theme: Theme, now: number): readonly [sign: string, style: Style] => {
  switch (state) {
    case "writing":
    case "waiting":
      return ["○", theme.dim]
    case "asking":
      return ["?", theme.warning]
    case "working":
      return [spinner(now), theme.accent]
    case "ok":
      return ["●", theme.success]
    case "denied":
      return ["⊘", theme.warning]
    case "interrupted":
    case "skipped":
      return ["■", theme.warning]
    default:
      return ["✗", theme.error]
  }
}

const factsOf = (call: Call, theme: Theme, now: number): ReadonlyArray<string> => {
  const { millis, since, state } = call
  const facts: Array<string> = []
  if (state === "ok") {
    const changed = Calls.changedBy(call.input, Telling.resultText(call.display ?? call.content, mostResult))
    if (changed !== undefined) facts.push(countsOf(changed, theme))
  } else if (state === "writing") {
    if (call.written > 200) facts.push(theme.dim(`${rounded(call.written)} characters`))
  } else if (state === "asking") facts.push(theme.warning("asks"))
  else if (state !== "working" && state !== "waiting")
    facts.push((failures.has(state) ? theme.error : theme.warning)(state))
  const time = millis ?? (state === "working" && since !== undefined ? now - since : undefined)
  if (time !== undefined && time >= 50) facts.push(theme.dim(timeOf(time)))
  return facts
}

const countsOf = ({ added, removed }: Calls.Changed, theme: Theme): string =>
  [
    ...(added > 0 || removed === 0 ? [theme.added(`+${added}`)] : []),
    ...(removed > 0 ? [theme.removed(`−${removed}`)] : [])
  ].join(" ")

const mostResult = 64 * 1024

/** What is seen of a call that is closed: the end of what it writes while it works, and why it failed. */
const glimpse = (call: Call, theme: Theme, width: number): ReadonlyArray<string> => {
  if (call.state === "working" && call.output !== "") {
    const [tail] = tailOf(clean(call.output.slice(-4096)).trimEnd(), 3)
    return tail.split("\n").map((line) => theme.dim(fitted(line, width)))
  }
  if (!failures.has(call.state)) return []
  const text = clean(Telling.resultText(call.display ?? call.content, 4096)).trim()
  const lines = text.split("\n").filter((line) => line.trim() !== "")
  // Of a command, the end says why.
  const line = (call.name === "shell" || call.name === "run_code" ? lines.at(-1) : lines[0]) ?? ""
  return line === "" ? [] : [fitted(theme.error(fitted(line, width)), width)]
}

const opened = (call: Call, setting: Setting, width: number): Array<string> => {
  const { theme } = setting.look
  const result = clean(Telling.resultText(call.display ?? call.content, mostResult)).trimEnd()
  const isChange = call.state === "ok" && Calls.changedBy(call.input, result) !== undefined
  const out = isChange && result.includes("@@") ? [] : drawArguments(call, setting, width)
  const isOver = call.millis !== undefined || call.content.length > 0
  if (!isOver && call.output !== "") {
    const [tail, before] = tailOf(clean(call.output).trimEnd(), 40)
    if (before > 0) out.push(theme.dim(`… ${plural(before, "line")} above`))
    for (const row of wrapped(tail, width - 2)) out.push(`${theme.dim("│")} ${row}`)
  }
  if (isOver && result !== "") {
    const [head, after] = headOf(result, 200, 32 * 1024)
    for (const row of drawDiffs(head, theme, width - 2)) out.push(`${theme.dim("│")} ${row}`)
    if (after > 0) out.push(theme.dim(`… ${plural(after, "more line")}`))
  }
  return out.map((row) => fitted(row, width))
}

const drawDiffs = (text: string, theme: Theme, width: number): Array<string> => {
  const style = { "+": theme.added, "-": theme.removed, "@": theme.hunk, " ": theme.dim, "": same }
  return Calls.diffLines(text).flatMap(({ sign, text }) => {
    const rows = wrapped(sign === "" || sign === "@" ? text : `${sign}${text}`, width)
    return sign === "" ? rows : rows.map((row) => style[sign](row))
  })
}

const same: Style = (text) => text

/** The arguments, each in its way: edits as diffs, code in colours, the rest as it is. */
const drawArguments = (call: Call, { look }: Setting, width: number): Array<string> => {
  const { colors, theme } = look
  const fields = Calls.record(call.input ?? call.arguments?.value)
  if (fields === undefined) return []
  const language = typeof fields["path"] === "string" ? Colors.languageOf(fields["path"]) : undefined
  const out: Array<string> = []
  for (const [name, value] of Object.entries(fields)) {
    if (name === "edits" && Array.isArray(value)) {
      for (const edit of value) {
        const { new: after, old: before } = Calls.record(edit) ?? {}
        for (const line of textLines(before)) out.push(...wrapped(`-${line}`, width).map((row) => theme.removed(row)))
        for (const line of textLines(after)) out.push(...wrapped(`+${line}`, width).map((row) => theme.added(row)))
      }
      continue
    }
    const text = clean(typeof value === "string" ? value : (JSON.stringify(value) ?? ""))
    const label = theme.dim(`${flat(name)}:`)
    if (!text.includes("\n")) {
      const [head, after] = headOf(text, 1, 2000)
      out.push(...hung(`${label} `, after > 0 || head.length < text.length ? `${head}…` : head, width, "  "))
      continue
    }
    // What is being written is watched at its end.
    const [shown, hidden] = call.state === "writing" ? tailOf(text, 12) : headOf(text, 60)
    const rows = colors(
      shown,
      name === "code" ? String(fields["language"] ?? "") : name === "content" ? language : undefined
    )
    const more = hidden > 0 ? [theme.dim(`  … ${plural(hidden, "more line")}`)] : []
    const body = rows.flatMap((row) => wrapped(row, width - 2).map((row) => `  ${row}`))
    out.push(label, ...(call.state === "writing" ? [...more, ...body] : [...body, ...more]))
  }
  return out
}

const textLines = (value: unknown): ReadonlyArray<string> => {
  if (typeof value !== "string" || value === "") return []
  const [head, after] = headOf(clean(value).replace(/\n$/, ""), 60)
  return after > 0 ? [...head.split("\n"), "…"] : head.split("\n")
}

const drawTodo = (todo: Calls.Todo, theme: Theme, width: number): Array<string> => {
  const { status } = todo
  const content = flat(todo.content)
  if (status === "completed") return hung(`  ${theme.success("☑")} `, theme.dim(content), width)
  if (status === "in_progress") return hung(`  ${theme.accent("▶")} `, theme.bold(content), width)
  return hung("  ☐ ", content, width)
}

const drawRun = (run: Run, setting: Setting, width: number, line: number, isLast: boolean): Array<string> => {
  const { theme } = setting.look
  run.fold.line = line
  const facts = [
    ...(run.calls === 0 ? [] : [plural(run.calls, "call")]),
    ...(run.tokens === 0 ? [] : [`${rounded(run.tokens)} tokens`])
  ]
  const sign =
    run.end === undefined
      ? theme.accent(spinner(setting.now()))
      : run.end === "completed"
        ? theme.success("●")
        : theme.error("✗")
  const what = run.end === undefined ? run.doing : run.end === "completed" ? "" : run.end
  const branch = theme.dim(isLast ? "└" : "├")
  const head = `  ${branch} ${chosen(run.fold, theme, sign)} ${theme.bold(flat(run.agent))}${what === "" ? "" : ` ${what}`}`
  const tail = facts.length === 0 ? "" : theme.dim(`  ${facts.join(" · ")}`)
  const out = [fitted(`${head}${tail}`, width)]
  if (!run.fold.isOpen) return out
  const rail = isLast ? "    " : `  ${theme.dim("│")} `
  // Where agents stand in agents in agents, the rest is as wide as it is.
  const room = Math.max(16, width - 4)
  if (run.dropped > 0) out.push(fitted(`${rail}${theme.dim(`… ${plural(run.dropped, "earlier part")}`)}`, width))
  for (const row of setting.draw(run.blocks, room, line + out.length))
    out.push(row === "" && isLast ? row : fitted(`${rail}${row}`, width))
  return out
}
