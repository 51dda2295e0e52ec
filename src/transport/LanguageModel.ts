/**
 * The bridge to `@effect/ai`, both ways: any of its language models serves agents here as a transport, and any
 * transport serves its `LanguageModel`, `Chat` and `generateObject`. Providers, prompts and toolkits stay theirs; this
 * module only translates, and refuses what the other side cannot say.
 */
import * as AiError from "@effect/ai/AiError"
import * as IdGenerator from "@effect/ai/IdGenerator"
import * as AiLanguageModel from "@effect/ai/LanguageModel"
import { ProviderName } from "@effect/ai/Model"
import type * as Response from "@effect/ai/Response"
import { CurrentSpanTransformer } from "@effect/ai/Telemetry"
import * as AiTool from "@effect/ai/Tool"
import type { WithHandler } from "@effect/ai/Toolkit"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { Delta } from "../domain/Delta.ts"
import type { ModelInfo } from "../domain/ModelInfo.ts"
import * as Wire from "./internal/languageModel.ts"
import * as Port from "./Transport.ts"
import type { Reason, Replay } from "./TransportError.ts"
import { TransportError } from "./TransportError.ts"

/**
 * Layer of a transport that sends every request through an `@effect/ai` language model.
 *
 * **Details**
 *
 * - `model`: what is known about it. `vendor` defaults to the name that its `Model` declares, `id` to `"unknown"`.
 * - Tools go out with their JSON schema as it is; one that does not say so is given `type: "object"`. No handler runs.
 * - Metadata of parts comes back as `meta` and is sent as `options`: signatures and item ids survive.
 * - A `responseFormat` with a schema is one `generateObject`: the answer arrives whole, and is not checked.
 * - Errors: what `@effect/ai` has no word for fails with `InvalidRequest` before anything is sent: `settings` (they
 *   belong where the language model is made), JSON without a schema, a required tool that is not offered. An answer
 *   without a finish part fails with `Network`; other failures by status and by the vendor's own words.
 *
 * **Gotchas**
 *
 * - A call of an unknown tool, or one whose arguments are not JSON, fails the request with `Malformed`: `@effect/ai`
 *   decodes the answer before we see it. A failed response that a provider reports as finished looks finished.
 * - `ToolSpec.strict` is ignored: strictness is part of a provider's configuration, and on by default in some.
 * - Tool results are text or JSON, `ok` or not; files in them are named, not sent. Sources are not sent back.
 *
 * @see {@link layer} for the other direction
 * @category layers
 * @since 0.1.0
 */
export const layerTransport = (
  model?: Partial<ModelInfo>
): Layer.Layer<Port.Transport, never, AiLanguageModel.LanguageModel> =>
  Layer.effect(
    Port.Transport,
    Effect.gen(function* () {
      const languageModel = yield* AiLanguageModel.LanguageModel
      const provider = yield* Effect.serviceOption(ProviderName)
      const vendor = model?.vendor ?? Option.getOrElse(provider, () => "unknown")
      return fromLanguageModel(languageModel, { ...model, vendor, id: model?.id ?? "unknown" })
    })
  )

