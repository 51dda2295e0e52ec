/** Servers without processes and sockets: over streams in memory, and over the handler that a socket would call. */
import * as HttpApp from "@effect/platform/HttpApp"
import { Client } from "@modelcontextprotocol/sdk/client/index.js"
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js"
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js"
import { AjvJsonSchemaValidator } from "@modelcontextprotocol/sdk/validation/ajv-provider.js"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as McpServer from "../../src/mcp/McpServer.ts"

const encoder = new TextEncoder()

/** A server over two streams. */
export interface Over<E> {
  readonly send: (message: unknown) => void
  readonly raw: (text: string) => void
  /** The next message of the server. */
  readonly next: Effect.Effect<unknown>
  readonly end: Effect.Effect<void>
  readonly fiber: Fiber.RuntimeFiber<void, E | McpServer.McpServerError>
  readonly transport: Transport
}

export const over = <E, R>(server: McpServer.McpServer<E, R>): Effect.Effect<Over<E>, never, R | Scope.Scope> =>
  Effect.gen(function* () {
    const input = yield* Queue.unbounded<Uint8Array>()
    const output = yield* Queue.unbounded<unknown>()
    const raw = (text: string) => void Queue.unsafeOffer(input, encoder.encode(text))
    const send = (message: unknown) => raw(`${JSON.stringify(message)}\n`)
    let isClient = false
    const transport: Transport = {
      start: async () => {
        isClient = true
      },
      send: async (message) => send(message),
      close: async () => {
        transport.onclose?.()
        await Effect.runPromise(Queue.shutdown(input))
      }
    }
    const write = (line: string) =>
      Effect.sync(() => {
        const message = JSON.parse(line)
        if (isClient) transport.onmessage?.(message)
        else Queue.unsafeOffer(output, message)
      })
    const fiber = yield* Effect.forkScoped(McpServer.stdio(server, { input: Stream.fromQueue(input), write }))
    return { send, raw, next: Queue.take(output), end: Queue.shutdown(input), fiber, transport }
  })

/** Takes longer to be made than most tests take. */
const jsonSchemaValidator = new AjvJsonSchemaValidator()

/** The official client, connected. */
export const client = (transport: Transport) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const client = new Client({ name: "test", version: "1" }, { jsonSchemaValidator })
      await client.connect(transport)
      return client
    }),
    (client) => Effect.promise(() => client.close())
  )

/** A server over streams, and the official client of it. */
export const connected = <E, R>(server: McpServer.McpServer<E, R>) =>
  Effect.flatMap(over(server), ({ transport }) => client(transport))

export const address = "http://localhost/mcp"
export type Web = (request: Request) => Promise<Response>

/** A server over HTTP, as the function that a socket would call. */
export const web = <E, R, R2 = never>(server: McpServer.McpServer<E, R>, options?: McpServer.HttpOptions<R2>) =>
  Effect.map(McpServer.httpApp(server, options), (app): Web => HttpApp.toWebHandler(app))

export const httpTransport = (web: Web, headers: Record<string, string> = {}): StreamableHTTPClientTransport =>
  new StreamableHTTPClientTransport(new URL(address), {
    fetch: (url, init) => web(new Request(url, init)),
    requestInit: { headers }
  })

/** A request as a client writes it. */
export const post = (body: unknown, headers: Record<string, string> = {}, method = "POST"): Request =>
  new Request(address, {
    method,
    headers: { accept: "application/json, text/event-stream", "content-type": "application/json", ...headers },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) })
  })

export const hello = (id: number, protocolVersion = "2025-11-25") => ({
  jsonrpc: "2.0",
  id,
  method: "initialize",
  params: { protocolVersion, capabilities: {}, clientInfo: { name: "test", version: "1" } }
})

export const call = (id: number | string, name: string, input: unknown = {}, progressToken?: string) => ({
  jsonrpc: "2.0",
  id,
  method: "tools/call",
  params: { name, arguments: input, ...(progressToken === undefined ? {} : { _meta: { progressToken } }) }
})

/** Something that runs until it is interrupted, and tells of both. */
export const endless = Effect.map(
  Effect.all({ begun: Deferred.make<void>(), interrupted: Deferred.make<void>() }),
  ({ begun, interrupted }) => ({
    begun: Deferred.await(begun),
    interrupted: Deferred.await(interrupted),
    work: Deferred.succeed(begun, undefined).pipe(
      Effect.zipRight(Effect.never),
      Effect.onInterrupt(() => Deferred.succeed(interrupted, undefined))
    )
  })
)

/** The error of an answer, as tests compare it. */
const Refusal = Schema.Struct({
  id: Schema.NullOr(Schema.Union(Schema.String, Schema.Number)),
  error: Schema.Struct({ code: Schema.Number })
})
export const refusal = (message: unknown) => {
  const { error, id } = Schema.decodeUnknownSync(Refusal)(message)
  return { id, code: error.code }
}
