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
import type { Message } from "../domain/Message.ts"
import type { ModelInfo } from "../domain/ModelInfo.ts"
import type { TransportError } from "./TransportError.ts"

/**
 * A tool as a model sees it.
 *
 * **Details**
 *
 * - `inputSchema` is a raw JSON schema and goes to the vendor unchanged.
 * - `provider` marks a tool that the vendor itself defines: `id` is `<vendor>.<tool>`, `name` what the vendor calls it and
 *   `args` its configuration. A transport that cannot offer it fails with `InvalidRequest`.
 *
 * @category models
 * @since 0.1.0
 */
export interface ToolSpec {
  readonly name: string
  readonly description?: string | undefined
  readonly inputSchema: object
  readonly strict?: boolean | undefined
  readonly provider?: { readonly id: string; readonly name: string; readonly args: unknown } | undefined
}

/**
 * Whether the model may, must not or must call a tool, or which one.
 *
 * @category models
 * @since 0.1.0
 */
export type ToolChoice = "auto" | "none" | "required" | { readonly tool: string }

/**
 * The form of the answer: text, any JSON object, or JSON of a given schema.
 *
 * @category models
 * @since 0.1.0
 */
export type ResponseFormat =
  | { readonly type: "text" }
  | { readonly type: "json"; readonly name?: string | undefined; readonly schema?: object | undefined }

/**
 * How the model should answer. What is absent is left to the vendor.
 *
 * **Details**
 *
 * - `extra` is merged into the request body last, for what only one vendor knows.
 *
 * @category models
 * @since 0.1.0
 */
export interface Settings {
  readonly temperature?: number | undefined
  readonly topP?: number | undefined
  readonly maxOutputTokens?: number | undefined
  readonly stop?: ReadonlyArray<string> | undefined
  readonly seed?: number | undefined
  readonly reasoningEffort?: string | undefined
  readonly parallelToolCalls?: boolean | undefined
  readonly extra?: { readonly [name: string]: unknown } | undefined
}

/**
 * One model request, complete: nothing is remembered between requests.
 *
 * @category models
 * @since 0.1.0
 */
export interface Request {
  readonly messages: ReadonlyArray<Message>
  readonly tools: ReadonlyArray<ToolSpec>
  readonly toolChoice: ToolChoice
  readonly responseFormat: ResponseFormat
  readonly settings: Settings
}

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
 * Makes a transport of a function that streams deltas, for authors who do not need the last microsecond.
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
        Chunk.isEmpty(chunk) ? next : Effect.succeed(Chunk.toReadonlyArray(chunk))
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
