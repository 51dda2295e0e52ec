import * as FileSystem from "@effect/platform/FileSystem"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as TestClock from "effect/TestClock"
import * as Skills from "../../src/skill/Skills.ts"
import type { World } from "./folders.ts"
import { skillText, test, told, world } from "./folders.ts"

const at = "project/.agents/skills"

/** The file system, and the folder of each file that was read. */
const counting = ({ files }: World) => {
  const reads: Array<string> = []
  const readFile = (path: string) =>
    Effect.zipRight(
      Effect.sync(() => reads.push(path.split("/").at(-2) ?? "")),
      files.readFile(path)
    )
  return { reads, files: { ...files, readFile } satisfies FileSystem.FileSystem }
}

describe("Skills, hot reload", () => {
  test(
    "AM-38 added, changed and removed skills are seen at the next look",
    Effect.gen(function* () {
      const there = yield* world
      const service = yield* Skills.make(there.options)
      const now = Effect.map(service.catalog, (catalog) => told(there, catalog))
      assert.deepStrictEqual(yield* now, [])
      yield* there.skill(at, "brew")
      assert.deepStrictEqual(yield* now, ["project brew: About brew"])
      yield* there.skill(at, "brew", "Other words")
      yield* there.skill(at, "pour")
      assert.deepStrictEqual(yield* now, ["project brew: Other words", "project pour: About pour"])
      // As long, and perhaps within the same millisecond.
      yield* there.skill(at, "brew", "Older words")
      yield* there.skill(at, "brew", "Newer words", "Another body.")
      assert.strictEqual((yield* service.activate("brew")).instructions, "Another body.")
      yield* there.skill(at, "brew", "Newer words", "Anothel body.")
      assert.strictEqual((yield* service.activate("brew")).instructions, "Anothel body.")
      yield* there.remove(`${at}/brew`)
      assert.deepStrictEqual(yield* now, ["project pour: About pour"])
      yield* there.skill("project/.axonal/skills", "pour", "Goes before it")
      assert.deepStrictEqual((yield* now)[0], "project pour: Goes before it")
      const gone = yield* Effect.flip(service.activate("brew"))
      assert.deepStrictEqual(gone.reason, { _tag: "Unknown", names: ["brew"], known: ["pour"] })
    })
  )

  test(
    "what an edit breaks is reported, and its old form not used",
    Effect.gen(function* () {
      const there = yield* world
      yield* there.skill(at, "brew", "Good", "The old way.")
      const service = yield* Skills.make(there.options)
      assert.strictEqual((yield* service.activate("brew")).instructions, "The old way.")
      yield* there.write(`${at}/brew/SKILL.md`, skillText("brew", "''"))
      assert.deepStrictEqual(told(there, yield* service.catalog), [
        `invalid ${at}/brew/SKILL.md:3: the field description is empty`
      ])
      assert.strictEqual((yield* Effect.flip(service.activate("brew"))).reason._tag, "Invalid")
      yield* there.skill(at, "brew", "Mended", "The new way.")
      assert.strictEqual((yield* service.activate("brew")).instructions, "The new way.")
    })
  )

  test(
    "what has not changed is neither read nor parsed again",
    Effect.gen(function* () {
      const there = yield* world
      const { files, reads } = counting(there)
      for (const name of ["a", "b", "c"]) yield* there.skill(at, name)
      yield* there.write(`${at}/c/scripts/run.sh`, "echo")
      for (const path of ["a/SKILL.md", "b/SKILL.md", "c/SKILL.md", "c/scripts"])
        yield* there.age(`${at}/${path}`, 1000)
      const { catalog } = yield* Effect.provideService(Skills.make(there.options), FileSystem.FileSystem, files)
      const first = yield* catalog
      assert.deepStrictEqual(reads.splice(0).sort(), ["a", "b", "c"])
      const again = yield* Effect.all([catalog, catalog, catalog], { concurrency: "unbounded" })
      assert.deepStrictEqual(reads, [])
      assert.isTrue(again.every((one) => one === first))
      yield* there.age(`${at}/a/SKILL.md`, 2000)
      assert.strictEqual(yield* catalog, first)
      assert.deepStrictEqual(reads.splice(0), ["a"])
      yield* there.skill(at, "b", "Changed words")
      yield* there.age(`${at}/b/SKILL.md`, 1000)
      const changed = yield* catalog
      assert.deepStrictEqual(reads.splice(0), ["b"])
      assert.deepStrictEqual(
        changed.skills.map((skill, index) => skill === first.skills[index]),
        [true, false, true]
      )
      yield* there.write(`${at}/c/scripts/more.py`, "print()")
      assert.deepStrictEqual(
        (yield* catalog).skills.map(({ scripts }) => scripts.map(({ tool }) => tool)),
        [[], [], ["c__more", "c__run"]]
      )
    }),
    // File systems tell real times.
    "live"
  )

  test(
    "an edit within the same tick of the file system is seen",
    Effect.gen(function* () {
      const there = yield* world
      const { files, reads } = counting(there)
      yield* TestClock.setTime(10_000_000)
      const write = (description: string) =>
        Effect.zipRight(there.skill(at, "brew", description), there.age(`${at}/brew/SKILL.md`, 9999))
      const { catalog } = yield* Effect.provideService(Skills.make(there.options), FileSystem.FileSystem, files)
      const now = Effect.map(catalog, ({ skills }) => skills.map(({ description }) => description))
      yield* write("One")
      assert.deepStrictEqual(yield* now, ["One"])
      yield* write("Two")
      assert.deepStrictEqual(yield* now, ["Two"])
      yield* TestClock.adjust("3 seconds")
      yield* now
      assert.lengthOf(reads.splice(0), 3)
      yield* now
      assert.deepStrictEqual(reads, [])
    })
  )

  test(
    "what is too large is not read at all",
    Effect.gen(function* () {
      const there = yield* world
      const { files, reads } = counting(there)
      yield* there.skill(at, "huge", "About", "x".repeat(128 * 1024))
      yield* there.skill(at, "small")
      const service = yield* Effect.provideService(Skills.make(there.options), FileSystem.FileSystem, files)
      yield* there.write(`${at}/small/huge.txt`, "x".repeat(1024 * 1024 + 1))
      yield* Effect.flip(service.read("small", "huge.txt"))
      assert.deepStrictEqual(reads, ["small"])
    })
  )

  test(
    "a problem is logged once, and again when it comes back",
    Effect.gen(function* () {
      const there = yield* world
      const lines: Array<string> = []
      const logging = Logger.make(({ logLevel, message }) => {
        lines.push(`${logLevel.label} ${String(message).replaceAll(`${there.root}/`, "")}`)
      })
      const warning = `WARN ${at}/brew/SKILL.md:1: the skill is left out: it does not begin with a line ---: put its front matter there`
      yield* Effect.gen(function* () {
        const { catalog } = yield* Skills.make(there.options)
        yield* there.write(`${at}/brew/SKILL.md`, "broken")
        yield* Effect.all([catalog, catalog])
        assert.deepStrictEqual(lines.splice(0), [warning])
        yield* there.skill(at, "brew")
        yield* catalog
        yield* there.write(`${at}/brew/SKILL.md`, "broken")
        yield* Effect.all([catalog, catalog])
        assert.deepStrictEqual(lines, [warning])
      }).pipe(Effect.provide(Logger.replace(Logger.defaultLogger, logging)), Effect.provide(Logger.add(logging)))
    })
  )

  test(
    "AG-24 AG-38 a narrowed service follows its list and the files",
    Effect.gen(function* () {
      const there = yield* world
      for (const name of ["a", "b", "c"]) yield* there.skill(at, name)
      const all = yield* Skills.make(there.options)
      const two = yield* Skills.narrow(all, ["a", "b"])
      const one = yield* Skills.narrow(["b"])(two)
      const names = ({ catalog }: Skills.Service) => Effect.map(catalog, ({ skills }) => skills.map(({ name }) => name))
      assert.deepStrictEqual([yield* names(two), yield* names(one)], [["a", "b"], ["b"]])
      assert.deepStrictEqual((yield* Effect.flip(Skills.narrow(two, ["c"]))).reason, {
        _tag: "Unknown",
        names: ["c"],
        known: ["a", "b"]
      })
      yield* there.remove(`${at}/b`)
      assert.deepStrictEqual([yield* names(two), yield* names(one)], [["a"], []])
      const reasons = yield* Effect.forEach(
        [two.activate("b"), two.read("c", "x"), two.scripts("c"), one.activate("a")],
        (effect) => Effect.map(Effect.flip<unknown, Skills.SkillError, never>(effect), ({ message }) => message)
      )
      assert.deepStrictEqual(reasons, [
        'There is no skill "b". There are: a.',
        'There is no skill "c". There are: a.',
        'There is no skill "c". There are: a.',
        'There is no skill "a". There are no skills.'
      ])
      assert.strictEqual(yield* one.catalog, yield* one.catalog)
    })
  )
})
