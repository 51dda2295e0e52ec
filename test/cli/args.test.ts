import type { Server } from "node:http"
import { createServer } from "node:http"
import { assert, describe, it } from "@effect/vitest"
import { help, parse } from "axonal/cli/args"
import { dataDir } from "axonal/cli/sessions/sessions"
import type { Choice } from "axonal/cli/vendors"
import { announce, choose } from "axonal/cli/vendors"
import * as ModelString from "axonal/transport/ModelString"
import * as Models from "axonal/transport/Models"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"

const none = {
  prompt: undefined,
  session: undefined,
  continue: false,
  fork: false,
  model: undefined,
  baseUrl: undefined,
  json: false,
  offline: false,
  maxTurns: undefined,
  maxCostUsd: undefined,
  timeoutMillis: undefined,
  outputSchema: undefined,
  temperature: undefined,
  maxTokens: undefined,
  thinking: undefined,
  tools: undefined,
  sandbox: undefined,
  permission: undefined,
  files: [],
  dataDir: undefined,
  save: true,
  compact: true,
  color: true,
  interactive: false,
  plain: false,
  debug: false
} as const

describe("args", () => {
  it("tools and their sandbox are named, and only those that there are", () => {
    const chosen = parse(["--tools", "all", "--sandbox=bubblewrap", "hi"])
    assert.deepStrictEqual(chosen, {
      _tag: "Run",
      options: { ...none, prompt: "hi", tools: "all", sandbox: { kind: "bubblewrap" } }
    })
    const images = ["container", "container:node:22", "local"].map((value) => {
      const parsed = parse(["--sandbox", value, "hi"])
      return parsed._tag === "Run" ? parsed.options.sandbox : parsed
    })
    assert.deepStrictEqual(images, [
      { kind: "container", image: "debian:stable-slim" },
      { kind: "container", image: "node:22" },
      { kind: "local" }
    ])
    const wrong = [
      ["--tools", "some"],
      ["--sandbox", "jail"],
      ["--tools", ""]
    ].map((args) => parse([...args, "hi"]))
    assert.deepStrictEqual(
      wrong.map((parsed) => (parsed._tag === "Invalid" ? parsed.message : parsed._tag)),
      [
        '--tools is all, reading or none, not "some"',
        '--sandbox is local, bubblewrap, container or container:IMAGE, not "jail"',
        '--tools is all, reading or none, not ""'
      ]
    )
  })

  it("commands keep what follows them, and have help of their own", () => {
    assert.deepStrictEqual(parse(["run", "team", "--json", "hi"]), {
      ...{ _tag: "Command", name: "run" },
      args: ["team", "--json", "hi"]
    })
    assert.deepStrictEqual(
      [parse(["run", "-h"]), parse(["sessions", "--help"]), parse(["models", "-h"])],
      [{ _tag: "Help", of: "run" }, { _tag: "Help", of: "sessions" }, { _tag: "Help" }]
    )
  })

  it("flags and words become options", () => {
    assert.deepStrictEqual(parse([]), { _tag: "Run", options: none })
    const args = [
      "-s",
      "a",
      "read",
      "x",
      "--max-turns=3",
      "-m",
      "m",
      "--no-color",
      "--no-save",
      "--json",
      "--",
      "--help"
    ]
    assert.deepStrictEqual(parse(args), {
      _tag: "Run",
      options: {
        ...none,
        prompt: "read x --help",
        session: "a",
        maxTurns: 3,
        model: "m",
        color: false,
        save: false,
        json: true
      }
    })
    assert.deepStrictEqual([parse(["hi", "-h"]), parse(["-v"])], [{ _tag: "Help" }, { _tag: "Version" }])
  })

  it("a near miss is named", () => {
    const suggestions = ["--contine", "--modle", "--max-turn", "--basurl", "-x", "--zebra"].map((flag) => {
      const parsed = parse([flag, "hi"])
      return parsed._tag === "Invalid" ? parsed.message : parsed._tag
    })
    assert.deepStrictEqual(suggestions, [
      "unknown flag --contine, did you mean --continue?",
      "unknown flag --modle, did you mean --model?",
      "unknown flag --max-turn, did you mean --max-turns?",
      "unknown flag --basurl, did you mean --base-url?",
      "unknown flag -x",
      "unknown flag --zebra"
    ])
  })

  it("a command stands first and reads the rest by itself", () => {
    assert.deepStrictEqual(parse(["models", "gpt", "--json"]), {
      _tag: "Command",
      name: "models",
      args: ["gpt", "--json"]
    })
    assert.deepStrictEqual(parse(["login", "codex", "-h"]), { _tag: "Help" })
    assert.strictEqual(parse(["--json", "models"])._tag, "Run")
    assert.strictEqual(parse(["models of cars"])._tag, "Run")
  })

  it("a value that begins with a dash is written with =", () => {
    assert.deepStrictEqual(parse(["--session", "-x", "hi"]), {
      _tag: "Invalid",
      message: "--session needs a value; for one that begins with - write --session=VALUE"
    })
  })
})

