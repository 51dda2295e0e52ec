import { assert, describe, it } from "@effect/vitest"
import * as Agent from "axonal/agent/Agent"
import * as ContextStore from "axonal/context/ContextStore"
import { SessionId } from "axonal/domain/Ids"
import * as Message from "axonal/domain/Message"
import * as Part from "axonal/domain/Part"
import * as Offline from "axonal/transport/Offline"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Schema from "effect/Schema"
import { answer, calls, callsOf, number, partsOf, send, string, textOf, tool } from "./offlineCalls.ts"

const words = "read list search how many lines files in the and , . what is 2 * ( ) { } \" ' a.txt %".split(" ")

describe("Offline", () => {
  describe("planning", () => {
    const cases: ReadonlyArray<readonly [string, ReadonlyArray<unknown>]> = [
      ["read README.md and tell me what this is", [["read", { path: "README.md" }]]],
      ["Please show me src/index.ts.", [["read", { path: "src/index.ts" }]]],
      ["read a.txt, b.txt and c.txt", ["a.txt", "b.txt", "c.txt"].map((path) => ["read", { path }])],
      ["read lines 3 to 10 of a.txt", [["read", { path: "a.txt", from: 3, to: 10 }]]],
      ["list", [["list", {}]]],
      ["what files are in src?", [["list", { path: "src" }]]],
      ["how many files are there?", [["list", { recursive: true }]]],
      ["search rock and roll in src", [["search", { pattern: "rock and roll", path: "src" }]]],
      ['search for "a and b"', [["search", { pattern: "a and b" }]]],
      ["how many lines has package.json", [["read", { path: "package.json" }]]],
      ["2*(3+4)", [["calculate", { expression: "2*(3+4)" }]]],
      ["what is 12% of 80?", [["calculate", { expression: "12 / 100 * 80" }]]],
      [
        "list the files and read package.json",
        [
          ["list", {}],
          ["read", { path: "package.json" }]
        ]
      ],
      ["read a.txt and then read a.txt", [["read", { path: "a.txt" }]]],
      ["what is this project about?", [["read", { path: "README.md" }]]],
      ["what is in src?", [["list", { path: "src" }]]],
      ["show me src/agent", [["list", { path: "src/agent" }]]],
      ["where is Loop defined?", [["search", { pattern: "Loop" }]]],
      ["what is the square root of 16", [["calculate", { expression: "sqrt(16)" }]]],
      ["read a.md and b.md and tell me what they are", ["a.md", "b.md"].map((path) => ["read", { path }])],
      ["write me a poem", []]
    ]
    for (const [text, expected] of cases) {
      it.effect(`plans: ${text}`, () =>
        Effect.map(calls(text), (actual) => assert.deepStrictEqual(actual, [...expected]))
      )
    }

    it.effect("long and repetitive requests are read too", () =>
      Effect.gen(function* () {
        const repeated = ["are there ", "in the ", "this is ", "read and ", "1+(", "%of ", '"', "  ", "!"]
        for (const text of repeated.flatMap((words) => [`how many files ${words.repeat(40)}`, words.repeat(20_000)])) {
          assert.strictEqual((yield* send([Message.user(text)])).at(-1)?._tag, "Finish")
        }
      })
    )

    it.effect("a named tool of the application is called with its arguments", () =>
      Effect.gen(function* () {
        const own = {
          tools: [
            tool("greet", { name: string }, ["name"]),
            tool("get_weather", { city: string, unit: { enum: ["celsius", "kelvin"] } }, ["city"]),
            tool("add", { left: number, right: number }, ["left", "right"]),
            tool("readFile", { filePath: string }, ["filePath"])
          ]
        }
        assert.deepStrictEqual(yield* calls("Greet Alice and greet Bob", own), [
          ["greet", { name: "Alice" }],
          ["greet", { name: "Bob" }]
        ])
        assert.deepStrictEqual(yield* calls('call greet with {"name":"Ann, and Bo"}', own), [
          ["greet", { name: "Ann, and Bo" }]
        ])
        assert.deepStrictEqual(yield* calls("what is the weather in Paris", own), [["get_weather", { city: "Paris" }]])
        assert.deepStrictEqual(yield* calls("add 2 and 3.5", own), [["add", { left: 2, right: 3.5 }]])
        assert.deepStrictEqual(yield* calls("add right=1 left=2", own), [["add", { left: 2, right: 1 }]])
        assert.deepStrictEqual(yield* calls("read a.txt", own), [["readFile", { filePath: "a.txt" }]])
        assert.deepStrictEqual(
          textOf(yield* send([Message.user("add 2")], own)),
          "To call add I need right. For example: add right=…"
        )
      })
    )

    it.effect("parallel calls are held back when the settings say so", () =>
      Effect.map(calls("list and read a.txt", { settings: { parallelToolCalls: false } }), (actual) =>
        assert.deepStrictEqual(actual, [["list", {}]])
      )
    )

    it.effect("forbidden tools are not called", () =>
      Effect.gen(function* () {
        const deltas = yield* send([Message.user("read a.txt")], { toolChoice: "none" })
        assert.deepStrictEqual([callsOf(deltas), textOf(deltas)] satisfies ReadonlyArray<unknown>, [
          [],
          "I did not get to call read."
        ])
      })
    )

    it.effect("steering while tools run joins the request", () =>
      Effect.gen(function* () {
        const first = partsOf(yield* send([Message.user("read a.txt")]))
        const result: Part.ToolResult = {
          type: "tool-result",
          id: "offline_1",
          name: "read",
          outcome: "ok",
          content: [Part.text("alpha")]
        }
        const steered = [
          Message.user("read a.txt"),
          Message.assistant(first),
          Message.tool([result]),
          Message.user("and list src")
        ]
        assert.deepStrictEqual(callsOf(yield* send(steered)), [["list", { path: "src" }]])
      })
    )

    it.effect("a request after an interrupted one starts afresh", () =>
      Effect.gen(function* () {
        const parts = partsOf(yield* send([Message.user("read a.txt")]))
        const cut: Part.ToolResult = {
          type: "tool-result",
          id: "offline_1",
          name: "read",
          outcome: "interrupted",
          content: []
        }
        const history = [Message.user("read a.txt"), Message.assistant(parts), Message.tool([cut])]
        assert.deepStrictEqual(callsOf(yield* send([...history, Message.user("list")])), [["list", {}]])
        assert.deepStrictEqual(callsOf(yield* send([...history, Message.user("read a.txt")])), [
          ["read", { path: "a.txt" }]
        ])
      })
    )
  })

  describe("answering", () => {
    const readme = "# Title\n\n[![badge](x)](y)\n\n> A **small** tool\n> for [tests](z).\n\n## More\n\ntext\n"

    it.effect("quotes title and first paragraph of the file", () =>
      Effect.map(answer("read README.md and tell me what this is", readme), (text) =>
        assert.strictEqual(
          text,
          "README.md is titled “Title”. It says:\n\n> A small tool for tests.\n\n" +
            "(Quoted from the file. Offline there is no model to say more.)"
        )
      )
    )

    it.effect("quotes name and description of a package", () =>
      Effect.map(answer("explain package.json", '{"name":"axonal","description":"A runtime."}'), (text) =>
        assert.include(text, "package.json is titled “axonal”. It says:\n\n> A runtime.")
      )
    )

    it.effect("counts from the results", () =>
      Effect.gen(function* () {
        assert.strictEqual(yield* answer("how many lines has a.txt", "1\n2\n3\n"), "a.txt has 3 lines.")
        assert.strictEqual(
          yield* answer("how many lines has a.txt", "1\n2\n[lines 1-2 of 900; read on with from: 3]"),
          "a.txt has 900 lines."
        )
        assert.strictEqual(yield* answer("how many files are in src", "a.ts\nb/\nb/c.ts\n"), "2 files in src.")
        assert.strictEqual(yield* answer("what is 6 times 7", "42"), "6 * 7 = 42")
      })
    )

    it.effect("failures of tools are told as they are", () =>
      Effect.gen(function* () {
        assert.strictEqual(yield* answer("read x.txt", "no such file", "failed"), "read (x.txt) failed: no such file")
        assert.strictEqual(yield* answer("read x.txt", "not today", "denied"), "read (x.txt) was denied: not today")
      })
    )

    it.effect("says what no declared tool can do", () =>
      Effect.map(send([Message.user("read a.txt")], { tools: [] }), (deltas) =>
        assert.strictEqual(
          textOf(deltas),
          "I cannot read files: no tool of this program does that. No tools are declared at all."
        )
      )
    )

    it.effect("says that there is no model and how to connect one", () =>
      Effect.gen(function* () {
        const text = textOf(yield* send([Message.user("write me a poem")]))
        for (const part of ["I cannot answer “write me a poem”", "no language model", "OPENAI_API_KEY", "Ollama"]) {
          assert.include(text, part)
        }
        assert.include(yield* answer("list and write me a poem", "a.txt"), "I did not do this")
      })
    )

    it.effect("recalls what was asked before", () =>
      Effect.map(
        send([Message.user("list src"), Message.assistant("In src: …"), Message.user("what did I ask before?")]),
        (deltas) => assert.strictEqual(textOf(deltas), "Earlier in this conversation you asked:\n1. list src")
      )
    )

    it.effect("describes attached text", () =>
      Effect.map(
        send([Message.user([Part.text("what is this?"), Part.text(`<stdin>\n${readme}</stdin>`)])]),
        (deltas) => assert.include(textOf(deltas), "the attached text is titled “Title”")
      )
    )
  })

  describe("with an agent", () => {
    const greeter = Agent.make("greeter", {
      tools: [
        Agent.tool("greet", { parameters: { name: Schema.String } }, ({ name }) => Effect.succeed(`Hello, ${name}!`)),
        Agent.tool("read", { parameters: { path: Schema.String } }, ({ path }) => Effect.fail(`${path} is not here`))
      ]
    })

    it.effect("tools of the application truly run", () =>
      Effect.gen(function* () {
        const result = yield* Agent.run(greeter, "greet Alice, read a.txt and whistle")
        assert.deepStrictEqual(
          [result.reason, result.turns, result.output],
          [
            "completed",
            2,
            "greet: Hello, Alice!\n\nread (a.txt) failed: a.txt is not here\n\n" +
              "I did not do this, because there is no model here to do it: “whistle”."
          ]
        )
      }).pipe(Effect.provide([Offline.layer, ContextStore.layerMemory]))
    )

    it.effect("one session is remembered over runs", () =>
      Effect.gen(function* () {
        const session = SessionId.make("one")
        yield* Agent.run(greeter, "greet Alice", { session })
        const result = yield* Agent.run(greeter, "what did I ask?", { session })
        assert.strictEqual(result.output, "Earlier in this conversation you asked:\n1. greet Alice")
      }).pipe(Effect.provide([Offline.layer, ContextStore.layerMemory]))
    )
  })

  describe("stream", () => {
    it.effect("deltas come in a legal order and add up to the parts", () =>
      Effect.gen(function* () {
        const deltas = yield* send([Message.user("hello")])
        const texts = deltas.flatMap((delta) => (delta._tag === "TextDelta" ? [delta.delta] : []))
        assert.strictEqual(texts.join(""), textOf(deltas))
        assert.isTrue(texts.every((text) => text.trim().split(/\s+/).length === 1))
        assert.deepStrictEqual(
          deltas.map(({ _tag }) => _tag).filter((tag) => tag !== "TextDelta"),
          ["ResponseStart", "PartStart", "PartEnd", "Finish"]
        )
        const calling = yield* send([Message.user("list and read a.txt")])
        assert.deepStrictEqual(
          calling.map((delta) => ("index" in delta ? `${delta._tag} ${delta.index}` : delta._tag)),
          [
            "ResponseStart",
            ...[0, 1].flatMap((index) => ["PartStart", "ToolInputDelta", "PartEnd"].map((tag) => `${tag} ${index}`)),
            "Finish"
          ]
        )
      })
    )

    it.effect("usage is estimated and free", () =>
      Effect.map(send([Message.user("list")]), (deltas) => {
        const finish = deltas.at(-1)
        assert.isTrue(finish?._tag === "Finish" && finish.reason === "tool-calls" && finish.usage.estimated)
        assert.isTrue(finish?._tag === "Finish" && finish.usage.costUsd === 0)
      })
    )

    it.effect("an output limit cuts the answer as length", () =>
      Effect.map(send([Message.user("hello")], { settings: { maxOutputTokens: 5 } }), (deltas) => {
        const finish = deltas.at(-1)
        assert.deepStrictEqual(
          [textOf(deltas).length, finish?._tag === "Finish" ? finish.reason : undefined],
          [20, "length"]
        )
      })
    )

    it.effect.prop(
      "whatever is asked is answered",
      [FastCheck.array(FastCheck.oneof(FastCheck.string(), FastCheck.constantFrom(...words)), { maxLength: 12 })],
      ([asked]) =>
        Effect.map(send([Message.user(asked.join(" "))]), (deltas) => {
          assert.strictEqual(deltas.at(-1)?._tag, "Finish")
          assert.isTrue(partsOf(deltas).every((part) => part.type !== "text" || part.text !== ""))
        })
    )

    it.effect("the same request gives the same deltas", () =>
      Effect.gen(function* () {
        const messages = [Message.user("list and search x")]
        assert.deepStrictEqual(yield* send(messages), yield* send(messages))
      })
    )

    it.effect("structured output is an invalid request", () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(send([Message.user("list")], { responseFormat: { type: "json" } }))
        assert.deepStrictEqual(
          [error._tag, error.reason._tag, error.isRetryable],
          ["TransportError", "InvalidRequest", false]
        )
      })
    )
  })
})
