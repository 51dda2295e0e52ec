/**
 * One connection to one server: requests as effects that send a cancellation when they are interrupted, notifications in
 * their order, and answers to what the server asks of us. Times are on the Clock, none is the SDK's own.
 */
import type { Client } from "@modelcontextprotocol/sdk/client/index.js"
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"
import { within } from "./clientEnding.ts"
import type { Failure } from "./clientFailure.ts"
import { Answered, bounded, codeOf, failure, wordsOf } from "./clientFailure.ts"
import type { Json } from "./clientJson.ts"
import { jsonOf } from "./clientJson.ts"
import type { Answers, Connection, RequestOptions } from "./clientModel.ts"
import type { Sdk } from "./clientSdk.ts"

/** A way to a server, and the word of why it ended. */
export interface Way {
  readonly transport: Transport
  /** Takes leave of the server before the connection is closed. */
  readonly leave?: Effect.Effect<unknown, unknown> | undefined
  /** The failure behind an error of the transport, if it is one. */
  readonly failureOf?: ((error: unknown) => Failure | undefined) | undefined
}

/** Opens a connection on a way. `whenEnded` is told to the way, which completes it when the server is gone. */
export const open = (
  sdk: Sdk,
  wayOf: (whenEnded: (why: Failure) => void) => Effect.Effect<Way, Failure, Scope.Scope>,
  answers: Answers
): Effect.Effect<Connection, Failure, Scope.Scope> =>
  Effect.gen(function* () {
    const gone = yield* Deferred.make<Failure>()
    const runtime = yield* Effect.runtime()
    const way = yield* wayOf((why) => Deferred.unsafeDone(gone, Effect.succeed(why)))
    const client = sdk.client({ name: "axonal", version: "0.1.0" }, { capabilities: answers.capabilities })
    yield* listening(client, answers)
    client.fallbackRequestHandler = async ({ method, params }, { signal }) => {
      const answer = answers.requests[method]
      if (answer === undefined) throw new Answered(-32_601, "Method not found")
      const answered = await Runtime.runPromise(runtime)(Effect.either(answer(jsonOf(params))), { signal })
      if (answered._tag === "Right") return { ...answered.right }
      throw new Answered(answered.left.code ?? -32_603, answered.left.message)
    }
    const failed = (error: unknown): Effect.Effect<never, Failure> => {
      const known = way.failureOf?.(error)
      if (known !== undefined) return Effect.fail(known)
      // Whoever asked when the connection ended learns why it did. Servers may use the code that the SDK has for that.
      return Effect.flatMap(Deferred.poll(gone), (ended) =>
        ended._tag === "Some" ? Effect.flatMap(ended.value, Effect.fail) : Effect.fail(refused(error))
      )
    }
    yield* Effect.addFinalizer(() =>
      Effect.zipRight(
        way.leave === undefined ? Effect.void : within(way.leave, "1 second"),
        Effect.ignore(Effect.tryPromise(() => client.close()))
      )
    )
    yield* Effect.catchAll(
      Effect.tryPromise({
        try: (signal) => client.connect(way.transport, { signal, timeout: longestMillis }),
        catch: (error) => error
      }),
      failed
    )
    // The SDK also closes what it could not connect; why is what it failed with.
    client.onclose = () =>
      Deferred.unsafeDone(gone, Effect.succeed(failure("Disconnected", "the connection was closed")))
    const send = (method: string, params: Json, onprogress: ((progress: Json) => void) | undefined) =>
      Effect.catchAll(
        Effect.tryPromise({
          try: (signal) =>
            client.request({ method, params: { ...params } }, sdk.anything, {
              signal,
              timeout: longestMillis,
              ...(onprogress === undefined ? undefined : { onprogress: (progress) => onprogress({ ...progress }) })
            }),
          catch: (error) => error
        }),
        failed
      )
    const { name = "unknown", version = "" } = client.getServerVersion() ?? {}
    return {
      about: {
        name: bounded(name, 100),
        version: bounded(version, 100),
        instructions: client.getInstructions(),
        capabilities: { ...client.getServerCapabilities() }
      },
      request: (method, params, options) => lively(method, options, (onProgress) => send(method, params, onProgress)),
      ended: Deferred.await(gone)
    }
  })

// internal

/** The SDK's own times are put off for as long as a timer can be. */
const longestMillis = 2 ** 31 - 1

const refused = (error: unknown): Failure => {
  const code = codeOf(error)
  return failure(code === undefined ? "Malformed" : "Refused", wordsOf(error), code)
}

/** Notifications are handled one after another, apart from the reading of messages. */
const listening = (client: Client, answers: Answers): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function* () {
    const told = yield* Queue.sliding<readonly [method: string, params: Json]>(1000)
    client.fallbackNotificationHandler = async ({ method, params }) => {
      told.unsafeOffer([method, jsonOf(params)])
    }
    const handled = Effect.flatMap(Queue.take(told), ([method, params]) => answers.notified(method, params))
    yield* Effect.forkScoped(Effect.forever(handled))
  })

/** A request that ends when nothing was heard of it for too long. Progress is a sign of life. */
const lively = (
  method: string,
  { onProgress, timeout }: RequestOptions,
  send: (onProgress: ((progress: Json) => void) | undefined) => Effect.Effect<Json, Failure>
): Effect.Effect<Json, Failure> =>
  Effect.gen(function* () {
    const clock = yield* Effect.clock
    const most = Duration.toMillis(timeout)
    const shown = yield* Queue.sliding<Json>(256)
    let heard = clock.unsafeCurrentTimeMillis()
    const silence: Effect.Effect<never, Failure> = Effect.flatMap(Clock.currentTimeMillis, (now) =>
      now - heard >= most
        ? Effect.fail(failure("TimedOut", `${method} was silent for ${Duration.format(Duration.millis(most))}`))
        : Effect.zipRight(Effect.sleep(most - (now - heard)), silence)
    )
    const sent = send((progress) => {
      heard = clock.unsafeCurrentTimeMillis()
      if (onProgress !== undefined) shown.unsafeOffer(progress)
    })
    const show = onProgress ?? (() => Effect.void)
    const showing = Effect.forever(Effect.flatMap(Queue.take(shown), show))
    const working = Number.isFinite(most) ? Effect.raceFirst(sent, silence) : sent
    const result = yield* Effect.raceFirst(working, showing)
    // What came with the result is shown before it.
    yield* Effect.flatMap(Queue.takeAll(shown), (rest) => Effect.forEach(rest, show, { discard: true }))
    return result
  })
