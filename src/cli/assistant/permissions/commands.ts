/**
 * What commands of the assistant may do unasked, and how a person is asked about the others.
 */
import { resolve } from "node:path"
import * as Effect from "effect/Effect"
import * as CommandGuard from "../../../guard/CommandGuard.ts"
import * as Guard from "../../../guard/Guard.ts"
import * as PlainLine from "./plainLine.ts"
import * as Repository from "./repository.ts"
import * as Secrets from "./secrets.ts"

/**
 * Makes the guard. Commands that only read run unasked, as long as all that they do can be seen beforehand, and every word
 * that may be a path stays inside and means no secrets.
 *
 * **Details**
 *
 * - `words` judges those words. `home`: the folder where commands run that name none.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (words: Guard.Service, home: string): Guard.Service =>
  Guard.make((call) => {
    const [line, folder] = [Secrets.textAt(call.input, "command"), Secrets.textAt(call.input, "folder")]
    const verdict = CommandGuard.judge(line, policy, folder)
    if (verdict._tag !== "Allow") return Effect.succeed(verdict)
    const plain = PlainLine.read(line)
    const parts = plain === undefined ? Secrets.wordsOf(line) : pathsOf(plain)
    const from = resolve(home, folder)
    const input = folder === "" ? { words: parts } : { words: parts, folder }
    return Effect.map(Guard.judge(words, { ...call, input }), (where) => {
      const led = where._tag === "Rewrite" || where._tag === "Ask" ? where.input : undefined
      const paths = [...parts.map((part) => resolve(from, part)), ...Secrets.pathsAt(led, { "words.*": "read" })]
      return together([unseen(plain, from), Secrets.asked("read", paths, home), placed(where)])
    })
  })

// internal

/** One question about all of it, of a kind when all are of the same. */
const together = (found: ReadonlyArray<Secrets.Asked | undefined>): Guard.Verdict => {
  const asked = found.filter((one) => one !== undefined)
  const [first, ...others] = asked
  if (first === undefined) return Guard.Allow
  const isOne = others.every(({ category }) => category === first.category)
  return Guard.Ask(asked.map(({ reason }) => reason).join("; "), isOne ? first.category : undefined)
}

const unseen = (plain: PlainLine.Line | undefined, folder: string): Secrets.Asked | undefined =>
  plain === undefined || plain.commands.some(isUnseen)
    ? { reason: "what it reads cannot be seen beforehand", category: "command:read" }
    : plain.commands.some(([program]) => program === "git") && !Repository.isPlain(folder)
      ? { reason: "the repository may have other programs run", category: "command:git" }
      : undefined

const placed = (where: Guard.Verdict): Secrets.Asked | undefined =>
  where._tag === "Deny"
    ? { reason: `what it reads is not clear: ${where.reason}`, category: "command:read" }
    : where._tag === "Ask"
      ? { reason: where.reason, category: where.category }
      : undefined

// To go elsewhere would give all that follows another meaning, and of two folders all is compared that is in them.
const programs = CommandGuard.reading.filter((rule) => rule !== "cd" && rule !== "diff")

const policy: CommandGuard.Policy = {
  allow: [
    ...programs,
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

const known = new Set([...programs, "find", "git"])

/** Options by which more is read than the words say: whole folders, what lies behind links, what a file lists. */
const reaching: ReadonlyArray<readonly [programs: RegExp, letters: RegExp, names: ReadonlyArray<string>]> = [
  [/^[ef]?grep$/, /[rRd]/, ["--recursive", "--dereference-recursive", "--directories"]],
  [/^(?:ls|du)$/, /L/, ["--dereference", "--files0-from"]],
  [/^wc$/, /(?!)/, ["--files0-from"]],
  [/^find$/, /^-(?:L|follow|exec|ok|files0)/, []],
  [/^git$/, /(?!)/, ["--no-index"]]
]

/** Whether a command is another program than it seems, or reaches further. Options may be shortened. */
const isUnseen = ([program = "", ...words]: ReadonlyArray<string>): boolean =>
  !known.has(program) ||
  reaching.some(
    ([programs, letters, names]) =>
      programs.test(program) &&
      words.some((word) => {
        const [name = ""] = word.split("=", 1)
        if (!word.startsWith("--")) return word.startsWith("-") && letters.test(word)
        return name.length > 2 && names.some((known) => known.startsWith(name))
      })
  )

/** Every text of the line that may be a path, behind an option or a revision, too. It is no matter if some of it is none. */
const pathsOf = ({ commands, inputs }: PlainLine.Line): ReadonlyArray<string> => {
  const words = [...commands.flatMap(([, ...words]) => words), ...inputs]
  const texts = words.flatMap((word) => {
    const value = word.startsWith("--")
      ? word.slice(word.indexOf("=") + 1)
      : word.startsWith("-")
        ? word.slice(2)
        : word
    return [value, ...value.split(/[\s:,=()]+/)]
  })
  return [...new Set(texts)].filter((text) => text !== "" && !text.startsWith("-"))
}