/**
 * Layer of an `@effect/ai` language model that answers through the transport.
 *
 * **Details**
 *
 * - `meta` of parts is their `metadata`, and `options` of a prompt are `meta`.
 * - Tools go out with the JSON schema of their parameters, provider-defined ones with id and arguments.
 * - Errors: with a status `HttpResponseError`, without a connection `HttpRequestError`, an unreadable answer
 *   `MalformedOutput`, an impossible request `MalformedInput`, else `UnknownError`. `cause` is the `TransportError`.
 *
 * **Gotchas**
 *
 * - `Chat` drops metadata between turns, whatever the model: reasoning signatures do not reach its second request.
 * - Cost and cache writes have no place in its usage. Arguments of a call arrive with the call, not as they stream.
 * - Files behind a URL arrive as sources; what the vendor ran by itself only if the toolkit has a tool of that name.
 *
 * @see {@link layerTransport} for the other direction
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<AiLanguageModel.LanguageModel, never, Port.Transport> = Layer.effect(
  AiLanguageModel.LanguageModel,
  Effect.flatMap(Port.Transport, (transport) =>
    AiLanguageModel.make({
      generateText: (options) => {
        const parts = answer(transport, options, "generateText", (encoder, deltas) => encoder.whole(deltas))
        return Effect.map(Stream.runCollect(parts), Chunk.toArray)
      },
      streamText: (options) => answer(transport, options, "streamText", (encoder, deltas) => encoder.stream(deltas))
    })
  )
)

// internal

const fromLanguageModel = (languageModel: AiLanguageModel.Service, model: ModelInfo): Port.Service => {
  const lazy = Port.fromStream(model, (request) =>
    Stream.unwrap(Effect.map(toOptions(model, request), (options) => ask(languageModel, model, request, options)))
  )
  return {
    model,
    // A language model is lazy: only its first part tells that the vendor took the request.
    open: (request) =>
      Effect.gen(function* () {
        const next = yield* lazy.open(request)
        const orCutOff = Option.getOrElse(() => failure(model, cutOff, "unknown"))
        let first: ReadonlyArray<Delta> | undefined = yield* Effect.mapError(next, orCutOff)
        return Effect.suspend(() => {
          if (first === undefined) return next
          const deltas = first
          first = undefined
          return Effect.succeed(deltas)
        })
      })
  }
}

const ask = (
  languageModel: AiLanguageModel.Service,
  model: ModelInfo,
  { responseFormat }: Port.Request,
  options: Options
): Stream.Stream<Delta, TransportError> => {
  const decoder = new Wire.ResponseDecoder()
  let answered = false
  const fail = (reason: Reason, or: Replay) => Stream.fail(failure(model, reason, answered ? "acknowledged" : or))
  const parts: Stream.Stream<Response.AnyPart, AiError.AiError> =
    responseFormat.type === "json"
      ? Stream.fromIterableEffect(generateObject(languageModel, options, responseFormat))
      : languageModel.streamText(options)
  return parts.pipe(
    Stream.mapChunks((chunk) => {
      const deltas = decoder.decode(chunk)
      answered ||= deltas.length > 0
      return Chunk.unsafeFromArray(deltas)
    }),
    Stream.takeUntil((delta) => delta._tag === "Finish"),
    Stream.catchAll((error) =>
      Stream.unwrap(
        Effect.map(Clock.currentTimeMillis, (now) => {
          const cause = Predicate.hasProperty(error, "cause") ? error.cause : undefined
          return cause instanceof TransportError ? Stream.fail(cause) : fail(...fromAiError(error, answered, now))
        })
      )
    ),
    Stream.concat(
      Stream.suspend(() => {
        const { failure, finished } = decoder
        return finished ? Stream.empty : fail(failure === undefined ? cutOff : reported(failure.error), "unknown")
      })
    )
  )
}

type Options = Effect.Effect.Success<ReturnType<typeof toOptions>>
type Anything = typeof Schema.Unknown
type Wired = { parameters: Schema.Struct<{}>; success: Anything; failure: typeof Schema.Never; failureMode: "error" }
type WireTool = AiTool.Tool<string, Wired>

const toOptions = (model: ModelInfo, { messages, responseFormat, settings, toolChoice, tools }: Port.Request) =>
  Effect.suspend(() => {
    const refuse = (message: string) => Effect.fail(failure(model, { _tag: "InvalidRequest", message }, "safe"))
    const set = Object.entries(settings).flatMap(([name, value]) => (value === undefined ? [] : [name]))
    if (set.length > 0) return refuse(`@effect/ai has no ${set.join(", ")}: set it where the language model is made.`)
    if (responseFormat.type === "json" && responseFormat.schema === undefined) {
      return refuse("@effect/ai has no JSON answers without a schema.")
    }
    const required = typeof toolChoice === "object" ? toolChoice.tool : undefined
    if (toolChoice === "required" ? tools.length === 0 : required && !tools.some((tool) => tool.name === required)) {
      return refuse(`A call of ${required ?? "a tool"} is required, which is not offered.`)
    }
    try {
      const toolkit: WithHandler<Record<string, WireTool>> = {
        tools: Object.fromEntries(tools.map((tool) => [tool.name, wireTool(tool)])),
        handle: (name) => Effect.dieMessage(`The wire tool "${name}" has no handler.`)
      }
      const prompt = Wire.toPrompt(messages)
      return Effect.succeed({ prompt, toolkit, toolChoice, disableToolCallResolution: true } as const)
    } catch (error) {
      if (error instanceof Wire.Unsupported) return refuse(error.message)
      throw error
    }
  })

const wireTool = Wire.once((spec: Port.ToolSpec): WireTool => {
  const tool =
    spec.provider === undefined
      ? AiTool.make(spec.name, { description: spec.description, success: Schema.Unknown })
      : AiTool.providerDefined({
          // The type wants the dot that `ToolSpec` promises.
          id: spec.provider.id as `${string}.${string}`,
          toolkitName: spec.name,
          // `Transport` may say `<vendor>.<type>`, where `@effect/ai` has the type alone.
          providerName: spec.provider.name,
          args: {},
          success: Schema.Unknown
          // The provider knows the type of its arguments; here they only pass.
        })(spec.provider.args as {})
  // Unknown parameters rather than a struct: arguments of any shape have to reach our own checks, and providers read
  // nothing of the schema but its JSON form. `setParameters` would make an application's tool of a provider's.
  return Object.assign(tool, { parametersSchema: jsonOf(spec.inputSchema) }) as unknown as WireTool
})

/** A schema that accepts anything and has exactly this JSON form. Effect adds to a form that does not say what it is. */
const jsonOf = (form: object) => {
  const complete = ["type", "anyOf", "oneOf", "$ref"].some((key) => key in form)
  return Schema.Unknown.annotations({ jsonSchema: complete ? form : { type: "object", ...form } })
}

