/**
 * A transport without a network and without a model. It reads plain requests by rules, plans real calls of the tools
 * that the request declares, and answers from their results, so that loop, tools, guards, stores and events all truly
 * run on a machine that has nothing else. It never pretends to understand more than its rules do.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { estimate } from "../context/TokenCounter.ts"
import type { Delta } from "../domain/Delta.ts"
import type { Message } from "../domain/Message.ts"
import { assistant } from "../domain/Message.ts"
import type { ModelInfo } from "../domain/ModelInfo.ts"
import type { FinishReason } from "../domain/Outcome.ts"
import type { Part, ToolCall } from "../domain/Part.ts"
import { make as makeUsage } from "../domain/Usage.ts"
import * as Check from "../internal/options.ts"
import { answer } from "./internal/offline/answer.ts"
import { pending, tasks } from "./internal/offline/plan.ts"
import type { Planned } from "./internal/offline/tools.ts"
import type { Request, Service } from "./Transport.ts"
import { Transport } from "./Transport.ts"
import { TransportError } from "./TransportError.ts"

/**
 * What stands in for a model: vendor `offline`, free of charge, with tools and nothing else.
 *
 * @category models
 * @since 0.1.0
 */
export const model: ModelInfo = {
  vendor: "offline",
  id: "offline",
  capabilities: ["tools"],
  price: { input: 0, output: 0 }
}

/**
 * How it answers.
 *
 * **Details**
 *
 * - `pace`: how long after each other the few deltas come that arrive together, so that streaming can be watched; at once unless
 *   set.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly pace?: Duration.DurationInput | undefined
}

/**
 * Makes the transport.
 *
 * **Details**
 *
 * - Understood: reading, listing, searching and counting files, arithmetic; making and changing files, commands, plans, pages,
 *   questions, tasks for other agents; and any declared tool that the request names together with its arguments. Asked for
 *   help it tells of what the declared tools can do of that. Several wishes in one request become parallel calls, as far as
 *   they change nothing.
 * - Deterministic: the same request gives the same deltas. Usage is estimated by characters.
 * - Errors: a request for JSON fails with `InvalidRequest`, because that takes a model. A pace that is none throws.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = ({ pace }: Options = {}): Service => {
  Check.duration("Offline option pace", pace)
  return {
    model,
    open: (request) =>
      request.responseFormat.type === "json"
        ? Effect.fail(noJson)
        : Effect.sync(() => {
            const batches = batchesOf(deltasOf(request))
            let next = 0
            const pull = Effect.suspend(() => {
              const batch = batches[next++]
              return batch === undefined ? Effect.fail(Option.none()) : Effect.succeed(batch)
            })
            return pace === undefined ? pull : Effect.zipRight(Effect.sleep(pace), pull)
          })
  }
}

/**
 * Layer of the offline transport.
 *
 * **When to use**
 *
 * Use for a first run, a demonstration or a test of an application's own tools on a machine without a key.
 *
 * @see {@link make} for what it understands
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<Transport> = Layer.sync(Transport, make)

/**
 * Layer of the offline transport, with options.
 *
 * @see {@link layer}
 * @category layers
 * @since 0.1.0
 */
export const layerWith = (options: Options): Layer.Layer<Transport> => Layer.sync(Transport, () => make(options))

// internal

const noJson = new TransportError({
  vendor: model.vendor,
  model: model.id,
  reason: { _tag: "InvalidRequest", message: "There is no model offline, and structured output takes one." },
  replay: "safe"
})

const charactersPerToken = 4
const deltasPerPull = 8

const deltasOf = (request: Request): ReadonlyArray<Delta> => {
  const all = tasks(request)
  const calls = request.toolChoice === "none" ? [] : pending(all)
  const wanted = request.settings.parallelToolCalls === false ? calls.slice(0, 1) : calls
  return wanted.length > 0 ? calling(request, wanted) : answering(request, answer(all, request.tools))
}

const calling = (request: Request, calls: ReadonlyArray<Planned>): ReadonlyArray<Delta> => {
  const made = request.messages.reduce((sum, { parts }) => sum + parts.filter(isCall).length, 0)
  const parts = calls.map(
    ({ input, name }, index): ToolCall => ({
      type: "tool-call",
      id: `offline_${made + index + 1}`,
      name,
      input: JSON.stringify(input)
    })
  )
  return framed(request, "tool-calls", parts, (part, index) => [
    { _tag: "PartStart", index, kind: "tool-call", name: part.name },
    { _tag: "ToolInputDelta", index, delta: part.input }
  ])
}

const answering = (request: Request, whole: string): ReadonlyArray<Delta> => {
  const most = (request.settings.maxOutputTokens ?? Number.POSITIVE_INFINITY) * charactersPerToken
  const text = whole.length > most ? whole.slice(0, most) : whole
  return framed(request, text === whole ? "stop" : "length", [{ type: "text", text }], (part, index) => [
    { _tag: "PartStart", index, kind: "text" },
    ...(part.text.match(/\s*\S+\s*$|\s*\S+|\s+/g) ?? []).map((delta): Delta => ({ _tag: "TextDelta", index, delta }))
  ])
}

/** The deltas of whole parts, between the beginning of the response and its end. */
const framed = <P extends Part>(
  request: Request,
  reason: FinishReason,
  parts: ReadonlyArray<P>,
  write: (part: P, index: number) => ReadonlyArray<Delta>
): ReadonlyArray<Delta> => [
  { _tag: "ResponseStart", model: model.id },
  ...parts.flatMap((part, index): ReadonlyArray<Delta> => [...write(part, index), { _tag: "PartEnd", index, part }]),
  { _tag: "Finish", reason, usage: usageOf(request, assistant(parts)) }
]

const isCall = (part: Part): boolean => part.type === "tool-call"

const usageOf = (request: Request, message: Message) =>
  makeUsage({
    input: estimate(request),
    cacheRead: 0,
    cacheWrite: 0,
    output: estimate({ messages: [message] }),
    reasoning: 0,
    costUsd: 0,
    estimated: true
  })

/** A few deltas at a time, as a network would bring them. */
const batchesOf = (deltas: ReadonlyArray<Delta>): ReadonlyArray<ReadonlyArray<Delta>> =>
  Array.from({ length: Math.ceil(deltas.length / deltasPerPull) }, (_, index) =>
    deltas.slice(index * deltasPerPull, (index + 1) * deltasPerPull)
  )
