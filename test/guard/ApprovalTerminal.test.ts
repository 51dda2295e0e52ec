import * as Terminal from "@effect/platform/Terminal"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Mailbox from "effect/Mailbox"
import * as Option from "effect/Option"
import * as Agent from "../../src/agent/Agent.ts"
import * as Guard from "../../src/guard/Guard.ts"
import { isUnanswered } from "../../src/guard/internal/unanswered.ts"
import * as TerminalApproval from "../../src/guard/TerminalApproval.ts"
import { call, text } from "../../src/testing/ScriptedTransport.ts"
import { ask, question } from "../support/calls.ts"
import { world } from "../support/runs.ts"

const key = (name: string, input?: string, ctrl = false): Terminal.UserInput => ({
  input: Option.fromNullable(input),
  key: { name, ctrl, meta: false, shift: false }
})
const typed = (text: string): ReadonlyArray<Terminal.UserInput> =>
  Array.from(text, (char) => (char === "\n" ? key("return", "\r") : key(char, char)))

/** A terminal at which each question finds the next list of keys; after the list its input ends, as after Ctrl-C. */
const terminalOf = (
  answers: ReadonlyArray<ReadonlyArray<Terminal.UserInput>>,
  options: { readonly isTTY?: boolean } = {}
) => {
  const shown: Array<string> = []
  let next = 0
  const terminal = Terminal.Terminal.of({
    columns: Effect.succeed(80),
    rows: Effect.succeed(24),
    isTTY: Effect.succeed(options.isTTY ?? true),
    readInput: Effect.gen(function* () {
      const mailbox = yield* Mailbox.make<Terminal.UserInput>()
      yield* mailbox.offerAll(answers[next++] ?? [])
      yield* mailbox.end
      return mailbox
    }),
    readLine: Effect.die("not used: it neither shows what is typed nor reports its end"),
    display: (text) => Effect.sync(() => void shown.push(text))
  })
  return { shown, terminal, layer: Layer.provide(TerminalApproval.layer, Layer.succeed(Terminal.Terminal, terminal)) }
}

