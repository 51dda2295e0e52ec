import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import type { Scope } from "effect/Scope"
import * as Agent from "../../src/agent/Agent.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import * as Message from "../../src/domain/Message.ts"
import * as Usage from "../../src/domain/Usage.ts"
import * as Cassette from "../../src/testing/Cassette.ts"
import type { Script } from "../../src/testing/ScriptedTransport.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { call, cut, error, file, reasoning, text } from "../../src/testing/ScriptedTransport.ts"
import * as Transport from "../../src/transport/Transport.ts"
import { answered, asked, hello, words } from "../support/middleware.ts"

const fixture = new URL("../fixtures/cassette-v1.json", import.meta.url).pathname

const asking = (content: string) => Transport.request({ messages: [Message.user(content)] })

/** Nothing may be asked. */
const nobody = Layer.fail("the transport was built" as const)

/** A file name in a folder that does not exist yet and is gone after the test. */
const fresh = Effect.gen(function* () {
  const files = yield* FileSystem.FileSystem
  return `${yield* files.makeTempDirectoryScoped()}/new/tape.json`
})

const contents = (path: string) => Effect.flatMap(FileSystem.FileSystem, (files) => files.readFileString(path))

/** What JSON keeps: an absent field and an undefined one are the same. */
const plain = <A>(value: A): A => JSON.parse(JSON.stringify(value))

/** What the requests are answered when they are recorded and when they are replayed, and the file between. */
const twice = (script: Script, requests: ReadonlyArray<Transport.Request>, options?: Cassette.Options) =>
  Effect.gen(function* () {
    const path = yield* fresh
    const ask = Effect.flatMap(Transport.Transport, (self) =>
      Effect.forEach(requests, (request) => Effect.either(asked(self, request)))
    )
    const first = yield* Effect.provide(ask, Cassette.layer(path, ScriptedTransport.layer(script), options))
    const second = yield* Effect.provide(ask, Cassette.layer(path, nobody, options))
    return { path, first: plain(first), second: plain(second), tape: yield* contents(path) }
  })

const withFiles = <A, E>(effect: Effect.Effect<A, E, FileSystem.FileSystem | Scope>) =>
  Effect.provide(Effect.scoped(effect), NodeFileSystem.layer)

/** What a request that is not on the tape is told. */
const told = (path: string, ...contents: ReadonlyArray<string>) =>
  Effect.flatMap(Transport.Transport, (self) =>
    Effect.forEach(contents, (content) => asked(self, asking(content)))
  ).pipe(
    Effect.provide(Cassette.layerReplay(path)),
    Effect.exit,
    Effect.map((exit) => (Exit.isFailure(exit) ? Cause.pretty(exit.cause).split("\n    at ")[0] : "nothing"))
  )

