/**
 * Several agents that share one conversation: the one that has it answers the user, or hands it over to another, who then
 * has it. Unlike a sub-agent, which answers its caller, the agent that takes over answers the user itself.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Compaction from "../context/Compaction.ts"
import type { StoreError } from "../context/ContextStore.ts"
import { ContextStore } from "../context/ContextStore.ts"
import * as Repair from "../context/Repair.ts"
import * as Summary from "../context/Summary.ts"
import type { MessageEntry } from "../domain/Entry.ts"
import { EntryId } from "../domain/Ids.ts"
import * as Message from "../domain/Message.ts"
import * as Check from "../internal/options.ts"
import * as Composite from "./Composite.ts"
import type { Definition } from "./Definition.ts"
import * as Runnable from "./Runnable.ts"
import * as Transfer from "./Transfer.ts"

/**
 * An agent of a handoff: an agent, or one with services of its own, made by `provide`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Member<out Out = unknown, out E = unknown, out R = unknown>
  extends Runnable.Runner<Message.Input, Out, E, R> {
  readonly definition: Definition
  /** @internal Gives a run its services; absent for an agent without any of its own. */
  readonly within?: Transfer.Member["within"]
}

/**
 * The agents of a handoff, by the names that they have there.
 *
 * @category models
 * @since 0.1.0
 */
export type Agents = Readonly<Record<string, Member>>

/**
 * A handoff, as a filter is told.
 *
 * **Details**
 *
 * - `from`, `to`: the agents. `note`: what `to` is told of it, with the reason that `from` gave.
 *
 * @category models
 * @since 0.1.0
 */
export interface About {
  readonly from: string
  readonly to: string
  readonly note: string
}

/**
 * What the next agent takes along of the conversation: the messages that it is to know, of those that the agent before it
 * knew. Calls of handoffs are not among them. Asked once for each handoff, and remembered.
 *
 * @category models
 * @since 0.1.0
 */
export type Filter<E = never, R = never> = (
  messages: ReadonlyArray<Message.Message>,
  about: About
) => ReadonlyArray<Message.Message> | Effect.Effect<ReadonlyArray<Message.Message>, E, R>

/**
 * How to make a handoff.
 *
 * **Details**
 *
 * - `agents`: by name. They run under these names, and their descriptions tell the others what they are for. `start`: who
 *   has the conversation first.
 * - `to`: to whom each may hand over; to all others when it does not say.
 * - `maxHandoffs`: the most handoffs of one run; 10.
 * - `filter`: what the next agent takes along. Without one, all share one session: each sees all that was said and done
 *   before it, under its own instructions.
 * - `continues`: who has the next message of the session: who answered the last (`"last"`, the default), or `"start"`.
 * - `guidance`: what the agents are told of the handoff, behind their instructions; a text that names the others unless
 *   given. Blank tells nothing.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options<Members extends Agents, E = never, R = never> {
  readonly description?: string | undefined
  readonly agents: Members
  readonly start: NoInfer<keyof Members & string>
  readonly to?:
    | { readonly [From in keyof Members & string]?: ReadonlyArray<NoInfer<keyof Members & string>> | undefined }
    | undefined
  readonly maxHandoffs?: number | undefined
  readonly filter?: Filter<E, R> | undefined
  readonly continues?: "last" | "start" | undefined
  readonly guidance?: string | undefined
}

/**
 * Makes a runner of agents that hand one conversation over to each other.
 *
 * **Details**
 *
 * - Every agent has a tool `transfer_to_<name>` for each one it may hand over to, with an optional reason for the next. Its
 *   run ends with that call; calls beside it have their results, and a second handoff in the same answer is refused.
 * - The result is that of the agent that answered, and `answeredBy` is its name. Guards judge handoffs as any call.
 * - One handoff more than `maxHandoffs` is refused: the agent that wanted it has one last run without these tools. The run
 *   then ends with reason `limit` and limit `handoffs`, and with that answer as its `text`. An agent that gets the
 *   conversation straight back is told not to return it for the same reason.
 * - An agent that ends otherwise than completed ends the run in the same way. Resumed, that agent goes on.
 * - Errors: those of the agents and of the filter. A name that is nobody's, two names with one tool, and a bound that is no
 *   whole number from 0 on throw.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <const Members extends Agents, E = never, R = never>(
  name: string,
  options: Options<Members, E, R>
): Runnable.Runner<
  Message.Input,
  Runnable.Output<Members[keyof Members]>,
  Runnable.Failure<Members[keyof Members]> | StoreError | E,
  Runnable.Requirements<Members[keyof Members]> | ContextStore | R
> => {
  const team = teamOf(name, options)
  const handoff = Composite.make(name, { description: options.description }, (input: Message.Input, parts) =>
    Effect.gen(function* () {
      let holder = yield* beginning(team, input, parts)
      for (let count = 0; ; count++) {
        const session = { shared: holder.talk }
        const visit = { from: holder.from, left: team.max - count, max: team.max }
        const member = memberOf(team, holder.name)
        const result = yield* parts.run(String(count), Transfer.turn(member, visit), holder.words, { session })
        const { answeredBy, output: step, text } = result
        if (step._tag === "Answered") return { output: step.output, text, answeredBy }
        if (visit.left <= 0) {
          const last = yield* parts.run("last", Transfer.turn(member, visit, true), [], { session })
          const result = { ...last, reason: "limit", limit: "handoffs", output: undefined } as const
          return yield* new Composite.Unfinished({ result, pending: [] })
        }
        const about = { from: holder.name, to: step.to, note: step.note }
        holder = yield* parts.remember(`handoff-${count}`, passed(team, holder, about, parts))
      }
    })
  )
  return Runnable.make(name, options.description, handoff.behavior)
}

/**
 * The agent with services of its own while it has the conversation: the model that it asks, its guard, handlers of its tools.
 *
 * **Details**
 *
 * - The layer is built each time the agent gets the conversation. Build it yourself and provide its context to share it.
 * - Errors: how the layer fails is how the run fails.
 *
 * @category combinators
 * @since 0.1.0
 */
