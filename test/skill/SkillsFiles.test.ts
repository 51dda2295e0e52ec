import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Skills from "../../src/skill/Skills.ts"
import { test, world } from "./folders.ts"

const at = "project/.agents/skills/brew"

/** A skill with files, and with ways out of its folder. */
const brewing = Effect.gen(function* () {
  const there = yield* world
  yield* there.skill("project/.agents/skills", "brew", "Tea", "Read {baseDir}/references/times.md, not {basedir}.")
  yield* there.write(`${at}/references/times.md`, "Green: 2 minutes")
  yield* there.write(`${at}/references/deep/er/on.md`, "deep")
  yield* there.write(`${at}/scripts/time.py`, "print(2)")
  yield* there.write(`${at}/scripts/_shared.py`, "")
  yield* there.write(`${at}/scripts/notes.md`, "")
  yield* there.write(`${at}/scripts/time.sh`, "")
  yield* there.write(`${at}/scripts/two words.sh`, "")
  yield* there.write(`${at}/scripts/lib/inner.py`, "")
  yield* there.write(`${at}/.env`, "KEY=secret")
  yield* there.write(`${at}/node_modules/x/index.js`, "")
  yield* there.write("project/secret.txt", "secret")
  yield* there.write("project/.agents/skills/brew-more/SKILL.md", "secret")
  yield* there.link("references/times.md", `${at}/link-in.md`)
  yield* there.link("../../../secret.txt", `${at}/link-out.md`)
  yield* there.link("/", `${at}/root`)
  yield* there.link("..", `${at}/references/up`)
  yield* there.link("self", `${at}/self`)
  yield* there.link("../../../../secret.txt", `${at}/scripts/leak.sh`)
  yield* there.link("../references/times.md", `${at}/scripts/inside.sh`)
  const service = yield* Skills.make(there.options)
  return { there, service }
})

describe("Skills, files", () => {
  test(
    "activating gives the instructions, the folder in them, and the files",
    Effect.gen(function* () {
      const { service, there } = yield* brewing
      const { files, instructions, skill } = yield* service.activate("brew")
      assert.strictEqual(instructions, `Read ${there.root}/${at}/references/times.md, not {basedir}.`)
      assert.deepStrictEqual(files, [
        "link-in.md",
        "references/times.md",
        "scripts/_shared.py",
        "scripts/inside.sh",
        "scripts/notes.md",
        "scripts/time.py",
        "scripts/time.sh",
        "scripts/two words.sh",
        "scripts/lib/inner.py",
        "references/deep/er/on.md"
      ])
      assert.strictEqual(skill.folder, `${there.root}/${at}`)
    })
  )

  test(
    "at most 200 files are named, five folders deep",
    Effect.gen(function* () {
      const { service, there } = yield* brewing
      yield* there.write(`${at}/1/2/3/4/in.md`, "")
      yield* there.write(`${at}/1/2/3/4/5/out.md`, "")
      const { files } = yield* service.activate("brew")
      assert.deepStrictEqual([files.includes("1/2/3/4/in.md"), files.includes("1/2/3/4/5/out.md")], [true, false])
      yield* Effect.forEach(
        Array.from({ length: 210 }, (_, at) => at),
        (number) => there.write(`${at}/${number}.md`, "")
      )
      assert.lengthOf((yield* service.activate("brew")).files, 200)
    })
  )

  test(
    "AM-38 files of the skill are read, and none outside of it",
    Effect.gen(function* () {
      const { service, there } = yield* brewing
      const read = (path: string) => Effect.merge(Effect.mapError(service.read("brew", path), ({ message }) => message))
      for (const path of ["references/times.md", "./references//times.md", "link-in.md", "scripts/inside.sh"]) {
        assert.strictEqual(yield* read(path), "Green: 2 minutes", path)
      }
      yield* there.files.writeFile(`${there.root}/${at}/tea.png`, new Uint8Array([137, 80, 78, 71, 0, 255]))
      yield* there.write(`${at}/huge.txt`, "x".repeat(1024 * 1024 + 1))
      const relative = "paths of a skill are relative: begin at its folder"
      const problems: Readonly<Record<string, string>> = {
        "": "the path is empty: give one such as references/guide.md",
        ".": "the path is empty: give one such as references/guide.md",
        "../brew-more/SKILL.md": "paths of a skill have no .. in them",
        "references/../../brew/SKILL.md": "paths of a skill have no .. in them",
        "/etc/passwd": relative,
        [`${there.root}/${at}/references/times.md`]: relative,
        "C:/x": relative,
        "references\\times.md": "paths of a skill are written with /",
        ".env": "hidden files of a skill are not read",
        "a\0b": "that is no path",
        "link-out.md": "it leads out of the skill's folder",
        "root/etc/hostname": "it leads out of the skill's folder",
        "references/up/../x": "paths of a skill have no .. in them",
        self: "it cannot be read: the links on its way run in circles",
        references: "it is no file",
        "tea.png": "it is no text in UTF-8 (6 bytes)",
        "huge.txt": "it has 1048577 bytes: at most 1048576 are read",
        "SKILL.md/x": "it cannot be read (ENOTDIR)"
      }
      for (const [path, problem] of Object.entries(problems)) {
        assert.strictEqual(yield* read(path), `The file ${JSON.stringify(path)} of the skill brew: ${problem}.`)
      }
      assert.match(
        yield* read("nothing.md"),
        /there is no such file: there are huge\.txt, link-in\.md, tea\.png, references/
      )
      assert.strictEqual((yield* Effect.flip(service.read("pour", "x"))).reason._tag, "Unknown")
    })
  )

  test(
    "no path that can be written reads what is outside",
    Effect.gen(function* () {
      const { service, there } = yield* brewing
      const parts = [
        "..",
        ".",
        "",
        "references",
        "up",
        "root",
        "link-out.md",
        "secret.txt",
        "brew-more",
        "SKILL.md",
        there.root
      ]
      const paths = FastCheck.array(FastCheck.constantFrom(...parts), { maxLength: 6 }).map((some) => some.join("/"))
      for (const path of FastCheck.sample(paths, { numRuns: 100, seed: 7 })) {
        const text = yield* Effect.merge(Effect.mapError(service.read("brew", path), () => ""))
        assert.notInclude(text, "secret", path)
      }
    })
  )

  test(
    "AM-38 scripts are named after the skill and themselves",
    Effect.gen(function* () {
      const { service, there } = yield* brewing
      assert.deepStrictEqual(yield* service.scripts("brew"), [
        {
          skill: "brew",
          tool: "brew__inside",
          path: "scripts/inside.sh",
          file: `${there.root}/${at}/references/times.md`
        },
        { skill: "brew", tool: "brew__time", path: "scripts/time.py", file: `${there.root}/${at}/scripts/time.py` }
      ])
      const { problems } = yield* service.catalog
      assert.deepStrictEqual(
        problems.filter(({ skill }) => skill === "brew").map(({ kind, problem }) => `${kind}: ${problem}`),
        [
          "warning: scripts/time.sh is no tool: scripts/time.py has its name already",
          "warning: scripts/two words.sh is no tool: name it with letters, digits, _ and - only"
        ]
      )
    })
  )
})
