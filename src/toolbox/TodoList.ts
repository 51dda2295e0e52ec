/**
 * The plan of a session: a list that the model writes whole and everybody can read. It changes nothing but what is shown,
 * so that the default guard lets it be written.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import * as ContextStore from "../context/ContextStore.ts"
import { SessionId } from "../domain/Ids.ts"
import type { Message } from "../domain/Message.ts"
import * as Tool from "../tool/Tool.ts"
import * as ToolContext from "../tool/ToolContext.ts"

/**
 * Something to be done.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Todo = Schema.Struct({
  content: Schema.String.pipe(Schema.minLength(1), Schema.maxLength(1000)).annotations({
    description: "What is to be done, in a line"
  }),
  status: Schema.Literal("pending", "in_progress", "completed")
})
export interface Todo extends Schema.Schema.Type<typeof Todo> {}

/**
 * A plan: things to be done, in order, at most 100.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Todos = Schema.Array(Todo).pipe(Schema.maxItems(100))
export type Todos = typeof Todos.Type

/**
 * The plans of many sessions, to be kept and to begin with.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Plans = Schema.Record({ key: SessionId, value: Todos })
export type Plans = typeof Plans.Type

/**
 * What keeps plans.
 *
 * @category models
 * @since 0.1.0
 */
export interface Service {
  /** The plan of a session; empty when it has none. */
  readonly get: (session: SessionId) => Effect.Effect<Todos>
  /** Writes the plan of a session anew. An empty one removes it. */
  readonly set: (session: SessionId, todos: Todos) => Effect.Effect<void>
  /** The plan of a session: as it is now, and again after every change. */
  readonly changes: (session: SessionId) => Stream.Stream<Todos>
  /** All plans that there are. */
  readonly all: Effect.Effect<Plans>
}

/**
 * The plans of sessions.
 *
 * @category services
 * @since 0.1.0
 */
export class TodoList extends Context.Tag("axonal/toolbox/TodoList")<TodoList, Service>() {}

/**
 * Makes the tools `write_todos` and `read_todos`, for the `tools` of an agent.
 *
 * **Details**
 *
 * - A plan belongs to the session of the call. The result shows it, and says so when more than one thing is in progress.
 * - Both are read-only and idempotent: nothing but the plan is changed.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (): ReadonlyArray<Tool.WithHandler<TodoList>> => [
  Tool.make(
    writing,
    {
      description:
        "Writes your plan for a task of several steps, whole and in order; it replaces the one before. Write it when you " +
        "begin, and again whenever a step is begun or done. Have exactly one step in_progress while you work.",
      parameters: { todos: Todos },
      success: Schema.String,
      ...harmless,
      concurrency: 1
    },
    ({ todos }) =>
      Effect.gen(function* () {
        const list = yield* TodoList
        const { session } = yield* ToolContext.ToolContext
        yield* list.set(session, todos)
        const begun = todos.filter(({ status }) => status === "in_progress").length
        const advice =
          begun > 1 ? `\n${begun} are in progress: keep one, and make the others pending or completed.` : ""
        return `${show(todos)}${advice}`
      })
  ),
  Tool.make(
    "read_todos",
    { description: "Shows your plan as it was written last.", success: Schema.String, ...harmless },
    () =>
      Effect.gen(function* () {
        const list = yield* TodoList
        const { session } = yield* ToolContext.ToolContext
        return show(yield* list.get(session))
      })
  )
]

/**
 * A plan in lines, as models and people read it.
 *
 * @category converters
 * @since 0.1.0
 */
export const show = (todos: Todos): string => {
  if (todos.length === 0) return "The plan is empty."
  const done = todos.filter(({ status }) => status === "completed").length
  const lines = todos.map(({ content, status }) => `${marks[status]} ${content.replace(/\s+/g, " ").trim()}`)
  return [`The plan, ${done} of ${todos.length} done:`, ...lines].join("\n")
}

/**
 * The plan that a conversation wrote last, empty when it wrote none.
 *
 * **Details**
 *
 * - It is read from the arguments of the last call of `write_todos` that succeeded. A compaction may have covered it.
 *
 * @category converters
 * @since 0.1.0
 */
export const fromMessages = (messages: ReadonlyArray<Message>): Todos => {
  const parts = messages.flatMap((message) => [...message.parts]).reverse()
  const written = new Set(
    parts.flatMap((part) => (part.type === "tool-result" && part.outcome === "ok" ? [part.id] : []))
  )
  for (const part of parts) {
    if (part.type !== "tool-call" || part.name !== writing || !written.has(part.id)) continue
    const call = decodeCall(part.input)
    if (Either.isRight(call)) return call.right.todos
  }
  return []
}

/**
 * Layer that keeps plans in this process, beginning with those that are given.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerFrom = (plans: Plans): Layer.Layer<TodoList> =>
  Layer.effect(
    TodoList,
    Effect.suspend(() => kept(plans, () => Effect.succeed([])))
  )

/**
 * Layer that keeps plans in this process.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<TodoList> = layerFrom({})

/**
 * Layer that keeps plans in this process, and finds those of stored sessions in their conversations, so that a session that
 * goes on in another process goes on with its plan.
 *
 * **Details**
 *
 * - Errors: a session that cannot be read has no plan.
 *
 * @see {@link fromMessages}
 * @category layers
 * @since 0.1.0
 */
export const layerStored: Layer.Layer<TodoList, never, ContextStore.ContextStore> = Layer.effect(
  TodoList,
  Effect.flatMap(ContextStore.ContextStore, (store) =>
    kept({}, (session) =>
      Effect.match(store.read(session), {
        onFailure: (): Todos => [],
        onSuccess: ({ messages }) => fromMessages(messages)
      })
    )
  )
)

// internal

const writing = "write_todos"

const harmless = { readOnly: true, destructive: false, idempotent: true } as const

const marks = { pending: "[ ]", in_progress: "[>]", completed: "[x]" } as const

const decodeCall = Schema.decodeUnknownEither(Schema.parseJson(Schema.Struct({ todos: Todos })))

/** Sessions may be called as things are that every object has. */
const planOf = (plans: Plans, session: SessionId): Todos | undefined =>
  Object.hasOwn(plans, session) ? plans[session] : undefined

/** Plans that are known, and a place to look for those that are not. */
const kept = (plans: Plans, find: (session: SessionId) => Effect.Effect<Todos>): Effect.Effect<Service> =>
  Effect.map(SubscriptionRef.make(plans), (known) => {
    const add = (session: SessionId, todos: Todos) =>
      SubscriptionRef.update(known, (now): Plans => ({ ...now, [session]: todos }))
    // What was written while it was looked for counts.
    const addFound = (session: SessionId, found: Todos) =>
      SubscriptionRef.modify(known, (now): [Todos, Plans] => {
        const there = planOf(now, session)
        return there === undefined ? [found, { ...now, [session]: found }] : [there, now]
      })
    const get = (session: SessionId) =>
      Effect.flatMap(SubscriptionRef.get(known), (now) => {
        const there = planOf(now, session)
        return there === undefined
          ? Effect.flatMap(find(session), (found) => addFound(session, found))
          : Effect.succeed(there)
      })
    return {
      get,
      set: add,
      changes: (session) =>
        Stream.unwrap(
          Effect.map(get(session), (now) =>
            Stream.changes(Stream.map(known.changes, (all) => planOf(all, session) ?? now))
          )
        ),
      all: Effect.map(
        SubscriptionRef.get(known),
        (now): Plans => Object.fromEntries(Object.entries(now).filter(([, todos]) => todos.length > 0))
      )
    }
  })
