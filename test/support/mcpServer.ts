/**
 * A server of the Model Context Protocol in this process, which says what a test wants it to say, rules or no rules. What
 * clients send is kept.
 */

import * as Mcp from "axonal/mcp/Mcp"
import * as McpClient from "axonal/mcp/McpClient"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"

export type Json = { readonly [name: string]: unknown }

/** What a method answers: a result, an error, or nothing at all. */
export type Answer = Json | null | { readonly error: { readonly code: number; readonly message: string } } | undefined

export type Answers = Readonly<
  Record<string, (params: Json, connection: Connection, id: unknown) => Answer | Effect.Effect<Answer>>
>

export interface Connection {
  /** Sends anything to the client. */
  readonly send: (message: unknown) => void
  /** Ends the connection from the side of the server. */
  readonly end: () => void
}

export interface Scripted {
  readonly channel: Mcp.ChannelServer["channel"]
  /** What the clients sent, oldest first. */
  readonly received: Array<Json>
  /** The connections so far, open or not. */
  readonly connections: Array<Connection>
  /** Completes when a message of this method has arrived so often. */
  readonly arrived: (method: string, times?: number) => Effect.Effect<Json>
}

const isJson = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value)

/** The answer to the first message of a connection. */
export const hello =
  (capabilities: Json = { tools: { listChanged: true } }, more: Json = {}) =>
  (params: Json): Answer => ({
    protocolVersion: params["protocolVersion"],
    capabilities,
    serverInfo: { name: "scripted", version: "1.2.3" },
    ...more
  })

/** A tool as servers list it. */
export const tool = (name: string, more: Json = {}): Json => ({ name, inputSchema: { type: "object" }, ...more })

export const texts = (...all: ReadonlyArray<string>): Json => ({ content: all.map((text) => ({ type: "text", text })) })

/** Makes a server. What it has no answer for is an unknown method. */
export const make = (answers: Answers): Scripted => {
  const received: Array<Json> = []
  const connections: Array<Connection> = []
  const waiting = new Set<() => void>()
  const all: Answers = { initialize: hello(), ...answers }
  const channel = Effect.map(Queue.unbounded<{ readonly message: unknown } | "end">(), (out): Mcp.Channel => {
    const connection: Connection = {
      send: (message) => void out.unsafeOffer({ message }),
      end: () => void out.unsafeOffer("end")
    }
    connections.push(connection)
    return {
      receive: Stream.fromQueue(out).pipe(
        Stream.takeWhile((item): item is { readonly message: unknown } => item !== "end"),
        Stream.map(({ message }) => message)
      ),
      send: (message) =>
        Effect.suspend(() => {
          if (!isJson(message)) return Effect.void
          received.push(message)
          for (const check of [...waiting]) check()
          const { id, method, params } = message
          if (typeof method !== "string" || id === undefined) return Effect.void
          const answer = all[method]
          const said =
            answer === undefined
              ? { error: { code: -32_601, message: "Method not found" } }
              : answer(isJson(params) ? params : {}, connection, id)
          return Effect.map(Effect.isEffect(said) ? said : Effect.succeed(said), (said) => {
            if (said === undefined) return
            const isError = said !== null && "error" in said
            connection.send({ jsonrpc: "2.0", id, ...(isError ? said : { result: said }) })
          })
        })
    }
  })
  const arrived: Scripted["arrived"] = (method, times = 1) =>
    Effect.async<Json>((resume) => {
      const check = (): void => {
        const found = received.filter((message) => message["method"] === method)[times - 1]
        if (found === undefined) return
        waiting.delete(check)
        resume(Effect.succeed(found))
      }
      waiting.add(check)
      check()
    })
  return { channel, received, connections, arrived }
}

/** Uses a client of one server, named `s`, that is not tried again when it fails. */
export const withServer = <A, E>(
  answers: Answers,
  body: (mcp: Mcp.Service, server: Scripted) => Effect.Effect<A, E>,
  usage: Mcp.Usage = {}
) => {
  const server = make(answers)
  return Effect.flatMap(Mcp.Mcp, (mcp) => body(mcp, server)).pipe(
    Effect.provide(McpClient.layerRemote({ servers: { s: { channel: server.channel, retries: 0, ...usage } } }))
  )
}
