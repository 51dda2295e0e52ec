import { readFileSync } from "node:fs"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import * as Mcp from "axonal/mcp/Mcp"
import * as McpClient from "axonal/mcp/McpClient"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as Scripting from "../support/mcpServer.ts"

const { texts, tool } = Scripting

const answers: Scripting.Answers = { "tools/list": () => ({ tools: [tool("a")] }), "tools/call": () => texts("fine") }

/** Lets what is ready run. Work of the SDK goes through promises. */
const settle = Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve))).pipe(Effect.repeatN(5))

const until = (mcp: Mcp.Service, is: Mcp.Status["is"]) =>
  Stream.runHead(Stream.filter(mcp.changes, ([status]) => status?.is === is))

/** A program that speaks the protocol, and does what else is said. */
const program = (more: string, onCall = "answer({ content: [] })") => ({
  command: process.execPath,
  args: [
    "-e",
    `${more}
    const say = (message) => process.stdout.write(JSON.stringify({ jsonrpc: "2.0", ...message }) + "\\n")
    require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
      const { id, method, params } = JSON.parse(line)
      const answer = (result) => say({ id, result })
      if (method === "initialize") {
        answer({ protocolVersion: params.protocolVersion, capabilities: { tools: {} }, serverInfo: { name: "p", version: "1" } })
      } else if (method === "tools/list") answer({ tools: [{ name: "a", inputSchema: { type: "object" } }] })
      else if (method === "tools/call") { ${onCall} }
    })`
  ]
})

const pidsOf = (called: Mcp.Called): ReadonlyArray<number> =>
  called.content.flatMap((part) => (part.type === "text" ? part.text.split(" ").map(Number) : []))

/** Whether a process is in the table, zombies included. */
const isThere = (pid: number): boolean => {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8") !== ""
  } catch {
    return false
  }
}

const withProgram = <A, E>(server: Mcp.ProgramServer, body: (mcp: Mcp.Service) => Effect.Effect<A, E>) =>
  Effect.flatMap(Mcp.Mcp, body).pipe(
    Effect.provide(McpClient.layer({ servers: { p: server } })),
    Effect.provide(NodeContext.layer)
  )

