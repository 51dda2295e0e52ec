/**
 * How a conversation that grew too long goes on: its beginning is represented by a summary from then on. Nothing is
 * erased: a compaction is one more entry of the log, and what it covers can be read and restored. Off unless provided.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { CompactionEntry, CompactionReason, Entry, MessageEntry, QueuedEntry, Stored } from "../domain/Entry.ts"
import type { RunId, SessionId } from "../domain/Ids.ts"
import { EntryId } from "../domain/Ids.ts"
import type { Message } from "../domain/Message.ts"
import * as Messages from "../domain/Message.ts"
import type { ModelInfo } from "../domain/ModelInfo.ts"
import * as Transport from "../transport/Transport.ts"
import type { StoreError } from "./ContextStore.ts"
import { ContextStore } from "./ContextStore.ts"
import * as Cuts from "./internal/cuts.ts"
import * as Ranges from "./internal/ranges.ts"
import type { Cost } from "./Paid.ts"
import * as Paid from "./Paid.ts"
import type { Summarise } from "./Summary.ts"
import * as Summary from "./Summary.ts"
import * as TokenCounter from "./TokenCounter.ts"
import { inForce, requeued } from "./Window.ts"

/**
 * How much a window may hold before it is compacted: from so many tokens on, or more messages than that. Infinite for what
 * does not matter.
 *
 * @category models
 * @since 0.1.0
 */
export interface Threshold {
  readonly tokens: number
  readonly messages: number
}

/**
 * What is to be compacted, and why.
 *
 * **Details**
 *
 * - `log`: the live part of the session's log. `tokens`: what the window holds, instructions and tools included.
 *
 * @category models
 * @since 0.1.0
 */
export interface Input {
  readonly log: ReadonlyArray<Stored>
  readonly reason: CompactionReason
  readonly tokens: number
  readonly transport: Transport.Service
  readonly counter: TokenCounter.Service
}

/**
 * What a compaction came to: what represents the beginning from now on, or why everything stays as it is.
 *
 * **Details**
 *
 * - `dropped`: the messages that are represented now and were not before. `note`: a text to add to the conversation.
 * - `failed`: it was tried and did not work, as opposed to having nothing to do.
 *
 * @category models
 * @since 0.1.0
 */
export type Outcome =
  | {
      readonly _tag: "Compacted"
      readonly through: EntryId
      readonly messages: ReadonlyArray<Message>
      readonly pinned?: Message | undefined
      readonly dropped: ReadonlyArray<Message>
      readonly note?: string | undefined
      readonly tokensBefore: number
      readonly tokensAfter: number
      readonly costs: ReadonlyArray<Cost>
    }
  | { readonly _tag: "Kept"; readonly why: string; readonly failed: boolean; readonly costs: ReadonlyArray<Cost> }

/**
 * How conversations are shortened.
 *
 * @category models
 * @since 0.1.0
 */
export interface Service {
  /** From where on a conversation with this model is compacted before its next turn. */
  readonly threshold: (model: ModelInfo) => Threshold
  /** Decides what represents the beginning of the log. Writes nothing and never fails: then all stays as it is. */
  readonly compact: (input: Input) => Effect.Effect<Outcome>
}

/**
 * How conversations are shortened. Not at all unless provided.
 *
 * @category references
 * @since 0.1.0
 */
export class Compaction extends Context.Reference<Compaction>()("axonal/context/Compaction", {
  defaultValue: (): Service => ({
    threshold: () => never,
    compact: () => Effect.succeed(kept("no compaction is configured; provide Compaction.layer"))
  })
}) {}

/**
 * How much of the end of a conversation stays as it is: so many messages, or as many as have so many tokens.
 *
 * @category models
 * @since 0.1.0
 */
export type KeepRecent = number | { readonly tokens: number }

/**
 * How to compact.
 *
 * **Details**
 *
 * - `at`: the share of the model's context window from which on a conversation is compacted; 0.75. `maxTokens`: the number
 *   of tokens itself, which wins. A model whose window is unknown counts as one of 128,000 tokens.
 * - `keepRecent`: what stays as it is; 6 messages. More stays when a call would be parted from its result.
 * - `summarise`: how; by the model of the conversation unless given.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly at?: number | undefined
  readonly maxTokens?: number | undefined
  readonly keepRecent?: KeepRecent | undefined
  readonly summarise?: Summarise | undefined
}

/**
 * Where a log is cut, and what that means.
 *
 * @category models
 * @since 0.1.0
 */
export interface Cut {
  /** The last entry before the cut. */
  readonly through: EntryId
  /** The texts of the system before it, those of earlier compactions first. They stay. */
  readonly system: ReadonlyArray<Message>
  /** What stands for the beginning until now. */
  readonly previous: ReadonlyArray<Message>
  /** The messages before it that no compaction covers yet, one that was pinned until now included. */
  readonly before: ReadonlyArray<Message>
  /** What the user said last, when it is before the cut. It stays, and is not among the messages before. */
  readonly pinned: Message | undefined
  readonly after: ReadonlyArray<Message>
}

