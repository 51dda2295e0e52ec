import { assert, describe, it } from "@effect/vitest"
import * as Commands from "axonal/cli/assistant/commands/commands"
import { consent } from "axonal/cli/assistant/commands/may"
import { ContextStore } from "axonal/context/ContextStore"
import { SessionId } from "axonal/domain/Ids"
import * as Effect from "effect/Effect"
import { exchange, talk } from "../sessionSupport.ts"
import { open } from "./commandsSupport.ts"

/** No key of whoever runs the tests is looked at. */
const withEnvironment = <A, E, R>(values: Readonly<Record<string, string>>, effect: Effect.Effect<A, E, R>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      const before = { ...process.env }
      for (const name of Object.keys(process.env))
        if (/_(API_KEY|BASE_URL|HOST|MODEL)$/.test(name)) delete process.env[name]
      Object.assign(process.env, { OLLAMA_HOST: "127.0.0.1:1", ...values })
      return before
    }),
    () => effect,
    (before) =>
      Effect.sync(() => {
        for (const name of Object.keys(process.env)) delete process.env[name]
        Object.assign(process.env, before)
      })
  )

describe("commands about the model", () => {
  it.scoped("model changes the transport of the next request and keeps the session", () =>
    withEnvironment(
      { ANTHROPIC_API_KEY: "sk-none" },
      Effect.gen(function* () {
        const { conversation, problem, type } = yield* open()
        const choice = () => conversation.assistant.knobs.get().choice
        assert.strictEqual(
          yield* type("/model"),
          "model: offline, no model (as asked by --offline); any other by /model VENDOR:ID"
        )
        assert.match(yield* problem("/model openai:gpt-5-mini"), /^openai needs a key: set OPENAI_API_KEY$/)
        assert.match(yield* problem("/model anthropc:claude-x"), /anthropc/)
        assert.strictEqual(choice()._tag, "Offline")
        const before = conversation.session()
        assert.strictEqual(
          yield* type("/model anthropic:claude-haiku-5-5"),
          "model: anthropic claude-haiku-5-5 (ANTHROPIC_API_KEY is set)"
        )
        const now = choice()
        const named = now._tag === "Online" ? [now.vendor, now.model] : []
        assert.deepStrictEqual([...named, conversation.session()], ["anthropic", "claude-haiku-5-5", before])
        assert.strictEqual(yield* type("/model offline"), "model: offline, no model")
      })
    )
  )

  it.scoped("models of vendors whose key is there are offered first", () =>
    withEnvironment(
      { ANTHROPIC_API_KEY: "sk-none" },
      Effect.gen(function* () {
        const { conversation, screen, stop } = yield* open()
        const place = { conversation, screen, stop }
        const choice = yield* Commands.act("/model", place)
        if (choice._tag !== "Choose") return assert.fail("nothing to choose")
        assert.isTrue(choice.items.slice(0, -1).every(({ value }) => value.startsWith("anthropic:")))
        assert.strictEqual(choice.items.at(-1)?.isCurrent, true)
        const [first] = yield* Commands.completions("/model claude", place)
        assert.match(first?.value ?? "", /^\/model anthropic:claude/)
      })
    )
  )

  it.scoped("settings are set, shown, refused and given back", () =>
    Effect.gen(function* () {
      const { conversation, problem, type } = yield* open()
      const { knobs } = conversation.assistant
      assert.strictEqual(yield* type("/temperature 0.5"), "temperature: 0.5")
      assert.strictEqual(yield* type("/max-tokens 100"), "max-tokens: 100")
      assert.strictEqual(yield* type("/effort high"), "thinking: high")
      assert.deepStrictEqual(knobs.get().settings, { temperature: 0.5, maxOutputTokens: 100, reasoningEffort: "high" })
      assert.match(yield* type("/thinking"), /^thinking: high; /)
      assert.strictEqual(
        yield* problem("/temperature 3"),
        '/temperature takes a number from 0 to 2, or default, not "3".'
      )
      assert.strictEqual(yield* problem("/max-tokens 0"), '/max-tokens takes a number from 1 on, or default, not "0".')
      for (const name of ["temperature", "max-tokens", "thinking"]) {
        assert.strictEqual(yield* type(`/${name} default`), `${name}: default`)
      }
      assert.deepStrictEqual(knobs.get().settings, {})
      assert.strictEqual(yield* type("/iterations 7"), "turns: 7 in a run")
      assert.strictEqual(yield* problem("/turns 0"), '/turns takes a number from 1 on, or default, not "0".')
      assert.strictEqual(yield* type("/turns default"), "turns: 50 in a run, as usual")
      assert.strictEqual(yield* type("/debug on"), "debug: on")
      assert.strictEqual(yield* problem("/debug maybe"), '/debug takes on or off, not "maybe".')
    })
  )
})

