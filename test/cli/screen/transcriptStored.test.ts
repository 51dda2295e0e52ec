import { assert, describe, it } from "@effect/vitest"
import * as Shell from "axonal/cli/assistant/shell"
import type { Stored } from "axonal/domain/Entry"
import * as Entry from "axonal/domain/Entry"
import type { Part } from "axonal/domain/Part"
import * as Schema from "effect/Schema"
import { opened, runOf, said } from "./transcriptSupport.ts"

const decode = Schema.decodeUnknownSync(Entry.Entry)

const entriesOf = (...entries: ReadonlyArray<object>): ReadonlyArray<Stored> =>
  entries.map((entry, index) => decode({ id: `e${index + 1}`, at: 0, ...entry }))

const message = (role: string, ...parts: ReadonlyArray<Part>) => ({ _tag: "Message", message: { role, parts } })

const call = (id: string, name: string, input: object): Part => ({
  type: "tool-call",
  id,
  name,
  input: JSON.stringify(input)
})

describe("stored", () => {
  it("a session is shown as it went", () => {
    const { text, transcript } = opened()
    transcript.restore(
      entriesOf(
        message("system", { type: "text", text: "Be brief." }),
        message(
          "user",
          { type: "text", text: Shell.toText("git status", "clean\n", "exit code 0, 0 s") },
          { type: "text", text: "Remove x" }
        ),
        message(
          "assistant",
          { type: "reasoning", text: "Hm." },
          { type: "text", text: "I **do**." },
          call("c", "shell", { command: "rm x" })
        ),
        { _tag: "Decision", call: "c", tool: "shell", approved: false, reason: "keep it" },
        message("tool", {
          type: "tool-result",
          id: "c",
          name: "shell",
          outcome: "denied",
          content: [{ type: "text", text: "no" }]
        }),
        {
          _tag: "Compaction",
          through: "e2",
          messages: [],
          reason: "demand",
          dropped: 2,
          tokensBefore: 900,
          tokensAfter: 100
        },
        message("assistant", call("d", "read_file", { path: "a.ts" })),
        { _tag: "Queued", when: "followUp", messages: [said("and then?")] }
      )
    )
    assert.strictEqual(
      text(),
      [
        "! git status",
        "  clean",
        "  exit code 0, 0 s",
        "",
        "› Remove x",
        "",
        "∴ thought",
        "",
        "I do.",
        "",
        "⊘ shell rm x  denied",
        "  └ you denied it: keep it",
        "",
        "… 2 older messages summarised: 900 → 100 tokens",
        "",
        "■ read_file a.ts  interrupted",
        "",
        "› and then?",
        "  (waits until the run ends)"
      ].join("\n")
    )
  })

  it("words that waited join when a run reads them", () => {
    const { push, tell, text, transcript } = opened()
    transcript.restore(entriesOf({ _tag: "Queued", when: "steer", messages: [said("earlier")] }))
    push({ _tag: "Said", input: "now" })
    tell(runOf("r1")("RunStart", { input: [said("earlier"), said("now")] }))
    assert.strictEqual(text(), "› now\n\n› earlier")
  })

  it("words that waited in a conversation that was rewound wait no longer", () => {
    const { text, transcript } = opened()
    const queued = { _tag: "Queued", when: "steer", messages: [said("earlier")] }
    transcript.restore(entriesOf(queued, { _tag: "Marker", marker: { type: "rewind", to: "e1" } }))
    assert.strictEqual(text(), "… rewound to here")
  })

  it("of a long session the last part is shown", () => {
    const { text, transcript } = opened()
    const turns = Array.from({ length: 300 }, (_, index) => [
      message("user", { type: "text", text: `question ${index}` }),
      message("assistant", { type: "text", text: `answer ${index}` })
    ])
    transcript.restore(entriesOf(...turns.flat()))
    const lines = text().split("\n")
    assert.deepStrictEqual(
      [lines[0], lines[2], lines.at(-1)],
      ["… 400 earlier messages of this session", "› question 200", "answer 299"]
    )
  })

  it("a result without words is a card of one line", () => {
    const { text, transcript } = opened()
    transcript.restore(
      entriesOf(
        message("assistant", call("c", "calculate", { expression: "1 + 1" })),
        message("tool", { type: "tool-result", id: "c", name: "calculate", outcome: "ok", content: [] })
      )
    )
    transcript.cards.toggle()
    assert.strictEqual(text(), "● calculate 1 + 1\n  expression: 1 + 1")
  })
})
