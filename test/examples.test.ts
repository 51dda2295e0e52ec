import { existsSync, readdirSync, readFileSync } from "node:fs"
import { dirname } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import type { Console } from "effect"
import { ConfigProvider, Effect, Layer } from "effect"
import * as Hello from "../examples/01_hello.ts"
import { examples } from "./support/examples.ts"
import { root } from "./support/sources.ts"

/** What a program prints, line by line. */
const printed = <E, R>(program: Effect.Effect<unknown, E, R>): Effect.Effect<ReadonlyArray<string>, E, R> =>
  Effect.flatMap(Effect.console, (console) => {
    const lines: Array<string> = []
    const log = (...args: ReadonlyArray<unknown>) => Effect.sync(() => lines.push(...args.join(" ").split("\n")))
    const capturing: Console.Console = { ...console, log: (...args) => Effect.asVoid(log(...args)) }
    return Effect.as(Effect.withConsole(program, capturing), lines)
  })

const read = (path: string): string => readFileSync(`${root}/${path}`, "utf8")

const pages = [
  "README.md",
  "CHANGELOG.md",
  ...readdirSync(`${root}/docs`, { recursive: true }).map((file) => `docs/${file}`)
].filter((path) => path.endsWith(".md"))

/** A whole example, or one of its regions, without the comments that mark regions. */
const cut = (file: string, region: string | undefined): string => {
  const lines = read(file).split("\n")
  const first = region === undefined ? 0 : lines.indexOf(`// #region ${region}`)
  assert.isAtLeast(first, 0, `${file} has no region ${region}`)
  let depth = 0
  const end = lines.findIndex((line, index) => {
    if (index >= first && line.startsWith("// #region")) depth++
    return index > first && line === "// #endregion" && --depth === 0 && region !== undefined
  })
  const part = lines.slice(first, end < 0 ? undefined : end)
  return part
    .filter((line) => !/^\/\/ #(end)?region/.test(line))
    .join("\n")
    .trim()
}

interface Block {
  readonly page: string
  readonly marker: string | undefined
  readonly code: string
}

/** The TypeScript in a page, each block with the marker above it. */
const blocksOf = (page: string): ReadonlyArray<Block> =>
  Array.from(
    read(page).matchAll(/(?:<!-- (examples\/\S+) -->\n)?^```ts\n([\s\S]*?)\n```$/gm),
    ([, marker, code = ""]) => ({ page, marker, code })
  )

/** Links of a page to files of this project, with the page's own folder resolved. */
const linksOf = (page: string): ReadonlyArray<string> =>
  Array.from(read(page).matchAll(/\]\(([^)\s]+)\)/g), ([, target = ""]) => target.split("#")[0] ?? "")
    .filter((target) => target !== "" && !/^[a-z]+:/.test(target))
    .map((target) => `${dirname(page)}/${target}`)

describe("examples", () => {
  for (const [file, [program, lines]] of Object.entries(examples)) {
    it.live(`${file} prints what it says`, () =>
      Effect.map(printed(program), (actual) => assert.deepStrictEqual(actual, lines))
    )
  }

  it("are all run here", () => {
    const files = readdirSync(`${root}/examples`).filter((name) => name.endsWith(".ts"))
    assert.deepStrictEqual(files, Object.keys(examples))
  })

  it("begin with a title, two sentences and their command", () => {
    for (const file of Object.keys(examples)) {
      const [, title = "", prose = "", command] =
        /^\/\*\*\n \* (.+)\n \*\n((?: \* .+\n)+) \*\n \* {3}npx tsx (\S+)\n \*\/\n/.exec(read(`examples/${file}`)) ?? []
      assert.isAbove(title.length, 0, file)
      assert.lengthOf(prose.match(/[.!?](?=\s*\n|\s+[A-Z])/g) ?? [], 2, prose)
      assert.strictEqual(command, `examples/${file}`)
    }
  })

  it.effect("hello with a model names the key it lacks", () =>
    Effect.gen(function* () {
      const nothing = Layer.setConfigProvider(ConfigProvider.fromMap(new Map()))
      const error = yield* Effect.flip(Effect.provide(Hello.program, Layer.provide(Hello.online, nothing)))
      assert.include(String(error), "OPENAI_API_KEY")
    })
  )
})

describe("docs", () => {
  it("show code of the examples only, as it is there", () => {
    const blocks = pages.flatMap(blocksOf)
    assert.isAbove(blocks.length, 0)
    for (const { code, marker, page } of blocks) {
      assert.isDefined(marker, `${page}: not cut from an example:\n${code}`)
      const [file = "", region] = marker?.split("#") ?? []
      assert.strictEqual(code, cut(file, region), `${page}: ${marker}`)
    }
  })

  it("link to files that exist", () => {
    const links = pages.flatMap((page) => linksOf(page).map((link) => ({ page, link })))
    assert.deepStrictEqual(
      links.filter(({ link }) => !existsSync(`${root}/${link}`)),
      []
    )
  })
})
