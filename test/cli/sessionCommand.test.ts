import { existsSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { explain, ofStore } from "axonal/cli/errors"
import * as Command from "axonal/cli/sessions/command"
import * as ContextStore from "axonal/context/ContextStore"
import { SessionId } from "axonal/domain/Ids"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { screenOf } from "./sessionSupport.ts"
import type { Setting } from "./support.ts"
import { answer, endless, folderOf, run, serve, setUp, start } from "./support.ts"

setUp()

/** In a process of its own: what is about its streams, its current folder, or other processes. */
const sessions = (here: Setting, ...args: ReadonlyArray<string>) => run(["sessions", ...args], here)

/** The same in this one. */
const inside = async (here: Setting, ...args: ReadonlyArray<string>) => {
  const screen = screenOf()
  const all = [...args, "--data-dir", join(here.cwd, ".data", "axonal")]
  const exit = await Effect.runPromiseExit(Command.runAt(all, here.cwd, () => screen))
  const told = Exit.isSuccess(exit) ? { code: 0, text: "" } : explain(exit.cause, { debug: false })
  const stderr = told.text === "" ? screen.noted() : `${screen.noted()}axonal: ${told.text}\n`
  return { code: told.code, stdout: screen.printed(), stderr }
}

const linesOf = (text: string) => text.trimEnd().split("\n")
const json = (text: string): ReadonlyArray<Readonly<Record<string, unknown>>> =>
  text === "" ? [] : linesOf(text).map((line) => JSON.parse(line))

describe("axonal sessions", () => {
  it("looking at nothing is no error and makes no folder", async () => {
    const here: Setting = { cwd: folderOf() }
    const { code, stderr, stdout } = await sessions(here)
    assert.deepStrictEqual(
      [code, stdout, stderr],
      [0, "", `axonal: there is no session in ${here.cwd} yet; --all shows those of other folders\n`]
    )
    assert.isFalse(existsSync(join(here.cwd, ".data")))
    const other = await sessions(here, "show", "--data-dir", join(here.cwd, "nowhere"))
    assert.strictEqual(other.code, 1)
    assert.match(other.stderr, /^axonal: no sessions are kept in \S+nowhere: it has no sessions\.db\.\n$/)
  })

  it("a session is listed, shown, searched and named", async () => {
    const here: Setting = { cwd: folderOf() }
    await run(["--offline", "-s", "plan", "1+1"], here)
    await run(["--offline", "-s", "plan", "2+2"], here)
    assert.match((await inside(here)).stdout, /^id +changed +entries +session\nplan +just now +12 +1\+1\n$/)
    assert.match(
      (await inside(here, "show")).stdout,
      /\nuser #7\n2\+2\n\nassistant #8\n→ calculate\(expression: "2\+2"\)\n← calculate: 4\n\n/
    )
    assert.include((await inside(here, "search", "2")).stdout, "user, just now: 2+2\n")
    assert.strictEqual((await inside(here, "rename", "pl", "My sums")).stdout, "plan is “My sums” now\n")
  })

  it("a session is forked, rewound and erased", async () => {
    const here: Setting = { cwd: folderOf() }
    await run(["--offline", "-s", "plan", "1+1"], here)
    await run(["--offline", "-s", "plan", "2+2"], here)
    const [fork] = json((await inside(here, "fork", "pl", "6", "--json")).stdout)
    assert.deepInclude(fork, { origin: "plan", entries: 7, owner: here.cwd })
    await inside(here, "rewind", "plan", "--back", "1")
    const asked = await run(["--offline", "-s", "plan", "what did I ask before?"], here)
    assert.strictEqual(asked.stdout, "Earlier in this conversation you asked:\n1. 1+1\n")
    assert.strictEqual((await inside(here, "rewind", "plan", "--undo")).code, 0)
    assert.lengthOf(json((await inside(here, "show", "plan", "--json")).stdout), 8)
    assert.match((await inside(here, "tree", "plan")).stdout, /^b1 +plan \(left\) +12 entries/)
    const refused = await sessions(here, "rm", "plan")
    assert.strictEqual(refused.code, 2)
    assert.include(
      refused.stderr,
      "there is no terminal to ask on: add --yes if it is meant. Try axonal sessions --help."
    )
    assert.strictEqual((await inside(here, "rm", "plan", "--yes")).stdout, "plan is erased\n")
    assert.deepStrictEqual(
      json((await inside(here, "list", "--json")).stdout).map(({ id }) => id),
      [fork?.["id"]]
    )
  })

  it("what is wrong has its exit code and says what to do", async () => {
    const here: Setting = { cwd: folderOf() }
    await run(["--offline", "-s", "plan", "1+1"], here)
    const ended = await Promise.all(
      [["shwo"], ["show", "plann"], ["fork", "plan", "99"], ["show", ""], ["--limit", "x"]].map((args) =>
        inside(here, ...args)
      )
    )
    assert.deepStrictEqual(
      ended.map(({ code, stderr }) => [code, stderr.trimEnd()]),
      [
        [2, "axonal: there is no axonal sessions shwo, did you mean show? Try axonal sessions --help."],
        [1, 'axonal: there is no session "plann" in this folder. Nearest: plan (1+1).'],
        [
          1,
          "axonal: session plan has no entry #99; its log has 6 entries. axonal sessions show plan --entries shows them."
        ],
        [2, "axonal: axonal sessions show was given an empty word. Try axonal sessions --help."],
        [2, 'axonal: --limit is a number from 1 on, not "x". Try axonal sessions --help.']
      ]
    )
  })

  it("an export is imported again, elsewhere or beside itself", async () => {
    const here: Setting = { cwd: folderOf() }
    await run(["--offline", "-s", "plan", "1+1"], here)
    await inside(here, "rename", "plan", "Sums")
    const { stdout } = await inside(here, "export", "plan")
    assert.deepInclude(json(stdout)[0], { format: "axonal-session", id: "plan", title: "Sums", entries: 6 })
    assert.strictEqual((await sessions(here, "export", "plan", "plan.jsonl")).code, 0)
    assert.deepStrictEqual(
      [readFileSync(join(here.cwd, "plan.jsonl"), "utf8"), statSync(join(here.cwd, "plan.jsonl")).mode & 0o777],
      [stdout, 0o600]
    )
    const again = await sessions(here, "export", "plan", "plan.jsonl")
    assert.deepStrictEqual(
      [again.code, again.stderr],
      [1, "axonal: plan.jsonl is there already. Choose another name, or remove it.\n"]
    )
    const there: Setting = { cwd: folderOf(), stdin: stdout }
    assert.strictEqual((await sessions(there, "import")).stdout, "imported session plan: 6 entries\n")
    assert.strictEqual(
      (await inside(there, "export")).stdout.split("\n").slice(1).join("\n"),
      stdout.split("\n").slice(1).join("\n")
    )
    const [copy] = json((await sessions(here, "import", "plan.jsonl", "--json")).stdout)
    assert.deepInclude(copy, { title: "Sums", entries: 6, owner: here.cwd })
    assert.notStrictEqual(copy?.["id"], "plan")
  })

  it("a file that is no whole session is refused with its line", async () => {
    const here: Setting = { cwd: folderOf({ "a.txt": "hello\n" }) }
    await run(["--offline", "-s", "plan", "1+1"], here)
    const { stdout } = await inside(here, "export")
    const cut = await sessions({ ...here, stdin: linesOf(stdout).slice(0, 3).join("\n") }, "import", "-")
    assert.deepStrictEqual([cut.code, cut.stdout], [1, ""])
    assert.match(cut.stderr, /^axonal: standard input, line 3: .*cut off.*\. Nothing was imported\.\n$/)
    const text = await sessions(here, "import", "a.txt")
    assert.match(text.stderr, /^axonal: a\.txt, line 1: .*\. Nothing was imported\.\n$/)
    assert.strictEqual(
      (await sessions(here, "import", "b.txt")).stderr,
      "axonal: b.txt cannot be read: it does not exist (ENOENT).\n"
    )
    const nowhere = await sessions(here, "export", "plan", "no/a.jsonl")
    assert.strictEqual(nowhere.stderr, "axonal: no/a.jsonl cannot be written: its folder does not exist (ENOENT).\n")
    assert.include((await sessions(here, "import", ".")).stderr, "axonal: . cannot be read: it is a folder (EISDIR).")
    assert.lengthOf(json((await inside(here, "list", "--json")).stdout), 1)
  })

  it("RUN-5 a session that another process runs is left alone", async () => {
    const server = await serve(endless("Working"), answer("Done."))
    const here: Setting = { cwd: folderOf(), env: { OPENAI_BASE_URL: server.baseUrl, AXONAL_MODEL: "m" } }
    const first = start(["--session", "shared", "begin"], here)
    await first.until("Working")
    const ended = await Promise.all([
      sessions(here, "fork", "shared"),
      sessions(here, "rewind", "shared", "1"),
      sessions(here, "rm", "shared", "--yes"),
      run(["--fork=shared", "me too"], here)
    ])
    for (const { code, stderr } of ended) {
      assert.strictEqual(code, 1)
      assert.match(
        stderr,
        /session shared is in use by a run and cannot be \w+ now\. Try again when that has ended\.\n$/
      )
    }
    assert.include((await inside(here, "show", "shared")).stdout, "user #1\nbegin\n")
    first.child.kill("SIGINT")
    await first.ended
    assert.strictEqual((await inside(here, "rm", "shared", "-y")).code, 0)
    server.close()
  })

  it("a reader that leaves early is no error", async () => {
    const here: Setting = { cwd: folderOf() }
    await run(["--offline", "-s", "plan", "1+1"], here)
    const [header = "", ...entries] = linesOf((await inside(here, "export")).stdout)
    const long = entries.map((line) => line.replaceAll("1+1", "1+1 ".repeat(400)))
    const many = Array.from({ length: 60 }, (_, copy) =>
      long.map((line) => line.replace(/"id":"(run_[^"]*)"/, `"id":"$1-${copy}"`))
    ).flat()
    const file = [header.replace(/"entries":\d+/, `"entries":${many.length}`), ...many].join("\n")
    assert.strictEqual((await sessions({ ...here, stdin: file }, "import")).code, 0)
    const readers = [["show"], ["show", "--entries"], ["show", "--json"], ["export"], ["search", "1", "--json"]]
    const ends = readers.map(async (args) => {
      const reading = start(["sessions", ...args], here)
      reading.child.stdout.once("data", () => reading.child.stdout.destroy())
      const { code, stderr } = await reading.ended
      assert.deepStrictEqual([code, stderr], [0, ""], args.join(" "))
    })
    await Promise.all(ends)
  })

  it("help is there for the command", async () => {
    const here: Setting = { cwd: folderOf() }
    const [long, short] = await Promise.all([sessions(here, "--help"), sessions(here, "rm", "-h")])
    assert.match(long.stdout, /^Usage: axonal sessions \[ACTION\]/)
    assert.strictEqual(long.stdout, short.stdout)
  })
})

describe("axonal --fork", () => {
  it("goes on in a copy of the latest session, or of a named one", async () => {
    const here: Setting = { cwd: folderOf() }
    await run(["--offline", "-s", "plan", "1+1"], here)
    const latest = await run(["--offline", "--continue", "--fork", "what did I ask before?"], here)
    assert.strictEqual(latest.stdout, "Earlier in this conversation you asked:\n1. 1+1\n")
    const named = await run(["--offline", "--fork=pla", "2+2"], here)
    assert.match(named.stderr, /\nsession session_\w+\n$/)
    const all = json((await inside(here, "list", "--json")).stdout)
    assert.deepStrictEqual(
      all.map(({ entries, origin }) => [origin, entries]),
      [
        ["plan", 13],
        ["plan", 10],
        [undefined, 6]
      ]
    )
    const none = await run(["--offline", "--fork", "hi"], { cwd: folderOf() })
    assert.strictEqual(none.code, 2)
  })
})

describe("axonal sessions, of files that are not whole", () => {
  it("what cannot be read is named, and left as it is", async () => {
    const folder = folderOf({ "sessions.db": "this is a diary and not a database, ".repeat(20) })
    const { code, stderr } = await sessions({ cwd: folder }, "--data-dir", folder)
    assert.strictEqual(code, 1)
    assert.match(
      stderr,
      /^axonal: the sessions in \S+sessions\.db cannot be read: .+\. Move that file away, or choose another folder with --data-dir\.\n$/
    )
    assert.strictEqual(statSync(join(folder, "sessions.db")).size, 36 * 20)
  })

  it("a missing entry is no missing session", () => {
    const plan = SessionId.make("plan")
    const said = [
      "there is no such session; list the sessions to see their ids",
      "the session's log has no entry x"
    ].map((message) => ofStore(ContextStore.failure("fork", plan, "NotFound", message), undefined))
    assert.deepStrictEqual(said, ["there is no session plan.", "the session's log has no entry x."])
  })

  it("what a newer version wrote asks for an upgrade", () => {
    const newer = ContextStore.failure(
      "open",
      undefined,
      "Corrupt",
      "a newer version of axonal wrote it; upgrade to read it"
    )
    assert.strictEqual(
      ofStore(newer, "/d/sessions.db", "or wait."),
      "the sessions in /d/sessions.db cannot be read: a newer version of axonal wrote it; upgrade to read it. Upgrade, or wait."
    )
  })
})
