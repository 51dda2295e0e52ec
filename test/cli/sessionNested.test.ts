import { assert, describe, it } from "@effect/vitest"
import { act } from "axonal/cli/sessions/command"
import * as Find from "axonal/cli/sessions/find"
import * as Sessions from "axonal/cli/sessions/sessions"
import * as ContextStore from "axonal/context/ContextStore"
import { SessionId } from "axonal/domain/Ids"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import { exchange, here, optionsOf, screenOf } from "./sessionSupport.ts"

/** A session of a team in which agents worked within others, and one that only looks as if it were within another. */
const stocked = Effect.gen(function* () {
  const store = yield* ContextStore.ContextStore
  const said = (id: string, chat: string) =>
    Effect.zipRight(
      TestClock.adjust("1 second"),
      store.append(SessionId.make(id), exchange(id, `ask ${id}`), { owner: here, chat })
    )
  yield* Effect.forEach(["team", "team/call_1", "team/call_1/0", "team/call_2"], (id) => said(id, "team"))
  yield* said("a/b", "a/b")
  yield* Effect.forEach(["a/b/call_1", "team/call_3"], (id) => said(id, id.slice(0, id.lastIndexOf("/"))))
})

const acted = (...args: ReadonlyArray<string>) => {
  const screen = screenOf()
  return Effect.as(act(optionsOf(...args), here, screen), screen)
}
const idsOf = (...args: ReadonlyArray<string>) =>
  Effect.map(acted(...args, "--json"), (screen) =>
    screen
      .printed()
      .trimEnd()
      .split("\n")
      .map((line): unknown => JSON.parse(line).id)
  )
const every = ["team/call_3", "a/b/call_1", "a/b", "team/call_2", "team/call_1/0", "team/call_1", "team"]

describe("sessions of agents within others", () => {
  it.effect("are listed only with --all", () =>
    Effect.gen(function* () {
      yield* stocked
      assert.deepStrictEqual(yield* idsOf("list"), ["a/b", "team"])
      assert.deepStrictEqual(yield* idsOf("list", "--limit", "1"), ["a/b"])
      assert.deepStrictEqual(yield* idsOf("list", "--all"), every)
    }).pipe(Effect.provide(ContextStore.layerMemory))
  )

  it.effect("are neither the latest nor what the beginning of an id means", () =>
    Effect.gen(function* () {
      yield* stocked
      const meant = yield* Effect.forEach([undefined, "te", "team/call_2"], (id) => Find.session(id, { owner: here }))
      assert.deepStrictEqual(
        meant.map(({ id }) => id),
        ["a/b", "team", "team/call_2"].map((id) => SessionId.make(id))
      )
      const latest = yield* Sessions.choose({ continue: true, fork: false, session: undefined }, here)
      assert.strictEqual(latest, "a/b")
    }).pipe(Effect.provide(ContextStore.layerMemory))
  )

  it.effect("are shown with the session that they are in", () =>
    Effect.gen(function* () {
      yield* stocked
      const team = (yield* acted("show", "team")).printed()
      assert.deepStrictEqual(team.split("\n").slice(-6), [
        "4 sessions of agents that worked within team",
        "team/call_1    3 entries  ask team/call_1",
        "team/call_1/0  3 entries  ask team/call_1/0",
        "team/call_2    3 entries  ask team/call_2",
        "team/call_3    3 entries  ask team/call_3",
        ""
      ])
      const call = (yield* acted("show", "team/call_1")).printed()
      assert.include(call, "\n1 session of agents that worked within team/call_1\nteam/call_1/0 ")
    }).pipe(Effect.provide(ContextStore.layerMemory))
  )

  it.effect("are erased with it", () =>
    Effect.gen(function* () {
      yield* stocked
      const { asked, printed } = yield* acted("rm", "team", "team/call_2")
      assert.deepStrictEqual(asked, [
        "Erase these 2 sessions: team, team/call_2, with 3 of agents that worked within for good?"
      ])
      assert.strictEqual(printed(), "team is erased\nteam/call_2 is erased\n")
      assert.deepStrictEqual(yield* idsOf("list", "--all"), ["a/b/call_1", "a/b"])
    }).pipe(Effect.provide(ContextStore.layerMemory))
  )
})
