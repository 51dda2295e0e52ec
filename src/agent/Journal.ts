/**
 * What a pattern keeps in its session: its input, the answers of its parts, what they wait for, and its own answer. A run
 * that goes on reads it once, and does not do again what stands there.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { Service as Store, StoreError } from "../context/ContextStore.ts"
import { ContextStore } from "../context/ContextStore.ts"
import type { CheckpointEntry, Entry, Stored, SuspendedEntry } from "../domain/Entry.ts"
import { EntryId, RunId, SessionId } from "../domain/Ids.ts"
import type { Message } from "../domain/Message.ts"
import { LimitName, RunReason } from "../domain/Outcome.ts"
import * as Usage from "../domain/Usage.ts"
import type { Decided } from "../guard/Approval.ts"
import { jsonText } from "../tool/ToolResult.ts"
import { Activities } from "./Activities.ts"
import * as Bracket from "./Bracket.ts"
import * as Nesting from "./Nesting.ts"
import * as Result from "./Result.ts"
import { misplaced, ResumeRejected } from "./Resuming.ts"
import type { Begin, Runner } from "./Runnable.ts"

/**
 * Which session a part has: a fresh one, one for its place in all runs of the pattern, or one that parts share by its name.
 *
 * @category models
 * @since 0.1.0
 */
export type Kind = "own" | "continued" | { readonly shared: string }

/**
 * The journal of one run of a pattern.
 *
 * @category models
 * @since 0.1.0
 */
