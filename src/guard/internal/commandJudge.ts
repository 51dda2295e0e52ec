/**
 * What is to be said about every command of a line, one finding each. It sees through programs that run others, as deep
 * as the bound; what it cannot see is refused.
 */
import { blocked, blockedTarget, resolved } from "./commandBlocks.ts"
import { baseOf, permits, restricts } from "./commandRules.ts"
import type { Command, Word } from "./commandSyntax.ts"
import { literal, parse } from "./commandSyntax.ts"
import { hijacks, steers } from "./commandVariables.ts"
import { code, downloads, idle, inside } from "./commandWrappers.ts"

export interface Rule {
  readonly program: string
  readonly words: ReadonlyArray<string> | undefined
  readonly reason: string | undefined
  readonly category: string | undefined
}

export interface Policy {
  readonly allow: ReadonlyArray<Rule>
  readonly ask: ReadonlyArray<Rule>
  readonly deny: ReadonlyArray<Rule>
  readonly otherwise: "ask" | "deny"
  readonly writes: "allow" | "ask" | "deny"
  readonly opaque: "ask" | "deny"
  readonly unsafe: boolean
  readonly maxLength: number
}

export interface Finding {
  readonly verdict: "ask" | "deny"
  readonly reason: string
  readonly category: string
}

/** What is found in a command line; nothing when all of it is allowed. */
export const judgeLine = (line: string, policy: Policy, folder = ""): ReadonlyArray<Finding> => {
  const state = begin(policy, folder)
  if (line.trim() === "") refuse(state, line, "there is no command")
  else script(state, line, 0)
  return end(state)
}

/** What is found in a program and its arguments that no shell reads. */
export const judgeWords = (words: ReadonlyArray<string>, policy: Policy, folder = ""): ReadonlyArray<Finding> => {
  const state = begin(policy, folder)
  const length = words.reduce((sum, word) => sum + word.length + 1, 0)
  if (words.length === 0) refuse(state, "", "there is no command")
  else if (length > policy.maxLength) refuse(state, words[0] ?? "", tooLong(policy))
  else simple(state, plain(words.map(literal)), 0)
  return end(state)
}

// internal

interface State {
  readonly policy: Policy
  readonly findings: Array<Finding>
  /** Where relative paths may lead: the folder of the call, and every folder that the line goes to. */
  readonly folders: Array<string | undefined>
  readonly calls: Map<string, Set<string>>
  commands: number
  downloads: boolean
  unseen: string | undefined
}

const maxNested = 12
const maxCommands = 1000
const maxFolders = 8

const begin = (policy: Policy, folder: string): State => ({
  policy,
  findings: [],
  folders: [folder],
  calls: new Map(),
  commands: 0,
  downloads: false,
  unseen: undefined
})

const end = (state: State): ReadonlyArray<Finding> => {
  const { downloads, policy, unseen } = state
  if (unseen !== undefined) {
    if (downloads && !policy.unsafe) block(state, unseen, "it would run what it downloads")
    else refuse(state, unseen, "the code it runs is not in the command line; write the commands out")
  }
  if (!policy.unsafe && recursive(state.calls)) block(state, "a function", "it calls itself without end")
  return state.findings
}

const tooLong = ({ maxLength }: Policy): string =>
  `it is longer than ${maxLength} characters; split it or write a script`

const block = ({ findings }: State, raw: string, reason: string): undefined => {
  findings.push({ verdict: "deny", reason: `${shown(raw)} is never allowed: ${reason}`, category: "command:blocked" })
}

const refuse = ({ findings, policy }: State, raw: string, reason: string): undefined => {
  findings.push({
    verdict: policy.opaque,
    reason: `${shown(raw)} cannot be judged: ${reason}`,
    category: "command:opaque"
  })
}

const ask = ({ findings }: State, raw: string, reason: string, category: string): undefined => {
  findings.push({ verdict: "ask", reason: `${shown(raw)}: ${reason}`, category })
}

/** What people read: short, on one line, without characters that hide others. */
const shown = (raw: string): string => {
  const text = JSON.stringify(raw.length > 120 ? `${raw.slice(0, 90)}…${raw.slice(-29)}` : raw).slice(1, -1)
  return `"${text.replace(/[^ -~…]/g, (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, "0")}`)}"`
}

const plain = (words: ReadonlyArray<Word>, functions: ReadonlyArray<string> = []): Command => ({
  words,
  assignments: [],
  redirections: [],
  functions
})

const script = (state: State, text: string, depth: number, functions: ReadonlyArray<string> = []): undefined => {
  if (text.length > state.policy.maxLength) return refuse(state, text, tooLong(state.policy))
  if (depth > maxNested) return refuse(state, text, "it nests too deeply")
  const { commands, problem } = parse(text)
  for (const command of commands) {
    simple(state, { ...command, functions: [...functions, ...command.functions] }, depth)
  }
  if (problem !== undefined) refuse(state, text, `${problem}; write it more plainly`)
}

