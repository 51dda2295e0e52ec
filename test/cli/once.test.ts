import { existsSync, symlinkSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { AgentEvent } from "axonal/domain/AgentEvent"
import * as Schema from "effect/Schema"
import { folderOf, run, setUp } from "./support.ts"

setUp("shipped")

const readme = "# Lamp\n\nA lamp that switches itself off.\n"
const decode = Schema.decodeUnknownSync(Schema.parseJson(AgentEvent))

describe("axonal, once", () => {
  it("answers from the file on a machine that has nothing", async () => {
    const cwd = folderOf({ "README.md": readme })
    const { code, stderr, stdout } = await run(["read README.md and tell me what this is"], { cwd })
    assert.strictEqual(
      stdout,
      "README.md is titled “Lamp”. It says:\n\n> A lamp that switches itself off.\n\n" +
        "(Quoted from the file. Offline there is no model to say more.)\n"
    )
    const lines = stderr.trimEnd().split("\n")
    assert.deepStrictEqual(
      [code, ...lines.slice(0, 3)],
      [
        0,
        "axonal: offline, no model (no key is set and there is no Ollama at http://127.0.0.1:1)",
        '→ read_file(path: "README.md")',
        "← read_file: README.md: 3 lines (and 3 more lines)"
      ]
    )
    assert.match(lines[3] ?? "", /^2 turns, tokens: [\d,]+ in, [\d,]+ out \(estimated\)$/)
    assert.match(lines[4] ?? "", /^session \w+$/)
  })

  it("words without quotes are one prompt", async () => {
    const { stdout } = await run(["2", "*", "21", "--no-save"], { cwd: folderOf() })
    assert.strictEqual(stdout, "2 * 21 = 42\n")
  })

  it("json is one event a line and nothing else", async () => {
    const cwd = folderOf({ "a.txt": "1\n2\n" })
    const { code, stdout } = await run(["--json", "--offline", "how many lines has a.txt and 1+1"], { cwd })
    const events = stdout
      .trimEnd()
      .split("\n")
      .map((line) => decode(line))
    assert.deepStrictEqual(
      events.map(({ sequence }) => sequence),
      events.map((_, index) => index)
    )
    const tags = events.map(({ _tag }) => _tag)
    assert.deepStrictEqual([code, tags.at(0), tags.at(-1)], [0, "RunStart", "RunEnd"])
    const end = events.at(-1)
    assert.strictEqual(end?._tag === "RunEnd" ? end.output : undefined, "a.txt has 2 lines.\n\n1+1 = 2")
  })

  it("files that cannot or must not be read are told as they are", async () => {
    const outside = folderOf({ "secret.txt": "the secret" })
    const picture = new Uint8Array([137, 80, 78, 71, 13, 10, 26, 10, 0])
    const cwd = folderOf({ "data.bin": new Uint8Array([1, 0, 2]), "folder/a.txt": "a", "p.png": picture })
    symlinkSync(join(outside, "secret.txt"), join(cwd, "link.txt"))
    const prompt = "read missing.txt, ../secret.txt, link.txt, folder/, p.png and data.bin"
    const { code, stderr, stdout } = await run(["--offline", prompt], { cwd })
    assert.strictEqual(code, 4)
    assert.notInclude(stdout, "the secret")
    assert.deepStrictEqual(stdout.trimEnd().split("\n\n"), [
      `read_file (missing.txt) failed: There is no file missing.txt: call list_files to see what is in ${cwd}.`,
      "read_file (../secret.txt) was denied: nobody is there to approve it. Do not try the same call again.",
      "read_file (link.txt) was denied: nobody is there to approve it. Do not try the same call again.",
      "read_file (folder/) failed: folder is a folder: call list_files to see what is in it.",
      "p.png: image/png, 9 bytes",
      "data.bin is no text.",
      `\`\`\`\ndata.bin: bytes 0-2 of 3\n00000000  01 00 02${" ".repeat(42)}|...|\n\`\`\``
    ])
    assert.include(stderr, "\n← read_file: p.png: image/png, 9 bytes\n+ file p.png image/png\n")
  })

  it("standard input is the prompt when there is no other", async () => {
    const { stdout } = await run(["--offline"], { cwd: folderOf(), stdin: "6*7\n" })
    assert.strictEqual(stdout, "6*7 = 42\n")
  })

  it("standard input is context beside a prompt", async () => {
    const { stdout } = await run(["--offline", "what is this?"], { cwd: folderOf(), stdin: readme })
    assert.include(stdout, "the attached text is titled “Lamp”. It says:\n\n> A lamp that switches itself off.")
  })

  it("an open input without a word does not hold a prompt up", async () => {
    const { stdout } = await run(["--offline", "6*7"], { cwd: folderOf(), stdin: null })
    assert.strictEqual(stdout, "6*7 = 42\n")
  })

  it("a limit is no success", async () => {
    const cwd = folderOf({ "a.txt": "a" })
    const { code, stderr } = await run(["--offline", "--max-turns", "1", "read a.txt"], { cwd })
    assert.strictEqual(code, 3)
    assert.include(stderr, "The run reached its limit of turns.\n")
  })

  it("help and version start no agent", async () => {
    const cwd = folderOf()
    const help = await run(["--help"], { cwd })
    assert.deepStrictEqual(
      [help.code, help.stderr, help.stdout.split("\n")[0]],
      [0, "", "Usage: axonal [flags] [prompt]"]
    )
    const version = await run(["--version"], { cwd })
    assert.match(version.stdout, /^\d+\.\d+\.\d+\n$/)
  })

  it.skipIf(!existsSync("/dev/full"))("an answer that cannot be written is a failure", async () => {
    const through = (whole: ReadonlyArray<string>) => ["sh", "-c", 'exec "$@" > /dev/full', "sh", ...whole]
    const { code, stderr } = await run(["--help"], { cwd: folderOf(), through })
    assert.deepStrictEqual([code, stderr], [1, "axonal: standard output cannot be written (ENOSPC).\n"])
  })

  it("bad usage is one line that helps, and exit code 2", async () => {
    const cwd = folderOf()
    const cases: ReadonlyArray<readonly [ReadonlyArray<string>, string]> = [
      [["--sesion", "a", "hi"], "unknown flag --sesion, did you mean --session?"],
      [["--frobnicate"], "unknown flag --frobnicate"],
      [["--session"], "--session needs a value"],
      [["--json=yes", "hi"], "--json takes no value"],
      [["--max-turns", "many", "hi"], '--max-turns is a number from 1 on, not "many"'],
      [["--base-url", "localhost:1", "hi"], '--base-url is an http or https address, not "localhost:1"'],
      [["--continue", "--session", "a", "hi"], "--session and --continue exclude each other"],
      [[" "], "the prompt is empty"]
    ]
    const ended = await Promise.all(cases.map(([args]) => run(args, { cwd })))
    assert.deepStrictEqual(
      ended.map(({ code, stderr, stdout }) => [code, stdout, stderr]),
      cases.map(([, message]) => [2, "", `axonal: ${message}${message.endsWith("?") ? "" : "."} Try axonal --help.\n`])
    )
  })

  it("no prompt at all is bad usage", async () => {
    const { code, stderr } = await run(["--offline", "--no-save"], { cwd: folderOf() })
    assert.strictEqual(code, 2)
    assert.match(stderr, /\naxonal: there is no prompt: give one, or pipe one in\. Try axonal --help\.\n$/)
  })
})
