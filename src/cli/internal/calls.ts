/**
 * What the arguments and results of calls hold that is worth more than a line: things to be done, plans, changes of files. Texts
 * are as they came, for the faces to make fit to be shown.
 */
/**
 * A thing to be done, as far as it has arrived.
 *
 * @category models
 * @since 0.1.0
 */
export interface Todo {
  readonly content: string
  readonly status: string
}

/**
 * The plan that a call writes, if it writes one.
 *
 * @category converters
 * @since 0.1.0
 */
export const todosOf = (name: string, input: unknown): ReadonlyArray<Todo> | undefined => {
  const todos = record(input)?.["todos"]
  if (name !== "write_todos" || !Array.isArray(todos)) return undefined
  return list(todos).flatMap((todo) => {
    const content = record(todo)?.["content"]
    return typeof content === "string" ? [{ content, status: String(record(todo)?.["status"] ?? "") }] : []
  })
}

/**
 * The plan in Markdown that a call presents to the person, if it does.
 *
 * @category converters
 * @since 0.1.0
 */
export const planOf = (name: string, input: unknown): string | undefined => {
  const plan = record(input)?.["plan"]
  return name === "present_plan" && typeof plan === "string" ? plan : undefined
}

/**
 * How many lines a change added and removed.
 *
 * @category models
 * @since 0.1.0
 */
export interface Changed {
  readonly added: number
  readonly removed: number
}

/**
 * What a result says that was changed, if it is that of a change.
 *
 * @category converters
 * @since 0.1.0
 */
export const changedBy = (input: unknown, text: string): Changed | undefined => {
  let [added, removed, isDiff] = [0, 0, false]
  for (const line of diffLines(text)) {
    if (line.sign === "@") isDiff = true
    else if (line.sign === "+") added++
    else if (line.sign === "-") removed++
  }
  if (isDiff) return { added, removed }
  const content = record(input)?.["content"]
  if (typeof content !== "string" || !text.startsWith("Created ")) return undefined
  return { added: content === "" ? 0 : content.replace(/\n$/, "").split("\n").length, removed: 0 }
}

/**
 * A line of a text with diffs in it. `sign` is what it is in a diff, and empty outside of any.
 *
 * @category models
 * @since 0.1.0
 */
export interface Line {
  readonly sign: "" | " " | "+" | "-" | "@"
  readonly text: string
}

/**
 * The lines of a text in which there may be diffs.
 *
 * @category converters
 * @since 0.1.0
 */
export const diffLines = (text: string): ReadonlyArray<Line> => {
  // Of the hunk that is open, the lines that are still to come.
  let [before, after] = [0, 0]
  return text.split("\n").map((line): Line => {
    const hunk = /^@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@/.exec(line)
    if (hunk !== null) {
      before = Number(hunk[1] ?? 1)
      after = Number(hunk[2] ?? 1)
      return { sign: "@", text: line }
    }
    const sign = line[0] ?? " "
    if (before <= 0 && after <= 0) return { sign: "", text: line }
    if (sign === "-") before--
    else if (sign === "+") after--
    else if (sign === " ") {
      before--
      after--
    } else return { sign: "", text: line }
    return { sign, text: line.slice(1) }
  })
}

/**
 * The fields of an object, of anything else nothing.
 *
 * @category converters
 * @since 0.1.0
 */
export const record = (value: unknown): Readonly<Record<string, unknown>> | undefined =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value))
    : undefined

/**
 * The items of a list, of anything else none.
 *
 * @category converters
 * @since 0.1.0
 */
export const list = (value: unknown): ReadonlyArray<unknown> => (Array.isArray(value) ? value : [])
