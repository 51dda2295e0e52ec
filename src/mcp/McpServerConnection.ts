/**
 * One client and what it asks for: requests of the protocol turned into effects that belong to the connection. What carries
 * the messages, lines or HTTP, is not known here.
 */
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as FiberSet from "effect/FiberSet"
import type * as Runtime from "effect/Runtime"
import * as Scope from "effect/Scope"
import * as Identity from "../context/Identity.ts"
import * as Toolkit from "../tool/Toolkit.ts"
import type { Incoming, Sdk, Server } from "./internal/serverSdk.ts"
import * as Serving from "./internal/serverSdk.ts"
import * as Calls from "./McpServerCalls.ts"
import * as Offers from "./McpServerOffers.ts"

/**
 * Why nothing can be served.
 *
 * @category errors
 * @since 0.1.0
 */
export class McpServerError extends Data.TaggedError("McpServerError")<{
  readonly reason: "NotInstalled" | "Failed"
  readonly detail: string
}> {
  override get message(): string {
    return this.detail
  }
}

/**
 * A server, its types erased.
 *
 * @category models
 * @since 0.1.0
 */
export interface Definition {
  readonly name: string
  readonly version: string
  readonly title: string | undefined
  readonly instructions: string | undefined
  readonly sources: ReadonlyArray<Toolkit.Source>
  readonly prompts: Offers.Prompts<unknown>
  readonly resources: Offers.Resources<unknown>
  readonly concurrency: number
  readonly fileBound: number
}

/**
 * Serves clients as long as the scope it was opened in lasts.
 *
 * @category models
 * @since 0.1.0
 */
export interface Host {
  readonly sdk: Sdk
  readonly definition: Definition
  /**
   * A connection on behalf of somebody. Its end interrupts what it asked for, and waits for that. `taken` hears of requests
   * that are taken back, and will not be answered.
   */
  readonly connect: (
    identity: Identity.Service,
    taken?: (request: string | number) => void
  ) => Effect.Effect<Connection, never, Scope.Scope>
}

/**
 * A client that is connected.
 *
 * @category models
 * @since 0.1.0
 */
export interface Connection {
  /** The library's end of it, to be given what carries its messages. */
  readonly server: Server
  /** How many requests are being worked off. */
  readonly requests: Effect.Effect<number>
  /** Completes when no request is being worked off. */
  readonly settled: Effect.Effect<void>
  /** Interrupts what is being worked off. The client is told. */
  readonly interrupt: Effect.Effect<void>
}

/**
 * Makes ready to serve: loads the library, and resolves the tools once, so that what cannot work fails at the beginning.
 *
 * **Details**
 *
 * - Errors: `McpServerError` when the library is missing, and how a toolkit fails to be built.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = (definition: Definition): Effect.Effect<Host, unknown> =>
  Effect.gen(function* () {
    const sdk = yield* Effect.tryPromise({ try: Serving.load, catch: unloaded })
    const runtime = yield* Effect.runtime<never>()
    const registry = yield* Toolkit.resolve(definition.sources)
    const about = { ...definition, capabilities: Offers.capabilities(definition, registry) }

    // Whoever carries the messages may run in other surroundings: what guards calls is what was there when this was opened.
    const connect: Host["connect"] = (identity, taken = () => undefined) =>
      here(
        runtime,
        Effect.gen(function* () {
          const { concurrency, fileBound, name } = definition
          const fibers = yield* FiberSet.make<Readonly<Record<string, unknown>>, Serving.ProtocolError>()
          const calls = yield* Calls.make({ name, identity, concurrency, fileBound, registry })
          const tools: Offers.Tools = { registry, call: calls.call, changed: () => void changed() }
          const changed = () => server.sendToolListChanged().catch(() => undefined)
          const answer = (request: Incoming) =>
            Offers.answer(definition, tools, request).pipe(
              Effect.catchAllCause((cause) => told(request, cause)),
              Effect.provideService(Identity.Identity, identity),
              // Wherever the connection was made.
              Effect.interruptible
            )
          const fork = yield* FiberSet.runtime(fibers)()
          const server = sdk.serve(about, (request) =>
            [...fibers].length >= mostRequests
              ? Promise.reject(tooMany)
              : promised(fork(answer(request)), request, taken)
          )
          yield* Effect.addFinalizer(() => Effect.promise(() => server.close().catch(() => undefined)))
          return {
            server,
            requests: FiberSet.size(fibers),
            settled: FiberSet.awaitEmpty(fibers),
            interrupt: Effect.suspend(() => Fiber.interruptAll([...fibers]))
          }
        })
      )
    return { sdk, definition, connect }
  })

// internal

/** In other surroundings, but in the scope of these. */
const here = <A>(
  runtime: Runtime.Runtime<never>,
  effect: Effect.Effect<A, never, Scope.Scope>
): Effect.Effect<A, never, Scope.Scope> =>
  Effect.flatMap(Effect.scope, (scope) => Effect.provide(Effect.provideService(effect, Scope.Scope, scope), runtime))

/** More at once than any client means. */
const mostRequests = 1000
const tooMany = new Serving.ProtocolError(
  Serving.codes.busy,
  `More than ${mostRequests} requests at once: wait for answers`
)
const cancelled = new Serving.ProtocolError(Serving.codes.busy, "The request was interrupted by the server")

const unloaded = (cause: unknown): McpServerError => {
  const text = cause instanceof Error ? cause.message : String(cause)
  const isMissing = cause instanceof Error && "code" in cause && cause.code === "ERR_MODULE_NOT_FOUND"
  return isMissing
    ? new McpServerError({
        reason: "NotInstalled",
        detail: "The package @modelcontextprotocol/sdk is not installed: npm install @modelcontextprotocol/sdk"
      })
    : new McpServerError({ reason: "Failed", detail: `@modelcontextprotocol/sdk cannot be loaded: ${text}` })
}

/** What the library waits for. Its signal says that the client has cancelled, or has gone. */
const promised = <A>(
  fiber: Fiber.RuntimeFiber<A, Serving.ProtocolError>,
  { id, signal }: Incoming,
  taken: (request: string | number) => void
): Promise<A> =>
  new Promise((resolve, reject) => {
    const interrupt = () => {
      taken(id)
      fiber.unsafeInterruptAsFork(FiberId.none)
    }
    signal.addEventListener("abort", interrupt)
    if (signal.aborted) interrupt()
    fiber.addObserver((exit) => {
      signal.removeEventListener("abort", interrupt)
      if (Exit.isSuccess(exit)) return resolve(exit.value)
      const failure = Cause.failureOption(exit.cause)
      reject(failure._tag === "Some" ? failure.value : cancelled)
    })
  })

/** A failure as the client is told it. What nobody has foreseen is in our log only. */
const told = (
  { method }: Incoming,
  cause: Cause.Cause<Serving.ProtocolError>
): Effect.Effect<never, Serving.ProtocolError> => {
  const failure = Cause.failureOption(cause)
  if (failure._tag === "Some") return Effect.fail(failure.value)
  if (Cause.isInterruptedOnly(cause)) return Effect.failCause(cause)
  return Effect.zipRight(
    Effect.logError(`The request ${method} died`, cause),
    Effect.fail(
      new Serving.ProtocolError(Serving.codes.internal, "Something went wrong in the server; its log says what")
    )
  )
}
