/**
 * The agents that a run has in the background: who works on what, who has come to an end, and who has been told of it. They
 * belong to the run that started them and end with it. `SubagentBackground` makes tools of this.
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type { SessionId } from "../domain/Ids.ts"
import { ToolContext } from "../tool/ToolContext.ts"
import * as ToolResult from "../tool/ToolResult.ts"
import type * as Runnable from "./Runnable.ts"
import * as Call from "./SubagentCall.ts"

/**
 * How it is with an agent in the background.
 *
 * **Details**
 *
 * - `queued`: it begins once another one has ended. `waiting`: a person is asked about what it does.
 *
 * @category models
 * @since 0.1.0
 */
export type Status = "queued" | "running" | "waiting" | "finished" | "failed" | "cancelled"

/**
 * An agent in the background.
 *
 * **Details**
 *
 * - `text`: its answer, or what it failed with; empty before. `waits`: where it waits for a person, and what is asked.
 * - `awaited`: how many calls wait for it. `isTold`: its end has been told to the run, or will be without anybody asking.
 * - `toldIn`: the turn up to which the news of its end may still be on their way; absent when there were none.
 *
 * @category models
 * @since 0.1.0
 */
export interface Member {
  readonly id: string
  readonly agent: string
  readonly task: string
  readonly session: SessionId
  readonly ended: Deferred.Deferred<void>
  status: Status
  text: string
  waits: ToolResult.Waits | undefined
  fiber: Fiber.RuntimeFiber<unknown, unknown> | undefined
  awaited: number
  isTold: boolean
  toldIn: number | undefined
}

/**
 * The agents of one run.
 *
 * @category models
 * @since 0.1.0
 */
export interface Roster {
  /** Of the run; absent outside of one. */
  readonly scope: Scope.Scope | undefined
  readonly members: Map<string, Member>
  readonly permits: Effect.Semaphore
}

/**
 * An agent that has not begun.
 *
 * @category constructors
 * @since 0.1.0
 */
export const member = (about: Pick<Member, "id" | "agent" | "task" | "session">): Effect.Effect<Member> =>
  Effect.map(Deferred.make<void>(), (ended) => ({
    ...about,
    ended,
    status: "queued",
    text: "",
    waits: undefined,
    fiber: undefined,
    awaited: 0,
    isTold: false,
    toldIn: undefined
  }))

/**
 * Lets an agent work until the scope closes. Whoever is interested hears of its end.
 *
 * @category combinators
 * @since 0.1.0
 */
export const start = (
  roster: Roster,
  member: Member,
  runner: Runnable.Any,
  scope: Scope.Scope
): Effect.Effect<void> => {
  const { permits } = roster
  roster.members.set(member.id, member)
  const begun = Effect.tap(Effect.interruptible(permits.take(1)), () =>
    Effect.sync(() => {
      member.status = "running"
    })
  )
  const run = Call.run(runner, { input: member.task, session: member.session, forked: true })
  const work = Effect.zipRight(begun, Effect.ensuring(run, permits.release(1)))
  const worked = Effect.flatMap(Effect.exit(work), (exit) => Effect.zipRight(conclude(member, exit), tell(member)))
  // Uninterruptible, so that one that is cancelled at once says how it ended: the run says when it may be interrupted.
  return Effect.uninterruptible(Effect.forkIn(worked, scope)).pipe(
    Effect.map((fiber) => {
      member.fiber = fiber
    }),
    // So that it has begun, if it can, when its status is told.
    Effect.zipRight(Effect.yieldNow())
  )
}

/**
 * Notes how an agent ended.
 *
 * @category combinators
 * @since 0.1.0
 */
export const conclude = (
  member: Member,
  exit: Exit.Exit<ToolResult.Answer<unknown>, Call.SubagentFailed>
): Effect.Effect<void> =>
  Effect.suspend(() => {
    const defect = Exit.isFailure(exit) ? endedBadly(member, exit.cause) : undefined
    if (Exit.isSuccess(exit)) {
      member.waits = exit.value.waits
      member.status = member.waits === undefined ? "finished" : "waiting"
      member.text = member.waits === undefined ? Call.textOf(exit.value) : ""
    }
    const logged = defect === undefined ? Effect.void : Effect.logError(`Agent ${member.id} died`, defect)
    return Effect.zipRight(logged, Effect.asVoid(Deferred.succeed(member.ended, undefined)))
  })

/**
 * Ends an agent, and waits until it has.
 *
 * @category combinators
 * @since 0.1.0
 */
export const cancel = (member: Member): Effect.Effect<void> =>
  Effect.suspend(() => {
    if (hasEnded(member) || member.fiber === undefined) return Effect.void
    // Whoever cancels it knows.
    member.isTold = true
    return Effect.asVoid(Fiber.interrupt(member.fiber))
  })