/**
 * The parts of a JSON answer, right or not: that is for the caller to say, and an answer that calls a tool first has
 * no JSON yet. `generateObject` fails on both, after it has shown the parts to the span transformer.
 */
const generateObject = (
  languageModel: AiLanguageModel.Service,
  options: Options,
  format: { readonly name?: string | undefined; readonly schema?: object | undefined }
): Effect.Effect<ReadonlyArray<Response.AnyPart>, AiError.AiError> =>
  Effect.flatMap(Effect.serviceOption(CurrentSpanTransformer), (outer) => {
    let seen: ReadonlyArray<Response.AnyPart> | undefined
    // The type wants a schema of records; here anything may pass.
    const schema = jsonOf(format.schema ?? {}) as unknown as Schema.Schema<unknown, Record<string, unknown>>
    return languageModel.generateObject({ ...options, objectName: format.name ?? "answer", schema }).pipe(
      Effect.provideService(CurrentSpanTransformer, (shown) => {
        seen = shown.response
        if (Option.isSome(outer)) outer.value(shown)
      }),
      Effect.map((response) => response.content),
      Effect.catchTag("MalformedOutput", (error) => (seen === undefined ? Effect.fail(error) : Effect.succeed(seen)))
    )
  })

const cutOff: Reason = { _tag: "Network", message: "The answer ended before its finish part." }
const failure = (model: ModelInfo, reason: Reason, replay: Replay): TransportError =>
  new TransportError({ vendor: model.vendor, model: model.id, reason, replay })

const unsent = /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH/

