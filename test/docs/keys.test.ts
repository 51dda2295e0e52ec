import { assert, describe, expect, it } from "@effect/vitest"
import * as Commands from "axonal/cli/assistant/commands/commands"
import * as Keys from "axonal/cli/screen/keys"

const table = (head: readonly [string, string], rows: ReadonlyArray<readonly [string, string]>): string =>
  [head, ["---", "---"], ...rows].map(([left, right]) => `| ${left} | ${right.replaceAll("|", "\\|")} |`).join("\n")

const code = (text: string): string => `\`${text.replaceAll("|", "\\|")}\``

const commands = Commands.all.map(({ aliases, name, summary, words }) => {
  const others = aliases.length === 0 ? "" : ` (${aliases.map((alias) => code(`/${alias}`)).join(", ")})`
  return [`${code(`/${name}${words === "" ? "" : ` ${words}`}`)}${others}`, summary] as const
})

const sections = Keys.places.map(([place, title]) => {
  const rows = Keys.sheet(place).map(([keys, does]) => [keys.split(", ").map(code).join(", "), does] as const)
  return `### ${title}\n\n${table(["Keys", "What they do"], rows)}`
})

const page = `# Keys and commands of the terminal assistant

<!-- Written by test/docs/keys.test.ts from the tables that the program looks keys and commands up in. After a change that
is meant: npx vitest run -u test/docs/keys.test.ts -->

What the [terminal assistant](cli.md) listens to. \`/help\` lists the commands in both of its faces, \`F1\` or \`?\` shows the
keys on the screen.

## Commands

${table(["Command", "What it does"], commands)}

A line that begins with \`!\` is a command for the shell, \`@\` begins the name of a file.

## Keys on the screen

${sections.join("\n\n")}
`

describe("docs/keys.md", () => {
  it("is what the tables of keys and commands say", async () => {
    await expect(page).toMatchFileSnapshot("../../docs/keys.md")
  })

  it("no key means two things in one place", () => {
    for (const [place] of Keys.places) {
      const keys = Keys.all.filter(({ where }) => where === place).flatMap((entry) => entry.keys)
      const twice = keys.filter((key, index) => keys.indexOf(key) !== index)
      assert.deepStrictEqual(twice, place === "talk" ? ["alt+enter"] : [], place)
    }
  })
})
