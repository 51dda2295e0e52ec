import { assert, describe, it } from "@effect/vitest"
import { act } from "axonal/cli/sessions/command"
import * as ContextStore from "axonal/context/ContextStore"
import type { Entry } from "axonal/domain/Entry"
import { CallId, EntryId, SessionId } from "axonal/domain/Ids"
import * as Message from "axonal/domain/Message"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import { widthOf } from "../../src/cli/internal/layout.ts"
import { here, optionsOf, screenOf, talk } from "./sessionSupport.ts"

const plan = SessionId.make("plan")
const run = (args: ReadonlyArray<string>, screen = screenOf()) =>
  Effect.map(act(optionsOf(...args), here, screen), () => [screen.printed(), screen.noted()] as const)
const printed = (...args: ReadonlyArray<string>) => Effect.map(run(args), ([text]) => text)

const entry = (id: string, message: Message.Message): Entry => ({
  _tag: "Message",
  id: EntryId.make(id),
  at: 0,
  message
})
const call = CallId.make("c")

const calling: ReadonlyArray<Entry> = [
  entry("u", Message.user("read \u001b[31ma.txt")),
  entry(
    "a",
    Message.assistant([
      { type: "reasoning", text: "hidden" },
      { type: "tool-call", id: call, name: "read", input: '{"path":"a.txt"}' }
    ])
  ),
  entry(
    "r",
    Message.tool([
      { type: "tool-result", id: call, name: "read", outcome: "ok", content: [{ type: "text", text: "one\ntwo\n" }] }
    ])
  ),
  { _tag: "Decision", id: EntryId.make("d"), at: 0, call, tool: "read", approved: false, reason: "no" },
  entry("e", Message.assistant("It says one.")),
  {
    ...{ _tag: "Compaction", id: EntryId.make("k"), at: 0, through: EntryId.make("r"), reason: "demand", dropped: 3 },
    ...{ messages: [Message.user("summary")], tokensBefore: 12_000, tokensAfter: 300 }
  }
]

const stocked = Effect.flatMap(ContextStore.ContextStore, (store) => store.append(plan, calling, { owner: here }))

describe("sessions/list", () => {
  it.effect("the latest is first, with title, labels and how it begins", () =>
    Effect.gen(function* () {
      const store = yield* ContextStore.ContextStore
      yield* talk("first", ["Where is\nOslo?"])
      yield* TestClock.adjust("3 hours")
      yield* talk("session_aaaaaaaa11", ["hi"])
      yield* store.update(SessionId.make("first"), { title: "Trip", labels: ["work"] })
      yield* TestClock.adjust("5 minutes")
      assert.strictEqual(
        yield* printed("list"),
        [
          "id              changed    entries  session",
          "first           5 min ago        3  [work] Trip: Where is Oslo?",
          "session_aaaaaa  5 min ago        3  hi",
          ""
        ].join("\n")
      )
    }).pipe(Effect.provide(ContextStore.layerMemory))
  )

  it.effect("a window cuts what is too wide, and a pipe does not", () =>
    Effect.gen(function* () {
      yield* talk("wide", ["漢字".repeat(30), "x"])
      const screen = screenOf({ width: 60 })
      const [cut] = yield* run(["list"], screen)
      assert.deepStrictEqual(
        cut.split("\n").filter((line) => widthOf(line) > 60),
        []
      )
      assert.include(cut, "漢…")
      assert.include(yield* printed("list"), "漢字".repeat(30))
    }).pipe(Effect.provide(ContextStore.layerMemory))
  )

  it.effect("what is left out is said, and json leaves out nothing", () =>
    Effect.gen(function* () {
      yield* Effect.forEach(
        Array.from({ length: 60 }, (_, index) => `s${index}`),
        (id) => talk(id, ["hi"])
      )
      const [table, note] = yield* run(["list"])
      assert.lengthOf(table.trimEnd().split("\n"), 51)
      assert.strictEqual(note, "axonal: the latest 50; more with --limit 200\n")
      assert.lengthOf((yield* printed("list", "--json")).trimEnd().split("\n"), 60)
      assert.lengthOf((yield* printed("list", "--limit", "55")).trimEnd().split("\n"), 56)
      assert.lengthOf((yield* printed("search", "hi", "--json", "--limit", "7")).trimEnd().split("\n"), 7)
    }).pipe(Effect.provide(ContextStore.layerMemory))
  )

  it.effect("other folders are shown with all only, each with its own", () =>
    Effect.gen(function* () {
      yield* talk("mine", ["hi"])
      yield* talk("theirs", ["hi"], "/home/ada/other")
      const [all, search] = [yield* printed("list", "--all"), yield* printed("search", "hi")]
      assert.match(all, /\ntheirs +just now +3 {2}~\/other +hi\nmine +just now +3 {2}~\/work +hi\n$/)
      assert.notInclude(`${yield* printed("list")}${search}`, "theirs")
    }).pipe(Effect.provide(ContextStore.layerMemory))
  )

  it.effect("a search shows what it found below its session", () =>
    Effect.gen(function* () {
      yield* talk("plan", ["Fly to Oslo", "1+1"])
      assert.strictEqual(
        yield* printed("search", "OSL"),
        "plan  Fly to Oslo\n  assistant, just now: Re: Fly to Oslo\n  user, just now: Fly to Oslo\n"
      )
      const [, note] = yield* run(["search", "Bergen"])
      assert.strictEqual(note, 'axonal: no message has "Bergen"\n')
      const [colored] = yield* run(["search", "(osl"], screenOf({ color: true }))
      assert.include(colored, "to \u001b[1mOsl\u001b[22mo")
    }).pipe(Effect.provide(ContextStore.layerMemory))
  )
})

