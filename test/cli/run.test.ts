import { spawnSync } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { AgentEvent } from "axonal/domain/AgentEvent"
import * as Schema from "effect/Schema"
import { answer, endless, folderOf, run, serve, setUp, start } from "./support.ts"

setUp()

/** `script` gives a program a terminal of its own; where it is missing, or another one, these tests are skipped. */
const hasScript = spawnSync("script", ["--version"], { encoding: "utf8" }).stdout?.includes("util-linux") ?? false

const inTerminal = (command: ReadonlyArray<string>): ReadonlyArray<string> => [
  ...["script", "--quiet", "--return", "--echo", "never", "--command"],
  `stty cols 60 rows 20; ${command.map((word) => `'${word}'`).join(" ")}`,
  "/dev/null"
]

const decode = Schema.decodeUnknownSync(Schema.parseJson(AgentEvent))

const files = {
  "notes.txt": "one\ntwo\n",
  "team/team.toml": 'lead = "lead"\n',
  "team/lead.md": "---\ndescription: Leads\nagents: [reader]\n---\nYou lead.\n",
  "team/reader.md":
    "---\ndescription: Reads files\ntools: [list_files, read_file, write_file, calculate]\n---\nYou read.\n",
  "careful.toml":
    'tools = ["list_files"]\n[guard]\notherwise = "allow"\nrules = [{ tools = "list_files", verdict = "ask", reason = "say so" }]\n'
}

const delegated = 'delegate agent="reader" task="read notes.txt"'

