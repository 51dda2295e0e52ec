/**
 * The changes that a call would make to files: its tool runs, and what it writes is kept here and goes nowhere.
 */
import * as Effect from "effect/Effect"
import * as Sandbox from "../../../sandbox/Sandbox.ts"
import { SandboxError } from "../../../sandbox/SandboxError.ts"
import type * as Tool from "../../../tool/Tool.ts"
import * as Toolkit from "../../../tool/Toolkit.ts"
import * as EditFile from "../../../toolbox/EditFile.ts"
import * as PatchFile from "../../../toolbox/PatchFile.ts"
import * as Seen from "../../../toolbox/Seen.ts"
import * as WriteFile from "../../../toolbox/WriteFile.ts"
import { shown } from "../../sandbox.ts"

/**
 * A file that would be changed. `before` is absent for one that would be new.
 *
 * @category models
 * @since 0.1.0
 */
export interface Change {
  readonly path: string
  readonly before: Uint8Array | undefined
  readonly after: Uint8Array
}

/**
 * Finds the changes, or why the call would fail.
 *
 * **Details**
 *
 * - Whether the session has read the files is not looked at: the tool itself will, when it runs.
 *
 * @category constructors
 * @since 0.1.0
 */
export const changesOf = (
  tool: string,
  input: unknown,
  sandbox: Sandbox.Service
): Effect.Effect<{ readonly changes: ReadonlyArray<Change>; readonly problem: string | undefined }, unknown> =>
  Effect.suspend(() => {
    const changes: Array<Change> = []
    const tried = Effect.gen(function* () {
      const { entries } = yield* Toolkit.resolve(tools.filter((one) => one.tool.name === tool))
      const entry = entries.get(tool)
      if (entry?.execute === undefined) return { changes, problem: undefined }
      const parameters = yield* entry.decode(input)
      return yield* Effect.match(entry.execute(parameters), {
        onFailure: (error) => ({ changes, problem: String(error) }),
        onSuccess: ({ failed, value }) => ({ changes, problem: failed ? String(value) : undefined })
      })
    })
    return tried.pipe(
      Effect.provideService(Sandbox.Sandbox, collecting(sandbox, changes)),
      Effect.provideService(Seen.Seen, Seen.make())
    )
  })

// internal

const tools: ReadonlyArray<Tool.WithHandler<Sandbox.Sandbox>> = [
  WriteFile.make({ requireRead: false }),
  EditFile.make(),
  PatchFile.lines({ requireRead: false }),
  PatchFile.diffs()
]

const collecting = (inner: Sandbox.Service, changes: Array<Change>): Sandbox.Service => ({
  ...inner,
  write: (path, bytes) =>
    Effect.matchEffect(inner.read(path), {
      onFailure: (error) => (error.reason._tag === "NotFound" ? Effect.succeed(undefined) : Effect.fail(error)),
      onSuccess: ({ bytes }) => Effect.succeed(bytes)
    }).pipe(
      Effect.map((before) => {
        changes.push({ path: shown(inner, path), before, after: bytes })
        return { path, kind: "file", size: bytes.length, modifiedMillis: 0, mode: 0o644, version: "" }
      })
    ),
  remove: (path) => refused("remove", path),
  exec: (command) => refused("exec", String(command))
})

const refused = (operation: string, subject: string) =>
  new SandboxError({ operation, subject, reason: { _tag: "Denied", problem: "nothing is done, only looked at" } })
