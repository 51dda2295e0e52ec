import { assert, describe, it } from "@effect/vitest"
import type { News } from "axonal/cli/assistant/conversation"
import * as Mentions from "axonal/cli/assistant/mentions"
import * as Shell from "axonal/cli/assistant/shell"
import { ContextStore } from "axonal/context/ContextStore"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { open, plan } from "./commandsSupport.ts"

const outputOf = (news: ReadonlyArray<News>) =>
  news.flatMap((one) => (one._tag === "ShellDelta" ? [one.text] : [])).join("")
const endOf = (news: ReadonlyArray<News>) => news.find((one) => one._tag === "ShellEnd")

describe("shell", () => {
  it.scopedLive("output is news, and goes to the model with the next words", () =>
    Effect.gen(function* () {
      const { conversation, news, within } = yield* open()
      yield* Shell.run("echo out; echo err >&2; exit 3", conversation)
      assert.strictEqual(news[0]?._tag, "ShellStart")
      assert.sameMembers(outputOf(news).trim().split("\n"), ["out", "err"])
      assert.match(JSON.stringify(endOf(news)), /"outcome":"exit code 3, 0 s","isOk":false/)
      yield* conversation.say("1+1")
      yield* conversation.settled
      yield* conversation.say("2+2")
      yield* conversation.settled
      const { messages } = yield* Effect.flatMap(within(ContextStore), (store) => store.read(plan))
      const texts = messages.filter(({ role }) => role === "user").map(({ parts }) => parts)
      const [second, first] = texts[0]?.map((part) => (part.type === "text" ? part.text : "")) ?? []
      const read = Shell.fromText(first ?? "")
      assert.strictEqual(read?.command, "echo out; echo err >&2; exit 3")
      assert.include(read?.output, "[exit code 3, 0 s]")
      assert.deepStrictEqual([second, texts[1]?.length], ["1+1", 1])
      assert.deepStrictEqual(
        news.flatMap((one) => (one._tag === "Said" ? [one.input] : [])),
        ["1+1", "2+2"]
      )
    })
  )

  it.scopedLive("who stops a command has ended it", () =>
    Effect.gen(function* () {
      const { conversation, news } = yield* open()
      const shown = yield* Deferred.make<void>()
      conversation.listen((one) => one._tag === "ShellDelta" && Deferred.unsafeDone(shown, Effect.void))
      const fiber = yield* Effect.fork(Shell.run("echo begun; exec sleep 60", conversation))
      yield* Deferred.await(shown)
      yield* Fiber.interrupt(fiber)
      assert.deepInclude(endOf(news), { outcome: "stopped", isOk: false })
      assert.include(outputOf(news), "begun")
    })
  )

  it.scopedLive("of much output a bounded part is shown and told", () =>
    Effect.gen(function* () {
      const { conversation, news, within } = yield* open()
      yield* Shell.run("head -c 1500000 /dev/zero | tr '\\0' 'x'", conversation)
      assert.isBelow(outputOf(news).length, 1_000_100)
      assert.match(outputOf(news).slice(-30), /\[more is not shown\]\n$/)
      yield* conversation.say("1+1")
      yield* conversation.settled
      const { messages } = yield* Effect.flatMap(within(ContextStore), (store) => store.read(plan))
      assert.isBelow(JSON.stringify(messages).length, 18_000)
    })
  )

  it("a text that only looks alike is none", () => {
    assert.isUndefined(Shell.fromText("<person-ran-a-command>\nls"))
    assert.isUndefined(Shell.fromText(`x${Shell.toText("ls", "a\n", "exit code 0")}`))
    const read = Shell.fromText(Shell.toText("ls", "a\nb", "exit code 0"))
    assert.deepStrictEqual(read, { command: "ls", output: "a\nb\n[exit code 0]" })
  })
})

const png = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0])

describe("mentions", () => {
  it("paths end where sentences do", () => {
    assert.deepStrictEqual(Mentions.pathsOf('see @a.ts, @src/b.ts; and @"two words.png". mail me@home or @a.ts!'), [
      ...["a.ts", "src/b.ts", "two words.png"]
    ])
    assert.deepStrictEqual(Mentions.pathsOf("@ and @, nothing"), [])
  })

  it.scopedLive("pictures go along; texts, folders and names of nothing stay words", () =>
    Effect.gen(function* () {
      const files = { "shot.png": png, "a.txt": "text", "bm.txt": "BM is a text", "a.pdf": "%PDF-1.4 x" }
      const { conversation } = yield* open({ files })
      const text = "look at @shot.png @a.txt @bm.txt @missing @. @a.pdf"
      const { input, notes } = yield* Mentions.resolve(text, conversation)
      assert.deepStrictEqual(notes, [])
      assert.deepStrictEqual(
        (Array.isArray(input) ? input : []).map((part) =>
          "type" in part && part.type === "file" ? part.name : "text"
        ),
        ["text", "shot.png", "a.pdf"]
      )
      assert.deepStrictEqual(yield* Mentions.resolve("read @a.txt, ask @ada", conversation), {
        input: "read a.txt, ask @ada",
        notes: []
      })
    })
  )

  it.scopedLive("a model that sees nothing is not shown anything, and that is said", () =>
    Effect.gen(function* () {
      const { conversation } = yield* open({ files: { "shot.png": png }, capabilities: ["tools"] })
      assert.deepStrictEqual(yield* Mentions.resolve("look at @shot.png", conversation), {
        input: "look at shot.png",
        notes: ["scripted takes no pictures: shot.png is only named"]
      })
    })
  )
})
