/**
 * What interceptors may change, field by field, and what is wrong with a change that goes beyond it. Types say the same to
 * those who write in TypeScript; this holds for everybody.
 */

/** The interceptors, and what each of them may answer with. */
export const allowed = {
  turnStart: ["messages", "tools", "toolChoice", "responseFormat", "settings"],
  toolStart: ["input", "answer"],
  toolEnd: ["outcome", "content", "display", "ends"]
} as const

export type Interceptor = keyof typeof allowed

/** The fields for which a change has a value. */
export const changed = (change: object): ReadonlyArray<string> =>
  Object.entries(change).flatMap(([field, value]) => (value === undefined ? [] : [field]))

/** What is wrong with a change, and in which fields; nothing when it may be made. */
export const problem = (
  hook: Interceptor,
  change: unknown
): { readonly fields: ReadonlyArray<string>; readonly what: string } | undefined => {
  // What a change says is not for the log; only what it is.
  if (typeof change !== "object" || change === null || Array.isArray(change)) {
    return {
      fields: [],
      what: `answered ${change === null ? "null" : Array.isArray(change) ? "an array" : `a ${typeof change}`}`
    }
  }
  const known: ReadonlySet<string> = new Set(allowed[hook])
  const beyond = Object.keys(change).filter((field) => !known.has(field))
  if (beyond.length > 0) return { fields: beyond, what: `answered ${beyond.join(", ")}` }
  const fields = changed(change)
  if (hook === "toolStart") {
    // Arguments may be `undefined`; an answer may not.
    if ("input" in change === fields.includes("answer")) {
      return { fields, what: fields.length === 0 ? "answered neither" : "answered both" }
    }
  }
  const missing = hook === "toolEnd" ? ["outcome", "content"].filter((field) => !fields.includes(field)) : []
  return missing.length === 0 ? undefined : { fields: missing, what: `answered without ${missing.join(" and ")}` }
}
