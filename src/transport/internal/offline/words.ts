/**
 * Cuts a request in everyday words into clauses and reads each as a wish. Rules only, in one order, and the same for the
 * same words: what they do not know stays a wish of kind `unknown`, so that the answer can say so.
 */

import type { Change } from "./changes.ts"
import { readChange, readRest } from "./changes.ts"
import { bare, expression, isPath, token } from "./names.ts"

/**
 * Something a person asks for, before any tool was looked for.
 */
export type Wish =
  | {
      readonly kind: "read"
      readonly path: string
      readonly from?: number | undefined
      readonly to?: number | undefined
      /** What the answer is about: the content, what the file says it is, or how many lines it has. */
      readonly want: "content" | "about" | "lines"
    }
  | { readonly kind: "list"; readonly path?: string | undefined; readonly want: "names" | "count" }
  | { readonly kind: "find"; readonly pattern: string; readonly path?: string | undefined }
  | {
      readonly kind: "search"
      readonly text: string
      readonly path?: string | undefined
      readonly want: "matches" | "count"
    }
  | { readonly kind: "calculate"; readonly expression: string; readonly asked: string }
  | { readonly kind: "about" | "recall" | "introduce" }
  | { readonly kind: "unknown"; readonly text: string }
  | Change

/** Longer requests are not made of words for rules; the patterns below are not made for them either. */
const longest = { request: 5000, clause: 500 }

/**
 * The clauses of a request, in order. Quotes and brackets keep what is inside them together.
 */
export const clauses = (request: string): ReadonlyArray<string> => {
  const text = request.slice(0, longest.request).replace(/[ \t]{20,}/g, " ")
  // Same length as the text, so that a place in the one is a place in the other.
  const masked = text.replace(
    /"[^"\n]*"|`[^`\n]*`|“[^”\n]*”|(?<=^|\s)'[^'\n]*'|\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}|\([^()\n]*(?:\([^()\n]*\)[^()\n]*)*\)/g,
    (kept) => "\u0001".repeat(kept.length)
  )
  const out: Array<string> = []
  let start = 0
  for (const cut of masked.matchAll(/\n+|;\s*|[.?!]+\s+|,?\s+(?:and\s+)?then\s+|,\s+(?:and\s+)?|\s+(?:and|&)\s+/gi)) {
    out.push(text.slice(start, cut.index))
    start = cut.index + cut[0].length
  }
  out.push(text.slice(start))
  return out.map(plain).filter((clause) => clause !== "")
}