describe("commands about what it may do", () => {
  it.scoped("yolo takes more than the command", () =>
    Effect.gen(function* () {
      const { conversation, problem, type } = yield* open()
      const permission = () => conversation.assistant.knobs.get().permission
      assert.match(yield* type("/yolo"), /^yolo: every file may be changed and every command run/)
      assert.match(yield* problem("/yolo yes"), /takes the words “I accept the risk”, or off/)
      assert.strictEqual(permission(), "ask")
      assert.strictEqual(yield* type(`/yolo ${consent}`), "yolo: everything runs unasked")
      assert.strictEqual(permission(), "yolo")
      yield* type("/yolo off")
      assert.strictEqual(permission(), "ask")
      yield* type("/plan")
      assert.strictEqual(permission(), "plan")
      assert.match(yield* type("/permissions"), /^permissions: plan: nothing is changed .*; no answer holds for more/)
      yield* type("/plan off")
      assert.strictEqual(permission(), "ask")
      assert.strictEqual(yield* type("/permissions revoke x"), "no answer x holds here")
      assert.match(yield* problem("/permissions what"), /takes ask, plan, or revoke and an id/)
      assert.strictEqual(yield* type("/undo"), "no request of this session has changed files")
      assert.strictEqual(yield* type("/redo"), "there is nothing to do again")
    })
  )
})

describe("commands about what it has", () => {
  it.scoped("tools are turned off and on from the next request on", () =>
    Effect.gen(function* () {
      const { conversation, problem, screen, stop, type } = yield* open({ tools: "all" })
      const names = () => conversation.assistant.knobs.get().off
      assert.match(yield* type("/tools"), /^tools: (\d+) of \1 on/)
      assert.strictEqual(
        yield* type("/tools off shell read_file"),
        "shell, read_file are off, from the next request on"
      )
      assert.deepStrictEqual([...names()], ["shell", "read_file"])
      const choice = yield* Commands.act("/tools", { conversation, screen, stop })
      if (choice._tag !== "Choose") return assert.fail("nothing to choose")
      const values = choice.items.map(({ value }) => value)
      assert.includeMembers(values, ["on shell", "on read_file", "off write_file"])
      assert.notIncludeMembers(values, ["off shell"])
      assert.strictEqual(yield* type("/tools on shell"), "shell is on, from the next request on")
      assert.strictEqual(yield* problem("/tools off shel"), "there is no tool shel; /tools shows all.")
      assert.match(yield* problem("/tools shell"), /takes on or off and names of tools/)
    })
  )

  it.scoped("servers are turned off, on and logged in to by name", () =>
    Effect.gen(function* () {
      const done: Array<string> = []
      const did = (what: string) => (server: string) => Effect.sync(() => void done.push(`${what} ${server}`))
      const tools = [{ name: "wiki__find", tool: "find" }]
      const status = Effect.succeed([
        { server: "wiki", is: "connected" as const, complaints: [], tools },
        { server: "shut", is: "untrusted" as const, complaints: ["not yours"], tools: [] }
      ])
      const mcp = { status, connect: did("connect"), disconnect: did("disconnect"), login: did("login") }
      const { conversation, problem, screen, stop, type } = yield* open({ mcp })
      const choice = yield* Commands.act("/mcp", { conversation, screen, stop })
      assert.deepStrictEqual(choice, {
        ...{ _tag: "Choose", title: "mcp: 2 servers", command: "mcp" },
        items: [
          { value: "wiki off", label: "wiki off", detail: "connected; 1 tool", isCurrent: true },
          { value: "shut", label: "shut", detail: "untrusted; not yours" }
        ]
      })
      assert.strictEqual(yield* type("/mcp wiki"), "wiki: connected; 1 tool\n  wiki__find")
      assert.strictEqual(yield* type("/mcp wiki off"), "wiki is off: its 1 tool will not be offered")
      assert.deepStrictEqual([...conversation.assistant.knobs.get().off], ["wiki__find"])
      assert.strictEqual(yield* type("/mcp wiki on"), "wiki is on")
      assert.deepStrictEqual([...conversation.assistant.knobs.get().off], [])
      assert.strictEqual(yield* type("/mcp wiki login"), "logged in to wiki")
      assert.deepStrictEqual(done, ["disconnect wiki", "connect wiki", "login wiki"])
      assert.strictEqual(yield* problem("/mcp wik"), "there is no server wik; /mcp shows all.")
      assert.strictEqual(yield* problem("/mcp wiki up"), '/mcp takes a server, and on, off or login, not "wiki up".')
    })
  )

  it.scoped("what is not there is said, with how to have it", () =>
    Effect.gen(function* () {
      const { type } = yield* open({ tools: "all" })
      assert.match(yield* type("/mcp"), /^there are no servers: write them to mcp\.json/)
      assert.match(yield* type("/skills"), /^there are no skills: /)
      assert.match(yield* type("/agents"), /\S/)
    })
  )

  it.scoped("context and cost tell what the session holds and has cost", () =>
    Effect.gen(function* () {
      const { folder, type, within } = yield* open()
      yield* within(talk("plan", ["one", "two"], folder))
      // Agents that worked within it count, too.
      const store = yield* within(ContextStore)
      yield* store.append(SessionId.make("plan/call"), exchange("below", "three"), { owner: folder, chat: "plan" })
      assert.match(yield* type("/context"), /^\d+ of the 10,000 tokens/)
      assert.match(yield* type("/cost"), /^model +requests +in +from cache +out +cost\nm +3 +30 +- +6 +unknown$/)
    })
  )
})

