import * as Fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as PathGuard from "axonal/guard/PathGuard"
import * as LocalSandbox from "axonal/sandbox/LocalSandbox"
import * as Sandbox from "axonal/sandbox/Sandbox"
import { Effect } from "effect"
import escapes from "../fixtures/toolbox/escapes.json" with { type: "json" }
import { fileTools } from "../support/fileTools.ts"
import { called } from "../support/toolCalls.ts"

const secret = "SECRET-1f3a"

/** A folder with a sandbox in it, and what lies beside it, which nobody in there may see. */
const world = Effect.gen(function* () {
  const root = yield* Effect.acquireRelease(
    Effect.sync(() => Fs.realpathSync(Fs.mkdtempSync(join(tmpdir(), "axonal-escapes-")))),
    (root) => Effect.sync(() => Fs.rmSync(root, { recursive: true, force: true }))
  )
  for (const folder of ["inside/sub", "outside", "insider"]) Fs.mkdirSync(join(root, folder), { recursive: true })
  for (const file of ["outside/secret.txt", "insider/secret.txt"]) Fs.writeFileSync(join(root, file), secret)
  const links = {
    "link-file": "../outside/secret.txt",
    "link-folder": "../outside",
    "link-absolute": `${root}/outside`,
    "link-chain": "link-folder",
    "link-chain-file": "link-chain/secret.txt",
    "link-up": "..",
    "link-root": "/",
    "sub/link-back": "../sub",
    "link-broken": "../outside/new.txt",
    "link-broken-folder": "../outside/new",
    "link-proc": "/proc/self"
  }
  for (const [link, target] of Object.entries(links)) Fs.symlinkSync(target, join(root, "inside", link))
  return { root, sandbox: yield* LocalSandbox.make({ folder: join(root, "inside") }) }
})

/** Calls that read or change whatever there is at a path. */
const attempts = (path: string): ReadonlyArray<readonly [tool: string, input: object]> => [
  ["read_file", { path }],
  ["read_file", { path, offset: 0, length: 16 }],
  ["write_file", { path, content: "taken" }],
  ["edit_file", { path, edits: [{ old: secret, new: "taken" }] }],
  ["patch_file", { path, patches: [{ from: 1, to: 1, content: "taken" }] }],
  ["apply_patch", { files: [{ path, diff: `@@ -1 +1 @@\n-${secret}\n+taken\n` }] }],
  ["apply_patch", { files: [{ path, diff: "@@ -0,0 +1 @@\n+taken\n" }] }]
]

describe("tools for files", () => {
  it("attempts are at least twenty", () => assert.isAtLeast(escapes.length, 20))

  it.scoped("AX-32 no path leads a tool out of its folder", () =>
    Effect.gen(function* () {
      const { root, sandbox } = yield* world
      const names = () =>
        ["", "inside", "inside/sub", "outside", "insider"].map((folder) => Fs.readdirSync(join(root, folder)))
      const before = names()
      for (const escape of escapes) {
        const path = escape.path
          .replaceAll("{root}", root)
          .replaceAll("{top}", root.slice(1).split("/").at(-1) ?? "")
          .replaceAll("{below}", root.slice(1))
        for (const [tool, input] of attempts(path)) {
          const { outcome, text } = yield* Effect.provideService(
            called(fileTools, tool, input),
            Sandbox.Sandbox,
            sandbox
          )
          const about = `${tool} ${JSON.stringify(input)}: ${text}`
          assert.strictEqual(outcome, "failed", about)
          // What it was told it said itself.
          const words = text.replaceAll(path, "")
          for (const content of [secret, "root:", "PATH=", "devDependencies"]) assert.notInclude(words, content, about)
        }
      }
      assert.deepStrictEqual(names(), before)
      for (const file of ["outside/secret.txt", "insider/secret.txt"]) {
        assert.strictEqual(Fs.readFileSync(join(root, file), "utf8"), secret)
      }
    })
  )

  it.scoped("what is no regular file is neither read nor written", () =>
    Effect.gen(function* () {
      const { root, sandbox } = yield* world
      yield* Effect.provideService(Sandbox.run(["mkfifo", "pipe"]), Sandbox.Sandbox, sandbox)
      assert.isTrue(Fs.statSync(join(root, "inside/pipe")).isFIFO())
      for (const [tool, input] of attempts("pipe")) {
        const { outcome, text } = yield* Effect.provideService(called(fileTools, tool, input), Sandbox.Sandbox, sandbox)
        assert.deepStrictEqual(
          [outcome, text],
          ["failed", "pipe is a device, a pipe or a socket: it can be neither read nor written here."],
          tool
        )
      }
    })
  )

  it("guards find every path", () =>
    assert.deepStrictEqual(
      PathGuard.pathsOf(...fileTools.map(({ tool }) => ({ name: tool.name, parametersSchema: tool.parametersSchema }))),
      {
        read_file: { path: "read" },
        write_file: { path: "write" },
        edit_file: { path: "write" },
        patch_file: { path: "write" },
        apply_patch: { "files.*.path": "write" }
      }
    ))
})
