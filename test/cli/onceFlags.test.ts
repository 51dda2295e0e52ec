import { existsSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Output from "axonal/agent/Output"
import * as AgentsFile from "axonal/cli/assistant/agentsFile"
import * as Instructions from "axonal/cli/assistant/instructions"
import * as Attach from "axonal/cli/once/attach"
import { codeOf } from "axonal/cli/once/once"
import * as OutputSchema from "axonal/cli/once/outputSchema"
import * as Saved from "axonal/cli/saved"
import * as SetupArgs from "axonal/cli/setup/args"
import { masked } from "axonal/cli/setup/doctorFindings"
import * as Part from "axonal/domain/Part"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import { answer, folderOf, run, serve, setUp } from "./support.ts"

setUp()

const person = {
  type: "object",
  properties: { name: { type: "string" }, age: { type: "integer" } },
  required: ["name"]
}
const picture = new Uint8Array([137, 80, 78, 71, 13, 10, 26, 10, 0])

const problemOf = <A>(effect: Effect.Effect<A, { readonly message: string }>) =>
  Effect.match(effect, { onFailure: ({ message }) => message, onSuccess: () => "" })

describe("axonal, once, with a schema for the answer", () => {
  it("prints JSON that fits, after the model has mended it", async () => {
    const server = await serve(answer('Here: {"name": 1}'), answer('{"name": "Ada", "age": "36"}'))
    const cwd = folderOf({ "s.json": JSON.stringify(person) })
    const flags = ["-m", "m", "--base-url", server.baseUrl, "--no-save", "--output-schema", "s.json", "who?"]
    const { code, stderr, stdout } = await run([...flags], { cwd })
    server.close()
    assert.deepStrictEqual([code, JSON.parse(stdout)], [0, { name: "Ada", age: 36 }], stderr)
    assert.include(JSON.stringify(server.requests[1]?.messages), "/name must be string")
  })

  it("fails when it does not fit in the end, and prints nothing", async () => {
    const server = await serve(answer("no idea"))
    const cwd = folderOf({ "s.json": JSON.stringify(person) })
    const flags = ["-m", "m", "--base-url", server.baseUrl, "--no-save", "--output-schema", "s.json", "who?"]
    const { code, stderr, stdout } = await run([...flags], { cwd })
    server.close()
    assert.deepStrictEqual([code, stdout, server.requests.length], [1, "", 3])
    assert.match(stderr, /does not fit its schema, .* The answer was: no idea$/m)
  })

  it.effect("schemas of every usual draft are known, and what is none is bad usage", () =>
    Effect.gen(function* () {
      const folder = folderOf({
        "a.json": JSON.stringify({ $schema: "http://json-schema.org/draft-07/schema#", items: [{ type: "number" }] }),
        "b.json": JSON.stringify({
          $schema: "https://json-schema.org/draft/2020-12/schema",
          prefixItems: [{ const: 1 }]
        }),
        "c.json": JSON.stringify({ type: "objekt" }),
        "d.json": JSON.stringify({ $ref: "https://example.com/s.json" }),
        "e.json": "[1]",
        "f.json": "{"
      })
      const read = (name: string, value: unknown) =>
        Effect.flatMap(OutputSchema.load(join(folder, name)), (output) =>
          Effect.map(Output.read(Output.erase(output), JSON.stringify(value)), ({ _tag }) => _tag)
        )
      assert.deepStrictEqual([yield* read("a.json", [1]), yield* read("a.json", ["x"])], ["Valid", "Invalid"])
      assert.deepStrictEqual([yield* read("b.json", [1]), yield* read("b.json", [2])], ["Valid", "Invalid"])
      for (const name of ["c.json", "d.json", "e.json", "f.json", "missing.json"]) {
        assert.match(
          yield* problemOf(OutputSchema.load(join(folder, name))),
          /^--output-schema .* is (no schema|not there)/
        )
      }
      assert.match(yield* problemOf(OutputSchema.load("/dev/zero")), /it is no regular file/)
    })
  )
})

describe("axonal, once, for scripts", () => {
  it("exit codes tell why it ended", () => {
    const codes = [
      codeOf({ reason: "completed" }, false),
      codeOf({ reason: "completed" }, true),
      codeOf({ reason: "awaiting-approval" }, false),
      codeOf({ reason: "length" }, false),
      codeOf({ reason: "limit", limit: "turns" }, false),
      codeOf({ reason: "limit", limit: "wallTime" }, false),
      codeOf({ reason: "blocked" }, false),
      codeOf(undefined, false)
    ]
    assert.deepStrictEqual(codes, [0, 4, 4, 3, 3, 124, 1, 1])
  })

  it("a time-out ends a run that hangs, and what is wanted and nobody can approve is told", async () => {
    const server = await serve(() => {})
    const cwd = folderOf({ "a.txt": "a" })
    const hanging = run(["-m", "m", "--base-url", server.baseUrl, "--no-save", "--timeout", "50ms", "hi"], { cwd })
    const wanting = run(["--offline", "--no-save", "--tools", "all", 'shell(command: "touch b")'], { cwd })
    const [timed, asked] = await Promise.all([hanging, wanting])
    server.close()
    assert.deepStrictEqual([timed.code, timed.stdout], [124, ""], timed.stderr)
    assert.include(timed.stderr, "The run reached its limit of time.\n")
    assert.strictEqual(existsSync(join(cwd, "b")), false)
    assert.deepStrictEqual([asked.code, /nobody was there to approve/.test(asked.stderr)], [4, true], asked.stderr)
  })

  it("files and standard input go with the prompt, and yolo is told every time", async () => {
    const server = await serve(answer("ok"))
    const cwd = folderOf({ "a.txt": "words of a", "p.png": picture })
    const flags = ["-m", "m", "--base-url", server.baseUrl, "--no-save", "--yolo", "--temperature", "0.5"]
    const { code, stderr } = await run([...flags, "--file", "a.txt", "--file=p.png", "what is it?"], {
      cwd,
      stdin: "piped"
    })
    server.close()
    assert.strictEqual(code, 0, stderr)
    assert.match(stderr, /^axonal: YOLO: commands run and files change on this machine, as you, and nobody is asked/m)
    const asked = JSON.stringify(server.requests[0])
    const parts = ["what is it?", "<stdin>\npiped", '<file path="a.txt">\nwords of a', "data:image/png;base64,"]
    for (const part of parts) assert.include(asked, JSON.stringify(part).slice(1, -1))
    assert.include(asked, '"temperature":0.5')
  })

  it.effect("files that cannot go along are bad usage", () =>
    Effect.gen(function* () {
      const folder = folderOf({
        "p.png": picture,
        "x.bin": new Uint8Array([0, 1, 2, 255]),
        "long.txt": "a".repeat(1_000_001)
      })
      const told = (name: string) => problemOf(Attach.read([join(folder, name)]))
      assert.match(yield* told("missing.txt"), /^--file .*missing\.txt is not there$/)
      assert.match(yield* told("."), /is a folder$/)
      assert.match(yield* told("x.bin"), /is neither text, picture, sound, film nor PDF$/)
      assert.match(yield* told("long.txt"), /has 1000001 characters, and 1000000 is the most$/)
      const files = yield* Attach.read([join(folder, "p.png")])
      const blind = { vendor: "v", id: "blind", capabilities: ["tools" as const] }
      assert.strictEqual(
        yield* problemOf(Attach.check(files, blind)),
        "--file p.png is image/png, which blind does not take"
      )
      yield* Attach.check(files, { vendor: "v", id: "unknown" })
    })
  )

  it("what a model makes is saved once, under a harmless name", () => {
    const dataDir = folderOf()
    const save = Saved.make({ dataDir, save: true }, () => "../s")
    const file = (name?: string) => Part.file("image/png", { base64: "AAEC" }, name)
    const paths = [save(file("../../evil.png")), save(file()), save(file("../../evil.png"))]
    for (const path of paths) {
      assert.isTrue(path?.startsWith(join(dataDir, "files", "_s") + "/"), path)
      assert.deepStrictEqual([...readFileSync(path ?? "")], [0, 1, 2])
      assert.strictEqual(statSync(path ?? "").mode & 0o777, 0o600)
    }
    assert.strictEqual(new Set(paths).size, 2)
    assert.strictEqual(save(Part.file("image/png", { url: "https://a.example/p.png" })), "https://a.example/p.png")
  })
})

describe("AGENTS.md", () => {
  const files = {
    ".git/HEAD": "",
    "AGENTS.md": "Root.",
    "CLAUDE.md": "Not read.",
    "a/CLAUDE.md": "Middle.",
    "a/b/AGENTS.md": `${"x".repeat(30_001)}`
  }

  it("is read from the root down, and told when it is cut", () => {
    const [folder, config] = [folderOf(files), folderOf({ "axonal/AGENTS.md": "Mine." })]
    const { guidance, problems } = AgentsFile.read({ XDG_CONFIG_HOME: config }, join(folder, "a/b"))
    assert.deepStrictEqual(
      guidance.map(({ path, text }) => [path, text.slice(0, 8)]),
      [
        [join(config, "axonal/AGENTS.md"), "Mine."],
        [join(folder, "AGENTS.md"), "Root."],
        [join(folder, "a/CLAUDE.md"), "Middle."],
        [join(folder, "a/b/AGENTS.md"), "xxxxxxxx"]
      ]
    )
    assert.deepStrictEqual(problems, [
      `${join(folder, "a/b/AGENTS.md")} is long: the model is told 30000 of its 30001 characters`
    ])
  })

  it("reaches the model with its path, and the instructions stay the same", () => {
    const told = {
      guidance: [{ path: "/p/AGENTS.md", text: "Root." }],
      instructions: ["Be kind."],
      tools: "none" as const
    }
    const sees = { capabilities: ["tools" as const, "image-input" as const] }
    const text = Instructions.make(told, { description: "" }, sees)
    assert.strictEqual(
      text,
      "You are axonal, an assistant in a terminal. You can see pictures; you cannot read PDF files, hear sound or watch " +
        "films. Answer briefly and in plain text.\n\nInstructions from /p/AGENTS.md:\n\nRoot.\n\nBe kind."
    )
    assert.strictEqual(Instructions.make(told, { description: "" }, sees), text)
  })
})

describe("axonal init, doctor and trust", () => {
  it("a folder is set up, looked at and vouched for", async () => {
    const cwd = folderOf({ ".git/HEAD": "" })
    const env = { XDG_CONFIG_HOME: join(cwd, "none"), OPENAI_API_KEY: "sk-0123456789abcdefghij" }
    const first = await run(["init"], { cwd, env })
    assert.deepStrictEqual([first.code, first.stdout], [0, `${cwd}/.axonal/config.toml\n`], first.stderr)
    const [again, trusted, doctor] = await Promise.all([
      run(["init"], { cwd, env }),
      run(["trust"], { cwd, env }),
      run(["doctor", "--json"], { cwd, env })
    ])
    assert.deepStrictEqual([again.code, /--force/.test(again.stderr)], [1, true])
    assert.deepStrictEqual([trusted.code, trusted.stdout], [0, `Trusted as it is now:\n  ${cwd}/.axonal/config.toml\n`])
    assert.strictEqual(doctor.code, 0, doctor.stderr)
    const findings = doctor.stdout
      .trim()
      .split("\n")
      .map((line): { about: string; state: string; text: string } => JSON.parse(line))
    assert.includeMembers(
      findings.map(({ about }) => about),
      [
        "node",
        "settings",
        "keys",
        "model",
        "sandbox",
        "mcp",
        "sessions",
        "plugins",
        "git",
        "rg",
        "bubblewrap",
        "container",
        "terminal"
      ]
    )
    assert.include(
      findings.map(({ text }) => text),
      "OPENAI_API_KEY sk-…ij"
    )
    assert.notInclude(doctor.stdout, "0123456789")
  })

  it.prop("of a key no more than five characters are shown", [FastCheck.string()], ([key]) => {
    const shown = masked(key)
    assert.isTrue(shown === "set" || (key.length >= 20 && shown === `${key.slice(0, 3)}…${key.slice(-2)}`))
  })

  it("what is wrong with their flags is told", () => {
    assert.strictEqual(SetupArgs.parse("init", ["--remove"]), "axonal init knows --user, --json, --force, not --remove")
    assert.strictEqual(SetupArgs.parse("trust", ["--remvoe"]), "unknown flag --remvoe, did you mean --remove?")
    assert.strictEqual(SetupArgs.parse("doctor", ["x"]), 'axonal doctor takes no words, not "x"')
  })
})
