import { symlinkSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as PlainLine from "../../../src/cli/assistant/permissions/plainLine.ts"
import * as Repository from "../../../src/cli/assistant/permissions/repository.ts"
import * as Card from "../../../src/cli/screen/approval.ts"
import * as Guard from "../../../src/guard/Guard.ts"
import * as ScriptedTransport from "../../../src/testing/ScriptedTransport.ts"
import { call, text } from "../../../src/testing/ScriptedTransport.ts"
import { callOf } from "../../support/calls.ts"
import { judgeOf, quiet } from "../../support/judges.ts"
import { sentResults, world } from "../../support/runs.ts"
import type { Setting } from "./permissionsSupport.ts"
import { assisted, folderOf, session } from "./permissionsSupport.ts"

const outside = folderOf({ "x.txt": "x" })

const files = { "a.txt": "a\n", ".env": "KEY=1\n", "src/b.ts": "b\n", ".git/HEAD": "", ".git/config": "[core]\n" }

/** What the person was asked about these calls, and how many results were ok. */
const askedAbout = (calls: ReadonlyArray<readonly [tool: string, input: object]>, setting: Partial<Setting> = {}) =>
  Effect.gen(function* () {
    const folder = folderOf(files)
    symlinkSync(outside, join(folder, "link"))
    symlinkSync(".env", join(folder, "plain.txt"))
    const { asked, say } = yield* assisted({ folder, answer: () => ({ approved: false }), ...setting })
    yield* say("go")
    const results = sentResults((yield* ScriptedTransport.requests)[1])
    return { asked, results, kinds: results.map((result) => result.slice(0, result.indexOf(":"))) }
  }).pipe(Effect.provide(world([calls.map(([tool, input], index) => call(`c${index}`, tool, input)), [text("done")]])))

const edits = [["a.txt", "edit_file"]].map(
  ([path, tool]) => [tool ?? "", { path, edits: [{ old: "a", new: "A" }] }] as const
)

describe("permissions", () => {
  it.scoped("reading in the folder is free; outside, and of secrets, a person is asked", () =>
    Effect.gen(function* () {
      const { asked, kinds } = yield* askedAbout([
        ["read_file", { path: "a.txt" }],
        ["search_files", { pattern: "b", path: "src" }],
        ["read_file", { path: ".env" }],
        ["read_file", { path: "plain.txt" }],
        ["read_file", { path: `${outside}/x.txt` }],
        ["list_files", { path: ".." }]
      ])
      assert.deepStrictEqual(kinds, ["ok", "ok", "denied", "denied", "denied", "denied"])
      assert.deepStrictEqual(
        asked.map(([tool, , category]) => [tool, category?.replace(/(path:\w+:).*\//, "$1…/").replace(/-\w+$/, "")]),
        [
          ["read_file", "path:read:…/.env"],
          ["read_file", "path:read:…/.env"],
          ["read_file", "path:read:…/axonal-assistant"],
          ["list_files", "path:read:…/tmp"]
        ].map(([tool, category]) => [tool, category])
      )
    })
  )

  it.scoped("paths that lead where they say are left as they were written", () =>
    Effect.gen(function* () {
      const folder = folderOf(files)
      symlinkSync(join(folder, "src"), join(folder, "link"))
      const seen: Array<unknown> = []
      const { guard } = (yield* assisted({ folder })).permissions
      const reads = ["a.txt", "./src/b.ts", "link/b.ts", join(folder, "a.txt"), ".env"]
      for (const path of reads) {
        const verdict = yield* guard.check(callOf("read_file", { path }, { tool: { readOnly: true } }))
        seen.push([verdict._tag, "input" in verdict ? verdict.input : undefined])
      }
      assert.deepStrictEqual(seen, [
        ["Allow", undefined],
        ["Allow", undefined],
        ["Rewrite", { path: join(folder, "src/b.ts") }],
        ["Allow", undefined],
        ["Ask", undefined]
      ])
    })
  )

  it.scoped("a search of a folder passes over what may hold secrets", () =>
    Effect.gen(function* () {
      const { asked, results } = yield* askedAbout([
        ["search_files", { pattern: "KEY" }],
        ["search_files", { pattern: "KEY", path: ".", includeIgnored: true, files: ".e*" }]
      ])
      assert.notInclude(results.join(), "KEY=1")
      assert.deepStrictEqual(asked, [])
    })
  )

  it.scoped("edits of what has programs run ask each time, whatever was said of edits", () =>
    Effect.gen(function* () {
      const paths = ["a.txt", ".git/hooks/pre-commit", ".git/config", ".axonal/config.json", "src/.vscode/mcp.json"]
      const { asked } = yield* askedAbout(
        paths.map((path) => ["write_file", { path, content: "x" }] as const),
        { answer: ({ category }) => ({ approved: category === "edit", remember: "category" }) }
      )
      assert.deepStrictEqual(
        asked.map(([, , category]) => category),
        ["edit", undefined, undefined, undefined, undefined]
      )
    })
  )

  it.scoped("what changes something asks by its kind", () =>
    Effect.gen(function* () {
      const { asked } = yield* askedAbout([
        ...edits,
        ["write_file", { path: `${outside}/y.txt`, content: "y" }],
        ["shell", { command: "npm test" }],
        ["shell", { command: "git push && ls" }],
        ["run_code", { language: "node", code: "1" }]
      ])
      assert.deepStrictEqual(
        asked.map(([tool, , category]) => [tool, category]),
        [
          ["edit_file", "edit"],
          ["write_file", `path:write:${outside}`],
          ["shell", "command:npm"],
          ["shell", "command:git"],
          ["run_code", "command:code"]
        ]
      )
    })
  )

  it.scoped("commands that only read inside run unasked, and no others", () =>
    Effect.gen(function* () {
      const quiet = ["ls -la src", "cat a.txt | grep -n a | head -3", "git status --short", "find . -name '*.ts'"]
      const loud = [
        "cat /etc/passwd",
        "cat ../x",
        "cat ~/.netrc",
        "cat .env",
        "cat $HOME/x",
        "cd .. && cat x",
        "grep -R x .",
        "echo @etc@passwd | tr @ / | xargs cat",
        "find -L . -exec cat {} +",
        "git show HEAD:.env",
        "head --lines=1 -n1 --file=/etc/passwd",
        "diff --to-file=/etc/hosts a.txt",
        "find / -name x",
        "find . -delete",
        "cat a.txt > b.txt",
        "git diff --output=x",
        "cat {/etc/hosts,a.txt}",
        "cat ~root/x",
        "cat link/x.txt",
        "cat l*/x.txt",
        "cat .e*",
        "cat .e'n'v",
        'cat ".en"v',
        "cat .en{v,w}",
        "cat plain.txt",
        "cat < .env",
        "grep -nf.env a.txt",
        "grep -rn KEY .",
        "grep --rec KEY",
        "grep --dereference-r KEY",
        "diff . src",
        "find . -type f -exec cat {} +",
        "git diff --no-in a.txt src",
        "bash -c 'cat .e*'",
        "time cat a.txt",
        "GIT_PAGER=x ls",
        "ls &",
        "cat a.txt # .env"
      ]
      const { asked } = yield* askedAbout([...quiet, ...loud].map((command) => ["shell", { command }] as const))
      assert.strictEqual(asked.length, loud.length)
    })
  )

  it("a line is plain when a shell makes of it what it says", () => {
    const words = (line: string) => PlainLine.read(line)?.commands
    assert.deepStrictEqual(words("ls -la 'my file' | grep -n \"a b\" --include='*.ts' 2>&1\ncat x 2>/dev/null; pwd"), [
      ["ls", "-la", "my file"],
      ["grep", "-n", "a b", "--include=*.ts"],
      ["cat", "x"],
      ["pwd"]
    ])
    assert.deepStrictEqual(PlainLine.read("cat < 'a b' <c")?.inputs, ["a b", "c"])
    const others =
      "a*,a?,[a],{a,b},$a,`a`,a\\b,a'b',''a,\"$a\",\"a\\b\",a>b,a >b,a 2> b,a &,a & b,a&b,a |& b,(a),{ a; },!a,#a,a #b,a=b c,a <(b),a <<b,a <<<b,a 0<b,a 'b,a \"b,a;&b"
    for (const line of others.split(/,(?!b\})/)) assert.isUndefined(words(line), line)
  })

  it("a repository whose settings or hooks have programs run is not plain", () => {
    const isPlain = (more: Readonly<Record<string, string>>, place = "") =>
      Repository.isPlain(join(folderOf({ ".git/HEAD": "", ".git/config": "[core]\n\tbare = false\n", ...more }), place))
    assert.isTrue(isPlain({ "src/a": "" }, "src"))
    const settings = [
      "[core] fsmonitor = ./x",
      "[diff]\n\texternal=x",
      '[diff "a"]\nTextConv = x',
      "[include]\npath = x"
    ]
    for (const config of settings) assert.isFalse(isPlain({ ".git/config": config }), config)
    assert.isFalse(isPlain({ ".git/hooks/post-index-change": "" }))
    assert.isFalse(isPlain({ "sub/HEAD": "", "sub/objects/x": "", "sub/config": "" }, "sub"))
    assert.isFalse(Repository.isPlain(outside))
  })

  it.scoped("plan mode refuses what would be asked about, yolo runs it, and both count at once", () =>
    Effect.gen(function* () {
      const folder = folderOf(files)
      const { asked, knobs, say } = yield* assisted({ folder, permission: "plan" })
      yield* say("go")
      knobs.change({ permission: "yolo" })
      yield* say("go on")
      const requests = yield* ScriptedTransport.requests
      assert.deepStrictEqual(sentResults(requests[1]), [
        "denied: Denied: the person wants a plan first, and nothing is changed before they agree to it"
      ])
      assert.match(sentResults(requests[3])[0] ?? "", /^ok: Changed a.txt/)
      assert.deepStrictEqual(asked, [])
    }).pipe(
      Effect.provide(
        world([
          edits.map(([tool, input]) => call("1", tool, input)),
          [text("done")],
          edits.map(([tool, input]) => call("2", tool, input)),
          [text("done")]
        ])
      )
    )
  )

  it.scoped("plan mode changes nothing, whatever rules and a model that judges allow", () =>
    Effect.gen(function* () {
      const allowed = { rules: [{ tools: "*", verdict: "allow" }] } as const
      const calls = [...edits, ["shell", { command: "touch x" }], ["read_file", { path: "a.txt" }]] as const
      const ruled = yield* askedAbout(calls, { permission: "plan", rules: allowed })
      const model = judgeOf(() => ["SAFE", "other"]).transport
      const judged = yield* askedAbout(calls, { permission: "plan", model }).pipe(quiet)
      for (const { asked, kinds } of [ruled, judged]) {
        assert.deepStrictEqual([asked, kinds], [[], ["denied", "denied", "ok"]])
      }
    })
  )

  it.scoped("a rule that asks takes no care away", () =>
    Effect.gen(function* () {
      const rules = { rules: [{ tools: "*", verdict: "ask", category: "mine" }] } as const
      const { asked, kinds } = yield* askedAbout(
        [
          ["shell", { command: "rm -rf /" }],
          ["read_file", { path: `${outside}/x.txt` }],
          ["edit_file", { path: "a.txt", edits: [{ old: "a", new: "A" }] }]
        ],
        { rules }
      )
      assert.deepStrictEqual(kinds, ["denied", "denied", "denied"])
      assert.deepStrictEqual(
        asked.map(([tool, , category]) => [tool, category]),
        [
          ["read_file", undefined],
          ["edit_file", "mine"]
        ]
      )
    })
  )

  it.scoped("rules of files come first, and deny in every mode", () =>
    Effect.gen(function* () {
      const rules = {
        rules: [
          { tools: "shell", arguments: { command: { pattern: "^exit 0$" } }, verdict: "allow" },
          { tools: "read_file", arguments: { path: { pattern: "b.ts" } }, verdict: "deny", reason: "not that" },
          { tools: "list_files", verdict: "ask", category: "mine" }
        ]
      } as const
      const calls = [
        ["shell", { command: "exit 0", folder: "src" }],
        ["read_file", { path: "src/b.ts" }],
        ["list_files", { path: "." }],
        ["read_file", { path: "a.txt" }]
      ] as const
      const { asked, kinds, results } = yield* askedAbout(calls, { rules })
      assert.deepStrictEqual(kinds, ["ok", "denied", "denied", "ok"])
      assert.deepStrictEqual(
        [asked.map(([, , category]) => category), results[1]],
        [["mine"], "denied: Denied: not that"]
      )
      const wild = yield* askedAbout(calls, { rules, permission: "yolo" })
      assert.deepStrictEqual([wild.kinds, wild.asked.length], [["ok", "denied", "ok", "ok"], 0])
    })
  )

  it.scoped("guards of plugins ask and deny besides", () =>
    Effect.gen(function* () {
      const plugin = Guard.make(({ input }) =>
        Effect.succeed(JSON.stringify(input).includes("src") ? Guard.Ask("mind the source", "plugin") : Guard.Allow)
      )
      const others = Guard.all(Guard.standard, plugin)
      const { asked } = yield* askedAbout([...edits, ["read_file", { path: "src/b.ts" }]], { others })
      assert.deepStrictEqual(
        asked.map(([, reason, category]) => [reason, category]),
        [
          ["it changes files", "edit"],
          ["mind the source", "plugin"]
        ]
      )
    })
  )

  describe("a model that judges", () => {
    /** What the model says of the command with this number, to whose kind a person says always by a key when asked. */
    const judged = (...verdicts: ReadonlyArray<readonly [verdict: string, category: string]>) =>
      askedAbout(
        verdicts.map((_, index) => ["shell", { command: `exit 0 #${index}` }] as const),
        {
          model: judgeOf((input) => verdicts[Number(/#(\d)/.exec(JSON.stringify(input))?.[1])] ?? ["", ""]).transport,
          answer: (question) => {
            const [, act] = Card.pressed(Card.make(0), question, "c", { last: 0, now: 1000, previews: [] })
            return act._tag === "Decide" ? act.decision : { approved: false }
          }
        }
      ).pipe(quiet)

    it.scoped("AX-33 SAFE passes, DENY rejects, RISKY asks once, and anything else is no", () =>
      Effect.gen(function* () {
        const { asked, kinds } = yield* judged(
          ["SAFE", "other"],
          ["DENY", "files"],
          ["RISKY", "system"],
          ["RISKY", "system"],
          ["SURE", "other"]
        )
        assert.deepStrictEqual(kinds, ["ok", "denied", "ok", "ok", "denied"])
        assert.deepStrictEqual(
          asked.map(([, , category]) => category),
          ["model:system"]
        )
      })
    )
  })

  it.scoped("answers for the session hold without being kept, are told, and can be taken back", () =>
    Effect.gen(function* () {
      const folder = folderOf(files)
      const { asked, permissions, say } = yield* assisted({
        folder,
        answer: () => ({ approved: true, remember: "session" })
      })
      yield* say("go")
      assert.strictEqual(asked.length, 1)
      const [known] = yield* permissions.remembered(session)
      assert.deepStrictEqual([known?.what, known?.approved], ["session", true])
      assert.isTrue(yield* permissions.revoke(session, known?.id ?? ""))
      yield* say("again")
      assert.strictEqual(asked.length, 2)
    }).pipe(
      Effect.provide(
        world([
          [call("1", "shell", { command: "touch x" })],
          [call("2", "shell", { command: "mkdir y" })],
          [text("done")],
          [call("3", "shell", { command: "mkdir z" })],
          [text("done")]
        ])
      )
    )
  )

  it.scoped("answers that the session keeps are told, and revoked from the next request on", () =>
    Effect.gen(function* () {
      const { asked, permissions, say } = yield* assisted({
        folder: folderOf(),
        answer: () => ({ approved: true, remember: "category" })
      })
      yield* say("go")
      const [known, ...others] = yield* permissions.remembered(session)
      assert.deepStrictEqual([known?.what, known?.of, others], ["category", "command:touch", []])
      yield* say("again")
      assert.strictEqual(asked.length, 1)
      assert.isTrue(yield* permissions.revoke(session, known?.id ?? ""))
      assert.isFalse(yield* permissions.revoke(session, known?.id ?? ""))
      assert.deepStrictEqual(yield* permissions.remembered(session), [])
      yield* say("and again")
      assert.strictEqual(asked.length, 2)
    }).pipe(
      Effect.provide(
        world(["x", "y", "z"].flatMap((name) => [[call(name, "shell", { command: `touch ${name}` })], [text("done")]]))
      )
    )
  )
})
