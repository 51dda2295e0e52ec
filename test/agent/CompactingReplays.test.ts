import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Activities from "../../src/agent/Activities.ts"
import * as Agent from "../../src/agent/Agent.ts"
import * as Compaction from "../../src/context/Compaction.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import { SessionId } from "../../src/domain/Ids.ts"
import * as Usage from "../../src/domain/Usage.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { call, error, text, usage } from "../../src/testing/ScriptedTransport.ts"

const session = SessionId.make("s")

/** What was done, by name: what it came to as JSON, or how it failed. */
type Journal = Map<string, Either.Either<string, unknown>>

/** Activities that are done once and then only remembered, failures included. Time stands still and ids count. */
const journaling = (journal: Journal): Layer.Layer<never> => {
  let ids = 0
  const remember = <A, E, R>(kind: string, key: Activities.Key, execute: Effect.Effect<A, E, R>) =>
    Effect.suspend((): Effect.Effect<A, E, R> => {
      const name = [kind, key.turn, key.call, key.attempt].filter((it) => it !== undefined).join("/")
      const known = journal.get(name)
      // A journal has no types: what it gives back is what it was given under this name.
      if (known !== undefined) return Either.map(known, (json) => JSON.parse(json)) as Either.Either<A, E>
      return Effect.tapBoth(execute, {
        onSuccess: (value) => Effect.sync(() => journal.set(name, Either.right(JSON.stringify(value)))),
        onFailure: (failure) => Effect.sync(() => journal.set(name, Either.left(failure)))
      })
    })
  return Layer.succeed(Activities.Activities, {
    model: (key, execute) => remember("model", key, execute),
    tool: (key, execute) => remember("tool", key, execute),
    approval: (key, execute) => remember("approval", key, execute),
    compaction: (key, execute) => remember("compaction", key, execute),
    selection: (key, execute) => remember("selection", key, execute),
    sleep: () => Effect.void,
    now: Effect.succeed(1_000_000),
    id: (prefix) => Effect.sync(() => `${prefix}_${++ids}`)
  })
}

const newStore = Effect.provide(ContextStore.ContextStore, ContextStore.layerMemory)
const look = Agent.tool("look", { parameters: {}, success: Schema.String }, () => Effect.succeed("word ".repeat(200)))
const cost = { model: "small", usage: Usage.make({ input: 1000, output: 10 }) }

/** When a conversation is compacted: as it grows, when it is refused, or when it is refused although it was compacted. */
const shapes = {
  grown: { full: 500, refuses: () => false },
  refused: { full: 10, refuses: (request: string) => request.length > 2500 },
  both: { full: 500, refuses: (request: string) => request.includes("summary 1.") && request.length > 1400 }
}

/** A process that plays the run: what it did, and what is there when it is over. */
const play = (shape: keyof typeof shapes, journal: Journal, store: ContextStore.Service, limit?: number) =>
  Effect.gen(function* () {
    const { full, refuses } = shapes[shape]
    let summaries = [...journal.values()].filter((known) =>
      Either.getOrElse(known, () => "").includes("Compacted")
    ).length
    const before = summaries
    const script: ScriptedTransport.Script = ({ messages }) => {
      if (refuses(JSON.stringify(messages))) return [error("ContextOverflow")]
      const turn = [...journal.keys()].filter((name) => name.startsWith("tool")).length + 1
      return turn < 6 ? [call("c", "look"), usage({ input: full * turn, output: 1 })] : [text("done")]
    }
    const summarise = () => Effect.sync(() => ({ text: `summary ${++summaries}.`, costs: [cost] }))
    const agent = Agent.make("a", { tools: [look], retries: 0, limits: { totalTokens: limit } })
    const { asked, result } = yield* Effect.all({
      result: Effect.either(Agent.run(agent, "go", { session })),
      asked: Effect.map(ScriptedTransport.requests, (requests) => requests.length)
    }).pipe(
      Effect.provide([
        journaling(journal),
        Layer.succeed(ContextStore.ContextStore, store),
        ScriptedTransport.layer(script),
        Compaction.layer({ maxTokens: 1000, keepRecent: 2, summarise })
      ])
    )
    const { output, reason, usage: used } = Either.getOrThrowWith(result, (failed) => failed)
    return {
      ...{ asked, summaries: summaries - before, result: { output, reason, used } },
      log: JSON.parse(JSON.stringify(yield* store.entries(session))),
      window: JSON.parse(JSON.stringify((yield* store.read(session)).messages))
    }
  })

const kindsOf = ({ log }: { readonly log: ReadonlyArray<{ readonly _tag: string; readonly reason?: string }> }) =>
  log.flatMap(({ _tag, reason }) => (_tag === "Compaction" ? [reason] : []))

describe("A replayed run that was compacted", () => {
  const names = ["grown", "refused", "both"] as const

  it.effect.each(names)("TR-11 from any prefix of its journal commits the same transcript: %s", (shape) =>
    Effect.gen(function* () {
      const journal: Journal = new Map()
      const first = yield* play(shape, journal, yield* newStore)
      assert.isAbove(first.summaries, shape === "both" ? 1 : 0)
      if (shape === "both") assert.includeMembers(kindsOf(first), ["threshold", "overflow"])
      for (let length = 0; length <= journal.size; length++) {
        const again = yield* play(shape, new Map([...journal].slice(0, length)), yield* newStore)
        assert.deepStrictEqual(
          { ...again, asked: 0, summaries: 0 },
          { ...first, asked: 0, summaries: 0 },
          `${length} of ${journal.size}`
        )
      }
    })
  )

  it.effect.each(names)("TR-11 RUN-7 over its own session stores, asks and pays nothing twice: %s", (shape) =>
    Effect.gen(function* () {
      const journal: Journal = new Map()
      const store = yield* newStore
      const first = yield* play(shape, journal, store)
      assert.deepStrictEqual(yield* play(shape, journal, store), { ...first, asked: 0, summaries: 0 })
    })
  )

  it.effect.each(names)("TR-11 after a crash at any append goes on there: %s", (shape) =>
    Effect.gen(function* () {
      const whole = yield* play(shape, new Map(), yield* newStore)
      for (let appends = 0; ; appends++) {
        const journal: Journal = new Map()
        const store = yield* newStore
        let left = appends
        const mortal: ContextStore.Service = {
          ...store,
          append: (...entries) => (left-- > 0 ? store.append(...entries) : Effect.dieMessage("the process is gone"))
        }
        const exit = yield* Effect.exit(play(shape, journal, mortal))
        const again = yield* play(shape, journal, store)
        assert.deepStrictEqual(
          { ...again, asked: 0, summaries: 0 },
          { ...whole, asked: 0, summaries: 0 },
          `after ${appends}`
        )
        if (exit._tag === "Success") break
      }
    })
  )

  it.effect("TR-11 RUN-6 it reaches its limits where it did before, summaries counted", () =>
    Effect.gen(function* () {
      const journal: Journal = new Map()
      const store = yield* newStore
      const first = yield* play("grown", journal, store, 3500)
      assert.deepStrictEqual([first.result.reason, kindsOf(first)], ["limit", ["threshold", "threshold"]])
      assert.deepStrictEqual(yield* play("grown", journal, store, 3500), { ...first, asked: 0, summaries: 0 })
    })
  )
})
