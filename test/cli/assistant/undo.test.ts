import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Undo from "../../../src/cli/assistant/undo/undo.ts"
import { RunId } from "../../../src/domain/Ids.ts"
import * as Message from "../../../src/domain/Message.ts"
import * as Sandbox from "../../../src/sandbox/Sandbox.ts"
import * as ScriptedTransport from "../../../src/testing/ScriptedTransport.ts"
import { call, text } from "../../../src/testing/ScriptedTransport.ts"
import * as ToolContext from "../../../src/tool/ToolContext.ts"
import { sentResults, world } from "../../support/runs.ts"
import { assisted, folderOf, session } from "./permissionsSupport.ts"

const edit = (path: string, old: string, next: string) =>
  call(`e${path}`, "edit_file", { path, edits: [{ old, new: next }] })
const write = (path: string, content: string) => call(`w${path}`, "write_file", { path, content })

/** As a call of a tool does it. */
const inCall =
  (tool = "write_file") =>
  <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.provideService(effect, ToolContext.ToolContext, {
      ...ToolContext.outside,
      ...{ run: RunId.make("r"), session, tool }
    })

const bytesOf = (words: string) => new TextEncoder().encode(words)

const memory = (files: Readonly<Record<string, string>>, exec?: Sandbox.MemoryOptions["exec"]) =>
  Effect.provide(Sandbox.Sandbox, Sandbox.layerMemory({ files, exec }))

/** All that is in a folder, by path. */
const all = (sandbox: Sandbox.Service, folder = sandbox.folder): Effect.Effect<ReadonlyArray<string>> =>
  Effect.flatMap(sandbox.list(folder), (found) =>
    Effect.map(
      Effect.forEach(found, ({ kind, path }) =>
        kind === "folder"
          ? all(sandbox, `${folder}/${path}`)
          : Effect.map(sandbox.read(`${folder}/${path}`), ({ bytes }) => [
              `${folder}/${path} ${new TextDecoder().decode(bytes)}`
            ])
      ),
      (parts) => parts.flat()
    )
  ).pipe(Effect.orDie)