const simple = (state: State, command: Command, depth: number): undefined => {
  state.commands += 1
  const raw = command.words.map((word) => word.raw).join(" ")
  if (state.commands > maxCommands) {
    if (state.commands === maxCommands + 1) refuse(state, raw, `it has more than ${maxCommands} commands`)
    return
  }
  if (depth > maxNested) return refuse(state, raw, "it nests too deeply")
  assignments(state, command)
  redirections(state, command)
  const [first, ...words] = command.words
  if (first === undefined) return
  const program = first.text
  if (program === undefined || isGlob(first)) {
    return refuse(state, raw, "which program it runs is known only at run time; write its name out")
  }
  for (const name of command.functions) state.calls.set(name, (state.calls.get(name) ?? new Set()).add(program))
  if (!/^[A-Za-z0-9_./+@:%,~[\]-]+$/.test(program) || /^[-+]/.test(program) || program.endsWith("/")) {
    return refuse(state, raw, "its program has a name that is not plain")
  }
  if (reserved.has(program)) return refuse(state, raw, `${program} is a word of the shell`)
  judged(state, command, { raw, program, words, depth })
}

interface Subject {
  readonly raw: string
  readonly program: string
  readonly words: ReadonlyArray<Word>
  readonly depth: number
}

const judged = (state: State, command: Command, { depth, program, raw, words }: Subject): undefined => {
  const base = baseOf(program)
  state.downloads ||= downloads(base)
  if (subscripts.has(base) && evaluates(base, words)) refuse(state, raw, "a word of it may be evaluated as a command")
  if (words.some((word) => word.raw === "{" || word.raw === "}")) refuse(state, raw, "a brace stands alone; quote it")
  if (base === "cd" || base === "pushd") enter(state, words)
  const stopped = state.policy.unsafe ? undefined : blocked(base, words, state.folders)
  if (stopped?.match === "yes") return block(state, raw, stopped.block.reason)
  if (stopped !== undefined)
    return refuse(state, raw, `perhaps ${stopped.block.reason}; write its words out, without variables`)
  const inputs = command.redirections.filter(
    ({ descriptor, operator }) => operator.startsWith("<") && /^0?$/.test(descriptor)
  )
  const documents = inputs.every(({ operator }) => operator.startsWith("<<")) ? inputs.map(({ target }) => target) : []
  const found = inside(base, words, documents)
  if (found?.problem !== undefined) return refuse(state, raw, found.problem)
  if (found?.unseen === true || (found === undefined && idle(base, words))) state.unseen ??= raw
  else if (found?.inner.length === 0 && /sh$|^\.$|^source$/.test(base) && state.downloads) state.unseen ??= raw
  const transparent = found?.transparent === true && !program.includes("/")
  ruled(state, { depth, program, raw, words }, transparent)
  for (const inner of found?.inner ?? []) {
    if (inner._tag === "Script") script(state, inner.text, depth + 1, command.functions)
    else simple(state, plain(inner.words, command.functions), depth + 1)
  }
}

const ruled = (state: State, { program, raw, words }: Subject, transparent: boolean): undefined => {
  const { allow, ask: questions, deny, otherwise } = state.policy
  const matched = (rules: ReadonlyArray<Rule>) =>
    rules.map((rule) => ({ rule, match: restricts(rule, program, words) })).filter(({ match }) => match !== "no")
  const denials = matched(deny)
  const denied = denials.find(({ match }) => match === "yes")
  const base = baseOf(program)
  if (denied !== undefined) {
    const reason = `${shown(raw)} is not allowed: ${denied.rule.reason ?? "a rule denies it"}`
    state.findings.push({ verdict: "deny", reason, category: denied.rule.category ?? `command:${base}` })
    return
  }
  if (denials[0] !== undefined)
    return refuse(state, raw, "perhaps a rule denies it; write its words out, without variables")
  const codes = code(base, words)
  // An answer about a program that is to last must not be one about code that nobody has seen.
  const category = codes.length > 0 ? "command:code" : `command:${base}`
  const asked = matched(questions)[0]?.rule
  if (asked !== undefined) {
    return ask(state, raw, asked.reason ?? "a rule asks about it", asked.category ?? category)
  }
  if (transparent) return
  const allowed = allow.filter((rule) => permits(rule, program, words))
  if (allowed.length === 0) {
    if (otherwise === "ask") return ask(state, raw, "no rule allows it", category)
    state.findings.push({ verdict: "deny", reason: `${shown(raw)}: no rule allows it`, category })
    return
  }
  const named = allowed.some(({ words: names = [] }) =>
    codes.every(({ text }) => text !== undefined && names.includes(text))
  )
  if (!named) ask(state, raw, "a word of it is code or has another program run", "command:code")
  if (writing(base, words)) written(state, raw)
}

const writing = (base: string, words: ReadonlyArray<Word>): boolean =>
  base === "find" && words.some(({ text }) => text !== undefined && /^-(?:delete|fprint.*|fls)$/.test(text))

