import { assert, describe, it } from "@effect/vitest"
import { read } from "axonal/cli/assistant/typed"

describe("What is typed", () => {
  it("is a command, one for the shell, or words that may wait", () =>
    assert.deepStrictEqual([" /help me ", "!  git status", "!", "& later", "now & then", "&", "1\n2 "].map(read), [
      { _tag: "Command", line: "/help me" },
      { _tag: "Shell", command: "git status" },
      { _tag: "Shell", command: "" },
      { _tag: "Words", text: "later", how: "queue" },
      { _tag: "Words", text: "now & then", how: undefined },
      { _tag: "Words", text: "&", how: undefined },
      { _tag: "Words", text: "1\n2", how: undefined }
    ]))
})