const courtesy =
  /^(?:please|pls|kindly|now|then|also|and|first|next|finally|ok|okay|so|just|well|(?:can|could|would|will) you|i(?:'d| would) like(?: you)? to|i want(?: you)? to|let'?s|let us|go ahead and|(?:hi|hey|hello)(?=[\s,]+\S))(?![\w.])[\s,:]*/i

const plain = (clause: string): string => {
  let rest = clause.trim()
  for (let before = ""; before !== rest; ) {
    before = rest
    rest = rest.replace(courtesy, "")
  }
  return rest.replace(/[\s,:;?!]+$|(?<=[\w)"'`”])\.+$/g, "").replace(/\s+(?:please|for me|thanks|thank you)$/i, "")
}

/** A wish and the words it was read from. */
export type Said = Wish & { readonly said: string }

/**
 * The wishes of a request. A bare name takes the verb before it ("read a.txt and b.txt"), and what is no wish of its own
 * belongs to the tool that was named before it ("add 2 and 3").
 */
export const wishes = (text: string, names: (clause: string) => boolean = () => false): ReadonlyArray<Said> => {
  const out: Array<Said> = []
  const whole = text.slice(0, longest.request)
  // Brackets keep lines together.
  for (const line of /[{(]/.test(whole) ? [whole] : whole.split("\n")) {
    const rest = readRest(line.trim())
    for (const clause of clauses(rest?.before ?? line)) add(out, clause, names)
    if (rest !== undefined) out.push({ ...rest.change, said: line.trim() })
  }
  return out.length > 1 ? out.filter(({ kind }) => kind !== "introduce") : out
}

const add = (out: Array<Said>, clause: string, names: (clause: string) => boolean): void => {
  const wish: Said = { ...read(clause), said: clause }
  const last = out.at(-1)
  const joined = wish.kind !== "unknown" || last === undefined || names(clause) ? undefined : join(last, clause, names)
  if (joined === undefined) out.push(wish)
  else out.splice(out.length - (joined.replaces ? 1 : 0), 1, joined.wish)
}

/** A clause that is no wish of its own, read as going on with the last one. */
const join = (
  last: Said,
  clause: string,
  names: (clause: string) => boolean
): { readonly wish: Said; readonly replaces: boolean } | undefined => {
  const said = `${last.said} and ${clause}`
  if (last.kind === "search" && last.path === undefined && !/["“`]/.test(last.said)) {
    return { wish: { ...search(`${last.text} and ${clause}`), said }, replaces: true }
  }
  if (last.kind === "write" && !/["“`]/.test(last.said)) {
    return { wish: { ...last, text: `${last.text} and ${clause}`, said }, replaces: true }
  }
  if (last.kind === "read" && isPath(clause))
    return { wish: { ...last, path: bare(clause), said: clause }, replaces: false }
  if (last.kind === "list" && /^\S+$/.test(clause)) {
    return { wish: { ...last, path: bare(clause), said: clause }, replaces: false }
  }
  return last.kind === "unknown" && names(last.said)
    ? { wish: { kind: "unknown", text: said, said }, replaces: true }
    : undefined
}

const forms = {
  introduce: expression(
    "help|(?:good )?(?:hello|hi|hey|morning|evening)(?: there| axonal)?|who are you|what are you|what can (?:you|i) do(?: here)?|what do you do|how do you work|what is axonal|(?:which|what) tools (?:do you have|are there|can you use)"
  ),
  recall: expression(
    "what (?:did|have) (?:i|we) (?:just )?(?:ask(?:ed)?|said|say|talk(?:ed)? about).*|what was my (?:last|first|previous) .*"
  ),
  about: expression(
    "(?:(?:tell|show|explain to) me |say |explain )?what (?:(?:is|'s) (?:this|it|that|here)|(?:this|it|that)(?: \\w+)? (?:is|says|does))(?: .*)?" +
      "|what(?:'s| is) (?:this|it|that)(?: .*)?|what does (?:it|this|that)(?: \\w+)? (?:say|do|mean)" +
      "|(?:(?:tell|show) me |say |explain )?what (?:they|these|those|each)(?: \\w+)? (?:are|is|say|says|do|does)(?: .*)?|what are (?:they|these|those)(?: .*)?" +
      "|(?:tell me about|summari[sz]e|explain|describe|sum up) (?:it|this|that|them|the (?:file|project|content|contents))(?: \\w+)?"
  ),
  lines: expression(
    `(?:how many|count(?: the| all)?|(?:what is )?the number of) lines(?: (?:does|do|has|have|are|is|of|in|there|the|file|long))*` +
      ` ${token}(?: file)?(?: have| has| contain| contains| is)?|how (?:long|big) is (?:the file )?${token}`
  ),
  files: expression(
    `(?:how many|count(?: the| all)?|(?:what is )?the number of)(?: all)? files(?: (?:are|there|exist|does|do|has|have|of|in|under|within|it|here|the|this|folder|directory))*` +
      `(?: ${token})?(?: folder| directory)?(?: have| has| contain)?`
  ),
  times: expression(
    `how (?:many times|often) (?:does|is|do) ${token} (?:occurs?|appears?|used|found)(?: (?:in|under) ${token})?`
  ),
  range: expression(
    `(?:read|show|print|cat)(?: me)?(?: the)? lines? (\\d+)(?:\\s*(?:-|to|–|\\.\\.)\\s*(\\d+))? (?:of|in|from) ${token}`
  ),
  rangeAfter: expression(`(?:read|show|print|cat) ${token},? lines? (\\d+)(?:\\s*(?:-|to|–)\\s*(\\d+))?`),
  list: expression(
    `(?:list|ls|dir|show(?: me)?|what(?: are)?|which|display)(?: (?:all|the|files?|folders?|director(?:y|ies)|entries|contents?|everything|it|here|are|there|exist|in|of|under|within|inside|this|current|me))*(?: ${token})?(?: folder| directory)?`
  ),
  read: expression(
    `(?:read|open|cat|print|view)(?: me)?(?: (?:the|file|contents?|text|of|in|out))* ${token}(?: file)?(?: aloud| out)?`
  ),
  show: expression(
    `(?:show(?: me)?|display|look (?:at|into)|check|what(?:'s| is) in|give me)(?: (?:the|file|contents?|of))* ${token}(?: file)?`
  ),
  explain: expression(
    `(?:(?:tell|show) me )?(?:summari[sz]e|explain|describe|about|what(?:'s| is| does)|what)(?: (?:the|file))* ${token}(?: file)?(?: (?:is|says?|about|does?|do))*`
  ),
  find: expression(
    `(?:find|where(?:'s| is| are)?)(?: all)?(?: the)?( files?(?: (?:named|called))?)? ${token}(?: files?)?(?: (?:in|under|below|within)(?: the)? ${token})?(?: folder| directory)?`
  ),
  search: expression(
    `(?:search|grep|look|scan|find|where(?:'s| is| are)?|which files (?:contain|mention|use))(?: (?:for|all|the|files))* (.+)`
  )
}

const read = (clause: string): Wish => {
  if (clause.length > longest.clause) return { kind: "unknown", text: clause }
  const sum = arithmetic(clause)
  if (sum !== undefined) return { kind: "calculate", expression: sum, asked: clause }
  if (forms.introduce.test(clause)) return { kind: "introduce" }
  if (forms.recall.test(clause)) return { kind: "recall" }
  const lines = forms.lines.exec(clause)
  const counted = lines?.[1] ?? lines?.[2]
  if (counted !== undefined) return { kind: "read", path: bare(counted), want: "lines" }
  const files = forms.files.exec(clause)
  if (files !== null) return { kind: "list", path: place(files[1]), want: "count" }
  const times = forms.times.exec(clause)
  if (times?.[1] !== undefined) return { kind: "search", text: bare(times[1]), path: place(times[2]), want: "count" }
  if (files === null && forms.about.test(clause)) return { kind: "about" }
  return readChange(clause) ?? readFile(clause)
}

const readFile = (clause: string): Wish => {
  const range = forms.range.exec(clause)
  if (range?.[3] !== undefined) return lineRange(range[3], range[1], range[2])
  const after = forms.rangeAfter.exec(clause)
  if (after?.[1] !== undefined) return lineRange(after[1], after[2], after[3])
  const path = forms.read.exec(clause)?.[1]
  if (path !== undefined) return { kind: "read", path: bare(path), want: "content" }
  const shown = forms.show.exec(clause)?.[1]
  if (shown !== undefined && isFolder(shown, clause)) return { kind: "list", path: bare(shown), want: "names" }
  if (shown !== undefined && isPath(shown)) return { kind: "read", path: bare(shown), want: "content" }
  const explained = forms.explain.exec(clause)?.[1]
  if (explained !== undefined && isPath(explained)) return { kind: "read", path: bare(explained), want: "about" }
  return listOrSearch(clause)
}

const listOrSearch = (clause: string): Wish => {
  const list = forms.list.exec(clause)
  // "show me a poem" is no listing: other verbs than these need a word for what is listed.
  if (
    list !== null &&
    (/^(?:list|ls|dir)\b/i.test(clause) || /\b(?:files|folders?|director(?:y|ies)|entries)\b/i.test(clause))
  ) {
    return { kind: "list", path: place(list[1]), want: "names" }
  }
  const found = forms.search.exec(clause)
  if (found?.[1] === undefined) return { kind: "unknown", text: clause }
  const named = /^(?:find|where)\b/i.test(clause) ? findByName(clause) : undefined
  return (
    named ??
    search(/^where\b/i.test(clause) ? found[1].replace(/ (?:defined|declared|used|mentioned|called)\b/i, "") : found[1])
  )
}

/** A file that is looked for by its name: one that is said to be a name, or a pattern of names. */
const findByName = (clause: string): Wish | undefined => {
  const [, kind, pattern = "", path] = forms.find.exec(clause) ?? []
  const isName = /named|called/i.test(kind ?? "") || pattern.includes("*") || (kind !== undefined && isPath(pattern))
  return isName && pattern !== "" ? { kind: "find", pattern: bare(pattern), path: place(path) } : undefined
}

const search = (rest: string): Wish => {
  const parts = new RegExp(
    `^(.+?)(?: (?:in|under|within|inside)(?: (?:the|all|folder|file|files))* ?${token}?)?$`,
    "i"
  ).exec(rest)
  return { kind: "search", text: bare(parts?.[1] ?? rest), path: place(parts?.[2]), want: "matches" }
}

const lineRange = (path: string, from: string | undefined, to: string | undefined): Wish => {
  const first = Number(from)
  return { kind: "read", path: bare(path), from: first, to: to === undefined ? first : Number(to), want: "content" }
}

/** A folder, or nothing where the words only mean "here". */
const place = (name: string | undefined): string | undefined =>
  name === undefined || /^(?:here|this|it|files?|everything|everywhere|all|folder|directory|project|\.)$/i.test(name)
    ? undefined
    : bare(name)

/** A path without an ending, or a word that something is said to be in. */
const isFolder = (name: string, clause: string): boolean =>
  /^[\w@-]+(?:\/[\w@-]+)*\/?$/.test(name) &&
  !isPath(name.replaceAll("/", "")) &&
  (name.includes("/") || /^what(?:'s| is) in\b/i.test(clause))

const spoken: ReadonlyArray<readonly [RegExp, string]> = [
  [/(\d+(?:\.\d+)?)\s*(?:%|percent)\s+of\s+/gi, "$1 / 100 * "],
  [/\bdivided by\b|÷/gi, "/"],
  [/\b(?:times|multiplied by)\b|×|(?<=[\d)]\s*)x(?=\s*[\d(])/gi, "*"],
  [/\bplus\b/gi, "+"],
  [/\bminus\b|−/gi, "-"],
  [/\b(?:modulo|mod)\b/gi, "%"],
  [/\b(?:to the power of|\*\*)\b/gi, "^"],
  [/\bsquared\b/gi, "^ 2"],
  [/\b(?:the )?square root of\s+(\d+(?:\.\d+)?)/gi, "sqrt($1)"],
  [/\bhalf of\b/gi, "1 / 2 *"],
  [/(?<=\d),(?=\d{3}\b)/g, ""]
]

/** The clause as an arithmetic expression, if it is one. */
const arithmetic = (clause: string): string | undefined => {
  const verb = /^(?:what(?:'s| is)|how much (?:is|are)|calculate|compute|evaluate|solve|work out)\s+/i
  const asked = clause.replace(verb, "").replace(/\s*=?$/, "")
  const sum = spoken.reduce((text, [pattern, symbol]) => text.replace(pattern, symbol), asked).trim()
  const onlySymbols = /^(?:[\d.\s+\-*/%^(),]|\b(?:sqrt|abs|round|floor|ceil|min|max|pi)\b)+$/i.test(sum)
  const meansIt =
    /[\d)]\s*[+\-*/%^]+\s*[\d(.\-a-z]|\w\(/i.test(sum) || /^(?:calculate|compute|evaluate)\s/i.test(clause)
  // A date or a version is not a subtraction.
  return onlySymbols && meansIt && /\d/.test(sum) && !/^\d+(?:[-/]\d+){2}$/.test(sum) ? sum : undefined
}
