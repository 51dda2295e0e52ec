import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import { toLines } from "../../../src/cli/assistant/preview/lines.ts"
import * as Preview from "../../../src/cli/assistant/preview/preview.ts"
import * as Sandbox from "../../../src/sandbox/Sandbox.ts"
import { callOf } from "../../support/calls.ts"
import { numRuns } from "../../support/generated.ts"

const files = {
  "a.txt": Array.from({ length: 30 }, (_, index) => `line ${index + 1}\n`).join(""),
  "crlf.txt": "one\r\ntwo\r\n",
  "b.bin": new Uint8Array([0, 1, 2])
}

const of = (tool: string, input: unknown, origin: "application" | "external" = "application") =>
  Effect.gen(function* () {
    const sandbox = yield* Sandbox.Sandbox
    const before = yield* Effect.map(sandbox.list("."), (found) => found.map(({ path, version }) => [path, version]))
    const call = callOf(tool, input)
    const previews = yield* Preview.of({ ...call, tool: { name: tool, origin } }, sandbox)
    const after = yield* Effect.map(sandbox.list("."), (found) => found.map(({ path, version }) => [path, version]))
    assert.deepStrictEqual(after, before)
    return previews
  }).pipe(Effect.provide(Sandbox.layerMemory({ files })))

const shown = (previews: ReadonlyArray<Preview.Preview>) =>
  previews.map((preview) =>
    preview.kind === "diff"
      ? [preview.path, preview.isNew, preview.lines.map(({ sign, text }) => `${sign}${text}`).join("|")]
      : preview
  )

describe("preview", () => {
  it.effect("edits are shown as diffs of what they would come to, with three lines around them", () =>
    Effect.gen(function* () {
      const edits = [{ old: "line 10", new: "line ten" }]
      const diff = "@-7,7 +7,7| line 7| line 8| line 9|-line 10|+line ten| line 11| line 12| line 13"
      assert.deepStrictEqual(shown(yield* of("edit_file", { path: "/work/a.txt", edits })), [["a.txt", false, diff]])
      const patches = [{ from: 10, to: 10, content: "line ten" }]
      assert.deepStrictEqual(shown(yield* of("patch_file", { path: "a.txt", patches })), [["a.txt", false, diff]])
      assert.deepStrictEqual(shown(yield* of("write_file", { path: "d/new.txt", content: "x\ny\n" })), [
        ["d/new.txt", true, "@-0,0 +1,2|+x|+y"]
      ])
      const two = [
        { path: "crlf.txt", diff: "@@ -1,2 +1,2 @@\n-one\n+1\n two\n" },
        { path: "c.txt", diff: "@@ -0,0 +1 @@\n+c\n" }
      ]
      assert.deepStrictEqual(shown(yield* of("apply_patch", { files: two })), [
        ["crlf.txt", false, "@-1,2 +1,2|-one|+1| two"],
        ["c.txt", true, "@-0,0 +1,1|+c"]
      ])
    })
  )

  it.effect("what cannot work says so, beside its arguments", () =>
    Effect.gen(function* () {
      const [problem, fields] = yield* of("edit_file", { path: "a.txt", edits: [{ old: "gone", new: "x" }] })
      assert.strictEqual(problem?.kind, "problem")
      assert.strictEqual(fields?.kind, "fields")
      assert.deepStrictEqual(shown(yield* of("write_file", { path: "b.bin", content: "x" })), [
        ["b.bin", false, "@3 bytes become 1 bytes that are no text"]
      ])
    })
  )

  it.effect("commands, programs, plans and arguments are shown as what they are", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(
        [
          ...(yield* of("shell", { command: "ls\npwd", timeoutSeconds: 5, background: true, input: "x" })),
          ...(yield* of("run_code", { language: "node", code: "1", folder: "src" })),
          ...(yield* of("present_plan", { plan: "# Plan" })),
          ...(yield* of("shell", { command: "ls" }, "external"))
        ],
        [
          {
            kind: "command",
            text: "ls\npwd",
            folder: "/work",
            limits: ["for 5 s at most", "in the background", "input: x"]
          },
          { kind: "code", language: "node", text: "1", folder: "src", limits: [] },
          { kind: "plan", markdown: "# Plan" },
          { kind: "fields", fields: [["command", "ls"]] }
        ]
      )
    })
  )

  it.effect("long texts are cut, and say so", () =>
    Effect.gen(function* () {
      const [diff] = yield* of("write_file", { path: "a.txt", content: "x\n".repeat(1000) })
      assert.deepStrictEqual(diff?.kind === "diff" && [diff.lines.length, diff.more], [400, 631])
      const [line] = yield* of("write_file", { path: "a.txt", content: `${" ".repeat(2000)}evil` })
      assert.include(JSON.stringify(line), "[… 4 characters are not shown]")
      const [fields] = yield* of("other", { text: "x".repeat(9000) })
      assert.match(JSON.stringify(fields), /\\n\[… 5000 characters are not shown …\]\\n/)
    })
  )

  it.effect("of what would be run nothing is left out, however long it is", () =>
    Effect.gen(function* () {
      const command = `ls ${"\n".repeat(500)} ${" ".repeat(9000)} && rm x # ${"y".repeat(9000)}`
      assert.include(toLines(yield* of("shell", { command })).join("\n"), " && rm x # ")
    })
  )

  const hostile = FastCheck.oneof(
    FastCheck.fullUnicodeString(),
    FastCheck.constantFrom("\u001b[2J", "\u202e", "\r", "\u200b", "\u0007", "a\nb")
  )
  const input = FastCheck.oneof(
    FastCheck.record({ path: hostile, content: hostile }),
    FastCheck.record({ command: hostile, folder: hostile }),
    FastCheck.record({ plan: hostile, code: hostile, language: hostile }),
    FastCheck.jsonValue()
  )

  it.effect.prop(
    "whatever is called, nothing fails and no control character is left",
    [FastCheck.constantFrom("write_file", "edit_file", "shell", "run_code", "present_plan", "other"), input],
    ([tool, input]) =>
      Effect.map(of(tool, input), (previews) => {
        assert.isAbove(previews.length, 0)
        assert.notMatch(
          JSON.stringify(previews).replaceAll("\\n", "").replaceAll("\\t", ""),
          /\\u00[01]|[\p{Cf}\p{Cs}]/u
        )
      }),
    { fastCheck: { numRuns: numRuns(30) } }
  )
})
