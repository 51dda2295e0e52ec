import * as AiTool from "@effect/ai/Tool"
import * as PlatformError from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodePath from "@effect/platform-node/NodePath"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as PathGuard from "../../src/guard/PathGuard.ts"
import * as Suites from "../../src/testing/Suites.ts"
import attempts from "../fixtures/guard/paths.json" with { type: "json" }
import { callOf, guarded, optionsOf, test, tools, world } from "../support/pathWorld.ts"

const inside = (root: string, text: string) => text.replaceAll("{world}", root)
const filled = (root: string, input: unknown): unknown =>
  typeof input === "string"
    ? inside(root, input)
    : Array.isArray(input)
      ? input.map((item) => filled(root, item))
      : typeof input === "object" && input !== null
        ? Object.fromEntries(Object.entries(input).map(([key, value]) => [key, filled(root, value)]))
        : input

describe("PathGuard", () => {
  it("attempts are at least a hundred", () => assert.isAtLeast(attempts.length, 100))

  test(
    "AX-24 AX-32 every attempt has the verdict of its line",
    Effect.gen(function* () {
      const { guard, root } = yield* guarded()
      for (const attempt of attempts) {
        const input = filled(root, attempt.input)
        const verdict = yield* guard.check(callOf(attempt.tool, input))
        const about = `${JSON.stringify(attempt)} got ${JSON.stringify(verdict)}`
        assert.strictEqual(verdict._tag, attempt.verdict, about)
        if ("category" in attempt && verdict._tag === "Ask") {
          const { category = null } = verdict
          assert.strictEqual(category, attempt.category === null ? null : inside(root, String(attempt.category)), about)
        }
        if ("runs" in attempt && verdict._tag === "Rewrite") {
          const path = Object.entries(Object(verdict.input)).find(([key]) =>
            [("field" in attempt ? attempt.field : undefined) ?? (attempt.tool === "move" ? "to" : "path")].includes(
              key
            )
          )?.[1]
          assert.strictEqual(path, inside(root, String(attempt.runs)), about)
        }
      }
    })
  )

  test(
    "a call that goes ahead is judged the same again",
    Effect.gen(function* () {
      const { guard, root } = yield* guarded()
      for (const attempt of attempts) {
        const call = callOf(attempt.tool, filled(root, attempt.input))
        const verdict = yield* guard.check(call)
        if (verdict._tag !== "Rewrite" && (verdict._tag !== "Ask" || verdict.input === undefined)) continue
        const again = yield* guard.check({ ...call, input: verdict.input })
        assert.strictEqual(again._tag, verdict._tag === "Rewrite" ? "Allow" : "Ask", JSON.stringify(attempt))
        assert.isFalse("input" in again)
      }
    })
  )

  test(
    "no made-up path goes ahead outside of the roots",
    Effect.gen(function* () {
      const { guard, root } = yield* guarded()
      const files = yield* FileSystem.FileSystem
      const part = FastCheck.constantFrom(
        ...[
          "..",
          ".",
          "",
          "sub",
          "work",
          "outside",
          "docs",
          "link-out",
          "link-up",
          "link-in",
          "link-deep",
          "link-root"
        ],
        ...["broken-out", "new", "a.txt", ".git", "~", "\\", "%2e%2e", "．．", "file:", " ", "etc"]
      )
      const path = FastCheck.array(part, { maxLength: 8 }).map((parts) => parts.join("/"))
      for (const text of FastCheck.sample(path, 400)) {
        const verdict = yield* guard.check(callOf("write", { path: text }))
        if (verdict._tag === "Allow") assert.fail(`${text} went ahead as it was`)
        if (verdict._tag !== "Rewrite") continue
        const { path } = Schema.decodeUnknownSync(Schema.Struct({ path: Schema.String }))(verdict.input)
        assert.isTrue(path === `${root}/work` || path.startsWith(`${root}/work/`), `${text} leads to ${path}`)
        assert.isFalse(`${path}/`.startsWith(`${root}/work/.git/`), text)
        const real = yield* Effect.option(files.realPath(path))
        if (real._tag === "Some") assert.strictEqual(real.value, path, text)
      }
    })
  )

  test(
    "roots may be links, relative, and not there yet",
    Effect.gen(function* () {
      const root = yield* world
      const guard = yield* PathGuard.make({
        base: `${root}/work`,
        roots: [
          { path: "link-out", access: "read" },
          { path: "later", access: "write" }
        ],
        tools
      })
      const verdicts = ["link-out/secret.txt", "later/x", "a.txt"].map((path) => guard.check(callOf("read", { path })))
      assert.deepStrictEqual(
        (yield* Effect.all(verdicts)).map(({ _tag }) => _tag),
        ["Rewrite", "Rewrite", "Ask"]
      )
      assert.strictEqual((yield* guard.check(callOf("read", { path: "~/x" })))._tag, "Deny")
    })
  )

  test(
    "a root that is no path fails, and says why",
    Effect.gen(function* () {
      const error = yield* Effect.flip(PathGuard.make({ roots: [{ path: "~/x", access: "read" }] }))
      assert.include(error.message, `"~/x"`)
      assert.include((yield* Effect.flip(PathGuard.make({ roots: [], home: "here" }))).message, "absolute")
      for (const blank of ["", " ", "\t"]) {
        for (const options of [{ roots: [{ path: blank, access: "write" }] }, { roots: [], base: blank }] as const) {
          const error = yield* Effect.flip(PathGuard.make(options))
          assert.strictEqual(error.path, blank)
          assert.include(error.message, "it is empty: write . for the current folder")
        }
      }
    })
  )

  test(
    "schemas say which arguments are paths",
    Effect.gen(function* () {
      const root = yield* world
      const save = AiTool.make("save", {
        parameters: {
          to: PathGuard.path("write"),
          from: Schema.optional(PathGuard.path("read")),
          parts: Schema.Array(Schema.Struct({ at: PathGuard.path("read"), text: Schema.String })),
          text: Schema.String
        }
      })
      const tools = PathGuard.pathsOf(save)
      assert.deepStrictEqual(
        Object.entries(tools["save"] ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)),
        [
          ["from", "read"],
          ["parts.*.at", "read"],
          ["to", "write"]
        ]
      )
      const guard = yield* PathGuard.make({ ...optionsOf(root), tools })
      const verdict = yield* guard.check(callOf("save", { to: "a", parts: [{ at: "/etc/x", text: "" }], text: "/etc" }))
      assert.strictEqual(verdict._tag === "Ask" ? verdict.category : undefined, "path:read:/etc")
    })
  )

  test(
    "AX-25 what cannot be looked at is refused",
    Effect.gen(function* () {
      const denied = (method: string) =>
        new PlatformError.SystemError({ reason: "PermissionDenied", module: "FileSystem", method })
      const files = FileSystem.makeNoop({
        readLink: (path) =>
          path.startsWith("/closed/") ? Effect.fail(denied("readLink")) : Effect.fail(missing("readLink")),
        realPath: () => Effect.fail(denied("realPath"))
      })
      const missing = (method: string) =>
        new PlatformError.SystemError({ reason: "NotFound", module: "FileSystem", method })
      const guard = yield* PathGuard.make({ roots: [{ path: "/", access: "write" }], tools }).pipe(
        Effect.provideService(FileSystem.FileSystem, files)
      )
      const verdicts = ["/open/x", "/closed/x"].map((path) => guard.check(callOf("read", { path })))
      assert.deepStrictEqual(
        (yield* Effect.all(verdicts)).map(({ _tag }) => _tag),
        ["Allow", "Deny"]
      )
    })
  )

  test(
    "on Windows drives, streams and short names are judged",
    Effect.gen(function* () {
      const files = FileSystem.makeNoop({})
      const guard = yield* PathGuard.make({
        roots: [
          { path: "C:\\work", access: "write" },
          { path: "C:\\work\\.git", access: "none" }
        ],
        tools
      }).pipe(Effect.provideService(FileSystem.FileSystem, files), Effect.provide(NodePath.layerWin32))
      const verdicts = {
        "C:\\work\\a.txt": "Allow",
        "C:/work/a.txt": "Rewrite",
        "c:\\WORK\\a.txt": "Allow",
        "a\\b.txt": "Rewrite",
        "..\\x": "Ask",
        "D:\\x": "Ask",
        "\\x": "Ask",
        "\\\\host\\share\\x": "Ask",
        "C:x": "Deny",
        "a.txt::$DATA": "Deny",
        "\\\\?\\C:\\x": "Deny",
        "\\\\.\\pipe\\x": "Deny",
        "GIT~1\\config": "Deny",
        ".git.\\config": "Deny",
        ".git \\config": "Deny",
        ".GIT\\config": "Deny"
      }
      for (const [path, tag] of Object.entries(verdicts)) {
        assert.strictEqual((yield* guard.check(callOf("write", { path })))._tag, tag, path)
      }
    })
  )
})

Suites.guard(
  "paths",
  Layer.provide(Layer.unwrapScoped(Effect.map(world, (root) => PathGuard.layer(optionsOf(root)))), NodeContext.layer),
  {
    allowed: [callOf("read", { path: "a.txt" }), callOf("shell", { cwd: "sub", command: "ls" })],
    asked: [
      callOf("write", { path: "/etc/passwd" }),
      callOf("mystery", { path: "a" }),
      callOf("edit", { edits: [{ path: "../x" }] })
    ],
    denied: [callOf("read", { path: "loop-a" }), callOf("move", { from: "a.txt", to: ".git/x" })]
  }
)
