/**
 * What a status bar shows of a conversation: a fold of its news, and of what the store knows of the session.
 */
import * as Effect from "effect/Effect"
import type { StoreError } from "../../context/ContextStore.ts"
import { ContextStore } from "../../context/ContextStore.ts"
import * as TokenCounter from "../../context/TokenCounter.ts"
import type { AgentEvent } from "../../domain/AgentEvent.ts"
import type { CallId, SessionId } from "../../domain/Ids.ts"
import type { Input } from "../../domain/Message.ts"
import * as Messages from "../../domain/Message.ts"
import { can } from "../../domain/ModelInfo.ts"
import * as Usage from "../../domain/Usage.ts"
import * as Toolkit from "../../tool/Toolkit.ts"
import { Transport } from "../../transport/Transport.ts"
import type { Permission } from "../args.ts"
import { oneLine } from "../internal/words.ts"
import * as Find from "../sessions/find.ts"
import type { Choice } from "../vendors.ts"
import type { Problem } from "./assistant.ts"
import type { Conversation, How, News } from "./conversation.ts"

/**
 * The figures.
 *
 * **Details**
 *
 * - `usage`: what the session has cost, with all that worked within it. `contextTokens`: what the next request would begin
 *   with, as the vendor counted last, else estimated; absent while unknown.
 * - `work`: absent while no run works. `sinceMillis`: when it began, since the epoch. `doing`: in a word or two.
 * - `waiting`: words that were said and have not joined yet.
 *
 * @category models
 * @since 0.1.0
 */
export interface Figures {
  readonly model: string
  readonly vendor: string
  readonly session: SessionId
  readonly permission: Permission
  readonly thinking?: string | undefined
  readonly usage: Usage.Usage
  readonly contextTokens?: number | undefined
  readonly contextWindow?: number | undefined
  readonly work?: { readonly sinceMillis: number; readonly turn: number; readonly doing: string } | undefined
  readonly waiting: ReadonlyArray<{ readonly text: string; readonly how: How }>
}

/**
 * The figures of a conversation, kept.
 *
 * @category models
 * @since 0.1.0
 */
export interface Service {
  readonly get: () => Figures
  /** Reads what only the store knows. To be run at the start, and after `Switched` and a change of the model. */
  readonly refresh: Effect.Effect<void, StoreError | Problem>
  /** Listens no more. */
  readonly close: () => void
}

/**
 * Keeps the figures of a conversation from now on.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (conversation: Conversation, now: () => number = Date.now): Service => {
  const { knobs } = conversation.assistant
  let state = begin
  let changes = 0
  const close = conversation.listen((news) => {
    if (news._tag !== "Events" && news._tag !== "Note") changes++
    state = fold(state, news, now)
  })
  const refresh: Service["refresh"] = Effect.suspend(() => {
    const before = changes
    return Effect.flatMap(
      conversation.assistant.within(known(conversation)),
      ({ contextTokens, contextWindow, spent }) => {
        state = { ...state, contextTokens, contextWindow }
        // Of a run that works the store knows a part already, which the run's end would tell again.
        if (state.work !== undefined || changes !== before) return Effect.zipRight(conversation.settled, refresh)
        state = { ...state, spent, running: Usage.zero }
        return Effect.void
      }
    )
  })
  return {
    get: () => {
      const { choice, permission, settings } = knobs.get()
      const { contextTokens, contextWindow, running, spent, waiting, work } = state
      return {
        ...{ ...named(choice), session: conversation.session(), permission, thinking: settings.reasoningEffort },
        ...{ usage: Usage.sum(spent, running), contextTokens, contextWindow, work, waiting }
      }
    },
    refresh,
    close
  }
}

/**
 * What a session has cost, with all that worked within it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const spentIn = (
  session: SessionId
): Effect.Effect<ReadonlyArray<{ readonly model: string; readonly usage: Usage.Usage }>, StoreError, ContextStore> =>
  Effect.gen(function* () {
    const store = yield* ContextStore
    const within = yield* Find.nested({ id: session })
    const logs = yield* Effect.forEach([session, ...within.map(({ id }) => id)], store.entries)
    return logs.flatMap((log) => log.flatMap((entry) => (entry._tag === "Usage" ? [entry] : [])))
  })

// internal

interface State extends Pick<Figures, "contextTokens" | "contextWindow" | "waiting" | "work"> {
  /** Of all before, and of the run that works. */
  readonly spent: Usage.Usage
  readonly running: Usage.Usage
  /** Calls that run, and those that a person is asked about, oldest first. */
  readonly calls: ReadonlyMap<CallId, string>
  readonly asked: ReadonlySet<CallId>
}

const begin: State = { spent: Usage.zero, running: Usage.zero, waiting: [], calls: new Map(), asked: new Set() }

const named = (choice: Choice): Pick<Figures, "model" | "vendor"> =>
  choice._tag === "Offline" ? { vendor: "offline", model: "offline" } : { vendor: choice.vendor, model: choice.model }