export const provide = <Out, E, R, R2, E2 = never, R3 = never>(
  agent: Member<Out, E, R>,
  services: Layer.Layer<R2, E2, R3> | Context.Context<R2>
): Member<Out, E | E2, Exclude<R, R2> | R3> => {
  const { behavior, definition, description, name, within: outer } = agent
  const within: Transfer.Member["within"] = (work) => {
    const around = outer === undefined ? work : outer(work)
    return Context.isContext(services) ? Effect.provide(around, services) : Effect.provide(around, services)
  }
  const runner = Runnable.make<Message.Input, Out, E | E2, Exclude<R, R2> | R3>(name, description, {
    ...behavior,
    execute: (begin, sink) => within(behavior.execute(begin, sink))
  })
  return Object.assign(runner, { definition, within })
}

/**
 * Takes along what user and agents said: no reasoning, no calls and no results.
 *
 * @category filters
 * @since 0.1.0
 */
export const texts: Filter = (messages) =>
  messages.flatMap((message) => {
    if (message.role !== "user" && message.role !== "assistant") return []
    const parts = message.parts.filter((part) => part.type === "text" && part.text !== "")
    return parts.length === 0 ? [] : [{ role: message.role, parts }]
  })

/**
 * Takes along about the last so many messages, and what the user said last wherever it is. Never a call without its result:
 * the cut is where both sides can live without each other.
 *
 * @category filters
 * @since 0.1.0
 */
export const last = (count: number): Filter => {
  Check.whole("Handoff filter last", count, 0)
  return (messages) => {
    const log = messages.map(
      (message, index): MessageEntry => ({ _tag: "Message", id: EntryId.make(String(index)), at: 0, message })
    )
    const cut = Compaction.cut(log, count)
    if (cut === undefined) return messages
    return [...cut.system, ...(cut.pinned === undefined ? [] : [cut.pinned]), ...cut.after]
  }
}

/**
 * Takes along a summary, and what the user said last.
 *
 * **Details**
 *
 * - `summarise`: makes the text of what was said and done; `Summary.transcript` writes it out for a model to read.
 *
 * @category filters
 * @since 0.1.0
 */
export const summary =
  <E, R>(
    summarise: (messages: ReadonlyArray<Message.Message>, about: About) => Effect.Effect<string, E, R>
  ): Filter<E, R> =>
  (messages, about) =>
    Effect.map(summarise(messages, about), (text) => {
      const said = messages.findLast(({ role }) => role === "user")
      return [Summary.toMessage(text), ...(said === undefined ? [] : [said])]
    })

