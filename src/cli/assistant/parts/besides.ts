/**
 * Tools of the assistant that the toolbox for files and commands does not have: questions to the person, plans, and pages of
 * the web. Loaded where they are used.
 */
import * as HttpClient from "@effect/platform/HttpClient"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { ContextStore } from "../../../context/ContextStore.ts"
import type * as Tool from "../../../tool/Tool.ts"
import * as FetchUrl from "../../../toolbox/FetchUrl.ts"
import * as TodoList from "../../../toolbox/TodoList.ts"
import * as Person from "./person.ts"

/**
 * Makes the tools, for as long as the scope lives.
 *
 * **Details**
 *
 * - Plans are found in the conversations of sessions that are gone on with.
 * - Reading a page changes nothing, but its address tells others something: every call of `fetch_url` asks, unless a guard
 *   knows better. Addresses of private networks are refused.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: Effect.Effect<ReadonlyArray<Tool.WithHandler<ContextStore>>, never, Scope.Scope> = Effect.gen(
  function* () {
    const scope = yield* Effect.scope
    const stored = Layer.buildWithScope(TodoList.layerStored, scope)
    const list = yield* Effect.cached(Effect.map(stored, Context.get(TodoList.TodoList)))
    return [
      Person.make(),
      ...TodoList.make().map((made) => provided(made, TodoList.TodoList, list)),
      provided(FetchUrl.make({ needsApproval: true }), HttpClient.HttpClient, client)
    ]
  }
)

// internal

/** The client is loaded with the first page. */
const client = Effect.flatMap(
  Effect.promise(() => import("../../../sandbox/WebClient.ts")),
  ({ make }) => make()
)

/** A tool with what its handler needs. */
const provided = <R, I, S, R2>(
  { handler, ...made }: Tool.WithHandler<R>,
  tag: Context.Tag<I, S>,
  service: Effect.Effect<S, never, R2>
): Tool.WithHandler<Exclude<R, I> | R2> => ({
  ...made,
  handler: (given) => {
    const answer = handler(given)
    return Effect.isEffect(answer)
      ? Effect.provideServiceEffect(answer, tag, service)
      : Stream.provideServiceEffect(answer, tag, service)
  }
})
