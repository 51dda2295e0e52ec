/**
 * The edges to code without Effect: promises and web streams. They get a layer or a runtime instead of a context, reject
 * with the typed error itself, and hand cancellation on.
 */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import type * as ManagedRuntime from "effect/ManagedRuntime"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

/**
 * What code without Effect gives an agent: a layer, built for this one run, or a runtime that is already there.
 *
 * @category models
 * @since 0.1.0
 */
export type Provided<R, E> = Layer.Layer<R, E> | ManagedRuntime.ManagedRuntime<R, E>

/**
 * Runs an effect as a promise that rejects with the typed error. Aborting the signal interrupts it.
 *
 * @category converters
 * @since 0.1.0
 */
export const toPromise = <A, E, R, E2>(
  effect: Effect.Effect<A, E, R>,
  provided: Provided<R, E2>,
  signal?: AbortSignal | undefined
): Promise<A> =>
  Effect.runPromiseExit(
    Effect.scoped(Effect.flatMap(contextOf(provided), (context) => Effect.provide(effect, context))),
    signal === undefined ? undefined : { signal }
  ).then((exit) => {
    if (Exit.isSuccess(exit)) return exit.value
    // `runPromise` would wrap it, and nobody could tell one error from another.
    throw Cause.originalError(Cause.squash(exit.cause))
  })

/**
 * Reads a stream as a web stream. Cancelling it interrupts the stream.
 *
 * @category converters
 * @since 0.1.0
 */
export const toReadableStream = <A, E, R, E2>(
  stream: Stream.Stream<A, E, R>,
  provided: Provided<R, E2>
): ReadableStream<A> =>
  Stream.toReadableStream(
    Stream.unwrapScoped(Effect.map(contextOf(provided), (context) => Stream.provideContext(stream, context)))
  )

// internal

/** The context, and with it what layers set beside it: loggers, the tracer, the clock. */
const contextOf = <R, E>(provided: Provided<R, E>): Effect.Effect<Context.Context<R>, E, Scope.Scope> =>
  "runtimeEffect" in provided
    ? Effect.flatMap(provided.runtimeEffect, ({ context, fiberRefs }) =>
        Effect.as(Effect.inheritFiberRefs(fiberRefs), context)
      )
    : Layer.build(provided)
