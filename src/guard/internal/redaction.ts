/**
 * Where in a text something stands that is to be hidden, and the text without it. Every finder is linear in the text,
 * whatever the text is: it was written to be found by nobody.
 */
import { isInPair } from "../../internal/texts.ts"

/** A place in a text, in characters (UTF-16): from the first one to the one behind the last. */
export interface Span {
  readonly from: number
  readonly to: number
}

/** What finds one kind of thing. Places are in order and do not overlap. */
export type Find = (text: string) => ReadonlyArray<Span>

/** A kind of thing by its name. */
export interface Named {
  readonly name: string
  readonly find: Find
}

/** The text with a mark in place of all that was found. Places that overlap become one, and no character is halved. */
export const hide = (text: string, kinds: ReadonlyArray<Named>): string => {
  const found = kinds
    .flatMap(({ find, name }) => find(text).map((span) => ({ name, ...whole(text, span) })))
    .sort((left, right) => left.from - right.from || right.to - left.to)
  if (found.length === 0) return text
  const out: Array<string> = []
  let end = 0
  for (const { from, name, to } of found) {
    if (from >= end) out.push(text.slice(end, from), `[redacted ${name}]`)
    end = Math.max(end, to)
  }
  out.push(text.slice(end))
  return out.join("")
}

/** All matches of a pattern, but those of no length. */
export const matching = (pattern: RegExp): Find => {
  const flags = `${pattern.flags.replace(/[gy]/g, "")}g`
  const source = new RegExp(pattern.source, flags)
  return (text) =>
    Array.from(text.matchAll(source), (match) => ({ from: match.index, to: match.index + match[0].length })).filter(
      ({ from, to }) => to > from
    )
}

/** Addresses of e-mail: from each `@` as far as an address may reach to both sides, which is never past another `@`. */
export const emails: Find = (text) => {
  const spans: Array<Span> = []
  let end = 0
  for (let at = text.indexOf("@"); at >= 0; at = text.indexOf("@", at + 1)) {
    let from = at
    while (from > end && isLocal(text, from - 1)) from--
    if (from === at) continue
    let to = at + 1
    while (to < text.length && to - at <= longestDomain && isDomain(text, to)) to++
    const domain = topLevel.exec(text.slice(at + 1, to))?.[0]
    if (domain === undefined) continue
    end = at + 1 + domain.length
    spans.push({ from, to: end })
  }
  return spans
}

/**
 * Numbers of payment cards: 13 to 19 digits with at most one space or hyphen between two of them, which begin as issuers'
 * numbers do and have the right check digit.
 */
export const cards: Find = (text) => {
  const spans: Array<Span> = []
  const digits = new RegExp(anyDigit)
  for (let match = digits.exec(text); match !== null; match = digits.exec(text)) {
    const { index } = match
    const groups = groupsFrom(text, index)
    const last = groups[groups.length - 1]
    if (groups.length > 1 || !isFraction(text, index)) spans.push(...cardsOf(groups))
    digits.lastIndex = last === undefined ? index + 1 : last.to
  }
  return spans
}

/** Secrets by the forms that are known for them: tokens with a prefix, signed tokens, headers, private keys. */
export const keys: Find = (text) => {
  const found = [...privateKeys(text), ...tokens.flatMap((find) => find(text))]
  const spans: Array<Span> = []
  for (const { from, to } of found.sort((left, right) => left.from - right.from)) {
    const last = spans[spans.length - 1]
    if (last === undefined || from >= last.to) spans.push({ from, to })
    else spans[spans.length - 1] = { from: last.from, to: Math.max(last.to, to) }
  }
  return spans
}

const longestDomain = 253

/** The longest domain that ends in a name of letters, or in the form that such names have in ASCII. */
const topLevel = /^(?:[^.]+\.)+(?:xn--[a-z0-9]+|\p{L}{2,})(?![\p{L}\p{N}])/iu

