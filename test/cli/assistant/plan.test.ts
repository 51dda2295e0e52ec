import { existsSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Agent from "../../../src/agent/Agent.ts"
import * as Subagent from "../../../src/agent/Subagent.ts"
import * as Notes from "../../../src/cli/assistant/notes.ts"
import * as ScriptedTransport from "../../../src/testing/ScriptedTransport.ts"
import { call, text } from "../../../src/testing/ScriptedTransport.ts"
import * as Toolbox from "../../../src/toolbox/Toolbox.ts"
import type { Request } from "../../../src/transport/Transport.ts"
import { sentResults, world } from "../../support/runs.ts"
import { assisted, folderOf } from "./permissionsSupport.ts"

const presents = (id: string) => call(id, "present_plan", { plan: "1. write a" })
const writes = (id: string, path: string) => call(id, "write_file", { path, content: "a" })

/** The notes in the last words of a request. */
const notesIn = (request: Request | undefined): ReadonlyArray<string> =>
  (request?.messages.findLast(({ role }) => role === "user")?.parts ?? []).flatMap((part) =>
    part.type === "text" ? (Notes.fromText(part.text) ?? []) : []
  )

describe("plan mode", () => {
  it.scoped("nothing is changed until a plan is agreed to, and then there are questions as usual", () =>
    Effect.gen(function* () {
      const folder = folderOf()
      const { asked, knobs, say } = yield* assisted({ folder, permission: "plan" })
      yield* say("make a")
      const requests = yield* ScriptedTransport.requests
      assert.deepStrictEqual(
        requests.slice(1).map((request) => sentResults(request)[0]?.replace(/:.*/s, "")),
        ["denied", "ok", "ok"]
      )
      assert.deepStrictEqual(
        asked.map(([tool, , category]) => [tool, category]),
        [
          ["present_plan", "plan"],
          ["write_file", "edit"]
        ]
      )
      assert.deepStrictEqual([knobs.get().permission, existsSync(join(folder, "a"))], ["ask", true])
      assert.match(notesIn(requests[0])[0] ?? "", /^Plan mode is on.*present_plan/s)
      // What requests begin with stays as it is.
      assert.deepStrictEqual(requests[3]?.messages.slice(0, 1), requests[0]?.messages)
      assert.deepStrictEqual(requests[3]?.tools, requests[0]?.tools)
    }).pipe(Effect.provide(world([[writes("1", "a")], [presents("2")], [writes("3", "a")], [text("done")]])))
  )

  it.scoped("a refused plan is planned on, and the note of the mode is told once, and that it is over", () =>
    Effect.gen(function* () {
      const { knobs, say } = yield* assisted({
        folder: folderOf(),
        permission: "plan",
        answer: () => ({ approved: false, reason: "shorter" })
      })
      yield* say("one")
      yield* say("two")
      knobs.change({ permission: "ask" })
      yield* say("three")
      const requests = yield* ScriptedTransport.requests
      assert.match(sentResults(requests[1])[0] ?? "", /^denied: Not approved: shorter/)
      assert.deepStrictEqual(
        [requests[0], requests[2], requests[3]].map((request) => notesIn(request).map((note) => note.slice(0, 16))),
        [["Plan mode is on:"], [], ["Plan mode is off"]]
      )
    }).pipe(Effect.provide(world([[presents("1")], [text("hm")], [text("hm")], [text("done")]])))
  )

  it.scoped("an always for a plan is one for edits, and no answer is one for the next plan", () =>
    Effect.gen(function* () {
      const { asked, knobs, say } = yield* assisted({
        folder: folderOf(),
        permission: "plan",
        answer: ({ call }) => ({ approved: true, remember: call.tool.name === "shell" ? "session" : "category" })
      })
      yield* say("one")
      knobs.change({ permission: "plan" })
      yield* say("two")
      assert.deepStrictEqual(
        asked.map(([tool]) => tool),
        ["present_plan", "shell", "present_plan"]
      )
    }).pipe(
      Effect.provide(
        world([
          [presents("1")],
          [writes("2", "a")],
          [call("3", "shell", { command: "exit" })],
          [text("done")],
          [presents("4")],
          [text("done")]
        ])
      )
    )
  )

  it.scoped("where nobody can agree the plan is the answer", () =>
    Effect.gen(function* () {
      const { say } = yield* assisted({ folder: folderOf(), permission: "plan", isThere: false })
      yield* say("one")
      const [request] = yield* ScriptedTransport.requests
      assert.match(notesIn(request)[0] ?? "", /answer with your plan/)
      assert.isFalse(request?.tools.some(({ name }) => name === "present_plan"))
    }).pipe(Effect.provide(world([[text("1. look")]])))
  )

  it.scoped("what is allowed for good holds for the agents below", () =>
    Effect.gen(function* () {
      const folder = folderOf()
      const below = Subagent.tool(Agent.make("below", { tools: Toolbox.make({ only: ["write_file"] }) }), {
        description: "writes"
      })
      const { asked, say } = yield* assisted({
        folder,
        tools: [below],
        answer: () => ({ approved: true, remember: "category" })
      })
      yield* say("go")
      assert.deepStrictEqual([asked.length, existsSync(join(folder, "b"))], [1, true])
    }).pipe(
      Effect.provide(
        world([
          [writes("1", "a")],
          [call("2", "below", { task: "write b" })],
          [writes("3", "b")],
          [text("written")],
          [text("done")]
        ])
      )
    )
  )
})
