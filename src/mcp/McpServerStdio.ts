/**
 * A server over two streams of bytes, as programs have them that are started by their client: one connection, which ends with
 * its input. Nothing but messages is ever written.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Runtime from "effect/Runtime"
import * as Stream from "effect/Stream"
import * as Identity from "../context/Identity.ts"
import * as Lines from "./internal/serverLines.ts"
import type { Host } from "./McpServerConnection.ts"

/**
 * Where messages come from and go to.
 *
 * **Details**
 *
 * - `input`: lines of JSON in UTF-8; its end is the end of the connection. `write`: writes one line, whole and in order, and
 *   completes when more may follow. A failure of either ends the connection: nobody is there any more.
 *
 * @category models
 * @since 0.1.0
 */
export interface Streams<out R = never> {
  readonly input: Stream.Stream<Uint8Array, unknown, R>
  readonly write: (line: string) => Effect.Effect<void, unknown, R>
}

/**
 * Serves one client until its input ends.
 *
 * **Details**
 *
 * - What is nearly done when the input ends has a second to be answered. All else is interrupted, and waited for.
 *
 * @category combinators
 * @since 0.1.0
 */
export const serve = (host: Host, { input, write }: Streams<unknown>): Effect.Effect<void> =>
  Effect.gen(function* () {
    const identity = yield* Identity.Identity
    const connection = yield* host.connect(identity)
    const gone = yield* Deferred.make<void>()
    const leave = Effect.asVoid(Deferred.succeed(gone, undefined))
    // What the streams need is part of the type of those who give them.
    const runtime = yield* Effect.runtime<never>()
    const run = Runtime.runPromise(runtime)
    const lines = Lines.make({
      write: (line) => run(Effect.catchAllCause(write(line) as Effect.Effect<void, unknown>, () => leave)),
      close: () => Deferred.unsafeDone(gone, Effect.void),
      isMessage: host.sdk.isMessage
    })
    yield* Effect.promise(() => connection.server.connect(lines.transport))
    const bytes = input as Stream.Stream<Uint8Array, unknown>
    const reading = Stream.runForEach(bytes, (chunk) => Effect.sync(() => lines.push(chunk))).pipe(
      Effect.catchAllCause(() => leave),
      Effect.zipRight(Effect.timeoutOption(connection.settled, "1 second"))
    )
    yield* Effect.raceFirst(reading, Deferred.await(gone))
  }).pipe(Effect.scoped, Effect.asVoid)
