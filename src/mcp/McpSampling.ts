/**
 * Models for servers: a server may ask for an answer of a model, in the middle of a call. Off unless provided, and bounded
 * when it is: a person agrees first, answers are short, and there are only so many. Tools are never run for a server.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { SessionId } from "../domain/Ids.ts"
import { CallId } from "../domain/Ids.ts"
import type { Message } from "../domain/Message.ts"
import * as Messages from "../domain/Message.ts"
import * as Approval from "../guard/Approval.ts"
import * as Options from "../internal/options.ts"
import { outside } from "../tool/ToolContext.ts"
import * as Ask from "../transport/Ask.ts"
import * as Transport from "../transport/Transport.ts"

/**
 * What a server wants a model to answer.
 *
 * @category models
 * @since 0.1.0
 */
export interface Request {
  readonly server: string
  readonly instructions: string | undefined
  readonly messages: ReadonlyArray<Message>
  readonly maxOutputTokens: number
  readonly temperature: number | undefined
  readonly stop: ReadonlyArray<string>
}

/**
 * What came of it: an answer, or why there is none, in words for the server.
 *
 * @category models
 * @since 0.1.0
 */
export type Answer =
  | { readonly _tag: "Answered"; readonly model: string; readonly text: string; readonly reason: "end" | "length" }
  | { readonly _tag: "Refused"; readonly why: string }

/**
 * Who answers.
 *
 * @category models
 * @since 0.1.0
 */
export interface Service {
  /** Answers a request. Interrupted when the server takes it back, or its connection ends. */
  readonly sample: (request: Request) => Effect.Effect<Answer>
}

/**
 * Who answers servers that ask for a model. Nobody unless provided, in the context that the client is made in.
 *
 * @category references
 * @since 0.1.0
 */
export class McpSampling extends Context.Reference<McpSampling>()("axonal/mcp/McpSampling", {
  defaultValue: (): Service | undefined => undefined
}) {}

/**
 * How much servers may ask.
 *
 * **Details**
 *
 * - `approve`: `"ask"` (default) puts every request to the approver first, `"always"` to nobody.
 * - `maxOutputTokens`: of one answer, whatever the server wants; 2,000. `maxRequests`: of one server, as long as the layer
 *   lives; 20. `maxTotalTokens`: that its answers may have together; 20,000.
 *
 * @category models
 * @since 0.1.0
 */
export interface LayerOptions {
  readonly approve?: "ask" | "always" | undefined
  readonly maxOutputTokens?: number | undefined
  readonly maxRequests?: number | undefined
  readonly maxTotalTokens?: number | undefined
}

/**
 * Layer that asks the model of the transport, without tools.
 *
 * **Details**
 *
 * - The approver sees the request as the input of a call named `<server>__sampling`. An answer that is put off is a no.
 * - What it costs is told to `Paid` of the context that the client is made in.
 * - Errors: a bound that cannot be meant throws.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: LayerOptions = {}): Layer.Layer<McpSampling, never, Transport.Transport> => {
  const { approve = "ask", maxOutputTokens = 2000, maxRequests = 20, maxTotalTokens = 20_000 } = options
  Options.oneOf("approve", approve, ["ask", "always"])
  Options.whole("maxOutputTokens", maxOutputTokens, 1)
  Options.whole("maxRequests", maxRequests, 1, true)
  Options.whole("maxTotalTokens", maxTotalTokens, 1, true)
  return Layer.effect(
    McpSampling,
    Effect.map(Effect.zip(Transport.Transport, Approval.Approval), ([transport, approval]): Service => {
      const spent = new Map<string, { requests: number; tokens: number }>()
      const sample: Service["sample"] = (request) =>
        Effect.suspend(() => {
          const so = spent.get(request.server) ?? { requests: 0, tokens: 0 }
          const left = Math.min(maxOutputTokens, request.maxOutputTokens, maxTotalTokens - so.tokens)
          if (so.requests >= maxRequests || left < 1) return Effect.succeed(refused("it has asked for too much"))
          // Reserved before anybody is asked, so that requests at the same time stay below it together.
          const now = { requests: so.requests + 1, tokens: so.tokens + left }
          spent.set(request.server, now)
          const agreed = approve === "always" ? Effect.succeed(true) : approved(approval, request, now.requests)
          return Effect.flatMap(agreed, (yes) =>
            yes ? answered(transport, request, left) : Effect.succeed(refused("nobody has approved it"))
          )
        })
      return { sample }
    })
  )
}

// internal

const refused = (why: string): Answer => ({ _tag: "Refused", why })

const approved = (approval: Approval.Service, request: Request, count: number): Effect.Effect<boolean> => {
  const { agent, identity, run } = outside
  const session: SessionId = outside.session
  const { server, ...input } = request
  const call = {
    id: CallId.make(`${server}-sampling-${count}`),
    tool: { name: `${server}__sampling`, origin: "external" },
    ...{ input, run, session, agent, turn: 0, identity }
  } as const
  const reason = `the MCP server ${server} asks for an answer of the model`
  return Effect.map(
    approval.ask({ call, reason, category: `mcp:sampling:${server}` }),
    (answer) => !Approval.isLater(answer) && answer.approved
  )
}

const answered = (
  transport: Transport.Service,
  { instructions, messages, stop, temperature }: Request,
  maxOutputTokens: number
): Effect.Effect<Answer> =>
  Ask.answer(
    transport,
    Transport.request({
      messages: instructions === undefined ? messages : [Messages.system(instructions), ...messages],
      toolChoice: "none",
      settings: { maxOutputTokens, temperature, ...(stop.length === 0 ? undefined : { stop }) }
    }),
    { retries: 1 }
  ).pipe(
    Effect.map(({ reason, text }): Answer => {
      if (reason !== "stop" && reason !== "length") return refused(`the model gave no answer: ${reason}`)
      return { _tag: "Answered", model: transport.model.id, text, reason: reason === "length" ? "length" : "end" }
    }),
    Effect.catchAll((error) => Effect.as(Effect.logWarning(error.message), refused("the model could not be asked")))
  )
