/**
 * Shortening conversations without a model: the oldest messages are dropped, or each is shown shorter than it is. The
 * first is a `Compaction` with nothing in the place of what it covers, the second a `View`. The log keeps all of it.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { MessageEntry } from "../domain/Entry.ts"
import type { Message } from "../domain/Message.ts"
import * as Messages from "../domain/Message.ts"
import * as Compaction from "./Compaction.ts"
import * as Cuts from "./internal/cuts.ts"
import * as Ranges from "./internal/ranges.ts"
import * as Places from "./internal/trimming.ts"
import * as Views from "./internal/views.ts"
import * as Repair from "./Repair.ts"
import * as TokenCounter from "./TokenCounter.ts"
import { inForce } from "./Window.ts"

/**
 * How much of a conversation stays.
 *
 * **Details**
 *
 * - `maxMessages`: the most messages a model is shown. `maxTokens`: the number of tokens from which on it is trimmed. `at`:
 *   that as a share of the model's context window, which is 128,000 tokens when it is unknown; 0.75 when no maximum is given.
 * - `keep`: the share of a maximum that is left when it is reached; 0.6. Less is trimmed more rarely: every trim changes
 *   the beginning of requests, and what a vendor remembered of them is of no use then.
 * - `note`: told to the model after every trim, in a user message that joins the newest one.
 * - `keepSummary`: a summary from before stays. It is dropped otherwise, because it is the oldest there is.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly maxMessages?: number | undefined
  readonly maxTokens?: number | undefined
  readonly at?: number | undefined
  readonly keep?: number | undefined
  readonly note?: string | undefined
  readonly keepSummary?: boolean | undefined
}

/**
 * What a model is shown of the messages of a session, when it is not all of each.
 *
 * @category models
 * @since 0.1.0
 */
export interface ViewService {
  /** What is shown of a window that was read: at the start of a run, or after a compaction. Sound if that was. */
  readonly window: (messages: ReadonlyArray<Message>) => Effect.Effect<ReadonlyArray<Message>>
  /** What is shown of a message that joins after that. The same for the same message, so that requests keep their prefix. */
  readonly message: (message: Message) => Effect.Effect<Message>
}

/**
 * Shows everything as it is.
 *
 * @category constructors
 * @since 0.1.0
 */
export const plainView: ViewService = { window: Effect.succeed, message: Effect.succeed }

/**
 * What a model is shown of messages. All of them, as they are, unless provided.
 *
 * @category references
 * @since 0.1.0
 */
export class View extends Context.Reference<View>()("axonal/context/Trimming/View", {
  defaultValue: () => plainView
}) {}

/**
 * What is shown of messages.
 *
 * **Details**
 *
 * - `maxMessageTokens`: the most tokens of text in one message. Longer texts keep head and tail around a mark that says how
 *   much is left out, which comes on top; the longest of a message are cut first. The user's own messages are cut, too.
 *   Texts of the system, arguments of calls, reasoning, and what carries data of its vendor are not.
 * - `count`: `"counter"` asks the `TokenCounter` in use, `"characters"` takes four characters for a token. The first unless said.
 * - `toolCalls`: `"keep"`, or of how many finished runs before the current one calls and results are shown; `keepRuns: 0`
 *   shows what was said and leaves out how it was found. Reasoning goes with the calls that it led to.
 *
 * @category models
 * @since 0.1.0
 */
export interface ViewOptions {
  readonly maxMessageTokens?: number | undefined
  readonly count?: "counter" | "characters" | undefined
  readonly toolCalls?: "keep" | { readonly keepRuns: number } | undefined
}

