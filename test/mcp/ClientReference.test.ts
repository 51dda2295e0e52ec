import { createServer } from "node:net"
import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import * as Mcp from "axonal/mcp/Mcp"
import * as McpClient from "axonal/mcp/McpClient"
import * as McpElicitation from "axonal/mcp/McpElicitation"
import * as McpSampling from "axonal/mcp/McpSampling"
import * as ScriptedTransport from "axonal/testing/ScriptedTransport"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as Reference from "../support/mcpReference.ts"

const shown = (called: Pick<Mcp.Called, "content">): string => JSON.stringify(called.content).replaceAll('\\"', '"')

const calls = (mcp: Mcp.Service, name: string, tool: string, input: Readonly<Record<string, unknown>>, like: RegExp) =>
  Effect.map(mcp.call(name, tool, input), (called) => {
    const text = called.content.map((part) => (part.type === "text" ? part.text : JSON.stringify(part))).join("\n")
    assert.match(text, like, `${tool}: ${shown(called).slice(0, 300)}`)
  })

const named = (mcp: Mcp.Service, name: string) =>
  Effect.map(mcp.status, (all) =>
    all.flatMap(({ server, tools }) => (server === name ? tools.map(({ tool }) => tool) : [])).sort()
  )

/** Whoever answers to servers: a model that knows one thing, and a person who fills in what has to be. */
const answering = Layer.mergeAll(
  McpSampling.layer({ approve: "always" }).pipe(
    Layer.provide(ScriptedTransport.layer([[ScriptedTransport.text("It was the butler.")]]))
  ),
  McpElicitation.layer((question) =>
    Effect.sync(() => {
      if (question._tag === "Visit") return { _tag: "Accepted" }
      const values = question.fields.flatMap(({ kind, initial, least, name, options, required }) => {
        if (!required || initial !== undefined) return []
        const [first] = options
        const value =
          kind === "boolean" ? true : kind === "text" ? "Eve" : kind === "choice" ? (first?.value ?? "") : (least ?? 1)
        return [[name, name === "interpretation" ? "comedy" : value] as const]
      })
      return { _tag: "Accepted", values: Object.fromEntries(values) }
    })
  )
)

const everything = (server: Mcp.Server) =>
  Effect.gen(function* () {
    const mcp = yield* Mcp.Mcp
    const names = (all: ReadonlyArray<{ readonly name: string }>) => all.map(({ name }) => name).sort()
    // What asks for the roots is there once they have been asked for.
    const wanted = [...Object.keys(Reference.everything), "list_resources", "read_resource"].sort()
    yield* Effect.repeat(Effect.zipRight(mcp.tools, named(mcp, "e")), {
      until: (all) => all.length >= wanted.length
    })
    assert.deepStrictEqual(yield* named(mcp, "e"), wanted)
    yield* Effect.forEach(
      Object.entries(Reference.everything),
      ([tool, [input, like]]) => calls(mcp, "e", tool, input, like),
      { concurrency: "unbounded" }
    )
    const resources = yield* mcp.resources("e")
    assert.isAtLeast(resources.length, 7)
    const templates = (yield* mcp.templates("e")).map(({ uri }) => uri.replace(/\{[^}]*\}/g, "7"))
    assert.strictEqual(templates.length, 2)
    for (const uri of [...resources.map(({ uri }) => uri), ...templates]) {
      const [content] = yield* mcp.read("e", uri)
      assert.deepInclude(content, { type: "file", name: uri })
    }
    const prompts = yield* mcp.prompts("e")
    assert.deepStrictEqual(names(prompts), Object.keys(Reference.prompts).sort())
    for (const { name } of prompts) {
      const messages = yield* mcp.prompt("e", name, Reference.prompts[name])
      assert.isAtLeast(messages.length, 1)
    }
    const argument = { of: { prompt: "completable-prompt" }, argument: "department", value: "S" }
    assert.deepStrictEqual(yield* mcp.complete("e", argument), ["Sales", "Support"])
    return server
  })

describe.concurrent("McpClient with the reference servers", () => {
  it.live(
    "everything, as a program: each tool, resource and prompt",
    () =>
      Effect.gen(function* () {
        const server = { ...Reference.program("everything", "stdio"), roots: ["/tmp"], env: { WORD: "said" } }
        yield* Effect.gen(function* () {
          const mcp = yield* Mcp.Mcp
          const logs = yield* Effect.fork(Stream.runHead(mcp.notices))
          yield* everything(server)
          assert.strictEqual((yield* Fiber.join(logs))._tag, "Some")
          const env = shown(yield* mcp.call("e", "get-env", {}))
          assert.include(env, "WORD")
          // What it is given of ours is what programs need to run.
          assert.notInclude(env, "npm_")
          assert.notInclude(env, "VITEST")
        }).pipe(Effect.provide(McpClient.layer({ servers: { e: server } })))
      }).pipe(Effect.provide([answering, NodeContext.layer])),
    30_000
  )

  it.live(
    "everything, over HTTP: each tool, resource and prompt",
    () =>
      Effect.gen(function* () {
        const port = yield* Effect.async<number>((resume) => {
          const server = createServer()
          server.listen(0, () => {
            const address = server.address()
            server.close(() => resume(Effect.succeed(typeof address === "object" ? (address?.port ?? 0) : 0)))
          })
        })
        const server = { url: yield* Reference.overHttp(port), roots: ["/tmp"] }
        yield* Effect.provide(everything(server), McpClient.layerRemote({ servers: { e: server } }))
      }).pipe(Effect.scoped, Effect.provide(answering)),
    30_000
  )

  it.live(
    "files and memories, as programs side by side: each tool and resource",
    () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const folder = yield* fs.realPath(yield* fs.makeTempDirectoryScoped())
        const servers = {
          f: Reference.program("filesystem", folder),
          m: { ...Reference.program("memory"), env: { MEMORY_FILE_PATH: `${folder}/memory.json` } }
        }
        yield* Effect.gen(function* () {
          const mcp = yield* Mcp.Mcp
          yield* mcp.tools
          const files = Reference.filesystem(folder)
          assert.deepStrictEqual(yield* named(mcp, "f"), [...new Set(files.map(([tool]) => tool))].sort())
          const memories = [...Reference.memory.map(([tool]) => tool), "list_resources", "read_resource"].sort()
          assert.deepStrictEqual(yield* named(mcp, "m"), memories)
          yield* Effect.forEach(files, ([tool, input, like]) => calls(mcp, "f", tool, input, like))
          yield* Effect.forEach(Reference.memory, ([tool, input, like]) => calls(mcp, "m", tool, input, like))
          const [graph] = yield* mcp.resources("m")
          assert.deepInclude((yield* mcp.read("m", graph?.uri ?? ""))[0], { mediaType: "application/json" })
          assert.deepStrictEqual(yield* mcp.prompts("m"), [])
        }).pipe(Effect.provide(McpClient.layer({ servers })))
      }).pipe(Effect.scoped, Effect.provide(NodeContext.layer)),
    30_000
  )
})
