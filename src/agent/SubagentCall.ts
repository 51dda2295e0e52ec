/**
 * How a runner runs within a tool call: whether it may, in which session, and what the call answers with what it came to.
 * `Subagent` makes tools of it.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type { StoreError } from "../context/ContextStore.ts"
import { ContextStore } from "../context/ContextStore.ts"
import { SessionId } from "../domain/Ids.ts"
import * as Message from "../domain/Message.ts"
import * as Part from "../domain/Part.ts"
import { ToolContext } from "../tool/ToolContext.ts"
import * as ToolResult from "../tool/ToolResult.ts"
import * as Nesting from "./Nesting.ts"
import type * as Result from "./Result.ts"
import type * as Runnable from "./Runnable.ts"

/**
 * A sub-agent that was not run, failed, or ended without an answer, in words for the model that called it.
 *
 * @category errors
 * @since 0.1.0
 */
export class SubagentFailed extends Data.TaggedError("SubagentFailed")<{ readonly message: string }> {}

/**
 * In which session a sub-agent works.
 *
 * **Details**
 *
 * - `fresh`: each call begins one of its own. `forked`: each call has a copy of the conversation up to the answer that makes
 *   it. `shared`: all calls of the tool within one session go on with one, one after the other.
 *
 * @category models
 * @since 0.1.0
 */
export type SessionMode = "fresh" | "forked" | "shared"

/**
 * How a runner runs within a call.
 *
 * **Details**
 *
 * - `maxDepth`: how many runs may stand below the root. `shared`: what tells its session from others, when it is shared.
 *
 * @category models
 * @since 0.1.0
 */
export interface Terms {
  readonly session: SessionMode
  readonly maxDepth: number
  readonly shared: string
}

/**
 * Runs a runner within the current call, and answers it with what it answers.
 *
 * @category combinators
 * @since 0.1.0
 */
export const delegate = (
  runner: Runnable.Any,
  input: unknown,
  terms: Terms
): Effect.Effect<ToolResult.Answer<unknown>, SubagentFailed, ContextStore> =>
  Effect.gen(function* () {
    const nesting = yield* Nesting.Nesting
    const { resume } = nesting
    yield* refused(refusalOf(runner, nesting, terms.maxDepth))
    const session = resume?.session ?? (yield* sessionOf(terms))
    yield* refused(takenOf(runner, session, nesting))
    const work = run(runner, { input, session, resume: resume && { decided: resume.decided, isRoot: false } })
    return yield* terms.session === "shared" ? inTurn(runner, session, nesting, work) : work
  })

/**
 * Runs a runner in a session, and answers what it came to.
 *
 * **Details**
 *
 * - Errors: what it failed with, in words and with the way to where it did.
 *
 * @category combinators
 * @since 0.1.0
 */
export const run = (
  runner: Runnable.Any,
  begin: Runnable.Begin
): Effect.Effect<ToolResult.Answer<unknown>, SubagentFailed> =>
  Effect.flatMap(Nesting.Nesting, (nesting) => {
    const ran = runner.behavior.execute(begin, nesting.sink ?? (() => undefined))
    // What a runner needs is part of the type of the tool that is made of it.
    const typed = ran as Effect.Effect<Result.Outcome<unknown>, unknown>
    return Effect.matchEffect(typed, {
      onFailure: (error) => Effect.fail(failureOf(runner, error, nesting)),
      onSuccess: (result) => answerOf(runner, result, nesting)
    })
  })

/**
 * Why a runner may not run here, in words for the model that called it. Nothing when it may.
 *
 * @category converters
 * @since 0.1.0
 */
export const refusalOf = (
  { behavior, name }: Runnable.Any,
  { above }: Nesting.Service,
  maxDepth: number
): string | undefined => {
  const chain = [...above.map((one) => one.name), name].join(" > ")
  if (above.some(({ identity }) => identity === behavior.identity)) {
    return `Circular use of agents: ${chain}. ${name} is already at work above; do this part yourself.`
  }
  return above.length > maxDepth
    ? `Agents may stand ${maxDepth} deep below the first one, and this would be deeper: ${chain}. Do this part yourself.`
    : undefined
}

/**
 * Fails with a refusal, if there is one.
 *
 * @category combinators
 * @since 0.1.0
 */
export const refused = (refusal: string | undefined): Effect.Effect<void, SubagentFailed> =>
  refusal === undefined ? Effect.void : Effect.fail(new SubagentFailed({ message: refusal }))

/**
 * Whether a model is told of a tool that runs others: not where they would stand too deep. One that calls it there all the
 * same is told why not.
 *
 * @category constructors
 * @since 0.1.0
 */
export const isOffered = (maxDepth: number): Effect.Effect<boolean> =>
  Effect.map(Nesting.Nesting, ({ above }) => above.length < maxDepth)

