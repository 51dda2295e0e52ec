import * as FileSystem from "@effect/platform/FileSystem"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Agent from "../../src/agent/Agent.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import * as Approval from "../../src/guard/Approval.ts"
import * as PathGuard from "../../src/guard/PathGuard.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { optionsOf, test, world } from "../support/pathWorld.ts"

const { call, text } = ScriptedTransport

describe("PathGuard in a run", () => {
  test(
    "AX-24 AX-26 AX-32 handlers get the paths that were judged, and folders are asked about once",
    Effect.gen(function* () {
      const files = yield* FileSystem.FileSystem
      const root = yield* world
      const ran: Array<unknown> = []
      const asked: Array<string | undefined> = []
      const save = Agent.tool(
        "save",
        {
          parameters: {
            path: PathGuard.path("write"),
            backup: Schema.optionalWith(PathGuard.path("write"), { default: () => "../outside/backup" })
          }
        },
        (input) => Effect.sync(() => `${ran.push(input)} saved`)
      )
      const agent = Agent.make("clerk", { instructions: "You file.", tools: [save] })
      const layer = Layer.mergeAll(
        ScriptedTransport.layer([
          [call("1", "save", { path: "link-in/x", backup: "new" })],
          [call("2", "save", { path: ".git/x", backup: "new" })],
          [call("3", "save", { path: "a.txt" })],
          [call("4", "save", { path: "link-out/folder/y", backup: "new", file: "/etc/passwd" })],
          [text("done")]
        ]),
        ContextStore.layerMemory,
        Layer.provide(
          PathGuard.layer({ ...optionsOf(root), tools: PathGuard.pathsOf(save.tool) }),
          Layer.succeed(Approval.Approval, {
            ask: ({ category }) => Effect.sync(() => ({ approved: asked.push(category) > 0 }))
          })
        )
      )
      const result = yield* Effect.provide(Agent.run(agent, "File it"), layer)
      assert.deepStrictEqual(asked, [`path:write:${root}/outside`])
      assert.deepStrictEqual(ran, [
        { path: `${root}/work/sub/x`, backup: `${root}/work/new` },
        { path: `${root}/work/a.txt`, backup: `${root}/outside/backup` },
        { path: `${root}/outside/folder/y`, backup: `${root}/work/new` }
      ])
      assert.strictEqual(result.text, "done")
      assert.isFalse(yield* files.exists(`${root}/work/.git/x`))
    })
  )
})