describe("TerminalApproval", () => {
  it.effect("a yes or no may be for the tool", () =>
    Effect.gen(function* () {
      const lines = ["a\n", "ALWAYS\n", "always please\n", "ay\n", "never\n", "Never: use trash\n", "never c\n", "c\n"]
      const { layer } = terminalOf(lines.map(typed))
      const decisions = yield* Effect.provide(
        Effect.forEach(lines, () => ask(question("a"))),
        layer
      )
      assert.deepStrictEqual(decisions, [
        { approved: true, remember: "tool" },
        { approved: true, remember: "tool" },
        { approved: false },
        { approved: false },
        { approved: false, remember: "tool" },
        { approved: false, reason: "use trash", remember: "tool" },
        { approved: false, reason: "c", remember: "tool" },
        { approved: false }
      ])
    })
  )

  it.effect("a question with a category offers an answer for all of its kind", () =>
    Effect.gen(function* () {
      const lines = [
        "c\n",
        "never c\n",
        "never c, it is lent\n",
        "never cut\n",
        "a\n",
        "n c is wrong\n",
        "cc\n",
        "c please\n"
      ]
      const { layer, shown } = terminalOf(lines.map(typed))
      const decisions = yield* Effect.provide(
        Effect.forEach(lines, () => ask(question("a", {}, "because", "money"))),
        layer
      )
      assert.deepStrictEqual(decisions, [
        { approved: true, remember: "category" },
        { approved: false, remember: "category" },
        { approved: false, reason: "it is lent", remember: "category" },
        { approved: false, reason: "cut", remember: "tool" },
        { approved: true, remember: "tool" },
        { approved: false, reason: "c is wrong" },
        { approved: false },
        { approved: false }
      ])
      assert.include(
        shown[0] ?? "",
        "because [money]\ny: this call, e: other arguments, a: every rm, c: all of this kind, s: everything from now on; n: no,"
      )
    })
  )

  it.effect("an answer that sticks settles what waits without showing it", () =>
    Effect.gen(function* () {
      const { layer, shown } = terminalOf([typed("a\n")])
      const ran: Array<string> = []
      const rm = Agent.tool("rm", {}, () => Effect.sync(() => ran.push("rm")))
      const agent = Agent.make("a", { tools: [rm] })
      yield* Agent.run(agent, "go").pipe(
        Effect.provide([world([[call("1", "rm"), call("2", "rm"), call("3", "rm")], [text("ok")]]), layer]),
        Effect.provide(Guard.layer(Guard.make(() => Effect.succeed(Guard.Ask("it removes")))))
      )
      assert.strictEqual(ran.length, 3)
      assert.strictEqual(shown.filter((text) => text.includes("Allow rm?")).length, 1)
    })
  )

  it.effect("only an explicit yes is a yes", () =>
    Effect.gen(function* () {
      const lines = ["y\n", "Yes\n", " y \n", "\n", "ye\n", "yes please\n", "ok\n", "n\n", "no\n", "y"]
      const { layer } = terminalOf(lines.map(typed))
      const decisions = yield* Effect.provide(
        Effect.forEach(lines, () => ask(question("a"))),
        layer
      )
      assert.deepStrictEqual(
        decisions.map((decision) => decision.approved),
        [true, true, true, false, false, false, false, false, false, false]
      )
    })
  )

  it.effect("a no may carry its reason", () =>
    Effect.gen(function* () {
      const { layer } = terminalOf(["n use trash instead\n", "no, not that\n", "nothing\n"].map(typed))
      const decisions = yield* Effect.provide(Effect.replicateEffect(ask(question("a")), 3), layer)
      assert.deepStrictEqual(decisions, [
        { approved: false, reason: "use trash instead" },
        { approved: false, reason: "not that" },
        { approved: false }
      ])
    })
  )

  it.effect("the end of the input is a no", () =>
    Effect.gen(function* () {
      const { layer } = terminalOf([[], [key("c", "\u0003", true)]])
      const decisions = yield* Effect.provide(Effect.replicateEffect(ask(question("a")), 2), layer)
      assert.deepStrictEqual(
        decisions.map((decision) => decision.approved),
        [false, false]
      )
    })
  )

  it.effect("what is not interactive is a no", () =>
    Effect.gen(function* () {
      const { layer, shown } = terminalOf([typed("y\n")], { isTTY: false })
      const answer = yield* Effect.provide(ask(question("a")), layer)
      assert.isFalse(answer.approved)
      assert.isTrue(isUnanswered(answer))
      assert.deepStrictEqual(shown, [])
    })
  )

  it.effect("typing can be corrected and is shown", () =>
    Effect.gen(function* () {
      const { layer, shown } = terminalOf([[...typed("n"), key("backspace", "\u007f"), ...typed("y\n")]])
      assert.isTrue((yield* Effect.provide(ask(question("a")), layer)).approved)
      assert.deepStrictEqual(shown.slice(1), ["n", "\b \b", "y", "\n"])
    })
  )

  it.effect("the question shows call, arguments and reason", () =>
    Effect.gen(function* () {
      const { layer, shown } = terminalOf([])
      yield* Effect.provide(ask(question("a", { path: "/tmp/a" }, "it may destroy something")), layer)
      assert.deepStrictEqual((shown[0] ?? "").split("\n"), [
        "",
        "agent wants to call rm:",
        "  {",
        `    "path": "/tmp/a"`,
        "  }",
        "Why you are asked: it may destroy something",
        "y: this call, e: other arguments, a: every rm, s: everything from now on; n: no, never: no rm again; say why behind it",
        "Allow rm? [y/N] "
      ])
    })
  )

  it.effect("the question of a nested run shows the way to its agent", () =>
    Effect.gen(function* () {
      const { layer, shown } = terminalOf([])
      const { call, ...rest } = question("a")
      const path = ["lead", "re\u001bsearcher"].map((agent) => ({ agent, run: call.run }))
      yield* Effect.provide(ask({ ...rest, call: { ...call, path } }), layer)
      assert.include(shown[0] ?? "", "\nlead > re\\u001bsearcher > agent wants to call rm:\n")
    })
  )

  it.effect("a model cannot paint the terminal", () =>
    Effect.gen(function* () {
      const { layer, shown } = terminalOf([])
      const evil = "\u001b[2J\r\n\u0007\u009b1A\u202egnp\u200b\u2028\u{e0041}\u007f"
      yield* Effect.provide(ask(question("a", { [evil]: evil }, evil)), layer)
      const text = shown[0] ?? ""
      assert.notMatch(text.replaceAll("\n", ""), /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
      assert.strictEqual(text.split("\n").length, 8)
      assert.include(text, "\\u202egnp\\u200b\\u2028\\u{e0041}\\u007f")
    })
  )

  it.effect("long arguments are bounded, and say by how much", () =>
    Effect.gen(function* () {
      const { layer, shown } = terminalOf([])
      yield* Effect.provide(ask(question("a", { text: "x".repeat(10_000) })), layer)
      assert.isBelow((shown[0] ?? "").length, 2600)
      assert.include(shown[0] ?? "", "… 8016 characters are not shown …")
    })
  )

  it.effect("questions wait for each other", () =>
    Effect.gen(function* () {
      const { layer, shown } = terminalOf([typed("y\n"), typed("n\n")])
      const both = Effect.all([ask(question("a")), ask(question("b"))], { concurrency: "unbounded" })
      assert.deepStrictEqual(yield* Effect.provide(both, layer), [{ approved: true }, { approved: false }])
      assert.deepStrictEqual(
        shown.map((text) => text.length > 20),
        [true, false, false, true, false, false]
      )
    })
  )

  it.effect("everything of the session can be allowed, and arguments be changed", () =>
    Effect.gen(function* () {
      const back = key("backspace")
      const answers = [
        typed("s\n"),
        [...typed("e\n"), back, back, ...typed('x"}\n')],
        [...typed("edit\n"), back, key("return"), ...typed("}\n")],
        [...typed("e\n"), ...Array.from({ length: 20 }, () => back), key("return")]
      ]
      const { layer, shown } = terminalOf(answers)
      const decisions = yield* Effect.provide(
        Effect.forEach(answers, () => ask(question("a", { to: "b\u202e" }))),
        layer
      )
      assert.deepStrictEqual(decisions, [
        { approved: true, remember: "session" },
        { approved: true, input: { to: "b\u202ex" } },
        { approved: true, input: { to: "b\u202e" } },
        { approved: false }
      ])
      assert.notMatch(shown.join(""), /\p{Cf}/u)
    })
  )

  it.effect("what a call would do may be shown instead of its arguments, harmlessly", () =>
    Effect.gen(function* () {
      const { shown, terminal } = terminalOf([typed("y\n"), typed("y\n")])
      const approval = TerminalApproval.make(terminal, {
        show: ({ call }) => (call.id === "b" ? Effect.die("broken") : Effect.succeed(["- old", "+ new\u001b[2J"]))
      })
      yield* approval.ask(question("a", { text: "secret" }))
      yield* approval.ask(question("b", { text: "plain" }))
      const text = shown.join("")
      assert.include(text, "\n  - old\n  + new\\u001b[2J\n")
      assert.notInclude(text, "secret")
      assert.include(text, '"text": "plain"')
    })
  )
})
