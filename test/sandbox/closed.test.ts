import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, describe, it } from "@effect/vitest"
import * as LocalSandbox from "axonal/sandbox/LocalSandbox"
import { Effect, Exit, Scope } from "effect"

const top = mkdtempSync(join(tmpdir(), "axonal-closed-"))
for (const name of ["one", "other"]) {
  mkdirSync(join(top, name))
  writeFileSync(join(top, name, "file"), name)
}
afterAll(() => rmSync(top, { recursive: true, force: true }))

describe("a sandbox that was closed", () => {
  it.live("reads nothing and runs nothing, least of all in the folder of another", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const sandbox = yield* Scope.extend(LocalSandbox.make({ folder: join(top, "one") }), scope)
      yield* Scope.close(scope, Exit.void)
      // Whose folder has the number now that the first had.
      yield* LocalSandbox.make({ folder: join(top, "other") })
      const tried = [
        Effect.asVoid(sandbox.read("file")),
        Effect.asVoid(sandbox.list(".")),
        Effect.asVoid(sandbox.write("new", new Uint8Array(1))),
        Effect.scoped(Effect.asVoid(sandbox.exec("ls")))
      ]
      const reasons = yield* Effect.forEach(tried, (one) =>
        Effect.match(one, { onFailure: ({ reason }) => reason._tag, onSuccess: () => "done" })
      )
      assert.deepStrictEqual(reasons, ["Unavailable", "Unavailable", "Unavailable", "Unavailable"])
      assert.deepStrictEqual(readdirSync(join(top, "other")), ["file"])
    }).pipe(Effect.scoped)
  )
})