describe("vendors", () => {
  const nothing = { baseUrl: undefined, model: undefined, offline: false }
  const nobody = { OLLAMA_HOST: "127.0.0.1:1" }
  const plain = (choice: Choice) =>
    choice._tag === "Online"
      ? [choice.vendor, choice.model, choice.baseUrl, choice.key && Redacted.value(choice.key)]
      : choice._tag

  it.effect("the first key that is set decides, in a fixed order", () =>
    Effect.gen(function* () {
      const groq = ["groq", "openai/gpt-oss-120b", undefined, "g"]
      const environment = { ...nobody, XAI_API_KEY: "x", GROQ_API_KEY: " g ", OPENROUTER_API_KEY: " " }
      assert.deepStrictEqual(plain(yield* choose(nothing, environment)), groq)
      const both = yield* choose(nothing, { ...environment, OPENAI_API_KEY: "o" })
      assert.deepStrictEqual(plain(both), ["openai", "gpt-6-luna", undefined, "o"])
      assert.strictEqual(announce(both), "openai gpt-6-luna (OPENAI_API_KEY is set)")
    })
  )

  it.effect("a model may name its vendor, and colons in models are left alone", () =>
    Effect.gen(function* () {
      const environment = { OPENAI_API_KEY: "o", XAI_API_KEY: "x" }
      const named = yield* choose({ ...nothing, model: "xai:grok-5" }, environment)
      assert.deepStrictEqual(plain(named), ["xai", "grok-5", undefined, "x"])
      const own = yield* choose({ ...nothing, model: "ft:mine:1" }, environment)
      assert.deepStrictEqual(plain(own), ["openai", "ft:mine:1", undefined, "o"])
    })
  )

  it.effect("AM-33 a model string names vendor, address, key and flags", () =>
    Effect.gen(function* () {
      const environment = { ...nobody, OPENAI_API_KEY: "o", MY_KEY: "m", GOOGLE_API_KEY: "g" }
      const named = (model: string, baseUrl?: string) => choose({ ...nothing, model, baseUrl }, environment)
      const at = yield* named("compatible:mine@http://h/v1;key=MY_KEY;temperature=0.2")
      assert.deepStrictEqual(plain(at), ["compatible", "mine", "http://h/v1", "m"])
      assert.deepStrictEqual(at._tag === "Online" && at.named.flags.settings, { temperature: 0.2 })
      assert.deepStrictEqual(plain(yield* named("mine@http://h/v1")), ["compatible", "mine", "http://h/v1", undefined])
      assert.deepStrictEqual(plain(yield* named("gemini:gemini-3.8-flash")), [
        "google",
        "gemini-3.8-flash",
        undefined,
        "g"
      ])
      assert.deepStrictEqual(plain(yield* named("openai:m", "http://h/v1")), ["openai", "m", "http://h/v1", "o"])
      assert.deepStrictEqual(plain(yield* named("m;max=9", "http://h/v1")), [
        "openai-compatible",
        "m",
        "http://h/v1",
        "o"
      ])
      assert.deepStrictEqual(yield* named("offline"), { _tag: "Offline", why: "as asked by the model" })
    })
  )

  it.effect("AM-33 a vendor misspelled lists the vendors, a model with a colon is one", () =>
    Effect.gen(function* () {
      const environment = { ...nobody, OPENAI_API_KEY: "o" }
      const problem = (model: string) =>
        Effect.map(Effect.either(choose({ ...nothing, model }, environment)), (result) =>
          result._tag === "Left" ? result.left.message : plain(result.right)
        )
      for (const model of ["opnai:gpt-5-mini", "antropic:new", "foo:gpt-5-mini", "xia:grok-4.7"]) {
        assert.match(String(yield* problem(model)), /^"\w+" is no vendor\. Vendors: openai, .*llamacpp$/)
      }
      assert.deepStrictEqual(yield* problem("qwen3:8b"), ["openai", "qwen3:8b", undefined, "o"])
      assert.include(yield* problem("openai:m;max=some"), "The flag max takes a number of tokens")
      assert.include(yield* problem("llamacpp:tiny.gguf"), "LlamaCpp.layer")
    })
  )

  it.effect("of several keys the one counts whose vendor has the model", () =>
    Effect.gen(function* () {
      const environment = { OPENAI_API_KEY: "o", ANTHROPIC_API_KEY: "a", MISTRAL_API_KEY: "m" }
      const chosen = (model: string) => Effect.map(choose({ ...nothing, model }, environment), plain)
      const claude = yield* chosen("claude-haiku-4-5-20251001;effort=low")
      assert.deepStrictEqual(claude, ["anthropic", "claude-haiku-4-5-20251001", undefined, "a"])
      assert.deepStrictEqual(yield* chosen("nobody's"), ["openai", "nobody's", undefined, "o"])
    })
  )

  it.effect("each vendor's own model is known and can use tools", () =>
    Effect.gen(function* () {
      const { find } = yield* Models.Models
      for (const { name, variables } of ModelString.vendors) {
        const [variable] = variables
        if (variable === undefined || name === "openai-chat") continue
        const choice = yield* choose(nothing, { ...nobody, [variable]: "k" })
        assert.strictEqual(choice._tag === "Online" ? choice.vendor : "", name)
        const can = choice._tag === "Online" ? find(name, choice.model)?.capabilities : undefined
        assert.isTrue(can?.includes("tools"), name)
      }
    })
  )

  it("help names every variable of a vendor", () => {
    const variables = ModelString.vendors.flatMap(({ variables }) => variables)
    assert.deepStrictEqual(
      variables.filter((variable) => !help.includes(variable)),
      []
    )
  })

  it.effect("a base URL decides where, and is printed without its password", () =>
    Effect.gen(function* () {
      const environment = { OPENAI_BASE_URL: "http://me:pw@host:1/v1/", AXONAL_MODEL: "m", GROQ_API_KEY: "g" }
      const choice = yield* choose(nothing, environment)
      assert.deepStrictEqual(plain(choice), ["openai-compatible", "m", "http://me:pw@host:1/v1", undefined])
      assert.strictEqual(announce(choice), "openai-compatible m (OPENAI_BASE_URL is http://host:1/v1)")
    })
  )

  it.scoped("a local Ollama is found with its first model", () =>
    Effect.gen(function* () {
      const server = yield* Effect.acquireRelease(
        Effect.async<Server>((resume) => {
          const made = createServer((request, response) =>
            response.end(request.url === "/v1/models" ? '{"data":[{"id":"llama:1b"},{"id":"other"}]}' : "")
          ).listen(0, "127.0.0.1", () => resume(Effect.succeed(made)))
        }),
        (made) => Effect.sync(() => made.close())
      )
      const address = server.address()
      const host = `127.0.0.1:${typeof address === "object" ? address?.port : ""}`
      const expected = ["ollama", "llama:1b", `http://${host}`, undefined]
      assert.deepStrictEqual(plain(yield* choose(nothing, { OLLAMA_HOST: host })), expected)
      const other = yield* choose({ ...nothing, model: "ollama:other" }, { OLLAMA_HOST: host, OPENAI_API_KEY: "o" })
      assert.deepStrictEqual(plain(other), ["ollama", "other", `http://${host}`, undefined])
    })
  )

  it.effect("with nothing set it is offline, and says why", () =>
    Effect.gen(function* () {
      const why = "no key is set and there is no Ollama at http://127.0.0.1:1"
      assert.deepStrictEqual(yield* choose(nothing, nobody), { _tag: "Offline", why })
      const asked = yield* choose({ ...nothing, offline: true }, { OPENAI_API_KEY: "o" })
      assert.deepStrictEqual(asked, { _tag: "Offline", why: "as asked by --offline" })
    })
  )
})

describe("dataDir", () => {
  it("is where the platform keeps a user's data", () => {
    assert.deepStrictEqual(
      [
        dataDir({}, "linux", "/home/a"),
        dataDir({ XDG_DATA_HOME: "/data" }, "linux", "/home/a"),
        dataDir({}, "darwin", "/Users/a")
      ],
      ["/home/a/.local/share/axonal", "/data/axonal", "/Users/a/Library/Application Support/axonal"]
    )
  })
})
