/**
 * Reads wishes that change something, or have somebody else do it: files, commands, plans, pages, questions and other agents.
 * Rules only, as everywhere here; what they do not know is no such wish.
 */

import { bare, expression, isPath, token } from "./names.ts"

/** Something a person wants to have done, before any tool was looked for. */
export type Change =
  | {
      readonly kind: "edit"
      readonly path: string
      readonly from: string
      readonly to: string
      readonly isEverywhere: boolean
    }
  | { readonly kind: "write"; readonly path: string; readonly text: string }
  | { readonly kind: "append"; readonly path: string; readonly text: string }
  | { readonly kind: "delete"; readonly path: string }
  | { readonly kind: "command"; readonly command: string }
  | { readonly kind: "fetch"; readonly url: string }
  | { readonly kind: "plan"; readonly items: ReadonlyArray<string> }
  | { readonly kind: "todo"; readonly item: string }
  | { readonly kind: "done"; readonly item: string }
  | { readonly kind: "plans" }
  | { readonly kind: "propose"; readonly plan: string }
  | { readonly kind: "delegate"; readonly agent: string | undefined; readonly task: string }
  | { readonly kind: "ask"; readonly question: string }

const file = `(?:the )?(?:file )?${token}`

const forms = {
  edit: expression(
    `(?:replace|change|substitute)( all| every| each)?(?: the (?:text|word|words|line))? (.+?) (?:with|by|to|into) (.+?) in ${file}( everywhere)?`
  ),
  take: expression(`(?:remove|delete|erase)( all| every| each)?(?: the (?:text|word|words|line))? (.+?) from ${file}`),
  write: expression(
    `(?:create|make|write|save)(?: me)?(?: (?:a|an|the|new|empty|text|file|called|named))* ${token}(?:,? (?:with|containing|that says|saying)(?: the (?:text|words?|line|contents?))? (.+))?`
  ),
  writeTo: expression(`(?:write|put|save) (.+?) (?:to|into|in) ${file}`),
  append: expression(`(?:append|add)(?: the (?:text|words?|line))? (.+?) (?:to|at) (?:the end of )?${file}`),
  delete: expression(`(?:delete|remove|erase) ${file}`),
  command: expression("(?:run|execute)(?: (?:the|this))?(?: (?:shell )?command)?:? (.+)|\\$ (.+)"),
  fetch: expression(
    '(?:fetch|open|read|get|load|browse|visit|show(?: me)?|summari[sz]e|what(?:\'s| is) (?:at|on|behind))(?: the)?(?: (?:page|site|url|website))?(?: (?:at|from|of))? ["“`<]?(https?://[^\\s"”`>]+)["”`>]?'
  ),
  todo: expression(
    `(?:remember|note|don't forget)(?: (?:to|that))? (.+)|(?:add|put) (.+?) (?:to|on) (?:the |my |our )?(?:plan|todos?|(?:todo )?list)`
  ),
  done: expression(
    `(?:mark|tick|check)(?: off)? (.+?)(?: (?:as )?(?:done|completed|finished)| off)|(?:done|finished)(?: with)?:? (.+)`
  ),
  plans: expression(
    `(?:(?:show|read|what(?:'s| is)|list)(?: me)? )?(?:the |my |our )?(?:plan|todos?|todo list)(?: so far| now)?`
  )
}

/** A clause as a wish of this kind, if it is one. */
export const readChange = (clause: string): Change | undefined =>
  readPlan(clause) ?? readFetch(clause) ?? readFile(clause) ?? readCommand(clause)

const readPlan = (clause: string): Change | undefined => {
  if (forms.plans.test(clause)) return { kind: "plans" }
  const todo = forms.todo.exec(clause)
  const item = todo?.[1] ?? todo?.[2]
  if (item !== undefined) return { kind: "todo", item: bare(item) }
  const done = forms.done.exec(clause)
  const which = done?.[1] ?? done?.[2]
  return which === undefined ? undefined : { kind: "done", item: bare(which) }
}

const readFetch = (clause: string): Change | undefined => {
  const url = forms.fetch.exec(clause)?.[1] ?? /^https?:\/\/\S+$/.exec(clause)?.[0]
  return url === undefined ? undefined : { kind: "fetch", url }
}