describe("sessions/show", () => {
  it.effect("texts, calls and results, without what would move the terminal", () =>
    Effect.gen(function* () {
      yield* stocked
      assert.strictEqual(
        yield* printed("show", "plan"),
        [
          "session plan",
          "in ~/work · begun just now, changed just now · 6 entries",
          "",
          "user #1",
          "read [31ma.txt",
          "",
          "assistant #2",
          '→ read(path: "a.txt")',
          "← read: one (and 1 more line)",
          "",
          "assistant #5",
          "It says one.",
          "",
          "… 3 older messages summarised: 12,000 → 300 tokens",
          "",
          ""
        ].join("\n")
      )
    }).pipe(Effect.provide(ContextStore.layerMemory))
  )

  it.effect("entries is a line each, with numbers and ids", () =>
    Effect.gen(function* () {
      yield* stocked
      const lines = (yield* printed("show", "plan", "--entries")).trimEnd().split("\n").slice(3)
      assert.deepStrictEqual(
        lines.map((line) => line.replace(/ {2}\d{4}-\d\d-\d\d \d\d:\d\d /, "").split(/ {2,}/)),
        [
          ["#1", "u", "user", "read [31ma.txt"],
          ["#2", "a", "assistant", '→ read(path: "a.txt")'],
          ["#3", "r", "tool", "← read: one (and 1 more line)"],
          ["#4", "d", "decision", "read denied no"],
          ["#5", "e", "assistant", "It says one."],
          ["#6", "k", "compaction", "3 older messages summarised: 12,000 → 300 tokens"]
        ].map(([number, id, ...rest]) => [`${number} ${id}`, ...rest])
      )
    }).pipe(Effect.provide(ContextStore.layerMemory))
  )

  it.effect("json is the messages, or the entries, with their numbers", () =>
    Effect.gen(function* () {
      yield* stocked
      const read = (text: string): ReadonlyArray<unknown> =>
        text
          .trimEnd()
          .split("\n")
          .map((line) => JSON.parse(line))
      const all = calling.map((entry, index) => ({ number: index + 1, ...entry }))
      assert.deepStrictEqual(read(yield* printed("show", "plan", "--entries", "--json")), all)
      assert.deepStrictEqual(
        read(yield* printed("show", "plan", "--json")),
        all.filter(({ _tag }) => _tag === "Message")
      )
    }).pipe(Effect.provide(ContextStore.layerMemory))
  )

  it.effect("the tree shows where sessions branch, and hides what was left bare", () =>
    Effect.gen(function* () {
      const store = yield* ContextStore.ContextStore
      yield* talk("plan", ["one", "two"])
      yield* store.rewind(plan, EntryId.make("plan-0/1/usage"))
      yield* store.rewind(plan, EntryId.make("plan-0/1/answer"))
      const fork = yield* store.fork(plan)
      yield* talk(fork, ["three"])
      const short = fork.slice(0, 14)
      assert.deepStrictEqual(
        (yield* printed("tree", fork))
          .trimEnd()
          .split("\n")
          .map((line) => line.split(/ {2,}/).filter((cell) => cell !== "")),
        [
          ["b1", "plan (left)", "6 entries", "just now", "one"],
          ["└ b3", "plan", "1 entry", "just now"],
          ["└ b4", short, "4 entries", "just now", "three"]
        ]
      )
    }).pipe(Effect.provide(ContextStore.layerMemory))
  )
})