/**
 * The text of an answer, for people and models.
 *
 * @category converters
 * @since 0.1.0
 */
export const textOf = ({ value }: ToolResult.Answer<unknown>): string =>
  typeof value === "string" ? value : (ToolResult.jsonText(value) ?? "")

/**
 * What the store could not do, as the failure of a sub-agent.
 *
 * @category converters
 * @since 0.1.0
 */
export const unstored = (error: StoreError): SubagentFailed => new SubagentFailed({ message: error.message })

// internal

const sessionOf = ({ session: mode, shared }: Terms): Effect.Effect<SessionId, SubagentFailed, ContextStore> =>
  Effect.flatMap(ToolContext, ({ call, session }) => {
    if (mode === "forked") return forked(session, call)
    return Effect.succeed(below(session, mode === "shared" ? shared : call))
  })

const below = (session: SessionId, name: string): SessionId =>
  SessionId.make(`${session}/${name}`, { disableValidation: true })

/** A copy of the conversation up to the answer that makes the call. Before a first answer there is nothing to copy. */
const forked = (session: SessionId, call: string): Effect.Effect<SessionId, SubagentFailed, ContextStore> =>
  Effect.gen(function* () {
    const store = yield* ContextStore
    const log = yield* store.live(session)
    const answer = log.findLastIndex(
      (entry) => entry._tag === "Message" && Message.toolCalls(entry.message).some(({ id }) => id === call)
    )
    const before = log[answer - 1]
    return before === undefined ? below(session, call) : yield* store.fork(session, before.id)
  }).pipe(Effect.mapError(unstored))

const takenOf = ({ name }: Runnable.Any, session: SessionId, { sessions }: Nesting.Service): string | undefined =>
  sessions.includes(session)
    ? `${name} would work in session ${session}, in which an agent above it works already. Do this part yourself.`
    : undefined

/** A session that calls of a run share: one of them at a time, and none while one waits for a person. */
interface Shared {
  readonly permit: Effect.Semaphore
  isWaiting: boolean
}

/** By the scope of the run that shares them. */
const shared = new WeakMap<object, Map<SessionId, Shared>>()

/** Waits for the calls before. A call that came while one waits for a person would take back what is asked there. */
const inTurn = (
  { name }: Runnable.Any,
  session: SessionId,
  { scope }: Nesting.Service,
  work: Effect.Effect<ToolResult.Answer<unknown>, SubagentFailed>
): Effect.Effect<ToolResult.Answer<unknown>, SubagentFailed> => {
  const run: object = scope ?? {}
  const ofRun = shared.get(run) ?? new Map<SessionId, Shared>()
  shared.set(run, ofRun)
  const state = ofRun.get(session) ?? { permit: Effect.unsafeMakeSemaphore(1), isWaiting: false }
  ofRun.set(session, state)
  const wait = `${name} waits for a person to answer what another call of it asks. Call it again once that has its result.`
  const turn = Effect.suspend(() => Effect.zipRight(refused(state.isWaiting ? wait : undefined), work))
  return state.permit.withPermits(1)(
    Effect.tap(turn, ({ waits }) => {
      state.isWaiting = waits !== undefined
    })
  )
}

const failureOf = ({ name }: Runnable.Any, error: unknown, { path }: Nesting.Service): SubagentFailed => {
  const at = Nesting.failed(error, { agent: name, path })
  const failure = new SubagentFailed({ message: `${Nesting.wayTo(at)}: ${ToolResult.errorText(error)}` })
  Nesting.failed(failure, at)
  return failure
}

const answerOf = (
  { behavior, name }: Runnable.Any,
  result: Result.Outcome<unknown>,
  { path }: Nesting.Service
): Effect.Effect<ToolResult.Answer<unknown>, SubagentFailed> => {
  const { limit, pending, reason, session, text, value, why } = result
  if (pending.length > 0) {
    return Effect.succeed(ToolResult.waiting({ session, questions: Nesting.asked(result, path) }))
  }
  if (reason === "completed") {
    // What a pattern wrote for models; a typed agent's answer is its JSON.
    const answer = behavior.restore === undefined ? text : (value ?? text)
    if (why === undefined) return Effect.succeed(ToolResult.make({ value: answer }))
    // An answer that is not all that was asked for must not look as if it were.
    const { content } = ToolResult.fromEncoded("ok", answer)
    return Effect.succeed(ToolResult.make({ value: answer, model: [...content, Part.text(`Note of ${name}: ${why}`)] }))
  }
  const how = [reason, limit, why].filter((word) => word !== undefined).join(": ")
  const soFar = text === "" ? "" : ` What it has so far:\n${text}`
  const advice = limit?.startsWith("budget") === true ? " Its budget is used up: asking again now does not help." : ""
  return Effect.fail(new SubagentFailed({ message: `${name} ended without an answer (${how}).${advice}${soFar}` }))
}