describe("the table of commands", () => {
  it.scoped("every command is known, told, and completed; near misses are named", () =>
    Effect.gen(function* () {
      const { conversation, folder, screen, stop, type, within } = yield* open()
      yield* within(talk("plan", ["one"], folder))
      const place = { conversation, screen, stop }
      const names = Commands.all.flatMap(({ aliases, name }) => [name, ...aliases])
      assert.strictEqual(new Set(names).size, names.length)
      const help = yield* type("/help")
      for (const { name, summary, words } of Commands.all) {
        assert.include(help, `/${name}${words === "" ? "" : ` ${words}`}`)
        assert.notInclude(yield* Effect.catchAll(type(`/${name}`), () => Effect.succeed("")), "unknown")
        assert.notMatch(summary, /\.$/)
        const offered = yield* Commands.completions(`/${name}`, place)
        assert.include(
          offered.map(({ value }) => value.trim()),
          `/${name}`
        )
        yield* Commands.completions(`/${name} `, place)
      }
      assert.deepStrictEqual(
        help.split("\n").filter((line) => line.length > 110),
        []
      )
      assert.strictEqual(yield* type("/compct"), "unknown command /compct, did you mean /compact?")
      assert.strictEqual(yield* type("/what now"), "unknown command /what, try /help")
      assert.strictEqual(yield* type("/quit"), "Left")
      assert.strictEqual(yield* type("/help q"), "/quit: leave; the session is kept (also /exit, /q)")
    })
  )

  it.scoped("completions are whole lines, and of what begins so first", () =>
    Effect.gen(function* () {
      const { conversation, screen, stop } = yield* open({ tools: "all" })
      const place = { conversation, screen, stop }
      const valuesOf = (line: string) =>
        Effect.map(Commands.completions(line, place), (items) => items.map(({ value }) => value))
      assert.deepStrictEqual(yield* valuesOf("/mo"), ["/model "])
      assert.deepStrictEqual(yield* valuesOf("/iter"), ["/turns "])
      assert.deepStrictEqual(yield* valuesOf("/thinking lo"), ["/thinking low"])
      assert.strictEqual((yield* valuesOf("/tools off shell"))[0], "/tools off shell")
      assert.deepStrictEqual(yield* valuesOf("/quit now"), [])
      assert.deepStrictEqual(yield* valuesOf("/nothing "), [])
    })
  )
})