/**
 * Cuts the live part of a log so that about so much of its end stays: never between a call and its result. Texts of the
 * system and what the user said last stay wherever they are. `undefined` when nothing would be left to represent.
 *
 * **Details**
 *
 * - Notes and nudges of the runtime are not the user's, whatever their role. Cost: linear.
 *
 * @category combinators
 * @since 0.1.0
 */
export const cut = (log: ReadonlyArray<Stored>, keepRecent: KeepRecent): Cut | undefined => {
  const compaction = inForce(log)
  const entries = log.filter((entry): entry is MessageEntry => entry._tag === "Message")
  const messages = entries.map(({ message }) => message)
  const recent = typeof keepRecent === "number" ? keepRecent : Cuts.recent(messages, keepRecent.tokens, sizeOf)
  const index = Cuts.places(messages).findLast((place) => place <= messages.length - recent) ?? 0
  const last = entries[index - 1]
  if (last === undefined) return undefined
  const { before, pinned, said, system } = Cuts.parted(messages, index)
  const [known, stands] = [compaction?.pinned, compaction?.messages ?? []]
  // A user message that was pinned until now, and is the newest no more, goes the way of the others.
  const gone = known === undefined || said === undefined ? before : [known, ...before]
  if (gone.length === 0) return undefined
  return {
    through: last.id,
    system: [...stands.filter(Cuts.isSystem), ...system],
    previous: stands.filter((message) => !Cuts.isSystem(message)),
    before: gone,
    pinned: said === undefined ? known : pinned,
    after: messages.slice(index)
  }
}

/**
 * Makes a compaction of a cut and of what represents the part before it, unless that is no shorter.
 *
 * @category constructors
 * @since 0.1.0
 */
export const replace = (
  input: Input,
  { after, before, pinned, previous, system, through }: Cut,
  messages: ReadonlyArray<Message>,
  { costs = [], note }: { readonly costs?: ReadonlyArray<Cost> | undefined; readonly note?: string | undefined } = {}
): Effect.Effect<Outcome> =>
  Effect.gen(function* () {
    const count = (messages: ReadonlyArray<Message>) => input.counter.count({ messages })
    const [had, has] = [yield* count([...previous, ...before]), yield* count(messages)]
    if (has >= had) return kept(`it would take ${has} tokens in place of ${had}`, true, costs)
    const left = yield* count([...system, ...(pinned === undefined ? [] : [pinned]), ...after])
    // What is more than the window held was counted too high, and so were its parts.
    const scale = Math.min(1, input.tokens / Math.max(1, had + left))
    return {
      _tag: "Compacted",
      ...{ through, messages: [...system, ...messages], dropped: before, costs },
      ...(pinned === undefined ? undefined : { pinned }),
      ...(note === undefined ? undefined : { note }),
      tokensBefore: input.tokens,
      tokensAfter: Math.max(0, Math.round(input.tokens - scale * (had - has)))
    }
  })

/**
 * Makes the outcome of a compaction that leaves everything as it is.
 *
 * @category constructors
 * @since 0.1.0
 */
export const kept = (why: string, failed = false, costs: ReadonlyArray<Cost> = []): Outcome => ({
  _tag: "Kept",
  ...{ why, failed, costs }
})

/**
 * Makes a compaction that replaces the beginning by a summary.
 *
 * **Details**
 *
 * - Repeated, it summarises what is new together with the summary before, and nothing twice.
 * - A summary that fails, is empty or is no shorter than its source leaves everything as it was.
 * - Errors: a share or a number out of range throws a `RangeError`: a programming mistake.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): Service => {
  const { at = 0.75, keepRecent = 6, maxTokens, summarise = Summary.byModel() } = options
  Ranges.check("Compaction", "at", at, Ranges.share)
  Ranges.check("Compaction", "maxTokens", maxTokens, Ranges.positive)
  Ranges.check("Compaction", "keepRecent", typeof keepRecent === "number" ? keepRecent : keepRecent.tokens)
  return {
    threshold: (model) => ({ ...never, tokens: Ranges.tokenLimit(model, at, maxTokens) }),
    compact: (input) => {
      const found = (input.reason === "overflow" ? cutRefused : cut)(input.log, keepRecent)
      if (found === undefined) return Effect.succeed(kept("there is nothing but what is recent"))
      const { before: messages, previous } = found
      return Effect.matchEffect(summarise({ previous, messages, transport: input.transport }), {
        onFailure: ({ costs, message }) => Effect.succeed(kept(message, true, costs)),
        onSuccess: ({ costs, text }) =>
          text.trim() === ""
            ? Effect.succeed(kept("the summary is empty", true, costs))
            : replace(input, found, [Summary.toMessage(text)], { costs })
      }).pipe(Effect.catchAllDefect((defect) => Effect.succeed(kept(`summarising died: ${String(defect)}`, true))))
    }
  }
}

/**
 * The entries that an outcome adds to a session's log. Their ids begin with `name`.
 *
 * @category converters
 * @since 0.1.0
 */
