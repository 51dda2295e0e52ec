import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import type { AgentEvent } from "../../src/domain/AgentEvent.ts"
import type { Played, Segment } from "../support/trees.ts"
import { play } from "../support/trees.ts"
import type { Tree } from "../support/treesGenerated.ts"
import { life } from "../support/treesGenerated.ts"

const lives = Number(process.env["LIVES"] ?? 30)

const stepsOf = (tree: Tree): ReadonlyArray<Tree> => [
  tree,
  ...(tree.kind === "agent"
    ? tree.turns.flatMap((calls) => calls.flatMap(({ child }) => (child === undefined ? [] : stepsOf(child))))
    : "parts" in tree
      ? tree.parts.flatMap(({ tree }) => stepsOf(tree))
      : [])
]

const total = (events: ReadonlyArray<AgentEvent>) =>
  events.reduce((sum, event) => sum + (event._tag === "TurnEnd" ? (event.usage.inputTokens.total ?? 0) : 0), 0)

/** One run: each run in it has one beginning and one end, and ends before what it is part of. */
const checkSegment = ({ by, events, exit }: Segment) => {
  const open = new Map<string, number>()
  const stack = new Set<string>()
  let root: AgentEvent | undefined
  for (const event of events) {
    if (event._tag === "RunStart") {
      assert.isFalse(open.has(event.run), "a run begins once")
      root ??= event
      const above = event.path?.at(-1)
      if (event !== root) assert.isTrue(above !== undefined && stack.has(above.run), `${event.agent} runs in nothing`)
      stack.add(event.run)
      open.set(event.run, 0)
    }
    assert.isTrue(stack.has(event.run), `${event._tag} of a run that is not at work`)
    assert.strictEqual(event.sequence, open.get(event.run), `${event.agent} ${event._tag}`)
    open.set(event.run, event.sequence + 1)
    if (event._tag === "RunEnd") {
      stack.delete(event.run)
      const below = events
        .slice(0, events.indexOf(event))
        .filter(
          (one) => one._tag === "RunStart" && one.path?.some(({ run }) => run === event.run) && stack.has(one.run)
        )
      assert.lengthOf(below, 0, "a run ends after those in it")
    }
  }
  assert.strictEqual(stack.size, 0, "all runs have ended")
  const end = events.at(-1)
  if (end?._tag !== "RunEnd") {
    if (Exit.isSuccess(exit)) assert.fail("a run without an end")
    return
  }
  assert.strictEqual(end.run, root?.run)
  assert.strictEqual(end.usage.inputTokens.total, total(events), "the usage is that of all responses")
  if (Exit.isSuccess(exit)) {
    assert.strictEqual(exit.value.usage.inputTokens.total, total(events))
    const { pending } = exit.value
    assert.strictEqual(new Set(pending.map(({ call }) => call)).size, pending.length)
    for (const { agent, input, path } of pending) {
      assert.strictEqual(/"id":"(\S+) /.exec(JSON.stringify(input))?.[1], agent)
      assert.strictEqual(path?.[0]?.agent, "r")
      assert.isTrue(agent?.startsWith(path?.at(-1)?.agent ?? "?"))
    }
  } else if (by === "nothing") {
    assert.notInclude(JSON.stringify(exit), "ResumeRejected")
    assert.notInclude(JSON.stringify(exit), "Die")
  }
}

const check = ({ approved, connections, denied, error, logs, segments, world }: Played) => {
  for (const segment of segments) checkSegment(segment)
  assert.deepStrictEqual([world.problems, world.alive, connections], [[], 0, 0])
  for (const [call, times] of world.handled) {
    assert.strictEqual(times, 1, "a handler runs once")
    assert.isFalse(denied.has(call), "what is denied does not run")
  }
  const wasCut = segments.some(({ by, exit }) => by !== "nothing" && Exit.isFailure(exit))
  const wasKilled = segments.some(({ by, exit }) => by === "kill" && Exit.isFailure(exit))
  if (!wasCut && error === undefined) {
    for (const call of approved) assert.isTrue(world.handled.has(call), "what is allowed runs")
  }
  for (const [id, log] of logs) {
    const messages = log.flatMap((entry) => (entry._tag === "Message" ? [entry.message] : []))
    const seen = new Set<string>()
    for (const [index, message] of messages.entries()) {
      const calls = message.parts.flatMap((part) => (part.type === "tool-call" ? [part.id] : []))
      const results = message.parts.flatMap((part) => (part.type === "tool-result" ? [part.id] : []))
      for (const result of results) {
        assert.isFalse(seen.has(result), `${id}: a call has one result`)
        seen.add(result)
      }
      if (calls.length === 0) continue
      const next = messages[index + 1]?.parts.flatMap((part) => (part.type === "tool-result" ? [part.id] : []))
      // A run whose caller was cut short, or which failed beside it, leaves its questions behind.
      if (next === undefined && log.some(({ _tag }) => _tag === "Suspended")) continue
      if (!wasKilled && error === undefined) assert.deepStrictEqual(next, calls, `${id}: every call has a result`)
      else if (next !== undefined && next.length > 0) assert.deepStrictEqual(next, calls)
    }
  }
}

describe("Lives of trees of runners", () => {
  it("TR-1 TR-9 TR-10 TR-11 TR-13 TR-14 TR-16 TR-27 hold however they are cut short", async () => {
    const counts = new Map<string, number>()
    await FastCheck.assert(
      FastCheck.asyncProperty(life, async (life) => {
        const played = await Effect.runPromise(play(life))
        check(played)
        const key = `${played.outcome?.reason}/${played.error === undefined ? "" : "error"}`
        counts.set(key, (counts.get(key) ?? 0) + 1)
        // What was cut short comes to the same as what was not.
        const isSame = stepsOf(life.tree).every((tree) => tree.kind !== "agent" || tree.maxTurns === undefined)
        if (!isSame || life.cuts.length === 0) return
        const whole = await Effect.runPromise(play({ ...life, cuts: [], left: [] }))
        const what = ({ error, outcome }: Played) => [outcome?.reason, outcome?.output, error === undefined]
        if (played.error === undefined) assert.deepStrictEqual(what(played), what(whole))
        else assert.isDefined(whole.error)
      }),
      { numRuns: lives }
    )
    if (lives > 100) console.log(counts)
  }, 600_000)
})
