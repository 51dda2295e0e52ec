import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { afterEach, vi } from "vitest"
import { ofStore } from "../../src/cli/errors.ts"
import * as SqliteContextStore from "../../src/context/SqliteContextStore.ts"

const client = "@effect/sql-sqlite-node/SqliteClient"
const opened = (filename: string) =>
  Effect.flip(Effect.scoped(Layer.build(SqliteContextStore.layerSqlite({ filename }))))

/** A driver that throws this when it opens a file. */
const broken = (error: Error) => vi.doMock(client, () => ({ layer: () => Layer.effectDiscard(Effect.die(error)) }))

describe("SqliteContextStore", () => {
  afterEach(() => {
    vi.doUnmock(client)
  })

  it.effect("a missing driver is named with the command that installs it", () =>
    Effect.gen(function* () {
      vi.doMock(client, () => {
        throw new Error("Cannot find package")
      })
      const failure = yield* opened("/tmp/a.db")
      const { message, operation, reason } = failure
      assert.deepStrictEqual([operation, reason._tag], ["open", "Unavailable"])
      assert.include(
        message,
        "/tmp/a.db: the SQLite driver is missing; run npm install @effect/sql@^0.52.1 @effect/sql-sqlite-node@^0.53.0: "
      )
      const command =
        "saved sessions need the SQLite driver: npm install better-sqlite3 beside axonal (--global if that is)"
      assert.strictEqual(ofStore(failure, undefined), `${command}, or add --no-save.`)
      assert.strictEqual(ofStore(failure, undefined, "or choose another folder with --data-dir."), `${command}.`)
    })
  )

  for (const [what, error] of [
    ["not built", new Error("Could not locate the bindings file. Tried:\n → /a/build/better_sqlite3.node\n → /b")],
    ["damaged", Object.assign(new Error("/a/better_sqlite3.node: file too short"), { code: "ERR_DLOPEN_FAILED" })],
    [
      "built for another Node",
      new Error("The module '/a/better_sqlite3.node'\nwas compiled against NODE_MODULE_VERSION 115.\nPlease try")
    ]
  ] as const) {
    it.effect(`a driver that is ${what} is named with the command that builds it`, () =>
      Effect.gen(function* () {
        broken(error)
        const failure = yield* opened("/tmp/a.db")
        assert.strictEqual(failure.reason._tag, "Unavailable")
        assert.match(
          failure.reason.message,
          /^\/tmp\/a\.db: the SQLite driver is not built for this Node; run npm rebuild better-sqlite3[^\n]+$/
        )
        assert.strictEqual(
          ofStore(failure, "/tmp/a.db"),
          "saved sessions need the SQLite driver, which is not built for this Node: npm rebuild better-sqlite3 beside axonal, or add --no-save."
        )
        assert.notInclude(ofStore(failure, "/tmp/a.db", "or choose another folder with --data-dir."), "--no-save")
      })
    )
  }

  it.effect("a name that is empty is refused", () =>
    Effect.gen(function* () {
      const { reason } = yield* opened("")
      assert.deepStrictEqual(reason, {
        _tag: "Unavailable",
        message: "the name of the file is empty; name one, or :memory: for a database that ends with the layer"
      })
    })
  )
})
