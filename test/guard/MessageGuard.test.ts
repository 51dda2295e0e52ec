import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import { pipe } from "effect/Function"
import * as Logger from "effect/Logger"
import { RunId, SessionId } from "../../src/domain/Ids.ts"
import * as Message from "../../src/domain/Message.ts"
import type * as Part from "../../src/domain/Part.ts"
import * as MessageGuard from "../../src/guard/MessageGuard.ts"

const subjectOf = (message: Message.Message, direction: MessageGuard.Direction = "input"): MessageGuard.Subject => ({
  message,
  direction,
  agent: "agent",
  run: RunId.make("run"),
  session: SessionId.make("session"),
  identity: {}
})

const subject = subjectOf(Message.user("hello"))

const says = (verdict: MessageGuard.Verdict): MessageGuard.Service => MessageGuard.make(() => Effect.succeed(verdict))
/** Appends a letter to each text. */
const mark = (letter: string): MessageGuard.Service =>
  MessageGuard.make(({ message }) =>
    Effect.succeed(MessageGuard.Rewrite(MessageGuard.mapText(message, (text) => text + letter)))
  )
const block = (reason: string): MessageGuard.Service => says(MessageGuard.Block(reason))
const dies: MessageGuard.Service = MessageGuard.make(() => Effect.die(new Error("secret of the guard")))

const failed = MessageGuard.Block("its guard failed, and what could not be checked is not let through")

/** Collects what is logged while the effect runs. */
const logged = <A, E, R>(effect: Effect.Effect<A, E, R>) => {
  const lines: Array<string> = []
  const logger = Logger.make(({ logLevel, message }) => lines.push(`${logLevel.label} ${String(message)}`))
  return Effect.map(Effect.provide(effect, Logger.replace(Logger.defaultLogger, logger)), (value) => ({ value, lines }))
}

/** A verdict as text: what becomes of the message. */
const told = (verdict: MessageGuard.Verdict): string =>
  verdict._tag === "Block"
    ? `blocked: ${verdict.reason}`
    : verdict._tag === "Rewrite"
      ? Message.toText(verdict.message)
      : "passed"

const call = (id: string, about: Partial<Part.ToolCall> = {}): Part.ToolCall => ({
  type: "tool-call",
  id,
  name: "pay",
  input: '{"to":"a@b.com"}',
  ...about
})

const result = (id: string, content: ReadonlyArray<Part.ResultContent>): Part.ToolResult => ({
  type: "tool-result",
  id,
  name: "pay",
  outcome: "ok",
  content
})

