/**
 * Generated lives of a session under control: runs that are steered, stopped, interrupted, limited, guarded and left waiting
 * for a person, and gone on with. Whatever happens, the events of each run, the session and the books hold together.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as TestContext from "effect/TestContext"
import * as Result from "../../src/agent/Result.ts"
import * as Repair from "../../src/context/Repair.ts"
import type { Stored } from "../../src/domain/Entry.ts"
import * as Messages from "../../src/domain/Message.ts"
import * as Usage from "../../src/domain/Usage.ts"
import type { Request } from "../../src/transport/Transport.ts"
import { numRuns, timeoutMillis } from "../support/generated.ts"
import type { Life, Ran } from "../support/lives.ts"
import { isInner, life, play, worldOf } from "../support/lives.ts"

const isWord = (text: string): boolean => /^(?:steer|followUp|steers|follows)\d+$/.test(text)

const isOf = (entry: Stored, ran: Ran | undefined): boolean =>
  entry._tag !== "Unreadable" && entry._tag !== "Usage" && entry._tag !== "Marker" && entry.run === ran?.events[0]?.run

/** The events of one run. */
const checkEvents = (
  { events, exit }: Ran,
  log: ReadonlyArray<Stored>,
  nested: ReadonlyArray<{ readonly run: string; readonly usage: Usage.Usage }>
): void => {
  const first = events[0]
  const end = events.at(-1)
  // RUN-2 numbers without gaps, one beginning and one end.
  assert.deepStrictEqual(
    events.map(({ sequence }) => sequence),
    events.map((_, index) => index)
  )
  assert(first !== undefined && end !== undefined, "no events")
  assert.strictEqual(first._tag, "RunStart")
  assert.strictEqual(end._tag, "RunEnd")
  assert.strictEqual(events.filter(({ _tag }) => _tag === "RunEnd").length, 1)
  // Turns begin and end in pairs; what an earlier run left waiting ends before the first.
  let open: number | undefined
  for (const event of events) {
    if (event._tag === "TurnStart") {
      assert.isUndefined(open, "a turn begins in a turn")
      open = event.turn
    }
    if (event._tag === "TurnEnd") {
      assert.strictEqual(event.turn, open ?? 0)
      open = undefined
    }
  }
  assert.isUndefined(open, "a turn has no end")
  // RUN-1
  if (Exit.isSuccess(exit)) {
    const folded = Result.fromEvents(events)
    assert.deepInclude({ ...folded, output: undefined }, { ...exit.value, output: undefined })
  }
  // TURN-1 CALL-1
  const reasons = new Map(events.flatMap((event) => (event._tag === "TurnEnd" ? [[event.turn, event.reason]] : [])))
  const ended = events.flatMap((event) => (event._tag === "ToolEnd" ? [event.call] : []))
  const started = events.flatMap((event) => (event._tag === "ToolStart" ? [event.call] : []))
  assert.strictEqual(new Set(ended).size, ended.length)
  assert.strictEqual(new Set(started).size, started.length)
  for (const call of started) assert.include(ended, call)
  for (const event of events) {
    if (event._tag === "ToolStart") assert.include(["stop", "tool-calls"], reasons.get(event.turn))
  }
  // RUN-7
  const own = log.filter((entry) => entry._tag !== "Unreadable" && entry.run === end.run)
  const paid = own.flatMap((entry) => (entry._tag === "Usage" ? [entry.usage] : []))
  for (const { run, usage } of nested) if (run === end.run) paid.push(usage)
  assert.deepStrictEqual(paid.reduce(Usage.sum, Usage.zero), end._tag === "RunEnd" ? end.usage : undefined)
}

