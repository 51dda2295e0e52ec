import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Artifacts from "../../src/context/Artifacts.ts"
import { ContextStore, layerMemory } from "../../src/context/ContextStore.ts"
import type { Entry } from "../../src/domain/Entry.ts"
import * as Entries from "../../src/domain/Entry.ts"
import { CallId, EntryId, RunId, SessionId } from "../../src/domain/Ids.ts"
import * as Messages from "../../src/domain/Message.ts"
import * as Part from "../../src/domain/Part.ts"
import { ToolContext } from "../../src/tool/ToolContext.ts"
import * as Toolkit from "../../src/tool/Toolkit.ts"
import * as ToolResult from "../../src/tool/ToolResult.ts"

const session = SessionId.make("session")
const call = CallId.make("call_1")
const id = Artifacts.idOf(call)
const about: Artifacts.About = { call, tool: "search", bound: ToolResult.defaultBound }
const lines = Array.from({ length: 5000 }, (_, index) => `line ${index} of a long result`).join("\n")

/** Without half a pair of surrogates. */
const isWhole = (text: string): boolean => !/\p{Surrogate}/u.test(text)

const spilled = (result: ToolResult.ToolResult, options?: Artifacts.Options, changes?: Partial<Artifacts.About>) =>
  Artifacts.make(options).spill(result, { ...about, ...changes })

const shown = (result: ToolResult.ToolResult, options?: Artifacts.Options, changes?: Partial<Artifacts.About>) =>
  Part.contentToText(spilled(result, options, changes)?.result.content ?? [])

const artifact = (text: string): Entry => ({ _tag: "Artifact", id, at: 0, call, text })

const said: Entry = { _tag: "Message", id: EntryId.make("said"), at: 0, message: Messages.user("a secret") }

/** What the model gets for these arguments, of a session with one artifact. */
const read = (text: string, input: object, where = session) =>
  Effect.gen(function* () {
    const store = yield* ContextStore
    yield* store.append(session, [said, artifact(text)])
    const registry = yield* Toolkit.resolve([Artifacts.tool])
    const entry = registry.entries.get(Artifacts.toolName)
    assert.isDefined(entry?.execute)
    const parameters = yield* entry.decode(input)
    const { failed, value } = yield* entry.execute(parameters)
    return { failed, text: String(value), bound: entry.bound }
  }).pipe(
    Effect.provide(layerMemory),
    Effect.provideServiceEffect(
      ToolContext,
      Effect.map(ToolContext, (known) => ({ ...known, session: where }))
    ),
    Effect.orDie
  )

