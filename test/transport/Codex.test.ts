import { assert, describe, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as Agent from "../../src/agent/Agent.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import { assistant, system, user } from "../../src/domain/Message.ts"
import * as Codex from "../../src/transport/Codex.ts"
import * as Transport from "../../src/transport/Transport.ts"
import { TransportError } from "../../src/transport/TransportError.ts"
import { accountId } from "../support/authorizationServer.ts"
import * as Subscription from "../support/subscription.ts"

const { loggedIn } = Subscription

const layerOf = ({ authorization, tokens }: Subscription.World, more: Partial<Codex.Options> = {}) =>
  Layer.orDie(Codex.layer({ model: "gpt-5.3-codex", baseUrl: authorization.baseUrl, tokens, ...more }))

const ask = (request: Partial<Transport.Request> = {}) =>
  Stream.runCollect(Transport.stream(Transport.request({ messages: [user("hi")], ...request })))

const isTransportError = Schema.is(TransportError)

describe("Codex", () => {
  it.scoped("a run with tools goes on while its tokens are renewed", () =>
    Effect.gen(function* () {
      const here = yield* loggedIn
      const { behaviour } = here.authorization
      behaviour.answers.push(Subscription.calls("wait", { minutes: 60 }), Subscription.says("It is noon."))
      const wait = Agent.tool("wait", { description: "Waits", parameters: { minutes: Schema.Number } }, ({ minutes }) =>
        Effect.as(TestClock.adjust(`${minutes} minutes`), "done")
      )
      const agent = Agent.make("clock", { instructions: "Be brief.", tools: [wait] })
      const result = yield* Agent.run(agent, "What time is it?").pipe(
        Effect.provide(Layer.merge(layerOf(here), ContextStore.layerMemory))
      )
      assert.strictEqual(result.output, "It is noon.")
      assert.deepStrictEqual(here.authorization.grants, ["authorization_code", "refresh_token"])
      assert.strictEqual(new Set(here.authorization.bearers).size, 2)
      assert.deepStrictEqual(here.authorization.violations, [])
      const [first, second] = here.authorization.bodies
      assert.strictEqual(first?.["instructions"], "Be brief.")
      assert.deepStrictEqual(Object(second)["input"].slice(0, 1), first?.["input"])
      assert.strictEqual(Object(second)["input"].at(-1).type, "function_call_output")
    }).pipe(Effect.provide(Subscription.layer))
  )

  it.scoped("a token refused in the middle of a run is renewed, and nothing is said twice", () =>
    Effect.gen(function* () {
      const here = yield* loggedIn
      const { authorization } = here
      authorization.behaviour.answers.push(Subscription.calls("revoke", {}), Subscription.says("still here"))
      const revoke = Agent.tool("revoke", { description: "Revokes", parameters: {} }, () =>
        Effect.sync(() => {
          authorization.revoke()
          return "done"
        })
      )
      const agent = Agent.make("clock", { instructions: "Be brief.", tools: [revoke] })
      const result = yield* Agent.run(agent, "go").pipe(
        Effect.provide(Layer.merge(layerOf(here), ContextStore.layerMemory))
      )
      assert.strictEqual(result.output, "still here")
      assert.deepStrictEqual([authorization.bearers.length, authorization.bodies.length], [3, 2])
      assert.deepStrictEqual(authorization.violations, [])
    }).pipe(Effect.provide(Subscription.layer))
  )

  it.scoped("leaves out what the backend does not take, and says what it demands", () =>
    Effect.gen(function* () {
      const here = yield* loggedIn
      here.authorization.behaviour.answers.push(...[1, 2, 3].map(() => Subscription.says("hi")))
      const settings = { temperature: 0.1, topP: 0.2, maxOutputTokens: 5, seed: 1, reasoningEffort: "high" }
      yield* ask({ settings }).pipe(Effect.provide(layerOf(here, { settings: { temperature: 1 } })))
      const later = [system("First."), user("a"), assistant("b"), system("Later."), user("c")]
      yield* ask({ messages: later }).pipe(
        Effect.provide(layerOf(here, { promptCacheKey: "conversation", reasoningSummary: "auto" }))
      )
      assert.deepStrictEqual(here.authorization.violations, [])
      const [plain, long] = here.authorization.bodies
      assert.deepStrictEqual(
        { ...plain, input: undefined },
        {
          model: "gpt-5.3-codex",
          stream: true,
          store: false,
          include: ["reasoning.encrypted_content"],
          instructions: "You are a helpful assistant.",
          reasoning: { effort: "high" },
          input: undefined
        }
      )
      assert.deepStrictEqual(
        [long?.["instructions"], long?.["prompt_cache_key"], long?.["reasoning"]],
        ["First.", "conversation", { summary: "auto" }]
      )
      assert.deepStrictEqual(
        Object(long)["input"].map(({ role }: { role: string }) => role),
        ["user", "assistant", "developer", "user"]
      )
    }).pipe(Effect.provide(Subscription.layer))
  )

  it.scoped("an answer that is a list comes as one, although the form is an object", () =>
    Effect.gen(function* () {
      const here = yield* loggedIn
      here.authorization.behaviour.answers.push(Subscription.says('{"value":["a","b"]}'))
      const schema = { type: "array", items: { type: "string" } }
      const deltas = yield* ask({ responseFormat: { type: "json", schema } }).pipe(Effect.provide(layerOf(here)))
      const parts = [...deltas].flatMap((delta) => (delta._tag === "PartEnd" ? [delta.part] : []))
      assert.deepStrictEqual(
        parts.map((part) => part.type === "text" && JSON.parse(part.text)),
        [["a", "b"]]
      )
      assert.strictEqual(Object(here.authorization.bodies[0])["text"].format.schema.type, "object")
    }).pipe(Effect.provide(Subscription.layer))
  )

  describe("a used up subscription", () => {
    const limited = (error: object) =>
      Effect.gen(function* () {
        const here = yield* loggedIn
        yield* TestClock.adjust("10 minutes")
        const body = JSON.stringify({ error: { type: "usage_limit_reached", message: "Limit reached", ...error } })
        here.authorization.behaviour.answers.push({ status: 429, body })
        const { isRetryable, reason, replay } = yield* Effect.flip(Effect.provide(ask(), layerOf(here)))
        return { ...reason, isRetryable, replay }
      }).pipe(Effect.provide(Subscription.layer))
    const common = {
      _tag: "RateLimited",
      status: 429,
      isRetryable: true,
      replay: "safe",
      type: "usage_limit_reached"
    } as const

    it.scoped("WIRE-4 says when to come back, by a duration", () =>
      Effect.map(limited({ plan_type: "plus", resets_at: 99, resets_in_seconds: 7200 }), (reason) =>
        assert.deepStrictEqual(reason, {
          ...common,
          message: "Limit reached (plan plus, until 1970-01-01T02:10:00.000Z)",
          retryAfterMillis: 7_200_000
        })
      )
    )

    it.scoped("WIRE-4 says when to come back, by a date", () =>
      Effect.map(limited({ resets_at: 4200 }), (reason) =>
        assert.deepStrictEqual(reason, {
          ...common,
          message: "Limit reached (until 1970-01-01T01:10:00.000Z)",
          retryAfterMillis: 3_600_000
        })
      )
    )

    it.scoped("says so without a date, too", () =>
      Effect.map(limited({ resets_at: 1e300, plan_type: null }), (reason) =>
        assert.deepStrictEqual(reason, { ...common, message: "Limit reached" })
      )
    )

    it.scoped("cannot be waited for when the plan has no such usage", () =>
      Effect.map(limited({ type: "usage_not_included" }), ({ _tag, isRetryable, permanent }) =>
        assert.deepStrictEqual([_tag, isRetryable, permanent], ["RateLimited", false, true])
      )
    )
  })

  it.scoped("WIRE-5 no token gets into errors, whole or encoded", () =>
    Effect.gen(function* () {
      const here = yield* loggedIn
      const { authorization } = here
      const failing = Effect.gen(function* () {
        const errors: Array<unknown> = []
        const bearer = () => authorization.bearers.at(-1)
        for (const status of [400, 403, 429, 500]) {
          // The backend repeats the token of the request before.
          authorization.behaviour.answers.push({ status, body: JSON.stringify({ detail: `refused ${bearer()}` }) })
          errors.push(yield* Effect.flip(ask()))
        }
        authorization.revoke()
        authorization.forget()
        errors.push(yield* Effect.flip(ask()))
        return errors
      }).pipe(Effect.provide(layerOf(here)))
      const errors = yield* failing
      assert.deepStrictEqual(
        errors.map(isTransportError),
        errors.map(() => true)
      )
      const encode = Schema.encodeSync(TransportError)
      const text = errors.map((error) => {
        const encoded = isTransportError(error) ? JSON.stringify(encode(error)) : ""
        return `${String(error)} ${JSON.stringify(error)} ${encoded} ${error instanceof Error ? error.stack : ""}`
      })
      const leaked = [...authorization.secrets].filter((secret) => text.join().includes(secret))
      assert.deepStrictEqual(leaked, [])
    }).pipe(Effect.provide(Subscription.layer))
  )

  it.scoped("takes its options from configuration", () =>
    Effect.gen(function* () {
      const here = yield* loggedIn
      here.authorization.behaviour.answers.push(Subscription.says("hi"))
      const variables = new Map([
        ["MODEL", "gpt-5.3-codex"],
        ["URL", here.authorization.baseUrl],
        ["TOKENS", here.tokens]
      ])
      const layer = Codex.layerConfig({
        model: Config.string("MODEL"),
        baseUrl: Config.string("URL"),
        tokens: Config.string("TOKENS")
      })
      yield* ask().pipe(Effect.provide(layer), Effect.withConfigProvider(ConfigProvider.fromMap(variables)))
      const { tokens: path } = yield* Codex.account({ tokens: here.tokens })
      assert.deepStrictEqual([path, here.authorization.bodies.length], [here.tokens, 1])
      assert.deepStrictEqual(here.authorization.violations, [])
      assert.strictEqual((yield* Codex.account({ tokens: here.tokens })).accountId, accountId)
    }).pipe(Effect.provide(Subscription.layer))
  )
})
