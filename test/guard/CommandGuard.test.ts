import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as CommandGuard from "../../src/guard/CommandGuard.ts"
import * as Guard from "../../src/guard/Guard.ts"
import * as Suites from "../../src/testing/Suites.ts"
import attempts from "../fixtures/guard/commands.json" with { type: "json" }
import { callOf } from "../support/calls.ts"

const Command = Schema.Union(Schema.String, Schema.Array(Schema.String))
const Fixture = Schema.Struct({
  policy: Schema.Struct({ allow: Schema.Array(CommandGuard.Rule), deny: Schema.Array(CommandGuard.Rule) }),
  groups: Schema.Array(
    Schema.Struct({
      title: Schema.String,
      cases: Schema.Array(
        Schema.Struct({
          command: Schema.optional(Command),
          repeat: Schema.optional(Schema.Struct({ text: Schema.String, times: Schema.Int })),
          verdict: Schema.Literal("Allow", "Ask", "Deny"),
          because: Schema.optional(Schema.String)
        })
      )
    })
  )
})
const fixture = Schema.decodeUnknownSync(Fixture)(attempts)
const commandOf = ({ command, repeat }: (typeof fixture)["groups"][number]["cases"][number]) =>
  command ?? repeat?.text.repeat(repeat.times) ?? ""

const tagOf = (command: string | ReadonlyArray<string>, policy: CommandGuard.Policy = {}, folder?: string) =>
  CommandGuard.judge(command, policy, folder)._tag
const reasonOf = (verdict: Guard.Verdict): string =>
  verdict._tag === "Deny" || verdict._tag === "Ask" ? verdict.reason : ""

const shell = CommandGuard.make({
  tools: { shell: { line: "command", folder: "cwd" } },
  allow: [...CommandGuard.reading, "git status **"],
  deny: ["curl"]
})

Suites.guard("CommandGuard of a shell", Guard.layer(shell), {
  allowed: [callOf("shell", { command: "ls | wc -l" }), callOf("other", { path: "/" })],
  denied: [callOf("shell", { command: "curl x" }), callOf("shell", { command: "ls; $X" }), callOf("shell", {})],
  asked: [
    callOf("shell", { command: "make" }),
    callOf("shell", { command: "ls > f" }),
    callOf("other", { command: "ls" })
  ]
})

Suites.guard("CommandGuard without options", Guard.layer(CommandGuard.make()), {
  allowed: [callOf("read", { path: "a" })],
  denied: [callOf("shell", { command: "rm -rf /" }), callOf("run", { argv: ["sh", "-c", "reboot"] })],
  asked: [callOf("shell", { command: "ls" }), callOf("run", { argv: ["ls"], cwd: "/" })]
})

describe("CommandGuard attempts", () => {
  describe.each(fixture.groups)("$title", ({ cases }) => {
    it.each(cases.map((attempt) => [attempt.verdict, shown(commandOf(attempt)), attempt] as const))(
      "%s: %s",
      (expected, _, attempt) => {
        const verdict = CommandGuard.judge(commandOf(attempt), fixture.policy)
        assert.strictEqual(verdict._tag, expected, reasonOf(verdict))
        if (attempt.because !== undefined) assert.include(reasonOf(verdict), attempt.because)
      }
    )
  })

  it("are at least 150", () => {
    const count = fixture.groups.flatMap(({ cases }) => cases).filter(({ verdict }) => verdict !== "Allow").length
    assert.isAtLeast(count, 150)
  })
})

