/**
 * What the browser sees when it comes back from a login: one small page. The first answer that belongs to the login counts;
 * everything else is told so and changes nothing, since any page of the web can send a browser here.
 */
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import type * as Scope from "effect/Scope"

import type { Answer } from "./oauth.ts"
import { answerOf } from "./oauth.ts"

/**
 * A page that is waited for.
 *
 * @category models
 * @since 0.1.0
 */
export interface Callback {
  readonly app: HttpApp.Default<never, Scope.Scope>
  /** The answer that counts. */
  readonly answer: Effect.Effect<Exclude<Answer, { readonly _tag: "Foreign" }>>
  /** Shows the outcome to the browser that waits for it, if any does, and completes when it has seen it. */
  readonly show: (outcome: { readonly title: string; readonly text: string }) => Effect.Effect<void>
}

/**
 * Makes the page for a login with this state. `path`: where people come back to.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (state: string, path: string): Callback => {
  const answer = Deferred.unsafeMake<Exclude<Answer, { readonly _tag: "Foreign" }>>(FiberId.none)
  const outcome = Deferred.unsafeMake<{ readonly title: string; readonly text: string }>(FiberId.none)
  const seen = Deferred.unsafeMake<void>(FiberId.none)
  let answered = false

  const app = Effect.gen(function* () {
    const request = yield* HttpServerRequest.HttpServerRequest
    const url = new URL(request.url, "http://localhost")
    if (url.pathname !== path) return page(404, "Not found", "There is nothing here.")
    if (request.method !== "GET") return page(405, "Not allowed", "This page can only be visited.")
    const given = answerOf(url.searchParams, state)
    if (given._tag === "Foreign") return page(400, "Not logged in", given.why)
    if (answered) return page(409, "Already answered", "This login was answered before. Go back to the terminal.")
    answered = true
    // The request's scope closes when the answer is written, or when the browser has gone.
    yield* Effect.addFinalizer(() => Deferred.succeed(seen, undefined))
    yield* Deferred.succeed(answer, given)
    const { title, text } = yield* Deferred.await(outcome)
    return page(200, title, text)
  })

  const show: Callback["show"] = (what) =>
    Effect.zipRight(
      Deferred.succeed(outcome, what),
      Effect.suspend(() => (answered ? Effect.ignore(Effect.timeout(Deferred.await(seen), "1 second")) : Effect.void))
    )

  return { app, answer: Deferred.await(answer), show }
}

// internal

const page = (status: number, title: string, text: string) =>
  HttpServerResponse.text(
    `<!doctype html><html lang="en"><meta charset="utf-8"><title>${escaped(title)}</title>` +
      `<body style="font-family:system-ui;margin:4rem"><h1>${escaped(title)}</h1><p>${escaped(text)}</p></body></html>`,
    {
      status,
      contentType: "text/html; charset=utf-8",
      headers: {
        "cache-control": "no-store",
        connection: "close",
        "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
        "referrer-policy": "no-referrer"
      }
    }
  )

const escaped = (text: string): string => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
