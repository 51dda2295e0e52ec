/** What the offline transport plans for a request, and what it answers once the calls have results. */
import type { Delta } from "axonal/domain/Delta"
import * as Message from "axonal/domain/Message"
import type { CallOutcome } from "axonal/domain/Outcome"
import type { ToolCall } from "axonal/domain/Part"
import * as Part from "axonal/domain/Part"
import * as Offline from "axonal/transport/Offline"
import type { Request, ToolSpec } from "axonal/transport/Transport"
import * as Transport from "axonal/transport/Transport"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

export const tool = (name: string, properties: object, required: ReadonlyArray<string>): ToolSpec => ({
  name,
  inputSchema: { type: "object", properties, required }
})
export const string = { type: "string" }
export const number = { type: "number" }

const tools = [
  tool("list", { path: string, recursive: { type: "boolean" } }, []),
  tool("read", { path: string, from: number, to: number }, ["path"]),
  tool("search", { pattern: string, path: string }, ["pattern"]),
  tool("calculate", { expression: string }, ["expression"])
]

export const send = (messages: ReadonlyArray<Message.Message>, options: Partial<Request> = {}) =>
  Transport.stream(Transport.request({ messages, tools, ...options })).pipe(
    Stream.runCollect,
    Effect.map(Chunk.toReadonlyArray),
    Effect.provide(Offline.layer)
  )

export const partsOf = (deltas: ReadonlyArray<Delta>) =>
  deltas.flatMap((delta) => (delta._tag === "PartEnd" ? [delta.part] : []))

export const callsOf = (deltas: ReadonlyArray<Delta>) =>
  partsOf(deltas).flatMap(
    (part): ReadonlyArray<unknown> => (part.type === "tool-call" ? [[part.name, JSON.parse(part.input)]] : [])
  )

export const textOf = (deltas: ReadonlyArray<Delta>) =>
  partsOf(deltas)
    .map((part) => (part.type === "text" ? part.text : ""))
    .join("")

/** The calls for a request. */
export const calls = (text: string, options?: Partial<Request>) =>
  Effect.map(send([Message.user(text)], options), callsOf)

/** The answer when every call of the request has this result. */
export const answer = (text: string, result: string, outcome: CallOutcome = "ok", options?: Partial<Request>) =>
  Effect.gen(function* () {
    const user = Message.user(text)
    const parts = partsOf(yield* send([user], options))
    const results = parts
      .filter((part): part is ToolCall => part.type === "tool-call")
      .map(
        ({ id, name }): Part.ToolResult => ({
          type: "tool-result",
          id,
          name,
          outcome,
          content: [Part.text(result)]
        })
      )
    return textOf(yield* send([user, Message.assistant(parts), Message.tool(results)], options))
  })
