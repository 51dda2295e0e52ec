import { chmodSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs"
import { dirname } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { user } from "../../src/domain/Message.ts"
import * as Codex from "../../src/transport/Codex.ts"
import * as Transport from "../../src/transport/Transport.ts"
import * as Processes from "../support/processes.ts"
import * as Subscription from "../support/subscription.ts"

const { loggedIn } = Subscription
type World = Subscription.World

const layerOf = ({ authorization, tokens }: World) =>
  Layer.orDie(Codex.layer({ model: "gpt-5.3-codex", baseUrl: authorization.baseUrl, tokens }))

const ask = Stream.runDrain(Transport.stream(Transport.request({ messages: [user("hi")] })))

const refreshes = ({ authorization }: World): number =>
  authorization.grants.filter((grant) => grant === "refresh_token").length

/** The next requests are answered. */
const answers = ({ authorization }: World, count: number): void => {
  for (let index = 0; index < count; index++) authorization.behaviour.answers.push(Subscription.says("hi"))
}

/** Refreshes wait until told; `arrived` when the first has come. */
const held = ({ authorization }: World) =>
  Effect.gen(function* () {
    const arrived = yield* Deferred.make<void>()
    let release = () => {}
    authorization.behaviour.hold = new Promise((resolve) => {
      release = resolve
    })
    authorization.onRefresh = () => Effect.runSync(Deferred.succeed(arrived, undefined))
    return { arrived: Deferred.await(arrived), release: Effect.sync(() => release()) }
  })

const reasonOf = <A, R>(
  effect: Effect.Effect<A, { readonly reason: { readonly _tag: string; readonly message: string } }, R>
) => Effect.map(Effect.flip(effect), ({ reason }) => [reason._tag, reason.message])

/** Lets time pass until the fiber has ended: it waits for files as well, and nobody knows how long those take. */
const passing = <A, E>(fiber: Fiber.Fiber<A, E>): Effect.Effect<A, E> =>
  Effect.flatMap(Fiber.poll(fiber), (exit) =>
    Option.isSome(exit) ? exit.value : Effect.zipRight(TestClock.adjust("1 second"), passing(fiber))
  )

const again = "Run axonal login codex."

describe("Codex tokens", () => {
  it.scoped("hold for many requests and are renewed before they expire", () =>
    Effect.gen(function* () {
      const here = yield* loggedIn
      answers(here, 4)
      yield* Effect.gen(function* () {
        yield* ask
        yield* TestClock.adjust("54 minutes")
        yield* ask
        assert.strictEqual(refreshes(here), 0)
        yield* TestClock.adjust("1 minutes")
        yield* ask
        yield* ask
        assert.strictEqual(refreshes(here), 1)
      }).pipe(Effect.provide(layerOf(here)))
      assert.strictEqual(new Set(here.authorization.bearers).size, 2)
      assert.deepStrictEqual(here.authorization.violations, [])
    }).pipe(Effect.provide(Subscription.layer))
  )

  it.scoped("many runs at once cause one renewal", () =>
    Effect.gen(function* () {
      const here = yield* loggedIn
      answers(here, 20)
      yield* TestClock.adjust("1 hour")
      const { arrived, release } = yield* held(here)
      const fiber = yield* Effect.forEach(Array.from({ length: 20 }), () => ask, { concurrency: "unbounded" }).pipe(
        Effect.provide(layerOf(here)),
        Effect.fork
      )
      yield* arrived
      yield* release
      yield* Fiber.join(fiber)
      assert.deepStrictEqual([refreshes(here), here.authorization.bodies.length], [1, 20])
      assert.deepStrictEqual(here.authorization.violations, [])
    }).pipe(Effect.provide(Subscription.layer))
  )

  it.scoped("many refused runs cause one renewal and are all sent again", () =>
    Effect.gen(function* () {
      const here = yield* loggedIn
      answers(here, 20)
      here.authorization.revoke()
      yield* Effect.forEach(Array.from({ length: 20 }), () => ask, { concurrency: "unbounded" }).pipe(
        Effect.provide(layerOf(here))
      )
      assert.deepStrictEqual([refreshes(here), here.authorization.bodies.length], [1, 20])
      assert.deepStrictEqual(here.authorization.violations, [])
    }).pipe(Effect.provide(Subscription.layer))
  )

  it.scoped("a token that is refused again is told, not renewed for ever", () =>
    Effect.gen(function* () {
      const here = yield* loggedIn
      const refused = { status: 401, body: '{"detail":"no"}' }
      here.authorization.behaviour.answers.push(refused, refused, Subscription.says("never"))
      const error = yield* Effect.flip(Effect.provide(ask, layerOf(here)))
      assert.deepStrictEqual([error.reason._tag, refreshes(here)], ["Authentication", 1])
    }).pipe(Effect.provide(Subscription.layer))
  )

  it.live("two layers renew once and use each other's tokens", () =>
    Effect.gen(function* () {
      const here = yield* loggedIn
      answers(here, 4)
      here.authorization.revoke()
      // Each begins with the token that is refused, and asks for another at the same time.
      yield* Effect.all([Effect.provide(ask, layerOf(here)), Effect.provide(ask, layerOf(here))], {
        concurrency: "unbounded"
      })
      assert.deepStrictEqual([refreshes(here), here.authorization.bodies.length], [1, 2])
      assert.deepStrictEqual(here.authorization.violations, [])
    }).pipe(Effect.scoped, Effect.provide(Subscription.layer))
  )

  it.live.each([
    ["", () => {}],
    [
      ", past a lock of one that died",
      (tokens: string) => {
        writeFileSync(`${tokens}.lock`, "someone")
        utimesSync(`${tokens}.lock`, 1, 1)
      }
    ]
  ] as const)("several processes renew once and use each other's tokens%s", ([, prepare]) =>
    Effect.gen(function* () {
      const here = yield* loggedIn
      prepare(here.tokens)
      answers(here, 4)
      here.authorization.revoke()
      const args = [here.authorization.baseUrl, here.tokens]
      const children = yield* Effect.all(
        Array.from({ length: 3 }, () => Processes.start("test/support/codexProcess.ts", ...args))
      )
      const processes = children.map((child) => {
        let errors = ""
        child.stderr.on("data", (data) => {
          errors += data
        })
        const ready = new Promise<void>((resolve) => child.stdout.once("data", () => resolve()))
        const ended = new Promise<string>((resolve) => child.on("close", (code) => resolve(`${code}${errors}`)))
        return { child, ready, ended }
      })
      yield* Effect.promise(() => Promise.all(processes.map(({ ready }) => ready)))
      for (const { child } of processes) child.stdin.write("go\n")
      const ends = yield* Effect.promise(() => Promise.all(processes.map(({ ended }) => ended)))
      assert.deepStrictEqual(ends, ["0", "0", "0"])
      assert.deepStrictEqual([refreshes(here), here.authorization.bodies.length], [1, 3])
      assert.deepStrictEqual(here.authorization.violations, [])
      assert.deepStrictEqual(readdirSync(dirname(here.tokens)), ["codex.json"])
    }).pipe(Effect.scoped, Effect.provide(Subscription.layer))
  )

  it.scoped("tokens that another process renewed are picked up", () =>
    Effect.gen(function* () {
      const here = yield* loggedIn
      answers(here, 4)
      yield* Effect.gen(function* () {
        yield* ask
        yield* TestClock.adjust("1 hour")
        yield* Effect.provide(ask, layerOf(here))
        yield* ask
      }).pipe(Effect.provide(layerOf(here)))
      assert.strictEqual(refreshes(here), 1)
      assert.deepStrictEqual(here.authorization.violations, [])
    }).pipe(Effect.provide(Subscription.layer))
  )

  it.scoped("a renewal that was begun is finished and stored, though nobody waits for it", () =>
    Effect.gen(function* () {
      const here = yield* loggedIn
      answers(here, 2)
      yield* TestClock.adjust("1 hour")
      const before = readFileSync(here.tokens, "utf8")
      const { arrived, release } = yield* held(here)
      const fiber = yield* Effect.fork(Effect.provide(ask, layerOf(here)))
      yield* arrived
      // Closing the layer waits for the renewal, so the interruption is not complete before it.
      const interruption = yield* Effect.fork(Fiber.interrupt(fiber))
      yield* release
      yield* Fiber.join(interruption)
      assert.notStrictEqual(readFileSync(here.tokens, "utf8"), before)
      yield* Effect.provide(ask, layerOf(here))
      assert.strictEqual(refreshes(here), 1)
      assert.deepStrictEqual(here.authorization.violations, [])
    }).pipe(Effect.provide(Subscription.layer))
  )

  it.scoped("tokens that never hold for long are used as long as they can be", () =>
    Effect.gen(function* () {
      const here = yield* loggedIn
      here.authorization.behaviour.expiresIn = 60
      answers(here, 4)
      yield* TestClock.adjust("1 hour")
      yield* Effect.gen(function* () {
        yield* ask
        yield* TestClock.adjust("29 seconds")
        yield* ask
        assert.strictEqual(refreshes(here), 1)
        yield* TestClock.adjust("1 seconds")
        yield* ask
        assert.strictEqual(refreshes(here), 2)
      }).pipe(Effect.provide(layerOf(here)))
      assert.deepStrictEqual(here.authorization.violations, [])
    }).pipe(Effect.provide(Subscription.layer))
  )

  it.scoped("a refresh token that stays the same is kept", () =>
    Effect.gen(function* () {
      const here = yield* loggedIn
      here.authorization.behaviour.rotates = false
      answers(here, 2)
      for (const _ of [1, 2]) {
        yield* TestClock.adjust("1 hour")
        yield* Effect.provide(ask, layerOf(here))
      }
      assert.strictEqual(refreshes(here), 2)
      assert.deepStrictEqual(here.authorization.violations, [])
    }).pipe(Effect.provide(Subscription.layer))
  )

  it.scoped("a login that is over says so, once, without asking again", () =>
    Effect.gen(function* () {
      const here = yield* loggedIn
      here.authorization.forget()
      yield* TestClock.adjust("1 hour")
      const reasons = yield* Effect.all([reasonOf(ask), reasonOf(ask)]).pipe(Effect.provide(layerOf(here)))
      const message = `The login is not valid any more (refresh_token_invalidated: not good: <redacted>). ${again}`
      assert.deepStrictEqual(reasons, [
        ["Authentication", message],
        ["Authentication", message]
      ])
      assert.strictEqual(refreshes(here), 1)
    }).pipe(Effect.provide(Subscription.layer))
  )

  it.scoped("tokens that still hold do while the vendor has trouble", () =>
    Effect.gen(function* () {
      const here = yield* loggedIn
      answers(here, 2)
      const trouble = { status: 503, body: "down" }
      here.authorization.behaviour.tokenAnswers.push(trouble, trouble)
      yield* Effect.gen(function* () {
        yield* TestClock.adjust("56 minutes")
        yield* ask
        assert.strictEqual(refreshes(here), 1)
        yield* TestClock.adjust("5 minutes")
        assert.deepStrictEqual(yield* reasonOf(ask), ["Overloaded", "down"])
        yield* ask
      }).pipe(Effect.provide(layerOf(here)))
      assert.strictEqual(refreshes(here), 3)
    }).pipe(Effect.provide(Subscription.layer))
  )

  describe("in their file", () => {
    it.scoped("are asked for where there are none", () =>
      Effect.gen(function* () {
        const here = yield* Subscription.world
        const message = `Nobody is logged in: there is no ${here.tokens}. ${again}`
        assert.deepStrictEqual(yield* reasonOf(Effect.provide(ask, layerOf(here))), ["Authentication", message])
      }).pipe(Effect.provide(Subscription.layer))
    )

    it.scoped.each(["", "{", "[]", '{"version":1}', '{"version":2}', "null"])("are damaged as %j", (text) =>
      Effect.gen(function* () {
        const here = yield* loggedIn
        writeFileSync(here.tokens, text)
        const message = `${here.tokens} is damaged, or of another version. ${again}`
        assert.deepStrictEqual(yield* reasonOf(Effect.provide(ask, layerOf(here))), ["Authentication", message])
      }).pipe(Effect.provide(Subscription.layer))
    )

    it.scoped("are closed to others, with a warning", () =>
      Effect.gen(function* () {
        const here = yield* loggedIn
        answers(here, 1)
        chmodSync(here.tokens, 0o644)
        const said: Array<unknown> = []
        const logger = Logger.replace(
          Logger.defaultLogger,
          Logger.make(({ logLevel, message }) => said.push([logLevel.label, message]))
        )
        yield* ask.pipe(Effect.provide(layerOf(here)), Effect.provide(logger))
        assert.strictEqual(statSync(here.tokens).mode & 0o777, 0o600)
        const warning = `${here.tokens} was open to other users of this machine; it is not any more.`
        assert.deepStrictEqual(said, [["WARN", [warning]]])
      }).pipe(Effect.provide(Subscription.layer))
    )

    it.scoped("keep their mode when they are renewed", () =>
      Effect.gen(function* () {
        const here = yield* loggedIn
        answers(here, 1)
        yield* TestClock.adjust("1 hour")
        yield* Effect.provide(ask, layerOf(here))
        assert.strictEqual(statSync(here.tokens).mode & 0o777, 0o600)
        assert.deepStrictEqual(readdirSync(dirname(here.tokens)), ["codex.json"])
      }).pipe(Effect.provide(Subscription.layer))
    )

    it.scoped("are not locked for ever by a process that died", () =>
      Effect.gen(function* () {
        const here = yield* loggedIn
        answers(here, 1)
        yield* TestClock.adjust("1 hour")
        writeFileSync(`${here.tokens}.lock`, "someone")
        utimesSync(`${here.tokens}.lock`, 3600 - 31, 3600 - 31)
        const fiber = yield* Effect.fork(Effect.provide(ask, layerOf(here)))
        yield* passing(fiber)
        assert.deepStrictEqual(readdirSync(dirname(here.tokens)), ["codex.json"])
      }).pipe(Effect.provide(Subscription.layer))
    )

    it.scoped("are waited for while another process holds the lock, but not for ever", () =>
      Effect.gen(function* () {
        const here = yield* loggedIn
        yield* TestClock.adjust("1 hour")
        // From the future, and so never stale.
        writeFileSync(`${here.tokens}.lock`, "someone")
        const fiber = yield* Effect.fork(reasonOf(Effect.provide(ask, layerOf(here))))
        const message = `${here.tokens}.lock has been held by another process for too long. Remove it if none is running.`
        assert.deepStrictEqual(yield* passing(fiber), ["Timeout", message])
        assert.strictEqual(readFileSync(`${here.tokens}.lock`, "utf8"), "someone")
      }).pipe(Effect.provide(Subscription.layer))
    )

    it.scoped.each([
      [{ XDG_CONFIG_HOME: "/xdg", HOME: "/home/ada" }, "/xdg/axonal/codex.json"],
      [{ XDG_CONFIG_HOME: "", HOME: "/home/ada" }, "/home/ada/.config/axonal/codex.json"],
      [{ USERPROFILE: "C:/Users/ada" }, "C:/Users/ada/.config/axonal/codex.json"]
    ] as const)("are looked for by %j", ([variables, path]) =>
      Codex.account().pipe(
        Effect.flip,
        Effect.map((error) => assert.include(error.message, `there is no ${path}.`)),
        Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(variables)))),
        Effect.provide(Subscription.layer)
      )
    )

    it.scoped("have to be named where nobody has a home", () =>
      Effect.gen(function* () {
        const none = yield* Effect.either(Codex.account())
        assert.isTrue(Either.isLeft(none) && none.left._tag === "ConfigError")
      }).pipe(Effect.withConfigProvider(ConfigProvider.fromMap(new Map())), Effect.provide(Subscription.layer))
    )
  })
})
