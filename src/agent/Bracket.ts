/**
 * The beginning and the end of a run that is no loop of its own: a pattern, a function, a remote agent. It has its events,
 * its span and its place among other runs as every run has, and it ends once, whatever happens between.
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Identity from "../context/Identity.ts"
import type * as AgentEvent from "../domain/AgentEvent.ts"
import { RunId, SessionId } from "../domain/Ids.ts"
import * as Message from "../domain/Message.ts"
import * as Part from "../domain/Part.ts"
import * as Usage from "../domain/Usage.ts"
import * as Hooks from "../hook/Hooks.ts"
import * as Check from "../internal/options.ts"
import * as Telemetry from "../telemetry/Telemetry.ts"
import { jsonText } from "../tool/ToolResult.ts"
import { Activities } from "./Activities.ts"
import * as Ending from "./Ending.ts"
import * as Halt from "./Halt.ts"
import * as Nesting from "./Nesting.ts"
import * as Observing from "./Observing.ts"
import * as Result from "./Result.ts"
import type { Sink } from "./Run.ts"
import type { Begin } from "./Runnable.ts"

/**
 * A run while it lasts.
 *
 * @category models
 * @since 0.1.0
 */
export interface Bracket {
  readonly id: RunId
  readonly session: SessionId
  readonly name: string
  readonly identity: Identity.Service
  readonly sink: Sink
  /** What to do while another run has a session of this one. */
  readonly onBusy: Begin["onBusy"]
  /** What stands around a run that this one starts at a place of its own. */
  readonly around: (at: string) => Nesting.Service
}

/**
 * How a run ended that was not a failure: `answer` is its output when it was completed.
 *
 * @category models
 * @since 0.1.0
 */
export interface Ended extends Ending.End {
  readonly answer?: unknown
  /** What it added to its session. */
  readonly messages: ReadonlyArray<Message.Message>
}