describe("axonal run", () => {
  it("the lead of a team answers with the help of its mates", async () => {
    const cwd = folderOf(files)
    const { code, stderr, stdout } = await run(["run", "team", "--offline", delegated], { cwd })
    assert.include(stdout, "one")
    const lines = stderr.trimEnd().split("\n")
    assert.deepStrictEqual(
      [code, ...lines.map((line) => line.replace(/[\d.]+k? tokens|\w{10}$/, "…"))],
      [
        0,
        "axonal: offline, no model (as asked by --offline)",
        "lead: started",
        "lead > reader: started",
        "lead > reader: completed, 2 turns, …",
        "lead: completed, 2 turns, …",
        "session …"
      ]
    )
    const list = await run(["sessions", "list", "--json"], { cwd })
    const all = await run(["sessions", "list", "--json", "--all"], { cwd })
    const idsOf = (text: string): ReadonlyArray<string> =>
      text
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line).id)
    const [id = ""] = idsOf(list.stdout)
    assert.deepStrictEqual([idsOf(list.stdout).length, idsOf(all.stdout).length], [1, 2])
    assert.isTrue(lines.at(-1)?.endsWith(id))
    assert.match((await run(["sessions", "show"], { cwd })).stdout, new RegExp(`\n1 session of .* ${id}\n${id}/`))
    const went = await run(["run", "team", "--offline", "--continue", "-q", "what did I ask?"], { cwd })
    assert.deepStrictEqual([went.code, went.stderr], [0, ""])
    assert.include(went.stdout, delegated)
    assert.strictEqual((await run(["sessions", "rm", id, "--yes"], { cwd })).code, 0)
    assert.strictEqual((await run(["sessions", "list", "--json", "--all"], { cwd })).stdout, "")
  })

  it("json is one event a line, those of mates with their way", async () => {
    const { code, stdout } = await run(["run", "team/", "--offline", "--json", "--no-save", delegated], {
      cwd: folderOf(files)
    })
    const events = stdout
      .trimEnd()
      .split("\n")
      .map((line) => decode(line))
    const ends = events.filter(({ _tag }) => _tag === "RunEnd")
    assert.deepStrictEqual(
      [code, ...ends.map(({ agent, path }) => [agent, path?.map((step) => step.agent)])],
      [0, ["reader", ["lead"]], ["lead", undefined]]
    )
  })

  it("one agent is spoken to by its file or its name, about standard input too", async () => {
    const cwd = folderOf(files)
    const [byFile, byName] = await Promise.all([
      run(["run", "team/reader.md", "--no-save", "--quiet", "-"], { cwd, stdin: "1+1\n" }),
      run(["run", "team", "--agent", "reader", "--no-save", "read notes.txt"], { cwd })
    ])
    assert.deepStrictEqual([byFile.code, byFile.stdout, byFile.stderr], [0, "1+1 = 2\n", ""])
    assert.include(byName.stderr, "\nreader: completed, 2 turns")
  })

  it("the models of the files and of the command line are asked", async () => {
    const server = await serve(answer("Hello."))
    try {
      const cwd = folderOf({
        "team/team.toml": 'lead = "a"\n[agents.a]\ninstructions = "A"\n[agents.b]\nmodel = "ollama:b@SERVER"\n'.replace(
          "SERVER",
          server.baseUrl.replace("/v1", "")
        )
      })
      const args = ["run", "team", "--no-save", "hi", "--base-url", server.baseUrl, "--model", "m"]
      const refused = await run(args, { cwd })
      assert.deepStrictEqual([refused.code, server.requests.length], [2, 0])
      assert.match(
        refused.stderr,
        /\n- team\/team\.toml:5:9: agents\.b\.model: the application does not allow this model/
      )
      assert.match(refused.stderr, /\nAllow it with --allow-model, as it is in the file\.\n$/)
      const allowed = `ollama:*@${server.baseUrl.replace("/v1", "")}`
      const { code, stdout } = await run([...args, "--allow-model", allowed], { cwd })
      assert.deepStrictEqual([code, stdout, server.requests.map(({ model }) => model)], [0, "Hello.\n", ["m"]])
    } finally {
      server.close()
    }
  })

  it("what is wrong is said with its place, and is bad usage", async () => {
    const cwd = folderOf({
      ...files,
      "broken.toml": 'name = "a"\ntools = ["read_fil", "rm"]\n',
      "unclosed.md": "---\nname: [\n---\n",
      "model.toml": 'model = "groq:m"\n',
      "two/a.toml": "",
      "two/b.toml": ""
    })
    const known =
      "Known: read_file, list_files, find_files, search_files, write_file, edit_file, patch_file, apply_patch, shell, " +
      "shell_output, shell_input, shell_stop, shell_jobs, run_code, calculate"
    const team = (problem: string) => `axonal: The team cannot be read:\n${problem}\n`
    const usage = (problem: string) => `axonal: ${problem}. Try axonal run --help.\n`
    const cases: ReadonlyArray<readonly [ReadonlyArray<string>, string | RegExp]> = [
      [[], usage('axonal run needs a team and an input: axonal run agents/ "INPUT"')],
      [["team", " "], usage("the input is empty")],
      [["team", "--offline"], /\naxonal: there is no input: give one, or pipe one in\. Try axonal run --help\.\n$/],
      [["team", "--agnt", "x", "hi"], "axonal: unknown flag --agnt, did you mean --agent? Try axonal run --help.\n"],
      [["team", "--approve", "hi"], usage("--approve asks at a terminal, and there is none")],
      [
        ["team", "--sandbox", "jail", "hi"],
        usage('--sandbox is local, bubblewrap, container or container:IMAGE, not "jail"')
      ],
      [["nowhere", "hi"], team("- nowhere: does not exist: create it, or correct the path")],
      [
        ["team", "--agent", "raeder", "hi"],
        team("- team: there is no agent raeder, who is to be spoken to: did you mean reader? Known: lead, reader")
      ],
      [["two", "hi"], /^axonal: The team cannot be read:\n- two: does not say who is spoken to: write lead = "a"/],
      [
        ["broken.toml", "hi"],
        team(
          `- broken.toml:2:10: tools[0]: there is no tool read_fil: did you mean read_file? ${known}\n` +
            `- broken.toml:2:22: tools[1]: there is no tool rm: ${known}`
        )
      ],
      [
        ["model.toml", "--allow-model", "nobody", "hi"],
        /^axonal: --allow-model has "nobody", which is none: write vendor:model.* Try axonal run --help\.\n$/
      ],
      [["unclosed.md", "hi"], /^axonal: The team cannot be read:\n- unclosed\.md:\d/]
    ]
    const ended = await Promise.all(cases.map(([args]) => run(["run", ...args], { cwd })))
    ended.forEach(({ code, stderr, stdout }, index) => {
      const wanted = cases[index]?.[1] ?? ""
      assert.deepStrictEqual([code, stdout], [2, ""], stderr)
      if (typeof wanted === "string") assert.strictEqual(stderr, wanted)
      else assert.match(stderr, wanted)
    })
  })

  it("without --approve what needs a person is denied", async () => {
    const { code, stdout } = await run(["run", "careful.toml", "--no-save", "list ."], { cwd: folderOf(files) })
    assert.strictEqual(code, 0)
    assert.include(stdout, "was denied")
  })

  it("nothing is written without a person, whatever files allow", async () => {
    const cwd = folderOf(files)
    const write = 'write_file path="new.txt" content="three"'
    const { code, stdout } = await run(["run", "team/reader.md", "--offline", "--no-save", write], { cwd })
    assert.deepStrictEqual([code, existsSync(join(cwd, "new.txt"))], [0, false])
    assert.include(stdout, "write_file (new.txt, three) was denied: nobody is there to approve it.")
  })

  it.skipIf(!hasScript)("a person at the terminal lets it be written", async () => {
    const cwd = folderOf(files)
    const write = 'write_file path="new.txt" content="three"'
    const args = ["run", "team/reader.md", "--offline", "--no-save", "--approve", write]
    const { child, ended, until } = start(args, { cwd, through: inTerminal, stdin: null })
    await until("Allow write_file? [y/N] ")
    child.stdin.write("y\r")
    assert.strictEqual((await ended).code, 0)
    assert.strictEqual(readFileSync(join(cwd, "new.txt"), "utf8"), "three")
  })

  it("stops when it is asked to, and keeps the session", async () => {
    const server = await serve(endless("Once", " upon"))
    try {
      const args = ["run", "team", "--base-url", server.baseUrl, "--model", "m", "tell"]
      const { child, ended, until } = start(args, { cwd: folderOf(files), stdin: null })
      await until("Once upon")
      child.kill("SIGINT")
      const { code, stderr } = await ended
      assert.strictEqual(code, 130)
      assert.match(stderr, /\nlead: stopped, 1 turn, .*\naxonal: stopped\. Session \w+ is kept, /)
    } finally {
      server.close()
    }
  })

  it.skipIf(!hasScript)("a terminal shows the tree while it grows, and asks with the way", async () => {
    const cwd = folderOf({
      ...files,
      "team/reader.md": `---\ndescription: Reads files\ntools: [list_files]\nguard:\n  otherwise: ask\n  rules: []\n---\n`
    })
    const args = ["run", "team", "--offline", "--no-save", "--approve", 'delegate agent="reader" task="list ."']
    const { child, ended, until } = start(args, { cwd, through: inTerminal, stdin: null })
    await until("Allow list_files? [y/N] ")
    child.stdin.write("y\r")
    const { code, stdout } = await ended
    const text = stdout.replace(/\u001b\[[?\d]*[a-zA-Z]/g, "")
    assert.strictEqual(code, 0)
    assert.include(text, "lead > reader wants to call list_files:")
    assert.match(text, /\r\n✓ lead: completed, 2 turns, [^\n]*\n {2}✓ reader: completed, 2 turns, [^\n]*\n$/)
  })
})
