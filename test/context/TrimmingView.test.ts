import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Layer from "effect/Layer"
import * as Repair from "../../src/context/Repair.ts"
import * as TokenCounter from "../../src/context/TokenCounter.ts"
import * as Trimming from "../../src/context/Trimming.ts"
import type { Message } from "../../src/domain/Message.ts"
import * as Messages from "../../src/domain/Message.ts"
import * as Part from "../../src/domain/Part.ts"
import { conversations } from "../support/histories.ts"
import { asks, call, long, result, talk, tells } from "../support/logs.ts"

/** What a view shows of a window, and of a message. */
const view = (options: Trimming.ViewOptions) =>
  Effect.provide(
    Effect.map(Trimming.View, (found) => found),
    Trimming.layerView(options)
  )

const simple = (maxMessageTokens: number) => view({ maxMessageTokens, count: "characters" })
const mark = (left: number, length: number): string => `\n[Message cut: ${left} of ${length} characters left out]\n`
const [question, answer] = [Messages.user("question"), Messages.assistant("answer")]

/** A run that looks so many things up. */
const run = (name: string, lookups = 1): ReadonlyArray<Message> => [
  Messages.user(`question ${name}`),
  ...Array.from({ length: lookups }, (_, index) => [
    Messages.assistant([
      { type: "reasoning", text: "Let me see.", meta: { vendor: { signature: "sig" } } },
      call(`${name}${index}`)
    ]),
    tells(`${name}${index}`)
  ]).flat(),
  Messages.assistant(`answer ${name}`)
]
const words = (name: string): ReadonlyArray<Message> => [
  Messages.user(`question ${name}`),
  Messages.assistant(`answer ${name}`)
]

