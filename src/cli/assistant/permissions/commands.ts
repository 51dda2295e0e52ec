/**
 * What commands of the assistant may do unasked, and how a person is asked about the others.
 */
import * as Effect from "effect/Effect"
import * as CommandGuard from "../../../guard/CommandGuard.ts"
import * as Guard from "../../../guard/Guard.ts"
import * as Secrets from "./secrets.ts"

/**
 * Makes the guard. Commands that only read run unasked, as long as every word that may be a path stays inside and means no
 * secrets. `words` judges those words.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (words: Guard.Service): Guard.Service =>
  Guard.make((call) => {
    const [line, folder] = [Secrets.textAt(call.input, "command"), Secrets.textAt(call.input, "folder")]
    const verdict = CommandGuard.judge(line, policy, folder)
    if (verdict._tag !== "Allow") return Effect.succeed(verdict)
    if (unseen.test(line)) return Effect.succeed(Guard.Ask("what it reads cannot be seen", "command:read"))
    const parts = Secrets.wordsOf(line)
    const secret = parts.find(Secrets.isSecret)
    if (secret !== undefined) return Effect.succeed(Guard.Ask(`it would read ${secret}, which may hold secrets`))
    const input = folder === "" ? { words: parts } : { words: parts, folder }
    return Effect.map(Guard.judge(words, { ...call, input }), (where) =>
      where._tag === "Deny"
        ? Guard.Ask(`what it reads is not clear: ${where.reason}`, "command:read")
        : where._tag === "Ask"
          ? Guard.Ask(where.reason, where.category)
          : Guard.Allow
    )
  })

// internal

/** What is read is only known when it runs: by what is put in, by other programs, and behind links. */
const unseen = /[$`\\]|\bxargs\b|\s-\w*R|\bfind\b.*\s-(?:\w*L|follow|files0-from)\b/s

const policy: CommandGuard.Policy = {
  // To go elsewhere would give all that follows another meaning.
  allow: [
    ...CommandGuard.reading.filter((rule) => rule !== "cd"),
    ...["find **", "git status **", "git diff **", "git log **", "git show **", "git blame **"],
    ...["git ls-files **", "git rev-parse **"]
  ],
  ask: [
    { program: "git", arguments: ["**", "--output*", "**"], category: "command:write" },
    { program: "git", arguments: ["**", "--ext-diff", "**"], category: "command:git" },
    { program: "git", arguments: ["**", "--textconv", "**"], category: "command:git" }
  ],
  opaque: "ask"
}