/** A file that is not known is asked about even where writing is allowed. */
const written = (state: State, raw: string, known = true): undefined => {
  const { writes } = state.policy
  if (writes === "ask" || (writes === "allow" && !known)) ask(state, raw, "it writes to a file", "command:write")
  if (writes !== "deny") return
  state.findings.push({ verdict: "deny", reason: `${shown(raw)}: writing is not allowed`, category: "command:write" })
}

const assignments = (state: State, { assignments: made, words }: Command): undefined => {
  for (const name of [...made.map((assignment) => assignment.name), ...declared(words)]) {
    if (name === undefined) refuse(state, words[0]?.raw ?? "", "which variable it sets is known only at run time")
    else if (hijacks(name)) refuse(state, name, "it decides which programs run; do without it")
    else if (steers(name)) ask(state, name, "it can have another program run", "command:environment")
  }
  for (const { name, value } of made) if (hasSubscript(value)) refuse(state, name, "a subscript has a command in it")
}

/** The names that a program sets as variables, as far as its words tell; `undefined` for one that is not known. */
const declared = ([first, ...rest]: ReadonlyArray<Word>): ReadonlyArray<string | undefined> => {
  const base = baseOf(first?.text ?? "")
  const setting = base === "env" || base === "sudo" || base === "doas"
  if (!setting && !declaring.has(base)) return []
  if (base === "printf" && !rest.some(({ text }) => text === undefined || text.startsWith("-v"))) return []
  return rest.flatMap(({ raw, text }) => {
    const name = /^([A-Za-z_][A-Za-z0-9_]*)\+?=/.exec(text ?? raw)?.[1]
    if (name !== undefined) return [name]
    if (setting || base === "printf") return text !== undefined && declaring.has(base) ? [text.replace(/^-v/, "")] : []
    return [text]
  })
}

const redirections = (state: State, command: Command): undefined => {
  for (const redirection of command.redirections) {
    const { operator, target } = redirection
    if (operator.startsWith("<<")) continue
    const shownAs = `${operator} ${target.raw}`
    const never = state.policy.unsafe ? undefined : blockedTarget(redirection, state.folders)
    if (never !== undefined) block(state, shownAs, never)
    else if (operator === "<" || operator === "<&") continue
    else if (operator === ">&" && target.text !== undefined && /^(?:[0-9]+-?|-)$/.test(target.text)) continue
    else if (target.text === undefined || target.glob) written(state, shownAs, false)
    else if (!/^\/dev\/(?:null|stdout|stderr)$/.test(target.text)) written(state, shownAs)
  }
}

const enter = ({ folders }: State, words: ReadonlyArray<Word>): undefined => {
  const word = words.find(({ text }) => text === undefined || !/^-[LPe]|^--$/.test(text))
  const to =
    word === undefined ? "~" : word.text === undefined || word.glob || word.text === "-" ? undefined : word.text
  const known = folders.filter((folder) => folder !== undefined)
  const next = to === undefined ? [undefined] : known.map((folder) => resolved(to, folder))
  for (const folder of next) {
    if (folders.length >= maxFolders) folders[maxFolders - 1] = undefined
    else if (!folders.includes(folder)) folders.push(folder)
  }
}

/** `[` and `[[` are programs, not globs. */
const isGlob = ({ glob, raw }: Word): boolean => glob && raw !== "[" && raw !== "[["

const hasSubscript = ({ text }: Word): boolean =>
  text?.includes("[") === true && (text.includes("$(") || text.includes("`"))

/** Whether a test or a declaration may evaluate a text as arithmetic, commands in its subscripts included. */
const evaluates = (base: string, words: ReadonlyArray<Word>): boolean => {
  const texts = words.map(({ text }) => text)
  const numbers = base === "[[" ? /^-(?:eq|ne|lt|gt|le|ge|v)$/ : /^-v$/
  return (
    words.some(hasSubscript) ||
    (base === "[[" && texts.indexOf("]]") !== texts.length - 1) ||
    (texts.includes(undefined) && /^\[|^test$/.test(base) && texts.some((text = "") => numbers.test(text))) ||
    (/^(?:declare|typeset|local)$/.test(base) && texts.some((text = "-i") => /^[-+][A-Za-z]*[in]/.test(text)))
  )
}

const recursive = (calls: ReadonlyMap<string, ReadonlySet<string>>): boolean => {
  const done = new Set<string>()
  const path = new Set<string>()
  const visit = (name: string): boolean => {
    if (path.has(name)) return true
    if (done.has(name)) return false
    done.add(name)
    path.add(name)
    const found = [...(calls.get(name) ?? [])].some(visit)
    path.delete(name)
    return found
  }
  return [...calls.keys()].some(visit)
}

const words = (list: string): ReadonlySet<string> => new Set(list.split(" "))

const reserved = words(
  "repeat foreach end always noglob nocorrect namespace if then elif else fi while until do done for in case esac function select { } ! ]] coproc"
)
const declaring = words("export declare typeset local readonly read getopts unset printf mapfile readarray")
const subscripts = words("test [ [[ printf read declare typeset local export readonly unset wait")