export interface Journal {
  readonly input: unknown
  /** What earlier runs of the session remembered, oldest first. */
  readonly earlier: ReadonlyArray<Remembered>
  /** The session of a part. */
  readonly session: (at: string, kind: Kind) => SessionId
  /**
   * How a part goes on; absent when it begins. A session that was there before tells nothing of that, so where it stood is
   * noted when the part begins.
   */
  readonly resume: (at: string, kind: Kind) => Effect.Effect<Begin["resume"], StoreError>
  /** What a part has come to already, if it has: its answer, or that a limit, say, has ended it. */
  readonly answer: <In, Out, E, R>(
    at: string,
    runner: Runner<In, Out, E, R>
  ) => Effect.Effect<Result.Outcome<Out>> | undefined
  /** Keeps what a part came to, unless it has no JSON: then the part is run again. */
  readonly keep: (at: string, result: Result.Outcome<unknown>) => Effect.Effect<void, StoreError>
  /** Does something once. What comes of it must be JSON, or nothing; the rest is a defect. */
  readonly remember: <A, E, R>(at: string, effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | StoreError, R>
  /** Writes how the run ended. */
  readonly close: (end: Bracket.Ended) => Effect.Effect<void, StoreError>
}

/**
 * What a run of a pattern has done once, and where in it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Remembered {
  readonly at: string
  readonly value: unknown
}

/**
 * Opens the journal of a run: takes the session of the pattern, reads what an earlier run left, and writes the input down.
 *
 * **Details**
 *
 * - Errors: those of the store; `ResumeRejected` when the session is to go on and does not wait for these answers.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = (
  bracket: Bracket.Bracket,
  begin: Begin
): Effect.Effect<Journal, StoreError | ResumeRejected, ContextStore | Scope.Scope> =>
  Effect.gen(function* () {
    const store = yield* ContextStore
    const activities = yield* Activities
    yield* Nesting.busy(yield* Nesting.Nesting, bracket.session)
    yield* store.lock(bracket.session, begin.onBusy ?? "wait")
    // A session that nobody named is new.
    const log = begin.session === undefined ? [] : yield* store.entries(bracket.session)
    const last = latest(log)
    const isNew = begin.resume === undefined || last === undefined
    if (begin.resume?.isRoot === true) {
      // What waits here is the run of an agent.
      if (last === undefined && log.some(({ _tag }) => _tag === "Suspended")) return yield* rejected(bracket, "other")
      yield* expected(bracket, last, begin.resume.decided)
    }
    const number = isNew ? (last?.number ?? 0) + 1 : last.number
    const known = isNew ? new Map<string, unknown>() : last.known
    const write = writer(bracket, store, activities.now, number)
    if (isNew) {
      const key = isKeepable(begin.input) ? "begun" : "lost"
      yield* write.checkpoint(key, key === "begun" ? begin.input : undefined, Bracket.messagesOf(begin.input))
    }
    // What has no JSON was not kept, and has to be given again.
    const isLost = !isNew && !known.has("begun")
    if (isLost && begin.input === undefined) return yield* rejected(bracket, "no-input")
    const input = isNew || isLost ? begin.input : known.get("begun")
    const session: Journal["session"] = (at, kind) => sessionOf(bracket.session, number, at, kind)
    const resume = isNew ? undefined : begin.resume && { decided: begin.resume.decided, isRoot: false }
    return {
      input,
      earlier: rememberedBefore(log, number),
      session,
      resume: (at, kind) =>
        kind === "own"
          ? Effect.succeed(resume)
          : Effect.flatMap(store.read(session(at, kind)), ({ position }) => {
              const stood = known.get(`from/${at}`)
              if (stood !== undefined && stood !== position) return Effect.succeed(resume)
              return Effect.as(stood === undefined ? write.checkpoint(`from/${at}`, position) : Effect.void, undefined)
            }),
      answer: (at, { behavior }) => {
        const kept = known.get(`part/${at}`)
        return behavior.restore === undefined || !isKept(kept) ? undefined : restored(kept, behavior.restore)
      },
      keep: (at, result) => {
        const kept = keptOf(result)
        return isKeepable(kept) ? write.checkpoint(`part/${at}`, kept) : Effect.void
      },
      remember: (at, effect) =>
        known.has(`once/${at}`)
          ? // It was written by an effect of this type.
            Effect.succeed(known.get(`once/${at}`) as Effect.Effect.Success<typeof effect>)
          : once(effect, (value) =>
              isKeepable(value) ? write.checkpoint(`once/${at}`, value) : Effect.die(unkeepable(bracket, at))
            ),
      close: ({ messages, output, pending, reason }) =>
        pending === undefined ? write.checkpoint("ended", { reason, output }, messages) : write.suspended(pending)
    }
  })

/**
 * The value as JSON, in a record that has none when it has none.
 *
 * @category converters
 * @since 0.1.0
 */
export const jsonOf = (value: unknown): { readonly value?: unknown } => {
  const text = jsonText(value)
  return text === undefined ? {} : { value: JSON.parse(text) }
}

/**
 * Does something, and notes what came of it before anybody may interrupt.
 *
 * @category combinators
 * @since 0.1.0
 */
export const once = <A, E, R, E2>(
  effect: Effect.Effect<A, E, R>,
  note: (value: A) => Effect.Effect<void, E2>
): Effect.Effect<A, E | E2, R> => Effect.uninterruptibleMask((restore) => Effect.tap(restore(effect), note))

// internal

/** What an earlier run of the pattern left: its number, and what it kept. */
interface Left {
  readonly number: number
  readonly known: ReadonlyMap<string, unknown>
  readonly questions: SuspendedEntry["questions"]
}

/** What stands before the key of what was kept as nothing: an entry has a value. */
const nothing = "void/"

/** The number of the run that kept it, its key there, and what was kept. */
const read = ({ key, value }: CheckpointEntry): readonly [number: number, key: string, value: unknown] => {
  const slash = key.indexOf("/")
  const [number, name] = [Number(key.slice(0, slash)), key.slice(slash + 1)]
  return name.startsWith(nothing) ? [number, name.slice(nothing.length), undefined] : [number, name, value]
}

/** Names in ids of sessions, so that no name of a place looks like a place within another. */
const escaped = (name: string): string => name.replaceAll("%", "%25").replaceAll("/", "%2F")

/** Every pattern on the way adds two names: the number of its run, or what the session is for, and the place. */
const sessionOf = (session: SessionId, number: number, at: string, kind: Kind): SessionId => {
  const [group, name] =
    kind === "own" ? [number, at] : kind === "continued" ? ["continued", at] : ["shared", kind.shared]
  return SessionId.make(`${session}/${group}/${escaped(name)}`, { disableValidation: true })
}

/** Whether a value comes back from its JSON as what it is: no dates, no classes, nothing that has no JSON. */
const isExact = (value: unknown): boolean => {
  if (typeof value !== "object" || value === null) {
    return typeof value === "number"
      ? Number.isFinite(value)
      : value === null || /^(string|boolean)$/.test(typeof value)
  }
  if (Array.isArray(value)) return Array.from(value).every(isExact)
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== null && prototype !== Object.prototype) return false
  return Object.values(value).every((field) => field === undefined || isExact(field))
}

/** Whether a value can be kept: nothing, or what its JSON says. What has cycles has no JSON. */
const isKeepable = (value: unknown): boolean => value === undefined || (jsonText(value) !== undefined && isExact(value))

const unkeepable = ({ name }: Bracket.Bracket, at: string): TypeError =>
  new TypeError(
    `What ${name} remembers at ${JSON.stringify(at)} is no JSON: encode it first, and decode what comes back`
  )