describe("MessageGuard", () => {
  it.effect("without a layer every message passes, by the guard that is none", () =>
    Effect.gen(function* () {
      const guard = yield* MessageGuard.MessageGuard
      assert.strictEqual(guard, MessageGuard.none)
      assert.deepStrictEqual(yield* MessageGuard.judge(guard, subject), MessageGuard.Pass)
      const provided = yield* Effect.provide(MessageGuard.MessageGuard, MessageGuard.layer(dies))
      assert.strictEqual(provided, dies)
    })
  )

  describe("judge", () => {
    it.effect("a guard that dies has blocked", () =>
      Effect.gen(function* () {
        const throws = MessageGuard.make(() => {
          throw new Error("secret of the guard")
        })
        for (const guard of [dies, throws]) {
          const { lines, value } = yield* logged(MessageGuard.judge(guard, subject))
          assert.deepStrictEqual(value, failed)
          assert.deepStrictEqual(lines, ["WARN A message guard died; the input is blocked"])
        }
      })
    )

    it.effect("interruption stays interruption", () =>
      Effect.gen(function* () {
        const asked = yield* Deferred.make<void>()
        const waits = MessageGuard.make(() => Effect.zipRight(Deferred.succeed(asked, undefined), Effect.never))
        const fiber = yield* Effect.fork(MessageGuard.judge(waits, subject))
        yield* Deferred.await(asked)
        assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(fiber)))
      })
    )

    it.effect("a message that cannot stand for the one before is blocked", () =>
      Effect.gen(function* () {
        const answer = Message.assistant([call("1"), call("2")])
        const results = Message.tool([result("1", []), result("2", [])])
        const cases: ReadonlyArray<readonly [Message.Message, Message.Message, string]> = [
          [answer, Message.assistant([call("2", { input: "{}" })]), "Rewrite"],
          [answer, Message.assistant("no"), "Rewrite"],
          [answer, Message.user([call("1")]), "Block"],
          [answer, Message.assistant([call("2"), call("1")]), "Block"],
          [answer, Message.assistant([call("1"), call("1")]), "Block"],
          [answer, Message.assistant([call("1", { name: "rob" })]), "Block"],
          [answer, Message.assistant([call("1", { transportExecuted: true })]), "Block"],
          [Message.assistant("hi"), answer, "Block"],
          [results, Message.tool([result("1", [{ type: "text", text: "x" }]), result("2", [])]), "Rewrite"],
          [results, Message.tool([result("1", [])]), "Block"],
          [results, Message.tool([result("1", []), result("2", []), result("3", [])]), "Block"]
        ]
        for (const [before, after, tag] of cases) {
          const judged = MessageGuard.judge(says(MessageGuard.Rewrite(after)), subjectOf(before, "output"))
          const { lines, value } = yield* logged(judged)
          assert.strictEqual(value._tag, tag, JSON.stringify(after))
          assert.lengthOf(lines, tag === "Block" ? 1 : 0)
        }
      })
    )
  })

  describe("all", () => {
    const judged = (...guards: ReadonlyArray<MessageGuard.Service>) =>
      Effect.map(MessageGuard.judge(MessageGuard.all(...guards), subject), told)

    it.effect("rewrites compose from left to right, and the first block ends it", () =>
      Effect.gen(function* () {
        assert.strictEqual(yield* judged(mark("a"), says(MessageGuard.Pass), mark("b")), "helloab")
        assert.strictEqual(yield* judged(mark("a"), block("no"), dies), "blocked: no")
        assert.strictEqual(yield* judged(says(MessageGuard.Pass)), "passed")
      })
    )

    it.effect("a guard that dies among others has blocked", () =>
      Effect.map(logged(judged(mark("a"), dies, mark("b"))), ({ value }) => assert.strictEqual(value, told(failed)))
    )

    it("without guards, or with none, it is none", () => {
      assert.strictEqual(MessageGuard.all(), MessageGuard.none)
      assert.strictEqual(MessageGuard.all(MessageGuard.none, MessageGuard.all()), MessageGuard.none)
    })

    const some = FastCheck.array(
      FastCheck.oneof(
        FastCheck.constantFrom("a", "b", "c").map(mark),
        FastCheck.constant(says(MessageGuard.Pass)),
        FastCheck.constant(block("no")),
        FastCheck.constant(MessageGuard.none)
      ),
      { maxLength: 4 }
    )

    it.effect.prop("it is associative", [some, some, some], ([first, second, third]) =>
      Effect.gen(function* () {
        const { all } = MessageGuard
        const flat = yield* judged(...first, ...second, ...third)
        assert.strictEqual(yield* judged(all(...first), all(...second), all(...third)), flat)
        assert.strictEqual(yield* judged(all(all(...first), all(...second)), ...third), flat)
      })
    )
  })

  it.effect("forRoles and forDirection leave other messages alone", () =>
    Effect.gen(function* () {
      const users = MessageGuard.forRoles(block("no"), ["user"])
      const out = pipe(block("no"), MessageGuard.forDirection("output"))
      const tags = yield* Effect.forEach(
        [subject, subjectOf(Message.assistant("hello"), "output"), subjectOf(Message.system("hello"))],
        (about) =>
          Effect.map(Effect.all([users.check(about), out.check(about)]), (both) => both.map(({ _tag }) => _tag))
      )
      assert.deepStrictEqual(tags, [
        ["Block", "Pass"],
        ["Pass", "Block"],
        ["Pass", "Pass"]
      ])
      assert.deepStrictEqual(
        yield* MessageGuard.forRoles(["user"])(dies).check(subjectOf(Message.system(""))),
        MessageGuard.Pass
      )
    })
  )

  describe("mapText", () => {
    const shout = (text: string) => text.toUpperCase()

    it("changes what people and models read, and nothing else", () => {
      const signed: Part.Part = { type: "reasoning", text: "r", meta: { vendor: { signature: "s" } } }
      const picture: Part.Part = { type: "file", mediaType: "image/png", data: { base64: "aaaa" } }
      const link: Part.Source = { type: "source", url: "https://a" }
      const json = { type: "json", value: { k: ["v", 1, null, { deep: "v" }] } } as const
      assert.deepStrictEqual(
        MessageGuard.mapText(
          Message.assistant([
            { type: "text", text: "t", meta: { vendor: { item: "t" }, axonal: { cut: true } } },
            { type: "file", mediaType: "text/plain", data: { text: "f" }, name: "n" },
            { ...link, title: "s" },
            result("1", [json, { type: "text", text: "x" }]),
            ...[signed, call("1"), picture, link]
          ]),
          shout
        ),
        Message.assistant([
          { type: "text", text: "T", meta: { axonal: { cut: true } } },
          { type: "file", mediaType: "text/plain", data: { text: "F" }, name: "N" },
          { ...link, title: "S" },
          result("1", [
            { type: "json", value: { K: ["V", 1, null, { DEEP: "V" }] } },
            { type: "text", text: "X" }
          ]),
          ...[signed, call("1"), picture, link]
        ])
      )
    })

    it.prop("a message without a change is the same", [FastCheck.json({ noUnicodeString: false })], ([json]) => {
      const message = Message.tool([
        {
          ...result("1", [
            { type: "json", value: JSON.parse(json) },
            { type: "text", text: json }
          ]),
          meta: { a: 1 }
        }
      ])
      assert.strictEqual(
        MessageGuard.mapText(message, (text) => text),
        message
      )
    })

    it("keeps a key called __proto__ a key", () => {
      const message = Message.tool([result("1", [{ type: "json", value: JSON.parse('{"__proto__":"a"}') }])])
      assert.include(JSON.stringify(MessageGuard.mapText(message, shout)), '"__PROTO__":"A"')
      assert.include(
        JSON.stringify(MessageGuard.mapText(message, (text) => `${text}${text === "a" ? "b" : ""}`)),
        '"__proto__":"ab"'
      )
    })
  })

  describe("redact", () => {
    const text = "a@b.com pays with 4111 1111 1111 1111, not with 4111 1111 1111 1112"

    it.effect("hides addresses, cards and keys in both directions", () =>
      Effect.gen(function* () {
        for (const direction of ["input", "output"] as const) {
          const verdict = yield* MessageGuard.judge(
            MessageGuard.redact(),
            subjectOf(Message.user(`${text} sk-${"a1".repeat(12)}`), direction)
          )
          assert.strictEqual(
            told(verdict),
            "[redacted email] pays with [redacted card], not with 4111 1111 1111 1112 [redacted key]"
          )
        }
      })
    )

    it.effect("hides in results of tools, numbers included, and leaves arguments of calls", () =>
      Effect.gen(function* () {
        const value = { card: 4111111111111111, amount: 12, "a@b.com": true }
        const guard = MessageGuard.redact()
        const verdict = yield* guard.check(subjectOf(Message.tool([result("1", [{ type: "json", value }])])))
        const hidden = { card: "[redacted card]", amount: 12, "[redacted email]": true }
        assert.deepStrictEqual(
          verdict,
          MessageGuard.Rewrite(Message.tool([result("1", [{ type: "json", value: hidden }])]))
        )
        assert.deepStrictEqual(yield* guard.check(subjectOf(Message.assistant([call("1")]))), MessageGuard.Pass)
      })
    )

    it.effect("takes patterns of one's own in place of these", () =>
      Effect.gen(function* () {
        const guard = MessageGuard.redact({ patterns: [MessageGuard.pattern("order", /A-\d+/), MessageGuard.emails] })
        const verdict = yield* guard.check(subjectOf(Message.user(`${text}, A-17`)))
        assert.strictEqual(told(verdict), `[redacted email]${text.slice(7)}, [redacted order]`)
        assert.deepStrictEqual(yield* guard.check(subject), MessageGuard.Pass)
      })
    )
  })
})