const checkLog = (log: ReadonlyArray<Stored>, handled: ReadonlyArray<string>): void => {
  const committed = log.filter((entry) => entry._tag === "Message")
  const decisions = log.filter((entry) => entry._tag === "Decision")
  assert.strictEqual(new Set(log.map(({ id }) => id)).size, log.length)
  // CALL-1 every call has one result, right behind it, but those that wait at the end.
  let answered = 0
  for (const [index, { message }] of committed.entries()) {
    const calls = Messages.toolCalls(message)
    if (calls.length === 0) continue
    const next = committed[index + 1]
    if (next === undefined) {
      assert.isTrue(
        log.some(({ _tag }) => _tag === "Suspended"),
        "calls without results"
      )
      continue
    }
    answered++
    const results = next.message.parts.flatMap((part) => (part.type === "tool-result" ? [part] : []))
    assert.deepStrictEqual(
      results.map(({ id }) => id),
      calls.map(({ id }) => id)
    )
    for (const [place, { id, outcome }] of results.entries()) {
      const fate = /"fate":"(\w+)"/.exec(calls[place]?.input ?? "")?.[1] ?? ""
      const decision = decisions.findLast(({ call }) => call === id)
      const ran = handled.filter((call) => call === id).length
      assert.isAtMost(ran, 1, `${fate} ran twice`)
      if (["yes", "no", "later"].includes(fate) && ran > 0) assert.isTrue(decision?.approved, "ran without a yes")
      if (fate === "deny" || fate === "no") assert.strictEqual(ran, 0)
      if (outcome === "ok") assert.strictEqual(ran, 1)
      if (decision?.approved === false) assert.notStrictEqual(outcome, "ok")
      if (outcome === "denied") assert.isTrue(fate === "deny" || decision?.approved === false, `${fate} denied`)
    }
  }
  assert.strictEqual(committed.filter(({ message }) => message.role === "tool").length, answered)
}

const checkRequests = (requests: ReadonlyArray<Request>, life: Life): void => {
  const own = requests.filter((request) => !isInner(request))
  const said = (request: Request | undefined) =>
    (request?.messages ?? []).flatMap(({ parts, role }) => parts.map((part) => ({ role, part })))
  const summaryOf = (request: Request | undefined) => /summary \d+/.exec(JSON.stringify(request?.messages ?? []))?.[0]
  for (const [index, request] of own.entries()) {
    assert.strictEqual(Repair.repair(request.messages), request.messages)
    const before = own[index - 1]
    if (summaryOf(request) === summaryOf(before)) {
      assert.deepStrictEqual(said(request).slice(0, said(before).length), said(before))
    }
    if (life.isGuarded) assert.notInclude(JSON.stringify(request.messages), "poison")
  }
}

const check = (life: Life) =>
  Effect.gen(function* () {
    const { accepted, connections, handled, log, nested, requests, runs, stands, window } = yield* play(life)
    for (const ran of runs) checkEvents(ran, log, nested)
    checkLog(log, handled)
    checkRequests(requests, life)
    assert.strictEqual(connections, 0)
    assert.strictEqual(Repair.repair(window.messages), window.messages)
    // RUN-6 what is in the books is what was sent.
    const counted = stands.find(({ limit }) => limit === "budgetRequests")
    if (counted !== undefined) assert.isAtLeast(counted.actual, 0)
    // Each accepted word is in the session once, or waits in it.
    const messages = log.flatMap((entry) => (entry._tag === "Message" ? [Messages.toText(entry.message)] : []))
    const heard = messages.filter(isWord)
    const waits = (window.queued ?? []).flatMap(({ messages }) => messages.map(Messages.toText)).filter(isWord)
    // But for those of a run that was halted before it had the session.
    const kept = accepted.filter(({ run }) => log.some((entry) => isOf(entry, runs[run])))
    assert.deepStrictEqual([...heard, ...waits].sort(), kept.map(({ word }) => word).sort())
    // The entries of a run are the messages of its result.
    for (const { events } of runs) {
      const folded = Result.fromEvents(events)
      if (folded === undefined || ["interrupted", "error", "blocked"].includes(folded.reason)) continue
      const own = log.flatMap((entry) => (entry._tag === "Message" && entry.run === folded.run ? [entry.message] : []))
      // Words that joined a turn that could not begin are told by no event.
      // Those that a run has to keep for another one stand in no message of it.
      if (!events.some(({ _tag }) => _tag === "TurnStart") && folded.reason !== "completed") continue
      const told = own.slice(0, folded.messages.length)
      assert.deepStrictEqual(folded.messages, told, folded.reason)
      for (const { role } of own.slice(told.length)) assert.strictEqual(role, "user")
    }
  }).pipe(Effect.provide(worldOf(life)), Effect.provide(TestContext.TestContext))

describe("Generated lives under control", () => {
  it(
    "RUN-1 RUN-2 RUN-3 RUN-6 RUN-7 TURN-1 TURN-2 CALL-1 CALL-9 HIST-1 hold whatever happens",
    async () => {
      await FastCheck.assert(
        FastCheck.asyncProperty(life, (life) => Effect.runPromise(check(life))),
        { numRuns: numRuns(35), endOnFailure: false }
      )
    },
    timeoutMillis
  )
})