describe("Cassette", () => {
  it.effect("what was recorded is replayed without the transport", () =>
    withFiles(
      Effect.gen(function* () {
        const script = [
          [reasoning("Hm.", { scripted: { signature: "s" } }), text("Hel", "lo")],
          [call("1", "look", { where: "here" })],
          [file("image/png", "iVBORw==")]
        ]
        const { first, second } = yield* twice(script, [asking("a"), asking("b"), asking("c")])
        assert.deepStrictEqual(second, first)
        assert.isTrue(first.every(({ _tag }) => _tag === "Right"))
      })
    )
  )

  it.effect("failures are recorded, refused requests and broken answers alike", () =>
    withFiles(
      Effect.gen(function* () {
        const reason = { _tag: "RateLimited", message: "slow", status: 429, retryAfterMillis: 7000 } as const
        const script = [[error(reason)], [text("half", error("Network"))], [text("half", cut)]]
        const { first, second } = yield* twice(script, [asking("a"), asking("b"), asking("c")])
        assert.deepStrictEqual(second, first)
        assert.deepStrictEqual(
          first.map(({ _tag }) => _tag),
          ["Left", "Left", "Right"]
        )
      })
    )
  )

  it.effect("equal requests have their answers in order, whatever the order of their keys", () =>
    withFiles(
      Effect.gen(function* () {
        const path = yield* fresh
        const script = [[text("one")], [text("two")]]
        const both = Effect.flatMap(Transport.Transport, (self) => Effect.all([answered(self), answered(self)]))
        yield* Effect.provide(both, Cassette.layer(path, ScriptedTransport.layer(script)))
        assert.deepStrictEqual(yield* Effect.provide(both, Cassette.layer(path, nobody)), ["one", "two"])
        const { messages, ...rest } = hello
        const backwards: Transport.Request = {
          messages,
          ...Object.fromEntries(Object.entries(rest).reverse()),
          ...rest
        }
        const again = Effect.flatMap(Transport.Transport, (self) => asked(self, { ...backwards }))
        assert.strictEqual((yield* Effect.provide(again, Cassette.layer(path, nobody))).length, 5)
      })
    )
  )

  it.effect("a request that was not recorded shows how it differs from the nearest", () =>
    withFiles(
      Effect.gen(function* () {
        const { path } = yield* twice([[text("1")], [text("2")]], [asking("Tea?\nOr coffee?"), asking("Red or blue?")])
        assert.strictEqual(
          yield* told(path, "Tea?\nOr cocoa?"),
          [
            `Error: The cassette ${path} has no answer to this request. Record it anew with mode "record" if the change is meant.`,
            "The nearest is its request number 1 of 2 (- recorded, + asked now):",
            "          {",
            '            "text": "Tea?\\n',
            '-             Or coffee?",',
            '+             Or cocoa?",',
            '            "type": "text"',
            "          }",
            "  …"
          ].join("\n")
        )
      })
    )
  )

  it.effect("an answer that is used up is told from one that was never there", () =>
    withFiles(
      Effect.gen(function* () {
        const { path } = yield* twice([[text("1")]], [asking("a")])
        assert.include(
          yield* told(path, "a", "a"),
          "has one answer to this request, and it was asked once more. Record it anew"
        )
      })
    )
  )

  it.effect("record records anew, and replay needs the file", () =>
    withFiles(
      Effect.gen(function* () {
        const { path } = yield* twice([[text("old")]], [hello])
        const ask = Effect.flatMap(Transport.Transport, answered)
        const anew = Cassette.layer(path, ScriptedTransport.layer([[text("new")]]), { mode: "record" })
        assert.strictEqual(yield* Effect.provide(ask, anew), "new")
        assert.strictEqual(yield* Effect.provide(ask, Cassette.layer(path, nobody, { mode: "replay" })), "new")
        const none = yield* Effect.flip(Effect.provide(ask, Cassette.layer(`${path}.none`, nobody, { mode: "replay" })))
        assert.include(String(none), `The cassette ${path}.none cannot be used`)
      })
    )
  )

  it.effect("a file that is no cassette is told so", () =>
    withFiles(
      Effect.gen(function* () {
        const path = yield* fresh
        const files = yield* FileSystem.FileSystem
        yield* files.makeDirectory(path.slice(0, -"/tape.json".length), { recursive: true })
        for (const [broken, problem] of [
          ["", "JSON"],
          ["{}", "version: is missing"],
          ['{"version":2,"model":{"vendor":"v","id":"m"},"interactions":[]}', "version: Expected 1, actual 2"]
        ] as const) {
          yield* files.writeFileString(path, broken)
          const failure = yield* Effect.flip(Layer.build(Cassette.layerReplay(path)))
          assert.deepStrictEqual([failure._tag, failure.path], ["CassetteError", path])
          assert.include(failure.detail, problem)
          assert.isBelow(failure.detail.length, 120)
        }
      })
    )
  )

  it.effect("requests at the same time are recorded in the order of their coming", () =>
    withFiles(
      Effect.gen(function* () {
        const path = yield* fresh
        const script: Script = ({ messages }) => [text(messages[0] === undefined ? "" : Message.toText(messages[0]))]
        const contents4 = ["a", "b", "c", "d"]
        yield* Effect.flatMap(Transport.Transport, (self) =>
          Effect.forEach(contents4, (content) => asked(self, asking(content)), { concurrency: "unbounded" })
        ).pipe(Effect.provide(Cassette.layer(path, ScriptedTransport.layer(script))))
        const tape: { interactions: ReadonlyArray<{ request: Transport.Request }> } = JSON.parse(yield* contents(path))
        assert.deepStrictEqual(
          tape.interactions.map(({ request }) => request.messages.map(Message.toText).join("")),
          contents4
        )
      })
    )
  )

  it.effect("an answer that was let go of ends where it was left", () =>
    withFiles(
      Effect.gen(function* () {
        const path = yield* fresh
        const inner = ScriptedTransport.layer([[text("a", "b", "c")]], { deltasPerPull: 3 })
        yield* Effect.scoped(Effect.flatMap(Transport.Transport, (self) => Effect.flatten(self.open(hello)))).pipe(
          Effect.provide(Cassette.layer(path, inner))
        )
        const again = Effect.flatMap(Transport.Transport, (self) => asked(self))
        const deltas = yield* Effect.provide(again, Cassette.layerReplay(path))
        assert.deepStrictEqual(
          deltas.map(({ _tag }) => _tag),
          ["ResponseStart", "PartStart", "TextDelta"]
        )
      })
    )
  )

  describe("WIRE-5 secrets", () => {
    const key = `sk-proj-${"a1B2".repeat(8)}`
    const jwt = `eyJ${"hbGciOi".repeat(3)}.${"eyJzdWIi".repeat(2)}.${"c2lnbmF0".repeat(2)}`

    it.effect.each([
      ["a key", key, key],
      ["a bearer token", `Authorization: Bearer ${"x".repeat(20)}`, "x".repeat(20)],
      ["a token of three parts", jwt, jwt],
      ["an assignment", 'api_key = "correct-horse"', "correct-horse"],
      ["an assignment in JSON in JSON", JSON.stringify({ a: '{"apiKey":"correct-horse"}' }), "correct-horse"],
      ["a private key", "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----", "MIIE"],
      ["a cloud's", "AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE"]
    ] as const)("%s is not on the tape and is found again", ([, said, secret]) =>
      withFiles(
        Effect.gen(function* () {
          const script = [[text(`You said: ${said}.`), call("1", "use", { said })]]
          const { second, tape } = yield* twice(script, [asking(`Use ${said} now`)])
          assert.notInclude(tape, secret)
          assert.include(tape, "<redacted>")
          assert.isTrue(second.every(({ _tag }) => _tag === "Right"))
        })
      )
    )

    it.effect("one that arrives in pieces is not on the tape", () =>
      withFiles(
        Effect.gen(function* () {
          const pieces = ["It is ", key.slice(0, 10), key.slice(10, 20), key.slice(20), ", keep it."]
          const { second, tape } = yield* twice([[text(...pieces)]], [hello])
          for (const piece of pieces.slice(1, 4)) assert.notInclude(tape, piece)
          assert.deepStrictEqual(
            second.flatMap((answer) =>
              answer._tag === "Right" ? answer.right.flatMap((delta) => ("delta" in delta ? [delta.delta] : [])) : []
            ),
            ["It is <redacted>, keep it."]
          )
        })
      )
    )

    it.effect("one that a vendor repeats in an error, and one in the settings, are not on the tape", () =>
      withFiles(
        Effect.gen(function* () {
          const reason = { _tag: "Authentication", message: `Incorrect API key provided: ${key}` } as const
          const request = { ...hello, settings: { extra: { api_key: "short" } } }
          const { tape } = yield* twice([[error(reason)]], [request])
          assert.deepStrictEqual([tape.includes(key), tape.includes("short")], [false, false])
        })
      )
    )

    it.effect("files are as they were, whatever may be found in them", () =>
      withFiles(
        Effect.gen(function* () {
          const noise = `AAAA/${"AKIA".repeat(5)}/AAAA`
          const picture = Message.user([{ type: "file", mediaType: "image/png", data: { base64: noise } }])
          const { first, second } = yield* twice(
            [[file("image/png", noise)]],
            [Transport.request({ messages: [picture] })]
          )
          assert.deepStrictEqual(second, first)
          assert.include(JSON.stringify(second), noise)
        })
      )
    )

    it.effect("an application names more, and nothing else is touched", () =>
      withFiles(
        Effect.gen(function* () {
          const plain = "Task-7 of skill_levels_and_so_on: token budget 5000, call_0123456789abcdef0123456789abcdef"
          const { tape } = yield* twice([[text(plain)]], [asking("I am Alice, born 1999-01-01")], {
            redact: ["Alice", /\d{4}-\d\d-\d\d/]
          })
          assert.include(tape, "I am <redacted>, born <redacted>")
          assert.include(tape, plain)
        })
      )
    )
  })

  it.effect("a whole run of an agent is replayed, although its calls have new ids", () =>
    withFiles(
      Effect.gen(function* () {
        const path = yield* fresh
        const look = Agent.tool("look", { description: "Look somewhere." }, () => Effect.succeed("a cat"))
        const agent = Agent.make("a", { instructions: "Be brief.", tools: [look] })
        const run = Effect.map(Agent.run(agent, "What is there?"), ({ output }) => output).pipe(
          Effect.provide(ContextStore.layerMemory)
        )
        const script = [[call("", "look"), call("wire", "look")], [text("Two cats.")]]
        yield* Effect.provide(run, Cassette.layer(path, ScriptedTransport.layer(script)))
        assert.strictEqual(yield* Effect.provide(run, Cassette.layer(path, nobody)), "Two cats.")
      })
    )
  )

  it.effect("a recording of version 1 is read, today and tomorrow", () =>
    withFiles(
      Effect.gen(function* () {
        const self = yield* Transport.Transport
        const question = Transport.request({
          messages: [Message.system("Be brief."), Message.user("Is it raining in Oslo?")],
          tools: [{ name: "weather", description: "The weather of a town.", inputSchema: { type: "object" } }],
          settings: { temperature: 0, maxOutputTokens: 500 }
        })
        const first = yield* asked(self, question)
        const second = yield* Effect.flip(asked(self, question))
        const third = yield* Effect.flip(asked(self, asking("Anyone?")))
        assert.deepStrictEqual(
          [
            self.model.id,
            words(first),
            plain(first.at(-1)),
            second.reason,
            second.replay,
            third.reason,
            third.isRetryable
          ],
          [
            "recorder-1",
            [
              "ResponseStart:recorder-1-2026",
              "PartStart:reasoning",
              "ReasoningDelta:They want the weather.",
              "PartEnd:reasoning",
              "PartStart:tool-call",
              'ToolInputDelta:{"town":',
              'ToolInputDelta:"Oslo"}',
              "PartEnd:tool-call",
              "Finish:tool-calls"
            ],
            {
              _tag: "Finish",
              reason: "tool-calls",
              usage: plain(Usage.make({ input: 120, cacheRead: 100, output: 30, reasoning: 10, costUsd: 0.0012 }))
            },
            { _tag: "Network", message: "The connection was lost.", code: "ECONNRESET" },
            "acknowledged",
            { _tag: "RateLimited", message: "Slow down.", status: 429, retryAfterMillis: 7000 },
            true
          ]
        )
      }).pipe(Effect.provide(Cassette.layer(fixture, nobody)))
    )
  )
})
