/**
 * What tests of hooks need: all hooks by name, records that have every hook, and a world in which two runs are the same.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import { Activities, direct } from "../../src/agent/Activities.ts"
import * as Agent from "../../src/agent/Agent.ts"
import * as Identity from "../../src/context/Identity.ts"
import { SessionId } from "../../src/domain/Ids.ts"
import * as Hooks from "../../src/hook/Hooks.ts"
import type * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import * as Trace from "../../src/testing/Trace.ts"
import { world } from "./runs.ts"

export type Name = keyof Hooks.Service

type Interceptor = Hooks.HookRejected["hook"]

/** All hooks: those that change something, and those that only watch. */
const changing = { turnStart: true, toolStart: true, toolEnd: true } satisfies Record<Interceptor, true>
const watching = {
  ...{ runStart: true, runEnd: true, turnEnd: true, modelStart: true, modelEnd: true, modelError: true },
  ...{ toolError: true, guardVerdict: true, messageGuarded: true, approvalAsked: true, approvalDecided: true },
  ...{ outputRejected: true, contextOverflow: true, compactionStart: true, compacted: true },
  ...{ compactionFailed: true, messageDropped: true, limitWarning: true, limitReached: true, retrying: true },
  ...{ turnRestarted: true, stop: true, error: true, storeRead: true, storeWrite: true, events: true }
} satisfies Record<Exclude<Name, Interceptor>, true>

export const interceptors = Object.keys(changing) as ReadonlyArray<Interceptor>
export const observers = Object.keys(watching) as ReadonlyArray<Exclude<Name, Interceptor>>
export const names: ReadonlyArray<Name> = [...interceptors, ...observers]

export type Seen = Array<readonly [name: Name, event: unknown]>

/** A record that has these hooks, of one behaviour. */
export const record = (
  which: ReadonlyArray<Name>,
  hook: (name: Name, event: unknown) => Effect.Effect<never> | Effect.Effect<void>
): Hooks.Service => Object.fromEntries(which.map((name) => [name, (event: unknown) => hook(name, event)]))

/** A record that remembers what it is told. */
export const recorder = (which: ReadonlyArray<Name> = names) => {
  const seen: Seen = []
  return { seen, hooks: record(which, (name, event) => Effect.sync(() => void seen.push([name, event]))) }
}

/** What was told to one hook. */
export const toldTo = (seen: Seen, hook: Name): ReadonlyArray<unknown> =>
  seen.flatMap(([name, event]) => (name === hook ? [event] : []))

export const session = SessionId.make("s")
export const identity = { userId: "ada", chatId: "c1" }
export const where = (turn: number) => ({ run: "run_1", session, agent: "a", turn, identity })

/** A world in which two runs are the same: ids count, and pauses between attempts are none. */
export const on = (script: ScriptedTransport.Script) => {
  const ids = Layer.sync(Activities, () => {
    let next = 0
    return { ...direct, sleep: () => Effect.void, id: (prefix) => Effect.sync(() => `${prefix}_${++next}`) }
  })
  return Layer.mergeAll(world(script), ids, Identity.layer(identity))
}

/** Runs an agent with nothing but these hooks, to whatever end. */
export const played = <E, R>(
  who: Agent.Agent<unknown, E, R>,
  hooks: Hooks.Service,
  options: Parameters<typeof Agent.stream>[2] = {}
) => Trace.exit(Agent.stream(who, "go", { session, ...options })).pipe(Effect.provideService(Hooks.Hooks, hooks))

/** Runs, and collects what is logged meanwhile: level, first message, and which hook it is about. */
export const logged = <A, E, R>(effect: Effect.Effect<A, E, R>) => {
  const lines: Array<string> = []
  const logger = Logger.make(({ annotations, logLevel, message }) =>
    lines.push(
      `${logLevel.label} ${[message].flat()[0]} [${String([...annotations].find(([key]) => key === "hook")?.[1])}]`
    )
  )
  return Effect.map(Effect.provide(effect, Logger.replace(Logger.defaultLogger, logger)), (value) => ({ value, lines }))
}