const readFile = (clause: string): Change | undefined => {
  const [, all, from, to, path, everywhere] = forms.edit.exec(clause) ?? []
  if (from !== undefined && to !== undefined && path !== undefined && isPath(path)) {
    const isEverywhere = all !== undefined || everywhere !== undefined
    return { kind: "edit", path: bare(path), from: bare(from), to: bare(to), isEverywhere }
  }
  const taken = forms.take.exec(clause)
  if (taken?.[2] !== undefined && taken[3] !== undefined && isPath(taken[3])) {
    return { kind: "edit", path: bare(taken[3]), from: bare(taken[2]), to: "", isEverywhere: taken[1] !== undefined }
  }
  const put = forms.writeTo.exec(clause)
  if (put?.[1] !== undefined && put[2] !== undefined && isPath(put[2])) {
    return { kind: "write", path: bare(put[2]), text: bare(put[1]) }
  }
  const added = forms.append.exec(clause)
  if (added?.[1] !== undefined && added[2] !== undefined && isPath(added[2])) {
    return { kind: "append", path: bare(added[2]), text: bare(added[1]) }
  }
  const made = forms.write.exec(clause)
  if (made?.[1] !== undefined && isPath(made[1]))
    return { kind: "write", path: bare(made[1]), text: bare(made[2] ?? "") }
  const gone = forms.delete.exec(clause)?.[1]
  return gone !== undefined && isPath(gone) ? { kind: "delete", path: bare(gone) } : undefined
}

const readCommand = (clause: string): Change | undefined => {
  const found = forms.command.exec(clause)
  const command = found?.[1] ?? found?.[2]
  return command === undefined ? undefined : { kind: "command", command: bare(command) }
}

const rest = {
  agent:
    /(?:^|[.;,]\s+|\s+(?:and|then)\s+)(?:please )?(?:ask|have|let|tell|get) (?:(?:an?|another|your|the) )?(?:([\w-]+) )?(?:sub-?)?agent (?:to )?(\S.*)$/i,
  named: /(?:^|[.;,]\s+|\s+(?:and|then)\s+)(?:please )?ask (?!me\b|you\b)([\w-]+) to (\S.*)$/i,
  plan: /^(?:please )?(?:make a plan|plan|todos?)(?: (?:for|to|of))?:? (\S.*)$/i,
  propose: /^(?:please )?(?:propose|present (?:the|a) plan)(?: (?:to|that))?:? (\S.*)$/i,
  ask: /^(?:please )?ask me(?: about)?:? (\S.*)$/i
} as const

/**
 * What is said of a whole line, to its end: a plan, a question, or the task of another agent, whose own words have clauses that
 * are not for us. `before` is what is left of the line.
 */
export const readRest = (line: string): { readonly before: string; readonly change: Change } | undefined => {
  const question = rest.ask.exec(line)?.[1]
  if (question !== undefined) return { before: "", change: { kind: "ask", question: bare(question) } }
  const plan = rest.plan.exec(line)?.[1]
  if (plan !== undefined && !/^(?:so far|now)$/i.test(plan))
    return { before: "", change: { kind: "plan", items: itemsOf(plan) } }
  const proposed = rest.propose.exec(line)?.[1]
  if (proposed !== undefined) return { before: "", change: { kind: "propose", plan: bare(proposed) } }
  const found = rest.agent.exec(line) ?? rest.named.exec(line)
  if (found?.[2] === undefined) return undefined
  return { before: line.slice(0, found.index), change: { kind: "delegate", agent: found[1], task: bare(found[2]) } }
}

/** What stands between commas and "and", but not within quotes. */
const itemsOf = (text: string): ReadonlyArray<string> =>
  (text.match(/(?:"[^"]*"|“[^”]*”|[^,;\n])+/g) ?? [])
    .flatMap((part) => (/^\s*["“]/.test(part) ? [part] : part.split(/\s+and\s+/i)))
    .map((item) =>
      bare(
        item
          .replace(/^\s*(?:and|then)\s+/i, "")
          .trim()
          .replace(/[.!]+$/, "")
      )
    )
    .filter((item) => item !== "")
