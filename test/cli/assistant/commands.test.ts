import { existsSync, readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as Commands from "axonal/cli/assistant/commands/commands"
import { toMarkdown } from "axonal/cli/assistant/commands/out"
import { EntryId, SessionId } from "axonal/domain/Ids"
import * as Message from "axonal/domain/Message"
import * as ScriptedTransport from "axonal/testing/ScriptedTransport"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { talk, textsOf } from "../sessionSupport.ts"
import { open, plan } from "./commandsSupport.ts"

const requests = Array.from({ length: 6 }, (_, index) => `${index}: ${"many words ".repeat(20)}`)

describe("commands about sessions", () => {
  it.scoped("compact summarises, says what that did, and can be undone", () =>
    Effect.gen(function* () {
      const script = [[ScriptedTransport.text("They counted."), ScriptedTransport.usage({ input: 90, output: 5 })]]
      const { folder, problem, type, within } = yield* open({ script })
      yield* within(talk("plan", requests, folder))
      const before = yield* within(textsOf("plan"))
      assert.match(
        yield* type("/compact"),
        /^6 messages summarised: [\d,]+ → [\d,]+ tokens \(summary tokens: 90 in, 5 out\)$/
      )
      const [first = "", ...rest] = yield* within(textsOf("plan"))
      assert.include(first, "They counted.")
      assert.lengthOf(rest, 5)
      const undone = "the summary is taken back; the conversation goes on with what it stood for"
      assert.strictEqual(yield* type("/compact undo"), undone)
      assert.deepStrictEqual(yield* within(textsOf("plan")), before)
      assert.strictEqual(yield* problem("/compact undo"), "there is no summary to take back.")
      assert.strictEqual(yield* problem("/compact und"), '/compact stands alone, or takes undo, not "und".')
    })
  )

  it.scoped("AX-36 compact leaves the conversation alone when there is no use or it fails", () =>
    Effect.gen(function* () {
      const { conversation, folder, type, within } = yield* open({
        script: [[ScriptedTransport.error("InvalidRequest")]]
      })
      yield* within(talk("plan", ["one"], folder))
      assert.strictEqual(yield* type("/compact"), "nothing to compact: there is nothing but what is recent")
      yield* within(talk("long", requests, folder))
      yield* conversation.switchTo(SessionId.make("long"))
      const before = yield* within(textsOf("long"))
      assert.match(yield* type("/compact"), /^that did not work, and the conversation is as it was: /)
      assert.deepStrictEqual(yield* within(textsOf("long")), before)
    })
  )

  it.scoped("compact is refused where no model can summarise", () =>
    Effect.gen(function* () {
      const { folder, problem, within } = yield* open({ summarises: false })
      yield* within(talk("plan", requests, folder))
      assert.strictEqual(
        yield* problem("/compact"),
        "there is no model here that could summarise. Connect one (axonal --help says how), then /compact."
      )
    })
  )

  it.scoped("a stop gives a compaction up", () =>
    Effect.gen(function* () {
      const [asked, stop] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const script = [[ScriptedTransport.gate(Effect.zipRight(Deferred.succeed(asked, undefined), Effect.never))]]
      const { folder, openConnections, type, within } = yield* open({ script, stop: Deferred.await(stop) })
      yield* within(talk("plan", requests, folder))
      const before = yield* within(textsOf("plan"))
      const fiber = yield* Effect.fork(type("/compact"))
      yield* Deferred.await(asked)
      yield* Deferred.succeed(stop, undefined)
      assert.strictEqual(yield* Fiber.join(fiber), "stopped; the conversation is as it was")
      assert.deepStrictEqual(yield* within(textsOf("plan")), before)
      assert.strictEqual(yield* openConnections, 0)
    })
  )

  it.scoped("rewind goes back, offers the words again, and undo takes it back", () =>
    Effect.gen(function* () {
      const { folder, news, problem, screen, type, within } = yield* open()
      yield* within(talk("plan", ["one", "two", "three"], folder))
      assert.strictEqual(yield* type("/rewind 2"), "(two)")
      assert.strictEqual(
        screen.noted(),
        "back by 2 requests. Left “two”, 1 other request and what followed: 4 messages. /rewind undo takes it back.\n"
      )
      assert.deepStrictEqual(yield* within(textsOf("plan")), ["one", "Re: one"])
      assert.deepStrictEqual(news, [{ _tag: "Switched", session: plan }])
      assert.strictEqual(yield* type("/rewind undo"), "the rewind is taken back")
      assert.lengthOf(yield* within(textsOf("plan")), 6)
      assert.strictEqual(yield* problem("/rewind undo"), "there is no rewind to take back.")
      assert.strictEqual(yield* problem("/rewind 0"), '/rewind takes a number from 1 on, or undo, not "0".')
    })
  )

  it.scoped("AX-34 fork goes on in the copy, and session goes back", () =>
    Effect.gen(function* () {
      const { conversation, folder, screen, stop, type, within } = yield* open()
      yield* within(talk("plan", ["one", "two"], folder))
      const said = yield* type("/fork 2")
      const copy = conversation.session()
      assert.strictEqual(said, `session ${copy}, a fork of plan; /session plan goes back`)
      assert.deepStrictEqual(yield* within(textsOf(copy)), ["one", "Re: one"])
      assert.strictEqual(yield* type("/session pl"), "session plan: one, 6 entries")
      assert.strictEqual(conversation.session(), plan)
      const sessions = yield* Commands.act("/sessions", { conversation, screen, stop })
      if (sessions._tag !== "Choose") return assert.fail("nothing to choose")
      assert.strictEqual(sessions.command, "session")
      assert.sameMembers(
        sessions.items.map(({ isCurrent, value }) => `${value} ${isCurrent}`),
        ["plan true", `${copy} false`]
      )
    })
  )

  it.scoped("a session without a word has nothing to name, fork, rewind, compact, export or copy", () =>
    Effect.gen(function* () {
      const { problem, type } = yield* open()
      for (const line of ["/rename x", "/fork", "/rewind", "/compact", "/export"]) {
        assert.strictEqual(yield* problem(line), "nothing was said in this session yet.")
      }
      assert.strictEqual(yield* problem("/copy"), "there is no answer to copy yet.")
      assert.strictEqual(yield* type("/session"), "session plan, nothing said yet")
      assert.strictEqual(yield* type("/sessions"), "there is no session in this folder yet")
      assert.strictEqual(yield* type("/cost"), "nothing was spent in this session yet")
    })
  )

  it.scoped("clear and new begin a session; the one before stays", () =>
    Effect.gen(function* () {
      const { conversation, folder, type, within } = yield* open()
      yield* within(talk("plan", ["one"], folder))
      assert.strictEqual(yield* type("/clear"), "Cleared")
      const second = conversation.session()
      assert.notStrictEqual(second, plan)
      assert.match(yield* type("/new"), /^session \w+$/)
      assert.notInclude([plan, second], conversation.session())
      assert.lengthOf(yield* within(textsOf("plan")), 2)
    })
  )

  it.scoped("export writes Markdown or lines, and overwrites nothing", () =>
    Effect.gen(function* () {
      const { folder, problem, type, within } = yield* open()
      yield* within(talk("plan", ["one"], folder))
      assert.strictEqual(yield* type("/export"), "session plan is in axonal-plan.md")
      assert.match(
        readFileSync(`${folder}/axonal-plan.md`, "utf8"),
        /^# one\n\n## You · .*\n\none\n\n## Assistant · .*\n\nRe: one\n$/
      )
      assert.strictEqual(yield* type("/export plan.jsonl"), "session plan is in plan.jsonl")
      assert.match(readFileSync(`${folder}/plan.jsonl`, "utf8"), /^\{"format":"axonal-session"/)
      assert.match(yield* problem("/export plan.jsonl"), /is there already/)
      assert.match(yield* problem("/export"), /is there already/)
      assert.match(yield* problem("/export no/such/folder.md"), /cannot be written \(ENOENT\)/)
      assert.strictEqual(yield* type("/copy"), "Copy")
      assert.strictEqual(yield* type("/copy answer.txt"), "the last answer is in answer.txt")
      assert.strictEqual(readFileSync(`${folder}/answer.txt`, "utf8"), "Re: one\n")
      assert.isFalse(existsSync(`${folder}/no`))
    })
  )

  it("fences of exports are longer than any in the text, and control characters stay out", () => {
    const message = Message.assistant([
      { type: "text", text: "a\u001b[31mb" },
      { type: "tool-call", id: "c", name: "x<y", input: "````\n" }
    ])
    const markdown = toMarkdown("t", [{ _tag: "Message", id: EntryId.make("m"), at: 0, message }])
    assert.include(markdown, "a[31mb")
    assert.include(markdown, "<summary>x&lt;y ````</summary>\n\n`````\n````\n\n`````\n")
  })
})
