import { assert, describe, it } from "@effect/vitest"
import { help as mainHelp, parse as parseMain } from "axonal/cli/args"
import { help, parse } from "axonal/cli/sessions/args"
import * as FastCheck from "effect/FastCheck"

const none = {
  ...{ words: [], all: false, json: false, yes: false, entries: false, undo: false, remove: false, color: true },
  ...{ dataDir: undefined, at: undefined, to: undefined, title: undefined, label: undefined },
  ...{ back: undefined, limit: undefined, olderThan: undefined }
}

const asked = (...args: ReadonlyArray<string>) => {
  const parsed = parse(args)
  return parsed._tag === "Asked" ? parsed.options : parsed
}

const problem = (line: string): string => {
  const parsed = parse(line.split(" "))
  return parsed._tag === "Invalid" ? parsed.message : parsed._tag
}

const actions = Array.from(help.matchAll(/^ {2}([a-z]+) /gm), ([, action = ""]) => action)

describe("sessions/args", () => {
  it("without a word it is a list", () => {
    assert.deepStrictEqual(asked(), { ...none, action: "list" })
    assert.deepStrictEqual(asked("-a", "-n", "3", "--label", "x"), {
      ...none,
      ...{ action: "list", all: true, limit: 3, label: "x" }
    })
  })

  it("words and flags belong to their action", () => {
    assert.deepStrictEqual(asked("rewind", "plan", "12"), { ...none, action: "rewind", words: ["plan", "12"] })
    assert.deepStrictEqual(asked("rewind", "--back=2", "plan"), { ...none, action: "rewind", words: ["plan"], back: 2 })
    assert.deepStrictEqual(asked("prune", "--older-than", "8w", "-y"), {
      ...none,
      ...{ action: "prune", olderThan: 56, yes: true }
    })
    assert.deepStrictEqual(asked("rename", "plan", "My", "trip"), {
      ...none,
      ...{ action: "rename", words: ["plan", "My", "trip"] }
    })
  })

  it("what is wrong is said in one line", () => {
    assert.deepStrictEqual(
      [
        "shwo",
        "remove",
        "list plan",
        "search",
        "rm",
        "rename plan",
        "show --limit 3",
        "list --limit x",
        "list --limit 0",
        "rewind plan",
        "rewind plan 3 --back 2",
        "fork a b --at c",
        "prune",
        "prune --older-than 3",
        "list --jsn",
        "export a b c",
        "show "
      ].map(problem),
      [
        "there is no axonal sessions shwo, did you mean show?",
        "there is no axonal sessions remove, did you mean rm?",
        'axonal sessions list does not take "plan"',
        "axonal sessions search needs words to look for",
        "axonal sessions rm needs the sessions to erase: axonal sessions rm ID",
        'axonal sessions rename needs a session and its title: axonal sessions rename ID "TITLE"',
        "axonal sessions show does not take --limit",
        '--limit is a number from 1 on, not "x"',
        '--limit is a number from 1 on, not "0"',
        "axonal sessions rewind needs to know where to: an entry behind the id, --back N, or --undo",
        "axonal sessions rewind takes one of an entry, --back and --undo",
        "the entry is given twice",
        "axonal sessions prune needs an age: --older-than 90d",
        '--older-than is an age such as 12h, 90d, 8w or 1y, not "3"',
        "unknown flag --jsn, did you mean --json?",
        'axonal sessions export does not take "c"',
        "axonal sessions show was given an empty word"
      ]
    )
  })

  it("never throws, whatever stands there", () => {
    const word = FastCheck.oneof(
      FastCheck.string(),
      FastCheck.constantFrom(...actions, "--back", "--limit=3", "-n", "--")
    )
    FastCheck.assert(
      FastCheck.property(FastCheck.array(word, { maxLength: 6 }), (args) => {
        const parsed = parse(args)
        assert.isFalse(parsed._tag === "Invalid" && (parsed.message === "" || parsed.message.includes("\n")))
      })
    )
  })

  it("help names every action and every flag, on one screen", () => {
    assert.deepStrictEqual(
      actions
        .map((action) => asked(action, "--json"))
        .filter((it) => "message" in it && /there is no/.test(it.message)),
      []
    )
    for (const flag of [
      "all",
      "limit",
      "label",
      "json",
      "yes",
      "entries",
      "undo",
      "remove",
      "back",
      "title",
      "older-than",
      "data-dir",
      "no-color"
    ]) {
      assert.include(help, `--${flag}`)
    }
    for (const text of [help, mainHelp]) {
      const lines = text.split("\n")
      assert.deepStrictEqual(
        lines.filter((line) => line.length > 120),
        []
      )
      assert.isAtMost(lines.length, 45)
    }
  })

  it("the program hands its own help and the rest on", () => {
    assert.deepStrictEqual(parseMain(["sessions", "--help"]), { _tag: "Help", of: "sessions" })
    assert.deepStrictEqual(parseMain(["sessions", "rm", "x", "-y"]), {
      ...{ _tag: "Command", name: "sessions", args: ["rm", "x", "-y"] }
    })
  })

  it("fork is a flag that may have a value", () => {
    const optionsOf = (...args: ReadonlyArray<string>) => {
      const parsed = parseMain(args)
      if (parsed._tag !== "Run") return parsed
      const { continue: goesOn, fork, prompt, session } = parsed.options
      return { goesOn, fork, prompt, session }
    }
    const plain = { goesOn: false, fork: true, prompt: "hi", session: undefined }
    assert.deepStrictEqual(optionsOf("--fork", "hi"), plain)
    assert.deepStrictEqual(optionsOf("-c", "--fork", "hi"), { ...plain, goesOn: true })
    assert.deepStrictEqual(optionsOf("--fork=plan", "hi"), { ...plain, session: "plan" })
    assert.deepStrictEqual(optionsOf("--fork", "-s", "plan", "hi"), { ...plain, session: "plan" })
    assert.deepStrictEqual(optionsOf("--", "--fork=plan"), { ...plain, fork: false, prompt: "--fork=plan" })
    assert.deepStrictEqual(optionsOf("--fork", "--no-save", "hi"), {
      ...{ _tag: "Invalid", message: "--fork needs saved sessions, --no-save keeps none" }
    })
  })
})