// internal

/** A handoff, its types erased. */
interface Team {
  readonly start: string
  readonly max: number
  readonly members: ReadonlyMap<string, Transfer.Member>
  readonly filter: Filter<unknown, unknown> | undefined
  readonly continues: "last" | "start"
}

/**
 * Who has the conversation: in which session, and what is said to it there. `visits` counts those of all runs, and
 * `from` is who handed it over within this one.
 */
const Holder = Schema.Struct({
  name: Schema.String,
  talk: Schema.String,
  visits: Schema.Number,
  from: Schema.optional(Schema.String),
  words: Schema.Array(Message.Message)
})
type Holder = typeof Holder.Type

const isHolder = Schema.is(Holder)

const memberOf = ({ members, start }: Team, name: string): Transfer.Member => {
  // One that is gone since the session began leaves the conversation to the first.
  const member = members.get(name) ?? members.get(start)
  if (member === undefined)
    throw new TypeError(`A handoff starts with ${JSON.stringify(start)}, which is no agent of it`)
  return member
}

const teamOf = <Members extends Agents, E, R>(name: string, options: Options<Members, E, R>): Team => {
  const { agents, continues, filter, guidance, maxHandoffs, start, to } = options
  const of = `Handoff ${JSON.stringify(name)}`
  Check.whole(`${of}: maxHandoffs`, maxHandoffs, 0)
  Check.oneOf(`${of}: continues`, continues, ["last", "start"])
  const names = Object.keys(agents)
  if (names.length === 0) throw new TypeError(`${of} must have at least one agent`)
  Check.oneOf(`${of}: start`, start, names)
  const allowed = new Map<string, ReadonlyArray<string> | undefined>(Object.entries(to ?? {}))
  for (const [from, targets = []] of allowed) {
    for (const one of [from, ...targets]) Check.oneOf(`${of}: to`, one, names)
  }
  const tools = new Set(names.map(Transfer.toolName))
  if (tools.size < names.length) throw new TypeError(`${of}: agents have the same tool: ${names.join(", ")}`)
  const described = (one: string): Transfer.Target => ({ name: one, description: agents[one]?.description })
  const members = Object.entries(agents).map(([one, { definition, within }]): readonly [string, Transfer.Member] => {
    const others = (allowed.get(one) ?? names).filter((other) => other !== one)
    return [one, { name: one, definition, within, targets: others.map(described), guidance }]
  })
  return { start, max: maxHandoffs ?? 10, members: new Map(members), filter, continues: continues ?? "last" }
}

const talkOf = (visits: number): string => `conversation-${visits}`

/** Who has the conversation when the user speaks. */
const beginning = (
  team: Team,
  input: Message.Input,
  parts: Composite.Parts
): Effect.Effect<Holder, unknown, unknown> => {
  const words = Message.fromInput(input)
  const before = parts.earlier.map(({ value }) => value).findLast(isHolder)
  if (before === undefined) return Effect.succeed({ name: team.start, talk: talkOf(0), visits: 0, words })
  const here = { ...before, from: undefined, words }
  if (team.continues === "last" || before.name === team.start) return Effect.succeed(here)
  const note = `${before.name} had the conversation until now, and ${team.start} has it again.`
  const moved = passed(team, before, { from: before.name, to: team.start, note }, parts)
  return Effect.map(parts.remember("begin", moved), (holder) => ({
    ...holder,
    from: undefined,
    words: [...holder.words, ...words]
  }))
}

/** Who has the conversation after a handoff, and with what. */
const passed = (
  { filter, members }: Team,
  holder: Holder,
  about: About,
  parts: Composite.Parts
): Effect.Effect<Holder, unknown, unknown> =>
  Effect.gen(function* () {
    const next = { name: about.to, from: about.from, visits: holder.visits + 1 }
    // They share a session, in which the handoff stands.
    if (filter === undefined) return { ...next, talk: holder.talk, words: [] }
    const store = yield* ContextStore
    const { messages } = yield* store.read(parts.shared(holder.talk))
    const given = filter(Transfer.without(messages, [...members.keys()]), about)
    const taken = Effect.isEffect(given) ? yield* given : given
    return { ...next, talk: talkOf(next.visits), words: [...Repair.repair(taken), Transfer.told(about.note)] }
  })