describe("Artifacts", () => {
  it.effect("nothing is kept unless provided", () =>
    Effect.gen(function* () {
      const artifacts = yield* Artifacts.Artifacts
      assert.deepStrictEqual([artifacts.isOn, artifacts.spill(ToolResult.text("ok", lines), about)], [false, undefined])
    })
  )

  it.effect("the layer turns it on", () =>
    Effect.gen(function* () {
      const artifacts = yield* Artifacts.Artifacts
      assert.isTrue(artifacts.isOn)
      assert.strictEqual(artifacts.spill(ToolResult.text("ok", lines), about)?.text, lines)
    }).pipe(Effect.provide(Artifacts.layer()))
  )

  describe("spill", () => {
    it("CALL-6 a long result shows head, tail and the way to the rest", () => {
      const { length } = lines
      assert.deepStrictEqual(spilled(ToolResult.text("failed", lines), { head: 20, tail: 10 }), {
        id,
        text: lines,
        result: ToolResult.text(
          "failed",
          `${lines.slice(0, 20)}\n[… Characters 20 to ${length - 10} of ${length} are not shown. Use read_artifact with id` +
            ` "artifact/call_1" to read on at an offset or to search in all of it. …]\n${lines.slice(-10)}`
        )
      })
    })

    it("a result within the bound is left alone", () => {
      assert.isUndefined(spilled(ToolResult.text("ok", "x".repeat(about.bound))))
      assert.isDefined(spilled(ToolResult.text("ok", "x".repeat(about.bound + 1))))
    })

    it("a lower limit keeps shorter results, too", () => {
      assert.isUndefined(spilled(ToolResult.text("ok", "x".repeat(1000)), { above: 1000 }))
      assert.isBelow(shown(ToolResult.text("ok", "x".repeat(1300)), { above: 1000 }).length, 1300)
    })

    it("a result that its mark would make longer is left alone", () => {
      assert.isUndefined(spilled(ToolResult.text("ok", "x".repeat(1001)), { above: 1000 }))
    })

    it("JSON is kept as text and files stay in the result", () => {
      const file = Part.file("image/png", { base64: "AAAA" }, "a.png")
      const value = { rows: lines.split("\n") }
      const spill = spilled({ outcome: "ok", content: [Part.text("Found:"), file, { type: "json", value }] })
      assert.strictEqual(spill?.text, `Found:\n${JSON.stringify(value)}`)
      assert.deepStrictEqual(spill?.result.content.slice(1), [file])
    })

    it("what the tool of artifacts gives is not kept again", () => {
      assert.isUndefined(spilled(ToolResult.text("ok", lines), {}, { tool: Artifacts.toolName }))
    })

    it("a bound too small for the mark is left to cut the text", () => {
      assert.isUndefined(spilled(ToolResult.text("ok", lines), {}, { bound: 50 }))
    })

    it("the artifact is an entry that stores keep", () => {
      const spill = spilled(ToolResult.text("ok", lines))
      assert.isDefined(spill)
      const entry = Artifacts.entry(spill, { call, tool: "search", at: 1, run: RunId.make("run"), turn: 2 })
      assert.deepStrictEqual(
        Either.flatMap(Entries.toJson(entry), (json) => Entries.fromJson(Entries.version, json)),
        Either.right(entry)
      )
    })

    it("numbers out of range are refused", () => {
      for (const options of [{ above: -1 }, { head: -1 }, { tail: Number.NaN }]) {
        assert.throws(() => Artifacts.make(options), RangeError)
      }
    })

    const characters = FastCheck.array(FastCheck.constantFrom("a", "ü", "🙂", "\n"), {
      minLength: 100,
      maxLength: 900,
      size: "max"
    })

    it.prop(
      "CALL-6 what is shown is in the bound, shorter than the whole, and well formed",
      [characters, FastCheck.nat(1500), FastCheck.nat(1000), FastCheck.nat(500), FastCheck.nat(500)],
      ([all, bound, above, head, tail]) => {
        const text = all.join("")
        const spill = spilled(ToolResult.text("ok", text), { above, head, tail }, { bound })
        if (spill === undefined) return
        const left = Part.contentToText(spill.result.content)
        assert.strictEqual(spill.text, text)
        assert.isAbove(text.length, Math.min(above, bound))
        assert.isAtMost(left.length, bound)
        assert.isBelow(left.length, text.length)
        assert.isTrue(isWhole(left))
        assert.deepStrictEqual(ToolResult.bound(spill.result, bound), spill.result)
      }
    )
  })

  describe("tool", () => {
    it.effect("a page says where it is and where the next one begins", () =>
      Effect.gen(function* () {
        const { failed, text } = yield* read(lines, { id, offset: 100, length: 50 })
        assert.deepStrictEqual(
          [failed, text],
          [
            false,
            `[artifact/call_1: characters 100 to 150 of ${lines.length}; the next offset is 150]\n${lines.slice(100, 150)}`
          ]
        )
      })
    )

    it.effect("a page has 8,000 characters, at most 16,000 and at least one", () =>
      Effect.gen(function* () {
        const head = (input: object) =>
          Effect.map(read(lines, { id, ...input }), ({ text }) => text.split("\n")[0]?.replace(/ of.*/, ""))
        assert.deepStrictEqual(
          [yield* head({}), yield* head({ length: 1e9 }), yield* head({ length: 0 }), yield* head({ length: -4 })],
          [
            "[artifact/call_1: characters 0 to 8000",
            "[artifact/call_1: characters 0 to 16000",
            "[artifact/call_1: characters 0 to 1",
            "[artifact/call_1: characters 0 to 1"
          ]
        )
      })
    )

    it.effect("the longest page and the longest list are within the tool's bound", () =>
      Effect.gen(function* () {
        const wide = "🙂 word ".repeat(100_000)
        const page = yield* read(wide, { id, length: 16_000 })
        const places = yield* read(wide, { id, search: "word" })
        assert.isBelow(page.text.length, page.bound)
        assert.isBelow(places.text.length, places.bound)
      })
    )

    it.effect("the end of an artifact is told", () =>
      Effect.gen(function* () {
        assert.strictEqual(
          (yield* read("abc", { id, offset: 1 })).text,
          "[artifact/call_1: characters 1 to 3 of 3; this is the end]\nbc"
        )
        assert.strictEqual(
          (yield* read("abc", { id, offset: 3 })).text,
          "[artifact/call_1: characters 3 to 3 of 3; this is the end]\n"
        )
      })
    )

    it.effect("an offset that does not exist is answered with those that do", () =>
      Effect.gen(function* () {
        const text = "There is no offset 4: the artifact has 3 characters. Give an offset from 0 to 3."
        assert.deepInclude(yield* read("abc", { id, offset: 4 }), { failed: true, text })
        assert.isTrue((yield* read("abc", { id, offset: -1 })).failed)
        assert.isTrue((yield* read("abc", { id, offset: 9, search: "a" })).failed)
      })
    )

    it.effect("an unknown id is answered with what to do", () =>
      Effect.gen(function* () {
        const text = (name: string) =>
          `There is no artifact "${name}" in this conversation. Use an id that stands in a shortened result, such as` +
          ` "artifact/…".`
        assert.deepInclude(yield* read("abc", { id: "other" }), { failed: true, text: text("other") })
        assert.deepInclude(yield* read("abc", { id: "" }), { failed: true, text: text("") })
      })
    )

    it.effect("other entries and other sessions cannot be read with it", () =>
      Effect.gen(function* () {
        const ofOther = yield* read("abc", { id }, SessionId.make("other"))
        const ofMessage = yield* read("abc", { id: "said" })
        assert.isTrue(ofOther.failed && ofMessage.failed)
        assert.notInclude(ofMessage.text, "secret")
      })
    )

    it.effect("a search tells lines and offsets, upper and lower case aside", () =>
      Effect.gen(function* () {
        const text = "one\nTwo (2)\nthree\ntwo (2) and two (2)\nfour"
        assert.strictEqual(
          (yield* read(text, { id, search: "two (2)" })).text,
          `[artifact/call_1: 42 characters, searched from 0 on; lines with "two (2)", each after the offset where it is;` +
            " there are no more]\n4: Two (2)\n18: two (2) and two (2)"
        )
        assert.strictEqual(
          (yield* read(text, { id, search: "five" })).text,
          `[artifact/call_1: 42 characters, searched from 0 on; "five" is not found]`
        )
        assert.match((yield* read(text, { id, search: "two", offset: 5 })).text, /\]\n18: two \(2\) and two \(2\)$/)
        assert.match((yield* read(text, { id, search: "" })).text, /characters 0 to 42/)
      })
    )

    it.effect("a search goes on where its list ended", () =>
      Effect.gen(function* () {
        const found: Array<string> = []
        let offset: number | undefined = 0
        while (offset !== undefined) {
          const { text }: { readonly text: string } = yield* read(lines, { id, offset, search: "line 1" })
          found.push(...text.split("\n").slice(1))
          const next: string | undefined = /more from offset (\d+) on/.exec(text)?.[1]
          offset = next === undefined ? undefined : Number(next)
        }
        const all = lines.split("\n").filter((line) => line.includes("line 1"))
        assert.deepStrictEqual(
          found.map((line) => line.replace(/^\d+: /, "")),
          all
        )
      })
    )

    it.effect("a line too long to show is shown around the place", () =>
      Effect.gen(function* () {
        const { text } = yield* read(`${"🙂".repeat(5000)}needle${"🙂".repeat(5000)}`, { id, search: "needle" })
        assert.match(text, /\n10000: …(🙂)+needle(🙂)+…$/u)
        assert.isTrue(isWhole(text))
      })
    )

    it.effect("reading does not need a search, an offset or a length", () =>
      Effect.gen(function* () {
        const registry = yield* Effect.orDie(Toolkit.resolve([Artifacts.tool]))
        const schema = registry.specs[0]?.inputSchema
        assert.deepInclude(schema, { required: ["id"] })
      })
    )

    const texts = FastCheck.array(FastCheck.constantFrom("a", "ü", "🙂", "\n"), {
      minLength: 1,
      maxLength: 25,
      size: "max"
    })

    it.effect.prop(
      "pages put together are the whole, and none splits a pair",
      [texts, FastCheck.nat(7)],
      ([all, length]) =>
        Effect.gen(function* () {
          const text = all.join("")
          let [offset, whole] = [0, ""]
          for (;;) {
            const page = yield* read(text, { id, offset, length })
            const body = page.text.slice(page.text.indexOf("]\n") + 2)
            assert.isTrue(isWhole(body))
            whole += body
            const next = /next offset is (\d+)/.exec(page.text)?.[1]
            if (next === undefined) break
            assert.isAbove(Number(next), offset)
            offset = Number(next)
          }
          assert.strictEqual(whole, text)
        })
    )
  })
})
