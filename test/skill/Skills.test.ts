import { execFileSync } from "node:child_process"
import * as PlatformError from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import { assert, describe } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Skills from "../../src/skill/Skills.ts"
import { root } from "../support/sources.ts"
import { skillText, test, told, world } from "./folders.ts"

const messageOf = <A, R>(effect: Effect.Effect<A, Skills.SkillError, R>) =>
  Effect.map(Effect.flip(effect), ({ message }) => message)

describe("Skills", () => {
  test(
    "AM-38 a skill of the project goes before one of home",
    Effect.gen(function* () {
      const there = yield* world
      yield* there.skill("home/.agents/skills", "brew", "from home")
      yield* there.skill("home/.agents/skills", "only-home")
      yield* there.skill("project/.agents/skills", "brew", "second in project")
      yield* there.skill("project/.axonal/skills", "brew", "first in project")
      yield* there.skill("project/.claude/skills", "pour")
      const { catalog } = yield* Skills.make(there.options)
      assert.deepStrictEqual(told(there, yield* catalog), [
        "project brew: first in project",
        "home only-home: About only-home",
        "project pour: About pour",
        "shadowed project/.agents/skills/brew/SKILL.md: it is hidden by project/.axonal/skills/brew/SKILL.md",
        "shadowed home/.agents/skills/brew/SKILL.md: it is hidden by project/.axonal/skills/brew/SKILL.md"
      ])
    })
  )

  test(
    "folders are those of the options, home that of the configuration",
    Effect.gen(function* () {
      const there = yield* world
      yield* there.skill("project/mine", "a")
      yield* there.skill("home/mine", "b")
      yield* there.skill("shared/all", "c")
      yield* there.skill("project/.agents/skills", "d")
      const names = (options: Skills.Options, home = there.home) =>
        Skills.make({ project: there.project, ...options }).pipe(
          Effect.flatMap(({ catalog }) => catalog),
          Effect.map(({ skills }) => skills.map(({ name, scope }) => `${scope} ${name}`)),
          Effect.withConfigProvider(ConfigProvider.fromMap(new Map([["HOME", home]])))
        )
      const folders = ["mine", `${there.root}/shared/all`]
      assert.deepStrictEqual(yield* names({ folders }), ["project a", "home b", "project c"])
      assert.deepStrictEqual(yield* names({ folders, home: false }), ["project a", "project c"])
      assert.deepStrictEqual(yield* names({ folders, project: false }), ["home b", "project c"])
      assert.deepStrictEqual(yield* names({ folders }, ""), ["project a", "project c"])
      assert.deepStrictEqual(yield* names({}), ["project d"])
      assert.deepStrictEqual(yield* names({ folders: [] }), [])
    })
  )

  test(
    "AG-38 AM-38 bad skills are reported and harm no other",
    Effect.gen(function* () {
      const there = yield* world
      const at = "project/.agents/skills"
      yield* there.skill(at, "good")
      yield* there.write(`${at}/no-end/SKILL.md`, "---\nname: no-end\n")
      yield* there.write(`${at}/other-name/SKILL.md`, skillText("a-name"))
      yield* there.write(`${at}/twice/SKILL.md`, "---\nname: twice\ndescription: x\nname: twice\n---\n")
      yield* there.write(`${at}/huge/SKILL.md`, skillText("huge", "x", "y".repeat(128 * 1024)))
      yield* there.write(`${at}/nothing-in-it/README.md`, "Hello")
      yield* there.write(`${at}/README.md`, "Beside the skills")
      yield* there.write(`${at}/.hidden/SKILL.md`, "no skill")
      yield* there.write(`${at}/is-folder/SKILL.md/file`, "x")
      yield* there.files.writeFile(`${there.root}/${at}/good/binary`, new Uint8Array())
      yield* there.write(`${at}/binary/x`, "")
      yield* there.files.writeFile(`${there.root}/${at}/binary/SKILL.md`, new Uint8Array([45, 45, 45, 255, 254]))
      yield* there.link("loop-b", `${at}/loop-a`)
      yield* there.link("loop-a", `${at}/loop-b`)
      yield* there.link("nowhere", `${at}/broken`)
      yield* there.write("outside/SKILL.md", skillText("leads-out"))
      yield* there.link(`${there.root}/outside/SKILL.md`, `${at}/leads-out/SKILL.md`)
      yield* there.write("project/.claude/skills", "a file in the place of a folder")
      const service = yield* Skills.make(there.options)
      assert.deepStrictEqual(told(there, yield* service.catalog), [
        "project good: About good",
        `invalid ${at}/broken: it is a link to what is not there`,
        `invalid ${at}/loop-a: it cannot be read: the links on its way run in circles`,
        `invalid ${at}/loop-b: it cannot be read: the links on its way run in circles`,
        `warning ${at}/nothing-in-it: it has no SKILL.md, and is passed over`,
        "invalid project/.claude/skills: it cannot be read (ENOTDIR)",
        `invalid ${at}/binary/SKILL.md: it is no text in UTF-8 (5 bytes)`,
        `invalid ${at}/huge/SKILL.md: it has 131107 bytes: at most 131072 are read`,
        `invalid ${at}/is-folder/SKILL.md: it is no file`,
        `invalid ${at}/leads-out/SKILL.md: it leads out of its folder`,
        `invalid ${at}/no-end/SKILL.md:1: its front matter has no end: add a line --- behind it`,
        `invalid ${at}/other-name/SKILL.md:2: the name "a-name" is not that of its folder, "other-name"`,
        `invalid ${at}/twice/SKILL.md:4: a key stands twice: remove one of them`
      ])
      assert.strictEqual(
        (yield* messageOf(service.activate("no-end"))).replaceAll(there.root, ""),
        `The skill no-end cannot be used until it is mended: /${at}/no-end/SKILL.md:1: the skill is left out: its front matter has no end: add a line --- behind it.`
      )
    })
  )

  test(
    "an unreadable SKILL.md is a problem of that skill",
    Effect.gen(function* () {
      const there = yield* world
      yield* there.skill("project/.agents/skills", "good")
      yield* there.skill("project/.agents/skills", "secret")
      const denied = new PlatformError.SystemError({
        module: "FileSystem",
        method: "readFile",
        reason: "PermissionDenied"
      })
      const files: FileSystem.FileSystem = {
        ...there.files,
        readFile: (path) => (path.includes("secret") ? denied : there.files.readFile(path))
      }
      const { catalog } = yield* Effect.provideService(Skills.make(there.options), FileSystem.FileSystem, files)
      assert.deepStrictEqual(told(there, yield* catalog), [
        "project good: About good",
        "invalid project/.agents/skills/secret/SKILL.md: it cannot be read: permission is denied"
      ])
    })
  )

  test(
    "a bad skill is not replaced by one behind it",
    Effect.gen(function* () {
      const there = yield* world
      yield* there.write("project/.agents/skills/brew/SKILL.md", "broken")
      yield* there.skill("home/.agents/skills", "brew")
      yield* there.link("nowhere", "project/.agents/skills/pour")
      yield* there.skill("home/.agents/skills", "pour")
      const { catalog } = yield* Skills.make(there.options)
      const { problems, skills } = yield* catalog
      assert.deepStrictEqual(skills, [])
      assert.deepStrictEqual(
        problems.map(({ kind, skill }) => `${kind} ${skill}`),
        ["invalid pour", "shadowed brew", "shadowed pour", "invalid brew"]
      )
    })
  )

  test(
    "another way to the same folder is no second skill",
    Effect.gen(function* () {
      const there = yield* world
      yield* there.skill("project/.agents/skills", "brew")
      yield* there.link("../.agents/skills", "project/.claude/skills")
      yield* there.skill("elsewhere", "pour")
      yield* there.link(`${there.root}/elsewhere/pour`, "project/.agents/skills/pour")
      const service = yield* Skills.make({ ...there.options, home: there.project })
      assert.deepStrictEqual(told(there, yield* service.catalog), [
        "project brew: About brew",
        "project pour: About pour"
      ])
      const { skill } = yield* service.activate("pour")
      assert.strictEqual(skill.folder, `${there.root}/elsewhere/pour`)
      assert.strictEqual(skill.file, `${there.project}/.agents/skills/pour/SKILL.md`)
    })
  )

  test(
    "AM-38 allow-lists narrow, and unknown names in them are an error",
    Effect.gen(function* () {
      const there = yield* world
      for (const name of ["a", "b", "c"]) yield* there.skill("project/.agents/skills", name)
      yield* there.write("project/.agents/skills/bad/SKILL.md", "broken")
      const names = (options: Skills.Options) =>
        Effect.flatMap(Skills.make({ ...there.options, ...options }), ({ catalog }) =>
          Effect.map(catalog, ({ problems, skills }) => [...skills.map(({ name }) => name), problems.length])
        )
      assert.deepStrictEqual(yield* names({}), ["a", "b", "c", 1])
      assert.deepStrictEqual(yield* names({ allow: [] }), [0])
      assert.deepStrictEqual(yield* names({ allow: ["c", "a"] }), ["a", "c", 0])
      assert.deepStrictEqual(yield* names({ allow: ["c", "bad"] }), ["c", 1])
      assert.deepStrictEqual(yield* names({ deny: ["b", "bad", "not-there"] }), ["a", "c", 0])
      assert.deepStrictEqual(yield* names({ allow: ["a", "b"], deny: ["b"] }), ["a", 0])
      assert.strictEqual(
        yield* messageOf(Effect.asVoid(names({ allow: ["a", "x", "*"] }))),
        'There is no skill "x", "*". There are: a, b, c.'
      )
    })
  )

  test(
    "a pipe in the place of a file is refused and not waited for",
    Effect.gen(function* () {
      const there = yield* world
      yield* there.skill("project/.agents/skills", "good")
      yield* there.write("project/.agents/skills/pipe/notes.md", "")
      execFileSync("mkfifo", [
        `${there.project}/.agents/skills/pipe/SKILL.md`,
        `${there.project}/.agents/skills/good/pipe.md`
      ])
      const service = yield* Skills.make(there.options)
      assert.deepStrictEqual(told(there, yield* service.catalog), [
        "project good: About good",
        "invalid project/.agents/skills/pipe/SKILL.md: it is no file"
      ])
      assert.match(yield* messageOf(service.read("good", "pipe.md")), /: it is no file\.$/)
    })
  )

  test(
    "of a folder at most 500 entries are looked at",
    Effect.gen(function* () {
      const there = yield* world
      const names = Array.from({ length: 501 }, (_, index) => `s${1000 + index}`)
      yield* Effect.forEach(names, (name) => there.write(`project/.agents/skills/${name}`, ""), { concurrency: 8 })
      const { catalog } = yield* Skills.make(there.options)
      assert.deepStrictEqual(told(there, yield* catalog), [
        "invalid project/.agents/skills: it has 501 entries: only 500 are looked at"
      ])
    })
  )

  test(
    "a blank folder is a programming mistake that is named",
    Effect.gen(function* () {
      const { options } = yield* world
      const making = Effect.asVoid(Skills.make({ ...options, folders: ["skills", " "] }))
      const message = yield* Effect.catchAllDefect(Effect.as(making, "made"), (defect) =>
        Effect.succeed(String(defect))
      )
      assert.strictEqual(
        message,
        "TypeError: Skills option folders must not have a blank name: write . for the project"
      )
    })
  )

  test(
    "the skills of the examples are valid",
    Effect.gen(function* () {
      const folders = [`${root}/examples/skills`]
      const { catalog } = yield* Skills.make({ project: false, home: false, folders })
      const { problems, skills } = yield* catalog
      assert.deepStrictEqual(problems, [])
      assert.deepStrictEqual(
        skills.map(({ name, scripts }) => [name, ...scripts.map(({ tool }) => tool)]),
        [["changelog-entry", "changelog-entry__next-version"], ["incident-report"]]
      )
      const [script] = skills.flatMap(({ scripts }) => scripts)
      const next = (...given: ReadonlyArray<string>) =>
        execFileSync(process.execPath, [script?.file ?? "", ...given], { encoding: "utf8" }).trim()
      assert.deepStrictEqual(
        [next("0.4.2", "breaking"), next("0.4.2", "added"), next("1.4.2", "added"), next("1.4.2", "breaking")],
        ["0.5.0", "0.4.3", "1.5.0", "2.0.0"]
      )
    })
  )
})