const letter = /[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{Mn}\p{Nd}]/u
const localSign = /[a-z0-9.!#$%&'*+/=?^_`{|}~-]/i
const domainSign = /[a-z0-9.-]/i

const isLocal = (text: string, index: number): boolean => localSign.test(text.charAt(index)) || isLetter(text, index)

const isDomain = (text: string, index: number): boolean => domainSign.test(text.charAt(index)) || isLetter(text, index)

/** Letters beyond ASCII that stand in addresses. None of them is a pair of surrogates. */
const isLetter = (text: string, index: number): boolean =>
  text.charCodeAt(index) > 127 && letter.test(text.charAt(index))

/** The first digit of each script that has digits people write card numbers with. */
const zeros: ReadonlyArray<number> = [0x30, 0x660, 0x6f0, 0x966, 0xff10]
const anyDigit = /[0-9\u0660-\u0669\u06f0-\u06f9\u0966-\u096f\uff10-\uff19]/g

const digitAt = (text: string, index: number): number | undefined => {
  const code = text.charCodeAt(index)
  for (const zero of zeros) if (code >= zero && code <= zero + 9) return code - zero
  return undefined
}

const between = /[ \-\u00a0\u2007\u2009\u2010-\u2015\u2212\u202f\u3000]/

/** Digits that stand together. */
interface Group extends Span {
  readonly digits: string
}

/** The groups of digits from here on that are separated by one sign each. */
const groupsFrom = (text: string, start: number): ReadonlyArray<Group> => {
  const groups: Array<Group> = []
  let from = start
  while (digitAt(text, from) !== undefined) {
    let to = from
    let digits = ""
    for (let digit = digitAt(text, to); digit !== undefined; digit = digitAt(text, ++to)) {
      // Longer than any card is enough to know that it is none.
      if (digits.length < 20) digits += digit
    }
    groups.push({ from, to, digits })
    if (!between.test(text.charAt(to))) break
    from = to + 1
  }
  return groups
}

/** Cards begin and end with a group. At most 19 groups are looked at from each. */
const cardsOf = (groups: ReadonlyArray<Group>): ReadonlyArray<Span> => {
  const spans: Array<Span> = []
  let index = 0
  while (index < groups.length) {
    const last = lastOfCard(groups, index)
    const [first, end] = [groups[index], groups[last]]
    if (first !== undefined && end !== undefined && last >= index) spans.push({ from: first.from, to: end.to })
    index = Math.max(last, index) + 1
  }
  return spans
}

/** The last group of the longest card that begins with this group; one before it when there is none. */
const lastOfCard = (groups: ReadonlyArray<Group>, start: number): number => {
  let digits = ""
  let last = start - 1
  for (let index = start; index < groups.length && digits.length < 20; index++) {
    digits += groups[index]?.digits ?? ""
    if (isCard(digits)) last = index
  }
  return last
}

const isCard = (digits: string): boolean =>
  digits.length >= 13 && digits.length <= 19 && /^(?:[2-6]|81)/.test(digits) && hasCheckDigit(digits)

/** The check of ISO/IEC 7812: from the right, every second digit counts twice, and the sum ends in 0. */
const hasCheckDigit = (digits: string): boolean => {
  let sum = 0
  for (let index = 0; index < digits.length; index++) {
    const digit = Number(digits.charAt(digits.length - 1 - index))
    const twice = digit * 2
    sum += index % 2 === 0 ? digit : twice > 9 ? twice - 9 : twice
  }
  return sum % 10 === 0
}

/** Whether the digits here are what follows the point of a number. */
const isFraction = (text: string, index: number): boolean =>
  text.charAt(index - 1) === "." && digitAt(text, index - 2) !== undefined

// Each begins where a word does and has nothing to try twice, so that no text makes it slow.
const tokens: ReadonlyArray<Find> = [
  /(?<![\w-])(?:sk|pk|rk)[-_](?=[\w-]{0,40}\d)[\w-]{16,}/,
  /(?<![\w-])(?:gh[opusr]|github_pat|glpat|npm|hf|pypi|dop_v1|shpat|whsec)[-_][\w-]{16,}/,
  /(?<![A-Za-z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])/,
  /(?<![\w-])AIza[\w-]{30,}/,
  /(?<![\w-])ya29\.[\w-]{16,}/,
  /(?<![\w-])xox[a-z]-[\w-]{10,}/,
  /(?<![\w-])SG\.[\w-]{16,}\.[\w-]{16,}/,
  /(?<![\w-])eyJ[\w-]+\.[\w-]+\.[\w-]*/,
  /(?<=\b(?:bearer|basic) )(?=[\w.~+/-]{0,200}[\d=])[\w.~+/-]{16,}=*/i
].map(matching)

const bar = "-----"
const opening = `${bar}BEGIN `
const closing = `${bar}END `

/** Private keys between their lines, or up to the next key or the end of the text when the last line is missing. */
const privateKeys: Find = (text) => {
  const spans: Array<Span> = []
  let end = text.indexOf(closing)
  let from = text.indexOf(opening)
  while (from >= 0) {
    const next = text.indexOf(opening, from + opening.length)
    const head = text.slice(from, from + longestLine).indexOf("PRIVATE KEY-----")
    if (head >= 0) {
      // Looked for from where it was found last: the whole text is read once.
      while (end >= 0 && end < from) end = text.indexOf(closing, end + closing.length)
      const isClosed = end >= 0 && (next < 0 || end < next)
      const line = isClosed ? text.slice(end + closing.length, end + longestLine).indexOf(bar) : -1
      const closed = line < 0 ? end + closing.length : end + closing.length + line + bar.length
      spans.push({ from, to: isClosed ? closed : next < 0 ? text.length : next })
    }
    from = next
  }
  return spans
}

const longestLine = 80

/** The span with both halves of the characters at its ends. */
const whole = (text: string, { from, to }: Span): Span => ({
  from: isInPair(text, from) ? from - 1 : from,
  to: isInPair(text, to) ? to + 1 : to
})