describe("Trimming", () => {
  describe("View", () => {
    it.effect("everything is shown as it is unless provided", () =>
      Effect.gen(function* () {
        const { message, window } = yield* Trimming.View
        const messages = run("a")
        assert.strictEqual(yield* window(messages), messages)
        assert.strictEqual(yield* message(question), question)
      })
    )

    it.effect("a view without options shows everything as it is", () =>
      Effect.gen(function* () {
        const { message, window } = yield* view({})
        const messages = run("a")
        assert.strictEqual(yield* window(messages), messages)
        assert.strictEqual(yield* message(question), question)
      })
    )

    it.effect("options out of range are refused", () =>
      Effect.gen(function* () {
        const wrong: ReadonlyArray<Trimming.ViewOptions> = [
          ...[0, -1, Number.NaN].map((maxMessageTokens) => ({ maxMessageTokens })),
          { toolCalls: { keepRuns: -1 } }
        ]
        for (const options of wrong) {
          const defect = yield* Effect.catchAllDefect(view(options), Effect.succeed)
          assert.instanceOf(defect, RangeError)
        }
      })
    )
  })

  describe("a maximum for each message", () => {
    it.effect("AA-14 a long message keeps head and tail, by four characters a token", () =>
      Effect.gen(function* () {
        const { message } = yield* simple(100)
        const text = `${"a".repeat(400)}${"b".repeat(400)}${"c".repeat(400)}`
        assert.deepStrictEqual(
          yield* message(Messages.user(text)),
          Messages.user(`${"a".repeat(240)}${mark(800, 1200)}${"c".repeat(160)}`)
        )
        assert.deepStrictEqual(yield* message(Messages.user(text.slice(0, 400))), Messages.user(text.slice(0, 400)))
      })
    )

    it.effect("AA-14 the counter in use is asked for exact numbers", () =>
      Effect.gen(function* () {
        // A token is a word, a message costs one more.
        const counter: TokenCounter.Service = {
          count: ({ messages }) =>
            Effect.sync(() =>
              messages.reduce((sum, one) => sum + 1 + (Messages.toText(one).match(/\w+/g)?.length ?? 0), 0)
            )
        }
        const { message } = yield* Effect.provide(
          view({ maxMessageTokens: 10 }),
          Layer.succeed(TokenCounter.TokenCounter, counter)
        )
        const whole = (name: string) => `${name} `.repeat(300)
        const cut = Messages.toText(yield* message(Messages.user(`${whole("a")}${whole("incomprehensibilities")}`)))
        const [head = "", tail = ""] = cut.split(/\n\[Message cut: \d+ of 7200 characters left out\]\n/)
        const count = [head, tail].map((text) => text.match(/\w+/g)?.length ?? 0)
        assert.isAtMost(Math.max(0, ...count), 10)
        assert.isAbove((count[0] ?? 0) + (count[1] ?? 0), 3)
        const short = Messages.user("incomprehensibilities ".repeat(10))
        assert.strictEqual(yield* message(short), short)
      })
    )

    it.effect("AA-14 the estimate is asked when there is no other counter", () =>
      Effect.gen(function* () {
        const { message } = yield* view({ maxMessageTokens: 100 })
        const text = Messages.toText(yield* message(Messages.user("文".repeat(1000))))
        const kept = text.replace(/\n.*\n/, "")
        assert.isBelow(kept.length, 200)
        assert.isAtMost(TokenCounter.estimate({ messages: [Messages.user(kept)] }), 110)
      })
    )

    it.effect("the longest texts of a message are cut first", () =>
      Effect.gen(function* () {
        const { message } = yield* simple(100)
        const short = Part.text("What is this?")
        const shown = yield* message(Messages.user([Part.text("x".repeat(4000)), Part.text("y".repeat(4000)), short]))
        const lengths = shown.parts.map((part) => (part.type === "text" ? part.text.replace(/\n.*\n/, "").length : 0))
        assert.deepStrictEqual([shown.parts[2], lengths], [short, [192, 192, 13]])
      })
    )

    it.effect("results are cut: texts, JSON and files of text", () =>
      Effect.gen(function* () {
        const { message } = yield* simple(300)
        const value = { n: "x".repeat(2000) }
        const file = Part.file("text/plain", { text: "y".repeat(2000) }, "a.txt")
        const picture = Part.file("image/png", { base64: "A".repeat(9000) })
        const shown = yield* message(
          Messages.tool([
            { ...result("a", "z".repeat(2000)), content: [{ type: "json", value }, picture] },
            { ...result("b"), content: [file] }
          ])
        )
        const json = JSON.stringify(value)
        assert.deepStrictEqual(
          shown,
          Messages.tool([
            {
              ...result("a"),
              content: [Part.text(`${json.slice(0, 360)}${mark(1408, 2008)}${json.slice(-240)}`), picture]
            },
            {
              ...result("b"),
              content: [{ ...file, data: { text: `${"y".repeat(360)}${mark(1400, 2000)}${"y".repeat(240)}` } }]
            }
          ])
        )
      })
    )

    it.effect("calls, reasoning, signed text and the system's words are left whole", () =>
      Effect.gen(function* () {
        const { message } = yield* simple(10)
        const text = "x".repeat(4000)
        const whole: ReadonlyArray<Message> = [
          Messages.system(text),
          Messages.assistant([
            { type: "reasoning", text },
            { type: "text", text, meta: { vendor: { signature: "sig" } } },
            call("a", JSON.stringify({ text }))
          ])
        ]
        for (const one of whole) assert.strictEqual(yield* message(one), one)
      })
    )

    it.effect("TURN-2 a message is shown the same every time, in a window or alone", () =>
      Effect.gen(function* () {
        const { message, window } = yield* simple(10)
        const messages = [Messages.user("a".repeat(900)), answer, Messages.user("b".repeat(900))]
        const alone = yield* Effect.forEach(messages, message)
        const shown = yield* window(messages)
        assert.isTrue(shown.every((one, index) => one === alone[index]))
        assert.strictEqual(alone[1], answer)
        // What is cut already is not cut again.
        assert.strictEqual(yield* window(shown), shown)
      })
    )

    it.effect("a window of short messages stays the very same", () =>
      Effect.gen(function* () {
        const { window } = yield* simple(1000)
        const messages = run("a")
        assert.strictEqual(yield* window(messages), messages)
      })
    )

    const texts = FastCheck.array(FastCheck.constantFrom("a", "word ", "文", "🙂", "\n"), {
      minLength: 1,
      maxLength: 400
    })

    it.effect.prop(
      "AA-14 what is left is within the maximum and well formed",
      [
        FastCheck.array(texts, { minLength: 1, maxLength: 4 }),
        FastCheck.integer({ min: 1, max: 200 }),
        FastCheck.boolean()
      ],
      ([all, max, isSimple]) =>
        Effect.gen(function* () {
          const { message } = yield* view({ maxMessageTokens: max, count: isSimple ? "characters" : "counter" })
          const shown = yield* message(Messages.user(all.map((one) => Part.text(one.join("")))))
          const tokens = (text: string) =>
            isSimple
              ? Math.ceil(text.length / 4)
              : TokenCounter.estimate({ messages: [Messages.user(text)] }) -
                TokenCounter.estimate({ messages: [Messages.user("")] })
          let sum = 0
          for (const part of shown.parts) {
            if (part.type !== "text") continue
            assert.notMatch(part.text, /\p{Surrogate}/u)
            for (const end of part.text.split(/\n\[Message cut: .*\]\n/)) sum += tokens(end)
          }
          // A mark comes on top, and where it would be longer than what it stands for, so does that.
          assert.isAtMost(sum, max + shown.parts.length * 20)
        })
    )
  })

  describe("calls of old runs", () => {
    const shown = (keepRuns: number, messages: ReadonlyArray<Message>) =>
      Effect.flatMap(view({ toolCalls: { keepRuns } }), ({ window }) => window(messages))

    it.effect("AA-17 calls, results and their reasoning are left out of runs that ended", () =>
      Effect.gen(function* () {
        const messages = [...run("a", 2), ...run("b")]
        assert.deepStrictEqual(yield* shown(0, messages), [...words("a"), ...words("b")])
        assert.deepStrictEqual(yield* shown(1, messages), [...words("a"), ...run("b")])
        assert.strictEqual(yield* shown(2, messages), messages)
        assert.strictEqual(yield* shown(9, messages), messages)
      })
    )

    it.effect("the run that has not ended keeps its calls", () =>
      Effect.gen(function* () {
        const open = [...run("b", 2).slice(0, -1)]
        for (const current of [open, [...open, Messages.user("be quick")], open.slice(0, 1)]) {
          assert.deepStrictEqual(yield* shown(0, [...run("a"), ...current]), [...words("a"), ...current])
        }
      })
    )

    it.effect("what was said beside a call stays, without its vendor's data", () =>
      Effect.gen(function* () {
        const said = { type: "text", text: "I look.", meta: { vendor: { id: "item" } } } as const
        const messages = [question, Messages.assistant([said, call("a")]), tells("a"), answer]
        assert.deepStrictEqual(yield* shown(0, messages), [
          question,
          Messages.assistant([Part.text("I look."), ...answer.parts])
        ])
      })
    )

    it.effect("a run without calls stays the very same, signatures included", () =>
      Effect.gen(function* () {
        const signed = Messages.assistant([
          { type: "reasoning", text: "Hm.", meta: { vendor: { signature: "sig" } } },
          ...answer.parts
        ])
        const messages = [question, signed, ...words("b")]
        assert.strictEqual(yield* shown(0, messages), messages)
        const left = yield* shown(0, [...run("a"), ...messages])
        assert.strictEqual(left[3], signed)
      })
    )

    it.effect("calls that the vendor ran go, too", () =>
      Effect.gen(function* () {
        const searched = Messages.assistant([
          { ...call("s"), transportExecuted: true },
          { ...result("s"), transportExecuted: true },
          ...answer.parts
        ])
        assert.deepStrictEqual(yield* shown(0, [question, searched]), [question, answer])
      })
    )

    it.effect("messages that join later are shown whole", () =>
      Effect.gen(function* () {
        const { message } = yield* view({ toolCalls: { keepRuns: 0 } })
        const joined = asks("a")
        assert.strictEqual(yield* message(joined), joined)
      })
    )

    it.effect("both together leave out and cut", () =>
      Effect.gen(function* () {
        const { window } = yield* view({ toolCalls: { keepRuns: 0 }, maxMessageTokens: 20, count: "characters" })
        const left = yield* window([...run("a"), ...talk(1), Messages.user(long("last"))])
        assert.deepStrictEqual(left.slice(0, 2), words("a"))
        assert.isTrue(left.slice(2).every((message) => Messages.toText(message).includes("[Message cut: ")))
      })
    )

    it.effect.prop(
      "HIST-2 AA-17 what is shown of any conversation is sound",
      [conversations([]), FastCheck.nat(4), FastCheck.option(FastCheck.integer({ min: 1, max: 20 }))],
      ([conversation, keepRuns, max]) =>
        Effect.gen(function* () {
          const messages = Repair.repair(conversation)
          const { window } = yield* view({ toolCalls: { keepRuns }, maxMessageTokens: max ?? undefined })
          const left = yield* window(messages)
          assert.strictEqual(Repair.repair(left), left)
          const calls = (type: string) =>
            left.flatMap(({ parts }) => parts.flatMap((part) => (part.type === type && "id" in part ? [part.id] : [])))
          // As many as there were behind the first that is left.
          assert.sameMembers(
            calls("tool-result").filter((id) => id !== "srv"),
            calls("tool-call").filter((id) => id !== "srv")
          )
          assert.strictEqual(yield* window(left), left)
        })
    )
  })
})
