import { readdirSync, readFileSync, statSync } from "node:fs"
import { createConnection } from "node:net"
import { dirname } from "node:path"
import * as HttpServer from "@effect/platform/HttpServer"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import * as Tracer from "effect/Tracer"
import * as Codex from "../../src/transport/Codex.ts"
import * as Authorization from "../support/authorizationServer.ts"
import * as Subscription from "../support/subscription.ts"

const { login, world } = Subscription

const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8)

/** Whether someone listens on the port. */
const isOpen = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = createConnection({ port, host: "127.0.0.1" })
    socket.once("connect", () => {
      socket.destroy()
      resolve(true)
    })
    socket.once("error", () => resolve(false))
  })

const portOf = HttpServer.addressWith((address) => Effect.succeed(address._tag === "TcpAddress" ? address.port : 0))

const fail = (reason: Codex.LoginError["reason"], message: string) =>
  Either.left(new Codex.LoginError({ reason, message }))

/** Replaces parameters of the address a browser was sent back to. */
const withParameters = (text: string, parameters: Readonly<Record<string, string>>): string => {
  const url = new URL(text)
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
  return url.href
}

describe("Codex.login", () => {
  it.scoped("keeps tokens that only their owner can read", () =>
    Effect.gen(function* () {
      const here = yield* world
      const { ended, person } = yield* login(here, Authorization.browse)
      const { accountId, email, plan } = Authorization
      assert.deepStrictEqual(ended, Either.right({ accountId, plan, email, tokens: here.tokens }))
      assert.deepStrictEqual([person.status, person.page.includes("Logged in")], [200, true])
      assert.deepStrictEqual(here.authorization.violations, [])
      assert.deepStrictEqual(here.authorization.grants, ["authorization_code"])
      assert.strictEqual(modeOf(here.tokens), "600")
      assert.strictEqual(modeOf(dirname(here.tokens)), "700")
      // Neither the lock nor a temporary file stays behind.
      assert.deepStrictEqual(readdirSync(dirname(here.tokens)), ["codex.json"])
      assert.deepStrictEqual(yield* Codex.account({ tokens: here.tokens }), {
        accountId,
        plan,
        email,
        tokens: here.tokens
      })
      assert.isTrue(yield* Codex.logout({ tokens: here.tokens }))
      assert.isFalse(yield* Codex.logout({ tokens: here.tokens }))
    }).pipe(Effect.provide(Subscription.layer))
  )

  it.scoped("asks with another state and challenge each time", () =>
    Effect.gen(function* () {
      const here = yield* world
      const seen: Array<URLSearchParams> = []
      for (const _ of [1, 2]) {
        yield* login(here, (url) => {
          seen.push(new URL(url).searchParams)
          return Authorization.browse(url)
        })
      }
      for (const name of ["state", "code_challenge"]) {
        assert.notStrictEqual(seen[0]?.get(name), seen[1]?.get(name))
      }
    }).pipe(Effect.provide(Subscription.layer))
  )

  it.scoped("a wrong state is refused and the login goes on", () =>
    Effect.gen(function* () {
      const here = yield* world
      const { ended, person } = yield* login(here, async (url) => {
        const back = await Authorization.visit(url)
        const state = new URL(back).searchParams.get("state") ?? ""
        const statuses = []
        for (const wrong of ["", "x", `${state}x`, state.slice(0, -1), `${state.slice(0, -1)}!`]) {
          statuses.push((await fetch(withParameters(back, { state: wrong }))).status)
        }
        statuses.push((await fetch(`${back}&state=other`)).status)
        statuses.push((await fetch(withParameters(back, { state: "x", error: "access_denied" }))).status)
        statuses.push((await fetch(back.replace("/auth/callback", "/auth/other"))).status)
        statuses.push((await fetch(back, { method: "POST" })).status)
        return [...statuses, (await fetch(back)).status]
      })
      assert.deepStrictEqual(person, [400, 400, 400, 400, 400, 400, 400, 404, 405, 200])
      assert.isTrue(Either.isRight(ended))
      assert.deepStrictEqual(here.authorization.violations, [])
    }).pipe(Effect.provide(Subscription.layer))
  )

  it.scoped("a replayed callback changes nothing", () =>
    Effect.gen(function* () {
      const here = yield* world
      const { ended, person } = yield* login(here, async (url) => {
        const back = await Authorization.visit(url)
        const answers = await Promise.all([fetch(back), fetch(back), fetch(withParameters(back, { code: "code-x" }))])
        return answers.map(({ status }) => status).sort()
      })
      assert.deepStrictEqual(person, [200, 409, 409])
      assert.isTrue(Either.isRight(ended))
      assert.deepStrictEqual(here.authorization.grants, ["authorization_code"])
    }).pipe(Effect.provide(Subscription.layer))
  )

  it.scoped("a person who declines is shown so, and so is the program", () =>
    Effect.gen(function* () {
      const here = yield* world
      here.authorization.behaviour.person = "denies"
      const { ended, person } = yield* login(here, Authorization.browse)
      assert.deepStrictEqual(ended, fail("Denied", "The login was denied: access_denied: The person <b>declined</b>"))
      assert.deepStrictEqual(
        [person.page.includes("Not logged in"), person.page.includes("declined"), person.page.includes("<b>")],
        [true, true, false]
      )
      assert.deepStrictEqual(here.authorization.grants, [])
    }).pipe(Effect.provide(Subscription.layer))
  )

  it.scoped("an expired code is told without its value", () =>
    Effect.gen(function* () {
      const here = yield* world
      here.authorization.behaviour.codesExpire = true
      const { ended } = yield* login(here, Authorization.browse)
      const message = "The vendor did not accept the login: invalid_grant: the code has expired: <redacted> <redacted>"
      assert.deepStrictEqual(ended, fail("Refused", message))
    }).pipe(Effect.provide(Subscription.layer))
  )

  it.scoped("ends when nobody comes back", () =>
    Effect.gen(function* () {
      const here = yield* world
      const shown = yield* Deferred.make<void>()
      const fiber = yield* Effect.fork(
        Effect.either(
          Codex.login({
            issuer: here.authorization.issuer,
            tokens: here.tokens,
            show: () => Deferred.succeed(shown, undefined),
            timeout: "2 minutes"
          })
        )
      )
      yield* Deferred.await(shown)
      // The timer begins after the address is shown.
      yield* Effect.yieldNow()
      yield* TestClock.adjust("2 minutes")
      assert.deepStrictEqual(yield* Fiber.join(fiber), fail("Expired", "Nobody came back from the login in time."))
    }).pipe(Effect.provide(Subscription.layer))
  )

  it.scoped("an interrupted login closes its port", () =>
    Effect.gen(function* () {
      const here = yield* world
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(Subscription.layer, scope)
      const shown = yield* Deferred.make<string>()
      const port = yield* Effect.provide(portOf, context)
      const fiber = yield* Codex.login({
        issuer: here.authorization.issuer,
        tokens: here.tokens,
        show: (url) => Deferred.succeed(shown, url)
      }).pipe(Effect.provide(context), Effect.ensuring(Scope.close(scope, Exit.void)), Effect.fork)
      const url = new URL(yield* Deferred.await(shown))
      assert.strictEqual(url.searchParams.get("redirect_uri"), `http://localhost:${port}/auth/callback`)
      assert.isTrue(yield* Effect.promise(() => isOpen(port)))
      yield* Fiber.interrupt(fiber)
      assert.isFalse(yield* Effect.promise(() => isOpen(port)))
    })
  )

  describe("by hand", () => {
    const byHand = (here: Subscription.World, paste: (url: string, problem: string | undefined) => Promise<string>) =>
      Effect.suspend(() => {
        let address = ""
        return Effect.either(
          Codex.loginByHand({
            issuer: here.authorization.issuer,
            tokens: here.tokens,
            show: (url) =>
              Effect.sync(() => {
                address = url
              }),
            paste: (problem) => Effect.promise(() => paste(address, problem))
          })
        )
      })
    const code = (back: string) => new URL(back).searchParams.get("code") ?? ""
    const state = (back: string) => new URL(back).searchParams.get("state") ?? ""

    it.scoped.each([
      ["the address", (back: string) => ` ${back}\n`],
      ["its parameters", (back: string) => new URL(back).search],
      ["the code", code],
      ["code and state", (back: string) => `${code(back)}#${state(back)}`]
    ] as const)("%s can be pasted", ([, pasted]) =>
      Effect.gen(function* () {
        const here = yield* world
        const ended = yield* byHand(here, async (url) => pasted(await Authorization.visit(url)))
        assert.deepStrictEqual(
          Either.map(ended, ({ accountId }) => accountId),
          Either.right(Authorization.accountId)
        )
        assert.deepStrictEqual(here.authorization.violations, [])
      }).pipe(Effect.provide(Subscription.layer))
    )

    it.scoped("what does not belong to the login is asked for again", () =>
      Effect.gen(function* () {
        const here = yield* world
        const problems: Array<string | undefined> = []
        const ended = yield* byHand(here, async (url, problem) => {
          problems.push(problem)
          const back = await Authorization.visit(url)
          const tries = ["", "no idea", withParameters(back, { state: "x" }), `${code(back)}#x`, back]
          return tries[problems.length - 1] ?? ""
        })
        assert.isTrue(Either.isRight(ended))
        assert.deepStrictEqual(problems, [
          undefined,
          "Nothing was pasted.",
          "This is neither an address nor a code.",
          "The state does not belong to this login.",
          "The state does not belong to this login."
        ])
      }).pipe(Effect.provide(Subscription.layer))
    )
  })

  it.scoped("is refused before anyone logs in when tokens cannot be kept", () =>
    Effect.gen(function* () {
      const here = yield* world
      const shown: Array<string> = []
      const ended = yield* Effect.either(
        Codex.login({
          issuer: here.authorization.issuer,
          tokens: "/dev/null/axonal/codex.json",
          show: (url) => Effect.sync(() => shown.push(url))
        })
      )
      const reason = Either.match(ended, {
        onLeft: (error) => (error._tag === "LoginError" ? error.reason : error._tag),
        onRight: () => "logged in"
      })
      assert.strictEqual(reason, "Storage")
      assert.deepStrictEqual(shown, [])
    }).pipe(Effect.provide(Subscription.layer))
  )

  it.scoped("sends secrets over TLS or within this machine only", () =>
    Effect.gen(function* () {
      const { tokens } = yield* world
      const show = () => Effect.void
      const asked = Effect.flip(Codex.login({ issuer: "http://auth.example.com", tokens, show }))
      assert.strictEqual((yield* asked)._tag, "ConfigError")
    }).pipe(Effect.provide(Subscription.layer))
  )

  it.scoped("WIRE-5 no secret gets into errors, logs, spans or pages", () =>
    Effect.gen(function* () {
      const here = yield* world
      const { authorization } = here
      const said: Array<string> = []
      const keep = Logger.make(({ annotations, message }) => said.push(JSON.stringify([message, [...annotations]])))
      const tracer = Tracer.make({
        span: (name, parent, context, links, startTime, kind) => {
          const attributes = new Map<string, unknown>()
          const status: Tracer.SpanStatus = { _tag: "Started", startTime }
          return {
            ...{ _tag: "Span", name, parent, context, links, kind, status, attributes, spanId: "s", traceId: "t" },
            ...{ sampled: true, end: () => {}, event: () => {}, addLinks: () => {} },
            attribute: (key, value) => said.push(`${key}=${String(value)}`)
          }
        },
        context: (run) => run()
      })
      const watched = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
        effect.pipe(
          Effect.withTracer(tracer),
          Effect.withSpan("login"),
          Effect.provide(Logger.replace(Logger.defaultLogger, keep)),
          Logger.withMinimumLogLevel(LogLevel.All)
        )
      const outcomes: Array<unknown> = []
      authorization.behaviour.codesExpire = true
      outcomes.push(yield* watched(login(here, Authorization.browse)))
      authorization.behaviour.codesExpire = false
      authorization.behaviour.tokenAnswers.push({ status: 200, body: '{"access_token":"at-only"}' })
      outcomes.push(yield* watched(login(here, Authorization.browse)))
      outcomes.push(yield* watched(login(here, Authorization.browse)))
      const text =
        JSON.stringify(outcomes.map((outcome) => ({ ...Object(outcome), person: Object(outcome).person.page }))) +
        said.join()
      assert.deepStrictEqual(
        [...authorization.secrets].filter((secret) => secret === "" || text.includes(secret)),
        []
      )
      assert.isTrue(readFileSync(here.tokens, "utf8").includes("refreshToken"))
    }).pipe(Effect.provide(Subscription.layer))
  )
})
