/**
 * One question to a model outside of a run: the text of its answer, how that ended, and `Paid` told what it cost. For
 * authors of guards, selectors and summaries that ask a model.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Paid } from "../context/Paid.ts"
import * as TokenCounter from "../context/TokenCounter.ts"
import * as Message from "../domain/Message.ts"
import type { FinishReason } from "../domain/Outcome.ts"
import * as Usage from "../domain/Usage.ts"
import type * as Transport from "./Transport.ts"
import type { TransportError } from "./TransportError.ts"
import { pauseMillis } from "./TransportError.ts"

/**
 * How a model is asked.
 *
 * **Details**
 *
 * - `retries`: how often a request is sent again that fails and may pass; 0.
 * - `maxCharacters`: how long an answer is listened to; to its end when absent.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly retries?: number | undefined
  readonly maxCharacters?: number | undefined
}

/**
 * What a model answered: its texts that were ended, one after another.
 *
 * **Details**
 *
 * - `reason`: `"nothing"` of an answer that broke off without one, `"too-long"` of one that went beyond `maxCharacters`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Answer {
  readonly text: string
  readonly reason: FinishReason | "nothing" | "too-long"
}

/**
 * Sends a request and collects the answer.
 *
 * **Details**
 *
 * - Every answer that began is paid for, once, whatever becomes of it: by its usage, or by an estimate when it ended before
 *   its vendor could say.
 * - Who interrupts it, a timeout for one, is let go at once, also by a transport that does not listen.
 *
 * @category constructors
 * @since 0.1.0
 */
export const answer = (
  transport: Transport.Service,
  request: Transport.Request,
  options: Options = {}
): Effect.Effect<Answer, TransportError> =>
  Effect.flatMap(Paid, ({ tell }) => {
    let open: Hearing | undefined
    const exchange: Exchange = {
      transport,
      request,
      options,
      begin: () => {
        open = { text: "", heard: "", reason: "nothing", begun: false, usage: undefined }
        return open
      },
      settle: Effect.sync(() => {
        if (open?.begun === true) {
          tell({ model: transport.model.id, usage: open.usage ?? estimated(request, open.heard) })
        }
        open = undefined
      })
    }
    return Effect.ensuring(Effect.disconnect(sent(exchange, 0)), exchange.settle)
  })

// internal

/** An answer so far. */
interface Hearing {
  text: string
  /** As much of it as was heard, ended or not. */
  heard: string
  reason: Answer["reason"]
  /** What has arrived of it was paid for, whether the vendor comes to say so or not. */
  begun: boolean
  usage: Usage.Usage | undefined
}

/** A question with its answers, each of which is paid for when it ends, or when nobody waits for it any more. */
interface Exchange {
  readonly transport: Transport.Service
  readonly request: Transport.Request
  readonly options: Options
  readonly begin: () => Hearing
  readonly settle: Effect.Effect<void>
}

/** Sends the request, and again when it fails and may pass. */
const sent = (exchange: Exchange, tried: number): Effect.Effect<Answer, TransportError> =>
  Effect.suspend(() => {
    const { options, request, transport } = exchange
    const hearing = exchange.begin()
    return Effect.scoped(Effect.flatMap(transport.open(request), (pull) => collect(pull, hearing, options))).pipe(
      Effect.ensuring(exchange.settle),
      Effect.as(hearing),
      Effect.catchAll((error) => {
        const delayMillis = pauseMillis(error, tried)
        return delayMillis !== undefined && tried < (options.retries ?? 0)
          ? Effect.zipRight(Effect.sleep(delayMillis), sent(exchange, tried + 1))
          : Effect.fail(error)
      })
    )
  })

const collect = (
  pull: Transport.Pull,
  hearing: Hearing,
  { maxCharacters = Number.POSITIVE_INFINITY }: Options
): Effect.Effect<void, TransportError> => {
  const next: Effect.Effect<void, Option.Option<TransportError>> = Effect.flatMap(pull, (deltas) => {
    for (const delta of deltas) {
      if (delta._tag !== "ResponseStart") hearing.begun = true
      if (delta._tag === "TextDelta") hearing.heard += delta.delta
      else if (delta._tag === "PartEnd" && delta.part.type === "text") hearing.text += delta.part.text
      else if (delta._tag === "Finish") {
        hearing.reason = delta.reason
        hearing.usage = delta.usage
      }
    }
    if (Math.max(hearing.heard.length, hearing.text.length) > maxCharacters) hearing.reason = "too-long"
    return hearing.reason === "nothing" ? next : Effect.void
  })
  return Effect.catchAll(next, (end) => (Option.isSome(end) ? Effect.fail(end.value) : Effect.void))
}

/** What an answer cost that ended before its vendor could say. */
const estimated = (request: Transport.Request, heard: string): Usage.Usage =>
  Usage.make({
    input: TokenCounter.estimate(request),
    output: heard === "" ? 0 : TokenCounter.estimate({ messages: [Message.assistant(heard)] }),
    estimated: true
  })