describe("undo", () => {
  it.scoped("edits of a request are taken back, and the model is told and does not overwrite blindly", () =>
    Effect.gen(function* () {
      const folder = folderOf({ "a.txt": "one\n" })
      const { say, undo } = yield* assisted({ folder })
      yield* say("change it")
      assert.deepStrictEqual(yield* undo.changed(session), ["a.txt", "new/b.txt"])
      assert.deepStrictEqual(yield* undo.undo(session), {
        files: [
          { path: "a.txt", what: "restored" },
          { path: "new/b.txt", what: "removed" }
        ],
        commands: []
      })
      assert.deepStrictEqual([readFileSync(join(folder, "a.txt"), "utf8"), readdirSync(folder)], ["one\n", ["a.txt"]])
      yield* say("again")
      const requests = yield* ScriptedTransport.requests
      const words = requests[2]?.messages.findLast(({ role }) => role === "user")
      assert.include(
        words === undefined ? "" : Message.toText(words),
        "took back the changes of an earlier request: a.txt (written back), new/b.txt (removed). Read files again"
      )
      assert.match(sentResults(requests[3])[0] ?? "", /^failed: a\.txt has changed since you read it/)
    }).pipe(
      Effect.provide(
        world([
          [edit("a.txt", "one", "two"), write("new/b.txt", "b")],
          [text("done")],
          [write("a.txt", "three\n")],
          [text("done")]
        ])
      )
    )
  )

  it.scoped("requests are taken back one after another, by another process as well, and made again", () =>
    Effect.gen(function* () {
      const sandbox = yield* memory({ "a.txt": "0" })
      const folder = folderOf()
      const first = yield* Undo.make(sandbox, { folder })
      for (const content of ["1", "2", "3"]) {
        yield* first.begin(session)
        yield* inCall()(first.sandbox.write("a.txt", bytesOf(content)))
      }
      // As on the next day.
      const second = yield* Undo.make(sandbox, { folder })
      const now = Effect.map(sandbox.read("a.txt"), ({ bytes }) => new TextDecoder().decode(bytes))
      const seen: Array<string> = []
      for (const step of ["undo", "undo", "redo", "undo", "undo", "undo", "redo", "redo", "redo", "redo"] as const) {
        yield* second[step](session)
        seen.push(yield* now)
      }
      assert.deepStrictEqual(seen, ["2", "1", "2", "1", "0", "0", "1", "2", "3", "3"])
      yield* second.undo(session)
      yield* second.begin(session)
      yield* inCall()(second.sandbox.write("a.txt", bytesOf("new")))
      assert.isUndefined(yield* second.redo(session))
    })
  )

  it.scoped("what somebody has changed since stays, and says why", () =>
    Effect.gen(function* () {
      const folder = folderOf({ "a.txt": "a", "b.txt": "b" })
      const { say, undo } = yield* assisted({ folder })
      yield* say("go")
      writeFileSync(join(folder, "a.txt"), "mine")
      assert.deepStrictEqual(yield* undo.undo(session), {
        files: [
          { path: "a.txt", what: "kept", why: "somebody has changed it since" },
          { path: "b.txt", what: "restored" }
        ],
        commands: ["touch c.txt"]
      })
      assert.deepStrictEqual(
        ["a.txt", "b.txt", "c.txt"].map((name) => readFileSync(join(folder, name), "utf8")),
        ["mine", "b", ""]
      )
    }).pipe(
      Effect.provide(
        world([
          [edit("a.txt", "a", "A"), edit("b.txt", "b", "B"), call("s", "shell", { command: "touch c.txt" })],
          [text("done")]
        ])
      )
    )
  )

  it.scoped("files that were removed come back with their modes, out of folders too", () =>
    Effect.gen(function* () {
      const folder = folderOf({ "d/run.sh": "#!/bin/sh\n", "d/e/x": "x" })
      chmodSync(join(folder, "d/run.sh"), 0o755)
      const { undo } = yield* assisted({ folder })
      yield* inCall()(undo.sandbox.remove("d", { recursive: true }))
      assert.isFalse(existsSync(join(folder, "d")))
      yield* undo.undo(session)
      assert.deepStrictEqual(
        [statSync(join(folder, "d/run.sh")).mode & 0o777, readFileSync(join(folder, "d/e/x"), "utf8")],
        [0o755, "x"]
      )
    })
  )

  it.scoped("nobody else may read what is kept", () =>
    Effect.gen(function* () {
      const sandbox = yield* memory({ "a.txt": "secret" })
      const folder = join(folderOf(), "checkpoints")
      const { sandbox: watched } = yield* Undo.make(sandbox, { folder })
      yield* inCall()(watched.write("a.txt", bytesOf("next")))
      const open = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter(
        (path) => (statSync(join(folder, path)).mode & 0o077) !== 0
      )
      assert.deepStrictEqual([open, statSync(folder).mode & 0o077], [[], 0])
    })
  )

  it.scoped("large files and the oldest requests are not kept, and that is told", () =>
    Effect.gen(function* () {
      const sandbox = yield* memory({ "a.txt": "x".repeat(2000), "b.txt": "b".repeat(600) })
      const undo = yield* Undo.make(sandbox, { folder: folderOf(), bounds: { fileBytes: 1000, allBytes: 1500 } })
      yield* inCall()(undo.sandbox.write("a.txt", bytesOf("small")))
      assert.deepStrictEqual((yield* undo.undo(session))?.files, [
        { path: "a.txt", what: "kept", why: "it had 2000 bytes, and at most 1000 are kept of a file" }
      ])
      for (const letter of "cdefg") {
        yield* undo.begin(session)
        yield* inCall()(undo.sandbox.write("b.txt", bytesOf(letter.repeat(600))))
      }
      const steps: Array<string> = []
      for (let step = 0; step < 6; step++) {
        const taken = yield* Effect.either(undo.undo(session))
        if (taken._tag === "Left") steps.push(taken.left.message)
        else steps.push(String(taken.right?.files.length))
        if (taken._tag === "Left") break
      }
      assert.match(steps.at(-1) ?? "", /no longer kept/)
      assert.isBelow(steps.length, 6)
    })
  )

  it.scoped("commands that only look are no commands of a request", () =>
    Effect.gen(function* () {
      const inner = yield* memory({ "a.txt": "a" }, () => Effect.succeed({}))
      const undo = yield* Undo.make(inner, { folder: undefined })
      yield* inCall("search_files")(Effect.scoped(undo.sandbox.exec(["rg", "x"])))
      yield* inCall("shell")(Effect.scoped(undo.sandbox.exec("make  all\u001b[2J")))
      yield* inCall()(undo.sandbox.write("a.txt", bytesOf("b")))
      assert.deepStrictEqual((yield* undo.undo(session))?.commands, ["make all[2J"])
    })
  )

  const change = FastCheck.record({
    request: FastCheck.boolean(),
    path: FastCheck.constantFrom("a", "b", "d/a", "d/e/b"),
    content: FastCheck.option(FastCheck.constantFrom("1", "2", "3"), { nil: undefined })
  })

  it.scoped.prop(
    "any changes are taken back to the byte, and made again",
    [FastCheck.array(change, { minLength: 1, maxLength: 12 }), FastCheck.subarray(["a", "b", "d/a"])],
    ([changes, there]) =>
      Effect.gen(function* () {
        const sandbox = yield* memory(Object.fromEntries(there.map((path) => [path, `old ${path}`])))
        const folder = folderOf()
        const undo = yield* Undo.make(sandbox, { folder })
        const before = yield* all(sandbox)
        for (const { content, path, request } of changes) {
          if (request) yield* undo.begin(session)
          yield* inCall()(
            content === undefined
              ? Effect.ignore(undo.sandbox.remove(path))
              : undo.sandbox.write(path, bytesOf(content))
          )
        }
        const after = yield* all(sandbox)
        while ((yield* undo.undo(session)) !== undefined);
        assert.deepStrictEqual(yield* all(sandbox), before)
        while ((yield* undo.redo(session)) !== undefined);
        assert.deepStrictEqual(yield* all(sandbox), after)
        rmSync(folder, { recursive: true })
      }),
    { fastCheck: { numRuns: 8 } }
  )
})
