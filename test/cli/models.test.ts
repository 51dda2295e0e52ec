import { assert, describe, it } from "@effect/vitest"
import * as Command from "axonal/cli/models"
import { ModelInfo } from "axonal/domain/ModelInfo"
import * as Models from "axonal/transport/Models"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { folderOf, run, setUp } from "./support.ts"

setUp()

const known = Effect.runSync(Models.Models)
const decode = Schema.decodeUnknownSync(Schema.parseJson(ModelInfo))
const axonal = (...args: ReadonlyArray<string>) => run(args, { cwd: folderOf() })
const textOf = (...args: ReadonlyArray<string>) => Effect.runSync(Command.answer(args)).text

describe("axonal models", () => {
  it("shows every known model without a network or a key", async () => {
    const { code, stderr, stdout } = await axonal("models")
    const [head = "", ...rows] = stdout.trimEnd().split("\n")
    assert.deepStrictEqual(
      [code, stderr, head.split(/ {2,}/)],
      [...[0, "", ["model", "context", "output", "$ per million, in/out", "can"]]]
    )
    assert.deepStrictEqual(
      rows.map((row) => row.split(" ")[0]),
      known.all.map(({ id, vendor }) => `${vendor}:${id}`)
    )
  })

  it("says what a model takes, does and costs", () => {
    assert.deepStrictEqual(
      textOf("gpt-5.4", "file", "structured")
        .trimEnd()
        .split("\n")
        .slice(1)
        .filter((row) => row.startsWith("openai:gpt-5.4 "))
        .map((row) => row.split(/ {2,}/)),
      [
        [
          ...["openai:gpt-5.4", "1.05M", "128k", "2.5/15, above 272k 5/22.5"],
          "tools reasoning structured-output image file"
        ]
      ]
    )
    assert.match(textOf("gemma3:4b"), /\nollama:gemma3:4b +- +- +- +image\n$/)
  })

  it("AM-33 vendors are found by their other names", () => {
    const [by, alias] = [textOf("google:"), textOf("GEMINI:")]
    assert.strictEqual(by, alias)
    assert.strictEqual(by.trimEnd().split("\n").length, known.byPrefix("google:").length + 1)
  })

  it("json is one model a line", () => {
    assert.deepStrictEqual(
      textOf("--json", "claude-haiku")
        .trimEnd()
        .split("\n")
        .map((line) => decode(line)),
      known.search("claude-haiku")
    )
  })

  it("AM-33 words without a match list the vendors", async () => {
    const { code, stderr, stdout } = await axonal("models", "nobody:")
    assert.deepStrictEqual([code, stdout], [0, ""])
    assert.match(
      stderr,
      /^axonal: no known model matches\. Vendors: openai, .*, ollama, .*\. Unknown models work, too\.\n$/
    )
  })

  it("an unknown flag is a usage error", async () => {
    const { code, stderr } = await axonal("models", "--al")
    assert.deepStrictEqual(
      [code, stderr],
      [...[2, "axonal: axonal models knows words and --json, not --al. Try axonal --help.\n"]]
    )
  })

  it("help is help, and a prompt that begins so is quoted", async () => {
    assert.match((await axonal("models", "--help")).stdout, /^Usage: axonal/)
    const [one, other] = await Promise.all([
      axonal("models of lamps", "--no-save"),
      axonal("--no-save", "--", "models", "of lamps")
    ])
    assert.include(one.stdout, "“models of lamps”")
    assert.strictEqual(other.stdout, one.stdout)
  })
})