const known = ({ assistant, session: current }: Conversation) =>
  Effect.gen(function* () {
    const session = current()
    const [store, { model }] = [yield* ContextStore, yield* Transport]
    const spent = (yield* spentIn(session)).reduce((sum, { usage }) => Usage.sum(sum, usage), Usage.zero)
    const { measured, messages } = yield* store.read(session)
    const counter = yield* TokenCounter.TokenCounter
    const { definition } = assistant.agent()
    // Where nobody has counted, all that goes along with the messages is to be counted, too.
    const tools =
      measured === undefined && messages.length > 0 && can(model, "tools")
        ? (yield* Effect.orDie(Toolkit.resolve(definition.sources))).specs
        : []
    const whole = [Messages.system(definition.instructions ?? ""), ...messages]
    const held = yield* TokenCounter.held(counter, measured, () => ({ messages: whole, tools }))
    return { spent, contextTokens: messages.length === 0 ? undefined : held, contextWindow: model.contextWindow }
  })

const fold = (state: State, news: News, now: () => number): State => {
  switch (news._tag) {
    case "Said":
      return news.how === undefined
        ? { ...state, work: { sinceMillis: now(), turn: 0, doing: asking } }
        : { ...state, waiting: [...state.waiting, { text: textOf(news.input), how: news.how }] }
    case "Events":
      return news.events.reduce((next, event) => ofEvent(next, event, now), state)
    case "Settled":
      return {
        ...state,
        ...{ spent: Usage.sum(state.spent, state.running), running: Usage.zero, work: undefined },
        ...{ calls: begin.calls, asked: begin.asked }
      }
    case "Switched":
      return { ...begin, contextWindow: state.contextWindow }
    default:
      return state
  }
}

const asking = "asking the model"

const textOf = (input: Input): string => oneLine(Messages.fromInput(input).map(Messages.toText).join(" "))

const doing = (state: State, what: string, turn = state.work?.turn ?? 0): State =>
  state.work === undefined || (state.work.doing === what && state.work.turn === turn)
    ? state
    : { ...state, work: { ...state.work, turn, doing: what } }

const ofEvent = (state: State, event: AgentEvent, now: () => number): State => {
  const isNested = event.path !== undefined
  switch (event._tag) {
    case "RunStart":
    case "TurnStart": {
      if (isNested) return state
      const waiting = event.input.length === 0 ? state.waiting : without(state.waiting, event.input)
      const work = state.work ?? { sinceMillis: now(), turn: 0, doing: asking }
      return doing({ ...state, waiting, work }, asking, event.turn)
    }
    case "TextDelta":
      return isNested ? state : doing(state, "writing")
    case "ReasoningDelta":
      return isNested ? state : doing(state, "thinking")
    case "ToolInputStart":
      return isNested ? state : doing(state, event.name)
    case "ToolStart": {
      if (isNested) return state
      const calls = new Map(state.calls).set(event.call, event.name)
      return withCalls({ ...state, calls })
    }
    case "ToolEnd": {
      if (isNested) return state
      const calls = new Map(state.calls)
      calls.delete(event.call)
      return withCalls({ ...state, calls, asked: less(state.asked, event.call) })
    }
    // Those of agents below wait for the same person.
    case "ApprovalAsked":
      return withCalls({ ...state, asked: new Set(state.asked).add(event.call) })
    case "ApprovalDecided":
      return withCalls({ ...state, asked: less(state.asked, event.call) })
    case "Retrying":
      return isNested ? state : doing(state, `again in ${Math.ceil(event.delayMillis / 1000)} s`)
    case "TurnRestarted":
      return { ...doing(state, `again in ${Math.ceil(event.delayMillis / 1000)} s`), running: plus(state, event) }
    case "Compacted":
      return isNested ? state : { ...state, contextTokens: event.tokensAfter }
    case "TurnEnd": {
      const held = Usage.totalTokens(event.usage)
      return {
        ...state,
        running: plus(state, event),
        contextTokens: isNested ? state.contextTokens : (held ?? state.contextTokens)
      }
    }
    case "RunEnd":
      // It knows of all that was spent in it, summaries and broken answers as well.
      return isNested ? state : { ...state, spent: Usage.sum(state.spent, event.usage), running: Usage.zero }
    default:
      return state
  }
}

const plus = ({ running }: State, { usage }: { readonly usage: Usage.Usage }): Usage.Usage => Usage.sum(running, usage)

const less = (asked: ReadonlySet<CallId>, call: CallId): ReadonlySet<CallId> => {
  if (!asked.has(call)) return asked
  const rest = new Set(asked)
  rest.delete(call)
  return rest
}

const withCalls = (state: State): State => {
  if (state.asked.size > 0) return doing(state, "waiting for you")
  const [name, ...others] = state.calls.values()
  return name === undefined
    ? doing(state, asking)
    : doing(state, others.length === 0 ? name : `${name} and ${others.length} more`)
}

/** What has joined waits no longer. It may have more around it that was not typed. */
const without = (waiting: Figures["waiting"], input: ReadonlyArray<Messages.Message>): Figures["waiting"] => {
  const texts = input.filter(({ role }) => role === "user").map((message) => oneLine(Messages.toText(message)))
  return texts.reduce((left, text) => {
    const index = left.findIndex((words) => text.includes(words.text))
    return index < 0 ? left : left.filter((_, place) => place !== index)
  }, waiting)
}