/**
 * Makes a compaction that drops the oldest messages.
 *
 * **Details**
 *
 * - Calls go together with their results. What the user said last stays, and so does the answer that is being worked on,
 *   even where these alone are more than a maximum. Texts of the system are never dropped, and instructions are no part of a log.
 * - A conversation begins with its user: where an answer would be first, one line that tells of the trim stands before it.
 * - After an overflow and on demand it is cut to `keep` of what there is, when that is less.
 * - Errors: a share or a number out of range throws a `RangeError`: a programming mistake.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): Compaction.Service => {
  const { at, keep = 0.6, maxMessages, maxTokens } = options
  Ranges.check("Trimming", "at", at, Ranges.share)
  Ranges.check("Trimming", "keep", keep, Ranges.share)
  Ranges.check("Trimming", "maxTokens", maxTokens, Ranges.positive)
  Ranges.check("Trimming", "maxMessages", maxMessages, Ranges.count)
  const hasTokens = at !== undefined || maxTokens !== undefined || maxMessages === undefined
  const service: Compaction.Service = {
    threshold: (model) => ({
      tokens: hasTokens ? Ranges.tokenLimit(model, at ?? 0.75, maxTokens) : Number.POSITIVE_INFINITY,
      messages: maxMessages ?? Number.POSITIVE_INFINITY
    }),
    compact: (input) => {
      const { messages, tokens } = service.threshold(input.transport.model)
      const most = input.reason === "threshold" ? tokens : Math.min(tokens, input.tokens)
      return trim(input, options, { tokens: keep * most, messages: Math.max(1, Math.floor(keep * messages)) })
    }
  }
  return service
}

/**
 * Layer of a compaction that drops the oldest messages.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options?: Options): Layer.Layer<Compaction.Compaction> =>
  Layer.sync(Compaction.Compaction, () => make(options))

/**
 * Layer of a view.
 *
 * **Gotchas**
 *
 * Calls are left out when a run begins, so that its first request does not begin as the last one before it did.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerView = (options: ViewOptions): Layer.Layer<View> =>
  Layer.effect(
    View,
    Effect.gen(function* () {
      const { count = "counter", maxMessageTokens, toolCalls = "keep" } = options
      Ranges.check("Trimming", "maxMessageTokens", maxMessageTokens, Ranges.positive)
      if (toolCalls !== "keep") Ranges.check("Trimming", "toolCalls.keepRuns", toolCalls.keepRuns)
      const counter = yield* TokenCounter.TokenCounter
      const spoken = toolCalls === "keep" ? undefined : Views.withoutCalls(toolCalls.keepRuns)
      const strip = (messages: ReadonlyArray<Message>): ReadonlyArray<Message> => {
        const left = spoken?.(messages) ?? messages
        // Neighbours of what is left out become one.
        return left === messages ? messages : Repair.repair(left)
      }
      if (maxMessageTokens === undefined) {
        return spoken === undefined
          ? plainView
          : { ...plainView, window: (messages) => Effect.sync(() => strip(messages)) }
      }
      const message = Views.shortener(maxMessageTokens, count === "counter" ? countText(counter) : countCharacters)
      return {
        message,
        window: (messages) =>
          Effect.suspend(() => {
            const left = strip(messages)
            return Effect.map(Effect.forEach(left, message), (shown) =>
              shown.every((one, index) => one === left[index]) ? left : shown
            )
          })
      }
    })
  )

// internal

/** Begins what is left when that would begin with an answer. */
const beginning: Message = {
  ...Messages.user("The beginning of this conversation is not shown any more."),
  meta: Cuts.noteMeta
}

const trim = (
  input: Compaction.Input,
  options: Options,
  target: Compaction.Threshold
): Effect.Effect<Compaction.Outcome> =>
  Effect.gen(function* () {
    const count = (...messages: ReadonlyArray<Message>) => input.counter.count({ messages })
    const compaction = inForce(input.log)
    const stands = compaction?.messages ?? []
    const system = stands.filter(Cuts.isSystem)
    const summary = options.keepSummary === true ? stands.filter((message) => !Cuts.isSystem(message)) : []
    const messages = input.log
      .filter((entry): entry is MessageEntry => entry._tag === "Message")
      .map(({ message }) => message)
    const pinned = compaction?.pinned
    const weights: Places.Weights = {
      ...{ messages, summary, pinned },
      sizes: yield* Effect.forEach(messages, (message) => count(message)),
      previous: yield* count(...stands),
      systemSize: yield* count(...system),
      systemCount: system.length,
      summarySize: yield* count(...summary),
      pinnedSize: pinned === undefined ? 0 : yield* count(pinned),
      note: options.note === undefined ? 0 : yield* count(Messages.user(options.note)),
      beginning: yield* count(beginning)
    }
    const chosen = Places.choose(weights, input.tokens, target)
    if (chosen === undefined) return Compaction.kept("there is nothing but the newest messages")
    const found = Compaction.cut(input.log, messages.length - chosen.place)
    if (found === undefined) return Compaction.kept("nothing is left to drop")
    return {
      _tag: "Compacted",
      ...{ through: found.through, dropped: found.before, costs: [] },
      messages: [...found.system, ...(chosen.begins ? [beginning] : summary)],
      ...(found.pinned === undefined ? undefined : { pinned: found.pinned }),
      ...(options.note === undefined ? undefined : { note: options.note }),
      tokensBefore: input.tokens,
      tokensAfter: chosen.tokens
    }
  })

const countText =
  (counter: TokenCounter.Service): Views.Count =>
  (text) =>
    // What a message costs beside its text is not part of it.
    Effect.zipWith(counter.count(textMessage(text)), counter.count(textMessage("")), (whole, empty) =>
      Math.max(0, whole - empty)
    )

const textMessage = (text: string): TokenCounter.Countable => ({ messages: [Messages.user(text)] })

const countCharacters: Views.Count = (text) => Effect.succeed(Math.ceil(text.length / 4))