describe("the life of a server", () => {
  it.effect("turns wait for those that have not been there no longer than they are to", () => {
    const there = Scripting.make(answers)
    const slow = Scripting.make(answers)
    const servers = {
      there: { channel: there.channel },
      slow: { channel: Effect.zipRight(Effect.sleep("20 seconds"), slow.channel) }
    }
    return Effect.gen(function* () {
      const mcp = yield* Mcp.Mcp
      const names = Effect.map(mcp.tools, (tools) => tools.map(({ tool }) => tool.name))
      yield* mcp.connect("there")
      const asked = yield* Effect.fork(names)
      yield* TestClock.adjust("2999 millis")
      assert.isTrue(Option.isNone(yield* Fiber.poll(asked)))
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(yield* Fiber.join(asked), ["there__a"])
      assert.deepStrictEqual(yield* names, ["there__a"])
      yield* TestClock.adjust("20 seconds")
      yield* mcp.connect("slow")
      assert.deepStrictEqual(yield* names, ["there__a", "slow__a"])
    }).pipe(Effect.provide(McpClient.layerRemote({ servers, wait: "3 seconds" })))
  })

  it.effect("one that went away is connected again, ever more slowly while that fails", () => {
    const server = Scripting.make(answers)
    let isDown = false
    const opened: Array<number> = []
    const channel: Mcp.ChannelServer["channel"] = Effect.flatMap(TestClock.currentTimeMillis, (now) => {
      opened.push(now)
      return isDown ? Effect.fail(new Error("nobody is there")) : server.channel
    })
    return Effect.gen(function* () {
      const mcp = yield* Mcp.Mcp
      yield* mcp.connect("s")
      server.connections[0]?.end()
      yield* Effect.repeat(settle, { until: () => server.connections.length === 2 })
      assert.deepInclude(yield* mcp.call("s", "a", {}), { failed: false })
      yield* TestClock.adjust("2 minutes")
      isDown = true
      server.connections[1]?.end()
      yield* until(mcp, "error")
      const patient = yield* Effect.fork(Effect.flip(mcp.call("s", "a", {})))
      yield* TestClock.adjust("1 second")
      const late = yield* Fiber.join(patient)
      assert.strictEqual(late.reason._tag, "Unavailable")
      assert.match(late.message, /s is not connected; it is tried again in the background\. nobody is there/)
      assert.deepStrictEqual((yield* mcp.tools).length, 1)
      yield* TestClock.adjust("1 minute")
      const pauses = opened.slice(2).map((time, index, all) => time - (all[index - 1] ?? time))
      assert.deepStrictEqual(pauses, [0, 250, 500, 1000])
      isDown = false
      assert.deepInclude(yield* mcp.call("s", "a", {}), { failed: false })
      assert.strictEqual((yield* mcp.status)[0]?.is, "connected")
    }).pipe(
      Effect.provide(McpClient.layerRemote({ servers: { s: { channel, retries: 3, patience: "1 second" } } })),
      // By chance, half of each pause.
      Effect.withRandom(Random.fixed([0.999_999_999]))
    )
  })

  it.effect("one that does not last is given up until it is wanted", () => {
    const server = Scripting.make(answers)
    return Effect.gen(function* () {
      const mcp = yield* Mcp.Mcp
      yield* mcp.connect("s")
      for (const round of [0, 1, 2]) {
        server.connections[round]?.end()
        const is = round === 2 ? "error" : "disconnected"
        yield* Effect.repeat(Effect.zipRight(settle, mcp.status), {
          until: ([status]) => status?.is === is || server.connections.length > round + 1
        })
        yield* TestClock.adjust("1 second")
        yield* Effect.repeat(Effect.zipRight(settle, mcp.status), {
          until: ([status]) => status?.is === (round === 2 ? "error" : "connected")
        })
      }
      assert.deepInclude((yield* mcp.status)[0], { is: "error" })
      assert.strictEqual(server.connections.length, 3)
      assert.deepInclude(yield* mcp.call("s", "a", {}), { failed: false })
    }).pipe(Effect.provide(McpClient.layerRemote({ servers: { s: { channel: server.channel, retries: 2 } } })))
  })

  it.effect("an idle connection is closed, and opened by the next use", () => {
    const server = Scripting.make(answers)
    return Effect.gen(function* () {
      const mcp = yield* Mcp.Mcp
      yield* mcp.call("s", "a", {})
      yield* TestClock.adjust("59 seconds")
      yield* mcp.call("s", "a", {})
      yield* TestClock.adjust("59 seconds")
      assert.strictEqual((yield* mcp.status)[0]?.is, "connected")
      yield* TestClock.adjust("1 second")
      yield* until(mcp, "disconnected")
      assert.strictEqual((yield* mcp.tools).length, 1)
      assert.strictEqual(server.connections.length, 1)
      assert.deepInclude(yield* mcp.call("s", "a", {}), { failed: false })
      assert.strictEqual(server.connections.length, 2)
    }).pipe(Effect.provide(McpClient.layerRemote({ servers: { s: { channel: server.channel, idle: "1 minute" } } })))
  })

  it.effect("a call whose connection ends fails with what happened", () => {
    const server = Scripting.make({ ...answers, "tools/call": (_, { end }) => void end() })
    return Effect.gen(function* () {
      const mcp = yield* Mcp.Mcp
      const { message, reason } = yield* Effect.flip(mcp.call("s", "a", {}))
      assert.strictEqual(reason._tag, "Disconnected")
      assert.match(message, /What it was asked may have been done\./)
    }).pipe(Effect.provide(McpClient.layerRemote({ servers: { s: { channel: server.channel } } })))
  })

  it.live("a program that ends says its last words, and its noise is no message", () =>
    withProgram(
      program(
        `console.log("Welcome!"); console.log("{"); console.log("[1]"); console.log("")`,
        `console.error("no disk\\u001b[31m left"); process.exit(3)`
      ),
      (mcp) =>
        Effect.map(Effect.flip(mcp.call("p", "a", {})), ({ reason }) => {
          assert.strictEqual(reason._tag, "Disconnected")
          assert.match(reason.message, /ended with code 3\. Its last words: no disk left$/)
        })
    )
  )

  it.live("a message that is too long ends its connection and nothing else", () =>
    withProgram(
      program("", `process.stdout.write("x".repeat(33 * 1024 * 1024), () => process.stdout.write("\\n"))`),
      (mcp) =>
        Effect.gen(function* () {
          const { reason } = yield* Effect.flip(mcp.call("p", "a", {}))
          assert.strictEqual(reason._tag, "Malformed")
          yield* mcp.connect("p")
        })
    )
  )

  it.live(
    "everything that a program started ends with the client, however deaf",
    () =>
      Effect.gen(function* () {
        const deaf = `process.on("SIGTERM", () => {}); setInterval(() => {}, 1000)`
        const child = `require("node:child_process").spawn(process.execPath, ["-e", ${JSON.stringify(deaf)}], { stdio: "ignore" })`
        const pids = `answer({ content: [{ type: "text", text: process.pid + " " + child.pid }] })`
        const polite = yield* withProgram(
          program(`const child = ${child}; process.stdin.on("end", () => process.exit(0))`, pids),
          (mcp) => Effect.map(mcp.call("p", "a", {}), pidsOf)
        )
        const rude = yield* withProgram(program(`const child = ${child}; ${deaf}`, pids), (mcp) =>
          Effect.map(mcp.call("p", "a", {}), pidsOf)
        )
        assert.strictEqual([...polite, ...rude].filter(Number.isFinite).length, 4)
        // Orphans are reaped by the first process of the system, when it gets to it.
        const gone = Effect.repeat(
          Effect.sync(() => [...polite, ...rude].filter(isThere)),
          { until: (there) => there.length === 0 || there.every(isOrphanedZombie) }
        )
        const left = yield* Effect.timeout(gone, "5 seconds")
        assert.deepStrictEqual(
          left.filter((pid) => !isOrphanedZombie(pid)),
          []
        )
      }),
    20_000
  )

  it.live("a program that is not there is said to be missing", () =>
    Effect.gen(function* () {
      const missing = yield* withProgram({ command: "no-such-program-here" }, (mcp) =>
        Effect.flip(mcp.call("p", "a", {}))
      )
      assert.match(missing.message, /no-such-program-here was not found\. Install it/)
      assert.isFalse(missing.isRetryable)
    })
  )
})

/** A process that has ended, and whose parent is gone: whoever looks after orphans has not looked yet. */
const isOrphanedZombie = (pid: number): boolean => {
  try {
    const [state, parent] = readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /, "")
      .split(" ")
    return state === "Z" && Number(parent) !== process.pid
  } catch {
    return false
  }
}
