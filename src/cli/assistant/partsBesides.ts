/**
 * Tools of the assistant that the toolbox for files and commands does not have: questions to the person, plans, and pages of
 * the web. Loaded where they are used.
 */
import * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type * as Tool from "../../tool/Tool.ts"
import * as FetchUrl from "../../toolbox/FetchUrl.ts"
import * as TodoList from "../../toolbox/TodoList.ts"
import * as Person from "./partsPerson.ts"

/**
 * Makes the tools.
 *
 * **Details**
 *
 * - Reading a page changes nothing, but its address tells others something: every call of `fetch_url` asks, unless a guard
 *   knows better. Addresses of private networks are refused.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (): ReadonlyArray<Tool.WithHandler<TodoList.TodoList>> => [
  Person.make(),
  ...TodoList.make(),
  online(FetchUrl.make({ needsApproval: true }))
]

// internal

/** The client is loaded with the first page. */
const online = ({ handler, ...made }: Tool.WithHandler<HttpClient.HttpClient>): Tool.WithHandler => ({
  ...made,
  handler: (given) => {
    const answer = handler(given)
    return Effect.isEffect(answer)
      ? Effect.provideServiceEffect(answer, HttpClient.HttpClient, client)
      : Stream.provideServiceEffect(answer, HttpClient.HttpClient, client)
  }
})

const client = Effect.flatMap(
  Effect.promise(() => import("../../sandbox/WebClient.ts")),
  ({ make }) => make()
)
