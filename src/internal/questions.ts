/**
 * Questions that wait until somebody answers them by id, in this process. Whoever asks waits; who is interrupted withdraws.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"

/** The questions that wait. */
export interface Questions<Question, Answer> {
  /** Waits for the answer; none when a question with this id waits already. */
  readonly ask: (id: string, question: Question) => Effect.Effect<Option.Option<Answer>>
  /** The questions that wait, oldest first. */
  readonly pending: Effect.Effect<ReadonlyArray<Question>>
  /** The same as they are now, and again after every change. */
  readonly changes: Stream.Stream<ReadonlyArray<Question>>
  /** The question that waits under this id. */
  readonly find: (id: string) => Effect.Effect<Option.Option<Question>>
  /** Answers a question once; says whether it waited. */
  readonly settle: (id: string, answer: Answer) => Effect.Effect<boolean>
}

export const make = <Question, Answer>(): Effect.Effect<Questions<Question, Answer>> =>
  Effect.map(SubscriptionRef.make<Waiting<Question, Answer>>(new Map()), (waiting) => {
    const enter = (id: string, question: Question) =>
      Effect.flatMap(Deferred.make<Answer>(), (answer) =>
        SubscriptionRef.modify(waiting, (now) => {
          if (now.has(id)) return [undefined, now]
          const entry = { question, answer }
          return [entry, new Map(now).set(id, entry)]
        })
      )
    return {
      ask: (id, question) =>
        Effect.acquireUseRelease(
          enter(id, question),
          (entry) =>
            entry === undefined ? Effect.succeedNone : Effect.map(Deferred.await(entry.answer), Option.some<Answer>),
          (entry) =>
            SubscriptionRef.update(waiting, (now) =>
              entry === undefined || now.get(id) !== entry ? now : without(now, id)
            )
        ),
      pending: Effect.map(SubscriptionRef.get(waiting), questions),
      // A change that changed nothing keeps the map, and is left out here.
      changes: Stream.map(Stream.changes(waiting.changes), questions),
      find: (id) => Effect.map(SubscriptionRef.get(waiting), (now) => Option.fromNullable(now.get(id)?.question)),
      settle: (id, answer) =>
        Effect.uninterruptible(
          Effect.flatMap(
            SubscriptionRef.modify(waiting, (now) => [now.get(id), without(now, id)]),
            (entry) => (entry === undefined ? Effect.succeed(false) : Deferred.succeed(entry.answer, answer))
          )
        )
    }
  })

// internal

type Waiting<Question, Answer> = ReadonlyMap<
  string,
  { readonly question: Question; readonly answer: Deferred.Deferred<Answer> }
>

const without = <Question, Answer>(waiting: Waiting<Question, Answer>, id: string): Waiting<Question, Answer> => {
  if (!waiting.has(id)) return waiting
  const rest = new Map(waiting)
  rest.delete(id)
  return rest
}

const questions = <Question, Answer>(waiting: Waiting<Question, Answer>): ReadonlyArray<Question> =>
  Array.from(waiting.values(), ({ question }) => question)
