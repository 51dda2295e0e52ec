/**
 * The port to a model: one request in, the deltas of one answer out. Transports know a vendor's wire and nothing of
 * loops, tools or stores. Inside the runtime an answer is pulled in arrays, one per read of the socket; `stream` is the
 * same for people.
 */
import * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Delta } from "../domain/Delta.ts"
import { priced } from "../domain/Delta.ts"
import type { ModelInfo } from "../domain/ModelInfo.ts"
import type * as Requests from "../domain/Request.ts"
import type { TransportError } from "./TransportError.ts"

/**
 * One model request, and what it is made of: see `domain/Request`, where the codecs of vendors read it, too.
 *
 * @category models
 * @since 0.1.0
 */
export type Request = Requests.Request
export type ToolSpec = Requests.ToolSpec
export type ToolChoice = Requests.ToolChoice
export type ResponseFormat = Requests.ResponseFormat
export type Settings = Requests.Settings

/**
 * Everything that arrived since the last pull, in wire order, never empty. Fails with `None` at the end of the answer.
 *
 * @category models
 * @since 0.1.0
 */
export type Pull = Effect.Effect<ReadonlyArray<Delta>, Option.Option<TransportError>>

/**
 * What a transport does.
 *
 * @category models
 * @since 0.1.0
 */
export interface Service {
  /** The model behind it. */
  readonly model: ModelInfo
  /**
   * Sends one request. Succeeds when the vendor has accepted it. Closing the scope closes the connection at once.
   * A pull after the end fails with `None` again.
   */
  readonly open: (request: Request) => Effect.Effect<Pull, TransportError, Scope.Scope>
}

/**
 * The model that agents talk to.
 *
 * @category services
 * @since 0.1.0
 */
export class Transport extends Context.Tag("axonal/transport/Transport")<Transport, Service>() {}

/**
 * Makes a request of what differs from the plainest one: no tools, text out, the vendor's own settings.
 *
 * @category constructors
 * @since 0.1.0
 */
export const request = (options: Partial<Request> & Pick<Request, "messages">): Request => ({
  tools: [],
  toolChoice: "auto",
  responseFormat: { type: "text" },
  settings: {},
  ...options
})

/**
 * One model request as a stream of deltas, for programs that want a model and no agent.
 *
 * @category constructors
 * @since 0.1.0
 */
export const stream = (request: Request): Stream.Stream<Delta, TransportError, Transport> =>
  Stream.unwrapScoped(
    Effect.map(
      Effect.flatMap(Transport, (transport) => transport.open(request)),
      (pull) => Stream.repeatEffectChunkOption(Effect.map(pull, Chunk.unsafeFromArray))
    )
  )

/**
 * Makes a transport of a function that streams deltas, for authors who do not need the last microsecond. What an answer
 * cost follows from the price of the model, unless the deltas say it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromStream = (
  model: ModelInfo,
  stream: (request: Request) => Stream.Stream<Delta, TransportError>
): Service => ({
  model,
  open: (request) =>
    Effect.map(Stream.toPull(stream(request)), (pull) => {
      const next: Pull = Effect.flatMap(pull, (chunk) =>
        Chunk.isEmpty(chunk) ? next : Effect.succeed(priced(Chunk.toReadonlyArray(chunk), model))
      )
      return next
    })
})

/**
 * Layer of a transport made by `fromStream`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerStream = (
  model: ModelInfo,
  stream: (request: Request) => Stream.Stream<Delta, TransportError>
): Layer.Layer<Transport> => Layer.succeed(Transport, fromStream(model, stream))
