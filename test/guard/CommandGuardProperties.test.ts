import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as CommandGuard from "../../src/guard/CommandGuard.ts"

const everything: CommandGuard.Policy = { allow: [{ program: "*" }], writes: "allow", deny: ["rm"] }
const tagOf = (line: string, policy = everything) => CommandGuard.judge(line, policy)._tag

const single = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`
const double = (text: string): string => `"${text.replace(/[\\$`"]/g, "\\$&")}"`
const backquoted = (text: string): string => `\`${text.replace(/[\\$`]/g, "\\$&")}\``

/** Ways to have a line run by another. Each keeps what it is given a whole line of its own. */
const compositions: ReadonlyArray<(line: string) => string> = [
  (line) => `ls && { ${line}\n}`,
  (line) => `ls || ( ${line}\n)`,
  (line) => `${line}\nls`,
  (line) => `ls; ${line}`,
  (line) => `ls & ${line}`,
  (line) => `ls | ${line}`,
  (line) => `! ${line}`,
  (line) => `echo $(${line}\n)`,
  (line) => `echo "$(${line}\n)"`,
  (line) => `echo ${backquoted(line)}`,
  (line) => `X=$(${line}\n) ls`,
  (line) => `cat <(${line}\n)`,
  (line) => `if ls; then ${line}\nfi`,
  (line) => `while ls; do ${line}\ndone`,
  (line) => `for i in a b; do ${line}\ndone`,
  (line) => `case a in a) ${line}\n;; esac`,
  (line) => `f() { ${line}\n}; f`,
  (line) => `cat <<EOF\n$(${line}\n)\nEOF`,
  (line) => `sh -c ${single(line)}`,
  (line) => `bash -lc ${double(line)}`,
  (line) => `eval ${single(line)}`,
  (line) => `env A=1 nohup timeout 5 sh -c ${single(line)}`,
  (line) => `ls | xargs sh -c ${double(line)}`,
  (line) => `find . -exec sh -c ${single(line)} \\;`,
  (line) => `ssh host ${single(line)}`,
  (line) => `sh <<'E O F'\n${line}\nE O F`,
  (line) => `\\\n${line} # ls`
]
const nested = FastCheck.array(FastCheck.constantFrom(...compositions), { maxLength: 4 })
const wrap = (line: string, how: ReadonlyArray<(line: string) => string>): string =>
  how.reduce((inner, compose) => compose(inner), line)

/** Spellings of a name that every shell reads as the name. */
const spelled = (name: string) =>
  FastCheck.array(FastCheck.constantFrom("plain", "single", "double", "escaped", "empty"), {
    minLength: name.length,
    maxLength: name.length
  }).map((kinds) =>
    [...name]
      .map((letter, index) => {
        const kind = kinds[index]
        if (kind === "single") return `'${letter}'`
        if (kind === "double") return `"${letter}"`
        if (kind === "escaped") return `\\${letter}`
        return kind === "empty" ? `''${letter}""` : letter
      })
      .join("")
  )

const hard = FastCheck.constantFrom(
  "rm -rf /",
  "mkfs.ext4 f",
  "reboot",
  "chmod -R 777 /",
  "dd if=x of=/dev/sda",
  "$X a"
)
const pieces = FastCheck.constantFrom(
  ...[
    "rm",
    "ls",
    " ",
    "\n",
    ";",
    "&",
    "|",
    "(",
    ")",
    "{",
    "}",
    "<",
    ">",
    "<<",
    "EOF",
    "$",
    "$(",
    "`",
    "'",
    '"',
    "\\",
    "#"
  ],
  ...[
    "=",
    "*",
    "~",
    "/",
    "-",
    "if",
    "then",
    "fi",
    "case",
    "esac",
    "in",
    "do",
    "done",
    "for",
    "sh -c ",
    "xargs ",
    "$((",
    "))"
  ]
)

describe("CommandGuard properties", () => {
  it.prop("a denied program stays denied however it is spelled", { name: spelled("rm") }, ({ name }) => {
    assert.strictEqual(tagOf(`${name} x`), "Deny")
  })

  it.prop("a denied line stays denied in any composition", { name: spelled("rm"), how: nested }, ({ how, name }) => {
    assert.strictEqual(tagOf(wrap(`${name} x`, how)), "Deny", wrap(name, how))
  })

  it.prop("a blocked or opaque line stays denied in any composition", { line: hard, how: nested }, ({ how, line }) => {
    assert.strictEqual(tagOf(wrap(line, how)), "Deny", wrap(line, how))
  })

  it.prop(
    "a composition is not refused for what it is",
    { composition: FastCheck.constantFrom(...compositions) },
    (given) => {
      assert.strictEqual(
        tagOf(given.composition("ls"), { allow: [{ program: "*" }] }),
        "Allow",
        given.composition("ls")
      )
    }
  )

  it.prop("a quoted text runs nothing", { text: FastCheck.string() }, ({ text }) => {
    const printable = text.replace(/[\p{Cc}\p{Cf}]/gu, "")
    assert.strictEqual(tagOf(`echo ${single(printable)}`), "Allow")
    assert.strictEqual(tagOf(`echo ${double(printable)}`), "Allow")
  })

  it.prop("what follows a whole line is judged", { parts: FastCheck.array(pieces, { maxLength: 12 }) }, ({ parts }) => {
    const line = parts.join("")
    if (tagOf(line) === "Allow") assert.strictEqual(tagOf(`${line}\nrm x`), "Deny", line)
  })

  it.prop("any text has a verdict, and the same again", { parts: FastCheck.array(pieces) }, ({ parts }) => {
    assert.deepStrictEqual(CommandGuard.judge(parts.join("")), CommandGuard.judge(parts.join("")))
  })

  it.prop("another denial never allows more", { parts: FastCheck.array(pieces), how: nested }, ({ how, parts }) => {
    const line = wrap(parts.join(""), how)
    if (tagOf(line, { allow: [{ program: "*" }] }) === "Deny") assert.strictEqual(tagOf(line), "Deny")
  })
})
