import * as Terminal from "@effect/platform/Terminal"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Mailbox from "effect/Mailbox"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { CallId, RunId, SessionId } from "../../src/domain/Ids.ts"
import * as Approval from "../../src/guard/Approval.ts"
import * as TerminalApproval from "../../src/guard/TerminalApproval.ts"

const question = (id: string, input: unknown = {}, reason = "because"): Approval.Question => ({
  call: {
    id: CallId.make(id),
    tool: { name: "rm", origin: "application" },
    input,
    run: RunId.make("run"),
    session: SessionId.make("session"),
    agent: "agent",
    turn: 1,
    identity: {}
  },
  reason
})
/** What an approver decides at once, or when it is time. */
const ask = (question: Approval.Question): Effect.Effect<Approval.Decision> =>
  Effect.flatMap(Approval.Approval, (approval) =>
    Effect.flatMap(approval.ask(question), (answer) =>
      Approval.isLater(answer) ? Effect.dieMessage("the answer was put off") : Effect.succeed(answer)
    )
  )

/** Waits until so many questions wait. */
const waiting = (count: number) =>
  Effect.flatMap(Approval.ApprovalQueue, (queue) =>
    Stream.runHead(Stream.filter(queue.changes, (questions) => questions.length === count))
  )

describe("Approval", () => {
  it.effect("nobody to ask means no", () =>
    Effect.map(ask(question("a")), (decision) => assert.isFalse(decision.approved))
  )

  it.effect("layerAllow says yes to all", () =>
    Effect.map(ask(question("a")), (decision) => assert.isTrue(decision.approved)).pipe(
      Effect.provide(Approval.layerAllow)
    )
  )

  describe("layerQueue", () => {
    it.effect("TR-10 an answer reaches the call it is for", () =>
      Effect.gen(function* () {
        const queue = yield* Approval.ApprovalQueue
        const a = yield* Effect.fork(ask(question("a")))
        const b = yield* Effect.fork(ask(question("b")))
        yield* waiting(2)
        yield* queue.decide(CallId.make("b"), { approved: false, reason: "not b" })
        yield* queue.decide(CallId.make("a"), { approved: true })
        assert.deepStrictEqual(yield* Fiber.join(a), { approved: true })
        assert.deepStrictEqual(yield* Fiber.join(b), { approved: false, reason: "not b" })
        assert.deepStrictEqual(yield* queue.pending, [])
      }).pipe(Effect.provide(Approval.layerQueue))
    )

    it.effect("questions are listed oldest first", () =>
      Effect.gen(function* () {
        const queue = yield* Approval.ApprovalQueue
        for (const [index, id] of ["b", "a", "c"].entries()) {
          yield* Effect.fork(ask(question(id)))
          yield* waiting(index + 1)
        }
        assert.deepStrictEqual(
          (yield* queue.pending).map((question) => question.call.id),
          ["b", "a", "c"]
        )
      }).pipe(Effect.provide(Approval.layerQueue))
    )

    it.effect("TR-12 the second answer fails typed and changes nothing", () =>
      Effect.gen(function* () {
        const queue = yield* Approval.ApprovalQueue
        const id = CallId.make("a")
        const asking = yield* Effect.fork(ask(question("a")))
        yield* waiting(1)
        yield* queue.decide(id, { approved: false })
        const again = yield* Effect.either(queue.decide(id, { approved: true }))
        assert.deepStrictEqual(again, Either.left(new Approval.UnknownQuestion({ call: id })))
        assert.deepStrictEqual(yield* Fiber.join(asking), { approved: false })
      }).pipe(Effect.provide(Approval.layerQueue))
    )

    it.effect("of two answers at once one wins", () =>
      Effect.gen(function* () {
        const queue = yield* Approval.ApprovalQueue
        const asking = yield* Effect.fork(ask(question("a")))
        yield* waiting(1)
        const answers = [true, false].map((approved) => Effect.either(queue.decide(CallId.make("a"), { approved })))
        const results = yield* Effect.all(answers, { concurrency: "unbounded" })
        assert.deepStrictEqual(results.filter(Either.isRight).length, 1)
        assert.strictEqual((yield* Fiber.join(asking)).approved, results[0]?._tag === "Right")
      }).pipe(Effect.provide(Approval.layerQueue))
    )

    it.effect("an unknown id fails and names itself", () =>
      Effect.gen(function* () {
        const queue = yield* Approval.ApprovalQueue
        const error = yield* Effect.flip(queue.decide(CallId.make("nobody"), { approved: true }))
        assert.include(error.message, "nobody")
        const encoded = yield* Schema.encode(Approval.UnknownQuestion)(error)
        assert.deepStrictEqual(encoded, { _tag: "UnknownQuestion", call: "nobody" })
      }).pipe(Effect.provide(Approval.layerQueue))
    )

    it.effect("an interrupted ask withdraws its question", () =>
      Effect.gen(function* () {
        const queue = yield* Approval.ApprovalQueue
        const gone = yield* Effect.fork(ask(question("gone")))
        const stays = yield* Effect.fork(ask(question("stays")))
        yield* waiting(2)
        yield* Fiber.interrupt(gone)
        assert.deepStrictEqual(yield* queue.pending, [question("stays")])
        const error = yield* Effect.flip(queue.decide(CallId.make("gone"), { approved: true }))
        assert.strictEqual(error.call, "gone")
        yield* Fiber.interrupt(stays)
      }).pipe(Effect.provide(Approval.layerQueue))
    )

    it.effect("a call that already waits is not asked about twice", () =>
      Effect.gen(function* () {
        const queue = yield* Approval.ApprovalQueue
        const first = yield* Effect.fork(ask(question("a", { path: "mine" })))
        yield* waiting(1)
        assert.isFalse((yield* ask(question("a", { path: "yours" }))).approved)
        assert.deepStrictEqual(yield* queue.pending, [question("a", { path: "mine" })])
        yield* queue.decide(CallId.make("a"), { approved: true })
        assert.isTrue((yield* Fiber.join(first)).approved)
      }).pipe(Effect.provide(Approval.layerQueue))
    )

    it.effect("changes tell what waits now and after every change", () =>
      Effect.gen(function* () {
        const queue = yield* Approval.ApprovalQueue
        const counts = yield* Effect.fork(
          Stream.runCollect(
            Stream.take(
              Stream.map(queue.changes, (questions) => questions.length),
              3
            )
          )
        )
        yield* Effect.yieldNow()
        const asking = yield* Effect.fork(ask(question("a")))
        yield* waiting(1)
        yield* queue.decide(CallId.make("a"), { approved: true })
        yield* Fiber.join(asking)
        assert.deepStrictEqual(Array.from(yield* Fiber.join(counts)), [0, 1, 0])
      }).pipe(Effect.provide(Approval.layerQueue))
    )
  })
})

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
  return { shown, layer: Layer.provide(TerminalApproval.layer, Layer.succeed(Terminal.Terminal, terminal)) }
}

describe("TerminalApproval", () => {
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
      assert.isFalse((yield* Effect.provide(ask(question("a")), layer)).approved)
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
        "Allow rm? [y/N, or n and a reason] "
      ])
    })
  )

  it.effect("a model cannot paint the terminal", () =>
    Effect.gen(function* () {
      const { layer, shown } = terminalOf([])
      const evil = "\u001b[2J\r\n\u0007\u009b1A\u202egnp\u200b\u2028\u{e0041}\u007f"
      yield* Effect.provide(ask(question("a", { [evil]: evil }, evil)), layer)
      const text = shown[0] ?? ""
      assert.notMatch(text.replaceAll("\n", ""), /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
      assert.strictEqual(text.split("\n").length, 7)
      assert.include(text, "\\u202egnp\\u200b\\u2028\\u{e0041}\\u007f")
    })
  )

  it.effect("long arguments are bounded, and say by how much", () =>
    Effect.gen(function* () {
      const { layer, shown } = terminalOf([])
      yield* Effect.provide(ask(question("a", { text: "x".repeat(10_000) })), layer)
      assert.isBelow((shown[0] ?? "").length, 2500)
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
})