const rememberedBefore = (log: ReadonlyArray<Stored>, run: number): ReadonlyArray<Remembered> =>
  log.flatMap((entry) => {
    if (entry._tag !== "Checkpoint") return []
    const [number, key, value] = read(entry)
    return number < run && key.startsWith("once/") ? [{ at: key.slice("once/".length), value }] : []
  })

const latest = (log: ReadonlyArray<Stored>): Left | undefined => {
  let left: { number: number; known: Map<string, unknown>; questions: SuspendedEntry["questions"] } | undefined
  for (const entry of log) {
    if (entry._tag === "Suspended" && left !== undefined) left.questions = entry.questions
    if (entry._tag !== "Checkpoint") continue
    const [number, key, value] = read(entry)
    if (left === undefined || number > left.number) left = { number, known: new Map(), questions: [] }
    left.known.set(key, value)
    if (key === "ended") left.questions = []
  }
  return left
}

const rejected = (
  bracket: Bracket.Bracket,
  reason: ResumeRejected["reason"],
  call?: string
): Effect.Effect<never, ResumeRejected> =>
  Effect.fail(new ResumeRejected({ session: bracket.session, reason, ...(call === undefined ? undefined : { call }) }))

/** Holds the answers against what the session waits for. */
const expected = (
  bracket: Bracket.Bracket,
  left: Left | undefined,
  decided: ReadonlyArray<Decided>
): Effect.Effect<void, ResumeRejected> => {
  if (left === undefined || left.known.has("ended")) return rejected(bracket, "not-waiting")
  const wrong = misplaced(decided, left.questions)
  return wrong === undefined ? Effect.void : rejected(bracket, wrong.reason, wrong.call)
}

const Kept = Schema.Struct({
  output: Schema.String,
  value: Schema.optional(Schema.Unknown),
  agent: Schema.String,
  answeredBy: Schema.String,
  run: RunId,
  session: SessionId,
  endedAt: Schema.String,
  /** How it ended, when it was not completed. */
  reason: Schema.optional(RunReason),
  limit: Schema.optional(LimitName),
  why: Schema.optional(Schema.String)
})
type Kept = typeof Kept.Type

const isKept = Schema.is(Kept)

const keptOf = (result: Result.Outcome<unknown>): Kept => {
  const { agent, answeredBy, endedAt, limit, reason, run, session, text, why } = result
  return {
    ...{ output: text, agent, answeredBy, run, session, endedAt },
    ...("value" in result ? { value: result.value } : undefined),
    ...(reason === "completed" ? undefined : { reason }),
    ...(limit === undefined ? undefined : { limit }),
    ...(why === undefined ? undefined : { why })
  }
}

/** The result of a part that has ended. It costs nothing any more. */
const restored = <Out>(
  kept: Kept,
  restore: NonNullable<Runner<never, Out>["behavior"]["restore"]>
): Effect.Effect<Result.Outcome<Out>> => {
  const { endedAt, reason = "completed", session, ...end } = kept
  const base = Result.ofEnd({ ...end, turn: 0, usage: Usage.zero, endedAtMillis: Date.parse(endedAt) }, session)
  // What a runner restores is of the type that it says.
  return Effect.map(restore(end), (output) => ({ ...base, reason, output }) as Result.Outcome<Out>)
}

const writer = (bracket: Bracket.Bracket, store: Store, now: Effect.Effect<number>, number: number) => {
  const { chatId, tenant, userId } = bracket.identity
  const append = (entries: (about: (name: string) => Pick<Entry, "id" | "at" | "run">) => ReadonlyArray<Entry>) =>
    Effect.flatMap(now, (at) => {
      const about = (name: string) => ({
        id: EntryId.make(`${bracket.id}/${name}`, { disableValidation: true }),
        at,
        run: bracket.id
      })
      return Effect.asVoid(store.append(bracket.session, entries(about), { tenant, owner: userId, chat: chatId })).pipe(
        Effect.uninterruptible
      )
    })
  let suspensions = 0
  return {
    checkpoint: (key: string, value: unknown, messages: ReadonlyArray<Message> = []) => {
      const named = value === undefined ? `${nothing}${key}` : key
      // As it comes back: fields that are not there are left out.
      const json = value === undefined ? null : jsonOf(value).value
      return append((about) => [
        ...messages.map((message, index): Entry => ({ _tag: "Message", ...about(`${key}/${index}`), message })),
        { _tag: "Checkpoint", ...about(key), key: `${number}/${named}`, value: json }
      ])
    },
    suspended: (questions: SuspendedEntry["questions"]) =>
      append((about) => [
        {
          _tag: "Suspended",
          ...about(`suspended-${++suspensions}`),
          questions,
          spent: { turns: 0, toolCalls: 0, usage: Usage.zero, millis: 0 }
        }
      ])
  }
}