/**
 * What a run is and how it begins.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends Begin {
  readonly runner: { readonly name: string; readonly identity: object }
  readonly sink: Sink
}

/**
 * Runs something as a run: `RunStart` before it, `RunEnd` after it, exactly once and last.
 *
 * **Details**
 *
 * - More than 64 runs in each other are a defect, which names them.
 * - `work` may be interrupted, and is when the stop signal comes: the run then ends with reason `stopped`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const run = <E, R>(
  { forked, input, name: given, onBusy, resume, runner, session, sink, stopSignal }: Options,
  work: (bracket: Bracket) => Effect.Effect<Ended, E, R | Scope.Scope>
): Effect.Effect<Result.Outcome<unknown>, E, Exclude<R, Scope.Scope>> =>
  Effect.uninterruptibleMask((mask) =>
    Halt.watching({}, stopSignal, (halt, watched) =>
      Effect.gen(function* () {
        Check.oneOf("Run option onBusy", onBusy, ["wait", "fail"])
        const restore: typeof mask = forked === true ? Effect.interruptible : mask
        const activities = yield* Activities
        const nesting = yield* Nesting.Nesting
        if (nesting.above.length >= deepest) return yield* Effect.die(tooDeep(nesting, given ?? runner.name))
        const hooks = yield* Hooks.Hooks
        const identity = yield* Identity.Identity
        const traced = yield* Telemetry.isTraced
        const name = given ?? runner.name
        const id = RunId.make(yield* activities.id("run"))
        const sessionId = session ?? SessionId.make(yield* activities.id("session"))
        const path = nesting.path.length === 0 ? undefined : nesting.path
        const here = path === undefined ? {} : { path }
        const where = { run: id, session: sessionId, agent: name, turn: 0, identity, ...here }
        const write = Observing.writer(sink, hooks, () => where)
        const emit = (event: () => AgentEvent.AgentEvent) => Effect.suspend(() => write(() => [event()]) ?? Effect.void)
        const spent = { usage: Usage.zero }
        const spend = (usage: Usage.Usage) => {
          spent.usage = Usage.sum(spent.usage, usage)
        }
        const messages = resume === undefined ? messagesOf(input) : []
        yield* Hooks.tell("runStart", hooks.runStart, () => ({ ...where, input: messages }))
        const about = { run: id, turn: 0, agent: name, ...here }
        yield* emit(() => ({ _tag: "RunStart", ...about, sequence: 0, session: sessionId, input: messages }))
        const self = { name, identity: runner.identity, id, session: sessionId, sink, spend }
        const around = (scope: Scope.Scope) => (at: string) => Nesting.below(nesting, { ...self, scope }, { at })
        const body = Effect.scoped(
          Effect.flatMap(Effect.scope, (scope) =>
            work({ id, session: sessionId, name, identity, sink, onBusy, around: around(scope) })
          )
        )
        const halting = Effect.zipRight(watched, Halt.haltable(halt, body))
        const exit = yield* Effect.exit(
          Telemetry.invokeWorkflow(traced, { name, session: sessionId, run: id }, () => restore(halting))
        )
        const stopped = Exit.isFailure(exit) ? Halt.isStopped(exit.cause) : false
        if (stopped) yield* Hooks.tell("stop", hooks.stop, () => where)
        const concluded: Exit.Exit<Ended, unknown> = stopped ? Exit.succeed(ended("stopped")) : exit
        const { usage } = spent
        const { end, error, told } = Ending.ofExit(concluded, "", { agent: name, path: nesting.path })
        nesting.spend(usage)
        const {
          answer,
          messages: added,
          ...last
        } = Exit.isSuccess(concluded) ? concluded.value : { ...end, answer: undefined, messages: [] }
        if (error !== undefined) yield* Hooks.tell("error", hooks.error, () => ({ ...where, error }))
        const endedAtMillis = yield* activities.now
        const final: AgentEvent.RunEnd = {
          _tag: "RunEnd",
          ...about,
          sequence: 1,
          ...last,
          usage,
          endedAtMillis,
          ...told
        }
        yield* emit(() => final)
        yield* Hooks.tell("runEnd", hooks.runEnd, () => ({ ...where, ...last, usage, error }))
        // A halt is no failure, and has been turned into an end.
        if (Exit.isFailure(exit) && !stopped) return yield* Effect.failCause(exit.cause as Cause.Cause<E>)
        const base = { ...Result.ofEnd(final, sessionId), messages: [...messages, ...added] }
        return last.reason === "completed"
          ? { ...base, reason: last.reason, output: answer }
          : { ...base, reason: last.reason, output: undefined }
      })
    )
  )

/**
 * An end without an answer.
 *
 * @category constructors
 * @since 0.1.0
 */
export const ended = (reason: Ended["reason"]): Ended => ({ reason, output: "", messages: [] })

/**
 * The messages that an input stands for: those that it is, or one of its text, as JSON when it is none.
 *
 * @category converters
 * @since 0.1.0
 */
export const messagesOf = (input: unknown): ReadonlyArray<Message.Message> => {
  if (isInput(input)) return Message.fromInput(input)
  const text = jsonText(input)
  return text === undefined ? [] : [Message.user(text)]
}

/**
 * The text that an output stands for: the text that it is, or its JSON.
 *
 * @category converters
 * @since 0.1.0
 */
export const textOf = (output: unknown): string => (typeof output === "string" ? output : (jsonText(output) ?? ""))

/**
 * Whether an input is words: what an agent takes.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isInput = (input: unknown): input is Message.Input =>
  typeof input === "string" ||
  isMessage(input) ||
  (Array.isArray(input) && (input.every((item) => isMessage(item)) || input.every((item) => isPart(item))))

// internal

/** Deeper than anything is that was meant: a pattern that runs itself without an end would go on for ever. */
const deepest = 64

const tooDeep = ({ above }: Nesting.Service, name: string): Error => {
  const [first, second] = above
  const way = [first?.name, second?.name, "…", above.at(-1)?.name, name].join(" > ")
  return new Error(`Runs stand ${deepest} deep in each other: ${way}. Does a runner run itself without an end?`)
}

const isMessage = Schema.is(Message.Message)
const isPart = Schema.is(Schema.Union(Part.Text, Part.File))