/**
 * Waits for agents: all of them, or any that is not waiting for a person. Meanwhile their end is news to nobody else.
 *
 * **Details**
 *
 * - `use` is what is made of them then. What it has not told by the time it ends becomes news after all.
 *
 * @category combinators
 * @since 0.1.0
 */
export const awaiting = <A, E, R>(
  { scope }: Roster,
  members: ReadonlyArray<Member>,
  mode: "all" | "any",
  use: (wait: Effect.Effect<void>) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> => {
  const all = Effect.forEach(members, ({ ended }) => Deferred.await(ended), { discard: true })
  const one = members.map((member) =>
    Effect.flatMap(Deferred.await(member.ended), () => (member.status === "waiting" ? Effect.never : Effect.void))
  )
  const wait = mode === "all" ? all : Effect.raceAll([all, ...one])
  const count = (by: number) =>
    Effect.sync(() => {
      for (const member of members) member.awaited += by
    })
  return Effect.acquireUseRelease(
    count(1),
    () => use(wait),
    () => {
      const told = Effect.forEach(members, tell, { discard: true })
      // Not by this fiber, which may be interrupted: nobody would be told then.
      return Effect.zipRight(count(-1), scope === undefined ? told : Effect.forkIn(told, scope))
    }
  )
}

/**
 * Whether an agent has come to an end, or to where a person has to say something.
 *
 * @category predicates
 * @since 0.1.0
 */
export const hasEnded = ({ status }: Member): boolean => status !== "queued" && status !== "running"

/**
 * What is told of an agent that somebody asks about, and that it has been told, if it is its end. What is on its way to the
 * conversation is not told twice.
 *
 * @category converters
 * @since 0.1.0
 */
export const report = (member: Member, turn: number): Report => {
  const { agent, id, status, text } = member
  const about = { id, agent, status }
  if (!hasEnded(member)) return about
  if (member.toldIn !== undefined && turn <= member.toldIn) return { ...about, note: "See the message about it." }
  member.isTold = true
  if (member.waits !== undefined) return { ...about, asked: member.waits.questions.map(({ tool }) => tool) }
  return status === "cancelled" ? about : { ...about, [status === "failed" ? "problem" : "answer"]: text }
}

/**
 * What is told of an agent.
 *
 * @category models
 * @since 0.1.0
 */
export interface Report {
  readonly id: string
  readonly agent: string
  readonly status: Status
  readonly answer?: string
  readonly problem?: string
  /** The tools about whose calls a person is asked. */
  readonly asked?: ReadonlyArray<string>
  readonly note?: string
}

// internal

/** How an agent ended that has no answer. Answers what it died of, if it did. */
const endedBadly = (member: Member, cause: Cause.Cause<Call.SubagentFailed>): Cause.Cause<unknown> | undefined => {
  if (Cause.isInterruptedOnly(cause)) {
    member.status = "cancelled"
    return undefined
  }
  const failure = Option.getOrUndefined(Cause.failureOption(cause))
  member.status = "failed"
  member.text =
    failure?.message ?? `${member.agent} failed unexpectedly. The details are in the log of this application.`
  return failure === undefined ? cause : undefined
}

/** Tells the run of an end that nobody waits for and nobody has read. It joins the conversation before the next turn. */
const tell = (member: Member): Effect.Effect<void> =>
  Effect.suspend(() => {
    if (member.isTold || member.awaited > 0 || !hasEnded(member) || member.status === "cancelled") return Effect.void
    member.isTold = true
    // Until it has been accepted, nobody knows the turn that reads it.
    member.toldIn = Number.POSITIVE_INFINITY
    return Effect.flatMap(ToolContext, (context) =>
      Effect.map(Effect.exit(Effect.interruptible(context.steer(news(member)))), (exit) => {
        const isAccepted = Exit.isSuccess(exit) && exit.value
        member.isTold = isAccepted
        member.toldIn = isAccepted ? context.turn : undefined
      })
    )
  })

const news = ({ agent, id, status, text, waits }: Member): string => {
  const bounded = ToolResult.cut(text, ToolResult.defaultBound)
  if (status === "finished") return `News of the background agent ${id}: it has finished. Its answer:\n\n${bounded}`
  if (waits === undefined) return `News of the background agent ${id}: it has failed. ${bounded}`
  const asked = waits.questions.map(({ tool }) => tool).join(", ")
  return (
    `News of the background agent ${id}: ${agent} waits until a person has decided about ${asked}. ` +
    "Call await_agents with its id when there is nothing left to do without it."
  )
}