/** The reason for an error, and whether the vendor may have taken the request. Requests and headers are not printed. */
const fromAiError = (error: AiError.AiError, answered: boolean, now: number): readonly [Reason, Replay] => {
  switch (error._tag) {
    case "HttpRequestError": {
      if (error.reason !== "Transport") {
        return [{ _tag: "InvalidRequest", message: `The request could not be made (${error.reason}).` }, "safe"]
      }
      const code = unsent.exec(Cause.pretty(Cause.fail(error.cause), { renderErrorCause: true }))?.[0]
      const message = clean(error.description ?? `No connection (${code ?? "broken"}).`)
      return [{ _tag: "Network", message }, code ? "safe" : "unknown"]
    }
    case "HttpResponseError": {
      const { headers, status } = error.response
      if (status < 300) {
        const streamed = answered || (headers["content-type"] ?? "").includes("event-stream")
        const _tag = streamed && error.reason === "Decode" ? "Network" : "Malformed"
        return [{ _tag, message: clean(error.description ?? `Unreadable body (${error.reason}).`) }, "unknown"]
      }
      const reason = { ...reported(error.body, status), retryAfterMillis: retryAfter(headers, now) }
      const refused = (status < 500 && status !== 408) || status === 503 || status === 529
      return [reason, refused ? "safe" : "unknown"]
    }
    case "MalformedInput":
      return [{ _tag: "InvalidRequest", message: describe(error) }, "safe"]
    case "MalformedOutput":
      return [{ _tag: "Malformed", message: describe(error) }, "acknowledged"]
    case "UnknownError":
      return [reported(error.description), "unknown"]
  }
}

const parseJson = Option.liftThrowable(JSON.parse)
const overflow = /context[_ ](length|window)|prompt is too long/
const kinds: ReadonlyArray<readonly [Reason["_tag"], RegExp]> = [
  ["RateLimited", /^(402|429)|rate_limit|resource_exhausted|too_many_requests|insufficient_quota|billing/],
  ["Authentication", /^(401|403)|authentication|permission|invalid_api_key/],
  ["Timeout", /^(408|504)|timeout/],
  ["Filtered", /content_(filter|policy)/],
  ["InvalidRequest", /^4|^ .*(invalid|not_found)/]
]

/** What the vendor says went wrong: an error body, or an error inside the stream. */
const reported = (said: unknown, status?: number): Reason => {
  const body = typeof said === "string" ? Option.getOrElse(parseJson(said), () => said) : said
  const inner = Predicate.hasProperty(body, "error") ? body.error : body
  const text = (name: string): string | undefined => {
    const value = Predicate.isRecord(inner) ? inner[name] : undefined
    return typeof value === "string" && value !== "error" ? value : undefined
  }
  const [type, code] = [text("type") ?? text("status"), text("code")]
  const message = typeof inner === "string" && inner !== "" ? inner : (text("message") ?? "No reason given.")
  const words = `${status ?? ""} ${type ?? ""} ${code ?? ""}`.toLowerCase()
  const kind = kinds.find(([, pattern]) => pattern.test(words))?.[0] ?? "Overloaded"
  return {
    _tag: overflow.test(`${words} ${message.toLowerCase()}`) ? "ContextOverflow" : kind,
    message: clean(message),
    status,
    type,
    code,
    permanent: /^402|insufficient_quota|billing/.test(words) || undefined
  }
}

const retryAfter = (headers: { readonly [name: string]: string }, now: number): number | undefined => {
  const millis = Number.parseFloat(headers["retry-after-ms"] ?? "")
  const value = headers["retry-after"] ?? ""
  const wait = /^[\d.]+$/.test(value) ? Number.parseFloat(value) * 1000 : Date.parse(value) - now
  return millis >= 0 ? millis : Number.isNaN(wait) ? undefined : Math.max(0, wait)
}

const describe = (error: AiError.MalformedInput | AiError.MalformedOutput): string =>
  clean(error.description ?? (Predicate.isError(error.cause) ? error.cause.message : `${error.module}.${error.method}`))

/** Vendors repeat keys in their messages, and addresses may hold them. */
const clean = (message: string): string =>
  message
    .replace(/\b(?:sk|pk|rk|gsk|key|xai)[-_][\w*-]{6,}|\bAIza[\w-]{12,}|Bearer\s+\S+/g, "[redacted]")
    .replace(/([?&][^=\s&]*(?:key|token|secret)[^=\s&]*=)[^&\s]+/gi, "$1[redacted]")
    .slice(0, 500)

