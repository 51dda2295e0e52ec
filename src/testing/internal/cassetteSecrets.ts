/**
 * Taking secrets out of what is written to a file: texts that look like keys, and fields whose names say so.
 */
import type { Delta } from "../../domain/Delta.ts"

export type Scrub = <A>(value: A) => A

const redacted = "<redacted>"

/** Keys as vendors shape them, tokens, and what stands behind a word that announces one. */
const known: ReadonlyArray<readonly [pattern: RegExp, by: string]> = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g, redacted],
  [/\b(Bearer|Basic)(\s+)[\w.~+/=-]{16,}/gi, `$1$2${redacted}`],
  [
    /\b((?:api|access|auth|secret)[_-]?(?:key|token|secret)|client[_-]?secret|password)(\\*["']?\s*[:=]\s*\\*["']?)(?!<redacted>)[^\s"'\\,;&]{8,}/gi,
    `$1$2${redacted}`
  ],
  [
    /\b(?:sk|pk|rk|gsk|hf|x[a]i|pplx|nvapi|tvly|gh[opsur]|github_pat|glpat|xox[abeprs])[-_][A-Za-z0-9_-]{16,}/g,
    redacted
  ],
  [/\bAIza[\w-]{30,}/g, redacted],
  [/\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g, redacted],
  [/\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}/g, redacted]
]

const secretName = /^(x[-_])?(api[-_]?key|authorization|access[-_]?token|auth[-_]?token|client[-_]?secret|password)$/i

/** What the default patterns and these find is replaced, in every text of a value. */
export const scrubber = (patterns: ReadonlyArray<RegExp | string>): Scrub => {
  const more = patterns.map((pattern) =>
    typeof pattern === "string" ? pattern : new RegExp(pattern.source, [...new Set(`${pattern.flags}g`)].join(""))
  )
  const ofText = (text: string): string => {
    let clean = text
    for (const pattern of more) if (pattern !== "") clean = clean.replaceAll(pattern, redacted)
    for (const [pattern, by] of known) clean = clean.replace(pattern, by)
    return clean
  }
  const of = (value: unknown, name: string): unknown => {
    // Files are noise in which anything may be found.
    if (name === "base64") return value
    if (typeof value === "string") return secretName.test(name) ? redacted : ofText(value)
    if (Array.isArray(value)) return value.map((item) => of(item, name))
    if (typeof value !== "object" || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([field, item]) => [field, of(item, field)]))
  }
  // Texts stay texts and objects keep their fields.
  return <A>(value: A): A => of(value, "") as A
}

/** Scrubs deltas one by one; those of a part whose secret was cut across several become one. */
export const scrubDeltas = (scrub: Scrub, deltas: ReadonlyArray<Delta>): ReadonlyArray<Delta> => {
  const whole = new Map<number, string>()
  for (const delta of deltas) {
    if ("delta" in delta) whole.set(delta.index, (whole.get(delta.index) ?? "") + delta.delta)
  }
  const secretive = new Map([...whole].filter(([, text]) => scrub(text) !== text))
  return deltas.flatMap((delta) => {
    if (!("delta" in delta) || !secretive.has(delta.index)) return [scrub(delta)]
    const text = secretive.get(delta.index)
    secretive.set(delta.index, "")
    return text === undefined || text === "" ? [] : [{ ...delta, delta: scrub(text) }]
  })
}
