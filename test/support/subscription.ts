/**
 * What tests of the ChatGPT subscription share: a folder for tokens, a person at a browser, and answers of the backend.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { createServer } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Codex from "../../src/transport/Codex.ts"
import * as Authorization from "./authorizationServer.ts"

/** A folder for the time of the scope. */
export const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "axonal-codex-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

/** What a login needs, with a page on any free port. */
export const layer = Layer.mergeAll(
  NodeFileSystem.layer,
  NodeHttpClient.layer,
  NodeHttpServer.layer(createServer, { port: 0, host: "127.0.0.1" })
)

/** The servers, and the file that tokens go to. */
export const world = Effect.gen(function* () {
  const authorization = yield* Authorization.make
  const tokens = join(yield* folder, "axonal", "codex.json")
  return { authorization, tokens }
})
export type World = Effect.Effect.Success<typeof world>

/** A login whose person does this with the address. Answers how it ended, and what became of the person. */
export const login = <A>(
  { authorization, tokens }: World,
  person: (url: string) => Promise<A>,
  options: Partial<Codex.LoginOptions> = {}
) =>
  Effect.gen(function* () {
    const went = yield* Deferred.make<A, unknown>()
    const ended = yield* Effect.either(
      Codex.login({
        issuer: authorization.issuer,
        tokens,
        show: (url) =>
          Effect.forkDaemon(
            Effect.intoDeferred(
              Effect.tryPromise(() => person(url)),
              went
            )
          ),
        ...options
      })
    )
    return { ended, person: yield* Effect.orDie(Deferred.await(went)) }
  })

/** Someone has logged in. */
export const loggedIn = Effect.tap(world, (world) => Effect.provide(login(world, Authorization.browse), layer))

const events = (id: string, item: object): string =>
  [
    { type: "response.created", response: { id, model: "gpt-5.3-codex" } },
    { type: "response.output_item.added", output_index: 0, item },
    { type: "response.output_item.done", output_index: 0, item },
    {
      type: "response.completed",
      response: { id, model: "gpt-5.3-codex", status: "completed", usage: { input_tokens: 5, output_tokens: 3 } }
    }
  ]
    .map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
    .join("")

/** An answer of the backend that says something. */
export const says = (text: string): string =>
  events("resp-1", {
    type: "message",
    id: "msg-1",
    role: "assistant",
    status: "completed",
    content: [{ type: "output_text", text, annotations: [] }]
  })

/** An answer of the backend that calls a tool. */
export const calls = (name: string, input: object): string =>
  events("resp-2", {
    type: "function_call",
    id: "fc-1",
    call_id: "call-1",
    name,
    status: "completed",
    arguments: JSON.stringify(input)
  })