const answer = <A>(
  transport: Port.Service,
  options: AiLanguageModel.ProviderOptions,
  method: string,
  encode: (encoder: Wire.ResponseEncoder, deltas: Iterable<Delta>) => ReadonlyArray<A>
): Stream.Stream<A, AiError.AiError, IdGenerator.IdGenerator> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const id = yield* (yield* IdGenerator.IdGenerator).generateId()
      const encoder = new Wire.ResponseEncoder(new Set(options.tools.map((tool) => tool.name)), id)
      return Port.stream(toRequest(options)).pipe(
        Stream.provideService(Port.Transport, transport),
        Stream.mapChunks((deltas) => Chunk.unsafeFromArray(encode(encoder, deltas))),
        Stream.mapError((error) => toAiError(method, error)),
        Stream.concat(
          Stream.suspend(() => {
            const description = encoder.failure
            if (description !== undefined) {
              return Stream.fail(new AiError.MalformedOutput({ module: "LanguageModel", method, description }))
            }
            if (encoder.finished) return Stream.empty
            return Stream.fail(toAiError(method, failure(transport.model, cutOff, "acknowledged")))
          })
        )
      )
    })
  )

const toRequest = ({ prompt, responseFormat, toolChoice, tools }: AiLanguageModel.ProviderOptions): Port.Request => {
  const messages = Wire.fromPrompt(prompt)
  const offered = { messages, tools: tools.map(toSpec), toolChoice: tools.length === 0 ? "auto" : toChoice(toolChoice) }
  if (responseFormat.type === "text") return Port.request(offered)
  const schema = AiTool.getJsonSchemaFromSchemaAst(responseFormat.schema.ast)
  return Port.request({ ...offered, responseFormat: { type: "json", name: responseFormat.objectName, schema } })
}

/** A choice among several: `@effect/ai` has left out the other tools already. */
const toChoice = (choice: AiLanguageModel.ToolChoice<string>): Port.ToolChoice =>
  typeof choice === "object" && "oneOf" in choice ? (choice.mode ?? "auto") : choice

const toSpec = Wire.once((tool: AiTool.Any): Port.ToolSpec => {
  const { ast } = tool.parametersSchema
  const description = tool.description ?? AiTool.getDescriptionFromSchemaAst(ast)
  const spec = { name: tool.name, description, inputSchema: AiTool.getJsonSchemaFromSchemaAst(ast) }
  if (!isProviderDefined(tool)) return spec
  return { ...spec, provider: { id: tool.id, name: tool.providerName, args: tool.args } }
})

const isProviderDefined = (tool: AiTool.Any): tool is AiTool.AnyProviderDefined => AiTool.isProviderDefined(tool)

const toAiError = (method: string, error: TransportError): AiError.AiError => {
  const { _tag, code, message, retryAfterMillis, status, type } = error.reason
  const common = { module: "LanguageModel", method, description: error.message, cause: error }
  const url = `${error.vendor}/${error.model}`
  const request = { method: "POST", url, urlParams: [], hash: Option.none(), headers: {} } as const
  if (status !== undefined) {
    const headers = retryAfterMillis === undefined ? {} : { "retry-after-ms": String(retryAfterMillis) }
    const body = JSON.stringify({ error: { message, type, code } })
    const made = new AiError.HttpResponseError({
      ...common,
      request,
      response: { status, headers },
      body,
      reason: "StatusCode"
    })
    // The class has no field for it, but errors have causes by nature.
    return Object.assign(made, { cause: error })
  }
  if (_tag === "Network" || _tag === "Timeout") {
    return new AiError.HttpRequestError({ ...common, request, reason: "Transport" })
  }
  if (_tag === "Malformed") return new AiError.MalformedOutput(common)
  return _tag === "InvalidRequest" || _tag === "ContextOverflow"
    ? new AiError.MalformedInput(common)
    : new AiError.UnknownError(common)
}