describe("CommandGuard", () => {
  it.effect("AG-17 a blocked command is denied by gate and by direct call", () =>
    Effect.gen(function* () {
      const anything = { allow: [{ program: "*" }], opaque: "ask", writes: "allow" } as const
      const gate = CommandGuard.make({ tools: { shell: { line: "command" } }, ...anything })
      for (const command of ["rm -rf /", "sh -c 'mkfs.ext4 /dev/sda'", ":(){ :|:& };:", "curl x | sh", "reboot"]) {
        const verdict = yield* gate.check(callOf("shell", { command }))
        assert.strictEqual(verdict._tag, "Deny")
        assert.deepStrictEqual(CommandGuard.judge(command, anything), verdict)
      }
    })
  )

  it("only an unsafe policy leaves blocked commands to rules", () => {
    const allow = [{ program: "*" }]
    assert.strictEqual(tagOf("rm -rf /", { allow }), "Deny")
    assert.strictEqual(tagOf("rm -rf /", { allow, unsafe: true }), "Allow")
    assert.strictEqual(tagOf("rm -rf /", { deny: ["rm"], unsafe: true }), "Deny")
  })

  it("without rules every command is asked about", () => {
    assert.deepStrictEqual(CommandGuard.judge("ls"), Guard.Ask('"ls": no rule allows it', "command:ls"))
    assert.strictEqual(tagOf("ls", { otherwise: "deny" }), "Deny")
  })

  it("denying goes before asking and asking before allowing", () => {
    const policy = { allow: ["git **"], ask: [{ program: "git", arguments: ["push", "**"], category: "push" }] }
    assert.strictEqual(tagOf("git log", policy), "Allow")
    assert.deepStrictEqual(
      CommandGuard.judge("git push x", policy),
      Guard.Ask('"git push x": a rule asks about it', "push")
    )
    const deny = [{ program: "git", arguments: ["push", "**", "--force*", "**"], reason: "history is shared" }]
    assert.deepStrictEqual(
      CommandGuard.judge("git push -q x --force-with-lease", { ...policy, deny }),
      Guard.Deny('"git push -q x --force-with-lease" is not allowed: history is shared')
    )
  })

  it("a word that is not known is not allowed by a pattern and denied where it could match", () => {
    assert.strictEqual(tagOf('cat "$X"', { allow: ["cat src/*"] }), "Ask")
    assert.strictEqual(tagOf('cat "$X"', { allow: ["cat *"] }), "Allow")
    assert.strictEqual(tagOf("cat $X", { allow: ["cat *"] }), "Ask")
    assert.strictEqual(tagOf("cat $X", { allow: ["cat **"] }), "Allow")
    assert.strictEqual(tagOf("git push $X", { allow: ["git **"], deny: ["git push ** --force **"] }), "Deny")
    assert.strictEqual(tagOf("git add ./*.ts", { allow: ["git **"], deny: ["git add ** --force **"] }), "Allow")
  })

  it("a question about several parts has a category when they agree", () => {
    assert.deepStrictEqual(
      CommandGuard.judge("make a; make b"),
      Guard.Ask('"make a": no rule allows it; "make b": no rule allows it', "command:make")
    )
    assert.isFalse("category" in CommandGuard.judge("make a; cargo b"))
  })

  it("writes and what cannot be judged follow their options", () => {
    const allow = ["ls"]
    assert.strictEqual(tagOf("ls > f", { allow, writes: "allow" }), "Allow")
    assert.strictEqual(tagOf("ls > $X", { allow, writes: "allow" }), "Ask")
    assert.strictEqual(tagOf("ls > f", { allow, writes: "deny" }), "Deny")
    assert.strictEqual(tagOf("$X", { allow, opaque: "ask" }), "Ask")
    assert.strictEqual(tagOf("ls a b", { allow, maxLength: 5 }), "Deny")
    assert.strictEqual(tagOf(["ls", "a", "b"], { allow, maxLength: 5 }), "Deny")
  })

  it("a folder decides what relative paths are", () => {
    assert.strictEqual(tagOf("rm -rf *", {}, "/work/a"), "Ask")
    assert.strictEqual(tagOf("rm -rf *", {}, "/"), "Deny")
    assert.strictEqual(tagOf("rm -rf ../..", {}, "/work/a"), "Deny")
  })

  it("code in another language asks unless a rule names its flag", () => {
    assert.strictEqual(tagOf("node -e 1", { allow: ["node **"] }), "Ask")
    assert.strictEqual(tagOf("node -e 1", { allow: ["node -e *"] }), "Allow")
    assert.strictEqual(tagOf("sed -n 5p f", { allow: ["sed **"] }), "Allow")
    assert.strictEqual(tagOf("sed 1e f", { allow: ["sed **"] }), "Ask")
    assert.strictEqual(tagOf("sed s/a/b/e f", { allow: ["sed **"] }), "Ask")
  })

  it("code has a category of its own, whichever rule its program has or lacks", () => {
    for (const policy of [{}, { ask: ["python **"] }, { allow: ["python **"] }]) {
      const verdict = CommandGuard.judge("python -c 'print(1)'", policy)
      assert.strictEqual(verdict._tag === "Ask" ? verdict.category : undefined, "command:code")
    }
    const file = CommandGuard.judge("python a.py")
    assert.strictEqual(file._tag === "Ask" ? file.category : undefined, "command:python")
    const named = CommandGuard.judge("python -c 1", { ask: [{ program: "python", category: "mine" }] })
    assert.strictEqual(named._tag === "Ask" ? named.category : undefined, "mine")
  })

  it("options that mean nothing are refused with their place", () => {
    const wrong: ReadonlyArray<readonly [string, string]> = [
      ['{"allow":[{"program":"git","args":["status"]}]}', "allow[0].args: is unexpected, expected program, arguments"],
      ['{"allow":["ls",""]}', "allow[1]: expected a"],
      ['{"ask":[" "]}', "ask[0]: expected a"],
      ['{"deny":[3]}', "deny[0]: expected a"],
      ['{"deny":[{"program":""}]}', "deny[0].program: expected a"],
      ['{"deny":[{"program":"git push"}]}', "deny[0].program: expected a"],
      ['{"deny":[{"program":"git","arguments":"push"}]}', 'deny[0].arguments: expected a list, not "push"'],
      ['{"allow":"ls"}', 'allow: expected a list, not "ls"'],
      ['{"alow":["ls"]}', "alow: is unexpected, expected allow"],
      ['{"otherwise":"allow"}', 'otherwise: expected "ask" or "deny", not "allow"'],
      ['{"unsafe":"no"}', 'unsafe: expected true or false, not "no"'],
      ['{"maxLength":null}', "maxLength: expected a positive number, not null"],
      ["[]", "expected an object, not []"]
    ]
    const tools: ReadonlyArray<readonly [string, string]> = [
      ['{"tools":{"sh":{"line":1}}}', "tools.sh.line: expected a"],
      ['{"tools":{"sh":{"line":"command","argv":"words"}}}', "tools.sh.argv: is unexpected"],
      ['{"tools":{"sh":{"line":"command","cwd":"cwd"}}}', "tools.sh.cwd: is unexpected"],
      ['{"tools":{"sh":{"line":""}}}', "tools.sh.line: expected a"],
      ['{"tools":["sh"]}', "tools: expected an object"]
    ]
    for (const [text, problem] of [...wrong, ...tools]) {
      const message = thrown(() => CommandGuard.make(JSON.parse(text)))
      assert.include(message, `CommandGuard cannot be set up:\n- ${problem}`, text)
      assert.strictEqual(message.split("\n").length, 2, message)
    }
    for (const [text, problem] of wrong) {
      assert.include(
        thrown(() => CommandGuard.judge("ls", JSON.parse(text))),
        problem
      )
    }
  })

  it.effect("a tool that is not named and seems to have a command asks, and says how to declare it", () =>
    Effect.gen(function* () {
      const guard = CommandGuard.make({ tools: { bash: { line: "command" } }, allow: ["ls"] })
      for (const [input, example] of [
        [{ command: "ls" }, '{ sh: { line: "command" } }'],
        [{ argv: ["ls"] }, '{ sh: { argv: "argv" } }'],
        [{ script: 1 }, '{ sh: { line: "script" } }']
      ] as const) {
        const verdict = yield* guard.check(callOf("sh", input))
        assert.include(reasonOf(verdict), example)
        assert.strictEqual(verdict._tag === "Ask" ? verdict.category : undefined, "command:tool:sh")
      }
      for (const input of [{ path: "a" }, {}, { command: null }, [], "ls"]) {
        assert.deepStrictEqual(yield* guard.check(callOf("sh", input)), Guard.Allow)
      }
    })
  )

  it.effect("fields say where a command is", () =>
    Effect.gen(function* () {
      const tools = { list: { argv: "words" }, apart: { program: "program", arguments: "args" } }
      const guard = CommandGuard.make({ tools, allow: ["ls"], deny: ["rm"] })
      const tag = (name: string, input: unknown) => Effect.map(guard.check(callOf(name, input)), ({ _tag }) => _tag)
      assert.strictEqual(yield* tag("list", { words: ["ls", "; rm x"] }), "Allow")
      assert.strictEqual(yield* tag("list", { words: ["sh", "-c", "rm x"] }), "Deny")
      assert.strictEqual(yield* tag("list", { words: "ls" }), "Deny")
      assert.strictEqual(yield* tag("list", { words: ["ls", 1] }), "Deny")
      assert.strictEqual(yield* tag("apart", { program: "ls" }), "Allow")
      assert.strictEqual(yield* tag("apart", { program: "rm", args: ["x"] }), "Deny")
      assert.strictEqual(yield* tag("apart", { args: ["x"] }), "Deny")
      assert.strictEqual(yield* tag("toString", { command: "rm x" }), "Ask")
      assert.strictEqual(yield* tag("toString", { words: ["rm", "x"] }), "Allow")
    })
  )

  it("rules are read from JSON", () => {
    const rules = Schema.decodeUnknownSync(Schema.Array(CommandGuard.Rule))(
      JSON.parse('["ls", { "program": "git", "arguments": ["log", "**"] }]')
    )
    assert.strictEqual(tagOf("git log -3; ls", { allow: rules }), "Allow")
    assert.throws(() => Schema.decodeUnknownSync(CommandGuard.Rule)({ program: "" }))
  })

  it("a reason shows what it hides", () => {
    const reason = reasonOf(CommandGuard.judge("ls \u202e\u001b[2J"))
    assert.match(reason, /^[ -~…]*$/)
    assert.include(reason, "\\u202e")
  })
})

// internal

function thrown(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    assert.instanceOf(error, TypeError)
    return error instanceof Error ? error.message : ""
  }
  return "nothing was thrown"
}

function shown(command: string | ReadonlyArray<string>): string {
  const text = JSON.stringify(command).replaceAll("%", "%%")
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}
