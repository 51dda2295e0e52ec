/**
 * Any way on which messages go to and fro, as the SDK wants it. Messages that are almost right are mended, and an answer that
 * is none ends its request at once rather than never.
 */
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js"
import type { JSONRPCMessage } from "@modelcontextprotocol/sdk/types.js"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Failure } from "./clientFailure.ts"
import { failure } from "./clientFailure.ts"
import { isJson } from "./clientJson.ts"
import type { Sdk } from "./clientSdk.ts"

/** Messages to a server and from it. The stream ends or fails when the server is gone. */
export interface Channel {
  readonly send: (message: unknown) => Effect.Effect<void, Failure>
  readonly receive: Stream.Stream<unknown, Failure>
  /** Why it ended, in words. */
  readonly why: Effect.Effect<string>
}

/** The channel for the SDK. What is received is read as long as the scope lasts; `onEnd` is told why it ended. */
export const transportOf = (
  sdk: Sdk,
  channel: Channel,
  onEnd: (failure: Failure) => void
): Effect.Effect<Transport, never, Scope.Scope> =>
  Effect.gen(function* () {
    const runtime = yield* Effect.runtime()
    const scope = yield* Effect.scope
    const transport: Transport = {
      start: async () => {
        Runtime.runFork(runtime)(reading, { scope })
      },
      send: (message) => Runtime.runPromise(runtime)(Effect.ignore(channel.send(message))),
      close: async () => transport.onclose?.()
    }
    const heard = (value: unknown): void => {
      for (const message of Array.isArray(value) ? value : [value]) {
        const read = sdk.message(message)
        if (read !== undefined) transport.onmessage?.(read)
      }
    }
    const reading = Stream.runForEach(channel.receive, (value) => Effect.sync(() => heard(value))).pipe(
      Effect.sandbox,
      Effect.either,
      Effect.flatMap((ended) =>
        ended._tag === "Left" && Cause.isFailType(ended.left)
          ? Effect.succeed(ended.left.error)
          : Effect.map(channel.why, (why) => failure("Disconnected", why))
      ),
      Effect.map((why) => {
        onEnd(why)
        transport.onclose?.()
      })
    )
    return transport
  })

/** A message of the SDK, if the value is one or almost. What has the id of a request and is no answer becomes an error of it. */
export const messageOf =
  (parse: (value: unknown) => JSONRPCMessage | undefined) =>
  (said: unknown): JSONRPCMessage | undefined => {
    const value = mended(said)
    const message = parse(value)
    if (message !== undefined || !isJson(value) || "method" in value) return message
    const id = value["id"]
    return typeof id === "number" || typeof id === "string"
      ? { jsonrpc: "2.0", id, error: { code: -32_603, message: "what the server sent is no answer of this protocol" } }
      : undefined
  }

// internal

/** Servers answer `null` where they have nothing to say, and say `error: null` where there was none. */
const mended = (value: unknown): unknown => {
  if (!isJson(value) || "method" in value) return value
  const { error, ...rest } = value
  const answer = error === null || error === undefined ? rest : value
  return "result" in answer && answer["result"] === null ? { ...answer, result: {} } : answer
}