export const entries = (
  outcome: Outcome,
  about: {
    readonly name: string
    readonly at: number
    readonly reason: CompactionReason
    readonly run?: RunId | undefined
    readonly turn?: number | undefined
    readonly queued?: ReadonlyArray<QueuedEntry> | undefined
  }
): ReadonlyArray<Entry> => {
  const { at, name, reason } = about
  const base = (part: string) => ({
    id: EntryId.make(part === "" ? name : `${name}/${part}`, { disableValidation: true }),
    at,
    ...(about.run === undefined ? undefined : { run: about.run, turn: about.turn })
  })
  const costs = outcome.costs.map(
    ({ model, usage }, index): Entry => ({
      _tag: "Usage",
      ...base(`usage-${index}`),
      model,
      usage,
      purpose: "compaction"
    })
  )
  if (outcome._tag === "Kept") return costs
  const { dropped, messages, note, pinned, through, tokensAfter, tokensBefore } = outcome
  const compaction: CompactionEntry = {
    _tag: "Compaction",
    ...base(""),
    ...{ through, messages, reason, dropped: dropped.length, tokensBefore, tokensAfter },
    ...(pinned === undefined ? undefined : { pinned })
  }
  const message = { ...Messages.user(note ?? ""), meta: Cuts.noteMeta }
  const noted: ReadonlyArray<Entry> = note === undefined ? [] : [{ _tag: "Message", ...base("note"), message }]
  return [...costs, compaction, ...noted, ...requeued(about.queued ?? [], name, at)]
}

/**
 * Compacts a session now, between its runs, by the compaction in use.
 *
 * **Details**
 *
 * - Errors: `SessionBusy` while a run has the session, `NotFound` when there is no such session.
 *
 * @category combinators
 * @since 0.1.0
 */
export const compact = (session: SessionId): Effect.Effect<Outcome, StoreError, ContextStore | Transport.Transport> =>
  Effect.scoped(
    Effect.gen(function* () {
      const [store, transport] = [yield* ContextStore, yield* Transport.Transport]
      const [compaction, counter] = [yield* Compaction, yield* TokenCounter.TokenCounter]
      yield* store.info(session)
      yield* store.lock(session, "fail")
      const { measured, messages, position, queued } = yield* store.read(session)
      const tokens = yield* TokenCounter.held(counter, measured, () => ({ messages }))
      const name = `compaction/${crypto.randomUUID()}`
      const commit = (outcome: Outcome) =>
        Effect.flatMap(Clock.currentTimeMillis, (at) =>
          store.append(session, entries(outcome, { name, at, reason: "demand", queued }), { after: position })
        )
      const log = yield* store.live(session)
      const made = compaction.compact({ log, reason: "demand", tokens, transport, counter })
      return yield* Paid.committed(made, commit, (costs) => kept("it was interrupted", true, costs))
    })
  )

/**
 * Takes the latest compaction of a session back: the conversation goes on with what it covered. Does nothing when none is
 * in force.
 *
 * **Details**
 *
 * - Errors: `SessionBusy` while a run has the session.
 *
 * @category combinators
 * @since 0.1.0
 */
export const restore = (session: SessionId): Effect.Effect<void, StoreError, ContextStore> =>
  Effect.scoped(
    Effect.gen(function* () {
      const store = yield* ContextStore
      yield* store.lock(session, "fail")
      const { compaction, position } = yield* store.read(session)
      if (compaction === undefined) return
      const [id, at] = [EntryId.make(`restore/${crypto.randomUUID()}`), yield* Clock.currentTimeMillis]
      yield* store.append(session, [{ _tag: "Marker", id, at, marker: { type: "restore" } }], { after: position })
    })
  )

/**
 * Layer of a compaction by summaries.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options?: Options): Layer.Layer<Compaction> => Layer.sync(Compaction, () => make(options))

/**
 * Layer of a compaction by summaries of another model than the conversation's own: the transport that it is provided with.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerTransport = (
  options: Omit<Options, "summarise"> & {
    readonly prompt?: string | undefined
    readonly settings?: Transport.Settings | undefined
  } = {}
): Layer.Layer<Compaction, never, Transport.Transport> =>
  Layer.effect(
    Compaction,
    Effect.map(Transport.Transport, (transport) => {
      const { prompt, settings, ...rest } = options
      return make({ ...rest, summarise: Summary.byModel({ transport, prompt, settings }) })
    })
  )

// internal

const never: Threshold = { tokens: Number.POSITIVE_INFINITY, messages: Number.POSITIVE_INFINITY }

/** A vendor that refuses a conversation takes even what is recent for too long, when that is most of it. */
const cutRefused = (log: ReadonlyArray<Stored>, keepRecent: KeepRecent): Cut | undefined => {
  const found = cut(log, keepRecent)
  return found !== undefined && sizeOf(found.before) >= sizeOf(found.after) ? found : (cut(log, 0) ?? found)
}

const sizeOf = (messages: ReadonlyArray<Message>): number => TokenCounter.estimate({ messages })
